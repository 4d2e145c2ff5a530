//! Planning anew, and issues that were edited.

use super::*;
use crate::domain::replan::IssueText;
use crate::domain::step::MergeState;

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

fn closes(world: &World, id: StepId) -> Option<String> {
    world.effects.iter().find_map(|effect| match effect {
        Effect::ClosePull { step, word } if *step == id => Some(word.clone()),
        _ => None,
    })
}

fn order_on(world: &mut World, pull: u64, command: Command) {
    world.comments += 1;
    let (kind, id) = (SourceKind::IssueComment, world.comments);
    let source = Source { kind, id, node_id: String::new(), number: pull, index: 0 };
    let (actor, at) = (actor("maintainer", Permission::Admin), world.now + Duration::seconds(5));
    world.signal(Signal::Commanded(Commanded { actor, command, pull: Some(pull), sha: None, source, at }));
}

fn text(goal: &str) -> IssueText {
    let Labelled { title, brief, .. } = labelled(Policy::default());
    IssueText { title, brief: Brief { goal: goal.to_owned(), ..brief } }
}

#[test]
fn a_replan_supersedes_the_chain_and_calls_off_what_it_has_in_hand() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    let (a, b) = (world.id("a"), world.live(Some("b")));
    world.maintainer(None, replan("the parser is there already"));
    assert_eq!((world.d.status, world.d.generation), (DirectiveStatus::Planning, 2));
    assert_eq!(world.d.task(b).unwrap().status, TaskStatus::Cancelled);
    assert!(world.waiting().is_empty());
    assert_eq!(world.d.approvals[0].status, ApprovalStatus::Stale);
    let word = closes(&world, a).expect("its pull request is closed");
    assert!(word.contains("maintainer") && word.contains("the parser is there already"), "{word}");
    assert!(world.has(&Effect::WriteCheck { step: a }), "its check is completed");
    assert!(world.d.task(world.live(None)).unwrap().instructions.contains("the parser is there already"));
    assert!(world.events.contains(&"chain_regenerated".to_owned()));
    assert_eq!(world.live_count(), 1, "the planner's");
    // What the agent that was called off brings late is paid for and not used.
    world.finish(b, TaskOutcome::Changed { head: Sha::new("b1"), summary: String::new(), findings: Vec::new() });
    assert_eq!(world.d.task(b).unwrap().cost, Usd::from_dollars(0.5));
    assert!(world.effects.iter().all(|effect| !matches!(effect, Effect::OpenPull { .. })));
}

#[test]
fn what_passed_is_carried_over_and_not_run_again() {
    let mut world = halfway(Policy::default());
    let (a, pull) = (world.id("a"), world.d.step_named("a").unwrap().pull.clone());
    world.maintainer(None, replan("b is too large"));
    world.planned(diamond());
    assert_eq!(world.d.status, DirectiveStatus::Active);
    assert!(!world.has(&Effect::CutIntegration), "the integration branch is kept");
    let taken = world.d.step_named("a").unwrap();
    assert_eq!((taken.status, &taken.pull, taken.merge), (StepStatus::Passed, &pull, MergeState::Merged));
    assert_ne!(taken.id, a, "it is a step of the new generation");
    assert_eq!((world.status("b"), world.status("c")), (StepStatus::Running, StepStatus::Pending));
    assert_eq!(world.live_count(), 1);
    assert_eq!(world.d.step_named("b").unwrap().branch, Branch::new("adjutant/12-1/g2-b"));
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
    assert_eq!(world.d.step_named("a").unwrap().pull, None);
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
    assert!(world.d.step_named("a").unwrap().depends_on.is_empty(), "what is done waits for nothing");
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
    let told = world.d.task(world.live(None)).unwrap().instructions.clone();
    assert!(told.contains("`b` is declared done"), "{told}");
    world.planned(declared("a"));
    let plan = world.d.plan.as_ref().unwrap();
    assert_eq!(plan.origin, PlanOrigin::Repaired);
    assert_eq!((world.status("a"), world.status("d")), (StepStatus::Passed, StepStatus::Running));
    assert_eq!(world.d.step_named("a").unwrap().description, "A.", "it stays what was done");
}

#[test]
fn what_passed_stays_in_the_chain_and_covers_what_it_did_when_the_plan_does_not_name_it() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, replan(""));
    world.planned(json!({ "steps": [
        { "name": "d", "type": "implement", "description": "D.", "depends_on": ["a"] },
    ]}));
    let names: Vec<_> = world.d.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["a", "d"]);
    assert_eq!((world.status("a"), world.status("d")), (StepStatus::Passed, StepStatus::Running));
    assert!(!world.d.step_named("d").unwrap().into_base, "alone in its plan, and not alone in the chain");
}

#[test]
fn what_landed_on_the_integration_branch_reaches_the_base_with_a_plan_of_one_step() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, replan(""));
    let mut plan = single();
    plan["steps"][0]["description"] = json!("A, quite otherwise.");
    world.planned(plan);
    assert_eq!(world.d.steps.len(), 1, "the name is planned with something else to do");
    assert!(!world.d.step_named("a").unwrap().into_base);
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
    assert!(world.d.step_named("a").unwrap().into_base);
    world.maintainer(None, replan("cut it up"));
    world.planned(diamond());
    assert!(world.has(&Effect::CutIntegration));
    assert_eq!(world.live_count(), 0, "nothing starts before the branch is there");
    world.signal(Signal::IntegrationCut);
    assert_eq!(world.live_count(), 2);
    world.maintainer(None, replan("it is small after all"));
    world.planned(single());
    assert!(world.d.step_named("a").unwrap().into_base, "nothing has landed yet");
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
    assert!(world.d.step_named("d").unwrap().into_base);
    world.changed("d", "d1");
    world.verified("d", green());
    world.approve("d");
    world.merged("d");
    assert_eq!(world.d.status, DirectiveStatus::Completed);
}

#[test]
fn the_default_chain_keeps_what_passed_too() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, replan(""));
    world.planned(json!("nonsense"));
    world.planned(json!("nonsense"));
    assert_eq!(world.d.plan.as_ref().unwrap().origin, PlanOrigin::Default);
    let names: Vec<_> = world.d.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["a", "research", "implement", "test"]);
    assert_eq!((world.status("a"), world.status("research")), (StepStatus::Passed, StepStatus::Running));
}

#[test]
fn failures_of_an_earlier_planning_do_not_count_for_the_next() {
    let mut world = World::open(Policy { plan_approval: true, ..Policy::default() });
    let crash = |world: &mut World| {
        world.finish(world.live(None), TaskOutcome::Failed { reason: "it crashed".to_owned() });
    };
    for _ in 0..3 {
        crash(&mut world);
    }
    assert_eq!(world.d.plan.as_ref().unwrap().origin, PlanOrigin::Default);
    world.maintainer(None, replan("try the planner again"));
    crash(&mut world);
    assert_eq!((world.d.plan.as_ref(), world.live_count()), (None, 1));
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
    assert!(world.d.step_named("a").is_none());
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
    assert_eq!(world.d.task(first).unwrap().status, TaskStatus::Cancelled);
    assert!(world.d.task(world.live(None)).unwrap().instructions.contains("mind the tests"));
    world.planned(diamond());
    assert_eq!((world.d.status, world.d.generation, world.d.plan_number()), (DirectiveStatus::Active, 1, 1));
}

#[test]
fn a_replan_of_a_plan_that_waits_makes_its_approval_stale_and_takes_no_plan_away() {
    let mut world = World::open(Policy { plan_approval: true, ..Policy::default() });
    world.planned(diamond());
    world.maintainer(None, replan("smaller"));
    assert_eq!(world.d.approvals[0].status, ApprovalStatus::Stale);
    world.planned(single());
    assert_eq!((world.waiting(), world.d.plan_number()), (vec![ApprovalKind::Plan], 1));
    assert_eq!(world.d.steps.len(), 1);
}

#[test]
fn a_replan_while_paused_stays_paused_and_plans_after_the_pause() {
    let mut world = halfway(Policy::default());
    world.maintainer(None, Command::Pause { now: false });
    world.maintainer(None, replan("later"));
    assert_eq!((world.d.status, world.live_count()), (DirectiveStatus::Paused, 0));
    world.maintainer(None, Command::Resume);
    assert_eq!(world.d.status, DirectiveStatus::Planning);
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
    assert_eq!((world.d.status, world.waiting()), (DirectiveStatus::Paused, vec![ApprovalKind::Budget]));
}

#[test]
fn the_plans_that_the_policy_allows_bound_replans_and_nothing_else() {
    let mut policy = Policy::default();
    policy.limits.chain_generations = 2;
    let mut world = World::started(policy, diamond());
    world.maintainer(None, replan("first"));
    world.planned(diamond());
    assert_eq!(world.d.plan_number(), 2);
    let before = world.d.clone();
    world.maintainer(None, replan("second"));
    let Some(Notice::Refused { reason }) = world.refusal() else { panic!("{:?}", world.effects) };
    assert!(reason.contains("chain_generations: 2") && reason.contains("/stop"), "{reason}");
    assert_eq!((world.d.status, world.d.steps), (DirectiveStatus::Active, before.steps));
}

#[test]
fn a_replan_without_write_access_is_refused() {
    let mut world = World::started(Policy::default(), diamond());
    world.order(actor("outsider", Permission::Read), None, replan("mine"));
    assert!(matches!(world.refusal(), Some(Notice::NotAllowed { .. })));
    assert_eq!((world.d.status, world.d.generation), (DirectiveStatus::Active, 1));
}

#[test]
fn a_merge_that_was_asked_for_before_the_replan_is_carried_over_when_it_is_told_of() {
    let late = |world: &mut World, step| {
        world.signal(Signal::PullMerged { step, by: Login::new(SELF), sha: None });
    };
    let asked = || {
        let mut world = World::started(Policy::default(), diamond());
        world.changed("a", "a1");
        world.verified("a", green());
        assert!(world.merges("a"));
        let a = world.id("a");
        world.maintainer(None, replan(""));
        (world, a)
    };
    // Told before there is a plan.
    let (mut world, a) = asked();
    late(&mut world, a);
    assert!(world.has(&Effect::DeleteBranch { step: a }));
    world.planned(diamond());
    assert_eq!((world.status("a"), world.status("b")), (StepStatus::Passed, StepStatus::Running));
    // Told when the next chain does the same already.
    let (mut world, a) = asked();
    world.planned(diamond());
    let again = world.live(Some("a"));
    late(&mut world, a);
    assert_eq!((world.status("a"), world.d.task(again).unwrap().status), (StepStatus::Passed, TaskStatus::Cancelled));
    world.done("b");
    assert_eq!(world.status("c"), StepStatus::Running);
    // Told when the next chain does something else.
    let (mut world, a) = asked();
    world.planned(with_task("a", "Another A."));
    late(&mut world, a);
    assert_eq!(world.status("a"), StepStatus::Running);
    // Told when the next chain does not know of it: twice is once.
    let (mut world, a) = asked();
    world.planned(json!({ "steps": [{ "name": "d", "type": "test", "description": "D.", "requirements": ["R1"] },
                                    { "name": "e", "type": "test", "description": "E." }] }));
    late(&mut world, a);
    late(&mut world, a);
    let names: Vec<_> = world.d.steps.iter().map(|step| (step.name.as_str(), step.status)).collect();
    assert_eq!(names, [("d", StepStatus::Running), ("e", StepStatus::Running), ("a", StepStatus::Passed)]);
}

#[test]
fn work_that_was_merged_late_closes_the_pull_request_that_would_have_brought_it_again() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    let before = world.id("a");
    world.maintainer(None, replan(""));
    world.planned(diamond());
    world.changed("a", "a2");
    world.signal(Signal::PullMerged { step: before, by: Login::new("maintainer"), sha: None });
    assert_eq!(world.status("a"), StepStatus::Passed);
    assert!(closes(&world, world.id("a")).is_some());
}

#[test]
fn a_pull_request_that_was_being_opened_is_closed_when_it_is_told_of() {
    let mut world = World::started(Policy::default(), diamond());
    let outcome = TaskOutcome::Changed { head: Sha::new("a1"), summary: "Did it.".to_owned(), findings: Vec::new() };
    world.finish(world.live(Some("a")), outcome);
    let step = world.id("a");
    assert!(world.has(&Effect::OpenPull { step }));
    world.maintainer(None, replan("not so"));
    assert_eq!(closes(&world, step), None, "there is none yet");
    let pull = Pull { number: 101, node_id: "node".to_owned(), draft: true, closed: false };
    world.signal(Signal::PullOpened { step, pull });
    assert!(closes(&world, step).unwrap().contains("not so"));
    world.signal(Signal::PullClosed { step, by: Login::new(SELF) });
    assert!(world.d.earlier_step(step).unwrap().open_pull().is_none());
    assert_eq!(world.d.status, DirectiveStatus::Planning);
}

#[test]
fn an_order_on_a_pull_request_of_an_earlier_plan_is_refused_with_where_to_look() {
    let mut world = halfway(Policy::default());
    let pull = world.d.step_named("b").unwrap().pull.clone().unwrap().number;
    world.maintainer(None, replan(""));
    world.planned(diamond());
    order_on(&mut world, pull, Command::Approve { step: None });
    let Some(Notice::Refused { reason }) = world.refusal() else { panic!("{:?}", world.effects) };
    assert!(reason.contains("`b` of an earlier plan") && reason.contains("#12"), "{reason}");
    order_on(&mut world, pull, replan("once more"));
    assert_eq!((world.refusal(), world.d.status), (None, DirectiveStatus::Planning));
}

#[test]
fn the_final_pull_request_is_closed_and_another_brings_the_new_whole() {
    let mut world = World::at_final(Policy::default());
    let first = world.id("final");
    world.maintainer(Some("final"), replan("d is missing"));
    assert!(closes(&world, first).is_some());
    world.planned(json!({ "steps": [{ "name": "d", "type": "implement", "description": "D.", "depends_on": ["c"] }] }));
    assert_eq!(world.d.steps.len(), 4);
    world.done("d");
    world.integrated("whole-2");
    assert_ne!(world.id("final"), first);
    world.verified("final", green());
    assert_eq!(world.waiting(), [ApprovalKind::Final]);
}

#[test]
fn a_final_pull_request_that_was_merged_after_all_completes_the_directive() {
    for planned in [false, true] {
        let mut world = World::at_final(Policy::default());
        let first = world.id("final");
        world.maintainer(None, replan("d is missing"));
        if planned {
            world.planned(json!({ "steps": [{ "name": "d", "type": "implement", "description": "D." }] }));
            world.changed("d", "d1");
        }
        world.signal(Signal::PullMerged { step: first, by: Login::new("maintainer"), sha: None });
        assert_eq!((world.d.status, world.live_count()), (DirectiveStatus::Completed, 0));
        if planned {
            assert!(closes(&world, world.id("d")).is_some(), "what is open is closed with a word");
        }
    }
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
fn an_integration_given_up_for_a_superseded_chain_ends_nothing() {
    let mut world = World::started(Policy::default(), diamond());
    for name in ["a", "b", "c"] {
        world.done(name);
    }
    world.maintainer(None, replan(""));
    world.signal(Signal::EffectFailed { step: None, reason: "the push was rejected".to_owned() });
    assert_eq!(world.d.status, DirectiveStatus::Planning);
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
    assert_eq!((world.d.status, world.d.generation), (DirectiveStatus::Planning, 2));
    assert!(world.waiting().is_empty());
    let told = world.d.task(world.live(None)).unwrap().instructions.clone();
    assert!(told.contains("`a`: still red after 1 reworks"), "{told}");
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
    assert_eq!(world.d.status, DirectiveStatus::Planning);
}

#[test]
fn an_edit_changes_nothing_but_the_note_until_somebody_says_replan() {
    let mut world = World::started(Policy::default(), diamond());
    let frozen = (world.d.title.clone(), world.d.brief.clone());
    world.signal(Signal::IssueRead(text("Print areas.")));
    assert_eq!(world.d.newer_text, Some(text("Print areas.")));
    assert!(world.has(&Effect::WriteStatus));
    assert_eq!((world.d.title.clone(), world.d.brief.clone()), frozen);
    world.signal(Signal::IssueRead(text(&frozen.1.goal)));
    assert_eq!(world.d.newer_text, None, "edited back");
    let quiet = world.d.clone();
    world.signal(Signal::IssueRead(text(&frozen.1.goal)));
    assert_eq!(world.d, quiet);
}

#[test]
fn a_replan_takes_edited_text_over_and_its_plan_waits_for_a_person_whatever_the_autonomy() {
    let mut world = World::started(Policy { autonomy: Autonomy::FullAuto, ..Policy::default() }, diamond());
    world.signal(Signal::IssueRead(text("Print areas.")));
    world.maintainer(None, replan(""));
    assert_eq!((world.d.brief.goal.as_str(), &world.d.newer_text), ("Print areas.", &None));
    world.planned(diamond());
    assert_eq!((world.d.status, world.waiting()), (DirectiveStatus::Planning, vec![ApprovalKind::Plan]));
    // However often the plan is made anew before somebody approves one.
    world.maintainer(None, Command::Rework { text: "smaller".to_owned() });
    world.planned(diamond());
    world.maintainer(None, replan("smaller still"));
    world.planned(diamond());
    assert_eq!(world.waiting(), [ApprovalKind::Plan]);
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!(world.d.status, DirectiveStatus::Active);
    world.maintainer(None, replan("the text is the same"));
    world.planned(diamond());
    assert_eq!(world.d.status, DirectiveStatus::Active, "approved once, it waits no more");
}

#[test]
fn adjutants_own_replan_takes_no_edited_text_over() {
    let mut policy = Policy { autonomy: Autonomy::FullAuto, ..Policy::default() };
    policy.limits.rework_cycles = 0;
    let mut world = World::started(policy, diamond());
    world.signal(Signal::IssueRead(text("Print areas.")));
    world.changed("a", "a1");
    world.verified("a", red());
    assert_eq!((world.d.status, world.d.brief.goal.as_str()), (DirectiveStatus::Planning, "Print lengths."));
    assert!(world.d.newer_text.is_some());
    world.planned(diamond());
    assert_eq!(world.d.status, DirectiveStatus::Active);
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
    assert_eq!(world.d.brief.goal, "Print lengths.");
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
