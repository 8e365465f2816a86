//! What a slash command asks for: a job, or words that can be said at once.

use shared::ids::JobId;
use shared::job::Task;

/// The fewest characters of a job's id that name a job. Below that, unrelated jobs of one person would collide.
pub const MIN_JOB_PREFIX: usize = 4;

/// What is answered without a job, because ingress knows all that there is to say. The words are `ack`'s.
#[derive(Debug, PartialEq, Eq)]
pub enum Notice {
    /// `/alfred-invoke`, `/alfred-invoke help`
    HelpInvoke,
    /// `/alfred`, `/alfred help`
    HelpAlfred,
    /// `/alfred dance`
    UnknownVerb(String),
    /// `/alfred whoami now`
    TooManyWords {
        /// The verb that takes fewer.
        verb: &'static str,
    },
    /// `/alfred status`, `/alfred status xyz`
    NoJobNamed,
    /// `/alfred-admin`, `/alfred-admin help`
    HelpAdmin,
    /// `/alfred-sync`, `/alfred-sync help`
    HelpSync,
    /// `/something-else`: configured for this app in Slack, but not ours.
    UnknownCommand(String),
}

/// Whose work a slash command is.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// A job for the worker.
    Worker(Task),
    /// `/alfred-admin <text>`, for the syncer.
    Admin {
        /// What follows the command.
        text: String,
    },
    /// `/alfred-sync <text>`, for the syncer.
    Sync {
        /// What follows the command.
        text: String,
    },
}

/// What `command` (with its slash) and its normalised `text` ask for.
///
/// # Errors
/// The notice to answer with when that is no job.
pub fn interpret(command: &str, text: String) -> Result<Asked, Notice> {
    let first = text.split_whitespace().next().unwrap_or("help");
    let help = text.is_empty() || text.eq_ignore_ascii_case("help");
    match command {
        "/alfred-invoke" if help => Err(Notice::HelpInvoke),
        "/alfred-invoke" => Ok(Asked::Worker(Task::Invoke { text })),
        "/alfred" => about_oneself(&text).map(Asked::Worker),
        "/alfred-admin" if first.eq_ignore_ascii_case("help") => Err(Notice::HelpAdmin),
        "/alfred-admin" => Ok(Asked::Admin { text }),
        "/alfred-sync" if first.eq_ignore_ascii_case("help") => Err(Notice::HelpSync),
        "/alfred-sync" => Ok(Asked::Sync { text }),
        other => Err(Notice::UnknownCommand(other.to_owned())),
    }
}

fn about_oneself(text: &str) -> Result<Task, Notice> {
    let mut words = text.split_whitespace();
    let verb = words.next().unwrap_or("help").to_ascii_lowercase();
    let arguments: Vec<&str> = words.collect();
    match (verb.as_str(), arguments.as_slice()) {
        ("help", _) => Err(Notice::HelpAlfred),
        ("whoami", []) => Ok(Task::WhoAmI),
        ("whoami", _) => Err(Notice::TooManyWords { verb: "whoami" }),
        ("history", []) => Ok(Task::History),
        ("history", _) => Err(Notice::TooManyWords { verb: "history" }),
        ("status", [job]) => job_prefix(job).map(|job| Task::Status { job }).ok_or(Notice::NoJobNamed),
        ("status", []) => Err(Notice::NoJobNamed),
        ("status", _) => Err(Notice::TooManyWords { verb: "status" }),
        _ => Err(Notice::UnknownVerb(verb)),
    }
}

/// The beginning of a job's id as it was shown, with or without the backticks around it.
fn job_prefix(word: &str) -> Option<String> {
    let prefix = word.trim_matches('`').to_ascii_lowercase();
    let is_prefix = (MIN_JOB_PREFIX..=JobId::LENGTH).contains(&prefix.len())
        && prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_prefix.then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(job: &str) -> Result<Asked, Notice> {
        Ok(Asked::Worker(Task::Status { job: job.into() }))
    }

    #[test]
    fn every_command_is_a_job_or_a_notice() {
        let table = [
            ("/alfred-invoke", "aws s3 ls", Ok(Asked::Worker(Task::Invoke { text: "aws s3 ls".into() }))),
            ("/alfred-invoke", "helping", Ok(Asked::Worker(Task::Invoke { text: "helping".into() }))),
            ("/alfred-invoke", "s3 help", Ok(Asked::Worker(Task::Invoke { text: "s3 help".into() }))),
            ("/alfred-invoke", "", Err(Notice::HelpInvoke)),
            ("/alfred-invoke", "Help", Err(Notice::HelpInvoke)),
            ("/alfred", "", Err(Notice::HelpAlfred)),
            ("/alfred", "help me", Err(Notice::HelpAlfred)),
            ("/alfred", "whoami", Ok(Asked::Worker(Task::WhoAmI))),
            ("/alfred", "WhoAmI", Ok(Asked::Worker(Task::WhoAmI))),
            ("/alfred", "whoami now", Err(Notice::TooManyWords { verb: "whoami" })),
            ("/alfred", "history", Ok(Asked::Worker(Task::History))),
            ("/alfred", "history all", Err(Notice::TooManyWords { verb: "history" })),
            ("/alfred", "status 1a2b3c4d", status("1a2b3c4d")),
            ("/alfred", "status  `1A2B`", status("1a2b")),
            ("/alfred", "status", Err(Notice::NoJobNamed)),
            ("/alfred", "status last", Err(Notice::NoJobNamed)),
            ("/alfred", "status 1a2b 3c4d", Err(Notice::TooManyWords { verb: "status" })),
            ("/alfred", "Dance now", Err(Notice::UnknownVerb("dance".into()))),
            ("/alfred-admin", "list", Ok(Asked::Admin { text: "list".into() })),
            ("/alfred-admin", "Help", Err(Notice::HelpAdmin)),
            ("/alfred-admin", "help add", Err(Notice::HelpAdmin)),
            ("/alfred-sync", "start", Ok(Asked::Sync { text: "start".into() })),
            ("/alfred-sync", "", Err(Notice::HelpSync)),
            ("/Alfred", "", Err(Notice::UnknownCommand("/Alfred".into()))),
            ("alfred", "", Err(Notice::UnknownCommand("alfred".into()))),
        ];
        for (command, text, expected) in table {
            assert_eq!(interpret(command, text.to_owned()), expected, "{command} {text}");
        }
    }

    #[test]
    fn a_job_is_named_by_4_to_32_digits() {
        for (length, named) in [(3, false), (4, true), (5, true), (31, true), (32, true), (33, false)] {
            let digits = "a".repeat(length);
            assert_eq!(interpret("/alfred", format!("status {digits}")).is_ok(), named, "{length}");
        }
    }
}
