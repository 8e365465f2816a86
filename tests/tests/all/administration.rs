//! From "Add to Slack" to a refused command, and everything on the way that must not work.

use std::time::Duration;

use local::aws::{DEV, HOME};
use local::demo::{add_to_slack, at_rest};
use local::fault::{Fault, Match};
use local::seed;
use local::slack::fault::Fault as SlackFault;
use local::slack::person::Seat;
use local::slack::world::{Standing, World};
use local::stack::{Seed, Stack};
use serde_json::{Value, json};
use tests::conversation::{
    PATIENCE, answer, ask, end, forget_all, job_of, redacted, seat, start, start_with, update_item,
};

const READ_ONLY: &str = "arn:aws:iam::111111111111:role/alfredbot/ReadOnly";

/// The workspace with the app, before anything is mapped.
async fn installed() -> Stack {
    let stack = start_with(|options| options.seed = Seed::Empty).await;
    add_to_slack(&stack, "U0ANNA").await.unwrap();
    stack.slack.invite_bot("U0ANNA", "C0OPS").unwrap();
    stack
}

/// What a person reads as an answer that is not the acknowledgement's: it comes from the worker, under a job of its own.
pub async fn reads(seat: &Seat, words: &str) -> String {
    seat.waits_to_read(words, PATIENCE).await.unwrap_or_else(|error| panic!("{error}")).rendered()
}

/// What a person reads when a change of the mappings has come to every worker: each keeps them for up to 5 seconds.
async fn refused(seat: &Seat) -> String {
    let refused = async {
        loop {
            let seen = ask(seat, "/alfred-invoke aws s3 ls").await;
            if seen.contains("Not run.") {
                return seen;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.expect("the change is in force")
}

/// Items of one of Alfredbot's tables.
pub async fn items(stack: &Stack, table: &str) -> Vec<Value> {
    let scan = json!({ "TableName": table });
    let answer = stack.client(HOME).unwrap().json("dynamodb", "DynamoDB_20120810.Scan", &scan).await.unwrap();
    answer["Items"].as_array().unwrap().clone()
}

/// What is in force: state by mapping.
pub async fn mappings(stack: &Stack) -> Vec<(String, String)> {
    let items = items(stack, "alfred-mappings").await;
    let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    items
        .iter()
        .filter(|item| item.get("role_arn").is_some())
        .map(|item| (text(item, "item"), text(item, "state")))
        .collect()
}

fn policy(shown: &str) -> String {
    shown.lines().filter_map(|line| line.strip_prefix("│ ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_gives_a_channel_a_role_and_takes_it_away() {
    let stack = installed().await;
    let (anna, ben) = (seat(&stack, "U0ANNA", "C0OPS"), seat(&stack, "U0BEN", "C0OPS"));
    let add = format!("/alfred-admin add channel #ops {READ_ONLY} 30 --alias look");
    let mut said = Vec::new();
    said.push(ask(&anna, "/alfred-admin list").await);
    said.push(ask(&anna, &add).await);
    let confirmed = format!("{add} --confirm anyone-can-join-ops");
    let shown = ask(&anna, &confirmed).await;
    said.push(shown.clone());
    said.push(reads(&anna, "does not open: ").await);
    assert_eq!(mappings(&stack).await, [("channel#C0OPS".into(), "pending".into())]);
    said.push(ask(&ben, "/alfred-invoke aws s3 ls").await);

    // A role that anybody may have through Alfredbot is refused.
    let dev = stack.client(DEV).unwrap();
    let mut open: Value = serde_json::from_str(&policy(&shown)).unwrap();
    open["Statement"][0].as_object_mut().unwrap().remove("Condition");
    seed::trust(dev, "ReadOnly", &open.to_string()).await.unwrap();
    ask(&anna, &confirmed).await;
    said.push(reads(&anna, "opens without an ExternalId").await);
    assert_eq!(mappings(&stack).await, [("channel#C0OPS".into(), "pending".into())]);

    seed::trust(dev, "ReadOnly", &policy(&shown)).await.unwrap();
    let again = ask(&anna, &confirmed).await;
    assert_eq!(policy(&again), policy(&shown), "the ExternalId of an account never changes");
    said.push(reads(&anna, "so the mapping becomes active now").await);
    let active = async {
        while mappings(&stack).await != [("channel#C0OPS".to_owned(), "active".to_owned())] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, active).await.expect("the mapping becomes active");
    // An active mapping is read at once; a sync after that finds nothing new.
    while !ask(&ben, "/alfred-sync status").await.contains("2 added") {}
    assert!(ask(&ben, "/alfred-sync start").await.contains("0 added"));
    said.push(ask(&anna, "/alfred-admin list").await);
    let ran = ask(&ben, "/alfred-invoke aws s3 ls --as look").await;
    assert!(ran.contains("wayne-dev-assets"), "{ran}");
    said.push(ask(&ben, "/alfred-sync status").await);

    said.push(ask(&anna, "/alfred-admin remove channel #ops").await);
    said.push(refused(&ben).await);
    said.push(ask(&anna, "/alfred-admin remove channel #ops").await);
    insta::assert_snapshot!("from_add_to_remove", redacted(&said.join("\n----\n")));

    let items = items(&stack, "alfred-mappings").await;
    let records: Vec<&str> = items.iter().filter_map(|item| item["what"]["S"].as_str()).collect();
    for what in ["MappingAdded", "MappingChanged", "MappingActivated", "MappingRemoved"] {
        assert!(records.contains(&what), "{records:?}");
    }
    let detail =
        |item: &Value| -> Value { serde_json::from_str(item["detail"]["S"].as_str().unwrap()).unwrap() };
    let removed = items.iter().find(|item| item["what"]["S"] == "MappingRemoved").map(detail).unwrap();
    assert_eq!((&removed["by"], &removed["before"]["role_arn"]), (&json!("U0ANNA"), &json!(READ_ONLY)));
    assert_eq!(removed["after"], Value::Null);
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_change_mappings_and_slack_is_asked_each_time() {
    let stack = start().await;
    let before = mappings(&stack).await;
    let change = "/alfred-admin remove usergroup @sre";
    for (user, channel) in [("U0BEN", "C0OPS"), ("U0GUEST", "C0OPS")] {
        let seen = ask(&seat(&stack, user, channel), change).await;
        assert!(seen.contains("Only admins and owners"), "{user}: {seen}");
    }
    let seen = ask(&seat(&stack, "U0BEN", "C0OPS"), "/alfred-sync every 15m").await;
    assert!(seen.contains("Only admins and owners"), "{seen}");

    let anna = seat(&stack, "U0ANNA", "C0OPS");
    stack.slack.fail_always("users.info", Some(SlackFault::Status(500)));
    let seen = ask(&anna, change).await;
    assert!(seen.contains("did not say whether you may do that"), "{seen}");
    stack.slack.fail_always("users.info", None);

    // She was one a moment ago.
    stack.slack.set_standing("U0ANNA", Standing::Member).unwrap();
    let seen = ask(&anna, change).await;
    assert!(seen.contains("Only admins and owners"), "{seen}");
    assert_eq!(mappings(&stack).await, before);

    stack.slack.make_admin("U0ANNA").unwrap();
    let seen = ask(&anna, change).await;
    assert!(seen.contains("@sre is removed"), "{seen}");
    assert_eq!(mappings(&stack).await.len(), before.len() - 1);
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_mapped_is_refused_with_the_reason() {
    let stack = installed().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let old = stack.slack.create_channel("old", false, "U0ANNA").unwrap();
    stack.slack.archive("U0ANNA", &old).unwrap();
    let partner = stack.slack.create_channel("partner", false, "U0ANNA").unwrap();
    stack.slack.change_world(|world| {
        let channel = world.channels.get_mut(&partner).unwrap();
        channel.shared_externally = true;
    });
    let off = stack.slack.create_usergroup("off", "Switched off", &["U0ANNA"]).unwrap();
    stack.slack.disable_usergroup(&off).unwrap();
    for (target, reason) in [
        ("channel #old", "archived"),
        ("channel #partner", "shared with other organisations"),
        ("group #prod-admins", "invite the bot first"),
        ("group G0PROD", "invite the bot first"),
        ("group #ops", "`#ops` is a public channel: write `channel` instead"),
        ("channel #nowhere", "I cannot find a channel"),
        ("usergroup @off", "switched off"),
        ("usergroup @nobody", "There is no user group"),
        ("room #ops", "is not what can be mapped"),
    ] {
        let seen = ask(&anna, &format!("/alfred-admin add {target} {READ_ONLY} 10")).await;
        assert!(seen.contains(reason) && seen.contains("Nothing was changed"), "{target}: {seen}");
    }
    for (role, reason) in [
        (r#"arn:aws:iam::1:role/a","Resource":"*"#, "is not a role's ARN"),
        ("arn:aws:iam::111111111111:user/anna", "is not a role's ARN"),
        (
            "arn:aws-cn:iam::111111111111:role/alfredbot/ReadOnly",
            "no role of aws-cn can be assumed from there",
        ),
    ] {
        let seen = ask(&anna, &format!("/alfred-admin add usergroup @sre {role} 10")).await;
        assert!(seen.contains(reason), "{role}: {seen}");
    }
    assert_eq!(mappings(&stack).await, []);
    // What can be mapped and is not in the admin's hand alone.
    let seen = ask(&anna, &format!("/alfred-admin add usergroup @sre {READ_ONLY} 10")).await;
    assert!(seen.contains("Whoever may edit @sre in Slack decides who has this role"), "{seen}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_word_behind_as_means_two_roles() {
    let stack = installed().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let role = |name: &str| format!("arn:aws:iam::111111111111:role/alfredbot/{name}");
    let confirmed = "--confirm anyone-can-join-ops";
    // Slack's names are in lower case, whatever is typed.
    let first = format!("/alfred-admin add usergroup @SRE {} 10 --alias ops-power", role("PowerUser"));
    assert!(ask(&anna, &first).await.contains("@sre is added"));
    for (options, word) in [
        // An alias that is another role's name, or another's alias in another case.
        (format!("{} 20 --alias poweruser", role("ReadOnly")), "poweruser"),
        (format!("{} 20 --alias OPS-power", role("ReadOnly")), "OPS-power"),
        // The same alias for the same role would not say which mapping.
        (format!("{} 20 --alias ops-power", role("PowerUser")), "ops-power"),
    ] {
        let seen = ask(&anna, &format!("/alfred-admin add channel #ops {options} {confirmed}")).await;
        assert!(
            seen.contains(&format!("--as {word}` could mean two roles: @sre has it")),
            "{options}: {seen}"
        );
    }
    assert_eq!(mappings(&stack).await.len(), 1);
    let same_role = format!("/alfred-admin add channel #ops {} 20 {confirmed}", role("PowerUser"));
    assert!(ask(&anna, &same_role).await.contains("#ops is added"), "one role may have several mappings");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_mappings_are_the_most_and_can_be_listed() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    for number in 0..996 {
        map(&stack, &format!("C{}", 1_000_000 + number), &format!("channel{number}")).await;
    }
    let add = async |name: &str| {
        let channel = stack.slack.create_channel(name, false, "U0ANNA").unwrap();
        stack.slack.invite_bot("U0ANNA", &channel).unwrap();
        ask(
            &anna,
            &format!("/alfred-admin add channel #{name} {READ_ONLY} 10 --confirm anyone-can-join-{name}"),
        )
        .await
    };
    let seen = add("last").await;
    assert!(seen.contains("#last is added"), "{seen}");
    let seen = add("more").await;
    assert!(seen.contains("There are 1000 mappings already"), "{seen}");

    let seen = ask(&anna, "/alfred-admin list").await;
    assert!(seen.contains("1000 mappings") && seen.contains("These are the first "), "{seen}");
    let seen = ask(&anna, "/alfred-admin list channel99").await;
    assert!(
        seen.contains("7 mappings") && seen.contains("#channel995") && !seen.contains("These are"),
        "{seen}"
    );
    let seen = ask(&anna, "/alfred-admin list nowhere").await;
    assert!(seen.contains("None of the 1000 mappings has `nowhere`"), "{seen}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_not_made_before_it_is_written_down() {
    let stack = start_with(|options| {
        options.faults = true;
        options.function_timeout = Duration::from_secs(8);
    })
    .await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let proxy = &stack.faults.as_ref().unwrap().syncer_aws;
    proxy.inject(
        Match::operation("dynamodb", "UpdateItem").containing("MappingRemoved"),
        Fault::status(500),
        0,
        3,
    );
    let before = mappings(&stack).await;
    let typed = anna.types("/alfred-admin remove channel #ops").await;
    let given_back =
        async || stack.logs.lines().iter().any(|line| line.text.contains("given back to the queue"));
    until("the job goes back to the queue", given_back).await;
    assert_eq!(mappings(&stack).await, before, "nothing is changed without a record");
    // The queue brings it again.
    let seen = answer(&anna, &job_of(&typed)).await.rendered();
    assert!(seen.contains("#ops is removed"), "{seen}");
    assert_eq!(mappings(&stack).await.len(), before.len() - 1);
    let records = items(&stack, "alfred-mappings").await;
    let removed = records.iter().filter(|item| item["what"]["S"] == "MappingRemoved").count();
    assert_eq!(removed, 1);
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_a_channel_is_refused_within_seconds() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    assert!(ask(&ben, "/alfred-invoke aws s3 ls").await.contains("wayne-dev-assets"));
    stack.slack.remove("U0ANNA", "U0BEN", "C0OPS").unwrap();
    let left = tokio::time::Instant::now();
    let ben = seat(&stack, "U0BEN", "C0GENERAL");
    // Twenty commands a second, whether or not the ones before have been answered.
    let mut fired = tokio::task::JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while left.elapsed() < Duration::from_secs(8) {
        ticks.tick().await;
        let (ben, asked) = (ben.clone(), left.elapsed());
        fired.spawn(async move { (asked, ben.types("/alfred-invoke aws s3 ls").await) });
    }
    let fired = fired.join_all().await;
    assert!(fired.len() > 100, "{} commands", fired.len());
    let mut last_success = None;
    for (asked, typed) in fired {
        if answer(&ben, &job_of(&typed)).await.rendered().contains("wayne-dev-assets") {
            last_success = last_success.max(Some(asked));
        }
    }
    assert!(last_success < Some(Duration::from_secs(5)), "{last_success:?}");
    // Who comes back has the role again.
    stack.slack.invite("U0ANNA", "U0BEN", "C0OPS").unwrap();
    let back = async { while !ask(&ben, "/alfred-invoke aws s3 ls").await.contains("wayne-dev-assets") {} };
    tokio::time::timeout(PATIENCE, back).await.expect("the role comes back with the membership");
    end(stack, &[]).await;
}

/// Lets a mapping's last complete read, and every grant of the user through it, be this many seconds old.
pub async fn age(stack: &Stack, item: &str, user: &str, seconds: u64) {
    let then =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() - seconds;
    let value = json!({ ":then": { "N": then.to_string() } });
    let mapping = json!({
        "Key": { "tenant": { "S": "T0ALFRED1" }, "item": { "S": item } },
        "UpdateExpression": "SET confirmed_at = :then",
        "ExpressionAttributeValues": value,
    });
    update_item(stack, "alfred-mappings", mapping).await;
    let member = json!({
        "Key": { "tenant": { "S": "T0ALFRED1" }, "user": { "S": user } },
        "UpdateExpression": "SET #grant = :then",
        "ExpressionAttributeNames": { "#grant": format!("grant:{item}") },
        "ExpressionAttributeValues": value,
    });
    update_item(stack, "alfred-memberships", member).await;
    forget_all(&stack.worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_event_changes_stop_in_a_minute_and_everything_in_a_quarter_of_an_hour() {
    let stack = start().await;
    // The schedule would read the members meanwhile; here nothing does.
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    stack.slack.drop_events(true);
    stack.slack.set_usergroup_members("S0SRE", &["U0CLEO"]).unwrap();
    let change = "/alfred-invoke aws sqs create-queue --queue-name revoked --as PowerUser";
    let read = "/alfred-invoke aws sqs list-queues --as PowerUser";

    age(&stack, "usergroup#S0SRE", "U0ANNA", 50).await;
    assert!(ask(&anna, change).await.contains("exit 0"), "known for less than a minute");
    age(&stack, "usergroup#S0SRE", "U0ANNA", 70).await;
    let seen = ask(&anna, change).await;
    assert!(seen.contains("you are not a member of @sre any more, so the call was not made"), "{seen}");
    assert!(ask(&anna, read).await.contains("exit 0"), "reads go on until the next sync");
    age(&stack, "usergroup#S0SRE", "U0ANNA", 901).await;
    let seen = ask(&anna, read).await;
    assert!(seen.contains("You have no role `PowerUser`"), "{seen}");
    assert!(seen.contains("its members were not read completely in the last 15 minutes"), "{seen}");

    // A sync is as good as an event: it takes the grant away and gives it to whoever has come.
    ask(&anna, "/alfred-sync start").await;
    assert_eq!(holders(&stack, "usergroup#S0SRE").await, ["U0CLEO"]);
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_refused_while_slack_cannot_be_asked_and_to_those_who_lost_their_standing() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    let change = "/alfred-invoke aws sqs create-queue --queue-name asked --as PowerUser";
    age(&stack, "usergroup#S0SRE", "U0ANNA", 70).await;
    stack.slack.fail_always("usergroups.users.list", Some(SlackFault::Status(500)));
    let seen = ask(&anna, change).await;
    assert!(seen.contains("Slack did not say whether you are still a member of @sre"), "{seen}");
    stack.slack.fail_always("usergroups.users.list", None);
    assert!(ask(&anna, change).await.contains("exit 0"));

    stack.slack.drop_events(true);
    stack.slack.set_guest("U0ANNA").unwrap();
    age(&stack, "usergroup#S0SRE", "U0ANNA", 70).await;
    let seen = ask(&anna, change).await;
    assert!(seen.contains("guests get no role, so the call was not made"), "{seen}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_stops_when_its_channel_or_the_bot_is_gone_and_its_admin_hears_of_it() {
    let stack = start().await;
    let cleo = seat(&stack, "U0CLEO", "G0PROD");
    assert!(ask(&cleo, "/alfred-invoke aws s3 ls").await.contains("wayne-prod"));
    stack.slack.remove_bot("U0CLEO", "G0PROD").unwrap();
    let admin = stack.slack.acts_as("U0ANNA").in_direct_messages();
    let told = reads(&admin, "is suspended").await;
    assert!(told.contains("#prod-admins") && told.contains("the bot was removed"), "{told}");
    let refused = refused(&cleo).await;
    assert!(refused.contains("it is suspended"), "{refused}");

    stack.slack.archive("U0ANNA", "C0OPS").unwrap();
    let suspended = || async {
        let mappings = mappings(&stack).await;
        mappings.iter().filter(|(_, state)| state == "suspended").count()
    };
    until("an archived channel stops its mapping", async || suspended().await == 2).await;
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_long_sync_sees_in_one_message_how_far_it_is() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    // The first channel is read after six seconds, the third one six later: progress is told every three at most.
    let slow = |ms| SlackFault::Slow(Duration::from_millis(ms));
    for fault in [SlackFault::RateLimited(6), slow(0), slow(6000)] {
        stack.slack.fail_next("conversations.members", fault);
    }
    let typed = anna.types("/alfred-sync start").await;
    let direct = stack.slack.acts_as("U0ANNA").in_direct_messages();
    let first = direct.waits_to_read("Syncing: ", PATIENCE).await.unwrap();
    let said = first.rendered();
    assert!(said.contains(" 1 of 3 mappings, ") && said.ends_with(" s left"), "{said}");
    assert!(!first.edited);
    let second = direct.waits_to_read(" 2 of 3 mappings, ", PATIENCE).await.unwrap();
    assert_eq!((&second.ts, second.edited), (&first.ts, true), "the same message");
    let last = direct.waits_to_read("Synced ", PATIENCE).await.unwrap();
    assert_eq!((&last.ts, last.edited), (&first.ts, true), "the same message");
    assert_eq!(last.rendered(), "Synced 4 members of 3 mappings.");
    assert!(answer(&anna, &job_of(&typed)).await.rendered().contains("3 of 3 mappings"));
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uninstalled_app_runs_nothing_more_and_forgets_its_token() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let typed = ben.types("/alfred-invoke aws s3 ls").await;
    answer(&ben, &job_of(&typed)).await;
    stack.slack.uninstall();
    let ended = async {
        loop {
            let items = items(&stack, "alfred-installations").await;
            if items[0]["state"]["S"] == "ended" {
                return items;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let items = tokio::time::timeout(PATIENCE, ended).await.expect("the installation ends");
    assert_eq!(items[0]["bot_token"]["S"], "");
    // A command that was on its way, when the change has come to the workers.
    forget_all(&stack.worker).await;
    let sent = typed.request.unwrap();
    let body = [&sent.body[..], b"&again=1"].concat();
    let replayed = stack.slack.post_signed(
        &sent.path,
        "application/x-www-form-urlencoded",
        &body,
        local::slack::delivery::Variant::Genuine,
    );
    let job = tests::conversation::job_of(&replayed.await);
    let denied = async {
        while !stack
            .logs
            .lines()
            .iter()
            .any(|line| line.text.contains(&job) && line.text.contains("\"denied\""))
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, denied).await.expect("the job is denied");
    let ran = stack.logs.lines().iter().any(|line| line.text.contains(&job) && line.text.contains("\"ran\""));
    assert!(!ran, "a job of an ended installation ran");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_guests_strangers_and_deactivated_people_get_nothing_from_a_sync() {
    let stack = start_with(|options| {
        for (id, standing) in [("U0BOT2", Standing::Bot), ("U0SINGLE", Standing::SingleChannelGuest)] {
            let mut user = options.world.user("U0DAN").unwrap().clone();
            user.id = id.into();
            user.name = id.to_lowercase();
            user.standing = standing;
            options.world.users.extend([user]);
            options.world.channels.get_mut("C0OPS").unwrap().members.push(id.into());
        }
        let mut stranger = options.world.user("U0DAN").unwrap().clone();
        stranger.id = "U0FAR".into();
        stranger.name = "far".into();
        stranger.team = Some("T0OTHER1".into());
        stranger.standing = Standing::Stranger;
        options.world.users.extend([stranger]);
        let mut gone = options.world.user("U0DAN").unwrap().clone();
        gone.id = "U0GONE".into();
        gone.name = "gone".into();
        gone.deleted = true;
        options.world.users.extend([gone]);
        let mut teamless = options.world.user("U0DAN").unwrap().clone();
        teamless.id = "U0ADRIFT".into();
        teamless.name = "adrift".into();
        teamless.team = None;
        options.world.users.extend([teamless]);
        let ops = options.world.channels.get_mut("C0OPS").unwrap();
        ops.members.extend(["U0FAR".into(), "U0GONE".into(), "U0ADRIFT".into()]);
    })
    .await;
    assert_eq!(holders(&stack, "channel#C0OPS").await, ["U0ANNA", "U0BEN"]);
    end(stack, &[]).await;
}

/// Who has a grant through a mapping.
pub async fn holders(stack: &Stack, item: &str) -> Vec<String> {
    let items = items(stack, "alfred-memberships").await;
    let grant = format!("grant:{item}");
    let holders = items.iter().filter(|item| item.get(&grant).is_some());
    holders.map(|item| item["user"]["S"].as_str().unwrap().to_owned()).collect()
}

/// Waits until `holds` does.
pub async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not so in time: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_say_who_is_a_member_however_often_and_in_whatever_order_they_come() {
    let stack = start_with(|options| options.faults = true).await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    let group = || holders(&stack, "usergroup#S0SRE");
    stack.slack.set_usergroup_members("S0SRE", &["U0BEN", "U0CLEO", "U0GUEST"]).unwrap();
    until("the group's members are others", async || group().await == ["U0BEN", "U0CLEO"]).await;

    stack.slack.duplicate_events(true);
    stack.slack.hold_events();
    stack.slack.leave("U0BEN", "C0OPS").unwrap();
    stack.slack.invite("U0ANNA", "U0DAN", "C0OPS").unwrap();
    stack.slack.invite("U0ANNA", "U0BEN", "C0OPS").unwrap();
    stack.slack.leave("U0DAN", "C0OPS").unwrap();
    stack.slack.release_events(true);
    assert!(stack.slack.events_settle(PATIENCE).await);
    // The newest came first; the last of those that are taken says nothing new.
    stack.slack.duplicate_events(false);
    stack.slack.rename_channel("C0OPS", "operations").unwrap();
    let named = async || ask(&anna, "/alfred-admin list").await.contains("#operations");
    until("the new name is shown", named).await;
    assert_eq!(holders(&stack, "channel#C0OPS").await, ["U0ANNA", "U0BEN"]);

    stack.slack.change_channel_id("C0OPS", "C0MOVED").unwrap();
    let moved = async || holders(&stack, "channel#C0MOVED").await == ["U0ANNA", "U0BEN"];
    until("the mapping has moved and its members are read", moved).await;
    assert!(!mappings(&stack).await.iter().any(|(item, _)| item == "channel#C0OPS"));

    stack.slack.disable_usergroup("S0SRE").unwrap();
    let stopped = async || mappings(&stack).await.contains(&("usergroup#S0SRE".into(), "suspended".into()));
    until("a group that is switched off stops its mapping", stopped).await;
    let proxy = &stack.faults.as_ref().unwrap().syncer_aws;
    // The schedule, the mapping that moved, and the one that was stopped.
    until("every change is announced", async || proxy.count(&Match::operation("events", "PutEvents")) >= 3)
        .await;
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_channel_that_was_made_public_stops_granting_at_the_next_sync() {
    let stack = start().await;
    stack.slack.change_world(|world| {
        world.channels.get_mut("G0PROD").unwrap().kind = local::slack::world::ChannelKind::Public;
    });
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let seen = ask(&anna, "/alfred-sync start").await;
    assert!(seen.contains("#prod-admins suspended: the private channel was made public"), "{seen}");
    let told = reads(&stack.slack.acts_as("U0ANNA").in_direct_messages(), "is suspended").await;
    assert!(told.contains("everybody could join it"), "{told}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_starts_one_sync_a_minute_and_none_that_is_late() {
    let stack = start().await;
    let syncs = || stack.logs.lines().iter().filter(|line| line.text.contains("\"synced\"")).count();
    let jobs = async || {
        let items = items(&stack, "alfred-mappings").await;
        items.iter().filter(|item| item["tenant"]["S"] == "T0ALFRED1#seen").count()
    };
    let before = (jobs().await, syncs());
    let at = |seconds_ago: u64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let time = time::OffsetDateTime::from_unix_timestamp((now - seconds_ago) as i64).unwrap();
        let time = time.format(&time::format_description::well_known::Rfc3339).unwrap();
        json!({ "detail-type": "Scheduled Event", "source": "aws.events", "time": time }).to_string()
    };
    for late in [301, 3600] {
        let answer = stack.syncer.invoke(at(late).into()).await.unwrap();
        assert_eq!(&answer[..], br#"{"started":0}"#, "{late} s late");
    }
    let event = at(0);
    for _ in 0..3 {
        assert_eq!(&stack.syncer.invoke(event.clone().into()).await.unwrap()[..], br#"{"started":1}"#);
    }
    at_rest(&stack).await.unwrap();
    until("the sync is logged", async || syncs() > before.1).await;
    // A second sync would be turned away by the first, but it would be another job.
    assert_eq!((jobs().await, syncs()), (before.0 + 1, before.1 + 1));
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_whose_writes_fail_ends_and_the_next_one_can_begin() {
    // More than the sync reads ahead, so that a reader whom nobody listens to would have to wait.
    const CHANNELS: usize = 300;
    let stack = start_with(|options| {
        options.faults = true;
        options.world = World::large(20, CHANNELS, 2);
        options.seed = Seed::Empty;
    })
    .await;
    add_to_slack(&stack, "U0ANNA").await.unwrap();
    for number in 0..CHANNELS {
        map(&stack, &format!("C{}", 1_000_000 + number), &format!("channel{number}")).await;
    }
    let proxy = &stack.faults.as_ref().unwrap().syncer_aws;
    proxy.inject(Match::operation("dynamodb", "TransactWriteItems"), Fault::status(500), 0, usize::MAX);
    let anna = seat(&stack, "U0ANNA", "C0GENERAL");
    anna.types("/alfred-sync start").await;
    let given_back =
        async || stack.logs.lines().iter().any(|line| line.text.contains("given back to the queue"));
    until("the sync gives up", given_back).await;
    proxy.clear();
    let seen = ask(&anna, "/alfred-sync start").await;
    assert!(seen.contains(&format!("{CHANNELS} of {CHANNELS} mappings")), "{seen}");
    end(stack, &[]).await;
}

/// Maps a public channel, as `/alfred-admin add` and a probe leave it.
pub async fn map(stack: &Stack, channel: &str, name: &str) {
    let mapping = json!({
        "Key": { "tenant": { "S": "T0ALFRED1" }, "item": { "S": format!("channel#{channel}") } },
        "UpdateExpression": "SET kind = :kind, #n = :name, role_arn = :role, priority = :one, #s = :active, \
                             version = :none, read_as_of = :none",
        "ExpressionAttributeNames": { "#n": "name", "#s": "state" },
        "ExpressionAttributeValues": {
            ":kind": { "S": "channel" }, ":name": { "S": name },
            ":role": { "S": READ_ONLY }, ":one": { "N": "1" }, ":active": { "S": "active" },
            ":none": { "N": "0" },
        },
    });
    update_item(stack, "alfred-mappings", mapping).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_outgrows_one_invocation_goes_on_in_the_next() {
    const CHANNELS: usize = 8;
    let stack = start_with(|options| options.function_timeout = Duration::from_secs(8)).await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    ask(&anna, "/alfred-sync every off").await;
    for number in 0..CHANNELS {
        let channel = stack.slack.create_channel(&format!("more{number}"), false, "U0ANNA").unwrap();
        map(&stack, &channel, &format!("more{number}")).await;
    }
    // Longer for all of them than an invocation has, although each by itself is quick enough.
    stack.slack.fail_always("conversations.members", Some(SlackFault::Slow(Duration::from_millis(1200))));
    let before = stack.syncer.invocations();
    anna.types("/alfred-sync start").await;
    let all = CHANNELS + 3;
    reads(&anna, &format!("of {all} of {all} mappings")).await;
    assert!(stack.syncer.invocations() >= before + 2, "one invocation was enough");
    // What was read is not read again; each invocation may lose the one that it was at when its time was over.
    let calls = stack.slack.calls();
    let reads =
        calls.iter().filter(|call| call.place == "conversations.members" && call.error.is_none()).count();
    assert!(reads <= CHANNELS + 2 + 3, "{reads} reads");
    end(stack, &[]).await;
}
