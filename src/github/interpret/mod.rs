//! From a delivery to signals, in two stages.
//!
//! [`parse`] is pure: an event's name and raw body become a [`Fact`], or the reason why there is none. [`interpret`]
//! then reads the truth live, since a payload may be stale by the time it is handled: who may do what now, which label
//! the policy names, where a branch stands, whether a pull request was merged. Out come [`Addressed`] signals for the
//! engine.
//!
//! What never happens here: nothing is written, on GitHub or in the store, so that a delivery may be interpreted again
//! after an error; nothing is decided (an order of somebody without rights still becomes a signal, for the engine to
//! refuse); and edits of comments count for nothing, since a maintainer can edit a stranger's into an approval.
//!
//! Races that are accepted: two deliveries may tell the same (a push comes as `push` and as `synchronize`, and our own
//! merges come back), and the engine ignores what it knows already. A label that makes stricter, set in the moment in
//! which a directive is being opened, may be read by neither of the two deliveries; setting it again helps.

mod edit;
mod fact;
mod label;
mod order;
mod pull;

pub(super) use label::policy_label;

use async_trait::async_trait;
use thiserror::Error;

pub use fact::{
    Fact, FactKind, Happened, Heading, LabelSet, PayloadError, Person, Place, Pressed, ReviewState, Reviewed, Said,
    parse,
};

use super::{client::GitHub, error::GitHubError, repository::RepoClient};
use adjutant_domain::{
    directive::Directive,
    ids::{DirectiveId, Repo, Sha},
    signal::{Actor, Permission, Signal},
};

/// What a delivery comes down to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Nothing for the engine, because.
    Ignored(String),
    /// Something happened; never empty.
    Signals(Vec<Addressed>),
    /// A pull request that is not Adjutant's has a new head.
    Foreign {
        /// Where.
        repo: Repo,
        /// Its head.
        head: Sha,
    },
}

/// A signal, and whom it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Addressed {
    /// Whom it is for.
    pub target: Target,
    /// What happened.
    pub signal: Signal,
}

/// Whom a signal is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A directive that is there.
    Directive(DirectiveId),
    /// An issue that has no live one: the signal may open it.
    Issue {
        /// Where.
        repo: Repo,
        /// The issue's number.
        issue: u64,
    },
}

/// What the interpretation asks of the store.
#[async_trait]
pub trait DirectiveLookup: Send + Sync {
    /// The newest directive of an issue that is not over.
    async fn live_for_issue(&self, repository: u64, issue: u64) -> Result<Option<Directive>, LookupError>;
    /// The newest directive of an issue, over or not.
    async fn newest_for_issue(&self, repository: u64, issue: u64) -> Result<Option<Directive>, LookupError>;
    /// The newest directive with a step, or a final pull request, of that pull request's number.
    async fn for_pull(&self, repository: u64, pull: u64) -> Result<Option<Directive>, LookupError>;
    /// How many directives an issue had, over or not.
    async fn count_for_issue(&self, repository: u64, issue: u64) -> Result<u32, LookupError>;
}

/// The store could not be asked. Try again.
#[derive(Debug, Error)]
#[error("the store could not be asked: {0}")]
pub struct LookupError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why a fact could not be interpreted.
#[derive(Debug, Error)]
pub enum InterpretError {
    /// GitHub could not be asked; [`GitHubError::is_transient`] says whether to try again.
    #[error(transparent)]
    GitHub(#[from] GitHubError),
    /// The store could not be asked. Try again.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

impl InterpretError {
    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::GitHub(error) => error.is_transient(),
            Self::Lookup(_) => true,
        }
    }
}

/// Reads the truth about a fact, and tells it as signals.
pub async fn interpret(github: &GitHub, lookup: &dyn DirectiveLookup, fact: Fact) -> Result<Reading, InterpretError> {
    let Happened { repo, sender, what } = match fact {
        Fact::Ignored(reason) => return Ok(Reading::Ignored(reason)),
        Fact::Happened(happened) => *happened,
    };
    let context = IngestContext { github, lookup, client: github.repository(&repo), repo, sender };
    match what {
        FactKind::Labelled(set) => context.labelled(set).await,
        FactKind::Unlabelled { issue, label } => context.unlabelled(issue, &label).await,
        FactKind::IssueEdited { issue } => context.issue_edited(issue).await,
        FactKind::IssueClosed { issue } => context.issue_closed(issue).await,
        FactKind::IssueRemoved { issue } => context.issue_removed(issue).await,
        FactKind::Said(said) => context.said(said).await,
        FactKind::Reviewed(reviewed) => context.reviewed(reviewed).await,
        FactKind::Pressed(pressed) => context.pressed(pressed).await,
        FactKind::Rerequested { app, head, pulls } => context.rerequested(app, head, &pulls).await,
        FactKind::PullOpened(opened) => context.pull_opened(&opened).await,
        FactKind::PullClosed { pull } => context.pull_closed(pull).await,
        FactKind::PullPushed(pushed) => context.pull_pushed(&pushed).await,
        FactKind::BranchPushed { branch, head } => context.branch_pushed(&branch, &head).await,
    }
}

/// Where a fact happened, and what is there to ask about it.
struct IngestContext<'a> {
    github: &'a GitHub,
    lookup: &'a dyn DirectiveLookup,
    client: RepoClient,
    repo: Repo,
    sender: Person,
}

impl IngestContext<'_> {
    /// Somebody with what they may do now. Bots may command nothing, so that GitHub is not asked about them.
    async fn actor(&self, person: &Person) -> Result<Actor, GitHubError> {
        let permission = if person.bot { Permission::None } else { self.client.permission(&person.login).await? };
        Ok(Actor { login: person.login.clone(), permission, bot: person.bot })
    }

    /// Whether it is this app's own account.
    async fn is_own(&self, person: &Person) -> Result<bool, GitHubError> {
        // A person is never our bot; asking only about bots spares a read at the very first event.
        Ok(person.bot && self.github.app().await?.bot_login == person.login)
    }
}

fn ignored(reason: impl Into<String>) -> Reading {
    Reading::Ignored(reason.into())
}

fn one(target: Target, signal: Signal) -> Reading {
    Reading::Signals(vec![Addressed { target, signal }])
}
