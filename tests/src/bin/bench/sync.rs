//! A sync of a large workspace: how long, how much memory, how many calls of Slack and writes to DynamoDB; once when
//! everybody is new, once when nothing has changed, and how near it comes to Slack's limits when they are enforced.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use local::aws::HOME;
use local::demo::{ADMIN, add_to_slack, at_rest};
use local::fault::Match;
use local::slack::world::World;
use local::stack::{Seed, Stack};
use serde_json::json;
use tests::conversation::{answer_within, job_of, seat, start_with};
use tests::measure::peak_memory_of;

/// The workspace: this many people, and in each of this many channels this many of them.
const PEOPLE: usize = 10_000;
const CHANNELS: usize = 1_000;
const MEMBERS: usize = 100;
/// Channels that are read when the limits are enforced: four minutes' worth of `conversations.members`, which is of tier
/// 4 and may be called 100 times a minute.
const LIMITED_CHANNELS: usize = 400;
/// The shortest time in which the limit lets them be read: the last hundred may begin after three minutes.
const LIMITED_LEAST: Duration = Duration::from_secs(180);
/// The least share of what the limits allow.
const LEAST_SHARE: f64 = 0.95;
/// The most memory of a syncer: a function of 128 MB.
const MOST_MEMORY: u64 = 128 << 20;
/// What a sync writes besides its mappings: that it begins and ends, and that its job was taken and is done.
const OWN_WRITES: usize = 4;
/// No sync takes longer here.
const LIMIT: Duration = Duration::from_secs(900);

/// What one sync took.
struct Taken {
    time: Duration,
    calls: BTreeMap<String, usize>,
    transactions: usize,
    updates: usize,
}

/// The table of all syncs.
pub async fn table() -> anyhow::Result<String> {
    let stack = large(CHANNELS).await?;
    let first = sync(&stack).await?;
    let second = sync(&stack).await?;
    let mut memory = 0;
    for instance in stack.syncer.instances() {
        memory = memory.max(peak_memory_of(instance.pid.context("a syncer is gone")?)?);
    }
    stack.shut_down().await;
    let stack = large(LIMITED_CHANNELS).await?;
    stack.slack.enforce_rate_limits(true);
    let limited = sync(&stack).await?;
    stack.shut_down().await;

    let share = LIMITED_LEAST.as_secs_f64() / limited.time.as_secs_f64();
    ensure!(share >= LEAST_SHARE, "only {:.1} % of what the limits allow", 100.0 * share);
    ensure!(memory <= MOST_MEMORY, "the syncer took {memory} bytes");
    ensure!(
        second.transactions == 0 && second.updates <= CHANNELS + OWN_WRITES,
        "without a change, {} transactions and {} writes",
        second.transactions,
        second.updates
    );

    let calls = |taken: &Taken| taken.calls.values().sum::<usize>();
    Ok(format!(
        "| sync of {} members in {CHANNELS} channels | |\n| --- | ---: |\n\
         | everybody is new | {:.1} s, {} Slack calls, {} transactions of up to 99 members, {} other writes |\n\
         | nothing has changed | {:.1} s, {} Slack calls, {} transactions, {} other writes |\n\
         | peak memory of the syncer | {:.0} MB |\n\
         | {LIMITED_CHANNELS} channels under Slack's limits | {:.1} s, {:.1} % of what they allow |\n",
        MEMBERS * CHANNELS,
        first.time.as_secs_f64(),
        calls(&first),
        first.transactions,
        first.updates,
        second.time.as_secs_f64(),
        calls(&second),
        second.transactions,
        second.updates,
        memory as f64 / 1e6,
        limited.time.as_secs_f64(),
        100.0 * share,
    ))
}

/// A large workspace with the app, each of its channels mapped. The mappings are written as `/alfred-admin add` leaves
/// them: to type a thousand is not what is measured.
async fn large(channels: usize) -> anyhow::Result<Stack> {
    let stack = start_with(|options| {
        options.seed = Seed::Empty;
        options.world = World::large(PEOPLE, channels, MEMBERS);
        options.function_timeout = LIMIT;
        options.log_level = "warn".into();
        options.faults = true;
    })
    .await;
    add_to_slack(&stack, ADMIN).await?;
    let home = stack.client(HOME).context("no keys of the home account")?;
    // The schedule must not begin one of its own meanwhile.
    home.json("events", "AWSEvents.DisableRule", &json!({ "Name": local::seed::SYNC_RULE })).await?;
    for number in 0..channels {
        let item = json!({
            "tenant": { "S": "T0ALFRED1" },
            "item": { "S": format!("channel#C{}", 1_000_000 + number) },
            "kind": { "S": "channel" },
            "name": { "S": format!("channel{number}") },
            "role_arn": { "S": "arn:aws:iam::111111111111:role/alfredbot/ReadOnly" },
            "priority": { "N": "10" },
            "state": { "S": "active" },
            "confirmed_at": { "N": "0" },
            "read_as_of": { "N": "0" },
            "version": { "N": "0" },
            "members": { "N": "0" },
        });
        let put = json!({ "TableName": "alfred-mappings", "Item": item });
        home.json("dynamodb", "DynamoDB_20120810.PutItem", &put).await?;
    }
    Ok(stack)
}

async fn sync(stack: &Stack) -> anyhow::Result<Taken> {
    let proxy = &stack.faults.as_ref().context("the proxies count")?.syncer_aws;
    // That the job before is done is written after its answer.
    at_rest(stack).await?;
    stack.slack.forget_calls();
    proxy.forget_seen();
    let admin = seat(stack, ADMIN, "C0GENERAL");
    let started = Instant::now();
    let typed = admin.types("/alfred-sync start").await;
    let shown = answer_within(&admin, &job_of(&typed), LIMIT).await.rendered();
    let time = started.elapsed();
    ensure!(shown.contains(" 0 removed.") && !shown.contains("not read"), "{shown}");
    let mut calls = BTreeMap::new();
    for call in stack.slack.calls() {
        *calls.entry(call.place).or_insert(0) += 1;
    }
    let count = |operation: &str| proxy.count(&Match::operation("dynamodb", operation));
    Ok(Taken { time, calls, transactions: count("TransactWriteItems"), updates: count("UpdateItem") })
}
