//! How Slack signs its requests.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// `X-Slack-Signature` of a request: `v0=` and the lower-case hexadecimal HMAC-SHA256, keyed with the signing secret,
/// of `v0:<timestamp header as sent>:<body as sent>`.
pub fn sign(signing_secret: &str, timestamp: &str, body: &[u8]) -> String {
    // HMAC takes a key of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(signing_secret.as_bytes()) else { return String::new() };
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold(String::from("v0="), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// `application/x-www-form-urlencoded` as Slack writes it: everything but letters, digits, `-`, `_` and `.` is
/// percent-encoded in upper case, a space becomes `+`. Encoders that keep `*` give another text and another signature.
pub fn form(fields: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        encode(&mut text, name);
        text.push('=');
        encode(&mut text, value);
    }
    text
}

fn encode(text: &mut String, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(char::from(byte)),
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example on Slack's page about verifying requests.
    #[test]
    fn signs_as_slack_documents() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
                    &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
                    &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554\
                    %2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        assert_eq!(
            sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body.as_bytes()),
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }

    #[test]
    fn writes_forms_as_slack_does() {
        let fields = [
            ("token", "x"),
            ("team_id", "T0ALFRED1"),
            ("channel_id", "C0ALFRED1"),
            ("user_id", "U0ALFRED1"),
            ("command", "/alfred-invoke"),
            ("text", "s3 ls *.log —profile “dev” &amp;"),
        ];
        let body = form(&fields);
        assert_eq!(
            body,
            "token=x&team_id=T0ALFRED1&channel_id=C0ALFRED1&user_id=U0ALFRED1&command=%2Falfred-invoke\
             &text=s3+ls+%2A.log+%E2%80%94profile+%E2%80%9Cdev%E2%80%9D+%26amp%3B"
        );
        assert_eq!(
            sign("alfred-test-secret-0123456789abcdef", "1760000000", body.as_bytes()),
            "v0=aa4ac2c659d201395191102a4adc32cd973ef87b22f4a9de676e9f0233781e0d"
        );
    }
}
