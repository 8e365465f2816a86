//! `views.*`: modals and the Home tab.

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::{Failure, Outcome, missing};
use crate::slack::state::State;
use crate::slack::views::{Refused, View};

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        if refused.faults.is_empty() {
            return refused.word.into();
        }
        let messages: Vec<_> = refused.faults.iter().map(|fault| format!("[ERROR] {fault}")).collect();
        Self { word: refused.word, more: json!({"response_metadata": {"messages": messages}}) }
    }
}

pub(super) fn open(state: &mut State, arguments: &Arguments, now_ms: u64) -> Outcome {
    let trigger = arguments.required("trigger_id")?;
    let view = state.open_view(&trigger, &view(arguments)?, now_ms)?;
    answer(state, &view)
}

pub(super) fn push(state: &mut State, arguments: &Arguments, now_ms: u64) -> Outcome {
    let trigger = arguments.required("trigger_id")?;
    let view = state.push_view(&trigger, &view(arguments)?, now_ms)?;
    answer(state, &view)
}

pub(super) fn update(state: &mut State, arguments: &Arguments, now_ms: u64) -> Outcome {
    let id = match (arguments.text("view_id"), arguments.text("external_id")) {
        (Some(id), _) => id,
        (None, Some(external_id)) => {
            state.view_with_external_id(&external_id).map(|view| view.id.clone()).ok_or("not_found")?
        }
        (None, None) => return Err(missing("view_id")),
    };
    let view = state.update_view(&id, arguments.text("hash").as_deref(), &view(arguments)?, now_ms)?;
    answer(state, &view)
}

pub(super) fn publish(state: &mut State, arguments: &Arguments, now_ms: u64) -> Outcome {
    let user = arguments.required("user_id")?;
    let view = state.publish_view(&user, arguments.text("hash").as_deref(), &view(arguments)?, now_ms)?;
    answer(state, &view)
}

fn view(arguments: &Arguments) -> Result<Value, Failure> {
    arguments.structure("view").map_err(|()| "invalid_arguments")?.ok_or_else(|| missing("view"))
}

fn answer(state: &State, view: &View) -> Outcome {
    Ok(json!({"view": view.as_json(state)}))
}
