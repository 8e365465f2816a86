//! Commands of the official CLI that are not offered: what needs a terminal, files or programs of the host, and what is
//! not ready. Each is answered with the reason and what to use instead.

/// Why not, and which commands: service and operation (`*` for all).
const REFUSED: &[(&str, &[(&str, &str)])] = &[
    (
        "it installs files for programs of the host",
        &[("agent-toolkit", "add-skill"), ("agent-toolkit", "update-skill")],
    ),
    (
        "it looks at files of the host",
        &[("agent-toolkit", "check-skill-updates"), ("agent-toolkit", "list-installed-skills")],
    ),
    ("it removes files of the host", &[("agent-toolkit", "remove-skill")]),
    ("it is a tool for the CLI's own developers", &[("cli-dev", "*")]),
    ("its private key does not belong where others see it; sign where the key is", &[("cloudfront", "sign")]),
    (
        "its host would have to be typed, and requests go to AWS's own endpoints only",
        &[("cloudsearchdomain", "*"), ("machinelearning", "predict")],
    ),
    (
        "it reads all log files of a trail, which takes longer than a command may; use `aws cloudtrail lookup-events`",
        &[("cloudtrail", "validate-logs")],
    ),
    (
        "it configures package managers of the host; use `aws codeartifact get-repository-endpoint`",
        &[("codeartifact", "login")],
    ),
    ("it serves git on the host", &[("codecommit", "credential-helper")]),
    (
        "there are no profiles; the role comes with the session, and `--region` names another region",
        &[("configure", "*")],
    ),
    ("it changes the host; run it on the machine that is to be deployed to", &[("deploy", "install")]),
    ("it changes the host; run it on the machine that is no more deployed to", &[("deploy", "uninstall")]),
    ("it asks on a terminal; use `aws dynamodb create-table`", &[("dynamodb", "wizard")]),
    (
        "it needs a terminal; use `aws ssm send-command`",
        &[
            ("ec2-instance-connect", "open-tunnel"),
            ("ec2-instance-connect", "ssh"),
            ("ecs", "execute-command"),
            ("emr", "ssh"),
            ("ssm", "start-session"),
        ],
    ),
    (
        "it watches for longer than a command may take; use `aws ecs describe-express-gateway-service`",
        &[("ecs", "monitor-express-gateway-service")],
    ),
    ("it copies files over SSH; use `aws ssm send-command`", &[("emr", "get"), ("emr", "put")]),
    ("it opens a way into the cluster from the host", &[("emr", "socks")]),
    ("it asks on a terminal; use `aws events put-rule`", &[("events", "wizard")]),
    ("nothing is recorded here", &[("history", "*")]),
    ("it asks on a terminal; use `aws iam create-role`", &[("iam", "wizard")]),
    ("it asks on a terminal; use `aws lambda create-function`", &[("lambda", "wizard")]),
    ("it is not ready; use `aws lambda-web create-web-function`", &[("lambda-web", "deploy")]),
    (
        "it runs a program of the host; use `aws lightsail register-container-image`",
        &[("lightsail", "push-container-image")],
    ),
    ("the role comes with the session", &[("login", "*"), ("logout", "*"), ("sso", "*")]),
    ("there is nothing to update here", &[("update", "*")]),
];

/// Why `service operation` is not offered, in a sentence, if it is one of the commands that are refused by name.
pub fn refusal(service: &str, operation: Option<&str>) -> Option<String> {
    let is_meant =
        |(refused, word): &(&str, &str)| *refused == service && (*word == "*" || Some(*word) == operation);
    let (reason, _) = REFUSED.iter().find(|(_, commands)| commands.iter().any(is_meant))?;
    let words = operation.map(|operation| format!(" {operation}")).unwrap_or_default();
    Some(format!("`aws {service}{words}` is not available here: {reason}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::mints;

    #[test]
    fn refusals_name_the_command_and_what_to_use() {
        assert_eq!(
            refusal("ssm", Some("start-session")).as_deref(),
            Some(
                "`aws ssm start-session` is not available here: it needs a terminal; use `aws ssm send-command`."
            )
        );
        assert!(refusal("configure", None).is_some() && refusal("configure", Some("list")).is_some());
        assert_eq!(refusal("ssm", Some("get-parameter")), None);
        assert_eq!(refusal("s3", None), None);
        assert_eq!(refusal("s3", Some("ls")), None);
    }

    #[test]
    fn what_is_proposed_instead_exists() {
        let proposals = REFUSED.iter().flat_map(|(reason, _)| reason.split('`').skip(1).step_by(2));
        for words in proposals.filter_map(|code| code.strip_prefix("aws ")) {
            let mut words = words.split(' ');
            let service = words.next().and_then(crate::catalog::service).expect("a proposal names a service");
            let Some(operation) = words.next() else { continue };
            let own = crate::custom::subcommands(&service.command).any(|word| word == operation);
            assert!(
                own || service.operation_of_command(operation).is_some(),
                "{} {operation}",
                service.command
            );
            assert_eq!(refusal(&service.command, Some(operation)), None);
            assert!(
                !mints(&service.command, operation),
                "{} {operation} is refused as well",
                service.command
            );
        }
    }
}
