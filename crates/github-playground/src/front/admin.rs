//! The admin API at `/_playground`: control of the playground that GitHub does not offer.
//!
//! | request | body | what it does |
//! |---|---|---|
//! | `GET /_playground/faults` | | the active rules, with how often each matched |
//! | `PUT /_playground/faults` | `{"seed": 7, "rules": [rule, …]}` | replaces all rules |
//! | `POST /_playground/faults` | a rule | adds a rule |
//! | `DELETE /_playground/faults` | | removes all rules; deliveries that were held back are sent |
//! | `GET /_playground/report` | | the injected faults, in order |
//! | `GET /_playground/rate-limits` | | the present numbers, or `null` |
//! | `PUT /_playground/rate-limits` | `{}`, or `{"core": 100, …}` | limits rates by github.com's numbers, except those given |
//! | `DELETE /_playground/rate-limits` | | stops limiting |
//! | `GET /_playground/clock` | | the playground's time |
//! | `POST /_playground/clock` | `{"advance": 3600}` | moves the clock forward by seconds |
//! | `PUT /_playground/push-limit` | `{"bytes": 1000000}` | refuses larger pushes |
//! | `POST /_playground/ci` | `[{"job": "slow", "after": 30}, …]` | adds rules to the script of the CI; the last matching rule decides |
//! | `PUT /_playground/ci` | the same | replaces the script |
//! | `DELETE /_playground/ci` | | removes the script: every job succeeds at once |
//! | `POST /_playground/installations/{id}/suspend`, `…/unsuspend` | `{}` | the account's owner suspends or unsuspends it, with the webhook |
//! | `POST /_playground/installations/{id}/all-repositories` | `{}` | the owner gives it all repositories, including future ones |
//! | `POST /_playground/app/permissions` | `{"issues": "write", …}` | the app requests permissions; no installation has them yet |
//! | `POST /_playground/installations/{id}/accept-permissions` | `{}` | the owner grants what the app requests |
//! | `POST /_playground/transfers/accept` | `{"repository": "acme/widgets"}` | the account that a repository was offered to accepts it |
//! | `POST /_playground/tokens/expire` | `{}` | expires every installation token, as after an hour |
//! | `POST /_playground/tokens/revoke` | `{}` | revokes every installation token |
//!
//! A rule is written as in the seed file; the words are those of the table of [`crate::faults`]. Bad input answers
//! 4xx with a `message` and, where there are several faults, all of them with their places.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use chrono::TimeDelta;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::guard::on_this_machine;
use crate::{
    app_state::AppState,
    faults::{FaultConfig, InjectedFault, read_rule},
    limits::RateLimits,
    state::{CiRule, Id, PEOPLE, Permissions, State as Model, SuspendedThrough},
    view,
};

/// A century. The clock cannot be turned back, so a larger number is probably an error.
const MOST_SECONDS: i64 = 100 * 365 * 24 * 3600;

/// The routes below `/_playground`.
pub(crate) fn router(app_state: Arc<AppState>) -> Router {
    let routes = Router::new()
        .route("/faults", get(rules).put(replace).post(add).delete(clear_faults))
        .route("/report", get(report))
        .route("/rate-limits", get(limits).put(limit).delete(unlimit))
        .route("/clock", get(clock).post(advance))
        .route("/push-limit", put(limit_pushes))
        .route("/ci", post(add_to_ci).put(replace_ci).delete(clear_ci))
        .route("/installations/{id}/suspend", post(suspend))
        .route("/installations/{id}/unsuspend", post(unsuspend))
        .route("/installations/{id}/all-repositories", post(select_all))
        .route("/installations/{id}/accept-permissions", post(accept_permissions))
        .route("/app/permissions", post(ask_permissions))
        .route("/transfers/accept", post(accept_transfer))
        .route("/tokens/expire", post(expire))
        .route("/tokens/revoke", post(revoke))
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here)
        .layer(middleware::from_fn(on_this_machine))
        .with_state(app_state);
    Router::new().nest("/_playground", routes)
}

/// A refusal with all faults.
pub(super) struct AdminRefusal(pub(super) StatusCode, pub(super) &'static str, pub(super) Vec<String>);

impl IntoResponse for AdminRefusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "message": self.1, "errors": self.2 }))).into_response()
    }
}

async fn nothing_here() -> AdminRefusal {
    let message = "There is no such admin resource: see faults, report, rate-limits, push-limit, ci, installations, app, transfers, clock and tokens.";
    AdminRefusal(StatusCode::NOT_FOUND, message, Vec::new())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminRefusal> {
    serde_json::from_slice(body).map_err(|error| {
        let status = if error.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        AdminRefusal(status, "The body is not understood.", vec![error.to_string()])
    })
}

fn faulty(faults: Vec<String>) -> AdminRefusal {
    AdminRefusal(StatusCode::UNPROCESSABLE_ENTITY, "The rules cannot be followed; nothing was changed.", faults)
}

async fn rules(State(app_state): State<Arc<AppState>>) -> Response {
    Json(json!({ "rules": app_state.faults.shown() })).into_response()
}

async fn replace(State(app_state): State<Arc<AppState>>, body: Bytes) -> Result<Response, AdminRefusal> {
    let written: FaultConfig = read(&body)?;
    let found = written.rules().map_err(faulty)?;
    app_state.clear_faults();
    app_state.faults.seed(written.seed.unwrap_or_default());
    app_state.faults.add(found).map_err(|error| faulty(error.0))?;
    Ok(rules(State(app_state)).await)
}

async fn add(State(app_state): State<Arc<AppState>>, body: Bytes) -> Result<Response, AdminRefusal> {
    let rule = read_rule(&read(&body)?).map_err(faulty)?;
    app_state.faults.add(vec![rule]).map_err(|error| faulty(error.0))?;
    Ok((StatusCode::CREATED, rules(State(app_state)).await).into_response())
}

async fn clear_faults(State(app_state): State<Arc<AppState>>) -> Response {
    app_state.clear_faults();
    StatusCode::NO_CONTENT.into_response()
}

async fn report(State(app_state): State<Arc<AppState>>) -> Response {
    let shown = |done: InjectedFault| {
        let at = view::time(done.at);
        json!({ "at": at, "rule": done.rule, "act": done.act, "what": done.what, "guid": done.guid })
    };
    let done: Vec<Value> = app_state.faults.report().into_iter().map(shown).collect();
    Json(json!({ "injected": done })).into_response()
}

async fn limits(State(app_state): State<Arc<AppState>>) -> Response {
    Json(json!({ "rate_limits": app_state.limits.numbers() })).into_response()
}

async fn limit(State(app_state): State<Arc<AppState>>, body: Bytes) -> Result<Response, AdminRefusal> {
    let numbers: RateLimits = read(&body)?;
    let faults = numbers.faults();
    if !faults.is_empty() {
        return Err(AdminRefusal(StatusCode::UNPROCESSABLE_ENTITY, "The limits stay as they are.", faults));
    }
    app_state.limits.set(Some(numbers));
    Ok(limits(State(app_state)).await)
}

async fn unlimit(State(app_state): State<Arc<AppState>>) -> Response {
    app_state.limits.set(None);
    StatusCode::NO_CONTENT.into_response()
}

async fn clock(State(app_state): State<Arc<AppState>>) -> Response {
    let now = app_state.state().now();
    Json(json!({ "now": view::time(now) })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance: i64,
}

async fn advance(State(app_state): State<Arc<AppState>>, body: Bytes) -> Result<Response, AdminRefusal> {
    let seconds = read::<Advance>(&body)?.advance;
    if !(0..=MOST_SECONDS).contains(&seconds) {
        let fault = format!("advance: {seconds} is no step forward; give seconds, 0 or more, a century at most");
        return Err(AdminRefusal(StatusCode::UNPROCESSABLE_ENTITY, "The clock stays where it is.", vec![fault]));
    }
    app_state.advance(TimeDelta::seconds(seconds));
    Ok(clock(State(app_state)).await)
}

async fn expire(State(app_state): State<Arc<AppState>>) -> Response {
    Json(json!({ "expired": app_state.state().expire_tokens() })).into_response()
}

async fn revoke(State(app_state): State<Arc<AppState>>) -> Response {
    let grants = std::mem::take(&mut app_state.state().grants);
    Json(json!({ "revoked": grants.len() })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Largest {
    bytes: u64,
}

async fn limit_pushes(State(app_state): State<Arc<AppState>>, body: Bytes) -> Result<Response, AdminRefusal> {
    let bytes = read::<Largest>(&body)?.bytes;
    app_state.largest_push.store(bytes, Ordering::Relaxed);
    Ok(Json(json!({ "bytes": bytes })).into_response())
}

fn script(body: &[u8]) -> Result<Vec<CiRule>, AdminRefusal> {
    CiRule::parse(&String::from_utf8_lossy(body)).map_err(|fault| {
        AdminRefusal(StatusCode::UNPROCESSABLE_ENTITY, "The script of the CI stays as it is.", vec![fault])
    })
}

/// Changes the script, and wakes the open jobs.
fn set_ci(app_state: &AppState, change: impl FnOnce(&mut Vec<CiRule>)) -> Response {
    let rules = {
        let mut state = app_state.state();
        change(&mut state.ci);
        state.ci.len()
    };
    app_state.look_again();
    Json(json!({ "rules": rules })).into_response()
}

async fn add_to_ci(State(app_state): State<Arc<AppState>>, body: Bytes) -> Result<Response, AdminRefusal> {
    let more = script(&body)?;
    Ok(set_ci(&app_state, |rules| rules.extend(more)))
}

async fn replace_ci(State(app_state): State<Arc<AppState>>, body: Bytes) -> Result<Response, AdminRefusal> {
    let new = script(&body)?;
    Ok(set_ci(&app_state, |rules| *rules = new))
}

async fn clear_ci(State(app_state): State<Arc<AppState>>) -> Response {
    set_ci(&app_state, Vec::clear)
}

async fn suspend(State(app_state): State<Arc<AppState>>, Path(id): Path<String>) -> Result<Response, AdminRefusal> {
    let mut state = app_state.state();
    let (id, by) = installation(&state, &id)?;
    app_state.suspend(&mut state, id, by, SuspendedThrough::Account);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn unsuspend(State(app_state): State<Arc<AppState>>, Path(id): Path<String>) -> Result<Response, AdminRefusal> {
    let mut state = app_state.state();
    let (id, by) = installation(&state, &id)?;
    app_state.unsuspend(&mut state, id, by);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn select_all(State(app_state): State<Arc<AppState>>, Path(id): Path<String>) -> Result<Response, AdminRefusal> {
    let mut state = app_state.state();
    let (id, by) = installation(&state, &id)?;
    app_state.select_all(&mut state, id, by);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn ask_permissions(State(app_state): State<Arc<AppState>>, body: Bytes) -> Result<Response, AdminRefusal> {
    let asked: Permissions = read(&body)?;
    let mut state = app_state.state();
    state.app.permissions.extend(asked);
    Ok(Json(json!({ "permissions": state.app.permissions })).into_response())
}

async fn accept_permissions(
    State(app_state): State<Arc<AppState>>,
    Path(id): Path<String>,
) -> Result<Response, AdminRefusal> {
    let mut state = app_state.state();
    let (id, by) = installation(&state, &id)?;
    app_state.accept_permissions(&mut state, id, by);
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offered {
    repository: String,
}

async fn accept_transfer(State(app_state): State<Arc<AppState>>, body: Bytes) -> Result<Response, AdminRefusal> {
    let repository = read::<Offered>(&body)?.repository;
    if app_state.accept_transfer(&repository) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let fault = format!("repository: nobody was offered `{repository}`, or they have one of that name");
    Err(AdminRefusal(StatusCode::NOT_FOUND, "There is no such offer.", vec![fault]))
}

/// An installation, and the owner of its account.
fn installation(state: &Model, id: &str) -> Result<(Id, Id), AdminRefusal> {
    let found = id.parse().ok().and_then(|id| state.installation(id)).ok_or_else(|| {
        let known: Vec<String> = state.installations.iter().map(|all| all.id.to_string()).collect();
        let fault = format!("`{id}` is no installation; there are: {}", known.join(", "));
        AdminRefusal(StatusCode::NOT_FOUND, "There is no such installation.", vec![fault])
    })?;
    let owner = state.account_by_login(PEOPLE[0].0).map_or(found.account, |account| account.id);
    Ok((found.id, owner))
}
