//! Turns what happens on GitHub into signals for the engine.
//!
//! An event reaches Adjutant in two ways: a webhook brings it, or a look finds it later because no webhook arrived.
//! Both become the same [`Fact`]: `parse` reads a webhook, and `past` what a look found. [`interpret`] then asks GitHub
//! for the present state, because a fact may be out of date when it is handled: who has which permission, which label
//! the policy names, where a branch is, whether a pull request was merged. The result is [`Addressed`] signals.
//!
//! What never happens here: nothing is written to GitHub or to the store, so that a fact may be interpreted again after
//! an error. Nothing is decided: a command of somebody without permission also becomes a signal, and the engine refuses
//! it. Edits of comments give no commands, because a maintainer can edit a stranger's comment into an approval. They only take
//! an approval back that the comment gave.
//!
//! Accepted races: an approval that is taken back between its last read and its transaction stands until it is taken back by
//! command; two webhooks may report the same event (a push comes as `push` and as `synchronize`, and our own
//! merges come back), and the engine ignores what it knows already. A label that makes the policy stricter, set while a
//! directive is being opened, may be read by neither of the two webhooks; setting it again helps.

mod ci;
mod command;
mod consent;
mod edit;
mod fact;
mod label;
mod parse;
pub(super) mod past;
mod pull;
mod revert;

use std::time::Duration;

use thiserror::Error;

pub use fact::{
    ButtonPressed, CommentWritten, Fact, FactKind, IssueLabelled, PullHead, Revert, ReviewState, ReviewSubmitted,
    Thread, ThreadKind, User, WordsChanged,
};
pub(super) use label::policy_label;
pub use parse::{PayloadError, Webhook, parse};

use crate::github::{GHOST, GitHub, GitHubError, RepoClient};
use crate::store::{Store, StoreError};
use adjutant_domain::{
    actor::Actor,
    directive::Directive,
    ids::{DirectiveId, Login, Repo, Sha},
    signal::{Permission, Requester, Signal},
};

/// What a fact means for the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Interpretation {
    /// It has nothing for the engine, for this reason.
    Ignored(String),
    /// Signals, never empty: for one directive or issue, but for reverts, which can be of several directives.
    Signals(Vec<Addressed>),
    /// A pull request that is not Adjutant's has a new head.
    ForeignPull { repo: Repo, head: Sha },
    /// A merge queue wants to know about a group, which adds this pull request.
    MergeGroup { repo: Repo, head: Sha, pull: Option<u64> },
}

/// A signal and its recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct Addressed {
    pub target: Target,
    pub signal: Signal,
}

/// The recipient of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A directive that exists.
    Directive(DirectiveId),
    /// An issue that has no live directive: the signal may open one.
    Issue { repo: Repo, issue: u64 },
}

/// Why a fact did not become signals. Each variant says what to do about it.
#[derive(Debug, Error)]
pub enum IngestError {
    #[error("{why}")]
    Later {
        /// When to try again, if GitHub named a time.
        after: Option<Duration>,
        why: String,
    },
    /// The app has no access to the repository at present: wait until people restore it.
    #[error("{why}")]
    NoAccess { why: String },
    /// GitHub refused a read. It also refuses for a moment, so try a few times before accepting it.
    #[error("{why}")]
    Refused { why: String },
    /// It is about a directive that a newer version wrote: leave it to a process of that version.
    #[error("{why}")]
    Newer {
        /// The version that wrote the directive.
        version: i32,
        why: String,
    },
    /// A permanent failure.
    #[error("{why}")]
    Never {
        /// What is wrong with it.
        why: String,
    },
}

impl From<GitHubError> for IngestError {
    fn from(error: GitHubError) -> Self {
        let why = error.to_string();
        match error {
            GitHubError::NoAccess { .. } => Self::NoAccess { why },
            error if error.is_transient() => Self::Later { after: error.retry_after(), why },
            _ => Self::Refused { why },
        }
    }
}

impl From<StoreError> for IngestError {
    fn from(error: StoreError) -> Self {
        let why = error.to_string();
        match error {
            StoreError::Newer { found, .. } => Self::Newer { version: found, why },
            error if error.is_certain() => Self::Never { why },
            _ => Self::Later { after: None, why },
        }
    }
}

impl From<PayloadError> for IngestError {
    fn from(error: PayloadError) -> Self {
        Self::Never { why: error.to_string() }
    }
}

/// Asks GitHub for the present state that a fact is about, and turns the fact into signals.
pub async fn interpret(github: &GitHub, store: &Store, fact: Fact) -> Result<Interpretation, IngestError> {
    let Fact { repo, sender, kind } = fact;
    let context = IngestContext { github, store, client: github.repository(&repo), repo, sender };
    match kind {
        FactKind::Labelled(labelled) => context.labelled(labelled).await,
        FactKind::Unlabelled { issue, label } => context.unlabelled(issue, &label).await,
        FactKind::IssueEdited { issue } => context.issue_edited(issue).await,
        FactKind::IssueClosed { issue } => context.issue_closed(issue).await,
        FactKind::IssueRemoved { issue } => context.issue_removed(issue).await,
        FactKind::Commented(comment) => context.commented(comment).await,
        FactKind::WordsChanged(changed) => context.words_changed(changed).await,
        FactKind::Reviewed(review) => context.reviewed(review).await,
        FactKind::ButtonPressed(pressed) => context.button_pressed(pressed).await,
        FactKind::ChecksRerequested { app, head, pulls } => context.checks_rerequested(app, head, &pulls).await,
        FactKind::PullOpened(opened) => context.pull_opened(&opened).await,
        FactKind::PullReopened(opened) => context.pull_reopened(&opened).await,
        FactKind::PullDrafted { pull } => context.pull_drafted(pull).await,
        FactKind::PullReady { pull } => context.pull_ready(pull).await,
        FactKind::PullClosed { pull } => context.pull_closed(pull).await,
        FactKind::PullPushed(pushed) => context.pull_pushed(&pushed).await,
        FactKind::CiChanged { app, head, branches } => context.ci_changed(app, head, &branches).await,
        FactKind::MergeGroupMade { head, pull } => Ok(Interpretation::MergeGroup { repo: context.repo, head, pull }),
        FactKind::BranchPushed { branch, head, reverts } => context.branch_pushed(&branch, &head, &reverts).await,
    }
}

/// Where a fact happened and who caused it, with the clients to ask about it.
struct IngestContext<'a> {
    github: &'a GitHub,
    store: &'a Store,
    client: RepoClient,
    repo: Repo,
    sender: Option<User>,
}

impl IngestContext<'_> {
    /// A user with their present permission. Bots may run no commands, so GitHub is not asked about them.
    async fn requester(&self, user: &User) -> Result<Requester, GitHubError> {
        let permission = if user.bot { Permission::None } else { self.client.permission(&user.login).await? };
        Ok(Requester { login: user.login.clone(), permission, bot: user.bot })
    }

    /// The sender with their present permission; a user without any permission if GitHub does not name the sender.
    async fn sender(&self) -> Result<Requester, GitHubError> {
        match &self.sender {
            Some(user) => self.requester(user).await,
            None => Ok(Requester { login: Login::new(GHOST), permission: Permission::None, bot: false }),
        }
    }

    /// The sender as an actor of the engine.
    async fn sent_by(&self) -> Result<Actor, GitHubError> {
        Ok(match &self.sender {
            None => Actor::Unknown,
            Some(user) if self.is_own(user).await? => Actor::Adjutant,
            Some(user) => Actor::Person(user.login.clone()),
        })
    }

    /// Whether it is this app's own account.
    async fn is_own(&self, user: &User) -> Result<bool, GitHubError> {
        // A person is never our bot. Asking only about bots saves a request for most events.
        Ok(user.bot && self.github.app().await?.bot_login == user.login)
    }

    /// The newest directive of an issue that is not over.
    async fn live_for_issue(&self, issue: u64) -> Result<Option<Directive>, StoreError> {
        let id = self.store.live_directive_for_issue(self.repo.id, issue).await?;
        self.directive(id).await
    }

    /// The newest directive of an issue, over or not.
    async fn newest_for_issue(&self, issue: u64) -> Result<Option<Directive>, StoreError> {
        let id = self.store.newest_for_issue(self.repo.id, issue).await?;
        self.directive(id).await
    }

    /// The newest directive with a step, or a final step, of that pull request's number.
    async fn for_pull(&self, pull: u64) -> Result<Option<Directive>, StoreError> {
        let id = self.store.directive_for_pull(self.repo.id, pull).await?;
        self.directive(id).await
    }

    async fn directive(&self, id: Option<DirectiveId>) -> Result<Option<Directive>, StoreError> {
        match id {
            Some(id) => self.store.directive(id).await,
            None => Ok(None),
        }
    }
}

fn ignored(reason: impl Into<String>) -> Interpretation {
    Interpretation::Ignored(reason.into())
}

fn one(target: Target, signal: Signal) -> Interpretation {
    Interpretation::Signals(vec![Addressed { target, signal }])
}
