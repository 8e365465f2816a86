//! A thin client of Slack's Web API, of `response_url` and of the file upload. It knows how Slack answers, and nothing
//! of what is said: arguments and results are the caller's own types. Tokens travel in the `Authorization` header
//! only, and no error of this module carries a URL.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Origin, Url};

use crate::env::Environment;
use crate::ids::{TenantId, UserId};
use crate::person::Person;
use crate::secret::Secret;

/// How long one request may take, connection included. Slack answers within a second; a slower answer is tried again.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the connection alone may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How much of an answer is read, in bytes. The largest are all user groups of a workspace with their members: 1,000,000
/// ids have 13 MB.
const MAX_ANSWER: usize = 16 << 20;

/// How many members a page has: below 1,000, as Slack demands.
const MEMBERS_A_PAGE: &str = "999";

/// What to wait after a 429 without a readable `Retry-After`.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Reads `SLACK_API_URL`: Slack's own if it is unset.
///
/// # Errors
/// Never: the default is a URL.
pub fn api_url(env: &mut Environment<'_>) -> Result<Url, url::ParseError> {
    let default = Url::parse("https://slack.com/api/")?;
    Ok(env.parsed("SLACK_API_URL", "a URL that ends in /", default, |text| {
        Url::parse(text).ok().filter(|url| url.path().ends_with('/'))
    }))
}

/// Reads `SLACK_RESPONSE_ORIGINS`: Slack's own if it is unset.
///
/// # Errors
/// Never: the default is a list of origins.
pub fn response_origins(env: &mut Environment<'_>) -> Result<ResponseOrigins, NotAnOrigin> {
    let default = ResponseOrigins::parse("https://hooks.slack.com,https://hooks.slack-gov.com")?;
    let purpose = "a comma-separated list of origins such as https://hooks.slack.com";
    Ok(env.parsed("SLACK_RESPONSE_ORIGINS", purpose, default, |text| ResponseOrigins::parse(text).ok()))
}

/// Why a request to Slack did not do what it should.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum SlackError {
    /// Slack understood and refused, such as `channel_not_found`. Trying again gives the same.
    #[error("Slack refused: {code}{}", needed.as_ref().map(|scope| format!(" (the app needs the scope {scope})")).unwrap_or_default())]
    Refused {
        /// Slack's own word.
        code: String,
        /// The scope that `missing_scope` names.
        needed: Option<String>,
    },
    /// Too many requests: nothing was done, and nothing should be sent before this time has passed.
    #[error("Slack asks to wait {} s", .0.as_secs())]
    RateLimited(Duration),
    /// No connection: nothing was sent.
    #[error("Slack cannot be reached: {0}")]
    Unreachable(String),
    /// Slack failed or did not answer in time. What was asked may have been done.
    #[error("Slack did not answer properly: {0}")]
    Unanswered(String),
    /// The address is not one that the configuration allows.
    #[error("the address is not one of Slack's")]
    ForeignAddress,
}

impl SlackError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited(_) | Self::Unreachable(_) | Self::Unanswered(_) => true,
            Self::Refused { code, .. } => {
                matches!(
                    code.as_str(),
                    "ratelimited"
                        | "rate_limited"
                        | "request_timeout"
                        | "service_unavailable"
                        | "fatal_error"
                        | "internal_error"
                )
            }
            Self::ForeignAddress => false,
        }
    }
}

/// A method's arguments, encoded as its page in Slack's reference says.
pub enum Args<'a, T> {
    /// JSON, for the methods that list it.
    Json(&'a T),
    /// A form, which every method takes.
    Form(&'a [(&'a str, &'a str)]),
}

impl<'a> Args<'a, ()> {
    /// A form; the type parameter of the JSON case does not matter.
    pub fn form(fields: &'a [(&'a str, &'a str)]) -> Self {
        Args::Form(fields)
    }
}

/// Sends requests to Slack. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    api: Url,
}

impl Client {
    /// A client of the Web API at `api`, such as `https://slack.com/api/`. Follows no redirect and uses no proxy.
    pub fn new(api: Url, tls: rustls::ClientConfig) -> Result<Self, SlackError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| SlackError::Unreachable(describe(error)))?;
        Ok(Self { http, api })
    }

    /// Calls a Web API method under `token` and reads its result. A result with `ok: false` is [`SlackError::Refused`].
    pub async fn call<A: Serialize, T: DeserializeOwned>(
        &self,
        token: &Secret<String>,
        method: &str,
        args: Args<'_, A>,
    ) -> Result<T, SlackError> {
        let url = self.api.join(method).map_err(|_| SlackError::ForeignAddress)?;
        let (content_type, body) = match args {
            Args::Json(args) => (
                "application/json; charset=utf-8",
                serde_json::to_vec(args).map_err(|error| SlackError::Unanswered(error.to_string()))?,
            ),
            Args::Form(fields) => (
                "application/x-www-form-urlencoded",
                url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(fields)
                    .finish()
                    .into_bytes(),
            ),
        };
        let request = self
            .http
            .post(url)
            .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
            .header(CONTENT_TYPE, content_type)
            .body(body);
        result(method, request).await
    }

    /// `oauth.v2.access`: exchanges a code or a refresh token. The app shows who it is by HTTP Basic, so that its secret is
    /// in no URL and no form.
    pub async fn oauth<T: DeserializeOwned>(
        &self,
        client_id: &str,
        client_secret: &Secret<String>,
        fields: &[(&str, &str)],
    ) -> Result<T, SlackError> {
        let url = self.api.join("oauth.v2.access").map_err(|_| SlackError::ForeignAddress)?;
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self
            .http
            .post(url)
            .basic_auth(client_id, Some(client_secret.expose()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        result("oauth.v2.access", request).await
    }

    /// `users.info`: who `user` is, as Slack knows it now.
    pub async fn person(&self, token: &Secret<String>, user: &UserId) -> Result<Person, SlackError> {
        #[derive(serde::Deserialize)]
        struct Found {
            user: Person,
        }
        let found: Found = self.call(token, "users.info", Args::form(&[("user", user.as_str())])).await?;
        Ok(found.user)
    }

    /// One page of `conversations.members`, and the cursor of the next one if there is one.
    pub async fn members(
        &self,
        token: &Secret<String>,
        channel: &str,
        cursor: &str,
    ) -> Result<(Vec<String>, Option<String>), SlackError> {
        #[derive(serde::Deserialize)]
        struct Members {
            members: Vec<String>,
            #[serde(default)]
            response_metadata: NextPage,
        }
        let args = [("channel", channel), ("limit", MEMBERS_A_PAGE), ("cursor", cursor)];
        let page: Members = self.call(token, "conversations.members", Args::form(&args)).await?;
        Ok((page.members, page.response_metadata.next()))
    }

    /// `usergroups.users.list`: everybody in a user group of `tenant`.
    pub async fn usergroup_members(
        &self,
        token: &Secret<String>,
        tenant: &TenantId,
        usergroup: &str,
    ) -> Result<Vec<String>, SlackError> {
        #[derive(serde::Deserialize)]
        struct Users {
            users: Vec<String>,
        }
        let args = [("usergroup", usergroup), ("team_id", tenant.as_str())];
        let list: Users = self.call(token, "usergroups.users.list", Args::form(&args)).await?;
        Ok(list.users)
    }

    /// Posts a message to a `response_url` that [`ResponseOrigins::admit`] let through. Slack says `ok` in plain text
    /// when it took the message, and says no in at least three ways.
    pub async fn respond(&self, url: &ResponseUrl, message: &impl Serialize) -> Result<(), SlackError> {
        let body = serde_json::to_vec(message).map_err(|error| SlackError::Unanswered(error.to_string()))?;
        let request = self
            .http
            .post(url.0.expose().clone())
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body);
        let (status, answer) = send(request).await?;
        if let Ok(verdict) = serde_json::from_slice::<Verdict>(&answer) {
            return if verdict.ok && status.is_success() { Ok(()) } else { Err(verdict.refusal(status)) };
        }
        let text = String::from_utf8_lossy(&answer);
        if status == StatusCode::OK && text.trim() == "ok" {
            return Ok(());
        }
        Err(SlackError::Refused { code: word(text.trim(), status), needed: None })
    }

    /// Uploads a file's bytes to the address that `files.getUploadURLExternal` gave. No token is sent along.
    pub async fn upload(&self, upload_url: &str, bytes: Bytes) -> Result<(), SlackError> {
        let url = Url::parse(upload_url).map_err(|_| SlackError::ForeignAddress)?;
        if !self.is_upload_address(&url) {
            return Err(SlackError::ForeignAddress);
        }
        let request = self.http.post(url).header(CONTENT_TYPE, "application/octet-stream").body(bytes);
        let (status, answer) = send(request).await?;
        if status == StatusCode::OK {
            return Ok(());
        }
        Err(SlackError::Refused { code: word(String::from_utf8_lossy(&answer).trim(), status), needed: None })
    }

    /// Slack's upload hosts, or the host of the API itself when that is configured to be elsewhere.
    fn is_upload_address(&self, url: &Url) -> bool {
        let slack = url.scheme() == "https"
            && url.port().is_none()
            && url
                .host_str()
                .is_some_and(|host| host.ends_with(".slack.com") || host.ends_with(".slack-gov.com"));
        let plain = url.username().is_empty() && url.password().is_none();
        plain && (slack || url.origin() == self.api.origin())
    }
}

/// The origins that a `response_url` may have.
#[derive(Debug, Clone)]
pub struct ResponseOrigins(Vec<Origin>);

/// A `response_url` with one of the [`ResponseOrigins`]. Whoever holds it can post.
#[derive(Debug, Clone)]
pub struct ResponseUrl(Secret<Url>);

/// An entry of the configured list that is no origin, such as `hooks.slack.com` without its scheme.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an origin such as https://hooks.slack.com")]
pub struct NotAnOrigin(String);

impl ResponseOrigins {
    /// Reads a comma-separated list of origins, such as `https://hooks.slack.com,https://hooks.slack-gov.com`.
    pub fn parse(list: &str) -> Result<Self, NotAnOrigin> {
        let origins = list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(|entry| {
            let url = Url::parse(entry).map_err(|_| NotAnOrigin(entry.to_owned()))?;
            let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            if bare && url.has_host() && matches!(url.scheme(), "https" | "http") {
                Ok(url.origin())
            } else {
                Err(NotAnOrigin(entry.to_owned()))
            }
        });
        let origins: Vec<_> = origins.collect::<Result<_, _>>()?;
        if origins.is_empty() { Err(NotAnOrigin(list.to_owned())) } else { Ok(Self(origins)) }
    }

    /// Lets `url` through if scheme, host and port are exactly those of an origin and it carries no user name.
    pub fn admit(&self, url: &Secret<String>) -> Result<ResponseUrl, SlackError> {
        let url = Url::parse(url.expose()).map_err(|_| SlackError::ForeignAddress)?;
        let plain = url.username().is_empty() && url.password().is_none();
        if plain && self.0.contains(&url.origin()) {
            Ok(ResponseUrl(Secret::new(url)))
        } else {
            Err(SlackError::ForeignAddress)
        }
    }
}

/// Where the next page of a list begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct NextPage {
    next_cursor: String,
}

impl NextPage {
    /// The cursor, unless this was the last page.
    pub fn next(self) -> Option<String> {
        Some(self.next_cursor).filter(|cursor| !cursor.is_empty())
    }
}

/// What every JSON answer of Slack begins with. `response_url` may leave `ok` out of an error.
#[derive(serde::Deserialize)]
struct Verdict {
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    needed: Option<String>,
}

impl Verdict {
    fn refusal(self, status: StatusCode) -> SlackError {
        SlackError::Refused { code: word(&self.error.unwrap_or_default(), status), needed: self.needed }
    }
}

/// Slack's error word if the text is one, otherwise the status: the text of an error page says nothing to a person.
fn word(text: &str, status: StatusCode) -> String {
    let is_word = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if is_word { text.to_owned() } else { format!("http_{}", status.as_u16()) }
}

/// Sends a call of `method` and reads its result.
async fn result<T: DeserializeOwned>(
    method: &str,
    request: reqwest::RequestBuilder,
) -> Result<T, SlackError> {
    let (status, answer) = send(request).await?;
    let verdict: Verdict = serde_json::from_slice(&answer)
        .map_err(|_| SlackError::Unanswered(format!("{status} with a body that is not JSON")))?;
    if !verdict.ok {
        return Err(verdict.refusal(status));
    }
    serde_json::from_slice(&answer)
        .map_err(|error| SlackError::Unanswered(format!("the result of {method} misses something: {error}")))
}

/// Sends and reads the answer, telling apart what Slack says by status: 429, server errors, and answers to be read.
async fn send(request: reqwest::RequestBuilder) -> Result<(StatusCode, Vec<u8>), SlackError> {
    let mut response = request.send().await.map_err(|error| {
        if error.is_connect() {
            SlackError::Unreachable(describe(error))
        } else {
            SlackError::Unanswered(describe(error))
        }
    })?;
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let seconds =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        return Err(SlackError::RateLimited(seconds.map_or(DEFAULT_RETRY_AFTER, Duration::from_secs)));
    }
    if status.is_server_error() {
        return Err(SlackError::Unanswered(format!("status {}", status.as_u16())));
    }
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| SlackError::Unanswered(describe(error)))? {
        if answer.len() + chunk.len() > MAX_ANSWER {
            return Err(SlackError::Unanswered(format!("more than {MAX_ANSWER} bytes")));
        }
        answer.extend_from_slice(&chunk);
    }
    Ok((status, answer))
}

/// An error of the HTTP client without its URL, which may be a secret.
fn describe(error: reqwest::Error) -> String {
    let timeout = error.is_timeout();
    let error = error.without_url();
    if timeout { "no answer in time".to_owned() } else { error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> ResponseOrigins {
        ResponseOrigins::parse("https://hooks.slack.com, https://hooks.slack-gov.com").unwrap()
    }

    #[test]
    fn a_response_url_is_posted_to_only_at_the_listed_origins() {
        for good in [
            "https://hooks.slack.com/commands/T1/2/x",
            "https://hooks.slack-gov.com/x",
            "https://hooks.slack.com:443/x",
        ] {
            origins().admit(&Secret::new(good.to_owned())).unwrap();
        }
        for bad in [
            "http://hooks.slack.com/commands/T1/2/x",
            "https://hooks.slack.com.evil.example/x",
            "https://evil.example/hooks.slack.com",
            "https://hooks.slack.com@evil.example/x",
            "https://user:word@hooks.slack.com/x",
            "https://user@hooks.slack.com/x",
            "https://hooks.slack.com:8443/x",
            "https://xhooks.slack.com/x",
            "https://hooks.slack.com\\@evil.example/x@hooks.slack.com/..//evil.example\u{0}",
            "file:///etc/passwd",
            "",
        ] {
            let verdict = origins().admit(&Secret::new(bad.to_owned()));
            // A backslash ends the host for HTTP, so such a text stays at Slack or is refused; it never goes elsewhere.
            if let Ok(url) = verdict {
                assert_eq!(url.0.expose().host_str(), Some("hooks.slack.com"), "{bad}");
                assert!(bad.contains('\\'), "{bad}");
            }
        }
    }

    #[test]
    fn a_list_entry_that_is_no_origin_names_itself() {
        for bad in ["hooks.slack.com", "https://hooks.slack.com/commands", "ftp://hooks.slack.com", "", " , "]
        {
            ResponseOrigins::parse(bad).unwrap_err();
        }
    }

    #[test]
    fn only_words_of_slack_are_repeated() {
        assert_eq!(word("used_url", StatusCode::NOT_FOUND), "used_url");
        assert_eq!(word("<html>oops", StatusCode::GONE), "http_410");
        assert_eq!(word("", StatusCode::OK), "http_200");
    }

    #[test]
    fn what_may_be_tried_again() {
        let refused = |code: &str| SlackError::Refused { code: code.into(), needed: None };
        for (error, transient) in [
            (SlackError::RateLimited(Duration::from_secs(3)), true),
            (SlackError::Unanswered("status 503".into()), true),
            (refused("fatal_error"), true),
            (refused("channel_not_found"), false),
            (SlackError::ForeignAddress, false),
        ] {
            assert_eq!(error.is_transient(), transient, "{error}");
        }
    }
}
