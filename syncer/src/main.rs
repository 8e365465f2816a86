//! The syncer function: wiring only. Its event sources are the admin queue, that queue's dead letters, and the schedule.

use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::deadline::Deadline;
use syncer::Config;
use syncer::batch::process_batch;
use syncer::schedule::{ScheduledEvent, start_all};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = shared::env::read(Config::read)??;
    shared::telemetry::start(config.log_level);
    let syncer = &syncer::start(config, Clock::system()).await?;
    let process = service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::from_unix_ms(event.context.deadline);
        if event.payload.get("Records").is_some() {
            let records = serde_json::from_value(event.payload)?;
            return Ok(serde_json::to_value(process_batch(syncer, records, deadline).await)?);
        }
        let event: ScheduledEvent = serde_json::from_value(event.payload)?;
        let started = start_all(syncer, &event).await?;
        Ok::<_, lambda_runtime::Error>(json!({ "started": started }))
    });
    Runtime::new(process).run().await.map_err(anyhow::Error::from_boxed)
}
