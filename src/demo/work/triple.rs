//! Three of a kind.

use crate::ParseError;

pub fn three(text: &str) -> Result<[&str; 3], ParseError> {
    let parts: Vec<&str> = text.split('x').collect();
    <[&str; 3]>::try_from(parts).map_err(|_| ParseError::new(text, "three sizes such as `20x30x5`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_sizes_are_parsed() {
        assert_eq!(three("20x30x5"), Ok(["20", "30", "5"]));
        assert!(three("20x30").is_err());
        assert!(three("1x2x3x4").is_err());
    }
}
