//! The states of directives, steps, tasks and approvals, and which may follow which.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A status that may not follow another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot go from {from} to {to}")]
pub struct InvalidTransition {
    /// `directive`, `step`, `task` or `approval`.
    pub what: &'static str,
    /// The status it has.
    pub from: &'static str,
    /// The status that was asked for.
    pub to: &'static str,
}

macro_rules! status {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal => [$($next:ident),*],)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every status, in the order of a normal life.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in the database and on GitHub.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The status that may follow this one.
            pub fn next(self) -> &'static [Self] {
                match self { $(Self::$variant => &[$(Self::$next,)*],)* }
            }

            /// `to`, where it may follow.
            pub fn to(self, to: Self) -> Result<Self, InvalidTransition> {
                if self.next().contains(&to) {
                    Ok(to)
                } else {
                    Err(InvalidTransition { what: $what, from: self.as_str(), to: to.as_str() })
                }
            }

            /// The status of that word.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|status| status.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

status! {
    /// Where a directive stands.
    DirectiveStatus, "directive" {
        /// Opened, nothing done yet.
        Draft = "draft" => [Planning, Failed],
        /// A plan is being made or waits for its approval.
        Planning = "planning" => [Active, Paused, Completed, Failed],
        /// Steps are worked on.
        Active = "active" => [Planning, Paused, Completed, Failed],
        /// Nothing starts until it is resumed.
        Paused = "paused" => [Planning, Active, Completed, Failed],
        /// What was wanted is merged.
        Completed = "completed" => [Archived],
        /// Stopped, or given up.
        Failed = "failed" => [Archived],
        /// Put away after its end.
        Archived = "archived" => [],
    }
}

status! {
    /// Where a step stands.
    StepStatus, "step" {
        /// Waits for its dependencies.
        Pending = "pending" => [Ready, Blocked, Passed, Skipped],
        /// May be started.
        Ready = "ready" => [Running, Pending, Blocked, Passed, Skipped],
        /// An agent works on it.
        Running = "running" => [Evaluating, Ready, Rework, Blocked, Failed, Passed, Skipped],
        /// What was handed in is verified, decided on or merged; another head takes it back to the beginning of that.
        Evaluating = "evaluating" => [Evaluating, Passed, Rework, Blocked, Failed, Skipped],
        /// Merged, or its report accepted.
        Passed = "passed" => [],
        /// Is to be done again, with instructions.
        Rework = "rework" => [Running, Evaluating, Blocked, Passed, Skipped],
        /// Needs a person, maybe for another reason than before.
        Blocked = "blocked" => [Blocked, Pending, Ready, Rework, Evaluating, Passed, Skipped],
        /// Its task could not be run.
        Failed = "failed" => [Ready, Rework, Evaluating, Blocked, Passed, Skipped],
        /// Given up on purpose; dependents go on without it.
        Skipped = "skipped" => [],
    }
}

status! {
    /// Where a task stands.
    TaskStatus, "task" {
        /// Waits for a worker.
        Queued = "queued" => [Running, Succeeded, Failed, Cancelled],
        /// An agent is at it.
        Running = "running" => [Succeeded, Failed, Cancelled],
        /// Ended with a result.
        Succeeded = "succeeded" => [],
        /// Ended without one.
        Failed = "failed" => [],
        /// Called off.
        Cancelled = "cancelled" => [],
    }
}

status! {
    /// Where an approval stands.
    ApprovalStatus, "approval" {
        /// Waits for a person.
        Pending = "pending" => [Approved, Denied, Stale, Expired],
        /// Yes.
        Approved = "approved" => [],
        /// No, or otherwise.
        Denied = "denied" => [],
        /// What was shown has changed.
        Stale = "stale" => [],
        /// Nobody answered in time: people were reminded, and it waits on.
        Expired = "expired" => [Approved, Denied, Stale],
    }
}

impl TaskStatus {
    /// Whether it has not ended.
    pub fn is_live(self) -> bool {
        !self.next().is_empty()
    }
}

impl ApprovalStatus {
    /// Whether an answer would count: one that comes after the expiry does.
    pub fn is_waiting(self) -> bool {
        !self.next().is_empty()
    }
}

impl DirectiveStatus {
    /// Whether it has ended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Archived)
    }
}

impl StepStatus {
    /// Whether dependents may start.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Passed | Self::Skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_transition_names_both_ends() {
        let refused = StepStatus::Passed.to(StepStatus::Running).unwrap_err();
        assert_eq!(refused.to_string(), "step cannot go from passed to running");
    }

    #[test]
    fn nothing_follows_an_archived_directive_or_a_passed_step() {
        assert!(DirectiveStatus::Archived.next().is_empty());
        assert!(StepStatus::Passed.next().is_empty());
        assert!(StepStatus::Skipped.next().is_empty());
    }

    #[test]
    fn every_status_is_read_back_from_its_word() {
        for status in DirectiveStatus::ALL {
            assert_eq!(DirectiveStatus::parse(status.as_str()), Some(*status));
        }
        for status in StepStatus::ALL {
            assert_eq!(StepStatus::parse(status.as_str()), Some(*status));
        }
        assert_eq!(StepStatus::parse("done"), None);
    }
}
