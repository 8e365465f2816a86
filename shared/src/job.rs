//! The unit of work between ingress and worker, as it travels through SQS.

use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, JobId, TenantId, UserId};
use crate::secret::Secret;

/// The newest form of a job that this build writes. A reader accepts this one and the one before it; a newer one is
/// given back to the queue, because the deployment that understands it is on its way.
pub const JOB_VERSION: u32 = 1;

/// How long after it was typed a job may still start, in seconds (15 minutes). A later one is answered as expired.
pub const MAX_START_DELAY: u64 = 15 * 60;

/// One thing that a person asked for in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// [`JOB_VERSION`] of the build that wrote it.
    pub version: u32,
    /// Same for every copy of the same request.
    pub id: JobId,
    /// The workspace whose installation answers.
    pub tenant: TenantId,
    /// The Enterprise organisation of the workspace, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<String>,
    /// Who typed it.
    pub user: UserId,
    /// Where it was typed.
    pub channel: ChannelId,
    /// What to do.
    pub task: Task,
    /// When Slack signed the request: Unix seconds.
    pub typed_at: u64,
    /// Where the answer may be posted for 30 minutes, up to 5 times. Whoever holds it can post: never logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_url: Option<Secret<String>>,
}

/// What a job asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Task {
    /// `/alfred-invoke <text>`: run an AWS command. `text` is normalised: entities resolved, quotes and dashes ASCII.
    Invoke {
        /// What was typed after the slash command.
        text: String,
    },
    /// `/alfred whoami`: who the caller is and which roles he has.
    WhoAmI,
    /// `/alfred status <job>`: how a job of the caller stands.
    Status {
        /// The first 4 to 32 characters of the job's id, as typed.
        job: String,
    },
    /// `/alfred history`: the caller's latest jobs.
    History,
}
