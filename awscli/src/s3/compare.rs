//! Which of what is on both sides has to be transferred, and what has to be deleted: `sync`, and recursive downloads that
//! look out for names that differ in case only.

use std::collections::HashSet;

use time::{Duration, OffsetDateTime};

use super::client::Problem;
use super::find::{Finder, Found, Task};
use super::path;
use super::report::Warning;
use crate::files::Files;

/// When something that is on both sides is transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Always.
    Always,
    /// Never: `--no-overwrite`.
    Never,
    /// When the sizes differ: `--size-only`.
    Size,
    /// When the sizes differ, or the source is newer.
    Newer,
    /// When the sizes differ, or the source is newer, or for downloads when the times differ at all:
    /// `--exact-timestamps`.
    Differing,
}

/// What is done about a name that differs from another in case only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Nothing.
    Ignore,
    /// It is left out.
    Skip,
    /// It is said.
    Warn,
    /// Nothing more is done.
    Error,
}

/// Both sides of a command.
pub struct Comparison<'a> {
    pub source: Finder<'a>,
    pub target: Finder<'a>,
    pub task: Task,
    pub rule: Rule,
    /// What is only on the target's side is deleted.
    pub deletes: bool,
    pub conflict: Conflict,
    pub files: &'a dyn Files,
    /// The lower-case names of what is transferred.
    pub begun: HashSet<String>,
    /// What is to be looked at next of both sides.
    pub heads: (Option<Found>, Option<Found>),
}

impl Comparison<'_> {
    /// What is to be done next.
    pub async fn next(&mut self, warnings: &mut Vec<Warning>) -> Result<Option<(Found, Task)>, Problem> {
        loop {
            if self.heads.0.is_none() {
                self.heads.0 = self.source.next(warnings).await?;
            }
            if self.heads.1.is_none() {
                self.heads.1 = self.target.next(warnings).await?;
            }
            match (self.heads.0.take(), self.heads.1.take()) {
                (None, None) => return Ok(None),
                (Some(source), Some(target)) if source.name == target.name => {
                    if is_due(self.rule, self.task, &source, &target) {
                        return Ok(Some((source, self.task)));
                    }
                }
                (source, Some(target)) if source.as_ref().is_none_or(|source| source.name > target.name) => {
                    self.heads.0 = source;
                    if self.deletes {
                        return Ok(Some((target, Task::Delete)));
                    }
                }
                (Some(source), target) => {
                    self.heads.1 = target;
                    if self.lets(&source, warnings)? {
                        return Ok(Some((source, self.task)));
                    }
                }
                (None, Some(_)) => {}
            }
        }
    }

    /// Whether something that the target lacks may be put there, by its name.
    fn lets(&mut self, source: &Found, warnings: &mut Vec<Warning>) -> Result<bool, Problem> {
        if self.conflict == Conflict::Ignore {
            return Ok(true);
        }
        let Found { from, to, name, .. } = source;
        let is_new = self.begun.insert(name.to_lowercase());
        if is_new && path::kind(self.files, to) == path::Kind::Missing {
            return Ok(true);
        }
        match self.conflict {
            Conflict::Ignore => {}
            Conflict::Skip => {
                warnings.push(Warning::uncounted(&format!(
                    "Skipping {from} -> {to} because a file whose name differs only by case either exists or is being \
                     downloaded."
                )));
                return Ok(false);
            }
            Conflict::Warn => warnings.push(Warning::uncounted(&format!(
                "Downloading {from} -> {to} despite a file whose name differs only by case either existing or being \
                 downloaded. This behavior is not defined on case-insensitive filesystems and may result in overwriting \
                 existing files or race conditions between concurrent downloads. For more information, see \
                 https://docs.aws.amazon.com/cli/latest/topic/s3-case-insensitivity.html."
            ))),
            Conflict::Error => {
                return Err(Problem::Said(format!(
                    "Failed to download {from} -> {to} because a file whose name differs only by case either exists or is \
                     being downloaded."
                )));
            }
        }
        Ok(true)
    }
}

/// Whether something that is on both sides is to be transferred.
fn is_due(rule: Rule, task: Task, source: &Found, target: &Found) -> bool {
    let since = |found: &Found| found.modified.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let age = since(target) - since(source);
    let is_old = match (rule, task) {
        (Rule::Always, _) => return true,
        (Rule::Never, _) => return false,
        (Rule::Size, _) => false,
        (Rule::Differing, Task::Download) => age != Duration::ZERO,
        // A file that was changed since is overwritten by the object: the bucket is what counts.
        (_, Task::Download) => age > Duration::ZERO,
        _ => age < Duration::ZERO,
    };
    source.size != target.size || is_old
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(size: u64, second: i64) -> Found {
        Found {
            from: String::new(),
            to: String::new(),
            name: String::new(),
            in_s3: false,
            size: Some(size),
            modified: OffsetDateTime::from_unix_timestamp(second).ok(),
            object: Default::default(),
        }
    }

    #[test]
    fn what_differs_is_due() {
        // Size and time of the source, with a target of size 1 and time 10.
        for (rule, task, size, second, due) in [
            (Rule::Newer, Task::Upload, 1, 10, false),
            (Rule::Newer, Task::Upload, 1, 11, true),
            (Rule::Newer, Task::Upload, 1, 9, false),
            (Rule::Newer, Task::Copy, 1, 11, true),
            (Rule::Newer, Task::Upload, 2, 9, true),
            (Rule::Newer, Task::Download, 1, 9, true),
            (Rule::Newer, Task::Download, 1, 11, false),
            (Rule::Differing, Task::Download, 1, 11, true),
            (Rule::Differing, Task::Download, 1, 10, false),
            (Rule::Differing, Task::Upload, 1, 9, false),
            (Rule::Size, Task::Upload, 1, 11, false),
            (Rule::Size, Task::Download, 2, 10, true),
            (Rule::Never, Task::Upload, 2, 11, false),
            (Rule::Always, Task::Download, 1, 10, true),
        ] {
            assert_eq!(
                is_due(rule, task, &found(size, second), &found(1, 10)),
                due,
                "{rule:?} {task:?} {second}"
            );
        }
    }
}
