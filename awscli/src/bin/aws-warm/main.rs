//! `aws-warm`: what commands cost in a process that runs many, without a network. Its argument names a file, each line of
//! which is a command: the words behind `aws` with spaces between them. Empty lines and those that begin with `#` are none.
//! A command runs often against the same answer, which is made from the model.
//! Each line of standard output is what was measured, with CPU times in nanoseconds and sizes in bytes:
//!
//! - `{"command", "answer", "output", "first": […], "warm": […]}`: the sizes of answer and output, and what each run took,
//!   signing included. A first run has its service packed; only the first command of each service has some. There is one
//!   such line for each time that the list of commands is gone through: minutes of a shared machine differ.
//! - `{"service", "unpack": […]}`: what it takes to unpack a service, for all services.
//! - `{"start", "peak"}`: the most memory that the process had before the first command, and before the services.
//!
//! Nothing of the product runs it.

mod answer;

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use awscli::catalog;
use awscli::files::MemoryFiles;
use awscli::parse::HttpResponse;
use awscli::session::{Budget, Credentials, NoJournal, Session, Tokens};
use awscli::transport::{Reading, Sending, Transport};
use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use url::Url;
use uuid::Uuid;

/// How often the list of commands is gone through.
const PASSES: usize = 5;

/// How often each command runs in one pass, after its first time.
const RUNS: usize = 40;

/// How often each service is unpacked, and how often a command runs with its service packed.
const ROUNDS: usize = 7;

/// How many other services are used until one is packed again: more than are kept.
const OTHERS: usize = 40;

/// How many bytes a run may read, print and keep in files.
const BYTES: usize = 64 << 20;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut out = std::io::stdout().lock();
    let path = std::env::args().nth(1).context("no file of commands is named")?;
    let commands = std::fs::read_to_string(&path).context(path)?;
    let start = peak_memory()?;
    let mut measured = HashSet::new();
    for _ in 0..PASSES {
        for command in commands.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let service = command.split(' ').next().unwrap_or_default();
            let first = measured.insert(service.to_owned());
            let figures = runtime.block_on(measure(command, first)).with_context(|| command.to_owned())?;
            writeln!(out, "{figures}")?;
        }
    }
    let peak = peak_memory()?;
    for (service, unpack) in services()? {
        writeln!(out, "{}", json!({ "service": service, "unpack": unpack }))?;
    }
    writeln!(out, "{}", json!({ "start": start, "peak": peak }))?;
    Ok(())
}

/// The CPU time of this thread so far, in nanoseconds.
fn cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |number| u64::try_from(number).unwrap_or(0);
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}

/// Runs one command. `first`: also with its service packed, as it is when nobody has used it for a while.
async fn measure(command: &str, first: bool) -> Result<serde_json::Value> {
    let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let [service, operation, ..] = argv.as_slice() else { bail!("it names no operation") };
    let canned = {
        let service = catalog::service(service).context("there is no such service")?;
        let operation = service.operation_of_command(operation).context("there is no such operation")?;
        Canned { answer: answer::answer(&service, operation) }
    };
    let files = MemoryFiles::new(BYTES);
    let mut output = 0;
    let mut first_runs = Vec::new();
    for _ in 0..if first { ROUNDS } else { 0 } {
        for other in catalog::index().iter().filter(|other| other.command != *service).take(OTHERS) {
            catalog::service(&other.command).context("a service does not unpack")?;
        }
        first_runs.push(run(&argv, &canned, &files, &mut output).await?);
    }
    run(&argv, &canned, &files, &mut output).await?;
    let mut warm_runs = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        warm_runs.push(run(&argv, &canned, &files, &mut output).await?);
    }
    let answer = canned.answer.body.len();
    Ok(
        json!({ "command": command, "answer": answer, "output": output, "first": first_runs, "warm": warm_runs }),
    )
}

/// Runs a command once: the CPU time that it took. `output` becomes the size of what it printed.
async fn run(argv: &[String], canned: &Canned, files: &MemoryFiles, output: &mut usize) -> Result<u64> {
    let session = session(canned, files);
    let before = cpu();
    let done = awscli::run(argv, &session).await;
    let after = cpu();
    ensure!(done.exit_status == 0, "exit status {}: {}", done.exit_status, done.stderr);
    *output = done.stdout.len();
    Ok(after - before)
}

fn session<'a>(canned: &'a Canned, files: &'a MemoryFiles) -> Session<'a> {
    Session {
        credentials: Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: Some("FwoGZXIvYXdzEXAMPLETOKEN".into()),
            account_id: Some("123456789012".into()),
        },
        region: Some("us-east-1".to_owned()),
        endpoint: None,
        http: canned,
        files,
        stdin: Bytes::new(),
        budget: Budget {
            deadline: Instant::now() + Duration::from_secs(60),
            reserve: Duration::ZERO,
            calls: 1,
            pages: 1,
            output_bytes: BYTES,
            read_bytes: BYTES,
        },
        journal: &NoJournal,
        park: None,
        tokens: Tokens::Derived(Uuid::from_u128(1)),
        // As in the product.
        hide_secrets: true,
        clock: None,
    }
}

/// Gives the same answer to every request.
struct Canned {
    answer: HttpResponse,
}

impl Transport for Canned {
    fn send<'a>(&'a self, _: http::Request<Bytes>, _: Option<&'a Url>, _: Reading) -> Sending<'a> {
        Box::pin(async move { Ok(self.answer.clone()) })
    }
}

/// What unpacking costs, for every service. In each round all of them are unpacked anew, since far fewer are kept.
fn services() -> Result<Vec<(&'static str, Vec<u64>)>> {
    let mut taken: HashMap<&str, Vec<u64>> = HashMap::new();
    for _ in 0..ROUNDS {
        for entry in catalog::index() {
            let before = cpu();
            catalog::service(&entry.command).context("a service does not unpack")?;
            taken.entry(&entry.command).or_default().push(cpu() - before);
        }
    }
    Ok(taken.into_iter().collect())
}

/// The most memory that this process has had resident so far, in bytes.
fn peak_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmHWM")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}
