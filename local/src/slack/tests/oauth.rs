//! Installing the app, as a person does it in a browser and the app over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::slack::installation::TOKEN_LIFETIME;

const APP: &str = "http://127.0.0.1:9";
const CALLBACK: &str = "http://127.0.0.1:9/slack/oauth/callback";

async fn slack_without_app() -> FakeSlack {
    let slack = slack_with(APP, None, World::demo()).await;
    slack.clock().stop_at(1_760_000_000);
    slack
}

fn query(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The consent page for a query that asks for `scope`.
async fn consent(slack: &FakeSlack, scope: &str) -> String {
    let (client_id, _) = slack.client();
    let fields =
        [("client_id", client_id.as_str()), ("scope", scope), ("redirect_uri", CALLBACK), ("state", "s&t")];
    let (status, _, page) = get(slack, &format!("/oauth/v2/authorize?{}", query(&fields)), None).await;
    assert_eq!(status, 200, "{page}");
    page
}

/// Presses a button of a consent page. Status, and where it leads.
async fn press(slack: &FakeSlack, page: &str, fields: &str) -> (u16, String) {
    let key = page.split("name=\"consent\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let form = format!("consent={key}&{fields}");
    let (status, headers, _) = send(slack, &slack.authorize_url(), &headers, &form).await.unwrap();
    (status, headers.get("location").map(|at| at.to_str().unwrap().to_owned()).unwrap_or_default())
}

/// A code that Anna allowed.
async fn code(slack: &FakeSlack, scope: &str) -> String {
    let page = consent(slack, scope).await;
    let (_, target) = press(slack, &page, "user=U0ANNA&decision=allow").await;
    let target = url::Url::parse(&target).unwrap();
    target.query_pairs().find(|(key, _)| key == "code").unwrap().1.into_owned()
}

/// Calls `oauth.v2.access` with the app's credentials.
async fn access(slack: &FakeSlack, fields: &[(&str, &str)]) -> Value {
    let (id, secret) = slack.client();
    access_as(slack, &id, &secret, fields).await
}

async fn access_as(slack: &FakeSlack, id: &str, secret: &str, fields: &[(&str, &str)]) -> Value {
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let headers = [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    send(slack, &format!("{}oauth.v2.access", slack.api_url()), &headers, &query(fields)).await.unwrap().2
}

async fn redeem(slack: &FakeSlack, code: &str) -> Value {
    access(slack, &[("code", code), ("redirect_uri", CALLBACK)]).await
}

async fn with_token(slack: &FakeSlack, token: &Value, method: &str) -> Value {
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let url = format!("{}{method}", slack.api_url());
    send(slack, &url, &[("authorization", &bearer)], "").await.unwrap().2
}

#[tokio::test]
async fn nothing_of_an_app_is_there_before_it_is_installed() {
    let slack = slack_without_app().await;
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    assert_eq!(anna.types("/alfred-invoke aws").await.error.as_deref(), Some("invalid_command"));
    assert!(anna.transcript().ends_with("`/alfred-invoke` is not a valid command.\n"));
    let members = slack.change_world(|world| world.channel("C0OPS").unwrap().members.clone());
    assert!(!members.contains(&"U0ALFRED".to_owned()));
    assert!(!slack.is_installed());
}

#[tokio::test]
async fn the_page_says_what_is_asked_and_by_whom_it_is_answered() {
    let slack = slack_without_app().await;
    let page = consent(&slack, "commands,chat:write,files:read").await;
    assert!(page.contains("Alfredbot is requesting permission to access the Wayne Cloud workspace"));
    assert!(page.contains("<option value=\"U0ANNA\" selected>Anna Azarova</option>"));
    assert!(
        page.contains(
            "<ul id=\"scopes\"><li><code>commands</code></li><li><code>chat:write</code></li></ul>"
        )
    );
    assert!(page.contains("name=\"optional\" value=\"files:read\" id=\"scope-files:read\" checked"));
    assert!(!page.contains("U0ALFRED"), "bots do not sign in");
    assert_eq!(get(&slack, "/oauth/v2/authorize?client_id=x", Some("evil.example")).await.0, 403);
}

#[tokio::test]
async fn allowing_leads_back_with_a_code_that_installs() {
    let slack = slack_without_app().await;
    let page = consent(&slack, "commands,chat:write,files:read,reactions:write").await;
    let (status, target) = press(&slack, &page, "user=U0ANNA&decision=allow&optional=files%3Aread").await;
    assert_eq!(status, 302);
    let target = url::Url::parse(&target).unwrap();
    assert!(target.as_str().starts_with(&format!("{CALLBACK}?code=")), "{target}");
    let fields: BTreeMap<_, _> = target.query_pairs().into_owned().collect();
    assert_eq!(fields["state"], "s&t");
    assert!(!slack.is_installed(), "only the exchange installs");

    let answer = redeem(&slack, &fields["code"]).await;
    assert!(answer["access_token"].as_str().unwrap().starts_with("xoxb-"));
    for (field, value) in [
        ("ok", json!(true)),
        ("token_type", json!("bot")),
        ("scope", json!("chat:write,commands,files:read")),
        ("bot_user_id", json!("U0ALFRED")),
        ("app_id", json!("A0ALFRED1")),
        ("team", json!({"id": "T0ALFRED1", "name": "Wayne Cloud"})),
        ("enterprise", Value::Null),
        ("is_enterprise_install", json!(false)),
        ("authed_user", json!({"id": "U0ANNA"})),
        ("expires_in", Value::Null),
        ("refresh_token", Value::Null),
    ] {
        assert_eq!(answer[field], value, "{field}");
    }
    assert_eq!(with_token(&slack, &answer["access_token"], "auth.test").await["user_id"], "U0ALFRED");
    let typed = slack.acts_as("U0ANNA").in_channel("C0OPS").types("/alfred-invoke aws").await;
    assert!(typed.request.is_some(), "its commands are there now");
    assert_eq!(press(&slack, &page, "user=U0ANNA&decision=allow").await.0, 400, "a page is answered once");
}

#[tokio::test]
async fn cancelling_leads_back_with_an_error() {
    let slack = slack_without_app().await;
    let page = consent(&slack, "commands").await;
    let (status, target) = press(&slack, &page, "user=U0ANNA&decision=cancel").await;
    assert_eq!((status, target), (302, format!("{CALLBACK}?error=access_denied&state=s%26t")));
}

#[tokio::test]
async fn what_slack_would_not_ask_is_an_error_page() {
    let slack = slack_without_app().await;
    let (id, _) = slack.client();
    let id = id.as_str();
    for (fields, word) in [
        (vec![("client_id", "1.2"), ("scope", "commands")], "invalid_client_id"),
        (vec![("scope", "commands")], "invalid_client_id"),
        (vec![("client_id", id)], "no_scopes"),
        (vec![("client_id", id), ("scope", "commands,root")], "invalid_scope"),
        (
            vec![("client_id", id), ("scope", "commands"), ("redirect_uri", "http://127.0.0.1:9/")],
            "bad_redirect_uri",
        ),
        (
            vec![
                ("client_id", id),
                ("scope", "commands"),
                ("redirect_uri", "http://evil.example/slack/oauth/callback"),
            ],
            "bad_redirect_uri",
        ),
        (vec![("client_id", id), ("scope", "commands"), ("team", "T0OTHER")], "invalid_team"),
    ] {
        let (status, headers, page) =
            get(&slack, &format!("/oauth/v2/authorize?{}", query(&fields)), None).await;
        assert_eq!((status, headers.get("location")), (400, None), "{fields:?}");
        assert!(page.contains(&format!("<code id=\"authorize-error\">{word}</code>")), "{fields:?}: {page}");
    }
}

#[tokio::test]
async fn guests_and_bots_install_nothing() {
    let slack = slack_without_app().await;
    for user in ["U0GUEST", "U0ALFRED", "U0NOBODY"] {
        let page = consent(&slack, "commands").await;
        assert_eq!(
            press(&slack, &page, &format!("user={user}&decision=allow")).await,
            (400, String::new()),
            "{user}"
        );
    }
}

#[tokio::test]
async fn slacks_own_pages_send_a_code_without_state() {
    let slack = slack_without_app().await;
    let (status, headers, _) = get(&slack, "/apps/A0ALFRED1", None).await;
    assert_eq!(status, 302);
    let (status, _, page) = get(&slack, headers["location"].to_str().unwrap(), None).await;
    assert_eq!(status, 200);
    let (_, target) = press(&slack, &page, "user=U0ANNA&decision=allow").await;
    let target = url::Url::parse(&target).unwrap();
    let names: Vec<_> = target.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!((target.path(), names.join(" ")), ("/slack/oauth/callback", "code".to_owned()));
    let code = target.query_pairs().next().unwrap().1.into_owned();
    assert_eq!(redeem(&slack, &code).await["error"], "bad_redirect_uri", "none was asked for");
    assert_eq!(access(&slack, &[("code", &code)]).await["ok"], true);
}

#[tokio::test]
async fn a_code_is_redeemed_once_in_time_and_by_its_app() {
    let slack = slack_without_app().await;
    let first = code(&slack, "commands").await;
    let (id, secret) = slack.client();
    let fields = [("code", first.as_str()), ("redirect_uri", CALLBACK)];
    assert_eq!(access_as(&slack, "1.2", &secret, &fields).await["error"], "invalid_client_id");
    assert_eq!(access_as(&slack, &id, "guess", &fields).await["error"], "bad_client_secret");
    let in_query = format!(
        "{}oauth.v2.access?{}",
        slack.api_url(),
        query(&[
            ("client_id", &id),
            ("client_secret", &secret),
            ("code", &first),
            ("redirect_uri", CALLBACK)
        ])
    );
    assert_eq!(
        send(&slack, &in_query, &[], "").await.unwrap().2["error"],
        "bad_client_secret",
        "not in a URL"
    );
    assert_eq!(access(&slack, &[("code", &first)]).await["error"], "bad_redirect_uri");
    let elsewhere = [("code", first.as_str()), ("redirect_uri", "http://127.0.0.1:9/slack/oauth/callback/x")];
    assert_eq!(access(&slack, &elsewhere).await["error"], "bad_redirect_uri");
    assert_eq!(redeem(&slack, "1.guess").await["error"], "invalid_code");
    assert_eq!(access(&slack, &[]).await["error"], "invalid_code");
    let unknown = [("grant_type", "password"), ("code", first.as_str())];
    assert_eq!(access(&slack, &unknown).await["error"], "invalid_grant_type");
    assert_eq!(redeem(&slack, &first).await["ok"], true);
    assert_eq!(redeem(&slack, &first).await["error"], "invalid_code", "used");

    let (second, third) = (code(&slack, "commands").await, code(&slack, "commands").await);
    slack.clock().advance(Duration::from_secs(599));
    assert_eq!(redeem(&slack, &second).await["ok"], true);
    slack.clock().advance(Duration::from_secs(1));
    assert_eq!(redeem(&slack, &third).await["error"], "invalid_code", "ten minutes are over");
}

#[tokio::test]
async fn scopes_add_up_and_the_token_stays() {
    let slack = slack_without_app().await;
    let first = redeem(&slack, &code(&slack, "commands").await).await;
    let second = redeem(&slack, &code(&slack, "chat:write").await).await;
    assert_eq!(second["scope"], "chat:write,commands");
    assert_eq!(second["access_token"], first["access_token"]);
    let url = format!("{}users.info?user=U0ANNA", slack.api_url());
    let bearer = format!("Bearer {}", first["access_token"].as_str().unwrap());
    let (_, headers, body) = send(&slack, &url, &[("authorization", &bearer)], "").await.unwrap();
    assert_eq!(headers["x-oauth-scopes"], "chat:write,commands");
    assert_eq!((&body["needed"], &body["provided"]), (&json!("users:read"), &json!("chat:write,commands")));
}

#[tokio::test]
async fn a_user_token_is_of_another_type() {
    let slack = slack_without_app().await;
    let (id, _) = slack.client();
    let asked = query(&[("client_id", &id), ("scope", "commands"), ("user_scope", "search:read")]);
    let (_, _, page) = get(&slack, &format!("/oauth/v2/authorize?{asked}"), None).await;
    assert!(page.contains("<ul id=\"user-scopes\"><li><code>search:read</code></li></ul>"));
    let (_, target) = press(&slack, &page, "user=U0ANNA&decision=allow").await;
    let code = target.split("code=").nth(1).unwrap().to_owned();
    let user = access(&slack, &[("code", &code)]).await["authed_user"].clone();
    assert_eq!((&user["scope"], &user["token_type"]), (&json!("search:read"), &json!("user")));
    assert_eq!(
        with_token(&slack, &user["access_token"], "users.list").await["error"],
        "not_allowed_token_type"
    );
}

#[tokio::test]
async fn with_rotation_tokens_expire_and_are_refreshed_once() {
    let slack = slack_without_app().await;
    slack.change_world(|world| world.app.token_rotation = true);
    let installed = redeem(&slack, &code(&slack, "commands").await).await;
    let text = |answer: &Value, field: &str| answer[field].as_str().unwrap().to_owned();
    assert!(text(&installed, "access_token").starts_with("xoxe.xoxb-"));
    assert!(text(&installed, "refresh_token").starts_with("xoxe-1-"));
    assert_eq!(installed["expires_in"], 43_200);
    let lives = async |answer: &Value| {
        with_token(&slack, &answer["access_token"], "auth.test").await["error"].clone()
    };
    slack.clock().advance(Duration::from_secs(TOKEN_LIFETIME - 1));
    assert_eq!(lives(&installed).await, Value::Null);

    let refresh = async |answer: &Value| {
        let token = text(answer, "refresh_token");
        access(&slack, &[("grant_type", "refresh_token"), ("refresh_token", &token)]).await
    };
    let second = refresh(&installed).await;
    assert_ne!(second["access_token"], installed["access_token"]);
    assert_eq!(refresh(&installed).await["error"], "invalid_refresh_token", "once");
    let guess = [("grant_type", "refresh_token"), ("refresh_token", "xoxe-1-guess")];
    assert_eq!(access(&slack, &guess).await["error"], "invalid_refresh_token");
    assert_eq!((lives(&installed).await, lives(&second).await), (Value::Null, Value::Null), "both live");
    slack.clock().advance(Duration::from_secs(1));
    assert_eq!((lives(&installed).await, lives(&second).await), (json!("token_expired"), Value::Null));
    let third = refresh(&second).await;
    let fourth = refresh(&third).await;
    assert_eq!(
        (lives(&second).await, lives(&third).await, lives(&fourth).await),
        (json!("token_expired"), Value::Null, Value::Null),
        "two live at most"
    );
    slack.clock().advance(Duration::from_secs(10 * TOKEN_LIFETIME));
    assert_eq!(lives(&fourth).await, "token_expired");
    assert!(slack.is_installed(), "an expired token is no uninstallation");
    assert_eq!(refresh(&fourth).await["ok"], true);
}

#[tokio::test]
async fn an_app_that_drops_its_token_is_gone() {
    let slack = slack_without_app().await;
    let installed = redeem(&slack, &code(&slack, "commands").await).await;
    let token = &installed["access_token"];
    assert_eq!(with_token(&slack, token, "auth.revoke?test=1").await["revoked"], false);
    assert_eq!(with_token(&slack, token, "auth.revoke").await["revoked"], true);
    assert_eq!(with_token(&slack, token, "auth.test").await["error"], "token_revoked");
    assert!(!slack.is_installed());
    let again = redeem(&slack, &code(&slack, "chat:write").await).await;
    assert_eq!(again["scope"], "chat:write", "an uninstallation ends what was granted");
    assert_ne!(again["access_token"], installed["access_token"]);
}
