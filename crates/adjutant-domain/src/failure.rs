//! Why something outside could not be done: a run of an agent, or an effect. The words are made where they are shown, so that
//! they can change while directives run.

use serde::{Deserialize, Serialize};

use super::ids::Branch;

/// Why a run of an agent came to nothing, or why an effect failed permanently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum Failure {
    /// The operator has set up no agent.
    NoAgent,
    /// The policy names an agent that the operator has not set up.
    UnknownAgent { agent: String },
    /// The agent's process could not be started.
    AgentNotStarted { agent: String, error: String },
    /// The agent exited with another status than 0.
    AgentExited { status: i32 },
    /// The agent was ended by a signal.
    AgentKilled { signal: i32 },
    /// The agent was stopped because its time was used up.
    AgentTimedOut { seconds: u64 },
    /// The agent was stopped because it printed more bytes than these.
    AgentPrintedTooMuch { bytes: u64 },
    /// The agent was stopped because it added more bytes or files to its folders than these.
    AgentWroteTooMuch { bytes: u64, files: u64 },
    /// The agent was stopped because the disk of the machine is nearly full.
    DiskFull,
    /// The agent was stopped by Adjutant.
    AgentCancelled,
    /// The agent left no result file.
    NoResult,
    /// The agent's result file cannot be read.
    ResultUnusable { problem: String },
    /// The result of a planner holds no plan.
    NoPlan,
    /// The result of a judge holds no judgement.
    NoJudgement,
    /// The result of a step's agent is about something else.
    NoWork,
    /// What a planner left was refused as a change of the tree.
    ChangeRefused { faults: Vec<String> },
    /// The branch is not where it was when the work began.
    BranchMoved,
    /// The new commit does not contain what the branch holds.
    NotFastForward,
    /// The server rejected a push, with this answer.
    PushRejected { answer: String },
    /// The server rejected a push that changes a workflow, though the app may write workflows.
    WorkflowRejected { path: Option<String> },
    /// The change touches a workflow, and the app may not write workflows.
    WorkflowsNotGranted { path: Option<String>, error: String },
    /// A protected path of the policy is no pattern.
    ProtectedPattern { error: String },
    /// The branch is not on GitHub.
    BranchGone { branch: Branch },
    /// The step that an agent was to work on is not part of the plan.
    StepGone,
    /// The step that a judge was to look at has no result.
    NothingToJudge,
    /// A verifier's process could not be started.
    VerifierNotRun { verifier: String, error: String },
    /// GitHub did not merge a pull request.
    Unmerged(MergeProblem),
    /// The database refuses what came of it.
    NotStored { error: String },
    /// This version cannot read what is to be done.
    Unreadable { error: String },
    /// Each process that worked on it ended.
    ProcessesEnded { times: u32 },
    /// It was begun as often as this, and no run of it came to an end.
    NeverEnded { times: u32 },
    /// An operator took it out of the queue.
    Dropped,
    /// What GitHub, git or the system said, as it is.
    External(String),
    /// A sentence that version 1 wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}

impl Failure {
    /// The same, with every text from outside passed through `clean`.
    #[must_use]
    pub fn with_texts(mut self, clean: impl Fn(&str) -> String) -> Self {
        match &mut self {
            Self::External(text)
            | Self::AgentNotStarted { error: text, .. }
            | Self::ResultUnusable { problem: text }
            | Self::PushRejected { answer: text }
            | Self::WorkflowsNotGranted { error: text, .. }
            | Self::ProtectedPattern { error: text }
            | Self::VerifierNotRun { error: text, .. }
            | Self::NotStored { error: text }
            | Self::Unreadable { error: text } => *text = clean(text),
            Self::ChangeRefused { faults } => faults.iter_mut().for_each(|fault| *fault = clean(fault)),
            Self::NoAgent
            | Self::UnknownAgent { .. }
            | Self::AgentExited { .. }
            | Self::AgentKilled { .. }
            | Self::AgentTimedOut { .. }
            | Self::AgentPrintedTooMuch { .. }
            | Self::AgentWroteTooMuch { .. }
            | Self::DiskFull
            | Self::AgentCancelled
            | Self::NoResult
            | Self::NoPlan
            | Self::NoJudgement
            | Self::NoWork
            | Self::BranchMoved
            | Self::NotFastForward
            | Self::WorkflowRejected { .. }
            | Self::Unmerged(_)
            | Self::BranchGone { .. }
            | Self::StepGone
            | Self::NothingToJudge
            | Self::ProcessesEnded { .. }
            | Self::NeverEnded { .. }
            | Self::Dropped
            | Self::Legacy(_) => {}
        }
        self
    }
}

/// Why a pull request that was to be merged is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum MergeProblem {
    /// GitHub refused, with these words.
    Refused { answer: String },
    /// GitHub does not say whether it can be merged, however often it is asked.
    NotComputed,
    /// Somebody changed the branch that it merges into.
    BaseChanged { now: Branch, decided_on: Branch },
    /// A sentence that an older version wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}
