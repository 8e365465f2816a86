//! Refusals in the shape of each protocol, so that every client reads code and message as it would from AWS.

use winterbaume_core::{MockResponse, xml_escape};

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// JSON with a target header.
    Json,
    /// Form parameters in, XML out.
    Query,
    /// As Query, with EC2's own error envelope.
    Ec2,
    /// Paths, JSON bodies, the error's code in a header.
    RestJson,
    /// S3's XML.
    S3,
}

impl Dialect {
    pub(crate) fn of(service: &str, headers: &http::HeaderMap) -> Self {
        let content_type =
            headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match service {
            "ec2" => Self::Ec2,
            "s3" => Self::S3,
            _ if headers.contains_key("x-amz-target") => Self::Json,
            _ if content_type.starts_with("application/x-www-form-urlencoded") => Self::Query,
            _ => Self::RestJson,
        }
    }
}

/// A refusal that AWS words the same for every service, under a code that each protocol spells its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoSignature,
    UnknownKey,
    ExpiredToken,
}

impl Refusal {
    pub(crate) fn answer(self, dialect: Dialect) -> MockResponse {
        use Dialect as D;
        let (status, code, message) = match (self, dialect) {
            (Self::NoSignature, D::S3) => (403, "AccessDenied", "Access Denied"),
            (Self::NoSignature, D::Ec2) => (401, "AuthFailure", "Request must be signed"),
            (Self::NoSignature, D::Query) => {
                (403, "MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            (Self::NoSignature, _) => {
                (400, "MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            (Self::UnknownKey, D::S3) => (
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            (Self::UnknownKey, D::Ec2) => {
                (401, "AuthFailure", "AWS was not able to validate the provided access credentials")
            }
            (Self::UnknownKey, D::Query) => {
                (403, "InvalidClientTokenId", "The security token included in the request is invalid.")
            }
            (Self::UnknownKey, D::Json) => {
                (400, "UnrecognizedClientException", "The security token included in the request is invalid.")
            }
            (Self::UnknownKey, D::RestJson) => {
                (403, "UnrecognizedClientException", "The security token included in the request is invalid.")
            }
            (Self::ExpiredToken, D::S3) => (400, "ExpiredToken", "The provided token has expired."),
            (Self::ExpiredToken, D::Ec2) => (400, "RequestExpired", "Request has expired."),
            (Self::ExpiredToken, D::Query) => {
                (403, "ExpiredToken", "The security token included in the request is expired")
            }
            (Self::ExpiredToken, D::Json) => {
                (400, "ExpiredTokenException", "The security token included in the request is expired")
            }
            (Self::ExpiredToken, D::RestJson) => {
                (403, "ExpiredTokenException", "The security token included in the request is expired")
            }
        };
        error(dialect, status, code, message)
    }
}

/// Refuses a call that the caller's role does not allow.
pub(crate) fn not_permitted(
    dialect: Dialect,
    caller: &str,
    action: &str,
    resource: Option<&str>,
) -> MockResponse {
    let mut message = format!("User: {caller} is not authorized to perform: {action}");
    if let Some(resource) = resource {
        message.push_str(" on resource: ");
        message.push_str(resource);
    }
    message.push_str(" because no identity-based policy allows the ");
    message.push_str(action);
    message.push_str(" action");
    match dialect {
        Dialect::Json => error(dialect, 400, "AccessDeniedException", &message),
        Dialect::RestJson => error(dialect, 403, "AccessDeniedException", &message),
        Dialect::Query | Dialect::S3 => error(dialect, 403, "AccessDenied", &message),
        Dialect::Ec2 => error(
            dialect,
            403,
            "UnauthorizedOperation",
            &format!("You are not authorized to perform this operation. {message}"),
        ),
    }
}

/// An error response of a service that speaks `dialect`.
pub(crate) fn error(dialect: Dialect, status: u16, code: &str, message: &str) -> MockResponse {
    let request_id = uuid::Uuid::new_v4();
    let text = xml_escape(message);
    let body = match dialect {
        Dialect::Json => {
            return MockResponse::json(
                status,
                serde_json::json!({ "__type": code, "message": message }).to_string(),
            );
        }
        Dialect::RestJson => {
            let mut response =
                MockResponse::rest_json(status, serde_json::json!({ "message": message }).to_string());
            if let Ok(code) = code.parse() {
                response.headers.insert("x-amzn-errortype", code);
            }
            return response;
        }
        Dialect::Ec2 => format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors>\
             <RequestID>{request_id}</RequestID></Response>"
        ),
        Dialect::S3 => format!(
            "<Error><Code>{code}</Code><Message>{text}</Message><RequestId>{request_id}</RequestId></Error>"
        ),
        Dialect::Query => format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{text}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        ),
    };
    MockResponse::xml(status, body)
}
