//! Commands that print a password or token for something else than AWS's API: a registry, a database, a cluster. What they
//! print works without us until it expires, so it is hidden from people like every other secret.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use super::client::{Client, map, member, text};
use crate::checksum::sha256_hex;
use crate::command::{Custom, UsageError, values};
use crate::endpoint::{SignatureVersion, Signing, TargetError};
use crate::run::{Failure, Printer, shape};
use crate::secrets::MASK;
use crate::send::{CallError, Calls};
use crate::serialize::percent_encode;
use crate::sign;
use crate::value::{Map, Value};

/// How long a cluster takes the token's URL, and a little less than a client may use the token for.
const EKS_URL_SECONDS: i64 = 60;
const EKS_TOKEN_EXPIRY: Duration = Duration::from_secs(14 * 60);
/// How long a database takes its token.
const RDS_SECONDS: i64 = 900;
/// The port that a client does not name in a request's host.
const HTTPS: u16 = 443;

/// `ecr get-login-password` and `ecr-public get-login-password`: the registry's password.
pub async fn ecr(service: &str, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let client = Client::new(service, printer.output.region.as_deref())?;
    let result = client.reveal(calls, "GetAuthorizationToken", Map::new()).await?;
    let token = match member(&result, "authorizationData")? {
        Value::List(registries) => {
            registries.first().ok_or_else(|| Failure::general("list index out of range"))?
        }
        registry => registry,
    };
    let token = token.get("authorizationToken").and_then(Value::as_str);
    let token = token.ok_or_else(|| Failure::general("'authorizationToken'"))?;
    let token = values::base64(token).and_then(|token| String::from_utf8(token).ok()).unwrap_or_default();
    let password = match token.split(':').collect::<Vec<_>>().as_slice() {
        [_, password] => (*password).to_owned(),
        [_] | [] => return Err(Failure::general("not enough values to unpack (expected 2, got 1)")),
        more => {
            let message = format!("too many values to unpack (expected 2, got {})", more.len());
            return Err(Failure::general(&message));
        }
    };
    print(password, calls, printer);
    Ok(0)
}

/// `rds generate-db-auth-token`: the password of a database user, which is the URL that a signature makes valid.
pub fn rds(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let option = |name: &str| custom.options.text(name).unwrap_or_default();
    let port = custom.options.int("port").unwrap_or_default();
    if u16::try_from(port).is_err() {
        let reason = match port {
            ..0 => format!("Port could not be cast to integer value as '{port}'"),
            _ => "Port out of range 0-65535".to_owned(),
        };
        return Err(Failure::general(&reason));
    }
    let user = percent_encode(option("username"), "");
    let query = format!("Action=connect&DBUser={user}");
    let port = u16::try_from(port).ok();
    let token = database(option("hostname"), port, &query, "rds-db", RDS_SECONDS, calls, printer)?;
    print(token, calls, printer);
    Ok(0)
}

/// `dsql generate-db-connect-auth-token` and its like for admins.
pub fn dsql(
    action: &str,
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let seconds = custom.options.int("expires-in").unwrap_or_default();
    let hostname = custom.options.text("hostname").unwrap_or_default();
    let token = database(hostname, None, &format!("Action={action}"), "dsql", seconds, calls, printer)?;
    print(token, calls, printer);
    Ok(0)
}

/// A signed URL of a database, without its scheme. Its host is signed as a client would send it.
fn database(
    hostname: &str,
    port: Option<u16>,
    query: &str,
    service: &str,
    seconds: i64,
    calls: &Calls<'_>,
    printer: &Printer,
) -> Result<String, Failure> {
    let region = printer.output.region.clone();
    let region = region.ok_or_else(|| CallError::Target(TargetError::NoRegion))?;
    let signing = Signing {
        name: service.to_owned(),
        region,
        version: SignatureVersion::V4,
        double_encode_path: true,
        by_session: false,
    };
    let place = |hostname: &str, port: Option<u16>| match port {
        Some(port) => format!("{hostname}:{port}"),
        None => hostname.to_owned(),
    };
    let host = place(&hostname.to_lowercase(), port.filter(|port| *port != HTTPS));
    let url = format!("https://{host}/?{query}");
    let session = calls.session();
    let signed =
        sign::presign(&url, &[], &signing, &session.credentials, session.now(), seconds, &sha256_hex(&[]));
    let signed = signed.map_err(|error| Failure::general(&error.to_string()))?;
    let rest = signed.strip_prefix("https://").and_then(|signed| signed.strip_prefix(&*host));
    Ok(format!("{}{}", place(hostname, port), rest.unwrap_or_default()))
}

/// `eks get-token`: what lets `kubectl` into a cluster. The cluster asks STS with the token who its bearer is.
pub fn eks(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    if options.has("role-arn") {
        let reason = "--role-arn is not available here: commands run under the role that is mapped to you.";
        return Err(UsageError::refused(reason).into());
    }
    let [name, id] = ["cluster-name", "cluster-id"].map(|name| options.text(name).unwrap_or_default());
    if !name.is_empty() && !id.is_empty() {
        let message = "The key \"cluster_id\" cannot be specified when one of the following keys are also \
                       specified: cluster_name";
        return Err(UsageError::parameter(message).into());
    }
    let cluster = if id.is_empty() { name } else { id };
    if cluster.is_empty() {
        // The official CLI returns the error in place of an exit status, which Python then prints alone.
        let stderr = "Either parameter --cluster-name or --cluster-id must be specified.\n".to_owned();
        return Err(Failure { stderr, exit_status: 1, info: None });
    }
    let shape = shape(&custom.globals, "get-token")?;
    let client = Client::new("sts", printer.output.region.as_deref())?;
    let operation = client.operation("GetCallerIdentity")?;
    let target = calls.target(&client.service, operation, &Map::new(), client.region.as_deref());
    let target = target.map_err(CallError::from)?;
    let signing = target.signing.ok_or_else(|| Failure::general("the call has no signature"))?;
    let url = format!(
        "{}/?Action=GetCallerIdentity&Version={}",
        target.url.trim_end_matches('/'),
        client.service.api_version
    );
    let (session, headers) = (calls.session(), [("x-k8s-aws-id", cluster)]);
    let signed = sign::presign(
        &url,
        &headers,
        &signing,
        &session.credentials,
        session.now(),
        EKS_URL_SECONDS,
        &sha256_hex(&[]),
    );
    let signed = signed.map_err(|error| Failure::general(&error.to_string()))?;
    let mut token = format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(signed));
    if session.hide_secrets {
        token = MASK.to_owned();
        calls.count_hidden(1);
    }
    let expires = OffsetDateTime::from(calls.session().now() + EKS_TOKEN_EXPIRY);
    let expires = crate::timestamp::write(
        expires.replace_nanosecond(0).unwrap_or(expires),
        crate::model::TimestampFormat::Iso8601,
    );
    let status =
        map([("expirationTimestamp", Value::Str(expires.to_string())), ("token", Value::Str(token))]);
    let credential = map([
        ("kind", text("ExecCredential")),
        ("apiVersion", text("client.authentication.k8s.io/v1beta1")),
        ("spec", Value::Map(Map::new())),
        ("status", Value::Map(status)),
    ]);
    printer.show(credential, &shape)?;
    printer.sink.push("\n");
    Ok(0)
}

/// Prints a secret alone in its line, or what stands for it.
fn print(secret: String, calls: &mut Calls<'_>, printer: &mut Printer) {
    if calls.session().hide_secrets {
        calls.count_hidden(1);
        printer.sink.push(MASK);
    } else {
        printer.sink.push(&secret);
    }
    printer.sink.push("\n");
}
