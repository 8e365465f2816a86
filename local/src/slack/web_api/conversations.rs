//! `conversations.*` and `users.conversations`: channels and who is in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::{Failure, Outcome, missing_scope};
use crate::slack::state::State;
use crate::slack::world::{CREATED, Channel, ChannelKind};

/// The most items that one page holds; Slack documents "under 1000".
const PAGE: usize = 999;
/// Items of a page if the caller names no number.
const DEFAULT_PAGE: usize = 100;

pub(super) fn info(state: &State, arguments: &Arguments) -> Outcome {
    let channel = readable(state, &arguments.required("channel")?)?;
    let mut value = as_json(state, channel);
    if arguments.flag("include_num_members") {
        value["num_members"] = json!(channel.members.len());
    }
    Ok(json!({"channel": value}))
}

pub(super) fn members(state: &State, arguments: &Arguments) -> Outcome {
    let channel = readable(state, &arguments.required("channel")?)?;
    let (members, next) = page(state, arguments, &channel.members)?;
    Ok(json!({"members": members, "response_metadata": {"next_cursor": next}}))
}

pub(super) fn list(state: &State, arguments: &Arguments, scopes: &[String], only_own: bool) -> Outcome {
    let types = arguments.text("types").unwrap_or_else(|| "public_channel".to_owned());
    let mut kinds = Vec::new();
    for name in types.split(',').map(str::trim) {
        let (kind, scope) = match name {
            "public_channel" => (Some(ChannelKind::Public), "channels:read"),
            "private_channel" => (Some(ChannelKind::Private), "groups:read"),
            "im" => (Some(ChannelKind::Direct), "im:read"),
            "mpim" => (None, "mpim:read"),
            _ => return Err("invalid_types".into()),
        };
        if !scopes.iter().any(|has| has == scope) {
            return Err(missing_scope(scope.to_owned(), scopes));
        }
        kinds.extend(kind);
    }
    let bot = &state.world.app.bot_user;
    let of_whom = arguments.text("user").filter(|_| only_own).unwrap_or_else(|| bot.clone());
    let visible = |channel: &&Channel| {
        kinds.contains(&channel.kind)
            && (channel.kind == ChannelKind::Public || channel.has(bot))
            && (!only_own || channel.has(&of_whom))
    };
    let channels: Vec<&Channel> = state.world.channels.iter().filter(visible).collect();
    let (channels, next) = page(state, arguments, &channels)?;
    // Archived channels are left out after paging, so a page may be shorter than asked for, or empty.
    let without_archived = arguments.flag("exclude_archived");
    let listed = channels.iter().filter(|channel| !(without_archived && channel.archived));
    let listed: Vec<_> = listed
        .map(|channel| {
            let mut value = as_json(state, channel);
            value["num_members"] = json!(channel.members.len());
            value
        })
        .collect();
    Ok(json!({"channels": listed, "response_metadata": {"next_cursor": next}}))
}

/// The channel, if the app may know of it.
fn readable<'a>(state: &'a State, id: &str) -> Result<&'a Channel, Failure> {
    let channel = state.world.channel(id).ok_or("channel_not_found")?;
    if channel.kind != ChannelKind::Public && !channel.has(&state.world.app.bot_user) {
        return Err("channel_not_found".into());
    }
    Ok(channel)
}

/// One page of a list and the cursor of the next, empty at the end.
pub(super) fn page<T: Clone>(
    state: &State,
    arguments: &Arguments,
    items: &[T],
) -> Result<(Vec<T>, String), Failure> {
    let limit = match arguments.text("limit").map(|limit| limit.parse::<usize>()) {
        None => DEFAULT_PAGE,
        Some(Ok(0)) => DEFAULT_PAGE,
        Some(Ok(limit)) if limit <= PAGE => limit,
        _ => return Err("invalid_limit".into()),
    };
    let (start, number) = match arguments.text("cursor") {
        None => (0, 0),
        Some(cursor) => {
            parse_cursor(&cursor).filter(|(start, _)| *start <= items.len()).ok_or("invalid_cursor")?
        }
    };
    // With short pages every second page, from the first on, is empty, and the others hold half of what was asked.
    let length = match (state.short_pages, number % 2) {
        (false, _) => limit,
        (true, 0) => 0,
        (true, _) => limit.div_ceil(2),
    };
    let end = (start + length).min(items.len());
    let next =
        if end < items.len() { STANDARD.encode(format!("next:{end}:{}", number + 1)) } else { String::new() };
    Ok((items.get(start..end).unwrap_or_default().to_vec(), next))
}

fn parse_cursor(cursor: &str) -> Option<(usize, usize)> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    let (start, number) = text.strip_prefix("next:")?.split_once(':')?;
    Some((start.parse().ok()?, number.parse().ok()?))
}

fn as_json(state: &State, channel: &Channel) -> Value {
    let bot_member = channel.has(&state.world.app.bot_user);
    let private = channel.kind != ChannelKind::Public;
    if channel.kind == ChannelKind::Direct {
        let user = channel.members.iter().find(|member| **member != state.world.app.bot_user);
        return json!({"id": channel.id, "is_im": true, "user": user, "is_user_deleted": false, "is_archived": false});
    }
    json!({
        "id": channel.id, "name": channel.name, "name_normalized": channel.name, "created": CREATED,
        "is_channel": !private, "is_group": private, "is_im": false, "is_mpim": false, "is_private": private,
        "is_archived": channel.archived, "is_general": channel.name == "general", "is_member": bot_member,
        "is_shared": channel.shared_externally, "is_ext_shared": channel.shared_externally,
        "is_org_shared": false, "is_pending_ext_shared": false, "context_team_id": state.world.team.id,
        "shared_team_ids": [state.world.team.id],
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    })
}
