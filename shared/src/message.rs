//! Text for a person, in pieces of prose and of code. Rich text shows every piece literally: in none of them can a
//! mention, a link or formatting come alive. The text that notifications show is escaped as Slack wants it.

use serde::Serialize;

/// The most characters of one preformatted piece: Slack names no limit for it, and takes this much in any text.
pub const MAX_PREFORMATTED: usize = 3000;

/// A message to one person.
#[derive(Debug, Default, Clone)]
pub struct Message {
    parts: Vec<Part>,
    /// What notifications show.
    fallback: String,
}

/// A part of the message: lines of text, or a block of it in which columns stand below each other.
#[derive(Debug, Clone, Serialize)]
struct Part {
    r#type: &'static str,
    elements: Vec<Piece>,
}

/// A text element.
#[derive(Debug, Clone, Serialize)]
struct Piece {
    r#type: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    style: Option<Style>,
}

#[derive(Debug, Clone, Serialize)]
struct Style {
    code: bool,
}

/// The one block of a message.
#[derive(Serialize)]
struct RichText<'a> {
    r#type: &'static str,
    elements: &'a [Part],
}

/// A message as Slack takes it: in an answer to a command, at a `response_url`, and beside a channel in the Web API.
#[derive(Serialize)]
pub struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    response_type: Option<&'static str>,
    text: &'a str,
    blocks: [RichText<'a>; 1],
}

const SECTION: &str = "rich_text_section";
const PREFORMATTED: &str = "rich_text_preformatted";

impl Message {
    /// Adds prose.
    pub fn plain(&mut self, text: &str) -> &mut Self {
        escape_into(&mut self.fallback, text);
        self.piece(text, None)
    }

    /// Adds something to type or to recognise.
    pub fn code(&mut self, text: &str) -> &mut Self {
        // A backtick inside would end the code and set the rest free.
        self.fallback.push('`');
        escape_into(&mut self.fallback, &text.replace('`', "'"));
        self.fallback.push('`');
        self.piece(text, Some(Style { code: true }))
    }

    /// Adds lines of their own in which columns stand below each other. What is too long for one block goes on in the
    /// next, broken between lines where it can be.
    pub fn preformatted(&mut self, text: &str) -> &mut Self {
        self.fallback.push('\n');
        escape_into(&mut self.fallback, &text.replace('`', "'"));
        let mut rest = text;
        while !rest.is_empty() {
            let limit = rest.char_indices().nth(MAX_PREFORMATTED).map_or(rest.len(), |(at, _)| at);
            let end =
                if limit < rest.len() { rest[..limit].rfind('\n').unwrap_or(limit).max(1) } else { limit };
            let piece = Piece { r#type: "text", text: rest[..end].to_owned(), style: None };
            self.parts.push(Part { r#type: PREFORMATTED, elements: vec![piece] });
            rest = rest[end..].strip_prefix('\n').unwrap_or(&rest[end..]);
        }
        self
    }

    fn piece(&mut self, text: &str, style: Option<Style>) -> &mut Self {
        let piece = Piece { r#type: "text", text: text.to_owned(), style };
        match self.parts.last_mut().filter(|part| part.r#type == SECTION) {
            Some(part) => part.elements.push(piece),
            None => self.parts.push(Part { r#type: SECTION, elements: vec![piece] }),
        }
        self
    }

    /// For an answer that only the caller sees: to a slash command, or at its `response_url`.
    pub fn ephemeral(&self) -> Body<'_> {
        self.body(Some("ephemeral"))
    }

    /// For a method of the Web API, which says by itself who sees it.
    pub fn posted(&self) -> Body<'_> {
        self.body(None)
    }

    fn body(&self, response_type: Option<&'static str>) -> Body<'_> {
        Body {
            response_type,
            text: &self.fallback,
            blocks: [RichText { r#type: "rich_text", elements: &self.parts }],
        }
    }
}

fn escape_into(escaped: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            _ => escaped.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parts(message: &Message) -> Value {
        serde_json::to_value(message.posted()).unwrap()["blocks"][0]["elements"].take()
    }

    #[test]
    fn prose_and_code_share_a_section_and_tables_stand_alone() {
        let mut message = Message::default();
        message.plain("a ").code("b").preformatted("c  d").plain("e");
        let text = |text: &str| json!({ "type": "text", "text": text });
        assert_eq!(
            parts(&message),
            json!([
                { "type": SECTION, "elements": [text("a "), { "type": "text", "text": "b", "style": { "code": true } }] },
                { "type": PREFORMATTED, "elements": [text("c  d")] },
                { "type": SECTION, "elements": [text("e")] },
            ])
        );
    }

    #[test]
    fn long_tables_are_broken_between_lines() {
        let line = "x".repeat(99);
        for (lines, blocks) in [(30, 1), (31, 2), (61, 3)] {
            let text = vec![line.as_str(); lines].join("\n");
            let mut message = Message::default();
            message.preformatted(&text);
            let parts = parts(&message);
            let shown: Vec<&str> = parts
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part["elements"][0]["text"].as_str().unwrap())
                .collect();
            assert_eq!(shown.len(), blocks, "{lines}");
            assert!(shown.iter().all(|part| part.chars().count() <= MAX_PREFORMATTED));
            assert_eq!(shown.join("\n"), text);
        }
        let mut message = Message::default();
        message.preformatted(&"é".repeat(MAX_PREFORMATTED + 1));
        assert_eq!(parts(&message).as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_notifications_show_has_no_markup() {
        let mut message = Message::default();
        message.plain("<!channel> & co").code("a`b");
        let body = serde_json::to_value(message.ephemeral()).unwrap();
        assert_eq!(body["text"], "&lt;!channel&gt; &amp; co`a'b`");
        assert_eq!(body["response_type"], "ephemeral");
    }
}
