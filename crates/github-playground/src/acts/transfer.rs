//! Transfers of issues and repositories, and the redirects from old numbers.
//! <https://docs.github.com/en/issues/tracking-your-work-with-issues/administering-issues/transferring-an-issue-to-another-repository>

use std::sync::Arc;

use serde_json::json;

use crate::{
    app_state::AppState,
    state::{Detail, Gone, Id, Issue, Label, State},
    view::View,
    webhooks::Event,
};

/// What happens to labels that the new repository does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    LeftBehind,
    Made,
}

impl State {
    /// Why an issue cannot be transferred there; `None` if it can.
    pub(crate) fn untransferable(&self, from: (Id, u64), to: Id) -> Option<&'static str> {
        let (old, new) = (self.repo_by_id(from.0), self.repo_by_id(to));
        if old.issues.get(&from.1).is_none_or(|issue| issue.pull.is_some()) {
            Some("Pull requests cannot be transferred")
        } else if old.id == new.id {
            Some("The issue is in that repository already")
        } else if old.owner != new.owner {
            Some("Issues can only be transferred between repositories of the same owner")
        } else if old.private && !new.private {
            Some("Issues cannot be transferred from a private to a public repository")
        } else if old.archived || new.archived {
            Some("Repository was archived so is read-only")
        } else {
            None
        }
    }

    /// The repository and number of an issue.
    pub(crate) fn issue_by_id(&self, id: Id) -> Option<(Id, u64)> {
        self.repos.values().find_map(|repo| {
            let found = repo.issues.values().find(|issue| issue.id == id)?;
            Some((repo.id, found.number))
        })
    }

    /// The ids of an issue's labels in the other repository.
    fn labels_there(&mut self, issue: &Issue, (from, to): (Id, Id), missing: Missing) -> Vec<Id> {
        let had = |id: &Id| self.repo_by_id(from).labels.iter().find(|label| label.id == *id).cloned();
        let had: Vec<Label> = issue.labels.iter().filter_map(had).collect();
        let mut there = Vec::new();
        for label in had {
            let known = self.repo_by_id(to).label(&label.name).map(|known| known.id);
            if known.is_none() && missing == Missing::Made {
                let id = self.new_id();
                self.repo_mut(to).labels.push(Label { id, ..label });
                there.push(id);
            }
            there.extend(known);
        }
        there
    }

    /// The other repository's milestone with the same title and due date.
    fn milestone_there(&self, issue: &Issue, (from, to): (Id, Id)) -> Option<u64> {
        let had = self.repo_by_id(from).milestone(issue.milestone?)?;
        let same = |all: &&crate::state::Milestone| all.title == had.title && all.due_on == had.due_on;
        self.repo_by_id(to).milestones.iter().find(same).map(|milestone| milestone.number)
    }

    /// Updates the parent and the sub-issues of a transferred issue to its new place.
    fn rehome_family(&mut self, issue: &Issue, from: (Id, u64), to: (Id, u64)) {
        if let Some(parent) = issue.parent {
            let parts = &mut self.issue_mut(parent.0, parent.1).sub_issues;
            parts.iter_mut().filter(|part| **part == from).for_each(|part| *part = to);
        }
        for part in &issue.sub_issues {
            self.issue_mut(part.0, part.1).parent = Some(to);
        }
    }
}

impl AppState {
    /// Accepts the offer to transfer a repository, for the account it was offered to. Returns whether there is such an
    /// offer and the name is free.
    pub(crate) fn accept_transfer(self: &Arc<Self>, full_name: &str) -> bool {
        let mut state = self.state();
        let found = full_name.split_once('/').and_then(|(owner, name)| state.repo(owner, name)).map(|repo| repo.id);
        let offer = found.and_then(|repo| Some((repo, state.transfers.get(&repo)?.clone())));
        let Some((repo, (owner, name))) = offer else { return false };
        if state.repo(&state.account(owner).login, &name).is_some() {
            return false;
        }
        self.transfer(&mut state, repo, (owner, &name), owner);
        true
    }

    /// Moves an issue with its comments and its history and, if the new repository has them too, its labels, milestone
    /// and assignees. Returns the new number. Both repositories get a webhook: the old one for the transfer, the new
    /// one for an opened issue.
    pub(crate) fn transfer_issue(
        self: &Arc<Self>,
        state: &mut State,
        from: (Id, u64),
        (to, missing): (Id, Missing),
        actor: Id,
    ) -> u64 {
        let view = View::new(state, &self.urls);
        let repo = state.repo_by_id(from.0);
        let (old_issue, old_repository) = (view.issue_in_webhook(repo, &repo.issues[&from.1]), view.repo(repo));
        let Some(mut issue) = state.repo_mut(from.0).issues.remove(from.1) else { return 0 };
        let (id, now) = (state.new_id(), state.now());
        state.repo_mut(from.0).gone.insert(from.1, Gone::Transferred(id));
        issue.labels = state.labels_there(&issue, (from.0, to), missing);
        issue.milestone = state.milestone_there(&issue, (from.0, to));
        issue.assignees.retain(|person| state.given_role(state.repo_by_id(to), *person).is_some());
        let new = state.repo_mut(to);
        let number = new.next_number();
        (issue.id, issue.number) = (id, number);
        issue.touch(now);
        for comment in &issue.comments {
            new.remember_comment(comment.id, number);
        }
        new.issues.insert(issue.clone());
        state.rehome_family(&issue, from, (to, number));
        state.log((to, number), actor, "transferred", Detail::None);

        let view = View::new(state, &self.urls);
        let repo = state.repo_by_id(to);
        let (new_issue, new_repository) = (view.issue_in_webhook(repo, &repo.issues[&number]), view.repo(repo));
        let changes = json!({ "new_issue": new_issue, "new_repository": new_repository });
        let fields = json!({ "issue": old_issue, "changes": changes });
        let went = Event { name: "issues", action: Some("transferred"), repo: from.0, sender: actor, fields };
        let changes = json!({ "old_issue": fields_of(&went), "old_repository": old_repository });
        self.announce(state, went);
        self.announce_issue(state, (to, number), actor, "opened", json!({ "changes": changes }));
        number
    }
}

fn fields_of(event: &Event) -> serde_json::Value {
    event.fields["issue"].clone()
}
