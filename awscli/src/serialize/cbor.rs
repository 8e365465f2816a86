//! Smithy RPC v2 with CBOR bodies (RFC 8949), in the shortest definite-length form.

use super::{
    HttpRequest, SerializeError, Writer, as_list, as_map, blob_bytes, member, type_error, wire_name,
};
use crate::model::{Kind, Member, Structure, TimestampFormat};
use crate::timestamp::Written;
use crate::value::{Map, Value};

const UNSIGNED: u8 = 0 << 5;
const NEGATIVE: u8 = 1 << 5;
const BYTES: u8 = 2 << 5;
const TEXT: u8 = 3 << 5;
const LIST: u8 = 4 << 5;
const MAP: u8 = 5 << 5;
const TIMESTAMP_TAG: u8 = (6 << 5) | 1;
const SIMPLE: u8 = 7 << 5;

pub(super) fn request(writer: &Writer<'_>, params: &Map) -> Result<HttpRequest, SerializeError> {
    let (service, operation) = (writer.service, writer.operation);
    let mut headers = vec![("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned())];
    if service.query_compatible {
        headers.push(("x-amzn-query-mode".to_owned(), "true".to_owned()));
    }
    headers.push(("Accept".to_owned(), "application/cbor".to_owned()));
    let mut body = Body { writer, bytes: Vec::new() };
    if let Some(input) = writer.input() {
        body.structure(input, params)?;
        headers.push(("Content-Type".to_owned(), "application/cbor".to_owned()));
    }
    Ok(HttpRequest {
        method: "POST".to_owned(),
        path: format!("/service/{}/operation/{}", service.target_prefix, operation.name),
        headers,
        body: body.bytes.into(),
        ..HttpRequest::default()
    })
}

struct Body<'a> {
    writer: &'a Writer<'a>,
    bytes: Vec<u8>,
}

impl Body<'_> {
    /// A major type with its number in as few bytes as it needs.
    fn head(&mut self, major: u8, number: u64) {
        match number {
            0..24 => self.bytes.push(major | number as u8),
            24..0x100 => self.bytes.extend([major | 24, number as u8]),
            0x100..0x1_0000 => {
                self.bytes.push(major | 25);
                self.bytes.extend((number as u16).to_be_bytes());
            }
            0x1_0000..0x1_0000_0000 => {
                self.bytes.push(major | 26);
                self.bytes.extend((number as u32).to_be_bytes());
            }
            _ => {
                self.bytes.push(major | 27);
                self.bytes.extend(number.to_be_bytes());
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn integer(&mut self, number: i64) {
        if number >= 0 {
            self.head(UNSIGNED, number.unsigned_abs());
        } else {
            self.head(NEGATIVE, (-1 - number).unsigned_abs());
        }
    }

    fn double(&mut self, number: f64) {
        match half(number) {
            Some(bits) => {
                self.bytes.push(SIMPLE | 25);
                self.bytes.extend(bits.to_be_bytes());
            }
            None => {
                self.bytes.push(SIMPLE | 27);
                self.bytes.extend(number.to_be_bytes());
            }
        }
    }

    fn structure(&mut self, structure: &Structure, params: &Map) -> Result<(), SerializeError> {
        let given: Vec<_> = params.iter().filter(|(_, value)| **value != Value::Null).collect();
        self.head(MAP, given.len() as u64);
        for (key, value) in given {
            let target = member(structure, key)?;
            self.text(wire_name(target));
            self.value(target, value)?;
        }
        Ok(())
    }

    fn value(&mut self, member: &Member, value: &Value) -> Result<(), SerializeError> {
        if *value == Value::Null {
            self.bytes.push(SIMPLE | 22);
            return Ok(());
        }
        match (self.writer.kind(member), value) {
            (Kind::Structure(structure), _) => self.structure(structure, as_map(member, value)?)?,
            (Kind::List { member: item, .. }, _) => {
                let items = as_list(member, value)?;
                self.head(LIST, items.len() as u64);
                for value in items {
                    self.value(item, value)?;
                }
            }
            (Kind::Map { value: map_value, .. }, _) => {
                let map = as_map(member, value)?;
                self.head(MAP, map.len() as u64);
                for (key, value) in map {
                    self.text(key);
                    self.value(map_value, value)?;
                }
            }
            (Kind::Blob { .. }, _) => {
                let bytes = blob_bytes(member, value)?;
                self.head(BYTES, bytes.len() as u64);
                self.bytes.extend(bytes);
            }
            (Kind::Timestamp { .. }, _) => {
                self.bytes.push(TIMESTAMP_TAG);
                // The protocol has one form of time, whatever the model says for others.
                let plain = Member { timestamp_format: TimestampFormat::Unix, ..member.clone() };
                match self.writer.timestamp(&plain, value, TimestampFormat::Unix)? {
                    Written::Seconds(seconds) => self.integer(seconds),
                    Written::Fraction(seconds) => self.double(seconds),
                    Written::Text(_) => return Err(type_error(member)),
                }
            }
            (Kind::Float { .. }, Value::Float(number)) => match half(*number) {
                Some(bits) => {
                    self.bytes.push(SIMPLE | 25);
                    self.bytes.extend(bits.to_be_bytes());
                }
                None => {
                    self.bytes.push(SIMPLE | 26);
                    self.bytes.extend((*number as f32).to_be_bytes());
                }
            },
            (Kind::Float { .. } | Kind::Double { .. }, Value::Int(number)) => self.double(*number as f64),
            (Kind::Double { .. }, Value::Float(number)) => self.double(*number),
            (Kind::Boolean, Value::Bool(flag)) => self.bytes.push(SIMPLE | if *flag { 21 } else { 20 }),
            (_, Value::Int(number)) => self.integer(*number),
            (_, Value::Str(text)) => self.text(text),
            _ => return Err(type_error(member)),
        }
        Ok(())
    }
}

/// The 16-bit form of the floats that are no numbers.
fn half(number: f64) -> Option<u16> {
    if number.is_nan() {
        Some(0x7E00)
    } else if number == f64::INFINITY {
        Some(0x7C00)
    } else if number == f64::NEG_INFINITY {
        Some(0xFC00)
    } else {
        None
    }
}
