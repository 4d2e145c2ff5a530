//! Diagnostics of compilers and linters.

use adjutant_domain::check::AnnotationLevel;
use adjutant_domain::text::truncate;

use super::formats::Format;
use super::found::{Found, Remark};
use super::location::{Location, in_parentheses, leading};
use super::words::digits;
use crate::verify::detect::has_extension;

const HEADER_BYTES: usize = 1_000;

/// One line a diagnostic, with the place at its beginning: gcc, clang, javac, Maven, Gradle, Kotlin, go build and vet,
/// tsc, mypy, flake8, ruff and pylint in their short forms, eslint as `unix`, `MSBuild`, rustc as `short`, rustfmt, make,
/// PHP and Ruby.
#[derive(Debug, Default)]
pub(super) struct Lines;

impl Format for Lines {
    fn line(&mut self, printed: &str, found: &mut Found<'_>) {
        let marks = ["[ERROR] ", "[WARNING] ", "e: ", "w: "];
        let line = marks.iter().find_map(|mark| printed.strip_prefix(mark)).unwrap_or(printed);
        let line = line.strip_prefix("file://").unwrap_or(line);
        if let Some((at, message)) = of_maven(line) {
            let is_warning = printed.starts_with("[WARNING] ");
            let level = if is_warning { AnnotationLevel::Warning } else { AnnotationLevel::Failure };
            found.remark(&at, &Remark { level, title: "javac", message });
            return;
        }
        let said = in_parentheses(line)
            .map(|(at, said)| (at, true, of_project(said)))
            .or_else(|| of_php(line))
            .or_else(|| of_rustfmt(line))
            .or_else(|| leading(line).map(|(at, column, said)| (at, column.is_some(), said.trim_start())));
        let Some((at, has_column, said)) = said else { return };
        if let Some((level, title, message)) = diagnostic(&at, has_column, said)
            && found.knows(&at)
        {
            found.remark(&at, &Remark { level, title, message });
        }
    }
}

/// What a diagnostic says: level, title, message.
fn diagnostic<'a>(at: &Location<'_>, has_column: bool, said: &'a str) -> Option<(AnnotationLevel, &'a str, &'a str)> {
    use AnnotationLevel::{Failure, Warning};
    let said = said.strip_prefix("- ").unwrap_or(said);
    // eslint as `unix`: `MESSAGE [Error/RULE]`.
    if let Some((message, rule)) = said.strip_suffix(']').and_then(|said| said.rsplit_once(" [")) {
        for (prefix, level) in [("Error/", Failure), ("Warning/", Warning)] {
            if let Some(rule) = rule.strip_prefix(prefix) {
                return Some((level, rule, message));
            }
        }
    }
    let word_end = said.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(said.len());
    let (word, rest) = said.split_at(word_end);
    match word {
        "error" | "fatal" | "warning" => {
            let level = if word == "warning" { Warning } else { Failure };
            let (code, message) = rest.split_once(": ").unwrap_or(("", rest));
            let code = code.trim_matches([' ', '[', ']']);
            let is_code = !code.is_empty() && code != "error" && !code.contains(' ');
            Some((level, if is_code { code } else { word }, message.trim_start_matches(':').trim()))
        }
        "note" | "info" | "help" | "hint" => None,
        "syntax" if rest.starts_with(" error") => Some((Failure, "", said)),
        // `PATH:3: DeprecationWarning: …`
        kind if kind.ends_with("Warning") && rest.starts_with(": ") => Some((Warning, kind, rest[2..].trim())),
        // `F401 [*] …` and `C0114: …`
        code if is_rule(code) => Some((Failure, code, rest.trim_start_matches([':', ' ']))),
        _ if said.starts_with("*** ") => {
            Some((Failure, "make", said[4..].trim())).filter(|_| !said.contains("] Error "))
        }
        _ if has_column && has_extension(at.path, "go") => Some((Failure, "", said)),
        _ => None,
    }
}

/// Letters and then digits, such as `E302`.
fn is_rule(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let letters = word.len() - digits.len();
    (1..=5).contains(&letters) && (2..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `PATH:[3,20] incompatible types: …`
fn of_maven(line: &str) -> Option<(Location<'_>, &str)> {
    let (path, rest) = line.split_once(":[")?;
    let (line, rest) = digits(rest)?;
    let (_, said) = rest.split_once("] ")?;
    (!path.contains(' ')).then_some((Location { path, line }, said))
}

/// A message without the project that `MSBuild` puts behind it.
fn of_project(said: &str) -> &str {
    said.strip_suffix("proj]").and_then(|said| said.rsplit_once(" [")).map_or(said, |(said, _)| said)
}

/// `PHP Parse error:  MESSAGE in PATH on line 2`
fn of_php(line: &str) -> Option<(Location<'_>, bool, &str)> {
    let said = line.strip_prefix("PHP ").unwrap_or(line);
    (said.starts_with("Parse error: ") || said.starts_with("Fatal error: ")).then_some(())?;
    let (said, number) = said.rsplit_once(" on line ")?;
    let (_, path) = said.rsplit_once(" in ")?;
    Some((Location { path, line: digits(number)?.0 }, false, "syntax error: PHP cannot read this line"))
}

/// `Diff in PATH:3:`, or `Diff in PATH at line 3:` until rustfmt 1.7.
fn of_rustfmt(line: &str) -> Option<(Location<'_>, bool, &str)> {
    let place = line.strip_prefix("Diff in ")?;
    let (path, number) = place.split_once(" at line ").or_else(|| place.trim_end_matches(':').rsplit_once(':'))?;
    Some((Location { path, line: digits(number)?.0 }, false, "error: not formatted as rustfmt formats it"))
}

/// A message, and in a line below ` --> PATH:3:18`: rustc, clippy, ruff.
#[derive(Debug, Default)]
pub(super) struct Arrows {
    header: Option<(AnnotationLevel, String, String)>,
}

impl Format for Arrows {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        if let Some(place) = line.trim_start().strip_prefix("--> ") {
            let header = self.header.take();
            if let (Some((level, title, message)), Some((at, ..))) = (header, leading(place)) {
                found.remark(&at, &Remark { level, title: &title, message: &message });
            }
        } else if let Some((level, title, message)) = header(line) {
            self.header = Some((level, title.to_owned(), truncate(message, HEADER_BYTES).to_owned()));
        }
    }
}

/// `error[E0308]: mismatched types`, `warning: unused import`, `F401 [*] … imported but unused`.
fn header(line: &str) -> Option<(AnnotationLevel, &str, &str)> {
    for (word, level) in [("error", AnnotationLevel::Failure), ("warning", AnnotationLevel::Warning)] {
        if let Some(rest) = line.strip_prefix(word) {
            let (code, message) = rest.split_once(": ")?;
            let code = code.trim_matches(['[', ']']);
            return (!code.contains(' ')).then_some((level, if code.is_empty() { word } else { code }, message));
        }
    }
    let (code, message) = line.split_once(' ')?;
    is_rule(code).then_some((AnnotationLevel::Failure, code, message))
}

/// A line with a path, and below it one line a diagnostic: eslint as `stylish`, and xo.
#[derive(Debug, Default)]
pub(super) struct Eslint {
    file: Option<String>,
}

impl Format for Eslint {
    fn line(&mut self, line: &str, found: &mut Found<'_>) {
        let text = line.trim();
        if let (Some(file), Some((level, at, rule, message))) = (&self.file, problem(line)) {
            let file = Some(file.clone());
            found.remark_file(file, at, at, &Remark { level, title: rule, message });
        } else if text.is_empty() {
            // eslint separates files by an empty line; xo puts one below the path.
        } else {
            let path = leading(text).map_or(text, |(at, ..)| at.path);
            let may_be_path = path.contains(['.', '/']) && !path.contains(' ') && line.len() - text.len() <= 2;
            self.file = may_be_path.then(|| found.file(path)).flatten();
        }
    }
}

/// `  1:5   error    MESSAGE  RULE`, or xo's `  ✖  1:5  MESSAGE  RULE`.
fn problem(line: &str) -> Option<(AnnotationLevel, u64, &str, &str)> {
    use AnnotationLevel::{Failure, Warning};
    let text = line.strip_prefix("  ")?.trim();
    let marked = [("✖ ", Failure), ("⚠ ", Warning)];
    let mark = marked.iter().find_map(|(mark, level)| Some((*level, text.strip_prefix(mark)?.trim_start())));
    let text = mark.map_or(text, |(_, text)| text);
    let (at, rest) = digits(text)?;
    let (_, rest) = digits(rest.strip_prefix(':')?)?;
    let rest = rest.strip_prefix(' ')?.trim_start();
    let (level, said) = match mark {
        Some((level, _)) => (level, rest),
        None => match rest.split_once(' ')? {
            ("error", said) => (Failure, said),
            ("warning", said) => (Warning, said),
            _ => return None,
        },
    };
    let said = said.trim_start();
    let (message, rule) = said.rsplit_once("  ").unwrap_or((said, ""));
    Some((level, at, rule.trim(), message.trim()))
}
