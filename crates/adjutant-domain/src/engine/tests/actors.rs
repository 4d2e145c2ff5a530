//! Who acts: a person may have any login, also one that looks like Adjutant's.

use super::*;

fn adjutant() -> Requester {
    actor("adjutant", Permission::Write)
}

#[test]
fn the_commands_of_a_person_called_adjutant_are_a_persons() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.order(adjutant(), Some("a"), Command::Approve { step: None });
    let approval = world.directive.approvals.iter().find(|approval| approval.step == Some(world.id("a"))).unwrap();
    assert_eq!(approval.status, ApprovalStatus::Approved);
    assert_eq!(approval.answered_by, Some(Login::new("adjutant")));
    assert!(world.merges("a"));
    let signal = Signal::Unlabelled { actor: adjutant() };
    let events = decide(world.directive.clone(), &signal, world.now + Duration::seconds(9)).events;
    assert!(events.iter().all(|event| event.actor == named("adjutant")), "{events:?}");
}

#[test]
fn the_merge_of_a_person_called_adjutant_answers_what_was_asked() {
    for (by, status) in [
        (named("adjutant"), ApprovalStatus::Approved),
        (Actor::Unknown, ApprovalStatus::Approved),
        (Actor::Adjutant, ApprovalStatus::Stale),
    ] {
        let mut world = World::at_final(Policy::default());
        let step = world.id("final");
        world.signal(Signal::PullMerged { step, by: by.clone(), sha: None });
        assert_eq!(world.directive.status(), DirectiveStatus::Completed);
        let asked = world.directive.approvals.last().unwrap();
        assert_eq!((asked.kind, asked.status), (ApprovalKind::Final, status), "{by}");
        assert_eq!(asked.answered_by.as_ref(), by.login(), "{by}");
    }
}

#[test]
fn the_replan_of_a_person_called_adjutant_is_theirs() {
    let mut world = World::started(Policy::default(), diamond());
    world.order(adjutant(), None, Command::Replan { reason: "too large".to_owned() });
    let replan = world.directive.replans.last().unwrap();
    assert_eq!((&replan.by, &replan.reason), (&named("adjutant"), &ReplanReason::Words("too large".to_owned())));
}
