//! The patterns by which workflows filter branches, tags and paths.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet>

/// Whether a name passes a list of patterns. The last matching pattern decides, and `!` excludes.
pub(crate) fn passes(patterns: &[String], name: &str) -> bool {
    let mut passed = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(not) if matches(not, name) => passed = false,
            None if matches(pattern, name) => passed = true,
            _ => {}
        }
    }
    passed
}

/// Whether a pattern matches a whole name.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let (pieces, name): (Vec<Piece>, Vec<char>) = (pieces(pattern), name.chars().collect());
    // The positions in the name at which a match of the pieces so far may end.
    let mut ends = vec![false; name.len() + 1];
    ends[0] = true;
    for piece in &pieces {
        ends = piece.step(&ends, &name);
    }
    ends[name.len()]
}

/// A part of a pattern: the characters it matches, and how often.
struct Piece {
    takes: Takes,
    least: usize,
    many: bool,
}

enum Takes {
    /// One character.
    One(char),
    /// A character of a `[set]`, given as ranges.
    Set(Vec<(char, char)>),
    /// Any character except a slash.
    Part,
    /// Any character.
    Any,
}

impl Piece {
    fn step(&self, ends: &[bool], name: &[char]) -> Vec<bool> {
        let mut next = vec![false; ends.len()];
        for start in (0..ends.len()).filter(|at| ends[*at]) {
            let run = name[start..].iter().take_while(|c| self.takes(**c)).count();
            let most = if self.many { run } else { run.min(1) };
            for taken in self.least..=most {
                next[start + taken] = true;
            }
        }
        next
    }

    fn takes(&self, c: char) -> bool {
        match &self.takes {
            Takes::One(one) => *one == c,
            Takes::Set(ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)),
            Takes::Part => c != '/',
            Takes::Any => true,
        }
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => pieces.push(Piece { takes: Takes::Any, least: 0, many: true }),
            '*' => pieces.push(Piece { takes: Takes::Part, least: 0, many: true }),
            '?' | '+' if !pieces.is_empty() => {
                if let Some(last) = pieces.last_mut() {
                    (last.least, last.many) = if c == '?' { (0, last.many) } else { (1, true) };
                }
            }
            '[' => {
                let set: String = rest.by_ref().take_while(|c| *c != ']').collect();
                pieces.push(Piece { takes: Takes::Set(ranges(&set)), least: 1, many: false });
            }
            '\\' => pieces.push(one(rest.next().unwrap_or('\\'))),
            c => pieces.push(one(c)),
        }
    }
    pieces
}

fn one(c: char) -> Piece {
    Piece { takes: Takes::One(c), least: 1, many: false }
}

fn ranges(set: &str) -> Vec<(char, char)> {
    let all: Vec<char> = set.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < all.len() {
        if let [from, '-', to, ..] = all[at..] {
            ranges.push((from, to));
            at += 3;
        } else {
            ranges.push((all[at], all[at]));
            at += 1;
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_of_githubs_cheat_sheet_match_what_it_says() {
        for (pattern, yes, no) in [
            ("feature/*", "feature/my-branch", "feature/beta-a/my-branch"),
            ("feature/**", "feature/beta-a/my-branch", "main"),
            ("*", "releases", "all/the/branches"),
            ("**", "all/the/branches", "\u{0}never"),
            ("*feature", "mona-feature", "feature-x"),
            ("v2*", "v2.9", "v1"),
            ("v[12].[0-9]+.[0-9]+", "v1.10.1", "v3.1.0"),
            ("*.jsx?", "page.js", "page.jsxx"),
            ("docs/**", "docs/mona/octocat.txt", "a/docs/x"),
            ("**/docs/**", "dir/docs/my-file.txt", "docs2/x"),
        ] {
            assert!(matches(pattern, yes), "{pattern} is {yes}");
            assert!(no.starts_with('\0') || !matches(pattern, no), "{pattern} is not {no}");
        }
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let patterns = ["releases/**", "!releases/**-alpha", "releases/9-alpha"].map(str::to_owned);
        assert!(passes(&patterns, "releases/10"));
        assert!(!passes(&patterns, "releases/10-alpha"));
        assert!(passes(&patterns, "releases/9-alpha"));
        assert!(!passes(&patterns, "main"));
    }
}
