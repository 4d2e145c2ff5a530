//! What `/approve` accepts, and which step an order is about.

use chrono::{DateTime, Utc};

use super::approvals::written_before;
use super::transition::{CommandResult, Transition, refused};
use crate::approval::{Approval, ApprovalKind, ApprovalStatus};
use crate::cause::Cause;
use crate::effect::Notice;
use crate::ids::StepId;
use crate::refusal::Refusal;
use crate::signal::Commanded;
use crate::status::StepStatus;
use crate::step::{Step, StepState};

impl Transition {
    /// `/approve`: answers the question that is meant.
    pub(super) fn approve(&mut self, commanded: &Commanded, name: Option<&str>) -> CommandResult {
        let by = &commanded.actor.login;
        let approval = match (commanded.pull, name) {
            (None, None) => self.only_waiting()?,
            (None, Some("plan")) => self.own_question(ApprovalKind::Plan)?,
            (None, Some("budget")) => self.own_question(ApprovalKind::Budget)?,
            (None, Some("baseline")) => self.own_question(ApprovalKind::Baseline)?,
            _ => return self.approve_step(commanded, self.addressed(commanded, name)?),
        };
        match (approval.step, approval.kind) {
            (Some(step), _) => self.approve_step(commanded, step),
            (None, ApprovalKind::Plan) if written_before(commanded.at, approval.asked_at) => {
                Err(refused(Refusal::PlanChanged))
            }
            (None, ApprovalKind::Plan) if approval.question.asked().is_some() => self.accept_defaults(&approval, by),
            (None, ApprovalKind::Plan) => {
                self.answer_own(ApprovalKind::Plan, ApprovalStatus::Approved, by, commanded.words.as_deref());
                if self.directive.plan.is_none() {
                    return Ok(self.go_without_planner(&approval.question)?);
                }
                Ok(self.activate()?)
            }
            (None, ApprovalKind::Baseline) if written_before(commanded.at, approval.asked_at) => {
                Err(refused(Refusal::BaselineChanged))
            }
            (None, ApprovalKind::Baseline) => Ok(self.base_accepted(by, commanded.words.as_deref())?),
            (None, _) => self.grant(by, commanded.at, commanded.words.as_deref()),
        }
    }

    /// The question about the directive itself that waits.
    fn own_question(&self, kind: ApprovalKind) -> Result<Approval, Notice> {
        let own = self.directive.waiting().find(|approval| approval.step.is_none() && approval.kind == kind);
        own.cloned().ok_or_else(|| refused(Refusal::NothingAsked { kind }))
    }

    /// The only approval that waits, for a bare `/approve` on the issue.
    fn only_waiting(&self) -> Result<Approval, Notice> {
        let mut waiting = self.directive.waiting();
        match (waiting.next(), waiting.next()) {
            (Some(only), None) => Ok(only.clone()),
            _ => Err(Notice::WhichApproval {
                steps: self.directive.waiting().map(|approval| self.name_of(approval)).collect(),
            }),
        }
    }

    fn name_of(&self, approval: &Approval) -> String {
        let step = approval.step.and_then(|id| self.directive.step(id));
        step.map_or_else(|| approval.kind.as_str().to_owned(), |step| step.name.to_string())
    }

    fn approve_step(&mut self, commanded: &Commanded, id: StepId) -> CommandResult {
        let (by, words) = (&commanded.actor.login, commanded.words.as_deref());
        let step = self.step(id)?;
        let name = step.name.clone();
        if step.state.candidate().and_then(|it| it.unapproved_at).is_some_and(|at| written_before(commanded.at, at)) {
            return Err(refused(Refusal::TakenBackSince));
        }
        if step.status() == StepStatus::Passed {
            return Err(refused(Refusal::AlreadyMerged));
        }
        let asked = self.directive.waiting().find(|it| it.step == Some(id) && it.question.asked().is_some());
        if let Some(asked) = asked.cloned() {
            return self.accept_defaults(&asked, by);
        }
        Self::still_about_head(commanded, step)?;
        let waiting = self.directive.waiting().find(|approval| approval.step == Some(id));
        let blocked = waiting.filter(|approval| approval.kind == ApprovalKind::StepBlocked);
        if blocked.is_some_and(|approval| written_before(commanded.at, approval.asked_at)) {
            let why = step.state.cause().cloned().unwrap_or(Cause::StateUnknown);
            return Err(refused(Refusal::BlockedSince { step: name, why }));
        }
        match (waiting.map(|approval| approval.kind), &step.state, step.last()) {
            (Some(_), StepState::AwaitingDecision { .. }, Some(candidate))
            | (Some(ApprovalKind::StepBlocked), _, Some(candidate)) => {
                self.answer(id, ApprovalStatus::Approved, Some(by), words);
                self.note_given(id, commanded);
                self.release_by_approval(id, commanded);
                Ok(self.request_merge(id, candidate)?)
            }
            (Some(ApprovalKind::StepBlocked), _, None) => Err(refused(Refusal::NothingToAccept { step: name })),
            (None, StepState::Merging { .. }, _) => {
                self.release_by_approval(id, commanded);
                Ok(())
            }
            (
                None,
                StepState::HandedIn { .. }
                | StepState::Verifying { .. }
                | StepState::AwaitingCi { .. }
                | StepState::Judging { .. },
                _,
            ) => {
                self.pre_approve(id, by, words)?;
                self.note_given(id, commanded);
                self.release_by_approval(id, commanded);
                Ok(())
            }
            (_, state, _) => Err(refused(Refusal::NothingToApprove { step: name, status: state.status() })),
        }
    }

    /// An approval is about what was there when it was written: a review names its commit, a comment has a date.
    fn still_about_head(commanded: &Commanded, step: &Step) -> CommandResult {
        let moved = || refused(Refusal::HeadMoved);
        if let Some(sha) = &commanded.sha
            && step.head() != Some(sha)
        {
            return Err(moved());
        }
        // What was written within the second in which somebody else pushed may be about the head before.
        let candidate = step.state.candidate();
        let pushed = candidate.is_some_and(|candidate| candidate.pushed);
        let unsure = |head_at: DateTime<Utc>| pushed && commanded.at.timestamp() == head_at.timestamp();
        match candidate.and_then(|candidate| candidate.at).filter(|_| commanded.sha.is_none()) {
            Some(head_at) if written_before(commanded.at, head_at) || unsure(head_at) => Err(moved()),
            _ => Ok(()),
        }
    }

    /// The step that an order is about: on a pull request its own, which may be named, on the issue the one that is named.
    pub(super) fn addressed(&self, commanded: &Commanded, name: Option<&str>) -> Result<StepId, Notice> {
        let word = commanded.command.word();
        if let Some(number) = commanded.pull {
            let step = self.directive.step_of_pull(number).ok_or_else(|| refused(self.why_no_step(number)))?;
            return match name {
                Some(name) if step.name.as_str() != name => Err(refused(Refusal::OtherStep {
                    name: shown(name),
                    command: word.to_owned(),
                    step: step.name.clone(),
                })),
                _ => Ok(step.id),
            };
        }
        let Some(name) = name else {
            return Err(refused(Refusal::StepNeeded { command: word.to_owned() }));
        };
        self.directive.step_named(name).map(|step| step.id).ok_or_else(|| self.which_step(word, name))
    }

    /// Why there is no step of that name.
    pub(super) fn which_step(&self, word: &str, name: &str) -> Notice {
        if self.directive.steps.is_empty() {
            return refused(Refusal::NoPlanYet);
        }
        let steps = self.directive.steps.iter().map(|step| step.name.clone()).collect();
        refused(Refusal::NoSuchStep { name: shown(name), command: word.to_owned(), steps })
    }
}

/// A name as a refusal repeats it: cut to what a name may contain.
fn shown(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).take(40).collect()
}
