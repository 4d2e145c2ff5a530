//! What happened in a repository while nobody told: read for the sweep, which finds what no delivery brought.
//!
//! Everything is given as the [`Happened`] that the delivery would have been, so that it takes the same way from there on.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::{
    client::GitHub,
    error::GitHubError,
    interpret::{FactKind, Happened, LabelSet, Person, Place, ReviewState, Reviewed, Said, policy_label},
    model::{Account, AppRef, Issue, same_label, text},
    repository::RepoClient,
    transport::Request,
};
use adjutant_domain::{
    command,
    ids::{Repo, Sha},
    signal::SourceKind,
};

/// Pages of a hundred that are read of the lists of installations and repositories.
const MOST_PAGES: usize = 20;

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEvent {
    /// What tells it from everything else that happened in its repository.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub happened: Happened,
}

/// What somebody did with an issue.
///
/// <https://docs.github.com/en/rest/issues/events#list-issue-events>
#[derive(Debug, Clone, Deserialize)]
struct IssueEvent {
    id: u64,
    event: String,
    #[serde(default)]
    actor: Option<Account>,
    created_at: DateTime<Utc>,
    #[serde(default)]
    label: Option<Label>,
}

#[derive(Debug, Clone, Deserialize)]
struct Label {
    #[serde(default, deserialize_with = "text")]
    name: String,
}

#[derive(Debug, Deserialize)]
struct PastComment {
    id: u64,
    node_id: String,
    #[serde(default, deserialize_with = "text")]
    body: String,
    #[serde(default)]
    user: Option<Account>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    html_url: String,
    #[serde(default)]
    issue_url: Option<String>,
    #[serde(default)]
    pull_request_url: Option<String>,
    #[serde(default)]
    pull_request_review_id: Option<u64>,
    #[serde(default)]
    performed_via_github_app: Option<AppRef>,
}

#[derive(Debug, Deserialize)]
struct PastReview {
    id: u64,
    node_id: String,
    #[serde(default, deserialize_with = "text")]
    body: String,
    #[serde(default)]
    user: Option<Account>,
    state: String,
    #[serde(default)]
    commit_id: Option<Sha>,
    #[serde(default)]
    submitted_at: Option<DateTime<Utc>>,
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
    /// Every repository that the app may work in, by installation; without those that cannot be listed now.
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
                // One that is out of order is no reason to look nowhere else.
                match self.covered_by(installation.id).await {
                    Ok(repos) => drop(all.insert(installation.id, repos)),
                    Err(error) => {
                        tracing::warn!(%error, installation = installation.id, "its repositories could not be listed");
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
    /// The open issues that carry the label of the repository's policy, and that label.
    pub async fn issues_with_label(&self) -> Result<(String, Vec<u64>), GitHubError> {
        let label = policy_label(self).await?;
        let mut found = Vec::new();
        let path = format!("/issues?state=open&labels={}&per_page=100", super::transport::segment(&label));
        self.search(&path, |page: Vec<ListedIssue>| {
            found.extend(page.iter().filter(|issue| issue.pull_request.is_none()).map(|issue| issue.number));
            None::<()>
        })
        .await?;
        Ok((label, found))
    }

    /// How an open issue last got a label.
    pub async fn labelling(&self, issue: &Issue, label: &str) -> Result<Option<PastEvent>, GitHubError> {
        let set = |event: &IssueEvent| event.event == "labeled" && event.is_of(label);
        let what = |_: &IssueEvent| {
            FactKind::Labelled(LabelSet {
                issue: issue.number,
                title: issue.title.clone(),
                body: issue.body.clone(),
                author: issue.author.clone(),
                label: label.to_owned(),
                labels: issue.labels.clone(),
            })
        };
        self.last(issue.number, set, what).await
    }

    /// How an issue last lost a label.
    pub async fn unlabelling(&self, issue: u64, label: &str) -> Result<Option<PastEvent>, GitHubError> {
        let taken = |event: &IssueEvent| event.event == "unlabeled" && event.is_of(label);
        self.last(issue, taken, |_| FactKind::Unlabelled { issue, label: label.to_owned() }).await
    }

    /// How an issue was last closed.
    pub async fn closing(&self, issue: u64) -> Result<Option<PastEvent>, GitHubError> {
        self.last(issue, |event| event.event == "closed", |_| FactKind::IssueClosed { issue }).await
    }

    /// That an issue was deleted or transferred, which its list of events does not tell: nor by whom.
    pub fn removal(&self, issue: u64) -> PastEvent {
        let happened = self.happened(None, FactKind::IssueRemoved { issue });
        PastEvent { id: format!("removal/{issue}"), at: DateTime::UNIX_EPOCH, happened }
    }

    async fn last(
        &self,
        issue: u64,
        is: impl Fn(&IssueEvent) -> bool,
        what: impl Fn(&IssueEvent) -> FactKind,
    ) -> Result<Option<PastEvent>, GitHubError> {
        let mut newest: Option<IssueEvent> = None;
        self.search(&format!("/issues/{issue}/events?per_page=100"), |page: Vec<IssueEvent>| {
            let found = page.into_iter().filter(|event| is(event));
            newest = found.chain(newest.take()).max_by_key(|event| (event.created_at, event.id));
            None::<()>
        })
        .await?;
        Ok(newest.map(|event| PastEvent {
            id: format!("event/{}", event.id),
            at: event.created_at,
            happened: self.happened(event.actor.as_ref(), what(&event)),
        }))
    }

    /// Every comment with a command, on issues and pull requests, that was written since then and not edited: a maintainer
    /// can edit a stranger's into an order.
    ///
    /// <https://docs.github.com/en/rest/issues/comments#list-issue-comments-for-a-repository>
    pub async fn commands_since(&self, since: DateTime<Utc>) -> Result<Vec<PastEvent>, GitHubError> {
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut all = Vec::new();
        for (path, kind) in
            [("/issues/comments", SourceKind::IssueComment), ("/pulls/comments", SourceKind::ReviewComment)]
        {
            let path = format!("{path}?since={since}&sort=updated&direction=desc&per_page=100");
            self.search(&path, |page: Vec<PastComment>| {
                all.extend(page.into_iter().filter_map(|comment| self.said(comment, kind)));
                None::<()>
            })
            .await?;
        }
        all.sort_by_key(|past| past.at);
        Ok(all)
    }

    fn said(&self, comment: PastComment, kind: SourceKind) -> Option<PastEvent> {
        let author = comment.user.as_ref().filter(|author| !author.is_bot())?;
        if comment.updated_at != comment.created_at || command::parse(&comment.body).is_empty() {
            return None;
        }
        let place = if comment.html_url.contains("/pull/") { Place::Pull } else { Place::Issue };
        let number =
            comment.issue_url.as_ref().or(comment.pull_request_url.as_ref())?.rsplit('/').next()?.parse().ok()?;
        let author = Person { login: author.login.clone(), bot: false };
        Some(PastEvent {
            id: format!("{kind:?}/{}", comment.id),
            at: comment.created_at,
            happened: Happened {
                repo: self.repo().clone(),
                sender: author.clone(),
                what: FactKind::Said(Said {
                    number,
                    place,
                    author,
                    via_app: comment.performed_via_github_app.map(|app| app.id),
                    body: comment.body,
                    kind,
                    id: comment.id,
                    node_id: comment.node_id,
                    at: comment.created_at,
                    review: comment.pull_request_review_id,
                }),
            },
        })
    }

    /// Every review of a pull request that decides something or holds a command.
    ///
    /// <https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request>
    pub async fn reviews(&self, pull: u64) -> Result<Vec<PastEvent>, GitHubError> {
        let mut all = Vec::new();
        self.search(&format!("/pulls/{pull}/reviews?per_page=100"), |page: Vec<PastReview>| {
            all.extend(page.into_iter().filter_map(|review| self.reviewed(pull, review)));
            None::<()>
        })
        .await?;
        Ok(all)
    }

    fn reviewed(&self, pull: u64, review: PastReview) -> Option<PastEvent> {
        let author = review.user.as_ref().filter(|author| !author.is_bot())?;
        let state = match review.state.to_ascii_lowercase().as_str() {
            "approved" => ReviewState::Approved,
            "changes_requested" => ReviewState::ChangesRequested,
            "commented" if !command::parse(&review.body).is_empty() => ReviewState::Commented,
            _ => return None,
        };
        let author = Person { login: author.login.clone(), bot: false };
        let at = review.submitted_at?;
        Some(PastEvent {
            id: format!("review/{}", review.id),
            at,
            happened: Happened {
                repo: self.repo().clone(),
                sender: author.clone(),
                what: FactKind::Reviewed(Reviewed {
                    pull,
                    author,
                    state,
                    body: review.body,
                    commit: review.commit_id,
                    id: review.id,
                    node_id: review.node_id,
                    at,
                }),
            },
        })
    }

    fn happened(&self, by: Option<&Account>, what: FactKind) -> Happened {
        let sender = match by {
            Some(account) => Person { login: account.login.clone(), bot: account.is_bot() },
            None => Person { login: adjutant_domain::ids::Login::new("ghost"), bot: false },
        };
        Happened { repo: self.repo().clone(), sender, what }
    }
}

impl IssueEvent {
    fn is_of(&self, label: &str) -> bool {
        self.label.as_ref().is_some_and(|of| same_label(&of.name, label))
    }
}
