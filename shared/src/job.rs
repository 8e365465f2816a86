//! The unit of work between ingress and worker, as it travels through SQS.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::ser::{CompactFormatter, Formatter};

use crate::ids::{ChannelId, JobId, TenantId, UserId};
use crate::mapping::MappingKey;
use crate::secret::Secret;

/// The newest form of a job that this build writes. A reader accepts this one and the one before it; a newer one is
/// given back to the queue, because the deployment that understands it is on its way.
pub const JOB_VERSION: u32 = 1;

/// How long after it was typed a job may still start, in seconds (15 minutes). A later one is answered as expired.
pub const MAX_START_DELAY: u64 = 15 * 60;

/// One thing that a person asked for in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// [`JOB_VERSION`] of the build that wrote it.
    pub version: u32,
    /// Same for every copy of the same request.
    pub id: JobId,
    /// The workspace whose installation answers.
    pub tenant: TenantId,
    /// The Enterprise organisation of the workspace, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<String>,
    /// Who typed it.
    pub user: UserId,
    /// Where it was typed.
    pub channel: ChannelId,
    /// What to do.
    pub task: Task,
    /// When Slack signed the request: Unix seconds.
    pub typed_at: u64,
    /// Where the answer may be posted for 30 minutes, up to 5 times. Whoever holds it can post: never logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_url: Option<Secret<String>>,
}

impl Job {
    /// The job as the text of a queue record: JSON in which everything outside ASCII is escaped, because SQS refuses
    /// records with characters that XML does not have, such as U+FFFE.
    ///
    /// # Errors
    /// Never for a job as it is: all of it has a JSON form.
    pub fn to_record(&self) -> serde_json::Result<String> {
        ascii_json(self)
    }
}

/// JSON in ASCII: see [`Job::to_record`].
pub(crate) fn ascii_json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut record = Vec::with_capacity(512);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut record, AsciiFormatter))?;
    String::from_utf8(record).map_err(serde::ser::Error::custom)
}

/// Writes JSON compactly, with `\uXXXX` for all that is not ASCII.
struct AsciiFormatter;

impl Formatter for AsciiFormatter {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(start) = rest.find(|character: char| !character.is_ascii()) {
            let (ascii, other) = rest.split_at(start);
            CompactFormatter.write_string_fragment(writer, ascii)?;
            let end = other.find(|character: char| character.is_ascii()).unwrap_or(other.len());
            for unit in other[..end].encode_utf16() {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &other[end..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

/// What a job asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Task {
    /// `/alfred-invoke <text>`: run an AWS command. `text` is normalised: entities resolved, quotes and dashes ASCII.
    Invoke {
        /// What was typed after the slash command.
        text: String,
    },
    /// `/alfred whoami`: who the caller is and which roles he has.
    WhoAmI,
    /// `/alfred status <job>`: how a job of the caller stands.
    Status {
        /// The first 4 to 32 characters of the job's id, as typed.
        job: String,
    },
    /// `/alfred history`: the caller's latest jobs.
    History,
    /// A mapping that the caller has just made: can its role be assumed with the tenant's ExternalId, and only with it?
    Probe {
        /// The mapping.
        item: MappingKey,
        /// Its role.
        role_arn: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_ascii_and_reads_back_the_same() {
        let text = "s3 ls 'über \u{fffe}' \"q\" \\ \n 🦀 – end";
        let job = Job {
            version: JOB_VERSION,
            id: JobId::from_signature("v0=aa"),
            tenant: "T0ALFRED1".parse().unwrap(),
            enterprise: None,
            user: "U0ANNA".parse().unwrap(),
            channel: "C0OPS".parse().unwrap(),
            task: Task::Invoke { text: text.into() },
            typed_at: 1_760_000_000,
            response_url: Some(Secret::new("https://hooks.slack.com/commands/1".into())),
        };
        let record = job.to_record().unwrap();
        assert!(record.is_ascii(), "{record}");
        assert!(record.contains(r"\u00fcber \ufffe"), "{record}");
        assert!(record.contains(r"\ud83e\udd80"), "{record}");
        assert_eq!(serde_json::from_str::<Job>(&record).unwrap(), job);
    }
}
