//! Review requests, dismissals, and review comments whose lines became outdated.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    app_state::AppState,
    git::FileChange,
    rules::{
        demands::{Way, of_branch},
        hunk,
    },
    state::{Id, ReviewComment, ReviewState, Side, State},
    view::{View, node_id, without},
    webhooks::Event,
};

impl AppState {
    /// Requests a review. Does nothing if one is requested already.
    pub(crate) fn request_review(self: &Arc<Self>, state: &mut State, at: (Id, u64), sender: Id, reviewer: Id) {
        let reviewers = &mut state.issue_mut(at.0, at.1).pull_mut().requested_reviewers;
        if !reviewers.contains(&reviewer) {
            reviewers.push(reviewer);
            let extra = json!({ "requested_reviewer": View::new(state, &self.urls).account(reviewer) });
            self.announce_issue(state, at, sender, "review_requested", extra);
        }
    }

    /// Withdraws a review request.
    pub(crate) fn unrequest_review(self: &Arc<Self>, state: &mut State, at: (Id, u64), sender: Id, reviewer: Id) {
        let reviewers = &mut state.issue_mut(at.0, at.1).pull_mut().requested_reviewers;
        if reviewers.contains(&reviewer) {
            reviewers.retain(|all| *all != reviewer);
            let extra = json!({ "requested_reviewer": View::new(state, &self.urls).account(reviewer) });
            self.announce_issue(state, at, sender, "review_request_removed", extra);
        }
    }

    /// Stores the owners of the files that a pull request changes, and requests reviews of those who were not asked
    /// yet. A draft requests no reviews.
    pub(crate) fn note_owners(self: &Arc<Self>, state: &mut State, at: (Id, u64), sender: Id, owners: Vec<Vec<Id>>) {
        state.issue_mut(at.0, at.1).pull_mut().gate.owners = owners;
        self.ask_owners(state, at, sender);
    }

    /// Requests reviews of the owners when a draft becomes ready.
    pub(crate) fn ask_owners(self: &Arc<Self>, state: &mut State, at: (Id, u64), sender: Id) {
        let pull = state.issue_mut(at.0, at.1).pull();
        if pull.draft {
            return;
        }
        let reviewed = |owner: &Id| pull.reviews.iter().any(|review| review.author == *owner);
        let owners = pull.gate.owners.iter().flatten().copied().filter(|owner| !reviewed(owner));
        // Any member can approve for a team. A review of a team as a whole cannot be requested here.
        let owners: Vec<Id> = owners.collect();
        let asked: Vec<Id> = owners.into_iter().filter(|owner| !state.teams.contains_key(owner)).collect();
        for owner in asked {
            self.request_review(state, at, sender, owner);
        }
    }

    /// Dismisses a review, with its event and webhook.
    pub(crate) fn dismiss(self: &Arc<Self>, state: &mut State, at: (Id, u64), sender: Id, review: Id) {
        let now = state.now();
        let issue = state.issue_mut(at.0, at.1);
        issue.touch(now);
        let found = issue.pull_mut().reviews.iter_mut().find(|all| all.id == review);
        if let Some(found) = found {
            found.state = ReviewState::Dismissed;
            self.announce_review(state, at, sender, review, "dismissed", json!({}));
        }
    }

    /// Sends the webhook of a review.
    pub(crate) fn announce_review(
        self: &Arc<Self>,
        state: &mut State,
        (repo, number): (Id, u64),
        sender: Id,
        id: Id,
        action: &'static str,
        extra: Value,
    ) {
        let view = View::new(state, &self.urls);
        let found = state.repo_by_id(repo);
        let issue = &found.issues[&number];
        let Some(review) = issue.pull().reviews.iter().find(|review| review.id == id) else { return };
        let mut fields = json!({
            "review": view.review_in_webhook(found, issue, review), "pull_request": view.pull_simple(found, issue),
        });
        if action == "edited" {
            // Only this webhook has a shorter form of the repositories.
            for side in ["head", "base"] {
                let shown = &mut fields["pull_request"][side]["repo"];
                without(shown, &["has_discussions", "web_commit_signoff_required"]);
            }
        }
        crate::view::merge(&mut fields, extra);
        self.announce(state, Event { name: "pull_request_review", action: Some(action), repo, sender, fields });
    }

    /// Sends the webhook of a conversation on the diff.
    pub(crate) fn announce_thread(
        self: &Arc<Self>,
        state: &mut State,
        (repo, number): (Id, u64),
        sender: Id,
        first: Id,
        action: &'static str,
    ) {
        let view = View::new(state, &self.urls);
        let found = state.repo_by_id(repo);
        let issue = &found.issues[&number];
        let comments: Vec<Value> =
            issue.pull().in_conversation(first).map(|comment| view.review_comment(found, issue, comment)).collect();
        let fields = json!({
            "thread": { "node_id": node_id("PRRT", first), "comments": comments },
            "pull_request": view.pull_simple(found, issue),
        });
        self.announce(state, Event { name: "pull_request_review_thread", action: Some(action), repo, sender, fields });
    }

    /// Called after a push that changed the diff. Dismisses approvals if the base's rules require it.
    /// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches#require-pull-request-reviews-before-merging>
    pub(crate) fn dismiss_stale(self: &Arc<Self>, state: &mut State, at: (Id, u64), sender: Id) {
        let repo = state.repo_by_id(at.0);
        let pull = repo.issues[&at.1].pull();
        let demands = of_branch(state, repo, &pull.base_ref, None, Way::Merge);
        let stale = demands.iter().any(|all| all.reviews.as_ref().is_some_and(|reviews| reviews.dismiss_stale));
        if !stale {
            return;
        }
        let approvals = pull.reviews.iter().filter(|review| review.state == ReviewState::Approved);
        for review in approvals.map(|review| review.id).collect::<Vec<_>>() {
            self.dismiss(state, at, sender, review);
        }
    }
}

/// Moves the comments on a diff to a new head. `since` is the change between the heads, and `whole` the present diff.
/// If a line itself was changed or is no longer in the diff, its comment becomes outdated.
pub(crate) fn move_comments(comments: &mut [ReviewComment], since: &[FileChange], whole: &[FileChange], head: &str) {
    for comment in comments.iter_mut().filter(|comment| comment.line.is_some()) {
        let changed = since.iter().find(|file| file.path == comment.path);
        let follow = |line: u64| match (comment.side, changed) {
            (Side::Left, _) | (_, None) => Some(line),
            (Side::Right, Some(file)) => hunk::follow(file.patch.as_deref().unwrap_or_default(), line),
        };
        let patch = whole.iter().find(|file| file.path == comment.path).and_then(|file| file.patch.as_deref());
        let line = comment.line.and_then(follow);
        let place =
            line.zip(patch).and_then(|(line, patch)| Some((line, hunk::position_of(patch, line, comment.side)?)));
        let start = comment.start_line.map(follow);
        match (place, start) {
            (Some((line, position)), None | Some(Some(_))) => {
                comment.start_line = start.flatten();
                comment.line = Some(line);
                comment.position = Some(position);
                head.clone_into(&mut comment.commit_id);
            }
            _ => {
                (comment.line, comment.start_line, comment.position) = (None, None, None);
            }
        }
    }
}
