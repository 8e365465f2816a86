//! The time, handed in: leases, expiries and ages can be tested without waiting.

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

    /// The time now in Unix milliseconds.
    pub fn milliseconds(&self) -> u64 {
        u64::try_from(self.since_epoch().as_millis()).unwrap_or(u64::MAX)
    }
}
