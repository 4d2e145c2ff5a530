//! Planning anew: the chain is superseded, and what is done of it is carried over into the next.

use super::transition::{Followed, Transition};
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::cause::Cause;
use crate::closing::ClosingReason;
use crate::directive::{Directive, DirectiveState, TurnedDown, Underway};
use crate::effect::Effect;
use crate::event::{Breaker, EventKind};
use crate::ids::{StepId, StepName};
use crate::policy::Autonomy;
use crate::refusal::Refusal;
use crate::replan::{IssueText, Replan, ReplanReason, renumber};

impl Transition {
    /// A step's automatic reworks are used up: Adjutant plans anew by itself where the policy lets it, and leaves the
    /// step to a person where not.
    pub(super) fn replan_or_block(&mut self, id: StepId, cause: Cause) -> Followed {
        let step = self.step(id)?;
        if self.directive.policy.autonomy == Autonomy::FullAuto && self.plans_left() {
            let reason = ReplanReason::Step { step: step.name.clone(), cause };
            self.replan(&Actor::Adjutant, reason, false)
        } else {
            if self.directive.policy.autonomy == Autonomy::FullAuto {
                let limit = self.directive.policy.limits.chain_generations;
                self.tripped(Breaker::ChainGenerations, limit, self.directive.plan_number(), Some(id));
            }
            self.block(id, cause)
        }
    }

    /// Why an order on a pull request is about no step.
    pub(super) fn why_no_step(&self, pull: u64) -> Refusal {
        match self.directive.earlier_of_pull(pull) {
            Some(step) => Refusal::EarlierPlan { step: step.name.clone(), issue: self.directive.issue },
            None => Refusal::NoStepOfPull,
        }
    }

    /// Whether the policy allows one plan more.
    pub(super) fn plans_left(&self) -> bool {
        self.directive.plan_number() < self.directive.policy.limits.chain_generations
    }

    /// Whether the present chain was started.
    pub(super) fn has_started(&self) -> bool {
        self.directive.state.underway() == Some(Underway::Active)
    }

    pub(super) fn replan(&mut self, by: &Actor, reason: ReplanReason, edited: bool) -> Followed {
        self.actor(by);
        let started = self.has_started();
        let generation = self.directive.generation + 1;
        let replan = Replan { generation, by: by.clone(), reason: reason.clone(), started, at: self.now };
        self.directive.replans.push(replan);
        let superseded = self.supersede(&closing_reason(&self.directive));
        self.plan_anew(generation, None);
        let carried = self.directive.carried().into_iter().map(|step| step.name.clone()).collect();
        let by = by.login().cloned();
        self.record(EventKind::ChainRegenerated { generation, reason, by, carried, superseded, edited }, None);
        match &mut self.directive.state {
            DirectiveState::Paused(pause) => pause.from = Underway::Planning,
            DirectiveState::Active => self.move_directive(DirectiveState::Planning)?,
            _ => {}
        }
        Ok(())
    }

    /// Back to where there is no plan; the planner is told why the one before was turned down.
    pub(super) fn plan_anew(&mut self, generation: u32, turned_down: Option<TurnedDown>) {
        self.directive.generation = generation;
        self.directive.plan = None;
        self.directive.planning_faults.clear();
        self.directive.planning_words = turned_down;
        self.directive.planning_from = self.directive.tasks.len();
        let steps = std::mem::take(&mut self.directive.steps);
        self.directive.earlier.extend(steps.into_iter().chain(self.directive.final_step.take()));
    }

    /// Calls off what the chain has in hand, voids its questions and has its pull requests closed. Gives the names of
    /// the steps that are left undone.
    fn supersede(&mut self, reason: &ClosingReason) -> Vec<StepName> {
        self.cancel_tasks(|_| true);
        self.close_approvals(None, ApprovalStatus::Stale, |approval| approval.kind == ApprovalKind::Plan);
        let undone: Vec<(StepId, StepName, bool)> = self
            .directive
            .all_steps()
            .filter(|step| !step.status().is_done())
            .map(|step| (step.id, step.name.clone(), step.open_pull().is_some()))
            .collect();
        for (step, _, has_pull) in &undone {
            self.close_approvals(Some(*step), ApprovalStatus::Stale, |_| true);
            if *has_pull {
                self.effect(Effect::ClosePull { step: *step, reason: reason.clone() });
                self.effect(Effect::WriteCheck { step: *step });
            }
        }
        // What an older version wrote may say so of a chain that needed no such branch.
        let had_branch =
            self.directive.steps.iter().chain(&self.directive.earlier).any(|step| !self.directive.reaches_base(step));
        self.directive.integration_cut &= had_branch;
        undone.into_iter().map(|(_, name, _)| name).collect()
    }

    /// The issue was read: what it says by now is kept, where that is not what is worked on.
    pub(super) fn issue_read(&mut self, text: &IssueText) {
        if self.directive.status().is_over() {
            return;
        }
        let differs = text.title != self.directive.title || text.brief != self.directive.brief;
        let newer = differs.then(|| text.clone());
        if newer != self.directive.newer_text {
            self.record(EventKind::IssueTextRead { differs }, None);
            self.directive.newer_text = newer;
        }
    }

    /// Freezes the brief anew where the issue says something else by now. Whoever edited it need not have write
    /// access, so that a plan for it waits for a person.
    pub(super) fn take_newer_text(&mut self) -> bool {
        let Some(IssueText { title, brief }) = self.directive.newer_text.take() else { return false };
        let before = std::mem::replace(&mut self.directive.brief, brief);
        self.directive.title = title;
        self.directive.unapproved_text = true;
        let Directive { steps, earlier, brief, .. } = &mut self.directive;
        for step in steps.iter_mut().chain(earlier) {
            renumber(step, &before, brief);
        }
        true
    }

    /// Has a step done again by itself, or asks a person where those reworks are used up.
    pub(super) fn rework_or_block(&mut self, id: StepId, text: String, cause: Cause) -> Followed {
        self.own_decision();
        let step = self.step(id)?;
        if step.rework_cycles >= self.directive.policy.limits.rework_cycles {
            let cycles = step.rework_cycles;
            self.tripped(Breaker::ReworkCycles, self.directive.policy.limits.rework_cycles, cycles, Some(id));
            return self.replan_or_block(id, Cause::ReworksUsedUp { reworks: cycles, cause: Box::new(cause) });
        }
        // What was to resolve a conflict resolves it the next time too, and is told both.
        let conflict = self.assignment(step).filter(|before| before.merge_target);
        let merge_target = conflict.is_some();
        let text = match conflict {
            Some(before) => format!("{}\n\n{text}", before.text),
            None => text,
        };
        self.with_step(id, |step| step.rework_cycles += 1);
        self.rework(id, &text, merge_target, cause)
    }
}

/// Why a superseded pull request is closed.
pub(super) fn closing_reason(directive: &Directive) -> ClosingReason {
    let Some(Replan { generation, by, reason, .. }) = directive.replans.last().cloned() else {
        // The plan was turned down before it had started.
        let reason = ReplanReason::Words(String::new());
        return ClosingReason::Replanned { generation: directive.generation, by: Actor::Adjutant, reason };
    };
    ClosingReason::Replanned { generation, by, reason }
}
