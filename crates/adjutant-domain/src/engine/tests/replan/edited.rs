//! Issues that are edited while a directive lives.

use super::*;
use crate::replan::IssueText;

fn text(goal: &str) -> IssueText {
    let Labelled { title, brief, .. } = labelled(Policy::default());
    IssueText { title, brief: Brief { goal: goal.to_owned(), ..brief } }
}

#[test]
fn an_edit_changes_nothing_but_the_note_until_somebody_says_replan() {
    let mut world = World::started(Policy::default(), diamond());
    let frozen = (world.directive.title.clone(), world.directive.brief.clone());
    world.signal(Signal::IssueRead(text("Print areas.")));
    assert_eq!(world.directive.newer_text, Some(text("Print areas.")));
    assert!(world.has(&Effect::WriteStatus));
    assert_eq!((world.directive.title.clone(), world.directive.brief.clone()), frozen);
    world.signal(Signal::IssueRead(text(&frozen.1.goal)));
    assert_eq!(world.directive.newer_text, None, "edited back");
    let quiet = world.directive.clone();
    world.signal(Signal::IssueRead(text(&frozen.1.goal)));
    assert_eq!(world.directive, quiet);
}

#[test]
fn a_replan_takes_edited_text_over_and_its_plan_waits_for_a_person_whatever_the_autonomy() {
    let mut world = World::started(Policy { autonomy: Autonomy::FullAuto, ..Policy::default() }, diamond());
    world.signal(Signal::IssueRead(text("Print areas.")));
    world.maintainer(None, replan(""));
    assert_eq!((world.directive.brief.goal.as_str(), &world.directive.newer_text), ("Print areas.", &None));
    world.planned(diamond());
    assert_eq!((world.directive.status(), world.waiting()), (DirectiveStatus::Planning, vec![ApprovalKind::Plan]));
    // However often the plan is made anew before somebody approves one.
    world.maintainer(None, Command::Rework { text: "smaller".to_owned() });
    world.planned(diamond());
    world.maintainer(None, replan("smaller still"));
    world.planned(diamond());
    assert_eq!(world.waiting(), [ApprovalKind::Plan]);
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
    world.maintainer(None, replan("the text is the same"));
    world.planned(diamond());
    assert_eq!(world.directive.status(), DirectiveStatus::Active, "approved once, it waits no more");
}

#[test]
fn adjutants_own_replan_takes_no_edited_text_over() {
    let mut policy = Policy { autonomy: Autonomy::FullAuto, ..Policy::default() };
    policy.limits.rework_cycles = 0;
    let mut world = World::started(policy, diamond());
    world.signal(Signal::IssueRead(text("Print areas.")));
    world.changed("a", "a1");
    world.verified("a", red());
    assert_eq!(
        (world.directive.status(), world.directive.brief.goal.as_str()),
        (DirectiveStatus::Planning, "Print lengths.")
    );
    assert!(world.directive.newer_text.is_some());
    world.planned(diamond());
    assert_eq!(world.directive.status(), DirectiveStatus::Active);
}

#[test]
fn a_refused_replan_takes_no_edited_text_over() {
    let mut policy = Policy::default();
    policy.limits.chain_generations = 1;
    let mut world = World::started(policy, diamond());
    world.signal(Signal::IssueRead(text("Print areas.")));
    world.maintainer(None, replan(""));
    assert!(world.refusal().is_some());
    world.order(actor("outsider", Permission::Read), None, replan(""));
    assert_eq!(world.directive.brief.goal, "Print lengths.");
}

#[test]
fn what_a_step_covers_keeps_its_place_when_an_edit_moves_it_and_is_done_again_when_an_edit_changes_it() {
    let brief = |requirements: &[&str]| {
        let mut text = text("Print lengths.");
        text.brief.requirements = (1..)
            .zip(requirements)
            .map(|(at, words)| Requirement { id: format!("R{at}"), description: (*words).to_owned() })
            .collect();
        Signal::IssueRead(text)
    };
    let plan = |covers: &str| {
        json!({ "steps": [
            { "name": "a", "type": "implement", "description": "A.", "requirements": [covers] },
            { "name": "z", "type": "implement", "description": "Z.", "requirements": ["R1", "R2"] },
        ]})
    };
    let again = |edit: Signal, plan: Value| {
        let mut world = halfway(Policy::default());
        world.signal(edit);
        world.maintainer(None, replan(""));
        world.planned(plan);
        world.status("a")
    };
    assert_eq!(again(brief(&["Say hello.", "Print."]), plan("R2")), StepStatus::Passed, "moved");
    assert_eq!(again(brief(&["Say hello.", "Print."]), plan("R1")), StepStatus::Pending, "another one's place");
    assert_eq!(again(brief(&["Print in red.", "Shout."]), plan("R1")), StepStatus::Pending, "changed");
}
