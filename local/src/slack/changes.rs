//! What people and administrators do to the workspace, with the lines and the events that follow from it.
//!
//! Every method fails with Slack's word for why it cannot be done, and then nothing has changed. What is changed
//! through [`FakeSlack::change_world`] happens in silence instead.

use std::time::Duration;

use serde_json::{Value, json};

use super::FakeSlack;
use super::message::Origin;
use super::mrkdwn::Auto;
use super::state::{Draft, State};
use super::web_api::people::{as_json, group_as_json};
use super::world::{Channel, ChannelKind, Standing, UserGroup, direct_id};

/// Characters of a channel's name.
const CHANNEL_NAME: usize = 80;
/// Members that an event about a user group names.
const GROUP_USERS: usize = 500;

/// Slack's word for why something cannot be done.
pub type Refusal = &'static str;

impl State {
    /// Adds a user to a channel: by joining, or by somebody's invitation.
    pub fn join(
        &mut self,
        user: &str,
        channel: &str,
        inviter: Option<&str>,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let who = self.world.user(user).filter(|user| !user.deleted).ok_or("user_not_found")?;
        let place = self.world.channel(channel).filter(|channel| channel.kind != ChannelKind::Direct);
        let place = place.ok_or("channel_not_found")?;
        if place.archived {
            return Err("is_archived");
        }
        if place.has(user) {
            return Err("already_in_channel");
        }
        match who.standing {
            Standing::Stranger if !place.shared_externally => return Err("user_team_not_in_channel"),
            Standing::SingleChannelGuest if self.world.channels.iter().any(|channel| channel.has(user)) => {
                return Err("ura_max_channels");
            }
            _ => {}
        }
        let (name, private) = (place.name.clone(), !place.is_public());
        if let Some(channel) = self.world.channel_mut(channel) {
            channel.members.push(user.to_owned());
        }
        self.notice(
            channel,
            user,
            inviter,
            &format!("joined #{name}"),
            &format!("was added to #{name}"),
            now_ms,
        );
        let mut event = self.membership_event(user, channel, private);
        if let Some(inviter) = inviter {
            event["inviter"] = json!(inviter);
        }
        if self.bot_is_in(channel) {
            self.raise("member_joined_channel", private, event, now_ms);
        }
        Ok(())
    }

    /// Takes a user out of a channel: by leaving, or removed by somebody.
    pub fn leave(&mut self, user: &str, channel: &str, by: Option<&str>, now_ms: u64) -> Result<(), Refusal> {
        let place = self.world.channel(channel).filter(|channel| channel.kind != ChannelKind::Direct);
        let place = place.ok_or("channel_not_found")?;
        if !place.has(user) {
            return Err("not_in_channel");
        }
        if place.archived {
            return Err("is_archived");
        }
        let standing = self.world.user(user).map(|user| user.standing);
        let may_go = matches!(standing, Some(Standing::Guest | Standing::SingleChannelGuest | Standing::Bot));
        if place.name == "general" && !may_go {
            return Err(if by.is_some() { "cant_kick_from_general" } else { "cant_leave_general" });
        }
        let (name, private) = (place.name.clone(), !place.is_public());
        if let Some(channel) = self.world.channel_mut(channel) {
            channel.members.retain(|member| member != user);
        }
        self.notice(
            channel,
            user,
            by,
            &format!("left #{name}"),
            &format!("was removed from #{name}"),
            now_ms,
        );
        if user == self.world.app.bot_user {
            // The app is not told of its own leaving as of anybody else's.
            let kind = if private { "group_left" } else { "channel_left" };
            self.raise(kind, private, json!({"channel": channel, "actor_id": by}), now_ms);
        } else if self.bot_is_in(channel) {
            let event = self.membership_event(user, channel, private);
            self.raise("member_left_channel", private, event, now_ms);
        }
        Ok(())
    }

    fn membership_event(&self, user: &str, channel: &str, private: bool) -> Value {
        let team = self.world.user(user).map_or(Some(&self.world.team.id), |user| user.team.as_ref());
        json!({"user": user, "channel": channel, "channel_type": if private { "G" } else { "C" }, "team": team})
    }

    fn bot_is_in(&self, channel: &str) -> bool {
        self.world.channel(channel).is_some_and(|channel| channel.has(&self.world.app.bot_user))
    }

    /// The line in a channel about who came or went.
    fn notice(
        &mut self,
        channel: &str,
        user: &str,
        by: Option<&str>,
        alone: &str,
        passive: &str,
        now_ms: u64,
    ) {
        let text = match by.and_then(|by| self.world.user(by)) {
            Some(by) => format!("{passive} by {}.", by.real_name),
            None => format!("{alone}."),
        };
        self.post(
            Draft {
                channel: channel.to_owned(),
                author: user.to_owned(),
                text,
                blocks: Vec::new(),
                files: Vec::new(),
                only_for: None,
                thread_ts: None,
                auto: Auto::NOTHING,
                origin: Origin::Notice,
            },
            now_ms,
        );
    }

    /// Makes a channel with its maker in it. New private channels have ids like public ones.
    pub fn create_channel(&mut self, name: &str, private: bool, creator: &str) -> Result<String, Refusal> {
        self.check_name(name)?;
        self.world.user(creator).filter(|user| !user.deleted).ok_or("user_not_found")?;
        let id = format!("C0N{:06}", self.serial());
        self.world.channels.push(Channel {
            id: id.clone(),
            name: name.to_owned(),
            kind: if private { ChannelKind::Private } else { ChannelKind::Public },
            archived: false,
            shared_externally: false,
            members: vec![creator.to_owned()],
            topic: String::new(),
        });
        Ok(id)
    }

    fn check_name(&self, name: &str) -> Result<(), Refusal> {
        if name.is_empty() {
            return Err("invalid_name_required");
        }
        if name.chars().count() > CHANNEL_NAME {
            return Err("invalid_name_maxlength");
        }
        if !name.chars().all(|c| (c.is_alphanumeric() && !c.is_uppercase()) || "-_".contains(c)) {
            return Err("invalid_name_specials");
        }
        let taken = self.world.channels.iter().any(|channel| channel.name == name);
        if taken { Err("name_taken") } else { Ok(()) }
    }

    /// Archives a channel or brings it back. Its members stay.
    pub fn set_archived(
        &mut self,
        channel: &str,
        archived: bool,
        by: &str,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let place = self.world.channel_mut(channel).filter(|channel| channel.kind != ChannelKind::Direct);
        let place = place.ok_or("channel_not_found")?;
        if place.archived == archived {
            return Err(if archived { "already_archived" } else { "not_archived" });
        }
        if place.name == "general" {
            return Err("cant_archive_general");
        }
        place.archived = archived;
        let name = place.name.clone();
        let (kind, line) = if archived {
            ("archive", format!("archived #{name}"))
        } else {
            ("unarchive", format!("unarchived #{name}"))
        };
        self.notice(channel, by, None, &line, "", now_ms);
        self.raise_in(channel, kind, json!({"channel": channel, "user": by}), now_ms);
        Ok(())
    }

    /// Raises `channel_<what>` or `group_<what>`, if the bot is there.
    fn raise_in(&mut self, channel: &str, what: &str, event: Value, now_ms: u64) {
        let private = self.world.channel(channel).is_some_and(|channel| !channel.is_public());
        if self.bot_is_in(channel) {
            let prefix = if private { "group" } else { "channel" };
            self.raise(&format!("{prefix}_{what}"), private, event, now_ms);
        }
    }

    pub fn delete_channel(&mut self, channel: &str, by: &str, now_ms: u64) -> Result<(), Refusal> {
        let place = self.world.channel(channel).filter(|channel| channel.kind != ChannelKind::Direct);
        if place.ok_or("channel_not_found")?.name == "general" {
            return Err("cant_delete_general");
        }
        self.raise_in(channel, "deleted", json!({"channel": channel, "actor_id": by}), now_ms);
        self.world.channels.retain(|known| known.id != channel);
        self.messages.retain(|message| message.channel != channel);
        Ok(())
    }

    pub fn rename_channel(&mut self, channel: &str, name: &str, now_ms: u64) -> Result<(), Refusal> {
        self.check_name(name)?;
        self.world.channel_mut(channel).ok_or("channel_not_found")?.name = name.to_owned();
        let event = json!({"channel": {"id": channel, "name": name, "name_normalized": name,
            "created": super::world::CREATED}});
        self.raise_in(channel, "rename", event, now_ms);
        Ok(())
    }

    /// Makes a public channel private. It keeps its id, and apps are not told.
    pub fn convert_to_private(&mut self, channel: &str) -> Result<(), Refusal> {
        let place = self.world.channel_mut(channel).ok_or("channel_not_found")?;
        if place.kind != ChannelKind::Public {
            return Err("method_not_supported_for_channel_type");
        }
        place.kind = ChannelKind::Private;
        Ok(())
    }

    /// Gives a channel another id, as happens when channels of two workspaces become one.
    pub fn change_channel_id(&mut self, old: &str, new: &str, now_ms: u64) -> Result<(), Refusal> {
        if self.world.channel(new).is_some() {
            return Err("name_taken");
        }
        new.clone_into(&mut self.world.channel_mut(old).ok_or("channel_not_found")?.id);
        for message in self.messages.iter_mut().filter(|message| message.channel == old) {
            new.clone_into(&mut message.channel);
            if let Some(shown) = &mut message.shown {
                new.clone_into(&mut shown.channel);
            }
        }
        for url in self.response_urls.values_mut().filter(|url| url.channel == old) {
            new.clone_into(&mut url.channel);
        }
        if self.bot_is_in(new) {
            let event = json!({"old_channel_id": old, "new_channel_id": new});
            self.raise("channel_id_changed", false, event, now_ms);
        }
        Ok(())
    }

    pub fn create_user_group(
        &mut self,
        handle: &str,
        name: &str,
        members: &[String],
        now_ms: u64,
    ) -> Result<String, Refusal> {
        self.may_have_groups()?;
        let taken = self.world.user_groups.iter().any(|group| group.handle == handle);
        if taken || self.world.users.iter().any(|user| user.name == handle) {
            return Err("handle_already_exists");
        }
        self.check_people(members)?;
        let id = format!("S0N{:06}", self.serial());
        self.world.user_groups.push(UserGroup {
            id: id.clone(),
            handle: handle.to_owned(),
            name: name.to_owned(),
            disabled: false,
            members: members.to_vec(),
            updated: now_ms / 1000,
        });
        self.raise_group("subteam_created", &id, now_ms);
        Ok(id)
    }

    fn may_have_groups(&self) -> Result<(), Refusal> {
        if self.world.free_plan { Err("plan_upgrade_required") } else { Ok(()) }
    }

    fn check_people(&self, people: &[String]) -> Result<(), Refusal> {
        let known = |id: &String| self.world.user(id).is_some_and(|user| !user.deleted);
        if people.iter().all(known) { Ok(()) } else { Err("invalid_users") }
    }

    pub fn set_user_group_members(
        &mut self,
        id: &str,
        members: &[String],
        now_ms: u64,
    ) -> Result<(), Refusal> {
        self.may_have_groups()?;
        self.check_people(members)?;
        let now = now_ms / 1000;
        let team = self.world.team.id.clone();
        let group = self.world.user_groups.get_mut(id).ok_or("no_such_subteam")?;
        let added: Vec<_> = members.iter().filter(|id| !group.members.contains(id)).cloned().collect();
        let removed: Vec<_> = group.members.iter().filter(|id| !members.contains(id)).cloned().collect();
        let previous = std::mem::replace(&mut group.updated, now);
        group.members = members.to_vec();
        if added.is_empty() && removed.is_empty() {
            return Ok(());
        }
        // The counts are text.
        let event = json!({
            "subteam_id": id, "team_id": team, "date_previous_update": previous, "date_update": now,
            "added_users": added, "added_users_count": added.len().to_string(),
            "removed_users": removed, "removed_users_count": removed.len().to_string(),
        });
        self.raise("subteam_members_changed", false, event, now_ms);
        self.raise_group("subteam_updated", id, now_ms);
        Ok(())
    }

    /// Disables a user group, whose members stay on its list, or enables it again.
    pub fn set_user_group_disabled(&mut self, id: &str, disabled: bool, now_ms: u64) -> Result<(), Refusal> {
        self.may_have_groups()?;
        let group = self.world.user_groups.get_mut(id).ok_or("no_such_subteam")?;
        if group.disabled == disabled {
            return Err(if disabled { "already_disabled" } else { "already_enabled" });
        }
        group.disabled = disabled;
        group.updated = now_ms / 1000;
        self.raise_group("subteam_updated", id, now_ms);
        Ok(())
    }

    fn raise_group(&mut self, kind: &str, id: &str, now_ms: u64) {
        let Some(group) = self.world.user_group(id) else { return };
        let mut subteam = group_as_json(&self.world, group);
        subteam["user_count"] = json!(group.members.len());
        subteam["users"] = group.members.iter().take(GROUP_USERS).cloned().collect();
        self.raise(kind, false, json!({"subteam": subteam}), now_ms);
    }

    /// Deactivates an account or brings it back. Its memberships stay on the lists.
    pub fn set_deactivated(&mut self, user: &str, deleted: bool, now_ms: u64) -> Result<(), Refusal> {
        let who = self.world.user(user).ok_or("user_not_found")?;
        match who.standing {
            Standing::PrimaryOwner => return Err("cannot_perform_operation"),
            // Bots come and go with their app.
            Standing::Bot => return Err("invalid_user"),
            _ => {}
        }
        if who.deleted == deleted {
            return Err("not_allowed");
        }
        self.change_user(user, now_ms, |user| user.deleted = deleted)?;
        if deleted {
            self.close_all(user);
        }
        Ok(())
    }

    pub fn set_standing(&mut self, user: &str, standing: Standing, now_ms: u64) -> Result<(), Refusal> {
        let bot = self.world.user(user).ok_or("user_not_found")?.standing == Standing::Bot;
        if bot || standing == Standing::Bot {
            return Err("invalid_user");
        }
        self.change_user(user, now_ms, |user| user.standing = standing)
    }

    fn change_user(
        &mut self,
        id: &str,
        now_ms: u64,
        change: impl FnOnce(&mut super::world::User),
    ) -> Result<(), Refusal> {
        let user = self.world.user_mut(id).ok_or("user_not_found")?;
        change(user);
        user.updated = now_ms / 1000;
        let Some(user) = self.world.user(id) else { return Ok(()) };
        let event = json!({"user": as_json(&self.world, user), "cache_ts": now_ms / 1000});
        self.raise("user_change", false, event, now_ms);
        Ok(())
    }

    /// A person looks at the app: at its Home tab, or at the messages with it.
    pub fn open_app(&mut self, user: &str, tab: &str, now_ms: u64) -> Result<(), Refusal> {
        self.world.user(user).filter(|user| !user.deleted).ok_or("user_not_found")?;
        let mut event = json!({"user": user, "channel": direct_id(user), "tab": tab});
        if let Some(view) = self.home(user).filter(|_| tab == "home") {
            event["view"] = view.as_json(self);
        }
        self.raise("app_home_opened", false, event, now_ms);
        Ok(())
    }
}

impl FakeSlack {
    fn act<T>(&self, act: impl FnOnce(&mut State, u64) -> T) -> T {
        let now_ms = self.inner.clock.now_ms();
        self.inner.change(|state| act(state, now_ms))
    }

    fn bot(&self) -> String {
        self.inner.read(|state| state.world.app.bot_user.clone())
    }

    /// A user joins a channel.
    pub fn join(&self, user: &str, channel: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.join(user, channel, None, now_ms))
    }

    /// Somebody adds a user to a channel.
    pub fn invite(&self, by: &str, user: &str, channel: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.join(user, channel, Some(by), now_ms))
    }

    /// A user leaves a channel.
    pub fn leave(&self, user: &str, channel: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.leave(user, channel, None, now_ms))
    }

    /// Somebody removes a user from a channel.
    pub fn remove(&self, by: &str, user: &str, channel: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.leave(user, channel, Some(by), now_ms))
    }

    /// Somebody adds the app's bot to a channel.
    pub fn invite_bot(&self, by: &str, channel: &str) -> Result<(), Refusal> {
        self.invite(by, &self.bot(), channel)
    }

    /// Somebody removes the app's bot from a channel.
    pub fn remove_bot(&self, by: &str, channel: &str) -> Result<(), Refusal> {
        self.remove(by, &self.bot(), channel)
    }

    /// Makes a channel with its maker as the only member. Returns its id.
    pub fn create_channel(&self, name: &str, private: bool, creator: &str) -> Result<String, Refusal> {
        self.act(|state, _| state.create_channel(name, private, creator))
    }

    /// Archives a channel. Its members stay.
    pub fn archive(&self, by: &str, channel: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.set_archived(channel, true, by, now_ms))
    }

    /// Brings an archived channel back.
    pub fn unarchive(&self, by: &str, channel: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.set_archived(channel, false, by, now_ms))
    }

    /// Deletes a channel with its messages.
    pub fn delete_channel(&self, by: &str, channel: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.delete_channel(channel, by, now_ms))
    }

    /// Gives a channel another name.
    pub fn rename_channel(&self, channel: &str, name: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.rename_channel(channel, name, now_ms))
    }

    /// Makes a public channel private. It keeps its id, and the app is not told.
    pub fn convert_to_private(&self, channel: &str) -> Result<(), Refusal> {
        self.act(|state, _| state.convert_to_private(channel))
    }

    /// Gives a channel another id.
    pub fn change_channel_id(&self, old: &str, new: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.change_channel_id(old, new, now_ms))
    }

    /// Makes a user group. Returns its id.
    pub fn create_usergroup(&self, handle: &str, name: &str, members: &[&str]) -> Result<String, Refusal> {
        self.act(|state, now_ms| state.create_user_group(handle, name, &owned(members), now_ms))
    }

    /// Says who is in a user group from now on.
    pub fn set_usergroup_members(&self, id: &str, members: &[&str]) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.set_user_group_members(id, &owned(members), now_ms))
    }

    /// Disables a user group. Its members stay on its list.
    pub fn disable_usergroup(&self, id: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.set_user_group_disabled(id, true, now_ms))
    }

    /// Enables a disabled user group.
    pub fn enable_usergroup(&self, id: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.set_user_group_disabled(id, false, now_ms))
    }

    /// Deactivates an account. It stays on the lists of its channels and user groups.
    pub fn deactivate(&self, user: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.set_deactivated(user, true, now_ms))
    }

    /// Brings a deactivated account back.
    pub fn reactivate(&self, user: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.set_deactivated(user, false, now_ms))
    }

    /// Changes what the workspace lets a person do.
    pub fn set_standing(&self, user: &str, standing: Standing) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.set_standing(user, standing, now_ms))
    }

    /// Makes a person a guest.
    pub fn set_guest(&self, user: &str) -> Result<(), Refusal> {
        self.set_standing(user, Standing::Guest)
    }

    /// Makes a person an administrator.
    pub fn make_admin(&self, user: &str) -> Result<(), Refusal> {
        self.set_standing(user, Standing::Admin)
    }

    /// Makes a person a member like most.
    pub fn make_member(&self, user: &str) -> Result<(), Refusal> {
        self.set_standing(user, Standing::Member)
    }

    /// A person changes the shown name, which apps are told of like of everything else in a profile.
    pub fn rename_user(&self, user: &str, real_name: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| {
            state.change_user(user, now_ms, |user| real_name.clone_into(&mut user.real_name))
        })
    }

    /// A person opens the app's Home tab.
    pub fn open_home(&self, user: &str) -> Result<(), Refusal> {
        self.act(|state, now_ms| state.open_app(user, "home", now_ms))
    }

    /// An administrator takes the app out of the workspace.
    pub fn uninstall(&self) {
        self.act(State::uninstall);
    }

    /// Moves the fake's clock forward.
    pub fn advance(&self, by: Duration) {
        self.inner.clock.advance(by);
        // Whoever looks at the time or waits for it looks again.
        self.inner.change(|_| ());
    }
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}
