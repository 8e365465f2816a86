//! What the environment says, and the clients that are built from it, once and before the first job.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use shared::aws::Account;
use shared::env::Environment;
use shared::slack::{self, ResponseOrigins};
use shared::telemetry;
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::assume_role::Roles;
use crate::authorize::{Directory, Tables};
use crate::batch::Worker;
use crate::claim::Ledger;
use crate::execute::Aws;
use crate::gate::Gates;
use crate::probe::AdminQueue;
use crate::respond::{Responder, Tokens};
use crate::seal::DataKeys;
use crate::sweep::{JobsQueue, Sweeper};
use shared::clock::Clock;

/// The most that one try of a table, key or role call may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);

/// The wait before the SDK's second try is up to this, and up to twice this before the third: throttling of DynamoDB
/// passes within a fraction of a second, or not while anybody waits.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// How often the SDK sends a request of ours. All of them may be repeated: the ledger's writes are fenced.
const TRIES: u32 = 3;

/// How long the start may wait for connections to open.
const WARM_UP: Duration = Duration::from_secs(1);

/// The configuration of both processes.
pub struct Config {
    account: Account,
    jobs_table: String,
    tables: Tables,
    jobs_queue_url: String,
    admin_queue_url: String,
    kms_key_id: String,
    slack_api: Url,
    response_origins: ResponseOrigins,
    /// How much to log.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads `JOBS_TABLE`, `MAPPINGS_TABLE`, `MEMBERSHIPS_TABLE`, `INSTALLATIONS_TABLE`, `JOBS_QUEUE_URL` (to which
    /// only the sweeper sends), `ADMIN_QUEUE_URL` (to which only the worker sends), `KMS_KEY_ID`, `SLACK_API_URL` (`https://slack.com/api/` if unset),
    /// `SLACK_RESPONSE_ORIGINS` (Slack's own if unset), `LOG_LEVEL`, and what [`Account`] needs.
    pub fn read(env: &mut Environment<'_>) -> anyhow::Result<Self> {
        Ok(Self {
            account: Account::read(env),
            jobs_table: env.required("JOBS_TABLE", "the name of the jobs table"),
            tables: Tables {
                installations: env.required("INSTALLATIONS_TABLE", "the name of the installations table"),
                mappings: env.required("MAPPINGS_TABLE", "the name of the mappings table"),
                memberships: env.required("MEMBERSHIPS_TABLE", "the name of the memberships table"),
            },
            jobs_queue_url: env.required("JOBS_QUEUE_URL", "the URL of the SQS queue that takes jobs"),
            admin_queue_url: env
                .required("ADMIN_QUEUE_URL", "the URL of the SQS queue that takes admin jobs"),
            kms_key_id: env.required("KMS_KEY_ID", "the KMS key of tokens and results"),
            slack_api: slack::api_url(env)?,
            response_origins: slack::response_origins(env)?,
            log_level: telemetry::level(env),
        })
    }
}

/// The clients of AWS.
struct Clients {
    dynamodb: aws_sdk_dynamodb::Client,
    kms: aws_sdk_kms::Client,
    sqs: aws_sdk_sqs::Client,
    sts: aws_sdk_sts::Client,
}

impl Clients {
    fn new(account: &Account) -> anyhow::Result<Self> {
        let pool = shared::http::sdk_client().context("cannot set up TLS")?;
        let config = account
            .sdk_config(pool)
            .into_builder()
            .retry_config(
                RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(FIRST_BACKOFF),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(shared::http::CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            )
            .build();
        Ok(Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
        })
    }

    /// Opens the connections that the first job needs, by calls that change nothing. That they fail is no error: the
    /// first job will tell.
    async fn warm_up(&self, jobs_table: &str, roles: bool) {
        let key = aws_sdk_dynamodb::types::AttributeValue::S("-".into());
        let table = self.dynamodb.get_item().table_name(jobs_table).key("job", key).send();
        let identity = async {
            if roles {
                drop(self.sts.get_caller_identity().send().await);
            }
        };
        drop(tokio::time::timeout(WARM_UP, async { tokio::join!(table, identity) }).await);
    }
}

fn responder(config: &Config, clients: &Clients, clock: &Clock) -> anyhow::Result<Responder> {
    let tls = shared::http::tls_config().context("cannot set up TLS")?;
    Ok(Responder {
        clock: clock.clone(),
        ledger: Ledger::new(clients.dynamodb.clone(), config.jobs_table.clone()),
        keys: DataKeys::new(clients.kms.clone(), config.kms_key_id.clone(), clock.clone()),
        directory: Directory::new(clients.dynamodb.clone(), config.tables.clone(), clock.clone()),
        slack: slack::Client::new(config.slack_api.clone(), tls)
            .context("cannot set up the client of Slack")?,
        origins: config.response_origins.clone(),
        gates: Gates::default(),
        tokens: Tokens::new(clients.kms.clone(), config.kms_key_id.clone()),
    })
}

/// Builds the worker and opens its connections.
pub async fn start_worker(config: Config, clock: Clock) -> anyhow::Result<Arc<Worker>> {
    let clients = Clients::new(&config.account)?;
    clients.warm_up(&config.jobs_table, true).await;
    Ok(Arc::new(Worker {
        responder: responder(&config, &clients, &clock)?,
        roles: Roles::new(clients.sts.clone(), clock),
        aws: Aws {
            http: awscli::transport::HttpClient::new().context("cannot set up TLS")?,
            endpoint: config.account.endpoint().map(Url::parse).transpose().context("AWS_ENDPOINT_URL")?,
            region: config.account.region().to_owned(),
        },
        admin_queue: AdminQueue { sqs: clients.sqs.clone(), url: config.admin_queue_url.clone() },
    }))
}

/// Builds the sweeper and opens its connections.
pub async fn start_sweeper(config: Config, clock: Clock) -> anyhow::Result<Arc<Sweeper>> {
    let clients = Clients::new(&config.account)?;
    clients.warm_up(&config.jobs_table, false).await;
    Ok(Arc::new(Sweeper {
        responder: responder(&config, &clients, &clock)?,
        queue: JobsQueue::new(clients.sqs.clone(), config.jobs_queue_url.clone()),
    }))
}

/// Keeps the payload of panics out of the logs: it may quote what a command printed.
pub fn log_panics_without_their_text() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(alarm = "panic", place, "a panic was caught");
    }));
}
