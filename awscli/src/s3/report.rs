//! What transfers print, and what they come to. Progress is not shown, since nothing overwrites it here.

use super::client::Problem;
use crate::format::Sink;

/// Something that is said on standard error besides results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    text: String,
    /// It counts for the exit status.
    counts: bool,
}

impl Warning {
    /// A warning that shows in the exit status.
    pub fn counted(text: &str) -> Self {
        Self { text: format!("warning: {text}"), counts: true }
    }

    /// One that does not.
    pub fn uncounted(text: &str) -> Self {
        Self { text: format!("warning: {text}"), counts: false }
    }
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// Everything.
    All,
    /// `--only-show-errors`, and streams.
    Errors,
    /// `--quiet`.
    Nothing,
}

/// What became of one transfer.
#[derive(Debug)]
pub enum End {
    /// It was done.
    Done,
    /// It would be done.
    DryRun,
    /// It was left out without a word.
    Skipped,
    /// It failed.
    Failed(Problem),
}

/// One transfer as messages name it: `upload: ./a to s3://b/a`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `upload`, `move` and so on.
    pub kind: &'static str,
    /// What it is from, and where it goes if it goes anywhere.
    pub path: String,
}

/// Prints and counts.
pub struct Report<'a> {
    pub sink: &'a mut Sink,
    pub stderr: &'a mut String,
    loudness: Loudness,
    failed: bool,
    warned: bool,
}

impl<'a> Report<'a> {
    /// Nothing has happened yet.
    pub fn new(sink: &'a mut Sink, stderr: &'a mut String, loudness: Loudness) -> Self {
        Self { sink, stderr, loudness, failed: false, warned: false }
    }

    /// The end of one transfer.
    pub fn end(&mut self, line: &Line, end: &End) {
        let Line { kind, path } = line;
        match end {
            End::Skipped => {}
            End::Done if self.loudness == Loudness::All => self.sink.push(&format!("{kind}: {path}\n")),
            End::Done => {}
            End::DryRun if self.loudness != Loudness::Nothing => {
                self.sink.push(&format!("(dryrun) {kind}: {path}\n"));
            }
            End::DryRun => {}
            End::Failed(problem) => {
                self.failed = true;
                self.error(&format!("{kind} failed: {path} {problem}\n"));
            }
        }
    }

    /// A warning.
    pub fn warn(&mut self, warning: &Warning) {
        self.warned |= warning.counts;
        // What does not count is said while things are looked for, and then nothing keeps it back.
        if warning.counts {
            self.error(&format!("{}\n", warning.text));
        } else {
            self.stderr.push_str(&format!("{}\n", warning.text));
        }
    }

    /// Why the command could not go on.
    pub fn fatal(&mut self, problem: &Problem) {
        self.failed = true;
        self.error(&format!("fatal error: {problem}\n"));
    }

    fn error(&mut self, text: &str) {
        if self.loudness != Loudness::Nothing {
            self.stderr.push_str(text);
        }
    }

    /// The exit status: 1 if anything failed, 2 if something was left out with a warning.
    pub fn exit_status(&self) -> i32 {
        match (self.failed, self.warned) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 0,
        }
    }
}
