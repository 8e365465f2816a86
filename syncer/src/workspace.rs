//! A workspace as its bot sees it: the token, and the methods that tell who and what there is.
//!
//! Slack's limits are kept by obeying `Retry-After`: one method waits while the others go on.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::ids::{TenantId, UserId};
use shared::installation::InstallationState;
use shared::person::Person;
use shared::retry::tried;
use shared::secret::Secret;
use shared::slack::{Args, NextPage, SlackError};
use tokio::time::Instant;

use crate::Syncer;
use crate::batch::Retry;

/// How long a question of one command may take, waits included.
pub const ASKING_TIME: Duration = Duration::from_secs(90);

/// How many channels or users a page has.
const PAGE: &str = "200";

/// A workspace that has the app.
pub struct Workspace<'a> {
    pub(crate) slack: &'a shared::slack::Client,
    pub(crate) tenant: TenantId,
    pub(crate) token: Secret<String>,
    /// The bot's own user.
    pub bot_user: String,
}

/// A channel as Slack describes it. A flag that Slack leaves out is not set.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are named and documented by Slack's conversation object")]
pub struct Channel {
    pub id: String,
    pub name: String,
    pub is_private: bool,
    pub is_im: bool,
    pub is_mpim: bool,
    pub is_archived: bool,
    pub is_ext_shared: bool,
    pub is_pending_ext_shared: bool,
}

/// A user group as Slack describes it.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are named and documented by Slack's usergroup object")]
pub struct Usergroup {
    pub id: String,
    pub handle: String,
    pub is_external: bool,
    /// Not 0 if it is switched off.
    pub date_delete: u64,
    pub users: Vec<String>,
}

impl Syncer {
    /// The workspace, unless it does not have the app any more.
    ///
    /// # Errors
    /// When that cannot be told now.
    pub(crate) async fn workspace(&self, tenant: &TenantId) -> Result<Option<Workspace<'_>>, Retry> {
        let installation = self.tables.installation(tenant).await?;
        let Some(installation) = installation.filter(|one| one.state == InstallationState::Active) else {
            tracing::warn!(tenant.id = %tenant, "the app is not installed");
            return Ok(None);
        };
        let token = self.tokens.token(&self.tables, &self.slack, &installation).await?;
        let bot_user = installation.bot_user_id;
        Ok(Some(Workspace { slack: &self.slack, tenant: tenant.clone(), token, bot_user }))
    }
}

impl Workspace<'_> {
    /// Who `user` is.
    pub async fn person(&self, user: &UserId, until: Instant) -> Result<Person, SlackError> {
        tried(until, || self.slack.person(&self.token, user)).await
    }

    /// One channel.
    pub async fn channel(&self, id: &str, until: Instant) -> Result<Channel, SlackError> {
        #[derive(Deserialize)]
        struct Found {
            channel: Channel,
        }
        let args = [("channel", id)];
        let found: Found = self.ask("conversations.info", &args, until).await?;
        Ok(found.channel)
    }

    /// All channels that the bot can see. Stops at a page after which `enough` holds.
    pub async fn channels(
        &self,
        until: Instant,
        mut enough: impl FnMut(&[Channel]) -> bool,
    ) -> Result<Vec<Channel>, SlackError> {
        #[derive(Deserialize)]
        struct List {
            channels: Vec<Channel>,
            #[serde(default)]
            response_metadata: NextPage,
        }
        let (mut channels, mut cursor) = (Vec::new(), String::new());
        loop {
            let args = [
                ("types", "public_channel,private_channel"),
                ("limit", PAGE),
                ("team_id", self.tenant.as_str()),
                ("cursor", &cursor),
            ];
            let page: List = self.ask("conversations.list", &args, until).await?;
            channels.extend(page.channels);
            match page.response_metadata.next() {
                Some(next) if !enough(&channels) => cursor = next,
                _ => return Ok(channels),
            }
        }
    }

    /// Everybody in a channel.
    pub async fn members(&self, channel: &str, until: Instant) -> Result<Vec<String>, SlackError> {
        let (mut members, mut cursor) = (Vec::new(), String::new());
        loop {
            let (page, next) = tried(until, || self.slack.members(&self.token, channel, &cursor)).await?;
            members.extend(page);
            match next {
                Some(next) => cursor = next,
                None => return Ok(members),
            }
        }
    }

    /// All user groups, those that are switched off as well, with their members if `members` says so.
    pub async fn usergroups(&self, members: bool, until: Instant) -> Result<Vec<Usergroup>, SlackError> {
        #[derive(Deserialize)]
        struct List {
            usergroups: Vec<Usergroup>,
        }
        let members = if members { "true" } else { "false" };
        let args =
            [("include_users", members), ("include_disabled", "true"), ("team_id", self.tenant.as_str())];
        let list: List = self.ask("usergroups.list", &args, until).await?;
        Ok(list.usergroups)
    }

    /// Everybody in the workspace.
    pub async fn people(&self, until: Instant) -> Result<Vec<Person>, SlackError> {
        #[derive(Deserialize)]
        struct List {
            members: Vec<Person>,
            #[serde(default)]
            response_metadata: NextPage,
        }
        let (mut people, mut cursor) = (Vec::new(), String::new());
        loop {
            let args = [("limit", PAGE), ("team_id", self.tenant.as_str()), ("cursor", &cursor)];
            let page: List = self.ask("users.list", &args, until).await?;
            people.extend(page.members);
            match page.response_metadata.next() {
                Some(next) => cursor = next,
                None => return Ok(people),
            }
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        args: &[(&str, &str)],
        until: Instant,
    ) -> Result<T, SlackError> {
        tried(until, || self.slack.call(&self.token, method, Args::form(args))).await
    }
}
