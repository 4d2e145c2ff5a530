//! The files of a commit in one archive.
//! <https://docs.github.com/en/rest/repos/contents#download-a-repository-archive-tar>
//!
//! The API only redirects. The archive itself has an address like that of GitHub's codeload, which is valid for a few
//! minutes and needs no token, because clients do not send their token to another host.

use std::sync::{Arc, PoisonError};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    commits::{git_of, resolve},
    context::{Answer, At, Ctx},
};
use crate::{
    app_state::{AppState, ArchiveTicket},
    error::ApiError,
    git::Format,
    keys::random_hex,
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/repos/{owner}/{repo}/tarball", get(default_tarball))
        .route("/repos/{owner}/{repo}/tarball/{*name}", get(tarball))
        .route("/repos/{owner}/{repo}/zipball", get(default_zipball))
        .route("/repos/{owner}/{repo}/zipball/{*name}", get(zipball))
}

/// The routes of the archives themselves, outside the API.
pub(crate) fn downloads(app_state: Arc<AppState>) -> Router {
    Router::new().route("/_codeload/{owner}/{repo}/{format}/{ticket}", get(download)).with_state(app_state)
}

/// <https://docs.github.com/en/rest/repos/contents#download-a-repository-archive-tar>: how long links to private
/// repositories are valid.
const MINUTES: i64 = 5;

async fn default_tarball(ctx: Ctx, At(at): At<(String, String)>) -> Answer {
    redirect(&ctx, &at, None, Format::TarGz).await
}

async fn tarball(ctx: Ctx, At((owner, name, wanted)): At<(String, String, String)>) -> Answer {
    redirect(&ctx, &(owner, name), Some(wanted), Format::TarGz).await
}

async fn default_zipball(ctx: Ctx, At(at): At<(String, String)>) -> Answer {
    redirect(&ctx, &at, None, Format::Zip).await
}

async fn zipball(ctx: Ctx, At((owner, name, wanted)): At<(String, String, String)>) -> Answer {
    redirect(&ctx, &(owner, name), Some(wanted), Format::Zip).await
}

async fn redirect(ctx: &Ctx, (owner, name): &(String, String), wanted: Option<String>, format: Format) -> Answer {
    let (repo, git) = git_of(ctx, (owner, name))?;
    let default = ctx.state().repo_by_id(repo).default_branch.clone();
    let sha = resolve(&git, wanted.as_deref().unwrap_or(&default)).await.map_err(|_| ApiError::not_found())?;
    let state = ctx.state();
    let full_name = ctx.view(&state).full_name(state.repo_by_id(repo));
    let folder = format!("{}-{}", full_name.replace('/', "-"), &sha[..7]);
    let (now, ticket) = (state.now(), random_hex(20));
    let until = now + chrono::TimeDelta::minutes(MINUTES);
    let mut tickets = ctx.app_state.tickets.lock().unwrap_or_else(PoisonError::into_inner);
    tickets.retain(|_, ticket| ticket.until > now);
    tickets.insert(ticket.clone(), ArchiveTicket { repository: git, sha, folder, format, until });
    let word = if format == Format::TarGz { "legacy.tar.gz" } else { "legacy.zip" };
    let place = ctx.urls.web(&format!("/_codeload/{full_name}/{word}/{ticket}"));
    Ok((StatusCode::FOUND, [(header::LOCATION, place)]).into_response())
}

async fn download(
    State(app_state): State<Arc<AppState>>,
    Path((_, _, _, ticket)): Path<(String, String, String, String)>,
) -> Response {
    let found = {
        let now = app_state.state().now();
        let tickets = app_state.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.get(&ticket).filter(|ticket| ticket.until > now).cloned()
    };
    let Some(ticket) = found else { return (StatusCode::NOT_FOUND, "404: Not Found").into_response() };
    let (end, kind) = match ticket.format {
        Format::TarGz => ("tar.gz", "application/x-gzip"),
        Format::Zip => ("zip", "application/zip"),
    };
    match ticket.repository.archive(&ticket.sha, &ticket.folder, ticket.format).await {
        Ok(bytes) => {
            let mut headers = HeaderMap::new();
            let name = format!("attachment; filename={}.{end}", ticket.folder);
            headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
            if let Ok(name) = header::HeaderValue::from_str(&name) {
                headers.insert(header::CONTENT_DISPOSITION, name);
            }
            (headers, bytes).into_response()
        }
        Err(error) => ApiError::from(error).into_response(),
    }
}
