//! Ends the jobs that no worker ended, and tells their users: once a minute for jobs whose lease is over, and at once
//! for records that the queue gave up (the dead-letter queue is an event source of the same function). It runs no
//! command and holds no role.

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::error::DisplayErrorContext;
use serde_json::Value;
use shared::deadline::Deadline;
use shared::ids::{ChannelId, JobId, TenantId, UserId};
use shared::job::{JOB_VERSION, Job, MAX_START_DELAY, Task};
use shared::secret::Secret;

use crate::batch::{finish, read};
use crate::claim::{Attempt, LedgerError, NewClaim, NextStep, OPEN_SHARDS, Row, State, job_key, next_step};
use crate::outcome::{Answer, Outcome, Retry};
use crate::respond::{Responder, job_place};

/// How many overdue jobs of one shard are ended in one go; the next go takes the rest.
const PER_SHARD: usize = 100;

/// How long a job that was sent again may take to be claimed before it is sent once more, in seconds.
const REQUEUED_FOR: u64 = 2 * 60;

/// How many jobs are ended at a time: Slack and the tables have limits.
const AT_A_TIME: usize = 16;

/// Ends jobs.
pub struct Sweeper {
    /// Keeps and posts answers.
    pub responder: Responder,
    /// Where jobs are sent again.
    pub queue: JobsQueue,
}

/// The jobs queue, for sending again what was never begun.
pub struct JobsQueue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl JobsQueue {
    /// The queue at `url`.
    pub fn new(sqs: aws_sdk_sqs::Client, url: String) -> Self {
        Self { sqs, url }
    }

    async fn send(&self, job: &Job) -> Result<(), Retry> {
        let record = job.to_record().map_err(|error| Retry(error.to_string()))?;
        let sent = self
            .sqs
            .send_message()
            .queue_url(&self.url)
            .message_body(record)
            .message_group_id(job.tenant.as_str())
            .send()
            .await;
        sent.map(drop).map_err(|error| Retry(DisplayErrorContext(&error).to_string()))
    }
}

/// What happened to an overdue job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// It is on the queue again.
    SentAgain,
    /// Its processing ended.
    Outcome(Outcome),
    /// Someone else is at it, or it has ended.
    Left,
}

/// Ends every job whose lease is over. Gives how many it dealt with.
pub async fn sweep(sweeper: &Arc<Sweeper>, deadline: Deadline) -> Result<usize, Retry> {
    let now = sweeper.responder.clock.seconds();
    let mut overdue = Vec::new();
    for shard in 0..OPEN_SHARDS {
        let keys = sweeper.responder.ledger.overdue(shard, now, PER_SHARD).await;
        overdue.extend(keys.map_err(|error| Retry(error.to_string()))?);
    }
    let mut running = tokio::task::JoinSet::new();
    let mut ended = 0;
    let mut keys = overdue.into_iter();
    loop {
        while running.len() < AT_A_TIME
            && let Some(key) = keys.next()
        {
            let sweeper = sweeper.clone();
            running.spawn(async move { (sweeper.sweep_one(&key, deadline).await, key) });
        }
        match running.join_next().await {
            None => return Ok(ended),
            Some(Ok((Ok(Swept::Left), _))) => {}
            Some(Ok((Ok(swept), key))) => {
                ended += 1;
                tracing::info!(job.key = key, ?swept, "swept");
            }
            Some(Ok((Err(retry), key))) => {
                tracing::error!(job.key = key, reason = %retry, "left for the next sweep")
            }
            Some(Err(error)) => tracing::error!(alarm = "panic", %error, "a sweep panicked"),
        }
    }
}

impl Sweeper {
    /// Deals with one job whose lease seems to be over. The index lags behind, so its item decides.
    pub async fn sweep_one(&self, key: &str, deadline: Deadline) -> Result<Swept, Retry> {
        let row = match self.responder.ledger.get(key).await {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Swept::Left),
            Err(error) => return Err(Retry(error.to_string())),
        };
        let now = self.responder.clock.seconds();
        if now <= row.lease_until {
            return Ok(Swept::Left);
        }
        let attempt = Attempt::new().map_err(|error| Retry(error.to_string()))?;
        match next_step(&row, None, now) {
            NextStep::Leave | NextStep::Wait | NextStep::GoOn => Ok(Swept::Left),
            NextStep::Run => self.run_again(&row, &attempt, deadline).await,
            step @ (NextStep::Deliver | NextStep::Interrupt) => {
                finish(&self.responder, &row, step, &attempt, deadline).await.map(Swept::Outcome)
            }
        }
    }

    /// A job that changed nothing yet: back to the queue, or expired.
    async fn run_again(&self, row: &Row, attempt: &Attempt, deadline: Deadline) -> Result<Swept, Retry> {
        let responder = &self.responder;
        let now = responder.clock.seconds();
        if row.sealed_job.is_none() {
            // Written while the key service was away: only the queue's own copy can be read, and it brings the answer
            // as long as it may. After that nobody can be told any more.
            let claim = self.take(row, attempt, deadline.lease()).await?;
            let written = if now.saturating_sub(row.typed_at) > MAX_START_DELAY {
                tracing::error!(
                    job.key = row.key,
                    alarm = "untold",
                    "a job that cannot be opened has expired"
                );
                responder.ledger.end(&claim, State::Expired).await
            } else {
                responder.ledger.let_go(&claim, now + REQUEUED_FOR, true).await
            };
            return written.map(|()| Swept::Left).map_err(|error| Retry(error.to_string()));
        }
        let (job, key) = responder.open_job(row).await.map_err(|error| Retry(error.to_string()))?;
        if now.saturating_sub(job.typed_at) > MAX_START_DELAY {
            let claim = self.take(row, attempt, deadline.lease()).await?;
            let left = deadline.left(responder.clock.since_epoch());
            let answer = Answer::expired(&job.id);
            let outcome = responder.conclude(&job, &claim, Some(&key), answer, State::Expired, left).await?;
            return Ok(Swept::Outcome(outcome));
        }
        // The ledger first: if sending fails, the job is overdue again soon and is sent by the next sweep.
        let claim = self.take(row, attempt, now + REQUEUED_FOR).await?;
        responder
            .ledger
            .let_go(&claim, now + REQUEUED_FOR, true)
            .await
            .map_err(|error| Retry(error.to_string()))?;
        self.queue.send(&job).await?;
        tracing::info!(job.id = %job.id, "sent to the queue again");
        Ok(Swept::SentAgain)
    }

    async fn take(&self, row: &Row, attempt: &Attempt, lease: u64) -> Result<crate::claim::Claim, Retry> {
        self.responder.ledger.take_over(row, attempt, lease).await.map_err(|error| Retry(error.to_string()))
    }
}

/// Ends the jobs of records that the queue gave up, and tells their senders. A record that nobody can be told about is
/// logged and dropped.
pub async fn bury(sweeper: &Arc<Sweeper>, event: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for record in event.records {
        let message_id = record.message_id.unwrap_or_default();
        let body = record.body.unwrap_or_default();
        match sweeper.bury_one(&body, deadline).await {
            Ok(outcome) => tracing::info!(message.id = message_id, ?outcome, "took a dead record"),
            Err(retry) => {
                tracing::error!(message.id = message_id, reason = %retry, "a dead record stays for later");
                response.add_failure(message_id);
            }
        }
    }
    response
}

impl Sweeper {
    /// Ends the job of one dead record.
    pub async fn bury_one(&self, body: &str, deadline: Deadline) -> Result<Swept, Retry> {
        let responder = &self.responder;
        let Some(job) = read(body).ok().or_else(|| sender(body)) else {
            tracing::error!(
                alarm = "dead_letter",
                bytes = body.len(),
                "a dead record that names no sender is dropped"
            );
            return Ok(Swept::Left);
        };
        tracing::error!(job.id = %job.id, alarm = "dead_letter", "a job came to the dead-letter queue");
        let attempt = Attempt::new().map_err(|error| Retry(error.to_string()))?;
        let key = responder.keys.current(&job.tenant).await.map_err(|error| Retry(error.to_string()))?;
        let place = job_key(&job.tenant, &job.id);
        let text = serde_json::to_vec(&job).map_err(|error| Retry(error.to_string()))?;
        let sealed = key.seal(&job_place(&place), &text).map_err(|error| Retry(error.to_string()))?;
        let now = responder.clock.seconds();
        let lease_until = deadline.lease();
        let new =
            NewClaim { job: &job, attempt: &attempt, lease_until, sealed: Some((&key.wrapped, sealed)), now };
        let claim = match responder.ledger.claim(new).await.map_err(|error| Retry(error.to_string()))? {
            Ok(claim) => claim,
            Err(row) => match next_step(&row, None, now) {
                NextStep::Leave => return Ok(Swept::Left),
                // Copies of it were given back while one worker had it. The lease tells how it ends.
                NextStep::Wait | NextStep::GoOn => return Ok(Swept::Left),
                NextStep::Run => match responder.ledger.take_over(&row, &attempt, lease_until).await {
                    Ok(claim) => claim,
                    Err(LedgerError::Lost) => return Ok(Swept::Left),
                    Err(error) => return Err(Retry(error.to_string())),
                },
                step @ (NextStep::Deliver | NextStep::Interrupt) => {
                    return finish(responder, &row, step, &attempt, deadline).await.map(Swept::Outcome);
                }
            },
        };
        let left = deadline.left(responder.clock.since_epoch());
        let (answer, ends) = (Answer::dead(&job.id), State::Dead);
        responder.conclude(&job, &claim, Some(&key), answer, ends, left).await.map(Swept::Outcome)
    }
}

/// What can be made out of a record that is no job of ours: enough of one to tell its sender, if it names him.
fn sender(body: &str) -> Option<Job> {
    let value: Value = serde_json::from_str(body).ok()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Job {
        version: JOB_VERSION,
        id: JobId::try_from(text("id")?).ok()?,
        tenant: TenantId::try_from(text("tenant")?).ok()?,
        enterprise: None,
        user: UserId::try_from(text("user")?).ok()?,
        channel: ChannelId::try_from(text("channel")?).ok()?,
        task: Task::WhoAmI,
        typed_at: value.get("typed_at").and_then(Value::as_u64).unwrap_or(0),
        response_url: text("response_url").map(Secret::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_from_the_future_still_names_its_sender() {
        let id = "0".repeat(32);
        let body = format!(
            r#"{{"version":99,"id":"{id}","tenant":"T1","user":"U1","channel":"C1","task":{{"kind":"fly"}},"typed_at":7,"response_url":"https://hooks.slack.com/x"}}"#
        );
        let job = sender(&body).unwrap();
        assert_eq!((job.tenant.as_str(), job.user.as_str(), job.typed_at), ("T1", "U1", 7));
        for unknown in ["", "{}", "[1]", "{\"id\":7}", &body.replace("U1", "u1"), &body.replace(&id, "x")] {
            assert_eq!(sender(unknown), None, "{unknown}");
        }
    }
}
