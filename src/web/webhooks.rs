//! `POST /webhooks/github`.
//!
//! The checks are done in the order headers, size, signature. Only then is the body parsed, and only for the columns of
//! the inbox. Every delivery with a valid signature is stored. A body that cannot be parsed is stored as failed,
//! because it is evidence, and an error answer to GitHub would not help.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use tracing::Instrument;

use super::bodies::Received;
use super::connections::Kept;
use super::signature::Signature;
use super::{SignatureError, Verified, Web, answer};
use crate::store::inbox::{NewDelivery, Receipt};
use adjutant_domain::input::{self, JsonError};

/// Longer than any event name or GUID of GitHub's.
const LONGEST_NAME: usize = 128;

pub(super) async fn receive(
    State(web): State<Web>,
    Extension(kept): Extension<Kept>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let names = match Names::read(&headers) {
        Ok(names) => names,
        Err(sentence) => return answer::error(StatusCode::BAD_REQUEST, &sentence),
    };
    let signature = match Signature::read(headers.get("x-hub-signature-256").map(HeaderValue::as_bytes)) {
        Ok(signature) => signature,
        Err(error) => return unsigned(error),
    };
    let body = match web.bodies.read(&headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal.answer(),
    };
    let body = match web.secret.verify(&signature, body) {
        Ok(body) => body,
        Err(error) => return unsigned(error),
    };
    kept.set(true);
    let span = tracing::info_span!("receive", delivery = names.guid, event = names.event);
    keep(&web, &names, &headers, &body).instrument(span).await
}

/// Refuses a delivery. Only the fact is logged: anybody can choose the headers of an unsigned request.
fn unsigned(error: SignatureError) -> Response {
    tracing::warn!(%error, "a delivery was refused");
    answer::error(StatusCode::UNAUTHORIZED, &error.to_string())
}

/// Stores the delivery in the inbox, and answers after that.
async fn keep(web: &Web, names: &Names<'_>, headers: &HeaderMap, body: &Verified<Received>) -> Response {
    let (envelope, fault) = match input::json::<Envelope>(body.get().bytes()) {
        Ok(envelope) => (envelope, None),
        Err(error) => (Envelope::default(), Some(fault(headers, &error))),
    };
    let new = NewDelivery {
        guid: names.guid,
        event: names.event,
        action: envelope.action.as_deref(),
        installation_id: envelope.installation.map(|installation| installation.id),
        hook_target: names.target.as_deref(),
        body: body.get().bytes(),
        fault: fault.as_deref(),
    };
    match web.store.receive_delivery(&new).await {
        Ok(Receipt::New) => {
            if let Some(reason) = &fault {
                tracing::warn!(reason, "a signed delivery could not be parsed; it is stored as failed");
            } else {
                tracing::info!(action = new.action, "delivery stored");
            }
            web.arrived.notify_one();
            answer::status(StatusCode::ACCEPTED, "stored")
        }
        Ok(Receipt::Again) => {
            tracing::info!("a delivery that had failed was sent again; it is handled again");
            web.arrived.notify_one();
            answer::status(StatusCode::ACCEPTED, "stored")
        }
        Ok(Receipt::Known) => {
            tracing::info!("the delivery is stored already");
            answer::status(StatusCode::ACCEPTED, "known")
        }
        Err(error) => {
            tracing::error!(%error, "the delivery could not be stored; the answer is 503, so that GitHub records it as failed");
            web.turned_away.notify_one();
            answer::later("the delivery could not be stored; redeliver it when /readyz says ready")
        }
    }
}

/// GitHub's headers of a delivery (<https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers>).
struct Names<'a> {
    guid: &'a str,
    event: &'a str,
    target: Option<String>,
}

impl<'a> Names<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, String> {
        let kind = optional(headers, "x-github-hook-installation-target-type");
        let id = optional(headers, "x-github-hook-installation-target-id");
        Ok(Self {
            guid: required(headers, "X-GitHub-Delivery")?,
            event: required(headers, "X-GitHub-Event")?,
            target: kind.zip(id).map(|(kind, id)| format!("{kind}/{id}")),
        })
    }
}

fn required<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, String> {
    let value = headers
        .get(name)
        .ok_or_else(|| format!("the header {name} is missing: only deliveries of GitHub's webhooks are taken here"))?;
    value
        .to_str()
        .ok()
        .filter(|text| is_name(text))
        .ok_or_else(|| format!("the header {name} is not a name of 1 to {LONGEST_NAME} letters, digits, `-` and `_`"))
}

fn optional<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    is_name(value).then_some(value)
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The fields of a payload that the inbox stores.
#[derive(Debug, Default, Deserialize)]
struct Envelope {
    action: Option<String>,
    installation: Option<Installation>,
}

#[derive(Debug, Deserialize)]
struct Installation {
    id: i64,
}

fn fault(headers: &HeaderMap, error: &JsonError) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/x-www-form-urlencoded") {
        return "the body is form-encoded: set the webhook's content type to application/json".to_owned();
    }
    format!("the body is not the JSON object of a webhook: {error}")
}
