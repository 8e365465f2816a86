//! Buckets of S3 that are in another region than the one that was asked: where they are, and what is said if that helped
//! nothing.

use crate::endpoint::is_arn;
use crate::model::{Operation, Service};
use crate::parse::{HttpResponse, ServiceError};
use crate::send::{CallError, Calls, Extras};
use crate::value::{Map, Value};

/// The header in which S3 says where a bucket is.
pub(crate) const BUCKET_REGION: &str = "x-amz-bucket-region";

/// What helps who asked the wrong region.
const NAME_THE_REGION: &str = "You can fix this issue by explicitly providing the correct region location using the \
                               --region argument, the AWS_DEFAULT_REGION environment variable, or the region variable in \
                               the AWS CLI configuration file.  You can get the bucket's location by running \"aws s3api \
                               get-bucket-location --bucket BUCKET\".";

/// The bucket that a call is about.
pub(crate) fn bucket<'a>(service: &Service, params: &'a Map) -> Option<&'a str> {
    params.get("Bucket").filter(|_| service.name == "s3").and_then(Value::as_str)
}

impl Calls<'_> {
    /// The region in which the call's bucket is, if that is why S3 refused the call in `region`. If S3 does not say where
    /// it is, it is asked, but not for a call that was made to answer another.
    pub(crate) async fn bucket_region(
        &self,
        (service, operation): (&Service, &Operation),
        params: &Map,
        region: Option<&str>,
        inner: bool,
        (response, error): (&HttpResponse, &ServiceError),
    ) -> Result<Option<String>, CallError> {
        let Some(bucket) = bucket(service, params).filter(|bucket| !is_arn(bucket)) else { return Ok(None) };
        let header = response.header(BUCKET_REGION);
        let detail = error.details.get("Region").and_then(Value::as_str);
        let elsewhere = match (error.code.as_str(), operation.name.as_str()) {
            ("PermanentRedirect", _) | ("301" | "400", "HeadObject") => true,
            ("301" | "400", "HeadBucket") if header.is_some() => true,
            ("AuthorizationHeaderMalformed", _) if detail.is_some() => true,
            ("IllegalLocationConstraintException", name) if name != "CreateBucket" => true,
            _ => matches!(response.status, 301 | 302 | 307),
        };
        if !elsewhere {
            return Ok(None);
        }
        let mut found = header.or(detail).map(str::to_owned);
        if found.is_none()
            && !inner
            && let Some(head) = service.operation_named("HeadBucket")
        {
            let params = [("Bucket".to_owned(), Value::Str(bucket.to_owned()))].into_iter().collect();
            let extras = Extras { inner: true, ..Extras::default() };
            found = match Box::pin(self.send_with(service, head, params, region, extras)).await {
                Ok(response) => response.http.header(BUCKET_REGION).map(str::to_owned),
                Err(CallError::Service { error, .. }) => error.bucket_region,
                Err(error) => return Err(error),
            };
        }
        if let Some(found) = &found {
            self.move_bucket(bucket, found);
        }
        Ok(found)
    }
}

/// Tells what to do about an error of S3 that comes from the wrong region.
pub(crate) fn explain(service: &Service, error: &mut CallError) {
    let CallError::Service { error: said, .. } = error else { return };
    if service.name != "s3" {
        return;
    }
    if said.message.contains("Please use AWS4-HMAC-SHA256") {
        said.message = format!(
            "You are attempting to operate on a bucket in a region that requires Signature Version 4.  {NAME_THE_REGION}"
        );
    } else if said.code == "PermanentRedirect" {
        let Some(endpoint) = said.details.get("Endpoint").and_then(Value::as_str) else {
            *error = CallError::Missing("Endpoint".to_owned());
            return;
        };
        // The endpoint takes the place of the full stop.
        let mut message = said.message.clone();
        message.pop();
        said.message = format!("{message}: {endpoint}\n{NAME_THE_REGION}");
    }
}
