//! What is installed on clusters of before releases: each application in its own way.

use super::step::{self, CANCEL_AND_WAIT, TERMINATE_CLUSTER, script_runner};
use super::{bootstrap, file, items, words};
use crate::command::UsageError;
use crate::custom::client::{map, text};
use crate::value::Value;

/// All that has a way of its own.
const KNOWN: [&str; 10] =
    ["HIVE", "PIG", "HBASE", "GANGLIA", "IMPALA", "SPARK", "MAPR", "MAPR_M3", "MAPR_M5", "MAPR_M7"];

/// What can come later.
const LATER: [&str; 2] = ["HIVE", "PIG"];

/// How applications come onto a cluster.
#[derive(Default)]
pub struct Installation {
    /// Products by name.
    pub products: Vec<Value>,
    /// Scripts while machines start.
    pub bootstrap_actions: Vec<Value>,
    /// Steps after that.
    pub steps: Vec<Value>,
}

/// The steps that install applications on a cluster that runs.
pub fn on_a_running_cluster(applications: Option<&Value>, region: &str) -> Result<Vec<Value>, UsageError> {
    for application in items(applications) {
        let name = name(application);
        let upper = name.to_uppercase();
        if !KNOWN.contains(&&*upper) {
            return Err(UsageError::parameter(&format!(
                "Unknown application: {name}. 'Name' should be one of the following: {}",
                KNOWN.join(", ")
            )));
        }
        if !LATER.contains(&&*upper) {
            return Err(UsageError::parameter(&format!(
                "{name} cannot be installed on a running cluster. 'Name' should be one of the following: {}",
                LATER.join(", ")
            )));
        }
    }
    Ok(install(applications, region, "")?.steps)
}

/// How applications come onto a new cluster of an AMI version.
pub fn install(
    applications: Option<&Value>,
    region: &str,
    ami_version: &str,
) -> Result<Installation, UsageError> {
    let mut installation = Installation::default();
    for application in items(applications) {
        let given = application.get("Args");
        match name(application).to_lowercase().as_str() {
            "hive" => {
                installation.steps.push(install_step("Hive", "--install-hive", region));
                let has_site = |arg: &&Value| arg.as_str().is_some_and(|arg| arg.contains("--hive-site"));
                if let Some(site) = items(given).iter().find(has_site) {
                    installation.steps.push(hive_site(site, region));
                }
            }
            "pig" => installation.steps.push(install_step("Pig", "--install-pig", region)),
            "ganglia" => installation.bootstrap_actions.push(bootstrap(
                "Install Ganglia",
                &file(region, "/bootstrap-actions/install-ganglia"),
                Vec::new(),
            )),
            "hbase" => {
                let path = file(region, "/bootstrap-actions/setup-hbase");
                installation.bootstrap_actions.push(bootstrap("Install HBase", &path, Vec::new()));
                let jar = match ami_version {
                    version if version >= "3.0" => "/home/hadoop/lib/hbase.jar",
                    version if version >= "2.1" => "/home/hadoop/lib/hbase-0.92.0.jar",
                    _ => {
                        let message = format!("AMI version {ami_version} is not compatible with HBase.");
                        return Err(UsageError::parameter(&message));
                    }
                };
                let args = words(&["emr.hbase.backup.Main", "--start-master"]);
                installation.steps.push(step::of_jar("Start HBase", TERMINATE_CLUSTER, jar, args));
            }
            "impala" => {
                let mut args = words(&["--base-path", &file(region, ""), "--impala-version", "latest"]);
                if given.is_some() {
                    let conf: Vec<&str> = items(given).iter().filter_map(Value::as_str).collect();
                    args.extend(words(&["--impala-conf", &conf.join(",")]));
                }
                let path = file(region, "/libs/impala/setup-impala");
                installation.bootstrap_actions.push(bootstrap("Install Impala", &path, args));
            }
            other => {
                let args = given.cloned().unwrap_or_else(|| Value::List(Vec::new()));
                installation.products.push(Value::Map(map([("Name", text(other)), ("Args", args)])));
            }
        }
    }
    Ok(installation)
}

fn name(application: &Value) -> &str {
    application.get("Name").and_then(Value::as_str).unwrap_or_default()
}

fn install_step(name: &str, option: &str, region: &str) -> Value {
    let lower = name.to_lowercase();
    let args = words(&[
        &file(region, &format!("/libs/{lower}/{lower}-script")),
        option,
        "--base-path",
        &file(region, &format!("/libs/{lower}")),
        &format!("--{lower}-versions"),
        "latest",
    ]);
    step::of_jar(&format!("Install {name}"), TERMINATE_CLUSTER, &script_runner(region), args)
}

/// The official CLI takes the base of this step from us-east-1, wherever the cluster is.
fn hive_site(site: &Value, region: &str) -> Value {
    let mut args = words(&[
        &file(region, "/libs/hive/hive-script"),
        "--base-path",
        &file("us-east-1", "/libs/hive"),
        "--install-hive-site",
    ]);
    args.push(site.clone());
    args.extend(words(&["--hive-versions", "latest"]));
    step::of_jar("Install Hive Site Configuration", CANCEL_AND_WAIT, &script_runner(region), args)
}
