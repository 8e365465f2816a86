//! STS as AWS answers it: AssumeRole enforces the role's trust policy and every limit of its parameters, and
//! GetCallerIdentity tells who the keys belong to.
//!
//! The limits and patterns are those of the API reference (AssumeRole, GetCallerIdentity; API version 2011-06-15).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use winterbaume_core::{MockResponse, StatefulService, xml_escape};

use super::accounts::{Accounts, Caller, HOME, Identity, RoleSession};
use super::refusal::{Dialect, error};
use super::trust::{self, Question};

const MIN_DURATION: u64 = 900;
const DEFAULT_DURATION: u64 = 3600;
const MAX_DURATION: u64 = 43_200;
/// A role assumed with the keys of another role lives at most one hour, whatever the role's own maximum.
const MAX_CHAINED_DURATION: u64 = 3600;
const SESSION_NAME: std::ops::RangeInclusive<usize> = 2..=64;
const EXTERNAL_ID: std::ops::RangeInclusive<usize> = 2..=1224;
const ROLE_ARN: std::ops::RangeInclusive<usize> = 20..=2048;
const MAX_POLICY: usize = 2048;
const MAX_TAGS: usize = 50;
const TAG_KEY: std::ops::RangeInclusive<usize> = 1..=128;
const MAX_TAG_VALUE: usize = 256;

/// A refusal: status, code, message.
type Refused = (u16, &'static str, String);

/// Answers one request of the query protocol. `parameters` is the decoded form.
pub(crate) async fn answer(
    accounts: &Accounts,
    caller: &Caller,
    parameters: &BTreeMap<String, String>,
) -> MockResponse {
    let action = parameters.get("Action").map(String::as_str).unwrap_or_default();
    let result = match action {
        "AssumeRole" => assume_role(accounts, caller, parameters).await,
        "GetCallerIdentity" => Ok(format!(
            "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
            xml_escape(&caller.arn()),
            xml_escape(&caller.user_id()),
            caller.account
        )),
        other => {
            Err((400, "InvalidAction", format!("Could not find operation {other} for version 2011-06-15")))
        }
    };
    match result {
        Ok(result) => MockResponse::xml(
            200,
            format!(
                "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>{result}\
                 </{action}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
                uuid::Uuid::new_v4()
            ),
        ),
        Err((status, code, message)) => error(Dialect::Query, status, code, &message),
    }
}

async fn assume_role(
    accounts: &Accounts,
    caller: &Caller,
    parameters: &BTreeMap<String, String>,
) -> Result<String, Refused> {
    let request = Request::read(parameters)?;
    let denied = |action: &str| -> Refused {
        let message = format!(
            "User: {} is not authorized to perform: {action} on resource: {}",
            caller.arn(),
            request.role_arn
        );
        (403, "AccessDenied", message)
    };
    let Identity::RoleSession(calling) = &caller.identity else {
        return Err((403, "AccessDenied", "Roles may not be assumed by root accounts.".into()));
    };
    // A role that does not exist and one that does not trust the caller read the same.
    let (account, role_name) = parse_role_arn(request.role_arn)
        .ok_or_else(|| (400, "ValidationError", format!("{} is invalid", request.role_arn)))?;
    let account = accounts.get(account).ok_or_else(|| denied("sts:AssumeRole"))?;
    let state = account.iam.snapshot(HOME, "us-east-1").await;
    let role = state.roles.get(role_name).ok_or_else(|| denied("sts:AssumeRole"))?;
    // The emulator writes one account id into all ARNs; the account's own stands in its place.
    let stored_arn = role.arn.replacen(HOME, account.id, 1);
    if stored_arn != request.role_arn {
        return Err(denied("sts:AssumeRole"));
    }
    // The stored policy went in with the two ids traded.
    let policy = if account.id == HOME {
        role.assume_role_policy_document.clone()
    } else {
        super::accounts::trade_text(&role.assume_role_policy_document, HOME, account.id)
    };

    let context = request.context(&caller.arn(), &calling.role_arn, caller.account);
    let mut needed = vec!["sts:AssumeRole"];
    if request.source_identity.is_some() {
        needed.push("sts:SetSourceIdentity");
    }
    if !request.tags.is_empty() {
        needed.push("sts:TagSession");
    }
    for action in needed {
        let question = Question {
            action,
            caller_account: caller.account,
            caller_arn: &calling.role_arn,
            context: &context,
        };
        if !trust::allows(&policy, &question) {
            return Err(denied(action));
        }
    }
    if request.duration > u64::try_from(role.max_session_duration).unwrap_or(DEFAULT_DURATION) {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err((400, "ValidationError", message.into()));
    }
    if request.duration > MAX_CHAINED_DURATION {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err((400, "ValidationError", message.into()));
    }
    // A source identity, once set, stays for the whole chain.
    if let (Some(before), Some(now)) = (&calling.source_identity, request.source_identity)
        && before != now
    {
        return Err(denied("sts:SetSourceIdentity"));
    }

    let session = RoleSession {
        role_arn: stored_arn,
        role_id: role.role_id.clone(),
        name: request.session_name.into(),
        source_identity: request.source_identity.map(Into::into).or_else(|| calling.source_identity.clone()),
    };
    let assumed = Caller { account: account.id, identity: Identity::RoleSession(session.clone()) };
    let keys = accounts.issue(
        account.id,
        Identity::RoleSession(session.clone()),
        Some(Duration::from_secs(request.duration)),
    );
    let expiration = time::OffsetDateTime::from(keys.expiry().unwrap_or_else(std::time::SystemTime::now))
        .replace_nanosecond(0)
        .ok()
        .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_default();
    let mut result = format!(
        "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{expiration}</Expiration></Credentials>",
        assumed.user_id(),
        assumed.arn(),
        keys.access_key_id(),
        keys.secret_access_key(),
        keys.session_token().unwrap_or_default(),
    );
    if request.packed > 0 {
        result.push_str(&format!("<PackedPolicySize>{}</PackedPolicySize>", request.packed));
    }
    if let Some(identity) = &session.source_identity {
        result.push_str(&format!("<SourceIdentity>{identity}</SourceIdentity>"));
    }
    Ok(result)
}

/// The parameters of AssumeRole, each within its limits.
struct Request<'a> {
    role_arn: &'a str,
    session_name: &'a str,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
    tags: Vec<(&'a str, &'a str)>,
    /// Seconds.
    duration: u64,
    /// How much of the space for policy and tags is used, in percent.
    packed: usize,
}

impl<'a> Request<'a> {
    fn read(parameters: &'a BTreeMap<String, String>) -> Result<Self, Refused> {
        let get = |name: &str| parameters.get(name).map(String::as_str);
        let required = |name: &str, member: &str| {
            get(name).ok_or_else(|| broken("null", member, "Member must not be null".into()))
        };
        let role_arn = required("RoleArn", "roleArn")?;
        length(role_arn, "roleArn", ROLE_ARN)?;
        let session_name = required("RoleSessionName", "roleSessionName")?;
        length(session_name, "roleSessionName", SESSION_NAME)?;
        pattern(session_name, "roleSessionName", "[\\w+=,.@-]*", "+=,.@-")?;
        let external_id = get("ExternalId");
        if let Some(id) = external_id {
            length(id, "externalId", EXTERNAL_ID)?;
            pattern(id, "externalId", "[\\w+=,.@:\\/-]*", "+=,.@:/-")?;
        }
        let source_identity = get("SourceIdentity");
        if let Some(identity) = source_identity {
            length(identity, "sourceIdentity", SESSION_NAME)?;
            pattern(identity, "sourceIdentity", "[\\w+=,.@-]*", "+=,.@-")?;
        }
        let duration = match get("DurationSeconds") {
            None => DEFAULT_DURATION,
            Some(text) => text.parse().map_err(|_| -> Refused {
                (400, "MalformedInput", "Start of structure or map found where not expected.".into())
            })?,
        };
        if duration < MIN_DURATION {
            let rule = format!("Member must have value greater than or equal to {MIN_DURATION}");
            return Err(broken(&duration.to_string(), "durationSeconds", rule));
        }
        if duration > MAX_DURATION {
            let rule = format!("Member must have value less than or equal to {MAX_DURATION}");
            return Err(broken(&duration.to_string(), "durationSeconds", rule));
        }
        let policy = get("Policy");
        if let Some(policy) = policy {
            length(policy, "policy", 1..=MAX_POLICY)?;
            let valid =
                serde_json::from_str::<Value>(policy).is_ok_and(|policy| policy["Statement"] != Value::Null);
            if !valid {
                return Err((400, "MalformedPolicyDocument", "This policy contains invalid Json".into()));
            }
        }
        let tags = read_tags(parameters)?;
        let bytes = policy.map_or(0, str::len)
            + tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        Ok(Self {
            role_arn,
            session_name,
            external_id,
            source_identity,
            tags,
            duration,
            packed: (bytes * 100).div_ceil(MAX_POLICY * 2),
        })
    }

    /// The condition keys that a trust policy can ask for, in lower case.
    fn context(&self, caller_arn: &str, role_arn: &str, account: &str) -> BTreeMap<String, String> {
        let mut context: BTreeMap<String, String> = BTreeMap::from([
            ("sts:rolesessionname".into(), self.session_name.into()),
            ("aws:principalarn".into(), role_arn.into()),
            ("aws:principalaccount".into(), account.into()),
            ("aws:userid".into(), caller_arn.into()),
        ]);
        context.extend(self.external_id.map(|id| ("sts:externalid".into(), id.into())));
        context.extend(self.source_identity.map(|identity| ("sts:sourceidentity".into(), identity.into())));
        for (key, value) in &self.tags {
            context.insert(format!("aws:requesttag/{}", key.to_lowercase()), (*value).into());
        }
        context
    }
}

fn read_tags(parameters: &BTreeMap<String, String>) -> Result<Vec<(&str, &str)>, Refused> {
    let mut tags: Vec<(&str, &str)> = Vec::new();
    for number in 1.. {
        let Some(key) = parameters.get(&format!("Tags.member.{number}.Key")) else { break };
        let value =
            parameters.get(&format!("Tags.member.{number}.Value")).map(String::as_str).unwrap_or_default();
        let member = |part: &str| format!("tags.{number}.member.{part}");
        length(key, &member("key"), TAG_KEY)?;
        length(value, &member("value"), 0..=MAX_TAG_VALUE)?;
        for (text, part) in [(key.as_str(), "key"), (value, "value")] {
            let valid = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
            if !text.chars().all(valid) {
                let rule = "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*";
                return Err(broken(text, &member(part), rule.into()));
            }
        }
        if tags.iter().any(|(other, _)| other.eq_ignore_ascii_case(key)) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err((400, "InvalidParameterValue", message.into()));
        }
        tags.push((key, value));
    }
    if tags.len() > MAX_TAGS {
        let rule = format!("Member must have length less than or equal to {MAX_TAGS}");
        return Err(broken(&format!("[{} tags]", tags.len()), "tags", rule));
    }
    Ok(tags)
}

fn broken(value: &str, member: &str, rule: String) -> Refused {
    let value = if value == "null" { "Value null".into() } else { format!("Value '{value}'") };
    (
        400,
        "ValidationError",
        format!("1 validation error detected: {value} at '{member}' failed to satisfy constraint: {rule}"),
    )
}

fn length(text: &str, member: &str, range: std::ops::RangeInclusive<usize>) -> Result<(), Refused> {
    let count = text.chars().count();
    if count < *range.start() {
        let rule = format!("Member must have length greater than or equal to {}", range.start());
        return Err(broken(text, member, rule));
    }
    if count > *range.end() {
        let rule = format!("Member must have length less than or equal to {}", range.end());
        return Err(broken(text, member, rule));
    }
    Ok(())
}

fn pattern(text: &str, member: &str, shown: &str, also: &str) -> Result<(), Refused> {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || also.contains(c)) {
        return Ok(());
    }
    Err(broken(text, member, format!("Member must satisfy regular expression pattern: {shown}")))
}

/// Account id and role name of `arn:aws:iam::<account>:role/<path><name>`.
fn parse_role_arn(arn: &str) -> Option<(&str, &str)> {
    let (account, resource) = arn.strip_prefix("arn:aws:iam::")?.split_once(':')?;
    let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty())
        .then_some((account, name))
}
