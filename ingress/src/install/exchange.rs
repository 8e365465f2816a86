//! From the code that Slack gave to an installation in the table: exchanged by HTTP Basic, compared with what was asked
//! for, encrypted, put.

use aws_sdk_dynamodb::error::DisplayErrorContext;
use serde::Deserialize;
use shared::ids::TenantId;
use shared::installation::{Installation, InstallationState};
use shared::secret::Secret;
use shared::slack::SlackError;

use super::{Install, REQUIRED_SCOPES};

/// A workspace that has just been installed.
pub(super) struct Installed {
    pub(super) tenant: TenantId,
    pub(super) team_name: String,
}

/// Why an install failed. Nothing is stored then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("Slack refused the code: {0}")]
    Refused(String),
    #[error("Slack did not answer: {0}")]
    Unanswered(String),
    #[error("the app was installed for a whole organisation")]
    Organisation,
    #[error("the app was installed in another workspace than the one asked for")]
    OtherWorkspace,
    #[error("Slack named no workspace that can be kept")]
    NoWorkspace,
    #[error("Slack gave no token of a bot")]
    NoBotToken,
    #[error("scopes are missing: {}", .0.join(", "))]
    MissingScopes(Vec<String>),
    #[error("the token could not be kept: {0}")]
    NotKept(String),
}

/// What Slack answers, as far as it matters here.
#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    access_token: Option<Secret<String>>,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    bot_user_id: String,
    #[serde(default)]
    app_id: String,
    team: Option<Team>,
    #[serde(default)]
    is_enterprise_install: bool,
    #[serde(default)]
    authed_user: User,
    #[serde(default)]
    refresh_token: Option<Secret<String>>,
    #[serde(default)]
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Team {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize, Default)]
struct User {
    #[serde(default)]
    id: Option<String>,
}

impl Install {
    /// Exchanges a code. `wanted` is the workspace that was asked for, if one was.
    pub(super) async fn exchange(
        &self,
        code: &Secret<String>,
        wanted: Option<&str>,
    ) -> Result<Installed, Failure> {
        let redirect_uri = self.redirect_uri();
        let fields = [("code", code.expose().as_str()), ("redirect_uri", redirect_uri.as_str())];
        let granted: Granted =
            self.slack.oauth(&self.client_id, &self.client_secret, &fields).await.map_err(
                |error| match error {
                    SlackError::Refused { code, .. } => Failure::Refused(code),
                    error => Failure::Unanswered(error.to_string()),
                },
            )?;
        if granted.is_enterprise_install {
            return Err(Failure::Organisation);
        }
        let team = granted.team.ok_or(Failure::NoWorkspace)?;
        let tenant: TenantId = team.id.parse().map_err(|_| Failure::NoWorkspace)?;
        if wanted.is_some_and(|wanted| wanted != tenant.as_str()) {
            return Err(Failure::OtherWorkspace);
        }
        let token =
            granted.access_token.filter(|_| granted.token_type == "bot").ok_or(Failure::NoBotToken)?;
        let scopes: Vec<String> = granted.scope.split(',').map(str::to_owned).collect();
        let missing: Vec<String> = REQUIRED_SCOPES
            .iter()
            .filter(|required| !scopes.iter().any(|scope| scope == *required))
            .map(|scope| (*scope).to_owned())
            .collect();
        if !missing.is_empty() {
            return Err(Failure::MissingScopes(missing));
        }
        let not_kept = |error: shared::kms::TokenError| Failure::NotKept(error.to_string());
        let encrypt = async |token: &Secret<String>| {
            shared::kms::encrypt_token(&self.kms, &self.kms_key_id, &tenant, token).await.map_err(not_kept)
        };
        let refresh_token = match &granted.refresh_token {
            Some(token) => Some(encrypt(token).await?),
            None => None,
        };
        let now = self.clock.seconds();
        let installation = Installation {
            tenant: tenant.clone(),
            app_id: granted.app_id,
            bot_user_id: granted.bot_user_id,
            bot_token: encrypt(&token).await?,
            token_expires_at: granted.expires_in.filter(|_| refresh_token.is_some()).map(|left| now + left),
            refresh_token,
            scopes,
            installed_by: granted.authed_user.id,
            installed_at: self.clock.milliseconds(),
            state: InstallationState::Active,
        };
        let item =
            serde_dynamo::to_item(&installation).map_err(|error| Failure::NotKept(error.to_string()))?;
        let put = self.db.put_item().table_name(&self.installations_table).set_item(Some(item));
        put.send().await.map_err(|error| Failure::NotKept(DisplayErrorContext(&error).to_string()))?;
        Ok(Installed { tenant, team_name: team.name })
    }
}
