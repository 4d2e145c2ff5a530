//! Planning anew: the chain is superseded, what is done of it is carried over into the next, and what is told of
//! superseded steps later is put where it belongs.
//!
//! Races that are met here: a pull request may be opened or merged by an effect that was in hand when its chain was
//! superseded. The first is closed as soon as it is told of; what the second merged is carried over, into the next
//! plan or, where that is there already, into its chain.

use super::transition::{Followed, Ignored, Transition};
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus};
use crate::directive::Directive;
use crate::effect::{Effect, Notice};
use crate::event::{Breaker, EventKind};
use crate::ids::{Login, StepId, StepName};
use crate::plan::{Plan, PlannedStep};
use crate::policy::{Autonomy, Delivery};
use crate::refusal::Refusal;
use crate::replan::{IssueText, Replan, is_task_of_step, renumber};
use crate::status::{DirectiveStatus, StepStatus};
use crate::step::{PassedBy, Pull, Step, StepState};

impl Transition {
    /// A person wants another plan. Where the issue was edited, its text as it is now becomes the brief.
    pub(super) fn replan_by_person(&mut self, by: &Login, reason: &str) -> Result<(), Notice> {
        if self.has_started() && !self.plans_left() {
            let limit = self.directive.policy.limits.chain_generations;
            self.tripped(Breaker::ChainGenerations, limit, self.directive.plan_number(), None);
            return Err(Notice::Refused { reason: Refusal::PlansUsedUp { limit } });
        }
        let edited = self.take_newer_text();
        Ok(self.replan(&Actor::Person(by.clone()), reason.trim(), edited)?)
    }

    /// A step's automatic reworks are used up: Adjutant plans anew by itself where the policy lets it, and leaves the
    /// step to a person where not.
    pub(super) fn replan_or_block(&mut self, id: StepId, why: &str) -> Followed {
        let step = self.step(id)?;
        if self.directive.policy.autonomy == Autonomy::FullAuto && self.plans_left() {
            let reason = format!("`{}`: {why}", step.name);
            self.replan(&Actor::Adjutant, &reason, false)
        } else {
            if self.directive.policy.autonomy == Autonomy::FullAuto {
                let limit = self.directive.policy.limits.chain_generations;
                self.tripped(Breaker::ChainGenerations, limit, self.directive.plan_number(), Some(id));
            }
            self.block(id, why)
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
        let status = self.directive.pause.as_ref().map_or(self.directive.status, |pause| pause.from);
        status == DirectiveStatus::Active
    }

    fn replan(&mut self, by: &Actor, reason: &str, edited: bool) -> Followed {
        self.actor(by);
        let started = self.has_started();
        let generation = self.directive.generation + 1;
        let replan = Replan { generation, by: by.clone(), reason: reason.to_owned(), started, at: self.now };
        self.directive.replans.push(replan);
        let word = word(&self.directive);
        let superseded = self.supersede(&word);
        self.plan_anew(generation, &words_for_planner(by, reason));
        let carried = self.directive.carried().into_iter().map(|step| step.name.clone()).collect();
        let (reason, by) = (reason.to_owned(), by.login().cloned());
        self.record(EventKind::ChainRegenerated { generation, reason, by, carried, superseded, edited }, None);
        match self.directive.pause.as_mut() {
            Some(pause) => pause.from = DirectiveStatus::Planning,
            None if self.directive.status == DirectiveStatus::Active => {
                self.set_status(DirectiveStatus::Planning)?;
            }
            None => {}
        }
        Ok(())
    }

    /// Back to where there is no plan; the planner is told these words.
    pub(super) fn plan_anew(&mut self, generation: u32, words: &str) {
        self.directive.generation = generation;
        self.directive.plan = None;
        self.directive.planning_faults.clear();
        self.directive.planning_words = Some(words.to_owned());
        self.directive.planning_from = self.directive.tasks.len();
        let steps = std::mem::take(&mut self.directive.steps);
        self.directive.earlier.extend(steps.into_iter().chain(self.directive.final_step.take()));
    }

    /// Calls off what the chain has in hand, voids its questions and has its pull requests closed. Gives the names of
    /// the steps that are left undone.
    fn supersede(&mut self, word: &str) -> Vec<StepName> {
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
                self.effect(Effect::ClosePull { step: *step, word: word.to_owned() });
                self.effect(Effect::WriteCheck { step: *step });
            }
        }
        // What an older version wrote may say so of a chain that needed no such branch.
        let had_branch = self.directive.steps.iter().chain(&self.directive.earlier).any(|step| !step.into_base);
        self.directive.integration_cut &= had_branch;
        undone.into_iter().map(|(_, name, _)| name).collect()
    }

    /// The issue was read: what it says by now is kept, where that is not what is worked on.
    pub(super) fn issue_read(&mut self, text: &IssueText) {
        if self.directive.status.is_over() {
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
    fn take_newer_text(&mut self) -> bool {
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

    /// The steps of a plan, with what is carried over: a planned step whose work is done already is taken as it was
    /// left, and what passed (or is depended on) and is not planned again stays at the head of the chain.
    pub(super) fn chain_of(&self, plan: &Plan) -> Vec<Step> {
        let planned = |step: &Step| plan.steps.iter().any(|planned| planned.name == step.name);
        let needed = |step: &Step| plan.steps.iter().any(|planned| planned.depends_on.contains(&step.name));
        let stays = |step: &Step| !planned(step) && (step.status() == StepStatus::Passed || needed(step));
        let kept: Vec<&Step> = self.directive.carried().into_iter().filter(|step| stays(step)).collect();
        let length = kept.len() + plan.steps.len();
        let direct = self.directive.policy.delivery == Delivery::Direct;
        // What has landed on the integration branch reaches the base with it alone.
        let into_base = direct || (length == 1 && !self.directive.has_landed());
        let mut chain: Vec<Step> = kept.into_iter().map(|step| self.taken_over(step, None)).collect();
        for planned in &plan.steps {
            chain.push(match self.directive.carried_as(planned) {
                Some(earlier) => self.taken_over(earlier, Some(planned)),
                None => self.step_of(planned, into_base),
            });
        }
        only_done_before_done(&mut chain);
        chain
    }

    /// An earlier step in the present chain, done as it was left.
    fn taken_over(&self, earlier: &Step, planned: Option<&PlannedStep>) -> Step {
        let mut step =
            Step { id: StepId::of(self.directive.id, self.directive.generation, &earlier.name), ..earlier.clone() };
        if let Some(planned) = planned {
            step.depends_on.clone_from(&planned.depends_on);
            for id in &planned.requirements {
                push_new(&mut step.requirements, id);
            }
            for id in &planned.criteria {
                push_new(&mut step.criteria, id);
            }
        }
        let brief = &self.directive.brief;
        step.requirements.retain(|id| brief.requirements.iter().any(|it| it.id == *id));
        step.criteria.retain(|id| brief.criteria.iter().any(|it| it.id == *id));
        step
    }

    /// An effect that was in hand when its chain was superseded has opened a pull request: it is closed.
    pub(super) fn earlier_pull_opened(&mut self, id: StepId, pull: &Pull) {
        let Some(step) = self.directive.earlier_step_mut(id) else { return };
        if step.open_pull().is_some() || step.status() == StepStatus::Passed {
            return;
        }
        step.pull = Some(pull.clone());
        let name = step.name.clone();
        let word = word(&self.directive);
        self.record(EventKind::PullOpened { step: name, pull: pull.number, superseded: true }, Some(id));
        self.effect(Effect::ClosePull { step: id, word });
        self.effect(Effect::WriteCheck { step: id });
    }

    /// A superseded pull request is closed.
    pub(super) fn earlier_pull_closed(&mut self, id: StepId) {
        if let Some(step) = self.directive.earlier_step_mut(id) {
            step.pull.iter_mut().for_each(|pull| pull.closed = true);
        }
    }

    /// A superseded pull request was merged after all: by a person, or by a merge that was asked for before.
    pub(super) fn earlier_pull_merged(&mut self, id: StepId, by: &Actor) -> Followed {
        let step = self.directive.earlier_step_mut(id).ok_or(Ignored::UnknownStep)?;
        if step.status().is_done() || step.never_began() {
            return Ok(());
        }
        let candidate = step.last();
        // Whatever a superseded step was left at, it may pass.
        step.transition(StepState::Passed { by: PassedBy::Merge, candidate }).map_err(|_| Ignored::Refused)?;
        let step = step.clone();
        self.actor(by);
        self.record(EventKind::SupersededMerged { step: step.name.clone(), by: by.login().cloned() }, Some(id));
        self.effect(Effect::WriteCheck { step: id });
        self.effect(Effect::SyncPull { step: id });
        self.effect(Effect::DeleteBranch { step: id });
        if step.is_final() {
            // It held what was there to be merged, and closes the issue.
            self.final_merged(by)
        } else if self.directive.plan.is_some() && !self.directive.status.is_over() {
            self.carry_late(&step)
        } else {
            Ok(())
        }
    }

    /// Brings what was merged late into a chain that was planned without knowing of it.
    fn carry_late(&mut self, earlier: &Step) -> Followed {
        let Some(same) = self.directive.step_named(earlier.name.as_str()) else {
            let mut late = self.taken_over(earlier, None);
            late.depends_on.clear();
            self.directive.steps.push(late);
            return Ok(());
        };
        if same.status().is_done() || !is_task_of_step(earlier, same) {
            return Ok(());
        }
        let (id, own_pull) = (same.id, same.open_pull().is_some());
        let candidate = if own_pull { same.last() } else { earlier.last() };
        self.cancel_tasks(|task| task.step == Some(id));
        self.move_step(id, StepState::Passed { by: PassedBy::Merge, candidate })?;
        self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        if own_pull {
            let word = "its work was merged with the pull request of the plan before".to_owned();
            self.effect(Effect::ClosePull { step: id, word });
            self.effect(Effect::WriteCheck { step: id });
        }
        let earlier = earlier.clone();
        self.with_step(id, |step| {
            step.into_base = earlier.into_base;
            if !own_pull {
                step.pull = earlier.pull;
            }
            step.summary = earlier.summary.or(step.summary.take());
        });
        Ok(())
    }

    /// Closes what is still open where the directive ends well without it.
    pub(super) fn close_rest(&mut self, word: &str) {
        let open: Vec<StepId> = self
            .directive
            .all_steps()
            .filter(|step| step.open_pull().is_some() && !step.status().is_done())
            .map(|step| step.id)
            .collect();
        for step in open {
            self.effect(Effect::ClosePull { step, word: word.to_owned() });
        }
    }
}

/// Why a superseded pull request is closed.
fn word(directive: &Directive) -> String {
    let Some(replan) = directive.replans.last() else { return "the work is planned anew".to_owned() };
    let who = if replan.by == Actor::Adjutant { String::new() } else { format!(" on {}'s word", replan.by) };
    let why = if replan.reason.is_empty() { String::new() } else { format!(": {}", replan.reason) };
    format!("the work is planned anew{who}{why}")
}

fn words_for_planner(by: &Actor, reason: &str) -> String {
    match (*by == Actor::Adjutant, reason.is_empty()) {
        (true, _) => format!("The plan before did not work out:\n\n{reason}"),
        (false, true) => format!("{by} asks for another plan."),
        (false, false) => format!("{by} asks for another plan:\n\n{reason}"),
    }
}

/// What is done waits for nothing: of its dependencies those are kept that are done and stand before it, so that the
/// chain has no cycle whatever its generations were.
fn only_done_before_done(chain: &mut [Step]) {
    for at in 0..chain.len() {
        let (before, rest) = chain.split_at_mut(at);
        if let Some(step) = rest.first_mut().filter(|step| step.status().is_done()) {
            step.depends_on.retain(|name| before.iter().any(|other| other.name == *name && other.status().is_done()));
        }
    }
}

fn push_new(ids: &mut Vec<String>, id: &str) {
    if !ids.iter().any(|known| known == id) {
        ids.push(id.to_owned());
    }
}
