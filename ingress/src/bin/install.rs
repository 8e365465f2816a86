//! The install function: wiring only.

use std::convert::Infallible;

use ingress::install::{Config, HttpEvent, Install};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use shared::clock::Clock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = shared::env::read(Config::read)??;
    shared::telemetry::start(config.log_level);
    let install = &Install::start(config, Clock::system())?;
    let answer = service_fn(async |event: LambdaEvent<HttpEvent>| {
        Ok::<_, Infallible>(install.answer(event.payload).await)
    });
    Runtime::new(answer).run().await.map_err(anyhow::Error::from_boxed)
}
