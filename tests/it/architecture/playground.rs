//! The layers of the playground. Imports lead to lower rows of the table in its `lib.rs` only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{below, module, named};

const SOURCE: &str = "crates/github-playground/src";

/// The modules of the table with their rows. The highest row is 0.
fn rows(essay: &str) -> BTreeMap<&str, usize> {
    let table = essay.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let rows = table.filter_map(|line| line.split_once(" | "));
    rows.enumerate()
        .flat_map(|(row, (modules, _))| modules.split(", ").map(move |name| (name.trim_matches('`'), row)))
        .collect()
}

/// The files of the library's modules, and the text of `lib.rs`.
fn sources() -> (Vec<(PathBuf, String)>, String) {
    let (root, files): (Vec<_>, Vec<_>) = below(SOURCE).into_iter().partition(|(path, _)| path == Path::new("lib.rs"));
    (files.into_iter().filter(|(path, _)| !path.starts_with("bin")).collect(), root[0].1.clone())
}

/// The top-level modules that a file imports or names, through `crate::` or through `super::` up to the root.
fn imports(path: &Path, text: &str, rows: &BTreeMap<&str, usize>) -> Vec<String> {
    let depth = path.components().count() - usize::from(path.ends_with("mod.rs"));
    // In `mod tests` the root is one level further up. There, the shorter path leads to names that are no top-level
    // modules.
    let climbed = [depth, depth + 1].map(|steps| named(text, &"super::".repeat(steps)));
    let climbed = climbed.into_iter().flatten().filter(|name| rows.contains_key(name.as_str()));
    named(text, "crate::").into_iter().chain(climbed).collect()
}

#[test]
fn every_module_of_the_playground_has_a_row_in_the_table() {
    let (files, essay) = sources();
    let rows = rows(&essay);
    let modules: Vec<String> = files.iter().map(|(path, _)| module(path)).collect();
    let missing: Vec<&String> = modules.iter().filter(|module| !rows.contains_key(module.as_str())).collect();
    let gone: Vec<&&str> = rows.keys().filter(|row| !modules.iter().any(|module| module == *row)).collect();
    assert!(missing.is_empty() && gone.is_empty(), "without a row: {missing:?}; without a file: {gone:?}");
}

#[test]
fn modules_of_the_playground_import_lower_rows_only() {
    let (files, essay) = sources();
    let rows = rows(&essay);
    let mut wrong = Vec::new();
    for (path, text) in &files {
        let from = module(path);
        for to in imports(path, text, &rows).into_iter().filter(|to| *to != from) {
            match rows.get(to.as_str()) {
                Some(row) if *row > rows[from.as_str()] => {}
                Some(_) => wrong.push(format!("{}: {from} imports {to}", path.display())),
                None => {
                    wrong.push(format!("{}: crate::{to} is no module; name the module that has it", path.display()));
                }
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn an_import_is_found_by_name_and_by_climbing() {
    let rows = rows("//! | `rest`, `acts` | above |\n//! | `state` | below |\n");
    assert_eq!((rows["acts"], rows["state"]), (0, 1));
    let text = "use super::super::state::Id;\nuse crate::{\n    acts::Move,\n    rest,\n};\nuse super::helper;\n";
    assert_eq!(imports(Path::new("pages/act.rs"), text, &rows), ["acts", "rest", "state"].map(str::to_owned));
    let tests = "mod tests {\n    use super::super::state::State;\n    use super::*;\n}";
    assert_eq!(imports(Path::new("auth.rs"), tests, &rows), ["state", "state"].map(str::to_owned));
}
