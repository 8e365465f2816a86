//! The page of one operation, of a waiter, or of the operation behind it.

use super::layout::{Page, WIDTH};
use super::{REFERENCE, example, syntax};
use crate::classify::{self, Impact};
use crate::command::own;
use crate::model::{Argument, ArgumentKind, Kind, Member, Operation, Service, ShapeId, Waiter};
use crate::secrets;
use crate::value::Map;

/// How many lines of a result are shown.
const OUTPUT_LINES: usize = 100;

/// How deep a result is shown.
const OUTPUT_DEPTH: usize = 8;

/// The page of an operation, or of a waiter that repeats it.
pub fn page(service: &Service, operation: &Operation, waiter: Option<&Waiter>) -> String {
    let words = match waiter {
        Some(waiter) => format!("{} wait {}", service.command, waiter.command),
        None => format!("{} {}", service.command, operation.command),
    };
    let about = About { service, operation, words: &words, waits: waiter.is_some() };
    let mut page = Page::default();
    about.name(waiter, &mut page);
    about.synopsis(&mut page);
    about.example(&mut page);
    about.options(&mut page);
    if waiter.is_none() {
        about.output(&mut page);
    }
    super::globals(&mut page);
    page.into_text()
}

struct About<'a> {
    service: &'a Service,
    operation: &'a Operation,
    words: &'a str,
    waits: bool,
}

impl<'a> About<'a> {
    fn name(&self, waiter: Option<&Waiter>, page: &mut Page) {
        let (service, operation) = (self.service, self.operation);
        page.title("NAME");
        page.sentence(2, &format!("aws {}: {} of {}", self.words, operation.name, service.full_name));
        if let Some(waiter) = waiter {
            page.sentence(
                2,
                &format!(
                    "Calls it every {} seconds, at most {} times, until the wait is over. Exit status 255 if it is not.",
                    waiter.delay, waiter.max_attempts
                ),
            );
        }
        let does = match classify::impact(service, operation, &Map::new()) {
            Impact::Read => "It only reads.",
            Impact::Write => "It may change something.",
            Impact::Destroy => "It destroys: what it takes away does not come back.",
            Impact::Mint => "It hands out credentials that outlive the session.",
        };
        let actions = classify::actions(service, operation, &Map::new());
        let needs = match actions.as_slice() {
            [] => "It needs no IAM action.".to_owned(),
            [one] => format!("IAM action: {one}."),
            many => format!("IAM actions: {}.", many.join(", ")),
        };
        let repeats = if classify::has_token(service, operation) {
            " It has an idempotency token, which is made up if it is not given."
        } else {
            ""
        };
        let deprecated = if operation.deprecated { " AWS has deprecated it." } else { "" };
        page.sentence(2, &format!("{does} {needs}{repeats}{deprecated}"));
        let path = self.words.replace(' ', "/");
        page.words(2, [format!("{REFERENCE}{path}.html").as_str()]);
    }

    /// The options, required ones first, each in the order of the argument table.
    fn arguments(&self) -> impl Iterator<Item = &'a Argument> {
        let shown =
            || self.operation.arguments.iter().filter(|argument| !argument.hidden || argument.is_required());
        shown()
            .filter(|argument| argument.is_required())
            .chain(shown().filter(|argument| !argument.is_required()))
    }

    fn member(&self, argument: &Argument) -> Option<&'a Member> {
        let input = self.operation.input?;
        match &self.service.shapes.get(input as usize)?.kind {
            Kind::Structure(structure) => structure.members.get(argument.member as usize),
            _ => None,
        }
    }

    /// Whether the operation has its own words for an option's opposite, which is then named with it.
    fn opposite(&self, argument: &Argument) -> Option<&'a Argument> {
        let kind = match argument.kind {
            ArgumentKind::Flag => ArgumentKind::No,
            ArgumentKind::WrappedFlag => ArgumentKind::WrappedNo,
            ArgumentKind::Switch => {
                let name = format!("no-{}", argument.name);
                return self.operation.arguments.iter().find(|other| other.name == name);
            }
            _ => return None,
        };
        self.operation.arguments.iter().find(|other| other.kind == kind && other.member == argument.member)
    }

    /// Whether an option is named with the one whose opposite it is.
    fn is_opposite(&self, argument: &Argument) -> bool {
        let of =
            |other: &Argument| self.opposite(other).is_some_and(|opposite| opposite.name == argument.name);
        self.operation.arguments.iter().any(|other| !other.hidden && of(other))
    }

    fn is_paging(&self, argument: &Argument) -> bool {
        matches!(argument.kind, ArgumentKind::StartingToken | ArgumentKind::PageSize | ArgumentKind::MaxItems)
    }

    /// An option with its opposite.
    fn written(&self, argument: &Argument) -> String {
        match (argument.kind, self.opposite(argument)) {
            (ArgumentKind::Outfile, _) => format!("<{}>", argument.name),
            (_, Some(no)) => format!("--{} | --{}", argument.name, no.name),
            _ => format!("--{}", argument.name),
        }
    }

    fn synopsis(&self, page: &mut Page) {
        page.title("SYNOPSIS");
        page.words(2, [format!("aws {}", self.words).as_str()]);
        let alone = |argument: &&Argument| !self.is_opposite(argument);
        let mut parts: Vec<String> = Vec::new();
        for argument in self.arguments().filter(alone) {
            let value = match argument.kind {
                ArgumentKind::Outfile => String::new(),
                ArgumentKind::Switch | ArgumentKind::Flag | ArgumentKind::WrappedFlag => String::new(),
                _ => " <value>".to_owned(),
            };
            let written = format!("{}{value}", self.written(argument));
            parts.push(if argument.is_required() { written } else { format!("[{written}]") });
        }
        if !self.streams() {
            parts.push("[--cli-input-json | --cli-input-yaml]".to_owned());
            parts.push("[--generate-cli-skeleton <value>]".to_owned());
        }
        page.words(4, parts.iter().map(String::as_str));
    }

    /// Whether the result goes to a file. Such commands have no other form of input.
    fn streams(&self) -> bool {
        self.operation.arguments.iter().any(|argument| argument.name == "outfile")
    }

    fn example(&self, page: &mut Page) {
        page.title("EXAMPLE");
        let mut words = example::words(self.service, self.operation);
        if self.waits {
            words.splice(2..3, self.words.split(' ').skip(1).map(str::to_owned));
        }
        // An option stays with its first value.
        let mut pieces: Vec<String> = vec![
            words.drain(..words.len().min(if self.waits { 4 } else { 3 })).collect::<Vec<_>>().join(" "),
        ];
        let mut lone_option = false;
        for word in words {
            let is_option = word.starts_with("--");
            match pieces.last_mut() {
                Some(last) if lone_option && !is_option => {
                    last.push(' ');
                    last.push_str(&word);
                }
                _ => pieces.push(word),
            }
            lone_option = is_option;
        }
        page.words(2, pieces.iter().map(String::as_str));
    }

    fn options(&self, page: &mut Page) {
        page.title("OPTIONS");
        let alone = |argument: &&Argument| !self.is_opposite(argument);
        for argument in self.arguments().filter(alone).filter(|argument| !self.is_paging(argument)) {
            self.option(argument, page);
        }
        if self.streams() {
            page.sentence(2, "The outfile is the name of a file, or - for what is shown here.");
        } else {
            page.entry("--cli-input-json", "the whole input as JSON; options win over it");
            page.entry("--cli-input-yaml", "the same as YAML");
            page.entry(
                "--generate-cli-skeleton",
                "input, yaml-input or output: shows the form and sends nothing",
            );
        }
        if self.operation.paginator.is_some() && !self.waits {
            page.title("PAGING");
            page.sentence(
                2,
                "All pages are read, unless --no-paginate or one of the API's own paging options is given.",
            );
            for argument in self.arguments().filter(|argument| self.is_paging(argument)) {
                let meaning = match argument.kind {
                    ArgumentKind::StartingToken => "(string) the NextToken of a result that --max-items cut",
                    ArgumentKind::PageSize => "(integer) how many items each call asks for",
                    _ => "(integer) how many items are shown at most",
                };
                page.entry(&format!("--{}", argument.name), meaning);
            }
        }
    }

    fn option(&self, argument: &Argument, page: &mut Page) {
        let member = self.member(argument);
        let (kind, own_form) = match (argument.kind, member) {
            (ArgumentKind::Flag | ArgumentKind::No | ArgumentKind::WrappedNo | ArgumentKind::Switch, _) => {
                ("boolean", None)
            }
            (ArgumentKind::WrappedFlag, _) => ("boolean", Some("or JSON: {\"Value\": true|false}")),
            (ArgumentKind::PageSize | ArgumentKind::MaxItems, _) => ("integer", None),
            (ArgumentKind::Texts, None) => ("string", Some("one word or more")),
            (ArgumentKind::Value, Some(member)) => (self.type_of(member), None),
            (_, None) => (own::type_of(&argument.name), None),
            _ => ("string", None),
        };
        let required = if argument.is_required() { ", required" } else { "" };
        page.sentence(2, &format!("{} ({kind}{required})", self.written(argument)));
        if let Some(form) = own_form {
            page.sentence(6, form);
        }
        if let Some(member) = member.filter(|_| argument.kind == ArgumentKind::Value) {
            self.form(argument, member.shape, page);
        }
    }

    fn type_of(&self, member: &Member) -> &'static str {
        if member.is_json_header() {
            return "JSON";
        }
        match &self.service.shapes[member.shape as usize].kind {
            Kind::Blob { streaming, .. } if *streaming || member.streaming => "streaming blob",
            Kind::Structure(structure) if structure.union => "tagged union structure",
            _ => syntax::type_name(self.service, member.shape),
        }
    }

    /// How an option's value is written, if its type does not say it.
    fn form(&self, argument: &Argument, shape: ShapeId, page: &mut Page) {
        let service = self.service;
        let choices = |shape: ShapeId| match &service.shapes[shape as usize].kind {
            Kind::String { choices, .. } => choices.as_slice(),
            _ => &[],
        };
        let one_of = |page: &mut Page, choices: &[String]| {
            if !choices.is_empty() {
                page.sentence(6, &format!("one of: {}", choices.join(", ")));
            }
        };
        match &service.shapes[shape as usize].kind {
            Kind::List { member, .. } if !syntax::is_complex(service, shape) => {
                let item = syntax::type_name(service, member.shape);
                let item = if item == "string" { "\"string\"" } else { item };
                page.sentence(6, &format!("{item} {item} ..."));
                one_of(page, choices(member.shape));
            }
            Kind::Blob { streaming: true, .. } => page.sentence(6, "the name of a file"),
            Kind::Blob { .. } => page.sentence(6, "base64, or fileb://name for a file's bytes"),
            Kind::Structure(structure) if structure.document => page.sentence(6, "JSON"),
            _ if syntax::is_complex(service, shape) => {
                let option = format!("--{}", argument.name);
                if let Some(form) = syntax::shorthand(service, self.operation, &option, shape) {
                    page.sentence(6, "Shorthand Syntax:");
                    form.lines().for_each(|line| page.dense(8, line));
                }
                let (form, cut) = syntax::json(service, shape, WIDTH - 8);
                page.sentence(6, "JSON Syntax:");
                page.lines(8, &form);
                if cut {
                    page.sentence(8, "(the rest: --generate-cli-skeleton)");
                }
            }
            _ => one_of(page, choices(shape)),
        }
    }

    fn output(&self, page: &mut Page) {
        page.title("OUTPUT");
        let output = self.operation.output.and_then(|id| match &self.service.shapes.get(id as usize)?.kind {
            Kind::Structure(structure) if !structure.members.is_empty() => Some(id),
            _ => None,
        });
        let Some(output) = output else {
            page.sentence(2, "None.");
            return;
        };
        // As deep as fits.
        let mut lines = Vec::new();
        for depth in 1..=OUTPUT_DEPTH {
            let mut deeper = Page::default();
            let mut cut = false;
            self.members(output, 2, depth, &mut Vec::new(), &mut deeper, &mut cut);
            let text = deeper.into_text();
            let fits = text.lines().count() <= OUTPUT_LINES;
            if depth == 1 || fits {
                lines = text.lines().map(str::to_owned).collect();
            }
            if !cut || !fits {
                break;
            }
        }
        let more = lines.len().saturating_sub(OUTPUT_LINES);
        lines.iter().take(OUTPUT_LINES).for_each(|line| page.lines(0, line));
        if more > 0 {
            page.sentence(2, "...");
        }
        let hidden = secrets::members(self.service, self.operation);
        if !hidden.is_empty() {
            let more = if hidden.len() > 8 { ", ..." } else { "" };
            let hidden: Vec<&str> = hidden.iter().take(8).map(String::as_str).collect();
            page.sentence(2, &format!("Secret: {}{more}", hidden.join(", ")));
        }
    }

    /// The members of a structure: plain ones side by side, others with what is below them.
    fn members(
        &self,
        shape: ShapeId,
        indent: usize,
        depth: usize,
        above: &mut Vec<ShapeId>,
        page: &mut Page,
        cut: &mut bool,
    ) {
        let Some(Kind::Structure(structure)) =
            self.service.shapes.get(shape as usize).map(|shape| &shape.kind)
        else {
            return;
        };
        above.push(shape);
        let mut plain: Vec<String> = Vec::new();
        let flush = |plain: &mut Vec<String>, page: &mut Page| {
            page.sentence(indent, &plain.join(", "));
            plain.clear();
        };
        for member in &structure.members {
            let named = format!("{} ({})", member.name, self.nested_type(member));
            match self.below(member.shape) {
                Some(below) if depth > 1 && !above.contains(&below) => {
                    flush(&mut plain, page);
                    page.sentence(indent, &named);
                    self.members(below, indent + 2, depth - 1, above, page, cut);
                }
                Some(_) => {
                    *cut = true;
                    plain.push(named);
                }
                None => plain.push(named),
            }
        }
        flush(&mut plain, page);
        above.pop();
    }

    /// A member's type with that of its items or values.
    fn nested_type(&self, member: &Member) -> String {
        let name = |shape| syntax::type_name(self.service, shape);
        match &self.service.shapes[member.shape as usize].kind {
            Kind::List { member, .. } => format!("list of {}", name(member.shape)),
            Kind::Map { key, value, .. } => format!("map of {} to {}", name(key.shape), name(value.shape)),
            _ => self.type_of(member).to_owned(),
        }
    }

    /// The structure below a shape, through lists and maps.
    fn below(&self, shape: ShapeId) -> Option<ShapeId> {
        let mut shape = shape;
        for _ in 0..OUTPUT_DEPTH {
            shape = match &self.service.shapes.get(shape as usize)?.kind {
                Kind::Structure(structure) if !structure.members.is_empty() => return Some(shape),
                Kind::List { member, .. } => member.shape,
                Kind::Map { value, .. } => value.shape,
                _ => return None,
            };
        }
        None
    }
}
