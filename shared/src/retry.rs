//! How often and when a request to Slack is tried again.

use std::time::Duration;

use tokio::time::Instant;

use crate::slack::SlackError;

/// How often a request is tried.
pub const TRIES: u32 = 4;

/// The wait before the second try, doubled for each further one, and spread so that workers do not post in step.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Tries `request` until it succeeds, is refused, was tried [`TRIES`] times, or would have to wait beyond `until`.
pub async fn tried<T, F>(until: Instant, mut request: impl FnMut() -> F) -> Result<T, SlackError>
where
    F: Future<Output = Result<T, SlackError>>,
{
    let mut tries = 1;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let result = tokio::time::timeout(left, request())
            .await
            .unwrap_or_else(|_| Err(SlackError::Unanswered("no time left".into())));
        let error = match result {
            Err(error) if error.is_transient() && tries < TRIES => error,
            result => return result,
        };
        let wait = match error {
            SlackError::RateLimited(wait) => wait,
            _ => wait_before(tries + 1),
        };
        if Instant::now() + wait >= until {
            return Err(error);
        }
        tokio::time::sleep(wait).await;
        tries += 1;
    }
}

/// The wait before the n-th try, the second or a later one: between half and all of the doubled first wait.
pub fn wait_before(attempt: u32) -> Duration {
    let most = FIRST_WAIT * 2_u32.pow(attempt.saturating_sub(2).min(6));
    let mut random = [0; 1];
    let spread = match aws_lc_rs::rand::fill(&mut random) {
        Ok(()) => f64::from(random[0]) / 255.0,
        Err(_) => 1.0,
    };
    most.mul_f64(0.5 + spread / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time that is left.
    const LEFT: Duration = Duration::from_secs(30);

    fn transient() -> SlackError {
        SlackError::Unanswered("status 503".into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_slack_is_tried_four_times() {
        let until = Instant::now() + LEFT;
        let mut calls = 0;
        let result = tried(until, || {
            calls += 1;
            async { Err::<(), _>(transient()) }
        })
        .await;
        assert_eq!((result, calls), (Err(transient()), TRIES));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_tried_again() {
        let refused = || SlackError::Refused { code: "used_url".into(), needed: None };
        let mut calls = 0;
        let result = tried(Instant::now() + LEFT, || {
            calls += 1;
            async { Err::<(), _>(refused()) }
        })
        .await;
        assert_eq!((result, calls), (Err(refused()), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_obeyed_to_the_second_and_not_beyond_the_time_left() {
        let started = Instant::now();
        let mut calls = 0;
        let result = tried(started + LEFT, || {
            calls += 1;
            let first = calls == 1;
            async move { if first { Err(SlackError::RateLimited(Duration::from_secs(7))) } else { Ok(()) } }
        })
        .await;
        assert_eq!(result, Ok(()));
        assert!(started.elapsed() >= Duration::from_secs(7));

        let started = Instant::now();
        let long = SlackError::RateLimited(LEFT);
        let result = tried(started + LEFT, || async { Err::<(), _>(long.clone()) }).await;
        assert_eq!(result, Err(long));
        assert!(started.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slack_that_hangs_holds_nobody_beyond_the_time_left() {
        let started = Instant::now();
        let result = tried(started + LEFT, || async {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok(())
        })
        .await;
        assert!(result.is_err());
        assert_eq!(started.elapsed(), LEFT);
    }
}
