//! What the administration panel shows and does. It is on this machine only, so nobody logs in.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::standing;
use crate::slack::Inner;
use crate::slack::changes::Refusal;
use crate::slack::state::State;
use crate::slack::world::{ChannelKind, Standing};

/// Events that are shown, the newest first.
const EVENTS: usize = 12;

pub(super) fn routes() -> Router<Arc<Inner>> {
    Router::new().route("/console/administration", get(show).post(carry_out))
}

async fn show(Shared(inner): Shared<Arc<Inner>>) -> Json<Value> {
    inner.read(|state| {
        let world = &state.world;
        let bot = &world.app.bot_user;
        let people = world.users.iter().map(|user| {
            json!({"id": user.id, "name": user.name, "real_name": user.real_name, "deactivated": user.deleted,
                "standing": standing(user.standing), "bot": user.standing == Standing::Bot})
        });
        let channels = world.channels.iter().filter(|channel| channel.kind != ChannelKind::Direct).map(|channel| {
            json!({"id": channel.id, "name": channel.name, "private": !channel.is_public(),
                "archived": channel.archived, "members": channel.members, "bot": channel.has(bot)})
        });
        let groups = world.user_groups.iter().map(|group| {
            json!({"id": group.id, "handle": group.handle, "disabled": group.disabled, "members": group.members})
        });
        let events = state.outbox.events().iter().rev().take(EVENTS).map(|event| {
            let last = event.deliveries.last();
            json!({"id": event.id, "kind": event.kind, "lost": event.dropped, "deliveries": event.deliveries.len(),
                "status": last.and_then(|delivery| delivery.status)})
        });
        Json(json!({
            "people": people.collect::<Vec<_>>(), "channels": channels.collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(), "events": events.collect::<Vec<_>>(),
            "dropping": state.outbox.drops(), "installed": world.app.installation.is_some(), "bot": bot,
            "now": inner.clock.now(), "ahead": inner.clock.ahead().map(|ahead| ahead.as_secs()),
        }))
    })
}

/// Something that is to be done, by whom the console acts as.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Order {
    CreateChannel { by: String, name: String, private: bool },
    Add { by: String, user: String, channel: String },
    Remove { by: String, user: String, channel: String },
    Archive { by: String, channel: String, archived: bool },
    CreateGroup { handle: String },
    SetGroup { group: String, members: Vec<String> },
    DisableGroup { group: String, disabled: bool },
    Deactivate { user: String, deactivated: bool },
    SetStanding { user: String, standing: String },
    Uninstall {},
    DropEvents { on: bool },
    Resend { event: String },
    Advance { seconds: u64 },
}

async fn carry_out(Shared(inner): Shared<Arc<Inner>>, Json(order): Json<Order>) -> Json<Value> {
    if let Order::Resend { event } = &order {
        let sent = inner.resend(event).await.ok_or("event_not_found");
        return Json(
            json!({"error": sent.map(|sent| sent.error).unwrap_or_else(|word| Some(word.to_owned()))}),
        );
    }
    if let Order::Advance { seconds } = order {
        inner.clock.advance(Duration::from_secs(seconds));
    }
    let now_ms = inner.clock.now_ms();
    let done = inner.change(|state| obey(state, order, now_ms));
    Json(json!({"error": done.err()}))
}

fn obey(state: &mut State, order: Order, now_ms: u64) -> Result<(), Refusal> {
    match order {
        Order::CreateChannel { by, name, private } => state.create_channel(&name, private, &by).map(drop),
        Order::Add { by, user, channel } => state.join(&user, &channel, Some(&by), now_ms),
        Order::Remove { by, user, channel } => state.leave(&user, &channel, Some(&by), now_ms),
        Order::Archive { by, channel, archived } => state.set_archived(&channel, archived, &by, now_ms),
        Order::CreateGroup { handle } => state.create_user_group(&handle, &handle, &[], now_ms).map(drop),
        Order::SetGroup { group, members } => state.set_user_group_members(&group, &members, now_ms),
        Order::DisableGroup { group, disabled } => state.set_user_group_disabled(&group, disabled, now_ms),
        Order::Deactivate { user, deactivated } => state.set_deactivated(&user, deactivated, now_ms),
        Order::SetStanding { user, standing } => {
            let standing = match standing.as_str() {
                "admin" => Standing::Admin,
                "owner" => Standing::Owner,
                "guest" => Standing::Guest,
                "" => Standing::Member,
                _ => return Err("invalid_arguments"),
            };
            state.set_standing(&user, standing, now_ms)
        }
        Order::Uninstall {} => {
            state.uninstall(now_ms);
            Ok(())
        }
        Order::DropEvents { on } => {
            state.outbox.drop_from_now_on(on);
            Ok(())
        }
        // Moving the clock is done already; whoever looks at it is told by the change.
        Order::Advance { .. } | Order::Resend { .. } => Ok(()),
    }
}
