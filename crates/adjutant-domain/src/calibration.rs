//! Calibration: what became of the scores, so that people see what a green of theirs is worth.
//!
//! Counted is what people could decide about: a commit that was proposed green or yellow and waited for a person, or that
//! was to go into the base. A step that Adjutant merged into its own integration branch says nothing, because Adjutant only
//! followed its own score; it counts by the final pull request that it is part of. Reports have no score, and a red result is
//! no proposal.
//!
//! What happens to a proposal is told by the state before and after a signal. It is stored in the transaction that stores that
//! state, so that nothing is lost or counted twice.

use serde::Serialize;

use super::actor::Actor;
use super::approval::ApprovalStatus;
use super::cause::DirectiveFailure;
use super::directive::Directive;
use super::evaluation::Confidence;
use super::ids::{Sha, StepId};
use super::signal::Signal;
use super::step::{PassedBy, Step, StepState};

/// The fewest outcomes of which a share is told.
pub const LEAST: u64 = 10;

/// What became of a proposed commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreOutcome {
    /// Merged as it was proposed.
    Merged,
    /// A person asked for more, or pushed to it.
    Reworked,
    /// A person closed, skipped or stopped it.
    Closed,
    /// Merged, and taken back afterwards.
    Reverted,
}

impl ScoreOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Merged, Self::Reworked, Self::Closed, Self::Reverted];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::Reworked => "reworked",
            Self::Closed => "closed",
            Self::Reverted => "reverted",
        }
    }

    /// The outcome of that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// What became of one score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledScore {
    /// Whose.
    pub step: StepId,
    /// The commit that was proposed.
    pub head: Sha,
    /// What became of it.
    pub outcome: ScoreOutcome,
    /// The commit that the merge made.
    pub merge_commit: Option<Sha>,
}

/// What became of scores by a signal that led from `before` to `after`.
pub fn settled(before: &Directive, after: &Directive, signal: &Signal) -> Vec<SettledScore> {
    before.all_steps().filter_map(|step| settled_by(before, after, signal, step)).collect()
}

fn settled_by(before: &Directive, after: &Directive, signal: &Signal, step: &Step) -> Option<SettledScore> {
    let head = step.state.evaluation().filter(|evaluation| evaluation.confidence != Confidence::Red)?.head.clone();
    let (outcome, merge_commit) = match (&step.state, signal) {
        (StepState::Passed { by: PassedBy::Merge, .. }, Signal::Reverted { step: of }) if *of == step.id => {
            (ScoreOutcome::Reverted, None)
        }
        (StepState::AwaitingDecision { candidate, .. } | StepState::Merging { candidate, .. }, signal)
            if candidate.submission.head() == Some(&head) =>
        {
            let commit = if let Signal::PullMerged { sha, .. } = signal { sha.clone() } else { None };
            (fate(before, after, signal, step, &head)?, commit)
        }
        _ => return None,
    };
    Some(SettledScore { step: step.id, head, outcome, merge_commit })
}

/// What became of a commit that was proposed; `None` while that is open, and where no person had a say.
fn fate(before: &Directive, after: &Directive, signal: &Signal, step: &Step, head: &Sha) -> Option<ScoreOutcome> {
    let now = after.any_step(step.id)?;
    let is_same = now.head() == Some(head);
    if let (false, Some(failure)) = (before.status().is_over(), after.state.failure()) {
        let stopped = matches!(failure, DirectiveFailure::Stopped { .. });
        return stopped.then_some(ScoreOutcome::Closed);
    }
    match (&now.state, signal) {
        (StepState::Passed { by: PassedBy::Merge, .. }, _) => {
            (is_same && had_a_say(after, step, head, signal)).then_some(ScoreOutcome::Merged)
        }
        (_, Signal::PullClosed { by, .. }) => (*by != Actor::Adjutant).then_some(ScoreOutcome::Closed),
        (_, Signal::HeadMoved { by, .. }) => (!is_same && *by != Actor::Adjutant).then_some(ScoreOutcome::Reworked),
        (StepState::Skipped { .. }, Signal::Commanded(_)) => Some(ScoreOutcome::Closed),
        (_, Signal::Commanded(_)) if after.step(step.id).is_none() => Some(ScoreOutcome::Closed),
        (state, Signal::Commanded(_)) => (!is_same || !is_proposed(state)).then_some(ScoreOutcome::Reworked),
        _ => None,
    }
}

/// Whether what was handed in still stands, or is verified again.
fn is_proposed(state: &StepState) -> bool {
    matches!(
        state,
        StepState::HandedIn { .. }
            | StepState::Verifying { .. }
            | StepState::AwaitingCi { .. }
            | StepState::Judging { .. }
            | StepState::AwaitingDecision { .. }
            | StepState::Merging { .. }
    )
}

/// Whether a merge was more than Adjutant following its own score.
fn had_a_say(after: &Directive, step: &Step, head: &Sha, signal: &Signal) -> bool {
    let by_person = matches!(signal, Signal::PullMerged { by: Actor::Person(_), .. });
    let approved = after.approvals.iter().any(|approval| {
        approval.step == Some(step.id)
            && approval.status == ApprovalStatus::Approved
            && approval.shown.hash() == head.as_str()
    });
    by_person || approved || after.reaches_base(step)
}

/// How many scores of one height ended in one way.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreCount {
    /// The band.
    pub confidence: Confidence,
    /// The score; none where nothing was verified.
    pub score: Option<f64>,
    /// What became of them.
    pub outcome: ScoreOutcome,
    /// How many.
    pub count: u64,
}

/// What became of some scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OutcomeCounts {
    /// Merged as they were proposed.
    pub merged: u64,
    /// Changed by a person's word or hand.
    pub reworked: u64,
    /// Closed, skipped or stopped by a person.
    pub closed: u64,
    /// Merged, and taken back afterwards.
    pub reverted: u64,
}

impl OutcomeCounts {
    /// What became of those of `counts` that `which` picks.
    pub fn of<'a>(counts: impl IntoIterator<Item = &'a ScoreCount>, which: impl Fn(&ScoreCount) -> bool) -> Self {
        let mut tally = Self::default();
        for counted in counts.into_iter().filter(|counted| which(counted)) {
            *match counted.outcome {
                ScoreOutcome::Merged => &mut tally.merged,
                ScoreOutcome::Reworked => &mut tally.reworked,
                ScoreOutcome::Closed => &mut tally.closed,
                ScoreOutcome::Reverted => &mut tally.reverted,
            } += counted.count;
        }
        tally
    }

    /// How many there are.
    pub fn total(self) -> u64 {
        self.merged + self.reworked + self.closed + self.reverted
    }

    /// The share that was merged unchanged and stayed, in whole percent, rounded down; `None` of fewer than [`LEAST`].
    pub fn merged_percent(self) -> Option<u64> {
        let total = self.total();
        (total >= LEAST).then(|| self.merged.saturating_mul(100) / total)
    }
}

/// What became of the scores of a repository, by band.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrackRecord {
    /// Of what was green.
    pub green: OutcomeCounts,
    /// Of what was yellow.
    pub yellow: OutcomeCounts,
}

impl TrackRecord {
    /// What became of all of these.
    pub fn of(counts: &[ScoreCount]) -> Self {
        let band = |confidence| OutcomeCounts::of(counts, |counted| counted.confidence == confidence);
        Self { green: band(Confidence::Green), yellow: band(Confidence::Yellow) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(confidence: Confidence, outcome: ScoreOutcome, count: u64) -> ScoreCount {
        ScoreCount { confidence, score: Some(1.0), outcome, count }
    }

    #[test]
    fn a_share_is_told_of_ten_and_rounded_down() {
        let green = |merged, reverted| {
            let merged = counted(Confidence::Green, ScoreOutcome::Merged, merged);
            let reverted = counted(Confidence::Green, ScoreOutcome::Reverted, reverted);
            let yellow = counted(Confidence::Yellow, ScoreOutcome::Closed, 50);
            TrackRecord::of(&[merged, reverted, yellow]).green.merged_percent()
        };
        assert_eq!((green(9, 0), green(10, 0)), (None, Some(100)));
        assert_eq!((green(199, 1), green(0, 10)), (Some(99), Some(0)));
    }

    #[test]
    fn every_outcome_has_its_word() {
        for outcome in ScoreOutcome::ALL {
            assert_eq!(ScoreOutcome::parse(outcome.as_str()), Some(outcome));
        }
        assert_eq!(ScoreOutcome::parse("lost"), None);
    }
}
