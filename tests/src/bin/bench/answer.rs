//! From a slash command to its answer in Slack, one at a time, and from a full queue as fast as it goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use local::aws::HOME;
use local::lambda::{Function, Lambda};
use local::queues::EventSource;
use local::slack::FakeSlack;
use local::slack::message::{Origin, Shown};
use local::stack::Stack;
use tests::conversation::{job_of, seat};
use tests::measure::{Samples, cpu_of, ms, verdict};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::ack::Sender;

/// What everybody asks for: one call, and no more work for the emulator than needed.
pub const COMMAND: &str = "sts get-caller-identity";
/// Commands one after the other: some to warm up, then those that count.
const WARM_UP: usize = 20;
const COUNTED: usize = 300;
/// Jobs on the full queue, and worker processes: one for each core.
const QUEUED: usize = 3_000;
const WORKERS: usize = 2;
/// Pollers of the full queue: Lambda reads a standard queue with five at first (developer guide, "Configuring scaling
/// behavior for SQS event source mappings"), so that a worker does not wait while a record is fetched or deleted.
const POLLERS: usize = 5;
/// How many slash commands are on their way at once while the queue is filled.
const FILLING: usize = 32;
/// The most time from a slash command to its answer, in the median and in 95 of 100 cases.
const LATENCY_GOALS: [Duration; 2] = [Duration::from_millis(12), Duration::from_millis(20)];
/// The fewest jobs a second from a full queue, and the most CPU time of a job.
const RATE_GOAL: f64 = 400.0;
const CPU_GOAL: Duration = Duration::from_micros(1100);
/// No measurement waits longer for Slack to show what it waits for.
const LIMIT: Duration = Duration::from_secs(120);

/// Slash command sent to answer shown, warm.
pub async fn latency(stack: &Stack) -> anyhow::Result<String> {
    let ben = seat(stack, "U0BEN", "C0OPS");
    let mut samples = Samples::default();
    for number in 0..WARM_UP + COUNTED {
        let started = Instant::now();
        let typed = ben.types(&format!("/alfred-invoke aws {COMMAND}")).await;
        let job = job_of(&typed);
        let shown = stack.slack.wait_for(LIMIT, |slack| answered(slack, &job)).await;
        shown.context("no answer came")?;
        if number >= WARM_UP {
            samples.push(started.elapsed());
        }
    }
    let taken = [50.0, 95.0].map(|percent| samples.percentile(percent));
    let [p50, p95] = [0, 1].map(|at| {
        let (taken, goal) = (taken[at], LATENCY_GOALS[at]);
        format!("{} ms (goal {}: {})", ms(taken), goal.as_millis(), verdict(taken <= goal))
    });
    Ok(format!("| slash command to posted answer, warm | p50 {p50} | p95 {p95} |\n"))
}

/// Whether the newest messages hold the answer of a job. Only these are looked at: the channel fills up, and whoever looks
/// does so on the cores that are measured.
fn answered(slack: &FakeSlack, job: &str) -> Option<()> {
    let newest = slack.newest_seen_by("U0BEN", "C0OPS", 3);
    let answer = |message: &Shown| message.origin != Origin::Ack && message.rendered().contains(job);
    newest.iter().any(answer).then_some(())
}

/// Jobs a second from a full queue. `stack` has no pollers for its worker: the queue fills before anybody works.
pub async fn throughput(stack: &Stack, sender: &Sender) -> anyhow::Result<String> {
    let gate = Arc::new(Semaphore::new(FILLING));
    let mut sending = JoinSet::new();
    for _ in 0..QUEUED {
        let (sender, permit) = (sender.clone(), Arc::clone(&gate).acquire_owned().await?);
        sending.spawn(async move {
            let sent = sender.send(COMMAND).await;
            drop(permit);
            sent
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent??;
    }

    let function = Function { concurrency: WORKERS, ..stack.worker.function().clone() };
    let worker = Lambda::new(function, stack.logs.clone());
    worker.warm(WORKERS).await.map_err(|error| anyhow::anyhow!("the worker does not start: {error}"))?;
    let client = stack.client(HOME).context("no keys of the home account")?.clone();
    let source = EventSource { client, queue_url: stack.home.jobs_queue.clone(), function: worker.clone() };
    let before = stack.slack.call_count();
    let started = Instant::now();
    let mut pollers = JoinSet::new();
    source.start(POLLERS, &mut pollers);
    while stack.slack.call_count() - before < QUEUED {
        ensure!(
            started.elapsed() < LIMIT,
            "only {} of {QUEUED} jobs were answered",
            stack.slack.call_count() - before
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let elapsed = started.elapsed();
    let mut cpu = Duration::ZERO;
    for instance in worker.instances() {
        cpu += cpu_of(instance.pid.context("a worker is gone")?)?;
    }
    pollers.shutdown().await;
    worker.shut_down();
    worker.gone().await;
    let (rate, cpu) = (QUEUED as f64 / elapsed.as_secs_f64(), cpu / u32::try_from(QUEUED)?);
    Ok(format!(
        "| full queue, `{COMMAND}`, {WORKERS} workers | {rate:.0} jobs/s (goal {RATE_GOAL}: {}) | {} ms CPU a job (goal {}: {}) |\n",
        verdict(rate >= RATE_GOAL),
        ms(cpu),
        ms(CPU_GOAL),
        verdict(cpu <= CPU_GOAL),
    ))
}
