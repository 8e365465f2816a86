//! Streams of events (`application/vnd.amazon.eventstream`): messages of typed headers and a payload, each with its
//! checksums. <https://smithy.io/2.0/aws/amazon-eventstream.html>

use crc::{CRC_32_ISO_HDLC, Crc};
use time::OffsetDateTime;

use super::{
    Answer, MAX_VALUES, ParseError, Reader, ServiceError, Target, cbor, json, rest, timestamp_value, xml,
};
use crate::model::{Kind, Member, Protocol, Structure};
use crate::value::{Map, Value};

/// Lengths of a message's parts: total and headers with their checksum in front, the message's checksum at the end.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// The status that an error inside a stream counts as.
const ERROR_STATUS: u16 = 400;

fn syntax(reason: &str) -> ParseError {
    ParseError::Syntax { format: "event stream", reason: reason.to_owned() }
}

/// The result of a response whose member `stream` is a stream of events, as a list. Like the official CLI, this takes a
/// stream that breaks off for what it has brought.
pub(super) fn answer(
    reader: &Reader<'_>,
    output: Target<'_>,
    (stream, structure): (&Member, &Structure),
) -> Result<Answer, ParseError> {
    let mut rest = reader.response.body.as_slice();
    let mut result = match reader.service.protocol {
        Protocol::RestJson | Protocol::RestXml => rest::outside_body(reader, output)?,
        _ => initial_response(reader, output, &mut rest)?,
    };
    let mut events = Vec::new();
    let interruption = read_events(reader, structure, rest, &mut events).err();
    result.insert(stream.name.clone(), Value::List(events));
    Ok(match interruption {
        None => Answer::Result(result),
        Some(interruption) => Answer::Interrupted(result, interruption),
    })
}

/// The members of the result that are no events: they come in the first message.
fn initial_response(reader: &Reader<'_>, output: Target<'_>, stream: &mut &[u8]) -> Result<Map, ParseError> {
    let missing = || syntax("First event was not of type initial-response");
    let (message, rest) = split_message(stream)?.ok_or_else(missing)?;
    let headers = headers(message.headers)?;
    if text(&headers, ":message-type") != "event" || text(&headers, ":event-type") != "initial-response" {
        return Err(missing());
    }
    *stream = rest;
    read_structure(reader, output, message.payload)
}

/// Reads events to the end of the stream, or to the error that it ends with.
fn read_events(
    reader: &Reader<'_>,
    structure: &Structure,
    mut stream: &[u8],
    events: &mut Vec<Value>,
) -> Result<(), ParseError> {
    let mut count = 0;
    while let Some((message, rest)) = split_message(stream)? {
        stream = rest;
        let headers = headers(message.headers)?;
        if matches!(text(&headers, ":message-type"), "error" | "exception") {
            return Err(ParseError::Stream(Box::new(error(reader, structure, &headers, message.payload)?)));
        }
        let name = text(&headers, ":event-type");
        // What the model does not know is left out.
        let Some(member) = structure.members.iter().find(|member| member.name == name) else { continue };
        let Some(target) = reader.target(member.shape) else { continue };
        let event = Value::Map(read_event(reader, target, headers, message.payload)?);
        count += size(&event);
        if count > MAX_VALUES {
            return Err(ParseError::TooMany);
        }
        events.push(Value::Map(Map::from_iter([(member.name.clone(), event)])));
    }
    Ok(())
}

/// How many values there are in one.
fn size(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// An event's members: some are headers, one may be the payload; without such a one all others are in the payload.
fn read_event(
    reader: &Reader<'_>,
    target: Target<'_>,
    mut headers: Map,
    payload: &[u8],
) -> Result<Map, ParseError> {
    let mut event = Map::new();
    for member in target.structure.members.iter().filter(|member| member.event_header) {
        if let Some(value) = headers.shift_remove(&member.name) {
            event.insert(member.name.clone(), value);
        }
    }
    match target.structure.members.iter().find(|member| member.event_payload) {
        Some(member) => {
            let value = match reader.kind(member) {
                Kind::Blob { .. } => Value::Bytes(payload.to_vec()),
                Kind::String { .. } => match std::str::from_utf8(payload) {
                    Ok(text) => Value::Str(text.to_owned()),
                    Err(_) => return Err(reader.type_error(member)),
                },
                Kind::Structure(structure) => {
                    let inner = Target { name: reader.shape_name(member), structure };
                    Value::Map(read_structure(reader, inner, payload)?)
                }
                _ => return Err(reader.type_error(member)),
            };
            event.insert(member.name.clone(), value);
        }
        None => event.extend(read_structure(reader, target, payload)?),
    }
    Ok(event)
}

/// A structure out of a message's payload.
fn read_structure(reader: &Reader<'_>, target: Target<'_>, payload: &[u8]) -> Result<Map, ParseError> {
    let value = match reader.service.protocol {
        _ if payload.is_empty() => return Ok(Map::new()),
        Protocol::Json | Protocol::RestJson => json::structure(reader, target, json::parse_tree(payload)?)?,
        Protocol::Cbor => json::structure(reader, target, cbor::parse_document(payload)?)?,
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => {
            Value::Map(xml::structure(reader, target, &xml::parse_document(payload)?)?)
        }
    };
    match value {
        Value::Map(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// The service's error that ends a stream: one of the model, or one that names itself.
fn error(
    reader: &Reader<'_>,
    structure: &Structure,
    headers: &Map,
    payload: &[u8],
) -> Result<ServiceError, ParseError> {
    let name = text(headers, ":exception-type");
    let member = structure.members.iter().find(|member| member.name == name);
    let (code, message) = match member.and_then(|member| reader.target(member.shape)) {
        Some(target) => {
            let fields = read_structure(reader, target, payload)?;
            let message = fields.get("Message").or_else(|| fields.get("message"));
            (name, message.and_then(Value::as_str).unwrap_or_default().to_owned())
        }
        None => (text(headers, ":error-code"), text(headers, ":error-message").to_owned()),
    };
    Ok(ServiceError { code: code.to_owned(), message, status: ERROR_STATUS, ..ServiceError::default() })
}

struct Message<'a> {
    headers: &'a [u8],
    payload: &'a [u8],
}

/// The first message and what follows it. `None`: there is no whole one.
fn split_message(stream: &[u8]) -> Result<Option<(Message<'_>, &[u8])>, ParseError> {
    let number = |bytes: &[u8], at: usize| {
        let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes)
    };
    let check = |bytes: &[u8], expected: u32| match Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(bytes) {
        found if found == expected => Ok(()),
        found => Err(ParseError::EventChecksum { expected, found }),
    };
    let (Some(total), Some(headers), Some(checksum)) =
        (number(stream, 0), number(stream, 4), number(stream, PRELUDE - CHECKSUM))
    else {
        return Ok(None);
    };
    check(&stream[..PRELUDE - CHECKSUM], checksum)?;
    let (total, headers) = (total as usize, headers as usize);
    let parts = total.checked_sub(CHECKSUM).and_then(|end| end.checked_sub(PRELUDE)?.checked_sub(headers));
    let Some(payload) = parts else { return Err(syntax("its lengths contradict each other")) };
    let Some((message, rest)) = stream.split_at_checked(total) else { return Ok(None) };
    let (signed, checksum) = message.split_at(total - CHECKSUM);
    check(signed, number(checksum, 0).unwrap_or_default())?;
    let (headers, payload) = signed[PRELUDE..].split_at(signed.len() - PRELUDE - payload);
    Ok(Some((Message { headers, payload }, rest)))
}

/// The headers by their names, whose values have types of their own.
fn headers(mut bytes: &[u8]) -> Result<Map, ParseError> {
    let bad = || syntax("a header is not understood");
    let mut take = |count: usize| {
        let (taken, rest) = bytes.split_at_checked(count)?;
        bytes = rest;
        Some(taken)
    };
    let mut headers = Map::new();
    while let Some(length) = take(1) {
        let mut header = || {
            let name = String::from_utf8(take(length[0].into())?.to_vec()).ok()?;
            let mut integer = |width: usize| {
                let bytes = take(width)?;
                // The first bit is the sign, and goes on to the left.
                let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
                Some(bytes.iter().fold(sign, |number: i64, byte| number << 8 | i64::from(*byte)))
            };
            let value = match integer(1)? {
                0 => Value::Bool(true),
                1 => Value::Bool(false),
                width @ 2..=5 => Value::Int(integer(1 << (width - 2))?),
                6 => Value::Bytes(sized(&mut take)?.to_vec()),
                7 => Value::Str(String::from_utf8(sized(&mut take)?.to_vec()).ok()?),
                8 => {
                    let nanos = i128::from(integer(8)?) * 1_000_000;
                    timestamp_value(OffsetDateTime::from_unix_timestamp_nanos(nanos).ok())?
                }
                // A UUID.
                9 => Value::Bytes(take(16)?.to_vec()),
                _ => return None,
            };
            Some((name, value))
        };
        let (name, value) = header().ok_or_else(bad)?;
        if headers.insert(name, value).is_some() {
            return Err(syntax("a header comes twice"));
        }
    }
    Ok(headers)
}

/// What follows its length.
fn sized<'a>(take: &mut impl FnMut(usize) -> Option<&'a [u8]>) -> Option<&'a [u8]> {
    let length = take(2)?;
    take(usize::from(u16::from_be_bytes([length[0], length[1]])))
}

/// A header's text, empty if it has none.
fn text<'h>(headers: &'h Map, name: &str) -> &'h str {
    headers.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use crate::parse::{HttpResponse, parse};

    /// The type of header values that are text.
    const TEXT: u8 = 7;

    fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in headers {
            block.push(name.len() as u8);
            block.extend(name.as_bytes());
            block.push(TEXT);
            block.extend((value.len() as u16).to_be_bytes());
            block.extend(value.as_bytes());
        }
        let crc = Crc::<u32>::new(&CRC_32_ISO_HDLC);
        let mut message = ((PRELUDE + block.len() + payload.len() + CHECKSUM) as u32).to_be_bytes().to_vec();
        message.extend((block.len() as u32).to_be_bytes());
        message.extend(crc.checksum(&message).to_be_bytes());
        message.extend(block);
        message.extend(payload);
        message.extend(crc.checksum(&message).to_be_bytes());
        message
    }

    fn event(name: &str, payload: &[u8]) -> Vec<u8> {
        message(&[(":message-type", "event"), (":event-type", name)], payload)
    }

    /// What `s3api select-object-content` makes of a stream.
    fn select(stream: &[u8]) -> (Vec<u8>, Option<ParseError>) {
        let service = catalog::service("s3api").unwrap();
        let operation = service.operation_named("SelectObjectContent").unwrap();
        let response = HttpResponse { status: 200, headers: Vec::new(), body: stream.to_vec() };
        let (result, interruption) = match parse(&service, operation, &response).unwrap() {
            Answer::Result(result) => (result, None),
            Answer::Interrupted(result, interruption) => (result, Some(interruption)),
            Answer::Error(error) => panic!("{error:?}"),
        };
        let Some(Value::List(events)) = result.get("Payload") else { panic!("{result:?}") };
        let payload = |event: &Value| match event.get("Records")?.get("Payload")? {
            Value::Bytes(bytes) => Some(bytes.clone()),
            other => panic!("{other:?}"),
        };
        (events.iter().filter_map(payload).collect::<Vec<_>>().concat(), interruption)
    }

    #[test]
    fn events_come_in_their_order() {
        let stream =
            [event("Records", b"a,b\n"), event("Stats", b"<x/>"), event("Records", b"c"), event("End", b"")];
        assert_eq!(select(&stream.concat()), (b"a,b\nc".to_vec(), None));
    }

    #[test]
    fn a_stream_that_breaks_off_keeps_what_came() {
        let whole = [event("Records", b"a"), event("End", b"")].concat();
        let first = event("Records", b"a").len();
        for end in 0..whole.len() {
            let expected = if end < first { b"".as_slice() } else { b"a" };
            assert_eq!(select(&whole[..end]), (expected.to_vec(), None), "cut after {end}");
        }
        for index in 0..whole.len() {
            let mut wrong = whole.clone();
            wrong[index] ^= 1;
            let (records, interruption) = select(&wrong);
            assert!(interruption.is_some(), "byte {index}");
            assert_eq!(records.is_empty(), index < first, "byte {index}");
        }
    }

    #[test]
    fn an_error_ends_a_stream() {
        let named = [(":message-type", "error"), (":error-code", "Bad"), (":error-message", "no")];
        let error = ServiceError {
            code: "Bad".to_owned(),
            message: "no".to_owned(),
            status: ERROR_STATUS,
            ..ServiceError::default()
        };
        let stream = [event("Records", b"a"), message(&named, b""), event("Records", b"b")].concat();
        assert_eq!(select(&stream), (b"a".to_vec(), Some(ParseError::Stream(Box::new(error)))));

        // The model of S3 has no exceptions in its stream.
        let service = catalog::service("logs").unwrap();
        let operation = service.operation_named("StartLiveTail").unwrap();
        let exception = [(":message-type", "exception"), (":exception-type", "SessionStreamingException")];
        let body = [
            event("initial-response", b"{}"),
            event("sessionStart", br#"{"requestId": "r"}"#),
            message(&exception, br#"{"message": "lost"}"#),
        ];
        let response = HttpResponse { status: 200, headers: Vec::new(), body: body.concat() };
        let Ok(Answer::Interrupted(result, ParseError::Stream(error))) =
            parse(&service, operation, &response)
        else {
            panic!("no interruption")
        };
        let start = Map::from_iter([("requestId".to_owned(), Value::Str("r".to_owned()))]);
        let event = Map::from_iter([("sessionStart".to_owned(), Value::Map(start))]);
        assert_eq!(result.get("responseStream"), Some(&Value::List(vec![Value::Map(event)])));
        assert_eq!((error.code.as_str(), error.message.as_str()), ("SessionStreamingException", "lost"));
    }

    #[test]
    fn headers_have_types() {
        let bytes = [
            b"\x01t\x00\x01f\x01\x01b\x02\xff\x01s\x03\x01\x00\x01i\x04\x00\x00\x00\x7b".as_slice(),
            b"\x01l\x05\xff\xff\xff\xff\xff\xff\xff\xfe\x01a\x06\x00\x01x\x01z\x07\x00\x01y",
            b"\x01m\x08\x00\x00\x01\x4b\x20\x1a\xc4\x00\x01u\x090123456789abcdef",
        ]
        .concat();
        let time = OffsetDateTime::from_unix_timestamp(1_422_172_800).unwrap();
        let expected = [
            ("t", Value::Bool(true)),
            ("f", Value::Bool(false)),
            ("b", Value::Int(-1)),
            ("s", Value::Int(256)),
            ("i", Value::Int(123)),
            ("l", Value::Int(-2)),
            ("a", Value::Bytes(b"x".to_vec())),
            ("z", Value::Str("y".to_owned())),
            ("m", timestamp_value(Some(time)).unwrap()),
            ("u", Value::Bytes(b"0123456789abcdef".to_vec())),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(headers(&bytes), Ok(Map::from_iter(expected)));
        for end in 1..bytes.len() {
            let cut_between = [3, 6, 10, 15, 22, 33, 39, 45, 56].contains(&end);
            assert_eq!(headers(&bytes[..end]).is_ok(), cut_between, "cut after {end}");
        }
        assert!(headers(b"\x01t\x0a").is_err(), "a type that does not exist");
        assert!(headers(b"\x01t\x00\x01t\x01").is_err(), "twice");
    }
}
