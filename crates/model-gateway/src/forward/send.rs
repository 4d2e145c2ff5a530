//! Sends a request to the provider, again where that is harmless and may help.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{sleep, timeout};

use super::{Job, end_to_end};
use crate::refusal::Refusal;
use crate::wire::Api;

/// How often a request is sent at most.
const TRIES: u32 = 3;
/// A provider that asks to wait longer is answered for in the meantime.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// No connection was made.
    Unreachable { provider: String, reason: String },
    /// The connection broke before an answer: the request may have been done.
    Broken { provider: String, reason: String },
    /// Nothing came for too long: the request may have been done.
    Stalled { provider: String, seconds: u64 },
}

impl Fault {
    /// Whether the provider may have done the request, and bill it.
    pub(super) fn maybe_done(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }

    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Unreachable { provider, reason } | Self::Broken { provider, reason } => {
                Refusal::Unreachable { provider, reason }
            }
            Self::Stalled { provider, seconds } => Refusal::Stalled { provider, seconds },
        }
    }
}

impl Job {
    /// Sends the request with this body. A provider that cannot be reached, or that answers with an error of its own, is
    /// asked again after a pause: it has billed nothing.
    pub(super) async fn send(&self, api: Api, body: Bytes) -> Result<Response<Incoming>, Fault> {
        let pause = self.run.settings.upstream.pause;
        let mut tries = 1;
        loop {
            let wait = match self.send_once(api, body.clone()).await {
                Ok(response) if is_passing(response.status()) && tries < TRIES => {
                    match retry_after(&response).unwrap_or(pause * (1 << (2 * (tries - 1)))) {
                        wait if wait <= LONGEST_WAIT => wait,
                        _ => return Ok(response),
                    }
                }
                Err(Fault::Unreachable { .. }) if tries < TRIES => pause * (1 << (2 * (tries - 1))),
                done => return done,
            };
            tries += 1;
            if self.run.ended.run_until_cancelled(sleep(wait)).await.is_none() {
                tries = TRIES;
            }
        }
    }

    async fn send_once(&self, api: Api, body: Bytes) -> Result<Response<Incoming>, Fault> {
        let upstream = &self.run.settings.upstream;
        let provider = || upstream.name.clone();
        let unreachable = |reason: String| Fault::Unreachable { provider: provider(), reason };
        let query = self.head.uri.query().map(without_key).filter(|query| !query.is_empty());
        let address = upstream.address(self.head.uri.path(), query.as_deref());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = address.map_err(|error| unreachable(error.to_string()))?;
        let headers = request.headers_mut();
        *headers = end_to_end(&self.head.headers);
        headers.remove(header::HOST);
        headers.remove(header::EXPECT);
        // What is compressed cannot be counted.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        upstream.pay(api, headers);
        match timeout(upstream.stall, upstream.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() => Err(unreachable(chain(&error))),
            Ok(Err(error)) => Err(Fault::Broken { provider: provider(), reason: chain(&error) }),
            Err(_) => Err(Fault::Stalled { provider: provider(), seconds: upstream.stall.as_secs() }),
        }
    }
}

/// Errors of the provider's that pass, and for which it bills nothing.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 529)
}

/// The seconds of `retry-after`.
pub(super) fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// A query without the run's key.
fn without_key(query: &str) -> String {
    query.split('&').filter(|part| !part.starts_with("key=")).collect::<Vec<_>>().join("&")
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
