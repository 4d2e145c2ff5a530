//! Accepts connections, within bounds that nobody outside can exceed.
//!
//! Anybody can connect. Until a delivery's signature is verified, a connection may be closed at any time. Where all places
//! are taken, the oldest such connection is closed for a new one, so that many that send nothing, or slowly, delay nobody.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Connections at a time: well below the 1,024 descriptors that a process usually has, of which git, agents and the
/// database need some too.
const MOST: usize = 256;
/// How long a request's headers may take, also the first ones of a new connection.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of headers. GitHub sends less than 2 KiB.
const HEADERS: usize = 16 << 10;
/// How long to wait where the system has no descriptor for a connection.
const NO_DESCRIPTOR: Duration = Duration::from_millis(100);

/// Serves until `stop` is cancelled and every request that was begun is answered.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    let (places, connections) = (Places::default(), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Some(place) = places.take() {
                    connections.spawn(talk(stream, router.clone(), place, stop.clone()));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(NO_DESCRIPTOR).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
    Ok(())
}

/// Serves one connection.
async fn talk(stream: TcpStream, router: Router, place: Place, stop: CancellationToken) {
    let kept = place.kept.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (router, kept) = (router.clone(), kept.clone());
        async move {
            request.extensions_mut().insert(kept.clone());
            let answer = router.oneshot(request.map(Body::new)).await;
            kept.set(false);
            answer
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(HEADERS);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = place.close.cancelled() => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Whether a connection is kept though another one needs its place: from when a delivery is verified until it is
/// answered. Handlers find it among the extensions of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<AtomicBool>);

impl Kept {
    pub(super) fn set(&self, kept: bool) {
        self.0.store(kept, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The connections that are open, the oldest first.
#[derive(Debug, Clone, Default)]
struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    last: u64,
    open: BTreeMap<u64, (Kept, CancellationToken)>,
}

impl Places {
    /// A place for a new connection; `None` if all are taken by deliveries that are being stored.
    fn take(&self) -> Option<Place> {
        let mut taken = self.lock();
        if taken.open.len() >= MOST {
            let oldest = taken.open.iter().find(|(_, (kept, _))| !kept.get()).map(|(id, _)| *id)?;
            if let Some((_, close)) = taken.open.remove(&oldest) {
                close.cancel();
            }
        }
        taken.last += 1;
        let id = taken.last;
        let (kept, close) = (Kept::default(), CancellationToken::new());
        taken.open.insert(id, (kept.clone(), close.clone()));
        Some(Place { id, kept, close, places: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, which is free again once this is dropped.
#[derive(Debug)]
struct Place {
    id: u64,
    kept: Kept,
    close: CancellationToken,
    places: Places,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_connection_without_a_verified_delivery_makes_room() {
        let places = Places::default();
        let mut open: Vec<Place> = (0..MOST).map(|_| places.take().unwrap()).collect();
        open[0].kept.set(true);
        let new = places.take().unwrap();
        assert!(!open[0].close.is_cancelled() && open[1].close.is_cancelled() && !open[2].close.is_cancelled());
        for place in open.iter().chain([&new]) {
            place.kept.set(true);
        }
        assert!(places.take().is_none(), "deliveries that are being stored are not broken off");
        open.pop();
        assert!(places.take().is_some());
    }
}
