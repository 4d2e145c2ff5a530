//! A preset: everything that is known of one program, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::failure::ErrorKind;
use crate::reader::{Counting, Rule};
use crate::template;

/// The presets that are compiled in.
const BUILT_IN: [(&str, &str); 7] = [
    ("claude", include_str!("../presets/claude.toml")),
    ("codex", include_str!("../presets/codex.toml")),
    ("opencode", include_str!("../presets/opencode.toml")),
    ("gemini", include_str!("../presets/gemini.toml")),
    ("copilot", include_str!("../presets/copilot.toml")),
    ("aider", include_str!("../presets/aider.toml")),
    ("acp", include_str!("../presets/acp.toml")),
];
/// The longest preset that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// How one program is run and read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// As in `claude`.
    pub name: String,
    /// What people call it, as in `Claude Code`.
    pub title: String,
    /// A name that is looked up in `PATH`, or a path.
    pub program: String,
    /// How its version is read, and which ones were tried.
    pub version: Version,
    /// The API that it speaks to the model.
    pub api: Api,
    /// The status by which the model gateway tells it that the budget is used up, so that it stops after one request.
    pub refusal_status: u16,
    /// Whether a model has to be named.
    #[serde(default)]
    pub needs_model: bool,
    /// Its command line.
    #[serde(default)]
    pub run: Run,
    /// Its home.
    #[serde(default)]
    pub home: Home,
    /// Variables of its environment, as templates.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How its output is read.
    pub output: Output,
    /// How its errors are classed.
    #[serde(default)]
    pub errors: Errors,
    /// Files and folders of the tree that configure it, and have to be those of the base commit.
    #[serde(default)]
    pub base_files: Vec<String>,
    /// Those of them that no switch keeps it from reading: the sandbox has to cover them, a folder by an empty folder and a
    /// file by `/dev/null`.
    #[serde(default)]
    pub masked: Vec<String>,
    /// For [`Form::Acp`].
    #[serde(default)]
    pub acp: Acp,
}

/// The version of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The arguments that print it.
    #[serde(default)]
    pub args: Vec<String>,
    /// Versions that passed the tests.
    #[serde(default)]
    pub tried: Vec<String>,
}

impl Version {
    /// The version in what the program printed: the first word that begins with a digit and holds a dot.
    pub fn in_output(output: &str) -> Option<&str> {
        let word = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
        output.split(|c: char| c.is_whitespace() || "()v,".contains(c)).find(word).map(|it| it.trim_end_matches('.'))
    }
}

/// An API of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Responses.
    Responses,
    /// OpenAI Chat Completions.
    Chat,
    /// Gemini.
    Gemini,
}

/// A command line. The arguments are templates; `{model_args}` and `{structured_args}`, each alone, stand for the
/// arguments of that name where there is a model or a schema, and for nothing elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// For a fresh run.
    pub args: Vec<String>,
    /// For a run that resumes `{session}`. Empty: it cannot.
    pub resume: Vec<String>,
    /// The arguments that name the `{model}`.
    pub model: Vec<String>,
    /// The arguments that ask for output by `{schema}` or `{schema_file}`. Empty: it cannot.
    pub structured: Vec<String>,
    /// How it gets the prompt.
    pub prompt: Prompt,
    /// Words that say that the session to resume is not there.
    pub missing_session: Vec<String>,
}

/// How a program gets the prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// On standard input.
    #[default]
    Stdin,
    /// As the last argument, cut where an argument has its limit.
    Argument,
    /// In a file, whose path is the last argument.
    File,
}

/// The home of a program. Paths are relative to it; files are templates of JSON or TOML, and values go into their
/// quoted texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Home {
    /// Files that are written before each run.
    pub files: BTreeMap<String, String>,
    /// What is removed before each run, so that no configuration stays that an earlier run left.
    pub clear: Vec<String>,
    /// What stays below that: the sessions.
    pub keep: Vec<String>,
}

/// How output is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// What is on standard output.
    pub form: Form,
    /// Whether the program says by a line that it is done. Without it a status of 0 is enough.
    #[serde(default)]
    pub says_end: bool,
    /// Whose counts the usage holds.
    #[serde(default)]
    pub usage: Counting,
    /// Whose cost is told.
    #[serde(default)]
    pub cost: Counting,
    /// What is read of which line.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// The form of standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A JSON value a line.
    Lines,
    /// One JSON value.
    Document,
    /// Text for people, which is the last message.
    Text,
    /// The Agent Client Protocol.
    Acp,
}

/// How errors are classed, beyond what holds for every program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Errors {
    /// By the status that the model answered.
    pub statuses: BTreeMap<String, ErrorKind>,
    /// By the program's own code.
    pub codes: BTreeMap<String, ErrorKind>,
    /// By words of the message.
    pub texts: Vec<TextKind>,
    /// Words in text output that say that the run failed, whatever the exit status.
    pub failures: Vec<String>,
}

/// Words of a message and their class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextKind {
    /// Without regard to case.
    pub has: String,
    /// The class.
    pub kind: ErrorKind,
}

/// What an agent of the Agent Client Protocol is asked beyond the protocol's minimum.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acp {
    /// The mode to set, as in `agent-full-access`.
    pub mode: Option<String>,
    /// `_meta` of `session/new`, `session/resume` and `session/load`.
    pub session_meta: Option<serde_json::Value>,
    /// Sets the model by `session/set_model`.
    pub set_model: bool,
    /// Signs in by this method of the agent before the session begins.
    pub auth_method: Option<String>,
}

/// Why a preset cannot be used. Each says what to change.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    /// No preset has this name.
    #[error("there is no preset `{name}`; there are {known}, or a file of your own")]
    Unknown {
        /// As asked for.
        name: String,
        /// All names.
        known: String,
    },
    /// It is no TOML of this shape.
    #[error("the preset is not valid: {0}")]
    Shape(String),
    /// A value does not fit.
    #[error("the preset's key `{key}` {problem}")]
    Value {
        /// As in `run.args`.
        key: String,
        /// What is wrong and what to write.
        problem: String,
    },
}

impl Preset {
    /// The names of the presets that are compiled in.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The preset of this name.
    pub fn named(name: &str) -> Result<Self, PresetError> {
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
        let (_, text) = built_in.ok_or_else(|| PresetError::Unknown {
            name: name.to_owned(),
            known: Self::names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        })?;
        Self::parse(text)
    }

    /// Reads a preset, also one that an operator wrote.
    pub fn parse(text: &str) -> Result<Self, PresetError> {
        if text.len() > MAX_BYTES {
            return Err(PresetError::Shape(format!("it is larger than {MAX_BYTES} bytes")));
        }
        let preset: Self = toml::from_str(text).map_err(|error| PresetError::Shape(error.to_string()))?;
        preset.check_values()?;
        Ok(preset)
    }

    /// The same preset with another program, and for `acp` with its arguments.
    #[must_use]
    pub fn with_program(mut self, program: &str, args: &[String]) -> Self {
        program.clone_into(&mut self.program);
        if self.output.form == Form::Acp {
            self.run.args = args.to_vec();
        } else {
            self.run.args.splice(0..0, args.iter().cloned());
            if !self.run.resume.is_empty() {
                self.run.resume.splice(0..0, args.iter().cloned());
            }
        }
        self
    }

    /// What is missing for a run with this model.
    pub fn check(&self, model: Option<&str>) -> Result<(), PresetError> {
        if self.program.trim().is_empty() {
            return Err(value("program", "is empty: name the agent's program, and its arguments as `args`"));
        }
        if self.needs_model && model.is_none_or(|model| model.trim().is_empty()) {
            return Err(value("model", &format!("is missing: {} runs only with a model's name", self.title)));
        }
        Ok(())
    }

    fn check_values(&self) -> Result<(), PresetError> {
        if self.name.is_empty() || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(value("name", "has to be of letters, digits and `-`, as in `my-agent`"));
        }
        if !(400..500).contains(&self.refusal_status) || self.refusal_status == 429 {
            let problem = "has to be from 400 to 499 and not 429, which programs try again; 402 or 400 stop most";
            return Err(value("refusal_status", problem));
        }
        for (key, templates) in self.templates() {
            for template in templates {
                self.check_names(&key, template)?;
            }
        }
        let resumes = self.run.resume.is_empty() || self.run.resume.iter().any(|arg| arg.contains("{session}"));
        if !resumes {
            return Err(value("run.resume", "names no `{session}`; without it another conversation would be resumed"));
        }
        for (key, paths) in [
            ("home.files", self.home.files.keys().collect()),
            ("home.clear", self.home.clear.iter().collect()),
            ("home.keep", self.home.keep.iter().collect::<Vec<_>>()),
        ] {
            if let Some(path) = paths.into_iter().find(|path| !stays_inside(path)) {
                return Err(value(key, &format!("has `{path}`; a path has to be relative and stay in the home")));
            }
        }
        if self.output.form == Form::Lines && self.output.rules.is_empty() {
            return Err(value("output.rules", "is empty: without a rule nothing is read of the lines"));
        }
        self.output.rules.iter().enumerate().try_for_each(|(index, rule)| {
            rule.check().map_err(|problem| value(&format!("output.rules[{index}]"), &problem))
        })
    }

    fn templates(&self) -> Vec<(String, Vec<&String>)> {
        let run = &self.run;
        let lists =
            [("args", &run.args), ("resume", &run.resume), ("model", &run.model), ("structured", &run.structured)];
        let lists = lists.into_iter().map(|(name, args)| (format!("run.{name}"), args.iter().collect()));
        let files = self.home.files.iter().map(|(path, file)| (format!("home.files.{path}"), vec![file]));
        let env = self.env.iter().map(|(name, value)| (format!("env.{name}"), vec![value]));
        lists.chain(files).chain(env).collect()
    }

    fn check_names(&self, key: &str, template: &str) -> Result<(), PresetError> {
        if key.starts_with("run.") && ["{model_args}", "{structured_args}"].contains(&template) {
            return Ok(());
        }
        for name in template::names(template) {
            if !template::NAMES.contains(&name) {
                let known = template::NAMES.map(|name| format!("`{{{name}}}`")).join(", ");
                return Err(value(key, &format!("names `{{{name}}}`, which is nothing; there are {known}")));
            }
            if name == "model" && key != "run.model" && !self.needs_model {
                let problem = "names `{model}` although a model may be missing; set `needs_model = true`";
                return Err(value(key, problem));
            }
        }
        Ok(())
    }
}

fn value(key: &str, problem: &str) -> PresetError {
    PresetError::Value { key: key.to_owned(), problem: problem.to_owned() }
}

fn stays_inside(path: &str) -> bool {
    let mut parts = std::path::Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, std::path::Component::Normal(_)))
}

#[cfg(test)]
mod tests;
