//! The documents: their links work, and README stays short.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The most lines of README and of the map.
const README_LINES: usize = 150;
const MAP_LINES: usize = 120;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Markdown file of the project.
fn documents() -> Vec<PathBuf> {
    // Build output, installed packages, and texts for the repositories of the demo and the playground.
    let is_foreign = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with('.') || ["target", "node_modules", "src", "fixtures"].contains(&&*name)
    };
    let mut folders = vec![root()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.is_symlink() && !is_foreign(&path) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 20, "the documents were not found");
    found
}

/// The lines outside code blocks.
fn prose(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            lines.push(line);
        }
    }
    lines
}

/// The anchor that GitHub generates for a heading.
/// <https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links>
fn anchor(heading: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || " -_".contains(c);
    heading.trim().to_lowercase().chars().filter(|c| kept(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).into_iter().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// The targets of the links of a document.
fn targets(text: &str) -> Vec<String> {
    let starts = |line: &str| line.match_indices("](").map(|(at, _)| at + 2).collect::<Vec<_>>();
    prose(text)
        .into_iter()
        .flat_map(|line| starts(line).into_iter().filter_map(|at| line[at..].split(')').next().map(str::to_owned)))
        .collect()
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        for target in targets(&read(&document)) {
            if target.starts_with("https://") || target.starts_with("http://") {
                continue;
            }
            let (file, wanted) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { document.clone() } else { document.with_file_name(file) };
            let there = file.exists() && (wanted.is_empty() || anchors(&read(&file)).contains(wanted));
            if !there {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert_eq!(broken, [""; 0], "links that lead nowhere");
}

#[test]
fn the_first_page_and_the_map_stay_short() {
    for (document, most) in [("README.md", README_LINES), ("ARCHITECTURE.md", MAP_LINES)] {
        let lines = read(&root().join(document)).lines().count();
        assert!(lines <= most, "{document} has {lines} lines, {most} are allowed: move reference into docs/");
    }
}

#[test]
fn every_migration_and_every_decision_is_listed() {
    for (folder, extension) in [("migrations", "sql"), ("docs/decisions", "md")] {
        let list = read(&root().join(folder).join("README.md"));
        for path in std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_listed = name == "README.md" || list.contains(name);
            assert!(is_listed || !name.ends_with(extension), "{folder}/README.md says nothing of {name}: add its row");
        }
    }
}

#[test]
fn the_tests_that_the_table_of_faults_names_are_there() {
    let folder = root().join("tests/it/faults");
    let files = std::fs::read_dir(folder.join("github")).unwrap().map(|entry| entry.unwrap().path());
    let source: String = files.map(|file| read(&file)).collect();
    let tests: Vec<&str> =
        source.split("async fn ").skip(1).map(|rest| rest.split('(').next().unwrap_or_default()).collect();
    let table = read(&folder.join("README.md"));
    // The beginning of a name, its end, or both.
    let named: Vec<&str> = table.split('`').skip(1).step_by(2).filter(|name| name.contains('…')).collect();
    assert!(named.len() > 10, "the table was not found");
    for name in named {
        let parts: Vec<&str> = name.split('…').collect();
        let is_there = |test: &&&str| parts.iter().all(|part| test.contains(part));
        assert!(tests.iter().any(|test| is_there(&test)), "no test in tests/it/faults/github is called `{name}`");
    }
}
