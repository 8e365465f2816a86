//! Records of the admin queue, one verdict each: what a person should read is posted to him, and an error means only that
//! the record goes back to the queue.

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::admin::{ADMIN_JOB_VERSION, AdminJob, AdminTask};
use shared::deadline::Deadline;
use shared::job::MAX_START_DELAY;
use shared::kms::TokenError;
use shared::message::Message;

use crate::seen::Seen;
use crate::tables::TableError;
use crate::{NotQueued, Syncer};

/// What of a function's time is kept for the last writes and posts.
pub const LAST_WRITES: Duration = Duration::from_secs(20);

/// What is left for work at `now` (since 1970).
pub(crate) fn left_for_work(deadline: Deadline, now: Duration) -> Duration {
    let left = deadline.left(now);
    left - LAST_WRITES.min(left / 4)
}

/// Why a record goes back to the queue.
#[derive(Debug, thiserror::Error)]
pub enum Retry {
    /// It cannot be read: a newer deployment may be on its way.
    #[error("the record is no admin job of this version")]
    Unreadable,
    /// A table did not do as asked.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A queue did not do as asked.
    #[error(transparent)]
    Queue(#[from] NotQueued),
    /// The workspace's token stays closed.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Slack or EventBridge could not be asked, and asking again later may do.
    #[error("{0}")]
    Later(String),
}

/// Processes a batch, one record after the other. Gives those that go back to the queue.
pub async fn process_batch(syncer: &Syncer, event: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for record in event.records {
        let message_id = record.message_id.clone().unwrap_or_default();
        if let Err(retry) = syncer.process_record(&record, deadline).await {
            tracing::warn!(message.id = message_id, reason = %retry, "given back to the queue");
            response.add_failure(message_id);
        }
    }
    response
}

/// Reads a record.
///
/// # Errors
/// When this build cannot read it.
pub fn read(body: &str) -> Result<AdminJob, Retry> {
    let job: AdminJob = serde_json::from_str(body).map_err(|_| Retry::Unreadable)?;
    if job.version > ADMIN_JOB_VERSION { Err(Retry::Unreadable) } else { Ok(job) }
}

impl Syncer {
    async fn process_record(&self, record: &SqsMessage, deadline: Deadline) -> Result<(), Retry> {
        let body = record.body.as_deref().unwrap_or_default();
        if self.is_dead_letter(record) {
            return self.bury(body).await;
        }
        let job = read(body)?;
        match self.take(&job, deadline.lease()).await? {
            Seen::Ours => {}
            Seen::Before => {
                tracing::info!(job.id = %job.id, "a copy of an admin job");
                return Ok(());
            }
            Seen::Busy => return Err(Retry::Later("another invocation has the job".into())),
        }
        let done = match self.process(&job, deadline).await {
            Err(Retry::Token(error)) => self.refuse_without_token(&job, error).await,
            done => done,
        };
        if let Err(error) = self.let_go(&job, done.is_ok()).await {
            tracing::error!(job.id = %job.id, %error, "could not let go of the job");
        }
        done
    }

    async fn process(&self, job: &AdminJob, deadline: Deadline) -> Result<(), Retry> {
        let expired = self.clock.seconds().saturating_sub(job.asked_at) > MAX_START_DELAY;
        match &job.task {
            AdminTask::Admin { typed } | AdminTask::Sync { typed } if expired => {
                let mut message = Message::default();
                message.plain(&format!(
                    "Expired, not done: it could not be started within {} minutes after it was typed. Nothing was changed. Send it again if you still want it.",
                    MAX_START_DELAY / 60
                ));
                self.reply(job, typed, message).await;
                Ok(())
            }
            AdminTask::Admin { typed } => self.administer(job, typed).await,
            AdminTask::Sync { typed } => self.sync_command(job, typed, deadline).await,
            AdminTask::ScheduledSync if expired => Ok(()),
            AdminTask::ScheduledSync => self.sync(job, None, None, deadline).await,
            AdminTask::ContinueSync { typed, read_before } => {
                self.sync(job, typed.as_ref(), Some(*read_before), deadline).await
            }
            AdminTask::Event { event, at } => self.take_event(job, event, *at).await,
            AdminTask::Probed { item, role_arn, user, verdict } => {
                self.probed(job, item, role_arn, user, *verdict).await
            }
        }
    }

    /// Whoever typed hears at once that nothing can be done without the token, which is the first that is needed; the
    /// queue would come back in minutes. What nobody typed goes back.
    async fn refuse_without_token(&self, job: &AdminJob, error: TokenError) -> Result<(), Retry> {
        let (AdminTask::Admin { typed } | AdminTask::Sync { typed }) = &job.task else {
            return Err(Retry::Token(error));
        };
        let mut message = Message::default();
        message.plain(match error {
            TokenError::Unavailable(_) => "The workspace's Slack credentials cannot be reached at the moment. Nothing was done; try again in a minute.",
            _ => "The workspace's Slack credentials do not open. Nothing was done; tell whoever runs Alfredbot, or add the app to Slack anew.",
        });
        self.reply(job, typed, message).await;
        Ok(())
    }

    /// Whether the record comes from another queue than the admin queue: from that of its dead letters.
    fn is_dead_letter(&self, record: &SqsMessage) -> bool {
        let name = |path: &str, separator| path.rsplit(separator).next().unwrap_or_default().to_owned();
        let source = record.event_source_arn.as_deref().unwrap_or_default();
        name(source, ':') != name(&self.queues.admin, '/')
    }

    /// Tells whoever waits for it that his command is given up.
    async fn bury(&self, body: &str) -> Result<(), Retry> {
        let Ok(job) = read(body) else {
            tracing::error!(
                alarm = "dead_letter",
                bytes = body.len(),
                "a dead record that cannot be read is dropped"
            );
            return Ok(());
        };
        tracing::error!(job.id = %job.id, alarm = "dead_letter", "an admin job came to the dead-letter queue");
        if let AdminTask::Admin { typed } | AdminTask::Sync { typed } = &job.task {
            let mut message = Message::default();
            message
                .plain("Internal error: this could not be done and is given up. Look with ")
                .code("/alfred-admin list")
                .plain(" at what is in force, and tell whoever runs Alfredbot the job's id.");
            self.reply(&job, typed, message).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_cannot_be_read_go_back() {
        let job = |version: u32| {
            format!(
                r#"{{"version":{version},"id":"{}","tenant":"T1","task":{{"kind":"scheduled_sync"}},"asked_at":1}}"#,
                "0".repeat(32)
            )
        };
        read(&job(ADMIN_JOB_VERSION)).unwrap();
        for bad in [job(ADMIN_JOB_VERSION + 1), String::new(), "{}".into(), job(1).replace("T1", "t1")] {
            read(&bad).unwrap_err();
        }
    }

    #[test]
    fn work_ends_before_the_invocation_does() {
        let deadline = Deadline::from_unix_ms(1_000_000);
        for (now, left) in [(100, 880), (960, 30), (2000, 0)] {
            assert_eq!(left_for_work(deadline, Duration::from_secs(now)), Duration::from_secs(left));
        }
    }
}
