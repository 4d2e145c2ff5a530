//! How long.

use std::fmt;

use crate::ParseError;

/// A length in whole millimetres, whatever the slip measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Length(u32);

/// What a slip may measure in, and how many millimetres each is.
const UNITS: [(&str, u32); 2] = [("mm", 1), ("cm", 10)];

impl Length {
    /// Reads a number such as `20` or `0.5` in a unit.
    pub fn read(number: &str, unit: &str) -> Result<Self, ParseError> {
        let shape = || ParseError::new(number, "a number such as `20` or `0.5`");
        let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
        if tenths.len() != 1 {
            return Err(shape());
        }
        let whole: u32 = whole.parse().map_err(|_| shape())?;
        let tenths: u32 = tenths.parse().map_err(|_| shape())?;
        let unit = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| ParseError::new(unit, "mm or cm"))?;
        let tenths = whole
            .checked_mul(10)
            .and_then(|sum| sum.checked_add(tenths))
            .and_then(|sum| sum.checked_mul(unit.1))
            .ok_or_else(|| ParseError::new(number, "a length that fits on a slip"))?;
        if tenths % 10 != 0 {
            return Err(ParseError::new(number, "whole millimetres"));
        }
        Ok(Self(tenths / 10))
    }

    /// How many millimetres it is.
    pub fn millimetres(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_measured_in_millimetres() {
        for (number, unit, millimetres) in [("20", "mm", 20), ("2", "cm", 20), ("0.5", "cm", 5)] {
            let length = Length::read(number, unit).unwrap();
            assert_eq!(length.millimetres(), millimetres, "{number} {unit}");
        }
    }

    #[test]
    fn less_than_a_millimetre_is_refused() {
        assert_eq!(Length::read("0.5", "mm").unwrap_err().found(), "0.5");
    }
}
