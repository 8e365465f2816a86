//! Slack's text markup, read as Slack reads it: which characters a person would see, and what in them is alive.
//!
//! Where Slack's documents leave a doubt, the reading that makes more come alive is taken: a bot whose messages are
//! quiet here is quiet in Slack.

use serde::Serialize;

use super::pieces::Piece;
use super::world::World;

/// A run of visible characters with one look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// What is read, entities decoded.
    pub text: String,
    /// How it looks.
    #[serde(flatten)]
    pub style: Style,
    /// What it does, if it is more than text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
}

/// How a span looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Style {
    /// `*bold*`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bold: bool,
    /// `_italic_`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub italic: bool,
    /// `~strike~`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strike: bool,
    /// `` `code` ``
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub code: bool,
}

/// What a part of a message does besides being read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Live {
    /// Mentions a user, who is notified.
    User {
        /// `U…`
        id: String,
    },
    /// Mentions a user group, whose members are notified.
    UserGroup {
        /// `S…`
        id: String,
    },
    /// Notifies a whole channel: `here`, `channel` or `everyone`.
    Broadcast {
        /// Which of them.
        range: String,
    },
    /// Leads to a channel.
    Channel {
        /// `C…`
        id: String,
    },
    /// Leads to an address.
    Link {
        /// Where to.
        url: String,
    },
    /// A point in time, shown in each reader's time zone.
    Date {
        /// Unix seconds as written.
        timestamp: String,
    },
}

impl Live {
    /// Whether somebody is notified by it.
    pub fn pings(&self) -> bool {
        matches!(self, Self::User { .. } | Self::UserGroup { .. } | Self::Broadcast { .. })
    }
}

/// What Slack turns into something alive without being told to by `<…>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auto {
    /// Bare web addresses become links.
    pub urls: bool,
    /// `@here`, `@name`, `@group` and `#channel` become mentions.
    pub names: bool,
}

impl Auto {
    /// `parse: none`, or `verbatim: true`.
    pub const NOTHING: Self = Self { urls: false, names: false };
    /// The default of a message's top-level text.
    pub const URLS: Self = Self { urls: true, names: false };
    /// `parse: full`, `link_names`, or a text object without `verbatim`.
    pub const ALL: Self = Self { urls: true, names: true };
}

/// Reads a text. Code fences and quotes become pieces of their own, the rest text pieces.
pub fn parse(text: &str, auto: Auto, world: &World) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```") {
        let Some((fenced, after_fence)) = after.split_once("```") else { break };
        paragraphs(before, auto, world, &mut pieces);
        let fenced = fenced.strip_prefix('\n').unwrap_or(fenced);
        // Nothing is formatted inside a fence, but `<…>` entities still work there.
        let reader = Reader { auto: Auto::NOTHING, formatting: false, world };
        pieces.push(Piece::Preformatted { spans: reader.spans(fenced, Style::default()) });
        rest = after_fence.strip_prefix('\n').unwrap_or(after_fence);
    }
    paragraphs(rest, auto, world, &mut pieces);
    pieces
}

/// Reads one line of text that holds no fence or quote.
pub fn inline(text: &str, auto: Auto, world: &World) -> Vec<Span> {
    Reader { auto, formatting: true, world }.spans(text, Style::default())
}

fn paragraphs(text: &str, auto: Auto, world: &World, pieces: &mut Vec<Piece>) {
    if text.is_empty() {
        return;
    }
    let reader = Reader { auto, formatting: true, world };
    let mut plain: Vec<&str> = Vec::new();
    let mut quoted: Vec<&str> = Vec::new();
    let mut quote_all = false;
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        let inside = line.strip_prefix("&gt;&gt;&gt;").or_else(|| line.strip_prefix(">>>"));
        quote_all |= inside.is_some();
        let inside = inside.or_else(|| line.strip_prefix("&gt;")).or_else(|| line.strip_prefix('>'));
        let inside = inside.map(|line| line.strip_prefix(' ').unwrap_or(line)).or(quote_all.then_some(line));
        if let Some(inside) = inside {
            push_text(&reader, &mut plain, pieces);
            quoted.push(inside);
        } else {
            push_quote(&reader, &mut quoted, pieces);
            plain.push(line);
        }
    }
    push_text(&reader, &mut plain, pieces);
    push_quote(&reader, &mut quoted, pieces);
}

fn push_text(reader: &Reader<'_>, lines: &mut Vec<&str>, pieces: &mut Vec<Piece>) {
    if !lines.is_empty() {
        pieces.push(Piece::Text { spans: reader.spans(&std::mem::take(lines).join("\n"), Style::default()) });
    }
}

fn push_quote(reader: &Reader<'_>, lines: &mut Vec<&str>, pieces: &mut Vec<Piece>) {
    if !lines.is_empty() {
        pieces
            .push(Piece::Quote { spans: reader.spans(&std::mem::take(lines).join("\n"), Style::default()) });
    }
}

struct Reader<'a> {
    auto: Auto,
    formatting: bool,
    world: &'a World,
}

impl Reader<'_> {
    fn spans(&self, text: &str, style: Style) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut literal = String::new();
        let mut previous = None;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let taken = self.special(rest, previous, style, &mut spans, &mut literal);
            let length = if taken == 0 {
                literal.push(first);
                first.len_utf8()
            } else {
                taken
            };
            previous = rest.get(..length).and_then(|taken| taken.chars().next_back());
            rest = rest.get(length..).unwrap_or_default();
        }
        flush(&mut literal, style, &mut spans);
        spans
    }

    /// Reads what is more than a character at the start of `rest`; returns how many bytes it took, 0 for none.
    fn special(
        &self,
        rest: &str,
        previous: Option<char>,
        style: Style,
        spans: &mut Vec<Span>,
        literal: &mut String,
    ) -> usize {
        let at_word_start = !previous.is_some_and(char::is_alphanumeric);
        match rest.as_bytes().first() {
            Some(b'<') => {
                let Some((inside, _)) = rest.get(1..).and_then(|after| after.split_once('>')) else {
                    return 0;
                };
                let Some((text, live)) = self.entity(inside) else { return 0 };
                flush(literal, style, spans);
                spans.push(Span { text, style, live: Some(live) });
                inside.len() + 2
            }
            Some(b'&') => {
                for (entity, character) in [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')] {
                    if rest.starts_with(entity) {
                        literal.push(character);
                        return entity.len();
                    }
                }
                0
            }
            Some(mark @ (b'*' | b'_' | b'~' | b'`')) if self.formatting && at_word_start && !style.code => {
                let mark = char::from(*mark);
                let Some(inside) = delimited(rest, mark) else { return 0 };
                let mut style_inside = style;
                match mark {
                    '*' => style_inside.bold = true,
                    '_' => style_inside.italic = true,
                    '~' => style_inside.strike = true,
                    _ => style_inside.code = true,
                }
                flush(literal, style, spans);
                let inner = Reader { auto: self.auto, formatting: mark != '`', world: self.world };
                spans.extend(inner.spans(inside, style_inside));
                inside.len() + 2
            }
            Some(b'h') if self.auto.urls && at_word_start && !style.code => {
                let Some(url) = bare_url(rest) else { return 0 };
                flush(literal, style, spans);
                spans.push(Span { text: decode(url), style, live: Some(Live::Link { url: decode(url) }) });
                url.len()
            }
            Some(b'@' | b'#') if self.auto.names && at_word_start && !style.code => {
                let Some((length, live)) = self.bare_name(rest) else { return 0 };
                flush(literal, style, spans);
                spans.push(Span {
                    text: rest.get(..length).unwrap_or_default().to_owned(),
                    style,
                    live: Some(live),
                });
                length
            }
            _ => 0,
        }
    }

    /// What `<inside>` shows and does; `None` if Slack shows it as it stands.
    fn entity(&self, inside: &str) -> Option<(String, Live)> {
        if inside.contains(['<', '\n']) {
            return None;
        }
        let (target, label) = match inside.split_once('|') {
            Some((target, label)) => (target, Some(decode(label)).filter(|label| !label.is_empty())),
            None => (inside, None),
        };
        if let Some(id) = target.strip_prefix('@') {
            let known = self.world.user(id).map(|user| user.name.clone());
            let live = Live::User { id: id.to_owned() };
            return is_id(id)
                .then(|| (format!("@{}", known.or(label).unwrap_or_else(|| id.to_owned())), live));
        }
        if let Some(id) = target.strip_prefix('#') {
            let known = self.world.channel(id).map(|channel| channel.name.clone());
            let live = Live::Channel { id: id.to_owned() };
            return is_id(id)
                .then(|| (format!("#{}", known.or(label).unwrap_or_else(|| id.to_owned())), live));
        }
        if let Some(special) = target.strip_prefix('!') {
            if let Some(id) = special.strip_prefix("subteam^") {
                let known = self.world.user_groups.iter().find(|group| group.id == id);
                let shown = known.map(|group| format!("@{}", group.handle)).or(label);
                return Some((
                    shown.unwrap_or_else(|| format!("@{id}")),
                    Live::UserGroup { id: id.to_owned() },
                ));
            }
            if let Some(date) = special.strip_prefix("date^") {
                let timestamp = date.split('^').next().unwrap_or_default().to_owned();
                return Some((label.unwrap_or_else(|| timestamp.clone()), Live::Date { timestamp }));
            }
            return BROADCASTS
                .contains(&special)
                .then(|| (format!("@{special}"), Live::Broadcast { range: special.to_owned() }));
        }
        let url = decode(target);
        is_address(&url).then(|| (label.unwrap_or_else(|| url.clone()), Live::Link { url: url.clone() }))
    }

    /// A `@name` or `#name` at the start that Slack would link by itself.
    fn bare_name(&self, rest: &str) -> Option<(usize, Live)> {
        let name: &str = rest.get(1..)?;
        let end = name.find(|c: char| !(c.is_alphanumeric() || "._-".contains(c))).unwrap_or(name.len());
        let name = name.get(..end)?.trim_end_matches(['.', '-']);
        let live = if rest.starts_with('#') {
            Live::Channel { id: self.world.channels.iter().find(|channel| channel.name == name)?.id.clone() }
        } else if BROADCASTS.contains(&name) {
            Live::Broadcast { range: name.to_owned() }
        } else if let Some(user) = self.world.users.iter().find(|user| user.name == name) {
            Live::User { id: user.id.clone() }
        } else {
            Live::UserGroup {
                id: self.world.user_groups.iter().find(|group| group.handle == name)?.id.clone(),
            }
        };
        (!name.is_empty()).then_some((name.len() + 1, live))
    }
}

/// The names that notify a whole channel.
pub const BROADCASTS: [&str; 3] = ["here", "channel", "everyone"];

fn flush(literal: &mut String, style: Style, spans: &mut Vec<Span>) {
    if !literal.is_empty() {
        spans.push(Span { text: std::mem::take(literal), style, live: None });
    }
}

/// The text between a mark at the start and its fellow on the same line, if the pair formats what it encloses.
fn delimited(rest: &str, mark: char) -> Option<&str> {
    let line = rest.get(1..)?.split('\n').next()?;
    line.match_indices(mark).map(|(at, _)| at).find_map(|at| {
        let inside = line.get(..at)?;
        let after = line.get(at + 1..)?.chars().next();
        let closes = !after.is_some_and(|c| c.is_alphanumeric() || c == mark);
        let hugs = mark == '`' || !(inside.starts_with(' ') || inside.ends_with(' '));
        (!inside.is_empty() && closes && hugs).then_some(inside)
    })
}

/// The web address that `rest` starts with.
fn bare_url(rest: &str) -> Option<&str> {
    let after_scheme = rest.strip_prefix("https://").or_else(|| rest.strip_prefix("http://"))?;
    let end = rest.find(|c: char| c.is_whitespace() || "<>|\"`".contains(c)).unwrap_or(rest.len());
    let url = rest.get(..end)?.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'', '*', '_', '~']);
    (after_scheme.starts_with(char::is_alphanumeric)).then_some(url)
}

/// Whether the text is an absolute address of any scheme.
fn is_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
        && !rest.is_empty()
        && !rest.contains(char::is_whitespace)
}

fn is_id(text: &str) -> bool {
    text.len() > 1 && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

fn decode(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::super::pieces::{live_in, plain};
    use super::*;

    fn read(text: &str, auto: Auto) -> (String, Vec<Live>) {
        let pieces = parse(text, auto, &World::demo());
        (plain(&pieces), live_in(&pieces))
    }

    #[test]
    fn shows_what_slack_shows() {
        for (written, seen) in [
            ("plain", "plain"),
            ("a &amp; b &lt;c&gt;", "a & b <c>"),
            ("&amp;lt;", "&lt;"),
            ("*bold* _it_ ~no~ `x*y*`", "bold it no `x*y*`"),
            ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
            ("* not bold *", "* not bold *"),
            ("<@U0ANNA> in <#C0OPS>", "@anna in #ops"),
            ("<@U0NOBODY|eve>", "@eve"),
            ("<not an entity>", "<not an entity>"),
            ("<https://a.example|label>", "label (https://a.example)"),
            ("<!date^1760000000^{date}|9 October>", "9 October"),
            ("> quoted\nnot", "> quoted\nnot"),
            ("&gt; quoted", "> quoted"),
            ("a\n```\nfenced *x*\n```\nb", "a\n│ fenced *x*\nb"),
            ("open ``` fence", "open ``` fence"),
        ] {
            assert_eq!(read(written, Auto::NOTHING).0, seen, "{written:?}");
        }
    }

    #[test]
    fn finds_everything_that_is_alive() {
        let user = || Live::User { id: "U0ANNA".into() };
        let broadcast = |range: &str| Live::Broadcast { range: range.into() };
        let link = |url: &str| Live::Link { url: url.into() };
        for (written, auto, live) in [
            ("<@U0ANNA>", Auto::NOTHING, vec![user()]),
            ("<@U0ANNA|x>", Auto::NOTHING, vec![user()]),
            ("```<!channel>```", Auto::NOTHING, vec![broadcast("channel")]),
            ("`<!here|here>`", Auto::NOTHING, vec![broadcast("here")]),
            ("*<!everyone>*", Auto::NOTHING, vec![broadcast("everyone")]),
            ("<!subteam^S0SRE>", Auto::NOTHING, vec![Live::UserGroup { id: "S0SRE".into() }]),
            ("<https://evil.example|aws>", Auto::NOTHING, vec![link("https://evil.example")]),
            ("<mailto:a@b.example|a>", Auto::NOTHING, vec![link("mailto:a@b.example")]),
            ("&lt;!channel&gt; &lt;@U0ANNA&gt;", Auto::ALL, vec![]),
            ("&amp;lt;!here&amp;gt;", Auto::ALL, vec![]),
            ("@here https://a.example.", Auto::NOTHING, vec![]),
            ("@here https://a.example.", Auto::URLS, vec![link("https://a.example")]),
            (
                "@here see #ops, @sre",
                Auto::ALL,
                vec![
                    broadcast("here"),
                    Live::Channel { id: "C0OPS".into() },
                    Live::UserGroup { id: "S0SRE".into() },
                ],
            ),
            ("mail@here `@here`", Auto::ALL, vec![]),
        ] {
            assert_eq!(read(written, auto).1, live, "{written:?}");
        }
    }

    /// Whatever is written, reading it ends, and escaped text comes alive only where names and addresses do.
    #[test]
    fn escaped_text_is_never_alive() {
        let parts = [
            "<",
            ">",
            "&",
            "!",
            "@",
            "#",
            "|",
            "`",
            "```",
            "*",
            "_",
            "~",
            "\n",
            " ",
            "here",
            "U0ANNA",
            "é",
            "subteam^S0SRE",
            "https://a.example",
            "&amp;",
            "mailto:a@b",
            ">>>",
        ];
        let mut random: u64 = 42;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                // Knuth's constants; the high bits are the random ones.
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[usize::try_from(random >> 33).unwrap() % parts.len()]);
            }
            read(&text, Auto::ALL);
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            assert_eq!(read(&escaped, Auto::NOTHING).1, [], "{text:?}");
        }
    }
}
