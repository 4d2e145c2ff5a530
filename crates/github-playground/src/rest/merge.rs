//! Merging: a pull request into its base, or any ref into a branch.
//! <https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request>

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    context::{Answer, At, Ctx, Input, Writer, answer, created, no_content, ok},
    error::ApiError,
    guard::{guard_merge, guard_workflows},
    pulls::{PULLS, find},
};
use crate::{
    acts::{RefMove, github_signature},
    app_state::AppState,
    git::{GitError, MergeMethod, Repository, Signature, branch_ref},
    rules,
    state::{Id, IssueState, Named, Role, Scope, State, Wording},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/pulls/{number}/merge", get(is_merged).merge(put(merge)))
        .route("/repos/{owner}/{repo}/pulls/{number}/update-branch", put(update_branch))
        .route("/repos/{owner}/{repo}/merges", post(merge_branch))
}

async fn is_merged(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let (_, pull) = find(ctx.read(&state, (&owner, &name), PULLS)?, number)?;
    if pull.merged.is_some() { Ok(no_content()) } else { Err(ApiError::not_found()) }
}

/// How a pull request is to be merged.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct MergeAsked {
    pub(crate) commit_title: Option<String>,
    pub(crate) commit_message: Option<String>,
    pub(crate) sha: Option<String>,
    pub(crate) merge_method: Option<String>,
}

/// What is merged, as looked up under the lock.
struct Plan {
    git: Arc<Repository>,
    base: String,
    head_ref: String,
    head: String,
    number: u64,
    title: String,
    body: String,
    wording: Wording,
    owner: String,
    author: Signature,
    merger: Signature,
}

fn refuse(message: &str) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

async fn merge(
    ctx: Ctx,
    At((owner, name, number)): At<(String, String, u64)>,
    Input(asked): Input<MergeAsked>,
) -> Answer {
    let writer = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), &[Scope::Contents], Role::Write)?;
        find(state.repo_by_id(writer.repo), number)?;
        writer
    };
    let sha = merge_pull(&ctx.app_state, writer, number, asked).await?;
    Ok(ok(json!({ "sha": sha, "merged": true, "message": "Pull Request successfully merged" })))
}

/// Merges a pull request, whoever asks for it; answers with the commit on the base.
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

/// Looks everything up, and refuses as GitHub does: 409 where the guard fails, 405 where it cannot be merged.
fn plan(state: &State, writer: Writer, number: u64, guard: Option<&str>) -> Result<Plan, ApiError> {
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
    plan_of(state, writer, number)
}

/// Asks git whether the base went on without the head: what was noted may be older than the last push.
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

/// Makes the commit that a pull request's merge on top of another commit would be, and moves nothing.
pub(crate) async fn merge_apart(
    app_state: &AppState,
    writer: Writer,
    number: u64,
    onto: &str,
    method: MergeMethod,
) -> Result<String, GitError> {
    let plan = plan_of(&app_state.state(), writer, number).map_err(|_| GitError::NotFound(format!("#{number}")))?;
    let message = message(&plan, &MergeAsked::default(), method).await?;
    let author = if method == MergeMethod::Squash { &plan.author } else { &plan.merger };
    plan.git.merge_onto(onto, &plan.head, method, &message, author, &github_signature()).await
}

/// Refuses what the rules of the base do not allow: 409 where only the head is too old, else 405 with all that is missing.
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

/// What a merge of the pull request needs, whether it may be done or not.
fn plan_of(state: &State, writer: Writer, number: u64) -> Result<Plan, ApiError> {
    let repo = state.repo_by_id(writer.repo);
    let (issue, pull) = find(repo, number)?;
    Ok(Plan {
        git: repo.git.clone(),
        base: pull.base_ref.clone(),
        head_ref: pull.head_ref.clone(),
        head: pull.head_sha.clone(),
        number,
        title: issue.title.clone(),
        body: issue.body.clone().unwrap_or_default(),
        wording: repo.merging.wording,
        owner: state.account(repo.owner).login.clone(),
        author: signature(state, issue.author),
        merger: signature(state, writer.actor),
    })
}

/// How an account signs what the server commits for it.
pub(super) fn signature(state: &State, account: Id) -> Signature {
    let account = state.account(account);
    Signature { name: account.name.clone(), email: account.email.clone(), date: state.now() }
}

/// The commit's message, where the request leaves it to GitHub.
async fn message(plan: &Plan, asked: &MergeAsked, method: MergeMethod) -> Result<String, GitError> {
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

#[derive(Deserialize)]
struct BranchMerge {
    base: Option<String>,
    head: Option<String>,
    commit_message: Option<String>,
}

/// <https://docs.github.com/en/rest/branches/branches#merge-a-branch>
async fn merge_branch(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(asked): Input<BranchMerge>) -> Answer {
    let (writer, git, moving, signature) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), &[Scope::Contents], Role::Write)?;
        let repo = state.repo_by_id(writer.repo);
        (writer, repo.git.clone(), repo.moving.clone(), signature(&state, writer.actor))
    };
    let missing = |field: &str| ApiError::invalid("Merge", field, "missing_field");
    let base = asked.base.ok_or_else(|| missing("base"))?;
    let head = asked.head.ok_or_else(|| missing("head"))?;
    let _still = moving.lock().await;
    let base_ref = branch_ref(&base);
    let absent = |what: &str| ApiError::new(StatusCode::NOT_FOUND, format!("{what} does not exist"));
    let old = git.ref_sha(&base_ref).await?.ok_or_else(|| absent("Base"))?;
    let head_sha = super::commits::resolve(&git, &head).await.map_err(|_| absent("Head"))?;
    let message = asked.commit_message.unwrap_or_else(|| format!("Merge {head} into {base}"));
    guard_merge(&ctx, writer, &base, &old)?;
    guard_workflows(writer, &git, (Some(&old), &head_sha)).await?;
    let sha = match git.merge(&base, &head_sha, MergeMethod::Merge, &message, &signature, &github_signature()).await {
        Ok(sha) => sha,
        Err(GitError::UpToDate) => return Ok(no_content()),
        Err(error) => return Err(error.into()),
    };
    let moved = RefMove { name: base_ref, old: Some(old), new: Some(sha.clone()) };
    ctx.app_state.refs_moved(writer.repo, vec![moved], writer.actor).await?;
    let commit = git.commit(&sha).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    Ok(created(ctx.view(&state).commit(state.repo_by_id(writer.repo), &commit)))
}

#[derive(Deserialize)]
struct Update {
    expected_head_sha: Option<String>,
}

/// Merges the base into the head. <https://docs.github.com/en/rest/pulls/pulls#update-a-pull-request-branch>
async fn update_branch(
    ctx: Ctx,
    At((owner, name, number)): At<(String, String, u64)>,
    Input(asked): Input<Update>,
) -> Answer {
    let writer = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Write)?;
        find(state.repo_by_id(writer.repo), number)?;
        writer
    };
    update_pull(&ctx, writer, number, asked.expected_head_sha).await?;
    let url = ctx.urls.api(&format!("/repos/{owner}/{name}/pulls/{number}"));
    Ok(answer(StatusCode::ACCEPTED, json!({ "message": "Updating pull request branch.", "url": url })))
}

/// Merges the base of a pull request into its head.
pub(crate) async fn update_pull(
    ctx: &Ctx,
    writer: Writer,
    number: u64,
    expected: Option<String>,
) -> Result<(), ApiError> {
    let moving = ctx.state().repo_by_id(writer.repo).moving.clone();
    let _still = moving.lock().await;
    let plan = {
        let state = ctx.state();
        let (issue, pull) = find(state.repo_by_id(writer.repo), number)?;
        if issue.state == IssueState::Closed {
            return Err(ApiError::semantic("Cannot update the branch of a closed pull request."));
        }
        if expected.is_some_and(|sha| sha != pull.head_sha) {
            return Err(ApiError::semantic("expected head sha didn't match current head ref."));
        }
        plan_of(&state, writer, number)?
    };
    let base = plan.git.ref_sha(&branch_ref(&plan.base)).await?.ok_or_else(ApiError::not_found)?;
    guard_merge(ctx, writer, &plan.head_ref, &plan.head)?;
    let message = format!("Merge branch '{}' into {}", plan.base, plan.head_ref);
    let committer = github_signature();
    let merged = plan.git.merge(&plan.head_ref, &base, MergeMethod::Merge, &message, &plan.merger, &committer).await;
    let sha = merged.map_err(|error| match error {
        GitError::Conflict { .. } => ApiError::semantic("merge conflict between base and head"),
        GitError::UpToDate => ApiError::semantic("There are no new commits on the base branch."),
        other => other.into(),
    })?;
    let moved = RefMove { name: branch_ref(&plan.head_ref), old: Some(plan.head), new: Some(sha) };
    ctx.app_state.refs_moved(writer.repo, vec![moved], writer.actor).await?;
    Ok(())
}
