//! Slack's own Python SDK as a witness: ingress accepts what it signs, and nothing that it would refuse itself.

use std::io::Write;
use std::process::{Command, Stdio};

use local::slack::signature::form;
use serde_json::{Value, json};
use tests::conversation::{end, seat, start};
use tests::witness;

#[tokio::test(flavor = "multi_thread")]
async fn ingress_accepts_what_the_sdk_signs() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let response_url = ben.types("/alfred-invoke aws s3 ls").await.response_url.unwrap();
    let body = |text: &str| {
        form(&[
            ("team_id", "T0ALFRED1"),
            ("channel_id", "C0OPS"),
            ("user_id", "U0BEN"),
            ("command", "/alfred-invoke"),
            ("text", text),
            ("response_url", &response_url),
        ])
    };
    let cases = [
        (json!({ "body": body("aws sts get-caller-identity") }), true),
        (json!({ "body": body("aws ec2 describe-instances --query 'Reservations[?x==`ä&é`]' 100%+") }), true),
        (json!({ "body": body("aws s3 ls"), "age": 290 }), true),
        (json!({ "body": body("aws s3 ls"), "age": -290 }), true),
        (json!({ "body": body("aws s3 ls"), "age": 305 }), false),
        (json!({ "body": body("aws s3 ls"), "age": -305 }), false),
        (json!({ "body": body("aws s3 ls"), "secret": "another secret" }), false),
    ];
    let url = format!("{}/slack/commands", stack.gateway_url());
    let secret = stack.slack.change_world(|world| world.app.signing_secret.clone());
    let lines: String = cases.iter().map(|(case, _)| format!("{case}\n")).collect();
    let answers = tokio::task::spawn_blocking(move || run(&url, &secret, &lines)).await.unwrap();
    assert_eq!(answers.len(), cases.len());
    for ((case, accepted), answer) in cases.iter().zip(&answers) {
        let status = if *accepted { 200 } else { 401 };
        assert_eq!(answer["status"], status, "{case}: {answer}");
        assert_eq!(answer["body"].as_str().unwrap().contains("Running"), *accepted, "{case}: {answer}");
    }
    end(stack, &[]).await;
}

/// Sends `lines` through the SDK and gives the answers.
fn run(url: &str, secret: &str, lines: &str) -> Vec<Value> {
    let mut child = Command::new(witness::material("venv/bin/python"))
        .arg(witness::root().join("tests/witness/slack_sdk_signs.py"))
        .args(["--url", url, "--secret", secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the script failed");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
