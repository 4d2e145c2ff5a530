//! What a delivery says, read without asking anybody.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::github::{
    model::Account,
    payload::{
        CheckRunEvent, CommentRef, Envelope, Gone, IssueComment, IssueRef, Issues, PullEvent, PushEvent, Rerequest,
        ReviewCommentEvent, ReviewEvent,
    },
};
use adjutant_domain::{
    ids::{Branch, Login, Repo, Sha},
    signal::SourceKind,
};

/// What a delivery says.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Nothing for the engine, because.
    Ignored(String),
    /// Something that is worth a look.
    Happened(Box<Happened>),
}

/// Something that happened in a repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened {
    /// Where.
    pub repo: Repo,
    /// Who caused it.
    pub sender: Person,
    /// What.
    pub what: FactKind,
}

/// Somebody, as a payload names them. What they may do is asked of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their login.
    pub login: Login,
    /// Whether it is a bot.
    pub bot: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum FactKind {
    /// An issue got a label.
    Labelled(LabelSet),
    /// An issue lost a label.
    Unlabelled {
        /// Its number.
        issue: u64,
        /// The label's name.
        label: String,
    },
    /// An issue's title or text was edited.
    IssueEdited {
        /// Its number.
        issue: u64,
    },
    /// An issue was closed.
    IssueClosed {
        /// Its number.
        issue: u64,
    },
    /// An issue was deleted or transferred.
    IssueRemoved {
        /// The number that it had.
        issue: u64,
    },
    /// Somebody commented.
    Said(Said),
    /// Somebody reviewed.
    Reviewed(Reviewed),
    /// Somebody pressed a button of a check run.
    Pressed(Pressed),
    /// A pull request was closed, merged or not.
    PullClosed {
        /// Its number.
        pull: u64,
    },
    /// A pull request was opened, or opened again.
    PullOpened(Heading),
    /// Somebody pushed to a pull request's branch.
    PullPushed(Heading),
    /// Somebody asked for checks of an app to be run again.
    Rerequested {
        /// The app that they are of.
        app: Option<u64>,
        /// The commit.
        head: Sha,
        /// The pull requests with that head.
        pulls: Vec<u64>,
    },
    /// Somebody pushed to a branch.
    BranchPushed {
        /// The branch.
        branch: Branch,
        /// The new head.
        head: Sha,
    },
}

/// A label that an issue got, and the issue as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    /// The issue's number.
    pub issue: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Who wrote it.
    pub author: Login,
    /// The label's name.
    pub label: String,
    /// All labels that it had then.
    pub labels: Vec<String>,
}

/// A pull request and its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// The pull request's number.
    pub pull: u64,
    /// The head.
    pub head: Sha,
    /// The branch that the head is of, where that is in the same repository and not in a fork.
    pub branch: Option<Branch>,
}

/// A comment that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The issue or pull request that it stands in.
    pub number: u64,
    /// Which of the two that is.
    pub place: Place,
    /// Who wrote it.
    pub author: Person,
    /// The app through which it was written, if any.
    pub via_app: Option<u64>,
    /// Its text.
    pub body: String,
    /// What kind of comment it is.
    pub kind: SourceKind,
    /// Its database id.
    pub id: u64,
    /// Its GraphQL id.
    pub node_id: String,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The review that it belongs to, where it is on a line.
    pub review: Option<u64>,
}

/// Where a comment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In an issue.
    Issue,
    /// In a pull request.
    Pull,
}

/// A review that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// The pull request's number.
    pub pull: u64,
    /// Who reviewed.
    pub author: Person,
    /// What they found.
    pub state: ReviewState,
    /// What they wrote.
    pub body: String,
    /// The commit that they looked at.
    pub commit: Option<Sha>,
    /// Its database id.
    pub id: u64,
    /// Its GraphQL id.
    pub node_id: String,
    /// When it was handed in.
    pub at: DateTime<Utc>,
}

/// A button that was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// What the button is, as the check run named it.
    pub identifier: String,
    /// The check run's database id.
    pub check: u64,
    /// The check run's GraphQL id.
    pub node_id: String,
    /// The app that the check run is of.
    pub app: Option<u64>,
    /// The commit that the check run is about.
    pub head: Sha,
    /// The pull requests with that head.
    pub pulls: Vec<u64>,
}

/// What a review found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    /// It may be merged.
    Approved,
    /// It has to change.
    ChangesRequested,
    /// Neither.
    Commented,
}

/// A body that is not what GitHub sends with that event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the body of this `{event}` event was not understood: {message}")]
pub struct PayloadError {
    /// The event's name.
    pub event: String,
    /// What was wrong, with the place.
    pub message: String,
}

/// Reads a delivery: the event's name, as the `X-GitHub-Event` header gives it, and the raw body.
pub fn parse(event: &str, body: &[u8]) -> Result<Fact, PayloadError> {
    let delivery = Delivery { event, body };
    match event {
        "issues"
        | "issue_comment"
        | "pull_request_review_comment"
        | "pull_request_review"
        | "pull_request"
        | "push"
        | "check_run"
        | "check_suite" => delivery.fact(),
        "ping" => delivery.ignored("GitHub tries the webhook"),
        "installation" | "installation_repositories" | "installation_target" | "github_app_authorization" => {
            delivery.ignored("installations are looked up when they are needed; what waited for one is tried at once")
        }
        _ => delivery.ignored(&format!("`{event}` events are not used")),
    }
}

struct Delivery<'a> {
    event: &'a str,
    body: &'a [u8],
}

impl Delivery<'_> {
    fn fact(&self) -> Result<Fact, PayloadError> {
        let envelope: Envelope = self.json()?;
        let Some(repo) = envelope.repo() else {
            return Ok(Fact::Ignored("it came through no installation of the app".to_owned()));
        };
        let action = envelope.action.as_deref().unwrap_or_default();
        let what = match (self.event, action) {
            ("issues", "labeled" | "unlabeled" | "edited" | "closed" | "deleted" | "transferred") => {
                self.issue(action)?
            }
            ("issue_comment", "created") => Ok(self.issue_comment(&envelope)?),
            ("pull_request_review_comment", "created") => Ok(self.review_comment(&envelope)?),
            ("pull_request_review", "submitted") => self.review(&envelope)?,
            ("pull_request", "closed") => {
                Ok(FactKind::PullClosed { pull: self.json::<PullEvent>()?.pull_request.number })
            }
            ("pull_request", "opened" | "reopened") => Ok(FactKind::PullOpened(self.heading(&repo)?)),
            ("pull_request", "synchronize") => Ok(FactKind::PullPushed(self.heading(&repo)?)),
            ("push", _) => self.push()?,
            ("check_run", "requested_action") => Ok(self.button()?),
            ("check_run" | "check_suite", "rerequested") => Ok(self.rerequested()?),
            _ => Err(format!("`{}` with `{action}` is not used", self.event)),
        };
        Ok(match what {
            Ok(what) => Fact::Happened(Box::new(Happened { repo, sender: person(&envelope.sender), what })),
            Err(reason) => Fact::Ignored(reason),
        })
    }

    fn issue(&self, action: &str) -> Result<Result<FactKind, String>, PayloadError> {
        let Issues { issue, label } = self.json()?;
        if issue.pull_request.is_some() {
            return Ok(Err("a pull request is no issue".to_owned()));
        }
        let number = issue.number;
        let label = || label.map(|label| label.name).ok_or_else(|| self.wrong("`label` is missing"));
        Ok(Ok(match action {
            "labeled" => {
                let label = label()?;
                let IssueRef { title, body, author, labels, .. } = issue;
                FactKind::Labelled(LabelSet { issue: number, title, body, author, label, labels })
            }
            "unlabeled" => FactKind::Unlabelled { issue: number, label: label()? },
            "edited" => FactKind::IssueEdited { issue: number },
            "closed" => FactKind::IssueClosed { issue: number },
            _ => FactKind::IssueRemoved { issue: number },
        }))
    }

    fn issue_comment(&self, envelope: &Envelope) -> Result<FactKind, PayloadError> {
        let IssueComment { issue, comment } = self.json()?;
        let place = if issue.pull_request.is_some() { Place::Pull } else { Place::Issue };
        Ok(FactKind::Said(said(envelope, comment, issue.number, place, SourceKind::IssueComment)))
    }

    fn review_comment(&self, envelope: &Envelope) -> Result<FactKind, PayloadError> {
        let ReviewCommentEvent { pull_request, comment } = self.json()?;
        Ok(FactKind::Said(said(envelope, comment, pull_request.number, Place::Pull, SourceKind::ReviewComment)))
    }

    fn review(&self, envelope: &Envelope) -> Result<Result<FactKind, String>, PayloadError> {
        let ReviewEvent { pull_request, review } = self.json()?;
        // Lower case in webhooks, upper case in answers.
        let state = match review.state.to_ascii_lowercase().as_str() {
            "approved" => ReviewState::Approved,
            "changes_requested" => ReviewState::ChangesRequested,
            "commented" => ReviewState::Commented,
            other => return Ok(Err(format!("a review that is `{other}` says nothing"))),
        };
        Ok(Ok(FactKind::Reviewed(Reviewed {
            pull: pull_request.number,
            author: person(review.user.as_ref().unwrap_or(&envelope.sender)),
            state,
            body: review.body,
            commit: review.commit_id,
            id: review.id,
            node_id: review.node_id,
            at: review.submitted_at.ok_or_else(|| self.wrong("`review.submitted_at` is missing"))?,
        })))
    }

    fn button(&self) -> Result<FactKind, PayloadError> {
        let CheckRunEvent { check_run, requested_action } = self.json()?;
        let action = requested_action.ok_or_else(|| self.wrong("`requested_action` is missing"))?;
        Ok(FactKind::Pressed(Pressed {
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
        Ok(FactKind::Rerequested { app: checks.app.map(|app| app.id), head: checks.head_sha, pulls })
    }

    fn heading(&self, repo: &Repo) -> Result<Heading, PayloadError> {
        let PullEvent { pull_request, after } = self.json()?;
        let end = pull_request.head;
        let head = after.or_else(|| end.as_ref().map(|end| end.sha.clone()));
        let head = head.ok_or_else(|| self.wrong("`pull_request.head` is missing"))?;
        let here = end.filter(|end| end.repo.as_ref().is_some_and(|of| of.id == repo.id));
        Ok(Heading { pull: pull_request.number, head, branch: here.map(|end| end.branch) })
    }

    fn push(&self) -> Result<Result<FactKind, String>, PayloadError> {
        let push: PushEvent = self.json()?;
        Ok(match (push.branch(), push.deleted) {
            (None, _) => Err("a tag was pushed".to_owned()),
            (_, Gone::Yes) => Err("a branch was deleted".to_owned()),
            (Some(branch), Gone::No) => Ok(FactKind::BranchPushed { branch, head: push.after }),
        })
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        serde_json::from_slice(self.body).map_err(|error| self.wrong(&error.to_string()))
    }

    fn wrong(&self, message: &str) -> PayloadError {
        PayloadError { event: self.event.to_owned(), message: message.to_owned() }
    }

    /// An event that is not used; its body must be JSON all the same, or the delivery is marked as broken.
    fn ignored(&self, reason: &str) -> Result<Fact, PayloadError> {
        self.json::<serde::de::IgnoredAny>()?;
        Ok(Fact::Ignored(reason.to_owned()))
    }
}

fn said(envelope: &Envelope, comment: CommentRef, number: u64, place: Place, kind: SourceKind) -> Said {
    Said {
        number,
        place,
        author: person(comment.user.as_ref().unwrap_or(&envelope.sender)),
        via_app: comment.performed_via_github_app.map(|app| app.id),
        body: comment.body,
        kind,
        id: comment.id,
        node_id: comment.node_id,
        at: comment.created_at,
        review: comment.pull_request_review_id,
    }
}

fn person(account: &Account) -> Person {
    Person { login: account.login.clone(), bot: account.is_bot() }
}

#[cfg(test)]
mod tests;
