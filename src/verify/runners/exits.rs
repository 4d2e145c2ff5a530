//! Code that ends a test run early with success, or changes its exit status when it ends.

use super::super::weakened::{Weakening, WeakeningKind, place};
use crate::workspace::Changed;

/// Texts of added lines, by the ends of the files in which they mean that.
const EXITS: &[(&[&str], &[&str])] = &[
    (&[".py"], &["os._exit(", "atexit.register("]),
    (
        &[".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx", ".jsx"],
        &[
            "process.exit(0)",
            "process.exit()",
            "process.exitCode",
            "process.reallyExit",
            "process.on('exit'",
            "process.on(\"exit\"",
        ],
    ),
    (&[".rs"], &["process::exit(0)", "libc::_exit("]),
    (&[".go"], &["os.Exit(0)", "func TestMain("]),
    (&[".rb"], &["at_exit", "exit!"]),
    (&[".php"], &["register_shutdown_function("]),
    (&[".java", ".kt"], &["System.exit(0)", "exitProcess(0)", "Runtime.getRuntime().halt("]),
    (&[".c", ".cc", ".cpp", ".h", ".hpp"], &["_exit(0)", "quick_exit(0)", "atexit("]),
];

/// The first added line that ends a run.
pub(super) fn added(file: &Changed) -> Option<Weakening> {
    let ends = |ends: &[&str]| ends.iter().any(|end| file.path.ends_with(end));
    let texts = EXITS.iter().find(|(files, _)| ends(files)).map(|(_, texts)| *texts)?;
    let (line, text) = file.added.iter().find_map(|(number, line)| {
        let moved = file.removed.iter().any(|(_, old)| old.trim() == line.trim());
        let text = texts.iter().find(|text| !moved && line.contains(**text))?;
        Some((*number, *text))
    })?;
    let note = format!("`{}` adds `{text}` in line {line}: it may end a test run before it fails.", file.path);
    Some(place(WeakeningKind::FailureIgnored, file, Some(line), note))
}
