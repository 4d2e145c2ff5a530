//! Evaluations: what the verifiers found at one commit, and how sure that makes us.

use serde::{Deserialize, Serialize};

use super::ids::Sha;
use super::network::NetworkReport;
use super::policy::Thresholds;
use super::step::{Finding, FindingKind};

mod reason;

pub use reason::EvaluationReason;

/// All verifiers on one head. Void on the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The commit (or the report's hash) that was proved.
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

/// How sure the proof makes us, worst first.
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

/// What a model as judge found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Its share in the weighted mean.
    pub weight: f64,
    /// 0..=1.
    pub score: f64,
    /// Each criterion that was judged.
    pub criteria: Vec<CriterionJudgement>,
    /// The judge's own words.
    pub note: String,
}

/// One acceptance criterion, judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionJudgement {
    /// The criterion's id.
    pub id: String,
    /// Whether it is met.
    pub met: bool,
    /// Why.
    pub note: String,
}

impl Evaluation {
    /// Judges what the verifiers found at `head`.
    ///
    /// A failed required verifier is red whatever the mean; nothing verified, a required verifier without an answer,
    /// weakened proof and protected paths are at most yellow; a judge can lower, never lift.
    pub fn of(
        head: Sha,
        results: Vec<VerifierResult>,
        judgement: Option<Judgement>,
        findings: &[Finding],
        thresholds: Thresholds,
    ) -> Self {
        let mut reasons = Vec::new();
        let programmatic = results.iter().filter_map(|result| {
            let score = match result.verdict {
                Verdict::Pass => 1.0,
                Verdict::Fail => 0.0,
                Verdict::Neutral => return None,
            };
            Some((score, result.weight))
        });
        let without_judge = weighted_mean(programmatic.clone());
        let with_judge = weighted_mean(programmatic.chain(judgement.iter().map(|judge| (judge.score, judge.weight))));

        let mut confidence = without_judge.map_or(Confidence::Yellow, |score| grade(score, thresholds));
        if without_judge.is_none() {
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
        if let Some(judge) = &judgement {
            let judged = with_judge.map_or(Confidence::Yellow, |score| grade(score, thresholds));
            if judged < confidence {
                confidence = judged;
                reasons.push(EvaluationReason::JudgeUnconvinced);
            }
            for unmet in judge.criteria.iter().filter(|criterion| !criterion.met) {
                confidence = confidence.min(Confidence::Yellow);
                reasons.push(unmet_reason(unmet));
            }
        }
        for finding in findings {
            confidence = confidence.min(Confidence::Yellow);
            reasons.push(EvaluationReason::Finding { text: finding.text.clone() });
        }
        let score = match (without_judge, with_judge) {
            (Some(without), Some(with)) => Some(without.min(with)),
            (without, with) => without.or(with),
        };
        Self { head, confidence, score, results, judgement, reasons }
    }

    /// Judges a report, which no command can prove: green, unless a criterion that it covers was judged unmet. What only claims
    /// that the work was there already (`claims`) is at most yellow.
    pub fn of_report(
        head: Sha,
        judgement: Option<Judgement>,
        covered: &[String],
        claims: Vec<EvaluationReason>,
    ) -> Self {
        let mut reasons = claims;
        let mut confidence = if reasons.is_empty() { Confidence::Green } else { Confidence::Yellow };
        let criteria = judgement.iter().flat_map(|judge| &judge.criteria);
        for unmet in criteria.filter(|judged| !judged.met && covered.contains(&judged.id)) {
            confidence = Confidence::Red;
            reasons.push(unmet_reason(unmet));
        }
        Self { head, confidence, score: None, results: Vec::new(), judgement, reasons }
    }

    /// Whether a person must decide whatever the autonomy.
    pub fn needs_person(findings: &[Finding]) -> bool {
        findings.iter().any(|finding| finding.kind == FindingKind::Protected)
    }
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
        }
    }

    fn confidence(results: Vec<VerifierResult>, judgement: Option<f64>, findings: &[Finding]) -> Confidence {
        let judgement =
            judgement.map(|score| Judgement { weight: 1.0, score, criteria: Vec::new(), note: String::new() });
        let thresholds = Thresholds { green: 0.85, yellow: 0.60 };
        Evaluation::of(Sha::new("a"), results, judgement, findings, thresholds).confidence
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
