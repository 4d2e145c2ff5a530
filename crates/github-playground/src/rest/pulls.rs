//! Pull requests. <https://docs.github.com/en/rest/pulls/pulls>

use std::sync::Arc;

use axum::{Router, routing::get};
use serde::Deserialize;

use super::{
    context::{Answer, At, Ctx, Input, Patch, created, ok},
    issues::{check_editor, edit_text},
    media::MediaForm,
    order,
    sizes::{check_body, check_title},
};
use crate::{
    acts::{Measured, NewIssue, Writer, measure},
    app_state::AppState,
    error::ApiError,
    git::{Repository, branch_ref},
    state::{Gate, Id, Issue, IssueState, Mergeability, Pull, Repo, Role, Scope, State},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/pulls", get(list).post(create))
        .route("/repos/{owner}/{repo}/pulls/{number}", get(read).patch(edit))
        .route("/repos/{owner}/{repo}/pulls/{number}/commits", get(commits))
        .route("/repos/{owner}/{repo}/pulls/{number}/files", get(files))
}

pub(super) const PULLS: &[Scope] = &[Scope::PullRequests];

/// An issue that is a pull request; else 404.
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
        // On GitHub, a head without its owner does not filter.
        let of_head = ctx
            .query("head")
            .and_then(|head| head.split_once(':'))
            .is_none_or(|(user, branch)| user.eq_ignore_ascii_case(login) && branch == pull.head_ref);
        of_state && of_head && ctx.query("base").is_none_or(|base| base == pull.base_ref)
    };
    let mut found: Vec<&Issue> =
        repo.pulls().filter(|(issue, pull)| wanted(issue, pull)).map(|(issue, _)| issue).collect();
    order::pulls(&ctx, state.now(), &mut found);
    Ok(ctx.list(found, |issue| view.pull_simple(repo, issue)))
}

async fn read(ctx: Ctx, At(at): At<(String, String, u64)>) -> Answer {
    if let Some(form) = MediaForm::asked(&ctx.headers) {
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
    check_title("PullRequest", Some(&title))?;
    check_body("PullRequest", new.body.as_deref())?;
    let head = match head.split_once(':') {
        Some((user, branch)) if user.eq_ignore_ascii_case(&login) => branch,
        Some(_) => return Err(ApiError::invalid("PullRequest", "head", "invalid")),
        None => head,
    };
    // Neither branch may move between the check and the creation of the pull request.
    let _still = moving.lock().await;
    if ctx.app_state.hides_ref(writer.repo, &branch_ref(head)) {
        return Err(ApiError::invalid("PullRequest", "head", "invalid"));
    }
    let sides = look_at(&git, base, head).await?;
    if sides.measured.size.commits == 0 {
        return Err(ApiError::custom("PullRequest", &format!("No commits between {base} and {head}")));
    }
    let head_sha = sides.head_sha.clone();
    let number = {
        let mut state = ctx.state();
        // Only a collaborator may open a pull request from a branch of the repository:
        // https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request
        let role = state.role(state.repo_by_id(writer.repo), writer.actor);
        if !writer.via_app && role < Some(Role::Write) {
            return Err(ApiError::custom("PullRequest", "must be a collaborator"));
        }
        if twin(state.repo_by_id(writer.repo), head, base).is_some() {
            return Err(ApiError::custom("PullRequest", &format!("A pull request already exists for {login}:{head}.")));
        }
        add(&mut state, writer, title, &new, &sides, (base, head))
    };
    git.set_ref(&format!("refs/pull/{number}/head"), &head_sha).await?;
    let mut state = ctx.state();
    let at = (writer.repo, number);
    ctx.app_state.issue_opened(&mut state, at, writer.actor);
    let owners = sides.measured.owners(&state, at);
    ctx.app_state.note_owners(&mut state, at, writer.actor, owners);
    let repo = state.repo_by_id(writer.repo);
    let answer = created(ctx.view(&state).pull(repo, &repo.issues[&number]));
    // Started only now, because GitHub's answer to a creation never contains the mergeability.
    ctx.app_state.compute_mergeability(&mut state, writer.repo, number);
    Ok(answer)
}

struct Sides {
    base_sha: String,
    head_sha: String,
    measured: Measured,
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
    let measured = measure(git, &base_sha, &head_sha).await?;
    Ok(Sides { base_sha, head_sha, measured })
}

fn add(state: &mut State, writer: Writer, title: String, new: &New, sides: &Sides, (base, head): (&str, &str)) -> u64 {
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
        head_sha: sides.head_sha.clone(),
        base_ref: base.to_owned(),
        base_sha: sides.base_sha.clone(),
        draft: new.draft,
        mergeability: Mergeability::Unknown,
        epoch: 0,
        test_merge_sha: None,
        size: sides.measured.size,
        merged: None,
        requested_reviewers: Vec::new(),
        reviews: Vec::new(),
        review_comments: Vec::new(),
        gate: Gate { last_pusher: Some(writer.actor), ..Gate::default() },
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
        let texts = edit.title.is_some() || edit.base.is_some() || !matches!(edit.body, Patch::Keep);
        check_editor(&state, writer, issue, texts)?;
        (writer, repo.git.clone(), repo.moving.clone(), pull.head_ref.clone(), pull.base_ref.clone())
    };
    if edit.title.as_deref().is_some_and(|title| title.trim().is_empty()) {
        return Err(ApiError::invalid("PullRequest", "title", "missing_field"));
    }
    check_title("PullRequest", edit.title.as_deref())?;
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
    edit_text(&ctx.app_state, &mut state, at, writer.actor, edit.title, edit.body);
    match edit.state {
        Some(IssueState::Closed) => ctx.app_state.close(&mut state, at, writer.actor, None, None),
        Some(IssueState::Open) => {
            ctx.app_state.reopen(&mut state, at, writer.actor);
            ctx.app_state.compute_mergeability(&mut state, at.0, at.1);
        }
        None => {}
    }
    let repo = state.repo_by_id(writer.repo);
    Ok(ok(ctx.view(&state).pull(repo, &repo.issues[&number])))
}

/// Changes the base of a pull request.
fn retarget(ctx: &Ctx, at: (Id, u64), actor: Id, base: &str, sides: Sides) -> Result<(), ApiError> {
    let mut state = ctx.state();
    let issue = state.issue_mut(at.0, at.1);
    let head = issue.pull().head_ref.clone();
    if issue.state == IssueState::Closed {
        return Err(ApiError::custom("PullRequest", "Cannot change the base branch of a closed pull request."));
    }
    if sides.measured.size.commits == 0 {
        let message = format!("There are no new commits between base branch '{base}' and head branch '{head}'");
        return Err(ApiError::custom("PullRequest", &message));
    }
    if let Some(twin) = twin(state.repo_by_id(at.0), &head, base) {
        let message =
            format!("A pull request already exists for base branch '{base}' and head branch '{head}': #{twin}");
        return Err(ApiError::custom("PullRequest", &message));
    }
    ctx.app_state.retarget(&mut state, at, actor, base, (sides.base_sha, sides.measured));
    Ok(())
}

/// The open pull request between two branches; there is at most one.
fn twin(repo: &Repo, head: &str, base: &str) -> Option<u64> {
    let between = |pull: &Pull| pull.head_ref == head && pull.base_ref == base;
    let mut found = repo.pulls().filter(|(issue, pull)| issue.state == IssueState::Open && between(pull));
    found.next().map(|(issue, _)| issue.number)
}

/// A pull request can be reopened only if both branches exist and it was not merged.
pub(super) async fn reopenable(ctx: &Ctx, git: &Repository, at: (Id, u64)) -> Result<(), ApiError> {
    let refuse = |message: &str| ApiError::invalid_because("PullRequest", "state", message);
    let (base, head, was, merged, twin) = {
        let state = ctx.state();
        let repo = state.repo_by_id(at.0);
        let (issue, pull) = find(repo, at.1)?;
        if issue.state == IssueState::Open {
            return Ok(());
        }
        let twin = twin(repo, &pull.head_ref, &pull.base_ref);
        (pull.base_ref.clone(), pull.head_ref.clone(), pull.head_sha.clone(), pull.merged.is_some(), twin)
    };
    if merged {
        return Err(refuse("state cannot be changed. The pull request cannot be reopened."));
    }
    let Some(head_sha) = git.ref_sha(&branch_ref(&head)).await? else {
        return Err(refuse(&format!("state cannot be changed. The {head} branch has been deleted.")));
    };
    let Some(base_sha) = git.ref_sha(&branch_ref(&base)).await? else {
        return Err(refuse(&format!("state cannot be changed. The {base} branch has been deleted.")));
    };
    // https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/proposing-changes-to-your-work-with-pull-requests/about-branches
    if !git.is_ancestor(&was, &head_sha).await? {
        return Err(refuse(&format!("state cannot be changed. The {head} branch was force-pushed or recreated.")));
    }
    if twin.is_some() {
        return Err(refuse(&format!(
            "state cannot be changed. There is already an open pull request from {head} to {base}."
        )));
    }
    let size = measure(git, &base_sha, &head_sha).await?.size;
    git.set_ref(&format!("refs/pull/{}/head", at.1), &head_sha).await?;
    let mut state = ctx.state();
    let pull = state.issue_mut(at.0, at.1).pull_mut();
    pull.head_sha = head_sha;
    pull.base_sha = base_sha;
    pull.size = size;
    Ok(())
}

/// The shas that git needs to list a pull request's commits or files.
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
