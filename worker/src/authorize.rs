//! Who may do it, and as which role. The tables are read first, the decision is a function of what was read and of the
//! time, and it is made anew for every job.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::arn::RoleArn;
use shared::ids::{TenantId, UserId};
use shared::installation::{Installation, InstallationState};
use shared::mapping::{MAX_CONFIRMATION_AGE, Mapping, MappingKind, MappingState, TargetAccount};
use shared::membership::Membership;
use shared::secret::Secret;

use shared::clock::Clock;

/// How long a tenant's installation and mappings are kept between reads. It is also how long a stopped mapping goes on
/// granting, so it stays far below anything that a person would notice.
pub const TENANCY_AGE: Duration = Duration::from_secs(5);

/// How many tenants are kept at a time.
const MAX_TENANCIES: usize = 1_000;

/// What the tables say about a tenant.
#[derive(Debug, Clone, Default)]
pub struct Tenancy {
    /// The workspace's installation, if there is one.
    pub installation: Option<Installation>,
    /// All its mappings.
    pub mappings: Vec<Mapping>,
    /// The ExternalId of each target account, by the account's 12 digits.
    pub accounts: BTreeMap<String, Secret<String>>,
}

/// A role that the caller may use now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: RoleArn,
    /// Sent with AssumeRole.
    pub external_id: Secret<String>,
    /// What grants it.
    pub mapping: Mapping,
    /// As of when the caller is known to be a member: Unix seconds.
    pub known_at: u64,
}

/// Why a mapping that names the caller grants him nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// The mapping, as people know it.
    pub mapping: String,
    /// The reason.
    pub because: Flaw,
}

/// What is wrong with a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is explained by its Display")]
pub enum Flaw {
    Removed,
    Pending,
    Suspended,
    Unconfirmed,
    BadArn,
    NoExternalId,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flaw::Removed => "the mapping was removed",
            Flaw::Pending => "the role has not been checked yet",
            Flaw::Suspended => "it is suspended; an admin can look at it with `/alfred-admin list`",
            Flaw::Unconfirmed => {
                "its members were not read completely in the last 15 minutes; try again after `/alfred-sync start`"
            }
            Flaw::BadArn => "its role is not a valid role ARN; an admin has to add it again",
            Flaw::NoExternalId => "its account has no ExternalId; an admin has to add it again",
        })
    }
}

/// Why no role is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The workspace has no installation, or it has ended.
    NotInstalled,
    /// No mapping names the caller.
    NoMembership,
    /// What is known about the caller is too old.
    MembershipExpired,
    /// Mappings name the caller, and none of them grants.
    NothingUsable(Vec<Unusable>),
    /// `--as` names no role that the caller has.
    NoSuchRole {
        /// What was asked for.
        wanted: String,
        /// What could be asked for.
        available: Vec<String>,
        /// Mappings that name the caller and grant nothing: one of them may be of that role.
        unusable: Vec<Unusable>,
    },
    /// `--as` names roles in several accounts.
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// What would be clear.
        available: Vec<String>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let reasons = |f: &mut fmt::Formatter<'_>, mappings: &[Unusable]| {
            mappings.iter().try_for_each(|one| write!(f, "\n• {}: {}", one.mapping, one.because))
        };
        match self {
            Refusal::NotInstalled => f.write_str(
                "Alfred is not installed in this workspace any more. A workspace admin can install it again.",
            ),
            Refusal::NoMembership => f.write_str(
                "You have no AWS role here: none of the channels and user groups that are mapped to a role has you as a \
                 member. Join one, or ask a Slack admin for a mapping (`/alfred-admin add`); then `/alfred-sync start`. \
                 Guests and people of other workspaces get none.",
            ),
            Refusal::MembershipExpired => f.write_str(
                "What is known about your channels and user groups is too old to act on. `/alfred-sync start` reads it again.",
            ),
            Refusal::NothingUsable(mappings) => {
                f.write_str("You have no AWS role at the moment:")?;
                reasons(f, mappings)
            }
            Refusal::NoSuchRole { wanted, available, unusable } => {
                write!(f, "You have no role `{wanted}`. Yours are: {}.", list(available))?;
                if !unusable.is_empty() {
                    f.write_str(" These grant nothing at the moment:")?;
                }
                reasons(f, unusable)
            }
            Refusal::Ambiguous { wanted, available } => {
                write!(f, "`{wanted}` is the name of several of your roles. Say which: {}.", list(available))
            }
        }
    }
}

/// Decides at `now` (Unix seconds) which role the caller gets: the one with the lowest priority number, or the one that
/// `--as` wants. Of equal numbers the mapping with the lower key wins, so that the answer never changes by itself.
pub fn authorize(
    now: u64,
    tenancy: &Tenancy,
    membership: Option<&Membership>,
    wanted: Option<&str>,
) -> Result<Grant, Refusal> {
    let (grants, unusable) = grants(now, tenancy, membership)?;
    if grants.is_empty() {
        return Err(Refusal::NothingUsable(unusable));
    }
    let Some(wanted) = wanted else {
        return grants.into_iter().next().ok_or(Refusal::NoMembership);
    };
    let named: Vec<_> = grants
        .iter()
        .filter(|grant| {
            let role = &grant.role;
            let in_account = wanted.split_once('/').is_some_and(|(account, name)| {
                account == role.account() && role.name().eq_ignore_ascii_case(name)
            });
            let is_alias =
                grant.mapping.alias.as_deref().is_some_and(|alias| alias.eq_ignore_ascii_case(wanted));
            is_alias || in_account || role.name().eq_ignore_ascii_case(wanted) || role.as_str() == wanted
        })
        .collect();
    match named.first() {
        None => Err(Refusal::NoSuchRole { wanted: wanted.to_owned(), available: choices(&grants), unusable }),
        Some(first) if named.iter().all(|grant| grant.role == first.role) => Ok((*first).clone()),
        Some(_) => {
            let mut available = Vec::new();
            for name in named.iter().map(|grant| as_name(grant, &grants)) {
                if !available.contains(&name) {
                    available.push(name);
                }
            }
            Err(Refusal::Ambiguous { wanted: wanted.to_owned(), available })
        }
    }
}

/// The roles that the caller may use at `now`, best first, and the mappings that name him and grant nothing.
pub fn grants(
    now: u64,
    tenancy: &Tenancy,
    membership: Option<&Membership>,
) -> Result<(Vec<Grant>, Vec<Unusable>), Refusal> {
    let active = tenancy.installation.as_ref().is_some_and(|one| one.state == InstallationState::Active);
    if !active {
        return Err(Refusal::NotInstalled);
    }
    let membership =
        membership.filter(|membership| !membership.grants.is_empty()).ok_or(Refusal::NoMembership)?;
    if now >= membership.expires_at {
        return Err(Refusal::MembershipExpired);
    }
    let mut grants = Vec::new();
    let mut unusable = Vec::new();
    for (key, since) in &membership.grants {
        let Some(mapping) = tenancy.mappings.iter().find(|mapping| mapping.item == *key) else {
            unusable.push(Unusable { mapping: key.0.clone(), because: Flaw::Removed });
            continue;
        };
        match grant(now, tenancy, mapping, *since) {
            Ok(grant) => grants.push(grant),
            Err(because) => unusable.push(Unusable { mapping: mapping_name(mapping), because }),
        }
    }
    grants.sort_by(|a, b| (a.mapping.priority, &a.mapping.item).cmp(&(b.mapping.priority, &b.mapping.item)));
    Ok((grants, unusable))
}

fn grant(now: u64, tenancy: &Tenancy, mapping: &Mapping, since: u64) -> Result<Grant, Flaw> {
    match mapping.state {
        MappingState::Pending => return Err(Flaw::Pending),
        MappingState::Suspended => return Err(Flaw::Suspended),
        MappingState::Active => {}
    }
    if now.saturating_sub(mapping.confirmed_at) > MAX_CONFIRMATION_AGE {
        return Err(Flaw::Unconfirmed);
    }
    let role: RoleArn = mapping.role_arn.parse().map_err(|_| Flaw::BadArn)?;
    let external_id = tenancy.accounts.get(role.account()).ok_or(Flaw::NoExternalId)?.clone();
    let confirmed_at =
        mapping.people_known_at.map_or(mapping.confirmed_at, |at| at.min(mapping.confirmed_at));
    let known_at = since.max(confirmed_at);
    Ok(Grant { role, external_id, mapping: mapping.clone(), known_at })
}

/// A mapping as people know it: `#ops` or `@sre`.
pub fn mapping_name(mapping: &Mapping) -> String {
    let name = mapping.name.trim_start_matches(['#', '@']);
    match mapping.kind {
        MappingKind::Channel | MappingKind::Group => format!("#{name}"),
        MappingKind::Usergroup => format!("@{name}"),
    }
}

/// What `--as` may say for each role, without repetition.
fn choices(grants: &[Grant]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for grant in grants {
        let name = as_name(grant, grants);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The shortest that `--as` may say for one of these roles.
pub fn as_name(grant: &Grant, grants: &[Grant]) -> String {
    let name = grant.mapping.alias.as_deref().unwrap_or(grant.role.name());
    let means = |other: &Grant| {
        let its = [Some(other.role.name()), other.mapping.alias.as_deref()];
        other.role != grant.role && its.into_iter().flatten().any(|its| its.eq_ignore_ascii_case(name))
    };
    if grants.iter().any(means) { clear_name(grant) } else { name.to_owned() }
}

/// What `--as` may say for a role whose name alone is not enough.
fn clear_name(grant: &Grant) -> String {
    format!("{}/{}", grant.role.account(), grant.role.name())
}

/// Names of the three tables that a decision is read from.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is the table of its name")]
pub struct Tables {
    pub installations: String,
    pub mappings: String,
    pub memberships: String,
}

/// Reads what a decision needs.
pub struct Directory {
    db: aws_sdk_dynamodb::Client,
    tables: Tables,
    clock: Clock,
    kept: Mutex<HashMap<TenantId, (Duration, Arc<Tenancy>)>>,
}

/// A table could not be read, so nothing may be decided.
#[derive(Debug, thiserror::Error)]
#[error("the {table} table cannot be read: {reason}")]
pub struct Unreadable {
    table: &'static str,
    reason: String,
}

impl Directory {
    /// Reads from `tables`.
    pub fn new(db: aws_sdk_dynamodb::Client, tables: Tables, clock: Clock) -> Self {
        Self { db, tables, clock, kept: Mutex::default() }
    }

    /// The tenant's installation and mappings, at most [`TENANCY_AGE`] old.
    pub async fn tenancy(&self, tenant: &TenantId) -> Result<Arc<Tenancy>, Unreadable> {
        let now = self.clock.since_epoch();
        let is_fresh = |since: Duration| now.checked_sub(since).is_some_and(|age| age < TENANCY_AGE);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned();
        if let Some((_, tenancy)) = kept.filter(|(since, _)| is_fresh(*since)) {
            return Ok(tenancy);
        }
        self.tenancy_now(tenant).await
    }

    /// The same as it is now.
    pub async fn tenancy_now(&self, tenant: &TenantId) -> Result<Arc<Tenancy>, Unreadable> {
        let now = self.clock.since_epoch();
        let is_fresh = |since: Duration| now.checked_sub(since).is_some_and(|age| age < TENANCY_AGE);
        let (installation, (mappings, accounts)) =
            tokio::try_join!(self.installation(tenant), self.mappings(tenant))?;
        let tenancy = Arc::new(Tenancy { installation, mappings, accounts });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_TENANCIES {
            kept.retain(|_, (since, _)| is_fresh(*since));
        }
        if kept.len() < MAX_TENANCIES {
            kept.insert(tenant.clone(), (now, tenancy.clone()));
        }
        Ok(tenancy)
    }

    /// Forgets what is kept of a tenant, for what is about to change by our own doing.
    pub fn forget(&self, tenant: &TenantId) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    /// The user's membership as it is now: never from a cache.
    pub async fn membership(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Option<Membership>, Unreadable> {
        let unreadable = |reason| Unreadable { table: "memberships", reason };
        let answer = self
            .db
            .get_item()
            .table_name(&self.tables.memberships)
            .key("tenant", AttributeValue::S(tenant.to_string()))
            .key("user", AttributeValue::S(user.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unreadable(DisplayErrorContext(&error).to_string()))?;
        answer.item.map(serde_dynamo::from_item).transpose().map_err(|error| unreadable(error.to_string()))
    }

    /// The workspace's installation as it is now.
    pub async fn installation(&self, tenant: &TenantId) -> Result<Option<Installation>, Unreadable> {
        let unreadable = |reason| Unreadable { table: "installations", reason };
        let answer = self
            .db
            .get_item()
            .table_name(&self.tables.installations)
            .key("tenant", AttributeValue::S(tenant.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unreadable(DisplayErrorContext(&error).to_string()))?;
        answer.item.map(serde_dynamo::from_item).transpose().map_err(|error| unreadable(error.to_string()))
    }

    async fn mappings(
        &self,
        tenant: &TenantId,
    ) -> Result<(Vec<Mapping>, BTreeMap<String, Secret<String>>), Unreadable> {
        let unreadable = |reason| Unreadable { table: "mappings", reason };
        let mut mappings = Vec::new();
        let mut accounts = BTreeMap::new();
        let mut start = None;
        loop {
            let page = self
                .db
                .query()
                .table_name(&self.tables.mappings)
                .key_condition_expression("tenant = :tenant")
                .expression_attribute_values(":tenant", AttributeValue::S(tenant.to_string()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unreadable(DisplayErrorContext(&error).to_string()))?;
            for item in page.items.unwrap_or_default() {
                let sort_key = item.get("item").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
                // One item that cannot be read grants nothing, and takes nothing from the others.
                if let Some(account) = sort_key.strip_prefix("account#") {
                    match serde_dynamo::from_item::<_, TargetAccount>(item) {
                        Ok(target) => drop(accounts.insert(account.to_owned(), target.external_id)),
                        Err(_) => {
                            tracing::error!(tenant = %tenant, item = sort_key, "a target account cannot be read")
                        }
                    }
                } else {
                    match serde_dynamo::from_item::<_, Mapping>(item) {
                        Ok(mapping) => mappings.push(mapping),
                        Err(_) => {
                            tracing::error!(tenant = %tenant, item = sort_key, "a mapping cannot be read")
                        }
                    }
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok((mappings, accounts));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::mapping::MappingKey;

    const NOW: u64 = 1_760_000_000;

    fn mapping(item: &str, role: &str, priority: u32) -> Mapping {
        Mapping {
            tenant: "T1".parse().unwrap(),
            item: MappingKey(item.into()),
            kind: if item.starts_with("usergroup") { MappingKind::Usergroup } else { MappingKind::Channel },
            name: item.split('#').next_back().unwrap().to_lowercase(),
            role_arn: role.into(),
            alias: None,
            priority,
            state: MappingState::Active,
            added_by: None,
            reason: None,
            confirmed_at: NOW - 60,
            people_known_at: None,
            read_as_of: 0,
            version: 0,
            members: 0,
            unread: None,
        }
    }

    const READ: &str = "arn:aws:iam::111111111111:role/alfredbot/ReadOnly";
    const POWER: &str = "arn:aws:iam::111111111111:role/alfredbot/PowerUser";
    const PROD_READ: &str = "arn:aws:iam::222222222222:role/alfredbot/ReadOnly";

    fn tenancy(mappings: Vec<Mapping>) -> Tenancy {
        Tenancy {
            installation: Some(Installation {
                tenant: "T1".parse().unwrap(),
                app_id: "A1".into(),
                bot_user_id: "UBOT".into(),
                bot_token: String::new(),
                refresh_token: None,
                token_expires_at: None,
                scopes: Vec::new(),
                installed_by: None,
                installed_at: 0,
                state: InstallationState::Active,
            }),
            mappings,
            accounts: ["111111111111", "222222222222"]
                .map(|id| (id.into(), Secret::new(format!("external-{id}"))))
                .into(),
        }
    }

    fn member(items: &[&str]) -> Membership {
        Membership {
            tenant: "T1".parse().unwrap(),
            user: "U1".parse().unwrap(),
            grants: items.iter().map(|item| (MappingKey((*item).into()), NOW - 100)).collect(),
            as_of: BTreeMap::new(),
            expires_at: NOW + 60,
        }
    }

    fn role(result: &Result<Grant, Refusal>) -> String {
        match result {
            Ok(grant) => format!("{} via {}", grant.role, grant.mapping.item.0),
            Err(refusal) => format!("refused: {refusal}"),
        }
    }

    #[test]
    fn the_lowest_priority_number_wins_and_ties_go_to_the_lower_key() {
        let tenancy = tenancy(vec![
            mapping("channel#C2", READ, 20),
            mapping("usergroup#S1", POWER, 10),
            mapping("channel#C1", PROD_READ, 10),
        ]);
        for (items, expected) in [
            (&["channel#C2"][..], READ),
            (&["channel#C2", "usergroup#S1"], POWER),
            (&["channel#C2", "usergroup#S1", "channel#C1"], PROD_READ),
        ] {
            let granted = authorize(NOW, &tenancy, Some(&member(items)), None).unwrap();
            assert_eq!(granted.role.as_str(), expected);
            assert_eq!(granted.external_id.expose(), &format!("external-{}", granted.role.account()));
        }
    }

    #[test]
    fn as_picks_another_role_that_the_user_has() {
        let mut aliased = mapping("channel#C9", PROD_READ, 30);
        aliased.alias = Some("prod".into());
        let tenancy = tenancy(vec![
            mapping("channel#C1", READ, 10),
            mapping("channel#C2", READ, 15),
            mapping("usergroup#S1", POWER, 20),
            aliased,
            mapping("channel#C8", "arn:aws:iam::222222222222:role/alfredbot/FullAdmin", 1),
        ]);
        let anna = member(&["channel#C1", "channel#C2", "usergroup#S1", "channel#C9"]);
        for (wanted, expected) in [
            ("PowerUser", format!("{POWER} via usergroup#S1")),
            (POWER, format!("{POWER} via usergroup#S1")),
            ("111111111111/ReadOnly", format!("{READ} via channel#C1")),
            ("222222222222/ReadOnly", format!("{PROD_READ} via channel#C9")),
            ("prod", format!("{PROD_READ} via channel#C9")),
            (
                "ReadOnly",
                "refused: `ReadOnly` is the name of several of your roles. Say which: `111111111111/ReadOnly`, `prod`."
                    .into(),
            ),
            (
                "FullAdmin",
                "refused: You have no role `FullAdmin`. Yours are: `111111111111/ReadOnly`, `PowerUser`, `prod`.".into(),
            ),
            ("", "refused: You have no role ``. Yours are: `111111111111/ReadOnly`, `PowerUser`, `prod`.".into()),
        ] {
            assert_eq!(role(&authorize(NOW, &tenancy, Some(&anna), Some(wanted))), expected);
        }
    }

    #[test]
    fn who_asks_for_a_role_whose_mapping_grants_nothing_now_reads_why() {
        let mut power = mapping("usergroup#S1", POWER, 20);
        power.confirmed_at = NOW - MAX_CONFIRMATION_AGE - 1;
        let tenancy = tenancy(vec![mapping("channel#C1", READ, 10), power]);
        let anna = member(&["channel#C1", "usergroup#S1"]);
        let refused = authorize(NOW, &tenancy, Some(&anna), Some("PowerUser")).unwrap_err().to_string();
        let (no_role, why) = refused.split_once('\n').unwrap();
        assert_eq!(
            no_role,
            "You have no role `PowerUser`. Yours are: `ReadOnly`. These grant nothing at the moment:"
        );
        assert!(why.starts_with("• ") && why.ends_with(&Flaw::Unconfirmed.to_string()), "{why}");
    }

    #[test]
    fn what_does_not_hold_now_grants_nothing() {
        let base = || mapping("channel#C1", READ, 10);
        let ben = member(&["channel#C1"]);
        let flaw = |mapping: Mapping| match authorize(NOW, &tenancy(vec![mapping]), Some(&ben), None) {
            Err(Refusal::NothingUsable(flaws)) => Some(flaws[0].because),
            Ok(_) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(flaw(base()), None);
        assert_eq!(flaw(Mapping { state: MappingState::Suspended, ..base() }), Some(Flaw::Suspended));
        assert_eq!(flaw(Mapping { state: MappingState::Pending, ..base() }), Some(Flaw::Pending));
        assert_eq!(flaw(Mapping { role_arn: "arn:aws:iam::1:role/a".into(), ..base() }), Some(Flaw::BadArn));
        assert_eq!(
            flaw(mapping("channel#C1", "arn:aws:iam::333333333333:role/x", 1)),
            Some(Flaw::NoExternalId)
        );
        assert_eq!(flaw(mapping("channel#C7", READ, 10)), Some(Flaw::Removed));
        for (age, expected) in [
            (MAX_CONFIRMATION_AGE - 1, None),
            (MAX_CONFIRMATION_AGE, None),
            (MAX_CONFIRMATION_AGE + 1, Some(Flaw::Unconfirmed)),
            (NOW, Some(Flaw::Unconfirmed)),
        ] {
            assert_eq!(flaw(Mapping { confirmed_at: NOW - age, ..base() }), expected, "{age}");
        }
    }

    #[test]
    fn an_expired_or_missing_membership_is_refused_though_it_can_be_read() {
        let tenancy = tenancy(vec![mapping("channel#C1", READ, 10)]);
        for (expires_at, expected) in [
            (NOW - 1, Some(Refusal::MembershipExpired)),
            (NOW, Some(Refusal::MembershipExpired)),
            (NOW + 1, None),
        ] {
            let ben = Membership { expires_at, ..member(&["channel#C1"]) };
            assert_eq!(authorize(NOW, &tenancy, Some(&ben), None).err(), expected);
        }
        assert_eq!(authorize(NOW, &tenancy, None, None).unwrap_err(), Refusal::NoMembership);
        assert_eq!(authorize(NOW, &tenancy, Some(&member(&[])), None).unwrap_err(), Refusal::NoMembership);
    }

    #[test]
    fn a_workspace_without_the_app_runs_nothing() {
        let mut ended = tenancy(vec![mapping("channel#C1", READ, 10)]);
        ended.installation.as_mut().unwrap().state = InstallationState::Ended;
        let ben = member(&["channel#C1"]);
        assert_eq!(authorize(NOW, &ended, Some(&ben), None).unwrap_err(), Refusal::NotInstalled);
        ended.installation = None;
        assert_eq!(authorize(NOW, &ended, Some(&ben), None).unwrap_err(), Refusal::NotInstalled);
    }

    const ITEMS: [&str; 6] =
        ["channel#C1", "channel#C2", "group#G1", "group#G2", "usergroup#S1", "usergroup#S2"];

    /// What makes it harder to have a role. Where it says a place, it is that of a mapping in [`ITEMS`].
    #[derive(Debug, Clone)]
    enum Restriction {
        RemoveGrant(usize),
        RemoveMapping(usize),
        Suspend(usize),
        BackToPending(usize),
        /// Its members were read so much earlier.
        Age(usize, u64),
        ForgetAccount(usize),
        EndInstallation,
        RemoveInstallation,
        ForgetMember,
        /// The membership ends so much earlier.
        ShortenMembership(u64),
        LetTimePass(u64),
    }

    use Restriction::*;

    /// All that a decision is made from.
    #[derive(Debug, Clone)]
    struct Scene {
        now: u64,
        tenancy: Tenancy,
        membership: Option<Membership>,
    }

    impl Scene {
        fn restrict(&mut self, restriction: &Restriction) {
            let tenancy = &mut self.tenancy;
            let mut with = |place: usize, change: &dyn Fn(&mut Mapping)| {
                tenancy.mappings.iter_mut().filter(|one| one.item.0 == ITEMS[place]).for_each(change);
            };
            match *restriction {
                Suspend(place) => with(place, &|one| one.state = MappingState::Suspended),
                BackToPending(place) => with(place, &|one| one.state = MappingState::Pending),
                Age(place, by) => with(place, &|one| one.confirmed_at -= by),
                RemoveMapping(place) => tenancy.mappings.retain(|one| one.item.0 != ITEMS[place]),
                RemoveGrant(place) => {
                    if let Some(membership) = &mut self.membership {
                        membership.grants.remove(&MappingKey(ITEMS[place].into()));
                    }
                }
                ForgetAccount(place) => {
                    tenancy.accounts.remove(["111111111111", "222222222222"][place % 2]);
                }
                EndInstallation => {
                    if let Some(installation) = &mut tenancy.installation {
                        installation.state = InstallationState::Ended;
                    }
                }
                RemoveInstallation => tenancy.installation = None,
                ForgetMember => self.membership = None,
                ShortenMembership(by) => {
                    if let Some(membership) = &mut self.membership {
                        membership.expires_at -= by;
                    }
                }
                LetTimePass(by) => self.now += by,
            }
        }

        /// What could be had, best first.
        fn available(&self) -> Vec<Grant> {
            grants(self.now, &self.tenancy, self.membership.as_ref()).map_or(Vec::new(), |(grants, _)| grants)
        }

        fn authorize(&self, wanted: Option<&str>) -> Option<Grant> {
            authorize(self.now, &self.tenancy, self.membership.as_ref(), wanted).ok()
        }
    }

    impl Restriction {
        /// Whether nothing may be granted through this mapping afterwards.
        fn forbids(&self, item: &MappingKey) -> bool {
            match self {
                RemoveGrant(place) | RemoveMapping(place) | Suspend(place) | BackToPending(place) => {
                    item.0 == ITEMS[*place]
                }
                EndInstallation | RemoveInstallation | ForgetMember => true,
                Age(place, by) => item.0 == ITEMS[*place] && *by > MAX_CONFIRMATION_AGE,
                LetTimePass(by) => *by > MAX_CONFIRMATION_AGE,
                ForgetAccount(_) | ShortenMembership(_) => false,
            }
        }
    }

    /// Spans around the age that decides.
    fn spans() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            Just(1),
            Just(MAX_CONFIRMATION_AGE),
            Just(MAX_CONFIRMATION_AGE + 1),
            0..100_000_u64
        ]
    }

    fn restrictions() -> impl Strategy<Value = Restriction> {
        let place = 0..ITEMS.len();
        prop_oneof![
            place.clone().prop_map(RemoveGrant),
            place.clone().prop_map(RemoveMapping),
            place.clone().prop_map(Suspend),
            place.clone().prop_map(BackToPending),
            (place.clone(), spans()).prop_map(|(place, by)| Age(place, by)),
            place.prop_map(ForgetAccount),
            Just(EndInstallation),
            Just(RemoveInstallation),
            Just(ForgetMember),
            spans().prop_map(ShortenMembership),
            spans().prop_map(LetTimePass),
        ]
    }

    fn mappings() -> impl Strategy<Value = Vec<Mapping>> {
        let roles = [READ, POWER, PROD_READ, "arn:aws:iam::222222222222:role/prod", "not an ARN"];
        let aliases = [None, None, Some("prod"), Some("ReadOnly"), Some("dev")];
        let states =
            [MappingState::Active, MappingState::Active, MappingState::Pending, MappingState::Suspended];
        let (roles, aliases, states) = (
            proptest::sample::select(roles.to_vec()),
            proptest::sample::select(aliases.to_vec()),
            proptest::sample::select(states.to_vec()),
        );
        let one = (roles, aliases, states, 0..3_u32, spans(), any::<bool>());
        proptest::collection::vec(one, ITEMS.len()).prop_map(|all| {
            let all = ITEMS.into_iter().zip(all);
            let there = all.filter(|(_, (.., there))| *there).map(
                |(item, (role, alias, state, priority, age, _))| Mapping {
                    alias: alias.map(str::to_owned),
                    state,
                    confirmed_at: NOW - age,
                    ..mapping(item, role, priority)
                },
            );
            there.collect()
        })
    }

    fn scenes() -> impl Strategy<Value = Scene> {
        let granted = proptest::sample::subsequence(ITEMS.to_vec(), 0..=ITEMS.len());
        (mappings(), granted, 0..2_000_u64).prop_map(|(mappings, granted, left)| Scene {
            now: NOW,
            tenancy: tenancy(mappings),
            membership: Some(Membership { expires_at: NOW + left, ..member(&granted) }),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_taken_away_never_gives_a_role(
            before in scenes(),
            restrictions in proptest::collection::vec(restrictions(), 1..4),
            wanted in proptest::sample::select(
                vec![None, Some("prod"), Some("ReadOnly"), Some("dev"), Some("111111111111/ReadOnly"), Some(PROD_READ)],
            ),
        ) {
            let mut after = before.clone();
            for restriction in &restrictions {
                after.restrict(restriction);
            }
            // Which role it is, through what and with which ExternalId: not since when it is known.
            let known = |grant: &Grant| (grant.role.clone(), grant.external_id.clone(), grant.mapping.item.clone());
            let (could, can) = (before.available(), after.available());
            let could: Vec<_> = could.iter().map(known).collect();
            for grant in &can {
                prop_assert!(could.contains(&known(grant)), "{grant:?} was not there before");
                let forbidding = restrictions.iter().find(|restriction| restriction.forbids(&grant.mapping.item));
                prop_assert!(forbidding.is_none(), "{grant:?} in spite of {forbidding:?}");
            }
            if let Some(grant) = after.authorize(wanted) {
                prop_assert!(could.contains(&known(&grant)), "{grant:?} was not there before");
            }
            if let Some(now) = after.authorize(None) {
                let best = before.authorize(None);
                let rank = |grant: &Grant| (grant.mapping.priority, grant.mapping.item.clone());
                prop_assert!(best.is_some_and(|best| rank(&best) <= rank(&now)), "{now:?} is better than before");
            }
        }
    }
}
