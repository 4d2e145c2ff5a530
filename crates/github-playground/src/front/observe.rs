//! The layer that shows REST exchanges to the observer.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;

use crate::{app_state::AppState, observe::Exchange};

/// Shows every exchange to the observer. Without an observer it costs nothing.
pub(crate) async fn observe(State(app_state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
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
