//! One command as a process: ours and the official AWS CLI v2, against the same emulator.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tests::measure::{Samples, ms};
use tests::witness;
use wait4::Wait4;

/// What is compared.
const COMMANDS: [&str; 4] =
    ["sts get-caller-identity", "ec2 describe-instances", "s3 ls", "dynamodb list-tables"];
/// How often each runs: ours takes milliseconds, the official one a second.
const OUR_RUNS: usize = 40;
const OFFICIAL_RUNS: usize = 7;

/// What one run cost.
struct Cost {
    wall: Duration,
    cpu: Duration,
    peak_bytes: u64,
}

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
    let figures: Vec<u64> =
        printed.split_whitespace().map(str::parse).collect::<Result<_, _>>().context("no figures")?;
    let [wall, cpu, peak_bytes] = figures[..] else { bail!("not three figures: {printed}") };
    Ok(Cost { wall: Duration::from_micros(wall), cpu: Duration::from_micros(cpu), peak_bytes })
}

/// The rows of the table.
pub fn table(keys: &[(&str, String)], endpoint: &str) -> anyhow::Result<String> {
    let mut rows = format!(
        "| command | wall, ms | CPU, ms | peak memory, MB | official AWS CLI {} | times faster (wall) |\n\
         | --- | ---: | ---: | ---: | --- | ---: |\n",
        witness::official_version()
    );
    for text in COMMANDS {
        let prepare = |mut command: Command| {
            command.envs(keys.iter().map(|(name, value)| (*name, value))).args(text.split(' '));
            command
        };
        let ours = prepare(witness::our_cli(endpoint));
        let official = prepare(witness::official_cli(endpoint));
        cost(&ours)?; // Reads the program from disk.
        cost(&official)?;
        let measure = |command: &Command, runs: usize| -> anyhow::Result<_> {
            let costs: Vec<Cost> = (0..runs).map(|_| cost(command)).collect::<Result<_, _>>()?;
            let wall = costs.iter().map(|cost| cost.wall).collect::<Samples>().median();
            let cpu = costs.iter().map(|cost| cost.cpu).collect::<Samples>().median();
            let peak = costs.iter().map(|cost| cost.peak_bytes).max().unwrap_or(0);
            Ok((wall, cpu, format!("{:.1}", peak as f64 / 1e6)))
        };
        let (wall, cpu, peak) = measure(&ours, OUR_RUNS)?;
        let (their_wall, their_cpu, their_peak) = measure(&official, OFFICIAL_RUNS)?;
        let ratio = their_wall.as_secs_f64() / wall.as_secs_f64();
        rows += &format!(
            "| `{text}` | {} | {} | {peak} | {} ms wall, {} ms CPU, {their_peak} MB | {ratio:.0} |\n",
            ms(wall),
            ms(cpu),
            ms(their_wall),
            ms(their_cpu),
        );
    }
    Ok(rows)
}
