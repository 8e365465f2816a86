//! One workspace with its tables, a worker and a sweeper, and a clock that tests can set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType,
};
use base64::Engine as _;
use serde_json::json;
use shared::aws::Account;
use shared::clock::Clock;
use shared::deadline::Deadline;
use shared::ids::JobId;
use shared::job::{JOB_VERSION, Job, Task};
use shared::secret::Secret;
use worker::batch::{Worker, process_batch};
use worker::claim::{Ledger, Row, job_key};
use worker::config::{self, Config};
use worker::sweep::{Sweeper, sweep};

use crate::aws::{Aws, EXTERNAL_ID, PATIENCE};
use crate::slack::{Seen, Slack, TOKEN};

/// How long Lambda lets the functions run in these tests.
const FUNCTION_TIME: Duration = Duration::from_secs(60);

pub struct World {
    pub aws: Arc<Aws>,
    pub slack: Arc<Slack>,
    pub worker: Arc<Worker>,
    pub sweeper: Arc<Sweeper>,
    pub ledger: Ledger,
    pub db: aws_sdk_dynamodb::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub queue_url: String,
    admin_queue_url: String,
    /// What the functions are started with.
    pub environment: Vec<(&'static str, String)>,
    ahead: Arc<AtomicU64>,
    stopped_at: Arc<AtomicU64>,
    panic_after: Arc<AtomicU64>,
    jobs: AtomicU64,
}

impl World {
    /// Anna has PowerUser through @sre and ReadOnly through #ops, Ben has ReadOnly through #ops.
    pub async fn start() -> Self {
        let (aws, slack) = (Aws::start().await, Slack::start().await);
        let mut environment = vec![
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIAFUNCTION".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "planted-function-key".to_owned()),
            ("AWS_ENDPOINT_URL", aws.url.clone()),
            ("JOBS_TABLE", "jobs".to_owned()),
            ("MAPPINGS_TABLE", "mappings".to_owned()),
            ("MEMBERSHIPS_TABLE", "memberships".to_owned()),
            ("INSTALLATIONS_TABLE", "installations".to_owned()),
            ("SLACK_API_URL", format!("{}/api/", slack.url)),
            ("SLACK_RESPONSE_ORIGINS", slack.url.clone()),
        ];
        let account = shared::env::read_from(&variables(&environment), Account::read).unwrap();
        let sdk = account.sdk_config(shared::http::sdk_client().unwrap());
        let db = aws_sdk_dynamodb::Client::new(&sdk);
        let sqs = aws_sdk_sqs::Client::new(&sdk);
        let kms = aws_sdk_kms::Client::new(&sdk);
        let key_id = kms.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
        let queue_url = sqs.create_queue().queue_name("alfred-jobs").send().await.unwrap().queue_url.unwrap();
        environment.push(("KMS_KEY_ID", key_id.clone()));
        environment.push(("JOBS_QUEUE_URL", queue_url.clone()));
        let admin = sqs.create_queue().queue_name("alfred-admin").send().await.unwrap().queue_url.unwrap();
        environment.push(("ADMIN_QUEUE_URL", admin.clone()));
        tables(&db).await;

        let ahead = Arc::new(AtomicU64::new(0));
        let stopped_at = Arc::new(AtomicU64::new(0));
        let panic_after = Arc::new(AtomicU64::new(0));
        let clock = {
            let (ahead, stopped_at, panic_after) = (ahead.clone(), stopped_at.clone(), panic_after.clone());
            Clock::new(move || {
                let left = panic_after
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                assert_ne!(left, Ok(1), "a panic that a test planned");
                time(&ahead, &stopped_at)
            })
        };
        let config = || shared::env::read_from(&variables(&environment), Config::read).unwrap().unwrap();
        let world = Self {
            worker: config::start_worker(config(), clock.clone()).await.unwrap(),
            sweeper: config::start_sweeper(config(), clock).await.unwrap(),
            ledger: Ledger::new(db.clone(), "jobs".into()),
            aws,
            slack,
            db,
            sqs,
            queue_url,
            admin_queue_url: admin,
            environment,
            ahead,
            stopped_at,
            panic_after,
            jobs: AtomicU64::new(0),
        };
        let context = shared::installation::token_context(&"T0ALFRED1".parse().unwrap());
        let context = context.map(|(name, value)| (name.to_owned(), value));
        let token = kms
            .encrypt()
            .key_id(key_id)
            .plaintext(aws_sdk_kms::primitives::Blob::new(TOKEN))
            .set_encryption_context(Some(context.into()))
            .send()
            .await
            .unwrap()
            .ciphertext_blob
            .unwrap();
        let token = base64::engine::general_purpose::STANDARD.encode(token);
        world
            .put("installations", json!({"tenant": "T0ALFRED1", "app_id": "A1", "bot_user_id": "UBOT", "bot_token": token, "scopes": [], "state": "active"}))
            .await;
        world
            .put(
                "mappings",
                json!({"tenant": "T0ALFRED1", "item": "account#111111111111", "external_id": EXTERNAL_ID}),
            )
            .await;
        world
            .map("channel#C0OPS", "channel", "ops", "arn:aws:iam::111111111111:role/alfredbot/ReadOnly", 20)
            .await;
        world
            .map(
                "usergroup#S0SRE",
                "usergroup",
                "sre",
                "arn:aws:iam::111111111111:role/alfredbot/PowerUser",
                10,
            )
            .await;
        world.member("U0ANNA", &["channel#C0OPS", "usergroup#S0SRE"]).await;
        world.member("U0BEN", &["channel#C0OPS"]).await;
        world.aws.take_arrived();
        world
    }

    /// The time of the world: Unix seconds.
    pub fn now(&self) -> u64 {
        time(&self.ahead, &self.stopped_at).duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    /// Lets time pass. Mappings are read by the syncer meanwhile.
    pub async fn pass(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
        self.map("channel#C0OPS", "channel", "ops", "arn:aws:iam::111111111111:role/alfredbot/ReadOnly", 20)
            .await;
        self.map(
            "usergroup#S0SRE",
            "usergroup",
            "sre",
            "arn:aws:iam::111111111111:role/alfredbot/PowerUser",
            10,
        )
        .await;
    }

    /// Lets time pass while nobody reads anything.
    pub fn skip(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    /// From now on it is this Unix second, until it is told to be another.
    pub fn stop_at(&self, second: u64) {
        self.stopped_at.store(second, Ordering::Relaxed);
    }

    pub fn deadline(&self) -> Deadline {
        Deadline::from_unix_ms((self.now() + FUNCTION_TIME.as_secs()) * 1000)
    }

    /// `/alfred-invoke <text>` typed by a user in #ops, now.
    pub fn typed(&self, user: &str, text: &str) -> Job {
        self.job(user, Task::Invoke { text: text.into() })
    }

    pub fn job(&self, user: &str, task: Task) -> Job {
        let number = self.jobs.fetch_add(1, Ordering::Relaxed);
        Job {
            version: JOB_VERSION,
            id: JobId::from_signature(&format!("v0={number}")),
            tenant: "T0ALFRED1".parse().unwrap(),
            enterprise: None,
            user: user.parse().unwrap(),
            channel: "C0OPS".parse().unwrap(),
            task,
            typed_at: self.now(),
            response_url: Some(Secret::new(format!("{}/commands/{number}", self.slack.url))),
        }
    }

    /// Brings a record to the worker as Lambda does. Says whether it is taken or given back.
    pub async fn deliver(&self, body: &str) -> bool {
        let event = serde_json::from_value(json!({"Records": [{"messageId": "m1", "body": body}]})).unwrap();
        process_batch(&self.worker, event, self.deadline()).await.batch_item_failures.is_empty()
    }

    pub async fn run(&self, job: &Job) -> bool {
        self.deliver(&job.to_record().unwrap()).await
    }

    /// What a person reads after typing a command: one message.
    pub async fn invoke(&self, user: &str, text: &str) -> String {
        let job = self.typed(user, text);
        assert!(self.run(&job).await, "given back");
        self.one_seen().text()
    }

    /// The one message that was posted since the last time.
    pub fn one_seen(&self) -> Seen {
        let seen = self.slack.take_seen();
        let [one] = &seen[..] else { panic!("{seen:#?}") };
        one.clone()
    }

    /// Runs a job and kills its worker as soon as `reached` is notified.
    pub async fn run_and_kill(&self, job: &Job, reached: &tokio::sync::Notify) {
        let (worker, deadline, job) = (self.worker.clone(), self.deadline(), job.clone());
        let attempt = worker::claim::Attempt::new().unwrap();
        let run = tokio::spawn(async move { worker.process(&job, &attempt, deadline).await });
        tokio::time::timeout(PATIENCE, reached.notified()).await.expect("the point of the kill is reached");
        run.abort();
        assert!(run.await.unwrap_err().is_cancelled());
        self.aws.heal();
    }

    /// The worker panics when it looks at the clock for the n-th time from now.
    pub fn panic_after(&self, looks: u64) {
        self.panic_after.store(looks, Ordering::Relaxed);
    }

    /// Runs the sweeper once.
    pub async fn sweep(&self) -> usize {
        sweep(&self.sweeper, self.deadline()).await.unwrap()
    }

    pub async fn row(&self, job: &Job) -> Row {
        self.ledger.get(&job_key(&job.tenant, &job.id)).await.unwrap().expect("the job has an item")
    }

    /// The records that wait in the jobs queue.
    pub async fn queued(&self) -> Vec<String> {
        self.waiting(&self.queue_url).await
    }

    /// What the worker reported to the syncer since the last time.
    pub async fn reported(&self) -> Vec<String> {
        self.waiting(&self.admin_queue_url).await
    }

    async fn waiting(&self, queue_url: &str) -> Vec<String> {
        let answer = self.sqs.receive_message().queue_url(queue_url).max_number_of_messages(10).send().await;
        answer.unwrap().messages.unwrap_or_default().into_iter().filter_map(|message| message.body).collect()
    }

    pub async fn put(&self, table: &str, item: serde_json::Value) {
        let AttributeValue::M(item) = attribute_value(item) else { panic!("an item is an object") };
        self.db.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    pub async fn map(&self, item: &str, kind: &str, name: &str, role: &str, priority: u32) {
        let mapping = json!({
            "tenant": "T0ALFRED1", "item": item, "kind": kind, "name": name, "role_arn": role,
            "priority": priority, "state": "active", "confirmed_at": self.now(),
        });
        self.put("mappings", mapping).await;
    }

    pub async fn member(&self, user: &str, mappings: &[&str]) {
        let since = self.now();
        let mut item = json!({"tenant": "T0ALFRED1", "user": user, "expires_at": since + 7 * 24 * 3600});
        for mapping in mappings {
            item[format!("grant:{mapping}")] = json!(since);
        }
        self.put("memberships", item).await;
    }

    pub async fn dismiss(&self, user: &str) {
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let delete = self.db.delete_item().table_name("memberships");
        delete.key("tenant", key("T0ALFRED1")).key("user", key(user)).send().await.unwrap();
    }
}

fn time(ahead: &AtomicU64, stopped_at: &AtomicU64) -> SystemTime {
    match stopped_at.load(Ordering::Relaxed) {
        0 => SystemTime::now() + Duration::from_secs(ahead.load(Ordering::Relaxed)),
        second => UNIX_EPOCH + Duration::from_secs(second),
    }
}

fn attribute_value(value: serde_json::Value) -> AttributeValue {
    use serde_json::Value;
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(attribute_value).collect()),
        Value::Object(fields) => AttributeValue::M(
            fields.into_iter().map(|(name, value)| (name, attribute_value(value))).collect(),
        ),
    }
}

fn variables<'a>(environment: &'a [(&'static str, String)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| environment.iter().find(|(its_name, _)| *its_name == name).map(|(_, value)| value.clone())
}

async fn tables(db: &aws_sdk_dynamodb::Client) {
    let key = |name: &str, kind: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let attribute = |name: &str, kind: ScalarAttributeType| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let index = |name: &str, hash: &str, range: &str| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(hash, KeyType::Hash))
            .key_schema(key(range, KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .unwrap()
    };
    db.create_table()
        .table_name("jobs")
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("job", KeyType::Hash))
        .attribute_definitions(attribute("job", ScalarAttributeType::S))
        .attribute_definitions(attribute("member", ScalarAttributeType::S))
        .attribute_definitions(attribute("typed_at", ScalarAttributeType::N))
        .attribute_definitions(attribute("open", ScalarAttributeType::S))
        .attribute_definitions(attribute("lease_until", ScalarAttributeType::N))
        .global_secondary_indexes(index("by-member", "member", "typed_at"))
        .global_secondary_indexes(index("open", "open", "lease_until"))
        .send()
        .await
        .unwrap();
    for (table, hash, range) in [
        ("mappings", "tenant", Some("item")),
        ("memberships", "tenant", Some("user")),
        ("installations", "tenant", None),
    ] {
        let mut create = db
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key(hash, KeyType::Hash))
            .attribute_definitions(attribute(hash, ScalarAttributeType::S));
        if let Some(range) = range {
            create = create
                .key_schema(key(range, KeyType::Range))
                .attribute_definitions(attribute(range, ScalarAttributeType::S));
        }
        create.send().await.unwrap();
    }
}
