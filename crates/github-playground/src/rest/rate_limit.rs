//! How much of a rate limit is left. <https://docs.github.com/en/rest/rate-limit/rate-limit>

use std::sync::Arc;

use axum::{Router, extract::ConnectInfo, http::StatusCode, routing::get};

use super::{
    context::{Answer, Ctx, ok},
    error::ApiError,
};
use crate::{
    front::{Line, overview},
    hub::Hub,
};

pub(super) fn routes() -> Router<Arc<Hub>> {
    Router::new().route("/rate_limit", get(read))
}

async fn read(ctx: Ctx, ConnectInfo(line): ConnectInfo<Line>) -> Answer {
    let found = overview(&ctx.hub, &ctx.headers, Some(line.peer.ip()));
    found.map(ok).ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "Rate limiting is not enabled."))
}
