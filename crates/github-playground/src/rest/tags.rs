//! Annotated tags. <https://docs.github.com/en/rest/git/tags>

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    commits::git_of,
    context::{Answer, At, Ctx, Input, created, ok},
};
use crate::{
    app_state::AppState,
    error::ApiError,
    git::{Signature, Tag},
    state::{Id, Role, Scope},
    view::{View, time},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/git/tags", post(create))
        .route("/repos/{owner}/{repo}/git/tags/{sha}", get(read))
}

fn shown(view: View, repo: Id, tag: &Tag) -> Value {
    let repo = view.state.repo_by_id(repo);
    let object = view.repo_api(repo, &format!("/git/{}s/{}", tag.kind, tag.object));
    let person = |who: &Signature| json!({ "name": who.name, "email": who.email, "date": time(who.date) });
    json!({
        "node_id": format!("TA_{}", tag.sha), "tag": tag.name, "sha": tag.sha,
        "url": view.repo_api(repo, &format!("/git/tags/{}", tag.sha)), "message": tag.message,
        "tagger": tag.tagger.as_ref().map(person), "object": { "sha": tag.object, "type": tag.kind, "url": object },
        "verification": {
            "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
        },
    })
}

async fn read(ctx: Ctx, At((owner, name, sha)): At<(String, String, String)>) -> Answer {
    let (repo, git) = git_of(&ctx, (&owner, &name))?;
    let tag = git.tag(&sha).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    Ok(ok(shown(ctx.view(&state), repo, &tag)))
}

#[derive(Deserialize)]
struct New {
    tag: Option<String>,
    message: Option<String>,
    object: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    tagger: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    name: String,
    email: String,
    date: Option<DateTime<Utc>>,
}

/// Creates only the tag object. The reference needs a separate request.
async fn create(ctx: Ctx, At((owner, name)): At<(String, String)>, Input(new): Input<New>) -> Answer {
    let (writer, git, own, now) = {
        let state = ctx.state();
        let writer = ctx.write(&state, (&owner, &name), &[Scope::Contents], Role::Write)?;
        let git = state.repo_by_id(writer.repo).git.clone();
        (writer, git, state.signature_of(writer.actor), state.now())
    };
    let missing = |field: &str| ApiError::semantic(format!("Invalid request.\n\n\"{field}\" wasn't supplied."));
    let tag = new.tag.ok_or_else(|| missing("tag"))?;
    let message = new.message.ok_or_else(|| missing("message"))?;
    let object = new.object.ok_or_else(|| missing("object"))?;
    let kind = new.kind.ok_or_else(|| missing("type"))?;
    if !["commit", "tree", "blob"].contains(&kind.as_str()) {
        return Err(ApiError::invalid("Tag", "type", "invalid"));
    }
    let tagger = new.tagger.map_or(own, |person| Signature {
        name: person.name,
        email: person.email,
        date: person.date.unwrap_or(now),
    });
    let sha = git
        .create_tag((&tag, &message), (&object, &kind), &tagger)
        .await
        .map_err(|_| ApiError::invalid("Tag", "object", "invalid"))?;
    let tag = git.tag(&sha).await?.ok_or_else(ApiError::not_found)?;
    let state = ctx.state();
    Ok(created(shown(ctx.view(&state), writer.repo, &tag)))
}
