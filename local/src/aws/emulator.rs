//! The HTTP server: reads who signed for which service and region, and passes the request on.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use aws_credential_types::Credentials;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use winterbaume_core::{MockRequest, MockResponse};

use super::accounts::{Accounts, Identity, KeyError, RoleSession};
use super::permissions::{self, Permissions};
use super::refusal::{Dialect, Refusal, error, not_permitted};
use super::sts;

/// The region of everything that is seeded. Other regions answer too, and are empty.
pub const REGION: &str = "us-east-1";

/// The longest request body taken, in bytes (64 MiB): beyond all that the services take themselves in one request,
/// except S3.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// How long the keys of a function's own role live. Nothing renews them, so it is longer than any local run.
const FUNCTION_KEYS: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);

/// A running emulator. Dropping it stops it.
pub struct Emulator {
    address: SocketAddr,
    world: Arc<World>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct World {
    accounts: Accounts,
    permissions: Permissions,
}

impl Emulator {
    /// Starts it, empty, on a free loopback port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let world = Arc::<World>::default();
        let router = axum::Router::new().fallback(serve).with_state(Arc::clone(&world));
        let server = tokio::spawn(async move {
            // It ends with an error only if accepting fails, and then the watcher of the stack sees the end.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, world, server })
    }

    /// Its address, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Root keys of `account`, which must be one of [`super::HOME`], [`super::DEV`] and [`super::PROD`].
    pub fn root_keys(&self, account: &'static str) -> Credentials {
        self.world.accounts.issue(account, Identity::Root, None)
    }

    /// Keys of a function's own role in the home account, as Lambda puts them into the function's environment.
    pub fn function_keys(&self, role_name: &str, function: &str) -> Credentials {
        let session = RoleSession {
            role_arn: format!("arn:aws:iam::{}:role/{role_name}", super::HOME),
            role_id: "AROALOCALFUNCTIONROLE".into(),
            name: function.into(),
            source_identity: None,
        };
        self.world.accounts.issue(super::HOME, Identity::RoleSession(session), Some(FUNCTION_KEYS))
    }

    /// Returns when the server has ended, which it does only by a fault.
    pub async fn ended(&mut self) {
        let _ = (&mut self.server).await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(State(world): State<Arc<World>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => answer(&world, &parts, body).await,
        Err(_) => error(Dialect::RestJson, 413, "RequestEntityTooLarge", "Request is too large"),
    };
    let mut response = Response::new(axum::body::Body::from(answer.body));
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answer.headers;
    if !response.headers().contains_key("x-amzn-requestid")
        && let Ok(id) = uuid::Uuid::new_v4().to_string().parse()
    {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// The parts of `Authorization: AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
struct Scope<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    fn read(headers: &'a http::HeaderMap) -> Option<Self> {
        let header = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let credential = header.strip_prefix("AWS4-HMAC-SHA256")?.split_once("Credential=")?.1;
        let mut parts = credential.split([',', ' ']).next()?.split('/');
        let (key, _date, region, service) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self { key, region, service })
    }
}

async fn answer(world: &World, parts: &http::request::Parts, body: Bytes) -> MockResponse {
    let Some(scope) = Scope::read(&parts.headers) else {
        return Refusal::NoSignature.answer(Dialect::of("", &parts.headers));
    };
    let dialect = Dialect::of(scope.service, &parts.headers);
    let token = parts.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
    let caller = match world.accounts.identify(scope.key, token) {
        Ok(caller) => caller,
        Err(KeyError::Unknown) => return Refusal::UnknownKey.answer(dialect),
        Err(KeyError::Expired) => return Refusal::ExpiredToken.answer(dialect),
    };
    let Some(account) = world.accounts.get(caller.account) else {
        return Refusal::UnknownKey.answer(dialect);
    };

    let form: BTreeMap<String, String> = match dialect {
        Dialect::Query | Dialect::Ec2 => url::form_urlencoded::parse(&body).into_owned().collect(),
        _ => BTreeMap::new(),
    };
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = form.get("Action").map(String::as_str).or_else(|| target?.rsplit('.').next());
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let action = permissions::action(scope.service, operation, &parts.method, path, query);
    // AWS answers GetCallerIdentity to whoever has keys, even if a policy denies it.
    if action != "sts:GetCallerIdentity" && !world.permissions.allow(account, &caller, &action).await {
        let resource = form.get("RoleArn").map(String::as_str);
        return not_permitted(dialect, &caller.arn(), &action, resource);
    }
    if scope.service == "sts" {
        return sts::answer(&world.accounts, &caller, &form).await;
    }

    // The services read the region from the host that the request would have had at AWS. IAM has one for all regions,
    // and S3 is given one here because a bucket's name is unique in all regions.
    let host = match scope.service {
        "iam" => "iam.amazonaws.com".into(),
        "s3" => format!("s3.{REGION}.amazonaws.com"),
        service => format!("{service}.{}.amazonaws.com", scope.region),
    };
    let path_and_query = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers.clone();
    headers.remove(http::header::AUTHORIZATION);
    let request = MockRequest {
        method: parts.method.to_string(),
        uri: format!("https://{host}{path_and_query}"),
        headers,
        body,
    };
    let answer = account.handle(scope.service, request).await;
    if scope.service == "iam" {
        world.permissions.forget();
    }
    answer.unwrap_or_else(|| {
        let message =
            format!("the local AWS has no service {}; see local/src/aws.rs for those it has", scope.service);
        error(dialect, 501, "NotImplemented", &message)
    })
}
