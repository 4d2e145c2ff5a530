//! The JSON Schemas of an agent's two files: they are committed and current, and the example agents conform to them.

use std::path::Path;
use std::process::Command;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

fn repository_file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn adjutant(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    command.args(arguments).env_clear();
    command
}

fn assert_valid(schema: Value, file: &Value) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("schema.json", schema).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(file, index) {
        panic!("{file:#}\n{error:#}");
    }
}

#[test]
fn the_committed_schemas_are_what_the_code_generates() {
    for (of, file) in [("policy", "adjutant.schema.json"), ("task", "agent-task.json"), ("result", "agent-result.json")]
    {
        let printed = adjutant(&["schema", of]).output().unwrap();
        assert!(printed.status.success());
        let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
        let committed: Value = serde_json::from_str(&repository_file(&format!("schema/{file}"))).unwrap();
        assert_eq!(committed, printed, "refresh it: `cargo run -- schema {of} > schema/{file}`");
    }
}

/// A task file with a value in every field.
fn task(kind: &str) -> Value {
    let step = json!({ "name": "scaffold", "type": "implement", "description": "Do it.", "task_plan": "", "contract": "change",
        "requirements": ["R1"], "criteria": [] });
    let plans = kind == "plan";
    json!({
        "version": 1, "kind": kind, "task_id": "t",
        "directive": { "issue": 1, "title": "Try it", "repository": "acme/x", "base_commit": "0", "head_commit": "0", "branch": "b" },
        "brief": { "goal": "Do it.", "requirements": [{ "id": "R1", "description": "done" }],
            "acceptance_criteria": [{ "id": "A1", "criterion": "there" }], "constraints": ["none"] },
        "step": if plans { Value::Null } else { step }, "instructions": "Do it.",
        "context": [{ "name": "issue.md", "path": "/work/task/context/01-issue.md", "written_by": "ada" }],
        "answers": [{ "question": "Which?", "answer": "The first.", "answered_by": "ada" }],
        "plan_schema": if plans { json!({ "type": "object" }) } else { Value::Null },
    })
}

/// Runs an agent on a task in a new folder, and returns its result.
fn run(agent: &mut Command, kind: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (task_file, result_file) = (folder.path().join("task.json"), folder.path().join("result.json"));
    let task = task(kind);
    assert_valid(adjutant::agent::task_schema(), &task);
    serde_json::from_value::<adjutant::agent::TaskFile>(task.clone()).unwrap();
    std::fs::write(&task_file, task.to_string()).unwrap();
    let ran =
        agent.current_dir(folder.path()).env("ADJUTANT_TASK_FILE", task_file).env("ADJUTANT_RESULT_FILE", &result_file);
    let ran = ran.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let result = std::fs::read(result_file).unwrap();
    adjutant::agent::ResultFile::parse(&result).unwrap();
    serde_json::from_slice(&result).unwrap()
}

#[test]
fn the_result_of_the_demos_agent_is_valid() {
    assert_valid(adjutant::agent::result_schema(), &run(&mut adjutant(&["demo-agent"]), "plan"));
}

#[test]
fn the_result_of_the_documents_agent_is_valid() {
    let document = repository_file("docs/agent-protocol.md");
    let program = document.split("#!/usr/bin/env python3\n").nth(1).unwrap();
    let program = program.split("\n```\n").next().unwrap();
    for kind in ["plan", "step", "rework"] {
        let result = run(Command::new("python3").args(["-c", program]), kind);
        assert_valid(adjutant::agent::result_schema(), &result);
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let wrong = [
        json!({ "cost_usd": -1 }),
        json!({ "cost_usd": 1e308 }),
        json!({ "cost_usd": "4.0" }),
        json!({ "judgement": { "score": 1.5 } }),
        json!({ "usage": { "input_tokens": -1 } }),
        json!({ "usage": { "output_tokens": 1_000_000_000_001_u64 } }),
        json!({ "summary": 7 }),
        json!({ "error": { "kind": "rate_limit" } }),
        json!({ "question": "May I?" }),
        json!([]),
    ];
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("schema.json", adjutant::agent::result_schema()).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    for file in wrong {
        assert!(schemas.validate(&file, index).is_err(), "the schema takes {file}");
        assert!(adjutant::agent::ResultFile::parse(file.to_string().as_bytes()).is_err(), "the reader takes {file}");
    }
}
