//! Buttons, forms and selects: what the app is sent, and what its answers do.

use super::*;
use crate::slack::interactivity::Choice;

/// A workspace with an app that answers every request alike.
async fn slack_answered(answer: Value) -> (FakeSlack, Received) {
    let text = if answer.is_null() { String::new() } else { answer.to_string() };
    let answer = move |_: usize, _: &str, _: &Bytes| {
        (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text.clone()).into_response()
    };
    let (base, received) = app_that(answer, Duration::ZERO).await;
    let slack = slack_for(&base).await;
    slack.clock().stop_at(1_760_000_000);
    (slack, received)
}

fn button(text: &str, action_id: &str) -> Value {
    json!({"type": "button", "text": {"type": "plain_text", "text": text}, "action_id": action_id, "value": "v"})
}

fn options() -> Value {
    let option =
        |value: &str| json!({"text": {"type": "plain_text", "text": value.to_uppercase()}, "value": value});
    json!([option("dev"), option("prod")])
}

/// A message with a button and a select; its `ts`.
async fn post(slack: &FakeSlack) -> String {
    let select = json!({"type": "static_select", "action_id": "account", "options": options()});
    let blocks = json!([{"type": "actions", "block_id": "what", "elements": [button("Go", "go"), select]}]);
    let posted =
        call(slack, "chat.postMessage", json!({"channel": "C0OPS", "text": "?", "blocks": blocks})).await;
    posted["ts"].as_str().unwrap().to_owned()
}

fn input(block: &str, element: Value) -> Value {
    json!({"type": "input", "block_id": block, "label": {"type": "plain_text", "text": block}, "element": element})
}

fn form() -> Value {
    let external = json!({"type": "external_select", "action_id": "role"});
    json!({
        "type": "modal", "callback_id": "run", "private_metadata": "m", "notify_on_close": true,
        "title": {"type": "plain_text", "text": "Run"}, "submit": {"type": "plain_text", "text": "Go"},
        "blocks": [
            input("command", json!({"type": "plain_text_input", "action_id": "text"})),
            input("account", json!({"type": "static_select", "action_id": "which", "options": options()})),
            {"type": "actions", "block_id": "more", "elements": [button("More", "more"), external]},
        ],
    })
}

/// Opens a modal for Anna; its id.
async fn open(slack: &FakeSlack, view: Value) -> String {
    let now_ms = slack.clock().now_ms();
    let trigger = slack.inner.change(|state| state.trigger("U0ANNA", None, now_ms));
    let opened = call(slack, "views.open", json!({"trigger_id": trigger, "view": view})).await;
    opened["view"]["id"].as_str().unwrap_or_else(|| panic!("{opened}")).to_owned()
}

/// The last payload that the app was sent.
fn payload(received: &Received) -> Value {
    let received = received.lock().unwrap();
    let (headers, body) = received.last().unwrap();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(headers["x-slack-signature"], signature::sign(SECRET, "1760000000", body));
    let fields: Vec<_> = url::form_urlencoded::parse(body).into_owned().collect();
    assert_eq!((fields.len(), fields[0].0.as_str()), (1, "payload"));
    serde_json::from_str(&fields[0].1).unwrap()
}

#[tokio::test]
async fn a_press_tells_who_pressed_what_where() {
    let (slack, received) = slack_answered(Value::Null).await;
    let ts = post(&slack).await;
    let pressed = slack.press("U0BEN", &ts, "go").await;
    assert_eq!(pressed.error, None);
    let sent = payload(&received);
    for (pointer, value) in [
        ("/type", json!("block_actions")),
        ("/user", json!({"id": "U0BEN", "username": "ben", "name": "ben", "team_id": "T0ALFRED1"})),
        ("/team", json!({"id": "T0ALFRED1", "domain": "wayne-cloud"})),
        ("/enterprise", Value::Null),
        ("/is_enterprise_install", json!(false)),
        ("/api_app_id", json!("A0ALFRED1")),
        (
            "/container",
            json!({"type": "message", "message_ts": ts, "channel_id": "C0OPS", "is_ephemeral": false}),
        ),
        ("/channel", json!({"id": "C0OPS", "name": "ops"})),
        ("/message/ts", json!(ts)),
        ("/message/blocks/0/elements/0/action_id", json!("go")),
        ("/state/values/what/account", json!({"type": "static_select", "selected_option": null})),
        ("/actions/0/type", json!("button")),
        ("/actions/0/action_id", json!("go")),
        ("/actions/0/block_id", json!("what")),
        ("/actions/0/value", json!("v")),
        ("/actions/1", Value::Null),
    ] {
        assert_eq!(sent.pointer(pointer).cloned().unwrap_or_default(), value, "{pointer}");
    }
    assert_eq!(sent["response_url"], json!(pressed.response_url.unwrap()));
    let view = json!({"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": [{"type": "divider"}]});
    let opened = call(&slack, "views.open", json!({"trigger_id": sent["trigger_id"], "view": view})).await;
    assert_eq!(opened["ok"], true);
    assert_eq!(slack.view_seen_by("U0BEN").unwrap().title, "x", "it opens for who pressed");
    assert!(slack.view_seen_by("U0ANNA").is_none());
}

#[tokio::test]
async fn a_choice_comes_with_its_option() {
    let (slack, received) = slack_answered(Value::Null).await;
    let ts = post(&slack).await;
    slack.choose("U0BEN", &ts, "account", json!("prod")).await;
    let sent = payload(&received);
    let prod = options()[1].clone();
    assert_eq!(sent["actions"][0]["selected_option"], prod);
    assert_eq!(sent["state"]["values"]["what"]["account"]["selected_option"], prod);
}

#[tokio::test]
async fn only_who_sees_a_button_presses_it() {
    let (slack, received) = slack_answered(Value::Null).await;
    let ts = post(&slack).await;
    let ephemeral = json!({"channel": "C0OPS", "user": "U0ANNA", "text": "?", "blocks": [
        {"type": "section", "text": {"type": "plain_text", "text": "?"}, "accessory": button("Share", "share")}]});
    let only_anna =
        call(&slack, "chat.postEphemeral", ephemeral).await["message_ts"].as_str().unwrap().to_owned();
    for (user, ts, action, word) in [
        ("U0CLEO", &ts, "go", Some("message_not_found")),
        ("U0BEN", &only_anna, "share", Some("message_not_found")),
        ("U0BEN", &ts, "stop", Some("action_not_found")),
        ("U0NOBODY", &ts, "go", Some("user_not_found")),
        ("U0ANNA", &only_anna, "share", None),
    ] {
        assert_eq!(slack.press(user, ts, action).await.error.as_deref(), word, "{user} {action}");
    }
    let sent = payload(&received);
    assert_eq!((&sent["container"]["is_ephemeral"], &sent["message"]), (&json!(true), &Value::Null));
    assert_eq!(sent["actions"][0]["block_id"], "b0", "Slack made it up");
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    assert_eq!(anna.presses("Share").await.error, None);
    assert_eq!(anna.presses("Nothing").await.error.as_deref(), Some("action_not_found"));
    slack.uninstall();
    assert_eq!(slack.press("U0BEN", &ts, "go").await.error.as_deref(), Some("dispatch_failed"));
    slack.change_world(|world| world.user_mut("U0BEN").unwrap().deleted = true);
    assert_eq!(slack.press("U0BEN", &ts, "go").await.error.as_deref(), Some("account_inactive"));
}

#[tokio::test]
async fn a_button_of_an_absent_app_says_so() {
    let slack = slack().await;
    let ts = post(&slack).await;
    assert_eq!(slack.press("U0BEN", &ts, "go").await.error.as_deref(), Some("dispatch_failed"));
    let (base, _) = app(500, "text/plain", "", Duration::ZERO).await;
    slack.set_request_url_base(&base);
    assert_eq!(slack.press("U0BEN", &ts, "go").await.error.as_deref(), Some("http_service_error"));
}

#[tokio::test]
async fn a_buttons_response_url_changes_its_message() {
    let (slack, _) = slack_answered(Value::Null).await;
    let ben = slack.acts_as("U0BEN").in_channel("C0OPS");
    let ts = post(&slack).await;
    let url = slack.press("U0BEN", &ts, "go").await.response_url.unwrap();
    assert_eq!(respond(&slack, &url, json!({"text": "aside"})).await.0, 200);
    assert_eq!(ben.transcript(), "Alfredbot\n  [Go] []\nAlfredbot (only visible to you)\n  aside\n");
    assert_eq!(respond(&slack, &url, json!({"text": "done", "replace_original": "true"})).await.0, 200);
    assert_eq!(ben.transcript(), "Alfredbot (edited)\n  done\nAlfredbot (only visible to you)\n  aside\n");
    assert_eq!(ben.sees()[0].ts, ts);
    let both = json!({"text": "new", "delete_original": true, "response_type": "in_channel"});
    assert_eq!(respond(&slack, &url, both).await.0, 200);
    assert_eq!(ben.transcript(), "Alfredbot (only visible to you)\n  aside\nAlfredbot\n  new\n");
    assert_eq!(respond(&slack, &url, json!({"text": "4", "replace_original": true})).await.0, 200);
    assert!(ben.transcript().ends_with("(only visible to you)\n  4\n"), "there is none to replace any more");

    let ephemeral = json!({"channel": "C0OPS", "user": "U0BEN", "text": "?", "blocks": [
        {"type": "actions", "elements": [button("Share", "share")]}]});
    let ts = call(&slack, "chat.postEphemeral", ephemeral).await["message_ts"].as_str().unwrap().to_owned();
    let url = slack.press("U0BEN", &ts, "share").await.response_url.unwrap();
    let public = json!({"text": "mine", "replace_original": true, "response_type": "in_channel"});
    assert_eq!(respond(&slack, &url, public).await.0, 200);
    assert!(ben.transcript().ends_with("Alfredbot (only visible to you)\n  mine\n"));
    assert_eq!(respond(&slack, &url, json!({"delete_original": true})).await.0, 200);
    assert!(!ben.transcript().contains("mine"));
}

#[tokio::test]
async fn a_form_is_sent_with_what_is_entered() {
    let (slack, received) = slack_answered(Value::Null).await;
    let id = open(&slack, form()).await;
    assert_eq!(slack.view_seen_by("U0ANNA").unwrap().rendered(), "Run\ncommand\n[]\naccount\n[]\n[More] []");
    let sent = slack.submit_view("U0ANNA", json!({"command": "s3 ls", "which": "dev"})).await;
    assert_eq!(sent.error, None);
    let sent = payload(&received);
    for (pointer, value) in [
        ("/type", json!("view_submission")),
        ("/user/id", json!("U0ANNA")),
        ("/view/id", json!(id)),
        ("/view/callback_id", json!("run")),
        ("/view/private_metadata", json!("m")),
        ("/view/root_view_id", json!(id)),
        ("/view/state/values/command/text", json!({"type": "plain_text_input", "value": "s3 ls"})),
        ("/view/state/values/account/which/selected_option", options()[0].clone()),
        ("/view/state/values/more/role", json!({"type": "external_select", "selected_option": null})),
        ("/view/state/values/more/more", Value::Null),
        ("/response_urls", json!([])),
        ("/channel", Value::Null),
        ("/response_url", Value::Null),
    ] {
        assert_eq!(sent.pointer(pointer).cloned().unwrap_or_default(), value, "{pointer}");
    }
    assert!(slack.view_seen_by("U0ANNA").is_none(), "an empty answer closes it");
    assert_eq!(slack.submit_view("U0ANNA", json!({})).await.error.as_deref(), Some("not_found"));
}

#[tokio::test]
async fn an_incomplete_form_is_not_sent() {
    let (slack, received) = slack_answered(Value::Null).await;
    open(&slack, form()).await;
    let sent = slack.submit_view("U0ANNA", json!({"command": "s3 ls"})).await;
    assert_eq!(sent.error.as_deref(), Some("invalid_entry"));
    assert_eq!(received.lock().unwrap().len(), 0);
    let seen = slack.view_seen_by("U0ANNA").unwrap();
    assert_eq!(seen.errors.keys().collect::<Vec<_>>(), ["account"]);
    assert_eq!(slack.submit_view("U0ANNA", json!({"account": "dev"})).await.error, None, "the rest was kept");
}

#[tokio::test]
async fn the_answer_to_a_form_is_acted_upon() {
    let next = json!({"type": "modal", "title": {"type": "plain_text", "text": "Next"}, "blocks": [{"type": "divider"}]});
    let entered = json!({"command": "s3 ls", "account": "dev"});
    for (answer, word, titles, errors) in [
        (json!({"response_action": "update", "view": next}), None, vec!["Next"], 0),
        (json!({"response_action": "push", "view": next}), None, vec!["Next", "Run"], 0),
        (json!({"response_action": "clear"}), None, vec![], 0),
        (json!({}), None, vec![], 0),
        (json!({"response_action": "errors", "errors": {"command": "No."}}), None, vec!["Run"], 1),
        (
            json!({"response_action": "errors", "errors": {"more": "No."}}),
            Some("invalid_response"),
            vec!["Run"],
            0,
        ),
        (json!({"response_action": "errors", "errors": {}}), Some("invalid_response"), vec!["Run"], 0),
        (json!({"response_action": "errors"}), Some("invalid_response"), vec!["Run"], 0),
        (json!({"response_action": "dance"}), Some("invalid_response"), vec!["Run"], 0),
        (json!({"response_action": "update"}), Some("invalid_response"), vec!["Run"], 0),
        (
            json!({"response_action": "update", "view": {"type": "modal"}}),
            Some("invalid_arguments"),
            vec!["Run"],
            0,
        ),
        (json!({"text": "thanks"}), Some("invalid_response"), vec!["Run"], 0),
        (json!([]), Some("invalid_response"), vec!["Run"], 0),
    ] {
        let (slack, _) = slack_answered(answer.clone()).await;
        open(&slack, form()).await;
        let sent = slack.submit_view("U0ANNA", entered.clone()).await;
        assert_eq!(sent.error.as_deref(), word, "{answer}");
        let seen = slack.view_seen_by("U0ANNA");
        assert_eq!(seen.as_ref().map_or(0, |seen| seen.errors.len()), errors, "{answer}");
        let mut found = Vec::new();
        while let Some(seen) = slack.view_seen_by("U0ANNA") {
            found.push(seen.title);
            slack.close_view("U0ANNA").await;
        }
        assert_eq!(found, titles, "{answer}");
    }
}

#[tokio::test]
async fn clearing_takes_the_whole_stack_away() {
    let push = json!({"response_action": "push", "view": form()}).to_string();
    let answer = move |number: usize, _: &str, _: &Bytes| {
        let text = if number == 0 { push.clone() } else { json!({"response_action": "clear"}).to_string() };
        (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text).into_response()
    };
    let (base, _) = app_that(answer, Duration::ZERO).await;
    let slack = slack_for(&base).await;
    open(&slack, form()).await;
    let entered = json!({"command": "s3 ls", "account": "dev"});
    assert_eq!(slack.submit_view("U0ANNA", entered.clone()).await.error, None);
    assert_eq!(slack.view_seen_by("U0ANNA").unwrap().below, 1);
    assert_eq!(slack.submit_view("U0ANNA", entered).await.error, None);
    assert!(slack.view_seen_by("U0ANNA").is_none());
}

#[tokio::test]
async fn a_form_that_the_app_does_not_answer_stays() {
    let (base, _) = app(503, "text/plain", "", Duration::ZERO).await;
    let slack = slack_for(&base).await;
    open(&slack, form()).await;
    let sent = slack.submit_view("U0ANNA", json!({"command": "s3 ls", "account": "dev"})).await;
    assert_eq!(sent.error.as_deref(), Some("http_service_error"));
    assert_eq!(slack.view_seen_by("U0ANNA").unwrap().title, "Run");
}

#[tokio::test]
async fn a_button_in_a_modal_comes_with_the_view() {
    let (slack, received) = slack_answered(Value::Null).await;
    let id = open(&slack, form()).await;
    slack.choose_in_view("U0ANNA", "role", json!("arn:admin")).await;
    let sent = payload(&received);
    assert_eq!(sent["container"], json!({"type": "view", "view_id": id}));
    assert_eq!(sent["actions"][0]["selected_option"]["value"], "arn:admin");
    for absent in ["channel", "message", "response_url"] {
        assert_eq!(sent[absent], Value::Null, "{absent}");
    }
    slack.press_in_view("U0ANNA", "more").await;
    let sent = payload(&received);
    assert_eq!(sent["view"]["state"]["values"]["more"]["role"]["selected_option"]["value"], "arn:admin");
    let push = json!({"trigger_id": sent["trigger_id"], "view": form()});
    assert_eq!(call(&slack, "views.push", push).await["view"]["previous_view_id"], json!(id));
    assert_eq!(slack.view_seen_by("U0ANNA").unwrap().below, 1);
    let number = received.lock().unwrap().len();
    let entry = slack.choose_in_view("U0ANNA", "text", json!("x")).await;
    assert_eq!((entry.error.as_deref(), received.lock().unwrap().len()), (Some("no_action"), number));
}

#[tokio::test]
async fn an_update_keeps_what_was_entered() {
    let (slack, received) = slack_answered(json!({})).await;
    let id = open(&slack, form()).await;
    slack.choose_in_view("U0ANNA", "role", json!("arn:admin")).await;
    let mut changed = form();
    changed["blocks"][2]["elements"][1]["action_id"] = json!("another");
    slack.choose_in_view("U0ANNA", "text", json!("s3 ls")).await;
    call(&slack, "views.update", json!({"view_id": id, "view": changed})).await;
    slack.press_in_view("U0ANNA", "more").await;
    let values = payload(&received)["view"]["state"]["values"].clone();
    assert_eq!(values["command"]["text"]["value"], "s3 ls");
    assert_eq!(values["more"], json!({"another": {"type": "external_select", "selected_option": null}}));
    let back = call(&slack, "views.update", json!({"view_id": id, "view": form()})).await;
    assert_eq!(
        back["view"]["state"]["values"]["more"]["role"]["selected_option"],
        Value::Null,
        "what went is gone"
    );
}

#[tokio::test]
async fn closing_is_told_where_it_was_asked_for() {
    let (slack, received) = slack_answered(Value::Null).await;
    let quiet = {
        let mut form = form();
        form["notify_on_close"] = json!(false);
        form
    };
    open(&slack, quiet).await;
    assert_eq!(slack.close_view("U0ANNA").await.len(), 0);
    assert_eq!(received.lock().unwrap().len(), 0);
    let id = open(&slack, form()).await;
    assert_eq!(slack.close_view("U0ANNA").await.len(), 1);
    let sent = payload(&received);
    assert_eq!(
        (&sent["type"], &sent["view"]["id"], &sent["is_cleared"]),
        (&json!("view_closed"), &json!(id), &json!(false))
    );
    open(&slack, form()).await;
    let trigger = {
        slack.press_in_view("U0ANNA", "more").await;
        payload(&received)["trigger_id"].clone()
    };
    call(&slack, "views.push", json!({"trigger_id": trigger, "view": form()})).await;
    assert_eq!(slack.close_views("U0ANNA").await.len(), 2);
    assert_eq!(payload(&received)["is_cleared"], true);
    let mut clears = form();
    clears["clear_on_close"] = json!(true);
    open(&slack, clears).await;
    slack.close_view("U0ANNA").await;
    assert_eq!(payload(&received)["is_cleared"], true);
}

#[tokio::test]
async fn a_modal_gives_response_urls_where_it_asks_for_a_channel() {
    let (slack, received) = slack_answered(Value::Null).await;
    let mut view = form();
    let select = json!({"type": "conversations_select", "action_id": "where", "response_url_enabled": true});
    view["blocks"] = json!([input("place", select)]);
    open(&slack, view).await;
    slack.submit_view("U0ANNA", json!({"place": "C0OPS"})).await;
    let urls = payload(&received)["response_urls"].clone();
    assert_eq!(
        (&urls[0]["block_id"], &urls[0]["action_id"], &urls[0]["channel_id"]),
        (&json!("place"), &json!("where"), &json!("C0OPS"))
    );
    let post = json!({"text": "done", "response_type": "in_channel"});
    assert_eq!(respond(&slack, urls[0]["response_url"].as_str().unwrap(), post).await.0, 200);
    assert_eq!(slack.acts_as("U0BEN").in_channel("C0OPS").transcript(), "Alfredbot\n  done\n");
}

#[tokio::test]
async fn options_are_asked_of_the_app() {
    let (slack, received) = slack_answered(json!({"options": options()})).await;
    let id = open(&slack, form()).await;
    let found = slack.suggest("U0ANNA", None, "role", "adm").await.unwrap();
    let choice = |value: &str| Choice { text: value.to_uppercase(), value: value.to_owned() };
    assert_eq!(found, [choice("dev"), choice("prod")]);
    let sent = payload(&received);
    for (field, value) in [
        ("type", json!("block_suggestion")),
        ("action_id", json!("role")),
        ("block_id", json!("more")),
        ("value", json!("adm")),
        ("container", json!({"type": "view", "view_id": id})),
    ] {
        assert_eq!(sent[field], value, "{field}");
    }
    let number = received.lock().unwrap().len();
    assert_eq!(slack.suggest("U0ANNA", None, "role", "ad").await, Ok(vec![]), "fewer than three characters");
    assert_eq!(received.lock().unwrap().len(), number);
    assert_eq!(slack.suggest("U0ANNA", None, "nothing", "adm").await, Err("action_not_found".to_owned()));
    for (answer, found) in [
        (json!({"options": []}), Ok(0)),
        (
            json!({"option_groups": [{"label": {"type": "plain_text", "text": "x"}, "options": options()}]}),
            Ok(2),
        ),
        (json!({}), Err("invalid_options".to_owned())),
        (json!({"options": vec![options()[0].clone(); 101]}), Err("invalid_options".to_owned())),
        (json!([]), Err("invalid_options".to_owned())),
    ] {
        let (slack, _) = slack_answered(answer.clone()).await;
        open(&slack, form()).await;
        assert_eq!(
            slack.suggest("U0ANNA", None, "role", "adm").await.map(|found| found.len()),
            found,
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_home_tab_has_buttons_too() {
    let (slack, received) = slack_answered(Value::Null).await;
    let home = json!({"type": "home", "blocks": [{"type": "actions", "elements": [button("Go", "go")]}]});
    call(&slack, "views.publish", json!({"user_id": "U0ANNA", "view": home})).await;
    assert_eq!(slack.home_seen_by("U0ANNA").unwrap().rendered(), "\n[Go]");
    assert_eq!(slack.press_in_home("U0ANNA", "go").await.error, None);
    let sent = payload(&received);
    assert_eq!((&sent["container"]["type"], &sent["view"]["type"]), (&json!("view"), &json!("home")));
    assert_eq!(slack.press_in_home("U0BEN", "go").await.error.as_deref(), Some("not_found"));
}
