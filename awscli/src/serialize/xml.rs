//! XML bodies of the rest-xml protocol.

use super::{
    SerializeError, Writer, as_list, as_map, blob_bytes, is_flattened, member, scalar_text, wire_name,
};
use crate::model::{Kind, Member, Structure, TimestampFormat, XmlNamespace};
use crate::value::{Map, Value};

/// The whole input as one element, named by the operation.
pub(super) fn input_text(
    writer: &Writer<'_>,
    structure: &Structure,
    params: &Map,
) -> Result<String, SerializeError> {
    let operation = writer.operation;
    let name = [operation.input_name.as_str(), structure.location_name.as_str(), operation.name.as_str()]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default();
    let namespace = XmlNamespace { uri: operation.input_namespace.clone(), prefix: String::new() };
    let namespace = if namespace.uri.is_empty() { &structure.namespace } else { &namespace };
    let mut body = Body { writer, text: String::new() };
    body.structure(name, namespace, structure, params)?;
    Ok(body.text)
}

/// A payload member as one element.
pub(super) fn member_text(
    writer: &Writer<'_>,
    member: &Member,
    value: &Value,
) -> Result<String, SerializeError> {
    let mut body = Body { writer, text: String::new() };
    let name = match writer.kind(member) {
        Kind::Structure(structure)
            if member.location_name.is_empty() && !structure.location_name.is_empty() =>
        {
            &structure.location_name
        }
        _ => wire_name(member),
    };
    body.value(name, member, value)?;
    Ok(body.text)
}

struct Body<'a> {
    writer: &'a Writer<'a>,
    text: String,
}

impl Body<'_> {
    fn structure(
        &mut self,
        name: &str,
        namespace: &XmlNamespace,
        structure: &Structure,
        params: &Map,
    ) -> Result<(), SerializeError> {
        let mut content = Body { writer: self.writer, text: String::new() };
        let mut attributes = String::new();
        for (key, value) in params {
            if *value == Value::Null {
                continue;
            }
            let target = member(structure, key)?;
            if target.xml_attribute {
                attributes.push_str(&format!(" {}=\"", wire_name(target)));
                escape_attribute(&mut attributes, &scalar_text(value));
                attributes.push('"');
            } else {
                content.value(member_name(self.writer, target), target, value)?;
            }
        }
        self.element(name, namespace, &attributes, &content.text);
        Ok(())
    }

    fn value(&mut self, name: &str, member: &Member, value: &Value) -> Result<(), SerializeError> {
        let kind = self.writer.kind(member);
        match kind {
            Kind::Structure(structure) => {
                let own = &structure.namespace;
                let namespace = if member.namespace.uri.is_empty() { own } else { &member.namespace };
                self.structure(name, namespace, structure, as_map(member, value)?)
            }
            Kind::List { member: item, .. } => {
                let flattened = is_flattened(member, kind);
                let item_name = if flattened { name } else { member_name(self.writer, item) };
                let mut content = Body { writer: self.writer, text: String::new() };
                for value in as_list(member, value)? {
                    content.value(item_name, item, value)?;
                }
                if flattened {
                    self.text.push_str(&content.text);
                } else {
                    self.element(name, &member.namespace, "", &content.text);
                }
                Ok(())
            }
            Kind::Map { key: map_key, value: map_value, .. } => {
                let flattened = is_flattened(member, kind);
                let none = XmlNamespace::default();
                let mut entries = Body { writer: self.writer, text: String::new() };
                for (key, value) in as_map(member, value)? {
                    let mut entry = Body { writer: self.writer, text: String::new() };
                    entry.value(wire_name(map_key), map_key, &Value::Str(key.clone()))?;
                    entry.value(wire_name(map_value), map_value, value)?;
                    entries.element(if flattened { name } else { "entry" }, &none, "", &entry.text);
                }
                if flattened {
                    self.text.push_str(&entries.text);
                } else {
                    self.element(name, &member.namespace, "", &entries.text);
                }
                Ok(())
            }
            Kind::Blob { .. } => {
                let text = super::base64(blob_bytes(member, value)?);
                self.element(name, &member.namespace, "", &text);
                Ok(())
            }
            Kind::Timestamp { .. } => {
                let text = self.writer.timestamp(member, value, TimestampFormat::Iso8601)?.to_string();
                self.element(name, &member.namespace, "", &text);
                Ok(())
            }
            _ => {
                let mut text = String::new();
                escape_text(&mut text, &scalar_text(value));
                self.element(name, &member.namespace, "", &text);
                Ok(())
            }
        }
    }

    /// Appends an element whose attributes and content are already escaped.
    fn element(&mut self, name: &str, namespace: &XmlNamespace, attributes: &str, content: &str) {
        self.text.push('<');
        self.text.push_str(name);
        if !namespace.uri.is_empty() {
            self.text.push_str(" xmlns");
            if !namespace.prefix.is_empty() {
                self.text.push(':');
                self.text.push_str(&namespace.prefix);
            }
            self.text.push_str("=\"");
            escape_attribute(&mut self.text, &namespace.uri);
            self.text.push('"');
        }
        self.text.push_str(attributes);
        if content.is_empty() {
            self.text.push_str(" />");
        } else {
            self.text.push('>');
            self.text.push_str(content);
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push('>');
        }
    }
}

/// A structure may bring its own name, which a reference without one takes over.
fn member_name<'a>(writer: &Writer<'a>, member: &'a Member) -> &'a str {
    match writer.kind(member) {
        Kind::Structure(structure)
            if member.location_name.is_empty() && !structure.location_name.is_empty() =>
        {
            &structure.location_name
        }
        _ => wire_name(member),
    }
}

fn escape_text(text: &mut String, raw: &str) {
    for character in raw.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            _ => text.push(character),
        }
    }
}

fn escape_attribute(text: &mut String, raw: &str) {
    for character in raw.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\r' => text.push_str("&#13;"),
            '\n' => text.push_str("&#10;"),
            '\t' => text.push_str("&#09;"),
            _ => text.push(character),
        }
    }
}
