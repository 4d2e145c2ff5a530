//! Parses a webhook. It makes no requests.

use serde::de::DeserializeOwned;
use thiserror::Error;

use super::fact::{
    ButtonPressed, CommentWritten, Fact, FactKind, IssueLabelled, PullHead, ReviewSubmitted, Thread, ThreadKind,
    UnreadableReview, User, WordsChanged,
};
use super::revert;
use crate::github::payload::{
    CheckRunEvent, Envelope, Gone, IssueComment, IssueRef, Issues, MergeGroupEvent, PullEvent, PushEvent, Rerequest,
    ReviewCommentEvent, ReviewEvent, StatusEvent,
};
use adjutant_domain::{ids::Repo, input, signal::SourceKind};

/// What a webhook says.
#[derive(Debug, Clone, PartialEq)]
pub enum Webhook {
    /// It has nothing for the engine, for this reason.
    Ignored(String),
    /// Something happened.
    Fact(Box<Fact>),
}

/// A body that is not what GitHub sends with that event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the body of this `{event}` event was not understood: {message}")]
pub struct PayloadError {
    pub event: String,
    /// The fault and its place in the body.
    pub message: String,
}

/// Parses a webhook. `event` is the `X-GitHub-Event` header, and `body` the raw body.
pub fn parse(event: &str, body: &[u8]) -> Result<Webhook, PayloadError> {
    let reader = Reader { event, body };
    match event {
        "issues"
        | "issue_comment"
        | "pull_request_review_comment"
        | "pull_request_review"
        | "pull_request"
        | "push"
        | "check_run"
        | "check_suite"
        | "status"
        | "merge_group" => reader.fact(),
        "ping" => reader.ignored("GitHub tests the webhook with it"),
        "installation" | "installation_repositories" | "installation_target" | "github_app_authorization" => {
            reader.ignored("installations are looked up when they are needed; what waited for one is tried at once")
        }
        _ => reader.ignored(&format!("`{event}` events are not used")),
    }
}

struct Reader<'a> {
    event: &'a str,
    body: &'a [u8],
}

impl Reader<'_> {
    fn fact(&self) -> Result<Webhook, PayloadError> {
        let envelope: Envelope = self.json()?;
        let Some(repo) = envelope.repo() else {
            return Ok(Webhook::Ignored("it did not come through an installation of the app".to_owned()));
        };
        let action = envelope.action.as_deref().unwrap_or_default();
        let sender = User::of(&envelope.sender);
        let kind = match (self.event, action) {
            ("issues", "labeled" | "unlabeled" | "edited" | "closed" | "deleted" | "transferred") => {
                self.issue(action)?
            }
            ("issue_comment", "created") => Ok(self.issue_comment(&sender)?),
            ("issue_comment", "edited" | "deleted") => {
                let IssueComment { issue, comment } = self.json()?;
                Ok(changed(thread_of(&issue), SourceKind::IssueComment, comment.id))
            }
            ("pull_request_review_comment", "edited" | "deleted") => {
                let ReviewCommentEvent { pull_request, comment } = self.json()?;
                Ok(changed(on_pull(pull_request.number), SourceKind::ReviewComment, comment.id))
            }
            ("pull_request_review", "edited" | "dismissed") => {
                let ReviewEvent { pull_request, review } = self.json()?;
                Ok(changed(on_pull(pull_request.number), SourceKind::Review, review.id))
            }
            ("pull_request_review_comment", "created") => Ok(self.review_comment(&sender)?),
            ("pull_request_review", "submitted") => self.review(&sender)?,
            ("pull_request", "closed") => Ok(FactKind::PullClosed { pull: self.pull_number()? }),
            ("pull_request", "converted_to_draft") => Ok(FactKind::PullDrafted { pull: self.pull_number()? }),
            ("pull_request", "ready_for_review") => Ok(FactKind::PullReady { pull: self.pull_number()? }),
            ("pull_request", "opened") => Ok(FactKind::PullOpened(self.pull_head(&repo)?)),
            ("pull_request", "reopened") => Ok(FactKind::PullReopened(self.pull_head(&repo)?)),
            ("pull_request", "synchronize") => Ok(FactKind::PullPushed(self.pull_head(&repo)?)),
            ("push", _) => self.push(&repo)?,
            ("check_run", "requested_action") => Ok(self.button()?),
            ("check_run" | "check_suite", "rerequested") => Ok(self.rerequested()?),
            ("check_suite", "completed") => Ok(self.checks_completed()?),
            ("status", _) => Ok(self.status_set()?),
            ("merge_group", "checks_requested") => {
                let group = self.json::<MergeGroupEvent>()?.merge_group;
                Ok(FactKind::MergeGroupMade { pull: group.pull(), head: group.head_sha })
            }
            _ => Err(format!("`{}` with `{action}` is not used", self.event)),
        };
        Ok(match kind {
            Ok(kind) => Webhook::Fact(Box::new(Fact { repo, sender: Some(sender), kind })),
            Err(reason) => Webhook::Ignored(reason),
        })
    }

    fn issue(&self, action: &str) -> Result<Result<FactKind, String>, PayloadError> {
        let Issues { issue, label } = self.json()?;
        if issue.pull_request.is_some() {
            return Ok(Err("it is about a pull request, not an issue".to_owned()));
        }
        let number = issue.number;
        let label = || label.map(|label| label.name).ok_or_else(|| self.wrong("`label` is missing"));
        Ok(Ok(match action {
            "labeled" => {
                let label = label()?;
                let IssueRef { title, body, author, labels, .. } = issue;
                FactKind::Labelled(IssueLabelled { issue: number, title, body, author, label, labels })
            }
            "unlabeled" => FactKind::Unlabelled { issue: number, label: label()? },
            "edited" => FactKind::IssueEdited { issue: number },
            "closed" => FactKind::IssueClosed { issue: number },
            _ => FactKind::IssueRemoved { issue: number },
        }))
    }

    fn issue_comment(&self, sender: &User) -> Result<FactKind, PayloadError> {
        let IssueComment { issue, comment } = self.json()?;
        let thread = thread_of(&issue);
        Ok(FactKind::Commented(CommentWritten::read(comment, thread, SourceKind::IssueComment, sender)))
    }

    fn review_comment(&self, sender: &User) -> Result<FactKind, PayloadError> {
        let ReviewCommentEvent { pull_request, comment } = self.json()?;
        let thread = on_pull(pull_request.number);
        Ok(FactKind::Commented(CommentWritten::read(comment, thread, SourceKind::ReviewComment, sender)))
    }

    fn review(&self, sender: &User) -> Result<Result<FactKind, String>, PayloadError> {
        let ReviewEvent { pull_request, review } = self.json()?;
        match ReviewSubmitted::read(review, pull_request.number, sender) {
            Ok(review) => Ok(Ok(FactKind::Reviewed(review))),
            Err(UnreadableReview::NoVerdict(state)) => {
                Ok(Err(format!("a review with the state `{state}` is not used")))
            }
            Err(UnreadableReview::NotSubmitted) => Err(self.wrong("`review.submitted_at` is missing")),
        }
    }

    fn button(&self) -> Result<FactKind, PayloadError> {
        let CheckRunEvent { check_run, requested_action } = self.json()?;
        let action = requested_action.ok_or_else(|| self.wrong("`requested_action` is missing"))?;
        Ok(FactKind::ButtonPressed(ButtonPressed {
            identifier: action.identifier,
            check: check_run.id,
            node_id: check_run.node_id,
            app: check_run.app.map(|app| app.id),
            head: check_run.head_sha,
            pulls: check_run.pull_requests.into_iter().map(|pull| pull.number).collect(),
        }))
    }

    fn rerequested(&self) -> Result<FactKind, PayloadError> {
        let Rerequest { check_run, check_suite } = self.json()?;
        let checks = check_run.or(check_suite).ok_or_else(|| self.wrong("the checks are missing"))?;
        let pulls = checks.pull_requests.into_iter().map(|pull| pull.number).collect();
        Ok(FactKind::ChecksRerequested { app: checks.app.map(|app| app.id), head: checks.head_sha, pulls })
    }

    fn checks_completed(&self) -> Result<FactKind, PayloadError> {
        let suite = self.json::<Rerequest>()?.check_suite.ok_or_else(|| self.wrong("`check_suite` is missing"))?;
        let branches = suite.head_branch.into_iter().collect();
        Ok(FactKind::CiChanged { app: suite.app.map(|app| app.id), head: suite.head_sha, branches })
    }

    fn status_set(&self) -> Result<FactKind, PayloadError> {
        let StatusEvent { sha, branches } = self.json()?;
        let branches = branches.into_iter().map(|branch| branch.name).collect();
        Ok(FactKind::CiChanged { app: None, head: sha, branches })
    }

    fn pull_number(&self) -> Result<u64, PayloadError> {
        Ok(self.json::<PullEvent>()?.pull_request.number)
    }

    fn pull_head(&self, repo: &Repo) -> Result<PullHead, PayloadError> {
        let PullEvent { pull_request, after } = self.json()?;
        let end = pull_request.head;
        let head = after.or_else(|| end.as_ref().map(|end| end.sha.clone()));
        let head = head.ok_or_else(|| self.wrong("`pull_request.head` is missing"))?;
        let here = end.filter(|end| end.repo.as_ref().is_some_and(|of| of.id == repo.id));
        Ok(PullHead { pull: pull_request.number, head, branch: here.map(|end| end.branch) })
    }

    fn push(&self, repo: &Repo) -> Result<Result<FactKind, String>, PayloadError> {
        let push: PushEvent = self.json()?;
        Ok(match (push.branch(), push.deleted) {
            (None, _) => Err("a tag was pushed".to_owned()),
            (_, Gone::Yes) => Err("a branch was deleted".to_owned()),
            (Some(branch), Gone::No) => {
                let messages = push.commits.iter().map(|commit| commit.message.as_str());
                let reverts = messages.flat_map(|message| revert::named(message, repo)).collect();
                Ok(FactKind::BranchPushed { branch, head: push.after, reverts })
            }
        })
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        input::json(self.body).map_err(|error| self.wrong(&error.to_string()))
    }

    fn wrong(&self, message: &str) -> PayloadError {
        PayloadError { event: self.event.to_owned(), message: message.to_owned() }
    }

    /// An event that is not used. Its body must be JSON, or the delivery is marked as broken.
    fn ignored(&self, reason: &str) -> Result<Webhook, PayloadError> {
        self.json::<serde::de::IgnoredAny>()?;
        Ok(Webhook::Ignored(reason.to_owned()))
    }
}

fn thread_of(issue: &IssueRef) -> Thread {
    let kind = if issue.pull_request.is_some() { ThreadKind::Pull } else { ThreadKind::Issue };
    Thread { number: issue.number, kind }
}

fn on_pull(number: u64) -> Thread {
    Thread { number, kind: ThreadKind::Pull }
}

fn changed(thread: Thread, kind: SourceKind, id: u64) -> FactKind {
    FactKind::WordsChanged(WordsChanged { thread, kind, id })
}

#[cfg(test)]
mod storable_tests;
#[cfg(test)]
mod tests;
