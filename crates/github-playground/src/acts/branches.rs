//! Changes to pull requests when their branch is renamed, when their base changes, or when a branch is deleted after a
//! merge.

use std::sync::Arc;

use serde_json::json;

use super::{
    DequeueReason,
    pulls::{Measured, measure},
    refs::{RefMove, open_pulls},
};
use crate::{
    app_state::AppState,
    git::{GitError, branch_ref},
    rules::push::{Change, When, hurdles},
    state::{Id, State},
};

impl AppState {
    /// Changes the base of an open pull request, with its event and webhook.
    pub(crate) fn retarget(
        self: &Arc<Self>,
        state: &mut State,
        at: (Id, u64),
        actor: Id,
        base: &str,
        (base_sha, measured): (String, Measured),
    ) {
        self.leave_queue(state, at, actor, DequeueReason::Manual);
        let (event, now) = (state.new_id(), state.now());
        let issue = state.issue_mut(at.0, at.1);
        issue.log(event, "base_ref_changed", actor, now);
        let pull = issue.pull_mut();
        let from_ref = std::mem::replace(&mut pull.base_ref, base.to_owned());
        let from_sha = std::mem::replace(&mut pull.base_sha, base_sha);
        pull.size = measured.size;
        self.compute_mergeability(state, at.0, at.1);
        let changes = json!({ "changes": { "base": { "ref": { "from": from_ref }, "sha": { "from": from_sha } } } });
        self.announce_issue(state, at, actor, "edited", changes);
        self.disable_auto_merge(state, at, actor);
        self.dismiss_stale(state, at, actor);
        let owners = measured.owners(state, at);
        self.note_owners(state, at, actor, owners);
    }

    /// Deletes the head of a merged pull request if the repository is set to do so. Pull requests that target the head
    /// first get the merged pull request's base. The caller holds the `moving` lock.
    /// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/proposing-changes-to-your-work-with-pull-requests/about-branches#working-with-branches>
    pub(crate) async fn tidy_up(self: &Arc<Self>, at: (Id, u64), actor: Id) -> Result<(), GitError> {
        let (git, head, base, merged_at, dependent) = {
            let state = self.state();
            let repo = state.repo_by_id(at.0);
            let pull = repo.issues[&at.1].pull();
            let change = Change { name: branch_ref(&pull.head_ref), old: Some(pull.head_sha.clone()), new: None };
            let is_kept = hurdles(&state, repo, actor, &change).iter().any(|hurdle| hurdle.when == When::Always);
            if !repo.merging.delete_branch_on_merge || pull.head_ref == repo.default_branch || is_kept {
                return Ok(());
            }
            let dependent = open_pulls(&state, at.0, |other| other.base_ref == pull.head_ref);
            (repo.git.clone(), pull.head_ref.clone(), pull.base_ref.clone(), pull.head_sha.clone(), dependent)
        };
        let name = branch_ref(&head);
        // Somebody has pushed since the merge, so the branch is kept.
        if git.ref_sha(&name).await?.as_ref() != Some(&merged_at) {
            return Ok(());
        }
        let Some(base_sha) = git.ref_sha(&branch_ref(&base)).await? else { return Ok(()) };
        for number in dependent {
            let their_head = self.state().issue_mut(at.0, number).pull().head_sha.clone();
            let measured = measure(&git, &base_sha, &their_head).await?;
            self.retarget(&mut self.state(), (at.0, number), actor, &base, (base_sha.clone(), measured));
        }
        git.delete_ref(&name).await?;
        self.refs_moved(at.0, vec![RefMove { name, old: Some(merged_at), new: None }], actor).await
    }

    /// Updates the model after a branch was renamed: its protection, the pull requests that target it, and the default
    /// branch.
    /// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-branches-in-your-repository/renaming-a-branch>
    pub(crate) fn branch_renamed(self: &Arc<Self>, state: &mut State, repo: Id, actor: Id, (old, new): (&str, &str)) {
        let found = state.repo_mut(repo);
        found.renamed.insert(old.to_owned(), new.to_owned());
        if let Some(protection) = found.rules.protections.remove(old) {
            found.rules.protections.insert(new.to_owned(), protection);
        }
        if found.default_branch == old {
            new.clone_into(&mut found.default_branch);
            let fields = json!({ "changes": { "default_branch": { "from": old } } });
            let event =
                crate::webhooks::Event { name: "repository", action: Some("edited"), repo, sender: actor, fields };
            self.announce(state, event);
        }
        for number in open_pulls(state, repo, |pull| pull.base_ref == old) {
            let at = (repo, number);
            let pull = state.issue_mut(repo, number).pull_mut();
            new.clone_into(&mut pull.base_ref);
            let sha = pull.base_sha.clone();
            self.compute_mergeability(state, repo, number);
            let changes = json!({ "changes": { "base": { "ref": { "from": old }, "sha": { "from": sha } } } });
            self.announce_issue(state, at, actor, "edited", changes);
        }
    }
}
