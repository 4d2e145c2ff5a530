//! What is said on a pull request that is closed unmerged.

use super::cause;
use super::text::{code, inline};
use adjutant_domain::actor::Actor;
use adjutant_domain::closing::ClosingReason;
use adjutant_domain::directive::Directive;
use adjutant_domain::step::Step;

/// The comment: why it is closed, that its branch is kept, and what replaces it.
pub fn closing_word(directive: &Directive, step: &Step, reason: &ClosingReason) -> String {
    let why = inline(&words(reason), 500);
    let why = why.trim_end_matches('.');
    let branch = code(step.branch.as_str());
    if directive.earlier_step(step.id).is_none() {
        return format!("Closed: {why}. The branch {branch} is kept. (Part of #{})", directive.issue);
    }
    let same = directive.step_named(step.name.as_str()).and_then(|same| same.pull.as_ref());
    let instead = same.map_or_else(
        || format!("What replaces it is listed in the status comment of #{}", directive.issue),
        |pull| {
            format!("#{} replaces it; everything is listed in the status comment of #{}", pull.number, directive.issue)
        },
    );
    format!("Closed: {why}. The branch {branch} is kept. {instead}.")
}

fn words(reason: &ClosingReason) -> String {
    match reason {
        ClosingReason::Skipped => "this step was skipped".to_owned(),
        ClosingReason::NothingChanged => "nothing in the tree had to change; what was found is on the issue".to_owned(),
        ClosingReason::MergedBefore => "its work was merged with the pull request of the plan before".to_owned(),
        ClosingReason::GoalReached => "what was wanted is merged into the base".to_owned(),
        ClosingReason::Ended => "the directive has ended".to_owned(),
        ClosingReason::Failed(failure) => cause::directive(failure),
        ClosingReason::Replanned { by, reason, .. } => {
            let who = if *by == Actor::Adjutant { String::new() } else { format!(" on {by}'s word") };
            let why = cause::replan(reason);
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            format!("the work is planned anew{who}{why}")
        }
        ClosingReason::Legacy(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use adjutant_domain::cause::{Cause, DirectiveFailure, StopReason};
    use adjutant_domain::ids::StepName;
    use adjutant_domain::replan::ReplanReason;

    #[test]
    fn the_words_of_every_reason_to_close() {
        let by = || fixture::person("mona");
        let replanned = |by, reason| ClosingReason::Replanned { generation: 2, by, reason };
        let reasons = [
            ClosingReason::Skipped,
            ClosingReason::NothingChanged,
            ClosingReason::MergedBefore,
            ClosingReason::GoalReached,
            ClosingReason::Ended,
            ClosingReason::Failed(DirectiveFailure::Stopped { by: by(), how: StopReason::Command }),
            replanned(by(), ReplanReason::Words("too large".to_owned())),
            replanned(by(), ReplanReason::Words(String::new())),
            replanned(Actor::Adjutant, ReplanReason::Step { step: StepName::new("a"), cause: Cause::NothingChanged }),
            ClosingReason::Legacy("as version 1 said it".to_owned()),
        ];
        let mut told = String::new();
        for reason in &reasons {
            let written = serde_json::to_value(reason).unwrap();
            assert_eq!(serde_json::from_value::<ClosingReason>(written).unwrap(), *reason);
            told.push_str(&format!("{}: {}\n", reason.key_word(), words(reason)));
        }
        insta::assert_snapshot!(told, @"
        skipped: this step was skipped
        nothing-changed: nothing in the tree had to change; what was found is on the issue
        merged-before: its work was merged with the pull request of the plan before
        goal-reached: what was wanted is merged into the base
        ended: the directive has ended
        failed: stopped by mona: `/stop`
        replanned-2: the work is planned anew on mona's word: too large
        replanned-2: the work is planned anew on mona's word
        replanned-2: the work is planned anew: `a`: nothing was changed
        7da967f: as version 1 said it
        ");
    }

    #[test]
    fn a_superseded_pull_request_is_closed_with_what_replaces_it() {
        let mut directive = fixture::replanned(fixture::person("maintainer"), "too large");
        let left = directive.earlier[2].clone();
        let (by, reason) = (Actor::Adjutant, ReplanReason::Words("too large.".to_owned()));
        let reason = ClosingReason::Replanned { generation: 2, by, reason };
        let first = closing_word(&directive, &left, &reason);
        directive.steps = fixture::finishing().steps;
        let later = closing_word(&directive, &left, &reason);
        let present = fixture::completed();
        let own = closing_word(&present, &present.steps[3], &ClosingReason::Skipped);
        insta::assert_snapshot!(format!("{first}\n{later}\n{own}"), @r"
        Closed: the work is planned anew: too large. The branch `adjutant/7-1/g1-document` is kept. What replaces it is listed in the status comment of #7.
        Closed: the work is planned anew: too large. The branch `adjutant/7-1/g1-document` is kept. #14 replaces it; everything is listed in the status comment of #7.
        Closed: this step was skipped. The branch `adjutant/7-1/g1-prove` is kept. (Part of #7)
        ");
    }
}
