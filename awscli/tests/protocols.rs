//! AWS's protocol cases, as botocore carries them: the requests that parameters must become, and the results and errors
//! that responses must become. Cases that botocore itself leaves out are left out here, by its own list.

#![expect(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

#[path = "../src/bin/pack/names.rs"]
mod names;
#[path = "../src/bin/pack/options.rs"]
mod options;
#[path = "../src/bin/pack/service.rs"]
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use awscli::endpoint::{Origin, Target};
use awscli::model::{Kind, Operation, Protocol, Service};
use awscli::parse::{Answer, HttpResponse, parse};
use awscli::serialize::{HttpRequest, serialize};
use awscli::value::{Map, Value};
use base64::Engine as _;
use serde_json::{Value as Json, json};

fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env/botocore/tests/unit/protocols");
    assert!(root.is_dir(), "{} is missing: run ./alfred test, which sets it up", root.display());
    root
}

fn read(path: &Path) -> Json {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// botocore's own list of suites and cases that it does not run.
struct Ignored(Json);

impl Ignored {
    fn has(&self, protocol: &str, direction: &str, suite: &str, id: Option<&str>) -> bool {
        let listed = |list: &Json, name: &str| {
            list.as_array().is_some_and(|list| list.iter().any(|entry| entry.as_str() == Some(name)))
        };
        let general = &self.0["general"][direction];
        let own = &self.0["protocols"][protocol][direction];
        [general, own]
            .iter()
            .any(|lists| listed(&lists["suites"], suite) || id.is_some_and(|id| listed(&lists["cases"], id)))
    }
}

/// Runs `check` on every case of a direction and says how many there were, by protocol.
fn each_case(
    direction: &str,
    check: impl Fn(&Service, &Operation, &Json) -> Result<(), String>,
) -> BTreeMap<String, usize> {
    let ignored = Ignored(read(&folder().join("protocol-tests-ignore-list.json")));
    let mut failures = Vec::new();
    let mut counts = BTreeMap::new();
    for folder in [folder().join(direction), folder().join("legacy").join(direction)] {
        let files: BTreeSet<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json"))
        {
            let protocol = file.file_stem().unwrap().to_string_lossy().into_owned();
            for suite in read(file).as_array().unwrap() {
                let description = suite["description"].as_str().unwrap();
                for (number, case) in suite["cases"].as_array().unwrap().iter().enumerate() {
                    let id = case["id"].as_str();
                    let has_what_is_needed =
                        case.get(if direction == "input" { "params" } else { "response" });
                    if has_what_is_needed.is_none() || ignored.has(&protocol, direction, description, id) {
                        continue;
                    }
                    let (service, operation) = service_of(suite, case, direction);
                    *counts.entry(protocol.clone()).or_default() += 1;
                    if let Err(reason) = check(&service, &service.operations[operation], case) {
                        let id = id.map_or_else(|| format!("{description} #{number}"), str::to_owned);
                        failures.push(format!("{protocol} {direction} {id}: {reason}"));
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    let all: usize = counts.values().sum();
    println!("counted: protocol cases: {all} of {all}");
    counts
}

/// A service that has just the case's operation.
fn service_of(suite: &Json, case: &Json, direction: &str) -> (Service, usize) {
    let given = &case["given"];
    let name = given["name"].as_str().unwrap_or("OperationName");
    let mut metadata = suite["metadata"].clone();
    metadata.as_object_mut().unwrap().remove("protocols");
    let mut given = given.clone();
    // botocore's own runner names the wrapper, since the cases leave it out.
    if direction == "output" && metadata["protocol"] == "query" && given.get("output").is_some() {
        given["output"]["resultWrapper"] = json!(format!("{name}Result"));
    }
    let shapes = modern(&suite["shapes"], &given[direction]);
    let endpoint = suite["clientEndpoint"].as_str().unwrap_or("https://example.com");
    let source = service::Source {
        name: "service".to_owned(),
        service: json!({"metadata": metadata, "shapes": shapes, "operations": {name: given}}),
        paginators: Json::Null,
        waiters: Json::Null,
        rules: json!({"version": "1.0", "parameters": {}, "rules": [{
            "type": "endpoint",
            "conditions": [],
            "endpoint": {"url": endpoint, "properties": {}, "headers": {}},
        }]}),
    };
    let service =
        service::service(&source).unwrap_or_else(|error| panic!("{}: {error:#}", suite["description"]));
    (service, 0)
}

/// Old cases use what no real model has any more: characters, locations at shapes instead of at references to them, and
/// a payload at the reference to a structure instead of in it.
fn modern(shapes: &Json, top: &Json) -> Json {
    let text = shapes.to_string().replace(r#""type":"character""#, r#""type":"string""#);
    let mut modern: Json = serde_json::from_str(&text).unwrap();
    for shape in modern.as_object_mut().unwrap().values_mut() {
        for member in
            shape.get_mut("members").and_then(Json::as_object_mut).into_iter().flat_map(|m| m.values_mut())
        {
            let target = &shapes[member["shape"].as_str().unwrap()];
            for trait_name in ["location", "locationName"] {
                if member.get(trait_name).is_none() && target.get(trait_name).is_some() {
                    member[trait_name] = target[trait_name].clone();
                }
            }
        }
    }
    if let (Some(name), Some(payload)) = (top["shape"].as_str(), top.get("payload")) {
        modern[name]["payload"] = payload.clone();
    }
    modern
}

#[test]
fn parameters_become_the_requests_of_the_cases() {
    let counts = each_case("input", |service, operation, case| {
        let params = params(&case["params"]);
        let request = serialize(service, operation, &params).map_err(|error| error.to_string())?;
        let expected = &case["serialized"];
        check_request(service, operation, &params, &request, expected)
    });
    assert!(counts.values().sum::<usize>() >= 340, "{counts:?}");
}

/// Whether the operation's result has a stream of events.
fn has_events(service: &Service) -> bool {
    service.shapes.iter().any(|shape| matches!(&shape.kind, Kind::Structure(inner) if inner.event_stream))
}

fn decoded(base64: &str) -> Result<Vec<u8>, String> {
    base64::engine::general_purpose::STANDARD.decode(base64).map_err(|error| error.to_string())
}

fn params(json: &Json) -> Map {
    let Value::Map(mut map) = value(json) else { panic!("parameters are an object") };
    for value in map.values_mut() {
        let special = match value.as_str() {
            Some("NaN") => f64::NAN,
            Some("Infinity") => f64::INFINITY,
            Some("-Infinity") => f64::NEG_INFINITY,
            _ => continue,
        };
        *value = Value::Float(special);
    }
    map
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Int(integer),
            None => Value::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => Value::Str(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(map) => Value::Map(map.iter().map(|(key, item)| (key.clone(), value(item))).collect()),
    }
}

fn check_request(
    service: &Service,
    operation: &Operation,
    params: &Map,
    request: &HttpRequest,
    expected: &Json,
) -> Result<(), String> {
    let mut uri = request.path.clone();
    if !request.query.is_empty() {
        uri = format!("{uri}?{}", request.query);
    }
    same("URI", &uri, expected["uri"].as_str().unwrap_or(""))?;
    if let Some(method) = expected["method"].as_str() {
        same("method", &request.method, method)?;
    }
    if let Some(host) = expected["host"].as_str() {
        let origin = Origin { region: Some("us-east-1"), endpoint: None, account_id: None };
        let target = Target::find(service, operation, params, origin).map_err(|error| error.to_string())?;
        same("host", target.url.trim_start_matches("https://").trim_end_matches('/'), host)?;
    }
    for (name, text) in expected["headers"].as_object().into_iter().flatten() {
        let mut text = text.as_str().unwrap().to_owned();
        if name.eq_ignore_ascii_case("content-type") {
            match service.protocol {
                // botocore names the character set, and says nothing about the type of XML and raw bodies.
                Protocol::Query | Protocol::Ec2 if !text.contains("charset") => {
                    text.push_str("; charset=utf-8")
                }
                Protocol::RestXml => continue,
                Protocol::RestJson if text != "application/json" => continue,
                _ => {}
            }
        }
        let Some(found) = request.header(name) else {
            return Err(format!("no header {name}"));
        };
        // botocore joins the values of lists without spaces.
        let found = found.replace(", ", ",");
        same(name, &found, &text.replace(", ", ","))?;
    }
    for name in expected["forbidHeaders"].as_array().into_iter().flatten() {
        if request.header(name.as_str().unwrap()).is_some() {
            return Err(format!("has header {name}"));
        }
    }
    let Some(body) = expected["body"].as_str() else {
        return Ok(());
    };
    let found = String::from_utf8_lossy(&request.body);
    match service.protocol {
        Protocol::Query | Protocol::Ec2 => same("body", &found.replace('+', "%20"), body),
        Protocol::Cbor if request.body.is_empty() => same("body", "", body),
        Protocol::Cbor => {
            let (found, expected) = (cbor(&request.body)?, cbor(&decoded(body)?)?);
            if found == expected { Ok(()) } else { Err(format!("body {found} != {expected}")) }
        }
        Protocol::Json | Protocol::RestJson => match serde_json::from_str::<Json>(body) {
            Ok(expected) => {
                let json = serde_json::from_str(&found).map_err(|error| format!("{error}: {found}"))?;
                if numeric(&json) == numeric(&expected) {
                    Ok(())
                } else {
                    Err(format!("body {found} != {body}"))
                }
            }
            Err(_) => same("body", &found, body),
        },
        Protocol::RestXml => match (canonical(&found), canonical(body)) {
            (Ok(found), Ok(expected)) => same("body", &found, &expected),
            _ => same("body", &found, body),
        },
    }
}

fn same(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, not {expected:?}")) }
}

/// Decodes CBOR with a decoder that is not ours, into text with sorted keys.
fn cbor(bytes: &[u8]) -> Result<String, String> {
    fn text(value: ciborium::Value) -> String {
        match value {
            ciborium::Value::Map(entries) => {
                let entries: BTreeMap<_, _> =
                    entries.into_iter().map(|(key, value)| (text(key), text(value))).collect();
                format!("{entries:?}")
            }
            ciborium::Value::Array(items) => format!("{:?}", items.into_iter().map(text).collect::<Vec<_>>()),
            ciborium::Value::Float(number) => format!("{number:?}"),
            ciborium::Value::Integer(number) => format!("{:?}", i128::from(number) as f64),
            ciborium::Value::Tag(tag, value) => format!("{tag}({})", text(*value)),
            other => format!("{other:?}"),
        }
    }
    ciborium::from_reader(bytes).map(text).map_err(|error| error.to_string())
}

/// Numbers as floats, so that `1` equals `1.0`.
fn numeric(json: &Json) -> Json {
    match json {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(items) => items.iter().map(numeric).collect(),
        Json::Object(map) => map.iter().map(|(key, item)| (key.clone(), numeric(item))).collect(),
        other => other.clone(),
    }
}

/// XML with sorted attributes and without the space around text.
fn canonical(text: &str) -> Result<String, String> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut canonical = String::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            event @ (Event::Start(_) | Event::Empty(_)) => {
                let is_empty = matches!(event, Event::Empty(_));
                let (Event::Start(start) | Event::Empty(start)) = event else { unreachable!() };
                let name = start.name().into_inner().to_owned();
                let attributes: BTreeSet<String> = start
                    .attributes()
                    .map(|attribute| attribute.map(|a| format!(" {}={:?}", a.key.into_inner(), a.value)))
                    .collect::<Result<_, _>>()
                    .map_err(|error| error.to_string())?;
                canonical.push_str(&format!("<{name}{}>", attributes.into_iter().collect::<String>()));
                if is_empty {
                    canonical.push_str(&format!("</{name}>"));
                }
            }
            Event::End(end) => canonical.push_str(&format!("</{}>", end.name().into_inner())),
            Event::Text(text) => canonical.push_str(text.xml10_content().trim()),
            Event::GeneralRef(reference) => canonical.push_str(&format!("&{};", &*reference)),
            Event::Eof if canonical.is_empty() => return Err("no XML".to_owned()),
            Event::Eof => return Ok(canonical),
            _ => {}
        }
    }
}

#[test]
fn responses_become_the_results_of_the_cases() {
    let counts = each_case("output", |service, operation, case| {
        let given = &case["response"];
        let body = match (given["body"].as_str(), service.protocol) {
            // What is no text stands there in base64.
            (Some(body), Protocol::Cbor) => decoded(body)?,
            (Some(body), _) if has_events(service) => decoded(body)?,
            (Some(body), _) => body.as_bytes().to_vec(),
            (None, Protocol::Query) => b"<xml/>".to_vec(),
            (None, _) => Vec::new(),
        };
        let headers = given["headers"].as_object().into_iter().flatten();
        let response = HttpResponse {
            status: given["status_code"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap(),
            headers: headers.map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned())).collect(),
            body,
        };
        let answer = parse(service, operation, &response).map_err(|error| error.to_string())?;
        let (found, expected) = match answer {
            Answer::Interrupted(_, error) => return Err(error.to_string()),
            Answer::Result(result) => (plain(&Value::Map(result)), case["result"].clone()),
            Answer::Error(error) => {
                let mut found = plain(&Value::Map(error.fields));
                found["Error"] = json!({"Code": error.code, "Message": error.message});
                let text = |name: &str| case[name].as_str().unwrap_or("");
                let mut expected = case["error"].clone();
                expected["Error"] = json!({"Code": text("errorCode"), "Message": text("errorMessage")});
                (found, expected)
            }
        };
        let (found, expected) = (numeric(&found), numeric(&expected));
        if found == expected { Ok(()) } else { Err(format!("{found} != {expected}")) }
    });
    assert!(counts.values().sum::<usize>() >= 340, "{counts:?}");
}

/// A result in the form of the cases: bytes as text, times as seconds, floats that are no numbers by name.
fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number),
        Value::BigInt(digits) => json!(digits),
        Value::Float(number) if number.is_nan() => json!("NaN"),
        Value::Float(number) if *number == f64::INFINITY => json!("Infinity"),
        Value::Float(number) if *number == f64::NEG_INFINITY => json!("-Infinity"),
        Value::Float(number) => json!(number),
        Value::Str(text) => json!(text),
        Value::Bytes(bytes) => json!(String::from_utf8_lossy(bytes)),
        Value::Date(date) => json!(date.to_string()),
        Value::Timestamp(time) => {
            json!(time.0.unix_timestamp() as f64 + f64::from(time.0.microsecond()) / 1e6)
        }
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(map) => map.iter().map(|(key, item)| (key.clone(), plain(item))).collect(),
    }
}
