//! XML bodies: a small tree of elements, and results of the query, EC2 and rest-xml protocols out of it.

use std::borrow::Cow;

use bytes::Bytes;
use indexmap::IndexMap;
use quick_xml::XmlVersion;
use quick_xml::errors::{Error as XmlError, IllFormedError};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader as XmlReader;

use super::{MAX_DEPTH, MAX_VALUES, ParseError, Reader, Target, is_in_body, union_member};
use crate::model::{Kind, Member, Protocol};
use crate::serialize::{is_flattened, wire_name};
use crate::value::{Map, Value};

/// An element without its namespace. Its texts are those of the body where they stand there.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Element<'b> {
    pub name: &'b str,
    /// Local names and values, without namespace declarations.
    pub attributes: Vec<(String, String)>,
    /// The text before the first child.
    pub text: Cow<'b, str>,
    pub children: Vec<Element<'b>>,
}

impl<'b> Element<'b> {
    pub(super) fn child(&self, name: &str) -> Option<&Element<'b>> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element without a model: text, or a map of its children where repeated names become lists.
    pub(super) fn to_value(&self) -> Value {
        if self.children.is_empty() {
            return Value::Str(self.text.clone().into_owned());
        }
        let mut by_name: IndexMap<&str, Vec<&Element<'_>>> = IndexMap::new();
        for child in &self.children {
            by_name.entry(child.name).or_default().push(child);
        }
        let fields = by_name.into_iter().map(|(name, elements)| {
            let value = match elements.as_slice() {
                [element] => element.to_value(),
                several => Value::List(several.iter().map(|element| element.to_value()).collect()),
            };
            (name.to_owned(), value)
        });
        Value::Map(fields.collect())
    }
}

fn syntax(reason: impl ToString) -> ParseError {
    ParseError::Syntax { format: "XML", reason: reason.to_string() }
}

/// The children of an element, sorted by their names; those of one name in their order.
struct Children<'e, 'b>(Vec<&'e Element<'b>>);

impl<'e, 'b> Children<'e, 'b> {
    fn of(element: &'e Element<'b>) -> Self {
        let mut children: Vec<_> = element.children.iter().collect();
        children.sort_by_key(|child| child.name);
        Self(children)
    }

    /// Those of a name.
    fn named(&self, name: &str) -> &[&'e Element<'b>] {
        let from = self.0.partition_point(|child| child.name < name);
        let count = self.0[from..].iter().take_while(|child| child.name == name).count();
        &self.0[from..from + count]
    }

    /// All names.
    fn names(&self) -> impl Iterator<Item = &'b str> {
        self.0.chunk_by(|one, next| one.name == next.name).filter_map(|same| Some(same.first()?.name))
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Reads a document. Document types and with them all entities are refused.
pub(super) fn parse_document(body: &[u8]) -> Result<Element<'_>, ParseError> {
    read_document(body).map_err(|wrong| match wrong {
        Wrong::Limit(error) => error,
        Wrong::Syntax(what, at) => {
            let before = &body[..at.min(body.len())];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
            ParseError::Xml {
                reason: format!("{what}: line {line}, column {column}"),
                body: Bytes::copy_from_slice(body),
            }
        }
    })
}

/// Why a document is not read.
enum Wrong {
    /// It is larger than it may be.
    Limit(ParseError),
    /// It is no XML: what is wrong, as the official CLI's parser says it, and at which byte.
    Syntax(&'static str, usize),
}

const INVALID: &str = "not well-formed (invalid token)";
const JUNK: &str = "junk after document element";

fn read_document(body: &[u8]) -> Result<Element<'_>, Wrong> {
    let body = std::str::from_utf8(body).map_err(|error| Wrong::Syntax(INVALID, error.valid_up_to()))?;
    let mut reader = XmlReader::from_str(body);
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut root = None;
    let mut count = 0;
    loop {
        let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|error| match error {
            // The name of the end that does not fit.
            XmlError::IllFormed(IllFormedError::MismatchedEndTag { .. }) => {
                Wrong::Syntax("mismatched tag", start + 2)
            }
            XmlError::Syntax(_) => Wrong::Syntax("unclosed token", start),
            _ => Wrong::Syntax(INVALID, usize::try_from(reader.error_position()).unwrap_or(start)),
        })?;
        match event {
            Event::Start(_) | Event::Empty(_) if root.is_some() && open.is_empty() => {
                return Err(Wrong::Syntax(JUNK, start));
            }
            Event::Start(tag) => {
                if open.len() >= MAX_DEPTH {
                    return Err(Wrong::Limit(ParseError::TooDeep));
                }
                open.push(element(body, &tag, &mut count, start)?);
            }
            Event::Empty(tag) => {
                let element = element(body, &tag, &mut count, start)?;
                close(&mut open, &mut root, element);
            }
            Event::End(_) => {
                // The reader has already checked that every end has its start.
                if let Some(element) = open.pop() {
                    close(&mut open, &mut root, element);
                }
            }
            Event::Text(text) => match open.last_mut() {
                Some(parent) => add_text(parent, text.xml10_content()),
                None => is_blank(&text, start, root.is_some())?,
            },
            Event::CData(text) => match open.last_mut() {
                Some(parent) => add_text(parent, text.xml10_content()),
                None => return Err(Wrong::Syntax(INVALID, start)),
            },
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    Ok(None) => quick_xml::escape::resolve_predefined_entity(&reference)
                        .ok_or(Wrong::Syntax("undefined entity", start))?
                        .to_owned(),
                    Err(_) => return Err(Wrong::Syntax(INVALID, start)),
                };
                match open.last_mut() {
                    Some(parent) => add_text(parent, character.into()),
                    None => return Err(Wrong::Syntax(INVALID, start)),
                }
            }
            Event::DocType(_) if body[start..].starts_with("<!DOCTYPE") => {
                return Err(Wrong::Syntax("a document type is not allowed", start));
            }
            Event::DocType(_) => return Err(Wrong::Syntax("syntax error", start)),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(Wrong::Syntax("no element found", body.len())),
    }
}

/// Puts an element that has ended where it belongs.
fn close<'b>(open: &mut [Element<'b>], root: &mut Option<Element<'b>>, element: Element<'b>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

/// An element whose tag begins at `start` of the body.
fn element<'b>(
    body: &'b str,
    tag: &BytesStart<'_>,
    count: &mut usize,
    start: usize,
) -> Result<Element<'b>, Wrong> {
    *count += 1;
    if *count > MAX_VALUES {
        return Err(Wrong::Limit(ParseError::TooMany));
    }
    let invalid = || Wrong::Syntax(INVALID, start);
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| invalid())?;
        let key = attribute.key.into_inner();
        if key != "xmlns" && !key.starts_with("xmlns:") {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| invalid())?;
            attributes.push((local(key).to_owned(), value.into_owned()));
        }
    }
    let (begin, len) = (start.saturating_add(1), tag.name().into_inner().len());
    let name = body.get(begin..begin.saturating_add(len)).ok_or_else(invalid)?;
    Ok(Element { name: local(name), attributes, ..Element::default() })
}

/// Text behind the first child is dropped, as the official CLI does.
fn add_text<'b>(parent: &mut Element<'b>, text: Cow<'b, str>) {
    if parent.children.is_empty() {
        parent.text += text;
    }
}

/// Refuses text outside of the root element that is more than white space.
fn is_blank(text: &str, start: usize, after_root: bool) -> Result<(), Wrong> {
    match text.find(|character: char| !character.is_ascii_whitespace()) {
        None => Ok(()),
        Some(_) if after_root => Err(Wrong::Syntax(JUNK, start + text.len() - text.trim_start().len())),
        Some(at) => {
            let begins_name = text[at..].starts_with(|first: char| first.is_alphabetic() || first == '_');
            Err(Wrong::Syntax(if begins_name { "syntax error" } else { INVALID }, start + at))
        }
    }
}

/// Whether a body that came with status 200 is an error after all: S3 sends them when it fails after it has begun to
/// answer. What is cut off or no XML counts too.
pub fn is_error_document(body: &[u8]) -> bool {
    read_document(body).map_or(true, |root| root.name == "Error")
}

/// The text of a document's root element, if it is one.
pub(crate) fn root_text(body: &[u8]) -> Option<String> {
    Some(read_document(body).ok()?.text.into_owned())
}

/// The result of a query protocol's response.
pub(super) fn result(reader: &Reader<'_>, output: Target<'_>) -> Result<Map, ParseError> {
    if output.structure.members.is_empty() {
        return Ok(Map::new());
    }
    let root = parse_document(&reader.response.body)?;
    let wrapper = &reader.operation.result_wrapper;
    let start = if wrapper.is_empty() {
        &root
    } else {
        root.child(wrapper).ok_or_else(|| syntax(format!("<{wrapper}> is missing")))?
    };
    structure(reader, output, start)
}

/// A structure's members out of an element. A union's unknown member comes as `SDK_UNKNOWN_MEMBER`.
pub(super) fn structure(
    reader: &Reader<'_>,
    target: Target<'_>,
    element: &Element<'_>,
) -> Result<Map, ParseError> {
    let element = if target.structure.exception { error_root(reader, element) } else { element };
    let children = Children::of(element);
    if target.structure.union {
        let unknown = union_member(target, children.names(), wire_name)?;
        if let Some(Value::Map(unknown)) = unknown {
            return Ok(unknown);
        }
    }
    let mut map = Map::with_capacity(children.0.len().min(target.structure.members.len()));
    for member in target.structure.members.iter().filter(|member| is_in_body(member)) {
        let elements = children.named(element_name(reader, member));
        if !elements.is_empty() {
            map.insert(member.name.clone(), value(reader, member, elements)?);
        } else if member.xml_attribute {
            let name = local(wire_name(member));
            if let Some((_, text)) = element.attributes.iter().find(|(key, _)| key == name) {
                map.insert(member.name.clone(), reader.scalar(member, text)?);
            }
        }
    }
    Ok(map)
}

/// A flattened list goes by the name of its items, if they have one.
fn element_name<'a>(reader: &Reader<'a>, member: &'a Member) -> &'a str {
    match reader.kind(member) {
        kind @ Kind::List { member: item, .. }
            if is_flattened(member, kind) && !item.location_name.is_empty() =>
        {
            &item.location_name
        }
        _ => wire_name(member),
    }
}

/// The element that holds an error's members.
fn error_root<'e, 'b>(reader: &Reader<'_>, root: &'e Element<'b>) -> &'e Element<'b> {
    if reader.service.protocol == Protocol::Ec2 {
        return root.child("Errors").and_then(|errors| errors.child("Error")).unwrap_or(root);
    }
    match root.child("Error") {
        Some(error) if root.name == "ErrorResponse" => error,
        _ => root,
    }
}

/// A member's value out of all elements of its name; there is at least one.
fn value(reader: &Reader<'_>, member: &Member, elements: &[&Element<'_>]) -> Result<Value, ParseError> {
    let kind = reader.kind(member);
    let flattened = is_flattened(member, kind) || elements.len() > 1;
    let Some(&first) = elements.first() else {
        return Ok(Value::Null);
    };
    match kind {
        Kind::Structure(inner) => {
            let target = Target { name: reader.shape_name(member), structure: inner };
            Ok(Value::Map(structure(reader, target, first)?))
        }
        Kind::List { member: item, .. } => {
            let items: Result<Vec<_>, _> = if flattened {
                elements.iter().map(|element| value(reader, item, &[element])).collect()
            } else {
                first.children.iter().map(|element| value(reader, item, &[element])).collect()
            };
            Ok(Value::List(items?))
        }
        Kind::Map { key, value: map_value, .. } => {
            let mut map = Map::new();
            let entries: Vec<&Element<'_>> =
                if flattened { elements.to_vec() } else { first.children.iter().collect() };
            for entry in entries {
                let found_key = entry.child(wire_name(key));
                let found_value = entry.child(wire_name(map_value));
                if let (Some(key), Some(found)) = (found_key, found_value) {
                    map.insert(key.text.clone().into_owned(), value(reader, map_value, &[found])?);
                }
            }
            Ok(Value::Map(map))
        }
        _ => reader.scalar(member, &first.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_predefined_entities_exist() {
        let root = parse_document(b"<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;<![CDATA[<c>]]></a>").unwrap();
        assert_eq!(root.text, "<>&\"'AB<c>");
        // The reasons are Python's, except that for document types, which it would take.
        for (body, reason) in [
            ("<a>&b;</a>", "undefined entity: line 1, column 3"),
            (
                "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
                "a document type is not allowed: line 1, column 0",
            ),
            ("<!doctype html>\n<html></html>", "syntax error: line 1, column 0"),
            ("<a><b></a></b>", "mismatched tag: line 1, column 8"),
            ("<html>\n<br></html>", "mismatched tag: line 2, column 6"),
            ("<a>\n <b>", "no element found: line 2, column 4"),
            ("<a", "unclosed token: line 1, column 0"),
            ("<a/><b/>", "junk after document element: line 1, column 4"),
            ("<a/>\nx", "junk after document element: line 2, column 0"),
            ("\n\n text", "syntax error: line 3, column 1"),
            ("{\"a\": 1}", "not well-formed (invalid token): line 1, column 0"),
            ("   ", "no element found: line 1, column 3"),
            ("", "no element found: line 1, column 0"),
        ] {
            let Err(ParseError::Xml { reason: found, .. }) = parse_document(body.as_bytes()) else {
                panic!("{body} is read");
            };
            assert_eq!(found, reason, "{body}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        for (depth, fits) in [(MAX_DEPTH - 1, true), (MAX_DEPTH, true), (MAX_DEPTH + 1, false)] {
            let body = "<a>".repeat(depth) + &"</a>".repeat(depth);
            assert_eq!(parse_document(body.as_bytes()) == Err(ParseError::TooDeep), !fits, "{depth}");
        }
    }

    #[test]
    fn number_of_elements_is_bounded() {
        for (count, fits) in [(MAX_VALUES, true), (MAX_VALUES + 1, false)] {
            let body = format!("<a>{}</a>", "<b/>".repeat(count - 1));
            assert_eq!(parse_document(body.as_bytes()) == Err(ParseError::TooMany), !fits, "{count}");
        }
    }

    #[test]
    fn an_error_with_status_200_is_seen() {
        assert!(is_error_document(b"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>"));
        assert!(is_error_document(b"<CopyObjectResult><ETag>"));
        assert!(!is_error_document(b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"));
    }
}
