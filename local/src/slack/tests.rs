//! The fake against Slack's rules, seen from both of its sides: a person at the keyboard, and an app over HTTP.

use std::collections::BTreeMap;

use super::world::{ChannelKind, Standing};
use super::*;

mod events;
mod interactivity;
mod oauth;
mod socket_mode;
mod views;

const SECRET: &str = "alfred-test-secret-0123456789abcdef";
const TOKEN: &str = "xoxb-test-token";
const SOON: Duration = Duration::from_secs(10);

/// What the app received: path, headers and body.
type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// An app whose every answer is the same.
async fn app(
    status: u16,
    content_type: &'static str,
    answer: &'static str,
    after: Duration,
) -> (String, Received) {
    let router = move |_: usize, _: &str, _: &Bytes| {
        (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, content_type)], answer)
            .into_response()
    };
    app_that(router, after).await
}

/// An app that answers by the number of the request, its path and its body.
async fn app_that(
    answer: impl Fn(usize, &str, &Bytes) -> Response + Clone + Send + Sync + 'static,
    after: Duration,
) -> (String, Received) {
    let received = Received::default();
    let seen = Arc::clone(&received);
    let router = Router::new().fallback(move |uri: http::Uri, headers: HeaderMap, body: Bytes| async move {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push((headers, body.clone()));
            seen.len() - 1
        };
        tokio::time::sleep(after).await;
        answer(number, uri.path(), &body)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, received)
}

async fn slack_for(base: &str) -> FakeSlack {
    slack_with(base, Some(TOKEN), World::demo()).await
}

async fn slack_with(base: &str, bot_token: Option<&str>, world: World) -> FakeSlack {
    let options = SlackOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        request_url_base: base.to_owned(),
        signing_secret: SECRET.to_owned(),
        bot_token: bot_token.map(str::to_owned),
        world,
        traces: Arc::new(|| json!([])),
        aws: AwsAdministrator {
            roles: vec![AwsRole::new("111111111111", "ReadOnly"), AwsRole::new("222222222222", "FullAdmin")],
            trust: Arc::new(|role, policy| {
                Box::pin(async move {
                    if policy == "{}" { Ok(()) } else { Err(format!("no policy of {}: {policy}", role.arn)) }
                })
            }),
        },
    };
    FakeSlack::start(options).await.unwrap()
}

async fn slack() -> FakeSlack {
    slack_for("http://127.0.0.1:1").await
}

/// Status, headers and body of a request to the fake.
type Answered = (u16, HeaderMap, Value);

async fn send(slack: &FakeSlack, url: &str, headers: &[(&str, &str)], body: &str) -> Option<Answered> {
    let mut request = http::Request::post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let answer = slack.inner.client.request(request).await.ok()?;
    let (head, body) = answer.into_parts();
    let bytes = http_body_util::BodyExt::collect(body).await.ok()?.to_bytes();
    let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    Some((head.status.as_u16(), head.headers, value))
}

/// A page, with its status and headers.
async fn get(slack: &FakeSlack, path: &str, host: Option<&str>) -> (u16, HeaderMap, String) {
    let mut request = http::Request::get(format!("{}{path}", slack.base_url()));
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let answer = slack.inner.client.request(request.body(Full::default()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

/// Calls a method with arguments as JSON.
async fn call(slack: &FakeSlack, method: &str, arguments: Value) -> Value {
    let headers =
        [("authorization", "Bearer xoxb-test-token"), ("content-type", "application/json; charset=utf-8")];
    send(slack, &format!("{}{method}", slack.api_url()), &headers, &arguments.to_string()).await.unwrap().2
}

/// Calls a method with arguments as a form.
async fn call_form(slack: &FakeSlack, method: &str, form: &str) -> Value {
    let headers =
        [("authorization", "Bearer xoxb-test-token"), ("content-type", "application/x-www-form-urlencoded")];
    send(slack, &format!("{}{method}", slack.api_url()), &headers, form).await.unwrap().2
}

/// Posts JSON to a response_url; status and body.
async fn respond(slack: &FakeSlack, url: &str, body: Value) -> (u16, Value) {
    let headers = [("content-type", "application/json")];
    let (status, _, body) = send(slack, url, &headers, &body.to_string()).await.unwrap();
    (status, body)
}

async fn response_url(slack: &FakeSlack) -> String {
    let typed = slack.acts_as("U0ANNA").in_channel("C0OPS").types("/alfred-invoke aws").await;
    typed.response_url.unwrap()
}

mod slash_commands {
    use super::*;

    #[tokio::test]
    async fn the_app_receives_what_slack_sends() {
        let (base, received) = app(200, "text/plain", "", Duration::ZERO).await;
        let slack = slack_for(&base).await;
        slack.clock().stop_at(1_760_000_000);
        let typed =
            slack.acts_as("U0CLEO").in_channel("G0PROD").types("/alfred-invoke s3 ls *.log @ben").await;
        assert_eq!((typed.status, typed.error), (Some(200), None));

        let (headers, body) = received.lock().unwrap()[0].clone();
        assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(headers["x-slack-request-timestamp"], "1760000000");
        assert_eq!(headers["x-slack-signature"], signature::sign(SECRET, "1760000000", &body));
        let fields: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
        let names: Vec<_> = url::form_urlencoded::parse(&body).map(|(name, _)| name.into_owned()).collect();
        assert_eq!(
            names.join(" "),
            "token team_id team_domain channel_id channel_name user_id user_name command text \
             api_app_id is_enterprise_install response_url trigger_id"
        );
        for (name, value) in [
            ("team_id", "T0ALFRED1"),
            ("channel_id", "G0PROD"),
            ("channel_name", "privategroup"),
            ("user_id", "U0CLEO"),
            ("user_name", "cleo"),
            ("command", "/alfred-invoke"),
            ("text", "s3 ls *.log <@U0BEN|ben>"),
            ("api_app_id", "A0ALFRED1"),
            ("is_enterprise_install", "false"),
        ] {
            assert_eq!(fields[name], value, "{name}");
        }
        assert_eq!(Some(&fields["response_url"]), typed.response_url.as_ref());
        assert!(String::from_utf8_lossy(&body).contains("&text=s3+ls+%2A.log+%3C%40U0BEN%7Cben%3E&"));
    }

    #[tokio::test]
    async fn the_person_sees_the_acknowledgement_or_slacks_word_for_its_absence() {
        let (json, text) = ("application/json", "text/plain; charset=utf-8");
        let no_blocks = r#"{"blocks":[{"type":"marquee"}]}"#;
        for (status, content_type, answer, seen_by_anna, seen_by_ben) in [
            (200, text, "", "", ""),
            (200, text, "On it", "Alfredbot (only visible to you)\n  On it\n", ""),
            (200, json, r#"{"text":"On it"}"#, "Alfredbot (only visible to you)\n  On it\n", ""),
            (
                200,
                json,
                r#"{"response_type":"in_channel","text":"On it"}"#,
                "Anna Azarova\n  /alfred-invoke a&b\nAlfredbot\n  On it\n",
                "Anna Azarova\n  /alfred-invoke a&b\nAlfredbot\n  On it\n",
            ),
            (200, text, r#"{"text":"x"}"#, "Alfredbot (only visible to you)\n  {\"text\":\"x\"}\n", ""),
            (
                200,
                json,
                "{",
                "Slackbot (only visible to you)\n  \
                /alfred-invoke failed with the error \"invalid_command_response\"\n",
                "",
            ),
            (
                200,
                json,
                no_blocks,
                "Slackbot (only visible to you)\n  /alfred-invoke failed with the error \"invalid_blocks\"\n",
                "",
            ),
            (
                401,
                text,
                "",
                "Slackbot (only visible to you)\n  \
                /alfred-invoke failed with the error \"http_client_error\"\n",
                "",
            ),
            (
                503,
                text,
                "",
                "Slackbot (only visible to you)\n  \
                /alfred-invoke failed with the error \"http_service_error\"\n",
                "",
            ),
        ] {
            let (base, _) = app(status, content_type, answer, Duration::ZERO).await;
            let slack = slack_for(&base).await;
            let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
            anna.types("/alfred-invoke a&b").await;
            assert_eq!(anna.transcript(), seen_by_anna, "{status} {answer}");
            assert_eq!(
                slack.acts_as("U0BEN").in_channel("C0OPS").transcript(),
                seen_by_ben,
                "{status} {answer}"
            );
        }
    }

    #[tokio::test]
    async fn an_app_that_is_late_or_gone_is_named() {
        let (base, received) = app(200, "text/plain", "late", Duration::from_secs(60)).await;
        let slack = slack_for(&base).await;
        let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
        let typed = anna.types("/alfred-invoke aws").await;
        assert_eq!(typed.error.as_deref(), Some("operation_timeout"));
        assert!(typed.elapsed >= delivery::ACK_TIMEOUT && typed.elapsed < delivery::ACK_TIMEOUT * 2);
        assert_eq!(received.lock().unwrap().len(), 1, "commands are never sent again");

        slack.set_request_url_base("http://127.0.0.1:1");
        assert_eq!(anna.types("/alfred-invoke aws").await.error.as_deref(), Some("dispatch_failed"));
        assert!(anna.transcript().ends_with("/alfred-invoke failed with the error \"dispatch_failed\"\n"));
    }

    #[tokio::test]
    async fn only_who_may_write_can_type() {
        let slack = slack().await;
        slack.change_world(|world| {
            world.channel_mut("C0OPS").unwrap().archived = true;
            world.users.iter_mut().find(|user| user.id == "U0DAN").unwrap().deleted = true;
        });
        for (user, channel, word) in [
            ("U0NOBODY", "C0GENERAL", "user_not_found"),
            ("U0ANNA", "C0NOWHERE", "channel_not_found"),
            ("U0BEN", "G0PROD", "not_in_channel"),
            ("U0ANNA", "C0OPS", "is_archived"),
            ("U0DAN", "C0GENERAL", "account_inactive"),
        ] {
            let typed = slack.acts_as(user).in_channel(channel).types("/alfred-invoke aws").await;
            assert_eq!(typed.error.as_deref(), Some(word));
        }
        let anna = slack.acts_as("U0ANNA").in_channel("C0GENERAL");
        assert_eq!(anna.types("/nonsense").await.error.as_deref(), Some("invalid_command"));
        assert_eq!(anna.types("hello @ben").await.error, None);
        assert_eq!(
            slack.acts_as("U0BEN").in_channel("C0GENERAL").transcript(),
            "Anna Azarova\n  hello @ben\n"
        );
    }

    #[tokio::test]
    async fn variants_depart_in_one_way_each() {
        let (base, received) = app(200, "text/plain", "", Duration::ZERO).await;
        let slack = slack_for(&base).await;
        slack.clock().stop_at(1_760_000_000);
        let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
        for variant in [
            Variant::Genuine,
            Variant::Aged(301),
            Variant::Aged(-301),
            Variant::WrongSecret,
            Variant::WrongDigit,
            Variant::WrongVersion,
            Variant::NoSignature,
            Variant::NoTimestamp,
            Variant::TwoSignatures,
            Variant::AlteredBody,
        ] {
            let typed = anna.types_as("/alfred-invoke aws", variant).await;
            let (headers, body) = received.lock().unwrap().pop().unwrap();
            let timestamp = headers.get("x-slack-request-timestamp").map(|value| value.to_str().unwrap());
            let signatures: Vec<_> = headers.get_all("x-slack-signature").iter().collect();
            let right = signature::sign(SECRET, timestamp.unwrap_or_default(), &body);
            let genuine = signatures.len() == 1 && signatures[0] == right.as_str();
            let signed = matches!(variant, Variant::Genuine | Variant::Aged(_));
            assert_eq!(genuine && timestamp.is_some(), signed, "{variant:?}");
            let expected = match variant {
                Variant::Aged(301) => Some("1759999699"),
                Variant::Aged(_) => Some("1760000301"),
                Variant::NoTimestamp => None,
                _ => Some("1760000000"),
            };
            assert_eq!(timestamp, expected, "{variant:?}");

            slack.replay(&typed.request.unwrap()).await;
            assert_eq!(received.lock().unwrap().pop().unwrap().1, body, "a replay has the very same bytes");
        }
        slack.url_verification("abc").await;
        let (headers, body) = received.lock().unwrap().pop().unwrap();
        assert_eq!(headers["x-slack-signature"], signature::sign(SECRET, "1760000000", &body));
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["challenge"], "abc");
    }
}

#[tokio::test]
async fn a_clock_that_runs_ahead_signs_as_of_the_apps_time() {
    let (base, received) = app(200, "text/plain", "", Duration::ZERO).await;
    let slack = slack_for(&base).await;
    slack.advance(Duration::from_secs(3600));
    slack.acts_as("U0ANNA").in_channel("C0OPS").types("/alfred-invoke aws").await;
    let timestamp = received.lock().unwrap()[0].0["x-slack-request-timestamp"].clone();
    let timestamp: u64 = timestamp.to_str().unwrap().parse().unwrap();
    assert!(slack.clock().now() - timestamp >= 3600, "an hour from now its signature would be of the future");
}

mod response_urls {
    use super::*;

    #[tokio::test]
    async fn take_five_posts_that_only_the_caller_sees() {
        let slack = slack().await;
        let url = response_url(&slack).await;
        for number in 1..=5 {
            assert_eq!(respond(&slack, &url, json!({"text": format!("{number}")})).await, (200, json!("ok")));
        }
        let used = json!({"ok": false, "error": "used_url"});
        assert_eq!(respond(&slack, &url, json!({"text": "6"})).await, (404, used.clone()));
        slack.set_dead_url(DeadUrl::GoneText);
        assert_eq!(respond(&slack, &url, json!({"text": "6"})).await, (410, json!("used_url")));
        slack.set_dead_url(DeadUrl::OkFalse);
        assert_eq!(respond(&slack, &url, json!({"text": "6"})).await, (200, used));
        assert!(
            slack
                .acts_as("U0ANNA")
                .in_channel("C0OPS")
                .transcript()
                .ends_with("(only visible to you)\n  5\n")
        );
        assert_eq!(slack.acts_as("U0BEN").in_channel("C0OPS").transcript(), "");
    }

    #[tokio::test]
    async fn end_after_thirty_minutes() {
        let slack = slack().await;
        slack.clock().stop_at(1_760_000_000);
        let url = response_url(&slack).await;
        slack.clock().advance(Duration::from_secs(30 * 60 - 1));
        assert_eq!(respond(&slack, &url, json!({"text": "in time"})).await.0, 200);
        slack.clock().advance(Duration::from_secs(1));
        let expired = json!({"ok": false, "error": "expired_url"});
        assert_eq!(respond(&slack, &url, json!({"text": "late"})).await, (404, expired));
    }

    #[tokio::test]
    async fn refuse_what_slack_refuses() {
        let slack = slack().await;
        let url = response_url(&slack).await;
        let invalid = json!({"ok": false, "error": "invalid_blocks"});
        let long = json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(3001)}});
        for (body, answer) in [
            (json!([]), (400, json!("invalid_payload"))),
            (json!({}), (400, json!("no_text"))),
            (json!({"text": "x", "attachments": vec![json!({}); 101]}), (400, json!("too_many_attachments"))),
            (json!({"blocks": [long]}), (404, invalid)),
            (json!({"delete_original": "true"}), (200, json!("ok"))),
        ] {
            assert_eq!(respond(&slack, &url, body).await, answer);
        }
        slack.change_world(|world| world.channel_mut("C0OPS").unwrap().archived = true);
        assert_eq!(respond(&slack, &url, json!({"text": "x"})).await, (410, json!("channel_is_archived")));
        let unknown = format!("{}/commands/T0ALFRED1/1/none", slack.base_url());
        assert_eq!(respond(&slack, &unknown, json!({"text": "x"})).await, (404, json!("no_service")));
    }

    #[tokio::test]
    async fn work_where_the_app_is_not_a_member_and_can_speak_to_everybody() {
        let slack = slack().await;
        slack.change_world(|world| {
            world.channel_mut("C0OPS").unwrap().members.retain(|member| member != "U0ALFRED");
        });
        let url = response_url(&slack).await;
        assert_eq!(respond(&slack, &url, json!({"text": "hi", "response_type": "in_channel"})).await.0, 200);
        assert_eq!(slack.acts_as("U0BEN").in_channel("C0OPS").transcript(), "Alfredbot\n  hi\n");
    }
}

mod web_api {
    use super::*;

    #[tokio::test]
    async fn tokens_and_scopes_are_judged() {
        let slack = slack().await;
        slack.clock().stop_at(1_760_000_000);
        slack.change_world(|world| {
            for (value, state, expires_at) in [
                ("xoxb-revoked", TokenState::Revoked, None),
                ("xoxb-inactive", TokenState::Inactive, None),
                ("xoxp-1", TokenState::OtherType, None),
                ("xapp-1", TokenState::App, None),
                ("xoxe.xoxb-1", TokenState::Bot, Some(1_760_000_000)),
                ("xoxb-narrow", TokenState::Bot, Some(1_760_000_001)),
            ] {
                let scopes = ["commands".to_owned()].into();
                world.app.tokens.push(Token { value: value.into(), state, scopes, expires_at });
            }
        });
        let url = format!("{}users.info?user=U0ANNA", slack.api_url());
        for (token, error) in [
            ("", "not_authed"),
            ("Bearer xoxb-unknown", "invalid_auth"),
            ("Bearer xoxb-revoked", "token_revoked"),
            ("Bearer xoxb-inactive", "account_inactive"),
            ("Bearer xoxp-1", "not_allowed_token_type"),
            ("Bearer xapp-1", "not_allowed_token_type"),
            ("Bearer xoxe.xoxb-1", "token_expired"),
        ] {
            let (status, _, body) = send(&slack, &url, &[("authorization", token)], "").await.unwrap();
            assert_eq!((status, body), (200, json!({"ok": false, "error": error})));
        }
        let (_, headers, body) =
            send(&slack, &url, &[("authorization", "Bearer xoxb-narrow")], "").await.unwrap();
        let narrow =
            json!({"ok": false, "error": "missing_scope", "needed": "users:read", "provided": "commands"});
        assert_eq!((body, &headers["x-oauth-scopes"]), (narrow, &HeaderValue::from_static("commands")));
        assert_eq!(call_form(&slack, "users.info", "user=U0ANNA").await["user"]["is_admin"], true);
        let in_query = format!("{}auth.test?token={TOKEN}", slack.api_url());
        assert_eq!(send(&slack, &in_query, &[], "").await.unwrap().2["error"], "not_authed");
        assert_eq!(call(&slack, "no.such", json!({})).await["error"], "unknown_method");
    }

    #[tokio::test]
    async fn content_types_are_judged() {
        let slack = slack().await;
        let json_to_a_form_method = call(&slack, "conversations.info", json!({"channel": "C0OPS"})).await;
        assert_eq!(json_to_a_form_method["error"], "invalid_arguments");
        assert_eq!(
            json_to_a_form_method["response_metadata"]["messages"],
            json!(["[ERROR] missing required field: channel"])
        );
        assert_eq!(call_form(&slack, "conversations.info", "channel=C0OPS").await["channel"]["name"], "ops");
        let url = format!("{}chat.postMessage", slack.api_url());
        let body = r#"{"channel":"C0OPS","text":"x"}"#;
        for (content_type, body, error, warning) in [
            ("application/json", body, None, Some("missing_charset")),
            ("application/json; charset=utf-8", body, None, None),
            ("application/json", "{", Some("invalid_json"), None),
            ("application/json", "[]", Some("json_not_object"), None),
            (
                "application/x-www-form-urlencoded; charset=utf-8",
                "channel=C0OPS&text=x",
                None,
                Some("superfluous_charset"),
            ),
            ("text/plain", body, Some("invalid_post_type"), None),
        ] {
            let headers = [("authorization", "Bearer xoxb-test-token"), ("content-type", content_type)];
            let answer = send(&slack, &url, &headers, body).await.unwrap().2;
            assert_eq!(answer["error"].as_str(), error, "{content_type} {body}");
            assert_eq!(answer["warning"].as_str(), warning, "{content_type} {body}");
        }
    }

    #[tokio::test]
    async fn messages_go_only_where_the_app_may_post() {
        let slack = slack().await;
        slack.change_world(|world| {
            let mut left = world.channel("C0OPS").unwrap().clone();
            left.members.retain(|member| member != "U0ALFRED");
            for (id, kind, archived) in
                [("C0LEFT", ChannelKind::Public, false), ("G0LEFT", ChannelKind::Private, false)]
            {
                let channel =
                    world::Channel { id: id.into(), name: id.to_lowercase(), kind, archived, ..left.clone() };
                world.channels.push(channel);
            }
            world.channel_mut("G0PROD").unwrap().archived = true;
        });
        for (channel, error) in [
            ("C0OPS", None),
            ("#ops", None),
            ("U0BEN", None),
            ("D0BEN", None),
            ("C0NOWHERE", Some("channel_not_found")),
            ("C0LEFT", Some("not_in_channel")),
            ("G0LEFT", Some("channel_not_found")),
            ("G0PROD", Some("is_archived")),
        ] {
            let answer = call(&slack, "chat.postMessage", json!({"channel": channel, "text": "x"})).await;
            assert_eq!(answer["error"].as_str(), error, "{channel}");
        }
        assert_eq!(
            slack.acts_as("U0BEN").in_direct_messages().transcript(),
            "Alfredbot\n  x\nAlfredbot\n  x\n"
        );
        let ephemeral = |user: &str| json!({"channel": "C0OPS", "user": user, "text": "psst"});
        assert_eq!(
            call(&slack, "chat.postEphemeral", ephemeral("U0CLEO")).await["error"],
            "user_not_in_channel"
        );
        assert_eq!(call(&slack, "chat.postEphemeral", ephemeral("U0BEN")).await["ok"], true);
        assert!(slack.acts_as("U0BEN").in_channel("C0OPS").transcript().contains("psst"));
        assert!(!slack.acts_as("U0ANNA").in_channel("C0OPS").transcript().contains("psst"));
    }

    #[tokio::test]
    async fn texts_and_blocks_have_their_limits() {
        let slack = slack().await;
        let post = async |content: Value| {
            let mut arguments = json!({"channel": "C0OPS"});
            arguments.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
            call(&slack, "chat.postMessage", arguments).await
        };
        assert_eq!(post(json!({})).await["error"], "no_text");
        let long = post(json!({"text": "é".repeat(40_001)})).await;
        assert_eq!(long["message"]["text"].as_str().unwrap().chars().count(), 40_000);
        assert_eq!(post(json!({"blocks": "nonsense"})).await["error"], "invalid_blocks_format");
        let twenty_six = vec![json!({"type": "button", "text": {"type": "plain_text", "text": "x"}}); 26];
        let refused =
            post(json!({"blocks": [{"type": "divider"}, {"type": "actions", "elements": twenty_six}]})).await;
        assert_eq!(
            refused,
            json!({"ok": false, "error": "invalid_blocks",
            "errors": ["no more than 25 items allowed [json-pointer:/blocks/1/elements]"],
            "response_metadata": {"messages":
                ["[ERROR] no more than 25 items allowed [json-pointer:/blocks/1/elements]"]}})
        );
        let preformatted = json!([{"type": "rich_text", "elements": [{"type": "rich_text_preformatted",
            "elements": [{"type": "text", "text": "x".repeat(13_001)}]}]}]);
        assert_eq!(post(json!({"blocks": preformatted})).await["error"], "msg_blocks_too_long");
        assert_eq!(post(json!({"text": "x", "markdown_text": "y"})).await["error"], "markdown_text_conflict");
        let as_text = post(json!({"blocks": "[{\"type\":\"divider\"}]"})).await;
        assert_eq!(as_text["message"]["blocks"][0]["block_id"], "b0");
    }

    #[tokio::test]
    async fn messages_can_be_updated_by_their_author() {
        let slack = slack().await;
        let rich = json!([{"type": "rich_text", "elements": []}]);
        let posted =
            call(&slack, "chat.postMessage", json!({"channel": "C0OPS", "text": "1", "blocks": rich})).await;
        let update = async |ts: &Value, text: String, blocks: Value| {
            let arguments = json!({"channel": "C0OPS", "ts": ts, "text": text, "blocks": blocks});
            call(&slack, "chat.update", arguments).await["error"].clone()
        };
        assert_eq!(update(&posted["ts"], "2".into(), json!([])).await, "block_mismatch");
        assert_eq!(update(&posted["ts"], "x".repeat(4001), rich.clone()).await, "msg_too_long");
        assert_eq!(update(&json!("1.0"), "2".into(), rich.clone()).await, "message_not_found");
        assert_eq!(update(&posted["ts"], "2".into(), rich.clone()).await, Value::Null);
        slack.acts_as("U0BEN").in_channel("C0OPS").types("mine").await;
        let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
        let bens = anna.sees().last().unwrap().ts.clone();
        assert_eq!(update(&json!(bens), "2".into(), rich).await, "cant_update_message");
        assert!(anna.transcript().starts_with("Alfredbot (edited)\n"));
    }

    #[tokio::test]
    async fn pings_are_found_in_every_version_ever_posted() {
        let slack = slack().await;
        let post = json!({"channel": "C0OPS", "text": "&lt;!channel&gt; <@U0BEN>"});
        let posted = call(&slack, "chat.postMessage", post).await;
        call(&slack, "chat.update", json!({"channel": "C0OPS", "ts": posted["ts"], "text": "gone"})).await;
        assert_eq!(slack.pings(), [Live::User { id: "U0BEN".into() }]);
    }

    #[tokio::test]
    async fn channels_and_members_come_in_pages() {
        let slack = slack().await;
        slack.change_world(|world| {
            let many = (0..1234).map(|number| format!("W{number:04}")).chain(["U0ALFRED".to_owned()]);
            world.channel_mut("C0OPS").unwrap().members = many.collect();
            world.channel_mut("C0GENERAL").unwrap().archived = true;
            world.channel_mut("G0PROD").unwrap().members = vec!["U0CLEO".into()];
        });
        for short in [false, true] {
            slack.give_short_pages(short);
            let (mut members, mut cursor, mut sizes) = (Vec::new(), String::new(), Vec::new());
            loop {
                let form = format!(
                    "channel=C0OPS&limit=999&cursor={}",
                    cursor.replace('=', "%3D").replace('+', "%2B")
                );
                let page = call_form(&slack, "conversations.members", &form).await;
                sizes.push(page["members"].as_array().unwrap().len());
                members.extend(
                    page["members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()),
                );
                cursor = page["response_metadata"]["next_cursor"].as_str().unwrap().to_owned();
                if cursor.is_empty() {
                    break;
                }
            }
            assert_eq!(members.len(), 1235);
            assert_eq!(sizes, if short { vec![0, 500, 0, 500, 0, 235] } else { vec![999, 236] });
        }
        slack.give_short_pages(false);
        for (form, error) in [
            ("channel=C0OPS&cursor=nonsense", "invalid_cursor"),
            ("channel=C0OPS&limit=1000", "invalid_limit"),
            ("channel=G0PROD", "channel_not_found"),
        ] {
            assert_eq!(call_form(&slack, "conversations.members", form).await["error"], error, "{form}");
        }
        let names = async |method: &str, form: &str| {
            let answer = call_form(&slack, method, form).await;
            let channels = answer["channels"].as_array().unwrap();
            channels
                .iter()
                .map(|channel| channel["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(names("conversations.list", "types=public_channel,private_channel").await, "general ops");
        assert_eq!(names("conversations.list", "exclude_archived=true").await, "ops");
        assert_eq!(
            names("conversations.list", "exclude_archived=true&limit=1").await,
            "",
            "filtered after paging"
        );
        assert_eq!(names("users.conversations", "types=public_channel").await, "general ops");
        assert_eq!(call_form(&slack, "conversations.list", "types=im").await["needed"], "im:read");
        assert_eq!(call_form(&slack, "conversations.list", "types=all").await["error"], "invalid_types");
    }

    #[tokio::test]
    async fn people_are_described_by_their_standing() {
        let slack = slack().await;
        slack.change_world(|world| {
            let template = world.user("U0DAN").unwrap().clone();
            for (id, standing, deleted) in [
                ("W0OWNER", Standing::PrimaryOwner, false),
                ("U0ONE", Standing::SingleChannelGuest, false),
                ("U0AWAY", Standing::Stranger, false),
                ("U0GONE", Standing::Admin, true),
            ] {
                world.users.push(world::User { id: id.into(), standing, deleted, ..template.clone() });
            }
        });
        let flags = [
            "deleted",
            "is_admin",
            "is_owner",
            "is_primary_owner",
            "is_restricted",
            "is_ultra_restricted",
            "is_stranger",
            "is_bot",
        ];
        for (user, expected) in [
            ("U0ANNA", "is_admin"),
            ("U0DAN", ""),
            ("U0GUEST", "is_restricted"),
            ("W0OWNER", "is_admin is_owner is_primary_owner"),
            ("U0ONE", "is_restricted is_ultra_restricted"),
            ("U0AWAY", "is_stranger"),
            ("U0GONE", "deleted"),
            ("U0ALFRED", "is_bot"),
        ] {
            let info = call_form(&slack, "users.info", &format!("user={user}")).await;
            let set: Vec<_> = flags.into_iter().filter(|flag| info["user"][flag] == true).collect();
            assert_eq!(set.join(" "), expected, "{user}");
        }
        assert_eq!(call_form(&slack, "users.info", "user=U0NOBODY").await["error"], "user_not_found");
    }

    #[tokio::test]
    async fn a_person_without_a_team_has_null_for_one() {
        let (base, received) = app(200, "text/plain", "", Duration::ZERO).await;
        let slack = slack_for(&base).await;
        let posted = call(
            &slack,
            "chat.postMessage",
            json!({"channel": "C0OPS", "text": "x", "blocks": [{"type": "actions", "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}]}]}),
        )
        .await;
        slack.change_world(|world| world.user_mut("U0BEN").unwrap().team = None);
        let null = |user: &Value| {
            user.get("team_id") == Some(&Value::Null) && user["profile"].get("team") == Some(&Value::Null)
        };
        assert!(null(&call_form(&slack, "users.info", "user=U0BEN").await["user"]));
        let list = call_form(&slack, "users.list", "limit=200").await;
        let teamless = list["members"].as_array().unwrap().iter().filter(|user| null(user));
        assert_eq!(teamless.map(|user| &user["id"]).collect::<Vec<_>>(), ["U0BEN"]);
        slack.rename_user("U0BEN", "Benjamin").unwrap();
        assert!(null(&slack.events()[0].event["user"]));
        assert!(slack.events_settle(SOON).await);
        slack.press("U0BEN", posted["ts"].as_str().unwrap(), "go").await;
        let body = received.lock().unwrap().pop().unwrap().1;
        let (_, payload) = url::form_urlencoded::parse(&body).next().unwrap();
        let payload: Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(
            payload["user"],
            json!({"id": "U0BEN", "username": "ben", "name": "ben", "team_id": null})
        );
    }

    #[tokio::test]
    async fn user_groups_can_be_disabled_or_unpaid() {
        let slack = slack().await;
        let users = call_form(&slack, "usergroups.users.list", "usergroup=S0SRE").await;
        assert_eq!(users["users"], json!(["U0ANNA"]));
        slack.change_world(|world| world.user_groups[0].disabled = true);
        assert_eq!(call_form(&slack, "usergroups.list", "").await["usergroups"], json!([]));
        let all = call_form(&slack, "usergroups.list", "include_disabled=true&include_count=true").await;
        assert_eq!(all["usergroups"][0]["user_count"], "1");
        assert_eq!(
            call_form(&slack, "usergroups.users.list", "usergroup=S0SRE").await["error"],
            "no_such_subteam"
        );
        slack.change_world(|world| world.free_plan = true);
        assert_eq!(call_form(&slack, "usergroups.list", "").await["error"], "plan_upgrade_required");
    }

    #[tokio::test]
    async fn a_team_of_ten_thousand_is_read_in_pages() {
        let slack = slack_with("http://127.0.0.1:1", Some(TOKEN), World::large(10_000, 1_000, 100)).await;
        assert_eq!(call_form(&slack, "users.list", "").await["error"], "limit_required");
        let people = call_form(&slack, "users.list", "limit=200").await;
        assert_eq!(people["members"].as_array().unwrap().len(), 200);
        let all = slack.change_world(|world| world.channels.iter().map(|it| it.members.len()).sum::<usize>());
        assert_eq!(all, 100_000 + 1_000 + 12, "everybody's memberships, the bot's, and the demo's");
        let last = call_form(&slack, "conversations.members", "channel=C1000999&limit=999").await;
        assert_eq!(last["members"].as_array().unwrap().len(), 101);
        let members = last["members"].as_array().unwrap();
        assert_eq!((&members[0], &members[100]), (&json!("U0ALFRED"), &json!("U1009999")));
        assert_eq!(call_form(&slack, "users.info", "user=U1009999").await["user"]["name"], "person9999");
    }

    #[tokio::test]
    async fn reactions_are_put_once() {
        let slack = slack().await;
        let ts =
            call(&slack, "chat.postMessage", json!({"channel": "C0OPS", "text": "x"})).await["ts"].clone();
        let add = async |ts: &Value, name: &str| {
            let arguments = json!({"channel": "C0OPS", "timestamp": ts, "name": name});
            call(&slack, "reactions.add", arguments).await["error"].clone()
        };
        assert_eq!(add(&ts, "eyes").await, Value::Null);
        assert_eq!(add(&ts, "eyes").await, "already_reacted");
        assert_eq!(add(&ts, ":eyes:").await, "invalid_name");
        assert_eq!(add(&json!("1.0"), "eyes").await, "message_not_found");
        let seen = slack.acts_as("U0BEN").in_channel("C0OPS").transcript();
        assert_eq!(seen, "Alfredbot\n  x\n  [:eyes: 1]\n");
        for number in 1..23 {
            assert_eq!(add(&ts, &format!("a{number}")).await, Value::Null);
        }
        assert_eq!(add(&ts, "one_more").await, "too_many_reactions");
    }

    #[tokio::test]
    async fn people_of_an_organisation_have_two_standings() {
        let slack = slack().await;
        slack.change_world(|world| world.team.enterprise = Some(("E0WAYNE".into(), "Wayne".into())));
        let anna = call_form(&slack, "users.info", "user=U0ANNA").await;
        assert_eq!(
            (&anna["user"]["is_admin"], &anna["user"]["enterprise_user"]["is_admin"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(anna["user"]["enterprise_user"]["enterprise_id"], "E0WAYNE");
    }

    #[tokio::test]
    async fn limits_name_the_seconds_to_wait() {
        let slack = slack().await;
        slack.clock().stop_at(1_760_000_000);
        slack.enforce_rate_limits(true);
        for _ in 0..20 {
            assert_eq!(call_form(&slack, "users.list", "limit=1").await["ok"], true);
        }
        let url = format!("{}users.list", slack.api_url());
        let limited =
            async || send(&slack, &url, &[("authorization", "Bearer xoxb-test-token")], "").await.unwrap();
        let (status, headers, body) = limited().await;
        assert_eq!((status, &headers["retry-after"]), (429, &HeaderValue::from_static("60")));
        assert_eq!(body, json!({"ok": false, "error": "ratelimited"}));
        assert_eq!(call_form(&slack, "users.info", "user=U0ANNA").await["ok"], true, "other methods go on");
        slack.clock().advance(Duration::from_secs(60));
        assert_eq!(limited().await.0, 200);
        for number in 0..7 {
            let posted = call(&slack, "chat.postMessage", json!({"channel": "C0OPS", "text": "x"})).await;
            assert_eq!(posted["ok"], number < 5, "{number}");
        }
    }

    #[tokio::test]
    async fn faults_strike_the_requests_that_they_wait_for() {
        let slack = slack().await;
        let url = format!("{}chat.postMessage", slack.api_url());
        let post = async || {
            let headers = [
                ("authorization", "Bearer xoxb-test-token"),
                ("content-type", "application/x-www-form-urlencoded"),
            ];
            send(&slack, &url, &headers, "channel=C0OPS&text=x").await
        };
        for fault in [
            Fault::Status(503),
            Fault::NotJson,
            Fault::RateLimited(7),
            Fault::Word("fatal_error"),
            Fault::Cut,
        ] {
            slack.fail_next("chat.postMessage", fault);
        }
        assert_eq!(post().await.unwrap().0, 503);
        assert!(post().await.unwrap().2.is_string());
        let (status, headers, _) = post().await.unwrap();
        assert_eq!((status, &headers["retry-after"]), (429, &HeaderValue::from_static("7")));
        assert_eq!(post().await.unwrap().2["error"], "fatal_error");
        assert!(post().await.is_none(), "the connection was cut");
        assert_eq!(slack.posted().len(), 0, "nothing of this was carried out");
        slack.fail_next("chat.postMessage", Fault::CutAfter);
        assert!(post().await.is_none());
        assert_eq!(slack.posted().len(), 1, "this was carried out, and the caller cannot know");
        slack.fail_next("chat.postMessage", Fault::Slow(Duration::from_secs(60)));
        let held = async || slack.wait_for(SOON, |slack| slack.calls().last()?.error.clone()).await;
        tokio::select! {
            answer = post() => panic!("answered at once: {answer:?}"),
            held = held() => assert_eq!(held.as_deref(), Some("Slow(60s)")),
        }
        assert_eq!(slack.posted().len(), 1, "its caller has gone");
        slack.fail_always("chat.postMessage", Some(Fault::Status(500)));
        assert_eq!((post().await.unwrap().0, post().await.unwrap().0), (500, 500));
        slack.fail_always("chat.postMessage", None);
        assert_eq!(post().await.unwrap().2["ok"], true);
    }
}

mod files {
    use super::*;

    async fn announce(slack: &FakeSlack, length: usize) -> (String, String) {
        let form = format!("filename=out.json&length={length}");
        let answer = call_form(slack, "files.getUploadURLExternal", &form).await;
        (answer["upload_url"].as_str().unwrap().to_owned(), answer["file_id"].as_str().unwrap().to_owned())
    }

    async fn complete(slack: &FakeSlack, id: &str, channel: &str) -> Value {
        let arguments = json!({"files": [{"id": id, "title": "Output"}], "channel_id": channel, "initial_comment": "All"});
        call(slack, "files.completeUploadExternal", arguments).await
    }

    #[tokio::test]
    async fn three_steps_bring_a_file_into_a_channel() {
        let slack = slack().await;
        let (url, id) = announce(&slack, 5).await;
        assert_eq!(
            complete(&slack, &id, "C0OPS").await["error"],
            "file_not_found",
            "nothing was uploaded yet"
        );
        let upload =
            async |kind: &str, body: &str| send(&slack, &url, &[("content-type", kind)], body).await.unwrap();
        assert_eq!(upload("application/octet-stream", "1234").await.0, 400, "shorter than announced");
        assert_eq!(upload("application/octet-stream", "12345").await.2, "OK - 5");
        assert_eq!(complete(&slack, &id, "U0BEN").await["error"], "invalid_channel");
        assert_eq!(complete(&slack, &id, "C0NOWHERE").await["error"], "channel_not_found");
        assert_eq!(complete(&slack, &id, "C0OPS").await["files"], json!([{"id": id, "title": "Output"}]));
        assert_eq!(complete(&slack, &id, "C0OPS").await["error"], "file_not_found", "only once");
        let seen = slack.acts_as("U0BEN").in_channel("C0OPS").transcript();
        assert_eq!(seen, "Alfredbot\n  All\n  [file: out.json, 5 bytes] Output\n");
        assert_eq!(slack.file(&id).unwrap(), b"12345");
        let info = call_form(&slack, "files.info", &format!("file={id}")).await;
        assert!(info["file"]["shares"]["public"]["C0OPS"][0]["ts"].is_string());
    }

    #[tokio::test]
    async fn bytes_may_come_in_a_form() {
        let slack = slack().await;
        let (url, id) = announce(&slack, 3).await;
        let body =
            "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nabc\r\n--b--\r\n";
        let answer =
            send(&slack, &url, &[("content-type", "multipart/form-data; boundary=b")], body).await.unwrap();
        assert_eq!((answer.0, slack.file(&id).unwrap().as_slice()), (200, b"abc".as_slice()));
        let missing = call_form(&slack, "files.getUploadURLExternal", "filename=x&length=0").await;
        assert_eq!(missing["error"], "missing_argument");
    }
}

mod console {
    use super::*;

    #[tokio::test]
    async fn loads_nothing_from_elsewhere_and_answers_only_under_its_own_name() {
        let slack = slack().await;
        for path in [
            "/",
            "/console.css",
            "/console.js",
            "/elements.js",
            "/administration.js",
            "/aws.js",
            "/console/workspace?as=U0ANNA",
            "/console/administration",
            "/console/aws",
        ] {
            let (status, headers, body) = get(&slack, path, None).await;
            assert_eq!(status, 200, "{path}");
            assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
            assert!(!body.contains("https://") && !body.contains("innerHTML"), "{path}");
            assert_eq!(get(&slack, path, Some("evil.example")).await.0, 403, "{path}");
        }
        let url = format!("{}/console/type", slack.base_url());
        let line = r#"{"as":"U0ANNA","channel":"C0OPS","text":"hi"}"#;
        assert_eq!(send(&slack, &url, &[("content-type", "text/plain")], line).await.unwrap().0, 415);
        assert_eq!(send(&slack, &url, &[("content-type", "application/json")], line).await.unwrap().0, 200);
        assert_eq!(slack.acts_as("U0BEN").in_channel("C0OPS").transcript(), "Anna Azarova\n  hi\n");
    }

    #[tokio::test]
    async fn shows_each_person_only_what_is_theirs() {
        let slack = slack().await;
        let of = async |path: &str| serde_json::from_str::<Value>(&get(&slack, path, None).await.2).unwrap();
        let ben = of("/console/workspace?as=U0BEN").await;
        let names: Vec<_> =
            ben["channels"].as_array().unwrap().iter().map(|channel| &channel["name"]).collect();
        assert_eq!(names, ["general", "ops", ""]);
        slack.acts_as("U0CLEO").in_channel("G0PROD").types("quiet").await;
        assert_eq!(of("/console/messages?as=U0BEN&channel=G0PROD").await, json!([]));
        let seen = of("/console/messages?as=U0CLEO&channel=G0PROD").await;
        assert_eq!(seen[0]["pieces"], json!([{"piece": "text", "spans": [{"text": "quiet"}]}]));
    }

    /// What the console answers to something done there.
    async fn done(slack: &FakeSlack, path: &str, what: Value) -> Value {
        let url = format!("{}/console/{path}", slack.base_url());
        let headers = [("content-type", "application/json")];
        let (status, _, answer) = send(slack, &url, &headers, &what.to_string()).await.unwrap();
        assert_eq!(status, 200, "{what}: {answer}");
        answer
    }

    #[tokio::test]
    async fn the_place_of_apps_says_whether_it_is_installed() {
        let slack = slack_with("http://127.0.0.1:9/", None, World::demo()).await;
        let of = async |path: &str| serde_json::from_str::<Value>(&get(&slack, path, None).await.2).unwrap();
        let anna = of("/console/workspace?as=U0ANNA").await;
        assert_eq!((&anna["app"]["installed"], &anna["app"]["scopes"]), (&json!(false), &Value::Null));
        assert_eq!(anna["app"]["install_url"], "http://127.0.0.1:9/install");
        assert_eq!(anna["app"]["page_url"], "/apps/A0ALFRED1");
        assert!(!anna["channels"].as_array().unwrap().iter().any(|channel| channel["direct"] == true));
        let names: Vec<_> =
            anna["commands"].as_array().unwrap().iter().map(|command| &command["name"]).collect();
        assert_eq!(names, ["/invite", "/remove", "/leave", "/archive"]);
        assert_eq!(
            anna["groups"],
            json!([{"handle": "sre", "name": "Site reliability", "disabled": false,
            "members": 1, "mine": true}])
        );
        slack.inner.change(|state| state.install("U0ANNA", ["commands".to_owned()].into()));
        let ben = of("/console/workspace?as=U0BEN").await;
        assert_eq!(
            (&ben["app"]["installed_by"], &ben["app"]["scopes"]),
            (&json!("Anna Azarova"), &json!(["commands"]))
        );
        assert_eq!(ben["commands"][0]["name"], "/alfred-invoke");
        assert_eq!(ben["groups"][0]["mine"], false);
    }

    #[tokio::test]
    async fn the_administration_carries_out_and_tells_the_app() {
        let slack = slack().await;
        let order = async |what: Value| {
            let mut what = what;
            what["by"] = json!("U0ANNA");
            done(&slack, "administration", what).await["error"].clone()
        };
        let of = async || {
            serde_json::from_str::<Value>(&get(&slack, "/console/administration", None).await.2).unwrap()
        };
        for (what, word) in [
            (json!({"do": "create_channel", "name": "war-room", "private": true}), None),
            (json!({"do": "create_channel", "name": "ops", "private": false}), Some("name_taken")),
            (json!({"do": "add", "user": "U0DAN", "channel": "C0OPS"}), None),
            (json!({"do": "remove", "user": "U0BEN", "channel": "C0OPS"}), None),
            (json!({"do": "remove", "user": "U0BEN", "channel": "C0OPS"}), Some("not_in_channel")),
            (json!({"do": "archive", "channel": "G0PROD", "archived": true}), None),
            (json!({"do": "create_group", "handle": "dba"}), None),
            (json!({"do": "set_group", "group": "S0SRE", "members": ["U0DAN"]}), None),
            (json!({"do": "disable_group", "group": "S0SRE", "disabled": true}), None),
            (json!({"do": "deactivate", "user": "U0CLEO", "deactivated": true}), None),
            (json!({"do": "set_standing", "user": "U0BEN", "standing": "admin"}), None),
            (json!({"do": "set_standing", "user": "U0BEN", "standing": "king"}), Some("invalid_arguments")),
            (json!({"do": "drop_events", "on": true}), None),
            (json!({"do": "add", "user": "U0CLEO", "channel": "C0OPS"}), Some("user_not_found")),
            (json!({"do": "resend", "event": "Ev0"}), Some("event_not_found")),
            (json!({"do": "resend", "event": "Ev000000001"}), Some("dispatch_failed")),
        ] {
            assert_eq!(order(what.clone()).await.as_str(), word, "{what}");
        }
        let seen = of().await;
        let channel = |name: &str| {
            let channels = seen["channels"].as_array().unwrap();
            channels.iter().find(|channel| channel["name"] == name).unwrap().clone()
        };
        assert_eq!(channel("war-room")["members"], json!(["U0ANNA"]));
        assert_eq!(
            (&channel("war-room")["private"], &channel("war-room")["bot"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(channel("ops")["members"], json!(["U0ANNA", "U0GUEST", "U0ALFRED", "U0DAN"]));
        assert_eq!(channel("prod-admins")["archived"], true);
        assert_eq!(
            seen["groups"][0],
            json!({"id": "S0SRE", "handle": "sre", "disabled": true, "members": ["U0DAN"]})
        );
        let ben = seen["people"].as_array().unwrap().iter().find(|person| person["id"] == "U0BEN").unwrap();
        assert_eq!(ben["standing"], "admin");
        let cleo = seen["people"].as_array().unwrap().iter().find(|person| person["id"] == "U0CLEO").unwrap();
        assert_eq!((&cleo["deactivated"], &seen["dropping"]), (&json!(true), &json!(true)));
        assert_eq!(seen["events"].as_array().unwrap().last().unwrap()["kind"], "member_joined_channel");

        slack.clock().stop_at(1_760_000_000);
        assert_eq!(order(json!({"do": "advance", "seconds": 900})).await, Value::Null);
        assert_eq!(slack.clock().now(), 1_760_000_900);
        assert_eq!(order(json!({"do": "uninstall"})).await, Value::Null);
        assert_eq!((&of().await["installed"], slack.is_installed()), (&json!(false), false));
        let lost = slack.events().pop().unwrap();
        assert_eq!((lost.kind.as_str(), lost.dropped), ("app_uninstalled", true));
    }

    #[tokio::test]
    async fn an_administrator_of_aws_puts_a_trust_policy_on_a_role() {
        let slack = slack().await;
        let seen: Value = serde_json::from_str(&get(&slack, "/console/aws", None).await.2).unwrap();
        let [dev, prod] = [
            "arn:aws:iam::111111111111:role/alfredbot/ReadOnly",
            "arn:aws:iam::222222222222:role/alfredbot/FullAdmin",
        ];
        assert_eq!(
            seen["roles"],
            json!([{"arn": dev, "account": "111111111111", "name": "ReadOnly"},
                {"arn": prod, "account": "222222222222", "name": "FullAdmin"}])
        );
        for (role, policy, error) in [
            (dev, "{}", json!(null)),
            (prod, "{", json!(format!("no policy of {prod}: {{"))),
            ("arn:aws:iam::111111111111:role/alfredbot/Nobody", "{}", json!("there is no such role")),
        ] {
            let answer = done(&slack, "aws", json!({"role": role, "policy": policy})).await;
            assert_eq!(answer["error"], error, "{role}");
        }
    }

    #[tokio::test]
    async fn moving_the_clock_is_news() {
        let slack = slack().await;
        let of = async |path: &str| serde_json::from_str::<Value>(&get(&slack, path, None).await.2).unwrap();
        assert_eq!(of("/console/workspace?as=U0ANNA").await["clock"]["ahead"], 0);
        let first = of("/console/news").await;
        let path = format!(
            "/console/news?revision={}&traces={}",
            first["revision"],
            first["traces_known"].as_str().unwrap()
        );
        let (second, _) = tokio::join!(of(&path), async { slack.advance(Duration::from_secs(60)) });
        assert_ne!(second["revision"], first["revision"]);
        assert_eq!(of("/console/workspace?as=U0ANNA").await["clock"]["ahead"], 60);
    }

    #[tokio::test]
    async fn buttons_and_modals_work() {
        let (base, received) = app(200, "application/json", "", Duration::ZERO).await;
        let slack = slack_for(&base).await;
        let button =
            json!({"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"});
        let blocks = json!([{"type": "actions", "elements": [button]}]);
        call(&slack, "chat.postMessage", json!({"channel": "C0OPS", "text": "?", "blocks": blocks})).await;
        let page = get(&slack, "/console/messages?as=U0BEN&channel=C0OPS", None).await.2;
        let seen: Value = serde_json::from_str(&page).unwrap();
        let control = &seen[0]["pieces"][0]["controls"][0];
        assert_eq!((&control["action"], &control["source"]["type"]), (&json!("go"), &json!("button")));
        let press = json!({"as": "U0BEN", "ts": seen[0]["ts"], "action": control["action"]});
        assert_eq!(done(&slack, "press", press).await["error"], Value::Null);
        let body = received.lock().unwrap().pop().unwrap().1;
        let payload = url::form_urlencoded::parse(&body).next().unwrap().1.into_owned();
        let payload: Value = serde_json::from_str(&payload).unwrap();

        let view = json!({"type": "modal", "title": {"type": "plain_text", "text": "Run"},
            "submit": {"type": "plain_text", "text": "Go"}, "blocks": [{"type": "input", "block_id": "command",
            "label": {"type": "plain_text", "text": "Command"},
            "element": {"type": "plain_text_input", "action_id": "text"}}]});
        call(&slack, "views.open", json!({"trigger_id": payload["trigger_id"], "view": view})).await;
        let of = async || {
            serde_json::from_str::<Value>(&get(&slack, "/console/workspace?as=U0BEN", None).await.2).unwrap()
        };
        let shown = of().await["view"].clone();
        assert_eq!((&shown["title"], &shown["submit"]), (&json!("Run"), &json!("Go")));
        assert_eq!(
            (&shown["pieces"][0]["piece"], &shown["pieces"][0]["block"]),
            (&json!("input"), &json!("command"))
        );
        let empty = done(&slack, "submit", json!({"as": "U0BEN", "values": {}})).await;
        assert_eq!(empty["error"], "invalid_entry");
        assert!(of().await["view"]["errors"]["command"].is_string());
        let filled = json!({"as": "U0BEN", "values": {"command/text": "s3 ls"}});
        assert_eq!(done(&slack, "submit", filled).await["error"], Value::Null);
        assert_eq!(of().await["view"], Value::Null);
        assert_eq!(done(&slack, "open", json!({"as": "U0BEN", "tab": "home"})).await["error"], Value::Null);
        assert_eq!(slack.events().pop().unwrap().event["tab"], "home");
    }

    #[tokio::test]
    async fn news_come_when_something_changes() {
        let slack = slack().await;
        let of = async |path: &str| serde_json::from_str::<Value>(&get(&slack, path, None).await.2).unwrap();
        let first = of("/console/news").await;
        assert_eq!(first["traces"], json!([]));
        let known = first["traces_known"].as_str().unwrap();
        let path = format!("/console/news?revision={}&traces={known}", first["revision"]);
        let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
        let (second, _) = tokio::join!(of(&path), anna.types("hello"));
        assert_ne!(second["revision"], first["revision"]);
        assert_eq!(second["traces"], Value::Null, "known already");
    }
}

#[tokio::test]
async fn waiting_ends_with_what_was_seen() {
    let slack = slack().await;
    let anna = slack.acts_as("U0ANNA").in_channel("C0OPS");
    let ben = slack.acts_as("U0BEN").in_channel("C0OPS");
    let (read, _) = tokio::join!(ben.waits_to_read("hello", SOON), anna.types("hello"));
    assert_eq!(read.unwrap().author_name, "Anna Azarova");
    let not_seen = ben.waits_to_read("goodbye", Duration::from_millis(1)).await.unwrap_err();
    assert!(not_seen.to_string().ends_with("seen was:\nAnna Azarova\n  hello\n"));
}

mod witness {
    use std::process::Stdio;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::*;

    /// Slack's own Python SDK drives the fake, and verifies what it signs.
    #[tokio::test]
    async fn slacks_own_sdk_gets_along_with_the_fake() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let python = root.join(".env/venv/bin/python");
        assert!(python.exists(), "{} is missing: run ./alfred test, which sets it up", python.display());
        let slack = slack().await;
        slack.change_world(|world| world.app.token_rotation = true);
        let (client_id, client_secret) = slack.client();
        let mut witness = tokio::process::Command::new(python)
            .arg(root.join("tests/witness/slack_sdk_fake.py"))
            .args(["--base", &slack.base_url(), "--token", TOKEN, "--secret", SECRET])
            .args(["--client-id", &client_id, "--client-secret", &client_secret])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(witness.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap_or_default();
        if let Some(app) = line.strip_prefix("app ") {
            slack.set_request_url_base(app);
            witness.stdin.take().unwrap().write_all(b"go\n").await.unwrap();
        }
        let ended = witness.wait_with_output().await.unwrap();
        let report = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && report.contains("\nOK"), "{report}");
    }
}
