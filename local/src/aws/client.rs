//! A small signed HTTP client of AWS, for seeding and for the queue pollers. It speaks the protocols as they are on
//! the wire, so that it shares nothing with the clients under test.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;

/// One account's keys at one endpoint.
#[derive(Clone)]
pub struct Client {
    http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
    region: String,
    keys: Credentials,
}

/// An answer of any status.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub body: Bytes,
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The service answered with an error status.
    #[error("{action} was refused with status {status}: {body}")]
    Refused {
        /// What was called, such as `sqs CreateQueue`.
        action: String,
        /// The HTTP status.
        status: u16,
        /// What the service said.
        body: String,
    },
    /// No answer came.
    #[error("{action} got no answer: {cause}")]
    NoAnswer {
        /// What was called.
        action: String,
        /// What went wrong.
        cause: String,
    },
}

impl Client {
    /// A client of `endpoint` (`http://127.0.0.1:1234`, plain HTTP only) that signs with `keys` for `region`.
    pub fn new(endpoint: &str, region: &str, keys: Credentials) -> Self {
        let http =
            hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        Self { http, endpoint: endpoint.trim_end_matches('/').into(), region: region.into(), keys }
    }

    /// The region that it signs for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The keys that it signs with.
    pub fn keys(&self) -> &Credentials {
        &self.keys
    }

    /// The endpoint that it was made with.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Calls a service of the JSON protocols: `target` is such as `AmazonSQS.SendMessage`.
    pub async fn json(&self, service: &str, target: &str, input: &Value) -> Result<Value, ClientError> {
        let version = if matches!(service, "sqs" | "dynamodb") { "1.0" } else { "1.1" };
        let content_type = format!("application/x-amz-json-{version}");
        let headers = [("content-type", content_type.as_str()), ("x-amz-target", target)];
        let action = format!("{service} {target}");
        let response =
            self.send(service, "POST", "/", &headers, input.to_string().into()).await?.accepted(&action)?;
        if response.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&response.body)
            .map_err(|cause| ClientError::NoAnswer { action, cause: cause.to_string() })
    }

    /// Calls a service of the query protocols and returns the XML.
    pub async fn query(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, ClientError> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", version)
            .extend_pairs(parameters)
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let response = self
            .send(service, "POST", "/", &headers, body.into())
            .await?
            .accepted(&format!("{service} {action}"))?;
        Ok(String::from_utf8_lossy(&response.body).into_owned())
    }

    /// Calls a service of the REST protocols.
    pub async fn rest(
        &self,
        service: &str,
        method: &str,
        path: &str,
        body: Bytes,
    ) -> Result<Response, ClientError> {
        self.send(service, method, path, &[], body).await?.accepted(&format!("{service} {method} {path}"))
    }

    /// Sends one signed request; the answer may have any status.
    pub async fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Response, ClientError> {
        let failed = |cause: &dyn std::fmt::Display| ClientError::NoAnswer {
            action: format!("{service} {method} {path}"),
            cause: cause.to_string(),
        };
        let uri = format!("{}{path}", self.endpoint);
        let mut builder = http::Request::builder().method(method).uri(&uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let mut request = builder.body(Full::new(body.clone())).map_err(|error| failed(&error))?;

        let identity = self.keys.clone().into();
        let mut settings = SigningSettings::default();
        if service == "s3" {
            settings.percent_encoding_mode = aws_sigv4::http_request::PercentEncodingMode::Single;
            settings.payload_checksum_kind = aws_sigv4::http_request::PayloadChecksumKind::XAmzSha256;
        }
        let parameters = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let signable =
            SignableRequest::new(method, &uri, headers.iter().copied(), SignableBody::Bytes(&body))
                .map_err(|error| failed(&error))?;
        let (instructions, _) = sign(signable, &parameters).map_err(|error| failed(&error))?.into_parts();
        instructions.apply_to_request_http1x(&mut request);

        let response = self.http.request(request).await.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
        Ok(Response { status, body })
    }
}

impl Response {
    fn accepted(self, action: &str) -> Result<Self, ClientError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body).into_owned();
        Err(ClientError::Refused { action: action.into(), status: self.status, body })
    }
}
