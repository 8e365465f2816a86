//! `chat.*`: messages that the app posts by itself.

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::{Failure, Outcome};
use crate::slack::block_kit;
use crate::slack::elements::with_ids;
use crate::slack::message::{Message, Origin};
use crate::slack::mrkdwn::Auto;
use crate::slack::response_url::TEXT;
use crate::slack::state::{Draft, State};
use crate::slack::world::ChannelKind;

/// Characters of the text of an update.
const UPDATE_TEXT: usize = 4000;

pub(super) fn post_message(state: &mut State, arguments: &Arguments, now_ms: u64) -> Outcome {
    let channel = writable(state, &arguments.required("channel")?)?;
    let (text, blocks) = content(arguments)?;
    let ts = post(state, arguments, &channel, text, blocks, None, now_ms);
    let message = state.messages.last().map(|message| as_json(state, message)).unwrap_or_default();
    Ok(json!({"channel": channel, "ts": ts, "message": message}))
}

pub(super) fn post_ephemeral(state: &mut State, arguments: &Arguments, now_ms: u64) -> Outcome {
    let channel = writable(state, &arguments.required("channel")?)?;
    let user = arguments.required("user")?;
    if !state.world.channel(&channel).is_some_and(|channel| channel.has(&user)) {
        return Err("user_not_in_channel".into());
    }
    let (text, blocks) = content(arguments)?;
    let ts = post(state, arguments, &channel, text, blocks, Some(user), now_ms);
    Ok(json!({"message_ts": ts}))
}

pub(super) fn update(state: &mut State, arguments: &Arguments) -> Outcome {
    let channel = writable(state, &arguments.required("channel")?)?;
    let ts = arguments.required("ts")?;
    let (text, blocks) = content(arguments)?;
    if text.chars().count() > UPDATE_TEXT {
        return Err("msg_too_long".into());
    }
    let mut message = state.message(&channel, &ts).cloned().ok_or("message_not_found")?;
    if message.author != state.world.app.bot_user {
        return Err("cant_update_message".into());
    }
    if rich(&message.blocks) && !rich(&blocks) {
        return Err("block_mismatch".into());
    }
    message.text.clone_from(&text);
    message.blocks = blocks;
    message.edited = true;
    message.auto = automatic(arguments);
    state.replace(message.clone());
    Ok(json!({"channel": channel, "ts": ts, "text": text, "message": as_json(state, &message)}))
}

fn rich(blocks: &[Value]) -> bool {
    blocks.iter().any(|block| block.get("type").and_then(Value::as_str) == Some("rich_text"))
}

/// The id of the conversation that the app may post to: by id, by `#name`, or a user's direct messages by user id.
pub(super) fn writable(state: &mut State, channel: &str) -> Result<String, Failure> {
    if state.world.user(channel).is_some_and(|user| !user.deleted && user.id != state.world.app.bot_user) {
        return Ok(state.world.open_direct(channel));
    }
    if let Some(user) = state.world.user_of_direct(channel) {
        let user = user.id.clone();
        return Ok(state.world.open_direct(&user));
    }
    let by_name = || {
        let name = channel.strip_prefix('#').unwrap_or(channel);
        state.world.channels.iter().find(|known| known.name == name)
    };
    let known = state.world.channel(channel).or_else(by_name).ok_or("channel_not_found")?;
    let member = known.has(&state.world.app.bot_user);
    match known.kind {
        // A private channel that the app was not invited to does not exist for it.
        ChannelKind::Private | ChannelKind::Direct if !member => Err("channel_not_found".into()),
        _ if known.archived => Err("is_archived".into()),
        _ if !member => Err("not_in_channel".into()),
        _ => Ok(known.id.clone()),
    }
}

fn content(arguments: &Arguments) -> Result<(String, Vec<Value>), Failure> {
    let text = arguments.text("text").unwrap_or_default();
    let blocks = blocks(arguments)?;
    if arguments.has("markdown_text") {
        if !text.is_empty() || !blocks.is_empty() {
            return Err("markdown_text_conflict".into());
        }
        let block = json!([{"type": "markdown", "text": arguments.text("markdown_text")}]);
        block_kit::check(&block)?;
        return Ok((String::new(), block.as_array().cloned().unwrap_or_default()));
    }
    if text.is_empty() && blocks.is_empty() {
        return Err("no_text".into());
    }
    Ok((text.chars().take(TEXT).collect(), blocks))
}

/// The checked blocks among the arguments.
pub(super) fn blocks(arguments: &Arguments) -> Result<Vec<Value>, Failure> {
    let Some(blocks) = arguments.structure("blocks").map_err(|()| "invalid_blocks_format")? else {
        return Ok(Vec::new());
    };
    block_kit::check(&blocks)?;
    Ok(blocks.as_array().cloned().unwrap_or_default())
}

fn automatic(arguments: &Arguments) -> Auto {
    match arguments.text("parse").as_deref() {
        Some("none") if !arguments.flag("link_names") => Auto::NOTHING,
        Some("full") => Auto::ALL,
        _ if arguments.flag("link_names") => Auto::ALL,
        _ => Auto::URLS,
    }
}

fn post(
    state: &mut State,
    arguments: &Arguments,
    channel: &str,
    text: String,
    blocks: Vec<Value>,
    only_for: Option<String>,
    now_ms: u64,
) -> String {
    let draft = Draft {
        channel: channel.to_owned(),
        author: state.world.app.bot_user.clone(),
        text,
        blocks,
        files: Vec::new(),
        only_for,
        thread_ts: arguments.text("thread_ts"),
        auto: automatic(arguments),
        origin: Origin::WebApi,
    };
    state.post(draft, now_ms)
}

/// A message as Slack returns it: blocks and elements without an id have been given one.
pub(crate) fn as_json(state: &State, message: &Message) -> Value {
    let app = &state.world.app;
    let blocks = with_ids(&message.blocks);
    let mut value = json!({
        "type": "message", "ts": message.ts, "user": message.author, "text": message.text, "team": state.world.team.id,
        "bot_id": app.bot_id, "app_id": app.id,
        "bot_profile": {"id": app.bot_id, "app_id": app.id, "name": app.name, "deleted": false,
            "team_id": state.world.team.id},
    });
    if !blocks.is_empty() {
        value["blocks"] = Value::Array(blocks);
    }
    if let Some(thread) = &message.thread_ts {
        value["thread_ts"] = json!(thread);
    }
    if !message.reactions.is_empty() {
        let reactions = message.reactions.iter();
        value["reactions"] = reactions
            .map(|it| json!({"name": it.name, "users": it.users, "count": it.users.len()}))
            .collect();
    }
    if message.edited {
        value["edited"] = json!({"user": message.author, "ts": message.ts});
    }
    value
}
