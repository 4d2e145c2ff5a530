//! Labels and plans.

use super::*;

#[test]
fn a_label_by_someone_without_write_access_is_answered_and_starts_nothing() {
    for permission in [Permission::None, Permission::Read] {
        let mut refused = labelled(Policy::default());
        refused.actor = actor("outsider", permission);
        let decision = open(&refused, morning());
        assert_eq!(decision.directive, None);
        assert!(matches!(&decision.effects[..], [Effect::Announce { notice: Notice::LabelRefused { .. }, .. }]));
    }
}

#[test]
fn a_label_by_a_bot_is_not_even_answered() {
    let mut bot = labelled(Policy::default());
    bot.actor.bot = true;
    assert_eq!(open(&bot, morning()), Decision { directive: None, events: Vec::new(), effects: Vec::new() });
}

#[test]
fn a_broken_policy_is_answered_with_its_faults_and_starts_nothing() {
    let mut broken = labelled(Policy::default());
    broken.policy = Err(vec![PolicyFault::More { faults: 1 }]);
    let decision = open(&broken, morning());
    assert_eq!(decision.directive, None);
    assert!(matches!(&decision.effects[..], [Effect::Announce { notice: Notice::PolicyBroken { .. }, .. }]));
}

#[test]
fn a_labelled_issue_is_planned_at_once() {
    let world = World::open(Policy::default());
    assert_eq!(world.directive.status(), DirectiveStatus::Planning);
    assert!(world.has(&Effect::RunTask { task: world.live(None) }));
    assert!(world.has(&Effect::WriteStatus));
}

#[test]
fn faults_of_a_plan_are_handed_back_once_and_then_the_default_chain_takes_over() {
    let mut world = World::open(Policy::default());
    world.planned(json!({ "steps": [] }));
    assert_eq!(
        world.directive.planning_faults,
        [PlanFault::NoSteps, PlanFault::Uncovered { requirement: "R1".to_owned() }]
    );
    world.planned(json!({ "steps": [{ "name": "X", "type": "implement", "description": "x" }] }));
    let plan = world.directive.plan.as_ref().unwrap();
    assert_eq!(plan.origin, PlanOrigin::Default);
    assert_eq!(plan.faults.len(), 4);
    let names: Vec<_> = world.directive.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["research", "implement", "test"]);
}

#[test]
fn a_mended_plan_is_remembered_as_repaired() {
    let mut world = World::open(Policy::default());
    world.planned(json!("nonsense"));
    world.planned(diamond());
    assert_eq!(world.directive.plan.as_ref().unwrap().origin, PlanOrigin::Repaired);
}

#[test]
fn a_planner_that_cannot_be_run_is_tried_three_times() {
    let mut world = World::open(Policy::default());
    for _ in 0..3 {
        assert_eq!(world.directive.status(), DirectiveStatus::Planning);
        world.finish(world.live(None), TaskOutcome::Failed { reason: Failure::External("it crashed".to_owned()) });
    }
    assert_eq!(world.directive.plan.as_ref().unwrap().origin, PlanOrigin::Default);
}

#[test]
fn in_manual_the_plan_waits_for_a_person_and_rework_plans_again() {
    let mut world = World::open(Policy { autonomy: Autonomy::Manual, ..Policy::default() });
    world.planned(diamond());
    assert_eq!((world.directive.status(), world.waiting()), (DirectiveStatus::Planning, vec![ApprovalKind::Plan]));
    world.maintainer(None, Command::Rework { text: "smaller steps please".to_owned() });
    let turned_down = world.directive.planning_words.as_ref().unwrap();
    assert_eq!(turned_down.words, "smaller steps please");
    assert_eq!(turned_down.by, Some(Login::new("maintainer")));
    world.planned(diamond());
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
}
