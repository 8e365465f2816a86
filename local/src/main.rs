//! `alfred-local`: Alfredbot on this machine, with everything it needs.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use local::stack::{Options, Seed, Stack};

const USAGE: &str = "usage: alfred-local [--port <number>] [--seed empty|demo] [--functions <folder>]

  --port       where the page is served on 127.0.0.1; 0 takes a free port (8080)
  --seed       demo: installed, with mapped channels and members; empty: deployed but not installed (demo)
  --functions  the folder with the programs ingress, worker and sweeper (that of alfred-local itself)";

/// The port of the page, if none is asked for.
const PORT: u16 = 8080;

#[tokio::main]
async fn main() -> ExitCode {
    let level = tracing_subscriber::filter::LevelFilter::WARN;
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("alfred-local: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let Some(options) = read_arguments(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut asked_to_end = async || {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    let mut stack = tokio::select! {
        stack = Stack::start(options) => stack?,
        () = asked_to_end() => return Ok(()),
    };
    println!("\n  Alfredbot is ready: {}\n", stack.console_url());
    println!("  Type there: /alfred-invoke aws ec2 describe-instances");
    println!("  The functions' logs: {}", stack.logs.path().display());
    println!("  Ctrl-C ends everything.");
    let failed = tokio::select! {
        part = stack.failed() => Some(part),
        () = asked_to_end() => None,
    };
    stack.shut_down().await;
    match failed {
        Some(part) => bail!("the {part} has stopped, so everything else was ended too"),
        None => Ok(()),
    }
}

/// `None` asks for the usage.
fn read_arguments(arguments: impl Iterator<Item = String>) -> anyhow::Result<Option<Options>> {
    // `--port=1` says the same as `--port 1`.
    let mut arguments = arguments.flat_map(|argument| match argument.split_once('=') {
        Some((name, value)) if name.starts_with("--") => vec![name.to_owned(), value.to_owned()],
        _ => vec![argument],
    });
    let beside = std::env::current_exe().context("failed to find the program's own folder")?;
    let mut options = Options::new(beside.parent().map(PathBuf::from).unwrap_or_default());
    options.console_port = PORT;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value\n{USAGE}"));
        match argument.as_str() {
            "--port" => {
                let port = value()?;
                options.console_port =
                    port.parse().with_context(|| format!("{port} is not a port (0 to 65535)"))?;
            }
            "--seed" => {
                options.seed = match value()?.as_str() {
                    "demo" => Seed::Demo,
                    "empty" => Seed::Empty,
                    other => bail!("{other} is not a seed: choose empty or demo"),
                };
            }
            "--functions" => options.functions = value()?.into(),
            "--help" | "-h" => return Ok(None),
            other => bail!("unknown argument {other}\n{USAGE}"),
        }
    }
    Ok(Some(options))
}
