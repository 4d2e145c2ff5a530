//! Assignees, milestones, sub-issues and locks of issues and pull requests.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    app_state::AppState,
    state::{Detail, Id, Lock, Milestone, Repo, State},
    view::{View, without_view_type},
    webhooks::Event,
};

impl Repo {
    pub(crate) fn milestone(&self, number: u64) -> Option<&Milestone> {
        self.milestones.iter().find(|milestone| milestone.number == number)
    }
}

impl State {
    /// Adds an event with details to the history.
    pub(crate) fn log(&mut self, at: (Id, u64), actor: Id, event: &'static str, detail: Detail) {
        let (id, now) = (self.new_id(), self.now());
        let issue = self.issue_mut(at.0, at.1);
        issue.log(id, event, actor, now);
        if let Some(line) = issue.events.last_mut() {
            line.detail = detail;
        }
    }
}

impl AppState {
    /// Sets an issue's assignees to exactly these. Only the differences are announced.
    pub(crate) fn set_assignees(self: &Arc<Self>, state: &mut State, at: (Id, u64), actor: Id, wanted: &[Id]) {
        let had = state.issue_mut(at.0, at.1).assignees.clone();
        for assignee in had.iter().copied().filter(|id| !wanted.contains(id)) {
            state.issue_mut(at.0, at.1).assignees.retain(|id| *id != assignee);
            self.tell_assignee(state, at, actor, assignee, "unassigned");
        }
        for assignee in wanted.iter().copied().filter(|id| !had.contains(id)) {
            state.issue_mut(at.0, at.1).assignees.push(assignee);
            self.tell_assignee(state, at, actor, assignee, "assigned");
        }
    }

    fn tell_assignee(self: &Arc<Self>, state: &mut State, at: (Id, u64), actor: Id, assignee: Id, event: &'static str) {
        state.log(at, actor, event, Detail::Assignee(assignee));
        let shown = View::new(state, &self.urls).account(assignee);
        self.announce_issue(state, at, actor, event, json!({ "assignee": shown }));
    }

    /// Sets or removes an issue's milestone.
    pub(crate) fn set_milestone(self: &Arc<Self>, state: &mut State, at: (Id, u64), actor: Id, wanted: Option<u64>) {
        let had = state.issue_mut(at.0, at.1).milestone;
        if had == wanted {
            return;
        }
        for (number, event) in [(had, "demilestoned"), (wanted, "milestoned")] {
            let repo = state.repo_by_id(at.0);
            let Some(milestone) = number.and_then(|number| repo.milestone(number)).cloned() else { continue };
            state.issue_mut(at.0, at.1).milestone = number.filter(|_| event == "milestoned");
            state.log(at, actor, event, Detail::Milestone(milestone.title.clone()));
            let mut shown = View::new(state, &self.urls).milestone(state.repo_by_id(at.0), &milestone);
            without_view_type(&mut shown);
            self.announce_issue(state, at, actor, event, json!({ "milestone": shown }));
        }
    }

    /// Locks or unlocks an issue's conversation.
    pub(crate) fn set_lock(self: &Arc<Self>, state: &mut State, at: (Id, u64), actor: Id, wanted: Option<Lock>) {
        let issue = state.issue_mut(at.0, at.1);
        if issue.locked.is_some() == wanted.is_some() {
            return;
        }
        issue.locked.clone_from(&wanted);
        let event = if wanted.is_some() { "locked" } else { "unlocked" };
        state.log(at, actor, event, Detail::Lock(wanted.and_then(|lock| lock.reason)));
        self.announce_issue(state, at, actor, event, json!({}));
    }

    /// Sends the webhook of a milestone.
    pub(crate) fn announce_milestone(
        self: &Arc<Self>,
        state: &mut State,
        (repo, number): (Id, u64),
        sender: Id,
        action: &'static str,
        extra: Value,
    ) {
        let found = state.repo_by_id(repo);
        let Some(milestone) = found.milestone(number) else { return };
        let mut shown = View::new(state, &self.urls).milestone(found, milestone);
        without_view_type(&mut shown);
        let mut fields = json!({ "milestone": shown });
        crate::view::merge(&mut fields, extra);
        self.announce(state, Event { name: "milestone", action: Some(action), repo, sender, fields });
    }

    /// Makes one issue a sub-issue of another, last in the order.
    pub(crate) fn add_sub_issue(self: &Arc<Self>, state: &mut State, parent: (Id, u64), child: (Id, u64), actor: Id) {
        state.issue_mut(parent.0, parent.1).sub_issues.push(child);
        state.issue_mut(child.0, child.1).parent = Some(parent);
        state.log(parent, actor, "sub_issue_added", Detail::SubIssue(child));
        state.log(child, actor, "parent_issue_added", Detail::ParentIssue(parent));
        self.tell_of_family(state, parent, child, actor, ["sub_issue_added", "parent_issue_added"]);
    }

    /// Removes a sub-issue from its parent.
    pub(crate) fn drop_sub_issue(self: &Arc<Self>, state: &mut State, parent: (Id, u64), child: (Id, u64), actor: Id) {
        state.issue_mut(parent.0, parent.1).sub_issues.retain(|all| *all != child);
        state.issue_mut(child.0, child.1).parent = None;
        state.log(parent, actor, "sub_issue_removed", Detail::SubIssue(child));
        state.log(child, actor, "parent_issue_removed", Detail::ParentIssue(parent));
        self.tell_of_family(state, parent, child, actor, ["sub_issue_removed", "parent_issue_removed"]);
    }

    /// Sends the webhooks for the parent's repository and for the sub-issue's repository.
    fn tell_of_family(
        self: &Arc<Self>,
        state: &mut State,
        parent: (Id, u64),
        child: (Id, u64),
        sender: Id,
        [to_parent, to_child]: [&'static str; 2],
    ) {
        let view = View::new(state, &self.urls);
        let show = |at: (Id, u64)| {
            let repo = state.repo_by_id(at.0);
            (view.issue(repo, &repo.issues[&at.1]), view.repo(repo), repo.issues[&at.1].id)
        };
        let ((parent_issue, parent_repo, parent_id), (sub_issue, sub_repo, sub_id)) = (show(parent), show(child));
        let both = json!({
            "parent_issue_id": parent_id, "parent_issue": parent_issue, "sub_issue_id": sub_id, "sub_issue": sub_issue,
        });
        let sides =
            [(parent.0, to_parent, "sub_issue_repo", sub_repo), (child.0, to_child, "parent_issue_repo", parent_repo)];
        for (repo, action, name, other) in sides {
            let mut fields = both.clone();
            fields[name] = other;
            self.announce(state, Event { name: "sub_issues", action: Some(action), repo, sender, fields });
        }
    }
}
