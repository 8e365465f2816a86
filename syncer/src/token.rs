//! Bot tokens: decrypted, kept for some minutes, and renewed ahead of their end if the app rotates them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use shared::clock::Clock;
use shared::ids::TenantId;
use shared::installation::Installation;
use shared::kms::TokenError;
use shared::secret::Secret;

use crate::batch::Retry;
use crate::tables::{TableError, Tables, held, number, text};

/// How long a decrypted token is kept, in seconds.
const KEPT_FOR: u64 = 5 * 60;

/// How long before its end a token is renewed, in seconds (3 of its 12 hours).
pub const RENEWED_BEFORE: u64 = 3 * 3600;

/// How long one process may take for a renewal before another tries, in seconds.
const RENEWAL_LEASE: u64 = 60;

/// What Slack knows the app by.
pub struct AppSecret {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: Secret<String>,
}

/// Opens bot tokens.
pub struct Tokens {
    kms: aws_sdk_kms::Client,
    key_id: String,
    app: Option<AppSecret>,
    clock: Clock,
    kept: Mutex<HashMap<Stored, Opened>>,
}

/// A token as it is stored, and whose it is.
type Stored = (TenantId, String);

/// The same decrypted, and since when: Unix seconds.
type Opened = (Secret<String>, u64);

/// What Slack gives for a refresh token.
#[derive(Deserialize)]
struct Renewed {
    access_token: Secret<String>,
    refresh_token: Secret<String>,
    expires_in: u64,
}

impl Tokens {
    /// Decrypts with the KMS key `key_id`, and renews as `app`.
    pub fn new(kms: aws_sdk_kms::Client, key_id: String, app: Option<AppSecret>, clock: Clock) -> Self {
        Self { kms, key_id, app, clock, kept: Mutex::default() }
    }

    /// The bot token of an installation, renewed before if its end is near.
    pub(crate) async fn token(
        &self,
        tables: &Tables,
        slack: &shared::slack::Client,
        installation: &Installation,
    ) -> Result<Secret<String>, Retry> {
        let now = self.clock.seconds();
        if installation.token_expires_at.is_some_and(|end| end < now + RENEWED_BEFORE) {
            match self.renew(tables, slack, installation, now).await {
                Ok(Some(token)) => return Ok(token),
                // Somebody else is at it; the token is good for a while.
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(tenant.id = %installation.tenant, alarm = "token_renewal", %error, "the bot token could not be renewed");
                }
            }
        }
        let key = (installation.tenant.clone(), installation.bot_token.clone());
        let is_fresh = |since: u64| now.checked_sub(since).is_some_and(|age| age < KEPT_FOR);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((token, _)) = kept.filter(|(_, since)| is_fresh(*since)) {
            return Ok(token);
        }
        let token = shared::kms::decrypt_bot_token(&self.kms, &self.key_id, installation).await;
        let token = token.inspect_err(|error| {
            let alarm =
                if matches!(error, TokenError::Unavailable(_)) { "kms_unavailable" } else { "kms_refused" };
            tracing::error!(tenant.id = %installation.tenant, alarm, %error, "the bot token stays closed");
        })?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (_, since)| is_fresh(*since));
        kept.insert(key, (token.clone(), now));
        Ok(token)
    }

    /// Exchanges the refresh token and stores both new tokens in one write. A refresh token works once, so one process
    /// at a time does it.
    async fn renew(
        &self,
        tables: &Tables,
        slack: &shared::slack::Client,
        installation: &Installation,
        now: u64,
    ) -> Result<Option<Secret<String>>, Retry> {
        let later = |reason: &str| Retry::Later(reason.to_owned());
        let app =
            self.app.as_ref().ok_or_else(|| later("SLACK_CLIENT_ID and SLACK_CLIENT_SECRET are not set"))?;
        let stored = installation.refresh_token.as_ref().ok_or_else(|| later("there is no refresh token"))?;
        let tenant = &installation.tenant;
        if !self.lock(tables, installation, now).await? {
            return Ok(None);
        }
        let refresh = shared::kms::decrypt_token(&self.kms, &self.key_id, tenant, stored).await?;
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose().as_str())];
        let renewed: Renewed =
            slack.oauth(&app.id, &app.secret, &fields).await.map_err(|error| later(&error.to_string()))?;
        let bot = shared::kms::encrypt_token(&self.kms, &self.key_id, tenant, &renewed.access_token).await?;
        let next =
            shared::kms::encrypt_token(&self.kms, &self.key_id, tenant, &renewed.refresh_token).await?;
        let update = tables
            .db
            .update_item()
            .table_name(&tables.installations)
            .key("tenant", text(tenant.as_str()))
            .update_expression(
                "SET bot_token = :bot, refresh_token = :next, token_expires_at = :end REMOVE renewing_until",
            )
            .condition_expression("refresh_token = :used")
            .expression_attribute_values(":bot", text(bot))
            .expression_attribute_values(":next", text(next))
            .expression_attribute_values(":end", number(now + renewed.expires_in))
            .expression_attribute_values(":used", text(stored));
        if !held("installations", update.send().await)? {
            return Err(later("the app was installed anew meanwhile"));
        }
        tracing::info!(tenant.id = %tenant, "renewed the bot token");
        Ok(Some(renewed.access_token))
    }

    async fn lock(&self, tables: &Tables, installation: &Installation, now: u64) -> Result<bool, TableError> {
        let update = tables
            .db
            .update_item()
            .table_name(&tables.installations)
            .key("tenant", text(installation.tenant.as_str()))
            .update_expression("SET renewing_until = :until")
            .condition_expression(
                "bot_token = :old AND (attribute_not_exists(renewing_until) OR renewing_until < :now)",
            )
            .expression_attribute_values(":old", text(&installation.bot_token))
            .expression_attribute_values(":until", number(now + RENEWAL_LEASE))
            .expression_attribute_values(":now", number(now));
        held("installations", update.send().await)
    }
}
