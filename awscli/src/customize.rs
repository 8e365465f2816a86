//! What the models cannot say: the few services whose parameters, requests or results need a hand. Each rule is one of
//! botocore's, kept because it can be seen on the wire or in the output.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checksum;
use crate::command::base64;
use crate::custom;
use crate::endpoint::Signing;
use crate::model::{Kind, Operation, Service};
use crate::parse::{HttpResponse, from_json_text, is_error_document, xml_root_text};
use crate::send::CallError;
use crate::serialize::{HttpRequest, percent_encode};
use crate::session::Credentials;
use crate::sign::{SignError, presign};
use crate::timestamp;
use crate::value::{Map, Value};

/// How long the source region may use the URL that a cross-region copy carries.
const PRESIGNED_SECONDS: i64 = 3600;

/// S3 operations that take a customer's encryption key.
const SSE_C: [&str; 9] = [
    "HeadObject",
    "GetObject",
    "PutObject",
    "CopyObject",
    "CreateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "SelectObjectContent",
];

/// S3's listings, and what of them comes encoded: members of the result, and members of the items of its lists.
type Listing = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);
const LISTINGS: [Listing; 3] = [
    (
        "ListObjects",
        &["Delimiter", "Marker", "NextMarker"],
        &[("Contents", "Key"), ("CommonPrefixes", "Prefix")],
    ),
    (
        "ListObjectsV2",
        &["Delimiter", "Prefix", "StartAfter"],
        &[("Contents", "Key"), ("CommonPrefixes", "Prefix")],
    ),
    (
        "ListObjectVersions",
        &["KeyMarker", "NextKeyMarker", "Prefix", "Delimiter"],
        &[("Versions", "Key"), ("DeleteMarkers", "Key"), ("CommonPrefixes", "Prefix")],
    ),
];

/// Operations that copy from another region and carry a URL that lets it be read there.
const CROSS_REGION: [(&str, &str); 10] = [
    ("ec2", "CopySnapshot"),
    ("rds", "CopyDBClusterSnapshot"),
    ("rds", "CreateDBCluster"),
    ("rds", "CopyDBSnapshot"),
    ("rds", "CreateDBInstanceReadReplica"),
    ("rds", "StartDBInstanceAutomatedBackupsReplication"),
    ("neptune", "CopyDBClusterSnapshot"),
    ("neptune", "CreateDBCluster"),
    ("docdb", "CopyDBClusterSnapshot"),
    ("docdb", "CreateDBCluster"),
];

/// What was added to a call's parameters that its result or its journal must know of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Added {
    /// The idempotency token, given or made.
    pub token: Option<String>,
    /// The listing's encoding was not the user's wish, so the result is decoded.
    pub encoding: bool,
}

/// Completes a call's parameters before they are written. `new_token` makes the idempotency token. An error is for the
/// user: nothing is sent then.
pub fn complete_params(
    service: &Service,
    operation: &Operation,
    params: &mut Map,
    new_token: impl Fn() -> String,
) -> Result<Added, String> {
    let mut added = Added::default();
    for member in operation.input_members(service).iter().filter(|member| member.idempotency_token) {
        let token = params.entry(member.name.clone()).or_insert_with(|| Value::Str(new_token()));
        added.token = token.as_str().map(str::to_owned);
    }
    if !operation.checksum_validation_member.is_empty() {
        let member = operation.checksum_validation_member.clone();
        params.entry(member).or_insert_with(|| Value::Str("ENABLED".to_owned()));
    }
    let name = operation.name.as_str();
    match service.name.as_str() {
        "s3" => complete_s3(name, params, &mut added)?,
        "ec2" if name == "RunInstances" => encode_user_data(params),
        "autoscaling" if name == "CreateLaunchConfiguration" => encode_user_data(params),
        "route53" => {
            for member in operation.input_members(service) {
                let shape = service.shapes[member.shape as usize].name.as_str();
                if matches!(shape, "ResourceId" | "DelegationSetId" | "ChangeId")
                    && let Some(Value::Str(id)) = params.get_mut(&member.name)
                {
                    *id = id.rsplit('/').next().unwrap_or_default().to_owned();
                }
            }
        }
        "glacier" if operation.input_members(service).iter().any(|member| member.name == "accountId") => {
            params.entry("accountId".to_owned()).or_insert_with(|| Value::Str("-".to_owned()));
        }
        // The official CLI sends the signed request to whatever host this parameter names.
        "machinelearning" if name == "Predict" => {
            return Err(
                "machinelearning predict is not supported: it would send the request to a host that is \
                        given as a parameter"
                    .to_owned(),
            );
        }
        _ => {}
    }
    Ok(added)
}

fn encode_user_data(params: &mut Map) {
    let data = match params.get("UserData") {
        Some(Value::Str(text)) => text.as_bytes(),
        Some(Value::Bytes(bytes)) => bytes,
        _ => return,
    };
    let encoded = STANDARD.encode(data);
    params.insert("UserData".to_owned(), Value::Str(encoded));
}

fn complete_s3(operation: &str, params: &mut Map, added: &mut Added) -> Result<(), String> {
    if let Some(bucket) = params.get("Bucket").and_then(Value::as_str) {
        check_bucket(bucket)?;
    }
    if LISTINGS.iter().any(|(name, ..)| *name == operation) && !params.contains_key("EncodingType") {
        params.insert("EncodingType".to_owned(), Value::Str("url".to_owned()));
        added.encoding = true;
    }
    let copies = matches!(operation, "CopyObject" | "UploadPartCopy");
    if copies {
        match params.get_mut("CopySource") {
            Some(Value::Str(source)) => *source = copy_source(source),
            Some(source @ Value::Map(_)) => *source = Value::Str(copy_source_of(source)),
            _ => {}
        }
    }
    if matches!(operation, "CopyObject" | "PutObject" | "CreateMultipartUpload")
        && let Some(Value::Map(metadata)) = params.get("Metadata")
    {
        for (key, value) in metadata {
            let value = value.as_str().unwrap_or_default();
            if !key.is_ascii() || !value.is_ascii() {
                return Err(format!(
                    "Parameter validation failed:\nNon ascii characters found in S3 metadata for key \"{key}\", \
                         value: \"{value}\".  \nS3 metadata can only contain ASCII characters. "
                ));
            }
        }
    }
    if SSE_C.contains(&operation) {
        encode_customer_key(params, "SSECustomer");
    }
    if copies {
        encode_customer_key(params, "CopySourceSSECustomer");
    }
    Ok(())
}

/// Bucket names as botocore knows them: the rules check more, but this comes first and says it better.
const BUCKET: &str = r"^[a-zA-Z0-9.\-_]{1,255}$";
const BUCKET_ARN: &str = r"^arn:(aws).*:(s3|s3-object-lambda):[a-z\-0-9]*:[0-9]{12}:accesspoint[/:][a-zA-Z0-9\-.]{1,63}$|^arn:(aws).*:s3-outposts:[a-z\-0-9]+:[0-9]{12}:outpost[/:][a-zA-Z0-9\-]{1,63}[/:]accesspoint[/:][a-zA-Z0-9\-]{1,63}$";

fn check_bucket(bucket: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_name = (1..=255).contains(&bucket.len()) && bucket.bytes().all(plain);
    let is_arn = || regex::Regex::new(BUCKET_ARN).is_ok_and(|pattern| pattern.is_match(bucket));
    if is_name || is_arn() {
        return Ok(());
    }
    Err(format!(
        "Parameter validation failed:\nInvalid bucket name \"{bucket}\": Bucket name must match the regex \
         \"{BUCKET}\" or be an ARN matching the regex \"{BUCKET_ARN}\""
    ))
}

/// Encodes a copy's source, but not the version at its end.
fn copy_source(source: &str) -> String {
    match source.rsplit_once("?versionId=") {
        Some((key, version)) if !version.is_empty() && !version.contains(char::is_whitespace) => {
            format!("{}?versionId={version}", percent_encode(key, "/"))
        }
        _ => percent_encode(source, "/"),
    }
}

/// A copy's source from its bucket and key.
fn copy_source_of(source: &Value) -> String {
    let part = |name| source.get(name).and_then(Value::as_str).unwrap_or_default();
    let bucket = part("Bucket");
    // An access point's ARN has slashes of its own.
    let between = if bucket.starts_with("arn:") { "/object/" } else { "/" };
    percent_encode(&format!("{bucket}{between}{}", part("Key")), "/")
}

/// A customer's key goes out in base64 and with its MD5.
fn encode_customer_key(params: &mut Map, prefix: &str) {
    let digest_member = format!("{prefix}KeyMD5");
    let key = match params.get_mut(&format!("{prefix}Key")) {
        Some(key) if !matches!(key, Value::Null) => key,
        _ => return,
    };
    let bytes = match &*key {
        Value::Str(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.clone(),
        _ => return,
    };
    if params.contains_key(&digest_member) {
        return;
    }
    params.insert(format!("{prefix}Key"), Value::Str(STANDARD.encode(&bytes)));
    params.insert(digest_member, Value::Str(checksum::md5(&bytes)));
}

/// Completes a request before it is signed.
pub fn complete_request(
    service: &Service,
    operation: &Operation,
    params: &Map,
    request: &mut HttpRequest,
) -> Result<(), CallError> {
    let name = operation.name.as_str();
    match service.name.as_str() {
        "apigateway" if request.header("Accept").is_none() => {
            request.set_header("Accept", "application/json")
        }
        "glacier" => {
            request.set_header("x-amz-glacier-version", service.api_version.as_str());
            if matches!(name, "UploadArchive" | "UploadMultipartPart") {
                let hash = checksum::sha256_hex(&request.body);
                request.set_header("x-amz-content-sha256", hash);
                if request.header("x-amz-sha256-tree-hash").is_none() {
                    request.set_header("x-amz-sha256-tree-hash", checksum::tree_hash(&request.body));
                }
            }
        }
        // Line breaks in keys would not survive the XML parser at the other end.
        "s3" if matches!(name, "DeleteObjects" | "PutBucketLifecycleConfiguration") => {
            let body = String::from_utf8_lossy(&request.body).replace('\r', "&#xD;").replace('\n', "&#xA;");
            request.body = body.into_bytes().into();
        }
        "dynamodb" | "timestream-query" | "timestream-write" if name == "DescribeEndpoints" => {
            request.set_header("x-amz-api-version", service.api_version.as_str());
        }
        _ => {}
    }
    if service.name == "s3"
        && operation.streamed_member(service).is_some_and(|member| params.contains_key(&member.name))
    {
        request.set_header("Expect", "100-continue");
    }
    add_checksum(service, operation, params, request)
}

/// Adds the body's checksum where the operation wants or takes one. The official CLI puts that of an upload behind the
/// body, since it streams it; here the body is at hand, so the checksum stands in a header and is signed with it.
fn add_checksum(
    service: &Service,
    operation: &Operation,
    params: &Map,
    request: &mut HttpRequest,
) -> Result<(), CallError> {
    const PREFIX: &str = "x-amz-checksum-";
    let has_checksum = request.headers.iter().any(|(name, _)| {
        let name = name.to_ascii_lowercase();
        name.strip_prefix(PREFIX).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    });
    if has_checksum {
        return Ok(());
    }
    let member = operation.checksum_algorithm_member.as_str();
    let algorithm = match params.get(member).and_then(Value::as_str) {
        Some(chosen) => chosen,
        None if request.header("Content-MD5").is_some() => return Ok(()),
        None if operation.checksum_required || !member.is_empty() => {
            let modeled = operation.input_members(service).iter().find(|modeled| modeled.name == member);
            if let Some(modeled) = modeled.filter(|modeled| !modeled.location_name.is_empty()) {
                request.set_header(&modeled.location_name, checksum::DEFAULT_ALGORITHM);
            }
            checksum::DEFAULT_ALGORITHM
        }
        None => return Ok(()),
    };
    let digest = checksum::checksum(algorithm, &request.body)
        .ok_or_else(|| CallError::ChecksumAlgorithm(algorithm.to_lowercase()))?;
    request.set_header(&format!("{PREFIX}{}", algorithm.to_lowercase()), digest);
    Ok(())
}

/// Adds the URL with which the other region is read by copies between regions. `url` is the endpoint's.
pub fn add_presigned_url(
    service: &Service,
    operation: &Operation,
    request: &mut HttpRequest,
    url: &str,
    signing: &Signing,
    credentials: &Credentials,
    time: SystemTime,
) -> Result<(), SignError> {
    let copies = CROSS_REGION.contains(&(service.name.as_str(), operation.name.as_str()));
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let Some((_, source)) = pairs.iter().find(|(key, _)| copies && key == "SourceRegion").cloned() else {
        return Ok(());
    };
    let is_ec2 = service.name == "ec2";
    let member = if is_ec2 { "PresignedUrl" } else { "PreSignedUrl" };
    let destination = signing.region.clone();
    // Only EC2 has the source region in its model; the others take it from the URL.
    let mut pairs: Vec<_> = pairs.into_iter().filter(|(key, _)| is_ec2 || key != "SourceRegion").collect();
    if !pairs.iter().any(|(key, _)| key == member) {
        let mut query = HttpRequest::default();
        for (key, value) in &pairs {
            query.push_query(key, value);
        }
        query.push_query("DestinationRegion", &destination);
        let there = url.replacen(&destination, &source, 1);
        let there = format!("{}/?{}", there.trim_end_matches('/'), query.query);
        let signing = Signing { region: source, ..signing.clone() };
        let hash = checksum::sha256_hex(&[]);
        let url = presign(&there, &[], &signing, credentials, time, PRESIGNED_SECONDS, &hash)?;
        pairs.push((member.to_owned(), url));
        if is_ec2 {
            pairs.push(("DestinationRegion".to_owned(), destination));
        }
    }
    request.body = crate::serialize::form_encode(&pairs).into_bytes().into();
    Ok(())
}

/// Marks a response as the error that it is although its status says otherwise.
pub fn correct_status(service: &Service, operation: &Operation, response: &mut HttpResponse) {
    if service.name != "s3" || response.status != 200 || response.body.is_empty() {
        return;
    }
    let Some(Kind::Structure(output)) = operation.output.map(|id| &service.shapes[id as usize].kind) else {
        return;
    };
    let payload =
        output.payload.map(|index| &service.shapes[output.members[index as usize].shape as usize].kind);
    let is_raw = match payload {
        Some(Kind::Blob { .. } | Kind::String { .. }) => true,
        Some(Kind::Structure(structure)) => structure.event_stream,
        _ => false,
    };
    if !is_raw && is_error_document(&response.body) {
        response.status = 500;
    }
}

/// Completes a result.
pub fn complete_result(
    service: &Service,
    operation: &Operation,
    added: &Added,
    response: &HttpResponse,
    result: &mut Map,
) {
    match (service.name.as_str(), operation.name.as_str()) {
        ("iam", _) => {
            if let Some(output) = operation.output {
                decode_policies(service, output, result);
            }
        }
        ("ec2", "GetConsoleOutput") => {
            if let Some(Value::Str(text)) = result.get_mut("Output")
                && let Some(bytes) = base64(text)
            {
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        ("datapipeline", "GetPipelineDefinition") => custom::translate_definition(result),
        ("cloudformation", "GetTemplate") => {
            if let Some(body) = result.get_mut("TemplateBody") {
                decode_json(body, |text| Some(text.to_owned()));
            }
        }
        ("s3", "GetBucketLocation") => {
            let region = xml_root_text(&response.body).filter(|text| !text.is_empty());
            result.insert("LocationConstraint".to_owned(), region.map_or(Value::Null, Value::Str));
        }
        ("s3", name) => {
            if added.encoding && result.get("EncodingType").and_then(Value::as_str) == Some("url") {
                for (_, members, lists) in LISTINGS.iter().filter(|(listing, ..)| *listing == name) {
                    decode_listing(result, members, lists);
                }
            }
            // Whatever S3 keeps as Expires comes back, so it need not be a date.
            if let Some(text) = response.header("Expires").filter(|_| has_expires(service, operation)) {
                result.insert("ExpiresString".to_owned(), Value::Str(text.to_owned()));
            }
        }
        _ => {}
    }
}

/// Headers that the parser must not see, since they need not be what the model says.
pub fn drop_bad_headers(
    service: &Service,
    operation: &Operation,
    response: &mut HttpResponse,
) -> Option<String> {
    let text = response.header("Expires").filter(|_| has_expires(service, operation))?.to_owned();
    if timestamp::parse(&text).is_none() {
        response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Expires"));
        return Some(text);
    }
    None
}

fn has_expires(service: &Service, operation: &Operation) -> bool {
    let Some(Kind::Structure(output)) = operation.output.map(|id| &service.shapes[id as usize].kind) else {
        return false;
    };
    service.name == "s3" && output.members.iter().any(|member| member.location_name == "Expires")
}

/// IAM's policies are JSON that was percent-encoded.
fn decode_policies(service: &Service, shape: u32, result: &mut Map) {
    let Kind::Structure(structure) = &service.shapes[shape as usize].kind else {
        return;
    };
    for member in &structure.members {
        let Some(value) = result.get_mut(&member.name) else { continue };
        decode_policy(service, member.shape, value);
    }
}

fn decode_policy(service: &Service, shape: u32, value: &mut Value) {
    let shape_data = &service.shapes[shape as usize];
    match (&shape_data.kind, value) {
        (Kind::String { .. }, value) if shape_data.name == "policyDocumentType" => {
            decode_json(value, percent_decode)
        }
        (Kind::Structure(_), Value::Map(map)) => decode_policies(service, shape, map),
        (Kind::List { member, .. }, Value::List(items)) => {
            for item in items {
                decode_policy(service, member.shape, item);
            }
        }
        _ => {}
    }
}

/// Replaces a text by the JSON that it holds, if it holds any.
fn decode_json(value: &mut Value, decode: impl Fn(&str) -> Option<String>) {
    let decoded = value.as_str().and_then(decode);
    if let Some(json) = decoded.and_then(|text| from_json_text(&text)) {
        *value = json;
    }
}

fn decode_listing(result: &mut Map, members: &[&str], lists: &[(&str, &str)]) {
    let decode = |value: &mut Value| {
        if let Value::Str(text) = value {
            // In listings a plus is a space.
            if let Some(decoded) = percent_decode(&text.replace('+', " ")) {
                *text = decoded;
            }
        }
    };
    for member in members {
        if let Some(value) = result.get_mut(*member) {
            decode(value);
        }
    }
    for (list, member) in lists {
        if let Some(Value::List(items)) = result.get_mut(*list) {
            for item in items {
                if let Value::Map(map) = item
                    && let Some(value) = map.get_mut(*member)
                {
                    decode(value);
                }
            }
        }
    }
}

/// Decodes `%XX`. What is not well-formed stays; what is not UTF-8 becomes replacement characters.
fn percent_decode(text: &str) -> Option<String> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        match (bytes[index], digit(bytes.get(index + 1)), digit(bytes.get(index + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                index += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    Some(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    /// The parameters of a call after they were completed, as JSON.
    fn completed(command: &str, name: &str, params: &str) -> Result<String, String> {
        let service = catalog::service(command).unwrap();
        let operation = service.operation_named(name).unwrap();
        let Some(Value::Map(mut params)) = crate::parse::from_json_text(params) else { panic!("no map") };
        complete_params(&service, operation, &mut params, || "made".to_owned())?;
        Ok(crate::serialize::python_json(&Value::Map(params)))
    }

    #[test]
    fn parameters_are_completed_as_by_the_official_cli() {
        for (command, name, given, sent) in [
            ("sqs", "ListQueues", "{}", "{}"),
            (
                "ec2",
                "RunInstances",
                r#"{"UserData": "hello"}"#,
                r#"{"UserData": "aGVsbG8=", "ClientToken": "made"}"#,
            ),
            ("ec2", "RunInstances", r#"{"ClientToken": "mine"}"#, r#"{"ClientToken": "mine"}"#),
            ("ec2", "RequestSpotInstances", r#"{"ClientToken": "t"}"#, r#"{"ClientToken": "t"}"#),
            ("autoscaling", "CreateLaunchConfiguration", r#"{"UserData": "a"}"#, r#"{"UserData": "YQ=="}"#),
            ("route53", "GetHostedZone", r#"{"Id": "/hostedzone/Z1"}"#, r#"{"Id": "Z1"}"#),
            ("route53", "GetChange", r#"{"Id": "/change/C1"}"#, r#"{"Id": "C1"}"#),
            ("glacier", "ListVaults", "{}", r#"{"accountId": "-"}"#),
            ("s3api", "ListObjectsV2", r#"{"Bucket": "b"}"#, r#"{"Bucket": "b", "EncodingType": "url"}"#),
            (
                "s3api",
                "CopyObject",
                r#"{"CopySource": "b/a key?versionId=v+1"}"#,
                r#"{"CopySource": "b/a%20key?versionId=v+1"}"#,
            ),
            (
                "s3api",
                "HeadObject",
                r#"{"SSECustomerKey": "key"}"#,
                r#"{"SSECustomerKey": "a2V5", "SSECustomerKeyMD5": "PG4LipwVIkqCKLmpjKFTHQ=="}"#,
            ),
            ("s3api", "GetObject", r#"{"Bucket": "b"}"#, r#"{"Bucket": "b", "ChecksumMode": "ENABLED"}"#),
        ] {
            assert_eq!(completed(command, name, given).as_deref(), Ok(sent), "{command} {name}");
        }
    }

    #[test]
    fn hosts_out_of_parameters_are_refused() {
        assert!(completed("machinelearning", "Predict", r#"{"PredictEndpoint": "http://x"}"#).is_err());
    }

    #[test]
    fn bucket_names_are_checked() {
        let arn = "arn:aws:s3:us-east-1:123456789012:accesspoint/mine";
        for (bucket, fits) in
            [("my-bucket.1_A", true), (arn, true), ("a/b", false), ("", false), ("a@b", false)]
        {
            assert_eq!(check_bucket(bucket).is_ok(), fits, "{bucket}");
        }
    }

    #[test]
    fn percent_decoding_leaves_what_is_not_encoded() {
        for (text, decoded) in
            [("a%20b", "a b"), ("%zz%4", "%zz%4"), ("%C3%A9", "\u{e9}"), ("%FF", "\u{fffd}")]
        {
            assert_eq!(percent_decode(text).as_deref(), Some(decoded));
        }
    }
}
