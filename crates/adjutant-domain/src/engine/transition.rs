//! What one signal changes: the directive in hand, with the events and effects that it leads to.
//!
//! The lowest file of the engine: it moves, records and asks for, and knows no rule of its own.

use chrono::{DateTime, Utc};
use serde_json::Number;

use super::Decision;
use crate::actor::Actor;
use crate::directive::{Directive, DirectiveState};
use crate::effect::{Effect, Notice};
use crate::event::{Breaker, Event, EventKind};
use crate::ids::{Login, StepId, TaskId, Usd};
use crate::refusal::Refusal;
use crate::step::{Step, StepState};
use crate::task::{Task, TaskKind, TaskStatus};

/// Why nothing more follows from a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ignored {
    /// It would have led to a state that may not follow; that is in the history.
    Refused,
    /// The step is not in the present chain.
    UnknownStep,
}

/// What follows from something, or nothing.
pub(super) type Followed<T = ()> = Result<T, Ignored>;

/// Why a command is refused: what is said to the person who gave it.
pub(super) type CommandResult = Result<(), Notice>;

impl From<Ignored> for Notice {
    fn from(ignored: Ignored) -> Self {
        refused(match ignored {
            Ignored::Refused => Refusal::StepCannot,
            Ignored::UnknownStep => Refusal::StepGone,
        })
    }
}

/// A refusal with these words.
pub(super) fn refused(reason: Refusal) -> Notice {
    Notice::Refused { reason }
}

/// The directive in hand, and what the signal leaves behind.
pub(super) struct Transition {
    pub(super) directive: Directive,
    pub(super) now: DateTime<Utc>,
    /// Whether what changed is nothing that the status comment tells.
    pub(super) silent: bool,
    pub(super) by: Actor,
    events: Vec<Event>,
    effects: Vec<Effect>,
}

impl Transition {
    pub(super) fn new(directive: Directive, now: DateTime<Utc>) -> Self {
        Self { directive, now, silent: false, by: Actor::Adjutant, events: Vec::new(), effects: Vec::new() }
    }

    /// What the signal led to.
    pub(super) fn decision(self) -> Decision {
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

    /// Moves the directive to another state. One that the table of statuses forbids is recorded and not made, and nothing
    /// may follow from it.
    pub(super) fn move_directive(&mut self, to: DirectiveState) -> Followed {
        let from = self.directive.status();
        match self.directive.transition(to) {
            Ok(()) => {
                let to = self.directive.status();
                self.record(EventKind::StatusChanged { from, to }, None);
                Ok(())
            }
            Err(refused) => {
                self.record(EventKind::TransitionRefused { reason: refused.to_string() }, None);
                Err(Ignored::Refused)
            }
        }
    }

    /// Moves a step to another state. One that the table of statuses forbids is recorded and not made, and nothing may
    /// follow from it.
    pub(super) fn move_step(&mut self, id: StepId, to: StepState) -> Followed {
        let step = self.directive.step_mut(id).ok_or(Ignored::UnknownStep)?;
        let (name, from) = (step.name.clone(), step.status());
        match step.transition(to) {
            Ok(()) => {
                let to = step.status();
                if from != to {
                    self.record(EventKind::StepStatusChanged { step: name, from, to }, Some(id));
                }
                Ok(())
            }
            Err(refused) => {
                self.record(EventKind::TransitionRefused { reason: refused.to_string() }, Some(id));
                Err(Ignored::Refused)
            }
        }
    }

    /// The step of that id in the present chain.
    pub(super) fn step(&self, id: StepId) -> Followed<&Step> {
        self.directive.step(id).ok_or(Ignored::UnknownStep)
    }

    /// A step that is known to exist, to change it.
    pub(super) fn with_step(&mut self, id: StepId, change: impl FnOnce(&mut Step)) {
        if let Some(step) = self.directive.step_mut(id) {
            change(step);
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
    ) -> TaskId {
        let (id, number) = self.next_task();
        let on_fallback = self.directive.falls_back(kind, step);
        let not_before = self.directive.not_before(kind, step, attempt, self.now).filter(|_| !on_fallback);
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
            unknown_runs: 0,
            failure: None,
            input_tokens: 0,
            output_tokens: 0,
            measured: None,
            held: None,
            not_before,
            agent_pause: None,
            on_fallback,
        });
        self.effect(Effect::RunTask { task: id });
        id
    }

    /// The id and number of the task that is started next.
    pub(super) fn next_task(&self) -> (TaskId, u32) {
        let number = u32::try_from(self.directive.tasks.len()).unwrap_or(u32::MAX).saturating_add(1);
        (TaskId::of(self.directive.id, number), number)
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

    /// Writes down that a limit was reached.
    pub(super) fn tripped(
        &mut self,
        breaker: Breaker,
        limit: impl Into<Number>,
        value: impl Into<Number>,
        step: Option<StepId>,
    ) {
        self.record(EventKind::BreakerTripped { breaker, limit: limit.into(), value: value.into() }, step);
    }
}
