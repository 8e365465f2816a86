//! Files that a command puts into a bucket under the name of their content, so that the same content is there once.

use md5::{Digest, Md5};

use super::client::{Client, map, text};
use crate::command::Custom;
use crate::run::{Failure, Printer};
use crate::send::{CallError, Calls};
use crate::value::{Map, Value};

/// Why a file was not put into the bucket.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is no such bucket.
    #[error("S3 Bucket does not exist. Execute the command to create a new bucket\naws s3 mb s3://{0}")]
    NoBucket(String),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Call(error) => error.into(),
            error @ UploadError::NoBucket(_) => Self::general(&error.to_string()),
        }
    }
}

/// Puts files into one bucket.
pub struct Uploader {
    client: Client,
    bucket: String,
    prefix: Option<String>,
    kms_key_id: Option<String>,
    force: bool,
    metadata: Option<Map>,
}

impl Uploader {
    /// The uploader that `--s3-bucket`, `--s3-prefix`, `--kms-key-id` and `--force-upload` describe.
    pub fn new(
        custom: &Custom,
        metadata: Option<Map>,
        region: Option<&str>,
    ) -> Result<Option<Self>, Failure> {
        let options = &custom.options;
        let given = |name: &str| options.text(name).filter(|word| !word.is_empty()).map(str::to_owned);
        let Some(bucket) = given("s3-bucket") else { return Ok(None) };
        Ok(Some(Self {
            client: Client::new("s3api", region)?,
            bucket,
            prefix: given("s3-prefix"),
            kms_key_id: given("kms-key-id"),
            force: options.has("force-upload"),
            metadata: metadata.filter(|metadata| !metadata.is_empty()),
        }))
    }

    /// The uploader to a bucket, without more.
    pub fn to_bucket(bucket: &str, region: Option<&str>) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::new("s3api", region)?,
            bucket: bucket.to_owned(),
            prefix: None,
            kms_key_id: None,
            force: true,
            metadata: None,
        })
    }

    /// Uploads `content` unless it is there. Returns its key.
    pub async fn upload(
        &self,
        content: &[u8],
        extension: Option<&str>,
        calls: &mut Calls<'_>,
        printer: &mut Printer,
    ) -> Result<String, UploadError> {
        let hash: String = Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        let name = extension.map_or_else(|| hash.clone(), |extension| format!("{hash}.{extension}"));
        let key = self.prefix.as_ref().map_or_else(|| name.clone(), |prefix| format!("{prefix}/{name}"));
        if !self.force {
            let place = map([("Bucket", text(&self.bucket)), ("Key", text(&key))]);
            match self.client.call(calls, "HeadObject", place).await {
                Ok(_) => return Ok(key),
                // It is not there, or that is not to be known.
                Err(CallError::Service { .. }) => {}
                Err(error) => return Err(UploadError::Call(error)),
            }
        }
        self.put(&key, content, calls, printer).await?;
        Ok(key)
    }

    /// Uploads `content` under a key.
    pub async fn put(
        &self,
        key: &str,
        content: &[u8],
        calls: &mut Calls<'_>,
        printer: &mut Printer,
    ) -> Result<(), UploadError> {
        let mut parameters = map([
            ("Bucket", text(&self.bucket)),
            ("Key", text(key)),
            ("Body", Value::Bytes(content.to_vec())),
        ]);
        parameters.insert("ServerSideEncryption".to_owned(), text("AES256"));
        if let Some(id) = &self.kms_key_id {
            parameters.insert("ServerSideEncryption".to_owned(), text("aws:kms"));
            parameters.insert("SSEKMSKeyId".to_owned(), text(id));
        }
        if let Some(metadata) = &self.metadata {
            parameters.insert("Metadata".to_owned(), Value::Map(metadata.clone()));
        }
        let size = content.len();
        if size > 0 {
            let progress = format!("\rUploading to {key}  {size} / {size}.0  (100.00%)");
            printer.output.stderr.push_str(&progress);
        }
        match self.client.call(calls, "PutObject", parameters).await {
            Ok(_) => Ok(()),
            Err(CallError::Service { error, .. }) if error.code == "NoSuchBucket" => {
                Err(UploadError::NoBucket(self.bucket.clone()))
            }
            Err(error) => Err(UploadError::Call(error)),
        }
    }

    /// An uploaded object in the form `s3://bucket/key`.
    pub fn s3_url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// An uploaded object as a URL with the bucket in its path, as CloudFormation wants its templates.
    pub fn path_url(&self, key: &str, calls: &Calls<'_>) -> Result<String, CallError> {
        let operation = self.client.operation("ListBuckets")?;
        let region = self.client.region.as_deref();
        let target = calls.target(&self.client.service, operation, &Map::new(), region);
        let base = target.map_err(CallError::from)?.url;
        Ok(format!("{}/{}/{key}", base.trim_end_matches('/'), self.bucket))
    }
}
