//! The calls of one command to S3.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::parallel::PARALLEL;
use crate::catalog;
use crate::command;
use crate::model::{Operation, Service};
use crate::run::{Failure, GENERAL};
use crate::send::{CallError, Calls, Extras, Response};
use crate::value::{Map, Value};

/// Which of a command's two sides a call is for: they may be in different regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where things come from: `--source-region`, if it was given.
    Source,
    /// Where they go.
    Target,
}

/// Makes the calls of one command.
pub struct Client<'a> {
    pub calls: &'a Calls<'a>,
    service: Arc<Service>,
    region: Option<&'a str>,
    source_region: Option<&'a str>,
    /// One for each request that may be under way.
    slots: Semaphore,
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A call failed.
    Call(CallError),
    /// Something else, in the official CLI's words.
    Said(String),
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Problem {
    /// The code with which the service refused the call, if that is what happened.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Call(CallError::Service { error, .. }) => Some(&error.code),
            _ => None,
        }
    }

    /// Whether nothing more may be sent: the budget is used up, or the journal has refused a call.
    pub fn ends_all(&self) -> bool {
        matches!(self, Self::Call(CallError::Budget(_) | CallError::Journal(_)))
    }

    /// The exit status of a command that it ends, where that is not one of its own.
    pub fn exit_status(&self) -> i32 {
        match self {
            Self::Call(error) => error.exit_status(),
            Self::Said(_) => GENERAL,
        }
    }
}

/// As Python shows the exception in a sentence.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(CallError::Service { error, operation, retries }) => {
                write!(f, "An error occurred ({}) when calling the {operation} operation", error.code)?;
                if let Some(count) = retries {
                    write!(f, " (reached max retries: {count})")?;
                }
                write!(f, ": {}", error.message)
            }
            Self::Call(error) => write!(f, "{error}"),
            Self::Said(text) => f.write_str(text),
        }
    }
}

/// A call that failed where the command has no words of its own for it.
impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Call(CallError::Parameters(text)) => Self::usage(&text),
            Problem::Call(error) => error.into(),
            Problem::Said(text) => Self::general(&text),
        }
    }
}

impl<'a> Client<'a> {
    /// Makes calls in `region`, and in `source_region` for [`Side::Source`].
    pub fn new(
        calls: &'a Calls<'a>,
        region: Option<&'a str>,
        source_region: Option<&'a str>,
    ) -> Result<Self, Problem> {
        let service = catalog::service("s3api");
        let service = service.ok_or_else(|| Problem::Said("the model of S3 is missing".to_owned()))?;
        Ok(Self { calls, service, region, source_region, slots: Semaphore::new(PARALLEL) })
    }

    /// S3's model.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The region of a side.
    pub fn region(&self, side: Side) -> Option<&'a str> {
        match side {
            Side::Source => self.source_region.or(self.region),
            Side::Target => self.region,
        }
    }

    /// Makes one call and gives its result.
    pub async fn call(&self, side: Side, operation: &str, parameters: Map) -> Result<Map, Problem> {
        Ok(self.send(side, operation, parameters, None).await?.value)
    }

    /// Makes one call with a body.
    pub async fn upload(&self, operation: &str, parameters: Map, body: Bytes) -> Result<Map, Problem> {
        Ok(self.send(Side::Target, operation, parameters, Some(body)).await?.value)
    }

    async fn send(
        &self,
        side: Side,
        name: &str,
        parameters: Map,
        body: Option<Bytes>,
    ) -> Result<Response, Problem> {
        let operation = self.operation(name)?;
        let parameters = self.checked(operation, parameters)?;
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let extras = Extras { body, ..Extras::default() };
        Ok(self.calls.send_with(&self.service, operation, parameters, self.region(side), extras).await?)
    }

    /// The URL with which anybody can make the call for `seconds`.
    pub async fn presign(&self, name: &str, parameters: Map, seconds: i64) -> Result<String, Problem> {
        let operation = self.operation(name)?;
        let parameters = self.checked(operation, parameters)?;
        Ok(self.calls.presign(&self.service, operation, parameters, self.region, seconds).await?)
    }

    /// An operation by its name in the API.
    pub fn operation(&self, name: &str) -> Result<&Operation, Problem> {
        let operation = self.service.operation_named(name);
        operation.ok_or_else(|| Problem::Said(format!("the model of S3 lacks {name}")))
    }

    /// Checks parameters against the model. What only becomes text when the request is written is taken for text.
    fn checked(&self, operation: &Operation, mut parameters: Map) -> Result<Map, Problem> {
        let later: Vec<(String, Value)> = parameters
            .iter_mut()
            .filter(|(name, _)| *name == "CopySource" || name.ends_with("SSECustomerKey"))
            .map(|(name, value)| (name.clone(), std::mem::replace(value, Value::Str("text".to_owned()))))
            .collect();
        let now = self.calls.session().now();
        let checked = command::checked(&self.service, operation, parameters, now);
        let mut checked = checked.map_err(|message| Problem::Call(CallError::Parameters(message)))?;
        checked.extend(later);
        Ok(checked)
    }
}

/// Parameters by their names.
pub fn parameters<const N: usize>(pairs: [(&str, &str); N]) -> Map {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), Value::Str(value.to_owned()))).collect()
}

/// The text of a result's member.
pub fn text<'m>(result: &'m Map, member: &str) -> Option<&'m str> {
    result.get(member).and_then(Value::as_str)
}

/// The text of a result's member that must be there. Without it the official CLI names the member and nothing more.
pub fn required(result: &Map, member: &str) -> Result<String, Problem> {
    text(result, member).map(str::to_owned).ok_or_else(|| Problem::Said(format!("'{member}'")))
}

/// The members of `from` that are among `names`.
pub fn only(from: &Map, names: &[&str]) -> Map {
    let kept = from.iter().filter(|(name, _)| names.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The members of `from` that are not among `names`.
pub fn without(from: &Map, names: &[&str]) -> Map {
    let kept = from.iter().filter(|(name, _)| !names.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
