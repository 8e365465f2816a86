//! The one way in which a membership changes, whether a sync or an event says so. A write carries as of when it is known:
//! what is known as of an earlier time changes nothing.
//!
//! Each write goes together with one of the mapping's item, in a transaction: it counts the change, so that a read which
//! was under way beside it notices; and it fails if a read that began later was confirmed already.

use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use shared::ids::{TenantId, UserId};
use shared::mapping::{Mapping, MappingKey};
use shared::membership::Membership;

use crate::settle::Reading;
use crate::tables::{TOMBSTONE_LIFE, TableError, Tables, held, mapping_key, member_key, number, text};

/// How long a membership's item is kept without being written again, in seconds (7 days). What grants is the mapping's
/// confirmation; this only cleans up.
pub const MEMBERSHIP_LIFE: u64 = 7 * 24 * 3600;

/// How many memberships one transaction changes: DynamoDB takes 100 items, and one is the mapping's.
pub const CHANGES_AT_ONCE: usize = 99;

/// How often a transaction is sent that met another one.
const TRIES: u32 = 5;

/// A change of memberships of one mapping.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// Of what.
    pub item: &'a MappingKey,
    /// As of when it is known: Unix milliseconds.
    pub as_of: u64,
    /// As of when it is known that those who joined may have a role at all: Unix milliseconds.
    pub people_as_of: u64,
    /// Who is a member.
    pub joined: &'a [UserId],
    /// Who is none.
    pub left: &'a [UserId],
    /// The time now: Unix seconds.
    pub now: u64,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It was written, except for those about whom something newer is known.
    Written {
        /// How many transactions there were: by so much the mapping's version went up.
        transactions: u64,
        /// About whom something newer is known.
        outdated: Vec<UserId>,
    },
    /// The mapping is gone, or a read that began later is confirmed: nothing more is to be written.
    Superseded,
}

/// The end of one transaction.
enum Transacted {
    Written,
    Superseded,
    /// Newer things are known about those at these places.
    Outdated(Vec<usize>),
}

impl Tables {
    /// Writes a change, [`CHANGES_AT_ONCE`] members at a time.
    pub async fn change_members(&self, change: &Change<'_>) -> Result<Applied, TableError> {
        let everybody: Vec<(&UserId, bool)> = (change.left.iter().map(|user| (user, false)))
            .chain(change.joined.iter().map(|user| (user, true)))
            .collect();
        let mut transactions = 0;
        let mut outdated = Vec::new();
        for chunk in everybody.chunks(CHANGES_AT_ONCE) {
            let mut chunk = chunk.to_vec();
            while !chunk.is_empty() {
                match self.transact(change, &chunk).await? {
                    Transacted::Written => {
                        transactions += 1;
                        break;
                    }
                    Transacted::Superseded => return Ok(Applied::Superseded),
                    Transacted::Outdated(places) => {
                        outdated.extend(places.iter().map(|place| chunk[*place].0.clone()));
                        let mut place = 0;
                        chunk.retain(|_| {
                            place += 1;
                            !places.contains(&(place - 1))
                        });
                    }
                }
            }
        }
        Ok(Applied::Written { transactions, outdated })
    }

    async fn transact(
        &self,
        change: &Change<'_>,
        members: &[(&UserId, bool)],
    ) -> Result<Transacted, TableError> {
        let unwritable = |error: aws_sdk_dynamodb::error::BuildError| {
            TableError::Unreadable("memberships", error.to_string())
        };
        let count = Update::builder()
            .table_name(&self.mappings)
            .set_key(Some(mapping_key(change.tenant, change.item)))
            .update_expression("ADD version :one")
            .condition_expression("attribute_exists(tenant) AND read_as_of < :as_of")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":as_of", number(change.as_of))
            .build()
            .map_err(unwritable)?;
        let mut writes = vec![TransactWriteItem::builder().update(count).build()];
        for (user, is_member) in members {
            // Who joined is known no better than the older of the two: that he is there, and that he may have a role.
            let as_of = if *is_member { change.as_of.min(change.people_as_of) } else { change.as_of };
            let update = Update::builder()
                .table_name(&self.memberships)
                .set_key(Some(member_key(change.tenant, user)))
                .expression_attribute_names("#grant", Membership::grant_attribute(change.item))
                .expression_attribute_names("#as_of", Membership::as_of_attribute(change.item))
                .expression_attribute_values(":as_of", number(as_of));
            const NEWER: &str = "(attribute_not_exists(#as_of) OR #as_of < :as_of)";
            let update = if *is_member {
                update
                    .condition_expression(format!(
                        "{NEWER} AND (attribute_not_exists(unfit_as_of) OR unfit_as_of < :as_of)"
                    ))
                    .update_expression(
                        "SET #grant = if_not_exists(#grant, :since), #as_of = :as_of, expires_at = :expires",
                    )
                    .expression_attribute_values(":since", number(as_of / 1000))
                    .expression_attribute_values(":expires", number(change.now + MEMBERSHIP_LIFE))
            } else {
                update
                    .condition_expression(NEWER)
                    .update_expression(
                        "SET #as_of = :as_of, expires_at = if_not_exists(expires_at, :expires) REMOVE #grant",
                    )
                    .expression_attribute_values(":expires", number(change.now + TOMBSTONE_LIFE))
            };
            writes.push(TransactWriteItem::builder().update(update.build().map_err(unwritable)?).build());
        }
        let mut tries = 1;
        loop {
            let write = self.db.transact_write_items().set_transact_items(Some(writes.clone()));
            let error = match write.send().await {
                Ok(_) => return Ok(Transacted::Written),
                Err(error) => error,
            };
            if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            {
                let failed = |code: &str| code == "ConditionalCheckFailed";
                let codes: Vec<&str> = cancelled
                    .cancellation_reasons()
                    .iter()
                    .map(|reason| reason.code().unwrap_or_default())
                    .collect();
                if codes.first().is_some_and(|code| failed(code)) {
                    return Ok(Transacted::Superseded);
                }
                let outdated: Vec<usize> = codes
                    .iter()
                    .skip(1)
                    .enumerate()
                    .filter(|(_, code)| failed(code))
                    .map(|(place, _)| place)
                    .collect();
                if !outdated.is_empty() {
                    return Ok(Transacted::Outdated(outdated));
                }
            }
            if tries == TRIES {
                return Err(TableError::Unavailable("memberships", DisplayErrorContext(&error).to_string()));
            }
            tokio::time::sleep(std::time::Duration::from_millis(50 << tries)).await;
            tries += 1;
        }
    }

    /// Notes that somebody may have no role as of `as_of` (Unix milliseconds), whatever he is a member of. False if
    /// that is known as of later already.
    pub async fn unfit(
        &self,
        tenant: &TenantId,
        user: &UserId,
        as_of: u64,
        now: u64,
    ) -> Result<bool, TableError> {
        let update = self
            .db
            .update_item()
            .table_name(&self.memberships)
            .set_key(Some(member_key(tenant, user)))
            .update_expression("SET unfit_as_of = :as_of, expires_at = if_not_exists(expires_at, :expires)")
            .condition_expression("attribute_not_exists(unfit_as_of) OR unfit_as_of < :as_of")
            .expression_attribute_values(":as_of", number(as_of))
            .expression_attribute_values(":expires", number(now + TOMBSTONE_LIFE));
        held("memberships", update.send().await)
    }

    /// Marks a mapping as completely read: the one write that a read without a difference costs. `version` is what the
    /// mapping's was when its members were read from the table, and what was written since. If it is another by now,
    /// something changed beside us and nothing is marked.
    pub async fn confirm(
        &self,
        mapping: &Mapping,
        version: u64,
        reading: &Reading<'_>,
    ) -> Result<bool, TableError> {
        let update = self
            .db
            .update_item()
            .table_name(&self.mappings)
            .set_key(Some(mapping_key(&mapping.tenant, &mapping.item)))
            .update_expression("SET confirmed_at = :at, people_known_at = :people, read_as_of = :began, members = :members, #name = :name REMOVE unread")
            .condition_expression("version = :version AND read_as_of < :began")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":at", number(reading.began / 1000))
            .expression_attribute_values(":people", number(reading.people_as_of / 1000))
            .expression_attribute_values(":began", number(reading.began))
            .expression_attribute_values(":members", number(reading.members.len() as u64))
            .expression_attribute_values(":name", text(reading.name))
            .expression_attribute_values(":version", number(version));
        held("mappings", update.send().await)
    }

    /// Writes down why the members of a mapping could not be read.
    pub async fn leave_unread(&self, mapping: &Mapping, reason: &str) -> Result<bool, TableError> {
        let update = self
            .db
            .update_item()
            .table_name(&self.mappings)
            .set_key(Some(mapping_key(&mapping.tenant, &mapping.item)))
            .update_expression("SET unread = :reason")
            .condition_expression(
                "attribute_exists(tenant) AND (attribute_not_exists(unread) OR unread <> :reason)",
            )
            .expression_attribute_values(":reason", text(reason));
        held("mappings", update.send().await)
    }
}
