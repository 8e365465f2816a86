//! The 200 most used operations in a process that runs many commands, each against an answer made from its model: what a
//! command costs besides waiting, what the first one of a service costs, and the memory of all of it.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;
use tests::measure::{median, percentile, rounded, verdict};
use tests::witness;

/// What is measured, and how many of them there are.
const COMMANDS: &str = "tests/src/bin/bench/warm.txt";
const COUNT: usize = 200;
/// The most CPU that a command may take, in milliseconds.
const MOST_CPU: f64 = 2.0;
/// The most memory of the process, in bytes. Its output is in it.
const MOST_MEMORY: f64 = (32 << 20) as f64;
/// How many of the slowest are named.
const NAMED: usize = 5;

/// Something that was measured often, with its times in milliseconds.
struct Measured {
    name: String,
    times: Vec<f64>,
    /// Of the pass where it is lowest: what other programs do to a shared machine is not the command's.
    median: f64,
    /// Bytes of the answer.
    answer: f64,
}

impl Measured {
    fn new(name: &str, line: &Value, times: &str) -> Option<Self> {
        let times: Vec<f64> =
            line[times].as_array()?.iter().filter_map(|time| Some(time.as_f64()? / 1e6)).collect();
        let median = median(times.iter().copied());
        let is_some = !times.is_empty();
        is_some.then(|| Self {
            name: name.to_owned(),
            times,
            median,
            answer: line["answer"].as_f64().unwrap_or(0.0),
        })
    }
}

/// The table, and whether the goals are met.
pub fn table() -> anyhow::Result<String> {
    let output = Command::new(witness::program("aws-warm"))
        .arg(witness::root().join(COMMANDS))
        .env_clear()
        .stderr(Stdio::inherit())
        .output()
        .context("aws-warm does not start")?;
    ensure!(output.status.success(), "aws-warm ended with {}", output.status);
    let lines: Vec<Value> =
        String::from_utf8(output.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let of = |key: &'static str| lines.iter().filter_map(move |line| Some((line[key].as_str()?, line)));
    let measured = |key: &'static str, times: &'static str| -> Vec<Measured> {
        let mut all: Vec<Measured> = Vec::new();
        for pass in of(key).filter_map(|(name, line)| Measured::new(name, line, times)) {
            match all.iter_mut().find(|known| known.name == pass.name) {
                Some(known) => {
                    known.median = known.median.min(pass.median);
                    known.times.extend(pass.times);
                }
                None => all.push(pass),
            }
        }
        all.sort_by(|one, other| other.median.total_cmp(&one.median));
        all
    };
    let (warm, first, services) =
        (measured("command", "warm"), measured("command", "first"), measured("service", "unpack"));
    ensure!(warm.len() == COUNT, "{} of {COUNT} commands were measured", warm.len());
    let slowest = warm.first().map_or(0.0, |command| command.median);
    let every = || warm.iter().flat_map(|command| command.times.iter().copied());
    let answer = |command: &Measured| rounded(command.answer / 1e3);
    let largest = warm.iter().map(|command| command.answer).fold(0.0, f64::max) / 1e3;
    let last = lines.last().context("no memory was measured")?;
    let bytes = |key: &str| last[key].as_f64().context("no memory was measured");
    let (start, peak) = (bytes("start")?, bytes("peak")?);
    let output = of("command").filter_map(|(_, line)| line["output"].as_f64()).fold(0.0, f64::max);

    let operation = |command: &Measured| command.name.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let named = |all: &[Measured], text: &dyn Fn(&Measured) -> String| {
        all.iter().take(NAMED).map(text).collect::<Vec<_>>().join("; ")
    };
    let all = |all: &[Measured]| rounded(median(all.iter().map(|one| one.median)));
    Ok(format!(
        "| {COUNT} most used operations, warm | |\n| --- | --- |\n\
         | CPU of a command, signing included | {} ms median, {} ms p99 |\n\
         | slowest, by their medians in the quietest pass over the list | {} |\n\
         | their answers | {} KB median, {} KB at most |\n\
         | first command of a service, model unpacked | {} ms median; {} |\n\
         | of it the unpacking, over all {} services | {} ms median; {} |\n\
         | peak memory of the process | {} MB, {} MB before the first command; largest output {} MB |\n\n\
         Goals: {MOST_CPU} ms for the median of each operation: {}; 32 MiB: {}.\n",
        rounded(median(every())),
        rounded(percentile(every(), 99.0)),
        named(&warm, &|command| format!(
            "`{}` {} ms for {} KB",
            operation(command),
            rounded(command.median),
            answer(command)
        )),
        rounded(median(warm.iter().map(|command| command.answer / 1e3))),
        rounded(largest),
        all(&first),
        named(&first, &|command| format!("`{}` {} ms", operation(command), rounded(command.median))),
        services.len(),
        all(&services),
        named(&services, &|service| format!("`{}` {} ms", service.name, rounded(service.median))),
        rounded(peak / 1e6),
        rounded(start / 1e6),
        rounded(output / 1e6),
        verdict(slowest <= MOST_CPU),
        verdict(peak <= MOST_MEMORY),
    ))
}
