//! Which IAM actions a call needs, as the Service Authorization Reference names them: the name in the service's signatures
//! and the operation's name, but for the exceptions here. Actions that only some forms of a call need besides, such as
//! `iam:PassRole` or those of a key that encrypts, are not told.

use crate::model::{Operation, Service};
use crate::value::{Map, Value};

/// Services whose actions begin otherwise than their signatures, by their word on the command line.
const PREFIXES: [(&str, &str); 12] = [
    ("cloudcontrol", "cloudformation"),
    ("cloudwatch", "cloudwatch"),
    ("iot-data", "iot"),
    ("iot-jobs-data", "iotjobsdata"),
    ("iotsecuretunneling", "iot"),
    ("mturk", "mechanicalturk"),
    ("neptunedata", "neptune-db"),
    ("partnercentral-account", "partnercentral"),
    ("partnercentral-benefits", "partnercentral"),
    ("partnercentral-channel", "partnercentral"),
    ("partnercentral-selling", "partnercentral"),
    ("resourcegroupstaggingapi", "tag"),
];

/// Operations of API Gateway that are actions of their own, by what their names hold. All others are the HTTP method.
const OWN_ACTIONS_OF_GATEWAYS: [&str; 4] =
    ["Portal", "ProductPage", "ProductRestEndpointPage", "RoutingRule"];

/// Operations whose actions have other names. A name without a prefix has the service's.
const EXCEPTIONS: &[(&str, &str, &[&str])] = &[
    ("accessanalyzer", "GetFindingV2", &["GetFinding"]),
    ("accessanalyzer", "ListFindingsV2", &["ListFindings"]),
    ("agent-registry", "BatchGetDiscoverableRegistryRecord", &["GetDiscoverableRegistryRecord"]),
    ("agent-toolkit", "*", &[]),
    ("apigatewaymanagementapi", "*", &["ManageConnections"]),
    (
        "bcm-pricing-calculator",
        "BatchCreateBillScenarioCommitmentModification",
        &["CreateBillScenarioCommitmentModification"],
    ),
    (
        "bcm-pricing-calculator",
        "BatchCreateBillScenarioUsageModification",
        &["CreateBillScenarioUsageModification"],
    ),
    ("bcm-pricing-calculator", "BatchCreateWorkloadEstimateUsage", &["CreateWorkloadEstimateUsage"]),
    (
        "bcm-pricing-calculator",
        "BatchDeleteBillScenarioCommitmentModification",
        &["DeleteBillScenarioCommitmentModification"],
    ),
    (
        "bcm-pricing-calculator",
        "BatchDeleteBillScenarioUsageModification",
        &["DeleteBillScenarioUsageModification"],
    ),
    ("bcm-pricing-calculator", "BatchDeleteWorkloadEstimateUsage", &["DeleteWorkloadEstimateUsage"]),
    (
        "bcm-pricing-calculator",
        "BatchUpdateBillScenarioCommitmentModification",
        &["UpdateBillScenarioCommitmentModification"],
    ),
    (
        "bcm-pricing-calculator",
        "BatchUpdateBillScenarioUsageModification",
        &["UpdateBillScenarioUsageModification"],
    ),
    ("bcm-pricing-calculator", "BatchUpdateWorkloadEstimateUsage", &["UpdateWorkloadEstimateUsage"]),
    ("bedrock-agent-runtime", "RetrieveAndGenerateStream", &["RetrieveAndGenerate"]),
    ("bedrock-runtime", "Converse", &["InvokeModel"]),
    ("bedrock-runtime", "ConverseStream", &["InvokeModelWithResponseStream"]),
    ("bedrock-runtime", "StartAsyncInvoke", &["InvokeModel"]),
    ("budgets", "CreateBudget", &["ModifyBudget"]),
    ("budgets", "CreateNotification", &["ModifyBudget"]),
    ("budgets", "CreateSubscriber", &["ModifyBudget"]),
    ("budgets", "DeleteBudget", &["ModifyBudget"]),
    ("budgets", "DeleteNotification", &["ModifyBudget"]),
    ("budgets", "DeleteSubscriber", &["ModifyBudget"]),
    ("budgets", "DescribeBudget", &["ViewBudget"]),
    ("budgets", "DescribeBudgetNotificationsForAccount", &["ViewBudget"]),
    ("budgets", "DescribeBudgetPerformanceHistory", &["ViewBudget"]),
    ("budgets", "DescribeBudgets", &["ViewBudget"]),
    ("budgets", "DescribeNotificationsForBudget", &["ViewBudget"]),
    ("budgets", "DescribeSubscribersForNotification", &["ViewBudget"]),
    ("budgets", "UpdateBudget", &["ModifyBudget"]),
    ("budgets", "UpdateNotification", &["ModifyBudget"]),
    ("budgets", "UpdateSubscriber", &["ModifyBudget"]),
    ("cloudfront", "CreateDistributionWithTags", &["CreateDistribution", "TagResource"]),
    ("cloudsearchdomain", "UploadDocuments", &["document"]),
    // They are signed for the participant's own connection.
    ("connectparticipant", "*", &[]),
    ("customer-profiles", "BatchPutProfileObject", &["PutProfileObject"]),
    ("deadline", "BatchGetJob", &["GetJob"]),
    ("deadline", "BatchGetSession", &["GetSession"]),
    ("deadline", "BatchGetSessionAction", &["GetSessionAction"]),
    ("deadline", "BatchGetStep", &["GetStep"]),
    ("deadline", "BatchGetTask", &["GetTask"]),
    ("deadline", "BatchGetWorker", &["GetWorker"]),
    ("deadline", "BatchUpdateJob", &["UpdateJob"]),
    ("deadline", "BatchUpdateTask", &["UpdateTask"]),
    ("detective", "ListOrganizationAdminAccounts", &["ListOrganizationAdminAccount"]),
    ("dms", "DescribeDataProviders", &["ListDataProviders"]),
    ("dms", "DescribeExtensionPackAssociations", &["ListExtensionPacks"]),
    ("dms", "DescribeInstanceProfiles", &["ListInstanceProfiles"]),
    ("dms", "DescribeMetadataModelAssessments", &["ListMetadataModelAssessments"]),
    ("dms", "DescribeMetadataModelConversions", &["ListMetadataModelConversions"]),
    ("dms", "DescribeMetadataModelExportsAsScript", &["ListMetadataModelExports"]),
    ("dms", "DescribeMetadataModelExportsToTarget", &["ListMetadataModelExports"]),
    ("dms", "DescribeMigrationProjects", &["ListMigrationProjects"]),
    ("dms", "ModifyConversionConfiguration", &["UpdateConversionConfiguration"]),
    ("dms", "ModifyDataProvider", &["UpdateDataProvider"]),
    ("dms", "ModifyInstanceProfile", &["UpdateInstanceProfile"]),
    ("dms", "ModifyMigrationProject", &["UpdateMigrationProject"]),
    ("dms", "StartExtensionPackAssociation", &["AssociateExtensionPack"]),
    ("dms", "StartMetadataModelExportAsScript", &["StartMetadataModelExportAsScripts"]),
    ("dynamodb", "TransactGetItems", &["GetItem"]),
    ("glue", "BatchGetDataQualityResult", &["GetDataQualityResult"]),
    ("glue", "BatchGetDataQualityRulesetEvaluationRun", &["GetDataQualityRulesetEvaluationRun"]),
    ("glue", "BatchPutDataQualityStatisticAnnotation", &["PutDataQualityStatisticAnnotation"]),
    ("iotfleetwise", "BatchCreateVehicle", &["CreateVehicle"]),
    ("iotfleetwise", "BatchUpdateVehicle", &["UpdateVehicle"]),
    ("keyspaces", "CreateKeyspace", &["Create"]),
    ("keyspaces", "CreateTable", &["Create"]),
    ("keyspaces", "CreateType", &["Create"]),
    ("keyspaces", "DeleteKeyspace", &["Drop"]),
    ("keyspaces", "DeleteTable", &["Drop"]),
    ("keyspaces", "DeleteType", &["Drop"]),
    ("keyspaces", "GetKeyspace", &["Select"]),
    ("keyspaces", "GetTable", &["Select"]),
    ("keyspaces", "GetTableAutoScalingSettings", &["Select"]),
    ("keyspaces", "GetType", &["Select"]),
    ("keyspaces", "ListKeyspaces", &["Select"]),
    ("keyspaces", "ListTables", &["Select"]),
    ("keyspaces", "ListTagsForResource", &["Select"]),
    ("keyspaces", "ListTypes", &["Select"]),
    ("keyspaces", "RestoreTable", &["Restore"]),
    ("keyspaces", "UpdateKeyspace", &["Alter"]),
    ("keyspaces", "UpdateTable", &["Alter"]),
    ("kms", "ReEncrypt", &["ReEncryptFrom", "ReEncryptTo"]),
    ("lambda", "GetLayerVersionByArn", &["GetLayerVersion"]),
    ("lambda", "Invoke", &["InvokeFunction"]),
    ("lambda", "InvokeAsync", &["InvokeFunction"]),
    ("lambda", "InvokeWithResponseStream", &["InvokeFunction"]),
    ("marketplace-catalog", "BatchDescribeEntities", &["DescribeEntity"]),
    ("mediaconnect", "BatchGetRouterInput", &["GetRouterInput"]),
    ("mediaconnect", "BatchGetRouterNetworkInterface", &["GetRouterNetworkInterface"]),
    ("mediaconnect", "BatchGetRouterOutput", &["GetRouterOutput"]),
    ("neptune-graph", "ExecuteQuery", &["ReadDataViaQuery", "WriteDataViaQuery", "DeleteDataViaQuery"]),
    ("neptune-graph", "GetQuery", &["GetQueryStatus"]),
    ("neptunedata", "CancelGremlinQuery", &["CancelQuery"]),
    ("neptunedata", "CancelOpenCypherQuery", &["CancelQuery"]),
    ("neptunedata", "DeletePropertygraphStatistics", &["DeleteStatistics"]),
    ("neptunedata", "DeleteSparqlStatistics", &["DeleteStatistics"]),
    ("neptunedata", "ExecuteFastReset", &["ResetDatabase"]),
    ("neptunedata", "ExecuteGremlinExplainQuery", &["ReadDataViaQuery"]),
    (
        "neptunedata",
        "ExecuteGremlinProfileQuery",
        &["ReadDataViaQuery", "WriteDataViaQuery", "DeleteDataViaQuery"],
    ),
    ("neptunedata", "ExecuteGremlinQuery", &["ReadDataViaQuery", "WriteDataViaQuery", "DeleteDataViaQuery"]),
    ("neptunedata", "ExecuteOpenCypherExplainQuery", &["ReadDataViaQuery"]),
    (
        "neptunedata",
        "ExecuteOpenCypherQuery",
        &["ReadDataViaQuery", "WriteDataViaQuery", "DeleteDataViaQuery"],
    ),
    ("neptunedata", "GetGremlinQueryStatus", &["GetQueryStatus"]),
    ("neptunedata", "GetMLDataProcessingJob", &["GetMLDataProcessingJobStatus"]),
    ("neptunedata", "GetMLEndpoint", &["GetMLEndpointStatus"]),
    ("neptunedata", "GetMLModelTrainingJob", &["GetMLModelTrainingJobStatus"]),
    ("neptunedata", "GetMLModelTransformJob", &["GetMLModelTransformJobStatus"]),
    ("neptunedata", "GetOpenCypherQueryStatus", &["GetQueryStatus"]),
    ("neptunedata", "GetPropertygraphStatistics", &["GetStatisticsStatus"]),
    ("neptunedata", "GetPropertygraphStream", &["GetStreamRecords"]),
    ("neptunedata", "GetPropertygraphSummary", &["GetGraphSummary"]),
    ("neptunedata", "GetRDFGraphSummary", &["GetGraphSummary"]),
    ("neptunedata", "GetSparqlStatistics", &["GetStatisticsStatus"]),
    ("neptunedata", "GetSparqlStream", &["GetStreamRecords"]),
    ("neptunedata", "ListGremlinQueries", &["GetQueryStatus"]),
    ("neptunedata", "ListOpenCypherQueries", &["GetQueryStatus"]),
    ("neptunedata", "ManagePropertygraphStatistics", &["ManageStatistics"]),
    ("neptunedata", "ManageSparqlStatistics", &["ManageStatistics"]),
    ("quicksight", "DescribeAnalysisDefinition", &["DescribeAnalysis"]),
    ("quicksight", "DescribeDashboardDefinition", &["DescribeDashboard"]),
    ("quicksight", "DescribeTemplateDefinition", &["DescribeTemplate"]),
    ("redshift-data", "GetStatementResultV2", &["GetStatementResult"]),
    ("route53resolver", "BatchCreateFirewallRule", &["CreateFirewallRule"]),
    ("route53resolver", "BatchDeleteFirewallRule", &["DeleteFirewallRule"]),
    ("route53resolver", "BatchUpdateFirewallRule", &["UpdateFirewallRule"]),
    ("s3api", "CompleteMultipartUpload", &["PutObject"]),
    ("s3api", "CopyObject", &["GetObject", "PutObject"]),
    ("s3api", "CreateBucketMetadataConfiguration", &["CreateBucketMetadataTableConfiguration"]),
    ("s3api", "CreateMultipartUpload", &["PutObject"]),
    ("s3api", "CreateSession", &["s3express:CreateSession"]),
    ("s3api", "DeleteBucketAnalyticsConfiguration", &["PutAnalyticsConfiguration"]),
    ("s3api", "DeleteBucketCors", &["PutBucketCORS"]),
    ("s3api", "DeleteBucketEncryption", &["PutEncryptionConfiguration"]),
    ("s3api", "DeleteBucketIntelligentTieringConfiguration", &["PutIntelligentTieringConfiguration"]),
    ("s3api", "DeleteBucketInventoryConfiguration", &["PutInventoryConfiguration"]),
    ("s3api", "DeleteBucketLifecycle", &["PutLifecycleConfiguration"]),
    ("s3api", "DeleteBucketMetadataConfiguration", &["DeleteBucketMetadataTableConfiguration"]),
    ("s3api", "DeleteBucketMetricsConfiguration", &["PutMetricsConfiguration"]),
    ("s3api", "DeleteBucketOwnershipControls", &["PutBucketOwnershipControls"]),
    ("s3api", "DeleteBucketReplication", &["PutReplicationConfiguration"]),
    ("s3api", "DeleteBucketTagging", &["PutBucketTagging"]),
    ("s3api", "DeleteObjects", &["DeleteObject"]),
    ("s3api", "DeletePublicAccessBlock", &["PutBucketPublicAccessBlock"]),
    ("s3api", "GetBucketAccelerateConfiguration", &["GetAccelerateConfiguration"]),
    ("s3api", "GetBucketAnalyticsConfiguration", &["GetAnalyticsConfiguration"]),
    ("s3api", "GetBucketCors", &["GetBucketCORS"]),
    ("s3api", "GetBucketEncryption", &["GetEncryptionConfiguration"]),
    ("s3api", "GetBucketIntelligentTieringConfiguration", &["GetIntelligentTieringConfiguration"]),
    ("s3api", "GetBucketInventoryConfiguration", &["GetInventoryConfiguration"]),
    ("s3api", "GetBucketLifecycle", &["GetLifecycleConfiguration"]),
    ("s3api", "GetBucketLifecycleConfiguration", &["GetLifecycleConfiguration"]),
    ("s3api", "GetBucketMetadataConfiguration", &["GetBucketMetadataTableConfiguration"]),
    ("s3api", "GetBucketMetricsConfiguration", &["GetMetricsConfiguration"]),
    ("s3api", "GetBucketNotificationConfiguration", &["GetBucketNotification"]),
    ("s3api", "GetBucketReplication", &["GetReplicationConfiguration"]),
    ("s3api", "GetObjectLockConfiguration", &["GetBucketObjectLockConfiguration"]),
    ("s3api", "GetPublicAccessBlock", &["GetBucketPublicAccessBlock"]),
    ("s3api", "HeadBucket", &["ListBucket"]),
    ("s3api", "HeadObject", &["GetObject"]),
    ("s3api", "ListBucketAnalyticsConfigurations", &["GetAnalyticsConfiguration"]),
    ("s3api", "ListBucketIntelligentTieringConfigurations", &["GetIntelligentTieringConfiguration"]),
    ("s3api", "ListBucketInventoryConfigurations", &["GetInventoryConfiguration"]),
    ("s3api", "ListBucketMetricsConfigurations", &["GetMetricsConfiguration"]),
    ("s3api", "ListBuckets", &["ListAllMyBuckets"]),
    ("s3api", "ListDirectoryBuckets", &["s3express:ListAllMyDirectoryBuckets"]),
    ("s3api", "ListMultipartUploads", &["ListBucketMultipartUploads"]),
    ("s3api", "ListObjectVersions", &["ListBucketVersions"]),
    ("s3api", "ListObjects", &["ListBucket"]),
    ("s3api", "ListObjectsV2", &["ListBucket"]),
    ("s3api", "ListParts", &["ListMultipartUploadParts"]),
    ("s3api", "PutBucketAccelerateConfiguration", &["PutAccelerateConfiguration"]),
    ("s3api", "PutBucketAnalyticsConfiguration", &["PutAnalyticsConfiguration"]),
    ("s3api", "PutBucketCors", &["PutBucketCORS"]),
    ("s3api", "PutBucketEncryption", &["PutEncryptionConfiguration"]),
    ("s3api", "PutBucketIntelligentTieringConfiguration", &["PutIntelligentTieringConfiguration"]),
    ("s3api", "PutBucketInventoryConfiguration", &["PutInventoryConfiguration"]),
    ("s3api", "PutBucketLifecycle", &["PutLifecycleConfiguration"]),
    ("s3api", "PutBucketLifecycleConfiguration", &["PutLifecycleConfiguration"]),
    ("s3api", "PutBucketMetricsConfiguration", &["PutMetricsConfiguration"]),
    ("s3api", "PutBucketNotificationConfiguration", &["PutBucketNotification"]),
    ("s3api", "PutBucketReplication", &["PutReplicationConfiguration"]),
    ("s3api", "PutObjectLockConfiguration", &["PutBucketObjectLockConfiguration"]),
    ("s3api", "PutPublicAccessBlock", &["PutBucketPublicAccessBlock"]),
    ("s3api", "RenameObject", &["GetObject", "PutObject", "DeleteObject"]),
    ("s3api", "SelectObjectContent", &["GetObject"]),
    ("s3api", "UploadPart", &["PutObject"]),
    ("s3api", "UploadPartCopy", &["GetObject", "PutObject"]),
    ("s3api", "WriteGetObjectResponse", &["s3-object-lambda:WriteGetObjectResponse"]),
    ("s3control", "CreateBucket", &["s3-outposts:CreateBucket"]),
    ("s3control", "DeleteAccessPointScope", &["s3express:DeleteAccessPointScope"]),
    ("s3control", "DeleteBucket", &["s3-outposts:DeleteBucket"]),
    ("s3control", "DeleteBucketLifecycleConfiguration", &["s3-outposts:PutLifecycleConfiguration"]),
    ("s3control", "DeleteBucketPolicy", &["s3-outposts:DeleteBucketPolicy"]),
    ("s3control", "DeleteBucketReplication", &["s3-outposts:PutReplicationConfiguration"]),
    ("s3control", "DeleteBucketTagging", &["s3-outposts:PutBucketTagging"]),
    ("s3control", "DeletePublicAccessBlock", &["PutAccountPublicAccessBlock"]),
    ("s3control", "GetAccessPointScope", &["s3express:GetAccessPointScope"]),
    ("s3control", "GetBucket", &["s3-outposts:GetBucket"]),
    ("s3control", "GetBucketLifecycleConfiguration", &["s3-outposts:GetLifecycleConfiguration"]),
    ("s3control", "GetBucketPolicy", &["s3-outposts:GetBucketPolicy"]),
    ("s3control", "GetBucketReplication", &["s3-outposts:GetReplicationConfiguration"]),
    ("s3control", "GetBucketTagging", &["s3-outposts:GetBucketTagging"]),
    ("s3control", "GetBucketVersioning", &["s3-outposts:GetBucketVersioning"]),
    ("s3control", "GetPublicAccessBlock", &["GetAccountPublicAccessBlock"]),
    ("s3control", "ListAccessPointsForDirectoryBuckets", &["s3express:ListAccessPointsForDirectoryBuckets"]),
    ("s3control", "ListRegionalBuckets", &["s3-outposts:ListRegionalBuckets"]),
    ("s3control", "PutAccessPointScope", &["s3express:PutAccessPointScope"]),
    ("s3control", "PutBucketLifecycleConfiguration", &["s3-outposts:PutLifecycleConfiguration"]),
    ("s3control", "PutBucketPolicy", &["s3-outposts:PutBucketPolicy"]),
    ("s3control", "PutBucketReplication", &["s3-outposts:PutReplicationConfiguration"]),
    ("s3control", "PutBucketTagging", &["s3-outposts:PutBucketTagging"]),
    ("s3control", "PutBucketVersioning", &["s3-outposts:PutBucketVersioning"]),
    ("s3control", "PutPublicAccessBlock", &["PutAccountPublicAccessBlock"]),
    ("sns", "PublishBatch", &["Publish"]),
    ("sqs", "ChangeMessageVisibilityBatch", &["ChangeMessageVisibility"]),
    ("sqs", "DeleteMessageBatch", &["DeleteMessage"]),
    ("sqs", "SendMessageBatch", &["SendMessage"]),
    ("timestream-query", "Query", &["Select"]),
    ("verifiedpermissions", "BatchGetPolicy", &["GetPolicy"]),
    ("verifiedpermissions", "BatchIsAuthorized", &["IsAuthorized"]),
    ("verifiedpermissions", "BatchIsAuthorizedWithToken", &["IsAuthorizedWithToken"]),
    ("vpc-lattice", "BatchUpdateRule", &["UpdateRule"]),
];

/// Actions on an object of S3 that are others for one of its versions.
const OF_VERSIONS: [&str; 14] = [
    "DeleteObject",
    "DeleteObjectAnnotation",
    "DeleteObjectTagging",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAnnotation",
    "GetObjectAttributes",
    "GetObjectTagging",
    "GetObjectTorrent",
    "PutObjectAcl",
    "PutObjectAnnotation",
    "PutObjectTagging",
    "HeadObject",
    "ListObjectAnnotations",
];

/// The actions that a call with these parameters needs, such as `s3:ListBucket`. None for calls that are not signed.
pub fn actions(service: &Service, operation: &Operation, parameters: &Map) -> Vec<String> {
    let (command, name) = (service.command.as_str(), operation.name.as_str());
    let prefix = PREFIXES.iter().find(|(word, _)| *word == command).map(|(_, prefix)| *prefix);
    let prefix = prefix.unwrap_or(&service.signing_name);
    let qualified = |action: &str| match action.contains(':') {
        true => action.to_owned(),
        false => format!("{prefix}:{action}"),
    };
    if !super::is_signed(service, operation) {
        return Vec::new();
    }
    if prefix == "apigateway" && !OWN_ACTIONS_OF_GATEWAYS.iter().any(|part| name.contains(part)) {
        return vec![qualified(&operation.method)];
    }
    if command == "dynamodb"
        && let Some(actions) = dynamodb(name, parameters)
    {
        return actions.into_iter().map(qualified).collect();
    }
    let listed = EXCEPTIONS.iter().find(|(word, of, _)| *word == command && (*of == "*" || *of == name));
    let mut actions: Vec<String> = match listed {
        Some((.., actions)) => actions.iter().map(|action| qualified(action)).collect(),
        None => vec![qualified(name)],
    };
    if command == "s3api" {
        object(name, parameters, &mut actions);
    }
    actions
}

/// What an operation on an object of S3 needs because of its parameters.
fn object(name: &str, parameters: &Map, actions: &mut Vec<String>) {
    if parameters.contains_key("VersionId") && OF_VERSIONS.contains(&name) {
        for action in actions.iter_mut() {
            *action = action.replacen("Object", "ObjectVersion", 1);
        }
    }
    if ["CopyObject", "CreateMultipartUpload", "PutObject"].contains(&name) {
        let acl = parameters.keys().any(|key| key == "ACL" || key.starts_with("Grant"));
        for (needed, action) in [
            (acl, "s3:PutObjectAcl"),
            (parameters.contains_key("Tagging"), "s3:PutObjectTagging"),
            (parameters.contains_key("ObjectLockLegalHoldStatus"), "s3:PutObjectLegalHold"),
            (parameters.contains_key("ObjectLockMode"), "s3:PutObjectRetention"),
        ] {
            if needed {
                actions.push(action.to_owned());
            }
        }
    }
    if ["DeleteObject", "DeleteObjects"].contains(&name)
        && parameters.get("BypassGovernanceRetention") == Some(&Value::Bool(true))
    {
        actions.push("s3:BypassGovernanceRetention".to_owned());
    }
}

/// The actions of DynamoDB's statements and transactions, which are those of what is in them.
fn dynamodb(name: &str, parameters: &Map) -> Option<Vec<&'static str>> {
    if name == "TransactWriteItems" {
        let parts = [
            ("ConditionCheck", "ConditionCheckItem"),
            ("Put", "PutItem"),
            ("Delete", "DeleteItem"),
            ("Update", "UpdateItem"),
        ];
        let items = match parameters.get("TransactItems") {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        let used = |part: &str| items.is_empty() || items.iter().any(|item| item.get(part).is_some());
        return Some(parts.into_iter().filter(|(part, _)| used(part)).map(|(_, action)| action).collect());
    }
    if !["BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction"].contains(&name) {
        return None;
    }
    let verbs = [
        ("SELECT", "PartiQLSelect"),
        ("EXISTS", "PartiQLSelect"),
        ("INSERT", "PartiQLInsert"),
        ("UPDATE", "PartiQLUpdate"),
        ("DELETE", "PartiQLDelete"),
    ];
    let statements = statements(parameters);
    let is_verb = |statement: &&str| verbs.iter().any(|(verb, _)| first_word_is(statement, verb));
    // What cannot be read may be any of them.
    let unknown = statements.is_empty() || !statements.iter().all(is_verb);
    let used = |verb: &str| unknown || statements.iter().any(|statement| first_word_is(statement, verb));
    let mut actions: Vec<_> =
        verbs.into_iter().filter(|(verb, _)| used(verb)).map(|(_, action)| action).collect();
    actions.dedup();
    Some(actions)
}

/// The PartiQL statements of a call.
pub fn statements(parameters: &Map) -> Vec<&str> {
    let lists = ["Statements", "TransactStatements"].into_iter().filter_map(|name| parameters.get(name));
    let items = lists.filter_map(|list| match list {
        Value::List(items) => Some(items),
        _ => None,
    });
    let nested = items.flatten().filter_map(|item| item.get("Statement"));
    let texts = parameters.get("Statement").into_iter().chain(nested);
    texts.filter_map(|text| if let Value::Str(text) = text { Some(text.as_str()) } else { None }).collect()
}

/// Whether a statement begins with a word.
pub fn first_word_is(statement: &str, word: &str) -> bool {
    let statement = statement.trim_start();
    statement.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        && !statement[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn every_exception_names_what_exists() {
        for (word, name, _) in EXCEPTIONS {
            let service = catalog::service(word).unwrap_or_else(|| panic!("{word}"));
            assert!(*name == "*" || service.operation_named(name).is_some(), "{word} {name}");
        }
        for (word, _) in PREFIXES {
            assert!(catalog::service(word).is_some(), "{word}");
        }
    }

    #[test]
    fn actions_are_one_prefix_and_one_name() {
        for entry in catalog::index() {
            let service = catalog::service(&entry.command).unwrap();
            for operation in service.operations.iter() {
                for action in actions(&service, operation, &Map::new()) {
                    let (prefix, name) = action.split_once(':').unwrap();
                    let fine = |text: &str| {
                        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    };
                    assert!(fine(prefix) && fine(name), "{} {}: {action}", entry.command, operation.name);
                }
            }
        }
    }
}
