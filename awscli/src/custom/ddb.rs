//! `aws ddb select` and `put`: the items of DynamoDB's tables as plain YAML, and expressions with their values in them.

mod attribute;
mod expression;

use super::client::{Client, map, member, text};
use crate::command::{Custom, Paging, UsageError};
use crate::format;
use crate::paginate::paginate;
use crate::run::{Failure, Printer, after_query, shape};
use crate::send::Calls;
use crate::value::{Map, Value};
use crate::yaml::{self, Dialect, ITEMS, write_as};
use expression::Substituted;

/// How many items are written at once.
const BATCH: usize = 25;

/// `ddb select`: a query if there is a condition for keys, and a scan otherwise.
pub async fn select(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    let dynamodb = Client::new("dynamodb", printer.output.region.as_deref())?;
    if let Some(output) = custom.globals.output.as_deref().filter(|output| *output != "yaml") {
        let message = format!("{output} output format is not supported for ddb commands");
        return Err(UsageError::parameter(&message).into());
    }
    let number = |name: &str| options.int(name).filter(|number| *number != 0);
    let token = options.text("starting-token").filter(|token| !token.is_empty());
    let paging = Paging {
        automatic: !custom.globals.no_paginate,
        starting_token: token.map(str::to_owned),
        page_size: number("page-size"),
        max_items: number("max-items"),
    };
    if !paging.automatic {
        let given = [
            ("--starting-token", paging.starting_token.is_some()),
            ("--page-size", paging.page_size.is_some()),
            ("--max-items", paging.max_items.is_some()),
        ];
        let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        if !given.is_empty() {
            let message =
                format!("Cannot specify --no-paginate along with pagination arguments: {}", given.join(", "));
            return Err(UsageError::parameter(&message).into());
        }
    }
    let shape = shape(&custom.globals, "select")?;
    let request = selection(custom)?;
    let keyed = options.has("key-condition");
    let operation = dynamodb.operation(if keyed { "Query" } else { "Scan" })?;
    let mut result = if paging.automatic {
        dynamodb.check(operation, &request)?;
        let region = dynamodb.region.as_deref();
        let paged = paginate(calls, &dynamodb.service, operation, request, region, &paging).await?;
        printer.output.truncated = paged.truncated;
        paged.value
    } else {
        dynamodb.call(calls, &operation.name, request).await?
    };
    if result.get("ConsumedCapacity") == Some(&Value::Null) {
        result.shift_remove("ConsumedCapacity");
    }
    for name in ["Items", "LastEvaluatedKey"] {
        match result.get_mut(name) {
            Some(Value::List(items)) => {
                for item in items {
                    attribute::deserialize_members(item)?;
                }
            }
            Some(key) => attribute::deserialize_members(key)?,
            None => {}
        }
    }
    match after_query(Value::Map(result), &shape)? {
        Value::Map(map) if map.is_empty() => {}
        value @ (Value::Map(_) | Value::List(_) | Value::Bytes(_)) => {
            write_as(&value, ITEMS, &mut printer.sink);
        }
        scalar => format::json(&scalar, &mut printer.sink),
    }
    Ok(0)
}

/// What a selection asks for.
fn selection(custom: &Custom) -> Result<Map, Failure> {
    let options = &custom.options;
    let consistent = options.last(&["consistent-read", "no-consistent-read"]) != Some("no-consistent-read");
    let mut request = map([
        ("TableName", text(options.text("table_name").unwrap_or_default())),
        ("ConsistentRead", Value::Bool(consistent)),
    ]);
    let index = options.text("index-name");
    if let Some(index) = index {
        request.insert("IndexName".to_owned(), text(index));
    }
    let mut count = 0;
    for (option, name) in [
        ("projection", "ProjectionExpression"),
        ("filter", "FilterExpression"),
        ("key-condition", "KeyConditionExpression"),
    ] {
        if options.has(option) {
            count += substitute(&mut request, name, options.texts(option), count)?;
        }
    }
    if let Some(attributes) = options.text("attributes") {
        let select = match attributes {
            "ALL" => "ALL_ATTRIBUTES",
            "ALL_PROJECTED" => "ALL_PROJECTED_ATTRIBUTES",
            other => other,
        };
        request.insert("Select".to_owned(), text(select));
    }
    let capacity = options.last(&["return-consumed-capacity", "no-return-consumed-capacity"]);
    let capacity = match (capacity, index) {
        (Some("return-consumed-capacity"), Some(_)) => "INDEXES",
        (Some("return-consumed-capacity"), None) => "TOTAL",
        _ => "NONE",
    };
    request.insert("ReturnConsumedCapacity".to_owned(), text(capacity));
    Ok(request)
}

/// Puts an expression into a request, with names and values in their own members. Returns how many those are.
fn substitute(request: &mut Map, name: &str, words: &[String], offset: usize) -> Result<usize, Failure> {
    let Substituted { expression, names, values } = expression::substitute(&words.join(" "), offset)?;
    request.insert(name.to_owned(), text(&expression));
    let count = names.len() + values.len();
    for (member, more) in [("ExpressionAttributeNames", names), ("ExpressionAttributeValues", values)] {
        if more.is_empty() {
            continue;
        }
        match request.entry(member.to_owned()).or_insert_with(|| Value::Map(Map::new())) {
            Value::Map(all) => all.extend(more),
            other => *other = Value::Map(more),
        }
    }
    Ok(count)
}

/// `ddb put`: one item, on a condition if there is one, or several.
pub async fn put(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    let dynamodb = Client::new("dynamodb", printer.output.region.as_deref())?;
    let table = options.text("table_name").unwrap_or_default();
    let given = match options.text("items").unwrap_or_default() {
        "-" => String::from_utf8_lossy(&calls.session().stdin).into_owned(),
        given => given.to_owned(),
    };
    let document = yaml::read(&given, Dialect::Items)?;
    if let Some((place, kind)) = document.keys.iter().min() {
        return Err(not_a_key(place, kind).into());
    }
    let items = match document.value {
        Value::List(items) => items,
        one => vec![one],
    };
    let has_condition = options.has("condition");
    if items.len() > 1 && has_condition {
        let message = "--condition is not supported for multiple items";
        return Err(UsageError::parameter(message).into());
    }
    let mut request = map([("ReturnConsumedCapacity", text("NONE"))]);
    if has_condition {
        substitute(&mut request, "ConditionExpression", options.texts("condition"), 0)?;
    }
    if items.len() > 1 {
        return write_batches(&dynamodb, table, items, request, calls).await;
    }
    request.insert("TableName".to_owned(), text(table));
    for mut item in items {
        attribute::serialize_members(&mut item)?;
        let mut request = request.clone();
        request.insert("Item".to_owned(), item);
        dynamodb.call(calls, "PutItem", request).await?;
    }
    Ok(0)
}

/// Writes items, and those again that DynamoDB has not come to.
async fn write_batches(
    dynamodb: &Client,
    table: &str,
    items: Vec<Value>,
    mut request: Map,
    calls: &mut Calls<'_>,
) -> Result<i32, Failure> {
    let mut left = Vec::new();
    for mut item in items {
        attribute::serialize_members(&mut item)?;
        left.push(Value::Map(map([("PutRequest", Value::Map(map([("Item", item)])))])));
    }
    while !left.is_empty() {
        let batch: Vec<Value> = left.drain(..left.len().min(BATCH)).collect();
        let batch = map([(table, Value::List(batch))]);
        request.insert("RequestItems".to_owned(), Value::Map(batch));
        let mut result = dynamodb.call(calls, "BatchWriteItem", request.clone()).await?;
        if let Some(Value::Map(unprocessed)) = result.get_mut("UnprocessedItems")
            && let Ok(Value::List(items)) = member(unprocessed, table)
        {
            left.extend(items.iter().cloned());
        }
    }
    Ok(0)
}

/// What the official CLI says about an item with a key that is no text.
fn not_a_key(place: &str, kind: &str) -> UsageError {
    let shown = place.split_once("(key: ").map_or("", |(_, key)| key.trim_end_matches(')'));
    UsageError::parameter(&format!(
        "Parameter validation failed:\nInvalid type for parameter Item (key: {shown}), value: {shown}, type: <class '{kind}'>, \
         valid types: <class 'str'>"
    ))
}
