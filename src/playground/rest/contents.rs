//! Files and folders through the contents API. <https://docs.github.com/en/rest/repos/contents>

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    commits::{git_of, resolve},
    context::{Answer, At, Ctx, Input, Writer, answer, ok},
    error::ApiError,
    guard::guard_commit,
    merge::signature,
};
use crate::playground::{
    acts::RefMove,
    git::{Blob, Repository, Signature, TreeEntry, Written, branch_ref},
    hub::Hub,
    rules::workflows,
    state::{Id, Role, Scope},
    view::{View, encode_path},
};

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/repos/{owner}/{repo}/contents", get(top))
        .route("/repos/{owner}/{repo}/contents/", get(top))
        .route("/repos/{owner}/{repo}/contents/{*path}", get(read).put(write).delete(remove))
        .route("/repos/{owner}/{repo}/readme", get(readme))
}

async fn top(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    show(&ctx, (&owner, &name), "").await
}

async fn readme(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    show(&ctx, (&owner, &name), "README.md").await
}

async fn read(ctx: Ctx, At((owner, name, path)): At<(String, String, String)>) -> Answer {
    show(&ctx, (&owner, &name), path.trim_matches('/')).await
}

async fn show(ctx: &Ctx, at: (&str, &str), path: &str) -> Answer {
    let (repo, git) = git_of(ctx, at)?;
    let default = ctx.state().repo_by_id(repo).default_branch.clone();
    let name = ctx.query("ref").map_or(default, str::to_owned);
    let no_commit = |_| ApiError::new(StatusCode::NOT_FOUND, format!("No commit found for the ref {name}"));
    let sha = resolve(&git, &name).await.map_err(no_commit)?;
    if !path.is_empty()
        && let Some(blob) = git.read_file(&sha, path).await?
    {
        if blob.mode != SYMLINK {
            return Ok(show_file(ctx, repo, &name, path, &blob));
        }
        // A link to a file of the repository shows as that file, any other as the link itself.
        let target = String::from_utf8_lossy(&blob.bytes).into_owned();
        if let Some(place) = behind(path, &target)
            && let Some(file) = git.read_file(&sha, &place).await?.filter(|file| file.mode != SYMLINK)
        {
            return Ok(show_file(ctx, repo, &name, path, &file));
        }
        let state = ctx.state();
        let size = blob.bytes.len() as u64;
        let mut link = entry(ctx.view(&state), repo, &name, (path, "symlink", &blob.sha, size));
        link["target"] = json!(target);
        return Ok(ok(link));
    }
    let entries = git.list_dir(&sha, path).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    let view = ctx.view(&state);
    let listed: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let path = if path.is_empty() {
                entry.path.clone()
            } else {
                format!("{path}/{}", entry.path.rsplit('/').next().unwrap_or_default())
            };
            folder_entry(view, repo, &name, &path, entry)
        })
        .collect();
    Ok(ok(json!(listed)))
}

/// Git's mode of a symbolic link.
const SYMLINK: &str = "120000";

/// Where in the repository a link leads; none where it leads out of it.
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

fn show_file(ctx: &Ctx, repo: Id, name: &str, path: &str, blob: &Blob) -> Response {
    let accept = ctx.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("raw") {
        return ([(header::CONTENT_TYPE, "application/vnd.github.raw; charset=utf-8")], blob.bytes.clone())
            .into_response();
    }
    let state = ctx.state();
    let mut value = entry(ctx.view(&state), repo, name, (path, "file", &blob.sha, blob.bytes.len() as u64));
    value["encoding"] = json!("base64");
    value["content"] = json!(wrapped(&blob.bytes));
    ok(value)
}

/// Base64 as GitHub writes it: lines of 60 characters, each with its newline.
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

fn folder_entry(view: View, repo: Id, name: &str, path: &str, listed: &TreeEntry) -> Value {
    let kind = match (listed.kind.as_str(), listed.mode.as_str()) {
        ("tree", _) => "dir",
        ("commit", _) => "submodule",
        (_, SYMLINK) => "symlink",
        _ => "file",
    };
    entry(view, repo, name, (path, kind, &listed.sha, listed.size.unwrap_or(0)))
}

fn entry(view: View, repo: Id, name: &str, (path, kind, sha, size): (&str, &str, &str, u64)) -> Value {
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

#[derive(Deserialize)]
struct Change {
    message: Option<String>,
    content: Option<String>,
    sha: Option<String>,
    branch: Option<String>,
    author: Option<Person>,
    committer: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    name: String,
    email: String,
}

/// What a change is made with.
struct Workplace {
    writer: Writer,
    git: Arc<Repository>,
    moving: Arc<tokio::sync::Mutex<()>>,
    branch: String,
    author: Signature,
}

fn workplace(ctx: &Ctx, at: (&str, &str), path: &str, change: &mut Change) -> Result<Workplace, ApiError> {
    let state = ctx.state();
    let mut scopes = vec![Scope::Contents];
    if workflows::holds(path) {
        // https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents
        ctx.write(&state, at, &[Scope::Workflows], Role::Write)?;
        scopes.push(Scope::Workflows);
    }
    let writer = ctx.write(&state, at, &scopes, Role::Write)?;
    let repo = state.repo_by_id(writer.repo);
    let mut author = signature(&state, writer.actor);
    if let Some(person) = change.author.take().or_else(|| change.committer.take()) {
        author = Signature { name: person.name, email: person.email, date: state.now() };
    }
    Ok(Workplace {
        writer,
        git: repo.git.clone(),
        moving: repo.moving.clone(),
        branch: change.branch.take().unwrap_or_else(|| repo.default_branch.clone()),
        author,
    })
}

async fn write(
    ctx: Ctx,
    At((owner, name, path)): At<(String, String, String)>,
    Input(mut change): Input<Change>,
) -> Answer {
    let path = path.trim_matches('/');
    let place = workplace(&ctx, (&owner, &name), path, &mut change)?;
    let missing = |field: &str| ApiError::invalid("Content", field, "missing_field");
    let message = change.message.ok_or_else(|| missing("message"))?;
    let content = change.content.ok_or_else(|| missing("content"))?;
    let content: String = content.split_whitespace().collect();
    let bytes = STANDARD.decode(content).map_err(|_| ApiError::semantic("content is not valid Base64"))?;
    let _still = place.moving.lock().await;
    let (old, existing) = before(&place, path).await?;
    match (&existing, &change.sha) {
        (Some(_), None) => return Err(ApiError::semantic("Invalid request.\n\n\"sha\" wasn't supplied.")),
        (existing, Some(sha)) if existing.as_ref() != Some(sha) => {
            return Err(ApiError::new(StatusCode::CONFLICT, format!("{path} does not match {sha}")));
        }
        _ => {}
    }
    let doing = if existing.is_some() { "update" } else { "create" };
    guard_commit(&ctx, place.writer, (&place.branch, old.as_deref()), doing)?;
    let written = place.git.write_file(&place.branch, path, &bytes, &message, &place.author).await?;
    let status = if existing.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    finish(&ctx, &place, path, old, &written, status, bytes.len() as u64).await
}

async fn remove(
    ctx: Ctx,
    At((owner, name, path)): At<(String, String, String)>,
    Input(mut change): Input<Change>,
) -> Answer {
    let path = path.trim_matches('/');
    // PyGithub sends these in the query.
    change.sha = change.sha.or_else(|| ctx.query("sha").map(str::to_owned));
    change.message = change.message.or_else(|| ctx.query("message").map(str::to_owned));
    change.branch = change.branch.or_else(|| ctx.query("branch").map(str::to_owned));
    let place = workplace(&ctx, (&owner, &name), path, &mut change)?;
    let missing = |field: &str| ApiError::invalid("Content", field, "missing_field");
    let message = change.message.ok_or_else(|| missing("message"))?;
    let sha = change.sha.ok_or_else(|| missing("sha"))?;
    let _still = place.moving.lock().await;
    let (old, existing) = before(&place, path).await?;
    let existing = existing.ok_or_else(ApiError::not_found)?;
    if existing != sha {
        return Err(ApiError::new(StatusCode::CONFLICT, format!("{path} does not match {sha}")));
    }
    guard_commit(&ctx, place.writer, (&place.branch, old.as_deref()), "delete")?;
    let written = place.git.delete_file(&place.branch, path, &message, &place.author).await?;
    finish(&ctx, &place, path, old, &written, StatusCode::OK, 0).await
}

/// Where the branch is, and the blob that the path has there.
async fn before(place: &Workplace, path: &str) -> Result<(Option<String>, Option<String>), ApiError> {
    let name = branch_ref(&place.branch);
    let old = place.git.ref_sha(&name).await?;
    let Some(sha) = &old else {
        // The first file of an empty repository makes its branch; any other branch must exist.
        if place.git.branches().await?.is_empty() {
            return Ok((None, None));
        }
        return Err(ApiError::new(StatusCode::NOT_FOUND, format!("Branch {} not found", place.branch)));
    };
    let existing = place.git.read_file(sha, path).await?.map(|blob| blob.sha);
    Ok((old, existing))
}

async fn finish(
    ctx: &Ctx,
    place: &Workplace,
    path: &str,
    old: Option<String>,
    written: &Written,
    status: StatusCode,
    size: u64,
) -> Answer {
    let moved = RefMove { name: branch_ref(&place.branch), old, new: Some(written.commit.clone()) };
    ctx.hub.refs_moved(place.writer.repo, vec![moved], place.writer.actor).await?;
    let commit = place.git.commit(&written.commit).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    let view = ctx.view(&state);
    let content =
        written.blob.as_ref().map(|blob| entry(view, place.writer.repo, &place.branch, (path, "file", blob, size)));
    Ok(answer(
        status,
        json!({ "content": content, "commit": view.git_commit(state.repo_by_id(place.writer.repo), &commit) }),
    ))
}
