//! The commands of AWS Config that are not operations of its API.

use super::client::{Client, map, member, text, text_at};
use crate::command::Custom;
use crate::format::{self, indented_ascii_json, python_text};
use crate::run::{Failure, Printer};
use crate::send::{CallError, Calls};
use crate::value::{Map, Value};

/// What the recorder and the channel are called.
const NAME: &str = "default";

/// `configservice subscribe`: a recorder, and a channel to a bucket and a topic, both of which are made if need be.
pub async fn subscribe(
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let client = |service: &str| Client::new(service, printer.output.region.as_deref());
    let (s3, sns, config) = (client("s3api")?, client("sns")?, client("configservice")?);
    let option = |name: &str| custom.options.text(name).unwrap_or_default();
    let (bucket, prefix) = option("s3-bucket").split_once('/').unwrap_or((option("s3-bucket"), ""));
    let origin = if has_bucket(&s3, bucket, calls).await? {
        "existing"
    } else {
        make_bucket(&s3, bucket, calls).await?;
        "new"
    };
    printer.sink.push(&format!("Using {origin} S3 bucket: {bucket}\n"));
    let topic = option("sns-topic");
    let (origin, topic) = if topic.contains(':') {
        ("existing", topic.to_owned())
    } else {
        let made = sns.call(calls, "CreateTopic", map([("Name", text(topic))])).await?;
        ("new", text_at(&made, &["TopicArn"])?.to_owned())
    };
    printer.sink.push(&format!("Using {origin} SNS topic: {topic}\n"));
    let recorder = map([("name", text(NAME)), ("roleARN", text(option("iam-role")))]);
    let request = map([("ConfigurationRecorder", Value::Map(recorder))]);
    config.call(calls, "PutConfigurationRecorder", request).await?;
    let mut channel =
        map([("name", text(NAME)), ("s3BucketName", text(bucket)), ("snsTopicARN", text(&topic))]);
    if !prefix.is_empty() {
        channel.insert("s3KeyPrefix".to_owned(), text(prefix));
    }
    config.call(calls, "PutDeliveryChannel", map([("DeliveryChannel", Value::Map(channel))])).await?;
    let request = map([("ConfigurationRecorderName", text(NAME))]);
    config.call(calls, "StartConfigurationRecorder", request).await?;
    printer.sink.push("Subscribe succeeded:\n\nConfiguration Recorders: ");
    let result = config.call(calls, "DescribeConfigurationRecorders", Map::new()).await?;
    printer.sink.push(&json(&result, "ConfigurationRecorders")?);
    printer.sink.push("\n\nDelivery Channels: ");
    let result = config.call(calls, "DescribeDeliveryChannels", Map::new()).await?;
    printer.sink.push(&json(&result, "DeliveryChannels")?);
    printer.sink.push("\n");
    Ok(0)
}

/// `configservice get-status`.
pub async fn status(calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let config = Client::new("configservice", printer.output.region.as_deref())?;
    let result = config.call(calls, "DescribeConfigurationRecorderStatus", Map::new()).await?;
    printer.sink.push("Configuration Recorders:\n\n");
    for recorder in structures(member(&result, "ConfigurationRecordersStatus")?) {
        printer.sink.push(&format!("name: {}\n", shown(recorder, "name")?));
        let records = matches!(member(recorder, "recording")?, Value::Bool(true));
        printer.sink.push(&format!("recorder: {}\n", if records { "ON" } else { "OFF" }));
        if records {
            last_status(recorder, "", printer)?;
        }
        printer.sink.push("\n");
    }
    let result = config.call(calls, "DescribeDeliveryChannelStatus", Map::new()).await?;
    printer.sink.push("Delivery Channels:\n\n");
    for channel in structures(member(&result, "DeliveryChannelsStatus")?) {
        printer.sink.push(&format!("name: {}\n", shown(channel, "name")?));
        let deliveries = [
            ("configStreamDeliveryInfo", "stream delivery "),
            ("configHistoryDeliveryInfo", "history delivery "),
            ("configSnapshotDeliveryInfo", "snapshot delivery "),
        ];
        let deliveries = deliveries.map(|(name, title)| member(channel, name).map(|info| (info, title)));
        for (info, title) in deliveries.into_iter().collect::<Result<Vec<_>, _>>()? {
            if let Value::Map(info) = info
                && !info.is_empty()
            {
                last_status(info, title, printer)?;
            }
        }
        printer.sink.push("\n");
    }
    Ok(0)
}

fn last_status(status: &Map, title: &str, printer: &mut Printer) -> Result<(), Failure> {
    let last = shown(status, "lastStatus")?;
    printer.sink.push(&format!("last {title}status: {last}\n"));
    if last == "FAILURE" {
        printer.sink.push(&format!("error code: {}\n", shown(status, "lastErrorCode")?));
        printer.sink.push(&format!("message: {}\n", shown(status, "lastErrorMessage")?));
    }
    Ok(())
}

fn structures(list: &Value) -> impl Iterator<Item = &Map> {
    let items = match list {
        Value::List(items) => items.as_slice(),
        _ => &[],
    };
    items.iter().filter_map(|item| match item {
        Value::Map(map) => Some(map),
        _ => None,
    })
}

/// A member as Python prints it.
fn shown(map: &Map, name: &str) -> Result<String, Failure> {
    member(map, name).map(|value| match value {
        Value::Str(text) => text.clone(),
        other => python_text(other),
    })
}

fn json(result: &Map, name: &str) -> Result<String, Failure> {
    let mut value = member(result, name)?.clone();
    format::as_shown(&mut value);
    Ok(indented_ascii_json(&value))
}

/// Whether a bucket is there. One that may not be looked at is.
async fn has_bucket(s3: &Client, bucket: &str, calls: &mut Calls<'_>) -> Result<bool, Failure> {
    match s3.call(calls, "HeadBucket", map([("Bucket", text(bucket))])).await {
        Ok(_) => Ok(true),
        Err(CallError::Service { error, .. }) => Ok(error.code != "404"),
        Err(error) => Err(error.into()),
    }
}

async fn make_bucket(s3: &Client, bucket: &str, calls: &mut Calls<'_>) -> Result<(), Failure> {
    let mut request = map([("Bucket", text(bucket))]);
    if let Some(region) = s3.region.as_deref().filter(|region| *region != "us-east-1") {
        let place = map([("LocationConstraint", text(region))]);
        request.insert("CreateBucketConfiguration".to_owned(), Value::Map(place));
    }
    s3.call(calls, "CreateBucket", request).await?;
    Ok(())
}
