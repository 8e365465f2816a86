//! The page on which a person lets an app into the workspace, and where that person is sent afterwards.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State as Shared};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::Inner;
use super::console::at_loopback;
use super::installation::{Asked, may_install};
use super::state::State;
use super::world::{Standing, User};

pub(super) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/oauth/v2/authorize", get(show_consent).post(answer_consent))
        .route("/apps/{app}", get(begin_on_slacks_pages))
        .layer(axum::middleware::from_fn(only_at_loopback))
}

async fn only_at_loopback(request: Request, next: Next) -> Response {
    if at_loopback(request.headers()) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

async fn show_consent(Shared(inner): Shared<Arc<Inner>>, RawQuery(query): RawQuery) -> Response {
    let query = pairs(query.unwrap_or_default().as_bytes());
    match inner.read(|state| state.ask_for_consent(&query)) {
        Err((word, why)) => refusal(word, &why),
        Ok(asked) => {
            let key = inner.change(|state| state.keep_consent(asked.clone()));
            // A form's answer may lead only where its page says, redirects included.
            let target = url::Url::parse(&asked.target).map(|url| url.origin().ascii_serialization());
            let target = target.unwrap_or_default();
            page(StatusCode::OK, &inner.read(|state| consent(state, &asked, &key)), &target)
        }
    }
}

async fn answer_consent(Shared(inner): Shared<Arc<Inner>>, body: Bytes) -> Response {
    let form = pairs(&body);
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let Some(asked) = inner.change(|state| state.take_consent(field("consent"))) else {
        return refusal("invalid_request", "This page was answered already. Begin again at the app.");
    };
    let state_field = asked.state.clone();
    let mut answer = Vec::new();
    if field("decision") == "allow" {
        let user = field("user");
        if !inner.read(|state| state.world.user(user).is_some_and(may_install)) {
            return refusal("restricted", "You are not allowed to install apps in this workspace.");
        }
        let kept: BTreeSet<_> =
            form.iter().filter(|(key, _)| key == "optional").map(|(_, value)| value.clone()).collect();
        let now_ms = inner.clock.now_ms();
        let code = inner.change(|state| {
            let optional = &state.world.app.optional_scopes;
            let granted =
                asked.scopes.iter().filter(|scope| !optional.contains(*scope) || kept.contains(*scope));
            let granted = granted.cloned().collect();
            state.grant(asked.clone(), user, granted, now_ms)
        });
        answer.push(("code", code));
    } else {
        answer.push(("error", "access_denied".to_owned()));
    }
    answer.extend(state_field.map(|state| ("state", state)));
    let Ok(mut target) = url::Url::parse(&asked.target) else {
        return refusal("bad_redirect_uri", "The app's redirect URL is no address.");
    };
    target.query_pairs_mut().extend_pairs(answer);
    let location =
        [(header::LOCATION, target.to_string()), (header::REFERRER_POLICY, "no-referrer".to_owned())];
    (StatusCode::FOUND, location).into_response()
}

/// An installation that begins at Slack rather than at the app comes to the app without a `state`.
async fn begin_on_slacks_pages(Shared(inner): Shared<Arc<Inner>>, Path(app): Path<String>) -> Response {
    let query = inner.read(|state| {
        let known = &state.world.app;
        let scopes = known.scopes.iter().cloned().collect::<Vec<_>>().join(",");
        let fields = [("client_id", known.client_id.as_str()), ("scope", &scopes)];
        (known.id == app)
            .then(|| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
    });
    match query {
        Some(query) => {
            (StatusCode::FOUND, [(header::LOCATION, format!("/oauth/v2/authorize?{query}"))]).into_response()
        }
        None => refusal("invalid_app_id", "There is no such app."),
    }
}

fn pairs(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).into_owned().collect()
}

fn consent(state: &State, asked: &Asked, key: &str) -> String {
    let (app, team) = (&state.world.app, &state.world.team);
    let people = state.world.users.iter().filter(|user| !user.deleted && user.standing != Standing::Bot);
    let signed_in = people.clone().find(|user| user.standing == Standing::Admin);
    let signed_in = signed_in.or_else(|| people.clone().find(|user| may_install(user))).map(|user| &user.id);
    let person = |user: &User| {
        let selected = if Some(&user.id) == signed_in { " selected" } else { "" };
        format!("<option value=\"{}\"{selected}>{}</option>", escape(&user.id), escape(&user.real_name))
    };
    let scope = |scope: &String| format!("<li><code>{0}</code></li>", escape(scope));
    let (optional, needed): (Vec<_>, Vec<_>) =
        asked.scopes.iter().partition(|scope| app.optional_scopes.contains(*scope));
    let choice = |scope: &&String| {
        format!(
            "<li><label><input type=\"checkbox\" name=\"optional\" value=\"{0}\" id=\"scope-{0}\" checked> \
             <code>{0}</code></label></li>",
            escape(scope)
        )
    };
    let mut lists = format!(
        "<h2>What will {} be able to do?</h2><ul id=\"scopes\">{}</ul>",
        escape(&app.name),
        needed.into_iter().map(scope).collect::<String>()
    );
    if !optional.is_empty() {
        let choices = optional.iter().map(choice).collect::<String>();
        lists.push_str(&format!("<h2>Only if you agree</h2><ul id=\"optional-scopes\">{choices}</ul>"));
    }
    if !asked.user_scopes.is_empty() {
        let scopes = asked.user_scopes.iter().map(scope).collect::<String>();
        lists.push_str(&format!("<h2>On your behalf</h2><ul id=\"user-scopes\">{scopes}</ul>"));
    }
    format!(
        "<main class=\"page\" id=\"consent\"><h1>{app} is requesting permission to access the {team} workspace</h1>\
         <form method=\"post\" action=\"/oauth/v2/authorize\"><input type=\"hidden\" name=\"consent\" value=\"{key}\">\
         <p><label for=\"authorize-user\">Signed in as</label> \
         <select id=\"authorize-user\" name=\"user\">{people}</select></p>{lists}\
         <p class=\"buttons\"><button id=\"cancel\" name=\"decision\" value=\"cancel\">Cancel</button>\
         <button id=\"allow\" name=\"decision\" value=\"allow\">Allow</button></p></form></main>",
        app = escape(&app.name),
        team = escape(&team.name),
        people = people.map(person).collect::<String>(),
    )
}

fn refusal(word: &str, why: &str) -> Response {
    let text = format!(
        "<main class=\"page\"><h1>Something went wrong when authorizing this app</h1><p>{}</p>\
         <p>Error details: <code id=\"authorize-error\">{}</code></p></main>",
        escape(why),
        escape(word)
    );
    page(StatusCode::BAD_REQUEST, &text, "")
}

fn page(status: StatusCode, main: &str, form_target: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Slack, on this machine</title>\
         <link rel=\"stylesheet\" href=\"/console.css\"></head><body>{main}</body></html>"
    );
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self' {form_target}; \
         frame-ancestors 'none'"
    );
    let mut response = (status, Html(text)).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
