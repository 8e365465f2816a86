//! Job to Outcome to Slack message. The modules are named in the order in which a job passes them: `batch` takes it
//! from the queue, `claim` makes it ours in the ledger, `authorize` finds the caller's role, `assume_role` opens it,
//! `execute` runs the command, `outcome` holds what a person reads, and `respond` brings it to Slack. `sweep` ends the
//! jobs that no worker ended.

pub mod assume_role;
pub mod authorize;
pub mod batch;
pub mod blocks;
pub mod claim;
pub mod config;
pub mod execute;
pub mod journal;
pub mod outcome;
pub mod report;
pub mod respond;
pub mod reveal;
pub mod seal;
pub mod split;
pub mod sweep;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time. Handed in, so that leases and expiries can be tested without waiting.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::new(SystemTime::now)
    }

    /// Any other source of time.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now, since 1970. It is read again at every use: between two invocations a function may be frozen for
    /// minutes.
    pub fn since_epoch(&self) -> Duration {
        (self.0)().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// The time now in Unix seconds.
    pub fn seconds(&self) -> u64 {
        self.since_epoch().as_secs()
    }
}
