//! What labels and options made of the policy, in the status comment.

use super::text::code;
use adjutant_domain::directive::Directive;

/// More than these are not told one by one.
const MOST: usize = 10;

/// What is stricter than the policy, and which wishes do not count; empty where nobody wished anything.
pub(super) fn wishes(directive: &Directive) -> String {
    let told = &directive.wishes;
    let mut text = String::new();
    if !told.counted.is_empty() {
        text = format!("Stricter than the policy: {}.", told.counted.join("; "));
    }
    if !told.ignored.is_empty() {
        let mut lines: Vec<_> =
            told.ignored.iter().take(MOST).map(|wish| format!("- {}: {}", code(&wish.shown), wish.why)).collect();
        if let Some(more) = told.ignored.len().checked_sub(MOST).filter(|more| *more > 0) {
            lines.push(format!("- … and {more} more"));
        }
        text = format!("{text}\n\nOptions that do not count:\n\n{}", lines.join("\n"));
    }
    text.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use adjutant_domain::policy::options::{Ignored, Wishes};

    #[test]
    fn who_wished_nothing_is_told_nothing() {
        assert_eq!(wishes(&fixture::planning()), "");
    }

    #[test]
    fn what_others_wrote_is_shown_as_code_and_not_without_end() {
        let ignored = |shown: String| Ignored { shown, why: "it is no option, written `option: value`".to_owned() };
        let attack = "`@maintainer` fixes #1 <!-- | \n## x".to_owned();
        let ignored = std::iter::once(attack).chain((0..20).map(|at| format!("x{at}"))).map(ignored).collect();
        let mut directive = fixture::planning();
        directive.wishes = Wishes { ignored, ..Wishes::default() };
        let told = wishes(&directive);
        assert!(told.lines().nth(2).unwrap().starts_with("- `'@"), "{told}");
        assert!(!told.contains("fixes #1") && !told.contains("\n## x"), "{told}");
        assert!(told.ends_with("- … and 11 more") && told.lines().count() == 2 + MOST + 1, "{told}");
    }
}
