use serde_json::{Value, json};

use super::bring_up;
use crate::ids::Digest;
use crate::step::{Step, StepState};

const STEP: &str = "11111111-1111-5111-8111-111111111111";
const TASK: &str = "22222222-2222-5222-8222-222222222222";
const APPROVAL: &str = "33333333-3333-5333-8333-333333333333";

/// A step as version 1 wrote it, with these fields changed.
fn old(changed: &Value) -> Value {
    let mut step = json!({
        "id": STEP, "name": "parse", "kind": "implement", "description": "Parse.", "task_plan": "", "depends_on": [],
        "requirements": [], "criteria": [], "status": "pending", "branch": "b", "target": "t", "into_base": false,
        "pull": null, "head": null, "progress": [], "head_at": null, "head_pushed": false, "vouched": null,
        "report": null, "summary": null, "findings": [], "evaluation": null, "judge_due": false, "merge": "open",
        "instructions": null, "afterwards": null, "rework_cycles": 0, "reworks": 0, "failures": 0, "verifications": 0,
        "reason": null,
    });
    for (name, value) in changed.as_object().unwrap() {
        step[name] = value.clone();
    }
    step
}

/// The state that it is read as, in one line: its own name, its word, what was handed in, and the rest of it.
fn read(changed: &Value) -> (Step, String) {
    let ended = json!({ "id": STEP, "step": STEP, "status": "succeeded", "kind": "step" });
    let live = json!({ "id": TASK, "step": STEP, "status": "running", "kind": "rework" });
    let tasks = match changed.get("tasks").and_then(Value::as_u64) {
        Some(0) => Vec::new(),
        Some(_) => vec![ended],
        None => vec![ended, live],
    };
    let approvals = [json!({ "id": APPROVAL, "step": STEP, "status": "pending" })];
    let asked = changed.get("no_approval").is_none();
    let mut step = old(changed);
    bring_up(&mut step, &tasks, if asked { &approvals } else { &[] });
    let name = match &step["state"] {
        Value::String(name) => name.clone(),
        state => state.as_object().unwrap().keys().next().unwrap().clone(),
    };
    let step: Step = serde_json::from_value(step).unwrap();
    let told = match step.submission() {
        None => "nothing".to_owned(),
        Some(submission) => submission.head().map_or("report".to_owned(), |head| format!("commit {head}")),
    };
    let line = format!("{name} ({}), {told}", step.status());
    (step, line)
}

fn evaluation() -> Value {
    json!({ "head": "a1", "confidence": "green", "score": 1.0, "results": [], "judgement": null, "reasons": [] })
}

#[test]
fn every_state_that_version_1_could_tell_is_read_as_what_it_was() {
    let instructions = json!({ "text": "Again.", "merge_target": false });
    let open = json!({ "number": 7, "node_id": "", "draft": true });
    let closed = json!({ "number": 7, "node_id": "", "draft": true, "closed": true });
    let cases = [
        json!({ "status": "pending" }),
        json!({ "status": "pending", "instructions": instructions }),
        json!({ "status": "ready" }),
        json!({ "status": "running" }),
        json!({ "status": "running", "tasks": 1 }),
        json!({ "status": "running", "tasks": 0 }),
        json!({ "status": "running", "kind": "final", "head": "a1", "tasks": 1 }),
        json!({ "status": "evaluating", "head": "a1" }),
        json!({ "status": "evaluating", "head": "a1", "pull": closed }),
        json!({ "status": "evaluating", "head": "a1", "pull": open }),
        json!({ "status": "evaluating", "head": "a1", "evaluation": evaluation(), "judge_due": true }),
        json!({ "status": "evaluating", "head": "a1", "evaluation": evaluation() }),
        json!({ "status": "evaluating", "head": "a1", "evaluation": evaluation(), "no_approval": 1 }),
        json!({ "status": "evaluating", "head": "a1", "evaluation": evaluation(), "merge": "wanted" }),
        json!({ "status": "evaluating", "head": "a1", "merge": "requested" }),
        json!({ "status": "evaluating" }),
        json!({ "status": "rework", "head": "a1", "instructions": instructions }),
        json!({ "status": "rework", "head": "a1", "kind": "final" }),
        json!({ "status": "passed", "head": "a1", "merge": "merged" }),
        json!({ "status": "passed", "merge": "open", "kind": "final" }),
        json!({ "status": "blocked", "reason": "it is odd" }),
        json!({ "status": "failed", "head": "a1", "reason": "it crashed", "instructions": instructions }),
        json!({ "status": "skipped", "reason": "it is odd" }),
    ];
    let read: Vec<String> = cases.iter().map(|case| read(case).1).collect();
    insta::assert_snapshot!(read.join("\n"), @"
    pending (pending), nothing
    ready (ready), nothing
    ready (ready), nothing
    working (running), nothing
    working (running), nothing
    ready (ready), nothing
    integrating (running), commit a1
    handed_in (evaluating), commit a1
    handed_in (evaluating), commit a1
    verifying (evaluating), commit a1
    judging (evaluating), commit a1
    awaiting_decision (evaluating), commit a1
    blocked (blocked), commit a1
    merging (evaluating), commit a1
    merging (evaluating), commit a1
    blocked (blocked), nothing
    reworking (rework), commit a1
    awaiting_steps (rework), commit a1
    passed (passed), commit a1
    passed (passed), nothing
    blocked (blocked), nothing
    failed (failed), commit a1
    skipped (skipped), nothing
    ");
}

#[test]
fn a_report_is_known_by_its_hash_also_where_its_draft_was_closed() {
    let text = "# Findings";
    let closed = json!({ "number": 7, "node_id": "", "draft": true, "closed": true });
    let report = json!({ "status": "evaluating", "report": text, "head": Digest::of(text), "pull": closed });
    let (step, _) = read(&report);
    assert_eq!(step.report(), Some(text));
    assert!(!step.state.is_before_decision(), "no pull request of it will wait for a person");
    let mut passed = report.clone();
    (passed["status"], passed["merge"]) = (json!("passed"), json!("merged"));
    assert!(!read(&passed).0.is_merged());
    // Another commit took its place.
    let mut pushed = report;
    pushed["head"] = json!("a2");
    assert_eq!(read(&pushed).0.report(), None);
}

#[test]
fn what_was_known_of_the_head_is_kept() {
    let (step, _) = read(&json!({
        "status": "evaluating", "head": "a1", "head_at": "2026-11-20T09:00:00Z", "head_pushed": true,
        "vouched": "maintainer", "findings": [{ "kind": "protected", "text": "x" }], "evaluation": evaluation(),
        "pull": { "number": 7, "node_id": "", "draft": false },
    }));
    let candidate = step.state.candidate().unwrap();
    assert!(candidate.at.is_some() && candidate.pushed && candidate.pre_approved.is_some());
    assert_eq!((candidate.findings.len(), candidate.evaluation.is_some()), (1, true));
    let StepState::AwaitingDecision { approval, .. } = step.state else { panic!("{:?}", step.state) };
    assert_eq!(approval.to_string(), APPROVAL);
    // What was found at an older head is void.
    let older = read(&json!({ "status": "rework", "head": "a2", "evaluation": evaluation(), "kind": "final" })).0;
    assert_eq!(older.state.evaluation(), None);
}
