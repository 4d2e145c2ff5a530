//! The base commit is verified before a planner is paid, and people are asked once about what is wrong there.

use super::transition::{Followed, Transition};
use crate::approval::{ApprovalKind, ApprovalStatus, Subject};
use crate::baseline::{BaselineFault, BaselineReport, BaselineState};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::failure::Failure;
use crate::ids::{Login, StepId};
use crate::question::Question;
use crate::status::DirectiveStatus;
use crate::step::{Step, StepState, VerifierProgress};

impl Transition {
    /// Asks for the base commit to be verified where that was not done yet, or not by the present policy.
    pub(super) fn verify_base_if_missing(&mut self) {
        let underway = matches!(self.directive.status(), DirectiveStatus::Planning | DirectiveStatus::Active);
        if underway && self.directive.baseline.state == BaselineState::Missing {
            self.verify_base();
        }
    }

    fn verify_base(&mut self) {
        let baseline = &mut self.directive.baseline;
        baseline.round += 1;
        baseline.state = BaselineState::Running;
        baseline.progress = VerifierProgress::Waiting;
        let round = baseline.round;
        self.record(EventKind::BaseVerificationStarted { round, commit: self.directive.base.sha.clone() }, None);
        self.effect(Effect::VerifyBase { round });
    }

    /// The verifiers are done with the base commit.
    pub(super) fn base_verified(&mut self, round: u32, report: &BaselineReport) -> Followed {
        let baseline = &self.directive.baseline;
        if baseline.state != BaselineState::Running || baseline.round != round || self.directive.status().is_over() {
            return Ok(());
        }
        let baseline = &mut self.directive.baseline;
        baseline.report = report.clone();
        let sound = report.is_sound();
        baseline.state = if sound { BaselineState::Settled } else { BaselineState::Asked };
        let faulty = report.verifiers.iter().filter(|verifier| verifier.outcome.is_fault());
        let faulty = faulty.map(|verifier| verifier.name.clone()).collect();
        let verifiers = report.verifiers.iter().map(|verifier| verifier.name.clone()).collect();
        self.record(EventKind::BaseVerified { round, verifiers, faulty, sound }, None);
        if sound {
            return self.verify_what_waited();
        }
        let question = Question::Baseline { report: Box::new(report.clone()) };
        let shown = Subject::Question(question.digest());
        self.ask(ApprovalKind::Baseline, None, shown, question);
        Ok(())
    }

    /// The base commit could not be verified at all, in the round that is named or else in the present one.
    pub(super) fn base_not_verified(&mut self, round: Option<u32>, reason: &Failure) -> Followed {
        let fault = Some(BaselineFault::Failure(reason.clone()));
        let report = BaselineReport { fault, ..self.directive.baseline.report.clone() };
        self.base_verified(round.unwrap_or(self.directive.baseline.round), &report)
    }

    /// A person goes on without what is wrong on the base commit.
    pub(super) fn base_accepted(&mut self, by: &Login, words: Option<&str>) -> Followed {
        self.answer_own(ApprovalKind::Baseline, ApprovalStatus::Approved, by, words);
        self.directive.baseline.state = BaselineState::Settled;
        self.verify_what_waited()
    }

    /// A person wants the base commit verified again. Whether a question about it waited.
    pub(super) fn verify_base_again(&mut self, by: &Login, words: Option<&str>) -> bool {
        if self.directive.baseline.state != BaselineState::Asked {
            return false;
        }
        self.answer_own(ApprovalKind::Baseline, ApprovalStatus::Denied, by, words);
        self.verify_base();
        true
    }

    /// What was handed in while the base commit was verified is verified now.
    fn verify_what_waited(&mut self) -> Followed {
        let waits = |step: &&Step| matches!(step.state, StepState::HandedIn { .. }) && step.open_pull().is_some();
        let waiting: Vec<StepId> = self.directive.all_steps().filter(waits).map(|step| step.id).collect();
        waiting.into_iter().try_for_each(|id| self.verify(id))
    }
}
