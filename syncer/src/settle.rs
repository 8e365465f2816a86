//! The members of one mapping, completely read, against those that are stored: compare, apply, confirm. What changes beside
//! it is noticed when it is confirmed, and then everything is compared again.

use std::collections::{BTreeSet, HashMap};

use shared::ids::{JobId, TenantId, UserId};
use shared::mapping::{Mapping, MappingKey};

use crate::apply::{Applied, Change, MEMBERSHIP_LIFE};
use crate::diff::Diff;
use crate::tables::{TableError, Tables};

/// How often a mapping is compared again because something changed beside the sync.
const COMPARISONS: u32 = 3;

/// Who has which grant, as stored: read once for a sync.
#[derive(Debug, Default)]
pub struct Stored {
    members: HashMap<MappingKey, BTreeSet<UserId>>,
    /// Those whose items have less than half of their life left.
    ending: BTreeSet<UserId>,
}

/// What Slack says about a mapping.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    /// For which job it was read.
    pub job: &'a JobId,
    /// When it began to be read: Unix milliseconds.
    pub began: u64,
    /// Who may have the role.
    pub members: &'a BTreeSet<UserId>,
    /// As of when it is known that they may: Unix milliseconds.
    pub people_as_of: u64,
    /// The name of the channel or user group.
    pub name: &'a str,
}

/// What became of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The table says what the reading says, except for those about whom something newer is known.
    Confirmed(Diff),
    /// The mapping is gone, or a read that began later is confirmed.
    Superseded(Diff),
    /// Something changed beside it every time.
    Restless,
}

impl Tables {
    /// Who has which grant at `now` (Unix seconds). Read it after the mappings: their versions must not be newer than it.
    pub async fn stored(&self, tenant: &TenantId, now: u64) -> Result<Stored, TableError> {
        let mut stored = Stored::default();
        let half = now + MEMBERSHIP_LIFE / 2;
        for membership in self.memberships(tenant).await? {
            for item in membership.grants.into_keys() {
                stored.members.entry(item).or_default().insert(membership.user.clone());
            }
            if membership.expires_at < half {
                stored.ending.insert(membership.user);
            }
        }
        Ok(stored)
    }

    /// Brings a reading into the table at `now` (Unix seconds). `mapping` and `stored` are what the table said when the
    /// sync began.
    pub async fn settle(
        &self,
        mapping: &Mapping,
        stored: &Stored,
        reading: &Reading<'_>,
        now: u64,
    ) -> Result<Settled, TableError> {
        let nobody = BTreeSet::new();
        let mut holders = stored.members.get(&mapping.item).unwrap_or(&nobody).clone();
        let mut version = mapping.version;
        let mut first: Option<Diff> = None;
        for _ in 0..COMPARISONS {
            let mut diff = Diff::new(&holders, reading.members, &stored.ending);
            if !diff.is_empty() {
                tracing::info!(job.id = %reading.job, mapping = mapping.item.0, %diff, "differs");
            }
            let change = Change {
                tenant: &mapping.tenant,
                item: &mapping.item,
                as_of: reading.began,
                people_as_of: reading.people_as_of,
                joined: &diff.joined,
                left: &diff.left,
                now,
            };
            let written = match self.change_members(&change).await? {
                Applied::Written { transactions, outdated } => {
                    diff.forget(&outdated);
                    transactions
                }
                Applied::Superseded => return Ok(Settled::Superseded(first.unwrap_or_default())),
            };
            let first = first.get_or_insert(diff);
            if self.confirm(mapping, version + written, reading).await? {
                return Ok(Settled::Confirmed(std::mem::take(first)));
            }
            // Somebody changed a member beside us, or a newer read is confirmed. Look again at what is stored.
            match self.mapping(&mapping.tenant, &mapping.item).await? {
                Some(now) if now.read_as_of < reading.began => {
                    version = now.version;
                    holders = self.holders(&mapping.tenant, &mapping.item).await?;
                }
                _ => return Ok(Settled::Superseded(std::mem::take(first))),
            }
        }
        Ok(Settled::Restless)
    }

    async fn holders(&self, tenant: &TenantId, item: &MappingKey) -> Result<BTreeSet<UserId>, TableError> {
        let memberships = self.memberships(tenant).await?;
        let holders = memberships.into_iter().filter(|one| one.grants.contains_key(item));
        Ok(holders.map(|one| one.user).collect())
    }
}
