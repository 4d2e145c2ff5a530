//! Merges a pull request for a person, for auto-merge or for the queue.
//! <https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request>

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Deserialize;

use super::{RefMove, github_signature};
use crate::{
    app_state::AppState,
    error::ApiError,
    git::{GitError, MergeMethod, Repository, Signature, branch_ref},
    rules::{self, workflows},
    state::{Id, Issue, IssueState, Named, Pull, Repo, State, Wording},
};

/// A caller who may change a repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer {
    pub(crate) repo: Id,
    pub(crate) actor: Id,
    pub(crate) via_app: bool,
    /// Whether the caller may change workflow files.
    pub(crate) workflows: bool,
}

/// A request to merge.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct MergeAsked {
    pub(crate) commit_title: Option<String>,
    pub(crate) commit_message: Option<String>,
    pub(crate) sha: Option<String>,
    pub(crate) merge_method: Option<String>,
}

/// The facts of a merge, as read under the lock.
pub(crate) struct MergePlan {
    pub(crate) git: Arc<Repository>,
    pub(crate) base: String,
    pub(crate) head_ref: String,
    pub(crate) head: String,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) wording: Wording,
    pub(crate) owner: String,
    pub(crate) author: Signature,
    pub(crate) merger: Signature,
}

fn refuse(message: &str) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// Merges a pull request and returns the commit on the base.
pub(crate) async fn merge_pull(
    app_state: &Arc<AppState>,
    writer: Writer,
    number: u64,
    asked: MergeAsked,
) -> Result<String, ApiError> {
    let moving = app_state.state().repo_by_id(writer.repo).moving.clone();
    let method = match asked.merge_method.as_deref() {
        None | Some("merge") => MergeMethod::Merge,
        Some("squash") => MergeMethod::Squash,
        Some("rebase") => MergeMethod::Rebase,
        Some(_) => return Err(ApiError::invalid("PullRequest", "merge_method", "invalid")),
    };
    let _still = moving.lock().await;
    let plan = plan(&app_state.state(), writer, number, asked.sha.as_deref())?;
    let base_ref = branch_ref(&plan.base);
    let old = plan.git.ref_sha(&base_ref).await?;
    look_behind(app_state, (writer.repo, number), &plan.git, old.as_deref(), &plan.head).await?;
    allowed(&app_state.state(), writer, number, method)?;
    guard_workflows(writer, &plan.git, (old.as_deref(), &plan.head)).await?;
    let message = message(&plan, &asked, method).await?;
    let author = if method == MergeMethod::Squash { &plan.author } else { &plan.merger };
    let merged = plan.git.merge(&plan.base, &plan.head, method, &message, author, &github_signature()).await;
    let sha = merged.map_err(|error| match error {
        GitError::Conflict { .. } | GitError::UpToDate | GitError::NoCommonAncestor(..) => {
            refuse("Pull Request is not mergeable")
        }
        GitError::Moved { .. } => refuse("Base branch was modified. Review and try the merge again."),
        other => other.into(),
    })?;
    app_state.merged(&mut app_state.state(), (writer.repo, number), writer.actor, &sha);
    let moved = RefMove { name: base_ref, old, new: Some(sha.clone()) };
    app_state.refs_moved(writer.repo, vec![moved], writer.actor).await?;
    app_state.tidy_up((writer.repo, number), writer.actor).await?;
    Ok(sha)
}

/// Reads the facts, and refuses as GitHub does: 409 if the guard fails, 405 if it cannot be merged.
fn plan(state: &State, writer: Writer, number: u64, guard: Option<&str>) -> Result<MergePlan, ApiError> {
    let repo = state.repo_by_id(writer.repo);
    let (issue, pull) = find(repo, number)?;
    if issue.state == IssueState::Closed {
        return Err(refuse("Pull Request is not mergeable"));
    }
    if pull.draft {
        return Err(refuse("Pull Request is still a draft"));
    }
    if guard.is_some_and(|sha| !sha.eq_ignore_ascii_case(&pull.head_sha)) {
        return Err(ApiError::new(StatusCode::CONFLICT, "Head branch was modified. Review and try the merge again."));
    }
    merge_plan(state, writer, number)
}

/// Asks git whether the base has commits that the head lacks. The stored value may be older than the last push.
async fn look_behind(
    app_state: &AppState,
    at: (Id, u64),
    git: &Repository,
    base: Option<&str>,
    head: &str,
) -> Result<(), ApiError> {
    if let Some(base) = base {
        let behind = !git.is_ancestor(base, head).await?;
        app_state.state().issue_mut(at.0, at.1).pull_mut().gate.behind = behind;
    }
    Ok(())
}

/// Creates the merge commit of a pull request on top of another commit, and moves no branch.
pub(crate) async fn merge_apart(
    app_state: &AppState,
    writer: Writer,
    number: u64,
    onto: &str,
    method: MergeMethod,
) -> Result<String, GitError> {
    let plan = merge_plan(&app_state.state(), writer, number).map_err(|_| GitError::NotFound(format!("#{number}")))?;
    let message = message(&plan, &MergeAsked::default(), method).await?;
    let author = if method == MergeMethod::Squash { &plan.author } else { &plan.merger };
    plan.git.merge_onto(onto, &plan.head, method, &message, author, &github_signature()).await
}

/// Refuses what the rules of the base forbid: 409 if only the head is out of date, else 405 with everything that is
/// missing.
/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/troubleshooting-required-status-checks>
fn allowed(state: &State, writer: Writer, number: u64, method: MergeMethod) -> Result<(), ApiError> {
    let repo = state.repo_by_id(writer.repo);
    let (issue, _) = find(repo, number)?;
    let merging = repo.merging;
    let offered = match method {
        MergeMethod::Merge => merging.allow_merge_commit,
        MergeMethod::Squash => merging.allow_squash_merge,
        MergeMethod::Rebase => merging.allow_rebase_merge,
    };
    if !offered {
        return Err(refuse(rules::judge::method_refused(method)));
    }
    let refused = rules::may_merge(state, repo, issue, Some(writer.actor), Some(method));
    if refused.is_empty() {
        return Ok(());
    }
    let behind_only = refused.iter().flat_map(|all| &all.blocks).all(|block| *block == rules::Block::Behind);
    let status = if behind_only { StatusCode::CONFLICT } else { StatusCode::METHOD_NOT_ALLOWED };
    Err(ApiError::new(status, rules::judge::message(&refused)))
}

/// The facts that a merge of the pull request needs, whether it is allowed or not.
pub(crate) fn merge_plan(state: &State, writer: Writer, number: u64) -> Result<MergePlan, ApiError> {
    let repo = state.repo_by_id(writer.repo);
    let (issue, pull) = find(repo, number)?;
    Ok(MergePlan {
        git: repo.git.clone(),
        base: pull.base_ref.clone(),
        head_ref: pull.head_ref.clone(),
        head: pull.head_sha.clone(),
        number,
        title: issue.title.clone(),
        body: issue.body.clone().unwrap_or_default(),
        wording: repo.merging.wording,
        owner: state.account(repo.owner).login.clone(),
        author: state.signature_of(issue.author),
        merger: state.signature_of(writer.actor),
    })
}

/// The commit's message, unless the request has one.
async fn message(plan: &MergePlan, asked: &MergeAsked, method: MergeMethod) -> Result<String, GitError> {
    let head = format!("{}/{}", plan.owner, plan.head_ref);
    let named = Named { number: plan.number, title: &plan.title, body: &plan.body, head: &head };
    let (title, body) = if method == MergeMethod::Squash {
        let commits = plan.git.commits_between(&branch_ref(&plan.base), &plan.head).await?;
        let messages: Vec<&str> = commits.iter().map(|commit| commit.message.as_str()).collect();
        plan.wording.of_squash(named, &messages)
    } else {
        plan.wording.of_merge(named)
    };
    let title = asked.commit_title.clone().filter(|title| !title.is_empty()).unwrap_or(title);
    let body = asked.commit_message.clone().unwrap_or(body);
    Ok(if body.is_empty() { title } else { format!("{title}\n\n{body}") })
}

/// Refuses a merge that changes workflows with a 403, if the caller may not write them.
/// <https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps>
pub(crate) async fn guard_workflows(
    writer: Writer,
    git: &Repository,
    (base, head): (Option<&str>, &str),
) -> Result<(), ApiError> {
    let Some(base) = base.filter(|_| !writer.workflows) else { return Ok(()) };
    match git.changed_workflow(base, head).await? {
        Some(path) => Err(ApiError::forbidden(workflows::refusal(&path))),
        None => Ok(()),
    }
}

fn find(repo: &Repo, number: u64) -> Result<(&Issue, &Pull), ApiError> {
    repo.pull(number).ok_or_else(ApiError::not_found)
}
