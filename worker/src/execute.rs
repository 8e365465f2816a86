//! The command: its words, what they may be, and its run inside this process. There is no shell and no child process.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use awscli::files::{Files, MemoryFiles};
use awscli::session::{Budget, Call, CallEnd, Credentials, Journal, JournalFuture, Output, Session, Tokens};
use awscli::transport::HttpClient;
use shared::ids::JobId;
use uuid::Uuid;

use crate::journal::LedgerJournal;
use crate::reveal;
use crate::split::{self, SplitError};

/// What of a function's time is kept for storing and posting the answer, but never more than a quarter of it.
pub const ANSWER_TIME: Duration = Duration::from_secs(15);

/// No call starts with less than this left before a command's deadline, so that none is cut off in the middle: the longest
/// that one attempt may take. But never more than a quarter of the function's time.
pub const RESERVE: Duration = awscli::send::ATTEMPT_TIMEOUT;

/// How much output of a command is kept, in bytes (5 MiB).
pub const MAX_OUTPUT: usize = 5 << 20;

/// How many calls a command may make.
pub const MAX_CALLS: u32 = 200;

/// How many pages a command may read.
pub const MAX_PAGES: u32 = 50;

/// How much of responses a command may read, in bytes (64 MiB).
pub const MAX_READ: usize = 64 << 20;

/// How many bytes a command may keep in files, which are in memory and end with it (32 MiB).
pub const MAX_FILES: usize = 32 << 20;

/// The namespace of all idempotency tokens; each job has its own below it.
const TOKENS: Uuid = Uuid::from_u128(0x9f1c_3f0a_6d0e_4c5b_8a44_a1f7_ed20_b07c);

/// Our own option: which of the caller's roles to use.
const AS: &str = "--as";

/// A command that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its words without the leading `aws`.
    pub argv: Vec<String>,
    /// What `--as` wants.
    pub role: Option<String>,
}

/// Why a text is no command that may be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It does not split into words.
    #[error("{0}")]
    Split(SplitError),
    /// There are no words.
    #[error("There is no command. Type one after the slash command, such as `/alfred-invoke aws s3 ls`.")]
    Empty,
    /// `--as` without a role.
    #[error(
        "`--as` needs the name of one of your roles, such as `--as ReadOnly`. `/alfred whoami` lists them."
    )]
    AsWithoutRole,
    /// `--as` twice.
    #[error("`--as` is given twice. Keep one.")]
    AsTwice,
    /// It would hand out credentials.
    #[error("{0}")]
    Mints(String),
}

/// A command without what is pasted along with it: the backquotes of a code block, the prompt of a terminal, the slash
/// command once more.
fn as_pasted(text: &str) -> &str {
    let text = text.trim();
    let code = ["```", "`"].iter().find_map(|mark| text.strip_prefix(mark)?.strip_suffix(mark));
    let text = code.filter(|code| !code.contains('`')).unwrap_or(text).trim();
    let text = text.strip_prefix("$ ").unwrap_or(text);
    text.strip_prefix("/alfred-invoke ").unwrap_or(text)
}

/// Reads what was typed. `aws` in front is optional; `--as` may stand anywhere, unquoted.
pub fn command(text: &str) -> Result<Command, CommandError> {
    let mut argv = Vec::new();
    let mut role = None;
    let mut words = split::split(as_pasted(text)).map_err(CommandError::Split)?.into_iter();
    while let Some(word) = words.next() {
        let wanted = match word.bare.strip_prefix(AS) {
            Some("") => words.next().map(|word| word.text).filter(|name| !name.starts_with("--")),
            Some(value) if value.starts_with('=') => Some(word.text[AS.len() + 1..].to_owned()),
            _ => {
                argv.push(word.text);
                continue;
            }
        };
        let wanted = wanted.filter(|name| !name.is_empty()).ok_or(CommandError::AsWithoutRole)?;
        if role.replace(wanted).is_some() {
            return Err(CommandError::AsTwice);
        }
    }
    let first = reveal::plain_words(&argv).next();
    if let Some(place) = first
        && argv[place].eq_ignore_ascii_case("aws")
    {
        argv.remove(place);
    }
    if argv.is_empty() {
        return Err(CommandError::Empty);
    }
    match reveal::named_operation(&argv) {
        Some((service, operation)) if awscli::classify::mints(service, operation) => {
            Err(CommandError::Mints(reveal::minting_refusal(service, operation)))
        }
        _ => Ok(Command { argv, role }),
    }
}

/// Where commands run.
pub struct Aws {
    /// Keeps the connections of all commands.
    pub http: HttpClient,
    /// An endpoint that stands for every service, from the configuration.
    pub endpoint: Option<url::Url>,
    /// The region of commands that name none.
    pub region: String,
}

impl Aws {
    /// What a command comes to that ends before its first call: help, or a mistake in it. Nothing if it would call AWS,
    /// and then nothing has been sent. A command that is refused anyway must not cost a role session.
    pub async fn without_calls(&self, command: &Command, job: &JobId, left: Duration) -> Option<Output> {
        let stop = StopAtCall::default();
        let nobody = Credentials {
            access_key_id: String::new(),
            secret_access_key: String::new(),
            session_token: None,
            account_id: None,
        };
        let files = MemoryFiles::new(MAX_FILES);
        let output = awscli::run(&command.argv, &self.session(nobody, &stop, &files, job, left)).await;
        (!stop.reached.load(Ordering::Relaxed)).then_some(output)
    }

    /// Runs a command for `job` under `credentials`, with `left` of the function's time left. Secrets in its output are
    /// hidden.
    pub async fn run(
        &self,
        command: &Command,
        credentials: Credentials,
        journal: &LedgerJournal<'_>,
        job: &JobId,
        left: Duration,
    ) -> Output {
        let files = MemoryFiles::new(MAX_FILES);
        let session = self.session(credentials, journal, &files, job, left);
        let mut output = awscli::run(&command.argv, &session).await;
        for entry in files.list() {
            output.stderr.push_str(&format!(
                "`{}` ({} bytes) was written to the job's own files, which end with it. Name `-` in its place to see what \
                 is written.\n",
                entry.path, entry.size
            ));
        }
        let stdout = String::from_utf8_lossy(&output.stdout);
        if let (Cow::Owned(shown), hidden) = reveal::hide_by_looks(&stdout) {
            output.stdout = shown.into_bytes();
            output.hidden += hidden;
        }
        if let (Cow::Owned(shown), hidden) = reveal::hide_by_looks(&output.stderr) {
            output.stderr = shown;
            output.hidden += hidden;
        }
        output
    }

    fn session<'a>(
        &'a self,
        credentials: Credentials,
        journal: &'a dyn Journal,
        files: &'a MemoryFiles,
        job: &JobId,
        left: Duration,
    ) -> Session<'a> {
        Session {
            credentials,
            region: Some(self.region.clone()),
            endpoint: self.endpoint.clone(),
            http: &self.http,
            files,
            stdin: Default::default(),
            budget: Budget {
                deadline: Instant::now() + left - ANSWER_TIME.min(left / 4),
                reserve: RESERVE.min(left / 4),
                calls: MAX_CALLS,
                pages: MAX_PAGES,
                output_bytes: MAX_OUTPUT,
                read_bytes: MAX_READ,
            },
            journal,
            tokens: Tokens::Derived(token_namespace(job)),
            hide_secrets: true,
            clock: None,
            park: None,
        }
    }
}

/// Stops a command where it would make its first call, and remembers that it came there.
#[derive(Default)]
struct StopAtCall {
    reached: AtomicBool,
}

impl Journal for StopAtCall {
    fn before<'a>(&'a self, _: &'a Call) -> JournalFuture<'a> {
        self.reached.store(true, Ordering::Relaxed);
        Box::pin(async { Err("no call is made without a role".to_owned()) })
    }

    fn after<'a>(&'a self, _: &'a Call, _: &'a CallEnd) -> JournalFuture<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// Two runs of one job send the same tokens, so AWS sees one request.
fn token_namespace(job: &JobId) -> Uuid {
    Uuid::new_v5(&TOKENS, job.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leading_aws_is_optional_and_as_may_stand_anywhere() {
        for (text, argv, role) in [
            ("aws s3 ls", "s3 ls", None),
            ("s3 ls", "s3 ls", None),
            ("--as prod aws s3 ls", "s3 ls", Some("prod")),
            ("aws --as prod s3 ls", "s3 ls", Some("prod")),
            ("aws s3 ls --as prod", "s3 ls", Some("prod")),
            ("aws s3 ls --as=prod", "s3 ls", Some("prod")),
            ("aws s3 ls --as='my role'", "s3 ls", Some("my role")),
            ("aws s3 ls '--as' prod", "s3 ls --as prod", None),
            ("aws x y --message-body '--as=prod'", "x y --message-body --as=prod", None),
            ("aws x y --message-body \\--as=prod", "x y --message-body --as=prod", None),
            ("aws x y --asset-id 1", "x y --asset-id 1", None),
            ("AWS s3 ls", "s3 ls", None),
            ("--region eu-west-1 aws s3 ls", "--region eu-west-1 s3 ls", None),
            ("--region aws s3 ls", "--region aws s3 ls", None),
            ("$ aws s3 ls", "s3 ls", None),
            ("`aws s3 ls`", "s3 ls", None),
            ("```\naws s3 ls\n```", "s3 ls", None),
            ("/alfred-invoke aws s3 ls", "s3 ls", None),
        ] {
            let command = command(text).unwrap();
            assert_eq!((command.argv.join(" ").as_str(), command.role.as_deref()), (argv, role), "{text}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_with_the_next_step() {
        for (text, expected) in [
            ("", CommandError::Empty),
            ("aws", CommandError::Empty),
            ("--as prod", CommandError::Empty),
            ("aws s3 ls --as", CommandError::AsWithoutRole),
            ("aws --as --region x s3 ls", CommandError::AsWithoutRole),
            ("aws s3 ls --as=", CommandError::AsWithoutRole),
            ("aws s3 ls --as a --as b", CommandError::AsTwice),
        ] {
            assert_eq!(command(text), Err(expected), "{text}");
        }
        for text in [
            "aws sts assume-role --role-arn x",
            "aws --region eu-west-1 iam create-access-key",
            "s3 presign s3://b/k",
        ] {
            assert!(matches!(command(text), Err(CommandError::Mints(_))), "{text}");
        }
    }

    #[test]
    fn the_same_job_has_the_same_tokens() {
        let job = |signature: &str| token_namespace(&JobId::from_signature(signature));
        assert_eq!(job("v0=a"), job("v0=a"));
        assert_ne!(job("v0=a"), job("v0=b"));
    }
}
