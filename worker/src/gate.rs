//! Requests to one workspace wait together: Slack's limits count for all of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::ids::TenantId;
use shared::retry::tried;
use shared::slack::SlackError;
use tokio::time::Instant;

/// Until when which workspace is to be left alone, as Slack told this process.
#[derive(Default)]
pub struct Gates(Mutex<HashMap<TenantId, Instant>>);

impl Gates {
    /// As [`tried`], for a request to the workspace `tenant`. Nothing is sent while Slack has asked any request of it to wait,
    /// and waiting for that is no try.
    ///
    /// # Errors
    /// As [`tried`]; also [`SlackError::RateLimited`] if the workspace is to be left alone beyond `until`.
    pub async fn tried<T, F>(
        &self,
        tenant: &TenantId,
        until: Instant,
        mut request: impl FnMut() -> F,
    ) -> Result<T, SlackError>
    where
        F: Future<Output = Result<T, SlackError>>,
    {
        tried(until, || {
            let sent = request();
            async move {
                while let Some(wait) = self.wait(tenant) {
                    if Instant::now() + wait >= until {
                        return Err(SlackError::RateLimited(wait));
                    }
                    tokio::time::sleep(wait).await;
                }
                let result = sent.await;
                if let Err(SlackError::RateLimited(wait)) = &result {
                    self.close(tenant, *wait);
                }
                result
            }
        })
        .await
    }

    /// How long the workspace is still to be left alone.
    fn wait(&self, tenant: &TenantId) -> Option<Duration> {
        let gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opens = *gates.get(tenant)?;
        Some(opens.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    fn close(&self, tenant: &TenantId, wait: Duration) {
        let now = Instant::now();
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, opens| *opens > now);
        let opens = gates.entry(tenant.clone()).or_insert(now);
        *opens = (*opens).max(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(7);

    fn tenant(id: &str) -> TenantId {
        id.parse().unwrap()
    }

    async fn told_to_wait(gates: &Gates) {
        let limited = || async { Err::<(), _>(SlackError::RateLimited(WAIT)) };
        let until = Instant::now() + Duration::from_secs(1);
        let result = gates.tried(&tenant("T1"), until, limited).await;
        assert_eq!(result, Err(SlackError::RateLimited(WAIT)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_job_is_told_holds_for_the_others_of_its_workspace() {
        let gates = Gates::default();
        told_to_wait(&gates).await;
        let started = Instant::now();
        let until = started + Duration::from_secs(30);
        let mut sent = Vec::new();
        let request = || {
            sent.push(());
            async { Ok(Instant::now()) }
        };
        let posted = gates.tried(&tenant("T1"), until, request).await.unwrap();
        assert_eq!((posted - started, sent.len()), (WAIT, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn other_workspaces_do_not_wait() {
        let gates = Gates::default();
        told_to_wait(&gates).await;
        let started = Instant::now();
        gates.tried(&tenant("T2"), started + WAIT, || async { Ok(()) }).await.unwrap();
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_would_wait_too_long_is_not_sent() {
        let gates = Gates::default();
        told_to_wait(&gates).await;
        let unsent = || async { panic!("sent") };
        let until = Instant::now() + WAIT;
        let result = gates.tried::<(), _>(&tenant("T1"), until, unsent).await;
        assert_eq!(result, Err(SlackError::RateLimited(WAIT)));
        let until = Instant::now() + WAIT + Duration::from_millis(1);
        gates.tried(&tenant("T1"), until, || async { Ok(()) }).await.unwrap();
    }
}
