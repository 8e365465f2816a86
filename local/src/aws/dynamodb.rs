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
