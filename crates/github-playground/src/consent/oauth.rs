//! A person lets an app act for them, and the app exchanges its code for a token.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app>

use std::{collections::HashMap, sync::Arc};

use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use chrono::TimeDelta;
use maud::html;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{is_genuine, not_from_here, page, token_field, with_query};
use crate::{
    app_state::AppState,
    keys::random_hex,
    state::{AccountKind, App, Code, Id, State as Model, UserGrant},
};

/// A code is valid for ten minutes, a token for eight hours, and a refresh token for six months.
/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens>
const CODE: TimeDelta = TimeDelta::minutes(10);
const TOKEN: TimeDelta = TimeDelta::seconds(28_800);
const REFRESH: TimeDelta = TimeDelta::seconds(15_897_600);

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/login/oauth/authorize", get(ask).post(agree))
        .route("/login/oauth/access_token", post(access_token))
}

#[derive(Deserialize)]
struct Asked {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    state: Option<String>,
    login: Option<String>,
    token: Option<String>,
}

/// The URL to which the person is redirected. It must be below one of the app's callback URLs; the default is the first
/// one.
fn back(app: &App, asked: Option<&str>) -> Result<String, Option<String>> {
    let first = app.callback_urls.first().cloned();
    match asked {
        None => first.ok_or(None),
        Some(asked) if app.callback_urls.iter().any(|known| asked == known) => Ok(asked.to_owned()),
        Some(_) => Err(first),
    }
}

async fn ask(State(app_state): State<Arc<AppState>>, Query(asked): Query<Asked>) -> Response {
    let state = app_state.state();
    let Some(app) = asked.client_id.as_deref().and_then(|client| state.app_by_client(client)) else {
        return nothing();
    };
    if let Err(known) = back(app, asked.redirect_uri.as_deref()) {
        return mismatch(known, asked.state.as_deref());
    }
    let people: Vec<_> = state.accounts.values().filter(|account| account.kind == AccountKind::User).collect();
    page(
        "Authorize an app",
        &html! {
            h1 { "Authorize " (app.name) }
            p { "It will act in your name, no further than both you and it may." }
            form method="post" action="/login/oauth/authorize" {
                (token_field(&app_state))
                @for (name, value) in [("client_id", &asked.client_id), ("redirect_uri", &asked.redirect_uri), ("state", &asked.state)] {
                    @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
                }
                label { "As " select name="login" {
                    @for person in people {
                        option value=(person.login) selected[asked.login.as_deref() == Some(&person.login)] { (person.login) }
                    }
                } }
                " " button type="submit" { "Authorize" }
            }
        },
    )
}

async fn agree(State(app_state): State<Arc<AppState>>, headers: HeaderMap, Form(asked): Form<Asked>) -> Response {
    if !is_genuine(&app_state, &headers, asked.token.as_deref()) {
        return not_from_here();
    }
    let mut state = app_state.state();
    let Some(app) = asked.client_id.as_deref().and_then(|client| state.app_by_client(client)) else {
        return nothing();
    };
    let target = match back(app, asked.redirect_uri.as_deref()) {
        Ok(target) => target,
        Err(known) => return mismatch(known, asked.state.as_deref()),
    };
    let person = state.account_by_login(asked.login.as_deref().unwrap_or_default());
    let Some(user) = person.filter(|account| account.kind == AccountKind::User).map(|account| account.id) else {
        return nothing();
    };
    let (app, code, at) = (app.id, random_hex(10), state.now());
    state.codes.insert(code.clone(), Code { app, user, redirect_uri: asked.redirect_uri, at });
    Redirect::to(&with_query(&target, &code, asked.state.as_deref())).into_response()
}

fn nothing() -> Response {
    (StatusCode::NOT_FOUND, page("Not found", &html! { h1 { "404 Not Found" } p { "There is no such app here." } }))
        .into_response()
}

/// <https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors#redirect-uri-mismatch>
fn mismatch(known: Option<String>, state: Option<&str>) -> Response {
    let Some(known) = known else { return nothing() };
    let address = with_query(&known, "", state).replacen("code=", "error=redirect_uri_mismatch", 1);
    Redirect::to(&address).into_response()
}

/// GitHub's error, which has the status 200.
/// <https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors>
fn refusal(error: &str) -> Value {
    let description = match error {
        "incorrect_client_credentials" => "The client_id and/or client_secret passed are incorrect.",
        "redirect_uri_mismatch" => "The redirect_uri MUST match the registered callback URL for this application.",
        "bad_refresh_token" => "The refresh token passed is incorrect or expired.",
        "unsupported_grant_type" => "The grant_type parameter is not supported.",
        _ => "The code passed is incorrect or expired.",
    };
    let page = error.replace('_', "-");
    json!({
        "error": error, "error_description": description,
        "error_uri": format!("https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#{page}"),
    })
}

/// Accepts a form or JSON, and answers with a form unless JSON is requested.
async fn access_token(
    State(app_state): State<Arc<AppState>>,
    Query(mut asked): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header(header::CONTENT_TYPE).starts_with("application/json") {
        let told: HashMap<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
        asked.extend(told.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))));
    } else if let Ok(Form(told)) = form(&body) {
        asked.extend(told);
    }
    let answer = trade(&mut app_state.state(), &asked).unwrap_or_else(refusal);
    if header(header::ACCEPT).contains("json") {
        return Json(answer).into_response();
    }
    let pairs: Vec<(String, String)> = answer.as_object().into_iter().flatten().map(plain).collect();
    Form(pairs).into_response()
}

fn form(body: &Bytes) -> Result<Form<HashMap<String, String>>, axum::Error> {
    let uri = format!("http://form/?{}", String::from_utf8_lossy(body));
    let uri = uri.parse().map_err(axum::Error::new)?;
    Query::try_from_uri(&uri).map(|Query(pairs)| Form(pairs)).map_err(axum::Error::new)
}

fn plain((name, value): (&String, &Value)) -> (String, String) {
    (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn trade(state: &mut Model, asked: &HashMap<String, String>) -> Result<Value, &'static str> {
    let told = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let app = state.app_by_client(told("client_id")).filter(|app| app.client_secret == told("client_secret"));
    let app = app.ok_or("incorrect_client_credentials")?.id;
    match told("grant_type") {
        "" | "authorization_code" => by_code(state, app, told("code"), asked.get("redirect_uri")),
        "refresh_token" => by_refresh(state, app, told("refresh_token")),
        _ => Err("unsupported_grant_type"),
    }
}

fn by_code(state: &mut Model, app: Id, code: &str, redirect: Option<&String>) -> Result<Value, &'static str> {
    let now = state.now();
    let found = state.codes.get(code).filter(|found| found.app == app && found.at + CODE > now);
    let found = found.ok_or("bad_verification_code")?.clone();
    if redirect.is_some_and(|redirect| found.redirect_uri.as_ref().is_some_and(|first| first != redirect)) {
        return Err("redirect_uri_mismatch");
    }
    state.codes.remove(code);
    Ok(grant(state, app, found.user))
}

fn by_refresh(state: &mut Model, app: Id, token: &str) -> Result<Value, &'static str> {
    let now = state.now();
    let good = |grant: &UserGrant| grant.app == app && grant.refresh_token == token && grant.refresh_expires_at > now;
    let at = state.user_grants.iter().position(good).ok_or("bad_refresh_token")?;
    // The old token and its refresh token become invalid.
    let old = state.user_grants.remove(at);
    Ok(grant(state, app, old.user))
}

fn grant(state: &mut Model, app: Id, user: Id) -> Value {
    let (id, now) = (state.new_id(), state.now());
    let (token, refresh_token) = (format!("ghu_{}", random_hex(18)), format!("ghr_{}", random_hex(38)));
    let answer = json!({
        "access_token": token, "expires_in": TOKEN.num_seconds(), "refresh_token": refresh_token,
        "refresh_token_expires_in": REFRESH.num_seconds(), "scope": "", "token_type": "bearer",
    });
    let (expires_at, refresh_expires_at) = (now + TOKEN, now + REFRESH);
    state.user_grants.push(UserGrant {
        id,
        app,
        user,
        token,
        refresh_token,
        created_at: now,
        expires_at,
        refresh_expires_at,
    });
    answer
}
