//! What a person reads when a job has ended. All that the worker says of its own is written here or beside the type
//! that causes it; what AWS said is kept apart, because it is shown as it is and never as markup.

use std::time::Duration;

use awscli::session::Output;
use serde::{Deserialize, Serialize};
use shared::ids::JobId;
use shared::job::MAX_START_DELAY;

use crate::authorize::{Grant, mapping_name};
use crate::claim::{CallState, Row, State};

/// How many calls of an interrupted job are listed. More would not fit into a message.
const CALLS_LISTED: usize = 30;

/// An answer in parts. It is also the form in which the ledger keeps a result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// In our words, plain text. May be empty when there is output.
    pub said: String,
    /// What the command printed.
    #[serde(default)]
    pub stdout: String,
    /// What the command complained about, or what AWS said.
    #[serde(default)]
    pub stderr: String,
    /// Short facts for the line below: exit status, role, account, region, duration, job.
    pub facts: Vec<String>,
}

/// How the processing of a record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The user can see the answer, and the ledger says so.
    Ended(State),
    /// The answer is kept, and the sweeper goes on trying to deliver it.
    Kept,
    /// The job had ended before: a duplicate.
    AlreadyEnded(State),
    /// Another worker or the sweeper took the job over while it ran; the answer is theirs.
    Lost,
}

/// The record goes back to the queue. The reason is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Retry(pub String);

impl Answer {
    /// An answer in our own words.
    pub fn new(job: &JobId, said: impl Into<String>) -> Self {
        Self { said: said.into(), facts: vec![job_fact(job)], ..Self::default() }
    }

    /// Nothing was run, for a reason that the person can do something about.
    pub fn denied(job: &JobId, reason: impl std::fmt::Display) -> Self {
        Self::new(job, format!("Not run. {reason}"))
    }

    /// AWS would not give out the role.
    pub fn role_refused(job: &JobId, grant: &Grant, code: &str, message: &str) -> Self {
        let said = format!(
            "Not run. AWS refused the role: {code}. You have `{}` through {}; an admin has to look at the role's trust policy.",
            grant.role,
            mapping_name(&grant.mapping),
        );
        Self { stderr: message.to_owned(), ..Self::new(job, said) }
    }

    /// The job waited too long to be started.
    pub fn expired(job: &JobId) -> Self {
        Self::new(
            job,
            format!(
                "Expired, not run: it could not be started within {} minutes after it was typed. Nothing was changed. Send it again if you still want it.",
                MAX_START_DELAY / 60
            ),
        )
    }

    /// The job's worker is gone and something may have been changed.
    pub fn interrupted(job: &JobId, row: &Row) -> Self {
        let mut said = String::from(
            "Interrupted: the worker that ran this stopped before it could say how it ended. It is not run again by itself.",
        );
        // What is unknown comes first: a list of many calls is cut at its end.
        said += &calls_listed(row, [CallState::Intent, CallState::Done, CallState::Refused]);
        said += "\nLook at the state of the resource before you send it again.";
        Self::new(job, said)
    }

    /// The job could not be processed, however often it was tried.
    pub fn dead(job: &JobId) -> Self {
        Self::new(
            job,
            "Internal error: this could not be processed and is given up. Nothing is known to have been changed. Please tell whoever runs Alfred the job's id.",
        )
    }

    /// The answer of a job was kept for an hour and could not be posted in all that time.
    pub fn undelivered(job: &JobId, row: &Row) -> Self {
        let mut said =
            String::from("The answer to this could not be delivered to Slack in time and is no longer kept.");
        if row.calls.is_empty() {
            said += " Nothing was changed. Send it again.";
        }
        said += &calls_listed(row, [CallState::Intent, CallState::Done, CallState::Refused]);
        Self::new(job, said)
    }

    /// A command ran.
    pub fn ran(job: &JobId, grant: &Grant, output: Output, took: Duration) -> Self {
        let mut said = Vec::new();
        if let Some(reason) = &output.truncated {
            said.push(format!("Not complete: {reason}"));
        }
        for call in &output.unknown_calls {
            said.push(format!("`{call}`: UNKNOWN, no answer came back. It may or may not have happened; look before you send it again."));
        }
        if let Some(reason) = &output.journal_error {
            said.push(format!(
                "The journal is delayed: {reason}. How the command ended is what you see here."
            ));
        }
        if output.stdout.is_empty() && output.stderr.is_empty() && said.is_empty() {
            said.push(if output.exit_status == 0 {
                "Done. It printed nothing.".into()
            } else {
                "It printed nothing.".into()
            });
        }
        let mut facts = vec![
            format!("exit {}", output.exit_status),
            grant.role.name().to_owned(),
            grant.role.account().to_owned(),
        ];
        facts.extend(output.region);
        facts.push(duration(took));
        facts.push(job_fact(job));
        Self {
            said: said.join("\n"),
            stdout: String::from_utf8(output.stdout)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            stderr: output.stderr,
            facts,
        }
    }

    /// Adds a sentence of ours.
    pub fn note(&mut self, sentence: &str) {
        if !self.said.is_empty() {
            self.said.push('\n');
        }
        self.said.push_str(sentence);
    }
}

/// How each call of a job ended, those of the first state first.
fn calls_listed(row: &Row, order: [CallState; 3]) -> String {
    let mut listed = String::new();
    let calls =
        || order.into_iter().flat_map(|state| row.calls.values().filter(move |call| call.state == state));
    for call in calls().take(CALLS_LISTED) {
        let end = match call.state {
            CallState::Done => "done",
            CallState::Refused => "refused by AWS, nothing changed",
            CallState::Intent => "UNKNOWN, it may or may not have happened",
        };
        listed += &format!("\n• `{}`: {end}", call.name);
        if let (CallState::Intent, Some(token)) = (call.state, &call.token) {
            listed += &format!(" (client token `{token}`)");
        }
    }
    match calls().skip(CALLS_LISTED).count() {
        0 => {}
        more => listed += &format!("\n• and {more} more"),
    }
    listed
}

fn job_fact(job: &JobId) -> String {
    format!("job {}", job.short())
}

fn duration(took: Duration) -> String {
    if took < Duration::from_secs(1) {
        format!("{} ms", took.as_millis())
    } else {
        format!("{:.1} s", took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Attempt, JournaledCall};

    fn job() -> JobId {
        JobId::try_from("0123456789abcdef0123456789abcdef".to_owned()).unwrap()
    }

    #[test]
    fn an_interrupted_job_says_which_calls_finished_and_which_is_unknown() {
        let call = |name: &str, state, token: Option<&str>| JournaledCall {
            name: name.into(),
            token: token.map(Into::into),
            state,
        };
        let row = Row {
            key: String::new(),
            state: State::Claimed,
            attempt: Attempt::new().unwrap(),
            lease_until: 0,
            typed_at: 0,
            calls: [
                (0, call("ec2 CreateTags", CallState::Done, None)),
                (1, call("ec2 StopInstances", CallState::Refused, None)),
                (2, call("ec2 RunInstances", CallState::Intent, Some("6f"))),
            ]
            .into(),
            data_key: None,
            sealed_job: None,
            result_chunks: Vec::new(),
            result_until: 0,
            ends: None,
        };
        let answer = Answer::interrupted(&job(), &row);
        assert_eq!(
            answer.said,
            "Interrupted: the worker that ran this stopped before it could say how it ended. It is not run again by itself.\n\
             • `ec2 RunInstances`: UNKNOWN, it may or may not have happened (client token `6f`)\n\
             • `ec2 CreateTags`: done\n\
             • `ec2 StopInstances`: refused by AWS, nothing changed\n\
             Look at the state of the resource before you send it again."
        );
        assert_eq!(answer.facts, ["job 01234567"]);
    }

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!(duration(Duration::from_micros(1_900)), "1 ms");
        assert_eq!(duration(Duration::from_millis(999)), "999 ms");
        assert_eq!(duration(Duration::from_millis(1_000)), "1.0 s");
        assert_eq!(duration(Duration::from_millis(61_250)), "61.2 s");
    }
}
