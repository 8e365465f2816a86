//! What the function cannot do because it does not link it, read from the build itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::process::Command;

/// The names of all packages that are linked into the function.
fn linked() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "ingress", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn no_client_of_any_aws_service_is_linked() {
    // The one call that ingress makes, SendMessage, is written out in `enqueue`.
    assert!(!linked().iter().any(|name| name.starts_with("aws-sdk-")));
}

#[test]
fn no_client_of_slack_and_none_of_our_other_parts_is_linked() {
    let linked = linked();
    for name in ["reqwest", "awscli", "worker", "local", "aws-config"] {
        assert!(!linked.contains(name), "{name}");
    }
    assert!(linked.contains("shared"));
}

#[test]
fn there_is_one_tls_stack_with_its_roots_compiled_in() {
    let linked = linked();
    for name in ["ring", "openssl", "native-tls", "rustls-native-certs", "rustls-platform-verifier", "h2"] {
        assert!(!linked.contains(name), "{name}");
    }
    for name in ["rustls", "aws-lc-rs", "webpki-roots"] {
        assert!(linked.contains(name), "{name}");
    }
}
