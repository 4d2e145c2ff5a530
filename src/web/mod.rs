//! The webhook receiver, health and readiness.
//!
//! A delivery is checked against GitHub's signature ([`WebhookSecret`]), and is answered only after it is stored in the
//! inbox. A delivery that was answered with 202 therefore survives anything that happens to this process. The runtime
//! is notified and does everything else.
//!
//! Strangers cost little: the headers are checked before a byte of the body is read, and connections and the bytes of
//! bodies that are being read are bounded.
//!
//! What never happens here: a payload is not interpreted beyond the columns that the inbox stores with it, no byte of
//! an unsigned payload is parsed or stored, and GitHub is not called.

mod answer;
mod bodies;
mod connections;
mod health;
mod signature;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::sync::Notify;

use crate::store::Store;
use bodies::Bodies;

pub use connections::serve;
pub use signature::{SignatureError, Verified, WebhookSecret};

/// The state that the handlers share.
#[derive(Debug, Clone)]
pub struct Web {
    store: Store,
    secret: WebhookSecret,
    arrived: Arc<Notify>,
    turned_away: Arc<Notify>,
    bodies: Bodies,
}

impl Web {
    /// `arrived` is notified after each delivery that is new in the inbox.
    pub fn new(store: Store, secret: WebhookSecret, arrived: Arc<Notify>) -> Self {
        Self { store, secret, arrived, turned_away: Arc::default(), bodies: Bodies::default() }
    }

    /// Sets `turned_away`, which is notified after each delivery that could not be stored. GitHub resends it only on
    /// request.
    #[must_use]
    pub fn telling_of_lost(self, turned_away: Arc<Notify>) -> Self {
        Self { turned_away, ..self }
    }

    pub fn router(self) -> Router {
        Router::new()
            .route("/webhooks/github", post(webhooks::receive))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .fallback(answer::nothing_here)
            .method_not_allowed_fallback(answer::other_method)
            .with_state(self)
    }
}
