//! YAML as ruamel.yaml's safe loader reads it, by which the official CLI reads all its documents. Where its commands differ
//! among themselves, a [`Dialect`] says how.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::SET;
use super::scalar::{Scalar, is_time, resolve};
use crate::command::json;
use crate::format::python_text;
use crate::value::{Map, Value};

/// How deep lists and mappings may be nested.
const MAX_DEPTH: usize = 200;
/// How many values a document may have. What is referred to counts as often as it is.
const MAX_VALUES: usize = 100_000;
/// What the names of YAML's own tags begin with.
const CORE: &str = "tag:yaml.org,2002:";
const SET_TAG: &str = "tag:yaml.org,2002:set";

/// What a document is for, which decides where the official CLI's commands read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Parameters and specifications: a key that comes twice is a mistake.
    Plain,
    /// Items of tables: as parameters, but numbers keep their digits, and there are sets.
    Items,
    /// A configuration: of keys that come twice the last counts.
    Config,
    /// A template of CloudFormation: as a configuration, but its tags are functions, such as `!Sub`, and the words for yes
    /// and no of YAML 1.1 are truth values.
    Template,
}

impl Dialect {
    fn has_repeated_keys(self) -> bool {
        matches!(self, Self::Config | Self::Template)
    }
}

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its value. Keys are texts in it, whatever they are in the text.
    pub value: Value,
    /// Keys that are no texts: their place, such as `.Tags[0] (key: 5)`, and the name of their type in Python.
    pub keys: HashMap<String, &'static str>,
}

/// Why a text is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It is no YAML, or has in it what is not allowed, such as `a: !unknown b`. Says what is wrong and where.
    #[error("{0}")]
    Invalid(String),
    /// A value is not what it looks like, such as `2020-13-01`. In Python's words.
    #[error("{0}")]
    Value(String),
}

/// Reads the one document of a text. A text without one holds null.
///
/// # Errors
/// When it holds several or is invalid, or goes beyond the bounds of size and depth.
pub fn read(text: &str, dialect: Dialect) -> Result<Document, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some((position, character)) = text.chars().enumerate().find(|(_, one)| !is_allowed(*one)) {
        return Err(YamlError::Invalid(format!(
            "unacceptable character #x{:04x}: special characters are not allowed\n  in \"<unicode string>\", position {position}",
            u32::from(character)
        )));
    }
    let mut reader = Reader {
        dialect,
        events: Parser::new_from_str(text),
        at: Marker::default(),
        anchors: HashMap::new(),
        values: 0,
        path: String::new(),
        keys: HashMap::new(),
    };
    let value = reader.document()?;
    Ok(Document { value, keys: reader.keys })
}

/// Reads a text that may be JSON as well, which is then read as such.
///
/// # Errors
/// As [`read`].
pub fn read_or_json(text: &str, dialect: Dialect) -> Result<Value, YamlError> {
    match json::parse(text) {
        Ok(value) => Ok(value),
        Err(_) => read(text, dialect).map(|document| document.value),
    }
}

/// Which characters may stand in YAML at all.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

struct Reader<'a> {
    dialect: Dialect,
    events: Parser<'a, StrInput<'a>>,
    /// Where the last event began.
    at: Marker,
    /// What can be referred to, and of how many values it is.
    anchors: HashMap<usize, (Value, usize)>,
    values: usize,
    /// Where the current value is, as in messages about parameters.
    path: String,
    keys: HashMap<String, &'static str>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, YamlError> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                self.at = span.start;
                Ok(event)
            }
            Some(Err(error)) => {
                self.at = *error.marker();
                Err(self.invalid(error.info()))
            }
            None => Err(self.invalid("found unexpected end of stream")),
        }
    }

    /// What is wrong at the last event.
    fn invalid(&self, what: &str) -> YamlError {
        let (line, column) = (self.at.line(), self.at.col() + 1);
        YamlError::Invalid(format!("{what}\n  in \"<unicode string>\", line {line}, column {column}"))
    }

    fn document(&mut self) -> Result<Value, YamlError> {
        let mut value = None;
        loop {
            match self.next()? {
                Event::StreamEnd => return Ok(value.unwrap_or(Value::Null)),
                Event::DocumentStart(_) if value.is_none() => {
                    let first = self.next()?;
                    value = Some(self.node(first, 0)?);
                }
                Event::DocumentStart(_) => {
                    return Err(self.invalid("expected a single document in the stream"));
                }
                _ => {}
            }
        }
    }

    /// Counts values against the limit.
    fn count(&mut self, values: usize) -> Result<(), YamlError> {
        self.values += values;
        if self.values > MAX_VALUES { Err(self.invalid("there are too many values")) } else { Ok(()) }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Value, YamlError> {
        self.count(1)?;
        if depth > MAX_DEPTH {
            return Err(self.invalid("it is nested too deeply"));
        }
        let before = self.values;
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let Some((value, count)) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.invalid("found undefined alias"));
                };
                self.count(count)?;
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, self.scalar(&text, style, tag.as_deref().map(name_of))?)
            }
            Event::SequenceStart(anchor, tag) => {
                let function = self.function(tag.as_deref().map(name_of), "seq")?;
                (anchor, call(function, self.sequence(depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                let tag = tag.as_deref().map(name_of);
                if self.dialect == Dialect::Items && tag.as_deref() == Some(SET_TAG) {
                    (anchor, self.set(depth)?)
                } else {
                    let function = self.function(tag, "map")?;
                    (anchor, call(function, self.mapping(depth)?))
                }
            }
            _ => return Err(self.invalid("expected a value")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), self.values - before));
        }
        Ok(value)
    }

    /// The function that a tag of a list or mapping is, if it is one. `kind` is the tag that it has anyway.
    fn function(&self, tag: Option<String>, kind: &str) -> Result<Option<String>, YamlError> {
        let Some(tag) = tag.filter(|tag| tag != "!") else { return Ok(None) };
        let node = |kind: &str| if kind == "seq" { "sequence" } else { "mapping" };
        match tag.strip_prefix(CORE) {
            Some(core) if core == kind => Ok(None),
            Some(core @ ("seq" | "map")) => {
                Err(self.invalid(&format!("expected a {} node, but found {}", node(core), node(kind))))
            }
            Some(_) => Err(self.unknown(&tag)),
            None => self.function_named(&tag).map(Some),
        }
    }

    fn function_named(&self, tag: &str) -> Result<String, YamlError> {
        match tag.strip_prefix('!').filter(|_| self.dialect == Dialect::Template) {
            Some(name @ ("Ref" | "Condition")) => Ok(name.to_owned()),
            Some(name) => Ok(format!("Fn::{name}")),
            None => Err(self.unknown(tag)),
        }
    }

    fn unknown(&self, tag: &str) -> YamlError {
        self.invalid(&format!("could not determine a constructor for the tag '{tag}'"))
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        let above = self.path.len();
        loop {
            let event = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::List(items));
            }
            self.path.push_str(&format!("[{}]", items.len()));
            items.push(self.node(event, depth + 1)?);
            self.path.truncate(above);
        }
    }

    /// The keys of a mapping to nothing, in the form that [`SET`] marks.
    fn set(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Map(Map::from([(SET.to_owned(), Value::List(items))])));
            }
            items.push(self.node(event, depth + 1)?);
            let nothing = self.next()?;
            self.node(nothing, depth + 1)?;
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, YamlError> {
        let (mut merged, mut own, mut seen, mut repeats) = (None, Map::new(), HashSet::new(), false);
        let above = self.path.len();
        loop {
            let event = self.next()?;
            let plain = match &event {
                Event::MappingEnd => break,
                Event::Scalar(text, ScalarStyle::Plain, _, None) => Some(resolve(text)),
                _ => None,
            };
            if plain == Some(Scalar::Merge) {
                if merged.is_some() {
                    return Err(self.invalid("found duplicate merge key \"<<\""));
                }
                let event = self.next()?;
                let value = self.node(event, depth + 1)?;
                merged = Some(self.merged(value)?);
                continue;
            }
            let key = match event {
                Event::Scalar(text, ..) if plain == Some(Scalar::Default) => Value::Str(text.into_owned()),
                event => self.node(event, depth + 1)?,
            };
            let name = self.key(&key)?;
            repeats |= !seen.insert((key.python_type(), name.clone()));
            self.path.push_str(&format!(".{name}"));
            let event = self.next()?;
            own.insert(name, self.node(event, depth + 1)?);
            self.path.truncate(above);
        }
        if repeats && merged.is_none() && !self.dialect.has_repeated_keys() {
            return Err(self.invalid("while constructing a mapping\nfound duplicate key"));
        }
        let mut map: Map = merged.unwrap_or_default();
        map.extend(own);
        Ok(Value::Map(map))
    }

    /// What the value of the key `<<` brings into a mapping. Of several mappings the first has the last word.
    fn merged(&self, value: Value) -> Result<Map, YamlError> {
        let maps = match value {
            Value::Map(map) => return Ok(map),
            Value::List(maps) => maps,
            _ => return Err(self.invalid("expected a mapping or list of mappings for merging")),
        };
        let mut all = Map::new();
        for map in maps.into_iter().rev() {
            let Value::Map(map) = map else {
                return Err(self.invalid("expected a mapping for merging"));
            };
            all.extend(map);
        }
        Ok(all)
    }

    /// A key as a text.
    fn key(&mut self, key: &Value) -> Result<String, YamlError> {
        let has_repeated_keys = self.dialect.has_repeated_keys();
        match key {
            Value::Str(text) => return Ok(text.clone()),
            Value::List(_) if has_repeated_keys => {
                return Err(YamlError::Value("unhashable type: 'list'".to_owned()));
            }
            Value::Map(_) if has_repeated_keys => {
                return Err(YamlError::Value("unhashable type: 'collections.OrderedDict'".to_owned()));
            }
            Value::Map(_) => return Err(self.invalid("found unhashable key")),
            _ => {}
        }
        let name = match key {
            Value::Null if has_repeated_keys => "null".to_owned(),
            Value::Bool(value) if has_repeated_keys => value.to_string(),
            key => python_text(key),
        };
        self.keys.insert(format!("{} (key: {name})", self.path), key.python_type());
        Ok(name)
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<String>) -> Result<Value, YamlError> {
        let is_open = tag.as_deref() == Some("!");
        let Some(tag) = tag.filter(|_| !is_open) else {
            return match style {
                ScalarStyle::Plain if !(is_open && text.is_empty()) => self.plain(text),
                _ => Ok(Value::Str(text.to_owned())),
            };
        };
        let kind = match tag.strip_prefix(CORE) {
            Some("str") => Scalar::Text,
            Some("null") => Scalar::Null,
            Some("bool") => Scalar::Bool,
            Some("int") => Scalar::Int,
            Some("float") => Scalar::Float,
            Some("timestamp") => Scalar::Time,
            Some("binary") => {
                let digits: String = text.split_ascii_whitespace().collect();
                let bytes = STANDARD.decode(digits).map(Value::Bytes);
                return bytes.map_err(|_| self.invalid("failed to decode base64 data: Incorrect padding"));
            }
            Some("seq") => return Err(self.invalid("expected a sequence node, but found scalar")),
            Some("map") => return Err(self.invalid("expected a mapping node, but found scalar")),
            Some(_) => return Err(self.unknown(&tag)),
            None => {
                let function = self.function_named(&tag)?;
                let word = |word: &str| Value::Str(word.to_owned());
                let argument = match function.as_str() {
                    // `Resource.Attribute` is short for a list of both.
                    "Fn::GetAtt" => Value::List(text.splitn(2, '.').map(word).collect()),
                    _ => word(text),
                };
                return Ok(call(Some(function), argument));
            }
        };
        self.value(kind, text)
    }

    /// A text without quotes and tag.
    fn plain(&self, text: &str) -> Result<Value, YamlError> {
        let kind = match resolve(text) {
            Scalar::Text if self.dialect == Dialect::Template && is_old_truth(text) => Scalar::Bool,
            kind => kind,
        };
        self.value(kind, text)
    }

    fn value(&self, kind: Scalar, text: &str) -> Result<Value, YamlError> {
        match kind {
            Scalar::Merge => Err(self.unknown("tag:yaml.org,2002:merge")),
            Scalar::Default => Err(self.unknown("tag:yaml.org,2002:value")),
            Scalar::Time if !is_time(text) => {
                Err(self.invalid(&format!("failed to construct timestamp from \"{text}\"")))
            }
            kind => match kind.value(text).map_err(YamlError::Value)? {
                Value::Float(number) if self.dialect == Dialect::Items && number.is_finite() => {
                    Ok(Value::BigInt(text.to_owned()))
                }
                value => Ok(value),
            },
        }
    }
}

/// Whether a text is one of the words that YAML 1.1 takes for yes and no.
fn is_old_truth(text: &str) -> bool {
    ["yes", "Yes", "YES", "on", "On", "ON", "no", "No", "NO", "off", "Off", "OFF"].contains(&text)
}

/// A tag in full.
fn name_of(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

/// What a function of CloudFormation with its argument is in JSON; without a function the argument alone.
fn call(function: Option<String>, argument: Value) -> Value {
    match function {
        Some(name) => Value::Map(Map::from([(name, argument)])),
        None => argument,
    }
}

#[cfg(test)]
mod tests {
    use time::{Date, Month};

    use super::*;
    use crate::format::compact_ascii_json;
    use crate::value::Timestamp;

    fn text(text: &str) -> Value {
        Value::Str(text.to_owned())
    }

    /// The values are those that the official CLI 2.38.5 takes the same texts for.
    #[test]
    fn plain_texts_stand_for_values() {
        let cases = [
            ("yes", text("yes")),
            ("TRUE", Value::Bool(true)),
            ("~", Value::Null),
            ("''", text("")),
            ("190:20:30", text("190:20:30")),
            ("017", Value::Int(17)),
            ("0o17", Value::Int(15)),
            ("-0x1f", Value::Int(-31)),
            ("0b11", Value::Int(3)),
            ("1_000", Value::Int(1000)),
            ("12345678901234567890123", Value::BigInt("12345678901234567890123".to_owned())),
            ("1e3", Value::Float(1000.0)),
            ("-.5", Value::Float(-0.5)),
            ("-.inf", Value::Float(f64::NEG_INFINITY)),
            ("!!str 5", text("5")),
            ("!!int '5'", Value::Int(5)),
            ("!!float 5", Value::Float(5.0)),
            ("!!bool yes", Value::Bool(true)),
            ("!!binary aGk=", Value::Bytes(b"hi".to_vec())),
            ("2020-01-02", Value::Date(Date::from_calendar_date(2020, Month::January, 2).unwrap())),
            ("", Value::Null),
        ];
        for (yaml, value) in cases {
            assert_eq!(read(yaml, Dialect::Plain).map(|document| document.value), Ok(value), "{yaml}");
        }
        for (yaml, micros) in [
            ("2020-01-01 10:11:12.5 +02:00", 1_577_866_272_500_000),
            ("2020-01-01T01:02:03.123456789Z", 1_577_840_523_123_457),
            ("2020-1-1 1:02:03 -5", 1_577_858_523_000_000),
        ] {
            let Ok(Value::Timestamp(Timestamp(time))) =
                read(yaml, Dialect::Plain).map(|document| document.value)
            else {
                panic!("{yaml} is a time")
            };
            assert_eq!(time.unix_timestamp_nanos() / 1000, micros, "{yaml}");
        }
    }

    #[test]
    fn mappings_are_merged_and_referred_to() {
        for (yaml, json) in [
            ("a: &x [1, {b: c}]\nd: *x", r#"{"a":[1,{"b":"c"}],"d":[1,{"b":"c"}]}"#),
            ("<<: {a: 1, b: 2}\na: 3", r#"{"a":3,"b":2}"#),
            ("<<: [{a: 1}, {a: 2, b: 2}]", r#"{"a":1,"b":2}"#),
            ("a: |\n  b\n  c\n", r#"{"a":"b\nc\n"}"#),
            ("# nothing", "null"),
        ] {
            let value = Value::from_json(&serde_json::from_str(json).unwrap());
            assert_eq!(read(yaml, Dialect::Plain).map(|document| document.value), Ok(value), "{yaml}");
        }
        let keys = read("a: [{5: x}]\nb: {}", Dialect::Plain).unwrap().keys;
        assert_eq!(keys, HashMap::from([(".a[0] (key: 5)".to_owned(), "int")]));
    }

    #[test]
    fn what_is_not_allowed_is_invalid() {
        let bomb = (1..9).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
            let above = format!("*a{},", level - 1).repeat(20);
            format!("{text}a{level}: &a{level} [{above}]\n")
        });
        let deep = "[".repeat(100_000);
        for yaml in [
            "a: b: c",
            "a: \"x",
            "a: 1\na: 2",
            "a: *x",
            "a: &x [*x]",
            "a: =",
            "a: <<",
            "a: !x y",
            "--- a\n--- b",
            "\u{7}",
            "!!timestamp x",
            "2020-13-01",
            &bomb,
            &deep,
        ] {
            for dialect in [Dialect::Plain, Dialect::Items, Dialect::Config, Dialect::Template] {
                let is_fine = yaml == "a: 1\na: 2" && dialect.has_repeated_keys()
                    || yaml == "a: !x y" && dialect == Dialect::Template;
                assert_eq!(read(yaml, dialect).is_ok(), is_fine, "{:.40}", yaml);
            }
        }
    }

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
            ("a: 1\na: 2", r#"{"a":2}"#),
            ("a: {'<<': {b: 1}}", r#"{"a":{"<<":{"b":1}}}"#),
            ("a: ! 5\nb: _1\nc: !", r#"{"a":5,"b":"_1","c":""}"#),
            ("a: [0x1FFFFFFFFFFFFFFFFFFFF, -0b1_0]", r#"{"a":[2417851639229258349412351,-2]}"#),
            ("", "null"),
        ] {
            let document = read(text, Dialect::Template).unwrap();
            assert_eq!(compact_ascii_json(&document.value), value, "{text}");
        }
        let config = read("a: [yes]\na: [no]", Dialect::Config).unwrap();
        assert_eq!(compact_ascii_json(&config.value), r#"{"a":["no"]}"#);
    }

    #[test]
    fn items_keep_their_digits_and_sets() {
        let item = read("a: 1.10\nb: !!set {x, 2}", Dialect::Items).unwrap().value;
        assert_eq!(item.get("a"), Some(&Value::BigInt("1.10".to_owned())));
        assert_eq!(
            item.get("b").and_then(|set| set.get(SET)),
            Some(&Value::List(vec![text("x"), Value::Int(2)]))
        );
    }

    #[test]
    fn mistakes_are_told_in_the_official_words() {
        let place =
            |what: &str, column: usize| format!("{what}\n  in \"<unicode string>\", line 1, column {column}");
        for (yaml, dialect, message) in [
            ("a: !Ref b", Dialect::Config, place("could not determine a constructor for the tag '!Ref'", 4)),
            (
                "a: =",
                Dialect::Template,
                place("could not determine a constructor for the tag 'tag:yaml.org,2002:value'", 4),
            ),
            ("a: !!seq {b: 1}", Dialect::Plain, place("expected a sequence node, but found mapping", 4)),
            ("a: !!timestamp x", Dialect::Plain, place("failed to construct timestamp from \"x\"", 4)),
            (
                "a: \u{7}",
                Dialect::Plain,
                "unacceptable character #x0007: special characters are not allowed\n  in \"<unicode string>\", position 3"
                    .to_owned(),
            ),
        ] {
            assert_eq!(read(yaml, dialect), Err(YamlError::Invalid(message)), "{yaml}");
        }
        for (yaml, dialect, message) in [
            ("a: 2020-13-01", Dialect::Template, "month must be in 1..12, not 13"),
            ("a: 2020-01-01 25:00:00", Dialect::Plain, "hour must be in 0..23, not 25"),
            ("a: !!int 1.5", Dialect::Plain, "invalid literal for int() with base 10: '1.5'"),
            ("a: !!bool x", Dialect::Items, "'x'"),
            ("[1]: a", Dialect::Config, "unhashable type: 'list'"),
        ] {
            assert_eq!(read(yaml, dialect), Err(YamlError::Value(message.to_owned())), "{yaml}");
        }
    }
}
