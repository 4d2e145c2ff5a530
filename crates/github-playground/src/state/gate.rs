//! Facts about a pull request's way to its merge that are stored and not computed.

use std::collections::BTreeMap;

use super::{Id, Pull, ReviewComment, ReviewState, Time};
use crate::git::MergeMethod;

/// What git and pushes said of a pull request, for the rules of its base to judge.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate {
    /// Whether the base has commits that the head has not.
    pub(crate) behind: bool,
    /// Who pushed to the head last; whoever opened it, before that.
    pub(crate) last_pusher: Option<Id>,
    /// Who owns what the pull request changes: one of each entry's people has to approve.
    pub(crate) owners: Vec<Vec<Id>>,
    /// Conversations that somebody resolved, by their first comment.
    pub(crate) resolved: BTreeMap<Id, Id>,
    pub(crate) auto_merge: Option<AutoMerge>,
}

/// How a pull request is to merge itself.
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
    /// The conversations on the diff, each by its first comment. What a pending review says is not said yet.
    pub(crate) fn conversations(&self) -> impl Iterator<Item = &ReviewComment> {
        let said = |review: Id| !self.reviews.iter().any(|all| all.id == review && all.state == ReviewState::Pending);
        self.review_comments.iter().filter(move |comment| comment.in_reply_to.is_none() && said(comment.review))
    }

    /// The comments of one conversation.
    pub(crate) fn in_conversation(&self, first: Id) -> impl Iterator<Item = &ReviewComment> {
        self.review_comments.iter().filter(move |comment| comment.id == first || comment.in_reply_to == Some(first))
    }

    /// How many of them nobody resolved.
    pub(crate) fn open_conversations(&self) -> usize {
        self.conversations().filter(|first| !self.gate.resolved.contains_key(&first.id)).count()
    }
}
