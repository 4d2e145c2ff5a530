//! The engine by example. `World` plays the part of everything outside: it carries out the effects it is told
//! to, as the tests want them to turn out.

use chrono::{DateTime, Duration, TimeZone, Utc};
use serde_json::{Value, json};

use super::{Decision, decide, open};
use crate::actor::Actor;
use crate::approval::{ApprovalKind, ApprovalStatus, Subject, Urgency};
use crate::baseline::{BaseOutcome, BaseVerifier, BaselineReport, BaselineState};
use crate::brief::{Brief, Requirement};
use crate::cause::{Cause, DirectiveFailure, IssueEnd, StopReason};
use crate::closing::ClosingReason;
use crate::command::Command;
use crate::directive::{Base, Directive, PauseReason, PlanOrigin};
use crate::effect::{Effect, Notice, Reaction};
use crate::evaluation::{Confidence, EvaluationReason, TestCounts, Verdict, VerifierResult};
use crate::event::EventKind;
use crate::failure::{Failure, MergeProblem};
use crate::ids::{Branch, Login, Repo, Sha, StepId, StepName, TaskId, Usd};
use crate::network::NetworkReport;
use crate::plan::PlanFault;
use crate::policy::{Autonomy, Delivery, FinalMerge, Policy, PolicyFault};
use crate::refusal::Refusal;
use crate::replan::ReplanReason;
use crate::signal::{Commanded, Labelled, Permission, PolicyRead, Requester, Signal, Source, SourceKind, TaskOutcome};
use crate::status::{DirectiveStatus, StepStatus};
use crate::step::{
    Candidate, Finding, FindingKind, Instructions, PassedBy, Pull, StepState, Submission, VerifierProgress,
};
use crate::task::{TaskKind, TaskStatus};

mod actors;
mod approvals;
mod asking;
mod baseline;
mod breakers;
mod calibration;
mod cells;
mod ci;
mod commands;
mod consent;
mod contracts;
mod dice;
mod found;
mod history;
mod holds;
mod layers;
mod life;
mod machine;
mod overrides;
mod planning;
mod reload;
mod replan;
mod rules;
pub(crate) mod simulation;
mod steps;
mod transitions;
mod tries;
mod whole;

/// A state of that status, on which nothing was handed in; `task` is what works on it where something does.
fn some_state(status: StepStatus, task: TaskId) -> StepState {
    let (cause, instructions, last) = (None, None, None);
    let candidate = Box::new(Candidate::new(Submission::Commit { head: Sha::new("some-head") }, morning()));
    match status {
        StepStatus::Pending => StepState::Pending,
        StepStatus::Ready => StepState::READY,
        StepStatus::Running => StepState::Working { task, cause, last },
        StepStatus::Evaluating => StepState::Verifying { candidate, progress: VerifierProgress::Running },
        StepStatus::Passed => StepState::Passed { by: PassedBy::Merge, candidate: last },
        StepStatus::Rework => {
            let instructions = Instructions { text: "Again.".to_owned(), merge_target: false };
            StepState::Reworking { instructions, cause, last }
        }
        StepStatus::Blocked => StepState::Blocked { cause: Cause::StateUnknown, instructions, last },
        StepStatus::Failed => StepState::Failed { cause: Cause::NothingChanged, instructions, last },
        StepStatus::Skipped => StepState::Skipped { by: Actor::Unknown, cause, last },
    }
}

fn actor(login: &str, permission: Permission) -> Requester {
    Requester { login: Login::new(login), permission, bot: false }
}

fn named(login: &str) -> Actor {
    Actor::Person(Login::new(login))
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
        overrides: Vec::new(),
        agents: None,
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
        failed_before: false,
        counts: TestCounts::default(),
        failing: Vec::new(),
        network: NetworkReport::default(),
        subject: None,
        flaky: false,
        pages: Vec::new(),
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

/// A base commit on which the tests fail.
fn faulty_base() -> BaselineReport {
    let outcome = BaseOutcome::Failed { summary: "1 failed".to_owned(), tail: "last line".to_owned() };
    let verifier = BaseVerifier { name: "test".to_owned(), run: "make test".to_owned(), why: None, outcome };
    BaselineReport { verifiers: vec![verifier], ..BaselineReport::default() }
}

/// When every story begins.
fn morning() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 9, 0, 0).unwrap()
}

/// What a repository says by now of how it is worked on.
fn policy_read(policy: Policy) -> PolicyRead {
    let base = Base { branch: Branch::new("main"), sha: Sha::new("base"), is_default: true };
    PolicyRead { policy: Ok(policy), overrides: Vec::new(), agents: None, base: Some(base) }
}

/// An order in a comment.
fn ordered(actor: Requester, command: Command, pull: Option<u64>, id: u64, at: DateTime<Utc>) -> Commanded {
    let source = Source { kind: SourceKind::IssueComment, id, node_id: String::new(), number: 12, index: 0 };
    Commanded { actor, command, pull, sha: None, source, at, words: None, policy: None }
}

struct World {
    directive: Directive,
    effects: Vec<Effect>,
    events: Vec<EventKind>,
    now: DateTime<Utc>,
    pulls: u64,
    comments: u64,
    /// What is read of the policy with the next order.
    reads: Option<Box<PolicyRead>>,
    /// Whether every agent works for others, so that tasks stay queued.
    busy: bool,
    /// Whether the test itself tells how the base commit was verified.
    base_waits: bool,
}

impl World {
    fn open(policy: Policy) -> Self {
        Self::opened_with(policy, false)
    }

    /// Opened, and the base commit is not verified yet.
    fn unverified(policy: Policy) -> Self {
        Self::opened_with(policy, true)
    }

    fn opened_with(policy: Policy, base_waits: bool) -> Self {
        Self::labelled(&labelled(policy), base_waits)
    }

    fn labelled(labelled: &Labelled, base_waits: bool) -> Self {
        let now = morning();
        let decision = open(labelled, now);
        let directive = decision.directive.clone().expect("a directive was opened");
        let mut world = Self {
            directive,
            effects: Vec::new(),
            events: Vec::new(),
            now,
            pulls: 0,
            comments: 0,
            reads: None,
            busy: false,
            base_waits,
        };
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
        self.directive = decision.directive.expect("a directive stays one");
        self.events.extend(decision.events.into_iter().map(|event| event.kind));
        self.effects = decision.effects;
        if self.busy {
            return;
        }
        // Nothing is wrong with the base, unless a test is about that.
        if let Some(round) = self.effects.iter().find_map(|effect| match effect {
            Effect::VerifyBase { round } if !self.base_waits => Some(*round),
            _ => None,
        }) {
            let report = Box::default();
            let sound = decide(self.directive.clone(), &Signal::BaseVerified { round, report }, self.now);
            self.directive = sound.directive.expect("a directive stays one");
            self.events.extend(sound.events.into_iter().map(|event| event.kind));
            self.effects.extend(sound.effects);
        }
        // Agents and verifiers begin at once.
        for effect in self.effects.clone() {
            let signal = match effect {
                Effect::RunTask { task } => Signal::TaskStarted { task },
                Effect::Verify { step, round, .. } => {
                    Signal::VerifierProgress { step: Some(step), round, progress: VerifierProgress::Running }
                }
                _ => continue,
            };
            let begun = decide(self.directive.clone(), &signal, self.now);
            self.directive = begun.directive.expect("a directive stays one");
            self.events.extend(begun.events.into_iter().map(|event| event.kind));
            self.effects.extend(begun.effects);
        }
    }

    fn signal(&mut self, signal: Signal) {
        self.now += Duration::seconds(10);
        let decision = decide(self.directive.clone(), &signal, self.now);
        self.take(decision);
    }

    fn has(&self, effect: &Effect) -> bool {
        self.effects.contains(effect)
    }

    fn id(&self, name: &str) -> StepId {
        self.directive.step_named(name).unwrap_or_else(|| panic!("no step {name}")).id
    }

    fn reaches_base(&self, name: &str) -> bool {
        self.directive.reaches_base(self.directive.step_named(name).unwrap())
    }

    fn status(&self, name: &str) -> StepStatus {
        self.directive.step_named(name).unwrap_or_else(|| panic!("no step {name}")).status()
    }

    fn live(&self, name: Option<&str>) -> TaskId {
        let step = name.map(|name| self.id(name));
        self.directive.tasks.iter().find(|task| task.step == step && task.status.is_live()).expect("a live task").id
    }

    fn live_count(&self) -> usize {
        self.directive.tasks.iter().filter(|task| task.status.is_live()).count()
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
            let pull = Pull::new(100 + self.pulls, "node".to_owned(), true);
            self.signal(Signal::PullOpened { step, pull });
        }
    }

    fn verified(&mut self, name: &str, results: Vec<VerifierResult>) {
        let step = self.directive.step_named(name).unwrap();
        let (step, head) = (step.id, step.head().cloned().unwrap());
        self.signal(Signal::Verified { step, head, results, findings: Vec::new() });
    }

    fn merges(&self, name: &str) -> bool {
        let id = self.id(name);
        self.effects.iter().any(|effect| matches!(effect, Effect::Merge { step, .. } if *step == id))
    }

    fn merged(&mut self, name: &str) {
        let step = self.id(name);
        self.signal(Signal::PullMerged { step, by: Actor::Adjutant, sha: None });
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
        let round = self.directive.integrations;
        assert!(self.has(&Effect::Integrate { round }), "the integration branch is brought up to the base");
        self.signal(Signal::Integrated { head: Sha::new(head), differs: true });
        self.opened("final");
    }

    fn order(&mut self, by: Requester, pull: Option<&str>, command: Command) {
        self.order_at(by, pull, command, None, None);
    }

    fn order_at(
        &mut self,
        by: Requester,
        pull: Option<&str>,
        command: Command,
        sha: Option<&str>,
        at: Option<DateTime<Utc>>,
    ) {
        self.comments += 1;
        let pull =
            pull.map(|name| self.directive.step_named(name).unwrap().pull.as_ref().expect("a pull request").number);
        let at = at.unwrap_or(self.now + Duration::seconds(5));
        let (policy, words) = (self.reads.take(), Some("As written.".to_owned()));
        let order = ordered(by, command, pull, self.comments, at);
        self.signal(Signal::Commanded(Commanded { sha: sha.map(Sha::new), words, policy, ..order }));
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

    fn refused(&self) -> Refusal {
        match self.refusal() {
            Some(Notice::Refused { reason }) => reason.clone(),
            other => panic!("not refused: {other:?}"),
        }
    }

    fn count(&self, event: &str) -> usize {
        assert!(EventKind::ALL.iter().any(|known| known.name == event), "there is no event `{event}`");
        self.events.iter().filter(|kind| kind.name() == event).count()
    }

    fn waits(&mut self, time: Duration) {
        self.now += time;
        self.signal(Signal::Tick);
    }

    fn waiting(&self) -> Vec<ApprovalKind> {
        self.directive.waiting().map(|approval| approval.kind).collect()
    }
}
