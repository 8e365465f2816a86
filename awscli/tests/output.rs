//! What commands print, in every format, for answers and errors of a service. The expected texts are those of the
//! official CLI 2.38.5 for the same words and answers.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use awscli::files::{Files, MemoryFiles};
use awscli::parse::HttpResponse;
use awscli::session::{Budget, Credentials, NoJournal, Output, Session, Tokens};
use awscli::transport::{Sending, Transport, TransportError};
use bytes::Bytes;

/// Gives its answers in order.
struct Service(Mutex<std::vec::IntoIter<(u16, &'static str)>>);

impl Transport for Service {
    fn send<'a>(&'a self, _: http::Request<Bytes>, _: Option<&'a url::Url>, _: usize) -> Sending<'a> {
        let answer = self.0.lock().unwrap().next();
        Box::pin(async move {
            let (status, body) =
                answer.ok_or_else(|| TransportError::Refused("nothing more is answered".to_owned()))?;
            Ok(HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec() })
        })
    }
}

/// Runs `words` where the service gives `answers` and there are `files`.
async fn run(words: &[&str], answers: &[(u16, &'static str)], files: &[(&str, &'static str)]) -> Output {
    let service = Service(Mutex::new(answers.to_vec().into_iter()));
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
