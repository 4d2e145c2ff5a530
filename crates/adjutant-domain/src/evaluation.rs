//! Evaluations: what the verifiers found at one commit, and how sure that makes us.

use serde::{Deserialize, Serialize};

use super::ids::{Digest, Sha};
use super::network::NetworkReport;
use super::policy::Thresholds;
use super::step::{Finding, FindingKind};

mod flaky;
mod judgement;
mod reason;

pub use flaky::PastRuns;
pub use judgement::{
    CriterionJudgement, CriterionVerdict, Evidence, EvidenceFault, EvidencePlace, Judgement, NotJudged,
};
pub use reason::EvaluationReason;

/// All verifiers on one head. Void on the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The commit (or the report's hash) that was verified.
    pub head: Sha,
    /// Green, yellow or red.
    pub confidence: Confidence,
    /// Weighted mean of the scores, 0..=1; none where nothing was verified.
    pub score: Option<f64>,
    /// What commands and rules found.
    pub results: Vec<VerifierResult>,
    /// What a model as judge found.
    pub judgement: Option<Judgement>,
    /// Why it is no better than it is.
    pub reasons: Vec<EvaluationReason>,
}

/// How sure the verification makes us, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// It does not work.
    Red,
    /// It may work: a person should look.
    Yellow,
    /// It works.
    Green,
}

impl Confidence {
    /// The word in the database and on GitHub.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Yellow => "yellow",
            Self::Green => "green",
        }
    }
}

/// What one verifier found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifierResult {
    /// Its name.
    pub name: String,
    /// Whether its failure is red whatever the mean.
    pub required: bool,
    /// Its share in the weighted mean.
    pub weight: f64,
    /// What it found.
    pub verdict: Verdict,
    /// One line for a table.
    pub summary: String,
    /// The last lines of its output.
    pub tail: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Whether it failed on the base commit too, so that its failure is none of the change.
    #[serde(default)]
    pub failed_before: bool,
    /// How many tests it counted, if its output says so.
    #[serde(default)]
    pub counts: TestCounts,
    /// The names of tests that failed, if its output says so; not all where they are many.
    #[serde(default)]
    pub failing: Vec<String>,
    /// What it was not let through to.
    #[serde(default, skip_serializing_if = "NetworkReport::is_empty")]
    pub network: NetworkReport,
    /// What was run on what: the same command in the same setup on the same commit has the same. `None` for what
    /// Adjutant did not run as a verifier.
    #[serde(default)]
    pub subject: Option<Digest>,
    /// Whether it failed and passed on this commit. Its verdict is then a pass that counts half.
    #[serde(default)]
    pub flaky: bool,
    /// Pages of others on which more can be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<Page>,
}

/// A page of somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// What it is about, in words of others.
    pub name: String,
    /// Its address as it was told, which may be anything.
    pub url: String,
}

/// How many tests ended how. Many programs do not count all three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCounts {
    /// `None` where it is not known.
    pub passed: Option<u32>,
    /// `None` where it is not known.
    pub failed: Option<u32>,
    /// `None` where it is not known.
    pub skipped: Option<u32>,
}

/// What a verifier found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It does not apply; left out of the mean.
    Neutral,
}

impl Evaluation {
    /// Judges what the verifiers found at `head`.
    ///
    /// A failed required verifier is red whatever the mean; nothing verified, a required verifier without an answer,
    /// weakened verification and protected paths are at most yellow.
    pub fn of(head: Sha, results: Vec<VerifierResult>, findings: &[Finding], thresholds: Thresholds) -> Self {
        let mut reasons = Vec::new();
        let score = weighted_mean(scores(&results));
        let mut confidence = score.map_or(Confidence::Yellow, |score| grade(score, thresholds));
        if score.is_none() {
            reasons.push(EvaluationReason::NothingVerified);
        }
        for failed in results.iter().filter(|result| result.verdict == Verdict::Fail) {
            let (verifier, required) = (failed.name.clone(), failed.required);
            reasons.push(EvaluationReason::VerifierFailed { verifier, required });
            if failed.required {
                confidence = Confidence::Red;
            }
        }
        // It is the code under test that makes a test run end as if there were none.
        let silent = |result: &&VerifierResult| result.required && result.verdict == Verdict::Neutral;
        for silent in results.iter().filter(silent) {
            confidence = confidence.min(Confidence::Yellow);
            let verifier = silent.name.clone();
            reasons.push(if silent.failed_before {
                EvaluationReason::FailedBefore { verifier }
            } else {
                EvaluationReason::VerifierSilent { verifier }
            });
        }
        for flaky in results.iter().filter(|result| result.flaky) {
            let (verifier, required) = (flaky.name.clone(), flaky.required);
            reasons.push(EvaluationReason::Flaky { verifier, required });
            if required {
                confidence = confidence.min(Confidence::Yellow);
            }
        }
        for finding in findings {
            confidence = confidence.min(Confidence::Yellow);
            reasons.push(EvaluationReason::Finding { text: finding.text.clone() });
        }
        Self { head, confidence, score, results, judgement: None, reasons }
    }

    /// The same with what a judge found, who was asked about the criteria `covered`: it can lower, never lift.
    #[must_use]
    pub fn judged(mut self, judgement: Judgement, covered: &[String], thresholds: Thresholds) -> Self {
        let judge = judgement.score.map(|score| (score, judgement.weight));
        let with_judge = weighted_mean(scores(&self.results).chain(judge));
        let graded = with_judge.map_or(Confidence::Yellow, |score| grade(score, thresholds));
        if graded < self.confidence {
            self.at_most(graded, EvaluationReason::JudgeUnconvinced);
        }
        for unmet in judgement.criteria.iter().filter(|judged| !judged.met) {
            self.at_most(Confidence::Yellow, unmet_reason(unmet));
        }
        self.left_open(&judgement, covered);
        self.score = match (self.score, with_judge) {
            (Some(without), Some(with)) => Some(without.min(with)),
            (without, with) => without.or(with),
        };
        Self { judgement: Some(judgement), ..self }
    }

    /// A report, which no command can verify: at most yellow until a judge has read it. What only claims that the work
    /// was there already (`claims`) stays so.
    pub fn of_report(head: Sha, claims: Vec<EvaluationReason>) -> Self {
        let reasons = claims.into_iter().chain([EvaluationReason::ReportNotJudged]).collect();
        Self { head, confidence: Confidence::Yellow, score: None, results: Vec::new(), judgement: None, reasons }
    }

    /// The same report with what a judge found: red where a criterion that it covers is unmet, green where each is met
    /// and nothing else speaks against it. A report that covers none is judged by the score.
    #[must_use]
    pub fn judged_report(mut self, judgement: Judgement, covered: &[String], thresholds: Thresholds) -> Self {
        self.reasons.retain(|reason| *reason != EvaluationReason::ReportNotJudged);
        self.confidence = if self.reasons.is_empty() { Confidence::Green } else { Confidence::Yellow };
        if covered.is_empty() && judgement.score.is_some_and(|score| score < thresholds.green) {
            self.at_most(Confidence::Yellow, EvaluationReason::JudgeUnconvinced);
        }
        for unmet in judgement.criteria.iter().filter(|judged| !judged.met && covered.contains(&judged.id)) {
            self.at_most(Confidence::Red, unmet_reason(unmet));
        }
        self.left_open(&judgement, covered);
        Self { judgement: Some(judgement), ..self }
    }

    /// What the judge was asked about and said nothing of that counts is no reason for green.
    fn left_open(&mut self, judgement: &Judgement, covered: &[String]) {
        if covered.is_empty() && judgement.is_empty() {
            self.at_most(Confidence::Yellow, EvaluationReason::NoJudgement);
        }
        for criterion in covered {
            if let CriterionVerdict::NotJudged(why) = judgement.verdict(criterion) {
                let criterion = criterion.clone();
                self.at_most(Confidence::Yellow, EvaluationReason::CriterionNotJudged { criterion, why });
            }
        }
    }

    fn at_most(&mut self, confidence: Confidence, reason: EvaluationReason) {
        self.confidence = self.confidence.min(confidence);
        self.reasons.push(reason);
    }

    /// Whether a person must decide whatever the autonomy.
    pub fn needs_person(findings: &[Finding]) -> bool {
        findings.iter().any(|finding| finding.kind == FindingKind::Protected)
    }
}

/// The verdicts that count, each with its weight.
fn scores(results: &[VerifierResult]) -> impl Iterator<Item = (f64, f64)> {
    results.iter().filter_map(|result| {
        let score = match result.verdict {
            Verdict::Pass => 1.0,
            Verdict::Fail => 0.0,
            Verdict::Neutral => return None,
        };
        Some((score, result.counted_weight()))
    })
}

fn unmet_reason(unmet: &CriterionJudgement) -> EvaluationReason {
    EvaluationReason::CriterionUnmet { criterion: unmet.id.clone(), note: unmet.note.clone() }
}

fn grade(score: f64, thresholds: Thresholds) -> Confidence {
    if score >= thresholds.green {
        Confidence::Green
    } else if score >= thresholds.yellow {
        Confidence::Yellow
    } else {
        Confidence::Red
    }
}

fn weighted_mean(scores: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weight) = scores.fold((0.0, 0.0), |(sum, total), (score, weight)| (sum + score * weight, total + weight));
    (weight > 0.0).then(|| sum / weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(name: &str, required: bool, weight: f64, verdict: Verdict) -> VerifierResult {
        VerifierResult {
            name: name.to_owned(),
            required,
            weight,
            verdict,
            summary: String::new(),
            tail: String::new(),
            duration_ms: 0,
            failed_before: false,
            counts: TestCounts::default(),
            failing: Vec::new(),
            network: NetworkReport::default(),
            subject: None,
            flaky: false,
            pages: Vec::new(),
        }
    }

    const THRESHOLDS: Thresholds = Thresholds { green: 0.85, yellow: 0.60 };

    fn confidence(results: Vec<VerifierResult>, score: Option<f64>, findings: &[Finding]) -> Confidence {
        let evaluation = Evaluation::of(Sha::new("a"), results, findings, THRESHOLDS);
        match score.map(|score| Judgement::new(1.0, Some(score), Vec::new(), String::new())) {
            Some(judgement) => evaluation.judged(judgement, &[], THRESHOLDS).confidence,
            None => evaluation.confidence,
        }
    }

    fn says(met: bool, evidence: &[Option<EvidenceFault>]) -> Judgement {
        let place = || EvidencePlace::File("src/lib.rs".to_owned());
        let evidence =
            evidence.iter().map(|fault| Evidence { place: place(), first_line: 7, last_line: 7, fault: *fault });
        let judged = CriterionJudgement { id: "A1".to_owned(), met, note: String::new(), evidence: evidence.collect() };
        Judgement::new(1.0, None, vec![judged], String::new())
    }

    #[test]
    fn a_criterion_that_is_called_met_without_evidence_that_is_there_keeps_a_change_from_green_and_makes_it_no_worse() {
        let tested = || Evaluation::of(Sha::new("a"), vec![result("test", true, 1.0, Verdict::Pass)], &[], THRESHOLDS);
        let judged = |judgement| tested().judged(judgement, &["A1".to_owned()], THRESHOLDS);
        assert_eq!(judged(says(true, &[None])).confidence, Confidence::Green);
        for judgement in [
            says(true, &[]),
            says(true, &[None, Some(EvidenceFault::NoFile)]),
            Judgement::new(1.0, Some(1.0), Vec::new(), String::new()),
        ] {
            let evaluation = judged(judgement);
            assert_eq!((evaluation.confidence, evaluation.score), (Confidence::Yellow, Some(1.0)));
            assert!(matches!(evaluation.reasons[..], [EvaluationReason::CriterionNotJudged { .. }]), "{evaluation:?}");
        }
        let silent = Judgement::new(1.0, None, Vec::new(), String::new());
        let nothing_covered = tested().judged(silent, &[], THRESHOLDS);
        assert_eq!(nothing_covered.reasons, [EvaluationReason::NoJudgement]);
    }

    #[test]
    fn a_report_that_nobody_judged_is_yellow_and_a_judged_one_is_as_its_criteria_are() {
        let report = || Evaluation::of_report(Sha::new("a"), Vec::new());
        assert_eq!(report().confidence, Confidence::Yellow);
        let judged = |judgement, covered: &[String]| report().judged_report(judgement, covered, THRESHOLDS).confidence;
        let covered = ["A1".to_owned()];
        assert_eq!(judged(says(true, &[None]), &covered), Confidence::Green);
        assert_eq!(judged(says(true, &[]), &covered), Confidence::Yellow);
        assert_eq!(judged(says(false, &[]), &covered), Confidence::Red);
        let scored = |score| Judgement::new(1.0, score, Vec::new(), String::new());
        for (score, green) in [(Some(0.9), true), (Some(0.1), false), (None, false)] {
            assert_eq!(judged(scored(score), &[]) == Confidence::Green, green, "{score:?}");
        }
        let claims = vec![EvaluationReason::ClaimedDone { evidence: "it is there".to_owned() }];
        let claimed =
            Evaluation::of_report(Sha::new("a"), claims).judged_report(says(true, &[None]), &covered, THRESHOLDS);
        assert_eq!(claimed.confidence, Confidence::Yellow);
    }

    #[test]
    fn a_failed_required_verifier_is_red_whatever_the_mean() {
        let results = vec![result("test", true, 0.1, Verdict::Fail), result("lint", false, 10.0, Verdict::Pass)];
        assert_eq!(confidence(results, None, &[]), Confidence::Red);
    }

    #[test]
    fn a_failed_lint_beside_passing_tests_is_yellow() {
        let results = vec![result("test", true, 1.0, Verdict::Pass), result("lint", false, 0.5, Verdict::Fail)];
        assert_eq!(confidence(results, None, &[]), Confidence::Yellow);
    }

    #[test]
    fn all_passing_is_green_and_neutral_is_left_out() {
        let results = vec![result("test", true, 1.0, Verdict::Pass), result("docs", false, 9.0, Verdict::Neutral)];
        assert_eq!(confidence(results, None, &[]), Confidence::Green);
    }

    #[test]
    fn a_flaky_verifier_counts_half_and_is_no_reason_for_green_where_it_is_required() {
        let flaky = |required, weight| result("test", required, weight, Verdict::Pass).into_flaky();
        let lint = |verdict| result("lint", false, 0.5, verdict);
        let of = |results| Evaluation::of(Sha::new("a"), results, &[], THRESHOLDS);
        let alone = of(vec![flaky(true, 1.0)]);
        assert_eq!((alone.confidence, alone.score), (Confidence::Yellow, Some(1.0)));
        let beside = of(vec![flaky(true, 1.0), lint(Verdict::Fail)]);
        assert_eq!((beside.confidence, beside.score), (Confidence::Red, Some(0.5)), "half of 1.0 against 0.5");
        let optional = of(vec![flaky(false, 1.0), lint(Verdict::Pass)]);
        assert_eq!(optional.confidence, Confidence::Green);
        assert_eq!(optional.reasons, [EvaluationReason::Flaky { verifier: "test".to_owned(), required: false }]);
    }

    #[test]
    fn nothing_verified_is_at_most_yellow() {
        assert_eq!(confidence(Vec::new(), None, &[]), Confidence::Yellow);
        assert_eq!(confidence(Vec::new(), Some(1.0), &[]), Confidence::Yellow);
    }

    #[test]
    fn a_required_verifier_that_proves_nothing_is_at_most_yellow() {
        let results = vec![result("test", true, 1.0, Verdict::Neutral), result("lint", false, 0.5, Verdict::Pass)];
        assert_eq!(confidence(results, None, &[]), Confidence::Yellow);
    }

    #[test]
    fn the_judge_can_lower_and_never_lift() {
        let green = vec![result("test", true, 1.0, Verdict::Pass)];
        assert_eq!(confidence(green.clone(), Some(0.3), &[]), Confidence::Yellow);
        assert_eq!(confidence(green, Some(1.0), &[]), Confidence::Green);
        let yellow = vec![result("test", true, 1.0, Verdict::Pass), result("lint", false, 0.5, Verdict::Fail)];
        assert_eq!(confidence(yellow, Some(1.0), &[]), Confidence::Yellow);
    }

    #[test]
    fn weakened_proof_is_at_most_yellow() {
        let findings = [Finding { kind: FindingKind::WeakenedProof, text: "a test was deleted".to_owned() }];
        assert_eq!(confidence(vec![result("test", true, 1.0, Verdict::Pass)], None, &findings), Confidence::Yellow);
    }
}
