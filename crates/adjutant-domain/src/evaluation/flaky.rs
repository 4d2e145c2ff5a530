//! Flaky verifiers: those that failed and passed on one and the same commit.
//!
//! Two runs of the same command on the same commit in the same setup should end the same. Where they do not, neither says
//! much of the change: such a verifier counts as passed with half its weight, and a required one keeps the work from green.
//! The order does not matter. So nobody gets to green by running a verifier until it passes, and no agent is paid to mend
//! a failure that is gone when it looks.
//!
//! A step remembers how the verifiers ended on the newest commit that was verified. A run whose result was never told, as its
//! process was killed, is none.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Verdict, VerifierResult};
use crate::ids::Digest;

/// How verifiers ended before on what was verified last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRuns {
    /// What passed at least once.
    passed: BTreeSet<Digest>,
    /// What failed at least once.
    failed: BTreeSet<Digest>,
}

impl PastRuns {
    /// Whether nothing was verified yet.
    pub fn is_empty(&self) -> bool {
        self.passed.is_empty() && self.failed.is_empty()
    }

    /// Whether the same was run before and ended with an answer.
    pub fn knows(&self, subject: &Digest) -> bool {
        self.passed.contains(subject) || self.failed.contains(subject)
    }

    /// A result as it counts: flaky where the same ended otherwise before.
    pub fn weigh(&self, result: VerifierResult) -> VerifierResult {
        let Some(subject) = &result.subject else { return result };
        let contradicts = match result.verdict {
            Verdict::Pass => self.failed.contains(subject),
            Verdict::Fail => self.passed.contains(subject),
            Verdict::Neutral => false,
        };
        if contradicts { result.into_flaky() } else { result }
    }

    /// Remembers how a verification ended. What was verified before it, of another commit, is forgotten.
    pub fn remember(&mut self, results: &[VerifierResult]) {
        let subjects: BTreeSet<&Digest> = results.iter().filter_map(|result| result.subject.as_ref()).collect();
        if subjects.is_empty() {
            return;
        }
        self.passed.retain(|subject| subjects.contains(subject));
        self.failed.retain(|subject| subjects.contains(subject));
        for result in results {
            let Some(subject) = &result.subject else { continue };
            if result.flaky || result.verdict == Verdict::Pass {
                self.passed.insert(subject.clone());
            }
            if result.flaky || result.verdict == Verdict::Fail {
                self.failed.insert(subject.clone());
            }
        }
    }
}

impl VerifierResult {
    /// The same of a verifier that also ended otherwise on this commit.
    #[must_use]
    pub fn into_flaky(self) -> Self {
        Self { flaky: true, verdict: Verdict::Pass, ..self }
    }

    /// What it weighs in the mean.
    pub fn counted_weight(&self) -> f64 {
        if self.flaky { self.weight / 2.0 } else { self.weight }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::TestCounts;
    use crate::network::NetworkReport;

    fn result(subject: &str, verdict: Verdict) -> VerifierResult {
        VerifierResult {
            name: "test".to_owned(),
            required: true,
            weight: 1.0,
            verdict,
            summary: String::new(),
            tail: String::new(),
            duration_ms: 0,
            failed_before: false,
            counts: TestCounts::default(),
            failing: Vec::new(),
            network: NetworkReport::default(),
            subject: Some(Digest::of(subject)),
            flaky: false,
            pages: Vec::new(),
        }
    }

    #[test]
    fn failed_and_passed_is_flaky_in_either_order_and_stays_so() {
        for (first, second) in [(Verdict::Fail, Verdict::Pass), (Verdict::Pass, Verdict::Fail)] {
            let mut past = PastRuns::default();
            past.remember(&[past.weigh(result("a", first))]);
            let again = past.weigh(result("a", second));
            assert!(again.flaky && again.verdict == Verdict::Pass, "{first:?} {second:?}");
            past.remember(&[again]);
            assert!(past.weigh(result("a", first)).flaky && past.weigh(result("a", second)).flaky);
        }
    }

    #[test]
    fn what_ends_the_same_is_not_flaky_and_neither_is_another_commit() {
        let mut past = PastRuns::default();
        past.remember(&[result("a", Verdict::Fail)]);
        assert_eq!(past.weigh(result("a", Verdict::Fail)).verdict, Verdict::Fail);
        assert!(!past.weigh(result("a", Verdict::Neutral)).flaky);
        assert!(!past.weigh(result("b", Verdict::Pass)).flaky);
        past.remember(&[result("b", Verdict::Pass)]);
        assert!(!past.knows(&Digest::of("a")), "only the newest commit is remembered");
        past.remember(&[VerifierResult { subject: None, ..result("", Verdict::Fail) }]);
        assert!(past.knows(&Digest::of("b")), "what was no run of a verifier forgets nothing");
    }
}
