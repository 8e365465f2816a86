//! Which resources a command line names, read off the names of the parameters that it sets.

use crate::custom::Options;
use crate::model::{ArgumentKind, Kind, Location, Operation, Service};
use crate::value::{Map, Value};

/// What a resource is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// An Amazon Resource Name.
    Arn,
    /// An identifier that AWS gave it, such as `i-0123456789abcdef0`.
    Id,
    /// A URI, such as a queue's URL or `s3://bucket/key`.
    Uri,
    /// A name that somebody gave it.
    Name,
}

/// One resource on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The option that names it, with its dashes; empty for a word of its own.
    pub option: String,
    /// What it is named by.
    pub naming: Naming,
    /// The value, as it stands on the command line.
    pub value: String,
}

impl Resource {
    /// A resource by the last words of its option's or parameter's name, in lower case, and its value.
    pub(super) fn new(option: &str, last_word: &str, value: &str) -> Self {
        let naming = if value.starts_with("arn:") {
            Naming::Arn
        } else if value.contains("://") {
            Naming::Uri
        } else if last_word.ends_with("id") || last_word.ends_with("ids") {
            Naming::Id
        } else {
            Naming::Name
        };
        Self { option: option.to_owned(), naming, value: value.to_owned() }
    }
}

/// Last words of names that name resources.
const NAMING_WORDS: [&str; 13] = [
    "arn",
    "arns",
    "bucket",
    "id",
    "identifier",
    "identifiers",
    "ids",
    "key",
    "name",
    "names",
    "resource",
    "resources",
    "url",
];

/// Names that end like a resource's and are none: words of a request, not of what it is about.
const NO_RESOURCES: [&str; 14] = [
    "attribute-names",
    "availability-zone-id",
    "client-request-id",
    "client-token",
    "creation-token-id",
    "external-id",
    "fields-names",
    "metric-name",
    "message-deduplication-id",
    "message-group-id",
    "role-session-name",
    "session-name",
    "sse-customer-key",
    "copy-source-sse-customer-key",
];

/// Words that are the resource itself in services that name it so.
const THEMSELVES: [&str; 18] = [
    "cluster",
    "clusters",
    "container-instance",
    "container-instances",
    "instances",
    "load-balancers",
    "pipeline",
    "repository",
    "service",
    "services",
    "stack",
    "target",
    "targets",
    "task",
    "task-definition",
    "tasks",
    "topic",
    "user",
];

/// Whether an option, without its dashes, names a resource.
pub fn names_a_resource(option: &str) -> bool {
    let last = option.rsplit('-').next().unwrap_or(option);
    !NO_RESOURCES.contains(&option) && (NAMING_WORDS.contains(&last) || THEMSELVES.contains(&option))
}

/// The resources that the parameters of a call name. Values inside structures are left out.
pub fn of_call(service: &Service, operation: &Operation, parameters: &Map) -> Vec<Resource> {
    let input = operation.input.and_then(|id| match &service.shapes.get(id as usize)?.kind {
        Kind::Structure(structure) => Some(structure),
        _ => None,
    });
    let mut resources = Vec::new();
    for argument in operation.arguments.iter().filter(|argument| argument.kind == ArgumentKind::Value) {
        let Some(member) = input.and_then(|input| input.members.get(argument.member as usize)) else {
            continue;
        };
        // What is a part of the path names what the path leads to.
        let names = member.location == Location::Uri || names_a_resource(&argument.name);
        if member.idempotency_token || !names {
            continue;
        }
        let option = format!("--{}", argument.name);
        let last_word = argument.name.rsplit('-').next().unwrap_or_default();
        let values = match parameters.get(&member.name) {
            Some(Value::List(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        for value in values {
            if let Value::Str(value) = value {
                resources.push(Resource::new(&option, last_word, value));
            }
        }
    }
    resources
}

/// The resources that the options and words of one of the CLI's own commands name.
pub fn of_own(options: &Options) -> Vec<Resource> {
    let mut resources = Vec::new();
    for given in options.in_order() {
        let positional =
            options.command().arguments.iter().any(|one| one.name == given.name && one.positional);
        let name = given.name.replace('_', "-");
        let option = if positional { String::new() } else { format!("--{name}") };
        let last_word = name.rsplit('-').next().unwrap_or_default();
        for word in given.words.iter().filter(|word| names_a_resource(&name) || word.starts_with("s3://")) {
            resources.push(Resource::new(&option, last_word, word));
        }
    }
    resources
}
