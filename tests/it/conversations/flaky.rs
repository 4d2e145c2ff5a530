//! Flaky verifiers. They are told by a file outside of the tree how often they ran, so that these run without a sandbox.

use std::path::Path;

use adjutant_domain::evaluation::{Confidence, EvaluationReason};
use adjutant_domain::step::StepState;
use serde_json::json;

use crate::support::stage::{Stage, plan, step, write};

const UNCONFINED: [(&str, &str); 1] = [("ADJUTANT_SANDBOX", "none")];

/// A required verifier that asks `command` where a change has `racy.txt`; a file with `ugly` in it is yellow.
fn policy(command: &str) -> String {
    format!(
        "setup: []\nverifiers:\n  - {{ name: test, run: \"! test -e racy.txt || {command}\" }}\n  \
         - {{ name: lint, run: \"! grep -qs ugly *.txt\" }}\n"
    )
}

fn mark(folder: &Path) -> String {
    folder.join("mark").display().to_string()
}

/// A step whose change the verifier is asked about.
async fn stage(command: &str, text: &str) -> Stage {
    let script = json!({ "plan": [plan([step("a", &[])])], "a": [write([("racy.txt", text)])] });
    Stage::set_with(&policy(command), script, &UNCONFINED).await
}

impl Stage {
    async fn is_flaky(&self, issue: u64) {
        let flaky = |reasons: &[EvaluationReason]| {
            reasons.contains(&EvaluationReason::Flaky { verifier: "test".to_owned(), required: true })
        };
        let is = |state: &StepState| state.evaluation().is_some_and(|evaluation| flaky(&evaluation.reasons));
        let step = self.step_is(issue, "a", "is flaky", |step| is(&step.state)).await;
        assert_eq!((step.reworks, step.state.evaluation().unwrap().confidence), (0, Confidence::Yellow));
        self.status_says(issue, "the required verifier `test` is flaky: it failed and passed on this commit").await;
        let told = self.transcript().await;
        assert!(told.contains("## Check adjutant/test: neutral: ⚠️ flaky: failed and passed on this commit"), "{told}");
        assert!(told.contains("| test | ⚠️ flaky: failed and passed on this commit | required, weight 1, counts half"));
    }
}

#[tokio::test]
async fn a_required_verifier_that_fails_once_is_run_again_and_shown_as_flaky() {
    let folder = tempfile::tempdir().unwrap();
    let mark = mark(folder.path());
    let stage = stage(&format!("test -e {mark} || {{ touch {mark}; false; }}"), "fine\n").await;
    let issue = stage.directive("Race.").await;
    stage.asks(issue, "a").await;
    stage.is_flaky(issue).await;
    stage.strike().await;
}

#[tokio::test]
async fn what_passed_and_fails_when_it_is_verified_again_is_flaky_and_never_green_again() {
    let folder = tempfile::tempdir().unwrap();
    let mark = mark(folder.path());
    let stage = stage(&format!("! test -e {mark}"), "fine\n").await;
    let issue = stage.directive("Race.").await;
    let pull = stage.asks(issue, "a").await;
    let green = stage.step_is(issue, "a", "is verified", |step| step.state.evaluation().is_some()).await;
    assert_eq!(green.state.evaluation().unwrap().confidence, Confidence::Green);
    std::fs::write(&mark, "").unwrap();
    stage.as_("maintainer").comment(pull, "/verify").await;
    stage.is_flaky(issue).await;
    // It passes again, and still failed before.
    std::fs::remove_file(&mark).unwrap();
    let before = stage.step_is(issue, "a", "waits", |_| true).await.verifications;
    stage.as_("maintainer").comment(pull, "/verify").await;
    let again = |state: &StepState| state.evaluation().is_some();
    stage.step_is(issue, "a", "is verified again", |step| step.verifications > before && again(&step.state)).await;
    stage.is_flaky(issue).await;
    stage.strike().await;
}

#[tokio::test]
async fn what_fails_twice_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let mark = mark(folder.path());
    let stage = stage(&format!("{{ echo ran >> {mark}; false; }}"), "fine\n").await;
    let issue = stage.directive("Broken.").await;
    stage.step_is(issue, "a", "is reworked", |step| step.rework_cycles > 0).await;
    let runs = std::fs::read_to_string(&mark).unwrap();
    assert!(runs.lines().count() >= 2, "{runs}");
    stage.strike().await;
}
