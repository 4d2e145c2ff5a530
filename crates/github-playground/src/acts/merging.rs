//! Consequences of a merge: the pull request is closed as merged, and the issues that its body names are closed.

use std::sync::Arc;

use super::{DequeueReason, keywords::closed_by};
use crate::{
    app_state::AppState,
    state::{Id, IssueState, Merged, State},
    view::View,
};

impl AppState {
    /// Marks a pull request as merged as `sha`.
    pub(crate) fn merged(self: &Arc<Self>, state: &mut State, at: (Id, u64), actor: Id, sha: &str) {
        self.leave_queue(state, at, actor, DequeueReason::AlreadyMerged);
        let (event, now) = (state.new_id(), state.now());
        let issue = state.issue_mut(at.0, at.1);
        issue.pull_mut().merged = Some(Merged { sha: sha.to_owned(), by: actor, at: now });
        issue.log(event, "merged", actor, now);
        let (body, base) = (issue.body.clone().unwrap_or_default(), issue.pull().base_ref.clone());
        self.close(state, at, actor, None, None);
        // GitHub ignores keywords if the pull request targets any other branch.
        if base == state.repo_by_id(at.0).default_branch {
            self.close_named(state, at.0, actor, &body, sha);
        }
    }

    /// Closes the issues that a text names with a closing keyword.
    pub(crate) fn close_named(self: &Arc<Self>, state: &mut State, repo: Id, actor: Id, text: &str, commit: &str) {
        let full_name = View::new(state, &self.urls).full_name(state.repo_by_id(repo));
        for number in closed_by(text, &full_name) {
            let open = state
                .repo_by_id(repo)
                .issues
                .get(&number)
                .is_some_and(|issue| issue.pull.is_none() && issue.state == IssueState::Open);
            if open {
                self.close(state, (repo, number), actor, Some("completed"), Some(commit));
            }
        }
    }
}
