//! Where a directive stands, with the data that belongs there.
//!
//! A pause and its reasons belong to the paused state, the reason and the time of an end to the ended ones: so none of
//! them can say something else than the status. Everybody who wants to know how a directive stands asks
//! [`DirectiveState`]; [`DirectiveState::status`] is the word that people read and that the database has, and which word
//! may follow which is the table of [`DirectiveStatus`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::cause::DirectiveFailure;
use crate::ids::Login;
use crate::status::DirectiveStatus;

/// Where a directive stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectiveState {
    /// Opened, nothing done yet.
    Draft,
    /// A plan is being made or waits for its approval.
    Planning,
    /// Steps are worked on.
    Active,
    /// Nothing starts until every reason is lifted.
    Paused(Pause),
    /// What was wanted is merged.
    Completed {
        /// When it ended.
        at: DateTime<Utc>,
    },
    /// It ended without its goal.
    Failed {
        /// When it ended.
        at: DateTime<Utc>,
        /// Why.
        failure: DirectiveFailure,
    },
    /// Put away after its end.
    Archived {
        /// When it ended.
        at: DateTime<Utc>,
        /// Why it ended without its goal; none where it was completed.
        failure: Option<DirectiveFailure>,
    },
}

/// What a directive does while it is not paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Underway {
    /// A plan is being made or waits for its approval.
    Planning,
    /// Steps are worked on.
    Active,
}

/// A pause: what it interrupts, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What the directive goes back to. A replan and an approved plan change it.
    pub from: Underway,
    /// Why. It goes on once the last of them is lifted.
    pub reasons: PauseReasons,
}

/// Why a directive pauses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// The label was taken off.
    Unlabelled(Login),
    /// Somebody said `/pause`.
    Commanded(Login),
    /// The money is used up.
    Cost,
    /// The time is used up.
    WallTime,
}

/// The reasons of a pause in the order in which they came: at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<PauseReason>", into = "Vec<PauseReason>")]
pub struct PauseReasons {
    first: PauseReason,
    also: Vec<PauseReason>,
}

/// A pause needs a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pause without a reason")]
pub struct NoReason;

impl DirectiveState {
    /// The word that people read and that the database has.
    pub fn status(&self) -> DirectiveStatus {
        match self {
            Self::Draft => DirectiveStatus::Draft,
            Self::Planning => DirectiveStatus::Planning,
            Self::Active => DirectiveStatus::Active,
            Self::Paused(_) => DirectiveStatus::Paused,
            Self::Completed { .. } => DirectiveStatus::Completed,
            Self::Failed { .. } => DirectiveStatus::Failed,
            Self::Archived { .. } => DirectiveStatus::Archived,
        }
    }

    /// What it does, or goes back to after its pause; none before the start and after the end.
    pub fn underway(&self) -> Option<Underway> {
        match self {
            Self::Planning => Some(Underway::Planning),
            Self::Active => Some(Underway::Active),
            Self::Paused(pause) => Some(pause.from),
            Self::Draft | Self::Completed { .. } | Self::Failed { .. } | Self::Archived { .. } => None,
        }
    }

    /// The pause, while it is paused.
    pub fn pause(&self) -> Option<&Pause> {
        match self {
            Self::Paused(pause) => Some(pause),
            _ => None,
        }
    }

    /// The pause, to change what it goes back to.
    pub fn pause_mut(&mut self) -> Option<&mut Pause> {
        match self {
            Self::Paused(pause) => Some(pause),
            _ => None,
        }
    }

    /// Why it ended without its goal.
    pub fn failure(&self) -> Option<&DirectiveFailure> {
        match self {
            Self::Failed { failure, .. } => Some(failure),
            Self::Archived { failure, .. } => failure.as_ref(),
            _ => None,
        }
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Completed { at } | Self::Failed { at, .. } | Self::Archived { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// Whether what was wanted is merged, put away or not.
    pub fn is_completed(&self) -> bool {
        matches!(self, Self::Completed { .. } | Self::Archived { failure: None, .. })
    }

    /// The same end, put away; none where it has not ended, and where it is put away already.
    pub fn put_away(&self) -> Option<Self> {
        match self {
            Self::Completed { at } => Some(Self::Archived { at: *at, failure: None }),
            Self::Failed { at, failure } => Some(Self::Archived { at: *at, failure: Some(failure.clone()) }),
            Self::Draft | Self::Planning | Self::Active | Self::Paused(_) | Self::Archived { .. } => None,
        }
    }
}

impl Underway {
    /// The word that people read.
    pub fn status(self) -> DirectiveStatus {
        DirectiveState::from(self).status()
    }
}

impl From<Underway> for DirectiveState {
    fn from(underway: Underway) -> Self {
        match underway {
            Underway::Planning => Self::Planning,
            Underway::Active => Self::Active,
        }
    }
}

impl Pause {
    /// Whether that is among its reasons.
    pub fn is_for(&self, reason: &PauseReason) -> bool {
        self.reasons.iter().any(|known| known == reason)
    }
}

impl PauseReason {
    /// Whether somebody paused it, by label or command; else something was used up.
    pub fn is_by_person(&self) -> bool {
        matches!(self, Self::Unlabelled(_) | Self::Commanded(_))
    }

    /// Whether the label was taken off.
    pub fn is_by_label(&self) -> bool {
        matches!(self, Self::Unlabelled(_))
    }
}

impl PauseReasons {
    /// The one reason of a pause that begins.
    pub fn new(first: PauseReason) -> Self {
        Self { first, also: Vec::new() }
    }

    /// The reason that it began with, or the oldest that is left.
    pub fn first(&self) -> &PauseReason {
        &self.first
    }

    /// Every reason, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &PauseReason> {
        std::iter::once(&self.first).chain(&self.also)
    }

    /// One reason more.
    pub fn push(&mut self, reason: PauseReason) {
        self.also.push(reason);
    }
}

impl TryFrom<Vec<PauseReason>> for PauseReasons {
    type Error = NoReason;

    fn try_from(reasons: Vec<PauseReason>) -> Result<Self, NoReason> {
        let mut reasons = reasons.into_iter();
        let first = reasons.next().ok_or(NoReason)?;
        Ok(Self { first, also: reasons.collect() })
    }
}

impl From<PauseReasons> for Vec<PauseReason> {
    fn from(reasons: PauseReasons) -> Self {
        std::iter::once(reasons.first).chain(reasons.also).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paused(reasons: &[PauseReason]) -> Result<DirectiveState, serde_json::Error> {
        serde_json::from_value(json!({ "paused": { "from": "active", "reasons": reasons } }))
    }

    #[test]
    fn a_pause_is_read_with_its_reasons_in_their_order_and_not_without_one() {
        let reasons = [PauseReason::Cost, PauseReason::Commanded(Login::new("mona"))];
        let state = paused(&reasons).unwrap();
        let pause = state.pause().unwrap();
        assert_eq!((pause.from, pause.reasons.first()), (Underway::Active, &PauseReason::Cost));
        assert!(pause.reasons.iter().eq(&reasons) && pause.is_for(&reasons[1]));
        assert!(paused(&[]).unwrap_err().to_string().contains("a pause without a reason"));
    }

    #[test]
    fn what_is_put_away_keeps_its_end_and_only_an_end_is_put_away() {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let completed = DirectiveState::Completed { at }.put_away().unwrap();
        let stopped = DirectiveFailure::Legacy("stopped".to_owned());
        let failed = DirectiveState::Failed { at, failure: stopped.clone() }.put_away().unwrap();
        assert_eq!((completed.ended_at(), completed.is_completed(), completed.failure()), (Some(at), true, None));
        assert_eq!((failed.ended_at(), failed.is_completed(), failed.failure()), (Some(at), false, Some(&stopped)));
        let paused = paused(&[PauseReason::Cost]).unwrap();
        for state in [DirectiveState::Draft, DirectiveState::Planning, DirectiveState::Active, paused, completed] {
            assert_eq!(state.put_away(), None, "{state:?}");
        }
    }
}
