//! The table of autonomy and confidence: what follows from an evaluation.

use crate::evaluation::Confidence;
use crate::policy::{Autonomy, FinalMerge};

/// What follows from an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Merge it, or accept its report.
    Merge,
    /// Ask a person.
    Ask,
    /// Have an agent do it again.
    Rework,
    /// The automatic reworks are used up: plan the work anew.
    Replan,
    /// The automatic reworks are used up: block it and ask a person.
    Block,
}

/// What is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// How much is done without asking.
    pub autonomy: Autonomy,
    /// What the evaluation says.
    pub confidence: Confidence,
    /// Whether the merge would reach the base.
    pub into_base: bool,
    /// Who merges into the base.
    pub merge: FinalMerge,
    /// Whether a protected path was touched.
    pub needs_person: bool,
    /// What is remaining to be tried where it is red.
    pub remaining: Remaining,
}

/// What is left to be tried with a red step, before a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// An automatic rework.
    Rework,
    /// No rework, but the policy allows another plan.
    Plan,
    /// Neither.
    Nothing,
}

/// The cell of the table.
pub fn next(case: Case) -> Next {
    match case.confidence {
        Confidence::Red if case.remaining == Remaining::Rework => Next::Rework,
        Confidence::Red if case.remaining == Remaining::Plan && case.autonomy == Autonomy::FullAuto => Next::Replan,
        Confidence::Red => Next::Block,
        _ if case.needs_person => Next::Ask,
        confidence if case.into_base => match (case.autonomy, case.merge, confidence) {
            (Autonomy::FullAuto, FinalMerge::Auto, Confidence::Green) => Next::Merge,
            _ => Next::Ask,
        },
        confidence => match (case.autonomy, confidence) {
            (Autonomy::Manual, _) | (Autonomy::Guardrails, Confidence::Yellow) => Next::Ask,
            _ => Next::Merge,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Autonomy::{FullAuto, Guardrails, Manual};
    use Confidence::{Green, Red, Yellow};

    fn case(autonomy: Autonomy, confidence: Confidence) -> Case {
        Case {
            autonomy,
            confidence,
            into_base: false,
            merge: FinalMerge::Person,
            needs_person: false,
            remaining: Remaining::Rework,
        }
    }

    #[test]
    fn every_cell_below_the_base_is_as_the_table_says() {
        let cells = [
            (FullAuto, Green, Next::Merge),
            (FullAuto, Yellow, Next::Merge),
            (FullAuto, Red, Next::Rework),
            (Guardrails, Green, Next::Merge),
            (Guardrails, Yellow, Next::Ask),
            (Guardrails, Red, Next::Rework),
            (Manual, Green, Next::Ask),
            (Manual, Yellow, Next::Ask),
            (Manual, Red, Next::Rework),
        ];
        for (autonomy, confidence, expected) in cells {
            assert_eq!(next(case(autonomy, confidence)), expected, "{autonomy:?} {confidence:?}");
        }
    }

    #[test]
    fn red_without_reworks_left_is_planned_anew_in_full_auto_and_blocks_elsewhere() {
        for (autonomy, expected) in [(FullAuto, Next::Replan), (Guardrails, Next::Block), (Manual, Next::Block)] {
            for into_base in [false, true] {
                for needs_person in [false, true] {
                    let case = Case { remaining: Remaining::Plan, into_base, needs_person, ..case(autonomy, Red) };
                    assert_eq!(next(case), expected, "{case:?}");
                }
            }
        }
    }

    #[test]
    fn red_without_reworks_and_plans_left_blocks_at_every_level() {
        for autonomy in [FullAuto, Guardrails, Manual] {
            let case = Case { remaining: Remaining::Nothing, ..case(autonomy, Red) };
            assert_eq!(next(case), Next::Block, "{autonomy:?}");
        }
    }

    #[test]
    fn only_green_in_full_auto_with_merge_auto_reaches_the_base_unasked() {
        for autonomy in [FullAuto, Guardrails, Manual] {
            for confidence in [Green, Yellow] {
                for merge in [FinalMerge::Auto, FinalMerge::Person] {
                    let expected = if (autonomy, confidence, merge) == (FullAuto, Green, FinalMerge::Auto) {
                        Next::Merge
                    } else {
                        Next::Ask
                    };
                    assert_eq!(next(Case { into_base: true, merge, ..case(autonomy, confidence) }), expected);
                }
            }
        }
    }

    #[test]
    fn a_protected_path_asks_a_person_at_every_level() {
        for autonomy in [FullAuto, Guardrails, Manual] {
            for into_base in [false, true] {
                let case = Case { needs_person: true, into_base, merge: FinalMerge::Auto, ..case(autonomy, Green) };
                assert_eq!(next(case), Next::Ask);
            }
        }
    }
}
