//! How many.

use std::fmt;
use std::str::FromStr;

use crate::ParseError;

/// A number of widgets, counted in pieces whatever the slip counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u32);

/// What a slip may count in, and how many pieces each is.
const UNITS: [(&str, u32); 4] = [("pcs", 1), ("pair", 2), ("dozen", 12), ("gross", 144)];

impl Quantity {
    /// A quantity of this many pieces.
    pub fn from_pieces(pieces: u32) -> Self {
        Self(pieces)
    }

    /// How many pieces it is.
    pub fn pieces(self) -> u32 {
        self.0
    }

    /// Both together, or `None` where no slip could hold the sum.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl FromStr for Quantity {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let shape = || ParseError::new(text, "a number and a unit, such as `12 pcs`");
        let (number, unit) = text.split_once(' ').ok_or_else(shape)?;
        let number: u32 = number
            .parse()
            .map_err(|_| ParseError::new(number, "a number"))?;
        let unit = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| ParseError::new(unit, "pcs, pair, dozen or gross"))?;
        let pieces = number.checked_mul(unit.1);
        pieces
            .map(Self)
            .ok_or_else(|| ParseError::new(text, "fewer than 4294967296 pieces"))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pcs", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_counted_in_pieces() {
        for (text, pieces) in [
            ("7 pcs", 7),
            ("2 pair", 4),
            ("3 dozen", 36),
            ("1 gross", 144),
        ] {
            assert_eq!(text.parse(), Ok(Quantity::from_pieces(pieces)), "{text}");
        }
    }

    #[test]
    fn a_quantity_reads_back_what_it_prints() {
        let quantity = Quantity::from_pieces(36);
        assert_eq!(quantity.to_string().parse(), Ok(quantity));
    }

    #[test]
    fn an_error_names_the_part_that_is_wrong() {
        let error = |text: &str| text.parse::<Quantity>().unwrap_err().found().to_owned();
        assert_eq!(error("12"), "12");
        assert_eq!(error("some pcs"), "some");
        assert_eq!(error("12 boxes"), "boxes");
        assert_eq!(error("4294967295 gross"), "4294967295 gross");
    }

    #[test]
    fn a_sum_that_is_too_large_is_none() {
        let most = Quantity::from_pieces(u32::MAX);
        assert_eq!(most.checked_add(Quantity::from_pieces(1)), None);
    }
}
