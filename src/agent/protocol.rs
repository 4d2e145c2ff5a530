//! The two files of the agent protocol.
//!
//! The task file only grows: new fields are added and old ones keep their meaning, so that an agent ignores what it does not know. The
//! result file is read with the same leniency, except where a wrong value could cost money or be taken for proof.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version written into task files.
pub const PROTOCOL_VERSION: u32 = 1;
/// The most bytes that a result file may have.
pub const MAX_RESULT_BYTES: u64 = 1024 * 1024;
/// A summary goes into a table and a pull request's text.
const SUMMARY_CHARS: usize = 2_000;
/// A report goes into a comment, whose body GitHub limits to 65,536 characters.
const REPORT_CHARS: usize = 60_000;
const NOTE_CHARS: usize = 1_000;
const ID_CHARS: usize = 40;
const MAX_CRITERIA: usize = 200;

/// What an agent is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The JSON Schema of `plan`, for a planning task.
    #[serde(default)]
    pub plan_schema: Option<Value>,
}

/// The directive that a task belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskBrief {
    /// What is wanted.
    pub goal: String,
    /// The requirements.
    pub requirements: Vec<Requirement>,
    /// What proves it.
    pub acceptance_criteria: Vec<Criterion>,
    /// What must not be done.
    pub constraints: Vec<String>,
}

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// As in `R1`.
    pub id: String,
    /// Its words.
    pub description: String,
}

/// One acceptance criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// As in `A1`.
    pub id: String,
    /// Its words.
    pub criterion: String,
}

/// The step in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextFile {
    /// What it is, as in `issue.md`.
    pub name: String,
    /// Where the agent reads it.
    pub path: String,
    /// Whose words they are: a login, or `adjutant` for output of checks. Not instructions of the operator.
    pub written_by: String,
}

/// The content of `ADJUTANT_RESULT_FILE`. Every field may be missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultFile {
    /// What was done, in a sentence or a few.
    pub summary: String,
    /// Findings in Markdown, for a step whose contract is `report`.
    pub report: Option<String>,
    /// The proposed chain, as it came: the planner's validation is the domain's.
    pub plan: Option<Value>,
    /// The judge's answer.
    pub judgement: Option<Judgement>,
    /// Why nothing had to change: what shows that the work was there already.
    pub evidence: Option<String>,
    /// The tokens it used.
    pub usage: Option<Usage>,
    /// What it cost in US dollars, finite and not negative.
    pub cost_usd: Option<f64>,
}

/// Tokens, as the agent counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// A judge's answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Judgement {
    /// One entry per criterion it looked at.
    pub criteria: Vec<CriterionJudgement>,
    /// From 0 (nothing is as wanted) to 1.
    pub score: Option<f64>,
    /// In words.
    pub note: String,
}

/// What a judge says of one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionJudgement {
    /// The criterion's id.
    pub id: String,
    /// Whether it is met.
    pub met: bool,
    /// Why.
    #[serde(default)]
    pub note: String,
}

impl ResultFile {
    /// Reads a result file. The error is a sentence for the person who wrote the agent.
    ///
    /// Long texts are cut; a number that is no amount of money or no score is refused, and the whole result with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > MAX_RESULT_BYTES {
            return Err(format!("it is larger than {MAX_RESULT_BYTES} bytes"));
        }
        // An object only: serde would take an array for the fields in their order.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err("it is not a JSON object".to_owned());
        }
        let mut result: Self = serde_json::from_slice(bytes).map_err(|error| format!("it is not valid: {error}"))?;
        if let Some(cost) = result.cost_usd
            && !(cost.is_finite() && cost >= 0.0)
        {
            return Err(format!("`cost_usd` is {cost}; it must be a number that is not negative"));
        }
        if let Some(judgement) = &mut result.judgement {
            judgement.check()?;
        }
        cut(&mut result.summary, SUMMARY_CHARS);
        for text in [&mut result.report, &mut result.evidence].into_iter().flatten() {
            cut(text, REPORT_CHARS);
        }
        Ok(result)
    }
}

impl ResultFile {
    /// Applies `clean` to every text in it: what an agent writes is shown on GitHub, and what it was shown may be
    /// none of the readers' business.
    pub(super) fn clean(&mut self, clean: &dyn Fn(&str) -> String) {
        let mut texts = vec![&mut self.summary];
        texts.extend([&mut self.report, &mut self.evidence].into_iter().flatten());
        if let Some(judgement) = &mut self.judgement {
            texts.push(&mut judgement.note);
            texts.extend(judgement.criteria.iter_mut().flat_map(|it| [&mut it.id, &mut it.note]));
        }
        for text in texts {
            *text = clean(text);
        }
        if let Some(plan) = &mut self.plan {
            clean_value(plan, clean);
        }
    }
}

/// The texts of a JSON value. Names of members stay: those that are not known are never shown.
fn clean_value(value: &mut Value, clean: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = clean(text),
        Value::Array(items) => items.iter_mut().for_each(|item| clean_value(item, clean)),
        Value::Object(members) => members.values_mut().for_each(|member| clean_value(member, clean)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Judgement {
    fn check(&mut self) -> Result<(), String> {
        if let Some(score) = self.score
            && !(0.0..=1.0).contains(&score)
        {
            return Err(format!("`judgement.score` is {score}; it must be from 0 to 1"));
        }
        if self.criteria.len() > MAX_CRITERIA {
            return Err(format!(
                "`judgement.criteria` has {} entries; at most {MAX_CRITERIA} are read",
                self.criteria.len()
            ));
        }
        cut(&mut self.note, NOTE_CHARS);
        for criterion in &mut self.criteria {
            cut(&mut criterion.id, ID_CHARS);
            cut(&mut criterion.note, NOTE_CHARS);
        }
        Ok(())
    }
}

/// Cuts a text at so many characters, and shows that it did.
fn cut(text: &mut String, chars: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_is_a_result_and_unknown_fields_are_ignored() {
        assert_eq!(ResultFile::parse(b" {}").unwrap(), ResultFile::default());
        let result =
            ResultFile::parse(br#"{"summary":"done","cost_usd":0.25,"usage":{"input_tokens":3},"later":[1]}"#).unwrap();
        assert_eq!(
            (result.summary.as_str(), result.cost_usd, result.usage.unwrap().input_tokens),
            ("done", Some(0.25), 3)
        );
    }

    #[test]
    fn wrong_values_are_refused_with_the_reason() {
        let cases: [(&str, &str); 9] = [
            ("", "not a JSON object"),
            ("[]", "not a JSON object"),
            (r#"{"cost_usd":-0.5}"#, "cost_usd"),
            (r#"{"cost_usd":NaN}"#, "not valid"),
            (r#"{"cost_usd":1e999}"#, "not valid"),
            (r#"{"summary":7}"#, "not valid"),
            (r#"{"usage":{"input_tokens":-1}}"#, "not valid"),
            (r#"{"judgement":{"score":1.5}}"#, "judgement.score"),
            (r#"{"summary":"half"#, "not valid"),
        ];
        for (text, reason) in cases {
            let error = ResultFile::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = serde_json::json!({ "summary": "é".repeat(5_000) }).to_string();
        assert_eq!(ResultFile::parse(text.as_bytes()).unwrap().summary.chars().count(), SUMMARY_CHARS + 1);
    }

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
