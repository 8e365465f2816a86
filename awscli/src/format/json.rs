//! `--output json`: four spaces of indentation, UTF-8 kept, Python's numbers.

use super::Sink;
use super::python::float;
use crate::value::Value;

/// Writes a result and a line end. An empty structure, which is what operations without a result give, prints nothing.
pub fn json(value: &Value, sink: &mut Sink) {
    if matches!(value, Value::Map(map) if map.is_empty()) {
        return;
    }
    Writer { sink, indent: Some(4), ascii: false }.value(value, 0);
    sink.push("\n");
}

/// JSON as Python's `json.dumps(value, indent=4)` gives it: everything beyond ASCII escaped, and no line end.
pub fn indented_ascii_json(value: &Value) -> String {
    indented_json(value, 4, true)
}

/// The same with another indentation, and everything beyond ASCII escaped or kept.
pub fn indented_json(value: &Value, indent: usize, ascii: bool) -> String {
    let mut sink = Sink::new(usize::MAX);
    Writer { sink: &mut sink, indent: Some(indent), ascii }.value(value, 0);
    // Only whole texts went in.
    String::from_utf8(sink.into_bytes()).unwrap_or_default()
}

/// JSON in one line without spaces, everything beyond ASCII escaped: what JMESPath's `to_string` gives.
pub fn compact_ascii_json(value: &Value) -> String {
    let mut sink = Sink::new(usize::MAX);
    Writer { sink: &mut sink, indent: None, ascii: true }.value(value, 0);
    // Only whole texts went in.
    String::from_utf8(sink.into_bytes()).unwrap_or_default()
}

struct Writer<'a> {
    sink: &'a mut Sink,
    indent: Option<usize>,
    ascii: bool,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.sink.push("null"),
            Value::Bool(value) => self.sink.push(if *value { "true" } else { "false" }),
            Value::Int(value) => self.sink.push(&value.to_string()),
            Value::BigInt(digits) => self.sink.push(digits),
            Value::Float(value) => self.sink.push(&float(*value, "Infinity", "NaN")),
            Value::Str(text) => self.string(text),
            Value::Bytes(_) | Value::Timestamp(_) | Value::Date(_) => {
                let mut shown = value.clone();
                super::as_shown(&mut shown);
                self.value(&shown, depth);
            }
            Value::List(items) => {
                self.container('[', ']', items.iter(), depth, |writer, item| writer.value(item, depth + 1));
            }
            Value::Map(map) => self.container('{', '}', map.iter(), depth, |writer, (key, item)| {
                writer.string(key);
                writer.sink.push(if writer.indent.is_some() { ": " } else { ":" });
                writer.value(item, depth + 1);
            }),
        }
    }

    fn container<T>(
        &mut self,
        open: char,
        close: char,
        items: impl ExactSizeIterator<Item = T>,
        depth: usize,
        mut write: impl FnMut(&mut Self, T),
    ) {
        let empty = items.len() == 0;
        self.sink.push(open.encode_utf8(&mut [0; 4]));
        for (index, item) in items.enumerate() {
            if self.sink.is_cut() {
                return;
            }
            if index > 0 {
                self.sink.push(",");
            }
            self.line(depth + 1);
            write(self, item);
        }
        if !empty {
            self.line(depth);
        }
        self.sink.push(close.encode_utf8(&mut [0; 4]));
    }

    fn line(&mut self, depth: usize) {
        const SPACES: &str = "                                                                ";
        let Some(indent) = self.indent else { return };
        self.sink.push("\n");
        let mut left = indent * depth;
        while left > 0 {
            let now = left.min(SPACES.len());
            self.sink.push(&SPACES[..now]);
            left -= now;
        }
    }

    fn string(&mut self, text: &str) {
        let ascii = self.ascii;
        let is_escaped = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\') || ascii && !byte.is_ascii();
        self.sink.push("\"");
        let mut rest = text;
        while let Some(at) = rest.bytes().position(is_escaped) {
            let (kept, escaped) = rest.split_at(at);
            self.sink.push(kept);
            let Some(character) = escaped.chars().next() else { break };
            let escape = match character {
                '"' => "\\\"".to_owned(),
                '\\' => "\\\\".to_owned(),
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                '\t' => "\\t".to_owned(),
                '\u{8}' => "\\b".to_owned(),
                '\u{c}' => "\\f".to_owned(),
                _ => {
                    let units = character.encode_utf16(&mut [0; 2]).to_vec();
                    units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
                }
            };
            self.sink.push(&escape);
            rest = &escaped[character.len_utf8()..];
        }
        self.sink.push(rest);
        self.sink.push("\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(value: &Value, limit: usize) -> (String, bool) {
        let mut sink = Sink::new(limit);
        json(value, &mut sink);
        let cut = sink.is_cut();
        (String::from_utf8(sink.into_bytes()).unwrap(), cut)
    }

    fn value(text: &str) -> Value {
        Value::from_json(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn results_are_indented_by_four_spaces_and_keep_their_order() {
        let cases = [
            ("null", "null\n"),
            ("{}", ""),
            ("[]", "[]\n"),
            (r#"{"b":[],"a":{}}"#, "{\n    \"b\": [],\n    \"a\": {}\n}\n"),
            (r#"[1,[2.0,true]]"#, "[\n    1,\n    [\n        2.0,\n        true\n    ]\n]\n"),
            (r#""ü\u0001\n\"\u007f""#, "\"ü\\u0001\\n\\\"\u{7f}\"\n"),
            ("123456789012345678901234567890", "123456789012345678901234567890\n"),
        ];
        for (input, output) in cases {
            assert_eq!(printed(&value(input), usize::MAX), (output.to_owned(), false), "{input}");
        }
    }

    #[test]
    fn output_is_cut_at_the_limit_and_between_characters() {
        let long = value(r#"["aüü"]"#);
        let whole = "[\n    \"aüü\"\n]\n";
        for (limit, kept, cut) in [
            (whole.len() + 1, whole, false),
            (whole.len(), whole, false),
            (whole.len() - 1, "[\n    \"aüü\"\n]", true),
            (11, "[\n    \"aü", true),
            (0, "", true),
        ] {
            assert_eq!(printed(&long, limit), (kept.to_owned(), cut), "limit {limit}");
        }
    }

    #[test]
    fn the_compact_form_is_ascii() {
        assert_eq!(
            compact_ascii_json(&value(r#"{"k":["ü","😀",1]}"#)),
            r#"{"k":["\u00fc","\ud83d\ude00",1]}"#
        );
    }
}
