//! The secrets that more than one process encrypts or decrypts with KMS: an installation's tokens.

use aws_sdk_kms::error::DisplayErrorContext;
use aws_sdk_kms::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ids::TenantId;
use crate::installation::{Installation, token_context};
use crate::secret::Secret;

/// Why a bot token stays closed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The item holds something that was never a ciphertext.
    #[error("the stored token is not base64")]
    NotBase64,
    /// KMS decrypted it, and the result is no text.
    #[error("the decrypted token is not text")]
    NotText,
    /// KMS refused: another key, another encryption context, a changed ciphertext, or no permission.
    #[error("KMS refused to decrypt the token: {0}")]
    Refused(String),
    /// KMS could not be reached, or is throttling.
    #[error("KMS did not answer: {0}")]
    Unavailable(String),
}

/// Encrypts a token of `tenant` with the key `key_id`: what is stored in the installation's item.
pub async fn encrypt_token(
    kms: &aws_sdk_kms::Client,
    key_id: &str,
    tenant: &TenantId,
    token: &Secret<String>,
) -> Result<String, TokenError> {
    let context = token_context(tenant).map(|(name, value)| (name.to_owned(), value));
    let answer = kms
        .encrypt()
        .key_id(key_id)
        .plaintext(Blob::new(token.expose().as_bytes()))
        .set_encryption_context(Some(context.into()))
        .send()
        .await
        .map_err(|error| TokenError::Unavailable(DisplayErrorContext(&error).to_string()))?;
    let ciphertext = answer
        .ciphertext_blob
        .ok_or_else(|| TokenError::Unavailable("an answer without ciphertext".into()))?;
    Ok(STANDARD.encode(ciphertext))
}

/// Decrypts the bot token of `installation` with the key `key_id`.
pub async fn decrypt_bot_token(
    kms: &aws_sdk_kms::Client,
    key_id: &str,
    installation: &Installation,
) -> Result<Secret<String>, TokenError> {
    decrypt_token(kms, key_id, &installation.tenant, &installation.bot_token).await
}

/// Decrypts a stored token of `tenant` under the tenant's own encryption context: a ciphertext that was copied from
/// another tenant's item is refused by KMS.
pub async fn decrypt_token(
    kms: &aws_sdk_kms::Client,
    key_id: &str,
    tenant: &TenantId,
    stored: &str,
) -> Result<Secret<String>, TokenError> {
    let ciphertext = STANDARD.decode(stored).map_err(|_| TokenError::NotBase64)?;
    let context = token_context(tenant).map(|(name, value)| (name.to_owned(), value));
    let plain = kms
        .decrypt()
        .key_id(key_id)
        .ciphertext_blob(Blob::new(ciphertext))
        .set_encryption_context(Some(context.into()))
        .send()
        .await
        .map_err(|error| match error.as_service_error() {
            Some(refusal)
                if refusal.is_invalid_ciphertext_exception()
                    || refusal.is_incorrect_key_exception()
                    || refusal.is_disabled_exception()
                    || refusal.is_not_found_exception()
                    || refusal.meta().code() == Some("AccessDeniedException") =>
            {
                TokenError::Refused(refusal.meta().code().unwrap_or("no code").to_owned())
            }
            _ => TokenError::Unavailable(DisplayErrorContext(&error).to_string()),
        })?
        .plaintext
        .ok_or(TokenError::NotText)?;
    String::from_utf8(plain.into_inner()).map(Secret::new).map_err(|_| TokenError::NotText)
}
