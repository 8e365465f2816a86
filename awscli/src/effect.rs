//! What an operation does, decided from its model before it is sent: only what is known to read counts as reading.

use crate::model::{Operation, Service};
use crate::session::Effect;

/// First words of names that only read.
const READING: [&str; 14] = [
    "BatchDescribe",
    "BatchGet",
    "Count",
    "Describe",
    "Filter",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Preview",
    "Query",
    "Scan",
    "Search",
    "Simulate",
];

/// Last words of the names of what `Get` does not read but makes: credentials, and URLs that are credentials.
const MINTED: [&str; 12] = [
    "AuthenticationUrl",
    "Credentials",
    "CredentialsWithIAM",
    "EmbedUrl",
    "LoginUrl",
    "PresignedURL",
    "StreamingSessionURL",
    "Token",
    "TokenForDeveloperIdentity",
    "Tokens",
    "UploadURL",
    "UploadUrl",
];

/// Operations that are named like reads but change something, hand out credentials, or take what they return away from
/// others.
const NOT_READING: [(&str, &str); 13] = [
    ("bedrock-agentcore", "GetWorkloadAccessTokenForJWT"),
    ("bedrock-agentcore", "GetWorkloadAccessTokenForUserId"),
    ("cloudwatchomni", "GetSpaceCredentialsForOrganization"),
    ("cognito-identity", "GetCredentialsForIdentity"),
    // Creates the identity that it returns.
    ("cognito-identity", "GetId"),
    ("cognito-idp", "GetTokensFromRefreshToken"),
    // Sends the user a code.
    ("cognito-idp", "GetUserAttributeVerificationCode"),
    ("gamelift", "GetComputeAccess"),
    ("gamelift", "GetInstanceAccess"),
    ("lightsail", "GetInstanceAccessDetails"),
    ("s3control", "GetDataAccess"),
    // Hands the task to its caller and to nobody else.
    ("stepfunctions", "GetActivityTask"),
    ("m2", "GetSignedBluinsightsUrl"),
];

/// Operations that only read although neither their names nor their models say so.
const ALSO_READING: [(&str, &str); 8] = [
    ("accessanalyzer", "ValidatePolicy"),
    ("cloudformation", "EstimateTemplateCost"),
    ("cloudformation", "ValidateTemplate"),
    ("dynamodb", "TransactGetItems"),
    ("events", "TestEventPattern"),
    ("logs", "TestMetricFilter"),
    ("s3", "SelectObjectContent"),
    ("sts", "DecodeAuthorizationMessage"),
];

/// Says whether a call of `operation` may change something.
pub fn effect(service: &Service, operation: &Operation) -> Effect {
    let name = operation.name.as_str();
    let listed = |list: &[(&str, &str)]| list.contains(&(service.name.as_str(), name));
    let mints = starts_with_word(name, "Get") && MINTED.iter().any(|word| name.ends_with(word));
    if mints || listed(&NOT_READING) {
        return Effect::Write;
    }
    if operation.readonly || listed(&ALSO_READING) || READING.iter().any(|verb| starts_with_word(name, verb))
    {
        Effect::Read
    } else {
        Effect::Write
    }
}

/// Whether `name` begins with `verb` and the verb ends there: `Getaway` is no `Get`.
fn starts_with_word(name: &str, verb: &str) -> bool {
    name.strip_prefix(verb).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn operations_are_told_apart() {
        for (command, name, expected) in [
            ("ec2", "DescribeInstances", Effect::Read),
            ("ec2", "RunInstances", Effect::Write),
            ("ec2", "GetPasswordData", Effect::Read),
            ("sts", "GetCallerIdentity", Effect::Read),
            ("sts", "GetSessionToken", Effect::Write),
            ("sts", "AssumeRole", Effect::Write),
            ("ecr", "GetAuthorizationToken", Effect::Write),
            ("s3api", "HeadObject", Effect::Read),
            ("s3api", "ListObjectsV2", Effect::Read),
            ("s3api", "PutObject", Effect::Write),
            ("sqs", "ReceiveMessage", Effect::Write),
            ("dynamodb", "Scan", Effect::Read),
            ("dynamodb", "ExecuteStatement", Effect::Write),
            ("logs", "FilterLogEvents", Effect::Read),
            ("logs", "StartQuery", Effect::Write),
            ("stepfunctions", "GetActivityTask", Effect::Write),
            ("stepfunctions", "DescribeExecution", Effect::Read),
            ("cognito-identity", "GetId", Effect::Write),
            ("quicksight", "GetDashboardEmbedUrl", Effect::Write),
            ("secretsmanager", "GetSecretValue", Effect::Read),
            ("lambda", "Invoke", Effect::Write),
            ("kms", "Decrypt", Effect::Write),
        ] {
            let service = catalog::service(command).unwrap();
            let operation = service.operation_named(name).unwrap();
            assert_eq!(effect(&service, operation), expected, "{command} {name}");
        }
    }

    #[test]
    fn no_read_uses_put_or_delete() {
        // GameLift Streams and the like aside, whoever deletes does not read; the verbs and the methods agree.
        for entry in catalog::index() {
            let service = catalog::service(&entry.command).unwrap();
            for operation in service.operations.iter() {
                let changes = matches!(operation.method.as_str(), "PUT" | "DELETE" | "PATCH");
                if changes && !operation.readonly {
                    assert_eq!(
                        effect(&service, operation),
                        Effect::Write,
                        "{} {}",
                        service.name,
                        operation.name
                    );
                }
            }
        }
    }
}
