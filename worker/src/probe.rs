//! A new mapping's role is tried before it grants anything: it must open with the tenant's ExternalId, and neither without
//! one nor with a wrong one. A role that opens without could be mapped by any tenant who knows its ARN.

use shared::admin::{ADMIN_JOB_VERSION, AdminJob, AdminTask, ProbeVerdict};
use shared::arn::RoleArn;
use shared::ids::JobId;
use shared::job::Job;
use shared::mapping::{MappingKey, MappingState};
use shared::secret::Secret;
use uuid::Uuid;

use crate::assume_role::AssumeError;
use crate::batch::Worker;
use crate::outcome::{Answer, Retry};

impl Worker {
    /// Probes the role, sends the verdict to the syncer, and gives what the admin reads.
    pub async fn probe(&self, job: &Job, item: &MappingKey, role_arn: &str) -> Result<Answer, Retry> {
        let unreadable = "The mappings cannot be read at the moment. Send the command again in a minute.";
        let Ok(tenancy) = self.responder.directory.tenancy_now(&job.tenant).await else {
            return Ok(Answer::new(&job.id, unreadable));
        };
        let role: RoleArn = match role_arn.parse() {
            Ok(role) => role,
            Err(error) => return Ok(Answer::denied(&job.id, format!("`{role_arn}` is {error}."))),
        };
        let Some(external_id) = tenancy.accounts.get(role.account()) else {
            return Ok(Answer::denied(&job.id, "The account has no ExternalId; add the mapping again."));
        };
        let was_active = tenancy
            .mappings
            .iter()
            .any(|mapping| mapping.item == *item && mapping.state == MappingState::Active);
        let pending = if was_active {
            "The mapping is pending now: nobody has the role through it."
        } else {
            "The mapping stays pending."
        };
        let (verdict, said) = match self.try_role(job, &role, external_id).await {
            Ok(Probed::Demands) => (
                ProbeVerdict::Demanded,
                format!(
                    "`{role}` opens with your ExternalId and not without it, so the mapping becomes active now."
                ),
            ),
            Ok(Probed::Refuses { code, message }) => (
                ProbeVerdict::Refused,
                format!(
                    "`{role}` does not open: {code}: {message}\n{pending} Put the trust policy that `add` showed on the role, then send the same `/alfred-admin add` again."
                ),
            ),
            Ok(Probed::OpensWithout(how)) => (
                ProbeVerdict::Open,
                format!(
                    "`{role}` opens {how}, so anybody who knows its ARN could have it mapped. {pending} Put the trust policy that `add` showed on the role, with its condition on `sts:ExternalId`, then send the same `/alfred-admin add` again."
                ),
            ),
            Err(error) => {
                tracing::error!(job.id = %job.id, error, "no probe");
                return Ok(Answer::denied(
                    &job.id,
                    "STS cannot be reached. Send the command again in a minute.",
                ));
            }
        };
        tracing::info!(job.id = %job.id, step = "probed", role = %role, ?verdict, "probed the role");
        let report = AdminJob {
            version: ADMIN_JOB_VERSION,
            id: JobId::from_cause(&job.tenant, &format!("probed {}", job.id)),
            tenant: job.tenant.clone(),
            task: AdminTask::Probed {
                item: item.clone(),
                role_arn: role_arn.to_owned(),
                user: job.user.clone(),
                verdict,
            },
            asked_at: self.responder.clock.seconds(),
        };
        self.report(&report).await?;
        // The admin tries the mapping as soon as it is active, and must not meet what was read before.
        self.responder.directory.forget(&job.tenant);
        Ok(Answer::new(&job.id, said))
    }

    async fn try_role(
        &self,
        job: &Job,
        role: &RoleArn,
        external_id: &Secret<String>,
    ) -> Result<Probed, String> {
        let wrong = Secret::new(Uuid::new_v5(&WRONG, external_id.expose().as_bytes()).simple().to_string());
        for (external_id, how) in [
            (None, Some("without an ExternalId")),
            (Some(&wrong), Some("with a wrong ExternalId")),
            (Some(external_id), None),
        ] {
            match (self.roles.probe(job, role, external_id).await, how) {
                (Ok(()), Some(how)) => return Ok(Probed::OpensWithout(how)),
                (Ok(()), None) => return Ok(Probed::Demands),
                (Err(AssumeError::Refused { .. }), Some(_)) => {}
                (Err(AssumeError::Refused { code, message }), None) => {
                    return Ok(Probed::Refuses { code, message });
                }
                (Err(AssumeError::Unavailable(error)), _) => return Err(error),
            }
        }
        Err("the probe has no right ExternalId".into())
    }

    async fn report(&self, report: &AdminJob) -> Result<(), Retry> {
        let body = report.to_record().map_err(|error| Retry(error.to_string()))?;
        let sent = self
            .admin_queue
            .sqs
            .send_message()
            .queue_url(&self.admin_queue.url)
            .message_body(body)
            .message_group_id(report.tenant.as_str())
            .send()
            .await;
        sent.map(drop).map_err(|_| Retry("the admin queue does not take the verdict".into()))
    }
}

/// The namespace of wrong ExternalIds: the same for every probe of an account, so that a trust policy's log shows one.
const WRONG: Uuid = Uuid::from_u128(0x3d4e_9a51_7c0b_4f86_91d2_5be0_38a7_c64f);

enum Probed {
    Demands,
    Refuses { code: String, message: String },
    OpensWithout(&'static str),
}

/// Where verdicts go.
pub struct AdminQueue {
    /// The client.
    pub sqs: aws_sdk_sqs::Client,
    /// The queue's address.
    pub url: String,
}
