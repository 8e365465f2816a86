//! `aws cloudformation deploy`: a template becomes a stack, or a change of the stack that there is, by way of a change
//! set.

use time::OffsetDateTime;

use super::Given;
use super::client::{Client, map, member, text, text_at, texts};
use super::upload::Uploader;
use crate::command::{Custom, UsageError, json};
use crate::format::{iso_8601, python_text};
use crate::run::{Failure, Printer};
use crate::send::{CallError, Calls};
use crate::value::{Map, Timestamp, Value};
use crate::wait::{Wait, WaitError};
use crate::yaml::{self, Dialect};

/// A larger template is taken from a bucket only.
const MAX_TEMPLATE_BYTES: usize = 51_200;

/// How often a change set and a stack are looked at, in seconds, and the stack how many times.
const CHANGE_SET_DELAY: u32 = 5;
const STACK_DELAY: u32 = 30;
const STACK_ATTEMPTS: u32 = 120;

/// `cloudformation deploy`.
pub async fn deploy(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    let region = printer.output.region.clone();
    let client = Client::new("cloudformation", region.as_deref())?;
    let path = options.text("template-file").unwrap_or_default();
    let (template, size) = template_text(path, calls)?;
    let parsed = yaml::read_or_json(&template, Dialect::Template)?;
    let overrides = overrides(options.given("parameter-overrides"))?;
    let tags = pairs(options.texts("tags"), "tags")?;
    let parameters = parameters(&parsed, &overrides)?;
    let uploader = Uploader::new(custom, None, region.as_deref());
    if size > MAX_TEMPLATE_BYTES && uploader.is_none() {
        return Err(Failure::general(
            "Templates with a size greater than 51,200 bytes must be deployed via an S3 Bucket. Please add the --s3-bucket \
             parameter to your command. The local template will be copied to that S3 bucket and then deployed.",
        ));
    }
    let stack = options.text("stack-name").unwrap_or_default();
    let update = has_stack(&client, stack, calls).await?;
    let parameters = known_parameters(&client, stack, update, parameters, calls).await?;
    let now = OffsetDateTime::from(calls.session().now());
    let created = iso_8601(&Timestamp(now));
    let created = created.split('+').next().unwrap_or_default();
    let name = format!("awscli-cloudformation-package-deploy-{}", now.unix_timestamp());
    let tag =
        |(key, value): (&String, &Value)| Value::Map(map([("Key", text(key)), ("Value", value.clone())]));
    let mut request = map([
        ("ChangeSetName", Value::Str(name)),
        ("StackName", text(stack)),
        ("TemplateBody", text(&template)),
        ("ChangeSetType", text(if update { "UPDATE" } else { "CREATE" })),
        ("Parameters", Value::List(parameters)),
        ("Capabilities", texts(options.texts("capabilities"))),
        ("Description", Value::Str(format!("Created by AWS CLI at {created} UTC"))),
        ("Tags", Value::List(tags.iter().map(tag).collect())),
    ]);
    if let Some(uploader) = &uploader {
        let key = uploader.upload(template.clone().into(), Some("template"), calls, printer).await?;
        request.shift_remove("TemplateBody");
        request.insert("TemplateURL".to_owned(), Value::Str(uploader.path_url(&key, calls)?));
    }
    if let Some(role) = options.text("role-arn") {
        request.insert("RoleARN".to_owned(), text(role));
    }
    if options.has("notification-arns") {
        request.insert("NotificationARNs".to_owned(), texts(options.texts("notification-arns")));
    }
    let made = client.call(calls, "CreateChangeSet", request).await?;
    let change_set = text_at(&made, &["Id"])?;
    printer.sink.push("\nWaiting for changeset to be created..\n");
    if let Created::Empty = wait_for_change_set(&client, change_set, stack, calls).await? {
        let message = format!("No changes to deploy. Stack {stack} is up to date");
        let flags = ["fail-on-empty-changeset", "no-fail-on-empty-changeset"];
        if options.last(&flags) == Some("fail-on-empty-changeset") {
            return Err(Failure::general(&message));
        }
        printer.sink.push(&format!("\n{message}\n"));
        return Ok(0);
    }
    if options.has("no-execute-changeset") {
        printer.sink.push(&format!(
            "Changeset created successfully. Run the following command to review changes:\naws cloudformation \
             describe-change-set --change-set-name {change_set}\n"
        ));
        return Ok(0);
    }
    let no_rollback = options.last(&["disable-rollback", "no-disable-rollback"]) == Some("disable-rollback");
    let request = map([
        ("ChangeSetName", text(change_set)),
        ("StackName", text(stack)),
        ("DisableRollback", Value::Bool(no_rollback)),
    ]);
    client.call(calls, "ExecuteChangeSet", request).await?;
    printer.sink.push("Waiting for stack create/update to complete\n");
    wait_for_stack(&client, stack, update, calls).await?;
    printer.sink.push(&format!("Successfully created/updated stack - {stack}\n"));
    Ok(0)
}

/// A template's text, and how many bytes the file has.
pub fn template_text(path: &str, calls: &Calls<'_>) -> Result<(String, usize), Failure> {
    let content = calls.session().files.read(path);
    let content = content.map_err(|_| Failure::general(&format!("Invalid template path {path}")))?;
    let template = std::str::from_utf8(&content).map_err(|error| Failure::general(&error.to_string()))?;
    // Python reads text with one form of line ends.
    Ok((template.replace("\r\n", "\n").replace('\r', "\n"), content.len()))
}

/// The parameters that `--parameter-overrides` gives: as `Key=Value` words, or as JSON in one of three forms.
fn overrides(given: Option<&Given>) -> Result<Map, Failure> {
    let Some(given) = given else { return Ok(Map::new()) };
    let first = given.words.first().map_or("", String::as_str);
    let data = match json::parse(first) {
        Ok(Value::Null) => return pairs(&given.words, "parameter-overrides"),
        Ok(data) => data,
        // A file must hold JSON.
        Err(error) if given.loaded => return Err(Failure::general(&error)),
        Err(_) => return pairs(&given.words, "parameter-overrides"),
    };
    let python =
        |kind: &str| Failure::general(&format!("argument of type '{kind}' is not a container or iterable"));
    let items = match data {
        Value::List(items) => items,
        Value::Map(map) if map.is_empty() => return Ok(Map::new()),
        Value::Map(mut map) => match map.shift_remove("Parameters") {
            Some(Value::Map(parameters)) => return Ok(parameters),
            _ => return Err(not_overrides()),
        },
        Value::Str(text) if text.is_empty() => return Ok(Map::new()),
        Value::Str(_) => return Err(not_overrides()),
        other => {
            let kind = other.python_type();
            return Err(Failure::general(&format!("'{kind}' object is not iterable")));
        }
    };
    let mut overrides = Map::new();
    for item in &items {
        match item {
            Value::Map(pair) => match (pair.get("ParameterKey"), pair.get("ParameterValue")) {
                (Some(Value::Str(key)), Some(value)) if pair.len() == 2 => {
                    overrides.insert(key.clone(), value.clone());
                }
                _ => return Err(not_overrides()),
            },
            Value::Str(pair) => match pair.split_once('=') {
                Some((key, value)) => drop(overrides.insert(key.to_owned(), text(value))),
                None => return Err(not_overrides()),
            },
            other => return Err(python(other.python_type())),
        }
    }
    let mixed = items.iter().any(|item| matches!(item, Value::Map(_)))
        && items.iter().any(|item| matches!(item, Value::Str(_)));
    if mixed { Err(not_overrides()) } else { Ok(overrides) }
}

fn not_overrides() -> Failure {
    UsageError::parameter(
        "JSON passed to --parameter-overrides must be one of the formats: [\"Key1=Value1\",\"Key2=Value2\", ...] , \
         [{\"ParameterKey\": \"Key1\", \"ParameterValue\": \"Value1\"}, ...] , [\"Parameters\": {\"Key1\": \"Value1\", \
         \"Key2\": \"Value2\", ...}]",
    )
    .into()
}

/// `Key=Value` words as a map.
fn pairs(words: &[String], option: &str) -> Result<Map, Failure> {
    let pair = |word: &String| match word.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), text(value))),
        None => {
            let value = python_text(&Value::List(vec![text(word)]));
            Err(Failure::general(&format!("{value} value passed to --{option} must be of format Key=Value")))
        }
    };
    words.iter().map(pair).collect()
}

/// All parameters of the template: with the value that is given, or that of the stack.
fn parameters(template: &Value, overrides: &Map) -> Result<Vec<Map>, Failure> {
    let Value::Map(template) = template else {
        let kind = template.python_type();
        return Err(Failure::general(&format!("'{kind}' object has no attribute 'get'")));
    };
    let Some(Value::Map(declared)) = template.get("Parameters") else { return Ok(Vec::new()) };
    let parameter = |key: &String| match overrides.get(key) {
        Some(value) => map([("ParameterKey", text(key)), ("ParameterValue", value.clone())]),
        None => map([("ParameterKey", text(key)), ("UsePreviousValue", Value::Bool(true))]),
    };
    Ok(declared.keys().map(parameter).collect())
}

/// Whether there is a stack that can be changed. One that only waits for its first change set is as good as none.
async fn has_stack(client: &Client, stack: &str, calls: &mut Calls<'_>) -> Result<bool, Failure> {
    match client.call(calls, "DescribeStacks", map([("StackName", text(stack))])).await {
        Ok(result) => match member(&result, "Stacks")? {
            Value::List(stacks) => Ok(match stacks.as_slice() {
                [stack] => stack.get("StackStatus").and_then(Value::as_str) != Some("REVIEW_IN_PROGRESS"),
                _ => false,
            }),
            _ => Ok(false),
        },
        Err(error @ CallError::Service { .. })
            if error.to_string().contains(&format!("Stack with id {stack} does not exist")) =>
        {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Leaves out the parameters whose value would be the stack's, where the stack has none.
async fn known_parameters(
    client: &Client,
    stack: &str,
    update: bool,
    parameters: Vec<Map>,
    calls: &mut Calls<'_>,
) -> Result<Vec<Value>, Failure> {
    let mut known = Vec::new();
    if update {
        let summary = client.call(calls, "GetTemplateSummary", map([("StackName", text(stack))])).await?;
        if let Value::List(existing) = member(&summary, "Parameters")? {
            known.extend(existing.iter().filter_map(|parameter| parameter.get("ParameterKey").cloned()));
        }
    }
    let fits = |parameter: &Map| {
        !parameter.contains_key("UsePreviousValue")
            || parameter.get("ParameterKey").is_some_and(|key| known.contains(key))
    };
    Ok(parameters.into_iter().filter(fits).map(Value::Map).collect())
}

/// How a change set came out.
enum Created {
    Changes,
    Empty,
}

async fn wait_for_change_set(
    client: &Client,
    change_set: &str,
    stack: &str,
    calls: &mut Calls<'_>,
) -> Result<Created, Failure> {
    let waiter = client.waiter("ChangeSetCreateComplete")?;
    let wait = Wait {
        service: &client.service,
        waiter,
        parameters: map([("ChangeSetName", text(change_set)), ("StackName", text(stack))]),
        region: client.region.as_deref(),
        delay: CHANGE_SET_DELAY,
        max_attempts: waiter.max_attempts,
        parks: None,
        polls: 0,
    };
    let (message, last) = match wait.run(calls).await {
        Ok(_) => return Ok(Created::Changes),
        Err(WaitError::Failed { message, last }) => (message, last),
        Err(error) => return Err(error.into()),
    };
    let last = match last {
        Value::Map(last) => last,
        _ => Map::new(),
    };
    let (status, reason) = (text_at(&last, &["Status"])?, text_at(&last, &["StatusReason"])?);
    let same = status == "FAILED" && reason.contains("The submitted information didn't contain changes.");
    if same || reason.contains("No updates are to be performed") {
        return Ok(Created::Empty);
    }
    let message = format!("Failed to create the changeset: {message} Status: {status}. Reason: {reason}");
    Err(Failure::general(&message))
}

async fn wait_for_stack(
    client: &Client,
    stack: &str,
    update: bool,
    calls: &mut Calls<'_>,
) -> Result<(), Failure> {
    let name = if update { "StackUpdateComplete" } else { "StackCreateComplete" };
    let waiter = client.waiter(name)?;
    let wait = Wait {
        service: &client.service,
        waiter,
        parameters: map([("StackName", text(stack))]),
        region: client.region.as_deref(),
        delay: STACK_DELAY,
        max_attempts: STACK_ATTEMPTS,
        parks: None,
        polls: 0,
    };
    match wait.run(calls).await {
        Ok(_) => Ok(()),
        Err(WaitError::Failed { .. }) => Err(Failure::general(&format!(
            "Failed to create/update the stack. Run the following command\nto fetch the list of events leading up to the \
             failure\naws cloudformation describe-stack-events --stack-name {stack}"
        ))),
        Err(WaitError::TimeUp(_)) => {
            let command = &waiter.command;
            let message = format!(
                "The time is up while the stack is being created or updated. Run the following command to go on waiting\n\
                 aws cloudformation wait {command} --stack-name {stack}"
            );
            Err(Failure::general(&message))
        }
        Err(error) => Err(error.into()),
    }
}
