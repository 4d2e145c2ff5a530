//! Finds places where a change weakens its verification: tests deleted or skipped, assertions removed or made to hold
//! always.
//!
//! It compares lines and does not parse programs. It can be fooled on purpose, and it can report an honest clean-up.
//! Therefore a finding never fails a verification: it only keeps a verdict from being green, so that a person looks.

use crate::workspace::{Changed, Diff, Status};

pub(super) const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// A way to weaken verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WeakeningKind {
    /// A file with tests was deleted.
    TestFileDeleted,
    /// Fewer tests than before.
    TestsRemoved,
    /// A test is no longer run, or all others are not.
    TestSkipped,
    /// Fewer or weaker assertions than before, or one that always holds.
    AssertionsLoosened,
    /// A failure no longer counts.
    FailureIgnored,
    /// A source file that git treats as binary, so that its changes are not visible.
    Unreadable,
    /// The change edits a file that decides how it is verified.
    RunnerChanged,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakening {
    pub kind: WeakeningKind,
    pub path: String,
    /// The line: in the new file for an addition, in the old one for a removal; `None` for the whole file.
    pub line: Option<u64>,
    /// One sentence for a person.
    pub note: String,
}

/// The places where `diff` weakens verification, in the order of its files.
pub fn weakened_proof(diff: &Diff) -> Vec<Weakening> {
    // Tests that moved to another file still exist, so only the sum over the whole change counts.
    let fewer_tests = loss(diff, is_test);
    let fewer_assertions = loss(diff, is_assertion);
    let mut found = Vec::new();
    for file in &diff.files {
        if file.binary {
            // One NUL in a comment makes a file binary for git, and compilers accept it.
            let code = language(&file.path) != Language::Other && file.status != Status::Deleted;
            let note = || "git takes this file of code for binary: what changed in it cannot be read.".to_owned();
            found.extend(code.then(|| place(WeakeningKind::Unreadable, file, None, note())));
            continue;
        }
        if file.status == Status::Deleted && is_test_file(&file.path) && fewer_tests {
            found.push(place(WeakeningKind::TestFileDeleted, file, None, "The test file was deleted.".to_owned()));
            continue;
        }
        found.extend(added_lines(file));
        found.extend(fewer(file, fewer_tests, is_test, WeakeningKind::TestsRemoved, "tests"));
        let tests_gone =
            found.last().is_some_and(|last| last.path == file.path && last.kind == WeakeningKind::TestsRemoved);
        if !tests_gone {
            found.extend(fewer(
                file,
                fewer_assertions,
                is_assertion,
                WeakeningKind::AssertionsLoosened,
                "assertions on exact values",
            ));
        }
    }
    found
}

type Rule = fn(&str, &str) -> bool;

fn count(path: &str, lines: &[(u64, String)], rule: Rule) -> usize {
    lines.iter().filter(|(_, line)| rule(path, line)).count()
}

fn loss(diff: &Diff, rule: Rule) -> bool {
    let sum = |side: fn(&Changed) -> &[(u64, String)]| {
        diff.files.iter().map(|file| count(&file.path, side(file), rule)).sum::<usize>()
    };
    sum(|file| &file.removed) > sum(|file| &file.added)
}

fn fewer(file: &Changed, whole: bool, rule: Rule, kind: WeakeningKind, what: &str) -> Option<Weakening> {
    let (before, after) = (count(&file.path, &file.removed, rule), count(&file.path, &file.added, rule));
    let line = file.removed.iter().find(|(_, line)| rule(&file.path, line)).map(|(number, _)| *number);
    (whole && before > after)
        .then(|| place(kind, file, line, format!("{before} {what} were removed and {after} added.")))
}

fn added_lines(file: &Changed) -> Vec<Weakening> {
    let mut found = Vec::new();
    let new_tests = count(&file.path, &file.added, is_test) > 0;
    for (number, line) in &file.added {
        // A line that was there before with the same text has only moved.
        if file.removed.iter().any(|(_, old)| old.trim() == line.trim()) {
            continue;
        }
        // Next to a new test, the attribute is what that test is about.
        let expects_panic =
            !new_tests && code(line).starts_with("#[should_panic") && language(&file.path) == Language::Rust;
        let told = if expects_panic || skips(&file.path, line) {
            Some((WeakeningKind::TestSkipped, "A test is skipped"))
        } else if always_holds(&file.path, line) {
            Some((WeakeningKind::AssertionsLoosened, "An assertion always holds"))
        } else if ignores_failure(&file.path, line) {
            Some((WeakeningKind::FailureIgnored, "A failure no longer counts"))
        } else {
            None
        };
        if let Some((kind, note)) = told {
            let quoted: String = line.trim().chars().take(80).collect();
            found.push(place(kind, file, Some(*number), format!("{note}: `{}`.", quoted.replace('`', "'"))));
        }
    }
    found
}

pub(super) fn place(kind: WeakeningKind, file: &Changed, line: Option<u64>, note: String) -> Weakening {
    Weakening { kind, path: file.path.clone(), line, note }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    Python,
    JavaScript,
    Go,
    Other,
}

fn language(path: &str) -> Language {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("rs") => Language::Rust,
        Some("py") => Language::Python,
        Some("js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts") => Language::JavaScript,
        Some("go") => Language::Go,
        _ => Language::Other,
    }
}

/// Whether a file is one of code.
pub(super) fn is_code(path: &str) -> bool {
    language(path) != Language::Other
}

pub(super) fn is_test_file(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.split('.').next().unwrap_or(name);
    let in_folder = folders.split('/').any(|part| matches!(part, "tests" | "test" | "__tests__" | "spec"));
    let named = stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_spec")
        || matches!(stem, "test" | "tests");
    let dotted = name.split('.').skip(1).any(|part| matches!(part, "test" | "spec"));
    language(path) != Language::Other && (in_folder || named || dotted)
}

/// The code of a line; empty for a line that is only a comment.
fn code(line: &str) -> &str {
    let line = line.trim_start();
    if line.starts_with("//") || (line.starts_with('#') && !line.starts_with("#[") && !line.starts_with("#!")) {
        ""
    } else {
        line
    }
}

pub(super) fn is_test(path: &str, line: &str) -> bool {
    let line = code(line);
    match language(path) {
        Language::Rust => line.strip_prefix("#[").and_then(|rest| rest.split([']', '(']).next()).is_some_and(|name| {
            let last = name.rsplit("::").next().unwrap_or(name);
            matches!(last, "test" | "rstest" | "test_case" | "proptest")
        }),
        Language::Python => line.starts_with("def test") || line.starts_with("async def test"),
        Language::JavaScript => is_test_file(path) && (line.starts_with("it(") || line.starts_with("test(")),
        Language::Go => line.starts_with("func Test") || line.starts_with("func Fuzz"),
        Language::Other => false,
    }
}

/// Whether the line is an assertion that names the value it expects.
fn is_assertion(path: &str, line: &str) -> bool {
    let line = code(line);
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    match language(path) {
        Language::Rust => {
            has(&["assert_eq!(", "assert_ne!(", "assert_matches!(", "assert_snapshot!("])
                || (line.starts_with("assert!(") && has(&["==", "!=", "matches!("]))
        }
        Language::Python => {
            (line.starts_with("assert ") && has(&["==", " is ", " in "]))
                || has(&["assertEqual(", "assertIn(", "assertRaises(", "pytest.raises("])
        }
        Language::JavaScript => {
            is_test_file(path)
                && has(&[
                    ".toBe(",
                    ".toEqual(",
                    ".toStrictEqual(",
                    ".toThrow(",
                    "assert.equal(",
                    "assert.strictEqual(",
                    "assert.deepEqual(",
                    "assert.deepStrictEqual(",
                ])
        }
        Language::Go => is_test_file(path) && has(&["t.Error", "t.Fatal", "assert.Equal(", "require.Equal("]),
        Language::Other => false,
    }
}

fn skips(path: &str, line: &str) -> bool {
    let line = code(line);
    let starts = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    match language(path) {
        Language::Rust => starts(&["#[ignore", "#[cfg(any())]", "#[cfg(false)]"]) || has(&["cfg_attr(all(), ignore"]),
        Language::Python => starts(&[
            "@pytest.mark.skip",
            "@pytest.mark.xfail",
            "@unittest.skip",
            "@unittest.expectedFailure",
            "pytest.skip(",
            "pytest.xfail(",
            "self.skipTest(",
            "pytestmark = pytest.mark.skip",
        ]),
        Language::JavaScript => {
            is_test_file(path)
                && starts(&[
                    "it.skip(",
                    "test.skip(",
                    "describe.skip(",
                    "xit(",
                    "xtest(",
                    "xdescribe(",
                    "it.only(",
                    "test.only(",
                    "describe.only(",
                    "test.todo(",
                    "it.todo(",
                    "test.failing(",
                ])
        }
        Language::Go => starts(&["t.Skip(", "t.Skipf(", "t.SkipNow(", "//go:build ignore"]),
        Language::Other => false,
    }
}

fn always_holds(path: &str, line: &str) -> bool {
    let words: String = code(line).chars().filter(|c| !c.is_whitespace()).collect();
    let starts = |heads: &[&str]| heads.iter().any(|head| words.starts_with(head));
    match language(path) {
        Language::Rust => starts(&["assert!(true", "debug_assert!(true"]),
        Language::Python => {
            matches!(words.as_str(), "assertTrue" | "assert1") || starts(&["self.assertTrue(True", "assertTrue,"])
        }
        Language::JavaScript => {
            is_test_file(path)
                && starts(&["expect(true).toBe(true", "expect(1).toBe(1", "assert(true", "assert.ok(true"])
        }
        Language::Go | Language::Other => false,
    }
}

/// Whether the line runs a command or job whose failure is ignored: in makefiles, scripts, `package.json` and
/// workflows.
fn ignores_failure(path: &str, line: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends =
        |extensions: &[&str]| name.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension));
    let runs = MAKEFILES.contains(&name) || name == "package.json" || ends(&["sh", "yml", "yaml", "toml"]);
    let line = line.trim();
    let commented = line.starts_with('#') && !line.starts_with("#!");
    runs && !commented
        && (line.contains("|| true")
            || line.contains("|| exit 0")
            || line.contains("|| :")
            || line.contains("continue-on-error: true")
            || line.contains("--passWithNoTests"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::fixture::changed;

    fn kinds(files: Vec<Changed>) -> Vec<WeakeningKind> {
        weakened_proof(&Diff { files, truncated: false }).into_iter().map(|found| found.kind).collect()
    }

    #[test]
    fn a_deleted_test_file_is_found_and_a_moved_one_is_not() {
        let body = ["#[test]", "fn a() {}"];
        let gone = Changed { status: Status::Deleted, ..changed("tests/a.rs", &body, &[]) };
        assert_eq!(kinds(vec![gone.clone()]), [WeakeningKind::TestFileDeleted]);
        let there = Changed { status: Status::Added, ..changed("tests/b.rs", &[], &body) };
        assert_eq!(kinds(vec![gone, there]), []);
    }

    #[test]
    fn removed_tests_and_skips_are_found_in_every_language() {
        for (path, removed) in [
            ("src/lib.rs", "    #[tokio::test]"),
            ("test_a.py", "def test_a():"),
            ("a.test.ts", "  it('adds', () => {"),
            ("a_test.go", "func TestA(t *testing.T) {"),
        ] {
            assert_eq!(kinds(vec![changed(path, &[removed], &[])]), [WeakeningKind::TestsRemoved], "{path}");
        }
        for (path, added) in [
            ("src/lib.rs", "    #[ignore = \"slow\"]"),
            ("test_a.py", "@pytest.mark.skip"),
            ("a.test.ts", "it.skip('x')"),
            ("a_test.go", "\tt.Skip(\"later\")"),
        ] {
            assert_eq!(kinds(vec![changed(path, &[], &[added])]), [WeakeningKind::TestSkipped], "{path}");
        }
    }

    #[test]
    fn loosened_assertions_are_found() {
        assert_eq!(
            kinds(vec![changed("src/lib.rs", &["assert_eq!(add(1, 2), 3);"], &["assert!(add(1, 2) > 0);"])]),
            [WeakeningKind::AssertionsLoosened]
        );
        assert_eq!(
            kinds(vec![changed("tests/t.rs", &[], &["    assert!(true);"])]),
            [WeakeningKind::AssertionsLoosened]
        );
        assert_eq!(
            kinds(vec![changed("test_a.py", &["    assert f() == 3"], &["    assert f()"])]),
            [WeakeningKind::AssertionsLoosened]
        );
    }

    #[test]
    fn a_swallowed_failure_is_found() {
        assert_eq!(
            kinds(vec![changed("Makefile", &["\tcargo test"], &["\tcargo test || true"])]),
            [WeakeningKind::FailureIgnored]
        );
        assert_eq!(
            kinds(vec![changed(".github/workflows/ci.yml", &[], &["  continue-on-error: true"])]),
            [WeakeningKind::FailureIgnored]
        );
    }

    #[test]
    fn code_that_was_made_binary_is_found_and_a_picture_is_not() {
        let binary = |path| Changed { binary: true, ..changed(path, &[], &[]) };
        assert_eq!(kinds(vec![binary("tests/a.rs"), binary("logo.png")]), [WeakeningKind::Unreadable]);
    }

    #[test]
    fn honest_work_is_left_alone() {
        let files = vec![
            changed(
                "src/lib.rs",
                &["assert_eq!(f(1), 2);", "    #[test]"],
                &["assert_eq!(f(1), 3);", "#[test]", "// #[ignore]", "let skip = true;"],
            ),
            changed("README.md", &["#[test]"], &["run `make test || true`", "#[ignore]"]),
            changed("src/a.js", &[], &["it.skip(2)", "test(1)"]),
        ];
        assert_eq!(kinds(files), []);
    }
}
