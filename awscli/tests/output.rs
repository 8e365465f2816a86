//! What commands print, in every format, for answers and errors of a service. The expected texts are those of the
//! official CLI 2.38.5 for the same words and answers.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod session;

use std::collections::VecDeque;
use std::sync::Mutex;

use awscli::files::{Files, MemoryFiles};
use awscli::parse::HttpResponse;
use awscli::session::Output;
use awscli::transport::{Reading, Sending, Transport, TransportError};
use bytes::Bytes;
use session::session;

/// Gives its answers in order, and keeps the bodies of what it is asked.
struct Service {
    answers: Mutex<VecDeque<(u16, &'static str)>>,
    heard: Mutex<Vec<String>>,
}

impl Transport for Service {
    fn send<'a>(&'a self, request: http::Request<Bytes>, _: Option<&'a url::Url>, _: Reading) -> Sending<'a> {
        self.heard.lock().unwrap().push(String::from_utf8_lossy(request.body()).into_owned());
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move {
            let (status, body) =
                answer.ok_or_else(|| TransportError::Refused("nothing more is answered".to_owned()))?;
            Ok(HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
        })
    }
}

/// Runs `words` where the service gives `answers` and there are `files`. Gives the bodies of the requests, too.
async fn run(
    words: &[&str],
    answers: &[(u16, &'static str)],
    files: &[(&str, &'static str)],
) -> (Output, Vec<String>) {
    let service = Service { answers: Mutex::new(answers.iter().copied().collect()), heard: Mutex::default() };
    let memory = MemoryFiles::new(1 << 20);
    for (path, content) in files {
        memory.write(path, Bytes::from_static(content.as_bytes())).unwrap();
    }
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let output = awscli::run(&words, &session(&service, &memory)).await;
    (output, service.heard.into_inner().unwrap())
}

/// What `line`, whose words are parted by spaces, prints for `answers`.
async fn printed(line: &str, answers: &[(u16, &'static str)]) -> (i32, String, String) {
    let words: Vec<&str> = line.split(' ').collect();
    let (output, _) = run(&words, answers, &[]).await;
    (output.exit_status, String::from_utf8(output.stdout).unwrap(), output.stderr)
}

const PAGES: [(u16, &str); 2] = [
    (200, r#"{"TableNames":["b","a"],"LastEvaluatedTableName":"aaa"}"#),
    (200, r#"{"TableNames":["yes: no"]}"#),
];

#[tokio::test]
async fn results_are_shown_as_yaml() {
    let line = "dynamodb list-tables --output yaml";
    for (more, answers, shown) in [
        ("", &PAGES[..], "TableNames:\n- b\n- a\n- 'yes: no'\n"),
        (" --query TableNames[0]", &PAGES, "\"b\"\n"),
        (" --query TableNames[5]", &PAGES, "null\n"),
        (" --query {b:TableNames,a:`[{}]`}", &PAGES, "a:\n- {}\nb:\n- b\n- a\n- 'yes: no'\n"),
        (" --no-paginate", &PAGES, "LastEvaluatedTableName: aaa\nTableNames:\n- b\n- a\n"),
        (" --no-paginate", &[(200, "{}")], ""),
    ] {
        assert_eq!(
            printed(&format!("{line}{more}"), answers).await,
            (0, shown.to_owned(), String::new()),
            "{more}"
        );
    }
}

#[tokio::test]
async fn pages_are_shown_one_by_one_in_a_stream_of_yaml() {
    let line = "dynamodb list-tables --output yaml-stream";
    let first = "- LastEvaluatedTableName: aaa\n  TableNames:\n  - b\n  - a\n";
    let second = "- TableNames:\n  - 'yes: no'\n";
    for (more, answers, shown) in [
        ("", &PAGES[..], format!("{first}{second}")),
        (" --max-items 2", &PAGES, first.to_owned()),
        (" --query TableNames[1]", &PAGES, "- a\n- null\n".to_owned()),
        ("", &[(200, "{}")], "- {}\n".to_owned()),
        (" --no-paginate", &[(200, "{}")], String::new()),
    ] {
        assert_eq!(printed(&format!("{line}{more}"), answers).await, (0, shown, String::new()), "{more}");
    }
}

#[tokio::test]
async fn nothing_is_shown_if_output_is_off() {
    let shown = printed("dynamodb list-tables --output off", &PAGES).await;
    assert_eq!(shown, (0, String::new(), String::new()));
}

const TAG_SAMPLE: &str = "{\n    \"ResourceArn\": \"\",\n    \"Tags\": [\n        {\n            \"Key\": \"\",\n            \"Value\": \"\"\n        }\n    ]\n}\n";

#[tokio::test]
async fn samples_of_parameters_need_nothing_but_the_operation() {
    for (line, shown) in [
        ("acm tag-resource --generate-cli-skeleton", TAG_SAMPLE),
        ("acm tag-resource --generate-cli-skeleton input --resource-arn x", TAG_SAMPLE),
        ("sts get-caller-identity --generate-cli-skeleton", "{}\n"),
        ("sts get-caller-identity --generate-cli-skeleton yaml-input", "{}\n"),
        (
            "dms start-replication-task --generate-cli-skeleton yaml-input",
            // The comments lack the documentation that the official CLI has in them.
            "ReplicationTaskArn: ''  # [REQUIRED]\nStartReplicationTaskType: start-replication # [REQUIRED] Valid values are: \
             start-replication, resume-processing, reload-target.\nCdcStartTime: 1970-01-01 00:00:00\nCdcStartPosition: ''\n\
             CdcStopPosition: ''\n",
        ),
    ] {
        assert_eq!(printed(line, &[]).await, (0, shown.to_owned(), String::new()), "{line}");
    }
}

#[tokio::test]
async fn samples_of_results_are_shown_like_results() {
    let line = "cloudtrail get-trail-status --name x --generate-cli-skeleton output";
    for (more, shown) in [
        (" --query StopLoggingTime", "\"1970-01-01T00:00:00\"\n"),
        (" --query [StopLoggingTime,IsLogging] --output yaml", "- 1970-01-01 00:00:00\n- true\n"),
        (" --query [StopLoggingTime] --output text", "1970-01-01 00:00:00\n"),
        (" --query LatestDeliveryError --output text", "LatestDeliveryError\n"),
        (" --output off", ""),
    ] {
        let line = format!("{line}{more}");
        assert_eq!(printed(&line, &[]).await, (0, shown.to_owned(), String::new()), "{line}");
    }
}

#[tokio::test]
async fn a_sample_of_a_definition_is_translated_like_one() {
    let line = "datapipeline get-pipeline-definition --pipeline-id p --generate-cli-skeleton output";
    let (status, stdout, stderr) = printed(&format!("{line} --query objects"), &[]).await;
    let object = "[\n    {\n        \"id\": \"id\",\n        \"name\": \"name\",\n        \"key\": \"stringValue\"\n    }\n]\n";
    assert_eq!((status, stdout.as_str(), stderr.as_str()), (0, object, ""));
}

#[tokio::test]
async fn a_checksum_that_does_not_exist_is_no_mistake_of_the_form() {
    let line = "s3api put-object --bucket b --key k --checksum-algorithm FOO";
    let error = "\naws: [ERROR]: Unsupported checksum algorithm: foo\n";
    assert_eq!(printed(line, &[]).await, (255, String::new(), error.to_owned()));
}

#[tokio::test]
async fn a_sample_of_a_result_is_refused_like_a_call_and_by_what_the_model_asks_of_results() {
    for (line, message) in [
        (
            "amp create-workspace --generate-cli-skeleton output",
            "Parameter validation failed:\nInvalid length for parameter kmsKeyArn, value: 9, valid min length: 20\n",
        ),
        (
            "appconfig get-deployment-strategy --deployment-strategy-id x --generate-cli-skeleton output",
            "Parameter validation failed:\nInvalid value for parameter GrowthFactor, value: 0.0, valid min value: 1.0\n",
        ),
        (
            "dynamodb list-tables --max-items 1 --generate-cli-skeleton output",
            "Parameter validation failed:\nUnknown parameter in input: \"PaginationConfig\", must be one of: \
             ExclusiveStartTableName, Limit\n",
        ),
    ] {
        let stderr = format!("\naws: [ERROR]: An error occurred (ParamValidation): {message}");
        assert_eq!(printed(line, &[]).await, (252, String::new(), stderr), "{line}");
    }
    for (line, missing) in [
        ("acm tag-resource --generate-cli-skeleton output", "--resource-arn, --tags"),
        ("acm tag-resource --generate-cli-skeleton=input", "--resource-arn, --tags"),
        ("lambda invoke --generate-cli-skeleton", "--function-name, outfile"),
    ] {
        let (status, _, stderr) = printed(line, &[]).await;
        assert!(status == 252 && stderr.contains(&format!("required: {missing}\n")), "{line}: {stderr}");
    }
}

#[tokio::test]
async fn parameters_come_as_yaml_or_json() {
    let files = [
        ("a.yaml", "TableName: abc\n"),
        (
            "b.yaml",
            "MessageBody: |\n  a\n  b\nQueueUrl: q\nMessageAttributes:\n  a: {DataType: Binary, BinaryValue: !!binary aGk=}\n",
        ),
        ("c.yaml", "StartTime: 2020-01-01 01:02:03\nEndTime: \"2020-01-01\"\n"),
    ];
    for (line, body) in [
        ("dynamodb describe-table --cli-input-yaml file://a.yaml", r#"{"TableName": "abc"}"#),
        (
            "dynamodb describe-table --cli-input-yaml file://a.yaml --table-name xyz",
            r#"{"TableName": "xyz"}"#,
        ),
        ("dynamodb describe-table --cli-input-json {\"TableName\":\"abc\"}", r#"{"TableName": "abc"}"#),
        (
            "sqs send-message --cli-input-yaml file://b.yaml",
            r#"{"MessageBody": "a\nb\n", "QueueUrl": "q", "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": "aGk="}}}"#,
        ),
        (
            "cloudtrail lookup-events --no-paginate --cli-input-yaml file://c.yaml",
            r#"{"StartTime": 1577840523, "EndTime": 1577836800}"#,
        ),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let (output, heard) = run(&words, &[(200, "{}")], &files).await;
        assert_eq!((output.stderr.as_str(), heard.as_slice()), ("", [body.to_owned()].as_slice()), "{line}");
    }
}

#[tokio::test]
async fn parameters_as_yaml_or_json_are_refused_as_there() {
    let detector = "guardduty get-detector --cli-input-yaml ";
    let table = "dynamodb describe-table --cli-input-json ";
    let list = "dynamodb list-tables --cli-input-yaml ";
    let invalid = "Error parsing parameter 'cli-input-yaml': Invalid YAML received.";
    let kind = |option: &str, kind: &str| {
        format!(
            "Error parsing parameter '--cli-input-{option}': Invalid type: expecting map, received <class '{kind}'>"
        )
    };
    let wrong = |value: &str, kind: &str| {
        format!(
            "Parameter validation failed:\nInvalid type for parameter DetectorId, value: {value}, type: <class '{kind}'>, valid \
             types: <class 'str'>"
        )
    };
    for (line, text, message) in [
        (detector, "a: b: c", invalid.to_owned()),
        (detector, "DetectorId: a\nDetectorId: b", invalid.to_owned()),
        (detector, "- a", kind("yaml", "list")),
        (detector, "", kind("yaml", "NoneType")),
        (detector, "DetectorId: 017", wrong("17", "int")),
        (detector, "DetectorId: 2020-01-01", wrong("2020-01-01", "datetime.date")),
        (detector, "DetectorId: 2020-01-01T00:00:00Z", wrong("2020-01-01 00:00:00+00:00", "datetime.datetime")),
        (detector, "DetectorId: !!binary aGk=", wrong("b'hi'", "bytes")),
        (
            "sqs send-message --message-body a --queue-url q --cli-input-yaml ",
            "MessageAttributes: {5: {DataType: String}}",
            "Parameter validation failed:\nInvalid type for parameter MessageAttributes (key: 5), value: 5, type: <class \
             'int'>, valid types: <class 'str'>"
                .to_owned(),
        ),
        (
            "bedrock-runtime converse --model-id a --messages [] --cli-input-yaml ",
            "additionalModelRequestFields: {d: 2020-01-01}",
            "Parameter validation failed:\nInvalid type for document parameter d, value: 2020-01-01, type: <class \
             'datetime.date'>, valid types: <class 'str'>, <class 'int'>, <class 'bool'>, <class 'float'>, <class 'list'>, \
             <class 'dict'>"
                .to_owned(),
        ),
        (
            list,
            "file://none.yaml",
            "Error parsing parameter '--cli-input-yaml': Unable to load paramfile file://none.yaml: [Errno 2] No such file or \
             directory: 'none.yaml'"
                .to_owned(),
        ),
        (table, "[1]", kind("json", "list")),
        (table, "{", "Error parsing parameter 'cli-input-json': Invalid JSON received.".to_owned()),
        (
            "dynamodb list-tables --max-items 3 --cli-input-json ",
            "{\"Limit\":5}",
            "Parameter validation failed:\nUnknown parameter in input: \"PaginationConfig\", must be one of: \
             ExclusiveStartTableName, Limit"
                .to_owned(),
        ),
        (
            "dynamodb list-tables --cli-input-json {} --cli-input-yaml ",
            "{}",
            "Only one --cli-input- parameter may be specified.".to_owned(),
        ),
    ] {
        let mut words: Vec<&str> = line.trim_end().split(' ').collect();
        words.push(text);
        let (output, _) = run(&words, &[], &[]).await;
        let stderr = format!("\naws: [ERROR]: An error occurred (ParamValidation): {message}\n");
        assert_eq!((output.exit_status, output.stderr), (252, stderr), "{line}{text}");
    }
    let (output, _) = run(&["guardduty", "get-detector", "--cli-input-yaml", "5: a"], &[], &[]).await;
    assert_eq!(
        (output.exit_status, output.stderr.as_str()),
        (255, "\naws: [ERROR]: keywords must be strings\n")
    );
}

#[tokio::test]
async fn errors_are_shown_in_the_format_that_is_asked_for() {
    let refused = [(404, r#"{"Type":"User","Message":"no","__type":"ResourceNotFoundException"}"#)];
    let sentence = "\naws: [ERROR]: An error occurred (ResourceNotFoundException) when calling the GetFunction operation: no\n";
    let missing = "Parameter validation failed:\nMissing required parameter in TransactItems[0]: \"Get\"";
    for (format, service, own) in [
        (
            "enhanced",
            format!("{sentence}\nAdditional error details:\nType: User\n"),
            format!("\naws: [ERROR]: An error occurred (ParamValidation): {missing}\n"),
        ),
        ("legacy", sentence.to_owned(), format!("\naws: [ERROR]: {missing}\n")),
        (
            "json",
            "{\n    \"Message\": \"no\",\n    \"Code\": \"ResourceNotFoundException\",\n    \"Type\": \"User\"\n}\n".to_owned(),
            "{\n    \"Code\": \"ParamValidation\",\n    \"Message\": \"Parameter validation failed:\\nMissing required parameter in \
             TransactItems[0]: \\\"Get\\\"\"\n}\n"
                .to_owned(),
        ),
        (
            "yaml",
            "Code: ResourceNotFoundException\nMessage: no\nType: User\n".to_owned(),
            "Code: ParamValidation\nMessage: 'Parameter validation failed:\n\n  Missing required parameter in \
             TransactItems[0]: \"Get\"'\n"
                .to_owned(),
        ),
        (
            "text",
            "ResourceNotFoundException\tno\tUser\n".to_owned(),
            format!("ParamValidation\t{missing}\n"),
        ),
    ] {
        let line = format!("lambda get-function --function-name f --cli-error-format {format}");
        assert_eq!(printed(&line, &refused).await, (254, String::new(), service), "{format}");
        let line = format!("dynamodb transact-get-items --transact-items {{}} --cli-error-format {format}");
        assert_eq!(printed(&line, &[]).await, (252, String::new(), own), "{format}");
    }
    let (_, _, stderr) = printed("dynamodb --cli-error-format yaml", &[]).await;
    assert!(
        stderr.starts_with(
            "Code: ParamValidation\nMessage: \"the following arguments are required: operation\\n"
        )
    );
    for line in [
        "dynamodb describe-table --table-name abc --bogus --cli-error-format json",
        "nothing --cli-error-format json",
        "lambda invoke --function-name f --payload x out --cli-error-format json",
    ] {
        let (_, _, stderr) = printed(line, &[]).await;
        assert!(stderr.contains("aws: [ERROR]: "), "without a code, or not understood: {stderr}");
    }
}
