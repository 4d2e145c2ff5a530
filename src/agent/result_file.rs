//! The result file of the agent protocol: what an agent writes, and the only function that reads it.
//!
//! Unknown fields are ignored, and long texts are cut. If a value is no valid amount of money, number of tokens or
//! score, the whole file is refused: a wrong number must not become state, and the cost of a run must not be guessed.

use adjutant_domain::asking::{AgentQuestion, MOST_OPTIONS, MOST_QUESTIONS};
use adjutant_domain::failure::AgentErrorKind;
use adjutant_domain::ids::Usd;
use adjutant_domain::input;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::workspace::sandbox::plain_text;

/// The most bytes that a result file may have.
pub const MAX_RESULT_BYTES: u64 = 1024 * 1024;
/// The most that one run may report as its cost. A larger number is an error of the agent.
const MAX_COST: f64 = 10_000.0;
/// The most tokens that one run may report.
const MAX_TOKENS: u64 = 1_000_000_000_000;
/// A summary is shown in a table and in a pull request's text.
const SUMMARY_CHARS: usize = 2_000;
/// A report goes into a comment, whose body GitHub limits to 65,536 characters.
const REPORT_CHARS: usize = 60_000;
const NOTE_CHARS: usize = 1_000;
const ID_CHARS: usize = 40;
const PATH_CHARS: usize = 1_000;
/// An error's message stands in a sentence.
const MESSAGE_CHARS: usize = 500;
const OPTION_CHARS: usize = 200;
/// A longer session id is not kept: half of one would resume nothing.
const SESSION_CHARS: usize = 200;
/// The longest wait that an agent can ask for, in seconds: a month has no more.
const MAX_RETRY_AFTER: u64 = 31 * 24 * 3_600;
/// The most places that are looked up for one criterion.
const MAX_EVIDENCE: usize = 10;
const MAX_CRITERIA: usize = 200;
/// What a judge calls the report that it judges, among the files that it names.
pub const REPORT: &str = "report.md";
/// The most steps that a policy allows in a plan, for the schema.
const MAX_STEPS: u32 = 50;

/// What an agent leaves in `ADJUTANT_RESULT_FILE`. Every field may be missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ResultFile {
    /// What was done, in a sentence or a few; cut at 2,000 characters.
    pub summary: String,
    /// Findings in Markdown, for a step whose contract is `report`; cut at 60,000 characters.
    pub report: Option<String>,
    /// The proposed plan, for a planning task: as the task's `plan_schema` says.
    #[schemars(schema_with = "plan")]
    pub plan: Option<Value>,
    /// The judge's answer.
    pub judgement: Option<Judgement>,
    /// Why nothing had to change: what shows that the work was there already; cut at 60,000 characters.
    pub evidence: Option<String>,
    /// The tokens that the run used.
    pub usage: Option<Usage>,
    /// What the run cost, in US dollars.
    #[schemars(range(min = 0, max = 10_000))]
    pub cost_usd: Option<f64>,
    /// Why the run came to nothing. A run that names an error has failed, whatever its exit status is.
    pub error: Option<ReportedError>,
    /// What people are asked before the work is done. The task ends here; the answers are in the next task file.
    #[schemars(length(max = 3))]
    pub question: Vec<QuestionToPeople>,
    /// The agent's own name for its conversation; one of more than 200 characters is not kept.
    #[schemars(length(max = 200))]
    pub session: Option<String>,
}

/// A question to the maintainers of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct QuestionToPeople {
    /// The question; cut at 500 characters. One without a text is not asked.
    pub text: String,
    /// Answers to choose from, each cut at 200 characters; without any, people answer in their own words.
    #[schemars(length(max = 8))]
    pub options: Vec<String>,
    /// The answer that is taken where nobody gives one in time: an option's letter, or words. Without it the task waits.
    pub default: Option<String>,
    /// What depends on the answer; cut at 500 characters.
    pub why: String,
}

/// An error that an agent ended with. People read it on the issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportedError {
    /// What kind of error: it decides when the task is tried again, and who is asked.
    #[serde(default = "any_error")]
    #[schemars(schema_with = "error_kind")]
    pub kind: AgentErrorKind,
    /// What happened, in a sentence; cut at 500 characters.
    #[serde(default)]
    pub message: String,
    /// In how many seconds another try may succeed, for `quota` and `overloaded`.
    #[serde(default)]
    #[schemars(range(max = 2_678_400))]
    pub retry_after: Option<u64>,
}

fn any_error() -> AgentErrorKind {
    AgentErrorKind::Tool
}

fn error_kind(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<&str> = AgentErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
    Schema::try_from(json!({ "type": "string", "enum": words, "default": any_error().as_str() })).unwrap_or_default()
}

/// Tokens, as the agent counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    /// Tokens read.
    #[schemars(range(max = 1_000_000_000_000_u64))]
    pub input_tokens: u64,
    /// Tokens written.
    #[schemars(range(max = 1_000_000_000_000_u64))]
    pub output_tokens: u64,
}

/// A judge's answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Judgement {
    /// One entry per criterion it looked at.
    #[schemars(length(max = 200))]
    pub criteria: Vec<CriterionJudgement>,
    /// From 0 (nothing is as wanted) to 1. Where it is missing, the share that is met of the criteria that were judged.
    #[schemars(range(min = 0, max = 1))]
    pub score: Option<f64>,
    /// In words; cut at 1,000 characters.
    pub note: String,
}

/// What a judge says of one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CriterionJudgement {
    /// The criterion's id, as in the task's brief.
    pub id: String,
    /// Whether it is met.
    pub met: bool,
    /// Why; cut at 1,000 characters.
    #[serde(default)]
    pub note: String,
    /// Where that can be seen. A criterion that is met counts as not judged without it, or if a place is not there.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub evidence: Vec<Evidence>,
}

/// A place that a judge names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// A file of the tree, by its path from the root; `report.md` for the report that is judged.
    pub file: String,
    /// The line, counted from 1.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub line: u32,
    /// The last line, where it is more than one.
    #[serde(default)]
    pub end_line: Option<u32>,
}

/// The JSON Schema (draft 2020-12) of the result file.
pub fn result_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|it| it.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<ResultFile>();
    schema.insert("title".to_owned(), "Adjutant's result file".into());
    schema.to_value()
}

/// A task has the schema of its own plan, which may allow fewer steps.
fn plan(_: &mut SchemaGenerator) -> Schema {
    let mut plan = adjutant_domain::plan::schema(MAX_STEPS, &[]);
    plan["type"] = json!(["object", "null"]);
    // A finished step of an earlier plan is kept if the plan lists its name.
    let step = &mut plan["properties"]["steps"]["items"];
    step["properties"]["done"] = json!({ "type": "boolean" });
    step["required"] = json!(["name"]);
    let mut plan = Schema::try_from(plan).unwrap_or_default();
    plan.remove("$schema");
    plan
}

impl ResultFile {
    /// Reads a result file. The error is a sentence for the person who wrote the agent.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > MAX_RESULT_BYTES {
            return Err(format!("it is larger than {MAX_RESULT_BYTES} bytes"));
        }
        let mut result: Self = match input::json(bytes) {
            // Only an object: serde would accept an array with the fields in their order.
            Ok(Value::Object(members)) => serde_json::from_value(Value::Object(members)).map_err(invalid)?,
            Ok(_) => return Err("it is not a JSON object".to_owned()),
            Err(error) => return Err(invalid(error)),
        };
        result.check()?;
        result.cut();
        Ok(result)
    }

    /// Checks that every number is in its range.
    fn check(&self) -> Result<(), String> {
        if let Some(cost) = self.cost_usd
            && !(0.0..=MAX_COST).contains(&cost)
        {
            return Err(format!("`cost_usd` is {cost:?}; it must be a number from 0 to {MAX_COST}"));
        }
        let usage = self.usage.unwrap_or_default();
        for (name, tokens) in [("input_tokens", usage.input_tokens), ("output_tokens", usage.output_tokens)] {
            if tokens > MAX_TOKENS {
                return Err(format!("`usage.{name}` is {tokens}; it must be at most {MAX_TOKENS}"));
            }
        }
        if let Some(seconds) = self.error.as_ref().and_then(|error| error.retry_after)
            && seconds > MAX_RETRY_AFTER
        {
            return Err(format!("`error.retry_after` is {seconds}; it must be at most {MAX_RETRY_AFTER} seconds"));
        }
        let Some(judgement) = &self.judgement else { return Ok(()) };
        if let Some(score) = judgement.score
            && !(0.0..=1.0).contains(&score)
        {
            return Err(format!("`judgement.score` is {score:?}; it must be from 0 to 1"));
        }
        if judgement.criteria.len() > MAX_CRITERIA {
            let count = judgement.criteria.len();
            return Err(format!("`judgement.criteria` has {count} entries; at most {MAX_CRITERIA} are read"));
        }
        Ok(())
    }

    /// Cuts long texts. The texts of a plan are cut by the domain, which reads the plan.
    fn cut(&mut self) {
        cut(&mut self.summary, SUMMARY_CHARS);
        for text in [&mut self.report, &mut self.evidence].into_iter().flatten() {
            cut(text, REPORT_CHARS);
        }
        if let Some(error) = &mut self.error {
            // It becomes part of a sentence.
            error.message = plain_text(error.message.as_bytes()).split_whitespace().collect::<Vec<_>>().join(" ");
            cut(&mut error.message, MESSAGE_CHARS);
        }
        self.question.retain(|question| !question.text.trim().is_empty());
        self.question.truncate(MOST_QUESTIONS);
        for question in &mut self.question {
            question.options.retain(|option| !option.trim().is_empty());
            question.options.truncate(MOST_OPTIONS);
            question.options.iter_mut().chain(&mut question.default).for_each(|it| cut(it, OPTION_CHARS));
            cut(&mut question.text, MESSAGE_CHARS);
            cut(&mut question.why, MESSAGE_CHARS);
        }
        self.session = self.session.take().filter(|id| is_session(id));
        let Some(judgement) = &mut self.judgement else { return };
        cut(&mut judgement.note, NOTE_CHARS);
        for criterion in &mut judgement.criteria {
            cut(&mut criterion.id, ID_CHARS);
            cut(&mut criterion.note, NOTE_CHARS);
            criterion.evidence.truncate(MAX_EVIDENCE);
            criterion.evidence.iter_mut().for_each(|it| cut(&mut it.file, PATH_CHARS));
        }
    }

    /// The cost of the run, if the agent says it.
    pub fn said_cost(&self) -> Option<Usd> {
        self.cost_usd.map(Usd::from_dollars)
    }

    /// What people are asked.
    pub fn questions(&self) -> Vec<AgentQuestion> {
        let question = |it: &QuestionToPeople| {
            let mut question = AgentQuestion {
                text: it.text.clone(),
                options: it.options.clone(),
                default: None,
                why: it.why.clone(),
            };
            let default = it.default.as_deref().filter(|default| !default.trim().is_empty());
            question.default = default.map(|default| question.understand(default));
            question
        };
        self.question.iter().map(question).collect()
    }

    /// Applies `clean` to every text. An agent's texts are shown on GitHub, and some of its inputs are not meant for
    /// these readers.
    pub(super) fn clean(&mut self, clean: &dyn Fn(&str) -> String) {
        let mut texts = vec![&mut self.summary];
        texts.extend([&mut self.report, &mut self.evidence, &mut self.session].into_iter().flatten());
        texts.extend(self.error.as_mut().map(|error| &mut error.message));
        for question in &mut self.question {
            texts.extend([&mut question.text, &mut question.why]);
            texts.extend(question.options.iter_mut().chain(&mut question.default));
        }
        if let Some(judgement) = &mut self.judgement {
            texts.push(&mut judgement.note);
            for criterion in &mut judgement.criteria {
                texts.extend([&mut criterion.id, &mut criterion.note]);
                texts.extend(criterion.evidence.iter_mut().map(|it| &mut it.file));
            }
        }
        for text in texts {
            *text = clean(text);
        }
        if let Some(plan) = &mut self.plan {
            clean_value(plan, clean);
        }
    }
}

fn is_session(id: &str) -> bool {
    !id.trim().is_empty() && id.chars().count() <= SESSION_CHARS && !id.chars().any(char::is_control)
}

fn invalid(error: impl std::fmt::Display) -> String {
    format!("it is not valid: {error}")
}

/// The texts of a JSON value, which is nested no deeper than [`input::MAX_JSON_DEPTH`]. Member names stay, because
/// unknown ones are never shown.
fn clean_value(value: &mut Value, clean: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = clean(text),
        Value::Array(items) => items.iter_mut().for_each(|item| clean_value(item, clean)),
        Value::Object(members) => members.values_mut().for_each(|member| clean_value(member, clean)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Cuts a text after this many characters, and marks the cut.
fn cut(text: &mut String, chars: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests;
