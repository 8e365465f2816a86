//! JSON bodies, written with the spaces and escapes of Python's `json.dumps`, so that bodies and with them signatures
//! can be compared byte by byte with those of the official CLI.

use super::{HttpRequest, SerializeError, Writer, as_list, as_map, blob_bytes, member, special_float};
use crate::model::{Kind, Member, Structure, TimestampFormat};
use crate::timestamp::Written;
use crate::value::{Map, Value};

pub(super) fn request(writer: &Writer<'_>, params: &Map) -> Result<HttpRequest, SerializeError> {
    let (service, operation) = (writer.service, writer.operation);
    let mut headers = vec![
        ("X-Amz-Target".to_owned(), format!("{}.{}", service.target_prefix, operation.name)),
        ("Content-Type".to_owned(), format!("application/x-amz-json-{}", service.json_version)),
    ];
    if service.query_compatible {
        headers.push(("x-amzn-query-mode".to_owned(), "true".to_owned()));
    }
    let body = match writer.input() {
        Some(input) => structure_text(writer, input, params)?,
        None => "{}".to_owned(),
    };
    Ok(HttpRequest {
        method: writer.method(),
        path: "/".to_owned(),
        headers,
        body: body.into_bytes().into(),
        ..HttpRequest::default()
    })
}

/// A structure as JSON text.
pub(super) fn structure_text(
    writer: &Writer<'_>,
    structure: &Structure,
    params: &Map,
) -> Result<String, SerializeError> {
    let mut body = Body { writer, text: String::new() };
    body.structure(structure, params)?;
    Ok(body.text)
}

/// A payload member as JSON text.
pub(super) fn member_text(
    writer: &Writer<'_>,
    member: &Member,
    value: &Value,
) -> Result<String, SerializeError> {
    let mut body = Body { writer, text: String::new() };
    body.value(member, value)?;
    Ok(body.text)
}

struct Body<'a> {
    writer: &'a Writer<'a>,
    text: String,
}

impl Body<'_> {
    fn structure(&mut self, structure: &Structure, params: &Map) -> Result<(), SerializeError> {
        self.text.push('{');
        let mut first = true;
        for (key, value) in params {
            if *value == Value::Null {
                continue;
            }
            let target = member(structure, key)?;
            if !std::mem::take(&mut first) {
                self.text.push_str(", ");
            }
            write_string(&mut self.text, super::wire_name(target));
            self.text.push_str(": ");
            self.value(target, value)?;
        }
        self.text.push('}');
        Ok(())
    }

    fn value(&mut self, member: &Member, value: &Value) -> Result<(), SerializeError> {
        if *value == Value::Null {
            self.text.push_str("null");
            return Ok(());
        }
        match self.writer.kind(member) {
            Kind::Structure(structure) if structure.document => {
                write_document(&mut self.text, value, ", ", ": ")
            }
            Kind::Structure(structure) => self.structure(structure, as_map(member, value)?)?,
            Kind::Map { value: map_value, .. } => {
                self.text.push('{');
                for (index, (key, value)) in as_map(member, value)?.iter().enumerate() {
                    if index > 0 {
                        self.text.push_str(", ");
                    }
                    write_string(&mut self.text, key);
                    self.text.push_str(": ");
                    self.value(map_value, value)?;
                }
                self.text.push('}');
            }
            Kind::List { member: item, .. } => {
                self.text.push('[');
                for (index, value) in as_list(member, value)?.iter().enumerate() {
                    if index > 0 {
                        self.text.push_str(", ");
                    }
                    self.value(item, value)?;
                }
                self.text.push(']');
            }
            Kind::Timestamp { .. } => match self.writer.timestamp(member, value, TimestampFormat::Unix)? {
                Written::Text(text) => write_string(&mut self.text, &text),
                number => self.text.push_str(&number.to_string()),
            },
            Kind::Blob { .. } => {
                let text = super::base64(blob_bytes(member, value)?);
                write_string(&mut self.text, &text);
            }
            Kind::Float { .. } | Kind::Double { .. } => match value {
                Value::Float(number) => match special_float(*number) {
                    Some(name) => write_string(&mut self.text, name),
                    None => self.text.push_str(&super::python_float(*number)),
                },
                other => write_document(&mut self.text, other, ", ", ": "),
            },
            _ => write_document(&mut self.text, value, ", ", ": "),
        }
        Ok(())
    }
}

/// Writes any value as JSON with the separators given.
pub(super) fn write_document(text: &mut String, value: &Value, comma: &str, colon: &str) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Float(number) if !number.is_nan() && special_float(*number).is_none() => {
            text.push_str(&super::python_float(*number));
        }
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) => {
            text.push_str(&super::scalar_text(value));
        }
        Value::Str(string) => write_string(text, string),
        Value::Bytes(_) | Value::Timestamp(_) | Value::Date(_) => {
            write_string(text, &super::scalar_text(value))
        }
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(comma);
                }
                write_document(text, item, comma, colon);
            }
            text.push(']');
        }
        Value::Map(map) => {
            text.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    text.push_str(comma);
                }
                write_string(text, key);
                text.push_str(colon);
                write_document(text, item, comma, colon);
            }
            text.push('}');
        }
    }
}

/// A JSON string in pure ASCII.
fn write_string(text: &mut String, string: &str) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text.push('"');
}
