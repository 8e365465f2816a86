//! `/alfred-sync`: starting one, how the last one went, and how often. One item keeps how the last sync of a workspace
//! went and who is at one now.

use serde::{Deserialize, Serialize};
use shared::admin::{AdminJob, Typed};
use shared::deadline::Deadline;
use shared::ids::{JobId, TenantId};
use shared::mapping::{MAX_CONFIRMATION_AGE, Mapping, Partition};
use shared::message::Message;
use tokio::time::{Duration, Instant};

use crate::Syncer;
use crate::admin::{ago, mistaken, name};
use crate::batch::Retry;
use crate::command::{self, Sync};
use crate::diff::Diff;
use crate::record::What;
use crate::reply::Posted;
use crate::schedule::Every;
use crate::tables::{TableError, held, number, text};
use crate::workspace::Workspace;

/// The sort key of the one item.
const ITEM: &str = "status";

/// How long a sync may take before its progress is shown.
const QUIET: Duration = Duration::from_secs(5);

/// How often the progress of a sync is shown anew: Slack takes about one change a second and channel.
const SHOWN_EVERY: Duration = Duration::from_secs(3);

/// How many failures are named.
const NAMED: usize = 10;

/// How a sync went, or goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When it began: Unix milliseconds.
    pub began: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// How many mappings it was to read.
    pub mappings: usize,
    /// How many of them are left for another invocation.
    pub unfinished: usize,
    /// How many members it found.
    pub members: u64,
    /// About how many there are to be found: as many as the last time.
    pub expected: u64,
    /// How many got a grant.
    pub joined: u64,
    /// How many lost one.
    pub left: u64,
    /// Of the first mappings in which somebody did, who.
    #[serde(default)]
    pub changes: Vec<(String, String)>,
    /// What could not be read, and why.
    pub failed: Vec<(String, String)>,
    /// What was suspended, and why.
    pub stopped: Vec<(String, String)>,
    /// How long Slack asks to wait before the rest can be read.
    #[serde(skip)]
    pub wait: Duration,
}

/// The item.
#[derive(Debug, Default, Deserialize)]
struct Status {
    /// The report of the last sync, as JSON.
    report: Option<String>,
    /// The sync that is under way.
    run: Option<String>,
    /// Until when it counts as alive: Unix seconds.
    lease_until: Option<u64>,
    /// When it began: Unix milliseconds.
    began: Option<u64>,
}

impl Report {
    pub(crate) fn new(began: u64, mappings: usize, expected: u64) -> Self {
        Self {
            began,
            duration_ms: 0,
            mappings,
            unfinished: mappings,
            members: 0,
            expected,
            joined: 0,
            left: 0,
            changes: Vec::new(),
            failed: Vec::new(),
            stopped: Vec::new(),
            wait: Duration::ZERO,
        }
    }

    pub(crate) fn confirmed(&mut self, mapping: &Mapping, diff: &Diff) {
        self.members += diff.members as u64;
        self.expected = (self.expected + diff.members as u64).saturating_sub(mapping.members);
        self.joined += diff.joined.len() as u64;
        self.left += diff.left.len() as u64;
        if !diff.is_empty() && self.changes.len() <= NAMED {
            self.changes.push((name(mapping), diff.to_string()));
        }
    }

    /// Adds what an earlier invocation read of the same sync.
    pub(crate) fn add(&mut self, earlier: Report) {
        self.mappings = earlier.mappings;
        self.members += earlier.members;
        self.joined += earlier.joined;
        self.left += earlier.left;
        self.changes.splice(0..0, earlier.changes);
        self.failed.extend(earlier.failed);
        self.stopped.extend(earlier.stopped);
    }

    /// What people read of a finished sync. Which private channels there are and who is in them is told to admins only.
    pub(crate) fn message(&self, now: u64, names: bool) -> Message {
        let mut message = Message::default();
        let read = self.mappings.saturating_sub(self.unfinished + self.failed.len() + self.stopped.len());
        message.plain(&format!(
            "Read {} members of {read} of {} mappings in {}, {}: {} added, {} removed.",
            thousands(self.members),
            self.mappings,
            took(self.duration_ms),
            ago(self.began / 1000, now),
            thousands(self.joined),
            thousands(self.left),
        ));
        for (name, diff) in self.changes.iter().take(NAMED).filter(|_| names) {
            message.plain(&format!("\n• {name}: ")).code(diff);
        }
        if self.changes.len() > NAMED && names {
            message.plain("\n• and other mappings; the log has all changes");
        }
        for (list, what) in [(&self.stopped, "suspended"), (&self.failed, "not read")] {
            for (name, reason) in list.iter().take(NAMED).filter(|_| names) {
                crate::admin::prose(&mut message, &format!("\n• {name} {what}: {reason}"));
            }
            let unnamed = if names { list.len().saturating_sub(NAMED) } else { list.len() };
            if unnamed > 0 {
                let more = if names { " more" } else { "" };
                message.plain(&format!("\n• {unnamed}{more} {what}"));
            }
        }
        if !self.failed.is_empty() {
            message.plain(&format!(
                "\nWhat was not read keeps the members that it had until {} minutes after it was read the last time.",
                MAX_CONFIRMATION_AGE / 60
            ));
        }
        message
    }
}

fn took(milliseconds: u64) -> String {
    match milliseconds {
        ms @ 0..1000 => format!("{ms} ms"),
        ms @ 1000..120_000 => format!("{:.1} s", ms as f64 / 1000.0),
        ms => format!("{} min", ms / 60_000),
    }
}

/// `4200` as `4,200`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Shows the one who waits how far a long sync is, in one message that is changed.
pub(crate) struct Progress<'a> {
    typed: Option<&'a Typed>,
    workspace: &'a Workspace<'a>,
    began: Instant,
    shown_at: Instant,
    posted: Option<Posted>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(typed: Option<&'a Typed>, workspace: &'a Workspace<'a>) -> Self {
        let now = Instant::now();
        // As if it had been shown a while ago, so that the first time comes after QUIET.
        Self { typed, workspace, began: now, shown_at: now + QUIET - SHOWN_EVERY, posted: None }
    }

    /// Shows it if it is time. That it cannot be shown is no reason to stop.
    pub(crate) async fn show(&mut self, report: &Report) {
        let Some(typed) = self.typed.filter(|_| self.shown_at.elapsed() >= SHOWN_EVERY) else { return };
        let mut message = Message::default();
        message.plain(&progress(report, self.began.elapsed()));
        let shown = match &self.posted {
            Some(posted) => self.workspace.change(posted, &message).await,
            None => self.workspace.post(&typed.user, &message).await.map(|posted| self.posted = Some(posted)),
        };
        if let Err(error) = shown {
            tracing::warn!(%error, "the progress could not be shown");
        }
        self.shown_at = Instant::now();
    }

    /// The last word in the same place.
    pub(crate) async fn end(&mut self, report: &Report) {
        let Some(posted) = &self.posted else { return };
        let mut message = Message::default();
        let left = report.unfinished;
        message.plain(&match left {
            0 => format!("Synced {} members of {} mappings.", thousands(report.members), report.mappings),
            _ => format!("{left} of {} mappings are read in the next part of the sync.", report.mappings),
        });
        if let Err(error) = self.workspace.change(posted, &message).await {
            tracing::warn!(%error, "the progress could not be shown");
        }
    }
}

fn progress(report: &Report, elapsed: Duration) -> String {
    let done = report.mappings - report.unfinished;
    let left = elapsed.as_secs_f64() * report.unfinished as f64 / done.max(1) as f64;
    let left =
        if left < 90.0 { format!("{} s", left.ceil()) } else { format!("{} min", (left / 60.0).ceil()) };
    format!(
        "Syncing: {} of {} members, {done} of {} mappings, {left} left",
        thousands(report.members),
        thousands(report.expected.max(report.members)),
        report.mappings,
    )
}

impl Syncer {
    /// Does what was typed after `/alfred-sync`.
    pub(crate) async fn sync_command(
        &self,
        job: &AdminJob,
        typed: &Typed,
        deadline: Deadline,
    ) -> Result<(), Retry> {
        let message = match command::sync(&typed.text) {
            Err(mistake) => mistaken(&mistake),
            Ok(Sync::Start) => match self.standing(job, typed).await? {
                Ok(_) => return self.sync(job, Some(typed), None, deadline).await,
                Err(message) => message,
            },
            Ok(Sync::Status) => match self.standing(job, typed).await? {
                Ok(is_admin) => self.sync_status(job, is_admin).await?,
                Err(message) => message,
            },
            Ok(Sync::Every(every)) => self.set_schedule(job, typed, Some(every)).await?,
            Ok(Sync::Off) => self.set_schedule(job, typed, None).await?,
        };
        self.reply(job, typed, message).await;
        Ok(())
    }

    /// Whether the one who typed administers the workspace as Slack says now, if he is a full member of it; else what to
    /// tell him.
    async fn standing(&self, job: &AdminJob, typed: &Typed) -> Result<Result<bool, Message>, Retry> {
        Ok(match self.who_typed(job, typed).await? {
            Ok((_, person)) if person.full_member_of(&job.tenant).is_ok() => {
                Ok(person.administers(&job.tenant))
            }
            Ok(_) => {
                tracing::warn!(job.id = %job.id, user.id = %typed.user, "not a full member");
                let mut message = Message::default();
                message.plain("Only full members of this workspace may do that. Nothing was done.");
                Err(message)
            }
            Err(message) => Err(message),
        })
    }

    /// Tells the one who typed how his sync went.
    pub(crate) async fn reply_report(&self, job: &AdminJob, typed: &Typed, report: &Report) {
        // He may have become a guest meanwhile, or Slack may be silent: then there are no names.
        let is_admin = matches!(self.standing(job, typed).await, Ok(Ok(true)));
        self.reply(job, typed, report.message(self.clock.seconds(), is_admin)).await;
    }

    async fn sync_status(&self, job: &AdminJob, names: bool) -> Result<Message, Retry> {
        let now = self.clock.seconds();
        let status = self.status(&job.tenant).await?;
        let report = self.last_report(&job.tenant).await?;
        let mut message = match &report {
            Some(report) => report.message(now, names),
            None => {
                let mut message = Message::default();
                message.plain("No sync has finished yet.");
                message
            }
        };
        if status.run.is_some() && status.lease_until.is_some_and(|until| until >= now) {
            message
                .plain(&format!("\nOne is under way since {}.", ago(status.began.unwrap_or(0) / 1000, now)));
        }
        match self.rule.read().await {
            Ok(Every::Interval(every)) => {
                let last = report.map_or(0, |report| report.began / 1000);
                let next = (last + every.as_secs()).saturating_sub(now).min(every.as_secs());
                message.plain(&format!(
                    "\nIt is done every {} min, next in about {} min.",
                    every.as_secs() / 60,
                    next.div_ceil(60)
                ));
            }
            Ok(Every::Expression(expression)) => {
                message.plain("\nIt is done by itself at ").code(&expression).plain(".");
            }
            Ok(Every::Off) => {
                message
                    .plain("\nIt is not done by itself: ")
                    .code("/alfred-sync every 5m")
                    .plain(" changes that.");
            }
            Err(error) => {
                tracing::error!(job.id = %job.id, error, "the rule cannot be read");
                message.plain("\nHow often it is done by itself cannot be read at the moment.");
            }
        }
        Ok(message)
    }

    async fn set_schedule(
        &self,
        job: &AdminJob,
        typed: &Typed,
        every: Option<Duration>,
    ) -> Result<Message, Retry> {
        if let Err(message) = self.admins_workspace(job, typed).await? {
            return Ok(message);
        }
        let mut message = Message::default();
        let words = |every: &Every| match every {
            Every::Interval(every) => format!("every {} min", every.as_secs() / 60),
            Every::Expression(expression) => expression.clone(),
            Every::Off => "off".to_owned(),
        };
        let before = self.rule.read().await.map_or_else(|_| "unknown".to_owned(), |every| words(&every));
        if let Err(error) = self.rule.write(every).await {
            tracing::error!(job.id = %job.id, error, "the rule cannot be changed");
            message.plain("EventBridge did not take the change. Nothing was changed; try again in a minute.");
            return Ok(message);
        }
        let after = words(&every.map_or(Every::Off, Every::Interval));
        let (old, new) = (serde_json::json!(before), serde_json::json!(after));
        let by = Some(&typed.user);
        self.record(job, (What::ScheduleChanged, "schedule"), by, Some(old), Some(new)).await?;
        message.plain(&format!("The sync's schedule is {after} now. It was {before}."));
        let age = MAX_CONFIRMATION_AGE / 60;
        match every {
            None => message.plain(&format!(
                " Nobody has a role {age} minutes after the last sync: type "
            )).code("/alfred-sync start").plain(" when roles are needed."),
            Some(every) if every.as_secs() + 120 > MAX_CONFIRMATION_AGE => message.plain(&format!(
                " Grants end {age} minutes after their mapping was read, so with this interval there are times without a role between two syncs. 10m or less has none."
            )),
            Some(_) => &mut message,
        };
        Ok(message)
    }

    /// Marks a sync as under way. Nothing if another one is.
    pub(crate) async fn begin_sync(
        &self,
        tenant: &TenantId,
        run: &JobId,
        began: u64,
        lease_until: u64,
    ) -> Result<bool, TableError> {
        let now = self.clock.seconds();
        let update = self
            .tables
            .update_own(tenant, Partition::Sync, ITEM)
            .update_expression("SET #run = :run, lease_until = :until, began = :began")
            .condition_expression("attribute_not_exists(#run) OR #run = :run OR lease_until < :now")
            .expression_attribute_names("#run", "run")
            .expression_attribute_values(":run", text(run.as_str()))
            .expression_attribute_values(":until", number(lease_until))
            .expression_attribute_values(":began", number(began))
            .expression_attribute_values(":now", number(now));
        held("mappings", update.send().await)
    }

    /// Keeps how a sync went, and lets the next one begin.
    pub(crate) async fn end_sync(
        &self,
        tenant: &TenantId,
        run: &JobId,
        report: &Report,
    ) -> Result<bool, Retry> {
        let report = serde_json::to_string(report).map_err(|error| Retry::Later(error.to_string()))?;
        let update = self
            .tables
            .update_own(tenant, Partition::Sync, ITEM)
            .update_expression("SET report = :report REMOVE #run, lease_until")
            .condition_expression("#run = :run")
            .expression_attribute_names("#run", "run")
            .expression_attribute_values(":run", text(run.as_str()))
            .expression_attribute_values(":report", text(report));
        Ok(held("mappings", update.send().await)?)
    }

    /// Lets the next sync begin, without a report.
    pub(crate) async fn give_up_sync(&self, tenant: &TenantId, run: &JobId) -> Result<bool, TableError> {
        let update = self
            .tables
            .update_own(tenant, Partition::Sync, ITEM)
            .update_expression("REMOVE #run, lease_until")
            .condition_expression("#run = :run")
            .expression_attribute_names("#run", "run")
            .expression_attribute_values(":run", text(run.as_str()));
        held("mappings", update.send().await)
    }

    /// How the last sync went, or the last part of one that goes on.
    pub(crate) async fn last_report(&self, tenant: &TenantId) -> Result<Option<Report>, TableError> {
        let status = self.status(tenant).await?;
        Ok(status.report.as_deref().and_then(|text| serde_json::from_str(text).ok()))
    }

    async fn status(&self, tenant: &TenantId) -> Result<Status, TableError> {
        let item = self.tables.own(tenant, Partition::Sync, ITEM).await?;
        let status = item.map(serde_dynamo::from_item).transpose();
        Ok(status.map_err(|error| TableError::Unreadable("mappings", error.to_string()))?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(message: &Message) -> String {
        serde_json::to_value(message.posted()).unwrap()["text"].as_str().unwrap().to_owned()
    }

    #[test]
    fn progress_tells_members_mappings_and_the_time_left() {
        let mut report = Report::new(0, 1000, 10_000);
        report.members = 4_200;
        report.unfinished = 500;
        for (elapsed, left) in [(60, "60 s"), (89, "89 s"), (120, "2 min"), (121, "3 min")] {
            assert_eq!(
                progress(&report, Duration::from_secs(elapsed)),
                format!("Syncing: 4,200 of 10,000 members, 500 of 1000 mappings, {left} left")
            );
        }
    }

    #[test]
    fn a_report_names_what_was_not_read_and_what_that_means() {
        let mut report = Report::new(100_000_000, 3, 0);
        report.unfinished = 0;
        report.members = 41;
        report.duration_ms = 1_500;
        report.stopped.push(("#old".into(), "the channel is archived".into()));
        let words = words(&report.message(100_030, true));
        assert!(
            words.starts_with("Read 41 members of 2 of 3 mappings in 1.5 s, 30 s ago: 0 added"),
            "{words}"
        );
        assert!(words.contains("• #old suspended: the channel is archived"), "{words}");
        assert!(!words.contains("15 minutes"));
        report.failed.extend((0..=NAMED).map(|number| (format!("#c{number}"), "channel_not_found".into())));
        report.changes.push(("#ops".into(), "+U0BEN (3 members)".into()));
        let words = self::words(&report.message(100_030, true));
        assert!(words.contains("• #ops: `+U0BEN (3 members)`\n• #old suspended"), "{words}");
        assert!(words.contains("• #c9 not read: channel_not_found\n• 1 more not read"), "{words}");
        assert!(words.contains("until 15 minutes after"), "{words}");
        // Private channels and their members are not everybody's business.
        let words = self::words(&report.message(100_030, false));
        assert!(words.contains("\n• 1 suspended\n• 11 not read\n"), "{words}");
        assert!(!words.contains('#') && !words.contains("U0BEN"), "{words}");
    }

    #[test]
    fn large_numbers_have_commas() {
        for (number, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), shown);
        }
    }
}
