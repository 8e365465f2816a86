//! Texts that Python makes of values and that the CLI shows.

use crate::value::Value;

/// `str(value)`: a text as it is, anything else as in a program's source.
pub fn python_text(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`.
fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(value) => value.to_string(),
        Value::BigInt(digits) => digits.clone(),
        Value::Float(value) => float(*value, "inf", "nan"),
        Value::Str(text) => repr_text(text),
        Value::Bytes(bytes) => repr_bytes(bytes),
        Value::Timestamp(time) => super::iso_8601(time).replacen('T', " ", 1),
        Value::Date(date) => date.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let members = map.iter().map(|(key, value)| format!("{}: {}", repr_text(key), repr(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// `repr(bytes)`.
pub(crate) fn repr_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut shown = format!("b{quote}");
    for byte in bytes {
        match byte {
            b'\n' => shown.push_str("\\n"),
            b'\r' => shown.push_str("\\r"),
            b'\t' => shown.push_str("\\t"),
            b'\\' => shown.push_str("\\\\"),
            _ if char::from(*byte) == quote => shown.push_str("\\'"),
            b' '..=b'~' => shown.push(char::from(*byte)),
            _ => shown.push_str(&format!("\\x{byte:02x}")),
        }
    }
    shown.push(quote);
    shown
}

/// `repr(text)`: with quotes and escapes.
pub(crate) fn repr_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\\' => shown.push_str("\\\\"),
            _ if character == quote => {
                shown.push('\\');
                shown.push(character);
            }
            _ if character.is_control() => shown.push_str(&format!("\\x{:02x}", character as u32)),
            _ => shown.push(character),
        }
    }
    shown.push(quote);
    shown
}

/// `repr` of a float: the shortest digits that read back as the same number, with an exponent from 1e16 on and below
/// 1e-4. The words for infinity and for what is not a number differ between Python and its JSON.
pub(crate) fn float(value: f64, infinity: &str, not_a_number: &str) -> String {
    if value.is_nan() {
        return not_a_number.to_owned();
    }
    if value.is_infinite() {
        return format!("{}{infinity}", if value < 0.0 { "-" } else { "" });
    }
    let shortest = format!("{value:e}");
    // Of two shortest texts that are equally near Rust takes the larger and Python the even one, which Rust writes too
    // where the number of digits is given.
    let mantissa = shortest.split('e').next().unwrap_or_default();
    let places = mantissa.split_once('.').map_or(0, |(_, places)| places.len());
    let even = format!("{value:.places$e}");
    let scientific = if even.parse() == Ok(value) { even } else { shortest };
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let places = usize::try_from(places as i64 - i64::from(exponent)).unwrap_or(0);
        let plain = format!("{value:.places$}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e-7, "1e-07"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1e21, "1e+21"),
            // Halfway between two texts of 16 digits.
            (86.65286254882813, "86.65286254882812"),
            (-99.95779418945313, "-99.95779418945312"),
            (97.05007934570313, "97.05007934570312"),
            (123456.789, "123456.789"),
            (0.00012345, "0.00012345"),
            (9007199254740993.0, "9007199254740992.0"),
            (1.5e300, "1.5e+300"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (value, text) in cases {
            assert_eq!(float(value, "inf", "nan"), text);
        }
    }

    #[test]
    fn values_are_shown_as_in_a_python_program() {
        let map = [("a".to_owned(), Value::List(vec![Value::Null, Value::Bool(true)]))].into_iter().collect();
        assert_eq!(python_text(&Value::Map(map)), "{'a': [None, True]}");
        assert_eq!(python_text(&Value::List(vec![Value::Str("it's\n".to_owned())])), "[\"it's\\n\"]");
        assert_eq!(python_text(&Value::Str("it's".to_owned())), "it's");
    }
}
