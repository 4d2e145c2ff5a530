//! Registers an app from a manifest, and installs it.
//!
//! Any site can post a manifest in the form field `manifest`. An owner reads here what it asks for, names the app, and
//! is redirected to the manifest's `redirect_url` with a code that [`crate::rest`] converts into an app.
//! <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use maud::html;
use serde::Deserialize;

use super::{encode, is_genuine, not_from_here, page, token_field, with_query};
use crate::{
    app_state::AppState,
    keys::random_hex,
    state::{AccountKind, Agreed, Id, Manifest, PEOPLE, Selection, State as Model},
};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new()
        .route("/settings/apps/new", get(explain).post(of_person))
        .route("/organizations/{org}/settings/apps/new", get(explain).post(of_organization))
        .route("/apps/{slug}/installations/new", get(choose).post(install))
}

#[derive(Deserialize)]
struct Told {
    state: Option<String>,
}

#[derive(Deserialize)]
struct Posted {
    manifest: Option<String>,
    /// The name that the owner agreed to, and the token of the page. Absent before the owner has seen the page.
    name: Option<String>,
    token: Option<String>,
}

async fn explain() -> Response {
    page(
        "Register an app",
        &html! {
            h1 { "Register an app" }
            p { "An app is registered by its manifest, which is posted here as the form field " code { "manifest" } "." }
        },
    )
}

async fn of_person(
    app_state: State<Arc<AppState>>,
    told: Query<Told>,
    headers: HeaderMap,
    form: Form<Posted>,
) -> Response {
    let owner = app_state.state().account_by_login(PEOPLE[0].0).map(|account| account.id);
    register(&app_state, owner, "/settings/apps/new", &told.0, agreed(&app_state, &headers, form.0))
}

/// The posted manifest. A name that was not entered on the page here is only a proposal.
fn agreed(app_state: &AppState, headers: &HeaderMap, posted: Posted) -> Posted {
    let is_here = is_genuine(app_state, headers, posted.token.as_deref());
    Posted { name: posted.name.filter(|name| is_here && !name.trim().is_empty()), ..posted }
}

async fn of_organization(
    app_state: State<Arc<AppState>>,
    Path(login): Path<String>,
    told: Query<Told>,
    headers: HeaderMap,
    form: Form<Posted>,
) -> Response {
    let owner = {
        let state = app_state.state();
        state.account_by_login(&login).filter(|account| account.kind == AccountKind::Organization).map(|found| found.id)
    };
    let posted = agreed(&app_state, &headers, form.0);
    register(&app_state, owner, &format!("/organizations/{login}/settings/apps/new"), &told.0, posted)
}

fn register(app_state: &AppState, owner: Option<Id>, place: &str, told: &Told, posted: Posted) -> Response {
    let Some(owner) = owner else { return refuse(StatusCode::NOT_FOUND, "There is no such organization here.") };
    let text = posted.manifest.unwrap_or_default();
    let manifest: Manifest = match serde_json::from_str(&text) {
        Ok(manifest) => manifest,
        Err(error) => {
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, &format!("The manifest is not understood: {error}."));
        }
    };
    if let Some(fault) = fault(&manifest) {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, &fault);
    }
    let query = told.state.as_deref().map(|state| format!("?state={}", encode(state))).unwrap_or_default();
    let Some(name) = posted.name else {
        return ask(app_state, owner, &format!("{place}{query}"), &manifest, &text);
    };
    let mut state = app_state.state();
    if state.apps().any(|app| app.slug == crate::state::slug(&name)) {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "That name is taken; choose another one.");
    }
    let (code, at) = (random_hex(20), state.now());
    let target = with_query(manifest.redirect_url.as_deref().unwrap_or(&manifest.url), &code, told.state.as_deref());
    state.agreed.insert(code, Agreed { manifest, name, owner, at });
    Redirect::to(&target).into_response()
}

/// Why GitHub would refuse the manifest.
fn fault(manifest: &Manifest) -> Option<String> {
    let mut urls = vec![("url", &manifest.url)];
    urls.extend(manifest.redirect_url.iter().map(|url| ("redirect_url", url)));
    urls.extend(manifest.setup_url.iter().map(|url| ("setup_url", url)));
    urls.extend(manifest.callback_urls.iter().map(|url| ("callback_urls", url)));
    urls.extend(manifest.hook_attributes.iter().map(|hook| ("hook_attributes.url", &hook.url)));
    let wrong = urls.iter().find(|(_, url)| reqwest::Url::parse(url).is_err());
    if manifest.callback_urls.len() > 10 {
        return Some("The manifest has more than ten callback URLs.".to_owned());
    }
    wrong.map(|(field, url)| format!("The manifest's {field} `{url}` is not an address."))
}

fn ask(app_state: &AppState, owner: Id, place: &str, manifest: &Manifest, text: &str) -> Response {
    let state = app_state.state();
    let name = manifest.name.clone().unwrap_or_default();
    page(
        "Register an app",
        &html! {
            h1 { "Register an app for " (state.account(owner).login) }
            p { "It asks for these permissions:" }
            ul {
                @for (scope, access) in &manifest.default_permissions { li { (word(scope)) ": " (word(access)) } }
            }
            p { "Its webhook events: " (manifest.default_events.join(", ")) }
            form method="post" action=(place) {
                (token_field(app_state))
                input type="hidden" name="manifest" value=(text);
                label { "Name " input type="text" name="name" value=(name) required; }
                " " button type="submit" { "Create the app" }
            }
        },
    )
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, page("Apps", &html! { h1 { "This does not work" } p { (why) } })).into_response()
}

/// The accounts that do not have the app.
fn candidates(state: &Model, app: Id) -> Vec<String> {
    let has = |account: Id| state.installations.iter().any(|all| all.app == app && all.account == account);
    let accounts = state.accounts.values().filter(|account| account.kind != AccountKind::Bot && !has(account.id));
    accounts.map(|account| account.login.clone()).collect()
}

async fn choose(State(app_state): State<Arc<AppState>>, Path(slug): Path<String>) -> Response {
    let state = app_state.state();
    let Some(app) = state.apps().find(|app| app.slug == slug) else {
        return refuse(StatusCode::NOT_FOUND, "There is no such app here.");
    };
    let options = candidates(&state, app.id);
    page(
        "Install an app",
        &html! {
            h1 { "Install " (app.name) }
            form method="post" {
                (token_field(&app_state))
                label { "On all repositories of " select name="account" {
                    @for login in &options { option value=(login) { (login) } }
                } }
                " " button type="submit" { "Install" }
            }
        },
    )
}

#[derive(Deserialize)]
struct Chosen {
    account: String,
    token: Option<String>,
}

/// An owner of the account installs the app on all its repositories.
/// <https://docs.github.com/en/apps/using-github-apps/installing-a-github-app-from-a-third-party>
async fn install(
    State(app_state): State<Arc<AppState>>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Response {
    if !is_genuine(&app_state, &headers, chosen.token.as_deref()) {
        return not_from_here();
    }
    let mut state = app_state.state();
    let Some(app) = state.apps().find(|app| app.slug == slug).map(|app| app.id) else {
        return refuse(StatusCode::NOT_FOUND, "There is no such app here.");
    };
    if !candidates(&state, app).contains(&chosen.account) {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "The app cannot be installed there.");
    }
    let account = state.account_by_login(&chosen.account).map_or(state.app.owner, |account| account.id);
    let sender = state.owner_of(account);
    let id = app_state.install_on(&mut state, app, account, Selection::All, sender);
    let setup = state.app_by_id(app).and_then(|app| app.setup_url.clone());
    match setup {
        Some(setup) => {
            let joint = if setup.contains('?') { '&' } else { '?' };
            Redirect::to(&format!("{setup}{joint}installation_id={id}&setup_action=install")).into_response()
        }
        None => Redirect::to(&format!("/{}", chosen.account)).into_response(),
    }
}
