//! How long ingress lets Slack wait: signed slash commands over HTTP at fixed rates and as fast as they are answered, each
//! after its job is on the queue, and what one takes alone; by turns with it the same job on bare sockets, which is what the
//! host asks at the least.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local::gateway::Gateway;
use local::lambda::{Function, Lambda};
use local::slack::signature::{form, sign};
use local::stack::Stack;
use serde_json::json;
use tests::measure::{Samples, cpu_of, ms, processes_of, verdict};
use tests::witness;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::alone;
use crate::answer::COMMAND;

/// Requests a second.
const RATES: [u32; 3] = [20, 100, 300];

/// At each rate both have so many turns, so that a slow minute of the machine slows both; and how long one is.
const TURNS: u32 = 5;
const TURN: Duration = Duration::from_secs(2);

/// What a request may take: CPU time, alone on a core; and at the highest rate until all but one in a hundred are answered.
const CPU_GOAL: Duration = Duration::from_micros(100);
const P99_GOAL: Duration = Duration::from_micros(2500);

/// The same as ratios, which a slow machine does not change: how many times the CPU time of bare sockets at any rate; how
/// many times their p99 at the highest; and the share of their requests that are to be answered when all cores are busy.
const CPU_RATIO_GOAL: f64 = 3.0;
const P99_RATIO_GOAL: f64 = 4.0;
const RATE_RATIO_GOAL: f64 = 0.4;

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

    /// The same command as API Gateway hands it to the function.
    pub fn event(&self) -> String {
        let (body, timestamp, signature) = self.signed(COMMAND);
        let headers = BTreeMap::from([
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("x-slack-request-timestamp", timestamp),
            ("x-slack-signature", signature),
        ]);
        json!({
            "version": "2.0",
            "routeKey": "POST /slack/commands",
            "rawPath": "/slack/commands",
            "rawQueryString": "",
            "headers": headers,
            "requestContext": { "http": { "method": "POST", "path": "/slack/commands", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1" } },
            "body": STANDARD.encode(body),
            "isBase64Encoded": true,
        })
        .to_string()
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

/// The table of both functions, rate by rate, and whether the goals are met.
pub async fn table(stack: &Stack, sender: &Sender) -> anyhow::Result<String> {
    let ingress = Measured { sender: sender.clone(), program: witness::program("ingress") };
    let function = Function {
        name: "floor".into(),
        binary: witness::program("floor"),
        ..stack.ingress.function().clone()
    };
    let function = Lambda::new(function, stack.logs.clone());
    let listener = Gateway::listen().await?;
    let url = format!("http://{}", listener.local_addr()?);
    let gateway = Gateway::start(listener, function.clone(), function.clone())?;
    let floor = Measured {
        sender: Sender::new(&url, &sender.signing_secret, &sender.origin),
        program: witness::program("floor"),
    };
    let mut rows = String::from(
        "| ack over HTTP | p50, ms | p99, ms | CPU a request, µs | the same on bare sockets | times its CPU | times its p99 |\n\
         | --- | ---: | ---: | ---: | --- | ---: | ---: |\n",
    );
    for _ in 0..50 {
        ingress.sender.send(COMMAND).await?;
        floor.sender.send(COMMAND).await?;
    }
    let mut row = |rate: &str, ours: &Taken, least: &Taken| {
        let ratios = Ratios {
            cpu: ours.cpu().div_duration_f64(least.cpu()),
            p99: ours.p99().div_duration_f64(least.p99()),
        };
        rows += &format!(
            "| {rate} | {} | {} | {} | p50 {} ms, p99 {} ms, {} µs | {:.2} | {:.2} |\n",
            ms(ours.p50()),
            ms(ours.p99()),
            ours.cpu().as_micros(),
            ms(least.p50()),
            ms(least.p99()),
            least.cpu().as_micros(),
            ratios.cpu,
            ratios.p99,
        );
        ratios
    };
    let (mut most_cpu, mut at_most_rate) = (0.0_f64, None);
    for rate in RATES {
        let (mut ours, mut least) = (Taken::default(), Taken::default());
        for _ in 0..TURNS {
            ingress.at(rate, &mut ours).await?;
            floor.at(rate, &mut least).await?;
        }
        let ratios = row(&format!("{rate} requests/s"), &ours, &least);
        most_cpu = most_cpu.max(ratios.cpu);
        at_most_rate = Some((rate, ours, ratios));
    }
    let (mut ours, mut least) = (Taken::default(), Taken::default());
    for _ in 0..TURNS {
        ingress.flat_out(&mut ours).await?;
        floor.flat_out(&mut least).await?;
    }
    let [many, more] = [&ours, &least].map(|taken| taken.samples.len() as f64 / (TURN * TURNS).as_secs_f64());
    let rate = format!("as fast as they are answered: {many:.0} requests/s, {more:.0} on bare sockets");
    most_cpu = most_cpu.max(row(&rate, &ours, &least).cpu);
    drop(gateway);
    function.shut_down();
    function.gone().await;

    let (mut ours, mut least) = (Taken::default(), Taken::default());
    for _ in 0..TURNS {
        for (measured, taken) in [(&ingress, &mut ours), (&floor, &mut least)] {
            let environment = &stack.ingress.function().environment;
            let (samples, cpu) = alone::turn(&measured.program, environment, &sender.event())?;
            taken.samples.extend(samples);
            taken.cpu += cpu;
        }
    }
    most_cpu = most_cpu.max(row("alone on one core, from event to answer", &ours, &least).cpu);
    let cpu_alone = ours.cpu();

    let (rate, ours, ratios) = at_most_rate.context("no rate")?;
    rows += &format!(
        "\nGoals: {} µs of CPU a request alone on one core: {}; p99 of {} ms at {rate} requests/s: {}. As ratios: at most {CPU_RATIO_GOAL} times the \
         CPU of bare sockets: {}; at most {P99_RATIO_GOAL} times their p99 at {rate} requests/s: {}; at least {RATE_RATIO_GOAL} of \
         their requests: {}.\n",
        CPU_GOAL.as_micros(),
        verdict(cpu_alone <= CPU_GOAL),
        ms(P99_GOAL),
        verdict(ours.p99() <= P99_GOAL),
        verdict(most_cpu <= CPU_RATIO_GOAL),
        verdict(ratios.p99 <= P99_RATIO_GOAL),
        verdict(many / more >= RATE_RATIO_GOAL),
    );
    Ok(rows)
}

/// Ours by the same figure of bare sockets.
struct Ratios {
    cpu: f64,
    p99: f64,
}

/// A function behind a gateway.
struct Measured {
    sender: Sender,
    program: PathBuf,
}

/// What the requests of all turns took.
#[derive(Default)]
struct Taken {
    samples: Samples,
    cpu: Duration,
}

impl Taken {
    fn p50(&self) -> Duration {
        self.samples.percentile(50.0)
    }

    fn p99(&self) -> Duration {
        self.samples.percentile(99.0)
    }

    /// Of one request.
    fn cpu(&self) -> Duration {
        self.cpu / u32::try_from(self.samples.len()).unwrap_or(u32::MAX).max(1)
    }
}

impl Measured {
    /// Requests leave when their time has come, whether earlier ones are answered or not, and their latency counts from
    /// that time.
    async fn at(&self, rate: u32, taken: &mut Taken) -> anyhow::Result<()> {
        let cpu_before = self.cpu()?;
        let count = rate * u32::try_from(TURN.as_secs())?;
        let (sender, runtime) = (self.sender.clone(), Handle::current());
        // A thread keeps the time: the runtime's timer counts in milliseconds, and up to one would be in every latency.
        let sent = tokio::task::spawn_blocking(move || {
            let mut sent = JoinSet::new();
            let started = Instant::now();
            for number in 0..count {
                let due = started + TURN * number / count;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let sender = sender.clone();
                let answer = async move { sender.send(COMMAND).await.map(|_| due.elapsed()) };
                sent.spawn_on(answer, &runtime);
            }
            sent
        });
        let mut sent = sent.await?;
        while let Some(answered) = sent.join_next().await {
            taken.samples.push(answered.context("a request was dropped")??);
        }
        taken.cpu += self.cpu()?.saturating_sub(cpu_before);
        Ok(())
    }

    /// Requests leave when the one before them is answered.
    async fn flat_out(&self, taken: &mut Taken) -> anyhow::Result<()> {
        let cpu_before = self.cpu()?;
        let mut senders = JoinSet::new();
        let end = Instant::now() + TURN;
        for _ in 0..SENDERS {
            let sender = self.sender.clone();
            senders.spawn(async move {
                let mut samples = Vec::new();
                while Instant::now() < end {
                    samples.push(sender.send(COMMAND).await?);
                }
                anyhow::Ok(samples)
            });
        }
        while let Some(answered) = senders.join_next().await {
            taken.samples.extend(answered.context("a request was dropped")??);
        }
        taken.cpu += self.cpu()?.saturating_sub(cpu_before);
        Ok(())
    }

    /// What all instances have used so far.
    fn cpu(&self) -> anyhow::Result<Duration> {
        let instances = processes_of(&self.program);
        ensure!(!instances.is_empty(), "no {} is running", self.program.display());
        instances.into_iter().map(|pid| Ok(cpu_of(pid)?)).sum()
    }
}
