//! The memberships table: which mappings a user is a member of. Partition key `member`, no sort key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{TenantId, UserId};
use crate::mapping::MappingKey;

/// One user of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Partition key: [`Membership::key`].
    pub member: String,
    /// The mappings that name this user, each with the time at which the membership was first seen: Unix seconds.
    /// A grant counts only while its mapping is active and was confirmed within the last 15 minutes.
    pub grants: BTreeMap<MappingKey, u64>,
    /// DynamoDB's TTL attribute: Unix seconds. Expired items stay readable for days, so every reader compares it.
    pub expires_at: u64,
}

impl Membership {
    /// The key of `user` in `tenant`.
    pub fn key(tenant: &TenantId, user: &UserId) -> String {
        format!("{tenant}#{user}")
    }
}
