//! The answer's way to people, with a Slack that fails.

use shared::secret::Secret;
use worker::blocks::{HEAD, MAX_INLINE};
use worker::claim::{Attempt, CHUNK, NewClaim, State};
use worker::outcome::Answer;

use crate::slack::{Mood, Slack, TOKEN};
use crate::world::World;

const READ: &str = "aws sts get-caller-identity";

#[tokio::test]
async fn f21_retry_after_is_obeyed() {
    let world = World::start().await;
    world.slack.be("response_url", [Mood::Wait(1)]);
    let started = std::time::Instant::now();
    assert!(world.invoke("U0ANNA", READ).await.contains("exit 0"));
    assert!(started.elapsed() >= std::time::Duration::from_secs(1));
    assert_eq!(world.slack.tried("response_url"), 2);
}

#[tokio::test]
async fn f21_the_other_jobs_of_a_workspace_wait_as_well() {
    let world = World::start().await;
    world.slack.be("response_url", [Mood::Wait(2)]);
    let [first, second] = ["U0ANNA", "U0BEN"].map(|user| world.typed(user, READ));
    let started = std::time::Instant::now();
    let told = async {
        while world.slack.tried("response_url") == 0 {
            tokio::task::yield_now().await;
        }
        assert!(world.run(&second).await);
        started.elapsed()
    };
    let (posted, took) = tokio::join!(world.run(&first), told);
    assert!(posted && took >= std::time::Duration::from_secs(2), "{took:?}");
    assert_eq!(world.slack.tried("response_url"), 3);
}

#[tokio::test]
async fn f22_a_slack_that_fails_for_a_moment_is_tried_again() {
    let world = World::start().await;
    world.slack.be("response_url", [Mood::Says(503, String::new()), Mood::Says(500, "oops".into())]);
    assert!(world.invoke("U0ANNA", READ).await.contains("exit 0"));
    assert_eq!(world.slack.tried("response_url"), 3);
}

#[tokio::test]
async fn f23_a_used_or_expired_response_url_is_replaced_by_an_ephemeral_message_and_then_a_direct_one() {
    let world = World::start().await;
    for (status, body) in [
        (404, r#"{"ok":false,"error":"used_url"}"#),
        (410, "expired_url"),
        (200, r#"{"ok":false,"error":"used_url"}"#),
        (200, "no_service"),
    ] {
        world.slack.be("response_url", [Mood::Says(status, body.into())]);
        assert!(world.run(&world.typed("U0ANNA", READ)).await);
        let seen = world.one_seen();
        assert_eq!((seen.way.as_str(), seen.to.as_str()), ("chat.postEphemeral", "C0OPS"), "{status} {body}");
        assert_eq!(seen.message["user"], "U0ANNA");
    }
    let mut job = world.typed("U0ANNA", READ);
    job.channel = "C0PRIVATE".parse().unwrap();
    job.response_url = None;
    assert!(world.run(&job).await);
    let seen = world.one_seen();
    assert_eq!((seen.way.as_str(), seen.to.as_str()), ("chat.postMessage", "U0ANNA"));
    assert_eq!(seen.message["unfurl_links"], false);
}

#[tokio::test]
async fn t34_an_answer_never_goes_to_another_host() {
    let world = World::start().await;
    for url in ["http://127.0.0.1:1/commands/1", "https://hooks.slack.com.evil.example/x", "not a url"] {
        let mut job = world.typed("U0ANNA", READ);
        job.response_url = Some(Secret::new(url.into()));
        assert!(world.run(&job).await);
        assert_eq!(world.one_seen().way, "chat.postEphemeral", "{url}");
    }
    let mut job = world.typed("U0ANNA", READ);
    let with_user = world.slack.url.replace("http://", "http://user@") + "/commands/1";
    job.response_url = Some(Secret::new(with_user));
    assert!(world.run(&job).await);
    assert_eq!(world.one_seen().way, "chat.postEphemeral");
}

#[tokio::test]
async fn t34_a_redirect_is_not_followed() {
    let (world, elsewhere) = (World::start().await, Slack::start().await);
    for way in ["response_url", "chat.postEphemeral"] {
        world.slack.be(way, [Mood::Redirects(elsewhere.url.clone())]);
    }
    assert!(world.invoke("U0ANNA", READ).await.contains("exit 0"));
    assert_eq!(world.slack.tried("chat.postEphemeral"), 2);
    assert_eq!(elsewhere.tried("response_url"), 0);
}

#[tokio::test]
async fn f23_after_half_an_hour_the_response_url_is_not_used() {
    let world = World::start().await;
    // Slack is down when the job ends, and comes back 35 minutes later.
    let down = || std::iter::repeat_n(Mood::Says(410, "expired_url".into()), 1);
    world.slack.be("response_url", down());
    world
        .slack
        .be("chat.postEphemeral", [Mood::Says(200, r#"{"ok":false,"error":"channel_not_found"}"#.into())]);
    world
        .slack
        .be("chat.postMessage", [Mood::Says(200, r#"{"ok":false,"error":"account_inactive"}"#.into())]);
    let job = world.typed("U0ANNA", READ);
    assert!(world.run(&job).await, "the record is done with: the answer is kept");
    assert!(world.slack.take_seen().is_empty());
    assert_eq!(world.row(&job).await.state, State::ResultReady);
    assert_eq!(world.sweep().await, 0, "it is left alone for a minute");

    world.pass(35 * 60).await;
    let before = world.slack.tried("response_url");
    assert_eq!(world.sweep().await, 1);
    assert_eq!(world.one_seen().way, "chat.postEphemeral");
    assert_eq!(world.slack.tried("response_url"), before);
    assert_eq!(world.row(&job).await.state, State::Delivered);
    assert_eq!(world.aws.count("sts", "GetCallerIdentity"), 1);
}

#[tokio::test]
async fn an_answer_that_could_not_be_delivered_for_an_hour_is_given_up_loudly() {
    let world = World::start().await;
    let refused = |word: &str| Mood::Says(200, format!(r#"{{"ok":false,"error":"{word}"}}"#));
    world.slack.be("response_url", [refused("used_url")]);
    world.slack.be("chat.postEphemeral", [refused("channel_not_found")]);
    world.slack.be("chat.postMessage", [refused("channel_not_found")]);
    let job = world.typed("U0ANNA", READ);
    assert!(world.run(&job).await);
    world.pass(2 * 3600).await;
    assert_eq!(world.sweep().await, 1);
    assert!(world.one_seen().text().starts_with("The answer to this could not be delivered"));
    assert_eq!(world.row(&job).await.state, State::Dead);
}

#[tokio::test]
async fn f24_a_post_of_unknown_outcome_is_at_worst_the_same_text_twice() {
    let world = World::start().await;
    world.slack.be("response_url", [Mood::TakesAndFails]);
    let job = world.typed("U0ANNA", READ);
    assert!(world.run(&job).await);
    let seen = world.slack.take_seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].text().contains(job.id.short()));
}

#[tokio::test]
async fn g92_a_token_of_another_workspace_stays_closed() {
    let world = World::start().await;
    let foreign = world
        .db
        .get_item()
        .table_name("installations")
        .key("tenant", aws_sdk_dynamodb::types::AttributeValue::S("T0ALFRED1".into()))
        .send()
        .await
        .unwrap()
        .item
        .unwrap();
    let token = foreign["bot_token"].as_s().unwrap().clone();
    world
        .put("installations", serde_json::json!({"tenant": "T0OTHER", "app_id": "A1", "bot_user_id": "UBOT", "bot_token": token, "scopes": [], "state": "active"}))
        .await;
    let mut job = world.typed("U0ANNA", READ);
    job.tenant = "T0OTHER".parse().unwrap();
    job.response_url = None;
    assert!(world.run(&job).await);
    assert!(world.slack.take_seen().is_empty());
    assert_eq!(world.slack.tried("chat.postMessage") + world.slack.tried("chat.postEphemeral"), 0);
}

/// Posts an answer with this output as a worker would, and gives the job.
async fn answered(world: &World, stdout: &str) -> shared::job::Job {
    let job = world.typed("U0ANNA", READ);
    let responder = &world.worker.responder;
    let key = responder.keys.current(&job.tenant).await.unwrap();
    let attempt = worker::claim::Attempt::new().unwrap();
    let sealed = key.seal(
        &worker::respond::job_place(&worker::claim::job_key(&job.tenant, &job.id)),
        &serde_json::to_vec(&job).unwrap(),
    );
    let new = worker::claim::NewClaim {
        job: &job,
        attempt: &attempt,
        lease_until: world.deadline().lease(),
        sealed: Some((&key.wrapped, sealed.unwrap())),
        now: world.now(),
    };
    let claim = responder.ledger.claim(new).await.unwrap().unwrap();
    let answer = Answer { stdout: stdout.into(), ..Answer::new(&job.id, "") };
    let left = std::time::Duration::from_secs(60);
    responder.conclude(&job, &claim, Some(&key), answer, State::Delivered, left).await.unwrap();
    job
}

#[tokio::test]
async fn f25_long_output_is_its_head_and_a_file_that_only_the_user_sees() {
    let world = World::start().await;
    let output: String = (0..1_000_000).map(|number| format!("{number}\n")).collect();
    let job = answered(&world, &output).await;
    let seen = world.slack.take_seen();
    let ways: Vec<_> = seen.iter().map(|seen| (seen.way.as_str(), seen.to.as_str())).collect();
    assert_eq!(
        ways,
        [("chat.postMessage", "U0ANNA"), ("files.completeUploadExternal", "D0DIRECT"), ("response_url", "")]
    );
    let text = seen[2].text();
    assert!(
        text.contains(&format!(
            "Shown: the first {HEAD} of {} characters. The whole output is a file",
            output.len()
        )),
        "{text}"
    );
    let files = world.slack.files();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].0, format!("alfred-{}.txt", job.id.short()));
    assert!(files[0].1 == output.as_bytes(), "the file holds every byte");

    // What is larger than an item of the table comes back whole, too.
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let noise: String = std::iter::repeat_with(|| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        char::from(b'!' + (random % 90) as u8)
    })
    .take(1_000_000)
    .collect();
    let job = answered(&world, &noise).await;
    let row = world.row(&job).await;
    assert!(row.result_chunks.len() > 1, "it is in one item");
    let (_, key) = world.worker.responder.open_job(&row).await.unwrap();
    let kept = world.worker.responder.open_answer(&row, &key).await.unwrap().unwrap();
    assert!(kept.stdout == noise);
}

#[tokio::test]
async fn a_result_has_as_many_items_as_it_needs() {
    let world = World::start().await;
    let ledger = &world.worker.responder.ledger;
    for (size, items) in [(1, 1), (CHUNK - 1, 1), (CHUNK, 1), (CHUNK + 1, 2)] {
        let (job, attempt, now) = (world.typed("U0ANNA", "aws s3 ls"), Attempt::new().unwrap(), world.now());
        let new = NewClaim { job: &job, attempt: &attempt, lease_until: now + 60, sealed: None, now };
        let claim = ledger.claim(new).await.unwrap().unwrap();
        let sealed = vec![7; size];
        ledger.store(&claim, Some(&sealed), State::Delivered, now).await.unwrap();
        let row = world.row(&job).await;
        assert_eq!(row.result_chunks.len(), items, "{size} bytes");
        assert!(ledger.result(&row, now).await.unwrap() == Some(sealed), "{size} bytes");
    }
}

#[tokio::test]
async fn f25_when_the_file_cannot_be_uploaded_the_head_says_why() {
    let world = World::start().await;
    world.slack.be(
        "files.getUploadURLExternal",
        [Mood::Says(200, r#"{"ok":false,"error":"missing_scope","needed":"files:write"}"#.into())],
    );
    answered(&world, &"x".repeat(MAX_INLINE + 1)).await;
    let seen = world.slack.take_seen().pop().unwrap();
    assert_eq!(seen.way, "response_url");
    let text = seen.text();
    assert!(text.contains("could not be uploaded as a file: Slack refused: missing_scope (the app needs the scope files:write)"), "{text}");
}

#[tokio::test]
async fn no_message_carries_the_token() {
    let world = World::start().await;
    answered(&world, &"x".repeat(MAX_INLINE + 1)).await;
    for seen in world.slack.take_seen() {
        assert!(!seen.message.to_string().contains(TOKEN));
    }
}
