//! What the driver is given: its configuration, and the part of the task file that it needs.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::preset::{Preset, PresetError};

/// The largest configuration or task file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The driver's configuration, one JSON file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The whole preset.
    pub preset: Preset,
    /// The model, where the operator names one.
    #[serde(default)]
    pub model: Option<String>,
    /// The address of the gateway in the sandbox, without a path: `http://127.0.0.1:4000`.
    pub base_url: String,
    /// The key that the gateway expects. It is no provider's.
    pub key: String,
    /// The most tokens that one answer of the model may have.
    pub max_output_tokens: u64,
    /// The session to resume.
    #[serde(default)]
    pub session: Option<String>,
    /// The program's home, an existing folder.
    pub home: PathBuf,
}

/// The part of the task file that the driver needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What is asked.
    pub kind: TaskKind,
    /// The prompt.
    pub instructions: String,
    /// The step in hand.
    #[serde(default)]
    pub step: Option<Step>,
    /// The JSON Schema of the plan.
    #[serde(default)]
    pub plan_schema: Option<Value>,
    /// The session of the run before, where the configuration names none.
    #[serde(default)]
    pub session: Option<String>,
    /// What the run before came to, for a session that cannot be resumed.
    #[serde(default)]
    pub session_summary: Option<String>,
}

/// What an agent is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// Hand in a plan.
    Plan,
    /// Do a step.
    Step,
    /// Do a step again.
    Rework,
    /// Hand in a judgement.
    Judge,
}

/// The step in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// `change` or `report`.
    #[serde(default)]
    pub contract: String,
}

/// Why the driver cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{path} could not be read: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is not valid: {problem}")]
    Shape {
        /// Which.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The agent protocol is not kept.
    #[error("the variable {0} is missing; the driver runs only as an agent of Adjutant")]
    Variable(&'static str),
    /// The preset lacks something.
    #[error(transparent)]
    Preset(#[from] PresetError),
}

impl Config {
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let config: Self = read(path)?;
        config.preset.check(config.model.as_deref())?;
        Ok(config)
    }
}

impl Task {
    pub(crate) fn read() -> Result<Self, ConfigError> {
        let path = std::env::var_os("ADJUTANT_TASK_FILE").ok_or(ConfigError::Variable("ADJUTANT_TASK_FILE"))?;
        read(Path::new(&path))
    }

    pub(crate) fn owes_report(&self) -> bool {
        self.step.as_ref().is_some_and(|step| step.contract == "report")
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
    serde_json::from_slice(&bytes).map_err(|error| ConfigError::Shape { path: shown, problem: error.to_string() })
}
