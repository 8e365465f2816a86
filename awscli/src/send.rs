//! One API call from its parameters to its result: completed, written, journaled, signed, sent, and sent again where
//! that cannot do a thing twice.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use thiserror::Error;

use crate::catalog;
use crate::classify;
use crate::customize::{self, Added};
use crate::endpoint::{Origin, Target, TargetError, is_valid_host_label};
use crate::format;
use crate::model::{Operation, Service};
use crate::parse::{Answer, HttpResponse, ParseError, ServiceError, parse};
use crate::retry::{self, Failure, MAX_ATTEMPTS, Quota};
use crate::secrets;
use crate::serialize::{HttpRequest, SerializeError, serialize};
use crate::session::{Call, CallEnd, Credentials, Effect, Session};
use crate::sign::{self, Coverage, SignError};
use crate::timestamp;
use crate::transport::TransportError;
use crate::value::{Map, Value};

/// How long one attempt may take, as in the official CLI. The run's own deadline may be nearer.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// A clock that is less than this off is not the reason for a refused signature.
const CLOCK_TOLERANCE: i64 = 240;

/// [`Operation::endpoint_discovery`] of the operations that no fixed host answers.
const DISCOVERY_REQUIRED: u8 = 2;

/// What the services see of this program.
const USER_AGENT: &str = concat!("alfredbot-awscli/", env!("CARGO_PKG_VERSION"));

/// The calls of one run: what they have used up of the session's budget, and what the run must tell in the end. Several
/// calls may be under way at a time.
pub struct Calls<'a> {
    session: &'a Session<'a>,
    /// Why the journal has refused a call, if it has: it then refuses all that come after. Held while a call is entered,
    /// so that calls are entered one by one.
    entry: tokio::sync::Mutex<Option<String>>,
    state: Mutex<State>,
}

/// What a run's calls come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Calls begun, without retries.
    pub made: u32,
    /// How many secret values are hidden in their results.
    pub hidden: usize,
    /// Mutating calls whose outcome is unknown.
    pub unknown: Vec<String>,
    /// Why the journal may lack the end of a call.
    pub journal_error: Option<String>,
}

#[derive(Default)]
struct State {
    tally: Tally,
    requests: u32,
    bytes_read: usize,
    quota: Quota,
    /// Keys that a service lent for the call that is being made.
    lent: Option<Credentials>,
    /// What must be added to the clock, in seconds.
    skew: i64,
    /// Addresses that services gave for themselves, by the fixed ones.
    discovered: Vec<(String, String)>,
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The result's members.
    pub value: Map,
    /// The response that they came in. Its body is empty: it has become the value.
    pub http: HttpResponse,
}

/// Why a call gave nothing.
#[derive(Debug, Error)]
pub enum CallError {
    /// The service refused it, or failed.
    #[error("An error occurred ({}) when calling the {operation} operation: {}", error.code, error.message)]
    Service {
        /// What it said.
        error: Box<ServiceError>,
        /// The operation's name.
        operation: String,
        /// How often it was sent again, if that was as often as it may be.
        retries: Option<u32>,
    },
    /// The parameters fit no request.
    #[error("{0}")]
    Parameters(String),
    /// There is no endpoint for it.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// No connection.
    #[error("Could not connect to the endpoint URL: \"{url}\" ({reason})")]
    Connect {
        /// The address.
        url: String,
        /// Why there is none.
        reason: String,
    },
    /// The connection broke.
    #[error(
        "Connection was closed before we received a valid response from endpoint URL: \"{url}\" ({reason})"
    )]
    Closed {
        /// The address.
        url: String,
        /// How it broke.
        reason: String,
    },
    /// There was no answer in time.
    #[error("Read timeout on endpoint URL: \"{url}\"")]
    Timeout {
        /// The address.
        url: String,
    },
    /// The answer was not understood.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The response's checksum is not that of its body.
    #[error("Expected checksum {expected} did not match calculated checksum: {found}")]
    Checksum {
        /// As in the header.
        expected: String,
        /// As computed.
        found: String,
    },
    /// What a service signed a URL for is not to be had.
    #[error("{0}")]
    Download(String),
    /// The service did not say where its calls go.
    #[error("Endpoint Discovery Failed: {0}")]
    Discovery(String),
    /// The pages do not go on as they should.
    #[error("Error during pagination: {0}")]
    Paging(String),
    /// The call was not made since the budget is used up. Names the limit.
    #[error("{0}")]
    Budget(String),
    /// The journal did not let the call be made, and says why.
    #[error("{0}")]
    Journal(String),
}

impl CallError {
    /// The error as the AWS CLI prints it on standard error.
    pub fn text(&self) -> String {
        match self {
            Self::Service { error, operation, retries } => format::service_error(error, operation, *retries),
            other => format::error_line(&other.to_string()),
        }
    }

    /// The AWS CLI's exit status for this error.
    pub fn exit_status(&self) -> i32 {
        match self {
            Self::Service { .. } => 254,
            Self::Parameters(_) => 252,
            Self::Target(TargetError::NoRegion) => 253,
            Self::Target(TargetError::BadParameter(_) | TargetError::BadHostLabel(_)) => 252,
            Self::Budget(_) => 130,
            _ => 255,
        }
    }
}

impl From<SerializeError> for CallError {
    fn from(error: SerializeError) -> Self {
        Self::Parameters(format!("Parameter validation failed:\n{error}"))
    }
}

/// One attempt's outcome.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
enum Attempt {
    Answer(HttpResponse, Answer),
    Error(CallError, Failure),
}

impl<'a> Calls<'a> {
    /// The calls of a run under `session`.
    pub fn new(session: &'a Session<'a>) -> Self {
        Self { session, entry: tokio::sync::Mutex::default(), state: Mutex::default() }
    }

    /// The session.
    pub fn session(&self) -> &'a Session<'a> {
        self.session
    }

    /// What the calls have come to so far.
    pub fn tally(&self) -> Tally {
        self.state().tally.clone()
    }

    /// How many bytes may still be read.
    pub fn bytes_left(&self) -> usize {
        self.session.budget.read_bytes.saturating_sub(self.state().bytes_read)
    }

    /// Counts secrets that are hidden by who prints them.
    pub fn count_hidden(&self, hidden: usize) {
        self.state().tally.hidden += hidden;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call of `operation` in `region`, with retries. `params` are validated.
    pub async fn send(
        &self,
        service: &Service,
        operation: &Operation,
        params: Map,
        region: Option<&str>,
    ) -> Result<Response, CallError> {
        self.send_body(service, operation, params, None, region).await
    }

    /// [`Calls::send`] with the request's body besides the parameters, so that a large one is not copied.
    pub async fn send_body(
        &self,
        service: &Service,
        operation: &Operation,
        params: Map,
        body: Option<Bytes>,
        region: Option<&str>,
    ) -> Result<Response, CallError> {
        let mut outcome = self.make(service, operation, params, body, region).await;
        if let Ok(response) = &mut outcome
            && self.session.hide_secrets
        {
            self.count_hidden(secrets::hide(service, operation, &mut response.value));
        }
        outcome
    }

    /// The same with all secrets in the result, for commands that need one and show none of the others.
    pub(crate) async fn reveal(
        &self,
        service: &Service,
        operation: &Operation,
        params: Map,
        region: Option<&str>,
    ) -> Result<Response, CallError> {
        self.make(service, operation, params, None, region).await
    }

    async fn make(
        &self,
        service: &Service,
        operation: &Operation,
        mut params: Map,
        body: Option<Bytes>,
        region: Option<&str>,
    ) -> Result<Response, CallError> {
        let mut url = None;
        // Emulators hear all services at one address.
        if operation.endpoint_discovery == DISCOVERY_REQUIRED && self.session.endpoint.is_none() {
            let fixed = self.target(service, operation, &params, region)?;
            url = Some(Box::pin(self.discovered(service, region, &fixed)).await?);
        }
        let mut entry = self.entry.lock().await;
        let number = self.tally().made;
        let (request, added) = self.request(service, operation, &mut params, body)?;
        let mut target = self.target(service, operation, &params, region)?;
        target.url = url.unwrap_or(target.url);
        self.check_budget()?;
        let call = Call {
            number,
            service: service.command.clone(),
            operation: operation.name.clone(),
            effect: classify::impact(service, operation, &params).into(),
            token: added.token.clone(),
        };
        self.enter(&mut entry, &call).await?;
        drop(entry);
        let prepared = Prepared { service, operation, params: &params, request: &request, added: &added };
        let (outcome, end) = self.attempts(&prepared, &call, target).await;
        if end == CallEnd::Unknown && call.effect == Effect::Write {
            self.state().tally.unknown.push(format!("{} {}", service.command, operation.command));
        }
        self.leave(&call, &end).await;
        outcome
    }

    /// Tells the journal that a command hands out credentials without a call, as if it were one.
    ///
    /// # Errors
    /// When the journal does not allow it.
    pub async fn mint(&self, service: &str, operation: &str) -> Result<(), CallError> {
        let mut entry = self.entry.lock().await;
        let call = Call {
            number: self.tally().made,
            service: service.to_owned(),
            operation: operation.to_owned(),
            effect: Effect::Write,
            token: None,
        };
        self.enter(&mut entry, &call).await?;
        self.leave(&call, &CallEnd::Done).await;
        Ok(())
    }

    /// Enters a call into the journal. What that refuses ends the run, so nothing is entered after it.
    async fn enter(&self, refused: &mut Option<String>, call: &Call) -> Result<(), CallError> {
        if refused.is_none() {
            *refused = self.session.journal.before(call).await.err();
        }
        if let Some(reason) = refused {
            return Err(CallError::Journal(reason.clone()));
        }
        let mut state = self.state();
        state.tally.made += 1;
        state.requests += 1;
        Ok(())
    }

    async fn leave(&self, call: &Call, end: &CallEnd) {
        if let Err(error) = self.session.journal.after(call, end).await {
            self.state().tally.journal_error.get_or_insert(error);
        }
    }

    /// The same under keys that a service lent for this call.
    pub(crate) async fn send_as(
        &self,
        credentials: Credentials,
        service: &Service,
        operation: &Operation,
        params: Map,
        region: Option<&str>,
    ) -> Result<Response, CallError> {
        self.state().lent = Some(credentials);
        let outcome = self.send(service, operation, params, region).await;
        self.state().lent = None;
        outcome
    }

    /// What is at a URL that a service signed. Others than AWS's own are not gone to.
    pub(crate) async fn fetch(&self, url: &str, region: Option<&str>) -> Result<Vec<u8>, CallError> {
        let parsed = url::Url::parse(url).ok().filter(|parsed| parsed.scheme() == "https");
        let is_own = parsed.as_ref().and_then(url::Url::host_str).is_some_and(|host| is_of_aws(host, region));
        let request = http::Request::get(url).body(Bytes::new());
        let Some(request) = request.ok().filter(|_| is_own) else {
            return Err(CallError::Download(format!("{url} is no address of AWS")));
        };
        self.check_budget()?;
        self.state().requests += 1;
        let time_left = self.session.budget.deadline.saturating_duration_since(Instant::now());
        let sent = self.session.http.send(request, None, self.bytes_left());
        let response = match tokio::time::timeout(time_left.min(ATTEMPT_TIMEOUT), sent).await {
            Err(_) => return Err(CallError::Timeout { url: url.to_owned() }),
            Ok(Err(error)) => return Err(CallError::Download(format!("<urlopen error {error}>"))),
            Ok(Ok(response)) => response,
        };
        self.state().bytes_read += response.body.len();
        match response.status {
            200..300 => Ok(response.body),
            status => {
                let reason =
                    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
                Err(CallError::Download(format!("HTTP Error {status}: {}", reason.unwrap_or_default())))
            }
        }
    }

    /// The address that a service without a fixed one gives for the calls of this run. Addresses outside of AWS's own
    /// names are not gone to, whoever gives them.
    async fn discovered(
        &self,
        service: &Service,
        region: Option<&str>,
        fixed: &Target,
    ) -> Result<String, CallError> {
        let known =
            |state: &State| Some(state.discovered.iter().find(|(url, _)| *url == fixed.url)?.1.clone());
        if let Some(url) = known(&self.state()) {
            return Ok(url);
        }
        let bad = |what: &str| CallError::Discovery(format!("{}: {what}", service.command));
        let operation = service.operation_named("DescribeEndpoints");
        let operation = operation.ok_or_else(|| bad("it has no operation that gives its address"))?;
        let answer = self.send(service, operation, Map::new(), region).await?.value;
        let first = match answer.get("Endpoints") {
            Some(Value::List(endpoints)) => endpoints.first(),
            _ => None,
        };
        let host = first.and_then(|endpoint| endpoint.get("Address")?.as_str());
        let host = host.ok_or_else(|| bad("the answer holds no address"))?;
        if !is_of_aws(host, region) {
            return Err(bad(&format!("{host} is no address of AWS")));
        }
        let url = format!("https://{host}");
        self.state().discovered.push((fixed.url.clone(), url.clone()));
        Ok(url)
    }

    /// Completes the next call's parameters and writes its request.
    fn request(
        &self,
        service: &Service,
        operation: &Operation,
        params: &mut Map,
        body: Option<Bytes>,
    ) -> Result<(HttpRequest, Added), CallError> {
        let made = self.tally().made;
        let token = || self.session.tokens.of_call(made).to_string();
        let added =
            customize::complete_params(service, operation, params, token).map_err(CallError::Parameters)?;
        let mut request = serialize(service, operation, params)?;
        if let Some(body) = body {
            request.body = body;
        }
        customize::complete_request(service, operation, params, &mut request)
            .map_err(CallError::Parameters)?;
        request.set_header("User-Agent", USER_AGENT);
        Ok((request, added))
    }

    /// The request that [`Calls::send`] would send first, signed, with its URL. Nothing is sent.
    pub fn preview(
        &self,
        service: &Service,
        operation: &Operation,
        mut params: Map,
        region: Option<&str>,
    ) -> Result<(HttpRequest, String), CallError> {
        let (request, added) = self.request(service, operation, &mut params, None)?;
        let target = self.target(service, operation, &params, region)?;
        let prepared = Prepared { service, operation, params: &params, request: &request, added: &added };
        Ok(self.signed(&prepared, &target)?)
    }

    /// Checks, as [`Calls::send`] does before it sends, that there is a request for `params` and a place to send it to.
    pub fn check(
        &self,
        service: &Service,
        operation: &Operation,
        mut params: Map,
        region: Option<&str>,
    ) -> Result<(), CallError> {
        self.request(service, operation, &mut params, None)?;
        match self.target(service, operation, &params, region) {
            // Nothing will be signed.
            Ok(_) | Err(TargetError::Signature { .. } | TargetError::NoToken) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The URL with which anybody can make a call of `operation`, which has no body, for `seconds`. Nothing is sent.
    pub fn presign(
        &self,
        service: &Service,
        operation: &Operation,
        mut params: Map,
        region: Option<&str>,
        seconds: i64,
    ) -> Result<String, CallError> {
        let (request, _) = self.request(service, operation, &mut params, None)?;
        let target = self.target(service, operation, &params, region)?;
        let url = url_of(&target.url, &request);
        let (credentials, time) = (&self.session.credentials, self.now());
        match &target.signing {
            Some(signing) => {
                Ok(sign::presign(&url, &[], signing, credentials, time, seconds, sign::ANY_PAYLOAD)?)
            }
            None => Ok(url),
        }
    }

    /// Where a call goes.
    pub(crate) fn target(
        &self,
        service: &Service,
        operation: &Operation,
        params: &Map,
        region: Option<&str>,
    ) -> Result<Target, TargetError> {
        let origin = Origin {
            region,
            endpoint: self.session.endpoint.as_ref(),
            account_id: self.session.credentials.account_id.as_deref(),
        };
        Target::find(service, operation, params, origin)
    }

    /// Refuses a call that the budget does not allow.
    fn check_budget(&self) -> Result<(), CallError> {
        let budget = &self.session.budget;
        if self.state().requests >= budget.calls {
            return Err(CallError::Budget(format!("the limit of {} calls is reached", budget.calls)));
        }
        if self.bytes_left() == 0 {
            return Err(CallError::Budget(format!(
                "the limit of {} bytes to read is reached",
                budget.read_bytes
            )));
        }
        if Instant::now() + budget.reserve >= budget.deadline {
            return Err(CallError::Budget("the time is up".to_owned()));
        }
        Ok(())
    }

    /// Sends until there is an answer that stands, and says how the call ended.
    async fn attempts(
        &self,
        prepared: &Prepared<'_>,
        call: &Call,
        mut target: Target,
    ) -> (Result<Response, CallError>, CallEnd) {
        let mut attempt = 1;
        let mut paid = 0;
        // Whether an earlier attempt may have reached the service without an answer.
        let mut doubtful = false;
        let (mut redirected, mut clock_set) = (false, false);
        loop {
            let (error, failure, wish) = match self.attempt(prepared, &target).await {
                Attempt::Answer(http, Answer::Result(value)) => {
                    self.state().quota.give_back(paid);
                    return (Ok(prepared.respond(http, value)), CallEnd::Done);
                }
                Attempt::Answer(http, Answer::Error(error)) => {
                    if !redirected && let Some(region) = new_region(prepared, &http, &error, &target) {
                        redirected = true;
                        match self.target(
                            prepared.service,
                            prepared.operation,
                            prepared.params,
                            Some(&region),
                        ) {
                            Ok(found) => target = found,
                            Err(error) => return (Err(error.into()), CallEnd::Refused),
                        }
                        self.state().requests += 1;
                        continue;
                    }
                    if !clock_set && retry::may_be_the_clock(&error.code) && self.set_clock(&http) {
                        clock_set = true;
                        self.state().requests += 1;
                        continue;
                    }
                    let wish = http.header("x-amz-retry-after").and_then(|text| text.parse().ok());
                    let failure = Failure::of(&error);
                    let error = Box::new(error);
                    let operation = call.operation.clone();
                    let error = CallError::Service { error, operation, retries: None };
                    (error, failure, wish.map(Duration::from_millis))
                }
                Attempt::Error(error, failure) => (error, failure, None),
            };
            doubtful |= !failure.changed_nothing();
            let end = if doubtful { CallEnd::Unknown } else { CallEnd::Refused };
            if !retry::may_repeat(call.effect, call.token.is_some(), failure) {
                return (Err(error), end);
            }
            if attempt >= MAX_ATTEMPTS {
                return (Err(with_retries(error, attempt - 1)), end);
            }
            let Some(cost) = self.state().quota.take(failure) else {
                return (Err(error), end);
            };
            paid = cost;
            let pause = retry::wait(attempt, failure, jitter(), wish);
            let budget = &self.session.budget;
            if Instant::now() + pause + budget.reserve >= budget.deadline || self.check_budget().is_err() {
                return (Err(error), end);
            }
            self.state().requests += 1;
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Signs and sends once.
    async fn attempt(&self, prepared: &Prepared<'_>, target: &Target) -> Attempt {
        let (request, url) = match self.signed(prepared, target) {
            Ok(signed) => signed,
            Err(error) => return Attempt::Error(error.into(), Failure::Refused),
        };
        let request = match into_http(request, &url) {
            Ok(request) => request,
            Err(reason) => return Attempt::Error(CallError::Parameters(reason), Failure::Refused),
        };
        let time_left = self.session.budget.deadline.saturating_duration_since(Instant::now());
        let sent = self.session.http.send(request, self.session.endpoint.as_ref(), self.bytes_left());
        let mut response = match tokio::time::timeout(time_left.min(ATTEMPT_TIMEOUT), sent).await {
            Err(_) => return Attempt::Error(CallError::Timeout { url }, Failure::NoAnswer),
            Ok(Err(error)) => return transport_error(error, url, self.session.budget.read_bytes),
            Ok(Ok(response)) => response,
        };
        // Other calls may have read in the meantime.
        if response.body.len() > self.bytes_left() {
            let error = TransportError::TooLarge(self.bytes_left());
            return transport_error(error, url, self.session.budget.read_bytes);
        }
        self.state().bytes_read += response.body.len();
        let (service, operation) = (prepared.service, prepared.operation);
        customize::correct_status(service, operation, &mut response);
        if let Err(error) = check_body(prepared, &response) {
            return Attempt::Error(error, Failure::NotUnderstood);
        }
        let expires = customize::drop_bad_headers(service, operation, &mut response);
        match parse(service, operation, &response) {
            Ok(answer) => {
                response.headers.extend(expires.map(|text| ("expires".to_owned(), text)));
                Attempt::Answer(response, answer)
            }
            Err(error) => Attempt::Error(error.into(), Failure::NotUnderstood),
        }
    }

    fn signed(&self, prepared: &Prepared<'_>, target: &Target) -> Result<(HttpRequest, String), SignError> {
        let mut request = prepared.request.clone();
        for (name, value) in &target.headers {
            request.set_header(name, value.as_str());
        }
        let Some(signing) = &target.signing else {
            let url = url_of(&target.url, &request);
            return Ok((request, url));
        };
        let lent = self.state().lent.clone();
        let credentials = lent.as_ref().unwrap_or(&self.session.credentials);
        let (service, operation) = (prepared.service, prepared.operation);
        let time = self.now();
        customize::add_presigned_url(
            service,
            operation,
            &mut request,
            &target.url,
            signing,
            credentials,
            time,
        )?;
        let url = url_of(&target.url, &request);
        let coverage = Coverage::of(service, operation, &request);
        sign::sign(&mut request, &url, signing, coverage, credentials, time)?;
        Ok((request, url))
    }

    fn now(&self) -> SystemTime {
        let now = self.session.now();
        let seconds = self.state().skew;
        let skew = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 { now - skew } else { now + skew }
    }

    /// Takes the service's time, if it differs from ours by so much that signatures fail.
    fn set_clock(&self, response: &HttpResponse) -> bool {
        let Some(theirs) = response.header("Date").and_then(timestamp::parse) else {
            return false;
        };
        let ours = time::OffsetDateTime::from(self.now());
        let difference = (theirs - ours).whole_seconds();
        if difference.abs() < CLOCK_TOLERANCE {
            return false;
        }
        self.state().skew += difference;
        true
    }
}

/// Whether a host is below the name of a region's partition.
fn is_of_aws(host: &str, region: Option<&str>) -> bool {
    let partition = region.and_then(|region| catalog::partitions().of_region(region));
    let suffix = partition.map_or("amazonaws.com", |partition| partition.dns_suffix.as_str());
    let below = host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
    below && is_valid_host_label(host, true)
}

/// A call that is ready to be signed.
struct Prepared<'a> {
    service: &'a Service,
    operation: &'a Operation,
    params: &'a Map,
    request: &'a HttpRequest,
    added: &'a Added,
}

impl Prepared<'_> {
    fn respond(&self, mut http: HttpResponse, mut value: Map) -> Response {
        customize::complete_result(self.service, self.operation, self.added, &http, &mut value);
        http.body = Vec::new();
        Response { value, http }
    }
}

/// The endpoint with the request's path and query string.
fn url_of(endpoint: &str, request: &HttpRequest) -> String {
    let mut url = endpoint.trim_end_matches('/').to_owned();
    url.push_str(&request.path);
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if !has_path {
        url.push('/');
    }
    if !request.query.is_empty() {
        url.push('?');
        url.push_str(&request.query);
    }
    url
}

fn into_http(request: HttpRequest, url: &str) -> Result<http::Request<Bytes>, String> {
    let bad = |what: &dyn std::fmt::Display| format!("the parameters give no valid request: {what}");
    let mut built = http::Request::builder().method(request.method.as_str()).uri(url);
    if !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
        // S3 wants the length of a body that is empty, too.
        built = built.header(http::header::CONTENT_LENGTH, request.body.len());
    }
    for (name, value) in &request.headers {
        let value = http::HeaderValue::from_bytes(value.as_bytes())
            .map_err(|error| bad(&format!("{name}: {error}")))?;
        built = built.header(name.as_str(), value);
    }
    built.body(request.body).map_err(|error| bad(&error))
}

fn transport_error(error: TransportError, url: String, limit: usize) -> Attempt {
    let reason = error.to_string();
    match error {
        TransportError::Refused(_) => Attempt::Error(CallError::Connect { url, reason }, Failure::Refused),
        TransportError::NotSent(_) => Attempt::Error(CallError::Connect { url, reason }, Failure::NotSent),
        TransportError::Broken(_) => Attempt::Error(CallError::Closed { url, reason }, Failure::NoAnswer),
        TransportError::TooLarge(_) => {
            let text = format!("the responses are larger than the limit of {limit} bytes to read");
            Attempt::Error(CallError::Budget(text), Failure::NotUnderstood)
        }
    }
}

/// Compares a body with its checksum, where the response brings one of the whole body.
fn check_body(prepared: &Prepared<'_>, response: &HttpResponse) -> Result<(), CallError> {
    if prepared.operation.checksum_validation_member.is_empty()
        || response.is_error()
        || response.body.is_empty()
    {
        return Ok(());
    }
    for algorithm in ["CRC64NVME", "CRC32C", "CRC32", "SHA1", "SHA256"] {
        let header = format!("x-amz-checksum-{}", algorithm.to_lowercase());
        // A checksum of checksums has the number of the parts behind a dash.
        let Some(expected) = response.header(&header).filter(|value| !value.contains('-')) else { continue };
        let found = crate::checksum::checksum(algorithm, &response.body).unwrap_or_default();
        if found != expected {
            return Err(CallError::Checksum { expected: expected.to_owned(), found });
        }
        return Ok(());
    }
    Ok(())
}

/// The region in which S3 says that the bucket is, if that is why it refused the call.
fn new_region(
    prepared: &Prepared<'_>,
    response: &HttpResponse,
    error: &ServiceError,
    target: &Target,
) -> Option<String> {
    if prepared.service.name != "s3" {
        return None;
    }
    let operation = prepared.operation.name.as_str();
    let detail = || error.details.get("Region").and_then(|region| region.as_str());
    let elsewhere = match error.code.as_str() {
        "PermanentRedirect" => true,
        "IllegalLocationConstraintException" => operation != "CreateBucket",
        "AuthorizationHeaderMalformed" => detail().is_some(),
        "301" | "400" => matches!(operation, "HeadObject" | "HeadBucket"),
        _ => matches!(response.status, 301 | 302 | 307),
    };
    let region = response.header("x-amz-bucket-region").or_else(detail).filter(|_| elsewhere)?;
    let current = target.signing.as_ref().map(|signing| signing.region.as_str());
    (current != Some(region)).then(|| region.to_owned())
}

/// Says that an error stands although the call was sent as often as it may be.
fn with_retries(error: CallError, count: u32) -> CallError {
    match error {
        CallError::Service { error, operation, .. } => {
            CallError::Service { error, operation, retries: Some(count) }
        }
        other => other,
    }
}

/// A number from 0 to 1 that differs from process to process, for waits that should not coincide.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8) as f64 / u64::MAX as f64
}
