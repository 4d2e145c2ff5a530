//! What an agent leaves behind: deeply nested folders, huge numbers of files, characters that no database stores. The
//! service continues, and the folders are removed in the end.

use super::stage::{Stage, WELL};

/// Nests folders below each of its arguments, `PLACE:LEVELS`.
const NEST: &str = r"
python3 - $NESTED <<'END'
import os, sys
start = os.getcwd()
for nested in sys.argv[1:]:
    place, levels = nested.split(':')
    os.chdir(start)
    os.chdir(place)
    for _ in range(int(levels)):
        os.mkdir('d')
        os.chdir('d')
    open('f', 'w').close()
END
";

/// Creates many empty files in each of its arguments.
const MANY: &str = r"
python3 - 200000 /tmp/many many <<'END'
import os, sys
for place in sys.argv[2:]:
    os.mkdir(place)
    for number in range(int(sys.argv[1])):
        os.close(os.open(f'{place}/{number}', os.O_CREAT | os.O_WRONLY))
END
";

/// The agent does `wrong` in its first try of a step, and works well in the rework. Returns the instructions of the
/// rework.
async fn reworked(stage: &Stage, wrong: &str) -> String {
    let told = r#"cp "$(dirname "$ADJUTANT_TASK_FILE")"/context/*rework.md told.txt"#;
    stage.agent(&["alpha"], &format!("if [ \"$kind\" = rework ]; then\n{told}\nelse\n{wrong}\nfi\n{WELL}"));
    let serve = stage.serve().await;
    let issue = stage.label("Leave much").await;
    stage.completes(issue, &["alpha"]).await;
    let cost = "SELECT (sum(cost_micros) / 1000)::bigint FROM tasks";
    assert_eq!(stage.count(cost).await, 200, "what the refused run cost is counted too");
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE kind IN ('step', 'rework')").await, 2);
    gone(stage).await;
    drop(serve);
    stage.file("told.txt").await
}

/// Waits until no clone and no home is left.
async fn gone(stage: &Stage) {
    let folders = [stage.trees("data"), stage.folder.path().join("data/scratch")];
    let left = || folders.iter().flat_map(std::fs::read_dir).map(Iterator::count).sum::<usize>();
    let mut last = left();
    // The removal takes time. Each check must find fewer files.
    while last > 0 {
        stage.wait("less is left", async || (left() < last).then_some(())).await;
        last = left();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deeply_nested_folders_are_refused_in_the_clone_and_removed_everywhere() {
    let mut stage = Stage::set("true").await;
    stage.time_limit = "300s";
    let nested = format!("NESTED=\"/tmp:19000 .:1000 $HOME:1000 $(dirname \"$ADJUTANT_RESULT_FILE\"):1000\"\n{NEST}");
    let told = reworked(&stage, &nested).await;
    assert!(told.contains("nested more than 200 deep; at most 200 levels are allowed"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_thousand_files_are_refused_in_the_clone_and_removed_everywhere() {
    let mut stage = Stage::set("true").await;
    stage.time_limit = "600s";
    let told = reworked(&stage, MANY).await;
    assert!(told.contains("200001 files are new or changed; at most 100000 may be"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planner_and_a_verifier_that_nest_folders_deeply_do_no_harm() {
    let nested = format!("NESTED=/tmp:19000\n{NEST}");
    let stage = Stage::set(&nested).await;
    stage.agent(&["alpha"], WELL);
    let serve = stage.serve().await;
    let issue = stage.label("Verify much").await;
    stage.completes(issue, &["alpha"]).await;
    gone(&stage).await;
    drop(serve);
}

#[tokio::test(flavor = "multi_thread")]
async fn u_0000_in_an_issue_and_in_a_result_stops_no_work() {
    let stage = Stage::set("true").await;
    let result = r#"{"summary":"did\u0000 it \ud800","evidence":"\u0000","cost_usd":0.1}"#;
    stage.agent(
        &["alpha"],
        &format!("echo \"$step\" > \"$step.txt\"\ncat > \"$ADJUTANT_RESULT_FILE\" <<'END'\n{result}\nEND\n"),
    );
    let serve = stage.serve().await;
    let issue = stage.label("A title\u{0} with U+0000").await;
    stage.completes(issue, &["alpha"]).await;
    assert_eq!(stage.count("SELECT count(*) FROM tasks WHERE kind = 'step'").await, 1);
    drop(serve);
}
