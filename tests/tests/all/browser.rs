//! Setting Alfredbot up and using it with nothing but a browser, from "Add to Slack" to the removed mapping.

use std::path::Path;
use std::process::Command;

use local::stack::Seed;
use tests::conversation::{end, start_with};
use tests::witness;

/// Names a file, below the workspace, that gets the README's picture of the console.
const PICTURE: &str = "CONSOLE_PICTURE";

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_set_up_and_used_in_a_browser() {
    let stack = start_with(|options| options.seed = Seed::Empty).await;
    let console = stack.console_url();
    let walked = tokio::task::spawn_blocking(move || {
        let mut walk = Command::new(witness::material("venv/bin/python"));
        walk.arg(witness::root().join("tests/witness/browser_walk.py"))
            .arg(console)
            .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser_walk.png"));
        if let Some(picture) = std::env::var_os(PICTURE) {
            walk.arg(witness::root().join(picture));
        }
        walk.output().unwrap()
    });
    let walked = walked.await.unwrap();
    assert!(walked.status.success(), "{}", String::from_utf8_lossy(&walked.stderr));
    end(stack, &[]).await;
}
