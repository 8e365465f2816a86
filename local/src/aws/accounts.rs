//! The accounts of the local world, their services, and the keys that speak for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_iam::IamService;

use super::dynamodb::DynamoDb;

/// The account that Alfredbot itself lives in. It is also the account that the emulator writes into every ARN.
pub const HOME: &str = winterbaume_core::state::DEFAULT_ACCOUNT_ID;
/// A target account: development.
pub const DEV: &str = "111111111111";
/// A target account: production.
pub const PROD: &str = "222222222222";

/// Who signed a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) account: &'static str,
    pub(crate) identity: Identity,
}

/// What kind of keys the caller has.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// The account's root keys, used to set the world up.
    Root,
    /// A role session that STS (or Lambda, for a function's own role) opened.
    RoleSession(RoleSession),
}

#[derive(Debug, Clone)]
pub(crate) struct RoleSession {
    /// `arn:aws:iam::<account>:role/<path>/<name>`.
    pub(crate) role_arn: String,
    /// `AROA…`.
    pub(crate) role_id: String,
    pub(crate) name: String,
    pub(crate) source_identity: Option<String>,
}

impl RoleSession {
    /// The ARN of the session. The role's path is not part of it.
    pub(crate) fn arn(&self, account: &str) -> String {
        let role = self.role_arn.rsplit('/').next().unwrap_or_default();
        format!("arn:aws:sts::{account}:assumed-role/{role}/{}", self.name)
    }
}

impl Caller {
    /// The caller's own ARN, as GetCallerIdentity and refusals show it.
    pub(crate) fn arn(&self) -> String {
        match &self.identity {
            Identity::Root => format!("arn:aws:iam::{}:root", self.account),
            Identity::RoleSession(session) => session.arn(self.account),
        }
    }

    /// The unique id that GetCallerIdentity calls UserId.
    pub(crate) fn user_id(&self) -> String {
        match &self.identity {
            Identity::Root => self.account.into(),
            Identity::RoleSession(session) => format!("{}:{}", session.role_id, session.name),
        }
    }
}

/// Why keys are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// Nobody issued them, or the session token is not theirs.
    Unknown,
    /// Their session is over.
    Expired,
}

struct Issued {
    caller: Caller,
    secret_access_key: String,
    session_token: Option<String>,
    expires: Option<SystemTime>,
}

/// One account's services.
pub(crate) struct Account {
    pub(crate) id: &'static str,
    pub(crate) iam: Arc<IamService>,
    services: HashMap<&'static str, Arc<dyn MockService>>,
}

impl Account {
    fn new(id: &'static str) -> Self {
        let iam = Arc::new(IamService::new());
        let services: [(&'static str, Arc<dyn MockService>); 9] = [
            ("dynamodb", Arc::new(DynamoDb::default())),
            ("ec2", Arc::new(winterbaume_ec2::Ec2Service::new())),
            ("iam", Arc::clone(&iam) as Arc<dyn MockService>),
            ("events", Arc::new(winterbaume_eventbridge::EventBridgeService::new())),
            ("kms", Arc::new(winterbaume_kms::KmsService::new())),
            ("lambda", Arc::new(winterbaume_lambda::LambdaService::new())),
            ("logs", Arc::new(winterbaume_cloudwatchlogs::CloudWatchLogsService::new())),
            ("s3", Arc::new(winterbaume_s3::S3Service::new())),
            ("sqs", Arc::new(winterbaume_sqs::SqsService::new())),
        ];
        Self { id, iam, services: services.into() }
    }

    /// Hands `request` to the service that signs as `service`. `None` if the emulator has no such service.
    ///
    /// The emulator writes one account id into all that it makes, so for the other accounts the two ids trade places
    /// on the way in and on the way out. What was stored comes back as it was sent. S3 bodies are left alone.
    pub(crate) async fn handle(&self, service: &str, mut request: MockRequest) -> Option<MockResponse> {
        let target = self.services.get(service)?;
        let trade = self.id != HOME && service != "s3";
        if trade {
            request.body = trade_ids(&request.body, HOME, self.id).into();
            request.uri =
                String::from_utf8_lossy(&trade_ids(request.uri.as_bytes(), HOME, self.id)).into_owned();
        }
        let mut response = target.handle(request).await;
        if trade {
            response.body = trade_ids(&response.body, HOME, self.id).into();
        }
        Some(response)
    }
}

/// Swaps every `a` for `b` and every `b` for `a`. Both are 12 digits, so lengths stay. Doing it twice changes nothing.
fn trade_ids(text: &[u8], a: &str, b: &str) -> Vec<u8> {
    let mut traded = text.to_vec();
    let mut at = 0;
    while at + a.len() <= traded.len() {
        let window = &mut traded[at..at + a.len()];
        let other = if *window == *a.as_bytes() {
            b
        } else if *window == *b.as_bytes() {
            a
        } else {
            at += 1;
            continue;
        };
        window.copy_from_slice(other.as_bytes());
        at += a.len();
    }
    traded
}

/// All accounts and all keys.
pub struct Accounts {
    accounts: [Account; 3],
    keys: Mutex<HashMap<String, Issued>>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { accounts: [HOME, DEV, PROD].map(Account::new), keys: Mutex::default() }
    }
}

impl Accounts {
    pub(crate) fn get(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// Issues keys for `identity` in `account`. Without `lifetime` they are long-lived keys without a token.
    pub(crate) fn issue(
        &self,
        account: &'static str,
        identity: Identity,
        lifetime: Option<Duration>,
    ) -> Credentials {
        let random = || uuid::Uuid::new_v4().simple().to_string().to_uppercase();
        let prefix = if lifetime.is_some() { "ASIA" } else { "AKIA" };
        let id = format!("{prefix}{}", &random()[..16]);
        let secret = format!("{}{}", random(), &random()[..8]);
        let session_token = lifetime.map(|_| format!("{}{}{}", random(), random(), random()));
        let expires = lifetime.map(|lifetime| SystemTime::now() + lifetime);
        let issued = Issued {
            caller: Caller { account, identity },
            secret_access_key: secret.clone(),
            session_token: session_token.clone(),
            expires,
        };
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), issued);
        Credentials::new(id, secret, session_token, expires, "local")
    }

    /// The secret parts of all keys that were issued.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets =
            |issued: &Issued| [Some(issued.secret_access_key.clone()), issued.session_token.clone()];
        keys.values().flat_map(secrets).flatten().collect()
    }

    /// Who holds the key `id` together with `session_token`.
    pub(crate) fn identify(&self, id: &str, session_token: Option<&str>) -> Result<Caller, KeyError> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let issued = keys.get(id).ok_or(KeyError::Unknown)?;
        if issued.session_token.as_deref() != session_token {
            return Err(KeyError::Unknown);
        }
        match issued.expires {
            Some(expires) if expires <= SystemTime::now() => Err(KeyError::Expired),
            _ => Ok(issued.caller.clone()),
        }
    }
}

/// As [`trade_ids`], for text that came from inside an account.
pub(crate) fn trade_text(text: &str, a: &str, b: &str) -> String {
    String::from_utf8_lossy(&trade_ids(text.as_bytes(), a, b)).into_owned()
}
