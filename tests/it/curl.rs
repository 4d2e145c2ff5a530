//! The main job, done with plain `git` and `curl` by a shell script.

use std::path::Path;

use tokio::process::Command;

use crate::support::foreign::{MainJob, or_skip, run};

/// If it is set, a missing program is a failure and not a reason to skip.
const REQUIRE: &str = "ADJUTANT_REQUIRE_CURL";

#[tokio::test]
async fn git_and_curl_drive_an_issue_from_its_label_to_its_end() {
    let test = "git_and_curl_drive_an_issue_from_its_label_to_its_end";
    let Some(()) = or_skip(test, REQUIRE, programs().await) else { return };
    let job = MainJob::start().await;
    let mut story = Command::new("bash");
    story.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/curl/story.sh"));
    job.tell(&mut story).await;
}

/// Whether all programs of the script are installed.
async fn programs() -> Result<(), String> {
    for program in ["bash", "curl", "git", "python3"] {
        run(Command::new(program).arg("--version")).await?;
    }
    Ok(())
}
