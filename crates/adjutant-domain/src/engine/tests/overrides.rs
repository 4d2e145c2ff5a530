//! Labels, options and `/autonomy`: what makes a directive stricter, and how far back it may go.

use super::*;
use crate::policy::options::{self, PolicyOverride, label_override};
use crate::policy::{JudgePolicy, Policy};

fn auto() -> Policy {
    Policy { autonomy: Autonomy::FullAuto, merge: FinalMerge::Auto, ..Policy::default() }
}

fn label(name: &str) -> PolicyOverride {
    label_override("directive", name).unwrap()
}

fn set(world: &mut World, by: Requester, name: &str) {
    world.signal(Signal::PolicyOverridden { actor: by, policy_override: label(name) });
}

fn triager() -> Requester {
    actor("triager", Permission::Read)
}

fn autonomy(world: &mut World, level: &str) {
    world.maintainer(None, Command::Autonomy { level: level.to_owned() });
}

#[test]
fn labels_and_options_make_the_policy_stricter_from_the_start_and_what_loosens_is_kept_to_be_told() {
    let mut overrides = vec![label("directive:manual"), label("directive:full_auto")];
    overrides.extend(options::overrides("## Options\n\nbudget: 2\nsteps: 40\n"));
    let decision = open(&Labelled { overrides, ..labelled(Policy::default()) }, morning());
    let directive = decision.directive.unwrap();
    assert_eq!((directive.policy.autonomy, directive.policy.limits.cost), (Autonomy::Manual, Usd::from_dollars(2.0)));
    assert_eq!(directive.policy.limits.steps, 12);
    let ignored: Vec<_> =
        directive.overrides.ignored.iter().map(|policy_override| policy_override.shown.as_str()).collect();
    assert_eq!(ignored, ["directive:full_auto", "steps: 40"]);
}

#[test]
fn a_label_set_later_makes_stricter_from_then_on_though_a_triager_set_it() {
    let mut world = World::started(auto(), diamond());
    world.done("a");
    set(&mut world, triager(), "directive:manual");
    assert!(world.count("policy_tightened") > 0);
    world.changed("b", "b1");
    world.verified("b", green());
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    assert!(!world.merges("b"));
}

#[test]
fn a_merge_that_waits_for_its_turn_is_decided_again_when_a_label_makes_stricter() {
    let mut world = World::started(auto(), diamond());
    // Paused, so that what was decided on is not asked of GitHub yet.
    world.changed("a", "a1");
    world.maintainer(None, Command::Pause { now: false });
    world.verified("a", green());
    set(&mut world, triager(), "directive:manual");
    world.maintainer(None, Command::Resume);
    assert!(!world.merges("a"));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
}

#[test]
fn a_label_never_loosens_and_a_bots_label_does_not_count() {
    let manual = Policy { autonomy: Autonomy::Manual, ..Policy::default() };
    let mut world = World::started(Policy::default(), diamond());
    let bot = Requester { bot: true, ..actor("other[bot]", Permission::Admin) };
    set(&mut world, bot, "directive:manual");
    assert_eq!((world.directive.policy.autonomy, world.effects.len()), (Autonomy::Guardrails, 0));

    set(&mut world, triager(), "directive:manual");
    set(&mut world, triager(), "directive:guardrails");
    assert_eq!(world.directive.policy.autonomy, manual.autonomy);
    assert_eq!(world.directive.overrides.ignored.len(), 1);
    // The same again says nothing new.
    set(&mut world, triager(), "directive:guardrails");
    assert_eq!((world.directive.overrides.ignored.len(), world.effects.len()), (1, 0));
}

#[test]
fn autonomy_goes_anywhere_up_to_the_level_of_the_policy_and_no_further() {
    let mut world = World::started(Policy::default(), diamond());
    set(&mut world, triager(), "directive:manual");
    autonomy(&mut world, "guardrails");
    assert_eq!((world.refusal(), world.directive.policy.autonomy), (None, Autonomy::Guardrails));
    autonomy(&mut world, "manual");
    autonomy(&mut world, "full_auto");
    let (ceiling, present) = (Autonomy::Guardrails, Autonomy::Manual);
    assert_eq!(world.refused(), Refusal::AboveCeiling { ceiling, present });
    assert_eq!(world.directive.policy.autonomy, Autonomy::Manual);
    autonomy(&mut world, "all");
    assert_eq!(world.refused(), Refusal::UnknownLevel);
}

#[test]
fn a_directive_from_before_there_were_overrides_may_go_back_to_where_it_was() {
    let mut world = World::started(Policy::default(), diamond());
    let mut state = serde_json::to_value(&world.directive).unwrap();
    state.as_object_mut().unwrap().remove("overrides");
    world.directive = serde_json::from_value(state).unwrap();
    autonomy(&mut world, "manual");
    autonomy(&mut world, "guardrails");
    assert_eq!((world.refusal(), world.directive.policy.autonomy), (None, Autonomy::Guardrails));
    autonomy(&mut world, "full-auto");
    assert!(world.refusal().is_some());
}

#[test]
fn a_policy_that_names_an_agent_which_is_not_there_starts_nothing_and_names_those_that_are() {
    let judge = Some(JudgePolicy { agent: Some("strict".to_owned()), weight: 1.0 });
    let policy = Policy { agent: Some("fast".to_owned()), judge, ..Policy::default() };
    let agents = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let opened = |agents| open(&Labelled { agents, ..labelled(policy.clone()) }, morning());
    assert!(opened(None).directive.is_some());
    assert!(opened(agents(&["fast", "strict"])).directive.is_some());

    let decision = opened(agents(&["default", "strict"]));
    assert!(decision.directive.is_none());
    let [Effect::Announce { notice: Notice::PolicyBroken { faults }, .. }] = decision.effects.as_slice() else {
        panic!("{:?}", decision.effects)
    };
    let known = vec!["default".to_owned(), "strict".to_owned()];
    assert_eq!(faults[..], [PolicyFault::UnknownAgent { key: "agent".to_owned(), name: "fast".to_owned(), known }]);
    let decision = opened(agents(&[]));
    assert!(
        matches!(&decision.effects[..], [Effect::Announce { notice: Notice::PolicyBroken { faults }, .. }] if faults.len() == 2)
    );
}
