//! Observers: the caller that starts a playground can receive every answer that it gives and every webhook that it
//! sends.
//!
//! The tests compare both with GitHub's own description. An observer changes nothing.

use std::fmt::Debug;

use serde_json::Value;

/// Receives answers and webhooks.
pub trait Observer: Debug + Send + Sync {
    /// A REST request was answered.
    fn answered(&self, exchange: &Exchange<'_>);

    /// A GraphQL request was answered.
    fn queried(&self, _query: &str, _answer: &Value) {}

    /// A webhook is about to be sent.
    fn sent(&self, event: &str, payload: &Value);
}

/// A REST request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// `GET`.
    pub method: &'a str,
    /// Below `/api/v3`, percent-encoded: `/repos/acme/widgets/issues`.
    pub path: &'a str,
    /// The query without the question mark; empty if there is none.
    pub query: &'a str,
    /// The `User-Agent` header.
    pub user_agent: &'a str,
    /// The request's body.
    pub request: &'a [u8],
    /// The status, for example 200.
    pub status: u16,
    /// The answer's content type; empty if it has none.
    pub content_type: &'a str,
    /// The answer's body.
    pub answer: &'a [u8],
}
