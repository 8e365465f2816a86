//! Jobs and results at rest: AES-256-GCM under a data key of KMS. A tenant's data key is used for a few minutes and for
//! many jobs, because a KMS call per command would cost more than all else. KMS unwraps a key only under the encryption
//! context of its tenant, and each text is bound to its place in the ledger, so neither can be moved.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_sdk_kms::error::DisplayErrorContext;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use shared::ids::TenantId;

use shared::clock::Clock;

/// How long a plaintext data key is kept, in seconds. After this KMS is asked again, so access that was taken away
/// there ends here too.
pub const MAX_KEY_AGE: u64 = 5 * 60;

/// How many unwrapped keys of older jobs are kept.
const MAX_OPENED: usize = 256;

/// From this size on a text is compressed, in bytes. Below it the frame costs what it saves.
const COMPRESS_FROM: usize = 512;

/// The most that a compressed text may unfold to, in bytes. The largest is a result: 5 MiB of output in JSON.
const MAX_UNFOLDED: usize = 64 << 20;

/// Why a text could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// KMS refused or did not answer.
    #[error("KMS gave no data key: {0}")]
    Kms(String),
    /// The text was changed, or belongs to another place.
    #[error("the sealed text does not belong here")]
    Forged,
}

/// A data key in both forms.
pub struct DataKey {
    /// As KMS encrypted it: kept beside what it seals.
    pub wrapped: Vec<u8>,
    key: RandomizedNonceKey,
}

impl DataKey {
    fn new(wrapped: Vec<u8>, plain: &[u8]) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, plain).map_err(|_| SealError::Forged)?;
        Ok(Self { wrapped, key })
    }

    /// Encrypts `text` for the place that `place` names.
    pub fn seal(&self, place: &str, text: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut body = if text.len() < COMPRESS_FROM {
            [&[0], text].concat()
        } else {
            let mut body = vec![1];
            body.extend(zstd::bulk::compress(text, 1).map_err(|_| SealError::Forged)?);
            body
        };
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut body)
            .map_err(|_| SealError::Forged)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Decrypts what [`DataKey::seal`] made for the same place.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, body) = sealed.split_at_checked(aws_lc_rs::aead::NONCE_LEN).ok_or(SealError::Forged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Forged)?;
        let mut body = body.to_vec();
        let text = self
            .key
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut body)
            .map_err(|_| SealError::Forged)?;
        match text.split_first() {
            Some((0, text)) => Ok(text.to_vec()),
            Some((1, frame)) => {
                let size =
                    zstd::bulk::Decompressor::upper_bound(frame).unwrap_or(MAX_UNFOLDED).min(MAX_UNFOLDED);
                zstd::bulk::decompress(frame, size).map_err(|_| SealError::Forged)
            }
            _ => Err(SealError::Forged),
        }
    }
}

/// The data keys in use, and those of older jobs that were lately opened.
pub struct DataKeys {
    kms: aws_sdk_kms::Client,
    key_id: String,
    clock: Clock,
    fresh: Mutex<HashMap<TenantId, Kept>>,
    opened: Mutex<HashMap<Vec<u8>, Kept>>,
}

#[derive(Clone)]
struct Kept {
    key: Arc<DataKey>,
    since: u64,
}

impl Kept {
    fn is_usable(&self, now: u64) -> bool {
        // A clock that went back makes the age unknown.
        now.checked_sub(self.since).is_some_and(|age| age < MAX_KEY_AGE)
    }
}

impl DataKeys {
    /// Keys made by and unwrapped with the KMS key `key_id`.
    pub fn new(kms: aws_sdk_kms::Client, key_id: String, clock: Clock) -> Self {
        Self { kms, key_id, clock, fresh: Mutex::default(), opened: Mutex::default() }
    }

    /// The key that seals the tenant's jobs at present.
    pub async fn current(&self, tenant: &TenantId) -> Result<Arc<DataKey>, SealError> {
        let now = self.clock.seconds();
        let kept = self.fresh.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned();
        if let Some(kept) = kept.filter(|kept| kept.is_usable(now)) {
            return Ok(kept.key);
        }
        let made = self
            .kms
            .generate_data_key()
            .key_id(&self.key_id)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(context(tenant)))
            .send()
            .await
            .map_err(|error| SealError::Kms(DisplayErrorContext(&error).to_string()))?;
        let (Some(wrapped), Some(plain)) = (made.ciphertext_blob, made.plaintext) else {
            return Err(SealError::Kms("an answer without a key".into()));
        };
        let key = Arc::new(DataKey::new(wrapped.into_inner(), plain.as_ref())?);
        let kept = Kept { key: key.clone(), since: now };
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.retain(|_, kept| kept.is_usable(now));
        fresh.insert(tenant.clone(), kept);
        Ok(key)
    }

    /// The key that KMS encrypted as `wrapped` for the tenant.
    pub async fn unwrap(&self, tenant: &TenantId, wrapped: &[u8]) -> Result<Arc<DataKey>, SealError> {
        let now = self.clock.seconds();
        let fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned();
        if let Some(kept) = fresh.filter(|kept| kept.is_usable(now) && kept.key.wrapped == wrapped) {
            return Ok(kept.key);
        }
        // The tenant is part of the lookup: a wrapped key that was copied to another tenant's item must not be served
        // from here without KMS having seen the encryption context.
        let id = [tenant.as_str().as_bytes(), b"#", wrapped].concat();
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(kept) = opened.filter(|kept| kept.is_usable(now)) {
            return Ok(kept.key);
        }
        let answer = self
            .kms
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(wrapped))
            .set_encryption_context(Some(context(tenant)))
            .send()
            .await
            .map_err(|error| SealError::Kms(DisplayErrorContext(&error).to_string()))?;
        let plain = answer.plaintext.ok_or_else(|| SealError::Kms("an answer without a key".into()))?;
        let key = Arc::new(DataKey::new(wrapped.to_vec(), plain.as_ref())?);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|_, kept| kept.is_usable(now));
        if opened.len() < MAX_OPENED {
            opened.insert(id, Kept { key: key.clone(), since: now });
        }
        Ok(key)
    }
}

/// The encryption context of a tenant's data keys.
fn context(tenant: &TenantId) -> HashMap<String, String> {
    [("app", "alfredbot"), ("tenant", tenant.as_str()), ("purpose", "job")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_only_at_its_place_and_unchanged() {
        let key = DataKey::new(vec![1], &[7; 32]).unwrap();
        for size in [0, 1, COMPRESS_FROM - 1, COMPRESS_FROM, COMPRESS_FROM + 1, 5 << 20] {
            let text: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let sealed = key.seal("T1#a/job", &text).unwrap();
            assert_eq!(key.open("T1#a/job", &sealed).unwrap(), text);
            key.open("T1#b/job", &sealed).unwrap_err();
            let mut changed = sealed.clone();
            *changed.last_mut().unwrap() ^= 1;
            key.open("T1#a/job", &changed).unwrap_err();
            key.open("T1#a/job", &sealed[..sealed.len() - 1]).unwrap_err();
        }
        key.open("T1#a/job", &[]).unwrap_err();
        DataKey::new(vec![1], &[8; 32])
            .unwrap()
            .open("T1#a/job", &key.seal("T1#a/job", b"x").unwrap())
            .unwrap_err();
    }

    #[test]
    fn the_same_text_never_seals_to_the_same_bytes() {
        let key = DataKey::new(vec![1], &[7; 32]).unwrap();
        assert_ne!(key.seal("p", b"x").unwrap(), key.seal("p", b"x").unwrap());
    }
}
