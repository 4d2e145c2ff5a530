//! The layer around REST and GraphQL that counts requests against the rate limits.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use serde_json::json;

use crate::{
    app_state::AppState,
    error::ApiError,
    faults::secondary_limit,
    graphql,
    limits::{Cost, LimitExceeded, LimitKey, LimitStatus, Resource, of_graphql, of_rest},
    rest::identify,
    socket::Socket,
};

/// Counts a request and adds the remaining numbers to its answer. Without limits it costs one read.
pub(crate) async fn meter(State(app_state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    // This request is free. <https://docs.github.com/en/rest/rate-limit/rate-limit>
    let Some(numbers) = app_state.limits.numbers().filter(|_| request.uri().path() != "/api/v3/rate_limit") else {
        return next.run(request).await;
    };
    let peer = request.extensions().get::<ConnectInfo<Socket>>().map(|info| info.0.peer.ip());
    let (who, limits) = identify(&app_state, request.headers(), peer, &numbers);
    let (request, cost) = match priced(request).await {
        Ok(priced) => priced,
        Err(status) => return status.into_response(),
    };
    let now = app_state.state().now();
    match app_state.limits.admit(now, &who, limits.of(cost.resource), cost) {
        Ok(admitted) => {
            let mut answer = next.run(request).await;
            let is_free = answer.status() == StatusCode::NOT_MODIFIED;
            let standing = if is_free { app_state.limits.give_back(&admitted) } else { admitted.standing };
            mark(answer.headers_mut(), standing);
            answer
        }
        Err(LimitExceeded::Primary(standing)) => exhausted(&who, standing, peer, numbers.status),
        Err(LimitExceeded::Secondary(standing, seconds)) => {
            let mut answer = secondary_limit(numbers.status, Some(seconds));
            mark(answer.headers_mut(), standing);
            answer
        }
    }
}

/// A request with its cost. A GraphQL request has to be read for that.
async fn priced(request: Request) -> Result<(Request, Cost), StatusCode> {
    if let Some(path) = request.uri().path().strip_prefix("/api/v3") {
        let cost = of_rest(request.method(), path);
        return Ok((request, cost));
    }
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await.map_err(|_| StatusCode::BAD_REQUEST)?.to_bytes();
    let cost = of_graphql(graphql::is_mutation(&bytes));
    Ok((Request::from_parts(parts, Body::from(bytes)), cost))
}

fn mark(headers: &mut HeaderMap, standing: LimitStatus) {
    let LimitStatus { resource, limit, used, reset } = standing;
    headers.insert("x-ratelimit-limit", HeaderValue::from(limit));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(limit.saturating_sub(used)));
    headers.insert("x-ratelimit-used", HeaderValue::from(used));
    headers.insert("x-ratelimit-reset", HeaderValue::from(reset.timestamp()));
    headers.insert("x-ratelimit-resource", HeaderValue::from_static(resource.name()));
}

fn exhausted(who: &LimitKey, standing: LimitStatus, peer: Option<IpAddr>, status: u16) -> Response {
    let whose = match who {
        LimitKey::Address(address) => peer.unwrap_or(*address).to_string(),
        LimitKey::User(id) => format!("user ID {id}"),
        LimitKey::App(id) => format!("app ID {id}"),
        LimitKey::Installation(id) => format!("installation ID {id}"),
    };
    let hint = match who {
        LimitKey::Address(_) => {
            " (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)"
        }
        _ => "",
    };
    let message = format!("API rate limit exceeded for {whose}.{hint}");
    let mut answer = if standing.resource == Resource::Graphql {
        // GraphQL has its own form of refusal, with status 200.
        let mut answer = Json(json!({ "errors": [{ "type": "RATE_LIMITED", "message": message }] })).into_response();
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        answer.headers_mut().insert(header::CONTENT_TYPE, json);
        answer
    } else {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
        ApiError::new(status, message).into_response()
    };
    mark(answer.headers_mut(), standing);
    answer
}
