//! Judgements: what a model as judge says of the criteria, and what it names as evidence.
//!
//! A judge can be wrong in a way that reads well. So it has to name a file and lines for everything that it calls met,
//! and Adjutant looks whether they are there. What it calls met without such evidence counts as not judged: it is never a
//! reason for green, and it is not taken for unmet either.

use serde::{Deserialize, Serialize};

/// What a model as judge found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Its share in the weighted mean.
    pub weight: f64,
    /// 0..=1. `None` where it gave none and nothing was judged that one could be made of.
    pub score: Option<f64>,
    /// Each criterion that it spoke of.
    pub criteria: Vec<CriterionJudgement>,
    /// The judge's own words.
    pub note: String,
}

/// What a judge says of one acceptance criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionJudgement {
    /// The criterion's id.
    pub id: String,
    /// Whether the judge calls it met. Whether that counts is said by [`CriterionJudgement::verdict`].
    pub met: bool,
    /// Why.
    pub note: String,
    /// The places that it rests on.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// A place that a judge names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// In what.
    pub place: EvidencePlace,
    /// The first line, counted from one.
    pub first_line: u32,
    /// The last line; no less than the first.
    pub last_line: u32,
    /// Why it cannot be looked at; `None` where it is there.
    pub fault: Option<EvidenceFault>,
}

/// What a judge names lines of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidencePlace {
    /// A file of the commit that was judged, by its path from the root.
    File(String),
    /// The report that was judged.
    Report,
}

/// Why a place cannot be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceFault {
    /// There is no such file of text.
    NoFile,
    /// It has only so many lines.
    NoLine {
        /// How many.
        lines: u32,
    },
}

/// What counts of a judge's word on one criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CriterionVerdict {
    /// Met, with evidence that is there.
    Met,
    /// Not met.
    Unmet,
    /// Nothing.
    NotJudged(NotJudged),
}

/// Why a judge's word on a criterion does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotJudged {
    /// It says nothing of the criterion.
    NoWord,
    /// It calls it met and names no place.
    NoEvidence,
    /// It calls it met and names a place that is not there.
    NotThere(Evidence),
}

impl Judgement {
    /// A judgement whose score is the judge's own, else the share that is met of what was judged.
    pub fn new(weight: f64, score: Option<f64>, criteria: Vec<CriterionJudgement>, note: String) -> Self {
        let verdicts: Vec<_> = criteria.iter().map(CriterionJudgement::verdict).collect();
        let met = verdicts.iter().filter(|verdict| **verdict == CriterionVerdict::Met).count();
        let unmet = verdicts.iter().filter(|verdict| **verdict == CriterionVerdict::Unmet).count();
        #[expect(clippy::cast_precision_loss, reason = "at most a few hundred criteria")]
        let share = (met + unmet > 0).then(|| met as f64 / (met + unmet) as f64);
        Self { weight, score: score.or(share), criteria, note }
    }

    /// What counts of it on a criterion. Where it speaks twice, what is worse.
    pub fn verdict(&self, id: &str) -> CriterionVerdict {
        let verdicts = self.criteria.iter().filter(|judged| judged.id == id).map(CriterionJudgement::verdict);
        let rank = |verdict: &CriterionVerdict| match verdict {
            CriterionVerdict::Unmet => 0,
            CriterionVerdict::NotJudged(_) => 1,
            CriterionVerdict::Met => 2,
        };
        verdicts.min_by_key(rank).unwrap_or(CriterionVerdict::NotJudged(NotJudged::NoWord))
    }

    /// Whether anything in it counts.
    pub fn is_empty(&self) -> bool {
        let counts = |judged: &CriterionJudgement| !matches!(judged.verdict(), CriterionVerdict::NotJudged(_));
        self.score.is_none() && !self.criteria.iter().any(counts)
    }
}

impl CriterionJudgement {
    /// What counts of it. What is missing can often not be pointed at, so that an unmet criterion needs no evidence.
    pub fn verdict(&self) -> CriterionVerdict {
        if !self.met {
            return CriterionVerdict::Unmet;
        }
        match self.evidence.iter().find(|evidence| evidence.fault.is_some()) {
            // A judge that names one place which is not there has not looked at it.
            Some(invented) => CriterionVerdict::NotJudged(NotJudged::NotThere(invented.clone())),
            None if self.evidence.is_empty() => CriterionVerdict::NotJudged(NotJudged::NoEvidence),
            None => CriterionVerdict::Met,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(fault: Option<EvidenceFault>) -> Evidence {
        Evidence { place: EvidencePlace::File("src/lib.rs".to_owned()), first_line: 1, last_line: 2, fault }
    }

    fn judged(id: &str, met: bool, evidence: Vec<Evidence>) -> CriterionJudgement {
        CriterionJudgement { id: id.to_owned(), met, note: String::new(), evidence }
    }

    #[test]
    fn a_met_criterion_counts_only_with_evidence_that_is_there() {
        let there = evidence(None);
        let invented = evidence(Some(EvidenceFault::NoLine { lines: 1 }));
        assert_eq!(judged("A1", true, vec![there.clone()]).verdict(), CriterionVerdict::Met);
        assert_eq!(judged("A1", true, vec![]).verdict(), CriterionVerdict::NotJudged(NotJudged::NoEvidence));
        let mixed = judged("A1", true, vec![there, invented.clone()]);
        assert_eq!(mixed.verdict(), CriterionVerdict::NotJudged(NotJudged::NotThere(invented.clone())));
        assert_eq!(judged("A1", false, vec![invented]).verdict(), CriterionVerdict::Unmet, "its absence is the point");
    }

    #[test]
    fn the_score_is_made_of_what_was_judged() {
        let criteria = |of: &[(bool, bool)]| -> Vec<CriterionJudgement> {
            let one =
                |(met, proved): &(bool, bool)| judged("A1", *met, proved.then(|| evidence(None)).into_iter().collect());
            of.iter().map(one).collect()
        };
        let score = |of: &[(bool, bool)]| Judgement::new(1.0, None, criteria(of), String::new()).score;
        assert_eq!(score(&[(true, true), (false, false), (true, false)]), Some(0.5));
        assert_eq!(score(&[(true, false)]), None, "nothing that counts was said");
        assert_eq!(Judgement::new(1.0, Some(0.3), criteria(&[(true, true)]), String::new()).score, Some(0.3));
    }

    #[test]
    fn of_two_words_on_one_criterion_the_worse_counts() {
        let twice = vec![judged("A1", true, vec![evidence(None)]), judged("A1", false, vec![])];
        let judgement = Judgement::new(1.0, None, twice, String::new());
        assert_eq!(judgement.verdict("A1"), CriterionVerdict::Unmet);
        assert_eq!(judgement.verdict("A2"), CriterionVerdict::NotJudged(NotJudged::NoWord));
    }

    #[test]
    fn a_judgement_of_version_1_is_read() {
        let old = serde_json::json!({ "weight": 1.0, "score": 0.5, "note": "",
            "criteria": [{ "id": "A1", "met": true, "note": "" }] });
        let judgement: Judgement = serde_json::from_value(old).unwrap();
        assert_eq!((judgement.score, judgement.criteria[0].evidence.len()), (Some(0.5), 0));
    }
}
