//! Where a step stands, with the data that belongs there.
//!
//! Everybody who wants to know how a step stands (the engine, reports, the command line, the columns of the database) asks
//! [`StepState`] and derives nothing of its own. [`StepState::status`] is the word that people read; several states share
//! one. Which status may follow which is the table of [`StepStatus`].
//!
//! A step before its next submission keeps the one before (`last`): its check run stands on that commit, its evaluation
//! says why the work is done again, and the next agent is told of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::submission::{Candidate, Submission};
use super::{Instructions, StepStatus};
use crate::actor::Actor;
use crate::cause::Cause;
use crate::evaluation::{Evaluation, VerifierResult};
use crate::ids::{ApprovalId, TaskId};
use crate::task::QueueReason;

/// What was handed in last, where something was.
pub type Last = Option<Box<Candidate>>;

/// Whether verifiers are at work. They are queued where many commits are verified at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifierProgress {
    /// They were asked for.
    #[default]
    Waiting,
    /// They wait for capacity.
    Queued(QueueReason),
    /// They are at work.
    Running,
}

impl VerifierProgress {
    /// Takes what is told of the same verification. That it waits may be told late, by a process that had no capacity.
    pub fn go_on(&mut self, told: Self) {
        if *self != Self::Running {
            *self = told;
        }
    }
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Waits for its dependencies.
    Pending,
    /// May be started.
    Ready {
        /// What its agent is told beyond the plan: set where it was planned as a follow-up.
        instructions: Option<Instructions>,
        /// Why the last try came to nothing.
        cause: Option<Cause>,
        /// What was handed in before.
        last: Last,
    },
    /// An agent works on it, or is about to.
    Working {
        /// The agent's task, which holds what it was told.
        task: TaskId,
        /// Why the last try came to nothing, or why it is done again.
        cause: Option<Cause>,
        /// What was handed in before.
        last: Last,
    },
    /// The final pull request's branch is brought up to the newest base, by Adjutant itself.
    Integrating {
        /// Why it is done again.
        cause: Option<Cause>,
        /// What was handed in before.
        last: Last,
    },
    /// Handed in, and its pull request is not open yet: nothing can be verified before. A report is here only within one
    /// decision.
    HandedIn {
        /// What was handed in.
        candidate: Box<Candidate>,
    },
    /// The verifiers are at work on the merge of its head into its target.
    Verifying {
        /// What they verify.
        candidate: Box<Candidate>,
        /// How far they have come.
        #[serde(default)]
        progress: VerifierProgress,
    },
    /// The verifiers are done, and the repository's own CI is waited for. Nothing is at work here.
    AwaitingCi {
        /// What is waited for.
        candidate: Box<Candidate>,
        /// What the verifiers found.
        results: Vec<VerifierResult>,
        /// Since when.
        wait: CiWait,
    },
    /// A judge looks at the criteria, or is about to.
    Judging {
        /// What it judges.
        candidate: Box<Candidate>,
        /// What was found before the judge.
        evaluation: Evaluation,
        /// The judge's task; none while it waits for its turn.
        task: Option<TaskId>,
    },
    /// A person was asked whether it may be merged or accepted. Without an evaluation where they had accepted it as it is,
    /// and GitHub refused to merge it.
    AwaitingDecision {
        /// What is decided on.
        candidate: Box<Candidate>,
        /// The question.
        approval: ApprovalId,
    },
    /// It was decided that it merges.
    Merging {
        /// What is merged.
        candidate: Box<Candidate>,
        /// How far that has come.
        request: MergeRequest,
    },
    /// Is to be done again.
    Reworking {
        /// What the agent is to do.
        instructions: Instructions,
        /// Why.
        cause: Option<Cause>,
        /// What was handed in before.
        last: Last,
    },
    /// The final pull request waits for the steps that its rework added, to be brought up to the base again after them.
    AwaitingSteps {
        /// Why.
        cause: Option<Cause>,
        /// What was handed in before.
        last: Last,
    },
    /// Done.
    Passed {
        /// How.
        by: PassedBy,
        /// What was handed in; none where a person merged a draft, and where there was nothing to merge.
        candidate: Last,
    },
    /// Needs a person.
    Blocked {
        /// Why.
        cause: Cause,
        /// What its agent was to do, where it was blocked in the middle of a rework.
        instructions: Option<Instructions>,
        /// What was handed in before.
        last: Last,
    },
    /// Its task could not be run.
    Failed {
        /// Why the last try came to nothing.
        cause: Cause,
        /// What its agent was to do, where that was a rework.
        instructions: Option<Instructions>,
        /// What was handed in before.
        last: Last,
    },
    /// Given up on purpose.
    Skipped {
        /// By whom.
        by: Actor,
        /// Why it had been blocked or failed before.
        cause: Option<Cause>,
        /// What was handed in before.
        last: Last,
    },
}

/// The wait for the repository's own CI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiWait {
    /// When it began.
    pub since: DateTime<Utc>,
    /// When GitHub was last asked.
    pub asked_at: DateTime<Utc>,
}

/// How far a merge that was decided on has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeRequest {
    /// Asked of GitHub as soon as the directive is active and the pull request open.
    Wanted,
    /// Asked of GitHub.
    Requested,
}

/// How a step passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedBy {
    /// Its pull request was merged.
    Merge,
    /// Its report was accepted.
    Report,
    /// There was nothing to merge.
    NoChange,
}

impl StepState {
    /// A step that may be started, and of which nothing is known.
    pub const READY: Self = Self::Ready { instructions: None, cause: None, last: None };

    /// The word that people read.
    pub fn status(&self) -> StepStatus {
        match self {
            Self::Pending => StepStatus::Pending,
            Self::Ready { .. } => StepStatus::Ready,
            Self::Working { .. } | Self::Integrating { .. } => StepStatus::Running,
            Self::HandedIn { .. }
            | Self::Verifying { .. }
            | Self::AwaitingCi { .. }
            | Self::Judging { .. }
            | Self::AwaitingDecision { .. }
            | Self::Merging { .. } => StepStatus::Evaluating,
            Self::Reworking { .. } | Self::AwaitingSteps { .. } => StepStatus::Rework,
            Self::Passed { .. } => StepStatus::Passed,
            Self::Blocked { .. } => StepStatus::Blocked,
            Self::Failed { .. } => StepStatus::Failed,
            Self::Skipped { .. } => StepStatus::Skipped,
        }
    }

    /// What was handed in last, with all that is known of it.
    pub fn candidate(&self) -> Option<&Candidate> {
        match self {
            Self::Pending => None,
            Self::HandedIn { candidate }
            | Self::Verifying { candidate, .. }
            | Self::AwaitingCi { candidate, .. }
            | Self::Judging { candidate, .. }
            | Self::AwaitingDecision { candidate, .. }
            | Self::Merging { candidate, .. } => Some(candidate),
            Self::Ready { last, .. }
            | Self::Working { last, .. }
            | Self::Integrating { last, .. }
            | Self::Reworking { last, .. }
            | Self::AwaitingSteps { last, .. }
            | Self::Passed { candidate: last, .. }
            | Self::Blocked { last, .. }
            | Self::Failed { last, .. }
            | Self::Skipped { last, .. } => last.as_deref(),
        }
    }

    /// The same, to note what became known of it.
    pub fn candidate_mut(&mut self) -> Option<&mut Candidate> {
        match self {
            Self::HandedIn { candidate }
            | Self::Verifying { candidate, .. }
            | Self::AwaitingCi { candidate, .. }
            | Self::Judging { candidate, .. }
            | Self::AwaitingDecision { candidate, .. }
            | Self::Merging { candidate, .. } => Some(candidate),
            Self::Passed { candidate, .. } | Self::Skipped { last: candidate, .. } => candidate.as_deref_mut(),
            _ => self.last_mut()?.as_deref_mut(),
        }
    }

    /// Notes what somebody pushed to the branch of a step on which nothing is decided now.
    pub fn note_pushed(&mut self, pushed: Candidate) {
        if let Some(last) = self.last_mut() {
            *last = Some(Box::new(pushed));
        }
    }

    /// What was handed in before the work that goes on, or is to be done.
    fn last_mut(&mut self) -> Option<&mut Last> {
        match self {
            Self::Ready { last, .. }
            | Self::Working { last, .. }
            | Self::Integrating { last, .. }
            | Self::Reworking { last, .. }
            | Self::AwaitingSteps { last, .. }
            | Self::Blocked { last, .. }
            | Self::Failed { last, .. } => Some(last),
            Self::Pending
            | Self::HandedIn { .. }
            | Self::Verifying { .. }
            | Self::AwaitingCi { .. }
            | Self::Judging { .. }
            | Self::AwaitingDecision { .. }
            | Self::Merging { .. }
            | Self::Passed { .. }
            | Self::Skipped { .. } => None,
        }
    }

    /// What was handed in last.
    pub fn submission(&self) -> Option<&Submission> {
        self.candidate().map(|candidate| &candidate.submission)
    }

    /// What was found of the last submission so far.
    pub fn evaluation(&self) -> Option<&Evaluation> {
        match self {
            Self::Judging { evaluation, .. } => Some(evaluation),
            _ => self.candidate()?.evaluation.as_ref(),
        }
    }

    /// Why it is blocked, failed, done again or was given up.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Ready { cause, .. }
            | Self::Working { cause, .. }
            | Self::Integrating { cause, .. }
            | Self::Reworking { cause, .. }
            | Self::AwaitingSteps { cause, .. }
            | Self::Skipped { cause, .. } => cause.as_ref(),
            Self::Blocked { cause, .. } | Self::Failed { cause, .. } => Some(cause),
            Self::Pending
            | Self::HandedIn { .. }
            | Self::Verifying { .. }
            | Self::AwaitingCi { .. }
            | Self::Judging { .. }
            | Self::AwaitingDecision { .. }
            | Self::Merging { .. }
            | Self::Passed { .. } => None,
        }
    }

    /// Whether it is decided on, or about to be, and a pull request of it may come to wait for a person.
    pub fn is_before_decision(&self) -> bool {
        match self {
            Self::HandedIn { candidate }
            | Self::Verifying { candidate, .. }
            | Self::AwaitingCi { candidate, .. }
            | Self::Judging { candidate, .. }
            | Self::AwaitingDecision { candidate, .. } => candidate.submission.head().is_some(),
            _ => false,
        }
    }
}
