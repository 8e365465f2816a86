//! How long ingress lets Slack wait: signed slash commands over HTTP at fixed rates and as fast as they are answered, each
//! after its job is on the queue; and beside it a function that does nothing, which is what the host and Lambda's runtime
//! take of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local::gateway::Gateway;
use local::lambda::{Function, Lambda};
use local::slack::signature::{form, sign};
use local::stack::Stack;
use tests::measure::{Samples, cpu_of, ms, processes_of};
use tests::witness;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Requests a second, and for how long each rate is held.
const RATES: [u32; 3] = [20, 100, 300];
const HELD: Duration = Duration::from_secs(10);

/// How many send the next request as soon as the last is answered.
const SENDERS: usize = 8;

/// Sends signed slash commands as Slack does, over connections that are kept.
#[derive(Clone)]
pub struct Sender {
    http: Client<HttpConnector, Full<Bytes>>,
    url: String,
    signing_secret: String,
    origin: String,
}

impl Sender {
    /// For the gateway at `url`, with response_urls below `origin`.
    pub fn new(url: &str, signing_secret: &str, origin: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            http: Client::builder(TokioExecutor::new()).build(connector),
            url: format!("{url}/slack/commands"),
            signing_secret: signing_secret.into(),
            origin: origin.into(),
        }
    }

    /// Body, timestamp and signature of a slash command that no other request has.
    pub fn signed(&self, text: &str) -> (String, String, String) {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let response_url = format!("{}/commands/T0ALFRED1/1/{unique}", self.origin);
        let body = form(&[
            ("team_id", "T0ALFRED1"),
            ("team_domain", "wayne"),
            ("channel_id", "C0OPS"),
            ("channel_name", "ops"),
            ("user_id", "U0BEN"),
            ("user_name", "ben"),
            ("command", "/alfred-invoke"),
            ("text", text),
            ("api_app_id", "A0ALFRED1"),
            ("response_url", &response_url),
            ("trigger_id", &unique),
        ]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
        let signature = sign(&self.signing_secret, &now, body.as_bytes());
        (body, now, signature)
    }

    /// Sends one, and says how long the answer took.
    pub async fn send(&self, text: &str) -> anyhow::Result<Duration> {
        let (body, timestamp, signature) = self.signed(text);
        let request = http::Request::post(&self.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", timestamp)
            .header("x-slack-signature", signature)
            .body(Full::new(Bytes::from(body)))?;
        let started = Instant::now();
        let answer = self.http.request(request).await?;
        let status = answer.status();
        let answer = answer.into_body().collect().await?.to_bytes();
        let elapsed = started.elapsed();
        let text = String::from_utf8_lossy(&answer);
        ensure!(status == 200 && text.contains("Running"), "ingress answered {status} {text}");
        Ok(elapsed)
    }
}

/// The table of both functions, rate by rate.
pub async fn table(stack: &Stack, sender: &Sender) -> anyhow::Result<String> {
    let ingress = Measured { sender: sender.clone(), program: witness::program("ingress") };
    let function = Function {
        name: "idle".into(),
        binary: witness::program("idle"),
        environment: BTreeMap::new(),
        ..stack.ingress.function().clone()
    };
    let function = Lambda::new(function, stack.logs.clone());
    let listener = Gateway::listen().await?;
    let url = format!("http://{}", listener.local_addr()?);
    let gateway = Gateway::start(listener, function.clone(), function.clone())?;
    let idle = Measured {
        sender: Sender::new(&url, &sender.signing_secret, &sender.origin),
        program: witness::program("idle"),
    };
    let mut rows = String::from(
        "| ack over HTTP | p50, ms | p99, ms | CPU a request, µs | a function that does nothing | its share of the CPU |\n\
         | --- | ---: | ---: | ---: | --- | ---: |\n",
    );
    for _ in 0..50 {
        ingress.sender.send("sts get-caller-identity").await?;
        idle.sender.send("sts get-caller-identity").await?;
    }
    let mut row = |rate: &str, ours: &Taken, nothing: &Taken| {
        rows += &format!(
            "| {rate} | {} | {} | {} | p50 {} ms, p99 {} ms, {} µs | {:.2} |\n",
            ms(ours.p50),
            ms(ours.p99),
            ours.cpu.as_micros(),
            ms(nothing.p50),
            ms(nothing.p99),
            nothing.cpu.as_micros(),
            nothing.cpu.as_secs_f64() / ours.cpu.as_secs_f64(),
        );
    };
    for rate in RATES {
        let [ours, nothing] = [ingress.at(rate).await?, idle.at(rate).await?];
        row(&format!("{rate} requests/s"), &ours, &nothing);
    }
    let [ours, nothing] = [ingress.flat_out().await?, idle.flat_out().await?];
    let [many, more] = [&ours, &nothing].map(|taken| f64::from(taken.count) / HELD.as_secs_f64());
    let rate = format!("as fast as they are answered: {many:.0} requests/s, {more:.0} of nothing");
    row(&rate, &ours, &nothing);
    drop(gateway);
    function.shut_down();
    function.gone().await;
    Ok(rows)
}

/// A function behind a gateway.
struct Measured {
    sender: Sender,
    program: PathBuf,
}

/// What a request took.
struct Taken {
    count: u32,
    p50: Duration,
    p99: Duration,
    cpu: Duration,
}

impl Measured {
    /// Requests leave when their time has come, whether earlier ones are answered or not, and their latency counts from
    /// that time.
    async fn at(&self, rate: u32) -> anyhow::Result<Taken> {
        let cpu_before = self.cpu()?;
        let samples = Arc::new(Mutex::new(Samples::default()));
        let mut sent = JoinSet::new();
        let started = Instant::now();
        let count = rate * u32::try_from(HELD.as_secs())?;
        for number in 0..count {
            let due = started + HELD * number / count;
            tokio::time::sleep_until(due.into()).await;
            let (sender, samples) = (self.sender.clone(), Arc::clone(&samples));
            sent.spawn(async move {
                sender.send("sts get-caller-identity").await?;
                samples.lock().await.push(due.elapsed());
                anyhow::Ok(())
            });
        }
        while let Some(done) = sent.join_next().await {
            done.context("a request was dropped")??;
        }
        self.taken(cpu_before, &*samples.lock().await)
    }

    /// Requests leave when the one before them is answered.
    async fn flat_out(&self) -> anyhow::Result<Taken> {
        let cpu_before = self.cpu()?;
        let samples = Arc::new(Mutex::new(Samples::default()));
        let mut senders = JoinSet::new();
        let end = Instant::now() + HELD;
        for _ in 0..SENDERS {
            let (sender, samples) = (self.sender.clone(), Arc::clone(&samples));
            senders.spawn(async move {
                while Instant::now() < end {
                    let taken = sender.send("sts get-caller-identity").await?;
                    samples.lock().await.push(taken);
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = senders.join_next().await {
            done.context("a request was dropped")??;
        }
        self.taken(cpu_before, &*samples.lock().await)
    }

    fn taken(&self, cpu_before: Duration, samples: &Samples) -> anyhow::Result<Taken> {
        let count = u32::try_from(samples.len())?;
        ensure!(count > 0, "nothing was answered");
        let cpu = self.cpu()?.saturating_sub(cpu_before) / count;
        Ok(Taken { count, p50: samples.percentile(50.0), p99: samples.percentile(99.0), cpu })
    }

    /// What all instances have used so far.
    fn cpu(&self) -> anyhow::Result<Duration> {
        let instances = processes_of(&self.program);
        ensure!(!instances.is_empty(), "no {} is running", self.program.display());
        instances.into_iter().map(|pid| Ok(cpu_of(pid)?)).sum()
    }
}
