//! The Socket Mode client of Slack's own Python SDK as a witness: it lives in the fake Slack as it would in Slack.

use std::process::Command;
use std::time::Duration;

use local::slack::world::{Token, TokenState, World};
use tests::conversation::fake_slack;
use tests::witness;

const APP_TOKEN: &str = "xapp-1-A0ALFRED1-1-a-secret";
const BOT_TOKEN: &str = "xoxb-a-secret";

#[tokio::test(flavor = "multi_thread")]
async fn the_sdks_socket_mode_client_gets_along_with_the_fake() {
    let mut world = World::demo();
    world.app.socket_mode = true;
    world.app.tokens.push(Token {
        value: APP_TOKEN.into(),
        state: TokenState::App,
        scopes: ["connections:write".to_owned()].into(),
        expires_at: None,
    });
    let slack = fake_slack(world, Some(BOT_TOKEN), "no request is signed here").await;
    // More than Slack's 3 s for a busy machine, and not much more, since one event is left unacknowledged.
    slack.set_ack_timeout(Duration::from_secs(10));
    let mut script = Command::new(witness::material("venv/bin/python"));
    script.arg(witness::root().join("tests/witness/slack_sdk_socket_mode.py")).args([
        "--base",
        &slack.base_url(),
        "--app-token",
        APP_TOKEN,
        "--token",
        BOT_TOKEN,
    ]);
    let output = tokio::task::spawn_blocking(move || script.output().unwrap()).await.unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && report.contains("\nOK"), "{report}");
}
