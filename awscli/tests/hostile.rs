//! What typed words and the answers of services may not do, whoever makes them up: reach the host or another one, hand out
//! credentials, or use up more than a run may. Each test names the case of it that is known to have worked elsewhere.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod session;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use awscli::catalog;
use awscli::classify::mints;
use awscli::files::MemoryFiles;
use awscli::model::{Operation, Protocol, Service};
use awscli::parse::{HttpResponse, MAX_DEPTH, MAX_VALUES, parse};
use awscli::session::Output;
use awscli::transport::{Reading, Sending, Transport};
use bytes::Bytes;
use session::session;

/// Answers the n-th request, and notes where it went.
struct Peer<F> {
    answer: F,
    hosts: Mutex<Vec<String>>,
}

impl<F: Fn(usize) -> HttpResponse + Send + Sync> Transport for Peer<F> {
    fn send<'a>(&'a self, request: http::Request<Bytes>, _: Option<&'a url::Url>, _: Reading) -> Sending<'a> {
        let mut hosts = self.hosts.lock().unwrap();
        hosts.push(request.uri().host().unwrap().to_owned());
        let answer = (self.answer)(hosts.len());
        Box::pin(async { Ok(answer) })
    }
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> HttpResponse {
    HttpResponse { status, headers: Vec::new(), body: body.into() }
}

/// Runs `words`, and gives the hosts that were asked, too. The budget is the worker's.
async fn run_words<S: AsRef<str>>(
    words: &[S],
    answer: impl Fn(usize) -> HttpResponse + Send + Sync,
) -> (Output, Vec<String>) {
    let peer = Peer { answer, hosts: Mutex::default() };
    let files = MemoryFiles::new(1 << 20);
    let mut session = session(&peer, &files);
    session.hide_secrets = true;
    session.budget.calls = 200;
    session.budget.output_bytes = 5 << 20;
    let words: Vec<String> = words.iter().map(|word| word.as_ref().to_owned()).collect();
    let output = awscli::run(&words, &session).await;
    (output, peer.hosts.into_inner().unwrap())
}

/// The same with the words of `line`, which spaces part.
async fn run(line: &str, answer: HttpResponse) -> (Output, Vec<String>) {
    run_words(&line.split_whitespace().collect::<Vec<_>>(), |_| answer.clone()).await
}

/// Options of every command, and whether they stand in front of the service's word, the operation's, or behind both.
const PLACES: [(&str, &str, &str); 5] = [
    ("", "", ""),
    ("--region us-east-1", "", ""),
    ("--output=json --no-paginate", "", ""),
    ("", "--query a", ""),
    ("", "", "--reg us-east-1"),
];

#[tokio::test]
async fn commands_that_reach_the_host_are_refused_wherever_their_options_stand() {
    for (service, operation, rest) in [
        ("configure", "set", "credential_process sh"),
        ("configure", "add-model", "--service-model file:///etc/passwd"),
        ("configure", "export-credentials", ""),
        ("configure", "import", "--csv file:///etc/passwd"),
        ("ssm", "start-session", "--target i-1"),
        ("ecs", "execute-command", "--cluster c --task t --command sh --interactive"),
        ("emr", "ssh", "--cluster-id j --key-pair-file f"),
        ("emr", "socks", "--cluster-id j --key-pair-file f"),
        ("emr", "put", "--cluster-id j --key-pair-file f --src /etc/passwd"),
        ("emr", "get", "--cluster-id j --key-pair-file f --src x"),
        ("ec2-instance-connect", "ssh", "--instance-id i-1"),
        ("ec2-instance-connect", "open-tunnel", "--instance-id i-1"),
        ("codeartifact", "login", "--tool pip --domain d --repository r"),
        ("codecommit", "credential-helper", "get"),
        ("deploy", "install", "--config-file /etc/passwd"),
        ("deploy", "uninstall", ""),
        ("lightsail", "push-container-image", "--service-name s --label l --image i"),
        ("cloudfront", "sign", "--url http://x --key-pair-id k --private-key p"),
        ("cloudsearchdomain", "search", "--search-query q"),
        ("cloudtrail", "validate-logs", "--trail-arn a --start-time 2020-01-01"),
        ("machinelearning", "predict", "--ml-model-id m --record a=b --predict-endpoint http://evil.example"),
        ("machinelearning", "predict", "--cli-input-json {\"PredictEndpoint\":\"http://evil.example\"}"),
        ("agent-toolkit", "add-skill", "--name x"),
        ("dynamodb", "wizard", "new-table"),
        ("sso", "login", ""),
        ("history", "list", ""),
    ] {
        for (first, second, third) in PLACES {
            let line = format!("{first} {service} {second} {operation} {rest} {third}");
            let (output, hosts) = run(&line, answer(200, "{}")).await;
            assert_eq!((output.exit_status, hosts.len()), (252, 0), "{line}: {}", output.stderr);
            assert!(output.stderr.contains("is not available here"), "{line}: {}", output.stderr);
            assert!(output.stdout.is_empty(), "{line}");
        }
    }
    for line in ["login", "logout", "update", "cli-dev wizard-dev"] {
        for line in [line.to_owned(), format!("--region us-east-1 {line}")] {
            let (output, _) = run(&line, answer(200, "{}")).await;
            assert!(output.stderr.contains("is not available here"), "{line}: {}", output.stderr);
        }
    }
}

/// The official CLI runs an alias that begins with `!` in a shell.
#[tokio::test]
async fn there_are_no_aliases() {
    for line in ["!id", "alias", "sts !id", "whoami"] {
        let (output, hosts) = run(line, answer(200, "{}")).await;
        assert_eq!((output.exit_status, hosts.len()), (252, 0), "{line}");
        assert!(output.stderr.contains("Found invalid choice"), "{line}: {}", output.stderr);
    }
}

#[test]
fn what_hands_out_credentials_is_known_or_refused() {
    for (service, operation) in [
        ("cognito-identity", "get-credentials-for-identity"),
        ("codeartifact", "get-authorization-token"),
        ("codeartifact", "login"),
        ("configure", "export-credentials"),
        ("dsql", "generate-db-connect-admin-auth-token"),
        ("dsql", "generate-db-connect-auth-token"),
        ("ecr", "get-authorization-token"),
        ("ecr", "get-login-password"),
        ("ecr-public", "get-login-password"),
        ("eks", "get-token"),
        ("gamelift", "request-upload-credentials"),
        ("iam", "create-access-key"),
        ("iam", "create-service-specific-credential"),
        ("lightsail", "download-default-key-pair"),
        ("quicksight", "get-dashboard-embed-url"),
        ("rds", "generate-db-auth-token"),
        ("s3", "presign"),
        ("sagemaker", "create-presigned-domain-url"),
        ("sagemaker", "create-presigned-notebook-instance-url"),
        ("sso", "login"),
        ("sts", "assume-role"),
        ("sts", "assume-role-with-saml"),
        ("sts", "assume-role-with-web-identity"),
        ("sts", "assume-root"),
        ("sts", "get-federation-token"),
        ("sts", "get-session-token"),
    ] {
        assert!(mints(service, operation), "{service} {operation}");
    }
    // Refused by name, and known by their names in the API where a command calls them all the same.
    for (service, operation) in [("sso", "GetRoleCredentials"), ("ssm", "StartSession")] {
        assert!(mints(service, operation), "{service} {operation}");
    }
}

#[tokio::test]
async fn no_parameter_names_the_host_of_its_request() {
    let long = format!("s3api head-bucket --bucket {}", "a".repeat(64));
    for (line, host) in [
        ("sqs receive-message --queue-url http://169.254.169.254/latest", "sqs.us-east-1.amazonaws.com"),
        (
            "sqs purge-queue --queue-url https://x.execute-api.us-east-1.amazonaws.com/q",
            "sqs.us-east-1.amazonaws.com",
        ),
        ("s3api head-bucket --bucket evil.example", "s3.us-east-1.amazonaws.com"),
        ("s3api head-bucket --bucket evil.example/", ""),
        ("s3api head-bucket --bucket evil.example:443", ""),
        ("s3api head-bucket --bucket x@evil.example", ""),
        ("s3api head-bucket --bucket 127.0.0.1", "s3.us-east-1.amazonaws.com"),
        ("s3api head-bucket --bucket arn:aws:s3:evil.example:123456789012:accesspoint/x", ""),
        ("s3api head-bucket --bucket arn:aws:s3:us-east-1:evil.example/:accesspoint/x", ""),
        (&long, "s3.us-east-1.amazonaws.com"),
        ("s3control list-jobs --account-id evil.example/", ""),
        ("s3control list-jobs --account-id x.evil", ""),
        (
            "stepfunctions start-sync-execution --state-machine-arn http://evil.example",
            "sync-states.us-east-1.amazonaws.com",
        ),
        (
            "dynamodb describe-table --table-name arn:aws:dynamodb:us-east-1:evil.example/:table/t",
            "123456789012.ddb.us-east-1.amazonaws.com",
        ),
        ("kinesis describe-stream --stream-arn arn:aws:kinesis:us-east-1:evil.example/:stream/s", ""),
        ("sts get-caller-identity --region x@evil.example:443/#", ""),
        ("sts get-caller-identity --region evil.example", ""),
        ("sts get-caller-identity --region 169.254.169.254", ""),
    ] {
        let (output, mut hosts) = run(line, answer(400, "{}")).await;
        hosts.dedup();
        let expected: Vec<&str> = Some(host).filter(|host| !host.is_empty()).into_iter().collect();
        assert_eq!(hosts, expected, "{line}: {}", output.stderr);
    }
}

/// A region is the only part of a host that an answer of S3 gives.
#[tokio::test]
async fn no_answer_names_the_host_of_the_next_request() {
    let body = "<Error><Code>PermanentRedirect</Code><Message>m</Message><Endpoint>evil.example</Endpoint>\
                <Region>evil.example/</Region></Error>";
    for region in ["evil.example/", "x@evil.example:443/#", "evil.example", "169.254.169.254", ""] {
        for status in [301, 302, 307, 400, 403] {
            let headers = [("location", "http://169.254.169.254/"), ("x-amz-bucket-region", region)];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            let moved = HttpResponse { headers, ..answer(status, body) };
            let (output, hosts) = run("s3api list-objects-v2 --bucket bbb", moved).await;
            assert!(
                hosts.iter().all(|host| host == "bbb.s3.us-east-1.amazonaws.com"),
                "{region} {status}: {hosts:?}"
            );
            assert_ne!(output.exit_status, 0, "{region} {status}");
        }
    }
}

/// An operation of the first service of a protocol whose result has something in its body, by `fits`.
fn of_protocol(protocol: Protocol) -> (std::sync::Arc<Service>, usize) {
    let services = catalog::index().iter().filter_map(|entry| catalog::service(&entry.command));
    let mut services = services.filter(|service| service.protocol == protocol);
    let reads = |service: &Service| {
        let pages = |operation: &Operation| operation.paginator.is_some() && operation.output.is_some();
        service.operations.iter().position(pages)
    };
    services.find_map(|service| reads(&service).map(|operation| (service, operation))).unwrap()
}

/// Each protocol's decoder of results and of errors.
#[test]
fn answers_that_are_too_deep_or_too_many_end_in_errors_in_every_decoder() {
    let nested =
        |open: &str, close: &str| format!("{}{}", open.repeat(MAX_DEPTH + 1), close.repeat(MAX_DEPTH + 1));
    let endless = |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    let many = |open: &str, one: &str, close: &str| format!("{open}{}{close}", one.repeat(MAX_VALUES + 1));
    let json = [nested("[", "]"), endless("{\"a\":", "}"), endless("[", ""), many("[", "0,", "0]")];
    let xml =
        [nested("<a>", "</a>"), endless("<a>", "</a>"), endless("<a>", ""), many("<a>", "<b/>", "</a>")];
    let cbor = [vec![0x81; MAX_DEPTH + 1], vec![0x9F; 200_000], vec![0xC1; 200_000], {
        let mut list = vec![0x9F];
        list.resize(MAX_VALUES + 2, 0);
        list.push(0xFF);
        list
    }];
    for protocol in [
        Protocol::Json,
        Protocol::RestJson,
        Protocol::Query,
        Protocol::Ec2,
        Protocol::RestXml,
        Protocol::Cbor,
    ] {
        let (service, operation) = of_protocol(protocol);
        let operation = &service.operations[operation];
        let bodies: Vec<Vec<u8>> = match protocol {
            Protocol::Json | Protocol::RestJson => {
                json.iter().map(|body| body.clone().into_bytes()).collect()
            }
            Protocol::Cbor => cbor.to_vec(),
            _ => xml.iter().map(|body| body.clone().into_bytes()).collect(),
        };
        for (number, body) in bodies.into_iter().enumerate() {
            let found = parse(&service, operation, &answer(200, body.clone()));
            let text = found.expect_err("it is beyond the bounds").to_string();
            let bound = if number == 3 { "values" } else { "deeper than 128 levels" };
            assert!(text.contains(bound), "{protocol:?} {number}: {text}");
            if let Err(error) = parse(&service, operation, &answer(400, body)) {
                assert!(error.to_string().contains(bound), "{protocol:?} {number}: {error}");
            }
        }
    }
}

/// Whatever comes, there is an error or a result.
#[test]
fn answers_of_the_wrong_form_end_in_errors_or_results_for_every_operation() {
    let entity = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>";
    let laughs = "<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;&b;&b;\">]><a>&c;</a>";
    let bodies = [
        "",
        "null",
        "true",
        "7",
        "\"text\"",
        "[]",
        "[[1]]",
        "{}",
        "{\"a\":{\"b\":[null]}}",
        "{",
        "\u{0}",
        "<a/>",
        "<a>x</a>",
        "<a><b/><b>1</b></a>",
        "<a",
        entity,
        laughs,
        "<html></html>",
    ];
    let bytes = [
        &b"\xff\xfe"[..],
        b"\xa0",
        b"\xf6",
        b"\xbf\x61a\xbf\xff\xff",
        b"\x9f\x01\xff",
        b"\xfb\x7f\xf0\0\0\0\0\0\0",
    ];
    let bodies: Vec<&[u8]> = bodies.iter().map(|body| body.as_bytes()).chain(bytes).collect();
    for entry in catalog::index() {
        let service = catalog::service(&entry.command).unwrap();
        for body in &bodies {
            drop(parse(&service, &service.operations[0], &answer(404, *body)));
            for operation in service.operations.iter() {
                let found = parse(&service, operation, &answer(200, *body));
                if body.starts_with(b"<!") {
                    let text = format!("{found:?}");
                    assert!(
                        !text.contains("root:") && !text.contains("haha"),
                        "{} {}",
                        entry.command,
                        operation.name
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn entities_of_answers_are_not_read() {
    let body = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><ListAllMyBucketsResult><Owner><ID>&b;</ID></Owner>\
                </ListAllMyBucketsResult>";
    // What S3 answers with status 200 and no XML is an error of its own, as in the official CLI.
    for (line, status, text) in [
        ("s3api list-buckets", 254, "Internal Server Error"),
        ("sts get-caller-identity", 255, "a document type is not allowed"),
        ("ec2 describe-instances", 255, "a document type is not allowed"),
    ] {
        let (output, _) = run(line, answer(200, body)).await;
        assert_eq!((output.exit_status, output.stdout.len()), (status, 0), "{line}");
        assert!(output.stderr.contains(text), "{line}: {}", output.stderr);
    }
}

/// A page has 250,000 values, and there is a next one for ever.
#[tokio::test]
async fn endless_pages_end_at_what_may_be_kept_in_memory() {
    let names = vec!["0"; 250_000].join(",");
    let page = |number: usize| {
        answer(200, format!(r#"{{"TableNames":[{names}],"LastEvaluatedTableName":"table-{number}"}}"#))
    };
    let (output, hosts) =
        run_words(&["dynamodb", "list-tables", "--query", "length(TableNames)"], page).await;
    assert_eq!(
        (String::from_utf8_lossy(&output.stdout).trim(), hosts.len()),
        ("1000000", 4),
        "{}",
        output.stderr
    );
    assert_eq!(output.truncated.as_deref(), Some("the limit of 1000000 values is reached"));
}

/// 50 pages, each small.
#[tokio::test]
async fn endless_pages_end_at_a_number() {
    let page = |number: usize| {
        answer(200, format!(r#"{{"TableNames":["a"],"LastEvaluatedTableName":"table-{number}"}}"#))
    };
    for format in ["json", "text", "table", "yaml", "yaml-stream"] {
        let (output, hosts) = run_words(&["dynamodb", "list-tables", "--output", format], page).await;
        assert_eq!((output.exit_status, hosts.len()), (0, 50), "{format}: {}", output.stderr);
        assert_eq!(output.truncated.as_deref(), Some("the limit of 50 pages is reached"), "{format}");
    }
}

#[tokio::test]
async fn huge_results_are_cut_in_every_format_and_said_to_be() {
    let huge = "x".repeat(6 << 20);
    let many = vec!["1"; 10_000].join(",");
    let table = format!(
        r#"{{"Table":{{"TableName":"{huge}","TableArn":"a","BillingModeSummary":{{"BillingMode":"b"}}}}}}"#
    );
    for (command, body) in [
        ("dynamodb describe-table --table-name t", table),
        ("dynamodb list-tables", format!(r#"{{"TableNames":["{huge}",{many}]}}"#)),
    ] {
        for format in ["json", "text", "table", "yaml", "yaml-stream"] {
            let started = Instant::now();
            let (output, _) = run(&format!("{command} --output {format}"), answer(200, body.as_str())).await;
            assert_eq!(
                (output.exit_status, output.stdout.len()),
                (0, 5 << 20),
                "{format}: {}",
                output.stderr
            );
            assert_eq!(
                output.truncated.as_deref(),
                Some("the output was cut after 5242880 bytes"),
                "{format}"
            );
            assert!(started.elapsed() < Duration::from_secs(60), "{format}: {:?}", started.elapsed());
        }
    }
    let (output, _) = run("sts get-caller-identity", answer(400, huge.replace('x', "<"))).await;
    assert!(output.stderr.len() <= 5 << 20, "{}", output.stderr.len());
    let refused = answer(400, format!(r#"{{"__type":"ValidationException","message":"{huge}"}}"#));
    let (output, _) = run("dynamodb list-tables", refused).await;
    assert_eq!((output.exit_status, output.stderr.len()), (254, 5 << 20));
    assert_eq!(output.truncated.as_deref(), Some("the output was cut after 5242880 bytes"));
}

/// 131 characters, of which the official CLI makes 21 MB.
#[tokio::test]
async fn a_query_that_doubles_is_stopped() {
    let query = vec!["[@,@]"; 22].join("|");
    let identity = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn></GetCallerIdentityResult>\
                    </GetCallerIdentityResponse>";
    for format in ["json", "text", "table", "yaml"] {
        let (output, _) =
            run(&format!("sts get-caller-identity --output {format} --query {query}"), answer(200, identity))
                .await;
        assert_eq!((output.exit_status, output.stdout.len()), (255, 0), "{format}");
        assert!(output.stderr.contains("the query was stopped"), "{format}: {}", output.stderr);
    }
}

/// As long as what may be typed. What would take minutes in one of these places fails here.
#[tokio::test]
async fn long_words_take_no_time_wherever_they_stand() {
    const LONG: usize = 64 << 10;
    let long = |part: &str| part.repeat(LONG / part.len());
    let instances = ["ec2", "describe-instances"];
    let objects: String = (0..100)
        .map(|n| format!("<Contents><Key>{}{n}</Key><Size>1</Size></Contents>", "a".repeat(900)))
        .collect();
    let objects = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{objects}</ListBucketResult>");
    let remove = ["s3", "rm", "s3://b/", "--recursive", "--dryrun", "--exclude"];
    for (words, value) in [
        (&[][..], long("a")),
        (&["ec2"], long("describe-instances")),
        (&["ec2", "wait"], long("instance-")),
        (&["s3"], long("sync")),
        (&["help"], long("a")),
        (&instances, format!("--{}", long("instance-ids"))),
        (&["ec2", "describe-instances", "--instance-ids"], long("i-1,")),
        (&["ec2", "describe-instances", "--max-results"], long("9")),
        (&["ec2", "describe-instances", "--filters"], format!("Name={}", long("{a="))),
        (&["ec2", "describe-instances", "--filters"], format!("Name={}", long("["))),
        (&["ec2", "describe-instances", "--filters"], format!("Name=a,Values={}", long("a,"))),
        (&["ec2", "describe-instances", "--filters"], format!("Name='{}", long("\\'"))),
        (&["ec2", "describe-instances", "--filters"], format!("Name={}", long("a={b=[c,d],"))),
        (&["ec2", "describe-instances", "--cli-input-json"], long("[")),
        (&["ec2", "describe-instances", "--cli-input-json"], long("{\"a\":")),
        (&["ec2", "describe-instances", "--cli-input-yaml"], long("[")),
        (&["ec2", "describe-instances", "--cli-input-yaml"], long("- ")),
        (&["ec2", "describe-instances", "--cli-input-yaml"], long("a: &a [*a,*a]\n")),
        (&["ec2", "describe-spot-price-history", "--start-time"], long("9")),
        (&["ec2", "describe-spot-price-history", "--start-time"], long("1 ")),
        (&["ec2", "describe-spot-price-history", "--start-time"], long("jan ")),
        (&["kms", "decrypt", "--ciphertext-blob"], long("!")),
        (&["sts", "get-caller-identity", "--query"], long("[")),
        (&["sts", "get-caller-identity", "--query"], "``".repeat(8000)),
        (&["sts", "get-caller-identity", "--query"], "!".repeat(250)),
        (&["sts", "get-caller-identity", "--query"], vec!["`1`"; 125].join("||")),
        (&["dynamodb", "list-tables", "--starting-token"], long("___")),
        (&["dynamodb", "list-tables", "--starting-token"], long("a")),
        (&["s3", "ls"], format!("s3://{}", long("a/"))),
        (&["s3api", "head-bucket", "--bucket"], long("arn:")),
        (&["s3api", "head-bucket", "--bucket"], format!("arn:aws:s3:us-east-1:1:{}", long("a/"))),
        (&["logs", "tail", "g", "--since"], long("9")),
        (&["ddb", "select", "t", "--filter"], long("(")),
        (&["ddb", "select", "t", "--filter"], long("a = 1 AND ")),
        (&["ddb", "put", "t"], long("[")),
        (&["emr", "add-steps", "--cluster-id", "j", "--steps"], format!("Type=x,Args={}", long("["))),
        (&["iam", "create-policy", "--policy-name", "p", "--policy-document"], long("file://")),
        (&remove, "*a".repeat(500) + "b"),
        (&remove, long("[")),
        (&remove, "[a-z]*".repeat(500)),
        (&remove, "?*".repeat(500) + "b"),
    ] {
        let words: Vec<&str> = words.iter().copied().chain([value.as_str()]).collect();
        let started = Instant::now();
        let body = if words[0] == "s3" { objects.as_str() } else { "{}" };
        let (output, _) = run_words(&words, |_| answer(200, body)).await;
        let shown: String = words.join(" ").chars().take(80).collect();
        let elapsed = started.elapsed();
        assert!(elapsed < Duration::from_secs(20), "{shown}: {elapsed:?}, {:.100}", output.stderr);
    }
    let words: Vec<String> = ["ec2", "describe-instances"]
        .map(str::to_owned)
        .into_iter()
        .chain((0..8000).map(|n| format!("--x{n}")))
        .collect();
    let started = Instant::now();
    run_words(&words, |_| answer(200, "{}")).await;
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
