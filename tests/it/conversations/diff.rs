//! The `diff` verifier.

use serde_json::json;

use super::policy;
use crate::support::stage::{Stage, plan, step, write};

#[tokio::test]
async fn a_changed_registry_keeps_a_change_from_green_and_is_named() {
    let lock = |host: &str| {
        let resolved = format!("https://{host}/left-pad/-/left-pad-1.3.0.tgz");
        json!({ "packages": { "node_modules/left-pad": { "resolved": resolved } } })
    };
    let pretty = |value| serde_json::to_string_pretty(&value).unwrap();
    let (before, after) = (pretty(lock("registry.npmjs.org")), pretty(lock("evil.example")));
    let script = json!({
        "plan": [plan([step("lock", &[]), step("swap", &["lock"])])],
        "lock": [write([("package-lock.json", &before)])],
        "swap": [write([("package-lock.json", &after)])],
    });
    let stage = Stage::set(&policy(""), script).await;
    let issue = stage.directive("Do it.").await;
    let pull = stage.asks(issue, "swap").await;
    let shown = stage.get(&format!("/pulls/{pull}")).await;
    let told = "takes packages from `evil.example` (`left-pad`), which it did not before";
    stage.status_says(issue, told).await;
    let head = shown["head"]["sha"].as_str().unwrap().to_owned();
    let runs = stage.get(&format!("/commits/{head}/check-runs")).await;
    let run = runs["check_runs"].as_array().unwrap().iter().find(|run| run["name"] == "adjutant/diff").unwrap();
    assert_eq!((&run["conclusion"], &run["output"]["title"]), (&json!("neutral"), &json!("2 things to look at")));
    let summary = run["output"]["summary"].as_str().unwrap();
    assert!(summary.contains(told) && summary.contains("no manifest that it belongs to did"), "{summary}");
    stage.strike().await;
}
