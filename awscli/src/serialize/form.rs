//! The query protocol and EC2's variant of it: everything is a form of dotted names.

use super::{
    HttpRequest, SerializeError, Writer, as_list, as_map, blob_bytes, is_flattened, member, scalar_text,
};
use crate::model::{Kind, Member, Protocol, Structure, TimestampFormat};
use crate::value::{Map, Value};

pub(super) fn request(writer: &Writer<'_>, params: &Map) -> Result<HttpRequest, SerializeError> {
    let mut form = Form { writer, ec2: writer.service.protocol == Protocol::Ec2, pairs: Vec::new() };
    form.push("Action", &writer.operation.name);
    form.push("Version", &writer.service.api_version);
    if let Some(input) = writer.input() {
        form.structure("", input, params)?;
    }
    Ok(HttpRequest {
        method: writer.method(),
        path: "/".to_owned(),
        headers: vec![(
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
        )],
        body: encode(&form.pairs).into_bytes().into(),
        ..HttpRequest::default()
    })
}

/// Form encoding: percent encoding with `+` for the space.
pub(crate) fn encode(pairs: &[(String, String)]) -> String {
    let mut body = String::new();
    for (key, value) in pairs {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(&super::percent_encode(key, " "));
        body.push('=');
        body.push_str(&super::percent_encode(value, " "));
    }
    body.replace(' ', "+")
}

struct Form<'a> {
    writer: &'a Writer<'a>,
    ec2: bool,
    pairs: Vec<(String, String)>,
}

impl Form<'_> {
    fn push(&mut self, key: &str, value: &str) {
        self.pairs.push((key.to_owned(), value.to_owned()));
    }

    fn structure(&mut self, prefix: &str, structure: &Structure, params: &Map) -> Result<(), SerializeError> {
        for (key, value) in params {
            if *value == Value::Null {
                continue;
            }
            let target = member(structure, key)?;
            let name = self.name(target);
            let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            self.value(&name, target, value)?;
        }
        Ok(())
    }

    fn name(&self, member: &Member) -> String {
        if !self.ec2 {
            return super::wire_name(member).to_owned();
        }
        if !member.query_name.is_empty() {
            return member.query_name.clone();
        }
        // EC2 writes the names of its XML with a capital letter.
        let mut letters = member.location_name.chars();
        match letters.next() {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => member.name.clone(),
        }
    }

    fn value(&mut self, prefix: &str, member: &Member, value: &Value) -> Result<(), SerializeError> {
        match self.writer.kind(member) {
            Kind::Structure(structure) => self.structure(prefix, structure, as_map(member, value)?),
            Kind::List { member: item, .. } => {
                let items = as_list(member, value)?;
                if self.ec2 {
                    return self.items(prefix, item, items);
                }
                if items.is_empty() {
                    self.push(prefix, "");
                    return Ok(());
                }
                let prefix = if !is_flattened(member, self.writer.kind(member)) {
                    format!("{prefix}.{}", super::wire_name(item))
                } else if item.location_name.is_empty() {
                    prefix.to_owned()
                } else {
                    // A flattened list's items take the place of the list's own name.
                    match prefix.rsplit_once('.') {
                        Some((parent, _)) => format!("{parent}.{}", item.location_name),
                        None => item.location_name.clone(),
                    }
                };
                self.items(&prefix, item, items)
            }
            Kind::Map { key: map_key, value: map_value, .. } => {
                let flattened = is_flattened(member, self.writer.kind(member));
                let prefix = if flattened { prefix.to_owned() } else { format!("{prefix}.entry") };
                let (key_name, value_name) = (super::wire_name(map_key), super::wire_name(map_value));
                for (index, (key, value)) in as_map(member, value)?.iter().enumerate() {
                    let number = index + 1;
                    self.push(&format!("{prefix}.{number}.{key_name}"), key);
                    self.value(&format!("{prefix}.{number}.{value_name}"), map_value, value)?;
                }
                Ok(())
            }
            Kind::Blob { .. } => {
                let text = super::base64(blob_bytes(member, value)?);
                self.push(prefix, &text);
                Ok(())
            }
            Kind::Timestamp { .. } => {
                let text = self.writer.timestamp(member, value, TimestampFormat::Iso8601)?.to_string();
                self.push(prefix, &text);
                Ok(())
            }
            _ => {
                self.push(prefix, &scalar_text(value));
                Ok(())
            }
        }
    }

    fn items(&mut self, prefix: &str, member: &Member, items: &[Value]) -> Result<(), SerializeError> {
        for (index, item) in items.iter().enumerate() {
            self.value(&format!("{prefix}.{}", index + 1), member, item)?;
        }
        Ok(())
    }
}
