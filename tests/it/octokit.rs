//! Two scripts with octokit.js, GitHub's own client for JavaScript: one acts as an app on a separate playground, and
//! one as the people of the main job. If octokit fails on the playground, the playground is wrong.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::support::foreign::{MainJob, free_address, made_once, or_skip, run, tell};
use crate::support::open_folder;
use github_conformance::Watched;

/// If it is set, a missing Node is a failure and not a reason to skip.
const REQUIRE: &str = "ADJUTANT_REQUIRE_NODE";
/// The oldest Node that octokit's packages support.
const OLDEST: u32 = 20;

const PACKAGES: &str = include_str!("../octokit/package-lock.json");

#[tokio::test]
async fn an_app_written_with_octokit_lives_on_the_playground() {
    let test = "an_app_written_with_octokit_lives_on_the_playground";
    let Some(modules) = or_skip(test, REQUIRE, modules().await) else { return };
    let folder = open_folder();
    let playground = Watched::start(adjutant::playground::options(folder.path().join("playground"))).await.uncounted();
    let mut story = script("app.mjs", folder.path(), &modules);
    story.args([&playground.url, &playground.repository, &playground.app_id.to_string()]);
    story.args([&playground.app_pem_path, &playground.webhook_secret_path]);
    story.arg(free_address().await.port().to_string());
    tell(&mut story, "story: the app kept its rule", String::new).await;
    playground.shutdown().await;
}

#[tokio::test]
async fn octokit_drives_an_issue_from_its_label_to_its_end() {
    let test = "octokit_drives_an_issue_from_its_label_to_its_end";
    let Some(modules) = or_skip(test, REQUIRE, modules().await) else { return };
    let job = MainJob::start().await;
    let mut story = script("story.mjs", job.folder.path(), &modules);
    job.tell(&mut story).await;
}

/// A script in a folder where Node finds its packages: it searches beside the script.
fn script(name: &str, folder: &Path, modules: &Path) -> Command {
    for file in ["common.mjs", name] {
        std::fs::copy(ours(file), folder.join(file)).unwrap();
    }
    std::os::unix::fs::symlink(modules.join("node_modules"), folder.join("node_modules")).unwrap();
    let mut node = Command::new("node");
    node.arg(folder.join(name)).current_dir(folder);
    node
}

fn ours(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/octokit").join(file)
}

/// The folder with octokit's packages, installed once for each version of Node and of the packages; else the reason why
/// there is none.
async fn modules() -> Result<PathBuf, String> {
    let version = run(Command::new("node").arg("--version")).await?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST) {
        return Err(format!("node is {}, and octokit needs {OLDEST} or newer", version.trim()));
    }
    made_once("octokit-modules", &format!("{version}{PACKAGES}"), install).await
}

async fn install(folder: PathBuf) -> Result<(), String> {
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(ours(file), folder.join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]);
    run(npm.current_dir(&folder)).await?;
    Ok(())
}
