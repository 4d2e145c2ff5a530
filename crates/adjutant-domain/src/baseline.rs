//! The baseline: how the verifiers fare on the base commit, before anything is planned or paid.
//!
//! A verifier that cannot be run there, or fails there, says nothing about a change. People are asked about it once, for
//! the whole directive, and the change is not held against it.

use serde::{Deserialize, Serialize};

use super::evaluation::{Verdict, VerifierResult};
use super::failure::Failure;
use super::step::VerifierProgress;

/// The baseline of a directive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Where it stands.
    pub state: BaselineState,
    /// How often it was asked for.
    pub round: u32,
    /// What was found; nothing before it is known.
    pub report: BaselineReport,
    /// Whether its verifiers are at work.
    #[serde(default)]
    pub progress: VerifierProgress,
}

/// Where a baseline stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineState {
    /// It is not known yet, and nobody works on it.
    Missing,
    /// The verifiers run on the base commit.
    Running,
    /// A person is asked about what was found.
    Asked,
    /// Nothing stands against planning. A directive of before there were baselines has one of nothing.
    #[default]
    Settled,
}

/// What was found on the base commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineReport {
    /// The commands that install what the verifiers need.
    pub setup: Vec<String>,
    /// Why the environment could not be prepared, or the verifiers not be run at all.
    pub fault: Option<BaselineFault>,
    /// Every verifier, in the order in which they run.
    pub verifiers: Vec<BaseVerifier>,
    /// The folders with projects that detection left out, because there are too many.
    pub left_out: Vec<String>,
    /// The file that the setup was read from, where it is one that describes a setup for another tool.
    #[serde(default)]
    pub setup_source: Option<SetupSource>,
    /// The workflows that do not run for the pull requests of steps, where the repository's own CI is a verifier.
    #[serde(default)]
    pub ci_left_out: Vec<String>,
}

/// A file that describes a setup for another tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupSource {
    /// Its path.
    pub path: String,
    /// What it wants and is not done, each as a few words of Markdown.
    pub skipped: Vec<String>,
}

/// Why nothing could be prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum BaselineFault {
    /// A command of the setup failed; `how` is the end of a sentence, `tail` the last lines of its output.
    Setup { command: String, how: String, tail: String },
    /// Something outside could not be done.
    Failure(Failure),
}

/// One verifier on the base commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseVerifier {
    /// Its name.
    pub name: String,
    /// Its command.
    pub run: String,
    /// The files that it was detected by, as the end of "because of"; none where the policy names it.
    pub why: Option<String>,
    /// How it fared.
    pub outcome: BaseOutcome,
}

/// How a verifier fared on the base commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold")]
pub enum BaseOutcome {
    /// It passed, in so many milliseconds.
    Passed { ms: u64 },
    /// It found nothing to verify.
    Silent,
    /// It failed: in a line, and the last lines of its output.
    Failed { summary: String, tail: String },
    /// It gave no answer.
    NotRun { reason: String },
}

impl Baseline {
    /// The baseline of a directive that was just opened.
    pub fn missing() -> Self {
        Self { state: BaselineState::Missing, ..Self::default() }
    }

    /// A result at a head, as it counts for the change: what failed before it too is no fault of it.
    pub fn weigh(&self, result: VerifierResult) -> VerifierResult {
        if result.verdict != Verdict::Fail || !self.failed_before(&result.name) {
            return result;
        }
        VerifierResult { verdict: Verdict::Neutral, failed_before: true, ..result }
    }

    /// Whether a verifier failed or could not be run on the base commit, and a person knows of it.
    pub fn failed_before(&self, verifier: &str) -> bool {
        let found = self.report.verifiers.iter().find(|found| found.name == verifier);
        self.state == BaselineState::Settled && found.is_some_and(|found| found.outcome.is_fault())
    }

    /// Whether a verifier passed on the base commit.
    pub fn passed_before(&self, verifier: &str) -> bool {
        let passed = |found: &&BaseVerifier| matches!(found.outcome, BaseOutcome::Passed { .. });
        self.report.verifiers.iter().filter(passed).any(|found| found.name == verifier)
    }

    /// Whether a verifier could not be run on the base commit, and a person knows of it.
    pub fn not_run_before(&self, verifier: &str) -> bool {
        let found = self.report.verifiers.iter().find(|found| found.name == verifier);
        self.failed_before(verifier) && found.is_some_and(|found| matches!(found.outcome, BaseOutcome::NotRun { .. }))
    }

    /// Whether the environment could not be prepared on the base commit, and a person knows of it.
    pub fn has_no_environment(&self) -> bool {
        self.state == BaselineState::Settled && matches!(self.report.fault, Some(BaselineFault::Setup { .. }))
    }
}

impl BaselineReport {
    /// Whether a person has to know before work begins. An environment that could not be prepared does not matter where
    /// every verifier passed without it.
    pub fn is_sound(&self) -> bool {
        let passed = self.verifiers.iter().all(|verifier| !verifier.outcome.is_fault());
        passed && (self.fault.is_none() || !self.verifiers.is_empty())
    }
}

impl BaseOutcome {
    /// Whether it says nothing about a change.
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::NotRun { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::TestCounts;
    use crate::network::NetworkReport;

    fn baseline(outcome: BaseOutcome) -> Baseline {
        let verifier = BaseVerifier { name: "test".to_owned(), run: "make".to_owned(), why: None, outcome };
        let report = BaselineReport { verifiers: vec![verifier], ..BaselineReport::default() };
        Baseline { state: BaselineState::Settled, round: 1, report, ..Baseline::default() }
    }

    fn result(verdict: Verdict) -> VerifierResult {
        VerifierResult {
            name: "test".to_owned(),
            required: true,
            weight: 1.0,
            verdict,
            summary: String::new(),
            tail: String::new(),
            duration_ms: 0,
            counts: TestCounts::default(),
            failing: Vec::new(),
            failed_before: false,
            network: NetworkReport::default(),
            subject: None,
            flaky: false,
            pages: Vec::new(),
        }
    }

    #[test]
    fn what_failed_before_too_is_neutral_and_what_the_change_mended_passes() {
        let failed = BaseOutcome::Failed { summary: "1 failed".to_owned(), tail: String::new() };
        let before = baseline(failed.clone());
        assert_eq!(before.weigh(result(Verdict::Fail)).verdict, Verdict::Neutral);
        assert!(before.weigh(result(Verdict::Fail)).failed_before);
        assert_eq!(before.weigh(result(Verdict::Pass)).verdict, Verdict::Pass);
        let sound = baseline(BaseOutcome::Passed { ms: 1 });
        assert_eq!(sound.weigh(result(Verdict::Fail)).verdict, Verdict::Fail);
        let unanswered = Baseline { state: BaselineState::Asked, ..baseline(failed) };
        assert_eq!(unanswered.weigh(result(Verdict::Fail)).verdict, Verdict::Fail, "nobody has accepted that yet");
    }

    #[test]
    fn a_failed_setup_matters_only_where_a_verifier_needed_it() {
        let fault =
            Some(BaselineFault::Setup { command: "npm ci".to_owned(), how: "failed".to_owned(), tail: String::new() });
        let with = |outcome| BaselineReport { fault: fault.clone(), ..baseline(outcome).report };
        assert!(with(BaseOutcome::Passed { ms: 1 }).is_sound());
        assert!(!with(BaseOutcome::NotRun { reason: "mocha: not found".to_owned() }).is_sound());
        assert!(BaselineReport::default().is_sound(), "there may be nothing to verify");
        let nothing = BaselineReport { fault, ..BaselineReport::default() };
        assert!(!nothing.is_sound());
    }
}
