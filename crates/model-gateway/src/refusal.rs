//! Requests that are not passed on, and how the agent is told.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use serde_json::json;

use crate::forward::Body;
use crate::money::Amount;
use crate::pot::{PurseEmpty, PurseError};
use crate::wire::Api;

/// The status of a refusal that no retry changes. Programs differ in which one they do not retry: Claude Code retries a
/// 400 six times, Codex a 402 once. None is told with 429, which all retry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BudgetStatus {
    /// 402
    #[default]
    PaymentRequired,
    /// 400
    BadRequest,
}

impl BudgetStatus {
    /// Of the number of the status: 400, or else 402.
    pub fn of(status: u16) -> Self {
        if status == 400 { Self::BadRequest } else { Self::PaymentRequired }
    }
}

/// Why a request was not passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the request comes without the key of this run")]
    NoKey,
    #[error("this path is not passed on: only requests for texts of a model are")]
    UnknownPath,
    #[error("the request is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the request cannot be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Unpriced(String),
    #[error("the model `{model}` is not allowed here: {allowed}")]
    Model { model: String, allowed: String },
    #[error(
        "the model `{model}` has no price, and a limit of money holds: the operator adds `[prices.\"{model}\"]` with `input` and `output` in US dollars for a million tokens"
    )]
    NoPrice { model: String },
    #[error("{limit} does not cover this request: {left} is left, and it may cost {least} at least")]
    Budget { limit: String, left: Amount, least: Amount },
    #[error("the money for this request cannot be reached: {0}")]
    Purse(String),
    #[error("the same was asked {0} times, and the answers changed nothing")]
    Repeated(u32),
    #[error("the run has ended")]
    Ended,
    #[error("{provider} asks to wait: {reason}")]
    Waiting { provider: String, reason: String, seconds: u64 },
    #[error("{provider} cannot be reached: {reason}")]
    Unreachable { provider: String, reason: String },
    #[error("{provider} sent nothing for {seconds} s")]
    Stalled { provider: String, seconds: u64 },
}

impl Refusal {
    pub(crate) fn of_purse(error: PurseError, least: Amount) -> Self {
        match error {
            PurseError::Empty(PurseEmpty { limit, left, .. }) => Self::Budget { limit, left, least },
            PurseError::Closed(reason) => Self::Purse(reason),
        }
    }

    /// A word for it, in lines of the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::UnknownPath => "unknown_path",
            Self::TooLarge(_) => "too_large",
            Self::Unreadable(_) => "unreadable",
            Self::Unpriced(_) => "unpriced",
            Self::Model { .. } => "model",
            Self::NoPrice { .. } => "no_price",
            Self::Budget { .. } => "budget",
            Self::Purse(_) => "purse",
            Self::Repeated(_) => "repeated",
            Self::Ended => "ended",
            Self::Waiting { .. } => "waiting",
            Self::Unreachable { .. } => "unreachable",
            Self::Stalled { .. } => "stalled",
        }
    }

    pub(crate) fn status(&self, budget: BudgetStatus) -> StatusCode {
        match self {
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable(_) | Self::Unpriced(_) => StatusCode::BAD_REQUEST,
            Self::Model { .. } | Self::NoPrice { .. } | Self::Budget { .. } | Self::Repeated(_) | Self::Ended => {
                match budget {
                    BudgetStatus::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
                    BudgetStatus::BadRequest => StatusCode::BAD_REQUEST,
                }
            }
            Self::Waiting { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Purse(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable { .. } => StatusCode::BAD_GATEWAY,
            Self::Stalled { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The answer, in the form in which the agent's program expects errors.
    pub(crate) fn response(&self, api: Option<Api>, budget: BudgetStatus) -> Response<Body> {
        let status = self.status(budget);
        let message = format!("Adjutant: {self}.");
        let kind = match status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "api_error",
            _ => "invalid_request_error",
        };
        let body = match api {
            Some(Api::Messages) => json!({"type": "error", "error": {"type": kind, "message": message}}),
            Some(Api::Gemini) => {
                json!({"error": {"code": status.as_u16(), "message": message, "status": "FAILED_PRECONDITION"}})
            }
            Some(Api::Responses | Api::Chat) | None => {
                json!({"error": {"message": message, "type": kind, "code": self.name(), "param": null}})
            }
        };
        let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {}).boxed();
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        if let Self::Waiting { seconds, .. } = self {
            headers.insert(header::RETRY_AFTER, (*seconds).into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_budget_is_told_with_the_status_that_the_program_does_not_retry() {
        let refusal = Refusal::Repeated(5);
        assert_eq!(refusal.status(BudgetStatus::PaymentRequired), 402);
        assert_eq!(refusal.status(BudgetStatus::BadRequest), 400);
        let waiting = Refusal::Waiting { provider: "anthropic".into(), reason: "quota".into(), seconds: 7 };
        let told = waiting.response(Some(Api::Messages), BudgetStatus::default());
        assert_eq!((told.status().as_u16(), told.headers()["retry-after"].as_bytes()), (429, &b"7"[..]));
    }
}
