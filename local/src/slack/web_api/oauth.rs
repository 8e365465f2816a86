//! `oauth.v2.access` and `auth.revoke`: tokens come and go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::arguments::Arguments;
use super::{Outcome, Request};
use crate::slack::state::State;

pub(super) fn access(
    state: &mut State,
    request: &Request<'_>,
    arguments: &Arguments,
    now_ms: u64,
) -> Outcome {
    let in_header = request.authorization.and_then(basic);
    let in_form =
        || Some((arguments.text("client_id")?, arguments.text("client_secret").unwrap_or_default()));
    let app = &state.world.app;
    let credentials = if app.basic_only { in_header } else { in_header.or_else(in_form) };
    let (id, secret) = credentials.ok_or("invalid_client_id")?;
    if id != app.client_id {
        return Err("invalid_client_id".into());
    }
    if secret != app.client_secret {
        return Err("bad_client_secret".into());
    }
    let mut answer = match arguments.text("grant_type").as_deref() {
        None | Some("authorization_code") => {
            let code = arguments.text("code").ok_or("invalid_code")?;
            state.redeem_code(&code, arguments.text("redirect_uri").as_deref(), now_ms)?
        }
        Some("refresh_token") => {
            let token = arguments.text("refresh_token").ok_or("invalid_refresh_token")?;
            state.refresh(&token, now_ms)?
        }
        Some(_) => return Err("invalid_grant_type".into()),
    };
    for (name, value) in &state.world.app.oauth_answer {
        answer[name] = value.clone();
    }
    Ok(answer)
}

/// Id and secret of an `Authorization: Basic` header.
fn basic(header: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(header.strip_prefix("Basic ")?).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

pub(super) fn revoke(state: &mut State, token: &str, arguments: &Arguments, now_ms: u64) -> Outcome {
    let only_a_test = arguments.flag("test");
    if !only_a_test {
        state.revoke_token(token, now_ms);
    }
    Ok(json!({"revoked": !only_a_test}))
}
