//! Who may do what: mappings, and the members that they name.
//!
//! `batch` takes admin jobs from the queue and `seen` keeps copies from being done twice. A slash command goes through
//! `command` (its words), `resolve` (Slack's ids) and `admin` or `status`; an event through `event`. A `sync` is `read` and
//! `settle` (`diff` → `apply`), for one mapping after the other. `record` writes down what was changed, `reply` tells it.

pub mod admin;
pub mod apply;
pub mod batch;
pub mod command;
mod config;
pub mod diff;
pub mod event;
pub mod probed;
pub mod read;
pub mod record;
pub mod reply;
pub mod resolve;
pub mod schedule;
pub mod seen;
pub mod settle;
pub mod status;
pub mod sync;
pub mod tables;
pub mod token;
pub mod workspace;

pub use config::{Config, start};

use std::time::Duration;

use shared::clock::Clock;
use shared::slack::ResponseOrigins;

use crate::record::Bus;
use crate::schedule::Rule;
use crate::tables::Tables;
use crate::token::Tokens;

/// The process: does one admin job at a time.
pub struct Syncer {
    /// Tells the time.
    pub clock: Clock,
    /// Installations, mappings and memberships.
    pub tables: Tables,
    /// Decrypts and renews bot tokens.
    pub tokens: Tokens,
    /// Asks and tells.
    pub slack: shared::slack::Client,
    /// Where a `response_url` may lead.
    pub origins: ResponseOrigins,
    /// Where changes are announced.
    pub bus: Bus,
    /// The schedule.
    pub rule: Rule,
    /// Sends jobs to the worker and to ourselves.
    pub queues: Queues,
    /// The worker's role: what the trust policy of a target role names.
    pub worker_role_arn: String,
}

/// The queues that the syncer sends to.
pub struct Queues {
    sqs: aws_sdk_sqs::Client,
    jobs: String,
    admin: String,
}

/// The longest delay of a record, in seconds (SQS's).
const MAX_DELAY: i32 = 900;

/// A queue did not take a record.
#[derive(Debug, thiserror::Error)]
#[error("the queue does not take the record: {0}")]
pub struct NotQueued(String);

impl Queues {
    /// Puts a job on the worker's queue.
    pub async fn send_job(&self, job: &shared::job::Job) -> Result<(), NotQueued> {
        let body = job.to_record().map_err(|error| NotQueued(error.to_string()))?;
        self.send(&self.jobs, body, job.tenant.as_str(), Duration::ZERO).await
    }

    /// Puts an admin job on our own queue, to be taken after `delay` (at most 15 minutes, SQS's limit).
    pub async fn send_admin_job(
        &self,
        job: &shared::admin::AdminJob,
        delay: Duration,
    ) -> Result<(), NotQueued> {
        let body = job.to_record().map_err(|error| NotQueued(error.to_string()))?;
        self.send(&self.admin, body, job.tenant.as_str(), delay).await
    }

    async fn send(&self, queue: &str, body: String, tenant: &str, delay: Duration) -> Result<(), NotQueued> {
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(MAX_DELAY).min(MAX_DELAY);
        let mut send = self.sqs.send_message().queue_url(queue).message_body(body).message_group_id(tenant);
        if seconds > 0 {
            send = send.delay_seconds(seconds);
        }
        let sent = send.send().await;
        sent.map(drop).map_err(|error| NotQueued(aws_sdk_sqs::error::DisplayErrorContext(&error).to_string()))
    }
}
