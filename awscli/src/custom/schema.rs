//! The structures that arguments of the CLI's own commands have. No API's model describes them, so they are written down in
//! short: `{…}` is a structure with its members, `!` behind one that must be there, `[…]` a list, `<…>` a map of texts to
//! something, and nothing at all a text. A member's value follows a colon.

use crate::command::UsageError;
use crate::command::validate;
use crate::command::values::Reading;
use crate::files::Files;
use crate::model::{Kind, Member, Packed, Service, Shape, Structure};
use crate::value::Value;

/// How deep the structures of the table are at most.
const MAX_DEPTH: usize = 20;

/// Reads the words of an argument, and checks what they give.
pub fn read(
    schema: &str,
    command: &str,
    option: &str,
    words: &[String],
    files: &dyn Files,
) -> Result<Value, UsageError> {
    let mut shapes = Vec::new();
    let shape = Reader { text: schema.as_bytes(), at: 0 }.shape(&mut shapes, MAX_DEPTH);
    let shapes = Packed::new(&shapes).map_err(|error| UsageError::general(error.to_string()))?;
    let service = Service { id: "custom".to_owned(), shapes, ..Service::default() };
    let member = Member { shape, ..Member::default() };
    let reading = Reading { service: &service, command, option, files };
    let value = match service.shapes[shape as usize].kind {
        Kind::List { .. } => reading.list(&member, words)?,
        _ => reading.one(&member, words.first().map_or("", String::as_str))?,
    };
    let json = words.first().is_some_and(|word| word.trim_start().starts_with(['{', '[']));
    match validate::value_mistakes(&service, &member, &value, json) {
        Some(mistakes) => Err(UsageError::parameter(&mistakes)),
        None => Ok(value),
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// Adds the shape that comes next, and those inside it. Returns its place.
    fn shape(&mut self, shapes: &mut Vec<Shape>, depth: usize) -> u32 {
        let inside = |reader: &mut Self, shapes: &mut Vec<Shape>, name: &str| {
            reader.at += 1;
            let shape = reader.shape(shapes, depth.saturating_sub(1));
            reader.at += 1;
            Member { name: name.to_owned(), shape, ..Member::default() }
        };
        let kind = match self.text.get(self.at) {
            Some(b'{') if depth > 0 => Kind::Structure(self.structure(shapes, depth - 1)),
            Some(b'[') if depth > 0 => {
                Kind::List { member: inside(self, shapes, "member"), flattened: false, min: 0 }
            }
            Some(b'<') if depth > 0 => {
                let value = inside(self, shapes, "value");
                shapes.push(shape(Kind::String { choices: Vec::new(), min: 0 }));
                let key = Member { name: "key".to_owned(), shape: last(shapes), ..Member::default() };
                Kind::Map { key, value, flattened: false }
            }
            _ => match self.word() {
                "integer" => Kind::Integer { min: None },
                "long" => Kind::Long { min: None },
                "double" => Kind::Double { min: None },
                "boolean" => Kind::Boolean,
                _ => Kind::String { choices: Vec::new(), min: 0 },
            },
        };
        shapes.push(shape(kind));
        last(shapes)
    }

    fn structure(&mut self, shapes: &mut Vec<Shape>, depth: usize) -> Structure {
        let mut structure = Structure::default();
        loop {
            self.at += 1;
            let name = self.word().to_owned();
            let required = self.text.get(self.at) == Some(&b'!');
            self.at += usize::from(required);
            let has_shape = self.text.get(self.at) == Some(&b':');
            self.at += usize::from(has_shape);
            let shape = self.shape(shapes, depth);
            structure.members.push(Member { name, shape, required, ..Member::default() });
            if self.text.get(self.at) != Some(&b',') {
                self.at += 1;
                return structure;
            }
            while self.text.get(self.at + 1).is_some_and(u8::is_ascii_whitespace) {
                self.at += 1;
            }
        }
    }

    fn word(&mut self) -> &str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        self.at += length;
        std::str::from_utf8(&rest[..length]).unwrap_or_default()
    }
}

fn shape(kind: Kind) -> Shape {
    Shape { name: String::new(), kind, sensitive: false }
}

fn last(shapes: &[Shape]) -> u32 {
    u32::try_from(shapes.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::MemoryFiles;
    use crate::format::compact_ascii_json;

    const RULES: &str = "[{Name!, Port:integer, Tags:<[]>, Deep:{On:boolean}}]";

    fn value(word: &str) -> Result<String, String> {
        let files = MemoryFiles::new(0);
        let read = read(RULES, "x", "--rules", &[word.to_owned()], &files);
        read.map(|value| compact_ascii_json(&value)).map_err(|error| error.stderr)
    }

    #[test]
    fn words_get_the_types_of_the_schema_and_what_is_missing_is_said() {
        assert_eq!(
            value("Name=a,Port=1,Tags={k=v},Deep={On=true}").unwrap(),
            r#"[{"Name":"a","Port":1,"Tags":{"k":["v"]},"Deep":{"On":true}}]"#
        );
        let error = value("Port=1,X=2").unwrap_err();
        assert!(error.contains("Missing required parameter in [0]: \"Name\""), "{error}");
        assert!(error.contains("must be one of: Name, Port, Tags, Deep"), "{error}");
        assert!(value(r#"[{"Name": 1}]"#).unwrap_err().contains("Invalid type for parameter [0].Name"));
    }

    #[test]
    fn every_schema_of_the_table_is_read_to_its_end() {
        let arguments = crate::custom::COMMANDS.iter().flat_map(|command| command.arguments);
        for schema in arguments.filter_map(|argument| argument.schema) {
            let mut reader = Reader { text: schema.as_bytes(), at: 0 };
            reader.shape(&mut Vec::new(), MAX_DEPTH);
            assert_eq!(reader.at, schema.len(), "{schema}");
        }
    }
}
