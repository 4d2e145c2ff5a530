//! What is wrong with a proposed plan, in half a sentence each: for the planner, which mends it, and for people.

use super::failure;
use adjutant_domain::ids::StepName;
use adjutant_domain::plan::PlanFault;
use adjutant_domain::step::StepKind;

/// One fault.
pub fn words(fault: &PlanFault) -> String {
    match fault {
        PlanFault::Shape { error } => format!("the plan does not have the shape of its schema: {error}"),
        PlanFault::NoSteps => "the plan has no steps".to_owned(),
        PlanFault::TooManySteps { steps, allowed } => {
            format!("the plan has {steps} steps, and at most {allowed} are allowed")
        }
        PlanFault::BadName { name } => {
            format!("`{name}` is no step name: kebab-case, a letter first, at most {} characters", StepName::MAX_CHARS)
        }
        PlanFault::ReservedName { name } => format!("`{name}` is taken by Adjutant itself: choose another step name"),
        PlanFault::SameName { name } => format!("two steps are named `{name}`"),
        PlanFault::NotFinished { step } => format!(
            "step `{step}` is declared done, and no earlier step of that name was finished: plan it without `done`"
        ),
        PlanFault::UnknownType { step, kind } => {
            let kinds: Vec<_> = StepKind::PLANNABLE.iter().map(|kind| kind.as_str()).collect();
            format!("step `{step}` has the unknown type `{kind}`: one of {}", kinds.join(", "))
        }
        PlanFault::NoDescription { step } => format!("step `{step}` says nothing about what is to be done"),
        PlanFault::UnknownDependency { step, dependency } => {
            format!("step `{step}` depends on `{dependency}`, which is no step of the plan")
        }
        PlanFault::UnknownRequirement { step, requirement } => {
            format!("step `{step}` covers requirement `{requirement}`, which the brief does not have")
        }
        PlanFault::UnknownCriterion { step, criterion } => {
            format!("step `{step}` covers criterion `{criterion}`, which the brief does not have")
        }
        PlanFault::Uncovered { requirement } => format!("requirement {requirement} is covered by no step"),
        PlanFault::Cycle { steps } => format!("the dependencies form a cycle: {}", steps.join(" → ")),
        PlanFault::More { faults } => format!("{faults} more faults are not listed"),
        PlanFault::PlannerFailed(failure) => format!("the planner could not be run: {}", failure::words(failure)),
        PlanFault::Legacy(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adjutant_domain::failure::Failure;

    #[test]
    fn the_words_of_every_fault_of_a_plan() {
        let (step, name) = (|| "parse".to_owned(), || "Parse It".to_owned());
        let faults = [
            PlanFault::Shape { error: "missing field `steps`".to_owned() },
            PlanFault::NoSteps,
            PlanFault::TooManySteps { steps: 20, allowed: 12 },
            PlanFault::BadName { name: name() },
            PlanFault::ReservedName { name: "final".to_owned() },
            PlanFault::SameName { name: step() },
            PlanFault::NotFinished { step: step() },
            PlanFault::UnknownType { step: step(), kind: "cook".to_owned() },
            PlanFault::NoDescription { step: step() },
            PlanFault::UnknownDependency { step: step(), dependency: "print".to_owned() },
            PlanFault::UnknownRequirement { step: step(), requirement: "R9".to_owned() },
            PlanFault::UnknownCriterion { step: step(), criterion: "A9".to_owned() },
            PlanFault::Uncovered { requirement: "R1".to_owned() },
            PlanFault::Cycle { steps: vec!["a".to_owned(), "b".to_owned(), "a".to_owned()] },
            PlanFault::More { faults: 7 },
            PlanFault::PlannerFailed(Failure::NoResult),
            PlanFault::Legacy("as version 1 said it".to_owned()),
        ];
        for fault in &faults {
            let written = serde_json::to_value(fault).unwrap();
            assert_eq!(serde_json::from_value::<PlanFault>(written).unwrap(), *fault);
        }
        insta::assert_snapshot!(faults.iter().map(words).collect::<Vec<_>>().join("\n"), @"
        the plan does not have the shape of its schema: missing field `steps`
        the plan has no steps
        the plan has 20 steps, and at most 12 are allowed
        `Parse It` is no step name: kebab-case, a letter first, at most 40 characters
        `final` is taken by Adjutant itself: choose another step name
        two steps are named `parse`
        step `parse` is declared done, and no earlier step of that name was finished: plan it without `done`
        step `parse` has the unknown type `cook`: one of research, design, implement, test, review, document
        step `parse` says nothing about what is to be done
        step `parse` depends on `print`, which is no step of the plan
        step `parse` covers requirement `R9`, which the brief does not have
        step `parse` covers criterion `A9`, which the brief does not have
        requirement R1 is covered by no step
        the dependencies form a cycle: a → b → a
        7 more faults are not listed
        the planner could not be run: The agent ended without leaving a result file.
        as version 1 said it
        ");
    }
}
