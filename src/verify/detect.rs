//! Finds out from a repository's files how it is tested.

use std::collections::BTreeSet;

use super::VerifierSpec;
use crate::workspace::{GitError, Mirror};

const MAX_BYTES: u64 = 1024 * 1024;
const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// The files that detection reads: all paths, and the content of two files.
#[derive(Debug, Clone, Default)]
pub struct Files {
    pub paths: BTreeSet<String>,
    /// The content of `package.json`.
    pub package_json: Option<String>,
    /// The content of the makefile.
    pub makefile: Option<String>,
}

impl Files {
    fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }
}

/// The verifiers for a commit whose policy names none. Pass the base commit, never the one under test.
pub async fn detect_at(mirror: &Mirror, commit: &str) -> Result<Vec<VerifierSpec>, GitError> {
    let paths: BTreeSet<String> = mirror.files(commit).await?.into_iter().map(|entry| entry.path).collect();
    let text = async |path: &str| -> Result<Option<String>, GitError> {
        let bytes = mirror.read(commit, path, MAX_BYTES).await?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let package_json = text("package.json").await?;
    let makefile = match MAKEFILES.iter().find(|name| paths.contains(**name)) {
        Some(name) => text(name).await?,
        None => None,
    };
    Ok(detect(&Files { paths, package_json, makefile }))
}

/// The verifiers that fit the files of a repository. All are required.
pub fn detect(files: &Files) -> Vec<VerifierSpec> {
    let mut found = Vec::new();
    let mut add = |name: &str, run: &str| found.push(VerifierSpec::required(name, run));
    if files.has("Cargo.toml") {
        add("cargo test", "cargo test");
    }
    if files.package_json.as_deref().is_some_and(has_npm_test) {
        add("npm test", "npm test");
    }
    if is_python(files) {
        add("pytest", "pytest");
    }
    if files.has("go.mod") {
        add("go test", "go test ./...");
    }
    // A makefile's `test` often runs the commands found above, so it counts only if there is nothing else.
    if found.is_empty() && files.makefile.as_deref().is_some_and(has_test_target) {
        found.push(VerifierSpec::required("make test", "make test"));
    }
    found
}

/// Whether there is a test script other than the one that `npm init` writes.
fn has_npm_test(package: &str) -> bool {
    let package: serde_json::Value = serde_json::from_str(package).unwrap_or_default();
    let script = package.pointer("/scripts/test").and_then(serde_json::Value::as_str).unwrap_or_default();
    !script.trim().is_empty() && !script.contains("no test specified")
}

fn is_python(files: &Files) -> bool {
    let tests = files.paths.iter().any(|path| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(stem) = name.strip_suffix(".py") else { return false };
        stem.starts_with("test_") || stem.ends_with("_test") || folder.split('/').any(|part| part == "tests")
    });
    // A Python project without any test has nothing for pytest to run.
    tests || files.has("pytest.ini")
}

/// Whether a rule names `test` among its targets.
fn has_test_target(makefile: &str) -> bool {
    makefile.lines().any(|line| {
        let Some((targets, rest)) = line.split_once(':') else { return false };
        let rule = !line.starts_with(['\t', '#', '.', ' '])
            && !rest.starts_with('=')
            && !rest.starts_with(":=")
            && !targets.contains('=');
        rule && targets.split_whitespace().any(|target| target == "test")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str], package: Option<&str>, makefile: Option<&str>) -> Vec<String> {
        let files = Files {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            package_json: package.map(str::to_owned),
            makefile: makefile.map(str::to_owned),
        };
        detect(&files).into_iter().map(|spec| spec.run).collect()
    }

    #[test]
    fn each_language_has_its_command() {
        assert_eq!(names(&["Cargo.toml", "go.mod"], None, None), ["cargo test", "go test ./..."]);
        assert_eq!(names(&["pyproject.toml", "tests/test_a.py"], None, None), ["pytest"]);
        assert_eq!(names(&["pyproject.toml", "a.py"], None, None), [""; 0]);
        assert_eq!(names(&["sub/Cargo.toml"], None, None), [""; 0]);
    }

    #[test]
    fn npms_placeholder_is_no_test() {
        assert_eq!(names(&[], Some(r#"{"scripts":{"test":"node --test"}}"#), None), ["npm test"]);
        for package in [
            r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#,
            "{}",
            "not json",
            r#"{"scripts":{"test":7}}"#,
        ] {
            assert_eq!(names(&[], Some(package), None), [""; 0], "{package}");
        }
    }

    #[test]
    fn a_makefile_counts_only_without_other_verifiers() {
        assert_eq!(names(&[], None, Some("all test: build\n\ttrue\n")), ["make test"]);
        assert_eq!(names(&["Cargo.toml"], None, Some("test:\n\ttrue\n")), ["cargo test"]);
        for makefile in
            ["test := x\n", "test:=x\n", "\ttest: x\n", "# test: x\n", "tests:\n", ".PHONY: test\n", "a = test: x\n"]
        {
            assert_eq!(names(&[], None, Some(makefile)), [""; 0], "{makefile}");
        }
    }
}
