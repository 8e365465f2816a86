//! Calls as a service sees them: what is signed, what is sent again and what is not, where connections go. The services
//! here are sockets on loopback that answer what the test says.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod session;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use awscli::catalog;
use awscli::command::{self, Command, Context, Paging};
use awscli::files::{Files, MemoryFiles};
use awscli::paginate::paginate;
use awscli::parse::{HttpResponse, from_json_text};
use awscli::send::{CallError, Calls, Response};
use awscli::session::{Budget, Call, CallEnd, Effect, Journal, JournalFuture, NoJournal, Session};
use awscli::transport::{HttpClient, Reading, Transport};
use awscli::value::{Map, Value};
use base64::Engine as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

static FILES: MemoryFiles = MemoryFiles::new(1 << 20);

fn session<'a>(http: &'a dyn Transport, journal: &'a dyn Journal, endpoint: Option<&str>) -> Session<'a> {
    let endpoint = endpoint.map(|url| url::Url::parse(url).unwrap());
    Session { journal, endpoint, ..session::session(http, &FILES) }
}

fn map(json: &str) -> Map {
    match from_json_text(json) {
        Some(Value::Map(map)) => map,
        other => panic!("{json} is {other:?}"),
    }
}

/// A call with the parameters `json`.
async fn call(
    calls: &mut Calls<'_>,
    command: &str,
    operation: &str,
    json: &str,
) -> Result<Response, CallError> {
    let service = catalog::service(command).unwrap();
    let operation = service.operation_named(operation).unwrap();
    calls.send(&service, operation, map(json), Some("us-east-1")).await
}

/// What a socket does with one request.
#[derive(Clone)]
enum Reaction {
    /// Answers with status, headers and body.
    Answer(u16, &'static str, String),
    /// Answers with a body that is encoded in base64 and does not end. Then it keeps the connection, or not.
    Begin { body: &'static str, keep: bool },
    /// Reads the request and closes the connection.
    Close,
}

fn answer(status: u16, body: &str) -> Reaction {
    Reaction::Answer(status, "", body.to_owned())
}

/// Reacts to requests in order, one connection each, and keeps what it has read.
struct Peer {
    url: String,
    heard: std::sync::Arc<Mutex<Vec<String>>>,
}

impl Peer {
    async fn start(reactions: Vec<Reaction>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = std::sync::Arc::new(Mutex::new(Vec::new()));
        let log = heard.clone();
        tokio::spawn(async move {
            for reaction in reactions {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                log.lock().unwrap().push(request);
                match reaction {
                    Reaction::Answer(status, headers, body) => {
                        let length = body.len();
                        let head = format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n"
                        );
                        stream.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).await.unwrap();
                    }
                    Reaction::Begin { body, keep } => {
                        let body = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
                        let head = format!(
                            "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
                            body.len()
                        );
                        stream.write_all(&[head.as_bytes(), &body, b"\r\n"].concat()).await.unwrap();
                        if keep {
                            // Until the other side has had enough.
                            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
                        }
                    }
                    Reaction::Close => {}
                }
            }
        });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        assert_ne!(count, 0, "the request ends early: {text}");
    }
}

/// Keeps what it is told.
#[derive(Default)]
struct Ledger {
    entries: Mutex<Vec<String>>,
    refuse: bool,
}

impl Journal for Ledger {
    fn before<'a>(&'a self, call: &'a Call) -> JournalFuture<'a> {
        let effect = if call.effect == Effect::Read { "read" } else { "write" };
        let token = if call.token.is_some() { " with token" } else { "" };
        self.entries.lock().unwrap().push(format!("{} {} {effect}{token}", call.number, call.operation));
        Box::pin(async move { if self.refuse { Err("the table is gone".to_owned()) } else { Ok(()) } })
    }
    fn after<'a>(&'a self, call: &'a Call, end: &'a CallEnd) -> JournalFuture<'a> {
        self.entries.lock().unwrap().push(format!("{} {end:?}", call.number));
        Box::pin(async { Ok(()) })
    }
}

/// Requests of the official CLI 2.38.5 for the same parameters, time and keys.
#[test]
fn signatures_are_those_of_the_official_cli() {
    let cases = [
        (
            "sts",
            "GetCallerIdentity",
            "{}",
            "POST https://sts.us-east-1.amazonaws.com/",
            "bb8121d63ec1ff6e391d65d454681a23bf0aa6a55e78006a8db0bd7e90e370bb",
        ),
        (
            "s3api",
            "ListObjectsV2",
            r#"{"Bucket": "mybucket"}"#,
            "GET https://mybucket.s3.us-east-1.amazonaws.com/?list-type=2&encoding-type=url",
            "f70721195c5994972aa7550a81189d6f4f4ffaad54938d40f1679d23a81b8fda",
        ),
        (
            "s3api",
            "GetBucketLocation",
            r#"{"Bucket": "mybucket"}"#,
            "GET https://s3.us-east-1.amazonaws.com/mybucket?location",
            "33a33052ecadb073322d174a2efb87b4e52935e814fe569e02bda939b838082c",
        ),
        (
            "s3api",
            "PutBucketTagging",
            r#"{"Bucket": "mybucket", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}"#,
            "PUT https://mybucket.s3.us-east-1.amazonaws.com/?tagging",
            "1317c08d578d44d366477e4b7efe110ed9b1fbebef1238e90d4e9938174c9b50",
        ),
        (
            "s3api",
            "DeleteObjects",
            r#"{"Bucket": "mybucket", "Delete": {"Objects": [{"Key": "a"}]}}"#,
            "POST https://mybucket.s3.us-east-1.amazonaws.com/?delete",
            "d354bd9a58095acc866ae048d432743b1fc3c9ef57beda766d56352c1fa271e8",
        ),
        (
            "s3api",
            "CopyObject",
            r#"{"Bucket": "b", "Key": "k", "CopySource": "x/y z"}"#,
            "PUT https://s3.us-east-1.amazonaws.com/b/k",
            "06c87480aa9aca31589e99197c2905416024a438b06d25140edad3173ab84027",
        ),
        (
            "lambda",
            "ListFunctions",
            "{}",
            "GET https://lambda.us-east-1.amazonaws.com/2015-03-31/functions",
            "7af3008dac1afacf9633898917b203d3967f60b217c776db025f34400a61fa4e",
        ),
        (
            "dynamodb",
            "ListTables",
            "{}",
            "POST https://123456789012.ddb.us-east-1.amazonaws.com/",
            "039fbe78a2aaf2b0f0b51a026f9cb2a3acb37f9f9f0fe9e2fe93364009073362",
        ),
        (
            "sqs",
            "ReceiveMessage",
            r#"{"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/q"}"#,
            "POST https://sqs.us-east-1.amazonaws.com/",
            "297b8b9f86b16f6de47ca2615c8fa109c885dbdab1e9ff41d88832138fa84a4e",
        ),
        (
            "cloudwatch",
            "PutMetricData",
            r#"{"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1.0}]}"#,
            "POST https://monitoring.us-east-1.amazonaws.com/",
            "432d05dc1e470a3c073645d35067df62bb9166b1d61e79f4f9e1e69cc81712c8",
        ),
        (
            "glacier",
            "ListVaults",
            r#"{"accountId": "-"}"#,
            "GET https://glacier.us-east-1.amazonaws.com/-/vaults",
            "d74dc7e1325aad44183a46ee05efd474a7737955fe51126e67627fe0a1318081",
        ),
        (
            "apigateway",
            "GetRestApis",
            "{}",
            "GET https://apigateway.us-east-1.amazonaws.com/restapis",
            "62cad93da77fe6dc3fdac35d66d14ad436bf9973c1907b002a1b07ef2abf57d0",
        ),
        (
            "iot-data",
            "Publish",
            r#"{"topic": "a/b"}"#,
            "POST https://data-ats.iot.us-east-1.amazonaws.com/topics/a%2Fb",
            "cb93849c9d9abca9f5522d9f07d5cf8e16eb125218795fab793c64e6f7a77045",
        ),
        (
            "s3control",
            "ListJobs",
            r#"{"AccountId": "123456789012"}"#,
            "GET https://123456789012.s3-control.us-east-1.amazonaws.com/v20180820/jobs",
            "0fa0913fded00b365332776d77625245b1cdd84cfbf3758f5d557dd70064672b",
        ),
        (
            "rds",
            "CopyDBSnapshot",
            r#"{"SourceDBSnapshotIdentifier": "arn:a", "TargetDBSnapshotIdentifier": "t", "SourceRegion": "eu-west-1"}"#,
            "POST https://rds.us-east-1.amazonaws.com/",
            "4ae0eefe4f91467df87fa926d46528217166771513983e8194a18734eb5af2d4",
        ),
        (
            "ec2",
            "CopySnapshot",
            r#"{"SourceRegion": "eu-west-1", "SourceSnapshotId": "snap-1"}"#,
            "POST https://ec2.us-east-1.amazonaws.com/",
            "265d6e84e292fa6eebb44fa6ea8f6d271436f6f0363c6e75bad3a07c7ac1ec99",
        ),
        (
            "iam",
            "GetRole",
            r#"{"RoleName": "r"}"#,
            "POST https://iam.amazonaws.com/",
            "cb72d5b3e50e12244145daed1dfca5d2ea12efdcef0d225111118dcba9261d4a",
        ),
        (
            "events",
            "PutEvents",
            r#"{"Entries": [{"Time": "2020-01-01T00:00:00.123Z", "Source": "x"}]}"#,
            "POST https://events.us-east-1.amazonaws.com/",
            "b2f223a5528df89b3c7d545b7385eb407852ead23c2390fc4524ec15f0e90462",
        ),
    ];
    let http = HttpClient::new().unwrap();
    let session = session(&http, &NoJournal, None);
    let calls = Calls::new(&session);
    let mut wrong = Vec::new();
    for (command, name, params, line, signature) in cases {
        let service = catalog::service(command).unwrap();
        let operation = service.operation_named(name).unwrap();
        let (request, url) = calls.preview(&service, operation, map(params), Some("us-east-1")).unwrap();
        assert_eq!(format!("{} {url}", request.method), line);
        let authorization = request.header("authorization").unwrap();
        if !authorization.ends_with(signature) {
            let body = String::from_utf8_lossy(&request.body);
            wrong.push(format!("{command} {name}: {:?}\n{body}", request.headers));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn json_in_bodies_is_text() {
    let words =
        ["bedrock-agent", "put-resource-policy", "--resource-arn", "arn:aws:bedrock:x:1:knowledge-base/k"];
    let argv: Vec<String> =
        words.iter().chain(&["--policy", r#"{"k": "v"}"#]).map(|word| (*word).into()).collect();
    let Ok(Command::Operation(parsed)) =
        command::parse(&argv, Context { files: &FILES, now: session::now() })
    else {
        panic!("not parsed")
    };
    let http = HttpClient::new().unwrap();
    let session = session(&http, &NoJournal, None);
    let calls = Calls::new(&session);
    let params = parsed.parameters.clone();
    let (request, _) = calls.preview(&parsed.service, parsed.operation(), params, Some("us-east-1")).unwrap();
    assert_eq!(String::from_utf8(request.body.to_vec()).unwrap(), r#"{"policy": "{\"k\": \"v\"}"}"#);
}

#[test]
fn operations_for_anybody_are_not_signed() {
    let http = HttpClient::new().unwrap();
    let session = session(&http, &NoJournal, None);
    let service = catalog::service("cognito-identity").unwrap();
    let operation = service.operation_named("GetId").unwrap();
    let params = map(r#"{"IdentityPoolId": "us-east-1:x"}"#);
    let (request, _) = Calls::new(&session).preview(&service, operation, params, Some("us-east-1")).unwrap();
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.header("x-amz-security-token"), None);
}

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn></GetCallerIdentityResult>\
                        </GetCallerIdentityResponse>";
const THROTTLED: &str = r#"{"__type": "ThrottlingException", "message": "slow down"}"#;
const FAILED: &str = r#"{"__type": "InternalServerError", "message": "oh"}"#;
const REFUSED: &str = r#"{"__type": "ValidationException", "message": "no"}"#;

/// Makes one call against a peer and gives what was heard, the journal's entries and the outcome.
async fn try_call(
    reactions: Vec<Reaction>,
    (command, operation, params): (&str, &str, &str),
) -> (Vec<String>, Vec<String>, Result<Response, CallError>) {
    let peer = Peer::start(reactions).await;
    let http = HttpClient::new().unwrap();
    let ledger = Ledger::default();
    let session = session(&http, &ledger, Some(&peer.url));
    let outcome = call(&mut Calls::new(&session), command, operation, params).await;
    (peer.heard(), ledger.entries.into_inner().unwrap(), outcome)
}

const READ: (&str, &str, &str) = ("sts", "GetCallerIdentity", "{}");
const JSON_READ: (&str, &str, &str) = ("dynamodb", "ListTables", "{}");
const WRITE: (&str, &str, &str) = ("dynamodb", "DeleteTable", r#"{"TableName": "t"}"#);
const WRITE_WITH_TOKEN: (&str, &str, &str) =
    ("dynamodb", "TransactWriteItems", r#"{"TransactItems": [{"Delete": {"TableName": "t", "Key": {}}}]}"#);

#[tokio::test]
async fn reads_are_sent_up_to_three_times() {
    let (heard, journal, outcome) =
        try_call(vec![Reaction::Close, answer(503, ""), answer(200, IDENTITY)], READ).await;
    assert_eq!(outcome.unwrap().value, map(r#"{"Arn": "a"}"#));
    assert_eq!(heard.len(), 3);
    assert_eq!(journal, ["0 GetCallerIdentity read", "0 Done"]);

    let (heard, journal, outcome) = try_call(vec![answer(500, FAILED); 4], JSON_READ).await;
    let error = outcome.unwrap_err();
    assert_eq!(heard.len(), 3);
    assert_eq!(journal, ["0 ListTables read", "0 Unknown"]);
    assert_eq!(error.exit_status(), 254);
    assert_eq!(
        error.text(),
        "\naws: [ERROR]: An error occurred (InternalServerError) when calling the ListTables operation \
         (reached max retries: 2): oh\n"
    );
}

#[tokio::test]
async fn a_mutation_without_a_token_is_sent_once() {
    for (reaction, end) in [
        (Reaction::Close, "0 Unknown"),
        (answer(500, FAILED), "0 Unknown"),
        (answer(504, ""), "0 Unknown"),
        (answer(200, "not json"), "0 Unknown"),
        (answer(400, REFUSED), "0 Refused"),
    ] {
        let (heard, journal, outcome) = try_call(vec![reaction, answer(200, "{}")], WRITE).await;
        assert!(outcome.is_err());
        assert_eq!(heard.len(), 1, "{journal:?}");
        assert_eq!(journal, ["0 DeleteTable write", end]);
    }
}

#[tokio::test]
async fn a_throttled_mutation_has_not_happened_and_is_sent_again() {
    let (heard, journal, outcome) = try_call(vec![answer(400, THROTTLED), answer(200, "{}")], WRITE).await;
    assert!(outcome.is_ok());
    assert_eq!(heard.len(), 2);
    assert_eq!(journal, ["0 DeleteTable write", "0 Done"]);
}

#[tokio::test]
async fn a_mutation_with_a_token_is_repeated_with_the_same_token() {
    let reactions = vec![Reaction::Close, answer(500, FAILED), answer(200, "{}")];
    let (heard, journal, outcome) = try_call(reactions, WRITE_WITH_TOKEN).await;
    assert!(outcome.is_ok());
    assert_eq!(journal, ["0 TransactWriteItems write with token", "0 Done"]);
    let token = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, b"0").to_string();
    assert_eq!(heard.iter().filter(|request| request.contains(&token)).count(), 3);
}

#[tokio::test]
async fn nothing_is_sent_when_the_journal_cannot_be_written() {
    let peer = Peer::start(vec![answer(200, IDENTITY)]).await;
    let http = HttpClient::new().unwrap();
    let ledger = Ledger { refuse: true, ..Ledger::default() };
    let session = session(&http, &ledger, Some(&peer.url));
    let error = call(&mut Calls::new(&session), "sts", "GetCallerIdentity", "{}").await.unwrap_err();
    assert_eq!(error.to_string(), "the table is gone", "the journal's own words");
    assert_eq!(peer.heard().len(), 0);
}

#[tokio::test]
async fn no_connection_is_said_as_the_official_cli_says_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let http = HttpClient::new().unwrap();
    let ledger = Ledger::default();
    let session = session(&http, &ledger, Some(&url));
    let (command, operation, params) = WRITE;
    let error = call(&mut Calls::new(&session), command, operation, params).await.unwrap_err();
    assert_eq!(error.exit_status(), 255);
    let text = error.to_string();
    assert!(text.starts_with(&format!("Could not connect to the endpoint URL: \"{url}/\"")), "{text}");
    assert_eq!(ledger.entries.into_inner().unwrap(), ["0 DeleteTable write", "0 Refused"]);
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected() {
    let refused = Reaction::Answer(
        403,
        "date: Wed, 15 Jan 2025 13:34:56 GMT\r\n",
        r#"{"__type": "InvalidSignatureException", "message": "expired"}"#.to_owned(),
    );
    let (heard, _, outcome) = try_call(vec![refused.clone(), answer(200, "{}")], WRITE).await;
    assert!(outcome.is_ok());
    assert!(heard[0].contains("x-amz-date: 20250115T123456Z"));
    assert!(heard[1].contains("x-amz-date: 20250115T133456Z"));
    let (heard, _, outcome) = try_call(vec![refused.clone(), refused, answer(200, "{}")], WRITE).await;
    assert!(outcome.is_err(), "once is enough");
    assert_eq!(heard.len(), 2);
}

#[tokio::test]
async fn budgets_end_calls() {
    for (change, text) in [
        ((|b: &mut Budget| b.calls = 0) as fn(&mut Budget), "the limit of 0 calls is reached"),
        (|b| b.read_bytes = 10, "the responses are larger than the limit of 10 bytes to read"),
        (|b| b.deadline = Instant::now(), "the time is up"),
        (|b| b.reserve = Duration::from_secs(3601), "the time is up"),
    ] {
        let peer = Peer::start(vec![answer(200, IDENTITY); 3]).await;
        let http = HttpClient::new().unwrap();
        let mut session = session(&http, &NoJournal, Some(&peer.url));
        change(&mut session.budget);
        let error = call(&mut Calls::new(&session), "sts", "GetCallerIdentity", "{}").await.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(peer.heard().len() <= 1);
    }
}

#[tokio::test]
async fn a_change_that_nobody_answers_ends_with_the_time_and_is_not_said_to_have_failed() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let held = tokio::spawn(async move { silent.accept().await.unwrap() });
    let http = HttpClient::new().unwrap();
    let ledger = Ledger::default();
    let mut session = session(&http, &ledger, Some(&url));
    session.budget.reserve = Duration::ZERO;
    session.budget.deadline = Instant::now() + Duration::from_secs(1);
    let words = ["dynamodb", "delete-table", "--table-name", "t"].map(str::to_owned);
    let output = awscli::run(&words, &session).await;
    assert!(Instant::now() >= session.budget.deadline, "it waits as long as it may");
    assert_eq!((output.exit_status, output.unknown_calls), (255, vec!["dynamodb delete-table".to_owned()]));
    assert!(output.stderr.contains("Read timeout on endpoint URL"), "{}", output.stderr);
    assert_eq!(ledger.entries.into_inner().unwrap(), ["0 DeleteTable write", "0 Unknown"]);
    held.await.unwrap();
}

#[tokio::test]
async fn the_private_network_is_out_of_reach_without_a_configured_endpoint() {
    // The rules give names only; this is what would happen if one of them pointed inside.
    let http = HttpClient::new().unwrap();
    for url in ["https://127.0.0.1:1/", "https://169.254.169.254/", "https://[::1]:1/", "http://127.0.0.1:1/"]
    {
        let request = http::Request::get(url).body(bytes::Bytes::new()).unwrap();
        let error = http.send(request, None, Reading { limit: 1, endless: None }).await.unwrap_err();
        assert!(error.was_never_sent() && error.to_string().contains("is not"), "{url}: {error}");
    }
}

#[tokio::test]
async fn s3_answers_200_with_an_error_inside() {
    let error = "<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>m</Message></Error>";
    let done = "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>";
    let copy = ("s3api", "CopyObject", r#"{"Bucket": "b", "Key": "k", "CopySource": "x/y"}"#);
    let (heard, _, outcome) = try_call(vec![answer(200, error), answer(200, done)], copy).await;
    assert_eq!(outcome.unwrap().value, map(r#"{"CopyObjectResult": {"ETag": "e"}}"#));
    assert_eq!(heard.len(), 2);
}

#[tokio::test]
async fn a_bucket_in_another_region_is_asked_there_once() {
    let moved = || {
        Reaction::Answer(
            301,
            "x-amz-bucket-region: eu-west-1\r\n",
            "<Error><Code>PermanentRedirect</Code><Message>m</Message><Endpoint>e</Endpoint></Error>"
                .to_owned(),
        )
    };
    let get = ("s3api", "GetObject", r#"{"Bucket": "b", "Key": "k"}"#);
    let (heard, _, outcome) = try_call(vec![moved(), answer(200, "hi")], get).await;
    assert_eq!(outcome.unwrap().value.get("Body"), Some(&Value::Bytes(b"hi".to_vec())));
    assert!(heard[0].contains("/us-east-1/s3/aws4_request"));
    assert!(heard[1].contains("/eu-west-1/s3/aws4_request"));
    let (heard, _, outcome) = try_call(vec![moved(), moved(), moved()], get).await;
    assert_eq!(outcome.unwrap_err().exit_status(), 254);
    assert_eq!(heard.len(), 2);
}

#[tokio::test]
async fn lengths_are_told_where_there_may_be_a_body() {
    for (call, line) in [
        (("s3api", "CreateBucket", r#"{"Bucket": "b"}"#), Some("content-length: 0")),
        (("s3api", "PutObject", r#"{"Bucket": "b", "Key": "k", "Body": "four"}"#), Some("content-length: 4")),
        (("s3api", "HeadBucket", r#"{"Bucket": "b"}"#), None),
    ] {
        let (heard, _, outcome) = try_call(vec![answer(200, "")], call).await;
        assert!(outcome.is_ok());
        let told: Vec<_> = heard[0].lines().filter(|line| line.starts_with("content-length")).collect();
        assert_eq!(told, line.into_iter().collect::<Vec<_>>(), "{}", heard[0]);
    }
}

fn names(values: &[&str]) -> Value {
    Value::List(values.iter().map(|name| Value::Str((*name).to_owned())).collect())
}

#[tokio::test]
async fn pages_are_read_and_merged() {
    let pages = || {
        vec![
            answer(200, r#"{"TableNames": ["a", "b"], "LastEvaluatedTableName": "bbb"}"#),
            answer(200, r#"{"TableNames": ["c", "d"], "LastEvaluatedTableName": "ddd"}"#),
            answer(200, r#"{"TableNames": ["e"]}"#),
        ]
    };
    let service = catalog::service("dynamodb").unwrap();
    let operation = service.operation_named("ListTables").unwrap();
    let http = HttpClient::new().unwrap();
    let all = ["a", "b", "c", "d", "e"];
    let mut token = None;
    for (max_items, expected, requests) in
        [(None, &all[..], 3), (Some(3), &all[..3], 2), (Some(2), &all[..2], 1)]
    {
        let peer = Peer::start(pages()).await;
        let session = session(&http, &NoJournal, Some(&peer.url));
        let paging = Paging { max_items, page_size: Some(2), ..Paging::default() };
        let mut calls = Calls::new(&session);
        let paged =
            paginate(&mut calls, &service, operation, Map::new(), Some("us-east-1"), &paging).await.unwrap();
        assert_eq!(paged.value.get("TableNames"), Some(&names(expected)));
        assert_eq!(peer.heard().len(), requests);
        assert!(peer.heard()[0].contains("{\"Limit\": 2}"));
        if max_items == Some(3) {
            token = paged.value.get("NextToken").and_then(Value::as_str).map(str::to_owned);
        }
        assert_eq!(paged.value.contains_key("NextToken"), max_items.is_some());
    }
    // What was cut in the middle of the second page goes on there.
    let peer = Peer::start(pages().split_off(1)).await;
    let session = session(&http, &NoJournal, Some(&peer.url));
    let paging = Paging { starting_token: token, ..Paging::default() };
    let mut calls = Calls::new(&session);
    let paged =
        paginate(&mut calls, &service, operation, Map::new(), Some("us-east-1"), &paging).await.unwrap();
    assert_eq!(paged.value.get("TableNames"), Some(&names(&["d", "e"])));
    assert!(peer.heard()[0].contains("{\"ExclusiveStartTableName\": \"bbb\"}"));
}

#[tokio::test]
async fn pages_end_at_the_budget_and_say_where() {
    let page = |name: u8| {
        answer(200, &format!(r#"{{"TableNames": ["{name}"], "LastEvaluatedTableName": "table-{name}"}}"#))
    };
    let service = catalog::service("dynamodb").unwrap();
    let operation = service.operation_named("ListTables").unwrap();
    let http = HttpClient::new().unwrap();
    for (change, count, reason) in [
        ((|b: &mut Budget| b.pages = 2) as fn(&mut Budget), 2, "the limit of 2 pages is reached"),
        (|b| b.calls = 3, 3, "the limit of 3 calls is reached"),
    ] {
        let peer = Peer::start((0..9).map(page).collect()).await;
        let mut session = session(&http, &NoJournal, Some(&peer.url));
        change(&mut session.budget);
        let mut calls = Calls::new(&session);
        let paging = Paging::default();
        let paged =
            paginate(&mut calls, &service, operation, Map::new(), Some("us-east-1"), &paging).await.unwrap();
        assert_eq!(paged.truncated.as_deref(), Some(reason));
        assert_eq!(peer.heard().len(), count);
        assert!(paged.value.contains_key("NextToken"));
    }
}

#[tokio::test]
async fn a_token_that_repeats_ends_in_an_error() {
    let page = answer(200, r#"{"TableNames": ["a"], "LastEvaluatedTableName": "aaa"}"#);
    let peer = Peer::start(vec![page; 5]).await;
    let http = HttpClient::new().unwrap();
    let session = session(&http, &NoJournal, Some(&peer.url));
    let service = catalog::service("dynamodb").unwrap();
    let operation = service.operation_named("ListTables").unwrap();
    let mut calls = Calls::new(&session);
    let paging = Paging::default();
    let error =
        paginate(&mut calls, &service, operation, Map::new(), Some("us-east-1"), &paging).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Error during pagination: The same next token was received twice: {'ExclusiveStartTableName': 'aaa'}"
    );
    assert_eq!(error.exit_status(), 255);
}

/// Neither would be noticed by who asked: a redirect leads to another host, and a compressed body is larger than what is
/// read of it.
#[tokio::test]
async fn no_redirect_is_followed_and_nothing_is_inflated() {
    let elsewhere =
        Reaction::Answer(302, "location: http://169.254.169.254/latest/meta-data/\r\n", String::new());
    let (heard, _, outcome) = try_call(vec![elsewhere], JSON_READ).await;
    assert_eq!((heard.len(), outcome.unwrap_err().exit_status()), (1, 254));
    let packed = Reaction::Answer(200, "content-encoding: gzip\r\n", "not inflated".to_owned());
    let get = ("s3api", "GetObject", r#"{"Bucket": "b", "Key": "k"}"#);
    let (heard, _, outcome) = try_call(vec![packed], get).await;
    assert!(!heard[0].to_lowercase().contains("accept-encoding: gzip"), "{}", heard[0]);
    assert_eq!(outcome.unwrap().value.get("Body"), Some(&Value::Bytes(b"not inflated".to_vec())));
}

/// A session of CloudWatch Logs that begins, and brings two messages, none, and one; made by the official CLI's side of the
/// count of parity.
const LIVE_TAIL: &str = "AAAARwAAADXZQp8TDTptZXNzYWdlLXR5cGUHAAVldmVudAs6ZXZlbnQtdHlwZQcAEGluaXRpYWwtcmVzcG9uc2V7fY3gyKMA\
AADMAAAAU7ul2v0NOm1lc3NhZ2UtdHlwZQcABWV2ZW50CzpldmVudC10eXBlBwANc2Vzc2lvblVwZGF0ZQ06Y29udGVudC10\
eXBlBwAQYXBwbGljYXRpb24vanNvbnsic2Vzc2lvbk1ldGFkYXRhIjogeyJzYW1wbGVkIjogZmFsc2V9LCAic2Vzc2lvblJl\
c3VsdHMiOiBbeyJtZXNzYWdlIjogIm9uZSJ9LCB7Im1lc3NhZ2UiOiAidHdvIDxAVTE+In1dfTAT+y8AAACgAAAAU+dnQLEN\
Om1lc3NhZ2UtdHlwZQcABWV2ZW50CzpldmVudC10eXBlBwANc2Vzc2lvblVwZGF0ZQ06Y29udGVudC10eXBlBwAQYXBwbGlj\
YXRpb24vanNvbnsic2Vzc2lvbk1ldGFkYXRhIjogeyJzYW1wbGVkIjogZmFsc2V9LCAic2Vzc2lvblJlc3VsdHMiOiBbXX07\
RyEVAAAAtAAAAFNyB3HzDTptZXNzYWdlLXR5cGUHAAVldmVudAs6ZXZlbnQtdHlwZQcADXNlc3Npb25VcGRhdGUNOmNvbnRl\
bnQtdHlwZQcAEGFwcGxpY2F0aW9uL2pzb257InNlc3Npb25NZXRhZGF0YSI6IHsic2FtcGxlZCI6IGZhbHNlfSwgInNlc3Np\
b25SZXN1bHRzIjogW3sibWVzc2FnZSI6ICJ0aHJlZSJ9XX2mUFWn";

/// The service's end of it.
const SESSION_OVER: &str = "AAAAdgAAAERiAU+PDTptZXNzYWdlLXR5cGUHAAlleGNlcHRpb24POmV4Y2VwdGlvbi10eXBlBwAXU2Vzc2lvblRpbWVvdXRF\
eGNlcHRpb257Im1lc3NhZ2UiOiJUaGUgc2Vzc2lvbiBpcyBvdmVyLiJ9b1CNQA==";

#[tokio::test]
async fn a_live_tail_shows_what_comes_until_something_ends_it() {
    let over: &'static str = Box::leak(format!("{LIVE_TAIL}{SESSION_OVER}").into_boxed_str());
    let messages = "one\ntwo <@U1>\nthree\n";
    let ended = "An error occurred (SessionTimeoutException) when calling the StartLiveTail operation: The session is over.";
    for (body, keep, line, truncated) in [
        (LIVE_TAIL, true, None, Some("the time is up")),
        (over, false, Some(ended), None),
        (LIVE_TAIL, false, Some("Connection was closed before"), None),
    ] {
        let peer = Peer::start(vec![Reaction::Begin { body, keep }]).await;
        let http = HttpClient::new().unwrap();
        let mut session = session(&http, &NoJournal, Some(&peer.url));
        session.budget.reserve = Duration::from_secs(18);
        session.budget.deadline = Instant::now() + Duration::from_secs(20);
        let line_of_words = "logs start-live-tail --log-group-identifiers g";
        let words: Vec<String> = line_of_words.split(' ').map(str::to_owned).collect();
        let output = awscli::run(&words, &session).await;
        let stdout = String::from_utf8(output.stdout).unwrap();
        let last = stdout.strip_prefix(messages).unwrap_or_else(|| panic!("{stdout} {}", output.stderr));
        assert!(last.starts_with(line.unwrap_or_default()) && last.is_empty() == line.is_none(), "{last}");
        assert_eq!((output.exit_status, output.truncated.as_deref()), (0, truncated));
        assert!(peer.heard()[0].contains(r#"{"logGroupIdentifiers": ["g"]}"#));
    }
}

/// Answers every request with one body, and notes where each went.
struct Canned {
    body: Vec<u8>,
    asked: Mutex<Vec<String>>,
}

impl Transport for Canned {
    fn send<'a>(
        &'a self,
        request: http::Request<bytes::Bytes>,
        _: Option<&'a url::Url>,
        _: awscli::transport::Reading,
    ) -> awscli::transport::Sending<'a> {
        self.asked.lock().unwrap().push(request.uri().to_string());
        let body = self.body.clone();
        Box::pin(async { Ok(HttpResponse { status: 200, headers: Vec::new(), body }) })
    }
}

/// Two lines that S3 selects, and its error after them.
const SELECTED: &str = "AAAAaQAAAFXqAW8uDTptZXNzYWdlLXR5cGUHAAVldmVudAs6ZXZlbnQtdHlwZQcAB1JlY29yZHMNOmNvbnRlbnQtdHlwZQcA\
GGFwcGxpY2F0aW9uL29jdGV0LXN0cmVhbWEsYgrjZ+sdAAAAaQAAAFXqAW8uDTptZXNzYWdlLXR5cGUHAAVldmVudAs6ZXZl\
bnQtdHlwZQcAB1JlY29yZHMNOmNvbnRlbnQtdHlwZQcAGGFwcGxpY2F0aW9uL29jdGV0LXN0cmVhbWMsZAofNIQQAAAAXwAA\
AE85AttyDTptZXNzYWdlLXR5cGUHAAVlcnJvcgs6ZXJyb3ItY29kZQcADUludGVybmFsRXJyb3IOOmVycm9yLW1lc3NhZ2UH\
AAtXZSBsb3N0IGl0Lsi/+W0=";

#[tokio::test]
async fn what_s3_selects_before_an_error_stays_in_the_file() {
    let body = base64::engine::general_purpose::STANDARD.decode(SELECTED).unwrap();
    let http = Canned { body, asked: Mutex::default() };
    let line = "s3api select-object-content --bucket b --key k --expression e --expression-type SQL \
                --input-serialization {} --output-serialization {} lines";
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let output = awscli::run(&words, &session(&http, &NoJournal, None)).await;
    let error =
        "An error occurred (InternalError) when calling the SelectObjectContent operation: We lost it.";
    assert!(output.stderr.contains(error), "{}", output.stderr);
    assert_eq!((output.exit_status, http.asked.lock().unwrap().len()), (254, 1));
    assert_eq!(FILES.read("lines").unwrap(), "a,b\nc,d\n");
}

#[tokio::test]
async fn a_service_that_says_where_its_calls_go_is_asked_once_a_run() {
    let http = Canned {
        body: r#"{"Endpoints":[{"Address":"query-cell1.timestream.us-east-1.amazonaws.com","CachePeriodInMinutes":1}],
                  "Rows":[],"ColumnInfo":[],"QueryId":"q","NextToken":"more"}"#
            .into(),
        asked: Mutex::default(),
    };
    let argv = ["timestream-query", "query", "--query-string", "q"].map(str::to_owned);
    let mut session = session(&http, &NoJournal, None);
    session.budget.pages = 2;
    awscli::run(&argv, &session).await;
    let cell = "https://query-cell1.timestream.us-east-1.amazonaws.com/";
    assert_eq!(
        *http.asked.lock().unwrap(),
        ["https://query.timestream.us-east-1.amazonaws.com/", cell, cell]
    );
}

#[tokio::test]
async fn no_answer_sends_calls_to_a_host_that_is_not_of_aws() {
    for body in [
        r#"{"Endpoints":[{"Address":"evil.example"}]}"#,
        r#"{"Endpoints":[{"Address":"evilamazonaws.com"}]}"#,
        r#"{"Endpoints":[{"Address":"evil.example/.amazonaws.com"}]}"#,
        r#"{"Endpoints":[{"Address":"user@x.amazonaws.com"}]}"#,
        r#"{"Endpoints":[]}"#,
        "{}",
    ] {
        let http = Canned { body: body.into(), asked: Mutex::default() };
        let argv = ["timestream-write", "list-databases"].map(str::to_owned);
        let output = awscli::run(&argv, &session(&http, &NoJournal, None)).await;
        assert_eq!(http.asked.lock().unwrap().len(), 1, "{body}");
        assert!(output.stderr.contains("Endpoint Discovery Failed"), "{body}: {}", output.stderr);
        assert_eq!(output.exit_status, 255);
    }
}
