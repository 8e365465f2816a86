//! The worker is killed again and again while people send commands that change something. Every job ends where its
//! user can see it, and no call is made twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use local::aws::DEV;
use local::slack::message::Origin;
use serde_json::json;
use tests::conversation::{bodies_in_queue, end, job_of, seat, start_with};

/// How often the worker is killed, and how many commands are on their way at once.
const KILLS: usize = 200;
const AT_ONCE: usize = 6;
/// Between two kills: at random up to this, so that they fall on every step of a job.
const LONGEST_PAUSE_MS: u64 = 400;
/// After the last kill: two leases, their sweeps, and what was still queued.
const LAST_ENDINGS: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_loses_a_job_or_repeats_a_call() {
    let stack = start_with(|options| {
        // The shortest under which calls start; it decides how long a dead worker's job waits.
        options.function_timeout = Duration::from_secs(50);
        options.sweeper_interval = Duration::from_secs(1);
        options.worker_concurrency = 2;
        // Every kill may cost a job one receive.
        options.max_receives = 100;
    })
    .await;
    let queue = json!({ "QueueName": "kill-loop" });
    let made = stack.client(DEV).unwrap().json("sqs", "AmazonSQS.CreateQueue", &queue).await.unwrap();
    let url = made["QueueUrl"].as_str().unwrap().to_owned();
    let anna = seat(&stack, "U0ANNA", "C0OPS");

    let mut jobs = BTreeMap::new();
    let mut kills = 0;
    // A fixed sequence, so that a failure can be repeated as far as a race can.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    while kills < KILLS {
        for _ in
            0..AT_ONCE.saturating_sub(stack.worker.instances().iter().filter(|i| i.busy.is_some()).count())
        {
            let body = format!("kill-loop-body-{}", jobs.len());
            let line = format!("/alfred-invoke aws sqs send-message --queue-url {url} --message-body {body}");
            jobs.insert(job_of(&anna.types(&line).await), body);
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        tokio::time::sleep(Duration::from_millis(random % LONGEST_PAUSE_MS)).await;
        kills += stack.worker.kill_busy();
    }

    // An ending is a message of its own that names the job. What it says tells what the ledger believes.
    let started = Instant::now();
    let endings = loop {
        let mut endings: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for message in anna.sees().iter().filter(|message| message.origin != Origin::Ack) {
            let text = message.rendered();
            if let Some(job) = jobs.keys().find(|job| text.contains(job.as_str())) {
                endings.entry(job).or_default().push(text);
            }
        }
        if endings.len() == jobs.len() {
            break endings;
        }
        let missing: Vec<&String> = jobs.keys().filter(|job| !endings.contains_key(job.as_str())).collect();
        assert!(
            started.elapsed() < LAST_ENDINGS,
            "{} of {} jobs without an end: {missing:?}",
            missing.len(),
            jobs.len()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    };

    let sent = bodies_in_queue(&stack, "kill-loop").await;
    let different: BTreeSet<&String> = sent.iter().collect();
    assert_eq!(sent.len(), different.len(), "a message was sent twice: {sent:?}");
    let mut interrupted = 0;
    for (job, body) in &jobs {
        let texts = &endings[job.as_str()];
        let done = texts.iter().any(|text| text.contains("MessageId"));
        interrupted += usize::from(!done);
        assert!(
            !done || different.contains(body),
            "job {job} says that it sent {body}, which is not there: {texts:?}"
        );
        // Whatever is not known as done is told as unknown, not as done and not as nothing.
        assert!(done || texts.iter().any(|text| text.contains("SendMessage")), "job {job}: {texts:?}");
    }
    println!("{kills} kills, {} jobs, {interrupted} interrupted, {} messages", jobs.len(), sent.len());
    assert!(interrupted < jobs.len(), "no job came through");
    end(stack, &["kill-loop-body-"]).await;
}
