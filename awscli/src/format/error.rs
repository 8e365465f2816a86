//! How the official CLI words errors on standard error.

use super::python_text;
use crate::parse::ServiceError;
use crate::value::{Map, Value};

/// How many members a list or structure may have to be shown in one line.
const INLINE_MEMBERS: usize = 4;

/// Any error, as the CLI prints it.
pub fn error_line(message: &str) -> String {
    format!("\naws: [ERROR]: {message}\n")
}

/// A mistake in the command's words or parameters.
pub fn usage_error(message: &str) -> String {
    error_line(&format!("An error occurred (ParamValidation): {message}"))
}

/// What a service refused a call of `operation` with. `retries` is how often the call was repeated in vain, if the
/// last word on it was to give up.
pub fn service_error(error: &ServiceError, operation: &str, retries: Option<u32>) -> String {
    let or_unknown = |text: &str| if text.is_empty() { "Unknown".to_owned() } else { text.to_owned() };
    let retries = retries.map(|count| format!(" (reached max retries: {count})")).unwrap_or_default();
    let message = format!(
        "An error occurred ({}) when calling the {operation} operation{retries}: {}",
        or_unknown(&error.code),
        error.message
    );
    let mut text = error_line(message.trim_end());
    text.push_str(&details(&error.fields));
    text
}

/// The members that the model gives the error, besides its code and message.
fn details(fields: &Map) -> String {
    let is_said = |name: &str| ["code", "message"].iter().any(|said| name.eq_ignore_ascii_case(said));
    let shown: Vec<_> = fields.iter().filter(|(name, _)| !is_said(name)).collect();
    if shown.is_empty() {
        return String::new();
    }
    let mut text = "\nAdditional error details:\n".to_owned();
    let mut left_out = false;
    for (name, value) in shown {
        let inline = inline(value);
        left_out |= inline.is_none();
        text.push_str(&format!("{name}: {}\n", inline.as_deref().unwrap_or("<complex value>")));
    }
    if left_out {
        text.push_str("Use \"--cli-error-format json\" or another error format to see the full details.\n");
    }
    text
}

/// A scalar, or a few of them; `None` for what is too complex for a line.
fn inline(value: &Value) -> Option<String> {
    let scalar = |value: &Value| match value {
        Value::List(_) | Value::Map(_) => None,
        scalar => Some(python_text(scalar)),
    };
    match value {
        Value::List(items) if items.len() <= INLINE_MEMBERS => {
            let items = items.iter().map(scalar).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", items.join(", ")))
        }
        Value::Map(map) if map.len() <= INLINE_MEMBERS => {
            let members = map.iter().map(|(name, value)| Some(format!("{name}: {}", scalar(value)?)));
            Some(format!("{{{}}}", members.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        other => scalar(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(fields: &str) -> String {
        let Value::Map(fields) = Value::from_json(&serde_json::from_str(fields).unwrap()) else {
            panic!("a map")
        };
        let error =
            ServiceError { code: "Refused".into(), message: "no".into(), fields, ..ServiceError::default() };
        service_error(&error, "DoIt", None)
    }

    /// The texts are those that the official CLI 2.38.5 prints for the same responses.
    #[test]
    fn details_are_shown_as_far_as_they_fit_a_line() {
        let head = "\naws: [ERROR]: An error occurred (Refused) when calling the DoIt operation: no\n";
        let hint = "Use \"--cli-error-format json\" or another error format to see the full details.\n";
        let cases = [
            ("{}", String::new()),
            (r#"{"Message":"no"}"#, String::new()),
            (r#"{"message":"no","code":"c","Code":"Refused"}"#, String::new()),
            (r#"{"Type":"User","Count":3}"#, "Type: User\nCount: 3\n".to_owned()),
            (r#"{"Flag":true,"List":["a","b c"]}"#, "Flag: True\nList: [a, b c]\n".to_owned()),
            (r#"{"Context":{}}"#, "Context: {}\n".to_owned()),
            (r#"{"C":{"a":"b","c":"d","e":"b","f":"d"}}"#, "C: {a: b, c: d, e: b, f: d}\n".to_owned()),
            (r#"{"C":{"a":"b","c":"d","e":"b","f":"d","g":"5"}}"#, format!("C: <complex value>\n{hint}")),
            (r#"{"C":[{"a":"b"}],"D":1}"#, format!("C: <complex value>\nD: 1\n{hint}")),
        ];
        for (fields, details) in cases {
            let separator = if details.is_empty() { "" } else { "\nAdditional error details:\n" };
            assert_eq!(shown(fields), format!("{head}{separator}{details}"), "{fields}");
        }
    }

    #[test]
    fn the_retries_and_an_empty_message_are_worded() {
        let error = ServiceError { code: "500".into(), ..ServiceError::default() };
        let text = "\naws: [ERROR]: An error occurred (500) when calling the DoIt operation (reached max retries: 2):\n";
        assert_eq!(service_error(&error, "DoIt", Some(2)), text);
    }
}
