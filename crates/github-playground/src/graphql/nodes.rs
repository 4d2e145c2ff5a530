//! The objects of the schema that are served, with fields from the model.

use serde_json::{Value, json};

use super::{
    GraphqlError,
    fetch::{Object, full_name},
    parse::Field,
    queue,
    select::{Desk, Thing},
};
use crate::{
    acts::closed_by,
    rest::ReactionTarget,
    rules::{self, demands, facts},
    state::{
        AccountKind, CheckStatus, Id, Issue, IssueState, Mergeability, Pull, Reaction, ReactionContent, Repo,
        ReviewComment, ReviewState, State,
    },
    view::{View, maybe_time, node_id, parse_node_id, time},
};

/// An object that was found by its global id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) repo: Id,
    /// The number of the issue or pull request that it is or belongs to.
    pub(super) number: u64,
    pub(super) target: ReactionTarget,
    /// Whether the id means the conversation and not its first comment.
    pub(super) is_thread: bool,
}

/// Finds a global id among issues, comments and reviews.
pub(super) fn find(state: &State, node: &str) -> Option<Found> {
    let (kind, id) = parse_node_id(node)?;
    state.repos.values().find_map(|repo| {
        let found = |number, target| Found { repo: repo.id, number, target, is_thread: kind == "PRRT" };
        repo.issues.values().find_map(|issue| {
            let number = issue.number;
            let pull = issue.pull.as_ref();
            match kind {
                "I" | "PR" if issue.id == id && (kind == "PR") == pull.is_some() => {
                    Some(found(number, ReactionTarget::Issue(number)))
                }
                "IC" => issue
                    .comments
                    .iter()
                    .any(|comment| comment.id == id)
                    .then(|| found(number, ReactionTarget::Comment(id))),
                "PRR" => pull?
                    .reviews
                    .iter()
                    .any(|review| review.id == id)
                    .then(|| found(number, ReactionTarget::Review(id))),
                "PRRC" | "PRRT" => pull?
                    .review_comments
                    .iter()
                    .any(|comment| comment.id == id && (kind == "PRRC" || comment.in_reply_to.is_none()))
                    .then(|| found(number, ReactionTarget::ReviewComment(id))),
                _ => None,
            }
        })
    })
}

/// The object as a [`Thing`] whose fields can be selected.
pub(super) fn thing(view: View, found: Found) -> Thing {
    match found.target {
        ReactionTarget::Issue(number) => Thing::Issue(found.repo, number),
        ReactionTarget::ReviewComment(first) if found.is_thread => Thing::Thread(found.repo, found.number, first),
        _ => Thing::Plain(written(view, found)),
    }
}

pub(super) fn actor(view: View, id: Id) -> Value {
    let account = view.state.account(id);
    let rest = view.account(id);
    let kind = match account.kind {
        AccountKind::Bot => "Bot",
        AccountKind::User => "User",
        AccountKind::Organization => "Organization",
    };
    // In GraphQL a bot's login has no brackets.
    let login = account.login.trim_end_matches("[bot]");
    json!({
        "__typename": kind, "id": rest["node_id"], "databaseId": id, "login": login, "name": account.name,
        "url": rest["html_url"], "avatarUrl": rest["avatar_url"],
    })
}

#[expect(clippy::unnecessary_wraps, reason = "every field is looked up, and some are not there")]
fn plain(value: impl Into<Value>) -> Option<Thing> {
    Some(Thing::Plain(value.into()))
}

/// A field of a repository.
pub(super) fn repository_field(
    desk: Desk,
    id: Id,
    field: &Field,
    argument: &dyn Fn(&str) -> Value,
) -> Result<Option<Thing>, GraphqlError> {
    let repo = desk.view.state.repo_by_id(id);
    let merging = repo.merging;
    let numbered = |kind: &str, fits: &dyn Fn(&Issue) -> bool| {
        let number = argument("number").as_u64().unwrap_or(0);
        let found = repo.issues.get(&number).filter(|issue| fits(issue));
        let missing =
            || GraphqlError::of_kind("NOT_FOUND", format!("Could not resolve to {kind} with the number of {number}."));
        found.map(|issue| Some(Thing::Issue(id, issue.number))).ok_or_else(missing)
    };
    Ok(match field.name.as_str() {
        "issue" => return numbered("an Issue", &|issue| issue.pull.is_none()),
        "pullRequest" => return numbered("a PullRequest", &|issue| issue.pull.is_some()),
        "issueOrPullRequest" => return numbered("an issue or pull request", &|_| true),
        "pullRequests" => Some(Thing::Connection("PullRequestConnection", pulls(repo, argument))),
        "id" => plain(node_id("R", id)),
        "databaseId" => plain(id),
        "name" => plain(repo.name.clone()),
        "nameWithOwner" => plain(desk.view.full_name(repo)),
        "description" => plain(json!(repo.description)),
        "url" => plain(desk.view.repo_web(repo, "")),
        "isPrivate" => plain(repo.private),
        "isArchived" => plain(repo.archived),
        "owner" => plain(actor(desk.view, repo.owner)),
        "mergeCommitAllowed" => plain(merging.allow_merge_commit),
        "squashMergeAllowed" => plain(merging.allow_squash_merge),
        "rebaseMergeAllowed" => plain(merging.allow_rebase_merge),
        "autoMergeAllowed" => plain(merging.allow_auto_merge),
        "deleteBranchOnMerge" => plain(merging.delete_branch_on_merge),
        "defaultBranchRef" => Some(reference(desk, repo, &full_name(&repo.default_branch))),
        "ref" => Some(reference(desk, repo, &full_name(argument("qualifiedName").as_str().unwrap_or_default()))),
        "mergeQueue" => {
            let branch = argument("branch");
            Some(queue::of_branch(repo, branch.as_str().unwrap_or(&repo.default_branch)))
        }
        "object" => {
            let given = if argument("expression").is_null() { argument("oid") } else { argument("expression") };
            let expression = given.as_str().unwrap_or_default().to_owned();
            Some(object(desk.fetched.objects.get(&(id, expression)), id))
        }
        _ => None,
    })
}

fn pulls(repo: &Repo, argument: &dyn Fn(&str) -> Value) -> Vec<Thing> {
    let states = argument("states");
    let fits = |issue: &Issue, pull: &Pull| {
        let named = |name: &str, value: &str| argument(name).as_str().is_none_or(|wanted| wanted == value);
        let of_state = match &states {
            Value::Array(states) => states.contains(&json!(pull_state(issue, pull))),
            Value::String(state) => state == pull_state(issue, pull),
            _ => true,
        };
        of_state && named("headRefName", &pull.head_ref) && named("baseRefName", &pull.base_ref)
    };
    repo.pulls()
        .filter(|(issue, pull)| fits(issue, pull))
        .map(|(issue, _)| Thing::Issue(repo.id, issue.number))
        .collect()
}

fn reference(desk: Desk, repo: &Repo, name: &str) -> Thing {
    let Some(sha) = desk.fetched.refs.get(&(repo.id, name.to_owned())) else { return Thing::Plain(Value::Null) };
    let (prefix, short) = match name.strip_prefix("refs/heads/") {
        Some(short) => ("refs/heads/", short),
        None => name.rsplit_once('/').map_or(("", name), |(_, short)| (&name[..name.len() - short.len()], short)),
    };
    let text = |text: &str| Thing::Plain(json!(text));
    let id = text(&format!("REF_{}", hex::encode(format!("{}:{name}", repo.id))));
    let members = vec![
        ("id", id),
        ("name", text(short)),
        ("prefix", text(prefix)),
        ("target", Thing::Commit(repo.id, sha.clone())),
    ];
    Thing::Object("Ref", members)
}

fn object(found: Option<&Object>, repo: Id) -> Thing {
    Thing::Plain(match found {
        None => Value::Null,
        Some(Object::Commit(sha)) => return Thing::Commit(repo, sha.clone()),
        Some(Object::Tree(sha)) => json!({ "__typename": "Tree", "id": format!("T_{sha}"), "oid": sha }),
        Some(Object::Blob(sha, bytes)) => json!({
            "__typename": "Blob", "id": format!("B_{sha}"), "oid": sha, "byteSize": bytes.len(),
            "text": std::str::from_utf8(bytes).ok(),
        }),
    })
}

/// A field of a commit.
pub(super) fn commit_field(desk: Desk, (repo, sha): (Id, &str), name: &str) -> Option<Thing> {
    let commit = desk.fetched.commits.get(&(repo, sha.to_owned()));
    match name {
        "oid" => plain(sha),
        "id" => plain(format!("C_{sha}")),
        "abbreviatedOid" => plain(&sha[..7]),
        "message" => plain(commit?.message.clone()),
        "messageHeadline" => plain(commit?.title()),
        "statusCheckRollup" => Some(rollup(desk.view, repo, sha)),
        _ => None,
    }
}

/// All checks and statuses of a commit with their combined state; null if there are none.
fn rollup(view: View, repo: Id, sha: &str) -> Thing {
    let repo = view.state.repo_by_id(repo);
    let reports = facts::reports(view.state, repo, sha);
    let any = |wanted: &dyn Fn(facts::Standing) -> bool| reports.iter().any(|report| wanted(report.standing));
    let state = match () {
        () if reports.is_empty() => return Thing::Plain(Value::Null),
        () if any(&|standing| standing == facts::Standing::Failing) => "FAILURE",
        () if any(&|standing| standing != facts::Standing::Passed) => "PENDING",
        () => "SUCCESS",
    };
    let runs = repo.runs.iter().filter(|run| run.head_sha == sha).map(|run| {
        let rest = view.check_run(repo, run);
        let word = |name: &str| rest[name].as_str().map(str::to_uppercase);
        json!({
            "__typename": "CheckRun", "id": rest["node_id"], "databaseId": run.id, "name": run.name,
            "status": word("status"), "detailsUrl": rest["details_url"],
            "conclusion": (run.status == CheckStatus::Completed).then(|| word("conclusion")),
        })
    });
    let mut statuses = std::collections::BTreeMap::new();
    for status in repo.statuses.iter().filter(|status| status.sha == sha) {
        let shown = view.status(repo, status);
        let value = json!({
            "__typename": "StatusContext", "id": shown["node_id"], "context": status.context,
            "state": shown["state"].as_str().map(str::to_uppercase), "description": status.description,
            "targetUrl": status.target_url,
        });
        statuses.insert(status.context.clone(), value);
    }
    let contexts = runs.chain(statuses.into_values()).map(Thing::Plain).collect();
    let members = vec![
        ("id", Thing::Plain(json!(format!("SCR_{sha}")))),
        ("state", Thing::Plain(json!(state))),
        ("contexts", Thing::Connection("StatusCheckRollupContextConnection", contexts)),
    ];
    Thing::Object("StatusCheckRollup", members)
}

fn pull_state(issue: &Issue, pull: &Pull) -> &'static str {
    match (&pull.merged, issue.state) {
        (Some(_), _) => "MERGED",
        (None, IssueState::Closed) => "CLOSED",
        (None, IssueState::Open) => "OPEN",
    }
}

/// A field of an issue or a pull request.
pub(super) fn issue_field(desk: Desk, (repo_id, number): (Id, u64), name: &str) -> Option<Thing> {
    let view = desk.view;
    let repo = view.state.repo_by_id(repo_id);
    let issue = &repo.issues[&number];
    let closed = issue.state == IssueState::Closed;
    let found = |target| Found { repo: repo_id, number, target, is_thread: false };
    match name {
        "number" => plain(number),
        "title" => plain(issue.title.clone()),
        "body" => plain(issue.body.clone().unwrap_or_default()),
        "url" => plain(view.issue_page(repo, issue)),
        "closed" => plain(closed),
        "locked" => plain(view.issue(repo, issue)["locked"].clone()),
        "author" => plain(actor(view, issue.author)),
        "createdAt" => plain(time(issue.created_at)),
        "updatedAt" => plain(time(issue.updated_at)),
        "closedAt" => plain(maybe_time(issue.closed_at)),
        "repository" => Some(Thing::Repository(repo_id)),
        "labels" => {
            let labels = issue.labels.iter().filter_map(|id| repo.labels.iter().find(|label| label.id == *id));
            let labels = labels.map(|label| {
                Thing::Plain(json!({
                    "__typename": "Label", "id": node_id("LA", label.id), "name": label.name, "color": label.color,
                    "description": label.description,
                }))
            });
            Some(Thing::Connection("LabelConnection", labels.collect()))
        }
        "assignees" => {
            let people = issue.assignees.iter().map(|id| Thing::Plain(actor(view, *id)));
            Some(Thing::Connection("UserConnection", people.collect()))
        }
        "comments" => {
            let comments = issue
                .comments
                .iter()
                .map(|comment| Thing::Plain(written(view, found(ReactionTarget::Comment(comment.id)))));
            Some(Thing::Connection("IssueCommentConnection", comments.collect()))
        }
        _ => match &issue.pull {
            Some(pull) => pull_field(desk, (repo, issue, pull), name),
            None => match name {
                "id" => plain(node_id("I", issue.id)),
                "databaseId" => plain(issue.id),
                "state" => plain(if closed { "CLOSED" } else { "OPEN" }),
                "stateReason" => plain(json!(issue.state_reason.as_ref().map(|reason| reason.to_uppercase()))),
                _ => None,
            },
        },
    }
}

fn pull_field(desk: Desk, (repo, issue, pull): (&Repo, &Issue, &Pull), name: &str) -> Option<Thing> {
    let view = desk.view;
    let found = |target| Found { repo: repo.id, number: issue.number, target, is_thread: false };
    match name {
        "id" => plain(node_id("PR", issue.id)),
        "databaseId" => plain(pull.id),
        "state" => plain(pull_state(issue, pull)),
        "isDraft" => plain(pull.draft),
        "merged" => plain(pull.merged.is_some()),
        "mergedAt" => plain(maybe_time(pull.merged.as_ref().map(|merged| merged.at))),
        "mergedBy" => plain(pull.merged.as_ref().map_or(Value::Null, |merged| actor(view, merged.by))),
        "mergeCommit" => Some(match &pull.merged {
            Some(merged) => Thing::Commit(repo.id, merged.sha.clone()),
            None => Thing::Plain(Value::Null),
        }),
        "headRefName" => plain(pull.head_ref.clone()),
        "headRefOid" => plain(pull.head_sha.clone()),
        "baseRefName" => plain(pull.base_ref.clone()),
        "baseRefOid" => plain(pull.base_sha.clone()),
        "mergeable" => plain(match pull.mergeability {
            Mergeability::Unknown => "UNKNOWN",
            Mergeability::Clean => "MERGEABLE",
            Mergeability::Conflict => "CONFLICTING",
        }),
        "mergeStateStatus" => plain(match issue.state {
            IssueState::Closed => "UNKNOWN".to_owned(),
            IssueState::Open => rules::mergeable_state(view.state, repo, issue).to_uppercase(),
        }),
        "reviewDecision" => plain(decision(view, repo, issue, pull)),
        "additions" => plain(pull.size.additions),
        "deletions" => plain(pull.size.deletions),
        "changedFiles" => plain(pull.size.files),
        "statusCheckRollup" => Some(rollup(view, repo.id, &pull.head_sha)),
        "commits" => {
            let commits = desk.fetched.of_pulls.get(&(repo.id, issue.number))?.iter().map(|sha| {
                let url = format!("{}/commits/{sha}", view.issue_page(repo, issue));
                let members = vec![
                    ("id", Thing::Plain(json!(format!("PRC_{sha}")))),
                    ("url", Thing::Plain(json!(url))),
                    ("commit", Thing::Commit(repo.id, sha.clone())),
                ];
                Thing::Object("PullRequestCommit", members)
            });
            Some(Thing::Connection("PullRequestCommitConnection", commits.collect()))
        }
        "closingIssuesReferences" => {
            let named = closed_by(issue.body.as_deref().unwrap_or_default(), &view.full_name(repo));
            let on_default = pull.base_ref == repo.default_branch;
            let issues = named
                .into_iter()
                .filter(|number| on_default && repo.issues.get(number).is_some_and(|issue| issue.pull.is_none()));
            Some(Thing::Connection("IssueConnection", issues.map(|number| Thing::Issue(repo.id, number)).collect()))
        }
        "reviews" => {
            let said = pull.reviews.iter().filter(|review| review.state != ReviewState::Pending);
            let reviews = said.map(|review| Thing::Plain(written(view, found(ReactionTarget::Review(review.id)))));
            Some(Thing::Connection("PullRequestReviewConnection", reviews.collect()))
        }
        "reviewRequests" => {
            let requests = pull.requested_reviewers.iter().map(|id| {
                Thing::Plain(json!({
                    "__typename": "ReviewRequest", "id": node_id("RR", pull.id ^ (*id << 20)),
                    "requestedReviewer": actor(view, *id),
                }))
            });
            Some(Thing::Connection("ReviewRequestConnection", requests.collect()))
        }
        "reviewThreads" => {
            let firsts = pull.conversations().map(|first| Thing::Thread(repo.id, issue.number, first.id));
            Some(Thing::Connection("PullRequestReviewThreadConnection", firsts.collect()))
        }
        "autoMergeRequest" => Some(auto_merge(view, repo, issue, pull)),
        _ => queue::of_pull(view, repo, (issue.number, &pull.base_ref), name),
    }
}

fn auto_merge(view: View, repo: &Repo, issue: &Issue, pull: &Pull) -> Thing {
    let Some(asked) = &pull.gate.auto_merge else { return Thing::Plain(Value::Null) };
    let members = vec![
        ("commitBody", Thing::Plain(json!(asked.message))),
        ("commitHeadline", Thing::Plain(json!(asked.title))),
        ("enabledAt", Thing::Plain(time(asked.enabled_at))),
        ("enabledBy", Thing::Plain(actor(view, asked.enabled_by))),
        ("mergeMethod", Thing::Plain(json!(asked.method.as_str().to_uppercase()))),
        ("pullRequest", Thing::Issue(repo.id, issue.number)),
    ];
    Thing::Object("AutoMergeRequest", members)
}

/// The combined decision of the reviews, if the base requires any.
/// <https://docs.github.com/en/graphql/reference/enums#pullrequestreviewdecision>
fn decision(view: View, repo: &Repo, issue: &Issue, pull: &Pull) -> Value {
    let demands = demands::of_branch(view.state, repo, &pull.base_ref, None, demands::Way::Merge);
    if demands.iter().all(|all| all.reviews.is_none()) {
        return Value::Null;
    }
    let facts = facts::of_pull(view.state, repo, issue);
    let missing = rules::may_merge(view.state, repo, issue, None, None);
    let lacks_reviews =
        missing.iter().flat_map(|all| &all.blocks).any(|block| matches!(block, rules::Block::Reviews(_)));
    json!(match () {
        () if !facts.objections.is_empty() => "CHANGES_REQUESTED",
        () if lacks_reviews => "REVIEW_REQUIRED",
        () => "APPROVED",
    })
}

/// A field of a conversation on the diff.
pub(super) fn thread_field(desk: Desk, (repo_id, number, first): (Id, u64, Id), name: &str) -> Option<Thing> {
    let view = desk.view;
    let repo = view.state.repo_by_id(repo_id);
    let pull = repo.issues[&number].pull();
    let comment = pull.review_comments.iter().find(|comment| comment.id == first)?;
    let resolver = pull.gate.resolved.get(&first);
    match name {
        "id" => plain(node_id("PRRT", first)),
        "isResolved" => plain(resolver.is_some()),
        "resolvedBy" => plain(resolver.map_or(Value::Null, |id| actor(view, *id))),
        "isOutdated" => plain(is_outdated(comment)),
        "path" => plain(comment.path.clone()),
        "line" => plain(json!(comment.line)),
        "originalLine" => plain(json!(comment.original.0)),
        "subjectType" => plain(if comment.original.0.is_some() { "LINE" } else { "FILE" }),
        "pullRequest" => Some(Thing::Issue(repo_id, number)),
        "repository" => Some(Thing::Repository(repo_id)),
        "comments" => {
            let ids = pull.in_conversation(first).map(|comment| comment.id);
            let found =
                |id| Found { repo: repo_id, number, target: ReactionTarget::ReviewComment(id), is_thread: false };
            let comments = ids.map(|id| Thing::Plain(written(view, found(id))));
            Some(Thing::Connection("PullRequestReviewCommentConnection", comments.collect()))
        }
        _ => None,
    }
}

fn is_outdated(comment: &ReviewComment) -> bool {
    comment.original.0.is_some() && comment.line.is_none()
}

/// A text by people: a comment or a review.
fn written(view: View, found: Found) -> Value {
    let repo = view.state.repo_by_id(found.repo);
    let at = &repo.issues[&found.number];
    let (kind, rest, author) = match found.target {
        ReactionTarget::Issue(_) => return Value::Null,
        ReactionTarget::Comment(id) => {
            let shown = repo.comment(id).map(|(issue, comment)| (view.comment(repo, issue, comment), comment.author));
            let Some((rest, author)) = shown else { return Value::Null };
            ("IssueComment", rest, author)
        }
        ReactionTarget::Review(id) => {
            let Some(review) = at.pull().reviews.iter().find(|review| review.id == id) else { return Value::Null };
            ("PullRequestReview", view.review(repo, at, review), review.author)
        }
        ReactionTarget::ReviewComment(id) => {
            let comment = at.pull().review_comments.iter().find(|comment| comment.id == id);
            let Some(comment) = comment else { return Value::Null };
            let mut rest = view.review_comment(repo, at, comment);
            rest["state"] = json!("SUBMITTED");
            rest["outdated"] = json!(is_outdated(comment));
            ("PullRequestReviewComment", rest, comment.author)
        }
    };
    let submitted = rest.get("submitted_at").cloned().unwrap_or(Value::Null);
    let made = rest
        .get("created_at")
        .cloned()
        .unwrap_or_else(|| if submitted.is_null() { time(at.created_at) } else { submitted.clone() });
    json!({
        "__typename": kind, "id": rest["node_id"], "databaseId": rest["id"], "body": rest["body"],
        "url": rest["html_url"], "author": actor(view, author), "state": rest["state"], "submittedAt": submitted,
        "createdAt": made, "updatedAt": rest.get("updated_at").cloned().unwrap_or(made.clone()),
        "path": rest["path"], "line": rest["line"], "originalLine": rest["original_line"], "outdated": rest["outdated"],
    })
}

pub(super) fn reaction(view: View, reaction: &Reaction) -> Value {
    let word = ReactionContent::ALL.iter().find(|all| all.0 == reaction.content).map(|all| all.2);
    json!({
        "__typename": "Reaction", "id": node_id("REA", reaction.id), "databaseId": reaction.id, "content": word,
        "user": actor(view, reaction.author), "createdAt": time(reaction.created_at),
    })
}
