//! What comes from the queue: batches, records that nobody can read, and the dead-letter queue.

use serde_json::json;
use worker::batch::process_batch;
use worker::claim::{Attempt, State};
use worker::sweep::bury;

use crate::aws::Fault;
use crate::world::World;

const READ: &str = "aws sts get-caller-identity";

async fn bury_records(world: &World, bodies: &[String]) -> usize {
    let records: Vec<_> = bodies.iter().map(|body| json!({"messageId": "m", "body": body})).collect();
    let event = serde_json::from_value(json!({"Records": records})).unwrap();
    bury(&world.sweeper, event, world.deadline()).await.batch_item_failures.len()
}

#[tokio::test]
async fn f27_of_a_batch_only_what_failed_comes_back() {
    let world = World::start().await;
    let good = [world.typed("U0ANNA", READ), world.typed("U0BEN", READ)];
    let event = json!({"Records": [
        {"messageId": "good-1", "body": good[0].to_record().unwrap()},
        {"messageId": "bad", "body": "{"},
        {"messageId": "none"},
        {"messageId": "good-2", "body": good[1].to_record().unwrap()},
    ]});
    let response =
        process_batch(&world.worker, serde_json::from_value(event).unwrap(), world.deadline()).await;
    let mut failed: Vec<_> =
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    failed.sort();
    assert_eq!(failed, ["bad", "none"]);
    assert_eq!(world.slack.take_seen().len(), 2);
}

#[tokio::test]
async fn f27_a_panic_anywhere_gives_one_record_back_and_the_job_is_answered_all_the_same() {
    let mut panicked = 0;
    for looks in 1..20 {
        let world = World::start().await;
        let job = world.typed("U0ANNA", "aws sqs create-queue --queue-name x");
        world.panic_after(looks);
        let mut taken = world.run(&job).await;
        world.panic_after(0);
        if !taken {
            panicked += 1;
            world.pass(2).await;
            taken = world.run(&job).await;
        }
        assert!(taken, "the second copy is taken when the clock fails at look {looks}");
        let seen = world.one_seen().text();
        assert!(seen.contains("exit 0") || seen.starts_with("Interrupted: "), "{looks}: {seen}");
        assert_eq!(world.aws.count("sqs", "CreateQueue"), 1, "{looks}");
    }
    assert!(panicked >= 3, "the clock is looked at in several places: {panicked}");
}

#[tokio::test]
async fn f28_text_outside_of_ascii_arrives_as_typed() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", "aws sts get-caller-identity --query 'é\u{fffe}日本🦀'");
    let record = job.to_record().unwrap();
    assert!(record.is_ascii());
    assert!(world.deliver(&record).await);
    assert!(world.one_seen().text().contains("job "));
}

#[tokio::test]
async fn g98_a_record_of_a_newer_version_is_given_back_untouched() {
    let world = World::start().await;
    let mut record: serde_json::Value = serde_json::to_value(world.typed("U0ANNA", READ)).unwrap();
    record["version"] = json!(99);
    assert!(!world.deliver(&record.to_string()).await);
    assert!(world.aws.take_arrived().is_empty());
}

#[tokio::test]
async fn f26_a_record_that_nobody_can_read_ends_dead_and_its_sender_is_told_once() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", READ);
    let mut record = serde_json::to_value(&job).unwrap();
    record["version"] = json!(99);
    record["task"] = json!({"kind": "something-new"});
    let records = [record.to_string(), "{".to_owned(), "{}".to_owned(), String::new()];
    assert_eq!(bury_records(&world, &records).await, 0);
    let text = world.one_seen().text();
    assert!(text.starts_with("Internal error: ") && text.contains(job.id.short()), "{text}");
    assert_eq!(world.row(&job).await.state, State::Dead);
    assert_eq!(bury_records(&world, &records).await, 0);
    assert!(world.slack.take_seen().is_empty());
    assert!(world.run(&job).await, "a copy of a dead job is taken off the queue");
    assert_eq!(world.aws.count("sts", "AssumeRole"), 0);
}

#[tokio::test]
async fn a_dead_copy_of_a_job_that_runs_or_has_ended_changes_nothing() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", READ);
    world.run(&job).await;
    let reached = std::sync::Arc::new(tokio::sync::Notify::new());
    let running = world.typed("U0BEN", READ);
    world.aws.plan(("sts", "AssumeRole"), "", 0, 1, Fault::HoldBefore(reached.clone()));
    world.run_and_kill(&running, &reached).await;
    world.slack.take_seen();
    let records = [job.to_record().unwrap(), running.to_record().unwrap()];
    assert_eq!(bury_records(&world, &records).await, 0);
    assert!(world.slack.take_seen().is_empty());
    assert_eq!(world.row(&job).await.state, State::Delivered);
    assert_eq!(world.row(&running).await.state, State::Claimed);
}

#[tokio::test]
async fn two_sweepers_end_a_job_once() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", "aws sqs create-queue --queue-name x");
    let reached = std::sync::Arc::new(tokio::sync::Notify::new());
    world.aws.plan(("sqs", "CreateQueue"), "", 0, 1, Fault::HoldBefore(reached.clone()));
    world.run_and_kill(&job, &reached).await;
    world.pass(70).await;
    let (a, b, c) = tokio::join!(world.sweep(), world.sweep(), world.sweep());
    assert_eq!(a + b + c, 1);
    world.one_seen();
}

#[tokio::test]
async fn of_many_attempts_at_one_job_one_wins() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", "aws sqs create-queue --queue-name x");
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (worker, deadline, job) = (world.worker.clone(), world.deadline(), job.clone());
        runs.spawn(async move { worker.process(&job, &Attempt::new().unwrap(), deadline).await.is_ok() });
    }
    runs.join_all().await;
    assert_eq!(world.aws.count("sqs", "CreateQueue"), 1);
    world.one_seen();
}
