//! CBOR bodies (RFC 8949): definite and indefinite lengths, floats of all sizes, tag 1 for times.

use super::{MAX_DEPTH, MAX_VALUES, ParseError, Reader, Target, json, timestamp_value};
use crate::timestamp;
use crate::value::{Map, Value};

const BREAK: u8 = 0xFF;
const INDEFINITE: u8 = 31;
/// The only tag that the protocol uses: seconds since 1970.
const EPOCH_TAG: u64 = 1;

/// The result of a CBOR response.
pub(super) fn result(reader: &Reader<'_>, output: Target<'_>) -> Result<Map, ParseError> {
    if reader.response.body.is_empty() {
        return Ok(Map::new());
    }
    match json::structure(reader, output, parse_document(&reader.response.body)?)? {
        Value::Map(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// Reads one item into plain values. Null members of maps are left out.
pub(super) fn parse_document(body: &[u8]) -> Result<Value, ParseError> {
    Items { rest: body, depth: 0, count: 0 }.item()
}

fn syntax(reason: &str) -> ParseError {
    ParseError::Syntax { format: "CBOR", reason: reason.to_owned() }
}

struct Items<'a> {
    rest: &'a [u8],
    depth: usize,
    count: usize,
}

impl<'a> Items<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8], ParseError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| syntax("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, ParseError> {
        Ok(self.take(1)?[0])
    }

    /// Skips the end of an indefinite length, if it is next.
    fn at_break(&mut self) -> bool {
        let found = self.rest.first() == Some(&BREAK);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn number(&mut self, info: u8) -> Result<u64, ParseError> {
        let width = match info {
            0..24 => return Ok(u64::from(info)),
            24..=27 => 1 << (info - 24),
            _ => return Err(syntax("a length that does not exist")),
        };
        Ok(self.take(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn item(&mut self) -> Result<Value, ParseError> {
        self.count += 1;
        if self.count > MAX_VALUES {
            return Err(ParseError::TooMany);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError::TooDeep);
        }
        let initial = self.byte()?;
        let info = initial & 31;
        let value = match initial >> 5 {
            0 => {
                let number = self.number(info)?;
                i64::try_from(number).map_or_else(|_| Value::BigInt(number.to_string()), Value::Int)
            }
            1 => {
                let number = -1 - i128::from(self.number(info)?);
                i64::try_from(number).map_or_else(|_| Value::BigInt(number.to_string()), Value::Int)
            }
            2 => Value::Bytes(self.string(info)?),
            3 => Value::Str(self.text(info)?),
            4 => {
                let mut items = Vec::new();
                self.each(info, |this| {
                    items.push(this.item()?);
                    Ok(())
                })?;
                Value::List(items)
            }
            5 => {
                let mut map = Map::new();
                self.each(info, |this| {
                    let key = match this.item()? {
                        Value::Str(key) => key,
                        Value::Int(key) => key.to_string(),
                        _ => return Err(syntax("a key that is no text")),
                    };
                    match this.item()? {
                        Value::Null => {}
                        value => {
                            map.insert(key, value);
                        }
                    }
                    Ok(())
                })?;
                Value::Map(map)
            }
            6 => {
                let tag = self.number(info)?;
                let value = self.item()?;
                match value {
                    Value::Int(_) | Value::Float(_) if tag == EPOCH_TAG => {
                        timestamp_value(timestamp::from_value(&value))
                            .ok_or_else(|| syntax("a time out of range"))?
                    }
                    _ => return Err(syntax("a tag that the protocol does not use")),
                }
            }
            _ => match info {
                20 => Value::Bool(false),
                21 => Value::Bool(true),
                22 | 23 => Value::Null,
                25 => Value::Float(half(self.number(info)? as u16)),
                26 => Value::Float(f64::from(f32::from_bits(self.number(info)? as u32))),
                27 => Value::Float(f64::from_bits(self.number(info)?)),
                _ => return Err(syntax("a simple value that the protocol does not use")),
            },
        };
        self.depth -= 1;
        Ok(value)
    }

    /// Runs `read` for each entry of a list or map.
    fn each(
        &mut self,
        info: u8,
        mut read: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        if info == INDEFINITE {
            while !self.at_break() {
                read(self)?;
            }
        } else {
            for _ in 0..self.number(info)? {
                read(self)?;
            }
        }
        Ok(())
    }

    fn string(&mut self, info: u8) -> Result<Vec<u8>, ParseError> {
        if info != INDEFINITE {
            let length = self.number(info)?;
            return Ok(self.take(length)?.to_vec());
        }
        let mut bytes = Vec::new();
        while !self.at_break() {
            let chunk = self.byte()?;
            let length = self.number(chunk & 31)?;
            bytes.extend(self.take(length)?);
        }
        Ok(bytes)
    }

    fn text(&mut self, info: u8) -> Result<String, ParseError> {
        String::from_utf8(self.string(info)?).map_err(|_| syntax("text that is not UTF-8"))
    }
}

/// A 16-bit float: 1 sign bit, 5 exponent bits, 10 fraction bits.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let fraction = f64::from(bits & 0x3FF);
    match (bits >> 10) & 31 {
        0 => sign * fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        exponent => sign * (1.0 + fraction / 1024.0) * 2_f64.powi(i32::from(exponent) - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bodies_end_in_errors() {
        assert_eq!(parse_document(&[0x81; MAX_DEPTH + 1]), Err(ParseError::TooDeep));
        assert!(
            parse_document(&[0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).is_err(),
            "a huge length"
        );
        assert!(
            parse_document(&[0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).is_err(),
            "a huge string"
        );
        assert!(parse_document(&[]).is_err());
        assert!(parse_document(&[0x9F, 0x01]).is_err(), "no break");
    }

    #[test]
    fn half_floats() {
        for (bits, number) in
            [(0x3C00, 1.0), (0xC000, -2.0), (0x7BFF, 65504.0), (0x0001, 5.960_464_477_539_063e-8)]
        {
            assert_eq!(half(bits), number);
        }
        assert!(half(0x7E00).is_nan());
        assert_eq!(half(0xFC00), f64::NEG_INFINITY);
    }
}
