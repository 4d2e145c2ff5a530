//! The program itself: its exit statuses, its reaction to signals, and a database that starts late.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::support::pg::TestDatabase;
use crate::support::settings::variables;
use crate::support::{open_folder, until};

/// `adjutant serve` with only these variables.
fn adjutant(variables: &[(String, String)], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    command.arg("serve").env_clear().current_dir(folder).kill_on_drop(true).stderr(Stdio::piped());
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("ADJUTANT_DATA_DIR", folder);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// An address on which nobody listened a moment ago.
async fn free_address() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn get(address: SocketAddr, path: &str) -> Option<StatusCode> {
    reqwest::get(format!("http://{address}{path}")).await.ok().map(|response| response.status())
}

async fn becomes_ready(address: SocketAddr) {
    until("it is ready", || async { get(address, "/readyz").await == Some(StatusCode::OK) }).await;
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
}

/// Waits for the end, and returns the exit status and all of standard error.
async fn end(mut child: Child) -> (Option<i32>, String) {
    let mut text = String::new();
    let mut stderr = child.stderr.take().unwrap();
    let finished = async {
        stderr.read_to_string(&mut text).await.unwrap();
        child.wait().await.unwrap()
    };
    let status = tokio::time::timeout(Duration::from_secs(20), finished).await.expect("it ends within 20 s");
    (status.code(), text)
}

#[tokio::test]
async fn wrong_settings_are_listed_and_end_it_with_status_2() {
    let folder = open_folder();
    let (status, text) = end(adjutant(&[], folder.path()).spawn().unwrap()).await;
    assert_eq!(status, Some(2), "{text}");
    for name in ["3 faults", "ADJUTANT_APP_ID", "ADJUTANT_PRIVATE_KEY", "ADJUTANT_WEBHOOK_SECRET"] {
        assert!(text.contains(name), "{name} is not in {text}");
    }
}

#[tokio::test]
async fn with_nothing_but_its_secrets_it_serves_from_a_private_postgres_and_sigterm_stops_both() {
    let folder = open_folder();
    let address = free_address().await;
    let variables = variables(&[("ADJUTANT_LISTEN", &address.to_string()), ("ADJUTANT_LOG_FORMAT", "json")]);
    let child = adjutant(&variables, folder.path()).spawn().unwrap();
    becomes_ready(address).await;
    signal(&child, "-TERM");
    let (status, text) = end(child).await;
    assert_eq!(status, Some(0), "{text}");
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("every line is JSON");
    }
    assert!(!folder.path().join("postgres/data/postmaster.pid").exists());
}

#[tokio::test]
async fn after_a_kill_9_it_goes_on_with_the_postgres_that_was_left_behind() {
    let folder = open_folder();
    let address = free_address().await;
    let variables = variables(&[("ADJUTANT_LISTEN", &address.to_string())]);
    let mut first = adjutant(&variables, folder.path()).spawn().unwrap();
    becomes_ready(address).await;
    signal(&first, "-KILL");
    first.wait().await.unwrap();

    let second = adjutant(&variables, folder.path()).spawn().unwrap();
    becomes_ready(address).await;
    signal(&second, "-INT");
    let (status, text) = end(second).await;
    assert_eq!(status, Some(0), "{text}");
    assert!(!folder.path().join("postgres/data/postmaster.pid").exists());
}

#[tokio::test]
async fn a_private_postgres_that_dies_is_started_again() {
    let folder = open_folder();
    let address = free_address().await;
    let variables = variables(&[("ADJUTANT_LISTEN", &address.to_string())]);
    // Read while the program runs, because the line appears a moment after the server starts.
    let log = folder.path().join("log");
    let stderr = std::fs::File::create(&log).unwrap();
    let mut child = adjutant(&variables, folder.path()).stderr(stderr).spawn().unwrap();
    becomes_ready(address).await;
    let postmaster = || {
        let pid_file = std::fs::read_to_string(folder.path().join("postgres/data/postmaster.pid")).ok()?;
        pid_file.lines().next().map(str::to_owned)
    };
    let first = postmaster().unwrap();
    assert!(std::process::Command::new("kill").args(["-9", &first]).status().unwrap().success());
    until("another server runs", || async { postmaster().is_some_and(|pid| pid != first) }).await;
    becomes_ready(address).await;
    let text = || std::fs::read_to_string(&log).unwrap();
    until("it says so", || async { text().contains("was started again") }).await;
    signal(&child, "-TERM");
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait()).await.expect("it ends within 20 s");
    assert_eq!(status.unwrap().code(), Some(0), "{}", text());
}

#[tokio::test]
async fn it_waits_for_a_database_that_comes_late_and_says_so() {
    let database = TestDatabase::new().await;
    database.go_away().await;
    let folder = open_folder();
    let address = free_address().await;
    let variables = variables(&[("ADJUTANT_LISTEN", &address.to_string()), ("DATABASE_URL", &database.url())]);
    let log = folder.path().join("log");
    let stderr = std::fs::File::create(&log).unwrap();
    let mut child = adjutant(&variables, folder.path()).stderr(stderr).spawn().unwrap();
    until("it answers", || async { get(address, "/healthz").await == Some(StatusCode::OK) }).await;
    assert_eq!(get(address, "/readyz").await, Some(StatusCode::SERVICE_UNAVAILABLE));
    let text = || std::fs::read_to_string(&log).unwrap();
    let said = || text().contains("the database cannot be reached") && text().contains("trying again in");
    until("it says what it waits for", || async { said() }).await;
    database.come_back().await;
    becomes_ready(address).await;
    signal(&child, "-TERM");
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait()).await.expect("it ends within 20 s");
    assert_eq!(status.unwrap().code(), Some(0), "{}", text());
}
