//! Our `aws` against the official AWS CLI v2: both run the commands of `parity/commands.txt` against one emulator.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::{Command, Output};
use std::sync::Mutex;

use tests::witness;

/// The fewest commands and services that the table must hold.
const MIN_COMMANDS: usize = 100;
const MIN_SERVICES: usize = 25;
/// How many commands run at once. The official CLI spends a second of CPU on each.
const AT_ONCE: usize = 3;

/// A line of the table.
struct Line {
    text: &'static str,
    words: Vec<String>,
}

/// The lines that prepare, and the lines that are compared.
fn table() -> (Vec<Line>, Vec<Line>) {
    let line = |text: &'static str| {
        let words = shlex::split(text).unwrap_or_else(|| panic!("an unclosed quote: {text}"));
        Line { text, words }
    };
    let lines = include_str!("../../parity/commands.txt")
        .lines()
        .filter(|text| !text.is_empty() && !text.starts_with('#'));
    let (setup, compared): (Vec<&str>, Vec<&str>) = lines.partition(|text| text.starts_with("setup: "));
    let setup = setup.iter().map(|text| line(&text["setup: ".len()..])).collect();
    (setup, compared.into_iter().map(line).collect())
}

fn run(mut command: Command, words: &[String]) -> Output {
    command.args(words).output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
}

/// What AWS's refusal says, without the program's own prefix.
fn refusal(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.trim().trim_start_matches("aws: [ERROR]: ").to_owned()
}

/// How ours differs from the official one, or nothing.
fn difference(line: &Line, official: &Output, ours: &Output) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let status = |output: &Output| output.status.code().map_or("a signal".into(), |code| code.to_string());
    let refused = official.status.code() == Some(254);
    let equal = official.stdout == ours.stdout
        && official.status.code() == ours.status.code()
        && (!refused || refusal(&official.stderr) == refusal(&ours.stderr));
    if equal {
        return None;
    }
    let mut difference = format!("$ aws {}\n", line.text);
    for (who, output) in [("official", official), ("ours", ours)] {
        let _ = writeln!(difference, "-- {who}, exit status {}", status(output));
        let _ = writeln!(difference, "{}{}", text(&output.stdout), text(&output.stderr));
    }
    Some(difference)
}

#[test]
fn our_command_prints_what_the_official_one_prints() {
    let (setup, compared) = table();
    let services: BTreeSet<&str> = compared.iter().map(|line| line.words[0].as_str()).collect();
    assert!(compared.len() >= MIN_COMMANDS, "only {} commands", compared.len());
    assert!(services.len() >= MIN_SERVICES, "only {} services", services.len());

    let (_moto, address) = witness::moto();
    let endpoint = format!("http://{address}");
    for line in &setup {
        let made = run(witness::our_cli(&endpoint), &line.words);
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "setup failed: aws {}\n{said}", line.text);
    }

    let waiting = Mutex::new(compared.iter());
    let differences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some(line) = next else { break };
                    let official = run(witness::official_cli(&endpoint), &line.words);
                    let ours = run(witness::our_cli(&endpoint), &line.words);
                    differences.lock().unwrap().extend(difference(line, &official, &ours));
                }
            });
        }
    });

    let differences = differences.into_inner().unwrap();
    assert!(
        differences.is_empty(),
        "{} of {} commands differ:\n\n{}",
        differences.len(),
        compared.len(),
        differences.join("\n")
    );
    println!("{} commands of {} services: same stdout, same exit status", compared.len(), services.len());
}

#[test]
fn only_what_asks_aws_needs_keys() {
    for (line, status, said) in [
        ("s3 cp help", 0, "aws s3 cp"),
        ("ec2 describe-instances --generate-cli-skeleton input", 0, "\"InstanceIds\""),
        ("s3api list-bukets", 252, "Maybe you meant"),
        ("sts get-caller-identity", 253, "AWS_ACCESS_KEY_ID is not set"),
        ("s3 presign s3://bucket/key", 253, "AWS_ACCESS_KEY_ID is not set"),
    ] {
        let mut command = Command::new(witness::program("aws-native"));
        command.env_clear();
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let output = run(command, &words);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!((output.status.code(), text.contains(said)), (Some(status), true), "{line}: {text}");
    }
}
