//! One command as a process: ours and the official AWS CLI v2, against the same emulator.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use local::aws::DEV;
use local::stack::Stack;
use tests::measure::{median, rounded, verdict};
use tests::witness;
use wait4::Wait4;

/// What is compared: first [`PLAIN_READS`] without any option, then reads, writes and waits in all formats. `{queue}` is the
/// URL of the queue of the development account.
const COMMANDS: [&str; 11] = [
    "sts get-caller-identity",
    "ec2 describe-instances",
    "s3 ls",
    "dynamodb list-tables",
    "ec2 describe-instances --query Reservations[].Instances[].[InstanceId,State.Name] --output text",
    "ec2 wait instance-running --filters Name=instance-type,Values=t3.small",
    "s3 cp s3://wayne-dev-reports/backup.tar -",
    "iam list-roles --output table",
    "lambda list-functions --output yaml",
    "logs tail /aws/lambda/dev-resize-images --since 1d",
    "sqs send-message --queue-url {queue} --message-body hello",
];
const PLAIN_READS: usize = 4;
/// The object that is copied, in bytes.
const OBJECT: usize = 5 << 20;
/// How often each runs: in each round the official one once, which takes a second, and then ours.
const ROUNDS: usize = 7;
const OURS_IN_A_ROUND: usize = 5;
/// How many times less wall time, CPU time and memory than the official CLI ours is to take, in the median of the commands.
const GOALS: [(&str, f64); 3] = [("wall time", 40.0), ("CPU time", 100.0), ("peak memory", 5.0)];

/// What each of the [`PLAIN_READS`] may cost at most: wall time in milliseconds and memory in megabytes.
const MOST_WALL: f64 = 10.0;
const MOST_MEMORY: f64 = 30.0;

/// What one run cost: wall and CPU time in milliseconds, and peak memory in megabytes.
type Cost = [f64; 3];

/// Runs the program that `arguments` name and prints what it cost: wall and CPU time in microseconds, peak memory in
/// bytes. A process of its own, because a child starts with its parent's peak memory, and the bench itself is large.
pub fn measure(arguments: &[String]) -> anyhow::Result<()> {
    let [program, arguments @ ..] = arguments else { bail!("there is no program to measure") };
    let started = Instant::now();
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let end = child.wait4()?;
    let wall = started.elapsed();
    ensure!(end.status.success(), "it ended with {}", end.status);
    let cpu = end.rusage.utime + end.rusage.stime;
    println!("{} {} {}", wall.as_micros(), cpu.as_micros(), end.rusage.maxrss);
    Ok(())
}

/// Runs `command` once through [`measure`].
fn cost(command: &Command) -> anyhow::Result<Cost> {
    let mut measured = Command::new(std::env::current_exe()?);
    measured.arg("measure").arg(command.get_program()).args(command.get_args()).env_clear();
    measured.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = measured.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> =
        printed.split_whitespace().map(str::parse).collect::<Result<_, _>>().context("no figures")?;
    let [wall, cpu, peak] = figures[..] else { bail!("not three figures: {printed}") };
    Ok([wall / 1e3, cpu / 1e3, peak / 1e6])
}

/// The median of each figure.
fn medians(costs: &[Cost]) -> Cost {
    [0, 1, 2].map(|figure| median(costs.iter().map(|cost| cost[figure])))
}

/// The table, and whether the goals are met.
pub async fn table(stack: &Stack) -> anyhow::Result<String> {
    let client = stack.client(DEV).context("no keys of the development account")?;
    client.rest("s3", "PUT", "/wayne-dev-reports/backup.tar", vec![b'.'; OBJECT].into()).await?;
    let keys = client.keys();
    let run = |mut command: Command, text: &str| {
        command
            .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
            .envs(keys.session_token().map(|token| ("AWS_SESSION_TOKEN", token)))
            .args(text.split_whitespace());
        command
    };
    let endpoint = client.endpoint();
    let ours = |text: &str| run(witness::our_cli(endpoint), text);
    let official = |text: &str| run(witness::official_cli(endpoint), text);
    let printed = |text: &str| -> anyhow::Result<String> {
        let output = ours(text).output()?;
        ensure!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    };
    let queue = printed("sqs get-queue-url --queue-name dev-mail --query QueueUrl --output text")?;

    let mut rows = format!(
        "| command | ours | official AWS CLI {} | times less wall | CPU | memory |\n\
         | --- | --- | --- | ---: | ---: | ---: |\n",
        witness::official_version()
    );
    let (mut ratios, mut costs) = (Vec::new(), Vec::new());
    for text in COMMANDS {
        let command = text.replace("{queue}", queue.trim());
        let (ours, official) = (ours(&command), official(&command));
        let (mut our_costs, mut official_costs) = (Vec::new(), Vec::new());
        // The first of each reads its program from disk.
        cost(&ours)?;
        cost(&official)?;
        for _ in 0..ROUNDS {
            official_costs.push(cost(&official)?);
            for _ in 0..OURS_IN_A_ROUND {
                our_costs.push(cost(&ours)?);
            }
        }
        let (our_cost, official_cost) = (medians(&our_costs), medians(&official_costs));
        let ratio = [0, 1, 2].map(|figure| official_cost[figure] / our_cost[figure]);
        let cell = |cost: Cost| {
            let [wall, cpu, peak] = cost.map(rounded);
            format!("{wall} ms wall, {cpu} ms CPU, {peak} MB")
        };
        let [wall, cpu, memory] = ratio.map(rounded);
        let shown = text.split_whitespace().collect::<Vec<_>>().join(" ");
        rows += &format!(
            "| `{shown}` | {} | {} | {wall} | {cpu} | {memory} |\n",
            cell(our_cost),
            cell(official_cost)
        );
        ratios.push(ratio);
        costs.push(our_cost);
    }
    let ratio = medians(&ratios);
    let [wall, cpu, memory] = ratio.map(rounded);
    rows += &format!("| median of these {} | | | {wall} | {cpu} | {memory} |\n\n", COMMANDS.len());
    let verdicts = GOALS
        .iter()
        .zip(ratio)
        .map(|((what, goal), ratio)| format!("{goal} times less {what}: {}", verdict(ratio >= *goal)));
    rows += &format!("Goals for the median: {}.\n", verdicts.collect::<Vec<_>>().join("; "));
    let (_, least_wall) = GOALS[0];
    rows += &format!(
        "Goals for each of the first {PLAIN_READS}: {least_wall} times less wall time: {}; {MOST_WALL} ms: {}; {MOST_MEMORY} MB: {}.\n",
        verdict(ratios[..PLAIN_READS].iter().all(|[wall, ..]| *wall >= least_wall)),
        verdict(costs[..PLAIN_READS].iter().all(|[wall, ..]| *wall <= MOST_WALL)),
        verdict(costs[..PLAIN_READS].iter().all(|[.., memory]| *memory <= MOST_MEMORY)),
    );
    Ok(rows)
}
