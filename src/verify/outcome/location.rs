//! Finds a file and a line in a printed line.

use super::words::{digits, number};

/// A place that a program printed. Whether there is such a file is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location<'a> {
    pub(super) path: &'a str,
    pub(super) line: u64,
}

/// `PATH:LINE`, optionally with `:COLUMN`, at the beginning; with what comes after the colon that ends it.
pub(super) fn leading(text: &str) -> Option<(Location<'_>, Option<u64>, &str)> {
    // A path may have a colon, but no program prints one in a path that it wants to be found.
    let (path, rest) = text.split_once(':')?;
    let (line, rest) = digits(rest)?;
    plain(path).then_some(())?;
    let location = Location { path, line };
    match rest.strip_prefix(':').and_then(digits) {
        Some((column, rest)) if rest.is_empty() || rest.starts_with([':', ' ', ')']) => {
            Some((location, Some(column), rest.strip_prefix(':').unwrap_or(rest)))
        }
        _ if rest.is_empty() || rest.starts_with([':', ' ', ')']) => {
            Some((location, None, rest.strip_prefix(':').unwrap_or(rest)))
        }
        _ => None,
    }
}

/// `PATH:LINE` or `PATH:LINE:COLUMN`, and nothing else.
pub(super) fn whole(text: &str) -> Option<Location<'_>> {
    let text = text.trim();
    let (before, last) = text.rsplit_once(':')?;
    let last = number(last)?;
    match before.rsplit_once(':').and_then(|(path, line)| Some((path, number(line)?))) {
        Some((path, line)) if plain(path) => Some(Location { path, line }),
        _ => plain(before).then_some(Location { path: before, line: last }),
    }
}

/// `PATH(LINE)` or `PATH(LINE,COLUMN)` with a colon behind, as tsc and `MSBuild` print; with the rest.
pub(super) fn in_parentheses(text: &str) -> Option<(Location<'_>, &str)> {
    let (place, rest) = text.split_once("): ")?;
    let (path, numbers) = place.rsplit_once('(')?;
    let line = number(numbers.split(',').next()?)?;
    plain(path).then_some((Location { path, line }, rest))
}

/// `File "PATH", line LINE`, as Python prints.
pub(super) fn of_python(text: &str) -> Option<Location<'_>> {
    let (path, rest) = text.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    Some(Location { path, line: digits(rest)?.0 })
}

/// The location in a line of a JavaScript stack: `at name (PATH:1:2)`, `at PATH:1:2`, `❯ name PATH:1:2`, `› PATH:1:2`.
pub(super) fn of_stack(text: &str) -> Option<Location<'_>> {
    let text = text.trim();
    let frame = ["at ", "❯ ", "› "].iter().find_map(|mark| text.strip_prefix(mark))?;
    let frame = frame.trim_end_matches(" {");
    let place = match frame.rsplit_once('(') {
        Some((_, place)) => place.trim_end_matches(')'),
        None => frame.rsplit(' ').next()?,
    };
    let place = place.strip_prefix("file://").unwrap_or(place);
    whole(place)
}

/// Whether this may be a path.
fn plain(path: &str) -> bool {
    !path.is_empty() && !path.starts_with(' ') && !path.contains(['"', '\'', '<', '>', '|', '\t', '(', '='])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_a_path_and_a_line() {
        let at = |path, line| Location { path, line };
        assert_eq!(leading("a.c:2:11: error: x"), Some((at("a.c", 2), Some(11), " error: x")));
        assert_eq!(leading("a.py:3: error: x"), Some((at("a.py", 3), None, " error: x")));
        assert_eq!(leading("a.ts:1:7 - error"), Some((at("a.ts", 1), Some(7), " - error")));
        for none in ["", ":", "a", "a:", "a:b", ":1:2", "a:1x", "12:30", " a:1: x", "a:99999999999999999999:1: x"] {
            assert_eq!(leading(none).filter(|(at, ..)| at.path != "12"), None, "{none}");
        }
        assert_eq!(whole("a/b.rs:18:9"), Some(at("a/b.rs", 18)));
        assert_eq!(whole("a/b.rs:18"), Some(at("a/b.rs", 18)));
        assert_eq!(whole("node:internal/timers:483:21"), Some(at("node:internal/timers", 483)));
        assert_eq!(in_parentheses("src/a.ts(1,7): error TS1: x"), Some((at("src/a.ts", 1), "error TS1: x")));
        assert_eq!(of_python("  File \"/x/a.py\", line 7, in f"), Some(at("/x/a.py", 7)));
        assert_eq!(of_stack("    at Object.toBe (t/a.js:4:50)"), Some(at("t/a.js", 4)));
        assert_eq!(of_stack(" ❯ v/a.mjs:4:46"), Some(at("v/a.mjs", 4)));
        assert_eq!(of_stack("at async f (/x/a.js:4:5) {"), Some(at("/x/a.js", 4)));
        assert_eq!(of_stack("  › file://a/math.mjs:3:31"), Some(at("a/math.mjs", 3)));
    }
}
