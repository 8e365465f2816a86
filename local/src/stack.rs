//! The whole local world, started and stopped as one: emulator, seeds, functions, gateway, queue pollers, schedule and
//! fake Slack. The program `alfred-local` and the tests start the same one.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use aws_credential_types::Credentials;

use crate::administrator::administrator;
use crate::aws::{Client, DEV, Emulator, HOME, PROD, REGION};
use crate::fault::Proxy;
use crate::gateway::Gateway;
use crate::lambda::{Function, Lambda};
use crate::logs::Logs;
use crate::queues::EventSource;
use crate::schedule;
use crate::seed::{self, FUNCTION_ROLES, Home, QueueLimits, TABLES};
use crate::slack::world::World;
use crate::slack::{FakeSlack, SlackOptions};

/// What a stack is started with.
pub struct Options {
    /// What is there at the beginning.
    pub seed: Seed,
    /// The folder with the functions' programs.
    pub functions: PathBuf,
    /// The port of the page that people open; 0 takes a free one.
    pub console_port: u16,
    /// The time limit of the worker and the sweeper. The jobs queue's visibility timeout is the same, in whole seconds.
    pub function_timeout: Duration,
    /// How many worker processes there may be at once.
    pub worker_concurrency: usize,
    /// How often the sweeper runs.
    pub sweeper_interval: Duration,
    /// After how many receives a job's record goes to the dead-letter queue.
    pub max_receives: u32,
    /// Which AWS the functions get.
    pub aws: Aws,
    /// Whether fault proxies stand between the functions and what they call.
    pub faults: bool,
    /// `LOG_LEVEL` of the functions.
    pub log_level: String,
    /// The workspace.
    pub world: World,
}

impl Options {
    /// The options of a plain local run with the programs in `functions`.
    pub fn new(functions: impl Into<PathBuf>) -> Self {
        Self {
            seed: Seed::Demo,
            functions: functions.into(),
            console_port: 0,
            function_timeout: Duration::from_secs(60),
            worker_concurrency: 4,
            sweeper_interval: Duration::from_secs(60),
            max_receives: 5,
            aws: Aws::Embedded,
            faults: false,
            log_level: "info".into(),
            world: World::demo(),
        }
    }
}

/// What is there at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seed {
    /// The AWS accounts, and Alfredbot deployed but installed nowhere.
    Empty,
    /// Installed in the workspace as well, with mapped channels and known members.
    Demo,
}

/// Which AWS the functions get.
pub enum Aws {
    /// The embedded emulator.
    Embedded,
    /// One that runs already, empty, and reads its keys for itself.
    External {
        /// Its address, plain HTTP.
        endpoint: String,
        /// Administrator keys of the home account and of the two target accounts.
        keys: BTreeMap<&'static str, Credentials>,
    },
}

/// The fault proxies, each in front of what one function calls.
pub struct Faults {
    /// ingress to AWS.
    pub ingress_aws: Proxy,
    /// worker to AWS.
    pub worker_aws: Proxy,
    /// sweeper to AWS.
    pub sweeper_aws: Proxy,
    /// syncer to AWS.
    pub syncer_aws: Proxy,
    /// install to AWS.
    pub install_aws: Proxy,
    /// worker, sweeper and syncer to Slack's Web API. Response URLs go to the fake Slack directly, which can fail them itself.
    pub slack_api: Proxy,
}

impl Faults {
    fn all(&self) -> [&Proxy; 6] {
        [
            &self.ingress_aws,
            &self.worker_aws,
            &self.sweeper_aws,
            &self.syncer_aws,
            &self.install_aws,
            &self.slack_api,
        ]
    }
}

/// A running world. [`Stack::shut_down`] ends it; dropping it ends it too, without waiting.
pub struct Stack {
    /// The functions.
    pub ingress: Lambda,
    /// See [`Stack::ingress`].
    pub worker: Lambda,
    /// See [`Stack::ingress`].
    pub sweeper: Lambda,
    /// See [`Stack::ingress`].
    pub syncer: Lambda,
    /// See [`Stack::ingress`].
    pub install: Lambda,
    /// The fake Slack.
    pub slack: FakeSlack,
    /// What the functions print.
    pub logs: Logs,
    /// What Alfredbot's own account holds.
    pub home: Home,
    /// Set if [`Options::faults`] was.
    pub faults: Option<Faults>,
    clients: BTreeMap<&'static str, Client>,
    emulator: Option<Emulator>,
    gateway: Gateway,
    pollers: tokio::task::JoinSet<()>,
    job_pollers: tokio::task::JoinSet<()>,
    folder: PathBuf,
}

impl Stack {
    /// Starts everything and returns when all of it answers.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let binary = |name: &str| {
            let path = options.functions.join(name);
            anyhow::ensure!(
                path.is_file(),
                "no program {}: build it first (`./alfred up` does)",
                path.display()
            );
            Ok(path)
        };
        let binaries = [
            binary("ingress")?,
            binary("worker")?,
            binary("sweeper")?,
            binary("syncer")?,
            binary("install")?,
        ];
        // Before anything is started, since a busy port is the most likely reason to stop.
        let console = SocketAddr::from((Ipv4Addr::LOCALHOST, options.console_port));
        drop(tokio::net::TcpListener::bind(console).await.with_context(|| {
            format!("port {} on 127.0.0.1 is taken; choose another with --port", options.console_port)
        })?);

        let folder = std::env::temp_dir().join(format!("alfred-local-{}", uuid::Uuid::new_v4().simple()));
        let logs = Logs::new(&folder).context("failed to create the log file")?;

        let (emulator, clients) = match options.aws {
            Aws::Embedded => {
                let emulator = Emulator::start().await.context("failed to start the AWS emulator")?;
                let client = |account| Client::new(&emulator.url(), REGION, emulator.root_keys(account));
                let clients = [HOME, DEV, PROD].map(|account| (account, client(account))).into();
                (Some(emulator), clients)
            }
            Aws::External { endpoint, keys } => {
                let clients: BTreeMap<_, _> = keys
                    .into_iter()
                    .map(|(account, keys)| (account, Client::new(&endpoint, REGION, keys)))
                    .collect();
                (None, clients)
            }
        };
        let client = |account: &str| {
            clients.get(account).with_context(|| format!("no administrator keys of account {account}"))
        };
        let limits = QueueLimits {
            visibility_timeout: options.function_timeout.as_secs_f64().ceil() as u64,
            max_receives: options.max_receives,
        };
        let home = seed::home(client(HOME)?, limits).await.context("failed to fill the home account")?;
        for account in [DEV, PROD] {
            // Nobody knows this one: until a tenant's own is put on the roles they open for nobody.
            seed::target(client(account)?, account, &seed::external_id())
                .await
                .with_context(|| format!("failed to fill account {account}"))?;
        }
        let signing_secret = uuid::Uuid::new_v4().simple().to_string();
        let listener = Gateway::listen().await.context("failed to start the gateway")?;
        let gateway_url = format!("http://{}", listener.local_addr()?);

        let traced = logs.clone();
        let slack = FakeSlack::start(SlackOptions {
            listen: console,
            request_url_base: gateway_url.clone(),
            signing_secret: signing_secret.clone(),
            bot_token: None,
            world: options.world,
            traces: Arc::new(move || serde_json::to_value(traced.traces()).unwrap_or_default()),
            aws: administrator(&clients),
        })
        .await
        .context("failed to start the fake Slack")?;

        let endpoint = client(HOME)?.endpoint().to_owned();
        let faults = if options.faults {
            Some(Faults {
                ingress_aws: Proxy::start(&endpoint).await?,
                worker_aws: Proxy::start(&endpoint).await?,
                sweeper_aws: Proxy::start(&endpoint).await?,
                syncer_aws: Proxy::start(&endpoint).await?,
                install_aws: Proxy::start(&endpoint).await?,
                slack_api: Proxy::start(&slack.base_url()).await?,
            })
        } else {
            None
        };
        let endpoints = match &faults {
            Some(faults) => [
                faults.ingress_aws.url(),
                faults.worker_aws.url(),
                faults.sweeper_aws.url(),
                faults.syncer_aws.url(),
                faults.install_aws.url(),
            ],
            None => std::array::from_fn(|_| endpoint.clone()),
        };
        let slack_api = match &faults {
            Some(faults) => format!("{}/api/", faults.slack_api.url()),
            None => slack.api_url(),
        };

        let mut functions = Vec::new();
        for (((role, binary), endpoint), (timeout, concurrency)) in
            FUNCTION_ROLES.iter().zip(binaries).zip(endpoints).zip([
                (INGRESS_TIMEOUT, INGRESS_CONCURRENCY),
                (options.function_timeout, options.worker_concurrency),
                (options.function_timeout, 1),
                (options.function_timeout, SYNCER_CONCURRENCY),
                (INGRESS_TIMEOUT, 1),
            ])
        {
            let name = role.trim_start_matches("alfredbot-");
            let keys = match &emulator {
                Some(emulator) => emulator.function_keys(role, name),
                None => seed::function_keys(client(HOME)?, role).await?,
            };
            let mut environment = lambda_environment(&keys, endpoint, &options.log_level);
            if name != "install" {
                environment.insert("JOBS_QUEUE_URL".into(), home.jobs_queue.clone());
                environment.insert("ADMIN_QUEUE_URL".into(), home.admin_queue.clone());
            }
            if name == "ingress" {
                environment.insert("SLACK_SIGNING_SECRET".into(), signing_secret.clone());
            } else {
                environment.extend(TABLES.map(|(variable, table)| (variable.into(), table.into())));
                environment.insert("KMS_KEY_ID".into(), home.kms_key.clone());
                environment.insert("SLACK_API_URL".into(), slack_api.clone());
                environment.insert("SLACK_RESPONSE_ORIGINS".into(), slack.base_url());
            }
            if matches!(name, "install" | "syncer") {
                let (id, secret) = slack.client();
                environment.extend([("SLACK_CLIENT_ID".into(), id), ("SLACK_CLIENT_SECRET".into(), secret)]);
                environment.insert("PUBLIC_URL".into(), gateway_url.clone());
                environment.insert("SLACK_AUTHORIZE_URL".into(), slack.authorize_url());
                environment.insert("WORKER_ROLE_ARN".into(), seed::worker_role_arn());
                environment.insert("SYNC_RULE".into(), seed::SYNC_RULE.into());
            }
            let function = Function { name: name.into(), binary, environment, timeout, concurrency };
            functions.push(Lambda::new(function, logs.clone()));
        }
        let [ingress, worker, sweeper, syncer, install] =
            <[Lambda; 5]>::try_from(functions).map_err(|_| anyhow::anyhow!("there are five functions"))?;
        let gateway = Gateway::start(listener, ingress.clone(), install.clone())?;

        let mut pollers = tokio::task::JoinSet::new();
        let jobs = EventSource {
            client: client(HOME)?.clone(),
            queue_url: home.jobs_queue.clone(),
            function: worker.clone(),
        };
        let dead = EventSource {
            queue_url: home.dead_letter_queue.clone(),
            function: sweeper.clone(),
            ..jobs.clone()
        };
        let admin =
            EventSource { queue_url: home.admin_queue.clone(), function: syncer.clone(), ..jobs.clone() };
        let admin_dead = EventSource { queue_url: home.admin_dead_letter_queue.clone(), ..admin.clone() };
        let mut job_pollers = tokio::task::JoinSet::new();
        jobs.start(options.worker_concurrency, &mut job_pollers);
        dead.start(1, &mut pollers);
        admin.start(SYNCER_CONCURRENCY, &mut pollers);
        admin_dead.start(1, &mut pollers);
        pollers.spawn(schedule::run(sweeper.clone(), options.sweeper_interval));
        pollers.spawn(schedule::run_rule(syncer.clone(), client(HOME)?.clone(), seed::SYNC_RULE));

        let stack = Self {
            ingress,
            worker,
            sweeper,
            syncer,
            install,
            slack,
            logs,
            home,
            faults,
            clients,
            emulator,
            gateway,
            pollers,
            job_pollers,
            folder,
        };
        for function in stack.functions() {
            if let Err(error) = function.warm(1).await {
                let name = function.name().to_owned();
                stack.shut_down().await;
                return Err(error).with_context(|| format!("function {name} does not answer"));
            }
        }
        if options.seed == Seed::Demo {
            if let Err(error) = crate::demo::set_up(&stack).await {
                stack.shut_down().await;
                return Err(error).context("failed to set up the demo");
            }
            // Whoever counts from here on counts what the demo's people do.
            stack.slack.forget_calls();
            for proxy in stack.faults.iter().flat_map(Faults::all) {
                proxy.forget_seen();
            }
        }
        Ok(stack)
    }

    /// The address that people open.
    pub fn console_url(&self) -> String {
        self.slack.base_url()
    }

    /// The address of the API that Slack sends to.
    pub fn gateway_url(&self) -> String {
        self.gateway.url()
    }

    /// A client with administrator keys of `account`.
    pub fn client(&self, account: &str) -> Option<&Client> {
        self.clients.get(account)
    }

    /// The functions.
    pub fn functions(&self) -> [Lambda; 5] {
        [&self.ingress, &self.worker, &self.sweeper, &self.syncer, &self.install].map(Clone::clone)
    }

    /// Where the logs and nothing else are kept until the stack ends.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets jobs stay on their queue from now on.
    pub fn stop_taking_jobs(&mut self) {
        self.job_pollers = tokio::task::JoinSet::new();
    }

    /// Returns when a part has ended by a fault, with its name.
    pub async fn failed(&mut self) -> &'static str {
        let Self { emulator, gateway, slack, pollers, job_pollers, .. } = self;
        let emulator = async {
            match emulator {
                Some(emulator) => emulator.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = emulator => "AWS emulator",
            () = gateway.ended() => "API gateway",
            () = slack.ended() => "fake Slack",
            _ = pollers.join_next() => "queue poller",
            _ = job_pollers.join_next(), if !job_pollers.is_empty() => "queue poller",
        }
    }

    /// The secret parts of all AWS keys that were issued so far: none of them may be in a log.
    pub fn issued_secrets(&self) -> Vec<String> {
        self.emulator.as_ref().map(Emulator::issued_secrets).unwrap_or_default()
    }

    /// Ends everything. Returns when no process is left.
    pub async fn shut_down(mut self) {
        self.pollers.abort_all();
        self.job_pollers.abort_all();
        let functions = self.functions();
        functions.iter().for_each(Lambda::shut_down);
        for function in functions {
            function.gone().await;
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.functions().iter().for_each(Lambda::shut_down);
        // The logs are for reading while the world runs; a test that needs them has them in memory.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The time limit of ingress: Slack gives up after 3 seconds.
const INGRESS_TIMEOUT: Duration = Duration::from_secs(10);
/// Instances of ingress. At 300 requests/s of a few milliseconds each, two are busy.
const INGRESS_CONCURRENCY: usize = 8;
/// Instances of the syncer. A long sync of one workspace must not keep its commands and events waiting.
const SYNCER_CONCURRENCY: usize = 4;

/// What Lambda and the deployment put into every function's environment.
fn lambda_environment(keys: &Credentials, endpoint: String, log_level: &str) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from([
        ("AWS_REGION".into(), REGION.into()),
        ("AWS_DEFAULT_REGION".into(), REGION.into()),
        ("AWS_ACCESS_KEY_ID".into(), keys.access_key_id().into()),
        ("AWS_SECRET_ACCESS_KEY".into(), keys.secret_access_key().into()),
        ("AWS_ENDPOINT_URL".into(), endpoint),
        ("LOG_LEVEL".into(), log_level.into()),
    ]);
    if let Some(token) = keys.session_token() {
        environment.insert("AWS_SESSION_TOKEN".into(), token.into());
    }
    environment
}
