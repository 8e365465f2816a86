//! Commands that make the roles which a service takes if none is named, where they are not there yet.

use super::client::{Client, map, member, text, text_at};
use crate::catalog;
use crate::command::{Custom, UsageError};
use crate::format::indented_json;
use crate::run::{Failure, Printer, shape};
use crate::send::{CallError, Calls};
use crate::serialize::python_json;
use crate::value::{Map, Value};

/// A role with its trust policy and the managed policy that it gets.
struct Role<'a> {
    name: &'a str,
    trust: String,
    policy_arn: String,
}

/// `emr create-default-roles`.
pub async fn emr(
    emr: &Client,
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    const EC2_ROLE: &str = "EMR_EC2_DefaultRole";
    let iam = iam(custom, printer)?;
    let shape = shape(&custom.globals, "create_role")?;
    let target =
        calls.target(&emr.service, emr.operation("DescribeCluster")?, &Map::new(), emr.region.as_deref());
    target.map_err(CallError::from)?;
    let region = emr.region.as_deref().unwrap_or_default();
    let partition = catalog::partitions().of_region(region);
    let suffix = partition.map_or("amazonaws.com", |partition| partition.dns_suffix.as_str());
    let service = format!("elasticmapreduce.{suffix}");
    let scaling_suffix = if region.starts_with("cn-") { suffix } else { "amazonaws.com" };
    let scaling = format!("application-autoscaling.{scaling_suffix}");
    let role = |name, policy: &str, services: &[&str]| Role {
        name,
        trust: indented_json(&trust("2008-10-17", services), 2, true),
        policy_arn: policy_arn(region, policy),
    };
    let mut made = Vec::new();
    let ec2 = role(EC2_ROLE, "AmazonElasticMapReduceforEC2Role", &["ec2.amazonaws.com"]);
    made.extend(ec2.make(&iam, calls).await?);
    make_instance_profile(&iam, EC2_ROLE, calls).await?;
    for role in [
        role("EMR_DefaultRole", "AmazonElasticMapReduceRole", &[&service]),
        role(
            "EMR_AutoScaling_DefaultRole",
            "AmazonElasticMapReduceforAutoScalingRole",
            &[&service, &scaling],
        ),
    ] {
        made.extend(role.make(&iam, calls).await?);
    }
    printer.show_value(Value::List(made), &shape)?;
    Ok(0)
}

/// What Python says of it on standard error.
const DEPRECATED: &str = "awscli/customizations/datapipeline/createdefaultroles.py:83: UserWarning: \nSupport for this \
     command has been deprecated and may fail to create these roles\nif they do not already exist. For more information \
     on managing these policies\nmanually see the following documentation:\n\n\
     https://docs.aws.amazon.com/datapipeline/latest/DeveloperGuide/dp-iam-roles.html\n\n";

/// `datapipeline create-default-roles`.
pub async fn data_pipeline(
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    const RESOURCE_ROLE: &str = "DataPipelineDefaultResourceRole";
    let iam = iam(custom, printer)?;
    let shape = shape(&custom.globals, "create_role")?;
    let role = |name, policy: &str, services: &[&str]| Role {
        name,
        trust: indented_json(&trust("2008-10-17", services), 2, true),
        policy_arn: format!("arn:aws:iam::aws:policy/service-role/{policy}"),
    };
    printer.output.stderr.push_str(DEPRECATED);
    let mut made = Vec::new();
    for role in [
        role(
            "DataPipelineDefaultRole",
            "AWSDataPipelineRole",
            &["datapipeline.amazonaws.com", "elasticmapreduce.amazonaws.com"],
        ),
        role(RESOURCE_ROLE, "AmazonEC2RoleforDataPipelineRole", &["ec2.amazonaws.com"]),
    ] {
        made.extend(role.make(&iam, calls).await?);
    }
    make_instance_profile(&iam, RESOURCE_ROLE, calls).await?;
    printer.show_value(Value::List(made), &shape)?;
    Ok(0)
}

/// `dlm create-default-role`. Shows nothing if the role is there, or its policy is not.
pub async fn data_lifecycle(
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let iam = iam(custom, printer)?;
    let shape = shape(&custom.globals, "create_role")?;
    let for_images = custom.options.text("resource-type") == Some("image");
    let end = if for_images { "ForAMIManagement" } else { "" };
    let name = format!("AWSDataLifecycleManagerDefaultRole{end}");
    let region = iam.region.as_deref().unwrap_or_default();
    let role = Role {
        name: &name,
        trust: python_json(&trust("2012-10-17", &["dlm.amazonaws.com"])),
        policy_arn: policy_arn(region, &format!("AWSDataLifecycleManagerServiceRole{end}")),
    };
    if exists(&iam, "GetRole", map([("RoleName", text(&name))]), calls).await? {
        return Ok(0);
    }
    if !exists(&iam, "GetPolicy", map([("PolicyArn", text(&role.policy_arn))]), calls).await? {
        return Ok(0);
    }
    let made = role.create(&iam, calls).await?;
    let mut shown = map([("RolePolicy", role.policy(&iam, calls).await?)]);
    shown.extend(made);
    printer.show(shown, &shape)?;
    Ok(0)
}

/// The client for IAM, which a command cannot send elsewhere.
pub fn iam(custom: &Custom, printer: &Printer) -> Result<Client, Failure> {
    if custom.options.has("iam-endpoint") {
        let reason = "--iam-endpoint is not available here: requests go to AWS's own endpoints only.";
        return Err(UsageError::refused(reason).into());
    }
    Client::new("iam", printer.output.region.as_deref())
}

/// The partition of a region as the official CLI writes it into the ARNs of policies.
pub fn partition(region: &str) -> &'static str {
    let region = region.to_lowercase();
    match () {
        () if region.starts_with("cn-") => "aws-cn",
        () if region.starts_with("us-gov") => "aws-us-gov",
        () => "aws",
    }
}

fn policy_arn(region: &str, policy: &str) -> String {
    format!("arn:{}:iam::aws:policy/service-role/{policy}", partition(region))
}

/// The policy that lets services take a role.
fn trust(version: &str, services: &[&str]) -> Value {
    let principal = match services {
        [only] => text(only),
        several => Value::List(several.iter().map(|service| text(service)).collect()),
    };
    let statement = map([
        ("Sid", text("")),
        ("Effect", text("Allow")),
        ("Principal", Value::Map(map([("Service", principal)]))),
        ("Action", text("sts:AssumeRole")),
    ]);
    Value::Map(map([("Version", text(version)), ("Statement", Value::List(vec![Value::Map(statement)]))]))
}

/// Whether what an operation asks for is there.
async fn exists(
    iam: &Client,
    operation: &str,
    parameters: Map,
    calls: &mut Calls<'_>,
) -> Result<bool, Failure> {
    match iam.call(calls, operation, parameters).await {
        Ok(_) => Ok(true),
        Err(CallError::Service { error, .. }) if error.code == "NoSuchEntity" => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn make_instance_profile(iam: &Client, name: &str, calls: &mut Calls<'_>) -> Result<(), Failure> {
    let profile = || map([("InstanceProfileName", text(name))]);
    if exists(iam, "GetInstanceProfile", profile(), calls).await? {
        return Ok(());
    }
    iam.call(calls, "CreateInstanceProfile", profile()).await?;
    let mut parameters = profile();
    parameters.insert("RoleName".to_owned(), text(name));
    iam.call(calls, "AddRoleToInstanceProfile", parameters).await?;
    Ok(())
}

impl Role<'_> {
    /// Makes the role unless it is there. Returns what is shown of it.
    async fn make(&self, iam: &Client, calls: &mut Calls<'_>) -> Result<Option<Value>, Failure> {
        if exists(iam, "GetRole", map([("RoleName", text(self.name))]), calls).await? {
            return Ok(None);
        }
        let made = self.create(iam, calls).await?;
        let policy = self.policy(iam, calls).await?;
        let role = member(&made, "Role")?.clone();
        Ok(Some(Value::Map(map([("Role", role), ("RolePolicy", policy)]))))
    }

    async fn create(&self, iam: &Client, calls: &mut Calls<'_>) -> Result<Map, Failure> {
        let parameters =
            map([("RoleName", text(self.name)), ("AssumeRolePolicyDocument", text(&self.trust))]);
        let made = iam.call(calls, "CreateRole", parameters).await?;
        let parameters = map([("PolicyArn", text(&self.policy_arn)), ("RoleName", text(self.name))]);
        iam.call(calls, "AttachRolePolicy", parameters).await?;
        Ok(made)
    }

    /// What the role's managed policy says.
    async fn policy(&self, iam: &Client, calls: &mut Calls<'_>) -> Result<Value, Failure> {
        let mut parameters = map([("PolicyArn", text(&self.policy_arn))]);
        let policy = iam.call(calls, "GetPolicy", parameters.clone()).await?;
        let version = text_at(&policy, &["Policy", "DefaultVersionId"])?;
        parameters.insert("VersionId".to_owned(), text(version));
        let version = iam.call(calls, "GetPolicyVersion", parameters).await?;
        let document = member(&version, "PolicyVersion")?.get("Document");
        document.cloned().ok_or_else(|| Failure::general("'Document'"))
    }
}
