//! Looking on: whoever starts a playground may see every answer it gives and every webhook it sends, as they pass.
//!
//! The tests hold both against GitHub's own description. Nothing is changed by being looked at.

use std::{fmt::Debug, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use serde_json::Value;

use super::app_state::AppState;

/// Somebody who looks on.
pub trait Observer: Debug + Send + Sync {
    /// A REST request was answered.
    fn answered(&self, exchange: &Exchange<'_>);

    /// A GraphQL request was answered.
    fn queried(&self, _query: &str, _answer: &Value) {}

    /// A webhook is sent.
    fn sent(&self, event: &str, payload: &Value);
}

/// A REST request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// `GET`.
    pub method: &'a str,
    /// Below `/api/v3`, percent-encoded: `/repos/acme/widgets/issues`.
    pub path: &'a str,
    /// What follows the question mark; empty where there is none.
    pub query: &'a str,
    /// Who asked, as they call themselves.
    pub user_agent: &'a str,
    /// The request's body.
    pub request: &'a [u8],
    /// 200.
    pub status: u16,
    /// The answer's content type; empty where it has none.
    pub content_type: &'a str,
    /// The answer's body.
    pub answer: &'a [u8],
}

/// Shows every exchange to the observer; without one it costs nothing.
pub(super) async fn show(State(app_state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let Some(observer) = app_state.observer.clone() else { return next.run(request).await };
    let (parts, body) = request.into_parts();
    let Ok(asked) = whole(body).await else { return StatusCode::BAD_REQUEST.into_response() };
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let user_agent = text(parts.headers.get(header::USER_AGENT));
    let answer = next.run(Request::from_parts(parts, Body::from(asked.clone()))).await;
    let (parts, body) = answer.into_parts();
    let Ok(answered) = whole(body).await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    observer.answered(&Exchange {
        method: method.as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        user_agent: &user_agent,
        request: &asked,
        status: parts.status.as_u16(),
        content_type: &text(parts.headers.get(header::CONTENT_TYPE)),
        answer: &answered,
    });
    Response::from_parts(parts, Body::from(answered))
}

async fn whole(body: Body) -> Result<Bytes, axum::Error> {
    Ok(body.collect().await?.to_bytes())
}

fn text(header: Option<&header::HeaderValue>) -> String {
    header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
