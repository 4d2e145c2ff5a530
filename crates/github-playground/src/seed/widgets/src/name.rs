//! The names of widgets.

use std::fmt;
use std::str::FromStr;

use crate::ParseError;

/// A widget's name: lower-case words joined by hyphens, such as `flange-bracket`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The longest name that fits on a slip, in characters.
    pub const MAX_LENGTH: usize = 40;

    /// The name as it stands on the slip.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The words of the name, in order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split('-')
    }

    /// The name for a heading: `Flange bracket`.
    pub fn title(&self) -> String {
        let text = self.0.replace('-', " ");
        match text.split_at_checked(1) {
            Some((first, rest)) => first.to_uppercase() + rest,
            None => text,
        }
    }
}

impl FromStr for Name {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if text.len() > Self::MAX_LENGTH {
            return Err(ParseError::new(text, "a name of at most 40 characters"));
        }
        if !text.split('-').all(is_word) {
            return Err(ParseError::new(text, "a name such as `flange-bracket`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_words_and_a_title() {
        let name: Name = "m8-flange-bracket".parse().unwrap();
        assert_eq!(
            name.words().collect::<Vec<_>>(),
            ["m8", "flange", "bracket"]
        );
        assert_eq!(name.title(), "M8 flange bracket");
        assert_eq!(name.to_string(), "m8-flange-bracket");
    }

    #[test]
    fn an_invalid_name_is_refused() {
        for text in [
            "",
            "-",
            "Flange",
            "flange--bracket",
            "8-flange",
            "flange bracket",
            "é",
        ] {
            assert!(text.parse::<Name>().is_err(), "{text:?} was read as a name");
        }
        assert!("x".repeat(Name::MAX_LENGTH).parse::<Name>().is_ok());
        assert!("x".repeat(Name::MAX_LENGTH + 1).parse::<Name>().is_err());
    }
}
