//! The part of a pull request that an issue does not have.

use serde::{Deserialize, Serialize};

use super::{Gate, Id, Reaction, Time};

/// A pull request: two branches, and the facts about them from people and git.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) id: Id,
    pub(crate) head_ref: String,
    pub(crate) head_sha: String,
    pub(crate) base_ref: String,
    pub(crate) base_sha: String,
    pub(crate) draft: bool,
    pub(crate) mergeability: Mergeability,
    /// Increases whenever `mergeability` is reset, so that a late result of git is discarded.
    pub(crate) epoch: u64,
    /// The commit of `refs/pull/<n>/merge`, once computed.
    pub(crate) test_merge_sha: Option<String>,
    pub(crate) size: Size,
    pub(crate) merged: Option<Merged>,
    pub(crate) requested_reviewers: Vec<Id>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) review_comments: Vec<ReviewComment>,
    pub(crate) gate: Gate,
}

impl Pull {
    /// Resets the mergeability, because one of the branches moved.
    pub(crate) fn forget_mergeability(&mut self) {
        self.mergeability = Mergeability::Unknown;
        self.epoch += 1;
    }
}

/// Whether the head merges into the base. It is computed in the background.
/// <https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-your-git-database#checking-mergeability-of-pull-requests>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mergeability {
    Unknown,
    Clean,
    Conflict,
}

/// The size of the change, as of the head's last move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) commits: u64,
    pub(crate) files: u64,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
}

/// The facts of its merge.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    pub(crate) sha: String,
    pub(crate) by: Id,
    pub(crate) at: Time,
}

/// The state of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReviewState {
    Pending,
    Commented,
    Approved,
    ChangesRequested,
    Dismissed,
}

impl ReviewState {
    /// The word in REST. Webhooks use it in lower case.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Commented => "COMMENTED",
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Dismissed => "DISMISSED",
        }
    }
}

/// A review of one commit.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub(crate) id: Id,
    pub(crate) author: Id,
    pub(crate) body: String,
    pub(crate) state: ReviewState,
    pub(crate) commit_id: String,
    pub(crate) submitted_at: Option<Time>,
    pub(crate) reactions: Vec<Reaction>,
}

/// The old or the new side of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Side {
    Left,
    Right,
}

/// A comment on a line, or a file, of the diff.
#[derive(Debug, Clone)]
pub(crate) struct ReviewComment {
    pub(crate) id: Id,
    pub(crate) review: Id,
    pub(crate) author: Id,
    pub(crate) body: String,
    pub(crate) path: String,
    /// The last line that it is about; `None` for the whole file, or for a line that later pushes removed.
    pub(crate) line: Option<u64>,
    pub(crate) start_line: Option<u64>,
    /// Its position below the patch's first header.
    pub(crate) position: Option<usize>,
    /// The original line, first line and position.
    pub(crate) original: (Option<u64>, Option<u64>, Option<usize>),
    pub(crate) side: Side,
    pub(crate) commit_id: String,
    pub(crate) original_commit_id: String,
    pub(crate) diff_hunk: String,
    pub(crate) in_reply_to: Option<Id>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}
