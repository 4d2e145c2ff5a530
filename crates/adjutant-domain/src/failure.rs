//! Why something outside could not be done: a run of an agent, or an effect. The words are made where they are shown, so that
//! they can change while directives run.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::ids::Branch;
use super::merging::MergeMethod;

/// A provider's wish for a pause is kept within these seconds: none that is over at once, and none of more than a month.
const SHORTEST_PAUSE: i64 = 30;
const LONGEST_PAUSE: i64 = 31 * 24 * 3_600;

/// Why a run of an agent came to nothing, or why an effect failed permanently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum Failure {
    /// The operator has set up no agent.
    NoAgent,
    /// The policy names an agent that the operator has not set up.
    UnknownAgent { agent: String },
    /// The agent's program does not pass its check on the operator's machine.
    AgentUnfit { agent: String, reason: String },
    /// Nobody can tell what a run of the agent costs, and no person looks at the work.
    AgentUnmetered { agent: String },
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
    /// The agent ended its run with an error that it names in its result; `retry_after` is in seconds.
    AgentReported {
        kind: AgentErrorKind,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
    /// A failed run of an agent, with the last lines of its output.
    WithOutput { failure: Box<Failure>, output: String },
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
    /// The agent asks people again and again.
    AsksTooOften,
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

/// What kind of error an agent says that it ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentErrorKind {
    /// The provider of its model does not accept its key or login.
    Auth,
    /// What it may use of its model within a span of time is used up.
    Quota,
    /// The money that it may spend is used up.
    Budget,
    /// The model's provider has no capacity at the moment.
    Overloaded,
    /// The task does not fit into the model's context.
    Context,
    /// The model does not do such a task.
    Refused,
    /// Anything else that the agent or one of its tools could not do.
    Tool,
}

impl AgentErrorKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Auth, Self::Quota, Self::Budget, Self::Overloaded, Self::Context, Self::Refused, Self::Tool];

    /// The word in the result file and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Quota => "quota",
            Self::Budget => "budget",
            Self::Overloaded => "overloaded",
            Self::Context => "context",
            Self::Refused => "refused",
            Self::Tool => "tool",
        }
    }
}

impl Failure {
    /// The same, with the last lines of the agent's output, where there are any.
    #[must_use]
    pub fn and_output(self, output: String) -> Self {
        if output.trim().is_empty() { self } else { Self::WithOutput { failure: Box::new(self), output } }
    }

    /// The failure without the output that stands beside it.
    pub fn without_output(&self) -> &Self {
        match self {
            Self::WithOutput { failure, .. } => failure.without_output(),
            other => other,
        }
    }

    /// The last lines of the agent's output, where they say more than the failure does.
    pub fn output(&self) -> Option<&str> {
        match self {
            Self::WithOutput { output, .. } => Some(output),
            _ => None,
        }
    }

    /// Whether another try is of no use before a person has mended something: there is no agent, its program does not
    /// start (a shell says 126 or 127 then), or its key is not accepted.
    pub fn needs_mending(&self) -> bool {
        matches!(
            self.without_output(),
            Self::NoAgent
                | Self::UnknownAgent { .. }
                | Self::AgentUnmetered { .. }
                | Self::AgentUnfit { .. }
                | Self::AgentNotStarted { .. }
                | Self::AgentExited { status: 126 | 127 }
                | Self::AgentReported { kind: AgentErrorKind::Auth, .. }
        )
    }

    /// How long the provider of an agent's model wants to be left alone, and why. Nothing is wrong with the task then.
    pub fn wants_pause(&self) -> Option<(AgentErrorKind, Duration)> {
        match self.without_output() {
            Self::AgentReported {
                kind: kind @ (AgentErrorKind::Quota | AgentErrorKind::Overloaded),
                retry_after: Some(seconds),
                ..
            } => {
                let seconds = i64::try_from(*seconds).unwrap_or(LONGEST_PAUSE).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
                Some((*kind, Duration::seconds(seconds)))
            }
            _ => None,
        }
    }

    /// Whether the run ended because the directive's money did not cover what it asked of a model.
    pub fn lacks_money(&self) -> bool {
        matches!(self.without_output(), Self::AgentReported { kind: AgentErrorKind::Budget, .. })
    }

    /// Whether nothing is wrong with the task: its agent has to wait, or the money is used up.
    pub fn costs_no_try(&self) -> bool {
        self.wants_pause().is_some() || self.lacks_money()
    }

    /// Whether an agent did its work and handed in something else than was asked for.
    pub fn is_of_the_answer(&self) -> bool {
        matches!(
            self.without_output(),
            Self::ResultUnusable { .. } | Self::NoPlan | Self::NoJudgement | Self::NoWork | Self::ChangeRefused { .. }
        )
    }

    /// The same, with every text from outside passed through `clean`.
    #[must_use]
    pub fn with_texts(mut self, clean: &dyn Fn(&str) -> String) -> Self {
        match &mut self {
            Self::External(text)
            | Self::AgentNotStarted { error: text, .. }
            | Self::AgentUnfit { reason: text, .. }
            | Self::ResultUnusable { problem: text }
            | Self::PushRejected { answer: text }
            | Self::WorkflowsNotGranted { error: text, .. }
            | Self::ProtectedPattern { error: text }
            | Self::VerifierNotRun { error: text, .. }
            | Self::NotStored { error: text }
            | Self::AgentReported { message: text, .. }
            | Self::Unreadable { error: text } => *text = clean(text),
            Self::WithOutput { failure, output } => {
                *output = clean(output);
                let inner = std::mem::replace(failure.as_mut(), Self::NoResult);
                **failure = inner.with_texts(clean);
            }
            Self::ChangeRefused { faults } => faults.iter_mut().for_each(|fault| *fault = clean(fault)),
            Self::NoAgent
            | Self::UnknownAgent { .. }
            | Self::AgentUnmetered { .. }
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
            | Self::AsksTooOften
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
    /// The repository or the rules of the branch allow none of these methods.
    MethodsNotAllowed { methods: Vec<MergeMethod>, branch: Branch },
    /// A sentence that an older version wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}
