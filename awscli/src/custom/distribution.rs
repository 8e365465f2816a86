//! `aws cloudfront update-distribution --default-root-object`: one setting of a distribution changed, the others kept.

use super::client::{Client, map, text};
use crate::command::UsageError;
use crate::run::Failure;
use crate::send::Calls;
use crate::value::{Map, Value};

/// Completes the parameters with the configuration that the distribution has, changed.
pub async fn set_default_root_object(
    object: &str,
    parameters: &mut Map,
    region: Option<&str>,
    calls: &mut Calls<'_>,
) -> Result<(), Failure> {
    let client = Client::new("cloudfront", region)?;
    let id = parameters.get("Id").cloned().unwrap_or_else(|| text(""));
    let mut found = client.call(calls, "GetDistributionConfig", map([("Id", id)])).await?;
    let tag = found.shift_remove("ETag").ok_or_else(|| Failure::general("'ETag'"))?;
    let config = found.shift_remove("DistributionConfig");
    let Some(Value::Map(mut config)) = config else {
        return Err(UsageError::general("'DistributionConfig'".to_owned()).into());
    };
    config.insert("DefaultRootObject".to_owned(), text(object));
    parameters.insert("IfMatch".to_owned(), tag);
    parameters.insert("DistributionConfig".to_owned(), Value::Map(config));
    client.check(client.operation("UpdateDistribution")?, parameters)?;
    Ok(())
}
