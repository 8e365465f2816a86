//! Which words the official CLI knows at each place of a command line, for choices and suggestions.

use crate::catalog;
use crate::model::Service;

/// The CLI's own commands: service's word and its subcommands. Services with an API of the same word have them besides
/// their operations.
const CUSTOM: [(&str, &[&str]); 37] = [
    (
        "agent-toolkit",
        &[
            "get-skill-file",
            "add-skill",
            "list-installed-skills",
            "remove-skill",
            "update-skill",
            "check-skill-updates",
        ],
    ),
    ("cli-dev", &["wizard-dev"]),
    ("cloudformation", &["package", "deploy"]),
    ("cloudfront", &["sign"]),
    ("cloudtrail", &["validate-logs", "verify-query-results"]),
    ("codeartifact", &["login"]),
    ("codecommit", &["credential-helper"]),
    ("configservice", &["subscribe", "get-status"]),
    (
        "configure",
        &[
            "list",
            "get",
            "set",
            "add-model",
            "import",
            "list-profiles",
            "sso",
            "sso-session",
            "export-credentials",
        ],
    ),
    ("datapipeline", &["list-runs", "create-default-roles"]),
    ("ddb", &["select", "put"]),
    ("deploy", &["push", "register", "deregister", "install", "uninstall"]),
    ("dlm", &["create-default-role"]),
    ("dsql", &["generate-db-connect-auth-token", "generate-db-connect-admin-auth-token"]),
    ("dynamodb", &["wizard"]),
    ("ec2-instance-connect", &["open-tunnel", "ssh"]),
    ("ecr", &["get-login-password"]),
    ("ecr-public", &["get-login-password"]),
    ("ecs", &["deploy", "monitor-express-gateway-service"]),
    ("eks", &["update-kubeconfig", "get-token"]),
    (
        "emr",
        &[
            "add-instance-groups",
            "describe-cluster",
            "terminate-clusters",
            "modify-cluster-attributes",
            "install-applications",
            "create-cluster",
            "add-steps",
            "restore-from-hbase-backup",
            "create-hbase-backup",
            "schedule-hbase-backup",
            "disable-hbase-backups",
            "create-default-roles",
            "ssh",
            "socks",
            "get",
            "put",
        ],
    ),
    ("emr-containers", &["update-role-trust-policy", "create-role-associations", "delete-role-associations"]),
    ("events", &["wizard"]),
    ("gamelift", &["upload-build", "get-game-session-log"]),
    ("history", &["show", "list"]),
    ("iam", &["wizard"]),
    ("lambda", &["wizard"]),
    ("lambda-web", &["deploy"]),
    ("lightsail", &["push-container-image"]),
    ("login", &[]),
    ("logout", &[]),
    ("logs", &["start-live-tail", "tail"]),
    ("rds", &["generate-db-auth-token"]),
    ("s3", &["ls", "website", "cp", "mv", "rm", "sync", "mb", "rb", "presign"]),
    ("servicecatalog", &["generate"]),
    ("sso", &["logout", "login"]),
    ("update", &[]),
];

/// The subcommands of the CLI's own under a service's word.
pub fn custom(service: &str) -> &'static [&'static str] {
    CUSTOM.iter().find(|(word, _)| *word == service).map_or(&[], |(_, commands)| commands)
}

/// All words of services.
pub fn services() -> Vec<&'static str> {
    let apis = catalog::index().iter().map(|entry| entry.command.as_str());
    let own = CUSTOM.iter().map(|(word, _)| *word).filter(|word| !has_api(word));
    apis.chain(own).chain(["help"]).collect()
}

fn has_api(word: &str) -> bool {
    catalog::index().binary_search_by(|entry| entry.command.as_str().cmp(word)).is_ok()
}

/// All words that may follow a service's.
pub fn operations(service: &Service) -> Vec<&str> {
    let wait = (!service.waiters.is_empty()).then_some("wait");
    service.commands().chain(custom(&service.command).iter().copied()).chain(wait).chain(["help"]).collect()
}
