//! The installations table: one item a workspace, with its encrypted bot token. Partition key `tenant`.

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;

/// Whether the workspace still has the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallationState {
    /// Installed; its jobs run.
    Active,
    /// Uninstalled, or its tokens were revoked: no job of it runs.
    Ended,
}

/// One installation as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// Partition key.
    pub tenant: TenantId,
    /// The app's id at Slack.
    pub app_id: String,
    /// The bot's user id.
    pub bot_user_id: String,
    /// The bot token: ciphertext of KMS under the encryption context that [`token_context`] gives, in base64.
    pub bot_token: String,
    /// With token rotation: the refresh token, encrypted likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// With token rotation: when the bot token ends: Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<u64>,
    /// The scopes that the installation granted.
    pub scopes: Vec<String>,
    /// Who installed the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_by: Option<String>,
    /// When it was installed: Unix milliseconds. News of an earlier installation's end does not touch it.
    #[serde(default)]
    pub installed_at: u64,
    /// Whether jobs of the workspace run.
    pub state: InstallationState,
}

/// The KMS encryption context of a tenant's bot and refresh tokens. KMS refuses to decrypt under any other, so a ciphertext that
/// was moved to another tenant's item is useless.
pub fn token_context(tenant: &TenantId) -> [(&'static str, String); 3] {
    [("app", "alfredbot".into()), ("tenant", tenant.to_string()), ("purpose", "slack-token".into())]
}
