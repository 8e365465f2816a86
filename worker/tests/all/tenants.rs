//! Two workspaces whose channels and people have the same ids, in one warm worker.

use serde_json::json;
use shared::job::{Job, Task};

use crate::aws::EXTERNAL_ID;
use crate::world::World;

const OTHER: &str = "T0OTHER1";

/// How often the two take turns.
const TURNS: usize = 25;

#[tokio::test]
async fn two_workspaces_with_equal_ids_see_nothing_of_each_other() {
    let world = World::start().await;
    // There, Anna is in #ops only, which is another role's; here she has PowerUser.
    let role_arn = "arn:aws:iam::111111111111:role/alfredbot/ReadOnly";
    for (table, item) in [
        (
            "installations",
            json!({"tenant": OTHER, "app_id": "A1", "bot_user_id": "UBOT", "bot_token": "closed", "scopes": [], "state": "active"}),
        ),
        ("mappings", json!({"tenant": OTHER, "item": "account#111111111111", "external_id": EXTERNAL_ID})),
        (
            "mappings",
            json!({
                "tenant": OTHER, "item": "channel#C0OPS", "kind": "channel", "name": "ops", "role_arn": role_arn,
                "priority": 1, "state": "active", "confirmed_at": world.now(),
            }),
        ),
        (
            "memberships",
            json!({
                "tenant": OTHER, "user": "U0ANNA", "expires_at": world.now() + 3600, "grant:channel#C0OPS": world.now(),
            }),
        ),
    ] {
        world.put(table, item).await;
    }
    let there = |task| Job { tenant: OTHER.parse().unwrap(), ..world.job("U0ANNA", task) };
    let invoke = |text: &str| Task::Invoke { text: text.into() };
    for turn in 0..TURNS {
        let seen = world
            .invoke("U0ANNA", &format!("aws sts get-caller-identity --query \"[Arn, 'mine {turn}']\""))
            .await;
        assert!(seen.contains("PowerUser") && seen.contains(&format!("mine {turn}")), "{seen}");
        assert!(
            world
                .run(&there(invoke(&format!(
                    "aws sts get-caller-identity --query \"[Arn, 'theirs {turn}']\""
                ))))
                .await
        );
        let seen = world.one_seen().text();
        assert!(seen.contains("ReadOnly") && !seen.contains("PowerUser") && !seen.contains("mine"), "{seen}");
    }
    // Each opened one session, under its own name.
    let opened = world.aws.take_arrived();
    let opened: Vec<_> = opened.iter().filter(|call| call.operation == "AssumeRole").collect();
    assert_eq!(opened.len(), 2, "{opened:?}");
    assert!(
        opened[0].body.contains("ab-T0ALFRED1-U0ANNA-") && opened[1].body.contains("ab-T0OTHER1-U0ANNA-")
    );

    let here = world.job("U0ANNA", invoke("aws sts get-caller-identity --query 'Account'"));
    assert!(world.run(&here).await);
    world.one_seen();
    for task in [Task::History, Task::Status { job: here.id.short().into() }] {
        assert!(world.run(&there(task)).await);
        let seen = world.one_seen().text();
        assert!(!seen.contains("mine") && !seen.contains("Account"), "{seen}");
    }
    // What one loses, the other keeps.
    world.dismiss("U0ANNA").await;
    assert!(
        world.invoke("U0ANNA", "aws sts get-caller-identity").await.contains("You have no AWS role here")
    );
    assert!(world.run(&there(invoke("aws sts get-caller-identity"))).await);
    assert!(world.one_seen().text().contains("exit 0"));
}
