//! Liveness and readiness.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Web, answer};
use crate::store::StoreError;

/// A probe needs an answer sooner than a query stops waiting for a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /healthz`: restart the process when this fails. It does not query the database, so that an unreachable
/// database does not restart a healthy process.
pub(super) async fn alive() -> Response {
    answer::status(StatusCode::OK, "alive")
}

/// `GET /readyz`: send no traffic while this fails.
pub(super) async fn ready(State(web): State<Web>) -> Response {
    match tokio::time::timeout(PATIENCE, web.store.ping()).await {
        Ok(Ok(())) => answer::status(StatusCode::OK, "ready"),
        Ok(Err(StoreError::Behind { .. })) => {
            answer::error(StatusCode::SERVICE_UNAVAILABLE, "the database's schema is not migrated yet")
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "not ready");
            answer::error(StatusCode::SERVICE_UNAVAILABLE, "the database cannot be reached")
        }
        Err(_) => answer::error(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer"),
    }
}
