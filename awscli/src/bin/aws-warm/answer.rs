//! Answers as services give them, made from the models: every member that a body can hold is there.

use awscli::model::{Kind, Location, Member, Operation, Protocol, Service, Structure, TimestampFormat};
use awscli::parse::HttpResponse;

/// How many items the outermost lists of an answer have. Those inside of them have one. An item that has every member is
/// twice as large as one of those that services really send, so these are as much as twenty of them: an instance of EC2
/// takes 10 KB here.
const ITEMS: usize = 10;

/// The first and only page of what `operation` answers.
pub fn answer(service: &Service, operation: &Operation) -> HttpResponse {
    let is_xml = matches!(service.protocol, Protocol::Query | Protocol::Ec2 | Protocol::RestXml);
    let mut writer =
        Writer { service, operation, is_xml, body: String::new(), above: Vec::new(), path: Vec::new() };
    let output = operation.output.map(|shape| (shape, &service.shapes[shape as usize].kind));
    if let Some((shape, Kind::Structure(structure))) = output {
        writer.above.push(shape);
        match structure.payload.and_then(|index| structure.members.get(index as usize)) {
            Some(payload) => writer.payload(payload),
            None if is_xml => writer.document(structure),
            None => writer.members(structure),
        }
    }
    let kind = if is_xml { "text/xml" } else { "application/json" };
    HttpResponse {
        status: 200,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: writer.body.into_bytes(),
    }
}

struct Writer<'a> {
    service: &'a Service,
    operation: &'a Operation,
    is_xml: bool,
    body: String,
    /// The shapes that the current one is part of.
    above: Vec<u32>,
    /// The members that lead to it.
    path: Vec<&'a str>,
}

impl<'a> Writer<'a> {
    fn kind(&self, member: &Member) -> &'a Kind {
        &self.service.shapes[member.shape as usize].kind
    }

    /// A body that is one member.
    fn payload(&mut self, member: &'a Member) {
        match self.kind(member) {
            Kind::Blob { .. } | Kind::String { .. } => {
                self.body.push_str(&"All work and no play. ".repeat(50))
            }
            Kind::Structure(structure) if self.is_xml => {
                self.element(name(member), |writer| writer.members(structure))
            }
            _ => self.value(member),
        }
    }

    /// The root element of a query protocol's answer, or of a REST one's.
    fn document(&mut self, structure: &'a Structure) {
        let (root, wrapper) = (format!("{}Response", self.operation.name), &self.operation.result_wrapper);
        self.element(&root, |writer| match wrapper.as_str() {
            "" => writer.members(structure),
            wrapper => writer.element(wrapper, |writer| writer.members(structure)),
        });
    }

    fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.body.extend(["<", name, ">"]);
        content(self);
        self.body.extend(["</", name, ">"]);
    }

    fn members(&mut self, structure: &'a Structure) {
        if structure.document {
            return self.body.push_str("{}");
        }
        let mut members: Vec<&Member> =
            structure.members.iter().filter(|member| self.is_shown(member)).collect();
        if structure.union {
            members.truncate(1);
        }
        self.open('{');
        for (index, member) in members.into_iter().enumerate() {
            self.path.push(&member.name);
            self.key(index, name(member));
            if self.is_xml {
                self.xml_member(member)
            } else {
                self.value(member)
            }
            self.path.pop();
        }
        self.open('}');
    }

    /// Whether a member is in the body of the last page.
    fn is_shown(&self, member: &Member) -> bool {
        let path: Vec<&str> = self.path.iter().copied().chain([member.name.as_str()]).collect();
        let is_token =
            |paginator: &awscli::model::Paginator| paginator.output_token.contains(&path.join("."));
        member.location == Location::Body
            && !member.xml_attribute
            && !self.above.contains(&member.shape)
            && !self.operation.paginator.as_ref().is_some_and(is_token)
    }

    /// Begins or ends what JSON has signs for.
    fn open(&mut self, sign: char) {
        if !self.is_xml {
            self.body.push(sign);
        }
    }

    fn key(&mut self, index: usize, name: &str) {
        if !self.is_xml {
            self.body.push_str(if index > 0 { ", \"" } else { "\"" });
            self.body.extend([name, "\": "]);
        }
    }

    fn xml_member(&mut self, member: &'a Member) {
        let is_flat = |flattened: bool| flattened || member.flattened;
        match self.kind(member) {
            Kind::List { member: item, flattened, .. } if is_flat(*flattened) => {
                let name = if item.location_name.is_empty() { name(member) } else { name(item) };
                self.items(member, |writer, _| writer.element(name, |writer| writer.value(item)));
            }
            Kind::Map { key, value, flattened } if is_flat(*flattened) => {
                self.entry(name(member), key, value)
            }
            _ => self.element(name(member), |writer| writer.value(member)),
        }
    }

    fn entry(&mut self, name_of_entry: &str, key: &'a Member, value: &'a Member) {
        self.element(name_of_entry, |writer| {
            writer.element(name(key), |writer| writer.value(key));
            writer.element(name(value), |writer| writer.value(value));
        });
    }

    /// Writes the items of a list.
    fn items(&mut self, list: &'a Member, mut item: impl FnMut(&mut Self, usize)) {
        let is_outermost = !self.above.iter().any(|shape| {
            matches!(self.service.shapes[*shape as usize].kind, Kind::List { .. } | Kind::Map { .. })
        });
        self.above.push(list.shape);
        for index in 0..if is_outermost { ITEMS } else { 1 } {
            item(self, index);
        }
        self.above.pop();
    }

    /// A value without the name that it has where it is.
    fn value(&mut self, member: &'a Member) {
        let text = match self.kind(member) {
            Kind::Structure(structure) => {
                self.above.push(member.shape);
                self.members(structure);
                self.above.pop();
                return;
            }
            Kind::List { member: item, .. } if self.is_xml => {
                return self
                    .items(member, |writer, _| writer.element(name(item), |writer| writer.value(item)));
            }
            Kind::List { member: item, .. } => {
                self.body.push('[');
                self.items(member, |writer, index| {
                    writer.body.push_str(if index > 0 { ", " } else { "" });
                    writer.value(item);
                });
                return self.body.push(']');
            }
            Kind::Map { key, value, .. } => {
                self.above.push(member.shape);
                if self.is_xml {
                    self.entry("entry", key, value);
                } else {
                    self.body.push('{');
                    self.value(key);
                    self.body.push_str(": ");
                    self.value(value);
                    self.body.push('}');
                }
                self.above.pop();
                return;
            }
            Kind::String { choices, .. } => choices.first().map_or_else(|| self.text(), String::clone),
            Kind::Blob { .. } => "QWxsIHdvcmsgYW5kIG5vIHBsYXku".to_owned(),
            Kind::Timestamp { format } => match (member.timestamp_format, format) {
                (TimestampFormat::Default, TimestampFormat::Default) if !self.is_xml => {
                    return self.plain("1767225600.5");
                }
                (TimestampFormat::Unix, _) | (TimestampFormat::Default, TimestampFormat::Unix) => {
                    return self.plain("1767225600");
                }
                _ => "2026-01-01T00:00:00.000Z".to_owned(),
            },
            Kind::Boolean => {
                return self.plain(if self.path.last() == Some(&"IsTruncated") { "false" } else { "true" });
            }
            Kind::Integer { .. } | Kind::Long { .. } => return self.plain("443"),
            Kind::Float { .. } | Kind::Double { .. } => return self.plain("0.25"),
        };
        self.open('"');
        self.plain(&text);
        self.open('"');
    }

    fn plain(&mut self, text: &str) {
        self.body.push_str(text);
    }

    /// A text as long as most names and identifiers are.
    fn text(&self) -> String {
        format!("{}-0123456789abcdef", self.path.last().unwrap_or(&"text"))
    }
}

/// A member's name on the wire.
fn name(member: &Member) -> &str {
    if member.location_name.is_empty() { &member.name } else { &member.location_name }
}
