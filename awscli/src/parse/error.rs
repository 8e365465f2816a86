//! Service errors: their code and message, from wherever a protocol puts them, and their modeled members.

use super::{ParseError, Reader, Target, cbor, json, rest, xml};
use crate::model::{Kind, Protocol, Shape};
use crate::redirect::BUCKET_REGION;
use crate::value::{Map, Value};

/// What a service refused a call with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceError {
    /// Its code, such as `AccessDeniedException`. Empty if the service gave none.
    pub code: String,
    /// Its message. Empty if the service gave none.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// Where S3 says that the bucket is.
    pub bucket_region: Option<String>,
    /// What else came inside the error, such as S3's `BucketName`.
    pub details: Map,
    /// The members that the model gives this error.
    pub fields: Map,
    /// The model knows an error of this code.
    pub modeled: bool,
    /// The model says that the error may go away by itself.
    pub retryable: bool,
    /// Its message stands before its code where both are shown, as the official CLI puts them for its protocol.
    pub message_first: bool,
}

/// Reads an error response. What cannot be understood becomes an error that is named by its status.
///
/// # Errors
/// Where XML must be and is not, for the query protocols: the official CLI gives up on these.
pub(super) fn read(reader: &Reader<'_>) -> Result<ServiceError, ParseError> {
    let response = reader.response;
    let mut error = if is_generic(reader) {
        by_status(response.status)
    } else {
        match reader.service.protocol {
            Protocol::Json | Protocol::RestJson | Protocol::Cbor => of_object(reader),
            Protocol::Query | Protocol::Ec2 => of_xml(reader, &xml::parse_document(&response.body)?),
            Protocol::RestXml => match xml::parse_document(&response.body) {
                Ok(root) => of_xml(reader, &root),
                Err(_) => by_status(response.status),
            },
        }
    };
    error.status = response.status;
    error.bucket_region = response.header(BUCKET_REGION).map(str::to_owned);
    if error.request_id.is_none() {
        let header = ["x-amzn-requestid", "x-amz-request-id"].iter().find_map(|name| response.header(name));
        error.request_id = header.map(str::to_owned);
    }
    if let Some(query_code) = query_error_code(reader) {
        error.code = query_code;
    }
    // Like the official CLI, this finds no members for an error that goes by the name of an old protocol.
    let code = error.code.clone();
    add_modeled(reader, &code, &mut error);
    Ok(error)
}

/// Load balancers answer for services that are down, in HTML or not at all.
fn is_generic(reader: &Reader<'_>) -> bool {
    let body = reader.response.body.trim_ascii();
    reader.response.status >= 500 && (body.is_empty() || body.starts_with(b"<html>"))
}

fn by_status(status: u16) -> ServiceError {
    ServiceError { code: status.to_string(), message: reason(status).to_owned(), ..ServiceError::default() }
}

/// The reason phrases of HTTP, as Python knows them.
fn reason(status: u16) -> &'static str {
    match status {
        408 => "Request Timeout",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        416 => "Requested Range Not Satisfiable",
        _ => {
            http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("")
        }
    }
}

/// Errors as JSON or CBOR objects.
fn of_object(reader: &Reader<'_>) -> ServiceError {
    let response = reader.response;
    let body = match reader.service.protocol {
        _ if response.body.is_empty() => Value::Map(Map::new()),
        Protocol::Cbor => cbor::parse_document(&response.body).unwrap_or(Value::Null),
        _ => json::parse_document(&response.body).unwrap_or_else(|_| {
            // Not the protocol's form: the text itself is the best message there is.
            let text = String::from_utf8_lossy(&response.body).into_owned();
            Value::Map(Map::from_iter([("message".to_owned(), Value::Str(text))]))
        }),
    };
    let text = |names: &[&str]| names.iter().find_map(|name| body.get(name)).and_then(Value::as_str);
    let mut code = text(&["__type"]).map_or_else(|| response.status.to_string(), str::to_owned);
    if reader.service.protocol == Protocol::RestJson {
        let own = response.header("x-amzn-errortype").or_else(|| text(&["code", "Code"]));
        if let Some(own) = own {
            code = own.to_owned();
        }
    }
    let name = code.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default();
    ServiceError {
        code: name.to_owned(),
        message: text(&["message", "Message"]).unwrap_or_default().to_owned(),
        message_first: true,
        ..ServiceError::default()
    }
}

/// Services that once spoke the query protocol still name errors by its codes: `Code;Fault` in a header.
fn query_error_code(reader: &Reader<'_>) -> Option<String> {
    if !matches!(reader.service.protocol, Protocol::Json | Protocol::Cbor) {
        return None;
    }
    match reader.response.header("x-amzn-query-error")?.split_once(';')? {
        (code, fault) if !code.is_empty() && !fault.contains(';') => Some(code.to_owned()),
        _ => None,
    }
}

/// Errors as XML: `<ErrorResponse><Error>…`, EC2's `<Response><Errors><Error>…` and S3's bare `<Error>…`.
fn of_xml(reader: &Reader<'_>, root: &xml::Element) -> ServiceError {
    let inner = root.child("Error").or_else(|| root.child("Errors").and_then(|errors| errors.child("Error")));
    let element = inner.unwrap_or(root);
    let mut details = match element.to_value() {
        Value::Map(map) => map,
        _ => Map::new(),
    };
    let mut take = |name: &str| match details.shift_remove(name) {
        Some(Value::Str(text)) => Some(text),
        _ => None,
    };
    // What is missing is called so by the official CLI, but for errors that are wrapped in rest-xml.
    let wrapped = reader.service.protocol == Protocol::RestXml && inner.is_some();
    let missing = || if wrapped { String::new() } else { "Unknown".to_owned() };
    let code = take("Code").unwrap_or_else(missing);
    let message = take("Message").unwrap_or_else(missing);
    let outer_id = ["RequestId", "RequestID"]
        .iter()
        .find_map(|name| root.child(name))
        .map(|id| id.text.clone().into_owned());
    if inner.is_none() {
        take("RequestId");
        take("HostId");
    }
    ServiceError {
        code,
        message,
        request_id: outer_id,
        details,
        message_first: wrapped,
        ..ServiceError::default()
    }
}

/// Adds the members that the model gives the error of this code, if it knows it.
fn add_modeled(reader: &Reader<'_>, code: &str, error: &mut ServiceError) {
    let named =
        reader.service.exceptions.iter().find_map(|id| match reader.service.shapes.get(*id as usize) {
            Some(Shape { name, kind: Kind::Structure(structure), .. }) => {
                let own_code = if structure.error_code.is_empty() { name } else { &structure.error_code };
                (own_code == code).then_some(Target { name, structure })
            }
            _ => None,
        });
    let Some(target) = named else { return };
    error.modeled = true;
    error.retryable = target.structure.retryable;
    let fields = match reader.service.protocol {
        Protocol::Json => json::result(reader, target),
        Protocol::Cbor => cbor::result(reader, target),
        Protocol::Query | Protocol::Ec2 => {
            xml::parse_document(&reader.response.body).and_then(|root| xml::structure(reader, target, &root))
        }
        Protocol::RestJson | Protocol::RestXml => rest::read(reader, target),
    };
    error.fields = fields.unwrap_or_default();
}
