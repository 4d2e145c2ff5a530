//! Circuit breakers: what stops or holds work when a limit is reached.
//!
//! | breaker | what it does | what lifts it |
//! |---|---|---|
//! | cost | pauses, and asks | `/budget USD`, or `/resume` for the same again, up to the policy's ceiling |
//! | wall time | pauses, and asks | `/resume`, for the same again |
//! | rework cycles | plan anew in `full_auto`, else block the step and ask | `/approve`, `/rework`, `/retry`, `/skip`, `/replan` |
//! | chain generations | refuse `/replan`, and block the step in `full_auto` | `/rework`, `/retry`, `/skip`; the label, set again |
//! | failed steps | fail the directive | the label, set again, starts another |
//! | an agent whose cost nobody can tell | in `full_auto`: its task fails, and a person is asked | the operator, or `/autonomy`, and `/retry` |
//! | open pull requests, agents of an installation | tasks queue | a person's answer, an agent's end |
//! | an agent's provider | tasks of that agent queue, in every directive | the time that it named |
//!
//! Each is told once a trip, as the event `breaker_tripped`. The limits that directives share are not decided here:
//! the store holds tasks back when they are claimed, and the engine is told ([`Signal::TaskQueued`],
//! [`Signal::AgentPaused`]).
//!
//! [`Signal::TaskQueued`]: crate::signal::Signal::TaskQueued
//! [`Signal::AgentPaused`]: crate::signal::Signal::AgentPaused

use chrono::{DateTime, Utc};
use serde_json::Number;

use super::approvals::written_before;
use super::transition::{Followed, Transition, refused};
use crate::approval::{ApprovalKind, ApprovalStatus, Subject};
use crate::cause::DirectiveFailure;
use crate::directive::PauseReason;
use crate::effect::Notice;
use crate::event::{Breaker, EventKind};
use crate::failure::Failure;
use crate::ids::{Login, TaskId, Usd};
use crate::policy::Autonomy;
use crate::question::Question;
use crate::refusal::Refusal;
use crate::signal::{Commanded, TaskOutcome};
use crate::status::{DirectiveStatus, StepStatus};
use crate::task::{AgentPause, CapacityLimit, QueueReason, Task, TaskStatus};

/// How many steps may be failed at a time. More of them say that something is wrong beyond the steps.
pub(super) const FAILED_STEPS: usize = 3;

impl Transition {
    /// Trips whatever has reached its limit.
    pub(super) fn check_breakers(&mut self) -> Followed {
        self.check_failed_steps()?;
        if !matches!(self.directive.status(), DirectiveStatus::Planning | DirectiveStatus::Active) {
            return Ok(());
        }
        let (spent, budget) = (self.directive.spent(), self.directive.budget());
        let (seconds, allowed) = (self.directive.clock.at(self.now), self.directive.allowed_seconds());
        if spent >= budget || self.directive.short_of_money {
            self.tripped(Breaker::Cost, dollars(budget), dollars(spent), None);
            let ceiling = self.directive.policy.limits.cost_ceiling();
            self.pause(PauseReason::Cost)?;
            self.ask_for_more(Question::Budget { budget, spent, ceiling });
        } else if seconds >= allowed {
            self.tripped(Breaker::WallTime, allowed, seconds, None);
            self.pause(PauseReason::WallTime)?;
            self.ask_for_more(Question::WorkingTime { seconds: allowed });
        }
        Ok(())
    }

    fn ask_for_more(&mut self, question: Question) {
        let shown = Subject::Question(question.digest());
        self.ask(ApprovalKind::Budget, None, shown, question);
    }

    fn check_failed_steps(&mut self) -> Followed {
        let failed = self.directive.steps.iter().filter(|step| step.status() == StepStatus::Failed);
        let steps: Vec<_> = failed.clone().map(|step| step.name.clone()).collect();
        if steps.len() <= FAILED_STEPS || self.directive.status().is_over() {
            return Ok(());
        }
        let last = failed.filter_map(|step| step.state.cause()).next_back().cloned();
        self.tripped(Breaker::FailedSteps, FAILED_STEPS, steps.len(), None);
        self.fail(DirectiveFailure::FailedSteps { steps, last })
    }

    /// A task waits for capacity: told once for as long as it waits.
    pub(super) fn task_held(&mut self, id: TaskId, held: QueueReason) {
        let breaker = match held.by {
            CapacityLimit::OpenPulls => Breaker::OpenPullRequests,
            CapacityLimit::Installation => Breaker::InstallationTasks,
            // No task waits for verifiers.
            CapacityLimit::Verifiers => return,
        };
        let Some(task) = self.directive.task_mut(id).filter(|task| task.status.is_live() && task.held.is_none()) else {
            return;
        };
        task.held = Some(held);
        let step = task.step;
        self.tripped(breaker, held.limit, held.taken, step);
    }

    /// A task waits because its agent has to: told once for each time that is named. Where the policy has a fallback, that
    /// one takes the task instead.
    pub(super) fn agent_paused(&mut self, id: TaskId, pause: &AgentPause) {
        let news = |task: &&mut Task| task.status.is_live() && task.agent_pause.as_ref() != Some(pause);
        let has_other = self.directive.policy.agents.fallback().is_some_and(|fallback| fallback != pause.agent);
        let Some(task) = self.directive.task_mut(id).filter(news) else { return };
        if has_other && !task.on_fallback && task.status == TaskStatus::Queued {
            task.on_fallback = true;
            return;
        }
        task.agent_pause = Some(pause.clone());
        let (step, number) = (task.step, task.number);
        let AgentPause { agent, why, until } = pause.clone();
        self.record(EventKind::AgentPaused { task: number, agent, why, until }, step);
    }

    /// What a task's agent costs is known only where the agent says so. Once a run has said nothing, no further one begins
    /// where no person looks at the work.
    pub(super) fn agent_unmetered(&mut self, id: TaskId, agent: &str) -> Followed {
        if self.directive.policy.autonomy < Autonomy::FullAuto || self.directive.unknown_runs() == 0 {
            return Ok(());
        }
        let reason = Failure::AgentUnmetered { agent: agent.to_owned() };
        self.end_task(id, &TaskOutcome::Failed { reason }, Usd::ZERO)
    }

    /// `/budget`: another total, between what is spent and what the policy allows.
    pub(super) fn set_budget(&mut self, commanded: &Commanded, usd: f64) -> Result<(), Notice> {
        let (total, spent) = (Usd::from_dollars(usd), self.directive.spent());
        let ceiling = self.directive.policy.limits.cost_ceiling();
        if total > ceiling {
            let budget = self.directive.budget();
            return Err(refused(Refusal::OverCeiling { total, ceiling, spent, budget }));
        }
        if total <= spent {
            return Err(refused(Refusal::AlreadySpent { spent, ceiling }));
        }
        self.directive.budget = Some(total);
        self.directive.short_of_money = false;
        if self.is_paused_for(&PauseReason::Cost) {
            self.answer_own(
                ApprovalKind::Budget,
                ApprovalStatus::Approved,
                &commanded.actor.login,
                commanded.words.as_deref(),
            );
            self.lift(|reason| *reason == PauseReason::Cost)?;
        }
        Ok(())
    }

    /// Lifts what was used up, with as much again. An order that was written before the question grants nothing.
    pub(super) fn grant(&mut self, by: &Login, at: DateTime<Utc>, words: Option<&str>) -> Result<(), Notice> {
        let asked = self.directive.waiting().find(|approval| approval.kind == ApprovalKind::Budget);
        if asked.is_some_and(|approval| written_before(at, approval.asked_at)) {
            return Err(refused(Refusal::BudgetUsedUpSince));
        }
        if self.is_paused_for(&PauseReason::Cost) {
            let (spent, ceiling) = (self.directive.spent(), self.directive.policy.limits.cost_ceiling());
            let total = (spent + self.directive.policy.limits.cost).min(ceiling);
            if total <= spent {
                return Err(refused(Refusal::CeilingReached { spent, ceiling }));
            }
            self.directive.budget = Some(total);
            self.directive.short_of_money = false;
        }
        if self.is_paused_for(&PauseReason::WallTime) {
            // From what was used on: time that ran over the limit is not taken off the new one.
            self.directive.clock.granted = self.directive.clock.at(self.now);
        }
        self.answer_own(ApprovalKind::Budget, ApprovalStatus::Approved, by, words);
        Ok(self.lift(|reason| !reason.is_by_person())?)
    }
}

/// An amount as the history has it; one of money is always finite.
fn dollars(amount: Usd) -> Number {
    Number::from_f64(amount.dollars()).unwrap_or_else(|| 0.into())
}
