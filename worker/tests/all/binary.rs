//! The real programs, started as Lambda starts them.

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::aws::PATIENCE;
use crate::slack::TOKEN;
use crate::world::World;

/// Lambda's Runtime API for one function.
struct Lambda {
    address: String,
    events: Arc<Events>,
    results: mpsc::UnboundedReceiver<(String, Value)>,
}

struct Events {
    waiting: Mutex<VecDeque<Value>>,
    arrived: tokio::sync::Notify,
    results: mpsc::UnboundedSender<(String, Value)>,
    deadline_ms: u64,
}

impl Lambda {
    async fn start(deadline_ms: u64) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, results) = mpsc::unbounded_channel();
        let events = Arc::new(Events {
            waiting: Mutex::default(),
            arrived: tokio::sync::Notify::new(),
            results: sender,
            deadline_ms,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{end}", post(end))
            .with_state(events.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, events, results }
    }

    fn program(&self, path: &str, world: &World) -> Child {
        let mut command = Command::new(path);
        command.env_clear().envs(world.environment.iter().map(|(name, value)| (name, value)));
        command
            .env("AWS_LAMBDA_RUNTIME_API", &self.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "f")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "g")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "s")
            .env("LOG_LEVEL", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn().unwrap()
    }

    async fn invoke(&mut self, event: Value) -> (String, Value) {
        self.events.waiting.lock().unwrap().push_back(event);
        self.events.arrived.notify_one();
        tokio::time::timeout(PATIENCE, self.results.recv()).await.expect("an answer in time").unwrap()
    }
}

async fn next(State(events): State<Arc<Events>>) -> Response {
    loop {
        let waiting = events.waiting.lock().unwrap().pop_front();
        match waiting {
            Some(event) => {
                let headers = [
                    ("lambda-runtime-aws-request-id", "r1".to_owned()),
                    ("lambda-runtime-deadline-ms", events.deadline_ms.to_string()),
                    (
                        "lambda-runtime-invoked-function-arn",
                        "arn:aws:lambda:us-east-1:1:function:f".to_owned(),
                    ),
                    ("lambda-runtime-trace-id", "t".to_owned()),
                ];
                return (headers, event.to_string()).into_response();
            }
            None => events.arrived.notified().await,
        }
    }
}

async fn end(
    State(events): State<Arc<Events>>,
    Path((_, end)): Path<(String, String)>,
    body: String,
) -> Response {
    let body = serde_json::from_str(&body).unwrap_or(Value::Null);
    events.results.send((end, body)).unwrap();
    http::StatusCode::ACCEPTED.into_response()
}

#[tokio::test]
async fn the_functions_answer_and_log_every_step_and_no_secret() {
    let world = World::start().await;
    let deadline_ms = (world.now() + 60) * 1000;
    let mut lambda = Lambda::start(deadline_ms).await;
    let program = lambda.program(env!("CARGO_BIN_EXE_worker"), &world);
    let mut job =
        world.typed("U0ANNA", "aws sts get-caller-identity --query '[Arn, `planted-in-the-command`]'");
    let event =
        |body: String| json!({"Records": [{"messageId": "m1", "eventSource": "aws:sqs", "body": body}]});
    let answer = lambda.invoke(event(job.to_record().unwrap())).await;
    assert_eq!(answer, ("response".into(), json!({"batchItemFailures": []})));
    assert!(world.one_seen().text().contains(job.id.short()));
    // Once more by token, so that it has been in the process, and once something unreadable.
    job = world.typed("U0ANNA", "aws sts get-caller-identity");
    job.response_url = None;
    lambda.invoke(event(job.to_record().unwrap())).await;
    assert_eq!(world.one_seen().way, "chat.postEphemeral");
    let answer = lambda.invoke(event("{".into())).await;
    assert_eq!(answer.1, json!({"batchItemFailures": [{"itemIdentifier": "m1"}]}));

    let mut sweeper = Lambda::start(deadline_ms).await;
    let sweeping = sweeper.program(env!("CARGO_BIN_EXE_sweeper"), &world);
    assert_eq!(
        sweeper.invoke(json!({"source": "aws.events"})).await,
        ("response".into(), json!({"ended": 0}))
    );
    let dead = world.typed("U0ANNA", "aws s3 ls");
    let answer = sweeper.invoke(event(dead.to_record().unwrap())).await;
    assert_eq!(answer.1, json!({"batchItemFailures": []}));
    assert!(world.one_seen().text().starts_with("Internal error: "));

    let mut logs = String::new();
    for mut program in [program, sweeping] {
        program.start_kill().unwrap();
        let output = program.wait_with_output().await.unwrap();
        logs += &String::from_utf8(output.stdout).unwrap();
        logs += &String::from_utf8(output.stderr).unwrap();
    }
    let lines: Vec<Value> = logs.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for step in ["claimed", "authorized", "role_assumed", "ran", "stored", "posted", "dead"] {
        let logged = lines
            .iter()
            .any(|line| line["step"] == step && line["job.id"].as_str().is_some_and(|id| id.len() == 32));
        assert!(logged, "{step} in {logs}");
    }
    for planted in [
        TOKEN,
        "planted-in-the-command",
        "planted-secret-key",
        "planted-session-token",
        "planted-function-key",
        "/commands/",
        "assumed-role",
    ] {
        assert!(!logs.contains(planted), "{planted} in {logs}");
    }
}

#[tokio::test]
async fn a_missing_variable_stops_the_start_and_names_itself() {
    for path in [env!("CARGO_BIN_EXE_worker"), env!("CARGO_BIN_EXE_sweeper")] {
        let output = Command::new(path).env_clear().env("JOBS_TABLE", "jobs").output().await.unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        for name in [
            "AWS_REGION",
            "MAPPINGS_TABLE",
            "MEMBERSHIPS_TABLE",
            "INSTALLATIONS_TABLE",
            "JOBS_QUEUE_URL",
            "KMS_KEY_ID",
        ] {
            assert!(said.contains(name), "{name} in {said}");
        }
        assert!(!said.contains("JOBS_TABLE"), "{said}");
    }
}
