//! JSON bodies, and results out of trees of values, of which CBOR bodies are some as well.

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
    match structure(reader, output, parse_tree(&reader.response.body)?)? {
        Value::Map(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// Reads JSON text into plain values.
pub(super) fn parse_document(body: &[u8]) -> Result<Value, ParseError> {
    parse_tree(body).map(from_json)
}

/// Reads JSON text into serde's values.
pub(super) fn parse_tree(body: &[u8]) -> Result<serde_json::Value, ParseError> {
    check_size(body)?;
    serde_json::from_slice(body)
        .map_err(|error| ParseError::Syntax { format: "JSON", reason: error.to_string() })
}

/// A value as a parser gives it. Results are read out of it without a copy in between, since bodies may be large.
pub(super) trait Raw: Sized {
    /// Values by name.
    type Map;

    /// What it is.
    fn tree(self) -> Tree<Self>;

    /// How many values a map has.
    fn len(map: &Self::Map) -> usize;

    /// Takes a value out of a map. The order of the others may change.
    fn remove(map: &mut Self::Map, name: &str) -> Option<Self>;

    /// All values of a map.
    fn entries(map: Self::Map) -> impl Iterator<Item = (String, Self)>;

    /// The names of the values of a map that are not null.
    fn names(map: &Self::Map) -> impl Iterator<Item = &str>;

    /// The value without a model.
    fn plain(self) -> Value;
}

/// A [`Raw`] value taken apart.
pub(super) enum Tree<R: Raw> {
    Null,
    Scalar(Value),
    List(Vec<R>),
    Map(R::Map),
}

impl Raw for serde_json::Value {
    type Map = serde_json::Map<String, Self>;

    fn tree(self) -> Tree<Self> {
        match self {
            Self::Null => Tree::Null,
            Self::Array(items) => Tree::List(items),
            Self::Object(map) => Tree::Map(map),
            scalar => Tree::Scalar(from_json(scalar)),
        }
    }

    fn len(map: &Self::Map) -> usize {
        map.len()
    }

    fn remove(map: &mut Self::Map, name: &str) -> Option<Self> {
        map.swap_remove(name)
    }

    fn entries(map: Self::Map) -> impl Iterator<Item = (String, Self)> {
        map.into_iter()
    }

    fn names(map: &Self::Map) -> impl Iterator<Item = &str> {
        map.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str())
    }

    fn plain(self) -> Value {
        from_json(self)
    }
}

impl Raw for Value {
    type Map = Map;

    fn tree(self) -> Tree<Self> {
        match self {
            Self::Null => Tree::Null,
            Self::List(items) => Tree::List(items),
            Self::Map(map) => Tree::Map(map),
            scalar => Tree::Scalar(scalar),
        }
    }

    fn len(map: &Map) -> usize {
        map.len()
    }

    fn remove(map: &mut Map, name: &str) -> Option<Self> {
        map.swap_remove(name)
    }

    fn entries(map: Map) -> impl Iterator<Item = (String, Self)> {
        map.into_iter()
    }

    fn names(map: &Map) -> impl Iterator<Item = &str> {
        map.iter().filter(|(_, value)| **value != Self::Null).map(|(name, _)| name.as_str())
    }

    fn plain(self) -> Value {
        self
    }
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

/// A structure out of what a parser gave. Null stays null.
pub(super) fn structure<R: Raw>(
    reader: &Reader<'_>,
    target: Target<'_>,
    raw: R,
) -> Result<Value, ParseError> {
    if target.structure.document {
        return Ok(raw.plain());
    }
    let mut raw = match raw.tree() {
        Tree::Null => return Ok(Value::Null),
        Tree::Map(map) => map,
        Tree::Scalar(_) | Tree::List(_) => return Err(ParseError::Type { shape: target.name.to_owned() }),
    };
    if target.structure.union {
        let came = R::names(&raw).filter(|name| *name != "__type");
        if let Some(unknown) = union_member(target, came, wire_name)? {
            return Ok(unknown);
        }
    }
    let mut map = Map::with_capacity(R::len(&raw).min(target.structure.members.len()));
    for member in target.structure.members.iter().filter(|member| is_in_body(member)) {
        match R::remove(&mut raw, wire_name(member)).map(|raw| value(reader, member, raw)).transpose()? {
            None | Some(Value::Null) => {}
            Some(value) => {
                map.insert(member.name.clone(), value);
            }
        }
    }
    Ok(Value::Map(map))
}

/// A member's value out of what a parser gave.
pub(super) fn value<R: Raw>(reader: &Reader<'_>, member: &Member, raw: R) -> Result<Value, ParseError> {
    let wrong = || reader.type_error(member);
    let rest = reader.service.protocol == Protocol::RestJson;
    let kind = reader.kind(member);
    if let Kind::Structure(inner) = kind {
        return structure(reader, Target { name: reader.shape_name(member), structure: inner }, raw);
    }
    let raw = match (kind, raw.tree()) {
        (_, Tree::Null) => return Ok(Value::Null),
        (Kind::List { member: item, .. }, Tree::List(items)) => {
            let items: Result<_, _> = items.into_iter().map(|raw| value(reader, item, raw)).collect();
            return Ok(Value::List(items?));
        }
        (Kind::Map { value: map_value, .. }, Tree::Map(map)) => {
            let entries = R::entries(map);
            let map: Result<Map, ParseError> =
                entries.map(|(key, raw)| Ok((key, value(reader, map_value, raw)?))).collect();
            return Ok(Value::Map(map?));
        }
        (Kind::List { .. } | Kind::Map { .. }, _) => return Err(wrong()),
        (_, Tree::List(items)) => Value::List(items.into_iter().map(R::plain).collect()),
        (_, Tree::Map(map)) => Value::Map(R::entries(map).map(|(key, raw)| (key, raw.plain())).collect()),
        (_, Tree::Scalar(value)) => value,
    };
    Ok(match (kind, raw) {
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
