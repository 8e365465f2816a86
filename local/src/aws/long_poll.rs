//! Long polling as SQS does it: a waiting ReceiveMessage is answered as soon as a message comes. The emulator looks only
//! ten times a second, which would be most of the time that a command takes here.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;
use winterbaume_core::{MockRequest, MockResponse};

use super::accounts::Account;

/// The longest wait, in seconds (API reference of SQS, "ReceiveMessage").
const MAX_WAIT: u64 = 20;
/// How often a waiting request looks for messages that no call announces: those whose delay or visibility timeout ends.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Wakes the requests that wait for messages.
#[derive(Default)]
pub(crate) struct Arrivals(Notify);

impl Arrivals {
    /// Passes a request of SQS on to `account`. One that waits for messages is held here.
    pub(crate) async fn handle(
        &self,
        account: &Account,
        operation: Option<&str>,
        mut request: MockRequest,
    ) -> Option<MockResponse> {
        let Some(until) = (operation == Some("ReceiveMessage")).then(|| take_wait(&mut request)).flatten()
        else {
            let answer = account.handle("sqs", request).await;
            self.0.notify_waiters();
            return answer;
        };
        loop {
            // Before looking, so that a message that comes while we look is not missed.
            let arrival = self.0.notified();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            let answer = account.handle("sqs", copy(&request)).await?;
            if answer.status != 200 || has_messages(&answer.body) || Instant::now() >= until {
                return Some(answer);
            }
            let look_again = (Instant::now() + LOOK_AGAIN).min(until);
            // Either way the queue is looked at again.
            let _ = tokio::time::timeout_at(look_again, arrival).await;
        }
    }
}

/// Takes the waiting time out of the request, if it has one. What is not readable is left for the emulator to refuse.
fn take_wait(request: &mut MockRequest) -> Option<Instant> {
    let mut input: Value = serde_json::from_slice(&request.body).ok()?;
    let seconds =
        input.get("WaitTimeSeconds")?.as_u64().filter(|seconds| (1..=MAX_WAIT).contains(seconds))?;
    input["WaitTimeSeconds"] = 0.into();
    request.body = input.to_string().into();
    Some(Instant::now() + Duration::from_secs(seconds))
}

fn has_messages(body: &[u8]) -> bool {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    answer.is_some_and(|answer| answer["Messages"].as_array().is_some_and(|messages| !messages.is_empty()))
}

fn copy(request: &MockRequest) -> MockRequest {
    MockRequest {
        method: request.method.clone(),
        uri: request.uri.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
    }
}
