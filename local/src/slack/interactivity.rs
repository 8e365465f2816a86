//! A person presses a button, fills in a form, or types into a select whose options the app gives.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::block_kit;
use super::delivery::{Payload, Typed, Variant};
use super::elements::{self, Element, elements, with_ids};
use super::message::Message;
use super::pieces::{self, Piece};
use super::state::{ResponseUrl, State, secret};
use super::views::{Refused, View};
use super::web_api::chat::as_json;
use super::{FakeSlack, Inner};

/// Characters that one types into an external select before Slack asks for its options.
const QUERY_LENGTH: u64 = 3;

/// Where an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// In the message with this `ts`.
    Message(&'a str),
    /// In the uppermost modal of the person.
    Modal,
    /// In the person's Home tab.
    Home,
}

/// A modal or Home tab as a person sees it.
#[derive(Debug, Clone, Serialize)]
pub struct ShownView {
    /// `V…`
    pub id: String,
    /// Changes with every version.
    pub hash: String,
    /// At the top.
    pub title: String,
    /// Text of the button that sends it off; empty if it has none.
    pub submit: String,
    /// Text of the button that closes it.
    pub close: String,
    /// What is seen, from top to bottom.
    pub pieces: Vec<Piece>,
    /// What the app found wrong, by block id.
    pub errors: BTreeMap<String, String>,
    /// Modals that lie below it.
    pub below: usize,
}

/// An option that the app offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// What is read.
    pub text: String,
    /// What is sent.
    pub value: String,
}

impl ShownView {
    /// What a person reads, as lines of text.
    pub fn rendered(&self) -> String {
        let mut text = format!("{}\n{}", self.title, pieces::plain(&self.pieces));
        for (block, error) in &self.errors {
            text.push_str(&format!("\n! {block}: {error}"));
        }
        text
    }
}

impl State {
    /// The person's modal, or Home tab, as it is seen.
    pub fn shown_view(&self, user: &str, home: bool) -> Option<ShownView> {
        let view = if home { self.home(user) } else { self.top_view(user) }?;
        let text = |key: &str| {
            let text = view.content.get(key).and_then(|text| text.get("text")).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Some(ShownView {
            id: view.id.clone(),
            hash: view.hash.clone(),
            title: text("title"),
            submit: text("submit"),
            close: text("close"),
            pieces: pieces::of_blocks(view.blocks(), &self.world),
            errors: view.errors.clone(),
            below: self.depth(user).saturating_sub(1),
        })
    }

    /// What every payload about a person's doing holds.
    fn payload(&self, kind: &str, user: &str) -> Value {
        let (app, team) = (&self.world.app, &self.world.team);
        let known = self.world.user(user);
        let name = known.map(|user| user.name.as_str()).unwrap_or_default();
        let enterprise = team.enterprise.as_ref().map(|(id, name)| json!({"id": id, "name": name}));
        json!({
            "type": kind, "api_app_id": app.id, "token": app.verification_token, "enterprise": enterprise,
            "is_enterprise_install": false, "team": {"id": team.id, "domain": team.domain},
            "user": {"id": user, "username": name, "name": name,
                "team_id": known.map_or(Some(&team.id), |user| user.team.as_ref())},
        })
    }

    /// The message that a person sees with this `ts`.
    fn seen_message(&self, user: &str, ts: &str) -> Option<&Message> {
        let message = self.messages.get(self.place_of_message(ts)?)?;
        let channel = self.world.channel(&message.channel)?;
        (message.visible_to(user) && channel.has(user)).then_some(message)
    }

    /// Puts into a payload where an element is: its container and what surrounds it. Returns the blocks around it.
    fn locate(&self, payload: &mut Value, user: &str, place: Place<'_>) -> Result<Vec<Value>, &'static str> {
        let view = match place {
            Place::Message(ts) => {
                let message = self.seen_message(user, ts).ok_or("message_not_found")?;
                let ephemeral = message.only_for.is_some();
                payload["container"] = json!({"type": "message", "message_ts": ts, "channel_id": message.channel,
                    "is_ephemeral": ephemeral});
                if let Some(thread) = &message.thread_ts {
                    payload["container"]["thread_ts"] = json!(thread);
                }
                let channel = self.world.channel(&message.channel);
                let name = channel.map(|channel| channel.name_for_apps().to_owned()).unwrap_or_default();
                payload["channel"] = json!({"id": message.channel, "name": name});
                if !ephemeral {
                    payload["message"] = as_json(self, message);
                }
                return Ok(with_ids(&message.blocks));
            }
            Place::Modal => self.top_view(user),
            Place::Home => self.home(user),
        };
        let view = view.ok_or("not_found")?;
        payload["container"] = json!({"type": "view", "view_id": view.id});
        payload["view"] = view.as_json(self);
        Ok(view.blocks().to_vec())
    }

    fn may_act(&self, user: &str) -> Result<(), &'static str> {
        let user = self.world.user(user).ok_or("user_not_found")?;
        if user.deleted {
            return Err("account_inactive");
        }
        // The button stays when its app has gone; pressing it then reaches nobody.
        if self.world.app.installation.is_none() { Err("dispatch_failed") } else { Ok(()) }
    }
}

impl Inner {
    async fn tell_of(&self, interaction: Value) -> Typed {
        self.tell(&Payload::Interaction(interaction), Variant::Genuine).await
    }

    /// A response_url for something that was pressed or entered, and the message that it may change.
    fn response_url(&self, state: &mut State, user: &str, channel: &str, message: Option<&str>) -> String {
        let number = 1_000_000_000 + state.serial();
        let key = secret();
        let address = format!("{}/actions/{}/{number}/{key}", self.base_url(), state.world.team.id);
        let url = ResponseUrl {
            user: user.to_owned(),
            channel: channel.to_owned(),
            message: message.map(str::to_owned),
            created_ms: self.clock.now_ms(),
            uses: 0,
        };
        state.response_urls.insert(key, url);
        address
    }

    /// A person presses an element, or chooses `entered` in it.
    pub(crate) async fn acts(
        &self,
        user: &str,
        place: Place<'_>,
        action_id: &str,
        entered: Option<&Value>,
    ) -> Typed {
        let prepared = self.change(|state| self.action(state, user, place, action_id, entered));
        let (payload, response_url) = match prepared {
            Ok(prepared) => prepared,
            Err(word) => return Typed::unsent(Some(word)),
        };
        // The app's answer says only that it has heard; whatever is to be seen comes by another way.
        Typed { response_url, ..self.tell_of(payload).await }
    }

    fn action(
        &self,
        state: &mut State,
        user: &str,
        place: Place<'_>,
        action_id: &str,
        entered: Option<&Value>,
    ) -> Result<(Value, Option<String>), &'static str> {
        state.may_act(user)?;
        let now_ms = self.clock.now_ms();
        let mut payload = state.payload("block_actions", user);
        let blocks = state.locate(&mut payload, user, place)?;
        let found = elements(&blocks).into_iter().find(|element| element.action_id() == action_id);
        let element = found.ok_or("action_not_found")?;
        payload["actions"] = json!([element.action(entered, &state.next_ts(now_ms))]);
        let view = payload.pointer("/view/id").and_then(Value::as_str).map(str::to_owned);
        payload["trigger_id"] = json!(state.trigger(user, view.as_deref(), now_ms));
        let mut response_url = None;
        match (place, view) {
            (Place::Message(ts), _) => {
                let here = |other: &Element<'_>| other.action_id() == action_id;
                let values = elements::values(&blocks, |other| entered.filter(|_| here(other)));
                payload["state"] = json!({"values": values});
                let channel = payload["channel"]["id"].as_str().unwrap_or_default().to_owned();
                let url = self.response_url(state, user, &channel, Some(ts));
                payload["response_url"] = json!(url);
                response_url = Some(url);
            }
            (_, Some(id)) => {
                let key = (element.block_id().to_owned(), element.action_id().to_owned());
                if let (Some(view), Some(entered)) = (state.view_mut(&id), entered) {
                    view.entered.insert(key, entered.clone());
                }
                if let Some(view) = state.view(&id) {
                    payload["view"] = view.as_json(state);
                }
            }
            _ => {}
        }
        if !element.reports_at_once() {
            // What is entered into an input waits for the submission.
            return Err("no_action");
        }
        Ok((payload, response_url))
    }

    /// A person sends the uppermost modal off with what is entered in it: by block id, by `block_id/action_id`, or by
    /// action id.
    pub(crate) async fn submits(&self, user: &str, entered: &Map<String, Value>) -> Typed {
        let prepared = self.change(|state| self.submission(state, user, entered));
        let (payload, view) = match prepared {
            Ok(prepared) => prepared,
            Err(word) => return Typed::unsent(Some(word)),
        };
        let mut typed = self.tell_of(payload).await;
        if typed.error.is_none() {
            let now_ms = self.clock.now_ms();
            let answered = self.change(|state| state.submitted(user, &view, &typed, now_ms));
            typed.error = answered.err().map(str::to_owned);
        }
        typed
    }

    fn submission(
        &self,
        state: &mut State,
        user: &str,
        entered: &Map<String, Value>,
    ) -> Result<(Value, String), &'static str> {
        state.may_act(user)?;
        let view = state.top_view(user).ok_or("not_found")?.clone();
        if view.content.get("submit").is_none_or(Value::is_null) {
            return Err("no_submit");
        }
        let mut all = view.entered.clone();
        let mut wrong = BTreeMap::new();
        let mut urls = Vec::new();
        for element in elements(view.blocks()) {
            let (block, action) = (element.block_id().to_owned(), element.action_id().to_owned());
            let names = [format!("{block}/{action}"), block.clone(), action.clone()];
            if let Some(value) = names.iter().find_map(|name| entered.get(name)) {
                all.insert((block.clone(), action.clone()), value.clone());
            }
            let value = all.get(&(block.clone(), action.clone()));
            if let Some(why) = element.refuses(value).filter(|_| element.is_input()) {
                wrong.insert(block.clone(), why.to_owned());
            }
            if element.element.get("response_url_enabled") == Some(&json!(true)) {
                let chosen = element.state(value);
                let chosen = chosen.get("selected_conversation").or_else(|| chosen.get("selected_channel"));
                urls.extend(
                    chosen.and_then(Value::as_str).map(|channel| (block, action, channel.to_owned())),
                );
            }
        }
        let refused = !wrong.is_empty();
        if let Some(view) = state.view_mut(&view.id) {
            view.entered = all;
            view.errors = wrong;
        }
        if refused {
            // Slack's client says so itself and sends nothing.
            return Err("invalid_entry");
        }
        let mut payload = state.payload("view_submission", user);
        let urls: Vec<_> = urls
            .into_iter()
            .map(|(block, action, channel)| {
                let url = self.response_url(state, user, &channel, None);
                json!({"block_id": block, "action_id": action, "channel_id": channel, "response_url": url})
            })
            .collect();
        payload["response_urls"] = json!(urls);
        payload["trigger_id"] = json!(state.trigger(user, Some(&view.id), self.clock.now_ms()));
        payload["view"] = state.view(&view.id).map(|view| view.as_json(state)).unwrap_or_default();
        Ok((payload, view.id))
    }

    /// A person closes the uppermost modal, or all of them at once.
    pub(crate) async fn closes(&self, user: &str, all: bool) -> Vec<Typed> {
        let payloads = self.change(|state| {
            let clears = all || state.top_view(user).is_some_and(|view| view.flag("clear_on_close"));
            let closed =
                if clears { state.close_all(user) } else { state.close_top(user).into_iter().collect() };
            let asked = closed.iter().filter(|view| view.flag("notify_on_close"));
            let payloads = asked.map(|view| {
                let mut payload = state.payload("view_closed", user);
                payload["view"] = view.as_json(state);
                payload["is_cleared"] = json!(clears);
                payload
            });
            payloads.collect::<Vec<_>>()
        });
        let mut answers = Vec::new();
        for payload in payloads {
            answers.push(self.tell_of(payload).await);
        }
        answers
    }

    /// A person types into an external select. Fails with the word for why there are no options.
    pub(crate) async fn asks_for_options(
        &self,
        user: &str,
        place: Place<'_>,
        action_id: &str,
        typed: &str,
    ) -> Result<Vec<Choice>, String> {
        let payload = self.change(|state| -> Result<_, &'static str> {
            state.may_act(user)?;
            let mut payload = state.payload("block_suggestion", user);
            let blocks = state.locate(&mut payload, user, place)?;
            let found = elements(&blocks).into_iter().find(|element| element.action_id() == action_id);
            let element = found.ok_or("action_not_found")?;
            let least =
                element.element.get("min_query_length").and_then(Value::as_u64).unwrap_or(QUERY_LENGTH);
            if (typed.chars().count() as u64) < least {
                return Ok(None);
            }
            payload["action_id"] = json!(action_id);
            payload["block_id"] = json!(element.block_id());
            payload["value"] = json!(typed);
            Ok(Some(payload))
        })?;
        let Some(payload) = payload else { return Ok(Vec::new()) };
        let answer = self.tell_of(payload).await;
        if let Some(word) = answer.error {
            return Err(word);
        }
        let body: Value = serde_json::from_str(&answer.body).map_err(|_| "invalid_options")?;
        choices(&body).ok_or_else(|| "invalid_options".to_owned())
    }
}

/// The options of an answer, if Slack would show them.
fn choices(body: &Value) -> Option<Vec<Choice>> {
    let mut select = json!({"type": "static_select"});
    for key in ["options", "option_groups"] {
        if let Some(options) = body.get(key) {
            select[key] = options.clone();
        }
    }
    // No options at all are an answer, unlike in a select that has them from the start.
    if body.get("options") == Some(&json!([])) || body.get("option_groups") == Some(&json!([])) {
        return Some(Vec::new());
    }
    block_kit::check(&json!([{"type": "actions", "elements": [select]}])).ok()?;
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let grouped = list(body, "option_groups").into_iter().flat_map(|group| list(&group, "options"));
    let options = list(body, "options").into_iter().chain(grouped);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(
        options
            .map(|option| Choice {
                text: text(option.pointer("/text/text")),
                value: text(option.get("value")),
            })
            .collect(),
    )
}

impl State {
    /// Does what the app answered to a submission. Fails for what Slack cannot do, of which the person sees only that
    /// something went wrong.
    fn submitted(&mut self, user: &str, view: &str, answer: &Typed, now_ms: u64) -> Result<(), &'static str> {
        const WRONG: &str = "invalid_response";
        let body = answer.body.trim();
        let body: Value =
            if body.is_empty() { json!({}) } else { serde_json::from_str(body).map_err(|_| WRONG)? };
        let body = body.as_object().ok_or(WRONG)?;
        let content = body.get("view");
        match body.get("response_action").map(|action| action.as_str().unwrap_or_default()) {
            None if body.is_empty() => _ = self.close_top(user),
            Some("clear") => _ = self.close_all(user),
            Some("update") => {
                self.update_view(view, None, content.ok_or(WRONG)?, now_ms)
                    .map_err(|refused| refused.word)?;
            }
            Some("push") => {
                self.push_for(user, content.ok_or(WRONG)?, now_ms)
                    .map_err(|refused: Refused| refused.word)?;
            }
            Some("errors") => {
                let shown: &View = self.view(view).ok_or(WRONG)?;
                let inputs = elements(shown.blocks());
                let is_input =
                    |id: &str| inputs.iter().any(|element| element.is_input() && element.block_id() == id);
                let errors =
                    body.get("errors").and_then(Value::as_object).filter(|errors| !errors.is_empty());
                let errors = errors.ok_or(WRONG)?.iter();
                let errors = errors
                    .map(|(id, text)| Some((id.clone(), text.as_str().filter(|_| is_input(id))?.to_owned())));
                let errors: BTreeMap<_, _> = errors.collect::<Option<_>>().ok_or(WRONG)?;
                if let Some(view) = self.view_mut(view) {
                    view.errors = errors;
                }
            }
            _ => return Err(WRONG),
        }
        Ok(())
    }
}

impl FakeSlack {
    /// A person presses a button in the message with this `ts`.
    pub async fn press(&self, user: &str, ts: &str, action_id: &str) -> Typed {
        self.inner.acts(user, Place::Message(ts), action_id, None).await
    }

    /// A person chooses in a select of the message with this `ts`.
    pub async fn choose(&self, user: &str, ts: &str, action_id: &str, value: Value) -> Typed {
        self.inner.acts(user, Place::Message(ts), action_id, Some(&value)).await
    }

    /// A person presses a button in the uppermost modal.
    pub async fn press_in_view(&self, user: &str, action_id: &str) -> Typed {
        self.inner.acts(user, Place::Modal, action_id, None).await
    }

    /// A person chooses in a select of the uppermost modal.
    pub async fn choose_in_view(&self, user: &str, action_id: &str, value: Value) -> Typed {
        self.inner.acts(user, Place::Modal, action_id, Some(&value)).await
    }

    /// A person presses a button in the app's Home tab.
    pub async fn press_in_home(&self, user: &str, action_id: &str) -> Typed {
        self.inner.acts(user, Place::Home, action_id, None).await
    }

    /// A person sends the uppermost modal off. `entered` is an object: what is entered, a text or a list of texts, by
    /// block id, by `block_id/action_id`, or by action id.
    pub async fn submit_view(&self, user: &str, entered: Value) -> Typed {
        self.inner.submits(user, entered.as_object().unwrap_or(&Map::new())).await
    }

    /// A person closes the uppermost modal. The answers are those to what the app was told of it.
    pub async fn close_view(&self, user: &str) -> Vec<Typed> {
        self.inner.closes(user, false).await
    }

    /// A person closes all modals at once.
    pub async fn close_views(&self, user: &str) -> Vec<Typed> {
        self.inner.closes(user, true).await
    }

    /// A person types into an external select of the message with this `ts`, or of the uppermost modal.
    pub async fn suggest(
        &self,
        user: &str,
        ts: Option<&str>,
        action_id: &str,
        typed: &str,
    ) -> Result<Vec<Choice>, String> {
        let place = ts.map_or(Place::Modal, Place::Message);
        self.inner.asks_for_options(user, place, action_id, typed).await
    }

    /// The modal that a person sees.
    pub fn view_seen_by(&self, user: &str) -> Option<ShownView> {
        self.inner.read(|state| state.shown_view(user, false))
    }

    /// The Home tab that a person sees, if the app has published one.
    pub fn home_seen_by(&self, user: &str) -> Option<ShownView> {
        self.inner.read(|state| state.shown_view(user, true))
    }
}
