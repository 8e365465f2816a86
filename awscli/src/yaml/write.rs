//! Values in YAML's block style, with the line breaks, quotes and escapes of libyaml, by which the official CLI writes.

use super::scalar::{Scalar, resolve};
use crate::format::{Sink, float};
use crate::value::{Map, Timestamp, Value};

/// A line is broken at the first space behind this column.
const WIDTH: usize = 80;
/// How much deeper the members of a structure stand than the structure.
const INDENT: usize = 2;
/// A longer key stands on a line of its own behind a `?`.
const KEY_BYTES: usize = 128;

/// Writes a list or structure, and a line end. The members of structures are sorted by their keys.
pub fn write(value: &Value, sink: &mut Sink) {
    let mut writer = Writer { sink, column: 0, after_space: true, at_indent: true };
    writer.node(value, Place::Root, None);
    writer.line_end();
}

/// A text in one line, with the quotes that it needs.
pub fn text(text: &str) -> String {
    let mut sink = Sink::new(usize::MAX);
    Writer { sink: &mut sink, column: 0, after_space: true, at_indent: true }.text(text, Place::Key, 0);
    // Only whole texts went in.
    String::from_utf8(sink.into_bytes()).unwrap_or_default()
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    Key,
    Member,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
}

struct Writer<'a> {
    sink: &'a mut Sink,
    /// How many characters the line has.
    column: usize,
    /// What comes next needs no space in front of it.
    after_space: bool,
    /// The line has nothing but spaces and the marks `-`, `?` and `:` in front of what they stand for.
    at_indent: bool,
}

impl Writer<'_> {
    /// Writes a value that belongs to a list or structure at `indent`.
    fn node(&mut self, value: &Value, place: Place, indent: Option<usize>) {
        let deeper = indent.map_or(0, |indent| indent + INDENT);
        match value {
            Value::List(items) if items.is_empty() => self.mark("[]", true, false),
            Value::Map(map) if map.is_empty() => self.mark("{}", true, false),
            Value::List(items) => {
                // A list does not stand deeper than the key that it belongs to.
                let below_key = place == Place::Member && !self.at_indent;
                let indent = indent.filter(|_| below_key).unwrap_or(deeper);
                for item in items {
                    if self.sink.is_cut() {
                        return;
                    }
                    self.line(indent);
                    self.mark("-", true, true);
                    self.node(item, Place::Item, Some(indent));
                }
            }
            Value::Map(map) => self.structure(map, deeper),
            Value::Null => self.plain("null"),
            Value::Bool(value) => self.plain(if *value { "true" } else { "false" }),
            Value::Int(value) => self.plain(&value.to_string()),
            Value::BigInt(digits) => self.plain(digits),
            Value::Float(value) => self.plain(&float(*value, ".inf", ".nan")),
            Value::Str(text) => self.text(text, place, deeper),
            // Results have texts for both. What still is a point in time is a sample without an offset.
            Value::Timestamp(Timestamp(time)) => self.plain(&format!(
                "{} {:02}:{:02}:{:02}",
                time.date(),
                time.hour(),
                time.minute(),
                time.second()
            )),
            Value::Date(date) => self.plain(&date.to_string()),
            Value::Bytes(_) => self.plain("null"),
        }
    }

    fn structure(&mut self, map: &Map, indent: usize) {
        let mut members: Vec<(&String, &Value)> = map.iter().collect();
        members.sort_unstable_by_key(|(key, _)| *key);
        for (key, value) in members {
            if self.sink.is_cut() {
                return;
            }
            self.line(indent);
            if key.len() <= KEY_BYTES && !key.contains(is_break) {
                self.text(key, Place::Key, indent + INDENT);
                self.mark(":", false, false);
            } else {
                self.mark("?", true, true);
                self.text(key, Place::Member, indent + INDENT);
                self.line(indent);
                self.mark(":", true, true);
            }
            self.node(value, Place::Member, Some(indent));
        }
    }

    /// Writes a text whose further lines stand at `indent`.
    fn text(&mut self, text: &str, place: Place, indent: usize) {
        let may_break = place != Place::Key;
        match style(text) {
            Style::Plain => {
                self.space();
                self.unescaped(text, false, may_break, indent);
            }
            Style::SingleQuoted => {
                self.mark("'", true, false);
                self.unescaped(text, true, may_break, indent);
                self.mark("'", false, false);
            }
            Style::DoubleQuoted => {
                self.mark("\"", true, false);
                self.escaped(text, may_break, indent);
                self.mark("\"", false, false);
            }
        }
        self.after_space = false;
        self.at_indent = false;
    }

    fn plain(&mut self, word: &str) {
        self.mark(word, true, false);
    }

    /// The content of a text without quotes or with single ones. One line end would be read as a space, so there is one
    /// more in front of each row of them.
    fn unescaped(&mut self, text: &str, quoted: bool, may_break: bool, indent: usize) {
        let (mut kept, mut after_space, mut after_break) = (0, false, false);
        for (at, character) in text.char_indices() {
            let end = at + character.len_utf8();
            if character == ' ' {
                let inside = at > 0 && end < text.len() && !text[end..].starts_with(' ');
                if may_break && !after_space && self.column > WIDTH && inside {
                    self.sink.push(&text[kept..at]);
                    self.line(indent);
                    kept = end;
                } else {
                    self.column += 1;
                }
                after_space = true;
            } else if is_break(character) {
                self.sink.push(&text[kept..at]);
                if !after_break && character == '\n' {
                    self.line_end();
                }
                self.sink.push(&text[at..end]);
                self.column = 0;
                self.at_indent = true;
                kept = end;
                after_break = true;
            } else {
                if after_break {
                    self.line(indent);
                }
                if quoted && character == '\'' {
                    self.sink.push(&text[kept..end]);
                    self.column += 1;
                    kept = at;
                }
                self.column += 1;
                self.at_indent = false;
                (after_space, after_break) = (false, false);
            }
        }
        self.sink.push(&text[kept..]);
        if after_break {
            self.line(indent);
        }
    }

    /// The content of a text with double quotes.
    fn escaped(&mut self, text: &str, may_break: bool, indent: usize) {
        let (mut kept, mut after_space) = (0, false);
        for (at, character) in text.char_indices() {
            let end = at + character.len_utf8();
            if character == ' ' {
                if may_break && !after_space && self.column > WIDTH && at > 0 && end < text.len() {
                    self.sink.push(&text[kept..at]);
                    self.line(indent);
                    if text[end..].starts_with(' ') {
                        self.sink.push("\\");
                        self.column += 1;
                    }
                    kept = end;
                } else {
                    self.column += 1;
                }
                after_space = true;
            } else if let Some(escape) = escape(character) {
                self.sink.push(&text[kept..at]);
                self.sink.push(&escape);
                self.column += escape.len();
                kept = end;
                after_space = false;
            } else {
                self.column += 1;
                after_space = false;
            }
        }
        self.sink.push(&text[kept..]);
    }

    fn space(&mut self) {
        if !self.after_space {
            self.sink.push(" ");
            self.column += 1;
        }
    }

    /// Writes a mark or a word. `opens`: what it stands for comes behind it in the same line as if at its start.
    fn mark(&mut self, mark: &str, needs_space: bool, opens: bool) {
        if needs_space {
            self.space();
        }
        self.sink.push(mark);
        self.column += mark.len();
        self.after_space = false;
        self.at_indent &= opens;
    }

    /// Goes to `indent` of a new line, or of this one if nothing stands in the way.
    fn line(&mut self, indent: usize) {
        if !self.at_indent || self.column > indent || (self.column == indent && !self.after_space) {
            self.line_end();
        }
        let spaces = indent.saturating_sub(self.column);
        self.sink.push(&" ".repeat(spaces));
        self.column += spaces;
        self.after_space = true;
        self.at_indent = true;
    }

    fn line_end(&mut self) {
        self.sink.push("\n");
        self.column = 0;
    }
}

fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character may stand in a text as it is.
fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' if character != '\u{feff}')
}

/// What stands for a character between double quotes if it may not stand there itself.
fn escape(character: char) -> Option<String> {
    let letter = match character {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => character,
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ if is_printable(character) => return None,
        _ => {
            return Some(match u32::from(character) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            });
        }
    };
    Some(format!("\\{letter}"))
}

/// The first of plain, single and double quotes in which the text can be read back.
fn style(text: &str) -> Style {
    let mut plain = !text.starts_with("---") && !text.starts_with("...") && !text.ends_with(' ');
    let mut before = None;
    for (at, character) in text.char_indices() {
        let follows = text[at + character.len_utf8()..].chars().next();
        let blank_follows = follows.is_none_or(is_blank);
        let near_break = |other: Option<char>| other.is_some_and(is_break);
        if !is_printable(character) || (character == ' ' && (near_break(before) || near_break(follows))) {
            return Style::DoubleQuoted;
        }
        plain &= match character {
            '#' => before.is_some_and(|before| !is_blank(before)),
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
            | ' ' => before.is_some(),
            '-' | '?' => before.is_some() || !blank_follows,
            ':' => !blank_follows,
            _ => !is_break(character),
        };
        before = Some(character);
    }
    if plain && resolve(text) == Scalar::Text { Style::Plain } else { Style::SingleQuoted }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\0') || is_break(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str) -> String {
        let mut sink = Sink::new(usize::MAX);
        write(&Value::from_json(&serde_json::from_str(json).unwrap()), &mut sink);
        String::from_utf8(sink.into_bytes()).unwrap()
    }

    /// The expected texts of these tests are those of the official CLI 2.38.5.
    #[test]
    fn texts_get_the_quotes_that_they_need() {
        let cases = [
            ("", "''"),
            ("true", "'true'"),
            ("yes", "yes"),
            ("null", "'null'"),
            ("012", "'012'"),
            ("1_000", "'1_000'"),
            ("1:30", "1:30"),
            (".5", "'.5'"),
            ("1e3", "'1e3'"),
            ("+", "+"),
            ("2020-01-01", "'2020-01-01'"),
            ("2020-01-01T00:00:00+00:00", "'2020-01-01T00:00:00+00:00'"),
            ("=", "'='"),
            ("-", "'-'"),
            ("-a", "-a"),
            ("a: b", "'a: b'"),
            ("a:b", "a:b"),
            ("a #b", "'a #b'"),
            ("a#b", "a#b"),
            ("a ", "'a '"),
            ("it's", "it's"),
            ("'it's", "'''it''s'"),
            ("{a", "'{a'"),
            ("a]", "a]"),
            ("--- a", "'--- a'"),
            ("a\\b", "a\\b"),
            ("a\tb", "\"a\\tb\""),
            ("😀", "\"\\U0001F600\""),
            ("é", "é"),
            ("\u{85}", "\"\\N\""),
            ("\u{7f}", "\"\\x7F\""),
            ("\u{feff}", "\"\\uFEFF\""),
            ("a\nb", "'a\n\n  b'"),
            ("a\n\nb\n", "'a\n\n\n  b\n\n  '"),
            ("a\n b", "\"a\\n b\""),
        ];
        for (text, shown) in cases {
            let json = serde_json::json!([text]).to_string();
            assert_eq!(written(&json), format!("- {shown}\n"), "{text:?}");
        }
    }

    #[test]
    fn long_lines_are_broken_at_spaces() {
        let plain = "x".repeat(79);
        assert_eq!(written(&format!("[\"{plain} y z\"]")), format!("- {plain}\n  y z\n"));
        let quoted = "it: ".repeat(21);
        assert_eq!(
            written(&format!("[\"{quoted}it\"]")),
            format!("- '{}\n  it: it'\n", quoted[..79].trim_end())
        );
        let escaped = format!("{}  b", "a".repeat(90));
        assert_eq!(written(&format!("[\"\\t{escaped}\"]")), format!("- \"\\t{}\n  \\ b\"\n", "a".repeat(90)));
    }

    #[test]
    fn values_stand_below_each_other() {
        let nested = r#"{"b":{"d":[[1,[]],{"x":null,"a":1.5}],"c":{}},"a":[],"é":1e-7,"Z":true}"#;
        let expected =
            "Z: true\na: []\nb:\n  c: {}\n  d:\n  - - 1\n    - []\n  - a: 1.5\n    x: null\né: 1e-07\n";
        assert_eq!(written(nested), expected);
        let key = "k".repeat(129);
        assert_eq!(
            written(&format!("[{{\"{key}\":[1],\"a\\nb\":2}}]")),
            format!("- ? 'a\n\n    b'\n  : 2\n  ? {key}\n  : - 1\n")
        );
    }
}
