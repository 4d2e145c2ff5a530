//! What the conversation tests share.

use std::future::Future;
use std::time::{Duration, Instant};

/// Waits until `condition` holds, and fails the test when it does not within 30 seconds.
pub(crate) async fn until<F, C>(what: &str, mut condition: C)
where
    C: FnMut() -> F,
    F: Future<Output = bool>,
{
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
