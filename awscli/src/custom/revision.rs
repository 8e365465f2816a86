//! `aws deploy push`: the files of an application go into a bucket as one archive, and CodeDeploy is told of it.

use bytes::Bytes;
use time::OffsetDateTime;

use super::client::{Client, map, member, text};
use crate::command::{Custom, UsageError};
use crate::files::in_folder;
use crate::format::iso_8601;
use crate::run::{Failure, Printer};
use crate::send::Calls;
use crate::value::{Timestamp, Value};
use crate::zip;

/// What an application's folder must have.
const APPSPEC: &str = "appspec.yml";

/// Puts the archive and registers it.
pub async fn push(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    let option = |name: &str| options.text(name).unwrap_or_default();
    let location = option("s3-location");
    let (bucket, key) = place(location).ok_or_else(|| {
        UsageError::parameter("--s3-location must specify the Amazon S3 URL format as s3://<bucket>/<key>.")
    })?;
    let hidden = options.has("ignore-hidden-files");
    if hidden && options.has("no-ignore-hidden-files") {
        let message = "You cannot specify both --ignore-hidden-files and --no-ignore-hidden-files.";
        return Err(UsageError::parameter(message).into());
    }
    let description = match option("description") {
        "" => {
            let now = iso_8601(&Timestamp(OffsetDateTime::from(calls.session().now())));
            format!("Uploaded by AWS CLI {} UTC", now.split('+').next().unwrap_or_default())
        }
        given => given.to_owned(),
    };
    let region = printer.output.region.clone();
    let (codedeploy, s3) =
        (Client::new("deploy", region.as_deref())?, Client::new("s3api", region.as_deref())?);
    let source = option("source");
    let bundle = bundle(source, hidden, calls)?;
    let put = map([("Bucket", text(bucket)), ("Key", text(key)), ("Body", Value::Bytes(bundle))]);
    let put = s3.call(calls, "PutObject", put).await;
    let put = put.map_err(|error| {
        Failure::general(&format!("Failed to upload '{source}' to '{location}': {error}"))
    })?;
    let tag = member(&put, "ETag")?.as_str().unwrap_or_default().replace('"', "");
    let mut object = map([
        ("bucket", text(bucket)),
        ("key", text(key)),
        ("bundleType", text("zip")),
        ("eTag", text(&tag)),
    ]);
    let version = put.get("VersionId").and_then(Value::as_str);
    if let Some(version) = version {
        object.insert("version".to_owned(), text(version));
    }
    let application = option("application-name");
    let revision = map([("revisionType", text("S3")), ("s3Location", Value::Map(object))]);
    let request = map([
        ("applicationName", text(application)),
        ("revision", Value::Map(revision)),
        ("description", text(&description)),
    ]);
    codedeploy.call(calls, "RegisterApplicationRevision", request).await?;
    let version = version.map(|version| format!(",version={version}")).unwrap_or_default();
    printer.sink.push(&format!(
        "To deploy with this revision, run:\naws deploy create-deployment --application-name {application} --s3-location \
         bucket={bucket},key={key},bundleType=zip,eTag={tag}{version} --deployment-group-name <deployment-group-name> \
         --deployment-config-name <deployment-config-name> --description <description>\n"
    ));
    Ok(0)
}

/// Bucket and key of `s3://bucket/key`. Neither is empty, and a line end is the key's end.
fn place(location: &str) -> Option<(&str, &str)> {
    let rest = location.strip_prefix("s3://")?;
    let first = rest.chars().next()?.len_utf8();
    let slash = first + rest.get(first..)?.find('/')?;
    let key = rest[slash + 1..].split('\n').next()?;
    (!key.is_empty() && !rest[..slash].contains('\n')).then_some((&rest[..slash], key))
}

/// The archive of a folder.
fn bundle(source: &str, ignore_hidden: bool, calls: &Calls<'_>) -> Result<Vec<u8>, Failure> {
    let mut files: Vec<(String, Bytes)> = in_folder(calls.session().files, source);
    if ignore_hidden {
        files.retain(|(name, _)| !name.split('/').any(|part| part.starts_with('.')));
    }
    if !files.iter().any(|(name, _)| name == APPSPEC) {
        let folder = source.trim_end_matches('/');
        return Err(Failure::general(&format!("{folder}/{APPSPEC} was not found")));
    }
    Ok(zip::archive(&files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_bucket_and_a_key() {
        for (location, found) in [
            ("s3://b/k", Some(("b", "k"))),
            ("s3://b/k/l.zip", Some(("b", "k/l.zip"))),
            ("s3:///b/k", Some(("/b", "k"))),
            ("s3://b/", None),
            ("s3://b", None),
            ("s3://", None),
            ("b/k", None),
        ] {
            assert_eq!(place(location), found, "{location}");
        }
    }
}
