//! Why a step is done again, blocked or failed, why a directive failed, and why the work is planned anew.

use super::{failure, reason};
use adjutant_domain::cause::{Cause, DirectiveFailure, IssueEnd, StopReason};
use adjutant_domain::replan::ReplanReason;

/// Why a step is done again, blocked or failed.
pub fn words(cause: &Cause) -> String {
    match cause {
        Cause::ChangesRequested { by } => format!("{by} asked for changes"),
        Cause::MoreRequested => "more was asked for meanwhile".to_owned(),
        Cause::Red { reasons } => reason::list(reasons),
        Cause::StillRed { reworks, reasons } => {
            format!("still red after {reworks} reworks ({})", reason::list(reasons))
        }
        Cause::Conflict { target } => format!("it no longer merges into `{target}`"),
        Cause::ConflictsLeft => "the conflicts with the base were not resolved".to_owned(),
        Cause::NothingChanged => "nothing was changed".to_owned(),
        Cause::ChangeRefused { faults } => refused(faults),
        Cause::ReworksUsedUp { reworks, cause } => format!("{}, after {reworks} reworks", words(cause)),
        Cause::PullClosed { by } => format!("{by} closed its pull request; opened again, it goes on"),
        Cause::StateUnknown => "an older version left it in a state that is not known any more".to_owned(),
        Cause::AgentAsks => "its agent asks something".to_owned(),
        Cause::Failure(failure) => failure::words(failure),
        Cause::Legacy(text) => text.clone(),
    }
}

/// What was refused, and why. More than a few reasons are counted.
fn refused(faults: &[String]) -> String {
    let mut reasons: Vec<String> = faults.iter().take(3).cloned().collect();
    match faults.len() {
        0 => return "what the agent handed in was not taken".to_owned(),
        1..=3 => {}
        4 => reasons.push("and 1 more reason".to_owned()),
        count => reasons.push(format!("and {} more reasons", count - 3)),
    }
    format!("what the agent handed in was not taken ({})", reasons.join("; "))
}

/// Why a directive ended without its goal.
pub fn directive(failure: &DirectiveFailure) -> String {
    match failure {
        DirectiveFailure::Stopped { by, how } => format!("stopped by {by}: {}", stopped(*how)),
        DirectiveFailure::FailedSteps { steps, last } => {
            let names: Vec<_> = steps.iter().map(ToString::to_string).collect();
            format!(
                "the agent could not be run on {} steps ({}), so that something is wrong beyond the steps; mend that, then \
                 set the label again. The last reason: {}",
                names.len(),
                names.join(", "),
                last.as_ref().map(words).unwrap_or_default()
            )
        }
        DirectiveFailure::Failure(failure) => failure::words(failure),
        DirectiveFailure::Legacy(text) => text.clone(),
    }
}

/// Why the work is planned anew; empty where a person gave no reason.
pub fn replan(reason: &ReplanReason) -> String {
    match reason {
        ReplanReason::Words(words) | ReplanReason::Legacy(words) => words.clone(),
        ReplanReason::Step { step, cause } => format!("`{step}`: {}", words(cause)),
    }
}

fn stopped(how: StopReason) -> &'static str {
    match how {
        StopReason::Command => "`/stop`",
        StopReason::Issue(IssueEnd::Closed) => "the issue was closed",
        StopReason::Issue(IssueEnd::Gone) => "the issue was transferred or deleted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adjutant_domain::actor::Actor;
    use adjutant_domain::evaluation::EvaluationReason;
    use adjutant_domain::failure::Failure;
    use adjutant_domain::ids::{Branch, Login, StepName};

    fn reasons() -> Vec<EvaluationReason> {
        vec![EvaluationReason::NothingVerified, EvaluationReason::JudgeUnconvinced]
    }

    #[test]
    fn the_words_of_every_cause() {
        let mona = || Login::new("mona");
        let causes = [
            Cause::ChangesRequested { by: mona() },
            Cause::MoreRequested,
            Cause::Red { reasons: reasons() },
            Cause::StillRed { reworks: 3, reasons: reasons() },
            Cause::Conflict { target: Branch::new("main") },
            Cause::ConflictsLeft,
            Cause::NothingChanged,
            Cause::ChangeRefused { faults: vec!["`a.env` line 1 holds a token".to_owned()] },
            Cause::ChangeRefused { faults: ["one", "two", "three", "four", "five"].map(str::to_owned).to_vec() },
            Cause::ReworksUsedUp { reworks: 3, cause: Box::new(Cause::NothingChanged) },
            Cause::PullClosed { by: Actor::Person(mona()) },
            Cause::StateUnknown,
            Cause::Failure(Failure::NoResult),
            Cause::Legacy("as version 1 said it".to_owned()),
        ];
        for cause in &causes {
            let written = serde_json::to_value(cause).unwrap();
            assert_eq!(serde_json::from_value::<Cause>(written).unwrap(), *cause);
        }
        insta::assert_snapshot!(causes.iter().map(words).collect::<Vec<_>>().join("\n"), @"
        mona asked for changes
        more was asked for meanwhile
        nothing was verified; the judge was not convinced
        still red after 3 reworks (nothing was verified; the judge was not convinced)
        it no longer merges into `main`
        the conflicts with the base were not resolved
        nothing was changed
        what the agent handed in was not taken (`a.env` line 1 holds a token)
        what the agent handed in was not taken (one; two; three; and 2 more reasons)
        nothing was changed, after 3 reworks
        mona closed its pull request; opened again, it goes on
        an older version left it in a state that is not known any more
        The agent ended without leaving a result file.
        as version 1 said it
        ");
    }

    #[test]
    fn the_words_of_every_failure_of_a_directive() {
        let by = || Actor::Person(Login::new("mona"));
        let steps = vec![StepName::new("a"), StepName::new("b")];
        let failures = [
            DirectiveFailure::Stopped { by: by(), how: StopReason::Command },
            DirectiveFailure::Stopped { by: by(), how: StopReason::Issue(IssueEnd::Closed) },
            DirectiveFailure::Stopped { by: by(), how: StopReason::Issue(IssueEnd::Gone) },
            DirectiveFailure::FailedSteps { steps, last: Some(Cause::Failure(Failure::NoResult)) },
            DirectiveFailure::Failure(Failure::Dropped),
            DirectiveFailure::Legacy("as version 1 said it".to_owned()),
        ];
        for failure in &failures {
            let written = serde_json::to_value(failure).unwrap();
            assert_eq!(serde_json::from_value::<DirectiveFailure>(written).unwrap(), *failure);
        }
        insta::assert_snapshot!(failures.iter().map(directive).collect::<Vec<_>>().join("\n"), @"
        stopped by mona: `/stop`
        stopped by mona: the issue was closed
        stopped by mona: the issue was transferred or deleted
        the agent could not be run on 2 steps (a, b), so that something is wrong beyond the steps; mend that, then set the label again. The last reason: The agent ended without leaving a result file.
        dropped by an operator
        as version 1 said it
        ");
    }

    #[test]
    fn the_words_of_every_reason_to_plan_anew() {
        let reasons = [
            ReplanReason::Words("too large".to_owned()),
            ReplanReason::Step { step: StepName::new("parse"), cause: Cause::NothingChanged },
            ReplanReason::Legacy("as version 1 said it".to_owned()),
        ];
        for reason in &reasons {
            let written = serde_json::to_value(reason).unwrap();
            assert_eq!(serde_json::from_value::<ReplanReason>(written).unwrap(), *reason);
        }
        let told: Vec<_> = reasons.iter().map(replan).collect();
        assert_eq!(told, ["too large", "`parse`: nothing was changed", "as version 1 said it"]);
    }
}
