//! Pull requests: the list, and each one's conversation, commits, checks and files.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Shared};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::controls::{self, Scene};
use super::diff::Talk;
use super::history::commit_list;
use super::icons::{Icon, icon};
use super::issues::{IssueFilter, ListKind, heading, side, table};
use super::layout::{Page, Tab, avatar, login, mark, plural, repo_page, repo_path};
use super::merging::merge_box;
use super::session::Viewer;
use super::{PageError, checks as check_pages, diff, find_repo, timeline};
use crate::app_state::AppState;
use crate::git::{CommitInfo, FileChange, GitError, Repository};
use crate::state::{Issue, IssueState, Pull, Repo, ReviewState, State};
use crate::view::encode_path;

pub(super) async fn list(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name)): Path<(String, String)>,
    Query(filter): Query<IssueFilter>,
) -> Result<Page, PageError> {
    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let body = table(Scene { viewer: &viewer, state: &state, repo }, &filter, ListKind::Pulls);
    Ok(repo_page((&viewer, &state), repo, Tab::Pulls, "Pull requests", &body))
}

/// The shas of a pull request that git needs.
struct Sides {
    git: Arc<Repository>,
    base: String,
    head: String,
}

impl Sides {
    fn of(app_state: &AppState, owner: &str, name: &str, number: u64) -> Result<Self, PageError> {
        let state = app_state.state();
        let repo = find_repo(&state, owner, name)?;
        let (_, pull) = repo.pull(number).ok_or(PageError::NotFound("such pull request"))?;
        Ok(Self { git: Arc::clone(&repo.git), base: pull.base_sha.clone(), head: pull.head_sha.clone() })
    }

    /// After a force-push the two histories may have nothing in common. Then the list is empty.
    async fn files(&self) -> Result<Vec<FileChange>, PageError> {
        match self.git.files_between(&self.base, &self.head).await {
            Err(GitError::NoCommonAncestor(..)) => Ok(Vec::new()),
            other => Ok(other?),
        }
    }

    async fn commits(&self) -> Result<Vec<CommitInfo>, PageError> {
        Ok(self.git.commits_between(&self.base, &self.head).await?)
    }
}

/// The conversation. With `.diff` or `.patch` after the number, the change as text.
pub(super) async fn conversation(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, number)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let plain = number.strip_suffix(".diff").or_else(|| number.strip_suffix(".patch"));
    let number: u64 = plain.unwrap_or(&number).parse().map_err(|_| PageError::NotFound("such pull request"))?;
    let sides = match Sides::of(&app_state, &owner, &name, number) {
        Err(PageError::NotFound(_)) if find_repo(&app_state.state(), &owner, &name)?.issues.contains_key(&number) => {
            return Ok(Redirect::to(&format!("/{owner}/{name}/issues/{number}")).into_response());
        }
        other => other?,
    };
    if plain.is_some() {
        let text: String = sides.files().await?.iter().map(as_text).collect();
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response());
    }
    let commits = sides.commits().await?;
    let state = app_state.state();
    let (repo, issue, pull) = find_pull(&state, &owner, &name, number)?;
    let scene = Scene { viewer: &viewer, state: &state, repo };
    let body = html! {
        div.columns {
            div.main {
                (timeline::of_issue(scene, issue, &commits))
                div.pull-end { (check_pages::list(&state, repo, &pull.head_sha)) (merge_box(scene, issue, pull)) }
                @if issue.state == IssueState::Open { div.pull-end { (controls::review_box(scene, issue, pull)) } }
                (controls::answer_box(scene, issue))
            }
            aside.side aria-label="About this pull request" { (reviewers(scene, issue, pull)) (side(scene, issue)) }
        }
    };
    Ok(framed(scene, issue, pull, PullTab::Conversation, &body).into_response())
}

fn as_text(file: &FileChange) -> String {
    let old = file.previous_path.as_deref().unwrap_or(&file.path);
    let patch = file.patch.as_deref().map(|patch| format!("--- a/{old}\n+++ b/{}\n{patch}\n", file.path));
    format!("diff --git a/{old} b/{}\n{}", file.path, patch.unwrap_or_default())
}

pub(super) async fn commits(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Result<Page, PageError> {
    let commits = Sides::of(&app_state, &owner, &name, number)?.commits().await?;
    let state = app_state.state();
    let (repo, issue, pull) = find_pull(&state, &owner, &name, number)?;
    let scene = Scene { viewer: &viewer, state: &state, repo };
    Ok(framed(scene, issue, pull, PullTab::Commits, &commit_list(&state, repo, &commits)))
}

/// The line for a new comment: `?path=src/lib.rs&side=RIGHT&line=3`.
#[derive(Debug, Deserialize)]
pub(super) struct OnLine {
    #[serde(default)]
    path: String,
    #[serde(default)]
    side: String,
    #[serde(default)]
    line: u64,
}

pub(super) async fn files(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, number)): Path<(String, String, u64)>,
    Query(line): Query<OnLine>,
) -> Result<Page, PageError> {
    let files = Sides::of(&app_state, &owner, &name, number)?.files().await?;
    let state = app_state.state();
    let (repo, issue, pull) = find_pull(&state, &owner, &name, number)?;
    let scene = Scene { viewer: &viewer, state: &state, repo };
    let on = (!line.path.is_empty()).then_some((line.path.as_str(), line.side.as_str(), line.line));
    let body = html! {
        (controls::review_box(scene, issue, pull))
        (diff::files(&files, Some(Talk { scene, issue, pull, on })))
    };
    Ok(framed(scene, issue, pull, PullTab::Files, &body))
}

pub(super) async fn checks(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Result<Page, PageError> {
    let state = app_state.state();
    let (repo, issue, pull) = find_pull(&state, &owner, &name, number)?;
    let scene = Scene { viewer: &viewer, state: &state, repo };
    Ok(framed(scene, issue, pull, PullTab::Checks, &check_pages::in_full(scene, &pull.head_sha)))
}

fn find_pull<'a>(
    state: &'a State,
    owner: &str,
    name: &str,
    number: u64,
) -> Result<(&'a Repo, &'a Issue, &'a Pull), PageError> {
    let repo = find_repo(state, owner, name)?;
    let (issue, pull) = repo.pull(number).ok_or(PageError::NotFound("such pull request"))?;
    Ok((repo, issue, pull))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PullTab {
    Conversation,
    Commits,
    Checks,
    Files,
}

/// One tab of a pull request, under its title.
fn framed(scene: Scene<'_>, issue: &Issue, pull: &Pull, tab: PullTab, body: &Markup) -> Page {
    let Scene { viewer, state, repo } = scene;
    let base = repo_path(state, repo);
    let here = format!("{base}/pull/{}", issue.number);
    let tabs = [
        (PullTab::Conversation, Icon::Comment, "Conversation", "", issue.comments.len() as u64),
        (PullTab::Commits, Icon::Commit, "Commits", "/commits", pull.size.commits),
        (PullTab::Checks, Icon::Check, "Checks", "/checks", check_pages::latest(repo, &pull.head_sha).len() as u64),
        (PullTab::Files, Icon::File, "Files changed", "/files", pull.size.files),
    ];
    let verb = if pull.merged.is_some() { "merged" } else { "wants to merge" };
    let actor = pull.merged.as_ref().map_or(issue.author, |merged| merged.by);
    let branch = |name: &str| html! { a.branch href={ (base) "/tree/" (encode_path(name)) } { code { (name) } } };
    let story = html! {
        (login(state.account(actor))) " " (verb) " " (pull.size.commits) " commit" (plural(pull.size.commits))
        " into " (branch(&pull.base_ref)) " from " (branch(&pull.head_ref))
    };
    let body = html! {
        (heading(issue, &story))
        nav.tabs aria-label="Pull request" {
            @for (this, drawing, name, path, count) in tabs {
                a href={ (here) (path) } aria-current=[(this == tab).then_some("page")] {
                    (icon(drawing)) " " (name) " " span.count { (count) }
                }
            }
            span.end.numbers { span.added { "+" (pull.size.additions) } " " span.removed { "−" (pull.size.deletions) } }
        }
        (body)
    };
    repo_page((viewer, state), repo, Tab::Pulls, &format!("{} #{}", issue.title, issue.number), &body)
}

/// The last verdict of each reviewer, and the requested reviewers.
fn reviewers(scene: Scene<'_>, issue: &Issue, pull: &Pull) -> Markup {
    let state = scene.state;
    let mut last: Vec<(u64, ReviewState)> = Vec::new();
    for review in pull.reviews.iter().filter(|review| review.submitted_at.is_some() && review.author != issue.author) {
        last.retain(|(author, _)| *author != review.author);
        last.push((review.author, review.state));
    }
    html! {
        section {
            h2 { "Reviewers" }
            @if last.is_empty() && pull.requested_reviewers.is_empty() { p.quiet { "None yet" } }
            @for (id, said) in &last {
                @let person = state.account(*id);
                @let (drawing, class, word) = match said {
                    ReviewState::Approved => (Icon::Check, "open", "approved"),
                    ReviewState::ChangesRequested => (Icon::Cross, "closed", "requested changes"),
                    _ => (Icon::Comment, "quiet", "commented"),
                };
                p { (avatar(person)) " " (login(person)) " " (mark(&super::icons::Look { icon: drawing, class, word })) }
            }
            @for id in pull.requested_reviewers.iter().filter(|id| !last.iter().any(|(author, _)| author == *id)) {
                @let person = state.account(*id);
                p { (avatar(person)) " " (login(person)) " " span.quiet { "was asked" } }
            }
            (controls::reviewers_box(scene, issue, pull))
        }
    }
}
