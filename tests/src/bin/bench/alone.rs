//! What a function itself takes for a slash command: it, a Runtime API and a queue that answer at once on bare sockets share
//! one core. Nothing else is in the caches then, nobody has to be waited for, and no send wakes another core, which can take a
//! virtual machine longer than the work.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tests::measure::{Samples, cpu_of};
use tests::process::{Group, wait_for};

/// How many commands a turn has, after those that warm the function up.
const COMMANDS: usize = 4000;
const WARM_UP: usize = 500;

/// How long the function may take to start, and then to do anything at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// What SQS answers to SendMessage.
const QUEUED: &str = r#"{"MD5OfMessageBody":"0123456789abcdef0123456789abcdef","MessageId":"5f0e3d2c-0000-4000-8000-000000000000"}"#;

/// Runs `program` in `environment` and lets it answer the API Gateway event `event` again and again: how long each answer
/// took from the moment the event was handed over, and the CPU time of the process for all of them.
pub fn turn(
    program: &Path,
    environment: &BTreeMap<String, String>,
    event: &str,
) -> anyhow::Result<(Samples, Duration)> {
    // A thread of its own, since it stays on its core.
    std::thread::scope(|scope| scope.spawn(|| on_one_core(program, environment, event)).join())
        .unwrap_or_else(|_| bail!("{} did not connect", program.display()))
}

fn on_one_core(
    program: &Path,
    environment: &BTreeMap<String, String>,
    event: &str,
) -> anyhow::Result<(Samples, Duration)> {
    let allowed = sched_getaffinity(None)?;
    let mut core = CpuSet::new();
    core.set((0..CpuSet::MAX_CPU).find(|number| allowed.is_set(*number)).context("no core is allowed")?);
    // The process and the thread that are started from here inherit it.
    sched_setaffinity(None, &core)?;
    let (api, queue) = (listen()?, listen()?);
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(environment)
        .env("AWS_ENDPOINT_URL", format!("http://{}", queue.local_addr()?))
        .env("AWS_LAMBDA_RUNTIME_API", api.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "ingress")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
    let function = Group::start(command)?;
    std::thread::spawn(move || {
        let mut queue = Served::accept(&queue);
        while queue.request().is_ok_and(|request| request.is_some()) {
            if queue.answer("200 OK", "content-type: application/x-amz-json-1.0\r\n", QUEUED).is_err() {
                break;
            }
        }
    });
    let mut api = Served::accept(&api);
    let (mut samples, mut cpu_before) = (Samples::default(), Duration::ZERO);
    for number in 0..WARM_UP + COMMANDS {
        api.request()?.with_context(|| function.output())?;
        if number == WARM_UP {
            cpu_before = cpu_of(function.id())?;
        }
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + PATIENCE;
        let headers = format!(
            "lambda-runtime-aws-request-id: 5f0e3d2c-0000-4000-8000-{number:012}\r\n\
             lambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:ingress\r\n\
             content-type: application/json\r\n",
            deadline.as_millis(),
        );
        let started = Instant::now();
        api.answer("200 OK", &headers, event)?;
        let answer = api.request()?.with_context(|| function.output())?;
        let elapsed = started.elapsed();
        ensure!(answer.contains("Running"), "{} answered {answer}", program.display());
        api.answer("202 Accepted", "", "")?;
        if number >= WARM_UP {
            samples.push(elapsed);
        }
    }
    api.request()?.with_context(|| function.output())?;
    Ok((samples, cpu_of(function.id())?.saturating_sub(cpu_before)))
}

fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The server's end of a connection, with one request at a time.
struct Served {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Served {
    fn accept(listener: &TcpListener) -> Self {
        let stream = wait_for("a connection of the function", PATIENCE, || {
            let (stream, _) = listener.accept().ok()?;
            stream.set_nonblocking(false).ok()?;
            stream.set_nodelay(true).ok()?;
            stream.set_read_timeout(Some(PATIENCE)).ok()?;
            Some(stream)
        });
        Self { stream, received: vec![0; 64 * 1024] }
    }

    /// The next request as text, head and body; none after the last.
    fn request(&mut self) -> anyhow::Result<Option<&str>> {
        let (mut length, mut whole) = (0, None);
        while whole.is_none_or(|whole| length < whole) {
            let read = self.stream.read(&mut self.received[length..])?;
            if read == 0 {
                return Ok(None);
            }
            length += read;
            whole = whole.or_else(|| whole_length(&self.received[..length]));
        }
        Ok(Some(str::from_utf8(&self.received[..length])?))
    }

    fn answer(&mut self, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        self.stream.write_all(answer.as_bytes())
    }
}

/// How long the request is that begins like this, once its head is there.
fn whole_length(beginning: &[u8]) -> Option<usize> {
    let head = beginning.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let headers = str::from_utf8(&beginning[..head]).ok()?.to_ascii_lowercase();
    let body = headers.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    Some(head + body.unwrap_or(0))
}
