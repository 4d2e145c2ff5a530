//! Why an evaluation is no better than it is. The words are made where they are shown.

use serde::{Deserialize, Serialize};

use super::judgement::NotJudged;
use crate::failure::Failure;

/// Why an evaluation is no better than it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are named as what they hold; those that need words have them")]
pub enum EvaluationReason {
    /// No verifier and no judge said anything.
    NothingVerified,
    /// A verifier failed.
    VerifierFailed { verifier: String, required: bool },
    /// A required verifier neither passed nor failed.
    VerifierSilent { verifier: String },
    /// A required verifier failed, or could not be run, on the base commit too.
    FailedBefore { verifier: String },
    /// A verifier failed and passed on this commit.
    Flaky { verifier: String, required: bool },
    /// The judge's score lowers the confidence.
    JudgeUnconvinced,
    /// The judge found a criterion unmet.
    CriterionUnmet { criterion: String, note: String },
    /// A judge was asked about a criterion, and nothing that it said of it counts.
    CriterionNotJudged { criterion: String, why: NotJudged },
    /// No judge has read the report.
    ReportNotJudged,
    /// Something in the diff that a person should know of, in one sentence.
    Finding { text: String },
    /// Nothing was changed, and only the agent's word says that the work was there already.
    ClaimedDone { evidence: String },
    /// The judge's run came to nothing.
    NotJudged { failure: Failure },
    /// The judge's result holds no judgement of this head.
    NoJudgement,
    /// A sentence that version 1 wrote, shown as it is.
    #[serde(untagged)]
    Legacy(String),
}
