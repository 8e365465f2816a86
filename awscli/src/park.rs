//! Waits that the host takes over between two polls. A waiter may take an hour, and a host that pays for its time, or has
//! little of it, ends the run instead and begins again when the next poll is due.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A wait between two polls, as a value that can be stored. [`resume`](crate::resume) goes on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The command, without the leading `aws`.
    pub argv: Vec<String>,
    /// How many polls were made.
    pub polls: u32,
    /// How many polls the wait makes at most.
    pub max_polls: u32,
    /// How long after the last poll the next is due.
    pub after: Duration,
}

/// Asked before each pause of a wait: whether the run ends here, with the wait in
/// [`Output::parked`](crate::session::Output::parked). If not, it waits itself as long as the session's time allows.
pub type Park<'a> = dyn Fn(&Parked) -> bool + Send + Sync + 'a;
