//! `reactions.add`: an emoji on a message.

use serde_json::json;

use super::Outcome;
use super::arguments::Arguments;
use super::chat::writable;
use crate::slack::message::Reaction;
use crate::slack::state::State;

/// Different emoji on one message.
const REACTIONS: usize = 23;

pub(super) fn add(state: &mut State, arguments: &Arguments) -> Outcome {
    let channel = writable(state, &arguments.required("channel")?)?;
    let ts = arguments.required("timestamp")?;
    let name = arguments.required("name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-+'".contains(c);
    if !name.chars().all(plain) {
        return Err("invalid_name".into());
    }
    let bot = state.world.app.bot_user.clone();
    let mut message = state.message(&channel, &ts).cloned().ok_or("message_not_found")?;
    let full = message.reactions.len() >= REACTIONS;
    match message.reactions.iter_mut().find(|reaction| reaction.name == name) {
        Some(reaction) if reaction.users.contains(&bot) => return Err("already_reacted".into()),
        Some(reaction) => reaction.users.push(bot),
        None if full => return Err("too_many_reactions".into()),
        None => message.reactions.push(Reaction { name, users: vec![bot] }),
    }
    state.replace(message);
    Ok(json!({}))
}
