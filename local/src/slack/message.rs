//! A message as Slack keeps it, and as one person sees it.

use serde::Serialize;
use serde_json::Value;

use super::mrkdwn::{self, Auto, Live};
use super::pieces::{self, Piece};
use super::world::World;

/// The author of what Slack itself says.
pub const SLACKBOT: &str = "USLACKBOT";

/// A message as Slack keeps it.
#[derive(Debug, Clone)]
pub struct Message {
    /// Seconds with six decimals; identifies the message in its channel and orders it.
    pub ts: String,
    /// Where.
    pub channel: String,
    /// User id.
    pub author: String,
    /// Top-level text: what is shown without blocks, and what notifications show with them.
    pub text: String,
    /// Validated blocks.
    pub blocks: Vec<Value>,
    /// Ids of the files that hang on it.
    pub files: Vec<String>,
    /// The one person who sees an ephemeral message.
    pub only_for: Option<String>,
    /// The message whose thread it is in.
    pub thread_ts: Option<String>,
    /// What in the top-level text becomes alive by itself.
    pub auto: Auto,
    /// Whether the app changed it after posting.
    pub edited: bool,
    /// Emoji on it.
    pub reactions: Vec<Reaction>,
    /// How it came in.
    pub origin: Origin,
    /// What it looks like.
    pub(crate) shown: Option<Shown>,
}

/// An emoji on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reaction {
    /// Without the colons.
    pub name: String,
    /// Ids of those who put it there.
    pub users: Vec<String>,
}

/// How a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A person typed it.
    Typed,
    /// The answer to a slash command's request.
    Ack,
    /// A post to a response_url.
    ResponseUrl,
    /// A method of the Web API.
    WebApi,
    /// Slack itself, about an app that did not answer.
    Slackbot,
    /// Slack itself, about who came and went.
    Notice,
}

/// A message as one person sees it.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Identifies the message in its channel.
    pub ts: String,
    /// Where.
    pub channel: String,
    /// User id of its author.
    pub author: String,
    /// The author's name as shown.
    pub author_name: String,
    /// Whether the author is the app.
    pub by_app: bool,
    /// Marked "Only visible to you".
    pub only_you: bool,
    /// Whether it was changed after posting.
    pub edited: bool,
    /// How it came in.
    pub origin: Origin,
    /// What is seen, from top to bottom.
    pub pieces: Vec<Piece>,
    /// What hangs on it.
    pub files: Vec<ShownFile>,
    /// Emoji on it.
    pub reactions: Vec<Reaction>,
    /// The top-level text as it was sent.
    #[serde(skip)]
    pub text: String,
    /// The blocks as they were sent.
    #[serde(skip)]
    pub blocks: Vec<Value>,
    /// Everything that notifies, links or leads somewhere, in what is seen and in the notification's text.
    #[serde(skip)]
    pub live: Vec<Live>,
}

/// A file as it hangs on a message.
#[derive(Debug, Clone, Serialize)]
pub struct ShownFile {
    /// `F…`
    pub id: String,
    /// File name.
    pub name: String,
    /// Title, shown above.
    pub title: String,
    /// By its name.
    pub mimetype: String,
    /// Bytes.
    pub size: usize,
}

impl Message {
    /// Whether the user sees it, being in its channel.
    pub fn visible_to(&self, user: &str) -> bool {
        self.only_for.as_deref().is_none_or(|only| only == user)
    }

    pub(crate) fn look(&self, world: &World, files: Vec<ShownFile>) -> Shown {
        let fallback = mrkdwn::parse(&self.text, self.auto, world);
        let mut live = pieces::live_in(&fallback);
        let pieces = if self.blocks.is_empty() {
            fallback
        } else {
            let pieces = pieces::of_blocks(&self.blocks, world);
            live.extend(pieces::live_in(&pieces));
            pieces
        };
        let author_name = match world.user(&self.author) {
            Some(user) => user.real_name.clone(),
            None => "Slackbot".to_owned(),
        };
        Shown {
            ts: self.ts.clone(),
            channel: self.channel.clone(),
            author: self.author.clone(),
            author_name,
            by_app: self.author == world.app.bot_user && self.origin != Origin::Notice,
            only_you: self.only_for.is_some(),
            edited: self.edited,
            origin: self.origin,
            pieces,
            files,
            reactions: self.reactions.clone(),
            text: self.text.clone(),
            blocks: self.blocks.clone(),
            live,
        }
    }
}

impl Shown {
    /// What a person sees, as lines of text: preformatted lines start with `│`, quotes with `>`.
    pub fn rendered(&self) -> String {
        let mut text = pieces::plain(&self.pieces);
        for file in &self.files {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&format!("[file: {}, {} bytes]", file.name, file.size));
            if file.title != file.name {
                text.push_str(&format!(" {}", file.title));
            }
        }
        for reaction in &self.reactions {
            text.push_str(&format!("\n[:{}: {}]", reaction.name, reaction.users.len()));
        }
        text
    }

    /// Who is notified by it.
    pub fn pings(&self) -> Vec<Live> {
        self.live.iter().filter(|live| live.pings()).cloned().collect()
    }

    /// The addresses that it links to.
    pub fn links(&self) -> Vec<String> {
        let url = |live: &Live| if let Live::Link { url } = live { Some(url.clone()) } else { None };
        self.live.iter().filter_map(url).collect()
    }
}
