//! Facts that a look found, in the form of the webhook that did not arrive.

use chrono::{DateTime, Utc};

use super::fact::{CommentWritten, Fact, FactKind, IssueLabelled, ReviewState, ReviewSubmitted, Thread, User};
use crate::github::{GHOST, Issue, IssueEvent, RawComment, RawReview};
use adjutant_domain::command;
use adjutant_domain::ids::{Login, Repo};
use adjutant_domain::signal::SourceKind;

/// Something that happened some time ago.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::runtime) struct PastEvent {
    /// Unique within its repository.
    pub(in crate::runtime) id: String,
    pub(in crate::runtime) at: DateTime<Utc>,
    pub(in crate::runtime) fact: Fact,
}

impl PastEvent {
    /// An issue got a label, and still has it.
    pub(in crate::runtime) fn labelled(repo: &Repo, issue: Issue, label: &str, event: &IssueEvent) -> Self {
        let kind = FactKind::Labelled(IssueLabelled {
            issue: issue.number,
            title: issue.title,
            body: issue.body,
            author: issue.author,
            label: label.to_owned(),
            labels: issue.labels,
        });
        Self::of_event(repo, event, kind)
    }

    /// An issue lost a label.
    pub(in crate::runtime) fn unlabelled(repo: &Repo, issue: u64, label: &str, event: &IssueEvent) -> Self {
        Self::of_event(repo, event, FactKind::Unlabelled { issue, label: label.to_owned() })
    }

    /// An issue was closed.
    pub(in crate::runtime) fn closed(repo: &Repo, issue: u64, event: &IssueEvent) -> Self {
        Self::of_event(repo, event, FactKind::IssueClosed { issue })
    }

    /// An issue was deleted or transferred. GitHub's list of events contains neither the event nor who did it.
    pub(in crate::runtime) fn removed(repo: &Repo, issue: u64) -> Self {
        let fact = Fact { repo: repo.clone(), sender: None, kind: FactKind::IssueRemoved { issue } };
        Self { id: format!("removal/{issue}"), at: DateTime::UNIX_EPOCH, fact }
    }

    pub(in crate::runtime) fn commented(repo: &Repo, raw: RawComment, thread: Thread, kind: SourceKind) -> Self {
        let comment = CommentWritten::read(raw, thread, kind, &deleted_user());
        Self {
            id: format!("{}/{}", kind.key_word(), comment.id),
            at: comment.at,
            fact: Fact { repo: repo.clone(), sender: Some(comment.author.clone()), kind: FactKind::Commented(comment) },
        }
    }

    /// A review; `None` if it was not submitted or its state is no verdict.
    pub(in crate::runtime) fn reviewed(repo: &Repo, raw: RawReview, pull: u64) -> Option<Self> {
        let review = ReviewSubmitted::read(raw, pull, &deleted_user()).ok()?;
        Some(Self {
            id: format!("review/{}", review.id),
            at: review.at,
            fact: Fact { repo: repo.clone(), sender: Some(review.author.clone()), kind: FactKind::Reviewed(review) },
        })
    }

    fn of_event(repo: &Repo, event: &IssueEvent, kind: FactKind) -> Self {
        let sender = event.actor.as_ref().map(User::of);
        Self {
            id: format!("event/{}", event.id),
            at: event.created_at,
            fact: Fact { repo: repo.clone(), sender, kind },
        }
    }
}

/// Whether a comment holds a command in its original text. A maintainer can edit a stranger's comment into a command.
pub(in crate::runtime) fn holds_command(comment: &RawComment) -> bool {
    comment.user.as_ref().is_some_and(|author| !author.is_bot())
        && !comment.is_edited()
        && !command::parse(&comment.body).is_empty()
}

/// Whether a person's review has a verdict or holds a command.
pub(in crate::runtime) fn decides(review: &RawReview) -> bool {
    review.user.as_ref().is_some_and(|author| !author.is_bot())
        && match ReviewState::of(&review.state) {
            Some(ReviewState::Approved | ReviewState::ChangesRequested) => true,
            Some(ReviewState::Commented) => !command::parse(&review.body).is_empty(),
            None => false,
        }
}

/// The author of something whose account was deleted since, under the login that GitHub shows.
fn deleted_user() -> User {
    User { login: Login::new(GHOST), bot: false }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn comment(body: &str, author: &str, updated: &str) -> RawComment {
        let comment = json!({
            "id": 1, "node_id": "x", "body": body, "user": { "login": author },
            "created_at": "2026-11-20T12:00:00Z", "updated_at": updated,
        });
        serde_json::from_value(comment).unwrap()
    }

    #[test]
    fn only_commands_of_people_count_and_only_as_they_were_written() {
        let written = "2026-11-20T12:00:00Z";
        assert!(holds_command(&comment("/approve", "mona", written)));
        assert!(!holds_command(&comment("/approve", "mona", "2026-11-20T12:05:00Z")));
        assert!(!holds_command(&comment("/approve", "renovate[bot]", written)));
        assert!(!holds_command(&comment("well done", "mona", written)));
    }

    #[test]
    fn a_review_counts_by_its_verdict_or_by_a_command_in_its_text() {
        let review = |state: &str, body: &str| -> RawReview {
            let review = json!({ "id": 1, "node_id": "x", "state": state, "body": body, "user": { "login": "mona" } });
            serde_json::from_value(review).unwrap()
        };
        assert!(decides(&review("APPROVED", "")) && decides(&review("CHANGES_REQUESTED", "")));
        assert!(decides(&review("COMMENTED", "/skip")) && !decides(&review("COMMENTED", "Hm.")));
        assert!(!decides(&review("DISMISSED", "/skip")));
    }
}
