//! What people read: at the `response_url` of their command, else as a direct message. Nobody else sees either.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use shared::admin::{AdminJob, Typed};
use shared::ids::{TenantId, UserId};
use shared::message::Message;
use shared::retry::tried;
use shared::slack::Args;
use tokio::time::Instant;

use crate::Syncer;
use crate::workspace::Workspace;

/// How long one message is tried.
const POSTING_TIME: Duration = Duration::from_secs(15);

/// How long a `response_url` lives, in seconds: Slack's 30 minutes less what a slow post may take.
const RESPONSE_URL_LIFE: u64 = 30 * 60 - 30;

/// A message that can be changed afterwards.
#[derive(Debug, Clone, Deserialize)]
pub struct Posted {
    channel: String,
    ts: String,
}

/// A result of which nothing is needed.
#[derive(Deserialize)]
struct Ignored {}

impl Syncer {
    /// Answers the one who typed a command. That it cannot be posted is logged and changes nothing: what was done is
    /// done, and `list` and `status` show it.
    pub(crate) async fn reply(&self, job: &AdminJob, typed: &Typed, mut message: Message) {
        message.plain("\njob ").code(job.id.short());
        let until = Instant::now() + POSTING_TIME;
        let alive = self.clock.seconds().saturating_sub(job.asked_at) < RESPONSE_URL_LIFE;
        let body = message.ephemeral();
        if let Some(url) = typed.response_url.as_ref().filter(|_| alive) {
            match self.origins.admit(url) {
                Ok(url) => match tried(until, || self.slack.respond(&url, &body)).await {
                    Ok(()) => {
                        tracing::info!(job.id = %job.id, step = "posted", way = "response_url", "posted the answer");
                        return;
                    }
                    Err(error) => {
                        tracing::warn!(job.id = %job.id, %error, "could not post to the response_url")
                    }
                },
                Err(_) => {
                    tracing::error!(job.id = %job.id, alarm = "response_url", "the response_url does not lead to Slack");
                }
            }
        }
        self.tell(&job.tenant, &typed.user, &message).await;
    }

    /// Sends a direct message.
    pub(crate) async fn tell(&self, tenant: &TenantId, user: &UserId, message: &Message) {
        let workspace = match self.workspace(tenant).await {
            Ok(Some(workspace)) => workspace,
            Ok(None) => return,
            Err(error) => return tracing::error!(tenant.id = %tenant, %error, "could not tell anybody"),
        };
        if let Err(error) = workspace.post(user, message).await {
            tracing::warn!(tenant.id = %tenant, %error, "could not send a direct message");
        }
    }
}

impl Workspace<'_> {
    /// Posts a direct message to `user`.
    pub(crate) async fn post(
        &self,
        user: &UserId,
        message: &Message,
    ) -> Result<Posted, shared::slack::SlackError> {
        let mut body = json!(message.posted());
        body["channel"] = json!(user);
        body["parse"] = json!("none");
        body["unfurl_links"] = json!(false);
        body["unfurl_media"] = json!(false);
        let until = Instant::now() + POSTING_TIME;
        tried(until, || self.slack.call(&self.token, "chat.postMessage", Args::Json(&body))).await
    }

    /// Changes a message. One try: the next change says more.
    pub(crate) async fn change(
        &self,
        posted: &Posted,
        message: &Message,
    ) -> Result<(), shared::slack::SlackError> {
        let mut body = json!(message.posted());
        body["channel"] = json!(posted.channel);
        body["ts"] = json!(posted.ts);
        let _: Ignored = self.slack.call(&self.token, "chat.update", Args::Json(&body)).await?;
        Ok(())
    }
}
