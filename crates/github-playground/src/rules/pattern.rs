//! Patterns for ref names in rulesets.
//!
//! <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/creating-rulesets-for-a-repository#using-fnmatch-syntax>

/// Whether a ruleset's conditions include this full ref name. `~DEFAULT_BRANCH` and `~ALL` are GitHub's keywords.
/// Everything else is a pattern for the full name, in which `*` does not match a slash, and `**` between slashes does.
pub(crate) fn matches_ref(include: &[String], exclude: &[String], name: &str, default_branch: &str) -> bool {
    let named = |pattern: &String| match pattern.as_str() {
        "~ALL" => true,
        "~DEFAULT_BRANCH" => name.strip_prefix("refs/heads/") == Some(default_branch),
        pattern => fnmatch(pattern.as_bytes(), name.as_bytes()),
    };
    include.iter().any(named) && !exclude.iter().any(named)
}

/// `File.fnmatch` with `File::FNM_PATHNAME`.
pub(crate) fn fnmatch(pattern: &[u8], text: &[u8]) -> bool {
    if let Some(rest) = pattern.strip_prefix(b"**/") {
        return fnmatch(rest, text)
            || text.iter().enumerate().any(|(at, byte)| *byte == b'/' && fnmatch(rest, &text[at + 1..]));
    }
    let Some((&first, rest)) = pattern.split_first() else { return text.is_empty() };
    match first {
        b'*' => {
            let reach = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
            let rest = if rest.first() == Some(&b'*') { &rest[1..] } else { rest };
            (0..=reach).any(|taken| fnmatch(rest, &text[taken..]))
        }
        b'?' => text.split_first().is_some_and(|(byte, left)| *byte != b'/' && fnmatch(rest, left)),
        b'[' => class(rest, text),
        b'\\' if !rest.is_empty() => text.first() == rest.first() && fnmatch(&rest[1..], &text[1..]),
        _ => text.first() == Some(&first) && fnmatch(rest, &text[1..]),
    }
}

/// `[a-c]`, `[!x]`, `[^x]`.
fn class(pattern: &[u8], text: &[u8]) -> bool {
    let (Some(end), Some((&byte, left))) = (pattern.iter().position(|byte| *byte == b']'), text.split_first()) else {
        return false;
    };
    let negated = matches!(pattern.first(), Some(b'!' | b'^'));
    let members = &pattern[usize::from(negated)..end];
    let ranged = members.windows(3).any(|three| three[1] == b'-' && (three[0]..=three[2]).contains(&byte));
    byte != b'/' && (ranged || members.contains(&byte)) != negated && fnmatch(&pattern[end + 1..], left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_what_github_says_it_names() {
        for (pattern, name, wanted) in [
            ("refs/heads/main", "refs/heads/main", true),
            ("refs/heads/main", "refs/heads/maine", false),
            ("refs/heads/*", "refs/heads/feature", true),
            ("refs/heads/*", "refs/heads/feature/x", false),
            ("refs/heads/release/**/*", "refs/heads/release/2/0", true),
            ("refs/heads/release/**/*", "refs/heads/release/2", true),
            ("refs/heads/**/*", "refs/heads/a/b/c", true),
            ("refs/heads/v[0-9].?", "refs/heads/v2.x", true),
            ("refs/heads/v[!0-9]", "refs/heads/v2", false),
            ("refs/heads/[", "refs/heads/[", false),
            ("refs/heads/a\\*", "refs/heads/a*", true),
            ("~ALL", "refs/heads/anything", true),
            ("~DEFAULT_BRANCH", "refs/heads/main", true),
            ("~DEFAULT_BRANCH", "refs/heads/other", false),
            ("", "refs/heads/main", false),
        ] {
            assert_eq!(matches_ref(&[pattern.to_owned()], &[], name, "main"), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn excluded_refs_do_not_match_and_without_included_refs_none_matches() {
        let all = ["~ALL".to_owned()];
        assert!(!matches_ref(&all, &["refs/heads/free/*".to_owned()], "refs/heads/free/x", "main"));
        assert!(!matches_ref(&[], &[], "refs/heads/main", "main"));
    }
}
