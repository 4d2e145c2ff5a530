//! Shortens the output of a run and makes it safe to show.

use std::collections::VecDeque;

use crate::workspace::secrets;

const KEPT_BYTES: usize = 64 * 1024;
const SHOWN_LINES: usize = 60;
const SHOWN_BYTES: usize = 8 * 1024;

/// The last bytes of a stream.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        let chunk = &chunk[chunk.len().saturating_sub(KEPT_BYTES)..];
        let excess = (self.bytes.len() + chunk.len()).saturating_sub(KEPT_BYTES);
        self.bytes.drain(..excess);
        self.bytes.extend(chunk);
    }

    pub(super) fn text(self) -> String {
        plain_tail(&Vec::from(self.bytes))
    }
}

/// The last lines of a program's output as plain text: lossy UTF-8, without terminal sequences, control and direction
/// characters, and with secrets replaced. At most 60 lines and 8 KiB.
pub fn plain_tail(bytes: &[u8]) -> String {
    let text = plain(&String::from_utf8_lossy(bytes));
    let lines: Vec<&str> = text.trim_end().lines().map(overwritten).collect();
    let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
    // Secrets are replaced before the cut, so that a cut through a secret cannot hide it.
    let shown = secrets::redact(&shown);
    let mut start = shown.len().saturating_sub(SHOWN_BYTES);
    while !shown.is_char_boundary(start) {
        start += 1;
    }
    shown[start..].to_owned()
}

/// Output as plain text with `\n` line ends: lossy UTF-8, without terminal sequences, control and direction characters.
/// Secrets are still in it.
pub fn plain_text(bytes: &[u8]) -> String {
    let text = plain(&String::from_utf8_lossy(bytes));
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        out.push_str(overwritten(line));
        out.push('\n');
    }
    out
}

/// A progress bar overwrites its line repeatedly. The final text is after the last carriage return.
fn overwritten(line: &str) -> &str {
    line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default()
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                // A control sequence ends with a byte from @ to ~ (ECMA-48, 5.4).
                Some('[') => while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {},
                // An operating system command ends with BEL or ESC \.
                Some(']') => {
                    while let Some(c) = chars.next() {
                        if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\n' | '\t' | '\r' => out.push(c),
            // Direction characters can make a line look different from what it is.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_progress_bars_leave_plain_text() {
        let seen = plain_tail(b"\x1b[31mred\x1b[0m\n 10%\r 50%\r100%\r\n\x1b]0;title\x07done\x00\xff\n");
        assert_eq!(seen, "red\n100%\ndone\u{fffd}");
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = Tail::default();
        for n in 0..100_000 {
            tail.push(format!("line {n}\n").as_bytes());
        }
        let text = tail.text();
        assert!(text.ends_with("line 99999"));
        assert_eq!(text.lines().count(), SHOWN_LINES);
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        assert!(plain_tail("é".repeat(10_000).as_bytes()).len() <= SHOWN_BYTES);
    }
}
