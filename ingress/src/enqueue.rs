//! A job onto the jobs queue, within the time in which Slack waits.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{IdentityCache, StalledStreamProtectionConfig};
use aws_sdk_sqs::error::{DisplayErrorContext, SdkError};
use shared::aws::Account;
use shared::http::Pool;
use shared::job::Job;

/// How long one try may take. Two of them leave Slack's 3 seconds enough room for a slow start and the way back.
pub const TRY_TIMEOUT: Duration = Duration::from_millis(800);

/// How often a job is offered to the queue. A second record of the same job does no harm: both name the same ledger row.
pub const TRIES: u32 = 2;

/// How long a connection may take to open: less than a try, so that an unreachable queue is known to have got nothing.
pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);

/// How long the start of the process waits for its connection. A handshake within a region takes a tenth of that, and
/// together with two tries the first user must still be answered within 2.5 seconds.
pub const OPEN_TIMEOUT: Duration = Duration::from_millis(250);

/// The pause before the second try.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a job is not known to be on the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotQueued {
    /// Every try was refused or never left: the job will not run.
    Certainly,
    /// At least one try was sent and nothing certain came back: the job may run.
    Perhaps,
}

/// The jobs queue.
pub struct JobsQueue {
    client: Client,
    pool: Pool,
    url: String,
}

impl JobsQueue {
    /// The queue at `url`, reached over `pool` as `account` says.
    pub fn new(account: &Account, pool: Pool, url: String) -> Self {
        let config = aws_sdk_sqs::config::Builder::from(&account.sdk_config(pool.clone()))
            // Tries are made and judged here, one by one: what the user reads depends on each.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(TRY_TIMEOUT).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // The credentials are constants of the process.
            .identity_cache(IdentityCache::no_cache())
            .build();
        Self { client: Client::from_conf(config), pool, url }
    }

    /// Opens the connection over which the first job will go.
    pub async fn connect(&self, account: &Account) {
        let origin = account.endpoint().unwrap_or(&self.url);
        match tokio::time::timeout(OPEN_TIMEOUT, self.pool.open(origin)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot reach the jobs queue yet"),
            Err(_) => tracing::warn!("the jobs queue does not answer yet"),
        }
    }

    /// Puts `job` on the queue. Returns once SQS has accepted it, or after at most [`TRIES`] tries of [`TRY_TIMEOUT`].
    ///
    /// # Errors
    /// Whether the job may have been accepted all the same.
    pub async fn send(&self, job: &Job) -> Result<(), NotQueued> {
        let record = match job.to_record() {
            Ok(record) => record,
            Err(error) => {
                tracing::error!(job.id = %job.id, %error, "cannot write the job as a record");
                return Err(NotQueued::Certainly);
            }
        };
        let mut outcome = NotQueued::Certainly;
        for attempt in 1..=TRIES {
            if attempt > 1 {
                tokio::time::sleep(PAUSE).await;
            }
            let request = self
                .client
                .send_message()
                .queue_url(&self.url)
                .message_body(&record)
                // Fair queue: the jobs of a busy workspace do not delay those of the others.
                .message_group_id(job.tenant.as_str());
            let Err(error) = request.send().await else { return Ok(()) };
            if !is_refusal(&error) {
                outcome = NotQueued::Perhaps;
            }
            let error = DisplayErrorContext(&error);
            tracing::warn!(job.id = %job.id, attempt, %error, "the jobs queue did not accept the job");
        }
        Err(outcome)
    }
}

/// Whether SQS certainly does not have the record. An answer of the 5xx kind may come after it was stored.
fn is_refusal<E: std::error::Error + 'static>(
    error: &SdkError<E, aws_sdk_sqs::config::http::HttpResponse>,
) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::ServiceError(error) => error.raw().status().is_client_error(),
        error => shared::http::was_never_sent(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::MAX_RESPONSE_URL;
    use crate::text::MAX_TEXT;
    use shared::ids::{JobId, MAX_SLACK_ID};
    use shared::job::{JOB_VERSION, Task};
    use shared::secret::Secret;

    /// What SQS takes as one record, in bytes. Queues may be set to more, but not every one is.
    const SQS_RECORD: usize = 256 * 1024;

    #[test]
    fn the_longest_job_of_every_kind_of_character_fits_into_a_record() {
        let id = |prefix: &str| format!("{prefix}{}", "A".repeat(MAX_SLACK_ID - prefix.len()));
        for character in ["x", "\"", "\\", "\n", "é", "€", "🦀", "\u{fffe}"] {
            let job = Job {
                version: JOB_VERSION,
                id: JobId::from_signature("v0=aa"),
                tenant: id("T").parse().unwrap(),
                enterprise: Some(id("E")),
                user: id("U").parse().unwrap(),
                channel: id("C").parse().unwrap(),
                task: Task::Invoke { text: character.repeat(MAX_TEXT / character.len()) },
                typed_at: u64::MAX,
                response_url: Some(Secret::new("\"".repeat(MAX_RESPONSE_URL))),
            };
            let record = job.to_record().unwrap();
            assert!(record.len() <= SQS_RECORD, "{character}: {}", record.len());
            assert!(record.is_ascii());
        }
    }

    #[test]
    fn two_tries_leave_room_within_the_two_and_a_half_seconds() {
        assert!(OPEN_TIMEOUT + TRY_TIMEOUT * TRIES + PAUSE * (TRIES - 1) < Duration::from_millis(2000));
        assert!(CONNECT_TIMEOUT < TRY_TIMEOUT);
    }
}
