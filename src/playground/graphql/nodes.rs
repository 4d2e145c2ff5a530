//! The objects of the schema, as far as they are served: the model in GraphQL's spelling.

use serde_json::{Value, json};

use super::select::connection;
use crate::playground::{
    rest::Target,
    state::{AccountKind, Id, Issue, IssueState, Mergeability, Reaction, ReactionContent, Repo, State},
    view::{View, maybe_time, node_id, parse_node_id, time},
};

/// Something with a global id, found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) repo: Id,
    /// The number of the issue or pull request that it is, or belongs to.
    pub(super) number: u64,
    pub(super) target: Target,
}

/// Looks a global id up among all that can be reacted to.
pub(super) fn find(state: &State, node: &str) -> Option<Found> {
    let (kind, id) = parse_node_id(node)?;
    state.repos.values().find_map(|repo| {
        let found = |number, target| Found { repo: repo.id, number, target };
        repo.issues.values().find_map(|issue| {
            let number = issue.number;
            let pull = issue.pull.as_ref();
            match kind {
                "I" | "PR" if issue.id == id && (kind == "PR") == pull.is_some() => {
                    Some(found(number, Target::Issue(number)))
                }
                "IC" => {
                    issue.comments.iter().any(|comment| comment.id == id).then(|| found(number, Target::Comment(id)))
                }
                "PRR" => pull?.reviews.iter().any(|review| review.id == id).then(|| found(number, Target::Review(id))),
                "PRRC" => pull?
                    .review_comments
                    .iter()
                    .any(|comment| comment.id == id)
                    .then(|| found(number, Target::ReviewComment(id))),
                _ => None,
            }
        })
    })
}

/// Somebody.
pub(super) fn actor(view: View, id: Id) -> Value {
    let account = view.state.account(id);
    let rest = view.account(id);
    let kind = match account.kind {
        AccountKind::Bot => "Bot",
        AccountKind::User => "User",
        AccountKind::Organization => "Organization",
    };
    // GraphQL names a bot without the brackets of REST.
    let login = account.login.trim_end_matches("[bot]");
    json!({
        "__typename": kind, "id": rest["node_id"], "databaseId": id, "login": login, "name": account.name,
        "url": rest["html_url"], "avatarUrl": rest["avatar_url"],
    })
}

/// A repository.
pub(super) fn repository(view: View, repo: &Repo) -> Value {
    json!({
        "__typename": "Repository", "id": node_id("R", repo.id), "databaseId": repo.id, "name": repo.name,
        "nameWithOwner": view.full_name(repo), "url": view.repo_web(repo, ""), "isPrivate": repo.private,
        "owner": actor(view, repo.owner), "defaultBranchRef": { "__typename": "Ref", "name": repo.default_branch },
    })
}

/// An issue or a pull request.
pub(super) fn issue(view: View, repo: &Repo, issue: &Issue) -> Value {
    let labels = issue.labels.iter().filter_map(|id| repo.labels.iter().find(|label| label.id == *id));
    let labels: Vec<Value> = labels
        .map(|label| json!({ "__typename": "Label", "id": node_id("LA", label.id), "name": label.name, "color": label.color }))
        .collect();
    let closed = issue.state == IssueState::Closed;
    let mut value = json!({
        "__typename": "Issue", "id": node_id("I", issue.id), "databaseId": issue.id, "number": issue.number,
        "title": issue.title, "body": issue.body.as_deref().unwrap_or_default(), "url": view.issue_page(repo, issue),
        "state": if closed { "CLOSED" } else { "OPEN" }, "closed": closed, "author": actor(view, issue.author),
        "stateReason": issue.state_reason.as_ref().map(|reason| reason.to_uppercase()),
        "createdAt": time(issue.created_at), "updatedAt": time(issue.updated_at), "closedAt": maybe_time(issue.closed_at),
        "labels": connection("LabelConnection", &labels), "repository": repository(view, repo), "locked": false,
    });
    let Some(pull) = &issue.pull else { return value };
    let merge_commit = pull.merged.as_ref().map(|merged| json!({ "__typename": "Commit", "oid": merged.sha }));
    let more = json!({
        "__typename": "PullRequest", "id": node_id("PR", issue.id), "databaseId": pull.id, "isDraft": pull.draft,
        "state": if pull.merged.is_some() { "MERGED" } else if closed { "CLOSED" } else { "OPEN" },
        "merged": pull.merged.is_some(), "mergedAt": maybe_time(pull.merged.as_ref().map(|merged| merged.at)),
        "mergeCommit": merge_commit, "headRefName": pull.head_ref, "headRefOid": pull.head_sha,
        "baseRefName": pull.base_ref, "baseRefOid": pull.base_sha,
        "mergeable": match pull.mergeability {
            Mergeability::Unknown => "UNKNOWN",
            Mergeability::Clean => "MERGEABLE",
            Mergeability::Conflict => "CONFLICTING",
        },
        "additions": pull.size.additions, "deletions": pull.size.deletions, "changedFiles": pull.size.files,
    });
    crate::playground::view::merge(&mut value, more);
    value
}

/// What a global id names: an issue, a pull request, or what people wrote there.
pub(super) fn node(view: View, found: Found) -> Value {
    let repo = view.state.repo_by_id(found.repo);
    let at = &repo.issues[&found.number];
    let rest = match found.target {
        Target::Issue(_) => return issue(view, repo, at),
        Target::Comment(id) => (
            "IssueComment",
            repo.comment(id).map(|(issue, comment)| (view.comment(repo, issue, comment), comment.author)),
        ),
        Target::Review(id) => {
            let review = at.pull().reviews.iter().find(|review| review.id == id);
            ("PullRequestReview", review.map(|review| (view.review(repo, at, review), review.author)))
        }
        Target::ReviewComment(id) => {
            let comment = at.pull().review_comments.iter().find(|comment| comment.id == id);
            let shown = comment.map(|comment| (view.review_comment(repo, at, comment), comment.author));
            ("PullRequestReviewComment", shown)
        }
    };
    let (kind, Some((rest, author))) = rest else { return Value::Null };
    json!({
        "__typename": kind, "id": rest["node_id"], "databaseId": rest["id"], "body": rest["body"],
        "url": rest["html_url"], "author": actor(view, author), "state": rest["state"],
        "createdAt": rest["created_at"], "updatedAt": rest["updated_at"],
    })
}

/// A reaction.
pub(super) fn reaction(view: View, reaction: &Reaction) -> Value {
    let word = ReactionContent::ALL.iter().find(|all| all.0 == reaction.content).map(|all| all.2);
    json!({
        "__typename": "Reaction", "id": node_id("REA", reaction.id), "databaseId": reaction.id, "content": word,
        "user": actor(view, reaction.author), "createdAt": time(reaction.created_at),
    })
}
