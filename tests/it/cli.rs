//! `adjutant directive`: the program itself with a real Postgres.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use adjutant::store::Store;
use adjutant::store::cluster::{Cluster, Durability};
use adjutant_domain::actor::Actor;
use adjutant_domain::command::Command as Order;
use adjutant_domain::directive::Directive;
use adjutant_domain::effect::Notice;
use adjutant_domain::engine;
use adjutant_domain::event::{Event, EventKind};
use adjutant_domain::ids::{Login, Usd};
use adjutant_domain::policy::Policy;
use adjutant_domain::refusal::Refusal;
use adjutant_domain::signal::{Labelled, Signal, TaskOutcome};
use chrono::Utc;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::directives::labelled;
use crate::support::pg::TestDatabase;
use crate::support::{self, open_folder};

/// The time limit for any condition on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn adjutant(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    command.arg("directive").args(arguments).env_clear().env("PATH", std::env::var("PATH").unwrap());
    command.envs(variables.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    tokio::time::timeout(PATIENCE, adjutant(arguments, variables).output()).await.expect("it ends").unwrap()
}

/// The output of a successful command.
async fn said(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run(arguments, variables).await;
    let faults = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && faults.is_empty(), "{arguments:?}: {:?} {faults}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

async fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = run(arguments, variables).await;
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A directive that was opened and planned, with its history.
async fn planned(store: &Store, issue: u64, title: &str) -> Directive {
    let now = Utc::now();
    let labelled = Labelled { issue, title: title.to_owned(), policy: Ok(Policy::default()), ..labelled() };
    let opened = engine::open(&labelled, now);
    let (before, _) = support::opened(&labelled, now);
    let steps = json!([
        { "name": "parse", "type": "implement", "description": "Parse.", "requirements": ["R1"] },
        { "name": "print", "type": "implement", "description": "Print.", "depends_on": ["parse"] },
    ]);
    let task = before.tasks[0].id;
    let outcome = TaskOutcome::Planned { plan: json!({ "steps": steps }) };
    let signal = Signal::TaskFinished { task, outcome, cost: Usd::from_dollars(0.25) };
    let decision = engine::decide(before.clone(), &signal, now);
    let after = decision.directive.unwrap();
    let mut unit = store.begin().await.unwrap();
    unit.save(None, &before, now).await.unwrap();
    unit.save(Some(&before), &after, now).await.unwrap();
    unit.append_events(after.id, &opened.events, now);
    unit.append_events(after.id, &decision.events, now);
    unit.commit().await.unwrap();
    after
}

async fn append(store: &Store, of: &Directive, kind: EventKind) {
    let actor = Actor::Person(Login::new("maintainer"));
    let event = Event { kind, actor, step: None };
    let mut unit = store.begin().await.unwrap();
    unit.append_events(of.id, &[event], Utc::now());
    unit.commit().await.unwrap();
}

#[tokio::test]
async fn directives_are_listed_and_shown_with_their_history() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let url = database.url();
    let variables = [("DATABASE_URL", url.as_str())];
    assert!(said(&["list"], &variables).await.contains("No directive is running"));
    let directive = planned(&store, 12, "Print \u{1b}[31mlengths").await;
    let other = planned(&store, 13, "Another").await;
    let why = Notice::Refused { reason: Refusal::Legacy("a\u{1b}[2Jb".to_owned()) };
    let (command, order) = ("pause".to_owned(), Some(Order::Pause { now: false }));
    append(&store, &directive, EventKind::CommandRefused { command, order, pull: None, why }).await;

    let listed = said(&["list"], &variables).await;
    let row = listed.lines().find(|line| line.contains("#12")).unwrap();
    for cell in ["acme/widgets#12", "active", "0/2", "$0.25", "Print \\u{1b}[31mlengths"] {
        assert!(row.contains(cell), "{row}");
    }
    assert!(said(&["list", "--repo", "gears"], &variables).await.contains("No directive"));
    let listed: Value =
        serde_json::from_str(&said(&["list", "--repo", "widgets", "--json"], &variables).await).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);

    let shown = said(&["show", "#12"], &variables).await;
    assert!(shown.contains("Chain, generation 1") && shown.contains("└─ · print"), "{shown}");
    let shown: Value =
        serde_json::from_str(&said(&["show", "--json", &other.id.to_string()], &variables).await).unwrap();
    assert_eq!(shown["directive"]["issue"], 13);

    let events = said(&["events", "acme/widgets#12"], &variables).await;
    assert!(
        events.lines().next().unwrap().contains("directive_opened") && events.contains("planning_completed"),
        "{events}"
    );
    assert!(!events.contains('\u{1b}'));
    let grave = said(&["events", "12", "--severity", "warning", "--json"], &variables).await;
    let grave: Vec<Value> = grave.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(grave.len(), 1);
    assert_eq!((&grave[0]["name"], &grave[0]["login"]), (&json!("command_refused"), &json!("maintainer")));
}

#[tokio::test]
async fn a_missing_directive_is_reported_with_the_remedy_and_the_exit_status() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let url = database.url();
    planned(&store, 12, "Print lengths").await;
    let (code, told) = refused(&["show", "acme/widget#12"], &[("DATABASE_URL", &url)]).await;
    assert_eq!(code, Some(1));
    assert!(told.contains("no directive `acme/widget#12`; the nearest are acme/widgets#12"), "{told}");

    let folder = open_folder();
    let data = folder.path().join("none");
    let (code, told) = refused(&["list"], &[("ADJUTANT_DATA_DIR", data.to_str().unwrap())]).await;
    assert_eq!(code, Some(2));
    assert!(
        told.contains("DATABASE_URL is not set") && told.contains("set DATABASE_URL, or ADJUTANT_DATA_DIR"),
        "{told}"
    );
    assert!(!data.exists(), "looking makes nothing");
    let (code, told) = refused(&["list"], &[("DATABASE_URL", "postgres://127.0.0.1:1/none")]).await;
    assert!(code == Some(2) && told.contains("check that it runs"), "{code:?} {told}");
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    planned(&store, 12, "Print lengths").await;
    let url = database.url();
    for arguments in [&["list"][..], &["show", "12"], &["events", "12"], &["events", "12", "--follow"]] {
        let mut child = adjutant(arguments, &[("DATABASE_URL", &url)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[tokio::test]
async fn following_shows_what_happens_as_it_happens() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let directive = planned(&store, 12, "Print lengths").await;
    let url = database.url();
    let mut child =
        adjutant(&["events", "12", "--follow"], &[("DATABASE_URL", &url)]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut waits_for = async |word: &str| {
        let found = tokio::time::timeout(PATIENCE, async {
            while !lines.next_line().await.unwrap().expect("it goes on").contains(word) {}
        });
        found.await.unwrap_or_else(|_| panic!("it never said {word}"));
    };
    waits_for("planning_completed").await;
    let (command, order) = ("resume".to_owned(), Order::Resume);
    append(&store, &directive, EventKind::CommandTaken { command, order, pull: None }).await;
    waits_for("command_taken").await;
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("ctrl-C ends it").unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn the_private_postgres_is_joined_while_it_runs_and_started_for_a_moment_when_it_does_not() {
    let folder = open_folder();
    let variables = [("ADJUTANT_DATA_DIR", folder.path().to_str().unwrap())];
    let cluster = Cluster::start_with(folder.path(), Durability::Throwaway).await.unwrap();
    let store = Store::connect(cluster.options()).await.unwrap();
    store.migrate().await.unwrap();
    planned(&store, 12, "Print lengths").await;
    assert!(said(&["list"], &variables).await.contains("acme/widgets#12"));
    store.ping().await.expect("the server runs on");
    store.close().await;
    cluster.stop().await.unwrap();
    assert!(said(&["list"], &variables).await.contains("acme/widgets#12"));
    assert!(!has_server(folder.path()), "nobody is left behind");
}

fn has_server(data_dir: &Path) -> bool {
    data_dir.join("postgres/data/postmaster.pid").exists()
}
