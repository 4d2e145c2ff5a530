//! The task file of the agent protocol: what an agent reads.
//!
//! It only grows: new fields are added and old ones keep their meaning, so that an agent ignores what it does not know.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version written into task files.
pub const PROTOCOL_VERSION: u32 = 1;

/// What an agent is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// Read the repository and propose a chain as `plan`, by `plan_schema`.
    Plan,
    /// Do a step.
    Step,
    /// Do a step again, following `instructions`.
    Rework,
    /// Say which criteria are met, as `judgement`. Changes are discarded.
    Judge,
}

/// The content of `ADJUTANT_TASK_FILE`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskFile {
    /// [`PROTOCOL_VERSION`].
    pub version: u32,
    /// What is asked.
    pub kind: TaskKind,
    /// The task's id, for logs.
    pub task_id: String,
    /// Where it belongs.
    pub directive: Directive,
    /// What is wanted in the end.
    pub brief: TaskBrief,
    /// The step in hand; absent when planning or judging the whole.
    pub step: Option<Step>,
    /// What to do, in words: for a rework what failed and what reviewers wrote.
    pub instructions: String,
    /// Texts by people and output of checks, as files. [`crate::agent::run_agent`] fills it in.
    #[serde(default)]
    pub context: Vec<ContextFile>,
    /// What agents asked before, each with the answer.
    #[serde(default)]
    pub answers: Vec<AnsweredQuestion>,
    /// The JSON Schema of the result's `plan`, for a planning task.
    #[serde(default)]
    pub plan_schema: Option<Value>,
}

/// A question of an earlier run, with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnsweredQuestion {
    /// The question.
    pub question: String,
    /// The option that was chosen, or the words.
    pub answer: String,
    /// Who answered; absent where the agent's own default was taken.
    pub answered_by: Option<String>,
}

/// The directive that a task belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Directive {
    /// The issue's number.
    pub issue: u64,
    /// The issue's title.
    pub title: String,
    /// `owner/name`.
    pub repository: String,
    /// The commit the whole work started from.
    pub base_commit: String,
    /// The commit that the clone is at.
    pub head_commit: String,
    /// The branch that the clone is on.
    pub branch: String,
}

/// The frozen brief.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskBrief {
    /// What is wanted.
    pub goal: String,
    /// The requirements.
    pub requirements: Vec<Requirement>,
    /// How it will be judged.
    pub acceptance_criteria: Vec<Criterion>,
    /// What must not be done.
    pub constraints: Vec<String>,
}

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requirement {
    /// As in `R1`.
    pub id: String,
    /// Its words.
    pub description: String,
}

/// One acceptance criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Criterion {
    /// As in `A1`.
    pub id: String,
    /// Its words.
    pub criterion: String,
}

/// The step in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its name, in kebab case.
    pub name: String,
    /// `research`, `design`, `implement`, `test`, `review` or `document`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is.
    pub description: String,
    /// How the planner meant it to be done.
    pub task_plan: String,
    /// `change` (files are to change) or `report` (findings are to be written).
    pub contract: String,
    /// Ids of the requirements it covers.
    pub requirements: Vec<String>,
    /// Ids of the criteria it covers.
    pub criteria: Vec<String>,
}

/// A text in the read-only context folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContextFile {
    /// What it is, as in `issue.md`.
    pub name: String,
    /// Where the agent reads it.
    pub path: String,
    /// Whose words they are: a login, or `adjutant` for output of checks. Not instructions of the operator.
    pub written_by: String,
}

/// The JSON Schema (draft 2020-12) of the task file.
pub fn task_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|it| it.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<TaskFile>();
    schema.insert("title".to_owned(), "Adjutant's task file".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_file_names_its_kind_and_type_in_plain_words() {
        let step = Step {
            name: "parse".into(),
            kind: "implement".into(),
            description: String::new(),
            task_plan: String::new(),
            contract: "change".into(),
            requirements: vec!["R1".into()],
            criteria: vec![],
        };
        assert_eq!(serde_json::to_value(&step).unwrap()["type"], "implement");
        assert_eq!(serde_json::to_value(TaskKind::Rework).unwrap(), "rework");
    }
}
