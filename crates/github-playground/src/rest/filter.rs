//! Filters of issue lists. <https://docs.github.com/en/rest/issues/issues#list-repository-issues>

use chrono::{DateTime, Utc};

use super::context::Ctx;
use crate::state::{Id, Issue, IssueState, Issues, Repo, State};

/// The criteria of a list, looked up once for all issues.
pub(super) struct Filter {
    state: Option<IssueState>,
    labels: Vec<Id>,
    assignee: Wanted<Id>,
    milestone: Wanted<u64>,
    creator: Option<Id>,
    since: Option<DateTime<Utc>>,
}

/// The criterion for one field.
enum Wanted<T> {
    Whatever,
    Any,
    None,
    This(T),
}

impl<T> Wanted<T> {
    /// Reads a query's word: `*`, `none`, or a name that is looked up. An unknown name returns `None`.
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
    /// Reads the query. `None` if it names somebody or something unknown, which no issue has.
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

    /// The number of matching issues, if it is known without reading them.
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

    /// Whether an issue matches.
    pub(super) fn takes(&self, issue: &Issue) -> bool {
        self.state.is_none_or(|state| issue.state == state)
            && self.labels.iter().all(|label| issue.labels.contains(label))
            && self.assignee.takes(&issue.assignees)
            && self.milestone.takes(issue.milestone.as_slice())
            && self.creator.is_none_or(|creator| issue.author == creator)
            && self.since.is_none_or(|since| issue.updated_at >= since)
    }
}
