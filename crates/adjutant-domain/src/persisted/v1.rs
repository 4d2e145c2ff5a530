//! Version 1, which release 0.1 wrote, brought to the shape of version 2.

mod step;

use serde_json::{Value, json};

use super::DirectiveRows;

/// A directive: `wishes` became `overrides`, who asked for a replan became an actor, and where a step stands became one
/// value.
pub(super) fn directive(rows: &mut DirectiveRows) {
    rename(&mut rows.state, "wishes", "overrides");
    for replan in rows.state.get_mut("replans").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(by) = replan.get_mut("by") {
            actor(by);
        }
    }
    for row in &mut rows.steps {
        step::bring_up(&mut row.state, &rows.tasks, &rows.approvals);
    }
}

/// An effect: a command's refusal was a sentence and became a value.
pub(super) fn effect(payload: &mut Value) {
    if let Some(reason) = payload.pointer_mut("/reply/notice/refused/reason") {
        *reason = json!({ "legacy": reason.take() });
    }
}

/// A login became an actor. Version 1 wrote two of them for whom a login does not name: its own decisions had
/// `adjutant`, and `ghost` stood for whom GitHub did not name.
fn actor(by: &mut Value) {
    if let Value::String(login) = by {
        *by = match login.as_str() {
            "adjutant" => json!("adjutant"),
            "ghost" => json!("unknown"),
            login => json!({ "person": login }),
        };
    }
}

fn rename(value: &mut Value, from: &str, to: &str) {
    if let Value::Object(fields) = value
        && let Some(field) = fields.remove(from)
    {
        fields.insert(to.to_owned(), field);
    }
}
