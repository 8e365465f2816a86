//! A minimal call of an operation that the command line accepts: each required option with a value of its form.

use super::syntax::offered;
use crate::model::{Argument, ArgumentKind, Kind, Operation, Service, ShapeId, Structure};
use serde_json::{Map, Value, json};

/// Calls whose options the CLI looks into before the model does: service, operation, and what follows.
const OWN: [(&str, &str, &[&str]); 3] = [
    (
        "datapipeline",
        "put-pipeline-definition",
        &["--pipeline-id", "my-pipeline-id", "--pipeline-definition", "'{\"objects\": []}'"],
    ),
    (
        "ec2",
        "bundle-instance",
        &[
            "--instance-id",
            "my-instance-id",
            "--storage",
            "'S3={AWSAccessKeyId=my-key-id,Bucket=my-bucket,Prefix=my-prefix,UploadPolicy=dGV4dA==,UploadPolicySignature=s}'",
        ],
    ),
    (
        "iam",
        "create-virtual-mfa-device",
        &[
            "--virtual-mfa-device-name",
            "my-device",
            "--outfile",
            "my-device.png",
            "--bootstrap-method",
            "QRCodePNG",
        ],
    ),
];

/// The words of a call, each as it is typed into a shell.
pub fn words(service: &Service, operation: &Operation) -> Vec<String> {
    let mut words = vec!["aws".to_owned(), service.command.clone(), operation.command.clone()];
    let own = OWN.iter().find(|(of, word, _)| *of == service.command && *word == operation.command);
    if let Some((.., rest)) = own {
        words.extend(rest.iter().map(|word| (*word).to_owned()));
        return words;
    }
    let input = operation.input.and_then(|id| match &service.shapes.get(id as usize)?.kind {
        Kind::Structure(structure) => Some(structure),
        _ => None,
    });
    for argument in operation.arguments.iter().filter(|argument| is_needed(operation, input, argument)) {
        let member = input.and_then(|input| input.members.get(argument.member as usize));
        match (argument.kind, member) {
            // Behind a list it would be one more of its values.
            (ArgumentKind::Outfile, _) => words.insert(3, "outfile".to_owned()),
            (ArgumentKind::Flag | ArgumentKind::WrappedFlag | ArgumentKind::Switch, _) => {
                words.push(format!("--{}", argument.name));
            }
            (ArgumentKind::Value, Some(member)) => {
                words.push(format!("--{}", argument.name));
                let streaming = member.streaming
                    || matches!(
                        service.shapes[member.shape as usize].kind,
                        Kind::Blob { streaming: true, .. }
                    );
                if streaming {
                    words.push("FILE".to_owned());
                } else {
                    Sample { service }.option(argument, member.shape, &mut words);
                }
            }
            (ArgumentKind::No | ArgumentKind::WrappedNo, _) => {}
            _ => {
                words.push(format!("--{}", argument.name));
                let bytes = ["-content", "-file"].iter().any(|end| argument.name.ends_with(end));
                words.push(if bytes { "fileb://FILE".to_owned() } else { format!("my-{}", argument.name) });
            }
        }
    }
    words
}

/// Whether a call needs an option: because it must be given, or because the input needs what only it and options of the
/// CLI's own can set.
fn is_needed(operation: &Operation, input: Option<&Structure>, argument: &Argument) -> bool {
    let member = input.and_then(|input| input.members.get(argument.member as usize));
    let sets = |other: &&Argument| other.required && other.member == argument.member;
    argument.is_required()
        || argument.kind == ArgumentKind::Value
            && member.is_some_and(|member| member.required && !member.idempotency_token)
            && operation.arguments.iter().find(sets).is_none()
}

struct Sample<'a> {
    service: &'a Service,
}

impl<'a> Sample<'a> {
    fn kind(&self, shape: ShapeId) -> Option<&'a Kind> {
        Some(&self.service.shapes.get(shape as usize)?.kind)
    }

    /// The words of an option's value.
    fn option(&self, argument: &Argument, shape: ShapeId, words: &mut Vec<String>) {
        let name = singular(&argument.name);
        match self.kind(shape) {
            Some(Kind::List { member, min, .. })
                if !matches!(self.kind(member.shape), Some(Kind::List { .. })) =>
            {
                let (member, min) = (member.shape, *min);
                for number in 1..=min.clamp(1, 5) {
                    // Several of the same would often not do.
                    let name = if min > 1 { format!("{name}-{number}") } else { name.clone() };
                    words.push(quoted(&self.word(member, &name)));
                }
            }
            _ => words.push(quoted(&self.word(shape, &argument.name))),
        }
    }

    /// One word: shorthand where that is plain, JSON where it is not.
    fn word(&self, shape: ShapeId, name: &str) -> String {
        let value = self.value(shape, name, &mut Vec::new()).unwrap_or_default();
        let plain = |value: &Value| match value {
            Value::String(text) => (!text.contains([',', '=', ' ', '\'', '"'])).then(|| text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        };
        match &value {
            Value::Object(members) if !members.is_empty() => {
                let pairs: Option<Vec<String>> =
                    members.iter().map(|(name, value)| Some(format!("{name}={}", plain(value)?))).collect();
                pairs.map_or_else(|| value.to_string(), |pairs| pairs.join(","))
            }
            Value::Object(_) | Value::Array(_) => value.to_string(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// A value of a shape. Nothing if it would have to hold itself.
    fn value(&self, shape: ShapeId, name: &str, above: &mut Vec<ShapeId>) -> Option<Value> {
        if above.contains(&shape) {
            return None;
        }
        above.push(shape);
        let value = self.part(shape, name, above);
        above.pop();
        value
    }

    fn part(&self, shape: ShapeId, name: &str, above: &mut Vec<ShapeId>) -> Option<Value> {
        Some(match self.kind(shape)? {
            Kind::Structure(structure) => {
                let mut members = Map::new();
                for member in structure.members.iter().filter(|member| member.required) {
                    let value = self.value(member.shape, &dashed(&member.name), above)?;
                    members.insert(member.name.clone(), value);
                }
                // One member says what the whole is; of a union a plain one rather than another.
                if members.is_empty() && !structure.members.is_empty() {
                    let mut choices: Vec<_> = offered(self.service, structure).collect();
                    if structure.union {
                        choices.sort_by_key(|one| matches!(self.kind(one.shape), Some(Kind::Structure(_))));
                    }
                    let one = choices.into_iter().find_map(|one| {
                        Some((one.name.clone(), self.value(one.shape, &dashed(&one.name), above)?))
                    });
                    match one {
                        Some((name, value)) => members.insert(name, value),
                        None if structure.union => return None,
                        None => None,
                    };
                }
                Value::Object(members)
            }
            Kind::List { member, min, .. } => match self.value(member.shape, &singular(name), above) {
                Some(item) => vec![item; (*min).clamp(1, 5) as usize].into(),
                None if *min == 0 => json!([]),
                None => return None,
            },
            Kind::Map { key, value, .. } => {
                let key = match self.value(key.shape, "key", above) {
                    Some(Value::String(key)) => key,
                    _ => "key".to_owned(),
                };
                match self.value(value.shape, "value", above) {
                    Some(value) => json!({ key: value }),
                    None => json!({}),
                }
            }
            Kind::String { choices, min } => match choices.first() {
                Some(choice) => json!(choice),
                None => json!(self.text(name, *min)),
            },
            Kind::Integer { min } | Kind::Long { min } => json!(min.unwrap_or(1).max(1)),
            Kind::Float { min } | Kind::Double { min } => json!(min.unwrap_or(1.0).max(1.0)),
            Kind::Boolean => json!(true),
            Kind::Timestamp { .. } => json!("2026-01-31T12:00:00Z"),
            // A text in base64, for the default of --cli-binary-format.
            Kind::Blob { .. } => json!("dGV4dA=="),
        })
    }

    fn text(&self, name: &str, min: u32) -> String {
        let last = name.rsplit('-').next().unwrap_or(name);
        let prefix = &self.service.signing_name;
        let text = match last {
            "arn" => format!("arn:aws:{prefix}:us-east-1:123456789012:my-resource"),
            "email" => "me@example.com".to_owned(),
            "bucket" => "my-bucket".to_owned(),
            "url" | "uri" => format!("https://example.com/my-{name}"),
            _ => format!("my-{name}"),
        };
        let missing = (min as usize).saturating_sub(text.len());
        text + &"x".repeat(missing)
    }
}

/// `SecurityGroupIds` as `security-group-ids`.
fn dashed(name: &str) -> String {
    let mut dashed = String::new();
    let mut before = '-';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            dashed.push('-');
        }
        dashed.push(c.to_ascii_lowercase());
        before = c;
    }
    dashed
}

fn singular(name: &str) -> String {
    match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => match name.strip_suffix('s') {
            Some(stem) if !stem.ends_with('s') && !stem.ends_with('u') => stem.to_owned(),
            _ => name.to_owned(),
        },
    }
}

/// A word as it is typed into a shell.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=,@+%".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
