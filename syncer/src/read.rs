//! Who Slack says is a member of what, and who of them may have a role at all.

use std::collections::{BTreeSet, HashMap, HashSet};

use shared::ids::UserId;
use shared::mapping::{Mapping, MappingKind};
use shared::slack::SlackError;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::workspace::{Channel, Usergroup, Workspace};

/// Up to how many channels are asked for one by one; more are listed with all others of the workspace.
pub const FEW_CHANNELS: usize = 40;

/// Up to how many people are asked for one by one in one mapping; for more, everybody is listed once.
pub const FEW_PEOPLE: usize = 20;

/// The members of a mapping, completely read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Slack's ids, of whatever kind of user.
    pub members: Vec<String>,
    /// When the read began: Unix milliseconds.
    pub began: u64,
}

/// What is there of the mapped channels and user groups: read once for a sync.
pub struct Scene {
    channels: HashMap<String, Channel>,
    /// Whether `channels` has every channel that the bot can see.
    listed: bool,
    usergroups: HashMap<String, Usergroup>,
    /// When the user groups were read: Unix milliseconds.
    usergroups_began: u64,
}

/// What a mapped channel or user group is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its members can be read. Its name now.
    Open(String),
    /// It must not grant any more, for this reason.
    Stopped(&'static str),
    /// It cannot be seen: what is known stays in force until it is too old.
    Unseen(&'static str),
}

impl Workspace<'_> {
    /// Reads what is there of what `mappings` name, with as few calls as possible: one for all user groups; and for
    /// channels one each if they are few, else the list of all.
    ///
    /// # Errors
    /// Why it could not be read.
    pub async fn scene(&self, mappings: &[Mapping], now: u64, until: Instant) -> Result<Scene, SlackError> {
        let (groups, channels): (Vec<_>, Vec<_>) =
            mappings.iter().partition(|mapping| mapping.kind == MappingKind::Usergroup);
        let usergroups = if groups.is_empty() { Vec::new() } else { self.usergroups(true, until).await? };
        let mut found = HashMap::new();
        let listed = channels.len() > FEW_CHANNELS;
        if listed {
            let mut missing: HashSet<&str> = channels.iter().map(|mapping| mapping.item.slack_id()).collect();
            let mut looked_at = 0;
            let all = self.channels(until, |seen| {
                for channel in &seen[looked_at..] {
                    missing.remove(channel.id.as_str());
                }
                looked_at = seen.len();
                missing.is_empty()
            });
            found.extend(all.await?.into_iter().map(|channel| (channel.id.clone(), channel)));
        } else {
            for mapping in channels {
                match self.channel(mapping.item.slack_id(), until).await {
                    Ok(channel) => drop(found.insert(channel.id.clone(), channel)),
                    Err(SlackError::Refused { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let usergroups = usergroups.into_iter().map(|group| (group.id.clone(), group)).collect();
        Ok(Scene { channels: found, listed, usergroups, usergroups_began: now })
    }

    /// The members of a mapping whose standing is open.
    ///
    /// # Errors
    /// Why they could not be read completely.
    pub async fn roster(
        &self,
        scene: &Scene,
        mapping: &Mapping,
        now: u64,
        until: Instant,
    ) -> Result<Roster, SlackError> {
        let id = mapping.item.slack_id();
        match mapping.kind {
            MappingKind::Usergroup => Ok(Roster {
                members: scene.usergroups.get(id).map(|group| group.users.clone()).unwrap_or_default(),
                began: scene.usergroups_began,
            }),
            MappingKind::Channel | MappingKind::Group => {
                Ok(Roster { members: self.members(id, until).await?, began: now })
            }
        }
    }
}

impl Scene {
    /// What the channel or user group of `mapping` is now.
    pub fn standing(&self, mapping: &Mapping) -> Standing {
        let id = mapping.item.slack_id();
        if mapping.kind == MappingKind::Usergroup {
            return match self.usergroups.get(id) {
                None => Standing::Unseen("the user group is not there"),
                Some(group) if group.date_delete != 0 => Standing::Stopped("the user group is switched off"),
                Some(group) if group.is_external => {
                    Standing::Stopped("the user group is shared with other organisations")
                }
                Some(group) => Standing::Open(group.handle.clone()),
            };
        }
        match self.channels.get(id) {
            None if self.listed => {
                Standing::Unseen("the bot cannot see the channel; `/invite @alfredbot` in it")
            }
            None => Standing::Unseen(
                "Slack does not show the channel; `/invite @alfredbot` in it if it is private",
            ),
            Some(channel) if channel.is_archived => Standing::Stopped("the channel is archived"),
            Some(channel) if channel.is_ext_shared || channel.is_pending_ext_shared => {
                Standing::Stopped("the channel is shared with other organisations")
            }
            Some(channel) if !channel.is_private && mapping.kind == MappingKind::Group => {
                Standing::Stopped("the private channel was made public, so everybody could join it")
            }
            Some(channel) => Standing::Open(channel.name.clone()),
        }
    }
}

/// Who may have a role. Everybody is asked for at most once in a sync.
#[derive(Default)]
pub struct People {
    known: Mutex<Known>,
}

/// Those of some members who may have a role.
pub struct Fit {
    /// Who.
    pub members: BTreeSet<UserId>,
    /// As of when that is known, of the one of whom it is known the longest: Unix milliseconds.
    pub as_of: u64,
}

#[derive(Default)]
struct Known {
    /// Whether somebody may, and as of when that is known.
    fit: HashMap<String, (bool, u64)>,
    listed: bool,
}

impl People {
    /// Those of `members` who may have a role: full members of the workspace. An answer that Slack gives now counts as
    /// of `now` (Unix milliseconds).
    ///
    /// # Errors
    /// Why it cannot be told.
    pub async fn fit(
        &self,
        workspace: &Workspace<'_>,
        members: &[String],
        now: u64,
        until: Instant,
    ) -> Result<Fit, SlackError> {
        let mut known = self.known.lock().await;
        let tenant = &workspace.tenant;
        let is_fit = |person: &shared::person::Person| person.full_member_of(tenant).is_ok();
        let unknown = members.iter().filter(|id| !known.fit.contains_key(*id)).count();
        if unknown > FEW_PEOPLE && !known.listed {
            for person in workspace.people(until).await? {
                let fit = is_fit(&person);
                known.fit.insert(person.id, (fit, now));
            }
            known.listed = true;
        }
        let mut fit = Fit { members: BTreeSet::new(), as_of: now };
        for id in members {
            let Ok(user) = id.parse::<UserId>() else { continue };
            let (may, as_of) = match known.fit.get(id) {
                Some(known) => *known,
                None => {
                    let may = match workspace.person(&user, until).await {
                        Ok(person) => is_fit(&person),
                        // Somebody whom Slack does not show is nobody's full member.
                        Err(SlackError::Refused { .. }) => false,
                        Err(error) => return Err(error),
                    };
                    known.fit.insert(id.clone(), (may, now));
                    (may, now)
                }
            };
            if may && user.as_str() != workspace.bot_user {
                fit.members.insert(user);
                fit.as_of = fit.as_of.min(as_of);
            }
        }
        Ok(fit)
    }
}
