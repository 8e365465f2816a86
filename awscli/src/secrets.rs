//! Secrets in what AWS returns, told by the models before a call is sent and hidden in its result before anything is
//! selected from it, merged or printed: so no `--query`, page or output format can take a value out of its place.
//!
//! What is secret is what a service's model marks as sensitive; the lists here hold what the models leave unmarked.

use std::collections::HashMap;

use crate::model::{Kind, Operation, Service, ShapeId, Structure};
use crate::value::{Map, Value};

/// What stands for a hidden value.
pub const MASK: &str = "********";

/// Operations whose results hold secrets that their models do not mark, and the members that are secret, with all that
/// is below them.
const REVEALING: &[(&str, &str, &[&str])] = &[
    ("apigateway", "GetApiKey", &["value"]),
    ("apigateway", "GetApiKeys", &["value"]),
    ("apigateway", "CreateApiKey", &["value"]),
    ("appsync", "ListApiKeys", &["id"]),
    ("appsync", "CreateApiKey", &["id"]),
    ("cloudformation", "DescribeStacks", &["OutputValue", "ParameterValue"]),
    ("cloudformation", "GetTemplate", &["TemplateBody"]),
    ("codebuild", "BatchGetProjects", &["environmentVariables"]),
    ("cognito-idp", "DescribeUserPoolClient", &["ClientSecret"]),
    ("cognito-idp", "CreateUserPoolClient", &["ClientSecret"]),
    ("ec2", "CreateKeyPair", &["KeyMaterial"]),
    ("ec2", "DescribeInstanceAttribute", &["UserData"]),
    ("ec2", "GetPasswordData", &["PasswordData"]),
    ("ecs", "DescribeTaskDefinition", &["environment"]),
    ("glue", "GetConnection", &["ConnectionProperties"]),
    ("glue", "GetConnections", &["ConnectionProperties"]),
    ("kms", "Decrypt", &["Plaintext"]),
    ("kms", "GenerateDataKey", &["Plaintext"]),
    ("kms", "GenerateDataKeyPair", &["PrivateKeyPlaintext"]),
    ("kms", "GenerateRandom", &["Plaintext"]),
    ("lambda", "CreateFunction", &["Variables"]),
    ("lambda", "GetFunction", &["Variables", "Location"]),
    ("lambda", "GetFunctionConfiguration", &["Variables"]),
    ("lambda", "ListFunctions", &["Variables"]),
    ("lambda", "ListVersionsByFunction", &["Variables"]),
    ("lambda", "PublishVersion", &["Variables"]),
    ("lambda", "UpdateFunctionCode", &["Variables"]),
    ("lambda", "UpdateFunctionConfiguration", &["Variables"]),
    ("secretsmanager", "BatchGetSecretValue", &["SecretString", "SecretBinary"]),
    ("secretsmanager", "GetRandomPassword", &["RandomPassword"]),
    ("secretsmanager", "GetSecretValue", &["SecretString", "SecretBinary"]),
    ("ssm", "GetParameter", &["Value"]),
    ("ssm", "GetParameterHistory", &["Value"]),
    ("ssm", "GetParameters", &["Value"]),
    ("ssm", "GetParametersByPath", &["Value"]),
];

/// Members that their models mark, and that are what the call is made for: hiding them would leave nothing of it.
const WANTED: &[(&str, &str, &str)] = &[("lambda", "Invoke", "Payload")];

/// How many paths to secrets are named at most.
const PATHS: usize = 100;

/// The members of an operation's result that are secret, as paths such as `Functions[].Environment.Variables`. In what
/// holds itself, only those of the outermost are named.
pub(crate) fn members(service: &Service, operation: &Operation) -> Vec<String> {
    let mut search =
        Search { marks: Marks::of(service, operation), leads: HashMap::new(), found: Vec::new() };
    if let Some(output) = operation.output {
        search.below(output, String::new(), &mut Vec::new());
    }
    search.found
}

/// Hides the secrets in an operation's result, and says how many values those were.
pub(crate) fn hide(service: &Service, operation: &Operation, result: &mut Map) -> usize {
    let Some(Kind::Structure(structure)) = operation.output.map(|id| &service.shapes[id as usize].kind)
    else {
        return 0;
    };
    let marks = Marks::of(service, operation);
    let mut hidden = 0;
    marks.hide_members(structure, result, false, &mut hidden);
    hidden
}

/// What is secret in one operation's result.
struct Marks<'a> {
    service: &'a Service,
    listed: &'a [&'a str],
    wanted: Option<&'a str>,
    tokens: Vec<&'a str>,
}

impl<'a> Marks<'a> {
    fn of(service: &'a Service, operation: &'a Operation) -> Self {
        let is_this =
            |its_service: &str, name: &str| its_service == service.command && name == operation.name;
        let listed = REVEALING.iter().find(|(its_service, name, _)| is_this(its_service, name));
        let wanted = WANTED.iter().find(|(its_service, name, _)| is_this(its_service, name));
        // What leads to the next page is no secret, and without it there would be none.
        let paginator = operation.paginator.as_ref();
        let tokens = paginator.map(|paginator| paginator.output_token.iter().map(String::as_str).collect());
        Self {
            service,
            listed: listed.map_or(&[], |(.., members)| members),
            wanted: wanted.map(|(.., member)| *member),
            tokens: tokens.unwrap_or_default(),
        }
    }

    fn is_secret(&self, member: &str, shape: ShapeId) -> bool {
        let marked = || self.service.shapes[shape as usize].sensitive && self.wanted != Some(member);
        self.listed.contains(&member) || !self.tokens.contains(&member) && marked()
    }

    fn hide_members(&self, structure: &Structure, values: &mut Map, secret: bool, hidden: &mut usize) {
        for (name, value) in values {
            match structure.members.iter().find(|member| member.name == *name) {
                Some(member) => {
                    let secret = secret || self.is_secret(name, member.shape);
                    self.hide(member.shape, value, secret, hidden);
                }
                // Free-form JSON has no members in the model.
                None => hide_all_if(secret || self.listed.contains(&name.as_str()), value, hidden),
            }
        }
    }

    fn hide(&self, shape: ShapeId, value: &mut Value, secret: bool, hidden: &mut usize) {
        match (&self.service.shapes[shape as usize].kind, value) {
            (Kind::Structure(structure), Value::Map(values)) => {
                self.hide_members(structure, values, secret, hidden);
            }
            // Events of a stream.
            (Kind::Structure(structure), Value::List(events)) if structure.event_stream => {
                events.iter_mut().for_each(|event| self.hide(shape, event, secret, hidden));
            }
            (Kind::List { member, .. }, Value::List(items)) => {
                let secret = secret || self.service.shapes[member.shape as usize].sensitive;
                items.iter_mut().for_each(|item| self.hide(member.shape, item, secret, hidden));
            }
            (Kind::Map { value: member, .. }, Value::Map(values)) => {
                let secret = secret || self.service.shapes[member.shape as usize].sensitive;
                values.values_mut().for_each(|value| self.hide(member.shape, value, secret, hidden));
            }
            (_, value) => hide_all_if(secret, value, hidden),
        }
    }
}

/// Looks for the secret members of a result's shapes.
struct Search<'a> {
    marks: Marks<'a>,
    /// Whether there is a secret below a shape.
    leads: HashMap<ShapeId, bool>,
    found: Vec<String>,
}

impl<'a> Search<'a> {
    fn kind(&self, shape: ShapeId) -> Option<&'a Kind> {
        Some(&self.marks.service.shapes.get(shape as usize)?.kind)
    }

    /// The parts of a shape: what is added to a path for each, its shape, and whether it is secret.
    fn parts(&self, shape: ShapeId) -> Vec<(String, ShapeId, bool)> {
        let marked = |shape: ShapeId| self.marks.service.shapes[shape as usize].sensitive;
        match self.kind(shape) {
            Some(Kind::Structure(structure)) => {
                let members = structure.members.iter();
                let part = |member: &crate::model::Member| {
                    (member.name.clone(), member.shape, self.marks.is_secret(&member.name, member.shape))
                };
                members.map(part).collect()
            }
            Some(Kind::List { member, .. }) => vec![("[]".to_owned(), member.shape, marked(member.shape))],
            Some(Kind::Map { value, .. }) => vec![("*".to_owned(), value.shape, marked(value.shape))],
            _ => Vec::new(),
        }
    }

    fn leads_to_one(&mut self, shape: ShapeId) -> bool {
        if let Some(known) = self.leads.get(&shape) {
            return *known;
        }
        // Until it is known: what holds itself leads to nothing more by that.
        self.leads.insert(shape, false);
        let leads = self.parts(shape).into_iter().any(|(_, part, secret)| secret || self.leads_to_one(part));
        self.leads.insert(shape, leads);
        leads
    }

    fn below(&mut self, shape: ShapeId, path: String, above: &mut Vec<ShapeId>) {
        if above.contains(&shape) || self.found.len() >= PATHS || !self.leads_to_one(shape) {
            return;
        }
        above.push(shape);
        for (step, part, secret) in self.parts(shape) {
            let dot = if path.is_empty() || step == "[]" { "" } else { "." };
            let path = format!("{path}{dot}{step}");
            match secret {
                true if self.found.len() < PATHS => self.found.push(path),
                true => {}
                false => self.below(part, path, above),
            }
        }
        above.pop();
    }
}

/// Hides every text, number, time and byte of a value, if it is secret. Truth values tell too little to be one.
fn hide_all_if(secret: bool, value: &mut Value, hidden: &mut usize) {
    match value {
        _ if !secret => {}
        Value::List(items) => items.iter_mut().for_each(|item| hide_all_if(true, item, hidden)),
        Value::Map(values) => values.values_mut().for_each(|value| hide_all_if(true, value, hidden)),
        Value::Null | Value::Bool(_) => {}
        value => {
            *value = Value::Str(MASK.to_owned());
            *hidden += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use serde_json::json;

    fn map(json: serde_json::Value) -> Map {
        match Value::from_json(&json) {
            Value::Map(map) => map,
            other => panic!("{other:?}"),
        }
    }

    /// What is left of a result, and how many values are hidden in it.
    fn shown(service: &str, operation: &str, result: serde_json::Value) -> (Map, usize) {
        let service = catalog::service(service).unwrap();
        let mut result = map(result);
        let hidden = hide(&service, service.operation_named(operation).unwrap(), &mut result);
        (result, hidden)
    }

    #[test]
    fn a_secret_value_is_hidden_and_the_rest_stays() {
        let (result, hidden) = shown(
            "secretsmanager",
            "GetSecretValue",
            json!({ "ARN": "arn:x", "SecretString": "hunter2", "VersionStages": ["AWSCURRENT"] }),
        );
        assert_eq!(
            result,
            map(json!({ "ARN": "arn:x", "SecretString": MASK, "VersionStages": ["AWSCURRENT"] }))
        );
        assert_eq!(hidden, 1);
    }

    #[test]
    fn every_variable_of_a_function_is_hidden_and_its_name_stays() {
        let variables = json!({ "DB_PASSWORD": "hunter2", "LEVEL": "info" });
        let (result, hidden) = shown(
            "lambda",
            "ListFunctions",
            json!({ "NextMarker": "m", "Functions": [{ "FunctionName": "f", "Environment": { "Variables": variables } }] }),
        );
        let variables = json!({ "DB_PASSWORD": MASK, "LEVEL": MASK });
        assert_eq!(
            result,
            map(
                json!({ "NextMarker": "m", "Functions": [{ "FunctionName": "f", "Environment": { "Variables": variables } }] })
            )
        );
        assert_eq!(hidden, 2);
    }

    #[test]
    fn numbers_bytes_and_what_lies_below_are_hidden_and_truth_is_not() {
        let mut value = Value::List(vec![
            Value::Int(1),
            Value::Bool(true),
            Value::Bytes(b"key".to_vec()),
            Value::Map([("a".to_owned(), Value::Float(1.5))].into_iter().collect()),
            Value::Null,
        ]);
        let mut hidden = 0;
        hide_all_if(true, &mut value, &mut hidden);
        let mask = || Value::Str(MASK.to_owned());
        let expected = vec![
            mask(),
            Value::Bool(true),
            mask(),
            Value::Map([("a".to_owned(), mask())].into_iter().collect()),
            Value::Null,
        ];
        assert_eq!((value, hidden), (Value::List(expected), 3));
    }

    #[test]
    fn what_leads_to_the_next_page_and_what_a_function_answers_stay() {
        let (_, hidden) = shown("lambda", "Invoke", json!({ "StatusCode": 200, "Payload": "{}" }));
        assert_eq!(hidden, 0);
        // No service's listing stops because its token is hidden.
        for entry in catalog::index() {
            let service = catalog::service(&entry.command).unwrap();
            for operation in service.operations.iter() {
                let Some(paginator) = &operation.paginator else { continue };
                let Some(Kind::Structure(output)) =
                    operation.output.map(|id| &service.shapes[id as usize].kind)
                else {
                    continue;
                };
                let marks = Marks::of(&service, operation);
                for token in &paginator.output_token {
                    let names: Vec<&str> = token.split(|c: char| !c.is_alphanumeric()).collect();
                    for member in output.members.iter().filter(|one| names.contains(&one.name.as_str())) {
                        let secret = marks.is_secret(&member.name, member.shape);
                        assert!(!secret, "{} {}: {token}", entry.command, operation.name);
                    }
                }
            }
        }
    }

    #[test]
    fn the_models_and_the_lists_say_what_is_secret() {
        for (service, operation, result, expected) in [
            ("secretsmanager", "GetSecretValue", json!({ "SecretString": "x" }), 1),
            ("secretsmanager", "GetSecretValue", json!({ "ARN": "x" }), 0),
            ("sts", "GetCallerIdentity", json!({ "Arn": "x" }), 0),
            ("kms", "Decrypt", json!({ "Plaintext": "x", "KeyId": "k" }), 1),
            (
                "cognito-idp",
                "DescribeUserPoolClient",
                json!({ "UserPoolClient": { "ClientSecret": "x" } }),
                1,
            ),
            ("ssm", "GetParameter", json!({ "Parameter": { "Name": "n", "Value": "x" } }), 1),
            (
                "ec2",
                "DescribeInstances",
                json!({ "Reservations": [{ "Instances": [{ "InstanceId": "i" }] }] }),
                0,
            ),
        ] {
            assert_eq!(
                shown(service, operation, result.clone()).1,
                expected,
                "{service} {operation} {result}"
            );
        }
    }

    #[test]
    fn secret_members_are_named_by_their_paths() {
        for (service, operation, expected) in [
            ("secretsmanager", "GetSecretValue", vec!["SecretBinary", "SecretString"]),
            ("lambda", "GetFunctionConfiguration", vec!["Environment.Variables"]),
            ("ssm", "GetParametersByPath", vec!["Parameters[].Value"]),
            ("sts", "GetCallerIdentity", vec![]),
        ] {
            let service = catalog::service(service).unwrap();
            let operation = service.operation_named(operation).unwrap();
            let paths = members(&service, operation);
            let named = expected.iter().all(|path| paths.iter().any(|known| known == path));
            assert!(named && expected.is_empty() == paths.is_empty(), "{} {paths:?}", operation.name);
        }
    }

    #[test]
    fn every_entry_of_the_lists_names_what_exists() {
        let exists = |service: &str, operation: &str, members: &[&str]| {
            let Some(model) = catalog::service(service) else { return false };
            let Some(operation) = model.operation_named(operation) else { return false };
            let known = |member: &&str| {
                model.shapes.iter().any(|shape| match &shape.kind {
                    Kind::Structure(structure) => structure.members.iter().any(|one| one.name == **member),
                    _ => false,
                })
            };
            operation.output.is_some() && members.iter().all(known)
        };
        for (service, operation, members) in REVEALING {
            assert!(exists(service, operation, members), "{service} {operation} {members:?}");
        }
        for (service, operation, member) in WANTED {
            assert!(exists(service, operation, &[member]), "{service} {operation} {member}");
        }
    }
}
