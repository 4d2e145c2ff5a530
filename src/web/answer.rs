//! Answers: one line of JSON each.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A success with this status.
pub(super) fn status(code: StatusCode, status: &str) -> Response {
    (code, Json(json!({ "status": status }))).into_response()
}

pub(super) fn error(code: StatusCode, error: &str) -> Response {
    (code, Json(json!({ "error": error }))).into_response()
}

pub(super) async fn nothing_here() -> Response {
    error(StatusCode::NOT_FOUND, "nothing is here; GitHub's deliveries go to /webhooks/github")
}

pub(super) async fn other_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method")
}
