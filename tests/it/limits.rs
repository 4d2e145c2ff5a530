//! Limits that directives share. They are enforced where tasks are claimed, tested with a real Postgres and concurrent
//! claimers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use adjutant::store::Store;
use adjutant::store::effects::{Claimed, Claims, HeldTask, Wait};
use adjutant::store::queue::Held;
use adjutant_domain::brief::{Brief, Requirement};
use adjutant_domain::command::Command;
use adjutant_domain::directive::{Base, Directive};
use adjutant_domain::effect::Lane;
use adjutant_domain::engine;
use adjutant_domain::evaluation::{TestCounts, Verdict, VerifierResult};
use adjutant_domain::failure::{AgentErrorKind, Failure};
use adjutant_domain::ids::{Branch, Login, Repo, Sha, TaskId, Usd};
use adjutant_domain::network::NetworkReport;
use adjutant_domain::policy::Policy;
use adjutant_domain::signal::{Commanded, Labelled, Permission, Requester, Signal, Source, SourceKind, TaskOutcome};
use adjutant_domain::step::Pull;
use adjutant_domain::task::{AgentPause, CapacityLimit};
use chrono::{SubsecRound as _, Utc};
use serde_json::{Value, json};

use crate::support::opened;
use crate::support::pg::TestDatabase;

const LEASE: Duration = Duration::from_mins(1);
/// More than any of these tests needs.
const MANY: u32 = 1_000;

/// One directive, and how its signals are applied.
struct Life {
    store: Store,
    directive: Directive,
}

fn somebody() -> Requester {
    Requester { login: Login::new("maintainer"), permission: Permission::Admin, bot: false }
}

fn labelled(installation: u64, repo: u64, issue: u64, policy: Policy) -> Labelled {
    Labelled {
        repo: Repo { id: repo, owner: "acme".to_owned(), name: format!("repo-{repo}"), installation },
        issue,
        earlier: 0,
        title: "Work".to_owned(),
        author: Login::new("outsider"),
        actor: somebody(),
        brief: Brief {
            goal: "Work.".to_owned(),
            requirements: vec![Requirement { id: "R1".to_owned(), description: "Work.".to_owned() }],
            ..Brief::default()
        },
        policy: Ok(policy),
        overrides: Vec::new(),
        agents: None,
        base: Some(Base { branch: Branch::new("main"), sha: Sha::new("a".repeat(40)), is_default: true }),
    }
}

fn order(command: Command) -> Commanded {
    let source = Source { kind: SourceKind::IssueComment, id: 1, node_id: String::new(), number: 1, index: 0 };
    Commanded { actor: somebody(), command, pull: None, sha: None, source, at: Utc::now(), words: None, policy: None }
}

fn policy(open_pull_requests: u32) -> Policy {
    let mut policy = Policy::default();
    policy.limits.open_pull_requests = open_pull_requests;
    policy.limits.parallel_tasks = 20;
    policy
}

impl Life {
    /// A directive in an issue of this repository, with its planning queued.
    async fn open(store: &Store, installation: u64, repo: u64, issue: u64, policy: Policy) -> Self {
        let now = Utc::now();
        let (directive, effects) = opened(&labelled(installation, repo, issue, policy), now);
        let mut unit = store.begin().await.unwrap();
        unit.save(None, &directive, now).await.unwrap();
        for effect in &effects {
            unit.enqueue(directive.id, effect).await.unwrap();
        }
        unit.commit().await.unwrap();
        Self { store: store.clone(), directive }
    }

    /// A directive whose plan has these steps of a kind, which may all start.
    async fn started(store: &Store, repo: u64, issue: u64, policy: Policy, kind: &str, steps: &[&str]) -> Self {
        let mut life = Self::open(store, 3, repo, issue, policy).await;
        let steps: Vec<Value> = steps
            .iter()
            .map(|name| json!({ "name": name, "type": kind, "description": ".", "requirements": ["R1"] }))
            .collect();
        let planning = life.directive.tasks[0].id;
        life.ended(planning, TaskOutcome::Planned { plan: json!({ "steps": steps }) }).await;
        life.tell(Signal::IntegrationCut).await;
        life
    }

    async fn tell(&mut self, signal: Signal) {
        let now = Utc::now();
        let decision = engine::decide(self.directive.clone(), &signal, now);
        let after = decision.directive.unwrap();
        let mut unit = self.store.begin().await.unwrap();
        unit.save(Some(&self.directive), &after, now).await.unwrap();
        for effect in &decision.effects {
            unit.enqueue_at(after.id, effect, after.due(effect)).await.unwrap();
        }
        unit.commit().await.unwrap();
        self.directive = after;
    }

    /// A task ends: its effect is done, and other due effects stay due.
    async fn ended(&mut self, task: TaskId, outcome: TaskOutcome) {
        for claimed in claim(&self.store, MANY).await.taken {
            if claimed.effect.task() == Some(task) {
                finish(&self.store, &claimed).await;
            } else {
                assert_eq!(self.store.hand_back_effect(&claimed.row).await.unwrap(), Held::Yes);
            }
        }
        self.tell(Signal::TaskFinished { task, outcome, cost: Usd::ZERO }).await;
    }

    fn task(&self, step: &str) -> TaskId {
        let step = self.directive.step_named(step).unwrap().id;
        self.directive.tasks.iter().rfind(|task| task.step == Some(step)).unwrap().id
    }

    /// A step's task has ended, its pull request is open, and it waits for a person.
    async fn waits(&mut self, step: &str) {
        let (id, head) = (self.directive.step_named(step).unwrap().id, Sha::new(format!("{step}-head")));
        let outcome = TaskOutcome::Changed { head: head.clone(), summary: String::new(), findings: Vec::new() };
        self.tell(Signal::TaskFinished { task: self.task(step), outcome, cost: Usd::ZERO }).await;
        let pull = Pull::new(10 + self.directive.issue, String::new(), false);
        self.tell(Signal::PullOpened { step: id, pull }).await;
        let lint = VerifierResult {
            name: "lint".to_owned(),
            required: false,
            weight: 1.0,
            verdict: Verdict::Fail,
            summary: String::new(),
            tail: String::new(),
            duration_ms: 1,
            failed_before: false,
            counts: TestCounts::default(),
            failing: Vec::new(),
            network: NetworkReport::default(),
            subject: None,
            flaky: false,
            pages: Vec::new(),
        };
        let test = VerifierResult {
            name: "test".to_owned(),
            required: true,
            weight: 2.0,
            verdict: Verdict::Pass,
            ..lint.clone()
        };
        self.tell(Signal::Verified { step: id, head, results: vec![lint, test], findings: Vec::new() }).await;
        assert!(self.directive.waiting().any(|approval| approval.step == Some(id)), "{step} should wait");
    }
}

async fn finish(store: &Store, claimed: &Claimed) {
    let mut unit = store.begin().await.unwrap();
    assert_eq!(unit.finish_effect(&claimed.row).await.unwrap(), Held::Yes);
    unit.commit().await.unwrap();
}

async fn claim(store: &Store, per_installation: u32) -> Claims {
    store.claim_effects(Lane::Agent, 100, LEASE, &[], per_installation).await.unwrap()
}

fn tasks(claims: &Claims) -> BTreeSet<TaskId> {
    claims.taken.iter().map(|claimed| claimed.effect.task().unwrap()).collect()
}

/// Six concurrent claimers. Each has its own pool and starts with other tasks, so that no locked row separates two of
/// them. The rows are locked until every claimer waits or has ended. A claimer that chose before another one had
/// finished would claim too much.
async fn claim_at_once(database: &TestDatabase, per_installation: u32) -> Vec<Claimed> {
    let pool = database.pool().await;
    let mut holding = pool.begin().await.unwrap();
    let ids: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM effects WHERE lane = 'agent' AND status = 'queued' ORDER BY id FOR UPDATE")
            .fetch_all(&mut *holding)
            .await
            .unwrap();
    let (mut claimers, ended) = (tokio::task::JoinSet::new(), Arc::new(AtomicI64::new(0)));
    for own in 0..6 {
        let (store, ended) = (database.store().await, ended.clone());
        let others: Vec<i64> = (0..).zip(&ids).filter(|(at, _)| at % 6 != own).map(|(_, id)| *id).collect();
        claimers.spawn(async move {
            let claims = store.claim_effects(Lane::Agent, 4, LEASE, &others, per_installation).await.unwrap();
            ended.fetch_add(1, Ordering::SeqCst);
            claims.taken
        });
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        if waiting + ended.load(Ordering::SeqCst) >= 6 {
            break;
        }
        assert!(Instant::now() < deadline, "{waiting} claimers wait");
        tokio::task::yield_now().await;
    }
    holding.rollback().await.unwrap();
    claimers.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_claimers_never_claim_more_than_an_installation_has_slots() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    for issue in 1..=20 {
        Life::open(&store, 3, issue, issue, Policy::default()).await;
    }
    let other = Life::open(&store, 4, 99, 1, Policy::default()).await;
    let taken = claim_at_once(&database, 5).await;
    let others = taken.iter().filter(|claimed| claimed.row.directive == Some(other.directive.id)).count();
    assert_eq!((taken.len(), others), (6, 1), "five of one installation, and the other's only one");
    assert!(claim(&store, 5).await.taken.is_empty());

    // Each one that ends frees a slot for one.
    for claimed in taken.iter().filter(|claimed| claimed.row.directive != Some(other.directive.id)).take(2) {
        finish(&store, claimed).await;
        assert_eq!(claim_at_once(&database, 5).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_claimers_never_begin_more_pull_requests_than_a_repository_has_slots() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    for issue in 1..=3 {
        Life::started(&store, 7, issue, policy(2), "implement", &["a", "b", "c"]).await;
    }
    assert_eq!(claim_at_once(&database, MANY).await.len(), 2);
    assert!(claim_at_once(&database, MANY).await.is_empty());
}

#[tokio::test]
async fn a_pull_request_that_waits_for_a_person_takes_a_slot_until_it_is_answered() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let mut life = Life::started(&store, 7, 1, policy(1), "implement", &["a", "b", "c"]).await;
    let first = claim(&store, MANY).await;
    assert_eq!(tasks(&first), BTreeSet::from([life.task("a")]));

    // Verified and waiting, it still has the slot that its agent had.
    finish(&store, &first.taken[0]).await;
    life.waits("a").await;
    assert!(claim(&store, MANY).await.taken.is_empty());
    life.tell(Signal::Commanded(order(Command::Approve { step: Some("a".to_owned()) }))).await;
    assert_eq!(tasks(&claim(&store, MANY).await), BTreeSet::from([life.task("b")]));
}

#[tokio::test]
async fn a_report_whose_draft_was_closed_takes_no_slot_of_a_pull_request() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let mut life = Life::started(&store, 7, 1, policy(1), "implement", &["a", "b"]).await;
    let first = claim(&store, MANY).await;
    let (step, task) = (life.directive.step_named("a").unwrap().id, life.task("a"));
    assert_eq!(tasks(&first), BTreeSet::from([task]));
    finish(&store, &first.taken[0]).await;

    // Its agent shows a draft, and then reports that no change was needed. That waits for a person on the issue.
    life.tell(Signal::TaskStarted { task }).await;
    let pull = Pull::new(11, String::new(), true);
    life.tell(Signal::PullOpened { step, pull }).await;
    let evidence = Some("`src/lib.rs`, line 7".to_owned());
    let outcome = TaskOutcome::Unchanged { summary: String::new(), report: None, evidence, head: None };
    life.tell(Signal::TaskFinished { task, outcome, cost: Usd::ZERO }).await;
    assert!(life.directive.step(step).unwrap().report().is_some());
    assert!(life.directive.waiting().any(|approval| approval.step == Some(step)));
    assert_eq!(tasks(&claim(&store, MANY).await), BTreeSet::from([life.task("b")]));
}

#[tokio::test]
async fn a_pause_of_an_agent_holds_its_tasks_in_every_process_and_ends_by_itself() {
    let database = TestDatabase::new().await;
    let default = |store: Store| store.with_default_agent(Some("claude".to_owned()));
    let (store, other) = (default(database.store().await), default(database.store().await));
    let mut life = Life::started(&store, 7, 1, policy(5), "research", &["a"]).await;
    let named = Policy { agent: Some("codex".to_owned()), ..policy(5) };
    let codex = Life::open(&store, 8, 2, 1, named).await;
    let pause = |minutes: i64| AgentPause {
        agent: "claude".to_owned(),
        why: AgentErrorKind::Quota,
        until: (Utc::now() + chrono::Duration::minutes(minutes)).trunc_subsecs(6),
    };
    let long = pause(90);
    for pause in [&long, &pause(5)] {
        store.pause_agent(pause).await.unwrap();
    }
    let claims = claim(&other, MANY).await;
    assert_eq!(tasks(&claims), BTreeSet::from([codex.directive.tasks[0].id]), "another agent goes on");
    let [HeldTask { task, held: Wait::Agent(held), .. }] = &claims.held[..] else { panic!("{:?}", claims.held) };
    assert_eq!((*task, held), (life.task("a"), &long), "the longer one counts");
    life.tell(Signal::AgentPaused { task: *task, pause: long.clone() }).await;
    assert!(claim(&store, MANY).await.held.is_empty(), "it is told once");
    let paused = store.paused_agents().await.unwrap();
    let paused: Vec<_> = paused.iter().map(|it| (it.agent.as_str(), it.until, it.tasks)).collect();
    assert_eq!(paused, [("claude", long.until, 1)]);
    store.pause_agent(&pause(100)).await.unwrap();
    assert_eq!(claim(&store, MANY).await.held.len(), 1, "a later end is told again");
    sqlx::query("UPDATE agent_pauses SET until = now()").execute(&database.pool().await).await.unwrap();
    assert_eq!(tasks(&claim(&other, MANY).await), BTreeSet::from([life.task("a")]));
    assert!(store.paused_agents().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_task_that_is_tried_again_is_claimed_after_its_pause() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let mut life = Life::started(&store, 7, 1, policy(5), "research", &["a"]).await;
    let task = life.task("a");
    let reason = Failure::AgentExited { status: 1 };
    life.tell(Signal::TaskFinished { task, outcome: TaskOutcome::Failed { reason }, cost: Usd::ZERO }).await;
    assert_ne!(life.task("a"), task);
    // The row of the task that ended is closed, and nothing else is due.
    assert_eq!(tasks(&claim(&store, MANY).await), BTreeSet::from([task]));
    let seconds: f64 =
        sqlx::query_scalar("SELECT extract(epoch FROM run_after - now())::float8 FROM effects WHERE task_id = $1")
            .bind(life.task("a").0)
            .fetch_one(&database.pool().await)
            .await
            .unwrap();
    assert!((20.0..=30.0).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_task_that_waits_for_a_slot_is_reported_until_the_engine_knows() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let mut life = Life::started(&store, 7, 1, policy(1), "implement", &["a", "b"]).await;
    let told = claim(&store, MANY).await.held;
    let [HeldTask { directive, task, held: Wait::Capacity(held) }] = told[..] else { panic!("{told:?}") };
    assert_eq!((directive, task), (life.directive.id, life.task("b")));
    assert_eq!((held.by, held.limit, held.taken), (CapacityLimit::OpenPulls, 1, 1));
    assert_eq!(claim(&store, MANY).await.held.len(), 1, "the engine may have died before it was told");
    life.tell(Signal::TaskQueued { task, held }).await;
    assert!(claim(&store, MANY).await.held.is_empty());
}

#[tokio::test]
async fn planning_reports_and_reworks_wait_for_no_slot_of_a_pull_request() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let mut full = Life::started(&store, 7, 1, policy(1), "implement", &["a", "b"]).await;
    let first = claim(&store, MANY).await;
    finish(&store, &first.taken[0]).await;
    full.waits("a").await;
    assert!(claim(&store, MANY).await.taken.is_empty(), "the house is full");

    let planning = Life::open(&store, 3, 7, 2, policy(1)).await.directive.tasks[0].id;
    assert_eq!(tasks(&claim(&store, MANY).await), BTreeSet::from([planning]));
    let report = Life::started(&store, 7, 3, policy(1), "research", &["look"]).await;
    assert_eq!(tasks(&claim(&store, MANY).await), BTreeSet::from([report.task("look")]));

    // During its rework, `a` waits for nobody, and its agent opens no pull request: `b` gets the slot.
    let a = full.directive.step_named("a").unwrap();
    let (step, head) = (a.id, a.head().cloned().unwrap());
    full.tell(Signal::Conflicted { step, head, paths: vec!["x".to_owned()] }).await;
    assert_eq!(tasks(&claim(&store, MANY).await), BTreeSet::from([full.task("a"), full.task("b")]));
}

#[tokio::test]
async fn a_reached_limit_delays_no_other_work() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let names: Vec<String> = (0..12).map(|n| format!("step-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for issue in 1..=12 {
        Life::started(&store, 7, issue, policy(1), "implement", &names).await;
    }
    let other = Life::started(&store, 8, 1, policy(1), "implement", &["late"]).await;
    let one = async || tasks(&store.claim_effects(Lane::Agent, 1, LEASE, &[], MANY).await.unwrap());
    assert_eq!(one().await.len(), 1, "the only place of the first");
    assert_eq!(one().await, BTreeSet::from([other.task("late")]), "behind 143 that wait");
    assert!(one().await.is_empty());
}

#[tokio::test]
async fn a_worker_that_died_frees_its_slot_and_a_cancelled_task_takes_none() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let mut life = Life::started(&store, 7, 1, policy(1), "implement", &["a", "b"]).await;
    let dying = store.claim_effects(Lane::Agent, 1, Duration::ZERO, &[], MANY).await.unwrap();
    let again = claim(&store, MANY).await;
    assert_eq!(tasks(&again), tasks(&dying), "taken over, and its place with it");
    assert!(claim(&store, MANY).await.taken.is_empty());

    // The effect of a cancelled task is closed although there is no free slot.
    let b = life.task("b");
    life.tell(Signal::Commanded(order(Command::Pause { now: false }))).await;
    assert_eq!(tasks(&claim(&store, MANY).await), BTreeSet::from([b]));
}

#[tokio::test]
async fn a_task_whose_lease_lapsed_waits_while_its_directive_is_paused_or_its_budget_is_used_up() {
    let database = TestDatabase::new().await;
    let (store, pool) = (database.store().await, database.pool().await);
    let mut life = Life::started(&store, 7, 1, policy(5), "implement", &["a"]).await;
    let a = life.task("a");
    let dying = store.claim_effects(Lane::Agent, 1, Duration::ZERO, &[], MANY).await.unwrap();
    assert_eq!(tasks(&dying), BTreeSet::from([a]));
    life.tell(Signal::TaskStarted { task: a }).await;
    life.tell(Signal::Commanded(order(Command::Pause { now: false }))).await;
    assert!(claim(&store, MANY).await.taken.is_empty(), "what runs may end, and is not run again");
    life.tell(Signal::Commanded(order(Command::Resume))).await;
    let again = store.claim_effects(Lane::Agent, 1, Duration::ZERO, &[], MANY).await.unwrap();
    assert_eq!(tasks(&again), BTreeSet::from([a]));
    // Sums of more than 64 bits also work.
    let dear = "UPDATE tasks SET cost_micros = 9223372036854775807";
    sqlx::query(dear).execute(&pool).await.unwrap();
    assert!(claim(&store, MANY).await.taken.is_empty(), "the budget is asked at every claim");
    assert_eq!(store.summaries().await.unwrap()[0].cost, Usd(i64::MAX));
    sqlx::query("UPDATE tasks SET cost_micros = 0").execute(&pool).await.unwrap();
    assert_eq!(tasks(&claim(&store, MANY).await), BTreeSet::from([a]));
}

/// With more directives and rounds, this is `scripts/bench-claims`.
#[tokio::test]
async fn concurrent_claimers_return_everything_that_they_claimed() {
    let setting = |name: &str, few: u64| std::env::var(name).map_or(few, |value| value.parse().unwrap());
    let (issues, rounds) = (setting("ADJUTANT_BENCH_DIRECTIVES", 8), setting("ADJUTANT_BENCH_ROUNDS", 5));
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let names: Vec<String> = (0..10).map(|n| format!("step-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for issue in 1..=issues {
        Life::started(&store, issue % 10, issue, policy(3), "implement", &names).await;
    }
    for (claimers, what) in [(1, "one claimer"), (4, "four claimers at once")] {
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..claimers {
            let store = database.store().await;
            running.spawn(async move {
                let mut spans = Vec::new();
                for _ in 0..rounds {
                    let began = Instant::now();
                    for claimed in store.claim_effects(Lane::Agent, 2, LEASE, &[], 8).await.unwrap().taken {
                        assert_eq!(store.hand_back_effect(&claimed.row).await.unwrap(), Held::Yes);
                    }
                    spans.push(began.elapsed());
                }
                spans
            });
        }
        let mut spans: Vec<_> = running.join_all().await.into_iter().flatten().collect();
        spans.sort();
        let at = |share: usize| spans[(spans.len() - 1) * share / 100].as_secs_f64() * 1e3;
        let queued = issues * 10;
        println!("{what}, {queued} tasks queued: median {:.1} ms, 99 % {:.1} ms", at(50), at(99));
    }
}
