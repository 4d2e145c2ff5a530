//! Issues: the list and each one's conversation.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::controls::{self, Scene};
use super::icons::{Icon, icon, issue_look};
use super::layout::{Page, Tab, ago, avatar, badge, labels, login, mark, repo_page, repo_path, title};
use super::people::encoded;
use super::session::Viewer;
use super::{PageError, checks, find_repo, timeline};
use crate::app_state::AppState;
use crate::state::{Gone, Issue, IssueState, Repo, Role, State};

/// The number of rows on one page, as on GitHub.
const A_PAGE: usize = 25;

/// The query of a list: `?state=closed&label=bug&author=writer&q=words&page=2`. By default open issues are listed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct IssueFilter {
    #[serde(default)]
    state: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    author: String,
    /// Words that must all be in the title.
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
}

impl IssueFilter {
    fn wants(&self) -> IssueState {
        if self.state == "closed" { IssueState::Closed } else { IssueState::Open }
    }

    /// Whether an issue matches, in any state.
    fn takes(&self, state: &State, repo: &Repo, issue: &Issue) -> bool {
        let title = issue.title.to_lowercase();
        let labelled = || repo.label(&self.label).is_some_and(|label| issue.labels.contains(&label.id));
        (self.label.is_empty() || labelled())
            && (self.author.is_empty() || state.account(issue.author).login.eq_ignore_ascii_case(self.author.trim()))
            && self.q.to_lowercase().split_whitespace().all(|word| title.contains(word))
    }

    /// The query of the same list in another state or on another page.
    fn query(&self, state: IssueState, page: usize) -> String {
        let state = if state == IssueState::Closed { "closed" } else { "open" };
        let mut query = format!("?state={state}");
        for (name, value) in [("label", &self.label), ("author", &self.author), ("q", &self.q)] {
            if !value.is_empty() {
                query.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        if page > 1 {
            query.push_str(&format!("&page={page}"));
        }
        query
    }
}

/// The kind of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    Issues,
    Pulls,
}

pub(super) async fn list(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name)): Path<(String, String)>,
    Query(filter): Query<IssueFilter>,
) -> Result<Page, PageError> {
    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let body = table(Scene { viewer: &viewer, state: &state, repo }, &filter, ListKind::Issues);
    Ok(repo_page((&viewer, &state), repo, Tab::Issues, "Issues", &body))
}

/// A list of issues or of pull requests, newest first, in the chosen state.
pub(super) fn table(scene: Scene<'_>, filter: &IssueFilter, kind: ListKind) -> Markup {
    let Scene { state, repo, .. } = scene;
    let (word, path, new) = match kind {
        ListKind::Issues => ("Issues", "issues", "issues/new"),
        ListKind::Pulls => ("Pull requests", "pulls", "compare"),
    };
    let path = format!("{}/{path}", repo_path(state, repo));
    let of_kind = repo.issues.values().rev().filter(|issue| issue.pull.is_some() == (kind == ListKind::Pulls));
    let found: Vec<&Issue> = of_kind.filter(|issue| filter.takes(state, repo, issue)).collect();
    let wanted = filter.wants();
    let count = |wanted| found.iter().filter(|issue| issue.state == wanted).count();
    let last = count(wanted).div_ceil(A_PAGE).max(1);
    let page = filter.page.parse().unwrap_or(1).clamp(1, last);
    let shown = found.iter().filter(|issue| issue.state == wanted).skip((page - 1) * A_PAGE).take(A_PAGE);
    html! {
        div.list-head {
            h1 { (word) }
            a.button.primary href={ (repo_path(state, repo)) "/" (new) } { "New" span.unseen { " " (word.trim_end_matches('s').to_lowercase()) } }
        }
        (search(scene, filter, &path))
        div.box {
            div.box-head.filter {
                @for (this, word) in [(IssueState::Open, "Open"), (IssueState::Closed, "Closed")] {
                    a href={ (path) (filter.query(this, 1)) } aria-current=[(this == wanted).then_some("true")] {
                        (word) " " span.count { (count(this)) }
                    }
                }
            }
            ul.files.issues { @for issue in shown { (row(state, repo, issue)) } }
            @if count(wanted) == 0 { p.nothing { "Nothing here." } }
        }
        @if last > 1 {
            nav.pages aria-label="Pages" {
                @if page > 1 { a.button href={ (path) (filter.query(wanted, page - 1)) } { "Newer" } " " }
                span.quiet { "Page " (page) " of " (last) }
                @if page < last { " " a.button href={ (path) (filter.query(wanted, page + 1)) } { "Older" } }
            }
        }
    }
}

fn search(scene: Scene<'_>, filter: &IssueFilter, path: &str) -> Markup {
    let Scene { state, repo, .. } = scene;
    let mut authors: Vec<&str> = repo.issues.values().map(|issue| state.account(issue.author).login.as_str()).collect();
    authors.sort_unstable();
    authors.dedup();
    html! {
        form.search method="get" action=(path) role="search" {
            input type="hidden" name="state" value=(if filter.wants() == IssueState::Closed { "closed" } else { "open" });
            span { label for="q" { "Words in the title" } input type="search" id="q" name="q" value=(filter.q); }
            span {
                label for="label" { "Label" }
                select id="label" name="label" {
                    option value="" { "any" }
                    @for label in &repo.labels { option value=(label.name) selected[label.name.eq_ignore_ascii_case(&filter.label)] { (label.name) } }
                }
            }
            span {
                label for="author" { "Author" }
                select id="author" name="author" {
                    option value="" { "anybody" }
                    @for author in authors { option value=(author) selected[author.eq_ignore_ascii_case(&filter.author)] { (author) } }
                }
            }
            button type="submit" { "Search" }
        }
    }
}

fn row(state: &State, repo: &Repo, issue: &Issue) -> Markup {
    let page = if issue.pull.is_some() { "pull" } else { "issues" };
    html! {
        li {
            (mark(&issue_look(issue)))
            div {
                a.title href={ (repo_path(state, repo)) "/" (page) "/" (issue.number) } { strong { (title(&issue.title)) } } " "
                (labels(repo, &issue.labels))
                @if let Some(look) = issue.pull.as_ref().and_then(|pull| checks::rollup(repo, &pull.head_sha)) { (mark(&look)) }
                p.quiet { "#" (issue.number) " opened " (ago(issue.created_at)) " by " (login(state.account(issue.author))) }
            }
            @if !issue.comments.is_empty() {
                span.end.quiet { (icon(Icon::Comment)) " " (issue.comments.len()) span.unseen { " comments" } }
            }
        }
    }
}

pub(super) async fn issue(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Result<Response, PageError> {
    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let Some(issue) = repo.issues.get(&number) else { return moved(&viewer, &state, repo, number) };
    if issue.pull.is_some() {
        // Issues and pull requests share their numbers, and GitHub also redirects from one page to the other.
        return Ok(Redirect::to(&format!("{}/pull/{number}", repo_path(&state, repo))).into_response());
    }
    let scene = Scene { viewer: &viewer, state: &state, repo };
    let body = html! {
        (heading(issue, &html! {
            (login(state.account(issue.author))) " opened this issue " (ago(issue.created_at))
            " · " (issue.comments.len()) " comment" (super::layout::plural(issue.comments.len()))
        }))
        div.columns {
            div.main { (timeline::of_issue(scene, issue, &[])) (controls::answer_box(scene, issue)) }
            aside.side aria-label="About this issue" { (side(scene, issue)) }
        }
    };
    Ok(repo_page((&viewer, &state), repo, Tab::Issues, &format!("{} #{number}", issue.title), &body).into_response())
}

/// Redirects to the page of a transferred issue, if the viewer may see it there.
fn moved(viewer: &Viewer, state: &State, repo: &Repo, number: u64) -> Result<Response, PageError> {
    let absent = PageError::NotFound("such issue");
    let Some(Gone::Transferred(issue)) = repo.gone.get(&number) else { return Err(absent) };
    let Some((repo, number)) = state.issue_by_id(*issue) else { return Err(absent) };
    let repo = state.repo_by_id(repo);
    if repo.private && !viewer.may(state, repo, Role::Read) {
        return Err(absent);
    }
    let place = format!("{}/issues/{number}", repo_path(state, repo));
    Ok((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, place)]).into_response())
}

/// Title, number and state; `story` is the line beside the state.
pub(super) fn heading(issue: &Issue, story: &Markup) -> Markup {
    html! {
        div.issue-head {
            h1 { (title(&issue.title)) " " span.quiet { "#" (issue.number) } }
            p { (badge(&issue_look(issue))) " " span.quiet { (story) } }
        }
    }
}

/// Labels, people, and the pull requests that mention this issue.
pub(super) fn side(scene: Scene<'_>, issue: &Issue) -> Markup {
    let Scene { state, repo, .. } = scene;
    let base = repo_path(state, repo);
    let linked: Vec<&Issue> = linked_pulls(repo, issue);
    html! {
        section {
            h2 { "Labels" }
            p { @if issue.labels.is_empty() { span.quiet { "None yet" } } (labels(repo, &issue.labels)) }
            (controls::labels_box(scene, issue))
        }
        section {
            h2 { "Assignees" }
            @if issue.assignees.is_empty() { p.quiet { "No one" } }
            @for id in &issue.assignees { @let person = state.account(*id); p { (avatar(person)) " " (login(person)) } }
            (controls::assignees(scene, issue))
        }
        (controls::transfer_box(scene, issue))
        @if !linked.is_empty() {
            section {
                h2 { "Pull requests" }
                ul.plain { @for pull in linked {
                    li { (mark(&issue_look(pull))) " " a href={ (base) "/pull/" (pull.number) } { (title(&pull.title)) } " " span.quiet { "#" (pull.number) } }
                } }
            }
        }
    }
}

/// Pull requests whose text mentions this issue's number.
fn linked_pulls<'a>(repo: &'a Repo, issue: &Issue) -> Vec<&'a Issue> {
    let names_it = |body: &str| {
        let name = format!("#{}", issue.number);
        body.match_indices(&name).any(|(at, _)| !body[at + name.len()..].starts_with(|c: char| c.is_ascii_digit()))
    };
    if issue.pull.is_some() {
        return Vec::new();
    }
    repo.pulls().map(|(pull, _)| pull).filter(|pull| pull.body.as_deref().is_some_and(names_it)).collect()
}
