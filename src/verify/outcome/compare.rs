//! What a change did to the tests, test by test, where the runner's output names them.

use super::{MOST_TESTS, Outcome, TestStatus};

/// The most tests that a sentence names.
const MOST_NAMED: usize = 10;
/// The most characters of a test's name.
const LONGEST_NAME: usize = 120;

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

impl Comparison {
    /// Adds what another verifier's runs say.
    pub fn add(&mut self, other: Self) {
        self.proving.extend(other.proving);
        self.idle.extend(other.idle);
        self.vanished.extend(other.vanished);
        self.newly_skipped.extend(other.newly_skipped);
    }

    /// Whether there are new tests, and each of them passes without the change.
    pub fn proves_nothing(&self) -> bool {
        self.proving.is_empty() && !self.idle.is_empty()
    }
}

/// What is said of tests that the change took away, a sentence each.
pub fn lost(compared: &Comparison) -> Vec<String> {
    let told = [(&compared.vanished, "are gone"), (&compared.newly_skipped, "are skipped now")];
    let told = told.into_iter().filter(|(tests, _)| !tests.is_empty());
    told.map(|(tests, what)| format!("Tests that ran before the change {what}: {}", listed(tests))).collect()
}

/// What is said where the change's tests pass without it.
pub fn idle(compared: &Comparison) -> String {
    let names = if compared.idle.is_empty() { String::new() } else { format!(" ({})", listed(&compared.idle)) };
    format!("The tests of the change pass without the rest of the change, too: they do not show that it works{names}")
}

fn listed(tests: &[String]) -> String {
    let named: Vec<String> = tests.iter().take(MOST_NAMED).map(|test| format!("`{}`", plain(test))).collect();
    let more = tests.len().saturating_sub(MOST_NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", named.join(", "))
}

/// A name from a log, as one line of code in Markdown.
fn plain(test: &str) -> String {
    test.chars().filter(|c| !c.is_control() && *c != '`').take(LONGEST_NAME).collect()
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

    #[test]
    fn what_was_lost_and_what_proves_nothing_is_said_with_names_that_cannot_format_anything() {
        let tests: Vec<String> = (0..12).map(|number| format!("t`{number}\n")).collect();
        let compared = Comparison { vanished: tests, idle: vec!["idle".to_owned()], ..Comparison::default() };
        let lost = lost(&compared);
        assert_eq!(lost.len(), 1);
        assert!(lost[0].starts_with("Tests that ran before the change are gone: `t0`, `t1`"), "{lost:?}");
        assert!(lost[0].ends_with("`t9` and 2 more"), "{lost:?}");
        assert!(compared.proves_nothing() && idle(&compared).ends_with(" (`idle`)"));
        let proving = Comparison { proving: vec!["new".to_owned()], ..compared };
        assert!(!proving.proves_nothing());
        assert!(!idle(&Comparison::default()).contains('('));
    }
}
