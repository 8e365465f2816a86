//! JSON bodies, and results out of trees of values, of which CBOR bodies are some as well.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

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
    parse_tree(body).map(Json::plain)
}

/// Reads JSON text as it stands there.
pub(super) fn parse_tree(body: &[u8]) -> Result<Json<'_>, ParseError> {
    check_size(body)?;
    serde_json::from_slice(body)
        .map_err(|error| ParseError::Syntax { format: "JSON", reason: error.to_string() })
}

/// A value of a JSON text. Its texts are the body's where they have no escapes. A map keeps what comes twice: the last
/// counts.
pub(super) enum Json<'b> {
    Null,
    /// A number or a truth value.
    Scalar(Value),
    Str(Cow<'b, str>),
    Array(Vec<Json<'b>>),
    Object(Vec<(Cow<'b, str>, Json<'b>)>),
}

/// The name under which serde_json gives the digits of a number that is no integer of 64 bits.
const NUMBER: &str = "$serde_json::private::Number";

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json<'de>, E> {
        Ok(Json::Scalar(Value::Bool(flag)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        let number = i64::try_from(number).map_or_else(|_| Value::BigInt(number.to_string()), Value::Int);
        Ok(Json::Scalar(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Scalar(Value::Int(number)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Str(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Str(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let mut map = Vec::new();
        while let Some(name) = entries.next_key()? {
            let Json::Str(name) = name else { return Err(A::Error::custom("a name that is no text")) };
            if name == NUMBER {
                let digits: String = entries.next_value()?;
                let float = || Value::Float(digits.parse().unwrap_or(f64::NAN));
                return Ok(Json::Scalar(super::integer(&digits).unwrap_or_else(float)));
            }
            map.push((name, entries.next_value()?));
        }
        Ok(Json::Object(map))
    }
}

/// A value as a parser gives it. Results are read out of it without a copy in between, since bodies may be large.
pub(super) trait Raw: Sized {
    /// Values by name.
    type Map;

    /// What it is.
    fn tree(self) -> Tree<Self>;

    /// How many values a map has.
    fn len(map: &Self::Map) -> usize;

    /// Takes a value out of a map, whose order may change.
    fn remove(map: &mut Self::Map, name: &str) -> Option<Self>;

    /// All values of a map.
    fn entries(map: Self::Map) -> impl Iterator<Item = (String, Self)>;

    /// The names of the values of a map that are not null. The first does not come again.
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

impl<'b> Raw for Json<'b> {
    type Map = Vec<(Cow<'b, str>, Self)>;

    fn tree(self) -> Tree<Self> {
        match self {
            Self::Null => Tree::Null,
            Self::Array(items) => Tree::List(items),
            Self::Object(map) => Tree::Map(map),
            scalar => Tree::Scalar(scalar.plain()),
        }
    }

    fn len(map: &Self::Map) -> usize {
        map.len()
    }

    fn remove(map: &mut Self::Map, name: &str) -> Option<Self> {
        let (_, value) = map.iter_mut().rfind(|(key, _)| key == name)?;
        Some(std::mem::replace(value, Self::Null))
    }

    fn entries(map: Self::Map) -> impl Iterator<Item = (String, Self)> {
        map.into_iter().map(|(name, value)| (name.into_owned(), value))
    }

    fn names(map: &Self::Map) -> impl Iterator<Item = &str> {
        let names =
            map.iter().filter(|(_, value)| !matches!(value, Self::Null)).map(|(name, _)| name.as_ref());
        let first = names.clone().next();
        first.into_iter().chain(names.filter(move |name| Some(*name) != first))
    }

    fn plain(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Scalar(value) => value,
            Self::Str(text) => Value::Str(text.into_owned()),
            Self::Array(items) => Value::List(items.into_iter().map(Self::plain).collect()),
            Self::Object(map) => {
                Value::Map(Self::entries(map).map(|(key, item)| (key, item.plain())).collect())
            }
        }
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
        let text = b"[1, -2, 18446744073709551615, 123456789012345678901234567890, 1.5, 1e3, -0]";
        let Ok(Value::List(items)) = parse_document(text) else { panic!("not a list") };
        let expected = [
            Value::Int(1),
            Value::Int(-2),
            Value::BigInt("18446744073709551615".to_owned()),
            Value::BigInt("123456789012345678901234567890".to_owned()),
            Value::Float(1.5),
            Value::Float(1000.0),
            Value::Int(0),
        ];
        assert_eq!(items, expected);
    }

    #[test]
    fn what_comes_twice_counts_as_it_came_last() {
        let Ok(document) = parse_document(br#"{"a": 1, "b\u0062": 2, "a": 3}"#) else {
            panic!("no document")
        };
        let expected = [("a".to_owned(), Value::Int(3)), ("bb".to_owned(), Value::Int(2))];
        assert_eq!(document, Value::Map(Map::from_iter(expected)));
        let service = crate::catalog::service("sqs").unwrap();
        let operation = service.operation_named("GetQueueUrl").unwrap();
        let body = br#"{"QueueUrl": "old", "x": 1, "QueueUrl": "new"}"#.to_vec();
        let response = crate::parse::HttpResponse { status: 200, headers: Vec::new(), body };
        let Ok(crate::parse::Answer::Result(result)) = crate::parse::parse(&service, operation, &response)
        else {
            panic!("no result")
        };
        assert_eq!(result, Map::from_iter([("QueueUrl".to_owned(), Value::Str("new".to_owned()))]));
    }
}
