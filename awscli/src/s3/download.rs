//! From an object to the job's memory: at once, or in parts if it is large.

use bytes::Bytes;

use super::client::{Client, Problem, Side, parameters, text};
use super::parallel::in_order;
use super::upload::PART;
use crate::checksum::checksum;
use crate::send::CallError;
use crate::value::{Map, Value};

/// What is downloaded.
pub struct Download<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    /// Known from a listing.
    pub size: Option<u64>,
    /// What S3 has said of the object.
    pub object: &'a Map,
    /// Parameters of the requests.
    pub parameters: Map,
}

impl Download<'_> {
    /// Its content.
    pub async fn run(mut self, client: &Client<'_>) -> Result<Bytes, Problem> {
        let mut asked = parameters([("Bucket", self.bucket), ("Key", self.key)]);
        let known = |object: &Map| text(object, "ETag").map(str::to_owned);
        let mut etag = known(self.object);
        asked.append(&mut self.parameters);
        if self.size.is_none() || etag.is_none() {
            let head = client.call(Side::Target, "HeadObject", asked.clone()).await?;
            self.size = match head.get("ContentLength") {
                Some(Value::Int(size)) => u64::try_from(*size).ok(),
                _ => return Err(Problem::Said("'ContentLength'".to_owned())),
            };
            etag = known(&head);
        }
        let size = self.size.unwrap_or_default();
        if size > client.calls.bytes_left() as u64 {
            let limit = client.calls.session().budget.read_bytes;
            let text = format!("the responses are larger than the limit of {limit} bytes to read");
            return Err(CallError::Budget(text).into());
        }
        if size < PART {
            return Ok(body(client.call(Side::Target, "GetObject", asked).await?).into());
        }
        let parts = size.div_ceil(PART);
        let part = async |index: u64| {
            let start = index * PART;
            let end = if index + 1 == parts { String::new() } else { (start + PART - 1).to_string() };
            let range = format!("{start}-{end}");
            let mut asked = asked.clone();
            asked.insert("Range".to_owned(), Value::Str(format!("bytes={range}")));
            asked.extend(etag.clone().map(|etag| ("IfMatch".to_owned(), Value::Str(etag))));
            let result = client.call(Side::Target, "GetObject", asked).await;
            let result = result.map_err(|problem| changed(problem, self.bucket, self.key))?;
            check_range(&range, &result)?;
            Ok(body(result))
        };
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        in_order((0..parts).map(part), |mut piece: Vec<u8>| content.append(&mut piece)).await?;
        self.check(&content)?;
        Ok(content.into())
    }

    /// Compares the whole with the checksum that S3 has of the whole, if it has one.
    fn check(&self, content: &[u8]) -> Result<(), Problem> {
        if !text(self.object, "ChecksumType").is_some_and(|kind| kind.eq_ignore_ascii_case("FULL_OBJECT")) {
            return Ok(());
        }
        for algorithm in ["CRC32", "CRC32C", "CRC64NVME"] {
            let Some(expected) = text(self.object, &format!("Checksum{algorithm}")) else { continue };
            let found = checksum(algorithm, content).unwrap_or_default();
            if found != expected {
                return Err(Problem::Said(format!(
                    "Expected full object checksum ({}) {expected} did not match combined checksum: {found}",
                    algorithm.to_lowercase()
                )));
            }
            return Ok(());
        }
        Ok(())
    }
}

/// What is said when an object is not any more the one that was asked about.
pub fn changed(problem: Problem, bucket: &str, key: &str) -> Problem {
    match problem.code() {
        Some("PreconditionFailed") => Problem::Said(format!(
            "Contents of stored object \"{key}\" in bucket \"{bucket}\" did not match expected ETag."
        )),
        _ => problem,
    }
}

/// Compares the range of a response with the one that was asked for.
fn check_range(range: &str, result: &Map) -> Result<(), Problem> {
    let Some((given, total)) = text(result, "ContentRange").and_then(|text| text.split_once('/')) else {
        return Ok(());
    };
    let given = given.strip_prefix("bytes ").unwrap_or(given);
    let last = total.parse().map_or(0, |total: u64| total.saturating_sub(1));
    let asked = if range.ends_with('-') { format!("{range}{last}") } else { range.to_owned() };
    if asked == given {
        return Ok(());
    }
    Err(Problem::Said(format!(
        "Requested range: `{asked}` does not match content range in response: `{given}`"
    )))
}

fn body(mut result: Map) -> Vec<u8> {
    match result.shift_remove("Body") {
        Some(Value::Bytes(bytes)) => bytes,
        Some(Value::Str(text)) => text.into_bytes(),
        _ => Vec::new(),
    }
}
