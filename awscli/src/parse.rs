//! HTTP responses to results and service errors, for each wire protocol. Results hold the members that came, in the
//! model's order. Responses are hostile: depth and number of values are bounded, XML knows no entities but the five
//! predefined ones and numbers, and what the model does not name is ignored.

mod cbor;
mod error;
mod event_stream;
mod json;
mod rest;
mod xml;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;
use time::OffsetDateTime;

pub use error::ServiceError;
pub(crate) use xml::is_error_document;
pub(crate) use xml::root_text as xml_root_text;

use crate::command::parse_date;
use crate::format::{iso_8601, repr_bytes};
use crate::model::{Kind, Location, Member, Operation, Protocol, Service, Structure};
use crate::timestamp;
use crate::value::{Map, Timestamp, Value};

/// How deep the values of a response may nest.
pub const MAX_DEPTH: usize = 128;

/// How many values (elements, members, items) one response may have. A value takes more memory than its few bytes on
/// the wire, so a bound on bytes alone would not bound memory.
pub const MAX_VALUES: usize = 1_000_000;

/// A value out of JSON text. `None`: it is none, or one beyond the bounds of responses.
pub fn from_json_text(text: &str) -> Option<Value> {
    json::parse_document(text.as_bytes()).ok()
}

/// First status of the responses that are errors.
const FIRST_ERROR_STATUS: u16 = 300;

/// One response as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// Headers in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The value of the first header `name`, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether the status says that the service refused or failed.
    pub fn is_error(&self) -> bool {
        self.status >= FIRST_ERROR_STATUS
    }
}

/// Why a response cannot be understood.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ParseError {
    /// `<a><b></a>`.
    #[error("Unable to parse response, invalid {format} received: {reason}")]
    Syntax {
        /// JSON, CBOR or event stream.
        format: &'static str,
        /// What the parser stumbled over.
        reason: String,
    },
    /// `<a><b></a>`.
    #[error(
        "Unable to parse response ({reason}), invalid XML received. Further retries may succeed:\n{}",
        repr_bytes(body)
    )]
    Xml {
        /// What the parser stumbled over and where, in the words of the official CLI's parser: `mismatched tag: line 1,
        /// column 8`.
        reason: String,
        /// The whole body.
        body: bytes::Bytes,
    },
    /// A number where a structure should be.
    #[error("Unable to parse response: {shape} has an unexpected value")]
    Type {
        /// The shape's name.
        shape: String,
    },
    /// `{"a": 1, "b": 2}` where one of the two must be.
    #[error("Invalid service response: {0} must have one and only one member set.")]
    Union(String),
    /// The service's error that a stream of events ends with.
    #[error("the response broke off with an error: {}: {}", .0.code, .0.message)]
    Stream(Box<ServiceError>),
    /// A part of a stream of events was garbled.
    #[error("Checksum mismatch: expected {expected:#010x}, calculated {found:#010x}")]
    EventChecksum {
        /// As in the stream.
        expected: u32,
        /// As computed.
        found: u32,
    },
    /// Beyond [`MAX_DEPTH`].
    #[error("Unable to parse response: it nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Beyond [`MAX_VALUES`].
    #[error("Unable to parse response: it has more than {MAX_VALUES} values")]
    TooMany,
}

/// What a service answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The operation's result.
    Result(Map),
    /// A result whose stream of events ends before its end, with why.
    Interrupted(Map, ParseError),
    /// The service's error.
    Error(ServiceError),
}

/// Reads the response to a call of `operation`.
pub fn parse(
    service: &Service,
    operation: &Operation,
    response: &HttpResponse,
) -> Result<Answer, ParseError> {
    let reader = Reader { service, operation, response };
    if response.is_error() {
        return error::read(&reader).map(Answer::Error);
    }
    let Some(output) = reader.output() else {
        return Ok(Answer::Result(Map::new()));
    };
    if let Some(stream) = reader.stream(output) {
        return event_stream::answer(&reader, output, stream);
    }
    let result = match service.protocol {
        Protocol::Json => json::result(&reader, output)?,
        Protocol::Cbor => cbor::result(&reader, output)?,
        Protocol::Query | Protocol::Ec2 => xml::result(&reader, output)?,
        Protocol::RestJson | Protocol::RestXml => rest::read(&reader, output)?,
    };
    Ok(Answer::Result(result))
}

/// What every protocol's reader looks things up in.
struct Reader<'a> {
    service: &'a Service,
    operation: &'a Operation,
    response: &'a HttpResponse,
}

/// A structure with its name, for messages.
#[derive(Clone, Copy)]
struct Target<'a> {
    name: &'a str,
    structure: &'a Structure,
}

impl<'a> Reader<'a> {
    fn kind(&self, member: &Member) -> &'a Kind {
        &self.service.shapes[member.shape as usize].kind
    }

    fn shape_name(&self, member: &Member) -> &'a str {
        &self.service.shapes[member.shape as usize].name
    }

    fn target(&self, shape: u32) -> Option<Target<'a>> {
        let shape = &self.service.shapes[shape as usize];
        match &shape.kind {
            Kind::Structure(structure) => Some(Target { name: &shape.name, structure }),
            _ => None,
        }
    }

    fn output(&self) -> Option<Target<'a>> {
        self.target(self.operation.output?)
    }

    /// The member of a result that is a stream of events.
    fn stream(&self, output: Target<'a>) -> Option<(&'a Member, &'a Structure)> {
        output.structure.members.iter().find_map(|member| match self.kind(member) {
            Kind::Structure(structure) if structure.event_stream => Some((member, structure)),
            _ => None,
        })
    }

    fn type_error(&self, member: &Member) -> ParseError {
        ParseError::Type { shape: self.shape_name(member).to_owned() }
    }

    /// A scalar from the text of a header or an XML element.
    fn scalar(&self, member: &Member, text: &str) -> Result<Value, ParseError> {
        let wrong = || self.type_error(member);
        Ok(match self.kind(member) {
            Kind::Boolean => Value::Bool(text.trim().eq_ignore_ascii_case("true")),
            Kind::Integer { .. } | Kind::Long { .. } => integer(text.trim()).ok_or_else(wrong)?,
            Kind::Float { .. } | Kind::Double { .. } => Value::Float(float(text.trim()).ok_or_else(wrong)?),
            Kind::Timestamp { .. } => time_of_text(text).ok_or_else(wrong)?,
            Kind::Blob { .. } => Value::Bytes(decode_base64(text).ok_or_else(wrong)?),
            Kind::String { .. } => Value::Str(text.to_owned()),
            Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } => return Err(wrong()),
        })
    }
}

/// The members of a union that came, reduced to the one that may. `Ok(None)`: it is one that the model does not know.
fn union_member<'n>(
    target: Target<'_>,
    mut came: impl Iterator<Item = &'n str>,
    known: impl Fn(&Member) -> &str,
) -> Result<Option<Value>, ParseError> {
    let (Some(tag), None) = (came.next(), came.next()) else {
        return Err(ParseError::Union(target.name.to_owned()));
    };
    if target.structure.members.iter().any(|member| known(member) == tag) {
        return Ok(None);
    }
    let name = Map::from_iter([("name".to_owned(), Value::Str(tag.to_owned()))]);
    Ok(Some(Value::Map(Map::from_iter([("SDK_UNKNOWN_MEMBER".to_owned(), Value::Map(name))]))))
}

/// Whether the body holds the member.
fn is_in_body(member: &Member) -> bool {
    !matches!(member.location, Location::Header | Location::Headers | Location::StatusCode)
        && !member.event_header
}

fn timestamp_value(time: Option<OffsetDateTime>) -> Option<Value> {
    time.map(|time| Value::Timestamp(Timestamp(time)))
}

/// A time in any form. One without a zone is a text without one, as the official CLI shows it.
fn time_of_text(text: &str) -> Option<Value> {
    let read = |text: &str| timestamp::parse(text).or_else(|| parse_date(text, OffsetDateTime::UNIX_EPOCH));
    let time = Timestamp(read(text)?);
    let has_zone = read(&format!("{}Z", text.trim_end())).is_none();
    if has_zone {
        return Some(Value::Timestamp(time));
    }
    let shown = iso_8601(&time);
    Some(Value::Str(shown.strip_suffix("+00:00").unwrap_or(&shown).to_owned()))
}

fn integer(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse() {
        return Some(Value::Int(number));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Value::BigInt(text.to_owned()))
}

fn float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Base64 with or without its padding; other characters are skipped, as line breaks in long values must be.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+' || *byte == b'/';
    let digits: Vec<u8> = text.bytes().filter(is_digit).collect();
    ENGINE.decode(digits).ok()
}
