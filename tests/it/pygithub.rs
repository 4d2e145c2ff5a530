//! The main job with a foreign client: `PyGithub`, in its own venv, with the playground and `serve`.
//!
//! Many people script GitHub with `PyGithub`. If it fails on the playground, the playground is wrong.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::support::foreign::{MainJob, made_once, or_skip, run};

/// If it is set, a missing Python is a failure and not a reason to skip.
const REQUIRE: &str = "ADJUTANT_REQUIRE_PYTHON";

const REQUIREMENTS: &str = include_str!("../pygithub/requirements.txt");

#[tokio::test]
async fn pygithub_drives_an_issue_from_its_label_to_its_end() {
    let test = "pygithub_drives_an_issue_from_its_label_to_its_end";
    let Some(python) = or_skip(test, REQUIRE, venv().await) else { return };
    let job = MainJob::start().await;
    let mut story = Command::new(python);
    story.arg(ours("story.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    job.tell(&mut story).await;
}

fn ours(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pygithub").join(file)
}

/// The Python of a venv with the requirements, installed once for each version of both; else the reason why there is
/// none.
async fn venv() -> Result<PathBuf, String> {
    let version = run(Command::new("python3").arg("--version")).await?;
    let folder = made_once("pygithub-venv", &format!("{version}{REQUIREMENTS}"), make_venv).await?;
    Ok(folder.join("bin/python"))
}

async fn make_venv(folder: PathBuf) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).await?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "-r"]);
    run(pip.arg(ours("requirements.txt"))).await?;
    Ok(())
}
