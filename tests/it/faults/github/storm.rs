//! All faults at once, from one random seed each. `ADJUTANT_TEST_SEED=<seed>` repeats a test.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use github_playground::{Body, DeliveryAct, DeliveryFilter, RefAct, RequestAct};

use super::{BY_ITSELF, FaultRule, Stage, of_the_bot, stage};

/// The strength of the storm. At 1, one request in five fails, and a task makes a dozen in a row. It completes in the
/// end, but the pauses are longer than a test may take, above all on a busy machine.
const STRENGTH: f64 = 0.4;

/// All faults of requests, each with its probability at full strength.
fn requests() -> Vec<(RequestAct, f64)> {
    vec![
        (RequestAct::Unauthorized, 0.01),
        (RequestAct::Forbidden, 0.008),
        (RequestAct::NotFound, 0.008),
        (RequestAct::Conflict, 0.008),
        (RequestAct::Unprocessable, 0.008),
        (RequestAct::SecondaryLimit { status: 429, retry_after: Some(1) }, 0.005),
        (RequestAct::ServerError, 0.02),
        (RequestAct::BadGateway { body: Body::Html }, 0.02),
        (RequestAct::Unavailable { body: Body::Html }, 0.01),
        (RequestAct::PrimaryLimit { reset_in: 1 }, 0.004),
        (RequestAct::Reset, 0.02),
        (RequestAct::Silence, 0.004),
        (RequestAct::DoneThenReset, 0.03),
        (RequestAct::DoneThenBadGateway, 0.03),
        (RequestAct::DoneThenSilence, 0.005),
        (RequestAct::RevokeToken, 0.02),
        (RequestAct::MergeableUnknown, 0.05),
        (RequestAct::Slow { ms: 100 }, 0.05),
    ]
}

fn deliveries() -> Vec<(DeliveryAct, f64)> {
    vec![
        (DeliveryAct::Drop, 0.1),
        (DeliveryAct::Fail, 0.1),
        (DeliveryAct::Duplicate { new_guid: true }, 0.1),
        (DeliveryAct::Delay { ms: 700 }, 0.1),
        (DeliveryAct::Reorder { behind: 2 }, 0.1),
        (DeliveryAct::Stale, 0.1),
    ]
}

impl Stage {
    fn storm(&self, seed: u64) {
        self.playground.seed_faults(seed);
        let of_requests = |(act, chance)| of_the_bot(&[], "**", act).by_chance(chance * STRENGTH);
        self.inject(requests().into_iter().map(of_requests));
        let all = |(act, chance)| FaultRule::to_deliveries(DeliveryFilter::default(), act).by_chance(chance);
        self.inject(deliveries().into_iter().map(all));
        self.inject([FaultRule::to_new_refs("**", RefAct::Hidden { reads: Some(2), ms: None }).by_chance(0.3)]);
    }
}

impl Stage {
    /// The storm took place: requests failed, deliveries failed in several ways, and new refs were hidden.
    fn was_stormy(&self) {
        let met = self.playground.injected_faults();
        let kinds: BTreeSet<_> = met.iter().map(|it| it.act.as_str()).collect();
        let of_deliveries = ["drop", "fail", "duplicate", "delay", "reorder", "stale"];
        let at_deliveries = of_deliveries.iter().filter(|kind| kinds.contains(*kind)).count();
        assert!(at_deliveries >= 3 && kinds.len() > at_deliveries + 1, "{met:?}");
    }
}

/// A new seed for each run and place. It is printed, so that a failing test shows it.
fn seed(place: u64) -> u64 {
    let given = std::env::var("ADJUTANT_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos()) ^ now.as_secs() ^ (place << 56)
    });
    println!("ADJUTANT_TEST_SEED={seed}");
    seed
}

async fn survives(place: u64) {
    let stage = stage(BY_ITSELF).await;
    let seed = seed(place);
    stage.storm(seed);
    let serve = stage.lives_through(&format!("A storm from {seed}")).await;
    stage.was_stormy();
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directive_completes_despite_all_faults_at_once() {
    survives(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directive_completes_with_another_seed() {
    survives(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_among_all_faults_continues() {
    let stage = stage(BY_ITSELF).await;
    let seed = seed(3);
    stage.storm(seed);
    let mut serve = stage.serve().await;
    let issue = stage.label(&format!("Killed in a storm from {seed}")).await;
    // After the first effects, in the middle, and near the end, counted in effects and not in seconds.
    for done in [4, 10, 18] {
        let is_so = "SELECT count(*) FROM effects WHERE status = 'done'";
        stage
            .wait(&format!("{done} effects are done"), async || (stage.count(is_so).await >= done).then_some(()))
            .await;
        serve.kill().await;
        serve = stage.serve().await;
    }
    tokio::time::timeout(Duration::from_mins(2), stage.judged(issue)).await.unwrap();
    stage.was_stormy();
    drop(serve);
}
