//! The engine by example. `World` plays the part of everything outside: it carries out the effects it is told
//! to, as the tests want them to turn out.

use chrono::{DateTime, Duration, TimeZone, Utc};
use serde_json::{Value, json};

use super::{Decision, SELF, decide, open};
use crate::domain::approval::{ApprovalKind, ApprovalStatus};
use crate::domain::brief::{Brief, Requirement};
use crate::domain::command::Command;
use crate::domain::directive::{Base, Directive, PauseReason, PlanOrigin};
use crate::domain::effect::{Effect, Notice, Reaction};
use crate::domain::evaluation::{Verdict, VerifierResult};
use crate::domain::ids::{Branch, Login, Repo, Sha, StepId, TaskId, Usd};
use crate::domain::policy::{Autonomy, Delivery, FinalMerge, Policy};
use crate::domain::signal::{Actor, Commanded, Labelled, Permission, Signal, Source, SourceKind, TaskOutcome};
use crate::domain::status::{DirectiveStatus, StepStatus};
use crate::domain::step::{Finding, FindingKind, Pull};
use crate::domain::task::{TaskKind, TaskStatus};

fn actor(login: &str, permission: Permission) -> Actor {
    Actor { login: Login::new(login), permission, bot: false }
}

fn labelled(policy: Policy) -> Labelled {
    Labelled {
        repo: Repo { id: 7, owner: "acme".to_owned(), name: "widgets".to_owned(), installation: 3 },
        issue: 12,
        earlier: 0,
        title: "Print lengths".to_owned(),
        author: Login::new("outsider"),
        actor: actor("maintainer", Permission::Admin),
        brief: Brief {
            goal: "Print lengths.".to_owned(),
            requirements: vec![Requirement { id: "R1".to_owned(), description: "Print.".to_owned() }],
            ..Brief::default()
        },
        policy: Ok(policy),
        base: Some(Base { branch: Branch::new("main"), sha: Sha::new("base"), is_default: true }),
    }
}

/// A plan: `a` and `b` side by side, `c` after both.
fn diamond() -> Value {
    json!({ "steps": [
        { "name": "a", "type": "implement", "description": "A.", "requirements": ["R1"] },
        { "name": "b", "type": "implement", "description": "B." },
        { "name": "c", "type": "test", "description": "C.", "depends_on": ["a", "b"] },
    ]})
}

fn single() -> Value {
    json!({ "steps": [{ "name": "a", "type": "implement", "description": "A.", "requirements": ["R1"] }] })
}

fn verifier(name: &str, required: bool, verdict: Verdict) -> VerifierResult {
    VerifierResult {
        name: name.to_owned(),
        required,
        weight: if required { 1.0 } else { 0.5 },
        verdict,
        summary: "summary".to_owned(),
        tail: "last line".to_owned(),
        duration_ms: 1,
    }
}

fn green() -> Vec<VerifierResult> {
    vec![verifier("test", true, Verdict::Pass)]
}

fn yellow() -> Vec<VerifierResult> {
    vec![verifier("test", true, Verdict::Pass), verifier("lint", false, Verdict::Fail)]
}

fn red() -> Vec<VerifierResult> {
    vec![verifier("test", true, Verdict::Fail)]
}

struct World {
    d: Directive,
    effects: Vec<Effect>,
    events: Vec<String>,
    now: DateTime<Utc>,
    pulls: u64,
    comments: u64,
}

impl World {
    fn open(policy: Policy) -> Self {
        let now = Utc.with_ymd_and_hms(2026, 11, 20, 9, 0, 0).unwrap();
        let decision = open(&labelled(policy), now);
        let d = decision.directive.clone().expect("a directive was opened");
        let mut world = Self { d, effects: Vec::new(), events: Vec::new(), now, pulls: 0, comments: 0 };
        world.take(decision);
        world
    }

    /// Opened, planned and started.
    fn started(policy: Policy, plan: Value) -> Self {
        let mut world = Self::open(policy);
        world.planned(plan);
        if world.has(&Effect::CutIntegration) {
            world.signal(Signal::IntegrationCut);
        }
        world
    }

    fn take(&mut self, decision: Decision) {
        self.d = decision.directive.expect("a directive stays one");
        self.events.extend(decision.events.into_iter().map(|event| event.name));
        self.effects = decision.effects;
    }

    fn signal(&mut self, signal: Signal) {
        self.now += Duration::seconds(10);
        let decision = decide(self.d.clone(), &signal, self.now);
        self.take(decision);
    }

    fn has(&self, effect: &Effect) -> bool {
        self.effects.contains(effect)
    }

    fn id(&self, name: &str) -> StepId {
        self.d.step_named(name).unwrap_or_else(|| panic!("no step {name}")).id
    }

    fn status(&self, name: &str) -> StepStatus {
        self.d.step_named(name).unwrap_or_else(|| panic!("no step {name}")).status
    }

    fn live(&self, name: Option<&str>) -> TaskId {
        let step = name.map(|name| self.id(name));
        self.d.tasks.iter().find(|task| task.step == step && task.status.is_live()).expect("a live task").id
    }

    fn live_count(&self) -> usize {
        self.d.tasks.iter().filter(|task| task.status.is_live()).count()
    }

    fn finish(&mut self, task: TaskId, outcome: TaskOutcome) {
        self.signal(Signal::TaskFinished { task, outcome, cost: Usd::from_dollars(0.5) });
    }

    fn planned(&mut self, plan: Value) {
        self.finish(self.live(None), TaskOutcome::Planned { plan });
    }

    fn changed(&mut self, name: &str, head: &str) {
        let outcome =
            TaskOutcome::Changed { head: Sha::new(head), summary: "Did it.".to_owned(), findings: Vec::new() };
        self.finish(self.live(Some(name)), outcome);
        self.opened(name);
    }

    fn opened(&mut self, name: &str) {
        let step = self.id(name);
        if self.has(&Effect::OpenPull { step }) {
            self.pulls += 1;
            let pull = Pull { number: 100 + self.pulls, node_id: "node".to_owned(), draft: true };
            self.signal(Signal::PullOpened { step, pull });
        }
    }

    fn verified(&mut self, name: &str, results: Vec<VerifierResult>) {
        let step = self.d.step_named(name).unwrap();
        let (step, head) = (step.id, step.head.clone().unwrap());
        self.signal(Signal::Verified { step, head, results, findings: Vec::new() });
    }

    fn merges(&self, name: &str) -> bool {
        let id = self.id(name);
        self.effects.iter().any(|effect| matches!(effect, Effect::Merge { step, .. } if *step == id))
    }

    fn merged(&mut self, name: &str) {
        let step = self.id(name);
        self.signal(Signal::PullMerged { step, by: Login::new(SELF), sha: None });
    }

    /// From running to merged without a hitch.
    fn done(&mut self, name: &str) {
        self.changed(name, &format!("{name}-head"));
        self.verified(name, green());
        assert!(self.merges(name), "{name} should merge");
        self.merged(name);
    }

    /// Every step done, the final pull request waiting for a person.
    fn at_final(policy: Policy) -> Self {
        let mut world = Self::started(policy, diamond());
        for name in ["a", "b", "c"] {
            world.done(name);
        }
        world.integrated("whole");
        world.verified("final", green());
        world
    }

    fn integrated(&mut self, head: &str) {
        let round = self.d.integrations;
        assert!(self.has(&Effect::Integrate { round }), "the integration branch is brought up to the base");
        self.signal(Signal::Integrated { head: Sha::new(head), differs: true });
        self.opened("final");
    }

    fn order(&mut self, by: Actor, pull: Option<&str>, command: Command) {
        self.order_at(by, pull, command, None, None);
    }

    fn order_at(
        &mut self,
        by: Actor,
        pull: Option<&str>,
        command: Command,
        sha: Option<&str>,
        at: Option<DateTime<Utc>>,
    ) {
        self.comments += 1;
        let pull = pull.map(|name| self.d.step_named(name).unwrap().pull.as_ref().expect("a pull request").number);
        let at = at.unwrap_or(self.now + Duration::seconds(5));
        self.signal(Signal::Commanded(Commanded {
            actor: by,
            command,
            pull,
            sha: sha.map(Sha::new),
            source: Source {
                kind: SourceKind::IssueComment,
                id: self.comments,
                node_id: String::new(),
                number: 12,
                index: 0,
            },
            at,
        }));
    }

    fn maintainer(&mut self, pull: Option<&str>, command: Command) {
        self.order(actor("maintainer", Permission::Admin), pull, command);
    }

    fn approve(&mut self, pull: &str) {
        self.maintainer(Some(pull), Command::Approve { step: None });
    }

    fn refusal(&self) -> Option<&Notice> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Reply { notice, .. } => Some(notice),
            _ => None,
        })
    }

    fn waiting(&self) -> Vec<ApprovalKind> {
        self.d.waiting().map(|approval| approval.kind).collect()
    }
}

#[test]
fn a_label_by_someone_without_write_access_is_answered_and_starts_nothing() {
    for permission in [Permission::None, Permission::Read] {
        let mut refused = labelled(Policy::default());
        refused.actor = actor("outsider", permission);
        let decision = open(&refused, Utc::now());
        assert_eq!(decision.directive, None);
        assert!(matches!(&decision.effects[..], [Effect::Announce { notice: Notice::LabelRefused { .. }, .. }]));
    }
}

#[test]
fn a_label_by_a_bot_is_not_even_answered() {
    let mut bot = labelled(Policy::default());
    bot.actor.bot = true;
    assert_eq!(open(&bot, Utc::now()), Decision { directive: None, events: Vec::new(), effects: Vec::new() });
}

#[test]
fn a_broken_policy_is_answered_with_its_faults_and_starts_nothing() {
    let mut broken = labelled(Policy::default());
    broken.policy = Err(vec!["line 3: no".to_owned()]);
    let decision = open(&broken, Utc::now());
    assert_eq!(decision.directive, None);
    assert!(matches!(&decision.effects[..], [Effect::Announce { notice: Notice::PolicyBroken { .. }, .. }]));
}

#[test]
fn a_labelled_issue_is_planned_at_once() {
    let world = World::open(Policy::default());
    assert_eq!(world.d.status, DirectiveStatus::Planning);
    assert!(world.has(&Effect::RunTask { task: world.live(None) }));
    assert!(world.has(&Effect::WriteStatus));
}

#[test]
fn independent_steps_run_side_by_side_and_dependents_wait() {
    let world = World::started(Policy::default(), diamond());
    assert_eq!(world.d.status, DirectiveStatus::Active);
    assert_eq!(world.status("a"), StepStatus::Running);
    assert_eq!(world.status("b"), StepStatus::Running);
    assert_eq!(world.status("c"), StepStatus::Pending);
}

#[test]
fn no_more_tasks_run_at_a_time_than_the_policy_allows() {
    let mut policy = Policy::default();
    policy.limits.parallel_tasks = 1;
    let mut world = World::started(policy, diamond());
    assert_eq!((world.live_count(), world.status("b")), (1, StepStatus::Ready));
    world.changed("a", "a1");
    assert_eq!(world.status("b"), StepStatus::Running);
}

#[test]
fn nothing_starts_before_the_integration_branch_is_there() {
    let mut world = World::open(Policy::default());
    world.planned(diamond());
    assert_eq!(world.live_count(), 0);
    world.signal(Signal::IntegrationCut);
    assert_eq!(world.live_count(), 2);
}

#[test]
fn faults_of_a_plan_are_handed_back_once_and_then_the_default_chain_takes_over() {
    let mut world = World::open(Policy::default());
    world.planned(json!({ "steps": [] }));
    assert!(world.d.task(world.live(None)).unwrap().instructions.contains("no steps"));
    world.planned(json!({ "steps": [{ "name": "X", "type": "implement", "description": "x" }] }));
    let plan = world.d.plan.as_ref().unwrap();
    assert_eq!(plan.origin, PlanOrigin::Default);
    assert_eq!(plan.faults.len(), 4);
    let names: Vec<_> = world.d.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["research", "implement", "test"]);
}

#[test]
fn a_mended_plan_is_remembered_as_repaired() {
    let mut world = World::open(Policy::default());
    world.planned(json!("nonsense"));
    world.planned(diamond());
    assert_eq!(world.d.plan.as_ref().unwrap().origin, PlanOrigin::Repaired);
}

#[test]
fn a_planner_that_cannot_be_run_is_tried_three_times() {
    let mut world = World::open(Policy::default());
    for _ in 0..3 {
        assert_eq!(world.d.status, DirectiveStatus::Planning);
        world.finish(world.live(None), TaskOutcome::Failed { reason: "it crashed".to_owned() });
    }
    assert_eq!(world.d.plan.as_ref().unwrap().origin, PlanOrigin::Default);
}

#[test]
fn in_manual_the_plan_waits_for_a_person_and_rework_plans_again() {
    let mut world = World::open(Policy { autonomy: Autonomy::Manual, ..Policy::default() });
    world.planned(diamond());
    assert_eq!((world.d.status, world.waiting()), (DirectiveStatus::Planning, vec![ApprovalKind::Plan]));
    world.maintainer(None, Command::Rework { text: "smaller steps please".to_owned() });
    assert!(world.d.task(world.live(None)).unwrap().instructions.contains("smaller steps please"));
    world.planned(diamond());
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!(world.d.status, DirectiveStatus::Active);
}

#[test]
fn a_green_step_merges_and_frees_its_dependents() {
    let mut world = World::started(Policy::default(), diamond());
    world.done("a");
    assert_eq!((world.status("a"), world.status("c")), (StepStatus::Passed, StepStatus::Pending));
    world.done("b");
    assert_eq!(world.status("c"), StepStatus::Running);
}

#[test]
fn a_step_is_passed_only_once_its_merge_is_confirmed() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    assert_eq!(world.status("a"), StepStatus::Evaluating);
}

#[test]
fn a_yellow_step_waits_for_a_person_and_merges_on_approve() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    assert!(!world.merges("a"));
    world.approve("a");
    assert!(world.merges("a"));
    let approval = &world.d.approvals[0];
    assert_eq!(
        (approval.status, approval.answered_by.as_ref().unwrap().as_str()),
        (ApprovalStatus::Approved, "maintainer")
    );
}

#[test]
fn a_red_step_is_reworked_with_what_failed_until_the_reworks_are_used_up() {
    let mut world = World::started(Policy::default(), diamond());
    for cycle in 0..3 {
        world.changed("a", &format!("a{cycle}"));
        world.verified("a", red());
        let task = world.d.task(world.live(Some("a"))).unwrap();
        assert_eq!(task.kind, TaskKind::Rework);
        assert!(task.instructions.contains("`test` failed") && task.instructions.contains("last line"));
    }
    world.changed("a", "a9");
    world.verified("a", red());
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    world.approve("a");
    assert!(world.merges("a"), "approving a blocked step accepts it as it is");
}

#[test]
fn a_persons_rework_is_followed_and_does_not_count() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.maintainer(Some("a"), Command::Rework { text: "use the existing parser".to_owned() });
    assert!(world.d.task(world.live(Some("a"))).unwrap().instructions.contains("use the existing parser"));
    let step = world.d.step_named("a").unwrap();
    assert_eq!((step.rework_cycles, step.reworks), (0, 1));
    assert_eq!(world.d.approvals[0].status, ApprovalStatus::Denied);
    assert_eq!(world.d.approvals[0].words.as_deref(), Some("use the existing parser"));
}

#[test]
fn on_the_issue_a_steps_name_follows_the_command() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.maintainer(None, Command::Rework { text: "a use the existing parser".to_owned() });
    assert_eq!(world.status("a"), StepStatus::Running);
    world.maintainer(None, Command::Rework { text: "nonsense".to_owned() });
    assert!(matches!(world.refusal(), Some(Notice::Refused { reason }) if reason.contains("no step `nonsense`")));
}

#[test]
fn a_bare_approve_on_the_issue_answers_the_only_question_or_lists_them() {
    let mut world = World::started(Policy::default(), diamond());
    for name in ["a", "b"] {
        world.changed(name, &format!("{name}1"));
        world.verified(name, yellow());
    }
    world.maintainer(None, Command::Approve { step: None });
    assert_eq!(world.refusal(), Some(&Notice::WhichApproval { steps: vec!["a".to_owned(), "b".to_owned()] }));
    world.maintainer(None, Command::Approve { step: Some("b".to_owned()) });
    assert!(world.merges("b"));
    world.maintainer(None, Command::Approve { step: None });
    assert!(world.merges("a"));
}

#[test]
fn orders_without_write_access_are_refused_and_change_nothing() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.order(actor("triager", Permission::Read), Some("a"), Command::Approve { step: None });
    assert_eq!(world.refusal(), Some(&Notice::NotAllowed { login: "triager".to_owned() }));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::React { reaction: Reaction::ThumbsDown, .. })));
}

#[test]
fn a_bots_order_is_not_even_answered() {
    let mut world = World::started(Policy::default(), diamond());
    let bot = Actor { bot: true, ..actor("other[bot]", Permission::Admin) };
    world.order(bot, None, Command::Stop);
    assert_eq!((world.d.status, world.effects.len()), (DirectiveStatus::Active, 0));
}

#[test]
fn an_approval_never_passes_a_head_that_it_was_not_given_for() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    let written = world.now;
    let step = world.id("a");
    world.signal(Signal::HeadMoved { step, head: Sha::new("a2"), by: Login::new("writer") });
    assert_eq!(world.d.approvals[0].status, ApprovalStatus::Stale);
    let maintainer = || actor("maintainer", Permission::Admin);
    world.order_at(maintainer(), Some("a"), Command::Approve { step: None }, None, Some(written));
    assert!(matches!(world.refusal(), Some(Notice::Refused { reason }) if reason.contains("moved")));
    world.order_at(maintainer(), Some("a"), Command::Approve { step: None }, Some("a1"), None);
    assert!(world.refusal().is_some(), "a review of the old head");
    world.verified("a", yellow());
    assert!(!world.merges("a"));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
}

#[test]
fn an_approval_written_while_checks_run_is_kept_for_that_head() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.approve("a");
    assert_eq!(world.refusal(), None);
    world.verified("a", yellow());
    assert!(world.merges("a"));
}

#[test]
fn an_early_approval_does_not_override_red() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.approve("a");
    world.verified("a", red());
    assert_eq!(world.status("a"), StepStatus::Running);
    assert!(!world.merges("a"));
}

#[test]
fn an_evaluation_of_an_older_head_is_void() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::HeadMoved { step, head: Sha::new("a2"), by: Login::new("writer") });
    world.signal(Signal::Verified { step, head: Sha::new("a1"), results: green(), findings: Vec::new() });
    assert!(!world.merges("a"));
    assert!(world.d.step(step).unwrap().evaluation.is_none());
}

#[test]
fn a_signal_that_comes_twice_does_nothing_the_second_time() {
    let mut world = World::started(Policy::default(), diamond());
    let task = world.live(Some("a"));
    let outcome = TaskOutcome::Changed { head: Sha::new("a1"), summary: "Did it.".to_owned(), findings: Vec::new() };
    world.finish(task, outcome.clone());
    let once = world.d.clone();
    world.finish(task, outcome);
    assert_eq!((world.d, world.effects), (once, Vec::new()));
}

#[test]
fn a_conflict_goes_to_rework_with_the_target_merged_in_and_does_not_count() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::Conflicted { step, head: Sha::new("a1"), paths: vec!["src/lib.rs".to_owned()] });
    let task = world.d.task(world.live(Some("a"))).unwrap();
    assert!(task.merge_target && task.instructions.contains("src/lib.rs"));
    assert_eq!(world.d.step(step).unwrap().rework_cycles, 0);
}

#[test]
fn a_task_that_cannot_be_run_is_tried_twice_more_and_then_asks() {
    let mut world = World::started(Policy::default(), diamond());
    for _ in 0..3 {
        assert_eq!(world.status("a"), StepStatus::Running);
        world.finish(world.live(Some("a")), TaskOutcome::Failed { reason: "it left no result".to_owned() });
    }
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Failed, vec![ApprovalKind::StepBlocked]));
    world.maintainer(None, Command::Approve { step: Some("a".to_owned()) });
    assert!(matches!(world.refusal(), Some(Notice::Refused { reason }) if reason.contains("/retry a")));
    world.maintainer(None, Command::Retry { step: Some("a".to_owned()) });
    assert_eq!(world.status("a"), StepStatus::Running);
}

#[test]
fn a_change_step_that_changed_nothing_is_sent_back() {
    let mut world = World::started(Policy::default(), diamond());
    let nothing = |evidence: Option<&str>| TaskOutcome::Unchanged {
        summary: "Nothing to do.".to_owned(),
        report: None,
        evidence: evidence.map(str::to_owned),
        head: None,
    };
    world.finish(world.live(Some("a")), nothing(None));
    assert!(world.d.task(world.live(Some("a"))).unwrap().instructions.contains("Nothing was changed"));
    world.finish(world.live(Some("a")), nothing(Some("src/lib.rs has it")));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview], "evidence is yellow: a person looks");
}

#[test]
fn a_report_is_posted_and_passes_without_a_pull_request() {
    let plan = json!({ "steps": [
        { "name": "look", "type": "research", "description": "Look.", "requirements": ["R1"] },
        { "name": "build", "type": "implement", "description": "Build.", "depends_on": ["look"] },
    ]});
    let mut world = World::started(Policy::default(), plan);
    let outcome = TaskOutcome::Unchanged {
        summary: "Looked.".to_owned(),
        report: Some("All in one file.".to_owned()),
        evidence: None,
        head: None,
    };
    world.finish(world.live(Some("look")), outcome);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::PostReport { .. })));
    assert_eq!((world.status("look"), world.status("build")), (StepStatus::Passed, StepStatus::Running));
}

#[test]
fn a_protected_path_waits_for_a_person_even_in_full_auto() {
    let mut world = World::started(Policy { autonomy: Autonomy::FullAuto, ..Policy::default() }, diamond());
    let findings = vec![Finding { kind: FindingKind::Protected, text: "`.github/x` was changed".to_owned() }];
    let outcome = TaskOutcome::Changed { head: Sha::new("a1"), summary: "Did it.".to_owned(), findings };
    world.finish(world.live(Some("a")), outcome);
    world.opened("a");
    world.verified("a", green());
    assert!(!world.merges("a"));
    assert_eq!(world.waiting(), [ApprovalKind::StepReview]);
}

#[test]
fn a_green_final_pull_request_waits_for_a_person_and_completes_when_merged() {
    let mut world = World::at_final(Policy::default());
    assert_eq!(world.waiting(), [ApprovalKind::Final]);
    world.approve("final");
    assert!(world.merges("final"));
    world.merged("final");
    assert_eq!(world.d.status, DirectiveStatus::Completed);
    assert!(world.has(&Effect::CloseIssue));
}

#[test]
fn only_full_auto_with_merge_auto_merges_a_green_final_by_itself() {
    let world = World::at_final(Policy { autonomy: Autonomy::FullAuto, merge: FinalMerge::Auto, ..Policy::default() });
    assert!(world.merges("final"));
    let world = World::at_final(Policy { autonomy: Autonomy::FullAuto, ..Policy::default() });
    assert!(!world.merges("final"));
}

#[test]
fn rework_of_the_final_pull_request_adds_a_step_and_proves_the_whole_again() {
    let mut world = World::at_final(Policy::default());
    world.maintainer(Some("final"), Command::Rework { text: "document it".to_owned() });
    assert_eq!(world.status("follow-up-1"), StepStatus::Running);
    assert!(world.d.task(world.live(Some("follow-up-1"))).unwrap().instructions.contains("document it"));
    world.done("follow-up-1");
    world.integrated("whole-2");
    world.verified("final", green());
    assert_eq!(world.waiting(), [ApprovalKind::Final]);
}

#[test]
fn a_chain_of_one_step_goes_straight_to_the_base_and_a_person_merges() {
    let mut world = World::started(Policy::default(), single());
    assert_eq!(world.d.step_named("a").unwrap().target, Branch::new("main"));
    world.changed("a", "a1");
    world.verified("a", green());
    assert_eq!(world.waiting(), [ApprovalKind::Final]);
    let step = world.id("a");
    world.signal(Signal::PullMerged { step, by: Login::new("maintainer"), sha: None });
    assert_eq!(world.d.status, DirectiveStatus::Completed);
}

#[test]
fn direct_delivery_completes_on_the_last_merge() {
    let mut world = World::started(Policy { delivery: Delivery::Direct, ..Policy::default() }, diamond());
    for name in ["a", "b", "c"] {
        assert_eq!(world.d.status, DirectiveStatus::Active);
        world.changed(name, &format!("{name}1"));
        world.verified(name, green());
        world.approve(name);
        world.merged(name);
    }
    assert_eq!(world.d.status, DirectiveStatus::Completed);
}

#[test]
fn reports_alone_complete_without_a_final_pull_request() {
    let mut world = World::started(Policy::default(), diamond());
    for name in ["a", "b", "c"] {
        world.done(name);
    }
    world.signal(Signal::Integrated { head: Sha::new("base"), differs: false });
    assert_eq!(world.d.status, DirectiveStatus::Completed);
}

#[test]
fn a_step_closed_by_a_person_is_skipped_or_asks_where_others_need_it() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    let step = world.id("a");
    world.signal(Signal::PullClosed { step, by: Login::new("maintainer") });
    assert_eq!((world.status("a"), world.waiting()), (StepStatus::Blocked, vec![ApprovalKind::StepBlocked]));
    world.maintainer(None, Command::Skip { step: Some("a".to_owned()) });
    world.done("b");
    world.changed("c", "c1");
    let step = world.id("c");
    world.signal(Signal::PullClosed { step, by: Login::new("maintainer") });
    assert_eq!(world.status("c"), StepStatus::Skipped);
}

#[test]
fn the_final_pull_request_closed_unmerged_fails_in_the_persons_name() {
    let mut world = World::at_final(Policy::default());
    let step = world.id("final");
    world.signal(Signal::PullClosed { step, by: Login::new("maintainer") });
    assert_eq!(world.d.status, DirectiveStatus::Failed);
    assert!(world.d.failure.as_ref().unwrap().contains("maintainer"));
}

#[test]
fn closing_the_issue_stops_unless_the_final_pull_request_is_merged() {
    let closed = |final_merged| Signal::IssueClosed { actor: actor("maintainer", Permission::Admin), final_merged };
    let mut world = World::at_final(Policy::default());
    world.signal(closed(true));
    assert_eq!(world.d.status, DirectiveStatus::Completed);
    let mut world = World::at_final(Policy::default());
    world.signal(closed(false));
    assert_eq!(world.d.status, DirectiveStatus::Failed);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::ClosePull { .. })));
    world.signal(closed(false));
    assert_eq!(world.d.status, DirectiveStatus::Archived);
}

#[test]
fn stop_calls_off_tasks_and_voids_questions() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", yellow());
    world.maintainer(None, Command::Stop);
    assert_eq!((world.d.status, world.live_count(), world.waiting()), (DirectiveStatus::Failed, 0, vec![]));
    assert_eq!(world.d.failure.as_deref(), Some("stopped by maintainer: `/stop`"));
}

#[test]
fn the_label_taken_off_pauses_and_put_back_resumes() {
    let mut world = World::started(Policy::default(), diamond());
    world.signal(Signal::Unlabelled { actor: actor("triager", Permission::Read) });
    assert_eq!(world.d.status, DirectiveStatus::Paused);
    world.changed("a", "a1");
    world.verified("a", green());
    assert!(!world.merges("a"), "nothing starts while paused");
    world.signal(Signal::Labelled(Box::new(labelled(Policy::default()))));
    assert_eq!(world.d.status, DirectiveStatus::Active);
    assert!(world.merges("a"), "what was decided meanwhile goes on");
}

#[test]
fn a_pause_during_planning_goes_back_to_planning_or_on_to_active() {
    let mut world = World::open(Policy::default());
    world.maintainer(None, Command::Pause { now: false });
    world.planned(diamond());
    world.signal(Signal::IntegrationCut);
    assert_eq!((world.d.status, world.live_count()), (DirectiveStatus::Paused, 0));
    world.maintainer(None, Command::Resume);
    assert_eq!((world.d.status, world.live_count()), (DirectiveStatus::Active, 2));
}

#[test]
fn pause_now_calls_off_what_runs_and_resume_starts_it_again() {
    let mut world = World::started(Policy::default(), diamond());
    world.maintainer(None, Command::Pause { now: true });
    assert_eq!((world.live_count(), world.status("a")), (0, StepStatus::Ready));
    world.maintainer(None, Command::Resume);
    assert_eq!((world.live_count(), world.status("a")), (2, StepStatus::Running));
}

#[test]
fn used_up_money_pauses_and_resume_grants_the_same_again() {
    let mut policy = Policy::default();
    policy.limits.cost = Usd::from_dollars(0.9);
    let mut world = World::started(policy, diamond());
    world.changed("a", "a1");
    assert!(matches!(world.d.pause.as_ref().unwrap().reason, PauseReason::Cost));
    assert_eq!(world.waiting(), [ApprovalKind::Budget]);
    world.maintainer(None, Command::Resume);
    assert_eq!((world.d.status, world.d.budget()), (DirectiveStatus::Active, Usd::from_dollars(1.9)));
}

#[test]
fn time_that_people_take_does_not_count() {
    let mut world = World::started(Policy::default(), single());
    world.changed("a", "a1");
    world.verified("a", green());
    let worked = world.d.clock.at(world.now);
    world.now += Duration::hours(100);
    world.signal(Signal::Tick);
    assert_eq!((world.d.status, world.d.clock.at(world.now)), (DirectiveStatus::Active, worked));
}

#[test]
fn used_up_time_pauses() {
    let mut world = World::started(Policy::default(), diamond());
    world.now += Duration::hours(9);
    world.signal(Signal::Tick);
    assert!(matches!(world.d.pause.as_ref().unwrap().reason, PauseReason::WallTime));
}

#[test]
fn a_refused_merge_tells_a_person_why() {
    let mut world = World::started(Policy::default(), diamond());
    world.changed("a", "a1");
    world.verified("a", green());
    let step = world.id("a");
    world.signal(Signal::MergeRefused { step, head: Sha::new("a1"), reason: "a review is required".to_owned() });
    assert!(world.d.waiting().next().unwrap().question.contains("a review is required"));
    world.approve("a");
    assert!(world.merges("a"), "and is tried again on their word");
}

#[test]
fn an_approval_of_something_merged_is_told_so() {
    let mut world = World::started(Policy::default(), diamond());
    world.done("a");
    world.approve("a");
    assert_eq!(world.refusal(), Some(&Notice::Refused { reason: "already merged".to_owned() }));
}

#[test]
fn every_signal_in_every_state_has_an_answer() {
    let worlds = [
        World::open(Policy::default()),
        World::started(Policy::default(), diamond()),
        World::started(Policy::default(), single()),
        World::at_final(Policy::default()),
    ];
    let someone = || actor("maintainer", Permission::Admin);
    for world in worlds {
        let step = world.d.steps.first().map_or_else(|| StepId(uuid::Uuid::nil()), |step| step.id);
        let signals = [
            Signal::Unlabelled { actor: someone() },
            Signal::IssueClosed { actor: someone(), final_merged: false },
            Signal::IntegrationCut,
            Signal::PullReady { step },
            Signal::Verified { step, head: Sha::new("x"), results: red(), findings: Vec::new() },
            Signal::Conflicted { step, head: Sha::new("x"), paths: Vec::new() },
            Signal::HeadMoved { step, head: Sha::new("x"), by: Login::new("w") },
            Signal::PullMerged { step, by: Login::new("w"), sha: None },
            Signal::PullClosed { step, by: Login::new("w") },
            Signal::MergeRefused { step, head: Sha::new("x"), reason: String::new() },
            Signal::Integrated { head: Sha::new("x"), differs: true },
            Signal::EffectFailed { step: Some(step), reason: "no".to_owned() },
            Signal::EffectFailed { step: None, reason: "no".to_owned() },
            Signal::Tick,
        ];
        for first in &signals {
            for second in &signals {
                let once = decide(world.d.clone(), first, world.now).directive.unwrap();
                let twice = decide(once, second, world.now);
                assert!(
                    twice.events.iter().all(|event| event.name != "transition_refused"),
                    "{first:?} then {second:?}: {:?}",
                    twice.events
                );
            }
        }
        let tasks = world.d.tasks.iter().filter(|task| task.status == TaskStatus::Running).count();
        assert!(tasks <= 3);
    }
}
