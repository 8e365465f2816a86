//! A browser as far as an install needs one: it keeps cookies and does not follow redirects by itself.

use anyhow::Context;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// A browser with its cookies. It sends each to whoever asks: everything here is on one host.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    cookies: Vec<(String, String)>,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// Where it sends the browser.
    pub location: Option<String>,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The text of the body.
    pub body: String,
}

impl Browser {
    /// Opens an address.
    pub async fn get(&mut self, url: &str) -> anyhow::Result<Page> {
        self.send(Request::get(url), Bytes::new()).await
    }

    /// Submits a form.
    pub async fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> anyhow::Result<Page> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, form.into()).await
    }

    async fn send(&mut self, mut request: http::request::Builder, body: Bytes) -> anyhow::Result<Page> {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let response = client.request(request.body(Full::new(body))?).await?;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
            let (name, value) = cookie.split_once('=').context("a cookie without a value")?;
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        let (parts, body) = response.into_parts();
        let location = parts.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        Ok(Page {
            status: parts.status.as_u16(),
            location: location.map(str::to_owned),
            body: String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned(),
            headers: parts.headers,
        })
    }
}
