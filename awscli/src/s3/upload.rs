//! From one of the job's files, standard input, or what a command has made to an object: at once, or in parts if it is large.

use std::future::Future;

use bytes::Bytes;

use super::client::{Client, Problem, Side, only, parameters, required, text, without};
use super::parallel::in_order;
use super::request::{CUSTOMER_KEY, completing};
use crate::checksum::DEFAULT_ALGORITHM;
use crate::value::{Map, Value};

/// From this size on transfers are made in parts, of this size.
pub const PART: u64 = 8 << 20;

/// S3 takes at most so many parts.
const MAX_PARTS: u64 = 10_000;

/// What is uploaded, and where to.
pub struct Upload<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    pub content: Bytes,
    /// The size that decides about parts, if that is not the content's own.
    pub expected_size: Option<u64>,
    /// Parameters of the object.
    pub parameters: Map,
    /// Told as each part begins to be sent, how large it is; the whole is one if it is small.
    pub begun: &'a (dyn Fn(usize) + Sync),
}

impl Upload<'_> {
    /// Uploads it.
    pub async fn run(mut self, client: &Client<'_>) -> Result<(), Problem> {
        let algorithm = || Value::Str(DEFAULT_ALGORITHM.to_owned());
        self.parameters.entry("ChecksumAlgorithm".to_owned()).or_insert_with(algorithm);
        let target = parameters([("Bucket", self.bucket), ("Key", self.key)]);
        let size = self.expected_size.unwrap_or(self.content.len() as u64);
        if size < PART {
            let mut parameters = target;
            parameters.extend(self.parameters);
            (self.begun)(self.content.len());
            client.upload("PutObject", parameters, self.content).await?;
            return Ok(());
        }
        let created = without(&self.parameters, &["IfNoneMatch"]);
        let completed = completing(&self.parameters);
        let [key, algorithm] = CUSTOMER_KEY;
        let of_part = only(&self.parameters, &["ChecksumAlgorithm", key, algorithm, "RequestPayer"]);
        let algorithm = text(&self.parameters, "ChecksumAlgorithm").unwrap_or_default().to_owned();
        let content = self.content;
        let part_size = usize::try_from(part_size(size)).unwrap_or(usize::MAX);
        let upload = async |id: String| {
            let part = async |(index, start): (usize, usize)| {
                let end = content.len().min(start.saturating_add(part_size));
                let number = index as i64 + 1;
                let mut parameters = part_of(&target, &id, number);
                parameters.extend(of_part.clone());
                (self.begun)(end - start);
                let result = client.upload("UploadPart", parameters, content.slice(start..end)).await?;
                let checksum = format!("Checksum{}", algorithm.to_uppercase());
                made_part(&result, number, Some(&checksum))
            };
            let starts = (0..content.len()).step_by(part_size);
            let mut parts = Vec::new();
            in_order(starts.enumerate().map(part), |made| parts.push(made)).await?;
            Ok(parts)
        };
        in_parts(client, &target, created, completed, upload).await?;
        Ok(())
    }
}

/// Makes an object of parts. `upload` sends them under the upload's id and says what they are; if it fails, nothing is left
/// of them. Gives the completed upload's result.
pub async fn in_parts<F>(
    client: &Client<'_>,
    target: &Map,
    created: Map,
    completed: Map,
    upload: impl FnOnce(String) -> F,
) -> Result<Map, Problem>
where
    F: Future<Output = Result<Vec<Value>, Problem>>,
{
    let mut parameters = target.clone();
    parameters.extend(created);
    let result = client.call(Side::Target, "CreateMultipartUpload", parameters).await?;
    let id = required(&result, "UploadId")?;
    let mut of_upload = target.clone();
    of_upload.insert("UploadId".to_owned(), Value::Str(id.clone()));
    let ended = match upload(id).await {
        Ok(parts) => {
            let mut parameters = of_upload.clone();
            let parts = Map::from([("Parts".to_owned(), Value::List(parts))]);
            parameters.insert("MultipartUpload".to_owned(), Value::Map(parts));
            parameters.extend(completed);
            client.call(Side::Target, "CompleteMultipartUpload", parameters).await
        }
        Err(problem) => Err(problem),
    };
    if ended.is_err() {
        // What the upload failed with is what is told; the parts that this may leave behind expire by the bucket's rules.
        let _ = client.call(Side::Target, "AbortMultipartUpload", of_upload).await;
    }
    ended
}

/// The parameters of a part's request.
pub fn part_of(target: &Map, upload: &str, number: i64) -> Map {
    let mut parameters = target.clone();
    parameters.insert("UploadId".to_owned(), Value::Str(upload.to_owned()));
    parameters.insert("PartNumber".to_owned(), Value::Int(number));
    parameters
}

/// A part as the completed upload names it.
pub fn made_part(result: &Map, number: i64, checksum: Option<&str>) -> Result<Value, Problem> {
    let etag = required(result, "ETag")?;
    let mut part =
        Map::from([("ETag".to_owned(), Value::Str(etag)), ("PartNumber".to_owned(), Value::Int(number))]);
    if let Some(checksum) = checksum
        && let Some(value) = result.get(checksum)
    {
        part.insert(checksum.to_owned(), value.clone());
    }
    Ok(Value::Map(part))
}

/// How large the parts of an object are, so that there are not too many.
pub fn part_size(size: u64) -> u64 {
    let mut part = PART;
    while size.div_ceil(part) > MAX_PARTS {
        part *= 2;
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_with_the_object() {
        for (size, part) in
            [(PART, PART), (PART * MAX_PARTS, PART), (PART * MAX_PARTS + 1, PART * 2), (5 << 40, PART * 128)]
        {
            assert_eq!(part_size(size), part, "{size}");
        }
    }
}
