//! AWS for tests: the emulator's DynamoDB, KMS and SQS behind one address, and an STS that knows two roles. It can fail on
//! cue, before or after it did what was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use tokio::sync::Notify;
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_kms::KmsService;
use winterbaume_sqs::SqsService;

#[path = "../../../local/src/aws/dynamodb_operations.rs"]
mod dynamodb_operations;

/// The ExternalId that the roles demand.
pub const EXTERNAL_ID: &str = "external-0123456789abcdef";

/// What goes wrong with a call.
#[derive(Clone)]
pub enum Fault {
    /// Refused with this status and code; nothing is done.
    Refuse(u16, &'static str),
    /// Done, and the answer is cut off.
    LoseAnswer,
    /// Not done; the caller waits until it is given up. The notification says that the call has arrived.
    HoldBefore(Arc<Notify>),
    /// Done; the caller waits until it is given up. The notification says that it is done.
    HoldAfter(Arc<Notify>),
}

struct Planned {
    service: &'static str,
    operation: &'static str,
    part: &'static str,
    skip: u32,
    times: u32,
    fault: Fault,
}

/// One call that arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub service: String,
    pub operation: String,
    pub body: String,
}

pub struct Aws {
    pub url: String,
    dynamodb: dynoxide::Database,
    kms: KmsService,
    sqs: SqsService,
    planned: Mutex<Vec<Planned>>,
    arrived: Mutex<Vec<Arrived>>,
}

impl Aws {
    pub async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let aws = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            dynamodb: dynoxide::Database::memory().unwrap(),
            kms: KmsService::new(),
            sqs: SqsService::new(),
            planned: Mutex::default(),
            arrived: Mutex::default(),
        });
        let router = axum::Router::new().fallback(serve).with_state(aws.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        aws
    }

    /// The next `times` calls of an operation whose request contains `part` go wrong, after the first `skip`.
    pub fn plan(
        &self,
        (service, operation): (&'static str, &'static str),
        part: &'static str,
        skip: u32,
        times: u32,
        fault: Fault,
    ) {
        self.planned.lock().unwrap().push(Planned { service, operation, part, skip, times, fault });
    }

    /// Nothing goes wrong from here on.
    pub fn heal(&self) {
        self.planned.lock().unwrap().clear();
    }

    /// The calls that arrived since the last time.
    pub fn take_arrived(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.arrived.lock().unwrap())
    }

    /// How often an operation arrived.
    pub fn count(&self, service: &str, operation: &str) -> usize {
        let arrived = self.arrived.lock().unwrap();
        arrived.iter().filter(|call| call.service == service && call.operation == operation).count()
    }

    fn fault(&self, call: &Arrived) -> Option<Fault> {
        let mut planned = self.planned.lock().unwrap();
        let hit = planned.iter_mut().find(|one| {
            one.service == call.service
                && one.operation == call.operation
                && call.body.contains(one.part)
                && one.times > 0
        })?;
        if hit.skip > 0 {
            hit.skip -= 1;
            return None;
        }
        hit.times -= 1;
        Some(hit.fault.clone())
    }
}

async fn serve(State(aws): State<Arc<Aws>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = header("authorization").split_once("Credential=").map_or("", |(_, rest)| rest);
    let service = scope.split('/').nth(3).unwrap_or_default().to_owned();
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let operation = match header("x-amz-target").rsplit_once('.') {
        Some((_, operation)) => operation.to_owned(),
        None => form.get("Action").cloned().unwrap_or_default(),
    };
    let call = Arrived { service, operation, body: String::from_utf8_lossy(&body).into_owned() };
    let fault = aws.fault(&call);
    aws.arrived.lock().unwrap().push(call.clone());
    match &fault {
        Some(Fault::Refuse(status, code)) => {
            return refusal(&call.service, *status, code, "planned by the test");
        }
        Some(Fault::HoldBefore(arrived)) => {
            arrived.notify_one();
            std::future::pending::<()>().await;
        }
        _ => {}
    }
    let response =
        if call.service == "sts" { sts(&form, scope) } else { emulate(&aws, &call, &parts, body).await };
    match fault {
        Some(Fault::LoseAnswer) => Response::new(Body::new(Lost)),
        Some(Fault::HoldAfter(done)) => {
            done.notify_one();
            std::future::pending().await
        }
        _ => response,
    }
}

/// A body that breaks off before its promised end: the caller learns nothing.
struct Lost;

impl hyper::body::Body for Lost {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(Some(Err(std::io::Error::other("the connection is cut"))))
    }
}

async fn emulate(aws: &Aws, call: &Arrived, parts: &http::request::Parts, body: Bytes) -> Response {
    let mut headers = parts.headers.clone();
    headers.remove(http::header::AUTHORIZATION);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let request = MockRequest {
        method: parts.method.to_string(),
        uri: format!("https://{}.us-east-1.amazonaws.com{path}", call.service),
        headers,
        body,
    };
    let answer = match call.service.as_str() {
        "dynamodb" => {
            let (status, output) = dynamodb_operations::answer(&aws.dynamodb, &call.operation, &call.body);
            MockResponse::json(status, output)
        }
        "kms" => aws.kms.handle(request).await,
        "sqs" => aws.sqs.handle(request).await,
        other => panic!("no {other} here"),
    };
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap();
    *response.headers_mut() = answer.headers;
    response
}

/// ReadOnly and PowerUser of account 111111111111 can be assumed with the ExternalId, AnyId with whatever id, Open without
/// one; nothing else can.
fn sts(form: &BTreeMap<String, String>, scope: &str) -> Response {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    match field("Action") {
        "AssumeRole" => {
            let role = field("RoleArn").rsplit('/').next().unwrap_or_default();
            let opens = match role {
                "ReadOnly" | "PowerUser" => field("ExternalId") == EXTERNAL_ID,
                "AnyId" => !field("ExternalId").is_empty(),
                "Open" => true,
                _ => false,
            };
            let known = field("RoleArn").starts_with("arn:aws:iam::111111111111:role/alfredbot/");
            let identified = field("SourceIdentity").split_once('-').is_some_and(|(tenant, user)| {
                ["T0ALFRED1", "T0OTHER1"].contains(&tenant) && ["U0ANNA", "U0BEN"].contains(&user)
            });
            if !known || !identified || !opens {
                let message = format!(
                    "User is not authorized to perform: sts:AssumeRole on resource: {}",
                    field("RoleArn")
                );
                return refusal("sts", 403, "AccessDenied", &message);
            }
            let xml = format!(
                "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
                 <AssumedRoleUser><Arn>arn:aws:sts::111111111111:assumed-role/{role}/{session}</Arn><AssumedRoleId>AROA:{session}</AssumedRoleId></AssumedRoleUser>\
                 <Credentials><AccessKeyId>ASIA{role}</AccessKeyId><SecretAccessKey>planted-secret-key</SecretAccessKey>\
                 <SessionToken>planted-session-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
                 </AssumeRoleResult></AssumeRoleResponse>",
                session = field("RoleSessionName"),
            );
            xml_answer(200, xml)
        }
        "GetCallerIdentity" => {
            let role = scope.split('/').next().unwrap_or_default().trim_start_matches("ASIA");
            xml_answer(
                200,
                format!(
                    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                     <Arn>arn:aws:sts::111111111111:assumed-role/{role}/x</Arn><UserId>AROA:x</UserId><Account>111111111111</Account>\
                     </GetCallerIdentityResult></GetCallerIdentityResponse>"
                ),
            )
        }
        other => refusal("sts", 400, "InvalidAction", other),
    }
}

fn refusal(service: &str, status: u16, code: &str, message: &str) -> Response {
    if service == "sts" {
        return xml_answer(
            status,
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            ),
        );
    }
    let body = serde_json::json!({"__type": format!("com.amazonaws#{code}"), "message": message}).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0".parse().unwrap());
    response
}

fn xml_answer(status: u16, xml: String) -> Response {
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", "text/xml".parse().unwrap());
    response
}

/// How long a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);
