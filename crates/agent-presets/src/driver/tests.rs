//! The prompt. What the driver does with programs is tested in `tests/driver.rs`.

use super::*;
use serde_json::json;

fn task(kind: &str, more: &Value) -> Task {
    let mut task = json!({ "version": 1, "kind": kind, "task_id": "t1", "instructions": "# Do it\n", "context": [] });
    for (name, value) in more.as_object().into_iter().flatten() {
        task[name] = value.clone();
    }
    serde_json::from_value(task).unwrap()
}

#[test]
fn the_prompt_ends_with_what_the_last_message_must_be() {
    let plan =
        task("plan", &json!({ "plan_schema": { "type": "object", "properties": { "steps": { "type": "array" } } } }));
    let schema = plan.schema();
    let text = prompt(&plan, schema.as_ref(), false, false);
    assert!(text.starts_with("# Do it\n\n## How to hand in\n\n") && text.contains("additionalProperties"), "{text}");
    let text = prompt(&plan, schema.as_ref(), true, false);
    assert!(text.contains("Your structured output is what is handed in") && !text.contains("```"), "{text}");
    let report = task("step", &json!({ "step": { "name": "a", "contract": "report" } }));
    assert!(prompt(&report, None, false, false).contains("handed in as the report"));
    let change = task("rework", &json!({ "step": { "name": "a", "contract": "change" } }));
    assert!(prompt(&change, None, false, false).contains("your last message as the summary"));
    assert!(task("judge", &json!({})).schema().is_some());
}

#[test]
fn a_run_that_is_not_resumed_is_told_what_came_before() {
    let task = task("rework", &json!({ "session_summary": "I wrote a.\n# No heading" }));
    let text = prompt(&task, None, false, false);
    assert!(text.contains("## What you did before") && text.contains("\n> # No heading"), "{text}");
    assert!(!prompt(&task, None, false, true).contains("What you did before"));
}
