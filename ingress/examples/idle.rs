//! A function that answers at once and does nothing: what the Lambda runtime costs without ingress. The benchmark measures
//! both in one run.

use std::convert::Infallible;

use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let answer = service_fn(async |_: LambdaEvent<Value>| {
        Ok::<_, Infallible>(json!({ "statusCode": 200, "headers": {}, "body": "Running nothing." }))
    });
    Runtime::new(answer).run().await.map_err(anyhow::Error::from_boxed)
}
