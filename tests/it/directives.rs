//! Stored directives: what is read back equals what was saved.

use adjutant::store::Store;
use adjutant_domain::actor::Actor;
use adjutant_domain::brief::{Brief, Requirement};
use adjutant_domain::command::Command;
use adjutant_domain::directive::{Base, Directive};
use adjutant_domain::engine;
use adjutant_domain::ids::{Branch, Login, Repo, Sha, Usd};
use adjutant_domain::policy::{Autonomy, Policy};
use adjutant_domain::signal::{Commanded, Labelled, Permission, Requester, Signal, Source, SourceKind, TaskOutcome};
use chrono::Utc;
use serde_json::json;

use crate::support::pg::TestDatabase;

fn maintainer() -> Requester {
    Requester { login: Login::new("maintainer"), permission: Permission::Admin, bot: false }
}

pub(crate) fn labelled() -> Labelled {
    Labelled {
        repo: Repo { id: 7, owner: "acme".to_owned(), name: "widgets".to_owned(), installation: 3 },
        issue: 12,
        earlier: 0,
        title: "Print lengths".to_owned(),
        author: Login::new("outsider"),
        actor: maintainer(),
        brief: Brief {
            goal: "Print lengths.".to_owned(),
            requirements: vec![Requirement { id: "R1".to_owned(), description: "Print.".to_owned() }],
            ..Brief::default()
        },
        policy: Ok(Policy { autonomy: Autonomy::Manual, ..Policy::default() }),
        base: Some(Base { branch: Branch::new("main"), sha: Sha::new("a".repeat(40)), is_default: true }),
        overrides: Vec::new(),
        agents: None,
    }
}

fn order(command: Command) -> Signal {
    Signal::Commanded(Commanded {
        actor: maintainer(),
        command,
        pull: None,
        sha: None,
        source: Source { kind: SourceKind::IssueComment, id: 1, node_id: String::new(), number: 12, index: 0 },
        at: Utc::now(),
        words: None,
        policy: None,
    })
}

/// Applies a signal, saves, and reads back the same.
async fn step(store: &Store, before: Option<Directive>, signal: Option<Signal>) -> Directive {
    let now = Utc::now();
    let decision = match (&before, &signal) {
        (Some(before), Some(signal)) => engine::decide(before.clone(), signal, now),
        _ => engine::open(&labelled(), now),
    };
    let after = decision.directive.unwrap();
    let mut unit = store.begin().await.unwrap();
    unit.save(before.as_ref(), &after, now).await.unwrap();
    unit.append_events(after.id, &decision.events, now);
    unit.commit().await.unwrap();
    assert_eq!(store.directive(after.id).await.unwrap().as_ref(), Some(&after), "after {signal:?}");
    after
}

fn planned(directive: &Directive, names: &[&str]) -> Signal {
    let steps: Vec<_> = names
        .iter()
        .map(|name| json!({ "name": name, "type": "implement", "description": "Do it.", "requirements": ["R1"] }))
        .collect();
    let task = directive.tasks.last().unwrap().id;
    let outcome = TaskOutcome::Planned { plan: json!({ "steps": steps }) };
    Signal::TaskFinished { task, outcome, cost: Usd::from_dollars(0.1) }
}

#[tokio::test]
async fn a_directive_is_read_back_as_it_was_saved_even_when_its_plan_was_turned_down() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let opened = step(&store, None, None).await;
    let sound = Signal::BaseVerified { round: 1, report: Box::default() };
    let opened = step(&store, Some(opened), Some(sound)).await;
    let asked = step(&store, Some(opened.clone()), Some(planned(&opened, &["parse", "print"]))).await;
    let again = step(&store, Some(asked), Some(order(Command::Rework { text: "one step".to_owned() }))).await;
    assert!(again.steps.is_empty());
    let planned_again = planned(&again, &["parse", "print", "prove"]);
    let asked = step(&store, Some(again), Some(planned_again)).await;
    let active = step(&store, Some(asked), Some(order(Command::Approve { step: None }))).await;
    let cut = step(&store, Some(active), Some(Signal::IntegrationCut)).await;
    assert_eq!(cut.steps.len(), 3);
    let task = cut.tasks.last().unwrap().id;
    let outcome = TaskOutcome::Changed { head: Sha::new("b"), summary: "done".to_owned(), findings: Vec::new() };
    let worked = step(&store, Some(cut), Some(Signal::TaskFinished { task, outcome, cost: Usd::ZERO })).await;

    // A superseded chain is read back as it was left, and with later changes to it.
    let replanned = step(&store, Some(worked), Some(order(Command::Replan { reason: "too large".to_owned() }))).await;
    assert_eq!((replanned.steps.len(), replanned.earlier.len()), (0, 5));
    let late = replanned.earlier.iter().find(|step| step.head().is_some()).unwrap().id;
    let merged = Signal::PullMerged { step: late, by: Actor::Person(Login::new("writer")), sha: None };
    let told = step(&store, Some(replanned), Some(merged)).await;
    let planned_again = planned(&told, &["more"]);
    let asked = step(&store, Some(told), Some(planned_again)).await;
    assert_eq!(asked.steps.len(), 2, "what was merged late stays beside what is planned");
}

#[tokio::test]
async fn a_report_that_version_1_saved_takes_no_place_among_pull_requests() {
    let database = TestDatabase::new().await;
    let (store, pool) = (database.store().await, database.pool().await);
    let directive = step(&store, None, None).await;
    // A report whose draft was closed; a commit; and a commit that was pushed after a report.
    let rows =
        "INSERT INTO steps (id, directive_id, generation, position, name, kind, status, branch, head, state, in_proof)
                SELECT gen_random_uuid(), $1, 1, 0, name, 'research', 'evaluating', name, head, state, true
                FROM (VALUES ('report', encode(sha256('All is well.'), 'hex'), '{\"report\": \"All is well.\"}'::jsonb),
                             ('commit', repeat('a', 40), '{\"report\": null}'),
                             ('pushed', repeat('b', 40), '{\"report\": \"All is well.\"}')) AS v1 (name, head, state)";
    sqlx::query(rows).bind(directive.id.0).execute(&pool).await.unwrap();
    sqlx::raw_sql(include_str!("../../migrations/0015_reports_in_proof.sql")).execute(&pool).await.unwrap();
    let counted: Vec<String> =
        sqlx::query_scalar("SELECT name FROM steps WHERE in_proof ORDER BY name").fetch_all(&pool).await.unwrap();
    assert_eq!(counted, ["commit", "pushed"]);
}
