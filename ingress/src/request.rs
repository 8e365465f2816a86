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
use shared::admin::AdminJob;
use shared::ids::{ChannelId, InvalidId, JobId, TenantId, UserId};
use shared::secret::Secret;

use crate::{event, text};

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

/// The part of such an event that tells the method.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RequestContext {
    pub(crate) http: HttpDescription,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HttpDescription {
    pub(crate) method: String,
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
    /// Something happened in the workspace. Nothing if it does not matter here.
    Event(Verified<Option<AdminJob>>),
    /// Slack asks whether the events URL is ours, and expects this text back.
    UrlVerification(Verified<String>),
    /// Slack tests the certificate. It is not documented whether it signs this, and nothing depends on it.
    SslCheck,
}

/// Something that Slack has signed. Only [`read`] makes one:
///
/// ```compile_fail,E0451
/// let forged = ingress::request::Verified { value: (), signature: String::new(), timestamp: 0 };
/// ```
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
        Err(_) if route == Route::Commands && Form::parse(&body).is_ssl_check() => {
            return Ok(SlackRequest::SslCheck);
        }
        Err(reason) => return Err(Refusal::Unverified(reason)),
    };
    match route {
        Route::Commands => {
            let form = Form::parse(&body);
            if form.is_ssl_check() {
                return Ok(SlackRequest::SslCheck);
            }
            let command = slash_command(&form).map_err(Refusal::Unreadable)?;
            Ok(SlackRequest::SlashCommand(verified.map(|()| command)))
        }
        Route::Interactive => Ok(SlackRequest::Interaction(verified)),
        Route::Events => Ok(match challenge(&body) {
            Some(challenge) => SlackRequest::UrlVerification(verified.map(|()| challenge)),
            None => SlackRequest::Event(verified.map(|()| event::interpret(&body))),
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

fn challenge(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct UrlVerification {
        r#type: String,
        challenge: String,
    }
    let request: UrlVerification = serde_json::from_slice(body).ok()?;
    (request.r#type == "url_verification").then_some(request.challenge)
}

fn slash_command(form: &Form<'_>) -> Result<SlashCommand, Unreadable> {
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

impl<'a> Form<'a> {
    fn parse(body: &'a [u8]) -> Self {
        Self(url::form_urlencoded::parse(body).collect())
    }

    fn is_ssl_check(&self) -> bool {
        self.field("ssl_check") == Ok(Some("1"))
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::time::Duration;

    const SECRET: &str = "alfred-test-secret-0123456789abcdef";
    const TIMESTAMP: &str = "1760000000";

    /// A published request and the signature that belongs to it, with one that a wrong reading of the body leads to.
    struct Vector {
        secret: &'static str,
        timestamp: &'static str,
        path: &'static str,
        body: &'static str,
        signature: &'static str,
        wrong: Option<&'static str>,
    }

    /// Checked against Slack's Python SDK and OpenSSL; the last one is from Slack's own documentation.
    const VECTORS: [Vector; 4] = [
        Vector {
            secret: SECRET,
            timestamp: TIMESTAMP,
            path: "/slack/commands",
            body: "token=x&team_id=T0ALFRED1&channel_id=C0ALFRED1&user_id=U0ALFRED1&command=%2Falfred-invoke&text=s3+ls+%2A.log+%E2%80%94profile+%E2%80%9Cdev%E2%80%9D+%26amp%3B",
            signature: "v0=aa4ac2c659d201395191102a4adc32cd973ef87b22f4a9de676e9f0233781e0d",
            wrong: Some("v0=6a19fbf83eb9f70be0bdd9c0b9755b19db20f37b0c44663492a7c4a996361922"), // %2A became *
        },
        Vector {
            secret: SECRET,
            timestamp: TIMESTAMP,
            path: "/slack/events",
            body: r#"{"type":"url_verification","token":"x","challenge":"a\/b"}"#,
            signature: "v0=6e1a4492d111110a4a2346ae6e316241e9adcbffe7dac4e03b91ebfd15b5b7f9",
            wrong: Some("v0=3d16da6093e242b00b278ca1fe1a08922a053e46ab1a19e98cd50733aaa7a5cc"), // \/ became /
        },
        Vector {
            secret: SECRET,
            timestamp: TIMESTAMP,
            path: "/slack/interactive",
            body: "payload=%7B%22type%22%3A%22block_actions%22%2C%22team%22%3Anull%2C%22actions%22%3A%5B%7B%22value%22%3A%22r%C3%BAn%22%7D%5D%7D",
            signature: "v0=d1e73c953d6e5954499fc5a9bf19dcf5d5cfec1a4ad176c44742b28f30f044c1",
            wrong: Some("v0=6525b32a4e5519b23dde451cffb7262bbe641ac2a5d9aa6eea6e18586ef8e839"), // base64 text signed
        },
        Vector {
            secret: "8f742231b10e8888abcd99yyyzzz85a5",
            timestamp: "1531420618",
            path: "/slack/commands",
            body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
            signature: "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            wrong: None,
        },
    ];

    fn secrets(current: &str) -> SigningSecrets {
        SigningSecrets::new(&Secret::new(current.into()), None).unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn now() -> SystemTime {
        at(TIMESTAMP.parse().unwrap())
    }

    fn event(path: &str, headers: Value, body: &[u8], base64: bool) -> HttpEvent {
        let body =
            if base64 { BASE64_STANDARD.encode(body) } else { String::from_utf8(body.to_vec()).unwrap() };
        serde_json::from_value(json!({
            "version": "2.0",
            "rawPath": path,
            "headers": headers,
            "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default"},
            "body": body,
            "isBase64Encoded": base64,
        }))
        .unwrap()
    }

    fn headers(signature: &str, timestamp: &str) -> Value {
        json!({"x-slack-signature": signature, "x-slack-request-timestamp": timestamp, "host": "example.com"})
    }

    /// The signature by other crates than the code under test uses.
    fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
        use ::hmac::Mac;
        let mut mac = ::hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("v0:{timestamp}:").as_bytes());
        mac.update(body);
        format!(
            "v0={}",
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        )
    }

    fn signed(path: &str, body: &[u8]) -> HttpEvent {
        event(path, headers(&sign(SECRET, TIMESTAMP, body), TIMESTAMP), body, true)
    }

    fn command(fields: &[(&str, &str)]) -> Result<SlashCommand, Refusal> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        match read(signed("/slack/commands", body.as_bytes()), &secrets(SECRET), now())? {
            SlackRequest::SlashCommand(command) => Ok(command.into_inner()),
            other => panic!("{other:?}"),
        }
    }

    const FIELDS: [(&str, &str); 5] = [
        ("team_id", "T0ALFRED1"),
        ("channel_id", "C0OPS"),
        ("user_id", "U0ANNA"),
        ("command", "/alfred-invoke"),
        ("text", "s3 ls"),
    ];

    /// The fields above with one exchanged, or added at the end.
    fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        let mut fields = FIELDS.to_vec();
        match fields.iter_mut().find(|(field, _)| *field == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
        fields
    }

    #[test]
    fn the_published_vectors_are_accepted_within_five_minutes_of_their_time() {
        for vector in VECTORS {
            let signed_at: u64 = vector.timestamp.parse().unwrap();
            for (offset, accepted) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
                for base64 in [true, false] {
                    let headers = headers(vector.signature, vector.timestamp);
                    let event = event(vector.path, headers, vector.body.as_bytes(), base64);
                    let read =
                        read(event, &secrets(vector.secret), at(signed_at.saturating_add_signed(offset)));
                    if accepted {
                        read.unwrap();
                    } else {
                        assert_eq!(read.unwrap_err(), Refusal::Unverified(Unverified::Untimely), "{offset}");
                    }
                }
            }
        }
    }

    #[test]
    fn signatures_over_a_rewritten_body_are_wrong() {
        for vector in VECTORS {
            let Some(wrong) = vector.wrong else { continue };
            let event = event(vector.path, headers(wrong, vector.timestamp), vector.body.as_bytes(), true);
            let refusal = read(event, &secrets(vector.secret), now()).unwrap_err();
            assert_eq!(refusal, Refusal::Unverified(Unverified::WrongSignature));
        }
    }

    #[test]
    fn base64_is_decoded_and_not_taken_for_the_body() {
        let vector = &VECTORS[2];
        let given = "cGF5bG9hZD0lN0IlMjJ0eXBlJTIyJTNBJTIyYmxvY2tfYWN0aW9ucyUyMiUyQyUyMnRlYW0lMjIlM0FudWxsJTJDJTIyYWN0aW9ucyUyMiUzQSU1QiU3QiUyMnZhbHVlJTIyJTNBJTIyciVDMyVCQW4lMjIlN0QlNUQlN0Q=";
        assert_eq!(BASE64_STANDARD.encode(vector.body), given);
        let mut event =
            event(vector.path, headers(vector.signature, vector.timestamp), given.as_bytes(), false);
        let refusal = read(event, &secrets(SECRET), now()).unwrap_err();
        assert_eq!(refusal, Refusal::Unverified(Unverified::WrongSignature));
        event = self::event(vector.path, headers(vector.signature, vector.timestamp), b"", false);
        event.body = Some(given.into());
        event.is_base64_encoded = true;
        assert!(matches!(read(event, &secrets(SECRET), now()), Ok(SlackRequest::Interaction(_))));
    }

    #[test]
    fn every_single_bit_of_the_request_counts() {
        let vector = &VECTORS[0];
        let refused = |signature: &[u8], timestamp: &[u8], body: &[u8]| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let headers = headers(&text(signature), &text(timestamp));
            read(event(vector.path, headers, body, true), &secrets(SECRET), now()).unwrap_err()
        };
        let parts = [vector.signature.as_bytes(), vector.timestamp.as_bytes(), vector.body.as_bytes()];
        for part in 0..parts.len() {
            for bit in 0..parts[part].len() * 8 {
                let mut changed = parts.map(<[u8]>::to_vec);
                changed[part][bit / 8] ^= 1 << (bit % 8);
                let refusal = refused(&changed[0], &changed[1], &changed[2]);
                assert!(matches!(refusal, Refusal::Unverified(_)), "part {part}, bit {bit}: {refusal:?}");
            }
        }
    }

    #[test]
    fn headers_that_slack_does_not_send_are_refused() {
        let body = VECTORS[0].body.as_bytes();
        let good = VECTORS[0].signature;
        let digits = good.strip_prefix("v0=").unwrap();
        let upper = format!("v0={}", digits.to_uppercase());
        let resigned = |timestamp: &str| headers(&sign(SECRET, timestamp, body), timestamp);
        let repeated = format!("{good},{good}");
        let wrong_last = format!("{}e", &good[..good.len() - 1]);
        use Unverified::{Malformed, Missing, Repeated, Untimely, WrongSignature};
        let table = [
            (json!({}), Missing),
            (Value::Null, Missing),
            (json!({"x-slack-signature": good}), Missing),
            (json!({"x-slack-request-timestamp": TIMESTAMP}), Missing),
            (headers("", TIMESTAMP), Malformed),
            (headers(good, ""), Malformed),
            (headers(&format!("v1={digits}"), TIMESTAMP), Malformed),
            (headers(digits, TIMESTAMP), Malformed),
            (headers(&upper, TIMESTAMP), Malformed),
            (headers(&format!("{good}0"), TIMESTAMP), Malformed),
            (headers(&good[..good.len() - 1], TIMESTAMP), Malformed),
            (headers(&format!(" {good}"), TIMESTAMP), Malformed),
            (headers("v0=é", TIMESTAMP), Malformed),
            (headers(&repeated, TIMESTAMP), Repeated),
            (headers(good, "1760000000,1760000000"), Repeated),
            (
                json!({"x-slack-signature": good, "X-Slack-Signature": good, "x-slack-request-timestamp": TIMESTAMP}),
                Repeated,
            ),
            (
                json!({"x-slack-signature": good, "X-Slack-Request-Timestamp": TIMESTAMP, "x-slack-request-timestamp": TIMESTAMP}),
                Repeated,
            ),
            (headers(&wrong_last, TIMESTAMP), WrongSignature),
            // Signed as they are, so only their form is wrong.
            (resigned("+1760000000"), Malformed),
            (resigned("-1760000000"), Malformed),
            (resigned(" 1760000000"), Malformed),
            (resigned("1760000000.0"), Malformed),
            (resigned("1.76e9"), Malformed),
            (resigned("١٧٦٠٠٠٠٠٠٠"), Malformed),
            (resigned("99999999999999999999999"), Malformed),
            (resigned("18446744073709551615"), Untimely),
            (resigned("0"), Untimely),
        ];
        for (headers, reason) in table {
            let shown = headers.to_string();
            let refusal =
                read(event("/slack/commands", headers, body, true), &secrets(SECRET), now()).unwrap_err();
            assert_eq!(refusal, Refusal::Unverified(reason), "{shown}");
        }
    }

    #[test]
    fn header_names_are_read_in_any_case_and_the_timestamp_as_it_is_written() {
        let body = VECTORS[0].body.as_bytes();
        let zeros = "0001760000000";
        let headers =
            json!({"X-SLACK-Signature": sign(SECRET, zeros, body), "X-Slack-Request-Timestamp": zeros});
        let read = read(event("/slack/commands", headers, body, true), &secrets(SECRET), now()).unwrap();
        let SlackRequest::SlashCommand(command) = read else { panic!("{read:?}") };
        assert_eq!(command.signed_at(), 1_760_000_000);
    }

    #[test]
    fn both_secrets_count_while_they_are_being_changed() {
        let both =
            SigningSecrets::new(&Secret::new("next".into()), Some(&Secret::new(SECRET.into()))).unwrap();
        let body = VECTORS[0].body.as_bytes();
        for (secret, accepted) in [("next", true), (SECRET, true), ("other", false)] {
            let headers = headers(&sign(secret, TIMESTAMP, body), TIMESTAMP);
            assert_eq!(read(event("/slack/commands", headers, body, true), &both, now()).is_ok(), accepted);
        }
    }

    #[test]
    fn an_empty_secret_is_no_secret() {
        let (empty, good) = (Secret::new(String::new()), Secret::new(SECRET.to_owned()));
        assert_eq!(SigningSecrets::new(&empty, None).err(), Some(EmptySecret));
        assert_eq!(SigningSecrets::new(&good, Some(&empty)).err(), Some(EmptySecret));
    }

    #[test]
    fn a_command_is_read_from_its_form() {
        let read = command(&with("response_url", "https://hooks.slack.com/commands/T/1/x")).unwrap();
        assert_eq!(read.tenant.as_str(), "T0ALFRED1");
        assert_eq!((read.user.as_str(), read.channel.as_str()), ("U0ANNA", "C0OPS"));
        assert_eq!((read.command.as_str(), read.text.as_str()), ("/alfred-invoke", "s3 ls"));
        assert_eq!(read.response_url.unwrap().expose(), "https://hooks.slack.com/commands/T/1/x");
        assert_eq!(read.enterprise, None);
        assert_eq!(command(&with("enterprise_id", "")).unwrap().enterprise, None);
        assert_eq!(command(&with("enterprise_id", "E0ORG")).unwrap().enterprise.unwrap().as_str(), "E0ORG");

        let SlackRequest::SlashCommand(vector) = read_vector(&VECTORS[0]).unwrap() else {
            panic!("no command")
        };
        assert_eq!(vector.get().text, r#"s3 ls *.log --profile "dev" &"#);
        assert_eq!(vector.job_id(), JobId::from_signature(VECTORS[0].signature));
    }

    fn read_vector(vector: &Vector) -> Result<SlackRequest, Refusal> {
        let headers = headers(vector.signature, vector.timestamp);
        read(event(vector.path, headers, vector.body.as_bytes(), true), &secrets(vector.secret), now())
    }

    #[test]
    fn a_command_with_unusable_fields_is_refused_by_the_field() {
        use Unreadable::{InvalidId, MissingField, RepeatedField, Text};
        let mut twice = FIELDS.to_vec();
        twice.push(("user_id", "U0BEN"));
        let table = [
            (FIELDS[1..].to_vec(), MissingField("team_id")),
            (FIELDS[..3].to_vec(), MissingField("command")),
            (twice, RepeatedField("user_id")),
            (with("user_id", "u0anna"), InvalidId("user_id")),
            (with("user_id", "U0\" aws:PrincipalTag"), InvalidId("user_id")),
            (with("user_id", ""), InvalidId("user_id")),
            (with("team_id", "U0ANNA"), InvalidId("team_id")),
            (with("channel_id", "#ops"), InvalidId("channel_id")),
            (with("enterprise_id", "../x"), InvalidId("enterprise_id")),
            (with("text", "s3 ls\0"), Text(text::Unusable::Control('\0'))),
        ];
        for (fields, reason) in table {
            assert_eq!(command(&fields).unwrap_err(), Refusal::Unreadable(reason));
        }
        // Bytes that are no UTF-8.
        let body = "team_id=T1&channel_id=C1&user_id=U1&command=%2Fa&text=%FF";
        let refusal = read(signed("/slack/commands", body.as_bytes()), &secrets(SECRET), now()).unwrap_err();
        assert_eq!(refusal, Refusal::Unreadable(Text(text::Unusable::Undecodable)));
    }

    #[test]
    fn a_response_url_too_long_to_pass_on_is_left_out() {
        for (length, kept) in
            [(MAX_RESPONSE_URL - 1, true), (MAX_RESPONSE_URL, true), (MAX_RESPONSE_URL + 1, false)]
        {
            let mut fields = FIELDS.to_vec();
            let url = "x".repeat(length);
            fields.push(("response_url", &url));
            assert_eq!(command(&fields).unwrap().response_url.is_some(), kept, "{length}");
        }
        assert_eq!(command(&with("response_url", "https://hooks.slack.com/é")).unwrap().response_url, None);
    }

    #[test]
    fn a_body_above_the_limit_is_refused_before_it_is_hashed() {
        for (length, too_large) in [(MAX_BODY - 1, false), (MAX_BODY, false), (MAX_BODY + 1, true)] {
            for base64 in [true, false] {
                // A wrong signature: below the limit it is found, above it nobody looks.
                let headers = headers(VECTORS[0].signature, TIMESTAMP);
                let event = event("/slack/commands", headers, &vec![b'a'; length], base64);
                let refusal = read(event, &secrets(SECRET), now()).unwrap_err();
                assert_eq!(refusal == Refusal::TooLarge, too_large, "{length} {base64}: {refusal:?}");
            }
        }
    }

    #[test]
    fn other_paths_and_methods_are_not_looked_at() {
        for path in [
            "",
            "/",
            "/slack",
            "/slack/command",
            "/slack/commands/",
            "/prod/slack/commands",
            "/SLACK/commands",
        ] {
            let event =
                event(path, headers(VECTORS[0].signature, TIMESTAMP), VECTORS[0].body.as_bytes(), true);
            assert_eq!(read(event, &secrets(SECRET), now()).unwrap_err(), Refusal::UnknownPath, "{path}");
        }
        for method in ["GET", "PUT", "post", ""] {
            let mut event = signed("/slack/events", b"{}");
            event.request_context.http.method = method.into();
            assert_eq!(read(event, &secrets(SECRET), now()).unwrap_err(), Refusal::WrongMethod, "{method}");
        }
        // An invocation that is no HTTP request at all.
        let event = serde_json::from_str("{}").unwrap();
        assert_eq!(read(event, &secrets(SECRET), now()).unwrap_err(), Refusal::UnknownPath);
    }

    #[test]
    fn certificate_checks_are_answered_signed_or_not() {
        let check = b"ssl_check=1&token=x";
        let unsigned = event("/slack/commands", json!({}), check, true);
        for event in [unsigned, signed("/slack/commands", check)] {
            assert!(matches!(read(event, &secrets(SECRET), now()), Ok(SlackRequest::SslCheck)));
        }
        for (path, body) in [("/slack/commands", "ssl_check=0"), ("/slack/events", "ssl_check=1")] {
            let event = event(path, json!({}), body.as_bytes(), true);
            assert_eq!(
                read(event, &secrets(SECRET), now()).unwrap_err(),
                Refusal::Unverified(Unverified::Missing)
            );
        }
    }

    #[test]
    fn the_events_url_is_confirmed_only_to_slack() {
        let read_vector = read_vector(&VECTORS[1]).unwrap();
        let SlackRequest::UrlVerification(challenge) = read_vector else { panic!("{read_vector:?}") };
        assert_eq!(challenge.get(), "a/b");
        let forged = event("/slack/events", json!({}), VECTORS[1].body.as_bytes(), false);
        assert_eq!(
            read(forged, &secrets(SECRET), now()).unwrap_err(),
            Refusal::Unverified(Unverified::Missing)
        );
        for body in [r#"{"type":"event_callback","challenge":"x"}"#, "{}", "[", ""] {
            let read = read(signed("/slack/events", body.as_bytes()), &secrets(SECRET), now());
            assert!(matches!(read, Ok(SlackRequest::Event(_))), "{body}");
        }
    }

    #[test]
    fn an_event_as_aws_documents_it_is_read() {
        // The type and its field names are not ours.
        let mut event = ApiGatewayV2httpRequest::default();
        let vector = &VECTORS[0];
        event.raw_path = Some(vector.path.into());
        event.request_context.http.method = "POST".parse().unwrap();
        event.headers.insert("x-slack-signature", vector.signature.parse().unwrap());
        event.headers.insert("x-slack-request-timestamp", vector.timestamp.parse().unwrap());
        event.body = Some(vector.body.into());
        let event = serde_json::from_value(serde_json::to_value(event).unwrap()).unwrap();
        assert!(matches!(read(event, &secrets(SECRET), now()), Ok(SlackRequest::SlashCommand(_))));
    }

    proptest! {
        /// Any body and timestamp that our secret signs is accepted, and with any other signature refused.
        #[test]
        fn exactly_what_is_signed_is_accepted(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            skew in -300i64..=300,
            other in "[0-9a-f]{64}",
        ) {
            let timestamp = 1_760_000_000u64.saturating_add_signed(skew).to_string();
            let signature = sign(SECRET, &timestamp, &body);
            let accepted = event("/slack/interactive", headers(&signature, &timestamp), &body, true);
            prop_assert!(read(accepted, &secrets(SECRET), now()).is_ok());
            let forged = event("/slack/interactive", headers(&format!("v0={other}"), &timestamp), &body, true);
            prop_assert!(read(forged, &secrets(SECRET), now()).is_err());
        }

        /// No signed body, whatever it holds, brings the reader down.
        #[test]
        fn no_signed_body_brings_the_reader_down(
            body in "((team_id|user_id|channel_id|command|text|ssl_check|x)=[%0-9A-Fa-z+&;é]{0,12}&?){0,8}",
            path in "/slack/(commands|events|interactive)",
        ) {
            let _ = read(signed(&path, body.as_bytes()), &secrets(SECRET), now());
        }
    }
}
