//! Contracts: what a step owes, and how far it has come.

use super::directive::Directive;
use super::ids::Sha;
use super::status::StepStatus;
use super::step::{Step, StepState};

/// How many heads of work in progress are remembered: the one that is there, the one that is on its way, and one that
/// somebody may still be telling about.
const REMEMBERED: usize = 3;

/// What a step owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// A pull request.
    Change,
    /// Findings, where nothing in the tree has to change.
    Report,
}

impl Contract {
    /// The word in the agent's task file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Report => "report",
        }
    }
}

/// How far a contract has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// What is to be done is known.
    Plan,
    /// An agent is at it.
    Execute,
    /// It was handed in, and is proved or looked at.
    Review,
    /// It is merged, accepted or given up.
    Done,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Plan, Self::Execute, Self::Review, Self::Done];

    /// The word on GitHub.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Execute => "execute",
            Self::Review => "review",
            Self::Done => "done",
        }
    }
}

impl Step {
    /// What it owes.
    pub fn contract(&self) -> Contract {
        if self.kind.may_report() { Contract::Report } else { Contract::Change }
    }

    /// How far it has come.
    pub fn phase(&self, directive: &Directive) -> Phase {
        let handed_in = self.submission().is_some();
        let asked = || directive.waiting().any(|approval| approval.step == Some(self.id));
        match self.status() {
            StepStatus::Passed | StepStatus::Skipped => Phase::Done,
            StepStatus::Evaluating => Phase::Review,
            // A question about nothing that was handed in is none about a review.
            _ if handed_in && !directive.status().is_over() && asked() => Phase::Review,
            StepStatus::Running | StepStatus::Rework | StepStatus::Failed => Phase::Execute,
            StepStatus::Blocked | StepStatus::Ready if handed_in || self.pull.is_some() => Phase::Execute,
            StepStatus::Blocked | StepStatus::Pending | StepStatus::Ready => Phase::Plan,
        }
    }

    /// Whether no agent ever worked on it, so that it has no branch and nothing that could be merged.
    pub fn never_began(&self) -> bool {
        let waits = matches!(self.state, StepState::Pending | StepState::Ready { last: None, .. });
        waits && self.pull.is_none() && self.progress.is_empty()
    }

    /// Whether an agent's work on it may be shown before it is handed in: not where a report may come of it, and not on a
    /// pull request that people look at already.
    pub fn may_show_progress(&self) -> bool {
        let unseen = self.pull.as_ref().is_none_or(|pull| pull.draft && !pull.closed);
        self.contract() == Contract::Change && !self.is_final() && unseen
    }

    /// Remembers what a person asks for while a rework is under way.
    pub fn ask_afterwards(&mut self, words: &str) {
        let before = self.afterwards.take().map(|before| format!("{before}\n\n")).unwrap_or_default();
        self.afterwards = Some(before + words);
    }

    /// Remembers a head that is about to be pushed for an agent at work: it is no push of a person's.
    pub fn remember_progress(&mut self, head: &Sha) {
        self.progress.retain(|known| known != head);
        self.progress.push(head.clone());
        let surplus = self.progress.len().saturating_sub(REMEMBERED);
        self.progress.drain(..surplus);
    }
}
