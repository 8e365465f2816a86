//! Signature Version 4 and 4A in headers, with the differences that services ask for.

use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest, SigningParams,
    SigningSettings, UriPathNormalizationMode, sign as sigv4,
};
use aws_sigv4::sign::{v4, v4a};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::checksum::sha256_hex;
use crate::endpoint::{SignatureVersion, Signing};
use crate::model::{Operation, Service, TimestampFormat};
use crate::serialize::{HttpRequest, percent_encode};
use crate::session::Credentials;
use crate::timestamp;

/// Headers that something on the way may change, so that no signature covers them.
const NOT_SIGNED: [&str; 6] =
    ["authorization", "user-agent", "x-amzn-trace-id", "transfer-encoding", "expect", "connection"];

/// What a signature covers besides its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// S3 takes paths as they are, without normalizing them, and wants the payload's hash in a header.
    pub is_s3: bool,
    /// The body's hash is not part of the signature.
    pub unsigned_payload: bool,
}

impl Coverage {
    /// What the signature of a request of an operation covers.
    pub fn of(service: &Service, operation: &Operation, request: &HttpRequest) -> Self {
        let is_s3 = matches!(service.signature_version.as_str(), "s3" | "s3v4");
        // S3 need not hear the hash of a streamed body that it checks by other means.
        let checked =
            || operation.streamed_member(service).is_some() && request.header("Content-MD5").is_some();
        let unsigned = operation.authtype == "v4-unsigned-body" || operation.unsigned_payload;
        Self { is_s3, unsigned_payload: if is_s3 { checked() } else { unsigned } }
    }
}

/// The request cannot be put into the form that is signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the request cannot be signed: {0}")]
pub struct SignError(String);

/// Adds the signature's headers to `request`, which goes to `url`.
pub fn sign(
    request: &mut HttpRequest,
    url: &str,
    signing: &Signing,
    coverage: Coverage,
    credentials: &Credentials,
    time: SystemTime,
) -> Result<(), SignError> {
    let failed = |error: &dyn std::fmt::Display| SignError(error.to_string());
    let keys = Keys::new(
        credentials.access_key_id.as_str(),
        credentials.secret_access_key.as_str(),
        credentials.session_token.clone(),
        None,
        "session",
    );
    let identity = keys.into();
    let settings = settings(signing, coverage);
    let params = match &signing.version {
        SignatureVersion::V2 => return sign_form(request, url, credentials, time),
        SignatureVersion::V4 => v4::SigningParams::builder()
            .identity(&identity)
            .region(&signing.region)
            .name(&signing.name)
            .time(time)
            .settings(settings)
            .build()
            .map(SigningParams::from)
            .map_err(|error| failed(&error))?,
        SignatureVersion::V4a(set) => v4a::SigningParams::builder()
            .identity(&identity)
            .region_set(set)
            .name(&signing.name)
            .time(time)
            .settings(settings)
            .build()
            .map(SigningParams::from)
            .map_err(|error| failed(&error))?,
    };
    let body = match request.header("x-amz-content-sha256") {
        _ if coverage.unsigned_payload => SignableBody::UnsignedPayload,
        Some(hash) => SignableBody::Precomputed(hash.to_owned()),
        None => SignableBody::Bytes(&request.body),
    };
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let url = in_small_letters(url);
    let signable =
        SignableRequest::new(&request.method, url.as_str(), headers, body).map_err(|error| failed(&error))?;
    let (instructions, _) = sigv4(signable, &params).map_err(|error| failed(&error))?.into_parts();
    for header in instructions.into_parts().0 {
        request.set_header(header.name(), header.value());
    }
    Ok(())
}

/// A URL with its host in small letters, in which it is signed.
fn in_small_letters(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let end = url[start..].find(['/', '?']).map_or(url.len(), |at| start + at);
    format!("{}{}{}", &url[..start], url[start..end].to_lowercase(), &url[end..])
}

/// Adds a signature of version 2 to the form in the body.
fn sign_form(
    request: &mut HttpRequest,
    url: &str,
    credentials: &Credentials,
    time: SystemTime,
) -> Result<(), SignError> {
    let failed = |error: &dyn std::fmt::Display| SignError(error.to_string());
    let url = url::Url::parse(url).map_err(|error| failed(&error))?;
    let mut form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let mut add = |name: &str, value: &str| form.push((name.to_owned(), value.to_owned()));
    add("AWSAccessKeyId", &credentials.access_key_id);
    add("SignatureVersion", "2");
    add("SignatureMethod", "HmacSHA256");
    let seconds = time::OffsetDateTime::from(time).replace_nanosecond(0).map_err(|error| failed(&error))?;
    add("Timestamp", &timestamp::write(seconds, TimestampFormat::Iso8601).to_string());
    if let Some(token) = &credentials.session_token {
        add("SecurityToken", token);
    }
    let encoded = |text: &str| percent_encode(text, "-_~.");
    let mut signed: Vec<_> = form.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
    signed.sort();
    let signed: Vec<_> = signed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let host = url.host_str().unwrap_or_default();
    let text = format!("{}\n{host}\n{}\n{}", request.method, url.path(), signed.join("&"));
    let mut mac = Hmac::<Sha256>::new_from_slice(credentials.secret_access_key.as_bytes())
        .map_err(|error| failed(&error))?;
    mac.update(text.as_bytes());
    form.push(("Signature".to_owned(), STANDARD.encode(mac.finalize().into_bytes())));
    request.body =
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish().into_bytes().into();
    Ok(())
}

/// The hash of a payload that is not known when a URL is signed.
pub(crate) const ANY_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Adds a signature to the query string of a GET request that others will make within `seconds`, with these headers besides
/// the host. Returns the URL. `payload` is the hash of the request's body. The parameters are in the order in which the
/// official CLI writes them and, as there, any number of seconds is taken.
///
/// # Errors
/// When the signature is to be of another version than 4.
pub(crate) fn presign(
    url: &str,
    headers: &[(&str, &str)],
    signing: &Signing,
    credentials: &Credentials,
    time: SystemTime,
    seconds: i64,
    payload: &str,
) -> Result<String, SignError> {
    if signing.version != SignatureVersion::V4 {
        return Err(SignError("URLs are signed with version 4 only".to_owned()));
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let path = if signing.double_encode_path { percent_encode(path, "/") } else { path.to_owned() };
    let stamp = stamp(time);
    let scope = format!("{}/{}/{}/aws4_request", &stamp[..8], signing.region, signing.name);
    let host = host.to_lowercase();
    let mut headers = headers.to_vec();
    headers.push(("host", &host));
    headers.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut added = vec![
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
        ("X-Amz-Credential", format!("{}/{scope}", credentials.access_key_id)),
        ("X-Amz-Date", stamp.clone()),
        ("X-Amz-Expires", seconds.to_string()),
        ("X-Amz-SignedHeaders", names.clone()),
    ];
    let token = if signing.by_session { "X-Amz-S3session-Token" } else { "X-Amz-Security-Token" };
    added.extend(credentials.session_token.clone().map(|value| (token, value)));
    let mut pairs: Vec<String> =
        query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    pairs.extend(added.iter().map(|(name, value)| format!("{name}={}", percent_encode(value, ""))));
    let mut sorted: Vec<(&str, &str)> =
        pairs.iter().map(|pair| pair.split_once('=').unwrap_or((pair.as_str(), ""))).collect();
    sorted.sort_unstable();
    let query: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let canonical = format!("GET\n{path}\n{}\n{lines}\n{names}\n{payload}", query.join("&"));
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
    let key = v4::generate_signing_key(&credentials.secret_access_key, time, &signing.region, &signing.name);
    let signature = v4::calculate_signature(key, text.as_bytes());
    Ok(format!("{address}?{}&X-Amz-Signature={signature}", pairs.join("&")))
}

/// A time as signatures write it: `20250115T123456Z`.
fn stamp(time: SystemTime) -> String {
    let time = time::OffsetDateTime::from(time);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn settings(signing: &Signing, coverage: Coverage) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.excluded_headers = Some(NOT_SIGNED.map(Into::into).to_vec());
    settings.session_token_mode = SessionTokenMode::Include;
    if signing.by_session {
        settings.session_token_name_override = Some("x-amz-s3session-token");
    }
    if !signing.double_encode_path {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
    }
    if coverage.is_s3 {
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    if coverage.is_s3 || coverage.unsigned_payload {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}
