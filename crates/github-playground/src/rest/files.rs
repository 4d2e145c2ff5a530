//! Files and folders read through the contents API, in the requested form.
//! <https://docs.github.com/en/rest/repos/contents#get-repository-content>

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    commits::{git_of, resolve},
    context::{Answer, At, Ctx, ok},
};
use crate::{
    app_state::AppState,
    error::ApiError,
    git::{EntryKind, Repository, TreeEntry},
    markdown::file_as_html,
    state::Id,
    view::{View, encode_path},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/contents", get(top))
        .route("/repos/{owner}/{repo}/contents/", get(top))
        .route("/repos/{owner}/{repo}/contents/{*path}", get(read))
        .route("/repos/{owner}/{repo}/readme", get(readme))
        .route("/repos/{owner}/{repo}/readme/{*folder}", get(readme_of))
}

/// The requested form of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Json,
    /// A folder as an object with its entries, and not as a list.
    Object,
    Raw,
    Html,
}

impl Wanted {
    /// `application/vnd.github.raw`, `application/vnd.github.v3.raw`, `application/vnd.github.raw+json`.
    fn asked(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let named = accept.split(',').find_map(|kind| {
            let kind = kind.split(';').next()?.trim().strip_prefix("application/vnd.github.")?;
            match kind.strip_prefix("v3.").unwrap_or(kind).trim_end_matches("+json") {
                "raw" => Some(Self::Raw),
                "html" => Some(Self::Html),
                "object" => Some(Self::Object),
                _ => None,
            }
        });
        named.unwrap_or(Self::Json)
    }
}

async fn top(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    Scene::of(&ctx, (&owner, &name)).await?.show("").await
}

async fn read(ctx: Ctx, At((owner, name, path)): At<(String, String, String)>) -> Answer {
    Scene::of(&ctx, (&owner, &name)).await?.show(path.trim_matches('/')).await
}

/// The folders in which GitHub looks for the README of a repository, in this order.
/// <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-readmes>
const README_FOLDERS: [&str; 3] = [".github", "", "docs"];

async fn readme(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    Scene::of(&ctx, (&owner, &name)).await?.show_readme(&README_FOLDERS).await
}

/// <https://docs.github.com/en/rest/repos/contents#get-a-repository-readme-for-a-directory>
async fn readme_of(ctx: Ctx, At((owner, name, folder)): At<(String, String, String)>) -> Answer {
    Scene::of(&ctx, (&owner, &name)).await?.show_readme(&[folder.trim_matches('/')]).await
}

/// Git's mode of a symbolic link.
const SYMLINK: &str = "120000";

/// Larger files have no content in the answer, except in the raw form.
const SHOWN_WHOLE: u64 = 1024 * 1024;
/// Larger files are refused.
const LARGEST: u64 = 100 * 1024 * 1024;

/// Refuses a blob that is larger than the limit.
pub(super) fn check_size(size: u64) -> Result<(), ApiError> {
    if size <= LARGEST {
        return Ok(());
    }
    let message = "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API, but you \
                   can always clone the repository via Git in order to obtain it.";
    Err(ApiError::too_large(message))
}

/// A repository at a commit, and the requested form of its content.
struct Scene<'a> {
    ctx: &'a Ctx,
    repo: Id,
    git: Arc<Repository>,
    /// The requested ref, which the links repeat.
    name: String,
    sha: String,
    wanted: Wanted,
}

impl<'a> Scene<'a> {
    async fn of(ctx: &'a Ctx, at: (&str, &str)) -> Result<Self, ApiError> {
        let (repo, git) = git_of(ctx, at)?;
        let default = ctx.state().repo_by_id(repo).default_branch.clone();
        let name = ctx.query("ref").map_or(default, str::to_owned);
        let no_commit = |_| ApiError::new(StatusCode::NOT_FOUND, format!("No commit found for the ref {name}"));
        let sha = resolve(&git, &name).await.map_err(no_commit)?;
        Ok(Self { ctx, repo, git, name, sha, wanted: Wanted::asked(&ctx.headers) })
    }

    async fn show(&self, path: &str) -> Answer {
        if path.split('/').any(|part| [".", ".."].contains(&part)) {
            return Err(ApiError::not_found());
        }
        let found = if path.is_empty() { None } else { self.git.entry(&self.sha, path).await? };
        match found {
            Some(found) if found.mode == SYMLINK => self.show_link(path, &found).await,
            Some(found) if found.kind == EntryKind::Blob => self.show_file(path, &found).await,
            _ => self.show_folder(path).await,
        }
    }

    async fn show_readme(&self, folders: &[&str]) -> Answer {
        for folder in folders {
            let listed = self.git.list_dir(&self.sha, folder).await?.unwrap_or_default();
            let mut found: Vec<&str> = listed
                .iter()
                .filter(|entry| entry.kind == EntryKind::Blob)
                .map(|entry| entry.path.rsplit('/').next().unwrap_or_default())
                .filter(|file| file.split('.').next().is_some_and(|stem| stem.eq_ignore_ascii_case("readme")))
                .collect();
            // Markdown has precedence.
            found.sort_by_key(|file| !is_markdown(file));
            if let Some(file) = found.first() {
                let path = if folder.is_empty() { (*file).to_owned() } else { format!("{folder}/{file}") };
                return self.show(&path).await;
            }
        }
        Err(ApiError::not_found())
    }

    /// A link to a file of the repository is shown as that file, and any other link as itself.
    async fn show_link(&self, path: &str, link: &TreeEntry) -> Answer {
        let target = self.git.blob(&link.sha).await?.unwrap_or_default();
        let target = String::from_utf8_lossy(&target).into_owned();
        if let Some(place) = behind(path, &target)
            && let Some(file) = self.git.entry(&self.sha, &place).await?
            && file.kind == EntryKind::Blob
            && file.mode != SYMLINK
        {
            return self.show_file(path, &file).await;
        }
        let mut shown = self.entry(path, "symlink", &link.sha, link.size.unwrap_or(0));
        shown["target"] = json!(target);
        Ok(ok(shown))
    }

    async fn show_file(&self, path: &str, file: &TreeEntry) -> Answer {
        let size = file.size.unwrap_or(0);
        check_size(size)?;
        if matches!(self.wanted, Wanted::Json | Wanted::Object) && size > SHOWN_WHOLE {
            let mut value = self.entry(path, "file", &file.sha, size);
            value["encoding"] = json!("none");
            value["content"] = json!("");
            return Ok(ok(value));
        }
        let bytes = self.git.blob(&file.sha).await?.ok_or_else(ApiError::not_found)?;
        match self.wanted {
            Wanted::Raw => {
                Ok(([(header::CONTENT_TYPE, "application/vnd.github.raw; charset=utf-8")], bytes).into_response())
            }
            Wanted::Html => Ok(self.as_html(path, &bytes)),
            Wanted::Json | Wanted::Object => {
                let mut value = self.entry(path, "file", &file.sha, size);
                value["encoding"] = json!("base64");
                value["content"] = json!(wrapped(&bytes));
                Ok(ok(value))
            }
        }
    }

    fn as_html(&self, path: &str, bytes: &[u8]) -> Response {
        let text = String::from_utf8_lossy(bytes);
        let place = {
            let state = self.ctx.state();
            let repo = state.repo_by_id(self.repo);
            format!("/{}/{}", state.account(repo.owner).login, repo.name)
        };
        let shown = file_as_html(&place, path, &text, is_markdown(path));
        ([(header::CONTENT_TYPE, "application/vnd.github.html; charset=utf-8")], shown).into_response()
    }

    async fn show_folder(&self, path: &str) -> Answer {
        let entries = self.git.list_dir(&self.sha, path).await?.ok_or_else(ApiError::not_found)?;
        let listed: Vec<Value> = entries
            .iter()
            .map(|entry| {
                let path = if path.is_empty() {
                    entry.path.clone()
                } else {
                    format!("{path}/{}", entry.path.rsplit('/').next().unwrap_or_default())
                };
                self.folder_entry(&path, entry)
            })
            .collect();
        if self.wanted != Wanted::Object {
            return Ok(ok(json!(listed)));
        }
        let tree = match path {
            "" => self.git.commit(&self.sha).await?.map(|commit| commit.tree),
            path => self.git.entry(&self.sha, path).await?.map(|found| found.sha),
        };
        let mut folder = self.entry(path, "dir", &tree.unwrap_or_default(), 0);
        folder["entries"] = json!(listed);
        let mut response = ok(folder);
        let kind = header::HeaderValue::from_static("application/vnd.github.object; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(response)
    }

    fn folder_entry(&self, path: &str, listed: &TreeEntry) -> Value {
        let kind = match (listed.kind.as_str(), listed.mode.as_str()) {
            ("tree", _) => "dir",
            ("commit", _) => "submodule",
            (_, SYMLINK) => "symlink",
            _ => "file",
        };
        self.entry(path, kind, &listed.sha, listed.size.unwrap_or(0))
    }

    fn entry(&self, path: &str, kind: &str, sha: &str, size: u64) -> Value {
        let state = self.ctx.state();
        entry(self.ctx.view(&state), self.repo, &self.name, (path, kind, sha, size))
    }
}

fn is_markdown(path: &str) -> bool {
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    ["md", "markdown", "mdown", "mkdn"].iter().any(|known| end.eq_ignore_ascii_case(known))
}

/// The path in the repository that a link points to; `None` if it leaves the repository.
fn behind(link: &str, target: &str) -> Option<String> {
    let mut place: Vec<&str> = link.split('/').collect();
    place.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => {
                place.pop()?;
            }
            "" => return None,
            part => place.push(part),
        }
    }
    Some(place.join("/")).filter(|place| !place.is_empty())
}

/// Base64 in GitHub's form: lines of 60 characters, each with a newline.
pub(super) fn wrapped(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / 60 + 1);
    for (at, character) in encoded.chars().enumerate() {
        if at > 0 && at % 60 == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines.push('\n');
    lines
}

/// A file or folder in the form of lists and links.
pub(super) fn entry(view: View, repo: Id, name: &str, (path, kind, sha, size): (&str, &str, &str, u64)) -> Value {
    let repo = view.state.repo_by_id(repo);
    let encoded = encode_path(path);
    let url = view.repo_api(repo, &format!("/contents/{encoded}?ref={name}"));
    let (object, page) = if kind == "dir" { ("trees", "tree") } else { ("blobs", "blob") };
    let git = view.repo_api(repo, &format!("/git/{object}/{sha}"));
    let html = view.repo_web(repo, &format!("/{page}/{name}/{encoded}"));
    let download = (kind != "dir").then(|| view.repo_web(repo, &format!("/raw/{name}/{encoded}")));
    json!({
        "type": kind, "size": size, "name": path.rsplit('/').next(), "path": path, "sha": sha, "url": url,
        "git_url": git, "html_url": html, "download_url": download,
        "_links": { "self": url, "git": git, "html": html },
    })
}
