//! YAML documents as the official CLI reads them: the scalars of YAML 1.2, anchors and merged mappings, and in templates
//! the short forms of CloudFormation's functions, such as `!Sub`.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::command::json::MAX_DEPTH;
use crate::command::{json, values};
use crate::timestamp;
use crate::value::{Map, Timestamp, Value};
use crate::yaml::SET;

/// How many values a document may have once its aliases are written out: a short text can stand for a great many.
const MAX_VALUES: usize = 200_000;

/// Reads a template or another document: JSON, or else YAML. `functions`: tags are CloudFormation's functions, and
/// the words for yes and no of YAML 1.1 are truth values. The error says what is wrong and where.
pub fn parse(text: &str, functions: bool) -> Result<Value, String> {
    match json::parse(text) {
        Ok(value) => Ok(value),
        Err(_) => parse_yaml(text, functions),
    }
}

/// Reads a document as YAML even if it is JSON, too.
pub fn parse_yaml(text: &str, functions: bool) -> Result<Value, String> {
    read(text, functions, false)
}

/// Reads items of tables: numbers keep their digits, and there are bytes and [sets](SET).
pub fn parse_items(text: &str) -> Result<Value, String> {
    read(text, false, true)
}

fn read(text: &str, functions: bool, items: bool) -> Result<Value, String> {
    let mut reader =
        Reader { functions, items, values: 0, stack: Vec::new(), anchors: HashMap::new(), document: None };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, _)) => reader.event(event)?,
            Err(error) => {
                let at = error.marker();
                return Err(format!(
                    "{}\n  in \"<unicode string>\", line {}, column {}",
                    error.info(),
                    at.line(),
                    at.col() + 1
                ));
            }
        }
    }
    Ok(reader.document.unwrap_or(Value::Null))
}

/// A list or mapping that is not complete.
struct Open {
    anchor: usize,
    tag: Option<String>,
    kind: Kind,
}

enum Kind {
    List(Vec<Value>),
    /// What there is so far, what is merged into it, and the key whose value comes next.
    Map(Map, Map, Option<String>),
    /// What is in it so far, and whether the nothing under the last one comes next.
    Set(Vec<Value>, bool),
}

struct Reader {
    functions: bool,
    items: bool,
    values: usize,
    stack: Vec<Open>,
    /// The values that aliases stand for, with how many values each has in it.
    anchors: HashMap<usize, (Value, usize)>,
    document: Option<Value>,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| name(&tag));
                let value = self.scalar(&text, style, tag.as_deref())?;
                self.node(value, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.open(anchor, tag.as_deref(), Kind::List(Vec::new())),
            Event::MappingStart(anchor, tag)
                if self.items && tag.as_deref().is_some_and(|tag| name(tag) == SET_TAG) =>
            {
                self.open(anchor, None, Kind::Set(Vec::new(), false))
            }
            Event::MappingStart(anchor, tag) => {
                self.open(anchor, tag.as_deref(), Kind::Map(Map::new(), Map::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.stack.pop() else { return Ok(()) };
                let value = match open.kind {
                    Kind::List(items) => Value::List(items),
                    Kind::Set(items, _) => Value::Map(Map::from([(SET.to_owned(), Value::List(items))])),
                    // What is merged comes first, and what stands in the mapping itself counts.
                    Kind::Map(own, mut all, _) => {
                        all.extend(own);
                        Value::Map(all)
                    }
                };
                let value = self.tagged(value, open.tag.as_deref())?;
                self.node(value, open.anchor)
            }
            Event::Alias(anchor) => {
                let Some((value, count)) = self.anchors.get(&anchor).cloned() else {
                    return Err("found undefined alias".to_owned());
                };
                self.count(count)?;
                self.node(value, 0)
            }
            Event::DocumentStart(_) if self.document.is_some() => {
                Err("expected a single document in the stream".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, tag: Option<&Tag>, kind: Kind) -> Result<(), String> {
        if self.stack.len() >= MAX_DEPTH {
            return Err("Nested too deeply".to_owned());
        }
        self.stack.push(Open { anchor, tag: tag.map(name), kind });
        Ok(())
    }

    fn count(&mut self, values: usize) -> Result<(), String> {
        self.values += values;
        if self.values > MAX_VALUES { Err("Too many values".to_owned()) } else { Ok(()) }
    }

    /// Puts a complete value where it belongs.
    fn node(&mut self, value: Value, anchor: usize) -> Result<(), String> {
        self.count(1)?;
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size(&value)));
        }
        match self.stack.last_mut().map(|open| &mut open.kind) {
            None => self.document = Some(value),
            Some(Kind::List(items)) => items.push(value),
            Some(Kind::Set(items, has_nothing)) => {
                if !*has_nothing {
                    items.push(value);
                }
                *has_nothing = !*has_nothing;
            }
            Some(Kind::Map(_, _, key @ None)) => {
                if self.items && !matches!(value, Value::Str(_)) {
                    return Err(not_a_key(&value));
                }
                *key = Some(key_text(&value)?);
            }
            Some(Kind::Map(own, merged, key)) => match key.take() {
                Some(key) if key == MERGE => merge(merged, value)?,
                Some(key) => drop(own.insert(key, value)),
                None => {}
            },
        }
        Ok(())
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&str>) -> Result<Value, String> {
        let plain = || Value::Str(text.to_owned());
        let resolve = |text: &str| match resolve(text, self.functions) {
            Value::Float(number) if self.items && number.is_finite() => Value::BigInt(text.to_owned()),
            Value::Timestamp(Timestamp(time)) if self.items && !text.contains(':') => {
                Value::Date(time.date())
            }
            value => value,
        };
        match tag {
            Some(BINARY_TAG) if self.items => {
                let bytes = values::base64(text).ok_or("Incorrect padding")?;
                Ok(Value::Bytes(bytes))
            }
            None if style == ScalarStyle::Plain => Ok(resolve(text)),
            None | Some("!" | "tag:yaml.org,2002:str") => Ok(plain()),
            Some(core) if core.starts_with("tag:yaml.org,2002:") => Ok(resolve(text)),
            tag => self.tagged(plain(), tag),
        }
    }

    /// A value with its tag.
    fn tagged(&self, value: Value, tag: Option<&str>) -> Result<Value, String> {
        let function = match tag {
            None | Some("!") => return Ok(value),
            Some(tag) if tag.starts_with("tag:yaml.org,2002:") => return Ok(value),
            Some(tag) => tag
                .strip_prefix('!')
                .filter(|_| self.functions)
                .ok_or_else(|| format!("could not determine a constructor for the tag '{tag}'"))?,
        };
        let name = match function {
            "Ref" | "Condition" => function.to_owned(),
            _ => format!("Fn::{function}"),
        };
        let value = match value {
            Value::Str(text) if function == "GetAtt" => {
                Value::List(text.splitn(2, '.').map(|part| Value::Str(part.to_owned())).collect())
            }
            value => value,
        };
        Ok(Value::Map(Map::from([(name, value)])))
    }
}

const BINARY_TAG: &str = "tag:yaml.org,2002:binary";
const SET_TAG: &str = "tag:yaml.org,2002:set";

/// What the official CLI says about an item with a key that is no text.
fn not_a_key(value: &Value) -> String {
    let shown = crate::format::python_text(value);
    format!(
        "Parameter validation failed:\nInvalid type for parameter Item (key: {shown}), value: {shown}, type: <class '{}'>, \
         valid types: <class 'str'>",
        value.python_type()
    )
}

/// The key whose value is merged into a mapping.
const MERGE: &str = "<<";

fn merge(into: &mut Map, value: Value) -> Result<(), String> {
    let maps = match value {
        Value::Map(map) => vec![map],
        // The first of several counts.
        Value::List(items) => {
            let maps = items.into_iter().rev().map(|item| match item {
                Value::Map(map) => Ok(map),
                _ => Err("expected a mapping for merging".to_owned()),
            });
            maps.collect::<Result<_, _>>()?
        }
        _ => return Err("expected a mapping or list of mappings for merging".to_owned()),
    };
    maps.into_iter().for_each(|map| into.extend(map));
    Ok(())
}

/// A key's text. Python's keys have types; a template's are read as texts.
fn key_text(value: &Value) -> Result<String, String> {
    match value {
        Value::List(_) | Value::Map(_) => Err("found unhashable key".to_owned()),
        Value::Timestamp(Timestamp(time)) => Ok(time.date().to_string()),
        Value::Null => Ok("null".to_owned()),
        Value::Bool(value) => Ok(value.to_string()),
        scalar => Ok(crate::format::python_text(scalar)),
    }
}

fn name(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

/// How many values there are in a value, itself included.
fn size(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(map) => 1 + map.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// What an unquoted text stands for.
fn resolve(text: &str, old_words: bool) -> Value {
    static INT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+)$").ok()
    });
    static FLOAT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let float = r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?)$";
        Regex::new(float).ok()
    });
    static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let time = r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$";
        Regex::new(time).ok()
    });
    let is = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(text));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" if old_words => return Value::Bool(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" if old_words => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let plain = || Value::Str(text.to_owned());
    if is(&INT) {
        return int(&text.replace('_', "")).unwrap_or_else(plain);
    }
    if is(&FLOAT) {
        return text.replace('_', "").parse().map_or_else(|_| plain(), Value::Float);
    }
    match timestamp::parse(text) {
        Some(time) if is(&TIME) => Value::Timestamp(Timestamp(time)),
        _ => plain(),
    }
}

fn int(text: &str) -> Option<Value> {
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (if text.starts_with('-') { "-" } else { "" }, digits),
        None => ("", text),
    };
    for (prefix, base) in [("0b", 2), ("0x", 16), ("0o", 8)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            return i64::from_str_radix(&format!("{sign}{digits}"), base).ok().map(Value::Int);
        }
    }
    crate::command::values::int(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::compact_ascii_json;

    /// What Python's ruamel.yaml gives with the official CLI's constructors.
    #[test]
    fn templates_are_read_with_their_short_forms() {
        for (text, value) in [
            ("a: !Ref b", r#"{"a":{"Ref":"b"}}"#),
            ("a: !Sub '${x}'", r#"{"a":{"Fn::Sub":"${x}"}}"#),
            ("a: !GetAtt b.c.d", r#"{"a":{"Fn::GetAtt":["b","c.d"]}}"#),
            ("a: !GetAtt [b, c]", r#"{"a":{"Fn::GetAtt":["b","c"]}}"#),
            ("a: !If [c, !Ref 1, {x: 0x1f}]", r#"{"a":{"Fn::If":["c",{"Ref":"1"},{"x":31}]}}"#),
            (
                "a: [yes, Off, y, ~, 1_0, 0123, 0o17, 1.5, 1e3, .5, 'x', \"1\"]",
                r#"{"a":[true,false,"y",null,10,123,15,1.5,1000.0,0.5,"x","1"]}"#,
            ),
            ("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3, m: 4}", r#"{"a":{"k":1,"l":2},"b":{"k":1,"l":3,"m":4}}"#),
            ("a: !!str 1\nb: |\n  x\n  y\n", r#"{"a":"1","b":"x\ny\n"}"#),
            ("{\"a\": [1]}", r#"{"a":[1]}"#),
            ("", "null"),
        ] {
            assert_eq!(
                parse(text, true).map(|value| compact_ascii_json(&value)).as_deref(),
                Ok(value),
                "{text}"
            );
        }
        assert_eq!(
            parse("a: [yes]", false).map(|value| compact_ascii_json(&value)).as_deref(),
            Ok(r#"{"a":["yes"]}"#)
        );
    }

    #[test]
    fn hostile_documents_end_in_errors() {
        let bomb = (0..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
            format!("{text}a{}: &a{} [*a{n}, *a{n}]\n", n + 1, n + 1)
        });
        for text in [
            &"[".repeat(100_000),
            &"- ".repeat(5000),
            bomb.as_str(),
            "a: [",
            "a: *b",
            "a: b: c",
            "{}\n---\n{}",
        ] {
            assert!(parse(text, true).is_err(), "{}", &text[..text.len().min(20)]);
        }
        assert!(parse("a: !Foo b", false).is_err());
    }
}
