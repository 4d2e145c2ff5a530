//! Bytes in both directions between two streams.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const BUFFER: usize = 16 * 1024;

/// Copies until both directions have ended, one failed, or nothing was sent in either for `idle`.
pub(super) async fn relay<A, B>(inside: A, outside: B, idle: Duration)
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let (from_inside, to_inside) = tokio::io::split(inside);
    let (from_outside, to_outside) = tokio::io::split(outside);
    let chunks = AtomicU64::new(0);
    tokio::select! {
        _ = async { tokio::try_join!(copy(from_inside, to_outside, &chunks), copy(from_outside, to_inside, &chunks)) } => {}
        () = until_idle(&chunks, idle) => {}
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, chunks: &AtomicU64) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer).await? {
            0 => return to.shutdown().await,
            read => to.write_all(&buffer[..read]).await?,
        }
        chunks.fetch_add(1, Ordering::Relaxed);
    }
}

async fn until_idle(chunks: &AtomicU64, idle: Duration) {
    let mut seen = chunks.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(idle).await;
        let now = chunks.load(Ordering::Relaxed);
        if now == seen {
            return;
        }
        seen = now;
    }
}
