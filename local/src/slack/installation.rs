//! How an app gets into the workspace and out of it: consent, codes, tokens, rotation, uninstallation.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::state::{State, secret};
use super::world::{Installation, Standing, Token, TokenState, User};

/// How long a code can be redeemed, in milliseconds (10 minutes).
pub const CODE_LIFETIME_MS: u64 = 10 * 60 * 1000;
/// How long an access token lives with rotation, in seconds (12 hours).
pub const TOKEN_LIFETIME: u64 = 43_200;
/// Access tokens that live at the same time, with rotation.
pub const LIVE_TOKENS: usize = 2;

/// Every scope that a bot may be granted here. Others are refused with `invalid_scope`.
const BOT_SCOPES: [&str; 32] = [
    "app_mentions:read",
    "bookmarks:read",
    "channels:history",
    "channels:join",
    "channels:manage",
    "channels:read",
    "chat:write",
    "chat:write.customize",
    "chat:write.public",
    "commands",
    "dnd:read",
    "emoji:read",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "groups:write",
    "im:history",
    "im:read",
    "im:write",
    "links:read",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "pins:read",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "usergroups:write",
    "users:read",
    "users:read.email",
];

/// What an app asks of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub scopes: Vec<String>,
    pub user_scopes: Vec<String>,
    /// As it was asked for; the exchange must repeat it.
    pub redirect_uri: Option<String>,
    /// Where the person goes afterwards.
    pub target: String,
    pub state: Option<String>,
}

#[derive(Debug)]
struct Code {
    asked: Asked,
    user: String,
    granted: BTreeSet<String>,
    created_ms: u64,
    redeemed: bool,
}

/// Consents that wait for an answer, and what was given out for those that got one.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    consents: HashMap<String, Asked>,
    codes: HashMap<String, Code>,
    /// Whether each refresh token was used.
    refresh_tokens: HashMap<String, bool>,
}

impl State {
    /// Judges a request to the authorization page. Fails with Slack's word and what it says about it.
    pub fn ask_for_consent(&self, query: &[(String, String)]) -> Result<Asked, (&'static str, String)> {
        let field = |name: &str| {
            let found = query.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        let app = &self.world.app;
        if field("client_id").as_ref() != Some(&app.client_id) {
            return Err(("invalid_client_id", "No app has this client_id.".to_owned()));
        }
        if field("team").is_some_and(|team| team != self.world.team.id) {
            return Err(("invalid_team", "You are not signed in to this workspace.".to_owned()));
        }
        let configured: Vec<String> = app.redirect_urls.iter().map(|url| self.below_base(url)).collect();
        let redirect_uri = field("redirect_uri");
        let target = match &redirect_uri {
            None => configured.first().cloned(),
            Some(asked) => configured.iter().any(|known| beneath(asked, known)).then(|| asked.clone()),
        };
        let target = target.ok_or_else(|| {
            let passed = redirect_uri.clone().unwrap_or_default();
            (
                "bad_redirect_uri",
                format!("redirect_uri did not match any configured URIs. Passed URI: {passed}"),
            )
        })?;
        let list = |name: &str| -> Vec<String> {
            let text = field(name).unwrap_or_default();
            let words = text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        let (scopes, user_scopes) = (list("scope"), list("user_scope"));
        if scopes.is_empty() && user_scopes.is_empty() {
            return Err(("no_scopes", "Please specify at least one scope to install.".to_owned()));
        }
        if let Some(unknown) = scopes.iter().find(|scope| !BOT_SCOPES.contains(&scope.as_str())) {
            return Err(("invalid_scope", format!("Invalid permissions requested: {unknown}")));
        }
        Ok(Asked { scopes, user_scopes, redirect_uri, target, state: field("state") })
    }

    /// An address of the app's settings: one that starts with a slash is below the request URL base.
    pub fn below_base(&self, url: &str) -> String {
        if url.starts_with('/') {
            format!("{}{url}", self.request_url_base.trim_end_matches('/'))
        } else {
            url.to_owned()
        }
    }

    /// Keeps what is asked until the person answers, and returns its key.
    pub fn keep_consent(&mut self, asked: Asked) -> String {
        let key = secret();
        self.desk.consents.insert(key.clone(), asked);
        key
    }

    /// Takes what was asked, once.
    pub fn take_consent(&mut self, key: &str) -> Option<Asked> {
        self.desk.consents.remove(key)
    }

    /// Gives out a code for what a person allows, `granted` being the scopes that were not declined.
    pub fn grant(&mut self, asked: Asked, user: &str, granted: BTreeSet<String>, now_ms: u64) -> String {
        let code = format!("{}.{}", 1_000_000_000 + self.serial(), secret());
        let user = user.to_owned();
        self.desk
            .codes
            .insert(code.clone(), Code { asked, user, granted, created_ms: now_ms, redeemed: false });
        code
    }

    /// Exchanges a code for a token, which installs the app.
    pub fn redeem_code(
        &mut self,
        code: &str,
        redirect_uri: Option<&str>,
        now_ms: u64,
    ) -> Result<Value, &'static str> {
        let code = self.desk.codes.get_mut(code).ok_or("invalid_code")?;
        if code.redeemed || now_ms >= code.created_ms + CODE_LIFETIME_MS {
            return Err("invalid_code");
        }
        if code.asked.redirect_uri.as_deref() != redirect_uri {
            return Err("bad_redirect_uri");
        }
        code.redeemed = true;
        let (user, granted, user_scopes) =
            (code.user.clone(), code.granted.clone(), code.asked.user_scopes.clone());
        self.install(&user, granted);
        let mut answer = self.issue(now_ms);
        answer["authed_user"] = json!({"id": user});
        if !user_scopes.is_empty() {
            let value = format!("xoxp-{}", secret());
            answer["authed_user"] = json!({"id": user, "scope": user_scopes.join(","), "access_token": value,
                "token_type": "user"});
            let scopes = user_scopes.into_iter().collect();
            self.world.app.tokens.push(Token {
                value,
                state: TokenState::OtherType,
                scopes,
                expires_at: None,
            });
        }
        Ok(answer)
    }

    /// Exchanges a refresh token for a new pair.
    pub fn refresh(&mut self, token: &str, now_ms: u64) -> Result<Value, &'static str> {
        let used = self.desk.refresh_tokens.get_mut(token).ok_or("invalid_refresh_token")?;
        if *used || self.world.app.installation.is_none() {
            return Err("invalid_refresh_token");
        }
        *used = true;
        Ok(self.issue(now_ms))
    }

    /// Makes the app part of the workspace. Scopes add up over installations.
    pub fn install(&mut self, by: &str, scopes: BTreeSet<String>) {
        let app = &mut self.world.app;
        let mut all = app.installation.take().map(|installation| installation.scopes).unwrap_or_default();
        all.extend(scopes);
        app.installation = Some(Installation { by: by.to_owned(), scopes: all });
        let bot = app.bot_user.clone();
        if let Some(bot) = self.world.user_mut(&bot) {
            bot.deleted = false;
        }
    }

    /// A token for the installation, as `oauth.v2.access` returns it.
    fn issue(&mut self, now_ms: u64) -> Value {
        let now = now_ms / 1000;
        let app = &mut self.world.app;
        let scopes =
            app.installation.as_ref().map(|installation| installation.scopes.clone()).unwrap_or_default();
        let mut answer = json!({
            "token_type": "bot", "scope": scopes.iter().cloned().collect::<Vec<_>>().join(","),
            "bot_user_id": app.bot_user, "app_id": app.id,
            "team": {"id": self.world.team.id, "name": self.world.team.name},
            "enterprise": self.world.team.enterprise.as_ref().map(|(id, name)| json!({"id": id, "name": name})),
            "is_enterprise_install": false,
        });
        let lives =
            |token: &&mut Token| token.state == TokenState::Bot && token.expires_at.is_none_or(|at| at > now);
        if app.token_rotation {
            let mut live: Vec<_> =
                app.tokens.iter_mut().filter(|token| token.expires_at.is_some()).filter(lives).collect();
            // Slack does not say how the oldest ends; expiring is what its client survives.
            let surplus = (live.len() + 1).saturating_sub(LIVE_TOKENS);
            live.iter_mut().take(surplus).for_each(|token| token.expires_at = Some(now));
            let (value, refresh_token) =
                (format!("xoxe.xoxb-1-{}", secret()), format!("xoxe-1-{}", secret()));
            let expires_at = Some(now + TOKEN_LIFETIME);
            app.tokens.push(Token { value: value.clone(), state: TokenState::Bot, scopes, expires_at });
            self.desk.refresh_tokens.insert(refresh_token.clone(), false);
            answer["access_token"] = json!(value);
            answer["refresh_token"] = json!(refresh_token);
            answer["expires_in"] = json!(TOKEN_LIFETIME);
        } else {
            // A bot has one lasting token in a workspace; a later installation only widens it.
            let known = app.tokens.iter_mut().filter(|token| token.expires_at.is_none()).find(lives);
            let value = match known {
                Some(token) => {
                    token.scopes = scopes;
                    token.value.clone()
                }
                None => {
                    let value = format!("xoxb-{}-{}", 1_000_000_000, secret());
                    app.tokens.push(Token {
                        value: value.clone(),
                        state: TokenState::Bot,
                        scopes,
                        expires_at: None,
                    });
                    value
                }
            };
            answer["access_token"] = json!(value);
        }
        answer
    }

    /// Ends one token. An app that has no bot token left is not installed any more.
    pub fn revoke_token(&mut self, value: &str, now_ms: u64) {
        let app = &mut self.world.app;
        if let Some(token) = app.tokens.iter_mut().find(|token| token.value == value) {
            token.state = TokenState::Revoked;
        }
        if !app.tokens.iter().any(|token| token.state == TokenState::Bot) {
            self.uninstall(now_ms);
        }
    }

    /// Takes the app out of the workspace: its tokens end, its bot user is deactivated and leaves every channel.
    pub fn uninstall(&mut self, now_ms: u64) {
        let bot = self.world.app.bot_user.clone();
        self.raise("tokens_revoked", false, json!({"tokens": {"oauth": [], "bot": [bot]}}), now_ms);
        self.raise("app_uninstalled", false, json!({}), now_ms);
        let app = &mut self.world.app;
        if app.installation.take().is_none() {
            return;
        }
        // That is what Slack answers to the token of a bot user that is gone.
        for token in app.tokens.iter_mut().filter(|token| token.state == TokenState::Bot) {
            token.state = TokenState::Inactive;
        }
        self.desk = Desk::default();
        self.forget_views();
        self.remove_bot_from_workspace();
    }

    /// The bot user of an app that is not installed is deactivated and nowhere a member.
    pub fn remove_bot_from_workspace(&mut self) {
        let bot = self.world.app.bot_user.clone();
        for channel in &mut self.world.channels {
            channel.members.retain(|member| *member != bot);
        }
        if let Some(bot) = self.world.user_mut(&bot) {
            bot.deleted = true;
        }
    }
}

/// Whether a person may install apps.
pub(crate) fn may_install(user: &User) -> bool {
    let full = !matches!(
        user.standing,
        Standing::Guest | Standing::SingleChannelGuest | Standing::Stranger | Standing::Bot
    );
    full && !user.deleted
}

/// Whether an address is that of the settings or lies beneath it. Slack takes `https` only; plain `http` is allowed
/// here for loopback.
fn beneath(asked: &str, configured: &str) -> bool {
    let (Ok(asked), Ok(configured)) = (url::Url::parse(asked), url::Url::parse(configured)) else {
        return false;
    };
    let loopback = matches!(asked.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let allowed = asked.scheme() == "https" || (asked.scheme() == "http" && loopback);
    let bare = asked.username().is_empty() && asked.password().is_none() && asked.fragment().is_none();
    let (path, root) = (asked.path(), configured.path());
    let below = path.strip_prefix(root.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
    allowed && bare && asked.origin() == configured.origin() && (path == root || below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_go_to_configured_addresses_and_what_is_beneath_them() {
        let configured = "https://alfred.example.com/slack/oauth";
        for (asked, allowed) in [
            ("https://alfred.example.com/slack/oauth", true),
            ("https://alfred.example.com/slack/oauth?a=b", true),
            ("https://alfred.example.com/slack/oauth/callback", true),
            ("https://alfred.example.com/slack/oauth2", false),
            ("https://alfred.example.com/slack", false),
            ("https://alfred.example.com/slack/oauth/../other", false),
            ("https://alfred.example.com:8443/slack/oauth", false),
            ("https://alfred.example.com@evil.example/slack/oauth", false),
            ("https://a@alfred.example.com/slack/oauth", false),
            ("https://:b@alfred.example.com/slack/oauth", false),
            ("https://alfred.example.com.evil.example/slack/oauth", false),
            ("http://alfred.example.com/slack/oauth", false),
            ("https://alfred.example.com/slack/oauth#x", false),
            ("javascript:alert(1)", false),
            ("", false),
        ] {
            assert_eq!(beneath(asked, configured), allowed, "{asked}");
        }
        assert!(beneath("http://127.0.0.1:5/cb", "http://127.0.0.1:5/cb"));
        assert!(!beneath("http://alfred.example.com/cb", "http://alfred.example.com/cb"), "no TLS");
        assert!(beneath("http://127.0.0.1:5/cb/x", "http://127.0.0.1:5/"));
    }
}
