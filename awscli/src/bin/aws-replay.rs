//! `aws-replay`: commands against recorded answers, to be compared with the official CLI over many thousands of them.
//! Each line of standard input is a job, `{"argv", "files", "stdin", "responses": [{"status", "headers", "body"}]}`; each
//! line of standard output its result, `{"rc", "stdout", "stderr", "requests", "files"}`. Bytes that are no text are
//! `{"b64": …}`. Time, keys and tokens stand still; nothing is sent. Nothing of the product runs it.

use std::io::{BufRead, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use awscli::files::{Files, MemoryFiles};
use awscli::parse::HttpResponse;
use awscli::session::{Budget, Credentials, NoJournal, Session, Tokens};
use awscli::transport::{Sending, Transport, TransportError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

/// How many requests a job may send if it does not say.
const REQUESTS: u64 = 8;

/// How many bytes a job may read, print and keep in files.
const BYTES: usize = 256 << 20;

/// What every token is.
const TOKEN: Uuid = Uuid::from_u128(0x1111_1111_2222_4333_8444_5555_5555_5555);

/// 2025-01-15T12:34:56Z.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_736_944_496)
}

fn main() -> Result<()> {
    // Time passes only while nothing else is to be done, so nobody waits for a retry.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let job: Value = serde_json::from_str(&line?).context("a job is a line of JSON")?;
        let result = runtime.block_on(run(&job))?;
        writeln!(out, "{result}")?;
        out.flush()?;
    }
    Ok(())
}

async fn run(job: &Value) -> Result<Value> {
    let argv: Vec<String> = serde_json::from_value(job["argv"].clone()).context("argv is a list of words")?;
    let files = MemoryFiles::new(BYTES);
    let given = job["files"].as_object();
    for (path, content) in given.into_iter().flatten() {
        files.write(path, bytes(content)?)?;
    }
    let limit = job["limit"].as_u64().unwrap_or(REQUESTS);
    let recorded = Recorded {
        answers: job["responses"].as_array().cloned().unwrap_or_default(),
        limit: usize::try_from(limit)?,
        requests: Mutex::default(),
    };
    let session = Session {
        credentials: Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: Some("FwoGZXIvYXdzEXAMPLETOKEN".into()),
            account_id: Some("123456789012".into()),
        },
        region: Some(job["region"].as_str().unwrap_or("us-east-1").to_owned()),
        endpoint: None,
        http: &recorded,
        files: &files,
        stdin: bytes(&job["stdin"])?,
        budget: Budget {
            deadline: Instant::now() + Duration::from_secs(3600),
            reserve: Duration::ZERO,
            calls: u32::MAX,
            pages: u32::MAX,
            output_bytes: BYTES,
            read_bytes: BYTES,
        },
        journal: &NoJournal,
        tokens: Tokens::Fixed(TOKEN),
        hide_secrets: false,
        clock: Some(now),
    };
    let started = Instant::now();
    let output = awscli::run(&argv, &session).await;
    let elapsed = started.elapsed();
    let mut requests = recorded.requests.into_inner().unwrap_or_else(PoisonError::into_inner);
    let stopped = requests.len() > recorded.limit;
    requests.truncate(recorded.limit);
    let mut written = Map::new();
    for entry in files.list() {
        if !given.is_some_and(|given| given.contains_key(&entry.path)) {
            written.insert(entry.path.clone(), text(&files.read(&entry.path)?));
        }
    }
    let mut result = json!({
        "rc": output.exit_status,
        "stdout": text(&output.stdout),
        "stderr": output.stderr,
        "requests": requests,
        "ms": elapsed.as_secs_f64() * 1000.0,
    });
    if stopped {
        result["stopped"] = true.into();
    }
    if !written.is_empty() {
        result["files"] = written.into();
    }
    Ok(result)
}

/// Answers with what was recorded, in order and the last one for ever, and notes what is asked.
struct Recorded {
    answers: Vec<Value>,
    limit: usize,
    requests: Mutex<Vec<Value>>,
}

impl Transport for Recorded {
    fn send<'a>(&'a self, request: http::Request<Bytes>, _: Option<&'a Url>, _: usize) -> Sending<'a> {
        let answer = self.answer(&request);
        Box::pin(async move { answer.map_err(|error| TransportError::Refused(format!("{error:#}"))) })
    }
}

impl Recorded {
    fn answer(&self, request: &http::Request<Bytes>) -> Result<HttpResponse> {
        let mut headers = Map::new();
        for (name, value) in request.headers() {
            headers.insert(name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into());
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(json!({
            "method": request.method().as_str(),
            "url": request.uri().to_string(),
            "headers": headers,
            "body": text(request.body()),
        }));
        if requests.len() > self.limit {
            bail!("the limit of {} requests is reached", self.limit);
        }
        let answer = self.answers.get(requests.len() - 1).or_else(|| self.answers.last());
        let answer = answer.context("no answer was recorded")?;
        let headers = answer["headers"].as_object();
        let header = |(name, value): (&String, &Value)| {
            (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let is_head = request.method() == http::Method::HEAD;
        Ok(HttpResponse {
            status: u16::try_from(answer["status"].as_u64().unwrap_or(200))?,
            headers: headers.into_iter().flatten().map(header).collect(),
            body: if is_head { Vec::new() } else { bytes(&answer["body"])?.to_vec() },
        })
    }
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "b64": STANDARD.encode(bytes) }),
    }
}

fn bytes(value: &Value) -> Result<Bytes> {
    Ok(match &value["b64"] {
        Value::String(encoded) => STANDARD.decode(encoded)?.into(),
        _ => value.as_str().unwrap_or_default().to_owned().into(),
    })
}
