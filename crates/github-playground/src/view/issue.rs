//! Issues, comments, reactions and history.

use serde_json::{Value, json};

use super::{View, maybe_time, node_id, time, without};
use crate::state::{Comment, Id, Issue, IssueEvent, Reaction, ReactionContent, Repo, Shown};

impl View<'_> {
    /// An issue, or a pull request in the form of an issue.
    pub(crate) fn issue(self, repo: &Repo, issue: &Issue) -> Value {
        let url = self.repo_api(repo, &format!("/issues/{}", issue.number));
        let kind = if issue.pull.is_some() { "PR" } else { "I" };
        let assignees: Vec<Value> = issue.assignees.iter().map(|id| self.account(*id)).collect();
        let mut value = json!({
            "url": url, "repository_url": self.repo_api(repo, ""), "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"),
            "html_url": self.issue_page(repo, issue), "id": issue.id, "node_id": node_id(kind, issue.id),
            "number": issue.number, "title": issue.title, "user": self.account(issue.author),
            "labels": self.labels(repo, &issue.labels), "state": issue.state, "state_reason": issue.state_reason,
            "locked": issue.locked.is_some(), "assignee": assignees.first(), "assignees": assignees, "milestone": self.milestone_of(repo, issue),
            "comments": issue.comments.len(), "created_at": time(issue.created_at),
            "updated_at": time(issue.updated_at), "closed_at": maybe_time(issue.closed_at),
            "closed_by": self.maybe_account(issue.closed_by),
            "author_association": self.association(repo, issue.author), "active_lock_reason": issue.locked.as_ref().and_then(|lock| lock.reason.as_ref()),
            "body": issue.body, "reactions": reaction_summary(&format!("{url}/reactions"), &issue.reactions),
            "timeline_url": format!("{url}/timeline"), "performed_via_github_app": self.performed_via(issue.via_app, issue.author),
        });
        if issue.pull.is_none() {
            value["sub_issues_summary"] = self.sub_issues_summary(issue);
        }
        if issue.parent.is_some() {
            value["parent_issue_url"] = self.parent_url(issue);
        }
        if let Some(pull) = &issue.pull {
            let html = self.issue_page(repo, issue);
            value["draft"] = json!(pull.draft);
            value["pull_request"] = json!({
                "url": self.repo_api(repo, &format!("/pulls/{}", issue.number)), "html_url": html,
                "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
                "merged_at": maybe_time(pull.merged.as_ref().map(|merged| merged.at)),
            });
        }
        value
    }

    /// An issue in webhooks: without who closed it (that is the sender), and with fewer members of apps and assignees.
    pub(crate) fn issue_in_webhook(self, repo: &Repo, issue: &Issue) -> Value {
        let mut value = self.issue(repo, issue);
        without(&mut value, &["closed_by", "parent_issue_url"]);
        without(&mut value["performed_via_github_app"], &["client_id"]);
        without(&mut value["assignee"], &["user_view_type"]);
        for assignee in value["assignees"].as_array_mut().into_iter().flatten() {
            without(assignee, &["user_view_type"]);
        }
        value
    }

    /// The page of an issue or pull request.
    pub(crate) fn issue_page(self, repo: &Repo, issue: &Issue) -> String {
        let kind = if issue.pull.is_some() { "pull" } else { "issues" };
        self.repo_web(repo, &format!("/{kind}/{}", issue.number))
    }

    /// A comment on an issue.
    pub(crate) fn comment(self, repo: &Repo, issue: &Issue, comment: &Comment) -> Value {
        let url = self.repo_api(repo, &format!("/issues/comments/{}", comment.id));
        json!({
            "url": url, "html_url": format!("{}#issuecomment-{}", self.issue_page(repo, issue), comment.id),
            "issue_url": self.repo_api(repo, &format!("/issues/{}", issue.number)), "id": comment.id,
            "node_id": node_id("IC", comment.id), "user": self.account(comment.author),
            "created_at": time(comment.created_at), "updated_at": time(comment.updated_at),
            "author_association": self.association(repo, comment.author), "body": comment.body,
            "reactions": reaction_summary(&format!("{url}/reactions"), &comment.reactions),
            "performed_via_github_app": self.performed_via(comment.via_app, comment.author),
        })
    }

    /// A person's association with a repository, as an app sees it. A hidden membership is not shown. It is a hint and
    /// not an authorisation. <https://docs.github.com/en/graphql/reference/enums#commentauthorassociation>
    pub(crate) fn association(self, repo: &Repo, account: Id) -> &'static str {
        if repo.owner == account {
            return "OWNER";
        }
        if self.state.member(repo.owner, account).is_some_and(|member| member.shown == Shown::Publicly) {
            return "MEMBER";
        }
        if repo.collaborators.contains_key(&account) {
            return "COLLABORATOR";
        }
        let contributed = repo.pulls().any(|(issue, pull)| issue.author == account && pull.merged.is_some());
        if contributed { "CONTRIBUTOR" } else { "NONE" }
    }

    /// `performed_via_github_app`.
    pub(crate) fn performed_via(self, via_app: bool, author: Id) -> Value {
        let app = self.state.apps().find(|app| app.bot == author).filter(|_| via_app);
        app.map_or(Value::Null, |app| self.app(app))
    }

    /// One reaction.
    pub(crate) fn reaction(self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id, "node_id": node_id("REA", reaction.id), "user": self.account(reaction.author),
            "content": reaction.content, "created_at": time(reaction.created_at),
        })
    }

    /// An event of an issue's history.
    pub(crate) fn issue_event(self, repo: &Repo, event: &IssueEvent) -> Value {
        let mut value = json!({
            "id": event.id, "node_id": node_id("EV", event.id),
            "url": self.repo_api(repo, &format!("/issues/events/{}", event.id)),
            "actor": self.account(event.actor), "event": event.event, "commit_id": event.commit_id,
            "commit_url": event.commit_id.as_ref().map(|sha| self.repo_api(repo, &format!("/commits/{sha}"))),
            "created_at": time(event.created_at), "performed_via_github_app": null,
        });
        if let Some((name, color)) = &event.label {
            value["label"] = json!({ "name": name, "color": color });
        }
        super::merge(&mut value, self.detail(&event.detail, event.actor));
        value
    }
}

/// The summary of reactions.
pub(crate) fn reaction_summary(url: &str, reactions: &[Reaction]) -> Value {
    let mut value = json!({ "url": url, "total_count": reactions.len() });
    for (content, word, _) in ReactionContent::ALL {
        let count = reactions.iter().filter(|all| all.content == content).count();
        value[word] = json!(count);
    }
    value
}
