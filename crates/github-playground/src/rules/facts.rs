//! The facts of a commit and its pull request: checks, reviews, conversations.

use std::collections::BTreeMap;

use crate::state::{CheckStatus, Conclusion, Id, Issue, Repo, ReviewState, Role, State, StatusState};

/// The state of a check.
/// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/about-status-checks>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Passed,
    Queued,
    InProgress,
    /// A status whose state is pending.
    Pending,
    Failing,
}

/// The last result of a check or a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) context: String,
    /// The app that reported it; `None` for a status by a person.
    pub(crate) app: Option<Id>,
    pub(crate) standing: Standing,
}

/// The facts of a pull request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) reports: Vec<Report>,
    /// People with write access whose last verdict is an approval.
    pub(crate) approvals: Vec<Id>,
    /// People with write access whose last verdict requests changes.
    pub(crate) objections: Vec<Id>,
    /// The owners of changed files who have not approved. One person or team of each entry is needed.
    pub(crate) owners_missing: Vec<Vec<Id>>,
    pub(crate) last_pusher: Option<Id>,
    pub(crate) open_conversations: usize,
    pub(crate) behind: bool,
}

pub(crate) fn of_pull(state: &State, repo: &Repo, issue: &Issue) -> Facts {
    let pull = issue.pull();
    let mut last_words = BTreeMap::new();
    for review in &pull.reviews {
        // A comment does not change a verdict. A dismissal cancels the dismissed one.
        if !matches!(review.state, ReviewState::Pending | ReviewState::Commented) {
            last_words.insert(review.author, review.state);
        }
    }
    let writers = |wanted: ReviewState| -> Vec<Id> {
        last_words
            .iter()
            .filter(|(author, word)| **word == wanted && state.role(repo, **author) >= Some(Role::Write))
            .map(|(author, _)| *author)
            .collect()
    };
    let approvals = writers(ReviewState::Approved);
    let approved = |owner: &Id| match state.teams.get(owner) {
        Some(team) => state.team_members(team).keys().any(|member| approvals.contains(member)),
        None => approvals.contains(owner),
    };
    let missing = |owners: &&Vec<Id>| !owners.iter().any(approved);
    Facts {
        reports: reports(state, repo, &pull.head_sha),
        owners_missing: pull.gate.owners.iter().filter(missing).cloned().collect(),
        objections: writers(ReviewState::ChangesRequested),
        approvals,
        last_pusher: pull.gate.last_pusher,
        open_conversations: pull.open_conversations(),
        behind: pull.gate.behind,
    }
}

/// The results of checks and statuses of a commit: for each name, the newest run of each app, and the newest status.
pub(crate) fn reports(state: &State, repo: &Repo, sha: &str) -> Vec<Report> {
    let mut newest = BTreeMap::new();
    for run in repo.runs.iter().filter(|run| run.head_sha == sha) {
        newest.insert((run.name.clone(), true, Some(run.app)), of_run(run.status, run.conclusion));
    }
    for status in repo.statuses.iter().filter(|status| status.sha == sha) {
        let app = state.app_of_bot(status.creator);
        let standing = match status.state {
            StatusState::Success => Standing::Passed,
            StatusState::Pending => Standing::Pending,
            StatusState::Error | StatusState::Failure => Standing::Failing,
        };
        // For a context, only the newest status counts, whoever set it.
        newest.retain(|(context, is_run, _), _| *is_run || !context.eq_ignore_ascii_case(&status.context));
        newest.insert((status.context.clone(), false, app), standing);
    }
    newest.into_iter().map(|((context, _, app), standing)| Report { context, app, standing }).collect()
}

fn of_run(status: CheckStatus, conclusion: Option<Conclusion>) -> Standing {
    match (status, conclusion) {
        (CheckStatus::Completed, Some(Conclusion::Success | Conclusion::Neutral | Conclusion::Skipped)) => {
            Standing::Passed
        }
        (CheckStatus::Completed, _) => Standing::Failing,
        (CheckStatus::Queued, _) => Standing::Queued,
        (_, _) => Standing::InProgress,
    }
}
