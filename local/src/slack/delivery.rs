//! How the app is told: what it is told becomes a signed request, or an envelope in Socket Mode, and the answer is waited
//! for as long as Slack waits.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};

use super::Inner;
use super::signature::{form, sign};
use super::world::App;

/// How long Slack waits for an acknowledgement.
pub const ACK_TIMEOUT: Duration = Duration::from_millis(3000);
/// The most of an answer's body that is read, in bytes.
const ANSWER: usize = 1 << 20;

/// What the app is told, whichever way it goes.
#[derive(Debug)]
pub(crate) enum Payload {
    /// A slash command.
    Command {
        /// Where the requests of this command go, below the request URL base.
        path: String,
        /// Names and values, in the order in which Slack sends them.
        fields: Vec<(&'static str, String)>,
    },
    /// What a person pressed, entered, closed, or types into an external select.
    Interaction(Value),
    /// An event.
    Event {
        /// The same JSON in every delivery.
        body: String,
        /// 0 for the first delivery.
        retry: usize,
        /// Why it is told once more.
        reason: Option<&'static str>,
    },
}

impl Payload {
    /// As a request, not yet signed.
    fn request(&self, app: &App) -> SentRequest {
        const FORM: &str = "application/x-www-form-urlencoded";
        const ANSWERED: &str = "application/json,*/*";
        let (path, content_type, accept, body) = match self {
            Self::Command { path, fields } => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                (path, FORM, ANSWERED, form(&fields))
            }
            Self::Interaction(payload) => {
                let asks = payload.get("type").and_then(Value::as_str) == Some("block_suggestion");
                let path = if asks { &app.options_path } else { &app.interactive_path };
                (path, FORM, ANSWERED, form(&[("payload", &payload.to_string())]))
            }
            Self::Event { body, .. } => (&app.events_path, "application/json", "*/*", body.clone()),
        };
        let mut headers = vec![
            ("Content-Type".to_owned(), content_type.to_owned()),
            ("User-Agent".to_owned(), "Slackbot 1.0 (+https://api.slack.com/robots)".to_owned()),
            ("Accept".to_owned(), accept.to_owned()),
        ];
        if let Self::Event { retry, reason: Some(reason), .. } = self {
            headers.push(("X-Slack-Retry-Num".to_owned(), retry.to_string()));
            headers.push(("X-Slack-Retry-Reason".to_owned(), (*reason).to_owned()));
        }
        SentRequest { path: path.clone(), headers, body: body.into_bytes() }
    }

    /// As an envelope of Socket Mode.
    pub(crate) fn envelope(&self, id: &str) -> Value {
        let (kind, payload) = match self {
            Self::Command { fields, .. } => {
                let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
                ("slash_commands", Value::Object(fields.collect()))
            }
            Self::Interaction(payload) => ("interactive", payload.clone()),
            Self::Event { body, .. } => ("events_api", serde_json::from_str(body).unwrap_or_default()),
        };
        let mut envelope = json!({
            "envelope_id": id, "type": kind, "payload": payload,
            "accepts_response_payload": self.accepts_response(),
        });
        if let Self::Event { retry, reason, .. } = self {
            envelope["retry_attempt"] = json!(retry);
            // No reason is an empty text, and a timeout is none of HTTP.
            let reason = reason.unwrap_or_default();
            envelope["retry_reason"] = json!(reason.strip_prefix("http_").unwrap_or(reason));
        }
        envelope
    }

    /// Whether the app may answer with more than that it has heard. Who presses a button or closes a form is told
    /// nothing by the answer.
    pub(crate) fn accepts_response(&self) -> bool {
        match self {
            Self::Command { .. } => true,
            Self::Interaction(payload) => {
                let kind = payload.get("type").and_then(Value::as_str).unwrap_or_default();
                ["view_submission", "block_suggestion"].contains(&kind)
            }
            Self::Event { .. } => false,
        }
    }
}

/// A request as it was sent, to be looked at or sent again byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRequest {
    /// Below the request URL base.
    pub path: String,
    /// As sent, signature included.
    pub headers: Vec<(String, String)>,
    /// As sent and signed.
    pub body: Vec<u8>,
}

/// How a request departs from what Slack sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// Not at all.
    #[default]
    Genuine,
    /// Signed this many seconds ago, or in the future if negative.
    Aged(i64),
    /// Signed with another secret.
    WrongSecret,
    /// The last digit of the signature is another one.
    WrongDigit,
    /// The signature's version is `v1`.
    WrongVersion,
    /// Without `X-Slack-Signature`.
    NoSignature,
    /// Without `X-Slack-Request-Timestamp`.
    NoTimestamp,
    /// `X-Slack-Signature` twice.
    TwoSignatures,
    /// A byte of the body is another than the signed one.
    AlteredBody,
}

/// What came of a request to the app: of a slash command, a press of a button, an event.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The request, if there was one. Socket Mode has none.
    pub request: Option<SentRequest>,
    /// Status of the app's answer, if there was one in time: 200 for an acknowledgement in Socket Mode.
    pub status: Option<u16>,
    /// `Content-Type` of the app's answer, which decides how the body is read.
    pub content_type: String,
    /// Body of the app's answer.
    pub body: String,
    /// From the request to the whole answer.
    pub elapsed: Duration,
    /// Slack's word for what went wrong, which the person was shown.
    pub error: Option<String>,
    /// Where the app may answer.
    pub response_url: Option<String>,
    /// Whether the app asked not to be told again.
    pub(crate) no_retry: bool,
}

impl Typed {
    /// Nothing was sent to the app: because of `error`, or because the line was a message like any other.
    pub(crate) fn unsent(error: Option<&str>) -> Self {
        Self {
            request: None,
            status: None,
            content_type: String::new(),
            body: String::new(),
            elapsed: Duration::ZERO,
            error: error.map(str::to_owned),
            response_url: None,
            no_retry: false,
        }
    }
}

/// What the app answered.
pub(crate) struct Answer {
    pub status: u16,
    pub content_type: String,
    pub no_retry: bool,
    pub body: Bytes,
}

impl Inner {
    /// Tells the app something and waits for its answer. A variant is one of a request: an envelope is not signed.
    pub(crate) async fn tell(&self, payload: &Payload, variant: Variant) -> Typed {
        if self.read(|state| state.world.app.socket_mode) {
            return self.answered(self.over_socket(payload)).await;
        }
        let mut request = self.read(|state| payload.request(&state.world.app));
        self.sign(&mut request, variant);
        self.send(&request).await
    }

    /// Signs a request as of now, by the clock of who receives it.
    pub(crate) fn sign(&self, request: &mut SentRequest, variant: Variant) {
        let signing_secret = self.read(|state| state.world.app.signing_secret.clone());
        let signing_secret =
            if variant == Variant::WrongSecret { "not-the-secret".into() } else { signing_secret };
        let age = if let Variant::Aged(age) = variant { age } else { 0 };
        let timestamp = self.clock.signing_now().saturating_add_signed(age.saturating_neg()).to_string();
        let mut signature = sign(&signing_secret, &timestamp, &request.body);
        match variant {
            Variant::WrongDigit => {
                let last = signature.pop();
                signature.push(if last == Some('0') { '1' } else { '0' });
            }
            Variant::WrongVersion => signature.replace_range(..2, "v1"),
            Variant::AlteredBody => request.body.push(b'1'),
            _ => {}
        }
        if variant != Variant::NoTimestamp {
            request.headers.push(("X-Slack-Request-Timestamp".into(), timestamp));
        }
        if variant != Variant::NoSignature {
            request.headers.push(("X-Slack-Signature".into(), signature.clone()));
        }
        if variant == Variant::TwoSignatures {
            request.headers.push(("X-Slack-Signature".into(), signature));
        }
    }

    /// Sends a request as it stands and waits for the answer as long as Slack does.
    pub(crate) async fn send(&self, request: &SentRequest) -> Typed {
        Typed { request: Some(request.clone()), ..self.answered(self.exchange(request)).await }
    }

    /// Waits for an answer as long as Slack does. `None` says that the app cannot be reached or breaks off.
    async fn answered(&self, answer: impl Future<Output = Option<Answer>>) -> Typed {
        let timeout = self.read(|state| state.ack_timeout);
        let started = Instant::now();
        let answered = tokio::time::timeout(timeout, answer).await;
        let mut typed = Typed { elapsed: started.elapsed(), ..Typed::unsent(None) };
        typed.error = match answered {
            Err(_) => Some("operation_timeout".to_owned()),
            Ok(None) => Some("dispatch_failed".to_owned()),
            Ok(Some(answer)) => {
                typed.status = Some(answer.status);
                typed.content_type = answer.content_type;
                typed.body = String::from_utf8_lossy(&answer.body).into_owned();
                typed.no_retry = answer.no_retry;
                match answer.status {
                    200..=299 => None,
                    500.. => Some("http_service_error".to_owned()),
                    _ => Some("http_client_error".to_owned()),
                }
            }
        };
        typed
    }

    /// The app's answer; `None` if it cannot be reached or breaks off.
    async fn exchange(&self, request: &SentRequest) -> Option<Answer> {
        let url =
            self.read(|state| format!("{}{}", state.request_url_base.trim_end_matches('/'), request.path));
        let mut builder = http::Request::post(url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let sent = builder.body(Full::new(Bytes::from(request.body.clone()))).ok()?;
        let answer = self.client.request(sent).await.ok()?;
        let status = answer.status().as_u16();
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = header("content-type").unwrap_or_default().to_owned();
        let no_retry = header("x-slack-no-retry") == Some("1");
        let body = Limited::new(answer.into_body(), ANSWER).collect().await.ok()?.to_bytes();
        Some(Answer { status, content_type, no_retry, body })
    }
}
