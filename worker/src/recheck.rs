//! The membership once more, asked of Slack itself, before a call that may change something: what the tables say may be
//! some minutes old. Without an answer from Slack there is no call. And whether the same was not just typed before: who
//! does not see an acknowledgement in time types again, and does not want it done twice.

use awscli::session::Effect;
use shared::ids::UserId;
use shared::installation::InstallationState;
use shared::job::{Job, Task};
use shared::mapping::{MAX_CONFIRMATION_AGE, Mapping, MappingKind, MappingState};
use shared::secret::Secret;
use shared::slack::SlackError;
use tokio::sync::Mutex;

use crate::authorize::{Grant, mapping_name};
use crate::claim::{LedgerError, State};
use crate::execute;
use crate::respond::Responder;

/// How old the knowledge may be that the caller is a member when something is changed, in seconds.
pub const MAX_AGE: u64 = 60;

/// For how long the same command counts as typed again while the first one runs, in seconds.
pub const REPEATED_WITHIN: u64 = 60;

/// How many of the caller's latest jobs are looked at for that.
const LATEST: usize = 5;

/// How many pages of members are looked through. At 999 a page this is far above the largest channel.
const MAX_PAGES: u32 = 1_000;

/// The grant of one job, and as of when it is known to hold.
pub struct Recheck<'a> {
    responder: &'a Responder,
    job: &'a Job,
    grant: &'a Grant,
    known_at: Mutex<u64>,
}

impl<'a> Recheck<'a> {
    /// Nothing is asked yet.
    pub fn new(responder: &'a Responder, job: &'a Job, grant: &'a Grant) -> Self {
        Self { responder, job, grant, known_at: Mutex::new(grant.known_at) }
    }

    /// Returns if the grant is known to hold as of at most [`MAX_AGE`] ago before a call that may change something, and
    /// as of at most [`MAX_CONFIRMATION_AGE`] before one that reads.
    ///
    /// # Errors
    /// The reason, for the one who typed the command.
    pub async fn holds(&self, effect: Effect) -> Result<(), String> {
        let max_age = match effect {
            Effect::Write => MAX_AGE,
            Effect::Read => MAX_CONFIRMATION_AGE,
        };
        let mut known_at = self.known_at.lock().await;
        let now = self.responder.clock.seconds();
        if now.saturating_sub(*known_at) <= max_age {
            return Ok(());
        }
        self.ask(&self.grant.mapping).await?;
        tracing::info!(job.id = %self.job.id, step = "rechecked", "is still a member");
        *known_at = now;
        Ok(())
    }

    /// Returns if no other job of the caller is running the same command, that was typed just before.
    ///
    /// # Errors
    /// What to tell the one who typed the command.
    pub async fn is_no_repetition(&self) -> Result<(), String> {
        match self.running_twin().await {
            Ok(None) => Ok(()),
            Ok(Some(twin)) => Err(format!(
                "the same command of yours is running already as job {twin}, so the call was not made; send it again when that has ended"
            )),
            // That it cannot be told is no reason against a command that was typed once.
            Err(error) => {
                tracing::warn!(job.id = %self.job.id, %error, "cannot tell whether it was typed twice");
                Ok(())
            }
        }
    }

    async fn running_twin(&self) -> Result<Option<String>, LedgerError> {
        let (responder, job) = (self.responder, self.job);
        let command = |job: &Job| match &job.task {
            Task::Invoke { text } => execute::command(text).ok(),
            _ => None,
        };
        let mine = command(job);
        for key in responder.ledger.latest(&job.tenant, &job.user, LATEST).await? {
            let Some(row) = responder.ledger.get(&key).await? else { continue };
            if row.state != State::Claimed || job.typed_at.saturating_sub(row.typed_at) > REPEATED_WITHIN {
                continue;
            }
            let Ok((other, _)) = responder.open_job(&row).await else { continue };
            // Of two that run at the same time the one that was typed first goes on.
            if (other.typed_at, other.id.as_str()) < (job.typed_at, job.id.as_str())
                && command(&other) == mine
            {
                return Ok(Some(other.id.short().to_owned()));
            }
        }
        Ok(None)
    }

    async fn ask(&self, mapping: &Mapping) -> Result<(), String> {
        let (responder, job) = (self.responder, self.job);
        let name = mapping_name(mapping);
        let tenancy = responder.directory.tenancy(&job.tenant).await.map_err(|error| {
            tracing::error!(job.id = %job.id, %error, "no recheck");
            "the mappings cannot be read at the moment, so the call was not made; try again in a minute"
                .to_owned()
        })?;
        let installed =
            tenancy.installation.as_ref().is_some_and(|one| one.state == InstallationState::Active);
        let current = tenancy.mappings.iter().find(|current| current.item == mapping.item);
        let stands = current.is_some_and(|current| {
            current.state == MappingState::Active && current.role_arn == mapping.role_arn
        });
        if !installed || !stands {
            return Err(format!(
                "the mapping of {name} does not grant this role any more, so the call was not made"
            ));
        }
        let unasked = |error: SlackError| {
            tracing::warn!(job.id = %job.id, %error, "no recheck");
            format!(
                "Slack did not say whether you are still a member of {name} ({error}), so the call was not made; try again in a minute"
            )
        };
        let token = responder.token(job).await.ok_or_else(|| {
            format!("Slack cannot be asked whether you are still a member of {name}, so the call was not made; try again in a minute")
        })?;
        let person = responder.slack.person(&token, &job.user).await.map_err(unasked)?;
        person.full_member_of(&job.tenant).map_err(|unfit| format!("{unfit}, so the call was not made"))?;
        if self.is_member(&token, mapping, &job.user).await.map_err(unasked)? {
            Ok(())
        } else {
            tracing::warn!(job.id = %job.id, step = "recheck_failed", "is no member any more");
            Err(format!("you are not a member of {name} any more, so the call was not made"))
        }
    }

    async fn is_member(
        &self,
        token: &Secret<String>,
        mapping: &Mapping,
        user: &UserId,
    ) -> Result<bool, SlackError> {
        let slack = &self.responder.slack;
        let id = mapping.item.slack_id();
        if mapping.kind == MappingKind::Usergroup {
            let members = slack.usergroup_members(token, &self.job.tenant, id).await?;
            return Ok(members.iter().any(|member| member == user.as_str()));
        }
        let mut cursor = String::new();
        for _ in 0..MAX_PAGES {
            let (members, next) = slack.members(token, id, &cursor).await?;
            if members.iter().any(|member| member == user.as_str()) {
                return Ok(true);
            }
            match next {
                Some(next) => cursor = next,
                None => return Ok(false),
            }
        }
        Ok(false)
    }
}
