//! Amounts of money, exact for the price of a single token.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

/// US dollars in units of 10⁻¹² (a token of the cheapest model costs a few thousand). Sums saturate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// More than anybody has.
    pub const MAX: Self = Self(u64::MAX);
    const MICRO: u64 = 1_000_000;

    /// From millionths of a dollar.
    pub fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(Self::MICRO))
    }

    /// In millionths of a dollar, rounded up: what was spent is never told as less.
    pub fn micros(self) -> u64 {
        self.0.div_ceil(Self::MICRO)
    }

    /// In millionths of a dollar, rounded down: what is left is never told as more.
    pub fn whole_micros(self) -> u64 {
        self.0 / Self::MICRO
    }

    /// So many units at this price each.
    #[must_use]
    pub fn times(self, units: u64) -> Self {
        Self(self.0.saturating_mul(units))
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.micros();
        write!(f, "${}.{:06}", micros / Self::MICRO, micros % Self::MICRO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_is_rounded_up_and_what_is_left_down() {
        let amount = Amount(1_500_000);
        assert_eq!((amount.micros(), amount.whole_micros()), (2, 1));
        assert_eq!(Amount::from_micros(2).micros(), 2);
        assert_eq!(Amount::from_micros(1_234_567).to_string(), "$1.234567");
    }

    #[test]
    fn sums_saturate() {
        assert_eq!(Amount::MAX + Amount(1), Amount::MAX);
        assert_eq!(Amount(1) - Amount(2), Amount::ZERO);
        assert_eq!(Amount::MAX.times(3), Amount::MAX);
    }
}
