//! Applies a signal: the new state, its events and its effects are stored in one transaction.

use chrono::Utc;

use super::app::App;
use crate::store::StoreError;
use crate::store::directives::Transaction;
use crate::store::effects::Row;
use crate::store::inbox::{Delivery, Ending};
use crate::store::queue::Held;
use adjutant_domain::calibration;
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::engine::{self, Decision};
use adjutant_domain::event::Event;
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::signal::{Labelled, Signal};

/// How the transaction that applies signals settles the effect or the delivery that they came from. Both commit
/// together, so that the signals are applied once even if the process is killed.
#[derive(Clone, Copy)]
pub(super) enum Settle<'a> {
    Done(&'a Row),
    /// The effect failed permanently, for this reason.
    Failed(&'a Row, &'a str),
    /// The delivery was handled.
    Read(&'a Delivery),
    /// The effect stays as it is, or the signals have no source.
    Nothing,
}

impl Settle<'_> {
    async fn within(self, transaction: &mut Transaction) -> Result<Held, StoreError> {
        match self {
            Self::Done(row) => transaction.finish_effect(row).await,
            Self::Failed(row, error) => transaction.fail_effect(row, error).await,
            Self::Read(delivery) => transaction.end_delivery(delivery, Ending::Processed).await,
            Self::Nothing => Ok(Held::Yes),
        }
    }

    /// Whether the signals are stored for later when their directive cannot be read now. A delivery is stored already,
    /// and a later look finds again what an earlier one found. The result of an effect and the cost of an agent's run
    /// are reported only once, so they are kept.
    fn keeps(self, signals: &[Signal]) -> bool {
        match self {
            Self::Done(_) | Self::Failed(..) => true,
            Self::Read(_) => false,
            Self::Nothing => signals.iter().all(|signal| matches!(signal, Signal::TaskMeasured { .. })),
        }
    }
}

/// What has to be done after the transaction committed.
#[derive(Default)]
struct Committed {
    lanes: Vec<Lane>,
    events: Vec<(DirectiveId, Event)>,
}

impl App {
    /// Opens a directive for a label. If the issue has a live directive, that one gets a signal that the label was set
    /// again.
    pub(super) async fn open(&self, labelled: &Labelled, settle: Settle<'_>) -> Result<Held, StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.lock_issue(labelled.repo.id, labelled.issue).await?;
        if let Some(live) = transaction.live_for_issue(labelled.repo.id, labelled.issue).await? {
            drop(transaction);
            let signal = Signal::Labelled(Box::new(labelled.clone()));
            return self.apply(live, &[signal], settle).await;
        }
        if settle.within(&mut transaction).await? == Held::No {
            return Ok(Held::No);
        }
        // Counted again under the lock, because another delivery may have opened a directive since the facts were read.
        let earlier = transaction.count_for_issue(labelled.repo.id, labelled.issue).await?;
        let now = Utc::now();
        let decision = engine::open(&Labelled { earlier, ..labelled.clone() }, now);
        let mut after = Committed::default();
        let id = decision
            .directive
            .as_ref()
            .map_or_else(|| DirectiveId::of(labelled.repo.id, labelled.issue, earlier + 1), |directive| directive.id);
        self.keep(&mut transaction, id, None, decision, now, &mut after).await?;
        transaction.commit().await?;
        self.tell(&after);
        Ok(Held::Yes)
    }

    /// Applies `signals` to a directive in their order, and settles the effect that they came from.
    pub(super) async fn apply(
        &self,
        id: DirectiveId,
        signals: &[Signal],
        settle: Settle<'_>,
    ) -> Result<Held, StoreError> {
        // In a box: a decision is large, and every caller would carry room for it.
        Box::pin(self.apply_locked(id, signals, settle)).await
    }

    async fn apply_locked(&self, id: DirectiveId, signals: &[Signal], settle: Settle<'_>) -> Result<Held, StoreError> {
        let mut transaction = self.store.begin().await?;
        // Every transaction locks the directive first. One signal can queue an effect again that another is settling,
        // and two transactions that wait for each other are a deadlock.
        let locked = if signals.is_empty() { Ok(None) } else { transaction.lock(id).await };
        let directive = match locked {
            Err(error) if error.is_unreadable() && settle.keeps(signals) => {
                return leave(transaction, id, signals, settle, &error).await;
            }
            locked => locked?,
        };
        if settle.within(&mut transaction).await? == Held::No {
            return Ok(Held::No);
        }
        let mut after = Committed::default();
        if let Some(mut directive) = directive {
            let waited = transaction.take_waiting_signals(id).await?;
            for signal in waited.iter().chain(signals) {
                if let Signal::Commanded(command) = signal
                    && transaction.was_asked_for(&Effect::answers_to(id, &command.source)).await?
                {
                    tracing::debug!(source = ?command.source, "the command was answered before; it is ignored");
                    continue;
                }
                let now = Utc::now();
                let before = directive.clone();
                let decision = engine::decide(directive, signal, now);
                directive = match &decision.directive {
                    Some(after) => after.clone(),
                    None => before.clone(),
                };
                let settled = calibration::settled(&before, &directive, signal);
                Box::pin(self.keep(&mut transaction, id, Some(&before), decision, now, &mut after)).await?;
                if let Signal::TaskMeasured { measure, .. } = signal {
                    transaction.book_model_run(measure.run).await?;
                }
                for score in &settled {
                    transaction.settle_score(score, now).await?;
                }
            }
        }
        transaction.commit().await?;
        self.tell(&after);
        Ok(Held::Yes)
    }

    /// Queues an effect that belongs to no directive.
    pub(super) async fn ask_for(&self, effect: &Effect, settle: Settle<'_>) -> Result<Held, StoreError> {
        let mut transaction = self.store.begin().await?;
        if settle.within(&mut transaction).await? == Held::No {
            return Ok(Held::No);
        }
        transaction.enqueue(DirectiveId(uuid::Uuid::nil()), effect).await?;
        transaction.commit().await?;
        self.wake(&[effect.lane()]);
        Ok(Held::Yes)
    }

    async fn keep(
        &self,
        transaction: &mut Transaction,
        id: DirectiveId,
        before: Option<&Directive>,
        decision: Decision,
        now: chrono::DateTime<Utc>,
        after: &mut Committed,
    ) -> Result<(), StoreError> {
        if let Some(directive) = &decision.directive
            && before != Some(directive)
        {
            transaction.save(before, directive, now).await?;
        }
        transaction.append_events(id, &decision.events, now);
        for effect in &decision.effects {
            let due = decision.directive.as_ref().and_then(|directive| directive.due(effect));
            transaction.enqueue_at(id, effect, due).await?;
            after.lanes.push(effect.lane());
        }
        after.events.extend(decision.events.into_iter().map(|event| (id, event)));
        Ok(())
    }

    /// Logs what happened, and wakes the workers of the lanes that have new work.
    fn tell(&self, after: &Committed) {
        for (directive, event) in &after.events {
            tracing::info!(%directive, event = event.kind.name(), data = %event.kind.data(), "event");
        }
        self.wake(&after.lanes);
    }

    fn wake(&self, lanes: &[Lane]) {
        for lane in [Lane::Short, Lane::Agent, Lane::Verifier] {
            if lanes.contains(&lane) {
                self.queued(lane).notify_one();
            }
        }
    }
}

/// Stores signals for a process that can read their directive, and settles their source.
async fn leave(
    mut transaction: Transaction,
    id: DirectiveId,
    signals: &[Signal],
    settle: Settle<'_>,
    error: &StoreError,
) -> Result<Held, StoreError> {
    if settle.within(&mut transaction).await? == Held::No {
        return Ok(Held::No);
    }
    transaction.leave_signals(id, signals).await?;
    transaction.commit().await?;
    tracing::warn!(directive = %id, signals = signals.len(), %error, "signals for directive {id} wait until it can be read");
    Ok(Held::Yes)
}
