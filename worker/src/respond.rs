//! The answer's way to Slack: kept in the ledger first, then posted, then marked as delivered. A crash between any two
//! of these posts it again and runs nothing again.
//!
//! Three ways, in this order: the `response_url` of the command (5 posts within 30 minutes, no token needed), an
//! ephemeral message in the conversation, a direct message. Nobody but the one who asked sees any of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::installation::{Installation, InstallationState};
use shared::job::Job;
use shared::kms::TokenError;
use shared::retry::wait_before;
use shared::secret::Secret;
use shared::slack::{self, Args, ResponseOrigins, ResponseUrl, SlackError};
use tokio::time::Instant;

use crate::authorize::Directory;
use crate::blocks::{self, Rest};
use crate::claim::{Claim, Ledger, LedgerError, Row, State};
use crate::gate::Gates;
use crate::outcome::{Answer, Outcome, Retry};
use crate::seal::{DataKey, DataKeys, SealError};
use shared::clock::Clock;

/// How long a `response_url` lives, in seconds: Slack's 30 minutes less what a slow post may take.
pub const RESPONSE_URL_LIFE: u64 = 30 * 60 - 30;

/// How long a worker may be busy with posting one answer. After that the sweeper goes on.
pub const POSTING_TIME: Duration = Duration::from_secs(30);

/// How long the sweeper leaves an answer alone that could not be posted, in seconds, unless Slack asked for more.
const PAUSE: u64 = 60;

/// How long storing a result is tried when the ledger does not answer.
const STORING_TIME: Duration = Duration::from_secs(8);

/// How long a decrypted bot token is kept, in seconds.
pub const TOKEN_AGE: u64 = 5 * 60;

/// Brings answers to people. The worker and the sweeper each have one.
pub struct Responder {
    /// Tells the time.
    pub clock: Clock,
    /// Where jobs are written down.
    pub ledger: Ledger,
    /// Seals jobs and results.
    pub keys: DataKeys,
    /// Reads installations.
    pub directory: Directory,
    /// Posts.
    pub slack: slack::Client,
    /// Keeps Slack's pauses.
    pub gates: Gates,
    /// Where a `response_url` may lead.
    pub origins: ResponseOrigins,
    /// Decrypts bot tokens.
    pub tokens: Tokens,
}

/// Decrypts bot tokens and keeps them for some minutes.
pub struct Tokens {
    kms: aws_sdk_kms::Client,
    key_id: String,
    kept: Mutex<HashMap<String, (Secret<String>, u64)>>,
}

impl Tokens {
    /// Decrypts with the KMS key `key_id`.
    pub fn new(kms: aws_sdk_kms::Client, key_id: String) -> Self {
        Self { kms, key_id, kept: Mutex::default() }
    }

    async fn token(&self, installation: &Installation, now: u64) -> Result<Secret<String>, TokenError> {
        let is_fresh = |since: u64| now.checked_sub(since).is_some_and(|age| age < TOKEN_AGE);
        let id = format!("{}#{}", installation.tenant, installation.bot_token);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some((token, _)) = kept.filter(|(_, since)| is_fresh(*since)) {
            return Ok(token);
        }
        let token = shared::kms::decrypt_bot_token(&self.kms, &self.key_id, installation).await?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (_, since)| is_fresh(*since));
        kept.insert(id, (token.clone(), now));
        Ok(token)
    }
}

/// Why an answer is not in Slack, and how long to leave it alone.
#[derive(Debug)]
struct NotPosted {
    pause: u64,
}

impl Responder {
    /// Ends a job with `answer`: keeps it, posts it, and writes the end `ends`. Posting goes on for at most
    /// [`POSTING_TIME`] and not beyond `left`.
    pub async fn conclude(
        &self,
        job: &Job,
        claim: &Claim,
        data_key: Option<&DataKey>,
        mut answer: Answer,
        ends: State,
        left: Duration,
    ) -> Result<Outcome, Retry> {
        let stored = self.store(claim, data_key, &answer, ends).await;
        match stored {
            Ok(()) => tracing::info!(job.id = %job.id, step = "stored", "kept the answer"),
            Err(LedgerError::Lost) => {
                tracing::warn!(job.id = %job.id, "another attempt has taken the job over, the answer is dropped");
                return Ok(Outcome::Lost);
            }
            Err(error) => {
                tracing::error!(job.id = %job.id, %error, "the answer could not be kept");
                answer.note(
                    "The journal could not be written, so you may be told about this job a second time.",
                );
            }
        }
        let outcome = self.deliver(job, claim, &answer, ends, left).await;
        if outcome == Outcome::Kept && data_key.is_none() {
            // Nobody else can read the job, so only the queue's copy can still bring an answer.
            if let Err(error) = self.ledger.let_go(claim, self.clock.seconds(), true).await {
                tracing::error!(job.id = %job.id, %error, "could not let go of the job");
            }
            return Err(Retry("the answer could neither be kept nor posted".into()));
        }
        Ok(outcome)
    }

    /// Posts a kept answer and writes the end. If it cannot be posted, leaves it to the sweeper.
    pub async fn deliver(
        &self,
        job: &Job,
        claim: &Claim,
        answer: &Answer,
        ends: State,
        left: Duration,
    ) -> Outcome {
        let started = Instant::now();
        match self.post(job, answer, started + left.min(POSTING_TIME)).await {
            Ok(way) => {
                let duration_ms = started.elapsed().as_secs_f64() * 1e3;
                tracing::info!(job.id = %job.id, step = "posted", way, duration_ms, "posted the answer");
                match ends {
                    State::Denied => tracing::info!(job.id = %job.id, step = "denied", "not run"),
                    State::Expired => tracing::info!(job.id = %job.id, step = "expired", "not run"),
                    State::Interrupted => {
                        tracing::warn!(job.id = %job.id, step = "interrupted", "outcome unknown")
                    }
                    State::Dead => tracing::error!(job.id = %job.id, step = "dead", "given up"),
                    _ => {}
                }
                if let Err(error) = self.ledger.end(claim, ends).await {
                    tracing::error!(job.id = %job.id, %error, "posted, but the end could not be written: it may be posted again");
                }
                Outcome::Ended(ends)
            }
            Err(NotPosted { pause }) => {
                tracing::warn!(job.id = %job.id, pause_s = pause, "the answer is kept for later");
                if let Err(error) = self.ledger.let_go(claim, self.clock.seconds() + pause, false).await {
                    tracing::error!(job.id = %job.id, %error, "could not let go of the job");
                }
                Outcome::Kept
            }
        }
    }

    /// The job in a ledger item, opened.
    pub async fn open_job(&self, row: &Row) -> Result<(Job, Arc<DataKey>), SealError> {
        let (Some(tenant), Some(wrapped), Some(sealed)) = (row.tenant(), &row.data_key, &row.sealed_job)
        else {
            return Err(SealError::Forged);
        };
        let key = self.keys.unwrap(&tenant, wrapped).await?;
        let text = key.open(&job_place(&row.key), sealed)?;
        let job: Job = serde_json::from_slice(&text).map_err(|_| SealError::Forged)?;
        // The item's key is what authorises reading it, so the job inside must be the one that the key names.
        if job.tenant != tenant || row.id().as_ref() != Some(&job.id) {
            return Err(SealError::Forged);
        }
        Ok((job, key))
    }

    /// The answer kept in a ledger item, if it has one that may still be read.
    pub async fn open_answer(&self, row: &Row, key: &DataKey) -> Result<Option<Answer>, LedgerError> {
        let Some(sealed) = self.ledger.result(row, self.clock.seconds()).await? else { return Ok(None) };
        let text = key.open(&result_place(&row.key), &sealed).map_err(|_| LedgerError::Unreadable)?;
        serde_json::from_slice(&text).map(Some).map_err(|_| LedgerError::Unreadable)
    }

    async fn store(
        &self,
        claim: &Claim,
        data_key: Option<&DataKey>,
        answer: &Answer,
        ends: State,
    ) -> Result<(), LedgerError> {
        let sealed = data_key
            .map(|key| {
                let text = serde_json::to_vec(answer).map_err(|_| LedgerError::Unreadable)?;
                key.seal(&result_place(&claim.key), &text).map_err(|_| LedgerError::Unreadable)
            })
            .transpose()?;
        let until = Instant::now() + STORING_TIME;
        let mut tried = 0;
        loop {
            let stored = self.ledger.store(claim, sealed.as_deref(), ends, self.clock.seconds()).await;
            let wait = wait_before(tried + 2);
            match stored {
                Err(LedgerError::Unavailable(_)) if Instant::now() + wait < until => {
                    tokio::time::sleep(wait).await
                }
                result => return result,
            }
            tried += 1;
        }
    }

    /// Posts `answer` to the one who typed `job`. Gives the way that it took.
    async fn post(&self, job: &Job, answer: &Answer, until: Instant) -> Result<&'static str, NotPosted> {
        let rest = if blocks::is_long(answer) { self.upload(job, answer, until).await } else { Rest::Inline };
        let message = blocks::message(answer, &rest);
        let mut pause = PAUSE;
        let mut failed = |way: &str, error: &SlackError| {
            tracing::warn!(job.id = %job.id, way, %error, "could not post");
            if let SlackError::RateLimited(wait) = error {
                pause = pause.max(wait.as_secs() + 1);
            }
        };
        if let Some(url) = self.response_url(job) {
            let mut body = message.clone();
            body["response_type"] = json!("ephemeral");
            match self.gates.tried(&job.tenant, until, || self.slack.respond(&url, &body)).await {
                Ok(()) => return Ok("response_url"),
                Err(error) => failed("response_url", &error),
            }
        }
        let Some(token) = self.token(job).await else { return Err(NotPosted { pause }) };
        let mut ephemeral = message.clone();
        ephemeral["channel"] = json!(job.channel);
        ephemeral["user"] = json!(job.user);
        ephemeral["parse"] = json!("none");
        match self
            .gates
            .tried(&job.tenant, until, || self.call::<Ignored>(&token, "chat.postEphemeral", &ephemeral))
            .await
        {
            Ok(_) => return Ok("chat.postEphemeral"),
            Err(error) => failed("chat.postEphemeral", &error),
        }
        let direct = direct_message(job, message);
        match self
            .gates
            .tried(&job.tenant, until, || self.call::<Ignored>(&token, "chat.postMessage", &direct))
            .await
        {
            Ok(_) => Ok("chat.postMessage"),
            Err(error) => {
                failed("chat.postMessage", &error);
                Err(NotPosted { pause })
            }
        }
    }

    /// Puts the whole output as a file into the user's direct messages with the app: nobody else may see it.
    async fn upload(&self, job: &Job, answer: &Answer, until: Instant) -> Rest {
        let missing =
            |why: String| Rest::Missing(format!("The whole output could not be uploaded as a file: {why}."));
        let Some(token) = self.token(job).await else {
            return missing("the workspace's Slack credentials cannot be reached".into());
        };
        // The message must still get its time if the upload takes too long.
        let until = Instant::now() + until.saturating_duration_since(Instant::now()) / 2;
        match self.try_upload(job, answer, &token, until).await {
            Ok(()) => Rest::File,
            Err(error) => {
                tracing::warn!(job.id = %job.id, %error, "could not upload the output");
                missing(error.to_string())
            }
        }
    }

    async fn try_upload(
        &self,
        job: &Job,
        answer: &Answer,
        token: &Secret<String>,
        until: Instant,
    ) -> Result<(), SlackError> {
        let whole = [answer.stdout.as_str(), answer.stderr.as_str()].concat();
        let is_json = matches!(whole.as_bytes().first(), Some(b'{' | b'[')) && answer.stderr.is_empty();
        let name = format!("alfred-{}.{}", job.id.short(), if is_json { "json" } else { "txt" });
        let said = Answer::new(&job.id, "The whole output, as a file:");
        let opening = direct_message(job, blocks::message(&said, &Rest::Inline));
        let conversation: Posted =
            self.gates.tried(&job.tenant, until, || self.call(token, "chat.postMessage", &opening)).await?;
        let length = whole.len().to_string();
        let fields = [("filename", name.as_str()), ("length", length.as_str())];
        let slot: UploadSlot = self
            .gates
            .tried(&job.tenant, until, || {
                self.slack.call(token, "files.getUploadURLExternal", Args::form(&fields))
            })
            .await?;
        let bytes = bytes::Bytes::from(whole);
        self.gates.tried(&job.tenant, until, || self.slack.upload(&slot.upload_url, bytes.clone())).await?;
        let complete =
            json!({"files": [{"id": slot.file_id, "title": name}], "channel_id": conversation.channel});
        let _: Ignored = self
            .gates
            .tried(&job.tenant, until, || self.call(token, "files.completeUploadExternal", &complete))
            .await?;
        Ok(())
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        token: &Secret<String>,
        method: &str,
        args: &Value,
    ) -> Result<T, SlackError> {
        self.slack.call(token, method, Args::Json(args)).await
    }

    /// The job's `response_url`, if it still lives and leads to Slack.
    fn response_url(&self, job: &Job) -> Option<ResponseUrl> {
        let url = job.response_url.as_ref()?;
        if self.clock.seconds().saturating_sub(job.typed_at) >= RESPONSE_URL_LIFE {
            return None;
        }
        match self.origins.admit(url) {
            Ok(url) => Some(url),
            Err(_) => {
                tracing::error!(job.id = %job.id, alarm = "response_url", "the response_url does not lead to Slack");
                None
            }
        }
    }

    /// The bot token of the job's workspace, if it has one that opens. Why not is in the log.
    pub async fn token(&self, job: &Job) -> Option<Secret<String>> {
        let tenancy = match self.directory.tenancy(&job.tenant).await {
            Ok(tenancy) => tenancy,
            Err(error) => {
                tracing::error!(job.id = %job.id, %error, "no bot token");
                return None;
            }
        };
        let installation =
            tenancy.installation.as_ref().filter(|one| one.state == InstallationState::Active)?;
        match self.tokens.token(installation, self.clock.seconds()).await {
            Ok(token) => Some(token),
            Err(error) => {
                let alarm = if matches!(error, TokenError::Unavailable(_)) {
                    "kms_unavailable"
                } else {
                    "kms_refused"
                };
                tracing::error!(job.id = %job.id, tenant.id = %job.tenant, alarm, %error, "the bot token stays closed");
                None
            }
        }
    }
}

/// The place that a job is sealed for.
pub fn job_place(key: &str) -> String {
    format!("{key}/job")
}

/// The place that a result is sealed for.
pub fn result_place(key: &str) -> String {
    format!("{key}/result")
}

fn direct_message(job: &Job, mut message: Value) -> Value {
    message["channel"] = json!(job.user);
    message["parse"] = json!("none");
    message
}

/// A result of which nothing is needed.
#[derive(Deserialize)]
struct Ignored {}

#[derive(Deserialize)]
struct Posted {
    channel: String,
}

#[derive(Deserialize)]
struct UploadSlot {
    upload_url: String,
    file_id: String,
}
