//! What must not come out of a command in chat: credentials that outlive the session, and secret values.
//!
//! Which operations mint or reveal is judged by the call that is about to be sent, not by what was typed, so that no
//! spelling gets around it. What is secret in a result is what its API model marks as sensitive; the lists here hold
//! what the models leave unmarked, and what must be known before anything is called.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use awscli::model::{Kind, Service, ShapeId};

/// What stands for a hidden value.
pub const MASK: &str = "********";

/// Operations that hand out credentials which work without us, and outlive a revocation here: command line words and
/// API names, since either may be at hand.
const MINTING: &[(&str, &str, &str)] = &[
    ("cloudfront", "sign", "Sign"),
    ("codeartifact", "get-authorization-token", "GetAuthorizationToken"),
    ("cognito-identity", "get-credentials-for-identity", "GetCredentialsForIdentity"),
    ("cognito-identity", "get-open-id-token", "GetOpenIdToken"),
    ("cognito-identity", "get-open-id-token-for-developer-identity", "GetOpenIdTokenForDeveloperIdentity"),
    ("configure", "export-credentials", "ExportCredentials"),
    ("dsql", "generate-db-connect-admin-auth-token", "GenerateDbConnectAdminAuthToken"),
    ("dsql", "generate-db-connect-auth-token", "GenerateDbConnectAuthToken"),
    ("ecr", "get-authorization-token", "GetAuthorizationToken"),
    ("ecr", "get-login-password", "GetLoginPassword"),
    ("ecr-public", "get-authorization-token", "GetAuthorizationToken"),
    ("ecr-public", "get-login-password", "GetLoginPassword"),
    ("eks", "get-token", "GetToken"),
    ("eks-auth", "assume-role-for-pod-identity", "AssumeRoleForPodIdentity"),
    ("grafana", "create-workspace-api-key", "CreateWorkspaceApiKey"),
    ("grafana", "create-workspace-service-account-token", "CreateWorkspaceServiceAccountToken"),
    ("iam", "create-access-key", "CreateAccessKey"),
    ("iam", "create-service-specific-credential", "CreateServiceSpecificCredential"),
    ("iam", "reset-service-specific-credential", "ResetServiceSpecificCredential"),
    ("lightsail", "create-bucket-access-key", "CreateBucketAccessKey"),
    ("lightsail", "download-default-key-pair", "DownloadDefaultKeyPair"),
    ("lightsail", "get-instance-access-details", "GetInstanceAccessDetails"),
    ("mwaa", "create-cli-token", "CreateCliToken"),
    ("mwaa", "create-web-login-token", "CreateWebLoginToken"),
    ("rds", "generate-db-auth-token", "GenerateDbAuthToken"),
    ("redshift", "get-cluster-credentials", "GetClusterCredentials"),
    ("redshift", "get-cluster-credentials-with-iam", "GetClusterCredentialsWithIAM"),
    ("redshift-serverless", "get-credentials", "GetCredentials"),
    ("s3", "presign", "Presign"),
    ("s3api", "create-session", "CreateSession"),
    ("s3control", "get-data-access", "GetDataAccess"),
    ("sagemaker", "create-presigned-domain-url", "CreatePresignedDomainUrl"),
    ("sagemaker", "create-presigned-mlflow-tracking-server-url", "CreatePresignedMlflowTrackingServerUrl"),
    ("sagemaker", "create-presigned-notebook-instance-url", "CreatePresignedNotebookInstanceUrl"),
    ("ssm", "get-access-token", "GetAccessToken"),
    ("ssm", "resume-session", "ResumeSession"),
    ("ssm", "start-session", "StartSession"),
    ("sso", "get-role-credentials", "GetRoleCredentials"),
    ("sso-oidc", "create-token", "CreateToken"),
    ("sso-oidc", "create-token-with-iam", "CreateTokenWithIAM"),
    ("sts", "assume-role", "AssumeRole"),
    ("sts", "assume-role-with-saml", "AssumeRoleWithSAML"),
    ("sts", "assume-role-with-web-identity", "AssumeRoleWithWebIdentity"),
    ("sts", "assume-root", "AssumeRoot"),
    ("sts", "get-delegated-access-token", "GetDelegatedAccessToken"),
    ("sts", "get-federation-token", "GetFederationToken"),
    ("sts", "get-session-token", "GetSessionToken"),
    ("sts", "get-web-identity-token", "GetWebIdentityToken"),
];

/// Operations whose results hold secrets that their models do not mark, and the members that are secret, with all that
/// is below them.
const REVEALING: &[(&str, &str, &[&str])] = &[
    ("apigateway", "GetApiKey", &["value"]),
    ("apigateway", "GetApiKeys", &["value"]),
    ("apigateway", "CreateApiKey", &["value"]),
    ("appsync", "ListApiKeys", &["id"]),
    ("appsync", "CreateApiKey", &["id"]),
    ("codebuild", "BatchGetProjects", &["environmentVariables"]),
    ("cognito-idp", "DescribeUserPoolClient", &["ClientSecret"]),
    ("cognito-idp", "CreateUserPoolClient", &["ClientSecret"]),
    ("ec2", "CreateKeyPair", &["KeyMaterial"]),
    ("ec2", "DescribeInstanceAttribute", &["UserData"]),
    ("ec2", "GetPasswordData", &["PasswordData"]),
    ("ecs", "DescribeTaskDefinition", &["environment"]),
    ("glue", "GetConnection", &["ConnectionProperties"]),
    ("glue", "GetConnections", &["ConnectionProperties"]),
    ("kms", "Decrypt", &["Plaintext"]),
    ("kms", "GenerateDataKey", &["Plaintext"]),
    ("kms", "GenerateDataKeyPair", &["PrivateKeyPlaintext"]),
    ("kms", "GenerateRandom", &["Plaintext"]),
    ("lambda", "CreateFunction", &["Variables"]),
    ("lambda", "GetFunction", &["Variables", "Location"]),
    ("lambda", "GetFunctionConfiguration", &["Variables"]),
    ("lambda", "ListFunctions", &["Variables"]),
    ("lambda", "ListVersionsByFunction", &["Variables"]),
    ("lambda", "PublishVersion", &["Variables"]),
    ("lambda", "UpdateFunctionCode", &["Variables"]),
    ("lambda", "UpdateFunctionConfiguration", &["Variables"]),
    ("secretsmanager", "BatchGetSecretValue", &["SecretString", "SecretBinary"]),
    ("secretsmanager", "GetRandomPassword", &["RandomPassword"]),
    ("secretsmanager", "GetSecretValue", &["SecretString", "SecretBinary"]),
    ("ssm", "GetParameter", &["Value"]),
    ("ssm", "GetParameterHistory", &["Value"]),
    ("ssm", "GetParameters", &["Value"]),
    ("ssm", "GetParametersByPath", &["Value"]),
];

/// Whether a command, by its words on the command line or its API name, mints credentials.
pub fn mints(service: &str, operation: &str) -> bool {
    MINTING.iter().any(|(its_service, command, name)| {
        *its_service == service && (*command == operation || *name == operation)
    })
}

/// What is said about a command that mints.
pub fn minting_refusal(service: &str, operation: &str) -> String {
    format!(
        "`{service} {operation}` hands out credentials that work outside of Slack and stay valid after your access here \
         has ended, so it is not run. Run the command that needs them here instead."
    )
}

/// The service and operation that the words name, if they do: the first two words that are neither options nor an
/// option's value. Only used to refuse early; the call itself is judged again before it is sent.
pub fn named_operation<'a>(argv: impl IntoIterator<Item = &'a str>) -> Option<(&'a str, &'a str)> {
    /// Options of `aws` itself that take a value.
    const WITH_VALUE: [&str; 8] = [
        "--region",
        "--output",
        "--query",
        "--color",
        "--cli-read-timeout",
        "--cli-connect-timeout",
        "--cli-binary-format",
        "--cli-error-format",
    ];
    let mut plain = Vec::new();
    let mut argv = argv.into_iter();
    while let Some(word) = argv.next() {
        if WITH_VALUE.contains(&word) {
            argv.next();
        } else if !word.starts_with('-') {
            plain.push(word);
            if let [service, operation] = plain[..] {
                return Some((service, operation));
            }
        }
    }
    None
}

/// The members that a call's result hides: those that its model marks as sensitive, and those of the list.
pub fn secret_members(service: &str, operation: &str) -> BTreeSet<String> {
    let listed =
        REVEALING.iter().find(|(its_service, name, _)| *its_service == service && *name == operation);
    let mut members: BTreeSet<String> = listed
        .into_iter()
        .flat_map(|(_, _, members)| members.iter().map(|name| (*name).to_owned()))
        .collect();
    if let Some(model) = awscli::catalog::service(service) {
        let output = model.operation_named(operation).and_then(|one| one.output);
        if let Some(output) = output {
            collect_sensitive(&model, output, &mut HashSet::new(), &mut members);
        }
    }
    members
}

fn collect_sensitive(
    model: &Service,
    shape: ShapeId,
    seen: &mut HashSet<ShapeId>,
    members: &mut BTreeSet<String>,
) {
    if !seen.insert(shape) {
        return;
    }
    match &model.shapes[shape as usize].kind {
        Kind::Structure(structure) => {
            for member in &structure.members {
                if is_sensitive(model, member.shape, 0) {
                    members.insert(member.name.clone());
                } else {
                    collect_sensitive(model, member.shape, seen, members);
                }
            }
        }
        Kind::List { member, .. } | Kind::Map { value: member, .. } => {
            collect_sensitive(model, member.shape, seen, members);
        }
        _ => {}
    }
}

/// Whether the values of a shape are secrets: by its own mark, or by that of what a list or map holds.
fn is_sensitive(model: &Service, shape: ShapeId, depth: u32) -> bool {
    const DEEPEST: u32 = 16;
    let shape = &model.shapes[shape as usize];
    shape.sensitive
        || depth < DEEPEST
            && match &shape.kind {
                Kind::List { member, .. } | Kind::Map { value: member, .. } => {
                    is_sensitive(model, member.shape, depth + 1)
                }
                _ => false,
            }
}

/// Whether `--query` may give values of secret members without their names. An expression must name a member to take its
/// value out, unless it takes all values; and a name may be spelled with escapes.
pub fn may_unname(query: &str, members: &BTreeSet<String>) -> bool {
    ["*", "values(", "to_string(", "join(", "map(", "\\"].iter().any(|sign| query.contains(sign))
        || members.iter().any(|member| query.contains(member))
}

/// The expression of `--query`, if there is one. The option may be shortened.
pub fn query(argv: &[String]) -> Option<&str> {
    let mut words = argv.iter();
    while let Some(word) = words.next() {
        let (name, value) =
            word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        if name.len() > "--".len() && "--query".starts_with(name) {
            return value.or_else(|| words.next().map(String::as_str));
        }
    }
    None
}

/// Hides secret values in what a command printed. Gives back the text and how many values it hid.
///
/// `members` are hidden with all that is below them. If their names may be gone from the output (`unnamed`), every value
/// in it is hidden. Whatever the operation, keys and tokens that can be told by their looks are hidden too.
pub fn hide<'a>(output: &'a str, members: &BTreeSet<String>, unnamed: bool) -> (Cow<'a, str>, usize) {
    let mut hidden = 0;
    let mut text = Cow::Borrowed(output);
    if !members.is_empty() {
        match serde_json::from_str::<serde_json::Value>(output) {
            Ok(mut value) => {
                hide_members(&mut value, members, unnamed, &mut hidden);
                if hidden > 0 {
                    let mut pretty = Vec::new();
                    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
                    let mut writer = serde_json::Serializer::with_formatter(&mut pretty, indent);
                    if serde::Serialize::serialize(&value, &mut writer).is_ok() {
                        pretty.push(b'\n');
                        text = Cow::Owned(String::from_utf8_lossy(&pretty).into_owned());
                    }
                }
            }
            Err(_) if output.trim().is_empty() => {}
            // Output that is no JSON cannot be told apart into members: none of it is shown.
            Err(_) => {
                hidden += 1;
                text = Cow::Owned(format!("{MASK}\n"));
            }
        }
    }
    let (text, by_looks) = match text {
        Cow::Borrowed(text) => hide_by_looks(text),
        Cow::Owned(text) => {
            let (shown, count) = hide_by_looks(&text);
            (Cow::Owned(shown.into_owned()), count)
        }
    };
    (text, hidden + by_looks)
}

fn hide_members(value: &mut serde_json::Value, members: &BTreeSet<String>, all: bool, hidden: &mut usize) {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                hide_members(value, members, all || members.contains(name), hidden);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| hide_members(value, members, all, hidden)),
        Value::String(_) | Value::Number(_) if all => {
            *value = Value::String(MASK.to_owned());
            *hidden += 1;
        }
        _ => {}
    }
}

/// Hides private keys in PEM, JSON web tokens and Slack tokens wherever they stand.
fn hide_by_looks(text: &str) -> (Cow<'_, str>, usize) {
    let mut shown = String::new();
    let mut rest = text;
    let mut hidden = 0;
    while let Some((start, length)) = first_secret(rest) {
        shown.push_str(&rest[..start]);
        shown.push_str(MASK);
        rest = &rest[start + length..];
        hidden += 1;
    }
    if hidden == 0 {
        return (Cow::Borrowed(text), 0);
    }
    shown.push_str(rest);
    (Cow::Owned(shown), hidden)
}

/// Where the first thing that looks like a secret begins and how long it is, in bytes.
fn first_secret(text: &str) -> Option<(usize, usize)> {
    [
        pem(text),
        token(text, "eyJ", is_web_token),
        token(text, "xox", is_slack_token),
        token(text, "xapp-", is_slack_token),
    ]
    .into_iter()
    .flatten()
    .min()
}

fn pem(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("-----BEGIN ") {
        let start = from + found;
        let label = &text[start + "-----BEGIN ".len()..];
        let label_end = label.find("-----")?;
        if label[..label_end].ends_with("PRIVATE KEY") {
            let end = text[start..].find("-----END ").map(|end| start + end + "-----END ".len());
            // A key that was cut off has no end line; all of the rest is hidden.
            let end = end
                .and_then(|end| Some(end + text[end..].find("-----")? + "-----".len()))
                .unwrap_or(text.len());
            return Some((start, end - start));
        }
        from = start + "-----BEGIN ".len();
    }
    None
}

fn token(text: &str, prefix: &str, is_secret: fn(&str) -> bool) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find(prefix) {
        let start = from + found;
        let inside_word = text[..start].ends_with(|before: char| before.is_ascii_alphanumeric());
        let rest = &text[start..];
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(rest.len());
        if !inside_word && is_secret(&rest[..end]) {
            return Some((start, end));
        }
        from = start + prefix.len();
    }
    None
}

/// Three parts in base64, such as `eyJhbGciOi….eyJzdWIi….c2ln…`.
fn is_web_token(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    matches!(parts[..], [head, claims, signature] if head.len() >= 10 && claims.len() >= 10 && signature.len() >= 16)
}

/// `xoxb-…`, `xoxe.xoxb-…`, `xapp-…`, long enough to be one.
fn is_slack_token(word: &str) -> bool {
    let kind = word.as_bytes().get(3).copied().unwrap_or(b' ');
    word.len() >= 16
        && (kind == b'p'
            || (b"abeprs".contains(&kind) && matches!(word.as_bytes().get(4), Some(b'-' | b'.'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minting_is_known_by_both_names() {
        for (service, operation) in [
            ("sts", "assume-role"),
            ("sts", "AssumeRole"),
            ("iam", "CreateAccessKey"),
            ("ecr", "get-login-password"),
            ("s3", "presign"),
        ] {
            assert!(mints(service, operation), "{service} {operation}");
        }
        for (service, operation) in [("sts", "get-caller-identity"), ("s3", "ls"), ("s3", "assume-role")] {
            assert!(!mints(service, operation), "{service} {operation}");
        }
    }

    #[test]
    fn the_operation_is_found_behind_options() {
        for (argv, expected) in [
            ("sts assume-role --role-arn x", Some(("sts", "assume-role"))),
            ("--region eu-west-1 sts assume-role", Some(("sts", "assume-role"))),
            ("--region=eu-west-1 sts --query x assume-role", Some(("sts", "assume-role"))),
            ("--no-paginate ec2 describe-instances", Some(("ec2", "describe-instances"))),
            ("sts", None),
            ("", None),
        ] {
            assert_eq!(named_operation(argv.split_whitespace()), expected, "{argv}");
        }
    }

    #[test]
    fn a_secret_value_is_hidden_and_the_rest_stays() {
        let output = "{\n    \"ARN\": \"arn:x\",\n    \"SecretString\": \"hunter2\",\n    \"VersionStages\": [\n        \"AWSCURRENT\"\n    ]\n}\n";
        let members = secret_members("secretsmanager", "GetSecretValue");
        let (shown, hidden) = hide(output, &members, false);
        assert_eq!(shown, output.replace("hunter2", MASK));
        assert_eq!(hidden, 1);
    }

    #[test]
    fn every_variable_of_a_function_is_hidden_by_name_kept() {
        let output =
            r#"{"FunctionName":"f","Environment":{"Variables":{"DB_PASSWORD":"hunter2","LEVEL":"info"}}}"#;
        let (shown, hidden) = hide(output, &secret_members("lambda", "GetFunctionConfiguration"), false);
        assert!(
            !shown.contains("hunter2") && shown.contains("DB_PASSWORD") && shown.contains("\"f\""),
            "{shown}"
        );
        assert_eq!(hidden, 2);
    }

    #[test]
    fn a_query_cannot_take_a_secret_out_of_its_member() {
        let members = secret_members("ssm", "GetParameter");
        for output in ["\"hunter2\"\n", "[\"hunter2\"]\n", "{\"x\":\"hunter2\"}\n", "hunter2\n"] {
            let (shown, hidden) = hide(output, &members, true);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(hidden, 1);
        }
        assert_eq!(hide("", &members, true), ("".into(), 0));
    }

    #[test]
    fn the_models_say_what_is_secret() {
        for (service, operation, member, expected) in [
            ("secretsmanager", "GetSecretValue", "SecretString", true),
            ("secretsmanager", "GetSecretValue", "ARN", false),
            ("sts", "GetCallerIdentity", "Arn", false),
            ("kms", "Decrypt", "Plaintext", true),
            ("cognito-idp", "DescribeUserPoolClient", "ClientSecret", true),
            ("ssm", "GetParameter", "Value", true),
            ("lambda", "GetFunctionConfiguration", "Variables", true),
        ] {
            assert_eq!(
                secret_members(service, operation).contains(member),
                expected,
                "{service} {operation} {member}"
            );
        }
        assert!(secret_members("ec2", "DescribeInstances").is_empty());
        assert!(secret_members("no-such-service", "X").is_empty());
    }

    #[test]
    fn which_queries_may_take_the_names_away() {
        let members = secret_members("ssm", "GetParameter");
        for (query, expected) in [
            ("Parameter", false),
            ("Parameter.Name", false),
            ("Parameter.Value", true),
            ("Parameter.*", true),
            ("values(Parameter)", true),
            ("to_string(@)", true),
            ("Parameter.\"\\u0056alue\"", true),
        ] {
            assert_eq!(may_unname(query, &members), expected, "{query}");
        }
    }

    #[test]
    fn the_query_is_found_however_it_is_written() {
        for (argv, expected) in [
            ("ssm get-parameter --query Parameter", Some("Parameter")),
            ("ssm get-parameter --query=Parameter", Some("Parameter")),
            ("--quer Parameter ssm get-parameter", Some("Parameter")),
            ("athena start-query-execution --query-string x", None),
            ("s3 ls", None),
        ] {
            let argv: Vec<String> = argv.split_whitespace().map(str::to_owned).collect();
            assert_eq!(query(&argv), expected, "{argv:?}");
        }
    }

    #[test]
    fn what_looks_like_a_key_is_hidden_anywhere() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r";
        for (secret, around) in [
            (jwt, "token={} end"),
            ("xoxb-1234567890-abcdefghij", "\"{}\""),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----", "a {} b"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE", "a {}"),
        ] {
            let text = around.replace("{}", secret);
            let (shown, hidden) = hide_by_looks(&text);
            assert_eq!((shown.as_ref(), hidden), (around.replace("{}", MASK).as_str(), 1));
        }
        for plain in [
            "eyJ",
            "a.b.c",
            "xoxo",
            "box-xoxbeliever",
            "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
            "AKIAIOSFODNN7EXAMPLE",
        ] {
            assert_eq!(hide_by_looks(plain), (Cow::Borrowed(plain), 0));
        }
    }
}
