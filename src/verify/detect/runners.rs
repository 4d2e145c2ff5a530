//! Task runners: what people call when no ecosystem says how a repository is tested.

use super::Rule;
use super::files::Folder;
use crate::verify::weakened::MAKEFILES;

const JUSTFILES: &[&str] = &["justfile", "Justfile", ".justfile"];

pub(super) fn make(folder: &Folder<'_>) -> Option<Rule> {
    let name = folder.first(&MAKEFILES)?;
    let text = folder.text(name)?;
    let target = ["test", "check"].into_iter().find(|target| has_target(text, target))?;
    Some(Rule::new(format!("make {target}"), format!("the target `{target}` in `{name}`")))
}

pub(super) fn just(folder: &Folder<'_>) -> Option<Rule> {
    let name = folder.first(JUSTFILES)?;
    let recipe = |line: &str| {
        let head = line.split(':').next().unwrap_or_default();
        line.contains(':')
            && !line.contains(":=")
            && head.trim_start_matches('@').split_whitespace().next() == Some("test")
    };
    folder.text(name)?.lines().any(recipe).then(|| Rule::new("just test", format!("the recipe `test` in `{name}`")))
}

pub(super) fn cmake(folder: &Folder<'_>) -> Option<Rule> {
    let text = folder.text("CMakeLists.txt")?.to_lowercase();
    let tests = text.contains("enable_testing") || text.contains("include(ctest)") || text.contains("include (ctest)");
    let run = "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure";
    tests.then(|| Rule { name: "ctest".to_owned(), ..Rule::new(run, "the tests in `CMakeLists.txt`") })
}

/// Whether a rule names `target` among its targets.
fn has_target(makefile: &str, target: &str) -> bool {
    makefile.lines().any(|line| {
        let Some((targets, rest)) = line.split_once(':') else { return false };
        let rule = !line.starts_with(['\t', '#', '.', ' '])
            && !rest.starts_with('=')
            && !rest.starts_with(":=")
            && !targets.contains('=');
        rule && targets.split_whitespace().any(|name| name == target)
    })
}
