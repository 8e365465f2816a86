//! `aws servicecatalog generate`: a product, or a version of one, from a CloudFormation template in a file.

use super::client::{Client, map, text};
use super::upload::Uploader;
use crate::catalog;
use crate::command::{Custom, UsageError};
use crate::endpoint::Partition;
use crate::format::{self, indented_json};
use crate::run::{Failure, Printer};
use crate::send::Calls;
use crate::value::{Map, Value};

/// The partition whose regions have Service Catalog, as far as the official CLI looks.
const PARTITION: &str = "aws";

/// `generate product` and `generate provisioning-artifact`.
pub async fn generate(
    what: &str,
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let option = |name: &str| custom.options.text(name).unwrap_or_default();
    let region = printer.output.region.clone().unwrap_or_default();
    let partition = catalog::partitions().of_region(&region);
    let known = |partition: &Partition| partition.name == PARTITION && partition.regions.contains(&region);
    if !partition.is_some_and(known) {
        let region = custom.globals.region.as_deref().unwrap_or("None");
        let message =
            format!("An error occurred (InvalidParametersException) : Region {region} is not supported");
        return Err(UsageError::parameter(&message).into());
    }
    let (path, bucket) = (option("file-path"), option("bucket-name"));
    let template = calls.session().files.read(path);
    let template = template.map_err(|_| Failure::general(&format!("{path} cannot be found")))?;
    let key = path.rsplit('/').next().unwrap_or(path);
    Uploader::to_bucket(bucket, Some(&region)).put(key, template, calls, printer).await?;
    let base = match region.as_str() {
        "us-east-1" => "https://s3.amazonaws.com".to_owned(),
        region => format!("https://s3-{region}.amazonaws.com"),
    };
    let info = map([("LoadTemplateFromURL", text(&format!("{base}/{bucket}/{key}")))]);
    let artifact = Value::Map(map([
        ("Name", text(option("provisioning-artifact-name"))),
        ("Description", text(option("provisioning-artifact-description"))),
        ("Info", Value::Map(info)),
        ("Type", text(option("provisioning-artifact-type"))),
    ]));
    let service = Client::new("servicecatalog", Some(&region))?;
    let result = if what == "product" {
        let request = product(custom, artifact)?;
        service.call(calls, "CreateProduct", request).await?
    } else {
        let request = map([("ProductId", text(option("product-id"))), ("Parameters", artifact)]);
        service.call(calls, "CreateProvisioningArtifact", request).await?
    };
    let mut shown = Value::Map(result);
    format::as_shown(&mut shown);
    printer.sink.push(&indented_json(&shown, 2, false));
    Ok(0)
}

fn product(custom: &Custom, artifact: Value) -> Result<Map, Failure> {
    let option = |name: &str| custom.options.text(name).unwrap_or_default();
    let mut request = map([
        ("Name", text(option("product-name"))),
        ("Owner", text(option("product-owner"))),
        ("ProductType", text(option("product-type"))),
        ("Tags", tags(custom.options.value("tags"))?),
        ("ProvisioningArtifactParameters", artifact),
    ]);
    for (name, member) in [
        ("support-description", "SupportDescription"),
        ("product-description", "Description"),
        ("support-email", "SupportEmail"),
        ("product-distributor", "Distributor"),
    ] {
        let given = option(name);
        if !given.is_empty() {
            request.insert(member.to_owned(), text(given));
        }
    }
    Ok(request)
}

/// `Key=a,Value=b`, word by word.
fn tags(words: Option<&Value>) -> Result<Value, Failure> {
    let Some(Value::List(words)) = words else { return Ok(Value::List(Vec::new())) };
    let tag = |word: &Value| {
        let parts = word.as_str().unwrap_or_default().split(',').enumerate();
        let pairs = parts.map(|(index, part)| match part.split('=').collect::<Vec<_>>().as_slice() {
            [key, value] => Ok(((*key).to_owned(), text(value))),
            other => Err(Failure::general(&format!(
                "dictionary update sequence element #{index} has length {}; 2 is required",
                other.len()
            ))),
        });
        pairs.collect::<Result<Map, _>>().map(Value::Map)
    };
    words.iter().map(tag).collect::<Result<_, _>>().map(Value::List)
}
