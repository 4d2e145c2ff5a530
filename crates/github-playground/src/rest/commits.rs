//! Commits, and their checks, statuses and comparisons.
//! <https://docs.github.com/en/rest/commits/commits>

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::get};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    context::{Answer, At, Ctx, ok, with_link},
    media::MediaForm,
    statuses, suites,
};
use crate::{
    app_state::AppState,
    error::ApiError,
    git::{GitError, Repository, Signature, branch_ref, is_sha},
    state::{Id, Scope},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/commits", get(list))
        .route("/repos/{owner}/{repo}/commits/{*rest}", get(below))
        .route("/repos/{owner}/{repo}/compare/{*range}", get(compare))
}

pub(super) const CONTENTS: &[Scope] = &[Scope::Contents];

/// The repository's git, if the caller may read its contents.
pub(super) fn git_of(ctx: &Ctx, at: (&str, &str)) -> Result<(Id, Arc<Repository>), ApiError> {
    let state = ctx.state();
    let repo = ctx.read(&state, at, CONTENTS)?;
    Ok((repo.id, repo.git.clone()))
}

/// The commit that a name means: a full sha, else a branch, then a tag, a full ref, or a sha's prefix.
pub(super) async fn resolve(git: &Repository, name: &str) -> Result<String, ApiError> {
    let candidates = if is_sha(name) {
        vec![name.to_owned()]
    } else {
        vec![branch_ref(name), format!("refs/tags/{name}"), format!("refs/{name}"), name.to_owned()]
    };
    for candidate in candidates {
        if let Ok(Some(sha)) = git.resolve(&candidate).await {
            return Ok(sha);
        }
    }
    Err(ApiError::semantic(format!("No commit found for SHA: {name}")))
}

/// The most commits that a list reads. Later pages are empty.
const HISTORY: usize = 10_000;

async fn list(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let default = ctx.state().repo_by_id(repo).default_branch.clone();
    let sha = match ctx.query("sha") {
        Some(name) => resolve(&git, name).await.map_err(|_| ApiError::not_found())?,
        None => git
            .ref_sha(&branch_ref(&default))
            .await?
            .ok_or_else(|| ApiError::new(StatusCode::CONFLICT, "Git Repository is empty."))?,
    };
    let commits = match ctx.query("path") {
        Some(path) => git.log_of_path(&sha, path, HISTORY).await?,
        None => git.log(&sha, 0, HISTORY).await?,
    };
    let state = ctx.state();
    let view = ctx.view(&state);
    let by = |name: &str, person: &Signature| {
        ctx.query(name).is_none_or(|wanted| {
            let account = state.account_by_email(&person.email);
            person.email == wanted || account.is_some_and(|account| account.login.eq_ignore_ascii_case(wanted))
        })
    };
    let time = |name: &str| ctx.query(name).and_then(|time| time.parse::<DateTime<Utc>>().ok());
    let (since, until) = (time("since"), time("until"));
    let shown = commits.iter().filter(|commit| {
        let date = commit.committer.date;
        by("author", &commit.author)
            && by("committer", &commit.committer)
            && since.is_none_or(|since| date >= since)
            && until.is_none_or(|until| date <= until)
    });
    Ok(ctx.list(shown, |commit| view.commit(state.repo_by_id(repo), commit)))
}

/// Every request below `/commits/`. A ref may contain slashes, so the path is parsed from its end.
async fn below(ctx: Ctx, At((owner, name, rest)): At<(String, String, String)>) -> Answer {
    let at = (owner.as_str(), name.as_str());
    let asked = ["/check-runs", "/check-suites", "/statuses", "/status", "/pulls", "/branches-where-head"]
        .into_iter()
        .find_map(|suffix| Some((suffix, rest.strip_suffix(suffix)?)));
    // Each resource needs its own permission. The permission for contents is only checked for the commit itself.
    let git = {
        let state = ctx.state();
        ctx.read(&state, at, &[Scope::Metadata])?.git.clone()
    };
    match asked {
        Some(("/check-runs", name)) => suites::runs_of(&ctx, at, &resolve(&git, name).await?),
        Some(("/check-suites", name)) => suites::suites_of(&ctx, at, &resolve(&git, name).await?).await,
        Some(("/statuses", name)) => statuses::statuses_of(&ctx, at, &resolve(&git, name).await?),
        Some(("/status", name)) => statuses::combined(&ctx, at, &resolve(&git, name).await?),
        Some(("/branches-where-head", name)) => branches_at(&ctx, at, name).await,
        Some((_, name)) => pulls_of(&ctx, at, &git, &resolve(&git, name).await?).await,
        None => read(&ctx, at, &rest).await,
    }
}

async fn read(ctx: &Ctx, at: (&str, &str), name: &str) -> Answer {
    let (repo, git) = git_of(ctx, at)?;
    let sha = resolve(&git, name).await?;
    if let Some(form) = MediaForm::asked(&ctx.headers) {
        return form.of_commit(&git, &sha).await;
    }
    let commit = git.commit(&sha).await?.ok_or_else(ApiError::not_found)?;
    let files = git.files_of_commit(&sha).await?;
    let count = files.len().min(FILES_OF_COMMIT);
    let (shown, link) = ctx.page_of(count, files.iter().take(count), (FILES_COMPARED, FILES_COMPARED));
    let state = ctx.state();
    let mut value = ctx.view(&state).commit_in_full(state.repo_by_id(repo), &commit, &files);
    value["files"] = shown.map(|file| ctx.view(&state).file(state.repo_by_id(repo), &sha, file)).collect();
    Ok(with_link(ok(value), link))
}

/// <https://docs.github.com/en/rest/commits/commits#list-branches-for-head-commit>
async fn branches_at(ctx: &Ctx, at: (&str, &str), sha: &str) -> Answer {
    let (repo, git) = git_of(ctx, at)?;
    if !is_sha(sha) || git.commit(sha).await?.is_none() {
        return Err(ApiError::semantic(format!("No commit found for SHA: {sha}")));
    }
    let branches = git.branches_at(sha).await?;
    let state = ctx.state();
    let (view, repo) = (ctx.view(&state), state.repo_by_id(repo));
    Ok(ok(branches.iter().map(|branch| view.branch(repo, &branch.name, &branch.sha)).collect()))
}

/// The pull requests that brought a commit in, or would.
async fn pulls_of(ctx: &Ctx, at: (&str, &str), git: &Repository, sha: &str) -> Answer {
    let (repo, candidates) = {
        let state = ctx.state();
        let repo = ctx.read(&state, at, super::pulls::PULLS)?;
        let all: Vec<_> = repo
            .pulls()
            .map(|(issue, pull)| (issue.number, pull.base_sha.clone(), pull.head_sha.clone(), pull.merged.clone()))
            .collect();
        (repo.id, all)
    };
    let mut found = Vec::new();
    for (number, base, head, merged) in candidates {
        let brought = merged.is_some_and(|merged| merged.sha == sha)
            || git.commits_between(&base, &head).await?.iter().any(|commit| commit.sha == sha);
        if brought {
            found.push(number);
        }
    }
    let state = ctx.state();
    let repo = state.repo_by_id(repo);
    let view = ctx.view(&state);
    Ok(ctx.list(found, |number| view.pull_simple(repo, &repo.issues[&number])))
}

/// The most commits in a comparison without pages, and the most files in any comparison.
const COMMITS_COMPARED: usize = 250;
const FILES_COMPARED: usize = 300;

/// The most files of a commit. Its pages are as long as those of a comparison.
/// <https://docs.github.com/en/rest/commits/commits#get-a-commit>
const FILES_OF_COMMIT: usize = 3000;

/// <https://docs.github.com/en/rest/commits/commits#compare-two-commits>
async fn compare(ctx: Ctx, At((owner, name, range)): At<(String, String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let (base, head) = range.split_once("...").ok_or_else(ApiError::not_found)?;
    let own = |side: &str| match side.split_once(':') {
        Some((user, branch)) if user.eq_ignore_ascii_case(&owner) => branch.to_owned(),
        _ => side.to_owned(),
    };
    let missing = |_| ApiError::not_found();
    let base_sha = resolve(&git, &own(base)).await.map_err(missing)?;
    let head_sha = resolve(&git, &own(head)).await.map_err(missing)?;
    let fork = git.merge_base(&base_sha, &head_sha).await?;
    let fork = fork.ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, format!("No common ancestor between {base} and {head}."))
    })?;
    if let Some(form) = MediaForm::asked(&ctx.headers) {
        return form.of_change(&git, &base_sha, &head_sha).await;
    }
    let counts = git.ahead_behind(&base_sha, &head_sha).await?;
    let commits = git.commits_between(&base_sha, &head_sha).await?;
    let files = git.files_between(&base_sha, &head_sha).await?;
    let base_commit = git.commit(&base_sha).await?.ok_or_else(|| GitError::NotFound(base_sha.clone()))?;
    let fork_commit = git.commit(&fork).await?.ok_or(GitError::NotFound(fork))?;
    let status = match (counts.ahead, counts.behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let state = ctx.state();
    let (view, repo) = (ctx.view(&state), state.repo_by_id(repo));
    let html = view.repo_web(repo, &format!("/compare/{range}"));
    // Only the first page has the files.
    let first = ctx.query("page").is_none_or(|page| page == "1");
    let files = files.iter().filter(|_| first).take(FILES_COMPARED);
    let files: Vec<Value> = files.map(|file| view.file(repo, &head_sha, file)).collect();
    let (commits, link) = if ctx.query("page").is_none() && ctx.query("per_page").is_none() {
        (commits.iter().take(COMMITS_COMPARED).map(|commit| view.commit(repo, commit)).collect(), None)
    } else {
        let (page, link) = ctx.page(commits.len(), &commits);
        (page.map(|commit| view.commit(repo, commit)).collect::<Vec<Value>>(), link)
    };
    let compared = ok(json!({
        "url": view.repo_api(repo, &format!("/compare/{range}")), "html_url": html, "permalink_url": html,
        "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
        "base_commit": view.commit(repo, &base_commit), "merge_base_commit": view.commit(repo, &fork_commit),
        "status": status, "ahead_by": counts.ahead, "behind_by": counts.behind, "total_commits": counts.ahead,
        "commits": commits, "files": files,
    }));
    Ok(with_link(compared, link))
}
