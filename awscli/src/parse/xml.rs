//! XML bodies: a small tree of elements, and results of the query, EC2 and rest-xml protocols out of it.

use indexmap::IndexMap;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader as XmlReader;

use super::{MAX_DEPTH, MAX_VALUES, ParseError, Reader, Target, is_in_body, union_member};
use crate::model::{Kind, Member, Protocol};
use crate::serialize::{is_flattened, wire_name};
use crate::value::{Map, Value};

/// An element without its namespace.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Element {
    pub name: String,
    /// Local names and values, without namespace declarations.
    pub attributes: Vec<(String, String)>,
    /// The text before the first child.
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Children by name, in the order of their first occurrence.
    pub(super) fn by_name(&self) -> IndexMap<&str, Vec<&Element>> {
        let mut names: IndexMap<&str, Vec<&Element>> = IndexMap::new();
        for child in &self.children {
            names.entry(&child.name).or_default().push(child);
        }
        names
    }

    /// The element without a model: text, or a map of its children where repeated names become lists.
    pub(super) fn to_value(&self) -> Value {
        if self.children.is_empty() {
            return Value::Str(self.text.clone());
        }
        let fields = self.by_name().into_iter().map(|(name, elements)| {
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

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Reads a document. Document types and with them all entities are refused.
pub(super) fn parse_document(body: &[u8]) -> Result<Element, ParseError> {
    let body = std::str::from_utf8(body).map_err(|_| syntax("it is not UTF-8"))?;
    let mut reader = XmlReader::from_str(body);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut count = 0;
    let close = |open: &mut Vec<Element>, root: &mut Option<Element>, element: Element| match open.last_mut()
    {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    };
    loop {
        let event = reader.read_event().map_err(syntax)?;
        match event {
            Event::Start(start) | Event::Empty(start) if root.is_some() && open.is_empty() => {
                return Err(syntax(format!("a second root element <{}>", &*start)));
            }
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err(ParseError::TooDeep);
                }
                open.push(element(&start, &mut count)?);
            }
            Event::Empty(start) => {
                let element = element(&start, &mut count)?;
                close(&mut open, &mut root, element);
            }
            Event::End(_) => {
                // The reader has already checked that every end has its start.
                if let Some(element) = open.pop() {
                    close(&mut open, &mut root, element);
                }
            }
            Event::Text(text) => add_text(&mut open, &text.xml10_content())?,
            Event::CData(text) => add_text(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().map_err(syntax)? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference)
                        .ok_or_else(|| syntax(format!("the unknown entity &{};", &*reference)))?
                        .to_owned(),
                };
                add_text(&mut open, &character)?;
            }
            Event::DocType(_) => return Err(syntax("it has a document type")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err(syntax("it ends early"));
    }
    root.ok_or_else(|| syntax("it has no element"))
}

fn element(start: &BytesStart<'_>, count: &mut usize) -> Result<Element, ParseError> {
    *count += 1;
    if *count > MAX_VALUES {
        return Err(ParseError::TooMany);
    }
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(syntax)?;
        let key = attribute.key.into_inner();
        if key != "xmlns" && !key.starts_with("xmlns:") {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(syntax)?;
            attributes.push((local(key).to_owned(), value.into_owned()));
        }
    }
    Ok(Element { name: local(start.name().into_inner()).to_owned(), attributes, ..Element::default() })
}

fn add_text(open: &mut [Element], text: &str) -> Result<(), ParseError> {
    match open.last_mut() {
        Some(element) if element.children.is_empty() => element.text.push_str(text),
        Some(_) => {}
        None if text.chars().all(char::is_whitespace) => {}
        None => return Err(syntax("text outside of the root element")),
    }
    Ok(())
}

/// Whether a body that came with status 200 is an error after all: S3 sends them when it fails after it has begun to
/// answer. What is cut off or no XML counts too.
pub fn is_error_document(body: &[u8]) -> bool {
    parse_document(body).map_or(true, |root| root.name == "Error")
}

/// The text of a document's root element, if it is one.
pub(crate) fn root_text(body: &[u8]) -> Option<String> {
    Some(parse_document(body).ok()?.text)
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
    element: &Element,
) -> Result<Map, ParseError> {
    let element = if target.structure.exception { error_root(reader, element) } else { element };
    let children = element.by_name();
    if target.structure.union {
        let unknown = union_member(target, children.keys().copied(), wire_name)?;
        if let Some(Value::Map(unknown)) = unknown {
            return Ok(unknown);
        }
    }
    let mut map = Map::new();
    for member in target.structure.members.iter().filter(|member| is_in_body(member)) {
        if let Some(elements) = children.get(element_name(reader, member)) {
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
fn error_root<'e>(reader: &Reader<'_>, root: &'e Element) -> &'e Element {
    if reader.service.protocol == Protocol::Ec2 {
        return root.child("Errors").and_then(|errors| errors.child("Error")).unwrap_or(root);
    }
    match root.child("Error") {
        Some(error) if root.name == "ErrorResponse" => error,
        _ => root,
    }
}

/// A member's value out of all elements of its name; there is at least one.
fn value(reader: &Reader<'_>, member: &Member, elements: &[&Element]) -> Result<Value, ParseError> {
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
            let entries: Vec<&Element> =
                if flattened { elements.to_vec() } else { first.children.iter().collect() };
            for entry in entries {
                let found_key = entry.child(wire_name(key));
                let found_value = entry.child(wire_name(map_value));
                if let (Some(key), Some(found)) = (found_key, found_value) {
                    map.insert(key.text.clone(), value(reader, map_value, &[found])?);
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
        for body in [
            "<a>&b;</a>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<!DOCTYPE html><html></html>",
            "<a><b></a>",
            "<a>",
            "<a/><b/>",
            "text",
            "",
        ] {
            assert!(matches!(parse_document(body.as_bytes()), Err(ParseError::Syntax { .. })), "{body}");
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
