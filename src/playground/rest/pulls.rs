//! Pull requests. <https://docs.github.com/en/rest/pulls/pulls>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, Input, Patch, Writer, created, ok},
    error::ApiError,
    issues::{check_body, edit_text, may_triage, sort},
    media::Form,
};
use crate::playground::{
    acts::{NewIssue, measure},
    git::{Repository, branch_ref},
    hub::Hub,
    state::{Id, Issue, IssueState, Mergeability, Pull, Repo, Role, Scope, Size, State},
};

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{repo}/pulls", get(list).post(create))
        .route("/repos/{owner}/{repo}/pulls/{number}", get(read).patch(edit))
        .route("/repos/{owner}/{repo}/pulls/{number}/commits", get(commits))
        .route("/repos/{owner}/{repo}/pulls/{number}/files", get(files))
        .route(
            "/repos/{owner}/{repo}/pulls/{number}/requested_reviewers",
            get(requested).post(request_reviewers).delete(unrequest_reviewers),
        )
}

pub(super) const PULLS: &[Scope] = &[Scope::PullRequests];

/// An issue that is a pull request; another number is not found.
pub(super) fn find(repo: &Repo, number: u64) -> Result<(&Issue, &Pull), ApiError> {
    repo.pull(number).ok_or_else(ApiError::not_found)
}

async fn list(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    let view = ctx.view(&state);
    let login = &state.account(repo.owner).login;
    let wanted = |issue: &Issue, pull: &Pull| {
        let of_state = match ctx.query("state").unwrap_or("open") {
            "all" => true,
            "closed" => issue.state == IssueState::Closed,
            _ => issue.state == IssueState::Open,
        };
        // A head without its owner is no filter at all on GitHub.
        let of_head = ctx
            .query("head")
            .and_then(|head| head.split_once(':'))
            .is_none_or(|(user, branch)| user.eq_ignore_ascii_case(login) && branch == pull.head_ref);
        of_state && of_head && ctx.query("base").is_none_or(|base| base == pull.base_ref)
    };
    let mut found: Vec<&Issue> =
        repo.pulls().filter(|(issue, pull)| wanted(issue, pull)).map(|(issue, _)| issue).collect();
    sort(&ctx, &mut found);
    Ok(ctx.list(found, |issue| view.pull_simple(repo, issue)))
}

async fn read(ctx: Ctx, At(at): At<(String, String, u64)>) -> Answer {
    if let Some(form) = Form::asked(&ctx.headers) {
        let (_, git, base, head) = sides_of(&ctx, &at)?;
        return form.of_change(&git, &base, &head).await;
    }
    let (owner, name, number) = at;
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    let (issue, _) = find(repo, number)?;
    Ok(ok(ctx.view(&state).pull(repo, issue)))
}

#[derive(Deserialize)]
struct New {
    title: Option<String>,
    body: Option<String>,
    head: Option<String>,
    base: Option<String>,
    #[serde(default)]
    draft: bool,
}

async fn create(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(new): Input<New>) -> Answer {
    let (writer, git, moving, login) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Read)?;
        let repo = state.repo_by_id(writer.repo);
        (writer, repo.git.clone(), repo.moving.clone(), state.account(repo.owner).login.clone())
    };
    let missing = |field: &str| ApiError::invalid("PullRequest", field, "missing_field");
    let title = new.title.clone().filter(|title| !title.trim().is_empty()).ok_or_else(|| missing("title"))?;
    let head = new.head.as_deref().ok_or_else(|| missing("head"))?;
    let base = new.base.as_deref().ok_or_else(|| missing("base"))?;
    check_body("PullRequest", new.body.as_deref())?;
    let head = match head.split_once(':') {
        Some((user, branch)) if user.eq_ignore_ascii_case(&login) => branch,
        Some(_) => return Err(ApiError::invalid("PullRequest", "head", "invalid")),
        None => head,
    };
    // Neither branch may move between the look at it and the pull request's beginning.
    let _still = moving.lock().await;
    if ctx.hub.overlooks(writer.repo, &branch_ref(head)) {
        return Err(ApiError::invalid("PullRequest", "head", "invalid"));
    }
    let sides = look_at(&git, base, head).await?;
    if sides.size.commits == 0 {
        return Err(ApiError::custom("PullRequest", &format!("No commits between {base} and {head}")));
    }
    let head_sha = sides.head_sha.clone();
    let number = {
        let mut state = ctx.state();
        let twin = state
            .repo_by_id(writer.repo)
            .pulls()
            .any(|(issue, pull)| issue.state == IssueState::Open && pull.head_ref == head && pull.base_ref == base);
        if twin {
            return Err(ApiError::custom("PullRequest", &format!("A pull request already exists for {login}:{head}.")));
        }
        add(&mut state, writer, title, &new, sides, (base, head))
    };
    git.set_ref(&format!("refs/pull/{number}/head"), &head_sha).await?;
    let mut state = ctx.state();
    ctx.hub.issue_opened(&mut state, (writer.repo, number), writer.actor);
    let repo = state.repo_by_id(writer.repo);
    let answer = created(ctx.view(&state).pull(repo, &repo.issues[&number]));
    // Only now: an answer to the creation never knows the mergeability yet.
    ctx.hub.compute_mergeability(&mut state, writer.repo, number);
    Ok(answer)
}

struct Sides {
    base_sha: String,
    head_sha: String,
    size: Size,
}

async fn look_at(git: &Repository, base: &str, head: &str) -> Result<Sides, ApiError> {
    let missing = |field: &'static str| move || ApiError::invalid("PullRequest", field, "invalid");
    let names = (branch_ref(base), branch_ref(head));
    let (base_sha, head_sha) = tokio::try_join!(git.ref_sha(&names.0), git.ref_sha(&names.1))?;
    let base_sha = base_sha.ok_or_else(missing("base"))?;
    let head_sha = head_sha.ok_or_else(missing("head"))?;
    if git.merge_base(&base_sha, &head_sha).await?.is_none() {
        let message = format!("The {head} branch has no history in common with {base}");
        return Err(ApiError::custom("PullRequest", &message));
    }
    let size = measure(git, &base_sha, &head_sha).await?;
    Ok(Sides { base_sha, head_sha, size })
}

fn add(state: &mut State, writer: Writer, title: String, new: &New, sides: Sides, (base, head): (&str, &str)) -> u64 {
    let id = state.new_id();
    let issue = NewIssue {
        title,
        body: new.body.clone(),
        author: writer.actor,
        via_app: writer.via_app,
        labels: Vec::new(),
        assignees: Vec::new(),
    };
    let number = state.add_issue(writer.repo, issue);
    state.issue_mut(writer.repo, number).pull = Some(Pull {
        id,
        head_ref: head.to_owned(),
        head_sha: sides.head_sha,
        base_ref: base.to_owned(),
        base_sha: sides.base_sha,
        draft: new.draft,
        mergeability: Mergeability::Unknown,
        epoch: 0,
        test_merge_sha: None,
        size: sides.size,
        merged: None,
        requested_reviewers: Vec::new(),
        reviews: Vec::new(),
        review_comments: Vec::new(),
    });
    number
}

#[derive(Deserialize)]
struct Edit {
    title: Option<String>,
    #[serde(default)]
    body: Patch<String>,
    state: Option<IssueState>,
    base: Option<String>,
}

async fn edit(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>, Input(edit): Input<Edit>) -> Answer {
    let (writer, git, moving, head, old_base) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Read)?;
        let repo = state.repo_by_id(writer.repo);
        let (issue, pull) = find(repo, number)?;
        if issue.author != writer.actor && !may_triage(&state, writer) {
            return Err(ApiError::forbidden("Must have triage rights to Repository."));
        }
        (writer, repo.git.clone(), repo.moving.clone(), pull.head_ref.clone(), pull.base_ref.clone())
    };
    if edit.title.as_deref().is_some_and(|title| title.trim().is_empty()) {
        return Err(ApiError::invalid("PullRequest", "title", "missing_field"));
    }
    check_body("PullRequest", edit.body.value().map(String::as_str))?;
    let _still = moving.lock().await;
    let at = (writer.repo, number);
    if let Some(base) = edit.base.filter(|base| *base != old_base) {
        let sides = look_at(&git, &base, &head).await?;
        retarget(&ctx, at, writer.actor, &base, sides)?;
    }
    if edit.state == Some(IssueState::Open) {
        reopenable(&ctx, &git, at).await?;
    }
    let mut state = ctx.state();
    edit_text(&ctx.hub, &mut state, at, writer.actor, edit.title, edit.body);
    match edit.state {
        Some(IssueState::Closed) => ctx.hub.close(&mut state, at, writer.actor, None, None),
        Some(IssueState::Open) => {
            ctx.hub.reopen(&mut state, at, writer.actor);
            ctx.hub.compute_mergeability(&mut state, at.0, at.1);
        }
        None => {}
    }
    let repo = state.repo_by_id(writer.repo);
    Ok(ok(ctx.view(&state).pull(repo, &repo.issues[&number])))
}

fn retarget(ctx: &Ctx, at: (Id, u64), actor: Id, base: &str, sides: Sides) -> Result<(), ApiError> {
    let mut state = ctx.state();
    let now = state.now();
    let issue = state.issue_mut(at.0, at.1);
    if issue.state == IssueState::Closed {
        return Err(ApiError::custom("PullRequest", "Cannot change the base branch of a closed pull request."));
    }
    if sides.size.commits == 0 {
        return Err(ApiError::custom(
            "PullRequest",
            &format!(
                "There are no new commits between base branch '{base}' and head branch '{}'",
                issue.pull().head_ref
            ),
        ));
    }
    issue.touch(now);
    let pull = issue.pull_mut();
    let (from_ref, from_sha) = (pull.base_ref.clone(), pull.base_sha.clone());
    base.clone_into(&mut pull.base_ref);
    pull.base_sha = sides.base_sha;
    pull.size = sides.size;
    ctx.hub.compute_mergeability(&mut state, at.0, at.1);
    let changes = json!({ "changes": { "base": { "ref": { "from": from_ref }, "sha": { "from": from_sha } } } });
    ctx.hub.announce_issue(&mut state, at, actor, "edited", changes);
    Ok(())
}

/// A pull request opens again only where both its branches still are, and it was not merged.
pub(super) async fn reopenable(ctx: &Ctx, git: &Repository, at: (Id, u64)) -> Result<(), ApiError> {
    let refuse = |message: &str| ApiError::invalid_because("PullRequest", "state", message);
    let (base, head, merged, open) = {
        let mut state = ctx.state();
        let issue = state.issue_mut(at.0, at.1);
        let pull = issue.pull();
        (pull.base_ref.clone(), pull.head_ref.clone(), pull.merged.is_some(), issue.state == IssueState::Open)
    };
    if open {
        return Ok(());
    }
    if merged {
        return Err(refuse("state cannot be changed. The pull request cannot be reopened."));
    }
    let Some(head_sha) = git.ref_sha(&branch_ref(&head)).await? else {
        return Err(refuse(&format!("state cannot be changed. The {head} branch has been deleted.")));
    };
    let Some(base_sha) = git.ref_sha(&branch_ref(&base)).await? else {
        return Err(refuse(&format!("state cannot be changed. The {base} branch has been deleted.")));
    };
    let size = measure(git, &base_sha, &head_sha).await?;
    let mut state = ctx.state();
    let pull = state.issue_mut(at.0, at.1).pull_mut();
    pull.head_sha = head_sha;
    pull.base_sha = base_sha;
    pull.size = size;
    Ok(())
}

/// What git needs to list a pull request's commits or files.
fn sides_of(
    ctx: &Ctx,
    (owner, name, number): &(String, String, u64),
) -> Result<(Id, Arc<Repository>, String, String), ApiError> {
    let state = ctx.state();
    let repo = ctx.read(&state, (owner, name), PULLS)?;
    let (_, pull) = find(repo, *number)?;
    Ok((repo.id, repo.git.clone(), pull.base_sha.clone(), pull.head_sha.clone()))
}

async fn commits(ctx: Ctx, At(at): At<(String, String, u64)>) -> Answer {
    let (repo, git, base, head) = sides_of(&ctx, &at)?;
    let commits = git.commits_between(&base, &head).await?;
    let state = ctx.state();
    let view = ctx.view(&state);
    Ok(ctx.list(&commits, |commit| view.commit(state.repo_by_id(repo), commit)))
}

async fn files(ctx: Ctx, At(at): At<(String, String, u64)>) -> Answer {
    let (repo, git, base, head) = sides_of(&ctx, &at)?;
    let files = git.files_between(&base, &head).await?;
    let state = ctx.state();
    let view = ctx.view(&state);
    Ok(ctx.list(&files, |file| view.file(state.repo_by_id(repo), &head, file)))
}

#[derive(Deserialize)]
struct Reviewers {
    #[serde(default)]
    reviewers: Vec<String>,
}

async fn requested(ctx: Ctx, At((owner, name, number)): At<(String, String, u64)>) -> Answer {
    let state = ctx.state();
    let repo = ctx.read(&state, (&owner, &name), PULLS)?;
    let (_, pull) = find(repo, number)?;
    let users: Vec<Value> = pull.requested_reviewers.iter().map(|id| ctx.view(&state).account(*id)).collect();
    Ok(ok(json!({ "users": users, "teams": [] })))
}

async fn request_reviewers(
    ctx: Ctx,
    At((owner, name, number)): At<(String, String, u64)>,
    Input(asked): Input<Reviewers>,
) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Triage)?;
    let author = find(state.repo_by_id(writer.repo), number)?.0.author;
    for login in &asked.reviewers {
        let account = state.account_by_login(login).map(|account| account.id);
        let repo = state.repo_by_id(writer.repo);
        let reviewer = account.filter(|id| repo.collaborators.contains_key(id)).ok_or_else(|| {
            ApiError::semantic("Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the repository.")
        })?;
        if reviewer == author {
            return Err(ApiError::semantic("Review cannot be requested from pull request author."));
        }
        let reviewers = &mut state.issue_mut(writer.repo, number).pull_mut().requested_reviewers;
        if !reviewers.contains(&reviewer) {
            reviewers.push(reviewer);
            let extra = json!({ "requested_reviewer": ctx.view(&state).account(reviewer) });
            ctx.hub.announce_issue(&mut state, (writer.repo, number), writer.actor, "review_requested", extra);
        }
    }
    let repo = state.repo_by_id(writer.repo);
    Ok(created(ctx.view(&state).pull_simple(repo, &repo.issues[&number])))
}

async fn unrequest_reviewers(
    ctx: Ctx,
    At((owner, name, number)): At<(String, String, u64)>,
    Input(asked): Input<Reviewers>,
) -> Answer {
    let mut state = ctx.state();
    let writer = ctx.write(&state, (&owner, &name), PULLS, Role::Triage)?;
    find(state.repo_by_id(writer.repo), number)?;
    let gone: Vec<Id> =
        asked.reviewers.iter().filter_map(|login| state.account_by_login(login)).map(|account| account.id).collect();
    state.issue_mut(writer.repo, number).pull_mut().requested_reviewers.retain(|id| !gone.contains(id));
    let repo = state.repo_by_id(writer.repo);
    Ok(ok(ctx.view(&state).pull_simple(repo, &repo.issues[&number])))
}
