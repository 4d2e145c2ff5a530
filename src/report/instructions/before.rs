//! What became of the directive that an issue had before, for the planner of the next one.

use super::quoted;
use crate::report::cause;
use adjutant_domain::directive::Directive;
use adjutant_domain::text::truncate;

/// The longest sentence that is kept of others' words, in bytes.
const SENTENCE: usize = 500;

/// How it ended, and what its steps left.
pub fn outcome(before: &Directive) -> String {
    let mut sections = vec![format!(
        "# Directive {} of issue {}: {}",
        before.ordinal,
        before.issue,
        if before.state.failure().is_some() { "ended without its goal" } else { "completed" }
    )];
    if let Some(failure) = before.state.failure().map(cause::directive) {
        sections.push(format!("Why it ended:\n\n{}", quoted(truncate(&failure, SENTENCE))));
    }
    let steps: Vec<String> = before
        .steps
        .iter()
        .map(|step| {
            let said = step.state.cause().map(cause::words).or_else(|| step.summary.clone()).unwrap_or_default();
            let line =
                format!("- {} ({}), {}: {}", step.name, step.kind.as_str(), step.status(), truncate(&said, SENTENCE));
            line.replace('\n', " ")
        })
        .collect();
    if !steps.is_empty() {
        let branches = before.branch_prefix();
        sections.push(format!(
            "Its steps, whose branches below `{branches}/` may still be there; only what was merged into {} is in your tree:\n\n{}",
            before.base.branch,
            quoted(&steps.join("\n"))
        ));
    }
    sections.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_planner_is_told_how_the_directive_before_ended() {
        let mut before = fixture::directive();
        before.state = fixture::failed("stopped by maintainer: `/stop`\n# Not a heading");
        let told = outcome(&before);
        assert!(
            told.starts_with("# Directive 1 of issue 7: ended without its goal\n\nWhy it ended:\n\n> stopped by"),
            "{told}"
        );
        assert!(told.contains("\n> # Not a heading") && told.contains("\n> - parse (implement), passed: "), "{told}");
        assert!(outcome(&fixture::completed()).starts_with("# Directive 1 of issue 7: completed"));
    }
}
