//! DynamoDB's values, which name their types, and plain ones.

use crate::command::UsageError;
use crate::format::python_text;
use crate::value::{Map, Value};
use crate::yaml::SET;

/// How many digits a number has at most, and between which powers of ten its first one is.
const DIGITS: usize = 38;
const LARGEST: i64 = 126;
const SMALLEST: i64 = -128;

/// Gives all members of an item their types. What is no item is left to the checks.
pub fn serialize_members(item: &mut Value) -> Result<(), UsageError> {
    if let Value::Map(members) = item {
        for value in members.values_mut() {
            *value = serialize(value)?;
        }
    }
    Ok(())
}

fn typed(name: &str, value: Value) -> Value {
    Value::Map(Map::from([(name.to_owned(), value)]))
}

/// A plain value with its type.
fn serialize(value: &Value) -> Result<Value, UsageError> {
    Ok(match value {
        Value::Null => typed("NULL", Value::Bool(true)),
        Value::Bool(value) => typed("BOOL", Value::Bool(*value)),
        Value::Int(_) | Value::BigInt(_) => typed("N", Value::Str(number(&python_text(value))?)),
        Value::Float(_) => return Err(signals(&["ConversionSyntax"])),
        Value::Str(text) => typed("S", Value::Str(text.clone())),
        Value::Bytes(bytes) => typed("B", Value::Bytes(bytes.clone())),
        Value::Timestamp(_) | Value::Date(_) => {
            let kind = value.python_type();
            let message =
                format!("Unsupported type \"<class '{kind}'>\" for value \"{}\"", python_text(value));
            return Err(UsageError::general(message));
        }
        Value::List(items) => {
            let items = items.iter().map(serialize).collect::<Result<_, _>>()?;
            typed("L", Value::List(items))
        }
        Value::Map(members) => match members.get(SET) {
            Some(Value::List(items)) => set(items)?,
            _ => {
                let mut members = Value::Map(members.clone());
                serialize_members(&mut members)?;
                typed("M", members)
            }
        },
    })
}

/// A set of one type.
fn set(items: &[Value]) -> Result<Value, UsageError> {
    let name = match items.first() {
        None | Some(Value::Int(_) | Value::BigInt(_)) => "NS",
        Some(Value::Bytes(_)) => "BS",
        _ => "SS",
    };
    let of_type = items.iter().map(|item| match (name, item) {
        ("NS", Value::Int(_) | Value::BigInt(_)) => number(&python_text(item)).map(Value::Str),
        ("SS", Value::Str(_)) | ("BS", Value::Bytes(_)) => Ok(item.clone()),
        _ => {
            let shown = python_text(&Value::List(items.to_vec()));
            let members = shown.trim_start_matches('[').trim_end_matches(']');
            let message = format!("Unsupported type \"<class 'set'>\" for value \"{{{members}}}\"");
            Err(UsageError::general(message))
        }
    });
    of_type.collect::<Result<_, _>>().map(|items| typed(name, Value::List(items)))
}

/// Takes the types off all members of an item.
pub fn deserialize_members(item: &mut Value) -> Result<(), UsageError> {
    if let Value::Map(members) = item {
        for value in members.values_mut() {
            *value = deserialize(value)?;
        }
    }
    Ok(())
}

fn deserialize(value: &Value) -> Result<Value, UsageError> {
    let Some((name, value)) = (match value {
        Value::Map(typed) => typed.first(),
        _ => None,
    }) else {
        let message = "Value must be a nonempty dictionary whose key is a valid dynamodb type.";
        return Err(UsageError::general(message.to_owned()));
    };
    let items = match value {
        Value::List(items) => items.as_slice(),
        _ => &[],
    };
    let set = |mut items: Vec<Value>| {
        if items.iter().all(|item| matches!(item, Value::Str(_))) {
            items.sort_by_key(python_text);
        } else {
            items.sort_by(|a, b| size(a).total_cmp(&size(b)));
        }
        typed(SET, Value::List(items))
    };
    Ok(match name.as_str() {
        "NULL" => Value::Null,
        "BOOL" | "S" | "B" => value.clone(),
        "N" => decimal(value)?,
        "SS" | "BS" => set(items.to_vec()),
        "NS" => set(items.iter().map(decimal).collect::<Result<_, _>>()?),
        "L" => Value::List(items.iter().map(deserialize).collect::<Result<_, _>>()?),
        "M" => {
            let mut members = value.clone();
            deserialize_members(&mut members)?;
            members
        }
        other => return Err(UsageError::general(format!("Dynamodb type {other} is not supported"))),
    })
}

fn size(value: &Value) -> f64 {
    python_text(value).parse().unwrap_or_default()
}

/// A number in its digits.
fn decimal(value: &Value) -> Result<Value, UsageError> {
    let digits = number(value.as_str().unwrap_or_default())?;
    Ok(match digits.parse::<i64>() {
        Ok(whole) if whole.to_string() == digits => Value::Int(whole),
        _ => Value::BigInt(digits),
    })
}

/// The signals of Python's decimals as it prints them.
fn signals(names: &[&str]) -> UsageError {
    let names: Vec<String> = names.iter().map(|name| format!("<class 'decimal.{name}'>")).collect();
    UsageError::general(format!("[{}]", names.join(", ")))
}

/// A number as Python's `Decimal` writes it, if DynamoDB can hold it as it is.
pub fn number(text: &str) -> Result<String, UsageError> {
    let text = text.trim().replace('_', "");
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let exponent = exponent.parse::<i64>().ok().filter(|exponent| exponent.abs() < 1_000_000_000);
    let Some(exponent) =
        exponent.filter(|_| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    else {
        return Err(signals(&["ConversionSyntax"]));
    };
    let exponent = exponent - i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let digits = digits.trim_start_matches('0');
    let lowest = SMALLEST - DIGITS as i64 + 1;
    if digits.is_empty() {
        if !(lowest..=LARGEST).contains(&exponent) {
            return Err(signals(&["Clamped"]));
        }
        return Ok(written(negative, "0", exponent));
    }
    let first = exponent + digits.len() as i64 - 1;
    let dropped = &digits[digits.len().min(DIGITS)..];
    let is_exact = dropped.bytes().all(|digit| digit == b'0');
    match () {
        () if first > LARGEST => Err(signals(&["Overflow", "Inexact", "Rounded"])),
        () if exponent < lowest && first < SMALLEST => Err(signals(&["Underflow", "Inexact", "Rounded"])),
        () if dropped.is_empty() => Ok(written(negative, digits, exponent)),
        () if is_exact => Err(signals(&["Rounded"])),
        () => Err(signals(&["Inexact", "Rounded"])),
    }
}

/// With a point if the number is not much smaller than one, and with a power of ten otherwise.
fn written(negative: bool, digits: &str, exponent: i64) -> String {
    let sign = if negative { "-" } else { "" };
    let left = exponent + digits.len() as i64;
    let plain = exponent <= 0 && left > -6;
    let point = if plain { left } else { 1 };
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let number = match usize::try_from(point) {
        Ok(0) | Err(_) => format!("0.{}{digits}", zeros(-point)),
        Ok(point) if point >= digits.len() => digits.to_owned(),
        Ok(point) => format!("{}.{}", &digits[..point], &digits[point..]),
    };
    let power = if left == point { String::new() } else { format!("E{:+}", left - point) };
    format!("{sign}{number}{power}")
}

#[cfg(test)]
mod tests {
    /// As Python's `Decimal` writes them, and its errors, in the context of the official CLI.
    #[test]
    fn numbers_keep_their_digits() {
        for (text, number) in [
            ("12", "12"),
            ("00012", "12"),
            ("-0", "-0"),
            ("1.50", "1.50"),
            (".5", "0.5"),
            ("+1.5", "1.5"),
            ("1_000.5", "1000.5"),
            ("1.5e3", "1.5E+3"),
            ("1E5", "1E+5"),
            ("1e-5", "0.00001"),
            ("1e-7", "1E-7"),
            ("0.00", "0.00"),
            ("1.0e+3", "1.0E+3"),
        ] {
            assert_eq!(super::number(text).as_deref(), Ok(number), "{text}");
        }
        for (text, error) in [
            ("1e400", "[<class 'decimal.Overflow'>, <class 'decimal.Inexact'>, <class 'decimal.Rounded'>]"),
            (&"1".repeat(39), "[<class 'decimal.Inexact'>, <class 'decimal.Rounded'>]"),
            ("x", "[<class 'decimal.ConversionSyntax'>]"),
        ] {
            let stderr = format!("\naws: [ERROR]: {error}\n");
            assert_eq!(super::number(text).map_err(|error| error.stderr), Err(stderr), "{text}");
        }
    }
}
