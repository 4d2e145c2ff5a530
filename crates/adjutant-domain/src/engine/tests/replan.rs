//! Planning anew.

mod edited;
mod late;

use super::*;

fn replan(reason: &str) -> Command {
    Command::Replan { reason: reason.to_owned() }
}

/// `a` merged, `b` with an open pull request that waits for a person, `c` not begun.
fn halfway(policy: Policy) -> World {
    let mut world = World::started(policy, diamond());
    world.done("a");
    world.changed("b", "b1");
    world.verified("b", yellow());
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    world
}

/// The diamond with something else to do in one step.
fn with_task(name: &str, description: &str) -> Value {
    let mut plan = diamond();
    let steps = plan["steps"].as_array_mut().unwrap();
    steps.iter_mut().find(|step| step["name"] == name).unwrap()["description"] = json!(description);
    plan
}

fn closes(world: &World, id: StepId) -> Option<ClosingReason> {
    world.effects.iter().find_map(|effect| match effect {
        Effect::ClosePull { step, reason } if *step == id => Some(reason.clone()),
        _ => None,
    })
}

#[test]
fn a_replan_supersedes_the_chain_and_calls_off_what_it_has_in_hand() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    let (a, b) = (world.id("a"), world.live(Some("b")));
    world.maintainer(None, replan("the parser is there already"));
    assert_eq!((world.directive.status(), world.directive.generation), (DirectiveStatus::Planning, 2));
    assert_eq!(world.directive.task(b).unwrap().status, TaskStatus::Cancelled);
    assert!(world.waiting().is_empty());
    assert_eq!(world.directive.approvals[0].status, ApprovalStatus::Stale);
    let (by, reason) = (named("maintainer"), ReplanReason::Words("the parser is there already".to_owned()));
    assert_eq!(closes(&world, a), Some(ClosingReason::Replanned { generation: 2, by, reason }));
    assert!(world.has(&Effect::WriteCheck { step: a }), "its check is completed");
    assert!(world.count("chain_regenerated") > 0);
    assert_eq!(world.live_count(), 1, "the planner's");
    // What the agent that was called off brings late is paid for and not used.
    world.finish(b, TaskOutcome::Changed { head: Sha::new("b1"), summary: String::new(), findings: Vec::new() });
    assert_eq!(world.directive.task(b).unwrap().cost, Usd::from_dollars(0.5));
    assert!(world.effects.iter().all(|effect| !matches!(effect, Effect::OpenPull { .. })));
}

#[test]
fn what_passed_is_carried_over_and_not_run_again() {
    let mut world = halfway(Policy::default());
    let (a, pull) = (world.id("a"), world.directive.step_named("a").unwrap().pull.clone());
    world.maintainer(None, replan("b is too large"));
    world.planned(diamond());
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
    assert!(!world.has(&Effect::CutIntegration), "the integration branch is kept");
    let taken = world.directive.step_named("a").unwrap();
    assert_eq!((taken.is_merged(), &taken.pull), (true, &pull));
    assert_ne!(taken.id, a, "it is a step of the new generation");
    assert_eq!((world.status("b"), world.status("c")), (StepStatus::Running, StepStatus::Pending));
    assert_eq!(world.live_count(), 1);
    assert_eq!(world.directive.step_named("b").unwrap().branch, Branch::new("adjutant/12-1/g2-b"));
    world.done("b");
    world.done("c");
    world.integrated("whole");
    assert_eq!(world.status("final"), StepStatus::Evaluating);
}

#[test]
fn a_passed_step_whose_task_changed_is_run_again() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, replan(""));
    world.planned(with_task("a", "Another A."));
    assert_eq!(world.status("a"), StepStatus::Running);
    assert_eq!(world.directive.step_named("a").unwrap().pull, None);
}

#[test]
fn a_task_is_the_same_whatever_its_spacing_and_dependencies() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, replan(""));
    let mut plan = with_task("a", " A.\n ");
    plan["steps"][0]["depends_on"] = json!(["b"]);
    plan["steps"][1]["depends_on"] = json!([]);
    world.planned(plan);
    assert_eq!(world.status("a"), StepStatus::Passed);
    assert!(world.directive.step_named("a").unwrap().depends_on.is_empty(), "what is done waits for nothing");
    assert_eq!(world.status("b"), StepStatus::Running);
}

#[test]
fn a_planner_may_declare_a_carried_step_done_and_no_other() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, replan(""));
    let declared = |name: &str| {
        json!({ "steps": [
            { "name": name, "done": true },
            { "name": "d", "type": "implement", "description": "D.", "depends_on": [name], "requirements": ["R1"] },
        ]})
    };
    world.planned(declared("b"));
    assert_eq!(world.directive.planning_faults, [PlanFault::NotFinished { step: "b".to_owned() }]);
    world.planned(declared("a"));
    let plan = world.directive.plan.as_ref().unwrap();
    assert_eq!(plan.origin, PlanOrigin::Repaired);
    assert_eq!((world.status("a"), world.status("d")), (StepStatus::Passed, StepStatus::Running));
    assert_eq!(world.directive.step_named("a").unwrap().description, "A.", "it stays what was done");
}

#[test]
fn what_passed_stays_in_the_chain_and_covers_what_it_did_when_the_plan_does_not_name_it() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, replan(""));
    world.planned(json!({ "steps": [
        { "name": "d", "type": "implement", "description": "D.", "depends_on": ["a"] },
    ]}));
    let names: Vec<_> = world.directive.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["a", "d"]);
    assert_eq!((world.status("a"), world.status("d")), (StepStatus::Passed, StepStatus::Running));
    assert!(!world.reaches_base("d"), "alone in its plan, and not alone in the chain");
}

#[test]
fn what_landed_on_the_integration_branch_reaches_the_base_with_a_plan_of_one_step() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, replan(""));
    let mut plan = single();
    plan["steps"][0]["description"] = json!("A, quite otherwise.");
    world.planned(plan);
    assert_eq!(world.directive.steps.len(), 1, "the name is planned with something else to do");
    assert!(!world.reaches_base("a"));
    world.done("a");
    world.integrated("whole");
    assert_eq!(world.status("final"), StepStatus::Evaluating);
}

#[test]
fn a_chain_of_one_step_may_become_one_of_many_and_one_again() {
    let mut policy = Policy::default();
    policy.limits.chain_generations = 9;
    let mut world = World::started(policy, single());
    world.changed("a", "a1");
    assert!(world.reaches_base("a"));
    world.maintainer(None, replan("cut it up"));
    world.planned(diamond());
    assert!(world.has(&Effect::CutIntegration));
    assert_eq!(world.live_count(), 0, "nothing starts before the branch is there");
    world.signal(Signal::IntegrationCut);
    assert_eq!(world.live_count(), 2);
    world.maintainer(None, replan("it is small after all"));
    world.planned(single());
    assert!(world.reaches_base("a"), "nothing has landed yet");
    assert_eq!(world.live_count(), 1);
    world.maintainer(None, replan("no, it is not"));
    world.planned(diamond());
    assert!(!world.has(&Effect::CutIntegration), "it was cut before");
    assert_eq!(world.live_count(), 2);
}

#[test]
fn a_plan_of_carried_steps_alone_goes_on_to_the_final_pull_request() {
    let mut world = World::started(Policy::default(), diamond());
    world.done("a");
    world.done("b");
    world.maintainer(None, replan("c is not needed"));
    world.planned(json!({ "steps": [{ "name": "a", "done": true }, { "name": "b", "done": true }] }));
    world.integrated("whole");
    assert_eq!(world.status("final"), StepStatus::Evaluating);
}

#[test]
fn with_direct_delivery_what_was_merged_stays_and_the_rest_goes_to_the_base_too() {
    let mut world = World::started(Policy { delivery: Delivery::Direct, ..Policy::default() }, diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    world.approve("a");
    world.merged("a");
    world.maintainer(None, replan(""));
    world.planned(json!({ "steps": [{ "name": "d", "type": "implement", "description": "D." }] }));
    assert!(!world.has(&Effect::CutIntegration));
    assert!(world.reaches_base("d"));
    world.changed("d", "d1");
    world.verified("d", green());
    world.approve("d");
    world.merged("d");
    assert_eq!(world.directive.status(), DirectiveStatus::Completed);
}

#[test]
fn the_default_chain_keeps_what_passed_too() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, replan(""));
    world.planned(json!("nonsense"));
    world.planned(json!("nonsense"));
    assert_eq!(world.directive.plan.as_ref().unwrap().origin, PlanOrigin::Default);
    let names: Vec<_> = world.directive.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["a", "research", "implement", "test"]);
    assert_eq!((world.status("a"), world.status("research")), (StepStatus::Passed, StepStatus::Running));
}

#[test]
fn failures_of_an_earlier_planning_do_not_count_for_the_next() {
    let mut world = World::open(Policy { plan_approval: true, ..Policy::default() });
    let crash = |world: &mut World| {
        world.finish(world.live(None), TaskOutcome::Failed { reason: Failure::External("it crashed".to_owned()) });
    };
    for _ in 0..3 {
        crash(&mut world);
    }
    assert_eq!(world.waiting(), [ApprovalKind::Plan]);
    world.maintainer(None, replan("try the planner again"));
    assert_eq!(world.waiting(), [], "the question is about the planning before");
    crash(&mut world);
    assert_eq!((world.directive.plan.as_ref(), world.live_count()), (None, 1));
}

#[test]
fn what_was_skipped_is_carried_over_as_skipped_where_it_is_planned_again() {
    let mut policy = Policy::default();
    policy.limits.chain_generations = 9;
    let mut world = World::started(policy, diamond());
    world.maintainer(None, Command::Skip { step: Some("a".to_owned()) });
    world.maintainer(None, replan(""));
    world.planned(diamond());
    assert_eq!((world.status("a"), world.status("b")), (StepStatus::Skipped, StepStatus::Running));
    world.maintainer(None, replan(""));
    world.planned(
        json!({ "steps": [{ "name": "d", "type": "implement", "description": "D.", "requirements": ["R1"] }] }),
    );
    assert!(world.directive.step_named("a").is_none());
    world.maintainer(None, replan(""));
    world.planned(json!({ "steps": [
        { "name": "e", "type": "implement", "description": "E.", "requirements": ["R1"], "depends_on": ["a"] },
    ]}));
    assert_eq!((world.status("a"), world.status("e")), (StepStatus::Skipped, StepStatus::Running));
}

#[test]
fn a_replan_while_planning_starts_the_planner_anew_with_the_reason() {
    let mut world = World::open(Policy::default());
    let first = world.live(None);
    world.maintainer(None, replan("mind the tests"));
    assert_eq!(world.directive.task(first).unwrap().status, TaskStatus::Cancelled);
    assert_eq!(world.directive.replans.last().unwrap().reason, ReplanReason::Words("mind the tests".to_owned()));
    world.planned(diamond());
    assert_eq!(
        (world.directive.status(), world.directive.generation, world.directive.plan_number()),
        (DirectiveStatus::Active, 1, 1)
    );
}

#[test]
fn a_replan_of_a_plan_that_waits_makes_its_approval_stale_and_takes_no_plan_away() {
    let mut world = World::open(Policy { plan_approval: true, ..Policy::default() });
    world.planned(diamond());
    world.maintainer(None, replan("smaller"));
    assert_eq!(world.directive.approvals[0].status, ApprovalStatus::Stale);
    world.planned(single());
    assert_eq!((world.waiting(), world.directive.plan_number()), (vec![ApprovalKind::Plan], 1));
    assert_eq!(world.directive.steps.len(), 1);
}

#[test]
fn a_replan_while_paused_stays_paused_and_plans_after_the_pause() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, Command::Pause { now: false });
    world.maintainer(None, replan("later"));
    assert_eq!((world.directive.status(), world.live_count()), (DirectiveStatus::Paused, 0));
    world.maintainer(None, Command::Resume);
    assert_eq!(world.directive.status(), DirectiveStatus::Planning);
    world.planned(diamond());
    assert_eq!((world.status("a"), world.status("b")), (StepStatus::Passed, StepStatus::Running));
}

#[test]
fn a_question_for_money_outlives_a_replan() {
    let mut policy = Policy::default();
    policy.limits.cost = Usd::from_dollars(0.9);
    let mut world = World::started(policy, diamond());
    world.changed("a", "a1");
    assert_eq!(world.waiting(), [ApprovalKind::Budget]);
    world.maintainer(None, replan(""));
    assert_eq!((world.directive.status(), world.waiting()), (DirectiveStatus::Paused, vec![ApprovalKind::Budget]));
}

#[test]
fn the_plans_that_the_policy_allows_bound_replans_and_nothing_else() {
    let mut policy = Policy::default();
    policy.limits.chain_generations = 2;
    let mut world = World::started(policy, diamond());
    world.maintainer(None, replan("first"));
    world.planned(diamond());
    assert_eq!(world.directive.plan_number(), 2);
    let before = world.directive.clone();
    world.maintainer(None, replan("second"));
    assert_eq!(world.refused(), Refusal::PlansUsedUp { limit: 2 });
    assert_eq!((world.directive.status(), world.directive.steps), (DirectiveStatus::Active, before.steps));
}

#[test]
fn a_replan_without_write_access_is_refused() {
    let mut world = World::started(Policy::default(), diamond());
    world.order(actor("outsider", Permission::Read), None, replan("mine"));
    assert!(matches!(world.refusal(), Some(Notice::NotAllowed { .. })));
    assert_eq!((world.directive.status(), world.directive.generation), (DirectiveStatus::Active, 1));
}

#[test]
fn the_final_pull_request_is_closed_and_another_brings_the_new_whole() {
    let mut world = World::at_final(Policy::default());
    let first = world.id("final");
    world.maintainer(Some("final"), replan("d is missing"));
    assert!(closes(&world, first).is_some());
    world.planned(json!({ "steps": [{ "name": "d", "type": "implement", "description": "D.", "depends_on": ["c"] }] }));
    assert_eq!(world.directive.steps.len(), 4);
    world.done("d");
    world.integrated("whole-2");
    assert_ne!(world.id("final"), first);
    world.verified("final", green());
    assert_eq!(world.waiting(), [ApprovalKind::Final]);
}

#[test]
fn a_follow_up_is_superseded_or_carried_over_like_any_step() {
    let mut world = World::at_final(Policy::default());
    world.maintainer(Some("final"), Command::Rework { text: "document it".to_owned() });
    world.done("follow-up-1");
    world.integrated("whole-2");
    world.maintainer(Some("final"), replan("d is missing"));
    world.planned(json!({ "steps": [{ "name": "d", "type": "implement", "description": "D." }] }));
    assert_eq!(world.status("follow-up-1"), StepStatus::Passed);
    world.done("d");
    world.integrated("whole-3");
    world.verified("final", yellow());
    world.maintainer(Some("final"), Command::Rework { text: "and once more".to_owned() });
    assert_eq!(world.status("follow-up-2"), StepStatus::Running);
}

#[test]
fn full_auto_plans_anew_by_itself_when_a_steps_reworks_are_used_up_and_asks_when_the_plans_are() {
    let mut policy = Policy { autonomy: Autonomy::FullAuto, ..Policy::default() };
    policy.limits.rework_cycles = 1;
    policy.limits.chain_generations = 2;
    let mut world = World::started(policy, diamond());
    world.done("b");
    let red_to_the_end = |world: &mut World| {
        for head in ["a1", "a2"] {
            world.changed("a", head);
            world.verified("a", red());
        }
    };
    red_to_the_end(&mut world);
    assert_eq!((world.directive.status(), world.directive.generation), (DirectiveStatus::Planning, 2));
    assert!(world.waiting().is_empty());
    let ReplanReason::Step { step, cause } = &world.directive.replans.last().unwrap().reason else { panic!("no step") };
    assert!(step.as_str() == "a" && matches!(cause, Cause::StillRed { reworks: 1, .. }), "{step}: {cause:?}");
    world.planned(diamond());
    assert_eq!((world.status("a"), world.status("b")), (StepStatus::Running, StepStatus::Passed));
    red_to_the_end(&mut world);
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
}

#[test]
fn full_auto_plans_anew_where_what_is_handed_in_is_refused_to_the_end() {
    let mut policy = Policy { autonomy: Autonomy::FullAuto, ..Policy::default() };
    policy.limits.rework_cycles = 0;
    let mut world = World::started(policy, diamond());
    world.finish(world.live(Some("a")), TaskOutcome::Refused { faults: vec!["a secret".to_owned()] });
    assert_eq!(world.directive.status(), DirectiveStatus::Planning);
}
