//! Waits that the host parks and goes on with. What they say in the end is what the official CLI 2.38.5 says after the same
//! answers in one go.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod session;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use awscli::files::MemoryFiles;
use awscli::park::{Park, Parked};
use awscli::parse::HttpResponse;
use awscli::session::{Output, Session};
use awscli::transport::{Reading, Sending, Transport, TransportError};
use bytes::Bytes;

static NO_FILES: MemoryFiles = MemoryFiles::new(0);

/// Gives its answers in order.
struct Service(Mutex<VecDeque<&'static str>>);

impl Transport for Service {
    fn send<'a>(&'a self, _: http::Request<Bytes>, _: Option<&'a url::Url>, _: Reading) -> Sending<'a> {
        let answer = self.0.lock().unwrap().pop_front();
        Box::pin(async move {
            let body =
                answer.ok_or_else(|| TransportError::Refused("nothing more is answered".to_owned()))?;
            Ok(HttpResponse { status: 200, headers: Vec::new(), body: body.into() })
        })
    }
}

/// How a host that has `left` runs a wait: from its words, or from where it was parked.
async fn wait(
    begin: Result<&str, &Parked>,
    service: &Service,
    park: Option<&Park<'_>>,
    left: Duration,
) -> Output {
    let mut session = Session { park, ..session::session(service, &NO_FILES) };
    session.budget.deadline = Instant::now() + left;
    match begin {
        Ok(line) => {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            awscli::run(&words, &session).await
        }
        Err(parked) => awscli::resume(parked, &session).await,
    }
}

fn service(answers: &[&'static str]) -> Service {
    Service(Mutex::new(answers.iter().copied().collect()))
}

const LINE: &str = "emr wait cluster-running --cluster-id j-1";
const STARTING: &str = r#"{"Cluster":{"Status":{"State":"STARTING"}}}"#;
const RUNNING: &str = r#"{"Cluster":{"Status":{"State":"RUNNING"}}}"#;
const FAILED: &str = r#"{"Cluster":{"Status":{"State":"TERMINATED_WITH_ERRORS"}}}"#;
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_parked_wait_goes_on_where_it_stood_whoever_runs_it() {
    let service = service(&[STARTING, STARTING, RUNNING]);
    let always = |_: &Parked| true;
    // Less time is left than until the next poll, and that is why hosts park.
    let output = wait(Ok(LINE), &service, Some(&always), SECOND).await;
    let mut parked = output.parked.unwrap();
    assert_eq!((output.exit_status, output.stderr.as_str(), output.calls), (130, "", 1));
    assert_eq!(
        parked,
        Parked {
            argv: LINE.split(' ').map(str::to_owned).collect(),
            polls: 1,
            max_polls: 60,
            after: 30 * SECOND
        }
    );

    let stored = serde_json::to_string(&parked).unwrap();
    parked = serde_json::from_str(&stored).unwrap();
    let output = wait(Err(&parked), &service, Some(&always), SECOND).await;
    parked = output.parked.unwrap();
    assert_eq!(parked.polls, 2);

    let output = wait(Err(&parked), &service, Some(&always), SECOND).await;
    assert_eq!((output.exit_status, output.parked, output.stderr.as_str()), (0, None, ""));
}

#[tokio::test]
async fn attempts_are_counted_over_all_runs() {
    let parked = |polls| Parked {
        argv: LINE.split(' ').map(str::to_owned).collect(),
        polls,
        max_polls: 60,
        after: 30 * SECOND,
    };
    for (polls, answer, said) in [
        (59, STARTING, "Max attempts exceeded"),
        (u32::MAX, STARTING, "Max attempts exceeded"),
        (
            7,
            FAILED,
            "Waiter encountered a terminal failure state: For expression \"Cluster.Status.State\" we matched expected \
             path: \"TERMINATED_WITH_ERRORS\"",
        ),
    ] {
        let output = wait(Err(&parked(polls)), &service(&[answer]), Some(&|_: &Parked| true), SECOND).await;
        let stderr = format!("\naws: [ERROR]: Waiter ClusterRunning failed: {said}\n");
        assert_eq!((output.exit_status, output.parked, output.stderr), (255, None, stderr), "{polls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_parks_nothing_waits_as_long_as_it_has_time() {
    let told = Mutex::new(Vec::new());
    let never = |parked: &Parked| {
        told.lock().unwrap().push(parked.polls);
        false
    };
    let output = wait(Ok(LINE), &service(&[STARTING, STARTING, RUNNING]), Some(&never), 3600 * SECOND).await;
    assert_eq!((output.exit_status, output.calls), (0, 3));
    assert_eq!(*told.lock().unwrap(), [1, 2]);

    let output = wait(Ok(LINE), &service(&[STARTING]), None, SECOND).await;
    assert_eq!((output.exit_status, output.calls, output.parked), (255, 1, None));
    assert!(output.stderr.contains("the time is up"), "{}", output.stderr);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_its_future() {
    let service = service(&[STARTING, RUNNING]);
    let waiting = wait(Ok(LINE), &service, None, 3600 * SECOND);
    assert!(tokio::time::timeout(SECOND, waiting).await.is_err());
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(service.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_result_that_looks_like_an_error_is_one_to_a_wait() {
    let answer = r#"{"Status":"Failed","Error":{"Code":"InternalServerError"}}"#;
    let output = wait(Ok("location wait job-completed --job-id 1"), &service(&[answer]), None, SECOND).await;
    let said =
        "\naws: [ERROR]: Waiter JobCompleted failed: An error occurred (InternalServerError): Unknown\n";
    assert_eq!((output.exit_status, output.stderr.as_str()), (255, said));
}
