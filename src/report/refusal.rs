//! Why a command was refused, in a sentence with what is possible instead.

use super::text::code;
use super::{cause, policy_fault};
use adjutant_domain::refusal::Refusal;
use adjutant_domain::status::DirectiveStatus;

fn which_question(number: Option<u32>, open: &[u32]) -> String {
    let numbers: Vec<String> = open.iter().map(u32::to_string).collect();
    match (number, open) {
        (_, []) => "no question of an agent is open".to_owned(),
        (Some(number), _) => format!("question {number} is not open; open: {}", numbers.join(", ")),
        (None, [first, ..]) => {
            format!("say which of the open questions ({}): `/answer {first} ANSWER`", numbers.join(", "))
        }
    }
}

/// The sentence, without its stop.
pub(super) fn words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotPossible { from, to } => not_possible(*from, *to),
        Refusal::NothingPaused { status } => {
            format!("nothing is paused, and {}", not_possible(*status, DirectiveStatus::Active))
        }
        Refusal::Ended { status } => {
            format!("this directive is {status}; set the label again (on an open issue) to start a new one")
        }
        Refusal::NothingAsked { kind } => format!("no {} waits for an approval", kind.as_str()),
        Refusal::WhichQuestion { number, open } => which_question(*number, open),
        Refusal::PlanChanged => "the plan was replaced after that was written; look at it and approve that".to_owned(),
        Refusal::BaselineChanged => {
            "the base commit was verified again after that was written; look at what was found and say it again"
                .to_owned()
        }
        Refusal::NothingToVerify => {
            "nothing waits that could be verified again; a pull request is verified when its commit changes".to_owned()
        }
        Refusal::StepGone => "that step is no longer part of the plan".to_owned(),
        Refusal::StepCannot => "that is not possible from where the step stands".to_owned(),
        Refusal::AlreadyMerged => "already merged".to_owned(),
        Refusal::BlockedSince { step, why } => {
            format!(
                "{} was blocked after that was written ({}); look at it and say it again",
                name(step.as_str()),
                cause::words(why)
            )
        }
        Refusal::NothingToAccept { step } => {
            format!("{} has nothing to accept yet: `/retry {step}` or `/skip {step}`", name(step.as_str()))
        }
        Refusal::NothingToApprove { step, status } => {
            format!("{} is {status}; there is nothing to approve", name(step.as_str()))
        }
        Refusal::NothingToTakeBack { step } => {
            format!("no approval of {} stands that could be taken back", name(step.as_str()))
        }
        Refusal::MergeAskedFor { step } => {
            format!(
                "the approval of {} is taken back too late: GitHub was asked to merge it already; close the pull request if it is still open",
                name(step.as_str())
            )
        }
        Refusal::TakenBackSince => {
            "approvals were taken back after that was written; approve again if you stand by it".to_owned()
        }
        Refusal::HeadMoved => "the branch has moved since; look at the new head and approve that".to_owned(),
        Refusal::NothingTold { step } => {
            format!("say what the agent of {} is to know, after its name", name(step.as_str()))
        }
        Refusal::Skipped { step } => format!("{} was skipped", name(step.as_str())),
        Refusal::NoResultYet { step, status } => {
            format!("{} is {status}: say it again once there is something to look at", name(step.as_str()))
        }
        Refusal::NotFailed { step, status } => {
            format!("{} is {status}; only a failed or blocked step is tried again", name(step.as_str()))
        }
        Refusal::AlreadyDone { step, status } => format!("{} is {status} already", name(step.as_str())),
        Refusal::FinalStep => "the final pull request cannot be skipped; `/stop` ends the directive".to_owned(),
        Refusal::EarlierPlan { step, issue } => format!(
            "this pull request belongs to {} of an earlier plan; the steps of the present one are listed in #{issue}",
            name(step.as_str())
        ),
        Refusal::NoStepOfPull => "this pull request no longer belongs to a step".to_owned(),
        Refusal::StepNeeded { command } => format!("on the issue a step's name follows: `/{command} STEP`"),
        Refusal::NoPlanYet => "there is no plan yet".to_owned(),
        Refusal::NoSuchStep { name, command, steps } => {
            let steps: Vec<_> = steps.iter().map(|step| format!("`{step}`")).collect();
            format!("there is no step `{name}`: `/{command}` takes one of {}", steps.join(", "))
        }
        Refusal::OtherStep { name, command, step } => format!(
            "this pull request is about the step `{step}`, not `{name}`: write `/{command}` alone here, or the step's name on \
             the issue"
        ),
        Refusal::UnknownLevel => "the levels are `manual`, `guardrails` and `full_auto`".to_owned(),
        Refusal::Legacy(text) => text.clone(),
        Refusal::OverCeiling { total, ceiling, spent, budget } => format!(
            "{total} is more than the {ceiling} that the policy allows this directive in total \
             (`limits.cost_ceiling_usd`); {spent} of {budget} are spent"
        ),
        Refusal::AlreadySpent { spent, ceiling } => {
            format!("{spent} are spent already: give a total above that, at most {ceiling}, or `/stop`")
        }
        Refusal::BudgetUsedUpSince => {
            "the budget was used up only after that was written; look at it and say it again".to_owned()
        }
        Refusal::CeilingReached { spent, ceiling } => format!(
            "{spent} are spent, and the policy allows {ceiling} in total (`limits.cost_ceiling_usd`); `/stop`, and set \
             the label again for a new directive"
        ),
        Refusal::AboveCeiling { ceiling, present } => format!(
            "the policy allows `{}` at most, and this directive is at `{}`; a higher level is set in \
             `.github/adjutant.yml`, for directives that start afterwards",
            ceiling.as_str(),
            present.as_str()
        ),
        Refusal::PolicyBroken { faults } => format!(
            "`.github/adjutant.yml` on the default branch cannot be used ({}); mend it there and say it again. What held \
             before still holds",
            faults
                .iter()
                .map(|fault| policy_fault::words(fault).trim_end_matches('.').to_owned())
                .collect::<Vec<_>>()
                .join("; ")
        ),
        Refusal::PolicyNotRead => "the policy could not be read with that command; say it again".to_owned(),
        Refusal::PlansUsedUp { limit } => format!(
            "all plans that the policy allows are used up (`chain_generations: {limit}`): go on with this one (`/rework`, \
             `/retry` or `/skip` a step), or `/stop` and set the label again, which starts afresh"
        ),
    }
}

fn name(step: &str) -> String {
    code(step)
}

fn not_possible(from: DirectiveStatus, to: DirectiveStatus) -> String {
    let instead = match from {
        DirectiveStatus::Draft | DirectiveStatus::Planning | DirectiveStatus::Active => {
            "`/pause` pauses it, `/stop` ends it"
        }
        DirectiveStatus::Paused => "`/resume` goes on with it, `/stop` ends it",
        DirectiveStatus::Completed | DirectiveStatus::Failed | DirectiveStatus::Archived => {
            "it has ended; set the label again (on an open issue) to start a new one"
        }
    };
    format!("the directive cannot go from {from} to {to}: {instead}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use adjutant_domain::approval::ApprovalKind;
    use adjutant_domain::cause::Cause;
    use adjutant_domain::evaluation::EvaluationReason;
    use adjutant_domain::ids::{StepName, Usd};
    use adjutant_domain::policy::Autonomy;
    use adjutant_domain::status::StepStatus;

    fn every_refusal() -> Vec<Refusal> {
        let step = || StepName::new("parse");
        let usd = Usd::from_dollars;
        let failed = DirectiveStatus::Failed;
        vec![
            Refusal::NotPossible { from: DirectiveStatus::Active, to: DirectiveStatus::Active },
            Refusal::NotPossible { from: DirectiveStatus::Paused, to: DirectiveStatus::Paused },
            Refusal::NotPossible { from: failed, to: DirectiveStatus::Active },
            Refusal::NothingPaused { status: DirectiveStatus::Active },
            Refusal::Ended { status: failed },
            Refusal::WhichQuestion { number: Some(7), open: vec![2, 3] },
            Refusal::WhichQuestion { number: None, open: vec![2, 3] },
            Refusal::WhichQuestion { number: Some(1), open: Vec::new() },
            Refusal::NothingAsked { kind: ApprovalKind::Plan },
            Refusal::PlanChanged,
            Refusal::StepGone,
            Refusal::StepCannot,
            Refusal::AlreadyMerged,
            Refusal::BlockedSince {
                step: step(),
                why: Cause::StillRed { reworks: 3, reasons: vec![EvaluationReason::NothingVerified] },
            },
            Refusal::NothingToAccept { step: step() },
            Refusal::NothingToApprove { step: step(), status: StepStatus::Running },
            Refusal::NothingToTakeBack { step: step() },
            Refusal::MergeAskedFor { step: step() },
            Refusal::TakenBackSince,
            Refusal::HeadMoved,
            Refusal::NothingTold { step: step() },
            Refusal::Skipped { step: step() },
            Refusal::NoResultYet { step: step(), status: StepStatus::Pending },
            Refusal::NotFailed { step: step(), status: StepStatus::Running },
            Refusal::AlreadyDone { step: step(), status: StepStatus::Skipped },
            Refusal::FinalStep,
            Refusal::EarlierPlan { step: step(), issue: 12 },
            Refusal::NoStepOfPull,
            Refusal::StepNeeded { command: "retry".to_owned() },
            Refusal::NoPlanYet,
            Refusal::NoSuchStep {
                name: "prase".to_owned(),
                command: "retry".to_owned(),
                steps: vec![step(), StepName::new("print")],
            },
            Refusal::OtherStep { name: "print".to_owned(), command: "approve".to_owned(), step: step() },
            Refusal::OverCeiling { total: usd(9.0), ceiling: usd(5.0), spent: usd(0.5), budget: usd(1.0) },
            Refusal::AlreadySpent { spent: usd(0.5), ceiling: usd(5.0) },
            Refusal::BudgetUsedUpSince,
            Refusal::CeilingReached { spent: usd(5.0), ceiling: usd(5.0) },
            Refusal::UnknownLevel,
            Refusal::AboveCeiling { ceiling: Autonomy::Guardrails, present: Autonomy::Manual },
            Refusal::PlansUsedUp { limit: 3 },
            Refusal::Legacy("as version 1 said it".to_owned()),
        ]
    }

    #[test]
    fn the_words_of_every_refusal() {
        let words: Vec<_> = every_refusal().iter().map(words).collect();
        insta::assert_snapshot!(words.join("\n"));
    }
}
