//! The workers of the outbox: they claim effects, carry them out, and send the results to the engine.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::app::App;
use super::apply::Settle;
use super::effects::{self, EffectError, Working, carry_out, failure_signal, for_people};
use super::sink::SignalSink;
use crate::report::failure;
use crate::store::StoreError;
use crate::store::effects::{Claimed, HeldTask, Row, Unreadable, Wait, WaitingVerification};
use crate::store::queue::{Held, Retry};
use adjutant_domain::effect::Lane;
use adjutant_domain::failure::Failure;
use adjutant_domain::ids::{DirectiveId, Usd};
use adjutant_domain::signal::{Signal, TaskOutcome};
use adjutant_domain::step::VerifierProgress;
use adjutant_domain::task::{CapacityLimit, QueueReason};

/// How many short effects a process carries out at a time. Writes to one installation take turns anyway.
pub(super) const SHORT_WORKERS: u32 = 8;
/// How often the outbox is polled in case a notification was missed.
const POLL: Duration = Duration::from_millis(500);
/// How long a verification waits before people are told so.
const LONG_WAIT: Duration = Duration::from_secs(3);
/// After so many rows the memory of what was told begins anew: the engine knows it anyway.
const MOST_TOLD: usize = 10_000;
/// The longest pause between two tries of an effect.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Carries out effects of one lane until `stop`, at most `workers` at a time. Then it ends what is still running.
pub(super) async fn run(app: Arc<App>, lane: Lane, workers: usize, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(workers));
    let in_hand = Arc::new(InHand::default());
    let mut running = JoinSet::new();
    let mut told = BTreeSet::new();
    while !stop.is_cancelled() {
        while running.try_join_next().is_some() {}
        let room = i64::try_from(free.available_permits()).unwrap_or(i64::MAX);
        let claimed = if room == 0 { Ok(Vec::new()) } else { claim(&app, lane, room, &in_hand.ids()).await };
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::warn!(%error, lane = lane.as_str(), "effects could not be claimed; trying again");
            Vec::new()
        });
        if room == 0 && lane == Lane::Verifier {
            tell_waiting(&app, workers, &mut told).await;
        }
        let more = !claimed.is_empty();
        for claimed in claimed {
            let Ok(permit) = free.clone().acquire_owned().await else { return };
            let (app, stop, held) = (app.clone(), stop.clone(), in_hand.hold(claimed.row.id));
            running.spawn(async move {
                let span = tracing::info_span!(
                    "effect",
                    key = claimed.row.key,
                    kind = claimed.effect.kind(),
                    directive = claimed.row.directive.map(tracing::field::display),
                    step = claimed.effect.step().map(tracing::field::display),
                    attempt = claimed.attempt
                );
                Box::pin(work(&app, &claimed, &stop).instrument(span)).await;
                drop((held, permit));
                // A slot is free, so the next effect is claimed at once.
                app.queued(lane).notify_one();
            });
        }
        if !more {
            tokio::select! {
                () = stop.cancelled() => {}
                () = app.queued(lane).notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
    while running.join_next().await.is_some() {}
}

/// Claims what is due, and sends a signal for each task that has to wait for capacity.
async fn claim(app: &App, lane: Lane, room: i64, in_hand: &[i64]) -> Result<Vec<Claimed>, StoreError> {
    let per_installation = app.settings.limits.max_tasks_per_installation;
    let claims = app.store.claim_effects(lane, room, app.lease(), in_hand, per_installation).await?;
    let began = Instant::now();
    for unreadable in &claims.unreadable {
        set_unreadable_aside(app, unreadable).await;
    }
    for HeldTask { directive, task, held } in claims.held {
        // Nothing renews the leases of the claimed effects yet. Tasks that wait are reported at the next claim.
        if began.elapsed() > app.lease() / 4 {
            break;
        }
        let signal = match held {
            Wait::Capacity(held) => Signal::TaskQueued { task, held },
            Wait::Agent(pause) => Signal::AgentPaused { task, pause },
        };
        let told = SignalSink::new(app, directive).send(signal).await;
        if let Err(error) = told {
            tracing::warn!(%error, %directive, %task, "task {task} waits, which could not be recorded; trying again at the next claim");
        }
    }
    Ok(claims.taken)
}

/// Sends a signal, once, for each verification that waits because all workers of this process are at work.
async fn tell_waiting(app: &App, workers: usize, told: &mut BTreeSet<i64>) {
    let known: Vec<i64> = told.iter().copied().collect();
    let waiting = match app.store.waiting_verifications(LONG_WAIT, &known).await {
        Ok(waiting) => waiting,
        Err(error) => return tracing::warn!(%error, "the verifications that wait could not be read"),
    };
    if known.len() > MOST_TOLD {
        told.clear();
    }
    let places = u32::try_from(workers).unwrap_or(u32::MAX);
    let progress = VerifierProgress::Queued(QueueReason { by: CapacityLimit::Verifiers, limit: places, taken: places });
    for WaitingVerification { id, directive, step, round } in waiting {
        match SignalSink::new(app, directive).send(Signal::VerifierProgress { step, round, progress }).await {
            Ok(()) => drop(told.insert(id)),
            Err(error) => tracing::warn!(%error, %directive, "a verification waits, which could not be recorded"),
        }
    }
}

/// Sets a row aside that this version cannot read. If a directive would wait for it, the engine gets a signal that it
/// failed.
async fn set_unreadable_aside(app: &App, unreadable: &Unreadable) {
    let Unreadable { row, kind, task, step, why } = unreadable;
    let (key, directive) = (&row.key, row.directive.map(tracing::field::display));
    tracing::error!(
        key,
        kind,
        directive,
        why,
        "effect {key} cannot be read by this version; it is set aside as failed"
    );
    let why = Failure::Unreadable { error: why.clone() };
    let told = failure::words(&why);
    let signals: Vec<_> = Signal::of_failed_effect(kind, key, *task, *step, why).into_iter().collect();
    if let Err(error) = set_aside(app, row, &signals, &told).await {
        tracing::warn!(%error, key, "effect {key} could not be set aside; trying again when its lease lapses");
    }
}

/// The effects that this process has claimed in one lane.
#[derive(Default)]
struct InHand(Mutex<BTreeSet<i64>>);

impl InHand {
    fn ids(&self) -> Vec<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Marks an effect as claimed until the guard is dropped, however its work ends.
    fn hold(self: &Arc<Self>, id: i64) -> Hold {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        Hold { all: self.clone(), id }
    }
}

struct Hold {
    all: Arc<InHand>,
    id: i64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Carries one effect out under its lease, and settles it.
async fn work(app: &App, claimed: &Claimed, stop: &CancellationToken) {
    let key = &claimed.row.key;
    let outcome = match begin(app, claimed).await {
        Ok(Begun::Working(working)) => {
            let cancel = CancellationToken::new();
            let doing = carry_out(app, claimed, &working, &cancel, stop);
            tokio::pin!(doing);
            tokio::select! {
                outcome = &mut doing => outcome,
                () = keep_lease(app, claimed, &cancel, stop) => doing.await,
            }
        }
        Ok(Begun::No(why)) => Err(EffectError::Never { why }),
        Ok(Begun::LeaseLost) => return,
        // Nothing was done yet. Nothing may be done before the attempt is recorded.
        Err(error) => {
            tracing::warn!(%error, key, "effect {key} could not be begun; trying again when its lease lapses");
            return;
        }
    };
    if let Err(error) = Box::pin(settle(app, claimed, outcome)).await {
        tracing::warn!(%error, key, "effect {key} could not be settled; it is done again when its lease lapses");
    }
}

enum Begun<'a> {
    Working(Working<'a>),
    /// It must not be done any more, for this reason.
    No(Failure),
    LeaseLost,
}

/// Records the attempt before the work begins.
async fn begin<'a>(app: &'a App, claimed: &'a Claimed) -> Result<Begun<'a>, StoreError> {
    if let Some(why) = claimed.record.ended_its_processes() {
        return Ok(Begun::No(why));
    }
    Ok(match app.store.begin_effect(&claimed.row).await? {
        Held::Yes => Begun::Working(Working::begun(app, &claimed.row)),
        Held::No => Begun::LeaseLost,
    })
}

/// Renews the lease until it is lost, the work is cancelled or the process stops. Then it cancels the work.
async fn keep_lease(app: &App, claimed: &Claimed, cancel: &CancellationToken, stop: &CancellationToken) {
    let long = claimed.effect.lane() != Lane::Short;
    let key = &claimed.row.key;
    loop {
        tokio::select! {
            () = tokio::time::sleep(app.heartbeat()) => {}
            () = stop.cancelled(), if long => break,
        }
        match app.store.heartbeat(&claimed.row, app.lease()).await {
            Ok(Held::Yes) => {}
            Ok(Held::No) => {
                tracing::warn!(key, "the lease on effect {key} was lost to another worker; the work here ends");
                break;
            }
            Err(error) => tracing::warn!(%error, key, "the lease on effect {key} could not be renewed; trying again"),
        }
        if let Ok(false) = effects::is_wanted(app, claimed).await {
            tracing::info!(key, "effect {key} was cancelled; its work ends");
            break;
        }
    }
    cancel.cancel();
}

async fn settle(app: &App, claimed: &Claimed, outcome: Result<Vec<Signal>, EffectError>) -> Result<(), StoreError> {
    let (row, key) = (&claimed.row, &claimed.row.key);
    let held = match outcome {
        Ok(signals) => {
            let held = match app.apply(of(row), &signals, Settle::Done(row)).await {
                Err(error) if error.is_certain() => cannot_be_kept(app, claimed, &error).await?,
                applied => applied?,
            };
            // The effect may have succeeded without a request to GitHub.
            if app.out_of_reach.any()
                && let Some(repo) = app.repo_of(claimed).await
                && app.out_of_reach.has(&repo)
            {
                app.probe(&repo).await;
            }
            held
        }
        Err(EffectError::Later { after, why }) => {
            let delay = after.unwrap_or_else(|| next_pause(claimed));
            tracing::warn!(key, why, delay_s = delay.as_secs_f32(), "effect {key} failed; trying again");
            app.store.retry_effect(row, delay, &why, Retry::Failed).await?
        }
        Err(EffectError::HandedBack) => {
            tracing::info!(key, "lease on effect {key} released; another worker takes it");
            app.store.hand_back_effect(row).await?
        }
        Err(EffectError::NoAccess { why, then }) => Box::pin(wait_for_access(app, claimed, &why, then)).await?,
        Err(EffectError::Refused { why, tries, then }) => refused(app, claimed, &why, tries, then).await?,
        Err(EffectError::Never { why }) => give_up(app, claimed, &why).await?,
    };
    if held == Held::No {
        tracing::warn!(
            key,
            "effect {key} ended after its lease was lost to another worker; the result here is dropped"
        );
    }
    Ok(())
}

/// Called when the database refuses the result of an effect and would refuse it again: the effect has failed
/// permanently. The cost of an agent's run was recorded when the run ended.
async fn cannot_be_kept(app: &App, claimed: &Claimed, error: &StoreError) -> Result<Held, StoreError> {
    let key = &claimed.row.key;
    let why = Failure::NotStored { error: error.to_string() };
    let told = failure::words(&why);
    tracing::error!(key, %error, "effect {key} failed permanently: {told}");
    let signal = match claimed.effect.task() {
        Some(task) => {
            let outcome = TaskOutcome::Failed { reason: why };
            Some(Signal::TaskFinished { task, outcome, cost: Usd::ZERO })
        }
        None => failure_signal(&claimed.effect, key, why),
    };
    set_aside(app, &claimed.row, signal.as_slice(), &told).await
}

/// Sets a row aside as failed and sends the signals that say so. If these are refused as well, the row is set aside
/// without them, because nothing may be repeated without end.
async fn set_aside(app: &App, row: &Row, signals: &[Signal], why: &str) -> Result<Held, StoreError> {
    match app.apply(of(row), signals, Settle::Failed(row, why)).await {
        Err(error) if error.is_certain() => {
            let key = &row.key;
            tracing::error!(key, %error, "the failure of effect {key} could not be applied to its directive; the effect is set aside without it");
            app.store.set_effect_aside(row, "it failed, and the failure could not be applied to its directive").await
        }
        told => told,
    }
}

/// Reschedules an effect that failed because the app had no access. If the app has access after all, it is treated as any other
/// refusal: GitHub may have refused for a moment, the app may have just been installed again, or a permission is
/// missing.
async fn wait_for_access(
    app: &App,
    claimed: &Claimed,
    why: &Failure,
    then: Option<Vec<Signal>>,
) -> Result<Held, StoreError> {
    let in_reach = match app.repo_of(claimed).await {
        Some(repo) => app.in_reach(&repo).await,
        None => None,
    };
    let (key, told) = (&claimed.row.key, failure::words(why));
    tracing::debug!(key, why = told, in_reach, "effect {key} waits for the app's access");
    if in_reach == Some(true) {
        return refused(app, claimed, why, effects::TRIES, then).await;
    }
    app.store.retry_effect(&claimed.row, next_pause(claimed), &told, Retry::Failed).await
}

/// Tries an effect again that GitHub refused, and accepts the refusal after `tries`. A refusal that comes only from
/// missing access is never accepted.
async fn refused(
    app: &App,
    claimed: &Claimed,
    why: &Failure,
    tries: u32,
    then: Option<Vec<Signal>>,
) -> Result<Held, StoreError> {
    let (row, key, told) = (&claimed.row, &claimed.row.key, failure::words(why));
    if let Some(repo) = app.repo_of(claimed).await {
        if app.is_out_of_reach(&repo).await {
            return app.store.retry_effect(row, next_pause(claimed), &told, Retry::Failed).await;
        }
        // The cause may have been the cached token for git.
        app.github.forget_git_tokens(&repo).await;
    }
    let refusals = claimed.record.refusals + 1;
    if refusals < tries {
        let delay = pause(refusals);
        tracing::warn!(
            key,
            why = told,
            refusals,
            delay_s = delay.as_secs_f32(),
            "effect {key} was refused; trying again"
        );
        return app.store.retry_effect(row, delay, &told, Retry::Refused).await;
    }
    match then {
        Some(signals) => {
            tracing::warn!(
                key,
                why = told,
                refusals,
                "effect {key} was refused; the refusal is applied to its directive"
            );
            app.apply(of(row), &signals, Settle::Done(row)).await
        }
        None => give_up(app, claimed, why).await,
    }
}

async fn give_up(app: &App, claimed: &Claimed, why: &Failure) -> Result<Held, StoreError> {
    let (key, told) = (&claimed.row.key, failure::words(why));
    tracing::error!(key, why = told, "effect {key} failed permanently: {told}");
    let signal = failure_signal(&claimed.effect, key, for_people(why, &app.settings.data_dir));
    set_aside(app, &claimed.row, signal.as_slice(), &told).await
}

fn of(row: &Row) -> DirectiveId {
    row.directive.unwrap_or_else(|| DirectiveId(uuid::Uuid::nil()))
}

/// How long an effect waits after one more failure. Only failures in a row count, because a killed process says nothing
/// about the work.
fn next_pause(claimed: &Claimed) -> Duration {
    pause(claimed.record.failures.saturating_add(1))
}

/// The pause after this many failures: 1 s, 2 s, 4 s … up to [`LONGEST_PAUSE`].
fn pause(failures: u32) -> Duration {
    Duration::from_secs(1u64 << failures.saturating_sub(1).min(9)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_tries_double_up_to_five_minutes() {
        let pauses: Vec<_> = [1, 2, 3, 20, u32::MAX].into_iter().map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 300, 300]);
    }
}
