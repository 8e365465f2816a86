//! `aws-native`: the library as a program of its own, to compare and measure whole processes against the official CLI.
//! It takes `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_ACCOUNT_ID`, `AWS_REGION` and
//! `AWS_ENDPOINT_URL` from its environment and its command from the arguments. What sends nothing, such as `help`, needs
//! none of them. Nothing of the product runs it.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use awscli::classify::{Impact, classify};
use awscli::command::Context;
use awscli::files::MemoryFiles;
use awscli::session::{Budget, Credentials, NoJournal, Session, Tokens};
use awscli::transport::HttpClient;

/// What a run may use up: as much as the official CLI, within reason.
const BUDGET: (Duration, Duration, u32, u32, usize, usize) =
    (Duration::from_secs(900), Duration::from_millis(100), 10_000, 1_000, 256 << 20, 256 << 20);

/// How many bytes a run may keep in files, which are in memory and end with it.
const FILES: usize = 256 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("aws-native: {error:#}");
            ExitCode::from(253)
        }
    }
}

fn run() -> Result<u8> {
    let optional = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = optional("AWS_ENDPOINT_URL").map(|url| url.parse()).transpose();
    let http = HttpClient::new()?;
    let files = MemoryFiles::new(FILES);
    let argv: Vec<String> = std::env::args().skip(1).collect();
    const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    if let Some(missing) = KEYS.into_iter().find(|name| optional(name).is_none()) {
        let found = classify(&argv, Context { files: &files, now: SystemTime::now() });
        let needs_keys = found.is_ok_and(|found| found.sends || found.impact == Impact::Mint);
        ensure!(
            !needs_keys,
            "{missing} is not set: export it, or copy a role's keys from the AWS access portal"
        );
    }
    let [access_key_id, secret_access_key] = KEYS.map(|name| optional(name).unwrap_or_default());
    let (time, reserve, calls, pages, output_bytes, read_bytes) = BUDGET;
    let session = Session {
        credentials: Credentials {
            access_key_id,
            secret_access_key,
            session_token: optional("AWS_SESSION_TOKEN"),
            account_id: optional("AWS_ACCOUNT_ID"),
        },
        region: optional("AWS_REGION"),
        endpoint: endpoint.context("AWS_ENDPOINT_URL is not an URL")?,
        http: &http,
        files: &files,
        stdin: Default::default(),
        budget: Budget { deadline: Instant::now() + time, reserve, calls, pages, output_bytes, read_bytes },
        journal: &NoJournal,
        // Each run is a new job, whose tokens are its own.
        tokens: Tokens::Derived(uuid::Uuid::from_u128(
            u128::from(std::process::id()) << 96 | std::time::UNIX_EPOCH.elapsed()?.as_nanos(),
        )),
        hide_secrets: false,
        clock: None,
        park: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let output = runtime.block_on(awscli::run(&argv, &session));
    std::io::stdout().write_all(&output.stdout)?;
    std::io::stderr().write_all(output.stderr.as_bytes())?;
    if let Some(reason) = output.truncated {
        eprintln!("aws-native: {reason}");
    }
    Ok(u8::try_from(output.exit_status).unwrap_or(u8::MAX))
}
