//! How the value of a structure, a map or a list is written: the CLI's shorthand and JSON, worked out from the model in
//! the notation of the official help pages. Both end where a page would drown in them.

use crate::command::takes_bare_words;
use crate::model::{Kind, Member, Operation, Service, ShapeId, Structure};

/// How many shapes below an option's own the official pages follow before they say nothing of shorthand.
const SHORTHAND_DEPTH: usize = 3;

/// How long a JSON form may be, in characters without its white space. What lies deeper is left out.
const JSON_LENGTH: usize = 2_400;

/// How many of a string's choices a form names.
const CHOICES: usize = 30;

/// The word of the official pages for a shape.
pub fn type_name(service: &Service, shape: ShapeId) -> &'static str {
    match kind(service, shape) {
        Some(Kind::Structure(structure)) if structure.document => "document",
        Some(Kind::Structure(_)) => "structure",
        Some(Kind::List { .. }) => "list",
        Some(Kind::Map { .. }) => "map",
        Some(Kind::String { .. }) | None => "string",
        Some(Kind::Integer { .. }) => "integer",
        Some(Kind::Long { .. }) => "long",
        Some(Kind::Float { .. }) => "float",
        Some(Kind::Double { .. }) => "double",
        Some(Kind::Boolean) => "boolean",
        Some(Kind::Timestamp { .. }) => "timestamp",
        Some(Kind::Blob { .. }) => "blob",
    }
}

/// Whether values of a shape are written as shorthand or JSON, and not as one word or some.
pub fn is_complex(service: &Service, shape: ShapeId) -> bool {
    match kind(service, shape) {
        Some(Kind::List { member, .. }) => is_nested(service, member.shape),
        _ => is_nested(service, shape),
    }
}

/// The shorthand of an option's value, if it has one.
pub fn shorthand(service: &Service, operation: &Operation, option: &str, shape: ShapeId) -> Option<String> {
    if !is_complex(service, shape) {
        return None;
    }
    let mut above = Vec::new();
    match kind(service, shape)? {
        Kind::List { member, .. } => {
            if let Some(Kind::Structure(structure)) = kind(service, member.shape)
                && let [only] = structure.members.as_slice()
                && takes_bare_words(service, &operation.command, option)
            {
                let name = &only.name;
                return Some(format!("{name}1 {name}2 {name}3"));
            }
            Some(short(service, member.shape, &mut above)? + " ...")
        }
        // A word without `=` is taken for the only member.
        Kind::Structure(structure) if structure.document => None,
        Kind::Structure(structure)
            if structure.members.len() == 1
                && structure.members[0].name == "Value"
                && type_name(service, structure.members[0].shape) == "string" =>
        {
            Some("string".to_owned())
        }
        Kind::Map { key, .. } => {
            let form = short(service, shape, &mut above)?;
            match kind(service, key.shape) {
                Some(Kind::String { choices, .. }) if !choices.is_empty() => {
                    Some(format!("{form}\nkeys: {}", some_of(choices, ", ")))
                }
                _ => Some(form),
            }
        }
        _ => short(service, shape, &mut above),
    }
}

/// `None` if it goes too deep to be shown.
fn short(service: &Service, shape: ShapeId, above: &mut Vec<ShapeId>) -> Option<String> {
    if above.len() > SHORTHAND_DEPTH {
        return None;
    }
    let inside = |above: &mut Vec<ShapeId>, inner: ShapeId| {
        above.push(inner);
        let form = short(service, inner, above);
        above.pop();
        form
    };
    let outermost = above.is_empty();
    match kind(service, shape)? {
        Kind::Structure(structure) => {
            let mut parts = Vec::with_capacity(structure.members.len());
            for member in offered(service, structure).filter(|member| !is_document(service, member.shape)) {
                parts.push(if above.contains(&member.shape) {
                    "( ... recursive ... )".to_owned()
                } else {
                    format!("{}={}", member.name, inside(above, member.shape)?)
                });
            }
            let parts = parts.join(",");
            match outermost {
                true => Some(parts).filter(|parts| !parts.is_empty()),
                false => Some(format!("{{{parts}}}")),
            }
        }
        Kind::List { member, .. } => {
            let item = inside(above, member.shape)?;
            let bracketed = is_nested(service, member.shape) || above.len() > 1;
            Some(if bracketed { format!("[{item},{item}]") } else { format!("{item},{item}") })
        }
        Kind::Map { value, .. } => {
            let value = inside(above, value.shape)?;
            let pairs = format!("KeyName1={value},KeyName2={value}");
            Some(if outermost { pairs } else { format!("{{{pairs}}}") })
        }
        _ => Some(type_name(service, shape).to_owned()),
    }
}

/// A part of a JSON form: text that stays on one line, or an opening with what is inside and its end.
enum Part {
    Text(String),
    Block { open: String, inner: Vec<Part>, close: &'static str },
}

/// The JSON form of a value, at most `width` wide where it can be broken, its lines without indentation of their own. The
/// second value says whether something deep is left out.
pub fn json(service: &Service, shape: ShapeId, width: usize) -> (String, bool) {
    let mut depth = 1;
    let mut shown = Form { service, depth, cut: false, length: 0 };
    let mut parts = shown.part(String::new(), shape, &mut Vec::new());
    while shown.cut {
        depth += 1;
        let mut deeper = Form { service, depth, cut: false, length: 0 };
        let deeper_parts = deeper.part(String::new(), shape, &mut Vec::new());
        if deeper.length > JSON_LENGTH {
            break;
        }
        (shown, parts) = (deeper, deeper_parts);
    }
    let mut text = String::new();
    lay_out(&parts, 0, width, &mut text);
    (text, shown.cut)
}

/// One attempt at a form with all that is down to a depth.
struct Form<'a> {
    service: &'a Service,
    depth: usize,
    cut: bool,
    length: usize,
}

impl Form<'_> {
    fn text(&mut self, text: String) -> Part {
        self.length += text.len();
        Part::Text(text)
    }

    /// The form of a shape behind `lead`, which is a member's name.
    fn part(&mut self, lead: String, shape: ShapeId, above: &mut Vec<ShapeId>) -> Part {
        let Some(kind) = kind(self.service, shape).filter(|_| is_nested(self.service, shape)) else {
            return self.text(format!("{lead}{}", scalar(self.service, shape)));
        };
        let (open, close) = if matches!(kind, Kind::List { .. }) { ("[", "]") } else { ("{", "}") };
        // Once around is shown, as in the official pages.
        if above.iter().filter(|one| **one == shape).count() > 1 {
            return self.text(format!("{lead}{{ ... recursive ... }}"));
        }
        if above.len() >= self.depth || self.length > JSON_LENGTH {
            self.cut = true;
            return self.text(format!("{lead}{open}...{close}"));
        }
        above.push(shape);
        let inner = match kind {
            Kind::Structure(structure) => {
                let members: Vec<_> = offered(self.service, structure).collect();
                let last = members.len().saturating_sub(1);
                let parts = members.into_iter().enumerate().map(|(at, member)| {
                    let part = self.part(format!("\"{}\": ", member.name), member.shape, above);
                    if at == last { part } else { followed(part, ",") }
                });
                parts.collect()
            }
            Kind::List { member, .. } if is_nested(self.service, member.shape) => {
                vec![self.part(String::new(), member.shape, above), self.text("...".to_owned())]
            }
            Kind::List { member, .. } => {
                vec![self.text(format!("{}, ...", scalar(self.service, member.shape)))]
            }
            Kind::Map { key, value, .. } => {
                let lead = format!("{}: ", scalar(self.service, key.shape));
                vec![self.part(lead, value.shape, above), self.text("...".to_owned())]
            }
            _ => Vec::new(),
        };
        above.pop();
        self.length += lead.len() + 2;
        Part::Block { open: lead + open, inner, close }
    }
}

/// The members of a structure but for bytes that have an option of their own instead.
pub fn offered<'a>(service: &'a Service, structure: &'a Structure) -> impl Iterator<Item = &'a Member> {
    let elsewhere = |member: &Member| match service.command.as_str() {
        "lambda" => member.name == "ZipFile",
        "translate" => ["Content", "File"].contains(&member.name.as_str()),
        _ => false,
    };
    structure.members.iter().filter(move |member| !elsewhere(member))
}

fn followed(part: Part, end: &'static str) -> Part {
    match part {
        Part::Text(text) => Part::Text(text + end),
        Part::Block { open, inner, close } => {
            let close = match close {
                "]" => "],",
                _ => "},",
            };
            Part::Block { open, inner, close }
        }
    }
}

/// How long a part is on one line.
fn flat_length(part: &Part) -> usize {
    match part {
        Part::Text(text) => text.len(),
        Part::Block { open, inner, close } => {
            open.len() + close.len() + inner.iter().map(|part| flat_length(part) + 1).sum::<usize>()
        }
    }
}

fn lay_out(part: &Part, indent: usize, width: usize, out: &mut String) {
    match part {
        Part::Text(text) => {
            // Long choices go on in the next line.
            let mut column = indent;
            for (at, piece) in text.split('|').enumerate() {
                let piece = if at > 0 { format!("|{piece}") } else { piece.to_owned() };
                if at > 0 && column + piece.len() > width {
                    out.push('\n');
                    out.extend(std::iter::repeat_n(' ', indent + 2));
                    column = indent + 2;
                }
                column += piece.len();
                out.push_str(&piece);
            }
        }
        Part::Block { open, inner, close } if indent + flat_length(part) <= width => {
            out.push_str(open);
            for (at, part) in inner.iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                lay_out(part, 0, usize::MAX, out);
            }
            out.push_str(close);
        }
        Part::Block { open, inner, close } => {
            out.push_str(open);
            for part in inner {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent + 2));
                lay_out(part, indent + 2, width, out);
            }
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(close);
        }
    }
}

/// The JSON form of what has no parts.
fn scalar(service: &Service, shape: ShapeId) -> String {
    match kind(service, shape) {
        Some(Kind::String { choices, .. }) if !choices.is_empty() => {
            let quoted: Vec<String> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
            some_of(&quoted, "|")
        }
        Some(Kind::String { .. }) => "\"string\"".to_owned(),
        Some(Kind::Boolean) => "true|false".to_owned(),
        Some(Kind::Structure(_)) => "{...}".to_owned(),
        _ => type_name(service, shape).to_owned(),
    }
}

/// As many of some choices as are named in a form.
pub fn some_of(choices: &[String], between: &str) -> String {
    let more = if choices.len() > CHOICES { format!("{between}...") } else { String::new() };
    let shown: Vec<&str> = choices.iter().take(CHOICES).map(String::as_str).collect();
    shown.join(between) + &more
}

/// Whether a shape has parts that the model names.
fn is_nested(service: &Service, shape: ShapeId) -> bool {
    match kind(service, shape) {
        Some(Kind::Structure(structure)) => !structure.document,
        Some(Kind::List { .. } | Kind::Map { .. }) => true,
        _ => false,
    }
}

/// Whether values of a shape are free-form JSON, or lists or maps of it, which shorthand cannot say.
fn is_document(service: &Service, shape: ShapeId) -> bool {
    match kind(service, shape) {
        Some(Kind::Structure(structure)) => structure.document,
        Some(Kind::List { member: inner, .. } | Kind::Map { value: inner, .. }) => {
            matches!(kind(service, inner.shape), Some(Kind::Structure(structure)) if structure.document)
        }
        _ => false,
    }
}

fn kind(service: &Service, shape: ShapeId) -> Option<&Kind> {
    Some(&service.shapes.get(shape as usize)?.kind)
}
