//! Pull requests, reviews and review comments.

use serde_json::{Value, json};

use super::{View, account::merge, issue::reaction_summary, maybe_time, node_id, time};
use crate::{
    rules,
    state::{Issue, IssueState, Mergeability, Pull, Repo, Review, ReviewComment},
};

impl View<'_> {
    /// A pull request in lists ("simple").
    pub(crate) fn pull_simple(self, repo: &Repo, issue: &Issue) -> Value {
        let pull = issue.pull();
        let url = self.repo_api(repo, &format!("/pulls/{}", issue.number));
        let issue_url = self.repo_api(repo, &format!("/issues/{}", issue.number));
        let statuses = self.repo_api(repo, &format!("/statuses/{}", pull.head_sha));
        let html = self.issue_page(repo, issue);
        let assignees: Vec<Value> = issue.assignees.iter().map(|id| self.account(*id)).collect();
        let reviewers: Vec<Value> = pull.requested_reviewers.iter().map(|id| self.account(*id)).collect();
        let merge_sha = pull.merged.as_ref().map(|merged| &merged.sha).or(pull.test_merge_sha.as_ref());
        let mut value = json!({
            "url": url, "id": pull.id, "node_id": node_id("PR", issue.id), "html_url": html,
            "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "issue_url": issue_url,
            "number": issue.number, "state": issue.state, "locked": issue.locked.is_some(), "title": issue.title,
            "user": self.account(issue.author), "body": issue.body, "created_at": time(issue.created_at),
            "updated_at": time(issue.updated_at), "closed_at": maybe_time(issue.closed_at),
            "merged_at": maybe_time(pull.merged.as_ref().map(|merged| merged.at)), "merge_commit_sha": merge_sha,
            "author_association": self.association(repo, issue.author), "auto_merge": self.auto_merge(pull),
            "active_lock_reason": issue.locked.as_ref().and_then(|lock| lock.reason.as_ref()),
        });
        let people_and_sides = json!({
            "assignee": assignees.first(), "assignees": assignees, "requested_reviewers": reviewers,
            "requested_teams": [], "labels": self.labels(repo, &issue.labels), "milestone": self.milestone_of(repo, issue), "draft": pull.draft,
            "head": self.pull_side(repo, &pull.head_ref, &pull.head_sha),
            "base": self.pull_side(repo, &pull.base_ref, &pull.base_sha),
        });
        let review_comment = self.repo_api(repo, "/pulls/comments{/number}");
        let links = json!({
            "commits_url": format!("{url}/commits"), "review_comments_url": format!("{url}/comments"),
            "review_comment_url": review_comment, "comments_url": format!("{issue_url}/comments"), "statuses_url": statuses,
            "_links": {
                "self": { "href": url }, "html": { "href": html }, "issue": { "href": issue_url },
                "comments": { "href": format!("{issue_url}/comments") },
                "review_comments": { "href": format!("{url}/comments") }, "review_comment": { "href": review_comment },
                "commits": { "href": format!("{url}/commits") }, "statuses": { "href": statuses },
            },
        });
        merge(&mut value, people_and_sides);
        merge(&mut value, links);
        value
    }

    fn auto_merge(self, pull: &Pull) -> Value {
        pull.gate.auto_merge.as_ref().map_or(Value::Null, |asked| {
            json!({
                "enabled_by": self.account(asked.enabled_by), "merge_method": asked.method.as_str(),
                "commit_title": asked.title.as_deref().unwrap_or_default(),
                "commit_message": asked.message.as_deref().unwrap_or_default(),
            })
        })
    }

    /// A pull request in full.
    pub(crate) fn pull(self, repo: &Repo, issue: &Issue) -> Value {
        let pull = issue.pull();
        let mergeable = match (issue.state, pull.mergeability) {
            (IssueState::Closed, _) | (_, Mergeability::Unknown) => None,
            (_, known) => Some(known == Mergeability::Clean),
        };
        let mut value = self.pull_simple(repo, issue);
        merge(
            &mut value,
            json!({
                "merged": pull.merged.is_some(), "mergeable": mergeable, "rebaseable": mergeable,
                "mergeable_state": self.mergeable_state(repo, issue),
                "merged_by": self.maybe_account(pull.merged.as_ref().map(|merged| merged.by)),
                "comments": issue.comments.len(), "review_comments": pull.review_comments.len(),
                "maintainer_can_modify": false, "commits": pull.size.commits, "additions": pull.size.additions,
                "deletions": pull.size.deletions, "changed_files": pull.size.files,
            }),
        );
        value
    }

    fn mergeable_state(self, repo: &Repo, issue: &Issue) -> &'static str {
        match issue.state {
            IssueState::Closed => "unknown",
            IssueState::Open => rules::mergeable_state(self.state, repo, issue),
        }
    }

    /// The short form of a pull request in a check run.
    pub(crate) fn pull_minimal(self, repo: &Repo, issue: &Issue) -> Value {
        let pull = issue.pull();
        let side = |name: &str, sha: &str| {
            json!({
                "ref": name, "sha": sha,
                "repo": { "id": repo.id, "url": self.repo_api(repo, ""), "name": repo.name },
            })
        };
        json!({
            "id": pull.id, "number": issue.number,
            "url": self.repo_api(repo, &format!("/pulls/{}", issue.number)),
            "head": side(&pull.head_ref, &pull.head_sha), "base": side(&pull.base_ref, &pull.base_sha),
        })
    }

    fn pull_side(self, repo: &Repo, name: &str, sha: &str) -> Value {
        json!({
            "label": format!("{}:{name}", self.state.account(repo.owner).login), "ref": name, "sha": sha,
            "user": self.account(repo.owner), "repo": self.repo(repo),
        })
    }

    /// A review.
    pub(crate) fn review(self, repo: &Repo, issue: &Issue, review: &Review) -> Value {
        let html = format!("{}#pullrequestreview-{}", self.issue_page(repo, issue), review.id);
        let pull_url = self.repo_api(repo, &format!("/pulls/{}", issue.number));
        let mut value = json!({
            "id": review.id, "node_id": node_id("PRR", review.id), "user": self.account(review.author),
            "body": review.body, "state": review.state.as_str(), "html_url": html, "pull_request_url": pull_url,
            "author_association": self.association(repo, review.author),
            "_links": { "html": { "href": html }, "pull_request": { "href": pull_url } },
            "commit_id": review.commit_id,
        });
        if let Some(at) = review.submitted_at {
            value["submitted_at"] = time(at);
        }
        value
    }

    /// A review in webhooks: the state is in lower case, and an empty body is null.
    pub(crate) fn review_in_webhook(self, repo: &Repo, issue: &Issue, review: &Review) -> Value {
        let mut value = self.review(repo, issue, review);
        value["state"] = json!(review.state.as_str().to_lowercase());
        value["submitted_at"] = maybe_time(review.submitted_at);
        if review.body.is_empty() {
            value["body"] = Value::Null;
        }
        value
    }

    /// A comment on the diff.
    pub(crate) fn review_comment(self, repo: &Repo, issue: &Issue, comment: &ReviewComment) -> Value {
        let url = self.repo_api(repo, &format!("/pulls/comments/{}", comment.id));
        let html = format!("{}#discussion_r{}", self.issue_page(repo, issue), comment.id);
        let pull_url = self.repo_api(repo, &format!("/pulls/{}", issue.number));
        let (original_line, original_start, original_position) = comment.original;
        let mut value = json!({
            "url": url, "pull_request_review_id": comment.review, "id": comment.id,
            "node_id": node_id("PRRC", comment.id), "diff_hunk": comment.diff_hunk, "path": comment.path,
            "commit_id": comment.commit_id, "original_commit_id": comment.original_commit_id,
            "user": self.account(comment.author), "body": comment.body, "created_at": time(comment.created_at),
            "updated_at": time(comment.updated_at), "html_url": html, "pull_request_url": pull_url,
            "author_association": self.association(repo, comment.author),
            "_links": {
                "self": { "href": url }, "html": { "href": html }, "pull_request": { "href": pull_url },
            },
            "reactions": reaction_summary(&format!("{url}/reactions"), &comment.reactions),
            "start_line": comment.start_line, "original_start_line": original_start,
            "start_side": original_start.map(|_| comment.side), "line": comment.line,
            "original_line": original_line, "side": comment.side,
            "position": comment.position, "original_position": original_position,
            "subject_type": if original_line.is_some() { "line" } else { "file" },
        });
        if let Some(first) = comment.in_reply_to {
            value["in_reply_to_id"] = json!(first);
        }
        value
    }
}
