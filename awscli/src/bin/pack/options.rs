//! The options of every command: from the members of the operation's input, then the official CLI's own changes.

use awscli::model::{Argument, ArgumentKind, Kind, NO_MEMBER, Operation, Shape, ShapeId};

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

/// Commands with a name of their own: service's word, operation's word, the command's word.
const RENAMED: [(&str, &str, &str); 2] = [
    ("agent-toolkit", "get-skill", "get-skill-metadata"),
    ("agent-toolkit", "list-skills", "list-available-skills"),
];

/// Operations that the CLI offers as two commands: service's word, operation's word, the commands' words.
const DOUBLED: [(&str, &str, [&str; 2]); 5] = [
    ("cloudwatch", "get-otel-enrichment", ["get-otel-enrichment", "get-o-tel-enrichment"]),
    ("cloudwatch", "start-otel-enrichment", ["start-otel-enrichment", "start-o-tel-enrichment"]),
    ("cloudwatch", "stop-otel-enrichment", ["stop-otel-enrichment", "stop-o-tel-enrichment"]),
    ("rds", "modify-option-group", ["add-option-to-option-group", "remove-option-from-option-group"]),
    ("signin", "create-oauth2-token", ["create-oauth2-token", "create-o-auth2-token"]),
];

/// Fills in the options of a service's operations and takes the words of the operations that the CLI does not offer.
pub fn complete(service: &str, operations: &mut Vec<Operation>, shapes: &[Shape]) {
    for (_, operation, [first, second]) in DOUBLED.iter().filter(|(word, _, _)| *word == service) {
        if let Some(index) = operations.iter().position(|candidate| candidate.command == *operation) {
            let double = Operation { command: (*second).to_owned(), ..operations[index].clone() };
            operations[index].command = (*first).to_owned();
            operations.insert(index + 1, double);
        }
    }
    let removed =
        REMOVED.iter().find(|(word, _)| *word == service).map_or([].as_slice(), |(_, commands)| commands);
    for operation in operations {
        if let Some((_, _, command)) =
            RENAMED.iter().find(|(s, o, _)| *s == service && *o == operation.command)
        {
            operation.command = (*command).to_owned();
        }
        let streamed = streams_events(operation, shapes) && (service, operation.command.as_str()) != STREAMED;
        if streamed {
            operation.command.clear();
            continue;
        }
        operation.arguments = from_members(operation, shapes);
        add_outfile(operation, shapes);
        rename(service, operation);
        if service == "ec2" {
            unwrap_booleans(operation, shapes);
        }
        for (_, _, edits) in
            EDITS.iter().filter(|(s, o, _)| *s == service && o.contains(&operation.command.as_str()))
        {
            edits.iter().for_each(|edit| apply(edit, &mut operation.arguments));
        }
        add_paging(operation, shapes);
        // Waiters have the options of their operations, whether these are offered or not.
        if removed.contains(&operation.command.as_str()) {
            operation.command.clear();
        }
    }
}

fn apply(edit: &Edit, arguments: &mut Vec<Argument>) {
    let add = |name: &str, kind| Argument {
        name: name.to_owned(),
        member: NO_MEMBER,
        required: false,
        hidden: false,
        kind,
    };
    match edit {
        Edit::Remove(names) => arguments.retain(|argument| !names.contains(&argument.name.as_str())),
        Edit::Optional(names) | Edit::Hide(names) => {
            for argument in arguments.iter_mut().filter(|argument| names.contains(&argument.name.as_str())) {
                match edit {
                    Edit::Hide(_) => argument.hidden = true,
                    _ => argument.required = false,
                }
            }
        }
        Edit::Text(names) => arguments.extend(names.iter().map(|name| add(name, ArgumentKind::Text))),
        Edit::Required(names) => {
            arguments.extend(
                names.iter().map(|name| Argument { required: true, ..add(name, ArgumentKind::Text) }),
            );
        }
        Edit::Texts(names) => arguments.extend(names.iter().map(|name| add(name, ArgumentKind::Texts))),
        Edit::Switch(names) => arguments.extend(names.iter().map(|name| add(name, ArgumentKind::Switch))),
        Edit::Outfile => arguments.push(add("outfile", ArgumentKind::Outfile)),
    }
}

/// Adds the positional word of a command whose result has a streamed body.
fn add_outfile(operation: &mut Operation, shapes: &[Shape]) {
    let Some(Kind::Structure(output)) = operation.output.map(|id| &shapes[id as usize].kind) else { return };
    let payload = output.payload.and_then(|index| output.members.get(index as usize));
    let streams = payload.is_some_and(|member| {
        member.streaming || matches!(shapes[member.shape as usize].kind, Kind::Blob { streaming: true, .. })
    });
    let blob = payload.is_some_and(|member| matches!(shapes[member.shape as usize].kind, Kind::Blob { .. }));
    if streams || blob {
        operation.arguments.push(Argument {
            name: "outfile".to_owned(),
            member: NO_MEMBER,
            required: true,
            hidden: false,
            kind: ArgumentKind::Outfile,
        });
    }
}

/// Gives options their other names. A renamed option goes to the end, and so does an alias.
fn rename(service: &str, operation: &mut Operation) {
    let applies = |pattern: &str| {
        let mut parts = pattern.splitn(3, '.');
        let here = parts.next() == Some(service)
            && parts.next().is_some_and(|part| part == "*" || part == operation.command);
        parts.next().filter(|_| here).map(str::to_owned)
    };
    let renames: Vec<_> =
        RENAMES.iter().filter_map(|(pattern, name)| Some((applies(pattern)?, *name))).collect();
    let aliases: Vec<_> =
        ALIASES.iter().filter_map(|(pattern, name)| Some((applies(pattern)?, *name))).collect();
    let arguments = &mut operation.arguments;
    for (from, to) in renames {
        if let Some(at) = arguments.iter().position(|argument| argument.name == from) {
            let argument = Argument { name: to.to_owned(), ..arguments.remove(at) };
            arguments.push(argument);
        }
    }
    for (of, alias) in aliases {
        if let Some(at) = arguments.iter().position(|argument| argument.name == of) {
            // Either name will do, so neither can be required.
            arguments[at].required = false;
            let argument = Argument { name: alias.to_owned(), hidden: true, ..arguments[at].clone() };
            arguments.push(argument);
        }
    }
}

/// EC2 wraps booleans into structures with the one member `Value`; on the command line they are flags.
fn unwrap_booleans(operation: &mut Operation, shapes: &[Shape]) {
    let Some(Kind::Structure(input)) = operation.input.map(|id| &shapes[id as usize].kind) else { return };
    let wrapped = |argument: &Argument| {
        let member = input.members.get(argument.member as usize)?;
        let Kind::Structure(structure) = &shapes[member.shape as usize].kind else { return None };
        let [only] = structure.members.as_slice() else { return None };
        (only.name == "Value" && matches!(shapes[only.shape as usize].kind, Kind::Boolean)).then_some(())
    };
    for at in 0..operation.arguments.len() {
        if wrapped(&operation.arguments[at]).is_none() {
            continue;
        }
        let argument = &mut operation.arguments[at];
        argument.kind = ArgumentKind::WrappedFlag;
        argument.required = false;
        let no = Argument {
            name: format!("no-{}", argument.name),
            kind: ArgumentKind::WrappedNo,
            ..argument.clone()
        };
        operation.arguments.push(no);
    }
}

/// Adds the paging options of an operation with a paginator and hides those that they stand for.
fn add_paging(operation: &mut Operation, shapes: &[Shape]) {
    let Some(paginator) = &operation.paginator else { return };
    let Some(Kind::Structure(input)) = operation.input.map(|id| &shapes[id as usize].kind) else { return };
    for argument in &mut operation.arguments {
        let Some(member) = input.members.get(argument.member as usize) else { continue };
        if paginator.input_token.contains(&member.name) || paginator.limit_key == member.name {
            argument.hidden = true;
        }
    }
    let mut options = vec![("starting-token", ArgumentKind::StartingToken)];
    if !paginator.limit_key.is_empty() {
        options.push(("page-size", ArgumentKind::PageSize));
    }
    options.push(("max-items", ArgumentKind::MaxItems));
    for (name, kind) in options {
        let option =
            Argument { name: name.to_owned(), member: NO_MEMBER, required: false, hidden: false, kind };
        match operation.arguments.iter_mut().find(|argument| argument.name == name) {
            Some(hidden) => *hidden = Argument { member: hidden.member, ..option },
            None => operation.arguments.push(option),
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
            let no = argument(format!("no-{name}"), ArgumentKind::No);
            arguments.push(Argument { required: false, ..no });
        } else {
            arguments.push(argument(name, ArgumentKind::Value));
        }
    }
    arguments
}

/// A change to a command's options.
enum Edit {
    /// Takes options away.
    Remove(&'static [&'static str]),
    /// Another option can stand in for these.
    Optional(&'static [&'static str]),
    /// Not listed any more.
    Hide(&'static [&'static str]),
    /// Options of the CLI's own with one word each.
    Text(&'static [&'static str]),
    /// The same, and they must be given.
    Required(&'static [&'static str]),
    /// Options of the CLI's own with one word or more.
    Texts(&'static [&'static str]),
    /// Options of the CLI's own without a word.
    Switch(&'static [&'static str]),
    /// The positional word for a result.
    Outfile,
}

/// The changes: service, commands, what changes, in this order.
const EDITS: &[(&str, &[&str], &[Edit])] = &[
    (
        "cloudfront",
        &["create-distribution"],
        &[
            Edit::Optional(&["distribution-config"]),
            Edit::Text(&["origin-domain-name", "default-root-object"]),
        ],
    ),
    (
        "cloudfront",
        &["create-invalidation"],
        &[Edit::Optional(&["invalidation-batch"]), Edit::Texts(&["paths"])],
    ),
    (
        "cloudfront",
        &["update-distribution"],
        &[Edit::Optional(&["distribution-config"]), Edit::Text(&["default-root-object"])],
    ),
    (
        "cloudsearch",
        &["define-expression"],
        &[Edit::Remove(&["expression"]), Edit::Required(&["expression", "name"])],
    ),
    (
        "cloudsearch",
        &["define-index-field"],
        &[
            Edit::Remove(&["index-field"]),
            Edit::Required(&["name", "type"]),
            Edit::Text(&[
                "default-value",
                "facet-enabled",
                "search-enabled",
                "return-enabled",
                "sort-enabled",
                "source-field",
                "highlight-enabled",
                "analysis-scheme",
            ]),
        ],
    ),
    (
        "cloudwatch",
        &["put-metric-data"],
        &[Edit::Text(&[
            "metric-name",
            "timestamp",
            "unit",
            "value",
            "dimensions",
            "statistic-values",
            "storage-resolution",
        ])],
    ),
    ("configservice", &["put-configuration-recorder"], &[Edit::Text(&["recording-group"])]),
    ("datapipeline", &["activate-pipeline"], &[Edit::Text(&["parameter-values-uri"])]),
    (
        "datapipeline",
        &["put-pipeline-definition"],
        &[
            Edit::Remove(&["pipeline-objects"]),
            Edit::Required(&["pipeline-definition"]),
            Edit::Text(&["parameter-values-uri"]),
        ],
    ),
    (
        "deploy",
        &["create-deployment", "get-application-revision", "register-application-revision"],
        &[Edit::Optional(&["revision"]), Edit::Text(&["s3-location", "github-location"])],
    ),
    (
        "ec2",
        &[
            "authorize-security-group-egress",
            "authorize-security-group-ingress",
            "revoke-security-group-egress",
            "revoke-security-group-ingress",
        ],
        &[
            Edit::Hide(&[
                "cidr-ip",
                "from-port",
                "ip-protocol",
                "source-security-group-name",
                "source-security-group-owner-id",
                "to-port",
            ]),
            Edit::Text(&["protocol", "port", "cidr", "source-group", "group-owner"]),
        ],
    ),
    (
        "ec2",
        &["bundle-instance"],
        &[
            Edit::Optional(&["storage"]),
            Edit::Text(&["bucket", "prefix", "owner-akid", "owner-sak", "policy"]),
        ],
    ),
    ("ec2", &["get-password-data"], &[Edit::Text(&["priv-launch-key"])]),
    (
        "ec2",
        &["run-instances"],
        &[
            Edit::Remove(&["max-count", "min-count"]),
            Edit::Text(&["count"]),
            Edit::Texts(&["secondary-private-ip-addresses"]),
            Edit::Text(&["secondary-private-ip-address-count"]),
            Edit::Switch(&["associate-public-ip-address", "no-associate-public-ip-address"]),
        ],
    ),
    (
        "ecs",
        &[
            "create-express-gateway-service",
            "delete-express-gateway-service",
            "update-express-gateway-service",
        ],
        &[Edit::Text(&["monitor-resources", "monitor-mode"])],
    ),
    ("emr", &["list-clusters"], &[Edit::Switch(&["active", "terminated", "failed"])]),
    ("iam", &["create-virtual-mfa-device"], &[Edit::Required(&["outfile", "bootstrap-method"])]),
    ("iot", &["create-certificate-from-csr"], &[Edit::Text(&["certificate-pem-outfile"])]),
    (
        "iot",
        &["create-keys-and-certificate"],
        &[Edit::Text(&["certificate-pem-outfile", "public-key-outfile", "private-key-outfile"])],
    ),
    ("kinesis", &["list-streams"], &[Edit::Hide(&["exclusive-start-stream-name"])]),
    ("lambda", &["create-function"], &[Edit::Optional(&["code"]), Edit::Text(&["zip-file"])]),
    ("lambda", &["publish-layer-version"], &[Edit::Optional(&["content"]), Edit::Text(&["zip-file"])]),
    (
        "quicksight",
        &["start-asset-bundle-import-job"],
        &[Edit::Optional(&["asset-bundle-import-source"]), Edit::Text(&["asset-bundle-import-source-bytes"])],
    ),
    ("rds", &["add-option-to-option-group"], &[Edit::Remove(&["options-to-remove"])]),
    ("rds", &["remove-option-from-option-group"], &[Edit::Remove(&["options-to-include"])]),
    (
        "rekognition",
        &["compare-faces"],
        &[
            Edit::Optional(&["source-image", "target-image"]),
            Edit::Text(&["source-image-bytes", "target-image-bytes"]),
        ],
    ),
    (
        "rekognition",
        &[
            "detect-custom-labels",
            "detect-faces",
            "detect-labels",
            "detect-moderation-labels",
            "detect-protective-equipment",
            "detect-text",
            "index-faces",
            "recognize-celebrities",
            "search-faces-by-image",
            "search-users-by-image",
        ],
        &[Edit::Optional(&["image"]), Edit::Text(&["image-bytes"])],
    ),
    ("s3api", &["select-object-content"], &[Edit::Outfile]),
    (
        "ses",
        &["send-email"],
        &[
            Edit::Optional(&["destination", "message"]),
            Edit::Texts(&["to", "cc", "bcc"]),
            Edit::Text(&["subject", "text", "html"]),
        ],
    ),
    (
        "translate",
        &["import-terminology"],
        &[Edit::Optional(&["terminology-data"]), Edit::Required(&["data-file"])],
    ),
    ("translate", &["translate-document"], &[Edit::Required(&["document-content"])]),
];

/// Options with another name than their member's: service, command (or `*`) and option, then the name.
const RENAMES: [(&str, &str); 90] = [
    ("ec2.create-image.no-no-reboot", "reboot"),
    ("ec2.*.no-egress", "ingress"),
    ("ec2.*.no-disable-api-termination", "enable-api-termination"),
    ("swf.register-activity-type.version", "activity-version"),
    ("swf.register-workflow-type.version", "workflow-version"),
    ("datapipeline.*.query", "objects-query"),
    ("datapipeline.get-pipeline-definition.version", "pipeline-version"),
    ("emr.*.job-flow-ids", "cluster-ids"),
    ("emr.*.job-flow-id", "cluster-id"),
    ("cloudsearchdomain.search.query", "search-query"),
    ("cloudsearchdomain.suggest.query", "suggest-query"),
    ("sns.subscribe.endpoint", "notification-endpoint"),
    ("deploy.*.s-3-location", "s3-location"),
    ("deploy.*.ec-2-tag-filters", "ec2-tag-filters"),
    ("codepipeline.get-pipeline.version", "pipeline-version"),
    ("codepipeline.create-custom-action-type.version", "action-version"),
    ("codepipeline.delete-custom-action-type.version", "action-version"),
    ("kinesisanalytics.add-application-output.output", "application-output"),
    ("kinesisanalyticsv2.add-application-output.output", "application-output"),
    ("route53.delete-traffic-policy.version", "traffic-policy-version"),
    ("route53.get-traffic-policy.version", "traffic-policy-version"),
    ("route53.update-traffic-policy-comment.version", "traffic-policy-version"),
    ("gamelift.create-build.version", "build-version"),
    ("gamelift.update-build.version", "build-version"),
    ("gamelift.create-script.version", "script-version"),
    ("gamelift.update-script.version", "script-version"),
    ("route53domains.view-billing.start", "start-time"),
    ("route53domains.view-billing.end", "end-time"),
    ("apigateway.create-rest-api.version", "api-version"),
    ("apigatewayv2.create-api.version", "api-version"),
    ("apigatewayv2.update-api.version", "api-version"),
    ("pinpoint.get-campaign-version.version", "campaign-version"),
    ("pinpoint.get-segment-version.version", "segment-version"),
    ("pinpoint.delete-email-template.version", "template-version"),
    ("pinpoint.delete-in-app-template.version", "template-version"),
    ("pinpoint.delete-push-template.version", "template-version"),
    ("pinpoint.delete-sms-template.version", "template-version"),
    ("pinpoint.delete-voice-template.version", "template-version"),
    ("pinpoint.get-email-template.version", "template-version"),
    ("pinpoint.get-in-app-template.version", "template-version"),
    ("pinpoint.get-push-template.version", "template-version"),
    ("pinpoint.get-sms-template.version", "template-version"),
    ("pinpoint.get-voice-template.version", "template-version"),
    ("pinpoint.update-email-template.version", "template-version"),
    ("pinpoint.update-in-app-template.version", "template-version"),
    ("pinpoint.update-push-template.version", "template-version"),
    ("pinpoint.update-sms-template.version", "template-version"),
    ("pinpoint.update-voice-template.version", "template-version"),
    ("stepfunctions.send-task-success.output", "task-output"),
    ("clouddirectory.publish-schema.version", "schema-version"),
    ("mturk.list-qualification-types.query", "types-query"),
    ("workdocs.create-notification-subscription.endpoint", "notification-endpoint"),
    ("workdocs.describe-users.query", "user-query"),
    ("lex-models.delete-bot.version", "bot-version"),
    ("lex-models.delete-intent.version", "intent-version"),
    ("lex-models.delete-slot-type.version", "slot-type-version"),
    ("lex-models.get-intent.version", "intent-version"),
    ("lex-models.get-slot-type.version", "slot-type-version"),
    ("lex-models.delete-bot-version.version", "bot-version"),
    ("lex-models.delete-intent-version.version", "intent-version"),
    ("lex-models.delete-slot-type-version.version", "slot-type-version"),
    ("lex-models.get-export.version", "resource-version"),
    ("license-manager.get-grant.version", "grant-version"),
    ("license-manager.delete-grant.version", "grant-version"),
    ("license-manager.get-license.version", "license-version"),
    ("rekognition.create-stream-processor.output", "stream-processor-output"),
    ("eks.create-cluster.version", "kubernetes-version"),
    ("eks.update-cluster-version.version", "kubernetes-version"),
    ("eks.create-nodegroup.version", "kubernetes-version"),
    ("eks.update-nodegroup-version.version", "kubernetes-version"),
    ("eks.update-cluster-components-version.version", "kubernetes-version"),
    ("schemas.*.version", "schema-version"),
    ("sagemaker.delete-image-version.version", "version-number"),
    ("sagemaker.describe-image-version.version", "version-number"),
    ("sagemaker.list-aliases.version", "version-number"),
    ("sagemaker.update-image-version.version", "version-number"),
    ("iotwireless.*.lo-ra-wan", "lorawan"),
    ("codepipeline.get-action-type.version", "action-version"),
    ("ecs.*.no-enable-execute-command", "disable-execute-command"),
    ("ecs.execute-command.no-interactive", "non-interactive"),
    ("controltower.create-landing-zone.version", "landing-zone-version"),
    ("controltower.update-landing-zone.version", "landing-zone-version"),
    ("glue.get-unfiltered-partition-metadata.region", "resource-region"),
    ("glue.get-unfiltered-partitions-metadata.region", "resource-region"),
    ("glue.get-unfiltered-table-metadata.region", "resource-region"),
    ("agent-toolkit.search-skills.query", "search-query"),
    ("agent-toolkit.get-skill-metadata.name", "skill-name"),
    ("rds.add-option-to-option-group.options-to-include", "options"),
    ("rds.remove-option-from-option-group.options-to-remove", "options"),
    ("ses.send-email.source", "from"),
];

/// Second, unlisted names of options, for scripts that were written when names were spelled otherwise.
const ALIASES: [(&str, &str); 4] = [
    ("mgn.*.replication-servers-security-groups-ids", "replication-servers-security-groups-i-ds"),
    ("mgn.*.source-server-ids", "source-server-i-ds"),
    ("mgn.*.replication-configuration-template-ids", "replication-configuration-template-i-ds"),
    ("elasticache.create-replication-group.preferred-cache-cluster-azs", "preferred-cache-cluster-a-zs"),
];
