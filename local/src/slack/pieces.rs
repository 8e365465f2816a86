//! What a person sees of a message, taken apart: the console draws the pieces, transcripts print them, and tests ask
//! them what is alive.

use serde::Serialize;
use serde_json::Value;

use super::elements::with_ids;
use super::mrkdwn::{self, Auto, Live, Span, Style};
use super::world::World;

/// One visible part of a message, from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "piece")]
pub enum Piece {
    /// Running text.
    Text {
        /// In reading order; line breaks are in the text.
        spans: Vec<Span>,
    },
    /// A box of monospaced text.
    Preformatted {
        /// As for text.
        spans: Vec<Span>,
    },
    /// Text behind a bar.
    Quote {
        /// As for text.
        spans: Vec<Span>,
    },
    /// A list.
    List {
        /// Numbers instead of bullets.
        ordered: bool,
        /// Depth, 0 for the outermost.
        indent: u64,
        /// The items.
        items: Vec<Vec<Span>>,
    },
    /// Large bold text.
    Header {
        /// Plain text.
        text: String,
    },
    /// Small grey text.
    Context {
        /// Side by side.
        items: Vec<Vec<Span>>,
    },
    /// Two columns.
    Fields {
        /// Row by row.
        items: Vec<Vec<Span>>,
    },
    /// A rule.
    Divider,
    /// A field of a form.
    Input {
        /// The block's id, by which the app names what is wrong with it.
        block: String,
        /// Above.
        label: String,
        /// Below.
        hint: String,
        /// May stay empty.
        optional: bool,
        /// What is filled in.
        control: Box<Control>,
    },
    /// Buttons, menus and other controls.
    Controls {
        /// From left to right.
        controls: Vec<Control>,
    },
    /// A picture.
    Image {
        /// What it shows, in words.
        alt: String,
        /// Caption.
        title: String,
    },
    /// A table.
    Table {
        /// The first row is the head.
        rows: Vec<Vec<Vec<Span>>>,
    },
}

/// Something to press or choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Slack's name for the element: `button`, `static_select`, …
    pub element: String,
    /// Its text or placeholder.
    pub text: String,
    /// `primary`, `danger` or empty.
    pub style: String,
    /// The element's `action_id`.
    pub action: String,
    /// The whole element, with its options and limits.
    pub source: Value,
    /// Where a link button leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
}

/// Takes blocks apart. They must have passed validation; what is not understood shows nothing.
pub fn of_blocks(blocks: &[Value], world: &World) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for block in &with_ids(blocks) {
        of_block(block, world, &mut pieces);
    }
    pieces
}

fn of_block(block: &Value, world: &World, pieces: &mut Vec<Piece>) {
    match text_at(block, "type") {
        "section" => {
            if let Some(text) = block.get("text") {
                text_object(text, world, pieces);
            }
            let items: Vec<_> =
                list_at(block, "fields").iter().map(|field| text_line(field, world)).collect();
            if !items.is_empty() {
                pieces.push(Piece::Fields { items });
            }
            if let Some(accessory) = block.get("accessory") {
                push_element(accessory, pieces);
            }
        }
        "header" => pieces.push(Piece::Header { text: plain_text(block.get("text")) }),
        "divider" => pieces.push(Piece::Divider),
        "context" => {
            let items = list_at(block, "elements");
            pieces.push(Piece::Context { items: items.iter().map(|item| text_line(item, world)).collect() });
        }
        "actions" => {
            let controls = list_at(block, "elements").iter().map(control).collect();
            pieces.push(Piece::Controls { controls });
        }
        "image" => push_element(block, pieces),
        "input" => pieces.extend(block.get("element").map(|element| Piece::Input {
            block: text_at(block, "block_id").to_owned(),
            label: plain_text(block.get("label")),
            hint: plain_text(block.get("hint")),
            optional: block.get("optional").and_then(Value::as_bool).unwrap_or(false),
            control: Box::new(control(element)),
        })),
        "rich_text" => {
            for element in list_at(block, "elements") {
                rich_text(element, world, pieces);
            }
        }
        // Real Markdown has more forms; for what is alive in it, reading it as mrkdwn with automatic links errs on
        // the safe side.
        "markdown" => pieces.extend(mrkdwn::parse(text_at(block, "text"), Auto::ALL, world)),
        "table" => {
            let cell = |cell: &Value| match text_at(cell, "type") {
                "rich_text" => list_at(cell, "elements")
                    .iter()
                    .flat_map(|section| list_at(section, "elements"))
                    .map(|element| rich_span(element, world))
                    .collect(),
                "raw_number" => vec![bare(&cell.get("value").map(Value::to_string).unwrap_or_default())],
                _ => vec![bare(text_at(cell, "text"))],
            };
            let row =
                |row: &Value| row.as_array().map(|row| row.iter().map(cell).collect()).unwrap_or_default();
            pieces.push(Piece::Table { rows: list_at(block, "rows").iter().map(row).collect() });
        }
        _ => {}
    }
}

fn push_element(element: &Value, pieces: &mut Vec<Piece>) {
    if text_at(element, "type") == "image" {
        let title = plain_text(element.get("title"));
        pieces.push(Piece::Image { alt: text_at(element, "alt_text").to_owned(), title });
    } else {
        pieces.push(Piece::Controls { controls: vec![control(element)] });
    }
}

fn control(element: &Value) -> Control {
    let label = element.get("text").or_else(|| element.get("placeholder"));
    let url = text_at(element, "url");
    Control {
        element: text_at(element, "type").to_owned(),
        text: plain_text(label),
        style: text_at(element, "style").to_owned(),
        action: text_at(element, "action_id").to_owned(),
        source: element.clone(),
        live: (!url.is_empty()).then(|| Live::Link { url: url.to_owned() }),
    }
}

fn text_object(text: &Value, world: &World, pieces: &mut Vec<Piece>) {
    if text_at(text, "type") == "mrkdwn" {
        pieces.extend(mrkdwn::parse(text_at(text, "text"), automatic(text), world));
    } else {
        pieces.push(Piece::Text { spans: vec![bare(text_at(text, "text"))] });
    }
}

fn text_line(text: &Value, world: &World) -> Vec<Span> {
    match text_at(text, "type") {
        "mrkdwn" => mrkdwn::inline(text_at(text, "text"), automatic(text), world),
        "image" => vec![bare(&format!("[image: {}]", text_at(text, "alt_text")))],
        _ => vec![bare(text_at(text, "text"))],
    }
}

fn automatic(text: &Value) -> Auto {
    if text.get("verbatim").and_then(Value::as_bool).unwrap_or(false) { Auto::NOTHING } else { Auto::ALL }
}

fn rich_text(element: &Value, world: &World, pieces: &mut Vec<Piece>) {
    let spans = || list_at(element, "elements").iter().map(|element| rich_span(element, world)).collect();
    match text_at(element, "type") {
        "rich_text_section" => pieces.push(Piece::Text { spans: spans() }),
        "rich_text_preformatted" => pieces.push(Piece::Preformatted { spans: spans() }),
        "rich_text_quote" => pieces.push(Piece::Quote { spans: spans() }),
        "rich_text_list" => {
            let item =
                |item: &Value| list_at(item, "elements").iter().map(|part| rich_span(part, world)).collect();
            pieces.push(Piece::List {
                ordered: text_at(element, "style") == "ordered",
                indent: element.get("indent").and_then(Value::as_u64).unwrap_or(0),
                items: list_at(element, "elements").iter().map(item).collect(),
            });
        }
        _ => {}
    }
}

/// The text of rich text is literal: nothing in it is parsed, only elements of their own kind are alive.
fn rich_span(element: &Value, world: &World) -> Span {
    let styled =
        |name: &str| element.pointer(&format!("/style/{name}")).and_then(Value::as_bool).unwrap_or(false);
    let style = Style {
        bold: styled("bold"),
        italic: styled("italic"),
        strike: styled("strike"),
        code: styled("code"),
    };
    let id = |key: &str| text_at(element, key).to_owned();
    let (text, live) = match text_at(element, "type") {
        "link" => {
            let label = text_at(element, "text");
            let url = id("url");
            (if label.is_empty() { url.clone() } else { label.to_owned() }, Some(Live::Link { url }))
        }
        "user" => {
            let id = id("user_id");
            let name = world.user(&id).map_or(id.as_str(), |user| user.name.as_str());
            (format!("@{name}"), Some(Live::User { id: id.clone() }))
        }
        "usergroup" => {
            let id = id("usergroup_id");
            let group = world.user_groups.iter().find(|group| group.id == id);
            let name = group.map_or(id.as_str(), |group| group.handle.as_str());
            (format!("@{name}"), Some(Live::UserGroup { id: id.clone() }))
        }
        "channel" => {
            let id = id("channel_id");
            let name = world.channel(&id).map_or(id.as_str(), |channel| channel.name.as_str());
            (format!("#{name}"), Some(Live::Channel { id: id.clone() }))
        }
        "broadcast" => {
            (format!("@{}", text_at(element, "range")), Some(Live::Broadcast { range: id("range") }))
        }
        "emoji" => (format!(":{}:", text_at(element, "name")), None),
        "color" => (id("value"), None),
        "date" => {
            let timestamp = element.get("timestamp").map(Value::to_string).unwrap_or_default();
            let fallback = id("fallback");
            (if fallback.is_empty() { timestamp.clone() } else { fallback }, Some(Live::Date { timestamp }))
        }
        _ => (id("text"), None),
    };
    Span { text, style, live }
}

/// The pieces as lines of text: what a person could read aloud. Preformatted lines start with `│`, quotes with `>`.
pub fn plain(pieces: &[Piece]) -> String {
    let mut lines = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text { spans } => lines.push(line(spans)),
            Piece::Preformatted { spans } => lines.extend(behind("│ ", &line(spans))),
            Piece::Quote { spans } => lines.extend(behind("> ", &line(spans))),
            Piece::List { ordered, indent, items } => {
                let margin = "  ".repeat(usize::try_from(*indent).unwrap_or(0));
                for (number, item) in items.iter().enumerate() {
                    let bullet = if *ordered { format!("{}.", number + 1) } else { "•".to_owned() };
                    lines.push(format!("{margin}{bullet} {}", line(item)));
                }
            }
            Piece::Header { text } => lines.push(text.clone()),
            Piece::Context { items } | Piece::Fields { items } => {
                lines.push(items.iter().map(|item| line(item)).collect::<Vec<_>>().join("  "));
            }
            Piece::Divider => lines.push("────".to_owned()),
            Piece::Input { label, hint, control, .. } => {
                lines.push(label.clone());
                lines.push(format!("[{}]", control.text));
                lines.extend((!hint.is_empty()).then(|| hint.clone()));
            }
            Piece::Controls { controls } => {
                lines.push(
                    controls
                        .iter()
                        .map(|control| format!("[{}]", control.text))
                        .collect::<Vec<_>>()
                        .join(" "),
                );
            }
            Piece::Image { alt, title } if title.is_empty() => lines.push(format!("[image: {alt}]")),
            Piece::Image { alt, title } => lines.push(format!("[image: {title}: {alt}]")),
            Piece::Table { rows } => {
                for row in rows {
                    lines.push(row.iter().map(|cell| line(cell)).collect::<Vec<_>>().join(" | "));
                }
            }
        }
    }
    lines.join("\n")
}

fn line(spans: &[Span]) -> String {
    let mut text = String::new();
    for span in spans {
        let shown = match &span.live {
            Some(Live::Link { url }) if *url != span.text => format!("{} ({url})", span.text),
            _ => span.text.clone(),
        };
        if span.style.code { text.push_str(&format!("`{shown}`")) } else { text.push_str(&shown) }
    }
    text
}

fn behind(mark: &str, text: &str) -> Vec<String> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(|line| format!("{mark}{line}").trim_end().to_owned()).collect()
}

/// Everything in the pieces that notifies, links or leads somewhere.
pub fn live_in(pieces: &[Piece]) -> Vec<Live> {
    let mut live = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text { spans } | Piece::Preformatted { spans } | Piece::Quote { spans } => {
                collect(spans, &mut live)
            }
            Piece::List { items, .. } | Piece::Context { items } | Piece::Fields { items } => {
                items.iter().for_each(|item| collect(item, &mut live));
            }
            Piece::Controls { controls } => {
                live.extend(controls.iter().filter_map(|control| control.live.clone()))
            }
            Piece::Table { rows } => rows.iter().flatten().for_each(|cell| collect(cell, &mut live)),
            Piece::Header { .. } | Piece::Divider | Piece::Image { .. } | Piece::Input { .. } => {}
        }
    }
    live
}

fn collect(spans: &[Span], live: &mut Vec<Live>) {
    live.extend(spans.iter().filter_map(|span| span.live.clone()));
}

fn bare(text: &str) -> Span {
    Span { text: text.to_owned(), style: Style::default(), live: None }
}

fn plain_text(text: Option<&Value>) -> String {
    text.map(|text| text_at(text, "text").to_owned()).unwrap_or_default()
}

pub(super) fn text_at<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list_at<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rich_text_is_literal_but_for_its_own_elements() {
        let blocks = [json!({"type": "rich_text", "elements": [
            {"type": "rich_text_preformatted", "elements": [
                {"type": "text", "text": "<!channel> ``` *x* <https://evil.example|aws> &lt;\n"}]},
            {"type": "rich_text_section", "elements": [
                {"type": "text", "text": "by "}, {"type": "user", "user_id": "U0BEN"},
                {"type": "text", "text": " now", "style": {"code": true}}]},
            {"type": "rich_text_list", "style": "ordered", "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]}]}]})];
        let pieces = of_blocks(&blocks, &World::demo());
        assert_eq!(
            plain(&pieces),
            "│ <!channel> ``` *x* <https://evil.example|aws> &lt;\nby @ben` now`\n1. one"
        );
        assert_eq!(live_in(&pieces), [Live::User { id: "U0BEN".into() }]);
    }

    #[test]
    fn text_objects_link_by_themselves_unless_verbatim() {
        let section = |verbatim: bool| json!({"type": "section", "text": {"type": "mrkdwn", "text": "@here https://a.example", "verbatim": verbatim}});
        let world = World::demo();
        assert_eq!(live_in(&of_blocks(&[section(false)], &world)).len(), 2);
        assert_eq!(live_in(&of_blocks(&[section(true)], &world)).len(), 0);
        let plain_header = json!({"type": "header", "text": {"type": "plain_text", "text": "<!here> *x*"}});
        let pieces = of_blocks(&[plain_header], &world);
        assert_eq!((plain(&pieces).as_str(), live_in(&pieces).len()), ("<!here> *x*", 0));
    }
}
