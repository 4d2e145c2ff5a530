//! GitHub's signature on a delivery
//! (<https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>).

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// A value that was signed with the webhook secret. Only `WebhookSecret::verify` makes one, so a function
/// that takes it cannot receive unchecked data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The payload.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// The webhook secret, which GitHub and Adjutant share.
#[derive(Debug, Clone)]
pub struct WebhookSecret(SecretString);

/// Why a delivery was rejected. The sender gets no other details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// `X-Hub-Signature-256` is missing.
    #[error(
        "the delivery is not signed: X-Hub-Signature-256 is missing; set the webhook secret on the GitHub App's settings page"
    )]
    Missing,
    /// The header is not `sha256=` and 64 hexadecimal digits.
    #[error("X-Hub-Signature-256 is not `sha256=` followed by 64 hexadecimal digits")]
    Malformed,
    /// The signature is for other bytes, or was made with another secret.
    #[error(
        "the signature does not match: the webhook secret here and on the GitHub App's settings page must be the same"
    )]
    Wrong,
}

/// A well-formed signature, which may be for other bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signature([u8; 32]);

impl Signature {
    /// Reads the value of `X-Hub-Signature-256`.
    pub(super) fn read(header: Option<&[u8]>) -> Result<Self, SignatureError> {
        let digits =
            header.ok_or(SignatureError::Missing)?.strip_prefix(b"sha256=").ok_or(SignatureError::Malformed)?;
        let mut signature = [0; 32];
        hex::decode_to_slice(digits, &mut signature).map_err(|_| SignatureError::Malformed)?;
        Ok(Self(signature))
    }
}

impl WebhookSecret {
    /// Takes a secret that the settings have accepted.
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// Checks a signature over the raw body, in constant time.
    pub(super) fn verify<B: AsRef<[u8]>>(&self, signature: &Signature, body: B) -> Result<Verified<B>, SignatureError> {
        // HMAC accepts keys of any length. If it did not, every delivery would be rejected.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.expose_secret().as_bytes()).map_err(|_| SignatureError::Wrong)?;
        mac.update(body.as_ref());
        mac.verify_slice(&signature.0).map_err(|_| SignatureError::Wrong)?;
        Ok(Verified(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> WebhookSecret {
        WebhookSecret::new("It's a Secret to Everybody".to_owned().into())
    }

    /// The example on GitHub's page.
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn verify<'b>(
        secret: &WebhookSecret,
        header: Option<&[u8]>,
        body: &'b [u8],
    ) -> Result<Verified<&'b [u8]>, SignatureError> {
        secret.verify(&Signature::read(header)?, body)
    }

    #[test]
    fn the_example_of_githubs_page_verifies() {
        let verified = verify(&secret(), Some(SIGNATURE.as_bytes()), BODY).unwrap();
        assert_eq!(*verified.get(), BODY);
    }

    #[test]
    fn one_changed_byte_anywhere_is_noticed() {
        let verify = |secret: &WebhookSecret, signature: &str, body| verify(secret, Some(signature.as_bytes()), body);
        assert_eq!(verify(&secret(), SIGNATURE, b"Hello, World?"), Err(SignatureError::Wrong));
        let other = SIGNATURE.replace("sha256=7", "sha256=8");
        assert_eq!(verify(&secret(), &other, BODY), Err(SignatureError::Wrong));
        let stranger = WebhookSecret::new("it's a secret to nobody".to_owned().into());
        assert_eq!(verify(&stranger, SIGNATURE, BODY), Err(SignatureError::Wrong));
    }

    #[test]
    fn malformed_signatures_are_distinguished() {
        assert_eq!(verify(&secret(), None, BODY), Err(SignatureError::Missing));
        for header in ["", "sha256=", "sha1=757107ea", "sha256=xyz", &SIGNATURE[..70], &format!("{SIGNATURE}00")] {
            assert_eq!(verify(&secret(), Some(header.as_bytes()), BODY), Err(SignatureError::Malformed), "{header}");
        }
    }
}
