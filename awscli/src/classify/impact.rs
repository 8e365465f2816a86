//! What comes of a call: by the words that operations' names begin with, and by lists of those whose names mislead.

use super::{iam, own};
use crate::catalog;
use crate::model::{Operation, Service};
use crate::refused::refusal;
use crate::session::Effect;
use crate::value::{Map, Value};

/// What comes of a call or a command, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    /// Changes nothing.
    Read,
    /// May change something.
    Write,
    /// Takes away what no single call in the other direction gives back.
    Destroy,
    /// Hands out credentials that outlive the session.
    Mint,
}

impl From<Impact> for Effect {
    fn from(impact: Impact) -> Self {
        match impact {
            Impact::Read => Self::Read,
            Impact::Write | Impact::Destroy | Impact::Mint => Self::Write,
        }
    }
}

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

/// First words of names of what destroys.
const DESTROYING: [&str; 9] =
    ["Abort", "Delete", "Deregister", "Destroy", "Dispose", "Purge", "Release", "Terminate", "Unregister"];

/// First words of names that only say how or for whom something is done.
const MANNERS: [&str; 3] = ["Admin", "Batch", "Bulk"];

/// First words of names that change something, whatever the model says.
const CHANGING: [&str; 4] = ["BatchStart", "Start", "Stop", "Update"];

/// Operations that are named like reads but change something, or take what they return away from others.
const NOT_READING: &[(&str, &str)] = &[
    // Starts the portal.
    ("apigatewayv2", "PreviewPortal"),
    // Creates the identity that it returns.
    ("cognito-identity", "GetId"),
    // Sends the user a code.
    ("cognito-idp", "GetUserAttributeVerificationCode"),
    // Writes the media into a bucket.
    ("socialmessaging", "GetWhatsAppMessageMedia"),
    // Hands the task to its caller and to nobody else.
    ("stepfunctions", "GetActivityTask"),
];

/// Operations that only read although neither their names nor their models say so.
const ALSO_READING: &[(&str, &str)] = &[
    ("appsync", "EvaluateCode"),
    ("appsync", "EvaluateMappingTemplate"),
    ("bedrock-agent-runtime", "Retrieve"),
    ("cloudformation", "EstimateTemplateCost"),
    ("cloudformation", "ValidateTemplate"),
    ("comprehend", "BatchDetectDominantLanguage"),
    ("comprehend", "BatchDetectEntities"),
    ("comprehend", "BatchDetectKeyPhrases"),
    ("comprehend", "BatchDetectSentiment"),
    ("comprehend", "BatchDetectSyntax"),
    ("comprehend", "BatchDetectTargetedSentiment"),
    ("comprehend", "ClassifyDocument"),
    ("comprehend", "ContainsPiiEntities"),
    ("comprehend", "DetectDominantLanguage"),
    ("comprehend", "DetectEntities"),
    ("comprehend", "DetectKeyPhrases"),
    ("comprehend", "DetectPiiEntities"),
    ("comprehend", "DetectSentiment"),
    ("comprehend", "DetectSyntax"),
    ("comprehend", "DetectTargetedSentiment"),
    ("comprehend", "DetectToxicContent"),
    ("comprehendmedical", "DetectEntitiesV2"),
    ("comprehendmedical", "DetectPHI"),
    ("comprehendmedical", "InferICD10CM"),
    ("comprehendmedical", "InferRxNorm"),
    ("comprehendmedical", "InferSNOMEDCT"),
    ("configservice", "SelectAggregateResourceConfig"),
    ("configservice", "SelectResourceConfig"),
    ("dynamodb", "TransactGetItems"),
    ("ecr", "BatchCheckLayerAvailability"),
    ("ecr-public", "BatchCheckLayerAvailability"),
    ("elasticbeanstalk", "CheckDNSAvailability"),
    ("elasticbeanstalk", "RetrieveEnvironmentInfo"),
    ("elasticbeanstalk", "ValidateConfigurationSettings"),
    ("events", "TestEventPattern"),
    ("glue", "CheckSchemaVersionValidity"),
    ("iotsitewise", "ExecuteQuery"),
    ("iottwinmaker", "ExecuteQuery"),
    ("kendra", "Retrieve"),
    ("logs", "TestMetricFilter"),
    ("logs", "TestTransformer"),
    ("polly", "SynthesizeSpeech"),
    ("rds", "DownloadDBLogFilePortion"),
    ("rekognition", "CompareFaces"),
    ("rekognition", "DetectCustomLabels"),
    ("rekognition", "DetectFaces"),
    ("rekognition", "DetectLabels"),
    ("rekognition", "DetectModerationLabels"),
    ("rekognition", "DetectProtectiveEquipment"),
    ("rekognition", "DetectText"),
    ("rekognition", "RecognizeCelebrities"),
    ("route53", "TestDNSAnswer"),
    ("route53domains", "CheckDomainAvailability"),
    ("route53domains", "CheckDomainTransferability"),
    ("route53domains", "ViewBilling"),
    ("s3api", "SelectObjectContent"),
    ("servicediscovery", "DiscoverInstances"),
    ("servicediscovery", "DiscoverInstancesRevision"),
    ("sns", "CheckIfPhoneNumberIsOptedOut"),
    ("stepfunctions", "ValidateStateMachineDefinition"),
    ("sts", "DecodeAuthorizationMessage"),
    ("textract", "AnalyzeDocument"),
    ("textract", "AnalyzeExpense"),
    ("textract", "AnalyzeID"),
    ("textract", "DetectDocumentText"),
    ("translate", "TranslateDocument"),
    ("translate", "TranslateText"),
    ("wafv2", "CheckCapacity"),
];

/// Operations that destroy although their names do not begin so.
const ALSO_DESTROYING: &[(&str, &str)] = &[
    ("amplifybackend", "RemoveAllBackends"),
    ("discovery", "StartBatchDeleteConfigurationTask"),
    ("fsx", "DetachAndDeleteS3AccessPoint"),
    // What was written since is gone.
    ("fsx", "RestoreVolumeFromSnapshot"),
    ("inspector2", "Disable"),
    ("kms", "ScheduleKeyDeletion"),
    ("macie2", "DisableMacie"),
    ("medialive", "StartDeleteMonitorDeployment"),
    ("mpa", "StartActiveApprovalTeamDeletion"),
    ("neptune-graph", "ResetGraph"),
    ("neptunedata", "ExecuteFastReset"),
    ("organizations", "CloseAccount"),
    ("organizations", "LeaveOrganization"),
    ("organizations", "RemoveAccountFromOrganization"),
    ("personalize", "CreateDataDeletionJob"),
    ("secretsmanager", "RemoveRegionsFromReplication"),
    ("securityhub", "DisableSecurityHub"),
    ("securityhub", "DisableSecurityHubV2"),
    ("storagegateway", "ResetCache"),
    ("transfer", "StartRemoteDelete"),
    ("workspaces", "RebuildWorkspaces"),
    ("workspaces", "RestoreWorkspace"),
];

/// Operations that are named like what destroys, and whose opposite gives back what they take. So are all `DeleteTags`.
const RESTORABLE: &[(&str, &str)] = &[
    ("auditmanager", "DeregisterOrganizationAdminAccount"),
    ("cloudtrail", "DeregisterOrganizationDelegatedAdmin"),
    ("codepipeline", "DeregisterWebhookWithThirdParty"),
    ("ds", "DeregisterEventTopic"),
    ("ec2", "DeregisterInstanceEventNotificationAttributes"),
    ("ec2", "DeregisterTransitGatewayMulticastGroupMembers"),
    ("ec2", "DeregisterTransitGatewayMulticastGroupSources"),
    ("ecr", "DeregisterPullTimeUpdateExclusion"),
    ("elb", "DeregisterInstancesFromLoadBalancer"),
    ("elbv2", "DeregisterTargets"),
    ("fsx", "ReleaseFileSystemNfsV3Locks"),
    ("lakeformation", "DeregisterResource"),
    ("organizations", "DeregisterDelegatedAdministrator"),
    ("rds", "DeregisterDBProxyTargets"),
    ("securitylake", "DeregisterDataLakeDelegatedAdministrator"),
    ("servicediscovery", "DeregisterInstance"),
    ("ssm", "DeregisterPatchBaselineForPatchGroup"),
    ("ssm", "DeregisterTargetFromMaintenanceWindow"),
    ("vpc-lattice", "DeregisterTargets"),
];

/// Operations that hand out credentials which work without us, or URLs that are as good as credentials, by the services'
/// words on the command line.
const MINTING: &[(&str, &str)] = &[
    ("acm", "ExportCertificate"),
    ("acm", "GetAcmeExternalAccountBindingCredentials"),
    ("amplifybackend", "CreateToken"),
    ("amplifybackend", "GetToken"),
    ("appstream", "CreateAppBlockBuilderStreamingURL"),
    ("appstream", "CreateImageBuilderStreamingURL"),
    ("appstream", "CreateStreamingURL"),
    ("athena", "CreatePresignedNotebookUrl"),
    ("athena", "GetSessionEndpoint"),
    ("bedrock-agentcore", "GetResourceApiKey"),
    ("bedrock-agentcore", "GetResourceOauth2Token"),
    ("bedrock-agentcore", "GetResourcePaymentToken"),
    ("bedrock-agentcore", "GetWorkloadAccessToken"),
    ("bedrock-agentcore", "GetWorkloadAccessTokenForJWT"),
    ("bedrock-agentcore", "GetWorkloadAccessTokenForUserId"),
    ("cloudwatchomni", "GetSpaceCredentialsForOrganization"),
    ("codeartifact", "GetAuthorizationToken"),
    ("codecatalyst", "CreateAccessToken"),
    ("cognito-identity", "GetCredentialsForIdentity"),
    ("cognito-identity", "GetOpenIdToken"),
    ("cognito-identity", "GetOpenIdTokenForDeveloperIdentity"),
    ("cognito-idp", "AdminInitiateAuth"),
    ("cognito-idp", "AdminRespondToAuthChallenge"),
    ("cognito-idp", "GetClientToken"),
    ("cognito-idp", "GetTokensFromRefreshToken"),
    ("cognito-idp", "InitiateAuth"),
    ("cognito-idp", "RespondToAuthChallenge"),
    ("connect", "CreateAuthCode"),
    ("connect", "GetFederationToken"),
    ("connectparticipant", "CreateParticipantConnection"),
    ("connectparticipant", "GetAuthenticationUrl"),
    ("continuum", "GetCollectorDataAccessAuthorization"),
    ("datazone", "GetEnvironmentCredentials"),
    ("datazone", "GetIamPortalLoginUrl"),
    ("deadline", "AssumeFleetRoleForRead"),
    ("deadline", "AssumeFleetRoleForWorker"),
    ("deadline", "AssumeQueueRoleForRead"),
    ("deadline", "AssumeQueueRoleForUser"),
    ("deadline", "AssumeQueueRoleForWorker"),
    ("ec2", "CreateKeyPair"),
    ("ecr", "GetAuthorizationToken"),
    ("ecr-public", "GetAuthorizationToken"),
    ("eks-auth", "AssumeRoleForPodIdentity"),
    ("emr", "GetClusterSessionCredentials"),
    ("emr", "GetOnClusterAppUIPresignedURL"),
    ("emr", "GetPersistentAppUIPresignedURL"),
    ("emr", "GetSessionEndpoint"),
    ("emr-containers", "GetManagedEndpointSessionCredentials"),
    ("gamelift", "GetComputeAccess"),
    ("gamelift", "GetComputeAuthToken"),
    ("gamelift", "GetInstanceAccess"),
    ("gamelift", "RequestUploadCredentials"),
    ("grafana", "CreateWorkspaceApiKey"),
    ("grafana", "CreateWorkspaceServiceAccountToken"),
    ("iam", "CreateAccessKey"),
    ("iam", "CreateServiceSpecificCredential"),
    ("iam", "ResetServiceSpecificCredential"),
    ("iot", "CreateKeysAndCertificate"),
    ("iotsecuretunneling", "RotateTunnelAccessToken"),
    ("ivs-realtime", "CreateParticipantToken"),
    ("ivschat", "CreateChatToken"),
    ("kinesisanalyticsv2", "CreateApplicationPresignedUrl"),
    ("lakeformation", "AssumeDecoratedRoleWithSAML"),
    ("lakeformation", "GetTemporaryDataLocationCredentials"),
    ("lakeformation", "GetTemporaryGluePartitionCredentials"),
    ("lakeformation", "GetTemporaryGlueTableCredentials"),
    ("lambda-microvms", "CreateMicrovmAuthToken"),
    ("lambda-microvms", "CreateMicrovmShellAuthToken"),
    ("license-manager", "CreateToken"),
    ("license-manager", "GetAccessToken"),
    ("lightsail", "CreateBucketAccessKey"),
    ("lightsail", "CreateContainerServiceRegistryLogin"),
    ("lightsail", "CreateGUISessionAccessDetails"),
    ("lightsail", "CreateKeyPair"),
    ("lightsail", "DownloadDefaultKeyPair"),
    ("lightsail", "GetInstanceAccessDetails"),
    ("lightsail", "GetRelationalDatabaseMasterUserPassword"),
    ("m2", "GetSignedBluinsightsUrl"),
    ("mturk", "GetFileUploadURL"),
    ("mwaa", "CreateCliToken"),
    ("mwaa", "CreateWebLoginToken"),
    ("pca-connector-scep", "GetChallengePassword"),
    ("qapps", "CreatePresignedUrl"),
    ("qbusiness", "CreateAnonymousWebExperienceUrl"),
    ("quicksight", "GenerateEmbedUrlForAnonymousUser"),
    ("quicksight", "GenerateEmbedUrlForRegisteredUser"),
    ("quicksight", "GenerateEmbedUrlForRegisteredUserWithIdentity"),
    ("quicksight", "GetDashboardEmbedUrl"),
    ("quicksight", "GetSessionEmbedUrl"),
    ("redshift", "GetClusterCredentials"),
    ("redshift", "GetClusterCredentialsWithIAM"),
    ("redshift", "GetIdentityCenterAuthToken"),
    ("redshift-serverless", "GetCredentials"),
    ("redshift-serverless", "GetIdentityCenterAuthToken"),
    ("route53domains", "RetrieveDomainAuthCode"),
    ("route53globalresolver", "CreateAccessToken"),
    ("route53globalresolver", "GetAccessToken"),
    ("s3api", "CreateSession"),
    ("s3control", "GetDataAccess"),
    ("sagemaker", "CreateHubContentPresignedUrls"),
    ("sagemaker", "CreatePartnerAppPresignedUrl"),
    ("sagemaker", "CreatePresignedDomainUrl"),
    ("sagemaker", "CreatePresignedMlflowAppUrl"),
    ("sagemaker", "CreatePresignedMlflowTrackingServerUrl"),
    ("sagemaker", "CreatePresignedNotebookInstanceUrl"),
    ("sagemaker", "StartSession"),
    ("security-ir", "GetCaseAttachmentUploadUrl"),
    ("signin", "CreateOAuth2Token"),
    ("signin", "CreateOAuth2TokenWithIAM"),
    ("ssm", "CreateActivation"),
    ("ssm", "GetAccessToken"),
    ("ssm", "ResumeSession"),
    ("ssm", "StartSession"),
    ("sso", "GetRoleCredentials"),
    ("sso-oidc", "CreateToken"),
    ("sso-oidc", "CreateTokenWithIAM"),
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithSAML"),
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "AssumeRoot"),
    ("sts", "GetDelegatedAccessToken"),
    ("sts", "GetFederationToken"),
    ("sts", "GetSessionToken"),
    ("sts", "GetWebIdentityToken"),
    ("workmail", "AssumeImpersonationRole"),
];

/// What comes of a call with these parameters.
pub fn impact(service: &Service, operation: &Operation, parameters: &Map) -> Impact {
    let (word, name) = (service.command.as_str(), operation.name.as_str());
    let listed = |list: &[(&str, &str)]| list.contains(&(word, name));
    if listed(MINTING) {
        return Impact::Mint;
    }
    if listed(ALSO_DESTROYING) || destroys_by_parameters(word, name, parameters) {
        return Impact::Destroy;
    }
    if word == "dynamodb" && only_selects(name, parameters) {
        return Impact::Read;
    }
    if listed(ALSO_READING) {
        return Impact::Read;
    }
    let is_first = |verbs: &[&str], name: &str| verbs.iter().any(|verb| starts_with_word(name, verb));
    let bare = MANNERS.iter().find(|manner| starts_with_word(name, manner));
    let bare = bare.map_or(name, |manner| &name[manner.len()..]);
    if is_first(&DESTROYING, bare) && name != "DeleteTags" && !listed(RESTORABLE) {
        return Impact::Destroy;
    }
    let reads = is_first(&READING, name)
        || name.starts_with("Admin") && is_first(&READING, bare)
        || operation.readonly && !is_first(&CHANGING, name);
    if reads && !listed(NOT_READING) { Impact::Read } else { Impact::Write }
}

/// Calls that destroy because of what they are given.
fn destroys_by_parameters(word: &str, name: &str, parameters: &Map) -> bool {
    match (word, name) {
        ("dynamodb", "BatchWriteItem") => match parameters.get("RequestItems") {
            Some(Value::Map(tables)) => tables.values().any(|requests| match requests {
                Value::List(requests) => requests.iter().any(|one| one.get("DeleteRequest").is_some()),
                _ => false,
            }),
            _ => false,
        },
        ("dynamodb", "TransactWriteItems") => match parameters.get("TransactItems") {
            Some(Value::List(items)) => items.iter().any(|item| item.get("Delete").is_some()),
            _ => false,
        },
        ("dynamodb", _) => iam::statements(parameters).iter().any(|one| iam::first_word_is(one, "DELETE")),
        ("ec2", "CancelSpotFleetRequests") => {
            parameters.get("TerminateInstances") == Some(&Value::Bool(true))
        }
        _ => false,
    }
}

/// Whether all of a call's PartiQL statements only select.
fn only_selects(name: &str, parameters: &Map) -> bool {
    let statements = iam::statements(parameters);
    ["BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction"].contains(&name)
        && !statements.is_empty()
        && statements.iter().all(|one| ["SELECT", "EXISTS"].iter().any(|verb| iam::first_word_is(one, verb)))
}

/// Whether a command hands out credentials that outlive a session, by its words on the command line or, for an operation,
/// by its name in the API.
pub fn mints(service: &str, operation: &str) -> bool {
    if own::of(service, operation).is_some_and(|own| own.impact == Impact::Mint) {
        return true;
    }
    let mut listed = MINTING.iter().filter(|(word, _)| *word == service).peekable();
    if listed.peek().is_none() {
        return false;
    }
    let Some(model) = catalog::service(service) else { return false };
    let typed = model.operation_of_command(operation);
    let name = typed.map_or(operation, |known| &known.name);
    // What is refused says why itself. A call is judged by its name in the API, and is not refused any more.
    let is_refused = || typed.is_some() && refusal(service, Some(operation)).is_some();
    listed.any(|(_, minting)| *minting == name) && !is_refused()
}

/// Whether `name` begins with `verb` and the verb ends there: `Getaway` is no `Get`.
fn starts_with_word(name: &str, verb: &str) -> bool {
    name.strip_prefix(verb).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
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
            ("ssm", "StartSession"),
            ("configure", "export-credentials"),
        ] {
            assert!(mints(service, operation), "{service} {operation}");
        }
        for (service, operation) in [
            ("sts", "get-caller-identity"),
            ("s3", "ls"),
            ("s3", "assume-role"),
            // It says why it is not available.
            ("ssm", "start-session"),
        ] {
            assert!(!mints(service, operation), "{service} {operation}");
        }
    }

    /// Calls `look` with each operation of each service and what comes of it without parameters.
    fn each(mut look: impl FnMut(&Service, &Operation, Impact)) {
        for entry in catalog::index() {
            let service = catalog::service(&entry.command).unwrap();
            for operation in service.operations.iter() {
                look(&service, operation, impact(&service, operation, &Map::new()));
            }
        }
    }

    #[test]
    fn names_methods_and_lists_agree() {
        each(|service, operation, impact| {
            let (word, name) = (service.command.as_str(), operation.name.as_str());
            let is = |list: &[(&str, &str)]| list.contains(&(word, name));
            if ["PUT", "DELETE", "PATCH"].contains(&operation.method.as_str()) {
                assert_ne!(impact, Impact::Read, "{word} {name} uses {}", operation.method);
            }
            if operation.method == "DELETE" && name.starts_with("Delete") {
                assert!(impact == Impact::Destroy || name == "DeleteTags", "{word} {name}");
            }
            if impact == Impact::Mint {
                assert!(is(MINTING), "{word} {name}");
            }
            // Nothing that sounds like handing out credentials reads without a look at it.
            let minting = [
                "Credentials",
                "LoginUrl",
                "EmbedUrl",
                "PresignedURL",
                "PresignedUrl",
                "AuthToken",
                "AccessToken",
                "SessionURL",
                "FederationToken",
                "StreamingURL",
            ];
            let lent = minting.iter().any(|word| name.ends_with(word));
            if lent && (name.starts_with("Get") || name.starts_with("Create") || name.starts_with("Generate"))
            {
                assert!(is(MINTING) || is(&NOT_MINTING), "{word} {name}");
            }
        });
    }

    /// What sounds like handing out credentials and does not.
    const NOT_MINTING: [(&str, &str); 3] = [
        ("kinesis-video-archived-media", "GetDASHStreamingSessionURL"),
        ("kinesis-video-archived-media", "GetHLSStreamingSessionURL"),
        ("mediapackage", "RotateIngestEndpointCredentials"),
    ];

    #[test]
    fn every_entry_of_the_lists_names_what_exists_and_says_something() {
        for list in [NOT_READING, ALSO_READING, ALSO_DESTROYING, RESTORABLE, MINTING] {
            for (word, name) in list {
                let service = catalog::service(word).unwrap_or_else(|| panic!("{word}"));
                assert!(service.operation_named(name).is_some(), "{word} {name}");
                assert_eq!(list.iter().filter(|entry| *entry == &(*word, *name)).count(), 1, "{word} {name}");
            }
        }
    }

    #[test]
    fn every_session_effect_derives_from_the_impact() {
        assert_eq!(Effect::from(Impact::Read), Effect::Read);
        for impact in [Impact::Write, Impact::Destroy, Impact::Mint] {
            assert_eq!(Effect::from(impact), Effect::Write);
        }
    }
}
