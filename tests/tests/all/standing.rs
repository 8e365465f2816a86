//! Who is what in Slack, and what becomes of his roles when that changes: by events, by syncs that began before, and when
//! nothing is told at all.

use std::time::{Duration, Instant};

use local::aws::{DEV, HOME};
use local::demo::at_rest;
use local::fault::{Fault, Match};
use local::slack::delivery::Variant;
use local::slack::fault::Fault as SlackFault;
use local::slack::world::Standing;
use serde_json::json;
use tests::conversation::{
    PATIENCE, answer, ask, end, forget_all, job_of, seat, start, start_with, update_item,
};

use crate::administration::{age, holders, items, map, mappings, until};

const CHANGE: &str = "/alfred-invoke aws sqs create-queue --queue-name made --as PowerUser";
const READ: &str = "/alfred-invoke aws s3 ls";

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_and_a_deactivated_person_lose_their_roles_within_seconds() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    ask(&ben, "/alfred-sync every off").await;
    assert!(ask(&ben, READ).await.contains("wayne-dev"));
    stack.slack.set_guest("U0BEN").unwrap();
    until("a guest holds nothing", async || {
        !holders(&stack, "channel#C0OPS").await.contains(&"U0BEN".into())
    })
    .await;
    let seen = ask(&ben, READ).await;
    assert!(seen.contains("You have no AWS role here") && seen.contains("Guests"), "{seen}");

    assert_eq!(holders(&stack, "group#G0PROD").await, ["U0CLEO"]);
    stack.slack.deactivate("U0CLEO").unwrap();
    until("nor does who is deactivated", async || holders(&stack, "group#G0PROD").await.is_empty()).await;
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deactivated_unnoticed_changes_nothing_after_a_minute() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    stack.slack.drop_events(true);
    // Typed while she still could.
    age(&stack, "usergroup#S0SRE", "U0ANNA", 70).await;
    stack.slack.fail_next("users.info", SlackFault::Slow(Duration::from_secs(2)));
    let typed = anna.types(CHANGE).await;
    stack.slack.deactivate("U0ANNA").unwrap();
    let job = job_of(&typed);
    let refused = async || {
        stack
            .logs
            .lines()
            .iter()
            .any(|line| line.text.contains(&job) && line.text.contains("ran the command"))
    };
    until("the command has ended", refused).await;
    let queues = stack.client(DEV).unwrap();
    let queues = queues.json("sqs", "AmazonSQS.ListQueues", &json!({})).await.unwrap();
    assert!(!queues.to_string().contains("/made"), "{queues}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_gives_nothing_back_to_who_lost_his_standing_while_it_ran() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    let mut channels = vec!["channel#C0OPS".to_owned()];
    for name in ["more", "most", "nearly", "last"] {
        let channel = stack.slack.create_channel(name, false, "U0ANNA").unwrap();
        stack.slack.invite("U0ANNA", "U0BEN", &channel).unwrap();
        map(&stack, &channel, name).await;
        channels.push(format!("channel#{channel}"));
    }
    ask(&anna, "/alfred-sync start").await;
    let held = async || {
        let mut held = 0;
        for channel in &channels {
            held += usize::from(holders(&stack, channel).await.contains(&"U0BEN".to_owned()));
        }
        held
    };
    assert_eq!(held().await, 5);

    // Ben is asked about with the first of the five channels, and becomes a guest then. The last one begins to be read
    // so much later that what its page says is newer than that, even by clocks that differ.
    let read = async || {
        let mappings = items(&stack, "alfred-mappings").await;
        let of_ben = mappings.into_iter().filter(|one| channels.iter().any(|item| one["item"]["S"] == *item));
        of_ben.map(|one| one["read_as_of"]["N"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = read().await;
    stack.slack.fail_always("conversations.members", Some(SlackFault::Slow(Duration::from_secs(3))));
    let sync = anna.types("/alfred-sync start").await;
    let one_is_read =
        async || read().await.iter().zip(&before).filter(|(now, before)| now != before).count() == 1;
    until("the first channel is read", one_is_read).await;
    stack.slack.set_guest("U0BEN").unwrap();
    until("the event takes all grants", async || held().await == 0).await;
    let seen = answer(&anna, &job_of(&sync)).await.rendered();
    assert!(seen.contains("of 7 of 7 mappings"), "{seen}");
    assert_eq!(held().await, 0, "the sync gave back what the event had taken");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_dated_ahead_holds_against_no_later_sync() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    stack.slack.advance(Duration::from_secs(15 * 60));
    stack.slack.invite("U0ANNA", "U0DAN", "C0OPS").unwrap();
    let holds = async || holders(&stack, "channel#C0OPS").await.contains(&"U0DAN".to_owned());
    until("the event gives the role", async || holds().await).await;
    stack.slack.drop_events(true);
    stack.slack.remove("U0ANNA", "U0DAN", "C0OPS").unwrap();
    let synced = async {
        while holds().await {
            ask(&anna, "/alfred-sync start").await;
        }
    };
    tokio::time::timeout(PATIENCE, synced).await.expect("a sync takes it within seconds");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_takes_nothing_and_gives_nothing_until_it_is_too_late() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    stack.slack.give_short_pages(true);
    ask(&anna, "/alfred-sync start").await;
    let before = holders(&stack, "channel#C0OPS").await;
    assert!(before.len() > 1, "several pages: {before:?}");
    stack.slack.drop_events(true);
    stack.slack.remove("U0ANNA", "U0BEN", "C0OPS").unwrap();
    stack.slack.invite("U0ANNA", "U0DAN", "C0OPS").unwrap();

    // The first page of each channel comes, the next one does not, however often it is asked for.
    for _ in 0..2 {
        stack.slack.fail_next("conversations.members", SlackFault::Slow(Duration::ZERO));
        for _ in 0..6 {
            stack.slack.fail_next("conversations.members", SlackFault::Status(500));
        }
    }
    let seen = ask(&anna, "/alfred-sync start").await;
    assert!(seen.contains("#ops not read") && seen.contains("until 15 minutes after"), "{seen}");
    assert_eq!(holders(&stack, "channel#C0OPS").await, before, "half of the members are nobody's members");
    let status = ask(&anna, "/alfred-sync status").await;
    assert!(status.contains("#ops not read"), "{status}");
    let ben = seat(&stack, "U0BEN", "C0GENERAL");
    assert!(ask(&ben, READ).await.contains("wayne-dev"), "the earlier truth stands");
    age(&stack, "channel#C0OPS", "U0BEN", 901).await;
    let seen = ask(&ben, READ).await;
    assert!(seen.contains("its members were not read completely in the last 15 minutes"), "{seen}");

    let cured = async { while !ask(&anna, "/alfred-sync start").await.contains("3 of 3 mappings") {} };
    tokio::time::timeout(PATIENCE, cured).await.expect("the next sync reads all pages");
    let now = holders(&stack, "channel#C0OPS").await;
    assert!(now.contains(&"U0DAN".into()) && !now.contains(&"U0BEN".into()), "{now:?}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_full_members_sync_and_only_admins_see_what_is_private() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    let gus = seat(&stack, "U0GUEST", "C0OPS");
    let synced = || stack.logs.lines().iter().filter(|line| line.text.contains("\"synced\"")).count();
    let before = synced();
    for line in ["/alfred-sync start", "/alfred-sync status"] {
        let seen = ask(&gus, line).await;
        assert!(
            seen.contains("Only full members of this workspace may do that. Nothing was done."),
            "{seen}"
        );
    }
    stack.slack.set_standing("U0GUEST", Standing::Stranger).unwrap();
    assert!(!ask(&gus, "/alfred-sync start").await.contains("Read "));
    assert_eq!(synced(), before);

    stack.slack.drop_events(true);
    stack.slack.remove("U0CLEO", "U0CLEO", "G0PROD").unwrap();
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let seen = ask(&ben, "/alfred-sync start").await;
    assert!(
        seen.contains("1 removed") && !seen.contains("prod-admins") && !seen.contains("U0CLEO"),
        "{seen}"
    );
    let seen = ask(&anna, "/alfred-sync status").await;
    assert!(seen.contains("#prod-admins: `-U0CLEO (0 members)`"), "{seen}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_id_is_random_for_each_account_of_each_workspace() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let stack = start().await;
        for item in items(&stack, "alfred-mappings").await {
            if let Some(id) = item["external_id"]["S"].as_str() {
                assert_eq!(id.len(), 32, "128 bits: {id}");
                assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
                seen.push(id.to_owned());
            }
        }
        end(stack, &[]).await;
    }
    assert_eq!(seen.len(), 4, "two accounts each");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "no two are equal");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_syncs_every_workspace_that_has_the_app() {
    let stack = start().await;
    let [item] = &items(&stack, "alfred-installations").await[..] else { panic!("one installation") };
    let home = stack.client(HOME).unwrap();
    for (tenant, state) in [("T0SECOND", "active"), ("T0ENDED", "ended")] {
        let mut other = item.clone();
        other["tenant"]["S"] = tenant.into();
        other["state"]["S"] = state.into();
        let input = json!({ "TableName": "alfred-installations", "Item": other });
        home.json("dynamodb", "DynamoDB_20120810.PutItem", &input).await.unwrap();
    }
    let now = time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339).unwrap();
    let event = json!({ "detail-type": "Scheduled Event", "source": "aws.events", "time": now }).to_string();
    assert_eq!(&stack.syncer.invoke(event.into()).await.unwrap()[..], br#"{"started":2}"#);
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kms_no_mapping_changes_and_the_admin_hears_of_it() {
    let stack = start_with(|options| options.faults = true).await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let proxy = &stack.faults.as_ref().unwrap().syncer_aws;
    proxy.inject(Match::operation("kms", "Decrypt"), Fault::status(500), 0, usize::MAX);
    // Nothing decrypted is kept by a new one.
    forget_all(&stack.syncer).await;
    let before = mappings(&stack).await;
    let seen = ask(&anna, "/alfred-admin remove channel #ops").await;
    assert!(
        seen.contains("The workspace's Slack credentials cannot be reached at the moment. Nothing was done"),
        "{seen}"
    );
    let seen = ask(&anna, "/alfred-sync start").await;
    assert!(seen.contains("credentials cannot be reached"), "{seen}");
    let alarmed = async || {
        stack
            .logs
            .lines()
            .iter()
            .any(|line| line.field("alarm").is_some_and(|alarm| alarm == "kms_unavailable"))
    };
    assert!(alarmed().await, "the alarm is raised");
    assert_eq!(mappings(&stack).await, before);
    proxy.clear();
    assert!(ask(&anna, "/alfred-admin remove channel #ops").await.contains("#ops is removed"));

    // A token that is none does not become one by waiting.
    let garbled = json!({
        "Key": { "tenant": { "S": "T0ALFRED1" } },
        "UpdateExpression": "SET bot_token = :none",
        "ExpressionAttributeValues": { ":none": { "S": "AAAA" } },
    });
    update_item(&stack, "alfred-installations", garbled).await;
    let seen = ask(&anna, "/alfred-admin list").await;
    assert!(
        seen.contains("credentials do not open. Nothing was done; tell whoever runs Alfredbot"),
        "{seen}"
    );
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_fire_and_without_events_the_last_change_comes_within_a_minute() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    stack.slack.drop_events(true);
    ask(&anna, "/alfred-sync start").await;
    let confirmed = Instant::now();
    stack.slack.set_usergroup_members("S0SRE", &["U0CLEO"]).unwrap();
    let (mut last, mut succeeded, mut refused) = (Duration::ZERO, 0, 0);
    while confirmed.elapsed() < Duration::from_secs(75) {
        let seen = ask(&anna, CHANGE).await;
        if seen.contains("exit 0") {
            succeeded += 1;
            last = confirmed.elapsed();
        } else {
            assert!(
                seen.contains("you are not a member of @sre any more, so the call was not made"),
                "{seen}"
            );
            refused += 1;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(succeeded > 3 && refused > 1, "{succeeded} succeeded, {refused} were refused");
    assert!(last <= Duration::from_secs(62), "the last change came {last:?} after the members were read");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_an_earlier_uninstallation_end_no_later_installation() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let installed = async || {
        let [item] = &items(&stack, "alfred-installations").await[..] else { panic!("one installation") };
        (
            item["state"]["S"] == "active",
            item["installed_at"]["N"].as_str().unwrap().parse::<f64>().unwrap() / 1000.0,
        )
    };
    let (_, installed_at) = installed().await;
    for (number, at, active) in [(1, installed_at - 1.0, true), (2, installed_at + 1.0, false)] {
        let event = json!({
            "type": "event_callback", "team_id": "T0ALFRED1", "api_app_id": "A1", "event_id": format!("Ev{number}"),
            "event_time": at as u64, "event": { "type": "app_uninstalled", "event_ts": format!("{at:.3}") },
        });
        let body = event.to_string();
        let sent = stack
            .slack
            .post_signed("/slack/events", "application/json", body.as_bytes(), Variant::Genuine)
            .await;
        assert_eq!(sent.error, None, "{sent:?}");
        if active {
            at_rest(&stack).await.unwrap();
            assert!(ask(&anna, "/alfred-admin list").await.contains("3 mappings"));
        } else {
            until("the installation ends", async || !installed().await.0).await;
        }
    }
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slack_adds_tomorrow_changes_nothing() {
    let stack = start_with(|options| options.world.unknown_fields = true).await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    assert!(ask(&anna, READ).await.contains("wayne-dev"));
    stack.slack.invite("U0ANNA", "U0DAN", "C0OPS").unwrap();
    let holds = async || holders(&stack, "channel#C0OPS").await.contains(&"U0DAN".to_owned());
    until("an event gives the role", async || holds().await).await;
    stack.slack.set_guest("U0DAN").unwrap();
    until("another one takes it", async || !holds().await).await;
    // A change that Slack is asked about, and a file.
    age(&stack, "usergroup#S0SRE", "U0ANNA", 70).await;
    assert!(ask(&anna, CHANGE).await.contains("exit 0"));
    let long = "/alfred-invoke aws ec2 describe-regions --query 'Regions[].[@, @, @, @, @]'";
    assert!(ask(&anna, long).await.contains("The whole output is a file"));
    end(stack, &[]).await;
}
