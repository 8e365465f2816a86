//! What a command runs under: credentials, region, endpoint, budgets, and the caller's hook around each call. The
//! library takes all of it from its caller and nothing from the environment, a file or the user's text.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use crate::files::Files;
use crate::park::{Park, Parked};
use crate::transport::Transport;

/// Everything a command needs besides its words.
pub struct Session<'a> {
    /// Signs every request.
    pub credentials: Credentials,
    /// The region when the command names none, such as `eu-west-1`.
    pub region: Option<String>,
    /// An endpoint that stands for every AWS service, for emulators. Set by the host's configuration only; it enters
    /// the endpoint rules as `--endpoint-url` does in the official CLI. No command can set it.
    pub endpoint: Option<url::Url>,
    /// Sends the requests.
    pub http: &'a dyn Transport,
    /// The files that the command may read and write.
    pub files: &'a dyn Files,
    /// What `-` and `/dev/stdin` stand for where a file is read.
    pub stdin: bytes::Bytes,
    /// What the command may use up.
    pub budget: Budget,
    /// Asked before and told after each call.
    pub journal: &'a dyn Journal,
    /// Where idempotency tokens come from.
    pub tokens: Tokens,
    /// Whether [secrets](crate::secrets) in results are hidden, for callers that show them to people.
    pub hide_secrets: bool,
    /// What time it is, for signatures and for times that a command gives relative to now. `None` is the system clock.
    pub clock: Option<fn() -> SystemTime>,
    /// Asked by `wait` commands before each pause. With `None` they never park.
    pub park: Option<&'a Park<'a>>,
}

impl Session<'_> {
    /// What time it is.
    pub fn now(&self) -> SystemTime {
        self.clock.map_or_else(SystemTime::now, |clock| clock())
    }
}

/// Where idempotency tokens, and other names that must be new, come from.
#[derive(Debug, Clone, Copy)]
pub enum Tokens {
    /// The n-th call's token is UUIDv5(namespace, n), so that a repeated run of the same job repeats its tokens.
    Derived(uuid::Uuid),
    /// Every token is this one, so that requests can be compared.
    Fixed(uuid::Uuid),
}

impl Tokens {
    /// The token of the call with this number.
    pub fn of_call(self, number: u32) -> uuid::Uuid {
        match self {
            Self::Derived(namespace) => uuid::Uuid::new_v5(&namespace, number.to_string().as_bytes()),
            Self::Fixed(token) => token,
        }
    }
}

/// A role session's keys.
#[derive(Clone)]
#[expect(missing_docs, reason = "the fields are those of STS's Credentials")]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    /// 12 digits. Some services have endpoints by account.
    pub account_id: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

/// What a command may use up. Beyond it the result is marked as cut, never lost in silence.
#[derive(Debug, Clone)]
pub struct Budget {
    /// No call starts after this, and a running one is given up.
    pub deadline: Instant,
    /// No new call starts with less than this left (a call that is cut off midway leaves its outcome unknown).
    pub reserve: Duration,
    /// How many requests may be sent, those that are sent again included.
    pub calls: u32,
    /// How many pages may be read.
    pub pages: u32,
    /// How many bytes of output are kept, and as many of errors.
    pub output_bytes: usize,
    /// How many bytes of responses are read.
    pub read_bytes: usize,
}

/// What a call does, decided before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// May change something. Whatever is not known to read counts as this.
    Write,
}

/// One API call, as told to the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Counts the calls of a run from 0. Retries of one call share its number.
    pub number: u32,
    /// The service's word on the command line.
    pub service: String,
    /// The operation's name in the API, or the word of a command that hands out credentials without a call.
    pub operation: String,
    /// What it does.
    pub effect: Effect,
    /// The idempotency token sent with it, if the operation has one.
    pub token: Option<String>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEnd {
    /// AWS accepted it.
    Done,
    /// AWS refused it, or it never left this process: nothing changed.
    Refused,
    /// Bytes were sent and no answer was understood: it may or may not have happened.
    Unknown,
}

/// The boxed future of a [`Journal`]'s methods.
pub type JournalFuture<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// The caller's write-ahead record of calls.
pub trait Journal: Send + Sync {
    /// Called before the first byte of a call is sent. An error stops the run with its text; the call is not made.
    fn before<'a>(&'a self, call: &'a Call) -> JournalFuture<'a>;
    /// Called when the call has ended. An error is kept in [`Output::journal_error`] and the run goes on.
    fn after<'a>(&'a self, call: &'a Call, end: &'a CallEnd) -> JournalFuture<'a>;
}

/// A journal that keeps nothing, for callers that run only for themselves.
pub struct NoJournal;

impl Journal for NoJournal {
    fn before<'a>(&'a self, _: &'a Call) -> JournalFuture<'a> {
        Box::pin(async { Ok(()) })
    }
    fn after<'a>(&'a self, _: &'a Call, _: &'a CallEnd) -> JournalFuture<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// What a command printed and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output, at most [`Budget::output_bytes`].
    pub stdout: Vec<u8>,
    /// Standard error, at most [`Budget::output_bytes`].
    pub stderr: String,
    /// The AWS CLI's exit status: 0, 252 (usage or parameters), 253 (configuration), 254 (the service refused),
    /// 255 (anything else), 130 (cut off, or parked); of `aws s3` also 1 (something failed) and 2 (something was
    /// skipped).
    pub exit_status: i32,
    /// The wait that the command has come to, if the host parks it: there is no result yet.
    pub parked: Option<Parked>,
    /// Why the output is not complete, in a sentence, if a budget cut it.
    pub truncated: Option<String>,
    /// Why the journal may not hold the end of a call, if it could not be written.
    pub journal_error: Option<String>,
    /// Where the command ran.
    pub region: Option<String>,
    /// How many secret values are hidden in it.
    pub hidden: usize,
    /// Calls made, without retries.
    pub calls: u32,
    /// Mutating calls whose outcome is unknown: service and operation.
    pub unknown_calls: Vec<String>,
}
