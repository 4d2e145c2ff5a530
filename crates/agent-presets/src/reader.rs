//! Reads a program's output by the rules of its preset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::RunError;
use crate::pointer::{find, matches, sum, text};
use crate::preset::{Errors, Preset};
use crate::transcript::{Entry, cut};

/// The longest last message that is kept, in characters. A report has at most 60,000.
const FINAL_CHARS: usize = 250_000;

/// What is read of a line that fits. Texts in `when` and the like are pointers, with `*` for every member.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// What has to stand where: a value, one of a list, or `"*"` for anything.
    pub when: BTreeMap<String, Value>,
    /// The rule does not hold where all of this stands.
    pub unless: BTreeMap<String, Value>,
    /// A list in the line; the rest of the rule is read of each item for which `item` holds.
    pub each: Option<String>,
    /// As `when`, of an item.
    pub item: BTreeMap<String, Value>,
    /// Puts an entry into the transcript.
    pub emit: Option<Kind>,
    /// The entry's text, arguments or output.
    pub text: Option<String>,
    /// Whether the text is a piece that belongs to the message before.
    pub piece: bool,
    /// The tool's name, or its name itself where it is no pointer.
    pub name: Option<String>,
    /// The call's id.
    pub id: Option<String>,
    /// What stands where a tool failed.
    pub failed: BTreeMap<String, Value>,
    /// The id of the session.
    pub session: Option<String>,
    /// The last message, where it does not come as an entry.
    pub last_message: Option<String>,
    /// The structured output.
    pub structured: Option<String>,
    /// The line says that the run is done.
    pub end: bool,
    /// The line says that the run failed.
    pub failure: Option<Failing>,
    /// Tokens.
    pub usage: Option<Counts>,
    /// The cost in US dollars.
    pub cost: Option<String>,
    /// The cost is believed only where this stands.
    pub cost_if: BTreeMap<String, Value>,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// [`Entry::Message`].
    Message,
    /// [`Entry::Thought`].
    Thought,
    /// [`Entry::ToolCall`].
    ToolCall,
    /// [`Entry::ToolResult`].
    ToolResult,
    /// [`Entry::Plan`].
    Plan,
    /// [`Entry::Error`].
    Error,
}

/// How a failure is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Failing {
    /// Where its words stand; the first that is there counts.
    pub message: Vec<String>,
    /// Where the status of the model's answer stands.
    pub status: Option<String>,
    /// Where the program's own code stands.
    pub code: Option<String>,
}

/// Where tokens stand; all are added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Counts {
    /// Tokens read, with those from a cache.
    pub input: Vec<String>,
    /// Tokens written.
    pub output: Vec<String>,
}

/// Whose counts a number holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// Those of this run; the last number counts.
    #[default]
    Run,
    /// Those of one request; all numbers are added.
    Sum,
    /// Those of the whole session, also of runs before.
    Cumulative,
}

/// Tokens of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, with those from a cache.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// What was found in a program's output.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// The id by which the session is resumed.
    pub session: Option<String>,
    /// The agent's last message.
    pub last_message: Option<String>,
    /// Its structured output.
    pub structured: Option<Value>,
    /// Whether the program said that it is done.
    pub ended: bool,
    /// Why it says that it failed.
    pub failure: Option<RunError>,
    /// As the program counts; see [`Counting`].
    pub usage: Option<Usage>,
    /// In US dollars; see [`Counting`].
    pub cost: Option<f64>,
}

impl Rule {
    /// What is wrong with the rule, and what to write.
    pub(crate) fn check(&self) -> Result<(), String> {
        let pointers =
            [&self.each, &self.text, &self.id, &self.session, &self.last_message, &self.structured, &self.cost];
        let failing = self.failure.iter().flat_map(|it| it.message.iter().chain(&it.status).chain(&it.code));
        let counts = self.usage.iter().flat_map(|it| it.input.iter().chain(&it.output));
        let conditions = [&self.when, &self.unless, &self.item, &self.failed, &self.cost_if];
        let all = pointers
            .into_iter()
            .flatten()
            .chain(failing)
            .chain(counts)
            .chain(conditions.into_iter().flat_map(BTreeMap::keys));
        if let Some(wrong) = all.into_iter().find(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            return Err(format!("has the pointer `{wrong}`; pointers begin with `/`, as in `/message/text`"));
        }
        if self.emit.is_some() && self.text.is_none() {
            return Err("has `emit` without `text`, so that there is nothing to show".to_owned());
        }
        Ok(())
    }
}

/// Reads the output of one run.
#[derive(Debug)]
pub struct Reader<'a> {
    rules: &'a [Rule],
    errors: &'a Errors,
    usage: Counting,
    findings: Findings,
    /// The pieces of a message so far.
    pieces: String,
}

impl<'a> Reader<'a> {
    /// A reader by the rules of `preset`.
    pub fn new(preset: &'a Preset) -> Self {
        let output = &preset.output;
        Self {
            rules: &output.rules,
            errors: &preset.errors,
            usage: output.usage,
            findings: Findings::default(),
            pieces: String::new(),
        }
    }

    /// Reads a JSON value, and gives what belongs into the transcript.
    pub fn read(&mut self, line: &Value) -> Vec<Entry> {
        let rules = self.rules;
        let mut entries = Vec::new();
        for rule in rules.iter().filter(|rule| rule.holds(line)) {
            let items = match &rule.each {
                Some(each) => {
                    find(line, each).into_iter().flat_map(|list| list.as_array().into_iter().flatten()).collect()
                }
                None => vec![line],
            };
            for item in items.into_iter().filter(|item| matches(item, &rule.item)) {
                self.apply(rule, item, &mut entries);
            }
        }
        entries.into_iter().map(Entry::bounded).collect()
    }

    /// The last pieces of a message, and everything that was found.
    pub fn finish(mut self) -> (Vec<Entry>, Findings) {
        let mut entries = Vec::new();
        self.flush(&mut entries);
        (entries.into_iter().map(Entry::bounded).collect(), self.findings)
    }

    fn apply(&mut self, rule: &Rule, value: &Value, entries: &mut Vec<Entry>) {
        let at = |pointer: &Option<String>| pointer.as_ref().and_then(|pointer| text(value, pointer));
        if let Some(kind) = rule.emit {
            self.emit(rule, kind, value, entries);
        }
        self.findings.session = at(&rule.session).filter(|id| id.len() <= 200).or(self.findings.session.take());
        if let Some(message) = at(&rule.last_message) {
            self.set_last(message);
        }
        if let Some(structured) =
            rule.structured.as_ref().and_then(|it| find(value, it).into_iter().find(|it| !it.is_null()))
        {
            self.findings.structured = Some(structured.clone());
        }
        self.findings.ended |= rule.end;
        if let Some(failing) = &rule.failure {
            let message = failing.message.iter().find_map(|pointer| text(value, pointer)).unwrap_or_default();
            let status = at(&failing.status).and_then(|status| status.parse().ok());
            let error = RunError::of(&message, status, at(&failing.code).as_deref(), self.errors);
            self.findings.failure = Some(error);
        }
        if let Some(counts) = &rule.usage {
            self.count(counts, value, entries);
        }
        if let Some(cost) = rule.cost.as_ref().and_then(|cost| find(value, cost).into_iter().find_map(Value::as_f64)) {
            let believed = rule.cost_if.iter().all(|(pointer, wanted)| {
                let found = find(value, pointer);
                !found.is_empty() && found.iter().all(|it| *it == wanted)
            });
            self.findings.cost = Some(cost).filter(|cost| believed && cost.is_finite() && *cost >= 0.0);
        }
    }

    fn emit(&mut self, rule: &Rule, kind: Kind, value: &Value, entries: &mut Vec<Entry>) {
        let at = |pointer: &Option<String>| pointer.as_ref().and_then(|pointer| text(value, pointer));
        let Some(words) = at(&rule.text) else { return };
        if rule.piece && kind == Kind::Message {
            self.pieces.push_str(&words);
            if self.pieces.len() > 4 * FINAL_CHARS {
                self.flush(entries);
            }
            return;
        }
        self.flush(entries);
        let id = at(&rule.id).unwrap_or_default();
        let name = rule
            .name
            .as_ref()
            .map(|name| if name.starts_with('/') { text(value, name).unwrap_or_default() } else { name.clone() });
        entries.push(match kind {
            Kind::Message if words.trim().is_empty() => return,
            Kind::Message => {
                self.set_last(words.clone());
                Entry::Message { text: words }
            }
            Kind::Thought => Entry::Thought { text: words },
            Kind::ToolCall => Entry::ToolCall { id, name: name.unwrap_or_default(), input: words },
            Kind::ToolResult => {
                let failed = !rule.failed.is_empty() && matches(value, &rule.failed);
                Entry::ToolResult { id, output: words, failed }
            }
            Kind::Plan => Entry::Plan { text: words },
            Kind::Error => Entry::Error { message: words },
        });
    }

    fn flush(&mut self, entries: &mut Vec<Entry>) {
        let message = std::mem::take(&mut self.pieces);
        if !message.trim().is_empty() {
            self.set_last(message.clone());
            entries.push(Entry::Message { text: message });
        }
    }

    fn set_last(&mut self, mut message: String) {
        cut(&mut message, FINAL_CHARS);
        self.findings.last_message = Some(message);
    }

    fn count(&mut self, counts: &Counts, value: &Value, entries: &mut Vec<Entry>) {
        let (input, output) = (sum(value, &counts.input), sum(value, &counts.output));
        if input.is_none() && output.is_none() {
            return;
        }
        let mut now = Usage { input_tokens: input.unwrap_or(0), output_tokens: output.unwrap_or(0) };
        if self.usage == Counting::Sum {
            let before = self.findings.usage.unwrap_or_default();
            now.input_tokens = now.input_tokens.saturating_add(before.input_tokens);
            now.output_tokens = now.output_tokens.saturating_add(before.output_tokens);
        }
        self.findings.usage = Some(now);
        entries.push(Entry::Usage { input_tokens: now.input_tokens, output_tokens: now.output_tokens });
    }
}

impl Rule {
    fn holds(&self, line: &Value) -> bool {
        matches(line, &self.when) && (self.unless.is_empty() || !matches(line, &self.unless))
    }
}

#[cfg(test)]
mod tests;
