//! Workflow files: the parts that decide whether a run starts and which jobs it has.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>
//!
//! Expressions are not evaluated. A job's `if` counts only if it is the literal `false`, or asks for failed jobs
//! (`always()`, `failure()`). A name keeps every expression that is not about its matrix.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::state::JobPlan;

/// The most jobs of a matrix. <https://docs.github.com/en/actions/reference/limits>
const MATRIX_LIMIT: usize = 256;

/// The parsed file of a workflow.
#[derive(Debug, Clone)]
pub(crate) struct WorkflowFile {
    pub(crate) path: String,
    /// Its name, or its path if it has none.
    pub(crate) name: String,
    /// Its triggers, by the event's name.
    pub(crate) on: BTreeMap<String, Value>,
    pub(crate) jobs: Vec<JobPlan>,
}

#[derive(Deserialize)]
struct Raw {
    name: Option<String>,
    on: Value,
    jobs: Map<String, Value>,
}

impl WorkflowFile {
    /// Parses a file. The error says why it is not a workflow.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let raw: Raw = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let on = match raw.on {
            Value::String(event) => BTreeMap::from([(event, Value::Null)]),
            Value::Array(events) => {
                events.iter().filter_map(Value::as_str).map(|event| (event.to_owned(), Value::Null)).collect()
            }
            Value::Object(events) => events.into_iter().collect(),
            _ => return Err("`on` names no event".to_owned()),
        };
        if raw.jobs.is_empty() {
            return Err("there are no jobs".to_owned());
        }
        let mut jobs = Vec::new();
        for (key, job) in &raw.jobs {
            jobs.extend(plans(key, job)?);
        }
        let known = |need: &String| raw.jobs.contains_key(need);
        if let Some(need) = jobs.iter().flat_map(|job| &job.needs).find(|need| !known(need)) {
            return Err(format!("a job needs `{need}`, which is none"));
        }
        let name = raw.name.filter(|name| !name.is_empty()).unwrap_or_else(|| path.to_owned());
        Ok(Self { path: path.to_owned(), name, on, jobs })
    }
}

fn plans(key: &str, job: &Value) -> Result<Vec<JobPlan>, String> {
    let job = job.as_object().ok_or_else(|| format!("the job `{key}` is not a mapping"))?;
    if !job.contains_key("runs-on") && !job.contains_key("uses") {
        return Err(format!("the job `{key}` does not say what it runs on"));
    }
    let condition = match job.get("if") {
        Some(Value::Bool(condition)) => condition.to_string(),
        Some(Value::String(condition)) => {
            condition.trim().trim_start_matches("${{").trim_end_matches("}}").trim().to_owned()
        }
        _ => String::new(),
    };
    let name = job.get("name").and_then(Value::as_str);
    let plan = |values: &[(String, String)]| JobPlan {
        key: key.to_owned(),
        name: job_name(key, name, values),
        needs: words(job.get("needs")),
        regardless: ["always()", "failure()", "cancelled()"].iter().any(|all| condition.contains(all)),
        skipped: condition == "false",
        labels: words(job.get("runs-on")),
        steps: steps(job.get("steps")),
    };
    let rows = matrix(job.get("strategy").and_then(|strategy| strategy.get("matrix")));
    Ok(if rows.is_empty() { vec![plan(&[])] } else { rows.iter().map(|row| plan(row)).collect() })
}

/// `build (ubuntu, 1.85)`, unless the name contains the values itself.
fn job_name(key: &str, name: Option<&str>, values: &[(String, String)]) -> String {
    let mut shown = name.unwrap_or(key).to_owned();
    for (variable, value) in values {
        shown = shown.replace(&format!("${{{{ matrix.{variable} }}}}"), value);
    }
    if values.is_empty() || name.is_some_and(|name| shown != name) {
        return shown;
    }
    let values: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
    format!("{shown} ({})", values.join(", "))
}

/// Every combination of a matrix' values. `include` and `exclude` are ignored.
fn matrix(told: Option<&Value>) -> Vec<Vec<(String, String)>> {
    let Some(Value::Object(axes)) = told else { return Vec::new() };
    let mut rows = vec![Vec::new()];
    for (name, values) in axes.iter().filter(|(name, _)| !["include", "exclude"].contains(&name.as_str())) {
        let Value::Array(values) = values else { continue };
        let with = |row: &Vec<(String, String)>, value: &Value| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            row.iter().cloned().chain([(name.clone(), value)]).collect()
        };
        rows =
            rows.iter().flat_map(|row| values.iter().map(move |value| with(row, value))).take(MATRIX_LIMIT).collect();
    }
    rows.retain(|row| !row.is_empty());
    rows
}

fn steps(told: Option<&Value>) -> Vec<String> {
    let Some(Value::Array(steps)) = told else { return Vec::new() };
    let name = |step: &Value| {
        let text = |key: &str| step.get(key).and_then(Value::as_str);
        let run = || text("run").map(|run| format!("Run {}", run.lines().next().unwrap_or_default()));
        text("name").map(str::to_owned).or_else(|| text("uses").map(|uses| format!("Run {uses}"))).or_else(run)
    };
    steps.iter().filter_map(name).collect()
}

/// One word, or a list of words.
pub(super) fn words(told: Option<&Value>) -> Vec<String> {
    match told {
        Some(Value::String(word)) => vec![word.clone()],
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_to_write_on_are_read() {
        let jobs = "jobs: { a: { runs-on: x } }";
        for on in ["on: push", "on: [push, pull_request]", "on: { push: { branches: [main] } }", "on:\n  push:"] {
            let file = WorkflowFile::parse("ci.yml", &format!("{on}\n{jobs}\n")).unwrap();
            assert!(file.on.contains_key("push"), "{on}");
            assert_eq!(file.name, "ci.yml");
        }
    }

    #[test]
    fn a_matrix_makes_a_job_of_each_combination() {
        let text = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    strategy: { matrix: { os: [a, b], v: [1] } }\n  \
                    named:\n    name: Try ${{ matrix.os }}\n    needs: test\n    if: ${{ always() }}\n    runs-on: x\n    \
                    strategy: { matrix: { os: [c] } }\n    steps: [{ run: \"make all\\nrest\" }, { uses: actions/checkout@v4 }]\n";
        let file = WorkflowFile::parse("ci.yml", text).unwrap();
        let names: Vec<_> = file.jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(names, ["Try c", "test (a, 1)", "test (b, 1)"]);
        let named = &file.jobs[0];
        assert!(named.regardless && named.needs == ["test"]);
        assert_eq!(named.steps, ["Run make all", "Run actions/checkout@v4"]);
    }

    #[test]
    fn a_file_that_is_no_workflow_is_refused() {
        for text in
            ["", "jobs: {}", "on: push\njobs: {}", "on: push\njobs: { a: 1 }", "on: 3\njobs: { a: { runs-on: x } }"]
        {
            assert!(WorkflowFile::parse("ci.yml", text).is_err(), "{text}");
        }
        let text = "on: push\njobs: { a: { runs-on: x, needs: b } }";
        assert!(WorkflowFile::parse("ci.yml", text).unwrap_err().contains("`b`"));
    }
}
