//! Changes of more members than one transaction takes.

use std::collections::BTreeSet;

use shared::ids::{JobId, TenantId, UserId};
use shared::mapping::{Mapping, MappingKey, MappingKind, MappingState};
use syncer::apply::{Applied, CHANGES_AT_ONCE, Change};
use syncer::settle::Reading;
use syncer::tables::Tables;

use crate::aws::Aws;

/// The time of these tests: Unix seconds.
const NOW: u64 = 1_700_000_000;

pub fn mapping(tenant: &TenantId) -> Mapping {
    Mapping {
        tenant: tenant.clone(),
        item: MappingKey::new(MappingKind::Channel, "C1"),
        kind: MappingKind::Channel,
        name: "ops".into(),
        role_arn: "arn:aws:iam::111111111111:role/alfredbot/ReadOnly".into(),
        alias: None,
        priority: 10,
        state: MappingState::Active,
        added_by: None,
        reason: None,
        confirmed_at: 0,
        people_known_at: None,
        read_as_of: 0,
        version: 1,
        members: 0,
        unread: None,
    }
}

fn users(count: usize) -> Vec<UserId> {
    (1000..1000 + count).map(|number| format!("U{number}").parse().unwrap()).collect()
}

async fn change(
    tables: &Tables,
    mapping: &Mapping,
    as_of: u64,
    joined: &[UserId],
    left: &[UserId],
) -> Applied {
    let (tenant, item) = (&mapping.tenant, &mapping.item);
    let change = Change { tenant, item, as_of, people_as_of: as_of, joined, left, now: NOW };
    tables.change_members(&change).await.unwrap()
}

fn written(transactions: u64, outdated: &[UserId]) -> Applied {
    Applied::Written { transactions, outdated: outdated.to_vec() }
}

async fn confirm(tables: &Tables, mapping: &Mapping, version: u64, began: u64) -> bool {
    let (job, members) = (JobId::from_cause(&mapping.tenant, "a sync"), BTreeSet::new());
    let reading = Reading { job: &job, began, members: &members, people_as_of: began, name: "ops" };
    tables.confirm(mapping, version, &reading).await.unwrap()
}

async fn holders(tables: &Tables, mapping: &Mapping) -> BTreeSet<UserId> {
    let memberships = tables.memberships(&mapping.tenant).await.unwrap();
    let holders = memberships.into_iter().filter(|one| one.grants.contains_key(&mapping.item));
    holders.map(|one| one.user).collect()
}

async fn version(tables: &Tables, mapping: &Mapping) -> u64 {
    tables.mapping(&mapping.tenant, &mapping.item).await.unwrap().unwrap().version
}

#[tokio::test]
async fn as_many_transactions_are_sent_as_the_members_need_and_the_version_counts_them() {
    assert_eq!(CHANGES_AT_ONCE, 99);
    let (aws, tables) = Aws::start().await;
    for (number, (members, expected)) in
        [(0, 0), (1, 1), (98, 1), (99, 1), (100, 2), (198, 2), (199, 3)].into_iter().enumerate()
    {
        let mapping = mapping(&format!("T{number}").parse().unwrap());
        tables.put_mapping(&mapping).await.unwrap();
        let everybody = users(members);
        let before = aws.written();
        let applied = change(&tables, &mapping, 5_000, &everybody, &[]).await;
        assert_eq!(applied, written(expected, &[]), "{members}");
        assert_eq!(
            aws.written() - before,
            members + expected as usize,
            "one item of the mapping each: {members}"
        );
        assert_eq!(version(&tables, &mapping).await, 1 + expected);
        assert_eq!(holders(&tables, &mapping).await, everybody.iter().cloned().collect());
        assert!(confirm(&tables, &mapping, 1 + expected, 5_000).await);

        let applied = change(&tables, &mapping, 6_000, &[], &everybody).await;
        assert_eq!(applied, written(expected, &[]));
        assert_eq!(holders(&tables, &mapping).await, BTreeSet::new(), "{members}");
    }
}

#[tokio::test]
async fn those_about_whom_something_newer_is_known_are_left_out_and_no_others() {
    let (_, tables) = Aws::start().await;
    let everybody = users(199);
    for (number, newer) in
        [&[0][..], &[98], &[99], &[98, 99], &[197, 198], &[0, 50, 98, 99, 150, 198]].into_iter().enumerate()
    {
        let mapping = mapping(&format!("T{number}").parse().unwrap());
        tables.put_mapping(&mapping).await.unwrap();
        let gone: Vec<UserId> = newer.iter().map(|place| everybody[*place].clone()).collect();
        change(&tables, &mapping, 6_000, &[], &gone).await;
        let applied = change(&tables, &mapping, 5_000, &everybody, &[]).await;
        // The last chunk is one member alone: without him there is nothing to send.
        let transactions = if newer.contains(&198) { 2 } else { 3 };
        assert_eq!(applied, written(transactions, &gone), "{newer:?}");
        let expected: BTreeSet<UserId> =
            everybody.iter().filter(|user| !gone.contains(user)).cloned().collect();
        assert_eq!(holders(&tables, &mapping).await, expected, "{newer:?}");
        assert_eq!(version(&tables, &mapping).await, 1 + 1 + transactions);
    }
}

#[tokio::test]
async fn a_chunk_of_which_all_is_outdated_is_no_transaction() {
    let (aws, tables) = Aws::start().await;
    let mapping = mapping(&"T1".parse().unwrap());
    tables.put_mapping(&mapping).await.unwrap();
    let everybody = users(100);
    change(&tables, &mapping, 6_000, &[], &everybody[..99]).await;
    let before = aws.written();
    let applied = change(&tables, &mapping, 6_000, &everybody, &[]).await;
    assert_eq!(applied, written(1, &everybody[..99]), "what is known as of the same time is not newer");
    assert_eq!(aws.written() - before, 2);
    assert_eq!(holders(&tables, &mapping).await, BTreeSet::from([everybody[99].clone()]));
}

#[tokio::test]
async fn nothing_is_written_for_a_mapping_that_is_gone_or_was_read_later() {
    let (aws, tables) = Aws::start().await;
    let mapping = mapping(&"T1".parse().unwrap());
    let everybody = users(199);
    assert_eq!(change(&tables, &mapping, 5_000, &everybody, &[]).await, Applied::Superseded);
    tables.put_mapping(&mapping).await.unwrap();
    assert!(confirm(&tables, &mapping, 1, 5_000).await);
    let before = aws.written();
    for as_of in [4_999, 5_000] {
        assert_eq!(change(&tables, &mapping, as_of, &everybody, &[]).await, Applied::Superseded);
    }
    assert_eq!(aws.written(), before);
    assert_eq!(change(&tables, &mapping, 5_001, &everybody, &[]).await, written(3, &[]));
}

#[tokio::test]
async fn who_was_asked_about_before_he_lost_his_standing_gets_nothing() {
    let (_, tables) = Aws::start().await;
    let mapping = mapping(&"T1".parse().unwrap());
    tables.put_mapping(&mapping).await.unwrap();
    let user = users(1);
    let (tenant, item) = (&mapping.tenant, &mapping.item);
    assert!(tables.unfit(tenant, &user[0], 5_000, NOW).await.unwrap());
    assert!(!tables.unfit(tenant, &user[0], 5_000, NOW).await.unwrap(), "that is known already");
    for (people_as_of, gets) in [(4_999, false), (5_000, false), (5_001, true)] {
        // Where he is was read later each time.
        let as_of = people_as_of + 10_000;
        let change = Change { tenant, item, as_of, people_as_of, joined: &user, left: &[], now: NOW };
        let applied = tables.change_members(&change).await.unwrap();
        assert_eq!(applied, if gets { written(1, &[]) } else { written(0, &user) }, "{people_as_of}");
        assert_eq!(holders(&tables, &mapping).await.len(), usize::from(gets), "{people_as_of}");
    }
}
