//! The schedule: an EventBridge rule that starts a sync of every workspace, and `/alfred-sync every` which changes it.

use std::time::Duration;

use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::types::RuleState;
use serde::Deserialize;
use shared::admin::{ADMIN_JOB_VERSION, AdminJob, AdminTask};
use shared::ids::{JobId, TenantId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Syncer;
use crate::batch::Retry;

/// How old a scheduled event may be, in seconds. EventBridge repeats for up to a day; an old sync helps nobody.
pub const MAX_EVENT_AGE: u64 = 300;

/// The event that EventBridge sends.
#[derive(Debug, Deserialize)]
pub struct ScheduledEvent {
    /// When it is for.
    pub time: String,
}

/// The rule.
pub struct Rule {
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) name: String,
}

/// How often the sync runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Every {
    /// In this interval.
    Interval(Duration),
    /// As this expression says, which was not made here.
    Expression(String),
    /// Never.
    Off,
}

/// Starts a sync of every workspace: one admin job each, so that a large one keeps none of the others waiting. The same
/// event, and another one for the same minute, start nothing twice.
///
/// # Errors
/// When the workspaces cannot be read or a queue does not take a job: EventBridge sends the event again.
pub async fn start_all(syncer: &Syncer, event: &ScheduledEvent) -> Result<usize, Retry> {
    let time = OffsetDateTime::parse(&event.time, &Rfc3339)
        .map_err(|_| Retry::Later(format!("{} is no time", event.time)))?;
    let at = u64::try_from(time.unix_timestamp()).unwrap_or(0);
    if syncer.clock.seconds().saturating_sub(at) > MAX_EVENT_AGE {
        tracing::warn!(time = event.time, "an old scheduled event is dropped");
        return Ok(0);
    }
    let tenants = syncer.tables.active_tenants().await?;
    for tenant in &tenants {
        syncer.send_sync(tenant, &format!("minute {}", at / 60)).await?;
    }
    Ok(tenants.len())
}

impl Syncer {
    /// Puts a sync of a workspace on our own queue. Several for the same `cause` are one.
    pub(crate) async fn send_sync(&self, tenant: &TenantId, cause: &str) -> Result<(), Retry> {
        let job = AdminJob {
            version: ADMIN_JOB_VERSION,
            id: JobId::from_cause(tenant, &format!("sync {cause}")),
            tenant: tenant.clone(),
            task: AdminTask::ScheduledSync,
            asked_at: self.clock.seconds(),
        };
        Ok(self.queues.send_admin_job(&job, Duration::ZERO).await?)
    }
}

impl Rule {
    /// How often the sync runs by itself now.
    ///
    /// # Errors
    /// EventBridge's words.
    pub async fn read(&self) -> Result<Every, String> {
        let rule = self.events.describe_rule().name(&self.name).send().await;
        let rule = rule.map_err(|error| DisplayErrorContext(&error).to_string())?;
        if rule.state != Some(RuleState::Enabled) {
            return Ok(Every::Off);
        }
        let expression = rule.schedule_expression.unwrap_or_default();
        Ok(interval(&expression).map_or(Every::Expression(expression), Every::Interval))
    }

    /// Changes it. What the rule starts stays as it is.
    ///
    /// # Errors
    /// EventBridge's words.
    pub async fn write(&self, every: Option<Duration>) -> Result<(), String> {
        let Some(every) = every else {
            let disabled = self.events.disable_rule().name(&self.name).send().await;
            return disabled.map(drop).map_err(|error| DisplayErrorContext(&error).to_string());
        };
        let put = self
            .events
            .put_rule()
            .name(&self.name)
            .schedule_expression(expression(every))
            .state(RuleState::Enabled)
            .description("Starts Alfredbot's sync of members");
        put.send().await.map(drop).map_err(|error| DisplayErrorContext(&error).to_string())
    }
}

/// EventBridge's expression: it wants the singular for one.
fn expression(every: Duration) -> String {
    match every.as_secs() / 60 {
        1 => "rate(1 minute)".to_owned(),
        minutes => format!("rate({minutes} minutes)"),
    }
}

fn interval(expression: &str) -> Option<Duration> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_as_eventbridge_reads_them() {
        for (minutes, written) in [(1, "rate(1 minute)"), (5, "rate(5 minutes)"), (60, "rate(60 minutes)")] {
            let every = Duration::from_secs(minutes * 60);
            assert_eq!(expression(every), written);
            assert_eq!(interval(written), Some(every));
        }
        assert_eq!(interval("rate(2 hours)"), Some(Duration::from_secs(7200)));
        assert_eq!(interval("rate(1 day)"), Some(Duration::from_secs(86_400)));
        for other in ["cron(0 10 * * ? *)", "rate(x minutes)", ""] {
            assert_eq!(interval(other), None);
        }
    }
}
