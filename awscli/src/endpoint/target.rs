//! The endpoint of one call: what the rules are given for it, and what is made of their result.

use super::functions::{is_arn, is_valid_host_label};
use super::rules::{EndpointError, Parameters};
use crate::catalog;
use crate::model::{ContextValue, Kind, Operation, Service, Structure};
use crate::query::Expression;
use crate::value::{Map, Value};

/// What the endpoint of a call depends on besides the operation and its parameters.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The region, such as `eu-west-1`.
    pub region: Option<&'a str>,
    /// [`crate::session::Session::endpoint`].
    pub endpoint: Option<&'a url::Url>,
    /// The account of the credentials.
    pub account_id: Option<&'a str>,
}

/// Where a call goes and how it is signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Scheme, host and the path that comes before the operation's. The host carries the operation's prefix.
    pub url: String,
    /// Headers that the rules add.
    pub headers: Vec<(String, String)>,
    /// `None` for operations that anybody may call.
    pub signing: Option<Signing>,
}

/// The scope of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// The service's name in the scope.
    pub name: String,
    /// The region in the scope.
    pub region: String,
    /// How it is computed.
    pub version: SignatureVersion,
    /// The path is encoded once more in the canonical request, as all services but S3 want.
    pub double_encode_path: bool,
    /// It is made with the keys of a session that the bucket lends, as S3 Express One Zone wants.
    pub by_session: bool,
}

/// The kinds of signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureVersion {
    /// Version 2: a part of the form that is sent. SimpleDB knows no other.
    V2,
    /// Version 4, for one region.
    V4,
    /// Version 4A, for a set of regions such as `*`.
    V4a(String),
}

/// Why a call has no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// There is no region.
    #[error(
        "An error occurred (NoRegion): You must specify a region. You can also configure your region by running \"aws configure\"."
    )]
    NoRegion,
    /// `--region 'x@y'`.
    #[error("Provided region_name '{0}' doesn't match a supported format.")]
    BadRegion(String),
    /// The rules give an URL that has no valid host.
    #[error("Invalid endpoint: {0}")]
    BadEndpoint(String),
    /// Parameters that go into the host hold something else than letters, digits, hyphens and periods.
    #[error(
        "Parameter validation failed:\nInvalid value for parameter(s): {0}. Must contain only alphanumeric characters, \
         hyphen, or period."
    )]
    BadHostLabel(String),
    /// The rules refuse a parameter.
    #[error("Parameter validation failed:\n{0}")]
    BadParameter(String),
    /// The rules refuse the call.
    #[error("{0}")]
    Rules(EndpointError),
    /// The call needs a token of an identity provider, which a role's credentials are not.
    #[error("Unable to locate authorization token")]
    NoToken,
    /// The call needs a kind of signature that is not supported.
    #[error("{service} {operation} needs {what}, which is not supported here")]
    Signature {
        /// The service's word on the command line.
        service: String,
        /// The operation's name.
        operation: String,
        /// What is needed.
        what: &'static str,
    },
}

impl Target {
    /// Finds the endpoint of a call of `operation` with the parameters `input`.
    pub fn find(
        service: &Service,
        operation: &Operation,
        input: &Map,
        origin: Origin<'_>,
    ) -> Result<Target, TargetError> {
        let region = origin.region.filter(|region| !region.is_empty()).ok_or(TargetError::NoRegion)?;
        if !is_valid_host_label(region, false) {
            return Err(TargetError::BadRegion(region.to_owned()));
        }
        let structure = operation.input.and_then(|id| match &service.shapes.get(id as usize)?.kind {
            Kind::Structure(structure) => Some(structure),
            _ => None,
        });
        let parameters = rule_parameters(service, operation, structure, input, region, origin);
        let rule = service
            .rules
            .resolve(catalog::partitions(), &parameters)
            .map_err(|error| reword(service, error))?;
        let headers = rule.headers.into_iter();
        let headers = headers.filter_map(|(name, values)| Some((name, values.into_iter().next()?))).collect();
        let signing = signing(service, operation, region, rule.properties.get("authSchemes"))?;
        let mut url = rule.url;
        if !is_valid_url(&url, origin.endpoint) {
            return Err(TargetError::BadEndpoint(url));
        }
        // S3 Control's rules put the account into the host, so its model's prefix would do so twice.
        let in_rules = operation.static_context.iter().any(|(name, _)| name == "RequiresAccountId")
            && operation.host_prefix == "{AccountId}.";
        if !in_rules
            && !operation.host_prefix.is_empty()
            && let Some(prefix) = host_prefix(&operation.host_prefix, structure, input)?
            && let Some(at) = url.find("://")
            // An address has no names below it: emulators on loopback hear all services at one.
            && !origin.endpoint.is_some_and(|endpoint| matches!(endpoint.host(), Some(url::Host::Ipv4(_) | url::Host::Ipv6(_))))
        {
            url.insert_str(at + 3, &prefix);
        }
        Ok(Target { url, headers, signing })
    }
}

/// Fills the rules' parameters in botocore's order of precedence: fixed by the operation, taken from its parameters,
/// given by the client.
fn rule_parameters(
    service: &Service,
    operation: &Operation,
    structure: Option<&Structure>,
    input: &Map,
    region: &str,
    origin: Origin<'_>,
) -> Parameters {
    let mut parameters = Parameters::new();
    for parameter in &service.rules.parameters {
        let name = parameter.name.as_str();
        let fixed =
            operation.static_context.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let member = || {
            let member = structure?.members.iter().find(|member| member.context_param == name)?;
            context_value(input.get(&member.name)?)
        };
        let computed = || {
            let (_, path) = operation.operation_context.iter().find(|(key, _)| key == name)?;
            context_value(&Expression::parse(path).ok()?.search(&Value::Map(input.clone())).ok()?)
        };
        let built_in = || built_in(&parameter.built_in, operation, input, region, origin);
        if let Some(value) = fixed.or_else(member).or_else(computed).or_else(built_in) {
            parameters.insert(name.to_owned(), value);
        }
    }
    parameters
}

fn context_value(value: &Value) -> Option<ContextValue> {
    match value {
        Value::Bool(value) => Some(ContextValue::Bool(*value)),
        Value::Str(value) => Some(ContextValue::Str(value.clone())),
        Value::List(items) => {
            Some(ContextValue::List(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
        }
        _ => None,
    }
}

/// What the official CLI's client fills in without any configuration.
fn built_in(
    name: &str,
    operation: &Operation,
    input: &Map,
    region: &str,
    origin: Origin<'_>,
) -> Option<ContextValue> {
    let flag = |value: bool| Some(ContextValue::Bool(value));
    let text = |value: &str| Some(ContextValue::Str(value.to_owned()));
    match name {
        "AWS::Region" => text(region),
        "SDK::Endpoint" => text(origin.endpoint?.as_str()),
        "AWS::Auth::AccountId" => text(origin.account_id?),
        "AWS::Auth::AccountIdEndpointMode" => text("preferred"),
        "AWS::S3::UseArnRegion" => flag(true),
        "AWS::S3::ForcePathStyle" => {
            // The region of a bucket whose location is asked for is unknown, and only a path fits any region.
            let bucket = input.get("Bucket").and_then(Value::as_str);
            let is_arn = bucket.is_some_and(is_arn);
            flag(operation.name == "GetBucketLocation" || (origin.endpoint.is_some() && !is_arn))
        }
        "AWS::UseFIPS"
        | "AWS::UseDualStack"
        | "AWS::STS::UseGlobalEndpoint"
        | "AWS::S3::UseGlobalEndpoint"
        | "AWS::S3::Accelerate"
        | "AWS::S3::DisableMultiRegionAccessPoints"
        | "AWS::S3Control::UseArnRegion" => flag(false),
        _ => None,
    }
}

fn reword(service: &Service, error: EndpointError) -> TargetError {
    let EndpointError::Refused(text) = &error else { return TargetError::Rules(error) };
    match service.name.as_str() {
        "s3" if text.to_ascii_lowercase().starts_with("invalid arn:") => {
            TargetError::BadParameter(text.clone())
        }
        "s3control" if text == "AccountId is required but not set" => TargetError::BadParameter(text.clone()),
        _ => TargetError::Rules(error),
    }
}

/// Chooses the first scheme that we can sign with: of those that the rules give, else the operation's, else the
/// service's.
fn signing(
    service: &Service,
    operation: &Operation,
    region: &str,
    schemes: Option<&Value>,
) -> Result<Option<Signing>, TargetError> {
    let refuse = |what| TargetError::Signature {
        service: service.command.clone(),
        operation: operation.name.clone(),
        what,
    };
    if operation.authtype == "none" || operation.auth.iter().any(|scheme| scheme.ends_with("noAuth")) {
        return Ok(None);
    }
    let mut signing = Signing {
        name: service.signing_name.clone(),
        region: region.to_owned(),
        version: SignatureVersion::V4,
        double_encode_path: true,
        by_session: false,
    };
    if let Some(Value::List(schemes)) = schemes {
        let name = |scheme: &Value| scheme.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let ours = |scheme: &&Value| matches!(name(scheme).as_str(), "sigv4" | "sigv4a" | "sigv4-s3express");
        let Some(scheme) = schemes.iter().find(ours) else {
            return match schemes.first().map(name).as_deref() {
                Some("none") => Ok(None),
                _ => Err(refuse("an unknown kind of signature")),
            };
        };
        let text = |key: &str| scheme.get(key).and_then(Value::as_str).map(str::to_owned);
        signing.name = text("signingName").unwrap_or(signing.name);
        signing.region = text("signingRegion").unwrap_or(signing.region);
        if name(scheme) == "sigv4a" {
            let set = scheme.get("signingRegionSet").map(context_value);
            let Some(Some(ContextValue::List(set))) = set else {
                return Err(refuse("a signature for several regions, without saying which,"));
            };
            signing.version = SignatureVersion::V4a(set.join(","));
        }
        signing.by_session = name(scheme) == "sigv4-s3express";
        signing.double_encode_path = scheme.get("disableDoubleEncoding") != Some(&Value::Bool(true));
        return Ok(Some(signing));
    }
    let offered = if operation.auth.is_empty() { &service.auth } else { &operation.auth };
    if offered.is_empty() {
        return match service.signature_version.as_str() {
            "v2" => Ok(Some(Signing { version: SignatureVersion::V2, ..signing })),
            "bearer" => Err(TargetError::NoToken),
            _ => Ok(Some(signing)),
        };
    }
    match offered.iter().find(|scheme| scheme.starts_with("aws.auth#sigv4")).map(String::as_str) {
        Some("aws.auth#sigv4a") => {
            signing.version = SignatureVersion::V4a(region.to_owned());
            Ok(Some(signing))
        }
        Some(_) => Ok(Some(signing)),
        None => Err(TargetError::NoToken),
    }
}

/// Fills the `{Member}` labels of an operation's host prefix.
fn host_prefix(
    template: &str,
    structure: Option<&Structure>,
    input: &Map,
) -> Result<Option<String>, TargetError> {
    let mut prefix = template.to_owned();
    let mut wrong = Vec::new();
    for member in
        structure.into_iter().flat_map(|structure| &structure.members).filter(|member| member.host_label)
    {
        let value = input.get(&member.name).and_then(Value::as_str).unwrap_or_default();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if value.is_empty() || !value.bytes().all(fits) {
            wrong.push(member.name.as_str());
        }
        prefix = prefix.replace(&format!("{{{}}}", member.name), value);
    }
    if wrong.is_empty() { Ok(Some(prefix)) } else { Err(TargetError::BadHostLabel(wrong.join(", "))) }
}

/// Whether an URL that the rules gave is one that may be asked: the configured endpoint, or https with a plain host
/// name. The rules check what users can put into it; this holds if one of them should not.
fn is_valid_url(url: &str, endpoint: Option<&url::Url>) -> bool {
    if let Some(endpoint) = endpoint {
        let parsed = url::Url::parse(url);
        return parsed.is_ok_and(|url| url.host() == endpoint.host() && url.port() == endpoint.port());
    }
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    host.len() <= 255 && host.contains('.') && is_valid_host_label(host, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(command: &str, operation: &str, input: &str, region: &str, endpoint: Option<&str>) -> String {
        let service = catalog::service(command).expect("a service");
        let operation = service.operation_of_command(operation).expect("an operation");
        let Value::Map(input) = Value::from_json(&serde_json::from_str(input).unwrap()) else {
            panic!("a map")
        };
        let endpoint = endpoint.map(|url| url::Url::parse(url).unwrap());
        let origin =
            Origin { region: Some(region), endpoint: endpoint.as_ref(), account_id: Some("123456789012") };
        match Target::find(&service, operation, &input, origin) {
            Ok(Target { url, signing: Some(signing), .. }) => {
                let region = match signing.version {
                    SignatureVersion::V4a(set) => set,
                    _ => signing.region,
                };
                format!("{url} {region}/{}", signing.name)
            }
            Ok(Target { url, signing: None, .. }) => format!("{url} unsigned"),
            Err(error) => error.to_string(),
        }
    }

    /// The URLs and scopes are those of the requests that the official CLI 2.38.5 sends.
    #[test]
    fn calls_go_where_the_official_cli_sends_them() {
        let empty = "{}";
        let cases = [
            ("iam", "list-users", empty, "eu-west-1", "https://iam.amazonaws.com us-east-1/iam"),
            (
                "sts",
                "get-caller-identity",
                empty,
                "eu-west-1",
                "https://sts.eu-west-1.amazonaws.com eu-west-1/sts",
            ),
            (
                "s3api",
                "list-objects",
                r#"{"Bucket":"arn:aws:s3::123456789012:accesspoint/my.mrap"}"#,
                "us-east-1",
                "https://my.mrap.accesspoint.s3-global.amazonaws.com */s3",
            ),
            (
                "events",
                "put-events",
                r#"{"EndpointId":"abc.veo"}"#,
                "us-east-1",
                "https://abc.veo.endpoint.events.amazonaws.com */events",
            ),
            ("sdb", "list-domains", empty, "us-east-1", "https://sdb.amazonaws.com us-east-1/sdb"),
            ("codecatalyst", "list-spaces", empty, "us-east-1", "Unable to locate authorization token"),
            (
                "route53",
                "list-hosted-zones",
                empty,
                "eu-west-1",
                "https://route53.amazonaws.com us-east-1/route53",
            ),
            (
                "s3api",
                "list-objects",
                r#"{"Bucket":"abc"}"#,
                "us-east-1",
                "https://abc.s3.us-east-1.amazonaws.com us-east-1/s3",
            ),
            (
                "s3api",
                "list-objects",
                r#"{"Bucket":"a.b.c"}"#,
                "us-east-1",
                "https://s3.us-east-1.amazonaws.com/a.b.c us-east-1/s3",
            ),
            (
                "s3api",
                "get-bucket-location",
                r#"{"Bucket":"abc"}"#,
                "us-east-1",
                "https://s3.us-east-1.amazonaws.com/abc us-east-1/s3",
            ),
            (
                "s3api",
                "list-objects",
                r#"{"Bucket":"arn:aws:s3:us-west-2:123456789012:accesspoint/my"}"#,
                "us-east-1",
                "https://my-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2/s3",
            ),
            (
                "s3control",
                "list-jobs",
                r#"{"AccountId":"123456789012"}"#,
                "us-east-1",
                "https://123456789012.s3-control.us-east-1.amazonaws.com us-east-1/s3",
            ),
            (
                "sqs",
                "get-queue-attributes",
                r#"{"QueueUrl":"https://evil.example/1/q"}"#,
                "us-east-1",
                "https://sqs.us-east-1.amazonaws.com us-east-1/sqs",
            ),
            (
                "cognito-identity",
                "get-id",
                empty,
                "us-east-1",
                "https://cognito-identity.us-east-1.amazonaws.com unsigned",
            ),
            (
                "dynamodb",
                "list-tables",
                empty,
                "us-east-1",
                "https://123456789012.ddb.us-east-1.amazonaws.com us-east-1/dynamodb",
            ),
            (
                "kinesis",
                "list-shards",
                r#"{"StreamARN":"arn:aws:kinesis:us-east-1:123456789012:stream/foo"}"#,
                "us-east-1",
                "https://123456789012.control-kinesis.us-east-1.amazonaws.com us-east-1/kinesis",
            ),
            (
                "servicediscovery",
                "discover-instances",
                empty,
                "us-east-1",
                "https://data-servicediscovery.us-east-1.amazonaws.com us-east-1/servicediscovery",
            ),
        ];
        for (command, operation, input, region, target) in cases {
            assert_eq!(find(command, operation, input, region, None), target, "{command} {operation}");
        }
    }

    #[test]
    fn a_configured_endpoint_stands_for_every_service() {
        let endpoint = Some("http://127.0.0.1:9/base");
        let cases = [
            ("iam", "list-users", "{}", "http://127.0.0.1:9/base eu-west-1/iam"),
            ("s3api", "list-objects", r#"{"Bucket":"abc"}"#, "http://127.0.0.1:9/base/abc eu-west-1/s3"),
            (
                "servicediscovery",
                "discover-instances",
                "{}",
                "http://127.0.0.1:9/base eu-west-1/servicediscovery",
            ),
        ];
        for (command, operation, input, target) in cases {
            assert_eq!(
                find(command, operation, input, "eu-west-1", endpoint),
                target,
                "{command} {operation}"
            );
        }
    }

    #[test]
    fn nothing_that_is_typed_names_another_host() {
        let bucket = r#"{"Bucket":"arn:aws:s3:us-west-2:evil.example:accesspoint/x"}"#;
        let cases = [
            ("sts", "get-caller-identity", "{}", "x@evil.example:443/#"),
            ("sts", "get-caller-identity", "{}", "evil.example"),
            ("sts", "get-caller-identity", "{}", ""),
            ("s3control", "list-jobs", r#"{"AccountId":"evil.example/"}"#, "us-east-1"),
            ("s3api", "list-objects", bucket, "us-east-1"),
            ("cloudsearchdomain", "search", "{}", "us-east-1"),
        ];
        for (command, operation, input, region) in cases {
            let found = find(command, operation, input, region, None);
            let host =
                found.strip_prefix("https://").map(|rest| rest.split(['/', ' ']).next().unwrap_or_default());
            assert!(host.is_none_or(|host| host.ends_with(".amazonaws.com")), "{command}: {found}");
        }
    }
}
