//! The mappings table: which Slack conversation or user group means which AWS role.
//!
//! Partition key `tenant`, sort key `item`. `item` is a mapping's [`MappingKey`] (`channel#C…`, `group#G…`,
//! `usergroup#S…`) or `account#<12 digits>` for the ExternalId of a target account.

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;
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

/// A mapping's sort key: `<kind>#<Slack id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MappingKey(pub String);

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
    /// When all members were last read completely: Unix seconds. Zero before the first read.
    #[serde(default)]
    pub confirmed_at: u64,
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

impl TargetAccount {
    /// The sort key of the account with this 12-digit id.
    pub fn item(account: &str) -> String {
        format!("account#{account}")
    }
}
