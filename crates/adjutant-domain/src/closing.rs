//! Why Adjutant closes a pull request of its own. The words are made where they are shown.

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::cause::DirectiveFailure;
use super::ids::Sha;
use super::replan::ReplanReason;

/// Why a pull request of a step is closed unmerged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum ClosingReason {
    /// The step was skipped.
    Skipped,
    /// The step's result is a report, and nothing in the tree has to change.
    NothingChanged,
    /// The same step of the plan before was merged.
    MergedBefore,
    /// The final pull request was merged without it.
    GoalReached,
    /// The directive ended with its goal reached before the pull request was there.
    Ended,
    /// The directive ended without its goal.
    Failed(DirectiveFailure),
    /// The plan of this generation replaces the step's.
    Replanned { generation: u32, by: Actor, reason: ReplanReason },
    /// A sentence that version 1 wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}

impl ClosingReason {
    /// What tells it from another reason to close the same pull request, in natural keys and hidden markers. It never
    /// changes.
    pub fn key_word(&self) -> String {
        match self {
            Self::Skipped => "skipped".to_owned(),
            Self::NothingChanged => "nothing-changed".to_owned(),
            Self::MergedBefore => "merged-before".to_owned(),
            Self::GoalReached => "goal-reached".to_owned(),
            Self::Ended => "ended".to_owned(),
            Self::Failed(_) => "failed".to_owned(),
            Self::Replanned { generation, .. } => format!("replanned-{generation}"),
            Self::Legacy(text) => Sha::of_text(text).short().to_owned(),
        }
    }
}
