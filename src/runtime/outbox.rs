//! The outbox's workers: they claim effects, carry them out, and tell the engine what came of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::App;
use super::apply::Settle;
use super::effects::{self, EffectError, carry_out, failure_signal, without_folder};
use crate::store::StoreError;
use crate::store::effects::{Claimed, Held, HeldTask};
use adjutant_domain::effect::Lane;
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::signal::Signal;

/// How many short effects a process carries out at a time. Writes to one installation take turns anyway.
pub(super) const SHORT_WORKERS: u32 = 8;
/// How often the outbox is looked at without being told.
const POLL: Duration = Duration::from_millis(500);
/// The longest pause between two tries of an effect.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Carries effects of one lane out, `workers` at a time, until `stop`; then ends what runs.
pub(super) async fn run(app: Arc<App>, lane: Lane, workers: usize, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(workers));
    let in_hand = Arc::new(InHand::default());
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        while running.try_join_next().is_some() {}
        let room = i64::try_from(free.available_permits()).unwrap_or(i64::MAX);
        let claimed = if room == 0 { Ok(Vec::new()) } else { claim(&app, lane, room, &in_hand.ids()).await };
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::warn!(%error, lane = lane.as_str(), "effects could not be claimed; trying again");
            Vec::new()
        });
        let more = !claimed.is_empty();
        for claimed in claimed {
            let Ok(permit) = free.clone().acquire_owned().await else { return };
            let (app, stop, held) = (app.clone(), stop.clone(), in_hand.hold(claimed.id));
            running.spawn(async move {
                let span = tracing::info_span!(
                    "effect",
                    kind = claimed.effect.kind(),
                    directive = claimed.directive.map(tracing::field::display),
                    step = claimed.effect.step().map(tracing::field::display),
                    attempt = claimed.attempt
                );
                Box::pin(work(&app, &claimed, &stop).instrument(span)).await;
                drop((held, permit));
                // A place is free: whoever waits for one is looked for at once.
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

/// Takes what is due, and tells the engine of tasks for which there is no place.
async fn claim(app: &App, lane: Lane, room: i64, in_hand: &[i64]) -> Result<Vec<Claimed>, StoreError> {
    let places = app.settings.limits.max_tasks_per_installation;
    let claims = app.store.claim_effects(lane, room, app.lease(), in_hand, places).await?;
    let began = Instant::now();
    for HeldTask { directive, task, held } in claims.held {
        // What was taken has a lease and nobody yet who renews it; the others are told at the next look.
        if began.elapsed() > app.lease() / 4 {
            break;
        }
        let told = app.apply(directive, &[Signal::TaskQueued { task, held }], Settle::Nothing).await;
        if let Err(error) = told {
            tracing::warn!(%error, %directive, %task, "it could not be told that a task waits; it is told at the next look");
        }
    }
    Ok(claims.taken)
}

/// The effects that a lane of this process works on.
#[derive(Default)]
struct InHand(Mutex<BTreeSet<i64>>);

impl InHand {
    fn ids(&self) -> Vec<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Holds an effect until the guard is dropped, however its work ends.
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
    let cancel = CancellationToken::new();
    let outcome = {
        let doing = carry_out(app, claimed, &cancel, stop);
        tokio::pin!(doing);
        tokio::select! {
            outcome = &mut doing => outcome,
            () = keep_lease(app, claimed, &cancel, stop) => doing.await,
        }
    };
    if let Err(error) = settle(app, claimed, outcome).await {
        tracing::warn!(%error, "an effect could not be settled; its lease lapses and it is done again");
    }
}

/// Renews the lease until it is lost, the work is called off or the process stops; then asks the work to end.
async fn keep_lease(app: &App, claimed: &Claimed, cancel: &CancellationToken, stop: &CancellationToken) {
    let long = claimed.effect.lane() != Lane::Short;
    loop {
        tokio::select! {
            () = tokio::time::sleep(app.heartbeat()) => {}
            () = stop.cancelled(), if long => break,
        }
        match app.store.heartbeat(claimed, app.lease()).await {
            Ok(Held::Yes) => {}
            Ok(Held::No) => {
                tracing::warn!("the lease was lost: another worker has taken this over");
                break;
            }
            Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
        }
        if let Ok(false) = effects::is_wanted(app, claimed).await {
            tracing::info!("it was called off");
            break;
        }
    }
    cancel.cancel();
}

async fn settle(app: &App, claimed: &Claimed, outcome: Result<Vec<Signal>, EffectError>) -> Result<(), StoreError> {
    let directive = of(claimed);
    let held = match outcome {
        Ok(signals) => {
            let held = app.apply(directive, &signals, Settle::Done(claimed)).await?;
            // It may be done without having asked GitHub anything.
            if app.out_of_reach.any()
                && let Some(repo) = app.repo_of(claimed).await
                && app.out_of_reach.has(&repo)
            {
                app.probe(&repo).await;
            }
            held
        }
        Err(EffectError::Later { after, why }) => {
            let delay = after.unwrap_or_else(|| pause(claimed.attempt));
            tracing::warn!(why, delay_s = delay.as_secs_f32(), "not done; trying again");
            app.store.retry_effect(claimed, delay, &why).await?
        }
        Err(EffectError::HandedBack) => {
            tracing::info!("handed back");
            app.store.hand_back_effect(claimed).await?
        }
        Err(EffectError::NoAccess { why, then }) => wait_for_access(app, claimed, &why, then).await?,
        Err(EffectError::Refused { why, tries, then }) => refused(app, claimed, &why, tries, then).await?,
        Err(EffectError::Never { why }) => give_up(app, claimed, &why).await?,
    };
    if held == Held::No {
        tracing::warn!("done too late: another worker had taken this over, and what came of it here is dropped");
    }
    Ok(())
}

/// Puts an effect back that is to be done where the app may not work at present. Where it may after all, it was a moment's
/// refusal, or the app was installed anew just now, or it lacks a permission: as any refusal, it is believed in the end.
async fn wait_for_access(
    app: &App,
    claimed: &Claimed,
    why: &str,
    then: Option<Vec<Signal>>,
) -> Result<Held, StoreError> {
    let in_reach = match app.repo_of(claimed).await {
        Some(repo) => app.in_reach(&repo).await,
        None => None,
    };
    tracing::debug!(why, in_reach, "it waits");
    if in_reach == Some(true) {
        return refused(app, claimed, why, effects::TRIES, then).await;
    }
    app.store.retry_effect(claimed, pause(claimed.attempt), why).await
}

/// A refusal is believed after a few tries, and never where it only says that the app may not work there at present.
async fn refused(
    app: &App,
    claimed: &Claimed,
    why: &str,
    tries: u32,
    then: Option<Vec<Signal>>,
) -> Result<Held, StoreError> {
    if let Some(repo) = app.repo_of(claimed).await {
        if app.is_out_of_reach(&repo).await {
            return app.store.retry_effect(claimed, pause(claimed.attempt), why).await;
        }
        // It may have been the token that git was given.
        app.github.forget_git_tokens(&repo).await;
    }
    let refusals = claimed.refusals + 1;
    if refusals < tries {
        let delay = pause(refusals);
        tracing::warn!(why, refusals, delay_s = delay.as_secs_f32(), "refused; trying again before it is believed");
        return app.store.retry_refused(claimed, delay, why).await;
    }
    match then {
        Some(signals) => {
            tracing::warn!(why, "refused");
            app.apply(of(claimed), &signals, Settle::Done(claimed)).await
        }
        None => give_up(app, claimed, why).await,
    }
}

async fn give_up(app: &App, claimed: &Claimed, why: &str) -> Result<Held, StoreError> {
    tracing::error!(why, "given up");
    let told = without_folder(why, &app.settings.data_dir);
    let signals: Vec<_> = failure_signal(&claimed.effect, &told).into_iter().collect();
    app.apply(of(claimed), &signals, Settle::Failed(claimed, why)).await
}

fn of(claimed: &Claimed) -> DirectiveId {
    claimed.directive.unwrap_or_else(|| DirectiveId(uuid::Uuid::nil()))
}

/// 1 s, 2 s, 4 s … up to [`LONGEST_PAUSE`].
fn pause(attempt: u32) -> Duration {
    Duration::from_secs(1u64 << attempt.saturating_sub(1).min(9)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_tries_double_up_to_five_minutes() {
        let pauses: Vec<_> = [1, 2, 3, 20, u32::MAX].into_iter().map(|attempt| pause(attempt).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 300, 300]);
    }
}
