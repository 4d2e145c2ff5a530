//! The lines of an order.

use std::fmt;
use std::str::FromStr;

use crate::{Name, ParseError, Quantity};

/// One line of an order: how many of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How many.
    pub quantity: Quantity,
    /// Of what.
    pub name: Name,
}

impl FromStr for Line {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (quantity, name) = text
            .split_once(" of ")
            .ok_or_else(|| ParseError::new(text, "a line such as `12 pcs of flange-bracket`"))?;
        Ok(Self {
            quantity: quantity.parse()?,
            name: name.parse()?,
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.quantity, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_quantity_and_a_name() {
        let line: Line = "3 dozen of flange-bracket".parse().unwrap();
        assert_eq!(line.quantity.pieces(), 36);
        assert_eq!(line.name.as_str(), "flange-bracket");
    }

    #[test]
    fn a_line_without_of_is_refused() {
        assert!("3 dozen flange-bracket".parse::<Line>().is_err());
    }
}
