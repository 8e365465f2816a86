//! "Add to Slack": a page, the way to Slack's consent page, and the way back, after which the workspace's bot token is
//! encrypted and kept.
//!
//! This process holds the app's client secret. It may encrypt and may not decrypt, sends to no queue, and assumes no role.

mod exchange;
mod page;
mod state;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use shared::aws::Account;
use shared::clock::Clock;
use shared::env::Environment;
use shared::ids::TenantId;
use shared::secret::Secret;
use shared::slack;
use shared::telemetry;
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::request::RequestContext;

use self::page::Page;
use self::state::{Browser, States};

/// What the bot must be granted. Without any one of these a part of the product does not work.
pub const REQUIRED_SCOPES: [&str; 7] = [
    "commands",
    "chat:write",
    "channels:read",
    "groups:read",
    "usergroups:read",
    "users:read",
    "files:write",
];

/// The path to which Slack sends people back.
pub const CALLBACK: &str = "/slack/oauth/callback";

/// The path that sends people to Slack.
pub const START: &str = "/slack/oauth/start";

/// The page to begin with.
pub const INSTALL: &str = "/install";

/// What the environment says.
pub struct Config {
    account: Account,
    client_id: String,
    client_secret: Secret<String>,
    public_url: Option<Url>,
    authorize_url: Url,
    slack_api: Url,
    installations_table: String,
    kms_key_id: String,
    /// How much to log.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads `SLACK_CLIENT_ID`, `SLACK_CLIENT_SECRET`, `PUBLIC_URL` (where people reach this, such as
    /// `https://alfred.example.com`), `SLACK_AUTHORIZE_URL` (Slack's own if unset), `SLACK_API_URL`
    /// (`https://slack.com/api/` if unset), `INSTALLATIONS_TABLE`, `KMS_KEY_ID`, `LOG_LEVEL`, and what [`Account`] needs.
    pub fn read(env: &mut Environment<'_>) -> anyhow::Result<Self> {
        let authorize = Url::parse("https://slack.com/oauth/v2/authorize")?;
        env.required("PUBLIC_URL", "where people reach this, such as https://alfred.example.com");
        Ok(Self {
            account: Account::read(env),
            client_id: env.required("SLACK_CLIENT_ID", "the Slack app's client id"),
            client_secret: Secret::new(env.required("SLACK_CLIENT_SECRET", "the Slack app's client secret")),
            public_url: env.parsed(
                "PUBLIC_URL",
                "an https URL such as https://alfred.example.com",
                None,
                |text| Url::parse(text).ok().filter(is_public).map(Some),
            ),
            authorize_url: env
                .parsed("SLACK_AUTHORIZE_URL", "a URL", authorize, |text| Url::parse(text).ok()),
            slack_api: slack::api_url(env)?,
            installations_table: env.required("INSTALLATIONS_TABLE", "the name of the installations table"),
            kms_key_id: env.required("KMS_KEY_ID", "the KMS key of tokens"),
            log_level: telemetry::level(env),
        })
    }
}

/// Whether browsers keep the cookie of an install for `url`: a `__Host-` cookie needs https, but on the own machine.
fn is_public(url: &Url) -> bool {
    let is_own = url.host_str().is_some_and(|host| host == "localhost" || host == "127.0.0.1");
    (url.scheme() == "https" || is_own) && url.path() == "/" && url.query().is_none()
}

/// What a person reads who did not allow the install, or whom Slack did not let.
fn not_allowed(error: String) -> Response {
    tracing::info!(error, "the install was not allowed");
    if error == "access_denied" { Page::Denied.response() } else { Page::Refused(error).response() }
}

/// What API Gateway sends a function for an HTTP request (payload format 2.0), as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpEvent {
    raw_path: String,
    raw_query_string: String,
    cookies: Vec<String>,
    request_context: RequestContext,
}

impl HttpEvent {
    /// The one value of a query parameter. A repeated one has none: nobody could say which counts.
    fn parameter(&self, name: &str) -> Option<String> {
        let mut values = url::form_urlencoded::parse(self.raw_query_string.as_bytes())
            .filter(|(its_name, _)| its_name == name)
            .map(|(_, value)| value.into_owned());
        let value = values.next().filter(|value| !value.is_empty());
        if values.next().is_some() { None } else { value }
    }
}

/// An answer in the form that API Gateway expects of a function (payload format 2.0).
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers.
    pub headers: std::collections::BTreeMap<&'static str, String>,
    /// `Set-Cookie` headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// The text of the body.
    pub body: String,
}

/// The process: answers one request at a time.
pub struct Install {
    clock: Clock,
    public_url: Url,
    authorize_url: Url,
    client_id: String,
    client_secret: Secret<String>,
    slack: slack::Client,
    db: aws_sdk_dynamodb::Client,
    kms: aws_sdk_kms::Client,
    installations_table: String,
    kms_key_id: String,
}

impl Install {
    /// Builds the clients.
    ///
    /// # Errors
    /// When the public URL is none, or TLS cannot be set up.
    pub fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let sdk = config.account.sdk_config(shared::http::sdk_client().context("cannot set up TLS")?);
        let tls = shared::http::tls_config().context("cannot set up TLS")?;
        Ok(Self {
            clock,
            public_url: config.public_url.context("PUBLIC_URL")?,
            authorize_url: config.authorize_url,
            client_id: config.client_id,
            client_secret: config.client_secret,
            slack: slack::Client::new(config.slack_api, tls).context("cannot set up the client of Slack")?,
            db: aws_sdk_dynamodb::Client::new(&sdk),
            kms: aws_sdk_kms::Client::new(&sdk),
            installations_table: config.installations_table,
            kms_key_id: config.kms_key_id,
        })
    }

    /// Answers one HTTP request.
    pub async fn answer(&self, event: HttpEvent) -> Response {
        let known = matches!(event.raw_path.as_str(), INSTALL | START | CALLBACK);
        match event.raw_path.as_str() {
            _ if known && event.request_context.http.method != "GET" => Page::WrongMethod.response(),
            INSTALL => Page::Install.response(),
            START => self.send_to_slack(&event).await,
            CALLBACK => self.come_back(&event).await,
            _ => Page::NotFound.response(),
        }
    }

    /// Remembers that an install has begun in this browser, and sends it to Slack's consent page.
    async fn send_to_slack(&self, event: &HttpEvent) -> Response {
        // A workspace that one asks for; what is no workspace's id cannot be asked for.
        let team = event.parameter("team").filter(|team| team.parse::<TenantId>().is_ok());
        let begun = self.states().begin(team.as_deref(), self.clock.seconds()).await;
        let (state, browser) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                tracing::error!(%error, "an install cannot begin");
                return Page::Unavailable.response();
            }
        };
        let mut url = self.authorize_url.clone();
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("scope", &REQUIRED_SCOPES.join(","))
            .append_pair("user_scope", "")
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("state", state.expose());
        if let Some(team) = team {
            url.query_pairs_mut().append_pair("team", &team);
        }
        tracing::info!(step = "install_begun", "sent somebody to Slack's consent page");
        let mut response = page::redirect(url.as_str());
        response.cookies.push(browser.cookie());
        response
    }

    /// Takes what Slack sends back. Whatever is wrong stores nothing.
    async fn come_back(&self, event: &HttpEvent) -> Response {
        let Some(state) = event.parameter("state") else {
            // Slack's own pages begin installs without a state. What they bring back could have been begun by anybody.
            return match event.parameter("error") {
                Some(error) => not_allowed(error),
                None => page::redirect(START),
            };
        };
        let browser = Browser::of(&event.cookies);
        let begun = match self.states().finish(&state, browser.as_ref(), self.clock.seconds()).await {
            Ok(Some(begun)) => begun,
            Ok(None) => {
                tracing::warn!("refused an install that was not begun in this browser, or not lately");
                return Page::UnknownState.response();
            }
            Err(error) => {
                tracing::error!(%error, "an install cannot be finished");
                return Page::Unavailable.response();
            }
        };
        if let Some(error) = event.parameter("error") {
            return not_allowed(error);
        }
        let Some(code) = event.parameter("code") else { return Page::Refused("no_code".into()).response() };
        match self.exchange(&Secret::new(code), begun.team.as_deref()).await {
            Ok(installed) => {
                tracing::info!(tenant.id = %installed.tenant, step = "installed", "installed");
                Page::Installed { team: installed.team_name }.response()
            }
            Err(failure) => {
                tracing::warn!(%failure, "the install failed");
                Page::Failed(failure).response()
            }
        }
    }

    fn states(&self) -> States<'_> {
        States { db: &self.db, table: &self.installations_table }
    }

    fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.public_url.as_str().trim_end_matches('/'))
    }
}
