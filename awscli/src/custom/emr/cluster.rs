//! `aws emr create-cluster`.

use super::{application, both, filesystem, instances, is_true, items, set, step};
use crate::command::{Custom, UsageError, json, values};
use crate::custom::Options;
use crate::custom::client::{Client, map, text};
use crate::run::{Failure, Printer, shape};
use crate::send::Calls;
use crate::value::{Map, Value};

/// How many scripts may run while a machine starts.
const BOOTSTRAP_ACTIONS: usize = 16;

/// Makes the cluster.
pub async fn create(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let emr = Client::new("emr", printer.output.region.as_deref())?;
    let region = printer.output.region.as_deref().unwrap_or("us-east-1");
    let shape = shape(&custom.globals, "run_job_flow")?;
    let parameters = parameters(&custom.options, region)?;
    let result = emr.call(calls, "RunJobFlow", parameters).await?;
    let shown = match result.get("JobFlowId") {
        Some(id) => {
            let arn = result.get("ClusterArn").cloned().unwrap_or(Value::Null);
            map([("ClusterId", id.clone()), ("ClusterArn", arn)])
        }
        None => Map::new(),
    };
    printer.show(shown, &shape)?;
    Ok(0)
}

fn parameters(options: &Options, region: &str) -> Result<Map, UsageError> {
    let given = |name: &str| options.text(name).map(text);
    let release = options.text("release-label");
    let has_release = release.is_some_and(|release| !release.is_empty());
    let groups = options.value("instance-groups");
    let mut ec2 = options.value("ec2-attributes").cloned();
    check(options, ec2.as_ref())?;

    let mut machines = match options.value("instance-fleets") {
        Some(fleets) => map([("InstanceFleets", instances::fleets(fleets))]),
        None => {
            let (kind, count) = (options.text("instance-type"), options.text("instance-count"));
            map([("InstanceGroups", instances::groups_or_type(groups, kind, count)?)])
        }
    };
    let mut cluster = map([("Name", given("name").unwrap_or(Value::Null))]);
    if let Some(release) = release {
        cluster.insert("ReleaseLabel".to_owned(), text(release));
        if let Some(configurations) = options.text("configurations") {
            let invalid = |_| UsageError::parameter("invalid json argument for option --configurations");
            cluster.insert("Configurations".to_owned(), json::parse(configurations).map_err(invalid)?);
        }
    } else if let Some(version) = options.text("ami-version") {
        let digits = version.strip_prefix(|c: char| c.is_numeric()).unwrap_or(version);
        if !digits.starts_with('.') {
            return Err(UsageError::parameter(&format!(
                "The supplied AMI version \"{version}\" is invalid. Please see AMI Versions Supported in Amazon EMR in \
                 Amazon Elastic MapReduce Developer Guide: \
                 http://docs.aws.amazon.com/ElasticMapReduce/latest/DeveloperGuide/ami-versions-supported.html"
            )));
        }
        cluster.insert("AmiVersion".to_owned(), text(version));
    }
    for (option, name) in [
        ("additional-info", "AdditionalInfo"),
        ("log-uri", "LogUri"),
        ("os-release-label", "OSReleaseLabel"),
        ("log-encryption-kms-key-id", "LogEncryptionKmsKeyId"),
    ] {
        set(&mut cluster, name, given(option).as_ref());
    }
    if options.has("use-default-roles") {
        set(&mut cluster, "ServiceRole", Some(&text("EMR_DefaultRole")));
        let ec2 = ec2.get_or_insert_with(|| Value::Map(Map::new()));
        if let Value::Map(ec2) = ec2 {
            ec2.insert("InstanceProfile".to_owned(), text("EMR_EC2_DefaultRole"));
        }
    } else {
        set(&mut cluster, "ServiceRole", given("service-role").as_ref());
    }
    let scales = |group: &Value| group.get("AutoScalingPolicy").is_some();
    if items(machines.get("InstanceGroups")).iter().any(scales) && options.text("auto-scaling-role").is_none()
    {
        return Err(UsageError::parameter(
            "Must specify --auto-scaling-role when configuring an AutoScaling policy for an instance group.",
        ));
    }
    set(&mut cluster, "AutoScalingRole", given("auto-scaling-role").as_ref());
    set(&mut cluster, "ScaleDownBehavior", given("scale-down-behavior").as_ref());

    let auto_terminate = either(options, "no-auto-terminate", "auto-terminate")?;
    machines.insert("KeepJobFlowAliveWhenNoSteps".to_owned(), Value::Bool(auto_terminate.unwrap_or(true)));
    let protected = either(options, "termination-protected", "no-termination-protected")?;
    machines.insert("TerminationProtected".to_owned(), Value::Bool(protected.unwrap_or(false)));
    if let Some(replaced) = either(options, "unhealthy-node-replacement", "no-unhealthy-node-replacement")? {
        machines.insert("UnhealthyNodeReplacement".to_owned(), Value::Bool(replaced));
    }
    let visible = either(options, "visible-to-all-users", "no-visible-to-all-users")?;
    cluster.insert("VisibleToAllUsers".to_owned(), Value::Bool(visible.unwrap_or(true)));
    cluster.insert("Tags".to_owned(), tags(options.value("tags")));
    cluster.insert("Instances".to_owned(), Value::Map(machines));
    if let Some(ec2) = &ec2 {
        place(ec2, &mut cluster)?;
    }
    if either(options, "enable-debugging", "no-enable-debugging")? == Some(true) {
        if options.text("log-uri").is_none() {
            return Err(UsageError::parameter(
                "LogUri not specified. You must specify a logUri if you enable debugging when creating a cluster.",
            ));
        }
        extend(&mut cluster, "Steps", vec![debugging(region, has_release)]);
    }
    install(options, region, &mut cluster)?;
    if let Some(backup) = options.value("restore-from-hbase-backup") {
        let restore = step::hbase_restore(backup.get("Dir"), backup.get("BackupVersion"));
        extend(&mut cluster, "Steps", vec![restore]);
    }
    if let Some(actions) = options.value("bootstrap-actions") {
        bootstrap(items(Some(actions)), &mut cluster)?;
    }
    if let Some(emrfs) = options.value("emrfs") {
        if has_release {
            let is_site = |config: &Value| config.get("Classification") == Some(&text("emrfs-site"));
            if items(cluster.get("Configurations")).iter().any(is_site) {
                return Err(UsageError::parameter(
                    "EMRFS should be configured either using --configuration or --emrfs but not both",
                ));
            }
            extend(&mut cluster, "Configurations", vec![filesystem::configuration(emrfs)?]);
        } else {
            extend(&mut cluster, "BootstrapActions", filesystem::bootstrap_actions(emrfs, region)?);
        }
    }
    if let Some(steps) = options.value("steps") {
        extend(&mut cluster, "Steps", step::all(Some(steps), region, has_release)?);
    }
    last(options, &mut cluster)?;
    Ok(cluster)
}

/// Refuses options that exclude each other, in the order in which the official CLI looks at them.
fn check(options: &Options, ec2: Option<&Value>) -> Result<(), UsageError> {
    match (options.text("ami-version"), options.text("release-label")) {
        (Some(_), Some(_)) => return Err(both("--ami-version", "--release-label", "")),
        (None, None) => {
            return Err(UsageError::parameter("Either --ami-version or --release-label is required."));
        }
        _ => {}
    }
    let choose = " Either choose --use-default-roles or use both --service-role <roleName> and --ec2-attributes \
                  InstanceProfile=<profileName>.";
    let default_roles = options.has("use-default-roles");
    if default_roles && options.text("service-role").is_some() {
        return Err(both("--use-default-roles", "--service-role", choose));
    }
    if default_roles && ec2.is_some_and(|ec2| ec2.get("InstanceProfile").is_some()) {
        return Err(both("--use-default-roles", "--ec2-attributes InstanceProfile", choose));
    }
    if options.has("instance-groups") && options.has("instance-fleets") {
        return Err(both("--instance-groups", "--instance-fleets", ""));
    }
    Ok(())
}

/// A flag and its opposite: which of the two was given.
fn either(options: &Options, yes: &str, no: &str) -> Result<Option<bool>, UsageError> {
    match (options.has(yes), options.has(no)) {
        (true, true) => {
            Err(UsageError::parameter(&format!("cannot use both --{yes} and --{no} options together.")))
        }
        (false, false) => Ok(None),
        (yes, _) => Ok(Some(yes)),
    }
}

fn tags(tags: Option<&Value>) -> Value {
    let pairs =
        items(tags).iter().filter_map(Value::as_str).map(|tag| tag.split_once('=').unwrap_or((tag, "")));
    Value::List(
        pairs.map(|(key, value)| Value::Map(map([("Key", text(key)), ("Value", text(value))]))).collect(),
    )
}

/// Adds to a list, which is made if there is something to add.
fn extend(cluster: &mut Map, name: &str, more: Vec<Value>) {
    match cluster.get_mut(name) {
        Some(Value::List(list)) => list.extend(more),
        _ => set(cluster, name, Some(&Value::List(more))),
    }
}

/// `--ec2-attributes`.
fn place(ec2: &Value, cluster: &mut Map) -> Result<(), UsageError> {
    let has = |name: &str| ec2.get(name).is_some();
    if has("SubnetId") && has("SubnetIds") {
        return Err(both("SubnetId", "SubnetIds", ""));
    }
    if has("AvailabilityZone") && has("AvailabilityZones") {
        return Err(both("AvailabilityZone", "AvailabilityZones", ""));
    }
    let zone = ["AvailabilityZone", "AvailabilityZones"].into_iter().find(|name| has(name));
    if (has("SubnetId") || has("SubnetIds")) && zone.is_some() {
        return Err(UsageError::parameter(
            "You may not specify both a SubnetId and an AvailabilityZone (placement) because ec2SubnetId implies a \
             placement.",
        ));
    }
    set(cluster, "JobFlowRole", ec2.get("InstanceProfile"));
    let Some(Value::Map(machines)) = cluster.get_mut("Instances") else { return Ok(()) };
    for (from, to) in [("KeyName", "Ec2KeyName"), ("SubnetId", "Ec2SubnetId"), ("SubnetIds", "Ec2SubnetIds")]
    {
        set(machines, to, ec2.get(from));
    }
    if let Some(zone) = zone {
        let mut placement = Map::new();
        set(&mut placement, zone, ec2.get(zone));
        machines.insert("Placement".to_owned(), Value::Map(placement));
    }
    for name in [
        "EmrManagedMasterSecurityGroup",
        "EmrManagedSlaveSecurityGroup",
        "ServiceAccessSecurityGroup",
        "AdditionalMasterSecurityGroups",
        "AdditionalSlaveSecurityGroups",
    ] {
        set(machines, name, ec2.get(name));
    }
    Ok(())
}

/// The step that `--enable-debugging` stands for.
fn debugging(region: &str, release: bool) -> Value {
    let (jar, arg) = if release {
        (step::COMMAND_RUNNER.to_owned(), "state-pusher-script".to_owned())
    } else {
        (step::script_runner(region), super::file(region, "/libs/state-pusher/0.1/fetch"))
    };
    step::of_jar("Setup Hadoop Debugging", step::TERMINATE_CLUSTER, &jar, vec![text(&arg)])
}

/// `--applications`.
fn install(options: &Options, region: &str, cluster: &mut Map) -> Result<(), UsageError> {
    let Some(applications) = options.value("applications") else { return Ok(()) };
    if options.text("release-label").is_some() {
        cluster.insert("Applications".to_owned(), applications.clone());
        return Ok(());
    }
    let version = options.text("ami-version").unwrap_or_default();
    let installation = application::install(Some(applications), region, version)?;
    extend(cluster, "NewSupportedProducts", installation.products);
    extend(cluster, "BootstrapActions", installation.bootstrap_actions);
    extend(cluster, "Steps", installation.steps);
    Ok(())
}

/// `--bootstrap-actions`.
fn bootstrap(actions: &[Value], cluster: &mut Map) -> Result<(), UsageError> {
    if items(cluster.get("BootstrapActions")).len() + actions.len() > BOOTSTRAP_ACTIONS {
        return Err(UsageError::parameter("maximum number of bootstrap actions for a cluster exceeded."));
    }
    let built = actions.iter().map(|action| {
        let name = action.get("Name").cloned().unwrap_or_else(|| text("Bootstrap action"));
        let mut script = Map::new();
        set(&mut script, "Path", action.get("Path"));
        set(&mut script, "Args", action.get("Args"));
        let mut built = map([("Name", name)]);
        set(&mut built, "ScriptBootstrapAction", Some(&Value::Map(script)));
        Value::Map(built)
    });
    extend(cluster, "BootstrapActions", built.collect());
    Ok(())
}

/// What follows the steps.
fn last(options: &Options, cluster: &mut Map) -> Result<(), UsageError> {
    let given = |name: &str| options.text(name).map(text);
    set(cluster, "SecurityConfiguration", given("security-configuration").as_ref());
    set(cluster, "CustomAmiId", given("custom-ami-id").as_ref());
    for (option, name) in [
        ("ebs-root-volume-size", "EbsRootVolumeSize"),
        ("ebs-root-volume-iops", "EbsRootVolumeIops"),
        ("ebs-root-volume-throughput", "EbsRootVolumeThroughput"),
    ] {
        if let Some(word) = given(option) {
            set(cluster, name, Some(&values::python_int(&word)?));
        }
    }
    set(cluster, "RepoUpgradeOnBoot", given("repo-upgrade-on-boot").as_ref());
    set(cluster, "KerberosAttributes", options.value("kerberos-attributes"));
    if let Some(level) = options.int("step-concurrency-level") {
        cluster.insert("StepConcurrencyLevel".to_owned(), Value::Int(level));
    }
    set(cluster, "StepExecutionRoleArn", given("step-execution-role-arn").as_ref());
    for (option, name) in [("extended-support", "ExtendedSupport"), ("session-enabled", "SessionEnabled")] {
        if let Some(value) = either(options, option, &format!("no-{option}"))? {
            cluster.insert(name.to_owned(), Value::Bool(value));
        }
    }
    for (option, name) in [
        ("managed-scaling-policy", "ManagedScalingPolicy"),
        ("placement-group-configs", "PlacementGroupConfigs"),
        ("auto-termination-policy", "AutoTerminationPolicy"),
        ("monitoring-configuration", "MonitoringConfiguration"),
    ] {
        set(cluster, name, options.value(option));
    }
    if let Some(monitoring) = options.value("monitoring-configuration") {
        check_logging(monitoring, options.text("log-uri"))?;
    }
    check_applications(options)
}

/// Refuses logs that have nowhere to go, and the other way round.
fn check_logging(monitoring: &Value, log_uri: Option<&str>) -> Result<(), UsageError> {
    let policy =
        monitoring.get("S3LoggingConfiguration").and_then(|logging| logging.get("LogTypeUploadPolicy"));
    let Some(Value::Map(policy)) = policy.filter(|policy| is_true(policy)) else { return Ok(()) };
    for (kind, policy) in policy {
        if !["system-logs", "application-logs", "persistent-ui-logs"].contains(&kind.as_str()) {
            return Err(UsageError::parameter(
                "Invalid log type specified for the current S3LoggingConfiguration. Supported log types: system-logs, \
                 application-logs, persistent-ui-logs",
            ));
        }
        let policy = policy.as_str().unwrap_or_default();
        if !["emr-managed", "on-customer-s3only", "disabled"].contains(&policy) {
            return Err(UsageError::parameter(
                "Invalid policy specified for the current S3LoggingConfiguration. Supported policies: emr-managed, \
                 on-customer-s3only, disabled",
            ));
        }
        if kind == "persistent-ui-logs" && policy == "on-customer-s3only" {
            return Err(UsageError::parameter(
                "Invalid policy for log type 'persistent-ui-logs'. Supported values for persistent-ui-logs: \
                 emr-managed, disabled",
            ));
        }
    }
    let goes = |kind: &str| policy.get(kind) != Some(&text("disabled"));
    let required = goes("system-logs") || goes("application-logs");
    let has_uri = log_uri.is_some_and(|uri| !uri.trim().is_empty());
    match (required, has_uri) {
        (true, false) => Err(UsageError::parameter(
            "A valid S3 location (LogUri) is required for the current S3LoggingConfiguration. Please specify an S3 \
             bucket and try again.",
        )),
        (false, true) => Err(UsageError::parameter(
            "LogUri must not be specified when system-logs and application-logs policies are both disabled in \
             S3LoggingConfiguration",
        )),
        _ => Ok(()),
    }
}

/// Refuses steps of applications that are not installed.
fn check_applications(options: &Options) -> Result<(), UsageError> {
    let lower = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_lowercase);
    let installed: Vec<String> =
        items(options.value("applications")).iter().filter_map(|app| lower(app, "Name")).collect();
    let mut absent: Vec<String> = Vec::new();
    let steps = items(options.value("steps")).iter().filter_map(|step| lower(step, "Type"));
    let steps = steps.filter(|kind| ["hive", "pig", "impala"].contains(&kind.as_str()));
    let restore = options.has("restore-from-hbase-backup").then(|| "hbase".to_owned());
    for kind in steps.chain(restore) {
        if !installed.contains(&kind) && !absent.contains(&kind) {
            absent.push(kind);
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    let titles = absent.iter().map(|kind| match kind.as_str() {
        "hive" => "Hive",
        "pig" => "Pig",
        "impala" => "Impala",
        _ => "Hbase",
    });
    Err(UsageError::parameter(&format!(
        "Some of the steps require the following applications to be installed: {}. Please install the applications \
         using --applications.",
        titles.collect::<Vec<_>>().join(", ")
    )))
}
