//! A person at the keyboard, for tests: types, waits and looks.

use std::fmt;
use std::time::Duration;

use super::FakeSlack;
use super::delivery::{Typed, Variant};
use super::message::Shown;
use super::pieces::Piece;

/// One person of the workspace.
#[derive(Clone)]
pub struct Person {
    slack: FakeSlack,
    user: String,
}

/// A person who looks at a channel.
#[derive(Clone)]
pub struct Seat {
    slack: FakeSlack,
    user: String,
    channel: String,
}

/// What was waited for did not appear. Shows what was seen instead.
#[derive(Debug)]
pub struct NotSeen {
    waited: Duration,
    transcript: String,
}

impl fmt::Display for NotSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not seen within {:?}; seen was:\n{}", self.waited, self.transcript)
    }
}

impl std::error::Error for NotSeen {}

impl FakeSlack {
    /// The person with this id.
    pub fn acts_as(&self, user: &str) -> Person {
        Person { slack: self.clone(), user: user.to_owned() }
    }
}

impl Person {
    /// The person opens a channel.
    pub fn in_channel(&self, channel: &str) -> Seat {
        Seat { slack: self.slack.clone(), user: self.user.clone(), channel: channel.to_owned() }
    }

    /// The person opens the direct messages with the app.
    pub fn in_direct_messages(&self) -> Seat {
        self.in_channel(&self.slack.change_world(|world| world.open_direct(&self.user)))
    }
}

impl Seat {
    /// The person types a line and presses Enter. Returns when the app has answered or Slack has given up waiting.
    pub async fn types(&self, line: &str) -> Typed {
        self.types_as(line, Variant::Genuine).await
    }

    /// As [`Seat::types`], with a request that departs from what Slack sends.
    pub async fn types_as(&self, line: &str, variant: Variant) -> Typed {
        self.slack.inner.typed(&self.user, &self.channel, line, variant).await
    }

    /// The person presses the button with this text in the newest message that has one.
    pub async fn presses(&self, text: &str) -> Typed {
        let button = |message: &Shown| {
            let controls = message.pieces.iter().filter_map(|piece| match piece {
                Piece::Controls { controls } => Some(controls),
                _ => None,
            });
            let button = controls.flatten().find(|control| control.text == text)?;
            Some((message.ts.clone(), button.action.clone()))
        };
        match self.sees().iter().rev().find_map(button) {
            Some((ts, action)) => self.slack.press(&self.user, &ts, &action).await,
            None => Typed::unsent(Some("action_not_found")),
        }
    }

    /// What the person sees here, oldest first.
    pub fn sees(&self) -> Vec<Shown> {
        self.slack.messages_seen_by(&self.user, &self.channel)
    }

    /// Looks after every change until `look` finds what it looks for in what the person sees.
    pub async fn waits_to_see<T>(
        &self,
        timeout: Duration,
        mut look: impl FnMut(&[Shown]) -> Option<T>,
    ) -> Result<T, NotSeen> {
        let found = self.slack.wait_for(timeout, |_| look(&self.sees())).await;
        found.ok_or_else(|| NotSeen { waited: timeout, transcript: self.transcript() })
    }

    /// Waits for a message whose rendering holds a text.
    pub async fn waits_to_read(&self, text: &str, timeout: Duration) -> Result<Shown, NotSeen> {
        self.waits_to_see(timeout, |shown| {
            shown.iter().find(|message| message.rendered().contains(text)).cloned()
        })
        .await
    }

    /// Everything the person sees here as text: an author's line, then what was said, indented.
    pub fn transcript(&self) -> String {
        let mut text = String::new();
        for message in self.sees() {
            let mark = if message.only_you { " (only visible to you)" } else { "" };
            let edited = if message.edited { " (edited)" } else { "" };
            text.push_str(&format!("{}{mark}{edited}\n", message.author_name));
            for line in message.rendered().lines() {
                text.push_str(format!("  {line}").trim_end());
                text.push('\n');
            }
        }
        text
    }
}
