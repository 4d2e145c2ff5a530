//! Events: the append-only history of a directive. It is written for people and never read back as state.

mod kind;

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::ids::StepId;
pub use kind::{Breaker, EventDescription, EventKind};

/// One line of a directive's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Who caused it.
    pub actor: Actor,
    /// The step it is about.
    pub step: Option<StepId>,
}

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As planned.
    Info,
    /// Somebody may want to look.
    Warning,
    /// Somebody has to look.
    Error,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: &'static [Self] = &[Self::Info, Self::Warning, Self::Error];

    /// The severity of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|severity| severity.as_str() == text)
    }

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::approval::{ApprovalKind, ApprovalStatus};
    use crate::failure::Failure;
    use crate::ids::{Login, Sha, StepName, Usd};
    use crate::task::{TaskKind, TaskStatus};

    fn finished(status: TaskStatus, refused: bool) -> EventKind {
        let (cost, seconds) = (Usd(500_000), Some(12));
        EventKind::TaskFinished { task: 2, kind: TaskKind::Step, status, cost, seconds, reason: None, refused }
    }

    #[test]
    fn the_data_has_the_members_that_version_1_wrote() {
        let shown = "a1".to_owned();
        let (by, words) = (Some(Login::new("maintainer")), None);
        let resolved = EventKind::ApprovalResolved {
            r#type: ApprovalKind::Plan,
            status: ApprovalStatus::Denied,
            shown,
            by,
            words,
        };
        assert_eq!(resolved.name(), "approval_resolved");
        let members = json!({ "type": "plan", "status": "denied", "shown": "a1", "by": "maintainer", "words": null });
        assert_eq!(resolved.data(), members);
        assert_eq!(EventKind::DirectiveArchived {}.data(), json!({}));
        assert_eq!(finished(TaskStatus::Succeeded, false).data()["cost"], 500_000);
    }

    #[test]
    fn the_severity_follows_from_the_data() {
        assert_eq!(finished(TaskStatus::Succeeded, false).severity(), Severity::Info);
        assert_eq!(finished(TaskStatus::Cancelled, false).severity(), Severity::Info);
        assert_eq!(finished(TaskStatus::Failed, false).severity(), Severity::Warning);
        assert_eq!(finished(TaskStatus::Succeeded, true).severity(), Severity::Warning);
        assert_eq!(EventKind::EffectFailed { reason: Failure::Dropped }.severity(), Severity::Error);
    }

    #[test]
    fn an_event_is_read_back_also_as_an_older_version_wrote_it() {
        let kind = finished(TaskStatus::Failed, false);
        assert_eq!(EventKind::read(kind.name(), &kind.data()), Some(kind));
        let former = json!({ "type": "final", "by": "maintainer", "shown": "a1" });
        let read = EventKind::read("approval_vouched", &former).unwrap();
        assert_eq!(read.name(), "head_pre_approved");
        let head = Sha::new("a1");
        let integrated = EventKind::read("base_integrated", &json!({ "head": "a1" }));
        assert_eq!(integrated, Some(EventKind::BaseIntegrated { head, differs: true }));
        let opened = EventKind::read("pull_opened", &json!({ "step": "a", "pull": 7 }));
        assert_eq!(opened, Some(EventKind::PullOpened { step: StepName::new("a"), pull: 7, superseded: false }));
    }

    #[test]
    fn what_cannot_be_read_is_no_event_of_a_known_kind() {
        assert_eq!(EventKind::read("something_new", &json!({})), None);
        assert_eq!(EventKind::read("status_changed", &json!({ "from": "nowhere", "to": "active" })), None);
        assert_eq!(EventKind::read("status_changed", &json!(null)), None);
    }

    #[test]
    fn names_are_unique_and_in_snake_case() {
        let mut names: Vec<_> = EventKind::ALL.iter().map(|description| description.name).collect();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
