//! Observing: whoever starts a playground can receive every answer that it gives and every webhook that it sends.
//!
//! The tests compare both with GitHub's own description. An observer changes nothing.

use std::fmt::Debug;

use serde_json::Value;

/// Somebody who looks on.
pub trait Observer: Debug + Send + Sync {
    /// A REST request was answered.
    fn answered(&self, exchange: &Exchange<'_>);

    /// A GraphQL request was answered.
    fn queried(&self, _query: &str, _answer: &Value) {}

    /// A webhook is sent.
    fn sent(&self, event: &str, payload: &Value);
}

/// A REST request and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// `GET`.
    pub method: &'a str,
    /// Below `/api/v3`, percent-encoded: `/repos/acme/widgets/issues`.
    pub path: &'a str,
    /// What follows the question mark; empty where there is none.
    pub query: &'a str,
    /// Who asked, as they call themselves.
    pub user_agent: &'a str,
    /// The request's body.
    pub request: &'a [u8],
    /// 200.
    pub status: u16,
    /// The answer's content type; empty where it has none.
    pub content_type: &'a str,
    /// The answer's body.
    pub answer: &'a [u8],
}
