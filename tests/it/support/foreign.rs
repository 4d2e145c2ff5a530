//! Shared by the tests with foreign clients: tools that are installed once, the real program with a playground, and a
//! script to run.

use std::future::Future;
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::pg::TestDatabase;
use super::{open_folder, until};
use github_conformance::Watched;

/// The time limit for one script on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);

/// A folder with a tool of this kind and version, installed on the first use; else the reason why there is none.
pub(crate) async fn made_once<F, M>(kind: &str, version: &str, make: M) -> Result<PathBuf, String>
where
    M: FnOnce(PathBuf) -> F,
    F: Future<Output = Result<(), String>>,
{
    let key = Uuid::new_v5(&Uuid::NAMESPACE_OID, version.as_bytes());
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let all = target.join(kind);
    let finished = all.join(key.simple().to_string());
    if finished.is_dir() {
        return Ok(finished);
    }
    // It has another name until it is complete, so that an interrupted or a concurrent run does no harm.
    std::fs::create_dir_all(&all).unwrap();
    let unfinished = all.join(format!("unfinished-{}", Uuid::new_v4().simple()));
    let made = make(unfinished.clone()).await;
    if made.is_err() || std::fs::rename(&unfinished, &finished).is_err() {
        let _ = std::fs::remove_dir_all(&unfinished);
    }
    made?;
    assert!(finished.is_dir(), "{kind} was made, by this run or by another");
    Ok(finished)
}

/// The tool. `None` if it is missing: that is printed, and it is a failure if the variable `require` is set.
pub(crate) fn or_skip<T>(test: &str, require: &str, tool: Result<T, String>) -> Option<T> {
    let reason = match tool {
        Ok(tool) => return Some(tool),
        Err(reason) => reason,
    };
    assert!(std::env::var_os(require).is_none(), "{require} is set, and {reason}");
    // Written directly to standard error, so that the test harness does not capture it.
    std::io::stderr().write_all(format!("skipped: {test}: {reason}\n").as_bytes()).unwrap();
    None
}

/// Runs a script to its end, which is recognised by its last line. If it fails, the output of `beside` is printed as
/// well.
pub(crate) async fn tell(story: &mut Command, last: &str, beside: impl FnOnce() -> String) {
    let output = story.stdin(Stdio::null()).kill_on_drop(true).output();
    let told = tokio::time::timeout(PATIENCE, output).await.expect("the story ends in time").unwrap();
    let said = String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{said}\n{}", beside());
    assert_eq!(told.stdout.lines().last().and_then(Result::ok).as_deref(), Some(last), "{said}");
}

/// A playground, and the real program with the demo's agent.
pub(crate) struct MainJob {
    pub(crate) playground: Watched,
    pub(crate) folder: TempDir,
    _serve: Child,
    _database: TestDatabase,
}

impl MainJob {
    /// Starts both, and gives each the other's address.
    pub(crate) async fn start() -> Self {
        let folder = open_folder();
        let database = TestDatabase::new().await;
        let playground =
            Watched::start(adjutant::playground::options(folder.path().join("playground"))).await.uncounted();
        let address = free_address().await;
        let serve = serve(folder.path(), &playground, &database, address);
        let ready = format!("http://{address}/readyz");
        until("serve is ready", || async {
            reqwest::get(&ready).await.is_ok_and(|answer| answer.status() == StatusCode::OK)
        })
        .await;
        playground.set_webhook_url(format!("http://{address}/webhooks/github"));
        Self { playground, folder, _serve: serve, _database: database }
    }

    /// Runs a script that leads the issue to its end.
    pub(crate) async fn tell(self, story: &mut Command) {
        story.args([&self.playground.url, &self.playground.repository]);
        let log = log_of(self.folder.path());
        let beside = || format!("serve's log ends:\n{}", end_of(&std::fs::read_to_string(log).unwrap_or_default()));
        tell(story, "story: the issue is closed", beside).await;
        self.playground.shutdown().await;
    }
}

fn log_of(folder: &Path) -> PathBuf {
    folder.join("serve.log")
}

/// The real program, with the demo's agent.
fn serve(folder: &Path, playground: &Watched, database: &TestDatabase, listen: SocketAddr) -> Child {
    // Agents run as another user, who may not read the folder that this program was built in.
    let program = folder.join("agent");
    std::fs::copy(env!("CARGO_BIN_EXE_adjutant"), &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let agent = serde_json::to_string(&[program.to_str().unwrap(), "demo-agent"]).unwrap();
    Command::new(env!("CARGO_BIN_EXE_adjutant"))
        .arg("serve")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("ADJUTANT_GITHUB_URL", &playground.url)
        .env("ADJUTANT_APP_ID", playground.app_id.to_string())
        .env("ADJUTANT_PRIVATE_KEY_FILE", &playground.app_pem_path)
        .env("ADJUTANT_WEBHOOK_SECRET_FILE", &playground.webhook_secret_path)
        .env("DATABASE_URL", database.url())
        .env("ADJUTANT_LISTEN", listen.to_string())
        .env("ADJUTANT_DATA_DIR", folder.join("data"))
        .env("ADJUTANT_AGENT_COMMAND", agent)
        .env("ADJUTANT_AGENT_MAX_USD", "0")
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(log_of(folder)).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// An address on which nobody listened a moment ago.
pub(crate) async fn free_address() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The output of a program; else its error output.
pub(crate) async fn run(command: &mut Command) -> Result<String, String> {
    let shown = format!("{:?}", command.as_std());
    let limit = Duration::from_mins(2);
    let output = match tokio::time::timeout(limit, command.stdin(Stdio::null()).kill_on_drop(true).output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("{shown} does not start: {error}")),
        Err(_) => return Err(format!("{shown} did not end within {} s", limit.as_secs())),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(format!("{shown} fails: {}", said.trim_end().lines().last().unwrap_or_default()))
}

fn end_of(log: &str) -> &str {
    let mut from = log.len().saturating_sub(6_000);
    while !log.is_char_boundary(from) {
        from += 1;
    }
    &log[from..]
}
