//! The demo: what an admin does to set Alfredbot up, done through the same requests. He adds the app to Slack, invites its
//! bot, maps a channel, a private channel and a user group to roles in two accounts, and puts the trust policy that he is
//! shown on the roles.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;

use crate::aws::{DEV, HOME, PROD};
use crate::browser::Browser;
use crate::seed;
use crate::slack::message::Origin;
use crate::slack::person::Seat;
use crate::stack::Stack;

/// Who sets it up: the workspace's admin.
pub const ADMIN: &str = "U0ANNA";

/// Who invites the bot where.
const INVITATIONS: [(&str, &str); 3] = [(ADMIN, "C0GENERAL"), (ADMIN, "C0OPS"), ("U0CLEO", "G0PROD")];

/// What is mapped to which role of which account, with which priority.
const MAPPINGS: [(&str, &str, &str, u32); 3] = [
    ("group #prod-admins", PROD, "FullAdmin", 10),
    ("usergroup @sre", DEV, "PowerUser", 20),
    ("channel #ops", DEV, "ReadOnly", 30),
];

/// The roles of a target account that Alfredbot may be mapped to.
pub const ROLES: [&str; 3] = ["ReadOnly", "PowerUser", "FullAdmin"];

/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sets the demo up and returns when its people have their roles.
pub async fn set_up(stack: &Stack) -> anyhow::Result<()> {
    add_to_slack(stack, ADMIN).await.context("the app cannot be added to Slack")?;
    for (user, channel) in INVITATIONS {
        stack.slack.acts_as(user).in_channel(channel).types("/invite @alfredbot").await;
    }
    let admin = stack.slack.acts_as(ADMIN).in_direct_messages();
    for account in [PROD, DEV] {
        let (target, _, role, priority) = MAPPINGS
            .into_iter()
            .find(|(_, its, ..)| *its == account)
            .context("every account has a mapping")?;
        let command = add(target, account, role, priority);
        let shown = answer(&admin, &command, "Put this trust policy").await?;
        let policy = trust_policy(&shown);
        let client = stack.client(account).with_context(|| format!("no administrator keys of {account}"))?;
        for role in ROLES {
            seed::trust(client, role, &policy).await?;
        }
    }
    for (target, account, role, priority) in MAPPINGS {
        answer(&admin, &add(target, account, role, priority), "so the mapping becomes active now").await?;
    }
    // What was probed becomes active a moment later, and the last mapping's own sync may still be at it.
    until(&admin, "/alfred-admin list", |list| list.matches("active").count() == MAPPINGS.len()).await?;
    let all = format!("of {0} of {0} mappings", MAPPINGS.len());
    until(&admin, "/alfred-sync start", |report| report.contains(&all)).await?;
    // Whoever looks at the demo finds it at rest.
    at_rest(stack).await
}

/// Returns when no admin job waits or is worked on.
pub async fn at_rest(stack: &Stack) -> anyhow::Result<()> {
    let (visible, hidden) = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible");
    let input = json!({ "QueueUrl": stack.home.admin_queue, "AttributeNames": [visible, hidden] });
    let home = stack.client(HOME).context("no administrator keys of the home account")?;
    loop {
        let counts = home.json("sqs", "AmazonSQS.GetQueueAttributes", &input).await?;
        if [visible, hidden].iter().all(|name| counts["Attributes"][name] == "0") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Types a command again and again until its answer is as wanted.
async fn until(seat: &Seat, command: &str, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let shown = answer(seat, command, "\njob ").await?;
        if wanted(&shown) {
            return Ok(());
        }
        if tokio::time::Instant::now() >= end {
            bail!("`{command}` still answers after {} s: {shown}", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The command that maps `target`. A public channel is confirmed at once.
fn add(target: &str, account: &str, role: &str, priority: u32) -> String {
    let confirm = match target.strip_prefix("channel #") {
        Some(name) => format!(" --confirm anyone-can-join-{name}"),
        None => String::new(),
    };
    format!("/alfred-admin add {target} arn:aws:iam::{account}:role/alfredbot/{role} {priority}{confirm}")
}

/// Types a command, and gives the text of the answer to it that contains `words`.
async fn answer(seat: &Seat, command: &str, words: &str) -> anyhow::Result<String> {
    let seen = seat.sees().len();
    let typed = seat.types(command).await;
    if let Some(error) = typed.error {
        bail!("`{command}` failed: {error}");
    }
    let found = seat
        .waits_to_see(PATIENCE, |messages| {
            // The acknowledgement repeats the command and is no answer, and it may come after the answer.
            let answers = messages.iter().skip(seen).filter(|message| message.origin != Origin::Ack);
            answers.map(|message| message.rendered()).find(|text| text.contains(words))
        })
        .await;
    found.with_context(|| format!("`{command}` was not answered with \"{words}\""))
}

/// The policy in an answer: its preformatted lines.
fn trust_policy(shown: &str) -> String {
    shown.lines().filter_map(|line| line.strip_prefix("│ ")).collect()
}

/// "Add to Slack", as `user`: from the app's own page to Slack's consent page and back.
pub async fn add_to_slack(stack: &Stack, user: &str) -> anyhow::Result<()> {
    let mut browser = Browser::default();
    let callback = consent(stack, &mut browser, user, "allow").await?;
    let page = browser.get(&callback).await?;
    anyhow::ensure!(page.status == 200, "the app answered {}: {}", page.status, page.body);
    Ok(())
}

/// Begins an install in `browser` and answers Slack's consent page as `user`, with `allow` or `cancel`. Gives the address
/// of the app to which Slack sends the browser then.
pub async fn consent(
    stack: &Stack,
    browser: &mut Browser,
    user: &str,
    decision: &str,
) -> anyhow::Result<String> {
    consent_of(stack, browser, user, decision, "").await
}

/// The same from an address with a `query`, which may ask for one workspace.
pub async fn consent_of(
    stack: &Stack,
    browser: &mut Browser,
    user: &str,
    decision: &str,
    query: &str,
) -> anyhow::Result<String> {
    let start = browser.get(&format!("{}/slack/oauth/start{query}", stack.gateway_url())).await?;
    let slack = start.location.with_context(|| format!("the app answered {}", start.status))?;
    let page = browser.get(&slack).await?;
    let consent = page
        .body
        .split_once("name=\"consent\" value=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .with_context(|| format!("Slack shows no consent page: {}", page.body))?
        .0;
    let fields = [("consent", consent), ("user", user), ("decision", decision)];
    let answered = browser.post(&format!("{}/oauth/v2/authorize", stack.slack.base_url()), &fields).await?;
    answered.location.with_context(|| format!("Slack answered {}: {}", answered.status, answered.body))
}
