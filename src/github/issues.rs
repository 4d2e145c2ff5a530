//! Issues, and the comments and reactions on issues and pull requests.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    error::GitHubError,
    gate::Write,
    model::{Comment, Issue},
    repository::{RepoClient, present},
    transport::Answer,
};
use adjutant_domain::{
    effect::Reaction,
    signal::{Source, SourceKind},
};

/// The longest text of a comment, issue or pull request, in characters. GitHub answers a longer one with 422.
pub(crate) const LONGEST_BODY: usize = 65_536;

const CUT_SHORT: &str = "\n\n… cut short: GitHub takes no longer text.";

impl RepoClient {
    /// An issue as it is now; `None` if it was deleted or transferred, or never existed.
    pub async fn issue(&self, number: u64) -> Result<Option<Issue>, GitHubError> {
        let found = self.get_surely(&format!("/issues/{number}")).await?;
        found.filter(|answer| !self.leads_away(answer, number)).map(|answer| answer.json()).transpose()
    }

    /// Whether GitHub says that an issue was deleted or transferred: 410, or a redirect to another repository. A 404 is
    /// not enough, because it also hides what the app may not see.
    ///
    /// <https://docs.github.com/en/rest/issues/issues#get-an-issue>
    pub async fn issue_is_gone(&self, number: u64) -> Result<bool, GitHubError> {
        match self.get(&format!("/issues/{number}")).await {
            Ok(answer) => Ok(self.leads_away(&answer, number)),
            Err(GitHubError::Gone { .. }) => Ok(true),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn leads_away(&self, answer: &Answer, number: u64) -> bool {
        answer.led_to.as_deref().is_some_and(|place| is_elsewhere(place, self.repo().id, number))
    }

    /// Closes an issue as completed; a closed one stays as it is.
    pub async fn close_issue(&self, number: u64) -> Result<(), GitHubError> {
        let body = json!({ "state": "closed", "state_reason": "completed" });
        self.write(Method::PATCH, &format!("/issues/{number}"), Some(body), Write::Changes).await?.ok()?;
        Ok(())
    }

    /// The oldest comment by this app that contains `marker`. A comment by somebody else that quotes the marker does
    /// not count.
    pub async fn comment_with_marker(&self, issue: u64, marker: &str) -> Result<Option<Comment>, GitHubError> {
        let bot = self.github().app().await?.bot_login;
        let app = self.github().app_id();
        let path = format!("/issues/{issue}/comments?per_page=100");
        self.search(&path, |page: Vec<Comment>| {
            page.into_iter().find(|comment| {
                let own = comment.author == bot || comment.performed_via_github_app.is_some_and(|via| via.id == app);
                own && comment.body.contains(marker)
            })
        })
        .await
    }

    /// Adds a comment to an issue or pull request.
    pub async fn create_comment(&self, issue: u64, body: &str) -> Result<Comment, GitHubError> {
        let path = format!("/issues/{issue}/comments");
        let body = json!({ "body": clip(body) });
        self.write(Method::POST, &path, Some(body), Write::Creates).await?.ok()?.json()
    }

    /// The text of a comment as it is now; `None` if it was deleted.
    pub(crate) async fn comment_now(&self, kind: SourceKind, id: u64) -> Result<Option<String>, GitHubError> {
        let path = match kind {
            SourceKind::IssueComment => format!("/issues/comments/{id}"),
            SourceKind::ReviewComment => format!("/pulls/comments/{id}"),
            SourceKind::Review | SourceKind::Button => return Ok(None),
        };
        let Some(answer) = present(self.get(&path).await)? else { return Ok(None) };
        Ok(Some(answer.json::<RawBody>()?.body.unwrap_or_default()))
    }

    /// Replaces the text of a comment. [`GitHubError::Gone`] if it was deleted.
    pub async fn update_comment(&self, id: u64, body: &str) -> Result<Comment, GitHubError> {
        let path = format!("/issues/comments/{id}");
        let body = json!({ "body": clip(body) });
        match self.write(Method::PATCH, &path, Some(body), Write::Changes).await?.ok() {
            Ok(answer) => answer.json(),
            Err(GitHubError::NotFound { what }) => Err(GitHubError::Gone { what }),
            Err(error) => Err(error),
        }
    }

    /// Adds a reaction to a comment or review. Repeating it changes nothing.
    ///
    /// <https://docs.github.com/en/rest/reactions/reactions>: reviews have no reactions in REST.
    pub async fn react(&self, source: &Source, reaction: Reaction) -> Result<(), GitHubError> {
        let path = match source.kind {
            SourceKind::IssueComment => format!("/issues/comments/{}/reactions", source.id),
            SourceKind::ReviewComment => format!("/pulls/comments/{}/reactions", source.id),
            SourceKind::Review => return self.react_to_node(&source.node_id, reaction).await,
            // The check run itself shows the outcome.
            SourceKind::Button => return Ok(()),
        };
        let body = json!({ "content": rest_name(reaction) });
        self.write(Method::POST, &path, Some(body), Write::Changes).await?.ok()?;
        Ok(())
    }

    async fn react_to_node(&self, node_id: &str, reaction: Reaction) -> Result<(), GitHubError> {
        const ADD: &str = "mutation($input: AddReactionInput!) { addReaction(input: $input) { reaction { content } } }";
        let input = json!({ "subjectId": node_id, "content": graphql_name(reaction) });
        self.github().mutate(self.installation(), ADD, input).await.map(drop)
    }
}

#[derive(Deserialize)]
struct RawBody {
    #[serde(default)]
    body: Option<String>,
}

fn rest_name(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Eyes => "eyes",
        Reaction::Rocket => "rocket",
        Reaction::ThumbsDown => "-1",
    }
}

fn graphql_name(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Eyes => "EYES",
        Reaction::Rocket => "ROCKET",
        Reaction::ThumbsDown => "THUMBS_DOWN",
    }
}

/// The text, cut to GitHub's limit.
pub(crate) fn clip(body: &str) -> String {
    if body.chars().count() <= LONGEST_BODY {
        return body.to_owned();
    }
    let kept = LONGEST_BODY - CUT_SHORT.chars().count();
    body.chars().take(kept).chain(CUT_SHORT.chars()).collect()
}

/// Whether a redirect leads to another issue. A renamed repository redirects to the same number below its id.
fn is_elsewhere(place: &str, repository: u64, number: u64) -> bool {
    let Some((before, after)) = place.split_once("/issues/") else { return false };
    let same_number = after.split(['/', '?']).next() == Some(number.to_string().as_str());
    let by_id = before.rsplit_once("/repositories/").map(|(_, id)| id);
    !same_number || by_id.is_some_and(|id| id != repository.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_too_long_is_cut_between_characters_and_says_so() {
        let cut = clip(&"ü".repeat(LONGEST_BODY + 1));
        assert_eq!(cut.chars().count(), LONGEST_BODY);
        assert!(cut.ends_with(CUT_SHORT));
        let fits = "ü".repeat(LONGEST_BODY);
        assert_eq!(clip(&fits), fits);
    }

    #[test]
    fn a_transferred_issue_is_distinguished_from_a_renamed_repository() {
        assert!(!is_elsewhere("/api/v3/repositories/5/issues/7", 5, 7));
        assert!(!is_elsewhere("/repos/acme/gadgets/issues/7", 5, 7));
        assert!(is_elsewhere("/api/v3/repositories/6/issues/7", 5, 7));
        assert!(is_elsewhere("/api/v3/repositories/5/issues/8?x=1", 5, 7));
    }
}
