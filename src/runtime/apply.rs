//! A signal becomes state, events and effects, in one transaction.

use chrono::Utc;

use super::app::App;
use crate::store::StoreError;
use crate::store::directives::Transaction;
use crate::store::effects::Row;
use crate::store::inbox::{Delivery, Ending};
use crate::store::queue::Held;
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::engine::{self, Decision};
use adjutant_domain::event::Event;
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::signal::{Labelled, Signal};

/// What becomes of an effect, or of a delivery, in the same transaction as the signals it led to: whatever is killed
/// in between, they are applied once.
#[derive(Clone, Copy)]
pub(super) enum Settle<'a> {
    Done(&'a Row),
    /// It has failed for good, for this reason.
    Failed(&'a Row, &'a str),
    /// A delivery is dealt with.
    Read(&'a Delivery),
    /// It goes on, or there is none.
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

    /// Whether these signals are kept for later where their directive cannot be read now. A delivery waits itself; what was
    /// seen in passing is seen again; what an effect brought about, and what an agent cost, is told once.
    fn keeps(self, signals: &[Signal]) -> bool {
        match self {
            Self::Done(_) | Self::Failed(..) => true,
            Self::Read(_) => false,
            Self::Nothing => signals.iter().all(|signal| matches!(signal, Signal::TaskMeasured { .. })),
        }
    }
}

/// What is done once the transaction has committed.
#[derive(Default)]
struct Committed {
    lanes: Vec<Lane>,
    events: Vec<(DirectiveId, Event)>,
}

impl App {
    /// Opens a directive for a label, or tells the live one that the label was set again.
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
        // Counted again under the lock: another delivery may have opened one since the facts were read.
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

    /// Takes a directive through `signals`, one after the other, and settles the effect that they came from.
    pub(super) async fn apply(
        &self,
        id: DirectiveId,
        signals: &[Signal],
        settle: Settle<'_>,
    ) -> Result<Held, StoreError> {
        let mut transaction = self.store.begin().await?;
        // The directive first, in every transaction: one signal asks for effects anew that another may be settling, and
        // two transactions that wait for each other are one that is done again.
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
                if let Signal::Commanded(order) = signal
                    && transaction.was_asked_for(&Effect::answers_to(id, &order.source)).await?
                {
                    tracing::debug!(source = ?order.source, "the order was answered before");
                    continue;
                }
                let now = Utc::now();
                let before = directive.clone();
                let decision = engine::decide(directive, signal, now);
                directive = match &decision.directive {
                    Some(after) => after.clone(),
                    None => before.clone(),
                };
                self.keep(&mut transaction, id, Some(&before), decision, now, &mut after).await?;
            }
        }
        transaction.commit().await?;
        self.tell(&after);
        Ok(Held::Yes)
    }

    /// Has something done that is no directive's.
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
            transaction.enqueue(id, effect).await?;
            after.lanes.push(effect.lane());
        }
        after.events.extend(decision.events.into_iter().map(|event| (id, event)));
        Ok(())
    }

    /// Logs what happened, and wakes those who have work now.
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

/// Keeps signals for whoever can read their directive, and settles what they came from.
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
