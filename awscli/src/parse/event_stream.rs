//! Streams of events (`application/vnd.amazon.eventstream`), as far as one command needs them: the records that
//! `s3api select-object-content` gives.

use crc::{CRC_32_ISO_HDLC, Crc};

use super::ParseError;

/// Lengths of a message's parts: total and headers with their checksum in front, the message's checksum at the end.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
/// The type of header values that are text.
const TEXT: u8 = 7;

fn syntax(reason: &str) -> ParseError {
    ParseError::Syntax { format: "event stream", reason: reason.to_owned() }
}

/// The payloads of all `Records` events, joined. Like the official CLI, this takes a stream that breaks off for what it has
/// brought.
pub(super) fn records(mut stream: &[u8]) -> Result<Vec<u8>, ParseError> {
    let mut records = Vec::new();
    while let Some((message, rest)) = split_message(stream)? {
        stream = rest;
        let headers = headers(message.headers)?;
        let header = |name: &str| {
            headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        match (header(":message-type").as_str(), header(":event-type").as_str()) {
            ("event", "Records") => records.extend_from_slice(message.payload),
            ("error" | "exception", _) => {
                return Err(ParseError::Stream {
                    code: header(":error-code"),
                    message: header(":error-message"),
                });
            }
            _ => {}
        }
    }
    Ok(records)
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

fn headers(mut bytes: &[u8]) -> Result<Vec<(String, String)>, ParseError> {
    let bad = || syntax("a header is not understood");
    let mut headers = Vec::new();
    let take = |bytes: &mut &[u8], count: usize| {
        let (taken, rest) = bytes.split_at_checked(count).ok_or_else(bad)?;
        *bytes = rest;
        Ok::<_, ParseError>(taken.to_vec())
    };
    while !bytes.is_empty() {
        let length = usize::from(take(&mut bytes, 1)?[0]);
        let name = String::from_utf8(take(&mut bytes, length)?).map_err(|_| bad())?;
        if take(&mut bytes, 1)?[0] != TEXT {
            return Err(bad());
        }
        let length = take(&mut bytes, 2)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        headers.push((name, String::from_utf8(take(&mut bytes, length)?).map_err(|_| bad())?));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn records_are_joined() {
        let stream =
            [event("Records", b"a,b\n"), event("Stats", b"<x/>"), event("Records", b"c"), event("End", b"")];
        assert_eq!(records(&stream.concat()).as_deref(), Ok(b"a,b\nc".as_slice()));
    }

    #[test]
    fn broken_streams_end_in_errors() {
        let whole = [event("Records", b"a"), event("End", b"")].concat();
        let first = event("Records", b"a").len();
        for end in 0..whole.len() {
            let expected = if end < first { b"".as_slice() } else { b"a" };
            assert_eq!(records(&whole[..end]).as_deref(), Ok(expected), "cut after {end}");
        }
        for index in 0..whole.len() {
            let mut wrong = whole.clone();
            wrong[index] ^= 1;
            assert!(records(&wrong).is_err(), "byte {index}");
        }
        let error =
            message(&[(":message-type", "error"), (":error-code", "Bad"), (":error-message", "no")], b"");
        let expected = ParseError::Stream { code: "Bad".to_owned(), message: "no".to_owned() };
        assert_eq!(records(&error), Err(expected));
    }
}
