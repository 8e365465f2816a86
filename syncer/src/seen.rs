//! Which admin jobs were done already. Queues deliver twice, and Slack sends events again: a copy changes nothing and says
//! nothing.

use shared::admin::AdminJob;
use shared::mapping::Partition;

use crate::Syncer;
use crate::tables::{TableError, held, number};

/// How long a job is remembered, in seconds (15 days: longer than a queue keeps a record).
const REMEMBERED_FOR: u64 = 15 * 24 * 3600;

/// The lease of a job that is done: it never ends.
const DONE: u64 = u64::MAX / 2;

/// Whose a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Ours to do.
    Ours,
    /// Done.
    Before,
    /// Somebody is at it.
    Busy,
}

impl Syncer {
    /// Takes a job until `lease_until` (Unix seconds). One whose taker died can be taken again: every step of an admin
    /// job may be done twice.
    pub(crate) async fn take(&self, job: &AdminJob, lease_until: u64) -> Result<Seen, TableError> {
        let now = self.clock.seconds();
        let update = self
            .tables
            .update_own(&job.tenant, Partition::Seen, job.id.as_str())
            .update_expression("SET lease_until = :until, expires_at = :expires")
            .condition_expression("attribute_not_exists(#item) OR lease_until < :now")
            .expression_attribute_names("#item", "item")
            .expression_attribute_values(":until", number(lease_until))
            .expression_attribute_values(":expires", number(now + REMEMBERED_FOR))
            .expression_attribute_values(":now", number(now));
        if held("mappings", update.send().await)? {
            return Ok(Seen::Ours);
        }
        let item = self.tables.own(&job.tenant, Partition::Seen, job.id.as_str()).await?;
        let until = item.and_then(|item| item.get("lease_until")?.as_n().ok()?.parse().ok());
        Ok(if until == Some(DONE) { Seen::Before } else { Seen::Busy })
    }

    /// The job is done, or given back to the queue if it is not `done`.
    pub(crate) async fn let_go(&self, job: &AdminJob, done: bool) -> Result<(), TableError> {
        let until = if done { DONE } else { 0 };
        let update = self
            .tables
            .update_own(&job.tenant, Partition::Seen, job.id.as_str())
            .update_expression("SET lease_until = :until")
            .expression_attribute_values(":until", number(until));
        held("mappings", update.send().await).map(drop)
    }
}
