//! Every format with what the program really printed, and what hostile logs do.
//!
//! The samples were printed by the programs named, and cut to the lines that matter; the folder was replaced by the one
//! that a sandbox shows. Those of Surefire, Gradle and `dotnet test` follow the documentation of these programs.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// What was read of a sample, one fact a line.
fn read_of(name: &str, sample: &str, files: &[&str]) -> String {
    let tree = TreeFiles::new(files.iter().map(|file| (*file).to_owned()));
    let outcome = read(sample.as_bytes(), &tree);
    let count = |count: Option<u32>| count.map_or("?".to_owned(), |count| count.to_string());
    let (passed, failed, skipped) = (count(outcome.passed), count(outcome.failed), count(outcome.skipped));
    let mut told = format!("# {name}: {passed} passed, {failed} failed, {skipped} skipped\n");
    if let Some(cause) = &outcome.cause {
        let _ = writeln!(told, "cause: {cause}");
    }
    for (test, status) in &outcome.tests {
        let _ = writeln!(told, "{status:?}: {test}");
    }
    for Annotation { path, start_line, end_line, level, title, message } in &outcome.annotations {
        let place = if start_line == end_line { String::new() } else { format!("-{end_line}") };
        let _ = writeln!(told, "{} at {path}:{start_line}{place} [{title}] {message:?}", level.as_str());
    }
    told
}

/// The outcomes of samples of one tree.
macro_rules! read_all {
    ($files:expr; $($name:literal),+ $(,)?) => {
        [$(read_of($name, include_str!(concat!("samples/", $name)), $files)),+].join("\n")
    };
}

#[test]
fn rust() {
    let files = &["src/lib.rs", "tests/whole.rs"];
    insta::assert_snapshot!(
        read_all!(files; "cargo-test.txt", "nextest.txt", "rustc.txt", "rustc.jsonl", "rustc-short.txt", "clippy.txt", "rustfmt.txt")
    );
}

#[test]
fn python() {
    let files = &["test_math.py", "u/test_u.py", "lint.py", "tb.py", "syn.py", "broken/test_import.py"];
    insta::assert_snapshot!(
        read_all!(files; "pytest.txt", "pytest-verbose.txt", "pytest-short.txt", "pytest-xdist.txt", "pytest-import.txt", "pytest-native.txt", "pytest.xml", "unittest.txt", "unittest-verbose.txt", "traceback.txt", "syntax-error.txt", "flake8.txt", "ruff.txt", "ruff-concise.txt", "mypy.txt")
    );
}

#[test]
fn go() {
    let files = &["a_test.go", "a.go", "sub/s_test.go", "bad.go", "p/p.go"];
    insta::assert_snapshot!(
        read_all!(files; "go-test.txt", "go-test-verbose.txt", "go-test.jsonl", "go-build.txt", "go-vet.txt")
    );
}

#[test]
fn node() {
    let files = &[
        "t/math.test.js",
        "v/math.test.mjs",
        "m/math.js",
        "n/math.test.js",
        "a/math.mjs",
        "tp/math.js",
        "src/bad.ts",
        "src/lint.js",
    ];
    insta::assert_snapshot!(
        read_all!(files; "jest.txt", "jest.json", "vitest.txt", "vitest-verbose.txt", "vitest-tap.txt", "vitest.xml", "mocha.txt", "mocha.json", "node-spec.txt", "node-tap.txt", "node-tap-block.txt", "ava.txt", "tape.txt", "tsc.txt", "tsc-pretty.txt", "eslint.txt", "eslint-unix.txt", "eslint.json", "xo.txt")
    );
}

#[test]
fn jvm_and_dotnet() {
    let files = &["src/test/java/w/ATest.java", "src/main/java/w/B.java", "tests/MathTest.cs"];
    insta::assert_snapshot!(
        read_all!(files; "surefire.txt", "maven-compile.txt", "javac.txt", "gradle.txt", "dotnet.txt")
    );
}

#[test]
fn ruby_and_php() {
    let files = &["spec/math_spec.rb", "math_test.rb", "MathTest.php", "bad.php"];
    insta::assert_snapshot!(
        read_all!(files; "rspec.txt", "minitest.txt", "minitest-verbose.txt", "phpunit.txt", "phpunit-passed.txt", "phpunit.xml", "php-syntax.txt")
    );
}

#[test]
fn c() {
    let files = &["bad.c", "bad.cc", "Makefile"];
    insta::assert_snapshot!(read_all!(files; "make-gcc.txt", "clang.txt", "g++.txt", "ctest.txt"));
}

fn of(log: &str) -> Outcome {
    read(log.as_bytes(), &TreeFiles::new(["src/lib.rs".to_owned(), "a.c".to_owned()]))
}

#[test]
fn the_counts_of_several_programs_are_added() {
    let both = of("test result: ok. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out\n\
        test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n==== 5 passed in 0.1s ====\n");
    assert_eq!((both.passed, both.failed, both.skipped), (Some(12), Some(1), Some(2)));
    let many = "test result: ok. 4000000000 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n".repeat(3);
    assert_eq!(of(&many).passed, Some(u32::MAX));
}

#[test]
fn a_run_that_was_stopped_counts_the_tests_that_it_named() {
    let stopped = of("running 3 tests\ntest a ... ok\ntest b ... FAILED\n");
    assert_eq!((stopped.passed, stopped.failed, stopped.skipped), (Some(1), Some(1), None));
}

#[test]
fn marks_are_tests_only_where_a_runner_counted() {
    assert_eq!(of("✓ 34 modules transformed.\n✓ built in 1.2s\n✖ 5 problems\n"), Outcome::default());
}

#[test]
fn what_a_passing_test_printed_is_no_failure() {
    let printed = "test a ... ok\nthread 'a' panicked at src/lib.rs:3:4:\nas it should\n\ntest result: ok. 1 passed; 0 failed; 0 ignored\n";
    assert_eq!(of(printed).annotations, []);
}

#[test]
fn a_line_that_cannot_be_is_not_annotated() {
    for line in ["0", "2147483648", "4294967296", "99999999999999999999999", "-1", ""] {
        let outcome = of(&format!("a.c:{line}:1: error: no\n"));
        assert_eq!(outcome.annotations, [], "{line}");
    }
    assert_eq!(of("a.c:2147483647:1: error: no\n").annotations[0].start_line, 2_147_483_647);
}

#[test]
fn a_path_outside_of_the_tree_is_not_annotated() {
    for path in ["../a.c", "/etc/passwd", "/work/tree/../a.c", "b.c", "a.c/../../a.c"] {
        assert_eq!(of(&format!("{path}:1:1: error: no\n")).annotations, [], "{path}");
    }
}

#[test]
fn terminal_sequences_do_not_hide_a_line() {
    let coloured = of("\x1b[1ma.c:3:1: \x1b[31merror: \x1b[0mno\x1b[K\n");
    assert_eq!((coloured.annotations[0].start_line, coloured.annotations[0].message.as_str()), (3, "no"));
}

#[test]
fn an_xml_document_with_a_dtd_is_not_read() {
    let suite = "<testsuite><testcase name=\"a\"><failure message=\"&lol;\"/></testcase></testsuite>";
    let bomb = format!("<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\">]>{suite}");
    assert_eq!(of(&bomb), Outcome::default());
    let within = "<testsuite><!DOCTYPE x [<!ENTITY a \"b\">]><testcase name=\"a\"/></testsuite>";
    assert_eq!(of(within), Outcome::default());
    let unknown = of(suite);
    assert_eq!((unknown.failed, unknown.cause.as_deref()), (Some(1), Some("a")), "an unknown entity is nothing");
}

#[test]
fn any_number_of_findings_stays_within_the_bounds() {
    let mut log = String::new();
    for n in 0..200_000 {
        let _ = writeln!(log, "a.c:{n}:1: error: {n}");
    }
    let outcome = of(&log);
    assert_eq!(outcome.annotations.len(), MOST_ANNOTATIONS);
    let log: String = (0..50_000).fold(String::new(), |log, n| log + "test t" + &n.to_string() + " ... ok\n");
    assert_eq!(of(&log).tests.len(), MOST_TESTS);
    let warnings = (0..1_000).fold(String::new(), |log, n| log + &format!("a.c:{}:1: warning: w\n", n + 1));
    let outcome = of(&format!("{warnings}a.c:7:1: error: the failure\n"));
    assert_eq!(outcome.annotations[0].message, "the failure", "failures come first");
}

#[test]
fn only_the_beginning_and_the_end_of_a_huge_log_are_read() {
    let filler = "x".repeat(1_000) + "\n";
    let log = format!("test a ... FAILED\n{}test b ... FAILED\n", filler.repeat(12_000));
    let short = format!(
        "test a ... FAILED\n{}test middle ... FAILED\n{}test b ... FAILED\n",
        "\n".repeat(200_000),
        "\n".repeat(400_000)
    );
    assert_eq!(read(short.as_bytes(), &TreeFiles::default()).failing(10), ["a", "b"]);
    let mut log = log.into_bytes();
    let middle = log.len() / 3;
    log.splice(middle..middle, b"\ntest middle ... FAILED\n".iter().copied());
    let outcome = read(&log, &TreeFiles::default());
    assert_eq!(outcome.failing(10), ["a", "b"]);
}

#[test]
fn a_secret_is_in_no_annotation() {
    let token = format!("ghp_{}", "a1B2c3D4e5".repeat(4));
    let outcome = of(&format!("a.c:3:1: error: the token is {token}\n"));
    assert!(!format!("{outcome:?}").contains(&token), "{outcome:?}");
    assert!(outcome.annotations[0].message.contains("[redacted]"));
}

/// Pieces of what the formats look for, so that random logs come deep into them.
const PIECES: &[&str] = &[
    "test ",
    " ... ok",
    "FAILED",
    "test result: ",
    "1 passed; ",
    "thread 'a' panicked at ",
    "src/lib.rs:3:4:",
    "a.c:1:2: ",
    "error",
    "warning: ",
    ": ",
    "\n",
    "\n",
    "\n",
    "\n    ",
    "  ",
    "--- FAIL: ",
    "=== RUN ",
    "FAIL\t",
    "ok  \t",
    "____ x ____",
    "E  ",
    "File \"a.c\", line 3",
    "{\"Action\":\"output\",\"Package\":\"p\",\"Output\":\"",
    "\"}",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "<testsuite>",
    "<testcase name=\"a\">",
    "<failure message=\"&#x41;&lt;\">",
    "</testcase>",
    "</testsuite>",
    "<?xml ?>",
    "<!DOCTYPE x>",
    "&",
    ";",
    "TAP version 13\n",
    "not ok 1 - ",
    "ok 2",
    "# Subtest: ",
    "---",
    "...",
    "✓ ",
    "✕ ",
    "● ",
    "▶ ",
    "1) ",
    ") ",
    " FAIL  ",
    "─",
    "é",
    "\u{1b}[",
    "\0",
    "at f (a.c:1:2)",
    "❯ a.c:9:9",
    "Tests: ",
    "Tests run: 4, Failures: 1",
    "<<< FAILURE!",
    "rspec ./a.c:1 # b",
    "Failure:",
    "  Failed A [1 ms]",
    "% tests passed, ",
    " Test #1: a ...",
    "Summary [ 1s] 4 tests run: ",
    "PASS [ 1s] ",
    "99999999999999999999",
    "18446744073709551615",
    ".",
    "/",
    "..",
];

proptest! {
    #[test]
    fn no_log_panics_or_exceeds_the_bounds(
        pieces in prop::collection::vec((prop::sample::select(PIECES), prop::option::weighted(0.2, any::<u8>())), 0..200)
    ) {
        let mut log = Vec::new();
        for (piece, byte) in pieces {
            log.extend_from_slice(piece.as_bytes());
            log.extend(byte);
        }
        let outcome = read(&log, &TreeFiles::new(["src/lib.rs".to_owned(), "a.c".to_owned()]));
        prop_assert!(outcome.tests.len() <= MOST_TESTS && outcome.annotations.len() <= MOST_ANNOTATIONS);
        for annotation in &outcome.annotations {
            prop_assert!(["src/lib.rs", "a.c"].contains(&annotation.path.as_str()));
            prop_assert!(annotation.start_line >= 1 && annotation.end_line >= annotation.start_line);
            prop_assert!(!annotation.message.is_empty() && annotation.message.len() <= 4_000);
            prop_assert!(annotation.title.len() <= 200 && !annotation.title.contains('\n'));
        }
        prop_assert!(outcome.tests.keys().all(|name| !name.is_empty() && name.len() <= 300));
    }

    #[test]
    fn no_bytes_panic(log in prop::collection::vec(any::<u8>(), 0..2_000)) {
        read(&log, &TreeFiles::default());
    }
}
