//! What the properties found, kept as stories.

use super::*;

#[test]
fn a_step_that_was_blocked_before_its_turn_waits_for_its_turn_when_it_is_tried_again() {
    let mut world = World::started(Policy::default(), diamond());
    let step = Some(world.id("c"));
    world.signal(Signal::EffectFailed { step, reason: "no permission".to_owned() });
    assert_eq!(world.status("c"), StepStatus::Blocked);
    world.maintainer(None, Command::Retry { step: Some("c".to_owned()) });
    assert_eq!((world.status("c"), world.live_count()), (StepStatus::Pending, 2));
    world.signal(Signal::EffectFailed { step, reason: "no permission".to_owned() });
    world.maintainer(None, Command::Rework { text: "c with care".to_owned() });
    assert_eq!(
        (world.status("c"), world.live_count()),
        (StepStatus::Rework, 2),
        "sent to work, after what is before it"
    );
    world.done("a");
    world.done("b");
    assert_eq!(world.status("c"), StepStatus::Running);
}

#[test]
fn what_verifiers_find_after_the_end_asks_nobody() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.maintainer(None, Command::Stop);
    for results in [yellow(), red()] {
        let step = world.id("a");
        world.signal(Signal::Verified { step, head: Sha::new("a1"), results, findings: Vec::new() });
        assert_eq!((world.waiting(), world.effects.len(), world.status("a")), (vec![], 0, StepStatus::Evaluating));
    }
}

#[test]
fn a_stricter_label_asks_nothing_about_a_step_that_was_skipped_before_its_merge() {
    let auto = Policy { autonomy: Autonomy::FullAuto, ..Policy::default() };
    let mut world = World::started(auto, diamond());
    world.changed("a", "a1");
    world.maintainer(None, Command::Pause { now: false });
    world.verified("a", green());
    world.maintainer(None, Command::Skip { step: Some("a".to_owned()) });
    world.maintainer(None, Command::Autonomy { level: "manual".to_owned() });
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Skipped, vec![]));
}
