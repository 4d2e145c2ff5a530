//! Planning: a proposal, one round of repair, the default chain, and the approval of the plan. A planner that cannot be run
//! leads to a question and never to the default chain.

use serde_json::Value;

use super::transition::{Followed, Transition};
use crate::approval::{Approval, ApprovalKind, ApprovalStatus, Subject};
use crate::baseline::BaselineState;
use crate::directive::{DirectiveState, PlanOrigin, PlanRecord, TurnedDown, Underway};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::failure::Failure;
use crate::ids::{PlanHash, StepId};
use crate::plan::{self, Plan, PlanFault, PlannedStep};
use crate::policy::{Autonomy, Delivery};
use crate::question::Question;
use crate::signal::TaskOutcome;
use crate::status::{DirectiveStatus, StepStatus};
use crate::step::Step;
use crate::task::{Task, TaskKind, TaskStatus};

/// How often a planner that crashes is started.
const TRIES: u32 = 3;

impl Transition {
    /// Asks the planner where a plan is missing and nobody works on one.
    pub(super) fn plan_if_needed(&mut self) {
        let planning = self.directive.tasks.iter().any(|task| task.kind == TaskKind::Plan && task.status.is_live());
        if self.directive.status() != DirectiveStatus::Planning || self.directive.plan.is_some() || planning {
            return;
        }
        if self.directive.baseline.state != BaselineState::Settled || self.planner_question().is_some() {
            return;
        }
        let attempt = self.planner_failures() + 1;
        self.record(EventKind::PlanningStarted { attempt }, None);
        // What it is told beyond the brief is in the directive.
        self.start_task(TaskKind::Plan, None, attempt, String::new(), false);
    }

    /// The planner ended.
    pub(super) fn planner_finished(&mut self, outcome: &TaskOutcome) -> Followed {
        if self.directive.status().is_over() {
            return Ok(());
        }
        match outcome {
            TaskOutcome::Planned { plan } => self.plan_proposed(plan),
            TaskOutcome::Cancelled => Ok(()),
            TaskOutcome::Asked { questions } => {
                if self.agent_asks(None, questions)? {
                    return Ok(());
                }
                self.directive.planning_faults.push(PlanFault::PlannerFailed(Failure::AsksTooOften));
                self.adopt_default()
            }
            TaskOutcome::Failed { reason } => self.planner_failed(reason.clone()),
            TaskOutcome::Barred { reason } => {
                self.planner_barred(reason.clone());
                Ok(())
            }
            TaskOutcome::Refused { faults } => self.planner_failed(Failure::ChangeRefused { faults: faults.clone() }),
            _ => self.planner_failed(Failure::NoPlan),
        }
    }

    /// A planner that handed in something else than a plan gives way to the default chain. One that could not be run says
    /// nothing about the plan, and would do the steps no better: a person is asked.
    fn planner_failed(&mut self, reason: Failure) -> Followed {
        self.record(EventKind::PlanningFailed { reason: reason.clone() }, None);
        if reason.needs_mending() {
            self.ask_for_planner(reason);
            return Ok(());
        }
        if self.planner_failures() < TRIES || reason.costs_no_try() {
            return Ok(());
        }
        if reason.is_of_the_answer() {
            self.directive.planning_faults.push(PlanFault::PlannerFailed(reason));
            return self.adopt_default();
        }
        self.ask_for_planner(reason);
        Ok(())
    }

    /// The planner cannot be run, and trying again would not help.
    fn planner_barred(&mut self, reason: Failure) {
        self.record(EventKind::PlanningFailed { reason: reason.clone() }, None);
        self.ask_for_planner(reason);
    }

    fn ask_for_planner(&mut self, failure: Failure) {
        let question = Question::NotPlanned { tries: self.planner_failures(), failure };
        let shown = Subject::Question(question.digest());
        self.ask(ApprovalKind::Plan, None, shown, question);
    }

    /// The question that has to be answered before the planner runs again, while it waits for a person.
    pub(super) fn planner_question(&self) -> Option<&Approval> {
        self.directive.waiting().find(|approval| {
            matches!(approval.question, Question::NotPlanned { .. } | Question::Asked { step: None, .. })
        })
    }

    /// What kept the planner from running is mended, as a person says.
    pub(super) fn plan_once_more(&mut self) {
        self.directive.planning_from = self.directive.tasks.len();
    }

    /// A person goes without a planner.
    pub(super) fn go_without_planner(&mut self, question: &Question) -> Followed {
        let failure = question.failure().cloned().unwrap_or(Failure::NoPlan);
        self.directive.planning_faults.push(PlanFault::PlannerFailed(failure));
        self.adopt_default()
    }

    fn adopt_default(&mut self) -> Followed {
        let plan = plan::default_chain(&self.directive.brief, self.directive.policy.limits.steps);
        self.adopt(&plan, PlanOrigin::Default)
    }

    fn plan_proposed(&mut self, answer: &Value) -> Followed {
        match plan::validate(
            answer,
            &self.directive.brief,
            self.directive.policy.limits.steps,
            &self.directive.carried(),
        ) {
            Ok(plan) => {
                let repaired = !self.directive.planning_faults.is_empty();
                self.adopt(&plan, if repaired { PlanOrigin::Repaired } else { PlanOrigin::Planned })
            }
            Err(faults) if self.directive.planning_faults.is_empty() => {
                self.record(EventKind::PlanRefused { faults: faults.clone() }, None);
                self.directive.planning_faults = faults;
                Ok(())
            }
            Err(faults) => {
                self.record(EventKind::PlanRefused { faults: faults.clone() }, None);
                self.directive.planning_faults.extend(faults);
                self.adopt_default()
            }
        }
    }

    /// Runs of the planner that failed since the last that ended otherwise. Where its provider wanted to be left alone for a
    /// time, nothing was tried.
    fn planner_failures(&self) -> u32 {
        let tasks = self.directive.tasks.get(self.directive.planning_from..).unwrap_or_default();
        let plans = tasks.iter().rev().filter(|task| task.kind == TaskKind::Plan);
        let failed = plans.take_while(|task| task.status == TaskStatus::Failed);
        let tried = |task: &&Task| !task.failure.as_ref().is_some_and(Failure::costs_no_try);
        let failed = failed.filter(tried).count();
        u32::try_from(failed).unwrap_or(u32::MAX)
    }

    /// Makes the plan the directive's next chain, and starts it where nobody must be asked.
    fn adopt(&mut self, plan: &Plan, origin: PlanOrigin) -> Followed {
        let hash = self.record_plan(plan, origin);
        if self.directive.policy.plan_approval
            || self.directive.policy.autonomy == Autonomy::Manual
            || self.directive.unapproved_text
        {
            self.ask(ApprovalKind::Plan, None, Subject::Plan(hash), Question::Plan);
            Ok(())
        } else {
            self.activate()
        }
    }

    /// Makes the plan the directive's next chain. Gives its hash.
    fn record_plan(&mut self, plan: &Plan, origin: PlanOrigin) -> PlanHash {
        self.directive.generation = self.directive.generation.max(1);
        self.directive.steps = self.chain_of(plan);
        let hash = plan.hash();
        self.directive.plan = Some(PlanRecord {
            origin,
            hash: hash.clone(),
            faults: std::mem::take(&mut self.directive.planning_faults),
            rationale: plan.rationale.clone(),
        });
        let steps = plan.steps.iter().map(|step| step.name.clone()).collect();
        self.record(EventKind::PlanningCompleted { origin, steps, hash: hash.clone() }, None);
        hash
    }

    /// Starts working on the plan. A pause that came meanwhile is kept.
    pub(super) fn activate(&mut self) -> Followed {
        match self.directive.state.pause_mut() {
            Some(pause) => pause.from = Underway::Active,
            None => self.move_directive(DirectiveState::Active)?,
        }
        self.directive.unapproved_text = false;
        if self.needs_integration() && !self.directive.integration_cut {
            self.effect(Effect::CutIntegration);
        }
        Ok(())
    }

    /// The integration branch is there.
    pub(super) fn integration_cut(&mut self) {
        if !self.directive.integration_cut {
            let (branch, base) = (self.directive.integration_branch(), self.directive.base.sha.clone());
            self.record(EventKind::IntegrationCut { branch, base }, None);
        }
        self.directive.integration_cut = true;
    }

    /// Turns a plan down in a person's words: the planner is asked again, and what it makes is another generation.
    pub(super) fn plan_again(&mut self, turned_down: TurnedDown) {
        // A step may have been blocked before its turn: what was asked about it is about nothing any more.
        let steps: Vec<StepId> = self.directive.steps.iter().map(|step| step.id).collect();
        for id in steps {
            self.close_approvals(Some(id), ApprovalStatus::Stale, |_| true);
        }
        self.plan_anew(self.directive.generation + 1, Some(turned_down));
    }

    pub(super) fn needs_integration(&self) -> bool {
        self.directive.steps.iter().any(|step| !self.directive.reaches_base(step))
    }

    pub(super) fn step_of(&self, planned: &PlannedStep, into_base: bool) -> Step {
        let branch = self.directive.step_branch(&planned.name);
        let target = if into_base { self.directive.base.branch.clone() } else { self.directive.integration_branch() };
        Step {
            task_plan: planned.task_plan.clone(),
            description: planned.description.clone(),
            depends_on: planned.depends_on.clone(),
            requirements: planned.requirements.clone(),
            criteria: planned.criteria.clone(),
            ..Step::new(
                StepId::of(self.directive.id, self.directive.generation, &planned.name),
                planned.name.clone(),
                planned.kind,
                branch,
                target,
            )
        }
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
    pub(super) fn taken_over(&self, earlier: &Step, planned: Option<&PlannedStep>) -> Step {
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
