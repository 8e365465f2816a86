//! Who and what exists in the fake workspace: team, people, channels, user groups and the installed app.

use std::collections::BTreeSet;

use super::roster::{Identified, Roster};

/// A whole workspace. Build one with [`World::demo`] or [`World::large`] and change its public fields, or write one out.
#[derive(Debug, Clone)]
pub struct World {
    /// The workspace.
    pub team: Team,
    /// The one app that can be installed in it.
    pub app: App,
    /// Everybody, the app's bot user included.
    pub users: Roster<User>,
    /// Public and private channels. Direct messages with the app come into being when they are first used.
    pub channels: Roster<Channel>,
    /// User groups; Slack offers them on paid plans only.
    pub user_groups: Roster<UserGroup>,
    /// A workspace on the free plan answers the `usergroups.*` methods with `plan_upgrade_required`.
    pub free_plan: bool,
    /// Whether everything that is sent to the app has fields that nobody documents yet.
    pub unknown_fields: bool,
}

/// Gives every object in a value a field that nobody knows.
pub(crate) fn add_unknown_fields(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.values_mut().for_each(add_unknown_fields);
            fields.insert("x_of_tomorrow".into(), serde_json::json!({ "version": [2, null] }));
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(add_unknown_fields),
        _ => {}
    }
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

/// Slack's side of an app: its settings, and its installation if it has one.
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
    /// Names the app at installation.
    pub client_id: String,
    /// Proves to Slack who redeems a code or a refresh token. [`super::FakeSlack::start`] makes one up if it is empty.
    pub client_secret: String,
    /// Where people may be sent after the consent page. What starts with a slash is below the request URL base.
    pub redirect_urls: Vec<String>,
    /// What is asked for when the installation begins on Slack's own pages.
    pub scopes: BTreeSet<String>,
    /// Those of its scopes that the installing person may decline.
    pub optional_scopes: BTreeSet<String>,
    /// Whether tokens expire after 12 hours and come with a refresh token. Slack lets nobody switch it off again.
    pub token_rotation: bool,
    /// Whether the client's secret is taken from the header of HTTP Basic only, as Slack recommends, and not from the form.
    pub basic_only: bool,
    /// What `oauth.v2.access` answers otherwise than it would: for what few workspaces ever see.
    pub oauth_answer: serde_json::Map<String, serde_json::Value>,
    /// `None` while nobody has installed the app.
    pub installation: Option<Installation>,
    /// Every token that Slack would recognise, dead ones included. [`super::FakeSlack::start`] adds the bot token.
    pub tokens: Vec<Token>,
    /// Its slash commands.
    pub commands: Vec<Command>,
    /// Where its "Add to Slack" page is, below the request URL base.
    pub install_path: String,
    /// Where Events API requests go, below the request URL base.
    pub events_path: String,
    /// Where presses of buttons and submissions of forms go, below the request URL base.
    pub interactive_path: String,
    /// Where the options of external selects are asked for, below the request URL base.
    pub options_path: String,
    /// The events that it subscribes to.
    pub bot_events: BTreeSet<String>,
    /// Whether it has a Home tab.
    pub home_tab: bool,
    /// Whether it is told over WebSockets that it opens, instead of at its request URLs. It needs a token of
    /// [`TokenState::App`] with the scope `connections:write` then.
    pub socket_mode: bool,
}

/// That an app is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// User id of who allowed it last.
    pub by: String,
    /// Every scope that was ever granted: scopes add up over installations.
    pub scopes: BTreeSet<String>,
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
    /// A working app-level token, which opens connections and does nothing else.
    App,
    /// A user token: `not_allowed_token_type`.
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
    /// Home workspace; another one's for people met in shared channels. `None` is told as null.
    pub team: Option<String>,
    /// Unix seconds of the last change.
    pub updated: u64,
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
    /// Unix seconds of the last change.
    pub updated: u64,
}

impl Identified for User {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Channel {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for UserGroup {
    fn id(&self) -> &str {
        &self.id
    }
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

/// Those of [`APP_SCOPES`] that can be declined.
pub const OPTIONAL_SCOPES: [&str; 2] = ["files:read", "reactions:write"];

/// The events that the app subscribes to.
pub const BOT_EVENTS: [&str; 20] = [
    "app_home_opened",
    "app_uninstalled",
    "tokens_revoked",
    "member_joined_channel",
    "member_left_channel",
    "channel_archive",
    "channel_unarchive",
    "channel_deleted",
    "channel_rename",
    "channel_left",
    "channel_id_changed",
    "group_archive",
    "group_unarchive",
    "group_deleted",
    "group_left",
    "group_rename",
    "subteam_created",
    "subteam_members_changed",
    "subteam_updated",
    "user_change",
];

/// When everything in a new world was made and last changed, in Unix seconds.
pub const CREATED: u64 = 1_700_000_000;

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
            team: Some(team.into()),
            updated: CREATED,
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
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
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
                client_id: "1000000001.2000000002".into(),
                client_secret: String::new(),
                redirect_urls: vec!["/slack/oauth/callback".into()],
                scopes: names(&APP_SCOPES),
                optional_scopes: names(&OPTIONAL_SCOPES),
                token_rotation: false,
                basic_only: false,
                oauth_answer: serde_json::Map::new(),
                installation: None,
                tokens: Vec::new(),
                commands: vec![
                    command("/alfred-invoke", "Run an AWS CLI command", "aws ec2 describe-instances"),
                    command("/alfred", "Yourself and your jobs", "help | whoami | status <job> | history"),
                    command(
                        "/alfred-sync",
                        "Read who is in the mapped channels",
                        "start | status | every 5m",
                    ),
                    command(
                        "/alfred-admin",
                        "Map channels and groups to roles",
                        "add | remove | list | help",
                    ),
                ],
                install_path: "/install".into(),
                events_path: "/slack/events".into(),
                interactive_path: "/slack/interactive".into(),
                options_path: "/slack/options".into(),
                bot_events: names(&BOT_EVENTS),
                home_tab: true,
                socket_mode: false,
            },
            users: vec![
                user("U0ANNA", "anna", "Anna Azarova", Standing::Admin),
                user("U0BEN", "ben", "Ben Okafor", Standing::Member),
                user("U0CLEO", "cleo", "Cleo Marchetti", Standing::Member),
                user("U0DAN", "dan", "Dan Lindqvist", Standing::Member),
                user("U0GUEST", "gus", "Gus Guest", Standing::Guest),
                user("U0ALFRED", "alfredbot", "Alfredbot", Standing::Bot),
            ]
            .into(),
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
            ]
            .into(),
            user_groups: vec![UserGroup {
                id: "S0SRE".into(),
                handle: "sre".into(),
                name: "Site reliability".into(),
                disabled: false,
                members: vec!["U0ANNA".into()],
                updated: CREATED,
            }]
            .into(),
            free_plan: false,
            unknown_fields: false,
        }
    }

    /// The demo's workspace with `users` people more, `U1000000` and so on, and `channels` public channels more,
    /// `C1000000` and so on. The bot is in each of these, with `members` of the people in each, so that everybody is
    /// in about equally many.
    pub fn large(users: usize, channels: usize, members: usize) -> Self {
        let mut world = Self::demo();
        let team = world.team.id.clone();
        let id = |letter: char, number: usize| format!("{letter}{}", 1_000_000 + number);
        world.users.extend((0..users).map(|number| User {
            id: id('U', number),
            name: format!("person{number}"),
            real_name: format!("Person {number}"),
            standing: Standing::Member,
            deleted: false,
            team: Some(team.clone()),
            updated: CREATED,
        }));
        let bot = world.app.bot_user.clone();
        let people = |channel: usize| {
            // One after another around the circle of all people.
            let place = move |member: usize| (channel * members + member) % users.max(1);
            (0..members.min(users)).map(move |member| id('U', place(member)))
        };
        world.channels.extend((0..channels).map(|number| Channel {
            id: id('C', number),
            name: format!("channel{number}"),
            kind: ChannelKind::Public,
            archived: false,
            shared_externally: false,
            members: std::iter::once(bot.clone()).chain(people(number)).collect(),
            topic: String::new(),
        }));
        world
    }

    /// The user with this id.
    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.get(id)
    }

    /// The user with this id, to be changed.
    pub fn user_mut(&mut self, id: &str) -> Option<&mut User> {
        self.users.get_mut(id)
    }

    /// The conversation with this id.
    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.get(id)
    }

    /// The conversation with this id, to be changed.
    pub fn channel_mut(&mut self, id: &str) -> Option<&mut Channel> {
        self.channels.get_mut(id)
    }

    /// The user group with this id.
    pub fn user_group(&self, id: &str) -> Option<&UserGroup> {
        self.user_groups.get(id)
    }

    /// The user whose direct messages with the app have this id, open or not.
    pub fn user_of_direct(&self, channel: &str) -> Option<&User> {
        let rest = channel.strip_prefix('D')?;
        ["U", "W"].iter().find_map(|letter| self.user(&format!("{letter}{rest}")))
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
    /// The name that apps are given: that of a private channel is hidden.
    pub fn name_for_apps(&self) -> &str {
        match self.kind {
            ChannelKind::Public => &self.name,
            ChannelKind::Private => "privategroup",
            ChannelKind::Direct => "directmessage",
        }
    }

    /// Whether the app can see it without being in it.
    pub fn is_public(&self) -> bool {
        self.kind == ChannelKind::Public
    }

    /// Whether the user is a member.
    pub fn has(&self, user: &str) -> bool {
        self.members.iter().any(|member| member == user)
    }
}
