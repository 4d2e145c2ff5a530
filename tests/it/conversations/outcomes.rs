//! What check runs say of a verifier's output: counts, the failing tests, and annotations at their lines.

use adjutant_domain::status::StepStatus;
use serde_json::{Value, json};

use super::policy;
use super::verification::chain;
use crate::support::stage::{Stage, write};

const TESTS: &str = "\
import unittest

class UnitsTest(unittest.TestCase):
    def test_metres(self):
        self.assertEqual(2 * 3, 6)

    def test_feet(self):
        self.assertEqual(2 * 3, 7)

    @unittest.skip('later')
    def test_miles(self):
        pass
";

/// This app's check run of a verifier on a commit.
async fn check(stage: &Stage, head: &str, verifier: &str) -> Value {
    let path = format!("/commits/{head}/check-runs?check_name=adjutant%2F{verifier}");
    stage.get(&path).await["check_runs"][0].clone()
}

async fn annotations(stage: &Stage, check: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for page in 1..=3 {
        let path = format!("/check-runs/{}/annotations?per_page=100&page={page}", check["id"]);
        all.extend(stage.get(&path).await.as_array().unwrap().clone());
    }
    all
}

#[tokio::test]
async fn failures_are_counted_and_annotated_at_their_lines() {
    let verifiers = r#"
limits: { rework_cycles: 1 }
verifiers:
  - { name: test, run: "test ! -f test_units.py || python3 -m unittest -v test_units" }
  - { name: lint, run: "test ! -f many.c || cc -fsyntax-only -fmax-errors=0 many.c" }
"#;
    // GitHub takes fifty annotations in a request.
    let many = (1..=120).map(|n| format!("int f{n}(void) {{ return y{n}; }}")).collect::<Vec<_>>().join("\n");
    let script = chain(json!([write([("test_units.py", TESTS), ("many.c", &many)])]));
    let stage = Stage::set(verifiers, script).await;
    let issue = stage.directive("Do it.").await;
    let step = stage.step_is(issue, "a", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    let head = step.head().unwrap().as_str().to_owned();

    let test = check(&stage, &head, "test").await;
    let title = test["output"]["title"].as_str().unwrap();
    assert!(title.starts_with("1 passed, 1 failed, 1 skipped in "), "{title}");
    assert_eq!(test["conclusion"], "failure");
    let summary = test["output"]["summary"].as_str().unwrap();
    assert!(summary.contains("**Failed tests**\n\n- `test_units.UnitsTest.test_feet`"), "{summary}");
    let text = test["output"]["text"].as_str().unwrap();
    let last = text.lines().next_back().unwrap();
    assert!(last.contains("AssertionError: 6 != 7 (test\\_units.py:8)"), "{last}");
    let told = annotations(&stage, &test).await;
    let at = |it: &Value| (it["path"].clone(), it["start_line"].clone(), it["annotation_level"].clone());
    assert_eq!(told.iter().map(at).collect::<Vec<_>>(), [(json!("test_units.py"), json!(8), json!("failure"))]);
    assert_eq!(told[0]["message"], "AssertionError: 6 != 7");

    let lint = check(&stage, &head, "lint").await;
    assert_eq!(lint["output"]["annotations_count"], 120);
    let told = annotations(&stage, &lint).await;
    let lines: Vec<_> = told.iter().map(|it| it["start_line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (1..=120).collect::<Vec<_>>(), "each once, in order");
    assert!(told.iter().all(|it| it["path"] == "many.c"));
    stage.strike().await;
}

#[tokio::test]
async fn a_dependency_that_is_missing_comes_with_the_command_that_installs_it() {
    let missing = policy("").replace("! grep -qs broken *.txt", "test ! -f package.json || npm test");
    let package = json!({ "name": "widgets", "version": "1.0.0", "scripts": { "test": "no-such-linter" } }).to_string();
    let stage = Stage::set(&missing, chain(json!([write([("package.json", &package)])]))).await;
    let issue = stage.directive("Do it.").await;
    let step = stage.step_is(issue, "a", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    let said = stage.status_says(issue, "`npm ci` installs them").await;
    assert_eq!(said.matches("could not be run: ").count(), 1, "{said}");
    let test = check(&stage, step.head().unwrap().as_str(), "test").await;
    assert_eq!(test["conclusion"], "action_required", "{test}");
    // The failed effect is what the test is about.
    sqlx::query("DELETE FROM effects WHERE status = 'failed'").execute(&stage.pool).await.unwrap();
    stage.strike().await;
}
