//! One service in one region, as the CLI's own commands call it.

use std::sync::Arc;

use bytes::Bytes;

use crate::catalog;
use crate::command::validate::{self, Typed};
use crate::model::{Operation, Service, Waiter};
use crate::run::Failure;
use crate::send::{CallError, Calls, Extras, Response};
use crate::value::{Map, Value};

/// Calls the operations of one service.
pub struct Client {
    /// The service.
    pub service: Arc<Service>,
    /// Where.
    pub region: Option<String>,
}

impl Client {
    /// The service of a word on the command line.
    pub fn new(service: &str, region: Option<&str>) -> Result<Self, Failure> {
        let missing = || Failure::general(&format!("the model of {service} is missing"));
        let service = catalog::service(service).ok_or_else(missing)?;
        Ok(Self { service, region: region.map(str::to_owned) })
    }

    /// An operation by its name in the API.
    pub fn operation(&self, name: &str) -> Result<&Operation, CallError> {
        let missing = || CallError::Parameters(format!("{} has no operation {name}", self.service.command));
        self.service.operation_named(name).ok_or_else(missing)
    }

    /// A waiter by its name in the API.
    pub fn waiter(&self, name: &str) -> Result<&Waiter, Failure> {
        let missing = || Failure::general(&format!("{} has no waiter {name}", self.service.command));
        self.service.waiters.iter().find(|waiter| waiter.name == name).ok_or_else(missing)
    }

    /// Checks the parameters and makes the call.
    pub async fn call(&self, calls: &Calls<'_>, operation: &str, parameters: Map) -> Result<Map, CallError> {
        self.respond(calls, operation, parameters).await.map(|response| response.value)
    }

    /// The same for a result whose secrets the command needs and does not show.
    pub async fn reveal(
        &self,
        calls: &Calls<'_>,
        operation: &str,
        parameters: Map,
    ) -> Result<Map, CallError> {
        let extras = Extras { keeps_secrets: true, ..Extras::default() };
        self.make(calls, operation, parameters, extras).await.map(|response| response.value)
    }

    /// The same for an answer that has no end: what comes until the time is up, with why it ends.
    pub async fn follow(
        &self,
        calls: &Calls<'_>,
        operation: &str,
        parameters: Map,
    ) -> Result<Response, CallError> {
        self.make(calls, operation, parameters, Extras { endless: true, ..Extras::default() }).await
    }

    /// The same as [`Client::call`], with the response that the result came in.
    pub async fn respond(
        &self,
        calls: &Calls<'_>,
        operation: &str,
        parameters: Map,
    ) -> Result<Response, CallError> {
        self.make(calls, operation, parameters, Extras::default()).await
    }

    async fn make(
        &self,
        calls: &Calls<'_>,
        operation: &str,
        parameters: Map,
        extras: Extras,
    ) -> Result<Response, CallError> {
        let operation = self.operation(operation)?;
        self.check(operation, &parameters)?;
        calls.send_with(&self.service, operation, parameters, self.region.as_deref(), extras).await
    }

    /// Refuses parameters that do not fit the model.
    pub fn check(&self, operation: &Operation, parameters: &Map) -> Result<(), CallError> {
        match validate::mistakes(&self.service, operation.input, parameters, &Typed::default()) {
            Some(mistakes) => {
                let message = format!("An error occurred (ParamValidation): {mistakes}");
                Err(CallError::Parameters(message))
            }
            None => Ok(()),
        }
    }
}

/// A structure of these members, in order.
pub fn map<const N: usize>(members: [(&str, Value); N]) -> Map {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A text as a value.
pub fn text(text: &str) -> Value {
    Value::Str(text.to_owned())
}

/// Texts as a list.
pub fn texts(texts: &[String]) -> Value {
    Value::List(texts.iter().map(|word| text(word)).collect())
}

/// A member of a result that the official CLI takes for granted. The error is Python's for one that is missing.
pub fn member<'a>(map: &'a Map, name: &str) -> Result<&'a Value, Failure> {
    map.get(name).ok_or_else(|| Failure::general(&format!("'{name}'")))
}

/// The same for the members of members, down to a text.
pub fn text_at<'a>(map: &'a Map, path: &[&str]) -> Result<&'a str, Failure> {
    let (first, rest) = path.split_first().ok_or_else(|| Failure::general("''"))?;
    let mut value = member(map, first)?;
    for name in rest {
        value = value.get(name).ok_or_else(|| Failure::general(&format!("'{name}'")))?;
    }
    value.as_str().ok_or_else(|| Failure::general(&format!("'{}'", path.last().unwrap_or(first))))
}

/// The streamed part of a result.
pub fn body(result: &mut Map, name: &str) -> Bytes {
    match result.shift_remove(name) {
        Some(Value::Bytes(bytes)) => bytes.into(),
        Some(Value::Str(text)) => text.into(),
        _ => Bytes::new(),
    }
}
