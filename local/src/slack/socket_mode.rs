//! Socket Mode: the app opens WebSockets, and is told over these what its request URLs are told otherwise.
//!
//! An envelope goes to one connection, in turns, and only that connection can acknowledge it: whether Slack would take
//! the word of another one is not documented. A connection ends when its state does, so there is one way to close one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State as Shared};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::delivery::{Answer, Payload};
use super::state::{State, secret};
use super::world::add_unknown_fields;
use super::{Alarm, FakeSlack, Inner};

/// How long the address of a connection can be used, in milliseconds. Slack calls it temporary; it gives 30 seconds for
/// the same kind of address of its older real-time API.
pub const TICKET_LIFETIME_MS: u64 = 30_000;
/// Connections that an app has at the same time.
pub const CONNECTIONS: usize = 10;
/// How long a connection lasts, in milliseconds: what Slack announces in `hello` as of 2026.
pub const CONNECTION_LIFETIME_MS: u64 = 18_060_000;
/// How long a connection lasts whose address was given `debug_reconnects=true`, in milliseconds.
pub const DEBUG_LIFETIME_MS: u64 = 360_000;
/// How long before its end a connection is warned, in milliseconds.
pub const WARNING_MS: u64 = 10_000;
/// How often Slack sends a ping, in real time, as it asks whether the other program is still there. Slack does not say
/// how often; its SDK for Node takes a connection for dead after 30 seconds without one.
const PING: Duration = Duration::from_secs(10);
/// How long the app may take to close its side of a connection, in real time.
const CLOSING: Duration = Duration::from_secs(1);
/// What Slack's own host is called in messages.
const HOST: &str = "applink-loopback";

/// What there is of connections.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// When each address was given out that was not used yet, by its ticket.
    tickets: HashMap<String, u64>,
    /// The one whose turn it is comes first.
    connections: VecDeque<Connection>,
}

#[derive(Debug)]
struct Connection {
    id: u64,
    ends_ms: u64,
    warned: bool,
    /// What is sent to the app. When this goes away, the connection is closed after what is still on its way.
    frames: mpsc::UnboundedSender<String>,
    /// Who waits for an acknowledgement and the payload in it, by envelope id.
    unacknowledged: HashMap<String, oneshot::Sender<Option<Value>>>,
}

impl State {
    /// Gives out a ticket for one connection.
    pub fn socket_ticket(&mut self, now_ms: u64) -> String {
        let ticket = secret();
        self.sockets.tickets.insert(ticket.clone(), now_ms);
        ticket
    }

    /// Takes a ticket, once and while it lasts.
    fn take_socket_ticket(&mut self, ticket: &str, now_ms: u64) -> bool {
        let given_out = self.sockets.tickets.remove(ticket);
        given_out.is_some_and(|at| now_ms < at + TICKET_LIFETIME_MS)
    }

    /// Opens a connection: its number, and what is to be sent over it.
    fn open_socket(&mut self, lifetime_ms: u64, now_ms: u64) -> (u64, mpsc::UnboundedReceiver<String>) {
        let (frames, receiver) = mpsc::unbounded_channel();
        let id = self.serial();
        let connection = Connection {
            id,
            ends_ms: now_ms + lifetime_ms,
            warned: false,
            frames,
            unacknowledged: HashMap::new(),
        };
        if !self.world.app.socket_mode {
            connection.send(self.disconnect("link_disabled"));
        } else if self.sockets.connections.len() >= CONNECTIONS {
            connection.send(self.disconnect("too_many_websockets"));
        } else {
            connection.send(self.frame(json!({
                "type": "hello", "num_connections": self.sockets.connections.len() + 1,
                "debug_info": {"host": HOST, "build_number": 1, "approximate_connection_time": lifetime_ms / 1000},
                "connection_info": {"app_id": self.world.app.id},
            })));
            self.sockets.connections.push_back(connection);
        }
        (id, receiver)
    }

    fn frame(&self, mut frame: Value) -> String {
        if self.world.unknown_fields {
            add_unknown_fields(&mut frame);
        }
        frame.to_string()
    }

    fn disconnect(&self, reason: &str) -> String {
        self.frame(json!({"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}))
    }

    /// Sends an envelope over the connection whose turn it is, and gives what waits for the acknowledgement. `None` if
    /// there is no connection.
    fn dispatch(&mut self, payload: &Payload) -> Option<oneshot::Receiver<Option<Value>>> {
        let id = uuid::Uuid::new_v4().to_string();
        let frame = self.frame(payload.envelope(&id));
        let (acknowledged, receiver) = oneshot::channel();
        let connection = self.sockets.connections.front_mut()?;
        connection.unacknowledged.insert(id, acknowledged);
        connection.send(frame);
        self.sockets.connections.rotate_left(1);
        Some(receiver)
    }

    /// Takes what the app sent over a connection. What acknowledges nothing that was sent there is left unanswered.
    fn heard(&mut self, id: u64, frame: &str) {
        let Ok(mut frame) = serde_json::from_str::<Value>(frame) else { return };
        let connection = self.sockets.connections.iter_mut().find(|connection| connection.id == id);
        let envelope = frame.get("envelope_id").and_then(Value::as_str).unwrap_or_default();
        let waiting = connection.and_then(|connection| connection.unacknowledged.remove(envelope));
        if let Some(waiting) = waiting {
            let payload = frame.get_mut("payload").map(Value::take).filter(|payload| !payload.is_null());
            // Whoever waited may have given up.
            _ = waiting.send(payload);
        }
    }

    fn hung_up(&mut self, id: u64) {
        self.sockets.connections.retain(|connection| connection.id != id);
    }

    /// Warns and closes the connections whose time has come, and all of them once Socket Mode is off. Returns when the
    /// next time comes.
    fn tend_sockets(&mut self, now_ms: u64) -> Option<u64> {
        let on = self.world.app.socket_mode;
        let (disabled, warning, refresh) = (
            self.disconnect("link_disabled"),
            self.disconnect("warning"),
            self.disconnect("refresh_requested"),
        );
        self.sockets.connections.retain_mut(|connection| {
            if !on {
                connection.send(disabled.clone());
            } else if now_ms >= connection.ends_ms {
                connection.send(refresh.clone());
            } else if !connection.warned && now_ms >= connection.warned_at_ms() {
                connection.warned = true;
                connection.send(warning.clone());
            }
            on && now_ms < connection.ends_ms
        });
        let due_ms = |connection: &Connection| {
            if connection.warned { connection.ends_ms } else { connection.warned_at_ms() }
        };
        self.sockets.connections.iter().map(due_ms).min()
    }
}

impl Connection {
    fn warned_at_ms(&self) -> u64 {
        self.ends_ms - WARNING_MS
    }

    fn send(&self, frame: String) {
        // Fails only when the app is gone already, which is about to be noticed.
        _ = self.frames.send(frame);
    }
}

/// Warns and closes connections for as long as the fake lives.
pub(crate) async fn tend(inner: Arc<Inner>) {
    let mut alarm = Alarm::new(&inner);
    loop {
        alarm.set();
        let now_ms = inner.clock.now_ms();
        let due_ms = inner.change_quietly(|state| state.tend_sockets(now_ms));
        alarm.rings(&inner.clock, due_ms).await;
    }
}

/// The address that `apps.connections.open` gives out. Which status Slack refuses a ticket with is not documented.
pub(crate) async fn connect(
    Shared(inner): Shared<Arc<Inner>>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = query.unwrap_or_default();
    let fields: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let ticket = fields.get("ticket").map(|ticket| ticket.as_ref()).unwrap_or_default();
    let now_ms = inner.clock.now_ms();
    if !inner.change(|state| state.take_socket_ticket(ticket, now_ms)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let debug = fields.get("debug_reconnects").is_some_and(|value| value == "true");
    let lifetime_ms = if debug { DEBUG_LIFETIME_MS } else { CONNECTION_LIFETIME_MS };
    // The connection must not keep a fake alive that nobody has a handle on any more.
    let inner = Arc::downgrade(&inner);
    upgrade.on_upgrade(move |socket| hold(socket, inner, lifetime_ms))
}

/// Holds a connection until one of both sides closes it.
async fn hold(mut socket: WebSocket, inner: Weak<Inner>, lifetime_ms: u64) {
    let opened = inner.upgrade().map(|inner| {
        let now_ms = inner.clock.now_ms();
        inner.change(|state| state.open_socket(lifetime_ms, now_ms))
    });
    let Some((id, mut frames)) = opened else { return };
    let mut pings = tokio::time::interval(PING);
    loop {
        let sent = tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => socket.send(Message::Text(frame.into())).await,
                None => break close(socket).await,
            },
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) => {
                    if let Some(inner) = inner.upgrade() {
                        inner.change(|state| state.heard(id, &text));
                    }
                    Ok(())
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => Ok(()),
            },
            _ = pings.tick() => socket.send(Message::Ping(HOST.into())).await,
        };
        if sent.is_err() {
            break;
        }
    }
    if let Some(inner) = inner.upgrade() {
        inner.change(|state| state.hung_up(id));
    }
}

/// Closes a connection and waits for the app to do the same: what the app has not read yet would be lost otherwise.
async fn close(mut socket: WebSocket) {
    let closed = async {
        if socket.send(Message::Close(None)).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // An app that never closes its side loses the connection all the same.
    _ = tokio::time::timeout(CLOSING, closed).await;
}

impl Inner {
    /// Where the app opens a connection with a ticket.
    pub(crate) fn socket_url(&self, ticket: &str, app: &str) -> String {
        format!("ws://{}/link/?ticket={ticket}&app_id={app}", self.address)
    }

    /// Tells the app something over one of its connections. An acknowledgement is what a 200 is to a request. `None` if
    /// there is no connection, or if it breaks off before.
    pub(crate) async fn over_socket(&self, payload: &Payload) -> Option<Answer> {
        let acknowledged = self.change_quietly(|state| state.dispatch(payload))?;
        let response = acknowledged.await.ok()?.filter(|_| payload.accepts_response());
        let body = response.map(|response| response.to_string()).unwrap_or_default();
        Some(Answer {
            status: 200,
            content_type: "application/json".to_owned(),
            no_retry: false,
            body: body.into(),
        })
    }
}

impl FakeSlack {
    /// How many connections the app has in Socket Mode.
    pub fn open_sockets(&self) -> usize {
        self.inner.read(|state| state.sockets.connections.len())
    }
}
