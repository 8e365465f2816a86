//! What holds for a time only, at its limit and a second to either side: by the clock of the world, which stands still.

use shared::job::{MAX_START_DELAY, Task};
use worker::assume_role::EXPIRY_MARGIN;
use worker::authorize::TENANCY_AGE;
use worker::claim::{RESULT_READABLE_FOR, State};
use worker::respond::{RESPONSE_URL_LIFE, TOKEN_AGE};
use worker::seal::MAX_KEY_AGE;

use crate::slack::Mood;
use crate::world::World;

const READ: &str = "aws sts get-caller-identity";

/// A world at a second at which Anna's roles were read just now.
async fn at(world: &World, second: u64) {
    world.stop_at(second);
    world.pass(0).await;
    world.member("U0ANNA", &["channel#C0OPS", "usergroup#S0SRE"]).await;
}

#[tokio::test]
async fn f30_credentials_are_renewed_five_minutes_before_they_end() {
    /// 2099-01-01, when all sessions of the test's STS end.
    const END: u64 = 4_070_908_800;
    for (left, sessions) in [(EXPIRY_MARGIN + 1, 1), (EXPIRY_MARGIN, 2), (EXPIRY_MARGIN - 1, 2)] {
        let world = World::start().await;
        at(&world, END - 3600).await;
        assert!(world.invoke("U0ANNA", READ).await.contains("exit 0"));
        at(&world, END - left).await;
        assert!(world.invoke("U0ANNA", READ).await.contains("exit 0"));
        assert_eq!(world.aws.count("sts", "AssumeRole"), sessions, "{left} s left");
    }
}

#[tokio::test]
async fn f4_a_job_that_waited_longer_than_15_minutes_does_not_run_and_its_user_is_told() {
    for (waited, runs) in [(MAX_START_DELAY - 1, true), (MAX_START_DELAY, true), (MAX_START_DELAY + 1, false)]
    {
        let world = World::start().await;
        let typed_at = world.now();
        world.stop_at(typed_at);
        let job = world.typed("U0ANNA", "aws sqs create-queue --queue-name made-by-a-test");
        at(&world, typed_at + waited).await;
        assert!(world.run(&job).await);
        let text = world.one_seen().text();
        assert_eq!(text.starts_with("Expired, not run"), !runs, "{waited}: {text}");
        assert_eq!(world.aws.count("sqs", "CreateQueue"), usize::from(runs), "{waited}");
        assert_eq!(world.row(&job).await.state, if runs { State::Delivered } else { State::Expired });
    }
}

#[tokio::test]
async fn an_answer_can_be_read_again_for_an_hour() {
    for (age, readable) in
        [(RESULT_READABLE_FOR - 1, true), (RESULT_READABLE_FOR, true), (RESULT_READABLE_FOR + 1, false)]
    {
        let world = World::start().await;
        let ran_at = world.now();
        at(&world, ran_at).await;
        let job = world.typed("U0ANNA", READ);
        assert!(world.run(&job).await);
        world.slack.take_seen();
        at(&world, ran_at + age).await;
        let status = world.job("U0ANNA", Task::Status { job: job.id.short().into() });
        assert!(world.run(&status).await);
        let text = world.one_seen().text();
        assert!(text.contains("sts get-caller-identity`: ran"), "{text}");
        assert_eq!(text.contains("PowerUser"), readable, "after {age} s: {text}");
    }
}

#[tokio::test]
async fn of_the_latest_fifty_jobs_the_beginning_of_an_id_is_enough_and_older_ones_take_all_of_it() {
    let world = World::start().await;
    let ran_at = world.now();
    at(&world, ran_at).await;
    let job = world.typed("U0ANNA", READ);
    assert!(world.run(&job).await);
    at(&world, ran_at + 1).await;
    let asks = async |task| {
        world.slack.take_seen();
        assert!(world.run(&world.job("U0ANNA", task)).await);
        world.one_seen().text()
    };
    let short = || Task::Status { job: job.id.short().into() };
    for _ in 0..48 {
        asks(Task::WhoAmI).await;
    }
    // The one that asks is the fiftieth.
    let text = asks(Task::History).await;
    assert!(text.contains("sts get-caller-identity"), "{text}");
    let text = asks(short()).await;
    assert!(text.contains("None of your latest jobs"), "{text}");
    let text = asks(Task::Status { job: job.id.as_str().into() }).await;
    assert!(text.contains("sts get-caller-identity`: ran"), "{text}");
    let text = asks(Task::History).await;
    assert!(text.starts_with("None of your latest 50 jobs ran a command."), "{text}");
    let another = world.job("U0BEN", Task::Status { job: job.id.as_str().into() });
    assert!(world.run(&another).await);
    assert!(world.one_seen().text().contains("None of your latest jobs"));
}

#[tokio::test]
async fn f23_the_response_url_is_used_until_its_half_hour_is_nearly_over() {
    for (age, way) in [
        (RESPONSE_URL_LIFE - 1, "response_url"),
        (RESPONSE_URL_LIFE, "chat.postEphemeral"),
        (RESPONSE_URL_LIFE + 1, "chat.postEphemeral"),
    ] {
        let world = World::start().await;
        let typed_at = world.now();
        world.stop_at(typed_at);
        let job = world.typed("U0ANNA", READ);
        at(&world, typed_at + age).await;
        assert!(world.run(&job).await);
        assert_eq!(world.one_seen().way, way, "after {age} s");
    }
}

#[tokio::test]
async fn a_change_of_the_mappings_is_in_force_within_five_seconds() {
    assert_eq!(TENANCY_AGE.as_secs(), 5);
    for (age, role) in [
        (TENANCY_AGE.as_secs() - 1, "PowerUser"),
        (TENANCY_AGE.as_secs(), "ReadOnly"),
        (TENANCY_AGE.as_secs() + 1, "ReadOnly"),
    ] {
        let world = World::start().await;
        let read_at = world.now();
        at(&world, read_at).await;
        assert!(world.invoke("U0ANNA", READ).await.contains("PowerUser"));
        let power_user = "arn:aws:iam::111111111111:role/alfredbot/PowerUser";
        world.map("usergroup#S0SRE", "usergroup", "sre", power_user, 99).await;
        world.stop_at(read_at + age);
        let seen = world.invoke("U0ANNA", READ).await;
        assert!(seen.contains(role), "after {age} s: {seen}");
    }
}

#[tokio::test]
async fn a_decrypted_token_and_a_data_key_are_kept_for_five_minutes() {
    for (limit, operation) in [(TOKEN_AGE, "Decrypt"), (MAX_KEY_AGE, "GenerateDataKey")] {
        for (age, calls) in [(limit - 1, 1), (limit, 2), (limit + 1, 2)] {
            let world = World::start().await;
            let first = world.now() + 3600;
            for second in [first, first + age] {
                at(&world, second).await;
                // Only the token can bring the answer.
                world
                    .slack
                    .be("response_url", [Mood::Says(404, r#"{"ok":false,"error":"used_url"}"#.into())]);
                assert!(world.invoke("U0ANNA", READ).await.contains("exit 0"));
            }
            assert_eq!(world.aws.count("kms", operation), calls, "{operation} after {age} s");
        }
    }
}

#[tokio::test]
async fn five_mebibytes_of_output_are_kept() {
    let world = World::start().await;
    // Some 64 bytes, doubled again and again: 4 MiB, then 8.
    let arn = "arn:aws:sts::111111111111:assumed-role/PowerUser/ab-T0ALFRED1-U0A";
    for (doublings, cut) in [(16, false), (17, true)] {
        let query = format!("'{arn}'") + &" | join('', [@, @])".repeat(doublings);
        let text = format!("{READ} --output text --query \"{query}\"");
        assert!(world.run(&world.typed("U0ANNA", &text)).await);
        let (_, file) = world.slack.files().pop().expect("the whole output is a file");
        let (all, kept) = ((arn.len() << doublings) + 1, 5 << 20);
        assert_eq!(file.len(), if cut { kept } else { all }, "{doublings} doublings");
    }
}
