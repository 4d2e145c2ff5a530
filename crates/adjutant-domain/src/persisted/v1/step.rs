//! Where a step stood was told by a dozen fields of its own beside its tasks and approvals. Now it is one value.

use serde_json::{Map, Value, json};

use crate::ids::Digest;

/// The fields that went into the state of a step.
const STATE: [&str; 12] = [
    "status",
    "head",
    "head_at",
    "head_pushed",
    "vouched",
    "report",
    "findings",
    "evaluation",
    "judge_due",
    "merge",
    "instructions",
    "reason",
];

/// Puts a step's state in the place of the fields that it was told by.
pub(super) fn bring_up(step: &mut Value, tasks: &[Value], approvals: &[Value]) {
    let Value::Object(fields) = step else { return };
    let old = Old { step: fields, tasks, approvals };
    let state = old.state();
    for field in STATE {
        fields.remove(field);
    }
    fields.insert("state".to_owned(), state);
    fields.entry("progress").or_insert_with(|| json!([]));
}

struct Old<'a> {
    step: &'a Map<String, Value>,
    tasks: &'a [Value],
    approvals: &'a [Value],
}

impl Old<'_> {
    fn state(&self) -> Value {
        let (cause, instructions, last) = (self.field("reason"), self.field("instructions"), self.candidate());
        // A sentence is read as such. What needed a person without one was in a state that its fields do not explain.
        let needs_person = || {
            let cause = cause.as_str().unwrap_or("state_unknown");
            json!({ "blocked": { "cause": cause, "instructions": instructions, "last": last } })
        };
        let ready = || json!({ "ready": { "instructions": instructions, "cause": cause, "last": last } });
        match self.text("status") {
            "pending" if instructions.is_null() => json!("pending"),
            "running" if self.is_final() && self.live_task().is_none() => {
                json!({ "integrating": { "cause": cause, "last": last } })
            }
            // Where the directive has ended, or the chain was superseded, its task was called off.
            "running" => match self.live_task().or_else(|| self.last_task()) {
                Some(task) => json!({ "working": { "task": task, "cause": cause, "last": last } }),
                None => ready(),
            },
            "evaluating" if last.is_null() => needs_person(),
            "evaluating" => self.evaluating(&last).unwrap_or_else(needs_person),
            "rework" if !instructions.is_null() => {
                json!({ "reworking": { "instructions": instructions, "cause": cause, "last": last } })
            }
            "rework" if self.is_final() => json!({ "awaiting_steps": { "cause": cause, "last": last } }),
            "passed" => json!({ "passed": { "by": self.passed_by(), "candidate": last } }),
            "skipped" => json!({ "skipped": { "by": "unknown", "cause": cause, "last": last } }),
            "blocked" => needs_person(),
            "failed" => {
                let cause = cause.as_str().unwrap_or_default();
                json!({ "failed": { "cause": cause, "instructions": instructions, "last": last } })
            }
            // A follow-up waited for nothing; neither does a rework that nobody was told anything of.
            _ => ready(),
        }
    }

    /// The stage of what was handed in; none where nothing says that anything goes on.
    fn evaluating(&self, candidate: &Value) -> Option<Value> {
        let merge = self.text("merge");
        if matches!(merge, "wanted" | "requested") {
            return Some(json!({ "merging": { "candidate": candidate, "request": merge } }));
        }
        let evaluation = &candidate["evaluation"];
        if evaluation.is_null() {
            let pull = self.field("pull");
            let open = pull.is_object() && pull["closed"] != json!(true);
            let stage = if open { "verifying" } else { "handed_in" };
            return Some(json!({ stage: { "candidate": candidate } }));
        }
        if self.field("judge_due") == json!(true) {
            let mut unjudged = candidate.clone();
            unjudged["evaluation"] = Value::Null;
            let judging = json!({ "candidate": unjudged, "evaluation": evaluation, "task": self.live_task() });
            return Some(json!({ "judging": judging }));
        }
        let own = |approval: &&Value| approval["step"] == self.field("id");
        let approval = &self.approvals.iter().rfind(own)?["id"];
        Some(json!({ "awaiting_decision": { "candidate": candidate, "approval": approval } }))
    }

    /// What was handed in last, with what is known of it.
    fn candidate(&self) -> Value {
        let (head, evaluation) = (self.field("head"), self.field("evaluation"));
        if head.is_null() {
            return Value::Null;
        }
        let submission = match self.report() {
            Some(text) => json!({ "report": { "digest": head, "text": text } }),
            None => json!({ "commit": { "head": head } }),
        };
        json!({
            "submission": submission,
            "at": self.field("head_at"),
            "pushed": self.field("head_pushed") == json!(true),
            "findings": if self.field("findings").is_array() { self.field("findings") } else { json!([]) },
            "evaluation": if evaluation["head"] == head { evaluation } else { Value::Null },
            "pre_approved": self.field("vouched"),
        })
    }

    /// The report, where that is what was handed in last: its hash stood in the place of a commit.
    fn report(&self) -> Option<&str> {
        let report = self.step.get("report")?.as_str()?;
        (self.text("head") == Digest::of(report).as_str()).then_some(report)
    }

    fn passed_by(&self) -> &'static str {
        match (self.report(), self.text("merge")) {
            (Some(_), _) => "report",
            (None, "merged") => "merge",
            (None, _) => "no_change",
        }
    }

    fn live_task(&self) -> Option<&Value> {
        let own = |task: &&Value| task["step"] == self.field("id");
        let live = |task: &&Value| matches!(task["status"].as_str(), Some("queued" | "running"));
        self.tasks.iter().filter(own).rfind(live).map(|task| &task["id"])
    }

    fn last_task(&self) -> Option<&Value> {
        let own = |task: &&Value| task["step"] == self.field("id") && task["kind"] != json!("judge");
        self.tasks.iter().rfind(own).map(|task| &task["id"])
    }

    fn is_final(&self) -> bool {
        self.text("kind") == "final"
    }

    fn field(&self, name: &str) -> Value {
        self.step.get(name).cloned().unwrap_or_default()
    }

    fn text(&self, name: &str) -> &str {
        self.step.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
