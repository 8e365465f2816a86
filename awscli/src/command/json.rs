//! JSON as Python's `json` module reads it, with that module's messages, which the official CLI shows.

use crate::value::{Map, Value};

/// How deep lists and objects may be nested. Deeper ones are refused before they use up the stack.
pub const MAX_DEPTH: usize = 200;

/// Reads a whole text. The error says what was expected and where, such as `Expecting value: line 1 column 2 (char 1)`.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text: text.chars().collect(), at: 0 };
    reader.space();
    let value = reader.value(0)?;
    reader.space();
    if reader.at < reader.text.len() {
        return Err(reader.error("Extra data", reader.at));
    }
    Ok(value)
}

struct Reader {
    text: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn error(&self, what: &str, at: usize) -> String {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = at - before.iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1) + 1;
        format!("{what}: line {line} column {column} (char {at})")
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        let start = self.at;
        match self.peek() {
            Some('"') => self.string().map(Value::Str),
            Some('{' | '[') if depth >= MAX_DEPTH => Err(self.error("Nested too deeply", start)),
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('-' | '0'..='9') => self.number(),
            _ => {
                for (word, value) in [
                    ("null", Value::Null),
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                    ("NaN", Value::Float(f64::NAN)),
                    ("Infinity", Value::Float(f64::INFINITY)),
                ] {
                    if self.word(word) {
                        return Ok(value);
                    }
                }
                Err(self.error("Expecting value", start))
            }
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].iter().copied().take(word.len()).eq(word.chars());
        if found {
            self.at += word.len();
        }
        found
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        let mut map = Map::new();
        self.at += 1;
        self.space();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(Value::Map(map));
        }
        loop {
            if self.peek() != Some('"') {
                return Err(self.error(NAME, self.at));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(':') {
                return Err(self.error("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.space();
            let value = self.value(depth + 1)?;
            map.insert(key, value);
            self.space();
            match self.peek() {
                Some('}') => {
                    self.at += 1;
                    return Ok(Value::Map(map));
                }
                Some(',') => {
                    let comma = self.at;
                    self.at += 1;
                    self.space();
                    if self.peek() == Some('}') {
                        return Err(self.error("Illegal trailing comma before end of object", comma));
                    }
                }
                _ => return Err(self.error("Expecting ',' delimiter", self.at)),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(']') => {
                    self.at += 1;
                    return Ok(Value::List(items));
                }
                Some(',') => {
                    let comma = self.at;
                    self.at += 1;
                    self.space();
                    if self.peek() == Some(']') {
                        return Err(self.error("Illegal trailing comma before end of array", comma));
                    }
                }
                _ => return Err(self.error("Expecting ',' delimiter", self.at)),
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(self.error("Unterminated string starting at", start));
            };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(out);
                }
                '\\' => out.push(self.escape(start)?),
                c if (c as u32) < 0x20 => return Err(self.error("Invalid control character at", self.at)),
                c => {
                    self.at += 1;
                    out.push(c);
                }
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<char, String> {
        let backslash = self.at;
        self.at += 1;
        let Some(c) = self.peek() else { return Err(self.error("Unterminated string starting at", start)) };
        self.at += 1;
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.hex(backslash)?;
                if (0xd800..0xdc00).contains(&first)
                    && self.text.get(self.at..self.at + 2) == Some(&['\\', 'u'])
                {
                    let back = self.at;
                    self.at += 2;
                    let second = self.hex(back)?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = back;
                }
                // A lone surrogate is no character; nothing on the wire could carry it.
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.error("Invalid \\escape", backslash)),
        })
    }

    fn hex(&mut self, backslash: usize) -> Result<u32, String> {
        let digits: String = self.text.iter().skip(self.at).take(4).collect();
        let valid = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        match u32::from_str_radix(&digits, 16) {
            Ok(code) if valid => {
                self.at += 4;
                Ok(code)
            }
            _ => Err(self.error("Invalid \\uXXXX escape", backslash + 1)),
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while reader.peek().is_some_and(|c| c.is_ascii_digit()) {
                reader.at += 1;
            }
            reader.at > from
        };
        if self.peek() == Some('-') {
            self.at += 1;
            if self.word("Infinity") {
                return Ok(Value::Float(f64::NEG_INFINITY));
            }
        }
        if self.peek() == Some('0') {
            self.at += 1;
        } else if !digits(self) {
            self.at = start;
            return Err(self.error("Expecting value", start));
        }
        let mut whole = true;
        let dot = self.at;
        if self.peek() == Some('.') {
            self.at += 1;
            if digits(self) { whole = false } else { self.at = dot }
        }
        let exponent = self.at;
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if digits(self) { whole = false } else { self.at = exponent }
        }
        let text: String = self.text[start..self.at].iter().collect();
        if whole {
            return Ok(text.parse().map_or(Value::BigInt(text), Value::Int));
        }
        text.parse().map(Value::Float).map_err(|_| self.error("Expecting value", start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_python() {
        for (text, error) in [
            ("[{\"Name\": ", "Expecting value: line 1 column 11 (char 10)"),
            ("[1,]", "Illegal trailing comma before end of array: line 1 column 3 (char 2)"),
            ("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            ("{a:1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{\"a\":1} x", "Extra data: line 1 column 9 (char 8)"),
            ("{\"a\":\"x", "Unterminated string starting at: line 1 column 6 (char 5)"),
            ("{\"a\":1,}", "Illegal trailing comma before end of object: line 1 column 7 (char 6)"),
            ("{\"a\":\n tru}", "Expecting value: line 2 column 2 (char 7)"),
            ("{\"a\":\"x\ny\"}", "Invalid control character at: line 1 column 8 (char 7)"),
            ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
            ("", "Expecting value: line 1 column 1 (char 0)"),
        ] {
            assert_eq!(parse(text), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn values_are_read_in_order() {
        let value =
            parse(r#" {"b": [1, -2.5, 1e3, 12345678901234567890], "a": "\u00e9\ud83d\ude00\n", "c": null} "#);
        let Ok(Value::Map(map)) = value else { panic!("{value:?}") };
        assert_eq!(map.keys().collect::<Vec<_>>(), ["b", "a", "c"]);
        let big = Value::BigInt("12345678901234567890".to_owned());
        assert_eq!(map["b"], Value::List(vec![Value::Int(1), Value::Float(-2.5), Value::Float(1e3), big]));
        assert_eq!(map["a"], Value::Str("é😀\n".to_owned()));
    }

    #[test]
    fn nesting_ends_somewhere() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 1)).is_err());
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }
}
