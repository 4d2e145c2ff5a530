//! A foreign client tells the main job's story: `PyGithub`, in a venv of its own, against the playground and `serve`.
//!
//! `PyGithub` is what many people script GitHub with. Where it trips over the playground, the playground is wrong.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use adjutant::playground::PlaygroundOptions;
use reqwest::StatusCode;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::support::pg::TestDatabase;
use crate::support::truth::Watched;
use crate::support::{open_folder, until};

/// Set to anything, a missing Python is a failure and not a reason to skip.
const REQUIRE: &str = "ADJUTANT_REQUIRE_PYTHON";
/// How long the whole story may take on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(5);

const REQUIREMENTS: &str = include_str!("../pygithub/requirements.txt");

#[tokio::test]
async fn pygithub_drives_an_issue_from_its_label_to_its_end() {
    let python = match venv().await {
        Ok(python) => python,
        Err(reason) => {
            assert!(std::env::var_os(REQUIRE).is_none(), "{REQUIRE} is set, and {reason}");
            // Past the capture of the test harness, so that it is seen.
            writeln!(std::io::stderr(), "skipped: pygithub_drives_an_issue_from_its_label_to_its_end: {reason}")
                .unwrap();
            return;
        }
    };
    let folder = open_folder();
    let database = TestDatabase::new().await;
    let playground = Watched::start(PlaygroundOptions::new(folder.path().join("playground"))).await;
    let address = free_address().await;
    let log = folder.path().join("serve.log");
    let _serve = serve(folder.path(), &playground, &database, address, &log);
    let ready = format!("http://{address}/readyz");
    until("serve is ready", || async {
        reqwest::get(&ready).await.is_ok_and(|answer| answer.status() == StatusCode::OK)
    })
    .await;
    playground.set_webhook_url(format!("http://{address}/webhooks/github"));

    let story = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pygithub/story.py"))
        .args([&playground.url, &playground.repository])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true)
        .output();
    let told = tokio::time::timeout(PATIENCE, story).await.expect("the story ends in time").unwrap();
    let said = String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
    let log = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(told.status.success(), "{said}\nserve's log ends:\n{}", end_of(&log));
    assert_eq!(said.lines().last(), Some("story: the issue is closed"), "{said}");
    playground.shutdown().await;
}

/// The real program, with the demo's agent.
fn serve(folder: &Path, playground: &Watched, database: &TestDatabase, listen: SocketAddr, log: &Path) -> Child {
    // Agents run as another user, who may not look into the folder that this program was built in.
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
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(log).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// An address that nobody listened on a moment ago.
async fn free_address() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The Python of a venv with the requirements, made once for each version of both; else why there is none.
async fn venv() -> Result<PathBuf, String> {
    let version = run(Command::new("python3").arg("--version")).await?;
    let key = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{version}{REQUIREMENTS}").as_bytes());
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let venvs = target.join("pygithub-venv");
    let finished = venvs.join(key.simple().to_string());
    let python = finished.join("bin/python");
    if finished.is_dir() {
        return Ok(python);
    }
    // Under another name until it is complete: neither a run that is cut short nor one beside this does harm.
    std::fs::create_dir_all(&venvs).unwrap();
    let unfinished = venvs.join(format!("unfinished-{}", Uuid::new_v4().simple()));
    let made = make_venv(&unfinished).await;
    if made.is_err() || std::fs::rename(&unfinished, &finished).is_err() {
        let _ = std::fs::remove_dir_all(&unfinished);
    }
    made?;
    assert!(finished.is_dir(), "the venv was made, by this run or by another");
    Ok(python)
}

async fn make_venv(folder: &Path) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder)).await?;
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pygithub/requirements.txt");
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "-r"]);
    run(pip.arg(requirements)).await?;
    Ok(())
}

/// What a program prints; else what it complains of.
async fn run(command: &mut Command) -> Result<String, String> {
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
