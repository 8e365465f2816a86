//! Limits that the services of AWS have, the emulator lacks, and Alfredbot's own requests could reach.

use serde_json::Value;
use winterbaume_core::MockResponse;

use super::refusal::{Dialect, error};

/// The longest message, in bytes (1 MiB: quotas of SQS, "Message size").
const MAX_MESSAGE: usize = 1024 * 1024;

/// The refusal of a request that AWS would not take.
pub(crate) fn refuse(service: &str, operation: Option<&str>, body: &[u8]) -> Option<MockResponse> {
    let input = || serde_json::from_slice::<Value>(body).ok();
    let (code, message) = match (service, operation?) {
        ("sqs", "SendMessage") => refuse_message(input()?["MessageBody"].as_str()?)?,
        ("iam", "UpdateAssumeRolePolicy") => return refuse_trust_policy(body),
        _ => return None,
    };
    Some(error(Dialect::Json, 400, code, &message))
}

/// IAM keeps no policy that it cannot read.
fn refuse_trust_policy(body: &[u8]) -> Option<MockResponse> {
    let form = url::form_urlencoded::parse(body);
    let policy = form.into_iter().find(|(name, _)| name == "PolicyDocument")?.1;
    let message = match serde_json::from_str::<Value>(&policy) {
        Ok(policy) if policy["Statement"].is_object() || policy["Statement"].is_array() => return None,
        Ok(_) => "Syntax errors in policy.",
        Err(_) => "This policy contains invalid Json",
    };
    Some(error(Dialect::Query, 400, "MalformedPolicyDocument", message))
}

fn refuse_message(text: &str) -> Option<(&'static str, String)> {
    if text.is_empty() {
        return Some(("MissingParameter", "The request must contain the parameter MessageBody.".into()));
    }
    if text.len() > MAX_MESSAGE {
        let message = format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {MAX_MESSAGE} bytes."
        );
        return Some(("InvalidParameterValue", message));
    }
    // The characters of XML 1.0.
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    let bad = text.chars().find(|c| !allowed(*c))?;
    let message = format!("Invalid binary character '#x{:X}' was found in the message body.", u32::from(bad));
    Some(("InvalidMessageContents", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_aws_would_not_take_is_refused_at_the_limit() {
        let text = |count: usize| "x".repeat(count);
        let send = |body: &str| ("sqs", "SendMessage", json!({ "MessageBody": body }));
        let cases = [
            (send("tab\t, line\n, ü 🦀"), None),
            (send(""), Some("MissingParameter")),
            (send("\0"), Some("InvalidMessageContents")),
            (send("\u{fffe}"), Some("InvalidMessageContents")),
            (send(&text(MAX_MESSAGE)), None),
            (send(&text(MAX_MESSAGE + 1)), Some("InvalidParameterValue")),
        ];
        for ((service, operation, input), code) in cases {
            let refused = refuse(service, Some(operation), input.to_string().as_bytes());
            let found = refused
                .map(|answer| serde_json::from_slice::<Value>(&answer.body).unwrap()["__type"].clone());
            assert_eq!(found, code.map(Value::from), "{operation}");
        }
    }

    #[test]
    fn a_trust_policy_that_cannot_be_read_is_refused() {
        for (policy, message) in [
            (r#"{"Statement": []}"#, None),
            (r#"{"Statement": {"Effect": "Deny"}}"#, None),
            ("", Some("invalid Json")),
            (r#"{"Statement": ["#, Some("invalid Json")),
            (r#"{"Version": "2012-10-17"}"#, Some("Syntax errors")),
            (r#""Statement""#, Some("Syntax errors")),
        ] {
            let form = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("PolicyDocument", policy)
                .finish();
            let refused = refuse("iam", Some("UpdateAssumeRolePolicy"), form.as_bytes());
            let text = refused.map(|answer| String::from_utf8(answer.body.to_vec()).unwrap());
            assert_eq!(text.is_some(), message.is_some(), "{policy}");
            if let (Some(text), Some(message)) = (text, message) {
                assert!(
                    text.contains("<Code>MalformedPolicyDocument</Code>") && text.contains(message),
                    "{text}"
                );
            }
        }
    }
}
