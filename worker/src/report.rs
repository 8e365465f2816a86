//! `/alfred whoami`, `status` and `history`: what a person may know about himself and his jobs, and nothing about
//! anybody else's.

use shared::ids::JobId;
use shared::job::{Job, Task};
use time::OffsetDateTime;

use crate::authorize::{Refusal, as_name, grants, mapping_name};
use crate::claim::{CallState, LedgerError, Row, State, job_key};
use crate::outcome::Answer;
use crate::respond::Responder;

/// How many jobs `history` shows.
pub const HISTORY: usize = 10;

/// How many of the latest jobs are looked through for those that `history` shows and `status` asks for.
const LOOKED_THROUGH: usize = 50;

/// The shortest part of a job's id that `status` takes.
const MIN_PREFIX: usize = 4;

/// How much of a command `history` shows, in characters.
const COMMAND_SHOWN: usize = 80;

/// Who the caller is, and which roles he has.
pub async fn whoami(responder: &Responder, job: &Job) -> Answer {
    let (tenancy, membership) = match tokio::try_join!(
        responder.directory.tenancy_now(&job.tenant),
        responder.directory.membership(&job.tenant, &job.user)
    ) {
        Ok(read) => read,
        Err(error) => {
            tracing::error!(job.id = %job.id, %error, "whoami");
            return Answer::denied(
                &job.id,
                "Your roles cannot be read at the moment. Try again in a minute.",
            );
        }
    };
    let mut said = format!("You are {} in workspace {}.", job.user, job.tenant);
    match grants(responder.clock.seconds(), &tenancy, membership.as_ref()) {
        Err(refusal @ (Refusal::NoMembership | Refusal::MembershipExpired)) => {
            said += &format!("\n{refusal}")
        }
        Err(refusal) => said = refusal.to_string(),
        Ok((grants, unusable)) => {
            if !grants.is_empty() {
                said += "\nYour roles, the first is used unless you say `--as`:";
            }
            for grant in &grants {
                let mapping = &grant.mapping;
                said += &format!(
                    "\n• {} in account {} through {}, priority {} (`--as {}`)",
                    grant.role.name(),
                    grant.role.account(),
                    mapping_name(mapping),
                    mapping.priority,
                    as_name(grant, &grants),
                );
            }
            for one in &unusable {
                said += &format!("\n• nothing through {}: {}", one.mapping, one.because);
            }
        }
    }
    Answer::new(&job.id, said)
}

/// How one of the caller's jobs stands, with its answer if that can still be read.
pub async fn status(responder: &Responder, job: &Job, wanted: &str) -> Answer {
    match find(responder, job, wanted).await {
        Ok(Found::One(row, asked, answer)) => {
            let mut said = format!("{} `{}`: {}", row_time(&row), shown_command(&asked), state_words(&row));
            for call in row.calls.values() {
                said += &format!("\n• `{}`: {}", call.name, call_words(call.state));
            }
            let Some(mut kept) = answer else { return Answer::new(&job.id, said) };
            if !kept.said.is_empty() {
                said += &format!("\n{}", kept.said);
            }
            kept.said = said;
            kept
        }
        Ok(Found::None) => Answer::new(
            &job.id,
            format!(
                "None of your latest jobs has an id that begins with `{wanted}`. `/alfred history` lists them."
            ),
        ),
        Ok(Found::Several(ids)) => {
            let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
            Answer::new(
                &job.id,
                format!("Several of your jobs begin with `{wanted}`: {}. Say more of it.", ids.join(", ")),
            )
        }
        Err(error) => unreadable(job, &error),
    }
}

/// The caller's latest jobs.
pub async fn history(responder: &Responder, job: &Job) -> Answer {
    let keys = match responder.ledger.latest(&job.tenant, &job.user, LOOKED_THROUGH).await {
        Ok(keys) => keys,
        Err(error) => return unreadable(job, &error),
    };
    let are_all = keys.len() < LOOKED_THROUGH;
    let mut lines = Vec::new();
    for key in keys {
        if lines.len() == HISTORY {
            break;
        }
        let row = match responder.ledger.get(&key).await {
            Ok(Some(row)) => row,
            Ok(None) => continue,
            Err(error) => return unreadable(job, &error),
        };
        let Ok((asked, _)) = responder.open_job(&row).await else { continue };
        if matches!(asked.task, Task::Invoke { .. }) && asked.user == job.user {
            let id = asked.id.short();
            lines.push(format!(
                "{} `{id}` {}: `{}`",
                row_time(&row),
                state_words(&row),
                shown_command(&asked)
            ));
        }
    }
    let said = if !lines.is_empty() {
        format!("Your latest commands:\n{}", lines.join("\n"))
    } else if are_all {
        "You have run nothing in the last 30 days.".to_owned()
    } else {
        format!("None of your latest {LOOKED_THROUGH} jobs ran a command.")
    };
    Answer::new(&job.id, said)
}

enum Found {
    One(Box<Row>, Box<Job>, Option<Answer>),
    None,
    Several(Vec<String>),
}

async fn find(responder: &Responder, job: &Job, wanted: &str) -> Result<Found, LedgerError> {
    let is_prefix = (MIN_PREFIX..=JobId::LENGTH).contains(&wanted.len())
        && wanted.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_prefix {
        return Ok(Found::None);
    }
    let keys = match JobId::try_from(wanted.to_owned()) {
        // A whole id needs no search, however old the job is.
        Ok(id) => vec![job_key(&job.tenant, &id)],
        // The keys come from the caller's own index partition: another's job cannot be among them.
        Err(_) => responder.ledger.latest(&job.tenant, &job.user, LOOKED_THROUGH).await?,
    };
    let named = |key: &&String| key.split_once('#').is_some_and(|(_, id)| id.starts_with(wanted));
    let named: Vec<&String> = keys.iter().filter(named).collect();
    let [key] = named[..] else {
        let ids = named.iter().filter_map(|key| Some(key.split_once('#')?.1.to_owned())).collect::<Vec<_>>();
        return Ok(if ids.is_empty() { Found::None } else { Found::Several(ids) });
    };
    let Some(row) = responder.ledger.get(key).await? else { return Ok(Found::None) };
    let Ok((asked, data_key)) = responder.open_job(&row).await else { return Ok(Found::None) };
    if asked.user != job.user {
        return Ok(Found::None);
    }
    let answer = responder.open_answer(&row, &data_key).await?;
    Ok(Found::One(Box::new(row), Box::new(asked), answer))
}

fn unreadable(job: &Job, error: &LedgerError) -> Answer {
    tracing::error!(job.id = %job.id, %error, "the ledger cannot be read");
    Answer::denied(&job.id, "Your jobs cannot be read at the moment. Try again in a minute.")
}

fn state_words(row: &Row) -> &'static str {
    match (row.state, row.ends) {
        (State::Queued, _) => "waiting to be started",
        (State::Claimed, _) => "running",
        (State::ResultReady, _) => "ran, its answer is on its way",
        (State::Delivered, _) => "ran",
        (State::Denied, _) => "not run",
        (State::Expired, _) => "expired, not run",
        (State::Cancelled, _) => "cancelled",
        (State::Interrupted, _) => "interrupted, outcome unknown",
        (State::Dead, _) => "given up",
    }
}

fn call_words(state: CallState) -> &'static str {
    match state {
        CallState::Intent => "sent, no end known",
        CallState::Done => "done",
        CallState::Refused => "refused, nothing changed",
    }
}

/// The command as typed, on one line.
fn shown_command(job: &Job) -> String {
    let text = match &job.task {
        Task::Invoke { text } => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Task::WhoAmI => "/alfred whoami".into(),
        Task::Status { .. } => "/alfred status".into(),
        Task::History => "/alfred history".into(),
        Task::Probe { .. } => "/alfred-admin add".into(),
    };
    match text.char_indices().nth(COMMAND_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// When the job was typed, in UTC: a message is read by people in several zones, and plain text knows none.
fn row_time(row: &Row) -> String {
    let typed_at =
        i64::try_from(row.typed_at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    typed_at.map_or_else(String::new, |at| {
        let (date, time) = (at.date(), at.time());
        format!("{date} {:02}:{:02}:{:02} UTC", time.hour(), time.minute(), time.second())
    })
}
