//! What people see while they install: plain pages that need nothing from anywhere else.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::exchange::Failure;
use super::{INSTALL, Response, START};

/// A page.
#[derive(Debug, Clone)]
pub(super) enum Page {
    /// "Add to Slack".
    Install,
    /// It worked.
    Installed {
        team: String,
    },
    /// The person pressed Cancel.
    Denied,
    /// Slack sent back an error instead of a code.
    Refused(String),
    /// The state is not one of this browser's, was used, or is too old.
    UnknownState,
    /// The exchange failed.
    Failed(Failure),
    /// A table cannot be reached.
    Unavailable,
    WrongMethod,
    NotFound,
}

const STYLE: &str = ":root{color-scheme:light dark}\
body{font:1.05rem/1.6 system-ui,sans-serif;max-width:38rem;margin:12vh auto;padding:0 1.5rem}\
h1{font-size:1.6rem;line-height:1.25}code{font-size:.95em;padding:.1em .3em;border:1px solid #8886;border-radius:.3em}\
a.button{display:inline-block;padding:.7em 1.3em;border-radius:.4em;background:#1f2a44;color:#fff;text-decoration:none;\
font-weight:600;border:1px solid #fff6}a.button:focus-visible{outline:3px solid #4a90d9;outline-offset:2px}li{margin:.3em 0}";

/// The one style that these pages may have, by its hash. There is no script, no image and nothing from elsewhere.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        STANDARD.encode(digest)
    )
});

impl Page {
    pub(super) fn response(&self) -> Response {
        let (status_code, title, text) = self.words();
        let again = match self {
            Page::Install | Page::Installed { .. } | Page::NotFound | Page::WrongMethod => String::new(),
            _ => format!("<p><a class=\"button\" href=\"{INSTALL}\">Start again</a></p>"),
        };
        let body = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><title>{title} · Alfredbot</title><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1>{text}{again}</main></body></html>\n"
        );
        let mut headers = BTreeMap::from([
            ("content-type", "text/html; charset=utf-8".to_owned()),
            ("content-security-policy", POLICY.clone()),
        ]);
        if status_code == 405 {
            headers.insert("allow", "GET".to_owned());
        }
        Response { status_code, headers: with_security(headers), cookies: Vec::new(), body }
    }

    fn words(&self) -> (u16, &'static str, String) {
        match self {
            Page::Install => (
                200,
                "Add Alfredbot to Slack",
                format!(
                    "<p>Alfredbot runs AWS CLI commands for the people in your workspace, each under their own role.</p>\
                     <p><a class=\"button\" id=\"add-to-slack\" href=\"{START}\">Add to Slack</a></p>\
                     <p>It asks for these permissions:</p><ul>\
                     <li>slash commands, direct messages and files: to take commands and to answer them</li>\
                     <li>reading channels, user groups and users: to know who is in a channel that you map to a role. \
                     It reads no messages.</li></ul>"
                ),
            ),
            Page::Installed { team } => (
                200,
                "Alfredbot is installed",
                format!(
                    "<p>It is in the workspace <strong>{}</strong> now. Next, in Slack, as an admin of the workspace:</p><ol>\
                     <li>invite it into a private channel: <code>/invite @alfredbot</code></li>\
                     <li>map the channel to a role: <code>/alfred-admin add group #channel &lt;role arn&gt; 10</code></li>\
                     <li>put the trust policy that it shows on the role</li></ol>\
                     <p><code>/alfred-admin help</code> tells more. You can close this page.</p>",
                    escape(team)
                ),
            ),
            Page::Denied => (
                403,
                "Not installed",
                "<p>You did not allow it, so nothing was installed and nothing is kept.</p>".into(),
            ),
            Page::Refused(error) => (
                400,
                "Not installed",
                format!("<p>Slack sent back <code>{}</code>. Nothing is kept.</p>", escape(error)),
            ),
            Page::UnknownState => (
                400,
                "This link cannot be used",
                "<p>An install has to be finished in the browser in which it was begun, within 10 minutes, and only once. \
                 Nothing is kept of this one. If you have already read that Alfredbot is installed, it is.</p>"
                    .into(),
            ),
            Page::Failed(failure) => (
                if matches!(failure, Failure::Unanswered(_) | Failure::NotKept(_)) { 503 } else { 400 },
                "Not installed",
                format!("<p>{} Nothing is kept.</p>", reason(failure)),
            ),
            Page::Unavailable => (
                503,
                "Not now",
                "<p>Installs cannot be taken at the moment. Nothing is kept; try again in a minute.</p>".into(),
            ),
            Page::WrongMethod => (405, "Not here", "<p>These pages are only for looking at.</p>".into()),
            Page::NotFound => (404, "Not here", format!("<p>There is <a href=\"{INSTALL}\">a page to install Alfredbot</a>.</p>")),
        }
    }
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Refused(code) if code == "invalid_code" => {
            "Slack does not take the code: it was used already, or is older than 10 minutes.".into()
        }
        Failure::Refused(code) => format!("Slack refused: <code>{}</code>.", escape(code)),
        Failure::Unanswered(_) => "Slack did not answer.".into(),
        Failure::Organisation => {
            "Alfredbot cannot be installed for a whole organisation; install it in one workspace.".into()
        }
        Failure::OtherWorkspace => {
            "You allowed it in another workspace than the one that it was to be installed in.".into()
        }
        Failure::NoWorkspace => "Slack did not say which workspace it is.".into(),
        Failure::NoBotToken => "Slack gave no token for the bot.".into(),
        Failure::MissingScopes(scopes) => {
            format!(
                "Alfredbot cannot work without these permissions: <code>{}</code>.",
                escape(&scopes.join(", "))
            )
        }
        Failure::NotKept(_) => "The token could not be kept safely.".into(),
    }
}

/// Sends the browser somewhere else.
pub(super) fn redirect(location: &str) -> Response {
    let headers = BTreeMap::from([("location", location.to_owned())]);
    Response { status_code: 302, headers: with_security(headers), cookies: Vec::new(), body: String::new() }
}

/// These URLs carry states and codes: nobody may keep them, or hear of them from the browser.
fn with_security(mut headers: BTreeMap<&'static str, String>) -> BTreeMap<&'static str, String> {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.insert(name, value.to_owned());
    }
    headers
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_elsewhere_is_shown_literally() {
        for page in [
            Page::Installed { team: "<script>alert(1)</script>".into() },
            Page::Refused("\"><script>".into()),
            Page::Failed(Failure::Refused("<script>".into())),
            Page::Failed(Failure::MissingScopes(vec!["<script>".into()])),
        ] {
            let response = page.response();
            assert!(!response.body.contains("<script"), "{}", response.body);
            assert!(
                response.headers["content-security-policy"]
                    .starts_with("default-src 'none'; style-src 'sha256-")
            );
            assert_eq!(response.headers["cache-control"], "no-store");
        }
    }

    #[test]
    fn every_failure_has_its_own_words_and_a_way_on() {
        let pages = [
            Page::Denied,
            Page::Refused("invalid_scope".into()),
            Page::UnknownState,
            Page::Unavailable,
            Page::Failed(Failure::Refused("invalid_code".into())),
            Page::Failed(Failure::Refused("bad_redirect_uri".into())),
            Page::Failed(Failure::Unanswered(String::new())),
            Page::Failed(Failure::Organisation),
            Page::Failed(Failure::OtherWorkspace),
            Page::Failed(Failure::NoWorkspace),
            Page::Failed(Failure::NoBotToken),
            Page::Failed(Failure::MissingScopes(vec!["users:read".into()])),
            Page::Failed(Failure::NotKept(String::new())),
        ];
        let mut bodies: Vec<String> = pages.iter().map(|page| page.response().body).collect();
        for body in &bodies {
            assert!(
                body.contains("Start again") && body.contains("Nothing is kept")
                    || body.contains("nothing is kept")
            );
        }
        bodies.sort();
        bodies.dedup();
        assert_eq!(bodies.len(), pages.len());
    }
}
