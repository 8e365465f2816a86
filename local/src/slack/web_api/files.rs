//! `files.*`: the three steps of an upload, and what is known of a file.

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::chat::{blocks, writable};
use super::{Failure, Outcome};
use crate::slack::message::Origin;
use crate::slack::mrkdwn::Auto;
use crate::slack::state::{Draft, File, State, mimetype, secret};
use crate::slack::world::ChannelKind;

/// Characters of `alt_txt`.
const ALT_TEXT: usize = 1000;
/// Bytes of a snippet.
const SNIPPET: usize = 1 << 20;
/// Channels that one upload may be shared to.
const CHANNELS: usize = 100;

pub(super) fn get_upload_url(
    state: &mut State,
    arguments: &Arguments,
    base_url: &str,
    now_ms: u64,
) -> Outcome {
    let name = arguments.text("filename").ok_or("missing_argument")?;
    let length = arguments.text("length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
    if length == 0 {
        return Err("missing_argument".into());
    }
    let alt_text = arguments.text("alt_txt").or_else(|| arguments.text("alt_text"));
    if alt_text.as_ref().is_some_and(|text| text.chars().count() > ALT_TEXT) {
        return Err("invalid_arguments".into());
    }
    if arguments.has("snippet_type") && length > SNIPPET {
        return Err("snippet_too_large".into());
    }
    let id = format!("F0{:07}", state.serial());
    let secret = secret();
    let upload_url = format!("{base_url}/upload/v1/{secret}");
    let file = File {
        id: id.clone(),
        title: name.clone(),
        name,
        alt_text,
        length,
        secret,
        bytes: None,
        completed: false,
        created: now_ms / 1000,
        shares: Vec::new(),
    };
    state.files.insert(id.clone(), file);
    Ok(json!({"upload_url": upload_url, "file_id": id}))
}

/// Takes the bytes of a file at its upload address. Answers with a status and a text.
pub(crate) fn serve_upload(state: &mut State, secret: &str, bytes: Vec<u8>) -> (u16, String) {
    let Some(file) = state.files.values_mut().find(|file| file.secret == secret) else {
        return (404, "not found".to_owned());
    };
    if file.completed {
        return (400, "already completed".to_owned());
    }
    if bytes.len() != file.length {
        return (400, format!("expected {} bytes, got {}", file.length, bytes.len()));
    }
    let answer = format!("OK - {}", bytes.len());
    file.bytes = Some(bytes);
    (200, answer)
}

pub(super) fn complete_upload(state: &mut State, arguments: &Arguments, now_ms: u64) -> Outcome {
    let files = arguments.structure("files").map_err(|()| "invalid_arguments")?.ok_or("missing_argument")?;
    let mut named = Vec::new();
    for entry in files.as_array().ok_or("invalid_arguments")? {
        let id = entry.get("id").and_then(Value::as_str).ok_or("invalid_arguments")?;
        let file = state.files.get(id).ok_or("file_not_found")?;
        // Without bytes, or for the second time, there is nothing to complete.
        if file.bytes.is_none() || file.completed {
            return Err("file_not_found".into());
        }
        named.push((id.to_owned(), entry.get("title").and_then(Value::as_str).map(str::to_owned)));
    }
    if named.is_empty() {
        return Err("missing_argument".into());
    }
    let channels = shared_to(state, arguments)?;
    let blocks = blocks(arguments)?;
    let comment = arguments.text("initial_comment").unwrap_or_default();
    if !blocks.is_empty() && !comment.is_empty() {
        return Err("invalid_arguments".into());
    }
    for (id, title) in &named {
        if let Some(file) = state.files.get_mut(id) {
            file.completed = true;
            file.title = title.clone().unwrap_or_else(|| file.name.clone());
        }
    }
    for channel in channels {
        let draft = Draft {
            channel: channel.clone(),
            author: state.world.app.bot_user.clone(),
            text: comment.clone(),
            blocks: blocks.clone(),
            files: named.iter().map(|(id, _)| id.clone()).collect(),
            only_for: None,
            thread_ts: arguments.text("thread_ts"),
            auto: Auto::URLS,
            origin: Origin::WebApi,
        };
        let ts = state.post(draft, now_ms);
        for (id, _) in &named {
            if let Some(file) = state.files.get_mut(id) {
                file.shares.push((channel.clone(), ts.clone()));
            }
        }
    }
    // Sharing is asynchronous in Slack: the answer names the files, `files.info` tells later where they are.
    let titled = named.iter().filter_map(|(id, _)| state.files.get(id));
    Ok(json!({"files": titled.map(|file| json!({"id": file.id, "title": file.title})).collect::<Vec<_>>()}))
}

fn shared_to(state: &mut State, arguments: &Arguments) -> Result<Vec<String>, Failure> {
    let asked = match (arguments.text("channel_id"), arguments.text("channels")) {
        (Some(_), Some(_)) => return Err("invalid_arguments".into()),
        (Some(one), None) => vec![one],
        (None, Some(many)) => many.split(',').map(|id| id.trim().to_owned()).collect(),
        (None, None) => Vec::new(),
    };
    if asked.len() > CHANNELS {
        return Err("channels_limit_exceeded".into());
    }
    // Unlike chat.postMessage, an upload takes neither names nor user ids.
    asked
        .iter()
        .map(|id| {
            let direct = id.starts_with('D');
            if state.world.channel(id).is_none() && !direct {
                return Err(if state.world.user(id).is_some() {
                    "invalid_channel"
                } else {
                    "channel_not_found"
                }
                .into());
            }
            writable(state, id)
        })
        .collect()
}

pub(super) fn info(state: &State, arguments: &Arguments, base_url: &str) -> Outcome {
    let id = arguments.required("file")?;
    let file = state.files.get(&id).filter(|file| file.completed).ok_or("file_not_found")?;
    Ok(
        json!({"file": as_json(state, file, base_url), "comments": [], "response_metadata": {"next_cursor": ""}}),
    )
}

fn as_json(state: &State, file: &File, base_url: &str) -> Value {
    let team = &state.world.team.id;
    let kind = |id: &String| state.world.channel(id).map(|channel| channel.kind);
    let of = |wanted: ChannelKind| {
        let shared = file.shares.iter().filter(move |(id, _)| kind(id) == Some(wanted));
        shared.map(|(id, _)| id.clone()).collect::<Vec<_>>()
    };
    let mut shares = json!({});
    for (channel, ts) in &file.shares {
        let place = if kind(channel) == Some(ChannelKind::Public) { "public" } else { "private" };
        shares[place][channel] =
            json!([{"ts": ts, "team_id": team, "share_user_id": state.world.app.bot_user}]);
    }
    let private = format!("{base_url}/files-pri/{team}-{}/{}", file.id, "download");
    let extension = file.name.rsplit_once('.').map_or("binary", |(_, extension)| extension);
    let mut value = json!({
        "id": file.id, "created": file.created, "timestamp": file.created, "name": file.name, "title": file.title,
        "mimetype": mimetype(&file.name), "filetype": extension, "pretty_type": extension.to_uppercase(),
        "user": state.world.app.bot_user, "size": file.length, "mode": "hosted", "editable": false,
        "is_external": false, "is_public": !of(ChannelKind::Public).is_empty(), "public_url_shared": false,
        "file_access": "visible", "url_private": private, "url_private_download": private,
        "channels": of(ChannelKind::Public), "groups": of(ChannelKind::Private), "ims": of(ChannelKind::Direct),
        "comments_count": 0, "shares": shares,
    });
    if let Some(alt_text) = &file.alt_text {
        value["alt_txt"] = json!(alt_text);
    }
    value
}
