//! What a text without quotes stands for, by the rules of YAML 1.2 as ruamel.yaml has them.

use std::sync::LazyLock;

use regex::Regex;
use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

use crate::format::repr_text;
use crate::value::{Timestamp, Value};

/// What a plain scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Text,
    Null,
    Bool,
    Int,
    Float,
    Time,
    /// `<<`, which merges other mappings into one.
    Merge,
    /// `=`, which ruamel.yaml takes out of plain texts and then does not know.
    Default,
}

/// Whole numbers. They are asked for after [`FLOAT`].
static INT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("^(?:[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+][0-9_]+|[0-9][0-9_]*|[-+]?0x[0-9a-fA-F_]+)$").ok()
});

static FLOAT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    )
    .ok()
});

/// A day, or a point in time: year, month, day, hour, minute, second, fraction, zone, and of that sign, hours and minutes.
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?(?:[ \t]*(Z|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?$",
    )
    .ok()
});

/// How many digits a number that is not decimal may have. It takes their square to read them.
const MAX_DIGITS: usize = 1000;

/// How long a day is that has no time.
const DAY_LENGTH: usize = 10;

/// What `text` stands for where it has no quotes.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Scalar::Bool,
        "<<" => return Scalar::Merge,
        "=" => return Scalar::Default,
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return Scalar::Text;
    }
    let is = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(text));
    match () {
        () if is(&FLOAT) => Scalar::Float,
        () if is(&INT) => Scalar::Int,
        () if is(&TIME) && text.len() >= DAY_LENGTH => Scalar::Time,
        () => Scalar::Text,
    }
}

/// Whether a text is a day or a point in time.
pub(super) fn is_time(text: &str) -> bool {
    TIME.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

impl Scalar {
    /// What a text of this kind stands for. The error is Python's where it is not of this kind, whatever its tag says.
    pub(super) fn value(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Null => Ok(Value::Null),
            Self::Bool => boolean(text).ok_or_else(|| repr_text(&text.to_lowercase())),
            Self::Int => {
                let message = || format!("invalid literal for int() with base 10: {}", repr_text(text));
                int(text).ok_or_else(message)
            }
            Self::Float => {
                let message = || format!("could not convert string to float: {}", repr_text(text));
                float(text).ok_or_else(message)
            }
            Self::Time => time(text),
            Self::Text | Self::Merge | Self::Default => Ok(Value::Str(text.to_owned())),
        }
    }
}

fn boolean(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "on" => Some(Value::Bool(true)),
        "false" | "no" | "n" | "off" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn int(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    let (digits, base) = match digits.get(..2) {
        Some("0b") => (&digits[2..], 2),
        Some("0o") => (&digits[2..], 8),
        Some("0x") => (&digits[2..], 16),
        _ => (digits, 10),
    };
    if let Ok(number) = i64::from_str_radix(&format!("{sign}{digits}"), base) {
        return Some(Value::Int(number));
    }
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    let digits = if base == 10 { digits.to_owned() } else { decimal(digits, base)? };
    Some(Value::BigInt(format!("{sign}{}", digits.trim_start_matches('0'))))
}

/// The decimal digits of a number that has others, if it is not longer than anybody writes one.
fn decimal(digits: &str, base: u32) -> Option<String> {
    let digits = digits.chars().map(|digit| digit.to_digit(base)).collect::<Option<Vec<_>>>()?;
    if digits.len() > MAX_DIGITS {
        return None;
    }
    // The lowest one is the first.
    let mut decimal: Vec<u32> = Vec::new();
    for mut carry in digits {
        for digit in &mut decimal {
            carry += *digit * base;
            (*digit, carry) = (carry % 10, carry / 10);
        }
        while carry > 0 {
            decimal.push(carry % 10);
            carry /= 10;
        }
    }
    Some(decimal.iter().rev().filter_map(|digit| char::from_digit(*digit, 10)).collect())
}

fn float(text: &str) -> Option<Value> {
    let text = text.replace('_', "").to_ascii_lowercase();
    let number = match text.trim_start_matches(['+', '-']) {
        ".inf" if text.starts_with('-') => f64::NEG_INFINITY,
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ => text.parse().ok()?,
    };
    Some(Value::Float(number))
}

/// A day, or a point in time, which is in UTC if it has no offset.
fn time(text: &str) -> Result<Value, String> {
    let fields = TIME.as_ref().and_then(|pattern| pattern.captures(text));
    let field = |index| fields.as_ref()?.get(index).map(|field| field.as_str());
    let number = |index, name: &str, most: u8, least: u8| {
        let number = field(index).and_then(|digits| digits.parse::<u8>().ok()).unwrap_or_default();
        let message = || format!("{name} must be in {least}..{most}, not {number}");
        if (least..=most).contains(&number) { Ok(number) } else { Err(message()) }
    };
    let wrong = || format!("{} is out of range", repr_text(text));
    let year = field(1).and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    let month = Month::try_from(number(2, "month", 12, 1)?).map_err(|_| wrong())?;
    let day = number(3, "day", u8::MAX, 0)?;
    let last = month.length(year);
    let date = Date::from_calendar_date(year, month, day).map_err(|_| {
        format!("day {day} must be in range 1..{last} for month {} in year {year}", u8::from(month))
    })?;
    if field(4).is_none() {
        return Ok(Value::Date(date));
    }
    let (hour, minute, second) =
        (number(4, "hour", 23, 0)?, number(5, "minute", 59, 0)?, number(6, "second", 59, 0)?);
    let clock = Time::from_hms(hour, minute, second).map_err(|_| wrong())?;
    // Beyond the microsecond it is rounded.
    let fraction = format!("{:0<7}", field(7).unwrap_or_default());
    let micros =
        (fraction.get(..7).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or_default() + 5) / 10;
    let offset = match field(9) {
        None => UtcOffset::UTC,
        Some(sign) => {
            let part = |index| field(index).and_then(|digits| digits.parse::<i8>().ok()).unwrap_or_default();
            let sign = if sign == "-" { -1 } else { 1 };
            UtcOffset::from_hms(sign * part(10), sign * part(11), 0).map_err(|_| wrong())?
        }
    };
    let time = PrimitiveDateTime::new(date, clock).checked_add(time::Duration::microseconds(micros));
    Ok(Value::Timestamp(Timestamp(time.ok_or_else(wrong)?.assume_offset(offset))))
}
