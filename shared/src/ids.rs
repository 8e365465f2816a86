//! Identifiers that Slack, AWS and we ourselves give out, checked once at the edge.

use serde::{Deserialize, Serialize};

/// Why a text is not the id that it should be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a {kind}: expected {expected}")]
pub struct InvalidId {
    kind: &'static str,
    expected: &'static str,
}

/// The longest Slack id accepted, in characters. Slack calls its ids opaque; those seen have 9 to 13.
pub const MAX_SLACK_ID: usize = 32;

macro_rules! slack_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefixes:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as Slack writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                let valid = text.len() >= 2
                    && text.len() <= MAX_SLACK_ID
                    && text.starts_with(|first| $prefixes.contains(first))
                    && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
                if valid {
                    Ok(Self(text))
                } else {
                    Err(InvalidId {
                        kind: $kind,
                        expected: concat!("one of the letters ", $prefixes, ", then upper-case letters and digits"),
                    })
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slack_id! {
    /// A Slack workspace. One installation of the app is one tenant, and every table key begins with it.
    TenantId, "Slack team id", "TE"
}
slack_id! {
    /// A Slack user. The first letter (U or W) carries no meaning.
    UserId, "Slack user id", "UW"
}
slack_id! {
    /// A Slack conversation: public channel, private channel or direct message.
    ChannelId, "Slack channel id", "CGD"
}

/// A job, named by the SHA-256 of what cannot change when Slack or the queue delivers it again: the signature header
/// of the request, or the `event_id` of an event. 32 lower-case hexadecimal digits (the first 128 bits).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(String);

impl JobId {
    /// How many characters an id has.
    pub const LENGTH: usize = 32;

    /// The id of the request that carried `signature`, the text of its `X-Slack-Signature` header.
    pub fn from_signature(signature: &str) -> Self {
        Self::hashed(signature)
    }

    /// The id of the event `event_id` of a workspace.
    pub fn from_event(tenant: &TenantId, event_id: &str) -> Self {
        Self::hashed(&format!("event {tenant} {event_id}"))
    }

    /// The id of what `cause` asks for in a workspace by itself, such as the schedule in one minute.
    pub fn from_cause(tenant: &TenantId, cause: &str) -> Self {
        Self::hashed(&format!("cause {tenant} {cause}"))
    }

    fn hashed(text: &str) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        Self(digest.as_ref()[..Self::LENGTH / 2].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The id in full.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 8 characters: what people see and may type.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl TryFrom<String> for JobId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        if text.len() == Self::LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text))
        } else {
            Err(InvalidId { kind: "job id", expected: "32 lower-case hexadecimal digits" })
        }
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> String {
        id.0
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_ids_are_upper_case_letters_and_digits_after_their_prefix() {
        for good in ["U2CERLKJA", "W012A3CDE", "U1"] {
            assert_eq!(good.parse::<UserId>().unwrap().as_str(), good);
        }
        for bad in ["", "U", "T0ALFRED1", "U1/../x", "u123", "U12 3", "U1\"x", "Ü123"] {
            bad.parse::<UserId>().unwrap_err();
        }
        format!("U{}", "1".repeat(MAX_SLACK_ID - 1)).parse::<UserId>().unwrap();
        format!("U{}", "1".repeat(MAX_SLACK_ID)).parse::<UserId>().unwrap_err();
    }

    #[test]
    fn the_same_signature_gives_the_same_job() {
        let id = JobId::from_signature("v0=aa");
        assert_eq!(id, JobId::from_signature("v0=aa"));
        assert_ne!(id, JobId::from_signature("v0=ab"));
        assert_eq!(JobId::try_from(id.to_string()).unwrap(), id);
    }
}
