//! One API call from its parameters to its result: completed, written, journaled, signed, sent, and sent again where
//! that cannot do a thing twice.

mod address;
mod error;
mod unsent;
mod wire;

pub use error::CallError;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use self::wire::{check_body, into_http, url_of};
use crate::classify;
use crate::customize::{self, Added};
use crate::endpoint::Target;
use crate::express::Sessions;
use crate::model::{Operation, Service};
use crate::parse::{Answer, HttpResponse, ParseError, ServiceError, parse};
use crate::redirect;
use crate::retry::{self, Failure, MAX_ATTEMPTS, Quota};
use crate::secrets;
use crate::serialize::{HttpRequest, serialize};
use crate::session::{Call, CallEnd, Credentials, Effect, Session};
use crate::sign::{self, Coverage, SignError};
use crate::timestamp;
use crate::transport::{Reading, TransportError};
use crate::value::Map;

/// How long one attempt may take, as in the official CLI. The run's own deadline may be nearer.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// A clock that is less than this off is not the reason for a refused signature.
const CLOCK_TOLERANCE: i64 = 240;

/// [`Operation::endpoint_discovery`] of the operations that no fixed host answers.
pub(crate) const DISCOVERY_REQUIRED: u8 = 2;

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
    /// Held while one is opened.
    pub(crate) sessions: tokio::sync::Mutex<Sessions>,
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
    /// What must be added to the clock, in seconds.
    skew: i64,
    /// Addresses that services gave for themselves, by the fixed ones.
    discovered: Vec<(String, String)>,
    /// The regions of buckets that are not where they were looked for.
    moved: Vec<(String, String)>,
}

/// What few calls need besides service, operation, parameters and region.
#[derive(Default)]
pub(crate) struct Extras {
    /// The request's body, so that a large one is not copied into the parameters.
    pub body: Option<Bytes>,
    /// Keys that a service lent for this call.
    pub credentials: Option<Credentials>,
    /// The result keeps its secrets, for commands that need one and show none of the others.
    pub keeps_secrets: bool,
    /// It is made only to answer another call: it changes nothing, and no further one is made to answer it.
    pub inner: bool,
    /// Its answer has no end, and is read for as long as the budget's time lets it.
    pub endless: bool,
}

/// What a call gave.
#[derive(Debug)]
pub struct Response {
    /// The result's members.
    pub value: Map,
    /// The response that they came in. Its body is empty: it has become the value.
    pub http: HttpResponse,
    /// Why the result's stream of events ends before its end, if it does.
    pub interruption: Option<CallError>,
}

/// One attempt's outcome.
enum Attempt {
    /// With why the result's stream of events ends before its end, if it does.
    Result(HttpResponse, Map, Option<CallError>),
    Refused(HttpResponse, ServiceError),
    Error(CallError, Failure),
}

impl<'a> Calls<'a> {
    /// The calls of a run under `session`.
    pub fn new(session: &'a Session<'a>) -> Self {
        Self { session, entry: Default::default(), state: Default::default(), sessions: Default::default() }
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
    pub(crate) fn count_hidden(&self, hidden: usize) {
        self.state().tally.hidden += hidden;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call of `operation` in `region`, with retries. `params` are validated.
    ///
    /// # Errors
    /// When the service refuses it, there is no answer that is understood, or the budget or the journal does not let it be
    /// made.
    pub async fn send(
        &self,
        service: &Service,
        operation: &Operation,
        params: Map,
        region: Option<&str>,
    ) -> Result<Response, CallError> {
        self.send_with(service, operation, params, region, Extras::default()).await
    }

    /// [`Calls::send`] with what few calls need.
    pub(crate) async fn send_with(
        &self,
        service: &Service,
        operation: &Operation,
        params: Map,
        region: Option<&str>,
        extras: Extras,
    ) -> Result<Response, CallError> {
        let hides = self.session.hide_secrets && !extras.keeps_secrets;
        let mut response = self.make(service, operation, params, region, extras).await?;
        if hides {
            self.count_hidden(secrets::hide(service, operation, &mut response.value));
        }
        Ok(response)
    }

    /// The call, with all secrets in the result.
    async fn make(
        &self,
        service: &Service,
        operation: &Operation,
        mut params: Map,
        region: Option<&str>,
        extras: Extras,
    ) -> Result<Response, CallError> {
        let asked = region;
        let bucket = redirect::bucket(service, &params);
        let moved = self.state().moved.iter().find(|(known, _)| Some(known.as_str()) == bucket).cloned();
        let region = moved.as_ref().map(|(_, region)| region.as_str()).or(region);
        let mut url = None;
        // Emulators hear all services at one address.
        if operation.endpoint_discovery == DISCOVERY_REQUIRED && self.session.endpoint.is_none() {
            let fixed = self.target(service, operation, &params, region)?;
            url = Some(Box::pin(self.discovered(service, region, &fixed)).await?);
        }
        let mut target = self.target(service, operation, &params, region)?;
        target.url = url.unwrap_or(target.url);
        let keys = self.session_keys(service, &params, region, &target).await?.or(extras.credentials);
        let mut entry = self.entry.lock().await;
        let number = self.tally().made;
        let (request, added) = self.request(service, operation, &mut params, extras.body)?;
        self.check_budget()?;
        let call = Call {
            number,
            service: service.command.clone(),
            operation: operation.name.clone(),
            effect: match extras.inner {
                true => Effect::Read,
                false => classify::impact(service, operation, &params).into(),
            },
            token: added.token.clone(),
        };
        self.enter(&mut entry, &call).await?;
        drop(entry);
        let credentials = keys.as_ref().unwrap_or(&self.session.credentials);
        let budget = &self.session.budget;
        let prepared = Prepared {
            region: asked,
            inner: extras.inner,
            endless: extras.endless.then(|| budget.deadline.checked_sub(budget.reserve)).flatten(),
            ..Prepared::new((service, operation), &params, (&request, &added), credentials)
        };
        let (mut outcome, end) = self.attempts(&prepared, &call, target).await;
        if let Err(error) = &mut outcome {
            redirect::explain(service, error);
        }
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
    pub(crate) async fn mint(&self, service: &str, operation: &str) -> Result<(), CallError> {
        let call = self.begin(service, operation, Effect::Write).await?;
        self.leave(&call, &CallEnd::Done).await;
        Ok(())
    }

    /// Enters what is no operation's call.
    async fn begin(&self, service: &str, operation: &str, effect: Effect) -> Result<Call, CallError> {
        let mut entry = self.entry.lock().await;
        let call = Call {
            number: self.tally().made,
            service: service.to_owned(),
            operation: operation.to_owned(),
            effect,
            token: None,
        };
        self.enter(&mut entry, &call).await?;
        Ok(call)
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
        customize::complete_request(service, operation, params, &mut request)?;
        request.set_header("User-Agent", USER_AGENT);
        Ok((request, added))
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
                Attempt::Result(http, value, interruption) => {
                    self.state().quota.give_back(paid);
                    return (Ok(prepared.respond(http, value, interruption)), CallEnd::Done);
                }
                Attempt::Refused(http, error) => {
                    let moved = if redirected { Ok(None) } else { self.moved(prepared, &http, &error).await };
                    let moved = match moved {
                        Ok(moved) => moved,
                        Err(error) => return (Err(error), CallEnd::Refused),
                    };
                    if let Some(region) = moved {
                        redirected = true;
                        attempt += 1;
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

    /// [`Calls::bucket_region`] for a call that was refused.
    async fn moved(
        &self,
        prepared: &Prepared<'_>,
        response: &HttpResponse,
        error: &ServiceError,
    ) -> Result<Option<String>, CallError> {
        let (call, answer) = ((prepared.service, prepared.operation), (response, error));
        self.bucket_region(call, prepared.params, prepared.region, prepared.inner, answer).await
    }

    /// Remembers where a bucket is, so that later calls go there at once.
    pub(crate) fn move_bucket(&self, bucket: &str, region: &str) {
        let moved = &mut self.state().moved;
        moved.retain(|(known, _)| known != bucket);
        moved.push((bucket.to_owned(), region.to_owned()));
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
        let limit = self.session.budget.read_bytes;
        let exchanged = self.exchange(request, self.session.endpoint.as_ref(), prepared.endless).await;
        let (mut response, cut) = match exchanged {
            Some(Ok(response)) => (response, None),
            Some(Err(TransportError::Cut(response, end))) => {
                (*response, Some(unanswered(*end, url, limit).0))
            }
            Some(Err(error)) => {
                let (error, failure) = unanswered(error, url, limit);
                return Attempt::Error(error, failure);
            }
            None => return Attempt::Error(CallError::Timeout { url }, Failure::NoAnswer),
        };
        let (service, operation) = (prepared.service, prepared.operation);
        customize::correct_status(service, operation, &mut response);
        if let Err(error) = check_body(operation, &response) {
            return Attempt::Error(error, Failure::NotUnderstood);
        }
        let expires = customize::drop_bad_headers(service, operation, &mut response);
        let answer = match parse(service, operation, &response) {
            Ok(answer) => answer,
            Err(error) => return Attempt::Error(error.into(), Failure::NotUnderstood),
        };
        response.headers.extend(expires.map(|text| ("expires".to_owned(), text)));
        match answer {
            Answer::Result(value) => Attempt::Result(response, value, cut),
            Answer::Interrupted(value, ParseError::Stream(error)) => {
                let operation = operation.name.clone();
                let interruption = CallError::Service { error, operation, retries: None };
                Attempt::Result(response, value, Some(interruption))
            }
            Answer::Interrupted(value, interruption) => {
                Attempt::Result(response, value, Some(interruption.into()))
            }
            Answer::Error(error) => Attempt::Refused(response, error),
        }
    }

    /// Sends a request once, within the budget's time and bytes. None if there was no answer in time.
    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        endpoint: Option<&url::Url>,
        endless: Option<Instant>,
    ) -> Option<Result<HttpResponse, TransportError>> {
        let time_left = self.session.budget.deadline.saturating_duration_since(Instant::now());
        let time = if endless.is_some() { time_left } else { time_left.min(ATTEMPT_TIMEOUT) };
        let reading = Reading { limit: self.bytes_left(), endless };
        let sent = self.session.http.send(request, endpoint, reading);
        let exchanged = tokio::time::timeout(time, sent).await.ok()?;
        let read = match &exchanged {
            Ok(response) => response.body.len(),
            Err(TransportError::Cut(response, _)) => response.body.len(),
            Err(_) => 0,
        };
        // Other calls may have read in the meantime.
        let left = self.bytes_left();
        if read > left {
            return Some(Err(TransportError::TooLarge(left)));
        }
        self.state().bytes_read += read;
        Some(exchanged)
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
        let (service, operation, credentials) = (prepared.service, prepared.operation, prepared.credentials);
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

/// A call that is ready to be signed.
struct Prepared<'a> {
    service: &'a Service,
    operation: &'a Operation,
    params: &'a Map,
    request: &'a HttpRequest,
    added: &'a Added,
    /// Sign it.
    credentials: &'a Credentials,
    /// The region that was asked for.
    region: Option<&'a str>,
    /// [`Extras::inner`].
    inner: bool,
    /// Until when [an endless answer](Extras::endless) is read.
    endless: Option<Instant>,
}

impl<'a> Prepared<'a> {
    fn new(
        (service, operation): (&'a Service, &'a Operation),
        params: &'a Map,
        (request, added): (&'a HttpRequest, &'a Added),
        credentials: &'a Credentials,
    ) -> Self {
        Self {
            service,
            operation,
            params,
            request,
            added,
            credentials,
            region: None,
            inner: false,
            endless: None,
        }
    }

    fn respond(&self, mut http: HttpResponse, mut value: Map, interruption: Option<CallError>) -> Response {
        customize::complete_result(self.service, self.operation, self.added, &http, &mut value);
        http.body = Vec::new();
        Response { value, http, interruption }
    }
}

/// What a request without an answer comes to.
fn unanswered(error: TransportError, url: String, limit: usize) -> (CallError, Failure) {
    let reason = error.to_string();
    match error {
        TransportError::Refused(_) => (CallError::Connect { url, reason }, Failure::Refused),
        TransportError::NotSent(_) => (CallError::Connect { url, reason }, Failure::NotSent),
        TransportError::Broken(_) => (CallError::Closed { url, reason }, Failure::NoAnswer),
        TransportError::TooLarge(_) => {
            let text = format!("the responses are larger than the limit of {limit} bytes to read");
            (CallError::Budget(text), Failure::NotUnderstood)
        }
        TransportError::TimeUp | TransportError::Cut(..) => (CallError::Budget(reason), Failure::NoAnswer),
    }
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
