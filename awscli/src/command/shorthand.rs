//! The CLI's shorthand for structures: `Name=state,Values=running,stopped`, with nested `{…}` and `[…]`.
//!
//! The text is read without the model, then a second pass gives numbers, booleans and lists their types.

use super::UsageError;
use super::values::{self, Loaded};
use crate::files::Files;
use crate::model::{Kind, Member, Service};
use crate::value::{Map, Value};

/// How deep values may be nested.
const MAX_DEPTH: usize = 100;

/// Why a text is not shorthand.
#[derive(Debug)]
pub enum ShorthandError {
    /// The message about the text, to be shown together with the option.
    Syntax(String),
    /// It names a file that cannot be read, and why.
    File(String),
}

/// Reads one word.
pub fn parse(text: &str, files: &dyn Files) -> Result<Value, ShorthandError> {
    let mut reader = Reader { text: text.chars().collect(), at: 0, file: false, files };
    reader.parameter().map(Value::Map)
}

struct Reader<'f> {
    text: Vec<char>,
    at: usize,
    /// The key was followed by `@=`: its value may name a file.
    file: bool,
    files: &'f dyn Files,
}

type Parsed<T> = Result<T, ShorthandError>;

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')) {
            self.at += 1;
        }
    }

    fn parameter(&mut self) -> Parsed<Map> {
        let mut map = Map::new();
        let (key, value) = self.pair()?;
        map.insert(key, value);
        let mut last = self.at;
        while self.at < self.text.len() {
            self.expect_spaced(',')?;
            let (key, value) = self.pair()?;
            if map.contains_key(&key) {
                return Err(ShorthandError::Syntax(format!(
                    "Second instance of key \"{key}\" encountered for input:\n{}\nThis is often because there is a preceding \",\" instead of a space.",
                    self.location(last + 1)
                )));
            }
            map.insert(key, value);
            last = self.at;
        }
        Ok(map)
    }

    fn pair(&mut self) -> Parsed<(String, Value)> {
        let key = self.key();
        self.sign()?;
        let value = match self.peek() {
            None => Value::Str(String::new()),
            Some('[') => self.list(0)?,
            Some('{') => self.hash(0)?,
            Some(_) => self.comma_separated()?,
        };
        Ok((key, value))
    }

    fn key(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || "-_.#/:".contains(c)) {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    /// `=` or `@=`.
    fn sign(&mut self) -> Parsed<()> {
        self.file = self.expect_spaced('@').is_ok();
        self.expect_spaced('=')
    }

    fn comma_separated(&mut self) -> Parsed<Value> {
        let first = self.first_value()?;
        self.space();
        if self.peek() != Some(',') {
            return Ok(first);
        }
        self.expect_spaced(',')?;
        let mut list = vec![first];
        loop {
            let more = self.second_value().and_then(|value| {
                self.space();
                let last = self.at >= self.text.len();
                if !last {
                    self.expect_spaced(',')?;
                }
                Ok((value, last))
            });
            match more {
                Ok((value, last)) => {
                    list.push(value);
                    if last {
                        break;
                    }
                }
                Err(error) => {
                    if self.at >= self.text.len() {
                        return Err(error);
                    }
                    // That was the next key: go back to the comma before it.
                    while self.text[self.at] != ',' {
                        self.at -= 1;
                    }
                    break;
                }
            }
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Value::List(list) })
    }

    fn list(&mut self, depth: usize) -> Parsed<Value> {
        self.expect_spaced('[')?;
        let mut items = Vec::new();
        while self.peek() != Some(']') {
            items.push(self.explicit(depth)?);
            self.space();
            if self.peek() != Some(']') {
                self.expect(',')?;
                self.space();
            }
        }
        self.expect(']')?;
        Ok(Value::List(items))
    }

    fn hash(&mut self, depth: usize) -> Parsed<Value> {
        self.expect_spaced('{')?;
        let mut map = Map::new();
        while self.peek() != Some('}') {
            let key = self.key();
            self.sign()?;
            let value = self.explicit(depth)?;
            self.space();
            if self.peek() != Some('}') {
                self.expect(',')?;
                self.space();
            }
            map.insert(key, value);
        }
        self.expect('}')?;
        Ok(Value::Map(map))
    }

    fn explicit(&mut self, depth: usize) -> Parsed<Value> {
        if depth >= MAX_DEPTH {
            return Err(ShorthandError::Syntax(format!("nested more than {MAX_DEPTH} times")));
        }
        match self.peek() {
            Some('[') => self.list(depth + 1),
            Some('{') => self.hash(depth + 1),
            _ => self.first_value(),
        }
    }

    fn first_value(&mut self) -> Parsed<Value> {
        match self.peek() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => {
                let text = self.bare(is_first_follow).unwrap_or_default();
                self.text_value(text)
            }
        }
    }

    fn second_value(&mut self) -> Parsed<Value> {
        match self.peek() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => match self.bare(is_second_follow) {
                Some(text) => self.text_value(text),
                None => Err(self.unexpected("<second>", "<none>")),
            },
        }
    }

    /// A value without quotes: it ends at a comma that has no backslash.
    fn bare(&mut self, follows: fn(char) -> bool) -> Option<String> {
        let start = self.at;
        let mut allowed: fn(char) -> bool = is_start;
        while let Some(c) = self.peek() {
            if c == '\\' && self.text.get(self.at + 1) == Some(&',') {
                self.at += 2;
            } else if allowed(c) {
                self.at += 1;
            } else {
                break;
            }
            allowed = follows;
        }
        if self.at == start {
            return None;
        }
        let text: String = self.text[start..self.at].iter().collect();
        Some(text.replace("\\,", ",").trim_end().to_owned())
    }

    fn quoted(&mut self, quote: char) -> Parsed<Value> {
        let start = self.at + 1;
        let mut end = None;
        let mut at = start;
        while let Some(c) = self.text.get(at) {
            if *c == '\\' && self.text.get(at + 1) == Some(&quote) {
                // If no other quote follows, this one ends the value after all.
                end = Some(at + 1);
                at += 2;
            } else if *c == quote {
                end = Some(at);
                break;
            } else {
                at += 1;
            }
        }
        let Some(end) = end else {
            let name = if quote == '"' { "<double quoted>" } else { "<singled quoted>" };
            return Err(self.unexpected(name, "<none>"));
        };
        let text: String = self.text[start..end].iter().collect();
        self.at = end + 1;
        self.text_value(text.replace(&format!("\\{quote}"), &quote.to_string()).replace("\\\\", "\\"))
    }

    fn text_value(&self, text: String) -> Parsed<Value> {
        if !self.file {
            return Ok(Value::Str(text));
        }
        match values::load(self.files, &text).map_err(ShorthandError::File)? {
            Loaded::Text(text) => Ok(Value::Str(text.into_owned())),
            Loaded::Bytes(bytes) => Ok(Value::Bytes(bytes.to_vec())),
        }
    }

    fn expect_spaced(&mut self, c: char) -> Parsed<()> {
        self.space();
        self.expect(c)?;
        self.space();
        Ok(())
    }

    fn expect(&mut self, c: char) -> Parsed<()> {
        match self.peek() {
            Some(found) if found == c => {
                self.at += 1;
                Ok(())
            }
            Some(found) => Err(self.unexpected(&c.to_string(), &found.to_string())),
            None => Err(self.unexpected(&c.to_string(), "EOF")),
        }
    }

    fn unexpected(&self, expected: &str, received: &str) -> ShorthandError {
        ShorthandError::Syntax(format!(
            "Expected: '{expected}', received: '{received}' for input:\n {}",
            self.location(self.at)
        ))
    }

    /// The text up to the end of the line in question, a caret below the place, and the rest.
    fn location(&self, at: usize) -> String {
        let at = at.min(self.text.len());
        let column = at - self.text[..at].iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1);
        let end =
            self.text[at..].iter().position(|c| *c == '\n').map_or(self.text.len(), |newline| at + newline);
        let (shown, rest): (String, String) =
            (self.text[..end].iter().collect(), self.text[end..].iter().collect());
        format!("{shown}\n{}^{rest}", " ".repeat(column))
    }
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The characters that a bare value can begin with.
fn is_start(c: char) -> bool {
    matches!(c, '!' | '#'..='&' | '('..='+' | '-'..='<' | '>'..='Z' | '\\'..='z' | '|'..='\u{ffff}')
}

/// The characters that the first value of a key can go on with.
fn is_first_follow(c: char) -> bool {
    is_space(c) || matches!(c, '!' | '#'..='&' | '('..='+' | '-'..='\\' | '^'..='|' | '~'..='\u{ffff}')
}

/// The characters that a further value of a key can go on with: no `=`, which would make it a key.
fn is_second_follow(c: char) -> bool {
    is_space(c) || matches!(c, '!' | '#'..='&' | '('..='+' | '-'..='<' | '>'..='\u{ffff}')
}

/// Gives a value that was read without the model the types of its shape: numbers and booleans from texts, and a list where
/// the model has one and a single value was given.
pub fn coerce(service: &Service, member: &Member, value: &mut Value) -> Result<(), CoerceError> {
    match &service.shapes[member.shape as usize].kind {
        Kind::Structure(structure) => {
            if structure.document {
                return Err(CoerceError::Document);
            }
            let Value::Map(map) = value else { return Ok(()) };
            for member in &structure.members {
                if let Some(value) = map.get_mut(&member.name) {
                    coerce(service, member, value).map_err(|error| match error {
                        CoerceError::Document => CoerceError::Syntax(format!(
                            "Shorthand syntax does not support document types. Use JSON input for top-level argument to \
                             specify nested parameter: {}",
                            member.name
                        )),
                        other => other,
                    })?;
                }
            }
        }
        Kind::List { member, .. } => match value {
            Value::List(items) => {
                for item in items {
                    coerce(service, member, item)?;
                }
            }
            // The promoted value keeps its text, as in the official CLI.
            single => *single = Value::List(vec![std::mem::replace(single, Value::Null)]),
        },
        Kind::Map { value: member, .. } => {
            let Value::Map(map) = value else { return Ok(()) };
            for item in map.values_mut() {
                coerce(service, member, item)?;
            }
        }
        Kind::Integer { .. } | Kind::Long { .. } => {
            *value = values::python_int(value).map_err(CoerceError::Other)?
        }
        Kind::Float { .. } | Kind::Double { .. } => {
            *value = values::python_float(value).map_err(CoerceError::Other)?
        }
        Kind::Boolean => match value {
            Value::Str(text) if text.eq_ignore_ascii_case("true") => *value = Value::Bool(true),
            Value::Str(text) if text.eq_ignore_ascii_case("false") => *value = Value::Bool(false),
            Value::Str(_) => {}
            other => {
                let message = format!("'{}' object has no attribute 'lower'", other.python_type());
                return Err(CoerceError::Other(UsageError::general(message)));
            }
        },
        Kind::String { .. } | Kind::Timestamp { .. } | Kind::Blob { .. } => {}
    }
    Ok(())
}

/// Why a value does not fit its shape.
#[derive(Debug)]
pub enum CoerceError {
    /// It is free-form JSON, which shorthand cannot say.
    Document,
    /// The same, with the message that names the member.
    Syntax(String),
    /// Anything else.
    Other(UsageError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::MemoryFiles;

    static NO_FILES: MemoryFiles = MemoryFiles::new(0);

    fn shown(text: &str) -> String {
        match parse(text, &NO_FILES) {
            Ok(value) => crate::format::python_text(&value),
            Err(ShorthandError::Syntax(message)) => message,
            Err(ShorthandError::File(message)) => message,
        }
    }

    #[test]
    fn values_are_those_of_the_official_cli() {
        for (text, expected) in [
            ("a=b", "{'a': 'b'}"),
            ("a=b,c", "{'a': ['b', 'c']}"),
            ("a=b,c=d", "{'a': 'b', 'c': 'd'}"),
            ("a=b,c,d=e", "{'a': ['b', 'c'], 'd': 'e'}"),
            ("a=", "{'a': ''}"),
            ("a=[b,c],d={e=f,g=[h]}", "{'a': ['b', 'c'], 'd': {'e': 'f', 'g': ['h']}}"),
            ("a='b, c',d=\"e=f\"", "{'a': 'b, c', 'd': 'e=f'}"),
            ("a = b , c = d", "{'a': 'b', 'c': 'd'}"),
            ("a=b\\,c", "{'a': 'b,c'}"),
            ("a='it\\'s'", "{'a': \"it's\"}"),
            ("a={}", "{'a': {}}"),
            ("a=b=c", "{'a': 'b=c'}"),
            (
                "a@=file:///etc/passwd",
                "Unable to load paramfile file:///etc/passwd: [Errno 2] No such file or directory: '/etc/passwd'",
            ),
            ("a@=plain", "{'a': 'plain'}"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, expected) in [
            ("Name", "Expected: '=', received: 'EOF' for input:\n Name\n    ^"),
            ("", "Expected: '=', received: 'EOF' for input:\n \n^"),
            ("Name==a", "Expected: ',', received: '=' for input:\n Name==a\n     ^"),
            (
                "Name=a,Values=[b",
                "Expected: ',', received: 'EOF' for input:\n Name=a,Values=[b\n                ^",
            ),
            (
                "Name=a,\nValues==b,\nX=1",
                "Expected: ',', received: '=' for input:\n Name=a,\nValues==b,\n       ^\nX=1",
            ),
            (
                "Key=a,Value=b,Key=c",
                "Second instance of key \"Key\" encountered for input:\nKey=a,Value=b,Key=c\n              ^\nThis is often because there is a preceding \",\" instead of a space.",
            ),
            (
                "Key=\"a,Value=b",
                "Expected: '<double quoted>', received: '<none>' for input:\n Key=\"a,Value=b\n    ^",
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn nesting_ends_somewhere() {
        let nested = |depth: usize| format!("a={}b{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH - 1), &NO_FILES).is_ok());
        assert!(parse(&nested(MAX_DEPTH), &NO_FILES).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 1), &NO_FILES).is_err());
        assert!(parse(&format!("a={}", "[".repeat(1_000_000)), &NO_FILES).is_err());
    }
}
