//! Files written and deleted through the contents API. <https://docs.github.com/en/rest/repos/contents>

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::put};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

use super::{
    context::{Answer, At, Ctx, Input, answer},
    files::entry,
    guard::guard_commit,
};
use crate::{
    acts::{RefMove, Writer},
    app_state::AppState,
    error::ApiError,
    git::{Repository, Signature, Written, branch_ref},
    rules::workflows,
    state::{Role, Scope},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new().route("/repos/{owner}/{repo}/contents/{*path}", put(write).delete(remove))
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

/// The repository, branch and caller of a change.
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
    let mut author = state.signature_of(writer.actor);
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

/// The head of the branch, and the blob at the path.
async fn before(place: &Workplace, path: &str) -> Result<(Option<String>, Option<String>), ApiError> {
    let name = branch_ref(&place.branch);
    let old = place.git.ref_sha(&name).await?;
    let Some(sha) = &old else {
        // The first file of an empty repository creates the branch. Any other branch must exist.
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
    ctx.app_state.refs_moved(place.writer.repo, vec![moved], place.writer.actor).await?;
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
