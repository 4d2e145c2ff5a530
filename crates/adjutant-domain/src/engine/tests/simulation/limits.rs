//! Limits in the simulation, and what must hold of them.

use super::*;
use crate::event::Breaker;

impl Simulation {
    /// What costs or lasts too long stops, nothing starts while it is stopped, and each stop is told once.
    pub(super) fn check_limits(&self, before: &Directive, decision: &Decision) {
        let directive = &self.directive;
        let starts = decision.effects.iter().any(|effect| matches!(effect, Effect::RunTask { .. }));
        assert!(
            !starts || directive.spent() < directive.budget(),
            "a task starts with {} of {} spent",
            directive.spent(),
            directive.budget()
        );
        let at_work = Usd(COST.0 * i64::from(directive.policy.limits.parallel_tasks));
        assert!(
            directive.spent() < directive.budget() + at_work,
            "{} of {} spent",
            directive.spent(),
            directive.budget()
        );
        assert!(
            directive.budget() <= directive.policy.limits.cost_ceiling(),
            "{} is above the ceiling",
            directive.budget()
        );
        let idle = !matches!(directive.status(), DirectiveStatus::Planning | DirectiveStatus::Active);
        for task in directive.tasks.iter().filter(|task| task.status == TaskStatus::Running) {
            let ran = before.task(task.id).is_some_and(|task| task.status == TaskStatus::Running);
            assert!(ran || !idle, "a task begins while {}", directive.status());
        }
        assert!(!idle || directive.clock.running_since.is_none(), "the clock runs while {}", directive.status());
        let paused = |directive: &Directive, reason| directive.state.pause().is_some_and(|pause| pause.is_for(&reason));
        for (limit, reason) in [(Breaker::Cost, PauseReason::Cost), (Breaker::WallTime, PauseReason::WallTime)] {
            let told = |event: &&crate::event::Event| matches!(event.kind, EventKind::BreakerTripped { breaker, .. } if breaker == limit);
            let tripped = paused(directive, reason.clone()) && !paused(before, reason);
            assert_eq!(decision.events.iter().filter(told).count(), usize::from(tripped), "{limit:?}");
        }
        for approval in directive.approvals.iter().filter(|approval| approval.status == ApprovalStatus::Approved) {
            assert!(
                approval.answered_by.is_some() && approval.answered_at.is_some(),
                "approved by nobody: {approval:?}"
            );
        }
    }
}
