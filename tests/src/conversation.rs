//! People who talk to the product in the fake Slack, and what a run of it must not leave behind.

use std::sync::Arc;
use std::time::Duration;

use local::aws::{DEV, HOME};
use local::lambda::Lambda;
use local::slack::delivery::Typed;
use local::slack::message::{Origin, Shown};
use local::slack::person::Seat;
use local::slack::world::World;
use local::slack::{AwsAdministrator, FakeSlack, SlackOptions};
use local::stack::{Options, Stack};
use serde_json::json;

use crate::witness;

/// How long an answer may take on a machine that does other things as well.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// The whole product with the demo's people, mappings and accounts.
///
/// # Panics
/// If it does not start.
pub async fn start() -> Stack {
    start_with(|_| {}).await
}

/// As [`start`], with other options.
///
/// # Panics
/// If it does not start.
pub async fn start_with(change: impl FnOnce(&mut Options)) -> Stack {
    let functions = witness::program("ingress");
    let mut options = Options::new(functions.parent().unwrap_or(&functions));
    change(&mut options);
    let started = Stack::start(options).await;
    let stack = started.unwrap_or_else(|error| panic!("the product does not start: {error:#}"));
    // A busy machine may take longer than Slack's 3 s; how fast the answers are is for the benchmarks.
    stack.slack.set_ack_timeout(PATIENCE);
    stack
}

/// A fake Slack alone, for another app than ours. Where its request URLs are is not known yet.
///
/// # Panics
/// If it does not start.
pub async fn fake_slack(world: World, bot_token: Option<&str>, signing_secret: &str) -> FakeSlack {
    let started = FakeSlack::start(SlackOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        request_url_base: String::new(),
        signing_secret: signing_secret.into(),
        bot_token: bot_token.map(str::to_owned),
        world,
        traces: Arc::new(|| json!([])),
        aws: AwsAdministrator { roles: Vec::new(), trust: Arc::new(|_, _| Box::pin(async { Ok(()) })) },
    });
    started.await.unwrap_or_else(|error| panic!("the fake Slack does not start: {error}"))
}

/// Ends all instances of a function: the next one knows nothing of what was kept in memory.
pub async fn forget_all(function: &Lambda) {
    for instance in function.instances() {
        function.kill(instance.number);
    }
    while !function.instances().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// Ends the run, and fails on what nobody should have to look for: a panic in a function, a secret in a log.
/// `planted` are values of this test that no log may show.
///
/// # Panics
/// If there is any.
pub async fn end(stack: Stack, planted: &[&str]) {
    let mut secrets = stack.slack.change_world(|world| {
        let mut secrets = vec![world.app.signing_secret.clone(), world.app.client_secret.clone()];
        secrets.extend(world.app.tokens.iter().map(|token| token.value.clone()));
        secrets
    });
    for function in stack.functions() {
        let environment = &function.function().environment;
        let keys = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(|name| environment.get(name).cloned());
        secrets.extend(keys.into_iter().flatten());
    }
    secrets.extend(stack.issued_secrets());
    secrets.extend(planted.iter().map(|planted| (*planted).to_owned()));
    // The path of every response_url, whatever its secret part.
    secrets.push("/commands/T0".into());
    for line in stack.logs.lines() {
        let panicked =
            line.text.contains("panicked") || line.field("alarm").is_some_and(|alarm| alarm == "panic");
        assert!(!panicked, "{} panicked: {}", line.function, line.text);
        for secret in &secrets {
            assert!(!line.text.contains(secret), "{} logged a secret value: {}", line.function, line.text);
        }
    }
    stack.shut_down().await;
}

/// A person in a channel of the product.
pub fn seat(stack: &Stack, user: &str, channel: &str) -> Seat {
    stack.slack.acts_as(user).in_channel(channel)
}

/// The short id of the job that an acknowledgement names.
///
/// # Panics
/// If it names none.
pub fn job_of(typed: &Typed) -> String {
    // The last one: the acknowledgement of `/alfred status` names the job that was asked for before its own.
    let id = typed.body.rsplit_once("job `").and_then(|(_, rest)| rest.split_once('`')).map(|(id, _)| id);
    id.unwrap_or_else(|| panic!("no job was queued: {typed:?}")).to_owned()
}

/// Waits for the answer to a job, which is whatever names it after its acknowledgement.
///
/// # Panics
/// If none comes, with what was seen instead.
pub async fn answer(seat: &Seat, job: &str) -> Shown {
    answer_within(seat, job, PATIENCE).await
}

/// As [`answer`], for answers that take a lease to come.
///
/// # Panics
/// If none comes in time, with what was seen instead.
pub async fn answer_within(seat: &Seat, job: &str, limit: Duration) -> Shown {
    let found = seat.waits_to_see(limit, |shown| {
        shown
            .iter()
            .find(|message| message.origin != Origin::Ack && message.rendered().contains(job))
            .cloned()
    });
    found.await.unwrap_or_else(|error| panic!("no answer to job {job}: {error}"))
}

/// Types a command, waits for its answer, and gives what the person then reads.
///
/// # Panics
/// If it is not acknowledged, or no answer comes.
pub async fn ask(seat: &Seat, line: &str) -> String {
    let typed = seat.types(line).await;
    assert_eq!(typed.error, None, "{line}: {typed:?}");
    answer(seat, &job_of(&typed)).await.rendered()
}

/// What is different in every run, made equal: job ids, durations, times, and ids that AWS makes up.
pub fn redacted(text: &str) -> String {
    let rules = [
        (r"\b[0-9a-f]{32}\b", "<id>"),
        (r"(job|status|alfred-)([ `]*)[0-9a-f]{8}\b", "$1$2<job>"),
        (r"`[0-9a-f]{8}`", "`<job>`"),
        (r"\b[0-9]+(\.[0-9]+)? ?(ms|s)\b", "<duration>"),
        (r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+]00:00| UTC)?", "<time>"),
        (r"\b(i|vpc|subnet|sg|r|vol|eni|ami)-[0-9a-f]{8,17}\b", "$1-<id>"),
        (r"\bAROA[0-9A-Za-z]+\b", "AROA<id>"),
        (r"(ab-T[0-9A-Z]+-U[0-9A-Z]+)-[0-9a-f]{8}\b", "$1-<job>"),
        (r"127\.0\.0\.1:[0-9]+", "127.0.0.1:<port>"),
    ];
    rules.into_iter().fold(text.to_owned(), |text, (pattern, with)| {
        // The patterns are constants of this table.
        regex::Regex::new(pattern).map_or(text.clone(), |rule| rule.replace_all(&text, with).into_owned())
    })
}

/// How many messages an SQS queue of the development account holds, by body.
///
/// # Panics
/// If the queue cannot be read.
pub async fn bodies_in_queue(stack: &Stack, queue: &str) -> Vec<String> {
    let Some(client) = stack.client(DEV) else { panic!("the stack has no keys of account {DEV}") };
    let url = json!({ "QueueName": queue });
    let url = client.json("sqs", "AmazonSQS.GetQueueUrl", &url).await.map(|url| url["QueueUrl"].clone());
    let url = url.unwrap_or_else(|error| panic!("queue {queue}: {error}"));
    let mut bodies = Vec::new();
    loop {
        let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600 });
        let received = client.json("sqs", "AmazonSQS.ReceiveMessage", &input).await;
        let received = received.unwrap_or_else(|error| panic!("queue {queue}: {error}"));
        let messages = received["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            return bodies;
        }
        bodies.extend(messages.iter().filter_map(|message| message["Body"].as_str().map(str::to_owned)));
    }
}

/// Changes one item of Alfredbot's own tables, as an operator or the sync job would.
///
/// # Panics
/// If the table refuses it.
pub async fn update_item(stack: &Stack, table: &str, input: serde_json::Value) {
    let Some(client) = stack.client(HOME) else { panic!("the stack has no keys of account {HOME}") };
    let mut input = input;
    input["TableName"] = json!(table);
    let updated = client.json("dynamodb", "DynamoDB_20120810.UpdateItem", &input).await;
    updated.unwrap_or_else(|error| panic!("table {table}: {error}"));
}
