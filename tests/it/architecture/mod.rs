//! The rules for imports of the bot and of the playground, checked on the source. The crates' manifests have the rules
//! for crates.

mod bot;
mod playground;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The path below a folder of the repository and the text of each file, without files that are data of other crates.
fn below(start: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let foreign = [root.join("src/demo/work"), root.join("crates/github-playground/src/seed/widgets")];
    let mut folders = vec![root.join(start)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() && !foreign.contains(&entry) {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&entry).unwrap();
                files.push((entry.strip_prefix(root.join(start)).unwrap().to_owned(), text));
            }
        }
    }
    assert!(files.len() > 10, "the source was not found");
    files
}

/// The top-level module of a file.
fn module(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a text names after `root::`, also in groups.
fn named(text: &str, root: &str) -> BTreeSet<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (at, matched) in code.match_indices(root) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + matched.len()..];
        let parts = match rest.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![rest],
        };
        found.extend(parts.iter().map(|part| identifier(part)).filter(|name| !name.is_empty()));
    }
    found
}

/// The entries of a group whose opening brace was just read.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

fn identifier(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn an_import_is_found_in_whatever_form_it_is_written() {
    let text = "use crate::store::Store;\nuse crate::{\n    domain::{ids::Repo, plan},\n    github as hub,\n};\n\
                fn f() -> crate::web::Web { todo!() } // crate::comment\nuse mycrate::other;";
    assert_eq!(named(text, "crate::"), ["domain", "github", "store", "web"].map(str::to_owned).into());
}

/// The names of the types that a line declares for more than its own module.
fn declared(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub")?;
    let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
    let (kind, rest) = rest.trim_start().split_once(' ')?;
    let name = rest.split(|c: char| !c.is_alphanumeric()).next()?;
    // A name that a macro makes up is none.
    (matches!(kind, "struct" | "enum" | "trait" | "type") && !name.is_empty()).then_some(name)
}

#[test]
fn no_two_public_types_of_a_crate_have_the_same_name() {
    for start in ["src", "crates/adjutant-domain/src", "crates/github-playground/src"] {
        let mut seen: std::collections::BTreeMap<String, PathBuf> = std::collections::BTreeMap::new();
        for (path, text) in below(start) {
            for name in text.lines().filter_map(declared) {
                if let Some(before) = seen.insert(name.to_owned(), path.clone()) {
                    panic!("{start}: `{name}` is declared in {} and in {}", before.display(), path.display());
                }
            }
        }
        assert!(seen.len() > 50, "{start}: the types were not found");
    }
}
