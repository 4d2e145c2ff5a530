//! Finds what looks like a credential, in texts and in files.
//!
//! Only forms with a fixed and distinctive shape are listed (`table`). A rule that reports every long word would be
//! switched off. Files are read as bytes: a NUL, UTF-16 or an attribute hides nothing. What is compressed or encrypted is
//! not read.

mod blot;
mod known;
mod table;

use std::borrow::Cow;

pub use blot::{Blots, BlottedStream};
pub use known::KnownSecrets;
use table::Table;

/// The most findings in one file. One is enough to refuse it.
const MOST: usize = 20;

/// Something in a file that looks like a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSecret {
    /// The line in the file, from 1.
    pub line: u64,
    /// Its bytes, to compare them with what was there before. Never shown.
    value: Vec<u8>,
    pub kind: Kind,
}

impl FoundSecret {
    /// Whether the text holds the same credential.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        position(text, &self.value).is_some()
    }
}

/// What a credential was recognised by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Its shape: the name of the rule.
    Shape(&'static str),
    /// It is the value of this variable.
    Variable(String),
}

/// `text` with everything that looks like a credential replaced.
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end, _) in ranges(text.as_bytes(), usize::MAX) {
        // The patterns know bytes. What they find within a character is shown.
        if start >= at && text.is_char_boundary(start) && text.is_char_boundary(end) {
            out.push_str(&text[at..start]);
            out.push_str("[redacted]");
        }
        at = at.max(end);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    out.push_str(&text[at..]);
    out
}

/// What looks like a credential in a file or a name, in the order of its lines.
pub fn scan(bytes: &[u8], known: &KnownSecrets) -> Vec<FoundSecret> {
    let bytes = without_nul(bytes);
    let shapes = ranges(&bytes, MOST).into_iter().map(|(start, end, kind)| (start, end, Kind::Shape(kind)));
    let values = known.find(&bytes, MOST).into_iter();
    let values = values.map(|(start, end, name)| (start, end, Kind::Variable(name.to_owned())));
    // A value that is known is named by its variable.
    let mut all: Vec<_> = values.chain(shapes).collect();
    all.sort_by_key(|(start, ..)| *start);
    let mut found: Vec<FoundSecret> = Vec::new();
    let (mut line, mut counted, mut covered) = (1, 0, 0);
    for (start, end, kind) in all {
        if start < covered {
            continue;
        }
        line += bytes[counted..start].split(|byte| *byte == b'\n').skip(1).count() as u64;
        (counted, covered) = (start, end);
        found.push(FoundSecret { line, value: bytes[start..end].to_vec(), kind });
    }
    found.truncate(MOST);
    found
}

/// The bytes without NUL. In UTF-16 and UTF-32, with or without a mark at the beginning, the characters of a token are
/// those of ASCII with NUL between them.
pub(super) fn without_nul(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.contains(&0) {
        Cow::Owned(bytes.iter().copied().filter(|byte| *byte != 0).collect())
    } else {
        Cow::Borrowed(bytes)
    }
}

/// What looks like a credential: byte ranges in their order, and kinds.
fn ranges(text: &[u8], most: usize) -> Vec<(usize, usize, &'static str)> {
    let rules = Table::get().rules_for(text);
    let mut found: Vec<_> = rules
        .into_iter()
        .flat_map(|rule| rule.find(text, most).into_iter().map(|(start, end)| (start, end, rule.kind.as_str())))
        .chain(private_keys(text, most))
        .collect();
    // Of two rules for one place, the longer finding counts, and our own before an imported one.
    found.sort_by_key(|(start, end, _)| (*start, usize::MAX - end));
    found.dedup_by(|later, earlier| later.0 < earlier.1 && later.1 <= earlier.1);
    found
}

/// Blocks of private keys, to their end or to the end of the text.
fn private_keys(text: &[u8], most: usize) -> Vec<(usize, usize, &'static str)> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut found = Vec::new();
    let mut at = 0;
    while found.len() < most
        && let Some(start) = position(&text[at..], BEGIN).map(|start| at + start)
    {
        at = start + BEGIN.len();
        let label = text[at..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        if label.trim_ascii_end().ends_with(b"PRIVATE KEY-----") {
            let end = position(&text[at..], b"-----END ").map_or(text.len(), |end| {
                let line = at + end;
                position(&text[line..], b"\n").map_or(text.len(), |rest| line + rest)
            });
            found.push((start, end, "a private key"));
            at = end;
        }
    }
    found
}

fn position(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
#[path = "secrets/tests.rs"]
mod tests;
