//! `aws s3` as a user sees it, with a bucket that answers what the test says. What is expected in `s3/cases.jsonl` is what
//! the official CLI 2.38.5 printed, sent and wrote for the same answers; it puts an upload's checksum behind the body and we
//! before it, it shows progress, its transfers do not know which region a bucket was found in, and the order of what goes on
//! at the same time is left open.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod session;

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use awscli::files::{Files, MemoryFiles};
use awscli::parse::HttpResponse;
use awscli::session::{Call, CallEnd, Effect, Journal, JournalFuture, NoJournal, Output, Session};
use awscli::transport::{Reading, Sending, Transport, TransportError};
use bytes::Bytes;
use serde_json::{Value, json};
use session::now;
use url::Url;

/// The size from which on transfers are made in parts.
const PART: usize = 8 << 20;

/// Answers requests, and keeps what it has heard.
#[derive(Default)]
struct Bucket {
    answers: Vec<Value>,
    /// How many of the answers that are given in order were given.
    given: AtomicUsize,
    heard: Mutex<Vec<String>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl Bucket {
    fn new(answers: &Value) -> Self {
        Self { answers: answers.as_array().cloned().unwrap_or_default(), ..Self::default() }
    }

    fn answer(&self, request: &http::Request<Bytes>) -> Option<HttpResponse> {
        let sent = format!("{} {}", request.method(), request.uri());
        let is_for = |answer: &&Value| answer["to"].as_str().is_some_and(|to| sent.contains(to));
        let answer = self.answers.iter().find(is_for).or_else(|| {
            let mut in_order = self.answers.iter().filter(|answer| answer["to"].is_null());
            let last = in_order.clone().next_back();
            in_order.nth(self.given.fetch_add(1, Ordering::Relaxed)).or(last)
        })?;
        let mut response = response(answer);
        if request.method() == http::Method::HEAD {
            response.body.clear();
        }
        Some(response)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// An answer in full: `{"list": [[key, size, time, class]…]}` is a listing, `{"object": size}` an object, `{"error":
/// [status, code, message]}` an error.
fn response(answer: &Value) -> HttpResponse {
    let mut status = answer["status"].as_u64().unwrap_or(200);
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut body = answer["body"].as_str().unwrap_or_default().to_owned();
    if let Some(objects) = answer["list"].as_array() {
        let objects = objects.iter().map(|object| {
            let time = object[2].as_str().unwrap_or("2025-01-15T10:00:00.000Z");
            let class = object[3].as_str().unwrap_or("STANDARD");
            let (key, size) = (object[0].as_str().unwrap(), &object[1]);
            format!(
                "<Contents><Key>{key}</Key><LastModified>{time}</LastModified><ETag>\"x\"</ETag><Size>{size}</Size>\
                 <StorageClass>{class}</StorageClass></Contents>"
            )
        });
        let token = answer["token"].as_str().map(|token| {
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>")
        });
        let objects: String = objects.chain(token).collect();
        body = format!("<ListBucketResult>{objects}</ListBucketResult>");
    }
    if answer["object"].is_u64() {
        for (name, value) in [
            ("ETag", "\"x\"".to_owned()),
            ("Content-Length", answer["object"].to_string()),
            ("Last-Modified", "Wed, 15 Jan 2025 10:00:00 GMT".to_owned()),
        ] {
            headers.push((name.to_owned(), value));
        }
    }
    if let [number, code, message] = answer["error"].as_array().map_or(&[][..], Vec::as_slice) {
        status = number.as_u64().unwrap();
        let (code, message) = (code.as_str().unwrap(), message.as_str().unwrap());
        body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    }
    let more = answer["headers"].as_object().into_iter().flatten();
    headers.extend(more.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())));
    HttpResponse { status: status.try_into().unwrap(), headers, body: body.into_bytes() }
}

/// What nobody compares: it is the same for all requests, or says what the body says.
const NOT_TOLD: [&str; 8] = [
    "authorization",
    "content-length",
    "host",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
];

/// A request as the cases tell it.
fn told(request: &http::Request<Bytes>) -> String {
    let url = request.uri().to_string();
    let mut headers: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    headers.retain(|(name, _)| !NOT_TOLD.contains(name));
    headers.sort_unstable();
    let lines = headers.iter().map(|(name, value)| format!("\n{name}: {}", String::from_utf8_lossy(value)));
    let lines: String = lines.collect();
    let body = match request.body() {
        body if body.is_empty() => String::new(),
        body if body.len() > 4096 => format!("\n\n({} bytes)", body.len()),
        body => format!("\n\n{}", String::from_utf8_lossy(body)),
    };
    format!("{} {}{}{body}", request.method(), url.trim_start_matches("https://"), lines)
}

impl Transport for Bucket {
    fn send<'a>(&'a self, request: http::Request<Bytes>, _: Option<&'a Url>, _: Reading) -> Sending<'a> {
        self.heard.lock().unwrap().push(told(&request));
        let answer = self.answer(&request);
        Box::pin(async move {
            let count = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
            self.most_under_way.fetch_max(count, Ordering::Relaxed);
            tokio::task::yield_now().await;
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            answer.ok_or_else(|| TransportError::Refused("there is no answer".to_owned()))
        })
    }
}

/// Files that are given as `{path: content}` and, in seconds since 1970, when they were written.
fn files(contents: &Value, times: &Value) -> MemoryFiles {
    let files = MemoryFiles::new(64 << 20);
    for (path, content) in contents.as_object().into_iter().flatten() {
        files.write(path, content.as_str().unwrap().to_owned().into()).unwrap();
        let time = times[path].as_u64().map(|time| SystemTime::UNIX_EPOCH + Duration::from_secs(time));
        files.set_modified(path, time.unwrap_or_else(now)).unwrap();
    }
    files
}

fn session<'a>(bucket: &'a Bucket, files: &'a MemoryFiles, journal: &'a dyn Journal) -> Session<'a> {
    Session { journal, ..session::session(bucket, files) }
}

/// The words of a command line, in which only double and single quotes mean anything.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (letter, quote) {
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, Some(open)) if letter == open => quote = None,
            (' ', None) => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words.into_iter().skip(1).collect()
}

async fn run(command: &str, session: &Session<'_>) -> Output {
    let words = words(command);
    // Hosts run commands on whatever thread is free.
    let run: Pin<Box<dyn Future<Output = Output> + Send + '_>> = Box::pin(awscli::run(&words, session));
    run.await
}

/// What a small command printed for these answers, and what it sent.
async fn asked(command: &str, contents: Value, answers: Value) -> (Output, Vec<String>) {
    let (bucket, files) = (Bucket::new(&answers), files(&contents, &Value::Null));
    let output = run(command, &session(&bucket, &files, &NoJournal)).await;
    (output, bucket.heard())
}

const USAGE: &str = "usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]\nTo see help text, you can \
                     run:\n\n  aws help\n  aws <command> help\n  aws <command> <subcommand> help\n";

const RULES: &str = r#"Bucket name must match the regex "^[a-zA-Z0-9.\-_]{1,255}$" or be an ARN matching the regex "^arn:(aws).*:(s3|s3-object-lambda):[a-z\-0-9]*:[0-9]{12}:accesspoint[/:][a-zA-Z0-9\-.]{1,63}$|^arn:(aws).*:s3-outposts:[a-z\-0-9]+:[0-9]{12}:outpost[/:][a-zA-Z0-9\-]{1,63}[/:]accesspoint[/:][a-zA-Z0-9\-]{1,63}$""#;

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.sort_unstable();
    lines
}

// Time passes only while nothing else is to be done, so nobody waits for a retry.
#[tokio::test(start_paused = true)]
async fn commands_print_send_and_write_what_the_official_cli_does() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in include_str!("s3/cases.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let command = case["cmd"].as_str().unwrap();
        let (bucket, files) = (Bucket::new(&case["responses"]), files(&case["files"], &case["mtimes"]));
        let mut session = session(&bucket, &files, &NoJournal);
        session.stdin = case["stdin"].as_str().unwrap_or_default().to_owned().into();
        let output = run(command, &session).await;
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let stderr = text("stderr").replace("{usage}", USAGE).replace("{rules}", RULES);
        let (stdout, expected) = (String::from_utf8(output.stdout).unwrap(), text("stdout"));
        let mut heard = bucket.heard();
        heard.sort_unstable();
        let mut requests: Vec<String> = serde_json::from_value(case["requests"].clone()).unwrap_or_default();
        requests.sort_unstable();
        let after = match &case["after"] {
            Value::Null => case["files"].as_object(),
            after => after.as_object(),
        };
        let after: Vec<(String, String)> = after
            .into_iter()
            .flatten()
            .map(|(path, text)| (path.clone(), text.as_str().unwrap().to_owned()))
            .collect();
        let content = |path: &str| String::from_utf8(files.read(path).unwrap().to_vec()).unwrap();
        let mut written: Vec<_> =
            files.list().into_iter().map(|entry| (entry.path.clone(), content(&entry.path))).collect();
        let mut after = after;
        after.sort_unstable();
        written.sort_unstable();
        let same = output.exit_status == i32::try_from(case["rc"].as_i64().unwrap()).unwrap()
            && sorted(&stdout) == sorted(&expected)
            && sorted(&output.stderr) == sorted(&stderr)
            && heard == requests
            && written == after;
        if !same {
            wrong.push(format!(
                "{command}\n{} {stdout}{}{heard:?}\n{written:?}\ninstead of\n{} {expected}{stderr}{requests:?}\n{after:?}",
                output.exit_status, output.stderr, case["rc"]
            ));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(count > 200, "{count}");
}

#[tokio::test]
async fn a_large_file_goes_up_in_parts() {
    let answers = json!([
        { "to": "uploads", "body": "<R><UploadId>up1</UploadId></R>" },
        { "to": "partNumber=1", "headers": { "ETag": "\"p1\"", "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=" } },
        { "to": "partNumber=2", "headers": { "ETag": "\"p2\"" } },
        { "to": "POST", "body": "<R><ETag>\"z-2\"</ETag></R>" },
    ]);
    let big = "x".repeat(PART + 5);
    let command = "aws s3 cp big s3://my-bucket/k --acl private --sse AES256 --request-payer --no-overwrite";
    let (output, heard) = asked(command, json!({ "big": big }), answers).await;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "upload: ./big to s3://my-bucket/k\n");
    let host = "my-bucket.s3.us-east-1.amazonaws.com";
    let payer = "\nx-amz-request-payer: requester";
    assert_eq!(
        heard,
        [
            format!(
                "POST {host}/k?uploads\nx-amz-acl: private\nx-amz-checksum-algorithm: CRC64NVME{payer}\
                 \nx-amz-server-side-encryption: AES256"
            ),
            format!(
                "PUT {host}/k?uploadId=up1&partNumber=1\nx-amz-checksum-crc64nvme: {}{payer}\n\n({PART} bytes)",
                awscli::checksum::checksum("CRC64NVME", "x".repeat(PART).as_bytes()).unwrap()
            ),
            format!(
                "PUT {host}/k?uploadId=up1&partNumber=2\nx-amz-checksum-crc64nvme: Zc3lL3sNSd4={payer}\n\nxxxxx"
            ),
            format!(
                "POST {host}/k?uploadId=up1\nif-none-match: *{payer}\n\n<CompleteMultipartUpload \
                 xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part><ETag>\"p1\"</ETag><PartNumber>1</PartNumber>\
                 <ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></Part><Part><ETag>\"p2\"</ETag>\
                 <PartNumber>2</PartNumber></Part></CompleteMultipartUpload>"
            ),
        ]
    );
}

#[tokio::test]
async fn an_upload_in_parts_that_fails_leaves_nothing() {
    let answers = json!([
        { "to": "uploads", "body": "<R><UploadId>up1</UploadId></R>" },
        { "to": "partNumber=1", "headers": { "ETag": "\"p1\"" } },
        { "to": "partNumber=2", "error": [403, "AccessDenied", "Access Denied"] },
        { "to": "DELETE", "status": 204 },
    ]);
    let big = "x".repeat(PART + 5);
    let (output, heard) = asked("aws s3 cp big s3://my-bucket/k", json!({ "big": big }), answers).await;
    assert_eq!(
        (output.exit_status, output.stderr.as_str()),
        (
            1,
            "upload failed: ./big to s3://my-bucket/k An error occurred (AccessDenied) when calling the UploadPart \
             operation: Access Denied\n"
        )
    );
    assert_eq!(heard.len(), 4);
    assert_eq!(heard[3], "DELETE my-bucket.s3.us-east-1.amazonaws.com/k?uploadId=up1");
}

#[tokio::test]
async fn a_large_object_comes_in_parts_and_must_stay_the_same() {
    let (first, last) = ("a".repeat(PART), "bcd");
    let range = |range: &str| format!("bytes {range}/{}", PART + 3);
    let mut answers = json!([
        { "object": PART + 3 },
        { "status": 206, "body": first, "headers": { "Content-Range": range("0-8388607") } },
        { "status": 206, "body": last, "headers": { "Content-Range": range("8388608-8388610") } },
    ]);
    let bucket = Bucket::new(&answers);
    let memory = files(&Value::Null, &Value::Null);
    let output = run("aws s3 cp s3://my-bucket/k f", &session(&bucket, &memory, &NoJournal)).await;
    assert_eq!((output.exit_status, output.stderr.as_str()), (0, ""));
    assert_eq!(memory.read("f").unwrap(), format!("{first}{last}"));
    assert_eq!(
        bucket.heard()[2],
        "GET my-bucket.s3.us-east-1.amazonaws.com/k\nif-match: \"x\"\nrange: bytes=8388608-\nx-amz-checksum-mode: ENABLED"
    );
    for (answer, problem) in [
        (
            json!({ "error": [412, "PreconditionFailed", "no"] }),
            "Contents of stored object \"k\" in bucket \"my-bucket\" did not match expected ETag.",
        ),
        (
            json!({ "status": 206, "body": "x", "headers": { "Content-Range": "bytes 0-5/9" } }),
            "Requested range: `8388608-8` does not match content range in response: `0-5`",
        ),
    ] {
        answers[2] = answer;
        let (output, _) = asked("aws s3 cp s3://my-bucket/k f", Value::Null, answers.clone()).await;
        assert_eq!(output.stderr, format!("download failed: s3://my-bucket/k to ./f {problem}\n"));
    }
}

#[tokio::test]
async fn a_large_copy_brings_its_properties_and_tags() {
    let answers = json!([
        { "to": "HEAD", "object": PART + 5, "headers": { "Content-Type": "text/q", "x-amz-meta-z": "y" } },
        { "to": "tagging", "body": "<T><TagSet><Tag><Key>a b</Key><Value>c&amp;d</Value></Tag></TagSet></T>" },
        { "to": "uploads", "body": "<R><UploadId>up1</UploadId></R>" },
        { "to": "partNumber=", "body": "<R><ETag>\"cp\"</ETag></R>" },
        { "to": "POST", "body": "<R><ETag>\"z-2\"</ETag></R>" },
    ]);
    let (output, heard) = asked("aws s3 cp s3://my-bucket/k s3://other-bucket/k", Value::Null, answers).await;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "copy: s3://my-bucket/k to s3://other-bucket/k\n");
    let (from, to) = ("my-bucket.s3.us-east-1.amazonaws.com", "other-bucket.s3.us-east-1.amazonaws.com");
    let source =
        "\nx-amz-copy-source: my-bucket/k\nx-amz-copy-source-if-match: \"x\"\nx-amz-copy-source-range:";
    assert_eq!(
        heard[..5],
        [
            format!("HEAD {from}/k\nx-amz-checksum-mode: ENABLED"),
            format!("GET {from}/k?tagging"),
            format!("POST {to}/k?uploads\ncontent-type: text/q\nx-amz-meta-z: y\nx-amz-tagging: a%20b=c%26d"),
            format!("PUT {to}/k?uploadId=up1&partNumber=1{source} bytes=0-8388607"),
            format!("PUT {to}/k?uploadId=up1&partNumber=2{source} bytes=8388608-8388612"),
        ]
    );
}

#[tokio::test]
async fn several_files_are_transferred_at_a_time_but_not_too_many() {
    let contents: serde_json::Map<String, Value> = (0..40).map(|n| (format!("d/{n}"), "x".into())).collect();
    let (bucket, files) = (Bucket::new(&json!([{}])), files(&contents.into(), &Value::Null));
    let output = run("aws s3 cp d s3://my-bucket --recursive", &session(&bucket, &files, &NoJournal)).await;
    assert_eq!((output.exit_status, output.calls), (0, 40));
    let most = bucket.most_under_way.load(Ordering::Relaxed);
    assert!((2..=10).contains(&most), "{most} at a time");
}

/// Notes calls, and refuses those with the numbers from `refused_from` on.
struct Book {
    refused_from: u32,
    lines: Mutex<Vec<String>>,
}

impl Book {
    fn new(refused_from: u32) -> Self {
        Self { refused_from, lines: Mutex::default() }
    }
}

impl Journal for Book {
    fn before<'a>(&'a self, call: &'a Call) -> JournalFuture<'a> {
        Box::pin(async move {
            if call.number >= self.refused_from {
                return Err("not any more".to_owned());
            }
            let kind = if call.effect == Effect::Write { "write" } else { "read" };
            self.lines
                .lock()
                .unwrap()
                .push(format!("{} {kind} {} {}", call.number, call.service, call.operation));
            Ok(())
        })
    }

    fn after<'a>(&'a self, call: &'a Call, end: &'a CallEnd) -> JournalFuture<'a> {
        Box::pin(async move {
            self.lines.lock().unwrap().push(format!("{} {end:?}", call.number));
            Ok(())
        })
    }
}

#[tokio::test]
async fn every_call_is_in_the_journal_and_none_is_made_after_one_that_it_refuses() {
    let answers = json!([
        { "to": "list-type", "list": [["a", 1], ["b", 1], ["c", 1]] },
        { "status": 204 },
    ]);
    let files = files(&Value::Null, &Value::Null);
    let (bucket, book) = (Bucket::new(&answers), Book::new(99));
    let output = run("aws s3 rm s3://my-bucket --recursive", &session(&bucket, &files, &book)).await;
    assert_eq!((output.exit_status, output.calls), (0, 4));
    let mut lines = book.lines.into_inner().unwrap();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "0 Done",
            "0 read s3api ListObjectsV2",
            "1 Done",
            "1 write s3api DeleteObject",
            "2 Done",
            "2 write s3api DeleteObject",
            "3 Done",
            "3 write s3api DeleteObject",
        ]
    );

    let (bucket, book) = (Bucket::new(&answers), Book::new(2));
    let output = run("aws s3 rm s3://my-bucket --recursive", &session(&bucket, &files, &book)).await;
    assert_eq!((output.exit_status, output.stderr.as_str()), (255, "fatal error: not any more\n"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "delete: s3://my-bucket/a\n");
    assert_eq!(bucket.heard().len(), 2);
}

#[tokio::test]
async fn a_url_that_works_without_us_is_in_the_journal_and_hidden_from_people() {
    let files = files(&Value::Null, &Value::Null);
    let (bucket, book) = (Bucket::default(), Book::new(99));
    let mut session = session(&bucket, &files, &book);
    session.hide_secrets = true;
    let output = run("aws s3 presign s3://my-bucket/k", &session).await;
    assert_eq!((output.stdout, output.hidden), (b"********\n".to_vec(), 1));
    assert_eq!(*book.lines.lock().unwrap(), ["0 write s3 presign", "0 Done"]);

    let refusing = Book::new(0);
    session.journal = &refusing;
    let output = run("aws s3 presign s3://my-bucket/k", &session).await;
    assert_eq!((output.exit_status, output.stdout), (255, Vec::new()));
}

#[tokio::test]
async fn what_is_too_much_ends_a_command_and_says_so() {
    let contents: serde_json::Map<String, Value> = (0..9).map(|n| (format!("d/{n}"), "x".into())).collect();
    let (bucket, memory) = (Bucket::new(&json!([{}])), files(&contents.into(), &Value::Null));
    let mut session = session(&bucket, &memory, &NoJournal);
    session.budget.calls = 3;
    let output = run("aws s3 cp d s3://my-bucket --recursive", &session).await;
    assert_eq!(
        (output.exit_status, output.calls, output.stderr.as_str()),
        (130, 3, "fatal error: the limit of 3 calls is reached\n")
    );

    let bucket = Bucket::new(&json!([{ "object": 1_u64 << 50 }]));
    session.http = &bucket;
    session.budget.calls = 9;
    let output = run("aws s3 cp s3://my-bucket/k f", &session).await;
    assert_eq!(output.exit_status, 130);
    assert_eq!(
        output.stderr,
        "fatal error: the responses are larger than the limit of 67108864 bytes to read\n"
    );
    assert_eq!(bucket.heard().len(), 1, "nothing of it is read");

    let bucket = Bucket::new(&json!([{ "object": 4 }, { "object": 4, "body": "1234" }]));
    let small = MemoryFiles::new(3);
    session.http = &bucket;
    session.files = &small;
    let output = run("aws s3 cp s3://my-bucket/k f", &session).await;
    assert_eq!(
        output.stderr,
        "download failed: s3://my-bucket/k to ./f [Errno 28] No space left on device: '/f' (3 bytes may be kept in files)\n"
    );
}

#[tokio::test]
async fn what_was_downloaded_is_not_downloaded_again() {
    let answers = json!([{ "to": "list-type", "list": [["a", 5]] }, { "object": 5, "body": "hello" }]);
    let memory = files(&Value::Null, &Value::Null);
    for expected in ["download: s3://my-bucket/a to d/a\n", ""] {
        let bucket = Bucket::new(&answers);
        let output = run("aws s3 sync s3://my-bucket d", &session(&bucket, &memory, &NoJournal)).await;
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
