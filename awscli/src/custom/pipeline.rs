//! Data Pipeline's definitions, which people write in another form than the API's, and `aws datapipeline list-runs`.

use time::{Duration, OffsetDateTime};

use super::client::{Client, map, member, text, texts};
use crate::command::{Custom, Paging, UsageError, json};
use crate::format::python_text;
use crate::paginate::paginate;
use crate::run::{Failure, Printer, shape};
use crate::send::Calls;
use crate::serialize::python_json;
use crate::value::{Map, Value};

/// How many objects are described at once.
const DESCRIBED: usize = 100;

/// How far back runs are listed if no interval is given.
const LISTED: Duration = Duration::days(4);

const STATUSES: [&str; 9] = [
    "waiting",
    "pending",
    "cancelled",
    "running",
    "finished",
    "failed",
    "waiting_for_runner",
    "waiting_on_dependencies",
    "shutting_down",
];

/// `--pipeline-definition` and `--parameter-values-uri`, which set parts of a request.
pub fn apply(option: &str, words: &[String], parameters: &mut Map) -> Result<(), UsageError> {
    let definition = read(words)?;
    if option == "parameter-values-uri" {
        if parameters.contains_key("parameterValues") {
            return Err(UsageError::parameter("Only parameter-values or parameter-values-uri is allowed"));
        }
        let values = values(&definition)?.unwrap_or(Value::Null);
        parameters.insert("parameterValues".to_owned(), values);
        return Ok(());
    }
    let objects = objects(&definition)?;
    let (declared, values) = (declared(&definition)?, values(&definition)?);
    parameters.insert("pipelineObjects".to_owned(), objects);
    for (name, value) in [("parameterObjects", declared), ("parameterValues", values)] {
        if let Some(value) = value.filter(|_| !parameters.contains_key(name)) {
            parameters.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

fn read(words: &[String]) -> Result<Value, UsageError> {
    json::parse(words.first().map_or("", String::as_str)).map_err(UsageError::general)
}

/// `--parameter-objects`.
pub fn parameter_objects(words: &[String]) -> Result<Option<Value>, UsageError> {
    declared(&read(words)?)
}

/// `--parameter-values`: `key=value` words. A key that comes again makes a list.
pub fn parameter_values(words: &[String]) -> Result<Option<Value>, UsageError> {
    let mut values = Map::new();
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            return Err(UsageError::parameter(&format!(
                "Error in parameter: Invalid inline parameter format: {word}\n"
            )));
        };
        add(&mut values, key, text(value));
    }
    self::values(&Value::Map(map([("values", Value::Map(values))])))
}

/// Adds a value. One that has a name already makes a list.
fn add(to: &mut Map, name: &str, value: Value) {
    match to.get_mut(name) {
        None => drop(to.insert(name.to_owned(), value)),
        Some(Value::List(list)) => list.push(value),
        Some(one) => *one = Value::List(vec![std::mem::replace(one, Value::Null), value]),
    }
}

fn broken(message: &str) -> UsageError {
    UsageError::parameter(&format!("Error in pipeline definition: {message}\n"))
}

fn items<'a>(definition: &'a Value, name: &str) -> Option<&'a [Value]> {
    match definition.get(name)? {
        Value::List(items) => Some(items),
        _ => Some(&[]),
    }
}

/// The objects of a definition as the API takes them.
fn objects(definition: &Value) -> Result<Value, UsageError> {
    let elements = items(definition, "objects").ok_or_else(|| broken("Missing \"objects\" key"))?;
    let object = |element: &Value| {
        let (id, mut element) = with_id(element, "element")?;
        let name = element.shift_remove("name").unwrap_or_else(|| id.clone());
        Ok(Value::Map(map([("id", id), ("name", name), ("fields", fields(element))])))
    };
    elements.iter().map(object).collect::<Result<_, _>>().map(Value::List)
}

/// The parameters that a definition declares.
fn declared(definition: &Value) -> Result<Option<Value>, UsageError> {
    let Some(elements) = items(definition, "parameters") else { return Ok(None) };
    let parameter = |element: &Value| {
        let (id, element) = with_id(element, "parameter")?;
        Ok(Value::Map(map([("id", id), ("attributes", fields(element))])))
    };
    elements.iter().map(parameter).collect::<Result<_, _>>().map(|list| Some(Value::List(list)))
}

fn with_id(element: &Value, what: &str) -> Result<(Value, Map), UsageError> {
    let Value::Map(map) = element else { return Err(UsageError::general(python_text(element))) };
    let mut map = map.clone();
    match map.shift_remove("id") {
        Some(id) => Ok((id, map)),
        None => Err(broken(&format!("Missing \"id\" key of {what}: {}", python_json(element)))),
    }
}

/// Each value of each key, in the order of the keys.
fn fields(mut element: Map) -> Value {
    element.sort_keys();
    let field = |key: &str, value: Value| {
        let value = match value {
            Value::Map(mut reference) if reference.len() == 1 && reference.contains_key("ref") => {
                ("refValue", reference.shift_remove("ref").unwrap_or(Value::Null))
            }
            value => ("stringValue", value),
        };
        Value::Map(map([("key", text(key)), value]))
    };
    let mut fields = Vec::new();
    for (key, value) in element {
        match value {
            Value::List(values) => fields.extend(values.into_iter().map(|value| field(&key, value))),
            value => fields.push(field(&key, value)),
        }
    }
    Value::List(fields)
}

/// The values of parameters.
fn values(definition: &Value) -> Result<Option<Value>, UsageError> {
    let Some(Value::Map(given)) = definition.get("values") else { return Ok(None) };
    let mut values = Vec::new();
    for (id, value) in given {
        let one = |value: &Value| Value::Map(map([("id", text(id)), ("stringValue", value.clone())]));
        match value {
            Value::List(several) => values.extend(several.iter().map(one)),
            value => values.push(one(value)),
        }
    }
    Ok(Some(Value::List(values)))
}

/// A definition in the API's form becomes one in that of people.
pub fn translate(result: &mut Map) {
    let list = |value: Value| match value {
        Value::List(items) => items,
        _ => Vec::new(),
    };
    let fields_of = |element: &Value, name: &str, to: &mut Map| {
        for field in items(element, name).unwrap_or_default() {
            let key = field.get("key").and_then(Value::as_str).unwrap_or_default();
            let value = match field.get("stringValue") {
                Some(value) => value.clone(),
                None => Value::Map(map([("ref", field.get("refValue").cloned().unwrap_or(Value::Null))])),
            };
            add(to, key, value);
        }
    };
    if let Some(objects) = result.shift_remove("pipelineObjects") {
        let object = |element: Value| {
            let part = |name: &str| element.get(name).cloned().unwrap_or(Value::Null);
            let mut object = map([("id", part("id")), ("name", part("name"))]);
            fields_of(&element, "fields", &mut object);
            Value::Map(object)
        };
        result.insert("objects".to_owned(), Value::List(list(objects).into_iter().map(object).collect()));
    }
    if let Some(parameters) = result.shift_remove("parameterObjects") {
        let parameter = |element: Value| {
            let mut parameter = map([("id", element.get("id").cloned().unwrap_or(Value::Null))]);
            fields_of(&element, "attributes", &mut parameter);
            Value::Map(parameter)
        };
        let parameters = list(parameters).into_iter().map(parameter).collect();
        result.insert("parameters".to_owned(), Value::List(parameters));
    }
    if let Some(values) = result.shift_remove("parameterValues") {
        let mut translated = Map::new();
        for value in list(values) {
            let id = value.get("id").and_then(Value::as_str).unwrap_or_default();
            add(&mut translated, id, value.get("stringValue").cloned().unwrap_or(Value::Null));
        }
        result.insert("values".to_owned(), Value::Map(translated));
    }
}

/// `datapipeline list-runs`.
pub async fn list_runs(
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let pipelines = Client::new("datapipeline", printer.output.region.as_deref())?;
    let shape = shape(&custom.globals, "list-runs")?;
    let query = query(custom, calls)?;
    let id = text(custom.options.text("pipeline-id").unwrap_or_default());
    let request = map([("pipelineId", id.clone()), ("sphere", text("INSTANCE")), ("query", query)]);
    let operation = pipelines.operation("QueryObjects")?;
    pipelines.check(operation, &request)?;
    let paging = Paging { automatic: true, ..Paging::default() };
    let region = pipelines.region.as_deref();
    let found = paginate(calls, &pipelines.service, operation, request, region, &paging).await?;
    printer.output.truncated = found.truncated;
    let Value::List(ids) = member(&found.value, "ids")? else { return Ok(0) };
    let mut runs = Vec::new();
    for ids in ids.chunks(DESCRIBED) {
        let request = map([("pipelineId", id.clone()), ("objectIds", Value::List(ids.to_vec()))]);
        let described = pipelines.call(calls, "DescribeObjects", request).await?;
        if let Value::List(objects) = member(&described, "pipelineObjects")? {
            runs.extend(objects.iter().map(run));
        }
    }
    let order = |run: &Map, name: &str| run.get(name).and_then(Value::as_str).map(str::to_owned);
    runs.sort_by_cached_key(|run| (order(run, "@scheduledStartTime"), order(run, "name")));
    if custom.globals.output.is_some() {
        printer.show_value(Value::List(runs.into_iter().map(Value::Map).collect()), &shape)?;
        return Ok(0);
    }
    let head = row("       ", ["Name", "Scheduled Start", "Status"], 23);
    let second = row("       ", ["ID", "Started", "Ended"], 19);
    printer.sink.push(&format!("{head}\n{second}\n{}\n", "-".repeat(second.len())));
    for (index, run) in runs.iter().enumerate() {
        let part = |name: &str| run.get(name).and_then(Value::as_str).unwrap_or_default();
        member(run, "@componentParent")?;
        let first = ["@componentParent", "@scheduledStartTime", "@status"].map(part);
        let first = row(&format!("{:4}.  ", index + 1), first, 23);
        let second = row("       ", ["@id", "@actualStartTime", "@actualEndTime"].map(part), 19);
        printer.sink.push(&format!("{first}\n{second}\n\n"));
    }
    Ok(0)
}

/// Which runs are asked for.
fn query(custom: &Custom, calls: &Calls<'_>) -> Result<Value, Failure> {
    let split = |name: &str| {
        let given = custom.options.text(name)?;
        Some(given.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>())
    };
    let selector = |field: &str, operator: &str, values: &[String]| {
        let operator = map([("type", text(operator)), ("values", texts(values))]);
        Value::Map(map([("fieldName", text(field)), ("operator", Value::Map(operator))]))
    };
    let mut selectors = Vec::new();
    let status = split("status");
    for status in status.iter().flatten() {
        if !STATUSES.contains(&status.as_str()) {
            let message = format!("Invalid status: {status}, must be one of: {}", STATUSES.join(", "));
            return Err(UsageError::parameter(&message).into());
        }
    }
    for (option, field) in
        [("start-interval", "@actualStartTime"), ("schedule-interval", "@scheduledStartTime")]
    {
        if let Some(interval) = split(option) {
            let ends = interval.get(..2).ok_or_else(|| Failure::general("list index out of range"))?;
            selectors.push(selector(field, "BETWEEN", ends));
        }
    }
    if selectors.is_empty() {
        let now = OffsetDateTime::from(calls.session().now());
        let shown = |time: OffsetDateTime| {
            let (date, clock) = (time.date(), time.time());
            format!("{date}T{:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second())
        };
        selectors.push(selector("@actualStartTime", "BETWEEN", &[shown(now - LISTED), shown(now)]));
    }
    if let Some(status) = status {
        let upper: Vec<String> = status.iter().map(|status| status.to_uppercase()).collect();
        selectors.push(selector("@status", "EQ", &upper));
    }
    Ok(Value::Map(map([("selectors", Value::List(selectors))])))
}

/// An object with its fields as members.
fn run(object: &Value) -> Map {
    let part = |name: &str| object.get(name).cloned().unwrap_or(Value::Null);
    let mut run = map([("@id", part("id")), ("name", part("name"))]);
    for field in items(object, "fields").unwrap_or_default() {
        let key = field.get("key").and_then(Value::as_str).unwrap_or_default();
        let value = field.get("stringValue").or_else(|| field.get("refValue"));
        run.insert(key.to_owned(), value.cloned().unwrap_or(Value::Null));
    }
    run
}

/// Three columns, each cut to its width.
fn row(lead: &str, columns: [&str; 3], last: usize) -> String {
    let [first, second, third] = columns;
    format!("{lead}{first:<50.50}  {second:<19.19}  {third:<last$.last$}")
}
