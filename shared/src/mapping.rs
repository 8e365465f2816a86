//! The mappings table: which Slack conversation or user group means which AWS role.
//!
//! Partition key `tenant`, sort key `item`. `item` is a mapping's [`MappingKey`] (`channel#C…`, `group#G…`,
//! `usergroup#S…`) or `account#<12 digits>` for the ExternalId of a target account. Partitions whose key is longer than
//! a tenant's id are the syncer's own: [`partition`] names them.

use serde::{Deserialize, Serialize};

use crate::ids::{TenantId, UserId};
use crate::secret::Secret;

/// How long after its last complete read a mapping still grants anything, in seconds (15 minutes).
pub const MAX_CONFIRMATION_AGE: u64 = 15 * 60;

/// What a mapping is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingKind {
    /// A public channel.
    Channel,
    /// A private channel.
    Group,
    /// A user group.
    Usergroup,
}

impl MappingKind {
    /// The word for it in keys and in `/alfred-admin`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Group => "group",
            Self::Usergroup => "usergroup",
        }
    }
}

/// A mapping's sort key: `<kind>#<Slack id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MappingKey(pub String);

impl MappingKey {
    /// The key of the conversation or user group `id`.
    pub fn new(kind: MappingKind, id: &str) -> Self {
        Self(format!("{}#{id}", kind.word()))
    }

    /// Slack's id of the conversation or user group.
    pub fn slack_id(&self) -> &str {
        self.0.split_once('#').map_or("", |(_, id)| id)
    }
}

/// Whether a mapping grants its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingState {
    /// Created, but the role has not yet been shown to demand the ExternalId.
    Pending,
    /// Grants its role.
    Active,
    /// Stopped: the channel was archived, made public, or the bot was removed from it.
    Suspended,
}

/// One mapping as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Partition key.
    pub tenant: TenantId,
    /// Sort key.
    pub item: MappingKey,
    /// What it is attached to.
    pub kind: MappingKind,
    /// The name of the channel or user group, for show only.
    pub name: String,
    /// The role that members get.
    pub role_arn: String,
    /// A short name for `--as`, unique within the tenant. Without one, the role's name serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The lowest number wins when a user has several.
    pub priority: u32,
    /// Whether it grants.
    pub state: MappingState,
    /// Who made it: hears when it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_by: Option<UserId>,
    /// Why it does not grant, if it was stopped or its role was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When all members were last read completely: Unix seconds. Zero before the first read.
    #[serde(default)]
    pub confirmed_at: u64,
    /// As of when it is known that those members may have a role at all: Unix seconds. In a long sync it is some minutes
    /// before `confirmed_at`. None before the first read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people_known_at: Option<u64>,
    /// When that read began: Unix milliseconds. What an older read says about members does not count any more.
    #[serde(default)]
    pub read_as_of: u64,
    /// Goes up with every change of its members, so that a read notices what happened beside it.
    #[serde(default)]
    pub version: u64,
    /// How many members it has.
    #[serde(default)]
    pub members: u64,
    /// Why its members could not be read the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// The ExternalId that roles of one target account demand: random, made by us, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetAccount {
    /// Partition key.
    pub tenant: TenantId,
    /// Sort key: `account#<12 digits>`.
    pub item: String,
    /// Sent with every AssumeRole into that account.
    pub external_id: Secret<String>,
}

/// What the syncer keeps in partitions of their own, so that whoever reads a tenant's mappings reads nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// Changes of mappings: who, when, before, after.
    Records,
    /// Admin jobs that were seen already.
    Seen,
    /// How the last sync went, and who is at it now.
    Sync,
}

/// The partition key of `partition` of `tenant`.
pub fn partition(tenant: &TenantId, partition: Partition) -> String {
    let name = match partition {
        Partition::Records => "records",
        Partition::Seen => "seen",
        Partition::Sync => "sync",
    };
    format!("{tenant}#{name}")
}

impl TargetAccount {
    /// The sort key of the account with this 12-digit id.
    pub fn item(account: &str) -> String {
        format!("account#{account}")
    }
}
