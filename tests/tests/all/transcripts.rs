//! What people type and what Slack then shows them, from the first keystroke to the answer.

use local::slack::message::Shown;
use tests::conversation::{PATIENCE, answer, ask, end, job_of, redacted, seat, start};

/// Types `lines` one after the other, each after the answer to the one before, and gives all that the person sees.
async fn transcript(user: &str, channel: &str, lines: &[&str]) -> String {
    let stack = start().await;
    let seat = seat(&stack, user, channel);
    for line in lines {
        let typed = seat.types(line).await;
        assert_eq!(typed.error, None, "{line}: {typed:?}");
        if typed.body.contains("job `") {
            answer(&seat, &job_of(&typed)).await;
        }
    }
    let seen = redacted(&seat.transcript());
    end(stack, &[]).await;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_a_mapped_channel_looks_around() {
    let lines = [
        "/alfred-invoke aws sts get-caller-identity",
        "/alfred-invoke ec2 describe-instances --query 'sort(Reservations[].Instances[].Tags[?Key==`Name`].Value[])'",
        "/alfred-invoke aws s3 ls s3://wayne-dev-reports/2026/ --recursive",
        "/alfred-invoke aws sqs list-queues --query QueueUrls[]",
    ];
    insta::assert_snapshot!(transcript("U0BEN", "C0OPS", &lines).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_clis_own_work_in_the_channel() {
    let lines = [
        "/alfred-invoke aws s3 cp s3://wayne-dev-reports/2026/01.csv -",
        "/alfred-invoke aws s3 cp s3://wayne-dev-reports/2026/01.csv reports/",
        "/alfred-invoke aws s3 cp s3://wayne-dev-reports/2026/01.csv s3://wayne-dev-assets/ --dryrun",
        "/alfred-invoke aws logs tail /aws/lambda/dev-resize-images --filter-pattern WARN --format short",
        "/alfred-invoke aws ec2 wait instance-running --filters Name=tag:Name,Values=dev-web-1",
        "/alfred-invoke aws sqs list-queues --output table",
        "/alfred-invoke aws sqs list-queues --output yaml",
        "/alfred-invoke aws sqs delete-message --generate-cli-skeleton",
        "/alfred-invoke aws sqs purge-queue help",
    ];
    insta::assert_snapshot!(transcript("U0BEN", "C0OPS", &lines).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_answered_with_what_to_do() {
    let lines = [
        "/alfred-invoke aws ec2 describe-instancez",
        "/alfred-invoke aws ec2 describe-instances --instance-idz i-1",
        "/alfred-invoke aws sqs get-queue-url",
        "/alfred-invoke aws s3 ls | sh",
        "/alfred-invoke aws s3 ls 'unclosed",
        "/alfred-invoke aws dynamodb describe-table --table-name missing",
        "/alfred-invoke aws sts get-caller-identity --query 'Account['",
    ];
    insta::assert_snapshot!(transcript("U0BEN", "C0OPS", &lines).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_role_may_not_is_refused_in_the_words_of_aws() {
    let lines = [
        "/alfred-invoke aws sqs create-queue --queue-name mine",
        "/alfred-invoke aws iam create-user --user-name eve",
    ];
    insta::assert_snapshot!(transcript("U0BEN", "C0OPS", &lines).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_several_roles_picks_one() {
    let lines = [
        "/alfred whoami",
        "/alfred-invoke aws sts get-caller-identity --query Arn",
        "/alfred-invoke --as ReadOnly aws sts get-caller-identity --query Arn",
        "/alfred-invoke --as Nobody aws sts get-caller-identity",
    ];
    insta::assert_snapshot!(transcript("U0ANNA", "C0OPS", &lines).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_role_is_told_so() {
    let lines = ["/alfred whoami", "/alfred-invoke aws sts get-caller-identity", "/alfred history"];
    insta::assert_snapshot!(transcript("U0DAN", "C0GENERAL", &lines).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_and_unknown_words_need_no_job() {
    let lines = [
        "/alfred-invoke",
        "/alfred-invoke help",
        "/alfred help",
        "/alfred dance",
        "/alfred status",
        "/alfred status 1a2b 3c4d",
    ];
    insta::assert_snapshot!(transcript("U0DAN", "C0GENERAL", &lines).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_ones_own_jobs_and_nobody_elses() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let typed = ben.types("/alfred-invoke aws s3 ls").await;
    let job = job_of(&typed);
    answer(&ben, &job).await;
    let history = ask(&ben, "/alfred history").await;
    assert!(history.contains("aws s3 ls") && history.contains(&job), "{history}");
    ben.types(&format!("/alfred status {job}")).await;
    // It shows the job's own answer again, below how the job stands.
    let status = ben.waits_to_see(PATIENCE, |shown| {
        shown.iter().map(Shown::rendered).find(|text| text.contains(&job) && text.contains(": ran"))
    });
    insta::assert_snapshot!("status_of_a_job_that_ran", redacted(&status.await.unwrap()));

    let anna = seat(&stack, "U0ANNA", "C0OPS");
    for line in [format!("/alfred status {job}"), "/alfred history".into()] {
        let seen = ask(&anna, &line).await;
        assert!(!seen.contains("s3 ls") && !seen.contains("wayne"), "{line} showed another's job: {seen}");
    }
    assert!(
        anna.sees().iter().all(|message| !message.rendered().contains("wayne-dev")),
        "{}",
        anna.transcript()
    );
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_in_a_private_channel_uses_the_role_with_the_lowest_number() {
    let stack = start().await;
    let cleo = seat(&stack, "U0CLEO", "G0PROD");
    let arn = ask(&cleo, "/alfred-invoke aws sts get-caller-identity --query Arn").await;
    assert!(arn.contains("arn:aws:sts::222222222222:assumed-role/FullAdmin/ab-T0ALFRED1-U0CLEO-"), "{arn}");
    end(stack, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_output_comes_as_its_beginning_and_a_file() {
    let stack = start().await;
    let ben = seat(&stack, "U0BEN", "C0OPS");
    let seen = ask(&ben, "/alfred-invoke aws ec2 describe-regions --query 'Regions[].[@, @, @, @, @]'").await;
    let direct = stack.slack.acts_as("U0BEN").in_direct_messages();
    let file = direct.sees().iter().flat_map(|message| message.files.clone()).next();
    let file = file.unwrap_or_else(|| panic!("no file:\n{seen}\n{}", direct.transcript()));
    let whole = String::from_utf8(stack.slack.file(&file.id).unwrap()).unwrap();
    let regions: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert!(regions.as_array().unwrap().len() > 5, "{whole}");
    assert!(whole.len() > 8_000 && seen.len() < whole.len(), "{} of {} bytes shown", seen.len(), whole.len());
    let shown = |line: &&str| line.starts_with('│');
    let head: Vec<&str> =
        seen.lines().filter(shown).map(|line| line.trim_start_matches(['│', ' '])).collect();
    assert!(head.len() > 3 && head.iter().all(|line| whole.contains(line.trim())), "{seen}");
    end(stack, &[]).await;
}
