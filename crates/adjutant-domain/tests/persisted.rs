//! What every released version wrote is read, with all that matters in it. The fixtures are rows that the release itself wrote, at
//! many moments of directives' lives; they are never edited.
#![allow(clippy::unwrap_used, reason = "clippy knows test functions and not the helpers beside them")]

use std::path::{Path, PathBuf};

use adjutant_domain::directive::Directive;
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::persisted::{DirectiveRows, STATE_VERSION, own_state, read_directive, read_effect};
use adjutant_domain::step::{Step, Submission};
use serde::Deserialize;
use serde_json::{Map, Value, json};

fn folder(version: i32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/v{version}"))
}

fn directives(version: i32) -> Vec<(String, DirectiveRows)> {
    let files = std::fs::read_dir(folder(version).join("directives")).unwrap().flatten();
    let mut all: Vec<_> = files
        .map(|file| {
            let text = std::fs::read_to_string(file.path()).unwrap();
            (file.file_name().to_string_lossy().into_owned(), serde_json::from_str(&text).unwrap())
        })
        .collect();
    all.sort_by(|(one, _), (other, _): &(String, DirectiveRows)| one.cmp(other));
    assert!(all.len() > 20, "the fixtures are there");
    all
}

/// An effect as its row says.
#[derive(Deserialize)]
struct EffectRow {
    kind: String,
    lane: String,
    key: String,
    payload: Value,
}

/// Whether a step of that status says why it does not go on.
fn is_stuck(status: &str) -> bool {
    matches!(status, "blocked" | "failed")
}

/// The reasons of a pause, the first of which had a field of its own.
fn reasons(pause: &Map<String, Value>) -> Vec<&Value> {
    let also = pause.get("also").and_then(Value::as_array).into_iter().flatten();
    std::iter::once(&pause["reason"]).chain(also).collect()
}

/// What of a directive matters, of version 1, taken from the JSON by the names that it had then.
fn matters_in_version_1(rows: &DirectiveRows) -> Value {
    let state = &rows.state;
    let steps = rows.steps.iter().map(|row| {
        let step = &row.state;
        let at = if row.kind == "final" { "final" } else { "step" };
        let earlier = i64::from(row.generation) < state["generation"].as_i64().unwrap();
        json!([
            if earlier { "earlier" } else { at },
            step["name"],
            step["status"],
            step["branch"],
            step["head"],
            step["pull"]["number"],
            step["vouched"],
            if is_stuck(step["status"].as_str().unwrap()) { &step["reason"] } else { &Value::Null },
            step["rework_cycles"],
        ])
    });
    let mut steps: Vec<Value> = steps.collect();
    steps.sort_by_key(Value::to_string);
    let tasks = rows.tasks.iter().map(|it| json!([it["id"], it["kind"], it["status"], it["cost"], it["attempt"]]));
    let approvals =
        rows.approvals.iter().map(|it| json!([it["id"], it["kind"], it["status"], it["answered_by"], it["shown"]]));
    json!({
        "id": state["id"],
        "status": state["status"],
        "issue": [state["issue"], state["ordinal"], state["title"]],
        "generation": state["generation"],
        "autonomy": state["policy"]["autonomy"],
        "budget": state["budget"],
        "tightened": state["wishes"]["counted"],
        "ignored": state["wishes"]["ignored"],
        "paused": state["pause"].as_object().map(|pause| json!([pause["from"], reasons(pause)])),
        "failed": state["failure"],
        "plan": state["plan"]["hash"],
        "replans": state["replans"].as_array().unwrap().len(),
        "ended_at": state["ended_at"],
        "steps": steps,
        "tasks": tasks.collect::<Vec<_>>(),
        "approvals": approvals.collect::<Vec<_>>(),
    })
}

/// The same, of what was read.
fn matters(directive: &Directive) -> Value {
    let line = |at: &str, step: &Step| {
        json!([
            at,
            step.name,
            step.status().as_str(),
            step.branch,
            step.submission().map(Submission::hash),
            step.pull.as_ref().map(|pull| pull.number),
            step.state.candidate().and_then(|candidate| candidate.pre_approved.as_ref()),
            step.state.cause().filter(|_| is_stuck(step.status().as_str())),
            step.rework_cycles,
        ])
    };
    let steps = directive.steps.iter().map(|step| line("step", step));
    let finals = directive.final_step.iter().map(|step| line("final", step));
    let earlier = directive.earlier.iter().map(|step| line("earlier", step));
    let mut steps: Vec<Value> = steps.chain(finals).chain(earlier).collect();
    steps.sort_by_key(Value::to_string);
    let tasks =
        directive.tasks.iter().map(|it| json!([it.id, it.kind.as_str(), it.status.as_str(), it.cost, it.attempt]));
    let approvals = directive
        .approvals
        .iter()
        .map(|it| json!([it.id, it.kind.as_str(), it.status.as_str(), it.answered_by, it.shown.hash()]));
    json!({
        "id": directive.id,
        "status": directive.status().as_str(),
        "issue": [directive.issue, directive.ordinal, directive.title],
        "generation": directive.generation,
        "autonomy": directive.policy.autonomy,
        "budget": directive.budget,
        "tightened": directive.overrides.counted,
        "ignored": directive.overrides.ignored,
        "paused": directive.state.pause().map(|pause| json!([pause.from, pause.reasons])),
        "failed": directive.state.failure(),
        "plan": directive.plan.as_ref().map(|plan| &plan.hash),
        "replans": directive.replans.len(),
        "ended_at": directive.state.ended_at(),
        "steps": steps,
        "tasks": tasks.collect::<Vec<_>>(),
        "approvals": approvals.collect::<Vec<_>>(),
    })
}

/// The rows as this version writes them: those of `read`, with the shapes of today.
fn written(directive: &Directive, read: &DirectiveRows) -> DirectiveRows {
    let mut rows = read.clone();
    rows.state = own_state(directive).unwrap();
    for row in &mut rows.steps {
        let step = directive.all_steps().chain(&directive.earlier);
        let step = step.into_iter().find(|step| json!(step.id) == row.state["id"]).unwrap();
        row.state = serde_json::to_value(step).unwrap();
    }
    rows.tasks = directive.tasks.iter().map(|task| serde_json::to_value(task).unwrap()).collect();
    rows.approvals = directive.approvals.iter().map(|approval| serde_json::to_value(approval).unwrap()).collect();
    rows
}

#[test]
fn directives_of_version_1_are_read_with_all_that_matters() {
    for (name, rows) in directives(1) {
        let directive = read_directive(1, rows.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(matters(&directive), matters_in_version_1(&rows), "{name}");
        let again = read_directive(STATE_VERSION, written(&directive, &rows)).unwrap();
        assert_eq!(again, directive, "{name}: what is written is read again");
    }
}

#[test]
fn effects_of_version_1_are_read_and_keep_their_keys() {
    let text = std::fs::read_to_string(folder(1).join("effects.json")).unwrap();
    let rows: Vec<EffectRow> = serde_json::from_str(&text).unwrap();
    for row in rows {
        let effect = read_effect(1, row.payload).unwrap_or_else(|error| panic!("{}: {error}", row.kind));
        assert_eq!((effect.kind(), effect.lane().as_str()), (row.kind.as_str(), row.lane.as_str()));
        let directive = row.key.split('/').next().unwrap().parse().map_or(DirectiveId(uuid::Uuid::nil()), DirectiveId);
        assert_eq!(effect.key(directive), row.key, "what was done once is not done again");
    }
}
