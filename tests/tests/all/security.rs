//! The cases that an attacker, a careless person or hostile data would try. Each says what must not happen.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local::aws::{DEV, HOME};
use local::seed::TABLES;
use local::slack::delivery::Variant;
use local::slack::fault::{Fault, RESPONSE_URL};
use local::stack::Stack;
use serde_json::json;
use tests::conversation::{
    PATIENCE, answer, ask, bodies_in_queue, end, forget_all, job_of, seat, start, start_with, update_item,
};
use tests::witness;

/// The services that the worker itself needs. A command that is refused reaches no other.
const OWN_SERVICES: [&str; 3] = ["dynamodb", "kms", "sqs"];

/// Requests of the worker to AWS on behalf of commands.
fn calls_for_commands(stack: &Stack) -> usize {
    let proxy = &stack.faults.as_ref().unwrap().worker_aws;
    // With this the worker opens its connection to STS when it starts.
    let opens = |operation: &str| operation == "GetCallerIdentity";
    let calls = proxy.seen().into_iter();
    calls.filter(|seen| !OWN_SERVICES.contains(&seen.service.as_str()) && !opens(&seen.operation)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_slack_did_not_sign_now_are_refused_without_a_trace() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let before = stack.worker.invocations();
    for variant in [
        Variant::NoSignature,
        Variant::NoTimestamp,
        Variant::WrongDigit,
        Variant::WrongVersion,
        Variant::WrongSecret,
        Variant::AlteredBody,
        Variant::TwoSignatures,
        Variant::Aged(301),
        Variant::Aged(-301),
    ] {
        let typed = ben.types_as("/alfred-invoke aws s3 ls", variant).await;
        assert_eq!((typed.status, typed.body.as_str()), (Some(401), ""), "{variant:?}");
    }
    assert_eq!(stack.worker.invocations(), before);
    // Just inside the window it is a request like any other.
    let typed = ben.types_as("/alfred-invoke aws s3 ls", Variant::Aged(290)).await;
    answer(&ben, &job_of(&typed)).await;
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_request_runs_nothing_again() {
    let stack = start().await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    let queue = json!({ "QueueName": "replayed" });
    stack.client(DEV).unwrap().json("sqs", "AmazonSQS.CreateQueue", &queue).await.unwrap();
    let url = stack.client(DEV).unwrap().json("sqs", "AmazonSQS.GetQueueUrl", &queue).await.unwrap();
    let url = url["QueueUrl"].as_str().unwrap();
    let typed = anna
        .types(&format!("/alfred-invoke aws sqs send-message --queue-url {url} --message-body once"))
        .await;
    let job = job_of(&typed);
    let first = answer(&anna, &job).await.rendered();
    let invocations = stack.worker.invocations();

    let again = stack.slack.replay(typed.request.as_ref().unwrap()).await;
    assert_eq!(again.status, Some(200));
    assert_eq!(job_of(&again), job, "the copy must be the same job");
    let ended = stack.slack.wait_for(PATIENCE, |_| {
        let idle = stack.worker.instances().iter().all(|instance| instance.busy.is_none());
        (stack.worker.invocations() > invocations && idle).then_some(())
    });
    // The worker says nothing new in Slack, so nothing there wakes the wait: another command does.
    let (_, ()) = tokio::join!(ended, async {
        ask(&anna, "/alfred-invoke aws sts get-caller-identity").await;
    });
    assert_eq!(bodies_in_queue(&stack, "replayed").await, ["once"], "{first}");
    end(stack, &[]).await;
}

/// What must be refused before any AWS call is made for it, whoever asks.
const REFUSED: &[&str] = &[
    // Shell syntax.
    "aws s3 ls; curl http://x",
    "aws s3 ls && rm -rf /",
    "aws s3 ls `id`",
    "aws s3 ls $(cat /etc/passwd)",
    "aws s3 ls | sh",
    "aws s3 ls > /tmp/x",
    "aws s3 ls < /etc/passwd",
    // Options of the host.
    "aws s3 ls —endpoint-url http://x",
    "aws s3 ls --endpoint-url http://x",
    "aws s3 ls --endpoint-url=http://x",
    "aws --endpoint-url http://x s3 ls",
    "aws --profile admin s3 ls",
    "aws s3 ls --region us-east-1 --region eu-west-1",
    "aws s3 ls --ca-bundle /tmp/c",
    "aws s3 ls --no-verify-ssl",
    "aws s3 ls --debug",
    "aws s3 ls --no-sign-request",
    "aws s3 ls --cli-auto-prompt",
    "aws ec2 describe-instances --debug",
    "aws ec2 describe-instances --profile admin",
    "aws ec2 describe-instances --region 'x@evil.example:443/#'",
    "aws ec2 describe-instances --region evil.example/",
    // Values that would be read from somewhere.
    "aws ec2 describe-instances --filters file:///etc/passwd",
    "aws ec2 describe-instances --cli-input-json file:///proc/self/environ",
    "aws ec2 run-instances --image-id ami-1 --user-data fileb://~/.aws/credentials",
    "aws iam create-policy --policy-name x --policy-document http://169.254.169.254/latest/meta-data/",
    "aws iam create-policy --policy-name x --policy-document https://evil.example/p.json",
    // Commands that touch the host, or run programs.
    "aws s3 cp /proc/self/environ s3://b/",
    "aws configure set credential_process x",
    "aws configure export-credentials",
    "aws ssm start-session --target i-1",
    "aws ecs execute-command --cluster c --task t --command sh --interactive",
    // Commands that make credentials which outlive the caller's rights.
    "aws s3 presign s3://b/k",
    "aws eks get-token --cluster-name c",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_for_chat_makes_no_call() {
    let stack = start_with(|options| options.faults = true).await;
    let anna = seat(&stack, "U0ANNA", "C0OPS");
    for text in REFUSED {
        let typed = anna.types(&format!("/alfred-invoke {text}")).await;
        assert_eq!(typed.error, None, "{text}: {typed:?}");
        if typed.body.contains("job `") {
            let seen = answer(&anna, &job_of(&typed)).await.rendered();
            assert!(!seen.contains("root:"), "{text}: {seen}");
            assert!(!seen.contains("AWS_SECRET_ACCESS_KEY"), "{text}: {seen}");
            assert!(!seen.contains("exit 0"), "{text} ran: {seen}");
        }
        assert_eq!(calls_for_commands(&stack), 0, "{text} made a call: {}", anna.transcript());
    }
    // The way to AWS is open all the same: the role's session, and the command's call.
    ask(&anna, "/alfred-invoke aws s3 ls").await;
    assert_eq!(calls_for_commands(&stack), 2);
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quoted_operators_are_text() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    for value in [r#""a;b|c""#, "'$(id)'", "'`id`'", "'a && b > c'"] {
        let seen = ask(
            &ben,
            &format!("/alfred-invoke aws ec2 describe-instances --filters Name=tag:Name,Values={value}"),
        )
        .await;
        assert!(seen.contains("\"Reservations\": []"), "{value}: {seen}");
    }
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_returns_cannot_speak_for_itself() {
    let stack = start().await;
    let hostile = [
        "<!channel> pay",
        "<https://evil.example|console.aws>",
        "```\n*bold* @here <@U0ANNA>",
        "&amp;lt;!here&amp;gt;",
        "evil\u{202e}gpj.exe",
    ];
    let dev = stack.client(DEV).unwrap();
    for (number, text) in hostile.iter().enumerate() {
        let input = json!({
            "TableName": "dev-orders",
            "Item": { "order": { "S": format!("hostile-{number}") }, "note": { "S": text } },
        });
        dev.json("dynamodb", "DynamoDB_20120810.PutItem", &input).await.unwrap();
    }
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let seen =
        ask(&ben, "/alfred-invoke aws dynamodb scan --table-name dev-orders --query Items[].note.S").await;
    for literal in [
        "<!channel> pay",
        "<https://evil.example|console.aws>",
        "*bold* @here <@U0ANNA>",
        "&amp;lt;!here&amp;gt;",
    ] {
        assert!(seen.contains(literal), "{literal} is not shown as it is: {seen}");
    }
    assert!(!seen.contains('\u{202e}'), "a character that turns text around got through: {seen}");
    // An error's text is AWS's, and may repeat what was typed.
    ask(&ben, "/alfred-invoke aws dynamodb describe-table --table-name '<!channel>'").await;
    ask(&ben, "/alfred-invoke aws '<!channel>' '<https://evil.example|x>'").await;
    assert_eq!(stack.slack.pings(), [], "somebody was notified");
    let links: Vec<String> = stack.slack.posted().iter().flat_map(|message| message.links()).collect();
    assert!(links.iter().all(|link| !link.contains("evil")), "{links:?}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_doubles_its_result_is_stopped() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let query = vec!["[@,@]"; 22].join(" | ");
    let seen = ask(&ben, &format!("/alfred-invoke aws ec2 describe-instances --query '{query}'")).await;
    assert!(seen.contains("the query was stopped: it needs more than 67108864 bytes"), "{seen}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_and_people_without_a_mapping_get_nothing() {
    let stack = start_with(|options| options.faults = true).await;
    for (user, channel) in [("U0GUEST", "C0OPS"), ("U0DAN", "C0GENERAL")] {
        let seen = ask(&seat(&stack, user, channel), "/alfred-invoke aws s3 ls").await;
        assert!(!seen.contains("wayne-dev"), "{user}: {seen}");
    }
    assert_eq!(calls_for_commands(&stack), 0);
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_too_long_or_unprintable_is_refused_at_once() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    for (text, told) in [
        (format!("aws s3 ls s3://{}", "a".repeat(1_000_000)), "longer"),
        ("aws s3 ls \u{0}".to_owned(), "U+0000"),
    ] {
        let typed = ben.types(&format!("/alfred-invoke {text}")).await;
        assert!(typed.body.contains(told) && !typed.body.contains("job `"), "{}", typed.body);
    }
    let workers: Vec<u64> = stack.worker.instances().iter().map(|instance| instance.number).collect();
    let nested = "(".repeat(10_000);
    let typed = ben.types(&format!("/alfred-invoke aws ec2 describe-instances --query '{nested}'")).await;
    if typed.body.contains("job `") {
        answer(&ben, &job_of(&typed)).await;
    }
    let still: Vec<u64> = stack.worker.instances().iter().map(|instance| instance.number).collect();
    assert_eq!(still, workers, "a worker crashed");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_start_no_process_and_show_no_secret_in_logs() {
    let stack = start().await;
    let (in_output, in_object) = ("canary-output-7f3a9c", "canary-object-51be02");
    let dev = stack.client(DEV).unwrap();
    let item = json!({ "TableName": "dev-orders", "Item": { "order": { "S": in_output } } });
    dev.json("dynamodb", "DynamoDB_20120810.PutItem", &item).await.unwrap();
    dev.rest("s3", "PUT", &format!("/wayne-dev-assets/{in_object}"), "text".into()).await.unwrap();

    let ben = seat(&stack, "U0BEN", "C0OPS");
    let seen = ask(&ben, "/alfred-invoke aws dynamodb scan --table-name dev-orders").await;
    assert!(seen.contains(in_output), "{seen}");
    let seen = ask(&ben, "/alfred-invoke aws s3 ls s3://wayne-dev-assets").await;
    assert!(seen.contains(in_object), "{seen}");
    // A refusal repeats what was typed, and a lost response_url makes the worker take another way.
    let typed = "canary-typed-0c11d8";
    ask(&ben, &format!("/alfred-invoke aws dynamodb describe-table --table-name {typed}")).await;
    stack.slack.fail_next(RESPONSE_URL, Fault::Status(404));
    ask(&ben, "/alfred-invoke aws s3 ls s3://wayne-dev-assets").await;

    for instance in stack.worker.instances() {
        let children = format!("/proc/{0}/task/{0}/children", instance.pid.unwrap());
        assert_eq!(std::fs::read_to_string(children).unwrap(), "", "the worker started a process");
    }
    end(stack, &[in_output, in_object, typed]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_aws_returns_is_shown_to_nobody() {
    const PLANTED: &str = "planted-database-password-51c9";
    let stack = start().await;
    let variables = json!({ "FunctionName": "dev-resize-images", "Environment": { "Variables": { "DB_PASSWORD": PLANTED } } });
    let path = "/2015-03-31/functions/dev-resize-images/configuration";
    let dev = stack.client(DEV).unwrap();
    dev.rest("lambda", "PUT", path, variables.to_string().into()).await.unwrap();
    let held = dev.rest("lambda", "GET", path, Default::default()).await.unwrap();
    assert!(String::from_utf8_lossy(&held.body).contains(PLANTED), "AWS must return what is to be hidden");

    let anna = seat(&stack, "U0ANNA", "C0OPS");
    // All but the value stays, in every format, and no query tells anything about it.
    let (name, mask) = ("dev-resize-images", "********");
    for (options, expected) in [
        ("", [name, "DB_PASSWORD", mask]),
        (" --output text", [name, "provided", mask]),
        (" --output table", [name, "DB_PASSWORD", mask]),
        (" --query Environment.Variables.DB_PASSWORD", [mask; 3]),
        (" --query Environment.Variables.DB_PASSWORD --output text", [mask; 3]),
        (" --query 'to_string(Environment)'", ["Variables", "DB_PASSWORD", mask]),
        (" --query \"starts_with(Environment.Variables.DB_PASSWORD, 'planted')\"", ["false"; 3]),
        (" --query 'length(Environment.Variables.DB_PASSWORD)'", ["8"; 3]),
    ] {
        let command = format!("aws lambda get-function-configuration --function-name {name}{options}");
        let shown = ask(&anna, &format!("/alfred-invoke --as PowerUser {command}")).await;
        assert!(shown.contains("exit 0") && shown.contains("1 secret value is hidden"), "{options}: {shown}");
        assert!(expected.iter().all(|part| shown.contains(part)), "{options}: {shown}");
    }
    let posted = serde_json::to_string(&stack.slack.posted()).unwrap();
    assert!(!posted.contains(PLANTED), "{posted}");
    end(stack, &[PLANTED]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_functions_keep_is_sealed() {
    let (shown, typed) = ("canary-shown-8d20b7", "canary-typed-4e61fa");
    let stack = start().await;
    let dev = stack.client(DEV).unwrap();
    let item = json!({ "TableName": "dev-orders", "Item": { "order": { "S": shown } } });
    dev.json("dynamodb", "DynamoDB_20120810.PutItem", &item).await.unwrap();
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let command = format!("aws dynamodb scan --table-name dev-orders --query \"[Items, '{typed}']\"");
    let sent = ben.types(&format!("/alfred-invoke {command}")).await;
    let job = job_of(&sent);
    let seen = answer(&ben, &job).await.rendered();
    assert!(seen.contains(shown) && seen.contains(typed), "{seen}");

    let mut secrets = stack
        .slack
        .change_world(|world| world.app.tokens.iter().map(|token| token.value.clone()).collect::<Vec<_>>());
    let response_url = sent.response_url.unwrap();
    secrets.extend([shown.into(), typed.into(), response_url.rsplit('/').next().unwrap().to_owned()]);
    for (_, table) in TABLES {
        let scan = json!({ "TableName": table });
        let home = stack.client(HOME).unwrap();
        let items = home.json("dynamodb", "DynamoDB_20120810.Scan", &scan).await.unwrap();
        if table == "alfred-jobs" {
            assert!(items.to_string().contains(&job), "the job is not in the ledger: {items}");
        }
        for value in stored(&items["Items"]) {
            // What is only compressed is not sealed either.
            assert!(!contains(&value, &ZSTD_FRAME), "{table} has a result that is not sealed");
            for secret in &secrets {
                assert!(!contains(&value, secret.as_bytes()), "{table} has {secret} in the clear");
            }
        }
    }
    end(stack, &[shown, typed]).await;
}

/// How every frame of Zstandard begins (RFC 8878, section 3.1.1).
const ZSTD_FRAME: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Every text and every binary value of DynamoDB items, as bytes.
fn stored(value: &serde_json::Value) -> Vec<Vec<u8>> {
    match value {
        serde_json::Value::Object(fields) => fields
            .iter()
            .flat_map(|(kind, value)| match value.as_str() {
                Some(base64) if kind == "B" => vec![STANDARD.decode(base64).unwrap()],
                Some(text) => vec![text.as_bytes().to_vec()],
                None => stored(value),
            })
            .collect(),
        serde_json::Value::Array(values) => values.iter().flat_map(stored).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_sealed_for_another_workspace_or_purpose_posts_nothing() {
    let right = [("app", "alfredbot"), ("tenant", "T0ALFRED1"), ("purpose", "slack-token")];
    let contexts = [("tenant", "T0OTHER1"), ("app", "Alfredbot"), ("purpose", "job")];
    for (name, value) in contexts {
        let stack = start().await;
        let token = stack.slack.change_world(|world| world.app.tokens[0].value.clone());
        let mut context = BTreeMap::from(right);
        context.insert(name, value);
        let input = json!({
            "KeyId": stack.home.kms_key,
            "Plaintext": STANDARD.encode(token),
            "EncryptionContext": context,
        });
        let home = stack.client(HOME).unwrap();
        let encrypted = home.json("kms", "TrentService.Encrypt", &input).await.unwrap();
        let pasted = json!({
            "Key": { "tenant": { "S": "T0ALFRED1" } },
            "UpdateExpression": "SET bot_token = :pasted",
            "ExpressionAttributeValues": { ":pasted": { "S": encrypted["CiphertextBlob"] } },
        });
        update_item(&stack, "alfred-installations", pasted).await;
        // A worker that probed a role just now still knows the right one.
        forget_all(&stack.worker).await;

        // Only the token could bring the answer now.
        stack.slack.fail_always(RESPONSE_URL, Some(Fault::Status(404)));
        let mut lines = stack.logs.follow();
        let ben = seat(&stack, "U0BEN", "C0OPS");
        let typed = ben.types("/alfred-invoke aws sts get-caller-identity").await;
        job_of(&typed);
        let alarmed = async {
            while lines.recv().await.unwrap().field("alarm").is_none_or(|alarm| alarm != "kms_refused") {}
        };
        tokio::time::timeout(PATIENCE, alarmed).await.unwrap_or_else(|_| panic!("{name}={value}: no alarm"));
        let idle = async {
            while stack.worker.instances().iter().any(|instance| instance.busy.is_some()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, idle).await.expect("the worker must end the invocation");
        let calls = stack.slack.calls();
        assert!(calls.iter().all(|call| call.place == RESPONSE_URL), "{name}={value}: {calls:?}");
        end(stack, &[]).await;
    }
}

/// A folder with the functions' programs in which the worker runs under a trace of its system calls. `-D`: the worker
/// itself is the process that was started, and the tracer its child.
fn traced_worker(folder: &Path) {
    let programs = witness::program("worker");
    for name in ["ingress", "install", "sweeper", "syncer"] {
        std::os::unix::fs::symlink(programs.with_file_name(name), folder.join(name)).unwrap();
    }
    let script = format!(
        "#!/bin/sh\nexec strace -D -f -qq -e trace=%process,%file,%network -o {}/trace.$$ {}\n",
        folder.display(),
        programs.display()
    );
    let path = folder.join("worker");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_opens_no_file_starts_no_process_and_reaches_nobody_but_its_endpoints() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("traced");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    traced_worker(&folder);
    let stack = start_with(|options| options.functions = folder.clone()).await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    for line in [
        "aws ec2 describe-instances",
        "aws s3 ls s3://wayne-dev-assets --output table",
        "aws ec2 describe-instances --filters file:///etc/passwd",
        "aws lambda get-function-configuration --function-name fileb:///proc/self/environ",
        "aws s3api list-objects-v2 --bucket 127.0.0.1:1",
        "aws sqs send-message --queue-url http://169.254.169.254/latest --message-body x",
        "aws sts get-caller-identity --region evil.example",
        "aws ec2 describe-instances --region eu-central-1",
    ] {
        ask(&ben, &format!("/alfred-invoke {line}")).await;
    }
    let environment = &stack.worker.function().environment;
    let endpoints = [&environment["AWS_ENDPOINT_URL"], &environment["SLACK_API_URL"]].map(|url| port_of(url));
    end(stack, &[]).await;

    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let traces: Vec<String> = files
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("trace."))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let reached_aws = |trace: &String| trace.contains(&format!("htons({})", endpoints[0]));
    assert!(!traces.is_empty() && traces.iter().all(reached_aws), "the commands were not traced");
    for trace in traces {
        let mut others = BTreeSet::new();
        let mut programs = 0;
        for line in trace.lines() {
            let call = line.split_once(' ').map_or(line, |(_process, call)| call.trim_start());
            let name = call.split('(').next().unwrap();
            let path = call.split('"').nth(1).unwrap_or_default();
            match name {
                "execve" => programs += 1,
                "fork" | "vfork" => panic!("a process was started: {line}"),
                "clone" | "clone3" => assert!(call.contains("CLONE_THREAD"), "a process was started: {line}"),
                "open" | "openat" | "openat2" => {
                    let is_loader = ["/lib", "/usr/lib", "/etc/ld.so.cache", "/proc/self/maps"];
                    assert!(
                        is_loader.iter().any(|place| path.starts_with(place)),
                        "a file was opened: {line}"
                    );
                }
                "connect" | "sendto" | "sendmsg" | "sendmmsg" if call.contains("sin") => {
                    assert!(call.contains("inet_addr(\"127.0.0.1\")"), "another host was reached: {line}");
                    let port =
                        call.split_once("htons(").and_then(|(_, rest)| rest.split_once(')')).unwrap().0;
                    if !endpoints.contains(&port.parse().unwrap()) {
                        others.insert(port.to_owned());
                    }
                }
                _ => {}
            }
        }
        assert_eq!(programs, 1, "only the worker itself is a program");
        assert!(others.len() <= 1, "besides AWS and Slack there is only Lambda's Runtime API: {others:?}");
    }
}

fn port_of(url: &str) -> u16 {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    authority.rsplit(':').next().unwrap().parse().unwrap()
}
