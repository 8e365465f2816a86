//! The worker function: wiring only.

use std::convert::Infallible;

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use shared::clock::Clock;
use shared::deadline::Deadline;
use worker::batch::process_batch;
use worker::config::{self, Config};

// Lambda gives a process one batch at a time, and a batch has one record: one thread saves the wake-ups.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = shared::env::read(Config::read)??;
    shared::telemetry::start(config.log_level);
    config::log_panics_without_their_text();
    let worker = &config::start_worker(config, Clock::system()).await?;
    let process = service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Deadline::from_unix_ms(event.context.deadline);
        Ok::<_, Infallible>(process_batch(worker, event.payload, deadline).await)
    });
    Runtime::new(process).run().await.map_err(anyhow::Error::from_boxed)
}
