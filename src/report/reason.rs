//! Why an evaluation is no better than it is, in half a sentence each.

use super::failure;
use adjutant_domain::evaluation::{EvaluationReason, Evidence, EvidenceFault, EvidencePlace, NotJudged};

/// One reason.
pub fn words(reason: &EvaluationReason) -> String {
    match reason {
        EvaluationReason::NothingVerified => "nothing was verified".to_owned(),
        EvaluationReason::VerifierFailed { verifier, required } => {
            format!("the {} verifier `{verifier}` failed", if *required { "required" } else { "optional" })
        }
        EvaluationReason::VerifierSilent { verifier } => {
            format!("the required verifier `{verifier}` found nothing to verify")
        }
        EvaluationReason::FailedBefore { verifier } => {
            format!("the required verifier `{verifier}` says nothing: it failed before this change too")
        }
        EvaluationReason::Flaky { verifier, required } => {
            let kind = if *required { "required" } else { "optional" };
            format!("the {kind} verifier `{verifier}` is flaky: it failed and passed on this commit")
        }
        EvaluationReason::JudgeUnconvinced => "the judge was not convinced".to_owned(),
        EvaluationReason::CriterionUnmet { criterion, note } => {
            format!("criterion {criterion} was judged unmet: {note}")
        }
        EvaluationReason::ClaimedDone { evidence } => {
            format!("nothing was changed; the agent says it was there already: {evidence}")
        }
        EvaluationReason::NotJudged { failure } => format!("the judge could not be asked: {}", failure::words(failure)),
        EvaluationReason::NoJudgement => "the judge handed in no judgement".to_owned(),
        EvaluationReason::CriterionNotJudged { criterion, why } => {
            format!("criterion {criterion} was not judged: {}", not_judged(why))
        }
        EvaluationReason::ReportNotJudged => "nobody has judged the report".to_owned(),
        EvaluationReason::Finding { text } | EvaluationReason::Legacy(text) => text.clone(),
    }
}

/// Why a judge's word on a criterion does not count.
pub(super) fn not_judged(why: &NotJudged) -> String {
    match why {
        NotJudged::NoWord => "the judge said nothing about it".to_owned(),
        NotJudged::NoEvidence => "the judge calls it met and names no line".to_owned(),
        NotJudged::NotThere(evidence) => format!("the judge calls it met, but {}", not_there(evidence)),
    }
}

fn not_there(evidence: &Evidence) -> String {
    let place = match &evidence.place {
        EvidencePlace::File(path) => format!("`{path}`"),
        EvidencePlace::Report => "the report".to_owned(),
    };
    let line = if evidence.first_line == 0 { 0 } else { evidence.last_line };
    match evidence.fault {
        Some(EvidenceFault::NoLine { .. }) if line == 0 => format!("no line of {place} is named"),
        Some(EvidenceFault::NoLine { lines }) => format!("{place} has no line {line}: it ends with line {lines}"),
        Some(EvidenceFault::NoFile) | None => format!("there is no file of text {place}"),
    }
}

/// All of them, one after the other.
pub(super) fn list(reasons: &[EvaluationReason]) -> String {
    reasons.iter().map(words).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use adjutant_domain::failure::Failure;

    #[test]
    fn the_words_of_every_reason() {
        let verifier = || "test".to_owned();
        let not_judged = |why| EvaluationReason::CriterionNotJudged { criterion: "A1".to_owned(), why };
        let invented = |line, fault| {
            let place = EvidencePlace::File("src/lib.rs".to_owned());
            NotJudged::NotThere(Evidence { place, first_line: line, last_line: line, fault: Some(fault) })
        };
        let reasons = [
            EvaluationReason::NothingVerified,
            EvaluationReason::VerifierFailed { verifier: verifier(), required: true },
            EvaluationReason::VerifierFailed { verifier: verifier(), required: false },
            EvaluationReason::VerifierSilent { verifier: verifier() },
            EvaluationReason::FailedBefore { verifier: verifier() },
            EvaluationReason::Flaky { verifier: verifier(), required: true },
            EvaluationReason::Flaky { verifier: verifier(), required: false },
            EvaluationReason::JudgeUnconvinced,
            EvaluationReason::CriterionUnmet { criterion: "A1".to_owned(), note: "it does not parse".to_owned() },
            EvaluationReason::Finding { text: "`tests/a.rs` was deleted".to_owned() },
            EvaluationReason::ClaimedDone { evidence: "see `src/lib.rs`".to_owned() },
            EvaluationReason::NotJudged { failure: Failure::NoResult },
            EvaluationReason::NoJudgement,
            not_judged(NotJudged::NoWord),
            not_judged(NotJudged::NoEvidence),
            not_judged(invented(12, EvidenceFault::NoFile)),
            not_judged(invented(12, EvidenceFault::NoLine { lines: 9 })),
            not_judged(invented(0, EvidenceFault::NoLine { lines: 9 })),
            EvaluationReason::ReportNotJudged,
            EvaluationReason::Legacy("as version 1 said it".to_owned()),
        ];
        for reason in &reasons {
            let written = serde_json::to_value(reason).unwrap();
            assert_eq!(serde_json::from_value::<EvaluationReason>(written).unwrap(), *reason);
        }
        insta::assert_snapshot!(reasons.iter().map(words).collect::<Vec<_>>().join("\n"), @"
        nothing was verified
        the required verifier `test` failed
        the optional verifier `test` failed
        the required verifier `test` found nothing to verify
        the required verifier `test` says nothing: it failed before this change too
        the required verifier `test` is flaky: it failed and passed on this commit
        the optional verifier `test` is flaky: it failed and passed on this commit
        the judge was not convinced
        criterion A1 was judged unmet: it does not parse
        `tests/a.rs` was deleted
        nothing was changed; the agent says it was there already: see `src/lib.rs`
        the judge could not be asked: The agent ended without leaving a result file.
        the judge handed in no judgement
        criterion A1 was not judged: the judge said nothing about it
        criterion A1 was not judged: the judge calls it met and names no line
        criterion A1 was not judged: the judge calls it met, but there is no file of text `src/lib.rs`
        criterion A1 was not judged: the judge calls it met, but `src/lib.rs` has no line 12: it ends with line 9
        criterion A1 was not judged: the judge calls it met, but no line of `src/lib.rs` is named
        nobody has judged the report
        as version 1 said it
        ");
    }
}
