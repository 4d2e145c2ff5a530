//! Opens, closes and labels issues and, with other webhooks, pull requests.

use std::sync::Arc;

use serde_json::{Value, json};

use super::DequeueReason;
use crate::{
    app_state::AppState,
    state::{Detail, Id, Issue, IssueEvent, IssueState, State},
    view::{View, merge, without_view_type},
    webhooks::Event,
};

/// The fields of a new issue.
pub(crate) struct NewIssue {
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: Id,
    pub(crate) via_app: bool,
    pub(crate) labels: Vec<Id>,
    pub(crate) assignees: Vec<Id>,
}

impl State {
    /// Adds an issue to a repository and returns its number. Sends no webhook.
    pub(crate) fn add_issue(&mut self, repo: Id, new: NewIssue) -> u64 {
        let (id, now) = (self.new_id(), self.now());
        let repo = self.repo_mut(repo);
        let number = repo.next_number();
        let issue = Issue {
            id,
            number,
            title: new.title,
            body: new.body,
            author: new.author,
            via_app: new.via_app,
            state: IssueState::Open,
            state_reason: None,
            labels: new.labels,
            assignees: new.assignees,
            milestone: None,
            locked: None,
            parent: None,
            sub_issues: Vec::new(),
            comments: Vec::new(),
            reactions: Vec::new(),
            events: Vec::new(),
            created_at: now,
            updated_at: now,
            closed_at: None,
            closed_by: None,
            pull: None,
        };
        repo.issues.insert(issue);
        number
    }

    /// An issue that the caller has looked up before.
    pub(crate) fn issue_mut(&mut self, repo: Id, number: u64) -> &mut Issue {
        self.repo_mut(repo)
            .issues
            .get_mut(number)
            .expect("the caller looked the issue up under the same lock, or issues are never removed")
    }
}

impl AppState {
    /// Sends the webhook of an issue, or of a pull request if it is one.
    pub(crate) fn announce_issue(
        self: &Arc<Self>,
        state: &mut State,
        (repo, number): (Id, u64),
        sender: Id,
        action: &'static str,
        extra: Value,
    ) {
        let view = View::new(state, &self.urls);
        let found = state.repo_by_id(repo);
        let issue = &found.issues[&number];
        let (name, mut fields) = if issue.pull.is_some() {
            ("pull_request", json!({ "number": number, "pull_request": view.pull(found, issue) }))
        } else {
            ("issues", json!({ "issue": view.issue_in_webhook(found, issue) }))
        };
        merge(&mut fields, extra);
        if ["locked", "unlocked", "milestoned", "demilestoned"].contains(&action) {
            without_view_type(&mut fields);
        }
        self.announce(state, Event { name, action: Some(action), repo, sender, fields });
    }

    /// Announces a new issue and each of its labels.
    pub(crate) fn issue_opened(self: &Arc<Self>, state: &mut State, at: (Id, u64), sender: Id) {
        self.announce_issue(state, at, sender, "opened", json!({}));
        for label in state.repo_by_id(at.0).issues[&at.1].labels.clone() {
            self.log_label(state, at, sender, label, "labeled");
        }
    }

    /// Closes an open issue or pull request.
    pub(crate) fn close(
        self: &Arc<Self>,
        state: &mut State,
        at: (Id, u64),
        actor: Id,
        reason: Option<&str>,
        commit: Option<&str>,
    ) {
        let (event, now) = (state.new_id(), state.now());
        let issue = state.issue_mut(at.0, at.1);
        if issue.state == IssueState::Closed {
            return;
        }
        issue.state = IssueState::Closed;
        issue.state_reason = issue.pull.is_none().then(|| reason.unwrap_or("completed").to_owned());
        issue.closed_at = Some(now);
        issue.closed_by = Some(actor);
        issue.log(event, "closed", actor, now);
        if let Some(event) = issue.events.last_mut() {
            event.commit_id = commit.map(str::to_owned);
        }
        self.announce_issue(state, at, actor, "closed", json!({}));
        self.leave_queue(state, at, actor, DequeueReason::Manual);
    }

    /// Reopens a closed issue or pull request.
    pub(crate) fn reopen(self: &Arc<Self>, state: &mut State, at: (Id, u64), actor: Id) {
        let (event, now) = (state.new_id(), state.now());
        let issue = state.issue_mut(at.0, at.1);
        if issue.state == IssueState::Open {
            return;
        }
        issue.state = IssueState::Open;
        issue.state_reason = issue.pull.is_none().then(|| "reopened".to_owned());
        issue.closed_at = None;
        issue.closed_by = None;
        issue.log(event, "reopened", actor, now);
        self.announce_issue(state, at, actor, "reopened", json!({}));
    }

    /// Sets an issue's labels to exactly these. Only the differences are announced.
    pub(crate) fn set_labels(self: &Arc<Self>, state: &mut State, at: (Id, u64), actor: Id, wanted: &[Id]) {
        let had = state.issue_mut(at.0, at.1).labels.clone();
        for label in had.iter().filter(|label| !wanted.contains(label)) {
            state.issue_mut(at.0, at.1).labels.retain(|kept| kept != label);
            self.log_label(state, at, actor, *label, "unlabeled");
        }
        for label in wanted {
            let labels = &mut state.issue_mut(at.0, at.1).labels;
            if !labels.contains(label) {
                labels.push(*label);
                self.log_label(state, at, actor, *label, "labeled");
            }
        }
    }

    fn log_label(self: &Arc<Self>, state: &mut State, at: (Id, u64), actor: Id, label: Id, event: &'static str) {
        let (id, now) = (state.new_id(), state.now());
        let repo = state.repo_by_id(at.0);
        let Some(label) = repo.labels.iter().find(|found| found.id == label).cloned() else {
            return;
        };
        let shown = View::new(state, &self.urls).label(repo, &label);
        let issue = state.issue_mut(at.0, at.1);
        issue.touch(now);
        issue.events.push(IssueEvent {
            id,
            event,
            actor,
            label: Some((label.name, label.color)),
            commit_id: None,
            detail: Detail::None,
            created_at: now,
        });
        self.announce_issue(state, at, actor, event, json!({ "label": shown }));
    }
}
