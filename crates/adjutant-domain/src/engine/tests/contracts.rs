//! Contracts: work in progress that is shown, reports that are judged.

use super::*;
use crate::contract::Phase;
use crate::evaluation::{Confidence, CriterionJudgement, Evidence, EvidencePlace, Judgement};
use crate::policy::JudgePolicy;
use crate::task::Measure;

/// A report, and what is built on it.
fn researched() -> Value {
    json!({ "steps": [
        { "name": "look", "type": "research", "description": "Look.", "requirements": ["R1"], "criteria": ["A1"] },
        { "name": "build", "type": "implement", "description": "Build.", "depends_on": ["look"] },
    ]})
}

impl World {
    fn shows(&mut self, name: &str, head: &str) {
        let (task, head) = (self.live(Some(name)), Sha::new(head));
        self.signal(Signal::TaskStarted { task });
        self.signal(Signal::TaskPushes { task, head });
        self.signal(Signal::TaskPushed { task });
    }

    fn phase(&self, name: &str) -> Phase {
        self.directive.step_named(name).unwrap().phase(&self.directive)
    }

    fn reports(&mut self, name: &str, report: &str) {
        let outcome = TaskOutcome::Unchanged {
            summary: "Looked.".to_owned(),
            report: Some(report.to_owned()),
            evidence: None,
            head: None,
        };
        self.finish(self.live(Some(name)), outcome);
    }

    fn judges(&mut self, name: &str, met: bool) {
        let head = self.directive.step_named(name).unwrap().submission().unwrap().hash();
        let evidence = vec![Evidence { place: EvidencePlace::Report, first_line: 1, last_line: 1, fault: None }];
        let criteria = vec![CriterionJudgement { id: "A1".to_owned(), met, note: "Says who?".to_owned(), evidence }];
        let judgement = Judgement::new(1.0, Some(0.5), criteria, String::new());
        self.finish(self.live(Some(name)), TaskOutcome::Judged { head, judgement });
    }
}

fn with_judge() -> World {
    let policy = Policy { judge: Some(JudgePolicy { agent: None, weight: 1.0 }), ..Policy::default() };
    let mut labelled = labelled(policy);
    let criterion = crate::brief::Criterion { id: "A1".to_owned(), criterion: "It is known.".to_owned() };
    labelled.brief.criteria.push(criterion);
    let mut world = World::labelled(&labelled, false);
    world.planned(researched());
    world.signal(Signal::IntegrationCut);
    world
}

#[test]
fn the_first_push_of_an_agent_at_work_opens_a_draft_and_proves_nothing() {
    let mut world = World::started(Policy::default(), diamond());
    assert_eq!(world.phase("c"), Phase::Plan);
    world.shows("a", "w1");
    let step = world.id("a");
    assert_eq!(world.effects, [Effect::OpenPull { step }]);
    world.opened("a");
    assert_eq!((world.phase("a"), world.directive.step(step).unwrap().head().cloned()), (Phase::Execute, None));
    assert!(!world.effects.iter().any(|effect| matches!(effect, Effect::Verify { .. } | Effect::WriteCheck { .. })));
    world.shows("a", "w2");
    assert_eq!(world.effects, [], "the second push costs nothing");
    world.changed("a", "a1");
    assert_eq!(world.phase("a"), Phase::Review);
    assert!(world.has(&Effect::SyncPull { step }) && !world.has(&Effect::OpenPull { step }));
    world.verified("a", green());
    world.merged("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn what_adjutant_pushed_for_an_agent_at_work_is_no_push_of_a_persons() {
    let mut world = World::started(Policy::default(), diamond());
    world.shows("a", "w1");
    world.opened("a");
    let step = world.id("a");
    let before = world.directive.clone();
    // Remembered before it was pushed: also the head whose push was never told.
    world.signal(Signal::TaskPushes { task: world.live(Some("a")), head: Sha::new("w2") });
    for head in ["w1", "w2"] {
        world.signal(Signal::HeadMoved { step, head: Sha::new(head), by: Actor::Unknown });
        assert_eq!(world.directive.step(step).unwrap().head(), before.step(step).unwrap().head());
    }
    world.finish(world.live(Some("a")), TaskOutcome::Failed { reason: Failure::External("it crashed".to_owned()) });
    world.signal(Signal::HeadMoved { step, head: Sha::new("w2"), by: Actor::Unknown });
    assert_eq!((world.status("a"), world.directive.step(step).unwrap().head().cloned()), (StepStatus::Running, None));
    // A person's is.
    world.signal(Signal::HeadMoved { step, head: Sha::new("p1"), by: named("writer") });
    assert_eq!(world.directive.step(step).unwrap().head(), Some(&Sha::new("p1")));
    // Once something was handed in, going back to work in progress is somebody's doing.
    world.changed("a", "a1");
    world.signal(Signal::HeadMoved { step, head: Sha::new("w2"), by: named("writer") });
    assert_eq!(world.directive.step(step).unwrap().head(), Some(&Sha::new("w2")));
}

#[test]
fn a_task_that_fails_keeps_its_draft_which_says_so_and_nothing_of_it_can_be_approved() {
    let mut world = World::started(Policy::default(), diamond());
    world.shows("a", "w1");
    world.opened("a");
    let step = world.id("a");
    world.finish(world.live(Some("a")), TaskOutcome::Failed { reason: Failure::External("it crashed".to_owned()) });
    assert!(world.has(&Effect::SyncPull { step }), "{:?}", world.effects);
    for _ in 0..2 {
        world.finish(world.live(Some("a")), TaskOutcome::Failed { reason: Failure::External("it crashed".to_owned()) });
    }
    assert_eq!((world.status("a"), world.phase("a")), (StepStatus::Failed, Phase::Execute));
    world.approve("a");
    assert!(matches!(world.refused(), Refusal::NothingToAccept { .. }));
    world.maintainer(None, Command::Skip { step: Some("a".to_owned()) });
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::ClosePull { .. })));
}

#[test]
fn a_draft_that_a_person_merges_while_it_waits_for_its_agent_passes_its_step() {
    let mut world = World::started(Policy::default(), diamond());
    world.shows("a", "w1");
    world.opened("a");
    let task = world.live(Some("a"));
    world.maintainer(None, Command::Pause { now: false });
    world.finish(task, TaskOutcome::Failed { reason: Failure::External("it crashed".to_owned()) });
    assert_eq!(world.status("a"), StepStatus::Ready);
    let by = named("maintainer");
    world.signal(Signal::PullMerged { step: world.id("c"), by: by.clone(), sha: None });
    assert_eq!(world.status("c"), StepStatus::Pending, "it never had its transition, and has nothing to merge");
    world.signal(Signal::PullMerged { step: world.id("a"), by, sha: None });
    assert_eq!(world.status("a"), StepStatus::Passed);
    world.maintainer(None, Command::Resume);
    assert!(world.directive.tasks.iter().all(|task| task.step != Some(world.id("a")) || !task.status.is_live()));
}

#[test]
fn a_draft_that_comes_too_late_for_a_skipped_step_is_closed() {
    let mut world = World::started(Policy::default(), diamond());
    world.shows("a", "w1");
    let step = world.id("a");
    world.maintainer(None, Command::Skip { step: Some("a".to_owned()) });
    let pull = Pull::new(101, "node".to_owned(), true);
    world.signal(Signal::PullOpened { step, pull });
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::ClosePull { .. })), "{:?}", world.effects);
}

#[test]
fn work_in_progress_that_comes_to_nothing_closes_its_draft_where_the_work_was_there_already() {
    let unchanged = |evidence: Option<&str>| TaskOutcome::Unchanged {
        summary: "Nothing to do.".to_owned(),
        report: None,
        evidence: evidence.map(str::to_owned),
        head: None,
    };
    let mut world = World::started(Policy::default(), diamond());
    world.shows("a", "w1");
    world.opened("a");
    world.finish(world.live(Some("a")), unchanged(None));
    let task = world.directive.task(world.live(Some("a"))).unwrap();
    assert!(task.instructions.contains("Nothing was changed"), "{}", task.instructions);
    world.finish(world.live(Some("a")), unchanged(Some("`src/lib.rs` has it")));
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::ClosePull { .. })), "{:?}", world.effects);
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Evaluating, vec![ApprovalKind::StepReview]));
    world.maintainer(None, Command::Approve { step: Some("a".to_owned()) });
    assert_eq!(world.status("a"), StepStatus::Passed, "there is nothing to merge");
}

#[test]
fn a_step_that_may_report_and_a_pull_request_that_people_look_at_show_nothing() {
    let mut world = with_judge();
    world.shows("look", "w1");
    assert_eq!(world.effects, []);
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.signal(Signal::PullReady { step: world.id("a"), by: None });
    world.verified("a", red());
    assert!(!world.directive.step_named("a").unwrap().may_show_progress());
    assert_eq!(world.phase("a"), Phase::Execute, "it is reworked");
}

#[test]
fn a_judged_report_is_green_only_where_no_criterion_that_it_covers_is_unmet() {
    let mut world = with_judge();
    world.reports("look", "It is there.");
    assert!(!world.effects.iter().any(|effect| matches!(effect, Effect::PostReport { .. })), "the judge comes first");
    world.judges("look", false);
    let look = world.directive.step_named("look").unwrap();
    assert_eq!((look.status(), look.rework_cycles), (StepStatus::Running, 1));
    let task = world.directive.task(world.live(Some("look"))).unwrap();
    assert!(task.instructions.contains("Criterion A1 is unmet: Says who?"), "{}", task.instructions);
    world.reports("look", "It is there, on line 7.");
    world.judges("look", true);
    let look = world.directive.step_named("look").unwrap();
    let evaluation = look.state.evaluation().unwrap();
    assert_eq!((look.status(), evaluation.confidence), (StepStatus::Passed, Confidence::Green));
    assert!(evaluation.judgement.is_some());
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::PostReport { .. })));
}

#[test]
fn what_the_judge_leaves_open_makes_a_report_yellow_and_starts_no_rework() {
    let mut world = with_judge();
    world.reports("look", "It is there.");
    let head = world.directive.step_named("look").unwrap().submission().unwrap().hash();
    let met = CriterionJudgement { id: "A1".to_owned(), met: true, note: "Surely.".to_owned(), evidence: Vec::new() };
    let judgement = Judgement::new(1.0, None, vec![met], String::new());
    world.finish(world.live(Some("look")), TaskOutcome::Judged { head, judgement });
    let look = world.directive.step_named("look").unwrap();
    assert_eq!((look.status(), look.rework_cycles), (StepStatus::Evaluating, 0));
    assert_eq!(look.state.evaluation().unwrap().confidence, Confidence::Yellow);
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
}

#[test]
fn a_report_that_stays_red_blocks_and_may_be_accepted_by_its_name() {
    let mut world = with_judge();
    for at in 0..4 {
        world.reports("look", &format!("Try {at}."));
        world.judges("look", false);
    }
    assert_eq!((world.status("look"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    world.maintainer(None, Command::Approve { step: Some("look".to_owned()) });
    assert_eq!(world.status("look"), StepStatus::Passed);
}

#[test]
fn a_run_is_measured_once_and_what_interrupted_runs_cost_is_not_forgotten() {
    let mut world = World::started(Policy::default(), diamond());
    let task = world.live(Some("a"));
    let measure = |run: u128, dollars: f64| Measure {
        run: uuid::Uuid::from_u128(run),
        exit: "exit 0".to_owned(),
        cost: Usd::from_dollars(dollars),
        unknown: run == 2,
        input_tokens: 100,
        output_tokens: 10,
    };
    for measure in [measure(1, 0.25), measure(1, 0.25), measure(2, 0.5)] {
        world.signal(Signal::TaskMeasured { task, measure });
    }
    // The second run's cost comes with its end too.
    world.changed("a", "a1");
    let task = world.directive.task(task).unwrap();
    assert_eq!(task.cost, Usd::from_dollars(0.75));
    assert_eq!((task.input_tokens, task.output_tokens, task.unknown_runs), (200, 20, 1));
}

#[test]
fn a_step_whose_dependency_is_blocked_names_who_holds_it() {
    let mut world = World::started(Policy::default(), diamond());
    assert!(world.directive.held_by(world.directive.step_named("c").unwrap()).is_none());
    for _ in 0..3 {
        world.finish(world.live(Some("a")), TaskOutcome::Failed { reason: Failure::External("it crashed".to_owned()) });
    }
    let holder = world.directive.held_by(world.directive.step_named("c").unwrap()).unwrap();
    assert_eq!(holder.name.as_str(), "a");
    world.maintainer(None, Command::Retry { step: Some("a".to_owned()) });
    assert!(world.directive.held_by(world.directive.step_named("c").unwrap()).is_none());
}

#[test]
fn what_a_second_reviewer_asks_for_while_a_rework_is_under_way_is_done_next() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.maintainer(Some("a"), Command::Rework { text: "Shorter.".to_owned() });
    assert_eq!(world.status("a"), StepStatus::Running);
    for words in ["Kinder.", "And in green."] {
        world.maintainer(Some("a"), Command::Rework { text: words.to_owned() });
        assert!(world.refusal().is_none(), "{:?}", world.refusal());
    }
    world.changed("a", "a2");
    assert!(
        !world.effects.iter().any(|effect| matches!(effect, Effect::Verify { .. })),
        "it is not what was asked for"
    );
    let task = world.directive.task(world.live(Some("a"))).unwrap();
    assert_eq!(task.kind, TaskKind::Rework);
    assert!(task.instructions.contains("Kinder.") && task.instructions.contains("And in green."));
    assert!(!task.instructions.contains("Shorter."), "{}", task.instructions);
    world.changed("a", "a3");
    world.verified("a", green());
    assert!(world.merges("a"));
    assert_eq!(world.directive.step_named("a").unwrap().rework_cycles, 0, "a person's reworks do not count");
}

#[test]
fn skip_and_retry_are_taken_or_refused_by_how_the_step_stands() {
    for status in StepStatus::ALL.iter().copied() {
        let at = || {
            let mut world = World::started(Policy::default(), diamond());
            let id = world.id("b");
            world.directive.step_mut(id).unwrap().state = some_state(status, world.live(Some("b")));
            for task in
                world.directive.tasks.iter_mut().filter(|task| task.step == Some(id) && status != StepStatus::Running)
            {
                task.status = TaskStatus::Succeeded;
            }
            world
        };
        let b = || Some("b".to_owned());
        let mut world = at();
        world.maintainer(None, Command::Skip { step: b() });
        match world.refusal() {
            None => assert_eq!((world.status("b"), status.is_done()), (StepStatus::Skipped, false), "{status}"),
            Some(Notice::Refused { reason }) => {
                assert!(status.is_done() && matches!(reason, Refusal::AlreadyDone { .. }), "{status}: {reason:?}");
            }
            Some(other) => panic!("{status}: {other:?}"),
        }
        assert!(
            world.directive.tasks.iter().all(|task| task.step != Some(world.id("b")) || !task.status.is_live()),
            "{status}"
        );
        let mut world = at();
        world.maintainer(None, Command::Retry { step: b() });
        let may = matches!(status, StepStatus::Failed | StepStatus::Blocked);
        match world.refusal() {
            None => assert_eq!((world.status("b"), may), (StepStatus::Running, true), "{status}"),
            Some(Notice::Refused { reason }) => {
                assert!(!may && matches!(reason, Refusal::NotFailed { .. }), "{status}: {reason:?}");
            }
            Some(other) => panic!("{status}: {other:?}"),
        }
        assert!(world.count("transition_refused") == 0, "{status}");
    }
}
