//! Labels and plans.

use super::*;
use crate::failure::AgentErrorKind;
use crate::question::Question;

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

fn failed(reason: Failure) -> TaskOutcome {
    TaskOutcome::Failed { reason }
}

fn reported(kind: AgentErrorKind) -> Failure {
    Failure::AgentReported { kind, message: "401 invalid key".to_owned(), retry_after: None }
}

#[test]
fn a_planner_that_cannot_be_run_is_tried_three_times_and_then_a_person_is_asked() {
    for failure in [Failure::External("it crashed".to_owned()), reported(AgentErrorKind::Tool), Failure::NoResult] {
        let mut world = World::open(Policy::default());
        for _ in 0..3 {
            assert_eq!(world.waiting(), []);
            world.finish(world.live(None), failed(failure.clone().and_output("boom".to_owned())));
        }
        assert_eq!((world.directive.plan.as_ref(), world.waiting()), (None, vec![ApprovalKind::Plan]));
        assert_eq!(world.directive.tasks.len(), 3, "nothing runs while a person is waited for");
        world.signal(Signal::Tick);
        assert_eq!(world.directive.tasks.len(), 3);
        world.maintainer(None, Command::Retry { step: None });
        assert_eq!((world.refusal(), world.waiting()), (None, Vec::new()));
        world.planned(diamond());
        assert_eq!(world.directive.plan.as_ref().unwrap().origin, PlanOrigin::Planned);
    }
}

#[test]
fn a_planner_that_a_person_must_mend_is_tried_once() {
    for failure in [
        Failure::NoAgent,
        Failure::AgentExited { status: 127 }.and_output("sh: agent: not found".to_owned()),
        Failure::AgentNotStarted { agent: "claude".to_owned(), error: "no such file".to_owned() },
        reported(AgentErrorKind::Auth),
    ] {
        let mut world = World::open(Policy::default());
        world.finish(world.live(None), failed(failure.clone()));
        let asked = world.directive.waiting().next().unwrap();
        assert_eq!(asked.question, Question::NotPlanned { tries: 1, failure });
        assert_eq!((world.directive.tasks.len(), world.directive.plan.as_ref()), (1, None));
        world.maintainer(None, Command::Retry { step: Some("plan".to_owned()) });
        assert_eq!(world.directive.tasks.len(), 2, "it is mended, says a person");
    }
}

#[test]
fn what_is_no_plan_three_times_gives_way_to_the_default_chain() {
    let mut world = World::open(Policy::default());
    for _ in 0..3 {
        world.finish(world.live(None), failed(Failure::NoPlan));
    }
    assert_eq!(world.directive.plan.as_ref().unwrap().origin, PlanOrigin::Default);
}

#[test]
fn a_person_may_take_the_default_chain_for_a_planner_that_cannot_be_run() {
    for (autonomy, then) in [(Autonomy::Guardrails, vec![]), (Autonomy::Manual, vec![ApprovalKind::Plan])] {
        let mut world = World::open(Policy { autonomy, ..Policy::default() });
        world.finish(world.live(None), failed(Failure::NoAgent));
        world.maintainer(None, Command::Approve { step: None });
        let plan = world.directive.plan.as_ref().unwrap();
        assert_eq!(
            (plan.origin, &plan.faults[..]),
            (PlanOrigin::Default, &[PlanFault::PlannerFailed(Failure::NoAgent)][..])
        );
        assert_eq!(world.waiting(), then, "in manual the plan itself is shown and asked about");
    }
}

#[test]
fn a_step_that_a_person_must_mend_is_tried_once_and_does_not_count_as_failed() {
    let mut world = World::started(Policy::default(), single());
    world.finish(world.live(Some("a")), failed(reported(AgentErrorKind::Auth)));
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    assert!(world.directive.waiting().next().unwrap().question.is_about_an_agent());
    world.maintainer(None, Command::Retry { step: Some("a".to_owned()) });
    assert_eq!(world.status("a"), StepStatus::Running);
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
