//! What a person is asked. The words are made where they are shown, so that they can change while directives run.

use serde::{Deserialize, Serialize};

use super::asking::AskedQuestion;
use super::baseline::BaselineReport;
use super::cause::Cause;
use super::evaluation::{Confidence, EvaluationReason};
use super::failure::{Failure, MergeProblem};
use super::ids::{Digest, StepName, Usd};

/// Why a person is asked, and what they are to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum Question {
    /// May the plan start?
    Plan,
    /// The planner could not be run: again, once it is mended, or the default plan?
    NotPlanned { tries: u32, failure: Failure },
    /// Something is wrong on the base commit: may work begin without it?
    Baseline { report: Box<BaselineReport> },
    /// The budget is used up: may more be spent, up to the policy's ceiling?
    Budget { budget: Usd, spent: Usd, ceiling: Usd },
    /// The working time is used up: may it go on?
    WorkingTime { seconds: i64 },
    /// May what was evaluated be merged or accepted?
    Review { step: StepName, confidence: Confidence, reasons: Vec<EvaluationReason>, wanted: Wanted },
    /// GitHub did not merge what was decided on: by hand, or again?
    Unmerged { step: StepName, problem: MergeProblem },
    /// A step cannot go on: what is to become of it?
    Blocked { step: StepName, cause: Cause },
    /// A step's agent could not be run: what is to become of it?
    NotRun { step: StepName, tries: u32, failure: Failure },
    /// An agent asks something: about a step, or before there is a plan.
    Asked { step: Option<StepName>, questions: Vec<AskedQuestion> },
    /// A person accepted a head before anybody asked.
    PreApproved,
    /// A sentence that version 1 wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}

/// What follows from a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// The step's pull request is merged.
    Merge,
    /// It is merged into the base.
    MergeIntoBase,
    /// The step's report is accepted.
    AcceptReport,
}

impl Question {
    /// Whether it is asked only because a verifier could not be run: another run may answer it.
    pub fn is_about_a_run(&self) -> bool {
        let (Self::Blocked { cause: Cause::Failure(failure), .. } | Self::NotRun { failure, .. }) = self else {
            return false;
        };
        matches!(failure, Failure::VerifierNotRun { .. })
    }

    /// Whether it is asked because an agent could not be run: once that is mended, it can be tried again.
    pub fn is_about_an_agent(&self) -> bool {
        self.failure().is_some_and(|failure| {
            failure.needs_mending() || matches!(self, Self::NotRun { .. } | Self::NotPlanned { .. })
        })
    }

    /// What an agent asks.
    pub fn asked(&self) -> Option<&[AskedQuestion]> {
        match self {
            Self::Asked { questions, .. } => Some(questions),
            _ => None,
        }
    }

    /// The failed run of an agent that it is about.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Blocked { cause: Cause::Failure(failure), .. }
            | Self::NotRun { failure, .. }
            | Self::NotPlanned { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// What the answer is bound to where nothing but the question was shown.
    pub fn digest(&self) -> Digest {
        // Every member is a plain value, so that this cannot fail.
        Digest::of(&serde_json::to_string(self).unwrap_or_default())
    }
}
