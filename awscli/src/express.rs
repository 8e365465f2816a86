//! Sessions of S3 Express One Zone. A directory bucket takes most requests only under keys that `CreateSession` lends for a
//! few minutes, for this bucket alone. They stay within the run and are shown to nobody.

use std::time::Duration;

use time::OffsetDateTime;

use crate::endpoint::Target;
use crate::model::Service;
use crate::send::{CallError, Calls, Extras};
use crate::session::Credentials;
use crate::value::{Map, Timestamp, Value};

/// Keys that expire sooner are not used any more.
const MARGIN: Duration = Duration::from_secs(30);

/// The sessions that a run has opened.
#[derive(Default)]
pub(crate) struct Sessions(Vec<Opened>);

struct Opened {
    bucket: String,
    region: Option<String>,
    keys: Credentials,
    expires: OffsetDateTime,
}

impl Calls<'_> {
    /// The keys of the bucket's session for a call to `target`, if that wants them.
    pub(crate) async fn session_keys(
        &self,
        service: &Service,
        params: &Map,
        region: Option<&str>,
        target: &Target,
    ) -> Result<Option<Credentials>, CallError> {
        if !target.signing.as_ref().is_some_and(|signing| signing.by_session) {
            return Ok(None);
        }
        let bucket = params.get("Bucket").and_then(Value::as_str).unwrap_or_default();
        // Held while a session is opened, so that calls beside this one use it, too.
        let mut sessions = self.sessions.lock().await;
        let now = OffsetDateTime::from(self.session().now());
        sessions.0.retain(|opened| now + MARGIN < opened.expires);
        let known =
            sessions.0.iter().find(|opened| opened.bucket == bucket && opened.region.as_deref() == region);
        if let Some(opened) = known {
            return Ok(Some(opened.keys.clone()));
        }
        let (keys, expires) = Box::pin(self.open(service, bucket, region)).await?;
        let (bucket, region) = (bucket.to_owned(), region.map(str::to_owned));
        sessions.0.push(Opened { bucket, region, keys: keys.clone(), expires });
        Ok(Some(keys))
    }

    async fn open(
        &self,
        service: &Service,
        bucket: &str,
        region: Option<&str>,
    ) -> Result<(Credentials, OffsetDateTime), CallError> {
        let lacks = |what: &str| CallError::Missing(what.to_owned());
        let operation = service.operation_named("CreateSession").ok_or_else(|| lacks("CreateSession"))?;
        let params = [("Bucket".to_owned(), Value::Str(bucket.to_owned()))].into_iter().collect();
        let extras = Extras { inner: true, keeps_secrets: true, ..Extras::default() };
        let answer = self.send_with(service, operation, params, region, extras).await?.value;
        let keys = answer.get("Credentials").ok_or_else(|| lacks("Credentials"))?;
        let text =
            |name: &str| keys.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| lacks(name));
        let Some(Value::Timestamp(Timestamp(expires))) = keys.get("Expiration") else {
            return Err(lacks("Expiration"));
        };
        let keys = Credentials {
            access_key_id: text("AccessKeyId")?,
            secret_access_key: text("SecretAccessKey")?,
            session_token: Some(text("SessionToken")?),
            account_id: None,
        };
        Ok((keys, *expires))
    }
}
