//! Branches and commits.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Shared};
use maud::{Markup, html};
use serde::Deserialize;

use super::icons::{Icon, icon};
use super::layout::{Page, Tab, ago, mark, repo_page, repo_path, short_sha, title};
use super::repository::author;
use super::session::Viewer;
use super::{PageError, checks, diff, find_git, find_repo};
use crate::app_state::AppState;
use crate::git::{AheadBehind, CommitInfo};
use crate::state::{Repo, State};
use crate::view::encode_path;

const COMMITS_A_PAGE: usize = 50;

pub(super) async fn branches(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Page, PageError> {
    let (git, default) = find_git(&app_state, &owner, &name)?;
    let mut rows = Vec::new();
    for branch in git.branches().await? {
        let apart = git.ahead_behind(&default, &branch.sha).await.unwrap_or(AheadBehind { ahead: 0, behind: 0 });
        let head = git.commit(&branch.sha).await?;
        rows.push((branch, apart, head));
    }
    rows.sort_by_key(|(branch, _, head)| {
        (branch.name != default, std::cmp::Reverse(head.as_ref().map(|head| head.committer.date)))
    });

    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let base = repo_path(&state, repo);
    let body = html! {
        h1 { "Branches" }
        ul.rows {
            @for (branch, apart, head) in &rows {
                @let pull = repo.pulls().filter(|(_, pull)| pull.head_ref == branch.name).last();
                li {
                    (icon(Icon::Branch))
                    div {
                        a.title href={ (base) "/tree/" (encode_path(&branch.name)) } { code { (branch.name) } }
                        @if branch.name == default { " " span.pill { "default" } }
                        @if let Some(head) = head { p.quiet { (head.title()) " · " (ago(head.committer.date)) } }
                    }
                    span.end {
                        @if branch.name != default { span.quiet { (apart.behind) " behind · " (apart.ahead) " ahead" } }
                        @if let Some((issue, _)) = pull {
                            " " a href={ (base) "/pull/" (issue.number) } { "#" (issue.number) }
                        }
                        " " a href={ (base) "/commits/" (encode_path(&branch.name)) } { "History" }
                    }
                }
            }
        }
    };
    Ok(repo_page((&viewer, &state), repo, Tab::Code, "Branches", &body))
}

/// The page of a long list.
#[derive(Debug, Deserialize)]
pub(super) struct HistorySection {
    #[serde(default)]
    page: usize,
}

pub(super) async fn commits_of_default(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name)): Path<(String, String)>,
    Query(part): Query<HistorySection>,
) -> Result<Page, PageError> {
    let (_, branch) = find_git(&app_state, &owner, &name)?;
    list_commits(&app_state, &viewer, &owner, &name, &branch, part.page).await
}

pub(super) async fn commits(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, rev)): Path<(String, String, String)>,
    Query(part): Query<HistorySection>,
) -> Result<Page, PageError> {
    list_commits(&app_state, &viewer, &owner, &name, &rev, part.page).await
}

async fn list_commits(
    app_state: &AppState,
    viewer: &Viewer,
    owner: &str,
    name: &str,
    rev: &str,
    page: usize,
) -> Result<Page, PageError> {
    let (git, _) = find_git(app_state, owner, name)?;
    let mut log = git.log(rev, page.saturating_mul(COMMITS_A_PAGE), COMMITS_A_PAGE + 1).await?;
    let more = log.len() > COMMITS_A_PAGE;
    log.truncate(COMMITS_A_PAGE);

    let state = app_state.state();
    let repo = find_repo(&state, owner, name)?;
    let base = repo_path(&state, repo);
    let body = html! {
        h1 { "Commits of " code { (rev) } }
        (commit_list(&state, repo, &log))
        p.pages {
            @if page > 0 { a.button href={ (base) "/commits/" (encode_path(rev)) "?page=" (page - 1) } { "Newer" } " " }
            @if more { a.button href={ (base) "/commits/" (encode_path(rev)) "?page=" (page + 1) } { "Older" } }
        }
    };
    Ok(repo_page((viewer, &state), repo, Tab::Code, "Commits", &body))
}

/// Commits, one per row, each with the state of its checks.
pub(super) fn commit_list(state: &State, repo: &Repo, commits: &[CommitInfo]) -> Markup {
    let base = repo_path(state, repo);
    html! {
        ul.rows {
            @for commit in commits {
                li {
                    div {
                        a.title href={ (base) "/commit/" (commit.sha) } { (title(commit.title())) }
                        @if let Some(look) = checks::rollup(repo, &commit.sha) { " " (mark(&look)) }
                        p.quiet { (author(state, commit)) " committed " (ago(commit.committer.date)) }
                    }
                    span.end {
                        @if commit.parents.len() > 1 { span.pill { "merge" } " " }
                        (short_sha(&base, &commit.sha))
                    }
                }
            }
        }
    }
}

pub(super) async fn commit(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, sha)): Path<(String, String, String)>,
) -> Result<Page, PageError> {
    let (git, _) = find_git(&app_state, &owner, &name)?;
    let commit = git.commit(&sha).await?.ok_or(PageError::NotFound("such commit"))?;
    let files = git.files_of_commit(&commit.sha).await?;

    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let base = repo_path(&state, repo);
    let message = commit.message.split_once('\n').map_or("", |(_, rest)| rest.trim());
    let body = html! {
        div.box {
            div.box-head { h1 { (title(commit.title())) } }
            @if !message.is_empty() { pre.message { (message) } }
            div.pad.quiet {
                (author(&state, &commit)) " committed " (ago(commit.committer.date))
                span.end {
                    @for parent in &commit.parents { "parent " (short_sha(&base, parent)) " · " }
                    "commit " code { (commit.sha) }
                }
            }
        }
        (checks::list(&state, repo, &commit.sha))
        (diff::files(&files, None))
    };
    Ok(repo_page((&viewer, &state), repo, Tab::Code, commit.title(), &body))
}
