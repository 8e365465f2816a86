//! Slack's own slash commands, those that change who is in a channel: `/invite`, `/remove`, `/leave`, `/archive`.

use super::changes::Refusal;
use super::state::State;
use super::world::{ChannelKind, Standing};

/// Names of the commands, with what Slack shows of them while one types.
pub(crate) const OWN_COMMANDS: [(&str, &str, &str); 4] = [
    ("/invite", "@somebody [#channel]", "Add somebody, or an app, to a channel"),
    ("/remove", "@somebody", "Take somebody out of this channel"),
    ("/leave", "", "Leave this channel"),
    ("/archive", "", "Archive this channel"),
];

/// Carries out one of Slack's own commands. `None` if it is not one.
pub(crate) fn run(
    state: &mut State,
    user: &str,
    channel: &str,
    line: &str,
    now_ms: u64,
) -> Option<Result<(), Refusal>> {
    let mut words = line.split_whitespace();
    let command = words.next().unwrap_or_default();
    if !OWN_COMMANDS.iter().any(|(name, ..)| *name == command) {
        return None;
    }
    if state.world.channel(channel).is_none_or(|channel| channel.kind == ChannelKind::Direct) {
        return Some(Err("method_not_supported_for_channel_type"));
    }
    if command == "/leave" {
        return Some(state.leave(user, channel, None, now_ms));
    }
    let guest = state.world.user(user).is_none_or(|user| {
        matches!(user.standing, Standing::Guest | Standing::SingleChannelGuest | Standing::Stranger)
    });
    if guest {
        return Some(Err("restricted_action"));
    }
    if command == "/archive" {
        return Some(state.set_archived(channel, true, user, now_ms));
    }
    let (mut whom, mut place) = (Vec::new(), channel.to_owned());
    for word in words {
        if let Some(name) = word.strip_prefix('#') {
            let found = state.world.channels.iter().find(|channel| channel.name == name && channel.has(user));
            match found {
                Some(found) => place.clone_from(&found.id),
                None => return Some(Err("channel_not_found")),
            }
        } else {
            let name = word.strip_prefix('@').unwrap_or(word);
            match state.world.users.iter().find(|user| user.name == name) {
                Some(found) => whom.push(found.id.clone()),
                None => return Some(Err("user_not_found")),
            }
        }
    }
    if whom.is_empty() {
        return Some(Err("no_user"));
    }
    Some(whom.iter().try_for_each(|whom| {
        if command == "/invite" {
            state.join(whom, &place, Some(user), now_ms)
        } else {
            state.leave(whom, &place, Some(user), now_ms)
        }
    }))
}
