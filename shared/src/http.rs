//! The one way out of a process: an HTTP/1.1 client for the AWS SDKs, and the TLS set-up that every other client takes.
//!
//! The roots are compiled in. Reading the system's trust store costs milliseconds of every cold start and makes the
//! set of trusted roots depend on the image, and a second TLS stack would double what has to be loaded and patched.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, Client, connect};
use hyper_util::rt::TokioExecutor;

/// How long a TCP connection may take to open. Endpoints are in the region or next to it: one lost packet (retransmitted
/// after 1 s) must not fail a call, a second one may.
pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(2500);

/// The TLS set-up of every client: aws-lc-rs, TLS 1.2 and 1.3, Mozilla's roots as compiled in.
///
/// # Errors
/// When the crypto provider supports neither version, which no build of this workspace brings about.
pub fn tls_config() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// A client for the AWS SDKs with its own connections, each given [`CONNECT_TIMEOUT`] to open.
///
/// # Errors
/// As [`tls_config`].
pub fn sdk_client() -> Result<Pool, rustls::Error> {
    Pool::connecting_within(CONNECT_TIMEOUT)
}

/// Keep-alive connections and the [`HttpClient`] of the AWS SDKs that sends over them. Clones share the connections.
///
/// It never sends a request again by itself, not even one that a closed pooled connection gave back unsent: whether a
/// second send is safe is the caller's knowledge.
#[derive(Debug, Clone)]
pub struct Pool {
    client: Client<HttpsConnector<connect::HttpConnector>, SdkBody>,
}

impl Pool {
    /// A pool without connections. `timeout` bounds the opening of each TCP connection, not its TLS handshake.
    ///
    /// # Errors
    /// As [`tls_config`].
    pub fn connecting_within(timeout: Duration) -> Result<Self, rustls::Error> {
        let mut tcp = connect::HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls_config()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector),
        })
    }

    /// Sends `request` once and reads its whole answer, of whatever status.
    ///
    /// # Errors
    /// When no connection could be opened, or it broke before the answer was complete; see [`was_never_sent`].
    pub async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, BoxError> {
        let response = self.client.request(request.map(SdkBody::from)).await?;
        let (head, body) = response.into_parts();
        // The connection returns to the pool only after its answer was read to the end.
        Ok(http::Response::from_parts(head, body.collect().await?.to_bytes()))
    }

    /// Opens a connection to the origin of `url` and keeps it for the first call, so that the handshakes fall into the
    /// start of the process. It asks for `/` without credentials, and any answer will do.
    ///
    /// # Errors
    /// When there is no answer. Nothing is lost then: the first call opens its own connection.
    pub async fn open(&self, url: &str) -> Result<(), BoxError> {
        let mut origin = url::Url::parse(url)?;
        origin.set_path("/");
        origin.set_query(None);
        self.send(http::Request::get(origin.as_str()).body(Bytes::new())?).await?;
        Ok(())
    }
}

/// Whether the request behind `error` never left this process: no connection could be opened, or the pooled one had been
/// closed before the first byte was written. Only then is it certain that the service did nothing.
///
/// Takes the outermost error and looks through its sources, so it serves `SdkError` as well as [`ConnectorError`].
pub fn was_never_sent(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect)
            || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

impl HttpClient for Pool {
    /// The same connector for every client and setting, so that all share their connections: the connect timeout is the
    /// pool's own, and reads are bounded by the SDK's attempt timeout.
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Pool {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let response = self.client.request(request);
        HttpConnectorFuture::new(async move {
            let response = response.await.map_err(connector_error)?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn connector_error(error: legacy::Error) -> ConnectorError {
    let never_connected = error.is_connect();
    let error = ConnectorError::io(error.into());
    if never_connected { error.never_connected() } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Serves one canned byte string a connection and counts the requests that arrive.
    fn serve(answers: &'static [&'static [u8]]) -> (String, std::thread::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).unwrap();
                stream.write_all(answer).unwrap();
            }
            answers.len()
        });
        (address, served)
    }

    #[tokio::test]
    async fn a_request_is_answered_over_plain_http() {
        let (address, _) = serve(&[b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]);
        let response = sdk_client().unwrap().call(HttpRequest::get(address).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(&body[..], b"ok");
    }

    #[tokio::test]
    async fn a_refused_connection_is_known_to_have_sent_nothing() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = sdk_client()
            .unwrap()
            .call(HttpRequest::get(format!("http://{closed}/")).unwrap())
            .await
            .unwrap_err();
        assert!(error.is_io());
        assert!(was_never_sent(&error));
    }

    #[tokio::test]
    async fn a_connection_lost_after_the_request_leaves_it_open_and_nothing_is_sent_again() {
        let (address, served) = serve(&[b""]);
        let error = sdk_client().unwrap().call(HttpRequest::get(address).unwrap()).await.unwrap_err();
        assert!(!was_never_sent(&error), "{error:?}");
        // The server takes one connection only: a second send would have been refused, and would read as never sent.
        assert_eq!(served.join().unwrap(), 1);
    }

    #[tokio::test]
    async fn a_connection_opened_ahead_serves_the_first_call() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/queue/url", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            drop(listener);
            let mut lines = Vec::new();
            for _ in 0..2 {
                let mut request = [0; 1024];
                let length = stream.read(&mut request).unwrap();
                stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 1\r\n\r\n-").unwrap();
                lines.push(String::from_utf8_lossy(&request[..length]).lines().next().unwrap().to_owned());
            }
            lines
        });
        let pool = sdk_client().unwrap();
        pool.open(&address).await.unwrap();
        pool.call(HttpRequest::get(address).unwrap()).await.unwrap();
        assert_eq!(served.join().unwrap(), ["GET / HTTP/1.1", "GET /queue/url HTTP/1.1"]);
    }

    #[tokio::test]
    async fn a_server_that_signed_its_own_certificate_gets_nothing() {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key.into())
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let accepted = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await.map(|_| ())
        });
        let error = sdk_client().unwrap().call(HttpRequest::get(url).unwrap()).await.unwrap_err();
        assert!(was_never_sent(&error));
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        assert!(cause.to_string().contains("UnknownIssuer"), "{cause}");
        accepted.await.unwrap().unwrap_err();
    }

    #[test]
    fn tls_trusts_the_compiled_in_roots() {
        assert!(webpki_roots::TLS_SERVER_ROOTS.len() > 100);
        tls_config().unwrap();
    }
}
