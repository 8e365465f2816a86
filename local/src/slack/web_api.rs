//! The Web API: `/api/<method>`. This file judges what comes before a method's own work: token, scopes, content type,
//! rate limits; the files below it do the work.

mod apps;
mod arguments;
pub(super) mod chat;
pub(super) mod conversations;
mod files;
mod oauth;
pub(super) mod people;
mod reactions;
mod views;

use http::Method as Verb;
use serde_json::{Map, Value, json};

use self::arguments::Arguments;
use super::Inner;
use super::block_kit::Refusal;
use super::state::State;
use super::world::TokenState;
use crate::slack::world::add_unknown_fields;

pub(crate) use self::files::serve_upload;

/// A method of the Web API as the fake knows it.
#[derive(Debug)]
struct Method {
    name: &'static str,
    /// Calls a minute that Slack promises (tiers 1 to 4: 1, 20, 50, 100).
    per_minute: usize,
    /// Whether arguments may come as JSON. The other methods take forms and query strings only and do not look at a
    /// JSON body.
    json: bool,
    /// One of these scopes is needed; none if empty.
    scopes: &'static [&'static str],
}

const fn method(
    name: &'static str,
    per_minute: usize,
    json: bool,
    scopes: &'static [&'static str],
) -> Method {
    Method { name, per_minute, json, scopes }
}

const CONVERSATIONS: &[&str] = &["channels:read", "groups:read", "im:read", "mpim:read"];

/// The one method that takes an app-level token, and takes no other.
const OPENS_CONNECTIONS: &str = "apps.connections.open";

/// Every method there is here; others are answered `unknown_method`. Posting has a limit of its own per channel
/// besides the figure here.
const METHODS: [Method; 23] = [
    method(OPENS_CONNECTIONS, 50, false, &["connections:write"]),
    method("auth.test", 300, true, &[]),
    method("auth.revoke", 50, false, &[]),
    method("oauth.v2.access", 300, false, &[]),
    method("chat.postMessage", 300, true, &["chat:write"]),
    method("chat.postEphemeral", 100, true, &["chat:write"]),
    method("chat.update", 50, true, &["chat:write"]),
    method("conversations.info", 50, false, CONVERSATIONS),
    method("conversations.list", 20, false, CONVERSATIONS),
    method("conversations.members", 100, false, CONVERSATIONS),
    method("users.conversations", 50, false, CONVERSATIONS),
    method("users.info", 100, false, &["users:read"]),
    method("users.list", 20, false, &["users:read"]),
    method("usergroups.list", 20, false, &["usergroups:read"]),
    method("usergroups.users.list", 20, false, &["usergroups:read"]),
    method("files.getUploadURLExternal", 100, false, &["files:write"]),
    method("files.completeUploadExternal", 100, true, &["files:write"]),
    method("files.info", 100, false, &["files:read"]),
    method("reactions.add", 50, true, &["reactions:write"]),
    method("views.open", 100, true, &[]),
    method("views.push", 100, true, &[]),
    method("views.update", 100, true, &[]),
    method("views.publish", 100, true, &[]),
];

/// Posts that a channel takes in [`POSTING_WINDOW_MS`] before Slack says 429: one a second, with small bursts.
const POSTING_BURST: usize = 5;
const POSTING_WINDOW_MS: u64 = 5_000;
const MINUTE_MS: u64 = 60_000;

/// A request to a method, as it came.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub method: &'a str,
    pub verb: Verb,
    pub query: &'a str,
    pub content_type: &'a str,
    pub authorization: Option<&'a str>,
    pub body: &'a [u8],
}

/// An answer of the Web API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

/// Why a method refuses: Slack's word and what stands beside it in the answer.
#[derive(Debug)]
struct Failure {
    word: &'static str,
    more: Value,
}

impl From<&'static str> for Failure {
    fn from(word: &'static str) -> Self {
        Self { word, more: json!({}) }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Format => "invalid_blocks_format".into(),
            Refusal::TooLong => "msg_blocks_too_long".into(),
            Refusal::Invalid(faults) => {
                let messages: Vec<_> = faults.iter().map(|fault| format!("[ERROR] {fault}")).collect();
                Self {
                    word: "invalid_blocks",
                    more: json!({"errors": faults, "response_metadata": {"messages": messages}}),
                }
            }
        }
    }
}

fn missing(argument: &str) -> Failure {
    let messages = [format!("[ERROR] missing required field: {argument}")];
    Failure { word: "invalid_arguments", more: json!({"response_metadata": {"messages": messages}}) }
}

type Outcome = Result<Value, Failure>;

impl Inner {
    /// Answers a request to a method.
    pub(crate) fn call(&self, request: &Request<'_>) -> Answer {
        self.change(|state| {
            let mut headers = vec![("x-slack-req-id", super::state::secret())];
            let outcome = self.judged(state, request, &mut headers);
            let mut body = Map::new();
            let (status, word, more) = match outcome {
                Ok(value) => (200, None, value),
                Err(failure) => {
                    (if failure.word == "ratelimited" { 429 } else { 200 }, Some(failure.word), failure.more)
                }
            };
            state.called(request.method, word);
            body.insert("ok".into(), json!(word.is_none()));
            if let Some(word) = word {
                body.insert("error".into(), json!(word));
            }
            if let Value::Object(more) = more {
                body.extend(more);
            }
            let mut body = Value::Object(body);
            if state.world.unknown_fields {
                add_unknown_fields(&mut body);
            }
            Answer { status, headers, body }
        })
    }

    fn judged(
        &self,
        state: &mut State,
        request: &Request<'_>,
        headers: &mut Vec<(&'static str, String)>,
    ) -> Outcome {
        let method = METHODS.iter().find(|method| method.name == request.method);
        let Some(method) = method else {
            return Err(Failure { word: "unknown_method", more: json!({"req_method": request.method}) });
        };
        let (arguments, warning) = Arguments::read(request, method.json)?;
        let now_ms = self.clock.now_ms();
        if method.name == "oauth.v2.access" {
            // Who calls it has no token yet.
            self.within_limits(state, method, &arguments, headers)?;
            return oauth::access(state, request, &arguments, now_ms);
        }
        let kind = if method.name == OPENS_CONNECTIONS { TokenState::App } else { TokenState::Bot };
        let (token, scopes) = self.token(state, request, &arguments, kind)?;
        headers.push(("x-oauth-scopes", scopes.join(",")));
        headers.push(("x-accepted-oauth-scopes", method.scopes.join(",")));
        if !method.scopes.is_empty()
            && !method.scopes.iter().any(|scope| scopes.iter().any(|has| has == scope))
        {
            return Err(missing_scope(method.scopes.join(","), &scopes));
        }
        self.within_limits(state, method, &arguments, headers)?;
        let mut value = match method.name {
            OPENS_CONNECTIONS => apps::open_connection(self, state, now_ms),
            "auth.test" => Ok(people::auth_test(state, &self.base_url())),
            "auth.revoke" => oauth::revoke(state, &token, &arguments, now_ms),
            "chat.postMessage" => chat::post_message(state, &arguments, now_ms),
            "chat.postEphemeral" => chat::post_ephemeral(state, &arguments, now_ms),
            "chat.update" => chat::update(state, &arguments),
            "conversations.info" => conversations::info(state, &arguments),
            "conversations.list" => conversations::list(state, &arguments, &scopes, false),
            "users.conversations" => conversations::list(state, &arguments, &scopes, true),
            "conversations.members" => conversations::members(state, &arguments),
            "users.info" => people::info(state, &arguments),
            "users.list" => people::list(state, &arguments),
            "usergroups.list" => people::groups(state, &arguments),
            "usergroups.users.list" => people::group_users(state, &arguments),
            "files.getUploadURLExternal" => {
                files::get_upload_url(state, &arguments, &self.base_url(), now_ms)
            }
            "files.completeUploadExternal" => files::complete_upload(state, &arguments, now_ms),
            "files.info" => files::info(state, &arguments, &self.base_url()),
            "reactions.add" => reactions::add(state, &arguments),
            "views.open" => views::open(state, &arguments, now_ms),
            "views.push" => views::push(state, &arguments, now_ms),
            "views.update" => views::update(state, &arguments, now_ms),
            _ => views::publish(state, &arguments, now_ms),
        }?;
        if let Some(warning) = warning {
            value["warning"] = json!(warning);
            value["response_metadata"]["warnings"] = json!([warning]);
        }
        Ok(value)
    }

    /// The request's token, which must work and be of the given kind, and its scopes.
    fn token(
        &self,
        state: &State,
        request: &Request<'_>,
        arguments: &Arguments,
        kind: TokenState,
    ) -> Result<(String, Vec<String>), Failure> {
        let bearer = request.authorization.and_then(|header| header.strip_prefix("Bearer "));
        let sent = bearer.or(arguments.form_token()).ok_or("not_authed")?;
        let token = state.world.app.tokens.iter().find(|token| token.value == sent).ok_or("invalid_auth")?;
        match token.state {
            TokenState::Revoked => Err("token_revoked".into()),
            TokenState::Inactive => Err("account_inactive".into()),
            state if state != kind => Err("not_allowed_token_type".into()),
            _ if token.expires_at.is_some_and(|at| self.clock.now() >= at) => Err("token_expired".into()),
            _ => Ok((token.value.clone(), token.scopes.iter().cloned().collect())),
        }
    }

    fn within_limits(
        &self,
        state: &mut State,
        method: &Method,
        arguments: &Arguments,
        headers: &mut Vec<(&'static str, String)>,
    ) -> Result<(), Failure> {
        if !state.rate_limits {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let mut windows = vec![(method.name.to_owned(), method.per_minute, MINUTE_MS)];
        if method.name.starts_with("chat.post") {
            let channel = arguments.text("channel").unwrap_or_default();
            windows.push((format!("post to {channel}"), POSTING_BURST, POSTING_WINDOW_MS));
        }
        for (key, most, length_ms) in windows {
            let recent = state.recent.entry(key).or_default();
            while recent.front().is_some_and(|at| at + length_ms <= now_ms) {
                recent.pop_front();
            }
            if recent.len() >= most {
                let free_ms = recent.front().map_or(length_ms, |at| at + length_ms - now_ms);
                headers.push(("retry-after", free_ms.div_ceil(1000).max(1).to_string()));
                return Err("ratelimited".into());
            }
            recent.push_back(now_ms);
        }
        Ok(())
    }
}

fn missing_scope(needed: String, provided: &[String]) -> Failure {
    Failure { word: "missing_scope", more: json!({"needed": needed, "provided": provided.join(",")}) }
}
