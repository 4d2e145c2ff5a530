//! Repositories and their files.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use maud::{Markup, html};

use super::PageError;
use super::find_git;
use super::find_repo;
use super::icons::{Icon, icon};
use super::layout::{Page, Tab, ago, avatar, page, plural, repo_page, repo_path, short_sha, title};
use super::session::Viewer;
use crate::app_state::AppState;
use crate::git::{CommitInfo, EntryKind, Repository, TreeEntry};
use crate::markdown::{self, TextPlace};
use crate::state::{AccountKind, Repo, State};
use crate::view::encode_path;

/// A longer file is not shown line by line.
const MAX_SHOWN: usize = 512 * 1024;

pub(super) async fn index(Shared(app_state): Shared<Arc<AppState>>, viewer: Viewer) -> Page {
    let state = app_state.state();
    let repos: Vec<&Repo> = state.repos.values().collect();
    let people = state.accounts.values().filter(|account| account.kind == AccountKind::User);
    let body = html! {
        h1 { "Repositories" }
        (repo_list(&state, &repos))
        p { "The app here is " a href={ "/apps/" (state.app.slug) } { (state.app.name) } "." }
        h2 { "People" }
        ul.plain.people { @for person in people { li { (avatar(person)) " " a href={ "/" (person.login) } { (person.login) } } } }
    };
    page(&viewer, "Playground", &body)
}

pub(super) async fn owner(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path(owner): Path<String>,
) -> Result<Page, PageError> {
    let state = app_state.state();
    let account = state.account_by_login(&owner).ok_or(PageError::NotFound("such account"))?;
    let repos: Vec<&Repo> = state.repos.values().filter(|repo| repo.owner == account.id).collect();
    let roles = state.repos.values().filter_map(|repo| Some((repo, repo.collaborators.get(&account.id)?)));
    let body = html! {
        h1.person { (avatar(account)) " " (account.login) " " span.pill { (account.kind.as_str()) } }
        @if !repos.is_empty() { (repo_list(&state, &repos)) }
        ul.plain {
            @for (repo, role) in roles {
                li { a href=(repo_path(&state, repo)) { (repo_path(&state, repo).trim_start_matches('/')) } " " span.pill { (role.name()) } }
            }
        }
    };
    Ok(page(&viewer, &account.login, &body))
}

fn repo_list(state: &State, repos: &[&Repo]) -> Markup {
    html! {
        ul.rows {
            @for repo in repos {
                li {
                    div {
                        a.title href=(repo_path(state, repo)) { (state.account(repo.owner).login) " / " strong { (repo.name) } }
                        " " span.pill { (if repo.private { "Private" } else { "Public" }) }
                        @if let Some(description) = &repo.description { p.quiet { (description) } }
                        p.quiet { "pushed " (ago(repo.pushed_at)) }
                    }
                }
            }
        }
    }
}

pub(super) async fn home(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Page, PageError> {
    let (_, branch) = find_git(&app_state, &owner, &name)?;
    folder((&app_state, &viewer), &owner, &name, &branch, "").await
}

pub(super) async fn tree(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, place)): Path<(String, String, String)>,
) -> Result<Page, PageError> {
    let (git, _) = find_git(&app_state, &owner, &name)?;
    let (rev, path) = split_place(&git, &place).await?;
    folder((&app_state, &viewer), &owner, &name, &rev, &path).await
}

/// Splits `feature/x/src/lib.rs` into the branch `feature/x` and a path, or a sha and a path. The longest branch wins.
pub(super) async fn split_place(git: &Repository, place: &str) -> Result<(String, String), PageError> {
    let branches = git.branches().await?;
    let matching = branches.iter().filter(|branch| {
        place.strip_prefix(branch.name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let rev = match matching.max_by_key(|branch| branch.name.len()) {
        Some(branch) => branch.name.as_str(),
        None => place.split('/').next().unwrap_or(place),
    };
    let path = place[rev.len()..].trim_matches('/').to_owned();
    Ok((rev.to_owned(), path))
}

async fn folder(
    (app_state, viewer): (&AppState, &Viewer),
    owner: &str,
    name: &str,
    rev: &str,
    path: &str,
) -> Result<Page, PageError> {
    let (git, _) = find_git(app_state, owner, name)?;
    let head = git.log(rev, 0, 1).await.ok().and_then(|mut log| log.pop());
    let mut entries = git.list_dir(rev, path).await?;
    if let Some(entries) = &mut entries {
        entries.sort_by_key(|entry| entry.kind != EntryKind::Tree);
    }
    let readme = match entries.iter().flatten().find(|entry| entry.path.eq_ignore_ascii_case("readme.md")) {
        Some(entry) => git.blob(&entry.sha).await?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        None => None,
    };
    let branches = git.branches().await?.len();

    let state = app_state.state();
    let repo = find_repo(&state, owner, name)?;
    let base = repo_path(&state, repo);
    let body = match (&entries, &head) {
        (Some(entries), Some(head)) => html! {
            h1.unseen { "Files of " (repo.name) @if !path.is_empty() { ": " (path) } }
            div.bar {
                a.button href={ (base) "/branches" } { (icon(Icon::Branch)) " " (rev) }
                a.quiet href={ (base) "/branches" } { strong { (branches) } " branch" (if branches == 1 { "" } else { "es" }) }
                (crumbs(&base, rev, path))
                code.clone { (app_state.urls.web(&base)) ".git" }
            }
            div.box {
                (latest(&state, &base, rev, head))
                ul.files { @for entry in entries { (row(&base, rev, path, entry)) } }
            }
            @if let Some(readme) = &readme {
                div.box { h2.box-head { "README.md" } div.pad { (markdown::render(readme, TextPlace::File(&base))) } }
            }
        },
        _ if branches > 0 => return Err(PageError::NotFound("such folder")),
        _ => {
            html! { h1.unseen { "Files of " (repo.name) } p.nothing { "This repository is empty. Push to " code { (app_state.urls.web(&base)) ".git" } "." } }
        }
    };
    Ok(repo_page((viewer, &state), repo, Tab::Code, "Code", &body))
}

fn latest(state: &State, base: &str, rev: &str, head: &CommitInfo) -> Markup {
    html! {
        div.box-head.latest {
            (author(state, head)) " " a href={ (base) "/commit/" (head.sha) } { (title(head.title())) }
            span.end { (short_sha(base, &head.sha)) " " (ago(head.committer.date)) " "
                a href={ (base) "/commits/" (encode_path(rev)) } { (icon(Icon::Commit)) " History" } }
        }
    }
}

/// The author of a commit: the account with this address, else the name in git.
pub(super) fn author(state: &State, commit: &CommitInfo) -> Markup {
    html! {
        @if let Some(account) = state.account_by_email(&commit.author.email) {
            (avatar(account)) " " strong { (account.login.trim_end_matches("[bot]")) }
        } @else {
            strong { (commit.author.name) }
        }
    }
}

fn crumbs(base: &str, rev: &str, path: &str) -> Markup {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let tree = format!("{base}/tree/{}", encode_path(rev));
    html! {
        @if let Some((last, folders)) = parts.split_last() {
            span.crumbs {
                a href=(tree) { (base.rsplit('/').next().unwrap_or_default()) }
                @for (depth, folder) in folders.iter().enumerate() {
                    " / " a href={ (tree) "/" (encode_path(&parts[..=depth].join("/"))) } { (folder) }
                }
                " / " strong { (last) }
            }
        }
    }
}

fn row(base: &str, rev: &str, folder: &str, entry: &TreeEntry) -> Markup {
    let path = if folder.is_empty() { entry.path.clone() } else { format!("{folder}/{}", entry.path) };
    let (drawing, kind) = if entry.kind == EntryKind::Tree { (Icon::Folder, "tree") } else { (Icon::File, "blob") };
    html! {
        li {
            (icon(drawing)) " "
            a href={ (base) "/" (kind) "/" (encode_path(rev)) "/" (encode_path(&path)) } { (entry.path) }
            @if let Some(size) = entry.size { span.end.quiet { (size) " byte" (plural(size)) } }
        }
    }
}

pub(super) async fn blob(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((owner, name, place)): Path<(String, String, String)>,
) -> Result<Page, PageError> {
    let (git, _) = find_git(&app_state, &owner, &name)?;
    let (rev, path) = split_place(&git, &place).await?;
    let blob = git.read_file(&rev, &path).await?.ok_or(PageError::NotFound("such file"))?;
    let text = std::str::from_utf8(&blob.bytes).ok().filter(|text| text.len() <= MAX_SHOWN && !text.contains('\0'));

    let state = app_state.state();
    let repo = find_repo(&state, &owner, &name)?;
    let base = repo_path(&state, repo);
    let is_markdown = path.to_ascii_lowercase().ends_with(".md");
    let body = html! {
        h1.unseen { (path) }
        div.bar { a.button href={ (base) "/branches" } { (icon(Icon::Branch)) " " (rev) } (crumbs(&base, &rev, &path)) }
        div.box {
            div.box-head { (blob.bytes.len()) " byte" (plural(blob.bytes.len())) @if blob.mode == "100755" { " · executable" }
                @if text.is_some() { a.end href={ (base) "/edit/" (encode_path(&rev)) "/" (encode_path(&path)) } { "Edit" } } }
            @match text {
                Some(text) if is_markdown => div.pad { (markdown::render(text, TextPlace::File(&base))) },
                Some(text) => div.scroll { table.diff.source { @for (line, number) in text.lines().zip(1_u32..) {
                    tr id={ "L" (number) } { td.number { (number) } td.text { (line) } }
                } } },
                None => p.nothing { "Binary, or too large to show." },
            }
        }
    };
    Ok(repo_page((&viewer, &state), repo, Tab::Code, &path, &body))
}
