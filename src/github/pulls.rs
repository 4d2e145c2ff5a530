//! Pull requests: finding, opening, changing and merging them; reviewers' comments on lines.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    error::{GitHubError, MergeRefusal},
    gate::Write,
    issues::clip,
    model::{OpenState, PullRequest, ReviewComment},
    repository::{RepoClient, present},
    transport::{segment, segments},
};
use adjutant_domain::ids::{Branch, Login, Sha};
use adjutant_domain::merging::{MergeMethod, MergeMethods};

/// How long the pulls API may not see a branch that was just pushed.
const BRANCH_SHOWS_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);

/// GitHub's answer to the second of two simultaneous merges into one base. A retry succeeds.
const BASE_MOVED: &str = "Base branch was modified";

/// The heading above the paragraphs of a ruleset's refusal.
const VIOLATIONS: &str = "Repository rule violations found";

const BASE_SETTLES_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPull {
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The branch to merge.
    pub head: Branch,
    /// The branch that it merges into.
    pub base: Branch,
    /// Whether to open it as a draft. Ignored if the repository's plan has no drafts.
    pub draft: bool,
}

/// The changes to a pull request. Fields that are `None` stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullChange {
    pub title: Option<String>,
    /// Markdown.
    pub body: Option<String>,
    /// The branch that it merges into.
    pub base: Option<Branch>,
    pub state: Option<OpenState>,
}

/// The outcome of a merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// It is merged, by this call or earlier.
    Merged {
        /// The commit on the base.
        sha: Option<Sha>,
        /// Who merged it; `None` if GitHub does not say.
        by: Option<Login>,
    },
    /// The head is not the one that the decision was about.
    HeadMoved { head: Sha },
    /// GitHub does not merge it in its present state: a conflict, a draft, a missing check or review, or closed.
    NotMergeable {
        /// The message in GitHub's answer.
        reason: String,
        cause: MergeRefusal,
    },
    /// The app has no permission to merge it.
    Forbidden {
        /// The message in GitHub's answer.
        reason: String,
    },
}

impl RepoClient {
    /// A pull request as it is now.
    pub async fn pull(&self, number: u64) -> Result<PullRequest, GitHubError> {
        self.get(&format!("/pulls/{number}")).await?.json()
    }

    /// The newest pull request of a branch of this repository: open, closed or merged.
    pub async fn pull_by_head(&self, branch: &Branch) -> Result<Option<PullRequest>, GitHubError> {
        let head = segment(&format!("{}:{branch}", self.repo().owner));
        let path = format!("/pulls?head={head}&state=all&sort=created&direction=desc&per_page=10");
        let listed: Vec<PullRequest> = self.get(&path).await?.json()?;
        // GitHub filters by owner, so a fork of the same owner may be in the list. A server may also ignore the filter.
        let own = |pull: &PullRequest| pull.head_branch == *branch && pull.head_repo == Some(self.repo().id);
        match listed.into_iter().filter(own).max_by_key(|pull| pull.number) {
            // Lists do not contain who merged it and whether it can be merged.
            Some(found) => self.pull(found.number).await.map(Some),
            None => Ok(None),
        }
    }

    /// Opens a pull request, or returns the open one that the branch has already.
    ///
    /// <https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request>
    pub async fn create_pull(&self, new: &NewPull) -> Result<PullRequest, GitHubError> {
        match self.post_pull(new, new.draft).await {
            // Drafts in private repositories need a paid plan.
            Err(GitHubError::Validation { message }) if new.draft && message.to_lowercase().contains("draft") => {
                match self.post_pull(new, false).await {
                    Err(GitHubError::Validation { message }) => self.explain(new, message).await,
                    other => other,
                }
            }
            Err(GitHubError::Validation { message }) => self.explain(new, message).await,
            other => other,
        }
    }

    /// Opens a pull request as a draft; `None` if the repository's plan has no drafts.
    pub async fn create_draft(&self, new: &NewPull) -> Result<Option<PullRequest>, GitHubError> {
        match self.post_pull(new, true).await {
            Err(GitHubError::Validation { message }) if message.to_lowercase().contains("draft") => Ok(None),
            Err(GitHubError::Validation { message }) => self.explain(new, message).await.map(Some),
            other => other.map(Some),
        }
    }

    async fn post_pull(&self, new: &NewPull, draft: bool) -> Result<PullRequest, GitHubError> {
        let body = json!({
            "title": new.title,
            "body": clip(&new.body),
            "head": new.head,
            "base": new.base,
            "draft": draft,
        });
        self.write(Method::POST, "/pulls", Some(body), Write::Creates).await?.ok()?.json()
    }

    /// Finds out why a pull request was refused: it exists already, its branch is not visible yet, or an error.
    async fn explain(&self, new: &NewPull, message: String) -> Result<PullRequest, GitHubError> {
        if message.contains("already exists")
            && let Some(pull) = self.pull_by_head(&new.head).await?.filter(|pull| pull.state == OpenState::Open)
        {
            return Ok(pull);
        }
        if message.contains("head invalid") && self.branch_head(&new.head).await?.is_some() {
            return Err(GitHubError::Retry { after: BRANCH_SHOWS_WITHIN, message });
        }
        Err(GitHubError::Validation { message })
    }

    /// Changes a pull request's title, text, base or state.
    pub async fn update_pull(&self, number: u64, change: &PullChange) -> Result<PullRequest, GitHubError> {
        let mut body = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        };
        set("title", change.title.clone().map(Value::from));
        set("body", change.body.as_deref().map(clip).map(Value::from));
        set("base", change.base.as_ref().map(|base| base.as_str().into()));
        set("state", change.state.map(|state| if state == OpenState::Open { "open" } else { "closed" }.into()));
        let path = format!("/pulls/{number}");
        self.write(Method::PATCH, &path, Some(Value::Object(body)), Write::Changes).await?.ok()?.json()
    }

    /// Marks a draft as ready. GitHub offers this only through GraphQL.
    pub async fn mark_ready(&self, node_id: &str) -> Result<(), GitHubError> {
        const READY: &str = "mutation($input: MarkPullRequestReadyForReviewInput!) \
            { markPullRequestReadyForReview(input: $input) { pullRequest { isDraft } } }";
        let input = json!({ "pullRequestId": node_id });
        self.github().mutate(self.installation(), READY, input).await.map(drop)
    }

    /// The merge methods that the repository's settings and the rulesets of a branch allow. What GitHub does not show counts
    /// as allowed: the settings to some tokens, and classic branch protection to everybody but administrators.
    ///
    /// <https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch>
    pub async fn merge_methods(&self, branch: &Branch) -> Result<MergeMethods, GitHubError> {
        let settings: MergeSettings = self.get("").await?.json()?;
        let path = format!("/rules/branches/{}?per_page=100", segments(branch.as_str()));
        let rules: Vec<RawRule> =
            present(self.get(&path).await)?.map(|answer| answer.json()).transpose()?.unwrap_or_default();
        Ok(rules.iter().fold(settings.methods(), |allowed, rule| allowed.and(rule.methods())))
    }

    /// Merges a pull request if its head is still `head`. One that is merged already counts as merged.
    ///
    /// <https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request>: 405 if it cannot be merged, 409 if the head
    /// moved. Both are also the answer if it is merged already.
    pub async fn merge_pull(
        &self,
        number: u64,
        head: &Sha,
        method: MergeMethod,
        title: &str,
        message: &str,
    ) -> Result<MergeOutcome, GitHubError> {
        let body = json!({
            "sha": head,
            "merge_method": method.as_str(),
            "commit_title": title,
            "commit_message": message,
        });
        let path = format!("/pulls/{number}/merge");
        let answer = self.write(Method::PUT, &path, Some(body), Write::Changes).await?;
        if answer.status.is_success() {
            let done: RawMerge = answer.json()?;
            let by = Some(self.github().app().await?.bot_login);
            return Ok(MergeOutcome::Merged { sha: done.sha, by });
        }
        let refused = answer.error();
        let reason = match &refused {
            GitHubError::Unexpected { status: 405, message, .. }
            | GitHubError::Conflict { message }
            | GitHubError::Validation { message } => in_line(message),
            GitHubError::Forbidden { message } => return Ok(MergeOutcome::Forbidden { reason: message.clone() }),
            _ => return Err(refused),
        };
        let pull = self.pull(number).await?;
        if !pull.merged && reason.contains(BASE_MOVED) {
            return Err(GitHubError::Retry { after: BASE_SETTLES_WITHIN, message: reason });
        }
        Ok(if pull.merged {
            MergeOutcome::Merged { sha: pull.merge_commit_sha, by: pull.merged_by }
        } else if pull.head_sha != *head {
            MergeOutcome::HeadMoved { head: pull.head_sha }
        } else {
            let cause = MergeRefusal::of(&reason);
            MergeOutcome::NotMergeable { reason, cause }
        })
    }

    /// A reviewer's comments on the lines of a pull request, in one review.
    pub async fn review_comments(&self, pull: u64, review: u64) -> Result<Vec<ReviewComment>, GitHubError> {
        let mut all = Vec::new();
        let path = format!("/pulls/{pull}/reviews/{review}/comments?per_page=100");
        self.search(&path, |mut page: Vec<ReviewComment>| {
            all.append(&mut page);
            None::<()>
        })
        .await?;
        Ok(all)
    }

    /// The state and text of a review as they are now; `None` if it does not exist.
    pub(crate) async fn review_now(&self, pull: u64, review: u64) -> Result<Option<(String, String)>, GitHubError> {
        let Some(answer) = present(self.get(&format!("/pulls/{pull}/reviews/{review}")).await)? else {
            return Ok(None);
        };
        let RawReview { state, body } = answer.json()?;
        Ok(Some((state, body.unwrap_or_default())))
    }

    /// Whether a review asks for changes; `None` if it does not exist.
    pub(crate) async fn review_requests_changes(&self, pull: u64, review: u64) -> Result<Option<bool>, GitHubError> {
        let Some(answer) = present(self.get(&format!("/pulls/{pull}/reviews/{review}")).await)? else {
            return Ok(None);
        };
        Ok(Some(answer.json::<RawReview>()?.state.eq_ignore_ascii_case("changes_requested")))
    }
}

#[derive(Deserialize)]
struct RawMerge {
    sha: Option<Sha>,
}

/// The settings of a repository that concern merges.
#[derive(Deserialize)]
struct MergeSettings {
    #[serde(rename = "allow_merge_commit")]
    merge: Option<bool>,
    #[serde(rename = "allow_squash_merge")]
    squash: Option<bool>,
    #[serde(rename = "allow_rebase_merge")]
    rebase: Option<bool>,
}

impl MergeSettings {
    fn methods(&self) -> MergeMethods {
        MergeMethods {
            merge: self.merge.unwrap_or(true),
            squash: self.squash.unwrap_or(true),
            rebase: self.rebase.unwrap_or(true),
        }
    }
}

/// A rule of a branch, as far as it concerns merges.
#[derive(Deserialize)]
struct RawRule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Option<RawParameters>,
}

#[derive(Deserialize)]
struct RawParameters {
    #[serde(default)]
    allowed_merge_methods: Option<Vec<String>>,
}

impl RawRule {
    fn methods(&self) -> MergeMethods {
        let listed = self.parameters.as_ref().and_then(|parameters| parameters.allowed_merge_methods.as_ref());
        match (self.kind.as_str(), listed) {
            ("required_linear_history", _) => MergeMethods { merge: false, ..MergeMethods::ALL },
            ("pull_request", Some(listed)) => {
                let has = |method: MergeMethod| listed.iter().any(|word| word == method.as_str());
                MergeMethods {
                    merge: has(MergeMethod::Merge),
                    squash: has(MergeMethod::Squash),
                    rebase: has(MergeMethod::Rebase),
                }
            }
            _ => MergeMethods::ALL,
        }
    }
}

#[derive(Deserialize)]
struct RawReview {
    state: String,
    #[serde(default)]
    body: Option<String>,
}

/// A ruleset's refusal as one line. GitHub sends paragraphs under a heading.
fn in_line(message: &str) -> String {
    let paragraphs = message.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let said: Vec<String> = paragraphs.filter(|part| !part.is_empty() && part != VIOLATIONS).collect();
    match said.as_slice() {
        [] => message.trim().to_owned(),
        [only] => only.clone(),
        several => several.iter().map(|part| format!("{}.", part.trim_end_matches('.'))).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::in_line;

    #[test]
    fn a_refusal_in_paragraphs_becomes_sentences() {
        let queue = "Repository rule violations found\n\nChanges must be made through the merge queue\n\n";
        assert_eq!(in_line(queue), "Changes must be made through the merge queue");
        let several = "Repository rule violations found\n\nMerge it\n  elsewhere\n\nA check is expected.\n\n";
        assert_eq!(in_line(several), "Merge it elsewhere. A check is expected.");
        assert_eq!(in_line("Pull Request is not mergeable"), "Pull Request is not mergeable");
        assert_eq!(in_line("Repository rule violations found"), "Repository rule violations found");
    }
}
