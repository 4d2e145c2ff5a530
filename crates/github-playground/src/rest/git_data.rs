//! Git's own objects and refs. <https://docs.github.com/en/rest/git>

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    commits::git_of,
    context::{Answer, At, Ctx, Input, created, no_content, ok},
    files::{check_size, wrapped},
    guard::guard,
};
use crate::{
    acts::{RefMove, Writer},
    app_state::AppState,
    error::ApiError,
    git::{NewTreeEntry, Reference, Repository, Signature, TreeEntry, Update, is_valid_ref_name},
    rules::push::Change,
    state::{Id, Role, Scope},
    view::View,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/git/ref/{*name}", get(read_ref))
        .route("/repos/{owner}/{repo}/git/matching-refs/{*name}", get(matching_refs))
        .route("/repos/{owner}/{repo}/git/refs", get(all_refs).post(create_ref))
        .route("/repos/{owner}/{repo}/git/refs/{*name}", get(read_ref).patch(move_ref).delete(delete_ref))
        .route("/repos/{owner}/{repo}/git/commits", post(create_commit))
        .route("/repos/{owner}/{repo}/git/commits/{sha}", get(read_commit))
        .route("/repos/{owner}/{repo}/git/blobs", post(create_blob))
        .route("/repos/{owner}/{repo}/git/blobs/{sha}", get(read_blob))
        .route("/repos/{owner}/{repo}/git/trees", post(create_tree))
        .route("/repos/{owner}/{repo}/git/trees/{*name}", get(read_tree))
}

fn shown(view: View, repo: Id, reference: &Reference) -> Value {
    let repo = view.state.repo_by_id(repo);
    let mut value = view.git_ref(repo, &reference.name, &reference.sha);
    if reference.kind != "commit" {
        value["object"]["type"] = json!(reference.kind);
        value["object"]["url"] = json!(view.repo_api(repo, &format!("/git/{}s/{}", reference.kind, reference.sha)));
    }
    value
}

async fn read_ref(ctx: Ctx, At((owner, name, reference)): At<(String, String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let found = git.reference(&format!("refs/{reference}")).await?.ok_or_else(ApiError::not_found)?;
    if ctx.app_state.hides_ref(repo, &found.name) {
        return Err(ApiError::not_found());
    }
    let state = ctx.state();
    Ok(ok(shown(ctx.view(&state), repo, &found)))
}

async fn all_refs(ctx: Ctx, At((owner, name)): At<(String, String)>) -> Answer {
    list_refs(&ctx, (&owner, &name), "refs/").await
}

async fn matching_refs(ctx: Ctx, At((owner, name, prefix)): At<(String, String, String)>) -> Answer {
    list_refs(&ctx, (&owner, &name), &format!("refs/{prefix}")).await
}

async fn list_refs(ctx: &Ctx, at: (&str, &str), prefix: &str) -> Answer {
    let (repo, git) = git_of(ctx, at)?;
    let mut found = git.refs(prefix).await?;
    found.retain(|reference| !ctx.app_state.hides_ref(repo, &reference.name));
    let state = ctx.state();
    let view = ctx.view(&state);
    Ok(ctx.list(&found, |reference| shown(view, repo, reference)))
}

/// The lock under which refs move.
type Moving = Arc<tokio::sync::Mutex<()>>;

fn workshop(ctx: &Ctx, (owner, name): (&str, &str)) -> Result<(Writer, Arc<Repository>, Moving), ApiError> {
    let state = ctx.state();
    let writer = ctx.write(&state, (owner, name), &[Scope::Contents], Role::Write)?;
    let repo = state.repo_by_id(writer.repo);
    Ok((writer, repo.git.clone(), repo.moving.clone()))
}

#[derive(Deserialize)]
struct NewRef {
    #[serde(rename = "ref")]
    name: Option<String>,
    sha: Option<String>,
}

async fn create_ref(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(new): Input<NewRef>) -> Answer {
    let (writer, git, moving) = workshop(&ctx, (&owner, &name))?;
    let name = new.name.ok_or_else(|| ApiError::semantic("Invalid request.\n\n\"ref\" wasn't supplied."))?;
    let sha = new.sha.ok_or_else(|| ApiError::semantic("Invalid request.\n\n\"sha\" wasn't supplied."))?;
    if !is_valid_ref_name(&name) || name.starts_with("refs/pull/") {
        return Err(ApiError::semantic("Reference name must start with 'refs/' and have at least two slashes."));
    }
    let _still = moving.lock().await;
    // An annotated tag is a separate object, and its reference points to that object.
    let is_tag = name.starts_with("refs/tags/") && git.tag(&sha).await?.is_some();
    if !is_tag && git.resolve(&sha).await?.as_deref() != Some(sha.as_str()) {
        return Err(ApiError::semantic("Object does not exist"));
    }
    let change = Change { name: name.clone(), old: None, new: Some(sha.clone()) };
    guard(&ctx, writer, &git, &change).await?;
    git.create_ref(&name, &sha).await?;
    follow(&ctx, writer, RefMove { name: name.clone(), old: None, new: Some(sha) }).await?;
    let found = git.reference(&name).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    Ok(created(shown(ctx.view(&state), writer.repo, &found)))
}

async fn follow(ctx: &Ctx, writer: Writer, moved: RefMove) -> Result<(), ApiError> {
    ctx.app_state.refs_moved(writer.repo, vec![moved], writer.actor).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Move {
    sha: Option<String>,
    #[serde(default)]
    force: bool,
}

async fn move_ref(
    ctx: Ctx,
    At((owner, name, reference)): At<(String, String, String)>,
    Input(asked): Input<Move>,
) -> Answer {
    let (writer, git, moving) = workshop(&ctx, (&owner, &name))?;
    let name = own_ref(&reference)?;
    let sha = asked.sha.ok_or_else(|| ApiError::semantic("Invalid request.\n\n\"sha\" wasn't supplied."))?;
    let _still = moving.lock().await;
    let old = git.ref_sha(&name).await?.ok_or_else(|| ApiError::semantic("Reference does not exist"))?;
    if git.resolve(&sha).await?.as_deref() != Some(sha.as_str()) {
        return Err(ApiError::semantic("Object does not exist"));
    }
    let change = Change { name: name.clone(), old: Some(old.clone()), new: Some(sha.clone()) };
    guard(&ctx, writer, &git, &change).await?;
    let update = if asked.force { Update::Force } else { Update::FastForward };
    git.update_ref(&name, &sha, Some(&old), update).await?;
    follow(&ctx, writer, RefMove { name: name.clone(), old: Some(old), new: Some(sha) }).await?;
    let found = git.reference(&name).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    Ok(ok(shown(ctx.view(&state), writer.repo, &found)))
}

async fn delete_ref(ctx: Ctx, At((owner, name, reference)): At<(String, String, String)>) -> Answer {
    let (writer, git, moving) = workshop(&ctx, (&owner, &name))?;
    let name = own_ref(&reference)?;
    let default = ctx.state().repo_by_id(writer.repo).default_branch.clone();
    if name == format!("refs/heads/{default}") {
        return Err(ApiError::semantic("Cannot delete the default branch"));
    }
    let _still = moving.lock().await;
    let old = git.ref_sha(&name).await?.ok_or_else(|| ApiError::semantic("Reference does not exist"))?;
    let change = Change { name: name.clone(), old: Some(old.clone()), new: None };
    guard(&ctx, writer, &git, &change).await?;
    git.delete_ref(&name).await?;
    follow(&ctx, writer, RefMove { name, old: Some(old), new: None }).await?;
    Ok(no_content())
}

/// `refs/pull/*` belongs to the server.
fn own_ref(reference: &str) -> Result<String, ApiError> {
    if reference.starts_with("pull/") {
        return Err(ApiError::semantic("Reference cannot be updated"));
    }
    Ok(format!("refs/{reference}"))
}

async fn read_commit(ctx: Ctx, At((owner, name, sha)): At<(String, String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let commit = git.commit(&sha).await?.filter(|commit| commit.sha == sha).ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    Ok(ok(ctx.view(&state).git_commit(state.repo_by_id(repo), &commit)))
}

#[derive(Deserialize)]
struct NewCommit {
    message: Option<String>,
    tree: Option<String>,
    #[serde(default)]
    parents: Vec<String>,
    author: Option<Person>,
    committer: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    name: String,
    email: String,
    date: Option<DateTime<Utc>>,
}

impl Person {
    fn signature(self) -> Signature {
        Signature { name: self.name, email: self.email, date: self.date.unwrap_or_else(Utc::now) }
    }
}

async fn create_commit(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(new): Input<NewCommit>) -> Answer {
    let (writer, git, _) = workshop(&ctx, (&owner, &name))?;
    let missing = |field: &str| ApiError::semantic(format!("Invalid request.\n\n\"{field}\" wasn't supplied."));
    let message = new.message.ok_or_else(|| missing("message"))?;
    let tree = new.tree.ok_or_else(|| missing("tree"))?;
    let author = new.author.map_or_else(|| ctx.state().signature_of(writer.actor), Person::signature);
    let committer = new.committer.map_or_else(|| author.clone(), Person::signature);
    let sha = git
        .create_commit(&tree, &new.parents, &message, &author, &committer)
        .await
        .map_err(|_| ApiError::semantic("Tree SHA does not exist"))?;
    let commit = git.commit(&sha).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    Ok(created(ctx.view(&state).git_commit(state.repo_by_id(writer.repo), &commit)))
}

#[derive(Deserialize)]
struct NewBlob {
    content: Option<String>,
    encoding: Option<String>,
}

async fn create_blob(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(new): Input<NewBlob>) -> Answer {
    let (writer, git, _) = workshop(&ctx, (&owner, &name))?;
    let content = new.content.ok_or_else(|| ApiError::semantic("Invalid request.\n\n\"content\" wasn't supplied."))?;
    let bytes = match new.encoding.as_deref().unwrap_or("utf-8") {
        "utf-8" => content.into_bytes(),
        "base64" => STANDARD
            .decode(content.split_whitespace().collect::<String>())
            .map_err(|_| ApiError::semantic("content is not valid Base64"))?,
        _ => return Err(ApiError::invalid("Blob", "encoding", "invalid")),
    };
    let sha = git.create_blob(&bytes).await?;
    let state = ctx.state();
    let url = ctx.view(&state).repo_api(state.repo_by_id(writer.repo), &format!("/git/blobs/{sha}"));
    Ok(created(json!({ "url": url, "sha": sha })))
}

async fn read_blob(ctx: Ctx, At((owner, name, sha)): At<(String, String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    check_size(git.blob_size(&sha).await?.ok_or_else(ApiError::not_found)?)?;
    let bytes = git.blob(&sha).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    let url = ctx.view(&state).repo_api(state.repo_by_id(repo), &format!("/git/blobs/{sha}"));
    Ok(ok(json!({
        "sha": sha, "node_id": format!("B_{sha}"), "size": bytes.len(), "url": url,
        "content": wrapped(&bytes), "encoding": "base64",
    })))
}

#[derive(Deserialize)]
struct NewTree {
    base_tree: Option<String>,
    tree: Vec<NewEntry>,
}

#[derive(Deserialize)]
struct NewEntry {
    path: String,
    mode: String,
    #[serde(default)]
    sha: Option<String>,
    content: Option<String>,
}

async fn create_tree(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(new): Input<NewTree>) -> Answer {
    let (writer, git, _) = workshop(&ctx, (&owner, &name))?;
    let mut entries = Vec::with_capacity(new.tree.len());
    for entry in new.tree {
        let sha = match entry.content {
            Some(content) => Some(git.create_blob(content.as_bytes()).await?),
            None => entry.sha,
        };
        entries.push(NewTreeEntry { path: entry.path, mode: entry.mode, sha });
    }
    let sha = git.create_tree(new.base_tree.as_deref(), &entries).await?;
    let listed = git.list_dir(&sha, "").await?.unwrap_or_default();
    let state = ctx.state();
    Ok(created(tree(ctx.view(&state), writer.repo, &sha, &listed)))
}

async fn read_tree(ctx: Ctx, At((owner, name, tree_name)): At<(String, String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let rev = super::commits::resolve(&git, &tree_name).await.unwrap_or(tree_name);
    let entries = if ctx.query("recursive").is_some() {
        git.list_tree_recursively(&rev).await?
    } else {
        git.list_dir(&rev, "").await?
    };
    let entries = entries.ok_or_else(ApiError::not_found)?;
    let sha = git.commit(&rev).await?.map_or(rev, |commit| commit.tree);
    let state = ctx.state();
    Ok(ok(tree(ctx.view(&state), repo, &sha, &entries)))
}

fn tree(view: View, repo: Id, sha: &str, entries: &[TreeEntry]) -> Value {
    let repo = view.state.repo_by_id(repo);
    let entries: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let mut value =
                json!({ "path": entry.path, "mode": entry.mode, "type": entry.kind.as_str(), "sha": entry.sha });
            if let Some(size) = entry.size {
                value["size"] = json!(size);
            }
            let folder = match entry.kind.as_str() {
                "tree" => "trees",
                "commit" => return value,
                _ => "blobs",
            };
            value["url"] = json!(view.repo_api(repo, &format!("/git/{folder}/{}", entry.sha)));
            value
        })
        .collect();
    json!({ "sha": sha, "url": view.repo_api(repo, &format!("/git/trees/{sha}")), "tree": entries, "truncated": false })
}
