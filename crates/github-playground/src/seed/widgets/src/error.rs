//! Why a text could not be read.

use std::error::Error;
use std::fmt;

/// Says what was found and what was expected instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    found: String,
    expected: &'static str,
}

impl ParseError {
    /// An error for `found` where `expected` (a phrase such as "a number") should have been.
    pub fn new(found: &str, expected: &'static str) -> Self {
        Self {
            found: found.to_owned(),
            expected,
        }
    }

    /// The text that could not be read.
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found `{}`", self.expected, self.found)
    }
}

impl Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_was_expected_and_found() {
        let error = ParseError::new("many", "a number");
        assert_eq!(error.to_string(), "expected a number, found `many`");
        assert_eq!(error.found(), "many");
    }
}
