//! The parts of webhook payloads that are read.
//!
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads>. octocrab's payload models are incomplete and
//! require more fields than are needed. The inbox keeps the raw bytes, so nothing is lost by reading only a part.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::model::{Account, AppRef, label_names, text};
use adjutant_domain::ids::{Branch, Login, Repo, Sha};

/// The fields that all handled events share.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    #[serde(default)]
    pub(crate) action: Option<String>,
    pub(crate) sender: Account,
    pub(crate) installation: Option<Installation>,
    pub(crate) repository: RepositoryRef,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Installation {
    pub(crate) id: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RepositoryRef {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) owner: OwnerRef,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OwnerRef {
    pub(crate) login: String,
}

impl Envelope {
    /// The repository, if the event came through an installation. A repository's own webhook has no installation.
    pub(crate) fn repo(&self) -> Option<Repo> {
        let installation = self.installation.as_ref()?.id;
        let RepositoryRef { id, name, owner } = &self.repository;
        Some(Repo { id: *id, owner: owner.login.clone(), name: name.clone(), installation })
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Issues {
    pub(crate) issue: IssueRef,
    /// In `labeled` and `unlabeled`.
    #[serde(default)]
    pub(crate) label: Option<LabelRef>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct IssueRef {
    pub(crate) number: u64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) title: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) body: String,
    #[serde(rename = "user", deserialize_with = "super::model::login")]
    pub(crate) author: Login,
    #[serde(default, deserialize_with = "label_names")]
    pub(crate) labels: Vec<String>,
    /// Present when the issue is a pull request.
    #[serde(default)]
    pub(crate) pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LabelRef {
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct IssueComment {
    pub(crate) issue: IssueRef,
    pub(crate) comment: RawComment,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ReviewCommentEvent {
    pub(crate) pull_request: PullRef,
    pub(crate) comment: RawComment,
}

/// A comment, as webhooks and REST answers give it.
#[derive(Debug, Clone, Deserialize)]
pub struct RawComment {
    pub(crate) id: u64,
    pub(crate) node_id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) user: Option<Account>,
    pub(crate) created_at: DateTime<Utc>,
    #[serde(default)]
    pub(crate) updated_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) performed_via_github_app: Option<AppRef>,
    /// The review that a comment on a line belongs to.
    #[serde(default)]
    pub(crate) pull_request_review_id: Option<u64>,
    /// The issue or pull request in whose conversation it is. The URL has the same form for both.
    #[serde(default)]
    issue_url: Option<String>,
    /// The pull request whose diff it is on.
    #[serde(default)]
    pull_request_url: Option<String>,
}

impl RawComment {
    /// Whether it was edited after it was written.
    pub(crate) fn is_edited(&self) -> bool {
        self.updated_at.is_some_and(|updated| updated != self.created_at)
    }

    /// The number of the issue or pull request that it is in.
    pub(crate) fn number(&self) -> Option<u64> {
        self.issue_url.as_ref().or(self.pull_request_url.as_ref())?.rsplit('/').next()?.parse().ok()
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct ReviewEvent {
    pub(crate) pull_request: PullRef,
    pub(crate) review: RawReview,
}

/// A review, as webhooks and REST answers give it.
#[derive(Debug, Clone, Deserialize)]
pub struct RawReview {
    pub(crate) id: u64,
    pub(crate) node_id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) user: Option<Account>,
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) commit_id: Option<Sha>,
    #[serde(default)]
    pub(crate) submitted_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PullEvent {
    pub(crate) pull_request: PullRef,
    /// In `synchronize`: the new head.
    #[serde(default)]
    pub(crate) after: Option<Sha>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PullRef {
    pub(crate) number: u64,
    /// Absent if a pull request is only mentioned.
    #[serde(default)]
    pub(crate) head: Option<HeadRef>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct HeadRef {
    pub(crate) sha: Sha,
    #[serde(rename = "ref")]
    pub(crate) branch: Branch,
    /// `None` if the fork was deleted.
    #[serde(default)]
    pub(crate) repo: Option<RepoId>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RepoId {
    pub(crate) id: u64,
}

/// `check_run.rerequested` and `check_suite.rerequested`.
#[derive(Debug, Deserialize)]
pub(crate) struct Rerequest {
    #[serde(default)]
    pub(crate) check_run: Option<CheckRunRef>,
    #[serde(default)]
    pub(crate) check_suite: Option<CheckRunRef>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PushEvent {
    #[serde(rename = "ref")]
    pub(crate) reference: String,
    pub(crate) after: Sha,
    #[serde(default)]
    pub(crate) deleted: Gone,
    /// At most 2,048 of the commits that were pushed.
    #[serde(default)]
    pub(crate) commits: Vec<PushedCommit>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PushedCommit {
    #[serde(default, deserialize_with = "text")]
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CheckRunEvent {
    pub(crate) check_run: CheckRunRef,
    /// In `requested_action`.
    #[serde(default)]
    pub(crate) requested_action: Option<RequestedAction>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CheckRunRef {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) node_id: String,
    pub(crate) head_sha: Sha,
    pub(crate) app: Option<AppRef>,
    #[serde(default)]
    pub(crate) pull_requests: Vec<PullRef>,
    /// Of a check suite: the branch whose push it is about.
    #[serde(default)]
    pub(crate) head_branch: Option<Branch>,
}

/// `status`: a commit status was set.
#[derive(Debug, Deserialize)]
pub(crate) struct StatusEvent {
    pub(crate) sha: Sha,
    /// The branches with that commit, at most ten.
    #[serde(default)]
    pub(crate) branches: Vec<BranchRef>,
}

/// `merge_group`: a merge queue wants the checks of a group.
#[derive(Debug, Deserialize)]
pub(crate) struct MergeGroupEvent {
    pub(crate) merge_group: MergeGroup,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MergeGroup {
    pub(crate) head_sha: Sha,
    head_ref: String,
}

impl MergeGroup {
    /// The pull request that the group adds: the last one in `refs/heads/gh-readonly-queue/{base}/pr-{number}-{sha}`.
    pub(crate) fn pull(&self) -> Option<u64> {
        let (number, _) = self.head_ref.rsplit('/').next()?.strip_prefix("pr-")?.split_once('-')?;
        number.parse().ok()
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct BranchRef {
    pub(crate) name: Branch,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RequestedAction {
    pub(crate) identifier: String,
}

/// Whether a push deleted its branch.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "bool")]
pub(crate) enum Gone {
    #[default]
    No,
    Yes,
}

impl From<bool> for Gone {
    fn from(deleted: bool) -> Self {
        if deleted { Self::Yes } else { Self::No }
    }
}

impl PushEvent {
    pub(crate) fn branch(&self) -> Option<Branch> {
        self.reference.strip_prefix("refs/heads/").map(Branch::new)
    }
}
