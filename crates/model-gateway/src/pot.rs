//! The money of one run: what may still be spent, and what is reserved for requests on their way.
//!
//! A pot takes money from a [`Purse`] in blocks, so that a request seldom waits for the database that the purse stands
//! for. Whatever it holds is taken: nobody else can spend it. So the sum of what all pots of a purse spend is never more
//! than the purse has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::money::Amount;

/// A request waits so long for money that other requests may give back.
const WAIT: Duration = Duration::from_mins(2);
/// How often it asks meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// Where a pot takes its money from.
pub trait Purse: Send + Sync + 'static {
    /// Takes at least `least`, and up to `wanted`, out of the purse.
    fn take(&self, least: Amount, wanted: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>>;

    /// Puts back what a pot does not need.
    fn give_back(&self, amount: Amount) -> BoxFuture<'_, ()>;
}

/// What was taken out of a purse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    pub amount: Amount,
    /// What is left in the purse.
    pub left: Amount,
}

/// Why nothing was taken out of a purse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurseError {
    Empty(PurseEmpty),
    /// Nobody knows what is in it, for this reason. That says nothing about the money.
    Closed(String),
}

impl From<PurseEmpty> for PurseError {
    fn from(empty: PurseEmpty) -> Self {
        Self::Empty(empty)
    }
}

/// The purse does not have the least that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurseEmpty {
    /// Which limit is reached, in words: "the budget of this directive ($10.00)".
    pub limit: String,
    /// What is left of it.
    pub left: Amount,
    /// What other pots hold and have not spent. Some of it may come back.
    pub held: Amount,
}

/// A purse without an end, where no limit of money holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl Purse for Unlimited {
    fn take(&self, _: Amount, _: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>> {
        let plenty = Amount(u64::MAX / 4);
        Box::pin(async move { Ok(Withdrawal { amount: plenty, left: plenty }) })
    }

    fn give_back(&self, _: Amount) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// The pot of one run. Clones share it.
#[derive(Clone)]
pub struct Pot {
    inner: Arc<Inner>,
}

struct Inner {
    purse: Arc<dyn Purse>,
    block: Amount,
    state: Mutex<State>,
    /// One at a time asks the purse.
    asking: tokio::sync::Mutex<()>,
    /// A reservation was settled.
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    taken: Amount,
    reserved: Amount,
    spent: Amount,
    /// The purse has little left: what is not needed goes back at once.
    scarce: bool,
}

impl State {
    fn free(&self) -> Amount {
        self.taken - self.reserved - self.spent
    }
}

impl std::fmt::Debug for Pot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pot").field(&*self.state()).finish()
    }
}

impl Pot {
    /// An empty pot, which takes `block` more than it needs from the purse where the purse has it.
    pub fn new(purse: Arc<dyn Purse>, block: Amount) -> Self {
        let inner = Inner {
            purse,
            block,
            state: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            settled: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A pot without a limit.
    pub fn unlimited() -> Self {
        Self::new(Arc::new(Unlimited), Amount::ZERO)
    }

    /// Reserves `wanted`, or what there is from `least` on. Where only requests on their way stand between `least` and
    /// what there is, it waits for them.
    pub async fn reserve(&self, least: Amount, wanted: Amount) -> Result<Reservation, PurseError> {
        if let Some(reserved) = self.free_for(wanted, wanted) {
            return Ok(reserved);
        }
        let _one_at_a_time = self.inner.asking.lock().await;
        let begun = Instant::now();
        loop {
            let settled = self.inner.settled.notified();
            // Another request may have filled the pot, or given back what it did not use.
            if let Some(reserved) = self.free_for(wanted, wanted) {
                return Ok(reserved);
            }
            let empty = self.take(least, wanted).await.err();
            if let Some(reserved) = self.free_for(least, wanted) {
                return Ok(reserved);
            }
            let empty = match empty {
                None => continue,
                Some(PurseError::Empty(empty)) => empty,
                Some(closed) => return Err(closed),
            };
            // What one waiting pot holds may be what another one lacks.
            let left = empty.left + self.put_back().await;
            if left + empty.held + self.state().reserved < least || begun.elapsed() > WAIT {
                return Err(PurseEmpty { left, ..empty }.into());
            }
            let _ = timeout(ASK_AGAIN, settled).await;
        }
    }

    async fn take(&self, least: Amount, wanted: Amount) -> Result<(), PurseError> {
        let free = self.state().free();
        let (least, enough) = (least - free, wanted - free);
        let taken = self.inner.purse.take(least, enough + self.inner.block).await;
        let mut state = self.state();
        match taken {
            Ok(taken) => {
                state.taken += taken.amount;
                state.scarce = taken.left < wanted.times(4);
                Ok(())
            }
            Err(empty) => {
                state.scarce = true;
                Err(empty)
            }
        }
    }

    /// Puts back what is free, where the purse has little left.
    pub async fn put_back_if_scarce(&self) {
        if self.state().scarce {
            self.put_back().await;
        }
    }

    /// Puts back what is free, and says how much that was.
    pub async fn put_back(&self) -> Amount {
        let free = {
            let mut state = self.state();
            let free = state.free();
            state.taken = state.taken - free;
            free
        };
        if free > Amount::ZERO {
            self.inner.purse.give_back(free).await;
        }
        free
    }

    /// What was spent.
    pub fn spent(&self) -> Amount {
        self.state().spent
    }

    /// What was taken from the purse and not put back.
    pub fn taken(&self) -> Amount {
        self.state().taken
    }

    fn free_for(&self, least: Amount, wanted: Amount) -> Option<Reservation> {
        let mut state = self.state();
        let amount = state.free().min(wanted);
        if amount < least {
            return None;
        }
        state.reserved += amount;
        Some(Reservation { pot: self.clone(), amount })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment, so a panic elsewhere leaves nothing half done.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Money that is set aside for one request. Dropped without being settled, all of it counts as spent: the request may
/// have been made.
#[derive(Debug)]
pub struct Reservation {
    pot: Pot,
    amount: Amount,
}

impl Reservation {
    /// What is reserved.
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// Books what the request cost, and frees the rest.
    pub fn settle(mut self, cost: Amount) {
        self.book(cost);
    }

    fn book(&mut self, cost: Amount) {
        let mut state = self.pot.state();
        state.reserved = state.reserved - self.amount;
        state.spent += cost;
        drop(state);
        self.amount = Amount::ZERO;
        self.pot.inner.settled.notify_waiters();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.amount > Amount::ZERO {
            self.book(self.amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A purse with this much in it.
    struct Fixed(Mutex<Amount>);

    impl Fixed {
        fn with(amount: u64) -> Arc<Self> {
            Arc::new(Self(Mutex::new(Amount(amount))))
        }
    }

    impl Purse for Fixed {
        fn take(&self, least: Amount, wanted: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>> {
            let mut left = self.0.lock().unwrap();
            let amount = wanted.min(*left);
            let answer = if amount < least {
                Err(PurseEmpty { limit: "the budget".to_owned(), left: *left, held: Amount::ZERO }.into())
            } else {
                *left = *left - amount;
                Ok(Withdrawal { amount, left: *left })
            };
            Box::pin(async move { answer })
        }

        fn give_back(&self, amount: Amount) -> BoxFuture<'_, ()> {
            *self.0.lock().unwrap() += amount;
            Box::pin(async {})
        }
    }

    #[tokio::test]
    async fn a_reservation_takes_what_there_is_from_the_least_on() {
        let pot = Pot::new(Fixed::with(100), Amount(10));
        let first = pot.reserve(Amount(30), Amount(60)).await.unwrap();
        assert_eq!((first.amount(), pot.taken()), (Amount(60), Amount(70)));
        let second = pot.reserve(Amount(30), Amount(60)).await.unwrap();
        assert_eq!(second.amount(), Amount(40));
        let refused = pot.reserve(Amount(101), Amount(160)).await.unwrap_err();
        assert!(matches!(refused, PurseError::Empty(PurseEmpty { left: Amount::ZERO, .. })), "{refused:?}");
        let waits = pot.reserve(Amount(50), Amount(50));
        let settles = async { first.settle(Amount(5)) };
        let (waited, ()) = tokio::join!(waits, settles);
        waited.unwrap().settle(Amount::ZERO);
        let third = pot.reserve(Amount(55), Amount(60)).await.unwrap();
        assert_eq!(third.amount(), Amount(55));
        drop(second);
        drop(third);
        assert_eq!(pot.spent(), Amount(100), "what is not settled is spent");
    }

    #[tokio::test]
    async fn what_is_not_needed_goes_back_where_little_is_left() {
        let purse = Fixed::with(100);
        let pot = Pot::new(Arc::<Fixed>::clone(&purse), Amount(10));
        pot.reserve(Amount(30), Amount(60)).await.unwrap().settle(Amount(7));
        pot.put_back_if_scarce().await;
        assert_eq!((*purse.0.lock().unwrap(), pot.taken()), (Amount(93), Amount(7)));
    }
}
