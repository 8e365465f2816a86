//! What the local world begins with, made through the public APIs of AWS: Alfredbot's own tables, queues, key, rule and
//! roles in the home account; roles and things to look at in the target accounts.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::aws::{Client, ClientError, HOME, PROD};

/// The tables, each under the variable that tells the functions its name.
pub const TABLES: [(&str, &str); 4] = [
    ("JOBS_TABLE", "alfred-jobs"),
    ("MAPPINGS_TABLE", "alfred-mappings"),
    ("MEMBERSHIPS_TABLE", "alfred-memberships"),
    ("INSTALLATIONS_TABLE", "alfred-installations"),
];

/// The role of each function in the home account.
pub const FUNCTION_ROLES: [&str; 5] =
    ["alfredbot-ingress", "alfredbot-worker", "alfredbot-sweeper", "alfredbot-syncer", "alfredbot-install"];

/// The EventBridge rule that starts the sync.
pub const SYNC_RULE: &str = "alfredbot-sync";

/// The role that assumes the mapped ones.
pub fn worker_role_arn() -> String {
    format!("arn:aws:iam::{HOME}:role/{}", FUNCTION_ROLES[1])
}

/// What Alfredbot's own account holds after [`home`].
#[derive(Debug, Clone)]
pub struct Home {
    /// The queue that ingress fills and the worker empties.
    pub jobs_queue: String,
    /// Where records go that were received too often.
    pub dead_letter_queue: String,
    /// The queue of the syncer.
    pub admin_queue: String,
    /// Where records of the admin queue go that were received too often.
    pub admin_dead_letter_queue: String,
    /// The key of tokens and results: its ARN.
    pub kms_key: String,
}

/// Limits of the jobs queue.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// How long a received record stays hidden, in seconds.
    pub visibility_timeout: u64,
    /// After how many receives a record goes to the dead-letter queue.
    pub max_receives: u32,
}

/// Makes what a deployment would: tables, queues, key and function roles.
pub async fn home(client: &Client, limits: QueueLimits) -> Result<Home, ClientError> {
    let [(_, jobs), (_, mappings), (_, memberships), (_, installations)] = TABLES;
    let index = |name: &str, hash: &str, range: &str| {
        json!({
            "IndexName": name,
            "KeySchema": [{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }],
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        })
    };
    let jobs_indexes =
        json!([index("by-member", "member", "typed_at"), index("open", "open", "lease_until")]);
    let jobs_attributes =
        [("job", "S"), ("member", "S"), ("typed_at", "N"), ("open", "S"), ("lease_until", "N")];
    table(client, jobs, &["job"], &jobs_attributes, Some(jobs_indexes), Some("expires_at")).await?;
    let expires = Some("expires_at");
    table(client, mappings, &["tenant", "item"], &[("tenant", "S"), ("item", "S")], None, expires).await?;
    table(client, memberships, &["tenant", "user"], &[("tenant", "S"), ("user", "S")], None, expires).await?;
    table(client, installations, &["tenant"], &[("tenant", "S")], None, expires).await?;

    let key = client
        .json("kms", "TrentService.CreateKey", &json!({ "Description": "Alfredbot: tokens and results" }))
        .await?;
    let kms_key = key["KeyMetadata"]["Arn"].as_str().unwrap_or_default().to_owned();

    let (jobs_queue, dead_letter_queue) = redriven_queue(client, "alfred-jobs", limits).await?;
    let (admin_queue, admin_dead_letter_queue) = redriven_queue(client, "alfred-admin", limits).await?;

    let rule = json!({ "Name": SYNC_RULE, "ScheduleExpression": "rate(5 minutes)", "State": "ENABLED" });
    client.json("events", "AWSEvents.PutRule", &rule).await?;

    // No function may more than its row in ARCHITECTURE.md says.
    let reads = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"];
    let writes = ["dynamodb:PutItem", "dynamodb:UpdateItem"];
    let sends = ["sqs:SendMessage"];
    let actions: [Vec<&str>; 5] = [
        sends.to_vec(),
        [
            &reads[..],
            &writes,
            &sends,
            &["kms:Decrypt", "kms:GenerateDataKey"],
            &["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        ]
        .concat(),
        [&reads[..], &writes, &sends, &["kms:Decrypt", "kms:GenerateDataKey"]].concat(),
        [
            &reads[..],
            &writes,
            &sends,
            &["dynamodb:Scan", "dynamodb:DeleteItem", "kms:Decrypt", "kms:Encrypt"],
            &["events:PutEvents", "events:DescribeRule", "events:PutRule", "events:DisableRule"],
        ]
        .concat(),
        vec!["dynamodb:PutItem", "dynamodb:DeleteItem", "kms:Encrypt"],
    ];
    for (role, actions) in FUNCTION_ROLES.iter().zip(actions) {
        // Outside of Lambda the account itself opens the functions' sessions.
        let trust = json!({ "Service": "lambda.amazonaws.com", "AWS": format!("arn:aws:iam::{HOME}:root") });
        let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
        self::role(client, "/", role, &trust, None, &statement).await?;
    }
    Ok(Home { jobs_queue, dead_letter_queue, admin_queue, admin_dead_letter_queue, kms_key })
}

async fn table(
    client: &Client,
    name: &str,
    keys: &[&str],
    attributes: &[(&str, &str)],
    indexes: Option<Value>,
    ttl: Option<&str>,
) -> Result<(), ClientError> {
    let schema: Vec<Value> = keys
        .iter()
        .zip(["HASH", "RANGE"])
        .map(|(key, kind)| json!({ "AttributeName": key, "KeyType": kind }))
        .collect();
    let attributes: Vec<Value> = attributes
        .iter()
        .map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind }))
        .collect();
    let mut input = json!({
        "TableName": name,
        "KeySchema": schema,
        "AttributeDefinitions": attributes,
        "BillingMode": "PAY_PER_REQUEST",
    });
    if let Some(indexes) = indexes {
        input["GlobalSecondaryIndexes"] = indexes;
    }
    client.json("dynamodb", "DynamoDB_20120810.CreateTable", &input).await?;
    if let Some(attribute) = ttl {
        let input = json!({
            "TableName": name,
            "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true },
        });
        client.json("dynamodb", "DynamoDB_20120810.UpdateTimeToLive", &input).await?;
    }
    Ok(())
}

async fn queue(client: &Client, name: &str, attributes: Value) -> Result<String, ClientError> {
    let input = json!({ "QueueName": name, "Attributes": attributes });
    let created = client.json("sqs", "AmazonSQS.CreateQueue", &input).await?;
    Ok(created["QueueUrl"].as_str().unwrap_or_default().to_owned())
}

/// Makes a queue and the queue of its dead letters.
async fn redriven_queue(
    client: &Client,
    name: &str,
    limits: QueueLimits,
) -> Result<(String, String), ClientError> {
    // Encrypted with a key of SQS itself: with one of KMS, ingress would have to be allowed to use it.
    let dead = json!({ "VisibilityTimeout": "60", "SqsManagedSseEnabled": "true" });
    let dead = queue(client, &format!("{name}-dead"), dead).await?;
    let redrive = json!({
        "deadLetterTargetArn": format!("arn:aws:sqs:{}:{HOME}:{name}-dead", client.region()),
        "maxReceiveCount": limits.max_receives,
    });
    let attributes = json!({
        "VisibilityTimeout": limits.visibility_timeout.to_string(),
        "RedrivePolicy": redrive.to_string(),
        "SqsManagedSseEnabled": "true",
    });
    Ok((queue(client, name, attributes).await?, dead))
}

/// Makes a role with one inline policy of one statement.
async fn role(
    client: &Client,
    path: &str,
    name: &str,
    principal: &Value,
    condition: Option<Value>,
    statement: &Value,
) -> Result<(), ClientError> {
    let mut trust = json!({
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    });
    if let Some(condition) = condition {
        trust["Condition"] = condition;
    }
    let document =
        |statement: &Value| json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let parameters = [("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", &document(&trust))];
    client.query("iam", "2010-05-08", "CreateRole", &parameters).await?;
    let parameters =
        [("RoleName", name), ("PolicyName", "permissions"), ("PolicyDocument", &document(statement))];
    client.query("iam", "2010-05-08", "PutRolePolicy", &parameters).await?;
    Ok(())
}

/// The ExternalId of one target account: 128 random bits.
pub fn external_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Fills a target account: three roles that only Alfredbot's worker can assume, and only with `external_id`, and
/// things to look at.
pub async fn target(client: &Client, account: &str, external_id: &str) -> Result<(), ClientError> {
    let worker = json!({ "AWS": worker_role_arn() });
    let condition = json!({ "StringEquals": { "sts:ExternalId": external_id } });
    let read_only: Vec<&str> = vec![
        "ec2:Describe*",
        "s3:ListAllMyBuckets",
        "s3:ListBucket",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "lambda:List*",
        "lambda:Get*",
        "logs:Describe*",
        "logs:Get*",
        "logs:FilterLogEvents",
        "dynamodb:Describe*",
        "dynamodb:List*",
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "sqs:List*",
        "sqs:Get*",
        "kms:Describe*",
        "kms:List*",
        "iam:Get*",
        "iam:List*",
        "sts:GetCallerIdentity",
    ];
    let statements = [
        ("ReadOnly", json!({ "Effect": "Allow", "Action": read_only, "Resource": "*" })),
        (
            "PowerUser",
            json!({ "Effect": "Allow", "NotAction": ["iam:*", "sts:AssumeRole"], "Resource": "*" }),
        ),
        ("FullAdmin", json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })),
    ];
    for (name, statement) in &statements {
        role(client, "/alfredbot/", name, &worker, Some(condition.clone()), statement).await?;
    }

    let stage = if account == PROD { "prod" } else { "dev" };
    instances(client, stage).await?;
    objects(client, stage).await?;
    function(client, account, stage).await?;
    log_events(client, stage).await?;
    let orders = format!("{stage}-orders");
    table(client, &orders, &["order"], &[("order", "S")], None, None).await?;
    queue(client, &format!("{stage}-mail"), json!({})).await?;
    Ok(())
}

async fn instances(client: &Client, stage: &str) -> Result<(), ClientError> {
    let call = |action: &'static str, parameters: Vec<(&'static str, String)>| async move {
        let parameters: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.query("ec2", "2016-11-15", action, &parameters).await
    };
    let vpc = element(&call("CreateVpc", vec![("CidrBlock", "10.0.0.0/16".into())]).await?, "vpcId");
    let subnet =
        call("CreateSubnet", vec![("VpcId", vpc.clone()), ("CidrBlock", "10.0.1.0/24".into())]).await?;
    let subnet = element(&subnet, "subnetId");
    let group =
        vec![("GroupName", "web".into()), ("GroupDescription", "HTTPS from anywhere".into()), ("VpcId", vpc)];
    let group = element(&call("CreateSecurityGroup", group).await?, "groupId");
    for (name, instance_type, stopped) in
        [("web-1", "t3.small", false), ("web-2", "t3.small", false), ("batch-1", "m7g.large", true)]
    {
        let parameters = vec![
            ("ImageId", "ami-0abcdef1234567890".into()),
            ("InstanceType", instance_type.into()),
            ("MinCount", "1".into()),
            ("MaxCount", "1".into()),
            ("SubnetId", subnet.clone()),
            ("SecurityGroupId.1", group.clone()),
            ("TagSpecification.1.ResourceType", "instance".into()),
            ("TagSpecification.1.Tag.1.Key", "Name".into()),
            ("TagSpecification.1.Tag.1.Value", format!("{stage}-{name}")),
            ("TagSpecification.1.Tag.2.Key", "Stage".into()),
            ("TagSpecification.1.Tag.2.Value", stage.into()),
        ];
        let id = element(&call("RunInstances", parameters).await?, "instanceId");
        if stopped {
            call("StopInstances", vec![("InstanceId.1", id)]).await?;
        }
    }
    Ok(())
}

/// The text of the first element `name`.
pub(crate) fn element(xml: &str, name: &str) -> String {
    let text = || xml.split_once(&format!("<{name}>"))?.1.split_once("</").map(|(text, _)| text);
    text().unwrap_or_default().to_owned()
}

async fn objects(client: &Client, stage: &str) -> Result<(), ClientError> {
    let buckets = [
        ("assets", vec![("index.html", "<h1>Wayne Cloud</h1>\n"), ("css/site.css", "h1 { color: teal }\n")]),
        ("reports", vec![("2026/01.csv", "day,orders\n1,41\n2,39\n"), ("2026/02.csv", "day,orders\n1,52\n")]),
    ];
    for (bucket, objects) in buckets {
        let bucket = format!("wayne-{stage}-{bucket}");
        client.rest("s3", "PUT", &format!("/{bucket}"), Default::default()).await?;
        for (key, text) in objects {
            client.rest("s3", "PUT", &format!("/{bucket}/{key}"), text.into()).await?;
        }
    }
    Ok(())
}

async fn function(client: &Client, account: &str, stage: &str) -> Result<(), ClientError> {
    /// The end record of a zip archive, which by itself is an archive without files.
    const EMPTY_ZIP: &[u8; 22] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let input = json!({
        "FunctionName": format!("{stage}-resize-images"),
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Role": format!("arn:aws:iam::{account}:role/alfredbot/ReadOnly"),
        "Code": { "ZipFile": STANDARD.encode(EMPTY_ZIP) },
        "Description": "Makes thumbnails of uploaded images",
        "Timeout": 30,
        "MemorySize": 256,
    });
    client.rest("lambda", "POST", "/2015-03-31/functions", input.to_string().into()).await?;
    Ok(())
}

async fn log_events(client: &Client, stage: &str) -> Result<(), ClientError> {
    let group = format!("/aws/lambda/{stage}-resize-images");
    let stream = "2026/01/01/[$LATEST]0123456789abcdef";
    client.json("logs", "Logs_20140328.CreateLogGroup", &json!({ "logGroupName": group })).await?;
    let input = json!({ "logGroupName": group, "logStreamName": stream });
    client.json("logs", "Logs_20140328.CreateLogStream", &input).await?;
    let now = now() * 1000;
    let lines = ["START", "resized 3 images", "WARN queue is 40 s behind", "END"];
    let events: Vec<Value> = lines
        .iter()
        .zip((0..).step_by(250))
        .map(|(line, after)| json!({ "timestamp": now - 60_000 + after, "message": line }))
        .collect();
    let input = json!({ "logGroupName": group, "logStreamName": stream, "logEvents": events });
    client.json("logs", "Logs_20140328.PutLogEvents", &input).await?;
    Ok(())
}

/// Puts a trust policy on a role of a target account, as its administrator does.
pub async fn trust(client: &Client, role: &str, policy: &str) -> Result<(), ClientError> {
    let parameters = [("RoleName", role), ("PolicyDocument", policy)];
    client.query("iam", "2010-05-08", "UpdateAssumeRolePolicy", &parameters).await.map(drop)
}

/// Keys of a function's role at an emulator that is not ours: its own STS opens the session for the account.
pub async fn function_keys(client: &Client, role: &str) -> Result<Credentials, ClientError> {
    let arn = format!("arn:aws:iam::{HOME}:role/{role}");
    let parameters = [("RoleArn", arn.as_str()), ("RoleSessionName", role)];
    let xml = client.query("sts", "2011-06-15", "AssumeRole", &parameters).await?;
    Ok(Credentials::new(
        element(&xml, "AccessKeyId"),
        element(&xml, "SecretAccessKey"),
        Some(element(&xml, "SessionToken")),
        None,
        "local",
    ))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
