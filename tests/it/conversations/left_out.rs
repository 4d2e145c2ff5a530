//! What is refused or left out of an agent's work is told where people read.

use serde_json::json;

use super::policy;
use crate::support::stage::{Stage, plan, step, write};

#[tokio::test]
async fn a_credential_behind_a_nul_and_an_ignored_file_are_refused_with_their_reasons() {
    let token = format!("ghp_{}", "A1b2C3d4E5f6".repeat(3));
    let script = json!({
        "plan": [plan([step("rules", &[]), step("leak", &["rules"]), step("hidden", &["rules"])])],
        "rules": [write([(".gitignore", "build/\n")])],
        "leak": [write([("a.dat", &format!("\u{0}\nT={token}\n"))])],
        "hidden": [write([("build/out.txt", "made\n")])],
    });
    let stage = Stage::set(&policy("limits: { rework_cycles: 1 }"), script).await;
    let issue = stage.directive("Do it.").await;
    stage.status_says(issue, "`a.dat` line 2 holds what looks like a GitHub personal access token").await;
    stage.status_says(issue, "`build/out.txt` is ignored by the rules in `.gitignore`").await;
    assert_eq!(stage.file("adjutant/1-1/g1-leak", "a.dat").await, None);
    stage.strike().await;
}

#[tokio::test]
async fn a_nested_repository_is_named_in_the_pull_request_and_keeps_it_from_green() {
    let script = json!({
        "plan": [plan([step("nest", &[])])],
        "nest": [write([("b.txt", "b\n"), ("part/.git/HEAD", "ref: refs/heads/main\n"), ("part/c.txt", "c\n")])],
    });
    let stage = Stage::set(&policy(""), script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "nest").await;
    let body = stage.get(&format!("/pulls/{pull}")).await["body"].to_string();
    assert!(body.contains("`part` is a git repository inside of the repository, and was left out"), "{body}");
    stage.status_says(issue, "was left out").await;
    stage.strike().await;
}
