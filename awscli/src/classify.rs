//! What a command line would do, told before anything is sent: which service and operation it names, the IAM actions that
//! it needs, whether it reads, changes, destroys or mints, what of its result is secret, and which resources it names.
//!
//! The rule: only what is known to read counts as reading. What deletes, terminates, purges, disposes, deregisters or
//! releases destroys, unless one call in the other direction gives it back. What hands out credentials that work without
//! us, or URLs that are as good as credentials, mints. Whatever is left may change something.

mod iam;
mod impact;
mod own;
mod resources;

pub use self::impact::{Impact, impact, mints};
pub use self::resources::{Naming, Resource};

use crate::catalog;
use crate::command::{self, Command, Context, Parsed, UsageError};
use crate::custom::Options;
use crate::help;
use crate::model::{Kind, Operation, Service};
use crate::secrets;
use crate::send::DISCOVERY_REQUIRED;
use crate::value::Map;

/// What a command line would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// The service's word on the command line, such as `s3api`. Empty for `help` and `--version` of `aws` itself.
    pub service: String,
    /// The service's id, such as `S3`. Empty for commands without an API of their own.
    pub service_id: String,
    /// The service's name in signatures, such as `s3`. Empty likewise.
    pub signing_name: String,
    /// The words behind the service's that name the command, such as `list-objects-v2`, `wait bucket-exists` or `cp`.
    pub command: String,
    /// The API operations that it calls or may call, by their services' words and their names.
    pub operations: Vec<(String, String)>,
    /// The IAM actions that those need, such as `s3:ListBucket`.
    pub actions: Vec<String>,
    /// What comes of it.
    pub impact: Impact,
    /// Whether it sends anything at all. `help`, skeletons and what is only computed send nothing.
    pub sends: bool,
    /// The members of the result that are secret, as paths such as `Functions[].Environment.Variables`.
    pub secrets: Vec<String>,
    /// Whether the call has an idempotency token.
    pub token: bool,
    /// The resources that the command line names.
    pub resources: Vec<Resource>,
}

/// Says what a command line, without the leading `aws`, would do.
///
/// # Errors
/// Why it would not run: wrong words or parameters, or a command that is refused.
pub fn classify(argv: &[String], context: Context<'_>) -> Result<Classification, UsageError> {
    if help::is_asked(argv) {
        return Ok(Classification::nothing());
    }
    Ok(match command::parse(argv, context)? {
        Command::Version => Classification::nothing(),
        Command::Operation(parsed) => {
            let command = parsed.operation().command.clone();
            Classification::of_call(&parsed, command)
        }
        Command::Wait(waiter, parsed) => {
            let command = format!("wait {}", parsed.service.waiters[waiter].command);
            Classification::of_call(&parsed, command)
        }
        Command::Custom(custom) => of_own(&custom.options),
    })
}

impl Classification {
    /// What sends nothing and does nothing.
    fn nothing() -> Self {
        Self {
            service: String::new(),
            service_id: String::new(),
            signing_name: String::new(),
            command: String::new(),
            operations: Vec::new(),
            actions: Vec::new(),
            impact: Impact::Read,
            sends: false,
            secrets: Vec::new(),
            token: false,
            resources: Vec::new(),
        }
    }

    fn of_call(parsed: &Parsed, command: String) -> Self {
        let (service, operation) = (&*parsed.service, parsed.operation());
        let named = Self {
            service: service.command.clone(),
            service_id: service.id.clone(),
            signing_name: service.signing_name.clone(),
            command,
            ..Self::nothing()
        };
        // A sample of the form is all that comes of it.
        if parsed.skeleton.is_some() {
            return named;
        }
        let mut operations = vec![(service.command.clone(), operation.name.clone())];
        let mut actions = actions(service, operation, &parsed.parameters);
        // Some services are asked for their address first, and a distribution is read before one thing of it is changed.
        let address = (operation.endpoint_discovery == DISCOVERY_REQUIRED).then_some("DescribeEndpoints");
        let before = parsed.default_root_object.as_ref().map(|_| "GetDistributionConfig").or(address);
        if let Some(before) = before.and_then(|name| service.operation_named(name)) {
            operations.insert(0, (service.command.clone(), before.name.clone()));
            actions.extend(self::actions(service, before, &Map::new()));
        }
        Self {
            operations,
            actions,
            impact: impact(service, operation, &parsed.parameters),
            sends: true,
            secrets: secrets::members(service, operation),
            token: has_token(service, operation),
            resources: resources::of_call(service, operation, &parsed.parameters),
            ..named
        }
    }
}

/// What one of the CLI's own commands would do.
fn of_own(options: &Options) -> Classification {
    let (service, words) = match options.command().path {
        [service, words @ ..] => (*service, words),
        [] => ("", &[][..]),
    };
    let model = catalog::service(service);
    let mut found = Classification {
        service: service.to_owned(),
        service_id: model.as_ref().map(|model| model.id.clone()).unwrap_or_default(),
        signing_name: model.map(|model| model.signing_name.clone()).unwrap_or_default(),
        command: words.join(" "),
        // What nobody has described may do anything.
        impact: Impact::Write,
        sends: true,
        resources: resources::of_own(options),
        ..Classification::nothing()
    };
    let Some(own) = own::of(service, words.first().unwrap_or(&"")) else { return found };
    let (impact, calls) = own.given(options);
    found.impact = impact;
    found.sends = !calls.is_empty();
    for (word, name) in calls {
        let Some(service) = catalog::service(word) else { continue };
        let Some(operation) = service.operation_named(name) else { continue };
        found.operations.push((word.to_owned(), name.to_owned()));
        for action in actions(&service, operation, &Map::new()) {
            if !found.actions.contains(&action) {
                found.actions.push(action);
            }
        }
    }
    found
}

/// The most that one of the CLI's own commands does, by its words, and the IAM actions that it may need. Nothing for
/// words that are no such command.
pub(crate) fn own_command(path: &[&str]) -> Option<(Impact, Vec<String>)> {
    let own = own::of(path.first()?, path.get(1).unwrap_or(&""))?;
    let mut needed: Vec<String> = Vec::new();
    for (word, name) in own.calls {
        let service = catalog::service(word)?;
        for action in actions(&service, service.operation_named(name)?, &Map::new()) {
            if !needed.contains(&action) {
                needed.push(action);
            }
        }
    }
    Some((own.impact, needed))
}

/// Whether one of the CLI's own commands hands out credentials without any call.
pub(crate) fn mints_alone(path: &[&str]) -> bool {
    let own = path.first().and_then(|service| own::of(service, path.get(1).unwrap_or(&"")));
    own.is_some_and(|own| own.impact == Impact::Mint && own.calls.is_empty())
}

/// The IAM actions that a call with these parameters needs, as the Service Authorization Reference names them: most often
/// one, none if the call is not signed. What only some forms of a call need besides, such as `iam:PassRole` or a key's
/// actions, is not told.
pub fn actions(service: &Service, operation: &Operation, parameters: &Map) -> Vec<String> {
    iam::actions(service, operation, parameters)
}

/// Whether a call has an idempotency token.
pub fn has_token(service: &Service, operation: &Operation) -> bool {
    let input = operation.input.and_then(|id| service.shapes.get(id as usize));
    input.is_some_and(|shape| match &shape.kind {
        Kind::Structure(structure) => structure.members.iter().any(|member| member.idempotency_token),
        _ => false,
    })
}

/// Whether calls of an operation are signed with the caller's keys.
pub(crate) fn is_signed(service: &Service, operation: &Operation) -> bool {
    operation.authtype != "none"
        && !operation.auth.iter().any(|scheme| scheme.ends_with("noAuth"))
        && service.signature_version != "bearer"
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::files::MemoryFiles;

    static FILES: MemoryFiles = MemoryFiles::new(0);

    fn argv(line: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for (at, piece) in line.split('\'').enumerate() {
            match at % 2 {
                0 => words.extend(piece.split_whitespace().map(str::to_owned)),
                _ => words.push(piece.to_owned()),
            }
        }
        words
    }

    fn classified(line: &str) -> Classification {
        let context = Context { files: &FILES, now: SystemTime::UNIX_EPOCH };
        classify(&argv(line), context).unwrap_or_else(|error| panic!("{line}: {}", error.stderr))
    }

    #[test]
    fn calls_in_front_of_a_commands_own_are_named_too() {
        for (line, service, operations, actions) in [
            (
                "cloudfront update-distribution --id E1 --default-root-object index.html",
                "cloudfront",
                ["GetDistributionConfig", "UpdateDistribution"],
                ["cloudfront:UpdateDistribution", "cloudfront:GetDistributionConfig"],
            ),
            (
                "timestream-write delete-table --database-name d --table-name t",
                "timestream-write",
                ["DescribeEndpoints", "DeleteTable"],
                ["timestream:DeleteTable", "timestream:DescribeEndpoints"],
            ),
        ] {
            let found = classified(line);
            assert_eq!(
                found.operations,
                operations.map(|name| (service.to_owned(), name.to_owned())),
                "{line}"
            );
            assert_eq!(found.actions, actions, "{line}");
            assert!(found.impact > Impact::Read, "{line}");
        }
    }

    #[test]
    fn well_known_commands_are_what_everybody_knows_them_to_be() {
        use Impact::{Destroy, Mint, Read, Write};
        for (line, impact, actions) in [
            ("acm list-certificates", Read, "acm:ListCertificates"),
            ("apigateway create-rest-api --name n", Write, "apigateway:POST"),
            ("apigateway delete-rest-api --rest-api-id r", Destroy, "apigateway:DELETE"),
            ("apigateway get-rest-apis", Read, "apigateway:GET"),
            ("apigatewayv2 get-apis", Read, "apigateway:GET"),
            ("athena start-query-execution --query-string q", Write, "athena:StartQueryExecution"),
            (
                "autoscaling set-desired-capacity --auto-scaling-group-name g --desired-capacity 1",
                Write,
                "autoscaling:SetDesiredCapacity",
            ),
            ("bedrock-runtime converse --model-id m", Write, "bedrock:InvokeModel"),
            ("budgets describe-budgets --account-id 123456789012", Read, "budgets:ViewBudget"),
            (
                "ce get-cost-and-usage --time-period Start=2026-01-01,End=2026-02-01 --granularity DAILY --metrics BlendedCost",
                Read,
                "ce:GetCostAndUsage",
            ),
            ("cloudcontrol list-resources --type-name AWS::S3::Bucket", Read, "cloudformation:ListResources"),
            ("cloudformation delete-stack --stack-name s", Destroy, "cloudformation:DeleteStack"),
            ("cloudformation describe-stacks", Read, "cloudformation:DescribeStacks"),
            ("cloudformation validate-template --template-body t", Read, "cloudformation:ValidateTemplate"),
            ("cloudfront list-distributions", Read, "cloudfront:ListDistributions"),
            ("cloudwatch delete-alarms --alarm-names a", Destroy, "cloudwatch:DeleteAlarms"),
            (
                "cloudwatch get-metric-data --metric-data-queries Id=a --start-time 1 --end-time 2",
                Read,
                "cloudwatch:GetMetricData",
            ),
            ("cognito-idp admin-get-user --user-pool-id p --username u", Read, "cognito-idp:AdminGetUser"),
            (
                "cognito-idp admin-delete-user --user-pool-id p --username u",
                Destroy,
                "cognito-idp:AdminDeleteUser",
            ),
            ("cognito-idp initiate-auth --auth-flow USER_AUTH --client-id c", Mint, ""),
            ("configservice select-resource-config --expression e", Read, "config:SelectResourceConfig"),
            ("deploy list-applications", Read, "codedeploy:ListApplications"),
            ("dynamodb delete-item --table-name t --key {}", Destroy, "dynamodb:DeleteItem"),
            ("dynamodb execute-statement --statement 'select * from \"t\"'", Read, "dynamodb:PartiQLSelect"),
            (
                "dynamodb execute-statement --statement 'DELETE FROM t WHERE a=1'",
                Destroy,
                "dynamodb:PartiQLDelete",
            ),
            ("dynamodb get-item --table-name t --key {}", Read, "dynamodb:GetItem"),
            ("dynamodb put-item --table-name t --item {}", Write, "dynamodb:PutItem"),
            ("dynamodb scan --table-name t", Read, "dynamodb:Scan"),
            (
                "ec2 authorize-security-group-ingress --group-id sg-1",
                Write,
                "ec2:AuthorizeSecurityGroupIngress",
            ),
            ("ec2 create-key-pair --key-name k", Mint, "ec2:CreateKeyPair"),
            ("ec2 delete-tags --resources i-1", Write, "ec2:DeleteTags"),
            ("ec2 delete-volume --volume-id vol-1", Destroy, "ec2:DeleteVolume"),
            ("ec2 deregister-image --image-id ami-1", Destroy, "ec2:DeregisterImage"),
            ("ec2 describe-instances", Read, "ec2:DescribeInstances"),
            ("ec2 release-address --allocation-id a", Destroy, "ec2:ReleaseAddress"),
            ("ec2 run-instances --image-id ami-1", Write, "ec2:RunInstances"),
            ("ec2 stop-instances --instance-ids i-1", Write, "ec2:StopInstances"),
            ("ec2 terminate-instances --instance-ids i-1", Destroy, "ec2:TerminateInstances"),
            ("ec2 wait instance-running --instance-ids i-1", Read, "ec2:DescribeInstances"),
            ("ecr get-authorization-token", Mint, "ecr:GetAuthorizationToken"),
            ("ecs update-service --service s", Write, "ecs:UpdateService"),
            ("ecs stop-task --task t", Write, "ecs:StopTask"),
            ("eks describe-cluster --name c", Read, "eks:DescribeCluster"),
            (
                "elbv2 deregister-targets --target-group-arn t --targets Id=i-1",
                Write,
                "elasticloadbalancing:DeregisterTargets",
            ),
            ("elb describe-load-balancers", Read, "elasticloadbalancing:DescribeLoadBalancers"),
            ("es describe-elasticsearch-domain --domain-name dom", Read, "es:DescribeElasticsearchDomain"),
            ("events put-rule --name r", Write, "events:PutRule"),
            (
                "iam attach-role-policy --role-name r --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess",
                Write,
                "iam:AttachRolePolicy",
            ),
            ("iam create-access-key", Mint, "iam:CreateAccessKey"),
            ("iam delete-user --user-name u", Destroy, "iam:DeleteUser"),
            ("iam list-users", Read, "iam:ListUsers"),
            ("iam remove-user-from-group --group-name g --user-name u", Write, "iam:RemoveUserFromGroup"),
            ("iot-data publish --topic t", Write, "iot:Publish"),
            ("keyspaces list-tables --keyspace-name k", Read, "cassandra:Select"),
            ("kms decrypt --ciphertext-blob aaaa", Write, "kms:Decrypt"),
            (
                "kms re-encrypt --ciphertext-blob aaaa --destination-key-id k",
                Write,
                "kms:ReEncryptFrom kms:ReEncryptTo",
            ),
            ("kms schedule-key-deletion --key-id k", Destroy, "kms:ScheduleKeyDeletion"),
            ("lambda get-function --function-name f", Read, "lambda:GetFunction"),
            ("lambda invoke --function-name f -", Write, "lambda:InvokeFunction"),
            ("logs filter-log-events --log-group-name g", Read, "logs:FilterLogEvents"),
            (
                "logs start-query --log-group-name g --start-time 1 --end-time 2 --query-string q",
                Write,
                "logs:StartQuery",
            ),
            ("organizations close-account --account-id 123456789012", Destroy, "organizations:CloseAccount"),
            (
                "quicksight get-dashboard-embed-url --aws-account-id 123456789012 --dashboard-id d --identity-type IAM",
                Mint,
                "quicksight:GetDashboardEmbedUrl",
            ),
            ("rds delete-db-instance --db-instance-identifier d", Destroy, "rds:DeleteDBInstance"),
            ("rds reboot-db-instance --db-instance-identifier d", Write, "rds:RebootDBInstance"),
            ("resourcegroupstaggingapi get-resources", Read, "tag:GetResources"),
            ("route53 list-hosted-zones", Read, "route53:ListHostedZones"),
            ("s3api copy-object --bucket b --key k --copy-source c/k", Write, "s3:GetObject s3:PutObject"),
            ("s3api delete-object --bucket b --key k --version-id v", Destroy, "s3:DeleteObjectVersion"),
            ("s3api delete-objects --bucket b --delete Objects=[{Key=k}]", Destroy, "s3:DeleteObject"),
            ("s3api get-object --bucket b --key k -", Read, "s3:GetObject"),
            ("s3api head-bucket --bucket b", Read, "s3:ListBucket"),
            ("s3api head-object --bucket b --key k --version-id v", Read, "s3:GetObjectVersion"),
            ("s3api list-buckets", Read, "s3:ListAllMyBuckets"),
            ("s3api list-objects-v2 --bucket b", Read, "s3:ListBucket"),
            (
                "s3api put-bucket-encryption --bucket b --server-side-encryption-configuration Rules=[]",
                Write,
                "s3:PutEncryptionConfiguration",
            ),
            ("s3api put-object --bucket b --key k --acl private", Write, "s3:PutObject s3:PutObjectAcl"),
            (
                "s3control get-public-access-block --account-id 123456789012",
                Read,
                "s3:GetAccountPublicAccessBlock",
            ),
            ("secretsmanager get-secret-value --secret-id s", Read, "secretsmanager:GetSecretValue"),
            (
                "sns publish-batch --topic-arn arn:aws:sns:us-east-1:123456789012:t --publish-batch-request-entries Id=1,Message=m",
                Write,
                "sns:Publish",
            ),
            (
                "sqs delete-message-batch --queue-url q --entries Id=1,ReceiptHandle=r",
                Destroy,
                "sqs:DeleteMessage",
            ),
            ("sqs purge-queue --queue-url q", Destroy, "sqs:PurgeQueue"),
            ("sqs receive-message --queue-url q", Write, "sqs:ReceiveMessage"),
            ("ssm get-parameter --name n --with-decryption", Read, "ssm:GetParameter"),
            ("ssm send-command --document-name d", Write, "ssm:SendCommand"),
            ("stepfunctions start-execution --state-machine-arn a", Write, "states:StartExecution"),
            ("stepfunctions get-activity-task --activity-arn a", Write, "states:GetActivityTask"),
            (
                "sts assume-role --role-arn arn:aws:iam::123456789012:role/r --role-session-name ses",
                Mint,
                "sts:AssumeRole",
            ),
            (
                "sts assume-role-with-web-identity --role-arn arn:aws:iam::123456789012:role/r --role-session-name ses --web-identity-token tttt",
                Mint,
                "",
            ),
            ("sts get-caller-identity", Read, "sts:GetCallerIdentity"),
        ] {
            let found = classified(line);
            assert_eq!((found.impact, found.actions.join(" ").as_str()), (impact, actions), "{line}");
            assert!(found.sends, "{line}");
        }
    }

    #[test]
    fn what_sends_nothing_says_so() {
        for line in [
            "help",
            "ec2 terminate-instances help",
            "ec2 terminate-instances --generate-cli-skeleton",
            "ec2 terminate-instances --instance-ids i-1 --generate-cli-skeleton output",
            "ec2 wait instance-running --generate-cli-skeleton",
            "--version",
            "ec2 terminate-instances -h",
        ] {
            let found = classified(line);
            assert_eq!((found.sends, found.impact, found.actions.len()), (false, Impact::Read, 0), "{line}");
        }
        let context = Context { files: &FILES, now: SystemTime::UNIX_EPOCH };
        assert!(classify(&argv("ec2 terminate-instances"), context).is_err());
        assert!(classify(&argv("configure set region eu-west-1"), context).is_err());
    }

    #[test]
    fn the_clis_own_commands_do_what_their_options_say() {
        use Impact::{Destroy, Read, Write};
        for (line, impact, actions, resources) in [
            ("s3 ls", Read, "s3:ListAllMyBuckets s3:ListBucket", ""),
            ("s3 cp s3://b/k -", Read, "s3:GetObject", "s3://b/k"),
            ("s3 cp - s3://b/k", Write, "s3:PutObject s3:AbortMultipartUpload", "s3://b/k"),
            (
                "s3 cp s3://b/k s3://c/k",
                Write,
                "s3:GetObject s3:PutObject s3:AbortMultipartUpload s3:GetObjectTagging s3:PutObjectTagging",
                "s3://b/k s3://c/k",
            ),
            (
                "s3 cp s3://b/k s3://c/k --copy-props none",
                Write,
                "s3:GetObject s3:PutObject s3:AbortMultipartUpload",
                "s3://b/k s3://c/k",
            ),
            ("s3 cp s3://b/ s3://c/ --recursive --dryrun", Read, "s3:ListBucket", "s3://b/ s3://c/"),
            (
                "s3 mv s3://b/k s3://c/k --metadata-directive COPY",
                Destroy,
                "s3:GetObject s3:PutObject s3:AbortMultipartUpload s3:DeleteObject",
                "s3://b/k s3://c/k",
            ),
            ("s3 cp s3://b/ dir", Read, "s3:ListBucket s3:GetObject", "s3://b/"),
            ("s3 rm s3://b", Destroy, "s3:ListBucket s3:DeleteObject", "s3://b"),
            ("s3 rm s3://b/k", Destroy, "s3:DeleteObject", "s3://b/k"),
            ("s3 sync dir s3://b/", Write, "s3:ListBucket s3:PutObject s3:AbortMultipartUpload", "s3://b/"),
            (
                "s3 sync dir s3://b/ --delete",
                Destroy,
                "s3:ListBucket s3:PutObject s3:AbortMultipartUpload s3:DeleteObject",
                "s3://b/",
            ),
            ("logs tail group", Read, "logs:FilterLogEvents", "group"),
        ] {
            let found = classified(line);
            let named: Vec<&str> = found.resources.iter().map(|one| one.value.as_str()).collect();
            assert_eq!(
                (found.impact, found.actions.join(" ").as_str(), named.join(" ").as_str()),
                (impact, actions, resources),
                "{line}"
            );
        }
        let found = classified("s3 presign s3://b/k");
        assert_eq!((found.impact, found.sends), (Impact::Mint, false));
    }

    #[test]
    fn resources_are_named_with_their_options() {
        for (line, expected) in [
            ("s3api get-object --bucket b --key k -", "--bucket b Name, --key k Name"),
            ("ec2 stop-instances --instance-ids i-1 i-2", "--instance-ids i-1 Id, --instance-ids i-2 Id"),
            (
                "ecs update-service --cluster c --service s --desired-count 2",
                "--cluster c Name, --service s Name",
            ),
            (
                "sqs purge-queue --queue-url https://sqs.us-east-1.amazonaws.com/1/q",
                "--queue-url https://sqs.us-east-1.amazonaws.com/1/q Uri",
            ),
            (
                "lambda get-function --function-name arn:aws:lambda:us-east-1:1:function:f",
                "--function-name arn:aws:lambda:us-east-1:1:function:f Arn",
            ),
            (
                "cloudformation create-stack --stack-name s --template-body t --client-request-token x",
                "--stack-name s Name",
            ),
            (
                "sts assume-role --role-arn arn:aws:iam::123456789012:role/r --role-session-name ses",
                "--role-arn arn:aws:iam::123456789012:role/r Arn",
            ),
            ("ec2 describe-instances", ""),
        ] {
            let found = classified(line).resources.into_iter();
            let found: Vec<String> =
                found.map(|one| format!("{} {} {:?}", one.option, one.value, one.naming)).collect();
            assert_eq!(found.join(", "), expected, "{line}");
        }
    }

    #[test]
    fn a_command_is_told_with_its_service_secrets_and_token() {
        let found = classified("secretsmanager create-secret --name n");
        assert_eq!(
            (found.service.as_str(), found.service_id.as_str()),
            ("secretsmanager", "Secrets Manager")
        );
        assert_eq!(
            (found.signing_name.as_str(), found.command.as_str()),
            ("secretsmanager", "create-secret")
        );
        assert_eq!(found.operations, [("secretsmanager".to_owned(), "CreateSecret".to_owned())]);
        assert!(found.token && found.secrets.is_empty());
        let found = classified("lambda get-function-configuration --function-name f");
        assert!(!found.token && found.secrets.contains(&"Environment.Variables".to_owned()), "{found:?}");
        assert_eq!(
            classified("ec2 wait instance-running --instance-ids i-1").command,
            "wait instance-running"
        );
    }
}
