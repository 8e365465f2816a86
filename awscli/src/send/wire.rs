//! Between a call's request and response and those of HTTP.

use bytes::Bytes;

use super::CallError;
use crate::checksum::checksum;
use crate::model::Operation;
use crate::parse::HttpResponse;
use crate::serialize::HttpRequest;

/// The endpoint with the request's path and query string.
pub fn url_of(endpoint: &str, request: &HttpRequest) -> String {
    let mut url = endpoint.trim_end_matches('/').to_owned();
    url.push_str(&request.path);
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if !has_path {
        url.push('/');
    }
    if !request.query.is_empty() {
        url.push('?');
        url.push_str(&request.query);
    }
    url
}

pub fn into_http(request: HttpRequest, url: &str) -> Result<http::Request<Bytes>, String> {
    let bad = |what: &dyn std::fmt::Display| format!("the parameters give no valid request: {what}");
    let mut built = http::Request::builder().method(request.method.as_str()).uri(url);
    if !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
        // S3 wants the length of a body that is empty, too.
        built = built.header(http::header::CONTENT_LENGTH, request.body.len());
    }
    for (name, value) in &request.headers {
        let value = http::HeaderValue::from_bytes(value.as_bytes())
            .map_err(|error| bad(&format!("{name}: {error}")))?;
        built = built.header(name.as_str(), value);
    }
    built.body(request.body).map_err(|error| bad(&error))
}

/// Compares a body with its checksum, where the response brings one of the whole body.
pub fn check_body(operation: &Operation, response: &HttpResponse) -> Result<(), CallError> {
    if operation.checksum_validation_member.is_empty() || response.is_error() || response.body.is_empty() {
        return Ok(());
    }
    for algorithm in ["CRC64NVME", "CRC32C", "CRC32", "SHA1", "SHA256"] {
        let header = format!("x-amz-checksum-{}", algorithm.to_lowercase());
        // A checksum of checksums has the number of the parts behind a dash.
        let Some(expected) = response.header(&header).filter(|value| !value.contains('-')) else { continue };
        let found = checksum(algorithm, &response.body).unwrap_or_default();
        if found != expected {
            return Err(CallError::Checksum { expected: expected.to_owned(), found });
        }
        return Ok(());
    }
    Ok(())
}
