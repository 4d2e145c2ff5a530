//! Accepts the connections of one run.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::forward;
use crate::ledger::Totals;
use crate::run::Run;

/// Connections at one time. Further ones wait.
const CONNECTIONS: usize = 64;
/// A connection that sends no complete head of a request for so long is closed, also between two requests.
const HEADER_TIME: Duration = Duration::from_mins(5);
/// Bytes of a request's line and headers.
const HEADER_BYTES: usize = 64 * 1024;
/// Answers that the agent does not read any more are read so long, to learn what they cost.
pub(crate) const DRAIN: Duration = Duration::from_secs(30);

/// A run that is served. Dropped, it takes no further requests.
#[derive(Debug)]
pub struct Served {
    run: Arc<Run>,
    connections: TaskTracker,
}

/// Serves a run on its listener.
pub fn serve(listener: TcpListener, run: Arc<Run>) -> Served {
    let connections = TaskTracker::new();
    let accepted = accept(listener, Arc::clone(&run), connections.clone());
    connections.spawn(run.ended.clone().run_until_cancelled_owned(accepted));
    Served { run, connections }
}

impl Served {
    /// Ends the run: takes no further requests, waits for the answers on their way, and says what all came to.
    pub async fn end(self) -> Totals {
        self.run.ended.cancel();
        self.connections.close();
        self.run.answers.close();
        // The connections end with their answers; an answer that is not read has a limit of its own.
        let ended = timeout(DRAIN * 2, async {
            self.run.answers.wait().await;
        });
        if ended.await.is_err() {
            tracing::warn!(run = self.run.settings.id, "answers of a model did not end with their run");
        }
        self.run.settings.pot.put_back().await;
        self.run.totals()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.run.ended.cancel();
    }
}

async fn accept(listener: TcpListener, run: Arc<Run>, connections: TaskTracker) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection of an agent could not be accepted; the next one is tried");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let served = run.ended.clone().run_until_cancelled_owned(connection(stream, Arc::clone(&run)));
        connections.spawn(async move {
            served.await;
            drop(slot);
        });
    }
}

async fn connection(stream: TcpStream, run: Arc<Run>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let run = Arc::clone(&run);
        async move { Ok::<_, Infallible>(forward::respond(request, run).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection of an agent to the model gateway ended early");
    }
}
