//! What a cluster does, one step after the other.

use super::{file, is_true, items, missing, set, words};
use crate::command::UsageError;
use crate::custom::Options;
use crate::custom::client::{map, text};
use crate::value::{Map, Value};

/// What goes on if a step fails.
pub const CONTINUE: &str = "CONTINUE";
pub const CANCEL_AND_WAIT: &str = "CANCEL_AND_WAIT";
pub const TERMINATE_CLUSTER: &str = "TERMINATE_CLUSTER";

const HBASE_JAR: &str = "/home/hadoop/lib/hbase.jar";
const HBASE_MAIN: &str = "emr.hbase.backup.Main";
/// Runs what is installed on a cluster that has a release.
pub const COMMAND_RUNNER: &str = "command-runner.jar";

/// The jar that runs a script of EMR's.
pub fn script_runner(region: &str) -> String {
    file(region, "/libs/script-runner/script-runner.jar")
}

/// A step that runs a jar.
pub fn of_jar(name: &str, on_failure: &str, jar: &str, args: Vec<Value>) -> Value {
    let mut run = map([("Jar", text(jar))]);
    set(&mut run, "Args", Some(&Value::List(args)));
    Value::Map(map([
        ("Name", text(name)),
        ("ActionOnFailure", text(on_failure)),
        ("HadoopJarStep", Value::Map(run)),
    ]))
}

/// The steps of `--steps`, each by its type.
pub fn all(steps: Option<&Value>, region: &str, release: bool) -> Result<Vec<Value>, UsageError> {
    items(steps).iter().map(|step| of_type(step, region, release)).collect()
}

fn of_type(step: &Value, region: &str, release: bool) -> Result<Value, UsageError> {
    let kind = step.get("Type").and_then(Value::as_str).unwrap_or("custom_jar").to_lowercase();
    let unknown = || UsageError::parameter(&format!("The step type {kind} is not supported."));
    let args = step.get("Args").filter(|args| is_true(args));
    let args_of =
        |structure: &str| args.map(|args| items(Some(args))).ok_or_else(|| missing(structure, "Args"));
    // A list of one empty word says nothing.
    let checked = |structure: &str| match args_of(structure)? {
        [Value::Str(only)] if only.trim().is_empty() => {
            Err(UsageError::parameter("The parameter Args cannot be an empty list."))
        }
        args => Ok(args),
    };
    let runner = || if release { COMMAND_RUNNER.to_owned() } else { script_runner(region) };
    // Hive and Pig run a script with its arguments.
    let script = |name: &str, structure: &str| {
        let args = checked(structure)?;
        let (run, versions) = (format!("--run-{name}-script"), format!("--{name}-versions"));
        let path = format!("/libs/{name}/{name}-script");
        let mut all = if release {
            words(&[&format!("{name}-script"), &run])
        } else {
            words(&[&file(region, &path), &run, &versions, "latest"])
        };
        all.push(text("--args"));
        all.extend_from_slice(args);
        Ok((runner(), all))
    };
    let (name, (jar, args)) = match kind.as_str() {
        "custom_jar" => return custom_jar(step),
        "streaming" => {
            let args = checked("StreamingStepConfig")?;
            let (jar, mut all) = if release {
                (COMMAND_RUNNER, words(&["hadoop-streaming"]))
            } else {
                ("/home/hadoop/contrib/streaming/hadoop-streaming.jar", Vec::new())
            };
            all.extend_from_slice(args);
            ("Streaming program", (jar.to_owned(), all))
        }
        "hive" => ("Hive program", script("hive", "HiveStepConfig")?),
        "pig" => ("Pig program", script("pig", "PigStepConfig")?),
        "impala" if release => return Err(unknown()),
        "impala" => {
            let mut all = words(&[&file(region, "/libs/impala/setup-impala"), "--run-impala-script"]);
            all.extend_from_slice(args_of("ImpalaStepConfig")?);
            ("Impala program", (script_runner(region), all))
        }
        "spark" => {
            let submit = if release { "spark-submit" } else { "/home/hadoop/spark/bin/spark-submit" };
            let mut all = words(&[submit]);
            all.extend_from_slice(args_of("SparkStepConfig")?);
            ("Spark application", (runner(), all))
        }
        _ => return Err(unknown()),
    };
    Ok(build(step, name, &jar, Some(&Value::List(args)), None, None))
}

fn custom_jar(step: &Value) -> Result<Value, UsageError> {
    let jar = step.get("Jar").and_then(Value::as_str).filter(|jar| !jar.is_empty());
    let jar = jar.ok_or_else(|| missing("CustomJARStepConfig", "Jar"))?;
    let properties = step.get("Properties").and_then(Value::as_str).map(|properties| {
        let pairs = properties.split(',').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let pairs = pairs.map(|(key, value)| Value::Map(map([("Key", text(key)), ("Value", text(value))])));
        Value::List(pairs.collect())
    });
    Ok(build(step, "Custom JAR", jar, step.get("Args"), step.get("MainClass"), properties.as_ref()))
}

/// A step with what it says of itself.
fn build(
    step: &Value,
    default_name: &str,
    jar: &str,
    args: Option<&Value>,
    main_class: Option<&Value>,
    properties: Option<&Value>,
) -> Value {
    let mut built = Map::new();
    set(&mut built, "Name", Some(step.get("Name").unwrap_or(&text(default_name))));
    set(&mut built, "ActionOnFailure", Some(step.get("ActionOnFailure").unwrap_or(&text(CONTINUE))));
    let mut run = map([("Jar", text(jar))]);
    set(&mut run, "Args", args);
    set(&mut run, "MainClass", main_class);
    set(&mut run, "Properties", properties);
    built.insert("HadoopJarStep".to_owned(), Value::Map(run));
    let mut logs = Map::new();
    set(&mut logs, "LogUri", step.get("LogUri"));
    set(&mut logs, "EncryptionKeyArn", step.get("EncryptionKeyArn"));
    if !logs.is_empty() {
        let monitoring = map([("S3MonitoringConfiguration", Value::Map(logs))]);
        built.insert("StepMonitoringConfiguration".to_owned(), Value::Map(monitoring));
    }
    Value::Map(built)
}

/// The step that brings HBase back from a backup.
pub fn hbase_restore(dir: Option<&Value>, version: Option<&Value>) -> Value {
    let mut args = words(&[HBASE_MAIN, "--restore", "--backup-dir"]);
    args.push(dir.cloned().unwrap_or(Value::Null));
    if let Some(version) = version {
        args.extend([text("--backup-version"), version.clone()]);
    }
    of_jar("Restore HBase", CANCEL_AND_WAIT, HBASE_JAR, args)
}

/// The step of one of the commands for HBase.
pub fn hbase(command: &str, options: &Options) -> Result<Value, UsageError> {
    let option = |name: &str| options.text(name).unwrap_or_default();
    let dir = option("dir");
    let consistent = options.has("consistent").then_some("--consistent");
    let schedule = "Modify Backup Schedule";
    let (name, args) = match command {
        "restore-from-hbase-backup" => {
            let version = options.text("backup-version").map(text);
            return Ok(hbase_restore(Some(&text(dir)), version.as_ref()));
        }
        "create-hbase-backup" => {
            let mut args = vec![HBASE_MAIN, "--backup", "--backup-dir", dir];
            args.extend(consistent);
            ("Backup HBase", words(&args))
        }
        "disable-hbase-backups" => {
            let mut args = vec![HBASE_MAIN, "--set-scheduled-backup", "false"];
            let kinds =
                [("full", "--disable-full-backups"), ("incremental", "--disable-incremental-backups")];
            args.extend(kinds.iter().filter(|(option, _)| options.has(option)).map(|(_, word)| word));
            if args.len() == 3 {
                let message = "Should specify at least one of --full and --incremental.";
                return Err(UsageError::parameter(message));
            }
            (schedule, words(&args))
        }
        _ => {
            let (kind, unit) = (option("type").to_lowercase(), option("unit").to_lowercase());
            if !["full", "incremental"].contains(&&*kind) {
                let message = "invalid type. type should be either full or incremental.";
                return Err(UsageError::parameter(message));
            }
            if !["minutes", "hours", "days"].contains(&&*unit) {
                let message =
                    "invalid unit. unit should be one of the following values: minutes, hours or days.";
                return Err(UsageError::parameter(message));
            }
            let (interval, unit_of) =
                (format!("--{kind}-backup-time-interval"), format!("--{kind}-backup-time-unit"));
            let mut args = vec![HBASE_MAIN, "--set-scheduled-backup", "true", "--backup-dir", dir];
            args.extend(consistent);
            args.extend([&*interval, option("interval"), &unit_of, &unit, "--start-time"]);
            args.push(options.text("start-time").unwrap_or("now"));
            (schedule, words(&args))
        }
    };
    Ok(of_jar(name, CANCEL_AND_WAIT, HBASE_JAR, args))
}
