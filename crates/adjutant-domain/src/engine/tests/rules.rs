//! Each key of the policy has its effect.

use super::*;
use crate::policy::Thresholds;

fn proved(thresholds: Thresholds) -> World {
    let mut world = World::started(Policy { thresholds, ..Policy::default() }, diamond());
    world.changed("a", "a1");
    // A pass of weight 1.0 beside a failure of weight 0.5: 0.67.
    world.verified("a", yellow());
    world
}

#[test]
fn the_thresholds_say_where_green_and_yellow_begin() {
    assert!(proved(Thresholds { green: 0.66, yellow: 0.5 }).merges("a"));
    assert_eq!(proved(Thresholds { green: 0.68, yellow: 0.66 }).waiting(), [ApprovalKind::StepReview]);
    assert_eq!(proved(Thresholds { green: 0.9, yellow: 0.68 }).status("a"), StepStatus::Running);
}

#[test]
fn plan_approval_makes_a_plan_wait_that_would_start_otherwise() {
    for plan_approval in [false, true] {
        let mut world = World::open(Policy { plan_approval, ..Policy::default() });
        world.planned(diamond());
        let expected = if plan_approval { DirectiveStatus::Planning } else { DirectiveStatus::Active };
        assert_eq!(
            (world.directive.status(), world.waiting().contains(&ApprovalKind::Plan)),
            (expected, plan_approval)
        );
    }
}

#[test]
fn a_plan_of_more_steps_than_are_allowed_is_turned_down_and_so_many_the_default_chain_has() {
    let mut policy = Policy::default();
    policy.limits.steps = 2;
    let mut world = World::open(policy);
    world.planned(diamond());
    assert_eq!(world.directive.planning_faults, [PlanFault::TooManySteps { steps: 3, allowed: 2 }]);
    world.planned(diamond());
    assert_eq!(world.directive.plan.as_ref().unwrap().origin, PlanOrigin::Default);
    assert_eq!(world.directive.steps.len(), 2);
}

#[test]
fn rework_cycles_say_how_often_red_is_mended_without_asking() {
    for allowed in [1, 3] {
        let mut policy = Policy::default();
        policy.limits.rework_cycles = allowed;
        let mut world = World::started(policy, diamond());
        for round in 0..=allowed {
            assert_eq!(world.waiting(), []);
            world.changed("a", &format!("a{round}"));
            world.verified("a", red());
        }
        assert_eq!(
            (world.status("a"), world.waiting().as_slice()),
            (StepStatus::Blocked, &[ApprovalKind::StepBlocked][..])
        );
    }
}
