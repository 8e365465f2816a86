//! Slack request → `Job` on the queue → acknowledgement, within the three seconds that Slack waits.
//!
//! This process holds the signing secret and may send to the jobs queue. It reads no table, holds no token and calls no
//! other service, so whoever breaks it gains neither roles nor messages.

pub mod ack;
pub mod command;
pub mod enqueue;
pub mod request;
pub mod text;

use std::time::{Instant, SystemTime};

use anyhow::Context;
use shared::aws::Account;
use shared::env::Environment;
use shared::http::Pool;
use shared::job::{JOB_VERSION, Job};
use shared::secret::Secret;
use shared::telemetry;
use tracing::level_filters::LevelFilter;

use crate::ack::Response;
use crate::enqueue::JobsQueue;
use crate::request::{HttpEvent, Refusal, SigningSecrets, SlackRequest, SlashCommand, Verified};

/// What the environment says.
pub struct Config {
    signing_secret: Secret<String>,
    previous_signing_secret: Option<Secret<String>>,
    jobs_queue_url: String,
    account: Account,
    /// How much to log.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads `SLACK_SIGNING_SECRET`, `SLACK_SIGNING_SECRET_PREVIOUS` while the secret is being changed,
    /// `JOBS_QUEUE_URL`, `LOG_LEVEL`, and what [`Account`] needs.
    pub fn read(env: &mut Environment<'_>) -> Self {
        let signing_secret = env.required("SLACK_SIGNING_SECRET", "the Slack app's signing secret");
        Self {
            signing_secret: Secret::new(signing_secret),
            previous_signing_secret: env.optional("SLACK_SIGNING_SECRET_PREVIOUS").map(Secret::new),
            jobs_queue_url: env.required("JOBS_QUEUE_URL", "the URL of the SQS queue that takes jobs"),
            account: Account::read(env),
            log_level: telemetry::level(env),
        }
    }
}

/// The process: answers one request at a time.
pub struct Ingress {
    secrets: SigningSecrets,
    queue: JobsQueue,
}

impl Ingress {
    /// Builds the clients and opens the connection to the queue.
    ///
    /// # Errors
    /// When a secret is empty, the queue's URL is none, or TLS cannot be set up. An unreachable queue is no error: it may be there for the first
    /// request.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let secrets = SigningSecrets::new(&config.signing_secret, config.previous_signing_secret.as_ref())
            .context("SLACK_SIGNING_SECRET")?;
        let pool = Pool::connecting_within(enqueue::CONNECT_TIMEOUT).context("cannot set up TLS")?;
        let queue = JobsQueue::new(&config.account, pool, config.jobs_queue_url).context("JOBS_QUEUE_URL")?;
        queue.connect().await;
        Ok(Self { secrets, queue })
    }

    /// Answers one HTTP request.
    pub async fn answer(&self, event: HttpEvent) -> Response {
        let started = Instant::now();
        match request::read(event, &self.secrets, SystemTime::now()) {
            Ok(SlackRequest::SlashCommand(command)) => self.answer_command(command, started).await,
            Ok(SlackRequest::UrlVerification(challenge)) => ack::challenge(challenge.get()),
            Ok(SlackRequest::Interaction(_) | SlackRequest::Event(_) | SlackRequest::SslCheck) => {
                ack::nothing()
            }
            Err(refusal) => {
                log_refusal(&refusal);
                ack::refused(&refusal)
            }
        }
    }

    async fn answer_command(&self, command: Verified<SlashCommand>, started: Instant) -> Response {
        let job = match job(command) {
            Ok(job) => job,
            Err(notice) => return ack::notice(&notice),
        };
        let queued = self.queue.send(&job).await;
        let duration_ms = milliseconds_since(started);
        match queued {
            Ok(()) => {
                tracing::info!(
                    job.id = %job.id, tenant.id = %job.tenant, user.id = %job.user, step = "queued", duration_ms,
                    "queued the job"
                );
                let response = ack::queued(&job);
                let duration_ms = milliseconds_since(started);
                tracing::info!(job.id = %job.id, step = "acked", duration_ms, "acknowledged the command");
                response
            }
            Err(outcome) => {
                tracing::error!(job.id = %job.id, ?outcome, duration_ms, "could not queue the job");
                ack::not_queued(&job, outcome)
            }
        }
    }
}

fn job(command: Verified<SlashCommand>) -> Result<Job, command::Notice> {
    let (id, typed_at) = (command.job_id(), command.signed_at());
    let command = command.into_inner();
    Ok(Job {
        version: JOB_VERSION,
        id,
        tenant: command.tenant,
        enterprise: command.enterprise.map(String::from),
        user: command.user,
        channel: command.channel,
        task: command::interpret(&command.command, command.text)?,
        typed_at,
        response_url: command.response_url,
    })
}

fn log_refusal(refusal: &Refusal) {
    match refusal {
        Refusal::Unverified(reason) => {
            tracing::warn!(%reason, "refused a request that is not shown to be Slack's")
        }
        Refusal::Unreadable(reason) => tracing::warn!(?reason, "refused a command that cannot be read"),
        Refusal::UnknownPath | Refusal::WrongMethod | Refusal::TooLarge => {
            tracing::info!(reason = ?refusal, "refused a request");
        }
    }
}

fn milliseconds_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}
