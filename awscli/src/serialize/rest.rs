//! The REST protocols: members go into the path, the query string, headers or the body, as the model says.

use bytes::Bytes;
use indexmap::IndexMap;

use super::{
    HttpRequest, SerializeError, Writer, blob_bytes, is_body, member, percent_encode, scalar_text, wire_name,
};
use crate::model::{Kind, Location, Member, Protocol, Structure, TimestampFormat};
use crate::timestamp;
use crate::value::{Map, Value};

/// S3's endpoint rules put the bucket into the host or path themselves, so the operations' own paths must not.
const BUCKET_PATH: &str = "/{Bucket}";

pub(super) fn request(writer: &Writer<'_>, params: &Map) -> Result<HttpRequest, SerializeError> {
    let template = match writer.operation.uri.strip_prefix(BUCKET_PATH) {
        Some(rest) if writer.service.name == "s3" => rest,
        _ => writer.operation.uri.as_str(),
    };
    let (path, fixed_query) = template.split_once('?').unwrap_or((template, ""));
    let mut request =
        HttpRequest { method: writer.method(), query: fixed_query.to_owned(), ..HttpRequest::default() };
    let Some(input) = writer.input() else {
        request.path = path.to_owned();
        return Ok(request);
    };
    let mut labels: IndexMap<&str, String> = IndexMap::new();
    let mut query: IndexMap<&str, Vec<String>> = IndexMap::new();
    let mut body = Map::new();
    for (name, value) in params {
        if *value == Value::Null {
            continue;
        }
        let target = member(input, name)?;
        let key = wire_name(target);
        match target.location {
            Location::Uri => {
                labels.insert(key, url_text(writer, target, value)?);
            }
            Location::QueryString => match (writer.kind(target), value) {
                (Kind::Map { .. }, Value::Map(map)) => {
                    for (key, value) in map {
                        query.insert(key, texts(value));
                    }
                }
                (Kind::List { member: item, .. }, Value::List(items)) => {
                    let items: Result<_, _> =
                        items.iter().map(|value| url_text(writer, item, value)).collect();
                    query.insert(key, items?);
                }
                _ => {
                    query.insert(key, vec![url_text(writer, target, value)?]);
                }
            },
            Location::Header => {
                if !matches!(value, Value::List(items) if items.is_empty()) {
                    let text = header_text(writer, target, value)?;
                    request.set_header(key, text);
                }
            }
            Location::Headers => {
                if let Value::Map(map) = value {
                    for (suffix, value) in map {
                        request.set_header(&format!("{}{suffix}", target.location_name), scalar_text(value));
                    }
                }
            }
            Location::Body | Location::StatusCode => {
                body.insert(name.clone(), value.clone());
            }
        }
    }
    request.path = fill_in(path, &labels)?;
    for (key, values) in &query {
        for value in values {
            request.push_query(key, value);
        }
    }
    write_body(writer, input, params, &body, &mut request)?;
    Ok(request)
}

/// Fills the labels of a path template. A label that ends with `+` keeps its slashes.
fn fill_in(template: &str, labels: &IndexMap<&str, String>) -> Result<String, SerializeError> {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        let (label, after) = after.split_once('}').unwrap_or((after, ""));
        let (name, safe) = match label.strip_suffix('+') {
            Some(name) => (name, "/"),
            None => (label, ""),
        };
        let value = labels.get(name).ok_or_else(|| SerializeError::MissingLabel(name.to_owned()))?;
        path.push_str(&percent_encode(value, safe));
        rest = after;
    }
    path.push_str(rest);
    Ok(path)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(|item| scalar_text(item).into_owned()).collect(),
        _ => vec![scalar_text(value).into_owned()],
    }
}

/// A value in the path or the query string.
fn url_text(writer: &Writer<'_>, member: &Member, value: &Value) -> Result<String, SerializeError> {
    match writer.kind(member) {
        Kind::Timestamp { .. } => Ok(writer.timestamp(member, value, TimestampFormat::Iso8601)?.to_string()),
        _ => Ok(scalar_text(value).into_owned()),
    }
}

/// A value in a header.
fn header_text(writer: &Writer<'_>, member: &Member, value: &Value) -> Result<String, SerializeError> {
    match writer.kind(member) {
        Kind::Timestamp { .. } => {
            let whole = timestamp::from_value(value)
                .and_then(|time| time.replace_nanosecond(0).ok())
                .ok_or_else(|| SerializeError::Timestamp(scalar_text(value).into_owned()))?;
            let value = Value::Timestamp(crate::value::Timestamp(whole));
            Ok(writer.timestamp(member, &value, TimestampFormat::Rfc822)?.to_string())
        }
        Kind::List { member: item, .. } => {
            let items = super::as_list(member, value)?;
            let is_string = matches!(writer.kind(item), Kind::String { .. });
            let texts: Result<Vec<_>, _> = items
                .iter()
                .filter(|item| **item != Value::Null)
                .map(|value| match value {
                    Value::Str(text) if is_string && text.contains(['"', ',']) => {
                        Ok(format!("\"{}\"", text.replace('"', "\\\"")))
                    }
                    _ => header_text(writer, item, value),
                })
                .collect();
            Ok(texts?.join(","))
        }
        _ if member.json_value => {
            let mut text = String::new();
            super::json::write_document(&mut text, value, ",", ":");
            Ok(super::base64(text.as_bytes()))
        }
        _ => Ok(scalar_text(value).into_owned()),
    }
}

fn write_body(
    writer: &Writer<'_>,
    input: &Structure,
    params: &Map,
    body: &Map,
    request: &mut HttpRequest,
) -> Result<(), SerializeError> {
    let json = writer.service.protocol == Protocol::RestJson;
    if let Some(payload) = input.payload.map(|index| &input.members[index as usize]) {
        let value = params.get(&payload.name).filter(|value| **value != Value::Null);
        match (writer.kind(payload), value) {
            (Kind::Blob { .. } | Kind::String { .. }, value) => {
                // A raw body says nothing about its type unless a header member does.
                if let Some(value) = value {
                    request.body = Bytes::copy_from_slice(blob_bytes(payload, value)?);
                }
                return Ok(());
            }
            (_, Some(value)) if json => {
                request.body = super::json::member_text(writer, payload, value)?.into_bytes().into()
            }
            (_, Some(value)) => {
                request.body = super::xml::member_text(writer, payload, value)?.into_bytes().into()
            }
            (_, None) if json => request.body = Bytes::from_static(b"{}"),
            (_, None) => {}
        }
    } else if !body.is_empty() {
        let text = if json {
            super::json::structure_text(writer, input, body)?
        } else {
            super::xml::input_text(writer, input, body)?
        };
        request.body = text.into_bytes().into();
    } else if json && input.members.iter().any(is_body) {
        request.body = Bytes::from_static(b"{}");
    }
    if json && !request.body.is_empty() && request.header("Content-Type").is_none() {
        request.set_header("Content-Type", "application/json");
    }
    Ok(())
}
