//! DynamoDB as a service of an account: tables by region, behind the requests that the emulator takes.
//!
//! It is not the service crate of winterbaume, which copies all tables after each call.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use dynoxide::Database;
use http::HeaderValue;
use winterbaume_core::{MockRequest, MockResponse, MockService};

use super::refusal::{Dialect, error};
use super::{HOME, dynamodb_operations};

/// The beginning of every ARN that `dynoxide` makes and takes.
const ITS_ARNS: &str = "arn:aws:dynamodb:dynoxide:000000000000:";

/// The tables of one account, by region.
#[derive(Default)]
pub(crate) struct DynamoDb {
    regions: Mutex<HashMap<String, Database>>,
}

impl DynamoDb {
    fn tables(&self, region: &str) -> dynoxide::Result<Database> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tables) = regions.get(region) {
            return Ok(tables.clone());
        }
        let tables = Database::memory()?;
        regions.insert(region.to_owned(), tables.clone());
        Ok(tables)
    }

    fn answer(&self, request: &MockRequest) -> MockResponse {
        let region = request.uri.split('.').nth(1).unwrap_or_default();
        let tables = match self.tables(region) {
            Ok(tables) => tables,
            Err(failed) => return error(Dialect::Json, 500, "InternalServerError", &failed.to_string()),
        };
        let target = request.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation =
            target.and_then(|target| target.split_once('.')).map_or("", |(_, operation)| operation);
        let arns = format!("arn:aws:dynamodb:{region}:{HOME}:");
        let input = String::from_utf8_lossy(&request.body).replace(&arns, ITS_ARNS);
        let (status, output) = dynamodb_operations::answer(&tables, operation, &input);
        let mut response = MockResponse::json(status, output.replace(ITS_ARNS, &arns));
        let content_type = HeaderValue::from_static("application/x-amz-json-1.0");
        response.headers.insert(http::header::CONTENT_TYPE, content_type);
        response
    }
}

impl MockService for DynamoDb {
    fn service_name(&self) -> &'static str {
        "dynamodb"
    }

    fn url_patterns(&self) -> Vec<&str> {
        vec![r"https?://dynamodb\..+\.amazonaws\.com"]
    }

    fn handle(&self, request: MockRequest) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        Box::pin(async move { self.answer(&request) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The largest item, names and values together, in bytes (400 KB: quotas of DynamoDB, "Item size").
    const MAX_ITEM: usize = 400 * 1024;

    fn call(service: &DynamoDb, region: &str, operation: &str, input: Value) -> (u16, Value) {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-amz-target", format!("DynamoDB_20120810.{operation}").parse().unwrap());
        let answer = service.answer(&MockRequest {
            method: "POST".into(),
            uri: format!("https://dynamodb.{region}.amazonaws.com/"),
            headers,
            body: input.to_string().into(),
        });
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    fn with_a_table() -> DynamoDb {
        let service = DynamoDb::default();
        let table = json!({
            "TableName": "jobs", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{ "AttributeName": "job", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "job", "AttributeType": "S" }],
        });
        let (status, made) = call(&service, "eu-west-1", "CreateTable", table);
        assert_eq!(status, 200, "{made}");
        let arn = format!("arn:aws:dynamodb:eu-west-1:{HOME}:table/jobs");
        assert_eq!(made["TableDescription"]["TableArn"], arn);
        // An ARN is taken as it was given out.
        let (status, tags) = call(&service, "eu-west-1", "ListTagsOfResource", json!({ "ResourceArn": arn }));
        assert_eq!((status, &tags["Tags"]), (200, &json!([])), "{tags}");
        service
    }

    #[test]
    fn each_region_has_its_own_tables() {
        let service = with_a_table();
        for (region, names) in [("eu-west-1", json!(["jobs"])), ("us-east-1", json!([]))] {
            let (_, listed) = call(&service, region, "ListTables", json!({}));
            assert_eq!(listed["TableNames"], names, "{region}");
        }
    }

    #[test]
    fn what_aws_would_not_take_is_refused_at_the_limit() {
        let service = with_a_table();
        let put = |size: usize| {
            let text = "x".repeat(size - "job".len() - "a".len() - "v".len());
            ("PutItem", json!({ "TableName": "jobs", "Item": { "job": { "S": "a" }, "v": { "S": text } } }))
        };
        let get = |key: &str| ("GetItem", json!({ "TableName": "jobs", "Key": { "job": { "S": key } } }));
        for ((operation, input), refused) in [
            (put(MAX_ITEM - 1), None),
            (put(MAX_ITEM), None),
            (put(MAX_ITEM + 1), Some(("ValidationException", "maximum allowed size"))),
            (get("a"), None),
            (get(""), Some(("ValidationException", "empty string value"))),
            (("GetItem", json!({ "TableName": 7 })), Some(("SerializationException", ""))),
            (
                ("PutItem", json!({ "TableName": "j", "Item": {} })),
                Some(("ValidationException", "tableName")),
            ),
            (
                ("ListBackups", json!({})),
                Some(("UnknownOperationException", "has no DynamoDB operation ListBackups")),
            ),
        ] {
            let (status, answer) = call(&service, "eu-west-1", operation, input);
            let kind = answer["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap();
            let message = answer["message"].as_str().or(answer["Message"].as_str()).unwrap_or_default();
            match refused {
                None => assert_eq!(status, 200, "{operation}: {answer}"),
                Some((code, words)) => {
                    assert_eq!((status, kind), (400, code), "{operation}: {answer}");
                    assert!(message.contains(words), "{operation}: {answer}");
                }
            }
            assert!(!message.contains("VALIDATION") && !message.contains("SERIALIZATION"), "{answer}");
        }
    }

    #[test]
    fn a_transaction_writes_all_or_nothing() {
        let service = with_a_table();
        let put = |job: &str| json!({ "TableName": "jobs", "Item": { "job": { "S": job } } });
        let mut taken = put("b");
        taken["ConditionExpression"] = "attribute_exists(job)".into();
        let items = json!({ "TransactItems": [{ "Put": put("a") }, { "Put": taken }] });
        let (status, answer) = call(&service, "eu-west-1", "TransactWriteItems", items);
        assert_eq!(status, 400, "{answer}");
        let codes: Vec<_> =
            answer["CancellationReasons"].as_array().unwrap().iter().map(|one| &one["Code"]).collect();
        assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
        let (_, scanned) = call(&service, "eu-west-1", "Scan", json!({ "TableName": "jobs" }));
        assert_eq!(scanned["Count"], 0, "{scanned}");
    }
}
