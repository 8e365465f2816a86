//! What commands print, in every format, for answers and errors of a service. The expected texts are those of the
//! official CLI 2.38.5 for the same words and answers.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use awscli::files::{Files, MemoryFiles};
use awscli::parse::HttpResponse;
use awscli::session::{Budget, Credentials, NoJournal, Output, Session, Tokens};
use awscli::transport::{Sending, Transport, TransportError};
use bytes::Bytes;

/// Gives its answers in order.
struct Service(Mutex<VecDeque<(u16, &'static str)>>);

impl Transport for Service {
    fn send<'a>(&'a self, _: http::Request<Bytes>, _: Option<&'a url::Url>, _: usize) -> Sending<'a> {
        let answer = self.0.lock().unwrap().pop_front();
        Box::pin(async move {
            let (status, body) =
                answer.ok_or_else(|| TransportError::Refused("nothing more is answered".to_owned()))?;
            Ok(HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
        })
    }
}

/// Runs `words` where the service gives `answers` and there are `files`.
async fn run(words: &[&str], answers: &[(u16, &'static str)], files: &[(&str, &'static str)]) -> Output {
    let service = Service(Mutex::new(answers.iter().copied().collect()));
    let memory = MemoryFiles::new(1 << 20);
    for (path, content) in files {
        memory.write(path, Bytes::from_static(content.as_bytes())).unwrap();
    }
    let session = Session {
        credentials: Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
            account_id: Some("123456789012".into()),
        },
        region: Some("us-east-1".into()),
        endpoint: None,
        http: &service,
        files: &memory,
        stdin: Bytes::new(),
        budget: Budget {
            deadline: Instant::now() + Duration::from_secs(60),
            reserve: Duration::ZERO,
            calls: 100,
            pages: 50,
            output_bytes: 1 << 20,
            read_bytes: 1 << 20,
        },
        journal: &NoJournal,
        tokens: Tokens::Derived(uuid::Uuid::NAMESPACE_OID),
        hide_secrets: false,
        clock: Some(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_736_944_496)),
    };
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    awscli::run(&words, &session).await
}

/// What `line`, whose words are parted by spaces, prints for `answers`.
async fn printed(line: &str, answers: &[(u16, &'static str)]) -> (i32, String, String) {
    let words: Vec<&str> = line.split(' ').collect();
    let output = run(&words, answers, &[]).await;
    (output.exit_status, String::from_utf8(output.stdout).unwrap(), output.stderr)
}

const PAGES: [(u16, &str); 2] = [
    (200, r#"{"TableNames":["b","a"],"LastEvaluatedTableName":"a"}"#),
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
        (" --no-paginate", &PAGES, "LastEvaluatedTableName: a\nTableNames:\n- b\n- a\n"),
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
    let first = "- LastEvaluatedTableName: a\n  TableNames:\n  - b\n  - a\n";
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
async fn a_sample_of_a_result_is_refused_like_a_call_and_by_what_the_model_asks_of_results() {
    for (line, message) in [
        (
            "amp create-workspace --generate-cli-skeleton output",
            "Parameter validation failed:\nInvalid length for parameter kmsKeyArn, value: 9, valid min length: 20\n",
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
