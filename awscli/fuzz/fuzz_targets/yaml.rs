//! YAML: parameters, templates of CloudFormation, and items of DynamoDB.
#![no_main]

use awscli::files::{Files, MemoryFiles};
use awscli::yaml::{Dialect, read};
use awscli_fuzz::{BYTES, Yes, run, words};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for dialect in [Dialect::Plain, Dialect::Items, Dialect::Config, Dialect::Template] {
        let _ = read(text, dialect);
    }
    let files = MemoryFiles::new(4 * BYTES);
    files.write("t", Bytes::copy_from_slice(text.as_bytes())).expect("there is room");
    for command in [
        "sts get-caller-identity --cli-input-yaml file://t",
        "dynamodb put-item --cli-input-yaml file://t",
        "ddb put t file://t",
        "cloudformation package --template-file t --s3-bucket b",
        "cloudformation deploy --template-file t --stack-name s --no-execute-changeset",
    ] {
        run(&words(&command.replace(' ', "\n")), &files, &Yes);
    }
});
