//! A schedule: a function is invoked in fixed intervals with the event that EventBridge sends.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::aws::{HOME, REGION};
use crate::lambda::Lambda;

/// Invokes `function` every `interval`, the first time after one `interval`, one invocation after the other.
pub async fn run(function: Lambda, interval: Duration) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        if let Err(error) = tick(&function).await {
            tracing::warn!(function = function.name(), %error, "a scheduled invocation failed");
        }
    }
}

/// Invokes `function` once, as the schedule does.
pub async fn tick(function: &Lambda) -> Result<(), crate::lambda::InvokeError> {
    let time = time::OffsetDateTime::from(SystemTime::now())
        .replace_nanosecond(0)
        .ok()
        .and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok());
    let event = json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": HOME,
        "time": time,
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{HOME}:rule/{}", function.name())],
        "detail": {},
    });
    function.invoke(event.to_string().into()).await.map(|_| ())
}
