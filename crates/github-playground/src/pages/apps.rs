//! The app: its installations, permissions and deliveries.

use std::sync::Arc;

use axum::Form as FormBody;
use axum::extract::{Extension, Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::act::{may_send, see};
use super::form::Form;
use super::layout::{Page, ago, avatar, login, page, repo_path};
use super::plan::Fields;
use super::session::{Session, Viewer};
use super::{PageError, Pages};
use crate::app_state::AppState;
use crate::state::{Delivery, Id, Installation, Role, State, SuspendedThrough};

/// The number of deliveries on one page.
const A_PAGE: usize = 30;

/// The most characters of a body that are shown.
const SHOWN: usize = 100_000;

/// The page of a long list.
#[derive(Debug, Deserialize)]
pub(super) struct AppSection {
    #[serde(default)]
    page: String,
}

fn is_this(state: &State, slug: &str) -> Result<(), PageError> {
    if state.app.slug == slug { Ok(()) } else { Err(PageError::NotFound("such app")) }
}

/// `GET /apps/{slug}`.
pub(super) async fn app(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(part): Query<AppSection>,
) -> Result<Page, PageError> {
    let state = app_state.state();
    is_this(&state, &slug)?;
    let app = &state.app;
    let last = state.deliveries.len().div_ceil(A_PAGE).max(1);
    let at = part.page.parse().unwrap_or(1).clamp(1, last);
    let shown: Vec<&Delivery> = state.deliveries.iter().rev().skip((at - 1) * A_PAGE).take(A_PAGE).collect();
    let body = html! {
        h1 { (app.name) " " span.pill { "app" } }
        p.quiet { "Owned by " (login(state.account(app.owner))) " · webhooks go to "
            @match &state.webhook_url { Some(url) => code { (url) }, None => "nobody" } }
        h2 { "Installations" }
        @if state.installations.is_empty() { p.nothing { "It is installed nowhere." } }
        @for installation in &state.installations { (installed(&state, &viewer, installation)) }
        h2 { "Events" }
        p { @for event in &app.events { span.pill { (event) } " " } }
        h2 { "Deliveries" }
        @if shown.is_empty() { p.nothing { "Nothing was sent yet." } }
        @else { ul.rows { @for delivery in &shown { (row(&slug, delivery)) } } }
        @if last > 1 {
            nav.pages aria-label="Pages" {
                @if at > 1 { a.button href={ "?page=" (at - 1) } { "Newer" } " " }
                span.quiet { "Page " (at) " of " (last) }
                @if at < last { " " a.button href={ "?page=" (at + 1) } { "Older" } }
            }
        }
        p.quiet { "This GitHub's clock says " time { (state.now().format("%Y-%m-%d %H:%M:%S UTC")) } "." }
    };
    Ok(page(&viewer, &app.name, &body))
}

fn installed(state: &State, viewer: &Viewer, installation: &Installation) -> Markup {
    let account = state.account(installation.account);
    let reached: Vec<_> = state.repos.values().filter(|repo| installation.reaches(repo)).collect();
    let verb = if installation.suspended.is_some() { "unsuspend" } else { "suspend" };
    let (slug, id) = (&state.app.slug, installation.id);
    let action = format!("/apps/{slug}/installations/{id}/{verb}");
    let form_id = format!("suspend-{id}");
    html! {
        div.box {
            div.box-head { h3 { (avatar(account)) " " (login(account)) } span.end.quiet { "id " (installation.id) " · " (ago(installation.created_at)) } }
            div.pad {
                @if let Some(suspended) = installation.suspended {
                    p.refusal { "Suspended " (ago(suspended.at)) " by " (login(state.account(suspended.by))) "." }
                }
                p { "Reaches " (reached.len()) " repositor" (if reached.len() == 1 { "y" } else { "ies" }) " (" (installation.selection.name()) "):" }
                ul.plain { @for repo in &reached {
                    @let path = repo_path(state, repo);
                    li { a href=(path) { (path.trim_start_matches('/')) } }
                } }
                p { @for (scope, access) in &installation.permissions {
                    span.pill { (word(scope)) ": " (word(access)) } " "
                } }
                @if may_manage(state, viewer) {
                    (Form::new(viewer, &form_id, &action, &[]).inline().button(if verb == "suspend" { "Suspend" } else { "Take the suspension back" }))
                }
            }
        }
    }
}

/// The API's word for a scope or an access.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn name(delivery: &Delivery) -> String {
    let action = delivery.action.as_ref().map(|action| format!(".{action}"));
    format!("{}{}", delivery.event, action.unwrap_or_default())
}

fn state_of(delivery: &Delivery) -> Markup {
    let class = match delivery.status_code {
        200..=299 => "open",
        0 if delivery.status == crate::webhooks::PENDING => "attention",
        _ => "closed",
    };
    html! { span class={ "mark " (class) } { (delivery.status) @if delivery.status_code > 0 { " (" (delivery.status_code) ")" } } }
}

fn row(slug: &str, delivery: &Delivery) -> Markup {
    html! {
        li {
            div {
                a.title href={ "/apps/" (slug) "/deliveries/" (delivery.id) } { code { (name(delivery)) } }
                @if delivery.redelivery { " " span.pill { "redelivery" } }
                p.quiet { (delivery.guid) " · " (ago(delivery.delivered_at)) }
            }
            span.end { (state_of(delivery)) }
        }
    }
}

/// `GET /apps/{slug}/deliveries/{id}`.
pub(super) async fn delivery(
    Shared(app_state): Shared<Arc<AppState>>,
    viewer: Viewer,
    Path((slug, id)): Path<(String, Id)>,
) -> Result<Page, PageError> {
    let state = app_state.state();
    is_this(&state, &slug)?;
    let found = state.deliveries.find(id);
    let delivery = found.ok_or(PageError::NotFound("such delivery"))?;
    let action = format!("/apps/{slug}/deliveries/{id}/redeliver");
    let again = Form::new(&viewer, "redeliver", &action, &[]);
    let payload: Value = serde_json::from_slice(&delivery.body).unwrap_or_default();
    let payload = serde_json::to_string_pretty(&payload).unwrap_or_default();
    let body = html! {
        p { a href={ "/apps/" (slug) } { (state.app.name) } }
        h1 { code { (name(delivery)) } }
        p.quiet { (delivery.guid) " · " (ago(delivery.delivered_at)) " · " (delivery.seconds) " s" }
        p { (state_of(delivery)) }
        @if may_manage(&state, &viewer) { (again.button("Send again")) }
        h2 { "Request" }
        p { code { "POST " (delivery.url) } }
        (headers(delivery.request_headers.iter()))
        (text("Payload", &payload))
        h2 { "Response" }
        (headers(delivery.response_headers.iter()))
        (text("Body", &delivery.response_body))
    };
    Ok(page(&viewer, &name(delivery), &body))
}

fn headers<'a>(headers: impl Iterator<Item = (&'a String, &'a String)>) -> Markup {
    html! { pre.code tabindex="0" role="group" aria-label="Headers" { @for (name, value) in headers { (name) ": " (value) "\n" } } }
}

fn text(what: &str, text: &str) -> Markup {
    let cut: String = text.chars().take(SHOWN).collect();
    html! {
        details { summary { (what) } pre.code tabindex="0" role="group" aria-label=(what) { (cut) @if cut.len() < text.len() { "\n…" } } }
    }
}

/// An administrator of a repository of the app's owner may redeliver its deliveries.
fn may_manage(state: &State, viewer: &Viewer) -> bool {
    state.repos.values().filter(|repo| repo.owner == state.app.owner).any(|repo| viewer.may(state, repo, Role::Admin))
}

/// `POST /apps/{slug}/deliveries/{id}/redeliver`: what `POST /app/hook/deliveries/{id}/attempts` does for the app itself.
pub(super) async fn redeliver(
    Shared(pages): Shared<Pages>,
    viewer: Viewer,
    Extension(session): Extension<Session>,
    Path((slug, id)): Path<(String, Id)>,
    headers: HeaderMap,
    FormBody(pairs): FormBody<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(pairs);
    let sent = managed(&pages, &viewer, &session, (&slug, &fields), |state, _| pages.app_state.redeliver(state, id));
    match sent {
        Ok(()) => see(&format!("/apps/{slug}")),
        Err((status, message)) => pages.again(&headers, fields, status, message).await,
    }
}

/// `POST /apps/{slug}/installations/{id}/{verb}`: the acts of the account's owner in its settings.
/// <https://docs.github.com/en/apps/using-github-apps/reviewing-and-modifying-installed-github-apps>
pub(super) async fn suspend(
    Shared(pages): Shared<Pages>,
    viewer: Viewer,
    Extension(session): Extension<Session>,
    Path((slug, id, verb)): Path<(String, Id, String)>,
    headers: HeaderMap,
    FormBody(pairs): FormBody<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(pairs);
    let done = managed(&pages, &viewer, &session, (&slug, &fields), |state, me| {
        if state.installation(id).is_none() {
            return false;
        }
        match verb.as_str() {
            "suspend" => pages.app_state.suspend(state, id, me, SuspendedThrough::Account),
            "unsuspend" => pages.app_state.unsuspend(state, id, me),
            _ => return false,
        }
        true
    });
    match done {
        Ok(()) => see(&format!("/apps/{slug}")),
        Err((status, message)) => pages.again(&headers, fields, status, message).await,
    }
}

/// Changes the app, if the caller may; `act` returns false if its object does not exist.
fn managed(
    pages: &Pages,
    viewer: &Viewer,
    session: &Session,
    (slug, fields): (&str, &Fields),
    act: impl FnOnce(&mut State, Id) -> bool,
) -> Result<(), (StatusCode, String)> {
    may_send(pages, session, fields)?;
    let mut state = pages.app_state.state();
    let me = viewer.account(&state).map(|me| me.id).filter(|_| may_manage(&state, viewer));
    let Some(me) = me else {
        let why = "Only who administers a repository of the app's owner may do that.";
        return Err((StatusCode::FORBIDDEN, why.to_owned()));
    };
    let known = is_this(&state, slug).is_ok() && act(&mut state, me);
    if known { Ok(()) } else { Err((StatusCode::NOT_FOUND, "There is no such thing here.".to_owned())) }
}
