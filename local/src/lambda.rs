//! Functions as Lambda runs them: each instance is a process of its own with only its own environment, which asks a
//! Runtime API of its own for its next invocation.
//!
//! The Runtime API is the one of the Lambda developer guide ("Using the Lambda runtime API", 2018-06-01). As there, an
//! instance runs one invocation at a time, is killed at its time limit, and is replaced after a crash. Differences:
//! an idle instance is not frozen, and invocations above the function's concurrency wait instead of being throttled.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::{Notify, oneshot};

use crate::logs::Logs;

/// How long an instance may take from its start to its first request for an invocation, as on Lambda.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// The longest payload of a synchronous invocation and of its answer, in bytes (6 MB), as on Lambda.
const MAX_PAYLOAD: usize = 6 * 1024 * 1024;
/// After this many failed starts in a row no more are tried for one invocation, and it fails.
const MAX_FAILED_STARTS: u32 = 3;

/// What a function is made of.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name, as the logs show it.
    pub name: String,
    /// The program.
    pub binary: PathBuf,
    /// Its whole environment, besides what Lambda itself sets.
    pub environment: BTreeMap<String, String>,
    /// The time limit of one invocation.
    pub timeout: Duration,
    /// How many instances there may be at once.
    pub concurrency: usize,
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum InvokeError {
    /// The function reported an error: Lambda's error document.
    #[error("the function reported an error: {0}")]
    Reported(String),
    /// The time limit was reached and the instance killed.
    #[error("task timed out after {:.2} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The instance ended before it answered.
    #[error("the instance ended before it answered ({0})")]
    Crashed(String),
    /// No instance could be started.
    #[error("the function does not start: {0}")]
    DoesNotStart(String),
    /// The payload is longer than Lambda takes.
    #[error("the payload has {0} bytes, more than {MAX_PAYLOAD}")]
    TooLarge(usize),
    /// The host is shutting down.
    #[error("the host is shutting down")]
    ShutDown,
}

/// One process of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Counts the instances of the function from 1.
    pub number: u64,
    /// The operating system's process id.
    pub pid: Option<u32>,
    /// The id of the invocation that it runs.
    pub busy: Option<String>,
}

/// A function with its instances. Cheap to clone.
#[derive(Clone)]
pub struct Lambda {
    shared: Arc<Shared>,
}

struct Shared {
    function: Function,
    logs: Logs,
    state: Mutex<Queue>,
    /// Told whenever `state` gained an invocation or lost an instance.
    changed: Notify,
    invocations: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Invocation>,
    instances: HashMap<u64, Running>,
    started: u64,
    failed_starts: u32,
    last_failure: String,
    shut_down: bool,
}

struct Running {
    pid: Option<u32>,
    kill: Arc<Notify>,
    /// Whether it has asked for an invocation at least once.
    ready: bool,
    /// Whether it waits for an invocation now.
    idle: bool,
    current: Option<(String, oneshot::Sender<Result<Bytes, InvokeError>>)>,
}

struct Invocation {
    id: String,
    payload: Bytes,
    answer: oneshot::Sender<Result<Bytes, InvokeError>>,
}

impl Lambda {
    /// A host for `function`. No instance runs yet.
    pub fn new(function: Function, logs: Logs) -> Self {
        let shared = Shared {
            function,
            logs,
            state: Mutex::default(),
            changed: Notify::new(),
            invocations: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.shared.function.name
    }

    /// What it was made of.
    pub fn function(&self) -> &Function {
        &self.shared.function
    }

    /// Starts instances until there are `count`, and waits until all of them have asked for work.
    pub async fn warm(&self, count: usize) -> Result<(), InvokeError> {
        let missing = count.saturating_sub(self.shared.lock().instances.len());
        for _ in 0..missing {
            self.start_instance();
        }
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let state = self.shared.lock();
                if state.instances.values().filter(|instance| instance.ready).count() >= count {
                    return Ok(());
                }
                if state.instances.len() < count {
                    return Err(InvokeError::DoesNotStart(state.last_failure.clone()));
                }
            }
            changed.await;
        }
    }

    /// Runs the function once with `payload` and waits for its answer.
    pub async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvokeError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(InvokeError::TooLarge(payload.len()));
        }
        let (answer, answered) = oneshot::channel();
        let start = {
            let mut state = self.shared.lock();
            if state.shut_down {
                return Err(InvokeError::ShutDown);
            }
            state.waiting.push_back(Invocation { id: uuid::Uuid::new_v4().to_string(), payload, answer });
            state.needs_instance(self.shared.function.concurrency)
        };
        self.shared.invocations.fetch_add(1, Ordering::Relaxed);
        if start {
            self.start_instance();
        }
        self.shared.changed.notify_waiters();
        answered.await.unwrap_or(Err(InvokeError::ShutDown))
    }

    /// How many invocations have been taken so far.
    pub fn invocations(&self) -> u64 {
        self.shared.invocations.load(Ordering::Relaxed)
    }

    /// The instances that run now.
    pub fn instances(&self) -> Vec<Instance> {
        let state = self.shared.lock();
        let mut instances: Vec<Instance> = state
            .instances
            .iter()
            .map(|(number, running)| Instance {
                number: *number,
                pid: running.pid,
                busy: running.current.as_ref().map(|(id, _)| id.clone()),
            })
            .collect();
        instances.sort_by_key(|instance| instance.number);
        instances
    }

    /// Kills the instance with this number (SIGKILL). False if it is gone already.
    pub fn kill(&self, number: u64) -> bool {
        let state = self.shared.lock();
        let found = state.instances.get(&number);
        if let Some(running) = found {
            running.kill.notify_one();
        }
        found.is_some()
    }

    /// Kills every instance that runs an invocation, and says how many those were.
    pub fn kill_busy(&self) -> usize {
        let busy: Vec<u64> =
            self.instances().into_iter().filter(|i| i.busy.is_some()).map(|i| i.number).collect();
        busy.into_iter().filter(|number| self.kill(*number)).count()
    }

    /// Ends all instances and refuses new invocations.
    pub fn shut_down(&self) {
        let mut state = self.shared.lock();
        state.shut_down = true;
        state.waiting.clear();
        state.instances.values().for_each(|running| running.kill.notify_one());
    }

    /// Returns when no process is left.
    pub async fn gone(&self) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.shared.lock().instances.is_empty() {
                return;
            }
            changed.await;
        }
    }

    fn start_instance(&self) {
        let (number, kill) = {
            let mut state = self.shared.lock();
            state.started += 1;
            let number = state.started;
            let kill = Arc::new(Notify::new());
            let running =
                Running { pid: None, kill: Arc::clone(&kill), ready: false, idle: false, current: None };
            state.instances.insert(number, running);
            (number, kill)
        };
        let lambda = self.clone();
        tokio::spawn(async move {
            let end = lambda.run_instance(number, &kill).await;
            lambda.ended(number, end);
        });
    }

    /// Runs one instance to its end and says how it ended.
    async fn run_instance(&self, number: u64, kill: &Notify) -> String {
        let shared = &self.shared;
        let listener = match tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await {
            Ok(listener) => listener,
            Err(error) => return format!("no port for its Runtime API: {error}"),
        };
        let Ok(address) = listener.local_addr() else { return "no port for its Runtime API".into() };
        let api = axum::Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(report))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(axum::extract::DefaultBodyLimit::max(MAX_PAYLOAD))
            .with_state(Runtime { lambda: self.clone(), number });
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, api).await;
        });

        let function = &shared.function;
        let spawned = tokio::process::Command::new(&function.binary)
            .env_clear()
            .envs(&function.environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[$LATEST]{number}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                server.abort();
                return format!("{}: {error}", function.binary.display());
            }
        };
        if let Some(running) = shared.lock().instances.get_mut(&number) {
            running.pid = child.id();
        }
        let readers = [
            child
                .stdout
                .take()
                .map(|out| tokio::spawn(read_lines(out, shared.logs.clone(), function.name.clone()))),
            child
                .stderr
                .take()
                .map(|err| tokio::spawn(read_lines(err, shared.logs.clone(), function.name.clone()))),
        ];

        let mut end = tokio::select! {
            status = child.wait() => status.map_or_else(|error| error.to_string(), |status| status.to_string()),
            () = kill.notified() => "killed".into(),
            () = self.init_overdue(number) => format!("not ready after {} s", INIT_LIMIT.as_secs()),
        };
        let _ = child.start_kill();
        let _ = child.wait().await;
        server.abort();
        for reader in readers.into_iter().flatten() {
            let _ = reader.await;
        }
        if let Some(line) = shared.logs.last_line(&function.name) {
            end = format!("{end}; its last line was: {line}");
        }
        end
    }

    /// Returns when the instance has not become ready in time, otherwise never.
    async fn init_overdue(&self, number: u64) {
        tokio::time::sleep(INIT_LIMIT).await;
        if self.shared.lock().instances.get(&number).is_some_and(|running| running.ready) {
            std::future::pending::<()>().await;
        }
    }

    /// Takes an ended instance out, fails what it ran, and replaces it if work waits.
    fn ended(&self, number: u64, end: String) {
        let start = {
            let mut state = self.shared.lock();
            if let Some(running) = state.instances.remove(&number) {
                if running.ready {
                    state.failed_starts = 0;
                } else {
                    state.failed_starts += 1;
                }
                if let Some((_, answer)) = running.current {
                    let _ = answer.send(Err(InvokeError::Crashed(end.clone())));
                }
            }
            state.last_failure = end.clone();
            if state.failed_starts >= MAX_FAILED_STARTS {
                state.failed_starts = 0;
                for invocation in std::mem::take(&mut state.waiting) {
                    let _ = invocation.answer.send(Err(InvokeError::DoesNotStart(end.clone())));
                }
            }
            !state.shut_down && state.needs_instance(self.shared.function.concurrency)
        };
        if start {
            self.start_instance();
        }
        self.shared.changed.notify_waiters();
    }
}

impl Shared {
    /// No code panics while it holds the lock, so a poisoned one holds whole data.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Whether more invocations wait than instances are there to take them, and another instance is allowed.
    fn needs_instance(&self, concurrency: usize) -> bool {
        let free = self.instances.values().filter(|running| running.idle || !running.ready).count();
        self.waiting.len() > free && self.instances.len() < concurrency
    }
}

/// The Runtime API of one instance.
#[derive(Clone)]
struct Runtime {
    lambda: Lambda,
    number: u64,
}

async fn next(State(runtime): State<Runtime>) -> Response {
    let shared = &runtime.lambda.shared;
    loop {
        let changed = shared.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let (first, taken) = {
            let mut state = shared.lock();
            let invocation = state.waiting.pop_front();
            let Some(running) = state.instances.get_mut(&runtime.number) else {
                // The instance was taken out while this request waited: the invocation is for another one.
                state.waiting.extend(invocation);
                return StatusCode::GONE.into_response();
            };
            let first = !std::mem::replace(&mut running.ready, true);
            running.idle = invocation.is_none();
            let taken = invocation.map(|invocation| {
                running.current = Some((invocation.id.clone(), invocation.answer));
                (invocation.id, invocation.payload)
            });
            (first, taken)
        };
        if first {
            shared.changed.notify_waiters();
        }
        if let Some((id, payload)) = taken {
            return runtime.hand_out(id, payload);
        }
        changed.await;
    }
}

impl Runtime {
    fn hand_out(&self, id: String, payload: Bytes) -> Response {
        let timeout = self.lambda.shared.function.timeout;
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + timeout;
        let (runtime, overdue) = (self.clone(), id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            if runtime.answer(&overdue, Err(InvokeError::TimedOut(timeout))) {
                runtime.lambda.kill(runtime.number);
            }
        });
        let arn = format!(
            "arn:aws:lambda:{}:{}:function:{}",
            crate::aws::REGION,
            crate::aws::HOME,
            self.lambda.shared.function.name
        );
        let headers = [
            ("lambda-runtime-aws-request-id", id),
            ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
            ("lambda-runtime-invoked-function-arn", arn),
            ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0".into()),
            ("content-type", "application/json".into()),
        ];
        (headers, payload).into_response()
    }

    /// Ends the invocation `id` of this instance. False if it has ended already.
    fn answer(&self, id: &str, result: Result<Bytes, InvokeError>) -> bool {
        let mut state = self.lambda.shared.lock();
        let Some(running) = state.instances.get_mut(&self.number) else { return false };
        match running.current.take() {
            Some((current, answer)) if current == id => {
                // Whoever invoked may have given up waiting.
                let _ = answer.send(result);
                true
            }
            other => {
                running.current = other;
                false
            }
        }
    }
}

async fn response(State(runtime): State<Runtime>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    accepted(runtime.answer(&id, Ok(body)))
}

async fn report(State(runtime): State<Runtime>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let text = String::from_utf8_lossy(&body).into_owned();
    accepted(runtime.answer(&id, Err(InvokeError::Reported(text))))
}

async fn init_error(State(runtime): State<Runtime>, body: Bytes) -> StatusCode {
    let shared = &runtime.lambda.shared;
    shared.logs.add(&shared.function.name, &String::from_utf8_lossy(&body));
    StatusCode::ACCEPTED
}

/// The Runtime API refuses an answer to an invocation that is not the current one.
fn accepted(yes: bool) -> StatusCode {
    if yes { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST }
}

async fn read_lines(from: impl AsyncRead + Unpin, logs: Logs, function: String) {
    let mut lines = BufReader::new(from).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        logs.add(&function, &String::from_utf8_lossy(&line));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A function that does what its payload says, written against the Runtime API's documentation.
    const SCRIPT: &str = r#"#!/usr/bin/env python3
import http.client, json, os, sys, time
if os.environ.get("BROKEN"):
    print("no configuration", flush=True)
    sys.exit(3)
host = os.environ["AWS_LAMBDA_RUNTIME_API"]
base = "/2018-06-01/runtime/invocation/"
while True:
    api = http.client.HTTPConnection(host)
    api.request("GET", base + "next")
    answer = api.getresponse()
    event = json.loads(answer.read())
    record = event["Records"][0] if "Records" in event else None
    if record:
        event = json.loads(record["body"])
    request = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    left = int(answer.headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time()
    print(json.dumps({"job.id": event.get("job"), "step": "ran"}), flush=True)
    what = event["do"]
    if what == "crash":
        os._exit(7)
    if what == "hang":
        time.sleep(600)
    time.sleep(event.get("for", 0))
    result = {"pid": os.getpid(), "left": left, "environment": sorted(os.environ)}
    if what == "give back":
        result = {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    kind = "error" if what == "fail" else "response"
    api = http.client.HTTPConnection(host)
    api.request("POST", base + request + "/" + kind, json.dumps(result))
    assert api.getresponse().status == 202
"#;

    pub(crate) struct Host {
        pub(crate) lambda: Lambda,
        folder: PathBuf,
    }

    impl Drop for Host {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    /// A host of the script, with its own folder.
    pub(crate) fn host(timeout: Duration, concurrency: usize, extra: &[(&str, &str)]) -> Host {
        let folder = std::env::temp_dir().join(format!("alfred-lambda-{}", uuid::Uuid::new_v4()));
        let logs = Logs::new(&folder).unwrap();
        let binary = folder.join("function");
        std::fs::write(&binary, SCRIPT).unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut environment = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]);
        environment.extend(extra.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let function = Function { name: "echo".into(), binary, environment, timeout, concurrency };
        Host { lambda: Lambda::new(function, logs), folder }
    }

    async fn invoke(lambda: &Lambda, event: serde_json::Value) -> Result<serde_json::Value, InvokeError> {
        lambda.invoke(event.to_string().into()).await.map(|answer| serde_json::from_slice(&answer).unwrap())
    }

    pub(crate) const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_function_gets_its_own_environment_and_deadline_and_stays_warm() {
        let host = host(LONG, 1, &[("TABLE", "t")]);
        let first = invoke(&host.lambda, serde_json::json!({ "do": "answer", "job": "j1" })).await.unwrap();
        let names: Vec<&str> =
            first["environment"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
        assert!(names.contains(&"TABLE") && names.contains(&"AWS_LAMBDA_FUNCTION_NAME"), "{names:?}");
        assert!(std::env::var_os("HOME").is_some() && !names.contains(&"HOME"), "{names:?}");
        let left = first["left"].as_f64().unwrap();
        assert!(left > 50.0 && left <= 60.5, "{left}");
        let second = invoke(&host.lambda, serde_json::json!({ "do": "answer" })).await.unwrap();
        assert_eq!(first["pid"], second["pid"]);
        assert_eq!(host.lambda.invocations(), 2);
        assert_eq!(host.lambda.shared.logs.traces()[0].job, "j1");
        host.lambda.shut_down();
        host.lambda.gone().await;
        assert!(!std::path::Path::new(&format!("/proc/{}", first["pid"])).exists());
        assert_eq!(invoke(&host.lambda, serde_json::json!({})).await, Err(InvokeError::ShutDown));
    }

    #[tokio::test]
    async fn a_crash_fails_its_invocation_and_the_next_one_gets_a_new_process() {
        let host = host(LONG, 1, &[]);
        let crash = invoke(&host.lambda, serde_json::json!({ "do": "crash" })).await.unwrap_err();
        assert!(matches!(&crash, InvokeError::Crashed(end) if end.contains("exit status: 7")), "{crash}");
        let error = invoke(&host.lambda, serde_json::json!({ "do": "fail" })).await.unwrap_err();
        assert!(matches!(error, InvokeError::Reported(_)), "{error}");
        invoke(&host.lambda, serde_json::json!({ "do": "answer" })).await.unwrap();
    }

    #[tokio::test]
    async fn at_the_time_limit_the_process_is_killed() {
        let host = host(Duration::from_secs(2), 1, &[]);
        let error = invoke(&host.lambda, serde_json::json!({ "do": "hang" })).await.unwrap_err();
        assert_eq!(error, InvokeError::TimedOut(Duration::from_secs(2)));
        let after = invoke(&host.lambda, serde_json::json!({ "do": "answer" })).await.unwrap();
        assert_eq!(host.lambda.instances().len(), 1);
        assert_eq!(host.lambda.instances()[0].pid, after["pid"].as_u64().map(|pid| pid as u32));
    }

    #[tokio::test]
    async fn a_killed_process_fails_what_it_ran() {
        let host = host(LONG, 1, &[]);
        let mut lines = host.lambda.shared.logs.follow();
        let lambda = host.lambda.clone();
        let hanging =
            tokio::spawn(
                async move { invoke(&lambda, serde_json::json!({ "do": "hang", "job": "j" })).await },
            );
        lines.recv().await.unwrap();
        assert_eq!(host.lambda.kill_busy(), 1);
        let error = hanging.await.unwrap().unwrap_err();
        assert!(matches!(&error, InvokeError::Crashed(end) if end.contains("killed")), "{error}");
    }

    #[tokio::test]
    async fn there_are_as_many_processes_as_invocations_up_to_the_limit() {
        let host = host(LONG, 2, &[]);
        let slow = || invoke(&host.lambda, serde_json::json!({ "do": "answer", "for": 1 }));
        let (a, b, c) = tokio::join!(slow(), slow(), slow());
        let mut pids = [a, b, c].map(|answer| answer.unwrap()["pid"].as_u64()).to_vec();
        pids.sort_unstable();
        pids.dedup();
        assert_eq!(pids.len(), 2);
    }

    #[tokio::test]
    async fn as_many_processes_are_warmed_as_are_asked_for() {
        let host = host(LONG, 2, &[]);
        for (count, running) in [(0, 0), (2, 2), (1, 2)] {
            host.lambda.warm(count).await.unwrap();
            assert_eq!(host.lambda.instances().len(), running, "{count}");
        }
        invoke(&host.lambda, serde_json::json!({ "do": "answer" })).await.unwrap();
        assert_eq!(host.lambda.instances().len(), 2);
    }

    #[tokio::test]
    async fn a_function_that_does_not_start_says_why() {
        let host = host(LONG, 1, &[("BROKEN", "1")]);
        let error = host.lambda.warm(1).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no configuration"), "{error}");
        let error = invoke(&host.lambda, serde_json::json!({ "do": "answer" })).await.unwrap_err();
        assert!(matches!(error, InvokeError::DoesNotStart(_)), "{error}");
        let too_large = Bytes::from(vec![b' '; MAX_PAYLOAD + 1]);
        assert_eq!(host.lambda.invoke(too_large).await, Err(InvokeError::TooLarge(MAX_PAYLOAD + 1)));
    }
}
