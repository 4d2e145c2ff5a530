//! Questions that agents put to people.

use super::*;
use crate::asking::{AgentQuestion, MOST_ROUNDS};

fn question(text: &str, default: Option<&str>) -> AgentQuestion {
    AgentQuestion {
        text: text.to_owned(),
        options: vec!["metres".to_owned(), "feet".to_owned()],
        default: default.map(str::to_owned),
        why: "It is printed.".to_owned(),
    }
}

fn asks(texts: &[&str]) -> TaskOutcome {
    TaskOutcome::Asked { questions: texts.iter().map(|text| question(text, Some("metres"))).collect() }
}

fn answer(number: Option<u32>, text: &str) -> Command {
    Command::Answer { number, text: text.to_owned() }
}

/// Every answer, with who gave it.
fn answers(world: &World) -> Vec<(u32, String, Option<String>)> {
    let told = |answer: &crate::asking::Answer| (answer.text.clone(), answer.by.as_ref().map(ToString::to_string));
    let answers = world.directive.answers().filter_map(|it| Some((it.number, told(it.answer.as_ref()?))));
    answers.map(|(number, (text, by))| (number, text, by)).collect()
}

#[test]
fn a_step_waits_for_every_answer_and_then_goes_on_with_them() {
    let mut world = World::started(Policy::default(), diamond());
    world.finish(world.live(Some("a")), asks(&["Which unit?", "Which digits?"]));
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    assert_eq!(world.status("b"), StepStatus::Running, "its sibling goes on");
    world.maintainer(None, answer(Some(2), "as many as fit"));
    assert_eq!((world.refusal(), world.status("a")), (None, StepStatus::Blocked));
    world.maintainer(None, answer(None, "b"));
    assert_eq!((world.refusal(), world.status("a")), (None, StepStatus::Running));
    let by = Some("maintainer".to_owned());
    assert_eq!(answers(&world), [(1, "feet".to_owned(), by.clone()), (2, "as many as fit".to_owned(), by)]);
    assert_eq!(world.waiting(), []);
}

#[test]
fn a_planner_asks_and_plans_with_the_answer() {
    let mut world = World::open(Policy::default());
    world.finish(world.live(None), asks(&["Which unit?"]));
    assert_eq!((world.live_count(), world.waiting()), (0, vec![ApprovalKind::Plan]), "no agent is held");
    world.signal(Signal::Tick);
    assert_eq!(world.live_count(), 0);
    world.maintainer(None, answer(None, "a"));
    world.planned(single());
    assert_eq!(world.directive.plan.as_ref().unwrap().origin, PlanOrigin::Planned);
    assert_eq!(answers(&world).len(), 1);
}

#[test]
fn numbers_are_given_once_so_that_an_answer_never_meets_another_question() {
    let mut world = World::started(Policy::default(), diamond());
    world.finish(world.live(Some("a")), asks(&["One?"]));
    world.finish(world.live(Some("b")), asks(&["Two?"]));
    world.maintainer(None, answer(None, "a"));
    let open = vec![1, 2];
    let reason = Refusal::WhichQuestion { number: None, open };
    assert_eq!(world.refusal(), Some(&Notice::Refused { reason }), "two are open");
    world.maintainer(None, answer(Some(1), "a"));
    world.maintainer(None, answer(Some(1), "b"));
    let reason = Refusal::WhichQuestion { number: Some(1), open: vec![2] };
    assert_eq!(world.refusal(), Some(&Notice::Refused { reason }), "it has its answer");
    assert_eq!((world.status("a"), world.status("b")), (StepStatus::Running, StepStatus::Blocked));
}

#[test]
fn only_people_with_write_access_answer() {
    let mut world = World::started(Policy::default(), single());
    world.finish(world.live(Some("a")), asks(&["Which unit?"]));
    world.order(actor("outsider", Permission::Read), None, answer(Some(1), "b"));
    assert!(matches!(world.refusal(), Some(Notice::NotAllowed { .. })));
    assert_eq!((world.status("a"), answers(&world)), (StepStatus::Blocked, Vec::new()));
}

#[test]
fn what_nobody_answers_in_time_is_answered_by_the_default_and_that_is_said() {
    let mut world = World::started(Policy::default(), single());
    world.finish(world.live(Some("a")), asks(&["Which unit?", "Which digits?"]));
    world.maintainer(None, answer(Some(2), "b"));
    let approval = world.directive.waiting().next().unwrap().id;
    #[allow(clippy::cast_possible_truncation)]
    world.waits(Duration::hours(world.directive.policy.limits.approval_hours as i64 + 1));
    assert_eq!(world.status("a"), StepStatus::Running);
    let by = Some("maintainer".to_owned());
    assert_eq!(answers(&world), [(1, "metres".to_owned(), None), (2, "feet".to_owned(), by)]);
    assert!(world.has(&Effect::Remind { approval }));
}

#[test]
fn a_question_without_a_default_waits_and_reminds() {
    let mut world = World::started(Policy::default(), single());
    let questions = vec![question("Which unit?", None)];
    world.finish(world.live(Some("a")), TaskOutcome::Asked { questions });
    #[allow(clippy::cast_possible_truncation)]
    world.waits(Duration::hours(world.directive.policy.limits.approval_hours as i64 + 1));
    assert_eq!((world.status("a"), answers(&world)), (StepStatus::Blocked, Vec::new()));
    world.maintainer(None, Command::Approve { step: Some("a".to_owned()) });
    let reason = Refusal::WhichQuestion { number: None, open: vec![1] };
    assert_eq!(world.refusal(), Some(&Notice::Refused { reason }), "there is nothing to leave to it");
}

#[test]
fn an_approval_takes_the_defaults() {
    let mut world = World::started(Policy::default(), single());
    world.finish(world.live(Some("a")), asks(&["Which unit?"]));
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!((world.refusal(), world.status("a")), (None, StepStatus::Running));
    assert_eq!(answers(&world), [(1, "metres".to_owned(), None)]);
}

#[test]
fn an_agent_that_only_asks_is_a_failure_in_the_end() {
    let mut world = World::started(Policy::default(), single());
    for _ in 0..MOST_ROUNDS {
        world.finish(world.live(Some("a")), asks(&["Which unit?"]));
        world.maintainer(None, answer(None, "a"));
    }
    for _ in 0..3 {
        world.finish(world.live(Some("a")), asks(&["Which unit?"]));
    }
    let step = world.directive.step_named("a").unwrap();
    assert_eq!(step.state.cause(), Some(&Cause::Failure(Failure::AsksTooOften)));
    assert_eq!(world.status("a"), StepStatus::Failed);
}

#[test]
fn a_rework_that_asks_keeps_what_it_is_to_do() {
    let mut world = World::started(Policy::default(), single());
    world.changed("a", "a-head");
    world.verified("a", yellow());
    world.maintainer(Some("a"), Command::Rework { text: "Use the parser.".to_owned() });
    world.finish(world.live(Some("a")), asks(&["Which parser?"]));
    world.maintainer(Some("a"), answer(None, "the old one"));
    let task = world.directive.tasks.last().unwrap();
    assert_eq!((task.kind, task.instructions.contains("Use the parser.")), (TaskKind::Rework, true));
}
