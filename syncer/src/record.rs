//! Every change of a mapping, of the schedule or of an installation: written down with who, when, before and after, and
//! announced on the event bus.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde::Serialize;
use serde_json::json;
use shared::admin::AdminJob;
use shared::ids::{TenantId, UserId};
use shared::mapping::{Mapping, Partition};

use crate::Syncer;
use crate::batch::Retry;
use crate::tables::{held, text};

/// Where changes are announced.
pub struct Bus {
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) name: String,
}

/// What was changed: the `detail-type` of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what happened")]
pub enum What {
    MappingAdded,
    MappingChanged,
    MappingRemoved,
    MappingActivated,
    MappingSuspended,
    ScheduleChanged,
    InstallationEnded,
}

/// One change, as it is written down and announced.
#[derive(Debug, Serialize)]
struct Change<'a> {
    tenant: &'a TenantId,
    /// The job that made the change.
    job: &'a str,
    /// Nobody, if Slack's news or the schedule made it.
    by: Option<&'a UserId>,
    /// Unix milliseconds.
    at: u64,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
}

/// What a record shows of a mapping: what admins decide, and not what every sync changes.
pub(crate) fn shown(mapping: &Mapping) -> serde_json::Value {
    json!({
        "item": mapping.item, "name": mapping.name, "role_arn": mapping.role_arn, "alias": mapping.alias,
        "priority": mapping.priority, "state": mapping.state, "reason": mapping.reason,
    })
}

impl Syncer {
    /// Writes down what a job changes `about` a mapping (or the schedule, or the installation), and announces it: before
    /// the change, so that none is without a record even if the job dies in between and is done again. The key is made of
    /// the job alone, so such a job has one record of each change, the first.
    pub(crate) async fn record(
        &self,
        job: &AdminJob,
        (what, about): (What, &str),
        by: Option<&UserId>,
        before: Option<serde_json::Value>,
        after: Option<serde_json::Value>,
    ) -> Result<(), Retry> {
        let (tenant, id) = (&job.tenant, job.id.as_str());
        let change = Change { tenant, job: id, by, at: self.clock.milliseconds(), before, after };
        tracing::info!(
            job.id = id, tenant.id = %tenant, user.id = by.map_or("", UserId::as_str), change = ?what, "changed"
        );
        let detail = serde_json::to_string(&change).map_err(|error| Retry::Later(error.to_string()))?;
        let item = format!("{:012}#{id}#{what:?}#{about}", job.asked_at);
        let write = self
            .tables
            .update_own(tenant, Partition::Records, &item)
            .update_expression(
                "SET what = if_not_exists(what, :what), detail = if_not_exists(detail, :detail)",
            )
            .expression_attribute_values(":what", text(format!("{what:?}")))
            .expression_attribute_values(":detail", text(&detail));
        held("mappings", write.send().await)?;
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus.name)
            .source("alfredbot")
            .detail_type(format!("{what:?}"))
            .detail(detail)
            .build();
        let failed = match self.bus.events.put_events().entries(entry).send().await {
            Ok(answer) if answer.failed_entry_count == 0 => None,
            Ok(answer) => Some(format!("{:?}", answer.entries)),
            Err(error) => Some(aws_sdk_eventbridge::error::DisplayErrorContext(&error).to_string()),
        };
        if let Some(error) = failed {
            // The change is in force and written down; whoever watches the bus must hear that it has a gap.
            tracing::error!(job.id = id, alarm = "put_events", error, "a change could not be announced");
        }
        Ok(())
    }
}
