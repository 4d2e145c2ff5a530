//! Events: the append-only history of a directive.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{Login, StepId};

/// One line of a directive's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened, in snake case.
    pub name: String,
    /// How much it matters.
    pub severity: Severity,
    /// Who caused it.
    pub actor: EventActor,
    /// The step it is about.
    pub step: Option<StepId>,
    /// Its details.
    pub data: Value,
}

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As planned.
    Info,
    /// Somebody may want to look.
    Warning,
    /// Somebody has to look.
    Error,
}

impl Severity {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventActor {
    /// A person or bot on GitHub.
    User(Login),
    /// An agent.
    Agent,
    /// Adjutant.
    System,
}
