//! Lines in a diff: the hunk of a review comment, its position, and where a line moved.

use crate::state::Side;

/// The hunk of `patch` from its header to the commented line; `None` if the line is not in the diff.
/// <https://docs.github.com/en/rest/pulls/comments#create-a-review-comment-for-a-pull-request>
pub(crate) fn up_to_line(patch: &str, line: u64, side: Side) -> Option<String> {
    let mut shown: Vec<&str> = Vec::new();
    let (mut old, mut new) = (0, 0);
    for text in patch.lines() {
        if let Some((old_start, new_start)) = header(text) {
            shown.clear();
            shown.push(text);
            (old, new) = (old_start, new_start);
            continue;
        }
        shown.push(text);
        let (in_old, in_new) = match text.as_bytes().first() {
            Some(b'+') => (false, true),
            Some(b'-') => (true, false),
            Some(b'\\') => (false, false),
            _ => (true, true),
        };
        let here = match side {
            Side::Left => in_old && old == line,
            Side::Right => in_new && new == line,
        };
        if here {
            return Some(shown.join("\n"));
        }
        old += u64::from(in_old);
        new += u64::from(in_new);
    }
    None
}

/// The line and side at a position: the n-th line below the patch's first header.
pub(crate) fn line_at(patch: &str, position: usize) -> Option<(u64, Side)> {
    let (mut old, mut new) = (0, 0);
    for (at, text) in patch.lines().enumerate().take(position + 1) {
        if let Some(starts) = header(text) {
            (old, new) = starts;
            continue;
        }
        let first = text.as_bytes().first();
        if at == position && first != Some(&b'\\') {
            return Some(if first == Some(&b'-') { (old, Side::Left) } else { (new, Side::Right) });
        }
        old += u64::from(!matches!(first, Some(b'+' | b'\\')));
        new += u64::from(!matches!(first, Some(b'-' | b'\\')));
    }
    None
}

/// The position of a line, counted as in [`line_at`]; `None` if it is not in the diff.
pub(crate) fn position_of(patch: &str, line: u64, side: Side) -> Option<usize> {
    (1..patch.lines().count()).find(|position| {
        // A line of context is on both sides.
        let is_here = line_at(patch, *position) == Some((line, side));
        is_here || (side == Side::Left && context_at(patch, *position) == Some(line))
    })
}

/// The old number of the unchanged line at a position.
fn context_at(patch: &str, position: usize) -> Option<u64> {
    let (mut old, mut here) = (0, None);
    for (at, text) in patch.lines().enumerate().take(position + 1) {
        here = None;
        if let Some((start, _)) = header(text) {
            old = start;
            continue;
        }
        match text.as_bytes().first() {
            Some(b'+' | b'\\') => {}
            Some(b'-') => old += 1,
            _ => {
                here = (at == position).then_some(old);
                old += 1;
            }
        }
    }
    here
}

/// The number in the new file of a line of the old file; `None` if the line was changed or removed.
pub(crate) fn follow(patch: &str, line: u64) -> Option<u64> {
    let (mut old, mut new, mut shift) = (0, 0, 0_i64);
    for text in patch.lines() {
        if let Some((old_start, new_start)) = header(text) {
            // For an addition only, git names the line before it; for a removal only, the line that stays.
            if line < old_start {
                break;
            }
            (old, new) = (old_start, new_start);
            continue;
        }
        match text.as_bytes().first() {
            Some(b'+') => {
                new += 1;
                shift += 1;
            }
            Some(b'-') => {
                if old == line {
                    return None;
                }
                old += 1;
                shift -= 1;
            }
            Some(b'\\') => {}
            _ => {
                if old == line {
                    return Some(new);
                }
                (old, new) = (old + 1, new + 1);
            }
        }
    }
    line.checked_add_signed(shift)
}

/// The first hunk's header, for a comment on the whole file.
pub(crate) fn first_header(patch: &str) -> &str {
    patch.lines().next().unwrap_or_default()
}

/// The two start lines of `@@ -a,b +c,d @@`.
fn header(text: &str) -> Option<(u64, u64)> {
    let ranges = text.strip_prefix("@@ -")?;
    let (old, rest) = ranges.split_once(" +")?;
    let start = |range: &str| range.split(',').next()?.trim().parse().ok();
    Some((start(old)?, start(rest.split(' ').next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n@@ -10 +10,2 @@ fn late()\n ten\n+eleven";

    #[test]
    fn the_hunk_ends_at_the_commented_line() {
        assert_eq!(up_to_line(PATCH, 2, Side::Right).as_deref(), Some("@@ -1,3 +1,3 @@\n one\n-two\n+zwei"));
        assert_eq!(up_to_line(PATCH, 2, Side::Left).as_deref(), Some("@@ -1,3 +1,3 @@\n one\n-two"));
        assert_eq!(up_to_line(PATCH, 11, Side::Right).as_deref(), Some("@@ -10 +10,2 @@ fn late()\n ten\n+eleven"));
    }

    #[test]
    fn a_position_counts_from_the_first_header() {
        assert_eq!(line_at(PATCH, 2), Some((2, Side::Left)));
        assert_eq!(line_at(PATCH, 3), Some((2, Side::Right)));
        assert_eq!(line_at(PATCH, 7), Some((11, Side::Right)));
        assert_eq!(line_at(PATCH, 0), None);
        assert_eq!(line_at(PATCH, 8), None);
    }

    #[test]
    fn a_position_is_found_again_from_its_line() {
        for (position, (line, side)) in
            [(1, (1, Side::Right)), (2, (2, Side::Left)), (3, (2, Side::Right)), (7, (11, Side::Right))]
        {
            assert_eq!(position_of(PATCH, line, side), Some(position));
        }
        assert_eq!(position_of(PATCH, 3, Side::Left), Some(4));
        assert_eq!(position_of(PATCH, 7, Side::Right), None);
    }

    #[test]
    fn a_line_is_followed_past_what_changed_before_it_and_lost_where_it_changed_itself() {
        for (line, to) in [(1, Some(1)), (2, None), (3, Some(3)), (7, Some(7)), (10, Some(10)), (20, Some(21))] {
            assert_eq!(follow(PATCH, line), to, "{line}");
        }
        let added_on_top = "@@ -1,2 +1,3 @@\n+zero\n one\n two";
        assert_eq!((follow(added_on_top, 1), follow(added_on_top, 9)), (Some(2), Some(10)));
        assert_eq!(follow("", 5), Some(5));
    }

    #[test]
    fn a_line_outside_the_diff_has_no_hunk() {
        assert_eq!(up_to_line(PATCH, 7, Side::Right), None);
        assert_eq!(up_to_line(PATCH, 11, Side::Left), None);
    }
}
