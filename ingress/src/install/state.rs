//! The state of an install that is under way: made once, known to one browser, and used up by the first who brings it
//! back (RFC 6749 §10.12). The table holds hashes only, so whoever reads it can finish nobody's install.

use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use shared::secret::Secret;

/// How long an install may take, in seconds (10 minutes, as long as Slack's code lives).
pub const STATE_LIFE: u64 = 600;

/// Bound to this host, to HTTPS and to the whole of it: RFC 6265bis §4.1.3.2.
const COOKIE: &str = "__Host-alfred-install";

/// Where states are kept: items of their own in the installations table.
pub(super) struct States<'a> {
    pub(super) db: &'a aws_sdk_dynamodb::Client,
    pub(super) table: &'a str,
}

/// What one browser is known by during an install.
pub(super) struct Browser(Secret<String>);

/// An install that was begun.
pub(super) struct Begun {
    /// The workspace that was asked for.
    pub(super) team: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct StateError(String);

impl Browser {
    /// The browser that sent these cookies.
    pub(super) fn of(cookies: &[String]) -> Option<Self> {
        let mut values =
            cookies.iter().filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        let value = values.next()?.to_owned();
        if values.next().is_some() { None } else { Some(Self(Secret::new(value))) }
    }

    pub(super) fn cookie(&self) -> String {
        format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={STATE_LIFE}", self.0.expose())
    }
}

impl States<'_> {
    /// Makes a state and the cookie that it belongs to. `team` is the workspace that was asked for, if one was.
    pub(super) async fn begin(
        &self,
        team: Option<&str>,
        now: u64,
    ) -> Result<(Secret<String>, Browser), StateError> {
        let (state, browser) = (random()?, random()?);
        let mut put = self
            .db
            .put_item()
            .table_name(self.table)
            .item("tenant", AttributeValue::S(key(state.expose())))
            .item("cookie", AttributeValue::S(hash(browser.expose())))
            .item("expires_at", AttributeValue::N((now + STATE_LIFE).to_string()))
            .condition_expression("attribute_not_exists(tenant)");
        if let Some(team) = team {
            put = put.item("team", AttributeValue::S(team.to_owned()));
        }
        put.send().await.map_err(|error| StateError(DisplayErrorContext(&error).to_string()))?;
        Ok((state, Browser(browser)))
    }

    /// Uses a state up, if it was begun in this browser and is not too old: of several who bring it, one gets it.
    pub(super) async fn finish(
        &self,
        state: &str,
        browser: Option<&Browser>,
        now: u64,
    ) -> Result<Option<Begun>, StateError> {
        let Some(browser) = browser else { return Ok(None) };
        let delete = self
            .db
            .delete_item()
            .table_name(self.table)
            .key("tenant", AttributeValue::S(key(state)))
            .condition_expression("attribute_exists(tenant) AND cookie = :cookie AND expires_at > :now")
            .expression_attribute_values(":cookie", AttributeValue::S(hash(browser.0.expose())))
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
            .return_values(ReturnValue::AllOld);
        match delete.send().await {
            Ok(deleted) => {
                let item = deleted.attributes.unwrap_or_default();
                Ok(Some(Begun { team: item.get("team").and_then(|team| team.as_s().ok()).cloned() }))
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|refusal| refusal.is_conditional_check_failed_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(StateError(DisplayErrorContext(&error).to_string())),
        }
    }
}

/// The key of a state's item. No tenant's id begins like this.
fn key(state: &str) -> String {
    format!("state#{}", hash(state))
}

fn hash(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    hexadecimal(digest.as_ref())
}

/// 256 random bits.
fn random() -> Result<Secret<String>, StateError> {
    let mut bits = [0; 32];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| StateError("no random numbers".into()))?;
    Ok(Secret::new(hexadecimal(&bits)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_by_its_one_cookie() {
        let cookies =
            |list: &[&str]| Browser::of(&list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        let value = |list: &[&str]| cookies(list).map(|browser| browser.0.expose().clone());
        assert_eq!(value(&["a=b", "__Host-alfred-install=x"]), Some("x".into()));
        assert_eq!(value(&["a=b", "alfred-install=x"]), None);
        assert_eq!(value(&["__Host-alfred-install=x", "__Host-alfred-install=y"]), None);
        assert_eq!(value(&[]), None);
        let cookie = Browser(Secret::new("x".into())).cookie();
        for attribute in
            ["__Host-alfred-install=x", "Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=600"]
        {
            assert!(cookie.split("; ").any(|part| part == attribute), "{cookie}");
        }
    }

    #[test]
    fn states_are_random_and_kept_as_hashes() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!(one.expose().len(), 64);
        assert_ne!(one, other);
        assert!(!key(one.expose()).contains(one.expose()));
    }
}
