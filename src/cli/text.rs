//! Text for a terminal. It contains no control sequences, and its columns are aligned.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::Value;

use adjutant_domain::text::visible;

/// A text by people or agents as one line, with control and invisible characters escaped.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => plain.push_str("\\n"),
            '\t' => plain.push(' '),
            c if visible(c.encode_utf8(&mut [0; 4])).is_empty() || c == '\r' => plain.extend(c.escape_unicode()),
            c => plain.push(c),
        }
    }
    plain
}

/// The same, cut to this many characters.
pub(super) fn cut(text: &str, chars: usize) -> String {
    let plain = plain(text);
    if plain.chars().count() <= chars {
        return plain;
    }
    plain.chars().take(chars.saturating_sub(1)).chain(['…']).collect()
}

/// A point in time, to the second.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// How long ago something was, in its largest unit.
pub(super) fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Rows in columns as wide as needed. The last column is not padded.
pub(super) fn table(rows: &[Vec<String>], indent: &str) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A JSON value for people: a text without its quotes, an object as pairs.
pub(super) fn said(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let known = fields.iter().filter(|(_, value)| !value.is_null());
            known.map(|(name, value)| format!("{}={}", plain(name), said(value))).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_foreign_text_contains_control_sequences_for_the_terminal() {
        let evil = "a\u{1b}[2Jb\u{9b}31mc\rd\ne\u{202e}f\u{7}\tg";
        assert_eq!(plain(evil), "a\\u{1b}[2Jb\\u{9b}31mc\\u{d}d\\ne\\u{202e}f\\u{7} g");
        assert!(said(&serde_json::json!({ "why": evil, evil: [evil] })).chars().all(|c| !c.is_control()));
    }

    #[test]
    fn a_long_text_is_cut_with_a_sign() {
        assert_eq!(cut("Lengths", 7), "Lengths");
        assert_eq!(cut("Lengths!", 7), "Length…");
    }

    #[test]
    fn columns_stand_in_line() {
        let rows = [["a", "bb", "c"], ["aaa", "b", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows, "> "), "> a    bb  c\n> aaa  b\n");
    }
}
