//! A program that a build tool does not find: what the machine lacks is put to a person, and what a change says of it is
//! red.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use adjutant_domain::baseline::BaselineState;
use adjutant_domain::directive::Directive;
use adjutant_domain::evaluation::Confidence;
use adjutant_domain::status::StepStatus;
use adjutant_domain::step::Step;
use serde_json::json;

use super::toolchains::{REQUIRE, checks, stage_of, stage_with, there};
use crate::support::foreign::or_skip;
use crate::support::open_folder;
use crate::support::stage::write;

/// A folder with one program, for `ADJUTANT_TOOLCHAINS`.
fn toolchain(program: &Path) {
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::write(program, "#!/bin/sh\nexit 0\n").unwrap();
    std::fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_program_that_this_machine_lost_is_named_and_verify_makes_the_work_green_without_an_agent() {
    let test = "a_program_that_this_machine_lost_is_named_and_verify_makes_the_work_green_without_an_agent";
    let Some(()) = or_skip(test, REQUIRE, there("make")) else { return };
    let folder = open_folder();
    let program = folder.path().join("checker/bin/widget-check");
    toolchain(&program);
    let toolchains = folder.path().join("checker").display().to_string();
    let files = [("Makefile", "test:\n\twidget-check --all\n")];
    let tries = json!([write([("a.txt", "a\n")])]);
    let more = [("ADJUTANT_TOOLCHAINS", toolchains.as_str())];
    let stage = stage_with("plan_approval: true\n", &files, tries, &more).await;
    let issue = stage.directive("Add faster.").await;
    let settled = |it: &Directive| it.plan.is_some() && it.baseline.passed_before("make test");
    stage.directive_is(issue, "its base passes and its plan waits", settled).await;
    std::fs::remove_file(&program).unwrap();
    stage.as_("maintainer").comment(issue, "/approve").await;
    let step = stage.step_is(issue, "a", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    let head = step.head().unwrap().to_string();
    let found = checks(&stage, &head, "make test").await;
    assert_eq!(found[0]["conclusion"], "action_required", "{found}");
    assert!(found[0]["output"]["title"].as_str().unwrap().contains("widget-check"), "{found}");
    stage.status_says(issue, "widget-check").await;
    let tasks = stage.directive_is(issue, "is there", |_| true).await.tasks.len();
    toolchain(&program);
    stage.as_("maintainer").comment(issue, "/verify").await;
    let verified = |step: &Step| step.state.evaluation().is_some();
    let step = stage.step_is(issue, "a", "is evaluated", verified).await;
    assert_eq!((step.rework_cycles, step.state.evaluation().unwrap().confidence), (0, Confidence::Green));
    assert_eq!(stage.directive_is(issue, "is there", |_| true).await.tasks.len(), tasks, "no agent ran");
    // The failed effect is what the test is about.
    sqlx::query("DELETE FROM effects WHERE status = 'failed'").execute(&stage.pool).await.unwrap();
    stage.strike().await;
}

#[tokio::test]
async fn a_head_that_says_that_a_program_is_missing_is_red_where_the_base_still_passes() {
    let test = "a_head_that_says_that_a_program_is_missing_is_red_where_the_base_still_passes";
    let Some(()) = or_skip(test, REQUIRE, there("make")) else { return };
    // A red test that is dressed up as one that could not be run.
    let files = [("Makefile", "test:\n\ttest ! -e a.txt || sh ./a.txt\n")];
    let dressed = "echo 'sh: 1: xo: not found'\necho 'make: *** [Makefile:2: test] Error 127'\nexit 1\n";
    let tries = json!([write([("a.txt", dressed)])]);
    let stage = stage_of("limits: { rework_cycles: 1 }\n", &files, tries).await;
    let issue = stage.directive("Add faster.").await;
    let step = stage.step_is(issue, "a", "is reworked", |step| step.rework_cycles == 1).await;
    let head = step.head().unwrap().to_string();
    let found = checks(&stage, &head, "make test").await;
    assert_eq!(found[0]["conclusion"], "failure", "{found}");
    assert!(found[0]["output"]["title"].as_str().unwrap().contains("xo: not found"), "{found}");
    stage.as_("maintainer").comment(issue, "/stop").await;
    stage.expect(step.pull.as_ref().unwrap().number, "stopped by maintainer").await;
    stage.strike().await;
}

#[tokio::test]
async fn a_program_that_the_base_lacks_under_make_is_asked_once_and_the_mended_policy_is_green() {
    let test = "a_program_that_the_base_lacks_under_make_is_asked_once_and_the_mended_policy_is_green";
    let Some(()) = or_skip(test, REQUIRE, there("make")) else { return };
    let files = [("Makefile", "test:\n\tno-such-checker --all\n")];
    let stage = stage_of("", &files, json!([write([("a.txt", "a\n")])])).await;
    let issue = stage.directive("Add faster.").await;
    stage.status_says(issue, "`make test` cannot be run: make: no-such-checker: No such file or directory").await;
    let asked = stage.directive_is(issue, "is asked", |it| it.baseline.state == BaselineState::Asked).await;
    assert!(asked.tasks.is_empty(), "no agent ran");
    let mended = "verifiers:\n  - { name: test, run: test -e README.md }\n";
    stage.as_("maintainer").write("main", ".github/adjutant.yml", Some(mended)).await;
    stage.as_("maintainer").comment(issue, "/reload").await;
    stage.expect(issue, "the policy was taken as it is now: `verifiers` changed").await;
    let step = stage.step_is(issue, "a", "is evaluated", |step| step.state.evaluation().is_some()).await;
    assert_eq!((step.rework_cycles, step.state.evaluation().unwrap().confidence), (0, Confidence::Green));
    stage.strike().await;
}
