//! The figures of the README, taken in one run on one machine: `./alfred bench`.
//!
//! The functions and the command are release builds. The AWS emulator, the fake Slack and the gateway run in this
//! process, on the same cores, so that every figure that crosses them has their share in it.

mod ack;
mod alone;
mod answer;
mod cold_start;
mod command;
mod sync;
mod warm;

use local::stack::Stack;
use tests::conversation::start_with;
use tests::measure::machine;

use crate::ack::Sender;

/// What can be measured by itself.
const TABLES: [&str; 5] = ["ingress", "commands", "warm", "jobs", "sync"];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("measure", command)) = arguments.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        return command::measure(command);
    }
    if let Some(unknown) = arguments.iter().find(|name| !TABLES.contains(&name.as_str())) {
        anyhow::bail!("there is no figure `{unknown}`; there are {}", TABLES.join(", "));
    }
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(bench(wanted))
}

async fn bench(wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    println!("Measured on {}, everything on loopback.\n", machine());

    if wanted("ingress") {
        // Commands stay on the queue, so that only ingress works while ingress is measured.
        let (stack, sender) = waiting().await;
        println!("{}", ack::table(&stack, &sender).await?);
        let environment = &stack.ingress.function().environment;
        println!("{}", cold_start::table(environment, || sender.event()).await?);
        stack.shut_down().await;
    }
    if wanted("commands") {
        let stack = start_with(|_| {}).await;
        println!("{}", command::table(&stack).await?);
        stack.shut_down().await;
    }
    if wanted("warm") {
        println!("{}", warm::table()?);
    }
    if wanted("jobs") {
        let (stack, sender) = waiting().await;
        let throughput = answer::throughput(&stack, &sender).await?;
        stack.shut_down().await;
        let stack = start_with(|_| {}).await;
        let latency = answer::latency(&stack).await?;
        stack.shut_down().await;
        println!("| end to end | | |\n| --- | ---: | ---: |\n{latency}{throughput}");
    }
    if wanted("sync") {
        println!("{}", sync::table().await?);
    }
    Ok(())
}

/// A stack that leaves jobs on the queue, and what sends commands to it.
async fn waiting() -> (Stack, Sender) {
    let mut stack = start_with(|_| {}).await;
    stack.stop_taking_jobs();
    let signing_secret = stack.slack.change_world(|world| world.app.signing_secret.clone());
    let sender = Sender::new(&stack.gateway_url(), &signing_secret, &stack.slack.base_url());
    (stack, sender)
}
