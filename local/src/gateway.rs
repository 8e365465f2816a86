//! An API Gateway HTTP API (payload format 2.0) in front of the functions that take HTTP requests.
//!
//! The form of the event and of the answer is that of the developer guide ("Create AWS Lambda proxy integrations for
//! HTTP APIs"). As there: header names are lower-case, repeated headers are joined with commas, a body that is not
//! text travels in base64 (a form counts as not text), and the function has 30 seconds.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use crate::lambda::Lambda;

/// How long the gateway waits for the function (the quota "Maximum integration timeout" of HTTP APIs).
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest request body, in bytes (10 MB, the quota "Payload size").
pub const MAX_PAYLOAD: usize = 10 * 1024 * 1024;

/// The routes to ingress. What is neither these nor those to install is answered with 404 and reaches no function.
const INGRESS: [&str; 3] = ["/slack/commands", "/slack/interactive", "/slack/events"];

/// The routes to install.
const INSTALL: [&str; 3] = ["/install", "/slack/oauth/start", "/slack/oauth/callback"];

/// Who takes what.
#[derive(Clone)]
struct Functions {
    ingress: Lambda,
    install: Lambda,
}

impl Functions {
    fn of(&self, method: &http::Method, path: &str) -> Option<&Lambda> {
        match *method {
            http::Method::POST if INGRESS.contains(&path) => Some(&self.ingress),
            http::Method::GET if INSTALL.contains(&path) => Some(&self.install),
            _ => None,
        }
    }
}

/// A running gateway. Dropping it stops it.
pub struct Gateway {
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

impl Gateway {
    /// A free loopback port for a gateway, before the functions that it is in front of are there: install is told its
    /// address when it starts.
    pub async fn listen() -> std::io::Result<tokio::net::TcpListener> {
        tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
    }

    /// Serves both functions.
    pub fn start(
        listener: tokio::net::TcpListener,
        ingress: Lambda,
        install: Lambda,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let router = axum::Router::new().fallback(serve).with_state(Functions { ingress, install });
        let server = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            let _ = axum::serve(listener, service).await;
        });
        Ok(Self { address, server })
    }

    /// Its address, such as `http://127.0.0.1:1234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns when the server has ended, which it does only by a fault.
    pub async fn ended(&mut self) {
        let _ = (&mut self.server).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    State(functions): State<Functions>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(function) = functions.of(&parts.method, parts.uri.path()) else {
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = axum::body::to_bytes(body, MAX_PAYLOAD).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let event = event(&parts, &body, source);
    match tokio::time::timeout(INTEGRATION_TIMEOUT, function.invoke(event.to_string().into())).await {
        Ok(Ok(answer)) => response(&answer),
        Ok(Err(error)) => {
            tracing::warn!(function = function.name(), %error, "the function did not answer the gateway");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
        Err(_) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
    }
}

/// An answer that the gateway gives by itself.
fn message(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({ "message": text }))).into_response()
}

fn event(parts: &http::request::Parts, body: &Bytes, source: SocketAddr) -> Value {
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str())
            .and_modify(|joined| {
                joined.push(',');
                joined.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    let host = headers.get("host").cloned().unwrap_or_default();
    let now = SystemTime::now();
    let route = format!("{} {path}", parts.method);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": crate::aws::HOME,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source.ip().to_string(),
                "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
            },
            "requestId": uuid::Uuid::new_v4().to_string(),
            "routeKey": route,
            "stage": "$default",
            "time": gateway_time(now),
            "timeEpoch": now.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64),
        },
        "isBase64Encoded": false,
    });
    if !query.is_empty() {
        let mut pairs: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
            pairs.entry(name).and_modify(|joined| *joined = format!("{joined},{value}")).or_insert(value);
        }
        event["queryStringParameters"] = json!(pairs);
    }
    if let Some(cookies) = headers.get("cookie") {
        event["cookies"] = cookies.split("; ").map(str::to_owned).collect();
    }
    if !body.is_empty() {
        let text = is_text(&parts.headers).then(|| std::str::from_utf8(body).ok()).flatten();
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] = text.map_or_else(|| STANDARD.encode(body), str::to_owned).into();
    }
    event
}

/// `12/Mar/2020:19:03:58 +0000`.
fn gateway_time(now: SystemTime) -> String {
    let form = "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000";
    time::format_description::parse_borrowed::<2>(form)
        .ok()
        .and_then(|form| time::OffsetDateTime::from(now).format(&form).ok())
        .unwrap_or_default()
}

/// Which bodies the gateway passes on as they are: text, JSON, JavaScript and XML.
fn is_text(headers: &HeaderMap) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.starts_with("text/")
        || matches!(media_type.as_str(), "application/json" | "application/javascript" | "application/xml")
}

/// The HTTP response of what the function returned. Without a `statusCode` the whole of it is the JSON body.
fn response(answer: &[u8]) -> Response {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    let Some(status) = answer.get("statusCode") else {
        return axum::Json(answer).into_response();
    };
    let status = status.as_u64().and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    let body = match answer.get("isBase64Encoded") {
        Some(Value::Bool(true)) => STANDARD.decode(body).ok(),
        _ => Some(body.as_bytes().to_vec()),
    };
    let (Some(status), Some(body)) = (status, body) else {
        return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    let mut response = (status, body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    let headers = answer.get("headers").and_then(Value::as_object).into_iter().flatten();
    let cookies = answer.get("cookies").and_then(Value::as_array).into_iter().flatten();
    let headers = headers
        .map(|(name, value)| (name.as_str(), value))
        .chain(cookies.map(|cookie| ("set-cookie", cookie)));
    for (name, value) in headers {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let (Ok(name), Ok(value)) = (header::HeaderName::from_bytes(name.as_bytes()), text.parse()) {
            response.headers_mut().append(name, value);
        }
    }
    if !response.headers().contains_key(header::CONTENT_TYPE) {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain;charset=utf-8"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_of(headers: &[(&str, &str)], uri: &str, body: &str) -> Value {
        let mut request = http::Request::builder().method("POST").uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        event(&parts, &Bytes::copy_from_slice(body.as_bytes()), "127.0.0.1:9".parse().unwrap())
    }

    #[test]
    fn a_form_travels_in_base64_and_json_as_it_is() {
        let form =
            event_of(&[("Content-Type", "application/x-www-form-urlencoded")], "/slack/commands", "a=%20");
        assert_eq!(
            (form["body"].as_str(), form["isBase64Encoded"].as_bool()),
            (Some("YT0lMjA="), Some(true))
        );
        let json = event_of(&[("Content-Type", "application/json; charset=utf-8")], "/slack/events", "{}");
        assert_eq!((json["body"].as_str(), json["isBase64Encoded"].as_bool()), (Some("{}"), Some(false)));
        let empty = event_of(&[], "/slack/events", "");
        assert_eq!((empty.get("body"), empty["isBase64Encoded"].as_bool()), (None, Some(false)));
    }

    #[test]
    fn header_names_are_lower_case_and_repeated_ones_joined() {
        let event = event_of(
            &[("X-Slack-Signature", "v0=a"), ("x-slack-signature", "v0=b"), ("Host", "api.test")],
            "/slack/commands?a=1&a=2&b=%26",
            "",
        );
        assert_eq!(event["headers"]["x-slack-signature"], "v0=a,v0=b");
        assert_eq!(event["rawQueryString"], "a=1&a=2&b=%26");
        assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "&" }));
        assert_eq!(event["version"], "2.0");
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
        assert_eq!(event["requestContext"]["domainName"], "api.test");
    }

    #[tokio::test]
    async fn the_functions_answer_becomes_the_response() {
        let cases = [
            (json!({ "statusCode": 401, "body": "no" }), 401, "text/plain;charset=utf-8", "no"),
            (
                json!({ "statusCode": 200, "headers": { "Content-Type": "application/json" }, "body": "{}" }),
                200,
                "application/json",
                "{}",
            ),
            (
                json!({ "statusCode": 200, "body": "YQ==", "isBase64Encoded": true }),
                200,
                "text/plain;charset=utf-8",
                "a",
            ),
            (json!({ "answer": 1 }), 200, "application/json", "{\"answer\":1}"),
            (json!({ "statusCode": 99 }), 500, "application/json", "{\"message\":\"Internal Server Error\"}"),
        ];
        for (answer, status, content_type, body) in cases {
            let response = response(answer.to_string().as_bytes());
            assert_eq!(response.status(), status, "{answer}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], content_type, "{answer}");
            assert_eq!(axum::body::to_bytes(response.into_body(), 1000).await.unwrap(), body, "{answer}");
        }
    }
}
