//! Ways in which Slack can fail on cue.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What goes wrong with one request to the fake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An HTTP status instead of an answer; nothing is done.
    Status(u16),
    /// The request is held this long and then carried out, unless its caller has gone by then.
    Slow(Duration),
    /// The connection is cut; nothing is done.
    Cut,
    /// The request is carried out, then the connection is cut: the caller cannot know.
    CutAfter,
    /// 200 with a page instead of JSON; nothing is done.
    NotJson,
    /// 429 with this many seconds in `Retry-After`; nothing is done.
    RateLimited(u64),
    /// `ok: false` with this error word; nothing is done.
    Word(&'static str),
}

/// The faults that wait for their requests, by place: a method's name, [`RESPONSE_URL`] or [`UPLOAD`].
#[derive(Debug, Default)]
pub(crate) struct Faults {
    next: BTreeMap<String, VecDeque<Fault>>,
    always: BTreeMap<String, Fault>,
}

/// The place of posts to a response_url.
pub const RESPONSE_URL: &str = "response_url";
/// The place of file bytes on their way in.
pub const UPLOAD: &str = "upload";

impl Faults {
    pub(crate) fn push(&mut self, place: &str, fault: Fault) {
        self.next.entry(place.to_owned()).or_default().push_back(fault);
    }

    pub(crate) fn set(&mut self, place: &str, fault: Option<Fault>) {
        match fault {
            Some(fault) => _ = self.always.insert(place.to_owned(), fault),
            None => _ = self.always.remove(place),
        }
    }

    /// The fault of the next request to a place.
    pub(crate) fn take(&mut self, place: &str) -> Option<Fault> {
        let waiting = self.next.get_mut(place).and_then(VecDeque::pop_front);
        waiting.or_else(|| self.always.get(place).cloned())
    }
}
