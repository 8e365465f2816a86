//! From the name that an admin typed to Slack's own id, and whether what has it may be mapped.

use shared::ids::ChannelId;
use shared::mapping::MappingKind;
use shared::slack::SlackError;
use tokio::time::Instant;

use crate::workspace::{ASKING_TIME, Channel, Usergroup, Workspace};

/// What is to be mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Slack's id.
    pub id: String,
    /// Its name or handle.
    pub name: String,
}

/// Why a name cannot be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// Nothing that the bot can see has the name.
    #[error(
        "I cannot find a channel `{0}`. If it is private, invite the bot first: `/invite @alfredbot` in it."
    )]
    NoChannel(String),
    /// No user group has the handle.
    #[error("There is no user group `@{0}`.")]
    NoUsergroup(String),
    /// The kind is another.
    #[error("`#{name}` is {is}: write `{instead}` instead.")]
    OtherKind {
        /// Its name.
        name: String,
        /// What it is.
        is: &'static str,
        /// The word for it.
        instead: &'static str,
    },
    /// Nobody can be let in or out of it any more.
    #[error("`{0}` is archived or switched off, so it names nobody.")]
    Closed(String),
    /// People of other workspaces are in it.
    #[error("`{0}` is shared with other organisations, so it cannot be mapped to a role.")]
    External(String),
    /// It is no channel.
    #[error("`{0}` is a conversation of a few people; only channels and user groups can be mapped.")]
    Direct(String),
    /// Slack could not be asked.
    #[error("Slack did not say what `{0}` is: {1}. Try again in a minute.")]
    Unasked(String, SlackError),
}

impl Workspace<'_> {
    /// What `name` (or an id) stands for.
    ///
    /// # Errors
    /// Why it cannot be mapped.
    pub async fn resolve(&self, kind: MappingKind, name: &str) -> Result<Target, Unresolved> {
        let until = Instant::now() + ASKING_TIME;
        let unasked = |error| Unresolved::Unasked(name.to_owned(), error);
        // Slack's names are in lower case, whatever people write.
        let lower = name.to_lowercase();
        if kind == MappingKind::Usergroup {
            let groups = self.usergroups(false, until).await.map_err(unasked)?;
            let found = groups.into_iter().find(|group| group.id == name || group.handle == lower);
            return usergroup(found.ok_or_else(|| Unresolved::NoUsergroup(name.to_owned()))?);
        }
        let channel = if name.parse::<ChannelId>().is_ok() {
            match self.channel(name, until).await {
                Err(SlackError::Refused { code, .. }) if code == "channel_not_found" => None,
                found => Some(found.map_err(unasked)?),
            }
        } else {
            let has_name = |channel: &Channel| channel.name == lower;
            let channels = self.channels(until, |seen| seen.iter().any(has_name)).await.map_err(unasked)?;
            channels.into_iter().find(has_name)
        };
        self::channel(kind, channel.ok_or_else(|| Unresolved::NoChannel(name.to_owned()))?)
    }
}

fn usergroup(group: Usergroup) -> Result<Target, Unresolved> {
    let shown = format!("@{}", group.handle);
    if group.date_delete != 0 {
        Err(Unresolved::Closed(shown))
    } else if group.is_external {
        Err(Unresolved::External(shown))
    } else {
        Ok(Target { id: group.id, name: group.handle })
    }
}

fn channel(kind: MappingKind, channel: Channel) -> Result<Target, Unresolved> {
    let shown = format!("#{}", channel.name);
    let other = |is, instead| Err(Unresolved::OtherKind { name: channel.name.clone(), is, instead });
    if channel.is_im || channel.is_mpim {
        Err(Unresolved::Direct(shown))
    } else if channel.is_archived {
        Err(Unresolved::Closed(shown))
    } else if channel.is_ext_shared || channel.is_pending_ext_shared {
        Err(Unresolved::External(shown))
    } else if channel.is_private && kind == MappingKind::Channel {
        other("a private channel", "group")
    } else if !channel.is_private && kind == MappingKind::Group {
        other("a public channel", "channel")
    } else {
        Ok(Target { id: channel.id, name: channel.name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_channels_of_the_right_kind_are_mapped() {
        let base = Channel { id: "C1".into(), name: "ops".into(), ..Channel::default() };
        let target = Target { id: "C1".into(), name: "ops".into() };
        let private = Channel { is_private: true, ..base.clone() };
        assert_eq!(channel(MappingKind::Channel, base.clone()), Ok(target.clone()));
        assert_eq!(channel(MappingKind::Group, private.clone()), Ok(target));
        for (kind, refused, said) in [
            (MappingKind::Channel, private, "write `group` instead"),
            (MappingKind::Group, base.clone(), "write `channel` instead"),
            (MappingKind::Channel, Channel { is_archived: true, ..base.clone() }, "is archived"),
            (MappingKind::Channel, Channel { is_ext_shared: true, ..base.clone() }, "shared with other"),
            (
                MappingKind::Channel,
                Channel { is_pending_ext_shared: true, ..base.clone() },
                "shared with other",
            ),
            (MappingKind::Group, Channel { is_mpim: true, ..base.clone() }, "a few people"),
            (MappingKind::Group, Channel { is_im: true, ..base }, "a few people"),
        ] {
            let error = channel(kind, refused).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn only_open_user_groups_are_mapped() {
        let base = Usergroup { id: "S1".into(), handle: "sre".into(), ..Usergroup::default() };
        assert_eq!(usergroup(base.clone()), Ok(Target { id: "S1".into(), name: "sre".into() }));
        let off = usergroup(Usergroup { date_delete: 1_760_000_000, ..base.clone() });
        assert_eq!(off, Err(Unresolved::Closed("@sre".into())));
        let external = usergroup(Usergroup { is_external: true, ..base });
        assert_eq!(external, Err(Unresolved::External("@sre".into())));
    }
}
