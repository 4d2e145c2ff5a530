//! Build systems of C, C++ and their kin, which are asked where no package manager is in use.

use super::files::Folder;
use super::{Rule, Setup};

/// Folders that have a build file of their own for the tests.
pub(super) const TEST_FOLDERS: &[&str] = &["test", "tests", "unittest", "unittests"];

/// How many compilers run at once. A build tool left alone starts as many as it has files.
const JOBS: &str = "4";

/// A `configure` that is committed. Its `Makefile` is made by it, so it is asked before `make`.
pub(super) fn configured(folder: &Folder<'_>) -> Option<Rule> {
    if !folder.has("configure") {
        return None;
    }
    let (name, target) = configured_target(folder)?;
    let rule = Rule::new(format!("./configure && make {target}"), format!("`configure` and `{name}`"));
    Some(Rule { name: format!("make {target}"), ..rule })
}

/// Autotools whose `configure` is made from its sources.
pub(super) fn autotools(folder: &Folder<'_>) -> Option<Rule> {
    let source = folder.first(&["configure.ac", "configure.in"])?;
    let run = "autoreconf --install && ./configure && make check";
    let rule = || Rule::new(run, format!("`{source}` and `Makefile.am`"));
    folder.has("Makefile.am").then(|| Rule { name: "make check".to_owned(), ..rule() })
}

/// The file that becomes the `Makefile`, and its target.
fn configured_target(folder: &Folder<'_>) -> Option<(&'static str, &'static str)> {
    // Automake writes the target `check` into every makefile.
    if folder.has("Makefile.am") {
        return Some(("Makefile.am", "check"));
    }
    super::runners::test_target(folder.text("Makefile.in")?).map(|target| ("Makefile.in", target))
}

pub(super) fn cmake(folder: &Folder<'_>) -> Option<Rule> {
    let text = folder.text("CMakeLists.txt")?;
    let build = build_folder(folder);
    let tests = if enables_tests(text) {
        build.to_owned()
    } else {
        let below = |name: &&&str| folder.text(&format!("{name}/CMakeLists.txt")).is_some_and(enables_tests);
        format!("{build}/{}", TEST_FOLDERS.iter().find(below)?)
    };
    let options: String = test_options(text).flat_map(|name| [" -D", name, "=ON"]).collect();
    let run = format!(
        "cmake -S . -B {build}{options} && cmake --build {build} --parallel {JOBS} && \
         ctest --test-dir {tests} --output-on-failure --no-tests=error"
    );
    Some(Rule { name: "ctest".to_owned(), ..Rule::new(run, "the tests in `CMakeLists.txt`") })
}

fn enables_tests(text: &str) -> bool {
    let text = text.to_lowercase().replace(' ', "");
    text.contains("enable_testing(") || text.contains("include(ctest)")
}

/// The options that build the tests, where they are off unless somebody asks.
fn test_options(text: &str) -> impl Iterator<Item = &str> {
    let options = text.split("option").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('('));
    options.filter_map(|rest| {
        let rest = rest.trim_start();
        let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
        let described = rest[name.len()..].trim_start().strip_prefix('"')?;
        let value = described.split_once('"')?.1.split_once(')')?.0.trim();
        let off = value.is_empty() || value.eq_ignore_ascii_case("off") || value.eq_ignore_ascii_case("false");
        (off && builds_tests(name)).then_some(name)
    })
}

/// `FMT_TEST`, `BUILD_TESTING`, `X_BUILD_UNIT_TESTS`; not `X_WITHOUT_TESTS`, `X_INSTALL_TESTS`.
fn builds_tests(name: &str) -> bool {
    let words: Vec<String> = name.split('_').map(str::to_ascii_uppercase).collect();
    let is = |word: &String, all: &[&str]| all.contains(&word.as_str());
    let last = words.last().is_some_and(|word| is(word, &["TEST", "TESTS", "TESTING", "UNITTESTS"]));
    let other = ["WITHOUT", "NO", "DISABLE", "SKIP", "INSTALL", "FUZZ", "PERFORMANCE", "BENCHMARK", "STRESS", "CUDA"];
    last && !words.iter().any(|word| is(word, &other))
}

pub(super) fn meson(folder: &Folder<'_>) -> Option<Rule> {
    let has = |name: &str| folder.text(name).is_some_and(|text| text.lines().any(|line| calls(line, "test")));
    let below = |name: &&str| has(&format!("{name}/meson.build"));
    if !folder.has("meson.build") || !(has("meson.build") || TEST_FOLDERS.iter().any(below)) {
        return None;
    }
    let build = build_folder(folder);
    let run = format!("meson setup {build} && meson test -C {build} --print-errorlogs");
    let rule = Rule { name: "meson test".to_owned(), ..Rule::new(run, "the tests in `meson.build`") };
    let install = "command -v meson || (python3 -m venv ~/.venv && ~/.venv/bin/pip install --quiet meson ninja)";
    Some(rule.after(Setup::install([install])))
}

/// Whether a line begins with a call of that function.
fn calls(line: &str, function: &str) -> bool {
    line.trim_start().strip_prefix(function).is_some_and(|rest| rest.trim_start().starts_with('('))
}

/// A folder for what is built that the commit does not have.
fn build_folder(folder: &Folder<'_>) -> &'static str {
    if folder.below().any(|path| path.starts_with("build/")) { "_build" } else { "build" }
}
