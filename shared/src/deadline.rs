//! When an invocation ends, and until when what it does counts as being done.

use std::time::Duration;

/// How long after an invocation's deadline its jobs still count as worked on, in seconds. The clocks of Lambda and of
/// whoever judges the lease may differ by this much.
const LEASE_AFTER_DEADLINE: u64 = 5;

/// When Lambda ends the invocation: since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Duration);

impl Deadline {
    /// From `Lambda-Runtime-Deadline-Ms`.
    pub fn from_unix_ms(deadline: u64) -> Self {
        Self(Duration::from_millis(deadline))
    }

    /// What is left at `now` (since 1970).
    pub fn left(self, now: Duration) -> Duration {
        self.0.saturating_sub(now)
    }

    /// Until when an attempt of this invocation counts as alive: Unix seconds.
    pub fn lease(self) -> u64 {
        self.0.as_secs() + 1 + LEASE_AFTER_DEADLINE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_outlives_the_invocation() {
        let deadline = Deadline::from_unix_ms(1_000_500);
        assert_eq!(deadline.lease(), 1_006);
        assert_eq!(deadline.left(Duration::from_millis(1_000_000)), Duration::from_millis(500));
        assert_eq!(deadline.left(Duration::from_millis(2_000_000)), Duration::ZERO);
    }
}
