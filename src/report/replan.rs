//! What the status comment says of plans that replace others, and of an issue that was edited.

use super::text::{actor, code, inline};
use super::{Links, cause};
use adjutant_domain::actor::Actor;
use adjutant_domain::directive::Directive;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::Step;

/// Which plan this is and why there is another; none for the first.
pub(super) fn because(directive: &Directive, chars: usize) -> Option<String> {
    let replan = directive.replans.last()?;
    let (number, limit) = (directive.plan_number(), directive.policy.limits.chain_generations);
    let reason = inline(&cause::replan(&replan.reason), chars.min(600));
    let reason = reason.trim_end_matches('.');
    let why = match (replan.by == Actor::Adjutant, reason.is_empty()) {
        (true, _) => reason.to_owned(),
        (false, true) => format!("{} asked for another", actor(&replan.by)),
        (false, false) => format!("{} asked for another: {reason}", actor(&replan.by)),
    };
    Some(format!("Plan {number} of at most {limit}, because {why}."))
}

/// What goes on while there is no plan between two.
pub(super) fn planning(directive: &Directive, links: &Links, chars: usize) -> String {
    let mut sentences: Vec<String> = because(directive, chars).into_iter().collect();
    let carried: Vec<String> = directive.carried().into_iter().take(60).map(|step| named(step, links)).collect();
    if !carried.is_empty() {
        sentences.push(format!("Kept of the plan before: {}.", carried.join(", ")));
    }
    sentences.push("An agent reads the repository and proposes the steps.".to_owned());
    sentences.join(" ")
}

fn named(step: &Step, links: &Links) -> String {
    let name = code(step.name.as_str());
    match (&step.pull, step.status()) {
        (_, StepStatus::Skipped) => format!("{name} (skipped)"),
        (Some(pull), _) => format!("{name} ([#{}]({}))", pull.number, links.pull(pull.number)),
        (None, _) => name,
    }
}

/// That the issue says something else by now than what is worked on; empty where it does not.
pub(super) fn newer_text(directive: &Directive) -> String {
    if directive.newer_text.is_none() || directive.status().is_over() {
        return String::new();
    }
    "> [!NOTE]\n> The issue's text differs by now from the brief that is worked on, which was frozen before. `/replan` by \
     somebody with write access takes the new text over; until then nothing changes."
        .to_owned()
}
