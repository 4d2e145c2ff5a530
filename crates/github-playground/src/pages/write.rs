//! Forms that edit a file on a branch and open a pull request from it.

use std::sync::Arc;

use axum::extract::{Path, Query, State as Shared};
use maud::html;
use serde::Deserialize;

use super::controls::Scene;
use super::form::Form;
use super::layout::{Page, Tab, repo_page, repo_path};
use super::people::invitation;
use super::repository::split_place;
use super::session::Viewer;
use super::{PageError, find_git, find_repo};
use crate::app_state::AppState;
use crate::view::encode_path;

/// `GET /{owner}/{repo}/edit/{branch}/{path}`.
pub(super) async fn edit(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, place)): Path<(String, String, String)>,
) -> Result<Page, PageError> {
    let (git, _) = find_git(&app_state, &owner, &name)?;
    let (branch, path) = split_place(&git, &place).await?;
    let blob = git.read_file(&branch, &path).await?.ok_or(PageError::NotFound("such file"))?;
    let text = String::from_utf8(blob.bytes.clone()).map_err(|_| PageError::NotFound("text in this file"))?;
    let head = git.resolve(&branch).await?.ok_or(PageError::NotFound("such branch"))?;

    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let scene = Scene { viewer: &viewer, state: &state, repo };
    let ends = if text.contains("\r\n") { "crlf" } else { "lf" };
    let then = format!("{}/blob/{}/{}", repo_path(&state, repo), encode_path(&branch), encode_path(&path));
    let hidden = [
        ("path", path.as_str()),
        ("sha", blob.sha.as_str()),
        ("from", branch.as_str()),
        ("head", head.as_str()),
        ("ends", ends),
        ("then", then.as_str()),
    ];
    let action = scene.action("write");
    let form = Form::new(&viewer, "write", &action, &hidden);
    let body = html! {
        h1 { "Edit " code { (path) } }
        @if viewer.login().is_none() { (invitation(&viewer, "to edit it")) }
        @else {
            (form.around(&html! {
                (form.text("content", "Content", &text, 24))
                (form.line("message", "Message of the commit", &format!("Update {path}")))
                (form.line("branch", "Branch to commit to; one that is not there is made", &branch))
                p.buttons { button.primary type="submit" { "Commit" } " " a.button href=(then) { "Cancel" } }
            }))
        }
    };
    Ok(repo_page((&viewer, &state), repo, Tab::Code, &format!("Edit {path}"), &body))
}

/// The branches of a new pull request: `?head=feature`.
#[derive(Debug, Deserialize)]
pub(super) struct Sides {
    #[serde(default)]
    head: String,
}

/// `GET /{owner}/{repo}/compare`.
pub(super) async fn compare(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name)): Path<(String, String)>,
    Query(sides): Query<Sides>,
) -> Result<Page, PageError> {
    let (git, base) = find_git(&app_state, &owner, &name)?;
    let branches: Vec<String> = git.branches().await?.into_iter().map(|branch| branch.name).collect();
    let options: Vec<(&str, &str)> = branches.iter().map(|branch| (branch.as_str(), branch.as_str())).collect();
    let other = branches.iter().find(|branch| **branch != base).map_or("", String::as_str);
    let head = if sides.head.is_empty() { other } else { &sides.head };

    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let scene = Scene { viewer: &viewer, state: &state, repo };
    let action = scene.action("open-pull");
    let form = Form::new(&viewer, "open-pull", &action, &[]);
    let body = html! {
        h1 { "New pull request" }
        @if viewer.login().is_none() { (invitation(&viewer, "to open one")) }
        @else if branches.len() < 2 { p.nothing { "There is no branch but " code { (base) } " yet." } }
        @else {
            (form.around(&html! {
                (form.choice("head", "Take the commits of", &options, head))
                (form.choice("base", "into", &options, &base))
                (form.line("title", "Title", ""))
                (form.text("body", "Text, in Markdown", "", 8))
                (form.tick(("draft", 0), "yes", &html! { "It is a draft" }, false))
                p.buttons { button.primary type="submit" { "Open pull request" } }
            }))
        }
    };
    Ok(repo_page((&viewer, &state), repo, Tab::Pulls, "New pull request", &body))
}
