//! A process that is suspended for longer than its leases last, like a machine that is migrated or overloaded.

use std::time::Duration;

use super::stage::{Stage, WELL};

/// Longer than a lease of the tests.
const FROZEN: Duration = Duration::from_millis(1300);
/// Long enough to claim work, too short to do much of it.
const AWAKE: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_suspended_repeatedly_does_nothing_twice() {
    let stage = Stage::set("sleep 0.2").await;
    stage.agent(&["alpha", "beta"], &format!("sleep 0.3\n{WELL}"));
    let serve = stage.serve().await;
    let issue = stage.label("Frozen again and again").await;
    let waking = async {
        for _ in 0..12 {
            tokio::time::sleep(AWAKE).await;
            serve.signal("STOP");
            tokio::time::sleep(FROZEN).await;
            serve.signal("CONT");
        }
    };
    waking.await;
    stage.completes(issue, &["alpha", "beta"]).await;
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE status = 'failed'").await, 0, "{}", stage.told().await);
}
