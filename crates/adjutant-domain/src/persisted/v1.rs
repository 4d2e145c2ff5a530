//! Version 1, which release 0.1 wrote, brought to the shape of version 2.

mod step;

use serde_json::{Value, json};

use super::{DirectiveRows, StepRow};
use crate::ids::Digest;

/// A directive: `wishes` became `overrides`, who asked for a replan became an actor, what a person said of a plan has their
/// login beside it, and where the directive and each step stand became one value.
///
/// Causes, questions, faults and reasons were sentences. They became enums, which read a sentence as their `Legacy`: nothing
/// is to be done here.
pub(super) fn directive(rows: &mut DirectiveRows) {
    rename(&mut rows.state, "wishes", "overrides");
    where_it_stands(&mut rows.state);
    if let Some(words) = rows.state.get_mut("planning_words").filter(|words| words.is_string()) {
        *words = json!({ "by": null, "words": words.take() });
    }
    for replan in rows.state.get_mut("replans").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(by) = replan.get_mut("by") {
            actor(by);
        }
    }
    for approval in &mut rows.approvals {
        shown(approval, &rows.steps);
    }
    for row in &mut rows.steps {
        target(&mut row.state, &rows.state);
        step::bring_up(&mut row.state, &rows.tasks, &rows.approvals);
    }
}

/// What a person was shown was a hash, whatever it was of.
fn shown(approval: &mut Value, steps: &[StepRow]) {
    let Some(hash) = approval["shown"].as_str() else { return };
    let step = steps.iter().map(|row| &row.state).find(|step| step["id"] == approval["step"]);
    let report = step.and_then(|step| step["report"].as_str()).map(Digest::of);
    // No commit's sha is as long as the hash of a text.
    let subject = match approval["kind"].as_str() {
        Some("plan") => "plan",
        Some("budget") => "question",
        _ if hash.len() < 64 => "commit",
        Some("step_blocked") if report.is_none_or(|report| report.as_str() != hash) => "question",
        _ => "report",
    };
    approval["shown"] = json!({ subject: hash });
}

/// Whether a step reaches the base was a field beside its target. What said so of a step that an earlier plan's pull request
/// had merged was the field alone.
fn target(step: &mut Value, directive: &Value) {
    let Value::Object(fields) = step else { return };
    let base = &directive["base"]["branch"];
    match fields.remove("into_base") {
        Some(Value::Bool(true)) => fields.insert("target".to_owned(), base.clone()),
        Some(Value::Bool(false)) if fields.get("target") == Some(base) => {
            let integration = format!("adjutant/{}-{}/main", directive["issue"], directive["ordinal"]);
            fields.insert("target".to_owned(), json!(integration))
        }
        _ => None,
    };
}

/// Where a directive stood was told by a status, a pause, a failure and the time of its end.
fn where_it_stands(directive: &mut Value) {
    let Value::Object(fields) = directive else { return };
    let Some(status) = fields.remove("status") else { return };
    let mut taken = |name: &str| fields.remove(name).unwrap_or_default();
    let (pause, failure, at) = (taken("pause"), taken("failure"), taken("ended_at"));
    let state = match status.as_str() {
        Some("paused") => {
            let mut reasons = vec![pause["reason"].clone()];
            reasons.extend(pause["also"].as_array().into_iter().flatten().cloned());
            json!({ "paused": { "from": pause["from"], "reasons": reasons } })
        }
        Some("completed") => json!({ "completed": { "at": at } }),
        Some("failed") => json!({ "failed": { "at": at, "failure": failure } }),
        Some("archived") => json!({ "archived": { "at": at, "failure": failure } }),
        _ => status,
    };
    fields.insert("state".to_owned(), state);
}

/// An effect: a command's refusal was a sentence and became a value, and so did the reason to close a pull request.
pub(super) fn effect(payload: &mut Value) {
    if let Some(close) = payload.get_mut("close_pull") {
        rename(close, "word", "reason");
    }
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
