//! A whole syncer on the emulated tables, over HTTP as it is deployed, with a clock that tests set and an event bus that
//! keeps. It has no Slack: what is tested with it asks nobody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use shared::admin::{ADMIN_JOB_VERSION, AdminJob, AdminTask, WorkspaceEvent};
use shared::clock::Clock;
use shared::deadline::Deadline;
use shared::ids::{JobId, TenantId};
use syncer::Syncer;
use syncer::batch::process_batch;
use tokio::sync::Notify;

use crate::aws::Aws;

/// How long Lambda lets the function run in these tests, in seconds.
pub const FUNCTION_TIME: u64 = 60;

/// What goes wrong with the next call of an operation.
pub enum Fault {
    /// Refused as something that will not be otherwise soon.
    Refuse,
    /// It does not come back; the notification says that it has arrived.
    Hold(Arc<Notify>),
}

struct Server {
    aws: Aws,
    announced: Mutex<Vec<Value>>,
    fault: Mutex<Option<(&'static str, Fault)>>,
}

/// The syncer, and what a test sees and sets.
pub struct Running {
    pub syncer: Arc<Syncer>,
    server: Arc<Server>,
    seconds: Arc<AtomicU64>,
}

impl Running {
    pub async fn start(aws: &Aws, now: u64) -> Self {
        let server =
            Arc::new(Server { aws: aws.clone(), announced: Mutex::default(), fault: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(serve).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let seconds = Arc::new(AtomicU64::new(now));
        let clock = {
            let seconds = seconds.clone();
            Clock::new(move || UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed)))
        };
        let variables = |name: &str| {
            let value = match name {
                "AWS_REGION" => "us-east-1",
                "AWS_ENDPOINT_URL" => &url,
                "INSTALLATIONS_TABLE" => "installations",
                "MAPPINGS_TABLE" => "mappings",
                "MEMBERSHIPS_TABLE" => "memberships",
                "JOBS_QUEUE_URL" => "https://sqs/1/jobs",
                "ADMIN_QUEUE_URL" => "https://sqs/1/admin",
                "AWS_ACCESS_KEY_ID"
                | "AWS_SECRET_ACCESS_KEY"
                | "KMS_KEY_ID"
                | "WORKER_ROLE_ARN"
                | "SYNC_RULE" => "x",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let config = shared::env::read_from(&variables, syncer::Config::read).unwrap().unwrap();
        let syncer = Arc::new(syncer::start(config, clock).await.unwrap());
        Self { syncer, server, seconds }
    }

    /// Sets the clock: Unix seconds.
    pub fn set_time(&self, now: u64) {
        self.seconds.store(now, Ordering::Relaxed);
    }

    pub fn deadline(&self) -> Deadline {
        Deadline::from_unix_ms((self.seconds.load(Ordering::Relaxed) + FUNCTION_TIME) * 1000)
    }

    /// How many changes were announced.
    pub fn announced(&self) -> usize {
        self.server.announced.lock().unwrap().len()
    }

    /// The newest entry on the event bus.
    pub fn announcement(&self) -> Value {
        self.server.announced.lock().unwrap().last().cloned().unwrap()
    }

    /// The next call of `operation` goes wrong.
    pub fn plan(&self, operation: &'static str, fault: Fault) {
        *self.server.fault.lock().unwrap() = Some((operation, fault));
    }

    /// Brings a record as Lambda does. Says whether it is taken or given back.
    pub async fn deliver(&self, job: &AdminJob) -> bool {
        deliver(&self.syncer, job, self.deadline()).await
    }
}

pub async fn deliver(syncer: &Syncer, job: &AdminJob, deadline: Deadline) -> bool {
    let event = json!({"Records": [{
        "messageId": "m1", "body": job.to_record().unwrap(), "eventSourceARN": "arn:aws:sqs:us-east-1:1:admin",
    }]});
    let answer = process_batch(syncer, serde_json::from_value(event).unwrap(), deadline).await;
    answer.batch_item_failures.is_empty()
}

/// The job of an event that happened `at` (Unix milliseconds).
pub fn event(tenant: &TenantId, id: JobId, event: WorkspaceEvent, at: u64) -> AdminJob {
    AdminJob {
        version: ADMIN_JOB_VERSION,
        id,
        tenant: tenant.clone(),
        task: AdminTask::Event { event, at },
        asked_at: at / 1000,
    }
}

async fn serve(State(server): State<Arc<Server>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let target = parts.headers.get("x-amz-target").unwrap().to_str().unwrap().to_owned();
    let (service, operation) = target.split_once('.').unwrap();
    let fault = {
        let mut planned = server.fault.lock().unwrap();
        if planned.as_ref().is_some_and(|(its, _)| *its == operation) { planned.take() } else { None }
    };
    match fault {
        Some((_, Fault::Hold(arrived))) => {
            arrived.notify_one();
            std::future::pending::<()>().await;
        }
        Some((_, Fault::Refuse)) => {
            let mut response = Response::new(Body::from(r#"{"__type":"x#ValidationException"}"#));
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            return response;
        }
        None => {}
    }
    if service == "AWSEvents" {
        assert_eq!(operation, "PutEvents");
        let mut request: Value = serde_json::from_slice(&body).unwrap();
        server.announced.lock().unwrap().push(request["Entries"][0].take());
        return Response::new(Body::from(r#"{"FailedEntryCount":0,"Entries":[]}"#));
    }
    let (status, answer) = server.aws.call(operation, std::str::from_utf8(&body).unwrap());
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    response
}
