//! botocore's tests of the endpoint rules: of the language itself, and of each service's rule set.

use std::path::Path;

use awscli::endpoint::{EndpointError, Parameters, Partitions, ResolvedRule, RuleSet};
use awscli::model::ContextValue;
use awscli::value::Value;
use serde_json::Value as Json;

use crate::witness;

fn partitions() -> Partitions {
    let document = witness::json(&witness::path("botocore/botocore/data/partitions.json"));
    Partitions::from_json(&document).expect("botocore's partitions compile")
}

/// Compiles a rule set and takes it through the form in which it is packed.
fn rule_set(path: &Path) -> RuleSet {
    let compiled =
        RuleSet::from_json(&witness::json(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let packed = postcard::to_stdvec(&compiled).expect("a rule set can be packed");
    postcard::from_bytes(&packed).expect("a packed rule set can be read")
}

fn parameters(case: &Json) -> Parameters {
    let value = |value: &Json| match value {
        Json::Bool(value) => ContextValue::Bool(*value),
        Json::String(value) => ContextValue::Str(value.clone()),
        Json::Array(items) => {
            ContextValue::List(items.iter().map(|item| item.as_str().expect("a string").to_owned()).collect())
        }
        other => panic!("a parameter of an unknown type: {other}"),
    };
    case["params"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, given)| (name.clone(), value(given)))
        .collect()
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Str(value) => Json::from(value.clone()),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(map) => Json::Object(map.iter().map(|(name, item)| (name.clone(), plain(item))).collect()),
        other => panic!("a property of an unknown type: {other:?}"),
    }
}

/// What a case's `expect` looks like for what we found.
fn found(result: Result<ResolvedRule, EndpointError>) -> Json {
    match result {
        Err(error) => serde_json::json!({ "error": error.to_string() }),
        Ok(rule) => {
            let headers: serde_json::Map<String, Json> =
                rule.headers.into_iter().map(|(name, values)| (name, Json::from(values))).collect();
            serde_json::json!({
                "endpoint": { "url": rule.url, "properties": plain(&Value::Map(rule.properties)), "headers": headers }
            })
        }
    }
}

/// A case's `expect` with what it leaves out when empty.
fn expected(case: &Json) -> Json {
    let mut expected = case["expect"].clone();
    if let Some(endpoint) = expected.get_mut("endpoint").and_then(Json::as_object_mut) {
        for key in ["properties", "headers"] {
            endpoint.entry(key).or_insert_with(|| serde_json::json!({}));
        }
    }
    expected
}

/// Runs all cases of one file and returns how many there were.
fn run_cases(rules: &Path, cases: &Path, partitions: &Partitions, failures: &mut Vec<String>) -> usize {
    let rules = rule_set(rules);
    let document = witness::json(cases);
    let cases_of_file = document["testCases"].as_array().expect("a list of cases");
    for (number, case) in cases_of_file.iter().enumerate() {
        let found = found(rules.resolve(partitions, &parameters(case)));
        let expected = expected(case);
        if found != expected {
            let params = &case["params"];
            failures
                .push(format!("{}[{number}] {params}\n  want {expected}\n  got  {found}", cases.display()));
        }
    }
    cases_of_file.len()
}

#[track_caller]
fn judge(cases: usize, at_least: usize, failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} of {cases} cases fail:\n{}",
        failures.len(),
        failures[..failures.len().min(20)].join("\n")
    );
    assert!(cases >= at_least, "only {cases} cases were found");
    println!("counted: endpoint rules: {cases} of {cases}");
}

#[test]
fn the_rules_language_does_what_botocores_cases_say() {
    let folder = witness::path("botocore/tests/unit/data/endpoints");
    let partitions = partitions();
    let (mut cases, mut failures) = (0, Vec::new());
    for file in witness::entries(&folder.join("test-cases")) {
        let name = file.file_name().expect("a file's name");
        cases += run_cases(&folder.join("valid-rules").join(name), &file, &partitions, &mut failures);
    }
    judge(cases, 101, &failures);
}

#[test]
fn every_services_rules_give_the_endpoints_of_botocores_cases() {
    let partitions = partitions();
    let data = witness::path("botocore/botocore/data");
    let (mut cases, mut failures) = (0, Vec::new());
    for folder in witness::entries(&witness::path("botocore/tests/functional/endpoint-rules")) {
        let service = data.join(folder.file_name().expect("a service's name"));
        // Of several API versions, the newest counts.
        let versions = witness::entries(&service);
        let rules = versions.iter().rev().map(|version| version.join("endpoint-rule-set-1.json"));
        let rules = rules.into_iter().find(|path| path.exists()).expect("a service with cases has rules");
        cases += run_cases(&rules, &folder.join("endpoint-tests-1.json"), &partitions, &mut failures);
    }
    judge(cases, 14_589, &failures);
}
