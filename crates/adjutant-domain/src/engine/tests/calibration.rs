//! What became of scores: what people did with what was proposed to them.

use super::*;
use crate::calibration::{ScoreOutcome, SettledScore, settled};

impl World {
    /// What became of scores by a signal.
    fn settles(&mut self, signal: Signal) -> Vec<SettledScore> {
        let before = self.directive.clone();
        self.signal(signal.clone());
        settled(&before, &self.directive, &signal)
    }

    /// The same by a maintainer's command on a step's pull request.
    fn commanded(&mut self, name: &str, command: Command) -> Vec<SettledScore> {
        let (before, at) = (self.directive.clone(), self.now);
        self.maintainer(Some(name), command.clone());
        let signal = Signal::Commanded(ordered(actor("maintainer", Permission::Admin), command, None, 1, at));
        settled(&before, &self.directive, &signal)
    }

    fn merge_of(&self, name: &str, by: Actor) -> Signal {
        Signal::PullMerged { step: self.id(name), by, sha: Some(Sha::new("merge")) }
    }
}

fn outcomes(settled: &[SettledScore]) -> Vec<(&str, ScoreOutcome)> {
    settled.iter().map(|score| (score.head.as_str(), score.outcome)).collect()
}

/// A step that is yellow and waits for a person.
fn yellow_step() -> World {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    world
}

#[test]
fn what_a_person_merges_or_approves_is_merged_unchanged() {
    let mut world = yellow_step();
    let merged = world.settles(world.merge_of("a", named("writer")));
    assert_eq!(outcomes(&merged), [("a1", ScoreOutcome::Merged)]);
    assert_eq!(merged[0].merge_commit, Some(Sha::new("merge")));
    assert_eq!(world.settles(world.merge_of("a", named("writer"))), [], "told twice");

    let mut world = yellow_step();
    assert_eq!(world.commanded("a", Command::Approve { step: None }), [], "it is not merged yet");
    let merged = world.settles(world.merge_of("a", Actor::Adjutant));
    assert_eq!(outcomes(&merged), [("a1", ScoreOutcome::Merged)]);
}

#[test]
fn what_adjutant_merges_by_its_own_score_says_nothing_until_it_goes_into_the_base() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    assert_eq!(world.settles(world.merge_of("a", Actor::Adjutant)), []);
    let mut world = World::at_final(Policy::default());
    let merged = world.settles(world.merge_of("final", named("maintainer")));
    assert_eq!(outcomes(&merged), [("whole", ScoreOutcome::Merged)]);
    let step = world.directive.final_step.as_ref().unwrap().id;
    assert_eq!(outcomes(&world.settles(Signal::Reverted { step })), [("whole", ScoreOutcome::Reverted)]);
    let other = world.id("a");
    assert_eq!(
        world.settles(Signal::Reverted { step: other }).len(),
        1,
        "the store keeps it only where it was counted"
    );
}

#[test]
fn what_a_person_sends_back_or_pushes_to_is_reworked() {
    let rework = Command::Rework { text: "Name it.".to_owned() };
    let mut world = yellow_step();
    assert_eq!(outcomes(&world.commanded("a", rework.clone())), [("a1", ScoreOutcome::Reworked)]);
    let mut world = yellow_step();
    let step = world.id("a");
    let pushed = |by| Signal::HeadMoved { step, head: Sha::new("p1"), by };
    assert_eq!(outcomes(&world.settles(pushed(named("writer")))), [("a1", ScoreOutcome::Reworked)]);
    let mut world = World::at_final(Policy::default());
    assert_eq!(outcomes(&world.commanded("final", rework)), [("whole", ScoreOutcome::Reworked)]);
}

#[test]
fn what_a_person_closes_skips_or_stops_is_closed() {
    let mut world = yellow_step();
    assert_eq!(outcomes(&world.commanded("a", Command::Skip { step: None })), [("a1", ScoreOutcome::Closed)]);
    let mut world = yellow_step();
    assert_eq!(outcomes(&world.commanded("a", Command::Stop)), [("a1", ScoreOutcome::Closed)]);
    let mut world = yellow_step();
    let closed = Signal::PullClosed { step: world.id("a"), by: named("writer"), may_decide: true };
    assert_eq!(outcomes(&world.settles(closed)), [("a1", ScoreOutcome::Closed)]);
}

#[test]
fn what_is_looked_at_paused_or_verified_again_stays_open_and_red_is_no_proposal() {
    for command in [Command::Verify { step: None }, Command::Status, Command::Pause { now: false }] {
        let mut world = yellow_step();
        assert_eq!(world.commanded("a", command.clone()), [], "{command:?}");
    }
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    assert_eq!(world.settles(world.merge_of("a", named("writer"))), [], "nothing was proposed yet");
}
