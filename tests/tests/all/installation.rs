//! "Add to Slack", and every way in which it must not work.

use std::time::Duration;

use local::aws::HOME;
use local::browser::{Browser, Page};
use local::demo::{consent, consent_of};
use local::fault::{Fault, Match};
use local::slack::fault::Fault as SlackFault;
use local::stack::{Seed, Stack};
use serde_json::{Value, json};
use tests::conversation::{ask, end, seat, start_with, update_item};

async fn not_installed() -> Stack {
    start_with(|options| options.seed = Seed::Empty).await
}

/// Installations that are kept, without the states of those under way.
async fn kept(stack: &Stack) -> Vec<Value> {
    let scan = json!({ "TableName": "alfred-installations" });
    let answer = stack.client(HOME).unwrap().json("dynamodb", "DynamoDB_20120810.Scan", &scan).await.unwrap();
    let items = answer["Items"].as_array().unwrap().clone();
    items.into_iter().filter(|item| item.get("bot_token").is_some()).collect()
}

/// The code in an address to which Slack sends a browser.
fn code(url: &str) -> String {
    url.split(['?', '&']).find(|part| part.starts_with("code=")).unwrap().to_owned()
}

fn told(page: &Page, status: u16, words: &str) {
    assert!(page.status == status && page.body.contains(words), "{}: {}", page.status, page.body);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!page.body.contains("<script"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_adds_the_app_and_its_token_is_kept_encrypted() {
    let stack = not_installed().await;
    let mut browser = Browser::default();
    let page = browser.get(&format!("{}/install", stack.gateway_url())).await.unwrap();
    told(&page, 200, "href=\"/slack/oauth/start\"");
    let callback = consent(&stack, &mut browser, "U0ANNA", "allow").await.unwrap();
    let page = browser.get(&callback).await.unwrap();
    told(&page, 200, "Alfredbot is installed");
    assert!(page.body.contains("Wayne Cloud") && page.body.contains("/alfred-admin add"), "{}", page.body);

    let [item] = &kept(&stack).await[..] else { panic!("one installation is kept") };
    assert_eq!(item["tenant"]["S"], "T0ALFRED1");
    assert_eq!(item["installed_by"]["S"], "U0ANNA");
    let token = stack.slack.change_world(|world| world.app.tokens[0].value.clone());
    assert!(!item.to_string().contains(&token));
    let state = callback.split(['?', '&']).find_map(|part| part.strip_prefix("state=")).unwrap().to_owned();
    end(stack, &[code(&callback).trim_start_matches("code="), &state]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_from_an_install_that_this_browser_began_stores_nothing() {
    let stack = not_installed().await;
    let callback = async |browser: &mut Browser| consent(&stack, browser, "U0ANNA", "allow").await.unwrap();
    let cannot = "This link cannot be used";

    // Without a state, as Slack's own pages begin it: sent to our start.
    let page = Browser::default().get(&format!("{}/slack/oauth/callback?code=1", stack.gateway_url())).await;
    let page = page.unwrap();
    assert_eq!((page.status, page.location.as_deref()), (302, Some("/slack/oauth/start")));
    // Whoever cancels there has said no, and is not asked again.
    let cancelled = format!("{}/slack/oauth/callback?error=access_denied", stack.gateway_url());
    told(&Browser::default().get(&cancelled).await.unwrap(), 403, "You did not allow it");

    // Another browser, with a cookie of its own or with none.
    let mut mine = Browser::default();
    let url = callback(&mut mine).await;
    told(&Browser::default().get(&url).await.unwrap(), 400, cannot);
    let mut theirs = Browser::default();
    callback(&mut theirs).await;
    told(&theirs.get(&url).await.unwrap(), 400, cannot);
    // A state that nobody made.
    let forged = url.replace("state=", "state=0");
    told(&mine.get(&forged).await.unwrap(), 400, cannot);
    // Twice the same parameter: nobody can say which counts, so it is as if there were none.
    let page = mine.get(&format!("{url}&state=1")).await.unwrap();
    assert_eq!(page.status, 302);
    assert_eq!(kept(&stack).await, Vec::<Value>::new());

    // None of that has used it up.
    told(&mine.get(&url).await.unwrap(), 200, "Alfredbot is installed");
    // Once is all.
    told(&mine.get(&url).await.unwrap(), 400, cannot);

    // Ten minutes and a second later.
    let mut late = Browser::default();
    let url = callback(&mut late).await;
    let scan = json!({ "TableName": "alfred-installations" });
    let items = stack.client(HOME).unwrap().json("dynamodb", "DynamoDB_20120810.Scan", &scan).await.unwrap();
    let states = items["Items"].as_array().unwrap().iter().filter(|item| item.get("cookie").is_some());
    for state in states {
        let then: u64 = state["expires_at"]["N"].as_str().unwrap().parse().unwrap();
        let input = json!({
            "Key": { "tenant": state["tenant"] },
            "UpdateExpression": "SET expires_at = :then",
            "ExpressionAttributeValues": { ":then": { "N": (then - 601).to_string() } },
        });
        update_item(&stack, "alfred-installations", input).await;
    }
    told(&late.get(&url).await.unwrap(), 400, cannot);
    assert_eq!(kept(&stack).await.len(), 1);
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_soon_is_renewed_once_and_both_are_kept() {
    let stack = start_with(|options| {
        options.seed = Seed::Empty;
        options.world.app.token_rotation = true;
        options.world.app.basic_only = true;
    })
    .await;
    let mut browser = Browser::default();
    let url = consent(&stack, &mut browser, "U0ANNA", "allow").await.unwrap();
    told(&browser.get(&url).await.unwrap(), 200, "Alfredbot is installed");
    let [first] = &kept(&stack).await[..] else { panic!("one installation is kept") };
    assert!(first.get("refresh_token").is_some() && first.get("token_expires_at").is_some(), "{first}");

    let anna = seat(&stack, "U0ANNA", "C0GENERAL");
    ask(&anna, "/alfred-admin list").await;
    assert_eq!(kept(&stack).await[0]["bot_token"], first["bot_token"], "twelve hours are left");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let ends = async |at: u64| {
        let input = json!({
            "Key": { "tenant": { "S": "T0ALFRED1" } },
            "UpdateExpression": "SET token_expires_at = :at",
            "ExpressionAttributeValues": { ":at": { "N": at.to_string() } },
        });
        update_item(&stack, "alfred-installations", input).await;
    };
    // It is renewed when three hours are left; here a minute more and a minute less.
    ends(now + 3 * 3600 + 60).await;
    ask(&anna, "/alfred-admin list").await;
    assert_eq!(kept(&stack).await[0]["bot_token"], first["bot_token"], "three hours and a minute are left");
    let soon = now + 3 * 3600 - 60;
    ends(soon).await;
    // Several at the same time, of which the first has to wait for Slack: the refresh token works once.
    stack.slack.fail_next("oauth.v2.access", SlackFault::Slow(Duration::from_secs(2)));
    let mut at_once = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let anna = anna.clone();
        at_once.spawn(async move { ask(&anna, "/alfred-admin list").await });
    }
    for shown in at_once.join_all().await {
        assert!(shown.contains("Nothing is mapped yet"), "{shown}");
    }
    let calls = stack.slack.calls();
    let exchanges: Vec<_> = calls.iter().filter(|call| call.place == "oauth.v2.access").collect();
    let [code, held, renewed] = exchanges[..] else { panic!("{exchanges:?}") };
    assert_eq!((&code.error, &renewed.error), (&None, &None), "one exchange of the code and one renewal");
    assert!(held.error.is_some(), "the renewal was held: {held:?}");
    let [second] = &kept(&stack).await[..] else { panic!("one installation is kept") };
    assert_ne!(second["bot_token"], first["bot_token"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let end_of = |item: &Value| item["token_expires_at"]["N"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(end_of(second) > soon, "{second}");
    assert!(ask(&anna, "/alfred-admin list").await.contains("Nothing is mapped yet"));
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_what_was_asked_for_stores_nothing() {
    let stack = not_installed().await;
    for (odd, words) in [
        (json!({ "team": { "id": "T0OTHER", "name": "Other" } }), "You allowed it in another workspace"),
        (json!({ "is_enterprise_install": true }), "organisation"),
        (json!({ "team": null }), "Slack did not say which workspace it is"),
        (json!({ "team": { "id": "no id", "name": "?" } }), "Slack did not say which workspace it is"),
        (json!({ "token_type": "user" }), "Slack gave no token for the bot"),
        (json!({ "access_token": null }), "Slack gave no token for the bot"),
    ] {
        stack.slack.change_world(|world| world.app.oauth_answer = odd.as_object().unwrap().clone());
        // One workspace is asked for from the start.
        let mut browser = Browser::default();
        let url = consent_of(&stack, &mut browser, "U0ANNA", "allow", "?team=T0ALFRED1").await.unwrap();
        let page = browser.get(&url).await.unwrap();
        assert!(page.body.contains(words), "{odd}: {}", page.body);
        told(&page, 400, "Not installed");
    }
    assert_eq!(kept(&stack).await, Vec::<Value>::new());
    stack.slack.change_world(|world| world.app.oauth_answer.clear());
    let mut browser = Browser::default();
    let url = consent_of(&stack, &mut browser, "U0ANNA", "allow", "?team=T0ALFRED1").await.unwrap();
    told(&browser.get(&url).await.unwrap(), 200, "Alfredbot is installed");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_table_or_a_key_nothing_is_installed_and_the_page_says_so() {
    let stack = start_with(|options| {
        options.seed = Seed::Empty;
        options.faults = true;
    })
    .await;
    let proxy = &stack.faults.as_ref().unwrap().install_aws;
    let fails = |service: &str, operation: &str| {
        proxy.inject(Match::operation(service, operation), Fault::status(500), 0, usize::MAX);
    };
    let mut browser = Browser::default();
    fails("dynamodb", "PutItem");
    let start = format!("{}/slack/oauth/start", stack.gateway_url());
    told(&browser.get(&start).await.unwrap(), 503, "Installs cannot be taken at the moment");
    proxy.clear();

    for (service, operation, words) in [
        ("kms", "Encrypt", "The token could not be kept safely"),
        ("dynamodb", "PutItem", "The token could not be kept safely"),
        ("dynamodb", "DeleteItem", "Installs cannot be taken at the moment"),
    ] {
        let url = consent(&stack, &mut browser, "U0ANNA", "allow").await.unwrap();
        fails(service, operation);
        told(&browser.get(&url).await.unwrap(), 503, words);
        proxy.clear();
        assert_eq!(kept(&stack).await, Vec::<Value>::new(), "{service} {operation}");
    }
    let url = consent(&stack, &mut browser, "U0ANNA", "allow").await.unwrap();
    told(&browser.get(&url).await.unwrap(), 200, "Alfredbot is installed");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_installs_once() {
    let stack = not_installed().await;
    let mut browser = Browser::default();
    let first = consent(&stack, &mut browser, "U0ANNA", "allow").await.unwrap();
    told(&browser.get(&first).await.unwrap(), 200, "Alfredbot is installed");
    let installed = kept(&stack).await;

    // Somebody else has got hold of the code, and comes with a state and a cookie of his own.
    let mut other = Browser::default();
    let second = consent(&stack, &mut other, "U0ANNA", "allow").await.unwrap();
    let replayed = second.replace(&code(&second), &code(&first));
    assert_ne!(replayed, second);
    told(&other.get(&replayed).await.unwrap(), 400, "was used already, or is older than 10 minutes");
    assert_eq!(kept(&stack).await, installed, "nothing is stored anew");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_is_told_and_stores_nothing() {
    let stack = not_installed().await;
    let mut browser = Browser::default();
    let denied = consent(&stack, &mut browser, "U0ANNA", "cancel").await.unwrap();
    told(&browser.get(&denied).await.unwrap(), 403, "You did not allow it");

    // Slack does not answer; then it does not know the code.
    let first = consent(&stack, &mut browser, "U0ANNA", "allow").await.unwrap();
    stack.slack.fail_next("oauth.v2.access", SlackFault::Status(500));
    told(&browser.get(&first).await.unwrap(), 503, "Slack did not answer");
    let second = consent(&stack, &mut browser, "U0ANNA", "allow").await.unwrap();
    let wrong = second.replace(&code(&second), "code=1.2.nothing");
    told(&browser.get(&wrong).await.unwrap(), 400, "was used already, or is older than 10 minutes");

    // A permission that the app cannot be without is missing.
    let third = consent(&stack, &mut browser, "U0ANNA", "allow").await.unwrap();
    stack.slack.change_world(|world| {
        world.app.optional_scopes.insert("users:read".into());
    });
    let declined = consent(&stack, &mut browser, "U0ANNA", "allow").await.unwrap();
    told(&browser.get(&declined).await.unwrap(), 400, "users:read");
    drop(third);
    assert_eq!(kept(&stack).await, Vec::<Value>::new());

    for (method, path, status) in [("GET", "/slack/oauth", 404), ("POST", "/install", 404)] {
        let url = format!("{}{path}", stack.gateway_url());
        let page = match method {
            "GET" => browser.get(&url).await,
            _ => browser.post(&url, &[]).await,
        };
        assert_eq!(page.unwrap().status, status, "{method} {path}");
    }
    end(stack, &[]).await;
}
