//! The commands of EMR that are not operations of its API.

mod application;
mod cluster;
mod filesystem;
mod instances;
mod step;

pub use cluster::create;

use super::client::{Client, map, member, text};
use super::role;
use crate::command::{Custom, UsageError};
use crate::run::{Failure, Printer, shape};
use crate::send::Calls;
use crate::value::{Map, Value};

/// Commands for clusters of before releases: a cluster that has one does not take them.
const BEFORE_RELEASES: [&str; 5] = [
    "install-applications",
    "restore-from-hbase-backup",
    "schedule-hbase-backup",
    "create-hbase-backup",
    "disable-hbase-backups",
];

/// Runs any of them but `create-cluster`.
pub async fn run(
    command: &'static str,
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let emr = Client::new("emr", printer.output.region.as_deref())?;
    let region = printer.output.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    let options = &custom.options;
    if BEFORE_RELEASES.contains(&command)
        && let Some(release) = release(&emr, custom, calls).await?
    {
        let message = format!("{command} is not supported with '{release}' release.");
        return Err(UsageError::parameter(&message).into());
    }
    let cluster = text(options.text("cluster-id").unwrap_or_default());
    let mut show = async |operation: &str, parameters: Map| -> Result<i32, Failure> {
        let shape = shape(&custom.globals, operation)?;
        let result = emr.call(calls, operation, parameters).await?;
        printer.show(result, &shape)?;
        Ok(0)
    };
    let steps = |steps: Vec<Value>| map([("JobFlowId", cluster.clone()), ("Steps", Value::List(steps))]);
    match command {
        "add-instance-groups" => {
            let shape = shape(&custom.globals, "add_instance_groups")?;
            let groups = instances::groups(options.value("instance-groups"));
            let parameters = map([("JobFlowId", cluster), ("InstanceGroups", groups)]);
            let result = emr.call(calls, "AddInstanceGroups", parameters).await?;
            printer.show(added(result), &shape)?;
            Ok(0)
        }
        "add-steps" => {
            let release = release(&emr, custom, calls).await?;
            let built = step::all(options.value("steps"), &region, release.is_some())?;
            let mut parameters = steps(built);
            if let Some(role) = options.text("execution-role-arn") {
                parameters.insert("ExecutionRoleArn".to_owned(), text(role));
            }
            let shape = shape(&custom.globals, "AddJobFlowSteps")?;
            let result = emr.call(calls, "AddJobFlowSteps", parameters).await?;
            printer.show(result, &shape)?;
            Ok(0)
        }
        "create-default-roles" => role::emr(&emr, custom, calls, printer).await,
        "describe-cluster" => describe(&emr, custom, calls, printer).await,
        "install-applications" => {
            let built = application::on_a_running_cluster(options.value("applications"), &region)?;
            show("AddJobFlowSteps", steps(built)).await
        }
        "modify-cluster-attributes" => modify(&emr, custom, calls, printer).await,
        "terminate-clusters" => {
            let ids = options.value("cluster-ids").cloned().unwrap_or(Value::Null);
            show("TerminateJobFlows", map([("JobFlowIds", ids)])).await
        }
        hbase => show("AddJobFlowSteps", steps(vec![step::hbase(hbase, options)?])).await,
    }
}

/// The release of the cluster, if it has one.
async fn release(emr: &Client, custom: &Custom, calls: &mut Calls<'_>) -> Result<Option<String>, Failure> {
    let id = custom.options.text("cluster-id").unwrap_or_default();
    let result = emr.call(calls, "DescribeCluster", map([("ClusterId", text(id))])).await?;
    let release = result.get("Cluster").and_then(|cluster| cluster.get("ReleaseLabel")?.as_str());
    Ok(release.filter(|release| !release.is_empty()).map(str::to_owned))
}

/// What `add-instance-groups` shows.
fn added(result: Map) -> Map {
    match (result.get("JobFlowId"), result.get("InstanceGroupIds")) {
        (Some(id), Some(groups)) => map([
            ("ClusterId", id.clone()),
            ("InstanceGroupIds", groups.clone()),
            ("ClusterArn", result.get("ClusterArn").cloned().unwrap_or(Value::Null)),
        ]),
        _ => Map::new(),
    }
}

/// `describe-cluster`: the cluster with its instances and bootstrap actions, which the API gives apart.
async fn describe(
    emr: &Client,
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let shape = shape(&custom.globals, "describe_cluster")?;
    let id = map([("ClusterId", text(custom.options.text("cluster-id").unwrap_or_default()))]);
    let mut result = emr.call(calls, "DescribeCluster", id.clone()).await?;
    let collection =
        result.get("Cluster").and_then(|cluster| cluster.get("InstanceCollectionType")?.as_str());
    let instances = if collection == Some("INSTANCE_FLEET") { "InstanceFleets" } else { "InstanceGroups" };
    let mut listed = emr.call(calls, &format!("List{instances}"), id.clone()).await?;
    let mut actions = emr.call(calls, "ListBootstrapActions", id).await?;
    member(&result, "Cluster")?;
    if let Some(Value::Map(cluster)) = result.get_mut("Cluster") {
        let actions = actions.shift_remove("BootstrapActions").unwrap_or_else(|| Value::List(Vec::new()));
        cluster.insert("BootstrapActions".to_owned(), actions);
        if let Some(listed) = listed.shift_remove(instances) {
            cluster.insert(instances.to_owned(), listed);
        }
    }
    printer.show(result, &shape)?;
    Ok(0)
}

/// `modify-cluster-attributes`: an operation for each attribute.
async fn modify(
    emr: &Client,
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    const ATTRIBUTES: [(&str, &str, &str); 4] = [
        ("visible-to-all-users", "SetVisibleToAllUsers", "VisibleToAllUsers"),
        ("termination-protected", "SetTerminationProtection", "TerminationProtected"),
        ("auto-terminate", "SetKeepJobFlowAliveWhenNoSteps", "KeepJobFlowAliveWhenNoSteps"),
        ("unhealthy-node-replacement", "SetUnhealthyNodeReplacement", "UnhealthyNodeReplacement"),
    ];
    let mut wanted = Vec::new();
    for (option, operation, member) in ATTRIBUTES {
        let [yes, no] = [option.to_owned(), format!("no-{option}")].map(|name| custom.options.has(&name));
        match (yes, no) {
            (true, true) => return Err(both(&format!("--{option}"), &format!("--no-{option}"), "").into()),
            (false, false) => {}
            // What keeps a cluster is the opposite of what ends it.
            (yes, _) => wanted.push((operation, member, yes != (option == "auto-terminate"))),
        }
    }
    if wanted.is_empty() {
        let message = "Must specify one of the following boolean options: \
                       --visible-to-all-users|--no-visible-to-all-users, \
                       --termination-protected|--no-termination-protected, --auto-terminate|--no-auto-terminate, \
                       --unhealthy-node-replacement|--no-unhealthy-node-replacement.";
        return Err(UsageError::parameter(message).into());
    }
    let ids = Value::List(vec![text(custom.options.text("cluster-id").unwrap_or_default())]);
    for (operation, member, value) in wanted {
        let shape = shape(&custom.globals, operation)?;
        let parameters = map([("JobFlowIds", ids.clone()), (member, Value::Bool(value))]);
        let result = emr.call(calls, operation, parameters).await?;
        printer.show(result, &shape)?;
    }
    Ok(0)
}

/// Two options that exclude each other.
fn both(one: &str, other: &str, more: &str) -> UsageError {
    UsageError::parameter(&format!("You cannot specify both {one} and {other} options together.{more}"))
}

/// What must be there is not.
fn missing(what: &str, missing: &str) -> UsageError {
    UsageError::parameter(&format!("The following required parameters are missing for {what}: {missing}."))
}

/// Whether Python takes a value for true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Int(number) => *number != 0,
        Value::Float(number) => *number != 0.0,
        Value::Str(text) => !text.is_empty(),
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(map) => !map.is_empty(),
        Value::BigInt(_) | Value::Timestamp(_) | Value::Date(_) => true,
    }
}

/// Sets a member, but for a value that says nothing.
fn set(to: &mut Map, name: &str, value: Option<&Value>) {
    if let Some(value) = value.filter(|value| is_true(value)) {
        to.insert(name.to_owned(), value.clone());
    }
}

/// The items of a list.
fn items(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// Words as a list.
fn words(words: &[&str]) -> Vec<Value> {
    words.iter().map(|word| text(word)).collect()
}

/// A file that EMR keeps in each region.
fn file(region: &str, path: &str) -> String {
    format!("s3://{region}.elasticmapreduce{path}")
}

/// A script that runs while a machine starts.
fn bootstrap(name: &str, path: &str, args: Vec<Value>) -> Value {
    let mut script = Map::new();
    set(&mut script, "Args", Some(&Value::List(args)));
    script.insert("Path".to_owned(), text(path));
    Value::Map(map([("Name", text(name)), ("ScriptBootstrapAction", Value::Map(script))]))
}
