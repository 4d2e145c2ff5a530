//! What a change did to the tests, test by test, where the runner's output names them.

use super::{MOST_TESTS, Outcome, TestStatus};

/// The runs that are compared.
#[derive(Debug, Clone, Copy)]
pub struct Runs<'a> {
    /// The base's tests over the base's code.
    pub base: &'a Outcome,
    /// The head's tests over the base's code: what a new test says before the change.
    pub before: &'a Outcome,
    /// The head's tests over the head's code.
    pub head: &'a Outcome,
}

/// What a change did to the tests, by their names, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// New tests that fail without the change and pass with it.
    pub proving: Vec<String>,
    /// New tests that pass without the change, too. They say nothing about it.
    pub idle: Vec<String>,
    /// Tests of the base that the head does not name.
    pub vanished: Vec<String>,
    /// Tests that ran on the base and are skipped on the head.
    pub newly_skipped: Vec<String>,
}

/// Compares the runs. `None` where the output does not name every test: a runner that names only failures, or more tests
/// than are kept.
pub fn compare(runs: Runs<'_>) -> Option<Comparison> {
    let Runs { base, before, head } = runs;
    (names_all(base) && names_all(head)).then_some(())?;
    let of = |outcome: &Outcome, test: &str| outcome.tests.get(test).copied();
    let mut comparison = Comparison::default();
    for (test, status) in &head.tests {
        match (of(base, test), *status) {
            (None, TestStatus::Passed) if of(before, test) == Some(TestStatus::Passed) => {
                comparison.idle.push(test.clone());
            }
            // What is not named before did not come to run there: the base's code does not compile with it.
            (None, TestStatus::Passed) => comparison.proving.push(test.clone()),
            (Some(TestStatus::Passed | TestStatus::Failed), TestStatus::Skipped) => {
                comparison.newly_skipped.push(test.clone());
            }
            _ => {}
        }
    }
    let vanished = base.tests.keys().filter(|test| !head.tests.contains_key(*test));
    comparison.vanished = vanished.cloned().collect();
    Some(comparison)
}

/// Whether the outcome names as many tests as it counts.
fn names_all(outcome: &Outcome) -> bool {
    let named = |status| outcome.tests.values().filter(|named| **named == status).count();
    let passed = outcome.passed.unwrap_or(0) as usize;
    let is_bounded = outcome.tests.len() < MOST_TESTS;
    is_bounded && (!outcome.tests.is_empty() || passed == 0) && named(TestStatus::Passed) >= passed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn outcome(tests: &[(&str, TestStatus)]) -> Outcome {
        let tests: BTreeMap<_, _> = tests.iter().map(|(name, status)| ((*name).to_owned(), *status)).collect();
        let passed = tests.values().filter(|status| **status == TestStatus::Passed).count();
        Outcome { passed: u32::try_from(passed).ok(), tests, ..Outcome::default() }
    }

    #[test]
    fn what_a_change_did_to_the_tests_is_named() {
        use TestStatus::{Failed, Passed, Skipped};
        let base = outcome(&[("kept", Passed), ("deleted", Passed), ("silenced", Passed), ("off", Skipped)]);
        let before = outcome(&[("kept", Passed), ("proves", Failed), ("idle", Passed)]);
        let head = outcome(&[
            ("kept", Passed),
            ("proves", Passed),
            ("needs_new_code", Passed),
            ("idle", Passed),
            ("silenced", Skipped),
            ("off", Skipped),
            ("new_and_red", Failed),
        ]);
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let wanted = Comparison {
            proving: named(&["needs_new_code", "proves"]),
            idle: named(&["idle"]),
            vanished: named(&["deleted"]),
            newly_skipped: named(&["silenced"]),
        };
        assert_eq!(compare(Runs { base: &base, before: &before, head: &head }), Some(wanted));
        let same = Runs { base: &base, before: &base, head: &base };
        assert_eq!(compare(same), Some(Comparison::default()));
    }

    #[test]
    fn a_runner_that_names_only_failures_cannot_be_compared() {
        let silent = Outcome { passed: Some(12), ..Outcome::default() };
        let head = outcome(&[("a", TestStatus::Passed)]);
        assert_eq!(compare(Runs { base: &silent, before: &head, head: &head }), None);
        assert_eq!(compare(Runs { base: &head, before: &head, head: &silent }), None);
        let many = outcome(&[]);
        let tests = (0..MOST_TESTS).map(|n| (n.to_string(), TestStatus::Passed)).collect();
        let many = Outcome { tests, ..many };
        assert_eq!(compare(Runs { base: &many, before: &many, head: &many }), None);
    }
}
