//! `aws <service> wait <condition>`: repeats an operation until its result, status or error is the awaited one.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::command::Parsed;
use crate::model::Waiter;
use crate::query::Expression;
use crate::run::Failure;
use crate::send::{CallError, Calls};
use crate::value::Value;

/// What a call's outcome is to a waiter.
struct Outcome {
    value: Value,
    error: Option<CallError>,
}

/// Repeats the operation until the waiter's condition holds. A failure says why it never will, or did not in time.
pub(crate) async fn wait(
    waiter: &Waiter,
    parsed: &Parsed,
    region: Option<&str>,
    calls: &mut Calls<'_>,
) -> Result<(), Failure> {
    let acceptors: Json = serde_json::from_str(&waiter.acceptors).unwrap_or_default();
    let failed = |reason: &str| Err(Failure::general(&format!("Waiter {} failed: {reason}", waiter.name)));
    for attempt in 1.. {
        let sent = calls.send(&parsed.service, parsed.operation(), parsed.parameters.clone(), region).await;
        let outcome = match sent {
            Ok(response) => Outcome { value: Value::Map(response.value), error: None },
            Err(error @ CallError::Service { .. }) => Outcome { value: Value::Null, error: Some(error) },
            Err(error) => return Err(error.into()),
        };
        let accepted =
            acceptors.as_array().into_iter().flatten().find(|acceptor| accepts(acceptor, &outcome));
        match accepted.and_then(|acceptor| acceptor["state"].as_str()) {
            Some("success") => return Ok(()),
            Some("failure") => {
                let reason = accepted.map(explain).unwrap_or_default();
                return failed(&format!("Waiter encountered a terminal failure state: {reason}"));
            }
            Some(_) => {}
            None => {
                if let Some(CallError::Service { error, .. }) = &outcome.error {
                    return failed(&format!("An error occurred ({}): {}", error.code, error.message));
                }
            }
        }
        if attempt >= waiter.max_attempts {
            let reason =
                accepted.map(|acceptor| format!(". Previously accepted state: {}", explain(acceptor)));
            return failed(&format!("Max attempts exceeded{}", reason.unwrap_or_default()));
        }
        let delay = Duration::from_secs(waiter.delay.into());
        let budget = &calls.session().budget;
        if Instant::now() + delay + budget.reserve >= budget.deadline {
            return failed("the time is up; run the command again to go on waiting");
        }
        tokio::time::sleep(delay).await;
    }
    Ok(())
}

fn accepts(acceptor: &Json, outcome: &Outcome) -> bool {
    let expected = &acceptor["expected"];
    let found = || {
        let expression = Expression::parse(acceptor["argument"].as_str()?).ok()?;
        expression.search(&outcome.value).ok()
    };
    let wanted = Value::from_json(expected);
    match acceptor["matcher"].as_str() {
        Some("path") => outcome.error.is_none() && found() == Some(wanted),
        Some("pathAll") => {
            outcome.error.is_none()
                && matches!(found(), Some(Value::List(items)) if !items.is_empty() && items.iter().all(|item| *item == wanted))
        }
        Some("pathAny") => {
            outcome.error.is_none() && matches!(found(), Some(Value::List(items)) if items.contains(&wanted))
        }
        Some("status") => {
            let status = match &outcome.error {
                Some(CallError::Service { error, .. }) => error.status,
                _ => 200,
            };
            expected.as_u64() == Some(u64::from(status))
        }
        Some("error") => match (&outcome.error, expected) {
            (Some(CallError::Service { error, .. }), Json::String(code)) => error.code == *code,
            (error, Json::Bool(wanted)) => error.is_some() == *wanted,
            _ => false,
        },
        _ => false,
    }
}

/// What an acceptor has matched, in the words of the official CLI.
fn explain(acceptor: &Json) -> String {
    let text = |key: &str| match &acceptor[key] {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (argument, expected) = (text("argument"), text("expected"));
    match acceptor["matcher"].as_str() {
        Some("path") => format!("For expression \"{argument}\" we matched expected path: \"{expected}\""),
        Some("pathAll") => {
            format!("For expression \"{argument}\" all members matched expected path: \"{expected}\"")
        }
        Some("pathAny") => {
            format!("For expression \"{argument}\" we matched expected path: \"{expected}\" at least once")
        }
        Some("status") => format!("Matched expected HTTP status code: {expected}"),
        _ => format!("Matched expected service error code: {expected}"),
    }
}
