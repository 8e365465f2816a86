//! YAML as ruamel.yaml's safe loader reads it, which the official CLI uses for `--cli-input-yaml`.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

use super::scalar::{Scalar, TIME, resolve};
use crate::format::python_text;
use crate::value::{Map, Timestamp, Value};

/// How deep lists and mappings may be nested.
const MAX_DEPTH: usize = 200;
/// How many values a document may have. What is referred to counts as often as it is.
const MAX_VALUES: usize = 100_000;

/// What a text holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its value. Keys are texts in it, whatever they are in the text.
    pub value: Value,
    /// Keys that are no texts: their place, such as `.Tags[0] (key: 5)`, and the name of their type in Python.
    pub keys: HashMap<String, &'static str>,
}

/// The text is no YAML, or has in it what is not allowed, such as a key that comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid YAML received.")]
pub struct InvalidYaml;

/// Reads the one document of a text. A text without one holds null.
///
/// # Errors
/// When it holds several or is invalid, or goes beyond the bounds of size and depth.
pub fn read(text: &str) -> Result<Document, InvalidYaml> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.chars().all(is_allowed) {
        return Err(InvalidYaml);
    }
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        values: 0,
        path: String::new(),
        keys: HashMap::new(),
    };
    let value = reader.document()?;
    Ok(Document { value, keys: reader.keys })
}

/// Which characters may stand in YAML at all.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    /// What can be referred to, and of how many values it is.
    anchors: HashMap<usize, (Value, usize)>,
    values: usize,
    /// Where the current value is, as in messages about parameters.
    path: String,
    keys: HashMap<String, &'static str>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, InvalidYaml> {
        match self.events.next_event() {
            Some(Ok((event, _))) => Ok(event),
            _ => Err(InvalidYaml),
        }
    }

    fn document(&mut self) -> Result<Value, InvalidYaml> {
        let mut value = None;
        loop {
            match self.next()? {
                Event::StreamEnd => return Ok(value.unwrap_or(Value::Null)),
                Event::DocumentStart(_) if value.is_none() => {
                    let first = self.next()?;
                    value = Some(self.node(first, 0)?);
                }
                Event::DocumentStart(_) => return Err(InvalidYaml),
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<Value, InvalidYaml> {
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return Err(InvalidYaml);
        }
        let before = self.values;
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let (value, count) = self.anchors.get(&anchor).ok_or(InvalidYaml)?;
                self.values += count;
                if self.values > MAX_VALUES {
                    return Err(InvalidYaml);
                }
                return Ok(value.clone());
            }
            Event::Scalar(text, style, anchor, tag) => (anchor, scalar(&text, style, tag.as_deref())?),
            Event::SequenceStart(anchor, tag) => {
                only_tag(tag.as_deref(), "seq")?;
                (anchor, self.sequence(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                only_tag(tag.as_deref(), "map")?;
                (anchor, self.mapping(depth)?)
            }
            _ => return Err(InvalidYaml),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), self.values - before));
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, InvalidYaml> {
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

    fn mapping(&mut self, depth: usize) -> Result<Value, InvalidYaml> {
        let (mut merged, mut own) = (Vec::new(), Vec::new());
        let above = self.path.len();
        loop {
            let event = self.next()?;
            let is_merge = match &event {
                Event::MappingEnd => break,
                Event::Scalar(text, ScalarStyle::Plain, _, None) => resolve(text) == Scalar::Merge,
                _ => false,
            };
            if is_merge {
                let event = self.next()?;
                // Of several mappings the first has the last word.
                match self.node(event, depth + 1)? {
                    Value::Map(map) => merged.push(map),
                    Value::List(maps) => {
                        let maps = maps.into_iter().rev().map(|map| match map {
                            Value::Map(map) => Ok(map),
                            _ => Err(InvalidYaml),
                        });
                        merged.extend(maps.collect::<Result<Vec<_>, _>>()?);
                    }
                    _ => return Err(InvalidYaml),
                }
                continue;
            }
            let key = match event {
                Event::Scalar(text, ScalarStyle::Plain, _, None) if resolve(&text) == Scalar::Default => {
                    Value::Str(text.into_owned())
                }
                event => self.node(event, depth + 1)?,
            };
            let name = python_text(&key);
            if !matches!(key, Value::Str(_)) {
                self.keys.insert(format!("{} (key: {name})", self.path), key.python_type());
            }
            self.path.push_str(&format!(".{name}"));
            let event = self.next()?;
            own.push((name, self.node(event, depth + 1)?));
            self.path.truncate(above);
        }
        let (count, may_repeat) = (own.len(), !merged.is_empty());
        let mut map: Map = merged.into_iter().flatten().collect();
        map.extend(own);
        if !may_repeat && map.len() < count {
            return Err(InvalidYaml);
        }
        Ok(Value::Map(map))
    }
}

/// The name of a tag of YAML's own.
fn name_of(tag: &Tag) -> Option<String> {
    let full = format!("{}{}", tag.handle, tag.suffix);
    full.strip_prefix("tag:yaml.org,2002:").map(str::to_owned)
}

fn only_tag(tag: Option<&Tag>, expected: &str) -> Result<(), InvalidYaml> {
    match tag.map(name_of) {
        None => Ok(()),
        Some(Some(name)) if name == expected => Ok(()),
        Some(_) => Err(InvalidYaml),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, InvalidYaml> {
    let kind = match tag {
        None if style == ScalarStyle::Plain => resolve(text),
        None => Scalar::Text,
        Some(tag) => match name_of(tag).ok_or(InvalidYaml)?.as_str() {
            "str" => Scalar::Text,
            "null" => Scalar::Null,
            "bool" => Scalar::Bool,
            "int" => Scalar::Int,
            "float" => Scalar::Float,
            "timestamp" => Scalar::Time,
            "binary" => {
                let digits: String = text.split_ascii_whitespace().collect();
                return STANDARD.decode(digits).map(Value::Bytes).map_err(|_| InvalidYaml);
            }
            _ => return Err(InvalidYaml),
        },
    };
    match kind {
        Scalar::Text => Some(Value::Str(text.to_owned())),
        Scalar::Null => Some(Value::Null),
        Scalar::Bool => boolean(text),
        Scalar::Int => int(text),
        Scalar::Float => float(text),
        Scalar::Time => time(text),
        Scalar::Merge | Scalar::Default => None,
    }
    .ok_or(InvalidYaml)
}

fn boolean(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "on" => Some(Value::Bool(true)),
        "false" | "no" | "n" | "off" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn int(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    let (digits, base) = match digits.get(..2) {
        Some("0b") => (&digits[2..], 2),
        Some("0o") => (&digits[2..], 8),
        Some("0x") => (&digits[2..], 16),
        _ => (digits, 10),
    };
    match i64::from_str_radix(&format!("{sign}{digits}"), base) {
        Ok(number) => Some(Value::Int(number)),
        Err(_) if base == 10 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Value::BigInt(format!("{sign}{}", digits.trim_start_matches('0'))))
        }
        Err(_) => None,
    }
}

fn float(text: &str) -> Option<Value> {
    let text = text.replace('_', "").to_ascii_lowercase();
    let number = match text.trim_start_matches(['+', '-']) {
        ".inf" if text.starts_with('-') => f64::NEG_INFINITY,
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ => text.parse().ok()?,
    };
    Some(Value::Float(number))
}

/// A day, or a point in time, which is in UTC if it has no offset.
fn time(text: &str) -> Option<Value> {
    let fields = TIME.as_ref()?.captures(text)?;
    let field = |index| fields.get(index).map(|field| field.as_str());
    let number = |index| field(index)?.parse::<u8>().ok();
    let month = Month::try_from(number(2)?).ok()?;
    let date = Date::from_calendar_date(field(1)?.parse().ok()?, month, number(3)?).ok()?;
    let Some(hour) = number(4) else { return Some(Value::Date(date)) };
    // Beyond the microsecond it is rounded.
    let fraction = format!("{:0<7}", field(7).unwrap_or_default());
    let micros = (fraction.get(..7)?.parse::<u64>().ok()? + 5) / 10;
    let clock = Time::from_hms(hour, number(5)?, number(6)?).ok()?;
    let offset = match field(9) {
        None => UtcOffset::UTC,
        Some(sign) => {
            let sign = if sign == "-" { -1 } else { 1 };
            let (hours, minutes) =
                (field(10)?.parse::<i8>().ok()?, field(11).unwrap_or("0").parse::<i8>().ok()?);
            UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?
        }
    };
    let time = PrimitiveDateTime::new(date, clock)
        .checked_add(time::Duration::microseconds(i64::try_from(micros).ok()?))?;
    Some(Value::Timestamp(Timestamp(time.assume_offset(offset))))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(read(yaml).map(|document| document.value), Ok(value), "{yaml}");
        }
        for (yaml, micros) in [
            ("2020-01-01 10:11:12.5 +02:00", 1_577_866_272_500_000),
            ("2020-01-01T01:02:03.123456789Z", 1_577_840_523_123_457),
            ("2020-1-1 1:02:03 -5", 1_577_858_523_000_000),
        ] {
            let Ok(Value::Timestamp(Timestamp(time))) = read(yaml).map(|document| document.value) else {
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
            assert_eq!(read(yaml).map(|document| document.value), Ok(value), "{yaml}");
        }
        let keys = read("a: [{5: x}]\nb: {}").unwrap().keys;
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
            assert_eq!(read(yaml), Err(InvalidYaml), "{:.40}", yaml);
        }
    }
}
