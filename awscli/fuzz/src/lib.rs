//! What all targets share: a session that reaches nothing, answers that the input gives, and the bounds within which
//! everything must stay.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use awscli::files::MemoryFiles;
use awscli::parse::HttpResponse;
use awscli::session::{Budget, Call, CallEnd, Credentials, Journal, JournalFuture, Output, Session, Tokens};
use awscli::transport::{Reading, Sending, Transport, TransportError};
use bytes::Bytes;
use cap::Cap;
use url::Url;
use uuid::Uuid;

/// How much memory a target may have, the unpacked services included. It ends with a crash beyond.
pub const MEMORY_BYTES: usize = 256 << 20;

#[global_allocator]
static ALLOCATOR: Cap<std::alloc::System> = Cap::new(std::alloc::System, MEMORY_BYTES);

/// How many bytes a command may read, print and keep in files.
pub const BYTES: usize = 1 << 20;

/// How many requests a command may send: enough for pages, and for all the retries of one call.
const CALLS: u32 = 6;

/// The exit statuses of the official CLI, and that of a command that a budget has cut off.
const STATUSES: [i32; 8] = [0, 1, 2, 130, 252, 253, 254, 255];

/// 2025-01-15T12:34:56Z.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_736_944_496)
}

/// What a command line may look at besides its words.
pub fn context(files: &MemoryFiles) -> awscli::command::Context<'_> {
    awscli::command::Context { files, now: now() }
}

/// Runs a command, and checks what holds for every command. Gives what it printed, and the calls that it made.
///
/// # Panics
/// When something does not hold.
pub fn run(words: &[String], files: &MemoryFiles, http: &dyn Transport) -> (Output, Vec<Call>) {
    thread_local! {
        // Time passes only while nothing else is to be done, so nobody waits for a retry.
        static RUNTIME: RefCell<tokio::runtime::Runtime> = RefCell::new(
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime without I/O needs nothing of the system"),
        );
    }
    let calls = Calls::default();
    let session = Session {
        credentials: Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: Some("FwoGZXIvYXdzEXAMPLETOKEN".into()),
            account_id: Some("123456789012".into()),
        },
        region: Some("us-east-1".to_owned()),
        endpoint: None,
        http,
        files,
        stdin: Bytes::from_static(b"standard input"),
        budget: Budget {
            deadline: Instant::now() + Duration::from_secs(3600),
            reserve: Duration::ZERO,
            calls: CALLS,
            pages: CALLS,
            output_bytes: BYTES,
            read_bytes: BYTES,
        },
        journal: &calls,
        tokens: Tokens::Fixed(Uuid::from_u128(1)),
        hide_secrets: true,
        clock: Some(now),
        park: None,
    };
    let output = RUNTIME.with_borrow(|runtime| runtime.block_on(awscli::run(words, &session)));
    assert!(STATUSES.contains(&output.exit_status), "exit status {}", output.exit_status);
    assert!(output.stdout.len() <= BYTES, "{} bytes were printed", output.stdout.len());
    (output, calls.0.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Remembers calls.
#[derive(Default)]
struct Calls(Mutex<Vec<Call>>);

impl Journal for Calls {
    fn before<'a>(&'a self, call: &'a Call) -> JournalFuture<'a> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call.clone());
        Box::pin(async { Ok(()) })
    }

    fn after<'a>(&'a self, _: &'a Call, _: &'a CallEnd) -> JournalFuture<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// Words out of a text: one a line.
pub fn words(text: &str) -> Vec<String> {
    text.split('\n').map(str::to_owned).collect()
}

/// Answers that were written down. The last one stands for all that are asked for after it.
pub struct Recorded(Mutex<VecDeque<HttpResponse>>);

impl Recorded {
    /// Reads answers: a line with the status, lines with the headers, an empty line, the body. One that follows begins
    /// behind a line `---`.
    /// Each body goes through `change` first. `None`: the text is no answers.
    pub fn read(text: &[u8], change: impl Fn(&mut [u8])) -> Option<Self> {
        let mut answers = VecDeque::new();
        let mut rest = text;
        loop {
            let (answer, next) = split(rest, b"\n---\n").unwrap_or((rest, b""));
            let (head, body) = split(answer, b"\n\n").unwrap_or((answer, b""));
            let mut lines = std::str::from_utf8(head).ok()?.lines();
            let status = lines.next()?.parse().ok().filter(|status| (200..600).contains(status))?;
            let header = |line: &str| {
                let (name, value) = line.split_once(": ")?;
                Some((name.to_owned(), value.to_owned()))
            };
            let headers = lines.map(header).collect::<Option<_>>()?;
            let mut body = body.to_vec();
            change(&mut body);
            answers.push_back(HttpResponse { status, headers, body });
            if next.is_empty() {
                return Some(Self(Mutex::new(answers)));
            }
            rest = next;
        }
    }
}

impl Transport for Recorded {
    fn send<'a>(&'a self, _: http::Request<Bytes>, _: Option<&'a Url>, reading: Reading) -> Sending<'a> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move {
            let answer = answer.ok_or_else(|| TransportError::Refused("no answer".to_owned()))?;
            if answer.body.len() > reading.limit {
                Err(TransportError::TooLarge(reading.limit))
            } else {
                Ok(answer)
            }
        })
    }
}

/// Says yes to everything, in the request's own language.
pub struct Yes;

impl Transport for Yes {
    fn send<'a>(&'a self, request: http::Request<Bytes>, _: Option<&'a Url>, _: Reading) -> Sending<'a> {
        let header = |name| request.headers().get(name).map_or(&b""[..], http::HeaderValue::as_bytes);
        let host = request.uri().host().unwrap_or_default();
        let is_xml = header("content-type").starts_with(b"application/x-www-form-urlencoded")
            || header("content-type").ends_with(b"xml")
            || host.starts_with("s3.")
            || host.contains(".s3");
        let (headers, body) = match header("smithy-protocol") {
            b"rpc-v2-cbor" => {
                (vec![("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned())], b"\xa0".to_vec())
            }
            _ if is_xml => (Vec::new(), b"<Yes><Result></Result></Yes>".to_vec()),
            _ => (Vec::new(), b"{}".to_vec()),
        };
        Box::pin(async move { Ok(HttpResponse { status: 200, headers, body }) })
    }
}

/// What stands before and behind the first `border`.
pub fn split<'a>(text: &'a [u8], border: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(border.len()).position(|window| window == border)?;
    Some((&text[..at], &text[at + border.len()..]))
}
