//! One turn of the engine: the directive in hand, and what the turn leaves behind.

use chrono::{DateTime, Utc};

use super::Decision;
use crate::actor::Actor;
use crate::approval::{Approval, ApprovalKind, ApprovalStatus};
use crate::directive::Directive;
use crate::effect::Effect;
use crate::event::{Event, EventKind};
use crate::ids::{Login, Sha, StepId, TaskId, Usd};
use crate::signal::TaskOutcome;
use crate::status::{DirectiveStatus, StepStatus};
use crate::step::Step;
use crate::task::{Task, TaskKind, TaskStatus};

/// The directive in hand, and what the turn leaves behind.
pub(super) struct Transition {
    pub(super) directive: Directive,
    pub(super) now: DateTime<Utc>,
    /// Whether what changed is nothing that the status comment tells.
    pub(super) silent: bool,
    by: Actor,
    events: Vec<Event>,
    effects: Vec<Effect>,
}

impl Transition {
    pub(super) fn new(directive: Directive, now: DateTime<Utc>) -> Self {
        Self { directive, now, silent: false, by: Actor::Adjutant, events: Vec::new(), effects: Vec::new() }
    }

    /// Ends the turn: starts what has become possible and asks for the status comment where anything changed.
    pub(super) fn settle(mut self, before: Option<&Directive>) -> Decision {
        self.by = Actor::Adjutant;
        self.advance();
        self.drive_clock();
        if let Some(before) = before {
            self.keep_pulls_in_step(before);
        }
        if !self.silent && before != Some(&self.directive) {
            self.effect(Effect::WriteStatus);
        }
        Decision { directive: Some(self.directive), events: self.events, effects: self.effects }
    }

    /// The events from here on are caused by them.
    pub(super) fn actor(&mut self, by: &Actor) {
        self.by = by.clone();
    }

    /// The events from here on are caused by a person.
    pub(super) fn person(&mut self, login: &Login) {
        self.by = Actor::Person(login.clone());
    }

    /// The events from here on are caused by an agent.
    pub(super) fn agent(&mut self) {
        self.by = Actor::Agent;
    }

    /// What follows from an agent's work is decided by Adjutant: agents decide nothing.
    pub(super) fn own_decision(&mut self) {
        if self.by == Actor::Agent {
            self.by = Actor::Adjutant;
        }
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        if !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    /// Adds a line to the history.
    pub(super) fn record(&mut self, kind: EventKind, step: Option<StepId>) {
        self.events.push(Event { kind, actor: self.by.clone(), step });
    }

    /// Moves the directive to `status`; a move that the table of states forbids is recorded and not made.
    pub(super) fn set_status(&mut self, status: DirectiveStatus) -> bool {
        let from = self.directive.status;
        match from.to(status) {
            Ok(status) => {
                self.directive.status = status;
                if status.is_over() && self.directive.ended_at.is_none() {
                    self.directive.ended_at = Some(self.now);
                }
                self.record(EventKind::StatusChanged { from, to: status }, None);
                true
            }
            Err(refused) => {
                self.record(EventKind::TransitionRefused { reason: refused.to_string() }, None);
                false
            }
        }
    }

    /// Moves a step to `status`; a move that the table of states forbids is recorded and not made.
    pub(super) fn set_step(&mut self, id: StepId, status: StepStatus) -> bool {
        let Some(step) = self.directive.step_mut(id) else { return false };
        let from = step.status;
        let name = step.name.clone();
        match step.transition(status) {
            Ok(()) => {
                self.record(EventKind::StepStatusChanged { step: name, from, to: status }, Some(id));
                true
            }
            Err(refused) => {
                self.record(EventKind::TransitionRefused { reason: refused.to_string() }, Some(id));
                false
            }
        }
    }

    /// A step that is known to exist, to change it.
    pub(super) fn with_step(&mut self, id: StepId, change: impl FnOnce(&mut Step)) {
        if let Some(step) = self.directive.step_mut(id) {
            change(step);
        }
    }

    /// Asks a person. The same question about the same thing is asked once, and a step asks one thing at a time.
    pub(super) fn ask(&mut self, kind: ApprovalKind, step: Option<StepId>, shown: Sha, question: String) {
        let same = |approval: &Approval| approval.kind == kind && approval.step == step && approval.shown == shown;
        if self.directive.waiting().any(|approval| same(approval) && approval.question == question) {
            return;
        }
        self.own_decision();
        self.close_approvals(step, ApprovalStatus::Stale, |approval| step.is_some() || approval.kind == kind);
        let (about, asked) = (shown.clone(), question.clone());
        self.record(EventKind::ApprovalRequired { r#type: kind, shown: about, question: asked }, step);
        let approval = self.new_approval(kind, step, shown, question);
        self.directive.approvals.push(approval);
        if let Some(step) = step {
            self.effect(Effect::WriteCheck { step });
        }
    }

    /// Queues a run of an agent.
    pub(super) fn start_task(
        &mut self,
        kind: TaskKind,
        step: Option<StepId>,
        attempt: u32,
        instructions: String,
        merge_target: bool,
    ) {
        let number = u32::try_from(self.directive.tasks.len()).unwrap_or(u32::MAX).saturating_add(1);
        let id = TaskId::of(self.directive.id, number);
        self.directive.tasks.push(Task {
            id,
            number,
            kind,
            step,
            status: TaskStatus::Queued,
            attempt,
            instructions,
            merge_target,
            created_at: self.now,
            started_at: None,
            finished_at: None,
            cost: Usd::ZERO,
            failure: None,
            input_tokens: 0,
            output_tokens: 0,
            measured: None,
            held: None,
        });
        self.effect(Effect::RunTask { task: id });
    }

    /// Calls off the live tasks that `which` picks; their workers notice by their heartbeat.
    pub(super) fn cancel_tasks(&mut self, which: impl Fn(&Task) -> bool) {
        let now = self.now;
        let mut cancelled = Vec::new();
        for task in &mut self.directive.tasks {
            if which(task)
                && let Ok(end) = task.status.to(TaskStatus::Cancelled)
            {
                task.status = end;
                task.finished_at = Some(now);
                cancelled.push((task.step, EventKind::TaskCancelled { task: task.number, kind: task.kind }));
            }
        }
        for (step, kind) in cancelled {
            self.record(kind, step);
        }
    }

    /// Ends the live tasks that `which` picks as called off, so that their work goes back in line.
    pub(super) fn call_off(&mut self, which: impl Fn(&Task) -> bool) {
        let by = self.by.clone();
        let picked = self.directive.tasks.iter().filter(|task| task.status.is_live() && which(task));
        let picked: Vec<_> = picked.map(|task| task.id).collect();
        for id in picked {
            self.end_task(id, &TaskOutcome::Cancelled, Usd::ZERO);
        }
        self.by = by;
    }

    /// The stop watch runs while something is worked on. It stands while people are waited for, while the directive is
    /// paused, and while its tasks wait for a worker or a place: other directives' work is not this one's time.
    fn drive_clock(&mut self) {
        let working = matches!(self.directive.status, DirectiveStatus::Planning | DirectiveStatus::Active)
            && (self.directive.tasks.iter().any(is_at_work)
                || self.directive.steps.iter().chain(&self.directive.final_step).any(|step| self.is_moving(step)));
        self.directive.clock.set_running(working, self.now);
    }

    /// Whether a step goes on without a person's word, and without waiting for its turn.
    fn is_moving(&self, step: &Step) -> bool {
        let own = |task: &&Task| task.step == Some(step.id) && task.status.is_live();
        matches!(step.status, StepStatus::Running | StepStatus::Evaluating)
            && !step.judge_due
            && self.directive.tasks.iter().filter(own).all(is_at_work)
            && !self.directive.waiting().any(|approval| approval.step == Some(step.id))
    }
}

fn is_at_work(task: &Task) -> bool {
    task.status == TaskStatus::Running && task.held.is_none()
}
