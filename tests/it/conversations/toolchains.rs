//! Repositories of real ecosystems without a policy: the first try breaks a test, the second one mends it.
//!
//! None of them needs anything from a registry. A test whose tool this machine lacks is skipped, and says so.

use adjutant_domain::baseline::BaselineState;
use adjutant_domain::evaluation::Confidence;
use adjutant_domain::status::StepStatus;
use serde_json::{Value, json};

use super::verification::chain;
use crate::support::foreign::or_skip;
use crate::support::stage::{Stage, write};

/// Set where every tool has to be there.
pub(super) const REQUIRE: &str = "ADJUTANT_REQUIRE_TOOLCHAINS";

/// A repository of one ecosystem.
struct Project {
    /// A program that its commands need.
    tool: &'static str,
    /// The policy; empty where everything is detected.
    policy: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// The path of the code, what breaks a test, and what does not.
    code: &'static str,
    breaks: &'static str,
    mends: &'static str,
    /// The name of the check run that fails, its counts, and the line that is annotated.
    check: &'static str,
    counts: &'static str,
    line: (&'static str, u64),
}

/// Whether a program is where the sandbox sees it: below `/usr`, or in the toolchain of Rust that is in use.
pub(super) fn there(tool: &str) -> Result<(), String> {
    let found = tool == "cargo" || std::path::Path::new("/usr/bin").join(tool).is_file();
    found.then_some(()).ok_or_else(|| format!("there is no /usr/bin/{tool}"))
}

/// A repository with these files, and an agent that tries these.
pub(super) async fn stage_of(policy: &str, files: &[(&str, &str)], tries: Value) -> Stage {
    stage_with(policy, files, tries, &[]).await
}

/// As [`stage_of`], with more settings.
pub(super) async fn stage_with(policy: &str, files: &[(&str, &str)], tries: Value, more: &[(&str, &str)]) -> Stage {
    let stage = Stage::set_with(policy, chain(tries), more).await;
    // What the playground's repository is tested by itself.
    for path in ["Cargo.toml", "Cargo.lock", "tests/slips.rs"] {
        stage.as_("maintainer").write("main", path, None).await;
    }
    for (path, text) in files {
        stage.as_("maintainer").write("main", path, Some(text)).await;
    }
    stage
}

/// The check runs of a verifier on a commit, the newest first.
pub(super) async fn checks(stage: &Stage, commit: &str, verifier: &str) -> Value {
    let name = format!("adjutant/{verifier}").replace('/', "%2F").replace(' ', "%20");
    stage.get(&format!("/commits/{commit}/check-runs?check_name={name}")).await["check_runs"].clone()
}

async fn fails_and_is_mended(test: &str, project: Project) {
    let Some(()) = or_skip(test, REQUIRE, there(project.tool)) else { return };
    let tries = json!([write([(project.code, project.breaks)]), write([(project.code, project.mends)])]);
    let stage = stage_of(project.policy, project.files, tries).await;
    let issue = stage.directive("Add faster.").await;
    stage
        .directive_is(issue, "its base is verified", |it| {
            assert_ne!(it.baseline.state, BaselineState::Asked, "{:?}", it.baseline.report);
            it.baseline.state == BaselineState::Settled && !it.baseline.report.verifiers.is_empty()
        })
        .await;
    let red = stage.step_is(issue, "a", "is reworked", |step| step.rework_cycles == 1).await;
    let pull = red.pull.as_ref().unwrap().number;
    let step = stage.passed(issue, "a").await;
    assert_eq!((step.rework_cycles, step.state.evaluation().unwrap().confidence), (1, Confidence::Green));
    let commits = stage.get(&format!("/pulls/{pull}/commits")).await;
    let first = commits[0]["sha"].as_str().unwrap().to_owned();
    let found = checks(&stage, &first, project.check).await;
    let check = &found[0];
    assert_eq!(check["conclusion"], "failure", "{found}");
    let title = check["output"]["title"].as_str().unwrap();
    assert!(title.starts_with(project.counts), "{title}");
    let told = stage.get(&format!("/check-runs/{}/annotations", check["id"])).await;
    let at = |it: &Value| (it["path"].clone(), it["start_line"].clone());
    let expected = (json!(project.line.0), json!(project.line.1));
    assert!(told.as_array().unwrap().iter().map(at).any(|place| place == expected), "{told}");
    stage.strike().await;
}

#[tokio::test]
async fn cargo_fails_at_a_line_and_is_mended() {
    let project = Project {
        tool: "cargo",
        policy: "",
        files: &[
            ("Cargo.toml", "[package]\nname = \"widgets\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
            ("src/lib.rs", "pub fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n"),
            ("tests/adding.rs", "#[test]\nfn adds() {\n    assert_eq!(widgets::add(1, 2), 3);\n}\n"),
        ],
        code: "src/lib.rs",
        breaks: "pub fn add(a: u32, b: u32) -> u32 {\n    a * b\n}\n",
        mends: "pub fn add(a: u32, b: u32) -> u32 {\n    b + a\n}\n",
        check: "cargo test",
        counts: "0 passed, 1 failed in ",
        line: ("tests/adding.rs", 3),
    };
    fails_and_is_mended("cargo_fails_at_a_line_and_is_mended", project).await;
}

#[tokio::test]
async fn npm_fails_at_a_line_and_is_mended() {
    const TESTS: &str = "const { test } = require('node:test');\nconst assert = require('node:assert');\n\
        const { add } = require('../index.js');\n\ntest('adds', () => {\n  assert.strictEqual(add(1, 2), 3);\n});\n";
    let project = Project {
        tool: "npm",
        policy: "",
        files: &[
            ("package.json", r#"{"name":"widgets","version":"1.0.0","scripts":{"test":"node --test"}}"#),
            ("index.js", "exports.add = (a, b) => a + b;\n"),
            ("test/add.test.js", TESTS),
        ],
        code: "index.js",
        breaks: "exports.add = (a, b) => a * b;\n",
        mends: "exports.add = (a, b) => b + a;\n",
        check: "npm test",
        counts: "0 passed, 1 failed in ",
        line: ("test/add.test.js", 6),
    };
    fails_and_is_mended("npm_fails_at_a_line_and_is_mended", project).await;
}

#[tokio::test]
async fn pnpm_fails_at_a_line_and_is_mended() {
    const TESTS: &str = "const { test } = require('node:test');\nconst assert = require('node:assert');\n\
        const { add } = require('../index.js');\n\ntest('adds', () => {\n  assert.strictEqual(add(1, 2), 3);\n});\n";
    let project = Project {
        tool: "pnpm",
        // Without this, pnpm would come from a registry.
        policy: "setup: []\n",
        files: &[
            ("package.json", r#"{"name":"widgets","version":"1.0.0","scripts":{"test":"node --test"}}"#),
            ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n"),
            ("index.js", "exports.add = (a, b) => a + b;\n"),
            ("test/add.test.js", TESTS),
        ],
        code: "index.js",
        breaks: "exports.add = (a, b) => a * b;\n",
        mends: "exports.add = (a, b) => b + a;\n",
        check: "pnpm test",
        counts: "0 passed, 1 failed in ",
        line: ("test/add.test.js", 6),
    };
    fails_and_is_mended("pnpm_fails_at_a_line_and_is_mended", project).await;
}

#[tokio::test]
async fn a_check_of_a_real_tool_is_run_again_from_githubs_button_without_an_agent() {
    let test = "a_check_of_a_real_tool_is_run_again_from_githubs_button_without_an_agent";
    let Some(()) = or_skip(test, REQUIRE, there("make")) else { return };
    let files = [("Makefile", "test:\n\ttest ! -e a.txt\n")];
    let tries = json!([write([("a.txt", "a\n")]), write([("a.txt", "b\n")])]);
    let stage = stage_of("limits: { rework_cycles: 1 }\n", &files, tries).await;
    let issue = stage.directive("Add faster.").await;
    let step = stage.step_is(issue, "a", "is blocked", |step| step.status() == StepStatus::Blocked).await;
    let head = step.head().unwrap().to_string();
    let found = checks(&stage, &head, "make test").await;
    assert_eq!(found[0]["conclusion"], "failure", "{found}");
    let tasks = stage.directive_is(issue, "is there", |_| true).await.tasks.len();
    let verified = "SELECT count(*) FROM effects WHERE kind = 'verify' AND status = 'done'";
    let verifications = async || sqlx::query_scalar::<_, i64>(verified).fetch_one(&stage.pool).await.unwrap();
    let before = verifications().await;
    stage.as_("writer").rerun(&found[0]).await;
    stage.until("it is verified again", async || verifications().await > before).await;
    stage.step_is(issue, "a", "is blocked again", |step| step.status() == StepStatus::Blocked).await;
    let directive = stage.directive_is(issue, "is quiet", |_| true).await;
    assert_eq!(directive.tasks.len(), tasks, "no agent ran");
    assert_eq!(checks(&stage, &head, "make test").await[0]["conclusion"], "failure");
    stage.strike().await;
}

#[tokio::test]
async fn pytest_fails_at_a_line_and_is_mended() {
    let project = Project {
        tool: "pytest",
        // Without this, pytest would come from a registry.
        policy: "setup: []\n",
        files: &[
            ("pyproject.toml", "[tool.pytest.ini_options]\ntestpaths = [\"tests\"]\npythonpath = [\".\"]\n"),
            ("widgets.py", "def add(a, b):\n    return a + b\n"),
            ("tests/test_widgets.py", "import widgets\n\n\ndef test_add():\n    assert widgets.add(1, 2) == 3\n"),
        ],
        code: "widgets.py",
        breaks: "def add(a, b):\n    return a * b\n",
        mends: "def add(a, b):\n    return b + a\n",
        check: "pytest",
        counts: "0 passed, 1 failed in ",
        line: ("tests/test_widgets.py", 5),
    };
    fails_and_is_mended("pytest_fails_at_a_line_and_is_mended", project).await;
}

#[tokio::test]
async fn make_fails_at_a_line_and_is_mended() {
    let project = Project {
        tool: "make",
        policy: "",
        files: &[
            ("Makefile", "test:\n\tcc -Werror -o /tmp/widgets widgets.c && /tmp/widgets\n"),
            ("widgets.c", "int main(void) {\n    return 0;\n}\n"),
        ],
        code: "widgets.c",
        breaks: "int main(void) {\n    return faster;\n}\n",
        mends: "int main(void) {\n    return 1 - 1;\n}\n",
        check: "make test",
        counts: "",
        line: ("widgets.c", 2),
    };
    fails_and_is_mended("make_fails_at_a_line_and_is_mended", project).await;
}

#[tokio::test]
async fn go_fails_at_a_line_and_is_mended() {
    const TESTS: &str = "package widgets\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\
        \t\tt.Errorf(\"Add(1, 2) = %d\", Add(1, 2))\n\t}\n}\n";
    let project = Project {
        tool: "go",
        policy: "",
        files: &[
            ("go.mod", "module example.com/widgets\n\ngo 1.19\n"),
            ("widgets.go", "package widgets\n\nfunc Add(a, b int) int {\n\treturn a + b\n}\n"),
            ("widgets_test.go", TESTS),
        ],
        code: "widgets.go",
        breaks: "package widgets\n\nfunc Add(a, b int) int {\n\treturn a * b\n}\n",
        mends: "package widgets\n\nfunc Add(a, b int) int {\n\treturn b + a\n}\n",
        check: "go test",
        counts: "1 failed in ",
        line: ("widgets_test.go", 7),
    };
    fails_and_is_mended("go_fails_at_a_line_and_is_mended", project).await;
}
