//! Facts about the merge of a pull request that are stored and not computed.

use std::collections::BTreeMap;

use super::{Id, Pull, ReviewComment, ReviewState, Time};
use crate::git::MergeMethod;

/// Facts from git and from pushes for the rules of the base.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate {
    /// Whether the base has commits that the head lacks.
    pub(crate) behind: bool,
    /// The last person who pushed to the head; before the first push, the author.
    pub(crate) last_pusher: Option<Id>,
    /// The owners of the changed files. One person of each entry has to approve.
    pub(crate) owners: Vec<Vec<Id>>,
    /// The resolved conversations, by their first comment, with the person who resolved each.
    pub(crate) resolved: BTreeMap<Id, Id>,
    pub(crate) auto_merge: Option<AutoMerge>,
}

/// The settings of auto-merge.
#[derive(Debug, Clone)]
pub(crate) struct AutoMerge {
    pub(crate) enabled_by: Id,
    pub(crate) via_app: bool,
    pub(crate) enabled_at: Time,
    pub(crate) method: MergeMethod,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
}

impl Pull {
    /// The conversations on the diff, each by its first comment, without those of pending reviews.
    pub(crate) fn conversations(&self) -> impl Iterator<Item = &ReviewComment> {
        let said = |review: Id| !self.reviews.iter().any(|all| all.id == review && all.state == ReviewState::Pending);
        self.review_comments.iter().filter(move |comment| comment.in_reply_to.is_none() && said(comment.review))
    }

    /// The comments of one conversation.
    pub(crate) fn in_conversation(&self, first: Id) -> impl Iterator<Item = &ReviewComment> {
        self.review_comments.iter().filter(move |comment| comment.id == first || comment.in_reply_to == Some(first))
    }

    /// The number of unresolved conversations.
    pub(crate) fn open_conversations(&self) -> usize {
        self.conversations().filter(|first| !self.gate.resolved.contains_key(&first.id)).count()
    }
}
