//! Slack request → `Job` on the queue → acknowledgement, within the three seconds that Slack waits.
//!
//! This process holds the signing secret and may send to the two queues. It reads no table, holds no token and calls no
//! other service, so whoever breaks it gains neither roles nor messages.

pub mod ack;
pub mod command;
pub mod enqueue;
pub mod event;
#[cfg(feature = "install")]
pub mod install;
pub mod request;
pub mod text;

use std::time::{Instant, SystemTime};

use anyhow::Context;
use shared::admin::{ADMIN_JOB_VERSION, AdminJob, AdminTask, Typed};
use shared::aws::Account;
use shared::env::Environment;
use shared::http::Pool;
use shared::ids::{JobId, TenantId};
use shared::job::{JOB_VERSION, Job};
use shared::secret::Secret;
use shared::telemetry;
use tracing::level_filters::LevelFilter;

use crate::ack::Response;
use crate::command::Asked;
use crate::enqueue::{NotQueued, Queue};
use crate::request::{HttpEvent, Refusal, SigningSecrets, SlackRequest, SlashCommand, Verified};

/// What the environment says.
pub struct Config {
    signing_secret: Secret<String>,
    previous_signing_secret: Option<Secret<String>>,
    jobs_queue_url: String,
    admin_queue_url: String,
    account: Account,
    /// How much to log.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads `SLACK_SIGNING_SECRET`, `SLACK_SIGNING_SECRET_PREVIOUS` while the secret is being changed,
    /// `JOBS_QUEUE_URL`, `ADMIN_QUEUE_URL`, `LOG_LEVEL`, and what [`Account`] needs.
    pub fn read(env: &mut Environment<'_>) -> Self {
        let signing_secret = env.required("SLACK_SIGNING_SECRET", "the Slack app's signing secret");
        Self {
            signing_secret: Secret::new(signing_secret),
            previous_signing_secret: env.optional("SLACK_SIGNING_SECRET_PREVIOUS").map(Secret::new),
            jobs_queue_url: env.required("JOBS_QUEUE_URL", "the URL of the SQS queue that takes jobs"),
            admin_queue_url: env
                .required("ADMIN_QUEUE_URL", "the URL of the SQS queue that takes admin jobs"),
            account: Account::read(env),
            log_level: telemetry::level(env),
        }
    }
}

/// The process: answers one request at a time.
pub struct Ingress {
    secrets: SigningSecrets,
    jobs: Queue,
    admin: Queue,
}

impl Ingress {
    /// Builds the clients and opens the connection to the queues.
    ///
    /// # Errors
    /// When a secret is empty, the queue's URL is none, or TLS cannot be set up. An unreachable queue is no error: it may be there for the first
    /// request.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let secrets = SigningSecrets::new(&config.signing_secret, config.previous_signing_secret.as_ref())
            .context("SLACK_SIGNING_SECRET")?;
        let pool = Pool::connecting_within(enqueue::CONNECT_TIMEOUT).context("cannot set up TLS")?;
        let jobs =
            Queue::new(&config.account, pool.clone(), config.jobs_queue_url).context("JOBS_QUEUE_URL")?;
        let admin = Queue::new(&config.account, pool, config.admin_queue_url).context("ADMIN_QUEUE_URL")?;
        // Both are at the same host, so one connection serves both.
        jobs.connect().await;
        Ok(Self { secrets, jobs, admin })
    }

    /// Answers one HTTP request.
    pub async fn answer(&self, event: HttpEvent) -> Response {
        let started = Instant::now();
        match request::read(event, &self.secrets, SystemTime::now()) {
            Ok(SlackRequest::SlashCommand(command)) => self.answer_command(command, started).await,
            Ok(SlackRequest::UrlVerification(challenge)) => ack::challenge(challenge.get()),
            Ok(SlackRequest::Event(event)) => self.take_event(event.into_inner(), started).await,
            Ok(SlackRequest::Interaction(_) | SlackRequest::SslCheck) => ack::nothing(),
            Err(refusal) => {
                log_refusal(&refusal);
                ack::refused(&refusal)
            }
        }
    }

    async fn answer_command(&self, command: Verified<SlashCommand>, started: Instant) -> Response {
        let queueable = match queueable(command) {
            Ok(queueable) => queueable,
            Err(notice) => return ack::notice(&notice),
        };
        let (id, queued) = match &queueable {
            Queueable::Job(job) => {
                (&job.id, self.put(&self.jobs, &job.id, &job.tenant, job.to_record()).await)
            }
            Queueable::AdminJob(job) => {
                (&job.id, self.put(&self.admin, &job.id, &job.tenant, job.to_record()).await)
            }
        };
        let duration_ms = milliseconds_since(started);
        match queued {
            Ok(()) => {
                let (tenant, user) = queueable.sender();
                tracing::info!(
                    job.id = %id, tenant.id = %tenant, user.id = user, step = "queued", duration_ms,
                    "queued the job"
                );
                let response = ack::queued(&queueable);
                let duration_ms = milliseconds_since(started);
                tracing::info!(job.id = %id, step = "acked", duration_ms, "acknowledged the command");
                response
            }
            Err(outcome) => {
                tracing::error!(job.id = %id, ?outcome, duration_ms, "could not queue the job");
                ack::not_queued(&queueable, outcome)
            }
        }
    }

    /// Slack sends an event again until it hears that it was taken.
    async fn take_event(&self, event: Option<AdminJob>, started: Instant) -> Response {
        let Some(job) = event else { return ack::nothing() };
        let queued = self.put(&self.admin, &job.id, &job.tenant, job.to_record()).await;
        let duration_ms = milliseconds_since(started);
        match queued {
            Ok(()) => {
                tracing::info!(job.id = %job.id, tenant.id = %job.tenant, step = "queued", duration_ms, "queued an event");
                ack::nothing()
            }
            Err(outcome) => {
                tracing::error!(job.id = %job.id, ?outcome, duration_ms, "could not queue an event");
                ack::event_not_queued()
            }
        }
    }

    async fn put(
        &self,
        queue: &Queue,
        id: &JobId,
        tenant: &TenantId,
        record: serde_json::Result<String>,
    ) -> Result<(), NotQueued> {
        // A job always has a JSON form; one without would not be on the queue.
        queue.send(id, tenant, &record.map_err(|_| NotQueued::Certainly)?).await
    }
}

/// What a slash command puts on a queue.
pub enum Queueable {
    /// For the worker.
    Job(Job),
    /// For the syncer.
    AdminJob(AdminJob),
}

impl Queueable {
    /// The job's id.
    pub fn id(&self) -> &JobId {
        match self {
            Self::Job(job) => &job.id,
            Self::AdminJob(job) => &job.id,
        }
    }

    fn sender(&self) -> (&TenantId, &str) {
        match self {
            Self::Job(job) => (&job.tenant, job.user.as_str()),
            Self::AdminJob(job) => match &job.task {
                AdminTask::Admin { typed } | AdminTask::Sync { typed } => (&job.tenant, typed.user.as_str()),
                _ => (&job.tenant, ""),
            },
        }
    }
}

fn queueable(command: Verified<SlashCommand>) -> Result<Queueable, command::Notice> {
    let (id, typed_at) = (command.job_id(), command.signed_at());
    let command = command.into_inner();
    let (user, channel, response_url) = (command.user, command.channel, command.response_url);
    let task = match command::interpret(&command.command, command.text)? {
        Asked::Worker(task) => {
            return Ok(Queueable::Job(Job {
                version: JOB_VERSION,
                id,
                tenant: command.tenant,
                enterprise: command.enterprise.map(String::from),
                user,
                channel,
                task,
                typed_at,
                response_url,
            }));
        }
        Asked::Admin { text } => AdminTask::Admin { typed: Typed { text, user, channel, response_url } },
        Asked::Sync { text } => AdminTask::Sync { typed: Typed { text, user, channel, response_url } },
    };
    Ok(Queueable::AdminJob(AdminJob {
        version: ADMIN_JOB_VERSION,
        id,
        tenant: command.tenant,
        task,
        asked_at: typed_at,
    }))
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
