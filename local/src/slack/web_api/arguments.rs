//! A method's arguments: from the query string, a form or JSON, by the rules of each content type.

use std::collections::BTreeMap;

use http::Method as Verb;
use serde_json::Value;

use super::{Failure, Request, missing};
use crate::slack::yes;

/// The arguments of one call.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    values: BTreeMap<String, Value>,
    form: bool,
}

impl Arguments {
    /// Reads a request's arguments, with a warning for the answer where Slack gives one.
    pub(super) fn read(
        request: &Request<'_>,
        takes_json: bool,
    ) -> Result<(Self, Option<&'static str>), Failure> {
        let mut arguments = Self::default();
        let mut warning = None;
        arguments.add_form(request.query.as_bytes());
        // A token in the query string is not accepted from apps made after 2020, and a secret does not belong there.
        arguments.values.remove("token");
        arguments.values.remove("client_secret");
        if request.verb == Verb::GET || request.body.is_empty() {
            return Ok((arguments, None));
        }
        let (kind, parameters) = request.content_type.split_once(';').unwrap_or((request.content_type, ""));
        let charset = parameters.to_ascii_lowercase().contains("charset=");
        match kind.trim().to_ascii_lowercase().as_str() {
            "application/json" => {
                if takes_json {
                    let body: Value = serde_json::from_slice(request.body).map_err(|_| "invalid_json")?;
                    let Value::Object(fields) = body else { return Err("json_not_object".into()) };
                    arguments.values.extend(fields);
                }
                if !charset {
                    warning = Some("missing_charset");
                }
            }
            "application/x-www-form-urlencoded" => {
                arguments.form = true;
                arguments.add_form(request.body);
                if charset {
                    warning = Some("superfluous_charset");
                }
            }
            "" => return Err("missing_post_type".into()),
            _ => return Err("invalid_post_type".into()),
        }
        Ok((arguments, warning))
    }

    fn add_form(&mut self, form: &[u8]) {
        for (name, value) in url::form_urlencoded::parse(form) {
            self.values.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }

    /// A token among the fields of a form; JSON bodies cannot carry one.
    pub(super) fn form_token(&self) -> Option<&str> {
        self.values.get("token").and_then(Value::as_str).filter(|_| self.form)
    }

    /// A non-empty text. Numbers are taken as their digits.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, name: &str) -> Result<String, Failure> {
        self.text(name).ok_or_else(|| missing(name))
    }

    /// Whether an argument is there at all, `null` aside.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// A yes-or-no argument, no by default.
    pub(super) fn flag(&self, name: &str) -> bool {
        yes(self.values.get(name)) || self.text(name).as_deref() == Some("1")
    }

    /// A structured argument: as it is in JSON, or as JSON text. `Err` for text that is no JSON.
    pub(super) fn structure(&self, name: &str) -> Result<Option<Value>, ()> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(drop),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}
