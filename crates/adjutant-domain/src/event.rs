//! Events: the append-only history of a directive.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{Login, StepId};

/// Every name that an event may have, with what it tells. `docs/events.md` lists the same.
pub const NAMES: &[(&str, &str)] = &[
    ("directive_opened", "the label was set: the issue, its title, the base commit"),
    ("status_changed", "the directive went from one status to another"),
    ("directive_paused", "nothing new starts: why, and where it goes back to"),
    ("directive_resumed", "it goes on"),
    ("directive_completed", "what was wanted is on the base: cost, seconds at work"),
    ("directive_failed", "it ended without its goal: the reason"),
    ("directive_archived", "it was put away after its end"),
    ("transition_refused", "the table of states forbade a move; never in a healthy history"),
    ("planning_started", "a planner is asked"),
    ("planning_failed", "a planner could not be run"),
    ("plan_refused", "a proposal had faults: each of them"),
    ("planning_completed", "there is a chain: where from, its steps, its hash"),
    ("chain_regenerated", "another generation took the chain's place: why, and what was carried over"),
    ("superseded_merged", "a pull request of an earlier chain was merged after all: its step is done"),
    ("issue_text_read", "the issue was read: whether it says something else than is worked on"),
    ("integration_cut", "the integration branch is there"),
    ("base_integrated", "the integration branch holds the newest base"),
    ("step_status_changed", "a step went from one status to another"),
    ("step_started", "an agent is asked to work on a step"),
    ("step_rework", "a step is done again: why"),
    ("step_blocked", "a step needs a person: why"),
    ("task_started", "an agent began"),
    ("task_finished", "an agent ended: how, its cost, its seconds"),
    ("task_cancelled", "a run was called off"),
    ("task_paid_late", "a run that was called off told what it had cost"),
    ("pull_opened", "a pull request is there"),
    ("pull_ready", "it is no draft any more"),
    ("head_moved", "somebody pushed to it"),
    ("pull_merged", "it was merged: by whom"),
    ("pull_closed", "a person closed it unmerged"),
    ("verification_started", "a head was sent to the verifiers"),
    ("verification_requested", "somebody wants a head proved again"),
    ("evaluation_completed", "a head was proved: confidence, score, reasons"),
    ("conflict_found", "a head does not merge into its target: the paths"),
    ("merge_requested", "GitHub is asked to merge a head"),
    ("merge_refused", "GitHub did not: its words"),
    ("approval_required", "a person is asked: about what, the question"),
    ("approval_resolved", "a question has its end: how, by whom, with which words"),
    ("approval_expired", "nobody answered in time: it stays, and people are reminded once"),
    ("head_pre_approved", "a person accepted a head that is still being proved"),
    ("policy_tightened", "a label made the policy stricter: which, and how much is done unasked now"),
    ("breaker_tripped", "a limit was reached: which, its value, what it stands at"),
    ("command_taken", "an order was followed"),
    ("command_refused", "an order was not: why"),
    ("issue_closed", "the issue was closed, moved away or deleted: by whom"),
    ("effect_failed", "something outside was given up: the reason"),
];

/// Whether a name is listed.
pub fn is_known(name: &str) -> bool {
    NAMES.iter().any(|(known, _)| *known == name)
}

/// One line of a directive's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened, in snake case: one of [`NAMES`].
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Every severity, the least first.
    pub const ALL: &'static [Self] = &[Self::Info, Self::Warning, Self::Error];

    /// The severity of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|severity| severity.as_str() == text)
    }

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
