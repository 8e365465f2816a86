//! Commands against answers that were recorded with what the official CLI 2.38.5 printed, sent and wrote for them. Each
//! file in `recorded/` is about one thing. Of a request a case tells method, URL and, where there is one, the signature,
//! which covers everything else.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod session;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use awscli::files::{Files, MemoryFiles};
use awscli::parse::HttpResponse;
use awscli::session::{Session, Tokens};
use awscli::transport::{Reading, Sending, Transport, TransportError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

/// Gives its answers in order, the last one for ever, and keeps what it hears.
struct Recorded {
    answers: Mutex<VecDeque<HttpResponse>>,
    heard: Mutex<Vec<String>>,
}

impl Transport for Recorded {
    fn send<'a>(&'a self, request: http::Request<Bytes>, _: Option<&'a url::Url>, _: Reading) -> Sending<'a> {
        let signature = request.headers().get("authorization").map(|value| value.to_str().unwrap());
        let signature = signature.and_then(|value| value.split_once("Signature=")).map(|(_, rest)| rest);
        let mut told = format!("{} {}", request.method(), request.uri());
        told.extend(signature.map(|signature| format!(" {signature}")));
        self.heard.lock().unwrap().push(told);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let answer = answer.map(|mut answer| {
            if request.method() == http::Method::HEAD {
                answer.body.clear();
            }
            answer
        });
        Box::pin(async { answer.ok_or_else(|| TransportError::Refused("there is no answer".to_owned())) })
    }
}

/// Text, or `{"b64": …}` for bytes that are none.
fn bytes(value: &Value) -> Vec<u8> {
    match &value["b64"] {
        Value::String(encoded) => STANDARD.decode(encoded).unwrap(),
        _ => value.as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

fn response(answer: &Value) -> HttpResponse {
    let headers = answer["headers"].as_object().into_iter().flatten();
    HttpResponse {
        status: answer["status"].as_u64().unwrap_or(200).try_into().unwrap(),
        headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
        body: bytes(&answer["body"]),
    }
}

/// Files, told so that a failed test shows them.
fn told(files: impl Iterator<Item = (String, Vec<u8>)>) -> BTreeMap<String, String> {
    files.map(|(path, content)| (path, content.escape_ascii().to_string())).collect()
}

fn files(value: &Value) -> impl Iterator<Item = (String, Vec<u8>)> {
    value.as_object().into_iter().flatten().map(|(path, content)| (path.clone(), bytes(content)))
}

async fn check(cases: &str) {
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let argv: Vec<String> = serde_json::from_value(case["argv"].clone()).unwrap();
        let answers = case["responses"].as_array().into_iter().flatten().map(response).collect();
        let service = Recorded { answers: Mutex::new(answers), heard: Mutex::default() };
        let memory = MemoryFiles::new(1 << 20);
        for (path, content) in files(&case["given"]) {
            memory.write(&path, content.into()).unwrap();
        }
        let tokens = Tokens::Fixed(uuid::Uuid::nil());
        let session = Session { tokens, ..session::session(&service, &memory) };
        let output = awscli::run(&argv, &session).await;
        let written = memory.list().into_iter().filter(|entry| case["given"][&entry.path].is_null());
        let written = written.map(|entry| {
            let content = memory.read(&entry.path).unwrap();
            (entry.path, content.to_vec())
        });
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let found = (
            i64::from(output.exit_status),
            String::from_utf8(output.stdout).unwrap(),
            output.stderr,
            service.heard.into_inner().unwrap(),
            told(written),
        );
        let expected = (
            case["rc"].as_i64().unwrap(),
            text("stdout"),
            text("stderr"),
            serde_json::from_value(case["requests"].clone()).unwrap_or_default(),
            told(files(&case["files"])),
        );
        if found != expected {
            wrong.push(format!("{argv:?}\n{found:?}\ninstead of\n{expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test(start_paused = true)]
async fn directory_buckets_are_asked_under_the_keys_of_a_session() {
    check(include_str!("recorded/express.jsonl")).await;
}

#[tokio::test(start_paused = true)]
async fn buckets_are_looked_for_in_the_region_that_s3_names() {
    check(include_str!("recorded/redirects.jsonl")).await;
}

#[tokio::test(start_paused = true)]
async fn a_starting_token_is_checked_and_may_be_the_operations_own() {
    check(include_str!("recorded/starting_tokens.jsonl")).await;
}

#[tokio::test(start_paused = true)]
async fn queries_that_are_wrong_are_told_where_and_why() {
    check(include_str!("recorded/queries.jsonl")).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_selection_of_an_object_gives_goes_into_the_file() {
    check(include_str!("recorded/event_streams.jsonl")).await;
}
