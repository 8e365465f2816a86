//! What happens in the workspace, and what the app hears of it.

use super::*;
use crate::slack::changes::Refusal;
use crate::slack::events::SentEvent;

/// A workspace at a time that stands still, with an app that listens.
async fn slack_and_app() -> (FakeSlack, Received) {
    let (base, received) = app(200, "text/plain", "", Duration::ZERO).await;
    let slack = slack_for(&base).await;
    slack.clock().stop_at(1_760_000_000);
    (slack, received)
}

/// What the app hears of a change: the events without what differs each time.
async fn heard(slack: &FakeSlack, change: impl FnOnce(&FakeSlack) -> Result<(), Refusal>) -> Vec<Value> {
    let before = slack.events().len();
    change(slack).unwrap();
    assert!(slack.events_settle(SOON).await);
    let mut events: Vec<_> = slack.events().split_off(before).into_iter().map(|event| event.event).collect();
    for event in &mut events {
        assert!(event.as_object_mut().unwrap().remove("event_ts").is_some());
    }
    events
}

fn bodies(received: &Received) -> Vec<Value> {
    received.lock().unwrap().iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
}

#[tokio::test]
async fn an_event_is_signed_and_wrapped() {
    let (slack, received) = slack_and_app().await;
    slack.join("U0DAN", "C0OPS").unwrap();
    assert!(slack.events_settle(SOON).await);
    let (headers, body) = received.lock().unwrap().pop().unwrap();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["x-slack-signature"], signature::sign(SECRET, "1760000000", &body));
    assert!(!headers.contains_key("x-slack-retry-num"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body,
        json!({
            "token": "deprecated-verification-token", "team_id": "T0ALFRED1", "context_team_id": "T0ALFRED1",
            "context_enterprise_id": null, "api_app_id": "A0ALFRED1", "type": "event_callback",
            "event": {"type": "member_joined_channel", "user": "U0DAN", "channel": "C0OPS", "channel_type": "C",
                "team": "T0ALFRED1", "event_ts": body["event"]["event_ts"]},
            "event_id": "Ev000000001", "event_time": 1_760_000_000,
            "authorizations": [{"enterprise_id": null, "team_id": "T0ALFRED1", "user_id": "U0ALFRED",
                "is_bot": true, "is_enterprise_install": false}],
            "is_ext_shared_channel": false, "event_context": "4-Ev000000001",
        })
    );
}

#[tokio::test]
async fn who_comes_and_goes_is_told_where_the_bot_is() {
    let (slack, _) = slack_and_app().await;
    let event = |kind: &str, user: &str, channel: &str, letter: &str| json!({"type": kind, "user": user, "channel": channel, "channel_type": letter, "team": "T0ALFRED1"});
    let joined = heard(&slack, |slack| slack.join("U0DAN", "C0OPS")).await;
    assert_eq!(joined, [event("member_joined_channel", "U0DAN", "C0OPS", "C")]);
    let left = heard(&slack, |slack| slack.leave("U0DAN", "C0OPS")).await;
    assert_eq!(left, [event("member_left_channel", "U0DAN", "C0OPS", "C")]);
    let mut invited = event("member_joined_channel", "U0DAN", "G0PROD", "G");
    invited["inviter"] = json!("U0CLEO");
    assert_eq!(heard(&slack, |slack| slack.invite("U0CLEO", "U0DAN", "G0PROD")).await, [invited]);
    let removed = heard(&slack, |slack| slack.remove("U0CLEO", "U0DAN", "G0PROD")).await;
    assert_eq!(removed, [event("member_left_channel", "U0DAN", "G0PROD", "G")]);
    let cleo = slack.acts_as("U0CLEO").in_channel("G0PROD").transcript();
    assert_eq!(
        cleo,
        "Dan Lindqvist\n  was added to #prod-admins by Cleo Marchetti.\n\
         Dan Lindqvist\n  was removed from #prod-admins by Cleo Marchetti.\n"
    );

    let gone = heard(&slack, |slack| slack.remove_bot("U0BEN", "C0OPS")).await;
    assert_eq!(gone, [json!({"type": "channel_left", "channel": "C0OPS", "actor_id": "U0BEN"})]);
    assert_eq!(heard(&slack, |slack| slack.join("U0DAN", "C0OPS")).await, [] as [Value; 0], "unseen");
    assert_eq!(heard(&slack, |slack| slack.leave("U0DAN", "C0OPS")).await, [] as [Value; 0], "unseen");
    let mut back = event("member_joined_channel", "U0ALFRED", "C0OPS", "C");
    back["inviter"] = json!("U0BEN");
    assert_eq!(heard(&slack, |slack| slack.invite_bot("U0BEN", "C0OPS")).await, [back]);
    let gone = heard(&slack, |slack| slack.remove_bot("U0CLEO", "G0PROD")).await;
    assert_eq!(gone, [json!({"type": "group_left", "channel": "G0PROD", "actor_id": "U0CLEO"})]);
}

#[tokio::test]
async fn what_becomes_of_channels_is_told() {
    let (slack, _) = slack_and_app().await;
    for (change, event) in [
        (
            (|slack| slack.archive("U0ANNA", "C0OPS")) as fn(&FakeSlack) -> Result<(), Refusal>,
            json!({"type": "channel_archive", "channel": "C0OPS", "user": "U0ANNA"}),
        ),
        (
            |slack| slack.unarchive("U0ANNA", "C0OPS"),
            json!({"type": "channel_unarchive", "channel": "C0OPS", "user": "U0ANNA"}),
        ),
        (
            |slack| slack.archive("U0CLEO", "G0PROD"),
            json!({"type": "group_archive", "channel": "G0PROD", "user": "U0CLEO"}),
        ),
        (
            |slack| slack.unarchive("U0CLEO", "G0PROD"),
            json!({"type": "group_unarchive", "channel": "G0PROD", "user": "U0CLEO"}),
        ),
        (
            |slack| slack.rename_channel("C0OPS", "operations"),
            json!({"type": "channel_rename", "channel": {"id": "C0OPS", "name": "operations",
                "name_normalized": "operations", "created": 1_700_000_000}}),
        ),
        (
            |slack| slack.rename_channel("G0PROD", "production"),
            json!({"type": "group_rename", "channel": {"id": "G0PROD", "name": "production",
                "name_normalized": "production", "created": 1_700_000_000}}),
        ),
        (
            |slack| slack.change_channel_id("C0OPS", "C0NEW"),
            json!({"type": "channel_id_changed", "old_channel_id": "C0OPS", "new_channel_id": "C0NEW"}),
        ),
        (
            |slack| slack.delete_channel("U0ANNA", "C0NEW"),
            json!({"type": "channel_deleted", "channel": "C0NEW", "actor_id": "U0ANNA"}),
        ),
        (
            |slack| slack.delete_channel("U0CLEO", "G0PROD"),
            json!({"type": "group_deleted", "channel": "G0PROD", "actor_id": "U0CLEO"}),
        ),
    ] {
        assert_eq!(heard(&slack, change).await, [event]);
    }
    assert_eq!(call_form(&slack, "conversations.info", "channel=C0NEW").await["error"], "channel_not_found");
}

#[tokio::test]
async fn a_channel_that_turns_private_keeps_its_id_and_says_nothing() {
    let (slack, _) = slack_and_app().await;
    assert_eq!(heard(&slack, |slack| slack.convert_to_private("C0OPS")).await, [] as [Value; 0]);
    assert_eq!(call_form(&slack, "conversations.info", "channel=C0OPS").await["channel"]["is_private"], true);
    slack.remove_bot("U0BEN", "C0OPS").unwrap();
    assert_eq!(
        call_form(&slack, "conversations.members", "channel=C0OPS").await["error"],
        "channel_not_found"
    );
}

#[tokio::test]
async fn an_id_changes_with_all_that_hangs_on_it() {
    let (slack, _) = slack_and_app().await;
    let url = response_url(&slack).await;
    slack.change_channel_id("C0OPS", "C0NEW").unwrap();
    assert_eq!(respond(&slack, &url, json!({"text": "late"})).await.0, 200);
    assert!(slack.acts_as("U0ANNA").in_channel("C0NEW").transcript().ends_with("  late\n"));
    assert_eq!(call_form(&slack, "conversations.info", "channel=C0OPS").await["error"], "channel_not_found");
    assert_eq!(slack.change_channel_id("C0NEW", "C0GENERAL"), Err("name_taken"));
}

#[tokio::test]
async fn changes_of_user_groups_are_told() {
    let (slack, _) = slack_and_app().await;
    let mut groups = heard(&slack, |slack| slack.set_usergroup_members("S0SRE", &["U0BEN", "U0DAN"])).await;
    let updated = groups.pop().unwrap();
    assert_eq!(
        groups,
        [json!({"type": "subteam_members_changed", "subteam_id": "S0SRE", "team_id": "T0ALFRED1",
            "date_previous_update": 1_700_000_000, "date_update": 1_760_000_000,
            "added_users": ["U0BEN", "U0DAN"], "added_users_count": "2",
            "removed_users": ["U0ANNA"], "removed_users_count": "1"})]
    );
    let subteam = &updated["subteam"];
    assert_eq!((&updated["type"], &subteam["id"]), (&json!("subteam_updated"), &json!("S0SRE")));
    assert_eq!((&subteam["users"], &subteam["user_count"]), (&json!(["U0BEN", "U0DAN"]), &json!(2)));
    assert_eq!(subteam["date_delete"], 0);
    let same = heard(&slack, |slack| slack.set_usergroup_members("S0SRE", &["U0DAN", "U0BEN"])).await;
    assert_eq!(same, [] as [Value; 0], "nobody came or went");
    slack.advance(Duration::from_secs(60));
    let disabled = heard(&slack, |slack| slack.disable_usergroup("S0SRE")).await;
    assert_eq!(disabled[0]["subteam"]["date_delete"], 1_760_000_060);
    let enabled = heard(&slack, |slack| slack.enable_usergroup("S0SRE")).await;
    assert_eq!(enabled[0]["subteam"]["date_delete"], 0);
    let created =
        heard(&slack, |slack| slack.create_usergroup("dba", "Databases", &["U0DAN"]).map(drop)).await;
    assert_eq!(
        (&created[0]["type"], &created[0]["subteam"]["handle"]),
        (&json!("subteam_created"), &json!("dba"))
    );
    slack.change_world(|world| {
        let many = (0..600)
            .map(|number| world::User { id: format!("U1{number}"), ..world.user("U0DAN").unwrap().clone() });
        let many: Vec<_> = many.collect();
        world.users.extend(many);
    });
    let many: Vec<_> = (0..600).map(|number| format!("U1{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let changed = heard(&slack, |slack| slack.set_usergroup_members("S0SRE", &many)).await;
    let subteam = &changed[1]["subteam"];
    assert_eq!((subteam["users"].as_array().unwrap().len(), &subteam["user_count"]), (500, &json!(600)));
}

#[tokio::test]
async fn changes_of_people_are_told_whole() {
    let (slack, _) = slack_and_app().await;
    for (change, field, value) in [
        (
            (|slack| slack.deactivate("U0BEN")) as fn(&FakeSlack) -> Result<(), Refusal>,
            "deleted",
            json!(true),
        ),
        (|slack| slack.reactivate("U0BEN"), "deleted", json!(false)),
        (|slack| slack.make_admin("U0BEN"), "is_admin", json!(true)),
        (|slack| slack.set_guest("U0BEN"), "is_restricted", json!(true)),
        (|slack| slack.make_member("U0BEN"), "is_restricted", json!(false)),
        (|slack| slack.rename_user("U0BEN", "Benjamin"), "real_name", json!("Benjamin")),
    ] {
        let events = heard(&slack, change).await;
        assert_eq!((events.len(), &events[0]["type"]), (1, &json!("user_change")));
        assert_eq!((&events[0]["user"]["id"], &events[0]["user"][field]), (&json!("U0BEN"), &value));
        assert_eq!(events[0]["user"]["updated"], 1_760_000_000);
    }
    slack.deactivate("U0BEN").unwrap();
    let members = call_form(&slack, "conversations.members", "channel=C0OPS").await["members"].clone();
    assert!(members.as_array().unwrap().contains(&json!("U0BEN")), "the lists still hold who is gone");
}

#[tokio::test]
async fn an_uninstallation_is_told_and_ends_everything() {
    let (slack, _) = slack_and_app().await;
    let events = heard(&slack, |slack| {
        slack.uninstall();
        Ok(())
    })
    .await;
    assert_eq!(
        events,
        [
            json!({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0ALFRED"]}}),
            json!({"type": "app_uninstalled"}),
        ]
    );
    assert_eq!(call_form(&slack, "auth.test", "").await["error"], "account_inactive");
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    assert_eq!(anna.types("/alfred-invoke aws").await.error.as_deref(), Some("invalid_command"));
    assert_eq!(slack.invite_bot("U0BEN", "C0OPS"), Err("user_not_found"));
    assert_eq!(heard(&slack, |slack| slack.deactivate("U0BEN")).await, [] as [Value; 0]);
    let members = slack.change_world(|world| world.channel("C0OPS").unwrap().members.clone());
    assert!(!members.contains(&"U0ALFRED".to_owned()));
}

#[tokio::test]
async fn only_what_is_subscribed_to_and_in_scope_is_told() {
    let (slack, _) = slack_and_app().await;
    slack.change_world(|world| _ = world.app.bot_events.remove("member_joined_channel"));
    assert_eq!(heard(&slack, |slack| slack.join("U0DAN", "C0OPS")).await, [] as [Value; 0]);
    assert_eq!(heard(&slack, |slack| slack.leave("U0DAN", "C0OPS")).await.len(), 1);
    for (scope, change) in [
        (
            "channels:read",
            (|slack| slack.archive("U0ANNA", "C0OPS")) as fn(&FakeSlack) -> Result<(), Refusal>,
        ),
        ("groups:read", |slack| slack.remove("U0CLEO", "U0CLEO", "G0PROD")),
        ("usergroups:read", |slack| slack.set_usergroup_members("S0SRE", &[])),
        ("users:read", |slack| slack.make_admin("U0BEN")),
    ] {
        slack.change_world(|world| {
            _ = world.app.installation.as_mut().unwrap().scopes.remove(scope);
        });
        assert_eq!(heard(&slack, change).await, [] as [Value; 0], "{scope}");
    }
}

#[tokio::test]
async fn the_home_tab_is_told_with_what_was_published() {
    let (slack, _) = slack_and_app().await;
    let opened = heard(&slack, |slack| slack.open_home("U0ANNA")).await;
    assert_eq!(
        opened,
        [json!({"type": "app_home_opened", "user": "U0ANNA", "channel": "D0ANNA", "tab": "home"})]
    );
    let home = json!({"type": "home", "blocks": [{"type": "divider"}]});
    call(&slack, "views.publish", json!({"user_id": "U0ANNA", "view": home})).await;
    let opened = heard(&slack, |slack| slack.open_home("U0ANNA")).await;
    assert_eq!(opened[0]["view"]["type"], "home");
}

#[tokio::test]
async fn what_slack_forbids_changes_nothing() {
    let (slack, _) = slack_and_app().await;
    slack.change_world(|world| {
        let template = world.user("U0DAN").unwrap().clone();
        for (id, standing) in [
            ("U0ONE", Standing::SingleChannelGuest),
            ("U0AWAY", Standing::Stranger),
            ("U0OWN", Standing::PrimaryOwner),
        ] {
            world.users.push(world::User { id: id.into(), standing, ..template.clone() });
        }
    });
    slack.join("U0ONE", "C0OPS").unwrap();
    slack.deactivate("U0DAN").unwrap();
    for (word, change) in [
        (
            "user_not_found",
            (|slack| slack.join("U0NOBODY", "C0OPS")) as fn(&FakeSlack) -> Result<(), Refusal>,
        ),
        ("user_not_found", |slack| slack.join("U0DAN", "C0OPS")),
        ("channel_not_found", |slack| slack.join("U0CLEO", "C0NOWHERE")),
        ("already_in_channel", |slack| slack.join("U0BEN", "C0OPS")),
        ("ura_max_channels", |slack| slack.join("U0ONE", "C0GENERAL")),
        ("user_team_not_in_channel", |slack| slack.join("U0AWAY", "C0OPS")),
        ("not_in_channel", |slack| slack.leave("U0CLEO", "C0OPS")),
        ("cant_leave_general", |slack| slack.leave("U0BEN", "C0GENERAL")),
        ("cant_kick_from_general", |slack| slack.remove("U0ANNA", "U0BEN", "C0GENERAL")),
        ("cant_archive_general", |slack| slack.archive("U0ANNA", "C0GENERAL")),
        ("not_archived", |slack| slack.unarchive("U0ANNA", "C0OPS")),
        ("name_taken", |slack| slack.rename_channel("C0OPS", "general")),
        ("invalid_name_specials", |slack| slack.create_channel("Ops Room", false, "U0ANNA").map(drop)),
        ("invalid_name_maxlength", |slack| slack.create_channel(&"x".repeat(81), false, "U0ANNA").map(drop)),
        ("invalid_users", |slack| slack.set_usergroup_members("S0SRE", &["U0NOBODY"])),
        ("no_such_subteam", |slack| slack.disable_usergroup("S0NONE")),
        ("handle_already_exists", |slack| slack.create_usergroup("anna", "x", &[]).map(drop)),
        ("cannot_perform_operation", |slack| slack.deactivate("U0OWN")),
        ("invalid_user", |slack| slack.make_admin("U0ALFRED")),
    ] {
        assert_eq!(change(&slack), Err(word));
    }
    slack.change_world(|world| world.free_plan = true);
    assert_eq!(slack.set_usergroup_members("S0SRE", &[]), Err("plan_upgrade_required"));
}

#[tokio::test]
async fn a_new_private_channel_is_its_makers_alone() {
    let (slack, _) = slack_and_app().await;
    let id = slack.create_channel("war-room", true, "U0ANNA").unwrap();
    assert!(id.starts_with('C'), "{id}");
    assert_eq!(
        call_form(&slack, "conversations.info", &format!("channel={id}")).await["error"],
        "channel_not_found"
    );
    slack.invite_bot("U0ANNA", &id).unwrap();
    let info = call_form(&slack, "conversations.info", &format!("channel={id}")).await;
    assert_eq!(
        (&info["channel"]["is_private"], &info["channel"]["name"]),
        (&json!(true), &json!("war-room"))
    );
}

#[tokio::test]
async fn slacks_own_commands_change_who_is_there() {
    let (slack, _) = slack_and_app().await;
    slack.remove_bot("U0BEN", "C0OPS").unwrap();
    let ben = slack.acts_as("U0BEN").in_channel("C0OPS");
    for (line, word) in [
        ("/invite @alfredbot", None),
        ("/invite @alfredbot", Some("already_in_channel")),
        ("/invite @nobody", Some("user_not_found")),
        ("/invite", Some("no_user")),
        ("/invite @dan #prod-admins", Some("channel_not_found")),
        ("/invite @dan #ops", None),
        ("/remove @dan", None),
        ("/remove @alfredbot", None),
        ("/archive", None),
        ("/leave", Some("is_archived")),
    ] {
        assert_eq!(ben.types(line).await.error.as_deref(), word, "{line}");
    }
    let read = ben.transcript();
    assert!(read.starts_with(
        "Alfredbot\n  was removed from #ops by Ben Okafor.\nAlfredbot\n  was added to #ops by Ben Okafor.\n"
    ));
    assert!(read.contains("Slackbot (only visible to you)\n  `/invite` did nothing: already_in_channel\n"));
    assert_eq!(slack.posted().len(), 0, "what Slack says about the app is not said by it");
    let guest = slack.acts_as("U0GUEST").in_channel("C0GENERAL");
    assert_eq!(guest.types("/invite @alfredbot").await.error.as_deref(), Some("restricted_action"));
    assert_eq!(guest.types("/leave").await.error, None);
    assert_eq!(guest.sees().len(), 0);
}

/// The numbers and reasons of an event's deliveries.
fn deliveries(event: &SentEvent) -> Vec<(usize, Option<&'static str>, Option<u16>, u64)> {
    event.deliveries.iter().map(|it| (it.retry, it.reason, it.status, it.at - 1_760_000_000)).collect()
}

#[tokio::test]
async fn an_app_that_fails_is_told_three_times_more() {
    let (base, received) = app(500, "text/plain", "", Duration::ZERO).await;
    let slack = slack_for(&base).await;
    slack.clock().stop_at(1_760_000_000);
    slack.join("U0DAN", "C0OPS").unwrap();
    assert!(slack.events_settle(SOON).await);
    let reason = Some("http_error");
    assert_eq!(
        deliveries(&slack.events()[0]),
        [(0, None, Some(500), 0), (1, reason, Some(500), 0)],
        "again at once"
    );
    slack.advance(Duration::from_secs(59));
    assert!(slack.events_settle(SOON).await);
    assert_eq!(received.lock().unwrap().len(), 2);
    slack.advance(Duration::from_secs(1));
    assert!(slack.events_settle(SOON).await);
    slack.advance(Duration::from_secs(299));
    assert!(slack.events_settle(SOON).await);
    assert_eq!(received.lock().unwrap().len(), 3);
    slack.advance(Duration::from_secs(1));
    assert!(slack.events_settle(SOON).await);
    assert_eq!(received.lock().unwrap().len(), 4);
    slack.advance(Duration::from_secs(3600));
    assert!(slack.events_settle(SOON).await);
    assert_eq!(
        deliveries(&slack.events()[0])[2..],
        [(2, reason, Some(500), 60), (3, reason, Some(500), 360)]
    );
    let received = received.lock().unwrap();
    let (headers, body) = &received[3];
    assert_eq!(
        (&headers["x-slack-retry-num"], &headers["x-slack-retry-reason"]),
        (&"3".parse().unwrap(), &"http_error".parse().unwrap())
    );
    assert_eq!(headers["x-slack-signature"], signature::sign(SECRET, "1760000360", body), "signed anew");
    assert_eq!(body, &received[0].1, "the same event");
}

#[tokio::test]
async fn retries_name_their_reason_and_stop_when_asked() {
    let slack = slack().await;
    slack.clock().stop_at(1_760_000_000);
    slack.join("U0DAN", "C0OPS").unwrap();
    assert!(slack.events_settle(SOON).await);
    assert_eq!(deliveries(&slack.events()[0])[1], (1, Some("connection_failed"), None, 0));

    let (base, received) = app_that(
        |_, _, _| (StatusCode::BAD_REQUEST, [("x-slack-no-retry", "1")]).into_response(),
        Duration::ZERO,
    )
    .await;
    slack.set_request_url_base(&base);
    slack.leave("U0DAN", "C0OPS").unwrap();
    assert!(slack.events_settle(SOON).await);
    assert_eq!(deliveries(&slack.events()[1]), [(0, None, Some(400), 0)]);
    assert_eq!(received.lock().unwrap().len(), 1);

    let (base, _) = app(200, "text/plain", "", Duration::from_secs(60)).await;
    slack.set_request_url_base(&base);
    slack.join("U0DAN", "C0OPS").unwrap();
    let late = slack.wait_for(SOON, |slack| slack.events()[2].deliveries.get(1).cloned()).await.unwrap();
    assert_eq!((late.reason, late.status), (Some("http_timeout"), None));
}

#[tokio::test]
async fn events_go_astray_when_asked() {
    let (slack, received) = slack_and_app().await;
    slack.drop_events(true);
    slack.join("U0DAN", "C0OPS").unwrap();
    slack.drop_events(false);
    assert!(slack.events_settle(SOON).await);
    let lost = slack.events()[0].clone();
    assert_eq!((lost.dropped, lost.deliveries.len(), received.lock().unwrap().len()), (true, 0, 0));
    assert_eq!(slack.resend_event(&lost.id).await.unwrap().status, Some(200));
    assert_eq!(bodies(&received)[0]["event_id"], lost.id);
    assert!(slack.resend_event("Ev0").await.is_none());

    slack.duplicate_events(true);
    slack.leave("U0DAN", "C0OPS").unwrap();
    slack.duplicate_events(false);
    assert!(slack.events_settle(SOON).await);
    let twice = bodies(&received).split_off(1);
    assert_eq!((twice.len(), &twice[0]), (2, &twice[1]));

    slack.hold_events();
    slack.join("U0DAN", "C0OPS").unwrap();
    slack.leave("U0DAN", "C0OPS").unwrap();
    assert!(slack.events_settle(SOON).await);
    // By the time that another request was answered, these would have been as well.
    slack.url_verification("x").await;
    received.lock().unwrap().pop().unwrap();
    assert_eq!(received.lock().unwrap().len(), 3);
    slack.release_events(true);
    assert!(slack.events_settle(SOON).await);
    let kinds: Vec<_> =
        bodies(&received).split_off(3).iter().map(|body| body["event"]["type"].clone()).collect();
    assert_eq!(kinds, ["member_left_channel", "member_joined_channel"]);

    slack.delay_events(Duration::from_secs(10));
    slack.join("U0DAN", "C0OPS").unwrap();
    assert!(slack.events_settle(SOON).await);
    assert_eq!(received.lock().unwrap().len(), 5);
    slack.advance(Duration::from_secs(10));
    assert!(slack.events_settle(SOON).await);
    assert_eq!(received.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn a_running_clock_brings_what_is_due() {
    let (base, received) = app(200, "text/plain", "", Duration::ZERO).await;
    let slack = slack_for(&base).await;
    slack.delay_events(Duration::from_millis(50));
    slack.join("U0DAN", "C0OPS").unwrap();
    slack.wait_for(SOON, |slack| slack.events()[0].deliveries.first().cloned()).await.unwrap();
    assert_eq!(received.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_moves_the_clock_brings_what_is_due() {
    let (slack, _) = slack_and_app().await;
    slack.delay_events(Duration::from_secs(3600));
    slack.join("U0DAN", "C0OPS").unwrap();
    slack.url_verification("x").await;
    slack.clock().advance(Duration::from_secs(3600));
    slack.wait_for(SOON, |slack| slack.events()[0].deliveries.first().cloned()).await.unwrap();
}

#[tokio::test]
async fn what_is_changed_in_silence_is_not_told() {
    let (slack, received) = slack_and_app().await;
    slack.change_world(|world| world.channel_mut("C0OPS").unwrap().members.push("U0DAN".into()));
    assert!(slack.events_settle(SOON).await);
    assert_eq!((slack.events().len(), received.lock().unwrap().len()), (0, 0));
}
