//! Closing keywords: `Fixes #7` in a pull request's body or a commit's message.
//! <https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue>

const KEYWORDS: [&str; 9] = ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

/// The numbers that a text closes in its own repository: a keyword, an optional colon, then `#n`, or `owner/name#n` of
/// this repository. `full_name` is `owner/name`.
pub(crate) fn closed_by(text: &str, full_name: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    let words: Vec<&str> = text.split_whitespace().collect();
    for pair in words.windows(2) {
        let keyword = pair[0].trim_start_matches(|c: char| !c.is_alphanumeric()).trim_end_matches(':').to_lowercase();
        if !KEYWORDS.contains(&keyword.as_str()) {
            continue;
        }
        if let Some(number) = reference(pair[1], full_name)
            && !numbers.contains(&number)
        {
            numbers.push(number);
        }
    }
    numbers
}

fn reference(word: &str, full_name: &str) -> Option<u64> {
    let (repository, rest) = word.split_once('#')?;
    if !repository.is_empty() && !repository.eq_ignore_ascii_case(full_name) {
        return None;
    }
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, tail) = rest.split_at(digits);
    // `#7th` is no reference; `#7.` and `#7,` are.
    if tail.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyword_closes_in_any_case_and_with_a_colon() {
        for keyword in KEYWORDS {
            assert_eq!(closed_by(&format!("{} #12", keyword.to_uppercase()), "acme/widgets"), [12]);
            assert_eq!(closed_by(&format!("{keyword}: #12."), "acme/widgets"), [12]);
        }
    }

    #[test]
    fn a_mention_without_a_keyword_closes_nothing() {
        assert!(closed_by("Part of #3, see #4; prefixes #5", "acme/widgets").is_empty());
        assert!(closed_by("closes #7th", "acme/widgets").is_empty());
    }

    #[test]
    fn only_this_repository_is_meant() {
        assert_eq!(closed_by("Fixes acme/Widgets#8 and fixes other/thing#9", "acme/widgets"), [8]);
    }

    #[test]
    fn several_references_each_need_their_keyword() {
        assert_eq!(closed_by("Closes #1, closes #2, #3 and closes #1", "acme/widgets"), [1, 2]);
    }
}
