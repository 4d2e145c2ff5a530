//! Blots the values of variables out of a text or a stream, before anybody else can read them.
//!
//! A value may come in two pieces, so what might be the beginning of one is held back until it is known what follows. No more
//! than one value's length is ever held.

use std::fmt;

use regex::bytes::Regex;

use super::known::{any_of, forms, is_secret};

/// Shorter values are switches and words of every text.
const SHORTEST: usize = 8;
/// What stands in the place of a value.
const BLOT: &[u8] = b"[redacted]";

/// Values that nobody may read. Its `Debug` shows none.
#[derive(Clone, Default)]
pub struct Blots {
    /// The forms in which they could be written, the longest first.
    forms: Vec<Vec<u8>>,
    pattern: Option<Regex>,
}

impl fmt::Debug for Blots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Blots").finish_non_exhaustive()
    }
}

impl Blots {
    /// The variables of a run, by name. What is an address, a path or the name of a model stays readable.
    pub fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let secrets = variables.into_iter().filter(|(name, value)| is_secret(name, value, SHORTEST));
        let mut forms: Vec<Vec<u8>> = secrets.flat_map(|(_, value)| forms(value)).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let pattern = (!forms.is_empty()).then(|| any_of(&forms)).flatten();
        Self { forms, pattern }
    }

    /// A text without the values.
    pub fn text(&self, text: &str) -> String {
        let mut stream = BlottedStream::new(self.clone());
        let mut blotted = stream.push(text.as_bytes());
        blotted.extend(stream.end());
        String::from_utf8(blotted).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// How many of the last bytes may be the beginning of a value.
    fn begun(&self, bytes: &[u8]) -> usize {
        let longest = self.forms.first().map_or(0, Vec::len).saturating_sub(1);
        let begins = |length: &usize| {
            let end = &bytes[bytes.len() - length..];
            self.forms.iter().any(|form| form.len() > *length && form.starts_with(end))
        };
        (1..=longest.min(bytes.len())).rev().find(begins).unwrap_or(0)
    }
}

/// A stream without the values.
#[derive(Debug)]
pub struct BlottedStream {
    blots: Blots,
    held: Vec<u8>,
}

impl BlottedStream {
    pub fn new(blots: Blots) -> Self {
        Self { blots, held: Vec::new() }
    }

    /// Takes the next piece, and gives what may be read by now.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let safe = self.held.len() - self.blots.begun(&self.held);
        self.release(safe)
    }

    /// What was held back, at the end of the stream.
    pub fn end(&mut self) -> Vec<u8> {
        self.release(self.held.len())
    }

    /// Gives what begins before `safe`; a value that begins there is complete.
    fn release(&mut self, safe: usize) -> Vec<u8> {
        let (mut out, mut at) = (Vec::with_capacity(safe), 0);
        if let Some(pattern) = &self.blots.pattern {
            for found in pattern.find_iter(&self.held).take_while(|found| found.start() < safe) {
                out.extend_from_slice(&self.held[at..found.start()]);
                out.extend_from_slice(BLOT);
                at = found.end();
            }
        }
        let until = safe.max(at);
        out.extend_from_slice(&self.held[at..until]);
        self.held.drain(..until);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    const VALUE: &str = "correct/horse+battery";

    fn blots() -> Blots {
        Blots::new([
            ("MODEL_KEY", VALUE),
            ("SHORT_TOKEN", "s3cr3t-x"),
            ("MODE", "on"),
            ("BASE_URL", "https://acme.io/v1"),
        ])
    }

    fn in_pieces(text: &str, size: usize) -> String {
        let mut stream = BlottedStream::new(blots());
        let mut out: Vec<u8> = text.as_bytes().chunks(size).flat_map(|piece| stream.push(piece)).collect();
        out.extend(stream.end());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_value_is_blotted_out_in_every_form_and_however_it_is_split() {
        let text = format!(
            "key {VALUE}{VALUE}; s3cr3t-x; {}; {}; {} on https://acme.io/v1",
            STANDARD.encode(format!("user:{VALUE}")),
            "correct%2Fhorse%2Bbattery",
            hex::encode(VALUE),
        );
        for size in 1..text.len() {
            let blotted = in_pieces(&text, size);
            assert!(blotted.starts_with("key [redacted][redacted]; [redacted]; "), "{size}: {blotted}");
            assert!(blotted.ends_with("; [redacted]; [redacted] on https://acme.io/v1"), "{size}: {blotted}");
            assert!(
                !blotted.contains("horse") && !blotted.contains(&STANDARD.encode(VALUE)[4..16]),
                "{size}: {blotted}"
            );
        }
        assert_eq!(blots().text(&text), in_pieces(&text, 1));
    }

    #[test]
    fn what_only_begins_like_a_value_is_given_as_it_came() {
        let mut stream = BlottedStream::new(blots());
        assert_eq!(stream.push(b"correct"), b"", "it may become one");
        assert_eq!(stream.push(b"/horses run, cor"), b"correct/horses run, ");
        assert_eq!(stream.end(), b"cor");
        assert_eq!(BlottedStream::new(Blots::default()).push(b"correct"), b"correct");
    }

    #[test]
    fn a_value_that_begins_another_one_leaves_nothing_of_the_longer_one() {
        let blots = Blots::new([("A_KEY", "abcdefgh"), ("B_KEY", "abcdefghijkl")]);
        let mut stream = BlottedStream::new(blots);
        let mut out = stream.push(b"x abcdefgh");
        out.extend(stream.push(b"ijkl y"));
        out.extend(stream.end());
        assert_eq!(out, b"x [redacted] y");
    }
}
