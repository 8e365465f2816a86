//! An HTTP proxy that fails on cue: it stands in front of any endpoint and, for chosen requests, delays, refuses,
//! answers an error, or forwards the request and loses the answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;

/// The longest body that passes, in bytes (64 MiB).
const MAX_BODY: usize = 64 * 1024 * 1024;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It waits, then passes.
    Delay(Duration),
    /// The connection breaks before the endpoint sees the request.
    Refuse,
    /// The endpoint gets the request and acts on it, and then the connection breaks: whoever sent it cannot know.
    LoseAnswer,
    /// The endpoint does not see the request; this answer comes instead.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Headers, such as `retry-after`.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
}

impl Fault {
    /// AWS's answer to a JSON request that it throttles.
    pub fn throttled_json() -> Self {
        Self::Answer {
            status: 400,
            headers: vec![("content-type", "application/x-amz-json-1.0".into())],
            body: r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#.into(),
        }
    }

    /// AWS's answer to a query request that it throttles.
    pub fn throttled_query() -> Self {
        Self::Answer {
            status: 400,
            headers: vec![("content-type", "text/xml".into())],
            body: "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message>\
                   </Error><RequestId>0</RequestId></ErrorResponse>"
                .into(),
        }
    }

    /// A server error without a word.
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: String::new() }
    }
}

/// Which requests a rule is about: all conditions that are set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// The service of the signature, such as `dynamodb`.
    pub service: Option<String>,
    /// The operation: of the target header (`UpdateItem`), of the form's `Action`, or the last part of the path
    /// (`chat.postMessage`).
    pub operation: Option<String>,
    /// A text that the body contains.
    pub body: Option<String>,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// One operation of a service.
    pub fn operation(service: &str, operation: &str) -> Self {
        Self { service: Some(service.into()), operation: Some(operation.into()), body: None }
    }

    /// One method of a path, such as `chat.postMessage`.
    pub fn path(last: &str) -> Self {
        Self { service: None, operation: Some(last.into()), body: None }
    }

    /// The same, for bodies that contain `text`.
    pub fn containing(self, text: &str) -> Self {
        Self { body: Some(text.into()), ..self }
    }

    fn fits(&self, seen: &Seen, body: &[u8]) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        is(&self.service, &seen.service)
            && is(&self.operation, &seen.operation)
            && self.body.as_deref().is_none_or(|text| String::from_utf8_lossy(body).contains(text))
    }
}

/// One request that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The service of its signature, or nothing.
    pub service: String,
    /// As in [`Match::operation`].
    pub operation: String,
    /// What was done to it.
    pub fault: Option<Fault>,
}

struct Rule {
    of: Match,
    fault: Fault,
    skip: usize,
    left: usize,
}

#[derive(Default)]
struct Rules {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
}

/// A running proxy. Dropping it stops it.
pub struct Proxy {
    address: SocketAddr,
    rules: Arc<Mutex<Rules>>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Forward {
    target: String,
    rules: Arc<Mutex<Rules>>,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Proxy {
    /// Stands in front of `target` (`http://127.0.0.1:1234`, plain HTTP only) on a free loopback port.
    pub async fn start(target: &str) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let rules = Arc::<Mutex<Rules>>::default();
        let forward = Forward {
            target: target.trim_end_matches('/').into(),
            rules: Arc::clone(&rules),
            http: Client::builder(hyper_util::rt::TokioExecutor::new()).build_http(),
        };
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let forward = forward.clone();
                connections.spawn(async move {
                    let service = hyper::service::service_fn(move |request| serve(forward.clone(), request));
                    // It ends with an error whenever a rule breaks the connection.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
                        .await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, rules, server })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets `fault` happen to the next `times` requests that fit, after `skip` of them have passed. The first rule that
    /// fits decides.
    pub fn inject(&self, of: Match, fault: Fault, skip: usize, times: usize) {
        self.lock().rules.push(Rule { of, fault, skip, left: times });
    }

    /// Forgets all rules.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// Forgets the requests so far.
    pub fn forget_seen(&self) {
        self.lock().seen.clear();
    }

    /// The requests so far, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// How many requests so far fit `of`, bodies aside.
    pub fn count(&self, of: &Match) -> usize {
        let of = Match { body: None, ..of.clone() };
        self.lock().seen.iter().filter(|seen| of.fits(seen, b"")).count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Rules {
    fn decide(&mut self, mut seen: Seen, body: &[u8]) -> Option<Fault> {
        let rule = self.rules.iter_mut().find(|rule| rule.left > 0 && rule.of.fits(&seen, body));
        if let Some(rule) = rule {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else {
                rule.left -= 1;
                seen.fault = Some(rule.fault.clone());
            }
        }
        let fault = seen.fault.clone();
        self.seen.push(seen);
        fault
    }
}

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("a rule breaks the connection")]
    Rule,
    #[error("the endpoint does not answer")]
    Endpoint,
}

/// Answers one request; an error closes the connection without a byte of answer.
async fn serve(
    forward: Forward,
    request: http::Request<hyper::body::Incoming>,
) -> Result<http::Response<Full<Bytes>>, Broken> {
    let (mut parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| Broken::Endpoint)?.to_bytes();
    let seen = Seen { service: service(&parts.headers), operation: operation(&parts, &body), fault: None };
    let fault = forward.rules.lock().unwrap_or_else(PoisonError::into_inner).decide(seen, &body);
    match &fault {
        Some(Fault::Refuse) => return Err(Broken::Rule),
        Some(Fault::Delay(pause)) => tokio::time::sleep(*pause).await,
        Some(Fault::Answer { status, headers, body }) => {
            let mut response = http::Response::builder().status(*status);
            for (name, value) in headers {
                response = response.header(*name, value);
            }
            return response.body(Full::from(body.clone())).map_err(|_| Broken::Rule);
        }
        Some(Fault::LoseAnswer) | None => {}
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = format!("{}{path}", forward.target).parse().map_err(|_| Broken::Endpoint)?;
    // The host header stays as it was sent, because signatures cover it.
    let request = http::Request::from_parts(parts, Full::new(body));
    let response = forward.http.request(request).await.map_err(|_| Broken::Endpoint)?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Broken::Endpoint)?.to_bytes();
    if fault == Some(Fault::LoseAnswer) {
        return Err(Broken::Rule);
    }
    Ok(http::Response::from_parts(parts, Full::new(body)))
}

fn service(headers: &http::HeaderMap) -> String {
    winterbaume_core::auth::extract_service_from_headers(headers).unwrap_or_default()
}

fn operation(parts: &http::request::Parts, body: &[u8]) -> String {
    if let Some(target) = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        return target.rsplit('.').next().unwrap_or_default().into();
    }
    let action = url::form_urlencoded::parse(body)
        .find(|(name, _)| name == "Action")
        .map(|(_, value)| value.into_owned());
    action.unwrap_or_else(|| parts.uri.path().rsplit('/').next().unwrap_or_default().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Plain = Client<HttpConnector, Full<Bytes>>;

    async fn call(http: &Plain, url: &str, target: &str) -> Result<u16, hyper_util::client::legacy::Error> {
        let request = http::Request::post(url).header("x-amz-target", target).body(Full::from("{}")).unwrap();
        Ok(http.request(request).await?.status().as_u16())
    }

    #[tokio::test]
    async fn rules_hit_the_chosen_requests_and_no_others() {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&served);
        let router = axum::Router::new().fallback(move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async { "ok" }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        let served = || served.load(std::sync::atomic::Ordering::SeqCst);

        let proxy = Proxy::start(&target).await.unwrap();
        let http: Plain = Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
        let get = Match { operation: Some("GetItem".into()), ..Match::any() };
        proxy.inject(get.clone(), Fault::throttled_json(), 1, 1);
        let statuses = async || {
            let mut statuses = Vec::new();
            for target in ["D.GetItem", "D.PutItem", "D.GetItem", "D.GetItem"] {
                statuses.push(call(&http, &proxy.url(), target).await.unwrap());
            }
            statuses
        };
        assert_eq!(statuses().await, [200, 200, 400, 200]);
        assert_eq!((served(), proxy.count(&get)), (3, 3));

        proxy.inject(get.clone(), Fault::Refuse, 0, 1);
        call(&http, &proxy.url(), "D.GetItem").await.unwrap_err();
        assert_eq!(served(), 3, "a refused request must not reach the endpoint");
        proxy.inject(get, Fault::LoseAnswer, 0, 1);
        call(&http, &proxy.url(), "D.GetItem").await.unwrap_err();
        assert_eq!(served(), 4, "a request whose answer is lost must reach the endpoint");
        assert_eq!(call(&http, &proxy.url(), "D.GetItem").await.unwrap(), 200);
    }
}
