//! Issues, their labels, comments and reactions. A pull request is an issue with a [`Pull`] in it.

use serde::{Deserialize, Serialize};

use super::{Id, Pull, Time};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IssueState {
    Open,
    Closed,
}

/// Why an issue's number no longer leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    Deleted,
    /// It was transferred to another repository, where it has this id.
    Transferred(Id),
}

/// A label of a repository.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) description: Option<String>,
}

/// An issue or a pull request.
#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) id: Id,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: Id,
    pub(crate) via_app: bool,
    pub(crate) state: IssueState,
    pub(crate) state_reason: Option<String>,
    /// Ids of the repository's labels, in the order they were set.
    pub(crate) labels: Vec<Id>,
    pub(crate) assignees: Vec<Id>,
    /// The milestone's number.
    pub(crate) milestone: Option<u64>,
    /// Whether the conversation is locked.
    pub(crate) locked: Option<Lock>,
    /// The repository and number of its parent.
    pub(crate) parent: Option<(Id, u64)>,
    /// Its sub-issues in their order.
    pub(crate) sub_issues: Vec<(Id, u64)>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) events: Vec<IssueEvent>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) closed_at: Option<Time>,
    pub(crate) closed_by: Option<Id>,
    pub(crate) pull: Option<Pull>,
}

/// A comment on an issue or a pull request's conversation.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: Id,
    pub(crate) author: Id,
    pub(crate) via_app: bool,
    pub(crate) body: String,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

/// One of the eight reactions. <https://docs.github.com/en/rest/reactions/reactions#about-reactions>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReactionContent {
    #[serde(rename = "+1")]
    PlusOne,
    #[serde(rename = "-1")]
    MinusOne,
    #[serde(rename = "laugh")]
    Laugh,
    #[serde(rename = "confused")]
    Confused,
    #[serde(rename = "heart")]
    Heart,
    #[serde(rename = "hooray")]
    Hooray,
    #[serde(rename = "rocket")]
    Rocket,
    #[serde(rename = "eyes")]
    Eyes,
}

impl ReactionContent {
    /// All, in the order of GitHub's summary, with the words of REST and GraphQL.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::PlusOne, "+1", "THUMBS_UP"),
        (Self::MinusOne, "-1", "THUMBS_DOWN"),
        (Self::Laugh, "laugh", "LAUGH"),
        (Self::Hooray, "hooray", "HOORAY"),
        (Self::Confused, "confused", "CONFUSED"),
        (Self::Heart, "heart", "HEART"),
        (Self::Rocket, "rocket", "ROCKET"),
        (Self::Eyes, "eyes", "EYES"),
    ];

    /// Reads the word of REST.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|all| all.1 == word).map(|all| all.0)
    }

    /// Reads the word of GraphQL.
    pub(crate) fn parse_graphql(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|all| all.2 == word).map(|all| all.0)
    }
}

/// One person's reaction.
#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub(crate) id: Id,
    pub(crate) author: Id,
    pub(crate) content: ReactionContent,
    pub(crate) created_at: Time,
}

/// An event in an issue's history (`labeled`, `closed`, `merged` …).
#[derive(Debug, Clone)]
pub(crate) struct IssueEvent {
    pub(crate) id: Id,
    pub(crate) event: &'static str,
    pub(crate) actor: Id,
    pub(crate) label: Option<(String, String)>,
    pub(crate) commit_id: Option<String>,
    pub(crate) detail: Detail,
    pub(crate) created_at: Time,
}

/// Why a conversation is locked.
#[derive(Debug, Clone)]
pub(crate) struct Lock {
    /// One of GitHub's four reasons, if any was given.
    pub(crate) reason: Option<String>,
}

/// The data of an event besides its name, its actor and its label.
#[derive(Debug, Clone)]
pub(crate) enum Detail {
    None,
    Assignee(Id),
    /// The milestone's title at that time.
    Milestone(String),
    Lock(Option<String>),
    Renamed {
        from: String,
        to: String,
    },
    SubIssue((Id, u64)),
    ParentIssue((Id, u64)),
}

impl Issue {
    /// Sets `updated_at`, which never goes back.
    pub(crate) fn touch(&mut self, now: Time) {
        self.updated_at = self.updated_at.max(now);
    }

    /// Adds an event to the history.
    pub(crate) fn log(&mut self, id: Id, event: &'static str, actor: Id, now: Time) {
        self.events.push(IssueEvent {
            id,
            event,
            actor,
            label: None,
            commit_id: None,
            detail: Detail::None,
            created_at: now,
        });
        self.touch(now);
    }

    /// The pull request. The caller knows that the issue is one.
    pub(crate) fn pull(&self) -> &Pull {
        self.pull.as_ref().expect("the caller looked this issue up as a pull request")
    }

    /// The same, mutable.
    pub(crate) fn pull_mut(&mut self) -> &mut Pull {
        self.pull.as_mut().expect("the caller looked this issue up as a pull request")
    }
}
