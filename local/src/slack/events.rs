//! Events: what happens in the workspace is told to the app, again and again until it listens.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::delivery::{Payload, Typed, Variant};
use super::state::State;
use super::world::add_unknown_fields;
use super::{Alarm, FakeSlack, Inner};

/// How long after a failure each of the three retries comes, in milliseconds.
pub const RETRIES_MS: [u64; 3] = [0, 60_000, 300_000];

/// An event that the app was told of, or would have been.
#[derive(Debug, Clone)]
pub struct SentEvent {
    /// `Ev…`, the same in every delivery.
    pub id: String,
    /// `member_joined_channel` and so on.
    pub kind: String,
    /// What happened.
    pub event: Value,
    /// The whole body that is sent.
    pub body: String,
    /// Lost on purpose, by [`FakeSlack::drop_events`].
    pub dropped: bool,
    /// Every delivery so far with its answer.
    pub deliveries: Vec<Delivery>,
}

/// One request with an event, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When, in Unix seconds of the fake's clock.
    pub at: u64,
    /// 0 for the first, else `X-Slack-Retry-Num`, or `retry_attempt` of an envelope.
    pub retry: usize,
    /// `X-Slack-Retry-Reason` of a retry. An envelope says `timeout` for `http_timeout`.
    pub reason: Option<&'static str>,
    /// Status of the app's answer, if there was one in time: 200 for an acknowledgement in Socket Mode.
    pub status: Option<u16>,
}

/// Events on their way, and how they are to go astray.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    events: Vec<SentEvent>,
    waiting: Vec<Waiting>,
    /// A delivery is under way.
    busy: bool,
    dropping: bool,
    twice: bool,
    delay_ms: u64,
    holding: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    /// Its place in the list of all events.
    event: usize,
    due_ms: u64,
    retry: usize,
    reason: Option<&'static str>,
}

impl State {
    /// Tells the app that something happened, if it is installed, subscribes to it and has the scope. `private` says
    /// which scope counts for events that public and private channels share. Whether the app may see the place is the
    /// caller's to know.
    pub fn raise(&mut self, kind: &str, private: bool, mut event: Value, now_ms: u64) {
        let app = &self.world.app;
        let Some(installation) = &app.installation else { return };
        let scoped = needed_scope(kind, private).is_none_or(|scope| installation.scopes.contains(scope));
        if !scoped || !app.bot_events.contains(kind) {
            return;
        }
        event["type"] = json!(kind);
        event["event_ts"] = json!(self.next_ts(now_ms));
        let (app, team) = (&self.world.app, &self.world.team);
        let enterprise = team.enterprise.as_ref().map(|(id, _)| id);
        let channel = event.get("channel").and_then(Value::as_str).and_then(|id| self.world.channel(id));
        let id = format!("Ev0{:08}", self.outbox.events.len() + 1);
        let mut body = json!({
            "token": app.verification_token, "team_id": team.id, "context_team_id": team.id,
            "context_enterprise_id": enterprise, "api_app_id": app.id, "event": event, "type": "event_callback",
            "event_id": id, "event_time": now_ms / 1000,
            "authorizations": [{"enterprise_id": enterprise, "team_id": team.id, "user_id": app.bot_user,
                "is_bot": true, "is_enterprise_install": false}],
            "is_ext_shared_channel": channel.is_some_and(|channel| channel.shared_externally),
            "event_context": format!("4-{id}"),
        });
        if self.world.unknown_fields {
            add_unknown_fields(&mut body);
        }
        let outbox = &mut self.outbox;
        let place = outbox.events.len();
        outbox.events.push(SentEvent {
            id,
            kind: kind.to_owned(),
            event,
            body: body.to_string(),
            dropped: outbox.dropping,
            deliveries: Vec::new(),
        });
        let times = match (outbox.dropping, outbox.twice) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        let due_ms = now_ms + outbox.delay_ms;
        outbox.waiting.extend((0..times).map(|_| Waiting { event: place, due_ms, retry: 0, reason: None }));
    }
}

/// The scope without which an app is not told.
fn needed_scope(kind: &str, private: bool) -> Option<&'static str> {
    match kind {
        "channel_id_changed" => None,
        _ if kind.starts_with("member_") => Some(if private { "groups:read" } else { "channels:read" }),
        _ if kind.starts_with("channel_") => Some("channels:read"),
        _ if kind.starts_with("group_") => Some("groups:read"),
        _ if kind.starts_with("subteam_") => Some("usergroups:read"),
        "user_change" => Some("users:read"),
        _ => None,
    }
}

impl Outbox {
    pub fn events(&self) -> &[SentEvent] {
        &self.events
    }

    pub fn drops(&self) -> bool {
        self.dropping
    }

    pub fn drop_from_now_on(&mut self, on: bool) {
        self.dropping = on;
    }

    /// Takes what is due first, or tells when that will be. Of several that are due at the same time, the one that
    /// has waited longest comes first.
    fn take_due(&mut self, now_ms: u64) -> Result<(Waiting, String), Option<u64>> {
        if self.holding {
            return Err(None);
        }
        let first = self.waiting.iter().enumerate().min_by_key(|(place, waiting)| (waiting.due_ms, *place));
        let (place, due_ms) = first.map(|(place, waiting)| (place, waiting.due_ms)).ok_or(None)?;
        if due_ms > now_ms {
            return Err(Some(due_ms));
        }
        let waiting = self.waiting.remove(place);
        let body = self.events.get(waiting.event).map(|event| event.body.clone()).unwrap_or_default();
        self.busy = true;
        Ok((waiting, body))
    }

    /// Writes a delivery down, and plans the next if there is to be one.
    fn delivered(&mut self, waiting: &Waiting, answer: &Typed, now_ms: u64) {
        self.busy = false;
        if let Some(event) = self.events.get_mut(waiting.event) {
            event.deliveries.push(Delivery {
                at: now_ms / 1000,
                retry: waiting.retry,
                reason: waiting.reason,
                status: answer.status,
            });
        }
        let reason = match answer.error.as_deref() {
            None => return,
            Some("operation_timeout") => "http_timeout",
            Some("dispatch_failed") => "connection_failed",
            Some(_) => "http_error",
        };
        if let Some(wait_ms) = RETRIES_MS.get(waiting.retry).filter(|_| !answer.no_retry) {
            self.waiting.push(Waiting {
                event: waiting.event,
                due_ms: now_ms + wait_ms,
                retry: waiting.retry + 1,
                reason: Some(reason),
            });
        }
    }
}

/// Delivers events one after another, for as long as the fake lives.
pub(crate) async fn deliver(inner: Arc<Inner>) {
    let mut alarm = Alarm::new(&inner);
    loop {
        alarm.set();
        let now_ms = inner.clock.now_ms();
        match inner.change_quietly(|state| state.outbox.take_due(now_ms)) {
            Ok((waiting, body)) => {
                let answer = inner.send_event(body, waiting.retry, waiting.reason).await;
                let now_ms = inner.clock.now_ms();
                inner.change(|state| state.outbox.delivered(&waiting, &answer, now_ms));
            }
            Err(due_ms) => alarm.rings(&inner.clock, due_ms).await,
        }
    }
}

impl Inner {
    async fn send_event(&self, body: String, retry: usize, reason: Option<&'static str>) -> Typed {
        self.tell(&Payload::Event { body, retry, reason }, Variant::Genuine).await
    }

    /// Sends an event once more. `None` if there is no such event.
    pub(crate) async fn resend(&self, id: &str) -> Option<Typed> {
        let find = |state: &State| {
            let place = state.outbox.events.iter().position(|event| event.id == id)?;
            Some((place, state.outbox.events.get(place)?.body.clone()))
        };
        let (event, body) = self.read(find)?;
        let answer = self.send_event(body, 0, None).await;
        let at = self.clock.now();
        self.change(|state| {
            if let Some(event) = state.outbox.events.get_mut(event) {
                event.deliveries.push(Delivery { at, retry: 0, reason: None, status: answer.status });
            }
        });
        Some(answer)
    }
}

impl FakeSlack {
    /// Every event so far, oldest first, with what became of it.
    pub fn events(&self) -> Vec<SentEvent> {
        self.inner.read(|state| state.outbox.events.clone())
    }

    /// Loses every event from now on, or ends losing them.
    pub fn drop_events(&self, on: bool) {
        self.inner.change(|state| state.outbox.drop_from_now_on(on));
    }

    /// Whether events are lost.
    pub fn drops_events(&self) -> bool {
        self.inner.read(|state| state.outbox.drops())
    }

    /// Sends every event twice from now on, or ends that.
    pub fn duplicate_events(&self, on: bool) {
        self.inner.change(|state| state.outbox.twice = on);
    }

    /// Sends what happens from now on only after this time of the fake's clock.
    pub fn delay_events(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.inner.change(|state| state.outbox.delay_ms = by);
    }

    /// Keeps every event back until [`FakeSlack::release_events`].
    pub fn hold_events(&self) {
        self.inner.change(|state| state.outbox.holding = true);
    }

    /// Lets go of the events that were kept back, the newest first if `reversed`.
    pub fn release_events(&self, reversed: bool) {
        self.inner.change(|state| {
            state.outbox.holding = false;
            if reversed {
                // Equal times keep the order of the list, so all are due together from now on.
                let due_ms = state.outbox.waiting.iter().map(|waiting| waiting.due_ms).max().unwrap_or(0);
                state.outbox.waiting.iter_mut().for_each(|waiting| waiting.due_ms = due_ms);
                state.outbox.waiting.reverse();
            }
        });
    }

    /// Sends an event once more, whatever became of it. `None` if there is no such event.
    pub async fn resend_event(&self, id: &str) -> Option<Typed> {
        self.inner.resend(id).await
    }

    /// Waits until no event is due or under way. Retries that are due later by the fake's clock do not count.
    /// `false` if it takes longer than `timeout`.
    pub async fn events_settle(&self, timeout: Duration) -> bool {
        let settled = |slack: &Self| {
            let now_ms = slack.inner.clock.now_ms();
            slack.inner.read(|state| {
                let outbox = &state.outbox;
                let due = !outbox.holding && outbox.waiting.iter().any(|waiting| waiting.due_ms <= now_ms);
                (!due && !outbox.busy).then_some(())
            })
        };
        self.wait_for(timeout, settled).await.is_some()
    }
}
