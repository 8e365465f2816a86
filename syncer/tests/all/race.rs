//! Syncs and events of one mapping in random orders: what people do and what they are in Slack is known, and how late, how often and in which
//! order the syncer hears of it is chance. Every call to the table is a point at which another one may come first.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use shared::ids::{JobId, TenantId, UserId};
use shared::mapping::Mapping;
use shared::membership::Membership;
use syncer::apply::Change;
use syncer::settle::{Reading, Settled};
use syncer::sync::CLOCK_SKEW;
use syncer::tables::Tables;

use crate::aws::{Aws, turn};
use crate::chunks;
use crate::random::Random;

/// How many orders are tried, by [`THREADS`] at a time.
const ORDERS: u64 = 10_000;

const THREADS: u64 = 2;

/// How many orders share an emulator.
const ORDERS_AT_ONCE: u64 = 100;

const USERS: [&str; 3] = ["U1", "U2", "U3"];

/// The most that people do in one order.
const CHANGES: usize = 6;

/// The most syncs that are under way at a time.
const OVERLAPPING: usize = 2;

/// The most syncs of one order, before the last ones.
const SYNCS: usize = 4;

/// What happens to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Joined,
    Left,
    /// He is a guest from now on, or deactivated.
    Unfit,
}

#[derive(Debug, Clone)]
struct Event {
    user: UserId,
    what: What,
    /// When, by Slack's clock: Unix milliseconds.
    at: u64,
}

/// Slack: the time, who is a member, and who of all may have a role.
struct Slack {
    now: u64,
    members: BTreeSet<UserId>,
    fit: BTreeSet<UserId>,
}

/// Who writes: an event that was delivered, or a sync.
struct Writer<'a> {
    event: Option<Event>,
    /// As of when it knows what it says: once a sync has begun to read.
    as_of: Rc<Cell<u64>>,
    /// As of when it knows who may have a role.
    people_as_of: Rc<Cell<u64>>,
    /// What a sync has read: members who may have the role.
    page: Rc<RefCell<BTreeSet<UserId>>>,
    ended: Pin<Box<dyn Future<Output = Option<Settled>> + 'a>>,
}

/// What is stored: of each user, whether he has the grant, as of when that is known, and as of when he is known to be
/// without standing; and of the mapping.
#[derive(Debug, Default, Clone, PartialEq)]
struct Seen {
    users: BTreeMap<String, (bool, u64, u64)>,
    read_as_of: u64,
}

/// One order of events.
struct Order<'a> {
    number: u64,
    random: Random,
    aws: &'a Aws,
    tables: &'a Tables,
    mapping: Mapping,
    slack: Rc<RefCell<Slack>>,
    /// How far our clock is behind Slack's, plus [`CLOCK_SKEW`]: by so much earlier a read counts as begun.
    earlier: u64,
    /// Copies of events that are still to be delivered.
    underway: Vec<Event>,
    /// Events that were delivered and whose taking has ended: of each user the newest of each kind.
    taken: BTreeMap<(UserId, What), u64>,
    seen: Seen,
}

async fn sync(
    tables: &Tables,
    mapping: &Mapping,
    slack: Rc<RefCell<Slack>>,
    earlier: u64,
    as_of: Rc<Cell<u64>>,
    people_as_of: Rc<Cell<u64>>,
    page: Rc<RefCell<BTreeSet<UserId>>>,
) -> Option<Settled> {
    let now = slack.borrow().now / 1000;
    let mapping = tables.mapping(&mapping.tenant, &mapping.item).await.unwrap().unwrap();
    let stored = tables.stored(&mapping.tenant, now).await.unwrap();
    // A sync of many mappings asks about people for the first of them.
    slack.borrow_mut().now += 1;
    let fit = slack.borrow().fit.clone();
    people_as_of.set(slack.borrow().now - earlier);
    turn().await;
    // No two reads begin in the same millisecond: only one sync of a workspace is under way unless its lease has ended. If
    // two did, what the first one wrote would stand until the next sync.
    slack.borrow_mut().now += 1;
    let began = slack.borrow().now - earlier;
    as_of.set(began);
    for user in USERS {
        let user: UserId = user.parse().unwrap();
        if slack.borrow().members.contains(&user) && fit.contains(&user) {
            page.borrow_mut().insert(user);
        }
        turn().await;
    }
    let members = page.borrow().clone();
    let job = JobId::from_cause(&mapping.tenant, "a sync");
    let reading =
        Reading { job: &job, began, members: &members, people_as_of: people_as_of.get(), name: "ops" };
    Some(tables.settle(&mapping, &stored, &reading, now).await.unwrap())
}

async fn take(
    tables: &Tables,
    mapping: &Mapping,
    slack: Rc<RefCell<Slack>>,
    event: Event,
    now: u64,
) -> Option<Settled> {
    let user = std::slice::from_ref(&event.user);
    let (joined, left): (&[UserId], &[UserId]) = match event.what {
        // Whether somebody who comes may have a role is asked then.
        What::Joined if slack.borrow().fit.contains(&event.user) => (user, &[]),
        What::Joined => return None,
        What::Left => (&[], user),
        What::Unfit => {
            tables.unfit(&mapping.tenant, &event.user, event.at, now).await.unwrap();
            (&[], user)
        }
    };
    let (tenant, item, at) = (&mapping.tenant, &mapping.item, event.at);
    let change = Change { tenant, item, as_of: at, people_as_of: at, joined, left, now };
    tables.change_members(&change).await.unwrap();
    None
}

impl<'a> Order<'a> {
    async fn new(number: u64, aws: &'a Aws, tables: &'a Tables) -> Self {
        let mut random = Random::new(number);
        let tenant: TenantId = format!("T{number}").parse().unwrap();
        let mapping = chunks::mapping(&tenant);
        tables.put_mapping(&mapping).await.unwrap();
        let members = USERS.iter().filter(|_| random.chance(50)).map(|user| user.parse().unwrap()).collect();
        Self {
            number,
            aws,
            tables,
            mapping,
            slack: Rc::new(RefCell::new(Slack {
                now: 1_700_000_000_000,
                members,
                fit: USERS.iter().map(|user| user.parse().unwrap()).collect(),
            })),
            earlier: random.below(2 * CLOCK_SKEW as usize + 1) as u64,
            underway: Vec::new(),
            taken: BTreeMap::new(),
            seen: Seen::default(),
            random,
        }
    }

    /// Somebody comes or goes. The event is lost, or delivered once or twice.
    fn change_something(&mut self) {
        let user: UserId = self.random.pick(&USERS).parse().unwrap();
        let mut slack = self.slack.borrow_mut();
        slack.now += 1 + self.random.below(3_000) as u64;
        let what = if self.random.chance(30) {
            if !slack.fit.remove(&user) {
                // Nothing is told of somebody who may have a role again: the next sync sees it.
                slack.fit.insert(user);
                return;
            }
            What::Unfit
        } else if slack.members.remove(&user) {
            What::Left
        } else {
            slack.members.insert(user.clone());
            What::Joined
        };
        let event = Event { user, what, at: slack.now };
        let copies = *self.random.pick(&[0, 1, 1, 2]);
        self.underway.extend(std::iter::repeat_n(event, copies));
    }

    fn new_sync(&self) -> Writer<'a> {
        let (as_of, people_as_of) = (Rc::<Cell<u64>>::default(), Rc::<Cell<u64>>::default());
        let page = Rc::<RefCell<BTreeSet<UserId>>>::default();
        let (tables, mapping, slack, earlier) =
            (self.tables, self.mapping.clone(), self.slack.clone(), self.earlier);
        let (its_as_of, its_people, its_page) = (as_of.clone(), people_as_of.clone(), page.clone());
        let ended =
            Box::pin(
                async move { sync(tables, &mapping, slack, earlier, its_as_of, its_people, its_page).await },
            );
        Writer { event: None, as_of, people_as_of, page, ended }
    }

    fn new_delivery(&self, event: Event) -> Writer<'a> {
        let (tables, mapping, its_event) = (self.tables, self.mapping.clone(), event.clone());
        let (now, slack) = (self.slack.borrow().now / 1000, self.slack.clone());
        let ended = Box::pin(async move { take(tables, &mapping, slack, its_event, now).await });
        let as_of = Rc::new(Cell::new(event.at));
        Writer { event: Some(event), people_as_of: as_of.clone(), as_of, page: Rc::default(), ended }
    }

    /// Lets a writer go on to its next call, and looks at what it did. Gives its end.
    async fn go_on(&mut self, writer: &mut Writer<'a>) -> Option<Option<Settled>> {
        // The runtime counts what a task does without pausing, and would hold it up.
        tokio::task::yield_now().await;
        let before = self.aws.written();
        let polled = writer.ended.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if self.aws.written() != before {
            self.look(writer).await;
        }
        let std::task::Poll::Ready(end) = polled else { return None };
        if let Some(event) = &writer.event {
            // Whoever came without a standing is not written down.
            let known = self.seen.users.get(event.user.as_str()).map_or(0, |(_, known, _)| *known);
            if event.what != What::Joined || known >= event.at {
                let newest = self.taken.entry((event.user.clone(), event.what)).or_default();
                *newest = event.at.max(*newest);
            }
        }
        if let Some(Settled::Confirmed(_)) = end {
            assert_eq!(self.seen.read_as_of, writer.as_of.get(), "order {}", self.number);
        }
        Some(end)
    }

    /// What must hold after every write, whoever wrote.
    async fn look(&mut self, writer: &Writer<'a>) {
        let number = self.number;
        let now = self.stored().await;
        let as_of = writer.as_of.get();
        for (user, (granted, known, _)) in &now.users {
            let (had, known_before, _) = self.seen.users.get(user).copied().unwrap_or_default();
            assert!(
                *known >= known_before,
                "order {number}: {user} is known as of an earlier time than before"
            );
            if *granted != had {
                let user: UserId = user.parse().unwrap();
                let newest = |what| self.taken.get(&(user.clone(), what)).copied().unwrap_or_default();
                let opposite = newest(if *granted { What::Left } else { What::Joined });
                assert!(
                    as_of > opposite,
                    "order {number}: what is known as of {as_of} undoes an event of {user} at {opposite}"
                );
                let (asked, unfit) = (writer.people_as_of.get(), newest(What::Unfit));
                assert!(
                    !*granted || asked > unfit,
                    "order {number}: {user} was asked about at {asked} and lost his standing at {unfit}"
                );
                assert!(
                    as_of > self.seen.read_as_of,
                    "order {number}: what is known as of {as_of} undoes the confirmed read of {}",
                    self.seen.read_as_of
                );
            }
        }
        if now.read_as_of != self.seen.read_as_of {
            assert!(now.read_as_of > self.seen.read_as_of, "order {number}: an older read is confirmed");
            assert_eq!(now.read_as_of, as_of, "order {number}");
            for user in USERS {
                let (granted, known, unfit) = now.users.get(user).copied().unwrap_or_default();
                let on_page = writer.page.borrow().contains(&user.parse().unwrap());
                let asked = writer.people_as_of.get();
                assert!(
                    known > asked || unfit >= asked || granted == on_page,
                    "order {number}: a read is confirmed that {user} differs from"
                );
            }
        }
        self.seen = now;
    }

    /// What is stored now.
    async fn stored(&self) -> Seen {
        let tenant = self.mapping.tenant.as_str();
        let number = |item: &serde_json::Value, name: &str| -> u64 {
            item[name]["N"].as_str().unwrap_or("0").parse().unwrap()
        };
        let (grant, known) = (
            Membership::grant_attribute(&self.mapping.item),
            Membership::as_of_attribute(&self.mapping.item),
        );
        let users = self.aws.items("memberships", tenant).await.into_iter().map(|item| {
            let user = item["user"]["S"].as_str().unwrap().to_owned();
            (user, (item.get(&grant).is_some(), number(&item, &known), number(&item, "unfit_as_of")))
        });
        let users = users.collect();
        let mappings = self.aws.items("mappings", tenant).await;
        Seen { users, read_as_of: number(&mappings[0], "read_as_of") }
    }

    /// Runs a writer that nothing comes in between of.
    async fn undisturbed(&mut self, mut writer: Writer<'a>) -> Option<Settled> {
        loop {
            if let Some(end) = self.go_on(&mut writer).await {
                return end;
            }
        }
    }

    fn truth_is_stored(&self, when: &str) {
        let holders = self.seen.users.iter().filter(|(_, (granted, ..))| *granted);
        let holders: BTreeSet<UserId> = holders.map(|(user, _)| user.parse().unwrap()).collect();
        let slack = self.slack.borrow();
        let expected: BTreeSet<UserId> = slack.members.intersection(&slack.fit).cloned().collect();
        assert_eq!(holders, expected, "order {}: {when}", self.number);
    }

    /// Runs the order. Gives how often a sync was superseded or found something changed beside it every time.
    async fn run(mut self) -> usize {
        let mut unconfirmed = 0;
        let (mut writers, mut all) = (Vec::<Writer<'a>>::new(), Vec::new());
        let (mut changes, mut syncs) = (1 + self.random.below(CHANGES), 1 + self.random.below(SYNCS));
        while changes > 0 || syncs > 0 || !writers.is_empty() {
            match self.random.below(10) {
                0 if changes > 0 => {
                    changes -= 1;
                    let known = self.underway.len();
                    self.change_something();
                    all.extend_from_slice(&self.underway[known..]);
                }
                1 if syncs > 0 => {
                    let reading = writers.iter().filter(|writer| writer.event.is_none()).count();
                    if reading < OVERLAPPING {
                        syncs -= 1;
                        writers.push(self.new_sync());
                    }
                }
                2 | 3 => {
                    if let Some(event) = self.random.take(&mut self.underway) {
                        writers.push(self.new_delivery(event));
                    }
                }
                _ => {
                    let Some(mut writer) = self.random.take(&mut writers) else { continue };
                    match self.go_on(&mut writer).await {
                        None => writers.push(writer),
                        Some(Some(Settled::Superseded(_) | Settled::Restless)) => unconfirmed += 1,
                        Some(_) => {}
                    }
                }
            }
        }

        // A read counts as begun earlier than it did; by then all that was done is older than it.
        self.slack.borrow_mut().now += self.earlier + 1;
        let last = self.new_sync();
        let end = self.undisturbed(last).await;
        assert!(matches!(end, Some(Settled::Confirmed(_))), "order {}: {end:?}", self.number);
        self.truth_is_stored("after the last sync");

        self.slack.borrow_mut().now += 1;
        let (again, before) = (self.new_sync(), self.aws.written());
        let end = self.undisturbed(again).await;
        let Some(Settled::Confirmed(diff)) = end else { panic!("order {}: {end:?}", self.number) };
        assert!(diff.is_empty(), "order {}: {diff}", self.number);
        assert_eq!(self.aws.written() - before, 1, "order {}: a sync without a difference", self.number);

        // Whatever comes after it says nothing new, in whatever order.
        while let Some(event) = self.random.take(&mut all) {
            let (before, what) = (self.aws.written(), event.what);
            let delivery = self.new_delivery(event);
            self.undisturbed(delivery).await;
            let written = self.aws.written() - before;
            // That somebody lost his standing once may not have been known.
            assert!(
                written <= usize::from(what == What::Unfit),
                "order {}: an old event writes",
                self.number
            );
        }
        self.truth_is_stored("after old events");
        unconfirmed
    }
}

/// Runs each `THREADS`th order after `first`, and gives how many syncs were not confirmed.
fn run_orders(first: u64) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut unconfirmed = 0;
        let numbers: Vec<u64> = (first..ORDERS).step_by(THREADS as usize).collect();
        for some in numbers.chunks(ORDERS_AT_ONCE as usize) {
            let (aws, tables) = Aws::start().await;
            for number in some {
                let order = Order::new(*number, &aws, &tables).await;
                aws.take_turns(true);
                unconfirmed += order.run().await;
                aws.take_turns(false);
            }
        }
        unconfirmed
    })
}

#[test]
fn in_whatever_order_events_and_syncs_meet_what_is_newer_stands() {
    let started = std::time::Instant::now();
    let threads: Vec<_> = (0..THREADS).map(|first| std::thread::spawn(move || run_orders(first))).collect();
    let unconfirmed: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("{ORDERS} orders in {:?}, {unconfirmed} syncs not confirmed", started.elapsed());
    // Otherwise the orders are too tame to show anything.
    assert!(unconfirmed > ORDERS as usize / 20, "{unconfirmed}");
}
