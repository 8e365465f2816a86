//! Sends one HTTP request and reads its response: HTTP/1.1 over kept connections, TLS with compiled-in roots. It follows
//! no redirect, sends nothing twice, and connects to no address inside the host or its network, unless the session's
//! own endpoint is there.

use std::error::Error as StdError;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tower_service::Service;
use url::{Host, Url};

use crate::parse::HttpResponse;

/// How long a TCP connection may take to open. One lost first packet is sent again after 1 s, a second one after 3 s.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection without a request is kept. AWS closes its side after 20 s or more; a connection that is closed
/// just when a request is written costs a call its certainty.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// How many connections without a request are kept for one host.
const IDLE_CONNECTIONS: usize = 4;

type Pool<R> = Client<HttpsConnector<HttpConnector<R>>, Full<Bytes>>;

/// The boxed future of [`Transport::send`].
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, TransportError>> + Send + 'a>>;

/// How much of a response's body is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// At most so many bytes.
    pub limit: usize,
    /// The body has no end of its own: it is read until then, and what has come by then, by the limit or by the
    /// connection's end is given with [`TransportError::Cut`].
    pub endless: Option<Instant>,
}

/// What carries requests to services.
pub trait Transport: Send + Sync {
    /// Sends a request and reads the response. `endpoint` is the session's own, if it has one: it alone may be without
    /// TLS or inside the host's network.
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        endpoint: Option<&'a Url>,
        reading: Reading,
    ) -> Sending<'a>;
}

/// Keep-alive connections. One for a process serves all sessions: a connection carries no credentials.
#[derive(Debug)]
pub struct HttpClient {
    /// Reaches public addresses only, and only with TLS.
    public: Pool<PublicResolver>,
    /// Reaches the session's own endpoint, wherever it is.
    configured: Pool<GaiResolver>,
}

/// Why there is no response.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The address is none that may be reached, or is no address. Nothing was sent.
    #[error("{0}")]
    Refused(String),
    /// No connection, or a kept one had been closed before the first byte was written. Nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// Something was sent, and then the connection broke.
    #[error("{0}")]
    Broken(String),
    /// The response has more bytes than may be read.
    #[error("the response is larger than the {0} bytes that are left to read")]
    TooLarge(usize),
    /// A body without an end was read for as long as it may be.
    #[error("the time is up")]
    TimeUp,
    /// A body without an end was read until this: what came, and the reason.
    #[error("{1}")]
    Cut(Box<HttpResponse>, Box<TransportError>),
}

impl TransportError {
    /// Whether it is certain that the service saw nothing of the request.
    pub fn was_never_sent(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::NotSent(_))
    }
}

impl HttpClient {
    /// A client without connections.
    ///
    /// # Errors
    /// When the crypto provider supports no version of TLS, which no build of this crate brings about.
    pub fn new() -> Result<Self, rustls::Error> {
        Ok(Self {
            public: pool(PublicResolver(GaiResolver::new()), true)?,
            configured: pool(GaiResolver::new(), false)?,
        })
    }

    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        endpoint: Option<&Url>,
        reading: Reading,
    ) -> Result<HttpResponse, TransportError> {
        let request = request.map(Full::new);
        let url = Url::parse(&request.uri().to_string())
            .map_err(|error| TransportError::Refused(format!("{} is no address: {error}", request.uri())))?;
        let is_head = request.method() == http::Method::HEAD;
        let sent = if endpoint.is_some_and(|endpoint| belongs_to(&url, endpoint)) {
            self.configured.request(request)
        } else {
            check_public(&url)?;
            self.public.request(request)
        };
        let response = sent.await.map_err(|error| {
            let text = innermost(&error);
            if was_never_sent(&error) { TransportError::NotSent(text) } else { TransportError::Broken(text) }
        })?;
        let (parts, incoming) = response.into_parts();
        let mut body = Vec::new();
        let read = match reading.endless {
            None => read_body(incoming, reading.limit, &mut body).await,
            Some(until) => {
                let read = read_body(incoming, reading.limit, &mut body);
                tokio::time::timeout_at(until.into(), read).await.unwrap_or(Err(TransportError::TimeUp))
            }
        };
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let response = HttpResponse {
            status: parts.status.as_u16(),
            headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: if is_head { Vec::new() } else { body },
        };
        match read {
            Ok(()) => Ok(response),
            Err(end) if reading.endless.is_some() => {
                Err(TransportError::Cut(Box::new(response), Box::new(end)))
            }
            Err(error) => Err(error),
        }
    }
}

impl Transport for HttpClient {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        endpoint: Option<&'a Url>,
        reading: Reading,
    ) -> Sending<'a> {
        Box::pin(self.exchange(request, endpoint, reading))
    }
}

/// Reads a body to its end.
async fn read_body(mut incoming: Incoming, limit: usize, body: &mut Vec<u8>) -> Result<(), TransportError> {
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| TransportError::Broken(innermost(&error)))?;
        if let Some(data) = frame.data_ref() {
            if data.len() > limit - body.len() {
                return Err(TransportError::TooLarge(limit));
            }
            body.extend_from_slice(data);
        }
    }
    Ok(())
}

fn pool<R>(resolver: R, https_only: bool) -> Result<Pool<R>, rustls::Error>
where
    R: Clone + Send + Sync + 'static,
    HttpsConnector<HttpConnector<R>>: legacy::connect::Connect + Clone,
    HttpConnector<R>: Service<http::Uri>,
{
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
    let builder = if https_only { builder.https_only() } else { builder.https_or_http() };
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        // Whether a request may be sent again is the caller's knowledge.
        .retry_canceled_requests(false)
        .build(builder.enable_http1().wrap_connector(tcp)))
}

/// Whether the URL is at the session's endpoint or at a host below it, as buckets are.
fn belongs_to(url: &Url, endpoint: &Url) -> bool {
    let (Some(host), Some(own)) = (url.host_str(), endpoint.host_str()) else {
        return false;
    };
    let below = || host.strip_suffix(own).is_some_and(|prefix| prefix.ends_with('.'));
    let same_host = host == own || (matches!(endpoint.host(), Some(Host::Domain(_))) && below());
    same_host
        && url.scheme() == endpoint.scheme()
        && url.port_or_known_default() == endpoint.port_or_known_default()
}

/// Refuses what is not `https://` and hosts that are addresses inside a network: the resolver sees names only.
fn check_public(url: &Url) -> Result<(), TransportError> {
    let refuse = |reason: &str| Err(TransportError::Refused(format!("{url} {reason}")));
    if url.scheme() != "https" {
        return refuse("is not https");
    }
    match url.host() {
        Some(Host::Domain(_)) => Ok(()),
        Some(Host::Ipv4(address)) if is_public(IpAddr::V4(address)) => Ok(()),
        Some(Host::Ipv6(address)) if is_public(IpAddr::V6(address)) => Ok(()),
        _ => refuse("is not a public address"),
    }
}

/// Whether an address is one of the public internet: not of this host (where the Lambda runtime API answers), not of
/// its link (where metadata services answer), not of a private network, and not a group or reserved address.
pub fn is_public(address: IpAddr) -> bool {
    let v4 = |address: Ipv4Addr| {
        let [a, b, ..] = address.octets();
        !(address.is_unspecified()
            || address.is_loopback()
            || address.is_private()
            || address.is_link_local()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_multicast()
            || a == 0
            // Shared address space of carriers (RFC 6598), benchmarks (RFC 2544), protocol assignments (RFC 6890).
            || (a == 100 && (64..128).contains(&b))
            || (a == 198 && (b == 18 || b == 19))
            || (a == 192 && b == 0 && address.octets()[2] == 0)
            || a >= 240)
    };
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => {
            let segments = address.segments();
            // Forms that carry an IPv4 address: mapped, compatible, NAT64 and 6to4.
            let embedded = match segments {
                [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                    Some((high, low))
                }
                [0x2002, high, low, ..] => Some((high, low)),
                _ => None,
            };
            if let Some((high, low)) = embedded {
                return v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
            }
            // 2000::/3 is what is given out for the internet; 2001:db8::/32 of it is for documents.
            segments[0] & 0xe000 == 0x2000 && !(segments[0] == 0x2001 && segments[1] == 0xdb8)
        }
    }
}

/// Resolves names to their public addresses only. The connection goes to the addresses that were checked.
#[derive(Debug, Clone)]
struct PublicResolver(GaiResolver);

impl Service<Name> for PublicResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let text = name.to_string();
        let resolved = self.0.call(name);
        Box::pin(async move {
            let public: Vec<_> = resolved.await?.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(std::io::Error::other(format!("{text} has no public address")));
            }
            Ok(public.into_iter())
        })
    }
}

/// Whether no byte of the request left this process.
fn was_never_sent(error: &legacy::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        let no_connection = error.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect);
        let closed_before = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        if no_connection || closed_before {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The text of the last cause, which is the one that says something.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        for (address, public) in [
            ("52.94.133.131", true),
            ("1.1.1.1", true),
            ("2600:1f18::1", true),
            ("2a05:d018::1", true),
            ("127.0.0.1", false),
            ("127.8.9.1", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("169.254.100.1", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("fe80::1", false),
            ("fd00:ec2::254", false),
            ("fc00::1", false),
            ("ff02::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:52.94.133.131", true),
            ("::127.0.0.1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("2002:7f00:1::", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn hosts_that_are_addresses_are_checked_without_a_resolver() {
        for (url, reached) in [
            ("https://sts.us-east-1.amazonaws.com/", true),
            ("https://52.94.133.131/", true),
            ("http://sts.us-east-1.amazonaws.com/", false),
            ("https://127.0.0.1/", false),
            ("https://2130706433/", false),
            ("https://0x7f.1/", false),
            ("https://[::1]/", false),
            ("https://[fd00:ec2::254]/", false),
            ("https://169.254.169.254/latest/meta-data/", false),
        ] {
            assert_eq!(check_public(&Url::parse(url).unwrap()).is_ok(), reached, "{url}");
        }
    }

    #[test]
    fn only_the_configured_endpoint_is_exempt() {
        for (url, endpoint, exempt) in [
            ("http://127.0.0.1:4566/", "http://127.0.0.1:4566", true),
            ("http://127.0.0.1:4567/", "http://127.0.0.1:4566", false),
            ("https://127.0.0.1:4566/", "http://127.0.0.1:4566", false),
            ("http://bucket.localhost:4566/", "http://localhost:4566", true),
            ("http://evillocalhost:4566/", "http://localhost:4566", false),
            ("http://1.127.0.0.1:4566/", "http://127.0.0.1:4566", false),
        ] {
            let (Ok(url), Ok(endpoint)) = (Url::parse(url), Url::parse(endpoint)) else {
                assert!(!exempt, "{url} is no address");
                continue;
            };
            assert_eq!(belongs_to(&url, &endpoint), exempt, "{url} {endpoint}");
        }
    }

    #[tokio::test]
    async fn a_name_without_a_public_address_is_not_connected_to() {
        let client = HttpClient::new().unwrap();
        let request = http::Request::get("https://localhost:9/").body(Bytes::new()).unwrap();
        let error = client.send(request, None, Reading { limit: 1, endless: None }).await.unwrap_err();
        assert!(error.was_never_sent());
        assert_eq!(error.to_string(), "localhost has no public address");
    }
}
