//! What the syncer is asked to do, as it travels through the admin queue: slash commands of admins, syncs, events of the
//! workspace, and what a probe of a role found.

use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, JobId, TenantId, UserId};
use crate::job::ascii_json;
use crate::mapping::MappingKey;
use crate::secret::Secret;

/// The newest form of an admin job that this build writes; see [`crate::job::JOB_VERSION`].
pub const ADMIN_JOB_VERSION: u32 = 1;

/// One thing for the syncer to do in one workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminJob {
    /// [`ADMIN_JOB_VERSION`] of the build that wrote it.
    pub version: u32,
    /// Same for every copy of the same request or event.
    pub id: JobId,
    /// The workspace.
    pub tenant: TenantId,
    /// What to do.
    pub task: AdminTask,
    /// When it was asked for: Unix seconds.
    pub asked_at: u64,
}

impl AdminJob {
    /// The job as the text of a queue record; see [`crate::job::Job::to_record`].
    ///
    /// # Errors
    /// Never for a job as it is: all of it has a JSON form.
    pub fn to_record(&self) -> serde_json::Result<String> {
        ascii_json(self)
    }
}

/// What an admin job asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AdminTask {
    /// `/alfred-admin <text>`.
    Admin {
        /// Who typed what, and where the answer goes.
        typed: Typed,
    },
    /// `/alfred-sync <text>`.
    Sync {
        /// Who typed what, and where the answer goes.
        typed: Typed,
    },
    /// The schedule: read the members of all mappings.
    ScheduledSync,
    /// The rest of a sync that one invocation had no time for.
    ContinueSync {
        /// Who waits for its end, if a person does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        typed: Option<Typed>,
        /// Only mappings whose members were last read before this are left to read: Unix milliseconds.
        read_before: u64,
    },
    /// Something happened in the workspace.
    Event {
        /// What.
        event: WorkspaceEvent,
        /// When, by Slack's clock: Unix milliseconds.
        at: u64,
    },
    /// The worker has probed the role of a mapping.
    Probed {
        /// The mapping.
        item: MappingKey,
        /// The role that was probed. A mapping that has another one by now is not touched.
        role_arn: String,
        /// Who asked.
        user: UserId,
        /// What was found.
        verdict: ProbeVerdict,
    },
}

/// A slash command of the syncer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// What follows the command's name, normalised.
    pub text: String,
    /// Who typed it.
    pub user: UserId,
    /// Where.
    pub channel: ChannelId,
    /// Where the answer may be posted for 30 minutes, up to 5 times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_url: Option<Secret<String>>,
}

/// What a probe of a role found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeVerdict {
    /// The role opens with the ExternalId, and neither without one nor with a wrong one.
    Demanded,
    /// The role does not open with the ExternalId.
    Refused,
    /// The role opens without the right ExternalId: whoever knows its ARN could have it mapped.
    Open,
}

/// Events that change who is a member of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum WorkspaceEvent {
    /// `member_joined_channel`
    Joined {
        /// Who; the bot itself perhaps.
        user: UserId,
        /// Where.
        channel: ChannelId,
    },
    /// `member_left_channel`
    Left {
        /// Who.
        user: UserId,
        /// From where.
        channel: ChannelId,
    },
    /// `channel_left`, `group_left`: the bot was removed, so members cannot be read any more.
    BotRemoved {
        /// From where.
        channel: ChannelId,
    },
    /// `channel_archive`, `group_archive`, `channel_deleted`, `group_deleted`
    ChannelClosed {
        /// Which.
        channel: ChannelId,
    },
    /// `channel_id_changed`
    ChannelIdChanged {
        /// The id that is no more.
        old: ChannelId,
        /// The one in its place.
        new: ChannelId,
    },
    /// `channel_rename`, `group_rename`
    ChannelRenamed {
        /// Which.
        channel: ChannelId,
        /// Its new name.
        name: String,
    },
    /// `subteam_members_changed`
    UsergroupMembers {
        /// The user group's id.
        usergroup: String,
        /// Who came.
        added: Vec<UserId>,
        /// Who went.
        removed: Vec<UserId>,
    },
    /// `subteam_updated`
    UsergroupUpdated {
        /// The user group's id.
        usergroup: String,
        /// Its handle.
        handle: String,
        /// It was switched off.
        disabled: bool,
    },
    /// `user_change` of somebody who may not have a role any more: deactivated, a guest, a bot or a stranger.
    UserUnfit {
        /// Who.
        user: UserId,
    },
    /// `app_uninstalled`, or `tokens_revoked` with the bot's
    Uninstalled,
}
