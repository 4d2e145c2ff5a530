//! The money of a check: what it was given, and nothing more.

use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use model_gateway::{Amount, Purse, PurseEmpty, PurseError, Withdrawal};

/// A purse that nobody else takes from.
pub(super) struct Allowance(Mutex<Amount>);

impl Allowance {
    pub(super) fn of(amount: Amount) -> Self {
        Self(Mutex::new(amount))
    }
}

impl Purse for Allowance {
    fn take(&self, least: Amount, wanted: Amount) -> BoxFuture<'_, Result<Withdrawal, PurseError>> {
        Box::pin(async move {
            let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if *left < least {
                let limit = "the budget of this check".to_owned();
                return Err(PurseEmpty { limit, left: *left, held: Amount::ZERO }.into());
            }
            let amount = wanted.max(least).min(*left);
            *left = Amount(left.0 - amount.0);
            Ok(Withdrawal { amount, left: *left })
        })
    }

    fn give_back(&self, amount: Amount) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *left = Amount(left.0 + amount.0);
        })
    }
}
