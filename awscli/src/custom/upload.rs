//! Files that a command puts into a bucket under the name of their content, so that the same content is there once.

use md5::{Digest, Md5};

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::client::{map, text};
use crate::command::Custom;
use crate::run::{Failure, Printer};
use crate::s3::{Client, Problem, Side, Upload};
use crate::send::{CallError, Calls};
use crate::value::{Map, Value};

/// How much more is uploaded from one report of the progress to the next, as in the official CLI.
const STEP: usize = 1 << 20;

/// Why a file was not put into the bucket.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is no such bucket.
    #[error("S3 Bucket does not exist. Execute the command to create a new bucket\naws s3 mb s3://{0}")]
    NoBucket(String),
    /// A call failed.
    #[error("{0}")]
    Failed(#[from] Problem),
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Failed(problem) => problem.into(),
            error @ UploadError::NoBucket(_) => Self::general(&error.to_string()),
        }
    }
}

/// Puts files into one bucket.
pub struct Uploader {
    region: Option<String>,
    bucket: String,
    prefix: Option<String>,
    kms_key_id: Option<String>,
    force: bool,
    metadata: Option<Map>,
}

impl Uploader {
    /// The uploader that `--s3-bucket`, `--s3-prefix`, `--kms-key-id` and `--force-upload` describe, if there is a bucket.
    pub fn new(custom: &Custom, metadata: Option<Map>, region: Option<&str>) -> Option<Self> {
        let options = &custom.options;
        let given = |name: &str| options.text(name).filter(|word| !word.is_empty()).map(str::to_owned);
        Some(Self {
            prefix: given("s3-prefix"),
            kms_key_id: given("kms-key-id"),
            force: options.has("force-upload"),
            metadata: metadata.filter(|metadata| !metadata.is_empty()),
            ..Self::to_bucket(&given("s3-bucket")?, region)
        })
    }

    /// The uploader to a bucket, without more.
    pub fn to_bucket(bucket: &str, region: Option<&str>) -> Self {
        Self {
            region: region.map(str::to_owned),
            bucket: bucket.to_owned(),
            prefix: None,
            kms_key_id: None,
            force: true,
            metadata: None,
        }
    }

    fn client<'a>(&'a self, calls: &'a Calls<'_>) -> Result<Client<'a>, Problem> {
        Client::new(calls, self.region.as_deref(), None)
    }

    /// Uploads `content` unless it is there. Returns its key.
    pub async fn upload(
        &self,
        content: Bytes,
        extension: Option<&str>,
        calls: &Calls<'_>,
        printer: &mut Printer,
    ) -> Result<String, UploadError> {
        let hash: String = Md5::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let name = extension.map_or_else(|| hash.clone(), |extension| format!("{hash}.{extension}"));
        let key = self.prefix.as_ref().map_or_else(|| name.clone(), |prefix| format!("{prefix}/{name}"));
        if !self.force {
            let place = map([("Bucket", text(&self.bucket)), ("Key", text(&key))]);
            match self.client(calls)?.call(Side::Target, "HeadObject", place).await {
                Ok(_) => return Ok(key),
                // It is not there, or that is not to be known.
                Err(problem) if problem.code().is_some() => {}
                Err(problem) => return Err(UploadError::Failed(problem)),
            }
        }
        self.put(&key, content, calls, printer).await?;
        Ok(key)
    }

    /// Uploads `content` under a key, in parts if it is large.
    pub async fn put(
        &self,
        key: &str,
        content: Bytes,
        calls: &Calls<'_>,
        printer: &mut Printer,
    ) -> Result<(), UploadError> {
        let encryption = if self.kms_key_id.is_some() { "aws:kms" } else { "AES256" };
        let mut parameters = map([("ServerSideEncryption", text(encryption))]);
        if let Some(id) = &self.kms_key_id {
            parameters.insert("SSEKMSKeyId".to_owned(), text(id));
        }
        if let Some(metadata) = &self.metadata {
            parameters.insert("Metadata".to_owned(), Value::Map(metadata.clone()));
        }
        let size = content.len();
        let sent = Mutex::new(Vec::new());
        let begun = |part: usize| sent.lock().unwrap_or_else(PoisonError::into_inner).push(part);
        let upload =
            Upload { bucket: &self.bucket, key, content, expected_size: None, parameters, begun: &begun };
        let ended = upload.run(&self.client(calls)?).await;
        let mut done = 0;
        for part in sent.into_inner().unwrap_or_else(PoisonError::into_inner) {
            for at in (0..part).step_by(STEP) {
                done += STEP.min(part - at);
                let percent = done as f64 / size as f64 * 100.0;
                let progress = format!("\rUploading to {key}  {done} / {size}.0  ({percent:.2}%)");
                printer.output.stderr.push_str(&progress);
            }
        }
        ended.map_err(|problem| match problem.code() {
            Some("NoSuchBucket") => UploadError::NoBucket(self.bucket.clone()),
            _ => UploadError::Failed(problem),
        })
    }

    /// An uploaded object in the form `s3://bucket/key`.
    pub fn s3_url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// An uploaded object as a URL with the bucket in its path, as CloudFormation wants its templates.
    pub fn path_url(&self, key: &str, calls: &Calls<'_>) -> Result<String, Problem> {
        let client = self.client(calls)?;
        let base = calls.target(
            client.service(),
            client.operation("ListBuckets")?,
            &Map::new(),
            self.region.as_deref(),
        );
        let base = base.map_err(CallError::from)?.url;
        Ok(format!("{}/{}/{key}", base.trim_end_matches('/'), self.bucket))
    }
}
