//! What the model is to answer, and which faults it is to have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conversation::{Conversation, Task};

/// A script. The default plans one step, writes `greeting.txt`, and judges that everything is met.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// For a prompt with the heading `# Plan the work`. Without `structured` it plans one step that covers everything.
    pub plan: Answer,
    /// For ``# Do the step `X` ``, where `steps` does not name the step.
    pub step: Answer,
    /// For a step of this name.
    pub steps: BTreeMap<String, Answer>,
    /// For a step with the heading `## Do it again`.
    pub rework: Answer,
    /// For `# Judge`. Without `structured` every criterion that the prompt names is met, as `evidence` shows.
    pub judge: Answer,
    /// For every other prompt, as those for titles.
    pub other: Answer,
    /// The file that the default judgement names, at its first line.
    pub evidence: String,
    /// The tool that runs a shell command, where the agent's tool is not known.
    pub tool: Option<ToolName>,
    /// How the model is broken.
    pub fault: Option<Fault>,
    /// So many requests are answered well before the fault begins.
    pub fault_after: usize,
    /// The fault ends after so many requests; it stays if this is missing.
    pub fault_times: Option<usize>,
}

impl Default for Script {
    fn default() -> Self {
        let writes = |content: &str, text: &str| Answer {
            files: vec![File { path: "greeting.txt".to_owned(), content: content.to_owned() }],
            ..Answer::text(text)
        };
        Self {
            plan: Answer::text("One step is enough."),
            step: writes("hello\n", "Wrote greeting.txt."),
            steps: BTreeMap::new(),
            rework: writes("hello again\n", "Wrote greeting.txt again."),
            judge: Answer::text("Everything is met."),
            other: Answer::text("A title"),
            evidence: "greeting.txt".to_owned(),
            tool: None,
            fault: None,
            fault_after: 0,
            fault_times: None,
        }
    }
}

impl Script {
    /// The default script with a fault from the first request on.
    pub fn broken(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// The fault of the request with this number, counted from 0.
    pub(crate) fn fault_of(&self, number: usize) -> Option<&Fault> {
        let since = number.checked_sub(self.fault_after)?;
        self.fault.as_ref().filter(|_| self.fault_times.is_none_or(|times| since < times))
    }

    pub(crate) fn answer(&self, conversation: &Conversation) -> Answer {
        let prompt = &conversation.prompt;
        match &conversation.task {
            Task::Plan => with(&self.plan, || plan(prompt)),
            Task::Judge => with(&self.judge, || judgement(prompt, &self.evidence)),
            Task::Step(name) => self.steps.get(name).unwrap_or(&self.step).clone(),
            Task::Rework(_) => self.rework.clone(),
            Task::Other => self.other.clone(),
        }
    }
}

/// What is answered to one prompt: first the tool calls, one a request, then the text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// Files to write by shell commands, from the root of the tree; or as text, for an agent without tools.
    pub files: Vec<File>,
    /// Shell commands to run, after the files.
    pub commands: Vec<String>,
    /// What is handed in as structured output, or as the last JSON block of the text where there is no such output.
    pub structured: Option<Value>,
    /// The last message.
    pub text: String,
}

impl Answer {
    /// An answer that calls no tool.
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// An answer that runs a shell command first.
    pub fn command(command: &str, text: &str) -> Self {
        Self { commands: vec![command.to_owned()], ..Self::text(text) }
    }

    pub(crate) fn all_commands(&self) -> Vec<String> {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let writes = self
            .files
            .iter()
            .map(|file| format!("printf '%s' {} > {} && echo written", quoted(&file.content), quoted(&file.path)));
        writes.chain(self.commands.iter().cloned()).collect()
    }
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// From the root of the tree.
    pub path: String,
    /// Its whole content.
    pub content: String,
}

/// A tool that runs a shell command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolName {
    /// Its name in the request.
    pub name: String,
    /// The argument that takes the command.
    pub argument: String,
}

/// How the model is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Answers with this status, and an error in the form of the wire API.
    Status {
        /// As in 429.
        status: u16,
        /// The header `retry-after`, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
        /// The words of the error; some by default.
        #[serde(default)]
        message: Option<String>,
    },
    /// Answers 200 with a stream that nobody can read.
    Garbage,
    /// Ends the connection in the middle of the stream.
    HalfStream,
    /// Sends nothing more from the middle of the stream on.
    Stall,
    /// Tells no usage.
    NoUsage,
    /// Tells one token of input and of output.
    LowUsage,
    /// Calls the same tool for ever.
    Loop,
    /// Sends a text of so many mebibytes.
    Big {
        /// Mebibytes of text, without the frame of its events.
        mebibytes: u64,
    },
}

/// The answer, with a structured part where it has none.
fn with(answer: &Answer, structured: impl FnOnce() -> Value) -> Answer {
    Answer { structured: Some(answer.structured.clone().unwrap_or_else(structured)), ..answer.clone() }
}

/// A plan of one step that covers what the prompt lists.
fn plan(prompt: &str) -> Value {
    json!({
        "rationale": "One step is enough.",
        "steps": [{
            "name": "greet", "type": "implement", "description": "Write the greeting.", "task_plan": "Write greeting.txt.",
            "depends_on": [], "requirements": listed(prompt, 'R'), "criteria": listed(prompt, 'A')
        }]
    })
}

/// A judgement that calls every criterion met that the prompt asks for.
fn judgement(prompt: &str, evidence: &str) -> Value {
    let asked = prompt.split_once("and no others: ").map_or("", |(_, rest)| rest.split('.').next().unwrap_or(""));
    let criteria: Vec<Value> = asked
        .split(',')
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .map(|id| {
            let place = json!({ "file": evidence, "line": 1, "end_line": 1 });
            json!({ "id": id, "met": true, "note": "It is there.", "evidence": [place] })
        })
        .collect();
    json!({ "score": 0.9, "criteria": criteria, "note": "It does what was asked." })
}

/// The ids of the lines `> - R1: …`.
fn listed(prompt: &str, letter: char) -> Vec<&str> {
    prompt
        .lines()
        .filter_map(|line| line.strip_prefix("> - ")?.split_once(':').map(|(id, _)| id))
        .filter(|id| id.strip_prefix(letter).is_some_and(|number| number.parse::<u32>().is_ok()))
        .collect()
}
