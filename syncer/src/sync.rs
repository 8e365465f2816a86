//! A sync: for each mapping, read its members, compare, apply, confirm. Each mapping is done by itself, the one that was
//! confirmed longest ago first: what fails or ends early takes nothing from the others.

use std::time::Duration;

use shared::admin::{ADMIN_JOB_VERSION, AdminJob, AdminTask, Typed};
use shared::deadline::Deadline;
use shared::ids::JobId;
use shared::mapping::{Mapping, MappingState};
use shared::message::Message;
use shared::slack::SlackError;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::Syncer;
use crate::admin::{NOT_INSTALLED, name};
use crate::batch::{Retry, left_for_work};
use crate::diff::Diff;
use crate::read::{People, Roster, Scene, Standing};
use crate::record::{What, shown};
use crate::settle::{Reading, Settled, Stored};
use crate::status::{Progress, Report};
use crate::workspace::Workspace;

/// How much earlier than our clock says a read counts as begun, in milliseconds: Slack's clock, which times events, may
/// be behind ours by this much.
pub const CLOCK_SKEW: u64 = 5_000;

/// How many read mappings wait for being compared. With 100 members each they take some kilobytes each.
const READ_AHEAD: usize = 256;

/// How one mapping went.
#[derive(Debug)]
enum Done {
    Confirmed(Diff),
    Stopped(&'static str),
    Unread(String),
    /// Slack asks to wait for longer than this invocation has.
    Later(Duration),
}

impl Syncer {
    /// Syncs a workspace. A continuation reads only mappings that were last read before `read_before` (Unix
    /// milliseconds). Who `typed` it hears how it goes.
    pub(crate) async fn sync(
        &self,
        job: &AdminJob,
        typed: Option<&Typed>,
        read_before: Option<u64>,
        deadline: Deadline,
    ) -> Result<(), Retry> {
        let tenant = &job.tenant;
        let mut message = Message::default();
        let Some(workspace) = self.workspace(tenant).await? else {
            if let Some(typed) = typed {
                message.plain(NOT_INSTALLED);
                self.reply(job, typed, message).await;
            }
            return Ok(());
        };
        let began = read_before.unwrap_or_else(|| self.clock.milliseconds());
        if !self.begin_sync(tenant, &job.id, began, deadline.lease()).await? {
            tracing::info!(job.id = %job.id, tenant.id = %tenant, "a sync is under way already");
            if let Some(typed) = typed {
                message
                    .plain("A sync is under way already. ")
                    .code("/alfred-sync status")
                    .plain(" shows how it goes.");
                self.reply(job, typed, message).await;
            }
            return Ok(());
        }
        let until = Instant::now() + left_for_work(deadline, self.clock.since_epoch());
        let outcome = async {
            let mut report = self.run(job, &workspace, typed, began, until).await?;
            // Of a sync that goes on, the whole is told and not its last part.
            if let Some(earlier) = self.last_report(tenant).await?.filter(|earlier| earlier.began == began) {
                report.add(earlier);
            }
            Ok(report)
        };
        match outcome.await {
            Ok(report) => {
                self.end_sync(tenant, &job.id, &report).await?;
                if report.unfinished > 0 {
                    let next = AdminJob {
                        version: ADMIN_JOB_VERSION,
                        id: JobId::from_cause(tenant, &format!("continue {}", job.id)),
                        tenant: tenant.clone(),
                        task: AdminTask::ContinueSync { typed: typed.cloned(), read_before: began },
                        asked_at: self.clock.seconds(),
                    };
                    self.queues.send_admin_job(&next, report.wait).await?;
                }
                if let Some(typed) = typed.filter(|_| report.unfinished == 0) {
                    self.reply_report(job, typed, &report).await;
                }
                Ok(())
            }
            Err(retry) => {
                self.give_up_sync(tenant, &job.id).await?;
                Err(retry)
            }
        }
    }

    async fn run(
        &self,
        job: &AdminJob,
        workspace: &Workspace<'_>,
        typed: Option<&Typed>,
        began: u64,
        until: Instant,
    ) -> Result<Report, Retry> {
        // The mappings first: their versions must not be newer than the members that are read after them.
        let (mut mappings, _) = self.tables.mapped(&job.tenant).await?;
        // What this sync has read already, in an invocation before this one, is stamped up to a skew earlier than its begin.
        let before = began.saturating_sub(CLOCK_SKEW);
        mappings.retain(|mapping| mapping.state != MappingState::Suspended && mapping.read_as_of < before);
        // Those that were never confirmed grant nothing before they are read.
        mappings.sort_by(|a, b| (a.confirmed_at, &a.item).cmp(&(b.confirmed_at, &b.item)));
        let stored = self.tables.stored(&job.tenant, self.clock.seconds()).await?;
        let mut report = Report::new(began, mappings.len(), mappings.iter().map(|one| one.members).sum());
        let read_from = self.read_from();
        let scene = match workspace.scene(&mappings, read_from, until).await {
            Ok(scene) => scene,
            Err(SlackError::RateLimited(wait)) => {
                report.wait = wait;
                return Ok(report);
            }
            Err(error) => {
                tracing::warn!(job.id = %job.id, %error, "the channels cannot be read");
                let reason = error.to_string();
                for mapping in &mappings {
                    self.tables.leave_unread(mapping, &reason).await?;
                }
                report.failed.push(("the workspace".to_owned(), reason));
                report.unfinished = 0;
                return Ok(report);
            }
        };
        let people = People::default();
        let mut progress = Progress::new(typed, workspace);
        let (sender, mut rosters) = mpsc::channel::<(&Mapping, Result<Roster, SlackError>)>(READ_AHEAD);
        // Reading goes on while what was read is compared and written: Slack's limit is what a sync takes its time from.
        let reading = async {
            for mapping in &mappings {
                if Instant::now() >= until {
                    break;
                }
                let roster = match scene.standing(mapping) {
                    Standing::Open(_) => workspace.roster(&scene, mapping, self.read_from(), until).await,
                    _ => Ok(Roster { members: Vec::new(), began: 0 }),
                };
                if roster.is_err() && Instant::now() >= until {
                    break;
                }
                let waits = matches!(roster, Err(SlackError::RateLimited(_)));
                if sender.send((mapping, roster)).await.is_err() || waits {
                    break;
                }
            }
            drop(sender);
            Ok(())
        };
        let applying = async {
            while let Some((mapping, roster)) = rosters.recv().await {
                let done =
                    self.sync_one(job, workspace, &scene, &people, &stored, mapping, roster, until).await?;
                match done {
                    Done::Confirmed(diff) => report.confirmed(mapping, &diff),
                    Done::Stopped(reason) => report.stopped.push((name(mapping), reason.to_owned())),
                    Done::Unread(reason) => report.failed.push((name(mapping), reason)),
                    Done::Later(wait) => {
                        report.wait = report.wait.max(wait);
                        continue;
                    }
                }
                report.unfinished -= 1;
                progress.show(&report).await;
            }
            Ok::<_, Retry>(())
        };
        // A table that cannot be written ends the reading as well: nobody would take what it reads.
        tokio::try_join!(reading, applying)?;
        progress.end(&report).await;
        report.duration_ms = self.clock.milliseconds().saturating_sub(began);
        tracing::info!(
            job.id = %job.id, tenant.id = %job.tenant, step = "synced", mappings = report.mappings,
            members = report.members, joined = report.joined, left = report.left, failed = report.failed.len(),
            unfinished = report.unfinished, duration_ms = report.duration_ms, "read the members"
        );
        Ok(report)
    }

    /// From when a read counts that begins now: Unix milliseconds.
    pub(crate) fn read_from(&self) -> u64 {
        self.clock.milliseconds().saturating_sub(CLOCK_SKEW)
    }

    #[expect(clippy::too_many_arguments, reason = "a sync's parts, each used for one mapping")]
    async fn sync_one(
        &self,
        job: &AdminJob,
        workspace: &Workspace<'_>,
        scene: &Scene,
        people: &People,
        stored: &Stored,
        mapping: &Mapping,
        roster: Result<Roster, SlackError>,
        until: Instant,
    ) -> Result<Done, Retry> {
        let unread = async |reason: String| {
            tracing::warn!(job.id = %job.id, mapping = mapping.item.0, reason, "the members could not be read");
            self.tables.leave_unread(mapping, &reason).await?;
            Ok(Done::Unread(reason))
        };
        let shown_name = match scene.standing(mapping) {
            Standing::Open(name) => name,
            Standing::Stopped(reason) => {
                self.suspend(job, mapping, reason).await?;
                return Ok(Done::Stopped(reason));
            }
            Standing::Unseen(reason) => return unread(reason.to_owned()).await,
        };
        let read = match roster {
            Ok(roster) => {
                let fit = people.fit(workspace, &roster.members, self.read_from(), until).await;
                fit.map(|fit| (roster, fit))
            }
            Err(error) => Err(error),
        };
        let (roster, fit) = match read {
            Ok(read) => read,
            Err(SlackError::RateLimited(wait)) => return Ok(Done::Later(wait)),
            Err(_) if Instant::now() >= until => return Ok(Done::Later(Duration::ZERO)),
            Err(error) => return unread(error.to_string()).await,
        };
        let reading = Reading {
            job: &job.id,
            began: roster.began,
            members: &fit.members,
            people_as_of: fit.as_of.min(roster.began),
            name: &shown_name,
        };
        match self.tables.settle(mapping, stored, &reading, self.clock.seconds()).await? {
            Settled::Confirmed(diff) | Settled::Superseded(diff) => Ok(Done::Confirmed(diff)),
            Settled::Restless => unread("it changed all the time while it was read".to_owned()).await,
        }
    }

    /// Stops a mapping, writes it down and tells whoever made it.
    pub(crate) async fn suspend(&self, job: &AdminJob, mapping: &Mapping, reason: &str) -> Result<(), Retry> {
        if mapping.state == MappingState::Suspended {
            return Ok(());
        }
        let after =
            Mapping { state: MappingState::Suspended, reason: Some(reason.to_owned()), ..mapping.clone() };
        let (before, after) = (Some(shown(mapping)), Some(shown(&after)));
        // The record first: if it cannot be written, the job comes back and finds the mapping as it was.
        self.record(job, (What::MappingSuspended, &mapping.item.0), None, before, after).await?;
        let from = [MappingState::Active, MappingState::Pending];
        if !self.tables.change_state(mapping, &from, MappingState::Suspended, Some(reason)).await? {
            return Ok(());
        }
        if let Some(admin) = &mapping.added_by {
            let mut message = Message::default();
            message
                .plain(&format!("The mapping of {} to ", name(mapping)))
                .code(&mapping.role_arn)
                .plain(&format!(
                    " is suspended: {reason}. Nobody has the role through it any more. Add it again with "
                ))
                .code("/alfred-admin add")
                .plain(" once that is in order.");
            self.tell(&job.tenant, admin, &message).await;
        }
        Ok(())
    }
}
