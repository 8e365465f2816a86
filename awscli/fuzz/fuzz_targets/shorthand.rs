//! One value for many options: in the shorthand syntax, as JSON, and in the languages of the CLI's own commands.
#![no_main]

use awscli::files::{Files, MemoryFiles};
use awscli_fuzz::{BYTES, Yes, run};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

/// Lists of structures, maps, unions, structures in themselves, enums, and options of the CLI's own.
const OPTIONS: &[&[&str]] = &[
    &["ec2", "describe-instances", "--filters"],
    &["ec2", "run-instances", "--block-device-mappings"],
    &["ec2", "modify-instance-attribute", "--instance-id", "i-1", "--groups"],
    &["dynamodb", "put-item", "--table-name", "t", "--item"],
    &["lambda", "create-event-source-mapping", "--function-name", "f", "--filter-criteria"],
    &["s3api", "put-bucket-lifecycle-configuration", "--bucket", "b", "--lifecycle-configuration"],
    &["sqs", "send-message-batch", "--queue-url", "https://queue.amazonaws.com/1/q", "--entries"],
    &["emr", "add-steps", "--cluster-id", "j-1", "--steps"],
    &["cloudwatch", "put-metric-data", "--namespace", "n", "--metric-data"],
    &["emr", "create-cluster", "--release-label", "r", "--use-default-roles", "--instance-groups"],
    &["ddb", "select", "t", "--filter"],
    &["ddb", "select", "t", "--key-condition", "a = 1", "--projection"],
    &[
        "ce",
        "get-cost-and-usage",
        "--time-period",
        "Start=2025-01-01,End=2025-02-01",
        "--granularity",
        "DAILY",
        "--metrics",
        "x",
        "--filter",
    ],
];

fuzz_target!(|value: &str| {
    let files = MemoryFiles::new(BYTES);
    files.write("f", Bytes::from_static(b"content")).expect("there is room");
    for option in OPTIONS {
        let words = option.iter().copied().chain([value]).map(str::to_owned).collect::<Vec<_>>();
        run(&words, &files, &Yes);
    }
});
