//! What labels and options made of the policy, in the status comment.

use super::text::code;
use crate::domain::directive::Directive;

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
