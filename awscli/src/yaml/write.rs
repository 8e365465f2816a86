//! Values in YAML's block style, with the line breaks, quotes and escapes of libyaml, by which the official CLI writes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::SET;
use super::scalar::{Scalar, resolve};
use crate::format::{Sink, float};
use crate::value::{Map, Timestamp, Value};

/// How much deeper the members of a structure stand than the structure.
const INDENT: usize = 2;
/// A longer key stands on a line of its own behind a `?`.
const KEY_BYTES: usize = 128;
/// How many characters of Base64 stand on a line.
const BASE64_WIDTH: usize = 76;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The members of structures are sorted by their keys.
    pub sorted: bool,
    /// A line is broken at the first space behind this column.
    pub width: usize,
    /// As ruamel.yaml's own emitter writes: texts of several lines and with single quotes in them are in double quotes,
    /// and a long word goes to the next line.
    pub ruamel: bool,
    /// Texts that are truth values in YAML 1.1 are in quotes.
    pub template: bool,
    /// Bytes, sets and whole numbers that do not look like one have tags.
    pub items: bool,
}

/// How results are written.
const RESULT: Layout = Layout { sorted: true, width: 80, ruamel: false, template: false, items: false };

/// How items of tables are written.
pub const ITEMS: Layout = Layout { items: true, ..RESULT };

/// Writes a list or structure, and a line end. The members of structures are sorted by their keys.
pub fn write(value: &Value, sink: &mut Sink) {
    write_as(value, RESULT, sink);
}

/// Writes a list or structure in a layout, and a line end.
pub fn write_as(value: &Value, layout: Layout, sink: &mut Sink) {
    let mut writer = Writer { sink, layout, column: 0, after_space: true, at_indent: true };
    writer.node(value, Place::Root, None);
    writer.line_end();
}

/// A text in one line, with the quotes that it needs.
pub fn text(text: &str) -> String {
    let mut sink = Sink::new(usize::MAX);
    Writer { sink: &mut sink, layout: RESULT, column: 0, after_space: true, at_indent: true }.text(
        text,
        Place::Key,
        0,
    );
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

fn is_int(digits: &str) -> bool {
    digits.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a number with a point or a power of ten is whole.
fn is_whole(digits: &str) -> bool {
    let (mantissa, power) = digits.split_once('E').unwrap_or((digits, "0"));
    let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction.trim_end_matches('0'));
    let is_zero = !mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    is_zero || power.parse::<i64>().is_ok_and(|power| fraction.len() as i64 <= power)
}

struct Writer<'a> {
    sink: &'a mut Sink,
    layout: Layout,
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
            Value::Map(map) => match map.get(SET) {
                Some(Value::List(items)) if self.layout.items => self.set(items, deeper),
                _ => self.structure(map, deeper),
            },
            Value::Null => self.plain("null"),
            Value::Bool(value) => self.plain(if *value { "true" } else { "false" }),
            Value::Int(value) => self.plain(&value.to_string()),
            Value::BigInt(digits) if self.layout.items && !is_int(digits) && is_whole(digits) => {
                self.plain(&format!("!!int {digits}"));
            }
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
            Value::Bytes(bytes) if self.layout.items => {
                self.plain(&format!("!!binary \"{}\"", STANDARD.encode(bytes)));
            }
            Value::Bytes(bytes) if self.layout.ruamel => {
                self.plain("!!binary |");
                for line in STANDARD.encode(bytes).as_bytes().chunks(BASE64_WIDTH) {
                    self.line(deeper);
                    self.plain(&String::from_utf8_lossy(line));
                }
            }
            Value::Bytes(_) => self.plain("null"),
        }
    }

    /// A structure of nothing under its items.
    fn set(&mut self, items: &[Value], indent: usize) {
        self.plain("!!set");
        for item in items {
            self.line(indent);
            self.node(item, Place::Key, Some(indent));
            self.mark(":", false, false);
            self.plain("null");
        }
    }

    fn structure(&mut self, map: &Map, indent: usize) {
        let mut members: Vec<(&String, &Value)> = map.iter().collect();
        if self.layout.sorted {
            members.sort_unstable_by_key(|(key, _)| *key);
        }
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
        match style(text, self.layout) {
            Style::Plain if self.layout.ruamel => {
                self.space();
                self.words(text, may_break, indent);
            }
            Style::DoubleQuoted if self.layout.ruamel => {
                self.mark("\"", true, false);
                self.escaped_by_ruamel(text, may_break, indent);
                self.mark("\"", false, false);
            }
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

    /// The content of a text without quotes, as ruamel.yaml's own emitter breaks it.
    fn words(&mut self, text: &str, may_break: bool, indent: usize) {
        let mut rest = text;
        while !rest.is_empty() {
            let spaces = rest.len() - rest.trim_start_matches(' ').len();
            let word = rest[spaces..].split(' ').next().unwrap_or_default();
            if spaces == 1 && may_break && self.column > self.layout.width {
                self.line(indent);
            } else {
                self.sink.push(&rest[..spaces]);
                self.column += spaces;
            }
            let length = word.chars().count();
            self.at_indent = false;
            if self.column.saturating_add(length) > self.layout.width && self.column > indent {
                self.line(indent);
            }
            self.sink.push(word);
            self.column += length;
            self.at_indent = false;
            rest = &rest[spaces + word.len()..];
        }
    }

    /// The content of a text with double quotes, as ruamel.yaml's own emitter breaks it.
    fn escaped_by_ruamel(&mut self, text: &str, may_break: bool, indent: usize) {
        let characters: Vec<char> = text.chars().collect();
        let push = |writer: &mut Self, part: &[char]| {
            writer.sink.push(&part.iter().collect::<String>());
            writer.column += part.len();
        };
        let mut start = 0;
        for end in 0..=characters.len() {
            let character = characters.get(end).copied();
            let escape = character.and_then(|character| escape(character, true));
            if character.is_none() || escape.is_some() {
                push(self, &characters[start.min(end)..end]);
                start = start.max(end);
            }
            if let Some(escape) = escape {
                self.sink.push(&escape);
                self.column += escape.len();
                start = end + 1;
            }
            let ahead = self.column.saturating_add(end.saturating_sub(start));
            let inside = end > 0 && end + 1 < characters.len();
            let fits = (self.layout.width).saturating_add(usize::from(start > end)) >= ahead;
            if inside && (character == Some(' ') || start >= end) && !fits && may_break {
                push(self, &characters[start.min(end)..end]);
                start = start.max(end);
                self.sink.push("\\");
                self.line(indent);
                if characters.get(start) == Some(&' ') {
                    self.sink.push("\\");
                    self.column += 1;
                }
                self.at_indent = false;
            }
        }
    }

    /// The content of a text without quotes or with single ones. One line end would be read as a space, so there is one
    /// more in front of each row of them.
    fn unescaped(&mut self, text: &str, quoted: bool, may_break: bool, indent: usize) {
        let (mut kept, mut after_space, mut after_break) = (0, false, false);
        for (at, character) in text.char_indices() {
            let end = at + character.len_utf8();
            if character == ' ' {
                let inside = at > 0 && end < text.len() && !text[end..].starts_with(' ');
                if may_break && !after_space && self.column > self.layout.width && inside {
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
                if may_break && !after_space && self.column > self.layout.width && at > 0 && end < text.len()
                {
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
            } else if let Some(escape) = escape(character, false) {
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

/// The first character beyond the basic plane.
const ASTRAL: char = '\u{10000}';

/// Whether a character may stand in a text as it is.
fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' if character != '\u{feff}')
}

/// What stands for a character between double quotes if it may not stand there itself.
fn escape(character: char, astral: bool) -> Option<String> {
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
        _ if is_printable(character) || astral && character >= ASTRAL => return None,
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

/// Whether a text means yes or no in YAML 1.1.
fn is_old_word(text: &str) -> bool {
    let same_case = |word: &str| {
        let capital = || word[..1].to_uppercase() + &word[1..];
        text == word || text == capital() || text == word.to_uppercase()
    };
    ["yes", "no", "on", "off"].into_iter().any(same_case)
}

/// The first of plain, single and double quotes in which the text can be read back.
fn style(text: &str, layout: Layout) -> Style {
    let mut plain = !text.starts_with("---") && !text.starts_with("...") && !text.ends_with(' ');
    let mut before = None;
    for (at, character) in text.char_indices() {
        let follows = text[at + character.len_utf8()..].chars().next();
        let blank_follows = follows.is_none_or(is_blank);
        let near_break = |other: Option<char>| other.is_some_and(is_break);
        let printable = is_printable(character) || layout.ruamel && character >= ASTRAL;
        if !printable || (character == ' ' && (near_break(before) || near_break(follows))) {
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
    if !plain && layout.ruamel && text.contains(['\'', '\n']) {
        return Style::DoubleQuoted;
    }
    let is_word = || layout.template && is_old_word(text);
    if plain && resolve(text) == Scalar::Text && !is_word() { Style::Plain } else { Style::SingleQuoted }
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
