//! The engine's files form layers: each calls only what it defines itself, or what a file below it defines.
//!
//! Methods of one object would let every file call every other. So the calls are read off the source here.

use std::collections::BTreeMap;

/// The files, the lowest first.
const LAYERS: &[(&str, &str)] = &[
    ("table", include_str!("../table.rs")),
    ("transition", include_str!("../transition.rs")),
    ("approvals", include_str!("../approvals.rs")),
    ("steps", include_str!("../steps.rs")),
    ("asking", include_str!("../asking.rs")),
    ("baseline", include_str!("../baseline.rs")),
    ("ending", include_str!("../ending.rs")),
    ("replan", include_str!("../replan.rs")),
    ("planning", include_str!("../planning.rs")),
    ("verification", include_str!("../verification.rs")),
    ("ci", include_str!("../ci.rs")),
    ("superseded", include_str!("../superseded.rs")),
    ("work", include_str!("../work.rs")),
    ("progress", include_str!("../progress.rs")),
    ("holds", include_str!("../holds.rs")),
    ("pulls", include_str!("../pulls.rs")),
    ("pause", include_str!("../pause.rs")),
    ("breakers", include_str!("../breakers.rs")),
    ("schedule", include_str!("../schedule.rs")),
    ("overrides", include_str!("../overrides.rs")),
    ("reload", include_str!("../reload.rs")),
    ("consent", include_str!("../consent.rs")),
    ("approving", include_str!("../approving.rs")),
    ("lifecycle", include_str!("../lifecycle.rs")),
    ("commands", include_str!("../commands.rs")),
];

/// The names that follow `before` in code and are followed by `after`.
fn names(text: &str, before: &str, after: &[&str]) -> Vec<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (at, matched) in code.match_indices(before) {
        let rest = &code[at + matched.len()..];
        let name: String = rest.chars().take_while(|c| is_name(*c)).collect();
        let starts = !code[..at].chars().next_back().is_some_and(is_name);
        if starts && !name.is_empty() && after.iter().any(|after| rest[name.len()..].starts_with(after)) {
            found.push(name);
        }
    }
    found
}

#[test]
fn every_file_calls_only_files_below_it() {
    let mut layers = BTreeMap::new();
    for (layer, (file, text)) in LAYERS.iter().enumerate() {
        for method in
            names(text, "fn ", &["(&self", "(&mut self", "(mut self", "(\n        &self", "(\n        &mut self"])
        {
            let other = layers.insert(method.clone(), (layer, file));
            assert!(other.is_none(), "`{method}` is defined in {file} and in {}", other.unwrap().1);
        }
    }
    let mut wrong = Vec::new();
    for (layer, (file, text)) in LAYERS.iter().enumerate() {
        for method in names(text, "self.", &["("]) {
            if let Some((of, owner)) = layers.get(&method).filter(|(of, _)| *of > layer) {
                wrong.push(format!("{file} calls `{method}` of {owner}, {} layers above it", of - layer));
            }
        }
        for import in names(text, "super::", &["::"]) {
            let above = LAYERS[layer + 1..].iter().any(|(name, _)| *name == import);
            assert!(!above, "{file} imports from {import}, which is above it");
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_file_of_the_engine_has_its_layer() {
    let files: Vec<_> = names(include_str!("../mod.rs"), "mod ", &[";"]);
    for file in files.iter().filter(|file| *file != "tests") {
        assert!(LAYERS.iter().any(|(name, _)| name == file), "{file} has no layer yet");
    }
    assert_eq!(files.len(), LAYERS.len() + 1, "the tests have none");
}
