//! The address that comes with a slash command or a press of a button and takes the app's later answers.

use serde_json::{Map, Value, json};

use super::block_kit::{self, Refusal};
use super::message::Origin;
use super::mrkdwn::Auto;
use super::state::{DeadUrl, Draft, State};
use super::{Inner, block_list, yes};

/// Posts that one response_url takes.
pub const USES: u32 = 5;
/// How long one works, in milliseconds (30 minutes).
pub const LIFETIME_MS: u64 = 30 * 60 * 1000;
/// Attachments of a message.
const ATTACHMENTS: usize = 100;
/// Characters of a message's text; what is over is cut off.
pub(crate) const TEXT: usize = 40_000;

/// An answer: status, body, and whether the body is JSON.
pub(crate) type Answer = (u16, String, bool);

impl Inner {
    /// Takes one post. `secret_part` is the last segment of the address.
    pub(crate) fn respond(&self, secret_part: &str, content_type: &str, body: &[u8]) -> Answer {
        self.change(|state| match self.post_response(state, secret_part, content_type, body) {
            Ok(()) => {
                state.called(super::fault::RESPONSE_URL, None);
                (200, "ok".to_owned(), false)
            }
            Err(answer) => {
                state.called(super::fault::RESPONSE_URL, Some(&answer.1));
                answer
            }
        })
    }

    fn post_response(
        &self,
        state: &mut State,
        secret_part: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<(), Answer> {
        let now_ms = self.clock.now_ms();
        let word = |status: u16, word: &str| (status, word.to_owned(), false);
        let url = state.response_urls.get(secret_part).cloned().ok_or_else(|| word(404, "no_service"))?;
        if now_ms >= url.created_ms + LIFETIME_MS {
            return Err(dead(state.dead_url, "expired_url"));
        }
        if url.uses >= USES {
            return Err(dead(state.dead_url, "used_url"));
        }
        let payload = payload(content_type, body).ok_or_else(|| word(400, "invalid_payload"))?;
        let channel = state.world.channel(&url.channel).ok_or_else(|| word(404, "channel_not_found"))?;
        if channel.archived {
            return Err(word(410, "channel_is_archived"));
        }
        if state.world.user(&url.user).is_none_or(|user| user.deleted) {
            return Err(word(400, "user_not_found"));
        }
        let text = payload.get("text").and_then(Value::as_str).unwrap_or_default();
        let blocks = block_list(payload.get("blocks")).map_err(|()| refused("invalid_blocks_format"))?;
        let attachments = payload.get("attachments").and_then(Value::as_array).map_or(0, Vec::len);
        if attachments > ATTACHMENTS {
            return Err(word(400, "too_many_attachments"));
        }
        let deletes = yes(payload.get("delete_original"));
        // A command's address has no original message, so there both words do nothing.
        let original = url.message.as_deref().and_then(|ts| state.place_of_message(ts));
        if text.is_empty() && blocks.is_empty() {
            // Deleting alone is a whole request.
            return if deletes {
                original.map(|place| state.messages.remove(place));
                used(state, secret_part);
                Ok(())
            } else {
                Err(word(400, "no_text"))
            };
        }
        block_kit::check(&Value::Array(blocks.clone())).map_err(|refusal| match refusal {
            Refusal::TooLong => refused("msg_blocks_too_long"),
            Refusal::Format | Refusal::Invalid(_) => refused("invalid_blocks"),
        })?;
        let everyone = payload.get("response_type").and_then(Value::as_str) == Some("in_channel");
        let replaces = yes(payload.get("replace_original"));
        let auto = if payload.get("parse").and_then(Value::as_str) == Some("none") {
            Auto::NOTHING
        } else {
            Auto::URLS
        };
        let text: String = text.chars().take(TEXT).collect();
        if let Some(mut message) =
            original.and_then(|place| state.messages.get(place)).cloned().filter(|_| replaces)
        {
            // Whoever saw the message sees the new one: an ephemeral one cannot become public.
            message.text = text;
            message.blocks = blocks;
            message.auto = auto;
            message.edited = message.only_for.is_none();
            state.replace(message);
            used(state, secret_part);
            return Ok(());
        }
        if deletes {
            original.map(|place| state.messages.remove(place));
        }
        let thread_ts = payload.get("thread_ts").and_then(Value::as_str).filter(|_| everyone && !replaces);
        let draft = Draft {
            channel: url.channel.clone(),
            author: state.world.app.bot_user.clone(),
            text,
            blocks,
            files: Vec::new(),
            only_for: (!everyone).then(|| url.user.clone()),
            thread_ts: thread_ts.map(str::to_owned),
            auto,
            origin: Origin::ResponseUrl,
        };
        state.post(draft, now_ms);
        used(state, secret_part);
        Ok(())
    }
}

fn used(state: &mut State, secret_part: &str) {
    if let Some(url) = state.response_urls.get_mut(secret_part) {
        url.uses += 1;
    }
}

fn payload(content_type: &str, body: &[u8]) -> Option<Map<String, Value>> {
    let json = if content_type.starts_with("application/x-www-form-urlencoded") {
        let field = url::form_urlencoded::parse(body).find(|(name, _)| name == "payload")?;
        serde_json::from_str(&field.1).ok()?
    } else {
        serde_json::from_slice(body).ok()?
    };
    if let Value::Object(payload) = json { Some(payload) } else { None }
}

fn refused(word: &str) -> Answer {
    (404, json!({"ok": false, "error": word}).to_string(), true)
}

fn dead(style: DeadUrl, word: &str) -> Answer {
    match style {
        DeadUrl::NotFoundJson => refused(word),
        DeadUrl::GoneText => (410, word.to_owned(), false),
        DeadUrl::OkFalse => (200, json!({"ok": false, "error": word}).to_string(), true),
    }
}
