//! The error answers of GitHub's servers and gateways.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::rule::{Body, RequestAct};
use crate::error::ApiError;

/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
const SECONDARY: &str = "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";
const PRIMARY: &str = "https://docs.github.com/rest/overview/resources-in-the-rest-api#rate-limiting";

/// The answer that replaces the real one; `None` if the act sends no answer of its own.
pub(crate) fn refusal(act: &RequestAct, unix_now: i64) -> Option<Response> {
    Some(match act {
        RequestAct::Unauthorized => ApiError::bad_credentials().into_response(),
        RequestAct::Forbidden => ApiError::not_accessible().into_response(),
        RequestAct::NotFound => ApiError::not_found().into_response(),
        RequestAct::Conflict => ApiError::new(StatusCode::CONFLICT, "Conflict").into_response(),
        RequestAct::Unprocessable => {
            ApiError::invalid_because("IssueComment", "data", "was submitted too quickly").into_response()
        }
        RequestAct::SecondaryLimit { status, retry_after } => secondary_limit(*status, *retry_after),
        RequestAct::PrimaryLimit { reset_in } => primary_limit(unix_now + i64::from(*reset_in)),
        RequestAct::ServerError => message(StatusCode::INTERNAL_SERVER_ERROR, json!({ "message": "Server Error" })),
        RequestAct::BadGateway { body } => bad_gateway(*body),
        RequestAct::Unavailable { body } => unavailable(*body),
        _ => return None,
    })
}

/// The answer to a client that sends too many requests in too short a time.
pub(crate) fn secondary_limit(status: u16, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    let said = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let mut response = message(status, json!({ "documentation_url": SECONDARY, "message": said }));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn primary_limit(reset: i64) -> Response {
    let said = json!({ "message": "API rate limit exceeded for installation.", "documentation_url": PRIMARY });
    let mut response = message(StatusCode::FORBIDDEN, said);
    let headers = response.headers_mut();
    for (name, value) in [("limit", 5000), ("remaining", 0), ("used", 5000), ("reset", reset)] {
        let name = match name {
            "limit" => "x-ratelimit-limit",
            "remaining" => "x-ratelimit-remaining",
            "used" => "x-ratelimit-used",
            _ => "x-ratelimit-reset",
        };
        headers.insert(name, HeaderValue::from(value));
    }
    headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
    response
}

/// The answer of a load balancer whose servers do not answer.
pub(crate) fn bad_gateway(body: Body) -> Response {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n\
        <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    either(StatusCode::BAD_GATEWAY, body, page, "Server Error")
}

fn unavailable(body: Body) -> Response {
    let page = "<!DOCTYPE html>\n<html>\n<head><title>Unicorn! &middot; GitHub</title></head>\n<body>\n<p><strong>No server is \
        currently available to service your request.</strong></p>\n<p>Sorry about that. Please try refreshing and contact \
        us if the problem persists.</p>\n</body>\n</html>\n";
    let said = "No server is currently available to service your request. Sorry about that. Please try resubmitting your \
        request and contact us if the problem persists.";
    either(StatusCode::SERVICE_UNAVAILABLE, body, page, said)
}

fn either(status: StatusCode, body: Body, page: &'static str, said: &str) -> Response {
    match body {
        Body::Html => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
        Body::Json => message(status, json!({ "message": said })),
    }
}

fn message(status: StatusCode, value: Value) -> Response {
    let mut response = (status, Json(value)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
