//! Parameters to HTTP requests, for each wire protocol. The parameters are already validated; what is written here is
//! only their form on the wire. Member order is that of the parameters, as in the official CLI, because it can be seen
//! in bodies and query strings.

mod cbor;
mod form;
mod json;
mod rest;
mod xml;

use std::borrow::Cow;

use base64::Engine as _;
use bytes::Bytes;
pub(crate) use form::encode as form_encode;
use thiserror::Error;

use crate::model::{Kind, Location, Member, Operation, Protocol, Service, Structure, TimestampFormat};
use crate::timestamp;
use crate::value::{Map, Value};

/// One request, before an endpoint and a signature are added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpRequest {
    /// The HTTP method.
    pub method: String,
    /// The percent-encoded path. Empty or starting with `/`; it is appended to the endpoint's own path.
    pub path: String,
    /// The percent-encoded query string without `?`.
    pub query: String,
    /// Headers in the order in which they were set.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl HttpRequest {
    /// The value of the header `name`, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Sets a header, replacing one of the same name.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.headers.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some(header) => header.1 = value,
            None => self.headers.push((name.to_owned(), value)),
        }
    }

    /// Appends one pair to the query string, encoding it.
    pub fn push_query(&mut self, key: &str, value: &str) {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        percent_encode_into(&mut self.query, key, "");
        self.query.push('=');
        percent_encode_into(&mut self.query, value, "");
    }
}

/// Why parameters cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SerializeError {
    /// The path needs a parameter that was not given.
    #[error("missing value for the parameter {0}, which is part of the request's address")]
    MissingLabel(String),
    /// A value has not the type that the model gives it.
    #[error("Invalid type for parameter {0}")]
    Type(String),
    /// A timestamp cannot be read.
    #[error("Invalid timestamp \"{0}\"")]
    Timestamp(String),
    /// The model names a parameter that is not in the operation's input.
    #[error("Unknown parameter in input: \"{0}\"")]
    Unknown(String),
}

/// Writes a call's parameters as `service`'s protocol wants them.
pub fn serialize(
    service: &Service,
    operation: &Operation,
    params: &Map,
) -> Result<HttpRequest, SerializeError> {
    let writer = Writer { service, operation };
    match service.protocol {
        Protocol::Query | Protocol::Ec2 => form::request(&writer, params),
        Protocol::Json => json::request(&writer, params),
        Protocol::RestJson | Protocol::RestXml => rest::request(&writer, params),
        Protocol::Cbor => cbor::request(&writer, params),
    }
}

/// What every protocol's writer looks things up in.
struct Writer<'a> {
    service: &'a Service,
    operation: &'a Operation,
}

impl<'a> Writer<'a> {
    fn kind(&self, member: &Member) -> &'a Kind {
        &self.service.shapes[member.shape as usize].kind
    }

    /// The operation's input structure, if it has one.
    fn input(&self) -> Option<&'a Structure> {
        match &self.service.shapes[self.operation.input? as usize].kind {
            Kind::Structure(structure) => Some(structure),
            _ => None,
        }
    }

    fn method(&self) -> String {
        if self.operation.method.is_empty() { "POST".to_owned() } else { self.operation.method.clone() }
    }

    fn timestamp(
        &self,
        member: &Member,
        value: &Value,
        default: TimestampFormat,
    ) -> Result<timestamp::Written, SerializeError> {
        let own = match self.kind(member) {
            Kind::Timestamp { format } => *format,
            _ => TimestampFormat::Default,
        };
        let format = [member.timestamp_format, own, default]
            .into_iter()
            .find(|format| *format != TimestampFormat::Default)
            .unwrap_or(TimestampFormat::Iso8601);
        let time = timestamp::from_value(value)
            .ok_or_else(|| SerializeError::Timestamp(scalar_text(value).into_owned()))?;
        Ok(timestamp::write(time, format))
    }
}

/// Finds the member `name` of a structure.
fn member<'a>(structure: &'a Structure, name: &str) -> Result<&'a Member, SerializeError> {
    structure
        .members
        .iter()
        .find(|member| member.name == name)
        .ok_or_else(|| SerializeError::Unknown(name.to_owned()))
}

/// The member's name on the wire.
pub(crate) fn wire_name(member: &Member) -> &str {
    if member.location_name.is_empty() { &member.name } else { &member.location_name }
}

/// Whether a list or map is written without an element of its own.
pub(crate) fn is_flattened(member: &Member, kind: &Kind) -> bool {
    member.flattened
        || match kind {
            Kind::List { flattened, .. } | Kind::Map { flattened, .. } => *flattened,
            _ => false,
        }
}

fn type_error(member: &Member) -> SerializeError {
    SerializeError::Type(member.name.clone())
}

fn as_map<'v>(member: &Member, value: &'v Value) -> Result<&'v Map, SerializeError> {
    match value {
        Value::Map(map) => Ok(map),
        _ => Err(type_error(member)),
    }
}

fn as_list<'v>(member: &Member, value: &'v Value) -> Result<&'v [Value], SerializeError> {
    match value {
        Value::List(items) => Ok(items),
        _ => Err(type_error(member)),
    }
}

/// A blob's bytes. Text stands for its UTF-8 form.
fn blob_bytes<'v>(member: &Member, value: &'v Value) -> Result<&'v [u8], SerializeError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        Value::Str(text) => Ok(text.as_bytes()),
        _ => Err(type_error(member)),
    }
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A scalar as Python's `str` would write it, except that floats beyond numbers get the names that AWS gives them.
fn scalar_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Str(text) | Value::BigInt(text) => Cow::Borrowed(text),
        Value::Int(number) => Cow::Owned(number.to_string()),
        Value::Float(number) => Cow::Owned(float_text(*number)),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Bytes(bytes) => Cow::Owned(base64(bytes)),
        Value::Timestamp(time) => Cow::Owned(timestamp::write(time.0, TimestampFormat::Iso8601).to_string()),
        Value::Date(date) => Cow::Owned(date.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => Cow::Borrowed(""),
    }
}

fn float_text(number: f64) -> String {
    match special_float(number) {
        Some(name) => name.to_owned(),
        None => python_float(number),
    }
}

/// The names of the floats that are no numbers.
fn special_float(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number == f64::INFINITY {
        Some("Infinity")
    } else if number == f64::NEG_INFINITY {
        Some("-Infinity")
    } else {
        None
    }
}

/// A finite float as Python's `repr` writes it: the shortest digits that read back as the same number, with an
/// exponent below 1e-4 and from 1e16 on, and always with a point or an exponent.
pub(crate) fn python_float(number: f64) -> String {
    if number == 0.0 {
        return if number.is_sign_negative() { "-0.0" } else { "0.0" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{number}");
        if plain.contains('.') { plain } else { plain + ".0" }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    }
}

/// A value as Python's `json.dumps` writes it.
pub(crate) fn python_json(value: &Value) -> String {
    let mut text = String::new();
    json::write_document(&mut text, value, ", ", ": ");
    text
}

/// Percent-encodes UTF-8 text, keeping the characters that RFC 3986 calls unreserved and those in `safe`.
pub(crate) fn percent_encode(text: &str, safe: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    percent_encode_into(&mut encoded, text, safe);
    encoded
}

fn percent_encode_into(encoded: &mut String, text: &str, safe: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || safe.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for nibble in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
            }
        }
    }
}

/// Whether the member goes into the body.
fn is_body(member: &Member) -> bool {
    member.location == Location::Body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_as_in_python() {
        for (number, text) in [
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1e-7, "1e-07"),
            (1e21, "1e+21"),
            (1e16, "1e+16"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (1e15, "1000000000000000.0"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e300, "1.5e+300"),
            (-2.25, "-2.25"),
        ] {
            assert_eq!(python_float(number), text);
        }
    }

    #[test]
    fn percent_encoding_keeps_only_unreserved_characters() {
        assert_eq!(percent_encode("a/b c~é+*", ""), "a%2Fb%20c~%C3%A9%2B%2A");
        assert_eq!(percent_encode("a/b c", "/"), "a/b%20c");
    }
}
