//! The base commit is verified before a planner is paid, and people are asked once about what is wrong there.

use super::transition::Transition;
use crate::approval::{ApprovalKind, ApprovalStatus, Subject};
use crate::baseline::{BaselineFault, BaselineReport, BaselineState};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::failure::Failure;
use crate::ids::Login;
use crate::question::Question;

impl Transition {
    /// Whether planning may begin. Asks for the base commit to be verified where that was not done yet.
    pub(super) fn base_is_verified(&mut self) -> bool {
        if self.directive.baseline.state == BaselineState::Missing {
            self.verify_base();
        }
        self.directive.baseline.state == BaselineState::Settled
    }

    fn verify_base(&mut self) {
        let baseline = &mut self.directive.baseline;
        baseline.round += 1;
        baseline.state = BaselineState::Running;
        let round = baseline.round;
        self.record(EventKind::BaseVerificationStarted { round, commit: self.directive.base.sha.clone() }, None);
        self.effect(Effect::VerifyBase { round });
    }

    /// The verifiers are done with the base commit.
    pub(super) fn base_verified(&mut self, round: u32, report: &BaselineReport) {
        let baseline = &self.directive.baseline;
        if baseline.state != BaselineState::Running || baseline.round != round || self.directive.status().is_over() {
            return;
        }
        let baseline = &mut self.directive.baseline;
        baseline.report = report.clone();
        let sound = report.is_sound();
        baseline.state = if sound { BaselineState::Settled } else { BaselineState::Asked };
        let faulty = report.verifiers.iter().filter(|verifier| verifier.outcome.is_fault());
        let faulty = faulty.map(|verifier| verifier.name.clone()).collect();
        let verifiers = report.verifiers.iter().map(|verifier| verifier.name.clone()).collect();
        self.record(EventKind::BaseVerified { round, verifiers, faulty, sound }, None);
        if !sound {
            let question = Question::Baseline { report: Box::new(report.clone()) };
            let shown = Subject::Question(question.digest());
            self.ask(ApprovalKind::Baseline, None, shown, question);
        }
    }

    /// The base commit could not be verified at all.
    pub(super) fn base_not_verified(&mut self, reason: &Failure) {
        let fault = Some(BaselineFault::Failure(reason.clone()));
        let report = BaselineReport { fault, ..self.directive.baseline.report.clone() };
        self.base_verified(self.directive.baseline.round, &report);
    }

    /// A person goes on without what is wrong on the base commit.
    pub(super) fn base_accepted(&mut self, by: &Login, words: Option<&str>) {
        self.answer_own(ApprovalKind::Baseline, ApprovalStatus::Approved, by, words);
        self.directive.baseline.state = BaselineState::Settled;
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
}
