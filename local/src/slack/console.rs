//! The web console: static files, the JSON that they draw, and what people do there.
//!
//! It listens on loopback, where any web page that the same person has open could reach it. So only requests that name
//! this server as their host are answered (a rebound name does not), and changes need a JSON content type, which
//! another origin cannot send without being asked for first.

mod administration;
mod aws;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Inner;
use super::delivery::Variant;
use super::interactivity::Place;
use super::own_commands::OWN_COMMANDS;
use super::world::{ChannelKind, Standing, World, direct_id};

/// How long a console waits for news before it asks again.
const POLL: Duration = Duration::from_secs(25);
/// How often the jobs' paths are looked at while a console waits: they come from logs and announce nothing.
const TRACES_EVERY: Duration = Duration::from_millis(150);
/// Nothing from elsewhere, no inline script or style, no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<Arc<Inner>> {
    let page = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", page("text/html; charset=utf-8", include_str!("../../console/index.html")))
        .route("/console.css", page("text/css; charset=utf-8", include_str!("../../console/console.css")))
        .route(
            "/console.js",
            page("text/javascript; charset=utf-8", include_str!("../../console/console.js")),
        )
        .route(
            "/elements.js",
            page("text/javascript; charset=utf-8", include_str!("../../console/elements.js")),
        )
        .route(
            "/administration.js",
            page("text/javascript; charset=utf-8", include_str!("../../console/administration.js")),
        )
        .route("/aws.js", page("text/javascript; charset=utf-8", include_str!("../../console/aws.js")))
        .route("/console/workspace", get(workspace))
        .route("/console/messages", get(messages))
        .route("/console/news", get(news))
        .route("/console/type", post(type_line))
        .route("/console/press", post(press))
        .route("/console/submit", post(submit))
        .route("/console/close", post(close))
        .route("/console/suggest", post(suggest))
        .route("/console/open", post(open_app))
        .merge(administration::routes())
        .merge(aws::routes())
        .route("/console/files/{file}", get(file))
        .layer(axum::middleware::from_fn(harden))
}

/// Whether a request names this machine as its host. A page elsewhere whose name was bound to it does not.
pub(super) fn at_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

async fn harden(request: Request, next: Next) -> Response {
    if !at_loopback(request.headers()) {
        return (StatusCode::FORBIDDEN, "The console answers at its loopback address only.").into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[derive(Deserialize)]
struct Viewer {
    #[serde(rename = "as")]
    user: String,
    #[serde(default)]
    channel: String,
}

/// What surrounds the messages: the workspace as the person sees it.
async fn workspace(Shared(inner): Shared<Arc<Inner>>, Query(viewer): Query<Viewer>) -> Json<Value> {
    inner.read(|state| {
        let world = &state.world;
        let mine = world.channels.iter().filter(|channel| channel.has(&viewer.user));
        let mut channels: Vec<_> = mine
            .map(|channel| {
                let seen = state.messages.iter().rev();
                let latest = seen
                    .filter(|message| message.channel == channel.id && message.visible_to(&viewer.user))
                    .find(|message| message.author != viewer.user)
                    .map(|message| message.ts.clone());
                json!({
                    "id": channel.id, "name": channel.name, "topic": channel.topic, "archived": channel.archived,
                    "private": channel.kind == ChannelKind::Private, "direct": channel.kind == ChannelKind::Direct,
                    "members": channel.members.len(), "latest": latest,
                })
            })
            .collect();
        let app = &world.app;
        let direct = direct_id(&viewer.user);
        let installed = app.installation.is_some();
        if installed && world.user(&viewer.user).is_some() && world.channel(&direct).is_none() {
            channels.push(json!({"id": direct, "name": "", "topic": "", "archived": false, "private": false,
                "direct": true, "members": 2, "latest": null}));
        }
        let own = OWN_COMMANDS.iter().map(|(name, usage_hint, description)| {
            json!({"name": name, "description": description, "usage_hint": usage_hint})
        });
        let commands = app.commands.iter().filter(|_| installed).map(|command| {
            json!({"name": command.name, "description": command.description, "usage_hint": command.usage_hint})
        });
        let groups = world.user_groups.iter().map(|group| {
            json!({"handle": group.handle, "name": group.name, "disabled": group.disabled,
                "members": group.members.len(), "mine": group.members.contains(&viewer.user)})
        });
        let installer = app.installation.as_ref().and_then(|it| world.user(&it.by)).map(|user| &user.real_name);
        let base = &state.request_url_base;
        Json(json!({
            "team": {"id": world.team.id, "name": world.team.name},
            "app": {"user": app.bot_user, "user_name": world.user(&app.bot_user).map(|user| &user.name), "name": app.name, "installed": installed, "installed_by": installer,
                "scopes": app.installation.as_ref().map(|installation| &installation.scopes),
                "install_url": (!base.is_empty()).then(|| state.below_base(&app.install_path)),
                "page_url": format!("/apps/{}", app.id), "home_tab": app.home_tab},
            "clock": {"now": inner.clock.now(), "ahead": inner.clock.ahead().map(|ahead| ahead.as_secs())},
            "people": people(world),
            "channels": channels,
            "groups": groups.collect::<Vec<_>>(),
            "commands": commands.chain(own).collect::<Vec<_>>(),
            "view": state.shown_view(&viewer.user, false),
            "home": state.shown_view(&viewer.user, true),
        }))
    })
}

fn people(world: &World) -> Vec<Value> {
    let active = world.users.iter().filter(|user| !user.deleted && user.standing != Standing::Bot);
    active
        .map(|user| {
            let standing = standing(user.standing);
            json!({"id": user.id, "name": user.name, "real_name": user.real_name, "standing": standing})
        })
        .collect()
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::PrimaryOwner | Standing::Owner => "owner",
        Standing::Admin => "admin",
        Standing::Guest | Standing::SingleChannelGuest => "guest",
        Standing::Stranger => "from another workspace",
        Standing::Member | Standing::Bot => "",
    }
}

async fn messages(Shared(inner): Shared<Arc<Inner>>, Query(viewer): Query<Viewer>) -> Response {
    inner.read(|state| Json(state.seen_by(&viewer.user, &viewer.channel).collect::<Vec<_>>()).into_response())
}

#[derive(Deserialize)]
struct Known {
    revision: Option<u64>,
    traces: Option<String>,
}

/// Waits until there is something that the console does not know yet.
async fn news(Shared(inner): Shared<Arc<Inner>>, Query(known): Query<Known>) -> Json<Value> {
    let mut changes = inner.revision.subscribe();
    let deadline = tokio::time::Instant::now() + POLL;
    loop {
        let revision = *changes.borrow_and_update();
        let traces = (inner.traces)();
        let mut hasher = DefaultHasher::new();
        traces.to_string().hash(&mut hasher);
        let traces_known = format!("{:x}", hasher.finish());
        let same_traces = known.traces.as_deref() == Some(traces_known.as_str());
        let nothing_new = known.revision == Some(revision) && same_traces;
        if !nothing_new || tokio::time::Instant::now() >= deadline {
            let traces = if same_traces { Value::Null } else { traces };
            return Json(json!({"revision": revision, "traces_known": traces_known, "traces": traces}));
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = tokio::time::sleep(TRACES_EVERY) => {}
        }
    }
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "as")]
    user: String,
    channel: String,
    text: String,
}

async fn type_line(Shared(inner): Shared<Arc<Inner>>, Json(line): Json<Line>) -> Json<Value> {
    if line.channel.starts_with('D') {
        inner.change(|state| state.world.open_direct(&line.user));
    }
    // The page may be closed while the app still thinks; the command goes on.
    let typed =
        tokio::spawn(
            async move { inner.typed(&line.user, &line.channel, &line.text, Variant::Genuine).await },
        );
    match typed.await {
        Ok(typed) => Json(json!({"error": typed.error, "elapsed_ms": typed.elapsed.as_secs_f64() * 1000.0})),
        Err(_) => Json(json!({"error": "internal_error"})),
    }
}

/// What a person does to an element of a message (`ts`), of the Home tab, or of the uppermost modal.
#[derive(Deserialize)]
struct Act {
    #[serde(rename = "as")]
    user: String,
    #[serde(default)]
    ts: Option<String>,
    #[serde(default)]
    home: bool,
    action: String,
    /// What is chosen or typed.
    #[serde(default)]
    value: Option<Value>,
}

impl Act {
    fn place(&self) -> Place<'_> {
        match &self.ts {
            Some(ts) => Place::Message(ts),
            None if self.home => Place::Home,
            None => Place::Modal,
        }
    }
}

async fn press(Shared(inner): Shared<Arc<Inner>>, Json(act): Json<Act>) -> Json<Value> {
    answered(async move { inner.acts(&act.user, act.place(), &act.action, act.value.as_ref()).await.error })
        .await
}

async fn suggest(Shared(inner): Shared<Arc<Inner>>, Json(act): Json<Act>) -> Json<Value> {
    let typed = act.value.as_ref().and_then(Value::as_str).unwrap_or_default();
    match inner.asks_for_options(&act.user, act.place(), &act.action, typed).await {
        Ok(options) => Json(json!({"options": options})),
        Err(word) => Json(json!({"error": word})),
    }
}

#[derive(Deserialize)]
struct Filled {
    #[serde(rename = "as")]
    user: String,
    /// What is entered, by block and action id.
    #[serde(default)]
    values: serde_json::Map<String, Value>,
    /// Closes all modals rather than the uppermost.
    #[serde(default)]
    all: bool,
    /// Of the app: `home` or `messages`.
    #[serde(default)]
    tab: String,
}

async fn submit(Shared(inner): Shared<Arc<Inner>>, Json(filled): Json<Filled>) -> Json<Value> {
    answered(async move { inner.submits(&filled.user, &filled.values).await.error }).await
}

async fn close(Shared(inner): Shared<Arc<Inner>>, Json(filled): Json<Filled>) -> Json<Value> {
    answered(async move { inner.closes(&filled.user, filled.all).await.into_iter().find_map(|it| it.error) })
        .await
}

async fn open_app(Shared(inner): Shared<Arc<Inner>>, Json(filled): Json<Filled>) -> Json<Value> {
    let now_ms = inner.clock.now_ms();
    let opened = inner.change(|state| state.open_app(&filled.user, &filled.tab, now_ms));
    Json(json!({"error": opened.err()}))
}

/// The page may be closed while the app still thinks; what was begun goes on.
async fn answered(work: impl Future<Output = Option<String>> + Send + 'static) -> Json<Value> {
    let error = tokio::spawn(work).await.unwrap_or_else(|_| Some("internal_error".to_owned()));
    Json(json!({"error": error}))
}

async fn file(
    Shared(inner): Shared<Arc<Inner>>,
    Path(id): Path<String>,
    Query(viewer): Query<Viewer>,
) -> Response {
    let found = inner.read(|state| {
        let seen = state.messages.iter().any(|message| {
            message.files.contains(&id)
                && message.visible_to(&viewer.user)
                && state.world.channel(&message.channel).is_some_and(|channel| channel.has(&viewer.user))
        });
        let file = state.files.get(&id).filter(|_| seen)?;
        Some((file.name.clone(), file.bytes.clone()?))
    });
    let Some((name, bytes)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    // Always as a download of plain bytes: what is in a file must never run in the console's origin.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, bytes).into_response()
}
