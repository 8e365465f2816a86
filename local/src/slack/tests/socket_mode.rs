//! An app that is told over WebSockets: what it is sent, what becomes of what it says, and how connections end.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

use super::*;
use crate::slack::socket_mode::{
    CONNECTION_LIFETIME_MS, CONNECTIONS, DEBUG_LIFETIME_MS, TICKET_LIFETIME_MS, WARNING_MS,
};

const APP_TOKEN: &str = "xapp-1-A0ALFRED1-1-secret";
const START: u64 = 1_760_000_000;

/// A workspace at a time that stands still, with an app in Socket Mode whose request URLs lead nowhere.
async fn slack_in_socket_mode() -> FakeSlack {
    let slack = slack().await;
    slack.clock().stop_at(START);
    slack.change_world(|world| {
        world.app.socket_mode = true;
        let scopes = ["connections:write".to_owned()].into();
        let token = Token { value: APP_TOKEN.into(), state: TokenState::App, scopes, expires_at: None };
        world.app.tokens.push(token);
    });
    slack
}

async fn open(slack: &FakeSlack, token: &str) -> Value {
    let url = format!("{}apps.connections.open", slack.api_url());
    send(slack, &url, &[("authorization", token)], "").await.unwrap().2
}

async fn address(slack: &FakeSlack) -> String {
    open(slack, &format!("Bearer {APP_TOKEN}")).await["url"].as_str().unwrap().to_owned()
}

/// The app's side of a connection.
struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Fails with the status of a refusal.
    async fn at(slack: &FakeSlack, address: &str) -> Result<Self, u16> {
        let stream = TcpStream::connect(slack.address()).await.unwrap();
        match tokio_tungstenite::client_async(address, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(refusal)) => Err(refusal.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// A connection that has been greeted.
    async fn open(slack: &FakeSlack) -> Self {
        let mut socket = Self::at(slack, &address(slack).await).await.unwrap();
        assert_eq!(socket.hears().await["type"], "hello");
        socket
    }

    async fn next(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(SOON, self.0.next()).await.expect("nothing came");
        next.and_then(Result::ok)
    }

    /// The next message with a text.
    async fn hears(&mut self) -> Value {
        loop {
            match self.next().await {
                Some(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Some(Message::Ping(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn says(&mut self, text: Value) {
        self.0.send(Message::text(text.to_string())).await.unwrap();
    }

    /// Waits for an envelope and acknowledges it.
    async fn acknowledges(&mut self, payload: Option<Value>) -> Value {
        let envelope = self.hears().await;
        let mut ack = json!({"envelope_id": envelope["envelope_id"]});
        if let Some(payload) = payload {
            ack["payload"] = payload;
        }
        self.says(ack).await;
        envelope
    }

    /// Waits for Slack to close it.
    async fn is_closed(&mut self) {
        while let Some(message) = self.next().await {
            assert!(!message.is_text(), "{message}");
        }
    }
}

#[tokio::test]
async fn only_an_app_level_token_opens_connections() {
    let slack = slack_in_socket_mode().await;
    slack.change_world(|world| {
        for (value, state) in [("xapp-narrow", TokenState::App), ("xapp-revoked", TokenState::Revoked)] {
            let token = Token { value: value.into(), state, scopes: BTreeSet::new(), expires_at: None };
            world.app.tokens.push(token);
        }
    });
    for (token, error) in [
        ("", "not_authed"),
        ("Bearer xapp-unknown", "invalid_auth"),
        ("Bearer xapp-revoked", "token_revoked"),
        ("Bearer xoxb-test-token", "not_allowed_token_type"),
        ("Bearer xapp-narrow", "missing_scope"),
    ] {
        assert_eq!(open(&slack, token).await["error"], error, "{token}");
    }
    let opened = open(&slack, &format!("Bearer {APP_TOKEN}")).await;
    let prefix = format!("ws://{}/link/?ticket=", slack.address());
    assert!(opened["ok"] == true && opened["url"].as_str().unwrap().starts_with(&prefix), "{opened}");
}

#[tokio::test]
async fn an_address_is_used_once_and_soon() {
    let slack = slack_in_socket_mode().await;
    let (used, late, in_time) = (address(&slack).await, address(&slack).await, address(&slack).await);
    let path = used.replace(&format!("ws://{}", slack.address()), "");
    assert_eq!(get(&slack, &path, None).await.0, 400, "it is no page, and looking does not use it up");
    Socket::at(&slack, &used).await.unwrap();
    assert_eq!(Socket::at(&slack, &used).await.err(), Some(404), "used");
    let unknown = format!("ws://{}/link/?ticket=0", slack.address());
    assert_eq!(Socket::at(&slack, &unknown).await.err(), Some(404), "unknown");
    slack.advance(Duration::from_millis(TICKET_LIFETIME_MS - 1));
    Socket::at(&slack, &in_time).await.unwrap();
    slack.advance(Duration::from_millis(1));
    assert_eq!(Socket::at(&slack, &late).await.err(), Some(404), "late");
}

#[tokio::test]
async fn a_connection_begins_with_hello_and_is_pinged() {
    let slack = slack_in_socket_mode().await;
    let mut first = Socket::at(&slack, &address(&slack).await).await.unwrap();
    let hello = first.hears().await;
    assert_eq!(
        (&hello["type"], &hello["num_connections"], &hello["connection_info"]["app_id"]),
        (&json!("hello"), &json!(1), &json!("A0ALFRED1"))
    );
    assert_eq!(hello["debug_info"]["approximate_connection_time"], 18_060);
    let mut second = Socket::at(&slack, &address(&slack).await).await.unwrap();
    loop {
        match second.next().await.unwrap() {
            Message::Text(text) => {
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["num_connections"], 2);
            }
            message => break assert!(message.is_ping()),
        }
    }
}

#[tokio::test]
async fn a_command_comes_in_an_envelope_and_its_acknowledgement_is_seen() {
    let slack = slack_in_socket_mode().await;
    let mut app = Socket::open(&slack).await;
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    let (typed, envelope) = tokio::join!(
        anna.types("/alfred-invoke s3 ls @ben & more"),
        app.acknowledges(Some(json!({"response_type": "in_channel", "text": "On it"})))
    );
    assert_eq!((typed.error, typed.status, typed.request), (None, Some(200), None));
    assert_eq!(anna.transcript(), "Anna Azarova\n  /alfred-invoke s3 ls @ben & more\nAlfredbot\n  On it\n");
    assert_eq!(
        envelope,
        json!({
            "envelope_id": envelope["envelope_id"], "type": "slash_commands", "accepts_response_payload": true,
            "payload": {
                "token": "deprecated-verification-token", "team_id": "T0ALFRED1", "team_domain": "wayne-cloud",
                "channel_id": "C0OPS", "channel_name": "ops", "user_id": "U0ANNA", "user_name": "anna",
                "command": "/alfred-invoke", "text": "s3 ls <@U0BEN|ben> &amp; more", "api_app_id": "A0ALFRED1",
                "is_enterprise_install": "false", "response_url": typed.response_url,
                "trigger_id": envelope["payload"]["trigger_id"],
            },
        })
    );
    // The response_url is the same as over HTTP.
    let later = json!({"text": "Done"});
    assert_eq!(respond(&slack, &typed.response_url.unwrap(), later).await, (200, json!("ok")));

    let ben = slack.acts_as("U0BEN").in_channel("C0OPS");
    for (payload, seen) in [
        (None, ""),
        (Some(Value::Null), ""),
        (Some(json!({"text": "Yes"})), "Alfredbot (only visible to you)\n  Yes\n"),
        (
            Some(json!({"blocks": [{"type": "marquee"}]})),
            "Slackbot (only visible to you)\n  /alfred-invoke failed with the error \"invalid_blocks\"\n",
        ),
        (
            Some(json!([])),
            "Slackbot (only visible to you)\n  /alfred-invoke failed with the error \"invalid_command_response\"\n",
        ),
    ] {
        let before = ben.transcript().len();
        tokio::join!(ben.types("/alfred-invoke aws"), app.acknowledges(payload.clone()));
        assert_eq!(&ben.transcript()[before..], seen, "{payload:?}");
    }
}

#[tokio::test]
async fn a_command_that_nobody_acknowledges_is_named_and_not_sent_again() {
    let slack = slack_in_socket_mode().await;
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    assert_eq!(
        anna.types("/alfred-invoke aws").await.error.as_deref(),
        Some("dispatch_failed"),
        "nobody there"
    );

    let mut app = Socket::open(&slack).await;
    slack.set_ack_timeout(Duration::from_millis(50));
    let typed = anna.types("/alfred-invoke aws").await;
    assert_eq!((typed.error.as_deref(), typed.status), (Some("operation_timeout"), None));
    assert!(anna.transcript().ends_with("/alfred-invoke failed with the error \"operation_timeout\"\n"));
    slack.set_ack_timeout(SOON);

    let late = app.hears().await;
    assert_eq!(late["type"], "slash_commands");
    app.says(json!({"envelope_id": late["envelope_id"], "payload": {"text": "late"}})).await;
    let (typed, next) = tokio::join!(anna.types("/alfred-invoke next"), app.acknowledges(None));
    assert_eq!(
        (typed.error, &next["payload"]["text"]),
        (None, &json!("next")),
        "what comes next is another one"
    );
    assert!(!anna.transcript().contains("late"));

    let (typed, ()) = tokio::join!(anna.types("/alfred-invoke aws"), async {
        app.hears().await;
        app.0.close(None).await.unwrap();
    });
    assert_eq!(typed.error.as_deref(), Some("dispatch_failed"), "the connection broke off");
    assert_eq!(slack.open_sockets(), 0);
}

#[tokio::test]
async fn an_envelope_is_acknowledged_by_its_id_over_its_own_connection() {
    let slack = slack_in_socket_mode().await;
    let (mut first, mut second) = (Socket::open(&slack).await, Socket::open(&slack).await);
    slack.set_ack_timeout(SOON);
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    let (typed, ()) = tokio::join!(anna.types("/alfred-invoke aws"), async {
        let envelope = first.hears().await;
        let id = &envelope["envelope_id"];
        second.says(json!({"envelope_id": id, "payload": {"text": "over another connection"}})).await;
        first.0.send(Message::text("no JSON")).await.unwrap();
        first.0.send(Message::binary(id.to_string().into_bytes())).await.unwrap();
        first.says(json!({"envelope_id": "another", "payload": {"text": "of another envelope"}})).await;
        // By the time that Slack has answered a ping, it has taken what was sent over that connection before.
        second.0.send(Message::Ping("second".into())).await.unwrap();
        while second.next().await != Some(Message::Pong("second".into())) {}
        first.says(json!({"envelope_id": id, "payload": {"text": "right"}})).await;
    });
    assert_eq!(typed.error, None);
    assert_eq!(anna.transcript(), "Alfredbot (only visible to you)\n  right\n");
}

#[tokio::test]
async fn an_event_is_told_until_it_is_acknowledged() {
    let slack = slack_in_socket_mode().await;
    let mut app = Socket::open(&slack).await;
    slack.set_ack_timeout(Duration::from_millis(50));
    slack.join("U0DAN", "C0OPS").unwrap();
    let first = app.hears().await;
    let payload = serde_json::from_str::<Value>(&slack.events()[0].body).unwrap();
    assert_eq!(payload["event"]["type"], "member_joined_channel");
    assert_eq!(
        first,
        json!({"envelope_id": first["envelope_id"], "type": "events_api", "payload": payload,
            "accepts_response_payload": false, "retry_attempt": 0, "retry_reason": ""})
    );
    let second = app.hears().await;
    assert_eq!((&second["retry_attempt"], &second["retry_reason"]), (&json!(1), &json!("timeout")));
    assert_eq!(second["payload"], first["payload"], "the same event");
    assert_ne!(second["envelope_id"], first["envelope_id"], "in another envelope");

    let told = async |times: usize| {
        slack.wait_for(SOON, |slack| slack.events()[0].deliveries.get(times - 1).cloned()).await.unwrap()
    };
    assert_eq!(told(2).await.status, None);
    slack.set_ack_timeout(SOON);
    slack.advance(Duration::from_secs(60));
    // What an event is answered with has nowhere to go.
    let third = app.acknowledges(Some(json!({"text": "ignored"}))).await;
    assert_eq!((&third["retry_attempt"], &third["payload"]), (&json!(2), &first["payload"]));
    let last = told(3).await;
    assert_eq!(
        (last.retry, last.reason, last.status, last.at),
        (2, Some("http_timeout"), Some(200), START + 60)
    );
    slack.advance(Duration::from_secs(3600));
    assert!(slack.events_settle(SOON).await);
    assert_eq!((slack.events()[0].deliveries.len(), slack.posted().len()), (3, 0));
}

#[tokio::test]
async fn an_event_without_a_connection_waits_for_one() {
    let slack = slack_in_socket_mode().await;
    slack.join("U0DAN", "C0OPS").unwrap();
    assert!(slack.events_settle(SOON).await);
    assert_eq!(slack.events()[0].deliveries.len(), 2, "again at once");
    let mut app = Socket::open(&slack).await;
    slack.advance(Duration::from_secs(60));
    let envelope = app.acknowledges(None).await;
    assert_eq!(
        (&envelope["retry_attempt"], &envelope["retry_reason"]),
        (&json!(2), &json!("connection_failed"))
    );
}

#[tokio::test]
async fn presses_forms_and_options_come_in_envelopes() {
    let slack = slack_in_socket_mode().await;
    let mut app = Socket::open(&slack).await;
    let posted = call(
        &slack,
        "chat.postMessage",
        json!({"channel": "C0OPS", "text": "Press", "blocks": [{"type": "actions", "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "Form"}, "action_id": "form"}]}]}),
    )
    .await;
    let ts = posted["ts"].as_str().unwrap();
    let ignored = Some(json!({"text": "ignored"}));
    let (pressed, envelope) =
        tokio::join!(slack.press("U0ANNA", ts, "form"), app.acknowledges(ignored.clone()));
    assert_eq!((pressed.error, pressed.body.as_str()), (None, ""));
    assert_eq!(
        (&envelope["type"], &envelope["accepts_response_payload"], &envelope["payload"]["type"]),
        (&json!("interactive"), &json!(false), &json!("block_actions"))
    );

    let view = json!({"type": "modal", "title": {"type": "plain_text", "text": "Run"}, "notify_on_close": true,
        "submit": {"type": "plain_text", "text": "Run"}, "blocks": [
        {"type": "input", "block_id": "role", "label": {"type": "plain_text", "text": "Role"},
            "element": {"type": "external_select", "action_id": "role", "min_query_length": 0}}]});
    let trigger_id = &envelope["payload"]["trigger_id"];
    assert_eq!(call(&slack, "views.open", json!({"trigger_id": trigger_id, "view": view})).await["ok"], true);
    let option = json!({"text": {"type": "plain_text", "text": "Reader"}, "value": "reader"});
    let (suggested, envelope) = tokio::join!(
        slack.suggest("U0ANNA", None, "role", "r"),
        app.acknowledges(Some(json!({"options": [option]})))
    );
    assert_eq!(suggested.unwrap()[0].value, "reader");
    assert_eq!(
        (&envelope["accepts_response_payload"], &envelope["payload"]["type"]),
        (&json!(true), &json!("block_suggestion"))
    );

    let errors = json!({"response_action": "errors", "errors": {"role": "Not today."}});
    let (submitted, envelope) =
        tokio::join!(slack.submit_view("U0ANNA", json!({"role": "reader"})), app.acknowledges(Some(errors)));
    assert_eq!(submitted.error, None);
    assert_eq!(
        (&envelope["accepts_response_payload"], &envelope["payload"]["type"]),
        (&json!(true), &json!("view_submission"))
    );
    assert_eq!(slack.view_seen_by("U0ANNA").unwrap().errors["role"], "Not today.");
    let (closed, envelope) = tokio::join!(slack.close_view("U0ANNA"), app.acknowledges(ignored));
    assert_eq!((closed[0].error.as_deref(), closed[0].body.as_str()), (None, ""));
    assert_eq!(envelope["payload"]["type"], "view_closed");
}

#[tokio::test]
async fn each_envelope_goes_to_one_of_the_connections() {
    let slack = slack_in_socket_mode().await;
    let mut sockets = Vec::new();
    for _ in 0..CONNECTIONS {
        sockets.push(Socket::open(&slack).await);
    }
    let mut surplus = Socket::at(&slack, &address(&slack).await).await.unwrap();
    let refusal = surplus.hears().await;
    assert_eq!((&refusal["type"], &refusal["reason"]), (&json!("disconnect"), &json!("too_many_websockets")));
    surplus.is_closed().await;
    assert_eq!(slack.open_sockets(), CONNECTIONS);

    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    for round in 0..2 {
        for (number, socket) in sockets.iter_mut().enumerate() {
            let line = format!("/alfred-invoke {round} {number}");
            // A connection that heard of another's command would find that here first.
            let (typed, envelope) = tokio::join!(anna.types(&line), socket.acknowledges(None));
            assert_eq!(
                (typed.error, &envelope["payload"]["text"]),
                (None, &json!(format!("{round} {number}")))
            );
        }
    }

    sockets.pop().unwrap().0.close(None).await.unwrap();
    let room = slack.wait_for(SOON, |slack| (slack.open_sockets() < CONNECTIONS).then_some(())).await;
    assert!(room.is_some());
    Socket::open(&slack).await;
}

#[tokio::test]
async fn a_connection_is_warned_before_it_ends() {
    let slack = slack_in_socket_mode().await;
    let debug = format!("{}&debug_reconnects=true", address(&slack).await);
    let mut debug = Socket::at(&slack, &debug).await.unwrap();
    assert_eq!(debug.hears().await["debug_info"]["approximate_connection_time"], 360);
    let mut lasting = Socket::open(&slack).await;

    slack.advance(Duration::from_millis(DEBUG_LIFETIME_MS - WARNING_MS));
    let warning = debug.hears().await;
    assert_eq!((&warning["type"], &warning["reason"]), (&json!("disconnect"), &json!("warning")));
    assert_eq!(slack.open_sockets(), 2, "it goes on until its end");
    slack.clock().advance(Duration::from_millis(WARNING_MS));
    assert_eq!(debug.hears().await["reason"], "refresh_requested");
    debug.is_closed().await;
    assert_eq!(slack.open_sockets(), 1);

    slack.advance(Duration::from_millis(CONNECTION_LIFETIME_MS - DEBUG_LIFETIME_MS - 1));
    assert_eq!(lasting.hears().await["reason"], "warning");
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    let (typed, _) = tokio::join!(anna.types("/alfred-invoke aws"), lasting.acknowledges(None));
    assert_eq!(typed.error, None, "a millisecond before its end");
    slack.advance(Duration::from_millis(1));
    assert_eq!(lasting.hears().await["reason"], "refresh_requested");
    lasting.is_closed().await;
}

#[tokio::test]
async fn without_socket_mode_connections_end_and_requests_go_over_http() {
    let slack = slack_in_socket_mode().await;
    let (base, received) = app(200, "text/plain", "Over HTTP", Duration::ZERO).await;
    slack.set_request_url_base(&base);
    let mut socket = Socket::open(&slack).await;
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    tokio::join!(anna.types("/alfred-invoke aws"), socket.acknowledges(None));
    assert_eq!(received.lock().unwrap().len(), 0);

    slack.change_world(|world| world.app.socket_mode = false);
    assert_eq!(socket.hears().await["reason"], "link_disabled");
    socket.is_closed().await;
    anna.types("/alfred-invoke aws").await;
    assert_eq!(anna.transcript(), "Alfredbot (only visible to you)\n  Over HTTP\n");
    let mut early = Socket::at(&slack, &address(&slack).await).await.unwrap();
    assert_eq!(early.hears().await["reason"], "link_disabled");
    early.is_closed().await;
    assert_eq!(slack.open_sockets(), 0);
}

#[tokio::test]
async fn messages_have_fields_of_tomorrow_when_asked() {
    let slack = slack_in_socket_mode().await;
    slack.change_world(|world| world.unknown_fields = true);
    let mut app = Socket::at(&slack, &address(&slack).await).await.unwrap();
    assert!(app.hears().await["x_of_tomorrow"].is_object());
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    let (_, envelope) = tokio::join!(anna.types("/alfred-invoke aws"), app.acknowledges(None));
    assert!(envelope["x_of_tomorrow"].is_object());
}

#[tokio::test]
async fn connections_end_with_the_fake() {
    let slack = slack_in_socket_mode().await;
    let mut app = Socket::open(&slack).await;
    drop(slack);
    app.is_closed().await;
}
