//! `aws deploy register` and `deregister`: machines outside of AWS that CodeDeploy deploys to, and their users.

use bytes::Bytes;

use super::client::{Client, map, text, text_at};
use crate::command::{Custom, Paging, UsageError};
use crate::paginate::Pages;
use crate::run::{Failure, Printer};
use crate::send::{CallError, Calls};
use crate::value::{Map, Value};

/// The file that the machine's agent reads.
const CONFIGURATION: &str = "codedeploy.onpremises.yml";

const POLICY_NAME: &str = "codedeploy-agent";
const POLICY: &str = "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [ {\n        \"Action\": [ \"s3:Get*\", \
                      \"s3:List*\" ],\n        \"Effect\": \"Allow\",\n        \"Resource\": \"*\"\n    } ]\n}";

/// What ends a command in between. The official CLI shows it with a hint where to read on.
struct Broken(String);

impl From<CallError> for Broken {
    fn from(error: CallError) -> Self {
        let text = error.to_string();
        Self(text.strip_prefix("An error occurred (ParamValidation): ").unwrap_or(&text).to_owned())
    }
}

/// A member that is missing, as Python says it.
fn needed<T>(found: Result<T, Failure>, name: &str) -> Result<T, Broken> {
    found.map_err(|_| Broken(format!("'{name}'")))
}

/// The machine, and the services that know it.
struct Machine<'a> {
    name: &'a str,
    codedeploy: Client,
    iam: Client,
}

impl<'a> Machine<'a> {
    fn new(custom: &'a Custom, printer: &Printer) -> Result<Self, Failure> {
        let name = custom.options.text("instance-name").unwrap_or_default();
        let region = printer.output.region.as_deref();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
        let wrong = match name.strip_suffix('\n').unwrap_or(name) {
            _ if name.is_empty() => None,
            line if line.is_empty() || !line.chars().all(allowed) => {
                Some("Instance name contains invalid characters.")
            }
            line if line.starts_with("i-") => Some("Instance name cannot start with 'i-'."),
            _ if name.len() > 100 => Some("Instance name cannot be longer than 100 characters."),
            _ => None,
        };
        match wrong {
            Some(wrong) => Err(UsageError::parameter(wrong).into()),
            None => Ok(Self {
                name,
                codedeploy: Client::new("deploy", region)?,
                iam: Client::new("iam", region)?,
            }),
        }
    }

    fn names(&self) -> Value {
        Value::List(vec![text(self.name)])
    }
}

/// `deploy register`. Without a user one is made, with a key in a file for the machine.
pub async fn register(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let machine = Machine::new(custom, printer)?;
    let tags = custom.options.value("tags");
    check_tags(tags)?;
    let user = custom.options.text("iam-user-arn").filter(|arn| !arn.is_empty());
    if user.is_some_and(|arn| !is_user(arn)) {
        return Err(UsageError::parameter("Invalid IAM user ARN.").into());
    }
    if user.is_none() && calls.session().hide_secrets {
        let reason = "--iam-user-arn must be given here: without it a key would be made that nobody may see.";
        return Err(UsageError::refused(reason).into());
    }
    let registered = register_steps(&machine, user, tags, calls, printer).await;
    Ok(end(registered, "Register", printer))
}

async fn register_steps(
    machine: &Machine<'_>,
    user: Option<&str>,
    tags: Option<&Value>,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<(), Broken> {
    let user = match user {
        Some(user) => user.to_owned(),
        None => make_user(machine, calls, printer).await?,
    };
    printer.sink.push("Registering the on-premises instance... ");
    let request = map([("instanceName", text(machine.name)), ("iamUserArn", text(&user))]);
    machine.codedeploy.call(calls, "RegisterOnPremisesInstance", request).await?;
    printer.sink.push("DONE\n");
    if let Some(tags @ Value::List(list)) = tags
        && !list.is_empty()
    {
        printer.sink.push("Adding tags to the on-premises instance... ");
        let request = map([("tags", tags.clone()), ("instanceNames", machine.names())]);
        machine.codedeploy.call(calls, "AddTagsToOnPremisesInstances", request).await?;
        printer.sink.push("DONE\n");
    }
    printer.sink.push(&format!(
        "Copy the on-premises configuration file named {CONFIGURATION} to the on-premises instance, and run the \
         following command on the on-premises instance to install and configure the AWS CodeDeploy Agent:\naws deploy \
         install --config-file {CONFIGURATION}\n"
    ));
    Ok(())
}

/// Makes the machine's user and its key. Returns the user's ARN.
async fn make_user(
    machine: &Machine<'_>,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<String, Broken> {
    let (iam, region) = (&machine.iam, machine.iam.region.as_deref());
    printer.sink.push("Creating the IAM user... ");
    let request = map([("Path", text("/AWS/CodeDeploy/")), ("UserName", text(machine.name))]);
    let made = iam.call(calls, "CreateUser", request).await?;
    let arn = needed(text_at(&made, &["User", "Arn"]), "User")?.to_owned();
    printer.sink.push(&format!("DONE\nIamUserArn: {arn}\nCreating the IAM user access key... "));
    let request = map([("UserName", text(machine.name))]);
    let made = iam.reveal(calls, "CreateAccessKey", request).await?;
    let key = |name: &str| needed(text_at(&made, &["AccessKey", name]), "AccessKey").map(str::to_owned);
    let (id, secret) = (key("AccessKeyId")?, key("SecretAccessKey")?);
    printer.sink.push(&format!(
        "DONE\nAccessKeyId: {id}\nSecretAccessKey: {secret}\nCreating the IAM user policy... "
    ));
    let request = map([
        ("UserName", text(machine.name)),
        ("PolicyName", text(POLICY_NAME)),
        ("PolicyDocument", text(POLICY)),
    ]);
    iam.call(calls, "PutUserPolicy", request).await?;
    printer.sink.push(&format!(
        "DONE\nPolicyName: {POLICY_NAME}\nPolicyDocument: {POLICY}\nCreating the on-premises instance configuration \
         file named {CONFIGURATION}..."
    ));
    let content = format!(
        "---\nregion: {}\niam_user_arn: {arn}\naws_access_key_id: {id}\naws_secret_access_key: {secret}\n",
        region.unwrap_or_default()
    );
    let written = calls.session().files.write(CONFIGURATION, Bytes::from(content));
    written.map_err(|error| Broken(format!("Failed to create config file {CONFIGURATION}: {error}")))?;
    printer.sink.push("DONE\n");
    Ok(arn)
}

/// `deploy deregister`.
pub async fn deregister(
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let machine = Machine::new(custom, printer)?;
    let keeps_user = custom.options.has("no-delete-iam-user");
    let deregistered = deregister_steps(&machine, keeps_user, calls, printer).await;
    Ok(end(deregistered, "Deregister", printer))
}

async fn deregister_steps(
    machine: &Machine<'_>,
    keeps_user: bool,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<(), Broken> {
    printer.sink.push("Retrieving on-premises instance information... ");
    let request = map([("instanceName", text(machine.name))]);
    let found = machine.codedeploy.call(calls, "GetOnPremisesInstance", request).await?;
    let arn = needed(text_at(&found, &["instanceInfo", "iamUserArn"]), "iamUserArn")?;
    let tags = found.get("instanceInfo").and_then(|info| info.get("tags"));
    let tags = tags.ok_or_else(|| Broken("'tags'".to_owned()))?;
    printer.sink.push(&format!("DONE\nIamUserArn: {arn}\n"));
    if let Value::List(list) = tags
        && !list.is_empty()
    {
        printer.sink.push("Tags:");
        for tag in list {
            let part = |name: &str| {
                let part = tag.get(name).and_then(Value::as_str);
                part.ok_or_else(|| Broken(format!("'{name}'")))
            };
            printer.sink.push(&format!(" Key={},Value={}", part("Key")?, part("Value")?));
        }
        printer.sink.push("\nRemoving tags from the on-premises instance... ");
        let request = map([("tags", tags.clone()), ("instanceNames", machine.names())]);
        machine.codedeploy.call(calls, "RemoveTagsFromOnPremisesInstances", request).await?;
        printer.sink.push("DONE\n");
    }
    printer.sink.push("Deregistering the on-premises instance... ");
    let request = map([("instanceName", text(machine.name))]);
    machine.codedeploy.call(calls, "DeregisterOnPremisesInstance", request).await?;
    printer.sink.push("DONE\n");
    if !keeps_user {
        let user = arn.rsplit('/').next().unwrap_or(arn);
        delete_user(&machine.iam, user, calls, printer).await?;
    }
    printer.sink.push(
        "Run the following command on the on-premises instance to uninstall the codedeploy-agent:\naws deploy \
         uninstall\n",
    );
    Ok(())
}

/// Deletes a user with policies and keys. What is not there any more is as good as deleted.
async fn delete_user(
    iam: &Client,
    user: &str,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<(), Broken> {
    let name = || map([("UserName", text(user))]);
    printer.sink.push("Deleting the IAM user policies... ");
    gone(delete_listed(iam, "ListUserPolicies", "PolicyNames", name(), calls).await)?;
    printer.sink.push("DONE\nDeleting the IAM user access keys... ");
    gone(delete_listed(iam, "ListAccessKeys", "AccessKeyMetadata", name(), calls).await)?;
    printer.sink.push(&format!("DONE\nDeleting the IAM user ({user})... "));
    gone(iam.call(calls, "DeleteUser", name()).await.map(|_| ()))?;
    printer.sink.push("DONE\n");
    Ok(())
}

fn gone(result: Result<(), CallError>) -> Result<(), Broken> {
    match result {
        Err(CallError::Service { error, .. }) if error.code == "NoSuchEntity" => Ok(()),
        other => Ok(other?),
    }
}

/// Deletes all policies or keys of a user, page by page.
async fn delete_listed(
    iam: &Client,
    operation: &str,
    list: &str,
    user: Map,
    calls: &mut Calls<'_>,
) -> Result<(), CallError> {
    let operation = iam.operation(operation)?;
    let paging = Paging { automatic: true, ..Paging::default() };
    let mut pages = Pages::new(&iam.service, operation, user.clone(), &paging)?;
    while let Some(page) = pages.next(calls, iam.region.as_deref()).await? {
        let Some(Value::List(items)) = page.get(list) else { continue };
        for item in items {
            let mut request = user.clone();
            let delete = match item.get("AccessKeyId") {
                Some(id) => {
                    request.insert("AccessKeyId".to_owned(), id.clone());
                    "DeleteAccessKey"
                }
                None => {
                    request.insert("PolicyName".to_owned(), item.clone());
                    "DeleteUserPolicy"
                }
            };
            iam.call(calls, delete, request).await?;
        }
    }
    Ok(())
}

/// Shows what broke. Returns the exit status.
fn end(result: Result<(), Broken>, title: &str, printer: &mut Printer) -> i32 {
    let Err(Broken(reason)) = result else { return 0 };
    printer.output.stderr.push_str(&format!(
        "ERROR\n{reason}\n{title} the on-premises instance by following the instructions in \"Configure Existing \
         On-Premises Instances by Using AWS CodeDeploy\" in the AWS CodeDeploy User Guide.\n"
    ));
    255
}

fn check_tags(tags: Option<&Value>) -> Result<(), Failure> {
    let Some(Value::List(tags)) = tags else { return Ok(()) };
    let longest = |name: &str| {
        let texts = tags.iter().filter_map(|tag| tag.get(name)?.as_str());
        texts.map(|text| text.chars().count()).max().unwrap_or_default()
    };
    let wrong = match () {
        () if tags.len() > 10 => "Instances can only have a maximum of 10 tags.",
        () if longest("Key") > 128 => "Tag Key cannot be longer than 128 characters.",
        () if longest("Value") > 256 => "Tag Value cannot be longer than 256 characters.",
        () => return Ok(()),
    };
    Err(UsageError::parameter(wrong).into())
}

/// Whether a text is the ARN of a user.
fn is_user(arn: &str) -> bool {
    let arn = arn.strip_suffix('\n').unwrap_or(arn);
    let Some((account, name)) = arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":user/"))
    else {
        return false;
    };
    account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+=,.@_-".contains(&byte))
}
