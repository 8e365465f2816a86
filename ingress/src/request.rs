//! From an event of API Gateway to a request that Slack has verifiably made.
//!
//! [`read`] is the only door: it checks the signature over the raw bytes before anything parses them, and what it yields
//! is wrapped in [`Verified`], which nothing else can make.

use std::borrow::Cow;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use shared::ids::{ChannelId, InvalidId, JobId, TenantId, UserId};
use shared::secret::Secret;

use crate::text;

/// The largest body that is looked at, in bytes after base64 (1 MiB). Slack's largest requests carry a 250 KB modal, of
/// which form encoding makes at most three times as much.
pub const MAX_BODY: usize = 1024 * 1024;

/// How far the time in a request may be from ours, in seconds, before or after. Slack's own advice.
pub const MAX_SKEW: u64 = 300;

/// The longest `response_url` passed on, in bytes. Those seen have under 120; a job must stay below SQS's limit.
pub const MAX_RESPONSE_URL: usize = 2048;

/// What API Gateway sends a function for an HTTP request (payload format 2.0, that of function URLs too), as far as it
/// matters here. The `aws_lambda_events` type keeps one of several equal header names, so a repeated signature header
/// would go unseen; and one odd header among those that nobody reads would fail the whole event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpEvent {
    raw_path: String,
    request_context: RequestContext,
    headers: SignatureHeaders,
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RequestContext {
    http: HttpDescription,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HttpDescription {
    method: String,
}

/// Every value that the request has for the two headers of Slack's signature.
#[derive(Debug, Default)]
struct SignatureHeaders {
    signatures: Vec<String>,
    timestamps: Vec<String>,
}

/// Which of the app's three URLs was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Commands,
    Interactive,
    Events,
}

/// A request that is Slack's, or needs no proof.
#[derive(Debug)]
pub enum SlackRequest {
    /// Someone typed a slash command.
    SlashCommand(Verified<SlashCommand>),
    /// Someone pressed a button or submitted a form. Nothing that this version posts has either.
    Interaction(Verified<()>),
    /// Something happened in the workspace. This version waits for nothing.
    Event(Verified<()>),
    /// Slack asks whether the events URL is ours, and expects this text back.
    UrlVerification(Verified<String>),
    /// Slack tests the certificate. It is not documented whether it signs this, and nothing depends on it.
    SslCheck,
}

/// Something that Slack has signed. Only [`read`] makes one.
#[derive(Debug)]
pub struct Verified<T> {
    value: T,
    signature: String,
    timestamp: u64,
}

/// A slash command, its ids checked and its text normalised.
#[derive(Debug, PartialEq, Eq)]
pub struct SlashCommand {
    /// The workspace in which it was typed.
    pub tenant: TenantId,
    /// The Enterprise organisation of that workspace.
    pub enterprise: Option<TenantId>,
    /// Who typed it.
    pub user: UserId,
    /// Where it was typed.
    pub channel: ChannelId,
    /// The command with its slash.
    pub command: String,
    /// The rest of the line: see [`text::normalise`].
    pub text: String,
    /// Where answers may be posted. Absent if Slack sent none that can be passed on.
    pub response_url: Option<Secret<String>>,
}

/// Why a request goes no further.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not one of the app's URLs.
    UnknownPath,
    /// Not a POST.
    WrongMethod,
    /// The body is larger than [`MAX_BODY`].
    TooLarge,
    /// Not shown to come from Slack.
    Unverified(Unverified),
    /// Slack's, but it cannot be carried out as it is. A person waits for an answer.
    Unreadable(Unreadable),
}

/// What is wrong with the proof of origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// A header of the signature is missing.
    Missing,
    /// A header of the signature is there more than once.
    Repeated,
    /// A header is not in Slack's form, or the body is no base64 although it is marked so.
    Malformed,
    /// Signed more than [`MAX_SKEW`] before or after now.
    Untimely,
    /// Not signed with the app's secret.
    WrongSignature,
}

/// What is wrong with a verified slash command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The form has no such field.
    MissingField(&'static str),
    /// The form has the field more than once.
    RepeatedField(&'static str),
    /// The field is not the id that it should be.
    InvalidId(&'static str),
    /// The typed text cannot be a command.
    Text(text::Unusable),
}

/// A signing secret is empty: everybody could sign.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a Slack signing secret is empty")]
pub struct EmptySecret;

/// The secrets that Slack may have signed with: the current one, and the previous one while the app's is being changed.
pub struct SigningSecrets(Vec<hmac::Key>);

impl SigningSecrets {
    /// Takes the secrets as Slack shows them: text, not hexadecimal to be decoded.
    ///
    /// # Errors
    /// When one of them is empty.
    pub fn new(current: &Secret<String>, previous: Option<&Secret<String>>) -> Result<Self, EmptySecret> {
        let secrets = std::iter::once(current).chain(previous);
        let keys = secrets.map(|secret| match secret.expose().as_bytes() {
            [] => Err(EmptySecret),
            secret => Ok(hmac::Key::new(hmac::HMAC_SHA256, secret)),
        });
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// The proof that the headers and the raw `body` are Slack's, made within [`MAX_SKEW`] of `now`.
    fn verify(
        &self,
        headers: SignatureHeaders,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Verified<()>, Unverified> {
        let signature = only(headers.signatures)?;
        let timestamp = only(headers.timestamps)?;
        let claimed = decode_signature(&signature).ok_or(Unverified::Malformed)?;
        let digits_only = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let signed_at: u64 = Some(&timestamp)
            .filter(|_| digits_only)
            .and_then(|digits| digits.parse().ok())
            .ok_or(Unverified::Malformed)?;
        // The timestamp is hashed as received: a printed number would lose leading zeros.
        let signed_by = |key: &hmac::Key| {
            let mut context = hmac::Context::with_key(key);
            for part in [b"v0:", timestamp.as_bytes(), b":", body] {
                context.update(part);
            }
            aws_lc_rs::constant_time::verify_slices_are_equal(context.sign().as_ref(), &claimed).is_ok()
        };
        if !self.0.iter().any(signed_by) {
            return Err(Unverified::WrongSignature);
        }
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        if now.abs_diff(signed_at) > MAX_SKEW {
            return Err(Unverified::Untimely);
        }
        Ok(Verified { value: (), signature, timestamp: signed_at })
    }
}

impl<T> Verified<T> {
    /// What was signed.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The same, without the proof.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The job that this request is, however often it is delivered.
    pub fn job_id(&self) -> JobId {
        JobId::from_signature(&self.signature)
    }

    /// When Slack signed it: Unix seconds.
    pub fn signed_at(&self) -> u64 {
        self.timestamp
    }

    fn map<U>(self, with: impl FnOnce(T) -> U) -> Verified<U> {
        Verified { value: with(self.value), signature: self.signature, timestamp: self.timestamp }
    }
}

/// Reads the request in `event` as of `now`.
///
/// # Errors
/// The reason for which it must not be acted upon.
pub fn read(event: HttpEvent, secrets: &SigningSecrets, now: SystemTime) -> Result<SlackRequest, Refusal> {
    let route = match event.raw_path.as_str() {
        "/slack/commands" => Route::Commands,
        "/slack/interactive" => Route::Interactive,
        "/slack/events" => Route::Events,
        _ => return Err(Refusal::UnknownPath),
    };
    if event.request_context.http.method != "POST" {
        return Err(Refusal::WrongMethod);
    }
    let body = raw_body(event.body.unwrap_or_default(), event.is_base64_encoded)?;
    let verified = match secrets.verify(event.headers, &body, now) {
        Ok(verified) => verified,
        Err(_) if route == Route::Commands && is_ssl_check(&body) => return Ok(SlackRequest::SslCheck),
        Err(reason) => return Err(Refusal::Unverified(reason)),
    };
    match route {
        Route::Commands if is_ssl_check(&body) => Ok(SlackRequest::SslCheck),
        Route::Commands => {
            let command = slash_command(&body).map_err(Refusal::Unreadable)?;
            Ok(SlackRequest::SlashCommand(verified.map(|()| command)))
        }
        Route::Interactive => Ok(SlackRequest::Interaction(verified)),
        Route::Events => Ok(match challenge(&body) {
            Some(challenge) => SlackRequest::UrlVerification(verified.map(|()| challenge)),
            None => SlackRequest::Event(verified),
        }),
    }
}

/// The bytes that Slack sent. The limit holds before anything is decoded or hashed.
fn raw_body(body: String, is_base64: bool) -> Result<Vec<u8>, Refusal> {
    let longest = if is_base64 { MAX_BODY.div_ceil(3) * 4 } else { MAX_BODY };
    if body.len() > longest {
        return Err(Refusal::TooLarge);
    }
    let bytes = if is_base64 {
        BASE64_STANDARD.decode(body).map_err(|_| Refusal::Unverified(Unverified::Malformed))?
    } else {
        body.into_bytes()
    };
    if bytes.len() > MAX_BODY { Err(Refusal::TooLarge) } else { Ok(bytes) }
}

/// The one value of a header. API Gateway joins the values of a repeated header with commas, which neither header has.
fn only(mut values: Vec<String>) -> Result<String, Unverified> {
    match (values.pop(), values.len()) {
        (None, _) => Err(Unverified::Missing),
        (Some(value), 0) if value.contains(',') => Err(Unverified::Repeated),
        (Some(value), 0) => Ok(value),
        _ => Err(Unverified::Repeated),
    }
}

/// The bytes of `v0=` and 64 lower-case hexadecimal digits.
fn decode_signature(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.strip_prefix("v0=")?.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

fn is_ssl_check(body: &[u8]) -> bool {
    url::form_urlencoded::parse(body).any(|(name, value)| name == "ssl_check" && value == "1")
}

fn challenge(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct UrlVerification {
        r#type: String,
        challenge: String,
    }
    let request: UrlVerification = serde_json::from_slice(body).ok()?;
    (request.r#type == "url_verification").then_some(request.challenge)
}

fn slash_command(body: &[u8]) -> Result<SlashCommand, Unreadable> {
    let form = Form(url::form_urlencoded::parse(body).collect());
    let text = form.field("text")?.unwrap_or_default();
    let response_url = form
        .field("response_url")?
        .filter(|url| !url.is_empty() && url.is_ascii() && url.len() <= MAX_RESPONSE_URL)
        .map(|url| Secret::new(url.to_owned()));
    Ok(SlashCommand {
        tenant: form.id("team_id")?,
        enterprise: match form.field("enterprise_id")? {
            None | Some("") => None,
            Some(_) => Some(form.id("enterprise_id")?),
        },
        user: form.id("user_id")?,
        channel: form.id("channel_id")?,
        command: form.field("command")?.ok_or(Unreadable::MissingField("command"))?.to_owned(),
        text: text::normalise(text).map_err(Unreadable::Text)?,
        response_url,
    })
}

/// The fields of a form body.
struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Form<'_> {
    fn field(&self, name: &'static str) -> Result<Option<&str>, Unreadable> {
        let mut values = self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_ref());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Unreadable::RepeatedField(name)),
            (value, None) => Ok(value),
        }
    }

    fn id<T: std::str::FromStr<Err = InvalidId>>(&self, name: &'static str) -> Result<T, Unreadable> {
        let value = self.field(name)?.ok_or(Unreadable::MissingField(name))?;
        value.parse().map_err(|InvalidId { .. }| Unreadable::InvalidId(name))
    }
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "a signature header is missing",
            Self::Repeated => "a signature header is repeated",
            Self::Malformed => "a signature header or the body is malformed",
            Self::Untimely => "it was signed too long ago or in the future",
            Self::WrongSignature => "the signature is wrong",
        })
    }
}

impl<'de> Deserialize<'de> for SignatureHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Headers;

        impl<'de> Visitor<'de> for Headers {
            type Value = SignatureHeaders;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of headers")
            }

            fn visit_unit<E>(self) -> Result<SignatureHeaders, E> {
                Ok(SignatureHeaders::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SignatureHeaders, A::Error> {
                let mut headers = SignatureHeaders::default();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    if name.eq_ignore_ascii_case("x-slack-signature") {
                        headers.signatures.push(map.next_value()?);
                    } else if name.eq_ignore_ascii_case("x-slack-request-timestamp") {
                        headers.timestamps.push(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(headers)
            }
        }

        deserializer.deserialize_any(Headers)
    }
}
