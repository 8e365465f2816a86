//! `aws ecs deploy`: a new task definition for a service that CodeDeploy brings into use.

use sha2::{Digest, Sha256};

use super::client::{Client, map, member, text, text_at};
use crate::command::{Custom, json};
use crate::run::{Failure, Printer};
use crate::send::{CallError, Calls};
use crate::serialize::python_json;
use crate::value::Value;
use crate::wait::Wait;
use crate::yaml::{self, Dialect};

/// How many characters of a name are in the names that follow from it.
const NAME_LENGTH: usize = 46;
/// How often a deployment is looked at, in seconds; for how many minutes at least and at most; and how many more than
/// the deployment group itself waits.
const DELAY: u32 = 15;
const LEAST_MINUTES: i64 = 30;
const MOST_MINUTES: i64 = 360;
const MORE_MINUTES: i64 = 10;

/// `ecs deploy`.
pub async fn deploy(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let option = |name: &str| custom.options.text(name);
    let definition = file(option("task-definition").unwrap_or_default(), calls)?;
    let definition = json::parse(&definition).map_err(|error| Failure::general(&error))?;
    let appspec = file(option("codedeploy-appspec").unwrap_or_default(), calls)?;
    let mut appspec = yaml::read_or_json(&appspec, Dialect::Plain)?;
    let region = printer.output.region.clone();
    let ecs = Client::new("ecs", region.as_deref())?;
    let codedeploy = Client::new("deploy", region.as_deref())?;
    let service = Names::find(&ecs, custom, calls).await?;
    let follows = |prefix: &str| {
        let short = |name: &str| name.chars().take(NAME_LENGTH).collect::<String>();
        format!("{prefix}-{}-{}", short(&service.cluster), short(&service.name))
    };
    let application = option("codedeploy-application").map_or_else(|| follows("AppECS"), str::to_owned);
    let group = option("codedeploy-deployment-group").map_or_else(|| follows("DgpECS"), str::to_owned);
    let minutes = check_targets(&codedeploy, &service, &application, &group, calls).await?;
    let Value::Map(definition) = definition else {
        return Err(Failure::general("the task definition must be a JSON object"));
    };
    let registered = ecs.call(calls, "RegisterTaskDefinition", definition).await;
    let registered = registered.map_err(|error| failed("register ECS task definition", error))?;
    let arn = text_at(&registered, &["taskDefinition", "taskDefinitionArn"])?;
    printer.sink.push(&format!("Successfully registered new ECS task definition {arn}\n"));
    set_task_definition(&mut appspec, arn)?;
    let content = python_json(&appspec);
    let hash: String = Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let content = map([("content", Value::Str(content)), ("sha256", Value::Str(hash))]);
    let revision = map([("revisionType", text("AppSpecContent")), ("appSpecContent", Value::Map(content))]);
    let request = map([
        ("applicationName", text(&application)),
        ("deploymentGroupName", text(&group)),
        ("revision", Value::Map(revision)),
    ]);
    let made = codedeploy.call(calls, "CreateDeployment", request).await;
    let made = made.map_err(|error| failed("create deployment", error))?;
    let id = text_at(&made, &["deploymentId"])?;
    printer.sink.push(&format!("Successfully created deployment {id}\n"));
    printer.sink.push(&format!("Waiting for {id} to succeed (will wait up to {minutes} minutes)...\n"));
    let waiter = codedeploy.waiter("DeploymentSuccessful")?;
    let wait = Wait {
        service: &codedeploy.service,
        waiter,
        parameters: map([("deploymentId", text(id))]),
        region: codedeploy.region.as_deref(),
        delay: DELAY,
        max_attempts: u32::try_from(minutes * 60).unwrap_or_default() / DELAY,
        parks: None,
        polls: 0,
    };
    wait.run(calls).await?;
    printer.sink.push(&format!("Successfully deployed {arn} to service '{}'\n", service.name));
    Ok(0)
}

fn file(path: &str, calls: &Calls<'_>) -> Result<String, Failure> {
    let unable =
        |error: &dyn std::fmt::Display| Failure::general(&format!("Unable to load file at {path}: {error}"));
    let content = calls.session().files.read(path).map_err(|error| unable(&error))?;
    String::from_utf8(content.to_vec()).map_err(|error| unable(&error))
}

/// A refused call in the words of this command.
fn failed(action: &str, error: CallError) -> Failure {
    match error {
        CallError::Service { .. } => Failure::general(&format!("Failed to {action}:\n{error}")),
        error => error.into(),
    }
}

/// The names of the service and its cluster.
struct Names {
    name: String,
    arn: String,
    cluster: String,
    cluster_arn: String,
}

impl Names {
    async fn find(ecs: &Client, custom: &Custom, calls: &mut Calls<'_>) -> Result<Self, Failure> {
        let service = custom.options.text("service").unwrap_or_default();
        let cluster = custom.options.text("cluster").unwrap_or("default");
        let request = map([("cluster", text(cluster)), ("services", Value::List(vec![text(service)]))]);
        let found = ecs.call(calls, "DescribeServices", request).await;
        let found = found.map_err(|error| failed("describe ECS service", error))?;
        let Value::List(services) = member(&found, "services")? else {
            return Err(Failure::general("'services'"));
        };
        let Some(Value::Map(details)) = services.first() else {
            let message = format!("Service '{service}' not found in cluster '{cluster}'");
            return Err(Failure::general(&message));
        };
        let cluster_arn = text_at(details, &["clusterArn"])?;
        let cluster = cluster_arn.split('/').nth(1);
        Ok(Self {
            name: text_at(details, &["serviceName"])?.to_owned(),
            arn: text_at(details, &["serviceArn"])?.to_owned(),
            cluster: cluster.ok_or_else(|| Failure::general("list index out of range"))?.to_owned(),
            cluster_arn: cluster_arn.to_owned(),
        })
    }
}

/// Refuses an application or group that is not for this service. Returns for how many minutes to wait.
async fn check_targets(
    codedeploy: &Client,
    service: &Names,
    application: &str,
    group: &str,
    calls: &mut Calls<'_>,
) -> Result<i64, Failure> {
    let request = map([("applicationName", text(application))]);
    let found = codedeploy.call(calls, "GetApplication", request).await;
    let found_application = found.map_err(|error| failed("describe Code Deploy application", error))?;
    let request = map([("applicationName", text(application)), ("deploymentGroupName", text(group))]);
    let found = codedeploy.call(calls, "GetDeploymentGroup", request).await;
    let found = found.map_err(|error| failed("describe Code Deploy deployment group", error))?;
    let platform = |kind: &str, name: &str| {
        Failure::general(&format!("{kind} '{name}' must support 'ECS' compute platform"))
    };
    if text_at(&found_application, &["application", "computePlatform"])? != "ECS" {
        return Err(platform("Application", application));
    }
    if text_at(&found, &["deploymentGroupInfo", "computePlatform"])? != "ECS" {
        return Err(platform("Deployment Group", group));
    }
    let info = member(&found, "deploymentGroupInfo")?;
    let targets = match info.get("ecsServices") {
        Some(Value::List(targets)) => targets.as_slice(),
        _ => return Err(Failure::general("'ecsServices'")),
    };
    for target in targets {
        for (key, what, name, arn) in [
            ("serviceName", "service", &service.name, &service.arn),
            ("clusterName", "cluster", &service.cluster, &service.cluster_arn),
        ] {
            let target = target.get(key).and_then(Value::as_str);
            let target = target.ok_or_else(|| Failure::general(&format!("'{key}'")))?;
            if target != name && target != arn {
                let message = format!("deployment group '{group}' does not target ECS {what} '{name}'");
                return Err(Failure::general(&message));
            }
        }
    }
    let minutes = |path: [&str; 3]| {
        let mut value = info;
        for name in path {
            value = value.get(name).ok_or_else(|| Failure::general(&format!("'{name}'")))?;
        }
        match value {
            Value::Int(minutes) => Ok(*minutes),
            _ => Err(Failure::general(&format!("'{}'", path[2]))),
        }
    };
    const CONFIGURATION: &str = "blueGreenDeploymentConfiguration";
    let ready = minutes([CONFIGURATION, "deploymentReadyOption", "waitTimeInMinutes"])?;
    let end = "terminateBlueInstancesOnDeploymentSuccess";
    let ending = minutes([CONFIGURATION, end, "terminationWaitTimeInMinutes"])?;
    Ok((ready.saturating_add(ending).saturating_add(MORE_MINUTES)).clamp(LEAST_MINUTES, MOST_MINUTES))
}

/// Puts the ARN into every resource of the appspec.
fn set_task_definition(appspec: &mut Value, arn: &str) -> Result<(), Failure> {
    let resources = required("codedeploy-appspec", appspec, "resources")?;
    let Value::List(resources) = resources else {
        return Err(Failure::general("the resources of the appspec must be a list"));
    };
    for resource in resources {
        let Value::Map(resource) = resource else { continue };
        for (name, content) in resource {
            let properties = required(name, content, "properties")?;
            *required("properties", properties, "taskDefinition")? = text(arn);
        }
    }
    Ok(())
}

/// A member that must be there, whatever the case of its letters.
fn required<'a>(resource: &str, value: &'a mut Value, key: &str) -> Result<&'a mut Value, Failure> {
    let missing = || Failure::general(&format!("Resource '{resource}' must include property '{key}'"));
    let Value::Map(map) = value else { return Err(missing()) };
    map.iter_mut()
        .find(|(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, value)| value)
        .ok_or_else(missing)
}
