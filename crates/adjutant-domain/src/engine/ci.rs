//! The wait for the repository's own CI. It holds no worker and no verifier's slot: the step is in a state of its own, and
//! what changes on GitHub, or the passing of time, has GitHub read again.

use chrono::Duration;

use super::transition::{Followed, Transition};
use crate::ci::CiReport;
use crate::effect::Effect;
use crate::evaluation::Evaluation;
use crate::ids::{Sha, StepId};
use crate::step::{Step, StepState};

/// How long after the last reading GitHub is read again, where no webhook came.
const READ_AGAIN: Duration = Duration::minutes(1);

/// How long the reading after the limit may take.
const LAST_READING: Duration = Duration::minutes(10);

impl Transition {
    /// Something about the checks of a commit has changed on GitHub.
    pub(super) fn ci_changed(&mut self, id: StepId, head: &Sha) -> Followed {
        if self.step(id)?.head() == Some(head) { self.read_ci(id) } else { Ok(()) }
    }

    /// The checks of a commit were read.
    pub(super) fn ci_read(&mut self, id: StepId, head: &Sha, report: &CiReport) -> Followed {
        let step = self.step(id)?;
        let StepState::AwaitingCi { candidate, .. } = &step.state else { return Ok(()) };
        if candidate.submission.head() != Some(head) || self.directive.status().is_over() {
            return Ok(());
        }
        self.with_step(id, |step| {
            if let Some(candidate) = step.state.candidate_mut() {
                candidate.ci = Some(report.clone());
            }
        });
        self.end_ci_wait(id)
    }

    /// Time passed: what waits too long is decided on with what is known, and the rest is read again.
    pub(super) fn look_after_ci(&mut self) -> Followed {
        let waits = |step: &&Step| matches!(step.state, StepState::AwaitingCi { .. });
        let waiting: Vec<StepId> = self.directive.all_steps().filter(waits).map(|step| step.id).collect();
        let limit = self.directive.policy.limits.ci_wait();
        for id in waiting {
            let StepState::AwaitingCi { wait, .. } = &self.step(id)?.state else { continue };
            // The limit ends the wait only with a reading of after it: while GitHub or this process was away, the checks may
            // have ended. Where none can be had for long, it ends without.
            if wait.asked_at - wait.since >= limit && self.now - wait.asked_at >= LAST_READING {
                self.end_ci_wait(id)?;
            } else if self.now - wait.asked_at >= READ_AGAIN && wait.asked_at - wait.since < limit {
                self.read_ci(id)?;
            }
        }
        Ok(())
    }

    /// Has GitHub read, where the step waits for it.
    fn read_ci(&mut self, id: StepId) -> Followed {
        let now = self.now;
        let step = self.step(id)?;
        let (round, head) = (step.verifications, step.head().cloned());
        let Some(head) = head.filter(|_| matches!(step.state, StepState::AwaitingCi { .. })) else { return Ok(()) };
        self.with_step(id, |step| {
            if let StepState::AwaitingCi { wait, .. } = &mut step.state {
                wait.asked_at = now;
            }
        });
        self.effect(Effect::ReadCi { step: id, head, round });
        Ok(())
    }

    /// Decides, where there is nothing more to wait for.
    fn end_ci_wait(&mut self, id: StepId) -> Followed {
        let StepState::AwaitingCi { candidate, results, wait } = &self.step(id)?.state else { return Ok(()) };
        let (policy, limits) = (self.directive.policy.ci, self.directive.policy.limits);
        let waited = self.now - wait.since;
        let report = candidate.ci.clone().unwrap_or_else(CiReport::never_read);
        if !report.ends_wait(waited, &limits) {
            return Ok(());
        }
        let mut results = results.clone();
        results.push(report.result(policy, waited, &limits));
        let candidate = candidate.clone();
        let Some(head) = candidate.submission.head().cloned() else { return Ok(()) };
        let thresholds = self.directive.policy.thresholds;
        let evaluation = Evaluation::of(head, results, &candidate.findings, thresholds);
        self.evaluated(id, candidate, evaluation)
    }
}
