//! The memberships table: which mappings a user is a member of. Partition key `tenant`, sort key `user`.
//!
//! Every mapping has attributes of its own in the item, so that one write can change one membership whatever else the
//! item holds: `grant:<mapping>` and `as_of:<mapping>`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{TenantId, UserId};
use crate::mapping::MappingKey;

/// One user of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Membership {
    /// Partition key.
    pub tenant: TenantId,
    /// Sort key.
    pub user: UserId,
    /// The mappings that name this user, each with the time at which the membership was first seen: Unix seconds.
    /// A grant counts only while its mapping is active and was confirmed within the last 15 minutes.
    pub grants: BTreeMap<MappingKey, u64>,
    /// As of when it is known that the user is a member of a mapping, or no longer one: Unix milliseconds. What is known
    /// as of an earlier time changes nothing, so a page that was read before an event cannot undo the event.
    pub as_of: BTreeMap<MappingKey, u64>,
    /// DynamoDB's TTL attribute: Unix seconds. Expired items stay readable for days, so every reader compares it.
    pub expires_at: u64,
}

impl Membership {
    /// The attribute that holds since when a user is a member of `mapping`.
    pub fn grant_attribute(mapping: &MappingKey) -> String {
        format!("{GRANT}{}", mapping.0)
    }

    /// The attribute that holds as of when that is known.
    pub fn as_of_attribute(mapping: &MappingKey) -> String {
        format!("{AS_OF}{}", mapping.0)
    }
}

const GRANT: &str = "grant:";
const AS_OF: &str = "as_of:";

/// The item as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    tenant: TenantId,
    user: UserId,
    expires_at: u64,
    #[serde(flatten)]
    attributes: BTreeMap<String, u64>,
}

impl From<Stored> for Membership {
    fn from(stored: Stored) -> Self {
        let starting_with = |prefix: &str| {
            let named = stored.attributes.iter().filter_map(|(name, value)| {
                Some((MappingKey(name.strip_prefix(prefix)?.to_owned()), *value))
            });
            named.collect()
        };
        let (grants, as_of) = (starting_with(GRANT), starting_with(AS_OF));
        Self { tenant: stored.tenant, user: stored.user, grants, as_of, expires_at: stored.expires_at }
    }
}

impl From<Membership> for Stored {
    fn from(membership: Membership) -> Self {
        let grants = membership.grants.iter().map(|(key, since)| (Membership::grant_attribute(key), *since));
        let as_of = membership.as_of.iter().map(|(key, at)| (Membership::as_of_attribute(key), *at));
        let attributes = grants.chain(as_of).collect();
        let Membership { tenant, user, expires_at, .. } = membership;
        Self { tenant, user, expires_at, attributes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_mapping_has_its_own_attributes() {
        let item = json!({
            "tenant": "T1", "user": "U1", "expires_at": 9,
            "grant:channel#C1": 1, "as_of:channel#C1": 1000, "as_of:usergroup#S1": 2000,
        });
        let membership: Membership = serde_json::from_value(item.clone()).unwrap();
        let key = |key: &str| MappingKey(key.into());
        assert_eq!(membership.grants, BTreeMap::from([(key("channel#C1"), 1)]));
        assert_eq!(
            membership.as_of,
            BTreeMap::from([(key("channel#C1"), 1000), (key("usergroup#S1"), 2000)])
        );
        assert_eq!(serde_json::to_value(membership).unwrap(), item);
    }
}
