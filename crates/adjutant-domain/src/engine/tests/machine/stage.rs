//! The world as far as the engine can tell, with a witness of what people saw and said.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use super::acts::{Act, Ends, Head, Order, Setup, Told};
use super::rules;
use crate::ci::{CiCheck, CiCheckState, CiReport};
use crate::evaluation::{CriterionJudgement, Evidence, EvidencePlace, Judgement};
use crate::policy::options::label_override;
use crate::step::{Step, Submission};

/// How many rounds a helpful world may need to the end.
const PATIENCE: usize = 700;

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
enum Job {
    Effect(Effect),
    /// An agent is at it.
    Running(TaskId),
}

pub(super) struct Stage {
    setup: Setup,
    pub(super) directive: Directive,
    pub(super) now: DateTime<Utc>,
    jobs: Vec<Job>,
    /// Every key that was ever asked for.
    pub(super) asked: BTreeSet<String>,
    told: Vec<Signal>,
    /// Every head that a step ever had, and since when.
    heads: Vec<(StepId, Sha, DateTime<Utc>)>,
    /// What people with write access said yes to.
    pub(super) blessed: BTreeSet<(StepId, Sha)>,
    pulls: BTreeMap<StepId, u64>,
    closed: BTreeSet<StepId>,
    numbers: u64,
}

/// The `nth` of a list, counted around; none of an empty one.
fn around<T: Clone>(list: &[T], nth: usize) -> Option<T> {
    if list.is_empty() { None } else { Some(list[nth % list.len()].clone()) }
}

impl Stage {
    pub(super) fn open(setup: Setup) -> Self {
        let now = morning();
        let decision = open(&labelled(setup.policy.clone()), now);
        let directive = decision.directive.unwrap();
        let mut stage = Self {
            setup,
            directive,
            now,
            jobs: Vec::new(),
            asked: BTreeSet::new(),
            told: Vec::new(),
            heads: Vec::new(),
            blessed: BTreeSet::new(),
            pulls: BTreeMap::new(),
            closed: BTreeSet::new(),
            numbers: 0,
        };
        stage.enqueue(decision.effects);
        stage
    }

    /// As the outbox does it: once for a key, but for what coalesces.
    fn enqueue(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let first = self.asked.insert(effect.key(self.directive.id));
            let job = Job::Effect(effect.clone());
            if first || (effect.coalesces() && !self.jobs.contains(&job)) {
                self.jobs.push(job);
            }
        }
    }

    fn tell(&mut self, signal: Signal) {
        self.now += Duration::seconds(7);
        self.witness(&signal);
        let before = self.directive.clone();
        let decision = decide(before.clone(), &signal, self.now);
        assert_eq!(decide(before.clone(), &signal, self.now), decision, "the same is decided twice");
        self.directive = decision.directive.clone().unwrap();
        rules::check(self, &before, &signal, &decision);
        for step in self.directive.all_steps() {
            let known = self.heads.iter().rfind(|(id, ..)| *id == step.id).map(|(_, head, _)| head);
            let hash = step.submission().map(Submission::hash);
            if let Some(hash) = hash.filter(|hash| known != Some(hash)) {
                self.heads.push((step.id, hash, self.now));
            }
        }
        self.enqueue(decision.effects);
        self.told.push(signal);
    }

    /// Remembers what a person with write access says yes to: the commit of a review, else the head that was there
    /// when the comment was written.
    fn witness(&mut self, signal: &Signal) {
        let Signal::Commanded(commanded) = signal else { return };
        let Command::Approve { step: name } = &commanded.command else { return };
        if !commanded.actor.may_command() {
            return;
        }
        let steps: Vec<&Step> = match (commanded.pull, name) {
            (Some(pull), name) => {
                let own = self.directive.step_of_pull(pull).into_iter();
                own.filter(|step| name.as_ref().is_none_or(|name| step.name.as_str() == name)).collect()
            }
            (None, Some(name)) => self.directive.step_named(name).into_iter().collect(),
            (None, None) => {
                self.directive.waiting().filter_map(|approval| self.directive.step(approval.step?)).collect()
            }
        };
        for step in steps {
            // GitHub's dates are whole seconds.
            let there = |(id, _, since): &&(StepId, Sha, DateTime<Utc>)| {
                *id == step.id && since.timestamp() <= commanded.at.timestamp()
            };
            let seen = self.heads.iter().rfind(there).map(|(_, head, _)| head.clone());
            if let Some(head) = commanded.sha.clone().or(seen) {
                self.blessed.insert((step.id, head));
            }
        }
    }

    pub(super) fn play(&mut self, act: &Act) {
        match act {
            Act::Work { nth, ends } => self.work(*nth, *ends),
            Act::Order { who, what, step, on_pull, review, late } => {
                let Some(step) = around(&self.steps(), *step) else { return };
                let pull = if *on_pull { step.pull.as_ref().map(|pull| pull.number) } else { None };
                let sha = if *review { step.head().cloned() } else { None };
                let at = self.now - Duration::minutes(*late);
                let command = command(*what, &step);
                self.order(who.actor(), pull, command, sha, at);
            }
            Act::Tell { what, step, head } => {
                let superseded = self.directive.earlier.iter().cloned();
                let Some(step) = around(&superseded.chain(self.steps()).collect::<Vec<_>>(), *step) else { return };
                let head = self.head(&step, *head);
                self.fact(*what, &step, head);
            }
            Act::Finish { task, ends } => {
                let Some(task) = around(&self.directive.tasks, *task) else { return };
                let outcome = self.outcome(task.id, *ends);
                self.tell(Signal::TaskFinished { task: task.id, outcome, cost: Usd::from_dollars(0.2) });
            }
            Act::Again { nth } => {
                if let Some(signal) = around(&self.told, *nth) {
                    self.tell(signal);
                }
            }
            Act::PolicyOverride { who, level } => {
                let policy_override = label_override("directive", level).unwrap();
                self.tell(Signal::PolicyOverridden { actor: who.actor(), policy_override });
            }
            Act::Label { who, on: true } => {
                let label = Labelled { actor: who.actor(), ..labelled(Policy::default()) };
                self.tell(Signal::Labelled(Box::new(label)));
            }
            Act::Label { who, on: false } => self.tell(Signal::Unlabelled { actor: who.actor() }),
            Act::Close { who, merged, gone: false } => {
                self.tell(Signal::IssueClosed { actor: Actor::Person(who.actor().login), final_merged: *merged });
            }
            Act::Close { who, merged, gone: true } => {
                self.tell(Signal::IssueGone { actor: Actor::Person(who.actor().login), final_merged: *merged });
            }
            Act::Wait { minutes } => {
                self.now += Duration::minutes(*minutes);
                self.tell(Signal::Tick);
            }
        }
    }

    fn steps(&self) -> Vec<Step> {
        self.directive.all_steps().cloned().collect()
    }

    fn new_head(&mut self) -> Sha {
        self.numbers += 1;
        Sha::new(format!("head-{}", self.numbers))
    }

    fn head(&mut self, step: &Step, which: Head) -> Sha {
        let old: Vec<Sha> =
            self.heads.iter().filter(|(id, ..)| *id == step.id).map(|(_, head, _)| head.clone()).collect();
        let known = match which {
            Head::Current => step.submission().map(Submission::hash),
            Head::Old(nth) => around(&old, nth),
            Head::New => None,
        };
        known.unwrap_or_else(|| self.new_head())
    }

    fn pull(&mut self, step: StepId) -> Pull {
        let next = 100 + u64::try_from(self.pulls.len()).unwrap();
        let number = *self.pulls.entry(step).or_insert(next);
        Pull::new(number, String::new(), true)
    }

    fn order(&mut self, actor: Requester, pull: Option<u64>, command: Command, sha: Option<Sha>, at: DateTime<Utc>) {
        self.numbers += 1;
        let order = ordered(actor, command, pull, self.numbers, at);
        self.tell(Signal::Commanded(Commanded { sha, ..order }));
    }

    fn fact(&mut self, what: Told, of: &Step, head: Sha) {
        let (step, by) = (of.id, named("writer"));
        let verified = |results| Signal::Verified { step, head: head.clone(), results, findings: Vec::new() };
        let signal = match what {
            Told::IntegrationCut => Signal::IntegrationCut,
            Told::Opened => {
                let pull = self.pull(step);
                Signal::PullOpened { step, pull }
            }
            Told::Ready => Signal::PullReady { step, by: None },
            Told::Green => verified(green()),
            Told::Yellow => verified(yellow()),
            Told::Red => verified(red()),
            Told::CiChanged => Signal::CiChanged { step, head },
            Told::CiRed => Signal::CiRead { step, head, report: Box::new(ci(Ends::Badly)) },
            Told::Conflicted => Signal::Conflicted { step, head, paths: vec!["src/lib.rs".to_owned()] },
            Told::Pushed => Signal::HeadMoved { step, head, by },
            Told::Merged => Signal::PullMerged { step, by, sha: None },
            Told::MergedByUs => Signal::PullMerged { step, by: Actor::Adjutant, sha: None },
            Told::Closed => {
                self.closed.insert(step);
                Signal::PullClosed { step, by, may_decide: true }
            }
            Told::MergeRefused => Signal::MergeRefused {
                step,
                head,
                reason: MergeProblem::Refused { answer: "a review is required".to_owned() },
            },
            Told::Integrated => Signal::Integrated { head, differs: true },
            Told::IntegratedSame => Signal::Integrated { head, differs: false },
            Told::Rerequested => Signal::Rerequested { step, head, by: Login::new("writer") },
            Told::Failed => {
                Signal::EffectFailed { step: Some(step), reason: Failure::External("no sandbox".to_owned()) }
            }
            Told::FailedForAll => {
                Signal::EffectFailed { step: None, reason: Failure::External("no permission".to_owned()) }
            }
        };
        self.tell(signal);
    }

    /// Does the `nth` of what there is to do.
    fn work(&mut self, nth: usize, ends: Ends) {
        if self.jobs.is_empty() {
            return;
        }
        match self.jobs.remove(nth % self.jobs.len()) {
            Job::Running(task) => {
                let is_live = self.directive.task(task).is_some_and(|task| task.status.is_live());
                let outcome = if is_live { self.outcome(task, ends) } else { TaskOutcome::Cancelled };
                self.tell(Signal::TaskFinished { task, outcome, cost: Usd::from_dollars(0.3) });
            }
            Job::Effect(effect) => {
                let (key, told) = (effect.key(self.directive.id), self.told.len());
                self.carry_out(effect, ends);
                if matches!(self.told.get(told), Some(Signal::EffectFailed { .. })) {
                    // What was given up is queued anew where it is asked for again.
                    self.asked.remove(&key);
                }
            }
        }
    }

    /// As the handlers do it: they look at how things stand, and tell what they found.
    fn carry_out(&mut self, effect: Effect, ends: Ends) {
        let never = |step| Signal::EffectFailed { step, reason: Failure::External("no permission".to_owned()) };
        let conflict = |step, head| Signal::Conflicted { step, head, paths: vec!["README.md".to_owned()] };
        let signal = match effect {
            Effect::RunTask { task } => {
                if !self.directive.task(task).is_some_and(|task| task.status.is_live()) {
                    return;
                }
                self.jobs.push(Job::Running(task));
                Signal::TaskStarted { task }
            }
            Effect::VerifyBase { round } => {
                let report = match ends {
                    Ends::Well | Ends::Almost => Box::default(),
                    Ends::Badly | Ends::Strangely => Box::new(faulty_base()),
                    Ends::Never => {
                        let reason = Failure::External("no permission".to_owned());
                        return self.tell(Signal::BaseNotVerified { round: Some(round), reason });
                    }
                };
                Signal::BaseVerified { round, report }
            }
            Effect::CutIntegration if matches!(ends, Ends::Never) => never(None),
            Effect::CutIntegration => Signal::IntegrationCut,
            Effect::OpenPull { step } if matches!(ends, Ends::Never) => never(Some(step)),
            Effect::OpenPull { step } => {
                self.closed.remove(&step);
                let pull = self.pull(step);
                Signal::PullOpened { step, pull }
            }
            Effect::SyncPull { step } => Signal::PullReady { step, by: None },
            Effect::Verify { step, head, .. } => {
                let results = match ends {
                    Ends::Well => green(),
                    Ends::Almost => yellow(),
                    Ends::Badly => red(),
                    Ends::Strangely => return self.tell(conflict(step, head)),
                    Ends::Never => return self.tell(never(Some(step))),
                };
                Signal::Verified { step, head, results, findings: Vec::new() }
            }
            Effect::ReadCi { step, head, .. } => Signal::CiRead { step, head, report: Box::new(ci(ends)) },
            Effect::Merge { step, .. } if self.closed.contains(&step) => {
                Signal::PullClosed { step, by: named("maintainer"), may_decide: true }
            }
            Effect::Merge { step, head, .. } => {
                if self.directive.step(step).and_then(|step| step.head()) != Some(&head) {
                    return;
                }
                match ends {
                    Ends::Well | Ends::Almost => Signal::PullMerged { step, by: Actor::Adjutant, sha: None },
                    Ends::Badly => Signal::MergeRefused {
                        step,
                        head,
                        reason: MergeProblem::Refused { answer: "a review is required".to_owned() },
                    },
                    Ends::Strangely => conflict(step, head),
                    Ends::Never => never(Some(step)),
                }
            }
            Effect::Integrate { .. } => {
                let Some(final_step) = self.directive.final_step.as_ref().map(|final_step| final_step.id) else {
                    return;
                };
                let head = self.new_head();
                match ends {
                    Ends::Well | Ends::Almost => Signal::Integrated { head, differs: true },
                    Ends::Badly => conflict(final_step, head),
                    Ends::Strangely => Signal::Integrated { head, differs: false },
                    Ends::Never => never(None),
                }
            }
            _ => return,
        };
        self.tell(signal);
    }

    fn outcome(&mut self, task: TaskId, ends: Ends) -> TaskOutcome {
        let task = self.directive.task(task).cloned().unwrap();
        let step = task.step.and_then(|step| self.directive.step(step)).cloned();
        let head = step.as_ref().and_then(|step| step.submission()).map(Submission::hash);
        match (ends, task.kind) {
            (Ends::Never, _) => TaskOutcome::Failed { reason: Failure::External("it crashed".to_owned()) },
            (Ends::Badly, TaskKind::Plan) => TaskOutcome::Planned { plan: json!({ "steps": [] }) },
            (Ends::Strangely, TaskKind::Judge) | (_, TaskKind::Plan) => {
                TaskOutcome::Planned { plan: self.setup.proposal() }
            }
            (_, TaskKind::Judge) => {
                let met = matches!(ends, Ends::Well);
                let place = EvidencePlace::File("src/lib.rs".to_owned());
                let evidence = vec![Evidence { place, first_line: 1, last_line: 1, fault: None }];
                let criteria = vec![CriterionJudgement { id: "A1".to_owned(), met, note: String::new(), evidence }];
                let judgement = Judgement::new(1.0, Some(if met { 1.0 } else { 0.5 }), criteria, String::new());
                TaskOutcome::Judged { head: head.unwrap_or_else(|| Sha::new("none")), judgement }
            }
            (Ends::Badly, _) => TaskOutcome::Refused { faults: vec!["a secret".to_owned()] },
            (Ends::Strangely, _) => {
                let (report, evidence) = (Some("Found it.".to_owned()), Some("It was there.".to_owned()));
                TaskOutcome::Unchanged { summary: String::new(), report, evidence, head }
            }
            (Ends::Almost, _) if step.is_some_and(|step| step.kind.may_report()) => {
                self.numbers += 1;
                let report = Some(format!("Report {}.", self.numbers));
                TaskOutcome::Unchanged { summary: String::new(), report, evidence: None, head: None }
            }
            _ => TaskOutcome::Changed { head: self.new_head(), summary: "Did it.".to_owned(), findings: Vec::new() },
        }
    }

    /// Everybody is helpful from now on: the directive comes to its end. Where nothing is left to do, somebody is asked.
    pub(super) fn end_well(&mut self) {
        for _ in 0..PATIENCE {
            if self.directive.status().is_over() {
                return;
            }
            if self.jobs.is_empty() {
                self.help();
            } else {
                self.work(0, Ends::Well);
            }
        }
        panic!("no end in sight: {:#?}", self.directive);
    }

    /// What a helpful maintainer does: answers what is asked.
    fn help(&mut self) {
        let waiting = self.directive.waiting().next().cloned();
        let command = match waiting {
            _ if self.directive.status() == DirectiveStatus::Paused => rules::resume(&self.directive),
            Some(approval) => {
                let step = approval.step.and_then(|step| self.directive.step(step));
                let name = step.map_or_else(|| approval.kind.as_str().to_owned(), |step| step.name.to_string());
                let nothing_there =
                    approval.kind == ApprovalKind::StepBlocked && step.is_some_and(|step| step.submission().is_none());
                let step = Some(name);
                if nothing_there { Command::Retry { step } } else { Command::Approve { step } }
            }
            None if self.steps().iter().any(|step| matches!(step.state, StepState::AwaitingCi { .. })) => {
                return self.play(&Act::Wait { minutes: 20 });
            }
            None => panic!("nothing moves and nobody is asked: {:#?}", self.directive),
        };
        self.now += Duration::seconds(2);
        self.order(actor("maintainer", Permission::Admin), None, command, None, self.now);
    }
}

/// What a repository's CI says.
fn ci(ends: Ends) -> CiReport {
    let check =
        |state| CiCheck { name: "build".to_owned(), state, url: None, tail: String::new(), failed_before: false };
    let one = |state| CiReport { checks: vec![check(state)], ..CiReport::default() };
    match ends {
        Ends::Well => one(CiCheckState::Passed),
        Ends::Almost => one(CiCheckState::Pending),
        Ends::Badly => one(CiCheckState::Failed { conclusion: "failure".to_owned() }),
        Ends::Never => CiReport::unreadable("no permission".to_owned()),
        Ends::Strangely => CiReport::default(),
    }
}

fn command(what: Order, step: &Step) -> Command {
    let name = step.name.to_string();
    match what {
        Order::Approve => Command::Approve { step: Some(name) },
        Order::ApproveBare => Command::Approve { step: None },
        Order::ApprovePlan => Command::Approve { step: Some("plan".to_owned()) },
        Order::Rework => Command::Rework { text: format!("{name} do better") },
        Order::Retry => Command::Retry { step: Some(name) },
        Order::Skip => Command::Skip { step: Some(name) },
        Order::Pause => Command::Pause { now: false },
        Order::PauseNow => Command::Pause { now: true },
        Order::Resume => Command::Resume,
        Order::Stop => Command::Stop,
        Order::Autonomy(level) => Command::Autonomy { level: level.to_owned() },
        Order::Replan => Command::Replan { reason: name },
        Order::Budget(usd) => Command::Budget { usd },
        Order::Status => Command::Status,
        Order::Nonsense => Command::Unknown { word: "aprove".to_owned(), problem: None },
    }
}
