//! `aws s3 mb`, `rb` and `website`, and `presign`.

use super::client::{Client, Problem, Side, parameters};
use super::path::{self, SCHEME, bucket_and_key, check_supported};
use crate::custom::Options;
use crate::format::Sink;
use crate::run::Failure;
use crate::secrets::MASK;
use crate::value::{Map, Value};

/// The region whose buckets have no location.
const FIRST_REGION: &str = "us-east-1";

/// The bucket and key of a path that must begin with `s3://`.
fn in_s3(options: &Options) -> Result<(&str, &str, &str), Failure> {
    let path = options.text("path").unwrap_or_default();
    if !path.starts_with(SCHEME) {
        return Err(Failure::usage("<S3Uri>\nError: Invalid argument type"));
    }
    let (bucket, key) = bucket_and_key(path).map_err(Failure::usage)?;
    Ok((path, bucket, key))
}

/// Prints how a command over a bucket ended, and gives its exit status.
fn end(
    ended: Result<Map, Problem>,
    (done, path, bucket): (&str, &str, &str),
    sink: &mut Sink,
    stderr: &mut String,
) -> Result<i32, Failure> {
    match ended {
        Ok(_) => {
            sink.push(&format!("{done}: {bucket}\n"));
            Ok(0)
        }
        Err(problem) if problem.ends_all() => Err(problem.into()),
        Err(problem) => {
            stderr.push_str(&format!("{done} failed: {path} {problem}\n"));
            Ok(1)
        }
    }
}

/// `mb`: makes a bucket.
pub async fn make(
    options: &Options,
    client: &Client<'_>,
    sink: &mut Sink,
    stderr: &mut String,
) -> Result<i32, Failure> {
    let (path, bucket, _) = in_s3(options)?;
    if path::is_directory_bucket(bucket) {
        return Err(Failure::usage("Cannot use mb command with a directory bucket."));
    }
    let mut asked = parameters([("Bucket", bucket)]);
    if bucket.ends_with("-an") {
        asked.extend(parameters([("BucketNamespace", "account-regional")]));
    }
    let mut configuration = Map::new();
    if let Some(region) = client.region(Side::Target).filter(|region| *region != FIRST_REGION) {
        configuration.extend(parameters([("LocationConstraint", region)]));
    }
    let tags = options.in_order().iter().filter(|given| given.name == "tags");
    let tags = tags.filter_map(|given| match given.words.as_slice() {
        [key, value] => Some(Value::Map(parameters([("Key", key), ("Value", value)]))),
        _ => None,
    });
    let tags: Vec<Value> = tags.collect();
    if !tags.is_empty() {
        configuration.insert("Tags".to_owned(), Value::List(tags));
    }
    if !configuration.is_empty() {
        asked.insert("CreateBucketConfiguration".to_owned(), Value::Map(configuration));
    }
    let ended = client.call(Side::Target, "CreateBucket", asked).await;
    end(ended, ("make_bucket", path, bucket), sink, stderr)
}

/// The path of the bucket that `rb` removes.
pub fn removed(options: &Options) -> Result<&str, Failure> {
    let (path, bucket, key) = in_s3(options)?;
    if key.is_empty() {
        return Ok(path);
    }
    Err(Failure::usage(&format!("Please specify a valid bucket name only. E.g. s3://{bucket}")))
}

/// `rb`: removes an empty bucket.
pub async fn remove(
    path: &str,
    client: &Client<'_>,
    sink: &mut Sink,
    stderr: &mut String,
) -> Result<i32, Failure> {
    let (bucket, _) = bucket_and_key(path).map_err(Failure::usage)?;
    let ended = client.call(Side::Target, "DeleteBucket", parameters([("Bucket", bucket)])).await;
    end(ended, ("remove_bucket", path, bucket), sink, stderr)
}

/// `website`: sets the pages that a bucket shows.
pub async fn website(options: &Options, client: &Client<'_>) -> Result<i32, Failure> {
    let path = options.text("paths").unwrap_or_default();
    let path = path.strip_prefix(SCHEME).unwrap_or(path);
    let bucket = path.strip_suffix('/').unwrap_or(path);
    check_supported(bucket).map_err(Failure::usage)?;
    let mut pages = Map::new();
    for (option, page, member) in
        [("index-document", "IndexDocument", "Suffix"), ("error-document", "ErrorDocument", "Key")]
    {
        if let Some(text) = options.text(option) {
            pages.insert(page.to_owned(), Value::Map(parameters([(member, text)])));
        }
    }
    let mut asked = parameters([("Bucket", bucket)]);
    asked.insert("WebsiteConfiguration".to_owned(), Value::Map(pages));
    client.call(Side::Target, "PutBucketWebsite", asked).await?;
    Ok(0)
}

/// `presign`: prints a URL with which anybody can read an object for a while.
pub async fn presign(options: &Options, client: &Client<'_>, sink: &mut Sink) -> Result<i32, Failure> {
    let path = options.text("path").unwrap_or_default();
    let (bucket, key) = bucket_and_key(path).map_err(Failure::usage)?;
    let seconds = options.int("expires-in").unwrap_or_default();
    let url = client.presign("GetObject", parameters([("Bucket", bucket), ("Key", key)]), seconds).await?;
    if client.calls.session().hide_secrets {
        client.calls.count_hidden(1);
        sink.push(MASK);
    } else {
        sink.push(&url);
    }
    sink.push("\n");
    Ok(0)
}
