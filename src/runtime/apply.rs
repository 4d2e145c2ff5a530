//! A signal becomes state, events and effects, in one transaction.

use chrono::Utc;

use super::App;
use crate::store::StoreError;
use crate::store::directives::Transaction;
use crate::store::effects::{Claimed, Held};
use crate::store::inbox::{Delivery, Settled};
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::{Effect, Lane};
use adjutant_domain::engine::{self, Decision};
use adjutant_domain::ids::DirectiveId;
use adjutant_domain::signal::{Labelled, Signal};

/// What becomes of an effect, or of a delivery, in the same transaction as the signals it led to: whatever is killed
/// in between, they are applied once.
#[derive(Clone, Copy)]
pub(super) enum Settle<'a> {
    /// It is done.
    Done(&'a Claimed),
    /// It is given up, for this reason.
    Failed(&'a Claimed, &'a str),
    /// A delivery is dealt with.
    Read(&'a Delivery),
    /// It goes on, or there is none.
    Nothing,
}

impl Settle<'_> {
    async fn within(self, transaction: &mut Transaction) -> Result<Held, StoreError> {
        match self {
            Self::Done(claimed) => transaction.finish_effect(claimed).await,
            Self::Failed(claimed, error) => transaction.fail_effect(claimed, error).await,
            Self::Read(delivery) => Ok(match transaction.finish_delivery(delivery).await? {
                Settled::Taken => Held::Yes,
                Settled::LeaseLost => Held::No,
            }),
            Self::Nothing => Ok(Held::Yes),
        }
    }
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
        let mut lanes = Vec::new();
        let id = decision
            .directive
            .as_ref()
            .map_or_else(|| DirectiveId::of(labelled.repo.id, labelled.issue, earlier + 1), |directive| directive.id);
        self.keep(&mut transaction, id, None, decision, now, &mut lanes).await?;
        transaction.commit().await?;
        self.wake(&lanes);
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
        // The directive first, in every transaction: a turn asks for effects anew that another one may be settling, and
        // two that wait for each other are one that is done again.
        let directive = if signals.is_empty() { None } else { transaction.lock(id).await? };
        if settle.within(&mut transaction).await? == Held::No {
            return Ok(Held::No);
        }
        let mut lanes = Vec::new();
        if let Some(mut directive) = directive {
            for signal in signals {
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
                self.keep(&mut transaction, id, Some(&before), decision, now, &mut lanes).await?;
            }
        }
        transaction.commit().await?;
        self.wake(&lanes);
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
        lanes: &mut Vec<Lane>,
    ) -> Result<(), StoreError> {
        for event in &decision.events {
            tracing::info!(directive = %id, event = event.kind.name(), data = %event.kind.data(), "event");
        }
        if let Some(directive) = &decision.directive
            && before != Some(directive)
        {
            transaction.save(before, directive, now).await?;
        }
        transaction.append_events(id, &decision.events, now);
        for effect in &decision.effects {
            transaction.enqueue(id, effect).await?;
            lanes.push(effect.lane());
        }
        Ok(())
    }

    fn wake(&self, lanes: &[Lane]) {
        for lane in [Lane::Short, Lane::Agent, Lane::Verifier] {
            if lanes.contains(&lane) {
                self.queued(lane).notify_one();
            }
        }
    }
}
