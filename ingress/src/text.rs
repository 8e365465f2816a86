//! What a person typed, from what Slack and his operating system made of it.
//!
//! Slack replaces mentions and links by `<…>` entities and escapes `&`, `<` and `>`; phones and Macs replace quotes and
//! double dashes by typographic ones. All of it is undone here, once: everything after reads the same text.

/// The longest command accepted, in bytes of UTF-8 after [`normalise`] (64 KiB). As an ASCII record it is then at most
/// three times as long, which together with the rest of the job stays under the 256 KiB that every SQS queue takes.
pub const MAX_TEXT: usize = 64 * 1024;

/// Why a text cannot be a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// A control character other than line feed and tab, such as NUL. No AWS parameter needs one, and terminals and
    /// logs act on them.
    Control(char),
    /// U+FFFD: some bytes on the way were no UTF-8, so this is not what was typed.
    Undecodable,
    /// Longer than [`MAX_TEXT`].
    TooLong,
}

/// The text that was typed, without white space around it. Never longer than `sent`.
///
/// # Errors
/// When it holds what no command may hold, or is too long.
pub fn normalise(sent: &str) -> Result<String, Unusable> {
    let typed = straighten(&resolve_entities(sent))?;
    let typed = typed.trim();
    if typed.len() > MAX_TEXT { Err(Unusable::TooLong) } else { Ok(typed.to_owned()) }
}

/// Replaces each entity by what it stands for, and decodes the text between them.
fn resolve_entities(sent: &str) -> String {
    let mut text = String::with_capacity(sent.len());
    let mut rest = sent;
    while let Some(open) = rest.find('<') {
        unescape_into(&mut text, &rest[..open]);
        let inside = &rest[open + 1..];
        let resolved = inside.find('>').and_then(|close| Some((meaning(&inside[..close])?, close)));
        match resolved {
            Some((meaning, close)) => {
                unescape_into(&mut text, meaning);
                rest = &inside[close + 1..];
            }
            // No entity of Slack's: kept as it is.
            None => {
                text.push('<');
                rest = inside;
            }
        }
    }
    unescape_into(&mut text, rest);
    text
}

/// What the entity `<inside>` stands for in an argument: the id of a mention, the label of a link (that is what was
/// typed), the name of a special mention. Nothing if it is no entity.
fn meaning(inside: &str) -> Option<&str> {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    let id = target
        .strip_prefix("!subteam^")
        .or_else(|| target.strip_prefix('@'))
        .or_else(|| target.strip_prefix('#'))
        .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if id.is_some() {
        return id;
    }
    match target {
        "!here" => return Some("@here"),
        "!channel" => return Some("@channel"),
        "!everyone" => return Some("@everyone"),
        _ => {}
    }
    let address = target.strip_prefix("mailto:").or_else(|| target.strip_prefix("tel:"));
    if target.starts_with('!') || address.is_some() {
        return label.or(address);
    }
    target.contains("://").then(|| label.unwrap_or(target))
}

/// Decodes `&lt;`, `&gt;` and `&amp;` in one pass, so that the typed text `&lt;`, sent as `&amp;lt;`, comes out as typed.
fn unescape_into(text: &mut String, escaped: &str) {
    const REFERENCES: [(&str, char); 3] = [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&')];
    let mut rest = escaped;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        match REFERENCES.iter().find(|(reference, _)| rest.starts_with(reference)) {
            Some((reference, character)) => {
                text.push(*character);
                rest = &rest[reference.len()..];
            }
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
}

/// Turns typographic punctuation back into what the keyboard sent, and refuses control characters.
fn straighten(text: &str) -> Result<String, Unusable> {
    let mut straight = String::with_capacity(text.len());
    let mut characters = text.chars().filter(|character| !is_zero_width(*character)).peekable();
    let mut at_start = true; // of a word
    let mut quote = None; // that is open: what it holds is data
    let mut escaped = false; // by a backslash
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match character {
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '«' | '»' => straight.push('"'),
            '\u{2018}' | '\u{2019}' | '\u{201a}' => straight.push('\''),
            // Elsewhere a dash may be data.
            '–' | '—' if at_start && quote.is_none() && next.is_some_and(char::is_alphabetic) => {
                straight.push_str("--");
            }
            '\u{a0}' | '\u{202f}' => straight.push(' '),
            '\r' if next == Some('\n') => continue,
            '\n' | '\t' => straight.push(character),
            '\u{fffd}' => return Err(Unusable::Undecodable),
            _ if character.is_control() => return Err(Unusable::Control(character)),
            _ => straight.push(character),
        }
        match straight.chars().next_back() {
            _ if escaped => escaped = false,
            Some('\\') if quote != Some('\'') => escaped = true,
            Some(sign @ ('"' | '\'')) if quote.is_none() => quote = Some(sign),
            sign if sign == quote => quote = None,
            _ => {}
        }
        at_start = straight.ends_with(char::is_whitespace);
    }
    Ok(straight)
}

/// Characters that keyboards and copied web pages leave behind and nobody sees.
fn is_zero_width(character: char) -> bool {
    matches!(character, '\u{200b}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_slack_and_the_keyboard_changed_is_undone() {
        let table = [
            // Nothing to undo.
            ("", ""),
            ("  s3 ls  ", "s3 ls"),
            ("s3 ls s3://logs --recursive", "s3 ls s3://logs --recursive"),
            ("--filters 'Name=tag:a,Values=ü'", "--filters 'Name=tag:a,Values=ü'"),
            // Escapes, once.
            ("a &amp;&amp; b", "a && b"),
            ("&lt;&lt;EOF &gt; x", "<<EOF > x"),
            ("&amp;lt;", "&lt;"),
            ("&amp;amp;lt;", "&amp;lt;"),
            ("&quot; &am p; & &", "&quot; &am p; & &"),
            // Mentions give their id, with a label and without.
            ("add <@U0ANNA> <@W0BEN|ben>", "add U0ANNA W0BEN"),
            ("<#C0OPS|ops> <#C0OPS> <#G0PROD|>", "C0OPS C0OPS G0PROD"),
            ("<!subteam^S0SRE|@sre> <!subteam^S0SRE>", "S0SRE S0SRE"),
            ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
            ("<!date^1760000000^{date}|today>", "today"),
            // Links give what was typed.
            ("<https://example.com/?a=1&amp;b=2>", "https://example.com/?a=1&b=2"),
            ("--url <http://example.com|example.com>", "--url example.com"),
            ("<mailto:a@example.com|a@example.com> <mailto:b@example.com>", "a@example.com b@example.com"),
            ("<tel:+123|+1 23>", "+1 23"),
            ("x=<https://a.example|https://a.example>,y", "x=https://a.example,y"),
            // What is no entity stays.
            ("<b> <@> <@U 1> < <! <a", "<b> <@> <@U 1> < <! <a"),
            // Quotes.
            ("--query “a[?b==‘c’]”", "--query \"a[?b=='c']\""),
            ("„a“ «b» ‚c’", "\"a\" \"b\" 'c'"),
            // Dashes: only where an option begins.
            ("ls —profile dev –region eu", "ls --profile dev --region eu"),
            ("—é a—b 1–2 — –1 x=—y", "--é a—b 1–2 — –1 x=—y"),
            ("a\u{a0}—b\n—c\t—d", "a --b\n--c\t--d"),
            ("\u{200b}—\u{feff}profile", "--profile"),
            // Inside quotes a dash is data, whatever the quotes were.
            (
                "--message-body \"notes —fixed –beta\" —region eu",
                "--message-body \"notes —fixed –beta\" --region eu",
            ),
            ("—a ‘it is —not’ —b", "--a 'it is —not' --b"),
            ("—a “it's —not” —b", "--a \"it's —not\" --b"),
            (r#"—a "x\" —not" —b '\' —c"#, r#"--a "x\" —not" --b '\' --c"#),
            // Spaces and line ends.
            ("a\u{a0}b\u{202f}c", "a b c"),
            ("a\u{200b}b\u{feff}", "ab"),
            ("a\r\nb", "a\nb"),
            ("a…b", "a…b"),
        ];
        for (sent, typed) in table {
            assert_eq!(normalise(sent).as_deref(), Ok(typed), "{sent:?}");
        }
    }

    #[test]
    fn the_text_of_the_signature_vector_reads_as_it_was_typed() {
        assert_eq!(
            normalise("s3 ls *.log —profile “dev” &amp;").as_deref(),
            Ok("s3 ls *.log --profile \"dev\" &")
        );
    }

    #[test]
    fn control_characters_are_refused_by_name() {
        for character in ['\0', '\u{1}', '\u{8}', '\u{b}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9f}', '\r'] {
            assert_eq!(normalise(&format!("a{character}b")), Err(Unusable::Control(character)));
        }
        assert_eq!(normalise("a\u{fffd}b"), Err(Unusable::Undecodable));
    }

    #[test]
    fn the_limit_counts_bytes_of_what_was_typed() {
        let longest = "x".repeat(MAX_TEXT);
        for good in [&longest[1..], &longest, &format!(" {longest} "), &"&amp;".repeat(MAX_TEXT)] {
            assert!(normalise(good).is_ok());
        }
        for bad in [format!("{longest}x"), "é".repeat(MAX_TEXT / 2 + 1)] {
            assert_eq!(normalise(&bad), Err(Unusable::TooLong));
        }
    }

    proptest! {
        /// Slack's escaping, written down apart from the code that undoes it.
        #[test]
        fn whatever_plain_text_slack_escapes_comes_back(typed in "[ -~]{0,80}") {
            let sent = typed.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            prop_assert_eq!(normalise(&sent), Ok(typed.trim().to_owned()));
        }

        #[test]
        fn no_text_makes_it_fail_or_grow(
            sent in "([<>|!@#&;a-zA-Z\\x00-\\x20\u{a0}–—“’…\u{200b}é🦀]|&lt;|&amp;|<@U1|<https://){0,60}"
        ) {
            if let Ok(typed) = normalise(&sent) {
                prop_assert!(typed.len() <= sent.len());
                let undone = ['“', '’', '\u{200b}', '\u{a0}', '\0'];
                prop_assert!(!typed.contains(undone));
            }
        }
    }
}
