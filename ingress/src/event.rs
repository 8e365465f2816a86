//! Events of the workspace: those that change who is a member of what become admin jobs, the others are dropped here.

use serde::Deserialize;
use serde_json::Value;
use shared::admin::{ADMIN_JOB_VERSION, AdminJob, AdminTask, WorkspaceEvent};
use shared::ids::{ChannelId, JobId, TenantId, UserId};

/// The longest `event_id` taken, in bytes. Those seen have 13.
pub const MAX_EVENT_ID: usize = 128;

/// How many users one event may name to travel in a record of the queue. With more, all members are read instead.
pub const MAX_EVENT_USERS: usize = 5_000;

/// The wrapper that Slack puts around an event, as far as it matters here.
#[derive(Deserialize)]
struct Callback {
    r#type: String,
    team_id: TenantId,
    event_id: String,
    event_time: u64,
    event: Value,
}

/// The admin job of the event in `body`. Nothing if the event changes nothing for us, or cannot be read: Slack must not
/// send it again.
pub fn interpret(body: &[u8]) -> Option<AdminJob> {
    let callback: Callback = serde_json::from_slice(body).ok()?;
    if callback.r#type != "event_callback" || !(1..=MAX_EVENT_ID).contains(&callback.event_id.len()) {
        return None;
    }
    let event = workspace_event(&callback.event)?;
    let many = matches!(&event, WorkspaceEvent::UsergroupMembers { added, removed, .. }
        if added.len() + removed.len() > MAX_EVENT_USERS);
    // `event_ts` is seconds with a fraction, as text; `event_time` has the seconds alone.
    let at = callback.event["event_ts"].as_str().and_then(milliseconds);
    Some(AdminJob {
        version: ADMIN_JOB_VERSION,
        id: JobId::from_event(&callback.team_id, &callback.event_id),
        tenant: callback.team_id,
        task: if many {
            AdminTask::ScheduledSync
        } else {
            AdminTask::Event { event, at: at.unwrap_or(callback.event_time.saturating_mul(1000)) }
        },
        asked_at: callback.event_time,
    })
}

/// `1760000000.123456` in whole milliseconds. No floating point: it would round the last digits of a long number.
fn milliseconds(timestamp: &str) -> Option<u64> {
    let (seconds, fraction) = timestamp.split_once('.').unwrap_or((timestamp, ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    seconds.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(fraction.parse().ok()?)
}

fn workspace_event(event: &Value) -> Option<WorkspaceEvent> {
    let text = |field: &str| event[field].as_str().map(str::to_owned);
    let user = |field: &str| event[field].as_str().and_then(|id| id.parse::<UserId>().ok());
    // The channel is an id in some events and an object in others.
    let channel = || {
        let id = event["channel"].as_str().or_else(|| event["channel"]["id"].as_str());
        id.and_then(|id| id.parse::<ChannelId>().ok())
    };
    let users = |field: &str| -> Vec<UserId> {
        let ids = event[field].as_array().into_iter().flatten();
        ids.filter_map(|id| id.as_str()?.parse().ok()).collect()
    };
    Some(match event["type"].as_str()? {
        "member_joined_channel" => WorkspaceEvent::Joined { user: user("user")?, channel: channel()? },
        "member_left_channel" => WorkspaceEvent::Left { user: user("user")?, channel: channel()? },
        "channel_left" | "group_left" => WorkspaceEvent::BotRemoved { channel: channel()? },
        "channel_archive" | "group_archive" | "channel_deleted" | "group_deleted" => {
            WorkspaceEvent::ChannelClosed { channel: channel()? }
        }
        "channel_id_changed" => WorkspaceEvent::ChannelIdChanged {
            old: text("old_channel_id")?.parse().ok()?,
            new: text("new_channel_id")?.parse().ok()?,
        },
        "channel_rename" | "group_rename" => WorkspaceEvent::ChannelRenamed {
            channel: channel()?,
            name: event["channel"]["name"].as_str()?.to_owned(),
        },
        "subteam_members_changed" => WorkspaceEvent::UsergroupMembers {
            usergroup: text("subteam_id")?,
            added: users("added_users"),
            removed: users("removed_users"),
        },
        "subteam_updated" => {
            let subteam = &event["subteam"];
            WorkspaceEvent::UsergroupUpdated {
                usergroup: subteam["id"].as_str()?.to_owned(),
                handle: subteam["handle"].as_str().unwrap_or_default().to_owned(),
                disabled: subteam["date_delete"].as_u64().is_some_and(|at| at != 0),
            }
        }
        // Most changes are of profiles, by people who stay what they are.
        "user_change" => {
            let user = &event["user"];
            let is = |field: &str| user[field].as_bool() == Some(true);
            let unfit = ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"];
            if !unfit.into_iter().any(is) {
                return None;
            }
            WorkspaceEvent::UserUnfit { user: user["id"].as_str()?.parse().ok()? }
        }
        "app_uninstalled" => WorkspaceEvent::Uninstalled,
        // The lists hold user ids. Tokens of users are none of ours.
        "tokens_revoked" if event["tokens"]["bot"].as_array().is_some_and(|bots| !bots.is_empty()) => {
            WorkspaceEvent::Uninstalled
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(event: Value) -> Option<AdminJob> {
        let body = json!({
            "type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev1",
            "event_time": 1_760_000_000_u64, "event": event,
        });
        interpret(body.to_string().as_bytes())
    }

    fn event(event: Value) -> Option<WorkspaceEvent> {
        match job(event)?.task {
            AdminTask::Event { event, .. } => Some(event),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_changes_memberships_becomes_a_job() {
        let (user, channel): (UserId, ChannelId) = ("U1".parse().unwrap(), "C1".parse().unwrap());
        for (sent, expected) in [
            (
                json!({ "type": "member_joined_channel", "user": "U1", "channel": "C1", "channel_type": "C" }),
                WorkspaceEvent::Joined { user: user.clone(), channel: channel.clone() },
            ),
            (
                json!({ "type": "member_left_channel", "user": "U1", "channel": "C1" }),
                WorkspaceEvent::Left { user: user.clone(), channel: channel.clone() },
            ),
            (
                json!({ "type": "group_left", "channel": "C1" }),
                WorkspaceEvent::BotRemoved { channel: channel.clone() },
            ),
            (
                json!({ "type": "channel_archive", "channel": "C1", "user": "U2" }),
                WorkspaceEvent::ChannelClosed { channel: channel.clone() },
            ),
            (
                json!({ "type": "channel_id_changed", "old_channel_id": "C1", "new_channel_id": "G1" }),
                WorkspaceEvent::ChannelIdChanged { old: channel.clone(), new: "G1".parse().unwrap() },
            ),
            (
                json!({ "type": "channel_rename", "channel": { "id": "C1", "name": "new", "created": 1 } }),
                WorkspaceEvent::ChannelRenamed { channel, name: "new".into() },
            ),
            (
                json!({
                    "type": "subteam_members_changed", "subteam_id": "S1", "added_users": ["U1"],
                    "removed_users": ["W2", "not an id"], "added_users_count": "1",
                }),
                WorkspaceEvent::UsergroupMembers {
                    usergroup: "S1".into(),
                    added: vec![user.clone()],
                    removed: vec!["W2".parse().unwrap()],
                },
            ),
            (
                json!({ "type": "subteam_updated", "subteam": { "id": "S1", "handle": "sre", "date_delete": 17 } }),
                WorkspaceEvent::UsergroupUpdated {
                    usergroup: "S1".into(),
                    handle: "sre".into(),
                    disabled: true,
                },
            ),
            (
                json!({ "type": "user_change", "user": { "id": "U1", "deleted": true } }),
                WorkspaceEvent::UserUnfit { user: user.clone() },
            ),
            (
                json!({ "type": "user_change", "user": { "id": "U1", "is_restricted": true } }),
                WorkspaceEvent::UserUnfit { user },
            ),
            (json!({ "type": "app_uninstalled" }), WorkspaceEvent::Uninstalled),
            (
                json!({ "type": "tokens_revoked", "tokens": { "oauth": [], "bot": ["UBOT"] } }),
                WorkspaceEvent::Uninstalled,
            ),
        ] {
            assert_eq!(event(sent.clone()), Some(expected), "{sent}");
        }
    }

    #[test]
    fn everything_else_is_dropped() {
        for sent in [
            json!({ "type": "app_home_opened", "user": "U1" }),
            json!({ "type": "user_change", "user": { "id": "U1", "deleted": false, "profile": {} } }),
            json!({ "type": "tokens_revoked", "tokens": { "oauth": ["U1"], "bot": [] } }),
            json!({ "type": "member_joined_channel", "user": "u1\"", "channel": "C1" }),
            json!({ "type": "member_joined_channel", "user": "U1" }),
            json!({}),
            json!(null),
        ] {
            assert_eq!(event(sent.clone()), None, "{sent}");
        }
        assert_eq!(interpret(b"{"), None);
        assert_eq!(interpret(br#"{"type":"app_rate_limited","team_id":"T1"}"#), None);
    }

    #[test]
    fn an_event_is_the_same_job_however_often_it_comes_and_its_time_is_exact() {
        let sent = json!({ "type": "app_uninstalled", "event_ts": "1760000001.123456" });
        let first = job(sent.clone()).unwrap();
        assert_eq!(first.id, job(sent).unwrap().id);
        assert!(matches!(first.task, AdminTask::Event { at: 1_760_000_001_123, .. }));
        let without = job(json!({ "type": "app_uninstalled" })).unwrap();
        assert!(matches!(without.task, AdminTask::Event { at: 1_760_000_000_000, .. }));
        for (timestamp, expected) in [
            ("12", Some(12_000)),
            ("12.5", Some(12_500)),
            ("12.0459", Some(12_045)),
            ("x", None),
            ("1.x", None),
        ] {
            assert_eq!(milliseconds(timestamp), expected, "{timestamp}");
        }
    }

    #[test]
    fn an_event_with_too_many_users_for_a_record_asks_for_a_sync() {
        for (count, sync) in
            [(MAX_EVENT_USERS - 1, false), (MAX_EVENT_USERS, false), (MAX_EVENT_USERS + 1, true)]
        {
            let users = vec!["U".repeat(32); count];
            let job =
                job(json!({ "type": "subteam_members_changed", "subteam_id": "S1", "added_users": users }));
            let job = job.unwrap();
            assert_eq!(job.task == AdminTask::ScheduledSync, sync, "{count}");
            assert!(job.to_record().unwrap().len() < 256 * 1024);
        }
    }

    #[test]
    fn an_event_id_ends_at_its_limit() {
        for (length, taken) in [(0, false), (1, true), (MAX_EVENT_ID, true), (MAX_EVENT_ID + 1, false)] {
            let body = json!({
                "type": "event_callback", "team_id": "T1", "event_id": "E".repeat(length), "event_time": 1,
                "event": { "type": "app_uninstalled" },
            });
            assert_eq!(interpret(body.to_string().as_bytes()).is_some(), taken, "{length}");
        }
    }
}
