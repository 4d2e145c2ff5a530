//! Orders of people: what they want, who they are, and where they wrote it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::directive::Base;
use crate::ids::{Login, Sha};
use crate::policy::options::PolicyOverride;
use crate::policy::{Policy, PolicyFault};

/// Somebody who asks for something on GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// Their login.
    pub login: Login,
    /// What they may do now, as GitHub says when asked.
    pub permission: Permission,
    /// Whether it is a bot: bots give no orders.
    pub bot: bool,
}

impl Requester {
    /// Whether their orders count.
    pub fn may_command(&self) -> bool {
        !self.bot && self.permission >= Permission::Write
    }
}

/// What somebody may do in a repository.
///
/// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>: `maintain`
/// shows as `write`, `triage` as `read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Nothing.
    None,
    /// Read, or triage.
    Read,
    /// Write, or maintain.
    Write,
    /// Everything.
    Admin,
}

/// An order, with where and when it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commanded {
    /// Who.
    pub actor: Requester,
    /// What.
    pub command: Command,
    /// On which pull request; none on the issue.
    pub pull: Option<u64>,
    /// The commit that a review is about; a comment carries none.
    pub sha: Option<Sha>,
    /// Where the answer goes.
    pub source: Source,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// All that was written with it, for the record; nothing where a button was pressed.
    #[serde(default)]
    pub words: Option<String>,
    /// What the policy says by now, where the order is to take it.
    #[serde(default)]
    pub policy: Option<Box<PolicyRead>>,
}

/// What a repository says by now of how it is worked on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyRead {
    /// The policy, or what is wrong with it.
    pub policy: Result<Policy, Vec<PolicyFault>>,
    /// What the issue's labels and options override of the policy.
    pub overrides: Vec<PolicyOverride>,
    /// The agents that the operator offers.
    pub agents: Option<Vec<String>>,
    /// The base branch with its head; none where the branch is missing.
    pub base: Option<Base>,
}

/// The comment, review or button by which an order was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What it is.
    pub kind: SourceKind,
    /// Its database id.
    pub id: u64,
    /// Its GraphQL id.
    pub node_id: String,
    /// The issue or pull request it stands in.
    pub number: u64,
    /// Which command of it, counted from zero.
    pub index: u32,
}

/// Where an order was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A comment on an issue or pull request.
    IssueComment,
    /// A comment on a line of a diff.
    ReviewComment,
    /// A review.
    Review,
    /// A button of a check run: there is no text that could be reacted to.
    Button,
}

impl SourceKind {
    /// The word in natural keys and hidden markers. It was released and never changes.
    pub fn key_word(self) -> &'static str {
        match self {
            Self::IssueComment => "IssueComment",
            Self::ReviewComment => "ReviewComment",
            Self::Review => "Review",
            Self::Button => "Button",
        }
    }
}

impl Source {
    /// What is unique to one command: where it was written, and which command of that text it is.
    pub fn key(&self, separator: char) -> String {
        format!("{}{separator}{}{separator}{}", self.kind.key_word(), self.id, self.index)
    }
}
