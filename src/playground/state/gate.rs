//! What stands between a pull request and its merge, as far as it is remembered and not looked up.

use std::collections::BTreeMap;

use super::{Id, Pull, ReviewState};

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
}

impl Pull {
    /// The conversations on the diff that nobody resolved. What a pending review says is not said yet.
    pub(crate) fn open_conversations(&self) -> usize {
        let said = |review: Id| !self.reviews.iter().any(|all| all.id == review && all.state == ReviewState::Pending);
        let open = |first: Id| !self.gate.resolved.contains_key(&first);
        let firsts = self.review_comments.iter().filter(|comment| comment.in_reply_to.is_none());
        firsts.filter(|comment| said(comment.review) && open(comment.id)).count()
    }
}
