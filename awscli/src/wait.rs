//! `aws <service> wait <condition>`: repeats an operation until its result, status or error is the awaited one.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::command::Parsed;
use crate::model::{Service, Waiter};
use crate::park::Parked;
use crate::parse::ServiceError;
use crate::query::{Expression, QueryError};
use crate::run::Failure;
use crate::send::{CallError, Calls, Response};
use crate::value::{Map, Value};

/// What a call's outcome is to a waiter.
struct Outcome {
    value: Value,
    status: u16,
    error: Option<WaitedError>,
}

/// An error, as waiters know it.
struct WaitedError {
    code: String,
    message: String,
}

impl Outcome {
    fn of_result(response: Response) -> Self {
        // The official CLI takes a part of a result for an error where it looks like one.
        let text = |name: &str| response.value.get("Error")?.get(name)?.as_str().map(str::to_owned);
        let message = || text("Message").unwrap_or_else(|| "Unknown".to_owned());
        let error = text("Code").map(|code| WaitedError { code, message: message() });
        Self { value: Value::Map(response.value), status: response.http.status, error }
    }

    fn of_error(error: ServiceError) -> Self {
        let ServiceError { status, code, message, .. } = error;
        Self { value: Value::Null, status, error: Some(WaitedError { code, message }) }
    }
}

/// What is awaited.
pub(crate) struct Wait<'a> {
    pub service: &'a Service,
    pub waiter: &'a Waiter,
    pub parameters: Map,
    pub region: Option<&'a str>,
    /// How long the waiter waits between two calls, in seconds, and how many it makes.
    pub delay: u32,
    pub max_attempts: u32,
    /// The command that the host may park. Nothing where the wait is a part of a longer command.
    pub parks: Option<&'a [String]>,
    /// How many calls were made before it was parked.
    pub polls: u32,
}

/// Why the condition does not hold.
pub(crate) enum WaitError {
    /// A call failed.
    Call(CallError),
    /// It never will, or did not in time. With the last call's result.
    Failed { message: String, last: Value },
    /// The session's time is up.
    TimeUp(String),
    /// The waiter's expression does not take what the service gave.
    Query(QueryError),
}

impl From<WaitError> for Failure {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Call(error) => error.into(),
            WaitError::Failed { message, .. } | WaitError::TimeUp(message) => Failure::general(&message),
            WaitError::Query(error) => Failure::general(&error.to_string()),
        }
    }
}

/// Repeats the operation of the command `argv` until the waiter's condition holds, or the host parks the wait. It goes on
/// after `polls` calls.
pub(crate) async fn wait(
    waiter: &Waiter,
    parsed: &Parsed,
    region: Option<&str>,
    argv: &[String],
    polls: u32,
    calls: &mut Calls<'_>,
) -> Result<Option<Parked>, Failure> {
    let wait = Wait {
        service: &parsed.service,
        waiter,
        parameters: parsed.parameters.clone(),
        region,
        delay: waiter.delay,
        max_attempts: waiter.max_attempts,
        parks: Some(argv),
        polls,
    };
    Ok(wait.run(calls).await?)
}

impl Wait<'_> {
    /// Repeats the operation until the condition holds, or the host parks the wait.
    pub async fn run(self, calls: &mut Calls<'_>) -> Result<Option<Parked>, WaitError> {
        let Self { service, waiter, parameters, region, delay, max_attempts, parks, polls } = self;
        let operation = &service.operations[waiter.operation as usize];
        let acceptors: Json = serde_json::from_str(&waiter.acceptors).unwrap_or_default();
        let worded = |reason: &str| format!("Waiter {} failed: {reason}", waiter.name);
        let failed = |reason: &str, last| Err(WaitError::Failed { message: worded(reason), last });
        let first = polls.min(max_attempts.saturating_sub(1)) + 1;
        for attempt in first.. {
            let sent = calls.send(service, operation, parameters.clone(), region).await;
            let outcome = match sent {
                Ok(response) => Outcome::of_result(response),
                Err(CallError::Service { error, .. }) => Outcome::of_error(*error),
                Err(error) => return Err(WaitError::Call(error)),
            };
            let mut accepted = None;
            for acceptor in acceptors.as_array().into_iter().flatten() {
                if accepts(acceptor, &outcome).map_err(WaitError::Query)? {
                    accepted = Some(acceptor);
                    break;
                }
            }
            match accepted.and_then(|acceptor| acceptor["state"].as_str()) {
                Some("success") => return Ok(None),
                Some("failure") => {
                    let reason = accepted.map(explain).unwrap_or_default();
                    let reason = format!("Waiter encountered a terminal failure state: {reason}");
                    return failed(&reason, outcome.value);
                }
                Some(_) => {}
                None => {
                    if let Some(error) = &outcome.error {
                        let reason = format!("An error occurred ({}): {}", error.code, error.message);
                        return failed(&reason, outcome.value);
                    }
                }
            }
            if attempt >= max_attempts {
                let reason =
                    accepted.map(|acceptor| format!(". Previously accepted state: {}", explain(acceptor)));
                let reason = format!("Max attempts exceeded{}", reason.unwrap_or_default());
                return failed(&reason, outcome.value);
            }
            let delay = Duration::from_secs(delay.into());
            let session = calls.session();
            if let (Some(argv), Some(park)) = (parks, session.park) {
                let parked =
                    Parked { argv: argv.to_vec(), polls: attempt, max_polls: max_attempts, after: delay };
                if park(&parked) {
                    return Ok(Some(parked));
                }
            }
            let budget = &session.budget;
            if Instant::now() + delay + budget.reserve >= budget.deadline {
                let reason = "the time is up; run the command again to go on waiting";
                return Err(WaitError::TimeUp(worded(reason)));
            }
            tokio::time::sleep(delay).await;
        }
        Ok(None)
    }
}

fn accepts(acceptor: &Json, outcome: &Outcome) -> Result<bool, QueryError> {
    let expected = &acceptor["expected"];
    let found = || {
        let expression = acceptor["argument"].as_str().and_then(|text| Expression::parse(text).ok());
        expression.map(|expression| expression.search(&outcome.value)).transpose()
    };
    let wanted = Value::from_json(expected);
    Ok(match acceptor["matcher"].as_str() {
        Some("path" | "pathAll" | "pathAny") if outcome.error.is_some() => false,
        Some("path") => found()? == Some(wanted),
        Some("pathAll") => {
            matches!(found()?, Some(Value::List(items)) if !items.is_empty() && items.iter().all(|item| *item == wanted))
        }
        Some("pathAny") => matches!(found()?, Some(Value::List(items)) if items.contains(&wanted)),
        Some("status") => expected.as_u64() == Some(u64::from(outcome.status)),
        Some("error") => match (&outcome.error, expected) {
            (Some(error), Json::String(code)) => error.code == *code,
            (error, Json::Bool(wanted)) => error.is_some() == *wanted,
            _ => false,
        },
        _ => false,
    })
}

/// What an acceptor has matched, in the words of the official CLI.
fn explain(acceptor: &Json) -> String {
    let text = |key: &str| match &acceptor[key] {
        Json::String(text) => text.clone(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
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
