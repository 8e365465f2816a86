//! Who gets which role, and who gets none: once at the embedded emulator, once at ministack, which enforces
//! signatures, trust policies, ExternalIds, session tags and permissions, and which we did not write.

use std::time::{SystemTime, UNIX_EPOCH};

use local::aws::{DEV, HOME, PROD};
use local::stack::{Aws, Stack};
use serde_json::{Value, json};
use tests::conversation::{ask, end, forget_all, redacted, seat, start, start_with, update_item};
use tests::witness;

const MAPPINGS: &str = "alfred-mappings";
const MEMBERSHIPS: &str = "alfred-memberships";

/// A change of one attribute of one item, and what the person reads then.
struct Refusal {
    because: &'static str,
    table: &'static str,
    key: Value,
    attribute: &'static str,
    value: Value,
    reads: &'static str,
}

fn refusals() -> Vec<Refusal> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mapping = || json!({ "tenant": { "S": "T0ALFRED1" }, "item": { "S": "channel#C0OPS" } });
    let account = || json!({ "tenant": { "S": "T0ALFRED1" }, "item": { "S": format!("account#{DEV}") } });
    let member = || json!({ "tenant": { "S": "T0ALFRED1" }, "user": { "S": "U0BEN" } });
    let number = |value: u64| json!({ "N": value.to_string() });
    let refusal = |because, table, key, attribute, value, reads| Refusal {
        because,
        table,
        key,
        attribute,
        value,
        reads,
    };
    vec![
        refusal(
            "the mapping was suspended",
            MAPPINGS,
            mapping(),
            "state",
            json!({ "S": "suspended" }),
            "suspended",
        ),
        refusal(
            "the mapping is not checked yet",
            MAPPINGS,
            mapping(),
            "state",
            json!({ "S": "pending" }),
            "not been checked",
        ),
        refusal(
            "the members were not read for 15 minutes",
            MAPPINGS,
            mapping(),
            "confirmed_at",
            number(now - 901),
            "15 minutes",
        ),
        refusal(
            "the role's ARN is none",
            MAPPINGS,
            mapping(),
            "role_arn",
            json!({ "S": "arn:aws:iam::1:role/a\",\"Resource\":\"*" }),
            "ARN",
        ),
        refusal(
            "the role is outside of /alfredbot/",
            MAPPINGS,
            mapping(),
            "role_arn",
            json!({ "S": format!("arn:aws:iam::{DEV}:role/Admin") }),
            "AWS refused the role",
        ),
        refusal(
            "the role does not exist",
            MAPPINGS,
            mapping(),
            "role_arn",
            json!({ "S": format!("arn:aws:iam::{DEV}:role/alfredbot/Missing") }),
            "AWS refused the role",
        ),
        refusal(
            "the ExternalId is another",
            MAPPINGS,
            account(),
            "external_id",
            json!({ "S": "0123456789abcdef" }),
            "AWS refused the role",
        ),
        refusal(
            "the account has no ExternalId",
            MAPPINGS,
            account(),
            "external_id",
            Value::Null,
            "has no ExternalId",
        ),
        refusal(
            "the app was removed",
            "alfred-installations",
            json!({ "tenant": { "S": "T0ALFRED1" } }),
            "state",
            json!({ "S": "ended" }),
            "not installed in this workspace",
        ),
        refusal(
            "the membership has expired, and is still there",
            MEMBERSHIPS,
            member(),
            "expires_at",
            number(now - 1),
            "too old",
        ),
        refusal(
            "the membership names no mapping",
            MEMBERSHIPS,
            member(),
            "grant:channel#C0OPS",
            Value::Null,
            "no AWS role",
        ),
    ]
}

/// The value of one attribute, to put it back. Null stands for none.
async fn attribute(stack: &Stack, refusal: &Refusal) -> Value {
    let input = json!({ "TableName": refusal.table, "Key": refusal.key, "ConsistentRead": true });
    let item =
        stack.client(HOME).unwrap().json("dynamodb", "DynamoDB_20120810.GetItem", &input).await.unwrap();
    item["Item"][refusal.attribute].clone()
}

async fn set(stack: &Stack, refusal: &Refusal, value: &Value) {
    let mut input = json!({
        "Key": refusal.key,
        "UpdateExpression": "REMOVE #a",
        "ExpressionAttributeNames": { "#a": refusal.attribute },
    });
    if !value.is_null() {
        input["UpdateExpression"] = "SET #a = :v".into();
        input["ExpressionAttributeValues"] = json!({ ":v": value });
    }
    update_item(stack, refusal.table, input).await;
    // A worker keeps mappings for seconds and credentials for an hour; a new one knows nothing.
    forget_all(&stack.worker).await;
}

async fn everybody_gets_what_the_mappings_say(stack: &Stack) {
    let ben = seat(stack, "U0BEN", "C0OPS");
    let identity = "/alfred-invoke aws sts get-caller-identity --query Arn";
    for (user, channel, line, arn) in [
        ("U0BEN", "C0OPS", identity.to_owned(), "111111111111:assumed-role/ReadOnly/ab-T0ALFRED1-U0BEN-"),
        ("U0ANNA", "C0OPS", identity.to_owned(), "111111111111:assumed-role/PowerUser/ab-T0ALFRED1-U0ANNA-"),
        (
            "U0ANNA",
            "C0OPS",
            format!("{identity} --as ReadOnly"),
            "111111111111:assumed-role/ReadOnly/ab-T0ALFRED1-U0ANNA-",
        ),
        ("U0CLEO", "G0PROD", identity.to_owned(), "222222222222:assumed-role/FullAdmin/ab-T0ALFRED1-U0CLEO-"),
    ] {
        let seen = ask(&seat(stack, user, channel), &line).await;
        assert!(seen.contains(arn), "{user}: {line}: {seen}");
    }
    let seen = ask(&ben, "/alfred-invoke aws sqs list-queues").await;
    assert!(seen.contains("dev-mail"), "{seen}");
    let seen = ask(&ben, "/alfred-invoke aws sqs create-queue --queue-name mine").await;
    assert!(
        seen.contains("(AccessDenied") && seen.contains("when calling the CreateQueue operation"),
        "{seen}"
    );
    let seen = ask(&ben, "/alfred-invoke --as PowerUser aws sts get-caller-identity").await;
    assert!(seen.contains("no role `PowerUser`"), "{seen}");
    for (user, channel) in [("U0DAN", "C0GENERAL"), ("U0GUEST", "C0OPS")] {
        let seen = ask(&seat(stack, user, channel), identity).await;
        assert!(seen.contains("no AWS role"), "{user}: {seen}");
    }

    for refusal in refusals() {
        let before = attribute(stack, &refusal).await;
        set(stack, &refusal, &refusal.value).await;
        let seen = ask(&ben, identity).await;
        assert!(!seen.contains("exit 0"), "{}: {seen}", refusal.because);
        assert!(seen.contains(refusal.reads), "{}: {}", refusal.because, redacted(&seen));
        set(stack, &refusal, &before).await;
    }
    // The role of the same name in another account makes the name say too little.
    let namesake = Refusal {
        because: "two roles have the name",
        table: MAPPINGS,
        key: json!({ "tenant": { "S": "T0ALFRED1" }, "item": { "S": "usergroup#S0SRE" } }),
        attribute: "role_arn",
        value: json!({ "S": format!("arn:aws:iam::{PROD}:role/alfredbot/ReadOnly") }),
        reads: "several of your roles",
    };
    let before = attribute(stack, &namesake).await;
    set(stack, &namesake, &namesake.value).await;
    let seen = ask(&seat(stack, "U0ANNA", "C0OPS"), &format!("{identity} --as ReadOnly")).await;
    assert!(!seen.contains("exit 0") && seen.contains(namesake.reads), "{seen}");
    set(stack, &namesake, &before).await;

    // One expired membership is somebody on leave; many are a sync that does not run any more.
    let alarmed =
        |line: &local::logs::Line| line.field("alarm").is_some_and(|alarm| alarm == "membership_expired");
    assert!(stack.logs.lines().iter().any(alarmed), "an expired membership raises no alarm");
    let seen = ask(&ben, identity).await;
    assert!(seen.contains("assumed-role/ReadOnly"), "all is as it was: {seen}");

    // What an admin takes away is gone, in the tables and for the next command.
    let removed = ask(&seat(stack, "U0ANNA", "C0OPS"), "/alfred-admin remove channel #ops").await;
    assert!(removed.contains("#ops is removed"), "{removed}");
    forget_all(&stack.worker).await;
    let seen = ask(&ben, identity).await;
    assert!(seen.contains("Not run.") && !seen.contains("exit 0"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_embedded_emulator() {
    let stack = start().await;
    everybody_gets_what_the_mappings_say(&stack).await;
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_ministack_which_enforces_policies() {
    let (ministack, endpoint) = witness::ministack();
    let stack = start_with(|options| {
        options.aws = Aws::External { endpoint: endpoint.clone(), keys: witness::ministack_keys() };
    })
    .await;
    everybody_gets_what_the_mappings_say(&stack).await;
    end(stack, &[]).await;
    drop(ministack);
}
