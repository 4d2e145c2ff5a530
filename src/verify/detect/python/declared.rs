//! Dependencies of tests that other tools than pip declare in tables and lists of their own.

use toml::{Table, Value};

use super::super::files::Folder;
use super::install::{TESTS, table};

/// The environments of Hatch in which tests run.
const ENVIRONMENTS: &[&str] = &["default", "hatch-test", "test", "tests", "testing", "dev"];

/// The requirements as arguments of pip, each in quotes.
pub(super) fn of(folder: &Folder<'_>, project: &Table) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut lists: Vec<&Value> = Vec::new();
    let tool = |path: &[&str]| table(project, &[&["tool"], path].concat());
    lists.extend(tool(&["uv"]).and_then(|uv| uv.get("dev-dependencies")));
    lists.extend(tool(&["tox", "env_run_base"]).and_then(|base| base.get("deps")));
    for name in TESTS {
        lists.extend(tool(&["pdm", "dev-dependencies"]).and_then(|groups| groups.get(*name)));
        found.extend(tool(&["poetry", "group", name, "dependencies"]).into_iter().flat_map(named));
    }
    for name in ENVIRONMENTS {
        let environment = tool(&["hatch", "envs", name]);
        let list = |list: &str| environment.and_then(|environment| environment.get(list));
        lists.extend([list("dependencies"), list("extra-dependencies")].into_iter().flatten());
    }
    found.extend(tool(&["poetry", "dev-dependencies"]).into_iter().flat_map(named));
    found.extend(lists.into_iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str).map(str::to_owned));
    found.extend(tests_require(folder.text("setup.py").unwrap_or_default()));
    let mut quoted: Vec<String> = found.iter().filter_map(|requirement| argument(requirement)).collect();
    quoted.sort();
    quoted.dedup();
    quoted
}

/// The names in one of Poetry's tables. Its versions are written in a way that pip does not read.
fn named(table: &Table) -> Vec<String> {
    let from_registry = |value: &Value| {
        value.as_table().is_none_or(|it| !["path", "git", "url"].iter().any(|key| it.contains_key(*key)))
    };
    table
        .iter()
        .filter(|(name, value)| *name != "python" && from_registry(value))
        .map(|(name, _)| name.clone())
        .collect()
}

/// The strings of the list `tests_require` in a `setup.py`.
fn tests_require(text: &str) -> Vec<String> {
    let list = text.split_once("tests_require").and_then(|(_, rest)| rest.trim_start().strip_prefix('='));
    let Some(list) = list.and_then(|rest| rest.trim_start().strip_prefix('[')?.split_once(']')) else {
        return Vec::new();
    };
    list.0.split(['"', '\'']).skip(1).step_by(2).map(str::to_owned).collect()
}

/// A requirement as one word of a shell; none if it names a file or holds anything else.
fn argument(requirement: &str) -> Option<String> {
    let text = requirement.trim().replace('\'', "\"");
    let plain = |c: char| c.is_ascii_alphanumeric() || " .,_-<>=~![];\"()*".contains(c);
    let start = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    (start && text.chars().all(plain)).then(|| format!("'{text}'"))
}
