//! Tasks: runs of an agent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use super::status::TaskStatus;

use super::failure::{AgentErrorKind, Failure};
use super::ids::{StepId, TaskId, Usd};

/// One run of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Derived from directive and number.
    pub id: TaskId,
    /// Counted from one within the directive.
    pub number: u32,
    /// What it is for.
    pub kind: TaskKind,
    /// The step it works on; none for planning.
    pub step: Option<StepId>,
    /// Where it stands.
    pub status: TaskStatus,
    /// Which try of the same work this is, counted from one.
    pub attempt: u32,
    /// What it is told beyond brief and step.
    pub instructions: String,
    /// Whether the target is merged in first, conflicts left for the agent.
    pub merge_target: bool,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When an agent began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// What its runs cost, as the model gateway counted, else as the agent says. A lower bound where some are unknown.
    pub cost: Usd,
    /// Runs whose cost nobody knows. Each counts as what the operator declared for a run of its agent.
    #[serde(default)]
    pub unknown_runs: u32,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Tokens read, as the agent counted them.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens written, as the agent counted them.
    #[serde(default)]
    pub output_tokens: u64,
    /// How its newest run went.
    #[serde(default)]
    pub measured: Option<Measure>,
    /// The capacity limit that keeps it queued.
    #[serde(default)]
    pub held: Option<QueueReason>,
    /// When it may start at the earliest, after a try that could not be run.
    #[serde(default)]
    pub not_before: Option<DateTime<Utc>>,
    /// Why no task of its agent starts at present.
    #[serde(default)]
    pub agent_pause: Option<AgentPause>,
    /// Whether the policy's fallback agent runs it, because its own has to wait.
    #[serde(default)]
    pub on_fallback: bool,
}

/// An agent whose provider wants to be left alone for a time. It holds for every task of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPause {
    /// The agent's name in the operator's settings.
    pub agent: String,
    /// Why.
    pub why: AgentErrorKind,
    /// When its tasks may start again.
    pub until: DateTime<Utc>,
}

/// How one run of an agent went. A task that was interrupted has more than one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Which run: drawn when it began.
    pub run: Uuid,
    /// How the process ended: `exit 0`, `signal 9`, `timeout`, `output limit` or `cancelled`.
    pub exit: String,
    /// What it cost: as the model gateway counted, else as the agent says.
    pub cost: Usd,
    /// Whether nobody knows what it cost. `cost` is then what the operator declared for a run, or nothing.
    #[serde(default)]
    pub unknown: bool,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// Why a task is queued and not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueReason {
    /// Which limit is reached.
    pub by: CapacityLimit,
    /// What the limit is.
    pub limit: u32,
    /// How many places were taken when it was looked at.
    pub taken: u32,
}

/// A limit that directives share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityLimit {
    /// Open pull requests of the repository that wait for a person, and agents that are about to open another.
    OpenPulls,
    /// Agents of the installation.
    Installation,
    /// Commits that one process verifies at a time.
    Verifiers,
}

/// What a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Propose a chain.
    Plan,
    /// Do a step.
    Step,
    /// Do a step again, with instructions.
    Rework,
    /// Judge a step's head against its criteria.
    Judge,
}

impl TaskKind {
    /// The word in the database and in the agent's task file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Step => "step",
            Self::Rework => "rework",
            Self::Judge => "judge",
        }
    }

    /// The kind of that word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plan, Self::Step, Self::Rework, Self::Judge].into_iter().find(|kind| kind.as_str() == text)
    }
}
