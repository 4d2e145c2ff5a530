//! The encoding and signature of the app's webhooks, as `PATCH /app/hook/config` sets them.
//!
//! A change affects everything that is sent afterwards, including redeliveries.
//! <https://docs.github.com/en/rest/apps/webhooks>,
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers>

use aws_lc_rs::hmac;
use axum::body::Bytes;

/// The settings of the app's only webhook, without its URL.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hook {
    /// The secret for signatures; `None` for unsigned deliveries.
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) content_type: ContentType,
    /// Stored and shown. There is no TLS here whose certificate could be checked.
    pub(crate) insecure_ssl: bool,
}

/// How the payload is encoded in the body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ContentType {
    #[default]
    Json,
    /// As the field `payload` of a form.
    Form,
}

impl ContentType {
    /// The value in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Form => "form",
        }
    }

    /// The `Content-Type` of a delivery.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
        }
    }
}

impl Hook {
    /// The body of a request with this payload.
    pub(crate) fn wire(&self, payload: &Bytes) -> Bytes {
        match self.content_type {
            ContentType::Json => payload.clone(),
            ContentType::Form => form(payload).into(),
        }
    }

    /// The signature headers of a body.
    pub(crate) fn signatures(&self, body: &[u8]) -> Vec<(&'static str, String)> {
        let Some(secret) = &self.secret else { return Vec::new() };
        let sign = |algorithm| hex::encode(hmac::sign(&hmac::Key::new(algorithm, secret), body));
        vec![
            // GitHub still sends the older signature as well.
            ("X-Hub-Signature", format!("sha1={}", sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY))),
            ("X-Hub-Signature-256", format!("sha256={}", sign(hmac::HMAC_SHA256))),
        ]
    }
}

/// <https://url.spec.whatwg.org/#application/x-www-form-urlencoded>
fn form(payload: &[u8]) -> String {
    let pair = [("payload", String::from_utf8_lossy(payload))];
    let encoded = reqwest::Url::parse_with_params("http://form.invalid/", pair);
    encoded.ok().and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_what_it_carries() {
        assert_eq!(form("{\"a\": \"ä~\"}".as_bytes()), "payload=%7B%22a%22%3A+%22%C3%A4%7E%22%7D");
    }

    #[test]
    fn the_signature_is_that_of_githubs_own_example() {
        // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
        let hook = Hook { secret: Some(b"It's a Secret to Everybody".to_vec()), ..Hook::default() };
        let signed = hook.signatures(b"Hello, World!");
        let wanted = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(signed[1], ("X-Hub-Signature-256", wanted.to_owned()));
        assert!(Hook::default().signatures(b"").is_empty());
    }
}
