//! Two workspaces whose users and channels have equal ids, and one id of which begins with the other: what one does, the
//! other does not notice.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::admin::WorkspaceEvent;
use shared::ids::{JobId, TenantId, UserId};
use shared::mapping::{Mapping, MappingKey, MappingKind, MappingState, Partition, partition};
use shared::secret::Secret;
use syncer::apply::Change;
use syncer::settle::{Reading, Stored};
use syncer::tables::Tables;

use crate::aws::Aws;
use crate::chunks;
use crate::random::Random;
use crate::syncer::{Running, event};

/// How many steps both take together.
const STEPS: usize = 100_000;

const TENANTS: [&str; 2] = ["T1", "T11"];

const CHANNELS: [&str; 3] = ["C1", "C2", "C3"];

const USERS: [&str; 4] = ["U1", "U2", "U3", "U4"];

const START: u64 = 1_700_000_000_000;

#[derive(Debug, Clone)]
enum Step {
    Change {
        channel: &'static str,
        joined: Vec<UserId>,
        left: Vec<UserId>,
        before: u64,
    },
    /// A sync begins: it reads what is stored.
    BeginSync {
        channel: &'static str,
    },
    /// The sync that was begun last has read its page.
    EndSync {
        members: BTreeSet<UserId>,
    },
    Put {
        channel: &'static str,
        role: &'static str,
    },
    Remove {
        channel: &'static str,
    },
    ExternalId {
        fresh: String,
    },
    State {
        channel: &'static str,
        to: MappingState,
    },
    Rename {
        channel: &'static str,
    },
    Unread {
        channel: &'static str,
    },
    /// An event comes by the queue, perhaps for the second time.
    Event {
        number: usize,
        event: WorkspaceEvent,
    },
}

/// A step, who takes it, and when: Unix milliseconds.
type Taken = (usize, Step, u64);

fn steps() -> Vec<Taken> {
    let mut random = Random::new(1);
    let mut now = START;
    (0..STEPS)
        .map(|_| {
            now += random.below(2_000) as u64;
            (random.below(2), step(&mut random), now)
        })
        .collect()
}

fn some_users(random: &mut Random) -> Vec<UserId> {
    let users: Vec<UserId> = USERS.iter().map(|user| user.parse().unwrap()).collect();
    users.into_iter().filter(|_| random.chance(40)).collect()
}

fn step(random: &mut Random) -> Step {
    let channel = *random.pick(&CHANNELS);
    match random.below(100) {
        0..30 => {
            let joined = some_users(random);
            let mut left = some_users(random);
            left.retain(|user| !joined.contains(user));
            Step::Change { channel, joined, left, before: random.below(10_000) as u64 }
        }
        30..45 => Step::BeginSync { channel },
        45..65 => Step::EndSync { members: some_users(random).into_iter().collect() },
        65..75 => {
            let roles = ["arn:aws:iam::111111111111:role/a", "arn:aws:iam::222222222222:role/b"];
            let &role = random.pick(&roles);
            Step::Put { channel, role }
        }
        75..79 => Step::Remove { channel },
        79..83 => Step::ExternalId { fresh: random.below(1_000_000).to_string() },
        83..87 => {
            let to = *random.pick(&[MappingState::Active, MappingState::Pending, MappingState::Suspended]);
            Step::State { channel, to }
        }
        87..90 => Step::Rename { channel },
        90..93 => Step::Unread { channel },
        _ => {
            let (channel, user) = (channel.parse().unwrap(), random.pick(&USERS).parse().unwrap());
            let event = match random.below(3) {
                0 => WorkspaceEvent::Left { user, channel },
                1 => WorkspaceEvent::ChannelClosed { channel },
                _ => WorkspaceEvent::UserUnfit { user },
            };
            Step::Event { number: random.below(STEPS / 20), event }
        }
    }
}

/// One workspace while it takes its steps.
struct Workspace<'a> {
    tables: &'a Tables,
    running: &'a Running,
    tenant: TenantId,
    begun: Option<(Mapping, Stored, u64)>,
}

impl Workspace<'_> {
    fn key(&self, channel: &str) -> MappingKey {
        MappingKey::new(MappingKind::Channel, channel)
    }

    /// Takes a step. Gives all that can be told of it.
    async fn take(&mut self, number: usize, step: &Step, at: u64) -> String {
        let (tables, now) = (self.tables, at / 1000);
        self.running.set_time(now);
        match step {
            Step::Change { channel, joined, left, before } => {
                let item = self.key(channel);
                let change = Change {
                    tenant: &self.tenant,
                    item: &item,
                    as_of: at - before,
                    people_as_of: at - before,
                    joined,
                    left,
                    now,
                };
                format!("{:?}", tables.change_members(&change).await.unwrap())
            }
            Step::BeginSync { channel } => {
                let (mappings, accounts) = tables.mapped(&self.tenant).await.unwrap();
                let stored = tables.stored(&self.tenant, now).await.unwrap();
                let accounts: Vec<_> =
                    accounts.iter().map(|(id, external)| (id, external.expose())).collect();
                let said = format!("{mappings:?} {accounts:?}");
                let mapping = mappings.iter().find(|mapping| mapping.item == self.key(channel)).cloned();
                self.begun = mapping.map(|mapping| (mapping, stored, at));
                said.replace(self.tenant.as_str(), "T")
            }
            Step::EndSync { members } => {
                let Some((mapping, stored, began)) = self.begun.take() else { return String::new() };
                let job = JobId::from_cause(&self.tenant, "a sync");
                let name = format!("read in {number}");
                let reading = Reading { job: &job, began, members, people_as_of: began, name: &name };
                format!("{:?}", tables.settle(&mapping, &stored, &reading, now).await.unwrap())
            }
            Step::Put { channel, role } => {
                let mapping = Mapping {
                    item: self.key(channel),
                    role_arn: (*role).into(),
                    name: format!("put in {number}"),
                    ..chunks::mapping(&self.tenant)
                };
                tables.put_mapping(&mapping).await.unwrap();
                String::new()
            }
            Step::Remove { channel } => {
                let removed = tables.delete_mapping(&self.tenant, &self.key(channel)).await.unwrap();
                format!("{removed:?}")
            }
            Step::ExternalId { fresh } => {
                let fresh = Secret::new(format!("{} {fresh}", self.tenant));
                tables.external_id(&self.tenant, "111111111111", fresh).await.unwrap().expose().clone()
            }
            Step::State { channel, to } => {
                let Some(mapping) = self.mapping(channel).await else { return String::new() };
                let from = [MappingState::Active, MappingState::Pending];
                let changed =
                    tables.change_state(&mapping, &from, *to, Some(&format!("since {number}"))).await;
                format!("{:?}", changed.unwrap())
            }
            Step::Rename { channel } => {
                let Some(mapping) = self.mapping(channel).await else { return String::new() };
                format!("{:?}", tables.rename(&mapping, &format!("named in {number}")).await.unwrap())
            }
            Step::Unread { channel } => {
                let Some(mapping) = self.mapping(channel).await else { return String::new() };
                format!("{:?}", tables.leave_unread(&mapping, &format!("unread in {number}")).await.unwrap())
            }
            Step::Event { number, event: what } => {
                // The id is the same in both workspaces.
                let id = JobId::from_signature(&format!("event {number}"));
                let announced = self.running.announced();
                let taken = self.running.deliver(&event(&self.tenant, id, what.clone(), at)).await;
                assert!(taken, "given back");
                format!("{} announced", self.running.announced() - announced)
            }
        }
    }

    async fn mapping(&self, channel: &str) -> Option<Mapping> {
        self.tables.mapping(&self.tenant, &self.key(channel)).await.unwrap()
    }
}

/// What a workspace saw of each of its steps, and all that is stored for it at the end.
#[derive(Debug, PartialEq)]
struct Trace {
    said: Vec<(usize, String)>,
    stored: Vec<(String, Vec<Value>)>,
}

/// Takes the steps of those tenants on an emulator of their own. Gives the trace of each.
fn run(steps: &[Taken], who: &[usize]) -> Vec<Trace> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (aws, tables) = Aws::start().await;
        let running = Running::start(&aws, START / 1000).await;
        let mut workspaces = TENANTS.map(|tenant| Workspace {
            tables: &tables,
            running: &running,
            tenant: tenant.parse().unwrap(),
            begun: None,
        });
        let mut said = TENANTS.map(|_| Vec::new());
        for (number, (tenant, step, at)) in steps.iter().enumerate() {
            if who.contains(tenant) {
                said[*tenant].push((number, workspaces[*tenant].take(number, step, *at).await));
            }
        }
        let mut traces = Vec::new();
        for tenant in who {
            let id = workspaces[*tenant].tenant.clone();
            let mut stored = Vec::new();
            let mut partitions = vec![("memberships", id.to_string()), ("mappings", id.to_string())];
            for one in [Partition::Records, Partition::Seen, Partition::Sync] {
                partitions.push(("mappings", partition(&id, one)));
            }
            for (table, key) in partitions {
                stored.push((format!("{table} {key}"), aws.items(table, &key).await));
            }
            traces.push(Trace { said: std::mem::take(&mut said[*tenant]), stored });
        }
        traces
    })
}

#[test]
fn what_one_workspace_does_another_does_not_notice() {
    let started = std::time::Instant::now();
    let steps = steps();
    let (together, alone) = std::thread::scope(|scope| {
        let together = scope.spawn(|| run(&steps, &[0, 1]));
        let alone = scope.spawn(|| {
            let (first, second) = (run(&steps, &[0]), run(&steps, &[1]));
            first.into_iter().chain(second).collect::<Vec<_>>()
        });
        (together.join().unwrap(), alone.join().unwrap())
    });
    println!("{STEPS} steps in {:?}", started.elapsed());
    for (tenant, (together, alone)) in TENANTS.iter().zip(together.iter().zip(&alone)) {
        for (with, without) in together.said.iter().zip(&alone.said) {
            assert_eq!(with, without, "{tenant}: {:?}", steps[with.0]);
        }
        for (with, without) in together.stored.iter().zip(&alone.stored) {
            assert_eq!(with, without, "{tenant}");
        }
        let kinds: Vec<_> = together.stored.iter().map(|(name, items)| (name, items.len())).collect();
        assert!(kinds[..4].iter().all(|(_, items)| *items > 0), "too little was done: {kinds:?}");
    }
}
