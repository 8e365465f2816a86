//! Modals and Home tabs: what is open for whom, and the rules for opening, stacking and changing it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::block_kit;
use super::elements::{self, Element};
use super::state::{State, secret};

/// How long a trigger_id can be exchanged for a modal, in milliseconds.
pub const TRIGGER_LIFETIME_MS: u64 = 3_000;
/// Modals that lie on each other at most.
pub const STACK: usize = 3;
/// The longest view, in bytes of JSON.
pub const VIEW_SIZE: usize = 250_000;

/// What was entered into the elements of a view, by block id and action id.
pub(crate) type Entered = BTreeMap<(String, String), Value>;

/// An open modal or a published Home tab.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub id: String,
    /// As the app sent it, every block and element with an id.
    pub content: Value,
    /// Changes with every version.
    pub hash: String,
    pub root: String,
    pub previous: Option<String>,
    pub entered: Entered,
    /// What the app found wrong with the last submission, by block id.
    pub errors: BTreeMap<String, String>,
}

/// Every view that can still be seen.
#[derive(Debug, Default)]
pub(crate) struct Views {
    by_id: HashMap<String, View>,
    /// Open modals of each person, the root first.
    stacks: HashMap<String, Vec<String>>,
    homes: HashMap<String, String>,
}

/// What a person did that lets the app open a modal.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub user: String,
    created_ms: u64,
    exchanged: bool,
    /// The modal that it was done in.
    view: Option<String>,
}

/// Why a view is refused: Slack's word, with lines about the view itself if it is `invalid_arguments`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub word: &'static str,
    pub faults: Vec<String>,
}

impl From<&'static str> for Refused {
    fn from(word: &'static str) -> Self {
        Self { word, faults: Vec::new() }
    }
}

impl View {
    pub fn field(&self, key: &str) -> &str {
        self.content.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.content.get(key) == Some(&json!(true))
    }

    pub fn blocks(&self) -> &[Value] {
        self.content.get("blocks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn entered<'a>(&'a self, element: &Element<'_>) -> Option<&'a Value> {
        self.entered.get(&(element.block_id().to_owned(), element.action_id().to_owned()))
    }

    /// The view as Slack shows it to the app.
    pub fn as_json(&self, state: &State) -> Value {
        let app = &state.world.app;
        let team = &state.world.team.id;
        let mut view = json!({
            "id": self.id, "team_id": team, "app_id": app.id, "app_installed_team_id": team, "bot_id": app.bot_id,
            "title": null, "submit": null, "close": null, "callback_id": "", "private_metadata": "", "external_id": "",
            "clear_on_close": false, "notify_on_close": false, "submit_disabled": false,
        });
        for (key, value) in self.content.as_object().into_iter().flatten() {
            view[key] = value.clone();
        }
        view["hash"] = json!(self.hash);
        view["root_view_id"] = json!(self.root);
        view["previous_view_id"] = json!(self.previous);
        view["state"] = json!({"values": elements::values(self.blocks(), |element| self.entered(element))});
        view
    }
}

impl State {
    /// A trigger_id for what a person just did, in a modal or elsewhere.
    pub fn trigger(&mut self, user: &str, view: Option<&str>, now_ms: u64) -> String {
        let id = format!("{}.{}.{}", 1_000_000_000 + self.serial(), now_ms % 10_000_000_000, secret());
        let trigger = Trigger {
            user: user.to_owned(),
            created_ms: now_ms,
            exchanged: false,
            view: view.map(str::to_owned),
        };
        self.triggers.insert(id.clone(), trigger);
        id
    }

    fn usable_trigger(&self, id: &str, now_ms: u64) -> Result<Trigger, &'static str> {
        let trigger = self.triggers.get(id).ok_or("invalid_trigger_id")?;
        if trigger.exchanged {
            Err("exchanged_trigger_id")
        } else if now_ms >= trigger.created_ms + TRIGGER_LIFETIME_MS {
            Err("expired_trigger_id")
        } else {
            Ok(trigger.clone())
        }
    }

    fn exchange(&mut self, trigger: &str) {
        if let Some(trigger) = self.triggers.get_mut(trigger) {
            trigger.exchanged = true;
        }
    }

    /// Opens a modal for whoever did what the trigger stands for. What that person had open goes away.
    pub fn open_view(&mut self, trigger_id: &str, content: &Value, now_ms: u64) -> Result<View, Refused> {
        let trigger = self.usable_trigger(trigger_id, now_ms)?;
        self.check_view(content, "modal", None)?;
        self.exchange(trigger_id);
        self.close_all(&trigger.user);
        Ok(self.put_on_top(&trigger.user, content, now_ms))
    }

    /// Lays a modal on the one that the trigger came from.
    pub fn push_view(&mut self, trigger_id: &str, content: &Value, now_ms: u64) -> Result<View, Refused> {
        let trigger = self.usable_trigger(trigger_id, now_ms)?;
        self.check_view(content, "modal", None)?;
        let below = trigger.view.as_ref().filter(|view| self.views.by_id.contains_key(*view));
        if below.is_none() {
            return Err("invalid_trigger_id".into());
        }
        self.exchange(trigger_id);
        self.push_for(&trigger.user, content, now_ms)
    }

    /// Lays a modal on what the person has open.
    pub fn push_for(&mut self, user: &str, content: &Value, now_ms: u64) -> Result<View, Refused> {
        self.check_view(content, "modal", None)?;
        if self.views.stacks.get(user).is_some_and(|stack| stack.len() >= STACK) {
            return Err("push_limit_reached".into());
        }
        Ok(self.put_on_top(user, content, now_ms))
    }

    /// Gives a view another content. What was entered stays in the elements that stay.
    pub fn update_view(
        &mut self,
        id: &str,
        hash: Option<&str>,
        content: &Value,
        now_ms: u64,
    ) -> Result<View, Refused> {
        let view = self.views.by_id.get(id).ok_or("not_found")?;
        if hash.is_some_and(|hash| hash != view.hash) {
            return Err("hash_conflict".into());
        }
        let kind = if view.field("type") == "home" { "home" } else { "modal" };
        self.check_view(content, kind, Some(id))?;
        let hash = self.hash(now_ms);
        let view = self.views.by_id.get_mut(id).ok_or("not_found")?;
        view.content = identified(content);
        view.hash = hash;
        view.errors.clear();
        let kept = view.content.get("blocks").and_then(Value::as_array).cloned().unwrap_or_default();
        let kept = elements::elements(&kept);
        view.entered.retain(|(block, action), _| {
            kept.iter().any(|element| element.block_id() == block && element.action_id() == action)
        });
        Ok(view.clone())
    }

    /// Publishes the Home tab that one person sees.
    pub fn publish_view(
        &mut self,
        user: &str,
        hash: Option<&str>,
        content: &Value,
        now_ms: u64,
    ) -> Result<View, Refused> {
        if !self.world.app.home_tab {
            return Err("not_enabled".into());
        }
        if self.world.user(user).is_none() {
            return Err("user_not_found".into());
        }
        if let Some(id) = self.views.homes.get(user).cloned() {
            return self.update_view(&id, hash, content, now_ms);
        }
        self.check_view(content, "home", None)?;
        let view = self.new_view(content, None, now_ms);
        self.views.homes.insert(user.to_owned(), view.id.clone());
        self.views.by_id.insert(view.id.clone(), view.clone());
        Ok(view)
    }

    pub fn view(&self, id: &str) -> Option<&View> {
        self.views.by_id.get(id)
    }

    pub fn view_mut(&mut self, id: &str) -> Option<&mut View> {
        self.views.by_id.get_mut(id)
    }

    pub fn view_with_external_id(&self, external_id: &str) -> Option<&View> {
        self.views.by_id.values().find(|view| view.field("external_id") == external_id)
    }

    /// The modal that the person sees.
    pub fn top_view(&self, user: &str) -> Option<&View> {
        self.view(self.views.stacks.get(user)?.last()?)
    }

    /// How many modals of a person lie on each other.
    pub fn depth(&self, user: &str) -> usize {
        self.views.stacks.get(user).map_or(0, Vec::len)
    }

    pub fn home(&self, user: &str) -> Option<&View> {
        self.view(self.views.homes.get(user)?)
    }

    /// Takes the uppermost modal away. What lies below it comes up.
    pub fn close_top(&mut self, user: &str) -> Option<View> {
        let stack = self.views.stacks.get_mut(user)?;
        let id = stack.pop()?;
        self.views.by_id.remove(&id)
    }

    /// Takes all modals of a person away, the uppermost first.
    pub fn close_all(&mut self, user: &str) -> Vec<View> {
        std::iter::from_fn(|| self.close_top(user)).collect()
    }

    /// Everything that an uninstalled app showed.
    pub fn forget_views(&mut self) {
        self.views = Views::default();
    }

    fn put_on_top(&mut self, user: &str, content: &Value, now_ms: u64) -> View {
        let below = self.top_view(user).cloned();
        let view = self.new_view(content, below.as_ref(), now_ms);
        self.views.by_id.insert(view.id.clone(), view.clone());
        self.views.stacks.entry(user.to_owned()).or_default().push(view.id.clone());
        view
    }

    fn new_view(&mut self, content: &Value, below: Option<&View>, now_ms: u64) -> View {
        let id = format!("V0{:07}", self.serial());
        View {
            content: identified(content),
            hash: self.hash(now_ms),
            root: below.map_or_else(|| id.clone(), |below| below.root.clone()),
            previous: below.map(|below| below.id.clone()),
            entered: Entered::new(),
            errors: BTreeMap::new(),
            id,
        }
    }

    fn hash(&mut self, now_ms: u64) -> String {
        format!("{}.{:08x}", now_ms / 1000, self.serial())
    }

    /// Whether Slack takes this content, `own` being the view that it replaces.
    fn check_view(&self, content: &Value, kind: &str, own: Option<&str>) -> Result<(), Refused> {
        if content.to_string().len() > VIEW_SIZE {
            return Err("view_too_large".into());
        }
        block_kit::check_view(content, kind)
            .map_err(|faults| Refused { word: "invalid_arguments", faults })?;
        let external_id = content.get("external_id").and_then(Value::as_str).unwrap_or_default();
        let taken = self.view_with_external_id(external_id).filter(|_| !external_id.is_empty());
        if taken.is_some_and(|taken| Some(taken.id.as_str()) != own) {
            return Err("duplicate_external_id".into());
        }
        Ok(())
    }
}

/// The content with an id in every block and element.
fn identified(content: &Value) -> Value {
    let mut content = content.clone();
    if let Some(blocks) = content.get("blocks").and_then(Value::as_array) {
        content["blocks"] = json!(elements::with_ids(blocks));
    }
    content
}
