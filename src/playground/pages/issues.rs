//! Issues: the list and each one's conversation.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::icons::{Icon, icon, issue_look};
use super::layout::{Page, Tab, ago, avatar, badge, labels, login, mark, repo_page, repo_path, title};
use super::{PageError, checks, find_repo, timeline};
use crate::playground::hub::Hub;
use crate::playground::state::{Issue, IssueState, Repo, State};

/// What a list shows: `?state=closed`; open ones otherwise.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    state: String,
}

impl Filter {
    fn wants(&self) -> IssueState {
        if self.state == "closed" { IssueState::Closed } else { IssueState::Open }
    }
}

pub(super) async fn list(
    Shared(hub): Shared<Arc<Hub>>,
    Path((owner, name)): Path<(String, String)>,
    Query(filter): Query<Filter>,
) -> Result<Page, PageError> {
    let state = hub.state();
    let repo = find_repo(&state, &owner, &name)?;
    let issues: Vec<&Issue> = repo.issues.values().filter(|issue| issue.pull.is_none()).collect();
    let body = table(&state, repo, &issues, &filter, "issues");
    Ok(repo_page(&state, repo, Tab::Issues, "Issues", &body))
}

/// A list of issues or of pull requests, newest first, open or closed ones.
pub(super) fn table(state: &State, repo: &Repo, issues: &[&Issue], filter: &Filter, path: &str) -> Markup {
    let base = repo_path(state, repo);
    let count = |wanted| issues.iter().filter(|issue| issue.state == wanted).count();
    let wanted = filter.wants();
    let shown: Vec<&&Issue> = issues.iter().rev().filter(|issue| issue.state == wanted).collect();
    let tabs = [(IssueState::Open, "open", "Open"), (IssueState::Closed, "closed", "Closed")];
    html! {
        div.box {
            div.box-head.filter {
                @for (this, query, word) in tabs {
                    a href={ (base) "/" (path) "?state=" (query) } aria-current=[(this == wanted).then_some("true")] {
                        (word) " " span.count { (count(this)) }
                    }
                }
            }
            ul.files.issues {
                @for issue in &shown {
                    @let page = if issue.pull.is_some() { "pull" } else { "issues" };
                    li {
                        (mark(&issue_look(issue)))
                        div {
                            a.title href={ (base) "/" (page) "/" (issue.number) } { strong { (title(&issue.title)) } } " "
                            (labels(repo, &issue.labels))
                            @if let Some(look) = issue.pull.as_ref().and_then(|pull| checks::rollup(repo, &pull.head_sha)) { (mark(&look)) }
                            p.quiet { "#" (issue.number) " opened " (ago(issue.created_at)) " by " (login(state.account(issue.author))) }
                        }
                        @if !issue.comments.is_empty() { span.end.quiet { (icon(Icon::Comment)) " " (issue.comments.len()) } }
                    }
                }
            }
            @if shown.is_empty() { p.nothing { "Nothing here." } }
        }
    }
}

pub(super) async fn issue(
    Shared(hub): Shared<Arc<Hub>>,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Result<Response, PageError> {
    let state = hub.state();
    let repo = find_repo(&state, &owner, &name)?;
    let issue = repo.issues.get(&number).ok_or(PageError::NotFound("such issue"))?;
    if issue.pull.is_some() {
        // Numbers are shared, and GitHub too leads from one kind's page to the other's.
        return Ok(Redirect::to(&format!("{}/pull/{number}", repo_path(&state, repo))).into_response());
    }
    let body = html! {
        (heading(issue, &html! {
            (login(state.account(issue.author))) " opened this issue " (ago(issue.created_at))
            " · " (issue.comments.len()) " comment" (super::layout::plural(issue.comments.len()))
        }))
        div.columns {
            div.main { (timeline::of_issue(&state, repo, issue, &[])) }
            aside.side { (side(&state, repo, issue)) }
        }
    };
    Ok(repo_page(&state, repo, Tab::Issues, &format!("{} #{number}", issue.title), &body).into_response())
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

/// Labels, people, and the pull requests that name this issue.
pub(super) fn side(state: &State, repo: &Repo, issue: &Issue) -> Markup {
    let base = repo_path(state, repo);
    let linked: Vec<&Issue> = linked_pulls(repo, issue);
    html! {
        section { h3 { "Labels" } p { @if issue.labels.is_empty() { span.quiet { "None yet" } } (labels(repo, &issue.labels)) } }
        section {
            h3 { "Assignees" }
            @if issue.assignees.is_empty() { p.quiet { "No one" } }
            @for id in &issue.assignees { @let person = state.account(*id); p { (avatar(person)) " " (login(person)) } }
        }
        @if !linked.is_empty() {
            section {
                h3 { "Pull requests" }
                ul.plain { @for pull in linked {
                    li { (mark(&issue_look(pull))) " " a href={ (base) "/pull/" (pull.number) } { (title(&pull.title)) } " " span.quiet { "#" (pull.number) } }
                } }
            }
        }
    }
}

/// Pull requests whose text names this issue's number.
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
