//! One service's JSON files turned into a [`Service`].

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use awscli::endpoint::RuleSet;
use awscli::model::*;
use serde_json::{Map, Value};

use crate::names::dashed;
use crate::options;

/// The JSON files of one service.
pub struct Source {
    /// The service's folder.
    pub name: String,
    /// `service-2.json`, extras merged.
    pub service: Value,
    /// `paginators-1.json`, extras merged.
    pub paginators: Value,
    /// `waiters-2.json`.
    pub waiters: Value,
    /// `endpoint-rule-set-1.json`.
    pub rules: Value,
}

/// Services whose word on the command line is not the name of their folder.
const COMMANDS: [(&str, &str); 5] = [
    ("agenttoolkit", "agent-toolkit"),
    ("codedeploy", "deploy"),
    ("config", "configservice"),
    ("eventbridgev2", "eventsv2"),
    ("s3", "s3api"),
];

/// The protocols of a service, the one that botocore prefers first.
const PROTOCOLS: [(&str, Protocol); 6] = [
    ("json", Protocol::Json),
    ("rest-json", Protocol::RestJson),
    ("rest-xml", Protocol::RestXml),
    ("smithy-rpc-v2-cbor", Protocol::Cbor),
    ("query", Protocol::Query),
    ("ec2", Protocol::Ec2),
];

/// Members of `metadata` that are kept as they are, for the few services that have them.
const SETTINGS: [&str; 3] = ["checksumFormat", "globalEndpoint", "protocolSettings"];

/// Packs a service.
pub fn service(source: &Source) -> Result<Service> {
    let metadata = source.service.get("metadata").context("no metadata")?;
    let shapes = object(&source.service, "shapes");
    let ids = Ids((0..).zip(shapes).map(|(id, (name, shape))| (name.as_str(), (id, shape))).collect());
    let command = COMMANDS
        .iter()
        .find(|(folder, _)| *folder == source.name)
        .map_or(source.name.as_str(), |(_, word)| word);
    let shapes = shapes
        .iter()
        .map(|(name, shape)| pack_shape(name, shape, &ids).with_context(|| format!("shape {name}")));
    let shapes = shapes.collect::<Result<Vec<_>>>()?;
    let mut operations = Vec::new();
    for (name, operation) in object(&source.service, "operations") {
        let paginator = source.paginators.get("pagination").and_then(|all| all.get(name)).map(pack_paginator);
        operations.push(
            pack_operation(name, operation, &ids, paginator).with_context(|| format!("operation {name}"))?,
        );
    }
    options::complete(command, &mut operations, &shapes);
    let waiters = object(&source.waiters, "waiters")
        .iter()
        .map(|(name, waiter)| pack_waiter(name, waiter, &operations))
        .collect::<Result<_>>()?;
    let settings: Map<String, Value> =
        SETTINGS.iter().filter_map(|key| Some(((*key).to_owned(), metadata.get(*key)?.clone()))).collect();
    Ok(Service {
        command: command.to_owned(),
        name: source.name.clone(),
        id: text(metadata, "serviceId"),
        full_name: text(metadata, "serviceFullName"),
        endpoint_prefix: text(metadata, "endpointPrefix"),
        signing_name: Some(text(metadata, "signingName"))
            .filter(|s| !s.is_empty())
            .unwrap_or_else(|| text(metadata, "endpointPrefix")),
        api_version: text(metadata, "apiVersion"),
        protocol: protocol(metadata)?,
        json_version: text(metadata, "jsonVersion"),
        target_prefix: text(metadata, "targetPrefix"),
        xml_namespace: namespace(metadata.get("xmlNamespace")).uri,
        signature_version: text(metadata, "signatureVersion"),
        auth: texts(metadata, "auth"),
        query_compatible: metadata.get("awsQueryCompatible").is_some(),
        settings: if settings.is_empty() { String::new() } else { Value::Object(settings).to_string() },
        exceptions: (0..).zip(&shapes).filter(|(_, shape)| is_exception(shape)).map(|(id, _)| id).collect(),
        shapes: Packed::new(&shapes)?,
        operations: Packed::new(&operations)?,
        rules: RuleSet::from_json(&source.rules)?,
        client_context: object(&source.service, "clientContextParams")
            .iter()
            .map(|(name, param)| format!("{name}:{}", text(param, "type")))
            .collect(),
        waiters,
    })
}

/// Indices of shapes by name: their places in the model.
/// The number of each shape, and the shape.
struct Ids<'a>(HashMap<&'a str, (ShapeId, &'a Value)>);

impl Ids<'_> {
    fn of(&self, reference: &Value) -> Result<ShapeId> {
        self.shape(reference).map(|(id, _)| id)
    }

    fn shape(&self, reference: &Value) -> Result<(ShapeId, &Value)> {
        let name = reference.get("shape").and_then(Value::as_str).context("a reference without shape")?;
        self.0.get(name).copied().with_context(|| format!("no shape {name}"))
    }

    fn maybe(&self, reference: Option<&Value>) -> Result<Option<ShapeId>> {
        reference.map(|reference| self.of(reference)).transpose()
    }
}

fn protocol(metadata: &Value) -> Result<Protocol> {
    let mut offered = texts(metadata, "protocols");
    if offered.is_empty() {
        offered.push(text(metadata, "protocol"));
    }
    match PROTOCOLS.iter().find(|(name, _)| offered.iter().any(|o| o == name)) {
        Some((_, protocol)) => Ok(*protocol),
        None => bail!("no known protocol among {offered:?}"),
    }
}

fn pack_operation(
    name: &str,
    json: &Value,
    ids: &Ids<'_>,
    paginator: Option<Paginator>,
) -> Result<Operation> {
    let null = Value::Null;
    let http = json.get("http").unwrap_or(&null);
    let input = json.get("input").unwrap_or(&null);
    let checksum = json.get("httpChecksum").unwrap_or(&null);
    let errors = json.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let discovery = json.get("endpointdiscovery");
    Ok(Operation {
        command: dashed(name, true),
        name: name.to_owned(),
        method: text(http, "method"),
        uri: text(http, "requestUri"),
        input: ids.maybe(json.get("input"))?,
        input_name: text(input, "locationName"),
        input_namespace: namespace(input.get("xmlNamespace")).uri,
        output: ids.maybe(json.get("output"))?,
        result_wrapper: json.get("output").map(|output| text(output, "resultWrapper")).unwrap_or_default(),
        errors: errors.iter().map(|error| ids.of(error)).collect::<Result<_>>()?,
        host_prefix: json.get("endpoint").map(|endpoint| text(endpoint, "hostPrefix")).unwrap_or_default(),
        authtype: text(json, "authtype"),
        auth: texts(json, "auth"),
        unsigned_payload: flag(json, "unsignedPayload"),
        checksum_required: flag(json, "httpChecksumRequired") || flag(checksum, "requestChecksumRequired"),
        checksum_algorithm_member: text(checksum, "requestAlgorithmMember"),
        checksum_validation_member: text(checksum, "requestValidationModeMember"),
        static_context: object(json, "staticContextParams")
            .iter()
            .map(|(name, param)| Ok((name.clone(), context_value(param.get("value"))?)))
            .collect::<Result<_>>()?,
        operation_context: object(json, "operationContextParams")
            .iter()
            .map(|(name, param)| (name.clone(), text(param, "path")))
            .collect(),
        readonly: flag(json, "readonly"),
        idempotent: flag(json, "idempotent"),
        deprecated: flag(json, "deprecated"),
        paginator,
        arguments: Vec::new(),
        endpoint_discovery: discovery.map_or(0, |discovery| if flag(discovery, "required") { 2 } else { 1 }),
        compression: json
            .get("requestcompression")
            .map(|compression| texts(compression, "encodings"))
            .unwrap_or_default(),
    })
}

fn context_value(value: Option<&Value>) -> Result<ContextValue> {
    Ok(match value {
        Some(Value::Bool(value)) => ContextValue::Bool(*value),
        Some(Value::String(value)) => ContextValue::Str(value.clone()),
        Some(Value::Array(values)) => {
            ContextValue::List(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        other => bail!("a context parameter is {other:?}"),
    })
}

fn pack_shape(name: &str, json: &Value, ids: &Ids<'_>) -> Result<Shape> {
    let integer = |key: &str| json.get(key).and_then(Value::as_i64);
    let min = integer("min").and_then(|min| u32::try_from(min).ok()).unwrap_or(0);
    let member = |key: &str| -> Result<Member> { pack_member(key, json.get(key).context("no member")?, ids) };
    let kind = match text(json, "type").as_str() {
        "structure" => Kind::Structure(pack_structure(json, ids)?),
        "list" => Kind::List { member: member("member")?, flattened: flag(json, "flattened"), min },
        "map" => {
            Kind::Map { key: member("key")?, value: member("value")?, flattened: flag(json, "flattened") }
        }
        "string" => Kind::String { choices: texts(json, "enum"), min },
        "integer" => Kind::Integer { min: integer("min") },
        "long" => Kind::Long { min: integer("min") },
        "float" => Kind::Float { min: json.get("min").and_then(Value::as_f64) },
        "double" => Kind::Double { min: json.get("min").and_then(Value::as_f64) },
        "boolean" => Kind::Boolean,
        "timestamp" => Kind::Timestamp { format: timestamp_format(json)? },
        "blob" => Kind::Blob {
            streaming: flag(json, "streaming"),
            requires_length: flag(json, "requiresLength"),
            min,
        },
        other => bail!("unknown type {other:?}"),
    };
    Ok(Shape { name: name.to_owned(), kind, sensitive: flag(json, "sensitive") })
}

fn is_exception(shape: &Shape) -> bool {
    matches!(&shape.kind, Kind::Structure(structure) if structure.exception)
}

fn pack_structure(json: &Value, ids: &Ids<'_>) -> Result<Structure> {
    let required = texts(json, "required");
    let members = object(json, "members");
    let in_order = members.keys().filter(|name| required.contains(name)).eq(&required);
    let pack_member = |(name, member): (&String, &Value)| -> Result<Member> {
        let place = required.iter().position(|required| required == name);
        Ok(Member {
            required: place.is_some(),
            required_place: place.filter(|_| !in_order).map_or(Ok(0), u32::try_from)?,
            ..pack_member(name, member, ids)?
        })
    };
    let payload = text(json, "payload");
    let error = json.get("error").cloned().unwrap_or_default();
    Ok(Structure {
        members: members.iter().map(pack_member).collect::<Result<_>>()?,
        payload: members.keys().position(|name| *name == payload).and_then(|index| u32::try_from(index).ok()),
        union: flag(json, "union"),
        document: flag(json, "document"),
        event_stream: flag(json, "eventstream"),
        event: flag(json, "event"),
        exception: flag(json, "exception") || json.get("error").is_some(),
        error_code: text(&error, "code"),
        error_status: error
            .get("httpStatusCode")
            .and_then(Value::as_u64)
            .and_then(|code| u16::try_from(code).ok())
            .unwrap_or(0),
        retryable: json.get("retryable").is_some(),
        location_name: text(json, "locationName"),
        namespace: namespace(json.get("xmlNamespace")),
    })
}

/// A member, but for whether it is required.
fn pack_member(name: &str, json: &Value, ids: &Ids<'_>) -> Result<Member> {
    let (id, shape) = ids.shape(json)?;
    Ok(Member {
        name: name.to_owned(),
        shape: id,
        required: false,
        required_place: 0,
        location: match text(json, "location").as_str() {
            "" => Location::Body,
            "uri" => Location::Uri,
            "querystring" => Location::QueryString,
            "header" => Location::Header,
            "headers" => Location::Headers,
            "statusCode" => Location::StatusCode,
            other => bail!("unknown location {other:?}"),
        },
        // A few shapes bring the name themselves.
        location_name: Some(text(json, "locationName"))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| text(shape, "locationName")),
        query_name: text(json, "queryName"),
        xml_attribute: flag(json, "xmlAttribute"),
        namespace: namespace(json.get("xmlNamespace")),
        idempotency_token: flag(json, "idempotencyToken"),
        json_value: flag(json, "jsonvalue"),
        host_label: flag(json, "hostLabel"),
        flattened: flag(json, "flattened"),
        timestamp_format: timestamp_format(json)?,
        context_param: json.get("contextParam").map(|param| text(param, "name")).unwrap_or_default(),
        event_payload: flag(json, "eventpayload"),
        event_header: flag(json, "eventheader"),
        streaming: flag(json, "streaming"),
        deprecated: flag(json, "deprecated"),
    })
}

fn timestamp_format(json: &Value) -> Result<TimestampFormat> {
    Ok(match text(json, "timestampFormat").to_ascii_lowercase().as_str() {
        "" => TimestampFormat::Default,
        "iso8601" => TimestampFormat::Iso8601,
        "rfc822" => TimestampFormat::Rfc822,
        "unixtimestamp" => TimestampFormat::Unix,
        other => bail!("unknown timestamp format {other:?}"),
    })
}

fn pack_paginator(json: &Value) -> Paginator {
    Paginator {
        input_token: texts(json, "input_token"),
        output_token: texts(json, "output_token"),
        result_key: texts(json, "result_key"),
        limit_key: text(json, "limit_key"),
        more_results: text(json, "more_results"),
        non_aggregate_keys: texts(json, "non_aggregate_keys"),
    }
}

fn pack_waiter(name: &str, json: &Value, operations: &[Operation]) -> Result<Waiter> {
    let operation = text(json, "operation");
    let number = |key: &str| {
        json.get(key)
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok())
            .with_context(|| format!("waiter {name}: {key}"))
    };
    let index = operations
        .iter()
        .position(|o| o.name == operation)
        .with_context(|| format!("waiter {name}: no operation {operation}"))?;
    Ok(Waiter {
        command: dashed(name, false),
        name: name.to_owned(),
        operation: u32::try_from(index)?,
        delay: number("delay")?,
        max_attempts: number("maxAttempts")?,
        acceptors: json.get("acceptors").cloned().unwrap_or_default().to_string(),
    })
}

fn namespace(json: Option<&Value>) -> XmlNamespace {
    match json {
        Some(Value::String(uri)) => XmlNamespace { uri: uri.clone(), prefix: String::new() },
        Some(json) => XmlNamespace { uri: text(json, "uri"), prefix: text(json, "prefix") },
        None => XmlNamespace::default(),
    }
}

fn flag(json: &Value, key: &str) -> bool {
    json.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn text(json: &Value, key: &str) -> String {
    json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A list of strings, which the models also write as a single string.
fn texts(json: &Value, key: &str) -> Vec<String> {
    match json.get(key) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn object<'a>(json: &'a Value, key: &str) -> &'a Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    json.get(key).and_then(Value::as_object).unwrap_or(&EMPTY)
}
