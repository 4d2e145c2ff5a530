//! Limits that directives share, enforced where tasks are claimed: on real Postgres, with claimers at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use adjutant::domain::approval::ApprovalStatus;
use adjutant::domain::brief::{Brief, Requirement};
use adjutant::domain::directive::{Base, Directive};
use adjutant::domain::effect::Lane;
use adjutant::domain::engine;
use adjutant::domain::evaluation::{Verdict, VerifierResult};
use adjutant::domain::ids::{Branch, Login, Repo, Sha, TaskId, Usd};
use adjutant::domain::policy::Policy;
use adjutant::domain::signal::{Actor, Labelled, Permission, Signal, TaskOutcome};
use adjutant::domain::step::Pull;
use adjutant::domain::task::House;
use adjutant::store::Store;
use adjutant::store::effects::{Claimed, Claims, HeldTask};
use chrono::Utc;
use serde_json::{Value, json};

use crate::support::pg::TestDatabase;

const LEASE: Duration = Duration::from_mins(1);
/// More than any of these tests needs.
const MANY: u32 = 1_000;

/// One directive, and how it is taken further.
struct Life {
    store: Store,
    d: Directive,
}

fn somebody() -> Actor {
    Actor { login: Login::new("maintainer"), permission: Permission::Admin, bot: false }
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
        base: Some(Base { branch: Branch::new("main"), sha: Sha::new("a".repeat(40)), is_default: true }),
    }
}

fn policy(open_pull_requests: u32) -> Policy {
    let mut policy = Policy::default();
    policy.limits.open_pull_requests = open_pull_requests;
    policy.limits.parallel_tasks = 20;
    policy
}

impl Life {
    /// A directive in an issue of that repository, whose planning is queued.
    async fn open(store: &Store, installation: u64, repo: u64, issue: u64, policy: Policy) -> Self {
        let now = Utc::now();
        let decision = engine::open(&labelled(installation, repo, issue, policy), now);
        let d = decision.directive.clone().unwrap();
        let mut unit = store.begin().await.unwrap();
        unit.save(None, &d, now).await.unwrap();
        for effect in &decision.effects {
            unit.enqueue(d.id, effect).await.unwrap();
        }
        unit.commit().await.unwrap();
        Self { store: store.clone(), d }
    }

    /// Planned with these steps of a kind, which all may start.
    async fn started(store: &Store, repo: u64, issue: u64, policy: Policy, kind: &str, steps: &[&str]) -> Self {
        let mut life = Self::open(store, 3, repo, issue, policy).await;
        let steps: Vec<Value> = steps
            .iter()
            .map(|name| json!({ "name": name, "type": kind, "description": ".", "requirements": ["R1"] }))
            .collect();
        let planning = life.d.tasks[0].id;
        life.ended(planning, TaskOutcome::Planned { plan: json!({ "steps": steps }) }).await;
        life.tell(Signal::IntegrationCut).await;
        life
    }

    async fn tell(&mut self, signal: Signal) {
        let now = Utc::now();
        let decision = engine::decide(self.d.clone(), &signal, now);
        let after = decision.directive.unwrap();
        let mut unit = self.store.begin().await.unwrap();
        unit.save(Some(&self.d), &after, now).await.unwrap();
        for effect in &decision.effects {
            unit.enqueue(after.id, effect).await.unwrap();
        }
        unit.commit().await.unwrap();
        self.d = after;
    }

    /// A task ends, whose effect is in hand somewhere.
    async fn ended(&mut self, task: TaskId, outcome: TaskOutcome) {
        for claimed in self.store.claim_effects(Lane::Agent, 100, LEASE, MANY).await.unwrap().taken {
            if claimed.effect.task() == Some(task) {
                finish(&self.store, &claimed).await;
            } else {
                self.store.hand_back_effect(&claimed).await.unwrap().clone_from(&adjutant::store::effects::Held::Yes);
            }
        }
        self.tell(Signal::TaskFinished { task, outcome, cost: Usd::ZERO }).await;
    }

    fn task(&self, step: &str) -> TaskId {
        let step = self.d.step_named(step).unwrap().id;
        self.d.tasks.iter().rfind(|task| task.step == Some(step)).unwrap().id
    }

    /// A step's task has ended, its pull request is open, and it waits for a person.
    async fn waits(&mut self, step: &str) {
        let (id, head) = (self.d.step_named(step).unwrap().id, Sha::new(format!("{step}-head")));
        let outcome = TaskOutcome::Changed { head: head.clone(), summary: String::new(), findings: Vec::new() };
        self.tell(Signal::TaskFinished { task: self.task(step), outcome, cost: Usd::ZERO }).await;
        let pull = Pull { number: 10 + self.d.issue, node_id: String::new(), draft: false, closed: false };
        self.tell(Signal::PullOpened { step: id, pull }).await;
        let lint = VerifierResult {
            name: "lint".to_owned(),
            required: false,
            weight: 1.0,
            verdict: Verdict::Fail,
            summary: String::new(),
            tail: String::new(),
            duration_ms: 1,
        };
        let test = VerifierResult { name: "test".to_owned(), required: true, weight: 2.0, verdict: Verdict::Pass, ..lint.clone() };
        self.tell(Signal::Verified { step: id, head, results: vec![lint, test], findings: Vec::new() }).await;
        assert!(self.d.waiting().any(|approval| approval.step == Some(id)), "{step} should wait");
    }
}

async fn finish(store: &Store, claimed: &Claimed) {
    let mut unit = store.begin().await.unwrap();
    assert_eq!(unit.finish_effect(claimed).await.unwrap(), adjutant::store::effects::Held::Yes);
    unit.commit().await.unwrap();
}

async fn claim(store: &Store, per_installation: u32) -> Claims {
    store.claim_effects(Lane::Agent, 100, LEASE, per_installation).await.unwrap()
}

fn tasks(claims: &Claims) -> BTreeSet<TaskId> {
    claims.taken.iter().map(|claimed| claimed.effect.task().unwrap()).collect()
}
