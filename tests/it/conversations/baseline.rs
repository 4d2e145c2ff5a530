//! The base commit before anything is planned: what is wrong there is asked once, and costs nothing.

use serde_json::json;

use adjutant_domain::baseline::BaselineState;
use adjutant_domain::directive::Directive;
use adjutant_domain::evaluation::{Confidence, Verdict};
use adjutant_domain::step::{Step, StepState, VerifierProgress};

use super::verification::chain;
use crate::support::stage::{Stage, write};

/// Red until the file `mended.txt` is there.
const RED: &str = "autonomy: guardrails\nsetup: []\nverifiers:\n  - { name: test, run: test -e mended.txt }\n";

#[tokio::test]
async fn what_is_red_on_the_base_is_asked_before_an_agent_is_paid_and_is_not_held_against_a_change() {
    let stage = Stage::set(RED, chain(json!([write([("a.txt", "a\n")])]))).await;
    let issue = stage.directive("Do it.").await;
    stage.status_says(issue, "The base commit needs a person").await;
    stage.status_says(issue, "`test` is red before any change").await;
    let asked = stage.directive_is(issue, "is asked about", |it| it.baseline.state == BaselineState::Asked).await;
    assert!(asked.tasks.is_empty(), "no agent ran: {:?}", asked.tasks);
    stage.as_("maintainer").comment(issue, "/approve").await;
    stage.asks(issue, "a").await;
    let step = stage.step_is(issue, "a", "is evaluated", |step| step.state.evaluation().is_some()).await;
    let evaluation = step.state.evaluation().unwrap();
    assert_eq!((evaluation.confidence, step.rework_cycles), (Confidence::Yellow, 0), "{evaluation:?}");
    assert_eq!(evaluation.results[0].verdict, Verdict::Neutral);
    let path = format!("/commits/{}/check-runs?check_name=adjutant%2Ftest", step.head().unwrap());
    let check = stage.get(&path).await["check_runs"][0].clone();
    assert_eq!(check["conclusion"], "neutral", "{check}");
    stage.strike().await;
}

#[tokio::test]
async fn a_change_that_mends_what_was_red_on_the_base_is_green() {
    let stage = Stage::set(RED, chain(json!([write([("mended.txt", "a\n")])]))).await;
    let issue = stage.directive("Do it.").await;
    stage.status_says(issue, "The base commit needs a person").await;
    stage.as_("maintainer").comment(issue, "/approve baseline").await;
    let step = stage.step_is(issue, "a", "is evaluated", |step| step.state.evaluation().is_some()).await;
    assert_eq!(step.state.evaluation().unwrap().confidence, Confidence::Green);
    stage.strike().await;
}

#[tokio::test]
async fn verify_runs_the_base_again_without_an_agent() {
    let missing = "setup: []\nverifiers:\n  - { name: test, run: no-such-tool --all }\n";
    let stage = Stage::set(missing, chain(json!([write([("a.txt", "a\n")])]))).await;
    let issue = stage.directive("Do it.").await;
    stage.status_says(issue, "no-such-tool: not found").await;
    stage.as_("maintainer").comment(issue, "/verify").await;
    let again = |it: &Directive| it.baseline.round == 2 && it.baseline.state == BaselineState::Asked;
    let asked = stage.directive_is(issue, "is asked about again", again).await;
    assert!(asked.tasks.is_empty(), "no agent ran");
    stage.as_("maintainer").comment(issue, "/approve").await;
    let step = stage.step_is(issue, "a", "is evaluated", |step| step.state.evaluation().is_some()).await;
    assert_eq!(step.state.evaluation().unwrap().results[0].verdict, Verdict::Neutral);
    stage.strike().await;
}

#[tokio::test]
async fn a_policy_that_was_mended_after_the_label_is_taken_by_reload() {
    let missing = "setup: []\nverifiers:\n  - { name: test, run: no-such-tool --all }\n";
    let stage = Stage::set(missing, chain(json!([write([("a.txt", "a\n")])]))).await;
    let issue = stage.directive("Do it.").await;
    stage.status_says(issue, "no-such-tool: not found").await;
    let maintainer = stage.as_("maintainer");
    maintainer.write("main", ".github/adjutant.yml", Some("autonomy: nonsense\n")).await;
    let refused = maintainer.comment(issue, "/reload").await;
    stage.expect(issue, "What held before still holds").await;
    stage.reacted(refused, "-1").await;
    let mended = "setup: []\nverifiers:\n  - { name: test, run: test -e README.md }\n";
    maintainer.write("main", ".github/adjutant.yml", Some(mended)).await;
    maintainer.comment(issue, "/reload").await;
    stage.expect(issue, "the policy was taken as it is now: `verifiers` changed, and the work starts from").await;
    let step = stage.step_is(issue, "a", "is evaluated", |step| step.state.evaluation().is_some()).await;
    assert_eq!(step.state.evaluation().unwrap().confidence, Confidence::Green);
    stage.strike().await;
}

#[tokio::test]
async fn a_base_commit_that_waits_for_a_verifier_says_so() {
    let slow = "setup: []\nverifiers:\n  - { name: test, run: \"test ! -e a.txt || sleep 6\" }\n";
    let script = chain(json!([write([("a.txt", "a\n")])]));
    let stage = Stage::set_with(slow, script, &[("ADJUTANT_MAX_VERIFIERS", "1")]).await;
    let first = stage.directive("Do it.").await;
    let begun = |step: &Step| matches!(step.state, StepState::Verifying { progress: VerifierProgress::Running, .. });
    stage.step_is(first, "a", "is verified", begun).await;
    let second = stage.directive("Do it too.").await;
    stage.status_says(second, "The base commit waits to be verified: 1 of 1 verifications are at work.").await;
    stage.directive_is(second, "is planned", |it| it.plan.is_some()).await;
    for issue in [first, second] {
        stage.as_("maintainer").comment(issue, "/stop").await;
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_setup_that_fails_is_told_with_its_last_line_and_leaves_no_layer() {
    let broken = "setup: [echo the registry is away; exit 3]\nverifiers:\n  - { name: test, run: test -e /nowhere }\n";
    let stage = Stage::set(broken, chain(json!([write([("a.txt", "a\n")])]))).await;
    let issue = stage.directive("Do it.").await;
    stage.status_says(issue, "exited with status 3: the registry is away").await;
    stage.as_("maintainer").comment(issue, "/stop").await;
    stage.strike().await;
}

#[tokio::test]
async fn what_the_setup_installs_reaches_verifiers_and_agents_and_no_commit_changes_it() {
    let policy = "setup: [mkdir -p ~/bin dependency; echo installed > dependency/text; echo home > ~/bin/text]\n\
        verifiers:\n  - { name: test, run: \"grep -q installed dependency/text && grep -q home ~/bin/text && \
        echo poison > dependency/text && echo poison > ~/bin/text\" }\n";
    let agent = json!([write([("a.txt", "a\n")])]);
    let stage = Stage::set(policy, chain(agent)).await;
    let issue = stage.directive("Do it.").await;
    // The base, the first step and the second: each finds what the setup left, although each poisons what it sees.
    for name in ["a", "b"] {
        let step = stage.step_is(issue, name, "is evaluated", |step| step.state.evaluation().is_some()).await;
        assert_eq!(step.state.evaluation().unwrap().confidence, Confidence::Green);
    }
    stage.strike().await;
}
