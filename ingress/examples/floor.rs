//! What ingress does for a slash command, on bare blocking sockets: close to the least that the three HTTP exchanges of a
//! request take on a machine. It knows neither TLS nor retries nor mistakes, so nobody should deploy it; the bench puts it
//! beside ingress in one run.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::SystemTime;

use anyhow::{Context, ensure};
use aws_lc_rs::{digest, hmac};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::json;
use shared::aws::Account;
use shared::env::Environment;
use shared::ids::JobId;
use shared::job::{JOB_VERSION, Job, Task};
use shared::secret::Secret;
use time::OffsetDateTime;

#[derive(Deserialize)]
struct Event<'a> {
    body: &'a str,
    headers: Headers<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Headers<'a> {
    x_slack_request_timestamp: &'a str,
    x_slack_signature: &'a str,
}

/// What the environment says, as the bench and `local` set it.
struct Config {
    runtime_api: String,
    signing_secret: String,
    jobs_queue_url: String,
    account: Account,
}

impl Config {
    fn read(env: &mut Environment<'_>) -> Self {
        Self {
            runtime_api: env.required("AWS_LAMBDA_RUNTIME_API", "the host of Lambda's Runtime API"),
            signing_secret: env.required("SLACK_SIGNING_SECRET", "the Slack app's signing secret"),
            jobs_queue_url: env.required("JOBS_QUEUE_URL", "the URL of the SQS queue that takes jobs"),
            account: Account::read(env),
        }
    }
}

fn main() -> anyhow::Result<()> {
    let config = shared::env::read(Config::read)?;
    let secret = hmac::Key::new(hmac::HMAC_SHA256, config.signing_secret.as_bytes());
    let mut lambda = Connection::open(&config.runtime_api)?;
    let mut queue = Queue::open(config.account, config.jobs_queue_url)?;
    loop {
        let next =
            format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {}\r\n\r\n", lambda.host);
        let (head, body) = lambda.exchange(next.as_bytes())?;
        let id =
            header(head, "lambda-runtime-aws-request-id").context("an invocation without an id")?.to_owned();
        let job = verified(&serde_json::from_slice(body)?, &secret)?;
        queue.send(&job)?;
        let Task::Invoke { text } = &job.task else { anyhow::bail!("not a command") };
        let message = json!({
            "response_type": "ephemeral",
            "text": format!("Running `{text}` · job `{}`", job.id.short()),
        });
        let headers = json!({ "content-type": "application/json" });
        let answer =
            json!({ "statusCode": 200, "headers": headers, "body": message.to_string() }).to_string();
        let answer = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n{answer}",
            lambda.host,
            answer.len(),
        );
        lambda.exchange(answer.as_bytes())?;
    }
}

/// The job of a request that Slack has signed.
fn verified(event: &Event<'_>, secret: &hmac::Key) -> anyhow::Result<Job> {
    let body = BASE64_STANDARD.decode(event.body)?;
    let (timestamp, signature) = (event.headers.x_slack_request_timestamp, event.headers.x_slack_signature);
    let signed = [b"v0:", timestamp.as_bytes(), b":", &body].concat();
    let expected = format!("v0={}", hex(hmac::sign(secret, &signed).as_ref()));
    aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), signature.as_bytes())
        .context("not signed by Slack")?;
    let field = |name: &str| {
        let mut fields = url::form_urlencoded::parse(&body);
        let (_, value) = fields.find(|(field, _)| field == name).with_context(|| format!("no {name}"))?;
        anyhow::Ok(value.into_owned())
    };
    Ok(Job {
        version: JOB_VERSION,
        id: JobId::from_signature(signature),
        tenant: field("team_id")?.parse()?,
        enterprise: None,
        user: field("user_id")?.parse()?,
        channel: field("channel_id")?.parse()?,
        task: Task::Invoke { text: field("text")? },
        typed_at: timestamp.parse()?,
        response_url: Some(Secret::new(field("response_url")?)),
    })
}

/// The jobs queue, at an endpoint without TLS.
struct Queue {
    connection: Connection,
    url: String,
    account: Account,
}

impl Queue {
    fn open(account: Account, url: String) -> anyhow::Result<Self> {
        let host = account.endpoint().and_then(|endpoint| endpoint.strip_prefix("http://"));
        let host = host.context("AWS_ENDPOINT_URL has to be an endpoint without TLS")?;
        Ok(Self { connection: Connection::open(host.trim_end_matches('/'))?, url, account })
    }

    /// SendMessage, signed with version 4 of AWS's signatures.
    fn send(&mut self, job: &Job) -> anyhow::Result<()> {
        let body = json!({
            "QueueUrl": self.url,
            "MessageBody": job.to_record()?,
            "MessageGroupId": job.tenant.as_str(),
        })
        .to_string();
        let now = SystemTime::now();
        let utc = OffsetDateTime::from(now);
        let date = format!("{:04}{:02}{:02}", utc.year(), u8::from(utc.month()), utc.day());
        let time = format!("{date}T{:02}{:02}{:02}Z", utc.hour(), utc.minute(), utc.second());
        let Self { connection, account, .. } = self;
        let (region, keys) = (account.region(), account.credentials());
        let scope = format!("{date}/{region}/sqs/aws4_request");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("host", &connection.host),
            ("x-amz-date", &time),
            ("x-amz-security-token", keys.session_token().unwrap_or_default()),
            ("x-amz-target", "AmazonSQS.SendMessage"),
        ];
        let names = headers.map(|(name, _)| name).join(";");
        let lines = headers.map(|(name, value)| format!("{name}:{value}")).join("\n");
        let request = format!("POST\n/\n\n{lines}\n\n{names}\n{}", sha256(&body));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(&request));
        let key = generate_signing_key(keys.secret_access_key(), now, region, "sqs");
        let signature = calculate_signature(key, to_sign.as_bytes());
        let lines = lines.replace('\n', "\r\n");
        let request = format!(
            "POST / HTTP/1.1\r\n{lines}\r\ncontent-length: {}\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential={}/{scope}, SignedHeaders={names}, Signature={signature}\r\n\r\n{body}",
            body.len(),
            keys.access_key_id(),
        );
        let (head, body) = connection.exchange(request.as_bytes())?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "SQS answered {}", String::from_utf8_lossy(body));
        Ok(())
    }
}

/// A connection that is kept, with one exchange at a time.
struct Connection {
    host: String,
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    fn open(host: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self { host: host.to_owned(), stream, received: vec![0; 64 * 1024] })
    }

    /// Sends `request` and returns the head and the body of the answer to it.
    fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(&str, &[u8])> {
        self.stream.write_all(request)?;
        let mut length = 0;
        let head = loop {
            length += self.read(length)?;
            if let Some(end) = self.received[..length].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let body =
            header(str::from_utf8(&self.received[..head])?, "content-length").map_or(Ok(0), str::parse)?;
        while length < head + body {
            length += self.read(length)?;
        }
        Ok((str::from_utf8(&self.received[..head])?, &self.received[head..head + body]))
    }

    fn read(&mut self, from: usize) -> anyhow::Result<usize> {
        let length = self.stream.read(&mut self.received[from..])?;
        ensure!(length > 0, "{} closed the connection or sends more than is expected", self.host);
        Ok(length)
    }
}

/// The value of a header.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
