//! Records of the jobs queue, one verdict each. Whatever a person should read is an [`Outcome`]; a [`Retry`] means only
//! that the record goes back to the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use shared::deadline::Deadline;
use shared::ids::TenantId;
use shared::job::{JOB_VERSION, Job, MAX_START_DELAY, Task};

use crate::assume_role::{AssumeError, Roles};
use crate::authorize::{Refusal, Tenancy, Unreadable, authorize};
use crate::claim::{Attempt, Claim, LedgerError, NewClaim, NextStep, Row, State, job_key, next_step};
use crate::execute::{self, Aws};
use crate::journal::LedgerJournal;
use crate::outcome::{Answer, Outcome, Retry};
use crate::probe::AdminQueue;
use crate::recheck::Recheck;
use crate::report;
use crate::respond::{Responder, job_place};
use crate::seal::{DataKey, SealError};

/// How long a job that is let go of after a panic waits for the queue's next copy before the sweeper looks at it, in
/// seconds.
const AFTER_PANIC: u64 = 5 * 60;

/// What of a function's time is kept for the last writes, so that an invocation ends by itself.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// Runs jobs.
pub struct Worker {
    /// Keeps and posts answers.
    pub responder: Responder,
    /// Opens role sessions.
    pub roles: Roles,
    /// Runs commands.
    pub aws: Aws,
    /// Where the syncer hears what a probe found.
    pub admin_queue: AdminQueue,
}

/// Processes a batch. Records are independent of each other: one that fails or panics takes no other with it. Gives the
/// records that go back to the queue.
pub async fn process_batch(worker: &Arc<Worker>, event: SqsEvent, deadline: Deadline) -> SqsBatchResponse {
    let records: Vec<_> = event
        .records
        .into_iter()
        .map(|record| {
            let message_id = record.message_id.clone().unwrap_or_default();
            let worker = worker.clone();
            (message_id, tokio::spawn(async move { process_record(&worker, record, deadline).await }))
        })
        .collect();
    let mut response = SqsBatchResponse::default();
    for (message_id, processed) in records {
        match processed.await {
            Ok(Ok(_)) => continue,
            Ok(Err(retry)) => {
                tracing::warn!(message.id = message_id, reason = %retry, "given back to the queue");
            }
            // Panics of jobs are caught where the job is known; this one was in between.
            Err(error) => {
                tracing::error!(alarm = "panic", message.id = message_id, %error, "given back to the queue")
            }
        }
        response.add_failure(message_id);
    }
    response
}

async fn process_record(
    worker: &Arc<Worker>,
    record: SqsMessage,
    deadline: Deadline,
) -> Result<Outcome, Retry> {
    let job = read(record.body.as_deref().unwrap_or_default())?;
    let attempt = Attempt::new().map_err(|error| Retry(error.to_string()))?;
    let run = {
        let (worker, job, attempt) = (worker.clone(), job.clone(), attempt.clone());
        tokio::spawn(async move { worker.process(&job, &attempt, deadline).await })
    };
    match run.await {
        Ok(result) => result,
        Err(_) => worker.after_panic(&job, &attempt, deadline).await,
    }
}

/// Reads a record. One that this build cannot read goes back to the queue: a newer deployment may be on its way, and
/// what nobody can read ends in the dead-letter queue, where the sweeper tells its sender.
pub fn read(body: &str) -> Result<Job, Retry> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let version =
        serde_json::from_str::<Version>(body).map_err(|_| Retry("the record is no job".into()))?.version;
    if version > JOB_VERSION {
        return Err(Retry(format!("the job has version {version}, this build reads {JOB_VERSION}")));
    }
    serde_json::from_str(body).map_err(|_| Retry("the record is no job".into()))
}

impl Worker {
    /// Brings one job to its end, or says why it must come back.
    pub async fn process(&self, job: &Job, attempt: &Attempt, deadline: Deadline) -> Result<Outcome, Retry> {
        let responder = &self.responder;
        let started = Instant::now();
        let data_key = responder.keys.current(&job.tenant).await;
        let sealed = match &data_key {
            Ok(key) => {
                let text = serde_json::to_vec(job).map_err(|error| Retry(error.to_string()))?;
                let sealed = key.seal(&job_place(&job_key(&job.tenant, &job.id)), &text);
                Some((key.wrapped.as_slice(), sealed.map_err(|error| Retry(error.to_string()))?))
            }
            Err(_) => None,
        };
        let now = responder.clock.seconds();
        let new = NewClaim { job, attempt, lease_until: deadline.lease(), sealed, now };
        // What the decision needs is read while the claim is on its way: reading tells nobody anything.
        let (claimed, read) = tokio::join!(responder.ledger.claim(new), async {
            tokio::try_join!(
                responder.directory.tenancy(&job.tenant),
                responder.directory.membership(&job.tenant, &job.user)
            )
        });
        let (claim, data_key) = match claimed {
            Ok(Ok(claim)) => (claim, data_key),
            Ok(Err(row)) => match self.met_again(&job.tenant, &row, attempt, deadline).await? {
                Met::Ours(claim, key) => (claim, key),
                Met::Over(outcome) => return Ok(outcome),
            },
            Err(error) => return Err(Retry(error.to_string())),
        };
        log_step(job, "claimed", started);

        let (answer, ends) = if now.saturating_sub(job.typed_at) > MAX_START_DELAY {
            (Answer::expired(&job.id), State::Expired)
        } else {
            match &data_key {
                Ok(_) => self.answer(job, &claim, read, deadline).await?,
                Err(error) => {
                    tracing::error!(job.id = %job.id, alarm = "kms", %error, "no data key");
                    let reason = "The key service cannot be reached, so nothing may be started. Try again in a minute.";
                    (Answer::denied(&job.id, reason), State::Denied)
                }
            }
        };
        let left = deadline.left(responder.clock.since_epoch()).saturating_sub(LAST_WRITES);
        responder.conclude(job, &claim, data_key.ok().as_deref(), answer, ends, left).await
    }

    /// A copy of a job that has an item already.
    async fn met_again(
        &self,
        tenant: &TenantId,
        row: &Row,
        attempt: &Attempt,
        deadline: Deadline,
    ) -> Result<Met, Retry> {
        let responder = &self.responder;
        match next_step(row, Some(attempt), responder.clock.seconds()) {
            NextStep::Leave => Ok(Met::Over(Outcome::AlreadyEnded(row.state))),
            NextStep::Wait => Err(Retry("another worker has the job".into())),
            NextStep::GoOn | NextStep::Run => {
                // The item's own key first: without it the job could be run and its result not be kept. An item that
                // has none was written while the key service was away, and nothing may be started from it.
                let key = match &row.data_key {
                    Some(wrapped) => responder.keys.unwrap(tenant, wrapped).await,
                    None => Err(SealError::Kms("the job was claimed without one".into())),
                };
                let claim = take_over(responder, row, attempt, deadline).await?;
                Ok(Met::Ours(claim, key))
            }
            step @ (NextStep::Deliver | NextStep::Interrupt) => {
                finish(responder, row, step, attempt, deadline).await.map(Met::Over)
            }
        }
    }

    /// What the job comes to, and the end that it has with it.
    async fn answer(
        &self,
        job: &Job,
        claim: &Claim,
        read: Result<(Arc<Tenancy>, Option<shared::membership::Membership>), Unreadable>,
        deadline: Deadline,
    ) -> Result<(Answer, State), Retry> {
        let answer = match &job.task {
            Task::Invoke { text } => return Ok(self.invoke(job, text, claim, read, deadline).await),
            Task::WhoAmI => report::whoami(&self.responder, job).await,
            Task::Status { job: wanted } => report::status(&self.responder, job, wanted).await,
            Task::History => report::history(&self.responder, job).await,
            Task::Probe { item, role_arn } => self.probe(job, item, role_arn).await?,
        };
        Ok((answer, State::Delivered))
    }

    async fn invoke(
        &self,
        job: &Job,
        text: &str,
        claim: &Claim,
        read: Result<(Arc<Tenancy>, Option<shared::membership::Membership>), Unreadable>,
        deadline: Deadline,
    ) -> (Answer, State) {
        let denied = |answer| (answer, State::Denied);
        let command = match execute::command(text) {
            Ok(command) => command,
            Err(error) => return denied(Answer::denied(&job.id, error)),
        };
        let (tenancy, membership) = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(job.id = %job.id, %error, "no decision");
                return denied(Answer::denied(
                    &job.id,
                    "Your roles cannot be read at the moment. Try again in a minute.",
                ));
            }
        };
        let decide = |tenancy: &Tenancy| {
            authorize(self.responder.clock.seconds(), tenancy, membership.as_ref(), command.role.as_deref())
        };
        let mut decision = decide(&tenancy);
        // What was kept for some seconds may miss what an admin has just done: nobody is refused by it.
        if decision.is_err()
            && let Ok(tenancy) = self.responder.directory.tenancy_now(&job.tenant).await
        {
            decision = decide(&tenancy);
        }
        let grant = match decision {
            Ok(grant) => grant,
            Err(refusal) => {
                if refusal == Refusal::MembershipExpired {
                    tracing::error!(job.id = %job.id, alarm = "membership_expired", "nothing reads who is where");
                }
                return denied(Answer::denied(&job.id, refusal));
            }
        };
        tracing::info!(job.id = %job.id, step = "authorized", role = %grant.role, "found the role");

        let started = Instant::now();
        let left = deadline.left(self.responder.clock.since_epoch());
        if !self.roles.has_session(job, &grant)
            && let Some(output) = self.aws.without_calls(&command, &job.id, left).await
        {
            log_step(job, "ran", started);
            return (Answer::ran(&job.id, &grant, output, started.elapsed()), State::Delivered);
        }

        let started = Instant::now();
        let credentials = match self.roles.assume(job, &grant).await {
            Ok((credentials, opened)) => {
                let duration_ms = milliseconds(started);
                tracing::info!(job.id = %job.id, step = "role_assumed", opened, duration_ms, "has the role's credentials");
                credentials
            }
            Err(AssumeError::Refused { code, message }) => {
                tracing::warn!(job.id = %job.id, alarm = "assume_role", role = %grant.role, code, "AWS refused the role");
                return denied(Answer::role_refused(&job.id, &grant, &code, &message));
            }
            Err(AssumeError::Unavailable(error)) => {
                tracing::error!(job.id = %job.id, error, "no credentials");
                let reason = "AWS did not give out the role's credentials: STS cannot be reached. Try again in a minute.";
                return denied(Answer::denied(&job.id, reason));
            }
        };

        let started = Instant::now();
        let left = deadline.left(self.responder.clock.since_epoch());
        let recheck = Recheck::new(&self.responder, job, &grant);
        let journal = LedgerJournal::new(&self.responder.ledger, claim, recheck);
        let output = self.aws.run(&command, credentials, &journal, &job.id, left).await;
        tracing::info!(
            job.id = %job.id, step = "ran", exit_status = output.exit_status, calls = output.calls,
            duration_ms = milliseconds(started), "ran the command"
        );
        let hidden = output.hidden;
        let mut answer = Answer::ran(&job.id, &grant, output, started.elapsed());
        match hidden {
            0 => {}
            1 => answer.note("1 secret value is hidden."),
            _ => answer.note(&format!("{hidden} secret values are hidden.")),
        }
        (answer, State::Delivered)
    }

    /// A job whose processing panicked: lets go of it, so that the queue's next copy runs it, or ends it if something
    /// may have been changed. What panics every time ends in the dead-letter queue.
    async fn after_panic(&self, job: &Job, attempt: &Attempt, deadline: Deadline) -> Result<Outcome, Retry> {
        let responder = &self.responder;
        let row = responder.ledger.get(&job_key(&job.tenant, &job.id)).await;
        let row = match row {
            Ok(Some(row)) if row.attempt == *attempt => row,
            _ => return Err(Retry("the job panicked".into())),
        };
        if row.state == State::Claimed && !row.calls.is_empty() {
            return finish(responder, &row, NextStep::Interrupt, attempt, deadline).await;
        }
        let claim = Claim { key: row.key.clone(), attempt: attempt.clone() };
        let queued = row.state == State::Claimed;
        let now = responder.clock.seconds();
        let until = if queued { now + AFTER_PANIC } else { now.saturating_sub(1) };
        if let Err(error) = responder.ledger.let_go(&claim, until, queued).await {
            tracing::error!(job.id = %job.id, %error, "could not let go of the job");
        }
        Err(Retry("the job panicked".into()))
    }
}

enum Met {
    Ours(Claim, Result<Arc<DataKey>, SealError>),
    Over(Outcome),
}

async fn take_over(
    responder: &Responder,
    row: &Row,
    attempt: &Attempt,
    deadline: Deadline,
) -> Result<Claim, Retry> {
    match responder.ledger.take_over(row, attempt, deadline.lease()).await {
        Ok(claim) => Ok(claim),
        Err(LedgerError::Lost) => Err(Retry("another worker was faster".into())),
        Err(error) => Err(Retry(error.to_string())),
    }
}

/// Ends a job that nobody works on any more and that must not be run: posts its kept answer, or says that it was
/// interrupted. Used by whoever meets the job first.
pub async fn finish(
    responder: &Responder,
    row: &Row,
    step: NextStep,
    attempt: &Attempt,
    deadline: Deadline,
) -> Result<Outcome, Retry> {
    let (job, key) = responder.open_job(row).await.map_err(|error| Retry(error.to_string()))?;
    let claim = take_over(responder, row, attempt, deadline).await?;
    let left = deadline.left(responder.clock.since_epoch()).saturating_sub(LAST_WRITES);
    if step == NextStep::Interrupt {
        let answer = Answer::interrupted(&job.id, row);
        return responder.conclude(&job, &claim, Some(&key), answer, State::Interrupted, left).await;
    }
    match responder.open_answer(row, &key).await {
        Ok(Some(answer)) => {
            Ok(responder.deliver(&job, &claim, &answer, row.ends.unwrap_or(State::Delivered), left).await)
        }
        Ok(None) => {
            let answer = Answer::undelivered(&job.id, row);
            responder.conclude(&job, &claim, Some(&key), answer, State::Dead, left).await
        }
        Err(error) => Err(Retry(error.to_string())),
    }
}

fn log_step(job: &Job, step: &'static str, started: Instant) {
    tracing::info!(job.id = %job.id, tenant.id = %job.tenant, user.id = %job.user, step, duration_ms = milliseconds(started), "{step}");
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_cannot_be_read_go_back() {
        let job = |version: u32| {
            format!(
                r#"{{"version":{version},"id":"{}","tenant":"T1","user":"U1","channel":"C1","task":{{"kind":"who_am_i"}},"typed_at":1}}"#,
                "0".repeat(32)
            )
        };
        read(&job(JOB_VERSION)).unwrap();
        for bad in [
            job(JOB_VERSION + 1),
            String::new(),
            "{".into(),
            "{}".into(),
            job(1).replace("T1", "t1"),
            "[]".into(),
        ] {
            read(&bad).unwrap_err();
        }
    }
}
