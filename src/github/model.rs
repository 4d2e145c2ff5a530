//! What GitHub answers, as far as it is read.
//!
//! octocrab's own models insist on fields that are not needed here and lack others; these take what they know and
//! nothing more, so that an answer with additional or missing fields can still be read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use adjutant_domain::ids::{Branch, Login, Sha};

/// The login that GitHub shows for a deleted account. It belongs to a real user, so that nothing may depend on it.
///
/// <https://github.com/ghost>
pub const GHOST: &str = "ghost";

/// An account, as it appears in everything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    pub(crate) login: Login,
    #[serde(default)]
    pub(crate) id: u64,
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
}

impl Account {
    /// Whether no person is behind it.
    pub(crate) fn is_bot(&self) -> bool {
        self.kind == "Bot" || self.login.as_str().ends_with("[bot]")
    }
}

/// An app, as it appears in what it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct AppRef {
    pub(crate) id: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// GitHub's numeric id.
    pub id: u64,
    #[serde(deserialize_with = "login")]
    pub owner: Login,
    /// The name without the owner.
    pub name: String,
    /// `owner/name`.
    pub full_name: String,
    /// The branch that closing keywords and the policy refer to.
    pub default_branch: Branch,
    /// Whether only members see it.
    #[serde(default)]
    pub private: bool,
}

/// Whether an issue or pull request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenState {
    Open,
    Closed,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    /// Markdown.
    #[serde(default, deserialize_with = "text")]
    pub body: String,
    /// Whether it is open.
    pub state: OpenState,
    #[serde(rename = "user", deserialize_with = "login")]
    pub author: Login,
    /// The names of its labels.
    #[serde(default, deserialize_with = "label_names")]
    pub labels: Vec<String>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Where people see it.
    pub html_url: String,
    /// Present where it is a pull request: GitHub answers for both under an issue's address.
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
}

impl Issue {
    /// Whether it is a pull request.
    pub fn is_pull(&self) -> bool {
        self.pull_request.is_some()
    }

    /// Whether it carries that label. GitHub's labels know no case.
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|name| same_label(name, label))
    }
}

/// Whether two names are the same label to GitHub.
pub(crate) fn same_label(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// A comment on an issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// GitHub's numeric id.
    pub id: u64,
    /// The GraphQL node id.
    pub node_id: String,
    /// Markdown.
    #[serde(default, deserialize_with = "text")]
    pub body: String,
    #[serde(rename = "user", deserialize_with = "login")]
    pub author: Login,
    /// Where people see it.
    pub html_url: String,
    #[serde(default)]
    pub(crate) performed_via_github_app: Option<AppRef>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RawPull")]
pub struct PullRequest {
    pub number: u64,
    /// The GraphQL node id.
    pub node_id: String,
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Whether it is open; a merged one is closed.
    pub state: OpenState,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether it was merged.
    pub merged: bool,
    pub merged_by: Option<Login>,
    /// Once merged, the commit on the base. Before, GitHub's test merge; newer API versions leave it out.
    pub merge_commit_sha: Option<Sha>,
    /// The branch that is to be merged.
    pub head_branch: Branch,
    /// The repository of that branch: another one where it comes from a fork, none where that is gone.
    pub head_repo: Option<u64>,
    /// The head commit.
    pub head_sha: Sha,
    /// The branch that it merges into.
    pub base_branch: Branch,
    /// Whether it merges without conflict; none while GitHub has not computed it: ask again.
    pub mergeable: Option<bool>,
    pub author: Login,
    /// Where people see it.
    pub html_url: String,
}

#[derive(Deserialize)]
struct RawPull {
    number: u64,
    node_id: String,
    title: String,
    #[serde(default, deserialize_with = "text")]
    body: String,
    state: OpenState,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    merged: bool,
    #[serde(default)]
    merged_at: Option<DateTime<Utc>>,
    #[serde(default)]
    merged_by: Option<Account>,
    #[serde(default)]
    merge_commit_sha: Option<Sha>,
    head: RawEnd,
    base: RawEnd,
    #[serde(default)]
    mergeable: Option<bool>,
    #[serde(deserialize_with = "login")]
    user: Login,
    html_url: String,
}

#[derive(Deserialize)]
struct RawEnd {
    #[serde(rename = "ref")]
    branch: Branch,
    sha: Sha,
    #[serde(default)]
    repo: Option<RawEndRepo>,
}

#[derive(Deserialize)]
struct RawEndRepo {
    id: u64,
}

impl From<RawPull> for PullRequest {
    fn from(raw: RawPull) -> Self {
        Self {
            number: raw.number,
            node_id: raw.node_id,
            title: raw.title,
            body: raw.body,
            state: raw.state,
            draft: raw.draft,
            merged: raw.merged || raw.merged_at.is_some(),
            merged_by: raw.merged_by.map(|account| account.login),
            merge_commit_sha: raw.merge_commit_sha,
            head_branch: raw.head.branch,
            head_repo: raw.head.repo.map(|repo| repo.id),
            head_sha: raw.head.sha,
            base_branch: raw.base.branch,
            mergeable: raw.mergeable,
            author: raw.user,
            html_url: raw.html_url,
        }
    }
}

/// A comment on a line of a diff.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReviewComment {
    /// GitHub's numeric id.
    pub id: u64,
    /// The file that it is about.
    pub path: String,
    /// The line that it is about; none on a whole file.
    #[serde(default)]
    line: Option<u64>,
    /// The same, as it was when the comment was written.
    #[serde(default)]
    original_line: Option<u64>,
    /// The part of the diff above it.
    #[serde(default, deserialize_with = "text")]
    pub diff_hunk: String,
    /// Markdown.
    #[serde(default, deserialize_with = "text")]
    pub body: String,
    #[serde(rename = "user", deserialize_with = "login")]
    pub author: Login,
}

impl ReviewComment {
    /// The line that it is about, in the newest diff or else in the one that it was written on.
    pub fn line(&self) -> Option<u64> {
        self.line.or(self.original_line)
    }
}

/// A text that GitHub gives as null where it is empty.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

/// The login of an account, which is null once it was deleted.
pub(crate) fn login<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Login, D::Error> {
    Ok(Option::<Account>::deserialize(deserializer)?.map_or_else(|| Login::new(GHOST), |account| account.login))
}

/// The names of labels, which come as objects or, in old answers, as bare names.
pub(super) fn label_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Label {
        Name(String),
        Object { name: Option<String> },
    }
    let labels = Vec::<Label>::deserialize(deserializer)?;
    Ok(labels
        .into_iter()
        .filter_map(|label| match label {
            Label::Name(name) => Some(name),
            Label::Object { name } => name,
        })
        .collect())
}
