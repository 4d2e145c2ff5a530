//! Small pieces of lines that several formats share.

/// A number that is the whole of `text`.
pub(super) fn number(text: &str) -> Option<u64> {
    digits(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// The number at the beginning, with the rest. A number that does not fit is none.
pub(super) fn digits(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The counts in a list such as `3 failed, 2 passed | 1 skipped`, each with its word.
pub(super) fn amounts(text: &str) -> impl Iterator<Item = (u32, &str)> {
    text.split([',', ';', '|']).filter_map(|part| {
        let (number, rest) = digits(part.trim())?;
        let word = rest.strip_prefix(' ')?.trim_start().split(' ').next()?;
        Some((u32::try_from(number).ok()?, word))
    })
}

/// The counts in a list such as `Tests run: 4, Failures: 1`, each with its words.
pub(super) fn labelled(text: &str) -> impl Iterator<Item = (&str, u32)> {
    text.split(',').filter_map(|part| {
        let (label, value) = part.split_once(':').or_else(|| part.split_once('='))?;
        let number = number(value.trim().trim_end_matches(['.', ')']))?;
        Some((label.trim(), u32::try_from(number).ok()?))
    })
}

/// The sum of the counts whose word is one of `words`; `None` where none is there.
pub(super) fn sum_of<'a>(amounts: impl Iterator<Item = (u32, &'a str)>, words: &[&str]) -> Option<u32> {
    let counted = amounts.filter(|(_, word)| words.contains(word)).map(|(number, _)| number);
    counted.reduce(u32::saturating_add)
}

/// `text` without a time at its end, such as `(7 ms)`, `(0.00s)` or ` 3ms`.
pub(super) fn untimed(text: &str) -> &str {
    let text = text.trim_end();
    let bare = match text.rsplit_once(' ') {
        Some((before, last)) if is_time(last.trim_start_matches('(').trim_end_matches(')')) => before,
        // `(7 ms)` has a space.
        Some((before, "ms)" | "s)")) => match before.rsplit_once(" (") {
            Some((name, time)) if is_amount(time) => name,
            _ => text,
        },
        _ => text,
    };
    bare.trim_end()
}

fn is_time(text: &str) -> bool {
    ["ms", "s"].iter().any(|unit| text.strip_suffix(unit).is_some_and(is_amount))
}

fn is_amount(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// How many spaces `line` begins with.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_with_their_words() {
        let all: Vec<_> = amounts("1 failed, 2 passed | 1 skipped (4); 99999999999 lost, x").collect();
        assert_eq!(all, [(1, "failed"), (2, "passed"), (1, "skipped")]);
        let all: Vec<_> = labelled("Tests run: 4, Failures: 1, Errors: x, failures=2.").collect();
        assert_eq!(all, [("Tests run", 4), ("Failures", 1), ("failures", 2)]);
    }

    #[test]
    fn a_time_is_no_part_of_a_name() {
        for (text, name) in [
            ("adds (7 ms)", "adds"),
            ("adds (0.00s)", "adds"),
            ("adds 3ms", "adds"),
            ("adds (1.75778ms)", "adds"),
            ("adds three", "adds three"),
            ("adds (it ms)", "adds (it ms)"),
            ("adds as", "adds as"),
            ("", ""),
        ] {
            assert_eq!(untimed(text), name);
        }
    }
}
