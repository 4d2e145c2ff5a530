//! The rules for imports (ARCHITECTURE.md), checked on the source. The crates' manifests have the rules for crates.

use std::path::PathBuf;
use std::process::Command;

use super::{below, module, named};

/// The modules that each top-level module may import. A module that is not listed may import none.
const ARROWS: &[(&str, &[&str])] = &[
    ("store", &[]),
    ("github", &[]),
    ("workspace", &[]),
    ("report", &[]),
    ("agent", &["workspace"]),
    ("agent_check", &["agent", "report", "settings", "workspace"]),
    ("verify", &["workspace"]),
    ("environment", &["verify", "workspace"]),
    ("playground", &[]),
    ("settings", &[]),
    ("logging", &["settings"]),
    (
        "runtime",
        &["agent", "agent_check", "environment", "github", "report", "settings", "store", "verify", "workspace"],
    ),
    ("web", &["store"]),
    ("serve", &["environment", "github", "runtime", "settings", "store", "web", "workspace"]),
    ("cli", &["report", "settings", "store", "workspace"]),
];
/// The modules of the library that the binary's modules may import.
const BINARY: &[(&str, &[&str])] = &[
    ("main", &["agent", "cli", "logging", "serve", "settings", "workspace"]),
    ("check", &["agent", "agent_check", "environment", "report", "settings", "verify", "workspace"]),
    ("demo", &["playground", "report", "serve", "settings", "store", "workspace"]),
    ("prices", &["settings"]),
    ("try_out", &["logging", "playground", "serve", "settings", "workspace"]),
];
/// The modules of the runtime that each of its modules may import, from the bottom up; `mod` may import all. A handler
/// of an effect reaches the engine only through `sink`.
const RUNTIME: &[(&str, &[&str])] = &[
    ("reach", &[]),
    ("newer", &[]),
    ("fitness", &[]),
    ("app", &["fitness", "newer", "reach"]),
    ("access", &["app"]),
    ("checkup", &["app", "fitness"]),
    ("apply", &["app"]),
    ("sink", &["app", "apply"]),
    ("effects", &["app", "sink"]),
    ("ingest", &[]),
    ("deliveries", &["app", "apply", "ingest"]),
    ("redelivery", &["app"]),
    ("reconcile", &["app", "deliveries", "ingest"]),
    ("outbox", &["app", "apply", "effects", "sink"]),
    ("sweep", &["app", "apply", "effects", "reconcile", "redelivery"]),
];
/// Words that must not be in the domain, because they would make it impure.
const IMPURE: &[&str] = &["tokio", "sqlx", "reqwest", "octocrab", "std::fs", "std::env", "Utc::now", "new_v4"];
/// The most lines of a file.
const MOST_LINES: usize = 500;

/// The path below the bot's src/ and the text of each file.
fn sources() -> Vec<(PathBuf, String)> {
    below("src")
}

fn allowed(arrows: &[(&str, &[&str])], from: &str) -> Option<Vec<String>> {
    let (_, to) = arrows.iter().find(|(module, _)| *module == from)?;
    Some(to.iter().copied().chain([from]).map(str::to_owned).collect())
}

#[test]
fn arrows_between_modules_point_down_only() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let from = module(&path);
        let (root, arrows) =
            if allowed(BINARY, &from).is_some() { ("adjutant::", BINARY) } else { ("crate::", ARROWS) };
        if from == "lib" {
            continue;
        }
        let allowed = allowed(arrows, &from).unwrap_or_else(|| panic!("src/{from} has no place in the map yet"));
        for to in named(&text, root).into_iter().filter(|to| !allowed.contains(to)) {
            wrong.push(format!("{}: {from} imports {to}", path.display()));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn the_layers_of_the_runtime_point_down_only() {
    let mut wrong = Vec::new();
    for (path, text) in below("src/runtime") {
        let from = module(&path);
        if from == "mod" {
            continue;
        }
        let allowed = allowed(RUNTIME, &from).unwrap_or_else(|| panic!("runtime::{from} has no layer yet"));
        // A folder's `mod.rs` is as deep as a file beside the folder.
        let depth = path.components().count() - usize::from(path.ends_with("mod.rs"));
        let by_parents = named(&text, &"super::".repeat(depth));
        for to in by_parents.union(&named(&text, "crate::runtime::")).filter(|to| !allowed.contains(to)) {
            wrong.push(format!("{}: {from} imports {to}", path.display()));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn handlers_apply_no_signals_themselves() {
    let applies = |text: &str| [".apply(", ".open(&labelled"].iter().any(|call| text.contains(call));
    let wrong: Vec<_> = below("src/runtime/effects").into_iter().filter(|(_, text)| applies(text)).collect();
    assert_eq!(wrong.into_iter().map(|(path, _)| path).collect::<Vec<_>>(), [""; 0].map(PathBuf::from));
}

#[test]
fn no_import_climbs_to_the_root_without_naming_it() {
    let climbs = |(path, text): &(PathBuf, String)| {
        let folders = path.components().count() - 1;
        let is_folder_itself = path.ends_with("mod.rs");
        // One more for `mod tests` inside a file.
        let to_root = folders + usize::from(!is_folder_itself);
        text.contains(&"super::".repeat(to_root + 1))
    };
    let wrong: Vec<_> = sources().into_iter().filter(climbs).map(|(path, _)| path).collect();
    assert_eq!(wrong, [""; 0].map(PathBuf::from));
}

#[test]
fn the_domain_touches_no_world_clock_or_chance() {
    let mut wrong = Vec::new();
    for (path, text) in &below("crates/adjutant-domain/src") {
        for word in IMPURE.iter().filter(|word| text.contains(**word)) {
            wrong.push(format!("{}: {word}", path.display()));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// The domain's files whose texts are not for people: what agents are told of a rework, and the default plan. All others keep values, and `report` has their words.
const WORDED: &[&str] =
    &["engine/commands.rs", "engine/schedule.rs", "engine/steps.rs", "engine/verification.rs", "engine/work.rs"];

/// The texts in the code of a file before its tests: what stands between quotes, without attributes, comments and what never happens.
fn texts(code: &str) -> Vec<&str> {
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    let is_for_nobody =
        |line: &&str| line.trim_start().starts_with("//") || ["#[", "unreachable!("].iter().any(|it| line.contains(it));
    let lines = code.lines().filter(|line| !is_for_nobody(line));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
}

#[test]
fn the_engine_writes_no_sentences() {
    let files = below("crates/adjutant-domain/src").into_iter().filter(|(path, _)| {
        let path = path.to_string_lossy();
        let engine = path.starts_with("engine/") && !path.starts_with("engine/tests") && !WORDED.contains(&&*path);
        let values =
            ["cause.rs", "closing.rs", "failure.rs", "question.rs", "refusal.rs", "evaluation.rs", "plan/fault.rs"];
        let policy = ["policy/fault.rs", "policy/file.rs"];
        engine || values.contains(&&*path) || policy.contains(&&*path) || path == "evaluation/reason.rs"
    });
    let sentence = |text: &&str| text.split(' ').filter(|word| word.chars().all(char::is_alphabetic)).count() > 2;
    let mut wrong = Vec::new();
    for (path, code) in files {
        wrong.extend(texts(&code).into_iter().filter(sentence).map(|text| format!("{}: {text}", path.display())));
    }
    assert_eq!(wrong, [""; 0], "the words of causes, questions and reasons are in report");
}

/// The crates that a crate is built from, itself first, without those that only tests need.
fn built_from(arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_domain_is_built_without_runtime_database_and_http() {
    let crates = built_from(&["--package", "adjutant-domain"]);
    assert_eq!(crates[0], "adjutant-domain");
    let impure = |name: &&String| IMPURE.contains(&name.as_str()) || name.starts_with("hyper") || *name == "http";
    assert_eq!(crates.iter().filter(impure).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_production_binary_is_built_without_the_playground() {
    let with = built_from(&["--package", "adjutant"]);
    let without = built_from(&["--package", "adjutant", "--no-default-features"]);
    let has = |crates: &[String], name: &str| crates.iter().any(|it| it == name);
    for name in ["github-playground", "maud"] {
        assert!(has(&with, name) && !has(&without, name), "{name}");
    }
    assert!(!has(&with, "github-conformance"), "it is for tests alone");
}

#[test]
fn queries_are_in_the_store_alone() {
    let has_query =
        |text: &str| ["query!(", "query_as!(", "query_scalar!(", "sqlx::query"].iter().any(|it| text.contains(it));
    let (inside, outside): (Vec<_>, Vec<_>) =
        sources().into_iter().filter(|(_, text)| has_query(text)).partition(|(path, _)| module(path) == "store");
    assert!(!inside.is_empty());
    assert_eq!(outside.into_iter().map(|(path, _)| path).collect::<Vec<_>>(), [""; 0].map(PathBuf::from));
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let all = sources().into_iter().chain(below("crates"));
    let long: Vec<_> = all.filter(|(_, text)| text.lines().count() > MOST_LINES).map(|(path, _)| path).collect();
    assert_eq!(long, [""; 0].map(PathBuf::from));
}
