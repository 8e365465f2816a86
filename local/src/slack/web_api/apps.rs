//! `apps.connections.open`, which Socket Mode begins with.

use serde_json::json;

use super::Outcome;
use crate::slack::Inner;
use crate::slack::state::State;

/// Slack answers an app whose Socket Mode is off as well, and says so over the connection.
pub(super) fn open_connection(inner: &Inner, state: &mut State, now_ms: u64) -> Outcome {
    let ticket = state.socket_ticket(now_ms);
    Ok(json!({"url": inner.socket_url(&ticket, &state.world.app.id)}))
}
