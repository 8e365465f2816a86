//! What the CLI's own commands do, since no model says it: which API operations they may call, and what comes of it.

use super::Impact::{self, Destroy, Mint, Read, Write};
use crate::custom::Options;
use crate::s3;

/// An operation: its service's word on the command line, and its name.
pub type Call = (&'static str, &'static str);

/// One of the CLI's own commands.
pub struct OwnCommand {
    /// Its words, such as `s3 cp`.
    pub words: (&'static str, &'static str),
    /// The most that it does.
    pub impact: Impact,
    /// The operations that it may call. None if it calls nothing.
    pub calls: &'static [Call],
}

const fn own(words: (&'static str, &'static str), impact: Impact, calls: &'static [Call]) -> OwnCommand {
    OwnCommand { words, impact, calls }
}

const LIST: Call = ("s3api", "ListObjectsV2");
const GET: Call = ("s3api", "GetObject");
const HEAD: Call = ("s3api", "HeadObject");
const PUT: Call = ("s3api", "PutObject");
const COPY: Call = ("s3api", "CopyObject");
const DELETE: Call = ("s3api", "DeleteObject");
/// How a large object is written, and given up when that fails.
const IN_PARTS: [Call; 4] = [
    ("s3api", "CreateMultipartUpload"),
    ("s3api", "UploadPart"),
    ("s3api", "CompleteMultipartUpload"),
    ("s3api", "AbortMultipartUpload"),
];
const COPY_PART: Call = ("s3api", "UploadPartCopy");
/// What a copy between buckets takes along.
const TAGS: [Call; 2] = [("s3api", "GetObjectTagging"), ("s3api", "PutObjectTagging")];
const ANNOTATIONS: [Call; 3] =
    [("s3api", "ListObjectAnnotations"), ("s3api", "GetObjectAnnotation"), ("s3api", "PutObjectAnnotation")];
/// What moving objects may call; what takes the source away stands last.
const MOVE: &[Call] = &[
    LIST,
    HEAD,
    GET,
    PUT,
    COPY,
    IN_PARTS[0],
    IN_PARTS[1],
    COPY_PART,
    IN_PARTS[2],
    IN_PARTS[3],
    TAGS[0],
    TAGS[1],
    ANNOTATIONS[0],
    ANNOTATIONS[1],
    ANNOTATIONS[2],
    DELETE,
];
/// What copying objects may call.
const TRANSFER: &[Call] = match MOVE {
    [transfer @ .., _] => transfer,
    [] => &[],
};
/// What tells which buckets access points stand for.
const SAME_PATHS: [Call; 3] = [
    ("sts", "GetCallerIdentity"),
    ("s3control", "GetAccessPoint"),
    ("s3control", "ListMultiRegionAccessPoints"),
];
/// A step is added to a cluster whose release tells what it is like.
const STEPS: [Call; 2] = [("emr", "DescribeCluster"), ("emr", "AddJobFlowSteps")];

/// What makes a role that a service wants: five calls for the role, and more for the profile of instances with it.
const DEFAULT_ROLES: [Call; 8] = [
    ("iam", "GetRole"),
    ("iam", "CreateRole"),
    ("iam", "AttachRolePolicy"),
    ("iam", "GetPolicy"),
    ("iam", "GetPolicyVersion"),
    ("iam", "GetInstanceProfile"),
    ("iam", "CreateInstanceProfile"),
    ("iam", "AddRoleToInstanceProfile"),
];

/// All of them. What a group of commands does is what the strongest of them does.
pub static OWN: &[OwnCommand] = &[
    own(("agent-toolkit", "add-skill"), Write, &[("agent-toolkit", "GetSkill")]),
    own(("agent-toolkit", "check-skill-updates"), Read, &[("agent-toolkit", "GetLatestSkillVersion")]),
    own(("agent-toolkit", "get-skill-file"), Read, &[("agent-toolkit", "GetSkillFile")]),
    own(("agent-toolkit", "list-installed-skills"), Read, &[]),
    own(("agent-toolkit", "remove-skill"), Write, &[]),
    own(("agent-toolkit", "update-skill"), Write, &[("agent-toolkit", "GetSkill")]),
    own(("cli-dev", "*"), Read, &[]),
    own(
        ("cloudformation", "deploy"),
        Write,
        &[
            ("cloudformation", "DescribeStacks"),
            ("cloudformation", "GetTemplateSummary"),
            ("cloudformation", "CreateChangeSet"),
            ("cloudformation", "DescribeChangeSet"),
            ("cloudformation", "ExecuteChangeSet"),
            HEAD,
            PUT,
        ],
    ),
    own(("cloudformation", "package"), Write, &[HEAD, PUT]),
    own(("cloudfront", "sign"), Mint, &[]),
    own(
        ("cloudtrail", "validate-logs"),
        Read,
        &[("cloudtrail", "DescribeTrails"), ("cloudtrail", "ListPublicKeys"), LIST, GET],
    ),
    own(("cloudtrail", "verify-query-results"), Read, &[("cloudtrail", "ListPublicKeys"), GET]),
    own(("codeartifact", "login"), Mint, &[("codeartifact", "GetAuthorizationToken")]),
    own(("codecommit", "credential-helper"), Mint, &[]),
    own(
        ("configservice", "get-status"),
        Read,
        &[
            ("configservice", "DescribeConfigurationRecorderStatus"),
            ("configservice", "DescribeDeliveryChannelStatus"),
        ],
    ),
    own(
        ("configservice", "subscribe"),
        Write,
        &[
            ("s3api", "HeadBucket"),
            ("s3api", "CreateBucket"),
            ("sns", "CreateTopic"),
            ("configservice", "PutConfigurationRecorder"),
            ("configservice", "PutDeliveryChannel"),
            ("configservice", "StartConfigurationRecorder"),
            ("configservice", "DescribeConfigurationRecorders"),
            ("configservice", "DescribeDeliveryChannels"),
        ],
    ),
    own(("configure", "export-credentials"), Mint, &[]),
    own(("configure", "mfa-login"), Mint, &[("sts", "GetSessionToken")]),
    own(("configure", "*"), Write, &[]),
    own(("datapipeline", "create-default-roles"), Write, &DEFAULT_ROLES),
    own(
        ("datapipeline", "list-runs"),
        Read,
        &[("datapipeline", "QueryObjects"), ("datapipeline", "DescribeObjects")],
    ),
    own(("ddb", "put"), Write, &[("dynamodb", "PutItem"), ("dynamodb", "BatchWriteItem")]),
    own(("ddb", "select"), Read, &[("dynamodb", "Query"), ("dynamodb", "Scan")]),
    own(
        ("deploy", "deregister"),
        Destroy,
        &[
            ("deploy", "GetOnPremisesInstance"),
            ("deploy", "RemoveTagsFromOnPremisesInstances"),
            ("deploy", "DeregisterOnPremisesInstance"),
            ("iam", "ListUserPolicies"),
            ("iam", "DeleteUserPolicy"),
            ("iam", "ListAccessKeys"),
            ("iam", "DeleteAccessKey"),
            ("iam", "DeleteUser"),
        ],
    ),
    own(("deploy", "install"), Write, &[]),
    own(("deploy", "push"), Write, &[PUT, ("deploy", "RegisterApplicationRevision")]),
    own(
        ("deploy", "register"),
        Mint,
        &[
            ("iam", "CreateUser"),
            ("iam", "CreateAccessKey"),
            ("iam", "PutUserPolicy"),
            ("deploy", "RegisterOnPremisesInstance"),
            ("deploy", "AddTagsToOnPremisesInstances"),
        ],
    ),
    own(("deploy", "uninstall"), Write, &[]),
    own(("dlm", "create-default-role"), Write, DEFAULT_ROLES.split_at(5).0),
    own(("dsql", "generate-db-connect-admin-auth-token"), Mint, &[]),
    own(("dsql", "generate-db-connect-auth-token"), Mint, &[]),
    own(("dynamodb", "wizard"), Write, &[]),
    own(
        ("ec2-instance-connect", "open-tunnel"),
        Write,
        &[("ec2", "DescribeInstances"), ("ec2", "DescribeInstanceConnectEndpoints")],
    ),
    own(
        ("ec2-instance-connect", "ssh"),
        Write,
        &[("ec2", "DescribeInstances"), ("ec2-instance-connect", "SendSSHPublicKey")],
    ),
    own(("ecr", "get-login-password"), Mint, &[("ecr", "GetAuthorizationToken")]),
    own(("ecr-public", "get-login-password"), Mint, &[("ecr-public", "GetAuthorizationToken")]),
    own(
        ("ecs", "deploy"),
        Write,
        &[
            ("ecs", "DescribeServices"),
            ("deploy", "GetApplication"),
            ("deploy", "GetDeploymentGroup"),
            ("ecs", "RegisterTaskDefinition"),
            ("deploy", "CreateDeployment"),
            ("deploy", "GetDeployment"),
        ],
    ),
    own(
        ("ecs", "monitor-express-gateway-service"),
        Read,
        &[
            ("ecs", "DescribeExpressGatewayService"),
            ("ecs", "DescribeServices"),
            ("ecs", "DescribeServiceDeployments"),
            ("ecs", "DescribeServiceRevisions"),
            ("ecs", "ListServiceDeployments"),
        ],
    ),
    own(("eks", "get-token"), Mint, &[]),
    own(("eks", "update-kubeconfig"), Read, &[("eks", "DescribeCluster")]),
    own(("emr", "add-instance-groups"), Write, &[("emr", "AddInstanceGroups")]),
    own(("emr", "add-steps"), Write, &STEPS),
    own(("emr", "create-cluster"), Write, &[("emr", "RunJobFlow")]),
    own(("emr", "create-default-roles"), Write, &DEFAULT_ROLES),
    own(("emr", "create-hbase-backup"), Write, &STEPS),
    own(
        ("emr", "describe-cluster"),
        Read,
        &[
            ("emr", "DescribeCluster"),
            ("emr", "ListInstanceGroups"),
            ("emr", "ListInstanceFleets"),
            ("emr", "ListBootstrapActions"),
        ],
    ),
    own(("emr", "disable-hbase-backups"), Write, &STEPS),
    own(("emr", "get"), Read, &[("emr", "DescribeCluster")]),
    own(("emr", "install-applications"), Write, &STEPS),
    own(
        ("emr", "modify-cluster-attributes"),
        Write,
        &[
            ("emr", "SetVisibleToAllUsers"),
            ("emr", "SetTerminationProtection"),
            ("emr", "SetKeepJobFlowAliveWhenNoSteps"),
            ("emr", "SetUnhealthyNodeReplacement"),
        ],
    ),
    own(("emr", "put"), Write, &[("emr", "DescribeCluster")]),
    own(("emr", "restore-from-hbase-backup"), Write, &STEPS),
    own(("emr", "schedule-hbase-backup"), Write, &STEPS),
    own(("emr", "socks"), Write, &[("emr", "DescribeCluster")]),
    own(("emr", "ssh"), Write, &[("emr", "DescribeCluster")]),
    own(("emr", "terminate-clusters"), Destroy, &[("emr", "TerminateJobFlows")]),
    own(
        ("emr-containers", "create-role-associations"),
        Write,
        &[
            ("eks", "DescribeCluster"),
            ("eks", "CreatePodIdentityAssociation"),
            ("eks", "DeletePodIdentityAssociation"),
        ],
    ),
    own(
        ("emr-containers", "delete-role-associations"),
        Destroy,
        &[
            ("eks", "DescribeCluster"),
            ("eks", "ListPodIdentityAssociations"),
            ("eks", "DeletePodIdentityAssociation"),
        ],
    ),
    own(
        ("emr-containers", "update-role-trust-policy"),
        Write,
        &[("eks", "DescribeCluster"), ("iam", "GetRole"), ("iam", "UpdateAssumeRolePolicy")],
    ),
    own(("events", "wizard"), Write, &[]),
    own(("gamelift", "get-game-session-log"), Read, &[("gamelift", "GetGameSessionLogUrl")]),
    own(
        ("gamelift", "upload-build"),
        Write,
        &[("gamelift", "CreateBuild"), ("gamelift", "RequestUploadCredentials"), PUT],
    ),
    own(("history", "*"), Read, &[]),
    own(("iam", "wizard"), Write, &[]),
    own(("lambda", "wizard"), Write, &[]),
    own(
        ("lambda-web", "deploy"),
        Write,
        &[
            ("lambda-web", "CreateWebFunction"),
            ("lambda-web", "CreateWebFunctionRevision"),
            ("lambda-web", "CreateWebFunctionEndpoint"),
            ("lambda-web", "UpdateWebFunctionEndpoint"),
        ],
    ),
    own(
        ("lightsail", "push-container-image"),
        Write,
        &[("lightsail", "CreateContainerServiceRegistryLogin"), ("lightsail", "RegisterContainerImage")],
    ),
    own(("login", "*"), Mint, &[]),
    own(("logout", "*"), Read, &[]),
    own(("logs", "start-live-tail"), Read, &[("logs", "StartLiveTail")]),
    own(("logs", "tail"), Read, &[("logs", "FilterLogEvents")]),
    own(("rds", "generate-db-auth-token"), Mint, &[]),
    own(("s3", "cp"), Write, TRANSFER),
    own(("s3", "ls"), Read, &[("s3api", "ListBuckets"), LIST]),
    own(("s3", "mb"), Write, &[("s3api", "CreateBucket")]),
    own(("s3", "mv"), Destroy, MOVE),
    own(("s3", "presign"), Mint, &[]),
    own(("s3", "rb"), Destroy, &[LIST, DELETE, ("s3api", "DeleteBucket")]),
    own(("s3", "rm"), Destroy, &[LIST, DELETE]),
    own(("s3", "sync"), Write, MOVE),
    own(("s3", "website"), Write, &[("s3api", "PutBucketWebsite")]),
    own(
        ("servicecatalog", "generate"),
        Write,
        &[PUT, ("servicecatalog", "CreateProduct"), ("servicecatalog", "CreateProvisioningArtifact")],
    ),
    own(("sso", "login"), Mint, &[]),
    own(("sso", "logout"), Read, &[]),
    own(("update", "*"), Read, &[]),
];

/// What is known of `service command`.
pub fn of(service: &str, command: &str) -> Option<&'static OwnCommand> {
    OWN.iter().find(|own| own.words.0 == service && (own.words.1 == "*" || own.words.1 == command))
}

impl OwnCommand {
    /// What comes of it with these options, and which operations it may call then.
    pub fn given(&self, options: &Options) -> (Impact, Vec<Call>) {
        if self.words.0 != "s3" || !["cp", "mv", "rm", "sync"].contains(&self.words.1) {
            return (self.impact, self.calls.to_vec());
        }
        let command = self.words.1;
        let in_s3 =
            |index: usize| options.texts("paths").get(index).is_some_and(|path| path.starts_with("s3://"));
        // A bucket without a key is looked through like a prefix.
        let whole = options.texts("paths").first().is_some_and(|path| s3::is_whole_bucket(path));
        let many = command == "sync" || options.has("recursive") || whole;
        let mut calls = Vec::new();
        if command == "mv" && options.has("validate-same-s3-paths") {
            calls.extend(SAME_PATHS);
        }
        if many && (in_s3(0) || command == "sync") {
            calls.push(LIST);
        }
        if !many && in_s3(0) && command != "rm" {
            calls.push(HEAD);
        }
        if options.has("dryrun") {
            return (Read, calls);
        }
        match (command, in_s3(0), in_s3(1)) {
            ("rm", ..) => {}
            (_, true, true) => {
                calls.extend([COPY, IN_PARTS[0], COPY_PART, IN_PARTS[2], IN_PARTS[3]]);
                let props = options.text("copy-props").unwrap_or("default");
                if !options.has("metadata-directive") && ["default", "all"].contains(&props) {
                    calls.extend(TAGS);
                }
                if !options.has("metadata-directive") && props == "all" {
                    calls.extend(ANNOTATIONS);
                }
            }
            (_, true, false) => calls.push(GET),
            _ => {
                calls.push(PUT);
                calls.extend(IN_PARTS);
            }
        }
        let takes_away = match command {
            "mv" => in_s3(0),
            "sync" => options.has("delete") && in_s3(1),
            command => command == "rm",
        };
        if takes_away {
            calls.push(DELETE);
            return (Destroy, calls);
        }
        (if in_s3(1) { Write } else { Read }, calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use crate::custom::COMMANDS;

    #[test]
    fn every_own_command_is_described_and_calls_what_exists() {
        for command in COMMANDS {
            let described = match command.path {
                [service] => command.subcommands().next().is_some() || of(service, "").is_some(),
                [service, word, ..] => of(service, word).is_some(),
                [] => true,
            };
            assert!(described, "{}", command.path.join(" "));
        }
        for own in OWN {
            for (service, name) in own.calls {
                let known =
                    catalog::service(service).is_some_and(|model| model.operation_named(name).is_some());
                assert!(known, "{:?}: {service} {name}", own.words);
            }
        }
    }
}
