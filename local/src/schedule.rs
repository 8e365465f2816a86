//! A schedule: a function is invoked in fixed intervals with the event that EventBridge sends.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::aws::{Client, HOME, REGION};
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

/// Invokes `function` whenever the EventBridge rule `rule` says so. The rule is looked at every second, so that a change
/// counts at once, as at EventBridge.
pub async fn run_rule(function: Lambda, client: Client, rule: &'static str) {
    let mut last = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(LOOKED_AT_EVERY).await;
        let input = json!({ "Name": rule });
        let interval = match client.json("events", "AWSEvents.DescribeRule", &input).await {
            Ok(rule) if rule["State"] == "ENABLED" => {
                rate(rule["ScheduleExpression"].as_str().unwrap_or_default())
            }
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(rule, %error, "the rule cannot be read");
                None
            }
        };
        if interval.is_none_or(|interval| last.elapsed() < interval) {
            continue;
        }
        last = tokio::time::Instant::now();
        if let Err(error) = tick(&function).await {
            tracing::warn!(function = function.name(), %error, "a scheduled invocation failed");
        }
    }
}

/// How often a rule is looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// The interval of `rate(5 minutes)`.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()? * seconds))
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
