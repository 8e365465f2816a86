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
    /// The scopes that the installation granted.
    pub scopes: Vec<String>,
    /// Whether jobs of the workspace run.
    pub state: InstallationState,
}

/// The KMS encryption context of a tenant's bot token. KMS refuses to decrypt under any other, so a ciphertext that
/// was moved to another tenant's item is useless.
pub fn token_context(tenant: &TenantId) -> [(&'static str, String); 3] {
    [("app", "alfredbot".into()), ("tenant", tenant.to_string()), ("purpose", "slack-token".into())]
}
