//! The elements of blocks that can be pressed or filled in: where they are, and what Slack says of what was entered.

use serde_json::{Map, Value, json};

use super::pieces::{list_at, text_at};

/// An element in its block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub block: &'a Value,
    pub element: &'a Value,
}

impl<'a> Element<'a> {
    pub fn block_id(&self) -> &'a str {
        text_at(self.block, "block_id")
    }

    pub fn action_id(&self) -> &'a str {
        text_at(self.element, "action_id")
    }

    pub fn kind(&self) -> &'a str {
        text_at(self.element, "type")
    }

    /// Whether it is the element of an input block, which reports at submission rather than at once.
    pub fn is_input(&self) -> bool {
        text_at(self.block, "type") == "input"
    }

    /// Whether pressing or choosing reports at once.
    pub fn reports_at_once(&self) -> bool {
        !self.is_input() || self.block.get("dispatch_action") == Some(&json!(true))
    }

    /// What Slack says of the element once `entered` is in it: a text, a list of texts, or nothing. Without it, its
    /// initial value counts.
    pub fn state(&self, entered: Option<&Value>) -> Value {
        let kind = self.kind();
        let (key, initial, many) = match kind {
            "static_select" | "external_select" | "radio_buttons" | "overflow" => {
                ("selected_option", "initial_option", false)
            }
            "multi_static_select" | "multi_external_select" | "checkboxes" => {
                ("selected_options", "initial_options", true)
            }
            "users_select" => ("selected_user", "initial_user", false),
            "multi_users_select" => ("selected_users", "initial_users", true),
            "conversations_select" => ("selected_conversation", "initial_conversation", false),
            "multi_conversations_select" => ("selected_conversations", "initial_conversations", true),
            "channels_select" => ("selected_channel", "initial_channel", false),
            "multi_channels_select" => ("selected_channels", "initial_channels", true),
            "datepicker" => ("selected_date", "initial_date", false),
            "timepicker" => ("selected_time", "initial_time", false),
            "datetimepicker" => ("selected_date_time", "initial_date_time", false),
            _ => ("value", "initial_value", false),
        };
        let options = key.starts_with("selected_option");
        let chosen = |value: &Value| if options { self.option(value) } else { value.clone() };
        let value = match entered {
            None => self.element.get(initial).cloned().unwrap_or(if many { json!([]) } else { Value::Null }),
            Some(Value::Array(values)) if many => values.iter().map(chosen).collect(),
            Some(Value::Null) if many => json!([]),
            Some(value) if many => json!([chosen(value)]),
            Some(Value::Null) => Value::Null,
            Some(Value::String(text)) if text.is_empty() => Value::Null,
            Some(value) => chosen(value),
        };
        json!({"type": kind, key: value})
    }

    /// The option with this value; one that is not in the block came from an external source and is taken as it is.
    fn option(&self, value: &Value) -> Value {
        if value.is_object() {
            return value.clone();
        }
        let groups =
            list_at(self.element, "option_groups").iter().flat_map(|group| list_at(group, "options"));
        let known = list_at(self.element, "options").iter().chain(groups);
        known.clone().find(|option| option.get("value") == Some(value)).cloned().unwrap_or_else(
            || json!({"text": {"type": "plain_text", "text": value, "emoji": true}, "value": value}),
        )
    }

    /// What Slack reports of it in `actions`.
    pub fn action(&self, entered: Option<&Value>, action_ts: &str) -> Value {
        let mut action = match self.kind() {
            "button" => {
                let mut button = json!({"type": "button", "text": self.element.get("text")});
                if let Some(value) = self.element.get("value") {
                    button["value"] = value.clone();
                }
                button
            }
            _ => self.state(entered),
        };
        action["action_id"] = json!(self.action_id());
        action["block_id"] = json!(self.block_id());
        action["action_ts"] = json!(action_ts);
        action
    }

    /// Why Slack's client would not let this be submitted, if it would not.
    pub fn refuses(&self, entered: Option<&Value>) -> Option<&'static str> {
        let state = self.state(entered);
        let value =
            state.as_object().into_iter().flatten().find(|(key, _)| *key != "type").map(|(_, value)| value);
        let empty = match value {
            None | Some(Value::Null) => true,
            Some(Value::Array(values)) => values.is_empty(),
            Some(_) => false,
        };
        if empty {
            let optional = self.block.get("optional") == Some(&json!(true));
            return (!optional).then_some("Please complete this required field.");
        }
        let text = value.and_then(Value::as_str).unwrap_or_default();
        let length = text.chars().count() as u64;
        let limit = |key: &str| self.element.get(key).and_then(Value::as_u64);
        let bound = |key: &str| {
            let bound = self.element.get(key)?;
            bound.as_f64().or_else(|| bound.as_str()?.parse().ok())
        };
        match self.kind() {
            "plain_text_input" if limit("min_length").is_some_and(|least| length < least) => {
                Some("This entry is too short.")
            }
            "plain_text_input" if limit("max_length").unwrap_or(3000) < length => {
                Some("This entry is too long.")
            }
            "email_text_input" if !text.contains('@') => Some("This is not an email address."),
            "url_text_input" if url::Url::parse(text).is_err() => Some("This is not a web address."),
            "number_input" => match text.parse::<f64>() {
                Ok(number) if bound("min_value").is_some_and(|least| number < least) => {
                    Some("This is too small.")
                }
                Ok(number) if bound("max_value").is_some_and(|most| number > most) => {
                    Some("This is too large.")
                }
                Ok(_) => None,
                Err(_) => Some("This is not a number."),
            },
            _ => None,
        }
    }
}

/// Every element of the blocks that can be pressed or filled in.
pub(crate) fn elements(blocks: &[Value]) -> Vec<Element<'_>> {
    let mut found = Vec::new();
    for block in blocks {
        let of_block: Vec<&Value> = match text_at(block, "type") {
            "section" => block.get("accessory").into_iter().collect(),
            "actions" => list_at(block, "elements").iter().collect(),
            "input" => block.get("element").into_iter().collect(),
            _ => Vec::new(),
        };
        let interactive = of_block.into_iter().filter(|element| text_at(element, "type") != "image");
        found.extend(interactive.map(|element| Element { block, element }));
    }
    found
}

/// What is in the elements: `values` of a view's or a message's state. `entered` gives what was put into one of them.
pub(crate) fn values<'a>(
    blocks: &'a [Value],
    entered: impl Fn(&Element<'a>) -> Option<&'a Value>,
) -> Map<String, Value> {
    let mut values = Map::new();
    for element in elements(blocks) {
        if !matches!(element.kind(), "button" | "overflow") {
            let state = element.state(entered(&element));
            let block = values.entry(element.block_id()).or_insert_with(|| json!({}));
            block[element.action_id()] = state;
        }
    }
    values
}

/// The blocks with an id in every block and in every element that can be pressed or filled in: Slack makes one up
/// where the app gave none.
pub(crate) fn with_ids(blocks: &[Value]) -> Vec<Value> {
    let mut blocks = blocks.to_vec();
    for (number, block) in blocks.iter_mut().enumerate() {
        give_id(block, "block_id", &format!("b{number}"));
        match text_at(block, "type") {
            "section" => {
                if let Some(accessory) =
                    block.get_mut("accessory").filter(|it| text_at(it, "type") != "image")
                {
                    give_id(accessory, "action_id", &format!("a{number}"));
                }
            }
            "input" => {
                if let Some(element) = block.get_mut("element") {
                    give_id(element, "action_id", &format!("a{number}"));
                }
            }
            "actions" => {
                let elements = block.get_mut("elements").and_then(Value::as_array_mut);
                for (place, element) in elements.into_iter().flatten().enumerate() {
                    give_id(element, "action_id", &format!("a{number}.{place}"));
                }
            }
            _ => {}
        }
    }
    blocks
}

fn give_id(object: &mut Value, key: &str, id: &str) {
    if text_at(object, key).is_empty()
        && let Some(fields) = object.as_object_mut()
    {
        fields.insert(key.to_owned(), json!(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(element: Value) -> Value {
        json!({"type": "input", "block_id": "b", "element": element})
    }

    fn only(block: &Value) -> Element<'_> {
        elements(std::slice::from_ref(block))[0]
    }

    #[test]
    fn what_was_entered_has_the_form_of_its_element() {
        let option = |value: &str| json!({"text": {"type": "plain_text", "text": value.to_uppercase()}, "value": value});
        let options = json!([option("a"), option("b")]);
        for (element, entered, state) in [
            (json!({"type": "plain_text_input"}), Some(json!("x")), json!({"value": "x"})),
            (json!({"type": "plain_text_input", "initial_value": "i"}), None, json!({"value": "i"})),
            (
                json!({"type": "plain_text_input", "initial_value": "i"}),
                Some(json!("")),
                json!({"value": null}),
            ),
            (
                json!({"type": "static_select", "options": options}),
                Some(json!("b")),
                json!({"selected_option": option("b")}),
            ),
            (json!({"type": "static_select", "options": options}), None, json!({"selected_option": null})),
            (
                json!({"type": "static_select", "option_groups": [{"options": options}]}),
                Some(json!("a")),
                json!({"selected_option": option("a")}),
            ),
            (
                json!({"type": "checkboxes", "options": options}),
                Some(json!(["a", "b"])),
                json!({"selected_options": [option("a"), option("b")]}),
            ),
            (json!({"type": "checkboxes", "options": options}), None, json!({"selected_options": []})),
            (json!({"type": "users_select"}), Some(json!("U0ANNA")), json!({"selected_user": "U0ANNA"})),
            (
                json!({"type": "multi_channels_select"}),
                Some(json!("C1")),
                json!({"selected_channels": ["C1"]}),
            ),
        ] {
            let mut expected = state;
            expected["type"] = element["type"].clone();
            assert_eq!(only(&input(element)).state(entered.as_ref()), expected);
        }
    }

    #[test]
    fn what_slacks_client_refuses_is_not_sent() {
        for (element, entered, refused) in [
            (json!({"type": "plain_text_input"}), json!(""), true),
            (json!({"type": "plain_text_input"}), json!("x"), false),
            (json!({"type": "plain_text_input", "min_length": 2}), json!("x"), true),
            (json!({"type": "plain_text_input", "max_length": 2}), json!("xxx"), true),
            (json!({"type": "number_input"}), json!("ten"), true),
            (json!({"type": "number_input", "max_value": "5"}), json!("6"), true),
            (json!({"type": "number_input", "max_value": "5"}), json!("5"), false),
            (json!({"type": "email_text_input"}), json!("nobody"), true),
            (json!({"type": "url_text_input"}), json!("nowhere"), true),
            (json!({"type": "multi_users_select"}), json!([]), true),
        ] {
            assert_eq!(
                only(&input(element.clone())).refuses(Some(&entered)).is_some(),
                refused,
                "{element} {entered}"
            );
        }
        let optional = json!({"type": "input", "optional": true, "element": {"type": "plain_text_input"}});
        assert_eq!(only(&optional).refuses(Some(&json!(""))), None);
    }
}
