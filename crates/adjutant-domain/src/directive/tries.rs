//! When a run of an agent is tried again after one that could not be run.
//!
//! A failure that lasts for a minute would use up every try at once without pauses. Where the agent's provider names a
//! time, that one counts, and the try does not: nothing is known about the task yet.

use chrono::{DateTime, Duration, Utc};

use super::Directive;
use crate::asking::AskedQuestion;
use crate::effect::Effect;
use crate::failure::Failure;
use crate::ids::StepId;
use crate::task::{Task, TaskKind, TaskStatus};

/// The pauses before the second, the third and every further try.
const PAUSES: [Duration; 3] = [Duration::seconds(30), Duration::minutes(2), Duration::minutes(10)];

impl Directive {
    /// The agent that the policy names for such a task; none where that is left to the operator.
    pub fn agent_of(&self, task: &Task) -> Option<&str> {
        let fallback = self.policy.agents.fallback().filter(|_| task.on_fallback);
        let kind = || self.step(task.step?).map(|step| step.kind);
        fallback.or_else(|| self.policy.agent_for(task.kind, kind()))
    }

    /// Whether the fallback agent takes the next run of the same work: the run before was refused by the provider of its
    /// own agent. Where the fallback's provider refuses too, its own agent is next.
    pub(crate) fn falls_back(&self, kind: TaskKind, step: Option<StepId>) -> bool {
        let last = self.tasks.iter().rev().find(|task| is_same(task, kind, step));
        let refused = |task: &Task| task.failure.as_ref().and_then(Failure::wants_pause).is_some();
        self.policy.agents.fallback().is_some() && last.is_some_and(|task| !task.on_fallback && refused(task))
    }

    /// What people answered to agents so far, the oldest first.
    pub fn answers(&self) -> impl Iterator<Item = &AskedQuestion> {
        let asked = self.approvals.iter().filter_map(|approval| approval.question.asked());
        asked.flatten().filter(|question| question.answer.is_some())
    }

    /// When an effect is due; none where it is due at once.
    pub fn due(&self, effect: &Effect) -> Option<DateTime<Utc>> {
        self.task(effect.task()?)?.not_before
    }

    /// When the next run of the same work may start at the earliest; none where it may start at once. `attempt` is its
    /// number, counted from one.
    pub(crate) fn not_before(
        &self,
        kind: TaskKind,
        step: Option<StepId>,
        attempt: u32,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let before = || self.tasks.iter().rev().filter(|task| is_same(task, kind, step));
        let last = before().next().filter(|task| task.status == TaskStatus::Failed)?;
        let wanted = |task: &Task| task.failure.as_ref().and_then(Failure::wants_pause);
        let pause = match wanted(last) {
            Some((_, pause)) => pause.max(nth(before().take_while(|task| wanted(task).is_some()).count())),
            None => nth(attempt.saturating_sub(1) as usize),
        };
        Some(last.finished_at? + pause).filter(|at| *at > now)
    }
}

/// Whether a task was a run of this work. One that was called off says nothing.
fn is_same(task: &Task, kind: TaskKind, step: Option<StepId>) -> bool {
    let judges = kind == TaskKind::Judge;
    task.step == step && (task.kind == TaskKind::Judge) == judges && task.status != TaskStatus::Cancelled
}

/// The pause after so many tries.
fn nth(tries: usize) -> Duration {
    tries.checked_sub(1).map_or(Duration::zero(), |index| PAUSES[index.min(PAUSES.len() - 1)])
}
