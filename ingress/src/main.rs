//! The ingress function: wiring only.

use std::convert::Infallible;

use ingress::request::HttpEvent;
use ingress::{Config, Ingress};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};

// One request at a time is all that Lambda gives a process: one thread saves the wake-ups.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = shared::env::read(Config::read)?;
    shared::telemetry::start(config.log_level);
    let ingress = &Ingress::start(config).await?;
    let answer = service_fn(async |event: LambdaEvent<HttpEvent>| {
        Ok::<_, Infallible>(ingress.answer(event.payload).await)
    });
    Runtime::new(answer).run().await.map_err(anyhow::Error::from_boxed)
}
