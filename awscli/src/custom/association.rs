//! The commands of EMR on EKS that let pods of a cluster run under a role.

use super::client::{Client, map, member, text};
use super::role;
use crate::command::{Custom, json};
use crate::format::{self, indented_ascii_json, indented_json};
use crate::run::{Failure, Printer};
use crate::send::{CallError, Calls};
use crate::serialize::python_json;
use crate::value::{Map, Value};

/// Names of roles have at most 64 characters. A longer one need not be written in another base.
const LONGEST_NAME: usize = 1000;

/// A service account and its namespace.
type Account = (String, String);

/// `create-role-associations`. What was made is taken back if one of them fails.
pub async fn create(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let eks = Client::new("eks", printer.output.region.as_deref())?;
    let cluster = custom.options.text("cluster-name").unwrap_or_default();
    let role = custom.options.text("role-name").unwrap_or_default();
    let account_id = account_id(&describe(&eks, cluster, calls).await?)?;
    let partition = role::partition(eks.region.as_deref().unwrap_or_default());
    let arn = format!("arn:{partition}:iam::{account_id}:role/{role}");
    let mut made: Vec<Value> = Vec::new();
    for (account, namespace) in accounts(custom, &account_id)? {
        let request = map([
            ("clusterName", text(cluster)),
            ("namespace", text(&namespace)),
            ("roleArn", text(&arn)),
            ("serviceAccount", text(&account)),
        ]);
        match eks.call(calls, "CreatePodIdentityAssociation", request).await {
            Ok(result) => made.push(association(result)),
            Err(CallError::Service { error, .. }) if error.code == "ResourceInUseException" => {
                printer.output.stderr.push_str(&format!(
                    "Skipping pod identity association creation because pod identity association already exists for \
                     service account {account} and role {role} in namespace {namespace}: {}\n",
                    error.message
                ));
            }
            Err(CallError::Service { error, .. }) => {
                for association in made {
                    printer.output.stderr.push_str(&format!(
                        "Rolling back association for service account {account} and role {role} in namespace \
                         {namespace} as an error was encountered\n"
                    ));
                    let id = |name: &str| association.get(name).cloned().unwrap_or(Value::Null);
                    let request =
                        map([("clusterName", id("clusterName")), ("associationId", id("associationId"))]);
                    eks.call(calls, "DeletePodIdentityAssociation", request).await?;
                }
                return Err(Failure::general(&format!(
                    "Failed to create pod identity association for service account {account}, role {role} in \
                     namespace {namespace}: {}",
                    error.message
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
    print(made, printer);
    Ok(0)
}

/// `delete-role-associations`.
pub async fn delete(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let eks = Client::new("eks", printer.output.region.as_deref())?;
    let cluster = custom.options.text("cluster-name").unwrap_or_default();
    let role = custom.options.text("role-name").unwrap_or_default();
    let account_id = account_id(&describe(&eks, cluster, calls).await?)?;
    let mut gone = Vec::new();
    for (account, namespace) in accounts(custom, &account_id)? {
        let failed = |error: CallError| match error {
            CallError::Service { error, .. } => Failure::general(&format!(
                "Failed to delete pod identity association for service account {account}, role {role} in namespace \
                 {namespace}: {}",
                error.message
            )),
            other => other.into(),
        };
        let request = map([
            ("clusterName", text(cluster)),
            ("namespace", text(&namespace)),
            ("serviceAccount", text(&account)),
        ]);
        let listed = eks.call(calls, "ListPodIdentityAssociations", request).await.map_err(failed)?;
        let first = match listed.get("associations") {
            Some(Value::List(associations)) => associations.first(),
            _ => None,
        };
        let Some(first) = first else {
            printer.output.stderr.push_str(&format!(
                "Skipping deletion as no pod identity association found for service account {account} and role \
                 {role} in namespace {namespace}\n"
            ));
            continue;
        };
        let id = first.get("associationId").ok_or_else(|| Failure::general("'associationId'"))?;
        let request = map([("clusterName", text(cluster)), ("associationId", id.clone())]);
        let result = eks.call(calls, "DeletePodIdentityAssociation", request).await.map_err(failed)?;
        gone.push(association(result));
    }
    print(gone, printer);
    Ok(0)
}

/// `update-role-trust-policy`: lets the job runner's service accounts take the role.
pub async fn trust(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    let iam = role::iam(custom, printer)?;
    let eks = Client::new("eks", printer.output.region.as_deref())?;
    let role = options.text("role-name").unwrap_or_default();
    let described = describe(&eks, options.text("cluster-name").unwrap_or_default(), calls).await?;
    let account_id = account_id(&described)?;
    let issuer = ["identity", "oidc", "issuer"];
    let issuer = issuer.iter().try_fold(member(&described, "cluster")?, |value, name| value.get(name));
    let issuer = issuer.and_then(Value::as_str).unwrap_or_default();
    let provider = issuer.split("https://").nth(1);
    let provider = provider.ok_or_else(|| Failure::general("list index out of range"))?;
    let partition = role::partition(eks.region.as_deref().unwrap_or_default());
    let namespace = options.text("namespace").unwrap_or_default();
    // Put together as text and then read, so that a quote in a name is the mistake that it is in the official CLI.
    // Its spaces are those of the official CLI, which tells the place of the mistake.
    let statement = format!(
        "{{     \"Effect\": \"Allow\",     \"Principal\": {{         \"Federated\": \
         \"arn:{partition}:iam::{account_id}:oidc-provider/{provider}\"     }},     \"Action\": \
         \"sts:AssumeRoleWithWebIdentity\",     \"Condition\": {{         \"StringLike\": {{             \
         \"{provider}:sub\": \"system:serviceaccount:{namespace}:emr-containers-sa-*-*-{account_id}-{}\"         \
         }}     }} }}",
        base_36(role)?
    );
    let statement = json::parse(&statement).map_err(|error| Failure::general(&error))?;
    let found = iam.call(calls, "GetRole", map([("RoleName", text(role))])).await?;
    let document = found.get("Role").and_then(|role| role.get("AssumeRolePolicyDocument"));
    let Some(Value::Map(mut document)) = document.cloned() else {
        return Err(Failure::general("'NoneType' object has no attribute 'get'"));
    };
    let message = match document.get_mut("Statement") {
        Some(Value::List(statements)) if statements.contains(&statement) => {
            format!("Trust policy statement already exists for role {role}. No changes were made!")
        }
        statements => {
            match statements {
                Some(Value::List(statements)) => statements.push(statement),
                _ => drop(document.insert("Statement".to_owned(), Value::List(vec![statement]))),
            }
            let document = Value::Map(document);
            if options.has("dry-run") {
                indented_json(&document, 2, true)
            } else {
                let request =
                    map([("RoleName", text(role)), ("PolicyDocument", text(&python_json(&document)))]);
                iam.call(calls, "UpdateAssumeRolePolicy", request).await?;
                format!("Successfully updated trust policy of role {role}")
            }
        }
    };
    printer.sink.push(&format!("{message}\n"));
    Ok(0)
}

async fn describe(eks: &Client, cluster: &str, calls: &mut Calls<'_>) -> Result<Map, Failure> {
    Ok(eks.call(calls, "DescribeCluster", map([("name", text(cluster))])).await?)
}

/// The account that the cluster is in.
fn account_id(described: &Map) -> Result<String, Failure> {
    let arn = described.get("cluster").and_then(|cluster| cluster.get("arn")?.as_str()).unwrap_or_default();
    let id = arn.split(':').nth(4).ok_or_else(|| Failure::general("list index out of range"))?;
    Ok(id.to_owned())
}

/// The service accounts that a way of submitting jobs uses.
fn accounts(custom: &Custom, account_id: &str) -> Result<Vec<Account>, Failure> {
    let option = |name: &str| custom.options.text(name).filter(|word| !word.is_empty());
    let namespace = option("namespace").unwrap_or_default();
    if let Some(account) = option("service-account-name") {
        return Ok(vec![(account.to_owned(), namespace.to_owned())]);
    }
    let role = base_36(option("role-name").unwrap_or_default())?;
    let operator = option("operator-namespace").unwrap_or(namespace);
    let (operator_account, framework, components): (Option<&str>, &str, &[&str]) =
        match option("type").unwrap_or("start_job_run") {
            "interactive_endpoint" => (None, "spark", &["jeg", "jeg-kernel", "session"]),
            "spark_operator" => (Some("emr-containers-sa-spark-operator"), "spark", &["driver", "executor"]),
            "flink_operator" => {
                (Some("emr-containers-sa-flink-operator"), "flink", &["jobmanager", "taskmanager"])
            }
            "livy" => {
                return Ok(vec![
                    ("emr-containers-sa-livy".to_owned(), operator.to_owned()),
                    ("emr-container-sa-spark-livy".to_owned(), namespace.to_owned()),
                ]);
            }
            _ => (None, "spark", &["client", "driver", "executor"]),
        };
    let operator_account = operator_account.map(|account| (account.to_owned(), operator.to_owned()));
    let components = components.iter().map(|component| {
        let account = format!("emr-containers-sa-{framework}-{component}-{account_id}-{role}");
        (account, namespace.to_owned())
    });
    Ok(operator_account.into_iter().chain(components).collect())
}

/// A name as one number, whose digits in base 256 are its characters, written in base 36.
fn base_36(name: &str) -> Result<String, Failure> {
    if name.chars().count() > LONGEST_NAME {
        return Err(Failure::general(&format!("the role's name has more than {LONGEST_NAME} characters")));
    }
    let mut digits = vec![0_u32];
    for character in name.chars() {
        let mut carry = u32::from(character);
        for digit in &mut digits {
            let value = *digit * 256 + carry;
            *digit = value % 36;
            carry = value / 36;
        }
        while carry > 0 {
            digits.push(carry % 36);
            carry /= 36;
        }
    }
    while digits.len() > 1 && digits.last() == Some(&0) {
        digits.pop();
    }
    Ok(digits.iter().rev().filter_map(|digit| char::from_digit(*digit, 36)).collect())
}

/// The association in a result.
fn association(mut result: Map) -> Value {
    result.shift_remove("association").unwrap_or(Value::Map(result))
}

fn print(associations: Vec<Value>, printer: &mut Printer) {
    if !associations.is_empty() {
        let mut shown = Value::List(associations);
        format::as_shown(&mut shown);
        printer.sink.push(&indented_ascii_json(&shown));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the official CLI writes them.
    #[test]
    fn names_of_roles_are_numbers_in_base_36() {
        for (name, number) in [("", "0"), ("a", "2p"), ("ab", "j8i"), ("EMRRole", "5c2kvbht55x")] {
            assert_eq!(base_36(name).unwrap(), number, "{name}");
        }
        assert!(base_36(&"a".repeat(LONGEST_NAME + 1)).is_err());
    }
}
