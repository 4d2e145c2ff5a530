//! Bodies of deliveries, and a bound on the memory that they take before they are verified.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;

use super::answer;

/// GitHub caps payloads at 25 MB (<https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap>).
const LARGEST: usize = 25 << 20;
/// The bytes of all bodies that are held at a time: one of the largest, and many of the usual size.
const MOST: usize = 32 << 20;
/// GitHub stops waiting after 10 s, so nobody waits for the answer to a slower body.
const WITHIN: Duration = Duration::from_secs(10);
/// The first piece of memory for a body. More is taken as bytes arrive, whatever was announced.
const FIRST: usize = 64 << 10;

/// The bodies that are being read or stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Bodies {
    held: Arc<AtomicUsize>,
}

/// A body that has arrived. It counts as held until it is dropped.
#[derive(Debug)]
pub(super) struct Received {
    bytes: Vec<u8>,
    counted: usize,
    held: Arc<AtomicUsize>,
}

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    TooLarge,
    Slow,
    BrokeOff,
    /// Too many bytes of other bodies are held.
    Busy,
}

impl Bodies {
    /// The whole body, unless it is too large, too slow or incomplete, or too much is held already.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Received, BodyError> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > LARGEST as u64) {
            return Err(BodyError::TooLarge);
        }
        tokio::time::timeout(WITHIN, self.collect(body)).await.unwrap_or(Err(BodyError::Slow))
    }

    async fn collect(&self, mut body: Body) -> Result<Received, BodyError> {
        let mut received = Received { bytes: Vec::new(), counted: 0, held: self.held.clone() };
        while let Some(frame) = body.frame().await {
            let Ok(bytes) = frame.map_err(|_| BodyError::BrokeOff)?.into_data() else { continue };
            received.add(&bytes)?;
        }
        Ok(received)
    }
}

impl Received {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        let wanted = self.bytes.len() + bytes.len();
        if wanted > LARGEST {
            return Err(BodyError::TooLarge);
        }
        if wanted > self.counted {
            let capacity = (self.counted * 2).max(FIRST).max(wanted).min(LARGEST);
            let more = capacity - self.counted;
            self.counted = capacity;
            if self.held.fetch_add(more, Ordering::Relaxed) + more > MOST {
                return Err(BodyError::Busy);
            }
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl BodyError {
    pub(super) fn answer(self) -> Response {
        match self {
            Self::TooLarge => answer::error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is larger than 25 MiB, which no delivery of GitHub's is",
            ),
            Self::Slow => answer::error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive within 10 s"),
            Self::BrokeOff => answer::error(StatusCode::BAD_REQUEST, "the body broke off"),
            // GitHub records the delivery as failed, and it is asked to send it again.
            Self::Busy => answer::later("too many bodies arrive at the same time; redeliver it later"),
        }
    }
}

impl AsRef<[u8]> for Received {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.held.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bodies: &Bodies, bytes: usize) -> Result<Received, BodyError> {
        bodies.read(&HeaderMap::new(), Body::from(vec![b'x'; bytes])).await
    }

    #[tokio::test]
    async fn what_is_held_is_bounded_and_free_again_afterwards() {
        let bodies = Bodies::default();
        let first = read(&bodies, LARGEST).await.unwrap();
        assert_eq!(first.bytes().len(), LARGEST);
        let second = read(&bodies, 1_000).await.unwrap();
        assert_eq!(read(&bodies, LARGEST).await.unwrap_err(), BodyError::Busy);
        assert_eq!(read(&bodies, LARGEST + 1).await.unwrap_err(), BodyError::TooLarge);
        drop(first);
        assert_eq!(read(&bodies, LARGEST).await.unwrap().bytes().len(), LARGEST);
        drop(second);
        assert_eq!(bodies.held.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_was_announced_takes_no_memory() {
        let mut received = Received { bytes: Vec::new(), counted: 0, held: Arc::default() };
        received.add(b"x").unwrap();
        assert_eq!(received.bytes.capacity(), FIRST);
    }
}
