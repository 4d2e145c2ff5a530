//! Earlier events of a repository, for `runtime::reconcile`, which finds events whose webhook never arrived.
//!
//! Comments and reviews are the same [`RawComment`] and [`RawReview`] as in webhooks, so that one reader handles both.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::{
    client::GitHub,
    error::GitHubError,
    model::{Account, same_label, text},
    payload::{RawComment, RawReview},
    repository::RepoClient,
    transport::Request,
};
use adjutant_domain::ids::Repo;

/// The most pages of a hundred that are read of the lists of installations and repositories.
const MOST_PAGES: usize = 20;

/// The two lists of comments that a repository has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentList {
    /// Comments in the conversation of an issue or pull request.
    Issues,
    /// Comments on lines of a diff.
    Reviews,
}

/// An event of an issue.
///
/// <https://docs.github.com/en/rest/issues/events#list-issue-events>
#[derive(Debug, Clone, Deserialize)]
pub struct IssueEvent {
    /// GitHub's numeric id.
    pub id: u64,
    event: String,
    /// Who did it; `None` if the account was deleted.
    #[serde(default)]
    pub actor: Option<Account>,
    pub created_at: DateTime<Utc>,
    #[serde(default)]
    label: Option<EventLabel>,
}

#[derive(Debug, Clone, Deserialize)]
struct EventLabel {
    #[serde(default, deserialize_with = "text")]
    name: String,
}

#[derive(Debug, Deserialize)]
struct ListedIssue {
    number: u64,
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct ListedInstallation {
    id: u64,
    #[serde(default)]
    suspended_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
struct Covered {
    repositories: Vec<super::model::Repository>,
}

impl GitHub {
    /// All repositories that the app has access to, by installation, without those that cannot be listed now.
    pub async fn all_repositories(&self) -> Result<BTreeMap<u64, Vec<Repo>>, GitHubError> {
        let mut all = BTreeMap::new();
        let mut next = Some("/app/installations?per_page=100".to_owned());
        for _ in 0..MOST_PAGES {
            let Some(path) = next else { break };
            let answer = self.as_app(&Request::get(path)).await?;
            next = answer.next_page();
            for installation in answer.json::<Vec<ListedInstallation>>()? {
                if installation.suspended_at.is_some() {
                    continue;
                }
                // An error of one installation must not keep the others from being listed.
                match self.covered_by(installation.id).await {
                    Ok(repos) => drop(all.insert(installation.id, repos)),
                    Err(error) => {
                        tracing::warn!(
                            %error, installation = installation.id,
                            "could not list the repositories of an installation; skipping it in this round"
                        );
                    }
                }
            }
        }
        Ok(all)
    }

    async fn covered_by(&self, installation: u64) -> Result<Vec<Repo>, GitHubError> {
        let mut all = Vec::new();
        let mut next = Some("/installation/repositories?per_page=100".to_owned());
        for _ in 0..MOST_PAGES {
            let Some(path) = next else { break };
            let answer = self.read(installation, &Request::get(path)).await?.ok()?;
            next = answer.next_page();
            let page: Covered = answer.json()?;
            all.extend(page.repositories.into_iter().map(|it| Repo {
                id: it.id,
                owner: it.owner.to_string(),
                name: it.name,
                installation,
            }));
        }
        Ok(all)
    }
}

impl RepoClient {
    /// The numbers of the open issues with a label.
    pub async fn issues_with_label(&self, label: &str) -> Result<Vec<u64>, GitHubError> {
        let mut found = Vec::new();
        let path = format!("/issues?state=open&labels={}&per_page=100", super::transport::segment(label));
        self.search(&path, |page: Vec<ListedIssue>| {
            found.extend(page.iter().filter(|issue| issue.pull_request.is_none()).map(|issue| issue.number));
            None::<()>
        })
        .await?;
        Ok(found)
    }

    /// The newest event in which an issue got a label.
    pub async fn last_labelled(&self, issue: u64, label: &str) -> Result<Option<IssueEvent>, GitHubError> {
        self.last_event(issue, |event| event.event == "labeled" && event.is_of(label)).await
    }

    /// The newest event in which an issue lost a label.
    pub async fn last_unlabelled(&self, issue: u64, label: &str) -> Result<Option<IssueEvent>, GitHubError> {
        self.last_event(issue, |event| event.event == "unlabeled" && event.is_of(label)).await
    }

    /// The newest event in which an issue was closed.
    pub async fn last_closed(&self, issue: u64) -> Result<Option<IssueEvent>, GitHubError> {
        self.last_event(issue, |event| event.event == "closed").await
    }

    /// The event by which a pull request was converted to a draft, where nobody marked it as ready since.
    pub async fn last_drafted(&self, pull: u64) -> Result<Option<IssueEvent>, GitHubError> {
        let of_drafts = |event: &IssueEvent| matches!(event.event.as_str(), "convert_to_draft" | "ready_for_review");
        let last = self.last_event(pull, of_drafts).await?;
        Ok(last.filter(|event| event.event == "convert_to_draft"))
    }

    async fn last_event(
        &self,
        issue: u64,
        is: impl Fn(&IssueEvent) -> bool,
    ) -> Result<Option<IssueEvent>, GitHubError> {
        let mut newest: Option<IssueEvent> = None;
        self.search(&format!("/issues/{issue}/events?per_page=100"), |page: Vec<IssueEvent>| {
            let found = page.into_iter().filter(|event| is(event));
            newest = found.chain(newest.take()).max_by_key(|event| (event.created_at, event.id));
            None::<()>
        })
        .await?;
        Ok(newest)
    }

    /// The comments that were written or edited since a time and that `keep` accepts.
    ///
    /// <https://docs.github.com/en/rest/issues/comments#list-issue-comments-for-a-repository>
    pub async fn comments_since(
        &self,
        list: CommentList,
        since: DateTime<Utc>,
        keep: impl Fn(&RawComment) -> bool,
    ) -> Result<Vec<RawComment>, GitHubError> {
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let path = match list {
            CommentList::Issues => "/issues/comments",
            CommentList::Reviews => "/pulls/comments",
        };
        let path = format!("{path}?since={since}&sort=updated&direction=desc&per_page=100");
        let mut all = Vec::new();
        self.search(&path, |page: Vec<RawComment>| {
            all.extend(page.into_iter().filter(&keep));
            None::<()>
        })
        .await?;
        Ok(all)
    }

    /// The reviews of a pull request that `keep` accepts.
    ///
    /// <https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request>
    pub async fn reviews(&self, pull: u64, keep: impl Fn(&RawReview) -> bool) -> Result<Vec<RawReview>, GitHubError> {
        let mut all = Vec::new();
        self.search(&format!("/pulls/{pull}/reviews?per_page=100"), |page: Vec<RawReview>| {
            all.extend(page.into_iter().filter(&keep));
            None::<()>
        })
        .await?;
        Ok(all)
    }
}

impl IssueEvent {
    fn is_of(&self, label: &str) -> bool {
        self.label.as_ref().is_some_and(|of| same_label(&of.name, label))
    }
}
