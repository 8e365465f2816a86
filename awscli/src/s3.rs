//! `aws s3 …`: the official CLI's commands over files and objects, made of several calls each.

mod bucket;
mod client;
mod compare;
mod copy;
mod download;
mod filter;
mod find;
mod ls;
mod media_type;
mod parallel;
mod path;
mod report;
mod request;
mod same_path;
mod transfer;
mod upload;

pub(crate) use client::{Client, Problem, Side};
pub(crate) use ls::size_text;
pub(crate) use upload::Upload;

use transfer::Transfer;

use crate::command::values::Reading;
use crate::command::{Context, Custom};
use crate::custom::{self, Options};
use crate::format;
use crate::model::Kind;
use crate::run::{Failure, Printer};
use crate::send::Calls;
use crate::value::{Map, Value};

/// Whether a path names a bucket and nothing in it.
pub(crate) fn is_whole_bucket(path: &str) -> bool {
    path.strip_prefix(path::SCHEME).is_some_and(|path| path::split(path).1.is_empty())
}

/// Runs `aws s3 command`. Gives its exit status.
pub(crate) async fn run(
    command: &str,
    given: &Custom,
    calls: &Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let region = printer.output.region.clone();
    let region = region.as_deref();
    let options = &given.options;
    let (sink, output) = (&mut printer.sink, &mut printer.output);
    let client = Client::new(calls, region, None)?;
    match command {
        "ls" => ls::run(options, &client, sink, &mut output.truncated).await,
        "mb" => bucket::make(options, &client, sink, &mut output.stderr).await,
        "presign" => bucket::presign(options, &client, sink).await,
        "website" => bucket::website(options, &client).await,
        "rb" => {
            let path = bucket::removed(options)?;
            if options.has("force") {
                let context = Context { files: calls.session().files, now: calls.session().now() };
                let words = vec![path.to_owned(), "--recursive".to_owned()];
                let rm = custom::parse(&["s3", "rm"], words, given.globals.clone(), context)?.options;
                let transfer = Transfer::new("rm", &rm, None, region, calls, &mut output.stderr).await?;
                if transfer.run(calls, sink, &mut output.stderr).await? != 0 {
                    return Err(Failure::general(
                        "remove_bucket failed: Unable to delete all objects in the bucket, bucket will not be deleted.",
                    ));
                }
            }
            bucket::remove(path, &client, sink, &mut output.stderr).await
        }
        name => {
            let metadata = metadata(options, &client)?;
            let transfer = Transfer::new(name, options, metadata, region, calls, &mut output.stderr).await?;
            transfer.run(calls, sink, &mut output.stderr).await
        }
    }
}

/// Reads `--metadata`: shorthand or JSON of texts.
fn metadata(options: &Options, client: &Client<'_>) -> Result<Option<Map>, Failure> {
    let Some(word) = options.text("metadata") else { return Ok(None) };
    let service = client.service();
    let input = service.operation_named("PutObject").and_then(|operation| operation.input);
    let member = match input.map(|id| &service.shapes[id as usize].kind) {
        Some(Kind::Structure(input)) => input.members.iter().find(|member| member.name == "Metadata"),
        _ => None,
    };
    let member = member.ok_or_else(|| Failure::general("the model of S3 lacks Metadata"))?;
    let files = client.calls.session().files;
    let reading = Reading { service, command: "put-object", option: "--metadata", files };
    let Value::Map(metadata) = reading.one(member, word)? else { return Ok(None) };
    let wrong = metadata.iter().find(|(_, value)| value.as_str().is_none());
    if let Some((key, value)) = wrong {
        return Err(Failure::usage(&format!(
            "Parameter validation failed:\nInvalid type for parameter {key}, value: {}, type: <class '{}'>, valid types: \
             <class 'str'>",
            format::python_text(value),
            value.python_type()
        )));
    }
    Ok(Some(metadata))
}
