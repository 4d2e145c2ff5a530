//! The files that a command runs, and the files that these run.

use std::collections::BTreeMap;

use crate::verify::weakened::MAKEFILES;

/// How many scripts may call each other.
pub(super) const DEPTH: usize = 4;
/// The most scripts of all verifiers together.
pub(super) const MOST: usize = 200;

const EXECUTABLE: u32 = 0o100_755;
const JUSTFILES: [&str; 3] = ["justfile", "Justfile", ".justfile"];
const SCRIPTS: [&str; 6] = [".sh", ".bash", ".zsh", ".mk", ".ps1", ".bat"];
/// Programs whose argument is a file that they run.
const INTERPRETERS: [&str; 16] = [
    "sh", "bash", "zsh", "dash", "python", "python3", "node", "deno", "bun", "tsx", "ruby", "perl", "php", "lua",
    "source", ".",
];

/// The files that programs read by themselves, in whichever folder they are called.
const READ_BY_PROGRAMS: &[(&str, &[&str])] = &[
    ("make", &MAKEFILES),
    // What `make` reads where it is made from them.
    ("make", &["Makefile.in", "Makefile.am", "configure", "configure.ac", "configure.in"]),
    ("just", &JUSTFILES),
    ("cmake", &["CMakeLists.txt"]),
    ("ctest", &["CMakeLists.txt"]),
    ("meson", &["meson.build", "meson.options", "meson_options.txt"]),
    ("bats", &["setup_suite.bash", "test_helper.bash"]),
    ("prove", &[".proverc"]),
];

/// The files that a verifier's command names, and those that its programs read without being told.
pub(super) fn named(run: &str, folder: &str, modes: &BTreeMap<String, u32>) -> Vec<String> {
    let mut found: Vec<String> = words(run).filter_map(|word| file(word, folder, modes)).collect();
    for (_, names) in READ_BY_PROGRAMS.iter().filter(|(program, _)| words(run).any(|word| word == *program)) {
        let read = modes.keys().filter(|path| names.contains(&path.rsplit('/').next().unwrap_or(path)));
        found.extend(read.cloned());
    }
    found
}

/// The files that a script runs: not each file that it names, because a makefile names the sources, too.
pub(super) fn called(text: &str, folder: &str, modes: &BTreeMap<String, u32>) -> Vec<String> {
    let mut before = "";
    let mut found = Vec::new();
    for word in words(text) {
        if let Some(path) = file(word, folder, modes) {
            let run = INTERPRETERS.contains(&before) || SCRIPTS.iter().any(|end| path.ends_with(end));
            if run || modes.get(&path) == Some(&EXECUTABLE) {
                found.push(path);
            }
        }
        if !word.starts_with('-') {
            before = word;
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let separates = |c: char| c.is_whitespace() || "\"'`;|&()<>=$@{}[],".contains(c);
    text.split(separates).filter(|word| !word.is_empty())
}

/// The file of the repository that a word means: as it stands, or from the script's own folder.
fn file(word: &str, folder: &str, modes: &BTreeMap<String, u32>) -> Option<String> {
    let plain = word.trim_start_matches("./");
    let beside = format!("{folder}/{plain}");
    [plain.to_owned(), beside].into_iter().find(|path| modes.contains_key(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, u32)]) -> BTreeMap<String, u32> {
        files.iter().map(|(path, mode)| ((*path).to_owned(), *mode)).collect()
    }

    #[test]
    fn a_command_names_files_and_programs_read_theirs_in_any_folder() {
        let tree = tree(&[("Makefile", 0o100_644), ("ci/test.sh", 0o100_644), ("lib.py", 0o100_644)]);
        assert_eq!(named("make test && sh ./ci/test.sh", "", &tree), ["ci/test.sh", "Makefile"]);
        let below = self::tree(&[("core/Makefile", 0o100_644), ("src/CMakeLists.txt", 0o100_644)]);
        assert_eq!(named("make -C core test", "", &below), ["core/Makefile"]);
        assert_eq!(named("cmake -S . -B build && ctest", "", &below)[0], "src/CMakeLists.txt");
        let made = self::tree(&[("configure", 0o100_755), ("src/Makefile.am", 0o100_644), ("meson.build", 0o100_644)]);
        assert_eq!(named("./configure && make check", "", &made), ["configure", "configure", "src/Makefile.am"]);
        assert_eq!(named("meson setup b && meson test -C b", "", &made), ["meson.build"]);
        assert_eq!(named("pytest", "", &tree), [""; 0]);
    }

    #[test]
    fn a_script_calls_what_it_runs_and_not_what_it_names() {
        let tree = tree(&[
            ("ci/inner.sh", 0o100_644),
            ("run", 0o100_755),
            ("tools/check.py", 0o100_644),
            ("src/main.c", 0o100_644),
            ("lib.py", 0o100_644),
        ]);
        let text = "SRC = src/main.c lib.py\ntest:\n\tpython3 -u tools/check.py\n\t./run && . inner.sh\n";
        assert_eq!(called(text, "ci", &tree), ["tools/check.py", "run", "ci/inner.sh"]);
    }
}
