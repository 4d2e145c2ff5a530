//! What the history says, for people: its values in words.

use serde_json::{Value, json};

use super::{cause, failure, plan_fault, question, reason};
use adjutant_domain::event::EventKind;

/// An event's data, with words in the place of causes, questions and reasons.
pub fn data(kind: &EventKind) -> Value {
    let words = match kind {
        EventKind::DirectiveFailed { reason } => ("reason", json!(cause::directive(reason))),
        EventKind::PlanningFailed { reason } | EventKind::EffectFailed { reason } => {
            ("reason", json!(failure::words(reason)))
        }
        EventKind::PlanRefused { faults } => ("faults", faults.iter().map(plan_fault::words).collect()),
        EventKind::ChainRegenerated { reason, .. } => ("reason", json!(cause::replan(reason))),
        EventKind::StepRework { why, .. } | EventKind::StepBlocked { why, .. } => ("why", json!(cause::words(why))),
        EventKind::TaskFinished { reason, .. } => ("reason", json!(reason.as_ref().map(failure::words))),
        EventKind::EvaluationCompleted { reasons, .. } => ("reasons", reasons.iter().map(reason::words).collect()),
        EventKind::MergeRefused { reason, .. } => ("reason", json!(failure::unmerged(reason))),
        EventKind::ApprovalRequired { question, .. } => ("question", json!(question::words(question))),
        _ => return kind.data(),
    };
    let mut data = kind.data();
    data[words.0] = words.1;
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use adjutant_domain::cause::Cause;
    use adjutant_domain::ids::StepName;

    #[test]
    fn a_value_is_told_in_words_and_what_version_1_wrote_as_it_is() {
        let rework = EventKind::StepRework { step: StepName::new("parse"), why: Cause::NothingChanged };
        assert_eq!(rework.data(), json!({ "step": "parse", "why": "nothing_changed" }));
        assert_eq!(data(&rework), json!({ "step": "parse", "why": "nothing was changed" }));
        let older = json!({ "step": "parse", "why": "the required verifier `test` failed" });
        assert_eq!(data(&EventKind::read("step_rework", &older).unwrap()), older);
    }
}
