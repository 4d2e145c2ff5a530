//! Shared by all integration tests.

pub(crate) mod foreign;
pub(crate) mod pg;
pub(crate) mod settings;
pub(crate) mod stage;

use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use adjutant_domain::directive::Directive;
use adjutant_domain::effect::Effect;
use adjutant_domain::engine;
use adjutant_domain::signal::{Labelled, Signal};
use chrono::{DateTime, Utc};

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

/// A directive as it is once nothing was found wrong on its base commit, with what is to be done for it then.
pub(crate) fn opened(labelled: &Labelled, now: DateTime<Utc>) -> (Directive, Vec<Effect>) {
    let opened = engine::open(labelled, now);
    let sound = Signal::BaseVerified { round: 1, report: Box::default() };
    let verified = engine::decide(opened.directive.unwrap(), &sound, now);
    let queued = opened.effects.into_iter().filter(|effect| !matches!(effect, Effect::VerifyBase { .. }));
    let mut effects: Vec<Effect> = queued.collect();
    effects.extend(verified.effects);
    (verified.directive.unwrap(), effects)
}
