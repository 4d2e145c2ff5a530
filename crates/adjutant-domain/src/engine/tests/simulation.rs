//! Whole directives against a world that is late, forgetful and contradictory, a few thousand times.
//!
//! Each run draws everything from one seed, which a failure prints. First comes chaos: effects are carried out in
//! any order and may fail, signals come twice, people give every order there is, push, merge and close. Then
//! everybody is helpful, and the directive must come to its end.

use std::collections::{BTreeMap, BTreeSet};

mod limits;
mod plans;

use super::dice::Dice;
use super::*;
use crate::engine::table::{Case, Next, Remaining, next};
use crate::evaluation::Evaluation;
use crate::policy::options::label_override;
use crate::replan::IssueText;
use crate::step::Step;
use crate::task::{CapacityLimit, QueueReason};

/// Enough for every kind of life, and a second or two in a debug build.
const SEEDS: u64 = 500;
/// What a run of an agent costs.
const COST: Usd = Usd(300_000);
const CHAOS: usize = 120;
const PATIENCE: usize = 600;

/// The world as far as the engine can tell: an outbox, branches and pull requests.
struct Simulation {
    dice: Dice,
    directive: Directive,
    now: DateTime<Utc>,
    queue: Vec<Effect>,
    done: BTreeSet<String>,
    /// Signals that were told, to be told again.
    told: Vec<Signal>,
    pulls: BTreeMap<StepId, u64>,
    closed: BTreeSet<StepId>,
    merged: BTreeSet<StepId>,
    /// What the issue says now.
    text: IssueText,
    heads: u64,
    numbers: u64,
    chaos: bool,
    trace: Vec<String>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut policy = Policy {
            autonomy: dice.pick(&[Autonomy::Manual, Autonomy::Guardrails, Autonomy::FullAuto]).unwrap(),
            merge: dice.pick(&[FinalMerge::Person, FinalMerge::Auto]).unwrap(),
            delivery: dice.pick(&[Delivery::Integration, Delivery::Integration, Delivery::Direct]).unwrap(),
            plan_approval: dice.one_in(4),
            ..Policy::default()
        };
        policy.limits.parallel_tasks = 1 + u32::try_from(dice.roll(3)).unwrap();
        policy.limits.cost = Usd::from_dollars(if dice.one_in(3) { 2.0 } else { 50.0 });
        let now = Utc.with_ymd_and_hms(2026, 11, 20, 9, 0, 0).unwrap();
        let Decision { directive, effects, .. } = open(&labelled(policy), now);
        let directive = directive.unwrap();
        let text = IssueText { title: directive.title.clone(), brief: directive.brief.clone() };
        let mut simulation = Self {
            dice,
            directive,
            now,
            queue: Vec::new(),
            done: BTreeSet::new(),
            told: Vec::new(),
            pulls: BTreeMap::new(),
            closed: BTreeSet::new(),
            merged: BTreeSet::new(),
            text,
            heads: 0,
            numbers: 100,
            chaos: true,
            trace: Vec::new(),
        };
        simulation.enqueue(effects);
        simulation
    }

    /// As the outbox does it: once for a key, but for what coalesces.
    fn enqueue(&mut self, effects: Vec<Effect>) {
        let keys: BTreeSet<_> = effects.iter().map(|effect| effect.key(self.directive.id)).collect();
        assert_eq!(keys.len(), effects.len(), "two effects of one decision have the same key");
        for effect in effects {
            let first = self.done.insert(effect.key(self.directive.id));
            assert!(first || !matches!(effect, Effect::Remind { .. }), "people are reminded twice");
            if first || (effect.coalesces() && !self.queue.contains(&effect)) {
                self.queue.push(effect);
            }
        }
    }

    fn tell(&mut self, signal: Signal) {
        self.now += Duration::seconds(1 + i64::try_from(self.dice.roll(90)).unwrap());
        self.trace.push(format!("{signal:?}"));
        let before = self.directive.clone();
        let decision = decide(before.clone(), &signal, self.now);
        for event in &decision.events {
            assert!(!matches!(event.kind, EventKind::TransitionRefused { .. }), "{event:?}");
        }
        self.directive = decision.directive.clone().unwrap();
        self.check(&before, &decision.effects);
        self.check_plans(&before, &signal, &decision.effects);
        self.check_limits(&before, &decision);
        self.enqueue(decision.effects);
        self.told.push(signal);
    }

    fn check(&self, before: &Directive, effects: &[Effect]) {
        let directive = &self.directive;
        let live: Vec<_> = directive.tasks.iter().filter(|task| task.status.is_live()).collect();
        for step in directive.all_steps() {
            let own = live.iter().filter(|task| task.step == Some(step.id)).count();
            assert!(own <= 1, "{} has {own} live tasks", step.name);
            if step.status() == StepStatus::Running {
                for dependency in &step.depends_on {
                    let dependency = directive.step_named(dependency.as_str()).unwrap();
                    assert!(dependency.status().is_done(), "{} runs before {}", step.name, dependency.name);
                }
            }
            if let Some(was) = before.step(step.id)
                && was.status().is_done()
            {
                assert_eq!(was.status(), step.status(), "{} was done", step.name);
            }
        }
        assert!(live.len() <= directive.policy.limits.parallel_tasks as usize + 1, "{} tasks at a time", live.len());
        for effect in effects {
            match effect {
                Effect::RunTask { .. } | Effect::Merge { .. } | Effect::Integrate { .. } => assert!(
                    matches!(directive.status(), DirectiveStatus::Planning | DirectiveStatus::Active),
                    "{effect:?} starts while {}",
                    directive.status()
                ),
                _ => {}
            }
            if let Effect::Merge { step, head, .. } = effect {
                self.check_merge(directive.step(*step).unwrap(), head);
            }
        }
        if directive.status().is_over() {
            assert!(live.is_empty(), "tasks run after the end");
            assert_eq!(directive.waiting().count(), 0, "questions wait after the end");
        }
    }

    /// Nothing is merged but what the table lets through, or what a person approved at this very head.
    fn check_merge(&self, step: &Step, head: &Sha) {
        assert_eq!(step.head(), Some(head), "another head of {} is merged", step.name);
        let person = self.directive.approvals.iter().any(|approval| {
            approval.step == Some(step.id) && approval.shown == Subject::Commit(head.clone()) && approval.stands()
        });
        let evaluation = step.state.evaluation();
        let table = evaluation.is_some_and(|evaluation| {
            next(Case {
                autonomy: self.directive.policy.autonomy,
                confidence: evaluation.confidence,
                into_base: self.directive.reaches_base(step),
                merge: self.directive.policy.merge,
                needs_person: Evaluation::needs_person(step.findings()),
                remaining: Remaining::Rework,
            }) == Next::Merge
        });
        let pre_approved = step.state.candidate().is_some_and(|candidate| candidate.pre_approved.is_some())
            && evaluation.is_some_and(|it| it.confidence != Confidence::Red);
        assert!(person || table || pre_approved, "{} is merged on nobody's word", step.name);
    }

    fn new_head(&mut self) -> Sha {
        self.heads += 1;
        Sha::new(format!("head-{}", self.heads))
    }

    /// Carries out one effect of the queue, wherever it stands there.
    fn work(&mut self) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        let at = self.dice.roll(self.queue.len());
        let effect = self.queue.remove(at);
        match effect {
            Effect::VerifyBase { round } => self.verify_base(round),
            Effect::CutIntegration => self.tell(Signal::IntegrationCut),
            Effect::RunTask { task } => self.run_task(task),
            Effect::OpenPull { step } => self.open_pull(step),
            Effect::SyncPull { step } => self.tell(Signal::PullReady { step, by: None }),
            Effect::Verify { step, head, .. } => self.verify(step, head),
            Effect::Merge { step, head, .. } => self.merge(step, head),
            Effect::ClosePull { step, .. } => self.close_pull(step),
            Effect::Integrate { .. } => self.integrate(),
            _ => {}
        }
        true
    }

    fn run_task(&mut self, task: TaskId) {
        let Some(found) = self.directive.task(task).filter(|found| found.status.is_live()).cloned() else { return };
        if self.chaos && self.dice.one_in(6) {
            let held = QueueReason { by: CapacityLimit::OpenPulls, limit: 5, taken: 5 };
            self.tell(Signal::TaskQueued { task, held });
            self.queue.push(Effect::RunTask { task });
            return;
        }
        self.tell(Signal::TaskStarted { task });
        if self.chaos && self.dice.one_in(3) {
            // People act while it runs.
            self.disturb();
        }
        for _ in 0..self.dice.roll(if self.chaos { 3 } else { 1 }) {
            self.show(task);
        }
        let head = self.new_head();
        let outcome = match found.kind {
            TaskKind::Plan if self.chaos && self.dice.one_in(3) => {
                TaskOutcome::Planned { plan: json!({ "steps": [] }) }
            }
            TaskKind::Plan => TaskOutcome::Planned { plan: self.any_plan() },
            _ if self.chaos && self.dice.one_in(5) => TaskOutcome::Failed { reason: Failure::NoResult },
            _ if self.chaos && self.dice.one_in(9) => TaskOutcome::Refused { faults: vec!["a secret".to_owned()] },
            _ if self.chaos && self.dice.one_in(9) => TaskOutcome::Unchanged {
                summary: String::new(),
                report: Some("a report".to_owned()),
                evidence: self.dice.one_in(2).then(|| "there already".to_owned()),
                head: found.step.and_then(|step| self.directive.step(step)).and_then(|step| step.head().cloned()),
            },
            _ => TaskOutcome::Changed { head, summary: "done".to_owned(), findings: Vec::new() },
        };
        self.tell(Signal::TaskFinished { task, outcome, cost: COST });
    }

    /// What the agent has so far is pushed; the push may fail, or be told by nobody, or be seen by a sweep.
    fn show(&mut self, task: TaskId) {
        let head = self.new_head();
        self.tell(Signal::TaskPushes { task, head: head.clone() });
        if self.dice.one_in(4) {
            if let Some(step) = self.directive.task(task).and_then(|task| task.step) {
                self.tell(Signal::HeadMoved { step, head, by: Actor::Unknown });
            }
            return;
        }
        self.tell(Signal::TaskPushed { task });
        if self.dice.one_in(2) {
            self.work();
        }
    }

    fn open_pull(&mut self, step: StepId) {
        if self.is_superseded(step) {
            return;
        }
        self.closed.remove(&step);
        let number = *self.pulls.entry(step).or_insert_with(|| {
            self.numbers += 1;
            self.numbers
        });
        let pull = Pull::new(number, String::new(), true);
        self.tell(Signal::PullOpened { step, pull });
    }

    fn verify(&mut self, step: StepId, head: Sha) {
        if self.chaos && self.dice.one_in(8) {
            return self.tell(Signal::Conflicted { step, head, paths: vec!["src/lib.rs".to_owned()] });
        }
        if self.chaos && self.dice.one_in(12) {
            return self.tell(Signal::EffectFailed { step: Some(step), reason: Failure::Dropped });
        }
        let results = match self.dice.roll(if self.chaos { 3 } else { 1 }) {
            0 => green(),
            1 => yellow(),
            _ => red(),
        };
        self.tell(Signal::Verified { step, head, results, findings: Vec::new() });
    }

    fn merge(&mut self, step: StepId, head: Sha) {
        let current = self.directive.any_step(step).and_then(|found| found.head().cloned());
        if current.as_ref() != Some(&head) || self.is_superseded(step) {
            return;
        }
        if self.closed.contains(&step) {
            // As the handler does, which looks before it merges.
            return self.tell(Signal::PullClosed { step, by: named("maintainer"), may_decide: true });
        }
        if self.chaos && self.dice.one_in(5) {
            let reason = MergeProblem::NotComputed;
            return self.tell(Signal::MergeRefused { step, head, reason });
        }
        if self.chaos && self.dice.one_in(6) {
            return self.tell(Signal::Conflicted { step, head, paths: vec!["README.md".to_owned()] });
        }
        self.merged.insert(step);
        self.tell(Signal::PullMerged { step, by: Actor::Adjutant, sha: None });
    }

    fn integrate(&mut self) {
        let Some(final_step) = self.directive.final_step.as_ref().map(|final_step| final_step.id) else { return };
        let head = self.new_head();
        if self.chaos && self.dice.one_in(4) {
            return self.tell(Signal::Conflicted { step: final_step, head, paths: vec!["Cargo.toml".to_owned()] });
        }
        self.tell(Signal::Integrated { head, differs: true });
    }

    /// A person or the world does something that nobody waited for.
    fn disturb(&mut self) {
        let all = self.directive.all_steps().chain(&self.directive.earlier);
        let ids: Vec<_> = all.map(|step| step.id).collect();
        let with_pull: Vec<_> = self.pulls.keys().copied().filter(|step| !self.merged.contains(step)).collect();
        let person = || actor("maintainer", Permission::Admin);
        match self.dice.roll(13) {
            12 => self.edit(),
            0 => {
                let again = self.dice.pick(&self.told.clone());
                if let Some(again) = again {
                    self.tell(again);
                }
            }
            1 => {
                self.now += Duration::hours(self.dice.pick(&[1, 3, 100, 2_000]).unwrap());
                self.tell(Signal::Tick);
            }
            2 => {
                if let Some(step) = self.dice.pick(&with_pull) {
                    let head = self.new_head();
                    self.tell(Signal::HeadMoved { step, head, by: named("writer") });
                }
            }
            3 if self.dice.one_in(3) => {
                if let Some(step) = self.dice.pick(&with_pull) {
                    self.merged.insert(step);
                    self.tell(Signal::PullMerged { step, by: named("maintainer"), sha: None });
                }
            }
            4 if self.dice.one_in(3) => {
                if let Some(step) = self.dice.pick(&with_pull) {
                    self.closed.insert(step);
                    self.tell(Signal::PullClosed { step, by: named("maintainer"), may_decide: true });
                }
            }
            5 if self.dice.one_in(3) => self.tell(Signal::Unlabelled { actor: person() }),
            6 if self.dice.one_in(2) => {
                let policy_override = label_override("directive", "directive:manual").unwrap();
                self.tell(Signal::PolicyOverridden { actor: person(), policy_override });
            }
            6 => self.tell(Signal::Labelled(Box::new(labelled(Policy::default())))),
            7 if self.dice.one_in(30) => {
                self.tell(Signal::IssueClosed { actor: named("maintainer"), final_merged: false });
            }
            _ => {
                let by = if self.dice.one_in(5) { actor("outsider", Permission::Read) } else { person() };
                let pull = if self.dice.one_in(2) { self.dice.pick(&ids) } else { None };
                let command = self.any_command();
                self.order(by, pull, command);
            }
        }
    }

    fn any_command(&mut self) -> Command {
        let name = self.dice.pick(&["a", "b", "c", "final", "plan", "nonsense"]).unwrap().to_owned();
        let step = (!self.dice.one_in(3)).then(|| name.clone());
        match self.dice.roll(17) {
            16 => Command::Unapprove { step },
            15 => Command::Replan { reason: name },
            0..=3 => Command::Approve { step },
            4..=5 => Command::Rework { text: format!("{name} do better") },
            6 => Command::Tell { text: format!("{name} mind the locale") },
            7 => Command::Retry { step },
            8 if self.dice.one_in(3) => Command::Skip { step },
            9 => Command::Pause { now: self.dice.one_in(2) },
            10 | 11 => Command::Resume,
            12 if self.dice.one_in(20) => Command::Stop,
            12 if self.dice.one_in(4) => Command::Reload,
            14 => Command::Budget { usd: self.dice.pick(&[0.5, 2.0, 3.0, 9.0, 60.0, 400.0]).unwrap() },
            13 => Command::Autonomy { level: "manual".to_owned() },
            _ => Command::Status,
        }
    }

    fn order(&mut self, actor: Requester, on: Option<StepId>, command: Command) {
        if matches!(command, Command::Replan { .. }) && actor.may_command() {
            self.tell(Signal::IssueRead(self.text.clone()));
        }
        let pull = on.and_then(|step| self.pulls.get(&step)).copied();
        self.numbers += 1;
        let policy =
            matches!(command, Command::Reload | Command::Replan { .. }).then(|| Box::new(self.policy_by_now()));
        let order = ordered(actor, command, pull, self.numbers, self.now);
        self.tell(Signal::Commanded(Commanded { policy, ..order }));
    }

    /// The policy file, which somebody may have changed or broken.
    fn policy_by_now(&mut self) -> PolicyRead {
        let setup = self.dice.one_in(2).then(|| vec!["npm ci".to_owned()]);
        let read = policy_read(Policy { setup, ..self.directive.policy.clone() });
        if self.dice.one_in(20) {
            PolicyRead { policy: Err(vec![PolicyFault::More { faults: 1 }]), ..read }
        } else {
            read
        }
    }

    /// What a helpful maintainer does when nothing moves: answers what is asked.
    fn help(&mut self) {
        let person = actor("maintainer", Permission::Admin);
        self.now += Duration::seconds(2);
        let waiting = self.directive.waiting().next().cloned();
        match waiting {
            _ if self.directive.status() == DirectiveStatus::Paused => {
                let spent_all = self.directive.spent() >= self.directive.policy.limits.cost_ceiling();
                self.order(person, None, if spent_all { Command::Stop } else { Command::Resume });
            }
            Some(approval) => {
                let name = match approval.step.and_then(|step| self.directive.step(step)) {
                    Some(step) => step.name.to_string(),
                    None => approval.kind.as_str().to_owned(),
                };
                let nothing_there = approval.kind == ApprovalKind::StepBlocked
                    && approval
                        .step
                        .and_then(|step| self.directive.step(step))
                        .is_some_and(|step| step.submission().is_none());
                let step = Some(name);
                let command = if nothing_there { Command::Retry { step } } else { Command::Approve { step } };
                self.order(person, None, command);
            }
            None => panic!("nothing moves and nobody is asked: {:#?}", self.directive),
        }
    }

    fn run(&mut self) {
        for _ in 0..CHAOS {
            if self.directive.status().is_over() {
                return;
            }
            if self.dice.one_in(3) || !self.work() {
                self.disturb();
            }
        }
        self.chaos = false;
        for _ in 0..PATIENCE {
            if self.directive.status().is_over() {
                return;
            }
            if !self.work() {
                self.help();
            }
        }
        panic!("no end in sight: {:#?}", self.directive);
    }
}

#[test]
fn whatever_happens_a_directive_comes_to_its_end_or_asks_a_person() {
    let Tally { endings, replans, carried } = simulate(1..=SEEDS);
    assert!(replans > 200 && carried > 60, "too little is planned anew: {replans} replans, {carried} steps carried");
    assert!(endings.get("completed").is_some_and(|count| *count > SEEDS / 4), "too few completed: {endings:?}");
    assert!(endings.contains_key("failed"), "{endings:?}");
}

/// What became of many directives.
#[derive(Default)]
pub(crate) struct Tally {
    /// How many ended with which status.
    pub(crate) endings: BTreeMap<&'static str, u64>,
    replans: usize,
    carried: usize,
}

/// Takes a directive through its life for each seed.
pub(crate) fn simulate(seeds: std::ops::RangeInclusive<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let mut simulation = Simulation::new(seed);
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            simulation.run();
            simulation.check_left_open();
        }));
        if let Err(cause) = run {
            let last = simulation.trace.len().saturating_sub(25);
            eprintln!("seed {seed}, the last signals:\n{}", simulation.trace[last..].join("\n"));
            std::panic::resume_unwind(cause);
        }
        *tally.endings.entry(simulation.directive.status().as_str()).or_insert(0) += 1;
        tally.replans += simulation.directive.replans.len();
        tally.carried += simulation.directive.carried().len();
    }
    tally
}
