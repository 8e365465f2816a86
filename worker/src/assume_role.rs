//! Credentials of the caller's role, from STS. There is no other source: when STS says no, nothing runs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_sts::error::DisplayErrorContext;
use aws_sdk_sts::types::Tag;
use awscli::session::Credentials;
use shared::arn::RoleArn;
use shared::ids::{JobId, TenantId, UserId};
use shared::job::Job;
use shared::secret::Secret;

use crate::authorize::Grant;
use shared::clock::Clock;

/// How long a role session lasts, in seconds. A role allows at least this much.
const SESSION: i32 = 3600;

/// How long a session lasts that only shows that it opens, in seconds (STS's shortest).
const PROBE_SESSION: i32 = 900;

/// How long before their expiry credentials are not used any more, in seconds: the longest that a command may run on
/// them is bounded by what is left.
pub const EXPIRY_MARGIN: u64 = 5 * 60;

/// How many role sessions are kept at a time.
const MAX_SESSIONS: usize = 1_000;

/// The most characters of a session name or source identity (STS's limit).
const MAX_NAME: usize = 64;

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssumeError {
    /// STS said no. Its own code and words.
    #[error("AWS refused the role: {code}: {message}")]
    Refused {
        /// Such as `AccessDenied`.
        code: String,
        /// AWS's text.
        message: String,
    },
    /// STS throttles, fails or cannot be reached.
    #[error("STS cannot be reached")]
    Unavailable(String),
}

/// Opens role sessions and keeps them for their life.
pub struct Roles {
    sts: aws_sdk_sts::Client,
    clock: Clock,
    sessions: Mutex<HashMap<SessionKey, Session>>,
}

/// Whose session it is. Nothing else may decide which credentials a job gets.
#[derive(PartialEq, Eq, Hash)]
struct SessionKey {
    tenant: TenantId,
    role: RoleArn,
    user: UserId,
    external_id: String,
}

#[derive(Clone)]
struct Session {
    credentials: Credentials,
    expires_at: u64,
}

impl Session {
    fn is_fresh(&self, now: u64) -> bool {
        now + EXPIRY_MARGIN < self.expires_at
    }
}

fn session_key(job: &Job, grant: &Grant) -> SessionKey {
    SessionKey {
        tenant: job.tenant.clone(),
        role: grant.role.clone(),
        user: job.user.clone(),
        external_id: grant.external_id.expose().clone(),
    }
}

impl Roles {
    /// Sessions opened with the function's own role.
    pub fn new(sts: aws_sdk_sts::Client, clock: Clock) -> Self {
        Self { sts, clock, sessions: Mutex::default() }
    }

    /// Whether the credentials of the granted role are at hand, so that [`Roles::assume`] asks nobody.
    pub fn has_session(&self, job: &Job, grant: &Grant) -> bool {
        let now = self.clock.seconds();
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&session_key(job, grant)).is_some_and(|session| session.is_fresh(now))
    }

    /// The credentials of the granted role for the one who typed `job`, and whether STS was asked for them.
    pub async fn assume(&self, job: &Job, grant: &Grant) -> Result<(Credentials, bool), AssumeError> {
        let key = session_key(job, grant);
        let now = self.clock.seconds();
        let kept = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(session) = kept.filter(|session| session.is_fresh(now)) {
            return Ok((session.credentials, false));
        }
        let session = self.open(job, &grant.role, Some(&grant.external_id), SESSION).await?;
        let credentials = session.credentials.clone();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| session.is_fresh(now));
        }
        if sessions.len() < MAX_SESSIONS {
            sessions.insert(key, session);
        }
        Ok((credentials, true))
    }

    /// Whether STS opens `role` for this job with this ExternalId, or without one. What it opens is dropped.
    pub async fn probe(
        &self,
        job: &Job,
        role: &RoleArn,
        external_id: Option<&Secret<String>>,
    ) -> Result<(), AssumeError> {
        self.open(job, role, external_id, PROBE_SESSION).await.map(drop)
    }

    async fn open(
        &self,
        job: &Job,
        role: &RoleArn,
        external_id: Option<&Secret<String>>,
        seconds: i32,
    ) -> Result<Session, AssumeError> {
        let tag = |key: &str, value: &str| {
            Tag::builder()
                .key(key)
                .value(value)
                .build()
                .map_err(|error| AssumeError::Unavailable(error.to_string()))
        };
        let answer = self
            .sts
            .assume_role()
            .role_arn(role.as_str())
            .role_session_name(session_name(&job.tenant, &job.user, &job.id))
            .source_identity(source_identity(&job.tenant, &job.user))
            .set_external_id(external_id.map(|id| id.expose().clone()))
            .tags(tag("alfred:tenant", job.tenant.as_str())?)
            .tags(tag("alfred:user", job.user.as_str())?)
            .duration_seconds(seconds)
            .send()
            .await
            .map_err(|error| {
                let service = error.as_service_error().map(|service| service.meta());
                match service.and_then(|meta| meta.code()) {
                    Some(code) if !is_temporary(code) => AssumeError::Refused {
                        code: code.to_owned(),
                        message: service
                            .and_then(|meta| meta.message())
                            .unwrap_or("no reason given")
                            .to_owned(),
                    },
                    _ => AssumeError::Unavailable(DisplayErrorContext(&error).to_string()),
                }
            })?;
        let given = answer
            .credentials
            .ok_or_else(|| AssumeError::Unavailable("an answer without credentials".into()))?;
        Ok(Session {
            expires_at: u64::try_from(given.expiration.secs()).unwrap_or(0),
            credentials: Credentials {
                access_key_id: given.access_key_id,
                secret_access_key: given.secret_access_key,
                session_token: Some(given.session_token),
                account_id: Some(role.account().to_owned()),
            },
        })
    }
}

/// Codes by which a service says "not now" rather than "no".
fn is_temporary(code: &str) -> bool {
    [
        "Throttl",
        "RequestLimitExceeded",
        "TooManyRequests",
        "ServiceUnavailable",
        "InternalFailure",
        "InternalError",
    ]
    .iter()
    .any(|sign| code.contains(sign))
}

/// `ab-<tenant>-<user>-<job>`: made of ids only, so that it is always a valid name and always says who it was.
fn session_name(tenant: &TenantId, user: &UserId, job: &JobId) -> String {
    format!(
        "ab-{}-{}",
        fitting(tenant, user, MAX_NAME - "ab-".len() - "-".len() - job.short().len()),
        job.short()
    )
}

/// `<tenant>-<user>`: stays on the session whatever roles are chained from it.
fn source_identity(tenant: &TenantId, user: &UserId) -> String {
    fitting(tenant, user, MAX_NAME)
}

/// `<tenant>-<user>` in at most `room` characters. The user is what must stay whole, so the tenant is cut.
fn fitting(tenant: &TenantId, user: &UserId, room: usize) -> String {
    let left = room.saturating_sub(user.as_str().len() + 1);
    let tenant = tenant.as_str();
    format!("{}-{user}", &tenant[..tenant.len().min(left)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use proptest::prelude::*;
    use shared::ids::MAX_SLACK_ID;

    fn is_valid(name: &str) -> bool {
        (2..=MAX_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_=,.@-".contains(&byte))
    }

    #[test]
    fn names_say_who_it_was_within_the_limits_of_sts() {
        let job = JobId::from_signature("v0=1");
        let tenant: TenantId = "T0ALFRED1".parse().unwrap();
        let user: UserId = "U0ANNA".parse().unwrap();
        assert_eq!(session_name(&tenant, &user, &job), format!("ab-T0ALFRED1-U0ANNA-{}", job.short()));
        assert_eq!(source_identity(&tenant, &user), "T0ALFRED1-U0ANNA");
        for length in [2, 9, 25, 26, MAX_SLACK_ID] {
            let tenant: TenantId = format!("T{}", "1".repeat(length - 1)).parse().unwrap();
            let user: UserId = format!("U{}", "2".repeat(length - 1)).parse().unwrap();
            for name in [session_name(&tenant, &user, &job), source_identity(&tenant, &user)] {
                assert!(is_valid(&name), "{name}");
                assert!(name.contains(&format!("-{user}")), "{name}");
            }
        }
    }

    /// An STS that remembers the last request and refuses it.
    #[derive(Debug, Clone, Default)]
    struct Sts(Arc<Mutex<HashMap<String, String>>>);

    impl HttpClient for Sts {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Sts {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let form = url::form_urlencoded::parse(request.body().bytes().unwrap_or_default()).into_owned();
            *self.0.lock().unwrap() = form.collect();
            let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
            HttpConnectorFuture::ready(Ok(HttpResponse::new(403.try_into().unwrap(), body.into())))
        }
    }

    /// `[\w+=,.@-]`, and for an ExternalId `:` and `/` too: what STS's reference says of each.
    fn is_of_words(text: &str, more: &str) -> bool {
        let allowed = |character: char| matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '+' | '=' | ',' | '.' | '@' | '-');
        text.chars().all(|character| allowed(character) || more.contains(character))
    }

    /// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`
    fn is_of_tag_characters(text: &str) -> bool {
        text.chars().all(|character| character.is_alphanumeric() || " _.:/=+-@".contains(character))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_sts_is_asked_matches_its_patterns_for_all_ids(
            tenant in "[TE][A-Z0-9]{1,31}",
            user in "[UW][A-Z0-9]{1,31}",
            signature in any::<String>(),
            external_id in proptest::option::of("[0-9a-f]{32}"),
        ) {
            let sts = Sts::default();
            let account = shared::env::read_from(
                &|name| Some(match name {
                    "AWS_REGION" => "us-east-1".to_owned(),
                    "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "AKIAFUNCTION".to_owned(),
                    _ => return None,
                }),
                shared::aws::Account::read,
            )
            .unwrap();
            let roles = Roles::new(aws_sdk_sts::Client::new(&account.sdk_config(sts.clone())), Clock::system());
            let job = Job {
                version: shared::job::JOB_VERSION,
                id: JobId::from_signature(&signature),
                tenant: tenant.parse().unwrap(),
                enterprise: None,
                user: user.parse().unwrap(),
                channel: "C1".parse().unwrap(),
                task: shared::job::Task::Invoke { text: String::new() },
                typed_at: 0,
                response_url: None,
            };
            let role: RoleArn = "arn:aws:iam::111111111111:role/alfredbot/ReadOnly".parse().unwrap();
            let external_id = external_id.map(Secret::new);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let refused = runtime.block_on(roles.probe(&job, &role, external_id.as_ref())).unwrap_err();
            prop_assert_eq!(refused, AssumeError::Refused { code: "AccessDenied".into(), message: "no".into() });

            let form = sts.0.lock().unwrap().clone();
            let field = |name: &str| form.get(name).map(String::as_str);
            for name in ["RoleSessionName", "SourceIdentity"] {
                let text = field(name).unwrap();
                prop_assert!((2..=64).contains(&text.len()) && is_of_words(text, ""), "{name}: {text}");
            }
            let identity = field("SourceIdentity").unwrap();
            let (its_tenant, its_user) = identity.split_once('-').unwrap();
            prop_assert!(!its_tenant.is_empty() && tenant.starts_with(its_tenant) && its_user == user, "{identity}");
            let session: Vec<&str> = field("RoleSessionName").unwrap().split('-').collect();
            prop_assert!(
                session.len() == 4 && session[0] == "ab" && !session[1].is_empty() && tenant.starts_with(session[1])
                    && session[2] == user && session[3] == job.id.short(),
                "{session:?}"
            );
            for (number, name, value) in [(1, "alfred:tenant", &tenant), (2, "alfred:user", &user)] {
                let key = field(&format!("Tags.member.{number}.Key")).unwrap();
                prop_assert_eq!(key, name);
                prop_assert!((1..=128).contains(&key.len()) && is_of_tag_characters(key) && !key.starts_with("aws:"));
                let sent = field(&format!("Tags.member.{number}.Value")).unwrap();
                prop_assert_eq!(sent, value);
                prop_assert!(sent.len() <= 256 && is_of_tag_characters(sent));
            }
            prop_assert_eq!(field("ExternalId"), external_id.as_ref().map(|id| id.expose().as_str()));
            if let Some(id) = field("ExternalId") {
                prop_assert!((2..=1224).contains(&id.len()) && is_of_words(id, ":/"));
            }
            prop_assert_eq!(field("RoleArn"), Some(role.as_str()));
        }
    }
}
