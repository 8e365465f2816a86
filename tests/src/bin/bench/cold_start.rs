//! The cold start of ingress under AWS's own Lambda Runtime Interface Emulator: from the invocation that finds no
//! process to its answer, queue write included.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tests::measure::{Samples, cpu_of, ms, peak_memory_of, processes_of, verdict};
use tests::process::{Group, free_address};
use tests::witness;

/// How many processes are started, and how often each is invoked once it is warm.
const STARTS: usize = 15;
const WARM_INVOCATIONS: usize = 50;

/// The most that the first invocation may take in the median, and the most memory, in bytes.
const COLD_GOAL: Duration = Duration::from_millis(15);
const MEMORY_GOAL: u64 = 13_000_000;

/// The table, and whether the goals are met. `environment` is that of the function, `event` an API Gateway event with a
/// signed slash command, made anew for each invocation.
pub async fn table(
    environment: &BTreeMap<String, String>,
    event: impl Fn() -> String,
) -> anyhow::Result<String> {
    let program = witness::program("ingress");
    let (mut cold, mut warm) = (Samples::default(), Samples::default());
    let mut init_cpu = Samples::default();
    let mut peak_bytes = 0;
    let others = processes_of(&program);
    let started_here = || processes_of(&program).into_iter().filter(|pid| !others.contains(pid));
    for _ in 0..STARTS {
        let (address, api) = (free_address()?, free_address()?);
        let mut command = Command::new(witness::material("tools/aws-lambda-rie"));
        command
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_FUNCTION_NAME", "ingress")
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--runtime-api-address", &api.to_string(), "--log-level", "error"])
            .arg(&program);
        let mut emulator = Group::start(command)?;
        emulator.wait_until_listening(address);
        let url = format!("http://{address}/2015-03-31/functions/function/invocations");
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        for invocation in 0..=WARM_INVOCATIONS {
            let request = http::Request::post(&url).body(Full::new(Bytes::from(event())))?;
            let started = Instant::now();
            let answer = client.request(request).await?.into_body().collect().await?.to_bytes();
            let elapsed = started.elapsed();
            let text = String::from_utf8_lossy(&answer);
            ensure!(text.contains("\"statusCode\":200"), "ingress answered {text}\n{}", emulator.output());
            if invocation == 0 {
                cold.push(elapsed);
                for pid in started_here() {
                    init_cpu.push(cpu_of(pid)?);
                }
            } else {
                warm.push(elapsed);
            }
        }
        for pid in started_here() {
            peak_bytes = peak_bytes.max(peak_memory_of(pid)?);
        }
    }
    let row = |what: &str, value: String| format!("| {what} | {value} |\n");
    let range = |samples: &Samples| {
        format!("{} ms median, {} ms p95", ms(samples.median()), ms(samples.percentile(95.0)))
    };
    let size = std::fs::metadata(&program)?.len() as f64 / 1e6;
    Ok(String::from("| ingress under aws-lambda-rie | |\n| --- | ---: |\n")
        + &row("first invocation, process start included", range(&cold))
        + &row("CPU until its answer", format!("{} ms", ms(init_cpu.median())))
        + &row("warm invocation", range(&warm))
        + &row("peak memory", format!("{:.1} MB", peak_bytes as f64 / 1e6))
        + &row("program", format!("{size:.1} MB"))
        + &format!(
            "\nGoals: {} ms for the first invocation: {}; {} MB: {}.\n",
            COLD_GOAL.as_millis(),
            verdict(cold.median() <= COLD_GOAL),
            MEMORY_GOAL / 1_000_000,
            verdict(peak_bytes <= MEMORY_GOAL),
        ))
}
