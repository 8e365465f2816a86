//! Points in time as AWS writes and reads them: ISO 8601, HTTP dates (RFC 822) and seconds since 1970.

use std::fmt;

use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use crate::model::TimestampFormat;
use crate::value::Value;

/// A timestamp in its wire form.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// Whole seconds since 1970.
    Seconds(i64),
    /// Seconds since 1970 with a fraction.
    Fraction(f64),
    /// Text.
    Text(String),
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds}"),
            Self::Fraction(seconds) => f.write_str(&crate::serialize::python_float(*seconds)),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Writes a time. [`TimestampFormat::Default`] is ISO 8601.
pub fn write(time: OffsetDateTime, format: TimestampFormat) -> Written {
    let time = time.to_offset(UtcOffset::UTC);
    match format {
        TimestampFormat::Unix if time.microsecond() == 0 => Written::Seconds(time.unix_timestamp()),
        TimestampFormat::Unix => {
            let micros = time.unix_timestamp() as f64 * 1e6 + f64::from(time.microsecond());
            Written::Fraction(micros / 1e6)
        }
        TimestampFormat::Rfc822 => {
            let day = &time.weekday().to_string()[..3];
            let month = &time.month().to_string()[..3];
            Written::Text(format!(
                "{day}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
                time.day(),
                time.year(),
                time.hour(),
                time.minute(),
                time.second()
            ))
        }
        TimestampFormat::Default | TimestampFormat::Iso8601 => Written::Text(date_and_time(time) + "Z"),
    }
}

/// Day and time without the offset, such as `2025-01-15T12:34:56`; microseconds only if there are any.
pub(crate) fn date_and_time(time: OffsetDateTime) -> String {
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    if time.microsecond() != 0 {
        text.push_str(&format!(".{:06}", time.microsecond()));
    }
    text
}

/// The time that a parameter stands for, if it is one.
pub fn from_value(value: &Value) -> Option<OffsetDateTime> {
    match value {
        Value::Timestamp(time) => Some(time.0),
        Value::Int(seconds) => OffsetDateTime::from_unix_timestamp(*seconds).ok(),
        Value::Float(seconds) => from_epoch(*seconds),
        Value::Str(text) => parse(text),
        _ => None,
    }
}

/// Seconds since 1970, rounded to the microsecond.
pub fn from_epoch(seconds: f64) -> Option<OffsetDateTime> {
    if !seconds.is_finite() || seconds.abs() > 1e14 {
        return None;
    }
    let micros = (seconds * 1e6).round_ties_even() as i128;
    OffsetDateTime::from_unix_timestamp_nanos(micros * 1000).ok()
}

/// Reads a timestamp in any of the forms that AWS services send. Without an offset it is UTC.
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return from_epoch(seconds);
    }
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(text, &Rfc2822))
        .ok()
        .or_else(|| iso8601(text))
        .or_else(|| http_date(text))?;
    // Python's times end at the microsecond.
    time.replace_nanosecond(time.microsecond() * 1000).ok()
}

/// ISO 8601 with the freedoms that services take: a date alone, a space for the `T`, no seconds, offsets without colon.
fn iso8601(text: &str) -> Option<OffsetDateTime> {
    let (date, rest) = text.split_at_checked(10).unwrap_or((text, ""));
    let mut fields = date.split('-');
    let year: i32 = fields.next()?.parse().ok()?;
    let month: u8 = fields.next()?.parse().ok()?;
    let day: u8 = fields.next()?.parse().ok()?;
    if fields.next().is_some() {
        return None;
    }
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    if rest.is_empty() {
        return Some(date.midnight().assume_utc());
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let end = rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(end);
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let mut fields = clock.split(':').map(|field| field.parse::<u8>().ok());
    let (hour, minute, second) = (fields.next()??, fields.next()??, fields.next().unwrap_or(Some(0))?);
    let nanosecond = match fraction.get(..fraction.len().min(9)) {
        Some(digits) if !digits.is_empty() => format!("{digits:0<9}").parse().ok()?,
        _ => 0,
    };
    let time = Time::from_hms_nano(hour, minute, second, nanosecond).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_offset(offset(zone.trim())?))
}

fn offset(zone: &str) -> Option<UtcOffset> {
    if matches!(zone, "" | "Z" | "z" | "GMT" | "UTC") {
        return Some(UtcOffset::UTC);
    }
    let negative = zone.starts_with('-');
    let digits: String = zone.strip_prefix(['+', '-'])?.chars().filter(|c| *c != ':').collect();
    let hours: i8 = digits.get(..2)?.parse().ok()?;
    let minutes: i8 = if digits.len() > 2 { digits.get(2..)?.parse().ok()? } else { 0 };
    let sign = if negative { -1 } else { 1 };
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

/// `Sun, 06 Nov 1994 08:49:37.123 GMT`: an HTTP date that may have a fraction, which RFC 2822 has not.
fn http_date(text: &str) -> Option<OffsetDateTime> {
    let rest = text.split_once(", ").map_or(text, |(_, rest)| rest);
    let mut fields = rest.split_whitespace();
    let day: u8 = fields.next()?.parse().ok()?;
    let name = fields.next()?;
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .iter()
        .position(|month| month.eq_ignore_ascii_case(name))?;
    let year: i32 = fields.next()?.parse().ok()?;
    let clock = fields.next()?;
    iso8601(&format!("{year:04}-{:02}-{day:02}T{clock} {}", month + 1, fields.next().unwrap_or("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_services_send() {
        for (text, iso) in [
            ("2015-01-25T08:00:00Z", "2015-01-25T08:00:00Z"),
            ("2015-01-25T08:00:00.123456789Z", "2015-01-25T08:00:00.123456Z"),
            ("2015-01-25T10:00:00+02:00", "2015-01-25T08:00:00Z"),
            ("2015-01-25T10:00:00+0200", "2015-01-25T08:00:00Z"),
            ("2015-01-25 08:00:00", "2015-01-25T08:00:00Z"),
            ("2015-01-25", "2015-01-25T00:00:00Z"),
            ("Sun, 25 Jan 2015 08:00:00 GMT", "2015-01-25T08:00:00Z"),
            ("Sun, 25 Jan 2015 08:00:00.5 GMT", "2015-01-25T08:00:00.500000Z"),
            ("1422172800", "2015-01-25T08:00:00Z"),
            ("1422172800.5", "2015-01-25T08:00:00.500000Z"),
            ("1.4221728E9", "2015-01-25T08:00:00Z"),
        ] {
            let time = parse(text).unwrap_or_else(|| panic!("{text} is a time"));
            assert_eq!(write(time, TimestampFormat::Iso8601).to_string(), iso, "{text}");
        }
        for text in ["", "yesterday", "2015-13-01", "2015-01-25T25:00:00Z", "1e30", "NaN"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writes_each_format() {
        let time = parse("2015-01-25T08:00:00.5Z").unwrap();
        assert_eq!(write(time, TimestampFormat::Unix), Written::Fraction(1_422_172_800.5));
        assert_eq!(write(time, TimestampFormat::Rfc822).to_string(), "Sun, 25 Jan 2015 08:00:00 GMT");
        let whole = parse("2015-01-25T08:00:00Z").unwrap();
        assert_eq!(write(whole, TimestampFormat::Unix), Written::Seconds(1_422_172_800));
    }
}
