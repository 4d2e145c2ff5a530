//! Python: whether a folder is a project with tests.

mod declared;
mod install;

use super::Rule;
use super::files::{Folder, has_extension, is_not_ours, split};

/// The files by which a folder is a Python project.
const PROJECT: &[&str] = &[
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    "pytest.ini",
    "conftest.py",
    "manage.py",
    "requirements.txt",
];

/// The most files that are named one by one in a command.
const MOST_NAMED: usize = 5;

/// A Python project that has tests.
pub(super) fn project(folder: &Folder<'_>) -> Option<Rule> {
    let is_sign = |sign: &&&str| folder.has(sign) && (**sign != "pyproject.toml" || is_python(folder));
    let sign = *PROJECT.iter().find(is_sign)?;
    // Projects in other languages list what their scripts need in a file of that name, too.
    let is_test =
        |path: &&str| if sign == "requirements.txt" { is_ours(path) && is_named_test(path) } else { is_test(path) };
    let tests = folder.below().filter(is_test).count();
    let named: Vec<&str> = folder.below().filter(|path| is_module_of_tests(path)).take(MOST_NAMED).collect();
    if folder.has("manage.py") && (tests > 0 || !named.is_empty()) && !configures_pytest(folder) {
        return Some(django(folder));
    }
    if tests > 0 || folder.has("pytest.ini") {
        return Some(rule(folder, "", format!("`{sign}` and {}", counted(tests, "with tests"))));
    }
    // pytest does not look into files of these names by itself.
    let files = named.join(" ");
    (!named.is_empty()).then(|| rule(folder, &format!(" {files}"), format!("`{sign}` and `{files}`")))
}

/// <https://docs.djangoproject.com/en/stable/topics/testing/overview/#running-tests>
fn django(folder: &Folder<'_>) -> Rule {
    let venv = install::venv(folder);
    let python = if folder.path.is_empty() { "python".to_owned() } else { format!("{venv}/bin/python") };
    let rule = Rule::new(format!("{python} manage.py test"), "`manage.py`, without settings for pytest");
    Rule { name: "manage.py test".to_owned(), ..rule }.after(install::setup(folder, &venv))
}

fn configures_pytest(folder: &Folder<'_>) -> bool {
    let in_manifest = folder
        .toml("pyproject.toml")
        .is_some_and(|manifest| manifest.get("tool").and_then(|tools| tools.get("pytest")).is_some());
    let says = |name: &str, section: &str| folder.text(name).is_some_and(|text| text.contains(section));
    in_manifest
        || folder.first(&["pytest.ini", "conftest.py"]).is_some()
        || says("setup.cfg", "[tool:pytest]")
        || says("tox.ini", "[pytest]")
}

fn counted(files: usize, what: &str) -> String {
    if files == 1 { format!("one file {what}") } else { format!("{files} files {what}") }
}

/// Tests without any sign of a project. It is asked last: a C library may have a script that is named like a test.
pub(super) fn loose_tests(folder: &Folder<'_>) -> Option<Rule> {
    let tests = folder.below().filter(|path| is_named_test(path) && !is_not_ours(split(path).0)).count();
    (tests > 0).then(|| rule(folder, "", counted(tests, "named like tests of pytest")))
}

fn rule(folder: &Folder<'_>, files: &str, why: String) -> Rule {
    let venv = install::venv(folder);
    // The root's virtual environment is in the path; another folder's is named.
    let run = if folder.path.is_empty() { "pytest".to_owned() } else { format!("{venv}/bin/pytest") };
    Rule { name: "pytest".to_owned(), ..Rule::new(format!("{run}{files}"), why) }.after(install::setup(folder, &venv))
}

/// Whether a `pyproject.toml` is that of a Python project: other tools keep their settings in one, too.
fn is_python(folder: &Folder<'_>) -> bool {
    let Some(manifest) = folder.toml("pyproject.toml") else { return true };
    let tool = |name: &str| manifest.get("tool").and_then(|tools| tools.get(name)).is_some();
    ["project", "build-system"].iter().any(|table| manifest.contains_key(*table))
        || ["poetry", "pytest", "hatch", "pdm", "uv", "setuptools", "flit"].iter().any(|name| tool(name))
}

/// Whether it is a test, by its name or by its folder.
fn is_test(path: &str) -> bool {
    let in_folder = has_extension(path, "py") && split(path).0.split('/').any(|part| part == "tests");
    is_ours(path) && (is_named_test(path) || in_folder)
}

/// Whether it is no vendored code.
fn is_ours(path: &str) -> bool {
    !split(path).0.split('/').any(|part| matches!(part, "node_modules" | "vendor" | "third_party" | "_vendor"))
}

/// A single module with all tests. Its path goes into a command.
fn is_module_of_tests(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    matches!(split(path).1, "test.py" | "tests.py")
        && is_ours(path)
        && path.chars().all(plain)
        && !path.starts_with('-')
}

/// <https://docs.pytest.org/en/stable/explanation/goodpractices.html#conventions-for-python-test-discovery>
fn is_named_test(path: &str) -> bool {
    let Some(stem) = split(path).1.strip_suffix(".py") else { return false };
    stem.starts_with("test_") || stem.ends_with("_test")
}

#[cfg(test)]
mod tests;
