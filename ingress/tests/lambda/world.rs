//! What stands around the function: the Lambda Runtime API, SQS behind a proxy that can fail on cue, and Slack's side
//! of a request. SQS is an emulator that is not ours; the signature comes from other crates than ingress uses.

use std::collections::{HashMap, VecDeque};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::types::Message;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use hmac::Mac;
use serde_json::{Value, json};
use sha2::Digest;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use winterbaume_core::{MockRequest, MockService};

pub const SECRET: &str = "alfred-test-secret-0123456789abcdef";
pub const PREVIOUS_SECRET: &str = "alfred-previous-secret-0123456789ab";
pub const RESPONSE_URL: &str = "https://hooks.slack.com/commands/T0ALFRED1/planted/response-url";
const SECRET_KEY: &str = "planted-secret-access-key";
const SESSION_TOKEN: &str = "planted-session-token";

/// Far longer than anything here takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The function as Lambda runs it, and its surroundings.
pub struct World {
    pub sqs: aws_sdk_sqs::Client,
    pub queue_url: String,
    pub proxy: Proxy,
    runtime: mpsc::UnboundedSender<Invocation>,
    log: watch::Receiver<Vec<String>>,
    _ingress: Child,
}

/// What API Gateway gets back, and how long it took.
#[derive(Debug)]
pub struct Answer {
    pub status: u64,
    pub headers: Value,
    pub body: String,
    pub took: Duration,
}

impl Answer {
    /// The text of an answer that only the caller sees.
    pub fn ephemeral(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        let message: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(message["response_type"], "ephemeral");
        message["text"].as_str().unwrap().to_owned()
    }
}

struct Invocation {
    event: Value,
    answer: oneshot::Sender<Result<Value, String>>,
}

impl World {
    pub async fn start() -> Self {
        let upstream = serve_sqs().await;
        let proxy = Proxy::start(&upstream).await;
        let sqs = sqs_client(&upstream);
        let created = sqs.create_queue().queue_name("alfred-jobs").send().await.unwrap();
        sqs.create_queue().queue_name("alfred-admin").send().await.unwrap();
        let path = url::Url::parse(created.queue_url().unwrap()).unwrap().path().to_owned();
        let queue_url = format!("{}{path}", proxy.endpoint);
        let endpoint = proxy.endpoint.clone();
        Self::run(sqs, queue_url, proxy, &endpoint).await
    }

    /// As [`World::start`], but whatever is sent to SQS is swallowed from the first byte on.
    pub async fn start_with_silent_queue() -> Self {
        let upstream = serve_sqs().await;
        let proxy = Proxy::start(&upstream).await;
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", silent.local_addr().unwrap());
        tokio::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((connection, _)) = silent.accept().await {
                connections.push(connection);
            }
        });
        Self::run(sqs_client(&upstream), format!("{endpoint}/111111111111/alfred-jobs"), proxy, &endpoint)
            .await
    }

    async fn run(sqs: aws_sdk_sqs::Client, queue_url: String, proxy: Proxy, endpoint: &str) -> Self {
        let (runtime, runtime_api) = serve_runtime_api().await;
        let admin_queue_url = queue_url.replace("alfred-jobs", "alfred-admin");
        let mut ingress = Command::new(env!("CARGO_BIN_EXE_ingress"))
            .env_clear()
            .envs(lambda_environment(&runtime_api))
            .envs([
                ("SLACK_SIGNING_SECRET", SECRET),
                ("SLACK_SIGNING_SECRET_PREVIOUS", PREVIOUS_SECRET),
                ("JOBS_QUEUE_URL", &queue_url),
                ("ADMIN_QUEUE_URL", &admin_queue_url),
                ("AWS_ENDPOINT_URL", endpoint),
                ("LOG_LEVEL", "trace"),
            ])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (lines, log) = watch::channel(Vec::new());
        let mut output = BufReader::new(ingress.stdout.take().unwrap()).lines();
        tokio::spawn(async move {
            while let Some(line) = output.next_line().await.unwrap() {
                lines.send_modify(|lines| lines.push(line));
            }
        });
        Self { sqs, queue_url, proxy, runtime, log, _ingress: ingress }
    }

    /// Lets API Gateway call the function.
    pub async fn invoke(&self, event: Value) -> Answer {
        let started = Instant::now();
        let (answer, answered) = oneshot::channel();
        self.runtime.send(Invocation { event, answer }).ok().unwrap();
        let answer = tokio::time::timeout(PATIENCE, answered).await.expect("an answer").unwrap().unwrap();
        Answer {
            status: answer["statusCode"].as_u64().unwrap(),
            headers: answer["headers"].clone(),
            body: answer["body"].as_str().unwrap().to_owned(),
            took: started.elapsed(),
        }
    }

    /// Someone types a slash command.
    pub async fn types(&self, command: &str, text: &str) -> Answer {
        self.invoke(typed(command, text)).await
    }

    /// The jobs on the queue, taken off it.
    pub async fn jobs(&self) -> Vec<Value> {
        let mut jobs = Vec::new();
        loop {
            let receive = self.sqs.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
            let received = receive.send().await.unwrap();
            if received.messages().is_empty() {
                return jobs;
            }
            let job = |message: &Message| serde_json::from_str(message.body().unwrap()).unwrap();
            jobs.extend(received.messages().iter().map(job));
        }
    }

    /// The log as soon as it satisfies `condition`.
    pub async fn log(&self, condition: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let parse = |lines: &Vec<String>| -> Vec<Value> {
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let mut log = self.log.clone();
        let reached = tokio::time::timeout(PATIENCE, log.wait_for(|lines| condition(&parse(lines)))).await;
        let lines = reached.expect("the log to get there").unwrap().clone();
        for planted in [SECRET, RESPONSE_URL, SECRET_KEY, SESSION_TOKEN, "hooks.slack.com"] {
            assert!(!lines.iter().any(|line| line.contains(planted)), "{planted} in {lines:#?}");
        }
        parse(&lines)
    }
}

/// The environment that Lambda gives every function, without the function's own variables.
pub fn lambda_environment(runtime_api: &str) -> HashMap<&'static str, &str> {
    HashMap::from([
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "ingress"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_SESSION_TOKEN", SESSION_TOKEN),
    ])
}

/// The event for a slash command typed now.
pub fn typed(command: &str, text: &str) -> Value {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", "deprecated")
        .append_pair("team_id", "T0ALFRED1")
        .append_pair("team_domain", "example")
        .append_pair("channel_id", "C0OPS")
        .append_pair("channel_name", "ops")
        .append_pair("user_id", "U0ANNA")
        .append_pair("user_name", "anna")
        .append_pair("command", command)
        .append_pair("text", text)
        .append_pair("api_app_id", "A0ALFRED")
        .append_pair("response_url", RESPONSE_URL)
        .append_pair("trigger_id", "1.2.3")
        .finish();
    signed("/slack/commands", &body, 0)
}

/// The event for a request that Slack signed `skew` seconds from now.
pub fn signed(path: &str, body: &str, skew: i64) -> Value {
    signed_with(SECRET, path, body, skew)
}

/// As [`signed`], with another secret than the current one.
pub fn signed_with(secret: &str, path: &str, body: &str, skew: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let timestamp = now.saturating_add_signed(skew).to_string();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut event = unsigned("POST", path, body);
    event["headers"]["x-slack-signature"] = format!("v0={digits}").into();
    event["headers"]["x-slack-request-timestamp"] = timestamp.into();
    event
}

/// The event for a request of anyone, in the form that API Gateway sends (payload format 2.0).
pub fn unsigned(method: &str, path: &str, body: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json,*/*",
            "content-length": body.len().to_string(),
            "content-type": "application/x-www-form-urlencoded",
            "host": "abc123.execute-api.us-east-1.amazonaws.com",
            "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000",
            "x-forwarded-for": "198.51.100.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https"
        },
        "requestContext": {
            "accountId": "111111111111",
            "apiId": "abc123",
            "domainName": "abc123.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abc123",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "198.51.100.7", "userAgent": "Slackbot 1.0 (+https://api.slack.com/robots)"
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238000_i64
        },
        "body": base64::prelude::BASE64_STANDARD.encode(body),
        "isBase64Encoded": true
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

type Answers = Arc<Mutex<HashMap<String, oneshot::Sender<Result<Value, String>>>>>;

/// The Runtime API of Lambda for one process: where it asks for invocations and leaves its answers.
async fn serve_runtime_api() -> (mpsc::UnboundedSender<Invocation>, String) {
    struct RuntimeApi {
        invocations: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
        answers: Answers,
    }

    async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
        let Some(Invocation { event, answer }) = api.invocations.lock().await.recv().await else {
            return StatusCode::GONE.into_response();
        };
        let mut answers = locked(&api.answers);
        let id = format!("00000000-0000-4000-8000-{:012}", answers.len());
        answers.insert(id.clone(), answer);
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(10);
        let headers = [
            ("lambda-runtime-aws-request-id", id),
            ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:111111111111:function:ingress".into(),
            ),
        ];
        (headers, event.to_string()).into_response()
    }

    async fn leave(
        State(api): State<Arc<RuntimeApi>>,
        Path((id, kind)): Path<(String, String)>,
        body: String,
    ) -> StatusCode {
        // Taken out and left open: the next id counts all that were ever given.
        let (closed, _) = oneshot::channel();
        let answer = std::mem::replace(locked(&api.answers).get_mut(&id).unwrap(), closed);
        let body = if kind == "response" { Ok(serde_json::from_str(&body).unwrap()) } else { Err(body) };
        let _ = answer.send(body);
        StatusCode::ACCEPTED
    }

    let (sender, invocations) = mpsc::unbounded_channel();
    let api = RuntimeApi { invocations: tokio::sync::Mutex::new(invocations), answers: Answers::default() };
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(leave))
        .with_state(Arc::new(api));
    (sender, serve(router).await)
}

/// SQS on loopback.
async fn serve_sqs() -> String {
    async fn handle(State(sqs): State<Arc<winterbaume_sqs::SqsService>>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let request = MockRequest {
            method: parts.method.to_string(),
            uri: parts.uri.to_string(),
            headers: parts.headers,
            body,
        };
        let response = sqs.handle(request).await;
        (StatusCode::from_u16(response.status).unwrap(), response.headers, response.body).into_response()
    }

    let sqs = Arc::new(winterbaume_sqs::SqsService::new());
    serve(Router::new().fallback(handle).with_state(sqs)).await
}

fn sqs_client(address: &str) -> aws_sdk_sqs::Client {
    let endpoint = format!("http://{address}");
    let variables = |name: &str| {
        if name == "AWS_ENDPOINT_URL" {
            return Some(endpoint.clone());
        }
        lambda_environment("").get(name).map(|value| (*value).to_owned())
    };
    let account = shared::env::read_from(&variables, shared::aws::Account::read).unwrap();
    aws_sdk_sqs::Client::new(&account.sdk_config(shared::http::sdk_client().unwrap()))
}

/// What happens to one request on its way to SQS.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// It arrives, and its connection is closed after the answer.
    CloseAfterAnswer,
    /// It is swallowed, and nothing comes back.
    Silence,
    /// It does not arrive, and the connection breaks.
    Break,
    /// It arrives, and the connection breaks before the answer is through.
    LoseAnswer,
    /// It does not arrive, and something on the way answers in SQS's place.
    Answer(&'static str),
}

/// A proxy in front of SQS that lets each POST meet the next of the planned faults, and all others through.
pub struct Proxy {
    pub endpoint: String,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    posts: Arc<Mutex<Vec<Value>>>,
    running: Option<JoinSet<()>>,
}

impl Proxy {
    async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let faults = Arc::<Mutex<VecDeque<Fault>>>::default();
        let posts = Arc::<Mutex<Vec<Value>>>::default();
        let mut running = JoinSet::new();
        let (planned, counted, upstream) = (faults.clone(), posts.clone(), upstream.to_owned());
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass(client, upstream.clone(), planned.clone(), counted.clone()));
            }
        });
        Self { endpoint, faults, posts, running: Some(running) }
    }

    /// The next requests meet these, one each.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        locked(&self.faults).extend(faults);
    }

    /// What was to be put on the queue, each time.
    pub fn posts(&self) -> Vec<Value> {
        locked(&self.posts).clone()
    }

    /// Closes every connection; new ones are refused.
    pub async fn stop(&mut self) {
        self.running.take().unwrap().shutdown().await;
    }
}

async fn pass(
    client: TcpStream,
    upstream: String,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    posts: Arc<Mutex<Vec<Value>>>,
) {
    let mut client = BufReader::new(client);
    let mut upstream = BufReader::new(TcpStream::connect(upstream).await.unwrap());
    while let Some(request) = message(&mut client).await {
        let fault = if request.starts_with(b"POST") {
            let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
            let (head, body) = (std::str::from_utf8(&request[..head]).unwrap(), &request[head + 4..]);
            locked(&posts).push(serde_json::from_slice(body).unwrap());
            if is_signed(head, body) {
                locked(&faults).pop_front()
            } else {
                Some(Fault::Answer("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"))
            }
        } else {
            None
        };
        match fault {
            Some(Fault::Silence) => std::future::pending().await,
            Some(Fault::Break) => return,
            Some(Fault::Answer(answer)) => {
                client.write_all(answer.as_bytes()).await.unwrap();
                continue;
            }
            None | Some(Fault::CloseAfterAnswer | Fault::LoseAnswer) => {}
        }
        upstream.write_all(&request).await.unwrap();
        let answer = message(&mut upstream).await.unwrap();
        if matches!(fault, Some(Fault::LoseAnswer)) {
            return;
        }
        client.write_all(&answer).await.unwrap();
        if matches!(fault, Some(Fault::CloseAfterAnswer)) {
            return;
        }
    }
}

/// Whether AWS would accept the signature (version 4) of a POST to `/`: its documented steps, one by one, because the
/// emulator accepts any.
fn is_signed(head: &str, body: &[u8]) -> bool {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sha256 = |bytes: &[u8]| hex(&sha2::Sha256::digest(bytes));
    let hmac = |key: &[u8], text: &str| {
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let headers: HashMap<String, &str> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    if headers.get("x-amz-security-token") != Some(&SESSION_TOKEN) {
        return false;
    }
    let authorization = headers["authorization"].strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    let parts: HashMap<&str, &str> =
        authorization.split(", ").filter_map(|part| part.split_once('=')).collect();
    let names = parts["SignedHeaders"];
    if !["host", "x-amz-date", "x-amz-security-token"].iter().all(|name| names.split(';').any(|n| n == *name))
    {
        return false;
    }
    let (_, scope) = parts["Credential"].split_once('/').unwrap();
    let values: String = names.split(';').map(|name| format!("{name}:{}\n", headers[name])).collect();
    let canonical = format!("POST\n/\n\n{values}\n{names}\n{}", sha256(body));
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", headers["x-amz-date"], sha256(canonical.as_bytes()));
    let key = scope.split('/').fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| hmac(&key, part));
    scope.ends_with("/us-east-1/sqs/aws4_request") && hex(&hmac(&key, &to_sign)) == parts["Signature"]
}

/// One HTTP/1.1 message whose body, if any, has a `content-length`. Nothing at the end of the connection.
async fn message(connection: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut length = 0;
    loop {
        let start = message.len();
        if connection.read_until(b'\n', &mut message).await.ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&message[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let head = message.len();
    message.resize(head + length, 0);
    connection.read_exact(&mut message[head..]).await.ok()?;
    Some(message)
}
