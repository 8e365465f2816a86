//! What a person may still do after leaving, if every event of it is lost: by the clock of the world, at both limits.

use serde_json::json;
use shared::mapping::MAX_CONFIRMATION_AGE;
use worker::recheck::MAX_AGE;

use crate::slack::Mood;
use crate::world::World;

const READ: &str = "aws sts get-caller-identity";
const WRITE: &str = "aws sqs create-queue --queue-name made-by-a-test";

/// Slack says that Anna is a member of the workspace, and who is in @sre.
fn is_asked(world: &World, in_sre: &[&str]) {
    let anna = json!({"ok": true, "user": {"id": "U0ANNA", "team_id": "T0ALFRED1"}});
    world.slack.be("users.info", [Mood::Says(200, anna.to_string())]);
    let users = json!({"ok": true, "users": in_sre});
    world.slack.be("usergroups.users.list", [Mood::Says(200, users.to_string())]);
}

#[tokio::test]
async fn changes_end_after_a_minute_and_everything_after_a_quarter_of_an_hour() {
    let world = World::start().await;
    let read = world.now();
    let at = |seconds: u64| world.stop_at(read + seconds);
    at(0);
    // The last complete read.
    world.pass(0).await;
    world.member("U0ANNA", &["channel#C0OPS", "usergroup#S0SRE"]).await;
    for seconds in [0, MAX_AGE - 1, MAX_AGE] {
        at(seconds);
        let seen = world.invoke("U0ANNA", WRITE).await;
        assert!(seen.contains("exit 0") && seen.contains("PowerUser"), "after {seconds} s: {seen}");
    }
    let created = world.aws.count("sqs", "CreateQueue");
    assert_eq!(world.slack.tried("users.info"), 0, "what is known is new enough");

    at(MAX_AGE + 1);
    is_asked(&world, &["U0ANNA"]);
    assert!(world.invoke("U0ANNA", WRITE).await.contains("exit 0"), "Slack says she is in it");
    is_asked(&world, &["U0BEN"]);
    let seen = world.invoke("U0ANNA", WRITE).await;
    let complaint = "aws: [ERROR]: you are not a member of @sre any more, so the call was not made";
    assert!(seen.lines().any(|line| line == complaint), "{seen}");
    assert_eq!(world.aws.count("sqs", "CreateQueue"), created + 1);

    for seconds in [MAX_AGE + 10, MAX_CONFIRMATION_AGE - 1, MAX_CONFIRMATION_AGE] {
        at(seconds);
        let seen = world.invoke("U0ANNA", READ).await;
        assert!(seen.contains("exit 0") && seen.contains("PowerUser"), "after {seconds} s: {seen}");
    }
    at(MAX_CONFIRMATION_AGE + 1);
    let seen = world.invoke("U0ANNA", READ).await;
    assert!(seen.contains("were not read completely in the last 15 minutes"), "{seen}");
    assert!(!seen.contains("exit 0"), "{seen}");
}

#[tokio::test]
async fn what_is_known_of_people_counts_where_it_is_older_than_what_is_known_of_channels() {
    for (age, command, asks) in [
        (MAX_AGE - 1, WRITE, false),
        (MAX_AGE, WRITE, false),
        (MAX_AGE + 1, WRITE, true),
        (MAX_CONFIRMATION_AGE - 1, READ, false),
        (MAX_CONFIRMATION_AGE, READ, false),
        (MAX_CONFIRMATION_AGE + 1, READ, true),
    ] {
        let world = World::start().await;
        let now = world.now();
        world.stop_at(now);
        world.pass(0).await;
        // Read just now, in a sync that asked about its people when it began.
        world
            .put(
                "mappings",
                json!({
                    "tenant": "T0ALFRED1", "item": "usergroup#S0SRE", "kind": "usergroup", "name": "sre",
                    "role_arn": "arn:aws:iam::111111111111:role/alfredbot/PowerUser", "priority": 10, "state": "active",
                    "confirmed_at": now, "people_known_at": now - age,
                }),
            )
            .await;
        world
            .put(
                "memberships",
                json!({
                    "tenant": "T0ALFRED1", "user": "U0ANNA", "expires_at": now + 3600,
                    "grant:usergroup#S0SRE": now - 24 * 3600,
                }),
            )
            .await;
        is_asked(&world, &["U0ANNA"]);
        let seen = world.invoke("U0ANNA", command).await;
        assert!(seen.contains("exit 0"), "{age} s: {seen}");
        assert_eq!(world.slack.tried("users.info") > 0, asks, "{command} after {age} s");
    }
}
