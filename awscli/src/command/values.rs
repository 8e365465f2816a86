//! The words of an option turned into a value of its member's shape.

use std::borrow::Cow;
use std::time::SystemTime;

use base64::Engine;
use bytes::Bytes;

use super::shorthand::{self, CoerceError, ShorthandError};
use super::{UsageError, date, json, words::quoted};
use crate::files::Files;
use crate::model::{Kind, Member, Service, ShapeId};
use crate::timestamp;
use crate::value::{Map, Timestamp, Value};

/// An option whose words are being read.
pub struct Reading<'a> {
    /// The service, for its shapes.
    pub service: &'a Service,
    /// The operation's word on the command line.
    pub command: &'a str,
    /// The option's name with its dashes.
    pub option: &'a str,
    /// What `file://` and `fileb://` name.
    pub files: &'a dyn Files,
}

/// Lists of structures with one member that take bare words, for old scripts: service id, operation, option.
const BARE_LISTS: [(&str, &str, &str); 8] = [
    ("Elastic Load Balancing", "deregister-instances-from-load-balancer", "--instances"),
    ("Elastic Load Balancing", "describe-instance-health", "--instances"),
    ("Elastic Load Balancing", "register-instances-with-load-balancer", "--instances"),
    ("Elastic Load Balancing", "remove-tags", "--tags"),
    ("Firehose", "put-record-batch", "--records"),
    ("WorkSpaces", "reboot-workspaces", "--reboot-workspace-requests"),
    ("WorkSpaces", "rebuild-workspaces", "--rebuild-workspace-requests"),
    ("WorkSpaces", "terminate-workspaces", "--terminate-workspace-requests"),
];

/// Whether an option, named with its dashes, takes bare words for structures with one member.
pub fn takes_bare_words(service: &Service, command: &str, option: &str) -> bool {
    BARE_LISTS.contains(&(&service.id, command, option))
}

impl Reading<'_> {
    /// Reads a list's words.
    pub fn list(&self, member: &Member, words: &[String]) -> Result<Value, UsageError> {
        let words = &self.texts(words.to_vec())?[..];
        let Kind::List { member: item, .. } = &self.service.shapes[member.shape as usize].kind else {
            return self.one(member, words.first().map_or("", String::as_str));
        };
        let looks_like_json = words.first().is_some_and(|word| word.trim().starts_with(['[', '{']));
        if !looks_like_json && self.takes_shorthand(member.shape) {
            if let Kind::Structure(structure) = &self.service.shapes[item.shape as usize].kind
                && let [only] = structure.members.as_slice()
                && takes_bare_words(self.service, self.command, self.option)
            {
                let bare =
                    |word: &String| Value::Map(Map::from([(only.name.clone(), Value::Str(word.clone()))]));
                return Ok(Value::List(words.iter().map(bare).collect()));
            }
            let items = words.iter().map(|word| self.shorthand(word)).collect::<Result<Vec<_>, _>>()?;
            return self.coerce(member, Value::List(items));
        }
        if let [only] = words
            && only.trim().starts_with('[')
        {
            return self.json(only);
        }
        let items = words.iter().map(|word| {
            self.unpack(item, word).map_err(|error| match error {
                // The official CLI gives up on the whole list and shows its first word.
                Unpack::Number(_) => self.error(&words[0]),
                Unpack::Usage(error) => error,
            })
        });
        items.collect::<Result<_, _>>().map(Value::List)
    }

    /// Reads the one word of anything but a list.
    pub fn one(&self, member: &Member, word: &str) -> Result<Value, UsageError> {
        let shape = &self.service.shapes[member.shape as usize];
        let word = match load(self.files, word).map_err(|error| self.error(&error))? {
            Loaded::Text(text) => text,
            Loaded::Bytes(bytes) if matches!(shape.kind, Kind::Blob { streaming: false, .. }) => {
                return Ok(Value::Bytes(bytes.to_vec()));
            }
            Loaded::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        };
        let word = &*word;
        if member.streaming || matches!(shape.kind, Kind::Blob { streaming: true, .. }) {
            let content = self.files.read(word);
            let content = content.map_err(|_| self.error("Blob values must be a path to a file."))?;
            return Ok(Value::Bytes(content.to_vec()));
        }
        if matches!(shape.kind, Kind::Structure(_) | Kind::Map { .. } | Kind::List { .. } | Kind::Blob { .. })
            || self.wants_document()
        {
            self.refuse_url(word)?;
        }
        let looks_like_json = word.trim().starts_with(['[', '{']);
        if !looks_like_json && self.takes_shorthand(member.shape) {
            if let Kind::Structure(structure) = &shape.kind
                && let [only] = structure.members.as_slice()
                && only.name == "Value"
                && matches!(self.service.shapes[only.shape as usize].kind, Kind::String { .. })
                && !word.contains('=')
            {
                return Ok(Value::Map(Map::from([("Value".to_owned(), Value::Str(word.to_owned()))])));
            }
            let value = self.shorthand(word)?;
            return self.coerce(member, value);
        }
        self.unpack(member, word).map_err(|error| match error {
            Unpack::Number(message) => UsageError::general(message),
            Unpack::Usage(error) => error,
        })
    }

    fn unpack(&self, member: &Member, word: &str) -> Result<Value, Unpack> {
        let kind = &self.service.shapes[member.shape as usize].kind;
        match kind {
            _ if member.is_json_header() => self.json(word).map_err(Unpack::Usage),
            Kind::Structure(structure) if structure.document => self.json(word).map_err(Unpack::Usage),
            Kind::Structure(_) | Kind::Map { .. } if word.trim_start().starts_with('{') => {
                self.json(word).map_err(Unpack::Usage)
            }
            Kind::List { .. } if word.trim_start().starts_with('[') => self.json(word).map_err(Unpack::Usage),
            Kind::Structure(_) | Kind::Map { .. } | Kind::List { .. } => {
                Err(Unpack::Usage(self.error(&format!("Invalid JSON:\n{word}"))))
            }
            Kind::Integer { .. } | Kind::Long { .. } => {
                int(word).ok_or_else(|| Unpack::Number(not_int(word)))
            }
            Kind::Float { .. } | Kind::Double { .. } => {
                float(word).map(Value::Float).ok_or_else(|| Unpack::Number(not_float(word)))
            }
            Kind::Boolean => Ok(Value::Bool(!word.is_empty() && !word.eq_ignore_ascii_case("false"))),
            Kind::String { .. } | Kind::Timestamp { .. } | Kind::Blob { .. } => {
                Ok(Value::Str(word.to_owned()))
            }
        }
    }

    fn json(&self, word: &str) -> Result<Value, UsageError> {
        json::parse(word)
            .map_err(|error| self.error(&format!("Invalid JSON: {error}\nJSON received: {word}")))
    }

    fn shorthand(&self, word: &str) -> Result<Value, UsageError> {
        self.refuse_url(word)?;
        shorthand::parse(word, self.files).map_err(|error| match error {
            ShorthandError::Syntax(message) | ShorthandError::File(message) => self.error(&message),
        })
    }

    fn coerce(&self, member: &Member, mut value: Value) -> Result<Value, UsageError> {
        shorthand::coerce(self.service, member, &mut value).map_err(|error| match error {
            CoerceError::Document => self.error("Shorthand syntax does not support document types."),
            CoerceError::Syntax(message) => self.error(&message),
            CoerceError::Other(error) => error,
        })?;
        Ok(value)
    }

    /// Whether values of the shape can be written in shorthand: not scalars, not lists of scalars, not free-form JSON.
    fn takes_shorthand(&self, shape: ShapeId) -> bool {
        let kind = |shape: ShapeId| &self.service.shapes[shape as usize].kind;
        let mut inner = kind(shape);
        loop {
            match inner {
                Kind::List { member, .. } | Kind::Map { value: member, .. } => inner = kind(member.shape),
                Kind::Structure(structure) if structure.document => return false,
                _ => break,
            }
        }
        match kind(shape) {
            Kind::Structure(_) | Kind::Map { .. } => true,
            Kind::List { member, .. } => {
                matches!(kind(member.shape), Kind::Structure(_) | Kind::Map { .. } | Kind::List { .. })
            }
            _ => false,
        }
    }

    fn error(&self, message: &str) -> UsageError {
        UsageError::parameter(&format!("Error parsing parameter '{}': {message}", self.option))
    }

    /// The words with the text of a file in place of a word that names one. Like the official CLI, this takes a file for
    /// a whole value only, so not among other words.
    pub fn texts(&self, words: Vec<String>) -> Result<Vec<String>, UsageError> {
        self.texts_or_bytes(words).map(|(words, _)| words)
    }

    /// The same, with the bytes of the file that the word names with `fileb://`.
    pub fn texts_or_bytes(&self, mut words: Vec<String>) -> Result<(Vec<String>, Option<Bytes>), UsageError> {
        let mut content = None;
        if let [only] = words.as_mut_slice() {
            match load(self.files, only).map_err(|error| self.error(&error))? {
                Loaded::Text(Cow::Borrowed(_)) => {}
                Loaded::Text(Cow::Owned(text)) => *only = text,
                Loaded::Bytes(bytes) => {
                    *only = String::from_utf8_lossy(&bytes).into_owned();
                    content = Some(bytes);
                }
            }
        }
        Ok((words, content))
    }

    /// A URL where the option wants a structure or a document is an attempt to load it from there.
    fn refuse_url(&self, word: &str) -> Result<(), UsageError> {
        if word.starts_with("http://") || word.starts_with("https://") {
            return Err(self.error("values are not loaded from the network. Give the value itself."));
        }
        Ok(())
    }

    /// Options whose text is a document, by their names, since the models call them plain strings.
    fn wants_document(&self) -> bool {
        ["-document", "-policy", "--policy", "-template-body", "-user-data", "-definition"]
            .iter()
            .any(|end| self.option.ends_with(end))
    }
}

/// Why a word is no value.
enum Unpack {
    /// It is no number; Python's message.
    Number(String),
    Usage(UsageError),
}

/// What a word stands for.
pub enum Loaded<'a> {
    /// The word itself, or the text of the file that it names with `file://`.
    Text(Cow<'a, str>),
    /// The content of the file that it names with `fileb://`.
    Bytes(Bytes),
}

/// Reads the file that a word names, if it names one. The error is the official CLI's message.
pub fn load<'a>(files: &dyn Files, word: &'a str) -> Result<Loaded<'a>, String> {
    let (path, binary) = match (word.strip_prefix("file://"), word.strip_prefix("fileb://")) {
        (Some(path), _) => (path, false),
        (_, Some(path)) => (path, true),
        _ => return Ok(Loaded::Text(Cow::Borrowed(word))),
    };
    let content = files.read(path).map_err(|error| format!("Unable to load paramfile {word}: {error}"))?;
    if binary {
        return Ok(Loaded::Bytes(content));
    }
    let text = String::from_utf8(content.to_vec()).map_err(|_| {
        format!(
            "Unable to load paramfile ({path}), text contents could not be decoded.  If this is a binary file, please use \
             the fileb:// prefix instead of the file:// prefix."
        )
    })?;
    // Python reads text with one form of line ends.
    Ok(Loaded::Text(Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))))
}

/// The text that the word of an option stands for.
pub fn text(files: &dyn Files, option: &str, word: &str) -> Result<String, UsageError> {
    match load(files, word) {
        Ok(Loaded::Text(text)) => Ok(text.into_owned()),
        Ok(Loaded::Bytes(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => Err(UsageError::parameter(&format!("Error parsing parameter '{option}': {error}"))),
    }
}

/// A whole number as Python's `int()` reads it: space around it, a sign, single underscores between digits.
pub fn int(text: &str) -> Option<Value> {
    let trimmed = text.trim();
    let (sign, digits) = match trimmed.strip_prefix(['+', '-']) {
        Some(digits) => (if trimmed.starts_with('-') { "-" } else { "" }, digits),
        None => ("", trimmed),
    };
    let digits = without_underscores(digits)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let number = if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") };
    Some(number.parse().map_or(Value::BigInt(number), Value::Int))
}

/// A number as Python's `float()` reads it.
pub fn float(text: &str) -> Option<f64> {
    let number = without_underscores(text.trim())?;
    let first = number.trim_start_matches(['+', '-']).to_ascii_lowercase();
    if !first.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && !["inf", "infinity", "nan"].contains(&&*first)
    {
        return None;
    }
    number.parse().ok()
}

/// Takes out underscores, which must stand between two digits.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    for (i, byte) in bytes.iter().enumerate() {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        if *byte == b'_' && !(digit(i.checked_sub(1)) && digit(Some(i + 1))) {
            return None;
        }
    }
    Some(text.replace('_', ""))
}

fn not_int(text: &str) -> String {
    format!("invalid literal for int() with base 10: {}", quoted(text))
}

fn not_float(text: &str) -> String {
    format!("could not convert string to float: {}", quoted(text))
}

/// `int(value)`.
pub fn python_int(value: &Value) -> Result<Value, UsageError> {
    match value {
        Value::Str(text) => int(text).ok_or_else(|| UsageError::general(not_int(text))),
        other => Err(UsageError::general(format!(
            "int() argument must be a string, a bytes-like object or a real number, not '{}'",
            other.python_type()
        ))),
    }
}

/// `float(value)`.
pub fn python_float(value: &Value) -> Result<Value, UsageError> {
    match value {
        Value::Str(text) => float(text).map(Value::Float).ok_or_else(|| UsageError::general(not_float(text))),
        other => Err(UsageError::general(format!(
            "float() argument must be a string or a real number, not '{}'",
            other.python_type()
        ))),
    }
}

/// How blobs are written on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryFormat {
    /// As base64, which is the default.
    Base64,
    /// As they are.
    Raw,
}

/// Turns the texts of all blobs into bytes.
pub fn decode_blobs(
    service: &Service,
    shape: ShapeId,
    value: &mut Value,
    format: BinaryFormat,
) -> Result<(), UsageError> {
    each_scalar(service, shape, value, &mut |kind, value| {
        if let (Kind::Blob { .. }, Value::Str(text)) = (kind, &*value) {
            let bytes = match format {
                BinaryFormat::Raw => text.clone().into_bytes(),
                BinaryFormat::Base64 if !text.is_ascii() => {
                    return Err(UsageError::general(
                        "string argument should contain only ASCII characters".to_owned(),
                    ));
                }
                BinaryFormat::Base64 => {
                    base64(text).ok_or_else(|| UsageError::general(format!("Invalid base64: \"{text}\"")))?
                }
            };
            *value = Value::Bytes(bytes);
        }
        Ok(())
    })
}

/// Turns what stands for a point in time into timestamps.
pub fn read_timestamps(
    service: &Service,
    shape: ShapeId,
    value: &mut Value,
    now: SystemTime,
) -> Result<(), UsageError> {
    each_scalar(service, shape, value, &mut |kind, value| {
        if matches!(kind, Kind::Timestamp { .. })
            && let Some(time) = time(value, now)
        {
            *value = Value::Timestamp(time);
        }
        Ok(())
    })
}

/// The point in time that a value stands for, if any: ISO 8601, HTTP dates, seconds since 1970, and other common forms.
pub fn time(value: &Value, now: SystemTime) -> Option<Timestamp> {
    timestamp::from_value(value)
        .or_else(|| match value {
            Value::Str(text) => date::parse(text, now.into()),
            _ => None,
        })
        .map(Timestamp)
}

/// Calls `change` for every scalar of a value that fits its shape so far. What does not fit is left to the validator.
fn each_scalar(
    service: &Service,
    shape: ShapeId,
    value: &mut Value,
    change: &mut dyn FnMut(&Kind, &mut Value) -> Result<(), UsageError>,
) -> Result<(), UsageError> {
    match (&service.shapes[shape as usize].kind, value) {
        (Kind::Structure(structure), Value::Map(map)) => {
            for member in &structure.members {
                if let Some(value) = map.get_mut(&member.name) {
                    each_scalar(service, member.shape, value, change)?;
                }
            }
            Ok(())
        }
        (Kind::List { member, .. }, Value::List(items)) => {
            items.iter_mut().try_for_each(|item| each_scalar(service, member.shape, item, change))
        }
        (Kind::Map { value: member, .. }, Value::Map(map)) => {
            map.values_mut().try_for_each(|value| each_scalar(service, member.shape, value, change))
        }
        (Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. }, _) => Ok(()),
        (kind, value) => change(kind, value),
    }
}

/// Base64 as Python 3.14 reads it: other characters are skipped, and so is padding that is not the last.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let mut digits = String::with_capacity(text.len());
    let mut padding = 0;
    for c in text.chars() {
        match c {
            '=' => padding += 1,
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' => {
                padding = 0;
                digits.push(c);
            }
            _ => {}
        }
    }
    let open = digits.len() % 4;
    if open == 1 || (open > 1 && open + padding < 4) {
        return None;
    }
    // Python ignores bits beyond the last byte.
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
    );
    engine.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        for (text, expected) in [
            ("5", Some(Value::Int(5))),
            (" +5 ", Some(Value::Int(5))),
            ("-0", Some(Value::Int(0))),
            ("1_000", Some(Value::Int(1000))),
            ("007", Some(Value::Int(7))),
            ("99999999999999999999", Some(Value::BigInt("99999999999999999999".to_owned()))),
            ("5.5", None),
            ("_5", None),
            ("1__0", None),
            ("", None),
            ("0x5", None),
        ] {
            assert_eq!(int(text), expected, "{text}");
        }
        for (text, expected) in [
            ("5", Some(5.0)),
            (" 1e2 ", Some(100.0)),
            ("-.5", Some(-0.5)),
            ("1_0.5", Some(10.5)),
            ("inf", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("x", None),
            ("", None),
            ("1e", None),
        ] {
            assert_eq!(float(text), expected, "{text}");
        }
        assert!(float("NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn base64_is_that_of_python() {
        for (text, expected) in [
            ("aGVsbG8=", Some("hello")),
            ("aGk!=", Some("hi")),
            ("aG k=", Some("hi")),
            ("aGk=aGk=", None),
            ("aGk=a", Some("hi\x1a")),
            ("aGVs=bG8=", Some("hello")),
            ("aG==k=", Some("hi")),
            ("...", Some("")),
            ("", Some("")),
            ("hi", None),
            ("a", None),
            ("aaa", None),
            ("eyJhIjoxfQ", None),
        ] {
            assert_eq!(base64(text), expected.map(|e| e.as_bytes().to_vec()), "{text}");
        }
    }
}
