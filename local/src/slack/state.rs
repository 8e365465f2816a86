//! Everything that the fake remembers, behind one lock, and the rules for adding to it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use serde_json::Value;

use super::delivery::ACK_TIMEOUT;
use super::events::Outbox;
use super::fault::Faults;
use super::installation::Desk;
use super::message::{Message, Origin, Shown, ShownFile};
use super::mrkdwn::Auto;
use super::socket_mode::Sockets;
use super::views::{Trigger, Views};
use super::world::World;

/// How a response_url that may no longer be used answers. Slack does not document it; all were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeadUrl {
    /// 404 with `{"ok":false,"error":"expired_url"}` or `used_url`.
    #[default]
    NotFoundJson,
    /// 410 with the word as text.
    GoneText,
    /// 200 with `{"ok":false,…}`.
    OkFalse,
}

/// One request that reached the Web API, a response_url or an upload address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method's name, or `response_url` or `upload`.
    pub place: String,
    /// Its error word or text, `None` for success.
    pub error: Option<String>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub world: World,
    pub request_url_base: String,
    /// How long the app may take to acknowledge.
    pub ack_timeout: Duration,
    pub messages: Vec<Message>,
    /// Every version of every message that the app ever put out, for tests that look for leaks.
    pub posted: Vec<Shown>,
    pub files: BTreeMap<String, File>,
    pub response_urls: HashMap<String, ResponseUrl>,
    pub triggers: HashMap<String, Trigger>,
    pub views: Views,
    pub desk: Desk,
    pub outbox: Outbox,
    pub sockets: Sockets,
    pub faults: Faults,
    pub dead_url: DeadUrl,
    pub rate_limits: bool,
    /// Unix milliseconds of the latest requests, by method (and channel, for posting).
    pub recent: HashMap<String, VecDeque<u64>>,
    pub short_pages: bool,
    pub calls: Vec<Call>,
    last_ts: u64,
    serial: u64,
}

/// A file on its way in or in place.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub id: String,
    pub name: String,
    pub title: String,
    pub alt_text: Option<String>,
    /// What the app announced, in bytes.
    pub length: usize,
    pub secret: String,
    pub bytes: Option<Vec<u8>>,
    pub completed: bool,
    pub created: u64,
    /// Channel and message `ts` of each place where it was shared.
    pub shares: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct ResponseUrl {
    pub user: String,
    pub channel: String,
    /// The message whose element was pressed, which it may replace or delete. A command has none.
    pub message: Option<String>,
    pub created_ms: u64,
    pub uses: u32,
}

/// What a new message consists of.
#[derive(Debug)]
pub(crate) struct Draft {
    pub channel: String,
    pub author: String,
    pub text: String,
    pub blocks: Vec<Value>,
    pub files: Vec<String>,
    pub only_for: Option<String>,
    pub thread_ts: Option<String>,
    pub auto: Auto,
    pub origin: Origin,
}

impl State {
    pub fn new(world: World, request_url_base: String) -> Self {
        Self {
            world,
            request_url_base,
            ack_timeout: ACK_TIMEOUT,
            messages: Vec::new(),
            posted: Vec::new(),
            files: BTreeMap::new(),
            response_urls: HashMap::new(),
            triggers: HashMap::new(),
            views: Views::default(),
            desk: Desk::default(),
            outbox: Outbox::default(),
            sockets: Sockets::default(),
            faults: Faults::default(),
            dead_url: DeadUrl::default(),
            rate_limits: false,
            recent: HashMap::new(),
            short_pages: false,
            calls: Vec::new(),
            last_ts: 0,
            serial: 0,
        }
    }

    /// Puts a message in its channel and returns its `ts`.
    pub fn post(&mut self, draft: Draft, now_ms: u64) -> String {
        let ts = self.next_ts(now_ms);
        let mut message = Message {
            ts: ts.clone(),
            channel: draft.channel,
            author: draft.author,
            text: draft.text,
            blocks: draft.blocks,
            files: draft.files,
            only_for: draft.only_for,
            thread_ts: draft.thread_ts,
            auto: draft.auto,
            edited: false,
            reactions: Vec::new(),
            origin: draft.origin,
            shown: None,
        };
        self.show(&mut message);
        self.messages.push(message);
        ts
    }

    /// A timestamp that no message or event has. Those of one millisecond differ in the microseconds, which Slack uses
    /// for nothing else.
    pub fn next_ts(&mut self, now_ms: u64) -> String {
        self.last_ts = (now_ms * 1000).max(self.last_ts + 1);
        format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000)
    }

    /// The message with this `ts` that is there for more than one person.
    pub fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        let place = self.place_of_message(ts)?;
        self.messages.get(place).filter(|message| message.channel == channel && message.only_for.is_none())
    }

    /// Puts another version of a message in its place.
    pub fn replace(&mut self, mut message: Message) {
        self.show(&mut message);
        if let Some(place) = self.place_of_message(&message.ts) {
            self.messages.splice(place..=place, [message]);
        }
    }

    /// Messages are in the order of their `ts`, and no two have the same.
    pub fn place_of_message(&self, ts: &str) -> Option<usize> {
        self.messages.iter().rposition(|message| message.ts == ts)
    }

    /// Works out what a message looks like, once for each of its versions: whoever waits looks often.
    pub fn show(&mut self, message: &mut Message) {
        let files = message.files.iter().filter_map(|id| self.files.get(id)).map(|file| ShownFile {
            id: file.id.clone(),
            name: file.name.clone(),
            title: file.title.clone(),
            mimetype: mimetype(&file.name).to_owned(),
            size: file.length,
        });
        let shown = message.look(&self.world, files.collect());
        if shown.by_app {
            self.posted.push(shown.clone());
        }
        message.shown = Some(shown);
    }

    /// What a person sees in a channel, oldest first; nothing in a channel where the person is not a member.
    pub fn seen_by(&self, user: &str, channel: &str) -> impl DoubleEndedIterator<Item = &Shown> {
        let inside = self.world.channel(channel).is_some_and(|channel| channel.has(user));
        let messages = self.messages.iter().filter(move |_| inside);
        messages
            .filter(move |message| message.channel == channel && message.visible_to(user))
            .filter_map(|message| message.shown.as_ref())
    }

    /// A number that was not given out before.
    pub fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub fn called(&mut self, place: &str, error: Option<&str>) {
        self.calls.push(Call { place: place.to_owned(), error: error.map(str::to_owned) });
    }
}

/// 32 hexadecimal digits that cannot be guessed: the standard library seeds each hasher state from the system.
pub(crate) fn secret() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// The media type that a file's name promises.
pub(crate) fn mimetype(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("txt" | "log" | "text" | "yaml" | "yml") => "text/plain",
        _ => "application/octet-stream",
    }
}
