//! Task runners: what people call when no ecosystem says how a repository is tested.

use super::files::{Folder, has_extension};
use super::{Rule, Setup};
use crate::verify::weakened::MAKEFILES;

const JUSTFILES: &[&str] = &["justfile", "Justfile", ".justfile"];

/// Scripts that run all tests, by their usual names.
const SCRIPTS: &[&str] = &[
    "run-tests.sh",
    "run_tests.sh",
    "runtests.sh",
    "test.sh",
    "test/run.sh",
    "test/run",
    "tests/run.sh",
    "tests/run",
    "script/test",
    "scripts/test",
    "scripts/test.sh",
];

pub(super) fn make(folder: &Folder<'_>) -> Option<Rule> {
    let name = folder.first(&MAKEFILES)?;
    let target = test_target(folder.text(name)?)?;
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
    let install = "command -v just || npm install --global --prefix ~/.local rust-just@1";
    let rule = || Rule::new("just test", format!("the recipe `test` in `{name}`")).after(Setup::install([install]));
    folder.text(name)?.lines().any(recipe).then(rule)
}

/// <https://bats-core.readthedocs.io>
pub(super) fn bats(folder: &Folder<'_>) -> Option<Rule> {
    let has = |name: &&&str| folder.below().any(|path| path.starts_with(**name) && has_extension(path, "bats"));
    let name = ["test/", "tests/", "spec/"].iter().find(has)?.trim_end_matches('/');
    let install = "command -v bats || npm install --global --prefix ~/.local bats@1";
    let rule = Rule::new(format!("bats --recursive {name}"), format!("the files named `*.bats` in `{name}/`"));
    Some(rule.after(Setup::install([install])))
}

pub(super) fn script(folder: &Folder<'_>) -> Option<Rule> {
    let name = folder.first(SCRIPTS)?;
    Some(Rule::new(format!("./{name}"), format!("the script `{name}`")))
}

/// Whether the command of a root runs the tests of a folder, too, because its file names the folder.
pub(super) fn names(folder: &Folder<'_>, below: &str) -> bool {
    let texts = MAKEFILES.iter().chain(JUSTFILES).filter_map(|name| folder.text(name));
    let plain = |c: char| !c.is_ascii_alphanumeric() && !"_-./".contains(c);
    let means = |word: &str| word == below || word.strip_prefix(below).is_some_and(|rest| rest.starts_with('/'));
    texts.flat_map(|text| text.split(plain)).any(|word| means(word.trim_start_matches("./")))
}

/// The target that runs the tests.
pub(super) fn test_target(makefile: &str) -> Option<&'static str> {
    ["test", "check"].into_iter().find(|target| has_target(makefile, target))
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
