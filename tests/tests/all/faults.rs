//! What people see when a part fails, and what must not happen then.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use local::aws::{DEV, HOME};
use local::fault::{Fault, Match};
use local::lambda::{Function, Lambda};
use local::queues::EventSource;
use local::slack::fault::{Fault as SlackFault, RESPONSE_URL};
use local::stack::{Faults, Options, Seed, Stack};
use serde_json::json;
use shared::ids::JobId;
use shared::job::{JOB_VERSION, Job, MAX_START_DELAY, Task};
use shared::secret::Secret;
use tests::conversation::{
    PATIENCE, answer, answer_within, ask, bodies_in_queue, end, forget_all, job_of, redacted, seat,
    start_with,
};

/// A time limit that leaves the worker room to start calls, since it keeps some of it for the answer.
const SHORT_TIMEOUT: Duration = Duration::from_secs(50);
/// Until a dead worker's job is told about: its lease (time limit and 6 s) and a sweep, on a busy machine.
const LEASE_AND_SWEEP: Duration = Duration::from_secs(90);

fn with_faults(options: &mut Options) {
    options.faults = true;
}

fn with_short_leases(options: &mut Options) {
    options.faults = true;
    options.function_timeout = SHORT_TIMEOUT;
    options.sweeper_interval = Duration::from_secs(1);
}

fn faults(stack: &Stack) -> &Faults {
    stack.faults.as_ref().unwrap()
}

/// Makes a queue in the development account, to count what commands send. Gives its address.
async fn queue(stack: &Stack, name: &str) -> String {
    let input = json!({ "QueueName": name });
    let made = stack.client(DEV).unwrap().json("sqs", "AmazonSQS.CreateQueue", &input).await.unwrap();
    made["QueueUrl"].as_str().unwrap().to_owned()
}

/// The command that sends `body` to the queue at `url`: a mutating call without an idempotency token.
fn send_message(url: &str, body: &str) -> String {
    format!("/alfred-invoke aws sqs send-message --queue-url {url} --message-body {body}")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Puts `record` on the jobs queue, past ingress.
async fn put_on_queue(stack: &Stack, record: &str) {
    let input = json!({ "QueueUrl": stack.home.jobs_queue, "MessageBody": record });
    stack.client(HOME).unwrap().json("sqs", "AmazonSQS.SendMessage", &input).await.unwrap();
}

/// A job as ingress would have written it at `typed_at`.
fn job(signature: &str, text: &str, typed_at: u64, response_url: &str) -> Job {
    Job {
        version: JOB_VERSION,
        id: JobId::from_signature(signature),
        tenant: "T0ALFRED1".parse().unwrap(),
        enterprise: None,
        user: "U0BEN".parse().unwrap(),
        channel: "C0OPS".parse().unwrap(),
        task: Task::Invoke { text: text.into() },
        typed_at,
        response_url: Some(Secret::new(response_url.into())),
    }
}

/// F1, F2, F14: copies of one job at the same time, and again after its end.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_job_run_once() {
    let stack = start_with(with_faults).await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let url = queue(&stack, "copies").await;
    // The copies come while the first one is being worked on.
    let assume = Match::operation("sts", "AssumeRole");
    faults(&stack).worker_aws.inject(assume, Fault::Delay(Duration::from_millis(500)), 0, 1);
    let typed = anna.types(&send_message(&url, "sent-only-once")).await;
    let request = typed.request.as_ref().unwrap();
    for _ in 0..3 {
        assert_eq!(stack.slack.replay(request).await.status, Some(200));
    }
    answer(&anna, &job_of(&typed)).await;
    assert_eq!(stack.slack.replay(request).await.status, Some(200));
    ask(&anna, "/alfred-invoke aws s3 ls").await;
    assert_eq!(bodies_in_queue(&stack, "copies").await, ["sent-only-once"]);
    let answers = anna.sees().iter().filter(|message| message.rendered().contains(&job_of(&typed))).count();
    assert_eq!(answers, 2, "the acknowledgement and one answer:\n{}", anna.transcript());
    end(stack, &["sent-only-once"]).await;
}

/// F4, and the limit at, below and above it.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waited_too_long_is_not_run() {
    let stack = start_with(with_faults).await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let typed = ben.types("/alfred-invoke aws s3 ls").await;
    answer(&ben, &job_of(&typed)).await;
    let url = typed.response_url.unwrap();
    // Time goes on while a record travels, so "at the limit" can only be shown from a little below it.
    for (age, runs) in [(MAX_START_DELAY - 60, true), (MAX_START_DELAY + 1, false), (13 * 24 * 3600, false)] {
        let late = job(&format!("late {age}"), "aws sts get-caller-identity", now() - age, &url);
        put_on_queue(&stack, &late.to_record().unwrap()).await;
        // The response_url of the old one is past its life, so the answer comes as an ephemeral message.
        let seen = answer(&ben, late.id.short()).await.rendered();
        assert_eq!(seen.contains("assumed-role/ReadOnly"), runs, "{age} s: {seen}");
        assert_eq!(
            seen.to_lowercase().contains("expired") || seen.contains("not run"),
            !runs,
            "{age} s: {seen}"
        );
    }
    end(stack, &[]).await;
}

/// F5: the queue refuses, is slow, or takes the job and does not say so.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_cannot_be_queued_is_owned_up_to_in_time() {
    let stack = start_with(with_faults).await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let send = || Match::operation("sqs", "SendMessage");
    let cases = [
        (Fault::status(500), "refused"),
        (Fault::throttled_json(), "throttled"),
        (Fault::Delay(Duration::from_secs(5)), "slow"),
        (Fault::Refuse, "unreachable"),
    ];
    for (fault, what) in cases {
        faults(&stack).ingress_aws.clear();
        faults(&stack).ingress_aws.inject(send(), fault, 0, usize::MAX);
        let typed = ben.types("/alfred-invoke aws s3 ls").await;
        assert_eq!(typed.error, None, "{what}: {typed:?}");
        assert!(typed.elapsed < Duration::from_millis(2500), "{what}: {:?}", typed.elapsed);
        assert!(typed.body.contains("The job queue"), "{what}: {}", typed.body);
        assert!(!typed.body.contains("Running"), "{what}: {}", typed.body);
    }
    // One failure is tried again without a word.
    faults(&stack).ingress_aws.clear();
    faults(&stack).ingress_aws.inject(send(), Fault::status(500), 0, 1);
    let typed = ben.types("/alfred-invoke aws s3 ls").await;
    answer(&ben, &job_of(&typed)).await;
    // A lost answer leads to a second copy of the same job, which is harmless.
    faults(&stack).ingress_aws.inject(send(), Fault::LoseAnswer, 0, 1);
    let typed = ben.types("/alfred-invoke aws sts get-caller-identity").await;
    let job = job_of(&typed);
    answer(&ben, &job).await;
    ask(&ben, "/alfred-invoke aws s3 ls").await;
    let answers = ben.sees().iter().filter(|message| message.rendered().contains(&job)).count();
    assert_eq!(answers, 2, "{}", ben.transcript());
    end(stack, &[]).await;
}

/// F8, F9, F10: the worker dies before it sent anything, with a call on its way, and before it could answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_workers_jobs_end_as_far_as_they_came() {
    let stack = start_with(with_short_leases).await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let url = queue(&stack, "killed").await;
    let worker_aws = &faults(&stack).worker_aws;
    let hang = || Fault::Delay(Duration::from_secs(20));
    let seen = |of: Match, times: usize| async move {
        let reached = async {
            while worker_aws.count(&of) < times {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("no {of:?}"));
    };

    // Before the first mutating call: it runs once, later. The claim is written, the role is being assumed.
    let assume = Match::operation("sts", "AssumeRole");
    worker_aws.inject(assume.clone(), hang(), 0, 1);
    let before = anna.types(&send_message(&url, "before-intent")).await;
    seen(assume.clone(), 1).await;
    assert_eq!(stack.worker.kill_busy(), 1);

    // With the call on its way: it is unknown, and never sent again.
    let send = Match::operation("sqs", "SendMessage").containing("unknown-call");
    worker_aws.inject(send.clone(), hang(), 0, 1);
    let during = anna.types(&send_message(&url, "unknown-call")).await;
    seen(send, 1).await;
    assert_eq!(stack.worker.kill_busy(), 1);

    // After the call, before the answer is posted: the stored answer comes, the call is not made again.
    stack.slack.fail_next(RESPONSE_URL, SlackFault::Slow(Duration::from_secs(20)));
    let after = anna.types(&send_message(&url, "before-answer")).await;
    let posting = || stack.slack.calls().iter().any(|call| call.place == RESPONSE_URL);
    while !posting() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(stack.worker.kill_busy(), 1);

    let seen = answer_within(&anna, &job_of(&before), LEASE_AND_SWEEP).await.rendered();
    assert!(seen.contains("MessageId"), "{seen}");
    let seen = answer_within(&anna, &job_of(&after), LEASE_AND_SWEEP).await.rendered();
    assert!(seen.contains("MessageId"), "{seen}");
    let seen = answer_within(&anna, &job_of(&during), LEASE_AND_SWEEP).await.rendered();
    insta::assert_snapshot!("interrupted_call", redacted(&seen));

    let mut bodies = bodies_in_queue(&stack, "killed").await;
    bodies.sort();
    assert_eq!(bodies, ["before-answer", "before-intent"]);
    end(stack, &["before-intent", "unknown-call", "before-answer"]).await;
}

/// F11: no new call starts near the end of the function's time.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_command_stops_between_two_calls() {
    let stack = start_with(with_short_leases).await;
    for number in 0..20 {
        let item =
            json!({ "TableName": "dev-orders", "Item": { "order": { "S": format!("order-{number}") } } });
        stack.client(DEV).unwrap().json("dynamodb", "DynamoDB_20120810.PutItem", &item).await.unwrap();
    }
    let scan = Match::operation("dynamodb", "Scan");
    let proxy = &faults(&stack).worker_aws;
    proxy.inject(scan.clone(), Fault::Delay(Duration::from_secs(2)), 0, usize::MAX);
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let started = Instant::now();
    let command =
        "/alfred-invoke aws dynamodb scan --table-name dev-orders --page-size 1 --query Items[].order.S";
    let seen = ask(&ben, command).await;
    assert!(started.elapsed() < SHORT_TIMEOUT, "{:?}: {seen}", started.elapsed());
    // Every call that was begun was also finished, and the person knows that there is more.
    let read = seen.matches("order-").count();
    assert_eq!(proxy.count(&scan), read, "{seen}");
    assert!((2..20).contains(&read), "{seen}");
    assert!(seen.contains("Not complete: the time is up"), "{seen}");
    end(stack, &[]).await;
}

/// F12: a mutating call without a token is sent once, whatever happens to its answer; reads and refusals are retried.
#[tokio::test(flavor = "multi_thread")]
async fn a_mutating_call_is_never_sent_twice() {
    let stack = start_with(with_faults).await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let url = queue(&stack, "once").await;
    let proxy = &faults(&stack).worker_aws;
    let send = Match::operation("sqs", "SendMessage");
    for (number, fault) in
        [Fault::LoseAnswer, Fault::Refuse, Fault::status(500), Fault::status(503)].into_iter().enumerate()
    {
        let before = proxy.count(&send);
        proxy.inject(send.clone(), fault.clone(), 0, 1);
        let seen = ask(&anna, &send_message(&url, &format!("message-{number}"))).await;
        assert_eq!(proxy.count(&send) - before, 1, "{fault:?}: {seen}");
        assert!(!seen.contains("MessageId"), "{fault:?}: {seen}");
        if number == 0 {
            insta::assert_snapshot!("unknown_outcome", redacted(&seen));
        }
    }
    assert_eq!(
        bodies_in_queue(&stack, "once").await,
        ["message-0"],
        "only the lost answer's message arrived"
    );

    // AWS says that it did nothing: safe to send again.
    proxy.inject(send.clone(), Fault::throttled_json(), 0, 1);
    let seen = ask(&anna, &send_message(&url, "throttled")).await;
    assert!(seen.contains("MessageId"), "{seen}");
    // A read may be repeated after anything.
    let list = Match::operation("sqs", "ListQueues");
    proxy.inject(list.clone(), Fault::status(500), 0, 1);
    proxy.inject(list.clone(), Fault::LoseAnswer, 0, 1);
    let seen = ask(&anna, "/alfred-invoke aws sqs list-queues").await;
    assert!(seen.contains("QueueUrls"), "{seen}");
    assert_eq!(proxy.count(&list), 3);
    end(stack, &[]).await;
}

/// F13, F15, F16, F17: the ledger fails at each of its writes.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_that_the_ledger_does_not_know() {
    let stack = start_with(with_short_leases).await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let url = queue(&stack, "ledger").await;
    let proxy = &faults(&stack).worker_aws;
    ask(&anna, "/alfred-invoke aws s3 ls").await;

    // The claim's answer is lost: the table shows whose claim it is.
    proxy.inject(Match::operation("dynamodb", "PutItem"), Fault::LoseAnswer, 0, 1);
    let seen = ask(&anna, &send_message(&url, "claim-lost")).await;
    assert!(seen.contains("MessageId"), "{seen}");

    // INTENT cannot be written: the call is not made.
    proxy.inject(Match::operation("dynamodb", "UpdateItem").containing("INTENT"), Fault::status(500), 0, 10);
    let seen = ask(&anna, &send_message(&url, "no-intent")).await;
    assert!(!seen.contains("MessageId"), "{seen}");
    insta::assert_snapshot!("intent_not_written", redacted(&seen));
    proxy.clear();

    // DONE cannot be written: the result comes all the same, with a note.
    proxy.inject(Match::operation("dynamodb", "UpdateItem").containing("DONE"), Fault::status(500), 0, 10);
    let seen = ask(&anna, &send_message(&url, "no-done")).await;
    assert!(seen.contains("MessageId"), "{seen}");
    proxy.clear();

    // The claim is throttled for a while: the record comes back, and runs then.
    proxy.inject(Match::operation("dynamodb", "PutItem"), Fault::throttled_json(), 0, 3);
    let typed = anna.types(&send_message(&url, "claim-throttled")).await;
    let seen = answer_within(&anna, &job_of(&typed), LEASE_AND_SWEEP).await.rendered();
    assert!(seen.contains("MessageId"), "{seen}");

    let mut bodies = bodies_in_queue(&stack, "ledger").await;
    bodies.sort();
    assert_eq!(bodies, ["claim-lost", "claim-throttled", "no-done"]);
    end(stack, &[]).await;
}

/// F19: STS refuses or throttles.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_role_nothing_runs() {
    let stack = start_with(with_faults).await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let proxy = &faults(&stack).worker_aws;
    let assume = Match::operation("sts", "AssumeRole");
    let denied = Fault::Answer {
        status: 403,
        headers: vec![("content-type", "text/xml".into())],
        body: "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform \
               sts:AssumeRole</Message></Error><RequestId>0</RequestId></ErrorResponse>"
            .into(),
    };
    proxy.inject(assume.clone(), denied, 0, 1);
    let seen = ask(&ben, "/alfred-invoke aws s3 ls").await;
    insta::assert_snapshot!("role_refused", redacted(&seen));
    proxy.inject(assume.clone(), Fault::throttled_query(), 0, 20);
    let seen = ask(&ben, "/alfred-invoke aws s3 ls").await;
    assert!(!seen.contains("wayne-dev"), "{seen}");
    assert_eq!(proxy.seen().iter().filter(|seen| seen.service == "s3").count(), 0);
    end(stack, &[]).await;
}

/// F20: KMS is away. Nothing starts, and the answer needs no token.
#[tokio::test(flavor = "multi_thread")]
async fn without_kms_nothing_starts_and_the_person_hears_of_it() {
    let stack = start_with(with_faults).await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    forget_all(&stack.worker).await;
    faults(&stack).worker_aws.inject(
        Match { service: Some("kms".into()), ..Match::any() },
        Fault::status(500),
        0,
        usize::MAX,
    );
    let seen = ask(&ben, "/alfred-invoke aws s3 ls").await;
    insta::assert_snapshot!("kms_away", redacted(&seen));
    end(stack, &[]).await;
}

/// F21, F22, F23, F24: Slack is busy, broken, has given up the response_url, or does not say whether it posted.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_finds_its_way_when_slack_fails() {
    let stack = start_with(with_faults).await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    for fault in [SlackFault::RateLimited(1), SlackFault::Status(500), SlackFault::Cut] {
        stack.slack.fail_next(RESPONSE_URL, fault.clone());
        let seen = ask(&ben, "/alfred-invoke aws s3 ls").await;
        assert!(seen.contains("wayne-dev-assets"), "{fault:?}: {seen}");
    }
    // Obeyed, not hammered.
    let posts = || stack.slack.calls().iter().filter(|call| call.place == RESPONSE_URL).count();
    let before = posts();
    stack.slack.fail_next(RESPONSE_URL, SlackFault::RateLimited(2));
    ask(&ben, "/alfred-invoke aws s3 ls").await;
    assert_eq!(posts() - before, 2);

    // The response_url is dead: the token takes over, for the caller's eyes only.
    stack.slack.fail_always(RESPONSE_URL, Some(SlackFault::Status(404)));
    let typed = ben.types("/alfred-invoke aws s3 ls").await;
    let shown = answer(&ben, &job_of(&typed)).await;
    assert!(shown.only_you && shown.rendered().contains("wayne-dev-assets"), "{}", shown.rendered());
    // That way is dead too: a direct message.
    stack.slack.fail_always("chat.postEphemeral", Some(SlackFault::Word("user_not_in_channel")));
    let typed = ben.types("/alfred-invoke aws s3 ls").await;
    let direct = stack.slack.acts_as("U0BEN").in_direct_messages();
    assert!(answer(&direct, &job_of(&typed)).await.rendered().contains("wayne-dev-assets"));
    stack.slack.fail_always(RESPONSE_URL, None);
    stack.slack.fail_always("chat.postEphemeral", None);

    // Posted, and the answer to the post lost: at worst the same text twice, with the job's id in it.
    stack.slack.fail_next(RESPONSE_URL, SlackFault::CutAfter);
    let typed = ben.types("/alfred-invoke aws s3 ls").await;
    answer(&ben, &job_of(&typed)).await;
    ask(&ben, "/alfred-invoke aws sts get-caller-identity").await;
    let copies = ben.sees().iter().filter(|message| message.rendered().contains(&job_of(&typed))).count();
    assert!((2..=3).contains(&copies), "{copies}");
    end(stack, &[]).await;
}

/// F31: a newer deployment's record waits for a worker that understands it.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_newer_version_is_given_back_and_not_run() {
    // The test polls by itself: when a poll has ended, its record has been deleted or never will be.
    let stack = start_with(|options| {
        options.seed = Seed::Empty;
        options.worker_concurrency = 0;
    })
    .await;
    let home = stack.client(HOME).unwrap();
    let function = Function { concurrency: 1, ..stack.worker.function().clone() };
    let worker = Lambda::new(function, stack.logs.clone());
    let queue_url = stack.home.jobs_queue.clone();
    let source = EventSource { client: home.clone(), queue_url, function: worker.clone() };
    let url = format!("{}/commands/T0ALFRED1/1/unknown", stack.slack.base_url());
    let mut record = job("newer", "aws sts get-caller-identity", now(), &url);
    // The version is the only difference: the first record stays on the queue, the second becomes a row of the ledger.
    for (version, rows) in [(JOB_VERSION + 1, 0), (JOB_VERSION, 1)] {
        record.version = version;
        put_on_queue(&stack, &record.to_record().unwrap()).await;
        source.poll().await.unwrap();

        let hidden = "ApproximateNumberOfMessagesNotVisible";
        let input = json!({ "QueueUrl": source.queue_url, "AttributeNames": [hidden] });
        let attributes = home.json("sqs", "AmazonSQS.GetQueueAttributes", &input).await.unwrap();
        assert_eq!(attributes["Attributes"][hidden], "1", "version {version}");
        let scan = json!({ "TableName": "alfred-jobs" });
        let ledger = home.json("dynamodb", "DynamoDB_20120810.Scan", &scan).await.unwrap();
        let jobs = ledger["Items"].as_array().unwrap().iter().filter(|item| item.get("state").is_some());
        assert_eq!(jobs.count(), rows, "version {version}: {ledger}");
    }
    worker.shut_down();
    worker.gone().await;
    end(stack, &[]).await;
}

/// F26, F28: records that nobody can read, and text that queues do not take.
#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_record_blocks_nothing_and_its_sender_hears_of_it() {
    let stack = start_with(|options| {
        options.faults = true;
        options.function_timeout = SHORT_TIMEOUT;
        // With the default of 5 and a visibility timeout of 50 s the end would come after four minutes.
        options.max_receives = 1;
    })
    .await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    for garbage in ["no json", "{}", "[]", r#"{"version":1}"#, r#"{"version":1,"id":"x"}"#] {
        put_on_queue(&stack, garbage).await;
    }
    let typed = ben.types("/alfred-invoke aws s3 ls").await;
    let url = typed.response_url.clone().unwrap();
    answer(&ben, &job_of(&typed)).await;

    // A form that this build does not know, with a sender in it.
    let mut newer = serde_json::to_value(job("newer", "aws s3 ls", now(), &url)).unwrap();
    newer["version"] = json!(JOB_VERSION + 1);
    newer["task"] = json!({ "kind": "fly" });
    put_on_queue(&stack, &newer.to_string()).await;
    let id = JobId::from_signature("newer");
    let seen = answer_within(&ben, id.short(), Duration::from_secs(170)).await.rendered();
    insta::assert_snapshot!("dead_record", redacted(&seen));

    // Anything that can be typed reaches the worker or is refused at once: never a failure of ingress.
    for text in ["s3 ls s3://\u{fffe}", "s3 ls '\u{1f980} é ﷽'", "s3 ls \u{fffd}", "s3 ls s3://\u{b}"] {
        let typed = ben.types(&format!("/alfred-invoke aws {text}")).await;
        assert_eq!((typed.status, typed.error.as_deref()), (Some(200), None), "{text:?}");
        if typed.body.contains("job `") {
            answer(&ben, &job_of(&typed)).await;
        }
    }
    end(stack, &[]).await;
}
