//! The table of autonomy and confidence through the whole engine: each cell is a story of its own.

use super::*;
use crate::evaluation::Confidence;

/// Where the head that is proved would go, and what is special about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Step,
    Protected,
    CyclesUsedUp,
    Base,
    BaseAuto,
    ProtectedBaseAuto,
    CyclesUsedUpBase,
    PlansUsedUp,
    PlansUsedUpBase,
}

impl Place {
    fn into_base(self) -> bool {
        self.auto() || matches!(self, Self::Base | Self::CyclesUsedUpBase | Self::PlansUsedUpBase)
    }

    /// Whether Adjutant may merge into the base.
    fn auto(self) -> bool {
        matches!(self, Self::BaseAuto | Self::ProtectedBaseAuto)
    }

    fn protected(self) -> bool {
        matches!(self, Self::Protected | Self::ProtectedBaseAuto)
    }

    /// Whether there is no plan left to be made, and no rework either.
    fn plans_used_up(self) -> bool {
        matches!(self, Self::PlansUsedUp | Self::PlansUsedUpBase)
    }

    fn cycles_used_up(self) -> bool {
        self.plans_used_up() || matches!(self, Self::CyclesUsedUp | Self::CyclesUsedUpBase)
    }
}

/// What comes of the proof.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Merges,
    AsksForTheStep,
    AsksForTheBase,
    Reworks,
    Replans,
    Blocks,
    Other(String),
}

/// A step's head is proved, and nobody but the engine says what becomes of it.
fn outcome(autonomy: Autonomy, confidence: Confidence, place: Place) -> Outcome {
    let merge = if place.auto() { FinalMerge::Auto } else { FinalMerge::Person };
    let mut policy = Policy { autonomy, merge, ..Policy::default() };
    if place.cycles_used_up() {
        policy.limits.rework_cycles = 0;
    }
    if place.plans_used_up() {
        policy.limits.chain_generations = 1;
    }
    let mut world = World::open(policy);
    world.planned(if place.into_base() { single() } else { diamond() });
    if world.waiting() == [ApprovalKind::Plan] {
        world.maintainer(None, Command::Approve { step: None });
    }
    world.signal(Signal::IntegrationCut);
    world.changed("a", "a1");
    let results = match confidence {
        Confidence::Green => green(),
        Confidence::Yellow => yellow(),
        Confidence::Red => red(),
    };
    let finding = Finding { kind: FindingKind::Protected, text: "`.github/workflows/ci.yml`".to_owned() };
    let findings = if place.protected() { vec![finding] } else { Vec::new() };
    world.signal(Signal::Verified { step: world.id("a"), head: Sha::new("a1"), results, findings });
    if world.directive.generation == 2 {
        let planner = world.directive.task(world.live(None)).unwrap();
        let told = (world.directive.status(), planner.kind, world.live_count(), world.waiting().len());
        return match told {
            (DirectiveStatus::Planning, TaskKind::Plan, 1, 0) => Outcome::Replans,
            other => Outcome::Other(format!("{other:?}")),
        };
    }
    match (world.merges("a"), world.status("a"), &world.waiting()[..]) {
        (true, StepStatus::Evaluating, []) => Outcome::Merges,
        (false, StepStatus::Evaluating, [ApprovalKind::StepReview]) => Outcome::AsksForTheStep,
        (false, StepStatus::Evaluating, [ApprovalKind::Final]) => Outcome::AsksForTheBase,
        (false, StepStatus::Running, [])
            if world.directive.task(world.live(Some("a"))).unwrap().kind == TaskKind::Rework =>
        {
            Outcome::Reworks
        }
        (false, StepStatus::Blocked, [ApprovalKind::StepBlocked]) => Outcome::Blocks,
        other => Outcome::Other(format!("{other:?}")),
    }
}

macro_rules! cells {
    ($($name:ident: $autonomy:ident, $confidence:ident, $place:ident => $outcome:ident;)*) => {
        $(
            #[test]
            fn $name() {
                let outcome = outcome(Autonomy::$autonomy, Confidence::$confidence, Place::$place);
                assert_eq!(outcome, Outcome::$outcome);
            }
        )*
    };
}

cells! {
    in_full_auto_a_green_step_merges: FullAuto, Green, Step => Merges;
    in_full_auto_a_yellow_step_merges: FullAuto, Yellow, Step => Merges;
    in_full_auto_a_red_step_is_reworked: FullAuto, Red, Step => Reworks;
    in_full_auto_a_green_step_that_touches_a_protected_path_asks: FullAuto, Green, Protected => AsksForTheStep;
    in_full_auto_a_yellow_step_that_touches_a_protected_path_asks: FullAuto, Yellow, Protected => AsksForTheStep;
    in_full_auto_a_red_step_that_touches_a_protected_path_is_reworked: FullAuto, Red, Protected => Reworks;
    in_full_auto_a_green_step_with_no_reworks_left_merges: FullAuto, Green, CyclesUsedUp => Merges;
    in_full_auto_a_yellow_step_with_no_reworks_left_merges: FullAuto, Yellow, CyclesUsedUp => Merges;
    in_full_auto_a_red_step_with_no_reworks_left_is_planned_anew: FullAuto, Red, CyclesUsedUp => Replans;
    in_full_auto_a_green_step_into_the_base_asks: FullAuto, Green, Base => AsksForTheBase;
    in_full_auto_a_yellow_step_into_the_base_asks: FullAuto, Yellow, Base => AsksForTheBase;
    in_full_auto_a_red_step_into_the_base_is_reworked: FullAuto, Red, Base => Reworks;
    in_full_auto_a_green_step_into_the_base_with_merge_auto_merges: FullAuto, Green, BaseAuto => Merges;
    in_full_auto_a_yellow_step_into_the_base_with_merge_auto_asks: FullAuto, Yellow, BaseAuto => AsksForTheBase;
    in_full_auto_a_red_step_into_the_base_with_merge_auto_is_reworked: FullAuto, Red, BaseAuto => Reworks;
    in_full_auto_a_green_step_into_the_base_with_merge_auto_that_touches_a_protected_path_asks: FullAuto, Green, ProtectedBaseAuto => AsksForTheBase;
    in_full_auto_a_yellow_step_into_the_base_with_merge_auto_that_touches_a_protected_path_asks: FullAuto, Yellow, ProtectedBaseAuto => AsksForTheBase;
    in_full_auto_a_red_step_into_the_base_with_merge_auto_that_touches_a_protected_path_is_reworked: FullAuto, Red, ProtectedBaseAuto => Reworks;
    in_full_auto_a_green_step_into_the_base_with_no_reworks_left_asks: FullAuto, Green, CyclesUsedUpBase => AsksForTheBase;
    in_full_auto_a_yellow_step_into_the_base_with_no_reworks_left_asks: FullAuto, Yellow, CyclesUsedUpBase => AsksForTheBase;
    in_full_auto_a_red_step_into_the_base_with_no_reworks_left_is_planned_anew: FullAuto, Red, CyclesUsedUpBase => Replans;
    in_full_auto_a_green_step_with_no_reworks_and_plans_left_merges: FullAuto, Green, PlansUsedUp => Merges;
    in_full_auto_a_yellow_step_with_no_reworks_and_plans_left_merges: FullAuto, Yellow, PlansUsedUp => Merges;
    in_full_auto_a_red_step_with_no_reworks_and_plans_left_is_blocked: FullAuto, Red, PlansUsedUp => Blocks;
    in_full_auto_a_green_step_into_the_base_with_no_reworks_and_plans_left_asks: FullAuto, Green, PlansUsedUpBase => AsksForTheBase;
    in_full_auto_a_yellow_step_into_the_base_with_no_reworks_and_plans_left_asks: FullAuto, Yellow, PlansUsedUpBase => AsksForTheBase;
    in_full_auto_a_red_step_into_the_base_with_no_reworks_and_plans_left_is_blocked: FullAuto, Red, PlansUsedUpBase => Blocks;
    under_guardrails_a_green_step_merges: Guardrails, Green, Step => Merges;
    under_guardrails_a_yellow_step_asks: Guardrails, Yellow, Step => AsksForTheStep;
    under_guardrails_a_red_step_is_reworked: Guardrails, Red, Step => Reworks;
    under_guardrails_a_green_step_that_touches_a_protected_path_asks: Guardrails, Green, Protected => AsksForTheStep;
    under_guardrails_a_yellow_step_that_touches_a_protected_path_asks: Guardrails, Yellow, Protected => AsksForTheStep;
    under_guardrails_a_red_step_that_touches_a_protected_path_is_reworked: Guardrails, Red, Protected => Reworks;
    under_guardrails_a_green_step_with_no_reworks_left_merges: Guardrails, Green, CyclesUsedUp => Merges;
    under_guardrails_a_yellow_step_with_no_reworks_left_asks: Guardrails, Yellow, CyclesUsedUp => AsksForTheStep;
    under_guardrails_a_red_step_with_no_reworks_left_is_blocked: Guardrails, Red, CyclesUsedUp => Blocks;
    under_guardrails_a_green_step_into_the_base_asks: Guardrails, Green, Base => AsksForTheBase;
    under_guardrails_a_yellow_step_into_the_base_asks: Guardrails, Yellow, Base => AsksForTheBase;
    under_guardrails_a_red_step_into_the_base_is_reworked: Guardrails, Red, Base => Reworks;
    under_guardrails_a_green_step_into_the_base_with_merge_auto_asks: Guardrails, Green, BaseAuto => AsksForTheBase;
    under_guardrails_a_yellow_step_into_the_base_with_merge_auto_asks: Guardrails, Yellow, BaseAuto => AsksForTheBase;
    under_guardrails_a_red_step_into_the_base_with_merge_auto_is_reworked: Guardrails, Red, BaseAuto => Reworks;
    under_guardrails_a_green_step_into_the_base_with_merge_auto_that_touches_a_protected_path_asks: Guardrails, Green, ProtectedBaseAuto => AsksForTheBase;
    under_guardrails_a_yellow_step_into_the_base_with_merge_auto_that_touches_a_protected_path_asks: Guardrails, Yellow, ProtectedBaseAuto => AsksForTheBase;
    under_guardrails_a_red_step_into_the_base_with_merge_auto_that_touches_a_protected_path_is_reworked: Guardrails, Red, ProtectedBaseAuto => Reworks;
    under_guardrails_a_green_step_into_the_base_with_no_reworks_left_asks: Guardrails, Green, CyclesUsedUpBase => AsksForTheBase;
    under_guardrails_a_yellow_step_into_the_base_with_no_reworks_left_asks: Guardrails, Yellow, CyclesUsedUpBase => AsksForTheBase;
    under_guardrails_a_red_step_into_the_base_with_no_reworks_left_is_blocked: Guardrails, Red, CyclesUsedUpBase => Blocks;
    under_guardrails_a_green_step_with_no_reworks_and_plans_left_merges: Guardrails, Green, PlansUsedUp => Merges;
    under_guardrails_a_yellow_step_with_no_reworks_and_plans_left_asks: Guardrails, Yellow, PlansUsedUp => AsksForTheStep;
    under_guardrails_a_red_step_with_no_reworks_and_plans_left_is_blocked: Guardrails, Red, PlansUsedUp => Blocks;
    under_guardrails_a_green_step_into_the_base_with_no_reworks_and_plans_left_asks: Guardrails, Green, PlansUsedUpBase => AsksForTheBase;
    under_guardrails_a_yellow_step_into_the_base_with_no_reworks_and_plans_left_asks: Guardrails, Yellow, PlansUsedUpBase => AsksForTheBase;
    under_guardrails_a_red_step_into_the_base_with_no_reworks_and_plans_left_is_blocked: Guardrails, Red, PlansUsedUpBase => Blocks;
    by_hand_a_green_step_asks: Manual, Green, Step => AsksForTheStep;
    by_hand_a_yellow_step_asks: Manual, Yellow, Step => AsksForTheStep;
    by_hand_a_red_step_is_reworked: Manual, Red, Step => Reworks;
    by_hand_a_green_step_that_touches_a_protected_path_asks: Manual, Green, Protected => AsksForTheStep;
    by_hand_a_yellow_step_that_touches_a_protected_path_asks: Manual, Yellow, Protected => AsksForTheStep;
    by_hand_a_red_step_that_touches_a_protected_path_is_reworked: Manual, Red, Protected => Reworks;
    by_hand_a_green_step_with_no_reworks_left_asks: Manual, Green, CyclesUsedUp => AsksForTheStep;
    by_hand_a_yellow_step_with_no_reworks_left_asks: Manual, Yellow, CyclesUsedUp => AsksForTheStep;
    by_hand_a_red_step_with_no_reworks_left_is_blocked: Manual, Red, CyclesUsedUp => Blocks;
    by_hand_a_green_step_into_the_base_asks: Manual, Green, Base => AsksForTheBase;
    by_hand_a_yellow_step_into_the_base_asks: Manual, Yellow, Base => AsksForTheBase;
    by_hand_a_red_step_into_the_base_is_reworked: Manual, Red, Base => Reworks;
    by_hand_a_green_step_into_the_base_with_merge_auto_asks: Manual, Green, BaseAuto => AsksForTheBase;
    by_hand_a_yellow_step_into_the_base_with_merge_auto_asks: Manual, Yellow, BaseAuto => AsksForTheBase;
    by_hand_a_red_step_into_the_base_with_merge_auto_is_reworked: Manual, Red, BaseAuto => Reworks;
    by_hand_a_green_step_into_the_base_with_merge_auto_that_touches_a_protected_path_asks: Manual, Green, ProtectedBaseAuto => AsksForTheBase;
    by_hand_a_yellow_step_into_the_base_with_merge_auto_that_touches_a_protected_path_asks: Manual, Yellow, ProtectedBaseAuto => AsksForTheBase;
    by_hand_a_red_step_into_the_base_with_merge_auto_that_touches_a_protected_path_is_reworked: Manual, Red, ProtectedBaseAuto => Reworks;
    by_hand_a_green_step_into_the_base_with_no_reworks_left_asks: Manual, Green, CyclesUsedUpBase => AsksForTheBase;
    by_hand_a_yellow_step_into_the_base_with_no_reworks_left_asks: Manual, Yellow, CyclesUsedUpBase => AsksForTheBase;
    by_hand_a_red_step_into_the_base_with_no_reworks_left_is_blocked: Manual, Red, CyclesUsedUpBase => Blocks;
    by_hand_a_green_step_with_no_reworks_and_plans_left_asks: Manual, Green, PlansUsedUp => AsksForTheStep;
    by_hand_a_yellow_step_with_no_reworks_and_plans_left_asks: Manual, Yellow, PlansUsedUp => AsksForTheStep;
    by_hand_a_red_step_with_no_reworks_and_plans_left_is_blocked: Manual, Red, PlansUsedUp => Blocks;
    by_hand_a_green_step_into_the_base_with_no_reworks_and_plans_left_asks: Manual, Green, PlansUsedUpBase => AsksForTheBase;
    by_hand_a_yellow_step_into_the_base_with_no_reworks_and_plans_left_asks: Manual, Yellow, PlansUsedUpBase => AsksForTheBase;
    by_hand_a_red_step_into_the_base_with_no_reworks_and_plans_left_is_blocked: Manual, Red, PlansUsedUpBase => Blocks;
}
