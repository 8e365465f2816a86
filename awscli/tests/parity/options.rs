//! The options of commands, side by side with the tables that the official CLI builds for itself: names, order, which must
//! be given and which are not listed.

use std::collections::HashMap;
use std::process::Command;

use awscli::catalog;

use crate::witness;

/// Services of every protocol, and all those whose options the official CLI changes.
const SERVICES: &[&str] = &[
    "agent-toolkit",
    "apigateway",
    "autoscaling",
    "bedrock-runtime",
    "cloudformation",
    "cloudfront",
    "cloudsearch",
    "cloudwatch",
    "codepipeline",
    "configservice",
    "datapipeline",
    "deploy",
    "dynamodb",
    "ec2",
    "ecs",
    "eks",
    "elasticache",
    "emr",
    "glue",
    "iam",
    "iot",
    "iotwireless",
    "kinesis",
    "lambda",
    "lex-models",
    "logs",
    "mgn",
    "organizations",
    "pinpoint",
    "quicksight",
    "rds",
    "rekognition",
    "route53",
    "s3api",
    "s3control",
    "sagemaker",
    "schemas",
    "ses",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "storagegateway",
    "sts",
    "swf",
    "translate",
    "workdocs",
];

/// Options that every operation has besides its own.
const GENERIC: [&str; 3] = ["cli-input-json", "cli-input-yaml", "generate-cli-skeleton"];

/// An option's name, whether it must be given, whether it is not listed.
type Row = (String, bool, bool);

#[test]
fn every_command_has_the_options_of_the_official_cli() {
    let mut ours = HashMap::new();
    for service in SERVICES {
        let service = catalog::service(service).unwrap_or_else(|| panic!("there is no {service}"));
        for operation in service.operations.iter().filter(|operation| !operation.command.is_empty()) {
            let rows: Vec<Row> = operation
                .arguments
                .iter()
                .map(|argument| (argument.name.clone(), argument.required, argument.hidden))
                .collect();
            ours.insert((service.command.clone(), operation.command.clone()), rows);
        }
    }
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (service, command, mut theirs) in official() {
        theirs.retain(|(name, ..)| !GENERIC.contains(&name.as_str()));
        match ours.remove(&(service.clone(), command.clone())) {
            Some(rows) if rows == theirs => compared += rows.len(),
            other => wrong.push(format!("{service} {command}: {theirs:?} but here {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} commands differ:\n{}", wrong.len(), wrong.join("\n"));
    // Three commands have a class of their own there: they run programs of the host.
    let left: Vec<_> = ours
        .keys()
        .filter(|(_, command)| !["execute-command", "start-session"].contains(&&**command))
        .collect();
    assert!(left.is_empty(), "the official CLI does not have {left:?}");
    assert!(compared > 20_000, "only {compared} options were compared");
}

/// What the official CLI says of its own commands, through its plugin interface.
fn official() -> Vec<(String, String, Vec<Row>)> {
    let plugins = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity");
    let config = std::env::temp_dir().join(format!("awscli-tables-{}", std::process::id()));
    let text = format!("[plugins]\ncli_legacy_plugin_path = {plugins}\ntables = argument_tables\n");
    std::fs::write(&config, text).expect("a temporary file can be written");
    let output = Command::new(witness::path("awscli-v2/awscli/v2/current/dist/aws"))
        .arg("--version")
        .env_clear()
        .env("AWS_CONFIG_FILE", &config)
        .env("HOME", "/nonexistent")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("LANG", "C.UTF-8")
        .env("TABLES_OF", SERVICES.join(","))
        .output()
        .expect("the official CLI starts");
    drop(std::fs::remove_file(&config));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("its output is text");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}
