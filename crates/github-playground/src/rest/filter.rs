//! Filters of issue lists. <https://docs.github.com/en/rest/issues/issues#list-repository-issues>

use chrono::{DateTime, Utc};

use super::context::Ctx;
use crate::state::{Id, Issue, IssueState, Issues, Repo, State};

/// What a list is narrowed to, looked up once for all issues.
pub(super) struct Filter {
    state: Option<IssueState>,
    labels: Vec<Id>,
    assignee: Wanted<Id>,
    milestone: Wanted<u64>,
    creator: Option<Id>,
    since: Option<DateTime<Utc>>,
}

/// What there is to be of a kind.
enum Wanted<T> {
    Whatever,
    Any,
    None,
    This(T),
}

impl<T> Wanted<T> {
    /// As the query has it: `*`, `none`, or something that is looked up. What is not found fits nothing.
    fn of(word: Option<&str>, find: impl FnOnce(&str) -> Option<T>) -> Option<Self> {
        Some(match word {
            None => Self::Whatever,
            Some("*") => Self::Any,
            Some("none") => Self::None,
            Some(word) => Self::This(find(word)?),
        })
    }
}

impl<T: PartialEq> Wanted<T> {
    fn takes(&self, all: &[T]) -> bool {
        match self {
            Self::Whatever => true,
            Self::Any => !all.is_empty(),
            Self::None => all.is_empty(),
            Self::This(one) => all.contains(one),
        }
    }
}

impl Filter {
    /// What the query says; nothing where it names somebody or something that is not there, which no issue has.
    pub(super) fn of(ctx: &Ctx, state: &State, repo: &Repo) -> Option<Self> {
        let account = |login: &str| state.account_by_login(login).map(|account| account.id);
        let names = ctx.query("labels").unwrap_or_default().split(',').filter(|name| !name.is_empty());
        let number = |text: &str| text.parse().ok().filter(|number: &u64| number.to_string() == text);
        Some(Self {
            state: match ctx.query("state").unwrap_or("open") {
                "all" => None,
                "closed" => Some(IssueState::Closed),
                _ => Some(IssueState::Open),
            },
            labels: names.map(|name| Some(repo.label(name.trim())?.id)).collect::<Option<_>>()?,
            assignee: Wanted::of(ctx.query("assignee"), account)?,
            milestone: Wanted::of(ctx.query("milestone"), number)?,
            creator: match ctx.query("creator") {
                None => None,
                Some(login) => Some(account(login)?),
            },
            since: ctx.query("since").and_then(|since| since.parse().ok()),
        })
    }

    /// How many issues it takes, where that is known without looking at them.
    pub(super) fn count(&self, issues: &Issues) -> Option<usize> {
        let by_state_alone = self.labels.is_empty()
            && matches!((&self.assignee, &self.milestone), (Wanted::Whatever, Wanted::Whatever))
            && self.creator.is_none()
            && self.since.is_none();
        by_state_alone.then(|| match self.state {
            None => issues.len(),
            Some(IssueState::Open) => issues.open(),
            Some(IssueState::Closed) => issues.len() - issues.open(),
        })
    }

    /// Whether an issue is among them.
    pub(super) fn takes(&self, issue: &Issue) -> bool {
        self.state.is_none_or(|state| issue.state == state)
            && self.labels.iter().all(|label| issue.labels.contains(label))
            && self.assignee.takes(&issue.assignees)
            && self.milestone.takes(issue.milestone.as_slice())
            && self.creator.is_none_or(|creator| issue.author == creator)
            && self.since.is_none_or(|since| issue.updated_at >= since)
    }
}
