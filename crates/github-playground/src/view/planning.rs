//! Milestones, sub-issues and locks.

use serde_json::{Value, json};

use super::{View, maybe_time, node_id, time, without};
use crate::state::{Detail, Id, Issue, IssueState, Milestone, Repo};

impl View<'_> {
    /// A milestone.
    pub(crate) fn milestone(self, repo: &Repo, milestone: &Milestone) -> Value {
        let url = self.repo_api(repo, &format!("/milestones/{}", milestone.number));
        let (open, closed) = counts(repo, milestone);
        json!({
            "url": url, "html_url": self.repo_web(repo, &format!("/milestone/{}", milestone.number)),
            "labels_url": format!("{url}/labels"), "id": milestone.id, "node_id": node_id("MI", milestone.id),
            "number": milestone.number, "title": milestone.title, "description": milestone.description,
            "creator": self.account(milestone.creator), "open_issues": open, "closed_issues": closed,
            "state": milestone.state, "created_at": time(milestone.created_at),
            "updated_at": time(milestone.updated_at), "due_on": maybe_time(milestone.due_on),
            "closed_at": maybe_time(milestone.closed_at),
        })
    }

    /// The milestone of an issue.
    pub(crate) fn milestone_of(self, repo: &Repo, issue: &Issue) -> Value {
        let found = issue.milestone.and_then(|number| repo.milestone(number));
        found.map_or(Value::Null, |milestone| self.milestone(repo, milestone))
    }

    /// The numbers of an issue's sub-issues and of the closed ones among them.
    pub(crate) fn sub_issues_summary(self, issue: &Issue) -> Value {
        let done = |at: &&(Id, u64)| self.state.repo_by_id(at.0).issues[&at.1].state == IssueState::Closed;
        let (total, completed) = (issue.sub_issues.len(), issue.sub_issues.iter().filter(done).count());
        let percent = (completed * 100).checked_div(total).unwrap_or(0);
        json!({ "total": total, "completed": completed, "percent_completed": percent })
    }

    /// The URL of an issue's parent; null if it has none.
    pub(crate) fn parent_url(self, issue: &Issue) -> Value {
        let url = |at: (Id, u64)| self.repo_api(self.state.repo_by_id(at.0), &format!("/issues/{}", at.1));
        json!(issue.parent.map(url))
    }

    /// The data of an event besides its name.
    pub(crate) fn detail(self, detail: &Detail, actor: Id) -> Value {
        match detail {
            Detail::None => json!({}),
            Detail::Assignee(id) => json!({ "assignee": self.account(*id), "assigner": self.account(actor) }),
            Detail::Milestone(title) => json!({ "milestone": { "title": title } }),
            Detail::Lock(reason) => json!({ "lock_reason": reason }),
            Detail::Renamed { from, to } => json!({ "rename": { "from": from, "to": to } }),
            Detail::SubIssue(at) => json!({ "sub_issue": self.reference(*at) }),
            Detail::ParentIssue(at) => json!({ "parent_issue": self.reference(*at) }),
        }
    }

    /// An issue in another issue's event.
    fn reference(self, at: (Id, u64)) -> Value {
        let repo = self.state.repo_by_id(at.0);
        let issue = &repo.issues[&at.1];
        json!({
            "number": issue.number, "title": issue.title, "state": issue.state, "state_reason": issue.state_reason,
            "repository": self.repo_simple(repo), "issue_type": null,
        })
    }
}

/// The closed part of a milestone, in percent.
pub(crate) fn completeness(repo: &Repo, milestone: &Milestone) -> usize {
    let (open, closed) = counts(repo, milestone);
    (closed * 100).checked_div(open + closed).unwrap_or(0)
}

fn counts(repo: &Repo, milestone: &Milestone) -> (usize, usize) {
    let of = |state: IssueState| {
        let its = repo.issues.values().filter(|issue| issue.milestone == Some(milestone.number));
        its.filter(|issue| issue.state == state).count()
    };
    (of(IssueState::Open), of(IssueState::Closed))
}

/// Removes `user_view_type` from every account in a value. The description of some webhooks lacks it.
pub(crate) fn without_view_type(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(without_view_type),
        Value::Array(items) => items.iter_mut().for_each(without_view_type),
        _ => return,
    }
    without(value, &["user_view_type"]);
}
