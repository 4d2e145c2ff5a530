//! Answers: one line of JSON each.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// When proxies and people should try again, in seconds. GitHub itself marks the delivery as failed, and it can be
/// redelivered for three days.
const RETRY_AFTER: &str = "30";

/// A success with this status.
pub(super) fn status(code: StatusCode, status: &str) -> Response {
    (code, Json(json!({ "status": status }))).into_response()
}

pub(super) fn error(code: StatusCode, error: &str) -> Response {
    (code, Json(json!({ "error": error }))).into_response()
}

/// An error that passes.
pub(super) fn later(why: &str) -> Response {
    let mut refusal = error(StatusCode::SERVICE_UNAVAILABLE, why);
    refusal.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    refusal
}

pub(super) async fn nothing_here() -> Response {
    error(StatusCode::NOT_FOUND, "nothing is here; GitHub's deliveries go to /webhooks/github")
}

pub(super) async fn other_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method")
}
