//! How much of a rate limit is left. <https://docs.github.com/en/rest/rate-limit/rate-limit>

use std::sync::Arc;

use axum::{Router, extract::ConnectInfo, http::StatusCode, routing::get};

use super::{
    context::{Answer, Ctx, ok},
    error::ApiError,
};
use crate::{app_state::AppState, front::overview, socket::Socket};

pub(super) fn routes() -> Router<Arc<AppState>> {
    Router::new().route("/rate_limit", get(read))
}

async fn read(ctx: Ctx, ConnectInfo(socket): ConnectInfo<Socket>) -> Answer {
    let found = overview(&ctx.app_state, &ctx.headers, Some(socket.peer.ip()));
    found.map(ok).ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "Rate limiting is not enabled."))
}
