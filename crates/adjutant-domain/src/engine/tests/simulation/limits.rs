//! Limits in the simulation, and what must hold of them.

use super::*;

impl Simulation {
    /// What costs or lasts too long stops, nothing starts while it is stopped, and each stop is told once.
    pub(super) fn check_limits(&self, before: &Directive, decision: &Decision) {
        let d = &self.d;
        let starts = decision.effects.iter().any(|effect| matches!(effect, Effect::RunTask { .. }));
        assert!(!starts || d.spent() < d.budget(), "a task starts with {} of {} spent", d.spent(), d.budget());
        let at_work = Usd(COST.0 * i64::from(d.policy.limits.parallel_tasks));
        assert!(d.spent() < d.budget() + at_work, "{} of {} spent", d.spent(), d.budget());
        assert!(d.budget() <= d.policy.limits.cost_ceiling(), "{} is above the ceiling", d.budget());
        let idle = !matches!(d.status, DirectiveStatus::Planning | DirectiveStatus::Active);
        for task in d.tasks.iter().filter(|task| task.status == TaskStatus::Running) {
            let ran = before.task(task.id).is_some_and(|task| task.status == TaskStatus::Running);
            assert!(ran || !idle, "a task begins while {}", d.status);
        }
        assert!(!idle || d.clock.running_since.is_none(), "the clock runs while {}", d.status);
        let paused =
            |d: &Directive, reason| d.pause.as_ref().is_some_and(|pause| pause.reasons().any(|it| *it == reason));
        for (breaker, reason) in [("cost", PauseReason::Cost), ("wall_time", PauseReason::WallTime)] {
            let told =
                |event: &&crate::event::Event| event.name == "breaker_tripped" && event.data["breaker"] == breaker;
            let tripped = paused(d, reason.clone()) && !paused(before, reason);
            assert_eq!(decision.events.iter().filter(told).count(), usize::from(tripped), "{breaker}");
        }
        for approval in d.approvals.iter().filter(|approval| approval.status == ApprovalStatus::Approved) {
            assert!(
                approval.answered_by.is_some() && approval.answered_at.is_some(),
                "approved by nobody: {approval:?}"
            );
        }
    }
}
