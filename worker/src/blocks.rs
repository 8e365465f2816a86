//! An answer as a Slack message, within Slack's limits. Whatever came from AWS or was typed is a plain text element:
//! Slack reads no mention, link or fence in it. Characters that a person cannot see, or that turn others around, are
//! made visible.

use serde_json::{Value, json};

use crate::outcome::Answer;

/// How much output is shown in the conversation, in characters. Slack refuses messages of 11,000 to 13,000 characters
/// of block text without documenting a limit; about 8,000 leaves room for the rest.
pub const MAX_INLINE: usize = 8_000;

/// How much of a longer output is shown beside its file, in characters: enough to see what it is.
pub const HEAD: usize = 2_000;

/// The most characters of one text element. Slack documents 3,000 for text objects and nothing for those of rich text.
const MAX_ELEMENT: usize = 3_000;

/// The most characters of our own words. They are short; names and values in them may not be.
const MAX_SAID: usize = 2_900;

/// The most characters of the line of facts.
const MAX_FACTS: usize = 1_000;

/// Where the whole of a long output is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// All of it is in the message.
    Inline,
    /// In a file in the user's direct messages with the app.
    File,
    /// Nowhere in Slack: a sentence that says why, and what to do.
    Missing(String),
}

/// Whether the answer is too long to be shown in the conversation. What cannot be seen takes more room once it can.
pub fn is_long(answer: &Answer) -> bool {
    let outputs = [answer.stdout.as_str(), answer.stderr.as_str()];
    outputs.map(length).iter().sum::<usize>() > MAX_INLINE
        || outputs.map(|output| length(&visible(output))).iter().sum::<usize>() > MAX_INLINE
}

/// The message: `text` for notifications, and `blocks`.
pub fn message(answer: &Answer, rest: &Rest) -> Value {
    let mut blocks = Vec::new();
    let said = visible(&answer.said);
    if !said.is_empty() {
        blocks.push(match cut(&said, MAX_SAID) {
            (all, "") => words(all),
            (begin, _) => words(&format!("{begin}…")),
        });
    }
    let is_long = is_long(answer);
    let room = if is_long { HEAD } else { MAX_INLINE };
    let stdout = visible(&answer.stdout);
    let stderr = visible(&answer.stderr);
    // Complaints are short and matter most: they get what they need first.
    let (stderr_shown, _) = cut(stderr.trim_matches('\n'), room);
    let (stdout_shown, _) = cut(stdout.trim_end_matches('\n'), room - length(stderr_shown));
    for output in [stdout_shown, stderr_shown] {
        blocks.extend(preformatted(output));
    }
    if is_long {
        let shown = length(stdout_shown) + length(stderr_shown);
        let all = length(&stdout) + length(&stderr);
        let end = match rest {
            Rest::Inline => String::new(),
            Rest::File => " The whole output is a file in your direct messages with me.".to_owned(),
            Rest::Missing(why) => format!(" {why}"),
        };
        let note = format!("Shown: the first {shown} of {all} characters.{end}");
        blocks.push(words(cut(&visible(&note), MAX_SAID).0));
    }
    let facts = visible(&answer.facts.join(" · "));
    let facts = cut(&facts, MAX_FACTS).0;
    blocks.push(json!({"type": "context", "elements": [plain(facts)]}));

    let fallback = if said.is_empty() {
        facts.to_owned()
    } else {
        format!("{} ({facts})", said.lines().next().unwrap_or_default())
    };
    json!({
        "text": escape(cut(&fallback, MAX_SAID).0),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

/// Our own words. What stands between two backquotes is shown as code; everything is literal text either way.
fn words(text: &str) -> Value {
    let mut elements = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, after)) = after.split_once('`').filter(|(code, _)| !code.is_empty()) else { break };
        if !before.is_empty() {
            elements.push(json!({"type": "text", "text": before}));
        }
        elements.push(json!({"type": "text", "text": code, "style": {"code": true}}));
        rest = after;
    }
    if !rest.is_empty() {
        elements.push(json!({"type": "text", "text": rest}));
    }
    json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]})
}

/// Literal blocks for `text`, broken at line ends where possible.
fn preformatted(text: &str) -> Vec<Value> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (mut piece, after) = cut(rest, MAX_ELEMENT);
        if !after.is_empty()
            && let Some(line_end) = piece.rfind('\n')
        {
            piece = &piece[..=line_end];
        }
        rest = &rest[piece.len()..];
        let shown = piece.strip_suffix('\n').unwrap_or(piece);
        // A text element may not be empty, which a lone empty line would be.
        let shown = if shown.is_empty() { " " } else { shown };
        blocks.push(json!({
            "type": "rich_text",
            "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": shown}]}],
        }));
    }
    blocks
}

/// How long Slack takes a text to be: in UTF-16 units, which is never less than in characters.
fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The first part of `text` that is at most `room` long, and the rest.
fn cut(text: &str, room: usize) -> (&str, &str) {
    let mut used = 0;
    for (index, character) in text.char_indices() {
        used += character.len_utf16();
        if used > room {
            return text.split_at(index);
        }
    }
    (text, "")
}

/// Escapes text that Slack parses as mrkdwn, once.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Makes what cannot be seen visible: control characters as their pictures or code points, marks that reorder or hide
/// text as code points. Line ends and tabs stay.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(character))),
            '\u{7f}' => shown.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => shown.push_str(&format!("[U+{:04X}]", u32::from(character))),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(stdout: &str, stderr: &str) -> Answer {
        Answer {
            stdout: stdout.into(),
            stderr: stderr.into(),
            facts: vec!["exit 0".into(), "job 01234567".into()],
            ..Answer::default()
        }
    }

    /// All preformatted texts of a message, joined as a person reads them.
    fn shown(message: &Value) -> Vec<&str> {
        let blocks = message["blocks"].as_array().unwrap();
        let preformatted = |block: &&Value| block["elements"][0]["type"] == "rich_text_preformatted";
        let blocks = blocks.iter().filter(preformatted);
        blocks.filter_map(|block| block["elements"][0]["elements"][0]["text"].as_str()).collect()
    }

    #[test]
    fn a_short_answer_is_output_and_facts() {
        let message = message(&answer("{\n    \"a\": 1\n}\n", ""), &Rest::Inline);
        assert_eq!(
            message,
            json!({
                "text": "exit 0 · job 01234567",
                "blocks": [
                    {"type": "rich_text", "elements": [
                        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "{\n    \"a\": 1\n}"}]}]},
                    {"type": "context", "elements": [{"type": "plain_text", "text": "exit 0 · job 01234567", "emoji": false}]},
                ],
                "unfurl_links": false,
                "unfurl_media": false,
            })
        );
    }

    #[test]
    fn output_up_to_the_limit_is_shown_whole_and_beyond_it_only_its_head() {
        for (size, long) in [(MAX_INLINE - 1, false), (MAX_INLINE, false), (MAX_INLINE + 1, true)] {
            let text: String = "0123456789".chars().cycle().take(size).collect();
            let answer = answer(&text, "");
            assert_eq!(is_long(&answer), long, "{size}");
            let message = message(&answer, &Rest::File);
            let shown = shown(&message).concat();
            assert_eq!(shown, if long { &text[..HEAD] } else { &text }, "{size}");
            let says_so = message.to_string().contains(&format!("the first {HEAD} of {size} characters"));
            assert_eq!(says_so, long);
        }
    }

    #[test]
    fn what_becomes_longer_by_being_visible_counts_as_long_as_it_is_shown() {
        // One character, shown as the eight of [U+200B].
        for (size, long) in [(MAX_INLINE / 8 - 1, false), (MAX_INLINE / 8, false), (MAX_INLINE / 8 + 1, true)]
        {
            let answer = answer(&"\u{200b}".repeat(size), "");
            assert_eq!(is_long(&answer), long, "{size}");
            let message = message(&answer, &Rest::File);
            let says_so =
                message.to_string().contains(&format!("the first {HEAD} of {} characters", size * 8));
            assert_eq!(says_so, long, "{size}");
        }
    }

    #[test]
    fn no_element_exceeds_slacks_limit_whatever_the_lines_are() {
        for size in [1, MAX_ELEMENT - 1, MAX_ELEMENT, MAX_ELEMENT + 1, MAX_INLINE] {
            for unit in ["x", "é", "🦀", "xxxxxxxxxxxxxxxxxxx\n", "\n"] {
                let text: String = unit
                    .chars()
                    .cycle()
                    .take(size / unit.chars().map(char::len_utf16).max().unwrap())
                    .collect();
                let message = message(&answer(&text, ""), &Rest::Inline);
                assert!(message["blocks"].as_array().unwrap().len() <= 50);
                for element in shown(&message) {
                    assert!((1..=MAX_ELEMENT).contains(&length(element)), "{} of {unit:?}", length(element));
                }
            }
        }
    }

    #[test]
    fn lines_are_not_broken_where_that_can_be_helped() {
        let line = format!("{}\n", "x".repeat(99));
        let message = message(&answer(&line.repeat(70), ""), &Rest::Inline);
        for element in shown(&message) {
            assert!(element.lines().all(|line| line.len() == 99));
        }
        assert_eq!(shown(&message).join("\n"), line.repeat(70).trim_end());
    }

    #[test]
    fn complaints_are_shown_even_beside_a_flood() {
        let message = message(&answer(&"x".repeat(100_000), "An error occurred (AccessDenied)"), &Rest::File);
        assert_eq!(shown(&message).last(), Some(&"An error occurred (AccessDenied)"));
    }

    #[test]
    fn hostile_text_stays_text() {
        for (hostile, expected) in [
            ("<!channel> pay", "<!channel> pay"),
            ("<https://evil.example|console.aws>", "<https://evil.example|console.aws>"),
            ("```\n*bold* @here", "```\n*bold* @here"),
            ("&amp;lt;", "&amp;lt;"),
            ("a\u{202e}b", "a[U+202E]b"),
            ("a\u{1b}[31mb", "a\u{241b}[31mb"),
            ("a\0b\u{7f}\u{85}", "a\u{2400}b\u{2421}[U+0085]"),
            ("a\r\nb\rc", "a\nb\u{240d}c"),
            ("\u{200b}\u{feff}\u{2066}\u{e0041}", "[U+200B][U+FEFF][U+2066][U+E0041]"),
            ("héllo 日本 🦀", "héllo 日本 🦀"),
        ] {
            let message = message(&Answer { said: hostile.into(), ..answer(hostile, "") }, &Rest::Inline);
            assert_eq!(shown(&message), [expected]);
            let said = &message["blocks"][0]["elements"][0];
            assert_eq!(said["type"], "rich_text_section");
            for element in said["elements"].as_array().unwrap() {
                assert_eq!(element["type"], "text", "no mention and no link: {element}");
            }
            assert_eq!(said["elements"][0]["text"], expected, "{message}");
            let fallback = message["text"].as_str().unwrap();
            assert!(!fallback.contains(['<', '>']), "{fallback}");
        }
    }

    #[test]
    fn the_fallback_is_escaped_once() {
        let message =
            message(&Answer { said: "&lt;!here> <@U1>".into(), ..Answer::default() }, &Rest::Inline);
        assert!(message["text"].as_str().unwrap().starts_with("&amp;lt;!here&gt; &lt;@U1&gt;"));
        assert!(!message.to_string().contains("mrkdwn"));
    }

    #[test]
    fn what_stands_in_backquotes_is_shown_as_code() {
        for (said, expected) in [
            ("Use `--as prod`.", json!([["Use ", false], ["--as prod", true], [".", false]])),
            ("`a``b`", json!([["a", true], ["b", true]])),
            ("one ` only", json!([["one ` only", false]])),
            ("``` `x", json!([["``` `x", false]])),
        ] {
            let message = message(&Answer { said: said.into(), ..Answer::default() }, &Rest::Inline);
            let elements = message["blocks"][0]["elements"][0]["elements"].as_array().unwrap();
            let shown: Vec<Value> = elements
                .iter()
                .map(|one| json!([one["text"], one["style"]["code"] == json!(true)]))
                .collect();
            assert_eq!(json!(shown), expected, "{said}");
        }
    }

    #[test]
    fn a_long_line_of_escapes_is_neither_decoded_nor_escaped_twice() {
        let line = "&amp;lt;".repeat(37_500);
        let message = message(&answer(&line, ""), &Rest::File);
        assert_eq!(shown(&message).concat(), line[..HEAD]);
        let said = Answer { said: line.clone(), ..Answer::default() };
        let message = super::message(&said, &Rest::Inline);
        assert!(
            message["text"].as_str().unwrap().starts_with("&amp;amp;lt;&amp;amp;lt;"),
            "{}",
            message["text"]
        );
    }

    #[test]
    fn our_own_words_are_cut_where_slack_would_refuse_them_and_show_it() {
        for (size, shown, end) in [
            (MAX_SAID - 1, MAX_SAID - 1, ""),
            (MAX_SAID, MAX_SAID, ""),
            (MAX_SAID + 1, MAX_SAID, "…"),
            (300_000, MAX_SAID, "…"),
        ] {
            let message = message(&Answer { said: "x".repeat(size), ..Answer::default() }, &Rest::Inline);
            let said = &message["blocks"][0]["elements"][0]["elements"][0]["text"];
            assert_eq!(said, &json!("x".repeat(shown) + end), "{size}");
        }
    }
}
