//! The HTTP server: reads who signed for which service and region, and passes the request on.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use aws_credential_types::Credentials;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use winterbaume_core::{MockRequest, MockResponse};

use super::accounts::{Accounts, Identity, KeyError, RoleSession};
use super::long_poll::Arrivals;
use super::permissions::{self, Permissions};
use super::refusal::{Dialect, Refusal, error, not_permitted};
use super::{limits, sts};

/// The region of everything that is seeded. Other regions answer too, and are empty.
pub const REGION: &str = "us-east-1";

/// The longest request body taken, in bytes (64 MiB): beyond all that the services take themselves in one request,
/// except S3.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// How long the keys of a function's own role live. Nothing renews them, so it is longer than any local run.
const FUNCTION_KEYS: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);

/// A running emulator. Dropping it stops it.
pub struct Emulator {
    address: SocketAddr,
    world: Arc<World>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct World {
    accounts: Accounts,
    permissions: Permissions,
    arrivals: Arrivals,
}

impl Emulator {
    /// Starts it, empty, on a free loopback port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let world = Arc::<World>::default();
        let router = axum::Router::new().fallback(serve).with_state(Arc::clone(&world));
        let server = tokio::spawn(async move {
            // It ends with an error only if accepting fails, and then the watcher of the stack sees the end.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, world, server })
    }

    /// Its address, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Root keys of `account`, which must be one of [`super::HOME`], [`super::DEV`] and [`super::PROD`].
    pub fn root_keys(&self, account: &'static str) -> Credentials {
        self.world.accounts.issue(account, Identity::Root, None)
    }

    /// Keys of a function's own role in the home account, as Lambda puts them into the function's environment.
    pub fn function_keys(&self, role_name: &str, function: &str) -> Credentials {
        let session = RoleSession {
            role_arn: format!("arn:aws:iam::{}:role/{role_name}", super::HOME),
            role_id: "AROALOCALFUNCTIONROLE".into(),
            name: function.into(),
            source_identity: None,
        };
        self.world.accounts.issue(super::HOME, Identity::RoleSession(session), Some(FUNCTION_KEYS))
    }

    /// The secret keys and session tokens of everybody who got some.
    pub fn issued_secrets(&self) -> Vec<String> {
        self.world.accounts.secrets()
    }

    /// Returns when the server has ended, which it does only by a fault.
    pub async fn ended(&mut self) {
        let _ = (&mut self.server).await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(State(world): State<Arc<World>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => answer(&world, &parts, body).await,
        Err(_) => error(Dialect::RestJson, 413, "RequestEntityTooLarge", "Request is too large"),
    };
    let mut response = Response::new(axum::body::Body::from(answer.body));
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answer.headers;
    if !response.headers().contains_key("x-amzn-requestid")
        && let Ok(id) = uuid::Uuid::new_v4().to_string().parse()
    {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// The parts of `Authorization: AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
struct Scope<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    fn read(headers: &'a http::HeaderMap) -> Option<Self> {
        let header = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let credential = header.strip_prefix("AWS4-HMAC-SHA256")?.split_once("Credential=")?.1;
        let mut parts = credential.split([',', ' ']).next()?.split('/');
        let (key, _date, region, service) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self { key, region, service })
    }
}

async fn answer(world: &World, parts: &http::request::Parts, body: Bytes) -> MockResponse {
    let Some(scope) = Scope::read(&parts.headers) else {
        return Refusal::NoSignature.answer(Dialect::of("", &parts.headers));
    };
    let dialect = Dialect::of(scope.service, &parts.headers);
    let token = parts.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
    let caller = match world.accounts.identify(scope.key, token) {
        Ok(caller) => caller,
        Err(KeyError::Unknown) => return Refusal::UnknownKey.answer(dialect),
        Err(KeyError::Expired) => return Refusal::ExpiredToken.answer(dialect),
    };
    let Some(account) = world.accounts.get(caller.account) else {
        return Refusal::UnknownKey.answer(dialect);
    };

    let form: BTreeMap<String, String> = match dialect {
        Dialect::Query | Dialect::Ec2 => url::form_urlencoded::parse(&body).into_owned().collect(),
        _ => BTreeMap::new(),
    };
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = form.get("Action").map(String::as_str).or_else(|| target?.rsplit('.').next());
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let action = permissions::action(scope.service, operation, &parts.method, path, query);
    // AWS answers GetCallerIdentity to whoever has keys, even if a policy denies it.
    if action != "sts:GetCallerIdentity" && !world.permissions.allow(account, &caller, &action).await {
        let resource = form.get("RoleArn").map(String::as_str);
        return not_permitted(dialect, &caller.arn(), &action, resource);
    }
    if scope.service == "sts" {
        return sts::answer(&world.accounts, &caller, &form).await;
    }

    if let Some(refusal) = limits::refuse(scope.service, operation, &body) {
        return refusal;
    }

    // The services read the region from the host that the request would have had at AWS. IAM has one for all regions,
    // and S3 is given one here because a bucket's name is unique in all regions.
    let host = match scope.service {
        "iam" => "iam.amazonaws.com".into(),
        "s3" => format!("s3.{REGION}.amazonaws.com"),
        service => format!("{service}.{}.amazonaws.com", scope.region),
    };
    let path_and_query = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers.clone();
    headers.remove(http::header::AUTHORIZATION);
    let request = MockRequest {
        method: parts.method.to_string(),
        uri: format!("https://{host}{path_and_query}"),
        headers,
        body,
    };
    let answer = match scope.service {
        "sqs" => world.arrivals.handle(account, operation, request).await,
        service => account.handle(service, request).await,
    };
    if scope.service == "iam" {
        world.permissions.forget();
    }
    answer.unwrap_or_else(|| {
        let message =
            format!("the local AWS has no service {}; see local/src/aws.rs for those it has", scope.service);
        error(dialect, 501, "NotImplemented", &message)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Client, ClientError, DEV, HOME};
    use super::*;

    const EXTERNAL_ID: &str = "0123456789abcdef0123456789abcdef";
    const STS: &str = "2011-06-15";

    async fn world() -> Emulator {
        let emulator = Emulator::start().await.unwrap();
        let home = Client::new(&emulator.url(), REGION, emulator.root_keys(HOME));
        let limits = crate::seed::QueueLimits { visibility_timeout: 60, max_receives: 5 };
        crate::seed::home(&home, limits).await.unwrap();
        let dev = Client::new(&emulator.url(), REGION, emulator.root_keys(DEV));
        crate::seed::target(&dev, DEV, EXTERNAL_ID).await.unwrap();
        emulator
    }

    fn worker(emulator: &Emulator) -> Client {
        Client::new(&emulator.url(), REGION, emulator.function_keys("alfredbot-worker", "worker"))
    }

    const READ_ONLY: &str = "arn:aws:iam::111111111111:role/alfredbot/ReadOnly";

    type Changes<'a> = &'a [(&'a str, &'a str)];

    /// The parameters of a good AssumeRole, with `changes` (an empty value takes the parameter away).
    fn parameters(changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut parameters: BTreeMap<String, String> = [
            ("RoleArn", READ_ONLY),
            ("RoleSessionName", "ab-T0ALFRED1-U0BEN-0123abcd"),
            ("ExternalId", EXTERNAL_ID),
            ("SourceIdentity", "T0ALFRED1-U0BEN"),
            ("DurationSeconds", "3600"),
            ("Tags.member.1.Key", "alfred:tenant"),
            ("Tags.member.1.Value", "T0ALFRED1"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
        for (name, value) in changes {
            if value.is_empty() {
                parameters.remove(*name);
            } else {
                parameters.insert((*name).into(), (*value).into());
            }
        }
        parameters.into_iter().collect()
    }

    async fn assume(client: &Client, changes: &[(&str, &str)]) -> Result<String, ClientError> {
        let parameters = parameters(changes);
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        client.query("sts", STS, "AssumeRole", &parameters).await
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (u16, String) {
        match result.unwrap_err() {
            ClientError::Refused { status, body, .. } => (status, body),
            other => panic!("{other}"),
        }
    }

    fn between<'a>(xml: &'a str, name: &str) -> &'a str {
        xml.split_once(&format!("<{name}>")).unwrap().1.split_once("</").unwrap().0
    }

    fn keys(xml: &str) -> Credentials {
        let part = |name| between(xml, name).to_owned();
        Credentials::new(
            part("AccessKeyId"),
            part("SecretAccessKey"),
            Some(part("SessionToken")),
            None,
            "test",
        )
    }

    #[tokio::test]
    async fn an_assumed_role_is_what_the_caller_is() {
        let emulator = world().await;
        let xml = assume(&worker(&emulator), &[]).await.unwrap();
        let arn = "arn:aws:sts::111111111111:assumed-role/ReadOnly/ab-T0ALFRED1-U0BEN-0123abcd";
        assert_eq!(between(&xml, "Arn"), arn);
        assert_eq!(between(&xml, "SourceIdentity"), "T0ALFRED1-U0BEN");
        let session = Client::new(&emulator.url(), REGION, keys(&xml));
        let identity = session.query("sts", STS, "GetCallerIdentity", &[]).await.unwrap();
        assert_eq!(between(&identity, "Arn"), arn);
        assert_eq!(between(&identity, "Account"), DEV);
        assert_eq!(between(&identity, "UserId"), between(&xml, "AssumedRoleId"));
        let home = worker(&emulator).query("sts", STS, "GetCallerIdentity", &[]).await.unwrap();
        assert_eq!(between(&home, "Arn"), "arn:aws:sts::123456789012:assumed-role/alfredbot-worker/worker");
    }

    #[tokio::test]
    async fn sts_refuses_as_aws_does() {
        let emulator = world().await;
        let client = worker(&emulator);
        let long = |count: usize| "x".repeat(count);
        let (n2, n64, n65) = ("xx".to_owned(), long(64), long(65));
        let denied = "is not authorized to perform: sts:AssumeRole on resource:";
        let accepted: [Changes<'_>; 8] = [
            &[("RoleSessionName", &n2)],
            &[("RoleSessionName", &n64)],
            &[("RoleSessionName", "a_b+=,.@-Z9")],
            &[("DurationSeconds", "900")],
            &[("DurationSeconds", "")],
            &[("SourceIdentity", "")],
            &[("Tags.member.1.Value", &long(256))],
            &[("Policy", r#"{"Version":"2012-10-17","Statement":[]}"#)],
        ];
        for changes in accepted {
            assume(&client, changes).await.unwrap_or_else(|error| panic!("{changes:?}: {error}"));
        }
        let too_long_policy = format!(r#"{{"Statement":[],"Id":"{}"}}"#, long(2048));
        let refused: [(Changes<'_>, u16, &str, &str); 19] = [
            (&[("RoleArn", "arn:aws:iam::111111111111:role/alfredbot/Nobody")], 403, "AccessDenied", denied),
            (&[("RoleArn", "arn:aws:iam::111111111111:role/ReadOnly")], 403, "AccessDenied", denied),
            (
                &[("RoleArn", "arn:aws:iam::222222222222:role/alfredbot/ReadOnly")],
                403,
                "AccessDenied",
                denied,
            ),
            (
                &[("RoleArn", "arn:aws:iam::999999999999:role/alfredbot/ReadOnly")],
                403,
                "AccessDenied",
                denied,
            ),
            (&[("RoleArn", "arn:aws:s3:::not-a-role-at-all")], 400, "ValidationError", "is invalid"),
            (&[("RoleArn", "short")], 400, "ValidationError", "greater than or equal to 20"),
            (&[("ExternalId", "0123456789abcdef0123456789abcdee")], 403, "AccessDenied", denied),
            (&[("ExternalId", "")], 403, "AccessDenied", denied),
            (&[("ExternalId", "bad id")], 400, "ValidationError", "regular expression"),
            (&[("RoleSessionName", "x")], 400, "ValidationError", "greater than or equal to 2"),
            (&[("RoleSessionName", &n65)], 400, "ValidationError", "less than or equal to 64"),
            (&[("RoleSessionName", "a b")], 400, "ValidationError", "regular expression"),
            (&[("SourceIdentity", "T1/U1")], 400, "ValidationError", "regular expression"),
            (&[("DurationSeconds", "899")], 400, "ValidationError", "greater than or equal to 900"),
            (&[("DurationSeconds", "3601")], 400, "ValidationError", "MaxSessionDuration"),
            (&[("DurationSeconds", "43201")], 400, "ValidationError", "less than or equal to 43200"),
            (&[("Tags.member.1.Value", "<b>")], 400, "ValidationError", "regular expression"),
            (&[("Policy", &too_long_policy)], 400, "ValidationError", "less than or equal to 2048"),
            (&[("Policy", "{")], 400, "MalformedPolicyDocument", "invalid Json"),
        ];
        for (changes, status, code, words) in refused {
            let (found, body) = refusal(assume(&client, changes).await);
            assert_eq!((found, between(&body, "Code")), (status, code), "{changes:?}: {body}");
            assert!(between(&body, "Message").contains(words), "{changes:?}: {body}");
        }
        let tags: Vec<(String, String)> =
            (1..=51).map(|n| (format!("Tags.member.{n}.Key"), format!("key{n}"))).collect();
        let tags: Vec<(&str, &str)> = tags.iter().map(|(name, key)| (name.as_str(), key.as_str())).collect();
        assume(&client, &tags[..50]).await.unwrap();
        assert_eq!(between(&refusal(assume(&client, &tags).await).1, "Code"), "ValidationError");
        let twice = [("Tags.member.2.Key", "ALFRED:tenant"), ("Tags.member.2.Value", "x")];
        assert_eq!(between(&refusal(assume(&client, &twice).await).1, "Code"), "InvalidParameterValue");
    }

    #[tokio::test]
    async fn only_the_worker_may_assume_the_roles() {
        let emulator = world().await;
        let as_function =
            |role| Client::new(&emulator.url(), REGION, emulator.function_keys(role, "function"));
        for client in [
            as_function("alfredbot-ingress"),
            as_function("alfredbot-sweeper"),
            Client::new(&emulator.url(), REGION, emulator.root_keys(HOME)),
            Client::new(&emulator.url(), REGION, emulator.root_keys(DEV)),
        ] {
            let (status, body) = refusal(assume(&client, &[]).await);
            assert_eq!((status, between(&body, "Code")), (403, "AccessDenied"), "{body}");
        }
    }

    #[tokio::test]
    async fn keys_that_nobody_issued_are_refused_in_each_protocol() {
        let emulator = world().await;
        let unknown =
            Client::new(&emulator.url(), REGION, Credentials::new("AKIAUNKNOWN", "x", None, None, "test"));
        let (status, body) = refusal(unknown.query("sts", STS, "GetCallerIdentity", &[]).await);
        assert_eq!((status, between(&body, "Code")), (403, "InvalidClientTokenId"));
        let (status, body) = refusal(unknown.query("ec2", "2016-11-15", "DescribeInstances", &[]).await);
        assert_eq!((status, between(&body, "Code")), (401, "AuthFailure"));
        let (status, body) = refusal(unknown.rest("s3", "GET", "/", Bytes::new()).await);
        assert_eq!((status, between(&body, "Code")), (403, "InvalidAccessKeyId"));
        let tables = unknown.json("dynamodb", "DynamoDB_20120810.ListTables", &serde_json::json!({})).await;
        let (status, body) = refusal(tables);
        assert_eq!((status, body.contains("UnrecognizedClientException")), (400, true), "{body}");

        let real = emulator.function_keys("alfredbot-worker", "worker");
        let stolen = Credentials::new(real.access_key_id(), "x", Some("other".into()), None, "test");
        let (status, _) = refusal(
            Client::new(&emulator.url(), REGION, stolen).query("sts", STS, "GetCallerIdentity", &[]).await,
        );
        assert_eq!(status, 403);
    }

    #[tokio::test]
    async fn a_read_only_role_reads_and_changes_nothing() {
        let emulator = world().await;
        let session =
            Client::new(&emulator.url(), REGION, keys(&assume(&worker(&emulator), &[]).await.unwrap()));
        let found = session.query("ec2", "2016-11-15", "DescribeInstances", &[]).await.unwrap();
        assert!(found.contains("<ownerId>111111111111</ownerId>") && found.contains("dev-web-1"), "{found}");
        let id = between(&found, "instanceId").to_owned();
        let stopped = session.query("ec2", "2016-11-15", "StopInstances", &[("InstanceId.1", &id)]).await;
        let (status, body) = refusal(stopped);
        assert_eq!((status, between(&body, "Code")), (403, "UnauthorizedOperation"));
        assert!(body.contains("assumed-role/ReadOnly"), "{body}");
        session.rest("s3", "GET", "/wayne-dev-assets/index.html", Bytes::new()).await.unwrap();
        let (status, _) =
            refusal(session.rest("s3", "PUT", "/wayne-dev-assets/index.html", "x".into()).await);
        assert_eq!(status, 403);

        let changes = [("RoleArn", "arn:aws:iam::111111111111:role/alfredbot/PowerUser")];
        let power = assume(&worker(&emulator), &changes).await.unwrap();
        let power = Client::new(&emulator.url(), REGION, keys(&power));
        power.query("ec2", "2016-11-15", "StopInstances", &[("InstanceId.1", &id)]).await.unwrap();
        let (status, _) = refusal(power.query("iam", "2010-05-08", "ListUsers", &[]).await);
        assert_eq!(status, 403);
    }

    #[tokio::test]
    async fn accounts_share_nothing_and_each_shows_its_own_id() {
        let emulator = world().await;
        let session = Client::new(&emulator.url(), REGION, emulator.root_keys(DEV));
        let role = session.query("iam", "2010-05-08", "GetRole", &[("RoleName", "ReadOnly")]).await.unwrap();
        assert_eq!(between(&role, "Arn"), READ_ONLY);
        assert!(role.contains("123456789012"), "the trust policy names the home account: {role}");
        let prod = Client::new(&emulator.url(), REGION, emulator.root_keys(super::super::PROD));
        let (status, _) =
            refusal(prod.query("iam", "2010-05-08", "GetRole", &[("RoleName", "ReadOnly")]).await);
        assert_eq!(status, 404);
    }

    #[tokio::test]
    async fn a_waiting_receive_gets_the_message_that_comes_and_an_unanswered_one_ends_empty() {
        let emulator = world().await;
        let client = Client::new(&emulator.url(), REGION, emulator.root_keys(HOME));
        let queue = serde_json::json!({ "QueueName": "waited-for" });
        let made = client.json("sqs", "AmazonSQS.CreateQueue", &queue).await.unwrap();
        let receive = |seconds: u64| {
            let input = serde_json::json!({ "QueueUrl": made["QueueUrl"], "WaitTimeSeconds": seconds });
            let client = &client;
            async move { client.json("sqs", "AmazonSQS.ReceiveMessage", &input).await.unwrap() }
        };
        let message = serde_json::json!({ "QueueUrl": made["QueueUrl"], "MessageBody": "here" });
        let send = client.json("sqs", "AmazonSQS.SendMessage", &message);
        let (received, sent) = tokio::join!(receive(20), send);
        assert_eq!(received["Messages"][0]["MessageId"], sent.unwrap()["MessageId"]);

        let started = std::time::Instant::now();
        let nothing = receive(1).await;
        assert_eq!(nothing.get("Messages").and_then(|messages| messages.get(0)), None);
        assert!(started.elapsed() >= std::time::Duration::from_secs(1), "answered before its time");
    }
}
