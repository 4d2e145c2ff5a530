//! What labels and options made of the policy, in the status comment.

use super::text::code;
use adjutant_domain::directive::Directive;

/// More than these are not told one by one.
const MOST: usize = 10;

/// What is stricter than the policy, and which policy overrides do not count; empty where nobody overridden anything.
pub(super) fn overrides(directive: &Directive) -> String {
    let told = &directive.overrides;
    let mut text = String::new();
    if !told.counted.is_empty() {
        text = format!("Stricter than the policy: {}.", told.counted.join("; "));
    }
    if !told.ignored.is_empty() {
        let mut lines: Vec<_> = told
            .ignored
            .iter()
            .take(MOST)
            .map(|policy_override| format!("- {}: {}", code(&policy_override.shown), policy_override.why))
            .collect();
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
    use adjutant_domain::policy::options::{IgnoredOption, PolicyOverrides};

    #[test]
    fn no_override_is_not_reported() {
        assert_eq!(overrides(&fixture::planning()), "");
    }

    #[test]
    fn what_others_wrote_is_shown_as_code_and_not_without_end() {
        let ignored =
            |shown: String| IgnoredOption { shown, why: "it is no option, written `option: value`".to_owned() };
        let attack = "`@maintainer` fixes #1 <!-- | \n## x".to_owned();
        let ignored = std::iter::once(attack).chain((0..20).map(|at| format!("x{at}"))).map(ignored).collect();
        let mut directive = fixture::planning();
        directive.overrides = PolicyOverrides { ignored, ..PolicyOverrides::default() };
        let told = overrides(&directive);
        assert!(told.lines().nth(2).unwrap().starts_with("- `'@"), "{told}");
        assert!(!told.contains("fixes #1") && !told.contains("\n## x"), "{told}");
        assert!(told.ends_with("- … and 11 more") && told.lines().count() == 2 + MOST + 1, "{told}");
    }
}
