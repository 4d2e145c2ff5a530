//! The ways in which a pull request is merged.

use serde::{Deserialize, Serialize};

use super::directive::Directive;
use super::step::Step;

/// How the commits of a pull request are added to the branch that it merges into.
///
/// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMethod {
    /// All commits, under a merge commit.
    Merge,
    /// One commit with the whole change.
    Squash,
    /// Every commit anew on top of the branch.
    Rebase,
}

impl MergeMethod {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Merge, Self::Squash, Self::Rebase];

    /// The word in the policy and in GitHub's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }

    /// The method of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }
}

/// The methods that a repository and the rules of a branch allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeMethods {
    /// [`MergeMethod::Merge`].
    pub merge: bool,
    /// [`MergeMethod::Squash`].
    pub squash: bool,
    /// [`MergeMethod::Rebase`].
    pub rebase: bool,
}

impl MergeMethods {
    /// All of them.
    pub const ALL: Self = Self { merge: true, squash: true, rebase: true };

    /// Whether the method is one of them.
    pub fn allow(self, method: MergeMethod) -> bool {
        match method {
            MergeMethod::Merge => self.merge,
            MergeMethod::Squash => self.squash,
            MergeMethod::Rebase => self.rebase,
        }
    }

    /// What both allow.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            merge: self.merge && other.merge,
            squash: self.squash && other.squash,
            rebase: self.rebase && other.rebase,
        }
    }
}

impl Directive {
    /// The methods by which a step's pull request may be merged, the preferred one first. Without a word of the policy, a
    /// step becomes one commit of its target, and the final pull request brings these commits to the base as they are.
    pub fn merge_methods(&self, step: &Step) -> &'static [MergeMethod] {
        match self.policy.merge_method.filter(|_| self.reaches_base(step)) {
            Some(MergeMethod::Merge) => &[MergeMethod::Merge],
            Some(MergeMethod::Squash) => &[MergeMethod::Squash],
            Some(MergeMethod::Rebase) => &[MergeMethod::Rebase],
            None if step.is_final() => &[MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase],
            None => &[MergeMethod::Squash, MergeMethod::Merge, MergeMethod::Rebase],
        }
    }
}
