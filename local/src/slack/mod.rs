//! A Slack workspace on loopback: it signs and sends slash commands, takes answers, serves the Web API, and shows in
//! a web console what each person would see.
//!
//! The fake shares nothing with the bot: no types, no limits, no escaping. All its figures come from Slack's own pages
//! and from public reports, so a mistake of the bot cannot be repeated here. Where Slack's documents are silent, the
//! stricter reading is taken.

mod authorize;
pub mod block_kit;
pub mod changes;
pub mod clock;
mod console;
pub mod delivery;
mod elements;
pub mod events;
pub mod fault;
pub mod installation;
pub mod interactivity;
pub mod message;
pub mod mrkdwn;
mod own_commands;
pub mod person;
pub mod pieces;
pub mod response_url;
pub mod roster;
pub mod signature;
pub mod slash_command;
pub mod socket_mode;
pub mod state;
pub mod views;
mod web_api;
pub mod world;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::clock::Clock;
use self::delivery::{SentRequest, Typed, Variant};
use self::fault::Fault;
use self::message::Shown;
use self::mrkdwn::Live;
use self::state::{Call, DeadUrl, State, secret};
use self::world::{APP_SCOPES, Token, TokenState, World};

/// The largest request body that the fake takes, in bytes: files come in whole.
const BODY: usize = 64 << 20;

/// Gives the console what it draws as each job's path: an array with one object for each job, the newest last:
/// `{"job": "<id>", "steps": [{"step": "queued", "function": "ingress", "time": "<RFC 3339>", "duration_ms": 1.5}]}`.
pub type Traces = Arc<dyn Fn() -> Value + Send + Sync>;

/// A role of an AWS account that Alfredbot may be mapped to.
#[derive(Debug, Clone)]
pub struct AwsRole {
    /// What people write in `/alfred-admin add`.
    pub arn: String,
    /// The account that it is in.
    pub account: String,
    /// The last part of the ARN.
    pub name: String,
}

impl AwsRole {
    /// The role `name` below the path of Alfredbot's roles.
    pub fn new(account: &str, name: &str) -> Self {
        let arn = format!("arn:aws:iam::{account}:role/alfredbot/{name}");
        Self { arn, account: account.into(), name: name.into() }
    }
}

/// Puts a trust policy on a role, or tells why not.
pub type PutTrustPolicy =
    Arc<dyn Fn(AwsRole, String) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What a person may do in the console as the administrator of the AWS accounts. Slack has no such thing; it is here so
/// that all steps of setting Alfredbot up can be done on one page.
pub struct AwsAdministrator {
    /// The roles that there are.
    pub roles: Vec<AwsRole>,
    /// How one of them gets a trust policy.
    pub trust: PutTrustPolicy,
}

/// What a fake Slack is started with.
pub struct SlackOptions {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where the app's request URLs are, e.g. `http://127.0.0.1:8080`; commands name the path below it.
    pub request_url_base: String,
    /// The app's signing secret.
    pub signing_secret: String,
    /// The token of the app's bot user, with all scopes of [`APP_SCOPES`], if the app is installed from the start.
    /// Without one, people install it as in Slack; until then it has no commands and its bot is in no channel.
    pub bot_token: Option<String>,
    /// Who and what there is.
    pub world: World,
    /// Each job's path, for the console.
    pub traces: Traces,
    /// The administrator of the AWS accounts, for the console.
    pub aws: AwsAdministrator,
}

/// A running fake Slack. Clones are handles on the same one; it stops when the last is dropped.
#[derive(Clone)]
pub struct FakeSlack {
    inner: Arc<Inner>,
    /// What runs until the last clone is dropped.
    tasks: Arc<tokio::sync::Mutex<JoinSet<()>>>,
}

pub(crate) struct Inner {
    state: Mutex<State>,
    pub(crate) clock: Clock,
    /// Goes up with every change, so that whoever waits looks again.
    pub(crate) revision: watch::Sender<u64>,
    address: SocketAddr,
    pub(crate) client: Client<HttpConnector, Full<Bytes>>,
    traces: Traces,
    aws: AwsAdministrator,
}

impl Inner {
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let done = self.change_quietly(work);
        self.revision.send_modify(|revision| *revision += 1);
        done
    }

    /// A change that nobody has to hear of.
    pub(crate) fn change_quietly<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Wakes a task of the fake that has to do something when a time comes, or when anything has changed.
pub(crate) struct Alarm {
    changes: watch::Receiver<u64>,
    moves: watch::Receiver<()>,
}

impl Alarm {
    pub(crate) fn new(inner: &Inner) -> Self {
        Self { changes: inner.revision.subscribe(), moves: inner.clock.moves() }
    }

    /// Rings for what happens from now on: to be called before one looks at what there is.
    pub(crate) fn set(&mut self) {
        self.changes.mark_unchanged();
        self.moves.mark_unchanged();
    }

    /// Returns when something may have to be done: at `due_ms` of the clock at the latest, if that is known.
    pub(crate) async fn rings(&mut self, clock: &Clock, due_ms: Option<u64>) {
        // A stopped clock comes to nothing by waiting; whoever moves it says so.
        let sleep = due_ms.map(|due_ms| Duration::from_millis(due_ms.saturating_sub(clock.now_ms())));
        tokio::select! {
            _ = self.changes.changed() => {}
            _ = self.moves.changed() => {}
            () = tokio::time::sleep(sleep.unwrap_or(Duration::MAX)), if sleep.is_some() => {}
        }
    }
}

impl FakeSlack {
    /// Starts listening. Must be called within a tokio runtime. Fails if the address is taken.
    pub async fn start(options: SlackOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let mut world = options.world;
        world.app.signing_secret = options.signing_secret;
        if world.app.client_secret.is_empty() {
            world.app.client_secret = secret();
        }
        let installed = options.bot_token.is_some();
        let scopes: BTreeSet<String> = APP_SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
        world.app.tokens.extend(options.bot_token.map(|value| Token {
            value,
            state: TokenState::Bot,
            scopes: scopes.clone(),
            expires_at: None,
        }));
        let mut state = State::new(world, options.request_url_base);
        if installed {
            state.install("", scopes);
        } else {
            state.remove_bot_from_workspace();
        }
        // Slack writes header names with capitals; whoever answers must not care.
        let client = Client::builder(TokioExecutor::new()).http1_title_case_headers(true).build_http();
        let inner = Arc::new(Inner {
            state: Mutex::new(state),
            clock: Clock::default(),
            revision: watch::Sender::new(0),
            address: listener.local_addr()?,
            client,
            traces: options.traces,
            aws: options.aws,
        });
        let router = router(Arc::clone(&inner));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, router));
        tasks.spawn(events::deliver(Arc::clone(&inner)));
        tasks.spawn(socket_mode::tend(Arc::clone(&inner)));
        Ok(Self { inner, tasks: Arc::new(tokio::sync::Mutex::new(tasks)) })
    }

    /// Returns when a part of it has ended, which none does but by a fault.
    pub async fn ended(&self) {
        self.tasks.lock().await.join_next().await;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Its origin, which is that of the console and of every response_url: `http://<address>`.
    pub fn base_url(&self) -> String {
        self.inner.base_url()
    }

    /// The base of the Web API's methods, with a slash at the end.
    pub fn api_url(&self) -> String {
        format!("{}/api/", self.base_url())
    }

    /// The time that it goes by.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Tells where the app's request URLs are, if it was not known at the start.
    pub fn set_request_url_base(&self, base: &str) {
        self.inner.change(|state| state.request_url_base = base.to_owned());
    }

    /// The page on which people let the app in, for the app's "Add to Slack".
    pub fn authorize_url(&self) -> String {
        format!("{}/oauth/v2/authorize", self.base_url())
    }

    /// Where an installation begins at Slack itself: the app is then given a code without a `state`.
    pub fn app_page_url(&self) -> String {
        format!("{}/apps/{}", self.base_url(), self.inner.read(|state| state.world.app.id.clone()))
    }

    /// The app's client id and client secret.
    pub fn client(&self) -> (String, String) {
        self.inner.read(|state| (state.world.app.client_id.clone(), state.world.app.client_secret.clone()))
    }

    /// Whether the app is installed.
    pub fn is_installed(&self) -> bool {
        self.inner.read(|state| state.world.app.installation.is_some())
    }

    /// Changes people, channels, groups or the app, and tells the app nothing of it.
    pub fn change_world<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        self.inner.change(|state| change(&mut state.world))
    }

    /// Lets the next request to a place fail; several wait in line. A place is a method's name,
    /// [`fault::RESPONSE_URL`] or [`fault::UPLOAD`].
    pub fn fail_next(&self, place: &str, fault: Fault) {
        self.inner.change(|state| state.faults.push(place, fault));
    }

    /// Lets every request to a place fail, until it is called with `None`.
    pub fn fail_always(&self, place: &str, fault: Option<Fault>) {
        self.inner.change(|state| state.faults.set(place, fault));
    }

    /// Says how long the app may take to acknowledge, [`delivery::ACK_TIMEOUT`] at the start.
    pub fn set_ack_timeout(&self, timeout: Duration) {
        self.inner.change(|state| state.ack_timeout = timeout);
    }

    /// Says how expired and used-up response_urls answer.
    pub fn set_dead_url(&self, style: DeadUrl) {
        self.inner.change(|state| state.dead_url = style);
    }

    /// Switches the rate limits of methods and channels on or off; they are off at the start.
    pub fn enforce_rate_limits(&self, on: bool) {
        self.inner.change(|state| state.rate_limits = on);
    }

    /// Lets paged methods give pages that are shorter than asked for, every second one empty.
    pub fn give_short_pages(&self, on: bool) {
        self.inner.change(|state| state.short_pages = on);
    }

    /// Sends a request once more, byte by byte as it was.
    pub async fn replay(&self, request: &SentRequest) -> Typed {
        self.inner.send(request).await
    }

    /// Signs any body and sends it to a path of the app.
    pub async fn post_signed(&self, path: &str, content_type: &str, body: &[u8], variant: Variant) -> Typed {
        let mut request = SentRequest {
            path: path.to_owned(),
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.to_vec(),
        };
        self.inner.sign(&mut request, variant);
        self.inner.send(&request).await
    }

    /// The check of a command's certificate that Slack sends now and then to apps of many workspaces.
    pub async fn ssl_check(&self, path: &str) -> Typed {
        let body = "token=deprecated-verification-token&ssl_check=1";
        self.post_signed(path, "application/x-www-form-urlencoded", body.as_bytes(), Variant::Genuine).await
    }

    /// The question that Slack asks before it sends events to an address.
    pub async fn url_verification(&self, challenge: &str) -> Typed {
        let (path, token) = self
            .inner
            .read(|state| (state.world.app.events_path.clone(), state.world.app.verification_token.clone()));
        let body = json!({"token": token, "challenge": challenge, "type": "url_verification"}).to_string();
        self.post_signed(&path, "application/json", body.as_bytes(), Variant::Genuine).await
    }

    /// Every request to the Web API, a response_url or an upload address so far, with its result. A request that a fault
    /// holds back is there when it arrives, under the fault's name, and once more when it is carried out.
    pub fn calls(&self) -> Vec<Call> {
        self.inner.read(|state| state.calls.clone())
    }

    /// How many [`FakeSlack::calls`] there are, without copying them.
    pub fn call_count(&self) -> usize {
        self.inner.read(|state| state.calls.len())
    }

    /// Forgets the [`FakeSlack::calls`] so far.
    pub fn forget_calls(&self) {
        self.inner.change(|state| state.calls.clear());
    }

    /// What a person sees in a channel, oldest first.
    pub fn messages_seen_by(&self, user: &str, channel: &str) -> Vec<Shown> {
        self.inner.read(|state| state.seen_by(user, channel).cloned().collect())
    }

    /// The last `count` of [`FakeSlack::messages_seen_by`], newest first, without copying the others.
    pub fn newest_seen_by(&self, user: &str, channel: &str, count: usize) -> Vec<Shown> {
        self.inner.read(|state| state.seen_by(user, channel).rev().take(count).cloned().collect())
    }

    /// Every version of every message that the app put out, in order, whoever saw it.
    pub fn posted(&self) -> Vec<Shown> {
        self.inner.read(|state| state.posted.clone())
    }

    /// Everybody whom the app has notified so far.
    pub fn pings(&self) -> Vec<Live> {
        self.posted().iter().flat_map(Shown::pings).collect()
    }

    /// The bytes of an uploaded file.
    pub fn file(&self, id: &str) -> Option<Vec<u8>> {
        self.inner.read(|state| state.files.get(id).and_then(|file| file.bytes.clone()))
    }

    /// Looks after every change until `look` finds what it looks for; `None` after `timeout`.
    pub async fn wait_for<T>(
        &self,
        timeout: Duration,
        mut look: impl FnMut(&Self) -> Option<T>,
    ) -> Option<T> {
        let mut changes = self.inner.revision.subscribe();
        let found = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = look(self) {
                    return found;
                }
                // The sender lives in `self`, so waiting ends by a change or by the timeout.
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(timeout, found).await.ok()
    }
}

/// Marks an answer that is to be replaced by a cut connection.
#[derive(Clone)]
struct Cut;

async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                _ = stream.set_nodelay(true);
                let router = TowerToHyperService::new(router.clone());
                let service = service_fn(move |request| {
                    let answer = hyper::service::Service::call(&router, request);
                    async move {
                        let Ok(answer) = answer.await;
                        match answer.extensions().get::<Cut>() {
                            Some(Cut) => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
                            None => Ok(answer),
                        }
                    }
                });
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move {
                    // A caller that goes away is no concern of the server.
                    _ = connection.with_upgrades().await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn router(inner: Arc<Inner>) -> Router {
    Router::new()
        .route("/api/{method}", any(serve_method))
        .route("/commands/{team}/{number}/{secret}", post(serve_response_url))
        .route("/actions/{team}/{number}/{secret}", post(serve_response_url))
        .route("/link/", get(socket_mode::connect))
        .route("/upload/v1/{secret}", post(serve_upload))
        .route("/files-pri/{file}/{name}", get(serve_private_file))
        .merge(authorize::routes())
        .merge(console::routes())
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(inner)
}

async fn serve_method(
    Shared(inner): Shared<Arc<Inner>>,
    Path(method): Path<String>,
    verb: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let work = || {
        let answer = inner.call(&web_api::Request {
            method: &method,
            verb,
            query: query.as_deref().unwrap_or_default(),
            content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
            authorization: text(header::AUTHORIZATION),
            body: &body,
        });
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
        let mut response = (status, Json(answer.body)).into_response();
        for (name, value) in answer.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    };
    with_fault(&inner, &method, work).await
}

async fn serve_response_url(
    Shared(inner): Shared<Arc<Inner>>,
    Path((_, _, secret)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let work = || {
        let (status, text, json) = inner.respond(&secret, content_type, &body);
        let kind = if json { "application/json; charset=utf-8" } else { "text/html" };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        (status, [(header::CONTENT_TYPE, kind)], text).into_response()
    };
    with_fault(&inner, fault::RESPONSE_URL, work).await
}

async fn serve_upload(
    Shared(inner): Shared<Arc<Inner>>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bytes = match multer::parse_boundary(content_type) {
        Ok(boundary) => match only_field(&body, boundary).await {
            Some(bytes) => bytes,
            None => return (StatusCode::BAD_REQUEST, "no file in the form").into_response(),
        },
        Err(_) => body.to_vec(),
    };
    let work = || {
        let (status, text) = inner.change(|state| {
            let (status, text) = web_api::serve_upload(state, &secret, bytes);
            state.called(fault::UPLOAD, (status != 200).then_some(text.as_str()));
            (status, text)
        });
        (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), text).into_response()
    };
    with_fault(&inner, fault::UPLOAD, work).await
}

/// The bytes of the first field of a multipart form.
async fn only_field(body: &Bytes, boundary: String) -> Option<Vec<u8>> {
    let mut form = multer::Multipart::with_reader(body.as_ref(), boundary);
    Some(form.next_field().await.ok()??.bytes().await.ok()?.to_vec())
}

async fn serve_private_file(
    Shared(inner): Shared<Arc<Inner>>,
    Path((file, _)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let id = file.split_once('-').map_or(file.as_str(), |(_, id)| id);
    let bytes = inner.read(|state| {
        let token = state.world.app.tokens.iter().find(|token| Some(token.value.as_str()) == bearer)?;
        if token.state != TokenState::Bot || !token.scopes.contains("files:read") {
            return None;
        }
        state.files.get(id)?.bytes.clone()
    });
    match bytes {
        Some(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Does the work of a request, unless a fault waits for it.
async fn with_fault(inner: &Inner, place: &str, work: impl FnOnce() -> Response) -> Response {
    let fault = inner.change(|state| state.faults.take(place));
    let named = match &fault {
        None | Some(Fault::CutAfter) => None,
        Some(Fault::Word(word)) => Some((*word).to_owned()),
        Some(fault) => Some(format!("{fault:?}")),
    };
    if let Some(named) = named {
        inner.change(|state| state.called(place, Some(&named)));
    }
    let cut = |mut response: Response| {
        response.extensions_mut().insert(Cut);
        response
    };
    match fault {
        None => work(),
        Some(Fault::Slow(by)) => {
            tokio::time::sleep(by).await;
            work()
        }
        Some(Fault::Status(status)) => {
            (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "upstream error")
                .into_response()
        }
        Some(Fault::Cut) => cut(Response::new(Body::empty())),
        Some(Fault::CutAfter) => cut(work()),
        Some(Fault::NotJson) => {
            axum::response::Html("<html><body>Be right back</body></html>").into_response()
        }
        Some(Fault::RateLimited(seconds)) => {
            let header = [(header::RETRY_AFTER, seconds.to_string())];
            let body = Json(json!({"ok": false, "error": "ratelimited"}));
            (StatusCode::TOO_MANY_REQUESTS, header, body).into_response()
        }
        Some(Fault::Word(word)) => Json(json!({"ok": false, "error": word})).into_response(),
    }
}

/// A list of blocks: absent, an array, or JSON text that holds one.
pub(crate) fn block_list(blocks: Option<&Value>) -> Result<Vec<Value>, ()> {
    match blocks {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(blocks)) => Ok(blocks.clone()),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(drop),
        Some(_) => Err(()),
    }
}

/// Whether a value says yes: `true` or the text `true`.
pub(crate) fn yes(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Bool(true))) || value.and_then(Value::as_str) == Some("true")
}

#[cfg(test)]
mod tests;
