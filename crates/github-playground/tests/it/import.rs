//! The program with a user's own repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Runs git in a folder.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=trunk"])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A repository with two commits on `trunk`, a policy, and a file that is not committed.
pub(super) fn repository(folder: &Path) -> PathBuf {
    let path = folder.join("my gears");
    std::fs::create_dir_all(path.join(".github")).unwrap();
    git(&path, &["init", "--quiet"]);
    std::fs::write(path.join("README.md"), "# Gears\n").unwrap();
    git(&path, &["add", "--all"]);
    git(&path, &["commit", "--quiet", "-m", "Begin"]);
    std::fs::write(path.join(".github/app.yml"), "version: 1\n").unwrap();
    git(&path, &["add", "--all"]);
    git(&path, &["commit", "--quiet", "-m", "Say how"]);
    std::fs::write(path.join("draft.txt"), "not yet\n").unwrap();
    path
}

/// Every file below a folder with its time and content.
fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                files.push((entry.clone(), std::fs::read(entry).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_github-playground"));
    command.current_dir(folder).args(["--listen", "127.0.0.1:0", "--data", "data"]).args(arguments);
    command
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = program(folder, arguments).output().unwrap();
    assert_eq!(status.code(), Some(1), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stderr).into_owned()
}

async fn facts(folder: &Path, arguments: &[&str]) -> (Value, tokio::process::Child) {
    let mut command = tokio::process::Command::from(program(folder, arguments));
    let mut child = command.arg("--json").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_mins(1), lines.next_line()).await.expect("it starts").unwrap();
    (serde_json::from_str(&line.unwrap()).unwrap(), child)
}

#[tokio::test]
async fn a_repository_of_ones_own_is_copied_with_its_history_and_left_as_it_was() {
    let folder = TempDir::new().unwrap();
    let own = repository(folder.path());
    let bare = folder.path().join("bare.git");
    git(folder.path(), &["clone", "--quiet", "--bare", own.to_str().unwrap(), bare.to_str().unwrap()]);
    let before = everything(&own);
    let (facts, mut child) =
        facts(folder.path(), &["--import", "my gears", "--import", "maintainer/wheels=bare.git"]).await;
    assert_eq!(facts["repositories"], serde_json::json!(["acme/widgets", "acme/my-gears", "maintainer/wheels"]));
    let get = async |path: &str| {
        let url = format!("{}/repos{path}", facts["api_url"].as_str().unwrap());
        let request = reqwest::Client::new().get(url).bearer_auth("playground-maintainer").header("user-agent", "test");
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    for repository in ["/acme/my-gears", "/maintainer/wheels"] {
        assert_eq!(get(repository).await["default_branch"], "trunk", "{repository}");
        let commits = get(&format!("{repository}/commits")).await;
        let titles: Vec<_> =
            commits.as_array().unwrap().iter().map(|commit| commit["commit"]["message"].clone()).collect();
        assert_eq!(titles, ["Say how", "Begin"]);
        assert_eq!(commits[0]["sha"], git(&own, &["rev-parse", "HEAD"]), "it is the same history");
        assert!(get(&format!("{repository}/contents/.github/app.yml")).await["content"].is_string());
    }
    assert_eq!(get("/acme/my-gears/contents/draft.txt").await["message"], "Not Found");
    assert_eq!(everything(&own), before, "nothing was written where it came from");
    child.start_kill().unwrap();
    child.wait().await.unwrap();
}

#[test]
fn a_folder_that_cannot_be_imported_is_refused_with_the_remedy() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let own = repository(at);
    std::fs::create_dir(at.join("plain")).unwrap();
    std::fs::create_dir(at.join("empty")).unwrap();
    git(&at.join("empty"), &["init", "--quiet"]);
    let url = format!("file://{}", own.display());
    git(at, &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    git(at, &["clone", "--quiet", &url, "detached"]);
    git(&at.join("detached"), &["checkout", "--quiet", "--detach"]);
    git(at, &["clone", "--quiet", &url, "nested"]);
    git(&at.join("nested"), &["submodule", "--quiet", "add", &url, "vendor"]);
    git(&at.join("nested"), &["commit", "--quiet", "-m", "Nest"]);
    for (import, reason) in [
        ("no-such", "it cannot be read"),
        ("plain", "it is not a git repository"),
        ("empty", "it has no commits yet"),
        ("shallow", "git fetch --unshallow"),
        ("detached", "it is on no branch"),
        ("nested", "it has a submodule (vendor)"),
        ("acme/widgets=my gears", "acme/widgets is there already"),
        ("nobody/gears=my gears", "the owner nobody is neither acme nor one of the people"),
    ] {
        let said = refused(at, &["--import", import]);
        assert!(said.contains(reason), "{import}: {said}");
    }
}

#[tokio::test]
async fn no_program_that_the_repository_names_is_run() {
    let folder = TempDir::new().unwrap();
    let own = repository(folder.path());
    let ran = folder.path().join("ran");
    let program = folder.path().join("program");
    std::fs::write(&program, format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat\n", ran.display())).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let name = program.to_str().unwrap();
    std::fs::write(own.join(".git/info/attributes"), "* filter=evil diff=evil\n").unwrap();
    for key in [
        "core.fsmonitor",
        "filter.evil.clean",
        "filter.evil.process",
        "diff.evil.textconv",
        "diff.evil.command",
        "core.sshCommand",
        "uploadpack.packObjectsHook",
        "core.alternateRefsCommand",
    ] {
        git(&own, &["config", key, name]);
    }
    let hooks = folder.path().join("hooks");
    std::fs::create_dir(&hooks).unwrap();
    for hook in ["post-index-change", "reference-transaction", "post-checkout", "fsmonitor-watchman"] {
        std::fs::copy(&program, hooks.join(hook)).unwrap();
    }
    git(&own, &["config", "core.hooksPath", hooks.to_str().unwrap()]);
    let _ = std::fs::remove_file(&ran);
    // Changed, so that git would have to read it to find out whether its content changed.
    std::fs::write(own.join("README.md"), "# Wheel\n").unwrap();
    let (facts, mut child) = facts(folder.path(), &["--import", "my gears"]).await;
    assert_eq!(facts["repositories"], serde_json::json!(["acme/widgets", "acme/my-gears"]));
    assert!(!ran.exists(), "{}", std::fs::read_to_string(&ran).unwrap_or_default());
    child.start_kill().unwrap();
    child.wait().await.unwrap();
}
