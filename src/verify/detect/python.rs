//! Python: whether a folder is a project with tests.

mod install;

use super::Rule;
use super::files::{Folder, has_extension, is_not_ours, split};

/// The files by which a folder is a Python project.
const PROJECT: &[&str] = &["pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "conftest.py"];

/// A Python project that has tests.
pub(super) fn project(folder: &Folder<'_>) -> Option<Rule> {
    let sign = folder.first(PROJECT).filter(|sign| *sign != "pyproject.toml" || is_python(folder))?;
    let tests = folder.below().filter(|path| is_test(path)).count();
    (tests > 0 || folder.has("pytest.ini")).then(|| rule(folder, format!("`{sign}` and {tests} files with tests")))
}

/// Tests without any sign of a project. It is asked last: a C library may have a script that is named like a test.
pub(super) fn loose_tests(folder: &Folder<'_>) -> Option<Rule> {
    let tests = folder.below().filter(|path| is_named_test(path) && !is_not_ours(split(path).0)).count();
    (tests > 0).then(|| rule(folder, format!("{tests} files named like tests of pytest")))
}

fn rule(folder: &Folder<'_>, why: String) -> Rule {
    let venv = install::venv(folder);
    // The root's virtual environment is in the path; another folder's is named.
    let run = if folder.path.is_empty() { "pytest".to_owned() } else { format!("{venv}/bin/pytest") };
    Rule { name: "pytest".to_owned(), ..Rule::new(run, why) }.after(install::setup(folder, &venv))
}

/// Whether a `pyproject.toml` is that of a Python project: other tools keep their settings in one, too.
fn is_python(folder: &Folder<'_>) -> bool {
    let Some(manifest) = folder.toml("pyproject.toml") else { return true };
    let tool = |name: &str| manifest.get("tool").and_then(|tools| tools.get(name)).is_some();
    ["project", "build-system"].iter().any(|table| manifest.contains_key(*table))
        || ["poetry", "pytest", "hatch", "pdm", "uv", "setuptools", "flit"].iter().any(|name| tool(name))
}

/// Whether it is a test, by its name or by its folder. Vendored code does not count.
fn is_test(path: &str) -> bool {
    let folder = split(path).0;
    let ours = !folder.split('/').any(|part| matches!(part, "node_modules" | "vendor" | "third_party" | "_vendor"));
    ours && (is_named_test(path) || (has_extension(path, "py") && folder.split('/').any(|part| part == "tests")))
}

/// <https://docs.pytest.org/en/stable/explanation/goodpractices.html#conventions-for-python-test-discovery>
fn is_named_test(path: &str) -> bool {
    let Some(stem) = split(path).1.strip_suffix(".py") else { return false };
    stem.starts_with("test_") || stem.ends_with("_test")
}
