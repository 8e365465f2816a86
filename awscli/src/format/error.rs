//! How the official CLI words errors on standard error.

use super::{Sink, as_shown, json, python_text, table, text, yaml};
use crate::parse::ServiceError;
use crate::value::{Map, Value};

/// `--cli-error-format`: how errors that have a code are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorFormat {
    /// In sentences, with the modeled members of a service's error below.
    #[default]
    Enhanced,
    /// In sentences alone, and without the codes of the CLI's own errors.
    Legacy,
    /// As a result is by `--output json`. The others are as by their namesakes.
    Json,
    /// As YAML.
    Yaml,
    /// As text.
    Text,
    /// As a table.
    Table,
}

/// The codes of the CLI's own errors.
const OWN_CODES: [&str; 4] = ["ParamValidation", "Configuration", "NoRegion", "NoCredentials"];

/// How an error begins that is shown in sentences.
const LEAD: &str = "\naws: [ERROR]: ";

/// How the members of a service's error begin below it.
const DETAILS: &str = "\nAdditional error details:\n";

impl ErrorFormat {
    /// The words for them, in the official CLI's order.
    pub const CHOICES: &[&str] = &["legacy", "json", "yaml", "text", "table", "enhanced"];

    /// The format that a word names.
    pub fn of_word(word: &str) -> Self {
        match word {
            "legacy" => Self::Legacy,
            "json" => Self::Json,
            "yaml" => Self::Yaml,
            "text" => Self::Text,
            "table" => Self::Table,
            _ => Self::Enhanced,
        }
    }

    /// An error, given as it is shown by default. `info` is what `service_error_info` tells of a service's one. Errors
    /// without a code look the same in all formats.
    pub fn show(self, enhanced: String, info: Option<&Map>) -> String {
        if self == Self::Enhanced {
            return enhanced;
        }
        let own = own_info(&enhanced);
        let Some(info) = info.or(own.as_ref()) else { return enhanced };
        let mut sink = Sink::new(usize::MAX);
        let mut value = Value::Map(info.clone());
        as_shown(&mut value);
        let is_shown = match self {
            Self::Enhanced | Self::Legacy => false,
            Self::Table => table("error", &value, &mut sink).is_ok(),
            Self::Json | Self::Yaml | Self::Text => {
                let show = match self {
                    Self::Json => json,
                    Self::Yaml => yaml,
                    _ => text,
                };
                show(&value, &mut sink);
                true
            }
        };
        match (is_shown, own) {
            // Only whole texts went in.
            (true, _) => String::from_utf8(sink.into_bytes()).unwrap_or_default(),
            (false, Some(own)) => {
                let message = own.get("Message").and_then(Value::as_str).unwrap_or_default();
                error_line(message.trim())
            }
            (false, None) => match enhanced.split_once(DETAILS) {
                Some((sentence, _)) => sentence.to_owned(),
                None => enhanced,
            },
        }
    }
}

/// Code and message of an error of the CLI's own.
fn own_info(enhanced: &str) -> Option<Map> {
    let (code, message) =
        enhanced.strip_prefix(LEAD)?.strip_prefix("An error occurred (")?.split_once("): ")?;
    if !OWN_CODES.contains(&code) {
        return None;
    }
    // The usage below a message belongs to it as it is, with its line end.
    let message = message.strip_suffix('\n').filter(|_| !message.ends_with(USAGE_END)).unwrap_or(message);
    let texts = [("Code", code), ("Message", message)];
    Some(texts.into_iter().map(|(key, text)| (key.to_owned(), Value::Str(text.to_owned()))).collect())
}

/// The last line of the usage.
const USAGE_END: &str = "\n  aws <command> <subcommand> help\n";

/// Code, message and modeled members of a service's error.
pub fn service_error_info(error: &ServiceError) -> Map {
    let code = ("Code".to_owned(), Value::Str(or_unknown(&error.code)));
    let message = ("Message".to_owned(), Value::Str(error.message.clone()));
    let both = if error.message_first { [message, code] } else { [code, message] };
    let mut info = Map::from(both);
    for (name, value) in &error.fields {
        info.entry(name.clone()).or_insert_with(|| value.clone());
    }
    info
}

fn or_unknown(code: &str) -> String {
    if code.is_empty() { "Unknown".to_owned() } else { code.to_owned() }
}

/// How many members a list or structure may have to be shown in one line.
const INLINE_MEMBERS: usize = 4;

/// Any error, as the CLI prints it.
pub fn error_line(message: &str) -> String {
    format!("{LEAD}{message}\n")
}

/// A mistake in the command's words or parameters.
pub fn usage_error(message: &str) -> String {
    error_line(&format!("An error occurred (ParamValidation): {message}"))
}

/// What a service refused a call of `operation` with. `retries` is how often the call was repeated in vain, if the
/// last word on it was to give up.
pub fn service_error(error: &ServiceError, operation: &str, retries: Option<u32>) -> String {
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
    let mut text = DETAILS.to_owned();
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
