//! The real binary, run as Lambda runs it: what arrives at API Gateway, what goes back to Slack, what is on the queue.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod world;

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use world::{Fault, PREVIOUS_SECRET, RESPONSE_URL, SECRET, World, signed, signed_with, typed, unsigned};

/// What the user must have got by then, whatever single thing fails.
const PROMISE: Duration = Duration::from_millis(2500);

const INTERNAL_ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/x-amz-json-1.0\r\n\
     content-length: 34\r\n\r\n{\"__type\":\"InternalFailure\",\"a\":1}";

fn steps(log: &[Value]) -> Vec<&Value> {
    log.iter().filter(|line| line["step"].is_string()).collect()
}

/// The id between the last pair of backticks.
fn shown_job(text: &str) -> String {
    text.rsplit('`').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn a_command_is_on_the_queue_when_its_user_reads_that_it_runs() {
    let world = World::start().await;
    let answer =
        world.types("/alfred-invoke", "aws ec2 describe-instances —region <https://x.eu|eu-west-1>").await;
    let text = answer.ephemeral();
    assert!(text.starts_with("Running `aws ec2 describe-instances --region eu-west-1` · job `"), "{text}");
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");

    let jobs = world.jobs().await;
    let [job] = &jobs[..] else { panic!("{jobs:?}") };
    let id = job["id"].as_str().unwrap();
    assert_eq!(id[..8], shown_job(&text));
    let typed_at = job["typed_at"].as_u64().unwrap();
    assert_eq!(
        *job,
        json!({
            "version": 1,
            "id": id,
            "tenant": "T0ALFRED1",
            "user": "U0ANNA",
            "channel": "C0OPS",
            "task": {"kind": "invoke", "text": "aws ec2 describe-instances --region eu-west-1"},
            "typed_at": typed_at,
            "response_url": RESPONSE_URL,
        })
    );

    // Fair queues group by workspace.
    assert_eq!(world.proxy.posts()[0]["MessageGroupId"], "T0ALFRED1");

    let log = world.log(|log| steps(log).len() == 2).await;
    for (line, step) in steps(&log).into_iter().zip(["queued", "acked"]) {
        assert_eq!(
            (&line["step"], &line["job.id"], &line["level"]),
            (&json!(step), &json!(id), &json!("INFO"))
        );
        assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn the_same_request_twice_is_the_same_job_and_the_same_words_typed_twice_are_two() {
    let world = World::start().await;
    let request = typed("/alfred-invoke", "s3 ls");
    let first = world.invoke(request.clone()).await.ephemeral();
    assert_eq!(world.invoke(request).await.ephemeral(), first);
    let again = world.types("/alfred-invoke", "s3 ls ").await.ephemeral();
    assert_ne!(shown_job(&again), shown_job(&first));
    let ids: Vec<Value> = world.jobs().await.into_iter().map(|job| job["id"].clone()).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test]
async fn questions_about_oneself_become_jobs() {
    let world = World::start().await;
    for (text, words) in [
        ("whoami", "Looking up who you are · job `"),
        ("status `1A2B3C4D`", "Looking up job `1a2b3c4d` · job `"),
        ("history", "Looking up your latest jobs · job `"),
    ] {
        let answer = world.types("/alfred", text).await.ephemeral();
        assert!(answer.starts_with(words), "{answer}");
    }
    let tasks: Vec<Value> = world.jobs().await.into_iter().map(|job| job["task"].clone()).collect();
    assert_eq!(
        tasks,
        [
            json!({"kind": "who_am_i"}),
            json!({"kind": "status", "job": "1a2b3c4d"}),
            json!({"kind": "history"})
        ]
    );
}

#[tokio::test]
async fn what_needs_no_job_is_answered_without_one() {
    let world = World::start().await;
    for (command, text, words) in [
        ("/alfred-invoke", "", "Run an AWS command under your own role"),
        ("/alfred-invoke", "help", "Run an AWS command under your own role"),
        ("/alfred", "", "Alfredbot runs AWS commands for you"),
        ("/alfred", "help", "Alfredbot runs AWS commands for you"),
        ("/alfred", "dance", "There is no `/alfred dance`."),
        ("/alfred", "status", "Name the job by its id"),
        ("/alfred-admin", "help", "Slack admins map channels"),
        ("/alfred-sync", "", "Reads who is in the mapped channels"),
        ("/deploy", "now", "Slack sends `/deploy` to Alfredbot"),
        ("/alfred-invoke", "s3 ls \0", "The command contains the control character U+0000"),
        ("/alfred-invoke", &"x".repeat(64 * 1024 + 1), "The command is longer than 64 KiB."),
    ] {
        let answer = world.types(command, text).await.ephemeral();
        assert!(answer.starts_with(words), "{answer}");
    }
    assert_eq!(world.proxy.posts().len(), 0);
}

#[tokio::test]
async fn the_longest_command_reaches_the_queue_whole() {
    let world = World::start().await;
    let text = format!("ssm put-parameter --value '{}'", "🦀".repeat((64 * 1024 - 29) / 4));
    world.types("/alfred-invoke", &text).await.ephemeral();
    assert_eq!(world.jobs().await[0]["task"]["text"], text);
}

#[tokio::test]
async fn what_slack_sends_besides_commands_is_acknowledged() {
    let world = World::start().await;
    let challenge = r#"{"token":"x","challenge":"3eZbrw1aB\/10","type":"url_verification"}"#;
    let answer = world.invoke(signed("/slack/events", challenge, 0)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "3eZbrw1aB/10"));
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    for event in [
        signed("/slack/events", r#"{"type":"event_callback","event_id":"Ev1","event":{"type":"x"}}"#, 0),
        signed("/slack/interactive", "payload=%7B%22type%22%3A%22block_actions%22%7D", 0),
        signed("/slack/commands", "ssl_check=1&token=x", 0),
        unsigned("POST", "/slack/commands", "ssl_check=1&token=x"),
    ] {
        let answer = world.invoke(event).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    }
    assert_eq!(world.proxy.posts().len(), 0);
}

#[tokio::test]
async fn while_the_secret_is_changed_the_previous_one_is_good_too() {
    let world = World::start().await;
    let body = "team_id=T1&user_id=U1&channel_id=C1&command=%2Falfred-invoke&text=s3";
    for (secret, status) in
        [(SECRET, 200), (PREVIOUS_SECRET, 200), ("alfred-secret-before-the-previous", 401)]
    {
        let answer = world.invoke(signed_with(secret, "/slack/commands", body, 0)).await;
        assert_eq!(answer.status, status, "{secret}");
    }
}

#[tokio::test]
async fn what_is_not_slacks_gets_a_status_and_no_words() {
    let world = World::start().await;
    let genuine = typed("/alfred-invoke", "s3 ls");
    let altered = |change: &dyn Fn(&mut Value)| {
        let mut event = genuine.clone();
        change(&mut event);
        event
    };
    let body = "team_id=T1&user_id=U1&channel_id=C1&command=%2Falfred-invoke&text=s3";
    let commands = "/slack/commands";
    for (event, status) in [
        (unsigned("POST", commands, body), 401),
        (unsigned("POST", "/slack/events", r#"{"type":"url_verification","challenge":"x"}"#), 401),
        (unsigned("POST", "/slack/interactive", "payload=%7B%7D"), 401),
        (signed(commands, body, -302), 401),
        (signed(commands, body, 302), 401),
        (altered(&|event| event["body"] = json!("dGV4dD1lYzI=")), 401),
        (altered(&|event| event["body"] = json!("not base64!")), 401),
        (altered(&|event| event["headers"]["x-slack-signature"] = json!("v0=00,v0=00")), 401),
        (altered(&|event| event["headers"] = Value::Null), 401),
        (altered(&|event| event["requestContext"]["http"]["method"] = json!("GET")), 405),
        (altered(&|event| event["rawPath"] = json!("/install")), 404),
        (unsigned("POST", commands, &"x".repeat(1024 * 1024)), 401),
        (unsigned("POST", commands, &"x".repeat(1024 * 1024 + 1)), 413),
        (json!({}), 404),
    ] {
        let answer = world.invoke(event).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, ""));
    }
    assert_eq!(world.invoke(genuine).await.status, 200);
    assert_eq!(world.jobs().await.len(), 1);
    world.log(|log| steps(log).len() == 2).await;
}

#[tokio::test]
async fn a_silent_queue_leaves_it_open_whether_the_job_runs() {
    let world = World::start().await;
    world.proxy.plan([Fault::Silence, Fault::Silence]);
    let answer = world.types("/alfred-invoke", "s3 ls").await;
    assert!(answer.took < PROMISE, "{:?}", answer.took);
    let text = answer.ephemeral();
    assert!(text.starts_with("The job queue did not confirm job `"), "{text}");
    assert!(text.contains("It may still run, once, within the next 15 minutes."), "{text}");
    assert_eq!(world.proxy.posts().len(), 2);
    // The next command finds a working connection.
    assert!(world.types("/alfred-invoke", "s3 ls").await.ephemeral().starts_with("Running"));
    let log = world.log(|log| steps(log).len() == 2).await;
    assert!(log.iter().any(|line| line["level"] == "ERROR" && line["job.id"].is_string()));
}

#[tokio::test]
async fn the_first_request_of_a_process_that_never_reached_its_queue_is_answered_in_time() {
    let world = World::start_with_silent_queue().await;
    let answer = world.types("/alfred-invoke", "s3 ls").await;
    assert!(answer.took < PROMISE, "{:?}", answer.took);
    assert!(answer.ephemeral().starts_with("The job queue did not confirm job `"));
}

#[tokio::test]
async fn a_queue_that_takes_the_second_try_is_enough() {
    for fault in [Fault::Silence, Fault::Break, Fault::Answer(INTERNAL_ERROR)] {
        let world = World::start().await;
        world.proxy.plan([fault]);
        let answer = world.types("/alfred-invoke", "s3 ls").await;
        assert!(answer.ephemeral().starts_with("Running `s3 ls`"), "{fault:?}");
        assert!(answer.took < PROMISE);
        assert_eq!(world.proxy.posts().len(), 2);
        assert_eq!(world.jobs().await.len(), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_job() {
    let world = World::start().await;
    world.proxy.plan([Fault::LoseAnswer]);
    let text = world.types("/alfred-invoke", "s3 ls").await.ephemeral();
    assert!(text.starts_with("Running"), "{text}");
    let jobs = world.jobs().await;
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[0], jobs[1]);

    world.proxy.plan([Fault::LoseAnswer, Fault::LoseAnswer]);
    let text = world.types("/alfred-invoke", "s3 ls").await.ephemeral();
    assert!(text.starts_with("The job queue did not confirm job `"), "{text}");
    assert_eq!(world.jobs().await.len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_not_sqss_confirms_nothing() {
    let world = World::start().await;
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    world.proxy.plan([Fault::Answer(page), Fault::Answer(page)]);
    let text = world.types("/alfred-invoke", "s3 ls").await.ephemeral();
    assert!(text.starts_with("The job queue did not confirm job `"), "{text}");
}

#[tokio::test]
async fn one_uncertain_try_makes_the_whole_uncertain() {
    let mut world = World::start().await;
    world.proxy.plan([Fault::Answer(INTERNAL_ERROR), Fault::Answer(INTERNAL_ERROR)]);
    let text = world.types("/alfred-invoke", "s3 ls").await.ephemeral();
    assert!(text.starts_with("The job queue did not confirm job `"), "{text}");

    // Afterwards nothing can be reached any more, and that is certain again.
    world.proxy.stop().await;
    let answer = world.types("/alfred-invoke", "s3 ls").await;
    assert!(answer.took < PROMISE);
    assert_eq!(
        answer.ephemeral(),
        "The job queue does not take jobs at the moment. Nothing was run; please send the command again."
    );
}

#[tokio::test]
async fn a_queue_that_refuses_is_certain_to_have_nothing() {
    let world = World::start().await;
    world.sqs.delete_queue().queue_url(&world.queue_url).send().await.unwrap();
    let text = world.types("/alfred-invoke", "s3 ls").await.ephemeral();
    assert!(text.contains("Nothing was run"), "{text}");
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_nobody_an_answer() {
    let world = World::start().await;
    for _ in 0..20 {
        world.proxy.plan([Fault::CloseAfterAnswer]);
        assert!(world.types("/alfred-invoke", "s3 ls").await.ephemeral().starts_with("Running"));
    }
    assert_eq!(world.jobs().await.len(), 20);
}

#[tokio::test]
async fn a_start_without_its_variables_names_them_all() {
    let output = Command::new(env!("CARGO_BIN_EXE_ingress"))
        .env_clear()
        .env("SLACK_SIGNING_SECRET", "")
        .env("AWS_REGION", "us-east-1")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    for name in ["SLACK_SIGNING_SECRET", "JOBS_QUEUE_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        assert!(error.contains(&format!("{name} is not set (")), "{error}");
    }
    assert!(!error.contains("AWS_REGION"), "{error}");
}
