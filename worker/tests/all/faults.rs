//! Faults of the ledger, the worker and AWS. The names are those of the failure model.

use std::sync::Arc;

use tokio::sync::Notify;
use worker::claim::State;
use worker::recheck::REPEATED_WITHIN;

use crate::aws::{Fault, PATIENCE};
use crate::world::World;

const READ: &str = "aws sts get-caller-identity";
const WRITE: &str = "aws sqs create-queue --queue-name made-by-a-test";
const CLAIM: (&str, &str) = ("dynamodb", "PutItem");
const UPDATE: (&str, &str) = ("dynamodb", "UpdateItem");
const CREATE: (&str, &str) = ("sqs", "CreateQueue");

fn created(world: &World) -> usize {
    world.aws.count(CREATE.0, CREATE.1)
}

#[tokio::test]
async fn f1_of_two_copies_at_the_same_time_one_runs() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", WRITE);
    let reached = Arc::new(Notify::new());
    world.aws.plan(CREATE, "", 0, 1, Fault::HoldBefore(reached.clone()));
    let first = {
        let (worker, deadline, job) = (world.worker.clone(), world.deadline(), job.clone());
        let attempt = worker::claim::Attempt::new().unwrap();
        tokio::spawn(async move { worker.process(&job, &attempt, deadline).await })
    };
    tokio::time::timeout(crate::aws::PATIENCE, reached.notified()).await.expect("the first is at it");
    assert!(!world.run(&job).await, "the copy is given back while the first is at it");
    assert_eq!(created(&world), 1);
    first.abort();
}

#[tokio::test]
async fn f2_a_copy_after_the_end_does_nothing_new() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", WRITE);
    assert!(world.run(&job).await);
    world.one_seen();
    for seconds in [0, 3600, 13 * 24 * 3600] {
        world.pass(seconds).await;
        assert!(world.run(&job).await, "the copy is taken off the queue");
        assert!(world.slack.take_seen().is_empty());
    }
    assert_eq!(created(&world), 1);
}

#[tokio::test]
async fn f6_the_same_change_typed_again_while_it_runs_is_not_made_twice() {
    let world = Arc::new(World::start().await);
    let typed_at = world.now();
    world.stop_at(typed_at);
    let reached = Arc::new(Notify::new());
    world.aws.plan(("sqs", "CreateQueue"), "made-by-a-test", 0, 1, Fault::HoldAfter(reached.clone()));
    let first = world.typed("U0ANNA", WRITE);
    let running = {
        let (world, first) = (world.clone(), first.clone());
        tokio::spawn(async move { world.run(&first).await })
    };
    tokio::time::timeout(PATIENCE, reached.notified()).await.expect("the first one is at it");
    // The same, spelt otherwise. A minute later it is no accident any more.
    let spelt = WRITE.replace("made-by-a-test", "'made-by-a-test'");
    let id = first.id.short();
    let twin = format!("the same command of yours is running already as job {id}, so the call was not made");
    for (later, refused) in
        [(1, true), (REPEATED_WITHIN - 1, true), (REPEATED_WITHIN, true), (REPEATED_WITHIN + 1, false)]
    {
        world.stop_at(typed_at + later);
        world.pass(0).await;
        world.member("U0ANNA", &["channel#C0OPS", "usergroup#S0SRE"]).await;
        let before = created(&world);
        let seen = world.invoke("U0ANNA", &spelt).await;
        assert_eq!(seen.contains(&twin), refused, "after {later} s: {seen}");
        assert_eq!(created(&world) - before, usize::from(!refused), "after {later} s");
    }
    world.stop_at(typed_at + 1);
    let other = world.invoke("U0ANNA", &WRITE.replace("made-by-a-test", "another")).await;
    assert!(other.contains("exit 0"), "{other}");
    running.abort();
    let _ = running.await;
}

#[tokio::test]
async fn f8_a_worker_killed_before_its_first_intent_is_replaced() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", WRITE);
    let reached = Arc::new(Notify::new());
    world.aws.plan(("sts", "AssumeRole"), "", 0, 1, Fault::HoldBefore(reached.clone()));
    world.run_and_kill(&job, &reached).await;
    assert_eq!(world.row(&job).await.state, State::Claimed);
    assert!(!world.run(&job).await, "its lease still runs");
    assert_eq!(world.sweep().await, 0, "its lease still runs");

    world.pass(70).await;
    assert_eq!(world.sweep().await, 1);
    let queued = world.queued().await;
    assert_eq!(queued, [job.to_record().unwrap()], "the same job is on the queue again");
    assert!(world.deliver(&queued[0]).await);
    assert!(world.one_seen().text().contains("exit 0"));
    assert_eq!(created(&world), 1);
    assert_eq!(world.row(&job).await.state, State::Delivered);
}

#[tokio::test]
async fn f8_the_queue_itself_may_bring_it_back_first() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", READ);
    let reached = Arc::new(Notify::new());
    world.aws.plan(("sts", "AssumeRole"), "", 0, 1, Fault::HoldBefore(reached.clone()));
    world.run_and_kill(&job, &reached).await;
    world.pass(70).await;
    assert!(world.run(&job).await);
    assert!(world.one_seen().text().contains("exit 0"));
    assert_eq!(world.sweep().await, 0);
}

#[tokio::test]
async fn f8_a_dead_workers_job_that_is_too_old_expires() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", READ);
    let reached = Arc::new(Notify::new());
    world.aws.plan(("sts", "AssumeRole"), "", 0, 1, Fault::HoldBefore(reached.clone()));
    world.run_and_kill(&job, &reached).await;
    world.pass(16 * 60).await;
    assert_eq!(world.sweep().await, 1);
    assert!(world.one_seen().text().starts_with("Expired, not run"));
    assert!(world.queued().await.is_empty());
    assert_eq!(world.row(&job).await.state, State::Expired);
}

#[tokio::test]
async fn f9_a_worker_killed_inside_a_mutating_call_leaves_a_loud_unknown() {
    // Once before AWS did it, once after: nobody can tell, so both read the same and neither is run again.
    for done in [false, true] {
        let world = World::start().await;
        let job = world.typed("U0ANNA", WRITE);
        let reached = Arc::new(Notify::new());
        let hold = if done { Fault::HoldAfter(reached.clone()) } else { Fault::HoldBefore(reached.clone()) };
        world.aws.plan(CREATE, "", 0, 1, hold);
        world.run_and_kill(&job, &reached).await;

        world.pass(70).await;
        assert_eq!(world.sweep().await, 1);
        let text = world.one_seen().text();
        assert!(text.starts_with("Interrupted: "), "{text}");
        assert!(text.contains("• `sqs CreateQueue`: UNKNOWN, it may or may not have happened"), "{text}");
        assert_eq!(world.row(&job).await.state, State::Interrupted);
        assert!(world.run(&job).await, "the queue's copy is taken off");
        assert_eq!((created(&world), world.slack.take_seen().len()), (1, 0));
    }
}

#[tokio::test]
async fn f9_whoever_meets_the_dead_workers_job_first_says_so_once() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", WRITE);
    let reached = Arc::new(Notify::new());
    world.aws.plan(CREATE, "", 0, 1, Fault::HoldAfter(reached.clone()));
    world.run_and_kill(&job, &reached).await;
    world.pass(70).await;
    assert!(world.run(&job).await);
    assert!(world.one_seen().text().starts_with("Interrupted: "));
    assert_eq!(world.sweep().await, 0);
    assert_eq!(created(&world), 1);
}

#[tokio::test]
async fn f10_a_worker_killed_between_result_and_post_is_replaced_by_its_result() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", WRITE);
    let reached = Arc::new(Notify::new());
    world.aws.plan(UPDATE, "result_until", 0, 1, Fault::HoldAfter(reached.clone()));
    world.run_and_kill(&job, &reached).await;
    assert_eq!(world.row(&job).await.state, State::ResultReady);
    assert!(world.slack.take_seen().is_empty());

    world.pass(70).await;
    assert_eq!(world.sweep().await, 1);
    let text = world.one_seen().text();
    assert!(text.contains("made-by-a-test") && text.contains("exit 0"), "{text}");
    assert_eq!(created(&world), 1);
    assert_eq!(world.row(&job).await.state, State::Delivered);
    assert_eq!(world.sweep().await, 0);
}

#[tokio::test]
async fn f10_a_worker_killed_after_posting_posts_at_most_the_same_again() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", READ);
    let reached = Arc::new(Notify::new());
    world.aws.plan(UPDATE, "REMOVE #open", 0, 1, Fault::HoldBefore(reached.clone()));
    world.run_and_kill(&job, &reached).await;
    let first = world.one_seen();
    world.pass(70).await;
    world.sweep().await;
    assert_eq!(world.one_seen().message["blocks"], first.message["blocks"]);
    assert!(first.text().contains(job.id.short()));
}

#[tokio::test]
async fn f12_a_mutating_call_whose_answer_is_lost_is_sent_once_and_called_unknown() {
    let world = World::start().await;
    world.aws.plan(CREATE, "", 0, 9, Fault::LoseAnswer);
    let text = world.invoke("U0ANNA", WRITE).await;
    assert_eq!(created(&world), 1);
    assert!(text.contains("`sqs create-queue`: UNKNOWN") || text.contains("CreateQueue`: UNKNOWN"), "{text}");
}

#[tokio::test]
async fn f13_without_a_claim_nothing_runs_and_the_record_comes_back() {
    let world = World::start().await;
    for code in ["ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError"] {
        let status = if code == "InternalServerError" { 500 } else { 400 };
        let job = world.typed("U0ANNA", WRITE);
        world.aws.take_arrived();
        world.aws.plan(CLAIM, "attribute_not_exists", 0, 3, Fault::Refuse(status, code));
        assert!(!world.run(&job).await, "{code}");
        assert_eq!(world.aws.count(CLAIM.0, CLAIM.1), 3, "three tries of {code}");
        assert_eq!(created(&world), 0);
        assert!(world.slack.take_seen().is_empty());
        world.aws.heal();
        assert!(world.run(&job).await);
        assert!(world.one_seen().text().contains("exit 0"));
    }
}

#[tokio::test]
async fn f15_a_claim_whose_answer_is_lost_is_known_by_its_nonce() {
    for times in [1, 2, 3] {
        let world = World::start().await;
        let job = world.typed("U0ANNA", WRITE);
        world.aws.plan(CLAIM, "attribute_not_exists", 0, times, Fault::LoseAnswer);
        assert!(world.run(&job).await);
        assert!(world.one_seen().text().contains("exit 0"));
        assert_eq!(created(&world), 1);
    }
}

#[tokio::test]
async fn f16_without_an_intent_the_call_is_not_made() {
    let world = World::start().await;
    world.aws.plan(UPDATE, "SET calls.#call = :call", 0, 9, Fault::Refuse(500, "InternalServerError"));
    let text = world.invoke("U0ANNA", WRITE).await;
    assert!(text.contains("the journal cannot be written at the moment, so the call was not made"), "{text}");
    assert_eq!(created(&world), 0);
}

#[tokio::test]
async fn f16_a_worker_that_lost_its_job_makes_no_call() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", WRITE);
    let reached = Arc::new(Notify::new());
    world.aws.plan(("sts", "AssumeRole"), "", 0, 1, Fault::HoldBefore(reached.clone()));
    world.run_and_kill(&job, &reached).await;
    // The lease is over and another attempt takes the job; the first one, only frozen, wakes up and goes on.
    let frozen =
        worker::claim::Claim { key: world.row(&job).await.key, attempt: world.row(&job).await.attempt };
    world.pass(70).await;
    assert!(world.run(&job).await);
    let call = worker::claim::JournaledCall {
        name: "sqs CreateQueue".into(),
        token: None,
        state: worker::claim::CallState::Intent,
    };
    assert!(matches!(world.ledger.intend(&frozen, 0, &call).await, Err(worker::claim::LedgerError::Lost)));
    assert!(matches!(
        world.ledger.end(&frozen, State::Delivered).await,
        Err(worker::claim::LedgerError::Lost)
    ));
    assert!(matches!(
        world.ledger.store(&frozen, None, State::Delivered, world.now()).await,
        Err(worker::claim::LedgerError::Lost)
    ));
}

#[tokio::test]
async fn f17_a_result_survives_that_the_end_of_its_call_could_not_be_written() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", WRITE);
    world.aws.plan(UPDATE, "calls.#call.#state", 0, 3, Fault::Refuse(500, "InternalServerError"));
    assert!(world.run(&job).await);
    let text = world.one_seen().text();
    assert!(text.starts_with("The journal is delayed: the end of a call could not be written. How the command ended is what you see here.\n"), "{text}");
    assert_eq!(created(&world), 1);
    assert!(world.run(&job).await);
    assert_eq!(created(&world), 1);
}

#[tokio::test]
async fn f19_a_throttled_sts_is_tried_again_and_then_named() {
    let world = World::start().await;
    world.aws.plan(("sts", "AssumeRole"), "", 0, 2, Fault::Refuse(400, "Throttling"));
    assert!(world.invoke("U0ANNA", READ).await.contains("exit 0"));
    world.aws.plan(("sts", "AssumeRole"), "", 0, 9, Fault::Refuse(400, "Throttling"));
    let text = world.invoke("U0BEN", READ).await;
    assert!(text.starts_with("Not run. ") && text.contains("STS cannot be reached"), "{text}");
}

#[tokio::test]
async fn f20_without_the_key_service_nothing_starts_and_the_answer_needs_no_token() {
    let world = World::start().await;
    world.aws.plan(("kms", "GenerateDataKey"), "", 0, 9, Fault::Refuse(500, "KMSInternalException"));
    let job = world.typed("U0ANNA", WRITE);
    assert!(world.run(&job).await);
    let seen = world.one_seen();
    assert_eq!(seen.way, "response_url");
    assert!(seen.text().contains("The key service cannot be reached"), "{}", seen.text());
    assert_eq!(created(&world), 0);
}
