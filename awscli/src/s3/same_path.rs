//! Whether `mv` would move an object onto itself: by its path, or by what an access point stands for.

use std::sync::LazyLock;

use regex::Regex;

use super::client::{Problem, parameters, required, text};
use super::path::{SCHEME, bucket_and_key, compiled};
use crate::catalog;
use crate::run::Failure;
use crate::send::Calls;
use crate::value::{Map, Value};

/// ARNs that stand for other buckets: of access points, of such in outposts, and over several regions.
static ARNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[
        r"^arn:aws.*:s3:[a-z0-9\-]+:(?<account>[0-9]{12}):accesspoint[:/](?<name>[a-z0-9\-]{3,50})$",
        r"^(?<name>arn:aws.*:s3-outposts:[a-z0-9\-]+:(?<account>[0-9]{12}):outpost/op-[a-zA-Z0-9]+/accesspoint[:/][a-z0-9\-]{3,50})$",
        r"^arn:aws:s3::(?<account>[0-9]{12}):accesspoint[:/](?<alias>[a-zA-Z0-9]+\.mrap)$",
    ])
});

const WARNING: &str = "warning: Provided s3 paths may resolve to same underlying s3 object(s) and result in deletion \
                       instead of being moved. To resolve and validate underlying s3 paths are not the same, specify the \
                       --validate-same-s3-paths flag or set the AWS_CLI_S3_MV_VALIDATE_SAME_S3_PATHS environment variable \
                       to true. To resolve s3 outposts access point path, the arn must be used instead of the alias.\n";

/// Refuses to move an object onto itself. What the paths stand for is asked for in `regions` if `asks`; otherwise the
/// warning about it is given back, where it applies.
pub async fn check(
    paths: &[String; 2],
    regions: [Option<&str>; 2],
    asks: bool,
    calls: &Calls<'_>,
) -> Result<&'static str, Failure> {
    let [source, target] = paths;
    let same = |source: &str, target: &str| {
        if is_same(source, target) {
            return Err(Failure::usage(&format!(
                "Cannot mv a file onto itself: {} - {}",
                paths[0], paths[1]
            )));
        }
        Ok(())
    };
    same(source, target)?;
    let parts = |path| bucket_and_key(path).map_err(Failure::usage);
    let ((source_bucket, source_key), (target_bucket, target_key)) = (parts(source)?, parts(target)?);
    if !is_same(&format!("/{source_key}"), &format!("/{target_key}")) {
        return Ok("");
    }
    if !asks {
        let hides = |bucket| stands_for_another(bucket);
        return Ok(if hides(source_bucket) || hides(target_bucket) { WARNING } else { "" });
    }
    let [source_region, target_region] = regions;
    let sources = buckets(source_bucket, source_region, calls).await?;
    let targets = buckets(target_bucket, target_region, calls).await?;
    for source in &sources {
        for target in &targets {
            same(&format!("{SCHEME}{source}/{source_key}"), &format!("{SCHEME}{target}/{target_key}"))?;
        }
    }
    Ok("")
}

/// Whether something at `source` that is put at `target` would stay where it is.
fn is_same(source: &str, target: &str) -> bool {
    let name = source.rsplit('/').next().unwrap_or_default();
    source == target || target.ends_with('/') && source == format!("{target}{name}")
}

fn stands_for_another(bucket: &str) -> bool {
    ARNS.iter().any(|arn| arn.is_match(bucket)) || bucket.ends_with("-s3alias") || bucket.ends_with("--op-s3")
}

/// The buckets that a bucket's name or an access point's stands for.
async fn buckets(bucket: &str, region: Option<&str>, calls: &Calls<'_>) -> Result<Vec<String>, Failure> {
    let point = ARNS.iter().find_map(|arn| arn.captures(bucket));
    if let Some(point) = point {
        let part = |name| point.name(name).map(|part| part.as_str());
        let account = part("account").unwrap_or_default();
        return match (part("name"), part("alias")) {
            (Some(name), _) => Ok(vec![bucket_of_point(account, name, region, calls).await?]),
            (_, alias) => regional_buckets(account, alias.unwrap_or_default(), region, calls).await,
        };
    }
    if bucket.ends_with("-s3alias") {
        let identity = call("sts", "GetCallerIdentity", Map::new(), region, calls).await?;
        let account = required(&identity, "Account")?;
        return Ok(vec![bucket_of_point(&account, bucket, region, calls).await?]);
    }
    if bucket.ends_with("--op-s3") {
        return Err(Failure::usage(
            "Can't resolve underlying bucket name of s3 outposts access point alias. Use arn instead to resolve the bucket \
             name and validate the mv command.",
        ));
    }
    Ok(vec![bucket.to_owned()])
}

async fn bucket_of_point(
    account: &str,
    name: &str,
    region: Option<&str>,
    calls: &Calls<'_>,
) -> Result<String, Failure> {
    let asked = parameters([("AccountId", account), ("Name", name)]);
    let point = call("s3control", "GetAccessPoint", asked, region, calls).await?;
    Ok(required(&point, "Bucket")?)
}

/// The buckets of an access point over several regions.
async fn regional_buckets(
    account: &str,
    alias: &str,
    region: Option<&str>,
    calls: &Calls<'_>,
) -> Result<Vec<String>, Failure> {
    let mut token: Option<String> = None;
    loop {
        let mut asked = parameters([("AccountId", account)]);
        asked.extend(token.map(|token| ("NextToken".to_owned(), Value::Str(token))));
        let page = call("s3control", "ListMultiRegionAccessPoints", asked, region, calls).await?;
        let list = |value: Option<&Value>| match value {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        };
        let named = |point: &Value| point.get("Alias").and_then(Value::as_str) == Some(alias);
        if let Some(point) = list(page.get("AccessPoints")).into_iter().find(named) {
            let regions = list(point.get("Regions"));
            let bucket = |region: &Value| region.get("Bucket").and_then(Value::as_str).map(str::to_owned);
            return Ok(regions.iter().filter_map(bucket).collect());
        }
        token = text(&page, "NextToken").filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Err(Failure::usage(&format!(
                "Couldn't find multi-region access point with alias {alias} in account {account}"
            )));
        }
    }
}

async fn call(
    command: &str,
    name: &str,
    parameters: Map,
    region: Option<&str>,
    calls: &Calls<'_>,
) -> Result<Map, Failure> {
    let service = catalog::service(command);
    let found = service.as_ref().and_then(|service| Some((service, service.operation_named(name)?)));
    let Some((service, operation)) = found else {
        return Err(Problem::Said(format!("the model of {command} lacks {name}")).into());
    };
    Ok(calls.send(service, operation, parameters, region).await?.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_object_is_told_by_its_path() {
        for (source, target, same) in [
            ("s3://b/k", "s3://b/k", true),
            ("s3://b/a/k", "s3://b/a/", true),
            ("s3://b/a/k", "s3://b/", false),
            ("s3://b/a/k", "s3://b/a", false),
            ("/k", "/", true),
        ] {
            assert_eq!(is_same(source, target), same, "{source} {target}");
        }
    }

    #[test]
    fn access_points_stand_for_buckets() {
        assert_eq!(ARNS.len(), 3);
        for (bucket, stands) in [
            ("my-bucket", false),
            ("my-ap-s3alias", true),
            ("my--op-s3", true),
            ("arn:aws:s3:us-west-2:123456789012:accesspoint/myap", true),
            ("arn:aws:s3:us-west-2:123456789012:accesspoint/my", false),
            ("arn:aws:s3::123456789012:accesspoint/abc.mrap", true),
            ("arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/myap", true),
        ] {
            assert_eq!(stands_for_another(bucket), stands, "{bucket}");
        }
    }
}
