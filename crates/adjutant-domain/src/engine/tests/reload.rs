//! The policy, taken anew by `/reload` and `/replan`.

use super::*;
use crate::policy::options::label_override;

fn reload(world: &mut World, command: Command, read: PolicyRead) {
    world.base_waits = true;
    world.reads = Some(Box::new(read));
    world.maintainer(None, command);
}

fn reloaded(world: &World) -> Option<(&[String], Option<&Sha>)> {
    world.effects.iter().rev().find_map(|effect| match effect {
        Effect::Reply { notice: Notice::Reloaded { changed, base }, .. } => Some((changed.as_slice(), base.as_ref())),
        _ => None,
    })
}

fn with_setup() -> Policy {
    Policy { setup: Some(vec!["npm ci".to_owned()]), ..Policy::default() }
}

#[test]
fn a_policy_that_was_mended_takes_the_place_of_a_question_about_the_base() {
    let mut world = World::unverified(Policy::default());
    world.signal(Signal::BaseVerified { round: 1, report: Box::new(faulty_base()) });
    let mut mended = policy_read(with_setup());
    mended.base.as_mut().unwrap().sha = Sha::new("base-2");
    reload(&mut world, Command::Reload, mended);
    assert_eq!(world.directive.waiting().count(), 0, "the question was about another policy");
    assert_eq!(reloaded(&world), Some((&["setup".to_owned()][..], Some(&Sha::new("base-2")))));
    assert_eq!(world.directive.base.sha, Sha::new("base-2"));
    assert!(world.has(&Effect::VerifyBase { round: 2 }));
    world.signal(Signal::BaseVerified { round: 2, report: Box::default() });
    assert_eq!(world.live_count(), 1, "the planner works");
}

#[test]
fn what_waits_is_verified_again_after_the_base() {
    let mut world = World::started(Policy::default(), single());
    world.changed("a", "a-head");
    let step = world.id("a");
    let reason = Failure::VerifierNotRun { verifier: "test".to_owned(), error: "make: not found".to_owned() };
    world.signal(Signal::EffectFailed { step: Some(step), reason });
    let base = world.directive.base.sha.clone();
    world.effects.clear();
    reload(&mut world, Command::Reload, policy_read(with_setup()));
    assert_eq!(world.directive.policy.setup, with_setup().setup);
    assert_eq!(world.directive.base.sha, base, "branches were cut from it");
    let verifies = |world: &World| world.effects.iter().any(|effect| matches!(effect, Effect::Verify { .. }));
    assert!(!verifies(&world), "what is red on the base is not held against the step");
    let round = world.directive.baseline.round;
    world.signal(Signal::BaseVerified { round, report: Box::new(faulty_base()) });
    assert!(!verifies(&world), "a person is asked first");
    assert!(world.directive.clock.running_since.is_none(), "waiting for a person is not work");
    world.maintainer(None, Command::Approve { step: None });
    assert!(verifies(&world));
}

#[test]
fn what_was_made_stricter_stays_so() {
    let generous = || Policy { autonomy: Autonomy::FullAuto, ..Policy::default() };
    let mut world = World::started(generous(), single());
    world.maintainer(None, Command::Autonomy { level: "manual".to_owned() });
    let mut again = policy_read(Policy { label: "other".to_owned(), delivery: Delivery::Direct, ..generous() });
    again.overrides.extend(label_override("directive", "directive:merge-person"));
    reload(&mut world, Command::Reload, again);
    let policy = &world.directive.policy;
    assert_eq!((policy.autonomy, policy.label.as_str()), (Autonomy::Manual, "directive"));
    assert_eq!(policy.delivery, Delivery::Integration, "the plan is built on it");
    assert_eq!(world.directive.autonomy_ceiling(), Autonomy::FullAuto);
    assert_eq!(world.directive.policy.merge, FinalMerge::Person);
}

#[test]
fn a_broken_policy_changes_nothing_and_is_told() {
    for command in [Command::Reload, Command::Replan { reason: String::new() }] {
        let mut world = World::started(Policy::default(), single());
        let (policy, generation) = (world.directive.policy.clone(), world.directive.generation);
        let faults = vec![PolicyFault::More { faults: 7 }];
        reload(&mut world, command, PolicyRead { policy: Err(faults.clone()), ..policy_read(Policy::default()) });
        assert_eq!(world.refusal(), Some(&Notice::Refused { reason: Refusal::PolicyBroken { faults } }));
        assert_eq!((world.directive.policy.clone(), world.directive.generation), (policy, generation));
    }
}

#[test]
fn an_agent_that_is_not_there_is_a_fault_of_the_policy() {
    let mut world = World::started(Policy::default(), single());
    let policy = Policy { agent: Some("codex".to_owned()), ..Policy::default() };
    reload(&mut world, Command::Reload, PolicyRead { agents: Some(vec!["default".to_owned()]), ..policy_read(policy) });
    assert!(
        matches!(world.refusal(), Some(Notice::Refused { reason: Refusal::PolicyBroken { faults } }) if faults.len() == 1)
    );
    assert_eq!(world.directive.policy.agent, None);
}

#[test]
fn a_replan_takes_the_policy_too_and_says_so_only_where_it_changed() {
    let mut world = World::started(Policy::default(), single());
    reload(&mut world, Command::Replan { reason: "Other steps.".to_owned() }, policy_read(Policy::default()));
    assert_eq!(reloaded(&world), None);
    assert_eq!(world.directive.baseline.round, 1);
    reload(&mut world, Command::Replan { reason: "Others.".to_owned() }, policy_read(with_setup()));
    assert_eq!(reloaded(&world).map(|told| told.0), Some(&["setup".to_owned()][..]));
    assert_eq!(world.directive.baseline.round, 2, "the base is verified by the new policy before it is planned");
    assert_eq!(world.live_count(), 0);
}
