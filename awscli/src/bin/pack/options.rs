//! The options of every command: from the members of the operation's input, then the official CLI's own changes.

use awscli::model::{Argument, ArgumentKind, Kind, Operation, Shape, ShapeId};

use crate::names::dashed;

/// Operations that the CLI does not offer under their own name: superseded ones, and those for which it has a command
/// of its own instead. Service's word, then the operations' words.
const REMOVED: [(&str, &[&str]); 5] = [
    ("agent-toolkit", &["get-latest-skill-version", "get-skill-file", "get-skill-file-checksum"]),
    ("ec2", &["import-instance", "import-volume"]),
    (
        "emr",
        &[
            "add-instance-groups",
            "add-job-flow-steps",
            "describe-cluster",
            "describe-job-flows",
            "list-bootstrap-actions",
            "list-instance-groups",
            "run-job-flow",
            "set-keep-job-flow-alive-when-no-steps",
            "set-termination-protection",
            "set-unhealthy-node-replacement",
            "set-visible-to-all-users",
            "terminate-job-flows",
        ],
    ),
    ("ses", &["delete-verified-email-address", "list-verified-email-addresses", "verify-email-address"]),
    ("sso", &["logout"]),
];

/// The one operation with a stream of events that the CLI offers.
const STREAMED: (&str, &str) = ("s3api", "select-object-content");

/// Fills in the options of a service's operations and takes the words of the operations that the CLI does not offer.
pub fn complete(service: &str, operations: &mut [Operation], shapes: &[Shape]) {
    let removed =
        REMOVED.iter().find(|(word, _)| *word == service).map_or([].as_slice(), |(_, commands)| commands);
    for operation in operations {
        operation.arguments = from_members(operation, shapes);
        let streamed = streams_events(operation, shapes) && (service, operation.command.as_str()) != STREAMED;
        if streamed || removed.contains(&operation.command.as_str()) {
            operation.command.clear();
        }
    }
}

/// Whether the operation takes or gives a stream of events, which a command line cannot show.
fn streams_events(operation: &Operation, shapes: &[Shape]) -> bool {
    let structure = |id: ShapeId| match &shapes[id as usize].kind {
        Kind::Structure(structure) => Some(structure),
        _ => None,
    };
    let tops = [operation.input, operation.output].into_iter().flatten().filter_map(structure);
    tops.flat_map(|top| &top.members)
        .filter_map(|member| structure(member.shape))
        .any(|member| member.event_stream)
}

/// An option for each top-level member; two for a boolean.
fn from_members(operation: &Operation, shapes: &[Shape]) -> Vec<Argument> {
    let Some(Kind::Structure(input)) = operation.input.map(|id| &shapes[id as usize].kind) else {
        return Vec::new();
    };
    let mut arguments = Vec::new();
    for (index, member) in (0..).zip(&input.members) {
        let name = dashed(&member.name, false);
        let required = member.required && !member.idempotency_token;
        let argument = |name: String, kind| Argument { name, member: index, required, hidden: false, kind };
        if matches!(shapes[member.shape as usize].kind, Kind::Boolean) {
            arguments.push(argument(name.clone(), ArgumentKind::Flag));
            arguments.push(argument(format!("no-{name}"), ArgumentKind::No));
        } else {
            arguments.push(argument(name, ArgumentKind::Value));
        }
    }
    arguments
}
