//! Slack's own framework as a witness: an app of Bolt for Python is installed, hears and answers in the fake Slack.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use local::slack::FakeSlack;
use local::slack::world::World;
use tests::conversation::fake_slack;
use tests::witness;

const SIGNING_SECRET: &str = "a secret that only the fake and the app share";

#[tokio::test(flavor = "multi_thread")]
async fn a_bolt_app_lives_in_the_fake() {
    let mut world = World::demo();
    let app = &mut world.app;
    app.commands.iter_mut().for_each(|command| command.path = "/slack/events".into());
    app.interactive_path = "/slack/events".into();
    app.options_path = "/slack/events".into();
    app.install_path = "/slack/install".into();
    app.redirect_urls = vec!["/slack/oauth_redirect".into()];
    let slack = fake_slack(world, None, SIGNING_SECRET).await;
    let judged = slack.clone();
    let (succeeded, report) = tokio::task::spawn_blocking(move || run(&judged)).await.unwrap();
    assert!(succeeded && report.contains("\nOK"), "{report}");
}

/// Lets the script judge the fake: whether it is content, and what it says.
fn run(slack: &FakeSlack) -> (bool, String) {
    let (client_id, client_secret) = slack.client();
    let mut child = Command::new(witness::material("venv/bin/python"))
        .arg(witness::root().join("tests/witness/slack_bolt_fake.py"))
        .args(["--base", &slack.base_url(), "--client-id", &client_id])
        .args(["--client-secret", &client_secret, "--secret", SIGNING_SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if let Some(address) = line.trim_end().strip_prefix("app ") {
        slack.set_request_url_base(address);
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}
