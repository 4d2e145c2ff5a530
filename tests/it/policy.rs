//! The policy outside GitHub: `adjutant check policy`, `adjutant schema`, and what the documents say about it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use adjutant_domain::engine::table::{Case, Next, Remaining, next};
use adjutant_domain::evaluation::Confidence;
use adjutant_domain::policy::{self, Autonomy, FinalMerge, Policy};
use serde_json::Value;

const POLICY_DOCUMENT: &str = "docs/policy.md";

fn adjutant(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_adjutant"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// The exit status, standard output and standard error.
fn said(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = adjutant(arguments, input);
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn repository_file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn a_valid_policy_is_printed_in_full_with_its_defaults_marked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adjutant.yml");
    std::fs::write(&file, "autonomy: manual\nlimits: { steps: 5 }\n").unwrap();
    let (status, told, errors) = said(&["check", "policy", file.to_str().unwrap()], b"");
    assert_eq!((status, errors.as_str()), (0, ""));
    let line = |start: &str| told.lines().find(|line| line.trim().starts_with(start)).unwrap().to_owned();
    assert!(!line("autonomy: manual").contains("default") && !line("steps: 5").contains("default"), "{told}");
    assert!(line("merge: person").ends_with("# default") && line("base:").contains("default branch"), "{told}");
    let mut expected = Policy { autonomy: Autonomy::Manual, ..Policy::default() };
    expected.limits.steps = 5;
    assert_eq!(policy::parse(&told), Ok(expected), "what is told states the same policy");
}

#[test]
fn every_fault_is_printed_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adjutant.yml");
    std::fs::write(&file, "autonmy: manual\n\nlimits: { steps: 99 }\n").unwrap();
    let (status, told, _) = said(&["check", "policy", file.to_str().unwrap()], b"");
    assert_eq!(status, 1);
    let lines: Vec<_> = told.lines().collect();
    let file = file.display();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].starts_with(&format!("{file}:1: ")) && lines[0].ends_with("did you mean `autonomy`?"), "{told}");
    assert!(lines[1].starts_with(&format!("{file}:3: ")) && lines[1].contains("from 1 to 50"), "{told}");
}

#[test]
fn standard_input_is_read_and_binary_or_too_much_of_it_is_a_fault() {
    let (status, told, _) = said(&["check", "policy", "-"], b"label: x\n");
    assert!(status == 0 && told.contains("\nlabel: x\n"), "{told}");
    let (status, told, _) = said(&["check", "policy", "-"], b"label: x\nbase: \xff\n");
    assert_eq!(
        (status, told.as_str()),
        (1, "standard input:2: the file is no UTF-8 text from here on; save it as UTF-8.\n")
    );
    let (status, told, _) = said(&["check", "policy", "-"], "# long\n".repeat(20_000).as_bytes());
    assert!(status == 1 && told.contains("make it 65536 at most"), "{told}");
}

#[test]
fn an_unreadable_file_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.yml");
    for file in [missing.as_path(), folder.path()] {
        let (status, told, errors) = said(&["check", "policy", file.to_str().unwrap()], b"");
        assert_eq!((status, told.as_str()), (2, ""));
        assert!(errors.starts_with(&format!("adjutant: `{}` cannot be read: ", file.display())), "{errors}");
    }
}

#[test]
fn the_committed_schema_is_what_the_code_generates() {
    let (status, printed, _) = said(&["schema"], b"");
    assert_eq!(status, 0);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let committed: Value = serde_json::from_str(&repository_file("schema/adjutant.schema.json")).unwrap();
    assert_eq!(committed, printed, "refresh it: `cargo run -- schema > schema/adjutant.schema.json`");
}

/// The first code block of a language below a heading of a document.
fn code_block(document: &str, heading: &str, language: &str) -> String {
    let text = repository_file(document);
    let section = text.split(&format!("\n{heading}\n")).nth(1).unwrap();
    let block = section.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn the_documented_policy_has_every_key_and_states_the_defaults() {
    let yaml = code_block(POLICY_DOCUMENT, "## The file", "yaml");
    let stated = policy::read(&yaml).unwrap();
    let Policy { merge_method, base, agent, agents, setup, verifiers, judge, diff, protected_paths, .. } =
        stated.policy.clone();
    assert_eq!((base.as_deref(), agent.as_deref()), (Some("main"), Some("default")));
    assert!(verifiers.is_some() && judge.is_some() && !protected_paths.is_empty(), "these are examples");
    assert!(diff.max_files.is_some() && diff.max_lines.is_some(), "these too");
    assert!(merge_method.is_some(), "so is this");
    let mut examples = Policy {
        merge_method,
        base,
        agent,
        agents,
        setup,
        verifiers,
        judge,
        diff,
        protected_paths,
        ..Policy::default()
    };
    examples.limits.cost_ceiling = Some(examples.limits.cost_ceiling());
    assert_eq!(stated.policy, examples);
    let document = repository_file(POLICY_DOCUMENT);
    let schema = policy::schema();
    for (key, property) in schema["properties"].as_object().unwrap() {
        assert!(stated.said.contains(key), "{POLICY_DOCUMENT} does not show `{key}`");
        for inner in property["properties"].as_object().into_iter().flat_map(|inner| inner.keys()) {
            let shown = match key.as_str() {
                "judge" => true,
                "agents" => document.contains(&format!("`{inner}`")),
                _ => stated.said.contains(&format!("{key}.{inner}")),
            };
            assert!(shown, "{POLICY_DOCUMENT} does not show `{key}.{inner}`");
        }
    }
}

#[test]
fn the_example_policy_in_readme_can_be_used() {
    let yaml = code_block("README.md", "## One policy", "yaml");
    let policy = policy::parse(&yaml).unwrap();
    assert!(policy.verifiers.is_some() && policy != Policy::default());
}

/// The row of the documented table of rules that begins with these words.
fn rules_row(start: &str) -> Vec<String> {
    let document = repository_file(POLICY_DOCUMENT);
    let row =
        document.lines().find(|line| line.starts_with(&format!("| {start} |"))).unwrap_or_else(|| panic!("no {start}"));
    row.split('|').skip(2).take(3).map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn the_documented_table_of_rules_is_that_of_the_code() {
    use Autonomy::{FullAuto, Guardrails, Manual};
    use Confidence::{Green, Red, Yellow};
    let levels = [FullAuto, Guardrails, Manual];
    let case = |autonomy, confidence| Case {
        autonomy,
        confidence,
        into_base: false,
        merge: FinalMerge::Person,
        needs_person: false,
        remaining: Remaining::Rework,
    };
    let word = |next| match next {
        Next::Merge => "merges",
        Next::Ask => "waits for `/approve`",
        Next::Rework => "rework",
        Next::Replan => "planned anew while plans are left",
        Next::Block => "blocked, asks",
    };
    let row = |of: &dyn Fn(Autonomy) -> Case| levels.map(|level| word(next(of(level))).to_owned()).to_vec();
    assert_eq!(rules_row("green"), row(&|level| case(level, Green)));
    assert_eq!(rules_row("yellow"), row(&|level| case(level, Yellow)));
    assert_eq!(rules_row("red"), row(&|level| case(level, Red)));
    let used_up = |remaining| row(&move |level| Case { remaining, ..case(level, Red) });
    let (with_plans, without) = (used_up(Remaining::Plan), used_up(Remaining::Nothing));
    let cells = with_plans
        .into_iter()
        .zip(without)
        .map(|(with, without)| if with == without { with } else { format!("{with}, else {without}") });
    assert_eq!(rules_row("red, automatic reworks used up"), cells.collect::<Vec<_>>());
    for confidence in [Green, Yellow] {
        let protected = |level| Case { needs_person: true, ..case(level, confidence) };
        assert_eq!(rules_row("green or yellow, and a protected path was touched"), row(&protected));
    }
    // With steps that go straight into the base.
    let by = |level, merge| {
        let into_base = |confidence| next(Case { into_base: true, merge, ..case(level, confidence) });
        match (into_base(Green), into_base(Yellow)) {
            (Next::Merge, Next::Ask) => "green merges",
            (Next::Ask, Next::Ask) => "a person",
            other => panic!("the document has no words for {other:?}"),
        }
    };
    let cells = levels.map(|level| match (by(level, FinalMerge::Person), by(level, FinalMerge::Auto)) {
        (person, auto) if person == auto => person.to_owned(),
        (person, auto) => format!("{person}; with `merge: auto`, {auto}"),
    });
    assert_eq!(rules_row("final pull request, and every merge into the base"), cells);
}
