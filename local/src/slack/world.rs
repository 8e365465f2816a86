//! Who and what exists in the fake workspace: team, people, channels, user groups and the installed app.

use std::collections::BTreeSet;

/// A whole workspace. Build one with [`World::demo`] and change its public fields, or write one out.
#[derive(Debug, Clone)]
pub struct World {
    /// The workspace.
    pub team: Team,
    /// The one app that is installed in it.
    pub app: App,
    /// Everybody, the app's bot user included.
    pub users: Vec<User>,
    /// Public and private channels. Direct messages with the app come into being when they are first used.
    pub channels: Vec<Channel>,
    /// User groups; Slack offers them on paid plans only.
    pub user_groups: Vec<UserGroup>,
    /// A workspace on the free plan answers the `usergroups.*` methods with `plan_upgrade_required`.
    pub free_plan: bool,
}

/// A workspace.
#[derive(Debug, Clone)]
pub struct Team {
    /// `T…`.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// First label of its slack.com host name.
    pub domain: String,
    /// The Enterprise organisation that it belongs to: id and name.
    pub enterprise: Option<(String, String)>,
}

/// Slack's side of an installed app.
#[derive(Debug, Clone)]
pub struct App {
    /// `A…`.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// User id of its bot user.
    pub bot_user: String,
    /// `B…`.
    pub bot_id: String,
    /// Key of the request signatures. [`super::FakeSlack::start`] fills it in.
    pub signing_secret: String,
    /// The deprecated `token` field of its requests.
    pub verification_token: String,
    /// Every token that Slack would recognise, dead ones included. [`super::FakeSlack::start`] adds the bot token.
    pub tokens: Vec<Token>,
    /// Its slash commands.
    pub commands: Vec<Command>,
    /// Where Events API requests go, below the request URL base.
    pub events_path: String,
}

/// A token that the fake recognises. Any other is answered `invalid_auth`.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token itself.
    pub value: String,
    /// What Slack made of it.
    pub state: TokenState,
    /// Granted scopes.
    pub scopes: BTreeSet<String>,
    /// Unix seconds from which it answers `token_expired` (12 hours after issue, with token rotation).
    pub expires_at: Option<u64>,
}

/// Whether a token works, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// A working bot token.
    Bot,
    /// A user or app-level token: `not_allowed_token_type`.
    OtherType,
    /// Revoked: `token_revoked`.
    Revoked,
    /// The account or workspace behind it is gone: `account_inactive`.
    Inactive,
}

/// A slash command of the app.
#[derive(Debug, Clone)]
pub struct Command {
    /// With its slash.
    pub name: String,
    /// Where its requests go, below the request URL base.
    pub path: String,
    /// Shown in the composer's completion.
    pub description: String,
    /// Shown after the command in the completion.
    pub usage_hint: String,
    /// Whether typed mentions, channels and links arrive as `<…>` entities.
    pub should_escape: bool,
}

/// A person or bot.
#[derive(Debug, Clone)]
pub struct User {
    /// `U…` or `W…`.
    pub id: String,
    /// Handle, typed after `@`.
    pub name: String,
    /// Name shown to people.
    pub real_name: String,
    /// What the workspace lets them do.
    pub standing: Standing,
    /// Deactivated accounts stay readable but can do nothing.
    pub deleted: bool,
    /// Home workspace; another one's for people met in shared channels.
    pub team: String,
}

/// What a workspace lets a user do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The owner who cannot be removed.
    PrimaryOwner,
    /// An owner.
    Owner,
    /// An administrator.
    Admin,
    /// A full member.
    Member,
    /// A guest in several channels (`is_restricted`).
    Guest,
    /// A guest in one channel (`is_ultra_restricted`, and `is_restricted` as well).
    SingleChannelGuest,
    /// Somebody from another workspace, met in a shared channel.
    Stranger,
    /// A bot user.
    Bot,
}

/// A conversation.
#[derive(Debug, Clone)]
pub struct Channel {
    /// `C…`, `G…` or, for direct messages, `D…`.
    pub id: String,
    /// Without the `#`.
    pub name: String,
    /// Who can find it.
    pub kind: ChannelKind,
    /// Archived channels can be read but not written to.
    pub archived: bool,
    /// Whether it is shared with another workspace.
    pub shared_externally: bool,
    /// Ids of its members, the bot's included where it was invited.
    pub members: Vec<String>,
    /// What it is for.
    pub topic: String,
}

/// Who can find a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// Everybody.
    Public,
    /// Its members.
    Private,
    /// A person and the app.
    Direct,
}

/// A user group.
#[derive(Debug, Clone)]
pub struct UserGroup {
    /// `S…`.
    pub id: String,
    /// Typed after `@`.
    pub handle: String,
    /// Name shown to people.
    pub name: String,
    /// Disabled groups keep their members but are listed only on request.
    pub disabled: bool,
    /// Ids of its members.
    pub members: Vec<String>,
}

/// The scopes that the app asks for at installation.
pub const APP_SCOPES: [&str; 9] = [
    "commands",
    "chat:write",
    "channels:read",
    "groups:read",
    "usergroups:read",
    "users:read",
    "files:write",
    "files:read",
    "reactions:write",
];

impl World {
    /// The workspace of the local run: Anna (administrator, user group `@sre`), Ben (`#ops`), Cleo (private
    /// `#prod-admins`), Dan (no mapped channel) and a guest.
    pub fn demo() -> Self {
        let team = "T0ALFRED1";
        let user = |id: &str, name: &str, real_name: &str, standing| User {
            id: id.into(),
            name: name.into(),
            real_name: real_name.into(),
            standing,
            deleted: false,
            team: team.into(),
        };
        let channel = |id: &str, name: &str, kind, members: &[&str], topic: &str| Channel {
            id: id.into(),
            name: name.into(),
            kind,
            archived: false,
            shared_externally: false,
            members: members.iter().map(|id| (*id).into()).collect(),
            topic: topic.into(),
        };
        let command = |name: &str, description: &str, usage_hint: &str| Command {
            name: name.into(),
            path: "/slack/commands".into(),
            description: description.into(),
            usage_hint: usage_hint.into(),
            should_escape: true,
        };
        Self {
            team: Team {
                id: team.into(),
                name: "Wayne Cloud".into(),
                domain: "wayne-cloud".into(),
                enterprise: None,
            },
            app: App {
                id: "A0ALFRED1".into(),
                name: "Alfredbot".into(),
                bot_user: "U0ALFRED".into(),
                bot_id: "B0ALFRED1".into(),
                signing_secret: String::new(),
                verification_token: "deprecated-verification-token".into(),
                tokens: Vec::new(),
                commands: vec![
                    command("/alfred-invoke", "Run an AWS CLI command", "aws ec2 describe-instances"),
                    command("/alfred", "Yourself and your jobs", "help | whoami | status <job> | history"),
                ],
                events_path: "/slack/events".into(),
            },
            users: vec![
                user("U0ANNA", "anna", "Anna Azarova", Standing::Admin),
                user("U0BEN", "ben", "Ben Okafor", Standing::Member),
                user("U0CLEO", "cleo", "Cleo Marchetti", Standing::Member),
                user("U0DAN", "dan", "Dan Lindqvist", Standing::Member),
                user("U0GUEST", "gus", "Gus Guest", Standing::Guest),
                user("U0ALFRED", "alfredbot", "Alfredbot", Standing::Bot),
            ],
            channels: vec![
                channel(
                    "C0GENERAL",
                    "general",
                    ChannelKind::Public,
                    &["U0ANNA", "U0BEN", "U0CLEO", "U0DAN", "U0GUEST", "U0ALFRED"],
                    "Everybody is here",
                ),
                channel(
                    "C0OPS",
                    "ops",
                    ChannelKind::Public,
                    &["U0ANNA", "U0BEN", "U0GUEST", "U0ALFRED"],
                    "What runs where",
                ),
                channel(
                    "G0PROD",
                    "prod-admins",
                    ChannelKind::Private,
                    &["U0CLEO", "U0ALFRED"],
                    "Changes to production",
                ),
            ],
            user_groups: vec![UserGroup {
                id: "S0SRE".into(),
                handle: "sre".into(),
                name: "Site reliability".into(),
                disabled: false,
                members: vec!["U0ANNA".into()],
            }],
            free_plan: false,
        }
    }

    /// The user with this id.
    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// The conversation with this id.
    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    /// The conversation with this id, to be changed.
    pub fn channel_mut(&mut self, id: &str) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.id == id)
    }

    /// The direct messages between a user and the app, opened if they were not yet. Returns their id.
    pub fn open_direct(&mut self, user: &str) -> String {
        let id = direct_id(user);
        if self.channel(&id).is_none() {
            self.channels.push(Channel {
                id: id.clone(),
                name: String::new(),
                kind: ChannelKind::Direct,
                archived: false,
                shared_externally: false,
                members: vec![user.to_owned(), self.app.bot_user.clone()],
                topic: String::new(),
            });
        }
        id
    }
}

/// The id of the direct messages between a user and the app.
pub fn direct_id(user: &str) -> String {
    format!("D{}", user.get(1..).unwrap_or_default())
}

impl Channel {
    /// Whether the user is a member.
    pub fn has(&self, user: &str) -> bool {
        self.members.iter().any(|member| member == user)
    }
}
