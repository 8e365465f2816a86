//! The sweeper function: wiring only. Its two event sources are a schedule of once a minute and the dead-letter queue.

use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::deadline::Deadline;
use worker::config::{self, Config};
use worker::sweep::{bury, sweep};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = shared::env::read(Config::read)??;
    shared::telemetry::start(config.log_level);
    config::log_panics_without_their_text();
    let sweeper = &config::start_sweeper(config, Clock::system()).await?;
    let process = service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::from_unix_ms(event.context.deadline);
        if event.payload.get("Records").is_some() {
            let records = serde_json::from_value(event.payload)?;
            return Ok(serde_json::to_value(bury(sweeper, records, deadline).await)?);
        }
        let ended = sweep(sweeper, deadline).await?;
        Ok::<_, lambda_runtime::Error>(json!({ "ended": ended }))
    });
    Runtime::new(process).run().await.map_err(anyhow::Error::from_boxed)
}
