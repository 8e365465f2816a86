//! `auth.test`, `users.*` and `usergroups.*`.

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::conversations::page;
use super::{Outcome, missing};
use crate::slack::state::State;
use crate::slack::world::{CREATED, Standing, User, UserGroup, World};

/// Without a `limit`, `users.list` fails for teams of more people than this.
const UNLIMITED_USERS: usize = 1000;

pub(super) fn auth_test(state: &State, base_url: &str) -> Value {
    let (team, app) = (&state.world.team, &state.world.app);
    let user = state.world.user(&app.bot_user).map(|user| user.name.clone());
    let mut value = json!({
        "url": format!("{base_url}/"), "team": team.name, "user": user, "team_id": team.id, "user_id": app.bot_user,
        "bot_id": app.bot_id, "is_enterprise_install": false,
    });
    if let Some((id, _)) = &team.enterprise {
        value["enterprise_id"] = json!(id);
    }
    value
}

pub(super) fn info(state: &State, arguments: &Arguments) -> Outcome {
    let user = state.world.user(&arguments.required("user")?).ok_or("user_not_found")?;
    Ok(json!({"user": as_json(&state.world, user)}))
}

pub(super) fn list(state: &State, arguments: &Arguments) -> Outcome {
    if !arguments.has("limit") && state.world.users.len() > UNLIMITED_USERS {
        return Err("limit_required".into());
    }
    let (users, next) = page(state, arguments, &state.world.users)?;
    let members: Vec<_> = users.iter().map(|user| as_json(&state.world, user)).collect();
    Ok(json!({"members": members, "cache_ts": 1_700_000_000, "response_metadata": {"next_cursor": next}}))
}

pub(super) fn groups(state: &State, arguments: &Arguments) -> Outcome {
    if state.world.free_plan {
        return Err("plan_upgrade_required".into());
    }
    let with_disabled = arguments.flag("include_disabled");
    let groups =
        state.world.user_groups.iter().filter(|group| with_disabled || !group.disabled).map(|group| {
            let mut value = group_as_json(&state.world, group);
            if arguments.flag("include_users") {
                value["users"] = json!(group.members);
            }
            if arguments.flag("include_count") {
                // Slack gives this count as text.
                value["user_count"] = json!(group.members.len().to_string());
            }
            value
        });
    Ok(json!({"usergroups": groups.collect::<Vec<_>>()}))
}

pub(super) fn group_users(state: &State, arguments: &Arguments) -> Outcome {
    if state.world.free_plan {
        return Err("plan_upgrade_required".into());
    }
    let id = arguments.text("usergroup").ok_or_else(|| missing("usergroup"))?;
    let with_disabled = arguments.flag("include_disabled");
    let group = state.world.user_group(&id).filter(|group| with_disabled || !group.disabled);
    Ok(json!({"users": group.ok_or("no_such_subteam")?.members}))
}

/// A user group without its members.
pub(crate) fn group_as_json(world: &World, group: &UserGroup) -> Value {
    json!({
        "id": group.id, "team_id": world.team.id, "is_usergroup": true, "is_subteam": true, "name": group.name,
        "handle": group.handle, "description": "", "is_external": false, "date_create": CREATED,
        "date_update": group.updated, "date_delete": if group.disabled { group.updated.max(CREATED + 1) } else { 0 },
        "prefs": {"channels": [], "groups": []},
    })
}

/// A user as the Web API and events describe them.
pub(crate) fn as_json(world: &World, user: &User) -> Value {
    let standing = user.standing;
    let mut value = json!({
        "id": user.id, "team_id": user.team, "name": user.name, "real_name": user.real_name, "deleted": user.deleted,
        "color": "4bbe2e", "tz": "Etc/UTC", "tz_label": "Coordinated Universal Time", "tz_offset": 0,
        "updated": user.updated,
        "profile": {"real_name": user.real_name, "display_name": user.name, "team": user.team,
            "real_name_normalized": user.real_name, "display_name_normalized": user.name},
        "is_bot": standing == Standing::Bot, "is_app_user": false,
    });
    // Slack leaves these out for deactivated accounts; absent means no.
    if !user.deleted {
        let primary = standing == Standing::PrimaryOwner;
        let owner = primary || standing == Standing::Owner;
        let single = standing == Standing::SingleChannelGuest;
        value["is_primary_owner"] = json!(primary);
        value["is_owner"] = json!(owner);
        value["is_admin"] = json!(owner || standing == Standing::Admin);
        value["is_restricted"] = json!(single || standing == Standing::Guest);
        value["is_ultra_restricted"] = json!(single);
        if standing == Standing::Stranger {
            value["is_stranger"] = json!(true);
        }
        if let Some((id, name)) = &world.team.enterprise {
            // Standing in the workspace says nothing about the organisation.
            value["enterprise_user"] = json!({"id": user.id, "enterprise_id": id, "enterprise_name": name,
                "is_admin": false, "is_owner": false, "teams": [world.team.id]});
        }
    }
    value
}
