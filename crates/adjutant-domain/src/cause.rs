//! Why a step is done again, blocked, failed or was given up, and why a directive failed. The words are made where they are
//! shown, so that they can change while directives run.

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::evaluation::EvaluationReason;
use super::failure::Failure;
use super::ids::{Branch, Login, StepName};

/// Why a step is done again, blocked or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum Cause {
    /// A person asked for changes.
    ChangesRequested { by: Login },
    /// People asked for more while a rework was under way.
    MoreRequested,
    /// It was evaluated as red.
    Red { reasons: Vec<EvaluationReason> },
    /// It was evaluated as red, and its automatic reworks are used up.
    StillRed { reworks: u32, reasons: Vec<EvaluationReason> },
    /// It does not merge into its target.
    Conflict { target: Branch },
    /// An agent did not resolve the conflicts with the base.
    ConflictsLeft,
    /// The agent changed nothing and said nothing that stands for a change.
    NothingChanged,
    /// What the agent left may not be pushed: a sentence for each reason.
    ChangeRefused { faults: Vec<String> },
    /// Its automatic reworks are used up, and this is why it would be done again.
    ReworksUsedUp { reworks: u32, cause: Box<Cause> },
    /// Its agent asked people something, and waits for the answers.
    AgentAsks,
    /// Its pull request was closed, and other steps depend on it.
    PullClosed { by: Actor },
    /// Version 1 left it in a state that a step cannot be in.
    StateUnknown,
    /// Something outside could not be done.
    Failure(Failure),
    /// A sentence that version 1 wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}

/// Why a directive ended without its goal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum DirectiveFailure {
    /// Somebody wanted it to end.
    Stopped { by: Actor, how: StopReason },
    /// Too many steps are failed at a time; `last` is why the last of them is.
    FailedSteps { steps: Vec<StepName>, last: Option<Cause> },
    /// Something outside could not be done.
    Failure(Failure),
    /// A sentence that version 1 wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}

/// By what somebody ended a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// `/stop`.
    Command,
    /// The end of the issue.
    Issue(IssueEnd),
}

/// How an issue came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IssueEnd {
    /// It was closed.
    #[serde(rename = "closed")]
    Closed,
    /// It was transferred or deleted; the word was released in the history.
    #[serde(rename = "transferred or deleted")]
    Gone,
}
