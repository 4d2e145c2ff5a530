//! The result file.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::{Ran, Task, TaskKind};
use crate::answer;
use crate::failure::RunError;
use crate::reader::Usage;
use crate::transcript::cut;

/// The limits of the agent protocol, in characters.
const SUMMARY_CHARS: usize = 2_000;
const REPORT_CHARS: usize = 60_000;
/// A larger plan would make the whole file unreadable, and is left out.
const MAX_JSON_BYTES: usize = 700 * 1024;

/// What is written. Every member may be missing.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct ResultFile {
    #[serde(skip_serializing_if = "String::is_empty")]
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judgement: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RunError>,
}

pub(super) fn write(task: &Task, ran: &Ran) -> io::Result<()> {
    save(&path()?, &of(task, ran))
}

/// Writes only why nothing was run.
pub(super) fn write_error(error: &RunError) -> io::Result<()> {
    let summary = error.message.chars().take(SUMMARY_CHARS).collect();
    save(&path()?, &ResultFile { summary, error: Some(error.clone()), ..ResultFile::default() })
}

pub(super) fn of(task: &Task, ran: &Ran) -> ResultFile {
    let findings = &ran.findings;
    let mut result = ResultFile {
        usage: findings.usage,
        cost_usd: findings.cost,
        session: findings.session.clone(),
        error: ran.error.clone(),
        ..ResultFile::default()
    };
    if let Some(error) = &ran.error {
        result.summary.clone_from(&error.message);
    } else {
        let message = findings.last_message.as_deref().unwrap_or_default();
        match task.kind {
            TaskKind::Plan => result.plan(message, findings.structured.as_ref()),
            TaskKind::Judge => result.judgement(message, findings.structured.as_ref()),
            TaskKind::Step | TaskKind::Rework => result.step(task, message),
        }
    }
    cut(&mut result.summary, SUMMARY_CHARS);
    for text in [&mut result.report, &mut result.evidence].into_iter().flatten() {
        cut(text, REPORT_CHARS);
    }
    result
}

impl ResultFile {
    fn plan(&mut self, message: &str, structured: Option<&Value>) {
        let plan = handed_in(message, structured, answer::fits_plan).and_then(answer::plan);
        let rationale = plan.as_ref().and_then(|plan| plan["rationale"].as_str()).filter(|words| !words.is_empty());
        self.summary = rationale.map_or_else(|| answer::without_block(message).to_owned(), str::to_owned);
        self.plan = plan.filter(small);
    }

    fn judgement(&mut self, message: &str, structured: Option<&Value>) {
        let judgement = handed_in(message, structured, answer::fits_judgement).and_then(answer::judgement);
        let note = judgement.as_ref().and_then(|it| it["note"].as_str()).filter(|words| !words.is_empty());
        self.summary = note.map_or_else(|| answer::without_block(message).to_owned(), str::to_owned);
        self.judgement = judgement.filter(small);
    }

    fn step(&mut self, task: &Task, message: &str) {
        let fields = answer::last_object(message, answer::fits_step);
        let field = |name: &str| Some(fields.as_ref()?.get(name)?.as_str()?.to_owned());
        let words = if fields.is_some() { answer::without_block(message) } else { message.trim() };
        self.summary = field("summary").filter(|it| !it.is_empty()).unwrap_or_else(|| words.to_owned());
        self.evidence = field("evidence");
        self.report = field("report").or_else(|| (task.owes_report() && !words.is_empty()).then(|| words.to_owned()));
    }
}

fn handed_in(message: &str, structured: Option<&Value>, fits: impl Fn(&Value) -> bool) -> Option<Value> {
    let structured = structured.filter(|value| fits(value)).cloned().map(crate::schema::without_nulls);
    structured.or_else(|| answer::last_object(message, fits))
}

fn small(value: &Value) -> bool {
    value.to_string().len() <= MAX_JSON_BYTES
}

fn path() -> io::Result<PathBuf> {
    let missing = || io::Error::other("the variable ADJUTANT_RESULT_FILE is missing");
    std::env::var_os("ADJUTANT_RESULT_FILE").map(PathBuf::from).ok_or_else(missing)
}

/// A reader sees the whole file or none.
fn save(path: &Path, result: &ResultFile) -> io::Result<()> {
    let beside = path.with_extension("part");
    let mut file = fs::File::create(&beside)?;
    file.write_all(&serde_json::to_vec(result)?)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::Findings;
    use serde_json::json;

    fn task(kind: TaskKind, contract: &str) -> Task {
        serde_json::from_value(json!({ "kind": kind, "instructions": "", "step": { "contract": contract } })).unwrap()
    }

    fn said(message: &str) -> Ran {
        Ran { findings: Findings { last_message: Some(message.into()), ..Findings::default() }, ..Ran::default() }
    }

    #[test]
    fn a_plan_comes_from_structured_output_or_from_the_last_message() {
        let plan = json!({ "rationale": "Why.", "steps": [{ "name": "a", "task_plan": null }] });
        let mut ran = said("Here it is.");
        ran.findings.structured = Some(plan.clone());
        let clean = json!({ "rationale": "Why.", "steps": [{ "name": "a" }] });
        let result = of(&task(TaskKind::Plan, ""), &ran);
        assert_eq!((result.plan, result.summary.as_str()), (Some(clean.clone()), "Why."));
        let result = of(&task(TaskKind::Plan, ""), &said(&format!("Here:\n```json\n{plan}\n```")));
        assert_eq!(result.plan, Some(clean));
        assert_eq!(of(&task(TaskKind::Plan, ""), &said("I cannot.")).plan, None);
    }

    #[test]
    fn the_last_message_of_a_step_is_its_summary_or_its_report() {
        let result = of(&task(TaskKind::Step, "change"), &said("Done.\n\nAll of it."));
        assert_eq!((result.summary.as_str(), result.report), ("Done.\n\nAll of it.", None));
        let result = of(&task(TaskKind::Step, "report"), &said(&"é".repeat(70_000)));
        assert_eq!(result.report.unwrap().chars().count(), 60_001);
        let message = "It was there.\n\n```json\n{\"evidence\": \"src/a.rs:3\"}\n```";
        let result = of(&task(TaskKind::Rework, "change"), &said(message));
        assert_eq!((result.summary.as_str(), result.evidence.as_deref()), ("It was there.", Some("src/a.rs:3")));
    }

    #[test]
    fn a_failed_run_hands_in_its_error_and_its_usage_and_no_work() {
        let mut ran = said("Done.");
        ran.findings.usage = Some(Usage { input_tokens: 3, output_tokens: 1 });
        ran.error = Some(RunError { kind: crate::ErrorKind::Quota, message: "Wait.".into(), retry_after: Some(9) });
        let json = serde_json::to_value(of(&task(TaskKind::Step, "report"), &ran)).unwrap();
        assert_eq!(
            json,
            json!({
                "summary": "Wait.", "usage": { "input_tokens": 3, "output_tokens": 1 },
                "error": { "kind": "quota", "message": "Wait.", "retry_after": 9 }
            })
        );
    }

    #[test]
    fn a_judgement_keeps_its_evidence() {
        let judgement = json!({
            "criteria": [{ "id": "A1", "met": true, "note": "", "evidence": [{ "file": "a", "line": 1, "end_line": null }] }],
            "score": 0.5, "note": "Half."
        });
        let result = of(&task(TaskKind::Judge, ""), &said(&judgement.to_string()));
        assert_eq!(result.judgement.unwrap()["criteria"][0]["evidence"], json!([{ "file": "a", "line": 1 }]));
        assert_eq!(result.summary, "Half.");
    }
}
