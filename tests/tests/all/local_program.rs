//! `alfred-local`, the program behind `./alfred up`: it says what keeps it from starting, and leaves nothing behind.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::process::{Group, wait_for};
use tests::witness;

/// How long a start or an end may take on a machine that does other things as well.
const LIMIT: Duration = Duration::from_secs(60);

fn local(arguments: &[&str]) -> Command {
    let mut command = Command::new(witness::program("alfred-local"));
    command.args(arguments);
    command
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, words) in [
        (&["--port", &port][..], format!("port {port} on 127.0.0.1 is taken; choose another with --port")),
        (&["--port", "65536"], "65536 is not a port (0 to 65535)".into()),
        (&["--port"], "--port needs a value".into()),
        (&["--seed", "big"], "big is not a seed: choose empty or demo".into()),
        (&["--colour"], "unknown argument --colour".into()),
        (&["--port", "0", "--functions", "/nowhere"], "no program /nowhere/ingress: build it first".into()),
    ] {
        let ended = local(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.code() == Some(1) && said.contains(&words), "{arguments:?}: {said}");
    }
    let help = local(&["--help"]).output().unwrap();
    assert!(
        help.status.success() && String::from_utf8_lossy(&help.stdout).starts_with("usage: alfred-local")
    );
}

#[test]
fn one_signal_ends_all_of_it() {
    for (signal, seed) in [(Signal::INT, "demo"), (Signal::TERM, "empty")] {
        let group = Group::start(local(&["--port", "0", "--seed", seed])).unwrap();
        let id = group.id();
        let ready = wait_for("the address of the page", LIMIT, || {
            let output = group.output();
            output.contains("Ctrl-C ends everything").then_some(output)
        });
        assert!(ready.contains("Alfredbot is ready: http://127.0.0.1:"), "{ready}");
        let logs = ready.split("The functions' logs: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
        assert!(Path::new(logs).exists(), "{logs}");
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let mut functions: Vec<String> = children.split_whitespace().map(str::to_owned).collect();
        for thread in threads {
            let children =
                std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default();
            functions.extend(children.split_whitespace().map(str::to_owned));
        }
        assert!(seed == "empty" || !functions.is_empty(), "the demo has run functions");

        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal).unwrap();
        wait_for("its end", LIMIT, || {
            // A process that has ended and was not waited for yet is a zombie.
            let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            state
                .rsplit(") ")
                .next()
                .is_none_or(|rest| rest.starts_with('Z') || rest.is_empty())
                .then_some(())
        });
        for function in functions {
            assert!(!Path::new(&format!("/proc/{function}")).exists(), "a function runs on after {signal:?}");
        }
        assert!(!Path::new(logs).exists(), "{logs} is left behind");
    }
}
