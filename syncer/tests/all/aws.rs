//! The emulated DynamoDB, called by the SDK's client in this process: a test makes hundreds of thousands of calls. It
//! counts the items that are written, and lets a test decide who calls next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use shared::aws::Account;
use syncer::tables::Tables;

#[path = "../../../local/src/aws/dynamodb_operations.rs"]
mod dynamodb_operations;

/// What the SDK's client and the tests share.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

struct Inner {
    dynamodb: dynoxide::Database,
    written: AtomicUsize,
    in_turns: AtomicBool,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aws")
    }
}

/// Waits until it is polled once more, so that whoever polls decides what happens before.
pub async fn turn() {
    let mut polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

impl Aws {
    /// An emulator with empty tables, and the syncer's view of them.
    pub async fn start() -> (Self, Tables) {
        let aws = Self(Arc::new(Inner {
            dynamodb: dynoxide::Database::memory().unwrap(),
            written: AtomicUsize::new(0),
            in_turns: AtomicBool::new(false),
        }));
        let variables = |name: &str| match name {
            "AWS_REGION" => Some("us-east-1".to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("AKIAFUNCTION".to_owned()),
            _ => None,
        };
        let account = shared::env::read_from(&variables, Account::read).unwrap();
        let db = aws_sdk_dynamodb::Client::new(&account.sdk_config(aws.clone()));
        for (table, range) in
            [("mappings", Some("item")), ("memberships", Some("user")), ("installations", None)]
        {
            let mut create = db.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
            for (name, kind) in [(Some("tenant"), KeyType::Hash), (range, KeyType::Range)] {
                let Some(name) = name else { continue };
                let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
                let attribute = AttributeDefinition::builder()
                    .attribute_name(name)
                    .attribute_type(ScalarAttributeType::S)
                    .build()
                    .unwrap();
                create = create.key_schema(key).attribute_definitions(attribute);
            }
            create.send().await.unwrap();
        }
        let tables = Tables {
            db,
            installations: "installations".into(),
            mappings: "mappings".into(),
            memberships: "memberships".into(),
        };
        (aws, tables)
    }

    /// From now on each call of the SDK waits for its [`turn`], or none does.
    pub fn take_turns(&self, in_turns: bool) {
        self.0.in_turns.store(in_turns, Ordering::Relaxed);
    }

    /// How many items were written since the emulator started.
    pub fn written(&self) -> usize {
        self.0.written.load(Ordering::Relaxed)
    }

    /// All items of a partition as they are stored, read past the code under test.
    pub async fn items(&self, table: &str, tenant: &str) -> Vec<Value> {
        let query = json!({
            "TableName": table, "KeyConditionExpression": "tenant = :tenant",
            "ExpressionAttributeValues": {":tenant": {"S": tenant}},
        });
        let (status, answer) = dynamodb_operations::answer(&self.0.dynamodb, "Query", &query.to_string());
        assert_eq!(status, 200, "{answer}");
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.get("LastEvaluatedKey").is_none(), "more than one page");
        let Value::Array(items) = answer["Items"].take() else { panic!("no items") };
        items
    }

    /// Does one call as AWS does, and counts what it writes.
    pub fn call(&self, operation: &str, body: &str) -> (u16, String) {
        let items = match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => 1,
            "TransactWriteItems" => {
                let request: Value = serde_json::from_str(body).unwrap();
                request["TransactItems"].as_array().map_or(0, Vec::len)
            }
            "GetItem" | "Query" | "Scan" | "CreateTable" => 0,
            other => panic!("nobody calls {other} here"),
        };
        let answer = dynamodb_operations::answer(&self.0.dynamodb, operation, body);
        if answer.0 == 200 {
            self.0.written.fetch_add(items, Ordering::Relaxed);
        }
        answer
    }
}

impl HttpClient for Aws {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
            let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default();
            if aws.0.in_turns.load(Ordering::Relaxed) {
                turn().await;
            }
            let body = std::str::from_utf8(request.body().bytes().unwrap_or_default()).unwrap();
            let (status, answer) = aws.call(operation, body);
            let mut response = http::Response::new(SdkBody::from(answer));
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
