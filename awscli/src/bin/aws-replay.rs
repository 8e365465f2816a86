//! `aws-replay`: commands against recorded answers, to be compared with the official CLI over many thousands of them.
//! Each line of standard input is a job, `{"argv", "files", "stdin", "responses": [{"status", "headers", "body"}]}`; each
//! line of standard output its result, `{"rc", "stdout", "stderr", "requests", "files"}`. Bytes that are no text are
//! `{"b64": …}`. Time, keys and tokens stand still; nothing is sent. A job `{"tables": service}` gives what each command of
//! the service takes instead. Nothing of the product runs it.
//!
//! Answers are given in order, but one with `"to"` answers all requests whose method and URL contain that. A job may say
//! in `"mtimes"` when its files were written. Of the files that it was given, its result shows those that have changed
//! among `"files"`, and names those that are gone in `"gone"`.

use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use awscli::catalog;
use awscli::command::{GENERIC, own};
use awscli::custom;
use awscli::files::{Files, MemoryFiles};
use awscli::help::type_name;
use awscli::model::{Argument, ArgumentKind, Kind, Member, NO_MEMBER, Operation, Service};
use awscli::parse::HttpResponse;
use awscli::session::{Budget, Credentials, NoJournal, Session, Tokens};
use awscli::transport::{Reading, Sending, Transport, TransportError};
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
        let result = match job["tables"].as_str() {
            Some(service) => tables(service),
            None => runtime.block_on(run(&job))?,
        };
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
        let seconds = job["mtimes"][path].as_u64();
        files.set_modified(
            path,
            seconds.map_or_else(now, |s| SystemTime::UNIX_EPOCH + Duration::from_secs(s)),
        )?;
    }
    let limit = job["limit"].as_u64().unwrap_or(REQUESTS);
    let recorded = Recorded {
        answers: job["responses"].as_array().cloned().unwrap_or_default(),
        limit: usize::try_from(limit)?,
        requests: Mutex::default(),
        in_order: AtomicUsize::default(),
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
        park: None,
    };
    let started = Instant::now();
    let output = awscli::run(&argv, &session).await;
    let elapsed = started.elapsed();
    let mut requests = recorded.requests.into_inner().unwrap_or_else(PoisonError::into_inner);
    let stopped = requests.len() > recorded.limit;
    requests.truncate(recorded.limit);
    let mut written = Map::new();
    for entry in files.list() {
        let content = text(&files.read(&entry.path)?);
        if given.and_then(|given| given.get(&entry.path)) != Some(&content) {
            written.insert(entry.path.clone(), content);
        }
    }
    let is_gone = |path: &&String| files.read(path).is_err();
    let gone: Vec<&String> = given.into_iter().flat_map(Map::keys).filter(is_gone).collect();
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
    if !gone.is_empty() {
        result["gone"] = json!(gone);
    }
    Ok(result)
}

/// What each command of a service takes, in the terms of the official CLI's own tables: the name, type and member of each
/// argument, and whether it must be given, is not listed, or stands without its name.
fn tables(service: &str) -> Value {
    let mut tables = Map::new();
    if let Some(service) = catalog::service(service) {
        for operation in service.operations.iter().filter(|operation| !operation.command.is_empty()) {
            let mut rows: Vec<Value> =
                operation.arguments.iter().map(|argument| row(&service, operation, argument)).collect();
            if operation.takes_whole_input() {
                let [json, yaml, skeleton] = GENERIC.map(|name| {
                    json!({"name": name.trim_start_matches("--"), "type": "string", "required": false})
                });
                // The official CLI adds the options of paging between its own.
                let paging = operation.arguments.iter().position(is_of_paging).unwrap_or(rows.len());
                rows.splice(paging..paging, [json, yaml]);
                rows.push(skeleton);
            }
            tables.insert(operation.command.to_string(), rows.into());
        }
        if !service.waiters.is_empty() {
            tables.insert("wait".to_owned(), json!([]));
        }
    }
    for command in
        custom::COMMANDS.iter().filter(|command| command.path.len() == 2 && command.path[0] == service)
    {
        let rows: Vec<Value> = command.arguments.iter().map(own_row).collect();
        tables.insert(command.path[1].to_owned(), rows.into());
    }
    tables.into()
}

fn is_of_paging(argument: &Argument) -> bool {
    use ArgumentKind::{MaxItems, PageSize, StartingToken};
    argument.member == NO_MEMBER && matches!(argument.kind, StartingToken | PageSize | MaxItems)
}

fn row(service: &Service, operation: &Operation, argument: &Argument) -> Value {
    let member = operation.input_members(service).get(argument.member as usize);
    let shape = |member: &Member| match &service.shapes[member.shape as usize].kind {
        Kind::Structure(_) => "structure",
        _ => type_name(service, member.shape),
    };
    let limit = || {
        let name = &operation.paginator.as_ref()?.limit_key;
        operation.input_members(service).iter().find(|member| member.name == *name).map(shape)
    };
    let (kind, member) = match argument.kind {
        ArgumentKind::StartingToken => ("string", Some("StartingToken")),
        ArgumentKind::PageSize => (limit().unwrap_or("integer"), Some("PageSize")),
        ArgumentKind::MaxItems => (limit().unwrap_or("integer"), Some("MaxItems")),
        ArgumentKind::Outfile => ("string", None),
        _ => match member {
            Some(member) => (shape(member), Some(member.name.as_str())),
            None => (own::type_of(&argument.name), None),
        },
    };
    let (kind, member) =
        otherwise(&service.command, &operation.command, &argument.name).unwrap_or((kind, member));
    let mut row = json!({"name": argument.name, "type": kind, "required": argument.required});
    if let Some(member) = member {
        row["serialized"] = member.into();
    }
    if argument.hidden {
        row["hidden"] = true.into();
    }
    if argument.kind == ArgumentKind::Outfile {
        row["positional"] = true.into();
    }
    row
}

/// Type and member of the options that the official CLI reads in its own way, where its tables say something else than what
/// the option sets.
fn otherwise(service: &str, operation: &str, option: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match (service, operation, option) {
        ("configservice", "put-configuration-recorder", "recording-group") => {
            ("structure", Some("recordingGroup"))
        }
        (
            "datapipeline",
            "activate-pipeline" | "put-pipeline-definition",
            "parameter-objects" | "parameter-values",
        )
        | ("emr", "add-tags", "tags")
        | ("emr", "list-clusters", "cluster-states") => ("string", None),
        ("emr", "list-clusters", "created-after" | "created-before") => ("timestamp", None),
        ("translate", "import-terminology", "data-file") => ("blob", Some("TerminologyData")),
        ("translate", "translate-document", "document-content") => ("blob", Some("Document")),
        _ => return None,
    })
}

fn own_row(argument: &custom::Argument) -> Value {
    let kind = match argument.kind {
        custom::ArgumentKind::Text => "string",
        custom::ArgumentKind::Integer => "integer",
        custom::ArgumentKind::Flag | custom::ArgumentKind::Off => "boolean",
        custom::ArgumentKind::Blob => "blob",
        custom::ArgumentKind::List => "list",
        custom::ArgumentKind::Map => "map",
        custom::ArgumentKind::Structure => "structure",
    };
    // The official CLI has its parser ask for words without a name, and not its table.
    let required = argument.required && !argument.positional;
    let mut row = json!({"name": argument.name, "type": kind, "required": required});
    if argument.positional {
        row["positional"] = true.into();
    }
    row
}

/// Answers with what was recorded, in order and the last one for ever, and notes what is asked.
struct Recorded {
    answers: Vec<Value>,
    limit: usize,
    requests: Mutex<Vec<Value>>,
    /// How many of the answers that are given in order were given.
    in_order: AtomicUsize,
}

impl Transport for Recorded {
    fn send<'a>(&'a self, request: http::Request<Bytes>, _: Option<&'a Url>, _: Reading) -> Sending<'a> {
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
        let sent = format!("{} {}", request.method(), request.uri());
        let is_for = |answer: &&Value| answer["to"].as_str().is_some_and(|to| sent.contains(to));
        let mut in_order = self.answers.iter().filter(|answer| answer["to"].is_null());
        let answer = match self.answers.iter().find(is_for) {
            Some(answer) => answer,
            None => {
                let place = self.in_order.fetch_add(1, Ordering::Relaxed);
                let last = in_order.clone().next_back();
                in_order.nth(place).or(last).with_context(|| format!("no answer was recorded for {sent}"))?
            }
        };
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
