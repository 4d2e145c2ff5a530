//! Shared by all integration tests.

pub(crate) mod foreign;
pub(crate) mod pg;
pub(crate) mod settings;
pub(crate) mod stage;

use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// Waits until `condition` holds. Fails the test if it does not within 30 seconds.
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

/// A temporary folder that the account of a private Postgres can reach, whoever runs the tests.
pub(crate) fn open_folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("adj-").permissions(std::fs::Permissions::from_mode(0o711)).tempdir().unwrap()
}
