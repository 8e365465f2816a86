//! What the worker found when it tried the role of a mapping.

use shared::admin::{AdminJob, ProbeVerdict};
use shared::ids::UserId;
use shared::mapping::{Mapping, MappingKey, MappingState};

use crate::Syncer;
use crate::batch::Retry;
use crate::record::{What, shown};

impl Syncer {
    /// Makes a pending mapping active if its role demands the ExternalId, and an active one pending if its role does not
    /// any more.
    pub(crate) async fn probed(
        &self,
        job: &AdminJob,
        item: &MappingKey,
        role_arn: &str,
        user: &UserId,
        verdict: ProbeVerdict,
    ) -> Result<(), Retry> {
        let Some(mapping) = self.tables.mapping(&job.tenant, item).await? else { return Ok(()) };
        if mapping.role_arn != role_arn {
            return Ok(());
        }
        let (from, to, reason) = match verdict {
            ProbeVerdict::Demanded => {
                ([MappingState::Pending, MappingState::Pending], MappingState::Active, None)
            }
            ProbeVerdict::Refused => (
                [MappingState::Pending, MappingState::Active],
                MappingState::Pending,
                Some(
                    "the role does not open with the ExternalId; put the trust policy on it and add the mapping again",
                ),
            ),
            ProbeVerdict::Open => (
                [MappingState::Pending, MappingState::Active],
                MappingState::Pending,
                Some(
                    "the role opens without the right ExternalId; put the trust policy on it and add the mapping again",
                ),
            ),
        };
        if mapping.state != to {
            if !from.contains(&mapping.state) {
                return Ok(());
            }
            let what =
                if to == MappingState::Active { What::MappingActivated } else { What::MappingSuspended };
            let after = Mapping { state: to, reason: reason.map(str::to_owned), ..mapping.clone() };
            let (before, after) = (Some(shown(&mapping)), Some(shown(&after)));
            self.record(job, (what, &item.0), Some(user), before, after).await?;
        }
        if !self.tables.change_state(&mapping, &from, to, reason).await? && mapping.state != to {
            return Ok(());
        }
        if to == MappingState::Active {
            // So that its members need not wait for the schedule.
            self.send_sync(&job.tenant, &format!("activated {}", job.id)).await?;
        }
        Ok(())
    }
}
