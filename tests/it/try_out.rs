//! A user's own repository, policy and agent, tried with one command: `adjutant playground --serve --import`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::open_folder;

/// The time limit for any condition on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
const POLICY: &str = "autonomy: full_auto\nmerge: auto\nsetup: []\nverifiers:\n  - name: test\n    run: \"true\"\n";

/// The complete agent of the protocol's document.
fn documents_agent() -> &'static str {
    let document = include_str!("../../docs/agent-protocol.md");
    let begun = document.split("```python\n").nth(1).expect("the document has an agent");
    begun.split("```\n").next().unwrap()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=Mona", "-c", "user.email=mona@example.com"];
    let done = std::process::Command::new("git").current_dir(folder).args(identity).args(arguments).output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn repository(folder: &Path) -> PathBuf {
    let own = folder.join("own");
    std::fs::create_dir_all(own.join(".github")).unwrap();
    std::fs::write(own.join(".github/adjutant.yml"), POLICY).unwrap();
    git(&own, &["init", "--quiet", "--initial-branch", "trunk"]);
    git(&own, &["add", "--all"]);
    git(&own, &["commit", "--quiet", "-m", "Begin"]);
    own
}

/// Starts it, and waits until it prints its addresses.
async fn begin(folder: &Path, temporary: &Path, listen: &str) -> Child {
    let agent = folder.join("agent");
    std::fs::write(&agent, documents_agent()).unwrap();
    std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    command.args(["playground", "--serve", "--import", "acme/mine=own", "--listen", listen]);
    command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("TMPDIR", temporary);
    // A trial must not touch the user's real work: a use of either would fail.
    command.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/real").env("ADJUTANT_CONFIG", "/no/such/file.toml");
    command.env("ADJUTANT_AGENT_COMMAND", agent).env("ADJUTANT_AGENT_MAX_USD", "0");
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut child = command.stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("acme/mine/issues/new") {
                return;
            }
        }
        panic!("it ended: {}", std::fs::read_to_string(folder.join("log")).unwrap());
    };
    tokio::time::timeout(PATIENCE, said).await.expect("it says where to look");
    // Keeps reading, because a closed pipe would end the program.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

async fn ask(method: Method, url: String, body: Option<Value>) -> Value {
    let mut request = reqwest::Client::new().request(method, url).bearer_auth("playground-maintainer");
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_repository_goes_from_a_label_to_a_merge_by_one_command_and_nothing_stays() {
    let folder = open_folder();
    let (own, temporary) = (repository(folder.path()), folder.path().join("tmp"));
    std::fs::create_dir(&temporary).unwrap();
    let before = git(&own, &["for-each-ref"]);
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut child = begin(folder.path(), &temporary, &listen).await;
    let api = format!("http://{listen}/api/v3/repos/acme/mine");
    assert_eq!(ask(Method::GET, format!("{api}/labels/directive"), None).await["color"], "1d76db");
    let new = json!({ "title": "Note it", "body": "In a file.", "labels": ["directive"] });
    let issue = ask(Method::POST, format!("{api}/issues"), Some(new)).await["number"].to_string();
    let closed = async {
        while ask(Method::GET, format!("{api}/issues/{issue}"), None).await["state"] != "closed" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
    tokio::time::timeout(PATIENCE, closed).await.unwrap_or_else(|_| panic!("the issue stays open: {}", log()));
    let noted = ask(Method::GET, format!("{api}/contents/NOTES.md?ref=trunk"), None).await;
    assert_eq!(noted["content"], "LSBOb3RlIGl0Cg==\n", "the agent's words are on the branch that was imported");
    git(folder.path(), &["clone", "--quiet", &format!("http://{listen}/acme/mine.git"), "outcome"]);
    assert!(folder.path().join("outcome/NOTES.md").exists());

    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends when it is told to").unwrap();
    assert!(ended.success(), "{ended}: {}", log());
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(git(&own, &["for-each-ref"]), before, "one's own repository is as it was");
}

#[tokio::test]
async fn without_an_agent_it_does_not_begin() {
    let folder = open_folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_adjutant"));
    command.args(["playground", "--serve", "--listen", "127.0.0.1:0"]).current_dir(folder.path()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("TMPDIR", folder.path());
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("ADJUTANT_AGENT_COMMAND"), "{said}");
}
