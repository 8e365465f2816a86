//! A job onto the jobs queue, within the time in which Slack waits.

//!
//! SendMessage is the only call that this process ever makes, so it is written out here instead of linking the SDK's
//! client: that takes about as many instructions for one call as all the rest of a request.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use serde::{Deserialize, Serialize};
use shared::aws::Account;
use shared::http::Pool;
use shared::ids::{JobId, TenantId};

/// How long one try may take. Two of them leave Slack's 3 seconds enough room for a slow start and the way back.
pub const TRY_TIMEOUT: Duration = Duration::from_millis(800);

/// How often a job is offered to the queue. A second record of the same job does no harm: both name the same ledger row.
pub const TRIES: u32 = 2;

/// How long a connection may take to open: less than a try, so that an unreachable queue is known to have got nothing.
pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);

/// How long the start of the process waits for its connection. A handshake within a region takes a tenth of that, and
/// together with two tries the first user must still be answered within 2.5 seconds.
pub const OPEN_TIMEOUT: Duration = Duration::from_millis(250);

/// The pause before the second try.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a job is not known to be on the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotQueued {
    /// Every try was refused or never left: the job will not run.
    Certainly,
    /// At least one try was sent and nothing certain came back: the job may run.
    Perhaps,
}

/// One of the two queues.
pub struct Queue {
    pool: Pool,
    /// The origin that takes the calls.
    endpoint: url::Url,
    queue_url: String,
    region: String,
    identity: Identity,
}

/// The parameters of SendMessage.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage<'a> {
    queue_url: &'a str,
    message_body: &'a str,
    /// Makes a standard queue a fair one: the jobs of a busy workspace do not delay those of the others.
    message_group_id: &'a str,
}

/// What SQS answers to an accepted record, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Accepted {
    #[serde(rename = "MessageId")]
    _message_id: String,
}

/// What AWS answers to a call that it does not carry out.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
}

/// Why one try did not succeed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it could not be sent: {0}")]
    NeverSent(BoxError),
    #[error("the connection broke: {0}")]
    Broken(BoxError),
    #[error("no answer within {} ms", TRY_TIMEOUT.as_millis())]
    Silence,
    #[error("SQS answered {0} {1}")]
    Answered(StatusCode, String),
}

impl Failure {
    /// Whether SQS certainly does not have the record. An answer of the 5xx kind may come after it was stored.
    fn is_refusal(&self) -> bool {
        match self {
            Self::NeverSent(_) => true,
            Self::Broken(_) | Self::Silence => false,
            Self::Answered(status, _) => status.is_client_error(),
        }
    }
}

impl Queue {
    /// The queue at `queue_url`, reached over `pool` as `account` says: at its endpoint if it names one, and otherwise
    /// at the host that the queue's URL has.
    ///
    /// # Errors
    /// When that is no URL.
    pub fn new(account: &Account, pool: Pool, queue_url: String) -> Result<Self, url::ParseError> {
        let endpoint = url::Url::parse(account.endpoint().unwrap_or(&queue_url))?.join("/")?;
        let (region, identity) = (account.region().to_owned(), account.credentials().into());
        Ok(Self { pool, endpoint, queue_url, region, identity })
    }

    /// Opens the connection over which the first job will go.
    pub async fn connect(&self) {
        match tokio::time::timeout(OPEN_TIMEOUT, self.pool.open(self.endpoint.as_str())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot reach the queue yet"),
            Err(_) => tracing::warn!("the queue does not answer yet"),
        }
    }

    /// Puts the record `body` of the job `id` on the queue. Returns once SQS has accepted it, or after at most [`TRIES`] tries of [`TRY_TIMEOUT`].
    ///
    /// # Errors
    /// Whether the job may have been accepted all the same.
    pub async fn send(&self, id: &JobId, tenant: &TenantId, body: &str) -> Result<(), NotQueued> {
        let mut outcome = NotQueued::Certainly;
        for attempt in 1..=TRIES {
            if attempt > 1 {
                tokio::time::sleep(PAUSE).await;
            }
            let Err(failure) = self.try_once(tenant, body).await else { return Ok(()) };
            if !failure.is_refusal() {
                outcome = NotQueued::Perhaps;
            }
            tracing::warn!(job.id = %id, attempt, error = %failure, "the queue did not accept the job");
        }
        Err(outcome)
    }

    async fn try_once(&self, tenant: &TenantId, body: &str) -> Result<(), Failure> {
        let request = self.request(tenant, body).map_err(Failure::NeverSent)?;
        let answer = match tokio::time::timeout(TRY_TIMEOUT, self.pool.send(request)).await {
            Err(_) => return Err(Failure::Silence),
            Ok(Err(error)) if shared::http::was_never_sent(&*error) => return Err(Failure::NeverSent(error)),
            Ok(Err(error)) => return Err(Failure::Broken(error)),
            Ok(Ok(answer)) => answer,
        };
        if answer.status().is_success() && serde_json::from_slice::<Accepted>(answer.body()).is_ok() {
            return Ok(());
        }
        let refusal: Refusal = serde_json::from_slice(answer.body()).unwrap_or_default();
        Err(Failure::Answered(answer.status(), refusal.kind))
    }

    /// The signed call, in SQS's JSON protocol.
    fn request(&self, tenant: &TenantId, body: &str) -> Result<Request<Bytes>, BoxError> {
        let parameters =
            SendMessage { queue_url: &self.queue_url, message_body: body, message_group_id: tenant.as_str() };
        let body = Bytes::from(serde_json::to_vec(&parameters)?);
        let headers =
            [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.SendMessage")];
        let signing = SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name("sqs")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new(
            "POST",
            self.endpoint.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(&body),
        )?;
        let (signature, _) = sign(signable, &signing)?.into_parts();
        let mut request = Request::post(self.endpoint.as_str()).body(body)?;
        for (name, value) in headers {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        signature.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::MAX_RESPONSE_URL;
    use crate::text::MAX_TEXT;
    use shared::ids::MAX_SLACK_ID;
    use shared::job::{JOB_VERSION, Job, Task};
    use shared::secret::Secret;

    /// What SQS takes as one record, in bytes. Queues may be set to more, but not every one is.
    const SQS_RECORD: usize = 256 * 1024;

    #[test]
    fn the_longest_job_of_every_kind_of_character_fits_into_a_record() {
        let id = |prefix: &str| format!("{prefix}{}", "A".repeat(MAX_SLACK_ID - prefix.len()));
        for character in ["x", "\"", "\\", "\n", "é", "€", "🦀", "\u{fffe}"] {
            let job = Job {
                version: JOB_VERSION,
                id: JobId::from_signature("v0=aa"),
                tenant: id("T").parse().unwrap(),
                enterprise: Some(id("E")),
                user: id("U").parse().unwrap(),
                channel: id("C").parse().unwrap(),
                task: Task::Invoke { text: character.repeat(MAX_TEXT / character.len()) },
                typed_at: u64::MAX,
                response_url: Some(Secret::new("\"".repeat(MAX_RESPONSE_URL))),
            };
            let record = job.to_record().unwrap();
            assert!(record.len() <= SQS_RECORD, "{character}: {}", record.len());
            assert!(record.is_ascii());
        }
    }

    fn queue(endpoint: Option<&str>, queue_url: &str) -> Result<Queue, url::ParseError> {
        let variables = |name: &str| match name {
            "AWS_ENDPOINT_URL" => endpoint.map(str::to_owned),
            "AWS_SESSION_TOKEN" => None,
            _ => Some(name.to_lowercase()),
        };
        let account = shared::env::read_from(&variables, Account::read).unwrap();
        Queue::new(&account, shared::http::sdk_client().unwrap(), queue_url.to_owned())
    }

    #[test]
    fn calls_go_to_the_host_of_the_queue_unless_the_deployment_names_an_endpoint() {
        let queue_url = "https://sqs.cn-north-1.amazonaws.com.cn/111111111111/alfred-jobs";
        let aws = queue(None, queue_url).unwrap();
        assert_eq!(aws.endpoint.as_str(), "https://sqs.cn-north-1.amazonaws.com.cn/");
        assert_eq!(aws.queue_url, queue_url);
        let emulator = queue(Some("http://127.0.0.1:4566"), queue_url).unwrap();
        assert_eq!(emulator.endpoint.as_str(), "http://127.0.0.1:4566/");
        assert!(queue(None, "alfred-jobs").is_err());
    }

    #[test]
    fn two_tries_leave_room_within_the_two_and_a_half_seconds() {
        assert!(OPEN_TIMEOUT + TRY_TIMEOUT * TRIES + PAUSE * (TRIES - 1) < Duration::from_millis(2000));
        assert!(CONNECT_TIMEOUT < TRY_TIMEOUT);
    }
}
