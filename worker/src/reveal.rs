//! What must not come out of a command in chat: credentials that outlive the session, and what looks like a key.
//!
//! Which operations mint is judged by the call that is about to be sent, not by what was typed, so that no spelling gets
//! around it. What a result's model calls secret is hidden by the command itself.

use std::borrow::Cow;

use awscli::secrets::MASK;

/// What is said about a command that mints.
pub fn minting_refusal(service: &str, operation: &str) -> String {
    format!(
        "`{service} {operation}` hands out credentials that work outside of Slack and stay valid after your access here \
         has ended, so it is not run. Run the command that needs them here instead."
    )
}

/// The service and operation that the words name, if they do. Only used to refuse early; the call itself is judged again
/// before it is sent.
pub fn named_operation(argv: &[String]) -> Option<(&str, &str)> {
    let mut words = plain_words(argv);
    Some((argv.get(words.next()?)?, argv.get(words.next()?)?))
}

/// The places of the words that are neither options nor the value of an option of `aws` itself.
pub fn plain_words(argv: &[String]) -> impl Iterator<Item = usize> {
    /// Options of `aws` itself that take a value.
    const WITH_VALUE: [&str; 8] = [
        "--region",
        "--output",
        "--query",
        "--color",
        "--cli-read-timeout",
        "--cli-connect-timeout",
        "--cli-binary-format",
        "--cli-error-format",
    ];
    let mut is_value = false;
    argv.iter().enumerate().filter_map(move |(place, word)| {
        let is_plain = !is_value && !word.starts_with('-');
        is_value = !is_value && WITH_VALUE.contains(&word.as_str());
        is_plain.then_some(place)
    })
}

/// Hides private keys in PEM, JSON web tokens and Slack tokens wherever they stand. Gives how many there were.
pub fn hide_by_looks(text: &str) -> (Cow<'_, str>, usize) {
    let mut shown = String::new();
    let mut rest = text;
    let mut hidden = 0;
    while let Some((start, length)) = first_secret(rest) {
        shown.push_str(&rest[..start]);
        shown.push_str(MASK);
        rest = &rest[start + length..];
        hidden += 1;
    }
    if hidden == 0 {
        return (Cow::Borrowed(text), 0);
    }
    shown.push_str(rest);
    (Cow::Owned(shown), hidden)
}

/// Where the first thing that looks like a secret begins and how long it is, in bytes.
fn first_secret(text: &str) -> Option<(usize, usize)> {
    [
        pem(text),
        token(text, "eyJ", is_web_token),
        token(text, "xox", is_slack_token),
        token(text, "xapp-", is_slack_token),
    ]
    .into_iter()
    .flatten()
    .min()
}

fn pem(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("-----BEGIN ") {
        let start = from + found;
        let label = &text[start + "-----BEGIN ".len()..];
        let label_end = label.find("-----")?;
        if label[..label_end].ends_with("PRIVATE KEY") {
            let end = text[start..].find("-----END ").map(|end| start + end + "-----END ".len());
            // A key that was cut off has no end line; all of the rest is hidden.
            let end = end
                .and_then(|end| Some(end + text[end..].find("-----")? + "-----".len()))
                .unwrap_or(text.len());
            return Some((start, end - start));
        }
        from = start + "-----BEGIN ".len();
    }
    None
}

fn token(text: &str, prefix: &str, is_secret: fn(&str) -> bool) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find(prefix) {
        let start = from + found;
        let inside_word = text[..start].ends_with(|before: char| before.is_ascii_alphanumeric());
        let rest = &text[start..];
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(rest.len());
        if !inside_word && is_secret(&rest[..end]) {
            return Some((start, end));
        }
        from = start + prefix.len();
    }
    None
}

/// Three parts in base64, such as `eyJhbGciOi….eyJzdWIi….c2ln…`.
fn is_web_token(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    matches!(parts[..], [head, claims, signature] if head.len() >= 10 && claims.len() >= 10 && signature.len() >= 16)
}

/// `xoxb-…`, `xoxe.xoxb-…`, `xapp-…`, long enough to be one.
fn is_slack_token(word: &str) -> bool {
    let kind = word.as_bytes().get(3).copied().unwrap_or(b' ');
    word.len() >= 16
        && (kind == b'p'
            || (b"abeprs".contains(&kind) && matches!(word.as_bytes().get(4), Some(b'-' | b'.'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_is_found_behind_options() {
        for (argv, expected) in [
            ("sts assume-role --role-arn x", Some(("sts", "assume-role"))),
            ("--region eu-west-1 sts assume-role", Some(("sts", "assume-role"))),
            ("--region=eu-west-1 sts --query x assume-role", Some(("sts", "assume-role"))),
            ("--no-paginate ec2 describe-instances", Some(("ec2", "describe-instances"))),
            ("sts", None),
            ("", None),
        ] {
            let words: Vec<String> = argv.split_whitespace().map(str::to_owned).collect();
            assert_eq!(named_operation(&words), expected, "{argv}");
        }
    }

    #[test]
    fn what_looks_like_a_key_is_hidden_anywhere() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r";
        for (secret, around) in [
            (jwt, "token={} end"),
            ("xoxb-1234567890-abcdefghij", "\"{}\""),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----", "a {} b"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE", "a {}"),
        ] {
            let text = around.replace("{}", secret);
            let (shown, hidden) = hide_by_looks(&text);
            assert_eq!((shown.as_ref(), hidden), (around.replace("{}", MASK).as_str(), 1));
        }
        for plain in [
            "eyJ",
            "a.b.c",
            "xoxo",
            "box-xoxbeliever",
            "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
            "AKIAIOSFODNN7EXAMPLE",
        ] {
            assert_eq!(hide_by_looks(plain), (Cow::Borrowed(plain), 0));
        }
    }
}
