//! Slack as far as the worker sees it: a `response_url` with five uses, four methods, the answers that a test plans for
//! others, and the file upload. What arrives is kept, so that a test can say what a person saw. The limits are Slack's,
//! written down again here.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

pub const TOKEN: &str = "xoxb-planted-bot-token";

/// Something that a person saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// `response_url`, or the method's name.
    pub way: String,
    /// Channel or user that it went to; empty for a response_url.
    pub to: String,
    /// The whole message.
    pub message: Value,
}

impl Seen {
    /// All texts of the message's blocks, one a line, as they read. Code stands in backquotes.
    pub fn text(&self) -> String {
        fn texts(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) if fields.get("type") == Some(&json!("rich_text_section")) => {
                    let line = fields["elements"].as_array().unwrap().iter().map(|element| {
                        let text = element["text"].as_str().unwrap();
                        if element["style"]["code"] == json!(true) {
                            format!("`{text}`")
                        } else {
                            text.to_owned()
                        }
                    });
                    found.push(line.collect());
                }
                Value::Object(fields) => match fields.get("text") {
                    Some(Value::String(text)) => found.push(text.clone()),
                    _ => fields.values().for_each(|value| texts(value, found)),
                },
                Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        texts(&self.message["blocks"], &mut found);
        found.join("\n")
    }
}

/// How Slack misbehaves.
#[derive(Debug, Clone, PartialEq)]
pub enum Mood {
    /// Answers this status and body, and takes nothing.
    Says(u16, String),
    /// 429 with this `Retry-After`.
    Wait(u64),
    /// Sends whoever comes to this origin.
    Redirects(String),
    /// Takes the message and fails to say so.
    TakesAndFails,
}

pub struct Slack {
    pub url: String,
    seen: Mutex<Vec<Seen>>,
    files: Mutex<Vec<(String, Bytes)>>,
    moods: Mutex<Vec<(String, Mood)>>,
    tried: Mutex<Vec<String>>,
}

impl Slack {
    pub async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let slack = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            seen: Mutex::default(),
            files: Mutex::default(),
            moods: Mutex::default(),
            tried: Mutex::default(),
        });
        let router = Router::new()
            .route("/commands/{id}", post(respond))
            .route("/api/{method}", post(method))
            .route("/upload/{file}", post(upload))
            // A file may be large, and Slack takes up to a gigabyte.
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(slack.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        slack
    }

    /// The next requests of `way` meet these moods, one each.
    pub fn be(&self, way: &str, moods: impl IntoIterator<Item = Mood>) {
        self.moods.lock().unwrap().extend(moods.into_iter().map(|mood| (way.to_owned(), mood)));
    }

    /// What a person saw since the last time.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The files shared so far: name and content.
    pub fn files(&self) -> Vec<(String, Bytes)> {
        self.files.lock().unwrap().clone()
    }

    /// All requests, taken or not.
    pub fn tried(&self, way: &str) -> usize {
        self.tried.lock().unwrap().iter().filter(|tried| *tried == way).count()
    }

    fn mood(&self, way: &str) -> Option<Mood> {
        self.tried.lock().unwrap().push(way.to_owned());
        let mut moods = self.moods.lock().unwrap();
        let index = moods.iter().position(|(its_way, _)| its_way == way)?;
        Some(moods.remove(index).1)
    }
}

fn in_a_mood(slack: &Slack, way: &str, take: impl FnOnce()) -> Option<Response> {
    match slack.mood(way)? {
        Mood::Says(status, body) => Some((StatusCode::from_u16(status).unwrap(), body).into_response()),
        Mood::Wait(seconds) => {
            Some((StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())], "").into_response())
        }
        Mood::Redirects(origin) => {
            let location = format!("{origin}/commands/1");
            Some((StatusCode::TEMPORARY_REDIRECT, [("location", location)], "").into_response())
        }
        Mood::TakesAndFails => {
            take();
            Some((StatusCode::BAD_GATEWAY, "").into_response())
        }
    }
}

/// What Slack refuses in a message. None of the tests may provoke it.
fn fault(message: &Value) -> Option<&'static str> {
    let blocks = message["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
    if blocks.len() > 50 {
        return Some("invalid_blocks");
    }
    let mut total = 0;
    for block in blocks {
        let (text, most) = match block["type"].as_str() {
            Some("context") => (&block["elements"][0]["text"], 3000),
            Some("rich_text") => (&block["elements"][0]["elements"][0]["text"], 3000),
            _ => return Some("invalid_blocks"),
        };
        let length = text.as_str().unwrap_or_default().encode_utf16().count();
        if length == 0 || length > most {
            return Some("invalid_blocks");
        }
        total += length;
    }
    if total > 11_000 {
        return Some("msg_blocks_too_long");
    }
    (message["text"].as_str().unwrap_or_default().is_empty()).then_some("no_text")
}

async fn respond(State(slack): State<Arc<Slack>>, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let take = || {
        let seen = Seen { way: "response_url".into(), to: String::new(), message: message.clone() };
        slack.seen.lock().unwrap().push(seen);
    };
    if let Some(response) = in_a_mood(&slack, "response_url", take) {
        return response;
    }
    assert_eq!(message["response_type"], "ephemeral");
    match fault(&message) {
        Some(word) => {
            (StatusCode::NOT_FOUND, json!({"ok": false, "error": word}).to_string()).into_response()
        }
        None => {
            take();
            "ok".into_response()
        }
    }
}

async fn method(
    State(slack): State<Arc<Slack>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refuse = |word: &str| axum::Json(json!({"ok": false, "error": word})).into_response();
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(&format!("Bearer {TOKEN}"))
    {
        return refuse("invalid_auth");
    }
    let is_json = headers["content-type"].to_str().unwrap().starts_with("application/json");
    if method == "files.getUploadURLExternal" {
        if is_json {
            return refuse("invalid_arguments");
        }
        if let Some(response) = in_a_mood(&slack, &method, || {}) {
            return response;
        }
        let fields: std::collections::BTreeMap<String, String> =
            url::form_urlencoded::parse(&body).into_owned().collect();
        assert!(fields["length"].parse::<usize>().unwrap() > 0);
        let upload_url = format!("{}/upload/{}", slack.url, fields["filename"]);
        return axum::Json(json!({"ok": true, "upload_url": upload_url, "file_id": "F1"})).into_response();
    }
    let args: Value = if is_json {
        serde_json::from_slice(&body).unwrap()
    } else {
        url::form_urlencoded::parse(&body).into_owned().map(|(name, value)| (name, json!(value))).collect()
    };
    let to = args["channel"].as_str().or(args["channel_id"].as_str()).unwrap_or_default().to_owned();
    let take = || {
        slack.seen.lock().unwrap().push(Seen { way: method.clone(), to: to.clone(), message: args.clone() })
    };
    if let Some(response) = in_a_mood(&slack, &method, take) {
        return response;
    }
    match method.as_str() {
        "chat.postMessage" | "chat.postEphemeral" => {
            if let Some(word) = fault(&args) {
                return refuse(word);
            }
            if method == "chat.postEphemeral" && to != "C0OPS" {
                return refuse("channel_not_found");
            }
            take();
            axum::Json(json!({"ok": true, "channel": "D0DIRECT", "ts": "1.2"})).into_response()
        }
        "files.completeUploadExternal" => {
            take();
            axum::Json(json!({"ok": true, "files": [{"id": "F1"}]})).into_response()
        }
        _ => refuse("unknown_method"),
    }
}

async fn upload(
    State(slack): State<Arc<Slack>>,
    Path(file): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert!(!headers.contains_key("authorization"), "no token goes to the upload address");
    let response = format!("OK - {}", body.len());
    slack.files.lock().unwrap().push((file, body));
    response.into_response()
}
