//! Which files of a change belong to its verification, so that they can be exchanged for those of the base.
//!
//! In: the diff of a change, and what is known of its runner files. Out: a [`Crossing`]. The base's tests over the new code
//! show whether the change breaks what was tested before. The new tests over the base's code show whether they test the
//! change at all.

use super::runners::is_manifest;
use super::weakened::{self, Weakening};
use crate::workspace::{Diff, Status};

/// The files of a change that belong to its verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crossing {
    /// Files of tests, and files that decide how tests are run, in the order of the diff.
    pub paths: Vec<String>,
    /// Whether some of them are on the base, so that its tests say something.
    pub base_has_some: bool,
    /// Whether the change adds a test in such a file, beside code that is none.
    pub adds_tests: bool,
}

/// The files of `diff` that belong to verification; `runners` are those that decide how it is run.
pub fn crossing(diff: &Diff, runners: &[Weakening]) -> Crossing {
    // A manifest holds dependencies, too, which the new code may need.
    let decides = |path: &str| runners.iter().any(|runner| runner.path == path) && !is_manifest(path);
    let (of_tests, code): (Vec<_>, Vec<_>) =
        diff.files.iter().partition(|file| weakened::is_test_file(&file.path) || decides(&file.path));
    let adds = of_tests.iter().any(|file| file.added.iter().any(|(_, line)| weakened::is_test(&file.path, line)));
    Crossing {
        base_has_some: of_tests.iter().any(|file| file.status != Status::Added),
        adds_tests: adds && code.iter().any(|file| weakened::is_code(&file.path)),
        paths: of_tests.into_iter().map(|file| file.path.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::fixture;
    use crate::workspace::Changed;

    fn changed(path: &str, status: Status, added: &[&str]) -> Changed {
        Changed { status, ..fixture::changed(path, &[], added) }
    }

    fn of(files: Vec<Changed>) -> Crossing {
        crossing(&Diff { files, truncated: false }, &[])
    }

    #[test]
    fn tests_and_code_are_told_apart() {
        let found = of(vec![
            changed("src/lib.rs", Status::Modified, &["pub fn a() {}"]),
            changed("tests/a.rs", Status::Added, &["#[test]", "fn a() {}"]),
        ]);
        let paths = vec!["tests/a.rs".to_owned()];
        assert_eq!(found, Crossing { paths, base_has_some: false, adds_tests: true });
    }

    #[test]
    fn tests_alone_need_not_fail_before() {
        let found = of(vec![
            changed("README.md", Status::Modified, &["text"]),
            changed("tests/test_a.py", Status::Modified, &["def test_a():"]),
        ]);
        assert!(found.base_has_some && !found.adds_tests);
        assert_eq!(of(vec![changed("src/lib.rs", Status::Modified, &["fn a() {}"])]), Crossing::default());
    }
}
