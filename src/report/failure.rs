//! Why something outside could not be done, in a sentence.

use adjutant_domain::failure::{AgentErrorKind, Failure, MergeProblem};
use adjutant_domain::merging::MergeMethod;

/// Where workflows are.
const WORKFLOWS: &str = ".github/workflows/";

/// Why a run of an agent came to nothing, or why an effect failed permanently.
pub fn words(failure: &Failure) -> String {
    match failure {
        Failure::NoAgent => {
            "no agent is set up: the operator sets ADJUTANT_AGENT_COMMAND or `[agents.NAME]`".to_owned()
        }
        Failure::UnknownAgent { agent } => {
            format!("the policy asks for the agent `{agent}`, which the operator has not set up")
        }
        Failure::AgentUnfit { agent, reason } => {
            let reason = reason.trim_end_matches('.');
            format!("the agent `{agent}` does not pass its check, which whoever runs Adjutant can mend ({reason})")
        }
        Failure::AgentUnmetered { agent } => format!(
            "a run did not say what it cost, and in `full_auto` no person would notice what the agent `{agent}` spends: the \
             operator gives it a `provider`, or `max_usd` for what a run counts as; or say `/autonomy guardrails` first"
        ),
        Failure::AgentNotStarted { agent, error } => format!("the agent `{agent}` was not started: {error}"),
        Failure::AgentExited { status } => exited(*status),
        Failure::AgentKilled { signal: 9 } => "The agent was killed (signal 9; out of memory, perhaps).".to_owned(),
        Failure::AgentKilled { signal } => format!("The agent was ended by signal {signal}."),
        Failure::AgentTimedOut { seconds } => {
            format!("The agent did not finish within {} and was stopped.", time(*seconds))
        }
        Failure::AgentWroteTooMuch { bytes, files } => {
            format!("The agent added more than {} GiB or {files} files to its folders and was stopped.", bytes >> 30)
        }
        Failure::DiskFull => {
            "The agent was stopped because the disk of the machine is nearly full: whoever runs Adjutant can free some."
                .to_owned()
        }
        Failure::AgentPrintedTooMuch { bytes } => format!("The agent printed more than {bytes} bytes and was stopped."),
        Failure::AgentCancelled => "The agent was cancelled.".to_owned(),
        Failure::AgentReported { kind, message, .. } => reported(*kind, message),
        Failure::WithOutput { failure, .. } => words(failure),
        Failure::NoResult => "The agent ended without leaving a result file.".to_owned(),
        Failure::ResultUnusable { problem } => format!("The agent's result file cannot be used: {problem}."),
        Failure::NoPlan => "The planner's result holds no plan.".to_owned(),
        Failure::NoJudgement => "The judge's result holds no judgement.".to_owned(),
        Failure::NoWork => "the agent handed in something else than work on its step".to_owned(),
        Failure::AsksTooOften => "the agent asks people again and again".to_owned(),
        Failure::ChangeRefused { faults } => faults.join("; "),
        Failure::BranchMoved => "the branch moved: fetch it and check what was pushed.".to_owned(),
        Failure::NotFastForward => "the new commit does not contain what the branch holds: merge it first.".to_owned(),
        Failure::PushRejected { answer } => format!("the server rejected the push: {answer}."),
        Failure::WorkflowsNotGranted { path, error } => format!(
            "it changes `{}`, and the app may not write workflows here: accept the permission `workflows: write` in the \
             settings of its installation and say `/retry`, or say `/rework` and to leave workflows alone ({error})",
            path.as_deref().unwrap_or(WORKFLOWS)
        ),
        Failure::WorkflowRejected { path } => {
            format!("the server rejected the push of the workflow `{}`.", path.as_deref().unwrap_or(WORKFLOWS))
        }
        Failure::Unmerged(problem) => unmerged(problem),
        Failure::ProtectedPattern { error } => format!("a protected path of the policy is no pattern: {error}"),
        Failure::BranchGone { branch } => format!("the branch `{branch}` is gone from GitHub"),
        Failure::StepGone => "the step of this task does not exist any more".to_owned(),
        Failure::NothingToJudge => "there is nothing to judge".to_owned(),
        Failure::VerifierNotRun { verifier, error } => format!("the verifier `{verifier}` could not be run: {error}"),
        Failure::NotStored { error } => format!("what came of it cannot be stored: {error}"),
        Failure::Unreadable { error } => format!("it cannot be read by this version: {error}"),
        Failure::ProcessesEnded { times } => format!("the process that worked on it ended {times} times in a row"),
        Failure::NeverEnded { times } => format!("it was begun {times} times in a row and never ended"),
        Failure::Dropped => "dropped by an operator".to_owned(),
        Failure::External(text) | Failure::Legacy(text) => text.clone(),
    }
}

/// Why a pull request that was to be merged is not, without a stop.
pub fn unmerged(problem: &MergeProblem) -> String {
    match problem {
        MergeProblem::Refused { answer } | MergeProblem::Legacy(answer) => answer.trim_end_matches('.').to_owned(),
        MergeProblem::NotComputed => "GitHub has not computed whether it can be merged".to_owned(),
        MergeProblem::BaseChanged { now, decided_on } => {
            format!("its base is `{now}` now, and `{decided_on}` was decided on")
        }
        MergeProblem::MethodsNotAllowed { methods, branch } => {
            let ways: Vec<&str> = methods.iter().copied().map(merge_method).collect();
            format!("the repository's settings or the rules of `{branch}` allow none of: {}", ways.join(", "))
        }
    }
}

fn merge_method(method: MergeMethod) -> &'static str {
    match method {
        MergeMethod::Merge => "merge commits",
        MergeMethod::Squash => "squash merges",
        MergeMethod::Rebase => "rebase merges",
    }
}

/// What an agent says that it ended with; with what a person can mend.
fn reported(kind: AgentErrorKind, message: &str) -> String {
    let what = match kind {
        AgentErrorKind::Auth => "The agent's key or login was not accepted, which whoever runs Adjutant can mend",
        AgentErrorKind::Quota => "The agent's quota is used up",
        AgentErrorKind::Budget => "The agent's budget is used up",
        AgentErrorKind::Overloaded => "The provider of the agent's model is overloaded",
        AgentErrorKind::Context => "The task is too large for the agent's model",
        AgentErrorKind::Refused => "The agent's model refused the task",
        AgentErrorKind::Tool => "The agent ended with an error",
    };
    match message.trim().trim_end_matches('.') {
        "" => format!("{what}."),
        message => format!("{what}: {message}."),
    }
}

fn exited(status: i32) -> String {
    match status {
        126 => "The agent exited with status 126 (its program may not be executed).".to_owned(),
        127 => "The agent exited with status 127 (command not found).".to_owned(),
        status => format!("The agent exited with status {status}."),
    }
}

fn time(seconds: u64) -> String {
    match seconds {
        120.. => format!("{} minutes", seconds / 60),
        1 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adjutant_domain::ids::Branch;

    fn every_failure() -> Vec<Failure> {
        let error = || "as the system said it".to_owned();
        vec![
            Failure::NoAgent,
            Failure::UnknownAgent { agent: "claude".to_owned() },
            Failure::AgentUnfit { agent: "claude".to_owned(), reason: error() },
            Failure::AgentUnmetered { agent: "own".to_owned() },
            Failure::AgentNotStarted { agent: "claude".to_owned(), error: error() },
            Failure::AgentExited { status: 3 },
            Failure::AgentExited { status: 127 },
            Failure::AgentExited { status: 126 }.and_output("Permission denied".to_owned()),
            Failure::AgentKilled { signal: 9 },
            Failure::AgentKilled { signal: 15 },
            Failure::AgentTimedOut { seconds: 1 },
            Failure::AgentTimedOut { seconds: 3_600 },
            Failure::AgentPrintedTooMuch { bytes: 100 },
            Failure::AgentWroteTooMuch { bytes: 20 << 30, files: 1_000 },
            Failure::DiskFull,
            Failure::AgentCancelled,
            Failure::NoResult,
            Failure::ResultUnusable { problem: "it is not a regular file".to_owned() },
            Failure::AgentReported { kind: AgentErrorKind::Tool, message: String::new(), retry_after: None },
            Failure::NoPlan,
            Failure::NoJudgement,
            Failure::NoWork,
            Failure::AsksTooOften,
            Failure::ChangeRefused { faults: vec!["one".to_owned(), "two".to_owned()] },
            Failure::BranchMoved,
            Failure::NotFastForward,
            Failure::PushRejected { answer: error() },
            Failure::WorkflowsNotGranted { path: Some(".github/workflows/x.yml".to_owned()), error: error() },
            Failure::WorkflowsNotGranted { path: None, error: error() },
            Failure::WorkflowRejected { path: Some(".github/workflows/x.yml".to_owned()) },
            Failure::Unmerged(MergeProblem::NotComputed),
            Failure::ProtectedPattern { error: error() },
            Failure::BranchGone { branch: Branch::new("main") },
            Failure::StepGone,
            Failure::NothingToJudge,
            Failure::VerifierNotRun { verifier: "test".to_owned(), error: error() },
            Failure::NotStored { error: error() },
            Failure::Unreadable { error: error() },
            Failure::ProcessesEnded { times: 3 },
            Failure::NeverEnded { times: 15 },
            Failure::Dropped,
            Failure::External(error()),
            Failure::Legacy("as version 1 said it".to_owned()),
        ]
    }

    #[test]
    fn the_words_of_every_failure() {
        let reported = AgentErrorKind::ALL.iter().map(|kind| Failure::AgentReported {
            kind: *kind,
            message: "as the agent said it.".to_owned(),
            retry_after: Some(60),
        });
        let told: Vec<_> = every_failure().into_iter().chain(reported).map(|failure| words(&failure)).collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn every_failure_is_read_as_it_was_written() {
        for failure in every_failure() {
            let written = serde_json::to_value(&failure).unwrap();
            assert_eq!(serde_json::from_value::<Failure>(written).unwrap(), failure);
        }
    }

    #[test]
    fn the_words_of_every_problem_of_a_merge() {
        let problems = [
            MergeProblem::Refused { answer: "A review is required.".to_owned() },
            MergeProblem::NotComputed,
            MergeProblem::BaseChanged { now: Branch::new("main"), decided_on: Branch::new("adjutant/7-1/main") },
            MergeProblem::MethodsNotAllowed { methods: MergeMethod::ALL.to_vec(), branch: Branch::new("main") },
            MergeProblem::Legacy("as it was said".to_owned()),
        ];
        for problem in &problems {
            let written = serde_json::to_value(problem).unwrap();
            assert_eq!(serde_json::from_value::<MergeProblem>(written).unwrap(), *problem);
        }
        let told: Vec<_> = problems.iter().map(unmerged).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        A review is required
        GitHub has not computed whether it can be merged
        its base is `main` now, and `adjutant/7-1/main` was decided on
        the repository's settings or the rules of `main` allow none of: merge commits, squash merges, rebase merges
        as it was said
        ");
    }
}
