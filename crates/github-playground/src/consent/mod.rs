//! The pages on which a person agrees to something for an app: to register it, to install it, to let it act for them.
//!
//! In: forms. Out: HTML without scripts, a redirect to the app, and the agreement in the model. Whoever can reach the
//! server can agree for anybody: it is a tool on the reader's own machine, and there is no login. Only these pages' own
//! forms are accepted. Each has a token that no other site can read. The token belongs to the server and not to a
//! session, because people arrive from the apps' own sites, and a strict cookie would not be sent then.

mod oauth;
mod registration;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest, Sha256};

use super::{app_state::AppState, front::from_elsewhere};

/// A form may redirect to any site, because that is the purpose of these pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages, and the endpoint at which apps exchange codes for tokens.
pub(crate) fn router(app_state: Arc<AppState>) -> Router {
    oauth::routes().merge(registration::routes()).layer(axum::middleware::map_response(guard)).with_state(app_state)
}

async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn page(title: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href="/-/style.css";
            }
            body {
                header.top { a.brand href="/" { "Playground" } span { "a GitHub on this machine" } }
                main { (body) }
            }
        }
    };
    Html(page.into_string()).into_response()
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The field with the token of these pages' forms.
fn token_field(app_state: &AppState) -> Markup {
    html! { input type="hidden" name="token" value=(app_state.form_token); }
}

/// Whether a form comes from one of these pages.
fn is_genuine(app_state: &AppState, headers: &HeaderMap, token: Option<&str>) -> bool {
    // Digests are compared, so that the time does not depend on the position of a difference.
    let same = token.is_some_and(|token| Sha256::digest(token) == Sha256::digest(&app_state.form_token));
    same && from_elsewhere(headers).is_none()
}

fn not_from_here() -> Response {
    let body = html! { h1 { "Refused" } p { "This form was not filled in here. Open the page, and agree on it." } };
    (StatusCode::FORBIDDEN, page("Refused", &body)).into_response()
}

/// A URL with a code, and with the state of the request.
fn with_query(address: &str, code: &str, state: Option<&str>) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    let state = state.map(|state| format!("&state={}", encode(state))).unwrap_or_default();
    format!("{address}{joint}code={}{state}", encode(code))
}
