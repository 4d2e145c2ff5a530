//! How large.

use std::fmt;
use std::str::FromStr;

use crate::triple::three;
use crate::{Length, ParseError};

/// What a widget measures along its three sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dimension {
    sides: [Length; 3],
}

impl Dimension {
    pub fn vol(&self) -> u64 {
        self.sides.iter().map(|side| u64::from(side.millimetres())).product()
    }
}

impl FromStr for Dimension {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (sizes, unit) = text
            .split_once(' ')
            .ok_or_else(|| ParseError::new(text, "sizes and a unit, such as `20x30x5 mm`"))?;
        let [a, b, c] = three(sizes)?;
        let read = |number| Length::read(number, unit);
        Ok(Self { sides: [read(a)?, read(b)?, read(c)?] })
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.sides;
        write!(f, "{a}x{b}x{c} mm")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_has_a_volume() {
        let dimension: Dimension = "20x30x5 mm".parse().unwrap();
        assert_eq!(dimension.vol(), 3000);
    }
}
