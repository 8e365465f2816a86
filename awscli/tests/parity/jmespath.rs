//! The compliance cases of JMESPath.

use awscli::query::Expression;
use awscli::value::Value;
use serde_json::Value as Json;

use crate::witness;

/// What an evaluation gives, and what a case wants.
#[derive(Debug, PartialEq)]
enum Found {
    Value(Value),
    Error,
}

fn search(expression: &str, input: &Json) -> Found {
    let found =
        Expression::parse(expression).ok().and_then(|parsed| parsed.search(&Value::from_json(input)).ok());
    found.map_or(Found::Error, Found::Value)
}

#[test]
fn expressions_give_what_the_compliance_cases_say() {
    let (mut cases, mut failures) = (0, Vec::new());
    for file in witness::entries(&witness::path("jmespath/tests/compliance")) {
        let document = witness::json(&file);
        for suite in document.as_array().expect("a list of suites") {
            for case in suite["cases"].as_array().expect("a list of cases") {
                let expected = match (case.get("result"), case.get("error")) {
                    (Some(result), _) => Found::Value(Value::from_json(result)),
                    (None, Some(_)) => Found::Error,
                    // Benchmarks have no expectation.
                    (None, None) => continue,
                };
                let expression = case["expression"].as_str().expect("an expression");
                let found = search(expression, &suite["given"]);
                cases += 1;
                if !same(&found, &expected) {
                    failures.push(format!(
                        "{}: {expression}\n  want {expected:?}\n  got  {found:?}",
                        file.display()
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {cases} cases fail:\n{}", failures.len(), failures.join("\n"));
    assert!(cases >= 861, "only {cases} cases were found");
    println!("counted: JMESPath compliance: {cases} of {cases}");
}

/// Numbers are equal by value: the cases write 2 where Python finds 2.0.
fn same(found: &Found, expected: &Found) -> bool {
    fn equal(left: &Value, right: &Value) -> bool {
        match (left, right) {
            (Value::Float(left), Value::Int(right)) | (Value::Int(right), Value::Float(left)) => {
                *left == *right as f64
            }
            (Value::List(left), Value::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
            }
            (Value::Map(left), Value::Map(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| equal(left, right)))
            }
            _ => left == right,
        }
    }
    match (found, expected) {
        (Found::Value(found), Found::Value(expected)) => equal(found, expected),
        _ => found == expected,
    }
}
