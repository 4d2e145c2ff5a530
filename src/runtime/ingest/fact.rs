//! What happened in a repository, according to a webhook ([`super::parse`]) or a look ([`super::past`]).

use chrono::{DateTime, Utc};

use crate::github::{Account, RawComment, RawReview};
use adjutant_domain::{
    ids::{Branch, Login, Repo, Sha},
    signal::SourceKind,
};

/// Something that happened in a repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub repo: Repo,
    /// Who caused it; `None` if GitHub does not say.
    pub sender: Option<User>,
    pub kind: FactKind,
}

/// An account, as a payload names it. Its permission is asked of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub login: Login,
    /// Whether it is an app's account.
    pub bot: bool,
}

/// The kinds of facts, with their data.
#[derive(Debug, Clone, PartialEq)]
pub enum FactKind {
    /// An issue got a label.
    Labelled(IssueLabelled),
    /// An issue lost a label.
    Unlabelled {
        issue: u64,
        label: String,
    },
    /// An issue's title or text was edited.
    IssueEdited {
        issue: u64,
    },
    /// An issue was closed.
    IssueClosed {
        issue: u64,
    },
    /// An issue was deleted or transferred.
    IssueRemoved {
        /// The number that the issue had.
        issue: u64,
    },
    Commented(CommentWritten),
    /// A comment or review was edited, deleted or dismissed. What it says now is read from GitHub.
    WordsChanged(WordsChanged),
    /// Somebody submitted a review.
    Reviewed(ReviewSubmitted),
    /// Somebody pressed a button of a check run.
    ButtonPressed(ButtonPressed),
    /// A pull request was closed, merged or not.
    PullClosed {
        /// The pull request's number.
        pull: u64,
    },
    /// A pull request was opened.
    PullOpened(PullHead),
    /// A closed pull request was opened again.
    PullReopened(PullHead),
    /// A pull request was converted to a draft.
    PullDrafted {
        /// The pull request's number.
        pull: u64,
    },
    /// A draft was marked as ready for review.
    PullReady {
        /// The pull request's number.
        pull: u64,
    },
    /// Somebody pushed to a pull request's branch.
    PullPushed(PullHead),
    /// Somebody asked GitHub to run an app's checks again.
    ChecksRerequested {
        /// The app whose checks they are.
        app: Option<u64>,
        head: Sha,
        /// The pull requests with that head.
        pulls: Vec<u64>,
    },
    /// The checks of an app on a commit are complete, or a commit status was set.
    CiChanged {
        /// The app whose checks they are; `None` for a commit status.
        app: Option<u64>,
        head: Sha,
        /// Branches with that head.
        branches: Vec<Branch>,
    },
    /// A merge queue wants the checks of a group.
    MergeGroupMade {
        /// The group's commit.
        head: Sha,
        /// The pull request that the group adds to those ahead of it.
        pull: Option<u64>,
    },
    /// Somebody pushed to a branch.
    BranchPushed {
        branch: Branch,
        head: Sha,
        /// What the pushed commits say that they take back.
        reverts: Vec<Revert>,
    },
}

/// A label that an issue got, and the issue as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueLabelled {
    pub issue: u64,
    pub title: String,
    pub body: String,
    pub author: Login,
    pub label: String,
    /// All labels that it had then.
    pub labels: Vec<String>,
}

/// What a commit says that it takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revert {
    /// A commit, as `git revert` says it.
    Commit(Sha),
    /// A pull request of the same repository, as GitHub's button says it.
    Pull(u64),
}

/// A pull request and its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullHead {
    /// The pull request's number.
    pub pull: u64,
    pub head: Sha,
    /// The branch of the head; `None` if it is in a fork.
    pub branch: Option<Branch>,
}

/// The conversation that a comment is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thread {
    /// The number of the issue or pull request.
    pub number: u64,
    pub kind: ThreadKind,
}

/// Issues and pull requests share their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadKind {
    Issue,
    Pull,
}

/// A comment that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentWritten {
    pub thread: Thread,
    pub author: User,
    /// The app through which it was written, if any.
    pub via_app: Option<u64>,
    pub body: String,
    /// Whether it is in the conversation or on a line of the diff.
    pub kind: SourceKind,
    /// GitHub's numeric id.
    pub id: u64,
    /// The GraphQL node id.
    pub node_id: String,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The review that it belongs to, if it is on a line of the diff.
    pub review: Option<u64>,
}

/// A comment or review whose words count no longer as they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordsChanged {
    pub thread: Thread,
    pub kind: SourceKind,
    /// GitHub's numeric id.
    pub id: u64,
}

/// A review that was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewSubmitted {
    /// The pull request's number.
    pub pull: u64,
    pub author: User,
    pub state: ReviewState,
    pub body: String,
    /// The commit that was reviewed.
    pub commit: Option<Sha>,
    /// GitHub's numeric id.
    pub id: u64,
    /// The GraphQL node id.
    pub node_id: String,
    /// When it was submitted.
    pub at: DateTime<Utc>,
}

/// A button that was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ButtonPressed {
    /// The identifier that the check run gave the button.
    pub identifier: String,
    /// The check run's database id.
    pub check: u64,
    /// The check run's GraphQL id.
    pub node_id: String,
    /// The app that made the check run.
    pub app: Option<u64>,
    /// The commit that the check run is about.
    pub head: Sha,
    /// The pull requests with that head.
    pub pulls: Vec<u64>,
}

/// The verdict of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    Approved,
    ChangesRequested,
    Commented,
}

impl ReviewState {
    /// The verdict by GitHub's word, which is in lower case in webhooks and in upper case in REST answers; `None` if it
    /// is no verdict (`dismissed`, `pending`).
    pub(super) fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "approved" => Some(Self::Approved),
            "changes_requested" => Some(Self::ChangesRequested),
            "commented" => Some(Self::Commented),
            _ => None,
        }
    }
}

impl User {
    pub(super) fn of(account: &Account) -> Self {
        Self { login: account.login.clone(), bot: account.is_bot() }
    }

    /// The author, or the sender of the webhook if the account was deleted and is therefore not named.
    fn author(account: Option<&Account>, sender: &Self) -> Self {
        account.map_or_else(|| sender.clone(), Self::of)
    }
}

impl CommentWritten {
    /// Reads a comment, whether a webhook or a REST answer brought it.
    pub(super) fn read(raw: RawComment, thread: Thread, kind: SourceKind, sender: &User) -> Self {
        Self {
            thread,
            author: User::author(raw.user.as_ref(), sender),
            via_app: raw.performed_via_github_app.map(|app| app.id),
            body: raw.body,
            kind,
            id: raw.id,
            node_id: raw.node_id,
            at: raw.created_at,
            review: raw.pull_request_review_id,
        }
    }
}

impl ReviewSubmitted {
    /// Reads a review, whether a webhook or a REST answer brought it.
    pub(super) fn read(raw: RawReview, pull: u64, sender: &User) -> Result<Self, UnreadableReview> {
        let state = ReviewState::of(&raw.state).ok_or_else(|| UnreadableReview::NoVerdict(raw.state.clone()))?;
        Ok(Self {
            pull,
            author: User::author(raw.user.as_ref(), sender),
            state,
            body: raw.body,
            commit: raw.commit_id,
            id: raw.id,
            node_id: raw.node_id,
            at: raw.submitted_at.ok_or(UnreadableReview::NotSubmitted)?,
        })
    }
}

/// Why a review does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UnreadableReview {
    /// Its state is no verdict.
    NoVerdict(String),
    /// It was not submitted yet.
    NotSubmitted,
}
