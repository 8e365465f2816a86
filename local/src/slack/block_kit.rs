//! What Slack refuses in the blocks of a message or a view: kinds, required fields, sizes, unique ids and the size of
//! the whole.
//!
//! Sources: the reference pages of Block Kit (blocks, block elements, composition objects) as of 2026. The wording of
//! the errors is Slack's own as seen in public reports, where one was found.

use std::collections::HashSet;

use serde_json::Value;

/// Blocks in a message.
pub const BLOCKS: usize = 50;
/// Characters of a `block_id` or `action_id`.
pub const ID: usize = 255;
/// Characters of a section's text, and of any text object.
pub const TEXT: usize = 3000;
/// Fields of a section.
pub const FIELDS: usize = 10;
/// Characters of a field.
pub const FIELD: usize = 2000;
/// Characters of a header.
pub const HEADER: usize = 150;
/// Elements of a context block.
pub const CONTEXT: usize = 10;
/// Elements of an actions block.
pub const ACTIONS: usize = 25;
/// Characters of a button's text, its `accessibility_label`, an option's text and its description.
pub const LABEL: usize = 75;
/// Characters of a button's `value`.
pub const BUTTON_VALUE: usize = 2000;
/// Characters of an option's `value`.
pub const OPTION_VALUE: usize = 150;
/// Characters of a placeholder.
pub const PLACEHOLDER: usize = 150;
/// Characters of an address.
pub const URL: usize = 3000;
/// Options of a select, groups of options, and options of a group.
pub const OPTIONS: usize = 100;
/// Options of an overflow menu.
pub const OVERFLOW: usize = 5;
/// Checkboxes and radio buttons of one element.
pub const CHOICES: usize = 10;
/// Characters of an image's alternative text, its title, an input's label and its hint.
pub const ALT_TEXT: usize = 2000;
/// Characters of a confirmation's title, text and buttons.
pub const CONFIRM: (usize, usize, usize) = (100, 300, 30);
/// Characters of all markdown blocks of a message.
pub const MARKDOWN: usize = 12_000;
/// Rows of a table, cells of a row and column settings, characters of all tables of a message.
pub const TABLE: (usize, usize, usize) = (100, 20, 10_000);
/// Characters that all blocks of a message may hold together. Slack documents no figure; messages between 11,000 and
/// 13,000 characters were seen refused with `msg_blocks_too_long`.
pub const MESSAGE: usize = 13_000;

/// Blocks in a modal or a Home tab.
pub const VIEW_BLOCKS: usize = 100;
/// Characters of a modal's title and of the texts of its buttons.
pub const MODAL_TEXT: usize = 24;
/// Characters of a view's `private_metadata`.
pub const PRIVATE_METADATA: usize = 3000;

/// Why blocks are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not an array of objects: `invalid_blocks_format`.
    Format,
    /// `invalid_blocks`, with one line for each fault: its wording and where it is.
    Invalid(Vec<String>),
    /// `msg_blocks_too_long`.
    TooLong,
}

/// Checks the blocks of one message.
pub fn check(blocks: &Value) -> Result<(), Refusal> {
    let Some(list) = blocks.as_array() else { return Err(Refusal::Format) };
    if !list.iter().all(Value::is_object) {
        return Err(Refusal::Format);
    }
    let mut check = Check::default();
    check.blocks(list, BLOCKS, "/blocks");
    if check.markdown > MARKDOWN {
        check.fault("/blocks", &format!("markdown must be less than {} characters", MARKDOWN + 1));
    }
    if check.table > TABLE.2 {
        check.fault("/blocks", &format!("tables must be less than {} characters", TABLE.2 + 1));
    }
    if !check.faults.is_empty() {
        Err(Refusal::Invalid(check.faults))
    } else if check.total > MESSAGE {
        Err(Refusal::TooLong)
    } else {
        Ok(())
    }
}

/// Checks a view, which must be of this type: `modal` or `home`. Gives one line for each fault.
pub fn check_view(view: &Value, kind: &str) -> Result<(), Vec<String>> {
    let mut check = Check { in_view: true, ..Check::default() };
    let at = "/view";
    if !view.is_object() {
        check.fault(at, "must provide an object");
        return Err(check.faults);
    }
    if check.kind(view, at) != kind {
        check.fault(&format!("{at}/type"), &format!("must be one of: {kind}"));
    }
    let of_all = ["type", "blocks", "private_metadata", "callback_id", "external_id"];
    let of_modals = ["title", "submit", "close", "clear_on_close", "notify_on_close", "submit_disabled"];
    let mut allowed = of_all.to_vec();
    if kind == "modal" {
        allowed.extend(of_modals);
        check.required_text(view, "title", at, Kind::Plain, MODAL_TEXT);
        check.optional_text(view, "submit", at, Kind::Plain, MODAL_TEXT);
        check.optional_text(view, "close", at, Kind::Plain, MODAL_TEXT);
    }
    check.only(view, at, &allowed);
    check.optional_string(view, "private_metadata", at, 0, PRIVATE_METADATA);
    check.optional_string(view, "callback_id", at, 0, ID);
    check.optional_string(view, "external_id", at, 0, ID);
    check.required(view, "blocks", at);
    match view.get("blocks") {
        None => {}
        Some(Value::Array(blocks)) if blocks.is_empty() => {
            check.fault("/view/blocks", "no less than 1 items allowed");
        }
        Some(Value::Array(blocks)) => check.blocks(blocks, VIEW_BLOCKS, "/view/blocks"),
        Some(_) => check.fault("/view/blocks", "must provide an array"),
    }
    let inputs = view.get("blocks").and_then(Value::as_array).into_iter().flatten();
    let has_inputs =
        inputs.into_iter().any(|block| block.get("type").and_then(Value::as_str) == Some("input"));
    if kind == "modal" && has_inputs && view.get("submit").is_none_or(Value::is_null) {
        check.fault(at, "`submit` is required when an input is in blocks");
    }
    if check.faults.is_empty() { Ok(()) } else { Err(check.faults) }
}

#[derive(Default)]
struct Check {
    /// Some kinds of blocks are for messages only.
    in_view: bool,
    faults: Vec<String>,
    block_ids: HashSet<String>,
    action_ids: HashSet<String>,
    total: usize,
    markdown: usize,
    table: usize,
}

/// Which text objects a place takes.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    Any,
}

impl Check {
    fn fault(&mut self, at: &str, what: &str) {
        self.faults.push(format!("{what} [json-pointer:{at}]"));
    }

    fn blocks(&mut self, blocks: &[Value], most: usize, at: &str) {
        if blocks.len() > most {
            self.fault(at, &format!("no more than {most} items allowed"));
        }
        for (number, block) in blocks.iter().enumerate() {
            self.block(block, &format!("{at}/{number}"));
        }
    }

    fn block(&mut self, block: &Value, at: &str) {
        self.action_ids.clear();
        match self.kind(block, at).as_str() {
            "section" => {
                self.fields_of(block, at, &["text", "fields", "accessory", "expand"]);
                if block.get("text").is_none() && block.get("fields").is_none() {
                    self.fault(at, "must define either `text` or `fields`");
                }
                self.optional_text(block, "text", at, Kind::Any, TEXT);
                for (field, at) in self.list(block, "fields", at, 1, FIELDS) {
                    self.text(&field, &at, Kind::Any, FIELD);
                }
                if let Some(accessory) = block.get("accessory") {
                    self.element(accessory, &format!("{at}/accessory"), true);
                }
            }
            "header" => {
                self.fields_of(block, at, &["text", "level"]);
                self.required_text(block, "text", at, Kind::Plain, HEADER);
            }
            "divider" => self.fields_of(block, at, &[]),
            "context" => {
                self.fields_of(block, at, &["elements"]);
                self.required(block, "elements", at);
                for (element, at) in self.list(block, "elements", at, 1, CONTEXT) {
                    match element.get("type").and_then(Value::as_str) {
                        Some("image") => self.image(&element, &at, false),
                        _ => self.text(&element, &at, Kind::Any, TEXT),
                    }
                }
            }
            "actions" => {
                self.fields_of(block, at, &["elements"]);
                self.required(block, "elements", at);
                for (element, at) in self.list(block, "elements", at, 1, ACTIONS) {
                    self.element(&element, &at, false);
                }
            }
            "image" => self.image(block, at, true),
            "input" => {
                self.fields_of(block, at, &["label", "element", "hint", "optional", "dispatch_action"]);
                self.required_text(block, "label", at, Kind::Plain, ALT_TEXT);
                self.optional_text(block, "hint", at, Kind::Plain, ALT_TEXT);
                self.required(block, "element", at);
                if let Some(element) = block.get("element") {
                    self.input_element(element, &format!("{at}/element"));
                }
            }
            "rich_text" => {
                self.fields_of(block, at, &["elements"]);
                self.required(block, "elements", at);
                for (element, at) in self.list(block, "elements", at, 0, usize::MAX) {
                    self.rich_text(&element, &at);
                }
            }
            kind @ ("markdown" | "table") if self.in_view => {
                self.fault(&format!("{at}/type"), &format!("unsupported type: {kind}"));
            }
            "markdown" => {
                self.fields_of(block, at, &["text"]);
                self.markdown += self.required_string(block, "text", at, 1, MARKDOWN);
            }
            "table" => self.table(block, at),
            "" => {}
            other => self.fault(&format!("{at}/type"), &format!("unsupported type: {other}")),
        }
        if let Some(id) = block.get("block_id") {
            let at = format!("{at}/block_id");
            self.string(id, &at, 0, ID);
            if let Some(id) = id.as_str().filter(|id| !id.is_empty())
                && !self.block_ids.insert(id.to_owned())
            {
                self.fault(&at, "`block_id` must be unique");
            }
        }
    }

    fn image(&mut self, image: &Value, at: &str, block: bool) {
        let fields: &[&str] = &["alt_text", "title", "image_url", "slack_file"];
        self.fields_of(image, at, fields);
        self.required_string(image, "alt_text", at, 1, ALT_TEXT);
        if block {
            self.optional_text(image, "title", at, Kind::Plain, ALT_TEXT);
        }
        match (image.get("image_url"), image.get("slack_file")) {
            (Some(url), None) => _ = self.string(url, &format!("{at}/image_url"), 1, URL),
            (None, Some(file)) => {
                if file.get("id").is_none() && file.get("url").is_none() {
                    self.fault(&format!("{at}/slack_file"), "must define either `id` or `url`");
                }
            }
            _ => self.fault(at, "must define either `image_url` or `slack_file`"),
        }
    }

    fn rich_text(&mut self, element: &Value, at: &str) {
        match self.kind(element, at).as_str() {
            "rich_text_section" => {
                self.fields_of(element, at, &["elements"]);
                self.rich_parts(element, at, false);
            }
            "rich_text_quote" => {
                self.fields_of(element, at, &["elements", "border"]);
                self.rich_parts(element, at, false);
            }
            "rich_text_preformatted" => {
                self.fields_of(element, at, &["elements", "border", "language"]);
                self.rich_parts(element, at, true);
            }
            "rich_text_list" => {
                self.fields_of(element, at, &["elements", "style", "indent", "offset", "border"]);
                if !matches!(element.get("style").and_then(Value::as_str), Some("bullet" | "ordered")) {
                    self.fault(&format!("{at}/style"), "must be one of: bullet, ordered");
                }
                for (item, at) in self.list(element, "elements", at, 1, usize::MAX) {
                    match self.kind(&item, &at).as_str() {
                        "rich_text_section" => self.rich_parts(&item, &at, false),
                        "" => {}
                        other => self.fault(&format!("{at}/type"), &format!("unsupported type: {other}")),
                    }
                }
            }
            "" => {}
            other => self.fault(&format!("{at}/type"), &format!("unsupported type: {other}")),
        }
    }

    fn rich_parts(&mut self, element: &Value, at: &str, preformatted: bool) {
        self.required(element, "elements", at);
        for (part, at) in self.list(element, "elements", at, 0, usize::MAX) {
            let (required, optional): (&str, &[&str]) = match self.kind(&part, &at).as_str() {
                "text" => ("text", &["style"]),
                "link" => ("url", &["text", "style", "unsafe"]),
                kind if preformatted => {
                    if !kind.is_empty() {
                        self.fault(&format!("{at}/type"), &format!("unsupported type: {kind}"));
                    }
                    continue;
                }
                "user" => ("user_id", &["style"]),
                "usergroup" => ("usergroup_id", &["style"]),
                "channel" => ("channel_id", &["style"]),
                "emoji" => ("name", &["unicode", "style", "skin_tone"]),
                "broadcast" => ("range", &["style"]),
                "color" => ("value", &["style"]),
                "date" => {
                    self.required(&part, "timestamp", &at);
                    self.required_string(&part, "format", &at, 1, usize::MAX);
                    continue;
                }
                "" => continue,
                other => {
                    self.fault(&format!("{at}/type"), &format!("unsupported type: {other}"));
                    continue;
                }
            };
            let mut allowed = optional.to_vec();
            allowed.push(required);
            self.fields_of(&part, &at, &allowed);
            self.required_string(&part, required, &at, 1, usize::MAX);
            if let Some(style) = part.get("style") {
                let at = format!("{at}/style");
                if style.is_object() {
                    self.only(
                        style,
                        &at,
                        &[
                            "bold",
                            "italic",
                            "strike",
                            "code",
                            "underline",
                            "highlight",
                            "client_highlight",
                            "unlink",
                        ],
                    );
                } else {
                    self.fault(&at, "must provide an object");
                }
            }
        }
    }

    fn table(&mut self, block: &Value, at: &str) {
        self.fields_of(block, at, &["rows", "column_settings"]);
        self.required(block, "rows", at);
        self.list(block, "column_settings", at, 0, TABLE.1);
        for (row, at) in self.list(block, "rows", at, 1, TABLE.0) {
            let Some(cells) = row.as_array() else {
                self.fault(&at, "must provide an array");
                continue;
            };
            if cells.len() > TABLE.1 {
                self.fault(&at, &format!("no more than {} items allowed", TABLE.1));
            }
            for (number, cell) in cells.iter().enumerate() {
                let at = format!("{at}/{number}");
                let before = self.total;
                match self.kind(cell, &at).as_str() {
                    "raw_text" => _ = self.required_string(cell, "text", &at, 1, usize::MAX),
                    "raw_number" => self.required(cell, "value", &at),
                    "rich_text" => {
                        for (element, at) in self.list(cell, "elements", &at, 0, usize::MAX) {
                            self.rich_text(&element, &at);
                        }
                    }
                    "" => {}
                    other => self.fault(&format!("{at}/type"), &format!("unsupported type: {other}")),
                }
                self.table += self.total - before;
            }
        }
    }

    /// An element of an actions block, or (`accessory`) of a section.
    fn element(&mut self, element: &Value, at: &str, accessory: bool) {
        let kind = self.kind(element, at);
        match kind.as_str() {
            "button" => {
                let fields = ["text", "action_id", "url", "value", "style", "confirm", "accessibility_label"];
                self.only_interactive(element, at, &fields);
                self.required_text(element, "text", at, Kind::Plain, LABEL);
                self.optional_string(element, "url", at, 1, URL);
                self.optional_string(element, "value", at, 0, BUTTON_VALUE);
                self.optional_string(element, "accessibility_label", at, 0, LABEL);
                if let Some(style) = element.get("style")
                    && !matches!(style.as_str(), Some("primary" | "danger"))
                {
                    self.fault(&format!("{at}/style"), "must be one of: primary, danger");
                }
            }
            "static_select" | "multi_static_select" => {
                let fields =
                    ["options", "option_groups", "initial_option", "initial_options", "max_selected_items"];
                self.select(element, at, &fields);
                if element.get("options").is_some() == element.get("option_groups").is_some() {
                    self.fault(at, "must define either `options` or `option_groups`");
                }
                self.options(element, at, OPTIONS, Kind::Plain, false);
                for (group, at) in self.list(element, "option_groups", at, 1, OPTIONS) {
                    self.required_text(&group, "label", &at, Kind::Plain, LABEL);
                    self.options(&group, &at, OPTIONS, Kind::Plain, false);
                }
            }
            "external_select" | "multi_external_select" => {
                self.select(
                    element,
                    at,
                    &["min_query_length", "initial_option", "initial_options", "max_selected_items"],
                );
            }
            "users_select" | "multi_users_select" => {
                self.select(element, at, &["initial_user", "initial_users", "max_selected_items"]);
            }
            "conversations_select" | "multi_conversations_select" => self.select(
                element,
                at,
                &[
                    "initial_conversation",
                    "initial_conversations",
                    "default_to_current_conversation",
                    "filter",
                    "response_url_enabled",
                    "max_selected_items",
                ],
            ),
            "channels_select" | "multi_channels_select" => self.select(
                element,
                at,
                &["initial_channel", "initial_channels", "response_url_enabled", "max_selected_items"],
            ),
            "overflow" => {
                self.only_interactive(element, at, &["options", "action_id", "confirm"]);
                self.required(element, "options", at);
                self.options(element, at, OVERFLOW, Kind::Plain, true);
            }
            "checkboxes" | "radio_buttons" => {
                let fields =
                    ["options", "action_id", "confirm", "initial_options", "initial_option", "focus_on_load"];
                self.only_interactive(element, at, &fields);
                self.required(element, "options", at);
                self.options(element, at, CHOICES, Kind::Any, false);
            }
            "datepicker" => self.select(element, at, &["initial_date"]),
            "timepicker" => self.select(element, at, &["initial_time", "timezone"]),
            "datetimepicker" => self.select(element, at, &["initial_date_time"]),
            "image" if accessory => self.image(element, at, false),
            "" => {}
            other => self.fault(&format!("{at}/type"), &format!("unsupported type: {other}")),
        }
    }

    fn input_element(&mut self, element: &Value, at: &str) {
        match self.kind(element, at).as_str() {
            "plain_text_input" | "email_text_input" | "url_text_input" | "number_input" => {
                self.select(
                    element,
                    at,
                    &[
                        "initial_value",
                        "multiline",
                        "min_length",
                        "max_length",
                        "dispatch_action_config",
                        "is_decimal_allowed",
                        "min_value",
                        "max_value",
                    ],
                );
                if element
                    .get("max_length")
                    .and_then(Value::as_u64)
                    .is_some_and(|length| length > TEXT as u64)
                {
                    self.fault(&format!("{at}/max_length"), &format!("must be less than {}", TEXT + 1));
                }
            }
            "button" | "overflow" => self.fault(&format!("{at}/type"), "unsupported type for an input"),
            _ => self.element(element, at, false),
        }
    }

    fn select(&mut self, element: &Value, at: &str, more: &[&str]) {
        let mut fields = vec!["action_id", "placeholder", "confirm", "focus_on_load"];
        fields.extend(more);
        self.only_interactive(element, at, &fields);
        self.optional_text(element, "placeholder", at, Kind::Plain, PLACEHOLDER);
    }

    fn options(&mut self, element: &Value, at: &str, most: usize, kind: Kind, urls: bool) {
        for (option, at) in self.list(element, "options", at, 1, most) {
            let fields: &[&str] = if urls {
                &["text", "value", "description", "url"]
            } else {
                &["text", "value", "description"]
            };
            self.only(&option, &at, fields);
            self.required_text(&option, "text", &at, kind, LABEL);
            self.optional_text(&option, "description", &at, kind, LABEL);
            self.required_string(&option, "value", &at, 1, OPTION_VALUE);
            self.optional_string(&option, "url", &at, 1, URL);
        }
    }

    /// Checks the fields that every interactive element may have.
    fn only_interactive(&mut self, element: &Value, at: &str, fields: &[&str]) {
        let mut allowed = fields.to_vec();
        allowed.push("type");
        self.only(element, at, &allowed);
        if let Some(id) = element.get("action_id") {
            let at = format!("{at}/action_id");
            self.string(id, &at, 1, ID);
            if let Some(id) = id.as_str()
                && !self.action_ids.insert(id.to_owned())
            {
                self.fault(&at, "`action_id` must be unique within its block");
            }
        }
        if let Some(confirm) = element.get("confirm") {
            let at = format!("{at}/confirm");
            self.only(confirm, &at, &["title", "text", "confirm", "deny", "style"]);
            self.required_text(confirm, "title", &at, Kind::Plain, CONFIRM.0);
            self.required_text(confirm, "text", &at, Kind::Any, CONFIRM.1);
            self.required_text(confirm, "confirm", &at, Kind::Plain, CONFIRM.2);
            self.required_text(confirm, "deny", &at, Kind::Plain, CONFIRM.2);
        }
    }

    fn text(&mut self, text: &Value, at: &str, kind: Kind, most: usize) {
        match text.get("type").and_then(Value::as_str) {
            Some("plain_text") => self.only(text, at, &["type", "text", "emoji"]),
            Some("mrkdwn") if kind == Kind::Any => self.only(text, at, &["type", "text", "verbatim"]),
            _ => {
                let expected = if kind == Kind::Any { "plain_text, mrkdwn" } else { "plain_text" };
                self.fault(&format!("{at}/type"), &format!("must be one of: {expected}"));
                return;
            }
        }
        self.required_string(text, "text", at, 1, most);
    }

    fn required_text(&mut self, object: &Value, key: &str, at: &str, kind: Kind, most: usize) {
        self.required(object, key, at);
        self.optional_text(object, key, at, kind, most);
    }

    fn optional_text(&mut self, object: &Value, key: &str, at: &str, kind: Kind, most: usize) {
        if let Some(text) = object.get(key) {
            self.text(text, &format!("{at}/{key}"), kind, most);
        }
    }

    fn required(&mut self, object: &Value, key: &str, at: &str) {
        if object.get(key).is_none_or(Value::is_null) {
            self.fault(at, &format!("missing required field: {key}"));
        }
    }

    /// Returns how many characters the string has.
    fn required_string(&mut self, object: &Value, key: &str, at: &str, least: usize, most: usize) -> usize {
        self.required(object, key, at);
        self.optional_string(object, key, at, least, most)
    }

    fn optional_string(&mut self, object: &Value, key: &str, at: &str, least: usize, most: usize) -> usize {
        let Some(value) = object.get(key).filter(|value| !value.is_null()) else { return 0 };
        let length = self.string(value, &format!("{at}/{key}"), least, most);
        if key == "text" {
            self.total += length;
        }
        length
    }

    fn string(&mut self, value: &Value, at: &str, least: usize, most: usize) -> usize {
        let Some(text) = value.as_str() else {
            self.fault(at, "must provide a string");
            return 0;
        };
        let length = text.chars().count();
        if length < least {
            self.fault(at, &format!("must be more than {} characters", least - 1));
        } else if length > most {
            self.fault(at, &format!("must be less than {} characters", most + 1));
        }
        length
    }

    /// The items of a list with where they are; faults if the list is none or has too few or too many.
    fn list(
        &mut self,
        object: &Value,
        key: &str,
        at: &str,
        least: usize,
        most: usize,
    ) -> Vec<(Value, String)> {
        let at = format!("{at}/{key}");
        let items = match object.get(key) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.fault(&at, "must provide an array");
                return Vec::new();
            }
        };
        if items.len() < least {
            self.fault(&at, &format!("no less than {least} items allowed"));
        } else if items.len() > most {
            self.fault(&at, &format!("no more than {most} items allowed"));
        }
        items.iter().enumerate().map(|(number, item)| (item.clone(), format!("{at}/{number}"))).collect()
    }

    /// The `type` of a block or element; faults and returns the empty text if there is none.
    fn kind(&mut self, object: &Value, at: &str) -> String {
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        if kind.is_empty() {
            self.fault(at, "missing required field: type");
        }
        kind
    }

    fn fields_of(&mut self, object: &Value, at: &str, fields: &[&str]) {
        let mut allowed = fields.to_vec();
        allowed.extend(["type", "block_id"]);
        self.only(object, at, &allowed);
    }

    fn only(&mut self, object: &Value, at: &str, allowed: &[&str]) {
        for key in object.as_object().into_iter().flat_map(|object| object.keys()) {
            if !allowed.contains(&key.as_str()) {
                self.fault(at, &format!("invalid additional property: {key}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(length: usize) -> String {
        "é".repeat(length)
    }

    fn plain(length: usize) -> Value {
        json!({"type": "plain_text", "text": text(length)})
    }

    fn section(length: usize) -> Value {
        json!({"type": "section", "text": {"type": "mrkdwn", "text": text(length)}})
    }

    fn button(change: impl Fn(&mut Value)) -> Value {
        let mut button = json!({"type": "button", "text": plain(1), "action_id": "a"});
        change(&mut button);
        json!({"type": "actions", "elements": [button]})
    }

    fn preformatted(length: usize) -> Value {
        json!({"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "border": 0, "language": "json",
            "elements": [{"type": "text", "text": text(length)}]}]})
    }

    fn select(options: usize, value: usize) -> Value {
        let option = json!({"text": plain(1), "value": text(value)});
        json!({"type": "actions", "elements": [{"type": "static_select", "options": vec![option; options]}]})
    }

    #[test]
    fn every_limit_holds_at_and_above() {
        type Make = fn(usize) -> Value;
        let cases: [(&str, usize, Make); 18] = [
            ("blocks", BLOCKS, |n| json!(vec![json!({"type": "divider"}); n])),
            ("section text", TEXT, |n| json!([section(n)])),
            ("fields", FIELDS, |n| json!([{"type": "section", "fields": vec![plain(1); n]}])),
            ("field", FIELD, |n| json!([{"type": "section", "fields": [plain(n)]}])),
            ("header", HEADER, |n| json!([{"type": "header", "text": plain(n)}])),
            ("context", CONTEXT, |n| json!([{"type": "context", "elements": vec![plain(1); n]}])),
            ("actions", ACTIONS, |n| {
                let buttons: Vec<_> = (0..n)
                    .map(|i| json!({"type": "button", "text": plain(1), "action_id": i.to_string()}))
                    .collect();
                json!([{"type": "actions", "elements": buttons}])
            }),
            ("button text", LABEL, |n| json!([button(|button| button["text"] = plain(n))])),
            ("button value", BUTTON_VALUE, |n| json!([button(|button| button["value"] = json!(text(n)))])),
            ("button url", URL, |n| json!([button(|button| button["url"] = json!(text(n)))])),
            ("action_id", ID, |n| json!([button(|button| button["action_id"] = json!(text(n)))])),
            ("block_id", ID, |n| json!([{"type": "divider", "block_id": text(n)}])),
            ("options", OPTIONS, |n| json!([select(n, 1)])),
            ("option value", OPTION_VALUE, |n| json!([select(1, n)])),
            (
                "image alt",
                ALT_TEXT,
                |n| json!([{"type": "image", "image_url": "https://x", "alt_text": text(n)}]),
            ),
            ("markdown", MARKDOWN, |n| json!([{"type": "markdown", "text": text(n)}])),
            (
                "table rows",
                TABLE.0,
                |n| json!([{"type": "table", "rows": vec![json!([{"type": "raw_text", "text": "x"}]); n]}]),
            ),
            (
                "table cells",
                TABLE.1,
                |n| json!([{"type": "table", "rows": [vec![json!({"type": "raw_text", "text": "x"}); n]]}]),
            ),
        ];
        for (name, limit, make) in cases {
            assert_eq!(check(&make(limit)), Ok(()), "{name} at its limit");
            assert!(matches!(check(&make(limit + 1)), Err(Refusal::Invalid(_))), "{name} above its limit");
        }
    }

    #[test]
    fn the_whole_message_has_a_limit() {
        let blocks = |last: usize| json!([preformatted(10_000), section(2_000), preformatted(last)]);
        assert_eq!(check(&blocks(1_000)), Ok(()));
        assert_eq!(check(&blocks(1_001)), Err(Refusal::TooLong));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let two_buttons = json!({"type": "actions", "elements": [
            {"type": "button", "text": plain(1), "action_id": "a"},
            {"type": "button", "text": plain(1), "action_id": "a"}]});
        for (blocks, fault) in [
            (
                json!([{"type": "actions", "elements": []}]),
                "no less than 1 items allowed [json-pointer:/blocks/0/elements]",
            ),
            (
                json!([{"type": "divider"}, {"type": "marquee"}]),
                "unsupported type: marquee [json-pointer:/blocks/1/type]",
            ),
            (json!([{"text": "x"}]), "missing required field: type [json-pointer:/blocks/0]"),
            (json!([{"type": "section"}]), "must define either `text` or `fields` [json-pointer:/blocks/0]"),
            (json!([section(0)]), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
            (json!([section(3001)]), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
            (
                json!([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]),
                "must be one of: plain_text [json-pointer:/blocks/0/text/type]",
            ),
            (
                json!([{"type": "divider", "color": "red"}]),
                "invalid additional property: color [json-pointer:/blocks/0]",
            ),
            (
                json!([{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}]),
                "`block_id` must be unique [json-pointer:/blocks/1/block_id]",
            ),
            (
                json!([two_buttons]),
                "`action_id` must be unique within its block [json-pointer:/blocks/0/elements/1/action_id]",
            ),
            (
                json!([preformatted(0)]),
                "must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]",
            ),
            (
                json!([{"type": "rich_text", "elements": [{"type": "rich_text_preformatted",
                "elements": [{"type": "user", "user_id": "U0ANNA"}]}]}]),
                "unsupported type: user [json-pointer:/blocks/0/elements/0/elements/0/type]",
            ),
            (
                json!([{"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": [
                {"type": "rich_text_section", "elements": []}]}]}]),
                "must be one of: bullet, ordered [json-pointer:/blocks/0/elements/0/style]",
            ),
            (
                json!([{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}]),
                "unsupported type: text [json-pointer:/blocks/0/elements/0/type]",
            ),
        ] {
            assert_eq!(check(&blocks), Err(Refusal::Invalid(vec![fault.to_owned()])), "{blocks}");
        }
        assert_eq!(check(&json!({"type": "divider"})), Err(Refusal::Format));
        assert_eq!(check(&json!(["divider"])), Err(Refusal::Format));
    }
}
