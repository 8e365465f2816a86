//! The REST protocols' responses: status, headers, then the body. Members that came in headers stand before those of
//! the body in results, as in the official CLI's output.

use super::{ParseError, Reader, Target, json, xml};
use crate::model::{Kind, Location, Member, Protocol};
use crate::serialize::wire_name;
use crate::value::{Map, Value};

/// Reads all members of an output or an error.
pub(super) fn read(reader: &Reader<'_>, target: Target<'_>) -> Result<Map, ParseError> {
    let mut map = outside_body(reader, target)?;
    let body = &reader.response.body;
    let Some(payload) = target.structure.payload.map(|index| &target.structure.members[index as usize])
    else {
        let members = match whole_body(reader, target, body)? {
            Value::Map(members) => members,
            _ => Map::new(),
        };
        map.extend(members);
        return Ok(map);
    };
    let value = match reader.kind(payload) {
        Kind::Blob { streaming, .. } => raw_payload(body, *streaming || payload.streaming),
        Kind::String { .. } => raw_payload(body, false),
        Kind::Structure(inner) => {
            whole_body(reader, Target { name: reader.shape_name(payload), structure: inner }, body)?
        }
        _ if body.is_empty() => return Ok(map),
        _ if reader.service.protocol == Protocol::RestJson => {
            json::value(reader, payload, json::parse_tree(body)?)?
        }
        _ => return Err(reader.type_error(payload)),
    };
    map.insert(payload.name.clone(), value);
    Ok(map)
}

/// A raw body: text if it can be, unless it is a stream.
fn raw_payload(body: &[u8], streaming: bool) -> Value {
    match String::from_utf8(body.to_vec()) {
        Ok(text) if !streaming => Value::Str(text),
        Ok(text) => Value::Bytes(text.into_bytes()),
        Err(error) => Value::Bytes(error.into_bytes()),
    }
}

/// A structure out of the whole body. An empty body is an empty structure.
fn whole_body(reader: &Reader<'_>, target: Target<'_>, body: &[u8]) -> Result<Value, ParseError> {
    match reader.service.protocol {
        Protocol::RestJson => {
            let body = if body.is_empty() { b"{}".as_slice() } else { body };
            json::structure(reader, target, json::parse_tree(body)?)
        }
        _ => {
            let root = if body.is_empty() { xml::Element::default() } else { xml::parse_document(body)? };
            Ok(Value::Map(xml::structure(reader, target, &root)?))
        }
    }
}

/// The members that came as status or in headers.
pub(super) fn outside_body(reader: &Reader<'_>, target: Target<'_>) -> Result<Map, ParseError> {
    let mut map = Map::new();
    for member in &target.structure.members {
        if let Some(value) = value_outside_body(reader, member)? {
            map.insert(member.name.clone(), value);
        }
    }
    Ok(map)
}

fn value_outside_body(reader: &Reader<'_>, member: &Member) -> Result<Option<Value>, ParseError> {
    Ok(match member.location {
        Location::StatusCode => Some(Value::Int(i64::from(reader.response.status))),
        Location::Headers => {
            let prefix = member.location_name.to_ascii_lowercase();
            let with_prefix = reader.response.headers.iter().filter_map(|(key, value)| {
                let matches = key.to_ascii_lowercase().starts_with(&prefix);
                matches.then(|| (key[prefix.len()..].to_owned(), Value::Str(value.clone())))
            });
            Some(Value::Map(with_prefix.collect()))
        }
        Location::Header => match reader.response.header(wire_name(member)) {
            Some(text) => Some(header_value(reader, member, text)?),
            None => None,
        },
        _ => None,
    })
}

fn header_value(reader: &Reader<'_>, member: &Member, text: &str) -> Result<Value, ParseError> {
    match reader.kind(member) {
        Kind::List { member: item, .. } => {
            let items: Result<_, _> = text.split(',').map(|part| reader.scalar(item, part.trim())).collect();
            Ok(Value::List(items?))
        }
        Kind::String { .. } if member.json_value => {
            let json = super::decode_base64(text).ok_or_else(|| reader.type_error(member))?;
            json::parse_document(&json)
        }
        _ => reader.scalar(member, text),
    }
}
