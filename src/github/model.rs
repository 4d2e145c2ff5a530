//! The parts of GitHub's answers that are read.
//!
//! octocrab's models require fields that are not needed here and lack others. These structs have only the fields that
//! are used, so an answer with additional or missing other fields can be read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use adjutant_domain::ids::{Branch, Login, Sha};

/// The login that GitHub shows for a deleted account. A real user has this login, so nothing may depend on it.
///
/// <https://github.com/ghost>
pub const GHOST: &str = "ghost";

/// An account, as all payloads contain it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    pub(crate) login: Login,
    #[serde(default)]
    pub(crate) id: u64,
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
}

impl Account {
    /// Whether the account belongs to a program.
    pub(crate) fn is_bot(&self) -> bool {
        self.kind == "Bot" || self.login.as_str().ends_with("[bot]")
    }
}

/// An app, as payloads name it.
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
    /// Whether only members can see it.
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
    pub state: OpenState,
    #[serde(rename = "user", deserialize_with = "login")]
    pub author: Login,
    /// The names of its labels.
    #[serde(default, deserialize_with = "label_names")]
    pub labels: Vec<String>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The URL of its page.
    pub html_url: String,
    /// Present if it is a pull request, because GitHub also serves pull requests as issues.
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
}

impl Issue {
    pub fn is_pull(&self) -> bool {
        self.pull_request.is_some()
    }

    /// Whether it has the label. GitHub ignores case in labels.
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|name| same_label(name, label))
    }
}

/// Whether GitHub treats two names as the same label.
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
    /// The URL of its page.
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
    /// Open or closed; a merged one is closed.
    pub state: OpenState,
    pub draft: bool,
    pub merged: bool,
    pub merged_by: Option<Login>,
    /// After the merge, the commit on the base. Before it, GitHub's test merge; newer API versions omit that.
    pub merge_commit_sha: Option<Sha>,
    /// The branch to merge.
    pub head_branch: Branch,
    /// The repository of that branch: another one for a fork, `None` if the fork was deleted.
    pub head_repo: Option<u64>,
    /// The head commit.
    pub head_sha: Sha,
    /// The branch that it merges into.
    pub base_branch: Branch,
    /// Whether it merges without conflict; `None` while GitHub is still computing it: ask again.
    pub mergeable: Option<bool>,
    pub author: Login,
    /// The URL of its page.
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
    /// The line that it is about; `None` for a whole file.
    #[serde(default)]
    line: Option<u64>,
    /// The line as of when the comment was written.
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
    /// The line that it is about, in the newest diff or else in the original one.
    pub fn line(&self) -> Option<u64> {
        self.line.or(self.original_line)
    }
}

/// A text that is null in GitHub's answer if it is empty.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

/// The login of an account, which is null after the account was deleted.
pub(crate) fn login<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Login, D::Error> {
    Ok(Option::<Account>::deserialize(deserializer)?.map_or_else(|| Login::new(GHOST), |account| account.login))
}

/// The names of labels. They are objects, or plain strings in old answers.
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
