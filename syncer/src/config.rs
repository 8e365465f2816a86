//! What the environment says, and the clients that are built from it.

use anyhow::Context as _;
use shared::aws::Account;
use shared::clock::Clock;
use shared::env::Environment;
use shared::secret::Secret;
use shared::slack::{self, ResponseOrigins};
use shared::telemetry;
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::record::Bus;
use crate::schedule::Rule;
use crate::tables::Tables;
use crate::token::{AppSecret, Tokens};
use crate::{Queues, Syncer};

/// The configuration of the process.
pub struct Config {
    account: Account,
    installations_table: String,
    mappings_table: String,
    memberships_table: String,
    jobs_queue_url: String,
    admin_queue_url: String,
    kms_key_id: String,
    worker_role_arn: String,
    event_bus: String,
    sync_rule: String,
    app: Option<AppSecret>,
    slack_api: Url,
    response_origins: ResponseOrigins,
    /// How much to log.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads `INSTALLATIONS_TABLE`, `MAPPINGS_TABLE`, `MEMBERSHIPS_TABLE`, `JOBS_QUEUE_URL`, `ADMIN_QUEUE_URL`,
    /// `KMS_KEY_ID`, `WORKER_ROLE_ARN`, `SYNC_RULE`, `EVENT_BUS` (`default` if unset), `SLACK_CLIENT_ID` and
    /// `SLACK_CLIENT_SECRET` (needed if the app rotates its tokens), `SLACK_API_URL` (`https://slack.com/api/` if
    /// unset), `SLACK_RESPONSE_ORIGINS` (Slack's own if unset), `LOG_LEVEL`, and what [`Account`] needs.
    pub fn read(env: &mut Environment<'_>) -> anyhow::Result<Self> {
        let (client_id, client_secret) =
            (env.optional("SLACK_CLIENT_ID"), env.optional("SLACK_CLIENT_SECRET").map(Secret::new));
        Ok(Self {
            account: Account::read(env),
            installations_table: env.required("INSTALLATIONS_TABLE", "the name of the installations table"),
            mappings_table: env.required("MAPPINGS_TABLE", "the name of the mappings table"),
            memberships_table: env.required("MEMBERSHIPS_TABLE", "the name of the memberships table"),
            jobs_queue_url: env.required("JOBS_QUEUE_URL", "the URL of the SQS queue that takes jobs"),
            admin_queue_url: env
                .required("ADMIN_QUEUE_URL", "the URL of the SQS queue that takes admin jobs"),
            kms_key_id: env.required("KMS_KEY_ID", "the KMS key of tokens and results"),
            worker_role_arn: env
                .required("WORKER_ROLE_ARN", "the role of the worker, which assumes the mapped ones"),
            event_bus: env.optional("EVENT_BUS").unwrap_or_else(|| "default".to_owned()),
            sync_rule: env.required("SYNC_RULE", "the name of the EventBridge rule that starts the sync"),
            app: client_id.zip(client_secret).map(|(id, secret)| AppSecret { id, secret }),
            slack_api: slack::api_url(env)?,
            response_origins: slack::response_origins(env)?,
            log_level: telemetry::level(env),
        })
    }
}

/// Builds the clients.
///
/// # Errors
/// When TLS cannot be set up.
pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Syncer> {
    let sdk = config.account.sdk_config(shared::http::sdk_client().context("cannot set up TLS")?);
    let tls = shared::http::tls_config().context("cannot set up TLS")?;
    let slack = slack::Client::new(config.slack_api, tls).context("cannot set up the client of Slack")?;
    Ok(Syncer {
        clock: clock.clone(),
        tables: Tables {
            db: aws_sdk_dynamodb::Client::new(&sdk),
            installations: config.installations_table,
            mappings: config.mappings_table,
            memberships: config.memberships_table,
        },
        tokens: Tokens::new(aws_sdk_kms::Client::new(&sdk), config.kms_key_id, config.app, clock),
        slack,
        origins: config.response_origins,
        bus: Bus { events: aws_sdk_eventbridge::Client::new(&sdk), name: config.event_bus },
        rule: Rule { events: aws_sdk_eventbridge::Client::new(&sdk), name: config.sync_rule },
        queues: Queues {
            sqs: aws_sdk_sqs::Client::new(&sdk),
            jobs: config.jobs_queue_url,
            admin: config.admin_queue_url,
        },
        worker_role_arn: config.worker_role_arn,
    })
}
