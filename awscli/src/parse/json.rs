//! JSON bodies, and results out of trees of values (which CBOR bodies share).

use super::{
    MAX_DEPTH, MAX_VALUES, ParseError, Reader, Target, decode_base64, float, is_in_body, union_member,
};
use crate::model::{Kind, Member, Protocol};
use crate::serialize::wire_name;
use crate::timestamp;
use crate::value::{Map, Value};

/// The result of a JSON response.
pub(super) fn result(reader: &Reader<'_>, output: Target<'_>) -> Result<Map, ParseError> {
    if reader.response.body.is_empty() {
        return Ok(Map::new());
    }
    let body = parse_document(&reader.response.body)?;
    match structure(reader, output, body)? {
        Value::Map(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// Reads JSON text into plain values.
pub(super) fn parse_document(body: &[u8]) -> Result<Value, ParseError> {
    check_size(body)?;
    let value: serde_json::Value = serde_json::from_slice(body)
        .map_err(|error| ParseError::Syntax { format: "JSON", reason: error.to_string() })?;
    Ok(from_json(value))
}

/// Counts what will become values before memory is spent on them.
fn check_size(body: &[u8]) -> Result<(), ParseError> {
    let (mut depth, mut count) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in body {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b',' => count += 1,
            b'[' | b'{' => {
                depth += 1;
                count += 1;
                if depth >= MAX_DEPTH {
                    return Err(ParseError::TooDeep);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if count > MAX_VALUES {
            return Err(ParseError::TooMany);
        }
    }
    Ok(())
}

/// Plain values out of serde's.
pub(crate) fn from_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Number(number) => {
            let digits = number.to_string();
            match super::integer(&digits) {
                Some(integer) => integer,
                None => Value::Float(digits.parse().unwrap_or(f64::NAN)),
            }
        }
        serde_json::Value::String(text) => Value::Str(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.into_iter().map(|(key, value)| (key, from_json(value))).collect())
        }
    }
}

/// A structure out of plain values. Null stays null.
pub(super) fn structure(reader: &Reader<'_>, target: Target<'_>, raw: Value) -> Result<Value, ParseError> {
    if target.structure.document {
        return Ok(raw);
    }
    let mut raw = match raw {
        Value::Null => return Ok(Value::Null),
        Value::Map(map) => map,
        _ => return Err(ParseError::Type { shape: target.name.to_owned() }),
    };
    if target.structure.union {
        let came = raw.iter().filter(|(key, value)| *key != "__type" && **value != Value::Null);
        if let Some(unknown) = union_member(target, came.map(|(key, _)| key.as_str()), wire_name)? {
            return Ok(unknown);
        }
    }
    let mut map = Map::new();
    for member in target.structure.members.iter().filter(|member| is_in_body(member)) {
        match raw.swap_remove(wire_name(member)) {
            None | Some(Value::Null) => {}
            Some(raw) => {
                map.insert(member.name.clone(), value(reader, member, raw)?);
            }
        }
    }
    Ok(Value::Map(map))
}

/// A member's value out of plain values.
pub(super) fn value(reader: &Reader<'_>, member: &Member, raw: Value) -> Result<Value, ParseError> {
    let wrong = || reader.type_error(member);
    let rest = reader.service.protocol == Protocol::RestJson;
    Ok(match (reader.kind(member), raw) {
        (_, Value::Null) => Value::Null,
        (Kind::Structure(inner), raw) => {
            let target = Target { name: reader.shape_name(member), structure: inner };
            structure(reader, target, raw)?
        }
        (Kind::List { member: item, .. }, Value::List(items)) => {
            let items: Result<_, _> = items.into_iter().map(|raw| value(reader, item, raw)).collect();
            Value::List(items?)
        }
        (Kind::Map { value: map_value, .. }, Value::Map(map)) => {
            let map: Result<Map, ParseError> =
                map.into_iter().map(|(key, raw)| Ok((key, value(reader, map_value, raw)?))).collect();
            Value::Map(map?)
        }
        (Kind::List { .. } | Kind::Map { .. }, _) => return Err(wrong()),
        (Kind::Timestamp { .. }, raw @ Value::Timestamp(_)) => raw,
        (Kind::Timestamp { .. }, Value::Str(text)) => super::time_of_text(&text).ok_or_else(wrong)?,
        (Kind::Timestamp { .. }, raw) => {
            super::timestamp_value(timestamp::from_value(&raw)).ok_or_else(wrong)?
        }
        (Kind::Blob { .. }, Value::Str(text)) => Value::Bytes(decode_base64(&text).ok_or_else(wrong)?),
        (Kind::Boolean, Value::Str(text)) if rest => Value::Bool(text.eq_ignore_ascii_case("true")),
        (Kind::Integer { .. } | Kind::Long { .. }, Value::Float(number)) if rest => Value::Int(number as i64),
        (Kind::Integer { .. } | Kind::Long { .. }, Value::Str(text)) if rest => {
            super::integer(text.trim()).ok_or_else(wrong)?
        }
        (Kind::Float { .. } | Kind::Double { .. }, Value::Int(number)) if rest => Value::Float(number as f64),
        (Kind::Float { .. } | Kind::Double { .. }, Value::Str(text)) if rest => {
            Value::Float(float(text.trim()).ok_or_else(wrong)?)
        }
        (_, raw) => raw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_bounded() {
        for (depth, fits) in
            [(MAX_DEPTH - 2, true), (MAX_DEPTH - 1, true), (MAX_DEPTH, false), (100_000, false)]
        {
            let body = "[".repeat(depth) + &"]".repeat(depth);
            assert_eq!(parse_document(body.as_bytes()).is_ok(), fits, "{depth}");
        }
    }

    #[test]
    fn number_of_values_is_bounded() {
        for (count, fits) in [(MAX_VALUES - 1, true), (MAX_VALUES, true), (MAX_VALUES + 1, false)] {
            let body = format!("[{}0]", "0,".repeat(count - 1));
            assert_eq!(check_size(body.as_bytes()).is_ok(), fits, "{count}");
        }
        let text = format!("[\"\\\"{}\"]", ",[{".repeat(MAX_VALUES));
        assert_eq!(check_size(text.as_bytes()), Ok(()), "what is in a string is no value");
    }

    #[test]
    fn numbers_keep_their_digits() {
        let text = b"[1, -2, 123456789012345678901234567890, 1.5, 1e3]";
        let Ok(Value::List(items)) = parse_document(text) else { panic!("not a list") };
        let expected = [
            Value::Int(1),
            Value::Int(-2),
            Value::BigInt("123456789012345678901234567890".to_owned()),
            Value::Float(1.5),
            Value::Float(1000.0),
        ];
        assert_eq!(items, expected);
    }
}
