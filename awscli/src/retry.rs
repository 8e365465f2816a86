//! When a call is sent again: the CLI's standard mode, held back where a second send could do a thing twice.

use std::time::Duration;

use crate::parse::ServiceError;
use crate::session::Effect;

/// How often a call is sent at most.
pub const MAX_ATTEMPTS: u32 = 3;

/// The tokens that retries may use up within one run, and what one costs.
const TOKENS: u32 = 500;
const RETRY_COST: u32 = 5;
const TIMEOUT_COST: u32 = 10;

/// Bounds of the wait before a retry, in seconds.
const MAX_WAIT: f64 = 20.0;
const WAIT_BASE: f64 = 0.05;
const THROTTLED_WAIT_BASE: f64 = 1.0;

/// The codes with which services say that they have refused a call because there are too many.
const THROTTLING: [&str; 14] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// The codes of errors that pass by themselves.
const TRANSIENT: [&str; 3] = ["PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException"];

/// The codes with which services refuse signatures, among other reasons because of the clock.
const CLOCK: [&str; 7] = [
    "AuthFailure",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "SignatureExpired",
];

/// How one attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No byte left this process.
    NotSent,
    /// Something was sent and no answer came.
    NoAnswer,
    /// An answer came and was not understood. The same would come again.
    NotUnderstood,
    /// The service refused the call because there are too many. It did nothing.
    Throttled,
    /// The service says that it failed. It may have done something.
    Failed,
    /// The service refused the call.
    Refused,
}

impl Failure {
    /// What a service's error means.
    pub fn of(error: &ServiceError) -> Self {
        let code = error.code.as_str();
        if THROTTLING.contains(&code) || (error.status == 429 && !error.modeled) {
            Self::Throttled
        } else if TRANSIENT.contains(&code) || error.status >= 500 || error.retryable {
            Self::Failed
        } else {
            Self::Refused
        }
    }

    /// Whether sending again may help.
    fn is_transient(self) -> bool {
        !matches!(self, Self::Refused | Self::NotUnderstood)
    }

    /// Whether the service is known to have done nothing.
    pub fn changed_nothing(self) -> bool {
        matches!(self, Self::NotSent | Self::Throttled | Self::Refused)
    }
}

/// Whether the error may come from a clock that is off.
pub fn may_be_the_clock(code: &str) -> bool {
    CLOCK.contains(&code)
}

/// Whether a call that failed may be sent again without doing a thing twice: what has certainly not happened may, reads
/// may, and so may calls with a token by which the service tells the second send from a second wish.
pub fn may_repeat(effect: Effect, has_token: bool, failure: Failure) -> bool {
    failure.is_transient() && (effect == Effect::Read || has_token || failure.changed_nothing())
}

/// What a run may still spend on retries, so that a service that is down is not asked three times as often.
#[derive(Debug, Clone)]
pub struct Quota {
    tokens: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self { tokens: TOKENS }
    }
}

impl Quota {
    /// Pays for a retry. `None`: there is not enough left. Otherwise what comes back if the retry succeeds.
    pub fn take(&mut self, failure: Failure) -> Option<u32> {
        let cost =
            if matches!(failure, Failure::NotSent | Failure::NoAnswer) { TIMEOUT_COST } else { RETRY_COST };
        self.tokens = self.tokens.checked_sub(cost)?;
        Some(cost)
    }

    /// Gives back what a call that succeeded has paid.
    pub fn give_back(&mut self, paid: u32) {
        self.tokens = (self.tokens + paid.max(1)).min(TOKENS);
    }
}

/// How long to wait before the attempt after `attempt` (from 1): exponential, times `jitter` from 0 to 1. A service's
/// own wish (`x-amz-retry-after`) is granted up to 5 seconds more.
pub fn wait(attempt: u32, failure: Failure, jitter: f64, wish: Option<Duration>) -> Duration {
    const MAX_MORE: Duration = Duration::from_secs(5);
    let base = if failure == Failure::Throttled { THROTTLED_WAIT_BASE } else { WAIT_BASE };
    let exponential = base * f64::from(2_u32.saturating_pow(attempt.saturating_sub(1)));
    let wait = Duration::from_secs_f64(jitter.clamp(0.0, 1.0) * exponential.min(MAX_WAIT));
    wish.map_or(wait, |wish| wait.max(wish.min(wait + MAX_MORE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_without_a_token_are_repeated_only_when_nothing_happened() {
        use Effect::{Read, Write};
        for (effect, has_token, failure, again) in [
            (Read, false, Failure::NoAnswer, true),
            (Read, false, Failure::Failed, true),
            (Read, false, Failure::Refused, false),
            (Read, false, Failure::NotUnderstood, false),
            (Write, false, Failure::NotSent, true),
            (Write, false, Failure::Throttled, true),
            (Write, false, Failure::NoAnswer, false),
            (Write, false, Failure::Failed, false),
            (Write, false, Failure::Refused, false),
            (Write, true, Failure::NoAnswer, true),
            (Write, true, Failure::Failed, true),
            (Write, true, Failure::Refused, false),
            (Write, true, Failure::NotUnderstood, false),
        ] {
            assert_eq!(may_repeat(effect, has_token, failure), again, "{effect:?} {has_token} {failure:?}");
        }
    }

    #[test]
    fn the_quota_ends_and_comes_back() {
        let mut quota = Quota::default();
        for _ in 0..TOKENS / TIMEOUT_COST {
            assert_eq!(quota.take(Failure::NoAnswer), Some(TIMEOUT_COST));
        }
        assert_eq!(quota.take(Failure::Throttled), None);
        quota.give_back(RETRY_COST);
        assert_eq!(quota.take(Failure::Throttled), Some(RETRY_COST));
    }

    #[test]
    fn waits_grow_and_are_bounded() {
        let seconds = Duration::from_secs_f64;
        assert_eq!(wait(1, Failure::Failed, 1.0, None), seconds(0.05));
        assert_eq!(wait(2, Failure::Failed, 1.0, None), seconds(0.1));
        assert_eq!(wait(2, Failure::Throttled, 1.0, None), seconds(2.0));
        assert_eq!(wait(30, Failure::Throttled, 1.0, None), seconds(MAX_WAIT));
        assert_eq!(wait(1, Failure::Failed, 0.0, None), Duration::ZERO);
        assert_eq!(wait(1, Failure::Failed, 0.0, Some(seconds(3.0))), seconds(3.0));
        assert_eq!(wait(1, Failure::Failed, 0.0, Some(seconds(60.0))), seconds(5.0));
    }
}
