//! Modals and the Home tab, as the app opens and changes them.

use super::*;
use crate::slack::views::{STACK, TRIGGER_LIFETIME_MS};

fn modal(title: &str) -> Value {
    json!({"type": "modal", "title": {"type": "plain_text", "text": title}, "blocks": [{"type": "divider"}]})
}

fn with(view: &Value, field: &str, value: Value) -> Value {
    let mut view = view.clone();
    view[field] = value;
    view
}

/// A trigger of Anna's.
async fn trigger(slack: &FakeSlack) -> String {
    let typed = slack.acts_as("U0ANNA").in_channel("C0OPS").types("/alfred-invoke aws").await;
    let body = typed.request.unwrap().body;
    url::form_urlencoded::parse(&body).find(|(name, _)| name == "trigger_id").unwrap().1.into_owned()
}

async fn open(slack: &FakeSlack, view: &Value) -> Value {
    let trigger = trigger(slack).await;
    call(slack, "views.open", json!({"trigger_id": trigger, "view": view})).await
}

#[tokio::test]
async fn a_trigger_opens_one_modal_within_three_seconds() {
    let slack = slack().await;
    slack.clock().stop_at(1_760_000_000);
    let (first, second, third) = (trigger(&slack).await, trigger(&slack).await, trigger(&slack).await);
    let open = async |trigger: &str| {
        call(&slack, "views.open", json!({"trigger_id": trigger, "view": modal("x")})).await["error"].clone()
    };
    assert_eq!(open("1.2.guess").await, "invalid_trigger_id");
    assert_eq!(open(&first).await, Value::Null);
    assert_eq!(open(&first).await, "exchanged_trigger_id");
    slack.clock().advance(Duration::from_millis(TRIGGER_LIFETIME_MS - 1));
    assert_eq!(open(&second).await, Value::Null);
    slack.clock().advance(Duration::from_millis(1));
    assert_eq!(open(&third).await, "expired_trigger_id");
}

#[tokio::test]
async fn the_answer_describes_the_view() {
    let slack = slack().await;
    let mut view = with(&modal("Run"), "private_metadata", json!("secret"));
    view["callback_id"] = json!("run");
    view["blocks"] = json!([{"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}]);
    let opened = open(&slack, &view).await["view"].clone();
    for (field, value) in [
        ("type", json!("modal")),
        ("team_id", json!("T0ALFRED1")),
        ("app_id", json!("A0ALFRED1")),
        ("private_metadata", json!("secret")),
        ("callback_id", json!("run")),
        ("external_id", json!("")),
        ("submit", Value::Null),
        ("notify_on_close", json!(false)),
        ("previous_view_id", Value::Null),
        ("root_view_id", opened["id"].clone()),
        ("state", json!({"values": {}})),
    ] {
        assert_eq!(opened[field], value, "{field}");
    }
    assert_eq!(opened["blocks"][0]["block_id"], "b0", "Slack makes up what is missing");
    let as_text =
        call(&slack, "views.open", json!({"trigger_id": trigger(&slack).await, "view": view.to_string()}))
            .await;
    assert_eq!(as_text["ok"], true);
}

#[tokio::test]
async fn views_that_slack_refuses_are_refused_with_the_place() {
    let slack = slack().await;
    let input = json!([{"type": "input", "label": {"type": "plain_text", "text": "x"}, "element": {"type": "plain_text_input"}}]);
    let text = |length: usize| json!({"type": "plain_text", "text": "x".repeat(length)});
    let base = modal("x");
    for (view, fault) in [
        (
            json!({"type": "modal", "blocks": [{"type": "divider"}]}),
            "missing required field: title [json-pointer:/view]",
        ),
        (with(&base, "title", text(25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (with(&base, "submit", text(25)), "must be less than 25 characters [json-pointer:/view/submit/text]"),
        (with(&base, "close", text(25)), "must be less than 25 characters [json-pointer:/view/close/text]"),
        (with(&base, "type", json!("home")), "must be one of: modal [json-pointer:/view/type]"),
        (with(&base, "blocks", json!([])), "no less than 1 items allowed [json-pointer:/view/blocks]"),
        (with(&base, "color", json!(1)), "invalid additional property: color [json-pointer:/view]"),
        (
            with(&base, "private_metadata", json!("x".repeat(3001))),
            "must be less than 3001 characters [json-pointer:/view/private_metadata]",
        ),
        (
            with(&base, "callback_id", json!("x".repeat(256))),
            "must be less than 256 characters [json-pointer:/view/callback_id]",
        ),
        (
            with(&base, "blocks", input.clone()),
            "`submit` is required when an input is in blocks [json-pointer:/view]",
        ),
        (
            with(&base, "blocks", json!(vec![json!({"type": "divider"}); 101])),
            "no more than 100 items allowed [json-pointer:/view/blocks]",
        ),
        (
            with(&base, "blocks", json!([{"type": "markdown", "text": "x"}])),
            "unsupported type: markdown [json-pointer:/view/blocks/0/type]",
        ),
        (
            with(&base, "blocks", json!([{"type": "divider"}, {"type": "header", "text": text(151)}])),
            "must be less than 151 characters [json-pointer:/view/blocks/1/text/text]",
        ),
    ] {
        let refused = open(&slack, &view).await;
        assert_eq!(refused["error"], "invalid_arguments", "{view}");
        assert_eq!(refused["response_metadata"]["messages"], json!([format!("[ERROR] {fault}")]));
    }
    let fits = with(&with(&base, "blocks", input), "submit", text(24));
    assert_eq!(open(&slack, &fits).await["ok"], true);
    let fits = with(&base, "blocks", json!(vec![json!({"type": "divider"}); 100]));
    assert_eq!(open(&slack, &fits).await["ok"], true);
    let large = json!({"type": "section", "text": text(2900)});
    let large = with(&base, "blocks", json!(vec![large; 90]));
    assert_eq!(open(&slack, &large).await["error"], "view_too_large");
    let missing = call(&slack, "views.open", json!({"trigger_id": trigger(&slack).await})).await;
    assert_eq!(missing["response_metadata"]["messages"], json!(["[ERROR] missing required field: view"]));
}

#[tokio::test]
async fn an_external_id_names_one_view() {
    let slack = slack().await;
    let named = with(&modal("x"), "external_id", json!("run-1"));
    assert_eq!(open(&slack, &named).await["ok"], true);
    let home = json!({"type": "home", "external_id": "run-1", "blocks": [{"type": "divider"}]});
    let publish = json!({"user_id": "U0BEN", "view": home});
    assert_eq!(call(&slack, "views.publish", publish.clone()).await["error"], "duplicate_external_id");
    let by_name = call(&slack, "views.update", json!({"external_id": "run-1", "view": modal("y")})).await;
    assert_eq!(by_name["view"]["title"]["text"], "y");
    assert_eq!(call(&slack, "views.publish", publish).await["ok"], true, "the update gave the name up");
}

#[tokio::test]
async fn an_update_must_know_what_it_replaces() {
    let slack = slack().await;
    let opened = open(&slack, &modal("loading")).await["view"].clone();
    let update = async |id: &Value, hash: &Value| {
        let arguments = json!({"view_id": id, "hash": hash, "view": modal("ready")});
        call(&slack, "views.update", arguments).await
    };
    let updated = update(&opened["id"], &opened["hash"]).await["view"].clone();
    assert_eq!((&updated["id"], &updated["title"]["text"]), (&opened["id"], &json!("ready")));
    assert_eq!(update(&opened["id"], &opened["hash"]).await["error"], "hash_conflict");
    assert_eq!(update(&opened["id"], &updated["hash"]).await["ok"], true);
    assert_eq!(update(&json!("V0NONE"), &Value::Null).await["error"], "not_found");
    let nothing = call(&slack, "views.update", json!({"view": modal("x")})).await;
    assert_eq!(nothing["error"], "invalid_arguments");
    open(&slack, &modal("another")).await;
    assert_eq!(update(&opened["id"], &Value::Null).await["error"], "not_found", "another one took its place");
}

#[tokio::test]
async fn only_what_happens_in_a_modal_pushes_and_three_are_the_most() {
    let slack = slack().await;
    let elsewhere = trigger(&slack).await;
    let push = async |trigger: &str| {
        call(&slack, "views.push", json!({"trigger_id": trigger, "view": modal("x")})).await
    };
    assert_eq!(push(&elsewhere).await["error"], "invalid_trigger_id");
    let root = open(&slack, &modal("root")).await["view"]["id"].clone();
    let within = |view: &Value| {
        let (view, now_ms) = (view.as_str().unwrap().to_owned(), slack.clock().now_ms());
        slack.inner.change(|state| state.trigger("U0ANNA", Some(&view), now_ms))
    };
    let mut below = root.clone();
    for _ in 1..STACK {
        let pushed = push(&within(&below)).await["view"].clone();
        assert_eq!((&pushed["previous_view_id"], &pushed["root_view_id"]), (&below, &root));
        below = pushed["id"].clone();
    }
    assert_eq!(push(&within(&below)).await["error"], "push_limit_reached");
}

#[tokio::test]
async fn the_home_tab_is_each_persons_own() {
    let slack = slack().await;
    let home = json!({"type": "home", "blocks": [{"type": "divider"}]});
    let publish = async |user: &str, view: &Value, hash: &Value| {
        call(&slack, "views.publish", json!({"user_id": user, "view": view, "hash": hash})).await
    };
    let first = publish("U0ANNA", &home, &Value::Null).await["view"].clone();
    assert_eq!((&first["type"], &first["root_view_id"]), (&json!("home"), &first["id"]));
    assert_eq!(publish("U0ANNA", &home, &json!("0.0")).await["error"], "hash_conflict");
    assert_eq!(publish("U0ANNA", &home, &first["hash"]).await["view"]["id"], first["id"]);
    assert_ne!(publish("U0BEN", &home, &Value::Null).await["view"]["id"], first["id"]);
    assert_eq!(publish("U0CLEO", &modal("x"), &Value::Null).await["error"], "invalid_arguments");
    assert_eq!(publish("U0NOBODY", &home, &Value::Null).await["error"], "user_not_found");
    slack.change_world(|world| world.app.home_tab = false);
    assert_eq!(publish("U0CLEO", &home, &Value::Null).await["error"], "not_enabled");
}
